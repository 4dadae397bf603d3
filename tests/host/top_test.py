#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""smtp-queue top: the page at several sizes, its keys, hostile names, and a run at work."""
import fcntl
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test, wait_for  # noqa: E402

import pyte  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-top-test.%d" % os.getpid()
QUEUE, CONFIG, LMTP = DIRECTORY + "/queue", DIRECTORY + "/config", DIRECTORY + "/lmtp"


def fresh():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\nmin-free = 0\n[server]\ntrusted = local\n"
                   "hostname = h.example\n[route d.example]\nvia = discard\n"
                   "[route later.example]\nvia = lmtp:/nowhere/socket\n"
                   "[route slow.example]\nvia = lmtp:%s\n"
                   "[route *]\nvia = smtp://127.0.0.1:1\n" % (QUEUE, LMTP))


def run(program, *argv, **more):
    return subprocess.run([BUILD + "/" + program, "-c", CONFIG, *argv], capture_output=True,
                          text=True, timeout=60, **more)


def send(*recipients):
    lines = ["HELO c", "MAIL FROM:<a@b.example>", *("RCPT TO:<%s>" % r for r in recipients),
             "DATA", "Subject: x", "", "Hello.", ".", "QUIT", ""]
    check("queued" in run("smtp-handler", input="\n".join(lines)).stdout)


def once(columns=100, **env):
    done = run("smtp-queue", "top", "--once", env={"LC_ALL": "C.UTF-8", "COLUMNS": str(columns),
                                                    **env})
    same([done.returncode, done.stderr], [0, ""])
    for line in done.stdout.splitlines():
        check(len(line) <= columns, "%d: %s" % (columns, line))
        check(line.isprintable(), repr(line))
    return done.stdout


class Screen:
    """top on a terminal that pyte emulates."""

    def __init__(self, rows, columns):
        self.screen = pyte.Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.resize_to(0, rows, columns)
            os.execve(BUILD + "/smtp-queue", ["smtp-queue", "-c", CONFIG, "top"],
                      {"TERM": "xterm", "LC_ALL": "C.UTF-8"})
        self.before = None

    @staticmethod
    def resize_to(fd, rows, columns):
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        self.resize_to(self.fd, rows, columns)

    def read(self, for_s=0.1):
        end = time.monotonic() + for_s
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                break
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            self.raw += data
            self.stream.feed(data)
        return [line.rstrip() for line in self.screen.display]

    def wait(self, pattern, deadline_s=10):
        found = wait_for(lambda: re.search(pattern, "\n".join(self.read()), re.M), deadline_s)
        check(found, pattern, "\n".join(self.screen.display))
        return [line.rstrip() for line in self.screen.display]

    def end(self):
        """The exit status; the terminal must be as it was."""
        status = wait_for(lambda: self.read() and os.waitpid(self.pid, os.WNOHANG)[0] and "over")
        check(status, "it does not end", self.screen.display)
        check(self.raw.endswith(b"\x1b[?25h\x1b[?1049l"), self.raw[-40:])
        os.close(self.fd)


def test_with_queue():
    fresh()
    for i in range(3):
        send("c@d.example", "e%d@later.example" % i, "f@x.example")
    run("smtp-relay")


def pages_of_a_second():
    """Lines of a page without a terminal, and of one with --once; None if an age changed."""
    before = once(80).splitlines()[1:]
    plain = run("smtp-queue", "top").stdout.splitlines()[1:]
    return (plain, before) if once(80).splitlines()[1:] == before else None


@test("a page has the queue, the counters, and what each destination waits for")
def _():
    test_with_queue()
    text = once()
    check("h.example " in text and "no relay at work" in text, text)
    check("to deliver 3: new 0, active 0, waiting 3, oldest" in text, text)
    check(re.search(r"^in all +3 +3 +6 +- +-", text, re.M), text)
    check(re.search(r"^lmtp:/nowhere/socket +- +- +3 +\d+s cannot connect to", text, re.M), text)
    check(re.search(r"^smtp://127.0.0.1:1 +- +- +3 +\d+s no exchanger answered", text, re.M),
          text)
    plain, page = wait_for(pages_of_a_second, 60) or ("", "two pages of one second")
    same(plain, page, "without a terminal it is one page")
    same(run("smtp-queue", "list", "--once").returncode, 64)


@test("an empty queue, a missing state/, and a missing queue")
def _():
    fresh()
    os.makedirs(QUEUE, 0o700)
    check("to deliver 0:" in once())
    same(os.listdir(QUEUE), [], "top has made files")
    os.rmdir(QUEUE)
    same(run("smtp-queue", "top", "--once").returncode, 75)


for rows, columns in ((24, 80), (10, 40), (60, 200), (3, 20), (1, 1)):
    @test("a screen of %d rows and %d columns; q ends it" % (rows, columns))
    def _(rows=rows, columns=columns):
        test_with_queue()
        send("u@new.example")
        with open(QUEUE + "/state/hosts", "a") as file:
            now = int(time.time())
            for i in range(50):
                file.write("192.0.2.%d:25 mx%d.example 900 900 %d %d 9 0 %d 0 0 0 0 0\n" %
                           (i + 1, i, now - 90, now - 1, now - 90))
        screen = Screen(rows, columns)
        lines = screen.wait("DESTINATION" if columns >= 40 else "^h" if columns > 1 else "^…")
        same(len(lines), rows)
        check(lines[0].startswith("h.example"[:columns - 1]), lines)
        if rows >= 10:
            screen.wait("lmtp:/nowher")
            lines = screen.wait("and [0-9]+ more" if rows < 60 else "^192.0.2.50")
        if rows == 10:
            same([line for line in lines if "and" in line][0], "  and 49 more", lines)
        os.write(screen.fd, b"q")
        screen.end()


@test("a resized screen is drawn anew, and signals give the terminal back")
def _():
    test_with_queue()
    screen = Screen(24, 80)
    screen.wait("lmtp:/nowhere")
    cooked = termios.tcgetattr(screen.fd)
    check(not cooked[3] & termios.ICANON, "keys come at once")
    screen.resize(10, 40)
    lines = screen.wait("DESTINATION")
    same(max(len(line) for line in lines) <= 40, True)
    screen.resize(60, 200)
    screen.wait("WAITS FOR, OR LAST REPLY")
    os.write(screen.fd, b"\x1a")				# ^Z
    check(wait_for(lambda: screen.read() and screen.raw.endswith(b"\x1b[?1049l")), "not stopped")
    check(termios.tcgetattr(screen.fd)[3] & termios.ICANON, "the terminal is as it was")
    os.kill(screen.pid, signal.SIGCONT)
    screen.wait("DESTINATION")
    os.kill(screen.pid, signal.SIGTERM)
    screen.end()


@test("a new message and its end show by themselves, with their rates")
def _():
    test_with_queue()
    screen = Screen(24, 100)
    screen.wait("to deliver 3:")
    send("c@new.example")
    screen.wait("to deliver 4: new 1")
    screen.wait(r"^now +(0\.[1-9]|[1-9])")
    run("smtp-relay")
    screen.wait("to deliver 4: new 0, active 0, waiting 4")
    run("smtp-queue", "delete", "--all")
    os.write(screen.fd, b" ")				# a key: now
    screen.wait("to deliver 0:", 1.5)
    os.write(screen.fd, b"q")
    screen.end()


HOSTILE = "\x1b[2J\x1b]0;title\x07\r\n\t\x9b31m\u202e"


@test("names and replies with control characters are harmless, and damaged files too")
def _():
    test_with_queue()
    for root, _, names in os.walk(QUEUE + "/wait"):
        for name in names:
            with open(root + "/" + name, "a") as file:
                file.write("2026-11-22T05:02:53Z <f@x.example> deferred 4.0.0 \"450 %s\"\n" %
                           HOSTILE.replace("\n", " "))
    state = QUEUE + "/state/"
    with open(state + "destinations", "w") as file:
        file.write("# time workers messages recipients destinations\n%d 9 9 9 9\n"
                   "5\t5\t5\tpro%s\tbad%s\twhy%s\n" % (time.time(), *[HOSTILE] * 3))
    with open(state + "frozen", "w") as file:
        now = time.time()
        file.write("%d %d 300 1 route%%20bad why%s\n" % (now, now + 300, HOSTILE))
    lock = os.open(QUEUE + "/state/lock", os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    for locale in ("C", "C.UTF-8"):
        text = once(200, LC_ALL=locale)
        check("450 ?[2J?]0;title?" in text, text)
    once(40)
    os.close(lock)
    for name in ("destinations", "frozen", "hosts", "counts", "counted"):
        for damage in (os.urandom(30000), b"", b"\t" * 5000, b"-1 " * 4000):
            with open(state + name, "wb") as file:
                file.write(damage)
            check("to deliver 3:" in once())


@test("of a long queue a part is read, and stands for the rest")
def _():
    fresh()
    lines = ["HELO c"]
    for i in range(6000):
        lines += ["MAIL FROM:<a@b.example>",
                  "RCPT TO:<u@%s.example>" % ("later" if i % 5 == 0 else "x"),
                  "DATA", "Subject: x", "", ".", "RSET"]
    run("smtp-handler", input="\n".join(lines + ["QUIT", ""]))
    text = once(100)
    check("to deliver 6000:" in text, text)
    for name, wanted in (("lmtp:/nowhere/socket", 1200), ("smtp://127.0.0.1:1", 4800)):
        found = re.search(r"^%s +- +- +~(\d+) " % re.escape(name), text, re.M)
        check(found and 0.8 < int(found[1]) / wanted < 1.2, text)


@test("a run at work: its workers, what is ready, and the pause of a host")
def _():
    fresh()
    server = socket.socket(socket.AF_UNIX)
    server.bind(LMTP)
    server.listen(100)				# and no reply
    for i in range(4):
        send("u%d@slow.example" % i)
    relay = subprocess.Popen([BUILD + "/smtp-relay", "-c", CONFIG], stderr=subprocess.DEVNULL)
    try:
        name = re.escape("lmtp:" + LMTP)[:40]
        check(wait_for(lambda: re.search(
            r"^%s +1 +3 +4 .*for its workers, 1 at most now" % name, once(200), re.M)), once(200))
        check("relay at work: 1 workers, 4 messages" in once(200), once(200))
        screen = Screen(24, 200)
        screen.wait("^%s +1 +3 +4 " % name)
    finally:
        relay.kill()
        relay.wait()
    screen.wait("no relay at work")
    screen.wait("^%s +- +- +4 " % name, 5)		# the next page of the same screen
    os.write(screen.fd, b"q")
    screen.end()
    check("no relay at work" in once(200))
    same([line for line in once(200).splitlines() if "for its workers" in line], [])
    now = int(time.time())
    with open(QUEUE + "/state/hosts", "w") as file:
        file.write("192.0.2.1:25 mx.example 900 900 %d %d 9 0 %d 0 0 0 0 0\n" %
                   (now - 90, now - 1, now - 90))
    ids = ["0SJ5TN5K6X3N0BK%d" % i for i in range(9)]
    os.makedirs(QUEUE + "/wait/1795338480", exist_ok=True)
    for message in ids[:7]:                     # two have been delivered since they were listed
        with open(QUEUE + "/wait/1795338480/" + message, "w"):
            pass
    os.makedirs(QUEUE + "/state/waiting", exist_ok=True)
    with open(QUEUE + "/state/waiting/192.0.2.1:25", "w") as file:
        file.write("".join("01795338480 %s\n" % message for message in ids))
    check(re.search(r"^192.0.2.1:25 +\w+ +9 +7 mx.example$", once(200), re.M), once(200))


main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
