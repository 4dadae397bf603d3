#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The image of the Containerfile as containers: `make check-container` has built its root."""
import json
import os
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from tap import check, main, same, test, wait_for  # noqa: E402

ROOT = os.path.abspath(sys.argv[1])
DIRECTORY = "/tmp/smtp-container-test.%d" % os.getpid()
UID = 1234567000 + os.getpid() % 1000
PORT, NEXT = 2525, 2600

if os.environ.get("CONTAINER_TEST_NET") is None:
    os.environ["CONTAINER_TEST_NET"] = "1"
    os.execvp("unshare", ["unshare", "--net", sys.executable, os.path.abspath(__file__), ROOT])
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
os.makedirs(DIRECTORY)
with open(ROOT + ".json") as file:
    IMAGE = json.load(file)


def state_of(pid):
    """Name, state and parent of a process."""
    with open("/proc/%d/stat" % pid) as stat:
        name, rest = stat.read().split("(", 1)[1].rsplit(")", 1)
    return name, rest.split()[0], int(rest.split()[1])


def processes():
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            yield int(name), state_of(int(name))
        except (OSError, IndexError):
            continue


class Container:
    """A container on a volume, with what it logs."""

    def __init__(self, volume, command, config="", uid=UID):
        self.volume = "%s/%s" % (DIRECTORY, volume)
        if not os.path.isdir(self.volume):
            os.mkdir(self.volume)
            os.chmod(self.volume, 0o770)        # as a new volume has it: root's, for its group
        self.log = self.volume + ".log"
        with open(self.volume + ".conf", "w") as out:
            out.write("[server]\nhostname = mx.example.org\n" + config)
        with open(self.log, "a") as log:
            self.outer = subprocess.Popen(
                [HERE + "/run", ROOT, self.volume, str(uid), self.volume + ".conf", *command],
                stdout=log, stderr=log)
        wait_for(lambda: self.first(command[0]) or self.outer.poll() is not None, 10)
        self.pid = self.first(command[0])

    def first(self, wanted):
        """Process 1, as soon as it is the program wanted; None if it has ended."""
        for pid, (name, _, parent) in processes():
            if parent == self.outer.pid and name == wanted:
                return pid
        return None

    def children(self):
        return sorted((name, state) for _, (name, state, parent) in processes()
                      if parent == self.pid)

    def child(self, wanted):
        [pid] = [pid for pid, (name, _, parent) in processes()
                 if parent == self.pid and name == wanted]
        return pid

    def text(self):
        with open(self.log) as log:
            return log.read()

    def stop(self, signal_=signal.SIGTERM):
        """Seconds to the end, and the exit status."""
        start = time.monotonic()
        os.kill(self.pid, signal_)
        status = self.outer.wait(40)
        return time.monotonic() - start, status

    def mails(self, user):
        folder = "%s/mail/%s/new" % (self.volume, user)
        return [os.path.join(folder, name) for name in os.listdir(folder)] \
            if os.path.isdir(folder) else []


def ready(port):
    def answers():
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return True
        except OSError:
            return False
    check(wait_for(answers, 10), "no listener on port %d" % port)


def send(to, subject="x", port=PORT):
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
        client.sendmail("a@b.example", to, "Subject: %s\r\n\r\nhello\r\n" % subject)


ROUTES = """[route example.org]
via = maildir:/var/spool/smtp-handler/mail/{local}
[route *]
via = smtp://127.0.0.1:%d
""" % NEXT
next_host = Container("next", ["smtp-handler", "--listen", "127.0.0.1:%d" % NEXT])
both = Container("both", IMAGE["CMD"], ROUTES)
ready(NEXT)
ready(PORT)


def at_next():
    folder = next_host.volume + "/queue/new"
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0


@test("the image has no user of its own, and one volume")
def image():
    same((IMAGE["USER"], IMAGE["VOLUME"]), ("10001:0", "/var/spool/smtp-handler"))


@test("its processes have no rights: any user, no capability, a root that is read-only")
def rights():
    for pid in (both.pid, both.child("smtp-handler"), both.child("smtp-relay")):
        with open("/proc/%d/status" % pid) as status:
            found = dict(line.split(":\t", 1) for line in status.read().splitlines())
        same(found["Uid"].split(), [str(UID)] * 4)
        same(found["Gid"].split(), ["0"] * 4)
        same([found["CapPrm"], found["CapBnd"], found["NoNewPrivs"]], ["0" * 16, "0" * 16, "1"])
    done = subprocess.run(["nsenter", "-t", str(both.pid), "-m", "touch", "/etc/x", "/tmp/x"],
                          stderr=subprocess.PIPE, text=True)
    same(done.stderr.count("Read-only file system"), 2, done.stderr)


@test("mail comes in, and goes to a Maildir on the volume and to the next host")
def delivers():
    send(["anna@example.org", "ben@elsewhere.example"])
    check(wait_for(lambda: len(both.mails("anna")) == 1 and at_next() == 1, 10), both.text())
    same(os.stat(both.mails("anna")[0]).st_uid, UID)


@test("the sandbox works as elsewhere: no warning is logged")
def sandbox():
    check("sandbox" not in both.text() and "warning" not in both.text(), both.text())


@test("after many sessions process 1 has its two programs, and no dead process")
def reaps():
    for _ in range(100):
        send("many@example.org")
    check(wait_for(lambda: len(both.mails("many")) == 100, 20))
    check(wait_for(lambda: [name for name, _ in both.children()] ==
                   ["smtp-handler", "smtp-relay"], 10), both.children())
    subprocess.run(["nsenter", "-t", str(both.pid), "-m", "-p", "sh", "-c",
                    "for i in 1 2 3 4 5; do (sleep 0.$i &); done"], check=True)
    check(wait_for(lambda: [name for name, _ in both.children()] ==
                   ["smtp-handler", "smtp-relay"], 10), both.children())


@test("smtp-queue works in the container")
def queue_list():
    done = subprocess.run(
        ["nsenter", "-t", str(both.pid), "-m", "-p", "setpriv", "--reuid", str(UID), "--regid", "0",
         "--clear-groups", "smtp-queue", "list"], stdout=subprocess.PIPE, text=True, check=True)
    check("The queue is empty" in done.stdout, done.stdout)


@test("SIGHUP: the listener reads its configuration again")
def reload():
    with open(both.volume + ".conf", "a") as out:
        out.write("[route more.example]\nvia = discard\n")
    os.kill(both.pid, signal.SIGHUP)
    check(wait_for(lambda: "configuration read again" in both.text(), 10), both.text()[-500:])
    ready(PORT)


@test("SIGTERM under load: it ends with 0 in time, and nothing that it accepted is lost")
def stops():
    global both
    accepted, threads = [], []

    def load(number):
        for i in range(10000):
            subject = "load %d-%d" % (number, i)
            try:
                send("load@example.org", subject)
            except (OSError, smtplib.SMTPException):
                return
            accepted.append(subject)
    for number in range(4):
        threads.append(threading.Thread(target=load, args=(number,)))
        threads[-1].start()
    check(wait_for(lambda: len(accepted) > 50, 20))
    idle = socket.create_connection(("127.0.0.1", PORT))
    idle.settimeout(20)
    check(idle.recv(1000).startswith(b"220 "))
    seconds, status = both.stop()
    print("# stopped after %.1f s, %d messages accepted" % (seconds, len(accepted)))
    check(seconds < 10, seconds)
    same(status, 0, both.text()[-2000:])
    check(idle.recv(1000).startswith(b"421 4.3.2 "))
    for thread in threads:
        thread.join()
    both = Container("both", IMAGE["CMD"], ROUTES)
    ready(PORT)

    def arrived():
        found = set()
        for path in both.mails("load"):
            with open(path) as message:
                found.update(line[len("Subject: "):].strip() for line in message
                             if line.startswith("Subject: "))
        return found
    check(wait_for(lambda: arrived() >= set(accepted), 30),
          len(accepted), len(arrived()))


@test("if one program dies, the container ends with a failure")
def dies():
    global both
    for name in ("smtp-relay", "smtp-handler"):
        os.kill(both.child(name), signal.SIGKILL)
        same(both.outer.wait(20), 137, both.text()[-500:])
        both = Container("both", IMAGE["CMD"], ROUTES)
        ready(PORT)


@test("a wrong configuration: it ends with 78, and the log has the line")
def wrong():
    bad = Container("bad", ["smtp-container", "127.0.0.1:2700"], "[server]\nno-such-key = 1\n")
    same(bad.outer.wait(20), 78, bad.text())
    check("site.conf" in bad.text(), bad.text())


@test("two containers with one volume: the listener in one, the runner in the other")
def two():
    both.stop()
    listener = Container("both", ["smtp-handler", "--listen", "127.0.0.1:%d" % PORT], ROUTES)
    ready(PORT)
    send("two@example.org")
    runner = Container("both", ["smtp-relay", "--watch"], ROUTES)
    check(wait_for(lambda: len(both.mails("two")) == 1, 10), both.text()[-2000:])
    send("two@example.org")
    check(wait_for(lambda: len(both.mails("two")) == 2, 10), both.text()[-2000:])
    for container in (listener, runner):
        seconds, status = container.stop()
        check(seconds < 10 and status == 0, seconds, status)


try:
    main()
finally:
    for _container in (next_host, both):
        _container.outer.kill()         # and with it all that is in it
    shutil.rmtree(DIRECTORY, ignore_errors=True)
