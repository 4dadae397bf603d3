# SPDX-License-Identifier: ISC
"""The speed of smtp-relay, beside Postfix if build/peers has it.

bench/run runs this file in a network of its own, with the real port 25:

    DEADLINE=900 tests/delivery/run bench/relay.py

BENCH names some of the measurements: one many late signed faults million.  MILLION is the number of
messages of the last (default 1000000).  Both programs have their default settings.  Clocks start
right before a program is started and end with the last message at the sink.
"""
import os
import time

from postfix import Postfix, has_postfix, mount_postfix
from programs import BUILD
from rig import DEAD, DIRECTORY, SLOW, Ours, Sink, command, open_network
from tap import wait_for

MESSAGES = 5000
HEALTHY = 430
WANTED = os.environ.get("BENCH", "one many late signed faults million").split()
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


def measure(kind, loads, late_ms=0):
    """The seconds that one program needs for one load."""
    side, sink = kind(), Sink(late_ms)
    for load in loads:
        side.fill(*load)
    seconds, fast = run(side, sink, sum(load[0] for load in loads if load[1][0] not in "sx"),
                        2 if late_ms else 0)
    side.stop()
    sink.stop()
    print("%-12s %5d messages in %6.2f s: %6.0f/s, %d connections, %d at once%s" % (
        side.name, fast["messages"], seconds, fast["messages"] / seconds, fast["connections"],
        fast["most"], ", peak %.1f MB" % (side.peak_kb / 1024) if side.peak_kb else ""), flush=True)
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
    for options in ((), (), ("--flush",)):
        sink = Sink()
        took = fresh(side, sink, *options)
        wait_for(side.ended, 20 if options else 2)
        side.stop()
        sink.stop()
        print("%-12s %-8s the first MAIL for a fresh message after %.0f ms, peak %.1f MB" % (
            side.name, " ".join(options), took * 1000, side.peak_kb / 1024), flush=True)
    command("rm", "-rf", side.directory)


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
        "faults": ("# %d healthy destinations, alone, then beside %d slow and %d dead ones"
                   % (HEALTHY, SLOW, DEAD), faults),
        "million": ("# %d deferred messages" % MILLION, million),
    }
    for name in WANTED:
        print(loads[name][0], flush=True)
        loads[name][1]()


main()
