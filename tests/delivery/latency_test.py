# SPDX-License-Identifier: ISC
"""The choice of the exchanger: preference, latency, memory, and dead exchangers."""
import os
import re
import time

from exchangers import BlackHole, Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
@       MX 10 slow
@       MX 10 fast
@       MX 10 middle
@       MX 20 backup
slow    A 192.0.2.11
fast    A 192.0.2.12
middle  A 192.0.2.13
backup  A 192.0.2.14
dead    MX 5 nobody
dead    MX 5 nobody6
dead    MX 10 fast
nobody  A 192.0.2.99
nobody6 AAAA 2001:db8::15
hole    MX 5 blackhole
hole    MX 5 fast
blackhole A 192.0.2.66
busy    MX 5 busy1
busy    MX 10 fast
busy1   A 192.0.2.15
closed  MX 5 closed1
closed  MX 10 fast
closed1 A 192.0.2.16
both    MX 10 two
two     A 192.0.2.17
two     AAAA 2001:db8::11
null    MX 0 .
six     MX 10 only6
only6   AAAA 2001:db8::12
pair    MX 10 near
pair    MX 10 far
near    A 192.0.2.18
far     A 192.0.2.19
"""})
slow, fast = Exchanger("192.0.2.11", banner_s=0.6), Exchanger("192.0.2.12", banner_s=0.05)
middle, backup = Exchanger("192.0.2.13", banner_s=0.25), Exchanger("192.0.2.14")
busy = Exchanger("192.0.2.15", greeting="421 4.3.2 too busy")
closed = Exchanger("192.0.2.16", greeting="554 5.3.2 no mail here")
two4, two6 = Exchanger("192.0.2.17", banner_s=0.5), Exchanger("2001:db8::11", banner_s=0.05)
only6 = Exchanger("2001:db8::12")
hole = BlackHole("192.0.2.66")
near = Exchanger("192.0.2.18", banner_s=0.001, reply_s=0.001)
far = Exchanger("192.0.2.19", banner_s=0.05, reply_s=0.05)
everyone = [slow, fast, middle, backup]
site = Site("site").listen()


def counts():
    return [len(e.messages) for e in everyone]


@test("R135 the fastest of the best level gets all mail, even if a worse level is faster")
def _():
    site.send("bob@example.org", count=20)
    site.relay()
    same(counts(), [0, 20, 0, 0], site.hosts())
    same(backup.connections, 0, "RFC 5321 section 5.1: the worse level is not even asked")
    same(site.queued(), [])


@test("the latencies are remembered in state/hosts: the next run asks the fastest only")
def _():
    check("192.0.2.12:25" in site.hosts(), site.hosts())
    before = [e.connections for e in everyone]
    site.send("bob@example.org", count=5)
    site.relay()
    same(counts(), [0, 25, 0, 0])
    after = [e.connections for e in everyone]
    same([a == b for a, b in zip(after, before)], [True, False, True, True], before, after,
         site.hosts())


def table(text):
    """The exchangers in the order of the table."""
    return re.findall(r"(?m)^ +\d+ +\d+ +(\w+)\.example\.org", text)


@test("--explain: the route, the exchangers in the order of attempts, the latencies")
def _():
    got = counts()
    text = site.explain("bob@example.org")
    same(table(text), ["fast", "middle", "slow", "backup"], text)
    check("192.0.2.12" in text and "mx" in text and re.search(r"\d ?ms", text), text)
    same([counts(), site.queued()], [got, []], "it sends nothing")


@test("--explain for mail that will bounce, stay or take another route")
def _():
    for address, word in (("bob@nowhere.example.org", "5.1.2"),
                          ("bob@null.example.org", "5.1.10"),
                          ("alice@sender.example", "/alice\n")):
        text = site.explain(address)
        check(word in text, text)
    text = site.explain("bob@smart.example",
                        "-o", "route smart.example.via=smtp://nowhere.example.org")
    check("4.4.3" in text and "bounces" not in text, text)
    text = site.explain("bob@smart.example", "-o", "route smart.example.via=smtp://192.0.2.12")
    check("no MX" not in text, text)


@test("V36 mx-order = latency: a faster exchanger of a worse level gets the mail")
def _():
    site.send("bob@example.org", count=5)
    site.relay("-o", "relay.mx-order=latency")
    same(counts(), [0, 25, 0, 5], site.hosts())
    text = site.explain("bob@example.org", "-o", "relay.mx-order=latency")
    same(table(text)[0], "backup", text)


@test("R143 the fastest dies: no message is lost or late, the next of its level gets them")
def _():
    fast.stop()
    had = len(middle.messages)
    site.send("bob@example.org", count=10)
    site.relay()
    same(len(middle.messages) - had, 10, counts(), site.hosts(), site.log())
    same(site.queued(), [])


@test("state/hosts may be deleted: all are measured again; the fastest is back and is found")
def _():
    everyone[1] = Exchanger("192.0.2.12", banner_s=0.05)
    os.unlink(site.queue + "/state/hosts")
    site.send("bob@example.org", count=4)
    site.relay()
    same(len(everyone[1].messages), 4, counts(), site.hosts())


@test("an old measurement is repeated: an exchanger that became faster is found")
def _():
    had = len(slow.messages)
    slow.banner_s = 0
    site.send("bob@example.org")
    site.relay()
    same(len(slow.messages) - had, 0, "what is known counts for an hour")
    time.sleep(1.1)
    site.send("bob@example.org", count=3)
    site.relay("-o", "relay.latency-fresh=0s")
    same(len(slow.messages) - had, 3, counts(), site.hosts())


@test("a damaged state/hosts does no harm")
def _():
    with open(site.queue + "/state/hosts", "wb") as file:
        file.write(b"\xff\0 rubbish\n192.0.2.11:25\n"
                   b"192.0.2.12:25 x -5 99999999999999999999 > y\n" + b"z" * 100000)
    got = sum(counts())
    site.send("bob@example.org")
    site.relay()
    same(sum(counts()) - got, 1, site.log())


def to_fast(domain, worse):
    had = len(everyone[1].messages)
    site.send("bob@" + domain, count=3)
    took = site.relay()
    same(len(everyone[1].messages) - had, 3, site.queue_text(), site.log())
    same(worse.messages if worse else [], [])
    same(site.queued(), [])
    return took


@test("no best exchanger listens, in both families: the next level gets all messages")
def _():
    check(to_fast("dead.example.org", None) < 5)


@test("an exchanger that ignores the SYN delays nothing beside one that answers")
def _():
    check(to_fast("hole.example.org", None) < 10)


@test("an exchanger that greets with 421: the next one")
def _():
    to_fast("busy.example.org", busy)


@test("an exchanger that greets with 554: the next one (RFC 5321 section 3.1)")
def _():
    to_fast("closed.example.org", closed)


@test("R138 both families of one exchanger: the faster one gets the mail")
def _():
    site.send("bob@both.example.org", count=3)
    site.relay()
    same([len(two4.messages), len(two6.messages)], [0, 3], site.hosts())


@test("family = ipv4: IPv6 is not used")
def _():
    site.send("bob@both.example.org", count=2)
    site.relay("-o", "relay.family=ipv4")
    same([len(two4.messages), len(two6.messages)], [2, 3], site.hosts())


@test("an exchanger with nothing but IPv6")
def _():
    site.send("bob@six.example.org")
    site.relay()
    same(len(only6.messages), 1, site.queue_text())


def pair(runs, *options):
    """How many of these messages near and far got, each message in a run of its own."""
    had = len(near.messages), len(far.messages)
    for _ in range(runs):
        site.send("bob@pair.example.org")
        site.relay(*options)
    same(site.queued(), [], site.log())
    return [len(near.messages) - had[0], len(far.messages) - had[1]]


def age_hosts(seconds):
    """Let all measurements be older than they are."""
    path, lines = site.queue + "/state/hosts", []
    for line in site.hosts().splitlines():
        fields = line.split(" ")
        if fields[0] != "#" and len(fields) > 4 and int(fields[4]):
            fields[4] = str(int(fields[4]) - seconds)
        lines.append(" ".join(fields))
    with open(path, "w", encoding="ascii") as file:
        file.write("\n".join(lines) + "\n")


@test("R135 1 ms beside 50 ms: after ten deliveries all go to the first, and few before")
def _():
    before = pair(10)
    check(before[0] >= 9, before, site.hosts())
    dialled = far.connections
    same(pair(20), [20, 0], site.hosts())
    # A race that ended early shows only that the other host is slower than that.
    check(far.connections - dialled <= 6, far.connections - dialled, site.hosts())


@test("R143 the fastest greets late: the next of its level has the mail a second later")
def _():
    near.banner_s = 30
    site.send("bob@pair.example.org", count=3)
    had, log = len(far.messages), len(site.log())
    check(site.relay() < 5, site.log()[log:])
    same([len(far.messages) - had, site.queued()], [3, []], site.log()[log:])
    check("waiting" not in site.log()[log:], site.log()[log:])
    same(pair(5), [0, 5], site.hosts())


@test("it is fast again: it is asked again when its measurement is old, and gets the mail")
def _():
    near.banner_s = 0.001
    same(pair(2), [0, 2], "what is known counts for an hour")
    age_hosts(3700)
    pair(1)
    same(pair(5), [5, 0], site.hosts())


@test("R143 the fastest is silent or dies in a transaction: the next one, in the same attempt")
def _():
    def cut(_):
        near.cut()

    for change in ({"reply_s": 30}, {"rcpt": cut}):
        keep = {name: getattr(near, name) for name in change}
        for name in change:
            setattr(near, name, change[name])
        log = len(site.log())
        same(pair(1, "-o", "relay.command-timeout=1s"), [0, 1], site.hosts(), site.log()[log:])
        check("waiting" not in site.log()[log:], site.log()[log:])
        for name in keep:
            setattr(near, name, keep[name])
        os.unlink(site.queue + "/state/hosts")
        pair(1)


main(site.keep_queue_note)
