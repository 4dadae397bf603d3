# SPDX-License-Identifier: ISC
"""The speed of a listener's sessions, beside the floor and beside Postfix if build/peers has it.

    DEADLINE=900 tests/delivery/run bench/sessions.py

The floor is the least program that does the same input and output (bench/floor.c).  The servers
take turns.  A row has the median rate of each server, and how many times that rate ours is (a
median, too).  WORKS names some of the rows, ROUNDS is the number of turns, and SCALE multiplies the
numbers of connections and messages.  THAN is the folder of another build, which then takes its
turns too.
"""
import os
import shutil
import statistics
import subprocess

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


def floor():
    for place in ("new", "tmp"):
        os.makedirs("%s/floor/%s" % (DIRECTORY, place))
    return Server("floor", 2601, BUILD + "/bench/floor", "2601", DIRECTORY + "/floor")


class PostfixServer(Postfix):
    port = 2525

    def empty(self):
        command("find", self.directory + "/queue/hold", self.directory + "/queue/incoming",
                "-type", "f", "-delete")


def measure(server, work, count, clients):
    rate = float(command(BUILD + "/bench/clients", str(server.port), work, str(count),
                         str(clients), stdout=subprocess.PIPE, text=True).stdout)
    server.empty()
    return rate


def main():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY)
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
        rates = {server.name: [] for server in servers}
        for turn in range(ROUNDS):
            for server in servers[turn % len(servers):] + servers[:turn % len(servers)]:
                rates[server.name].append(
                    measure(server, work, max(clients, round(count * SCALE)), clients))
        ours = rates["smtp-handler"]
        print("%-40s %s" % (name, "".join(
            "%7.0f %6.2f" % (statistics.median(other), statistics.median(
                a / b for a, b in zip(ours, other))) for other in rates.values())), flush=True)
    for server in servers:
        server.stop()


main()
