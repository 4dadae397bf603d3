# SPDX-License-Identifier: ISC
"""The bench of the runner: destinations without cost of their own, and a runner to time."""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from nameservers import nsd
from programs import BUILD, PEERS
from receivers import listens
from tap import check, wait_for

DIRECTORY = "%s/bench/%s" % (BUILD, os.path.basename(sys.argv[0]).rsplit(".", 1)[0])
SLOW, DEAD = 20, 50


def command(*argv, **more):
    return subprocess.run(argv, check=True, **more)


def family(pid):
    """The process and all its descendants that live."""
    children = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            fields = open("/proc/%s/stat" % name).read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(name))
    found, todo = [], [pid]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def cpu_s(pid):
    """The CPU time of a family so far, with the members that have ended."""
    ticks = 0
    for member in family(pid):
        try:
            fields = open("/proc/%d/stat" % member).read().rsplit(")", 1)[1].split()
            ticks += sum(map(int, fields[11:15]))
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def memory_mb(pid):
    """The memory of a family; what several share counts once."""
    total = 0
    for member in family(pid):
        try:
            for line in open("/proc/%d/smaps_rollup" % member):
                total += int(line.split()[1]) if line.startswith("Pss:") else 0
        except OSError:
            pass
    return total / 1024


def open_network(zones={}):
    """An empty DIRECTORY, exchangers' addresses, and their name server, with more zones for it.

    10.1/16 answers at once, 10.2/16 after a second, 10.4/16 as late as the sink is told.  10.3/16
    is a black hole: packets leave to it, and nothing comes back.
    """
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY, exist_ok=True)      # it may be a mount
    with open(DIRECTORY + "/resolv.conf", "w") as file:
        file.write("nameserver 192.0.2.53\n")
    command("mount", "--bind", DIRECTORY + "/resolv.conf", "/etc/resolv.conf")
    for net in (1, 2, 4):
        command("ip", "address", "add", "10.%d.0.1/16" % net, "dev", "lo")
    command("ip", "link", "add", "hole0", "type", "veth", "peer", "name", "hole1")
    command("ip", "link", "set", "hole0", "arp", "off", "up")
    command("ip", "link", "set", "hole1", "up")
    command("ip", "address", "add", "10.3.0.1/16", "dev", "hole0")
    records = ["one MX 10 mx.one", "mx.one A 10.1.0.1"]
    for letter, count, net in (("h", 500, 1), ("s", SLOW, 2), ("x", DEAD, 3), ("l", 500, 4)):
        for i in range(count):
            records += ["%s%d MX 10 mx.%s%d" % (letter, i, letter, i),
                        "mx.%s%d A 10.%d.%d.%d" % (letter, i, net, 1 + i // 250, 1 + i % 250)]
    nsd(DIRECTORY + "/nsd", {"bench.example": "\n".join(records), **zones})


class Sink:
    """The exchangers of all domains.  late_ms: how late each reply of 10.4/16 is; pem: the
    certificate and the key for STARTTLS; options: more for bench/sink.
    """

    def __init__(self, late_ms=0, pem=None, *options):
        self._process = subprocess.Popen(
            [BUILD + "/bench/sink", *options, *(["-t", pem] if pem else []), "10.2.=1000",
             "10.4.=%d" % late_ms],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: listens("10.1.0.1"), 5)
        self._before = None
        self._before = self._read()

    def _read(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def classes(self):
        """The messages that arrived, by class: 10.1/16, 10.2/16, 10.4/16."""
        now = self._read()
        for then, row in zip(self._before, now):
            for key in ("messages", "connections", "handshakes", "resumed"):
                row[key] -= then[key]
        return now

    def stop(self):
        self._process.stdin.close()
        self._process.wait(10)


class Ours:
    """The runner of a build, with a queue that the same build fills."""
    name = "smtp-relay"

    def __init__(self, *options, build=BUILD, name="ours"):
        self.directory = DIRECTORY + "/" + name
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        self.queue, self._build = self.directory + "/queue", build
        with open(self.directory + "/config", "w") as file:
            file.write("[queue]\ndirectory = %s\n[server]\nhostname = bench.sender.example\n"
                       "[relay]\nresolver = 192.0.2.53\n" % self.queue)
        self._options, self.process, self.peak_kb = options, None, 0

    def fill(self, count, domain, domains, *due):
        command(self._build + "/bench/fill", self.queue, str(count), domain + ".bench.example",
                str(domains), *map(str, due))

    def start(self, *options):
        log = open(self.directory + "/log", "w")
        start = time.monotonic()
        self.process = subprocess.Popen(
            [self._build + "/smtp-relay", "-c", self.directory + "/config", *self._options,
             *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return start

    def run(self, *options):
        """Seconds of a run from its start to its exit, and the CPU time of all its processes."""
        start = self.start(*options)
        _, status, used = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return time.monotonic() - start, used.ru_utime + used.ru_stime

    def ended(self):
        """True if the process has ended.  The peak of its memory is recorded, too.

        The peak that wait4(2) gives includes the memory of this program before the exec.
        """
        try:
            text = open("/proc/%d/status" % self.process.pid).read()
            self.peak_kb = max(self.peak_kb, int(re.search(r"VmHWM:\s+(\d+)", text)[1]))
        except (OSError, TypeError):    # it has ended
            pass
        return self.process.poll() is not None

    def stop(self):
        if not self.ended():
            self.process.send_signal(signal.SIGKILL)
        wait_for(self.ended, 10)


class Server:
    """A server that is one program, and its children."""

    def __init__(self, name, port, *argv):
        self.name, self.port = name, port
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=open("%s/%s.log" % (
                                             DIRECTORY, os.path.basename(name)), "w"))
        self.pid = self._process.pid
        check(wait_for(lambda: listens("127.0.0.1", port), 10), name + " does not listen")

    def empty(self):
        """Remove the messages: a folder with many files is slower."""
        for place in ("new", "tmp"):
            folder = "%s/%s/%s" % (DIRECTORY, self.name, place)
            for file in os.listdir(folder):
                if "-" in file or place == "new":
                    os.unlink(folder + "/" + file)

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)


def handler(name, build, port, *options):
    return Server(name, port, build + "/smtp-handler", "-c", "/dev/null", "--listen",
                  "127.0.0.1:%d" % port, "-o", "queue.directory=%s/%s" % (DIRECTORY, name),
                  "-o", "server.hostname=bench.example", *options)
