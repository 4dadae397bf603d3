# SPDX-License-Identifier: ISC
"""Sessions and deliveries that a test can repeat thousands of times, each in a fresh queue.

    users(1)
    with ready(Smtp(), 0) as (place, points):
        scenario.try_point(place, points[0])

A scenario has what must hold after its program was run with a failure, and the runner without one:
faults() returns texts.  It needs root.
"""
import collections
import contextlib
import glob
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import time

import points
from fake_milter import FakeMilter, add, body, packet
from programs import BUILD, HANDLER, RELAY, fresh_directory
from sink import Sink
from tap import same

os.environ["ASAN_OPTIONS"] = "detect_leaks=0"    # LeakSanitizer does not work under ptrace(2)
DEADLINE_S = 25                 # of one program
directory = fresh_directory()
os.chmod(directory, 0o755)
CONFIG = """[queue]
directory = {dir}/queue
min-free = 0
[server]
hostname = mx.example.org
trusted = 192.0.2.0/24 local
[relay]
resolver = 192.0.2.53
[route sender.example]
via = maildir:{dir}/mail/{{local}}
[route local.example]
via = maildir:{dir}/mail/{{local}}
"""


def text(number, lines=3):
    """The content of a message, with LF line ends."""
    return ("Subject: number %d\n\n" % number
            + "".join("line %d of %d .....\n" % (i, number) for i in range(lines))
            + ".\n..two\nend of %d\n" % number).encode()


def crlf(content):
    return content.replace(b"\n", b"\r\n")


class Client:
    """A client of one session, which waits for each reply."""

    def __init__(self, argv, log):
        ours, theirs = socket.socketpair()
        self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, stderr=log)
        theirs.close()
        ours.settimeout(DEADLINE_S + 5)
        self.socket, self.lines = ours, ours.makefile("rb")

    def reply(self):
        while True:
            line = self.lines.readline()
            if line[3:4] != b"-":
                return line

    def say(self, octets):
        self.socket.sendall(octets)
        return self.reply()

    def end(self):
        try:
            self.say(b"QUIT\r\n")
        except OSError:
            pass
        self.lines.close()
        self.socket.close()
        self.process.wait(DEADLINE_S + 10)

    def send(self, rcpts, content, bdat=False):
        """One message; was it acknowledged?"""
        if not self.say(b"MAIL FROM:<alice@sender.example>\r\n").startswith(b"250"):
            return False
        for rcpt in rcpts:
            if not self.say(b"RCPT TO:<%s>\r\n" % rcpt.encode()).startswith(b"250"):
                self.say(b"RSET\r\n")
                return False
        return self._chunks(content) if bdat else self._data(content)

    def _data(self, content):
        if not self.say(b"DATA\r\n").startswith(b"354"):
            self.say(b"RSET\r\n")
            return False
        dotted = re.sub(rb"(?m)^\.", b"..", crlf(content))
        return self.say(dotted + b".\r\n").startswith(b"250")

    def _chunks(self, content):
        octets = crlf(content)
        half = len(octets) // 2
        if not self.say(b"BDAT %d\r\n" % half + octets[:half]).startswith(b"250"):
            self.say(b"RSET\r\n")
            return False
        rest = octets[half:]
        return self.say(b"BDAT %d LAST\r\n" % len(rest) + rest).startswith(b"250")


class Place:
    """A folder in memory for one process of this test, with a configuration."""

    def __init__(self, number):
        self.number = number
        self.directory = "%s/%d" % (directory, number)
        os.makedirs(self.directory, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755,size=256m,nr_inodes=100000",
                        "points", self.directory], check=True)
        # These are on another disk, as the folder may be full.
        self.report, self.config = self.directory + ".report", self.directory + ".config"
        self.log = open(self.directory + ".log", "w+")
        self.sinks = []

    def configure(self, more=""):
        with open(self.config, "w") as file:
            file.write((CONFIG + more).format(dir=self.directory, n=self.number))

    def said(self):
        return open(self.log.name, errors="replace").read()

    def path(self, name):
        return self.directory + "/" + name

    def run(self, argv, point=None, list_calls=False):
        subprocess.run(points.command(self.report, [*argv, "-c", self.config], point, list_calls,
                                      DEADLINE_S),
                       stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                       timeout=DEADLINE_S + 10)
        return points.Report(self.report)

    def session(self, messages, point=None, list_calls=False, bdat=False):
        """Send messages [(recipients, content)]; the report and the acknowledged numbers."""
        client = Client(points.command(self.report, [HANDLER, "-c", self.config], point,
                                       list_calls, DEADLINE_S), self.log)
        taken = []
        try:
            client.reply()
            client.say(b"EHLO client.example\r\n")
            for number, (rcpts, content) in enumerate(messages):
                if client.send(rcpts, content, bdat):
                    taken.append(number)
        except ConnectionError:
            pass
        client.end()
        return points.Report(self.report), taken

    def empty(self):
        for name in ("queue", "mail", "home"):
            shutil.rmtree(self.path(name), ignore_errors=True)
        os.mkdir(self.path("mail"))
        self.log.seek(0)
        self.log.truncate()
        for sink in self.sinks:
            sink.messages.clear()

    def left(self):
        """Files that must not be there after a clean run."""
        found = []
        for folder in ("tmp", "new", "cur", "wait", "hold", "dead"):
            for root, _, names in os.walk(self.path("queue/" + folder)):
                found += ["%s/%s" % (root, name) for name in names]
        found += glob.glob(self.directory + "/mail/*/tmp/*")
        found += glob.glob(self.directory + "/home/*/Maildir/tmp/*")
        return found + [name for name in glob.glob(self.directory + "/queue/state/**/*",
                                                   recursive=True)
                        if os.path.isfile(name) and not STATE_FILE.search(name)]

    def arrived(self):
        """{(recipient, content)} with counts, and the texts of notices, from all mailboxes."""
        found, notices = collections.Counter(), []
        for path in glob.glob(self.directory + "/mail/*/new/*") + glob.glob(
                self.directory + "/home/*/Maildir/new/*"):
            who = re.search(r"/(?:mail|home)/([^/]+)/", path)[1]
            self.count(found, notices, who, open(path, "rb").read())
        for sink in self.sinks:
            for rcpts, content in sink.messages:
                for rcpt in rcpts:
                    self.count(found, notices, rcpt.split("@")[0], content)
        return found, notices

    @staticmethod
    def count(found, notices, who, content):
        content = content.replace(b"\r\n", b"\n")
        at = content.find(b"Subject: number ")
        if b"\nContent-Type: multipart/report" in content:
            notices.append(content)
        else:
            found[who, content[at:] if at >= 0 else content] += 1


STATE_FILE = re.compile(r"/state/(reading|lock|history|counts|hosts|frozen|authorities|"
                        r"destinations)$")


class Scenario:
    """A program that is run with a failure, in a fresh copy of a prepared queue."""

    name, settings = "", ""
    messages = [(["bob@local.example"], text(0)), (["carol@local.example"], text(1))]
    arrives = None              # content as it arrives, by number; default: as it was sent
    reported = False            # recipients get notices in place of the message
    bdat = False
    crashes = ()                # signals that are no fault

    def set_up(self, place):
        place.configure(self.settings)

    def before(self, place):
        """Before the program runs with its failure."""

    def after(self, place):
        """Before the clean run."""

    def begin(self, place):
        place.empty()
        if os.path.isdir(place.path("template")):
            shutil.copytree(place.path("template"), place.path("queue"))
        self.before(place)

    def program(self, place, point=None, list_calls=False):
        return place.run([RELAY], point, list_calls), range(len(self.messages))

    def prepare(self, place):
        """Queue the messages once, for all runs."""
        place.empty()
        _, taken = place.session(self.messages, bdat=self.bdat)
        same(taken, list(range(len(self.messages))), place.said())
        shutil.copytree(place.path("queue"), place.path("template"))

    def content(self, number):
        return self.arrives[number] if self.arrives else self.messages[number][1]

    def wanted(self, number):
        """What must arrive of a message: {(who, content)}."""
        rcpts = self.messages[number][0]
        return {(rcpt.split("@")[0], self.content(number)) for rcpt in rcpts}

    def faults(self, place, taken):
        """Texts about broken promises."""
        found, notices = place.arrived()
        faults, allowed = [], set()
        for number in range(len(self.messages)):
            wanted = self.wanted(number)
            allowed |= wanted
            for who, content in wanted:
                told = any(who.encode() + b"@" in notice for notice in notices)
                if number in taken and not found[who, content] and not (self.reported and told):
                    faults.append("message %d for %s is lost" % (number, who))
                if found[who, content] > 2:
                    faults.append("message %d for %s came %d times"
                                  % (number, who, found[who, content]))
        faults += ["not a message that was sent: %s %r" % (who, content[:300])
                   for who, content in found if (who, content) not in allowed]
        if notices and not self.reported:
            faults.append("a notice: %r" % notices[0][:1500])
        return faults + ["left: " + path for path in place.left()], sum(
            n - 1 for n in found.values() if n > 1)

    def try_point(self, place, point):
        """Run one point.  Was it reached, the faults, the number of duplicates."""
        self.begin(place)
        report, taken = self.program(place, point)
        hit, faults = report.hit, report.faults(self.crashes)
        if self.leaks(report):
            faults.append(self.leaks(report))
        self.after(place)
        report = place.run([RELAY, "--flush"])
        faults += ["the clean run: " + fault for fault in report.faults()]
        if report.ends.get(0, (-1,))[0] != 0:
            faults.append("the clean run ended with %s" % (report.ends.get(0),))
        broken, doubles = self.faults(place, taken)
        return hit, faults + broken, doubles

    def list_points(self, place):
        self.begin(place)
        report, taken = self.program(place, None, list_calls=True)
        same(list(taken), list(range(len(self.messages))), "the run without a failure")
        same(report.faults(), [])
        self.after(place)
        place.run([RELAY, "--flush"])
        same(self.faults(place, taken)[0], [], "after the run without a failure")
        self.fds = report.ends[0]
        return report.points()

    def leaks(self, report):
        """A program that ends as without a failure has no more descriptors open then."""
        status, fds = report.ends.get(0, (-1, -1))
        if status == 0 == self.fds[0] and fds > self.fds[1]:
            return "%d descriptors at the end, %d without a failure" % (fds, self.fds[1])
        return None


class Session(Scenario):
    def prepare(self, place):
        """The queue begins empty."""

    def program(self, place, point=None, list_calls=False):
        return place.session(self.messages, point, list_calls, self.bdat)


class Data(Session):
    name = "session, DATA"
    messages = [(["bob@local.example"], text(0)), (["carol@local.example"], text(1))]


class Large(Session):
    name = "session, DATA of 130 kB for 8 recipients"
    messages = [(["r%d@local.example" % i for i in range(8)], text(0, 6000)),
                (["bob@local.example"], text(1))]


class Bdat(Session):
    name = "session, BDAT"
    bdat = True


class Filtered(Session):
    name = "session, a filter that edits"
    settings = "[server]\nmilter = unix:{dir}/milter\n"
    messages = [(["bob@local.example"], text(0)), (["carol@local.example"], text(1, 6000))]
    arrives = [b"Subject: number %d\nX-Filter: yes\n\nnew text\n" % n for n in (0, 1)]

    def set_up(self, place):
        super().set_up(place)
        place.milter = FakeMilter(place.path("milter"), {
            "E": add(b"X-Filter", b"yes") + packet("+", b"<dora@local.example>\0")
            + body(b"new text\r\n") + packet("c")})

    def wanted(self, number):
        return super().wanted(number) | {("dora", self.content(number))}


class Maildir(Scenario):
    name = "delivery, Maildir"
    messages = [(["bob@local.example", "carol@local.example"], text(0)),
                (["carol@local.example"], text(1, 6000))]


class Owner(Scenario):
    name = "delivery, Maildir of a user (smtp-maildir as a child)"
    settings = "[route home.example]\nvia = maildir:~/Maildir\n"

    def set_up(self, place):
        super().set_up(place)
        self.messages = [(["u%d@home.example" % place.number], text(n)) for n in (0, 1)]

    def before(self, place):
        user = pwd.getpwnam("u%d" % place.number)
        os.makedirs(user.pw_dir)
        os.chown(user.pw_dir, user.pw_uid, user.pw_gid)


class Agent(Owner):
    name = "delivery, smtp-maildir behind its socket"
    settings = Owner.settings + "[relay]\nmaildir-socket = {dir}/agent\n"

    def program(self, place, point=None, list_calls=False):
        path = place.path("agent")
        if os.path.exists(path):
            os.unlink(path)
        argv = [BUILD + "/smtp-maildir", "-c", place.config, "--listen", path]
        report = place.path("agent-report")
        process = subprocess.Popen(points.command(report, argv, point, list_calls, DEADLINE_S),
                                   stdin=subprocess.DEVNULL, stdout=place.log, stderr=place.log)
        end = time.monotonic() + 10
        while process.poll() is None and not can_connect(path) and time.monotonic() < end:
            time.sleep(0.001)
        place.run([RELAY])
        for pid in children_of(process.pid):
            os.kill(pid, signal.SIGTERM)
        process.wait(DEADLINE_S + 10)
        return points.Report(report), range(len(self.messages))


def children_of(pid):
    try:
        text = open("/proc/%d/task/%d/children" % (pid, pid)).read()
    except FileNotFoundError:
        return []
    return [int(word) for word in text.split()]


def can_connect(path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        return os.path.exists(path) and s.connect_ex(path) == 0


class Smtp(Scenario):
    name = "delivery, SMTP"
    settings = "[route remote.example]\nvia = smtp://127.0.0.1:26{n}\n"
    messages = [(["bob@remote.example", "carol@remote.example"], text(0)),
                (["dora@remote.example"], text(1, 6000))]

    def set_up(self, place):
        super().set_up(place)
        place.sinks = [Sink(("127.0.0.1", int("26%d" % place.number)))]


class Lmtp(Scenario):
    name = "delivery, LMTP"
    settings = "[route remote.example]\nvia = lmtp:{dir}/lmtp\n"
    messages = Smtp.messages

    def set_up(self, place):
        super().set_up(place)
        place.sinks = [Sink(place.path("lmtp"), lmtp=True)]


class Exchanger(Scenario):
    name = "delivery, by MX"
    crashes = (signal.SIGABRT,)     # libunbound, in the process that validates DNSSEC
    messages = [(["bob@mx%d.test" % n, "carol@local.example"], text(n)) for n in (0, 1)]

    def set_up(self, place):
        super().set_up(place)
        self.messages = [(["bob@mx%d.test" % place.number, "carol@local.example"], text(n))
                         for n in (0, 1)]
        place.sinks = [Sink(("192.0.2.%d" % (60 + place.number), 25))]


class Bounce(Smtp):
    name = "delivery, a bounce"
    reported = True
    messages = [(["bob@remote.example", "carol@remote.example"], text(0)),
                (["dora@remote.example"], text(1))]

    def before(self, place):
        place.sinks[0].rcpt = b"550 5.1.1 no such user"


class Deferral(Smtp):
    name = "delivery, a deferral"

    def before(self, place):
        place.sinks[0].rcpt = b"451 4.3.0 later"

    def after(self, place):
        place.sinks[0].rcpt = None


class Alias(Scenario):
    name = "delivery, an alias"
    settings = "[route team.example]\nvia = maildir:{dir}/mail/{{local}}\naliases = {dir}/aliases\n"
    messages = [(["all@team.example"], text(n)) for n in (0, 1)]

    def set_up(self, place):
        super().set_up(place)
        with open(place.path("aliases"), "w") as file:
            file.write("all: bob@local.example, carol@local.example\n")

    def wanted(self, number):
        return {(who, self.content(number)) for who in ("bob", "carol")}


def users(places):
    """A private /etc/passwd with a user for each place."""
    for name, line in (("passwd", "u%d:x:%d:%d::%s/%d/home/u%d:/bin/sh\n"),
                       ("group", "u%d:x:%d:\n")):
        with open("%s/%s" % (directory, name), "w") as file:
            file.write(open("/etc/" + name).read())
            for n in range(places):
                file.write(line % ((n, 20001 + n, 20001 + n, directory, n, n)
                                   if name == "passwd" else (n, 20001 + n)))
        subprocess.run(["mount", "--bind", "%s/%s" % (directory, name), "/etc/" + name], check=True)


@contextlib.contextmanager
def ready(scenario, number):
    """A place that is ready for points, and the list of them."""
    place = Place(number)
    try:
        scenario.set_up(place)
        scenario.prepare(place)
        yield place, scenario.list_points(place)
    finally:
        for sink in place.sinks:
            sink.close()
        place.log.close()
        subprocess.run(["umount", "-l", place.directory], check=True)


ALL = (Data, Large, Bdat, Filtered, Maildir, Owner, Agent, Smtp, Lmtp, Exchanger, Bounce, Deferral,
       Alias)
