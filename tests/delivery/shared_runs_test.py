#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Three machines with one rate for a destination, and with one memory of hosts, by a real Redis:
which stalls, dies, loses its memory, and sends garbage."""
import re
import socket
import statistics
import threading
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from redis_server import PASSWORD, PORT, Redis, settings_of_redis
from sink import Sink
from tap import check, main, note, same, test, wait_for

directory = fresh_directory()
redis = Redis(directory)
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
*.many   MX 10 goes
"""})
good = Exchanger("192.0.2.14")


def settings(port=PORT, rate="2/1s"):
    return "\n".join(["[route rate.example]", "via = smtp://192.0.2.20", "rate = " + rate,
                      *settings_of_redis(directory, port), ""])


sites_now = []


def machines(name, n=3, **more):
    """The only machines from now on."""
    while sites_now:
        sites_now.pop().stop()
    for i in range(n):
        sites_now.append(Site("%s-%d" % (name, i), settings(**more),
                              address="192.0.2.%d" % (i + 1)).listen())
    return list(sites_now)


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
        note("36 messages in %.1f s; of the first 18: %s; most in 5 s: %d" % (
            took, " ".join(str(half.count(str(i))) for i in range(3)), most_in(5)))
        if not alone(sites) and most_in(5) <= 12:
            break
        note("an answer or a delivery was late")
    check(16 <= took <= 30, took)
    # Whole seconds: two of one second may come together with two of the next.  Three machines alone
    # would have 30.
    check(most_in(5) <= (18 if alone(sites) else 12), arrivals)
    check(all(3 <= half.count(str(i)) <= 9 for i in range(3)), half)


class Closing(threading.Thread):
    """A host that closes each connection without a greeting, and counts them."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.socket, self.connections = socket.create_server((address, 25)), 0
        self.start()

    def run(self):
        while True:
            client = self.socket.accept()[0]
            self.connections += 1
            client.close()


def in_redis(*lines):
    """Commands, each a list of words of any octets; the first line of each reply."""
    with socket.create_connection(("127.0.0.1", PORT), 5) as s:
        replies = s.makefile("rb")
        got = []
        for words in (["AUTH", PASSWORD], ["SELECT", "3"], *lines):
            octets = [w.encode() if isinstance(w, str) else w for w in words]
            s.sendall(b"*%d\r\n" % len(octets) +
                      b"".join(b"$%d\r\n%s\r\n" % (len(o), o) for o in octets))
            got.append(replies.readline().strip().decode())
        return got[2:]


def marks(site, address):
    """What the machine knows of an address only from others; None: nothing."""
    lines = site.hosts().splitlines()
    for line in lines:
        if line.startswith(address + " "):
            return int(line.split()[-1 - lines[0].split()[::-1].index("marks")]) & 7
    return None


SOON = ("-o", "queue.retry-min=2s", "-o", "queue.retry-max=1h")
dead = Closing("192.0.2.99")


@test("a host that one machine cannot reach is not dialled by another, until the pause is over")
def _():
    redis.order("FLUSHALL")
    one, two = machines("away", 2)
    one.send("bob@good.example.org")
    one.relay()
    for _ in range(2):
        one.send("bob@dead.example.org")
        one.relay(*SOON)
        time.sleep(2.2)
    same(dead.connections, 2, one.log())
    two.watch("-o", "queue.retry-min=24s", "-o", "queue.retry-max=1h")
    check(wait_for(lambda: marks(two, "192.0.2.99:25") == 1, 30), two.hosts(), one.hosts())
    # A host that it never spoke to is ranked at once.
    same(marks(two, "192.0.2.14:25"), 2, two.hosts())
    began = time.monotonic()
    two.send("bob@dead.example.org")
    check(wait_for(lambda: "deferred" in two.log(), 10), two.log())
    same(dead.connections, 2, two.log())
    check("no exchanger was asked" in two.log(), two.log())
    check(wait_for(lambda: dead.connections > 2, 60), two.log(), two.hosts())
    check(time.monotonic() - began > 4, "too early")


@test("a flush on this machine is not undone by an old fact")
def _():
    [site] = machines("flush", 1)
    before = dead.connections
    site.watch()
    check(wait_for(lambda: marks(site, "192.0.2.99:25") == 1, 30), site.hosts())
    site.send("bob@dead.example.org")
    check(wait_for(lambda: site.queued("wait"), 10), site.log())
    same(dead.connections, before, site.log())
    site.relay("--flush")
    check(wait_for(lambda: dead.connections > before, 10), site.log())
    site.stop()


@test("a refusal of our IPv6 address is known to all machines")
def _():
    refusal = ("550 5.7.1 [2001:db8::1] Our system has detected that this message does not meet "
               "IPv6 sending guidelines regarding PTR records. - gsmtp")
    four, six = Exchanger("192.0.2.15"), Exchanger("2001:db8::11", data=refusal)
    one, two = machines("six", 2)
    two.watch()
    one.send("bob@six.example.org")
    one.relay()
    same((len(four.messages), six.connections), (1, 1), one.log())
    check(wait_for(lambda: (marks(two, "[2001:db8::11]:25") or 0) & 4, 30), two.hosts(),
          one.hosts())
    two.send("bob@six.example.org")
    check(wait_for(lambda: len(four.messages) == 2, 20), two.log())
    same(six.connections, 1, two.log())


@test("garbage facts and a garbage moment harm nobody")
def _():
    long = "0 192.0.2.14:25 " + "x" * 5000
    now = str(int(time.time() * 1e6))
    in_redis(["DEL", "test:hosts", "test:hosts:when"],
             ["HSET", "test:hosts", "a", b"\xff\x00\r\n", "b", "192.0.2.14:25 \n1 x", "c", long,
              "d", "192.0.2.14:25 goes 1 1 1 900 0 0 900 99999999 1"],
             ["ZADD", "test:hosts:when", now, "a", now + "1", "b", "-inf", "c", now, "d", "1e300",
              "e"],
             ["SET", "test:rate:route rate.example smtp://192.0.2.20", "99999999999999999999 x"])
    [site] = machines("garbage", 1, rate="5/1s")
    site.send("bob@good.example.org")
    run_all([site], 5, 5)
    check(wait_for(lambda: "delivered" in site.log() and "bob@good.example.org" in site.log(), 20),
          site.log())
    same(site.runner.poll(), None, site.log())


@test("keys of another type or time are replaced: one rate for all, and one memory of hosts")
def _():
    rate = "test:rate:route rate.example smtp://192.0.2.20"
    year_us = str(int((time.time() + 366 * 86400) * 1e6))
    for foreign in ["HSET", rate, "a", "b"], ["SET", rate, year_us + " 500000"]:
        in_redis(["FLUSHDB"], ["SET", "test:hosts", "text"], ["RPUSH", "test:hosts:when", "a"],
                 foreign)
        sites = machines("keys", 2)
        run_all(sites, 4, 8)
        check(0 < int(in_redis(["PTTL", rate])[0][1:]) < 60000, foreign, sites[0].log())
        same({why for site in sites for why in re.findall("Redis: (.*)", site.log())} -
             {"it does not reply in time"}, set(), foreign)
        check(wait_for(lambda: in_redis(["HLEN", "test:hosts"], ["ZCARD", "test:hosts:when"]) ==
                       [":1", ":1"], 10), in_redis(["HGETALL", "test:hosts"]))


@test("Redis stops, is killed, and comes back without memory: the mail goes on")
def _():
    in_redis(["FLUSHDB"])
    sites = machines("killed", rate="3/1s")
    arrivals.clear()
    send_all(sites, 12)
    for site in sites:
        site.watch()
    check(wait_for(lambda: len(arrivals) > 3, 20), sites[0].log())
    redis.stop()
    n, began = len(arrivals), time.monotonic()
    check(wait_for(lambda: len(arrivals) > n + 3, 20), sites[0].log())
    note("with Redis stopped, 4 more messages in %.1f s" % (time.monotonic() - began))
    redis.go_on()
    redis.kill()
    time.sleep(1)
    redis.start()
    check(wait_for(lambda: len(arrivals) == 36, 40), len(arrivals), sites[0].log())
    for site in sites:
        check(site.log().count("a rate is kept by this machine alone") <= 1, site.log())
        check(site.runner.poll() is None, site.log())
    check(sum("kept by this machine alone" in site.log() for site in sites) >= 1)


@test("500 destinations with a rate: their moments are asked together")
def _():
    many = """
[route .many.example.org]
via = mx
rate = 1/1h
"""
    took = {}
    for name, text in (("alone", many), ("shared", settings() + many)):
        machines("none", 0)
        site = Site("many-" + name, text).listen()
        for sender in ("a", "b"):
            with site.smtp() as smtp:
                for i in range(500):
                    smtp.sendmail(sender + "@sender.example", ["bob@d%d.many.example.org" % i],
                                  b"Subject: x\r\n\r\n")
            began = time.monotonic()
            site.relay(deadline_s=100)
            took[name, sender] = time.monotonic() - began
        site.stop()
    note("seconds, alone and shared, first and second message: " +
         " ".join("%s-%s %.2f" % (*key, value) for key, value in took.items()))


@test("the cost of a run's start")
def _():
    times = {}
    for name, text in (("alone", ""), ("shared", settings())):
        machines("none", 0)
        site = Site("start-" + name, text).listen()
        for i in range(20):
            site.send("alice@sender.example")
            times.setdefault(name, []).append(site.relay() * 1000)
        site.stop()
    note("milliseconds of a run with a message: " + " ".join(
        "%s %.1f" % (name, statistics.median(ms)) for name, ms in times.items()))


main()
