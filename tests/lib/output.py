#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""output.py - find texts that reach a terminal past base/text.

Prints a line "NAME: COMPLAINT | COMPLAINT".  Without a complaint, nothing follows the colon.
"""
import os
import re
import subprocess

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# It knows what a terminal would obey.
SAFE = "base/text.c"
# Their output is a line of a file.
NO_TERMINAL = ("tools/smtp-handler-passwd.c", "tools/smtp-dkim-key.c",
               "tools/sendmail/outbox.c", "tools/import/local.c", "tools/import/output.c")
PRINTING = re.compile(r"(?<![\w])(v?f?printf|f?puts|perror)\(", re.S)
STRINGS = re.compile(r'"(?:\\.|[^"\\])*"')


def call_at(text, start):
    """The arguments of the call whose parenthesis is at start, its strings kept."""
    depth, i = 0, start
    while i < len(text):
        string = STRINGS.match(text, i)
        if string:
            i = string.end()
            continue
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        i += 1
        if depth == 0:
            break
    return text[start + 1:i - 1]


def printing(path, text):
    """Complaints about calls that print a text of unknown origin as it is."""
    complaints = []
    text = re.sub(r"/\*.*?\*/", lambda found: re.sub(r"[^\n]", " ", found[0]), text, flags=re.S)
    for found in PRINTING.finditer(text):
        arguments = call_at(text, found.end() - 1)
        if re.match(r"\w+[.>-]+out\b|.*,\s*\w+\.out$", arguments, re.S):
            continue			# a file that is replaced
        strings = "".join(STRINGS.findall(arguments))
        if found[1].endswith("puts"):
            bare = re.sub(r"\b[A-Z_]+\b|\w+(->\w+)?\s*\?|[\s:]|,\s*(stdout|stderr|out)$", "",
                          STRINGS.sub("", arguments))
            bad = bare not in ("", ",")
        else:
            bad = found[1] == "perror" or found[1][0] == "v" or re.search(
                r"%[-+ #0-9.*]*l?s", strings) or not strings
        if bad:
            number = text.count("\n", 0, found.start()) + 1
            complaints.append(f"{path}:{number}: {found[1]}() prints a text unchecked: "
                              "use text_print()")
    return complaints


def main():
    names = subprocess.run(["git", "ls-files", "*.c"], cwd=TOP, stdout=subprocess.PIPE,
                           text=True).stdout.split()
    complaints = []
    for path in names:
        if path not in (SAFE, *NO_TERMINAL) and path.split("/")[0] not in ("tests", "bench") \
                and os.path.exists(os.path.join(TOP, path)):
            with open(os.path.join(TOP, path)) as file:
                complaints += printing(path, file.read())
    print("texts reach a terminal by base/text only: " + " | ".join(complaints))


if __name__ == "__main__":
    main()
