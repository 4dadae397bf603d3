#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""table.py FOLDER README - write the results of one.py between the marks in README."""
import json
import os
import re
import sys

NAMES = {"smtp-handler": "smtp-handler", "smtp-handler-strict": "smtp-handler, `syntax = strict`",
         "Postfix": "Postfix 3.7.11", "Exim": "Exim 4.96", "OpenSMTPD": "OpenSMTPD 6.8.0p2",
         "aiosmtpd": "aiosmtpd 1.4.3"}
LEVELS = ("MUST", "SHOULD", "CHOICE")
MARKS = "<!-- results -->\n", "<!-- end of results -->\n"


def cell(text, most):
    text = re.sub(r"\s+", " ", text)
    text = text if len(text) <= most else text[:most] + "..."
    return "`%s`" % text.replace("`", "'").replace("|", "/")


def levels(result):
    return {failure["level"] for failure in result["failures"]}


def counts(name, results):
    def number(verdict):
        return sum(result["verdict"] == verdict for result in results)
    must = sum("MUST" in levels(result) for result in results)
    return "| %s | %d | %d | %d | %d | %d |\n" % (
        NAMES[name], number("passed"), must, number("failed") - must, number("differs"),
        number("skipped"))


def row(result):
    first = min(result["failures"], key=lambda failure: LEVELS.index(failure["level"]))
    wanted, _, after = first["expected"].partition(" after ")
    return "| %03d | %s | %s | %s | %s | %s |\n" % (
        result["number"], result["section"], first["level"], result["text"],
        cell(after, 40) if after else "", cell(first["seen"], 60))


def main(folder, path):
    results = {}
    for name in NAMES:
        with open(os.path.join(folder, name + ".json")) as file:
            results[name] = sorted(json.load(file), key=lambda result: result["number"])
    text = ("| server | passed | fails a MUST | fails a SHOULD only | differs | skipped |\n"
            "| --- | --- | --- | --- | --- | --- |\n")
    text += "".join(counts(name, found) for name, found in results.items())
    for name, found in results.items():
        failed = [result for result in found if result["verdict"] == "failed"]
        if failed:
            text += ("\n%s fails:\n\n| No. | section | level | assertion | after | seen |\n"
                     "| --- | --- | --- | --- | --- | --- |\n" % NAMES[name])
            text += "".join(map(row, failed))
    with open(path) as file:
        before, rest = file.read().split(MARKS[0])
        after = rest.split(MARKS[1])[1]
    with open(path, "w") as file:
        file.write(before + MARKS[0] + "\n" + text + "\n" + MARKS[1] + after)


main(*sys.argv[1:])
