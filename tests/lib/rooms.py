#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""rooms.py - check the sources against tests/lint.rooms.

Prints a line for each room and check, "NAME: COMPLAINT | COMPLAINT".  Without a complaint, nothing
follows the colon.

  arrows    the table allows every #include of the room's files, and the room exists
  pure      the object files of a pure room need no symbol that does I/O, reads a clock,
            allocates or logs
  cycles    no object files of the room need each other in a circle
"""
import functools
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
OBJECTS = os.path.join(os.environ.get("BUILD", "build"), "gnu")
OUTSIDE = ("tests", "bench")		# they may look into every room

# The objects of a pure room may need nothing else from outside the project.
PURE_LIBC = set("""memchr memcmp memcpy memmove memset memrchr memmem strchr strcmp strlen
    strncmp strnlen strcspn strspn explicit_bzero __stack_chk_fail __memcpy_chk __memset_chk
    __memmove_chk __explicit_bzero_chk""".split())
# Functions of lower rooms that are not pure themselves.
IMPURE = re.compile(r"^(log_|pool_|clock_(us|ms|wall|left)|stream_|dial_|peer_find|queue_)")
SANITIZERS = ("__asan", "__ubsan", "__sanitizer", "_GLOBAL_OFFSET")
IMPURE_HEADERS = re.compile(
    r"#include <(unistd|fcntl|time|stdlib|stdio|poll|signal|dirent|netdb|sys/(?!types|socket))")


def read_table():
    table = {}
    for line in open(os.path.join(TOP, "tests/lint.rooms")):
        words = line.split("#")[0].split()
        if words:
            _, before = table.get(words[0], (None, []))
            table[words[0]] = (words[1] == "pure", before + words[2:])
    return table


@functools.cache
def sources():
    names = subprocess.run(["git", "ls-files", "*.c", "*.h"], cwd=TOP,
                           stdout=subprocess.PIPE, text=True).stdout
    return [n for n in names.split() if os.path.exists(os.path.join(TOP, n))]


def room_of(path, table):
    """A file at the top is a room of its own.  queue.c and queue.h are a part of queue/."""
    if path in ("queue.c", "queue.h"):
        return "queue"
    return path if path in table else os.path.dirname(path)


def arrows(table, room):
    """Complaints about the arrows of a room."""
    files = [f for f in sources() if room_of(f, table) == room]
    allowed, used = table[room][1], set()
    complaints = [f"may include {other}, which is no room" for other in allowed
                  if other not in table]
    if not files:
        complaints.append("there is no such room")
    for path in files:
        for number, line in enumerate(open(os.path.join(TOP, path)), 1):
            found = re.match(r'#include "([^"]+)"', line)
            if found and not os.path.exists(os.path.join(TOP, found[1])):
                complaints.append(f"{path}:{number}: there is no {found[1]}")
            elif found:
                other = room_of(found[1], table)
                used.add(other)
                if other != room and other not in allowed:
                    complaints.append(f"{path}:{number}: may not include {other} ({found[1]})")
            elif table[room][0] and IMPURE_HEADERS.match(line):
                complaints.append(f"{path}:{number}: a pure room: {line.strip()}")
    return complaints + [f"no file needs the arrow to {other}" for other in allowed
                         if other not in used]


def homeless(table):
    """Files whose room is not in the table."""
    return [f for f in sources() if f.split("/")[0] not in OUTSIDE
            and room_of(f, table) not in table]


def symbols(room):
    """{object file of the room: (symbols it defines, symbols it needs)}."""
    objects = os.path.join(TOP, OBJECTS)
    names = [os.path.join(room, n) for n in sorted(os.listdir(os.path.join(objects, room)))]
    # An object is not part of the room if its source is gone.
    names = [n for n in names + (["queue.o"] if room == "queue" else [])
             if n.endswith(".o") and os.path.exists(os.path.join(TOP, n[:-1] + "c"))]
    result = {name: (set(), set()) for name in names}
    out = subprocess.run(["nm", "-PA", *names], cwd=objects, stdout=subprocess.PIPE, text=True,
                         check=True).stdout if names else ""
    for line in out.splitlines():
        name, symbol, kind = line.split()[:3]
        defined, needed = result[name.rstrip(":")]
        if kind in "TDBRVWC":
            defined.add(symbol)
        elif kind in "Uwv" and not symbol.startswith(SANITIZERS):
            needed.add(symbol)
    return result


def pure(found, ours):
    """Complaints about the needs of a pure room's objects; ours: the symbols of the project."""
    complaints = []
    for name, (_, needed) in found.items():
        for symbol in sorted(needed):
            if symbol in ours and IMPURE.match(symbol):
                complaints.append(f"{name}: {symbol} is not pure")
            elif symbol not in ours and symbol not in PURE_LIBC:
                complaints.append(f"{name}: {symbol} is not known to be pure")
    return complaints


def circles(graph):
    """Groups of names that reach each other."""
    def reach(start):
        seen, stack = set(), [start]
        while stack:
            for following in graph[stack.pop()]:
                if following not in seen:
                    seen.add(following)
                    stack.append(following)
        return seen
    reached = {n: reach(n) for n in graph}
    return {frozenset(m for m in reached[n] if n in reached[m]) for n in graph if n in reached[n]}


def cycles(found):
    """Files of a room that need each other."""
    owner = {s: name for name, (defined, _) in found.items() for s in defined}
    graph = {name: {owner[s] for s in needed if s in owner and owner[s] != name}
             for name, (_, needed) in found.items()}
    return ["in a circle: " + " ".join(sorted(os.path.basename(n)[:-2] for n in circle))
            for circle in circles(graph)]


def main():
    table = read_table()
    compiled = {room: symbols(room) for room in table
                if os.path.isdir(os.path.join(TOP, OBJECTS, room))}
    ours = {s for found in compiled.values() for defined, _ in found.values() for s in defined}
    results = {"every source file has a room": homeless(table)}
    for room in table:
        results[f"{room} includes what tests/lint.rooms allows"] = arrows(table, room)
        if room.endswith(".c"):
            continue
        found = compiled.get(room)
        if not found:
            results[f"{room} is compiled"] = [
                f"no object files in {OBJECTS}/{room}: run make first"]
            continue
        if table[room][0]:
            results[f"{room} is pure"] = pure(found, ours)
        results[f"no files of {room} need each other in a circle"] = cycles(found)
    for name, complaints in results.items():
        print(f"{name}: {' | '.join(complaints)}")


if __name__ == "__main__":
    main()
