# SPDX-License-Identifier: ISC
"""Workers that nobody can take all of: slow hosts delay no other mail.

A machine may be busy, so each limit is a part of the time that the slow host takes.
"""
import os
import time

from exchangers import BlackHole, Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test, wait_for

SLOW_S = 8

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": "\n".join(
    ["d%d MX 10 mx.slow" % i for i in range(100)]
    + ["two%d MX 10 mx.slow\ntwo%d MX 10 mx.hole" % (i, i) for i in range(30)]
    + ["fast%d MX 10 mx.fast" % i for i in range(200)] + ["""
mx.slow A 192.0.2.12
mx.hole A 192.0.2.66
mx.fast A 192.0.2.13
other   MX 10 mx.other
mx.other A 192.0.2.11
"""])})
other, fast = Exchanger("192.0.2.11"), Exchanger("192.0.2.13")
slow = Exchanger("192.0.2.12", banner_s=SLOW_S, reply_s=SLOW_S)
hole = BlackHole("192.0.2.66")


def took(done, what, limit_s):
    start = time.monotonic()
    check(wait_for(done, 2 * SLOW_S), what + " did not come at all")
    seconds = time.monotonic() - start
    print("# %s after %.2f s" % (what, seconds), flush=True)
    check(seconds < limit_s, "%s came after %.2f s" % (what, seconds))


@test("a hundred domains with one slow exchanger delay neither a mailbox here nor another domain")
def _():
    site = Site("domains").listen()
    site.send(["bob@d%d.example.org" % i for i in range(100)])
    for i in range(100):
        site.send("bob@d%d.example.org" % i)
    site.watch()
    check(wait_for(lambda: slow.connections >= 20, SLOW_S), site.log())
    for i in range(3):
        site.send("alice@sender.example")
        took(lambda i=i: len(site.mailbox("alice")) == i + 1, "mail for a mailbox", SLOW_S / 4)
        site.send("bob@other.example.org")
        took(lambda i=i: len(other.messages) == i + 1, "mail for another domain", SLOW_S / 4)
    same(slow.most, 20, "connections to the slow exchanger")
    site.stop()


@test("bounces to a slow exchanger leave places there for mail of people here")
def _():
    before = slow.connections
    site = Site("bounces").listen()
    for i in range(60):
        site.send("bob@d%d.example.org" % i, sender="")
    site.watch()
    check(wait_for(lambda: slow.connections == before + 15, SLOW_S), site.log())
    site.send("bob@d70.example.org")
    took(lambda: slow.connections > before + 15, "the connection for mail of people here",
         SLOW_S / 4)
    same(slow.connections - before, 16)
    site.stop()


@test("an exchanger with a second address that is dead gets no more connections")
def _():
    before = slow.connections
    site = Site("two").listen()
    for i in range(30):
        site.send("bob@two%d.example.org" % i)
    site.watch("-o", "relay.per-address=5", "-o", "relay.processes=50")
    check(wait_for(lambda: slow.connections >= before + 5, SLOW_S), site.log())
    time.sleep(SLOW_S / 4)
    site.send("alice@sender.example")
    took(lambda: len(site.mailbox("alice")) == 1, "mail for a mailbox", SLOW_S / 4)
    same(slow.connections - before, 5)
    site.stop()


@test("the hundred domains take turns: all mail arrives once")
def _():
    site = Site("turns").listen()
    for i in range(200):
        site.send("bob@fast%d.example.org" % i)
    site.relay("-o", "relay.per-address=3")
    same(sorted(int(to[8:-12]) for m in fast.messages for to in m.rcpt_tos), list(range(200)))
    same(site.queued(), [], site.log()[-2000:])
    # A connection is open for a moment more at the exchanger than here.
    check(fast.most < 10, "%d connections" % fast.most)


main()
