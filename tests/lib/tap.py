# SPDX-License-Identifier: ISC
"""TAP for test files in Python.

A test is a function decorated with @test("name").  main() runs the tests in their order.  A test
fails if it raises an exception; check() and same() raise one that shows the values.  skip() ends a
test that cannot run here.  A file without a test fails.
"""
import os
import sys
import time
import traceback

# Programs with sanitizers have no walls, and each takes long to start.
SANITIZER = "san" in os.path.basename(os.path.realpath(os.environ.get("BUILD", "build")))
SLOWER = 5 if SANITIZER else 1          # a factor of limits that load alone breaks
_tests = []


class Failure(Exception):
    pass


class Skip(Exception):
    pass


def test(name):
    def keep(function):
        _tests.append((name, function))
        return function
    return keep


def note(text):
    for line in str(text).splitlines():
        print("#", line)


def check(condition, *seen):
    """Fail unless condition is true; show seen."""
    if not condition:
        raise Failure("\n".join(map(show, seen)))


def same(got, wanted, *seen):
    if got != wanted:
        raise Failure(
            "\n".join(["got:    " + show(got), "wanted: " + show(wanted), *map(show, seen)]))


def show(value, most=4000):
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= most else text[:most] + "... (%d in all)" % len(text)


def wait_for(what, deadline_s=15, step_s=0.02):
    """Call what until it returns a true value, and return that; None after deadline_s."""
    end = time.monotonic() + deadline_s
    while True:
        value = what()
        if value or time.monotonic() > end:
            return value or None
        time.sleep(step_s)


def quicker_than(limit, measure, tries=6):
    """Fail unless measure() returns less than limit in one of several tries, and return that.  Load
    makes a step longer and never shorter, so one quick try proves what the program needs; a program
    that waits without a need does so in each."""
    seen = []
    while len(seen) < tries:
        seen.append(measure())
        if seen[-1] < limit:
            return seen[-1]
    raise Failure("never less than %s: %s" % (limit, seen))


def seconds(function, *arguments):
    """How long a call takes."""
    start = time.monotonic()
    function(*arguments)
    return time.monotonic() - start


def skip(why):
    """End this test: it cannot run here."""
    raise Skip(why)


def bail_out(why):
    print("Bail out! " + why, flush=True)
    sys.exit(1)


def main(after=None):
    """Run all tests; after(failed) once at the end.  Exits."""
    failed = 0
    print("1..%d" % len(_tests))
    for number, (name, function) in enumerate(_tests, 1):
        start = time.monotonic()
        try:
            function()
            print("ok %d - %s" % (number, name))
        except Skip as why:
            print("ok %d - %s # SKIP %s" % (number, name, why))
        except Exception as error:
            failed += 1
            print("not ok %d - %s" % (number, name))
            note(str(error) if isinstance(error, Failure) else traceback.format_exc())
            note("at line %d" % traceback.extract_tb(error.__traceback__)[1].lineno)
        took = time.monotonic() - start
        if took > 5:
            note("took %.1f s" % took)
    if after:
        after(failed)
    sys.stdout.flush()
    sys.exit(1 if failed or not _tests else 0)
