# SPDX-License-Identifier: ISC
"""Links that are kept for further messages, and hosts that end them: what is lost, what comes
twice, how many connections it takes, and what is learned of the host."""
import ctypes
import os
import re
import socket
import struct
import threading
import time

from programs import Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
ADDRESS = "192.0.2.11"
SOON = ["-o", "queue.retry-min=1s", "-o", "queue.retry-max=1s"]
KEYWORDS = {"plain": [], "pipelining": [b"PIPELINING"], "chunks": [b"PIPELINING", b"CHUNKING"]}


def cut(link):
    """From now on nothing arrives at this end, as if the network was cut."""
    octets = ctypes.create_string_buffer(struct.pack("=HBBI", 6, 0, 0, 0))      # drop all
    link.setsockopt(socket.SOL_SOCKET, 26,                                     # SO_ATTACH_FILTER
                    struct.pack("HL", 1, ctypes.addressof(octets)))


class Ended(Exception):
    pass


class Host:
    """A host that ends each link at one step, after some messages.

    after       the number of messages before that
    step        "idle" (behind a message), "mail", "rcpt", "data" (DATA or BDAT), "content" (it has
                that), "kept" (and has stored it)
    how         "close", "reset", "half" (it goes on reading), "421", or "silence"; "cut": behind
                the reply to EHLO, whatever the step is
    wait        called at that step first
    late_s      the delay of each reply to MAIL
    numbers     of the messages that it has stored
    """

    def __init__(self, keywords, after=3, step="idle", how="close", wait=lambda: None,
                 address=ADDRESS):
        self.keywords, self.after, self.step, self.how = KEYWORDS[keywords], after, step, how
        self.wait, self.numbers, self.connections, self.data = wait, [], 0, 0
        self.late_s = 0
        self.listener = socket.create_server((address, 25), backlog=50)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def _accept(self):
        while True:
            try:
                link, _ = self.listener.accept()
            except OSError:
                return
            self.connections += 1
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self._serve, args=(link,), daemon=True).start()

    def _serve(self, link):
        with link, link.makefile("rb") as lines:
            try:
                self._talk(link, lines)
            except (Ended, OSError):
                pass

    def _at(self, step, count, link, lines):
        if self.step != step or count != self.after:
            return
        self.wait()
        if self.how == "421":
            link.sendall(b"421 4.3.2 enough\r\n")
        elif self.how == "reset":
            link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self.how == "half":
            link.shutdown(socket.SHUT_WR)
            while lines.read1(1 << 16):
                pass
        elif self.how == "silence":
            time.sleep(20)
        raise Ended

    def _talk(self, link, lines):
        count = 0
        link.sendall(b"220 fake ESMTP\r\n")
        while line := lines.readline():
            verb, reply = line[:4], b"250 2.0.0 ok\r\n"
            if verb == b"EHLO":
                reply = b"".join(b"250-%s\r\n" % k for k in [b"fake"] + self.keywords)
                reply += b"250 SIZE\r\n"
                if self.how == "cut":
                    cut(link)
            elif verb == b"QUIT":
                return
            elif verb in (b"DATA", b"BDAT"):
                self._at("data", count, link, lines)
                number = self._content(link, lines, line)
                self._at("content", count, link, lines)
                self.numbers.append(number)
                self._at("kept", count, link, lines)
                count += 1
            else:
                time.sleep(self.late_s if verb == b"MAIL" else 0)
                self._at({b"MAIL": "mail", b"RCPT": "rcpt"}.get(verb), count, link, lines)
            link.sendall(reply)
            if verb in (b"DATA", b"BDAT"):
                self._at("idle", count, link, lines)

    def _content(self, link, lines, line):
        if line.startswith(b"DATA"):
            self.data += 1
            link.sendall(b"354 go\r\n")
            octets = b""
            while not octets.endswith(b"\r\n.\r\n"):
                part = lines.readline()
                if not part:
                    raise Ended
                octets += part
        else:
            size = int(line.split()[1])
            octets = lines.read(size)
            if len(octets) < size:
                raise Ended
        return int(re.search(rb"number (\d+)", octets)[1])


def new_site(name, count, to="r%d@example.org", settings="", address=ADDRESS):
    site = Site(name, "%s\n[route example.org]\nvia = smtp://%s\naccept = anyone\n"
                % (settings, address)).listen()
    for i in range(count):
        site.send(to % i, body=b"Subject: number %d\r\n\r\nHello.\r\n" % i)
    return site


def waiting(site):
    return sum(len(files) for _, _, files in os.walk(site.queue + "/wait"))


def facts(site, address=ADDRESS):
    """What is known of the host: its fields, by the names in the first line of the table."""
    lines = open(site.queue + "/state/hosts").read().split("\n")
    keys = lines[0].replace("(>: at least)", "").split()[1:]
    fields = dict(zip(keys, next(line.split() for line in lines if line.startswith(address))))
    return {key: int(fields[key]) for key in (
        "failures", "broken", "bdat_failed", "bdat_failures", "pipelining_failures")}


NOTHING = dict.fromkeys(
    ("failures", "broken", "bdat_failed", "bdat_failures", "pipelining_failures"), 0)


def end_links(keywords, step, how, deferred):
    """Ten messages to a host that ends each link after three."""
    host = Host(keywords, 3, step, how)
    site = new_site("%s-%s-%s" % (keywords, step, how), 10)
    site.relay("-o", "relay.per-destination=1", *SOON)
    log = site.log()
    same(waiting(site), deferred, log)
    same(log.count(" delivered id="), 10 - deferred, log)
    check(host.connections <= 4, host.connections, log)
    if deferred:
        time.sleep(1.2)
        site.relay("--flush", *SOON)
    same(waiting(site), 0, site.log())
    same(sorted(set(host.numbers)), list(range(10)), site.log())
    same(len(host.numbers), 10 + (deferred if step == "kept" else 0), site.log())
    check(host.data == 0 if keywords == "chunks" else host.data >= len(host.numbers))
    same(facts(site), NOTHING)
    site.stop()
    host.close()


for step, how in (("idle", "close"), ("idle", "reset"), ("idle", "half"), ("idle", "421"),
                  ("mail", "close"), ("mail", "421"), ("mail", "half"), ("rcpt", "close"),
                  ("rcpt", "421"), ("data", "close"), ("data", "421"), ("content", "421")):
    @test("a host ends each link after three messages (%s, %s): all is delivered" % (step, how))
    def _(step=step, how=how):
        for keywords in "plain", "pipelining":
            end_links(keywords, step, how, 0)


for step, how, deferred in (("idle", "close", 0), ("idle", "421", 0), ("mail", "421", 0),
                            ("mail", "reset", 0), ("rcpt", "421", 0), ("mail", "close", 1),
                            ("mail", "half", 1), ("rcpt", "close", 1), ("rcpt", "half", 1),
                            ("content", "421", 0)):
    @test("the same by BDAT (%s, %s): %d waits, as it may be there" % (step, how, deferred))
    def _(step=step, how=how, deferred=deferred):
        end_links("chunks", step, how, deferred)


@test("R143 a host ends each link when it has stored a message: it comes twice, and no more")
def _():
    for keywords in "plain", "pipelining", "chunks":
        end_links(keywords, "kept", "close", 2)


@test("a list with a reverse-path for each member: the host is asked again at each end of a link")
def _():
    with open(directory + "/aliases", "w") as file:
        file.write("crew: %s\nowner-crew: alice\n"
                   % ", ".join("m%d@example.org" % i for i in range(10)))
    for keywords in "pipelining", "chunks":
        for step in "mail", "data", "content":
            host = Host(keywords, 3, step, "421")
            site = new_site("list-%s-%s" % (keywords, step), 1, "crew@sender.example%.0s",
                            "aliases = %s/aliases\nverp = on" % directory)
            site.relay("-o", "relay.per-destination=1", *SOON)
            same([waiting(site), len(host.numbers), host.connections], [0, 10, 4], site.log())
            site.stop()
            host.close()


@test("a restart breaks all links at a chunk: one accident, and BDAT is used further")
def _():
    restart = threading.Event()
    host = Host("chunks", 0, "data", wait=lambda: restart.wait(10))
    site = new_site("restart", 12)
    runner = site.start_relay("-o", "relay.per-destination=6", *SOON)
    wait_for(lambda: host.connections >= 2, 10)
    time.sleep(0.3)
    restart.set()
    check(runner.wait(20) == 0 and host.connections >= 2, host.connections, site.log())
    check(facts(site)["bdat_failures"] == 1 >= facts(site)["pipelining_failures"], facts(site))
    host.step = "never"
    time.sleep(1.2)
    site.relay("--flush", *SOON)
    same([waiting(site), host.data, len(host.numbers)], [0, 0, 12], site.log())
    same(facts(site), NOTHING)
    site.stop()
    host.close()


@test("a host that breaks at each chunk gets the message by DATA in the end")
def _():
    host = Host("chunks", 0, "data")
    site = new_site("each-chunk", 1)
    for attempt in 1, 2:
        site.relay(*SOON)
        same([facts(site)["bdat_failures"], host.connections], [attempt, attempt], site.log())
        time.sleep(2.3)
    host.step = "never"
    site.relay(*SOON)
    same([waiting(site), host.data, host.numbers], [0, 1, [0]], site.log())
    site.stop()
    host.close()


@test("a network that is cut, again and again, says nothing about BDAT or PIPELINING")
def _():
    for keywords in "pipelining", "chunks":
        host = Host(keywords, how="cut")
        site = new_site("cut-" + keywords, 1)
        for attempt in 1, 2:
            site.relay("-o", "relay.command-timeout=2s", "-o", "relay.dot-timeout=2s", *SOON)
            same([host.connections, waiting(site)], [attempt, 1], site.log())
            check(" octets were sent and none acknowledged " in site.log(), site.log())
            time.sleep(2.3)
        same([facts(site)[key] for key in ("bdat_failures", "pipelining_failures")], [0, 0])
        site.stop()
        host.close()


@test("a host falls silent behind a message: a new link in ten seconds; one that is slow has time")
def _():
    silent = Host("pipelining", 1, "mail", "silence")
    slow = Host("pipelining", step="never", address="192.0.2.12")
    slow.late_s = 10.4
    runs = []
    for name, count, address in (("silent", 3, ADDRESS), ("slow", 2, "192.0.2.12")):
        site = new_site(name, count, address=address)
        site.stop()
        runs.append((site, site.start_relay("-o", "relay.per-destination=1", *SOON)))
    begun = time.monotonic()
    for site, run in runs:
        same(run.wait(40), 0)
        check(19 < time.monotonic() - begun < 27, site.log())
        same(waiting(site), 0, site.log())
    same([silent.numbers, silent.connections], [[0, 1, 2], 3], runs[0][0].log())
    same([slow.numbers, slow.connections], [[0, 1], 1], runs[1][0].log())
    same(facts(runs[1][0], "192.0.2.12"), NOTHING)
    silent.close()
    slow.close()


main()
