#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Files that claim much cost what they hold: time and memory of the runner and of smtp-queue."""
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SANITIZED = "san" in os.path.basename(BUILD)
DIRECTORY = "/tmp/smtp-queue-size-test.%d" % os.getpid()
QUEUE, CONFIG = DIRECTORY + "/queue", DIRECTORY + "/config"
SESSION = ("HELO c\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n"
           "Subject: x\n\nHello.\n.\nQUIT\n")


def fresh():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\n[server]\ntrusted = local\nhostname = h.example\n"
                   "[route d.example]\nvia = discard\n" % QUEUE)
    run("smtp-relay")


# A process inherits the peak of the memory of its parent's, and ours is large.
MEASURE = ("import os, subprocess, sys; p = subprocess.Popen(sys.argv[1:]); "
           "_, status, usage = os.wait4(p.pid, 0); "
           "print('USED', os.waitstatus_to_exitcode(status), usage.ru_maxrss // 1024)")


def measured(program, *argv):
    """The exit status, the output, the seconds, and the greatest MiB of the process."""
    begin = time.monotonic()
    done = subprocess.run(["/usr/bin/python3", "-c", MEASURE, BUILD + "/" + program, "-c", CONFIG,
                           *argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    text, _, used = done.stdout.decode().rpartition("USED ")
    code, mebibytes = map(int, used.split())
    return code, text, time.monotonic() - begin, mebibytes


def run(program, *argv, **more):
    return subprocess.run([BUILD + "/" + program, "-c", CONFIG, *argv], capture_output=True,
                          text=True, timeout=60, **more)


def send():
    return re.search(r"queued as (\w+)", run("smtp-handler", input=SESSION).stdout)[1]


def forged(name, recipients, content=b"x\r\n", size=None):
    rest = (b"id: " + name.encode() + b"\narrived: %d.000000 2026-11-22T08:00:00Z\n"
            b"from: <a@b.example>\n" % time.time() + recipients + b"\n")
    fixed = (b"smtp-handler 1 size=%016d envelope=%08d sum=%016x\n"
             b"content 8bit=n utf8=n dots=n binary=n crlf=y longest=0000000001\n"
             b"tried 0000 warned n\n")
    envelope = len(fixed % (0, 0, 0)) + len(rest)
    return fixed % (size or envelope + len(content), envelope, 0) + rest + content


def put(path, octets, size=None):
    with open(QUEUE + "/" + path, "wb") as file:
        file.write(octets)
        if size:
            file.truncate(size)
    os.chmod(QUEUE + "/" + path, 0o600)


def names(folder):
    return os.listdir(QUEUE + "/" + folder)


def within(what, seconds, mebibytes, result, code=0):
    note("%s: %.1f s, %.0f MiB" % (what, result[2], result[3]))
    same(result[0], code, what, result[1][-500:])
    if not SANITIZED:
        check(result[2] < seconds and result[3] < mebibytes, what, result[2:])


@test("a sparse file of 100 GB in tmp/: the other mail is delivered at once, the file goes")
def _():
    fresh()
    put("tmp/0000000000000001", forged("0000000000000001", b"P <c@d.example>\n", b"", 100 << 30),
        100 << 30)
    send()
    within("smtp-queue fsck", 5, 30, measured("smtp-queue", "fsck"), 1)
    within("smtp-relay", 5, 40, measured("smtp-relay"))
    same([names("tmp"), names("new"), names("cur")], [[], [], []])


@test("a file of tmp/ that is long to prove keeps no mail back")
def _():
    fresh()
    size = 3 << 30
    with open(QUEUE + "/tmp/0000000000000001", "wb") as file:
        file.write(forged("0000000000000001", b"P <c@d.example>\n", b"", size))
        for at in range(65536, size, 65536):		# each piece has one octet that is no hole
            if at % (1 << 20) == 0:
                os.pwrite(file.fileno(), b"x", at)
        file.truncate(size)
    one = send()
    relay = subprocess.Popen([BUILD + "/smtp-relay", "-c", CONFIG], stderr=subprocess.PIPE,
                             text=True)
    lines = relay.stderr.read().splitlines()
    same(relay.wait(), 0)
    check(any("finished id=" + one in line for line in lines), lines)
    same(names("tmp"), [])


@test("envelopes of 60 MB: memory in proportion to what is in them")
def _():
    for what, recipients, folder in (
            ("7 million recipients", b"P <a@b>\n" * (60 << 17), "dead"),
            ("50,000 recipients", b"".join(b"P <%s%d@d.example>\n" % (b"x" * 1200, i)
                                           for i in range(49999)), None),
            ("a hole", b"", "dead")):
        fresh()
        octets = forged("0000000000000001", recipients)
        if not recipients:
            octets = forged("0000000000000001", b"P <c@d.example>\n" * 10)
            octets = re.sub(rb"size=\d+ envelope=\d+", b"size=%016d envelope=%08d" % (
                61 << 20, 60 << 20), octets, count=1)
        put("new/0000000000000001", octets, None if recipients else 61 << 20)
        within("smtp-relay, " + what, 20, 260, measured("smtp-relay"))
        same([names("new"), names("cur"), names("tmp")], [[], [], []])
        if folder:
            same(names(folder), ["0000000000000001"])


@test("state/ full of anything costs a moment")
def _():
    for name in ("frozen", "hosts"):
        for fill in (b"", b"\n" * (8 << 20), b"x" * (8 << 20)):
            fresh()
            put("state/" + name, fill, 100 << 30)
            send()
            within("smtp-relay, state/%s" % name, 5, 40, measured("smtp-relay"))
            same(names("cur"), [])
            within("smtp-queue hosts", 5, 30, measured("smtp-queue", "hosts"))


main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
