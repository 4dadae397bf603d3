# SPDX-License-Identifier: ISC
"""The cost of the DNS: queries and time are bounded for any domain and any name server."""
import re
import struct
import subprocess
import time

from exchangers import Exchanger
from nameservers import A, AAAA, MX, TXT, FakeNameServer, answer, record, wire_name
from programs import Site, fresh_directory
from tap import check, main, quicker_than, same, test

# A network without hosts: nothing answers at these addresses.
for command in ("link add outside type veth peer name outside1",
                "address add 198.19.255.254/15 dev outside", "link set outside up",
                "link set outside1 up"):
    subprocess.run(["ip", *command.split()], check=True)

directory = fresh_directory()
exchanger = Exchanger("192.0.2.11")
site = Site("site", resolver="192.0.2.53").listen()
SHORT = ("-o", "relay.connect-timeout=2s")


def count(server, kind=None, name=None):
    return sum(kind in (None, k) and name in (None, n) for n, k in server.seen)


class Counting(FakeNameServer):
    """A name server that records the queries in seen."""

    def handle(self, query):
        if not hasattr(self, "seen"):
            self.seen = []
        self.seen.append((query.name, query.kind))
        super().handle(query)


many = ["d%d.example.org" % i for i in range(60)]
shared = Counting("192.0.2.53", [(name, MX, (10, "mx.provider.example")) for name in many] +
                  [("mx.provider.example", A, "192.0.2.11")])


@test("sixty domains with one exchanger: one query per process for its addresses, not sixty")
def _():
    with site.smtp() as smtp:
        for name in many:
            smtp.sendmail("alice@sender.example", ["bob@" + name], b"Subject: x\r\n\r\nHello.\r\n")
    site.relay("-o", "relay.processes=3")
    same([len(exchanger.messages), site.queued()], [60, []], site.log()[-2000:])
    same(count(shared, MX), 60)
    check(count(shared, A, "mx.provider.example") <= 3
          and count(shared, AAAA, "mx.provider.example") <= 3, shared.seen[-20:])


@test("an answer with lifetime 0 is asked for again")
def _():
    server = Counting("192.0.2.54", [("zero.example.org", MX, (10, "mx.zero.example.org"), 0),
                                     ("mx.zero.example.org", A, "192.0.2.11", 0)])
    site.send("bob@zero.example.org")
    site.relay("-o", "relay.resolver=192.0.2.54")
    site.send("bob@zero.example.org")
    site.relay("-o", "relay.resolver=192.0.2.54")
    same(count(server, MX), 2)


@test("a lost datagram of each question costs a part of a second, not five")
def _():
    lost = set()

    def lose_first(query):
        known = query.question in lost
        lost.add(query.question)
        return known
    FakeNameServer("192.0.2.158", [(name, MX, (10, "mx.provider.example")) for name in many] +
                   [("mx.provider.example", A, "192.0.2.11")], lose_first)
    for name in many[:20]:
        site.send("bob@" + name)
    had = len(exchanger.messages)
    took = site.relay("-o", "relay.resolver=192.0.2.158")
    same([len(exchanger.messages) - had, site.queued()], [20, []], site.log()[-2000:])
    check(took < 4, took)


@test("a silent first name server costs one wait per run, not one per domain")
def _():
    FakeNameServer("192.0.2.55", [], lambda query: None)
    for name in many[:8]:
        site.send("bob@" + name)
    had = len(exchanger.messages)
    with open(directory + "/resolv.conf", "w") as file:
        file.write("options timeout:2 attempts:1\nnameserver 192.0.2.55\nnameserver 192.0.2.53\n")
    subprocess.run(["mount", "--bind", directory + "/resolv.conf", "/etc/resolv.conf"], check=True)
    took = site.relay("-o", "relay.resolver=system", "-o", "relay.processes=1")
    same(len(exchanger.messages) - had, 8)
    check(took < 10, took)


def huge(query, kind_of_target):
    """500 exchangers in one answer with compressed names; each has ten addresses without a host."""
    if query.kind == MX and query.name == "huge.example.org":
        if query.over == "udp":
            query.send(answer(query.id, query.question, flags=0x8180 | 0x0200))
            return False
        packet = (struct.pack("!6H", query.id, 0x8180, 1, 500, 0, 0)
                  + wire_name(query.name) + struct.pack("!2H", MX, 1))
        for i in range(500):
            label = b"m%d" % i
            data = struct.pack("!H", 10 + i % 3) + bytes([len(label)]) + label + b"\xc0\x0c"
            packet += b"\xc0\x0c" + struct.pack("!2HIH", MX, 1, 60, len(data)) + data
        query.send(packet)
        return False
    if query.kind == A and query.name.startswith("m"):
        number = int(query.name.split(".")[0][1:])
        addresses = [kind_of_target % (number // 250, number % 250 + 1) if i
                     else "198.19.%d.%d" % (i, number % 250 + 1) for i in range(10)]
        query.send(answer(query.id, query.question,
                          [record(query.name, A, address) for address in addresses]))
        return False
    query.send(answer(query.id, query.question))
    return False


@test("500 exchangers with 5,000 addresses cost bounded queries, connections and time")
def _():
    server = Counting("192.0.2.56", [], lambda query: huge(query, "198.18.%d.%d"))
    site.send("bob@huge.example.org")
    took = site.relay("-o", "relay.resolver=192.0.2.56", *SHORT, deadline_s=60)
    same(len(site.queued("wait")), 1, site.log()[-3000:])
    check(took < 15, took)
    asked = [question for question in server.seen if question[0]]    # not about the root
    # The exchangers by UDP and TCP, the record of MTA-STS, and two for each exchanger.
    check(3 + 2 * 20 < len(asked) <= 3 + 2 * 32, len(asked))
    text = site.queue_text()
    check("4.4.1" in text and text.count("198.1") <= 64, text)


@test("mail for another domain does not wait for the hostile one")
def _():
    server = Counting("192.0.2.57", [("good.example.org", MX, (10, "mx.good.example.org")),
                                     ("mx.good.example.org", A, "192.0.2.11")],
                      lambda query: "good" in query.name or huge(query, "198.18.%d.%d"))
    site.send("bob@huge.example.org")
    had = len(exchanger.messages)
    site.send("bob@good.example.org")
    process = site.start_relay("-o", "relay.resolver=192.0.2.57", *SHORT)
    start = time.monotonic()
    while len(exchanger.messages) == had and time.monotonic() - start < 20:
        time.sleep(0.02)
    check(time.monotonic() - start < 2, "only after", time.monotonic() - start)
    same(process.wait(60), 0)
    check(server.udp)


POLICY_RECORDS = [("sts.example.org", MX, (10, "mx.sts.example.org")),
                  ("mx.sts.example.org", A, "192.0.2.11")]


def dns_ms(server_address, *options):
    """A run with a message for sts.example.org; the time that its questions took."""
    had, before = len(exchanger.messages), len(site.log())
    for path in site.queued():
        subprocess.run(["rm", path], check=True)
    site.send("bob@sts.example.org")
    site.relay("-o", "relay.resolver=" + server_address, "-o", "relay.dnssec=off", *options)
    log = site.log()[before:]
    same(len(exchanger.messages), had + 1, log)
    return int(float(re.search(r"dns=([0-9.]+)s", log)[1]) * 1000)


@test("the question for a policy of MTA-STS goes out with the one for exchangers, once a domain")
def _():
    waiting = []

    def together(query):
        if query.kind == MX and not any(k == TXT for _, k in server.seen):
            waiting.append(query)
            return False
        for held in waiting[:] if query.kind == TXT else ():
            held.honest()
            waiting.remove(held)
        return True
    server = Counting("192.0.2.59", POLICY_RECORDS, together)
    for _ in range(3):
        site.send("bob@sts.example.org")
    check(dns_ms("192.0.2.59", "-o", "relay.per-destination=1") < 500, server.seen)
    same([count(server, TXT), count(server, TXT, "_mta-sts.sts.example.org")], [1, 1], server.seen)


@test("and adds nothing to the time of a delivery; a run with mta-sts = off does not ask it")
def _():
    server = Counting("192.0.2.60", POLICY_RECORDS, lambda query: query.later(0.1, query.honest))

    def took():
        server.seen = []
        ms = dns_ms("192.0.2.60")
        check(ms >= 190, ms)
        same(count(server, TXT), 1)
        return ms

    quicker_than(270, took)                 # two rounds of 100 ms
    dns_ms("192.0.2.60", "-o", "relay.mta-sts=off")
    same(count(server, TXT), 1)


@test("a name server that never answers it costs the mail two seconds at most")
def _():
    Counting("192.0.2.61", POLICY_RECORDS, lambda query: query.kind != TXT)
    quicker_than(2400, lambda: dns_ms("192.0.2.61"))


@test("CNAMEs in a circle or without end: deferred")
def _():
    def alias(query):
        number = int(query.name.split(".")[0][1:] or 0) if query.name[0] == "c" else -1
        target = "loop.example.org" if number < 0 else "c%d.example.org" % (number + 1)
        data = wire_name(target)
        query.send(answer(query.id, query.question,
                          [wire_name(query.name) + struct.pack("!2HIH", 5, 1, 60, len(data))
                           + data]))
    server = Counting("192.0.2.58", [], alias)
    for path in site.queued():
        subprocess.run(["rm", path], check=True)
    for name in ("loop.example.org", "c0.example.org"):
        site.send("bob@" + name)
    took = site.relay("-o", "relay.resolver=192.0.2.58", *SHORT)
    same(len(site.queued("wait")), 2, site.log()[-2000:])
    check(took < 10 and len(server.seen) < 60, took, len(server.seen))


main(site.keep_queue_note)
