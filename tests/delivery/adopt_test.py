# SPDX-License-Identifier: ISC
"""A machine dies, or sleeps, with its queue; another one adopts it.

The machines are mx1, mx2 and mx3, each by its host name, and each a client of one file system by
FUSE.  mx1 is stopped or killed at steps of a session and of a delivery (ADOPT=full: at each).  mx2
adopts its queue, and then mx1 goes on: nothing that was acknowledged is lost, and only what was in
flight comes twice.  ADOPT_QUEUES=/a,/b has mounts of another file system for the machines.
"""
import concurrent.futures
import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time

from programs import BUILD, HANDLER, PLAIN_CONFIG, RELAY, fresh_directory
from sink import Sink
from tap import bail_out, check, main, same, test, wait_for

TERM_MS = 1000
QUEUE_TOOL = BUILD + "/smtp-queue"
directory = fresh_directory()
os.chmod(directory, 0o755)
mounts = os.environ["ADOPT_QUEUES"].split(",") if "ADOPT_QUEUES" in os.environ else []
CONFIG = """[queue]
directory = {queues}/%H
lease = {term}ms
""" + PLAIN_CONFIG + """[route local.example]
via = maildir:{dir}/mail/{{local}}
[route remote.example]
via = smtp://{sink}
"""


if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
    print("1..0 # SKIP only root mounts file systems, with /dev/fuse")
    sys.exit(0)


def mount_clients():
    source = fresh_directory("source")
    for host in "mx1", "mx2", "mx3":
        folder = fresh_directory(host)
        mounts.append(folder)
        servers.append(subprocess.Popen([BUILD + "/tests/broken_fs", "none", source, folder],
                                        stderr=subprocess.DEVNULL))
        if not wait_for(lambda: os.path.ismount(folder)):
            bail_out("broken_fs does not mount")


servers = []
if not mounts:
    mount_clients()


class Tap:
    """A connection that calls a function before its nth reply."""

    def __init__(self, connection, number, hook):
        self.connection, self.number, self.hook, self.count = connection, number, hook, 0

    def sendall(self, octets):
        self.count += 1
        if self.count == self.number:
            self.hook()
        self.connection.sendall(octets)


class SlowSink(Sink):
    """A receiver that calls a function before the nth reply of its first connection."""

    def __init__(self, number, hook):
        self.number, self.hook, self.first = number, hook, True
        super().__init__(("127.0.0.1", 0))

    def _talk(self, connection, lines):
        if self.first:
            self.first = False
            connection = Tap(connection, self.number, self.hook)
        super()._talk(connection, lines)


class Place:
    """The machines with the queue of mx1."""
    numbers = itertools.count()

    def __init__(self, sink=None):
        number = next(Place.numbers)
        self.directory = "%s/%d" % (directory, number)
        os.makedirs(self.directory)
        self.log = open(self.directory + "/log", "w+")
        self.queues, self.configs = {}, {}
        for i, host in enumerate(("mx1", "mx2", "mx3")):
            queues = "%s/%d" % (mounts[i % len(mounts)], number)
            os.makedirs(queues, exist_ok=True)
            self.queues[host] = queues
            self.configs[host] = "%s/%s.conf" % (self.directory, host)
            with open(self.configs[host], "w") as file:
                file.write(CONFIG.format(dir=self.directory, queues=queues, term=TERM_MS,
                                         sink="%s:%d" % sink.address if sink else "127.0.0.1:1"))

    def argv(self, host, program, *options):
        return ["unshare", "--uts", "sh", "-c", 'hostname "$1"; shift; exec "$@"', "sh", host,
                program, "-c", self.configs[host], *options]

    def run(self, host, program, *options, **more):
        return subprocess.run(self.argv(host, program, *options), stderr=self.log, text=True,
                              stdout=subprocess.PIPE, timeout=100, **more)

    def deliver(self):
        """A run of mx1's.  If this machine is so busy that no renewal ends within a term, the run
        is over with 75, and so it is with storage that slow: the next one goes on."""
        for _ in range(10):
            before = len(self.text())
            code = self.run("mx1", RELAY).returncode
            if code != 75 or "Connection timed out" not in self.text()[before:]:
                break
        return code

    def start(self, host, program, *options, **more):
        return subprocess.Popen(self.argv(host, program, *options), **more,
                                stderr=self.log, start_new_session=True)

    def session(self, rcpts):
        text = "EHLO c\r\n" + "".join(
            "MAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: %d\r\n\r\nhi\r\n.\r\n" % (rcpt, i)
            for i, rcpt in enumerate(rcpts)) + "QUIT\r\n"
        out = self.run("mx1", HANDLER, input=text).stdout
        same(out.count("queued as"), len(rcpts), out)

    def adopt(self, host="mx2", *options):
        return self.run(host, RELAY, "--adopt", self.queues[host] + "/mx1", "--fenced",
                        *options).returncode

    def take_back(self, *options):
        return self.run("mx1", RELAY, "--take-back", *options).returncode

    def mailbox(self, user):
        folder = "%s/mail/%s/new" % (self.directory, user)
        return len(os.listdir(folder)) if os.path.isdir(folder) else 0

    def text(self):
        with open(self.directory + "/log") as file:
            return file.read()

    def left(self):
        """The messages that are still in the queue of mx1."""
        queue = self.queues["mx1"] + "/mx1"
        return sorted(name for folder in ("tmp", "new", "cur", "wait", "hold", "dead")
                      for _, _, names in os.walk(queue + "/" + folder) for name in names
                      if re.fullmatch("[0-9A-Z]{16}", name))


def group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


# ---- a delivery ----

def interrupt_delivery(number, kill):
    """mx1 is stopped or killed before the nth reply to its worker, mx2 adopts, mx1 goes on."""
    here = {}

    def hook():
        wait_for(lambda: "runner" in here)
        group(here["runner"], signal.SIGKILL if kill else signal.SIGSTOP)
        here["adopted"] = place.adopt()
        here["by then"] = [rcpt for rcpts, _ in sink.messages for rcpt in rcpts]
        group(here["runner"], signal.SIGCONT)

    sink = SlowSink(number, hook)
    place = Place(sink)
    place.session(["a@remote.example", "b@remote.example", "c@remote.example"])
    here["runner"] = place.start("mx1", RELAY)
    code = here["runner"].wait(60)
    wait_for(lambda: "by then" in here, 60)
    same([here.get("adopted"), code], [0, -signal.SIGKILL if kill else 75], place.text())
    same(kill or "another machine has adopted it" in place.text(), True, place.text())
    same([place.take_back(), place.deliver()], [0, 0], place.text())
    return place, sink, here


def judge_delivery(number, kill):
    place, sink, here = interrupt_delivery(number, kill)
    got = sorted(rcpt[0] for rcpts, _ in sink.messages for rcpt in rcpts)
    # Behind the final dot a message is in flight: it may come twice.  No other one may.
    twice = [rcpt for rcpt in "abc" if got.count(rcpt) == 2]
    same(sorted("abc" + "".join(twice)), got, here, place.text())
    same(len(twice) <= (number == 6), True, here, place.text())
    same({rcpt[0] for rcpt in here["by then"]}, set("abc"), place.text())
    same(place.left(), [])


# ---- a session ----

SESSION = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.example>\r\nDATA\r\n", \
    "Subject: 1\r\n\r\nhi\r\n.\r\n", "QUIT\r\n"


def read_until_354(session, place):
    out = b""
    while b"354" not in out:
        octets = os.read(session.stdout.fileno(), 4096)
        check(octets, out, place.text())
        out += octets


def trace(session, call, kill, place):
    """From now on a system call of this process stops or kills it.  Only now, because a renewal of
    the lease at its start has the same calls.  Returns a function: has it stopped?"""
    path = place.directory + "/trace"
    tracer = subprocess.Popen(
        ["strace", "-f", "-p", str(session.pid), "-o", path,
         "-e", "trace=/^(fsync|rename|fdatasync)",
         "-e", "inject=%s:signal=%s" % (call, "SIGKILL" if kill else "SIGSTOP")],
        stderr=subprocess.PIPE, text=True)
    line = tracer.stderr.readline()
    check(line.endswith("attached\n"), line)

    def has_stopped():
        # A traced process also stops for a moment at each call: its state proves nothing.
        with open(path) as file:
            return "--- stopped by SIGSTOP ---" in file.read()
    return tracer, has_stopped


def interrupt_session(call, kill):
    """mx1 is stopped or killed after a system call of a session."""
    place = Place()
    place.run("mx1", RELAY)             # makes the lease: the session need not
    session = place.start("mx1", HANDLER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session.stdin.write(SESSION[0])
    session.stdin.flush()
    read_until_354(session, place)
    if call:
        tracer, has_stopped = trace(session, call, kill, place)
    else:                               # before the content comes
        group(session, signal.SIGSTOP)
        os.waitid(os.P_PID, session.pid, os.WSTOPPED)
    session.stdin.write(SESSION[1] + SESSION[2])
    session.stdin.flush()
    if kill:
        same(session.wait(60), -signal.SIGKILL, place.text())
    elif call:
        check(wait_for(has_stopped, 60), place.text())
    same(place.adopt(), 0, place.text())

    def has_ended():                    # a process under strace is stopped once more
        group(session, signal.SIGCONT)
        return session.poll() is not None

    check(wait_for(has_ended, 60), place.text())
    session.stdin.close()
    out = session.stdout.read()
    if call:
        tracer.communicate(timeout=60)
    before = place.mailbox("bob")
    same([place.take_back(), place.deliver()], [0, 0], place.text())
    return place, out, before


def judge_session(call, kill):
    place, out, before = interrupt_session(call, kill)
    acknowledged = "queued as" in out
    same(before <= 1 and place.mailbox("bob") == before, True, out, place.text())
    same(acknowledged and not before, False, out, place.text())
    if call.startswith("/^rename"):     # it was in new/ before the change
        same(before, 1, out, place.text())
        same(acknowledged, not kill, out)
    elif not kill:
        check(out.startswith("421 4.3.2 "), out, place.text())
        check("end=elsewhere" in place.text(), place.text())
    same(place.left(), [])


# ---- the rules ----

def judge_alive():
    """A holder that renews its lease is not adopted, fenced or not."""
    place = Place()
    place.session(["bob@local.example"])
    runner = place.start("mx1", RELAY, "--watch")
    check(wait_for(lambda: place.mailbox("bob")), place.text())
    code = place.adopt()
    same([code, "is not fenced" in place.text() or "another smtp-relay is running" in place.text()],
         [75, True], place.text())
    runner.terminate()
    same(runner.wait(20), 0, place.text())


def judge_listener():
    """A listener that sleeps while its queue is adopted refuses mail, and reports why it ends."""
    place = Place()
    place.run("mx1", RELAY)
    address = "127.0.0.%d" % (100 + int(place.directory.rsplit("/", 1)[1])), 2525
    listener = place.start("mx1", HANDLER, "--listen", "%s:%d" % address)
    check(wait_for(lambda: "listening" in place.text()), place.text())

    def greeting():
        try:
            with socket.create_connection(address, 20) as s:
                return s.makefile().readline()
        except ConnectionError:
            return ""
    same(greeting()[:4], "220 ", place.text())
    group(listener, signal.SIGSTOP)
    same(place.adopt(), 0, place.text())
    group(listener, signal.SIGCONT)
    same(greeting()[:10], "421 4.3.2 ", place.text())
    same(greeting()[:4] in ("", "421 "), True)
    same(listener.wait(20), 75, place.text())
    check("was adopted by another machine" in place.text(), place.text())


def judge_slow():
    """A session that lasts longer than the term renews the lease inside its sandbox."""
    place = Place()
    session = place.start("mx1", HANDLER, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session.stdin.write(SESSION[0])
    session.stdin.flush()
    time.sleep(TERM_MS / 1000)
    out, _ = session.communicate(SESSION[1] + SESSION[2], timeout=60)
    check("queued as" in out and session.returncode == 0, out, session.returncode, place.text())
    same([place.deliver(), place.mailbox("bob")], [0, 1], place.text())


def judge_refusals():
    place = Place()
    queue = place.queues["mx2"] + "/mx1"
    place.session(["bob@local.example"])
    for options, code, words in (
            (("--adopt", queue), 64, "a lease keeps nobody from writing"),
            (("--adopt", "queue", "--fenced"), 64, "absolute path"),
            (("--fenced",), 64, "--fenced goes with"),
            (("--adopt", queue + "-no", "--fenced"), 64, "No such file"),
            (("--adopt", queue, "--fenced", "-o", "queue.lease=0"), 78, "set lease in [queue]"),
            (("--take-back",), 75, "needs not be taken back")):
        same(place.run("mx2", RELAY, *options).returncode, code, options, place.text())
        check(words in place.text(), words, place.text())
    other = place.directory + "/other"  # no queue, and it becomes none
    os.mkdir(other)
    same(place.run("mx2", RELAY, "--adopt", other, "--fenced").returncode, 64, place.text())
    check("other: it has no lease" in place.text(), place.text())
    same(os.listdir(other), [])
    same(place.run("mx1", RELAY, "--adopt", place.queues["mx1"] + "/mx1", "--fenced").returncode,
         64, place.text())
    check("it is the queue of this machine" in place.text(), place.text())
    same(place.run("mx1", RELAY, "-o", "queue.lease=0").returncode, 75)
    check("it has a lease: set lease" in place.text(), place.text())
    for command in ("retry", "--all"), ("fsck", "--repair"):
        same(place.run("mx1", QUEUE_TOOL, "-o", "queue.lease=0", *command).returncode, 75)
        check(place.text().splitlines()[-1].endswith("or remove its file tmp/lease"), place.text())
    same(place.run("mx1", QUEUE_TOOL, "-o", "queue.lease=0", "list").returncode, 0, place.text())
    same(place.mailbox("bob"), 0)
    # Nothing runs on mx1: a queue without a process is not renewed.
    same(place.adopt(), 0, place.text())
    same(place.mailbox("bob"), 1)
    out = place.run("mx1", HANDLER, input="QUIT\r\n").stdout
    check(out.startswith("421 4.3.2 "), out)
    same(place.deliver(), 75)
    check("smtp-relay --take-back" in place.text(), place.text())
    same(place.run("mx2", HANDLER, "-o", "queue.directory=" + queue, input="QUIT\r\n").stdout[:3],
         "421")                         # an adopted queue gets no new mail
    same(place.take_back(), 0, place.text())
    place.session(["bob@local.example"])
    same([place.deliver(), place.mailbox("bob")], [0, 2], place.text())


def judge_damaged():
    """The machine is off, and the lease in its queue is damaged: the advice is good."""
    place = Place()
    place.session(["bob@local.example"])
    queue = place.queues["mx2"] + "/mx1"
    with open(queue + "/tmp/lease", "r+b") as file:
        file.write(b"\0" * 256)
    same(place.adopt(), 75, place.text())
    check("tmp/lease is damaged: remove the file; then smtp-relay -o queue.directory=" in
          place.text(), place.text())
    same(place.take_back(), 75)
    check("if no other machine has adopted the queue" in place.text(), place.text())
    os.remove(queue + "/tmp/lease")
    same(place.adopt(), 64, place.text())
    check("it has no lease: its machine never worked" in place.text(), place.text())
    same(place.run("mx2", RELAY, "-o", "queue.directory=" + queue,
                   "-o", "queue.lease=0").returncode, 0, place.text())
    same(place.mailbox("bob"), 1)
    place.session(["bob@local.example"])
    same([place.deliver(), place.mailbox("bob")], [0, 2], place.text())


def judge_long_name():
    """All programs have the whole name of the machine, if it is as long as Linux lets it be."""
    place, name = Place(), "m" * 64
    place.configs[name] = place.configs["mx1"]
    text = "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<bob@local.example>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n"

    def queued():
        return place.run(name, HANDLER, input=text).stdout.count("queued as")
    same([queued(), place.run(name, RELAY).returncode, place.mailbox("bob")], [1, 0, 1],
         place.text())
    same(os.listdir(place.queues["mx1"]), [name])
    same([queued(), place.run("mx2", RELAY, "--adopt", place.queues["mx2"] + "/" + name,
                              "--fenced").returncode, place.mailbox("bob")], [1, 0, 2],
         place.text())
    same([queued(), place.run(name, RELAY, "--take-back").returncode, queued(),
          place.run(name, RELAY).returncode, place.mailbox("bob")], [0, 0, 1, 0, 3], place.text())


def judge_deferred():
    """Mail that waits is delivered from there; two adopters do not work at a time; an adopter that
    was killed must be fenced as well."""
    place = Place()
    sink = Sink(("127.0.0.1", 0))
    place.session(["a@remote.example"])
    place.run("mx1", RELAY)             # nobody listens at port 1, so it waits
    same(len(place.left()), 1)
    adopter = place.start("mx2", RELAY, "--adopt", place.queues["mx2"] + "/mx1", "--fenced")
    check(wait_for(lambda: "is adopted" in place.text()), place.text())
    same(place.adopt("mx3"), 75, place.text())
    group(adopter, signal.SIGKILL)
    adopter.wait(10)
    same(place.take_back(), 64, place.text())
    check("its holder has not ended its work" in place.text(), place.text())
    with open(place.configs["mx3"], "a") as file:
        file.write("[route .example]\nvia = smtp://127.0.0.1:%d\n" % sink.address[1])
    with open(place.configs["mx3"]) as file:
        text = file.read().replace("smtp://127.0.0.1:1\n", "smtp://127.0.0.1:%d\n" %
                                   sink.address[1])
    with open(place.configs["mx3"], "w") as file:
        file.write(text)
    same(place.adopt("mx3"), 0, place.text())
    same([rcpts for rcpts, _ in sink.messages], [["a@remote.example"]])
    same([place.take_back(), place.left()], [0, []])


def judge_one_kernel():
    """Two machines that are containers on one host: the processes of a stopped one keep its locks,
    which no lease can break."""
    stopped = threading.Event()

    def hook():
        wait_for(lambda: "runner" in here)
        group(here["runner"], signal.SIGSTOP)
        stopped.set()

    here = {}
    place = Place(SlowSink(3, hook))
    place.session(["a@remote.example"])
    place.queues["mx2"] = place.queues["mx1"]
    here["runner"] = place.start("mx1", RELAY)
    check(stopped.wait(60), place.text())
    same(place.adopt(), 75, place.text())
    check("still has the lock on cur/" in place.text(), place.text())
    group(here["runner"], signal.SIGKILL)
    here["runner"].wait(60)
    same([place.adopt(), place.left()], [0, []], place.text())


REPLIES = range(1, 7) if os.environ.get("ADOPT") == "full" else (3, 5, 6)
CALLS = ["", "fsync:when=1", "fsync:when=2", "/^rename"] \
    if os.environ.get("ADOPT") == "full" else ["", "fsync:when=1", "/^rename"]
stories = [("a holder that renews its lease is not adopted", judge_alive, ()),
           ("a listener whose queue was adopted", judge_listener, ()),
           ("a session that is longer than the term", judge_slow, ()),
           ("a stopped machine on the same kernel keeps its locks", judge_one_kernel, ()),
           ("what is refused, and what the log advises", judge_refusals, ()),
           ("a lease that is damaged, or gone", judge_damaged, ()),
           ("a machine with the longest name", judge_long_name, ()),
           ("deferred mail; two adopters; an adopter that dies", judge_deferred, ())]
for kill in False, True:
    word = "killed" if kill else "stopped"
    stories += [("mx1 is %s before reply %d to its worker" % (word, number), judge_delivery,
                 (number, kill)) for number in REPLIES]
    stories += [("mx1 is %s in a session %s" % (word, "after " + call if call else "before DATA"),
                 judge_session, (call, kill)) for call in CALLS if call or not kill]


def story(name, trial):
    @test(name)
    def _():
        trial.result()


with concurrent.futures.ThreadPoolExecutor(16) as pool:
    for name, function, arguments in stories:
        story(name, pool.submit(function, *arguments))
for server in servers:
    server.terminate()
main()
