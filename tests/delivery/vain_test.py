# SPDX-License-Identifier: ISC
"""Attempts in vain (runner/vain): only mail that is meant rests, reasons are true, and other mail
has its turns."""
import re
import subprocess
import threading
import time

from exchangers import Exchanger, in_loop
from nameservers import nsd
from programs import BUILD, Site, fresh_directory
from sink import Sink
from tap import check, main, note, same, test, wait_for

directory = fresh_directory()
sink = Sink(("192.0.2.11", 25))
ONE_WORKER = ["-o", "relay.per-destination=1"]
NO = b"451 4.7.1 too many messages from you now"
END = b"421 4.7.0 try again later"


def new_site(name, settings="", via="smtp://192.0.2.11"):
    """An installation, and a receiver that has seen nothing and takes all."""
    sink.mails[:], sink.messages[:], sink.connections = [], [], 0
    sink.mail = sink.rcpt = sink.begin = sink.data = None
    sink.taken = lambda *_: None
    return Site(name, """%s
[route example.org]
via = %s
accept = anyone
""" % (settings, via)).listen()


def list_site(name, members, via="smtp://192.0.2.11"):
    """The same, with the list crew."""
    with open(directory + "/aliases", "w") as file:
        file.write("crew: %s\nowner-crew: alice\n"
                   % ", ".join("m%d@example.org" % i for i in range(members)))
    return new_site(name, "aliases = %s/aliases\nverp = on" % directory, via)


@test("the last member of a list is refused for now, or ends the session: the list does not rest")
def _():
    for no in (NO, END, b""):
        site = list_site("last-%d" % len(no), 4)
        sink.mail = lambda sender, no=no: no if "+m3=" in sender else None
        site.send("crew@sender.example", count=15)
        site.relay(*ONE_WORKER)
        same(len(sink.messages), 45, no, site.log()[-2000:])
        check("not asked" not in site.log(), site.log()[-2000:])
        site.stop()


@test("one recipient, or one sender, ends sessions ten times in a row: others have their mail")
def _():
    for step in ("rcpt", "begin", "data"):
        for no in (END, b""):
            for bad in ("recipient", "sender"):
                site = new_site("row-%s-%d-%s" % (step, len(no), bad))
                setattr(sink, step, lambda to, no=no: no if "bad" in sink.mails[-1] + to else None)
                for i in range(12 if bad == "recipient" else 9):
                    site.send("bad@example.org" if bad == "recipient" else "r%d@example.org" % i,
                              sender=("s%d@sender.example" % i if bad == "recipient"
                                      else "bad@sender.example"))
                if bad == "sender" and no:
                    site.send("bad@example.org", sender="s@sender.example")
                for i in range(12):
                    site.send("bob%d@example.org" % i, sender="good%d@sender.example" % i)
                site.relay(*ONE_WORKER)
                same(len(sink.messages), 12, step, no, bad, site.log()[-2000:])
                site.stop()


@test("a recipient is refused, and the content of the others ends the session: ten connections")
def _():
    site = new_site("refused-last")
    sink.rcpt = lambda to: b"550 5.1.1 no" if to.startswith("nobody") else None
    sink.data = END
    for i in range(30):
        site.send(["bob@example.org", "nobody%d@example.org" % i])
    site.relay(*ONE_WORKER)
    same((sink.connections, len(site.queued("wait"))), (10, 30), site.log()[-2000:])
    site.stop()


@test("mail of three kinds has its turns, also while other mail rests")
def _():
    site, order = new_site("kinds"), []
    sink.rcpt = b"451 4.7.1 later"
    site.send("retried@example.org", count=30)
    site.relay(*ONE_WORKER)
    sink.rcpt = lambda to: END if to.startswith("end") else None
    sink.taken = lambda rcpts, _: (order.append(rcpts[0].split("@")[0]), time.sleep(0.02))
    site.send("end@example.org")
    site.send("own@example.org", count=30)
    site.send("foreign@example.org", sender="", count=30)
    site.relay("--flush", *ONE_WORKER)
    same(len(order), 90, site.log()[-2000:])
    some = order[20:40]
    check(8 <= some.count("own") <= 12 and 3 <= some.count("retried") <= 7, order)
    site.stop()


@test("one host of several behind an address refuses MAIL: a worker that met it gets no more")
def _():
    site, seen = new_site("node"), []

    def rule(_):
        thread = threading.current_thread()
        if thread not in seen:
            seen.append(thread)
        if thread not in seen[1:2]:
            return None
        time.sleep(0.05)                # others deliver in between
        return NO

    sink.mail, sink.taken = rule, lambda *_: time.sleep(0.01)
    site.send("bob@example.org", count=400)
    site.relay("-o", "relay.per-destination=4")
    check(len(seen) > 1 and 370 <= len(sink.messages) < 400, len(sink.messages), site.log()[-2000:])
    site.stop()


@test("mail that was not sent: the reason is true, and has no text to another sender")
def _():
    for step, no in ("begin", b"250 2.0.0 from %s to %s"), ("data", b""):
        site = new_site("reason-" + step)
        setattr(sink, step, lambda to, no=no: no and no % (sink.mails[-1].encode(), to.encode()))
        for i in range(8):
            site.send("r%d@example.org" % i, sender="s%d@sender.example" % i)
            site.send("same@example.org", sender="s%d@sender.example" % i)
        site.relay(*ONE_WORKER)
        log, mails = site.log(), len(sink.mails)
        said = re.findall(r"deferred id=\S+ to=(\S+) .*"
                          r"(?:from s\d+@\S+ to (\S+)\"|may arrive twice)", log)
        same(len(said), mails, log[-3000:])
        check(all(not named or to == named for to, named in said), said)
        check("3 connections in a row broke off at mail of all senders" in log, log[-3000:])
        site.stop()


@test("one host of two cuts all its connections at once: the mail in line goes on")
def _():
    hosts = [Exchanger(address, reply_s=0.02) for address in ("192.0.2.12", "192.0.2.13")]
    site = new_site("cut", via="smtp://192.0.2.12 smtp://192.0.2.13\nhost-order = balanced")
    for i in range(300):
        site.send("bob%d@example.org" % i, sender="s%d@sender.example" % i)
    process = site.start_relay()
    check(wait_for(lambda: all(len(host.messages) > 20 for host in hosts), 20), site.log()[-2000:])
    most = hosts[0].open

    async def cut():
        hosts[0].cut()
    in_loop(cut())
    process.wait(40)
    waiting = len(site.queued("wait"))
    note("%d connections were cut, %d messages wait" % (most, waiting))
    check(most >= 3 and waiting <= 20, most, waiting, site.log()[-2000:])
    check("in a row" not in site.log(), site.log()[-2000:])
    check(sum(len(host.messages) for host in hosts) >= 300 - waiting)
    site.stop()
    for host in hosts:
        host.stop()


@test("a retry while a list is delivered in several sessions: all members have their mail")
def _():
    nsd(directory + "/nsd", {"example.org": "@ 1 MX 10 mx1\nmx1 A 192.0.2.11\n"})
    site = list_site("list", 12, "mx")
    taken, busy, crossed = {}, [], []

    def rule(sender):
        if "crew" not in sender:
            crossed.extend(busy)
            return b""
        taken[sink.connections] = taken.get(sink.connections, 0) + 1
        return END if taken[sink.connections] > 3 else None

    def slow(rcpts, _):
        busy.append(rcpts)
        time.sleep(0.2)
        busy.remove(rcpts)

    sink.mail, sink.taken = rule, slow
    site.watch(*ONE_WORKER)
    site.send("bob@example.org", sender="bob@sender.example")
    check(wait_for(lambda: site.queued("wait"), 10), site.log()[-2000:])
    site.send("crew@sender.example")
    check(wait_for(lambda: len(sink.messages) >= 1, 10), site.log()[-2000:])
    subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "retry", "--all"],
                   capture_output=True, timeout=20, check=True)
    check(wait_for(lambda: len(sink.messages) == 12, 15), len(sink.messages), site.log()[-3000:])
    check("without a result" not in site.log(), site.log()[-3000:])
    same(crossed, [], "two connections, where one is allowed")
    site.stop()
    same(len(sink.messages), 12)


main()
