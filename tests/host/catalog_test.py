#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The journal's catalog explains each line of the log, and has the identifiers of base/event.c."""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test  # noqa: E402

CATALOG = os.path.abspath("units/catalog/smtp-handler.catalog")
STRING = r'"((?:[^"\\]|\\.)*)"'


def read(path):
    with open(path) as file:
        return file.read()


EVENTS, SENTENCES = (
    [(text, id) for text, id in re.findall(STRING + r',\s*"([0-9a-f]{32})"', part)]
    for part in read("base/event.c").split("sentences[] =")[:2])


def sources():
    names = subprocess.run(["git", "ls-files", "*.c"], capture_output=True, text=True,
                           check=True).stdout.split()
    return {name: read(name) for name in names if not name.startswith(("tests/", "bench/"))}


@test("identifiers are unique, and each is explained")
def _():
    ids = [id for _, id in EVENTS + SENTENCES]
    check(len(EVENTS) > 20 and len(SENTENCES) > 30, len(EVENTS), len(SENTENCES))
    same(len(set(ids)), len(ids))
    same(sorted(re.findall(r"^-- ([0-9a-f]{32})$", read(CATALOG), re.M)), sorted(ids))


@test("each event that is logged has an identifier")
def _():
    known = {text for text, _ in EVENTS}
    logged = set()
    for name, text in sources().items():
        if name.startswith("base/"):
            continue
        logged |= set(re.findall(r'(?:log_begin|begin_line)\([^";]*"([a-z-]+)"', text))
        if name in ("runner/report.c", "tools/queue/act.c"):
            logged |= set(re.findall(r'\{ "([a-z-]+)", (?:"[a-z]+", )?LOG_LEVEL', text))
            logged |= set(re.findall(r'\.event = "([a-z-]+)"', text))
    check(len(logged) > 15, logged)
    same(sorted(logged - known), [])


@test("each sentence that is logged has an identifier")
def _():
    unknown = []
    for name, text in sources().items():
        for parts in re.findall(r"log_text\([^\";]*?,\s*((?:" + STRING + r"\s*)+)", text):
            format = "".join(re.findall(STRING, parts[0]))
            if not any(format.startswith(begin) for begin, _ in SENTENCES):
                unknown.append((name, format))
    same(unknown, [])


@test("journalctl can read the catalog")
def _():
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(root + "/usr/lib/systemd/catalog")
        os.makedirs(root + "/var/lib/systemd/catalog")
        with open(root + "/usr/lib/systemd/catalog/smtp-handler.catalog", "w") as file:
            file.write(read(CATALOG))
        done = subprocess.run(["journalctl", "--root", root, "--update-catalog"],
                              capture_output=True, text=True)
        same([done.returncode, done.stderr], [0, ""])
        listed = subprocess.run(["journalctl", "--root", root, "--list-catalog"],
                                capture_output=True, text=True).stdout
        same(len(listed.splitlines()), len(EVENTS + SENTENCES), listed)


main()
