# SPDX-License-Identifier: ISC
"""Queues on GlusterFS: three bricks, and three machines that mount them by FUSE.

mx1 takes and delivers mail.  At some moment it loses its network to the storage, or a brick dies,
or all its processes die.  mx2 adopts its queue, mx1 comes back: nothing that was acknowledged is
lost, and only what was in flight comes twice.  SHARED_ROUNDS is the number of moments.
"""
import collections
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

from programs import BUILD, HANDLER, PEERS, PLAIN_CONFIG, RELAY, fresh_directory
from sink import Sink
from tap import check, main, note, same, test, wait_for

ROUNDS = int(os.environ.get("SHARED_ROUNDS", "9"))
SERVER = "198.51.100.1"
LIBRARIES = "/usr/lib/x86_64-linux-gnu"
PER_DESTINATION = 5
directory = fresh_directory()
os.chmod(directory, 0o755)
# A brick drops a client that is gone within four seconds, before another machine begins to work.
# GlusterFS 10.3 never ends an unlink that a dead client's lock of the file delays (issue 2444).
BRICK = """volume posix
 type storage/posix
 option directory {folder}/data
end-volume
volume locks
 type features/locks
 subvolumes posix
end-volume
volume index
 type features/index
 option index-base {folder}/index
 option xattrop-dirty-watchlist trusted.afr.dirty
 option xattrop-pending-watchlist trusted.afr.c
 subvolumes locks
end-volume
volume brick{i}
 type performance/io-threads
 subvolumes index
end-volume
volume server
 type protocol/server
 option transport-type tcp
 option transport.socket.listen-port 2410{i}
 option transport.address-family inet
 option transport.tcp-user-timeout 3
 option transport.socket.keepalive-time 1
 option transport.socket.keepalive-interval 1
 option transport.socket.keepalive-count 3
 option auth.addr.brick{i}.allow *
 subvolumes brick{i}
end-volume
"""
CLIENT = """volume c{i}
 type protocol/client
 option transport-type tcp
 option transport.address-family inet
 option remote-host {server}
 option remote-port 2410{i}
 option remote-subvolume brick{i}
 option ping-timeout 10
end-volume
"""
REPLICA = """volume replica
 type cluster/replicate
 option afr-pending-xattr c0,c1,c2
 option quorum-type auto
 option self-heal-daemon off
 subvolumes c0 c1 c2
end-volume
"""
CONFIG = """[queue]
directory = {mount}/{name}/%H
lease = 2s
""" + PLAIN_CONFIG + """per-destination = {most}
[route remote.example]
via = smtp://127.0.0.1:{port}
"""


def shell(*argv, **more):
    return subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **more)


class Storage:
    def __init__(self):
        shell("mount", "-t", "overlay", "none", "-o",
              "lowerdir=%s:%s%s" % (LIBRARIES, PEERS, LIBRARIES), LIBRARIES)
        shell("ip", "link", "add", "storage", "type", "veth", "peer", "name", "mx1")
        shell("ip", "address", "add", SERVER + "/24", "dev", "storage")
        shell("ip", "link", "set", "storage", "up")
        self.away = subprocess.Popen(["unshare", "--net", "sleep", "1000000"])
        wait_for(lambda: os.readlink("/proc/%d/ns/net" % self.away.pid) !=
                 os.readlink("/proc/self/ns/net"))
        shell("ip", "link", "set", "mx1", "netns", str(self.away.pid))
        for words in ("address add 198.51.100.2/24 dev mx1", "link set mx1 up", "link set lo up"):
            shell(*self.from_mx1(), "ip", *words.split())
        self.bricks = [None, None, None]
        for i in range(3):
            for name in "data/.glusterfs", "index":
                os.makedirs("%s/b%d/%s" % (directory, i, name))
            with open("%s/b%d.vol" % (directory, i), "w") as file:
                file.write(BRICK.format(folder="%s/b%d" % (directory, i), i=i))
            self.start_brick(i)
        self.mounts = {}
        with open(directory + "/client.vol", "w") as file:
            file.write("".join(CLIENT.format(i=i, server=SERVER) for i in range(3)) + REPLICA)

    def from_mx1(self):
        return ["nsenter", "--net=/proc/%d/ns/net" % self.away.pid]

    def start_brick(self, i):
        self.bricks[i] = subprocess.Popen(
            [PEERS + "/usr/sbin/glusterfsd", "-N", "-f", "%s/b%d.vol" % (directory, i), "-l",
             "%s/b%d.log" % (directory, i)])
        check(wait_for(lambda: self.answers(i)), "no brick")

    def answers(self, i):
        try:
            socket.create_connection((SERVER, 24100 + i), 1).close()
            return True
        except OSError:
            return False

    def kill_brick(self, i):
        self.bricks[i].kill()
        self.bricks[i].wait()

    def mount(self, host, *options):
        folder = self.mounts[host] = "%s/%s" % (directory, host)
        os.makedirs(folder)
        shell(*(self.from_mx1() if host == "mx1" else []), PEERS + "/usr/sbin/glusterfs", "-f",
              directory + "/client.vol", "-l", "%s/%s.log" % (directory, host),
              "--attribute-timeout=0", "--entry-timeout=0", "--negative-timeout=0", *options,
              folder)
        check(wait_for(lambda: self.works(host)), host)

    def works(self, host):
        """Can this machine use the storage?  A process of its own asks, as it may hang."""
        return subprocess.run(["timeout", "-s", "KILL", "5", "sh", "-c",
                               'f="$1/.works.$$"; : > "$f" && rm "$f"', "sh", self.mounts[host]],
                              stderr=subprocess.DEVNULL).returncode == 0

    def cut(self, now):
        shell("ip", "link", "set", "storage", "down" if now else "up")


def fsck(*folders):
    return subprocess.run([BUILD + "/smtp-queue", "-c", "/dev/null", "fsck", "--storage", *folders],
                          capture_output=True, text=True, timeout=600)


storage = Storage()


@test("fsck --storage refuses a mount that keeps contents, and accepts the others")
def _():
    for host in "kept1", "kept2":
        storage.mount(host)
    for host in "mx2", "mx3", "mx1":    # also for the rounds
        storage.mount(host, "--direct-io-mode=enable")
    done = fsck(storage.mounts["kept1"], storage.mounts["kept2"])
    check(done.returncode == 1 and "BROKEN in-place" in done.stdout and
          "direct-io-mode=enable" in done.stdout, done.stdout)
    # mx1 is in another network, so that link must carry its mount, too.
    for pair in ("mx2", "mx3"), ("mx1", "mx2"):
        done = fsck(*(storage.mounts[host] for host in pair))
        same(done.returncode, 0, done.stdout, done.stderr)


class Round:
    """mx1 works until something happens to it."""

    def __init__(self, name):
        self.name, self.sink = name, Sink(("127.0.0.1", 0))
        self.log = open("%s/%s.log" % (directory, name), "w+")
        self.acknowledged, self.stopped, self.processes = [], False, []
        check(wait_for(lambda: storage.works("mx1") and storage.works("mx2"), 90), "no storage")
        os.makedirs("%s/%s" % (storage.mounts["mx2"], name))
        for host in "mx1", "mx2":
            with open(self.config(host), "w") as file:
                file.write(CONFIG.format(mount=storage.mounts[host], name=name,
                                         most=PER_DESTINATION, port=self.sink.address[1]))
        check(wait_for(lambda: os.path.isdir("%s/%s" % (storage.mounts["mx1"], name))), name)
        self.relay("mx1").wait(60)
        self.runner = self.relay("mx1", "--watch")
        self.clients = [threading.Thread(target=self.send, args=(i,)) for i in range(3)]
        for client in self.clients:
            client.start()

    def config(self, host):
        return "%s/%s-%s.conf" % (directory, self.name, host)

    def on(self, host, program, *options, **more):
        return subprocess.Popen(
            ["unshare", "--uts", "sh", "-c", 'hostname "$1"; shift; exec "$@"', "sh", host, program,
             "-c", self.config(host), *options], stderr=self.log, start_new_session=True, **more)

    def relay(self, host, *options):
        return self.on(host, RELAY, *options, stdin=subprocess.DEVNULL)

    def send(self, who):
        for i in range(100000):
            if self.stopped:
                return
            rcpt = "%d-%d@remote.example" % (who, i)
            session = self.on("mx1", HANDLER, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True)
            self.processes.append(session)
            try:
                out, _ = session.communicate(
                    "EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nDATA\r\nSubject: x\r\n\r\nhi\r\n"
                    ".\r\nQUIT\r\n" % rcpt, timeout=100)
            except (OSError, subprocess.TimeoutExpired):
                continue
            if "queued as" in out:
                self.acknowledged.append(rcpt)

    def text(self):
        self.log.flush()
        with open(self.log.name) as file:
            text = file.read()
        return "runner: %s\n%s...\n%s" % (self.runner.poll(), text[:3000], text[-3000:])

    def got(self):
        return collections.Counter(rcpt for rcpts, _ in list(self.sink.messages) for rcpt in rcpts)

    def kill_all(self):
        self.stopped = True
        for process in [self.runner, *self.processes]:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)

    def adopt(self):
        queue = "%s/%s/mx1" % (storage.mounts["mx2"], self.name)
        self.processes.append(self.relay("mx2", "--adopt", queue, "--fenced"))
        return self.processes[-1].wait(120)

    def delivers(self):
        """The storage may keep the lock of the last runner for a moment: units start it again."""
        if self.runner.poll() == 75:
            self.runner = self.relay("mx1", "--watch")
        return len(self.got()) > 3

    def come_back(self):
        """What mx1 still does, and then it takes its queue back."""
        check(wait_for(lambda: storage.works("mx1"), 90), "the storage does not come back")
        time.sleep(1)                   # what was stuck goes on: that must do nothing
        self.stopped = True
        for client in self.clients:
            client.join(120)
        self.runner.wait(60)
        same([self.relay("mx1", "--take-back").wait(60), self.relay("mx1").wait(60)], [0, 0],
             self.text())


def break_it(place, kind, brick):
    """What happens to mx1, and how mx2 adopts its queue."""
    if kind == "killed":
        place.kill_all()
    else:
        storage.cut(True)
    if kind == "brick":
        storage.kill_brick(brick)
    try:
        same(place.adopt(), 0, place.text())
        by_then = place.got()
        acknowledged = list(place.acknowledged)
        # A machine without its storage acknowledges nothing, so all is there by now.
        same([rcpt for rcpt in acknowledged if not by_then[rcpt]], [], place.text())
        return by_then
    finally:                            # also for the next round
        if kind == "brick":
            storage.start_brick(brick)
        storage.cut(False)


def play(number):
    chance = random.Random(number)
    kind = ("cut", "killed", "brick")[number % 3]
    place = Round("round%d" % number)
    try:
        check(wait_for(place.delivers, 60, 0.5), place.text())
        time.sleep(chance.random())
        by_then = break_it(place, kind, number // 3 % 3)
        place.come_back()
    finally:
        place.kill_all()
    got = place.got()
    same([rcpt for rcpt in place.acknowledged if not got[rcpt]], [], place.text())
    twice = [rcpt for rcpt, count in got.items() if count > 1]
    note("%s: %d acknowledged, %d delivered by mx2's end, %d twice" % (
        kind, len(place.acknowledged), len(by_then), len(twice)))
    same([count for count in got.values() if count > 2], [], place.text())
    check(len(twice) <= PER_DESTINATION * 3, twice)     # each worker has three messages at most
    return place


def story(number):
    @test("round %d: nothing is lost, and only what was in flight comes twice" % number)
    def _():
        play(number)


if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
    print("1..0 # SKIP only root mounts file systems, with /dev/fuse")
    sys.exit(0)
for i in range(ROUNDS):
    story(i)


@test("mx1 is stopped and killed at each step of a session and of a delivery")
def _():
    done = subprocess.run([sys.executable, "tests/delivery/adopt_test.py"], capture_output=True,
                          text=True, env=dict(os.environ, ADOPT="full", ADOPT_QUEUES=",".join(
                              storage.mounts[host] for host in ("mx1", "mx2", "mx3"))))
    check("not ok" not in done.stdout and re.search(r"^ok \d", done.stdout, re.M), done.stdout,
          done.stderr)


try:
    main()
finally:
    for folder in storage.mounts.values():
        subprocess.run(["umount", "-l", folder])
    shutil.rmtree(directory, ignore_errors=True)
