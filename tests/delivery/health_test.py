# SPDX-License-Identifier: ISC
"""The memory of hosts that fail, hang, break off or refuse our IPv6 address, and its effects."""
import os
import re
import shutil
import time

from exchangers import BlackHole, Exchanger
from nameservers import nsd
from programs import BUILD, Site, fresh_directory, run_client
from tap import check, main, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
six      MX 10 both
both     A 192.0.2.11
both     AAAA 2001:db8::11
six2     MX 10 both
only6    MX 10 just6
just6    AAAA 2001:db8::11
greet    MX 10 greets
greets   A 192.0.2.11
greets   AAAA 2001:db8::12
hole     MX 10 holed
holed    A 192.0.2.13
holed    AAAA 2001:db8::13
turns    MX 10 turning
turning  A 192.0.2.17
turning  AAAA 2001:db8::14
dead     MX 10 nobody
nobody   A 192.0.2.99
dead2    MX 10 nobody
backup   MX 10 nobody
backup   MX 20 good
good     A 192.0.2.14
breaks   MX 10 breaker
breaks   MX 20 good
breaker  A 192.0.2.15
last     MX 10 lasts
lasts    A 192.0.2.18
lasts    AAAA 2001:db8::15
gone     MX 10 says521
says521  A 192.0.2.16
"""})
REFUSAL = ("550-5.7.1 [2001:db8::1] Our system has detected that this message does\r\n"
           "550-5.7.1 not meet IPv6 sending guidelines regarding PTR records and\r\n"
           "550 5.7.1 authentication. - gsmtp")
four = Exchanger("192.0.2.11", banner_s=0.6)
six = Exchanger("2001:db8::11", data=REFUSAL)
greets = Exchanger("2001:db8::12", greeting="554 5.7.25 no PTR record for your address")
good = Exchanger("192.0.2.14")
site = Site("site", settings="").listen()
SOON = ("-o", "queue.retry-min=2s", "-o", "queue.retry-max=1h")


def send(domain, *options, count=1):
    site.send("bob@" + domain, count=count)
    return site.relay(*options)


def state(address):
    """The fields of address in state/hosts, by the names in its first line."""
    head, *lines = site.hosts().splitlines()
    names = re.sub(r"\(.*?\)", "", head).split()[1:]
    for line in lines:
        if line.startswith(address + " "):
            return dict(zip(names, line.split()))
    return None


def tool_hosts(*options):
    return run_client([BUILD + "/smtp-queue", "-c", site.config, *options, "hosts"]).decode()


def clear():
    shutil.rmtree(site.queue + "/state/waiting", ignore_errors=True)
    for path in site.queued():
        os.unlink(path)


@test("a refusal of our IPv6 address: the same mail goes over IPv4 at once; the log reports it")
def _():
    send("six.example.org")
    same([len(four.messages), site.queued()], [1, []], site.queue_text(), site.log())
    same(six.connections, 1)
    check(re.search(r"moved destination=six.example.org family=ipv4 .*IPv6 sending guidelines",
                    site.log()), site.log())


@test("the refusal is remembered, also for other domains of the host: no second try over IPv6")
def _():
    send("six.example.org", count=3)
    send("six2.example.org")
    same([len(four.messages), six.connections, site.queued()], [5, 1, []], site.log())
    check("not tried" not in site.log())
    text = site.explain("bob@six2.example.org")
    check("IPv4 only until" in text, text)


@test("a host without IPv4: the refusal is final")
def _():
    os.unlink(site.queue + "/state/hosts")
    had = len(site.mailbox("alice"))
    send("only6.example.org")
    same(len(site.mailbox("alice")) - had, 1, site.log())
    check("Status: 5.7.1" in site.mailbox("alice")[-1].decode())


@test("a refusal of our IPv6 address in place of the greeting: over IPv4 at once")
def _():
    had = len(four.messages)
    send("greet.example.org")
    same([len(four.messages) - had, greets.connections, site.queued()], [1, 1, []], site.log())
    send("greet.example.org")
    same([len(four.messages) - had, greets.connections], [2, 1])


@test("after a refusal of our IPv6 address, it is the last resort if no IPv4 address takes mail")
def _():
    last4, last6 = Exchanger("192.0.2.18"), Exchanger("2001:db8::15", data=REFUSAL)
    send("last.example.org")
    same([len(last4.messages), last6.connections], [1, 1], site.log())
    last4.stop()
    last6.stop()
    cured = Exchanger("2001:db8::15")
    send("last.example.org")
    same([len(cured.messages), site.queued()], [1, []], site.queue_text(), site.log())


@test("RFC 8305 a silent IPv6 address costs no time beside an IPv4 address that answers")
def _():
    holed4 = Exchanger("192.0.2.13")
    hole = BlackHole("2001:db8::13")
    check(send("hole.example.org") < 5)
    same(len(holed4.messages), 1)
    check(state("192.0.2.13:25") and state("[2001:db8::13]:25")["failures"] == "0", site.hosts(),
          hole)


@test("the same with an IPv6 address that was the fastest and is silent now")
def _():
    fast6, slower4 = Exchanger("2001:db8::14"), Exchanger("192.0.2.17", banner_s=0.3)
    for _ in range(3):
        send("turns.example.org")
    same([len(fast6.messages), len(slower4.messages)], [3, 0], site.hosts())
    check(state("192.0.2.17:25"), "after the first mail both are measured", site.hosts())
    fast6.stop()
    hole = BlackHole("2001:db8::14")
    check(send("turns.example.org") < 10)
    same(len(slower4.messages), 1, hole)


@test("R146 a host that failed several times in a row is not dialled for a while")
def _():
    for _ in range(2):
        send("dead.example.org", *SOON)
        time.sleep(2.2)
    same([state("192.0.2.99:25")["failures"], len(site.queued("wait"))], ["2", 2], site.hosts())
    since = state("192.0.2.99:25")["since"]
    nobody = Exchanger("192.0.2.99")
    send("dead2.example.org", "-o", "queue.retry-min=1h", "-o", "queue.retry-max=2h")
    same(nobody.connections, 0, site.hosts(), site.log())
    text = site.queue_text()
    check("no exchanger was asked: nobody.example.org[192.0.2.99]:25 has failed since 2" in text
          and "next try at 2" in text, text)
    check("deferred" in site.log().splitlines()[-2] and "4.4.1" in site.log(), site.log())
    same(state("192.0.2.99:25")["since"], since)
    text = site.explain("bob@dead.example.org", "-o", "queue.retry-min=1h",
                        "-o", "queue.retry-max=2h")
    check(re.search(r"has failed since 2\S+Z: not tried before 2\S+Z", text)
          and "is kept and tried again later: every" in text, text)
    text = tool_hosts("-o", "queue.retry-min=1h", "-o", "queue.retry-max=2h")
    check(re.search(r"192\.0\.2\.99:25 .* has failed since 2\S+Z \(2 times\), paused until 2",
                    text),
          text)
    check(re.search(r"\[2001:db8::11\]:25 .* good", text)
          and re.search(r"\[2001:db8::12\]:25 .* IPv4 until 2", text), text)
    nobody.stop()


@test("R146 mail with a worse exchanger goes there at once, without the dead host")
def _():
    had = len(good.messages)
    send("backup.example.org", "-o", "queue.retry-min=1h", "-o", "queue.retry-max=2h")
    same([len(good.messages) - had, state("192.0.2.99:25")["failures"]], [1, "2"], site.log())


@test("R146 --flush dials the paused host; a success clears its failures")
def _():
    nobody = Exchanger("192.0.2.99")
    site.relay("--flush", "-o", "queue.retry-min=1h", "-o", "queue.retry-max=2h")
    same([len(nobody.messages), site.queued()], [3, []], site.log())
    same(state("192.0.2.99:25")["failures"], "0", site.hosts())
    nobody.stop()


@test("a host that broke off twice after the final dot: the next attempt begins at a worse one")
def _():
    breaker = Exchanger("192.0.2.15", data=lambda envelope: breaker.cut())
    had = len(good.messages)
    send("breaks.example.org", *SOON)
    same([len(site.queued("wait")), len(good.messages) - had], [1, 0], site.log())
    check(wait_for(lambda: site.relay(*SOON) and state("192.0.2.15:25")["broken"] == "2", 10, 0.5),
          site.hosts())
    same(len(site.queued("wait")), 1)
    check(wait_for(lambda: site.relay(*SOON) and not site.queued("wait"), 12, 0.5), site.hosts())
    same([site.queued(), len(good.messages) - had, breaker.connections], [[], 1, 2], site.hosts(),
         site.log())
    text = site.explain("bob@breaks.example.org", *SOON)
    check("takes mail and breaks off: tried after all others" in text)


@test("R144 521 in place of a greeting: returned; later mail is still tried")
def _():
    gone = Exchanger("192.0.2.16", greeting="521 5.3.2 no mail here")
    had = len(site.mailbox("alice"))
    for count in (1, 2, 3):
        send("gone.example.org", *SOON)
        same([len(site.mailbox("alice")) - had, gone.connections], [count, count], site.log())
        time.sleep(0.6)
    same(state("192.0.2.16:25")["failures"], "1", site.hosts())


@test("a failure of our own network does not count as a failure of the host")
def _():
    clear()
    before = site.hosts()
    for _ in range(2):
        send("six.example.org", *SOON, "-o", "relay.bind=203.0.113.9 2001:db8:9::1")
        time.sleep(2.2)
    same([len(site.queued("wait")), site.hosts()], [2, before], site.log()[-2000:])
    check("Cannot assign requested address" in site.queue_text(), site.queue_text())


@test("a success releases all mail that waits for the host, of all domains and of earlier runs")
def _():
    clear()
    os.unlink(site.queue + "/state/hosts")
    for domain in ("dead.example.org", "dead2.example.org"):
        send(domain, count=20)
    same(len(site.queued("wait")), 40)
    same(os.listdir(site.queue + "/state/waiting"), ["192.0.2.99:25"])
    back = Exchanger("192.0.2.99")
    send("dead.example.org")
    same([len(back.messages), site.queued()], [41, []], site.log()[-2000:])
    same(os.listdir(site.queue + "/state/waiting"), [])
    back.stop()


@test("a success releases mail that waited because of a fault of this end, such as its network")
def _():
    clear()
    back = Exchanger("192.0.2.99")
    send("dead.example.org")
    slow = ("-o", "queue.retry-min=1h", "-o", "queue.retry-max=2h")
    send("dead2.example.org", *slow, "-o", "relay.bind=203.0.113.9")
    same(len(site.queued("wait")), 1, site.log()[-2000:])
    check("this machine has no such address as bind in [relay]" in site.queue_text())
    send("dead.example.org", *slow)
    same([len(back.messages), site.queued()], [3, []], site.log()[-2000:])
    same(os.listdir(site.queue + "/state/waiting"), [])
    back.stop()


@test("the same of a host that was never reached, and the operator sees what waits for it")
def _():
    clear()
    if os.path.exists(site.queue + "/state/hosts"):
        os.unlink(site.queue + "/state/hosts")
    slow = ("-o", "queue.retry-min=1h", "-o", "queue.retry-max=2h")
    send("dead2.example.org", *slow, "-o", "relay.bind=203.0.113.9", count=2)
    site.relay("--flush", *slow, "-o", "relay.bind=203.0.113.9")
    same([len(site.queued("wait")), "192.0.2.99" in site.hosts()], [2, False], site.hosts())
    check(re.search(r"192\.0\.2\.99:25 .* never reached, as this machine failed; "
                    "2 messages wait for it", tool_hosts()), tool_hosts())
    check('"waiting":2,' in tool_hosts("--json"), tool_hosts("--json"))
    back = Exchanger("192.0.2.99")
    send("dead.example.org", *slow)
    same([len(back.messages), site.queued()], [3, []], site.log()[-2000:])
    check("wait for it" not in tool_hosts(), tool_hosts())
    back.stop()


@test("it does not release mail for another host, and nothing before the first success")
def _():
    send("dead.example.org")
    busy = Exchanger("192.0.2.99", greeting="421 4.3.2 too busy")
    send("dead2.example.org")
    send("hole.example.org")
    same(len(site.queued("wait")), 2, site.queue_text())
    same(os.listdir(site.queue + "/state/waiting"), ["192.0.2.99:25"])
    busy.stop()
    back = Exchanger("192.0.2.99")
    send("dead2.example.org")
    same([len(back.messages), len(site.queued("wait"))], [2, 1],
         "the one that was told to come back later does", site.log()[-2000:])
    back.stop()
    clear()


@test("--flush beside a runner that stays dials a paused host")
def _():
    os.unlink(site.queue + "/state/hosts")
    slow = ("-o", "queue.retry-min=1h", "-o", "queue.retry-max=2h")
    for _ in range(2):
        send("dead.example.org", *SOON)
        time.sleep(2.2)
    same(state("192.0.2.99:25")["failures"], "2", site.hosts())
    said = len(site.log())
    runner = site.watch(*slow)
    back = Exchanger("192.0.2.99")
    site.send("bob@dead2.example.org")
    # Wait for this recipient: the first message gets such a line too, while its worker is busy.
    check(wait_for(lambda: re.search(r"to=bob@dead2\.example\.org .*no exchanger was asked",
                                     site.log()[said:])), site.log()[-2000:])
    same(len(back.messages), 0)
    site.relay("--flush", *slow)
    check(wait_for(lambda: len(back.messages) == 3), site.log()[-2000:])
    check(wait_for(lambda: not site.queued()), site.queue_text())
    check(runner.poll() is None)
    site.runner.terminate()
    site.runner.wait(10)


main(site.keep_queue_note)
