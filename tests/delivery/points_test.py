# SPDX-License-Identifier: ISC
"""A failure at every system call of sessions and deliveries, and then a clean run.

A message that got its 250 is delivered or reported, as it was.  Another one is absent or whole.  No
process hangs, and none is left.  No file is left in the queue, nor in tmp/ of a Maildir.

KILL_POINTS=full (make kill-points) has every point, and goes on where it was stopped; otherwise it
is a sample.  KILL_POINTS="SCENARIO PROCESS:CALL:NAME:FAILURE" runs one point.
"""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import time

from nameservers import nsd
from programs import BUILD, HANDLER, RELAY
from tap import bail_out, check, main, note, same, test

MODE = os.environ.get("KILL_POINTS", "sample")
SAMPLE = 8                      # points of each scenario
JOBS = 2 if MODE == "full" else 1
STATE = BUILD + "/kill-points"

if open("/proc/self/uid_map").read().split()[2] == "1" or os.uname().machine != "x86_64":
    print("1..0 # SKIP needs root and x86-64: fails system calls of other processes")
    sys.exit(0)

import scenarios  # noqa: E402
from scenarios import directory, ready  # noqa: E402

SCENARIOS = [kind() for kind in scenarios.ALL]


def show(scenario, point, hit, faults, log):
    note("%s %s %s" % (scenario.name, point, hit))
    for fault in faults:
        note("  " + fault)
    note(log[-1500:])


def attempt(scenario, place, point):
    """A line about a point: the call, duplicates, and the number of faults."""
    try:
        hit, faults, doubles = scenario.try_point(place, point)
    except (OSError, subprocess.TimeoutExpired) as error:
        hit, faults, doubles = None, ["%s: %s" % (type(error).__name__, error)], 0
    if faults:
        show(scenario, point, hit, faults, place.said())
    return "%s %s %d %d" % (point, hit or "-", doubles, len(faults))


def sample(scenario):
    with ready(scenario, 0) as (place, listed):
        count = min(SAMPLE, len(listed))
        return len(listed), [attempt(scenario, place, listed[i * len(listed) // count])
                             for i in range(count)]


def programs():
    """A mark of what is tested: results of other programs do not count."""
    mark = hashlib.sha256()
    for path in (HANDLER, RELAY, BUILD + "/smtp-maildir", os.path.abspath(__file__),
                 scenarios.__file__):
        mark.update(open(path, "rb").read())
    return mark.hexdigest()


def child(function, *arguments):
    pid = os.fork()
    if pid == 0:
        try:
            function(*arguments)
            sys.stdout.flush()
            os._exit(0)
        except BaseException as error:
            note("%s: %s" % (type(error).__name__, error))
            sys.stdout.flush()
            os._exit(1)
    return pid


def list_to(path, scenario):
    with ready(scenario, 0) as (_, listed), open(path + ".new", "w") as file:
        file.write("".join(point + "\n" for point in listed))
    os.rename(path + ".new", path)


def read_lines(*paths):
    return [line for path in paths if os.path.exists(path) for line in open(path).read().split("\n")
            if line]


def work(scenario, number, listed, path):
    with ready(scenario, number) as (place, _), open(path, "a", buffering=1) as file:
        for point in listed:
            file.write(attempt(scenario, place, point) + "\n")


def ended_well(pid):
    return os.waitpid(pid, 0)[1] == 0


def full(scenario):
    """Every point, by JOBS processes, which write down what they have done."""
    base = "%s/%s" % (STATE, re.sub(r"\W+", "-", scenario.name))
    if not os.path.exists(base):
        sys.stdout.flush()
        check(ended_well(child(list_to, base, scenario)), "no list of points")
    paths = ["%s.done-%d" % (base, n) for n in range(JOBS)]
    listed = read_lines(base)
    done = {line.split()[0] for line in read_lines(*paths)}
    todo = [point for point in listed if point not in done]
    if todo:
        sys.stdout.flush()
        pids = [child(work, scenario, n, todo[n::JOBS], paths[n]) for n in range(JOBS)]
        check(all([ended_well(pid) for pid in pids]), "a process of this test failed")
    results = read_lines(*paths)
    same(len(results), len(listed))
    return len(listed), results


def judge(scenario):
    begin = time.monotonic()
    count, results = (full if MODE == "full" else sample)(scenario)
    rows = [line.split() for line in results]
    missed = sum(row[1] == "-" for row in rows)
    note("%d of %d points, %d not reached again, %d duplicates, %.0f s" % (
        len(rows), count, missed, sum(int(row[2]) for row in rows), time.monotonic() - begin))
    same([row[0] for row in rows if row[3] != "0"], [])
    check(missed <= len(rows) // (10 if MODE == "full" else 2), "too many points were not reached")


def one(words):
    """KILL_POINTS="NAME PROCESS:CALL:NAME:FAILURE", to look at one point."""
    name, _, point = words.rpartition(" ")
    scenario = next((s for s in SCENARIOS if s.name == name), None)
    if not scenario:
        bail_out("no scenario %r" % name)
    with ready(scenario, 0) as (place, _):
        hit, faults, doubles = scenario.try_point(place, point)
        show(scenario, point, hit, faults + ["%d duplicates" % doubles],
             place.said())


scenarios.users(JOBS)
nsd(directory + "/nsd", {"test": "".join("mx%d MX 10 host%d\nhost%d A 192.0.2.%d\n"
                                         % (n, n, n, 60 + n) for n in range(JOBS))})
if MODE == "full":
    mark = STATE + "/programs"
    if not (os.path.exists(mark) and open(mark).read() == programs()):
        shutil.rmtree(STATE, ignore_errors=True)
        os.makedirs(STATE)
        with open(mark, "w") as file:
            file.write(programs())
if MODE not in ("full", "sample"):
    one(MODE)
    sys.exit(0)
for each in SCENARIOS:
    test(each.name)(lambda each=each: judge(each))
main()
