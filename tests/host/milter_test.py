#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Filters of [server] milter: each step, each edit, each fault of a filter."""
import base64
import glob
import os
import re
import shutil
import smtplib
import socket
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fake_milter import (  # noqa: E402
    ACCEPT, CONTINUE, DIE, DISCARD, GARBAGE, HANG, HUGE, KEEP_BLANK, NO_ANSWERS, REJECT, SHUTDOWN,
    SKIP, TEMPFAIL, WORKING, FakeMilter, add, body, change, insert, packet, reply, text)
from tap import SANITIZER, check, main, same, skip, test  # noqa: E402
from tls_server import HOST, Server, anyone, certificate  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-milter-test.%d" % os.getpid()
QUEUE, SOCKET, SECOND = DIRECTORY + "/queue", DIRECTORY + "/milter", DIRECTORY + "/second"
HEADER = b"From: a@b.example\r\nSubject: one\r\nX-Same: first\r\nx-same: second\r\n"
BODY = b"Hello.\r\n.dot\r\n"


def session(message=HEADER + b"\r\n" + BODY, rcpts=("c@d.example",), options=(), lines=None,
            milters="unix:" + SOCKET, keep=False, timeout="2s", failure="tempfail",
            config="/dev/null", trace=None):
    """Send one message through a pipe.  The replies, as text."""
    if not keep:
        shutil.rmtree(QUEUE, ignore_errors=True)
        for folder in ("tmp", "new", "cur", "wait", "hold", "dead", "state"):
            os.makedirs("%s/%s" % (QUEUE, folder), 0o700)
    stuffed = re.sub(rb"(?m)^\.", b"..", message) + b".\r\n"
    to = b"".join(b"RCPT TO:<%s>\r\n" % rcpt.encode() for rcpt in rcpts)
    commands = lines or (b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\n" + to +
                         b"DATA\r\n" + stuffed + b"QUIT\r\n")
    argv = ["strace", "-o", trace] if trace else []
    argv += [BUILD + "/smtp-handler", "-c", config]
    for option in ("queue.directory=" + QUEUE, "server.hostname=h.example",
                   *["server.milter=%s" % milters] * bool(milters),
                   "server.milter-on-failure=" + failure,
                   "server.milter-command-timeout=" + timeout,
                   "server.milter-content-timeout=" + timeout, *options):
        argv += ["-o", option]
    done = subprocess.run(argv, input=commands, capture_output=True, timeout=60)
    session.log = done.stderr.decode()
    same(done.returncode, 0, session.log)
    return done.stdout.decode()


def stored():
    """The only message of the queue: its envelope as lines, and its content."""
    files = glob.glob(QUEUE + "/new/*")
    same(len(files), 1, session.log)
    same(glob.glob(QUEUE + "/tmp/*"), [])
    with open(files[0], "rb") as file:
        envelope, content = file.read().split(b"\n\n", 1)
    fsck = subprocess.run([BUILD + "/smtp-queue", "-c", "/dev/null", "-o",
                           "queue.directory=" + QUEUE, "fsck"], capture_output=True)
    same(fsck.returncode, 0, fsck.stdout, fsck.stderr)
    return envelope.decode().split("\n"), content


def content():
    """The content without our Received field."""
    whole = stored()[1]
    check(b"Received: from c.example" in whole, whole)
    return re.sub(rb"Received: from c\.example(.|\r\n[ \t])*\r\n", b"", whole)


def rcpts():
    return sorted(line[3:].rstrip(">") for line in stored()[0] if line.startswith("P <"))


def edited(*edits, **more):
    """The replies of a session whose filter makes these edits at the end of a message."""
    filter = FakeMilter(SOCKET, {"E": b"".join(edits) + CONTINUE})
    got = session(**more)
    filter.close()
    check("250 2.0.0 Ok: queued" in got, got, session.log)
    return filter


@test("a filter sees each step with its macros, and changes nothing")
def _():
    filter = FakeMilter(SOCKET)
    got = session()
    check("250 2.0.0 Ok: queued" in got, got, session.log)
    same(content(), HEADER + b"\r\n" + BODY)
    same(filter.commands(), "OCHMRTLLLLNBEQ")
    same(filter.data("H"), [b"c.example\0"])
    same(filter.data("C"), [b"localhost\0U"])
    same(filter.data("M"), [b"<a@b.example>\0"])
    same(filter.data("R"), [b"<c@d.example>\0"])
    same(filter.data("L")[:2], [b"From\0a@b.example\0", b"Subject\0one\0"])
    same(filter.data("B"), [BODY])
    macros = {m["step"]: m for m in filter.data("D")}
    same(macros["C"][b"j"], b"h.example")
    same(macros["M"][b"{mail_addr}"], b"a@b.example")
    same(macros["R"][b"{rcpt_addr}"], b"c@d.example")
    ident = [line[4:] for line in stored()[0] if line.startswith("id: ")][0]
    same(macros["E"][b"i"].decode(), ident)
    check(ident in got, got)


@test("a filter gets the macros that it lists, and the blank that it wants")
def _():
    filter = FakeMilter(SOCKET, steps=KEEP_BLANK, macros=b"\0\0\0\2{mail_host}, i\0")
    session()
    macros = {m["step"]: m for m in filter.data("D")}
    same(set(macros["M"]), {b"{mail_host}", b"i", "step"})
    same(filter.data("L")[0], b"From\0 a@b.example\0")


@test("a filter that skips steps, and one that does not answer most")
def _():
    filter = FakeMilter(SOCKET, steps=0x37F)
    session()
    same(filter.commands(), "OEQ")
    filter = FakeMilter(SOCKET, steps=NO_ANSWERS)
    check("250 2.0.0 Ok: queued" in session(), session.log)
    same(filter.commands(), "OCHMRTLLLLNBEQ")


@test("fields are added, inserted, changed and removed")
def _():
    edited(add(b"X-Last", b"at the end\n\tfolded"), insert(0, b"X-Top", b"top"),
           insert(1, b"X-Second", b"below"), change(1, b"Subject", b"two"),
           change(2, b"X-Same", b""), change(0, b"from", b"z@b.example"),
           change(1, b"X-New", b"new"), change(1, b"X-None", b""))
    whole = stored()[1]
    check(whole.startswith(b"X-Top: top\r\nX-Second: below\r\nReceived: "), whole)
    same(content(), b"X-Top: top\r\nX-Second: below\r\nfrom: z@b.example\r\nSubject: two\r\n"
         b"X-Same: first\r\nX-Last: at the end\r\n\tfolded\r\nX-New: new\r\n\r\n" + BODY)


@test("index 1 is below our Received field, and no value can end the header section")
def _():
    edited(insert(1, b"X-One", b"one"), insert(99, b"X-Far", b"a\n\nb\nc\r\n d"))
    whole = stored()[1]
    check(whole.startswith(b"Received: "), whole)
    same(content(), b"X-One: one\r\n" + HEADER + b"X-Far: a\r\n\tb\r\n\tc\r\n d\r\n\r\n" + BODY)


@test("a new body, of any length")
def _():
    for text_ in (b"", b"short\r\n", b"long line of text\r\n" * 20000):
        edited(body(text_))
        same(content(), HEADER + b"\r\n" + text_)


@test("facts of the envelope are those of the edited content")
def _():
    edited(add(b"X-Utf8", "\u00e4".encode()), body("\u00e4\r\n".encode() + b"x" * 2000 + b"\r\n"))
    line = [line for line in stored()[0] if line.startswith("content ")][0]
    same(line, "content 8bit=y utf8=y dots=n binary=n crlf=y longest=0000002000")


def inodes(folder):
    return [os.stat(path).st_ino for path in glob.glob("%s/%s/0*" % (QUEUE, folder))]


def edited_in(edits, message, **more):
    """The session's system calls behind the edits of its filter, and whether its file stayed."""
    received, trace = [], DIRECTORY + "/trace"

    def take(_):
        received.extend(inodes("tmp"))
        return edits + CONTINUE
    filter = FakeMilter(SOCKET, {"E": take})
    got = session(message=message, trace=trace, **more)
    filter.close()
    check("250 2.0.0 Ok: queued" in got, got, session.log)
    with open(trace) as file:
        calls = file.read().split("recvfrom(")[-1]
    return calls, received == inodes("new")


def written(calls):
    """The octets that these calls write into files."""
    return sum(int(n) for n in re.findall(r"(?m)^(?:p?write(?:64)?|writev|copy_file_range)"
                                          r"\((?![12],).* = (\d+)$", calls))


@test("a large message keeps its body, and its header is edited")
def _():
    big = b"x" * 70 + b"\r\n"
    filter = edited(add(b"X-Last", b"y"), message=HEADER + b"\r\n" + big * 40000)
    same(content(), HEADER + b"X-Last: y\r\n\r\n" + big * 40000)
    same(b"".join(filter.data("B")), big * 40000)


@test("a message of 50 MB with a field, another sender and other recipients is not copied")
def _():
    # A sanitizer stops a program under strace.
    if SANITIZER or not shutil.which("strace"):
        skip("no strace, or a program with sanitizers")
    big = (b"x" * 70 + b"\r\n") * 728000
    edits = (add(b"X-Last", b"\xc3\xa4" * 100) + change(1, b"Subject", b"") +
             insert(0, b"X-Top", b"1") + text("+", b"<e@d.example>") + text("-", b"<c@d.example>") +
             text("e", b"<z@b.example>"))
    calls, kept = edited_in(edits, HEADER + b"\r\n" + big, rcpts=("c@d.example", "d@d.example"),
                            options=("server.max-message-size=60M",), timeout="20s")
    check(kept, calls)
    writes = written(calls)
    check(1000 < writes < 130000, writes, calls)
    envelope, whole = stored()
    check(whole.startswith(b"X-Top: 1\r\nReceived: ") and whole.endswith(
        b"X-Same: first\r\nx-same: second\r\nX-Last: " + b"\xc3\xa4" * 100 + b"\r\n\r\n" + big))
    same(rcpts(), ["d@d.example", "e@d.example"])
    check("from: <z@b.example>" in envelope, envelope)
    check("content 8bit=y utf8=y dots=n binary=n crlf=y longest=0000000208" in envelope, envelope)


@test("edits that do not fit the room in the envelope, and a new body, take a second file")
def _():
    if SANITIZER or not shutil.which("strace"):
        skip("no strace, or a program with sanitizers")
    message = HEADER + b"\r\n" + BODY * 10000
    field = b"long\n\t" * 1400
    for edits in (add(b"X", field), body(b"new\r\n"), text("+", b"<e@d.example>") +
                  add(b"X", b"y" * 8192)):
        calls, kept = edited_in(edits, message)
        check(not kept)
        check(b"\r\nnew\r\n" in stored()[1] or content().endswith(b"\r\n\r\n" + BODY * 10000))
    check(b"X: " + b"y" * 8192 in stored()[1])


def fsyncs():
    """The number of calls for a message: some file systems write a file without its name."""
    system = subprocess.check_output(["stat", "-f", "-c", "%T", QUEUE], text=True).strip()
    return 1 if system in ("ext2/ext3", "xfs", "btrfs") else 2


@test("with no filter, no octet of the file and no system call is other than before")
def _():
    if SANITIZER or not shutil.which("strace"):
        skip("no strace, or a program with sanitizers")
    trace = DIRECTORY + "/trace"
    for size, writes in (10, 1), (20000, 4):
        message = HEADER + b"\r\n" + b"0123456789\r\n" * size
        session(message=message, milters=None, trace=trace)
        envelope, whole = stored()
        same([re.sub(r"\d{6,}.*", "N", line.split(" ", 1)[0]) for line in envelope[3:]],
             ["id:", "arrived:", "client:", "helo:", "protocol:", "standing:", "from:", "P"])
        check(whole.endswith(b"\r\n" + message), whole[:300])
        with open(trace) as file:
            calls = re.findall(r"(?m)^(\w+)\((?:([0-2]),)?", file.read())
        names = [re.sub("^(new)?fstat(at)?$", "fstat", name) for name, fd in calls
                 if not fd and name not in ("poll", "getpid")]
        begin = len(names) - 1 - names[::-1].index("openat")
        same(names[begin - 2:-1], ["fstatfs", "getrandom", "openat", "flock", "fstat"] +
             ["write"] * writes + ["pwrite64"] * (writes > 1) +
             ["fsync"] * fsyncs() + ["renameat", "close"])


@test("recipients are added and removed, and the sender is changed")
def _():
    edited(text("+", b"<new@d.example>"), text("-", b"<c@d.example>"), text("+", b"e@d.example"),
           text("-", b"e@d.example"), text("2", b"<other@d.example>\0NOTIFY=NEVER"),
           text("e", b"<changed@b.example>"), rcpts=("c@d.example", "d@d.example"))
    same(rcpts(), ["d@d.example", "new@d.example", "other@d.example"])
    check("from: <changed@b.example>" in stored()[0], stored()[0])
    edited(text("-", b"<c@d.example>"), text("+", b"<c@d.example>"))
    same(rcpts(), ["c@d.example"])
    edited(text("+", b"<c@d.example>"), text("+", b"<e@d.example>"))
    same(rcpts(), ["c@d.example", "e@d.example"])
    edited(text("e", b"<>"))
    check("from: <>" in stored()[0], stored()[0])


@test("an added recipient passes the checks of RCPT, or is logged and not added")
def _():
    filter = FakeMilter(SOCKET, {"E": text("+", b"<a b@d.example>") + text("+", b"<\r\nx@y>") +
                                 CONTINUE})
    session()
    same(rcpts(), ["c@d.example"])
    check("is not used" in session.log, session.log)
    filter.close()
    config = DIRECTORY + "/routes"
    with open(config, "w") as file:
        file.write("[server]\ntrusted = 192.0.2.1\n[route d.example]\nvia = discard\n"
                   "accept = anyone\n")
    filter = FakeMilter(SOCKET, {"E": text("+", b"<x@elsewhere.example>") +
                                 text("+", b"<y@d.example>") + CONTINUE})
    session(config=config)
    same(rcpts(), ["c@d.example", "y@d.example"])
    filter.close()


class Registry:
    """smtp-maildir --users, for tests: counts its questions, and knows one user."""

    def __init__(self, path, user):
        self.path, self.user, self.questions = path, user, []
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(path)
        self.listener.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            connection = self.listener.accept()[0]
            while question := connection.recv(4096):
                version, ident = struct.unpack("=II", question[:8])
                name = question[8:].split(b"\0")[0].decode()
                self.questions.append(name)
                connection.send(struct.pack("=III", version, ident, name == self.user))


@test("an added recipient of recipients = users is asked for, as in RCPT")
def _():
    config, registry = DIRECTORY + "/users.conf", DIRECTORY + "/users.sock"
    with open(config, "w") as file:
        file.write("[server]\nusers-socket = %s\n[route d.example]\nvia = maildir:~/Maildir\n"
                   "recipients = users\naccept = anyone\n[route e.example]\nvia = discard\n"
                   % registry)
    edits = text("+", b"<anna@d.example>") + text("+", b"<nobody@d.example>")
    filter = FakeMilter(SOCKET, {"E": edits + CONTINUE})
    # Nobody can be asked: the client gets the reply of RCPT, and sends again.
    got = session(config=config, rcpts=("c@e.example",))
    check("451 4.3.0 Error: local error in processing" in got, got)
    check("cannot ask which users exist" in session.log, session.log)
    same(glob.glob(QUEUE + "/new/*") + glob.glob(QUEUE + "/tmp/0*"), [])
    users = Registry(registry, "anna")
    session(config=config, rcpts=("c@e.example",))
    same(rcpts(), ["anna@d.example", "c@e.example"])
    same(users.questions, ["anna", "nobody"])
    check("its recipient <nobody@d.example> is not used" in session.log, session.log)
    filter.close()


@test("recipients that a filter adds count for their user's hour")
def _():
    edits = b"".join(text("+", b"<%d@example.org>" % i) for i in range(3))
    filter = FakeMilter(SOCKET, {"E": edits + CONTINUE})
    password = DIRECTORY + "/password"
    with open(password, "w") as file:
        file.write(subprocess.run([BUILD + "/smtp-handler-passwd", "anna"], input="right\n",
                                  capture_output=True, text=True, check=True).stdout)
    login = base64.b64encode(b"\0anna\0right").decode()
    with with_listener("quota", filter.place, more=("auth = file:" + password,
                                                    "user-recipients = 5")) as server:
        replies = []
        for _ in range(3):
            smtp = server.tls()
            smtp.ehlo()
            same(smtp.docmd("AUTH PLAIN", login)[0], 235)
            smtp.mail("a@b.example")
            replies.append(smtp.rcpt("c@example.org")[0])
            if replies[-1] == 250:
                replies.append(smtp.data(HEADER + b"\r\nx\r\n")[0])
            smtp.quit()
        # One and three; then one is left of five, and no message is sent to a part of its list.
        same(replies, [250, 250, 250, 450, 450])
        same(len(server.messages()), 1)
        server.logged("limited .*limit=user-recipients")
    filter.close()


@test("a message without a recipient left is discarded")
def _():
    edited(text("-", b"<c@d.example>"))
    same(glob.glob(QUEUE + "/new/*") + glob.glob(QUEUE + "/tmp/*"), [])
    check("discarded" in session.log, session.log)


@test("a filter discards at any step from MAIL on: the client gets a 250")
def _():
    for step in "MRTLNBE":
        filter = FakeMilter(SOCKET, {step: DISCARD})
        got = session()
        check("250 2.0.0 Ok: queued" in got, step, got, session.log)
        same(glob.glob(QUEUE + "/new/*") + glob.glob(QUEUE + "/tmp/*"), [])
        filter.close()


@test("refusals at each step: 550, 451, and a text of two lines")
def _():
    lines = reply(b"451-4.7.1 come\r\n451 4.7.1 back, 50%%")
    for step in "HMRTLNBE":
        for answer, wanted in ((REJECT, "550 5.7.1 Command rejected"),
                               (TEMPFAIL, "451 4.7.1 Service unavailable - try again later"),
                               (lines, "451-4.7.1 come\r\n451 4.7.1 back, 50%\r\n"),
                               (reply(b"554 no"), "554 no")):
            filter = FakeMilter(SOCKET, {step: answer})
            got = session()
            check(wanted in got, step, wanted, got, session.log)
            check("queued as" not in got or step == "H", step, got)
            filter.close()
    for answer, wanted in ((REJECT, "554 5.7.1"), (TEMPFAIL, "421 4.7.1")):
        filter = FakeMilter(SOCKET, {"C": answer})
        same(session()[:9], wanted)
        filter.close()
    filter = FakeMilter(SOCKET, {"M": SHUTDOWN})
    check("421 4.7.0 " in session(), session.log)
    filter.close()


@test("a reply with control characters, another class or code is not passed on")
def _():
    for bad in (b"550 5.7.1 a\x01b", b"250 2.0.0 fine", b"550 4.7.1 x", b"550-5.7.1 a\r\n451 b",
                b"55", b"", b"5500 x", b"550 " + b"x" * 3000):
        filter = FakeMilter(SOCKET, {"M": reply(bad)})
        got = session()
        check("451 4.7.1 Service unavailable" in got, bad, got)
        filter.close()


@test("filters see the client that a proxy names by XCLIENT, and not the proxy")
def _():
    proxy, client = b"EHLO proxy.example\r\n", b"EHLO c.example\r\n"
    named = b"XCLIENT NAME=mx.c.example ADDR=192.0.2.7 PORT=1234 LOGIN=anna\r\n"
    mail = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n" + HEADER + \
        b"\r\n.\r\n"
    xclient = ("server.xclient=local",)
    filter = FakeMilter(SOCKET)
    got = session(lines=proxy + named + client + mail + b"QUIT\r\n", options=xclient)
    check("250 2.0.0 Ok: queued" in got, got, session.log)
    same(filter.commands()[:5], "OCHMR", session.log)
    same(filter.data("C"), [b"mx.c.example\0004\x04\xd2192.0.2.7\0"])
    same(filter.data("H"), [b"c.example\0"])
    macros = {name: value for data in filter.data("D") for name, value in data.items()}
    same([macros[b"_"], macros[b"{auth_authen}"]], [b"mx.c.example [192.0.2.7]", b"anna"])
    filter.seen.clear()
    got = session(lines=proxy + mail + named + b"QUIT\r\n", options=xclient)
    same(filter.data("H"), [b"proxy.example\0"], "a proxy that names nobody is a client")
    check("\r\n421 4.7.0 h.example Error: XCLIENT comes after a message" in got, got)
    filter.close()
    for command, most in ("C", 1), ("H", 2):        # their refusal comes with MAIL
        filter = FakeMilter(SOCKET, {command: REJECT})
        got = session(lines=proxy + b"MAIL FROM:<a@b.example>\r\n" * 2 + b"QUIT\r\n",
                      options=xclient)
        same(len(re.findall(r"(?m)^55[04] 5\.7\.1", got)), most, got)
        check("250 2.1.0" not in got, got)
        filter.close()


@test("one refused recipient leaves the others")
def _():
    filter = FakeMilter(SOCKET, {"R": lambda data: REJECT if b"bad" in data else CONTINUE})
    got = session(rcpts=("bad@d.example", "good@d.example"))
    same(rcpts(), ["good@d.example"])
    same(got.count("550 5.7.1"), 1)
    filter.close()


@test("a filter that accepts sees no more of the message, or of the session")
def _():
    two = (b"EHLO c\r\n" + 2 * (b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\nDATA\r\n" +
                                HEADER + b"\r\n.\r\n") + b"QUIT\r\n")
    filter = FakeMilter(SOCKET, {"M": ACCEPT})
    session(lines=two)
    same(filter.commands(), "OCHMAMAQ")
    filter.close()
    filter = FakeMilter(SOCKET, {"C": ACCEPT})
    session(lines=two)
    same(filter.commands(), "OCQ")
    filter.close()


@test("the rest of a body can be skipped, and a filter may take its time")
def _():
    filter = FakeMilter(SOCKET, {"B": SKIP})
    session(message=HEADER + b"\r\n" + b"x\r\n" * 60000)
    same(len(filter.data("B")), 1)
    filter.close()

    def slowly(_):
        time.sleep(0.5)
        return WORKING * 3 + CONTINUE
    filter = FakeMilter(SOCKET, {"E": slowly})
    check("queued as" in session(timeout="1s"), session.log)
    filter.close()


@test("RSET, and a transaction that is left, end a message with an abort")
def _():
    filter = FakeMilter(SOCKET)
    session(lines=b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nMAIL FROM:<>\r\nQUIT\r\n")
    same(filter.commands(), "OCHMAMAQ")
    filter.close()


@test("each filter sees the edits of the former: fields, body")
def _():
    first = FakeMilter(SOCKET, {"E": insert(0, b"X-A", b"1") + change(1, b"Subject", b"two") +
                                body(b"new\r\n") + CONTINUE})
    second = FakeMilter(SECOND, {"E": change(1, b"X-A", b"2") + add(b"X-B", b"3") + CONTINUE})
    session(milters="unix:%s, unix:%s" % (SOCKET, SECOND))
    same(second.data("L")[0], b"X-A\x001\0")
    same(second.data("L")[2], b"Subject\0two\0")
    same(second.data("B"), [b"new\r\n"])
    same(content(), b"X-A: 2\r\n" + HEADER.replace(b"one", b"two") + b"X-B: 3\r\n\r\nnew\r\n")
    first.close()
    second.close()


@test("a filter over TCP, and one that the session starts")
def _():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    filter = FakeMilter(("127.0.0.1", port), {"E": add(b"X-Tcp", b"y") + CONTINUE})
    session(milters=filter.place)
    check(b"X-Tcp: y\r\n" in content())
    filter.close()
    program = DIRECTORY + "/program"
    with open(program, "w") as file:
        file.write("""#!/usr/bin/python3
import socket, sys
sys.path.insert(0, %r)
from fake_milter import *
filter = FakeMilter.__new__(FakeMilter)
filter.answers = {"E": add(b"X-Exec", sys.argv[1].encode()) + CONTINUE}
filter.options, filter.macros, filter.seen = (6, 0x1ff, 0), b"", []
filter.talk(socket.socket(fileno=0))
""" % (os.path.dirname(os.path.abspath(sys.modules["fake_milter"].__file__))))
    os.chmod(program, 0o755)
    session(milters="exec:%s word" % program, timeout="10s")
    check(b"X-Exec: word\r\n" in content())


@test("a filter that is away, dies, lies, hangs, or sends oversized packets: 451, or as without it")
def _():
    os.path.exists(SOCKET) and os.unlink(SOCKET)
    got = session()
    same(got.count("451 4.7.1 Service unavailable"), 1, got)
    check("milter unix:" in session.log, session.log)
    check("queued as" in session(failure="accept"), session.log)
    for step in "OCHMRTLNBE":
        for fault in (DIE, GARBAGE, HUGE, packet("?"), packet("h"), packet("y"), b"\0\0\0\0"):
            filter = FakeMilter(SOCKET, {step: fault})
            got = session(keep=True)
            check("451 4.7.1 Service unavailable" in got, step, fault, got)
            check("queued as" not in got, got)
            got = session(failure="accept")
            check("queued as" in got, step, fault, got, session.log)
            same(content(), HEADER + b"\r\n" + BODY)
            filter.close()


@test("a filter that never answers costs its time, and no more")
def _():
    for step in "OME":
        filter = FakeMilter(SOCKET, {step: HANG})
        began = time.monotonic()
        check("451 4.7.1" in session(timeout="300ms"), session.log)
        check(time.monotonic() - began < 5)
        check("in time" in session.log, session.log)
        filter.close()


@test("edits without end, that nobody negotiated, or of names that are none, are refused")
def _():
    for edits, actions in ((add(b"X", b"y") * 10001, 0x1FF), (add(b"X", b"y"), 0x1FE),
                           (add(b"a b", b"y"), 0x1FF), (add(b"a:", b"y"), 0x1FF),
                           (add(b"", b"y"), 0x1FF)):
        filter = FakeMilter(SOCKET, {"E": edits + CONTINUE}, actions=actions)
        got = session()
        check("451 4.7.1" in got, edits[:40], got)
        filter.close()
    filter = FakeMilter(SOCKET, {"E": body(b"x" * 100000) * 2 + CONTINUE})
    got = session(options=("server.max-message-size=100K",))
    check("451 4.7.1" in got, got)
    filter.close()


@test("BDAT: the filter sees the whole message once")
def _():
    filter = FakeMilter(SOCKET, {"E": add(b"X-B", b"y") + CONTINUE})
    session(lines=b"EHLO c.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
            b"BDAT %d\r\n%sBDAT 5 LAST\r\n\r\nx\r\nQUIT\r\n" % (len(HEADER), HEADER))
    same(filter.commands(), "OCHMRTLLLLNBEQ")
    same(content(), HEADER + b"X-B: y\r\n\r\nx\r\n")
    filter.close()


@test("BDAT in one packet: the replies to commands do not wait for a filter")
def _():
    shutil.rmtree(QUEUE)
    read, waited = threading.Event(), []
    filter = FakeMilter(SOCKET, {"E": lambda data: (waited.append(read.wait(5)), CONTINUE)[1]})
    process = subprocess.Popen(
        [BUILD + "/smtp-handler", "-c", "/dev/null", "-o", "queue.directory=" + QUEUE,
         "-o", "server.milter=" + filter.place, "-o", "server.hostname=h.example"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    process.stdin.write(b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
                        b"BDAT 6 LAST\r\n\r\nHi\r\n")
    process.stdin.flush()
    while not (line := process.stdout.readline()).startswith(b"250 2.1.5"):
        check(line.startswith((b"220", b"250")), line)
    read.set()
    check((line := process.stdout.readline()).startswith(b"250 2.0.0"), line)
    same(waited, [True])
    process.communicate(b"QUIT\r\n", timeout=30)
    filter.close()


@test("a client that is gone gets no message by BDAT into the queue")
def _():
    shutil.rmtree(QUEUE)
    asked = []
    filter = FakeMilter(SOCKET, {"E": lambda data: (asked.append(data), CONTINUE)[1]})
    process = subprocess.Popen(
        [BUILD + "/smtp-handler", "-c", "/dev/null", "-o", "queue.directory=" + QUEUE,
         "-o", "server.milter=" + filter.place, "-o", "server.hostname=h.example"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdin.write(b"EHLO c\r\n")
    process.stdin.flush()
    while not process.stdout.readline().startswith(b"250 "):
        pass
    process.stdout.close()
    process.stdin.write(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<c@d.example>\r\n"
                        b"BDAT 6 LAST\r\n\r\nHi\r\n")
    process.stdin.close()
    log = process.stderr.read()
    process.wait(30)
    check(b"end=lost" in log and b"accepted" not in log, log)
    same(asked, [])
    same([name for _, _, names in os.walk(QUEUE) for name in names if len(name) == 16], [])
    filter.close()


@test("a session that is killed over its edits leaves nothing")
def _():
    for size in (10, 40000):        # in the buffer, and in its room or a second file
        for edits in (b"", add(b"X", b"y"), add(b"X", b"y") + body(b"z" * 200000)):
            filter = FakeMilter(SOCKET, {"E": lambda data: (filter.connection.sendall(edits),
                                                            os.kill(process.pid, 9), DIE)[2]})
            shutil.rmtree(QUEUE)
            process = subprocess.Popen(
                [BUILD + "/smtp-handler", "-c", "/dev/null", "-o", "queue.directory=" + QUEUE,
                 "-o", "server.milter=" + filter.place], stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            process.communicate(b"EHLO c\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\n"
                                b"DATA\n\n" + b"0123456789\n" * size + b".\nQUIT\n", timeout=30)
            same(process.returncode, -9)
            same(glob.glob(QUEUE + "/new/*"), [])
            same(len(glob.glob(QUEUE + "/tmp/0*")), 1)
            subprocess.run([BUILD + "/smtp-relay", "-c", "/dev/null", "-o",
                            "queue.directory=" + QUEUE], check=True, capture_output=True)
            same([path for path in glob.glob(QUEUE + "/*/*") if os.path.isfile(path) and
                  os.path.basename(path).startswith("0")], [])
            filter.close()


@test("with a filter, and a queue that cannot be used, the client gets a 451")
def _():
    filter = FakeMilter(SOCKET)
    check("451 4.3.0" in session(options=("queue.directory=/proc/none",)), session.log)
    filter.close()


@test("quarantine: the message is held, and delivered after it is released")
def _():
    edited(text("q", b"looks odd"))
    check("quarantine: looks odd" in stored()[0], stored()[0])
    config = DIRECTORY + "/config"
    with open(config, "w") as file:
        file.write("[queue]\ndirectory = %s\n[route d.example]\nvia = discard\n" % QUEUE)
    options = ["-c", config]
    subprocess.run([BUILD + "/smtp-relay", *options], check=True, capture_output=True)
    held = glob.glob(QUEUE + "/hold/*")
    same(len(held), 1)
    subprocess.run([BUILD + "/smtp-queue", *options, "release", os.path.basename(held[0])],
                   check=True, capture_output=True)
    subprocess.run([BUILD + "/smtp-relay", *options], check=True, capture_output=True)
    same(glob.glob(QUEUE + "/*/0*"), [])


def with_listener(name, place, more=(), **options):
    """A listener with TLS whose session goes through that filter, in the clear and inside TLS."""
    keys = certificate(DIRECTORY + "/" + name, HOST)
    settings = ["milter = " + place, "tls = offer", "tls-certificate = %s.pem" % keys,
                "tls-key = %s.key" % keys, *more]
    return Server("milter-" + name, *settings, **options)


def send(smtp):
    smtp.sendmail("a@b.example", ["c@example.org"], HEADER + b"\r\n" + BODY)
    smtp.quit()


@test("sessions of a listener, in the sandbox: in the clear, after STARTTLS, with TLS at first")
def _():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for name, address in (("unix", SOCKET), ("inet", ("127.0.0.1", port))):
        filter = FakeMilter(address, {"E": add(b"X-Milter", b"y") + body(b"new\r\n") + CONTINUE})
        with with_listener(name, filter.place) as server:
            send(server.smtp())
            same(filter.data("C")[0][:11], b"[127.0.0.1]")
            send(server.tls())
            messages = server.messages()
            same(len(messages), 2, server.log())
            for message in messages:
                check(message.endswith(b"X-Milter: y\r\n\r\nnew\r\n"), message)
            macros = [m for m in filter.data("D") if b"{tls_version}" in m]
            check(macros and macros[0][b"{tls_version}"].startswith(b"TLSv1"), macros)
            check(SANITIZER or "sandbox" not in server.log(), server.log())
        with with_listener(name, filter.place, implicit=True) as server:
            smtp = smtplib.SMTP_SSL("127.0.0.1", server.port, "client.example", timeout=20,
                                    context=anyone())
            send(smtp)
            same(len(server.messages()), 1, server.log())
        filter.close()


@test("a session of a listener starts no program: its mail has to wait")
def _():
    with with_listener("exec", "exec:/bin/true") as server:
        smtp = server.smtp()
        smtp.ehlo()
        same(smtp.mail("a@b.example")[0], 451)
        server.logged("exec: is not for sessions of a listener")


os.umask(0o077)
os.makedirs(DIRECTORY)
try:
    main()
finally:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
