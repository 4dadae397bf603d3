#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Damaged frames to smtp-shared: of a listener, of its sessions, and of a run, with a real Redis.

This test is the listener or the run, and sends frames as one that a client has taken over.  The
process goes on, sends only frames that have their form, replies to whole ones after each damaged
one, and ends with 0 at the hang-up.  HOSTILE_RUNS is the number of processes (make hostile-frames:
200, under sanitizers).
"""
import array
import os
import random
import re
import select
import socket
import struct
import subprocess

from damage import damage
from programs import BUILD, fresh_directory
from redis_server import Redis, settings_of_redis
from tap import check, main, note, same, test, wait_for

RUNS = int(os.environ.get("HOSTILE_RUNS", "2"))
FRAMES = 150            # of each process
SESSIONS = 6
HELLO, ENTER, COUNT, OPEN, FORGET = range(1, 6)         # of a listener
HERE, AWAY, VERDICT = range(1, 4)                       # to it
RUN_HELLO, ASK, TELL, RUN_HERE, RUN_AWAY, GIVEN, NEWS = range(1, 8)
VALUE_MAX = 1 << 53
ENVIRONMENT = dict(os.environ, UBSAN_OPTIONS="exitcode=99:print_stacktrace=1", ASAN_OPTIONS=(
    "exitcode=99:detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")))
HARM = re.compile("Sanitizer|runtime error|stack smashing|Assertion|was killed|ended with status")

directory = fresh_directory()
redis = Redis(directory)
with open(directory + "/config", "w") as config:
    config.write("\n".join([*settings_of_redis(directory), ""]))


# ---- frames, as shared/query.c, shared/tally.c and shared/talk.c have them ----

def query(kind, number=0, prefix=0, bits=0, what=0, connections=0, limits=(0,) * 5):
    return struct.pack(">BBBxIQI5I", kind, bits, what, number, prefix, connections, *limits)


def tally(number, name, what=1, most=1000, time_s=3600):
    return struct.pack(">BBxxIII255s", what, len(name), number, most, time_s, name)


def talk(kind, number=0, values=(0, 0, 0), text=b""):
    return struct.pack(">B3xI3q", kind, number, *values) + text


def of_listener(chance, number):
    client = dict(prefix=chance.randrange(1 << 16) << 48, bits=chance.choice((32, 64)))
    return chance.choice((
        query(HELLO), query(FORGET), query(OPEN, connections=chance.randrange(9), **client),
        query(COUNT, what=chance.randrange(2, 5), limits=(4, 7, 3, 9, 9), **client),
        query(ENTER, number=number, connections=1, limits=(4, 7, 3, 9, 9), **client)))


def of_session(chance, number):
    return tally(number, b"user%d" % chance.randrange(9), what=chance.randrange(1, 4))


def of_run(chance, number):
    return chance.choice((
        talk(RUN_HELLO, values=(chance.randrange(1 << 40), 0, 0)),
        talk(ASK, number, (chance.randrange(1, 1 << 30), 1000, 0),
             b"smtp://h%d" % chance.randrange(9)),
        talk(TELL, text=b"192.0.2.%d:25 goes 1 1 1 900 0 0" % chance.randrange(256))))


def spoil(chance, octets, make):
    """Damaged, or whole; another kind; longer than any frame."""
    odd = chance.random()
    if odd < 0.3:
        return octets
    if odd < 0.5:
        return bytes([chance.randrange(20)]) + octets[1:]
    if odd < 0.52:
        return chance.randbytes(chance.choice((1, 5000, 60000)))
    return damage(chance, octets, [make(chance, 7) for _ in range(3)]) or b"\0"


# ---- the process ----

def waits(end):
    return select.select([end], [], [], 0)[0]


class Shared:
    """smtp-shared, beside this test."""

    def __init__(self, mode):
        self.end, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.desk, desk = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        desk.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        for each in (self.end, self.desk):
            each.settimeout(60)
        self.log = open(directory + "/log", "w+", errors="replace")
        self.process = subprocess.Popen(
            ["bash", "-c", 'exec "$@" 3<&%d' % desk.fileno(), "desk", BUILD + "/smtp-shared",
             "-c", directory + "/config", *mode], stdin=other, stdout=self.log, stderr=self.log,
            env=ENVIRONMENT, pass_fds=[desk.fileno()])
        other.close()
        desk.close()

    def said(self):
        self.log.seek(0)
        return self.log.read()

    def answers(self):
        """What waits here."""
        got = []
        while waits(self.end):
            got.append(self.end.recv(70000))
            check(got[-1], "the process ended", self.said())
        return got

    def close(self):
        self.end.close()
        self.desk.close()
        same(self.process.wait(60), 0, self.said())
        check(not HARM.search(self.said()), self.said())
        # Redis had nothing to complain of: only time passed.
        reasons = set(re.findall("Redis: (.*)", self.said()))
        check(reasons <= {"it does not reply in time"}, reasons)


def is_answer(octets):
    """To a listener."""
    if len(octets) != 8:
        return False
    kind, limit, number = struct.unpack(">BBxxI", octets)
    return HERE <= kind <= VERDICT and limit <= 5 and (kind == VERDICT or not limit + number)


def is_talk(octets):
    """To a run."""
    if len(octets) < 32:
        return False
    kind, number, value, *others = struct.unpack(">B3xI3q", octets[:32])
    return (RUN_HERE <= kind <= NEWS and (kind == GIVEN) == (number != 0) and others == [0, 0] and
            abs(value) <= VALUE_MAX and octets[32:].endswith(b"\n" if kind == NEWS else b""))


def answered(shared, ask, is_wanted, is_whole):
    """Ask until the wanted answer comes, as one may be late."""
    def once():
        shared.end.send(ask())
        got = wait_for(shared.answers, 1) or []
        check(all(map(is_whole, got)), got)
        return any(map(is_wanted, got))
    check(wait_for(once, 60), "no answer to a whole frame", shared.said())


def send_damaged(shared, chance, make):
    """Send frames, some of them damaged; after each, was it?"""
    for number in range(1, FRAMES):
        octets = make(chance, number)
        spoiled = spoil(chance, octets, make)
        shared.end.send(spoiled)
        yield octets != spoiled


# ---- the tests ----

@test("%d listeners, whose frames are damaged" % RUNS)
def _():
    changed = 0
    for seed in range(RUNS):
        chance, shared = random.Random(seed), Shared(["--serve"])
        for damaged in send_damaged(shared, chance, of_listener):
            changed += damaged
            check(all(map(is_answer, shared.answers())))
        limits = (1000,) * 5
        answered(shared, lambda s=seed: query(
            ENTER, 99999, (0xc0000201 << 32) + (s << 32), 32, connections=1, limits=limits),
            lambda got: got == struct.pack(">BBxxI", VERDICT, 5, 99999), is_answer)
        shared.close()
    note("%d frames were changed" % changed)


def pass_socket(shared, chance):
    """The socket of a new session, or something that is none; octets beside it, or too many."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.settimeout(60)
    fds = [theirs.fileno()]
    odd = chance.random()
    strange = [open("/dev/null"), socket.socket(), socket.socketpair()[0]] if odd < 0.3 else []
    if odd < 0.2:
        fds = [chance.choice(strange).fileno()] * chance.choice((1, 2, 5))
    elif odd < 0.3:
        fds += [each.fileno() for each in strange]
    octets = b"" if odd > 0.95 else chance.randbytes(chance.choice((1, 1, 1, 9)))
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
    shared.desk.sendmsg([octets], ancillary if octets and odd < 0.9 else [])
    theirs.close()
    return mine


def send_some(session, chance):
    """Frames of a session, until it is hung up; those that were changed."""
    changed = 0
    for number in range(1, FRAMES // SESSIONS):
        octets = of_session(chance, number)
        spoiled = spoil(chance, octets, of_session) if chance.random() < 0.3 else octets
        changed += octets != spoiled
        try:
            session.send(spoiled)
            if waits(session):
                session.recv(100)
        except OSError:
            break
    return changed


@test("the sessions of %d listeners, whose frames and sockets are damaged" % RUNS)
def _():
    changed = 0
    for seed in range(RUNS):
        chance, shared = random.Random(seed), Shared(["--serve", "--desk"])
        for _ in range(SESSIONS):
            changed += send_some(pass_socket(shared, chance), chance)

        def counted():
            session = pass_socket(shared, random.Random(5))
            session.send(tally(77, b"whole", most=1000000))
            try:
                session.settimeout(1)
                return session.recv(100) == struct.pack(">BxxxI", 0, 77)
            except (TimeoutError, ConnectionError):
                return False
        check(wait_for(counted, 60), "no answer to a whole frame", shared.said())
        shared.close()
    note("%d frames were changed" % changed)
    check(changed > 0)


@test("%d runs, whose frames are damaged" % RUNS)
def _():
    changed = 0
    for seed in range(RUNS):
        chance, shared = random.Random(seed), Shared(["--serve-run"])
        for damaged in send_damaged(shared, chance, of_run):
            changed += damaged
            got = shared.answers()
            check(all(map(is_talk, got)), got)
        answered(shared, lambda: talk(ASK, 99999, (1000, 1000, 0), b"whole"),
                 lambda got: got.startswith(struct.pack(">B3xI", GIVEN, 99999)), is_talk)
        shared.close()
    note("%d frames were changed" % changed)


main()
