# SPDX-License-Identifier: ISC
"""The speed of a listener's sessions, beside the floor and beside Postfix if build/peers has it.

    DEADLINE=900 tests/delivery/run bench/sessions.py

The floor is the least program that does the same input and output (bench/floor.c).  The servers
take turns.  A row has the median rate of each server, and how many times that rate ours is (a
median, too).  The line below it has the CPU time of one connection or message, and what part of it
ours is.  WORKS names some of the rows, ROUNDS is the number of turns, and SCALE multiplies the
numbers of connections and messages.  THAN is the folder of another build, which then takes its
turns too.  TMPFS=1 puts all queues into memory, where a sync costs nothing: for a machine whose
disk others use.  The works ecdsa and rsa are sessions with STARTTLS, for which there is no floor.
"""
import os
import shutil
import statistics
import subprocess

from certificates import Leaf, openssl
from postfix import Postfix, has_postfix, mount_postfix
from programs import BUILD
from rig import DIRECTORY, Server, command, handler

ROUNDS = int(os.environ.get("ROUNDS", "21"))
SCALE = float(os.environ.get("SCALE", "1"))
WORKS = os.environ.get("WORKS", "").split()
THAN = os.environ.get("THAN", "")
# Rows: name, work of bench/clients.c, count, clients at a time.
ROWS = [
    ("connections, 1 at a time", "quit", 200, 1),
    ("connections, 50 at a time", "quit", 400, 50),
    ("one message a connection, 10 at a time", "single", 200, 10),
    ("kept connections, 10 at a time", "kept", 600, 10),
    ("kept connections, 50 at a time", "kept", 1000, 50),
    ("pipelined, 10 at a time", "pipelined", 600, 10),
    ("1 MiB messages, 4 at a time", "big", 20, 4),
    ("50 recipients, pipelined, 10 at a time", "many", 200, 10),
]
KEYS = {"ecdsa": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}


def cpu_s(root):
    """The CPU time of a process and its descendants, and of those that they have waited for."""
    parents, used = {}, {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open("/proc/%s/stat" % pid).read().rsplit(")", 1)[1].split()
        except OSError:         # it has ended
            continue
        parents[int(pid)], used[int(pid)] = int(fields[1]), sum(map(int, fields[11:15]))
    total = 0
    for pid, ticks in used.items():
        while pid != root and pid in parents:
            pid = parents[pid]
        total += ticks if pid == root else 0
    return total / os.sysconf("SC_CLK_TCK")


def floor():
    for place in ("new", "tmp"):
        os.makedirs("%s/floor/%s" % (DIRECTORY, place))
    return Server("floor", 2601, BUILD + "/bench/floor", "2601", DIRECTORY + "/floor")


class PostfixServer(Postfix):
    def empty(self):
        command("find", self.directory + "/queue/hold", self.directory + "/queue/incoming",
                "-type", "f", "-delete")


def measure(server, work, count, clients):
    """The rate, and the CPU time of one piece in seconds."""
    before = cpu_s(server.pid)
    rate = float(command(BUILD + "/bench/clients", str(server.port), work, str(count),
                         str(clients), stdout=subprocess.PIPE, text=True).stdout)
    used = cpu_s(server.pid) - before
    server.empty()
    return rate, used / count


def compare(name, servers, work, count, clients):
    """Two rows of the table."""
    count = max(clients, round(count * SCALE))
    rates = {server.name: [] for server in servers}
    used = {server.name: 0 for server in servers}
    for turn in range(ROUNDS):
        for server in servers[turn % len(servers):] + servers[:turn % len(servers)]:
            rate, each_s = measure(server, work, count, clients)
            rates[server.name].append(rate)
            used[server.name] += each_s / ROUNDS
    ours = rates["smtp-handler"]
    print("%-40s %s" % (name, "".join(
        "%7.0f %6.2f" % (statistics.median(other), statistics.median(
            a / b for a, b in zip(ours, other))) for other in rates.values())))
    print("%-40s %s" % ("    CPU time, us", "".join(
        "%7.0f %6.2f" % (each_s * 1e6, used["smtp-handler"] / each_s) if each_s else "%14s" % "-"
        for each_s in used.values())), flush=True)


def certificate(kind):
    """A certificate of its own authority, and a file with both it and its key."""
    leaf = Leaf("%s/%s" % (DIRECTORY, kind))
    openssl("req", "-x509", "-nodes", "-newkey", *KEYS[kind], "-keyout", leaf.key,
            "-out", leaf.chain, "-days", "30", "-subj", "/CN=bench.example")
    with open("%s/%s.both" % (DIRECTORY, kind), "w") as both:
        both.write(open(leaf.key).read() + open(leaf.chain).read())
    return leaf, both.name


def compare_tls(kind):
    """Sessions with STARTTLS and one message."""
    leaf, both = certificate(kind)
    options = ["-o", "server.tls=offer", "-o", "server.tls-certificate=" + leaf.chain,
               "-o", "server.tls-key=" + leaf.key]
    servers = [handler("smtp-handler", BUILD, 2604, *options)]
    if THAN:
        servers.append(handler("other", THAN, 2605, *options))
    if has_postfix():
        servers.append(PostfixServer("smtpd_tls_security_level = may",
                                     "smtpd_tls_chain_files = " + both))
    compare("STARTTLS and one message, %s, 10 at a time" % kind, servers, "tls", 200, 10)
    for server in servers:
        server.stop()


def main():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY)
    if os.environ.get("TMPFS"):
        command("mount", "-t", "tmpfs", "tmpfs", DIRECTORY)
    mount_postfix()
    servers = [floor(), handler("smtp-handler", BUILD, 2602)]
    if THAN:
        servers.append(handler("other", THAN, 2603))
    if has_postfix():
        servers.append(PostfixServer())
    print("%-40s %s" % ("a second", "".join("%14s" % server.name for server in servers)))
    for name, work, count, clients in ROWS:
        if WORKS and work not in WORKS:
            continue
        compare(name, servers, work, count, clients)
    for server in servers:
        server.stop()
    for kind in KEYS:
        if not WORKS or kind in WORKS:
            compare_tls(kind)


main()
