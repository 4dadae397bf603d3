#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""style.py [FILE...] - check the sources against the house style (CONTRIBUTING.md).

Without arguments it checks all of them.  Prints a line for each rule, "NAME: COMPLAINT |
COMPLAINT".  Without a complaint, nothing follows the colon.
"""
import glob
import os
import re
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
COLUMNS = 100
TEXT = (".c", ".h", ".py", ".sh", ".md", ".awk", ".5", ".8")
# Tables of Markdown, octets that a test compares, and lines of a log cannot be broken.
LONG = re.compile(r"^\||^[NSCcMREL@]: |https?://|^\d{4}-\d\d-\d\dT")
CALLERS = re.compile(r"\b[Cc]alled (by|from)\b|\b[a-z_/]+\.c calls\b")
# A sentence that begins with a relative or a preposition is hard to read.
HARD = re.compile(r"(?:^|[.:;] +)(Who|Whoever|What|Of|That of|But for|None of) [a-z]")


def lines_of(path):
    with open(os.path.join(TOP, path), encoding="utf-8", errors="replace") as f:
        return f.read().split("\n")[:-1]


def width(line):
    return len(line.expandtabs(8))


def files():
    names = subprocess.run(["git", "ls-files"], cwd=TOP, stdout=subprocess.PIPE,
                           text=True).stdout.split()
    return [n for n in names if os.path.isfile(os.path.join(TOP, n)) and "/corpus/" not in n]


def is_text(path):
    if path.endswith(TEXT) or os.path.basename(path) in ("Makefile", "run", "lint", "lint.rooms"):
        return True
    return path.startswith("units/")


def columns(path, lines):
    return [f"{path}:{i}: {width(line)} columns" for i, line in enumerate(lines, 1)
            if width(line) > COLUMNS and not LONG.search(line)]


def blanks(path, lines):
    return [f"{path}:{i}: blanks at its end" for i, line in enumerate(lines, 1)
            if line != line.rstrip() and not line.startswith(("C:", "c:", "M:", "S:"))]


def indent(path, lines):
    return [f"{path}:{i}: indented by blanks" for i, line in enumerate(lines, 1)
            if line.startswith(" " * 8)]


def own_header(path, lines):
    own = path[:-1] + "h"
    first = next((line for line in lines if line.startswith("#include")), "")
    if not os.path.exists(os.path.join(TOP, own)) or first == f'#include "{own}"':
        return []
    return [f"{path}: its first include is not \"{own}\""]


def guard(path, lines):
    name = re.sub(r"[/.-]", "_", path).upper()
    if f"#ifndef {name}" in lines and f"#define {name}" in lines:
        return []
    return [f"{path}: no guard {name}"]


def definitions(path, lines):
    """KNF: a function's name begins its line, and so does its brace."""
    bad = [i for i, line in enumerate(lines, 1)
           if re.match(r"(static |const |struct \w+ \**|int |void |bool |size_t )+\w+\(.*\)\s*\{?$",
                       line)
           and not line.endswith(";")]
    return [f"{path}:{i}: the name of a function begins its line" for i in bad]


def comments(path, lines):
    bad = []
    for i, line in enumerate(lines, 1):
        code = re.sub(r'"(\\.|[^"\\])*"|/\*.*?\*/', '""', line)
        if i > 1 and re.search(r"(^|[\s;{}])//", code) and not line.lstrip().startswith("*"):
            bad.append(i)
    return [f"{path}:{i}: a comment is /* like this */" for i in bad]


def typedefs(path, lines):
    return [f"{path}:{i}: a struct or an enum has a tag, no typedef"
            for i, line in enumerate(lines, 1) if re.match(r"typedef (struct|enum|union)\b", line)]


def comment_texts(lines):
    """(line, text) of each comment, its line ends folded."""
    text = "\n".join(lines)
    for found in re.finditer(r"/\*(.*?)\*/", text, re.S):
        folded = re.sub(r"\s*\n\s*\*? ?", " ", found[1]).strip(" *\t")
        yield text.count("\n", 0, found.start()) + 1, folded


def english(path, lines):
    complaints = []
    for number, text in comment_texts(lines):
        if CALLERS.search(text):
            complaints.append(f"{path}:{number}: a comment names callers")
        if HARD.search(text):
            first = HARD.search(text)[1]
            complaints.append(f"{path}:{number}: a sentence begins with a relative: {first}")
    return complaints


GUIDES = ("ARCHITECTURE.md", "CONTRIBUTING.md", "README.md")
# Folders that the programs use or make; they are not in the source tree.
MADE = ("build", "state", "tmp", "new", "cur", "wait", "hold", "dead", "conf.d")


def guide_paths(path, lines):
    """Files and folders that a guide names in backquotes."""
    complaints = []
    for number, line in enumerate(lines, 1):
        for name in re.findall(r"`([a-z][\w.-]*/[\w./*-]*)`", line):
            if name.split("/")[0] in MADE:
                continue
            stem = re.sub(r"<\w+>.*", "", name).rstrip("*")
            found = glob.glob(os.path.join(TOP, stem) + "*")
            if not found:
                complaints.append(f"{path}:{number}: there is no {name}")
    return complaints


def main():
    chosen = sys.argv[1:] or files()
    code = [f for f in chosen if f.endswith((".c", ".h"))]
    rules = [
        (f"no line has more than {COLUMNS} columns", columns, [f for f in chosen if is_text(f)]),
        ("no line ends in blanks", blanks, [f for f in chosen if is_text(f)]),
        ("C is indented by tabs", indent, code),
        ("a source includes its own header first", own_header,
         [f for f in code if f.endswith(".c")]),
        ("a header's guard is its path", guard, [f for f in code if f.endswith(".h")]),
        ("functions are defined as KNF has them", definitions, code),
        ("comments are /* */", comments, code),
        ("structs and enums have tags", typedefs, code),
        ("the guides name files that are there", guide_paths, [f for f in chosen if f in GUIDES]),
        ("comments begin with a subject and name no callers", english, code),
    ]
    for name, rule, paths in rules:
        complaints = [c for path in paths for c in rule(path, lines_of(path))]
        print(f"{name}: {' | '.join(complaints)}")


if __name__ == "__main__":
    main()
