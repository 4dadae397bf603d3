# SPDX-License-Identifier: ISC
"""The power fails at any moment, on ext4, xfs and btrfs: no message that got its 250 is lost.

A disk that remembers its writes (tests/power/recorder.c) has the queue and the mailboxes while
messages are accepted, edited by a filter, delivered, deferred, and sent back.  Then come the
states: of the writes before a moment, those before the last flush are on the disk, and of the
others any, whole or torn.  Each state is mounted, the runner delivers what it finds, and all
mailboxes are compared with the replies that the client had before that moment.

XFS cannot be mounted if a block of a folder is torn: the new head says that the block is as new as
the log, so the log does not mend its old tail.  Such a state is tried again with the same writes,
of which whole blocks are torn off only; it must be mounted then, and few may need it.

POWER_STATES is the number of states of each file system (make power-cut: 10,000).  A run that was
stopped goes on.  POWER_ONLY is the name of one file system.
"""
import collections
import glob
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import threading
import time

from images import mount_image
from programs import BUILD, HANDLER, RELAY
from tap import bail_out, check, main, note, test, wait_for

import scenarios
from fake_milter import FakeMilter, add, body, packet
from scenarios import Client, directory, text
from sink import Sink

STATES = int(os.environ.get("POWER_STATES", "20"))
KEEP = BUILD + "/power-cut"
SIZE = 320 << 20
SYSTEMS = {"ext4": ["mkfs.ext4", "-q", "-E", "nodiscard,lazy_itable_init=0,lazy_journal_init=0"],
           "xfs": ["mkfs.xfs", "-q", "-K"], "btrfs": ["mkfs.btrfs", "-q", "-K"]}
TORN = {"ext4": 512, "xfs": 512, "btrfs": 4096}
BLOCK = 4096		# of all three
WHOLE_MAX = 0.01	# the part of the states that may need whole blocks
WRITE, FLUSH, MARK = range(3)
JOBS = 2
CONFIG = """[queue]
directory = {dir}/disk/queue
min-free = 0
retry-min = 1s
[server]
hostname = mx.example.org
[relay]
resolver = 192.0.2.53
[route sender.example]
via = maildir:{dir}/disk/mail/{{local}}
[route local.example]
via = maildir:{dir}/disk/mail/{{local}}
[route remote.example]
via = smtp://127.0.0.1:27{n}
"""
EDITED = b"Subject: number %d\nX-Filter: yes\n\nnew text\n"


class Machine:
    """A folder with a configuration, a receiver and a filter; its disk is mounted at disk/."""

    def __init__(self, number):
        self.directory = "%s/%d" % (directory, number)
        self.disk = self.directory + "/disk"
        os.makedirs(self.disk, exist_ok=True)
        self.config, self.mark = self.directory + "/config", None
        with open(self.config, "w") as file:
            file.write(CONFIG.format(dir=self.directory, n=number))
        self.log = open(self.directory + "/log", "w+")
        self.sink = Sink(("127.0.0.1", int("27%d" % number)))
        self.milter = FakeMilter(self.directory + "/milter", {
            "E": add(b"X-Filter", b"yes") + body(b"new text\r\n") + packet("c")})

    def note_mark(self, words):
        if self.mark:
            with open(self.mark, "w") as file:
                file.write(words)

    def relay(self, *options):
        return subprocess.run([RELAY, "-c", self.config, *options], stdin=subprocess.DEVNULL,
                              stdout=self.log, stderr=self.log, timeout=60).returncode

    def session(self, numbers, plan):
        """Send the messages of these numbers; each that got its 250 is marked."""
        edit = plan[numbers[0]][1]
        options = ["-o", "server.milter=unix:%s/milter" % self.directory] if edit else []
        client = Client([HANDLER, "-c", self.config, *options], self.log)
        client.reply()
        client.say(b"EHLO client.example\r\n")
        for number in numbers:
            if client.send([plan[number][0]], text(number), bdat=number % 3 == 1):
                self.note_mark("A %d" % number)
        client.end()

    def found(self):
        """{(who, content): count} of the mailboxes and the receiver, and the notices."""
        found, notices = collections.Counter(), []
        for root, _, names in os.walk(self.disk + "/mail"):
            if root.endswith("/new"):
                for name in names:
                    content = open(os.path.join(root, name), "rb").read()
                    scenarios.Place.count(found, notices, root.split("/")[-2], content)
        for rcpts, content in self.sink.messages:
            for rcpt in rcpts:
                scenarios.Place.count(found, notices, rcpt.split("@")[0], content)
        return found, notices


def make_plan(count):
    """For each message its recipient, and whether a filter edits it."""
    chance = random.Random(5)
    kinds = ["bob@local.example", "carol@local.example", "bob@local.example",
             "remote@remote.example", "gone@remote.example", "later@remote.example"]
    plan = []
    for first in range(0, count, 2):
        edit = chance.random() < 0.25
        plan += [(chance.choice(kinds), edit) for _ in (0, 1)]
    return plan


def wanted(number, plan):
    rcpt, edit = plan[number]
    return rcpt.split("@")[0], EDITED % number if edit else text(number)


MESSAGES = 72
PLAN = make_plan(MESSAGES)


class Recorded:
    """The disk of a machine by recorder, as long as it is used in `with`; the milliseconds of a
    flush."""

    def __init__(self, system, machine, log, flush=0):
        self.system, self.machine, self.log, self.flush = system, machine, log, flush
        self.folder = machine.directory + "/recorder"

    def __enter__(self):
        os.makedirs(self.folder, exist_ok=True)
        self.process = subprocess.Popen([BUILD + "/tests/recorder", str(SIZE), self.log,
                                         self.folder, str(self.flush)], stdin=subprocess.DEVNULL)
        if not wait_for(lambda: os.path.ismount(self.folder), 5):
            bail_out("no file system by FUSE here: is /dev/fuse there?")
        self.loop = run("losetup", "-f", "--show", self.folder + "/disk").strip()
        run(*SYSTEMS[self.system], self.loop)
        run("mount", self.loop, self.machine.disk)
        run("losetup", "-d", self.loop)         # at the end of the mount
        self.machine.mark = self.folder + "/mark"
        os.mkdir(self.machine.disk + "/mail")
        os.sync()
        self.machine.note_mark("begin")
        return self

    def __exit__(self, *_):
        self.machine.mark = None
        run("umount", self.machine.disk)
        backing = "/sys/block/%s/loop" % os.path.basename(self.loop)
        wait_for(lambda: not os.path.exists(backing), 5)
        run("umount", self.folder)
        self.process.wait(10)


class Watched:
    """Marks each message that comes into a Maildir of a machine, while it is used in `with`."""

    def __init__(self, machine):
        self.machine, self.seen, self.ending = machine, set(), False
        self.thread = threading.Thread(target=self.look)

    def look(self):
        while not self.ending:
            for path in set(glob.glob(self.machine.disk + "/mail/*/new/*")) - self.seen:
                self.seen.add(path)
                with open(path, "rb") as file:
                    number = re.search(rb"^Subject: number (\d+)", file.read(), re.M)
                if number:
                    self.machine.note_mark("M " + number[1].decode())
            time.sleep(0.0005)

    def __enter__(self):
        self.thread.start()

    def __exit__(self, *_):
        self.ending = True
        self.thread.join()


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    check(done.returncode == 0, argv, done.stdout, done.stderr)
    return done.stdout


def record(system, path):
    """The story of all messages, on a disk of this kind; its log."""
    machine = Machine(9)
    deferred = []

    def refuse(address):
        if address.startswith("gone"):
            return b"550 5.1.1 no such user"
        if address.startswith("later") and len(deferred) < 20:
            deferred.append(address)
            return b"451 4.2.1 later"
        return None

    machine.sink.rcpt = refuse
    machine.sink.taken = lambda rcpts, content: machine.note_mark(
        "D %s" % re.search(rb"number (\d+)", content)[1].decode())
    with Recorded(system, machine, path + ".new"), Watched(machine):
        for first in range(0, MESSAGES, 6):
            threads = [threading.Thread(target=machine.session, args=([n, n + 1], PLAN))
                       for n in range(first, first + 6, 2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            machine.note_mark("run")
            check(machine.relay(*["--flush"] if first % 12 else []) == 0, "the runner failed")
        machine.note_mark("run")
        check(machine.relay("--flush") == 0, "the runner failed")
        machine.note_mark("end")
    os.rename(path + ".new", path)


def read_log(path):
    """[(kind, offset, octets)] and the place of the mark "begin"."""
    entries = []
    with open(path, "rb") as file:
        while head := file.read(24):
            kind, at, size = struct.unpack("=3Q", head)
            entries.append((kind, at, file.read(size)))
    return entries, next(i for i, e in enumerate(entries) if e[0] == MARK and e[2] == b"begin")


def torn(chance, octets, unit):
    """Some of the sectors of a write: (offset, octets)."""
    return [(at, octets[at:at + unit]) for at in range(0, len(octets), unit)
            if chance.random() < 0.5]


class Cuts:
    """States of a recording, made in an image; call at() with moments that do not go back."""

    def __init__(self, entries, image):
        self.entries, self.done = entries, 0
        self.image = image
        self.safe = open(image + ".safe", "w+b", buffering=0)
        self.safe.truncate(SIZE)

    def at(self, moment, seed, unit):
        """Make the image of a state.  The number of writes that were not flushed.  Which they are
        does not depend on the unit."""
        flushed = max((i for i in range(self.done, moment) if self.entries[i][0] == FLUSH),
                      default=self.done)
        for kind, at, octets in self.entries[self.done:flushed]:
            if kind == WRITE:
                os.pwrite(self.safe.fileno(), octets, at)
        self.done = flushed
        run("cp", "--sparse=always", self.safe.name, self.image)
        chance = random.Random(seed)
        keep, loose = chance.choice((0.0, 0.2, 0.5, 0.8, 1.0)), 0
        with open(self.image, "r+b", buffering=0) as image:
            for kind, at, octets in self.entries[flushed:moment]:
                if kind != WRITE:
                    continue
                loose += 1
                if chance.random() < keep:
                    os.pwrite(image.fileno(), octets, at)
                elif chance.random() < 0.3:
                    for offset, part in torn(random.Random(chance.random()), octets, unit):
                        os.pwrite(image.fileno(), part, at + offset)
        return loose


def long_delivered(entries, moment):
    """The messages that were delivered by a run before that of the last commit of the journal: a
    commit has a flush before it, and one behind it."""
    places = range(moment)
    flushed = sorted([0, 0] + [i for i in places if entries[i][0] == FLUSH])[-2]
    began = max((i for i in places[:flushed] if entries[i][0::2] == (MARK, b"run")), default=0)
    return {int(octets[2:]) for kind, _, octets in entries[:began]
            if kind == MARK and octets[:2] in (b"D ", b"M ")}


def judge(machine, entries, moment):
    """The messages that are lost, texts that nobody sent, duplicates, and how many of the
    duplicates were not in flight."""
    acked, given = set(), collections.Counter()
    for kind, _, octets in entries[:moment]:
        if kind == MARK and octets[:2] == b"A ":
            acked.add(int(octets[2:]))
        elif kind == MARK and octets[:2] == b"D ":
            given[int(octets[2:])] += 1
    found, notices = machine.found()
    known = {wanted(n, PLAN): n for n in range(MESSAGES)}
    told = b"\n".join(notices)
    lost = []
    for number in sorted(acked):
        who, content = wanted(number, PLAN)
        if not found[who, content] and not given[number] and not (
                who == "gone" and b"Subject: number %d\n" % number in told):
            lost.append(number)
    strange = [pair for pair in found if pair not in known]
    twice = collections.Counter({known[pair]: n + given[known[pair]] - 1
                                 for pair, n in found.items() if pair in known})
    twice = +twice
    return lost, strange, twice.total(), len(set(twice) & long_delivered(entries, moment))


def mount_state(image, folder, system):
    """Mount a state of a disk; two of them have one UUID."""
    options = {"xfs": ["-o", "nouuid"], "ext4": ["-o", "errors=remount-ro"]}.get(system, [])
    try:
        mount_image(image, folder, *options)
    except subprocess.CalledProcessError:
        if system != "ext4":
            raise
        # A torn superblock: ext4 asks for a repair.
        subprocess.run(["e2fsck", "-fy", image], capture_output=True)
        mount_image(image, folder, *options)


def try_state(machine, cuts, moment, seed, system):
    """A line of results: unflushed writes, lost messages, strange ones, duplicates, old ones, and
    whether it needed whole blocks."""
    line = try_blocks(machine, cuts, moment, seed, system, TORN[system])
    whole = system == "xfs" and line.split()[1] == "not-mounted"
    if whole:
        line = try_blocks(machine, cuts, moment, seed, system, BLOCK)
    return "%s %d" % (line, whole)


def try_blocks(machine, cuts, moment, seed, system, unit):
    """The same, with writes that are torn between such units."""
    loose = cuts.at(moment, seed, unit)
    machine.sink.messages.clear()
    machine.log.seek(0)
    machine.log.truncate()
    try:
        mount_state(cuts.image, machine.disk, system)
    except subprocess.CalledProcessError as error:
        note(error.stderr)
        return "%d not-mounted 0 0 0" % loose
    try:
        status = machine.relay("--flush")
        lost, strange, twice, old = judge(machine, cuts.entries, moment)
        if lost or strange or status or old:
            note("seed %d, moment %d: lost %s, strange %s, %d duplicates not in flight, status %d"
                 % (seed, moment, lost, strange[:2], old, status))
        return "%d %d %d %d %d" % (loose, len(lost) + bool(status), len(strange), twice, old)
    except OSError as error:
        note(error)
        return "%d not-readable 0 0 0" % loose
    finally:
        run("umount", machine.disk)


def work(system, number, seeds, log, path, flushes=True):
    """Try the states of these seeds, in the order of their moments."""
    entries, begin = read_log(log)
    if not flushes:
        entries = [e for i, e in enumerate(entries) if i < begin or e[0] != FLUSH]
    machine = Machine(number)
    images = machine.directory + "/images"
    os.makedirs(images, exist_ok=True)
    run("mount", "-t", "tmpfs", "tmpfs", images)
    cuts = Cuts(entries, images + "/state")
    moments = sorted((random.Random("%s %d" % (system, seed)).randrange(begin, len(entries) + 1),
                      seed) for seed in seeds)
    with open(path, "a", buffering=1) as file:
        for moment, seed in moments:
            file.write("%d %s\n" % (seed, try_state(machine, cuts, moment, seed, system)))
    run("umount", "-l", images)


def results_of(paths):
    return {int(line.split()[0]): line.split()[1:] for path in paths if os.path.exists(path)
            for line in open(path).read().split("\n") if len(line.split()) == 7}


def child(function, *arguments):
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            function(*arguments)
            status = 0
        except BaseException as error:
            note("%s: %s" % (type(error).__name__, error))
        sys.stdout.flush()
        os._exit(status)
    return pid


def ended_well(pid):
    return os.waitpid(pid, 0)[1] == 0


def power_cut(system):
    log, paths = KEEP + "/" + system, ["%s/%s.done-%d" % (KEEP, system, n) for n in range(JOBS)]
    if not os.path.exists(log):
        check(ended_well(child(record, system, log)), "no recording")
        for path in paths:
            if os.path.exists(path):
                os.unlink(path)
    begin, done = time.monotonic(), results_of(paths)
    todo = [seed for seed in range(STATES) if seed not in done]
    pids = [child(work, system, n, todo[n::JOBS], log, paths[n]) for n in range(JOBS)]
    check(all([ended_well(pid) for pid in pids]), "a process of this test failed")
    rows = results_of(paths)
    twice = [int(row[3]) for row in rows.values()]
    whole = sum(row[5] != "0" for row in rows.values())
    note("%d states, %d with writes that were not flushed; %d duplicates, at most %d in one; %d "
         "with whole blocks; %d s for %d of them"
         % (len(rows), sum(row[0] != "0" for row in rows.values()), sum(twice),
            max(twice, default=0), whole, time.monotonic() - begin, len(todo)))
    bad = {seed: row for seed, row in rows.items() if [row[1], row[2], row[4]] != ["0", "0", "0"]}
    check(not bad and len(rows) >= STATES, bad)
    check(whole <= 1 + WHOLE_MAX * STATES, whole)


def without_flushes(system):
    """A disk that ignores what it is to flush loses messages: this test would see it."""
    path = "%s/%s.control" % (KEEP, system)
    if os.path.exists(path):
        os.unlink(path)
    check(ended_well(child(work, system, 0, range(8), KEEP + "/" + system, path, False)))
    rows = results_of([path])
    note("%d of %d states without flushes lost messages, or could not be read"
         % (sum(row[1] != "0" for row in rows.values()), len(rows)))
    check(sum(row[1] != "0" for row in rows.values()) >= 4, rows)


def by_eight(machine, first, count, plan):
    """Send so many messages from a number on, by eight clients at a time."""
    each = count // 8
    threads = [threading.Thread(target=machine.session, args=(list(range(n, n + each)), plan))
               for n in range(first, first + count, each)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def slow_disk(system, log):
    """A disk that takes 200 ms for a flush: clients share the wait, and nothing is lost."""
    machine, plan = Machine(9), [("bob@local.example", False)] * 40
    with Recorded(system, machine, log, 200):
        begin = time.monotonic()
        by_eight(machine, 0, 40, plan)
        accepted = time.monotonic() - begin
        check(machine.relay("--flush") == 0, "the runner failed")
        delivered = time.monotonic() - begin - accepted
        found, _ = machine.found()
    acked = {int(octets[2:]) for kind, _, octets in read_log(log)[0]
             if kind == MARK and octets[:2] == b"A "}
    os.unlink(log)
    note("%s: 40 messages of 8 clients took %.0f s, their delivery %.0f s"
         % (system, accepted, delivered))
    check(acked == set(range(40)), sorted(acked))
    check(found == {wanted(n, plan): 1 for n in range(40)}, found)
    # One after the other they would take 16 s with a commit each.  A delivery has two, as the
    # message and the Maildir are flushed.
    check(accepted < 16 and delivered < 32, accepted, delivered)


def count_flushes(system, log):
    """Flushes a message of 40 sent alone, and of 40 sent by 8 clients at a time."""
    machine, plan = Machine(9), [("bob@local.example", False)] * 80
    with Recorded(system, machine, log):
        machine.session(list(range(2)), plan)
        os.sync()
        machine.note_mark("alone")
        machine.session(list(range(40)), plan)
        machine.note_mark("many")
        by_eight(machine, 40, 40, plan)
        machine.note_mark("end")
    counts, part = collections.Counter(), None
    for kind, _, octets in read_log(log)[0]:
        if kind == MARK and octets in (b"alone", b"many", b"end"):
            part = octets.decode()
        counts[part] += kind == FLUSH
    os.unlink(log)
    return counts["alone"] / 40, counts["many"] / 40


def few_flushes(system, log):
    """One commit for a message alone.  Clients at a time share commits, if the machine runs them
    at a time: it may be busy."""
    limit = {"ext4": 2.3, "xfs": 2.3, "btrfs": 4.3}[system]
    for _ in range(5):
        alone, many = count_flushes(system, log)
        note("%s: %.2f flushes a message alone, %.2f of 8 at a time" % (system, alone, many))
        check(alone <= limit, "more than one commit of the journal for a message")
        if many < alone:
            return
    check(False, "clients at a time share no commits")


if os.getuid() != 0 or not os.path.exists("/dev/fuse"):
    bail_out("needs root, /dev/fuse and loop devices")
os.makedirs(KEEP, exist_ok=True)
for each in SYSTEMS:
    if os.environ.get("POWER_ONLY", each) == each:
        log = "%s/%s.flushes" % (KEEP, each)
        for what, function in (("a commit of the journal for a message", few_flushes),
                                ("a slow disk", slow_disk)):
            test("%s: %s" % (each, what))(lambda each=each, log=log, function=function: check(
                ended_well(child(function, each, log)), "see above"))
        test(each + ": the power fails")(lambda each=each: power_cut(each))
        test(each + ": a disk that ignores flushes")(lambda each=each: without_flushes(each))
main()
