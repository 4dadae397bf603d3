# SPDX-License-Identifier: ISC
"""Traces of an attempt: the transcript in the message's log, the phases in the line of the log."""
import re

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
a     MX 10 mx.a
a     MX 20 mx.dead
mx.a  A 192.0.2.11
mx.dead A 192.0.2.99
"""})
secret = "only the recipient reads this"
replies = {"later": "451 4.7.1 not now", "never": "550 5.1.1 nobody"}
exchanger = Exchanger("192.0.2.11", banner_s=0.05,
                      rcpt=lambda address: replies.get(address.split("@")[0]))
site = Site("site").listen()


def lines_of(path):
    """The lines of the transcript without their times: "> MAIL FROM:<...>"."""
    text = open(path, errors="replace").read()
    return [re.sub(r"^\S+ \| +\d+ ms ", "", line) for line in text.splitlines()
            if re.match(r"^\S+Z \| +\d+ ms ", line)]


@test("a deferred message has the transcript of its attempt: DNS, connection, session; no content")
def _():
    site.send("later@a.example.org", body=b"Subject: x\r\n\r\n" + secret.encode() + b"\r\n")
    site.relay()
    path, = site.queued("wait")
    lines = lines_of(path)
    shown = "\n".join(lines)
    check(re.match(r"\* DNS for a.example.org, after [0-9.]+ ms: "
                   r"10 mx.a.example.org 192.0.2.11:25, "
                   r"20 mx.dead.example.org 192.0.2.99:25", lines[0]), shown)
    check(re.match(r"\* mx.a.example.org\[192.0.2.11\]:25: connected after [0-9.]+ ms, "
                   r"first octet after [0-9.]+ ms", lines[1]), shown)
    check(lines[2].startswith("< 220 "), shown)
    check(any(line.startswith("> EHLO ") for line in lines), shown)
    check(any(line.startswith("> MAIL FROM:<alice@sender.example>") for line in lines), shown)
    check("< 451 4.7.1 not now" in lines, shown)
    check(secret not in shown, shown)
    site.relay("--flush")
    same(sum(line.startswith("* DNS ") for line in lines_of(site.queued("wait")[0])), 2,
         "the second attempt follows the first")


@test("the log line of a delivery has its phases and the exchanger's latency")
def _():
    site.send("bob@a.example.org")
    site.relay()
    line = [line for line in site.log().splitlines()
            if " delivered " in line or line.startswith("delivered ")][-1]
    for key in ("delay", "queued", "dns", "connect", "send", "latency"):
        check(re.search(r"\b%s=\d+\.\d{3}s" % key, line), key, line)
    value = {key: float(seconds) for key, seconds in re.findall(r"\b(\w+)=(\d+\.\d{3})s", line)}
    check(value["latency"] >= 0.05 and value["connect"] >= value["latency"] - 0.002, line)
    phases = sum(value[key] for key in ("queued", "dns", "connect", "send"))
    check(abs(value["delay"] - phases) < 0.01, line)


main(site.keep_queue_note)
