# SPDX-License-Identifier: ISC
"""The same message through Postfix and through smtp-handler, with the same filter: each sees the
same packets, and the message is the same, octet for octet.  It needs root."""
import re
import subprocess

from both_servers import HERE, RECEIVED, SOCKET, Both, Program
from fake_milter import CONTINUE, FakeMilter, add, body, change, insert
from programs import fresh_directory
from tap import check, main, same, test

fresh_directory()
servers = Both()
FIELDS = (b"From: Anna <anna@client.example>\r\nTo: b@example.org\r\nSubject:  two blanks\r\n"
          b"X-Fold: one\r\n two\r\n\tthree \r\nX-Tab:\ttab\r\nX-None:none\r\nX-Empty:\r\n"
          b"x-same: a\r\nX-Same: b\r\nMessage-ID: <1@client.example>\r\n"
          b"Date: Sat, 28 Nov 2026 12:00:00 +0000\r\n")
MESSAGE = FIELDS + b"\r\nHello.\r\n.dot\r\n\r\n\r\n"


def both(*edits, message=MESSAGE, steps=0):
    """With a filter that makes these edits."""
    seen = []
    filter = FakeMilter(SOCKET, {"E": b"".join(edits) + CONTINUE}, steps=steps)

    def packets():
        got = [(c, d) for c, d in filter.seen if c in "HMRLNBET"]
        bodies = b"".join(d for c, d in got if c == "B")
        del filter.seen[:]
        seen.append([x for x in got if x[0] != "B"] + [("B", bodies)])
    theirs = servers.through_postfix(message)[1]
    packets()
    ours = servers.through_us(message)[1]
    packets()
    filter.close()
    for i in range(len(seen)):      # Postfix gives parameters of its EHLO that the client sent
        seen[i] = [(c, d.split(b"\0")[0] if c == "M" else d) for c, d in seen[i]]
    same(seen[1], seen[0])
    same(re.sub(RECEIVED, b"(Received)\n", ours, count=1),
         re.sub(RECEIVED, b"(Received)\n", theirs, count=1))


for name, edits in (
        ("no edit", []),
        ("fields added", [add(b"X-One", b"1"), add(b"X-Fold", b"a\n\tb\n c"), add(b"X-Nil", b"")]),
        ("fields inserted", [insert(i, b"X-%d" % i, b"v") for i in (0, 1, 2, 5, 99)]),
        ("fields changed", [change(1, b"Subject", b"new"), change(2, b"X-Same", b"c"),
                            change(1, b"X-Same", b"d"), change(0, b"x-tab", b"e"),
                            change(1, b"X-Fold", b"f\n g"), change(7, b"X-Same", b"far")]),
        ("fields removed", [change(1, b"Subject", b""), change(1, b"X-Same", b""),
                            change(1, b"X-Same", b""), change(9, b"X-None", b"")]),
        ("a new body", [body(b"new\r\nbody\r\n.\r\n..\r\n")]),
        ("a large body", [body(b"line of a large body\r\n" * 10000)]),
        ("all at once", [insert(1, b"X-A", b"1"), body(b"b\r\n"), change(1, b"X-A", b"2"),
                         add(b"X-Z", b"z"), change(1, b"From", b"c@d.example")])):
    @test("with Postfix and here: " + name)
    def _(edits=edits):
        both(*edits)

    @test("with Postfix and here, blanks are the filter's: " + name)
    def _(edits=edits):
        both(*edits, steps=0x100000)


@test("with Postfix and here: a large message")
def _():
    both(add(b"X", b"y"), message=FIELDS + b"\r\n" + b"0123456789" * 7 + b"\r\n" +
         (b"x" * 70 + b"\r\n") * 5000)


def masked(message):
    return re.sub(RECEIVED, b"(Received)\n", message, count=1)


@test("opendkim signs the same fields and the same body in both")
def _():
    subprocess.run(["openssl", "genrsa", "-out", HERE + "/dkim.key", "2048"], check=True,
                   capture_output=True)
    with open(HERE + "/hosts", "w") as file:
        file.write("0.0.0.0/0\n")
    with open(HERE + "/opendkim.conf", "w") as file:
        file.write("Domain client.example\nSelector s\nKeyFile {0}/dkim.key\nMode s\n"
                   "Socket local:{0}/filter\nInternalHosts {0}/hosts\nUMask 000\n"
                   "Background no\nRequireSafeKeys no\n".format(HERE))
    filter = Program(["/usr/sbin/opendkim", "-f", "-x", HERE + "/opendkim.conf"])
    for message in MESSAGE, FIELDS + b"\r\n" + b"x" * 70 + b"\r\n" + b"y\r\n" * 100000:
        theirs, ours = (masked(through(message)[1]) for through in
                        (servers.through_postfix, servers.through_us))
        check(b"DKIM-Signature: " in ours, ours)
        # The time and the signature over it differ.
        changing = rb"t=\d+;|(?s:\bb=.*?)\n(?=\S)"
        same(re.sub(changing, b"", ours), re.sub(changing, b"", theirs))
        check(b"bh=" in re.sub(changing, b"", ours))
    filter.stop()


ALL_ACTIONS = """
import sys
import Milter


class Filter(Milter.Base):
    def eom(self):
        self.addheader("X-Added", "1\\n\\tfolded")
        self.addheader("X-Top", "2", 0)
        self.chgheader("Subject", 1, "changed")
        self.chgheader("X-Same", 2, "")
        self.addrcpt("<c@example.org>")
        self.delrcpt("<b@example.org>")
        self.chgfrom("<z@client.example>")
        self.replacebody("new body\\r\\n")
        return Milter.CONTINUE


Milter.factory = Filter
Milter.set_flags(Milter.ADDHDRS + Milter.CHGHDRS + Milter.CHGBODY + Milter.ADDRCPT +
                 Milter.DELRCPT + Milter.CHGFROM)
Milter.runmilter("filter", sys.argv[1], 60)
"""


@test("a filter of python3-milter with every action: the same in both")
def _():
    with open(HERE + "/filter.py", "w") as file:
        file.write(ALL_ACTIONS)
    filter = Program(["/usr/bin/python3", HERE + "/filter.py", SOCKET])
    theirs, ours = (masked(through(MESSAGE)[1]) for through in
                        (servers.through_postfix, servers.through_us))
    same(ours, theirs)
    check(ours.startswith(b"X-Top: 2\n") and ours.endswith(b"\n\nnew body\n"), ours)
    envelope = servers.envelope
    check(b"\nfrom: <z@client.example>" in envelope and b"\nP <c@example.org>" in envelope and
          b"<b@example.org>" not in envelope, envelope)
    filter.stop()


ONE_ACTION = """
import sys
import Milter


class Filter(Milter.Base):
    pass


def act(self, *_):
    if ACTION == "quarantine":
        self.quarantine("looks odd")
    elif ACTION == "progress":
        self.progress()
        self.progress()
        self.addheader("X-Slow", "1")
    elif ACTION == "reply":
        self.setreply("554", "5.7.7", "one: 100%% bad", "two")
        return Milter.REJECT
    elif ACTION == "later":
        self.setreply("452", "4.2.2", "come back")
        return Milter.TEMPFAIL
    elif ACTION != "accept":
        return getattr(Milter, ACTION.upper())
    return Milter.ACCEPT


STEP, ACTION = sys.argv[2:]
setattr(Filter, STEP, act)
Milter.factory = Filter
Milter.set_flags(Milter.ADDHDRS + Milter.QUARANTINE)
Milter.runmilter("filter", sys.argv[1], 60)
"""


@test("filters of python3-milter that refuse, hold, wait or discard: the same reply in both")
def _():
    with open(HERE + "/one.py", "w") as file:
        file.write(ONE_ACTION)
    for step, action in (("envfrom", "reply"), ("envrcpt", "later"), ("data", "tempfail"),
                         ("header", "reject"), ("eoh", "reply"), ("body", "tempfail"),
                         ("eom", "reply"), ("eom", "later"), ("eom", "quarantine"),
                         ("eom", "progress"), ("body", "accept")):
        filter = Program(["/usr/bin/python3", HERE + "/one.py", SOCKET, step, action])
        reply, got = servers.compare(MESSAGE)
        filter.stop()
        same(reply[0] >= 400, action in ("reply", "later", "reject", "tempfail"), step, action,
             reply)
        check(action != "progress" or b"X-Slow: 1" in got, got)
        same(got == "held", action == "quarantine", got)
    filter = Program(["/usr/bin/python3", HERE + "/one.py", SOCKET, "eom", "discard"])
    queued = servers.site.queued("new")
    for address in "192.0.2.31", "192.0.2.1":
        same(servers.send(address, MESSAGE)[-1][0], 250)
    same(servers.site.queued("new"), queued)
    filter.stop()


main()
servers.stop()
