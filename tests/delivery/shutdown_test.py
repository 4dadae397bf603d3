# SPDX-License-Identifier: ISC
"""SIGTERM to the runner: it ends within 30 s.

Deliveries after their final dot wait for the reply.  All other messages are put back.
"""
import os
import signal
import socket
import threading
import time

from exchangers import BlackHole, Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
late     MX 10 mx.late
mx.late  A 192.0.2.11
never    MX 10 mx.never
mx.never A 192.0.2.12
quick    MX 10 mx.quick
mx.quick A 192.0.2.13
hole     MX 10 mx.hole
mx.hole  A 192.0.2.66
"""})


class SlowDot:
    """A server that replies to the final dot after so many seconds; None: never."""

    def __init__(self, address, after_s):
        self.after_s, self.dots, self.messages = after_s, 0, 0
        self._listener = socket.create_server((address, 25))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        while True:
            connection = self._listener.accept()[0]
            threading.Thread(target=self._session, args=(connection,), daemon=True).start()

    def _session(self, connection):
        lines, data = connection.makefile("rb"), False
        try:
            connection.sendall(b"220 slow.example\r\n")
            for line in lines:
                if data and line == b".\r\n":
                    self.dots += 1
                    time.sleep(1000 if self.after_s is None else self.after_s)
                    self.messages += 1
                    data = False
                    connection.sendall(b"250 at last\r\n")
                elif not data:
                    data = line.upper().startswith(b"DATA")
                    connection.sendall(b"354 go on\r\n" if data else b"250 ok\r\n")
        except OSError:
            pass


late, never = SlowDot("192.0.2.11", 20), SlowDot("192.0.2.12", None)
quick, hole = Exchanger("192.0.2.13"), BlackHole("192.0.2.66")


def await_end(name):
    took[name] = runners[name].wait(40), time.monotonic() - started[name]


sites = {name: Site(name, address="192.0.2.%d" % number).listen()
         for number, name in enumerate(("late", "never", "hole", "both"), 2)}
runners, started, took = {}, {}, {}
for name, site in sites.items():
    for domain in ("late", "hole") if name == "both" else (name,):
        site.send("bob@%s.example.org" % domain, count=3 if domain == "late" else 1)
    runners[name] = site.start_relay("-o", "relay.per-destination=1", "-o", "relay.processes=5")
for exchanger, dots in ((late, 2), (never, 1)):
    check(wait_for(lambda: exchanger.dots == dots, 10), exchanger.dots)
time.sleep(0.5)         # the runner of the black hole has no reply to wait for
for name, process in runners.items():
    process.send_signal(signal.SIGTERM)
    started[name] = time.monotonic()
    threading.Thread(target=await_end, args=(name,)).start()


@test("a connection without an answer is given up soon; its message is put back untried")
def _():
    check(wait_for(lambda: "hole" in took, 15), sites["hole"].log()[-1000:])
    same(took["hole"][0], 0)
    check(took["hole"][1] < 10, took)
    path, = sites["hole"].queued()
    same(os.path.dirname(path), sites["hole"].queue + "/cur")
    check("tried 0000" in open(path, errors="replace").read(), sites["hole"].queue_text())


@test("R147 the reply to a final dot after 20 s is awaited; the other messages are put back")
def _():
    for name in ("late", "both"):
        check(wait_for(lambda: name in took, 30), sites[name].log()[-1000:])
        same(took[name][0], 0)
        check(took[name][1] < 30, took)
    same(late.messages, 2, "one of each site")
    check("finished" in sites["late"].log(), sites["late"].log()[-1000:])
    left = sites["late"].queued()
    same([os.path.dirname(path) for path in left], [sites["late"].queue + "/cur"] * 2,
         sites["late"].queue_text())
    check(all("tried 0000" in open(path, errors="replace").read() for path in left),
          sites["late"].queue_text())
    same(len(sites["both"].queued("cur")), 3, sites["both"].queue_text())


@test("a missing reply delays the end by less than 30 s")
def _():
    check(wait_for(lambda: "never" in took, 30), sites["never"].log()[-1000:])
    same(took["never"][0], 0)
    check(20 < took["never"][1] < 30, took)
    check("1 deliveries did not end in time" in sites["never"].log(), sites["never"].log()[-1000:])
    path, = sites["never"].queued()
    check(path.startswith(sites["never"].queue + "/cur/"), path)


@test("the next run delivers at once what was put back")
def _():
    late.after_s = 0
    sites["late"].relay()
    same([late.messages, sites["late"].queued()], [4, []], sites["late"].log()[-2000:])


main()
