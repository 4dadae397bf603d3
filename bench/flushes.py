# SPDX-License-Identifier: ISC
"""How often a message waits for the disk, beside Postfix if build/peers has it.

    DEADLINE=900 tests/delivery/run bench/flushes.py

The queues are on an ext4 of their own, in a file on the disk of this tree.  A row has two numbers
for each message: the flushes that this ext4 asks of its disk, which the kernel counts, and the
calls of fsync(2) and its like, which strace(1) counts in a run of its own.  Messages are of 1 KiB.
MESSAGES is their number (1000), ROUNDS the number of rounds (3), of which the median counts.
WORKS is accept, deliver or both.  It needs root, and loop devices.
"""
import glob
import os
import re
import signal
import statistics
import subprocess
import time

from images import mount_image
from postfix import Postfix, has_postfix, mount_postfix
from programs import BUILD
from rig import DIRECTORY, Ours, Sink, command, family, handler, open_network
from tap import check, wait_for

ROUNDS = int(os.environ.get("ROUNDS", "3"))
MESSAGES = int(os.environ.get("MESSAGES", "1000"))
WORKS = os.environ.get("WORKS", "accept deliver").split()
IMAGE = BUILD + "/bench/flushes.ext4"
STRACE = ["strace", "-f", "-qq", "-c", "-o", DIRECTORY + ".calls",
          "-e", "trace=fsync,fdatasync,sync_file_range,syncfs,sync,msync"]


class Disk:
    """An ext4 on a loop device, mounted at DIRECTORY."""

    def __init__(self):
        with open(IMAGE, "wb") as file:
            file.truncate(1 << 30)
        command("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", IMAGE)
        self.name = os.path.basename(mount_image(IMAGE, DIRECTORY))

    def flushes(self):
        return int(open("/sys/block/%s/stat" % self.name).read().split()[15])

    def remove(self):
        command("umount", "-l", DIRECTORY)
        os.unlink(IMAGE)


class Counter:
    """strace of a family of processes, and of those that they start."""

    def __init__(self, pid):
        self._strace = subprocess.Popen(
            [*STRACE, *(word for one in family(pid) for word in ("-p", str(one)))],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def attached():
            status = open("/proc/%d/status" % pid).read()
            return "TracerPid:\t%d\n" % self._strace.pid in status
        check(wait_for(attached, 10), "strace cannot attach")

    def end(self):
        self._strace.send_signal(signal.SIGINT)
        self._strace.wait(20)
        return calls()


def calls():
    """The number of calls in the summary of strace."""
    row = r"(?m)^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ )?\w*sync"
    return sum(map(int, re.findall(row, open(DIRECTORY + ".calls").read())))


def accept(make, work, clients, traced):
    """A message's flushes, or its calls."""
    side = make()
    argv = [BUILD + "/bench/clients", str(side.port), work]
    # What starts once is not counted.
    command(*argv, "20", str(clients), stdout=subprocess.DEVNULL)
    counter = Counter(side.pid) if traced else None
    before = disk.flushes()
    command(*argv, str(MESSAGES), str(clients), stdout=subprocess.DEVNULL)
    result = counter.end() if traced else disk.flushes() - before
    side.stop()
    return result / MESSAGES


def deliver_ours(domain, domains, traced):
    sink, side = Sink(), Ours("-o", "relay.dnssec=off")
    side.fill(MESSAGES, domain, domains)
    before = disk.flushes()
    if traced:
        command(*STRACE, BUILD + "/smtp-relay", "-c", side.directory + "/config", "-o",
                "relay.dnssec=off", stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    else:
        side.run()
    result = calls() if traced else disk.flushes() - before
    arrived(sink)
    return result / MESSAGES


def deliver_postfix(domain, domains, traced):
    sink, side = Sink(), Postfix()
    side.fill(MESSAGES, domain, domains)
    counter = Counter(side.pid) if traced else None
    before = disk.flushes()
    for path in glob.glob(side.directory + "/queue/hold/*"):
        os.rename(path, path.replace("/hold/", "/incoming/"))
    side.kick()
    arrived(sink)
    time.sleep(1)               # the files are removed
    result = counter.end() if traced else disk.flushes() - before
    side.stop()
    return result / MESSAGES


def arrived(sink):
    check(wait_for(lambda: sink.classes()[0]["messages"] >= MESSAGES, 60), sink.classes())
    sink.stop()


def row(name, who, measure):
    flushes = statistics.median(measure(False) for _ in range(ROUNDS))
    print("%-42s %-14s %6.2f flushes %6.2f calls" % (name, who, flushes, measure(True)), flush=True)


mount_postfix()
open_network()
disk = Disk()
try:
    servers = [("smtp-handler", lambda: handler("accepted", BUILD, 2602))]
    servers += [("postfix", Postfix)] * has_postfix()
    for text, work, clients in (("accepted, a message a connection, alone", "single", 1),
                                ("accepted, kept connection, alone", "kept", 1),
                                ("accepted, kept connections, 10 at a time", "kept", 10)):
        for who, make in servers if "accept" in WORKS else []:
            row(text, who, lambda traced: accept(make, work, clients, traced))
    runners = [("smtp-relay", deliver_ours)] + [("postfix", deliver_postfix)] * has_postfix()
    for text, domain, domains in (("delivered to one destination", "one", 1),
                                  ("delivered to 100 destinations", "h%u", 100)):
        for who, deliver in runners if "deliver" in WORKS else []:
            row(text, who, lambda traced: deliver(domain, domains, traced))
finally:
    disk.remove()
