# SPDX-License-Identifier: ISC
"""Attempts in vain (runner/vain): only mail that is meant rests, reasons are true, and other mail
has its turns."""
import re

from programs import Site, fresh_directory
from sink import Sink
from tap import check, main, same, test

directory = fresh_directory()
sink = Sink(("192.0.2.11", 25))
ONE_WORKER = ["-o", "relay.per-destination=1"]
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


main()
