# SPDX-License-Identifier: ISC
"""A machine stops at each step, and another one takes over its queue on NFSv4.

mx1 and mx2 are virtual machines, and clients of a third one.  On each, several machines have names
and queues of their own.  Before a step of a session, of a delivery, of an adoption or of a
take-back (holdcall.c) the program is held, and then its machine
	stopped		keeps the program there, until its queue has another holder
	asleep		sleeps for so long, with its clock
	cut off		goes on without its network, and gets that back afterwards
	dead		is switched off, and starts again afterwards
Then nothing that was acknowledged is lost, and nothing comes more than twice.  A former holder that
goes on ends the system call and the transaction that it was in.  It changes and sends nothing else.
NFS_STEPS=4 tries each fourth step only.
"""
import collections
import itertools
import os
import re
import signal
import time

from machines import Machine, fresh_disk, make_initrd
from tap import Failure, check, main, note, same, test, wait_for

EVERY = int(os.environ.get("NFS_STEPS", "1"))
QUEUES = ["q%d" % i for i in range(int(os.environ.get("QUEUES", "30")))]
LEASE_S = 6
# The clock of an emulated machine (HPET) wraps, so a longer sleep seems to be shorter by this.
WRAP_S = 2 ** 32 / 1e8
BOOT_S = 900
CONFIG = """[queue]
directory = /srv/queues/%%H
lease = %ds
min-free = 0
retry-min = 1s
[server]
hostname = mx.example.org
trusted = local
[relay]
resolver = 192.0.2.53
[route local.example]
via = maildir:/srv/mail/{local}
[route remote.example]
via = smtp://127.0.0.1:2600
""" % LEASE_S
RELAY = "smtp-relay -c /etc/test.conf"
ADOPT = RELAY + " --adopt /srv/queues/%s --fenced"
CLOSED = " -o 'route local.example.via=smtp://127.0.0.1:1' " \
         "-o 'route remote.example.via=smtp://127.0.0.1:1'"
# Counters that are mapped into memory: the kernel writes them when it likes.  No mail depends on
# them.
COUNTERS = "state/reading", "state/counts", "stats/sessions"
# Other processes of the machine were in a call of their own.  What these begin, nobody reads.
DRAFTS = re.compile(r"mail/[^/]+/tmp/|queues/[^/]+/state/[^/]+\.new$")
CHANGES = ("write", "send", "sync", "cut", "mode", "open", "mkdir", "unlink", "rename", "link")
KINDS = "stopped", "asleep", "cut off", "dead"
Held = collections.namedtuple("Held", "word connections")


def away(queue):
    """The machine that adopts it."""
    return "a" + queue


class Place:
    """The server, mx1 and mx2, with their deaths and restarts."""

    def __init__(self):
        fresh_disk()
        self.numbers, self.dead = itertools.count(1), []
        self.server = Machine("server", peers=["mx1", "mx2"])
        self.mx1, self.mx2 = self.boot("mx1"), self.boot("mx2")
        for machine in self.mx1, self.mx2:
            self.wait_until_up(machine)
        same(everywhere(self.mx1, ["as %s %s" % (queue, RELAY) for queue in QUEUES]),
             [0] * len(QUEUES), self.mx1.said()[-3000:])

    @staticmethod
    def boot(name):
        return Machine("member", "net=%d" % (name == "mx2"), name, ["server"])

    @staticmethod
    def wait_until_up(machine):
        machine.wait_for("MEMBER up", BOOT_S)
        machine.start("sink")

    def boot_again(self, machine):
        self.dead.append(machine)
        other = self.boot(machine.name)
        setattr(self, machine.name, other)
        self.wait_until_up(other)
        return other

    def kill(self):
        for machine in self.mx1, self.mx2, self.server:
            machine.kill()

    def said(self):
        return "".join(machine.said() for machine in [*self.dead, self.mx1, self.mx2])

    def count(self, word, number):
        return len(re.findall(r"^%s %d\r?$" % (word, number), self.said(), re.M))


def everywhere(machine, commands, deadline_s=200):
    """Run commands at a time.  Their statuses."""
    numbers = [machine.start(command) for command in commands]
    try:
        return [machine.end_of(number, deadline_s) for number in numbers]
    except Failure:
        machine.run("stuck")
        note(machine.said()[-10000:])
        raise


def all_zero(machine, commands):
    same(everywhere(machine, commands), [0] * len(commands), machine.said()[-5000:])


def lines(machine, word, commands):
    """The lines with this word that commands print."""
    before = len(machine.said())
    all_zero(machine, commands)
    return re.findall(r"^%s (.*?)\r?$" % word, machine.said()[before:], re.M)


class Round:
    """Some queues, each with a step that its machine does not get past."""
    kinds = KINDS
    owner, other = "mx1", "mx2"

    def __init__(self, place, kind, steps, early=()):
        self.place, self.kind, self.steps, self.early = place, kind, steps, early
        self.queues = list(steps)
        self.numbers = {queue: next(place.numbers) for queue in self.queues}
        self.held, self.commands, self.statuses, self.faults = {}, {}, {}, []
        self.kept, self.twice = set(), 0    # kept: nobody could take these over
        self.slept_at = 0

    def machine(self, name):
        return getattr(self.place, name)

    def letters(self):
        all_zero(self.place.mx1, ["letter %s %d as %s" % (queue, self.numbers[queue], queue)
                                  for queue in self.queues])

    def prepare(self):
        """What comes before the command."""
        self.letters()

    def command(self, queue, with_step):
        """The command with steps; with_step has the words that count them."""
        raise NotImplementedError

    def take_over(self):
        """By the other machine."""
        all_zero(self.place.mx2, ["as %s %s" % (away(queue), ADOPT % queue)
                                  for queue in self.queues])

    def persist(self, machine, command):
        """Who has the lock and not yet the lease keeps others away, until the server of NFS drops
        the lock.  A program that is stopped never loses it."""
        left = list(self.queues)

        def take():
            statuses = everywhere(machine, [command.format(queue) for queue in left])
            same(set(statuses) - {0, 75}, set(), machine.said()[-3000:])
            left[:] = [queue for queue, status in zip(left, statuses) if status]
            return not left
        wait_for(take, 20 if self.kind == "stopped" else 90, 5)
        self.kept = set(left)
        for queue in left if self.kind != "stopped" else []:
            self.fault(queue, "nobody can take it over")

    def name(self, queue):
        return queue

    def bring_home(self):
        self.home(self.queues)

    def home(self, queues, options=""):
        for words in " --take-back" + options, "":
            all_zero(self.place.mx1, ["as %s %s%s" % (queue, RELAY, words) for queue in queues])

    # ---- the story ----

    def start(self):
        owner = self.machine(self.owner)
        before = len(owner.said())
        for queue, word in self.steps.items():
            self.commands[queue] = owner.start(self.command(
                queue, "at %s %s %s" % (self.name(queue), queue, word)))

        def is_there(queue):
            said = owner.said()[before:]
            held = re.search(r"^HELD %s (\S+) (\d+)\r?$" % self.name(queue), said, re.M)
            if held:
                self.held[queue] = Held(held[1], int(held[2]))
            return held or re.search(r"^DONE %d " % self.commands[queue], said, re.M)
        check(wait_for(lambda: all(map(is_there, self.queues)), 400, 0.2), self.held,
              owner.said()[-3000:])

    def release(self):
        self.machine(self.owner).run(
            "touch " + " ".join("/tmp/go." + self.name(queue) for queue in self.queues))

    def interrupt(self):
        owner = self.machine(self.owner)
        if self.kind == "asleep":
            owner.process.send_signal(signal.SIGSTOP)
            self.slept_at = time.monotonic()
        elif self.kind == "cut off":
            owner.cut(True)
            self.release()
        elif self.kind == "dead":
            owner.kill()

    def go_on(self):
        """The former holder goes on.  The statuses of its programs."""
        owner = self.machine(self.owner)
        if self.kind == "dead":
            self.place.boot_again(owner)
            return {}
        if self.kind == "asleep":
            wait_for(lambda: LEASE_S < (time.monotonic() - self.slept_at) % WRAP_S, WRAP_S)
            owner.process.send_signal(signal.SIGCONT)
        if self.kind == "cut off":
            owner.cut(False)
        else:
            self.release()
        return {queue: owner.end_of(self.commands[queue], 400) for queue in self.queues}

    def picture(self):
        """{queue: {file: what is known of it}}, as the other machine sees it."""
        seen = {queue: {} for queue in self.queues}
        other = self.machine(self.other)
        for line in lines(other, "SEEN", ["picture SEEN " + queue for queue in self.queues]):
            inode, size, digest, path = line.split(" ", 3)
            if not path.endswith(COUNTERS):
                seen[path.split("/")[1]][path] = inode, size, digest
        return seen

    def play(self):
        self.prepare()
        self.start()
        self.interrupt()
        self.take_over()
        before, sent = self.picture(), self.sent()
        statuses = self.go_on()
        if statuses:
            time.sleep(2)                       # what the client of NFS knows may be so old
            after, sent_after = self.picture(), self.sent()
            for queue in set(self.queues) - self.kept:
                self.judge_stale(queue, statuses[queue], before[queue], after[queue],
                                 sent_after[queue] - sent[queue])
        self.statuses = statuses
        self.bring_home()
        self.judge_mail()
        return self

    # ---- what must hold ----

    def fault(self, queue, *words):
        self.faults.append("%s, %s, %s: %s" % (self.kind, self.steps[queue], self.held.get(queue),
                                               " ".join(map(str, words))))

    def sent(self):
        said = self.machine(self.owner).said()
        return {queue: len(re.findall(r"^GOT %d\r?$" % number, said, re.M))
                for queue, number in self.numbers.items()}

    def judge_stale(self, queue, status, before, after, sent):
        held = self.held.get(queue)
        if status not in (0, 75):
            self.fault(queue, "it ended with", status)
        if status == 0 and held and held.word in self.early:
            return                              # it had changed nothing by then, and began anew
        if sent > (1 if held and held.connections else 0):
            self.fault(queue, "it has sent", sent)
        changed = {path for path in {*before, *after} if before.get(path) != after.get(path)}
        for path in sorted(changed):
            if not held or not self.is_in_flight(held, path, after.get(path)):
                self.fault(queue, "it has changed", path, before.get(path), after.get(path),
                           "and ended with", status)

    @staticmethod
    def is_in_flight(held, path, after):
        """Is that a change by a call that was held?"""
        if DRAFTS.match(path) and (path.startswith("mail/") or not after or after[1] == "0"):
            return True
        _, _, call, file, _ = held.word.split(":")
        name = re.sub(r"[0-9]+", "N", re.sub("[0-9A-Z]{16,}", "ID", path.split("/", 2)[2]))
        return call in CHANGES and (name == file or call == "rename" and
                                    os.path.basename(file) in os.path.basename(name))

    def judge_mail(self):
        found = lines(self.machine(self.other), "BOX",
                      ["box BOX_%s %s" % (queue, queue) for queue in self.queues])
        same(found, [])
        said = self.machine(self.other).said()
        for queue, number in self.numbers.items():
            box = len(re.findall(r"^BOX_%s %d\r?$" % (queue, number), said, re.M))
            got, acknowledged = self.place.count("GOT", number), self.place.count("ACK", number)
            if acknowledged and not (box and got):
                self.fault(queue, "lost", number, box, got)
            if box > 2 or got > 2:
                self.fault(queue, "more than twice", number, box, got)
            for left in re.findall(r"^BOX_%s LEFT (.*?)\r?$" % queue, said, re.M):
                self.fault(queue, "left", left)
            self.twice += (box > 1) + (got > 1)


class Accept(Round):
    def prepare(self):
        pass

    def command(self, queue, with_step):
        return "letter %s %d %s" % (queue, self.numbers[queue], with_step)


class Deliver(Round):
    def command(self, queue, with_step):
        return "%s %s" % (with_step, RELAY)


class Adopt(Round):
    """The adopter does not get past the step, and mx1 takes its queue back."""
    owner, other = "mx2", "mx1"

    def name(self, queue):
        return away(queue)

    def command(self, queue, with_step):
        return "%s %s" % (with_step, ADOPT % queue)

    def take_over(self):
        self.persist(self.place.mx1, "as {0} %s --take-back --fenced" % RELAY)
        all_zero(self.place.mx1, ["as %s %s" % (queue, RELAY) for queue in self.queues
                                  if queue not in self.kept])

    def bring_home(self):
        """An adopter that was in its last step of the change has become the holder after all."""
        self.home([queue for queue in self.queues if self.statuses.get(queue) == 0])


class AdoptAgain(Adopt):
    """The adopter dies, starts again, and adopts the queue."""
    kinds = "dead",

    def take_over(self):
        self.place.boot_again(self.place.mx2)
        Round.take_over(self)

    def go_on(self):
        return {}

    def bring_home(self):
        self.home(self.queues)


class TakeBack(Round):
    """mx2 has given the queue back, with a message that could not be delivered."""

    def prepare(self):
        self.letters()
        mx2 = self.place.mx2
        before = len(mx2.said())
        adopters = [mx2.start("as %s %s" % (away(queue), ADOPT % queue + CLOSED))
                    for queue in self.queues]
        check(wait_for(lambda: mx2.said()[before:].count(" deferred ") >= len(self.queues), 400,
                       0.2), mx2.said()[-3000:])
        mx2.run("killall smtp-relay")
        same([mx2.end_of(adopter) for adopter in adopters], [0] * len(adopters))

    def command(self, queue, with_step):
        return "%s %s --take-back" % (with_step, RELAY)

    def take_over(self):
        self.persist(self.place.mx2, "as a{0} %s" % ADOPT % "{0}")


class TakeBackAgain(TakeBack):
    """mx1 dies, starts again, and takes its queue back."""
    kinds = "dead",

    def take_over(self):
        self.place.boot_again(self.place.mx1)

    def go_on(self):
        return {}


places = []


def place():
    if not places:
        places.append(Place())
    return places[0]


def whole(plot, words):
    """A run that nothing interrupts.  What its machine prints."""
    run = plot(place(), None, {QUEUES[0]: None})
    run.prepare()
    owner = getattr(place(), plot.owner)
    before = len(owner.said())
    same(owner.run(run.command(QUEUES[0], words % run.name(QUEUES[0]))), 0, owner.said()[-3000:])
    if plot.owner == "mx2":
        run.home(run.queues)
    same(place().mx1.run("as %s %s" % (QUEUES[0], RELAY)), 0)
    lines(place().mx1, "BOX", ["box STEPS " + QUEUES[0]])
    return owner.said()[before:]


def steps_of(plot):
    """The steps of a whole run, as words.  The first one of a queue has more: it makes files."""
    whole(plot, "as %s")
    words = re.findall(r"^STEP \S+ (\S+?)\r?$", whole(plot, "steps %%s %s" % QUEUES[0]), re.M)
    # While it waits, it looks at the lease again and again.
    return [word for word in words if not re.search(r":(open|read):tmp/lease:", word)
            or int(word.rsplit(":", 1)[1]) <= 2]


def rounds_of(kinds, words):
    """Each step once, by one kind after the other."""
    for i, kind in enumerate(kinds):
        mine = words[i::len(kinds)]
        for j in range(0, len(mine), len(QUEUES)):
            yield kind, dict(zip(QUEUES, mine[j:j + len(QUEUES)]))


def story(name, plot):
    @test(name)
    def _():
        try:
            words, faults = steps_of(plot), []
            change = [i for i, word in enumerate(words) if ":rename:tmp/lease:" in word]
            early = set(words[:change[0]] if change else ())
            left, twice = words[::EVERY], 0
            tried = len(left)
            # No two runs are quite the same: what a run does not come to is tried once more.
            for kinds in plot.kinds, plot.kinds[:1]:
                missed = []
                for kind, steps in rounds_of(kinds, left):
                    begun = time.monotonic()
                    played = plot(place(), kind, steps, early).play()
                    faults += played.faults
                    missed += [steps[queue] for queue in steps if queue not in played.held]
                    twice += played.twice
                    note("%s: %d steps in %.0f s, ended with %s" % (
                        kind, len(steps), time.monotonic() - begun,
                        dict(collections.Counter(played.statuses.values()))))
                left = missed
            note("%d steps, %d tried, %d of them not reached, %d messages twice"
                 % (len(words), tried, len(left), twice))
        except BaseException:
            if places:
                places.pop().kill()
            raise
        same(faults, [])
        check(len(left) <= tried / 5, left)


story("a session is interrupted at each step", Accept)
story("a delivery is interrupted at each step", Deliver)
story("an adoption is interrupted at each step, and the home takes its queue back", Adopt)
story("an adopter dies at each step, and adopts again", AdoptAgain)
story("a take-back is interrupted at each step, and the queue is adopted again", TakeBack)
story("a machine dies at each step of a take-back, and takes its queue back again", TakeBackAgain)
make_initrd(CONFIG)
try:
    main()
finally:
    if places:
        places[0].kill()
