# SPDX-License-Identifier: ISC
"""MAIL that is refused for now: few connections, few questions, and other senders go on."""
import os
import re
import subprocess

from nameservers import nsd
from programs import BUILD, Site, fresh_directory
from sink import EHLO, Sink
from tap import check, main, same, test, wait_for

directory = fresh_directory()
sink = Sink(("192.0.2.11", 25))
ONE_WORKER = ["-o", "relay.per-destination=1"]
NO = b"451 4.7.1 too many messages from you now"


def new_site(name, rule):
    sink.mail, sink.mails[:], sink.messages[:], sink.connections = rule, [], [], 0
    sink.rcpt = sink.begin = sink.data = None
    return Site(name, """[route example.org]
via = smtp://192.0.2.11
accept = anyone
""").listen()


def list_site(name, members, via):
    """A site with the list crew, each of whose members gets an own reverse-path."""
    aliases = fresh_directory(name + "-aliases") + "/aliases"
    with open(aliases, "w") as file:
        file.write("crew: %s\nowner-crew: alice\n"
                   % ", ".join("m%d@example.org" % i for i in range(members)))
    return Site(name, """aliases = %s
verp = on
[route example.org]
via = %s
""" % (aliases, via)).listen()


@test("a host that refuses each MAIL for now: one connection, ten questions")
def _():
    site = new_site("all", NO)
    site.send("bob@example.org", count=300)
    site.relay(*ONE_WORKER)
    same((sink.connections, len(sink.mails)), (1, 10), site.log()[-2000:])
    same(len(site.queued("wait")), 300)
    log = site.log()
    check('reply="' + NO.decode() in log, log[-2000:])
    check("not asked, as MAIL of this sender was refused 10 times in a row: " + NO.decode() in log,
          log[-2000:])
    site.stop()


@test("with all the workers that there may be")
def _():
    site = new_site("workers", NO)
    site.send("bob@example.org", count=1000)
    site.relay()
    check(sink.connections <= 20, sink.connections)
    check(len(sink.mails) <= 10 * sink.connections, len(sink.mails), sink.connections)
    same((sink.connections, len(sink.mails)), (1, 10), "a refusal is no reason for more workers")
    same(len(site.queued("wait")), 1000)
    site.stop()


@test("all senders are refused: the destination rests, and no sender is named to another")
def _():
    site = new_site("senders", lambda sender: b"450 4.7.1 not for " + sender.encode())
    for i in range(200):
        site.send("bob@example.org", sender="s%d@sender.example" % i)
    site.relay(*ONE_WORKER)
    same(sink.connections, 1, site.log()[-2000:])
    check(10 <= len(sink.mails) <= 18, len(sink.mails), "a worker may have eight jobs in line")
    same(len(site.queued("wait")), 200)
    check("the host refuses MAIL of all senders for now" in site.log(), site.log()[-2000:])
    for line in site.log().splitlines():
        check(line.count("@sender.example") <= 1, line)
    site.stop()


@test("one sender is refused: the others are delivered to over the same connection")
def _():
    site = new_site("one", lambda sender: NO if sender.startswith("bad") else None)
    for _ in range(30):
        site.send("bob@example.org", sender="bad@sender.example", count=2)
        site.send("bob@example.org", sender="good@sender.example")
    site.relay(*ONE_WORKER)
    same(len(sink.messages), 30, site.log()[-2000:])
    same(len(site.queued("wait")), 60)
    check(sink.connections <= 2, sink.connections)
    site.stop()


@test("a host that counts messages: they are delivered up to its limit, in two connections")
def _():
    site = new_site("limit", lambda sender: NO if len(sink.mails) > 50 else None)
    site.send("bob@example.org", count=200)
    site.relay(*ONE_WORKER)
    same(len(sink.messages), 50, site.log()[-2000:])
    same(len(site.queued("wait")), 150)
    check(sink.connections <= 2 and len(sink.mails) <= 62, sink.connections, len(sink.mails))
    sink.mail = None
    site.relay("--flush")
    same(len(sink.messages), 200, site.log()[-2000:])
    site.stop()


@test("a member of a list is refused for now: the others have their mail in the same session")
def _():
    sink.mail, sink.mails[:], sink.messages[:], sink.connections = \
        lambda sender: NO if "+m3=" in sender else None, [], [], 0
    site = list_site("list", 10, "smtp://192.0.2.11")
    site.send("crew@sender.example")
    site.relay(*ONE_WORKER)
    same(len(sink.messages), 9, site.log()[-2000:], sink.mails)
    same(len(site.queued("wait")), 1)
    check(sink.connections <= 2, sink.connections)
    site.stop()


@test("a session ends at a member of a list: the others have their mail in the next one")
def _():
    sink.mail, sink.mails[:], sink.messages[:], sink.connections = \
        lambda sender: b"421 4.7.0 bye" if "+m0=" in sender else None, [], [], 0
    site = list_site("end", 15, "smtp://192.0.2.11")
    site.send("crew@sender.example")
    site.relay(*ONE_WORKER)
    same(len(sink.messages), 14, site.log()[-2000:], sink.mails)
    same((sink.connections, len(site.queued("wait"))), (2, 1))
    sink.mail = b"421 4.7.0 bye"
    site.send("crew@sender.example")
    site.relay(*ONE_WORKER)
    same((len(sink.messages), sink.connections), (14, 12), "ten refusals, and the list rests")
    site.stop()


@test("each session ends after four members of a list: all have their mail")
def _():
    taken = {}

    def rule(_):
        taken[sink.connections] = taken.get(sink.connections, 0) + 1
        return b"421 4.7.0 reconnect" if taken[sink.connections] > 4 else None

    sink.mail, sink.mails[:], sink.messages[:], sink.connections = rule, [], [], 0
    site = list_site("four", 30, "smtp://192.0.2.11")
    site.send("crew@sender.example")
    site.relay(*ONE_WORKER)
    same((len(sink.messages), sink.connections), (30, 8), site.log()[-2000:])
    site.stop()


@test("a list is refused: no member is named to another")
def _():
    sink.mail, sink.mails[:], sink.messages[:] = \
        lambda sender: b"450 4.7.1 not for " + sender.encode(), [], []
    site = list_site("members", 30, "smtp://192.0.2.11")
    site.send("crew@sender.example")
    site.relay(*ONE_WORKER)
    same(len(sink.mails), 10)
    for line in site.log().splitlines():
        to, named = re.search(r" to=(m\d+)@", line), re.search(r"\+(m\d+)=", line)
        check(not named or to[1] == named[1], line)
    check("10 times in a row, 450 at last" in site.log(), site.log()[-2000:])
    site.stop()


@test("two senders are refused: no third one is, and no connection is opened for each message")
def _():
    site = new_site("two", lambda sender: NO if sender.startswith("bad") else None)
    for i in range(60):
        site.send("bob@example.org", sender="bad%d@sender.example" % (i % 2))
    for i in range(60):
        for who in ("good", "bad0", "bad1"):
            site.send("bob@example.org", sender=who + "@sender.example")
    site.relay(*ONE_WORKER)
    same(len(sink.messages), 60, site.log()[-2000:])
    same(len(site.queued("wait")), 180)
    check(sink.connections <= 3, sink.connections)
    check("all senders" not in site.log(), site.log()[-2000:])
    site.stop()


@test("senders that take turns are asked for ten times each, not for each message")
def _():
    site = new_site("turns", NO)
    for i in range(150):
        site.send("bob@example.org", sender="s%d@sender.example" % (i % 3))
    site.relay(*ONE_WORKER)
    same((sink.connections, len(sink.mails)), (1, 30), site.log()[-2000:])
    same(len(site.queued("wait")), 150)
    site.stop()


@test("a host that has refused the first message, and then takes ten a session")
def _():
    taken = {}

    def rule(_):
        taken[sink.connections] = taken.get(sink.connections, -1 if not taken else 0) + 1
        return NO if not 0 < taken[sink.connections] <= 10 else None

    site = new_site("sessions", rule)
    site.send("bob@example.org", count=100)
    site.relay(*ONE_WORKER)
    same(len(sink.messages), 99, site.log()[-2000:])
    check(sink.connections <= 11, sink.connections)
    site.stop()


@test("a host that ends each session at its first MAIL: ten connections")
def _():
    site = new_site("ends", b"421 4.7.0 too many messages from you now")
    site.send("bob@example.org", count=200)
    site.relay(*ONE_WORKER)
    check(sink.connections <= 11 and len(sink.mails) == 10, sink.connections, len(sink.mails))
    same(len(site.queued("wait")), 200)
    check("refused 10 times in a row: 421 4.7.0" in site.log(), site.log()[-2000:])
    site.stop()


@test("and that of all senders: the destination rests")
def _():
    site = new_site("ends-all", lambda sender: b"421 4.7.0 not for " + sender.encode())
    for i in range(100):
        site.send("bob@example.org", sender="s%d@sender.example" % i)
    site.relay(*ONE_WORKER)
    check(sink.connections <= 19, sink.connections, "a worker may have eight jobs in line")
    same(len(site.queued("wait")), 100)
    for line in site.log().splitlines():
        check(line.count("@sender.example") <= 1, line)
    site.stop()


STEPS = {"RCPT": "rcpt", "DATA": "begin", "the content": "data"}
END = b"421 4.7.0 try again later"


@test("a host that ends each session later: ten connections, of one sender or of many")
def _():
    for name, step in STEPS.items():
        for many in (False, True):
            site = new_site("ends-%s-%d" % (step, many), None)
            setattr(sink, step, END)
            for i in range(100):
                site.send("bob%d@example.org" % i, sender="s%d@sender.example" % (i * many))
            site.relay()
            check(sink.connections <= 11, name, many, sink.connections)
            same((len(site.queued("wait")), len(sink.messages)), (100, 0))
            check(("10 sessions in a row at mail of all senders, 421 at last" if many else
                   "not asked, as the host ended 10 sessions in a row at mail of this sender: "
                   + END.decode()) in site.log(), name, site.log()[-2000:])
            site.stop()


@test("one recipient, or one sender, ends each session: the mail of others is delivered")
def _():
    for name, step in STEPS.items():
        for no in (END, b""):
            for bad in ("bad@example.org", None):
                site = new_site("others-%s-%d-%s" % (step, len(no), bool(bad)), None)

                def rule(address, bad=bad, no=no):
                    return no if address == bad or (not bad and "bad" in sink.mails[-1]) else None

                setattr(sink, step, rule)
                for i in range(30):
                    site.send(bad or "bob%d@example.org" % (i % 3), count=4,
                              sender="s%d@sender.example" % (i % 8) if bad
                              else "bad@sender.example")
                    site.send("good%d@example.org" % i, sender="good%d@sender.example" % i)
                site.relay(*ONE_WORKER)
                same((len(sink.messages), len(site.queued("wait"))), (30, 120), name, no, bad,
                     site.log()[-2000:])
                check(sink.connections <= 45, name, no, bad, sink.connections)
                for line in site.log().splitlines():
                    check(len(set(re.findall(r"(\w+)@sender.example", line))) <= 1, line)
                site.stop()


@test("a host that closes behind each refusal, without 421: few connections")
def _():
    class Closing(Sink):
        def _talk(self, connection, lines):
            try:
                super()._talk(Last(connection), lines)
            except EOFError:
                pass

    class Last:
        def __init__(self, connection):
            self.connection = connection

        def sendall(self, octets):
            self.connection.sendall(octets)
            if octets.startswith(b"4"):
                raise EOFError

    closing = Closing(("192.0.2.13", 25))
    for name, step in STEPS.items():
        site = Site("closes-" + step, "[route example.org]\nvia = smtp://192.0.2.13\n"
                    "accept = anyone\n").listen()
        closing.rcpt = closing.begin = closing.data = None
        setattr(closing, step, b"451 4.7.1 later")
        closing.connections = 0
        site.send("bob@example.org", count=200)
        site.relay(*ONE_WORKER)
        same(len(site.queued("wait")), 200)
        check(closing.connections <= 40, name, closing.connections)
        setattr(closing, step, None)
        site.relay("--flush")
        same(site.queued("wait"), [], name, site.log()[-2000:])
        site.stop()
    closing.close()


@test("a host begins to end sessions while many workers deliver: no worker counts as dead")
def _():
    site = new_site("begins", None)
    sink.rcpt = lambda _: END if len(sink.messages) >= 100 else None
    for i in range(400):
        site.send("bob%d@example.org" % i)
    site.relay()
    check("delivery process" not in site.log(), site.log()[-2000:])
    same((len(sink.messages) + len(site.queued("wait")), site.queued("dead")), (400, []))
    check(not os.path.exists(site.queue + "/state/deaths"), "a death was counted")
    check("not asked, as the host ended" in site.log(), site.log()[-2000:])
    site.stop()


@test("a host that takes three messages a session, whatever ends it: all are delivered")
def _():
    for step in ("mail", "rcpt", "begin"):
        for no in (END, b""):
            site = new_site("three-%s-%d" % (step, len(no)), None)
            setattr(sink, step, lambda _, no=no: no if sink.connections * 3 <= len(sink.messages)
                    else None)
            site.send("bob@example.org", count=60)
            site.relay(*ONE_WORKER)
            same((len(sink.messages), sink.connections), (60, 20), step, no, site.log()[-2000:])
            site.stop()


@test("a host that takes no content for now: the connection is kept")
def _():
    for step in ("begin", "data"):
        site = new_site("content-" + step, None)
        setattr(sink, step, b"451 4.3.0 no space now")
        site.send("bob@example.org", count=50)
        site.relay(*ONE_WORKER)
        same((sink.connections, len(sink.mails)), (1, 50), step)
        same(len(site.queued("wait")), 50)
        site.stop()


@test("no content for a member of a list now: the others have theirs")
def _():
    for step in ("begin", "data"):
        sink.mail, sink.mails[:], sink.messages[:], sink.connections = None, [], [], 0
        sink.rcpt = sink.begin = sink.data = None
        setattr(sink, step, lambda to: b"451 4.7.1 not m3" if to.startswith("m3@") else None)
        site = list_site("content-list-" + step, 10, "smtp://192.0.2.11")
        site.send("crew@sender.example")
        site.relay(*ONE_WORKER)
        same((len(sink.messages), sink.connections), (9, 1), site.log()[-2000:])
        for line in site.log().splitlines():
            check("not m3" not in line or " to=m3@" in line or " to=" not in line, line)
        site.stop()


@test("an operator's retry gets a real attempt, whoever rests")
def _():
    for name, step in {"MAIL": "mail", **STEPS}.items():
        site = new_site("retry-" + step, None)
        setattr(sink, step, END)
        site.watch()
        site.send("bob@example.org", count=15)
        check(wait_for(lambda site=site: len(site.queued("wait")) == 15, 10), name)
        check("not asked" in site.log(), name, site.log()[-2000:])
        setattr(sink, step, None)
        subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "retry", "--all"],
                       capture_output=True, timeout=20, check=True)
        check(wait_for(lambda: len(sink.messages) == 15, 10), name, len(sink.messages),
              site.log()[-2000:])
        site.stop()


@test("a host that ends a session after ten messages: all are delivered")
def _():
    taken = {}

    def rule(_):
        taken[sink.connections] = taken.get(sink.connections, 0) + 1
        return b"421 4.7.0 reconnect" if taken[sink.connections] > 10 else None

    site = new_site("ends-late", rule)
    site.send("bob@example.org", count=100)
    site.relay(*ONE_WORKER)
    same(len(sink.messages), 100, site.log()[-2000:])
    site.stop()


@test("hosts that take one MAIL a session and nobody's mail: the attempt ends")
def _():
    nsd(directory + "/nsd", {"example.org": """@ 1 MX 10 mx1
@ 1 MX 20 mx2
@ 1 MX 30 mx3
mx1 A 192.0.2.11
mx2 A 192.0.2.12
mx3 A 192.0.2.13
"""})
    others = [Sink(("192.0.2.%d" % n, 25)) for n in (12, 13)]
    sink.mails[:], sink.connections = [], 0
    for host in [sink, *others]:
        host.ehlo = b"250-sink.example\r\n250 LIMITS MAILMAX=1\r\n"
        host.mail = NO
    sink.mail, sink.rcpt = lambda _: NO if len(sink.mails) == 1 else None, b"451 4.3.2 later"
    site = list_site("endless", 5, "mx")
    site.send("crew@sender.example")
    site.relay(*ONE_WORKER)
    same(len(site.queued("wait")), 1, site.log()[-2000:])
    check(sink.connections <= 10, sink.connections)
    site.stop()
    for host in others:
        host.close()



@test("two hosts, and a thousand members of a list: those that both refuse have one outcome each")
def _():
    no = {"451": b"451 4.7.1 not you", "421": b"421 4.7.0 bye", "550": b"550 5.7.1 never"}

    def rule(sender):
        number = int(re.search(r"\+m(\d+)=", sender)[1])
        return no[("451", "421", "550")[number // 7 % 3]] if number % 7 == 3 else None

    second = Sink(("192.0.2.12", 25))
    sink.mail = second.mail = rule
    sink.rcpt, sink.ehlo = None, EHLO
    sink.mails[:], sink.messages[:], sink.connections = [], [], 0
    site = list_site("thousand", 1000, "smtp://192.0.2.11 smtp://192.0.2.12")
    site.send("crew@sender.example")
    site.relay(*ONE_WORKER)
    outcomes = re.findall(r" (delivered|deferred|failed) id=\S+ to=(m\d+)@", site.log())
    same((len(outcomes), len(set(who for _, who in outcomes))), (1000, 1000))
    same({what: sum(what == o for o, _ in outcomes) for what in ("delivered", "failed")},
         {"delivered": 857, "failed": 47})
    check(sink.connections + second.connections < 300, sink.connections, second.connections)
    site.stop()
    second.close()


@test("a host refuses each member at RCPT and ends, the other at MAIL: few sessions")
def _():
    second, seen = Sink(("192.0.2.12", 25)), set()

    def rule(_):
        first = sink.connections not in seen
        seen.add(sink.connections)
        return None if first else b"421 4.7.0 bye"

    sink.mail, sink.rcpt, sink.ehlo = rule, b"451 4.7.1 later", EHLO
    second.mail = b"421 4.7.0 bye"
    sink.mails[:], sink.messages[:], sink.connections = [], [], 0
    site = list_site("vain", 300, "smtp://192.0.2.11 smtp://192.0.2.12")
    site.send("crew@sender.example")
    site.relay(*ONE_WORKER)
    same(len(site.queued("wait")), 1, site.log()[-2000:])
    check(sink.connections + second.connections <= 24, sink.connections, second.connections)
    sink.rcpt = None
    site.stop()
    second.close()


@test("a smarthost with a login that counts messages: two logins, and the reasons are shown")
def _():
    smart = Sink(("127.0.0.1", 2525))
    smart.ehlo = b"250-sink.example\r\n250-PIPELINING\r\n250 AUTH PLAIN\r\n"
    smart.mail = lambda _: NO if len(smart.mails) > 100 else None
    secret = directory + "/password"
    with open(secret, "w") as file:
        file.write("secret\n")
    os.chmod(secret, 0o600)
    site = Site("login", """[route *]
via = smtp://127.0.0.1:2525
user = anna
password-file = %s
accept = anyone
""" % secret).listen()
    site.send("bob@example.org", count=300)
    site.relay(*ONE_WORKER)
    same((len(smart.messages), len(smart.mails), smart.connections), (100, 111, 2))
    waiting = os.path.basename(site.queued("wait")[-1]).split(".")[0]
    log = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "log", waiting],
                         capture_output=True, text=True, timeout=20, check=True).stdout
    check(NO.decode() in log, log)
    site.stop()
    smart.close()


main()
