#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""SIGKILL at any octet of a session and at any moment of a commit.

No acknowledged message is lost, and no half-written message is ever in the queue.

All sessions use one queue.  Each carries two messages with different names.  At the end the runner
recovers the queue and delivers all messages into a mailbox.  The test compares the mailbox with
the replies that the clients read.
"""
import fcntl
import glob
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HANDLER, RELAY = BUILD + "/smtp-handler", BUILD + "/smtp-relay"
DIRECTORY = BUILD + "/tests/handler_kill"
CONFIG, MAIL, LOG = DIRECTORY + "/config", DIRECTORY + "/mail", DIRECTORY + "/log"
DEADLINE = time.monotonic() + 35       # then each test makes 100 kills, and no more

acknowledged, sent, kills = set(), set(), 0


def body(name):
    return ("Subject: %s\r\n\r\n%s\r\nend of %s\r\n"
            % (name, "\r\n".join("line %d of %s" % (i, name) for i in range(5)), name))


def session(number):
    """The octets of a session, and the end of each message in them."""
    text, ends = "EHLO client.example\r\n", []
    for letter in "ab":
        name = "%d%s" % (number, letter)
        text += ("MAIL FROM:<s@client.example>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n"
                 + body(name) + ".\r\n")
        ends.append((len(text), name))
    return (text + "QUIT\r\n").encode(), ends


def pending(fd):
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0" * 4))[0]


def cut(data, ends, at, wait_s=0, until_read=True, until_acknowledged=False):
    """Send data[:at], wait, kill; note the messages that were acknowledged."""
    global kills
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
    with open(LOG, "ab") as log:
        process = subprocess.Popen([HANDLER, "-c", CONFIG], stdin=theirs_in, stdout=theirs_out,
                                   stderr=log)
    os.close(theirs_in)
    os.close(theirs_out)
    os.write(ours_out, data[:at])
    end = time.monotonic() + 10
    while until_read and pending(ours_out) and time.monotonic() < end:
        os.sched_yield()
    end = time.monotonic() + wait_s
    while time.monotonic() < end:
        os.sched_yield()
    replies = b""
    while until_acknowledged and b"queued as" not in replies:
        replies += os.read(ours_in, 65536)
    process.kill()
    process.wait()
    kills += 1
    os.close(ours_out)
    while more := os.read(ours_in, 65536):
        replies += more
    os.close(ours_in)
    accepted = len(re.findall(rb"^250 2\.0\.0 Ok: queued as [0-9A-Z]{16}\r\n", replies, re.M))
    check(accepted <= sum(end <= at for end, _ in ends), "acknowledged before its end came",
          replies)
    acknowledged.update(name for _, name in ends[:accepted])
    sent.update(name for end, name in ends if end <= at)


def whole(path):
    data = open(path, "rb").read()
    head = re.match(rb"smtp-handler 1 size=(\d{16}) ", data)
    return head is not None and int(head[1]) == len(data)


def nothing_half_written():
    for path in glob.glob(DIRECTORY + "/queue/new/*"):
        check(whole(path), "half-written: " + path, open(path, "rb").read())


@test("SIGKILL after every octet of a session with two messages")
def every_octet():
    length = len(session(10000)[0])
    for at in range(length + 1):
        data, ends = session(10000 + at)
        cut(data, ends, at)
    nothing_half_written()


@test("SIGKILL at random moments of a session that is sent in one piece")
def any_moment():
    generator = random.Random(5321)
    number = 20000
    # The moments reach from before the first octet is read to well after the second commit.
    while number < 20400 and (number < 20100 or time.monotonic() < DEADLINE - 15):
        data, ends = session(number)
        cut(data, ends, len(data), generator.uniform(0, 0.006), until_read=number % 2 == 0)
        number += 1
    nothing_half_written()


@test("SIGKILL at random moments after the final dot")
def any_moment_of_a_commit():
    generator = random.Random(2821)
    times = []
    for number in range(29990, 30000):
        data, ends = session(number)
        times.append(time.monotonic())
        cut(data, ends, ends[0][0], until_read=False, until_acknowledged=True)
        times.append(time.monotonic() - times.pop())
    number, before = 30000, len(acknowledged)
    while number < 30400 and (number < 30100 or time.monotonic() < DEADLINE - 8):
        data, ends = session(number)
        cut(data, ends, ends[0][0], generator.uniform(0, sorted(times)[5]))
        number += 1
    nothing_half_written()
    note("a session takes %.1f ms; %d of %d kills were too late" % (
        1000 * sorted(times)[5], len(acknowledged) - before, number - 30000))


@test("SIGKILL the moment the 250 is read")
def at_the_reply():
    for number in range(40000, 40200):
        data, ends = session(number)
        cut(data, ends, ends[0][0], until_read=False, until_acknowledged=True)
        check("%da" % number in acknowledged, "no 250")
    nothing_half_written()


@test("recovery: every acknowledged message is delivered, each one whole; tmp/ is empty")
def recovery():
    note("%d kills, %d messages sent to their end, %d acknowledged, %d complete in tmp/" % (
        kills, len(sent), len(acknowledged),
        sum(map(whole, glob.glob(DIRECTORY + "/queue/tmp/*")))))
    result = subprocess.run([RELAY, "-c", CONFIG], stdin=subprocess.DEVNULL, capture_output=True,
                            timeout=60, text=True)
    same(result.returncode, 0, result.stderr[-2000:])
    delivered = {}
    for path in glob.glob(MAIL + "/new/*"):
        text = open(path, encoding="ascii").read()
        name = re.search(r"^Subject: (\w+)$", text, re.M)[1]
        check(name not in delivered, "twice: " + name)
        delivered[name] = text[text.index("Subject: "):]
    same(sorted(acknowledged - delivered.keys()), [], "acknowledged and lost")
    same(sorted(delivered.keys() - sent), [], "delivered although its end was never sent")
    for name, text in delivered.items():
        same(text, body(name).replace("\r\n", "\n"), name)
    same(os.listdir(DIRECTORY + "/queue/tmp") + os.listdir(DIRECTORY + "/queue/new"), [])


shutil.rmtree(DIRECTORY, ignore_errors=True)
os.makedirs(DIRECTORY)
with open(CONFIG, "w") as config:
    config.write("[queue]\ndirectory = %s/queue\nmin-free = 0\n[server]\n"
                 "hostname = mx.example.org\n"
                 "[route local.example]\nvia = maildir:%s\n" % (DIRECTORY, MAIL))
main()
