# SPDX-License-Identifier: ISC
"""The speed of smtp-relay, beside Postfix if build/peers has it.

bench/run runs this file in a network of its own, with the real port 25:

    DEADLINE=900 tests/delivery/run bench/relay.py

BENCH names some of the measurements: one many late signed dane tickets faults million.  MILLION is
the number of messages of the last (default 1000000).  Both programs have their default settings.
Clocks start right before a program is started and end with the last message at the sink.
"""
import os
import signal
import statistics
import subprocess
import time

from certificates import Authority, tlsa
from postfix import Postfix, has_postfix, mount_postfix
from programs import BUILD, PEERS, peer_environment
from rig import DEAD, DIRECTORY, SLOW, Ours, Sink, command, handler, open_network
from signed_zones import SignedZones
from tap import wait_for
from validators import Unbound

MESSAGES = 5000
HEALTHY = 430
WANTED = os.environ.get("BENCH", "one many late signed dane tickets faults million").split()
MILLION = int(os.environ.get("MILLION", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def run(side, sink, count, row, deadline_s=120):
    """Seconds from the start to the last of count messages in that class of the sink."""
    start = side.start()
    end = start + deadline_s
    while time.monotonic() < end:
        fast = sink.classes()[row]
        if fast["messages"] >= count:
            break
        time.sleep(0.05)
    return fast["last_us"] / 1e6 - start, fast


def measure(kind, loads, late_ms=0, pem=None):
    """The seconds that one program needs for one load."""
    side, sink = kind(), Sink(late_ms, pem)
    for load in loads:
        side.fill(*load)
    seconds, fast = run(side, sink, sum(load[0] for load in loads if load[1][0] not in "sx"),
                        2 if late_ms else 0)
    side.stop()
    sink.stop()
    print("%-12s %5d messages in %6.2f s: %6.0f/s, %d connections, %d at once%s" % (
        side.name, fast["messages"], seconds, fast["messages"] / seconds, fast["connections"],
        fast["most"], ", peak %.1f MB" % (side.peak_kb / 1024) if side.peak_kb else "") +
        (", %d handshakes, %d resumed" % (fast["handshakes"], fast["resumed"]) if pem else ""),
        flush=True)
    return seconds


def sides():
    return [Ours, Postfix] if has_postfix() else [Ours]


def compare(loads, late_ms=0):
    best = {}
    for _ in range(ROUNDS):
        for kind in sides():
            seconds = measure(kind, loads, late_ms)
            best[kind.name] = min(seconds, best.get(kind.name, seconds))
    if len(best) > 1:
        print("%-12s %.2f times Postfix's, best of %d each"
              % ("rate", best["postfix"] / best["smtp-relay"], ROUNDS), flush=True)
    return best


def late():
    for late_ms in (10, 50):
        for domains in (1, 500):
            print("%-12s to %d destinations, %d ms late" % ("", domains, late_ms), flush=True)
            compare([(MESSAGES, "l%u", domains)], late_ms)


def signed():
    """What signatures add, and what they cost for one large message."""
    keys = {}
    for kind in ("rsa", "ed25519"):
        keys[kind] = DIRECTORY + "/" + kind
        command(BUILD + "/smtp-dkim-key", "make", kind, keys[kind])
    for name, words in (("unsigned", []), ("rsa", ["rsa"]), ("ed25519", ["ed25519"]),
                        ("both", ["rsa", "ed25519"])):
        section = "dkim sender.example"
        options = ["-o", section + ".selector=" + " ".join(words),
                   "-o", section + ".key=" + " ".join(keys[word] for word in words)]
        print("%-12s %s" % ("", name), flush=True)
        for _ in range(ROUNDS):
            measure(lambda: Ours(*options if words else ()), [(MESSAGES, "h%u", 500)])


class Dane:
    """500 signed domains with TLSA records, Unbound for both programs, opendkim beside Postfix."""

    def __init__(self):
        self.directory = DIRECTORY + "/dane"
        authority = Authority(self.directory + "/ca")
        leaf = authority.leaf("mx", "mx.bench.example", signed=False)
        self.pem = self.directory + "/mx.pem"
        with open(self.pem, "w") as file:
            file.write(open(leaf.chain).read() + open(leaf.key).read())
        self.zones = SignedZones(self.directory + "/zones", "192.0.2.54")
        self.zones.add("example", "")
        self.zones.add("bench.example", "")
        for i in range(500):
            self.zones.add("d%d.bench.example" % i, "@ MX 10 mx\nmx A 10.1.%d.%d\n"
                           "_25._tcp.mx TLSA %s\n" % (1 + i // 250, 1 + i % 250,
                                                      tlsa(leaf.chain)))
        self.zones.serve()
        self.unbound = None
        self.keys = {}
        for kind in ("rsa", "ed25519"):
            self.keys[kind] = DIRECTORY + "/dane-" + kind
            command(BUILD + "/smtp-dkim-key", "make", kind, self.keys[kind])

    def resolver(self):
        """A validator that knows nothing yet."""
        if self.unbound:
            self.unbound.process.terminate()
            self.unbound.process.wait(10)
        self.unbound = Unbound(self.directory, self.zones.anchor, server="192.0.2.54")

    def ours(self, kind):
        self.resolver()
        section = "dkim sender.example"
        words = () if not kind else (
            "-o", section + ".selector=s", "-o", section + ".key=" + self.keys[kind])
        return Ours("-o", "relay.resolver=127.0.0.1", "-o",
                    "relay.dnssec-anchor=" + self.zones.anchor, *words)

    def postfix(self, kind):
        self.resolver()
        settings = ["smtp_tls_security_level = dane", "smtp_dns_support_level = dnssec"]
        if kind:
            settings += ["smtpd_milters = unix:%s/filter" % self.directory,
                         "milter_default_action = tempfail"]
        return Postfix(*settings)

    def opendkim(self, kind):
        with open(self.directory + "/opendkim.conf", "w") as file:
            file.write("Domain sender.example\nSelector s\nKeyFile {0}\nMode s\n"
                       "Socket local:{1}/filter\nInternalHosts {1}/hosts\nUMask 000\n"
                       "Background no\nRequireSafeKeys no\nSignatureAlgorithm {2}-sha256\n"
                       .format(self.keys[kind], self.directory, kind))
        with open(self.directory + "/hosts", "w") as file:
            file.write("0.0.0.0/0\n")
        log = open(self.directory + "/opendkim.log", "w")
        process = subprocess.Popen(
            [PEERS + "/usr/sbin/opendkim", "-f", "-x", self.directory + "/opendkim.conf"],
            env=peer_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not wait_for(lambda: os.path.exists(self.directory + "/filter"), 10):
            raise RuntimeError("opendkim: " + open(self.directory + "/opendkim.log").read())
        return process

    def fill_seconds(self, kind):
        """What Postfix and opendkim need to take the messages in: they sign then."""
        side, start = self.postfix(kind), time.monotonic()
        side.fill(MESSAGES, "d%u", 500)
        took = time.monotonic() - start
        side.stop()
        return took


def dane():
    """Postfix signs as it takes a message, before its clock starts; so that time is added."""
    lab = Dane()
    with open("/etc/resolv.conf", "w") as file:
        file.write("nameserver 127.0.0.1\noptions trust-ad\n")
    load = [(MESSAGES, "d%u", 500)]
    plain_s = None
    for kind in (None, "rsa", "ed25519"):
        print("%-12s %s" % ("", kind or "unsigned"), flush=True)
        ours = min(measure(lambda: lab.ours(kind), load, pem=lab.pem) for _ in range(ROUNDS))
        if not has_postfix():
            continue
        filter = lab.opendkim(kind) if kind else None
        theirs = min(measure(lambda: lab.postfix(kind), load, pem=lab.pem) for _ in range(ROUNDS))
        taken_s = lab.fill_seconds(kind)
        plain_s = plain_s or taken_s
        if filter:
            filter.terminate()
            filter.wait(10)
        print("%-12s %.2f times Postfix's rate; %.2f times with %.1f s for its signatures" % (
            "rate", theirs / ours, (theirs + max(0, taken_s - plain_s)) / ours,
            max(0, taken_s - plain_s)), flush=True)
    lab.unbound.process.terminate()


def tickets():
    """The CPU time of a run to an exchanger that closes after each message, for one message."""
    authority = Authority(DIRECTORY + "/tls-ca")
    leaf = authority.leaf("mx", "mx.one.bench.example")
    pem = DIRECTORY + "/tls.pem"
    with open(pem, "w") as file:
        file.write(open(leaf.chain).read() + open(leaf.key).read())
    for tls in ("may", "require"):
        for words in (("-1", "-n"), ("-1",)):
            best = None
            for _ in range(ROUNDS):
                sink = Sink(0, pem, *words)
                side = Ours("-o", "relay.dnssec=off", "-o", "relay.tls-ca-file=" + authority.file,
                            "-o", "relay.tls=" + tls)
                side.fill(500, "one", 1)
                _, cpu_s = side.run()
                fast = sink.classes()[0]
                sink.stop()
                best = min(cpu_s, best or cpu_s)
            print("%-12s tls = %-8s %4d messages, %d handshakes, %d resumed: %.2f ms of CPU time "
                  "a message" % (side.name, tls, fast["messages"], fast["handshakes"],
                                 fast["resumed"], best / 500 * 1000), flush=True)


def faults():
    alone = compare([(HEALTHY * 10, "h%u", HEALTHY)])
    beside = compare([(HEALTHY * 10, "h%u", HEALTHY), (SLOW * 10, "s%u", SLOW),
                      (DEAD * 10, "x%u", DEAD)])
    for name in alone:
        print("%-12s healthy destinations beside the others: %.2f times as long as alone"
              % (name, beside[name] / alone[name]))


def fresh(side, sink, *options):
    """Seconds from the start to the first MAIL, which is for the one message in new/."""
    side.fill(1, "one", 1)
    start = side.start(*options)
    wait_for(lambda: sink.classes()[0]["mail_us"], 30)
    return sink.classes()[0]["mail_us"] / 1e6 - start


def million():
    """All messages are for dead hosts: first due in the next hours, then all at once."""
    side, now = Ours(), int(time.time())
    start = time.monotonic()
    side.fill(MILLION, "x%u", DEAD, now + 3600, 60, 240)
    print("%-12s %d messages made in %.0f s" % ("", MILLION, time.monotonic() - start), flush=True)
    empty = Ours(name="empty")
    for name, which, options, rounds in (("empty queue", empty, (), 11), ("", side, (), 11),
                                         ("--flush", side, ("--flush",), 1)):
        took = []
        for _ in range(rounds):
            sink = Sink()
            took.append(fresh(which, sink, *options))
            wait_for(which.ended, 20 if options else 2)
            which.stop()
            sink.stop()
        print("%-12s %-12s the first MAIL for a fresh message after %s, peak %.1f MB" % (
            which.name, name, times(took), which.peak_kb / 1024), flush=True)
    accept_beside(side, empty)
    command("rm", "-rf", side.directory)


def times(seconds):
    return "%.0f ms, %.0f to %.0f" % tuple(
        1000 * s for s in (statistics.median(seconds), min(seconds), max(seconds)))


def accept_beside(*sides):
    """Two listeners take turns; then each accepts while a run of its queue begins."""
    servers = [handler(os.path.relpath(side.queue, DIRECTORY), BUILD, port)
               for port, side in enumerate(sides, 2602)]
    clients = [BUILD + "/bench/clients", "", "kept", "200", "10"]
    ratios = []
    for turn in range(101):
        rate = {}
        for server in servers if turn % 2 else servers[::-1]:
            clients[1] = str(server.port)
            rate[server] = float(command(*clients, stdout=subprocess.PIPE, text=True).stdout)
            server.empty()
        ratios.append(rate[servers[0]] / rate[servers[1]])
    ratios.sort()
    print("%-12s accepts %.3f times as fast as with an empty queue, median of %d turns; the "
          "true one is in %.3f to %.3f by 95 %%" % (sides[0].name, statistics.median(ratios),
                                                    len(ratios), ratios[40], ratios[60]),
          flush=True)
    for side, server in zip(sides, servers):
        took = []
        for _ in range(9):
            sink = Sink()
            load = subprocess.Popen([clients[0], str(server.port), "kept", "1000000", "2"],
                                    stdout=subprocess.DEVNULL, process_group=0)
            took.append(fresh(side, sink, "-o", "route bench.example.via=discard"))
            os.killpg(load.pid, signal.SIGKILL)
            load.wait()
            side.stop()
            sink.stop()
            server.empty()
        print("%-12s %-12s while its listener accepts, the first MAIL after %s" % (
            side.name, "" if side is sides[0] else "empty queue", times(took)), flush=True)
        server.stop()


def main():
    mount_postfix()
    open_network()
    loads = {
        "one": ("# %d messages of 1 KiB to one destination" % MESSAGES,
                lambda: compare([(MESSAGES, "one", 1)])),
        "many": ("# %d messages to 500 destinations" % MESSAGES,
                 lambda: compare([(MESSAGES, "h%u", 500)])),
        "late": ("# the same, with replies 10 and 50 ms late", late),
        "signed": ("# %d messages to 500 destinations, signed (DKIM)" % MESSAGES, signed),
        "dane": ("# %d messages to 500 signed domains with TLSA records" % MESSAGES, dane),
        "tickets": ("# 500 messages, each with a handshake of TLS: without and with tickets",
                    tickets),
        "faults": ("# %d healthy destinations, alone, then beside %d slow and %d dead ones"
                   % (HEALTHY, SLOW, DEAD), faults),
        "million": ("# %d deferred messages" % MILLION, million),
    }
    for name in WANTED:
        print(loads[name][0], flush=True)
        loads[name][1]()


main()
