# SPDX-License-Identifier: ISC
"""Run the assertions about senders: all of them at the same time, as each waits for deliveries."""
import shlex
import subprocess
import sys
import time

from conform.errand import Errand, Stage
from conform.report import SKIPPED, Result, Site, judge
from conform.trial import MUST, SENDING, Skip, advance


class Waiting:
    """A trial at its yield."""

    def __init__(self, trial, rest):
        self.trial, self.rest, self.condition, self.end = trial, rest, None, 0

    def step(self):
        """Go on to the next yield.  False: that was the end."""
        def go():
            self.condition = next(self.rest)
        self.end = time.monotonic() + self.trial.options.settle
        return advance(self.trial, go)

    def due(self):
        return time.monotonic() > self.end or self.condition()


class Sending:
    """show: a function that gets each Result as soon as it is known.  flush: tells the sender to
    try everything; by default --flush."""

    def __init__(self, options, show):
        self.options, self.show, self.results = options, show, []
        self.site, self.flush, self.process = Site(options), self.command, None
        self.stage = Stage(options)

    def command(self):
        if not self.options.flush:
            return
        if self.process and self.process.poll() is None:
            self.stage.wanted = True
            return
        try:
            self.process = subprocess.Popen(
                shlex.split(self.options.flush), stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        except OSError as error:
            print("conformance: --flush: %s" % error, file=sys.stderr)
            sys.exit(2)

    def add(self, result):
        self.results.append(result)
        self.show(result)

    def one(self, number):
        """Begin an assertion; a list of it, if it waits."""
        about = SENDING[number]
        trial = Errand(self.site, about, self.stage)
        one = Waiting(trial, about.run(trial))
        return [one] if self.go_on(one) else []

    def go_on(self, one):
        """Go on with an assertion that waited.  True: it waits again."""
        about = one.trial.about
        try:
            if one.step():
                return True
            self.add(judge(one.trial, self.options.choices))
        except Skip as skip:
            self.add(Result(about, SKIPPED, why=str(skip)))
        finally:
            one.trial.close()
        return False

    def run(self):
        numbers = [number for number in self.options.only or sorted(SENDING)
                   if SENDING[number].run]
        waiting = []
        for number in numbers:
            waiting += self.one(number)
        end = time.monotonic() + self.options.total
        while waiting:
            time.sleep(0.02)
            if self.stage.wanted and time.monotonic() - (self.stage.flushes or [0])[-1] > 0.5:
                self.stage.wanted = False
                self.stage.flushes.append(time.monotonic())
                self.flush()
            for one in list(waiting):
                if time.monotonic() > end:
                    one.trial.fail(MUST, "an end within %d s" % self.options.total, "no end")
                    self.add(judge(one.trial, self.options.choices))
                elif not one.due() or self.go_on(one):
                    continue
                waiting.remove(one)
        self.stage.close()
        if self.process:
            self.process.wait()
        return self.results
