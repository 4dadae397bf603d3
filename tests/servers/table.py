#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""table.py FOLDER README - write the results of one.py and sender.py between the marks in README.

A table stays as it is if a result for it is missing.
"""
import json
import os
import re
import sys

NAMES = {"smtp-handler": "smtp-handler", "smtp-handler-strict": "smtp-handler, `syntax = strict`",
         "Postfix": "Postfix 3.7.11", "Exim": "Exim 4.96", "OpenSMTPD": "OpenSMTPD 6.8.0p2",
         "aiosmtpd": "aiosmtpd 1.4.3"}
LEVELS = ("MUST", "SHOULD", "CHOICE")
# The end of the names of its files and their number, a heading, and the marks in README.
TABLES = ("", 6, "after", "results"), ("-sender", 4, "expected", "results of senders")


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


def row(result, second):
    first = min(result["failures"], key=lambda failure: LEVELS.index(failure["level"]))
    wanted, _, after = first["expected"].partition(" after ")
    return "| %03d | %s | %s | %s | %s | %s |\n" % (
        result["number"], result["section"], first["level"], result["text"],
        cell(wanted, 40) if second == "expected" else cell(after, 40) if after else "",
        cell(first["seen"], 60))


def table(results, second):
    text = ("| server | passed | fails a MUST | fails a SHOULD only | differs | skipped |\n"
            "| --- | --- | --- | --- | --- | --- |\n")
    text += "".join(counts(name, found) for name, found in results.items())
    for name, found in results.items():
        failed = [result for result in found if result["verdict"] == "failed"]
        if failed:
            text += ("\n%s fails:\n\n| No. | section | level | assertion | %s | seen |\n"
                     "| --- | --- | --- | --- | --- | --- |\n" % (NAMES[name], second))
            text += "".join(row(result, second) for result in failed)
    return text


def read(folder, end):
    results = {}
    for name in NAMES:
        path = os.path.join(folder, name + end + ".json")
        if os.path.exists(path):
            with open(path) as file:
                results[name] = sorted(json.load(file), key=lambda result: result["number"])
    return results


def main(folder, path):
    for end, expected, second, mark in TABLES:
        results = read(folder, end)
        if len(results) < expected:
            continue
        first, last = "<!-- %s -->\n" % mark, "<!-- end of %s -->\n" % mark
        with open(path) as file:
            before, rest = file.read().split(first)
        with open(path, "w") as file:
            file.write(before + first + "\n" + table(results, second) + "\n" + last
                       + rest.split(last)[1])


main(*sys.argv[1:])
