# SPDX-License-Identifier: ISC
"""Routes that name several hosts, or SRV records: their order, their shares, and dead hosts."""
import re
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
# In each of these the last host, and the only good one, is 192.0.2.31.
NUMBERS = range(40)
DEAD = "\n".join("h%d A 192.0.2.%d" % (i, 31 if i == 39 else 150 + i) for i in NUMBERS) + "\n"
nsd(directory + "/nsd", {
    "many.example": DEAD + "\n".join("@ MX %d h%d" % (i, i) for i in NUMBERS),
    "inside.example": DEAD + "\n".join(
        "_smtp._tcp.many SRV 0 1 25 h%d\n_smtp._tcp.last SRV %d 1 25 h%d" % (i, i, i)
        for i in NUMBERS) + """
one     A 192.0.2.31
two     A 192.0.2.32
three   A 192.0.2.33
_smtp._tcp.pool  SRV 10 3 2525 three
_smtp._tcp.pool  SRV 10 1 25 two
_smtp._tcp.pool  SRV 20 0 25 one
_smtp._tcp.none  SRV 0 0 0 .
"""})
one, two = Exchanger("192.0.2.31", banner_s=0.1), Exchanger("192.0.2.32")
three, three_srv = Exchanger("192.0.2.33"), Exchanger("192.0.2.33", 2525)
everyone = [one, two, three, three_srv]
site = Site("site", """
[route listed.example]
via = smtp://one.inside.example smtp://two.inside.example
[route latency.example]
via = smtp://one.inside.example smtp://two.inside.example
host-order = latency
[route balanced.example]
via = smtp://one.inside.example smtp://two.inside.example smtp://192.0.2.33
host-order = balanced
[route dead.example]
via = smtp://192.0.2.99 smtp://nowhere.inside.example smtp://two.inside.example
[route ports.example]
via = smtp://192.0.2.33:2526 smtp://192.0.2.33:2525
[route srv.example]
via = smtp://_smtp._tcp.pool.inside.example
[route none.example]
via = smtp://_smtp._tcp.none.inside.example
""").listen()


def send(domain, count=1):
    """What each server got of them; each message goes over a connection of its own."""
    before = [len(e.messages) for e in everyone]
    for _ in range(count):
        site.send("bob@" + domain)
        site.relay()
    return [len(e.messages) - n for e, n in zip(everyone, before)]


@test("in the order of the list, though the second host is faster, and with mx-order = latency")
def _():
    same(send("listed.example", 3), [3, 0, 0, 0], site.log())
    site.send("bob@listed.example")
    before = len(one.messages)
    site.relay("-o", "relay.mx-order=latency")
    same(len(one.messages), before + 1)


@test("host-order = latency: the faster host")
def _():
    same(send("latency.example", 3), [0, 3, 0, 0], site.log())


@test("host-order = balanced: each host gets some, none is raced")
def _():
    before = sum(e.connections for e in everyone)
    got = send("balanced.example", 24)
    check(all(n > 0 for n in got[:3]) and sum(got) == 24, got)
    same(sum(e.connections for e in everyone) - before, 24)


@test("a host that is dead, and one that nobody knows: the next one, in the same attempt")
def _():
    same(send("dead.example"), [0, 1, 0, 0], site.log()[-2000:])
    same(site.queued(), [])


@test("two ports of one host")
def _():
    same(send("ports.example"), [0, 0, 0, 1], site.log()[-2000:])


@test("SRV records: the better priority by weight, to their ports")
def _():
    got = send("srv.example", 40)
    check(got[0] == 0 and got[2] == 0 and got[1] + got[3] == 40, got)
    check(got[3] > got[1] > 0, "weights of 3 and 1", got)
    two.stop()
    three_srv.stop()
    same(send("srv.example"), [1, 0, 0, 0], site.log()[-2000:])


@test("SRV records that deny the service: the mail waits, and the log has the reason")
def _():
    site.send("bob@none.example")
    site.relay()
    same(len(site.queued("wait")), 1)
    check(re.search(r"no host that the route names can be found: .*the service is not offered",
                    site.log()), site.log()[-1500:])


@test("--explain shows the hosts in their order")
def _():
    told = site.explain("bob@listed.example")
    check(re.search(r"(?s)via smtp://one\S+ smtp://two.*one\.inside.*two\.inside", told), told)


@test("a good host behind 39 dead ones gets the mail after some attempts")
def _():
    many = Site("many", """
[queue]
retry-min = 1s
retry-max = 1s
[route srv.example]
via = smtp://_smtp._tcp.many.inside.example
[route last.example]
via = smtp://_smtp._tcp.last.inside.example
""", address="192.0.2.2").listen()
    try:
        for domain in "srv.example", "last.example", "many.example":
            had = len(one.messages)
            many.send("bob@" + domain)
            for _ in range(40):
                many.relay()
                if not many.queued():
                    break
                due = min(int(path.split("/")[-2]) for path in many.queued("wait"))
                wait_for(lambda: time.time() >= due, 5)
            same([many.queued(), len(one.messages) - had], [[], 1], domain, many.log()[-2000:])
    finally:
        many.stop()


main()
