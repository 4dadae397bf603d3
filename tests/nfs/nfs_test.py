# SPDX-License-Identifier: ISC
"""The queue on NFSv4: a server and a client are virtual machines with Debian's kernel.

Each is killed at random moments, or pauses.  Mail that got its 250 is in the mailbox afterwards.
NFS_KILLS is the number of kills of each (make check-nfs).
"""
import os
import random
import time

from machines import Machine, acknowledged, arrived, begin, make_initrd
from tap import Failure, check, main, note, same, test

KILLS = int(os.environ.get("NFS_KILLS", "5"))
CONFIG = """[queue]
directory = /srv/queue
min-free = 0
[server]
hostname = mx.example.org
trusted = local
[route local.example]
via = maildir:/srv/mail/{local}
"""


def compare(machines, server, kills):
    """Stop the server, and compare the mailbox with what was acknowledged."""
    server.kill()
    acked, counts = acknowledged(machines), arrived()
    twice = sum(n - 1 for n in counts.values())
    note("%d acknowledged, %d in the mailbox, %d duplicates, %d kills"
         % (len(acked), len(counts), twice, kills))
    same(sorted(acked - set(counts)), [], "lost")
    for machine in machines:
        check("RUNNER" not in machine.said() and "FAILED" not in machine.said(),
              machine.said()[-3000:])
    check("LEFT" not in machines[-1].said(), machines[-1].said()[-3000:])
    return acked, twice


def after_start(server, happens):
    """What happens after a start of the server.  On a busy processor an emulated machine may lose
    its timer while it boots; then another one starts."""
    for _ in range(3):
        try:
            happens()
            break
        except Failure:
            if "SERVER up" in server.said():
                raise
            note("an emulated machine did not start")
            server.kill()
            server = Machine("server")
    return server


@test("mail goes in and out on NFSv4")
def _():
    server = begin()
    client = Machine("client", "first=0 last=99")
    try:
        client.wait_for("CLIENT done")
        acked, twice = compare([client], server, 0)
        same((len(acked), twice), (100, 0))
    finally:
        client.kill()
        server.kill()


@test("the client is killed at any moment")
def _():
    chance, server, clients = random.Random(3), begin(), []
    try:
        for turn in range(KILLS):
            clients.append(Machine("client", "first=%d last=%d" % (turn * 1000, turn * 1000 + 999)))
            clients[-1].goes_on()
            time.sleep(chance.uniform(0, 3))
            clients[-1].kill()
        clients.append(Machine("client", "first=900000 last=900009"))
        clients[-1].wait_for("CLIENT done")
        acked, twice = compare(clients, server, KILLS)
        check(len(acked) >= KILLS + 10 and twice <= 8 * KILLS, len(acked), twice)
    finally:
        for machine in [*clients, server]:
            machine.kill()


@test("the server is killed at any moment, and comes back")
def _():
    chance, server = random.Random(4), begin()
    count = 30 * KILLS
    client = Machine("client", "first=0 last=%d" % (count - 1))
    try:
        for _ in range(KILLS):
            server = after_start(server, client.goes_on)
            time.sleep(chance.uniform(0, 3))
            server.kill()
            server = Machine("server")
        server = after_start(server, lambda: client.wait_for_end("CLIENT done"))
        acked, twice = compare([client], server, KILLS)
        check(len(acked) == count and twice <= 8 * KILLS, len(acked), twice)
    finally:
        client.kill()
        server.kill()


make_initrd(CONFIG)
main()
