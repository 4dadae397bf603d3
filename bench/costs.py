# SPDX-License-Identifier: ISC
"""What a message costs: CPU time, octets on the wire and memory, beside Postfix.

    tests/delivery/run bench/costs.py

Messages of 1 KiB are taken in by a listener, one a connection and many a connection, and are
delivered to one destination and to 100.  Octets include TCP and IP, and the questions to the DNS.
The memory is the largest of the listener or of the run, with all its processes; sessions that wait
for their client have theirs.  ROUNDS is the number of rounds; the row with the least CPU time
counts.  WORKS names some of the rows.
"""
import os
import socket
import subprocess
import time

from postfix import Postfix, has_postfix, mount_postfix
from programs import BUILD
from rig import DIRECTORY, Ours, Sink, command, cpu_s, handler, memory_mb, open_network
from tap import check

ROUNDS = int(os.environ.get("ROUNDS", "3"))
WORKS = os.environ.get("WORKS", "idle single kept one h%u").split()
SESSIONS = 90                   # Postfix takes 100 by default
MESSAGES = int(os.environ.get("MESSAGES", "2000"))


def wire():
    """The octets that all processes here have sent."""
    for line in open("/proc/net/dev"):
        if line.strip().startswith("lo:"):
            return int(line.split(":")[1].split()[8])
    return 0


def accept(make, work):
    """Seconds of CPU time, octets and MB for MESSAGES messages."""
    side = make()
    # What starts once is not counted.
    clients = [BUILD + "/bench/clients", str(side.port), work]
    command(*clients, "20", "10", stdout=subprocess.DEVNULL)
    cpu, octets = cpu_s(side.pid), wire()
    command(*clients, str(MESSAGES), "10", stdout=subprocess.DEVNULL)
    result = cpu_s(side.pid) - cpu, wire() - octets, memory_mb(side.pid)
    side.stop()
    return result


def idle_kb(make):
    """The memory of a session that has only greeted, in KB."""
    side, sockets = make(), []
    before = memory_mb(side.pid)
    for _ in range(SESSIONS):
        sockets.append(socket.create_connection(("127.0.0.1", side.port)))
        lines = sockets[-1].makefile("rb")
        lines.readline()
        sockets[-1].sendall(b"EHLO localhost\r\n")
        while lines.readline()[3:4] == b"-":
            pass
    result = 1024 * (memory_mb(side.pid) - before) / SESSIONS
    for each in sockets:
        each.close()
    side.stop()
    return result


def watch(pid, over):
    """The CPU time and the largest memory of a family until it is over."""
    used = memory = 0
    while not over():
        used, memory = max(used, cpu_s(pid)), max(memory, memory_mb(pid))
        time.sleep(0.02)
    return used, memory


def deliver_ours(domain, domains):
    sink, side = Sink(), Ours("-o", "relay.dnssec=off")
    side.fill(MESSAGES, domain, domains)
    octets, memory, pid = wire(), 0, 0
    side.start()
    while not pid:
        memory = max(memory, memory_mb(side.process.pid))
        pid, status, spent = os.wait4(side.process.pid, os.WNOHANG)
    side.process.returncode = os.waitstatus_to_exitcode(status)
    same_number(sink)
    octets = wire() - octets
    sink.stop()
    return spent.ru_utime + spent.ru_stime, octets, memory


def deliver_postfix(domain, domains):
    sink, side = Sink(), Postfix()
    side.fill(MESSAGES, domain, domains)
    octets = wire()
    side.start()
    used, memory = watch(side.pid, lambda: sink.classes()[0]["messages"] >= MESSAGES)
    octets = wire() - octets
    used = max(used, cpu_s(side.pid))
    side.stop()
    sink.stop()
    return used, octets, memory


def same_number(sink):
    check(sink.classes()[0]["messages"] == MESSAGES, sink.classes())


def row(name, who, measure):
    used, octets, memory = min(measure() for _ in range(ROUNDS))
    print("%-32s %-14s %8.3f ms %8.0f octets %8.1f MB" % (
        name, who, 1000 * used / MESSAGES, octets / MESSAGES, memory), flush=True)


def main():
    mount_postfix()
    open_network()
    command("mount", "-t", "tmpfs", "tmpfs", DIRECTORY)
    sides = [("smtp-handler", lambda: handler("accepted", BUILD, 2602))]
    sides += [("postfix", Postfix)] * has_postfix()
    for who, make in sides if "idle" in WORKS else []:
        print("%-32s %-14s %8.0f KB each" % ("%d idle sessions" % SESSIONS, who, idle_kb(make)),
              flush=True)
    for name, work in (("one message a connection", "single"), ("kept connections", "kept")):
        for who, make in sides if work in WORKS else []:
            row("accepted, " + name, who, lambda: accept(make, work))
    sides = [("smtp-relay", deliver_ours)] + [("postfix", deliver_postfix)] * has_postfix()
    for name, domain, domains in (("one destination", "one", 1), ("100 destinations", "h%u", 100)):
        for who, deliver in sides if domain in WORKS else []:
            row("delivered, " + name, who, lambda: deliver(domain, domains))


main()
