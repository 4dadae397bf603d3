#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The test suite of openspf.org for RFC 7208, which Debian ships with python3-spf."""
import gzip
import os
import subprocess
import sys

PEERS = os.path.abspath("build/peers")
sys.path.insert(0, PEERS + "/usr/lib/python3/dist-packages")
import yaml  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
SUITE = PEERS + "/usr/share/doc/python3-spf/rfc7208-tests.yml.gz"
FAIL = "DEFAULT"


def zone_lines(zone):
    yield "C"
    for name, records in zone.items():
        texts = any(isinstance(r, dict) and "TXT" in r for r in records)
        yield f"N\t{name}"
        for record in records:
            if record == "TIMEOUT":
                yield f"T\t{name}\t*"
                continue
            (kind, value), = record.items()
            kinds = ["TXT"] if kind == "SPF" and not texts else [kind]
            for kind in kinds:
                if value == "TIMEOUT":
                    yield f"T\t{name}\t{kind}"
                elif value == "NONE":
                    continue
                elif kind == "TXT":
                    value = value if isinstance(value, str) else "".join(value)
                    yield f"R\t{name}\tTXT\t{value.encode().hex()}"
                elif kind == "MX":
                    yield f"R\t{name}\tMX\t{value[1]}"
                elif kind != "SPF":
                    yield f"R\t{name}\t{kind}\t{value}"


def main():
    scenarios = list(yaml.safe_load_all(gzip.open(SUITE)))
    lines, cases = [], []
    for scenario in scenarios:
        lines += zone_lines(scenario["zonedata"])
        for name, case in scenario["tests"].items():
            sender = case["mailfrom"] or f"postmaster@{case['helo']}"
            lines.append(f"Q\t{case['host']}\t{case['helo']}\t{sender}")
            cases.append((f"{scenario['description']}: {name}", case))
    run = subprocess.run([f"{BUILD}/tests/spf"], input="\n".join(lines) + "\n",
                         stdout=subprocess.PIPE, text=True, check=True)
    results = run.stdout.splitlines()
    print(f"1..{len(cases) + 1}")
    failed = 0
    for i, ((name, case), line) in enumerate(zip(cases, results), 1):
        result, explanation, why, rounds = line.split("\t")
        wanted = case["result"] if isinstance(case["result"], list) else [case["result"]]
        good = result in wanted
        if "explanation" in case:
            good = good and (explanation or FAIL) == case["explanation"]
        failed += not good
        print(f"{'ok' if good else 'not ok'} {i} - {name}")
        if not good:
            print(f"# {result} ({why}), {explanation!r}; expected {wanted}, "
                  f"{case.get('explanation')!r}: {case.get('description', '')}")
    whole = len(cases) == len(results) == 203
    print(f"{'ok' if whole else 'not ok'} {len(cases) + 1} - all 203 tests were run")
    sys.exit(1 if failed or not whole else 0)


main()
