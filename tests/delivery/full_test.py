# SPDX-License-Identifier: ISC
"""Full disks, full tables of inodes, read-only disks, and clocks that are wrong.

After the trouble is over, a message that got its 250 is delivered or reported, as it was.  Another
one is absent or whole.
"""
import os
import socket
import subprocess
import sys
import threading
import time

from programs import HANDLER, RELAY, SANITIZER
from tap import check, main, note, same, skip, test, wait_for

if open("/proc/self/uid_map").read().split()[2] == "1":
    print("1..0 # SKIP needs root: fills file systems")
    sys.exit(0)

import scenarios  # noqa: E402
from scenarios import CONFIG, Data, ready  # noqa: E402

PAGE, MIB = 4096, 1 << 20
FULL = os.environ.get("KILL_POINTS") == "full"      # make kill-points
KINDS = [kind() for kind in (scenarios.ALL if FULL else (
    Data, scenarios.Filtered, scenarios.Maildir, scenarios.Bounce, scenarios.Alias))
    if kind not in (scenarios.Exchanger, scenarios.Agent)]


def remount(place, options):
    """A process that has just ended may keep a disk from being read-only for a moment."""
    def done():
        return subprocess.run(["mount", "-o", "remount," + options, place.directory],
                              stderr=subprocess.DEVNULL).returncode == 0
    check(wait_for(done, 5), "no remount with " + options)


def leave(place, pages=None, inodes=None):
    """Let so many pages or inodes of the file system be free."""
    fs = os.statvfs(place.directory)
    if pages is not None:
        remount(place, "size=%d" % (max(1, fs.f_blocks - fs.f_bfree + pages) * PAGE))
    else:
        remount(place, "nr_inodes=%d" % (fs.f_files - fs.f_ffree + inodes))


def make_room(place):
    for option in ("size=256m", "nr_inodes=100000"):
        remount(place, option)


def try_trouble(scenario, place, begin, end=make_room):
    """Run the program in trouble, and the runner after it; the faults."""
    scenario.begin(place)
    begin(place)
    report, taken = scenario.program(place)
    end(place)
    faults = report.faults()
    scenario.after(place)
    report = place.run([RELAY, "--flush"])
    if report.ends.get(0, (-1,))[0] != 0:
        faults.append("the clean run ended with %s" % (report.ends.get(0),))
    return list(taken), faults + report.faults() + scenario.faults(place, taken)[0]


def sweep(what, numbers):
    """Each scenario with so many pages or inodes left."""
    broken, runs, refused = [], 0, 0
    for scenario in KINDS:
        with ready(scenario, 0) as (place, _):
            for number in numbers:
                taken, faults = try_trouble(scenario, place,
                                            lambda p, n=number: leave(p, **{what: n}))
                runs += 1
                refused += len(taken) < len(scenario.messages)
                if faults:
                    broken.append((scenario.name, number, faults, place.said()[-1500:]))
    note("%d runs, in %d of them the client was refused" % (runs, refused))
    same(broken, [])
    check(refused, "no session was refused for want of %s" % what)


@test("a disk with few pages left, at each number of them: nothing is lost or half")
def _():
    sweep("pages", range(0, 60) if FULL else (0, 1, 2, 4, 8, 20))


@test("a file system with few inodes left: the same")
def _():
    sweep("inodes", range(0, 30) if FULL else (0, 1, 3, 5))


@test("a disk that is read-only for a while: the same")
def _():
    broken = []
    for scenario in KINDS:
        with ready(scenario, 0) as (place, _):
            taken, faults = try_trouble(scenario, place, lambda p: remount(p, "ro"),
                                        lambda p: remount(p, "rw"))
            if faults:
                broken.append((scenario.name, faults, place.said()[-1500:]))
    same(broken, [])


FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"


def set_clock(shift):
    for name, value in (("LD_PRELOAD", FAKETIME), ("FAKETIME", shift),
                        ("FAKETIME_DONT_FAKE_MONOTONIC", "1")):
        if shift:
            os.environ[name] = value
        else:
            del os.environ[name]


@test("a runner whose clock is a day or ten years wrong, and then right: the same")
def _():
    if SANITIZER or not os.path.exists(FAKETIME):
        skip("no libfaketime, or a program with sanitizers")
    broken = []
    for scenario in (scenarios.Maildir(), scenarios.Bounce(), scenarios.Deferral()):
        with ready(scenario, 0) as (place, _):
            for shift in ("-3650d", "-1d", "+1d", "+3650d"):
                _, faults = try_trouble(scenario, place, lambda _, s=shift: set_clock(s),
                                        lambda _: set_clock(None))
                faults = [f for f in faults if "Subject: Delayed Mail" not in f]
                if faults:
                    broken.append((scenario.name, shift, faults, place.said()[-1500:]))
    same(broken, [])


RESERVE, SIZE = 16 * MIB, 8 * MIB


def send_large(config, replies):
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([HANDLER, "-c", config], stdin=theirs, stdout=theirs,
                               stderr=subprocess.DEVNULL)
    theirs.close()
    content = (b"x" * 998 + b"\r\n") * (SIZE // 1000)
    with ours, ours.makefile("rb") as lines:
        for command in (b"", b"HELO c\r\n", b"MAIL FROM:<a@sender.example>\r\n",
                        b"RCPT TO:<bob@local.example>\r\n", b"DATA\r\n", content + b".\r\n"):
            ours.sendall(command)
            reply = lines.readline()
            if reply[:1] not in b"23":
                break
        replies.append(reply[:9].decode())
        ours.sendall(b"QUIT\r\n")
        lines.readline()
    process.wait(20)


@test("six messages of 8 MB at once, and room for two besides the reserve: it is kept")
def _():
    with ready(Data(), 0) as (place, _):
        place.empty()
        with open(place.config, "w") as file:
            file.write(CONFIG.format(dir=place.directory).replace(
                "min-free = 0", "min-free = %d" % RESERVE))
        leave(place, pages=(RESERVE + 2 * SIZE + 2 * MIB) // PAGE)
        replies, least = [], [1 << 60]
        threads = [threading.Thread(target=send_large, args=(place.config, replies))
                   for _ in range(6)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            fs = os.statvfs(place.directory)
            least[0] = min(least[0], fs.f_bavail * PAGE)
            time.sleep(0.0005)
        note("replies %s; at least %.1f MB were free" % (sorted(replies), least[0] / MIB))
        check(least[0] >= RESERVE - 6 * 262144, "the reserve was used: %d" % least[0])
        check(set(replies) <= {"250 2.0.0", "452 4.3.1"} and "452 4.3.1" in replies, replies)
        make_room(place)
        same(place.run([RELAY]).ends[0][0], 0)
        found, _ = place.arrived()
        same(sum(found.values()), replies.count("250 2.0.0"))


scenarios.users(1)
main()
