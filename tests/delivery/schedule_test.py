# SPDX-License-Identifier: ISC
"""The order of deliveries.

One attempt is enough for all mail of a dead destination.  Old mail and floods do not delay new
mail.
"""
import os
import re
import socket
import threading
import time

from exchangers import BlackHole, Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, quicker_than, same, seconds, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
ok       MX 10 mx.ok
mx.ok    A 192.0.2.11
slow     MX 10 mx.slow
mx.slow  A 192.0.2.12
shut     MX 10 mx.shut
mx.shut  A 192.0.2.21
mute     MX 10 mx.mute
mx.mute  A 192.0.2.22
busy     MX 10 mx.busy
mx.busy  A 192.0.2.23
drop     MX 10 mx.drop
mx.drop  A 192.0.2.24
few      MX 10 mx.few
mx.few   A 192.0.2.25
hole     A 192.0.2.66
""" + "".join("h%d MX 10 hole\n" % i for i in range(60))})


class Counter:
    """A server that sends greeting to each connection and closes it; None: it waits.

    With ehlo, it replies to EHLO before it closes.
    """

    def __init__(self, address, greeting, ehlo=False):
        self.greeting, self.ehlo, self.connections, self._kept = greeting, ehlo, 0, []
        self._listener = socket.create_server((address, 25))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            connection = self._listener.accept()[0]
            self.connections += 1
            self._kept.append(connection)
            if self.greeting is not None:
                self._serve(connection)

    def _serve(self, connection):
        try:
            connection.sendall(self.greeting)
            if self.ehlo:
                connection.recv(1000)
                connection.sendall(b"250 hello\r\n")
                connection.recv(1000)
            connection.close()
        except OSError:
            pass


ok, slow = Exchanger("192.0.2.11"), Exchanger("192.0.2.12", reply_s=0.3)
hole = BlackHole("192.0.2.66")
site = Site("site").listen()


def tried(paths):
    return sorted({re.search(r"^tried (\d+)", open(path, errors="replace").read(), re.M)[1]
                   for path in paths})


def one_attempt(domain, exchanger, most, *options):
    for path in site.queued():
        os.unlink(path)
    site.send("bob@%s.example.org" % domain, count=200)
    site.relay("-o", "relay.greeting-timeout=1s", *options)
    paths = site.queued("wait")
    same([len(paths), len(site.queued("cur", "new"))], [200, 0])
    check(1 <= exchanger.connections <= most, exchanger.connections, site.log()[-1000:])
    same(tried(paths), ["0001"])
    for path in paths:
        os.unlink(path)


@test("R146 200 messages to a host that closes at once: one connection is enough")
def _():
    one_attempt("shut", Counter("192.0.2.21", b""), 1)


@test("R146 200 messages to a host that never greets: the same")
def _():
    one_attempt("mute", Counter("192.0.2.22", None), 1)


@test("R146 200 messages to a busy host (421): the same, and all have the cause")
def _():
    one_attempt("busy", Counter("192.0.2.23", b"421 too busy\r\n"), 1)
    check(site.log().count("421 too busy") >= 200, site.log()[-1000:])


@test("R146 200 messages to a host that closes after EHLO: a few connections")
def _():
    one_attempt("drop", Counter("192.0.2.24", b"220 hello\r\n", ehlo=True), 12)


@test("R143 a host that allows few connections at a time: no message loses an attempt")
def _():
    few = Few("192.0.2.25", 3)
    site.send("bob@few.example.org", count=60)
    site.relay("-o", "relay.per-destination=20")
    same([few.messages, site.queued()], [60, []], site.log()[-1500:])
    check(few.refused > 0, "there were never more than three connections")


class Few(Counter):
    """A server that accepts mail over so many connections at a time and refuses more."""

    def __init__(self, address, most):
        self.most, self._lock = most, threading.Lock()
        self.open = self.messages = self.refused = 0
        super().__init__(address, b"")

    def _serve(self, connection):
        threading.Thread(target=self._session, args=(connection,), daemon=True).start()

    def _session(self, connection):
        with self._lock:
            refused = self.open >= self.most
            self.open += not refused
            self.refused += refused
        try:
            if refused:
                connection.sendall(b"421 too many connections\r\n")
            else:
                self._talk(connection)
        except OSError:
            pass
        connection.close()
        if not refused:
            with self._lock:
                self.open -= 1

    def _talk(self, connection):
        data = False
        connection.sendall(b"220 few.example\r\n")
        for line in connection.makefile("rb"):
            if data and line == b".\r\n":
                data = False
                time.sleep(0.05)
                with self._lock:
                    self.messages += 1
                connection.sendall(b"250 ok\r\n")
            elif not data:
                data = line.upper().startswith(b"DATA")
                connection.sendall(b"354 go on\r\n" if data else b"250 ok\r\n")


@test("old mail for 60 dead destinations on four processes: new mail goes out at once")
def _():
    with site.smtp() as smtp:
        for i in range(600):
            smtp.sendmail("alice@sender.example", ["n%d@h%d.example.org" % (i, i % 60)],
                          b"Subject: x\r\n\r\nx\r\n")
    site.relay("-o", "relay.connect-timeout=1s", "-o", "relay.processes=60")
    same(len(site.queued("wait")), 600)
    for bucket in sorted(os.listdir(site.queue + "/wait")):
        os.rename("%s/wait/%s" % (site.queue, bucket),
                  "%s/wait/%d" % (site.queue, int(bucket) - 86400))
    os.unlink(site.queue + "/state/hosts")
    process = site.start_relay("-o", "relay.processes=4", "-o", "relay.connect-timeout=20s")
    time.sleep(1)

    def deliver():
        had = len(ok.messages)
        site.send("bob@ok.example.org")
        check(wait_for(lambda: len(ok.messages) == had + 1, 10), site.log()[-1000:])

    quicker_than(3, lambda: seconds(deliver))
    process.terminate()
    same(process.wait(30), 0)
    for path in site.queued():
        os.unlink(path)


@test("a flood for a slow host has all processes: one becomes free for other mail")
def _():
    had = len(ok.messages)
    site.send("bob@slow.example.org", count=300)
    process = site.start_relay("-o", "relay.processes=5")
    check(wait_for(lambda: len(slow.messages) > 10, 20), site.log()[-1000:])
    site.send("bob@ok.example.org")
    check(wait_for(lambda: len(ok.messages) == had + 1, 10), site.log()[-1000:])
    check(len(slow.messages) < 250, "the flood was over")
    process.terminate()
    same(process.wait(30), 0)
    check(200 < len(slow.messages) + len(site.queued("cur")) <= 301, len(slow.messages),
          len(site.queued("cur")))


@test("a second runner reports the first and exits with 75")
def _():
    process = site.watch()
    check(wait_for(lambda: len(slow.messages) > 60, 20), site.log()[-1000:])
    second = site.start_relay()
    same(second.wait(10), 75)
    check("another smtp-relay is running" in site.log(), site.log()[-1000:])
    site.stop()
    same(process.returncode, 0)


main()
