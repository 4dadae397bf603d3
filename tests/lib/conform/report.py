# SPDX-License-Identifier: ISC
"""Run assertions against a server, and print what they found."""
import glob
import os
import random
import shlex
import subprocess
import sys
import time

from conform.trial import ASSERTIONS, CHOICE, MUST, SHOULD, Skip, Trial, begin, finish

# They judge the replies of all others.
LAST = (4, 5, 6, 21)
PASSED, FAILED, DIFFERS, SKIPPED = "passed", "failed", "differs", "skipped"


def run_command(option, command, *more):
    """The output of a command of the command line; the program ends if it cannot run."""
    try:
        return subprocess.run([*shlex.split(command), *more], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120,
                              check=False).stdout
    except (OSError, subprocess.TimeoutExpired) as error:
        print("conformance: %s: %s" % (option, error), file=sys.stderr)
        sys.exit(2)


class Site:
    """What the trials of a run share: the options, all replies, and the mailboxes."""

    def __init__(self, options):
        self.options, self.heard, self.found = options, [], None
        self.start, self.count = time.time() - 2, 0
        self.mark = "%06x" % random.randrange(1 << 24)

    def token(self, number):
        self.count += 1
        return "conform-%s-%03d-%04d" % (self.mark, number, self.count)

    def can_read(self):
        return bool(self.options.mailbox or self.options.find)

    def flush(self):
        if self.options.flush:
            run_command("--flush", self.options.flush)

    def look(self):
        paths = [path for folder in self.options.mailbox for name in ("new", "cur")
                 for path in glob.glob("%s/%s/*" % (glob.escape(folder), name))]
        self.found = []
        for path in sorted(paths):
            try:
                if os.path.getmtime(path) < self.start:
                    continue
                with open(path, "rb") as file:
                    self.found.append(file.read().replace(b"\r\n", b"\n"))
            except FileNotFoundError:
                pass

    def delivered(self, token):
        if self.options.find:
            found = run_command("--find", self.options.find, token)
            return [text.replace(b"\r\n", b"\n") for text in found.split(b"\0") if text]
        if self.found is None:
            self.look()
        return [text for text in self.found if token.encode() in text]

    def settle(self, tokens):
        """Wait until the messages with these tokens are delivered, or for --settle seconds."""
        self.flush()
        end = time.monotonic() + self.options.settle
        while True:
            self.look()
            if all(map(self.delivered, tokens)) or time.monotonic() > end:
                break
            time.sleep(0.1)
        # A message that must not be there gets the time of one that must.
        time.sleep(0 if self.options.flush else 0.5)
        self.look()


class Result:
    def __init__(self, about, verdict, failures=(), why=""):
        self.about, self.verdict, self.failures, self.why = about, verdict, failures, why


def judge(trial, choices):
    levels = {failure.level for failure in trial.failures}
    if levels & {MUST, SHOULD} or (choices and levels):
        return Result(trial.about, FAILED, trial.failures)
    if levels:
        return Result(trial.about, DIFFERS, trial.failures)
    return Result(trial.about, PASSED)


class Run:
    """show: a function that gets each Result as soon as it is known."""

    def __init__(self, options, show):
        self.options, self.site, self.show = options, Site(options), show
        self.results, self.waiting = [], []
        self.end = time.monotonic() + options.total

    def numbers(self):
        chosen = self.options.only or sorted(ASSERTIONS)
        chosen = [number for number in chosen if ASSERTIONS[number].run]
        return ([number for number in chosen if number not in LAST]
                + [number for number in LAST if number in chosen])

    def add(self, result):
        self.results.append(result)
        self.show(result)

    def one(self, number):
        about = ASSERTIONS[number]
        trial = Trial(self.site, about)
        if time.monotonic() > self.end:
            trial.fail(MUST, "an end within %d s" % self.options.total, "it was not run")
            self.add(judge(trial, False))
            return
        try:
            rest = begin(trial)
        except Skip as skip:
            self.add(Result(about, SKIPPED, why=str(skip)))
            return
        if rest and not trial.failures and not self.site.can_read():
            self.add(Result(about, SKIPPED,
                            why="--mailbox or --find is not given; the replies are right"))
        elif rest and self.site.can_read():
            self.waiting.append((trial, rest))
        else:
            self.add(judge(trial, self.options.choices))

    def run(self):
        for number in self.numbers():
            self.one(number)
        if self.waiting:
            self.site.settle([token for trial, _ in self.waiting for token in trial.tokens])
        for trial, rest in self.waiting:
            finish(trial, rest)
            self.add(judge(trial, self.options.choices))
        return self.results


def lines_of(result, number):
    """The lines of TAP about a result."""
    good = result.verdict != FAILED
    line = "%sok %d - %s" % ("" if good else "not ", number, result.about.name())
    if result.verdict == SKIPPED:
        line += " # SKIP " + result.why
    elif result.verdict == DIFFERS:
        line += " # differs, as the RFC allows"
    yield line
    for failure in result.failures:
        yield "#   %s" % failure.level
        yield "#     expected: " + printable(failure.expected)
        yield "#     seen:     " + printable(failure.seen)


def printable(text):
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text))


def summary(results):
    count = {verdict: sum(result.verdict == verdict for result in results)
             for verdict in (PASSED, FAILED, DIFFERS, SKIPPED)}
    must = sum(any(failure.level == MUST for failure in result.failures) for result in results)
    return ("# %d passed, %d failed (%d of them a MUST), %d differ where the RFC leaves a choice, "
            "%d skipped" % (count[PASSED], count[FAILED], must, count[DIFFERS], count[SKIPPED]))


__all__ = ["CHOICE", "DIFFERS", "FAILED", "PASSED", "Run", "SKIPPED", "lines_of", "summary"]
