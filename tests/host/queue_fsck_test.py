#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""smtp-queue fsck: it reports each fault of a queue; --repair mends it without losing a message."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-queue-fsck-test.%d" % os.getpid()
QUEUE = DIRECTORY + "/queue"
FOLDERS = ["tmp", "new", "cur", "wait", "hold", "dead", "state"]


def run(program, *argv, **more):
    return subprocess.run([BUILD + "/" + program, "-c", "/dev/null",
                           "-o", "queue.directory=" + QUEUE, "-o", "server.trusted=local",
                           *argv], capture_output=True, text=True, timeout=30, **more)


def fsck(*argv):
    """The exit status, and the reported faults: {path: object}."""
    done = run("smtp-queue", "fsck", "--json", *argv, stdin=subprocess.DEVNULL)
    same(done.stderr, "")
    return done.returncode, {one["path"]: one for one in map(json.loads, done.stdout.splitlines())}


def send():
    session = ("HELO c\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n"
               "Subject: x\n\nHello.\n.\nQUIT\n")
    done = run("smtp-handler", input=session)
    return re.search(r"queued as (\w+)", done.stdout)[1]


def fresh():
    """Make a queue with one message in new/; its ID."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(QUEUE, 0o700)
    for name in FOLDERS:
        os.mkdir(QUEUE + "/" + name, 0o700)
    return send()


def at(*parts):
    return "/".join((QUEUE,) + parts)


@test("a queue in order: no faults, exit status 0")
def _():
    fresh()
    same(fsck(), (0, {}))
    done = run("smtp-queue", "fsck")
    same([done.returncode, done.stdout],
         [0, "1 message checked, 0 being received, 0 in dead/: 0 faults\n"])


def fault(name, path, words, spoil, mended=None, repair=None):
    """A test of one fault.

    spoil(ID) makes the fault.  It is reported for path with the words.  After --repair, mended(ID)
    holds; without mended, nothing can be repaired.
    """
    @test(name)
    def _():
        one = fresh()
        spoil(one)
        where = path.replace("ID", one)
        code, found = fsck()
        same([code, list(found)], [1, [where]])
        check(re.search(words, found[where]["fault"]), found)
        same([found[where].get("repair"), found[where]["repaired"]], [repair, False])
        text = run("smtp-queue", "fsck").stdout
        check(text.startswith(where + " ") and "1 fault\n" in text, text)
        code, found = fsck("--repair")
        if mended:
            same([code, found[where]["repaired"]], [0, True], found)
            check(mended(one),
                  subprocess.run(["find", QUEUE, "-ls"], capture_output=True, text=True).stdout)
            same(fsck(), (0, {}))
        else:
            same([code, found[where]["repaired"]], [1, False])
    return _


def write(path, content=b"x"):
    with open(path, "wb") as file:
        file.write(content)
    os.chmod(path, 0o600)


def patch(path, place, octets):
    with open(path, "r+b") as file:
        file.seek(place, 0 if place >= 0 else 2)
        file.write(octets)


def bucket(name, one, to="cur"):
    os.mkdir(at("wait", name), 0o700)
    os.rename(at("new", one), at("wait", name, one))


def mode(bits, *parts):
    def is_right(one):
        path = at(*(part.replace("ID", one) for part in parts))
        return os.stat(path).st_mode & 0o777 == bits
    return is_right


def has(*parts):
    return lambda one: os.path.exists(at(*(part.replace("ID", one) for part in parts)))


fault("a folder is missing", "hold", "missing", lambda one: os.rmdir(at("hold")),
      has("hold"), "make")
fault("others may read the queue", ".", "others", lambda one: os.chmod(QUEUE, 0o755),
      mode(0o700, "."), "mode")
fault("others may read a folder", "wait", "others", lambda one: os.chmod(at("wait"), 0o750),
      mode(0o700, "wait"), "mode")
fault("others may read a message", "new/ID", "others", lambda one: os.chmod(at("new", one), 0o644),
      mode(0o600, "new", "ID"), "mode")
fault("a file that is not the queue's", "notes.txt", "does not belong to the queue",
      lambda one: write(at("notes.txt")))
fault("a file in cur/ that is no message", "cur/0000000000000001", "not a message",
      lambda one: write(at("cur", "0000000000000001")),
      has("dead", "0000000000000001"), "bury")
fault("a name in new/ that is no ID", "new/core", "name", lambda one: write(at("new", "core")),
      has("dead", "core"), "bury")
fault("a folder in hold/", "hold/0000000000000001", "kind",
      lambda one: os.mkdir(at("hold", "0000000000000001")),
      has("dead", "0000000000000001"), "bury")
fault("a link in hold/", "hold/0000000000000001", "kind",
      lambda one: os.symlink("/etc/passwd", at("hold", "0000000000000001")),
      lambda one: (os.path.islink(at("dead", "0000000000000001"))
                   and os.stat("/etc/passwd").st_mode & 0o44 == 0o44), "bury")
fault("a socket in cur/", "cur/0000000000000001", "kind",
      lambda one: socket.socket(socket.AF_UNIX).bind(at("cur", "0000000000000001")),
      has("dead", "0000000000000001"), "bury")
fault("a message that was cut", "new/ID", "envelope is damaged",
      lambda one: os.truncate(at("new", one), 250), has("dead", "ID"), "bury")
fault("a message under another ID", "new/0000000000000001", "not a message",
      lambda one: os.rename(at("new", one), at("new", "0000000000000001")),
      has("dead", "0000000000000001"), "bury")
fault("one changed octet of the content", "new/ID", "check sum",
      lambda one: patch(at("new", one), -5, b"X"))
fault("a copy in two folders", "new/ID", "another folder",
      lambda one: shutil.copy2(at("new", one), at("hold", one)))
fault("an empty folder in wait/", "wait/1795323773", "empty",
      lambda one: os.mkdir(at("wait", "1795323773"), 0o700),
      lambda one: os.listdir(at("wait")) == [], "remove")
fault("a message that is never due", "wait/ID", "for ever",
      lambda one: os.rename(at("new", one), at("wait", one)), has("new", "ID"), "new")
fault("a name in wait/ that is no time", "wait/soon", "not a folder whose name is a time",
      lambda one: os.mkdir(at("wait", "soon"), 0o700), has("dead", "soon"), "bury")
fault("a time in another form", "wait/0060", "a time in an unusual form",
      lambda one: bucket("0060", one))
fault("a complete message that its handler has left in tmp/", "tmp/ID",
      "is complete, but its handler has ended",
      lambda one: os.rename(at("new", one), at("tmp", one)), has("new", "ID"), "new")


@test("an incomplete message is left to the relay; a message with a handler is no fault")
def _():
    one = fresh()
    handler = subprocess.Popen([BUILD + "/smtp-handler", "-c", "/dev/null",
                                "-o", "queue.directory=" + QUEUE, "-o", "server.trusted=local"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    handler.stdin.write(b"HELO c\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n"
                        + b"x" * 60 + b"\n")
    handler.stdin.flush()
    while b"354" not in handler.stdout.readline():
        pass
    same(len(os.listdir(at("tmp"))), 1)
    check("1 being received" in run("smtp-queue", "fsck", "--repair").stdout)
    check(" receiving" in run("smtp-queue", "list", "--state", "receiving").stdout)
    handler.kill()
    handler.communicate()
    code, found = fsck()
    same([code, [f["repair"] for f in found.values()]], [1, ["relay"]])
    same(run("smtp-relay", "-o", "relay.resolver=127.0.0.1@1",
             "-o", "relay.processes=1").returncode, 0)
    same([fsck(), os.listdir(at("tmp"))], [(0, {}), []])
    check(one in run("smtp-queue", "list", "--ids").stdout)


@test("a message with changed states of recipients is still whole")
def _():
    one = fresh()
    text = open(at("new", one), "rb").read()
    patch(at("new", one), text.index(b"\nP <") + 1, b"D")
    with open(at("new", one), "ab") as file:
        file.write(b"2026-11-22T08:00:00Z <c@d.example> delivered 2.0.0\n")
    same(fsck(), (0, {}))


@test("a hostile name is shown, not obeyed")
def _():
    fresh()
    with open(os.fsencode(at("new", "")) + b"\x1b]0;x\x07\xff", "wb"):
        pass
    done = subprocess.run([BUILD + "/smtp-queue", "-c", "/dev/null",
                           "-o", "queue.directory=" + QUEUE, "fsck"], capture_output=True)
    same(done.stdout.splitlines()[0],
         b"new/?]0;x?? is not a message: its name or its kind is wrong; "
         b"--repair puts it into dead/")


try:
    main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
finally:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
