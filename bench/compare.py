# SPDX-License-Identifier: ISC
"""Two builds of this project, side by side: is one slower?

    BASE=FOLDER tests/delivery/run bench/compare.py

BASE is the folder of the other build, THIS that of a copy of this one.  `make bench-compare
BASE=COMMIT` makes both.  The builds take turns.  Each round gives one ratio, so that other work of
the machine meets both sides.  A ratio above 1 is a loss for this build.  The range has the true
median with a chance of 95 %, so it shows the noise.  A case is slower if its median is above LIMIT
and its whole range is above 1.  The exit status is 1 if a case is slower.

ROUNDS multiplies the number of rounds, and CASES picks cases by a part of their names.  OPTIONS are
for the runner of this build alone: they can turn off what the other build does not have, such as
"-o relay.dnssec=off".

The CPU time is that of all processes of a run, or of a session, together.
"""
import math
import os
import re
import socket
import statistics
import subprocess
import sys
import time

from programs import BUILD
from rig import Ours, Sink, command, open_network

BASE = os.path.realpath(os.environ["BASE"])
THIS = os.path.realpath(os.environ.get("THIS", BUILD))
ROUNDS = float(os.environ.get("ROUNDS", "1"))
CASES = os.environ.get("CASES", "")
OPTIONS = os.environ.get("OPTIONS", "").split()
LIMIT = 1.05
SESSIONS = 100          # of one measurement


def runner(count, domain, domains, *options):
    """A run that empties a queue, from its start to its exit.  The queue is not a new one."""
    sides = {}

    def measure(build):
        if build not in sides:
            sides[build] = Ours(*options, *(OPTIONS if build == THIS else []), build=build,
                                name="side%d" % len(sides))
        side = sides[build]
        side.fill(count, domain, domains)
        seconds, cpu = side.run()
        left = sum(len(files) for place in ("new", "cur", "wait")
                   for _, _, files in os.walk(side.queue + "/" + place))
        if side.process.returncode or left:
            sys.exit("bench/compare: the run of %s left %d messages" % (build, left))
        return seconds, cpu
    return measure


def session(build):
    """Sessions that only quit, one after the other, as inetd starts them."""
    argv = [build + "/smtp-handler", "-c", "/dev/null", "-o",
            "queue.directory=" + Ours(build=build, name="session").queue]
    seconds = cpu = 0
    null = os.open("/dev/null", os.O_WRONLY)
    for _ in range(SESSIONS):
        ours, its = socket.socketpair()
        start = time.monotonic()
        pid = os.posix_spawn(argv[0], argv, os.environ, file_actions=[
            (os.POSIX_SPAWN_DUP2, its.fileno(), 0), (os.POSIX_SPAWN_DUP2, its.fileno(), 1),
            (os.POSIX_SPAWN_DUP2, null, 2)])
        its.close()
        if not ours.recv(500).startswith(b"220 "):
            sys.exit("bench/compare: no greeting of " + build)
        ours.send(b"QUIT\r\n")
        ours.recv(500)
        ours.close()
        _, _, used = os.wait4(pid, 0)
        seconds += time.monotonic() - start
        cpu += used.ru_utime + used.ru_stime
    os.close(null)
    return seconds, cpu


def listener(build):
    """Sessions of a listener that only quit, two at a time."""
    text = command(BUILD + "/bench/accept", "10", build + "/smtp-handler", capture_output=True,
                   text=True).stdout
    rate, cpu_us = re.search(r"(\d+) sessions/s, +(\d+) us", text).groups()
    return 1 / int(rate), int(cpu_us) / 1e6


def commits(build):
    """Messages of 4 KiB into the queue, by one writer."""
    folder = Ours(build=build, name="commits").queue
    before = os.times()
    start = time.monotonic()
    command(build + "/bench/commit", folder, "500", "1", stdout=subprocess.DEVNULL)
    after = os.times()
    return (time.monotonic() - start, after.children_user - before.children_user
            + after.children_system - before.children_system)


ROWS = [        # name, rounds, measure
    ("a session, inetd style", 30, session),
    ("a session of a listener", 15, listener),
    ("500 messages accepted", 15, commits),
    ("a run with one message", 100, runner(1, "one", 1)),
    ("a run with one local message", 60,
     runner(1, "local", 1, "-o", "route local.bench.example.via=discard")),
    ("1500 messages, one destination", 15, runner(1500, "one", 1)),
    ("1500 messages, 500 destinations", 9, runner(1500, "h%u", 500)),
]


def median_range(ratios):
    """The order statistics around the median that have it with a chance of 95 %."""
    ratios, n = sorted(ratios), len(ratios)
    low = max(0, math.floor((n - 1.96 * math.sqrt(n)) / 2) - 1)
    return ratios[low], statistics.median(ratios), ratios[n - 1 - low]


def judge(name, what, unit, rows):
    """Print one line about pairs of (base, build); True if the build is slower."""
    low, middle, high = median_range([ours / base for base, ours in rows])
    slower = middle > LIMIT and low > 1
    print("%-32s %-5s %8.2f -> %8.2f %s  ratio %.3f (%.3f to %.3f)%s" % (
        name, what, statistics.median(base for base, _ in rows) * 1e3,
        statistics.median(ours for _, ours in rows) * 1e3, unit, middle, low, high,
        "  SLOWER" if slower else ""), flush=True)
    return slower


def main():
    open_network()
    sink = Sink()
    slower = False
    for name, rounds, measure in ROWS:
        if CASES not in name:
            continue
        pairs = []
        for turn in range(max(5, round(rounds * ROUNDS))):
            order = [BASE, THIS] if turn % 2 else [THIS, BASE]
            got = {build: measure(build) for build in order}
            pairs.append((got[BASE], got[THIS]))
        for i, what in enumerate(("time", "CPU")):
            slower |= judge(name, what, "ms", [(base[i], ours[i]) for base, ours in pairs])
    sink.stop()
    sys.exit(1 if slower else 0)


main()
