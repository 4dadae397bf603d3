#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Time and load: slow and long sessions, early clients, many messages; a disk that fills up."""
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HANDLER = BUILD + "/smtp-handler"
DIRECTORY = BUILD + "/tests/load"
TIMEOUT = 30

# The test has its own mounts, for a small disk.
if not os.environ.get("LOAD_TEST_INSIDE"):
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    os.environ["LOAD_TEST_INSIDE"] = "yes"
    os.execvp("unshare", ["unshare", *user, "--mount", "--propagation", "private",
                          "--", sys.executable, os.path.abspath(__file__)])


class Session:
    """A client and its handler, on a socket pair or pipes."""

    def __init__(self, *settings, before=b"", pipe=False):
        options = ["queue.directory=" + DIRECTORY + "/queue", "queue.min-free=0",
                   "server.hostname=mx.example.org", *settings]
        self.log_path = DIRECTORY + "/log"
        if pipe:
            (theirs_in, self.out), (self.into, theirs_out) = os.pipe(), os.pipe()
        else:
            ours, theirs = socket.socketpair()
            theirs_in, theirs_out, self.out = theirs.detach(), None, ours.detach()
            self.into = self.out
        if before:
            os.write(self.out, before)
        self.started = time.monotonic()
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([HANDLER, *sum((["-o", o] for o in options), [])],
                                            stdin=theirs_in,
                                            stdout=theirs_in if theirs_out is None else theirs_out,
                                            stderr=log)
        for fd in (theirs_in, theirs_out):
            if fd is not None:
                os.close(fd)

    def send(self, data):
        os.write(self.out, data)

    def reply(self):
        """One reply with all its lines."""
        text = b""
        while not re.search(rb"(?m)^\d\d\d .*\r\n\Z", text):
            octet = os.read(self.into, 1)
            if not octet:
                return text.decode()
            text += octet
        return text.decode()

    def command(self, line):
        self.send(line.encode() + b"\r\n")
        return self.reply()

    def greet(self):
        same(self.reply()[:4], "220 ")
        same(self.command("EHLO client.example")[:4], "250-")
        return self

    def envelope(self):
        same(self.command("MAIL FROM:<a@b.example>"), "250 2.1.0 Ok\r\n")
        same(self.command("RCPT TO:<u@local.example>"), "250 2.1.5 Ok\r\n")
        return self

    def data(self):
        same(self.envelope().command("DATA")[:4], "354 ")
        return self

    def trickle(self, data, step, pause):
        """Send data slowly, until all is sent or there is a reply; the number of octets sent."""
        sent = 0
        os.set_blocking(self.into, False)
        try:
            while sent < len(data):
                os.write(self.out, data[sent:sent + step])
                sent += step
                time.sleep(pause)
                try:
                    self.seen = os.read(self.into, 4096)
                    break
                except BlockingIOError:
                    self.seen = b""
        except (BrokenPipeError, ConnectionResetError):
            self.seen = self.seen or b""
        os.set_blocking(self.into, True)
        return sent

    def end(self):
        """Close the connection; the log."""
        for fd in {self.out, self.into}:
            os.close(fd)
        same(self.process.wait(TIMEOUT), 0)
        return open(self.log_path).read()

    def took(self):
        return time.monotonic() - self.started


def queued():
    return [name for name in sorted(os.listdir(DIRECTORY + "/queue/new"))
            if not name.startswith(".")]


def unfinished():
    return os.listdir(DIRECTORY + "/queue/tmp")


@test("H118 a client that sends before the greeting is logged, and served")
def _():
    s = Session(before=b"EHLO client.example\r\n")
    same(s.reply()[:4], "220 ")
    same(s.reply()[:4], "250-")
    same(s.command("QUIT")[:4], "221 ")
    log = s.end()
    check(re.search(r"session .*early=yes end=quit", log), log)


@test("H118 V18 with early-talkers = refuse, such a client is refused")
def _():
    s = Session("server.early-talkers=refuse", before=b"EHLO client.example\r\nNOOP\r\n")
    same(s.reply()[:10], "554 5.5.1 ")
    same(s.reply(), "")
    log = s.end()
    check(re.search(r"session .*early=yes end=early", log), log)


@test("H118 a client that waits is no early talker")
def _():
    s = Session("server.early-talkers=refuse").greet()
    same(s.command("QUIT")[:4], "221 ")
    log = s.end()
    check("early" not in log and "end=quit" in log, log)


@test("H118 a client on a pipe is never an early talker")
def _():
    s = Session("server.early-talkers=refuse", before=b"EHLO client.example\r\nQUIT\r\n", pipe=True)
    same(s.reply()[:4], "220 ")
    same(s.reply()[:4], "250-")
    same(s.reply()[:4], "221 ")
    log = s.end()
    check("early" not in log, log)


@test("a busy session has a deadline, too: 421 4.4.2")
def _():
    s = Session("server.session-timeout=1s").greet()
    while s.took() < 10:
        reply = s.command("NOOP")
        if reply[:3] != "250":
            break
        time.sleep(0.05)
    same(reply[:10], "421 4.4.2 ")
    check(0.9 < s.took() < 5, s.took())
    same(s.reply(), "")
    log = s.end()
    check("end=session-timeout" in log, log)


@test("the deadline inside a message: it is not queued")
def _():
    before = queued()
    s = Session("server.session-timeout=1s", "server.min-rate=0").greet().data()
    s.trickle(b"a line\r\n" * 200, 8, 0.05)
    check(s.seen.startswith(b"421 4.4.2 "), s.seen)
    check(0.9 < s.took() < 5, s.took())
    log = s.end()
    check("end=session-timeout" in log, log)
    same((queued(), unfinished()), (before, []))


SLOW = ("server.timeout=1s", "server.min-rate=1000")


@test("a message slower than min-rate: 421 4.4.2, with the reason in the log")
def _():
    before = queued()
    s = Session(*SLOW).greet().data()
    begun = time.monotonic()
    s.trickle(b"a line\r\n" * 200, 8, 0.05)
    check(s.seen.startswith(b"421 4.4.2 "), s.seen)
    check(0.9 < time.monotonic() - begun < 4, time.monotonic() - begun)
    log = s.end()
    check("end=slow" in log, log)
    same((queued(), unfinished()), (before, []))


@test("a chunk slower than min-rate: the same")
def _():
    s = Session(*SLOW).greet().envelope()
    s.send(b"BDAT 1600 LAST\r\n")
    s.trickle(b"a line\r\n" * 200, 8, 0.05)
    check(s.seen.startswith(b"421 4.4.2 "), s.seen)
    log = s.end()
    check("end=slow" in log, log)


@test("a client that is fast enough may take longer than the timeout")
def _():
    s = Session("server.timeout=1s", "server.min-rate=100").greet().data()
    s.trickle(b"a line\r\n" * 70, 10, 0.05)
    same(s.seen, b"")
    s.send(b"\r\n.\r\n")
    same(s.reply()[:4], "250 ")
    check(s.took() > 2.5, s.took())
    check("end=eof" in s.end())


@test("min-rate = 0 and a pipe may be slow")
def _():
    for settings, pipe in (("server.timeout=1s", "server.min-rate=0"), False), (SLOW, True):
        s = Session(*settings, pipe=pipe)
        s.greet().data().trickle(b"a line\r\n" * 30, 8, 0.05)
        same(s.seen, b"")
        s.send(b".\r\n")
        same(s.reply()[:4], "250 ")
        s.end()


@test("min-rate does not count between messages")
def _():
    s = Session("server.timeout=2s", "server.min-rate=1000000").greet().data()
    s.send(b"x\r\n.\r\n")
    same(s.reply()[:4], "250 ")
    for _ in range(3):
        time.sleep(1)
        same(s.command("NOOP")[:4], "250 ")
    s.end()


@test("max-messages: the next message is refused with 421 4.7.0")
def _():
    before = len(queued())
    s = Session("server.max-messages=2").greet()
    for _ in range(2):
        s.data().send(b"x\r\n.\r\n")
        same(s.reply()[:4], "250 ")
    same(s.command("MAIL FROM:<a@b.example>")[:25], "421 4.7.0 mx.example.org ")
    same(s.reply(), "")
    log = s.end()
    check("end=messages" in log and "code=421" in log, log)
    same(len(queued()), before + 2)


@test("max-messages: RSET counts, too")
def _():
    s = Session("server.max-messages=2").greet()
    for _ in range(2):
        same(s.envelope().command("RSET")[:4], "250 ")
    same(s.command("MAIL FROM:<a@b.example>")[:4], "421 ")
    s.end()


def small_disk():
    path = DIRECTORY + "/small"
    os.mkdir(path)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", path], check=True)
    return path


@test("H020 H086 a full disk: 452; with free space again, messages are accepted")
def _():
    disk = small_disk()
    s = Session("queue.directory=" + disk + "/queue", "queue.min-free=256K").greet()
    fill = disk + "/filler"
    for _ in range(2):
        with open(fill, "wb") as file:
            file.write(b"\0" * 900000)
        same(s.command("MAIL FROM:<a@b.example>"),
             "452 4.3.1 Error: insufficient system storage\r\n")
        os.unlink(fill)
        same(s.command("MAIL FROM:<a@b.example> SIZE=1000000"),
             "452 4.3.1 Error: insufficient system storage\r\n")
        s.data().send(b"x\r\n.\r\n")
        same(s.reply()[:4], "250 ")
    same(len(os.listdir(disk + "/queue/new")), 2)
    log = s.end()
    check("No space left" in log, log)
    subprocess.run(["umount", disk], check=True)
    os.rmdir(disk)


@test("H086 a disk that fills up inside a message: 452 after the dot, no file remains")
def _():
    disk = small_disk()
    s = Session("queue.directory=" + disk + "/queue").greet()
    s.data()
    s.send((b"x" * 70 + b"\r\n") * 20000 + b".\r\n")
    same(s.reply(), "452 4.3.1 Error: insufficient system storage\r\n")
    same((os.listdir(disk + "/queue/new"), os.listdir(disk + "/queue/tmp")), ([], []))
    s.data().send(b"x\r\n.\r\n")
    same(s.reply()[:4], "250 ")
    same(len(os.listdir(disk + "/queue/new")), 1)
    log = s.end()
    check('why="no space" code=452' in log and "messages=1" in log, log)
    subprocess.run(["umount", disk], check=True)
    os.rmdir(disk)


shutil.rmtree(DIRECTORY, ignore_errors=True)
os.makedirs(DIRECTORY)
for folder in "new", "tmp":
    os.makedirs(DIRECTORY + "/queue/" + folder, exist_ok=True)
main()
