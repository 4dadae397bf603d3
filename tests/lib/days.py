# SPDX-License-Identifier: ISC
"""Files of days (UTC), for tests during which a day may end."""
import os
import time

from tap import check

DAY = 86400


def today():
    return int(time.time()) // DAY


def name_of(day):
    return time.strftime("%Y-%m-%d", time.gmtime(day * DAY))


BEGAN = today()


def read_lines(folder):
    """All lines in the folder, in their order: each is of a day of this test."""
    days, lines = {name_of(day) for day in range(BEGAN, today() + 1)}, []
    for name in sorted(os.listdir(folder)):
        check(name in days, name)
        with open(folder + "/" + name) as file:
            lines += file.read().splitlines(keepends=True)
    check({line[:10] for line in lines} <= days, lines)
    return lines


def gather(folder, day):
    """Let all lines be of one day."""
    lines, path = read_lines(folder), folder + "/" + name_of(day)
    first, *others = sorted(os.listdir(folder))
    os.rename(folder + "/" + first, path)
    for name in others:
        if name != name_of(day):
            os.unlink(folder + "/" + name)
    with open(path, "w") as file:
        file.write("".join(lines))


def within_a_day(folder, make, undo):
    """The result of make() about a day that is not over when it ends, and has all lines."""
    while True:
        day = today()
        gather(folder, day)
        result = make()
        if today() == day:
            return result
        undo()
