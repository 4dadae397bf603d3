#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The handler, which is linked statically, with a wrong clock (tests/lib/wrongclock.c)."""
import datetime
import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import bail_out, check, main, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HERE = BUILD + "/tests/wrong-clock"
SHIFT, CONFIG, QUEUE, MAIL = (HERE + name for name in ("/shift", "/conf", "/queue", "/mail"))
DAY = 86400
SHIFTS = -3650 * DAY, -DAY, DAY, 3650 * DAY
# LeakSanitizer does not work under ptrace(2).
TRACED = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def set_clock(shift):
    with open(SHIFT + ".tmp", "w") as file:
        file.write("%d\n" % shift)
    os.rename(SHIFT + ".tmp", SHIFT)


def fresh(shift, timeout="5min"):
    shutil.rmtree(HERE, ignore_errors=True)
    os.makedirs(HERE)
    set_clock(shift)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\nmin-free = 0\n[server]\nhostname = mx.example.org\n"
                   "trusted = local\ntimeout = %s\n[route local.example]\n"
                   "via = maildir:%s/{local}\n" % (QUEUE, timeout, MAIL))


class Session:
    """A session with the handler, whose clock is what the file SHIFT says at each moment."""

    def __init__(self):
        ours, theirs = socket.socketpair()
        with theirs, open(HERE + "/log", "a") as log:
            self.process = subprocess.Popen(
                [BUILD + "/tests/wrongclock", SHIFT, BUILD + "/smtp-handler", "-c", CONFIG],
                stdin=theirs, stdout=theirs, stderr=log, env=TRACED)
        ours.settimeout(60)
        self.sock, self.file = ours, ours.makefile("rb")

    def reply(self):
        while (line := self.file.readline())[3:4] == b"-":
            pass
        return line.decode()

    def send(self, text):
        self.sock.sendall(text.replace("\n", "\r\n").encode())

    def command(self, text, code):
        self.send(text + "\n")
        reply = self.reply()
        check(reply.startswith(code), text, reply)

    def begin(self):
        check(self.reply().startswith("220"), "no greeting")
        self.command("EHLO client.example", "250")
        self.command("MAIL FROM:<a@b.example>", "250")
        self.command("RCPT TO:<anna@local.example>", "250")

    def end(self):
        self.command("QUIT", "221")
        self.file.close()
        self.sock.close()
        same(self.process.wait(60), 0)


def dates(text):
    """The times in the fields Received, in seconds."""
    found = re.findall(r"(\d+) (\w\w\w) (\d{4}) (\d\d):(\d\d):(\d\d) \+0000", text)
    return [datetime.datetime(int(year), MONTHS.index(month) + 1, int(day), int(hour), int(minute),
                              int(second), tzinfo=datetime.timezone.utc).timestamp()
            for day, month, year, hour, minute, second in found]


def deliver():
    """The messages that a runner with a right clock delivers."""
    done = subprocess.run([BUILD + "/smtp-relay", "-c", CONFIG, "--flush"], capture_output=True,
                          text=True, timeout=120)
    same(done.returncode, 0)
    left = [path for folder in ("tmp", "new", "cur", "wait/*", "hold", "dead")
            for path in glob.glob("%s/%s/*" % (QUEUE, folder)) if os.path.isfile(path)]
    same(left, [])
    return [open(path).read() for path in glob.glob(MAIL + "/anna/new/*")]


@test("a clock that is a day or ten years wrong: the mail is taken, and delivered")
def _():
    for shift in SHIFTS:
        fresh(shift)
        session = Session()
        session.begin()
        session.command("DATA", "354")
        session.command("Subject: x\n\nx\n.", "250")
        session.end()
        mail = deliver()
        same(len(mail), 1)
        wrong_s = dates(mail[0])[-1] - time.time() - shift
        check(abs(wrong_s) < 120, "the clock was not wrong", shift, mail[0])


@test("a clock that jumps by ten years in a session: nothing is lost, and no time ends")
def _():
    for shift in -3650 * DAY, 3650 * DAY:
        fresh(0)
        session = Session()
        session.begin()
        set_clock(shift)
        session.command("NOOP", "250")
        session.command("DATA", "354")
        session.send("Subject: x\n\none\n")
        set_clock(-shift)
        session.send("two\n")
        set_clock(0)
        session.command("three\n.", "250")
        session.command("MAIL FROM:<a@b.example>", "250")
        session.command("RCPT TO:<anna@local.example>", "250")
        set_clock(shift)
        session.send("BDAT 14\nSubject: y\n\n")
        set_clock(-shift)
        check(session.reply().startswith("250"), "no reply to BDAT")
        session.command("BDAT 3 LAST\nz", "250")
        session.end()
        same(sorted(text.partition("\n\n")[2] for text in deliver()), ["one\ntwo\nthree\n", "z\n"])


@test("a clock that is set back does not make a silent client last longer")
def _():
    fresh(0, "2s")
    session = Session()
    session.begin()
    start_s = time.monotonic()
    set_clock(-DAY)
    session.command("NOOP", "250")
    set_clock(-3650 * DAY)
    check(session.reply().startswith("421"), "no 421")
    check(1.5 < time.monotonic() - start_s < 30, "too early or late", time.monotonic() - start_s)
    same(session.process.wait(60), 0)


def can_trace():
    fresh(0)
    return subprocess.run([BUILD + "/tests/wrongclock", SHIFT, "/bin/true"],
                          capture_output=True).returncode == 0


if __name__ == "__main__":
    if not os.path.exists(BUILD + "/tests/wrongclock"):
        bail_out("type: make %s/tests/wrongclock" % os.path.basename(BUILD))
    if not can_trace():
        print("1..0 # SKIP a program cannot be traced here")
        sys.exit(0)
    main()
