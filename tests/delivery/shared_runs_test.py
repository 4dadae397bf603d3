#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Three machines with one rate for a destination, and with one memory of hosts, by a real Redis:
which stalls, dies, loses its memory, and sends garbage."""
import os
import re
import subprocess
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from redis_server import Redis
from sink import Sink
from tap import check, main, note, same, test, wait_for

PORT, PASSWORD = 16379, "a-long-password"
directory = fresh_directory()
password_file = directory + "/password"
with open(password_file, "w") as secret:
    secret.write(PASSWORD + "\n")
os.chmod(password_file, 0o600)
redis = Redis(directory, PORT, PASSWORD)
sink = Sink(("192.0.2.20", 25))
arrivals = []                           # (time, subject)
sink.taken = lambda rcpts, content: arrivals.append(
    (time.monotonic(), re.search(rb"Subject: (\S+)", content)[1].decode()))
nsd(directory + "/nsd", {"example.org": """
dead     MX 10 nobody
nobody   A 192.0.2.99
good     MX 10 goes
goes     A 192.0.2.14
six      MX 10 both
both     A 192.0.2.15
both     AAAA 2001:db8::11
"""})
good = Exchanger("192.0.2.14")


def settings(port=PORT, rate="2/1s"):
    return """
[route rate.example]
via = smtp://192.0.2.20
rate = %s
[shared]
redis = redis://127.0.0.1:%d/3
password-file = %s
prefix = test:
""" % (rate, port, password_file)


def machines(name, n=3, **more):
    return [Site("%s-%d" % (name, i), settings(**more), address="192.0.2.%d" % (i + 1)).listen()
            for i in range(n)]


def close(sites):
    for site in sites:
        site.stop()


def send_all(sites, count, domain="rate.example"):
    for i, site in enumerate(sites):
        site.send("bob@" + domain, b"Subject: %d\r\n\r\n" % i, count=count)


def most_in(seconds):
    """The most arrivals in any window of so many seconds."""
    times = sorted(at for at, _ in arrivals)
    return max(sum(1 for other in times if at <= other < at + seconds) for at in times)


def alone(sites):
    return sum(site.log().count("a rate is kept by this machine alone") for site in sites)


def run_all(sites, count, n):
    """Messages on each, until n have arrived; the seconds that it took."""
    arrivals.clear()
    send_all(sites, count)
    began = time.monotonic()
    for site in sites:
        site.watch()
    check(wait_for(lambda: len(arrivals) >= n, 60), len(arrivals), sites[0].log())
    return time.monotonic() - began


@test("one rate for three machines, each with its share")
def _():
    for _ in range(5):
        redis.order("FLUSHALL")
        sites = machines("rate")
        took = run_all(sites, 12, 36)
        half = [subject for _, subject in sorted(arrivals)[:18]]
        close(sites)
        note("36 messages in %.1f s; of the first 18: %s; most in 5 s: %d" % (
            took, " ".join(str(half.count(str(i))) for i in range(3)), most_in(5)))
        if not alone(sites):
            break
        note("an answer was late: once more")
    check(16 <= took <= 24, took)
    # Whole seconds: two of one second may come together with two of the next.
    check(most_in(5) <= 12 and most_in(2) <= 6, arrivals)
    check(all(3 <= half.count(str(i)) <= 9 for i in range(3)), half)


main()
