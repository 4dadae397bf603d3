# SPDX-License-Identifier: ISC
"""Queues on NFSv4 with leases: mx1 and mx2 are virtual machines, and clients of a third one.

mx1 takes and delivers mail.  Then it sleeps, or loses its network, or dies.  mx2 adopts its queue,
mx1 comes back and takes it back.  Mail that got its 250 is in the mailbox at the end, and only what
was in flight is there twice.
"""
import collections
import random
import re
import signal
import time

from machines import Machine, acknowledged, fresh_disk, make_initrd
from tap import check, main, note, same, test, wait_for

WORKERS = 4
LEASE_S = 20                            # a renewal in an emulator takes seconds
BOOT_S = 900                            # an emulator on a busy machine
CONFIG = """[queue]
directory = /srv/queues/%%H
lease = %ds
min-free = 0
[server]
hostname = mx.example.org
trusted = local
[relay]
per-destination = %d
[route local.example]
via = maildir:/srv/mail/{local}
""" % (LEASE_S, WORKERS)
ADOPT = "smtp-relay -c /etc/test.conf --adopt /srv/queues/mx1 --fenced"


class Place:
    """The server, mx1 and mx2, with their deaths and restarts."""

    def __init__(self):
        fresh_disk()
        self.server = Machine("server", peers=["mx1", "mx2"])
        self.mx1, self.mx2 = self.boot("mx1"), self.boot("mx2")
        self.dead, self.first, self.chance = [], 0, random.Random(5)

    def wait(self):
        for machine in self.mx1, self.mx2:
            machine.wait_for("MEMBER up", BOOT_S)
        return self

    def boot(self, name):
        return Machine("member", "net=%d" % (name == "mx2"), name, ["server"])

    def boot_mx1(self):
        self.dead.append(self.mx1)
        self.mx1 = self.boot("mx1")
        self.mx1.wait_for("MEMBER up", BOOT_S)

    def restart_server(self):
        self.server.kill()
        self.server = Machine("server", peers=["mx1", "mx2"])

    def kill(self):
        for machine in self.mx1, self.mx2, self.server:
            machine.kill()

    def works(self):
        """mx1 takes mail, and its runner delivers it.  Something happens at a random moment."""
        self.first += 1000000
        relay = self.mx1.start("smtp-relay -c /etc/test.conf --watch")
        load = self.mx1.start("load %d" % self.first)
        for _ in range(10):
            self.mx1.goes_on(BOOT_S)
        time.sleep(self.chance.uniform(0, 3))
        return relay, load

    def adopt(self):
        same(self.mx2.run(ADOPT, 400), 0, self.mx2.said()[-3000:])

    def take_back(self):
        same([self.mx1.run("smtp-relay -c /etc/test.conf " + option)
              for option in ("--take-back", "--flush")], [0, 0], self.mx1.said()[-3000:])

    def mailbox(self):
        """{number: count}.  It is empty afterwards."""
        before = len(self.mx2.said())
        self.mx2.run("sed -n '/^Subject: number/p; /^text of/p' /srv/mail/bob/new/*")
        said = self.mx2.said()[before:]
        counts = collections.Counter(re.findall(r"^Subject: number (\d+)", said, re.M))
        same(collections.Counter(re.findall(r"^text of (\d+)", said, re.M)), counts)
        same(self.mx2.run("rm /srv/mail/bob/new/*"), 0)
        return {int(number): count for number, count in counts.items()}

    def compare(self, kind):
        """What was acknowledged is in the mailbox, and nothing is left in a queue."""
        same(self.mx1.run("! find /srv/queues/mx1 -type f | "
                          "grep -E '/(tmp|new|cur|wait|hold|dead)/(.*/)?[0-9A-Z]{16}$'"), 0,
             self.mx1.said()[-3000:])
        acked = {n for n in acknowledged([*self.dead, self.mx1]) if n >= self.first}
        counts = self.mailbox()
        twice = [n for n, count in counts.items() if count > 1]
        note("%s: %d acknowledged, %d in the mailbox, %d twice"
             % (kind, len(acked), len(counts), len(twice)))
        same(sorted(acked - set(counts)), [], "lost")
        same([n for n in twice if counts[n] > 2], [])
        check(len(twice) <= 3 * WORKERS, twice)     # each worker has three messages at most


places = []


def story(name):
    """A test with the machines of the one before, unless that failed."""
    def keep(function):
        @test(name)
        def _():
            if not places:
                places.append(Place())
            try:
                function(places[0].wait())
            except BaseException:
                places.pop().kill()
                raise
    return keep


def go_on(place, relay, load):
    """mx1 is back: its runner has ended, and its sessions refuse mail until it has its queue."""
    same(place.mx1.end_of(relay), 75, place.mx1.said()[-3000:])
    before = place.mx1.said().count("REFUSED")
    check(wait_for(lambda: place.mx1.said().count("REFUSED") > before + WORKERS, BOOT_S),
          place.mx1.said()[-3000:])
    place.mx1.run("touch /tmp/stop")
    place.mx1.end_of(load)
    place.take_back()


@story("mx1 sleeps, mx2 adopts its queue, and mx1 wakes up")
def _(place):
    relay, load = place.works()
    place.mx1.process.send_signal(signal.SIGSTOP)
    place.adopt()
    place.mx1.process.send_signal(signal.SIGCONT)
    go_on(place, relay, load)
    place.compare("asleep")


@story("mx1 loses its network, mx2 adopts its queue, and the network comes back")
def _(place):
    relay, load = place.works()
    place.mx1.cut(True)
    place.adopt()
    place.mx1.cut(False)
    go_on(place, relay, load)
    place.compare("cut off")


@story("a holder that works is not adopted, and nobody else works on its queue")
def _(place):
    relay, load = place.works()
    same(place.mx2.run(ADOPT), 75, place.mx2.said()[-3000:])
    same(place.mx2.run("smtp-relay -c /etc/test.conf -o queue.directory=/srv/queues/mx1"), 75,
         place.mx2.said()[-3000:])
    place.mx1.goes_on()
    place.mx1.run("touch /tmp/stop; sleep 1")
    same(place.mx1.end_of(load), 0)
    place.mx1.run("killall smtp-relay")
    same([place.mx1.end_of(relay), place.mx1.run("smtp-relay -c /etc/test.conf --flush")], [0, 0])
    place.compare("alive")


@story("mx1 dies, mx2 adopts its queue, and mx1 starts again")
def _(place):
    place.works()
    place.mx1.kill()
    place.adopt()
    place.boot_mx1()
    same(place.mx1.run("message %d x" % (place.first + 999998)), 1, place.mx1.said()[-3000:])
    place.take_back()
    same(place.mx1.run("message %d x" % (place.first + 999999)), 0, place.mx1.said()[-3000:])
    same(place.mx1.run("smtp-relay -c /etc/test.conf --flush"), 0, place.mx1.said()[-3000:])
    place.compare("dead")


@story("fsck --storage accepts two clients with little caching, and locks hold between machines")
def _(place):
    place.mx2.run("second lookupcache=none,actimeo=1")
    same(place.mx2.run("smtp-queue -c /dev/null fsck --storage /srv/queues /second/queues"), 0,
         place.mx2.said()[-3000:])
    # One runner of a queue, although no lease keeps them apart.
    lone = "smtp-relay -c /etc/test.conf -o queue.lease=0 -o queue.directory=/srv/queues/lone "
    place.mx1.run(lone)
    relay = place.mx1.start(lone + "--watch")
    check(wait_for(lambda: place.mx2.run(lone) == 75, 60), place.mx2.said()[-3000:])
    check("another smtp-relay is running" in place.mx2.said(), place.mx2.said()[-3000:])
    place.mx1.run("killall smtp-relay")
    same([place.mx1.end_of(relay), place.mx2.run(lone)], [0, 0])


@story("the server dies while mx2 adopts, and comes back")
def _(place):
    place.works()
    place.mx1.kill()
    adopter = place.mx2.start(ADOPT)
    time.sleep(place.chance.uniform(2, 20))
    place.restart_server()
    code = place.mx2.end_of(adopter, 400)
    note("the adopter ended with %d" % code)
    check(code in (0, 75), place.mx2.said()[-3000:])
    if code:
        place.adopt()
    place.boot_mx1()
    place.take_back()
    place.compare("server dead")


make_initrd(CONFIG)
try:
    main()
finally:
    if places:
        places[0].kill()
