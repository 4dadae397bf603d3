# SPDX-License-Identifier: ISC
"""The path unit that starts the runner, from inside a booted systemd: TAP lines without numbers.

    path_unit.py latency COUNT                  from a 250 to the first octet on the wire
    path_unit.py race EXITSTOP FIRST COUNT [RESULTS]

A race is one message that comes into new/ while a run ends.  EXITSTOP is build/tests/exitstop: it
stops the runner before or after one of its last system calls, and moves the message then.  FIRST is
the number of the first race: numbers are spread over all moments evenly, wherever they begin.
RESULTS is a file for a line a race: its number, the moment, the moments of that run, and
microseconds until the exchanger has the message.
"""
import glob
import os
import shutil
import smtplib
import socket
import statistics
import subprocess
import sys
import threading
import time

QUEUE, STOCK = "/var/spool/smtp-handler", "/var/spool/smtp-stock"
SETTINGS = "/etc/smtp-handler/conf.d/path.conf"
PORTS = {"path.example": 2527, "kept.example": 2528}
SECONDS_MAX = 1                 # from the rename to the end of the content at the exchanger
AFTER_END = 150                 # moments behind the end of the runner: 30 ms
GOLDEN = 0.6180339887498949


class Exchanger:
    """Takes messages for a domain.  The reply to a content waits for go()."""

    def __init__(self, domain="path.example"):
        self.domain = domain
        self._listening = socket.create_server(("127.0.0.1", PORTS[domain]))
        self._go = threading.Semaphore(0)
        self.contents = threading.Semaphore(0)
        self.first_octet_s = self.content_s = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            threading.Thread(target=self._serve, args=self._listening.accept()[:1],
                             daemon=True).start()

    def _serve(self, sock):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        file = sock.makefile("rb")
        sock.sendall(b"220 exchanger.example\r\n")
        while line := self._line(file):
            verb = line[:4].upper()
            if verb != b"QUIT":
                self.first_octet_s = self.first_octet_s or time.monotonic()
            sock.sendall({b"EHLO": b"250-exchanger.example\r\n250 PIPELINING\r\n",
                          b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n",
                          }.get(verb, b"250 ok\r\n"))
            if verb != b"DATA":
                continue
            while self._line(file) not in (b".\r\n", b""):
                continue
            self.content_s = time.monotonic()
            self.contents.release()
            self._go.acquire()
            sock.sendall(b"250 taken\r\n")

    @staticmethod
    def _line(file):
        try:
            return file.readline()
        except OSError:
            return b""

    def go(self):
        self._go.release()


def runners():
    """The processes of runs: PID 1 is their parent.  It may not have reaped a child of an earlier
    run yet."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path, encoding="ascii", errors="replace") as file:
                name, _, rest = file.read().partition("(")[2].rpartition(")")
        except OSError:
            continue
        state, parent = rest.split()[:2]
        if name == "smtp-relay" and parent == "1" and state != "Z":
            found.append(int(path.split("/")[2]))
    return found


def shown():
    """All processes of runs, and the journal of their unit."""
    done = subprocess.run("ps -o pid,ppid,stat,lstart,wchan:20,args -C smtp-relay; journalctl -q "
                          "-o short-precise -n 12 -u smtp-relay.service", shell=True,
                          capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def is_idle():
    return subprocess.run(["systemctl", "show", "-P", "ActiveState", "smtp-relay.service"],
                          capture_output=True, check=True).stdout.strip() == b"inactive"


def wait_until_idle():
    end = time.monotonic() + 30
    while not is_idle() and time.monotonic() < end:
        time.sleep(0.01)


def report(name, good, *words):
    print("%s %s" % ("ok" if good else "not ok", name))
    for word in words:
        print(word)
    sys.stdout.flush()


# ---- latency ----

def submit(smtp, exchanger):
    """Seconds from the 250 to the first octet to the exchanger."""
    smtp.mail("a@example.net")
    smtp.rcpt("b@" + exchanger.domain)
    smtp.docmd("DATA")
    exchanger.first_octet_s = None
    smtp.send(b"Subject: x\r\n\r\ntext\r\n.\r\n")
    code, text = smtp.getreply()
    taken_s = time.monotonic()
    if code != 250 or not exchanger.contents.acquire(timeout=30):
        sys.exit("not ok a message got no further than %d %s" % (code, text))
    exchanger.go()
    return exchanger.first_octet_s - taken_s


def figures(seconds):
    return "median %.1f ms, %.1f to %.1f" % tuple(
        1000 * s for s in (statistics.median(seconds), min(seconds), max(seconds)))


def latency(exchanger, count):
    smtp = smtplib.SMTP("127.0.0.1", 25)
    smtp.ehlo()
    cold, warm = [], []
    for _ in range(count):
        wait_until_idle()
        time.sleep(0.05)
        cold.append(submit(smtp, exchanger))
    # A run goes on for as long as an exchanger keeps a reply back.
    kept = Exchanger("kept.example")
    smtp.sendmail("a@example.net", ["b@kept.example"], "Subject: x\n\ntext\n")
    kept.contents.acquire(timeout=30)
    for _ in range(count):
        time.sleep(0.05)        # the last connection is closed
        warm.append(submit(smtp, exchanger))
    kept.go()
    smtp.quit()
    report("from a 250 to the first octet on the wire", max(cold + warm) < 5,
           "%d messages, each starts a run: %s" % (count, figures(cold)),
           "%d messages, each while a run goes on: %s" % (count, figures(warm)))


# ---- the race ----

class Stock:
    """Messages that a session has made, in a queue of their own."""

    def __init__(self):
        self.ids = []

    def take(self):
        if not self.ids:
            shutil.rmtree(STOCK, ignore_errors=True)
            subprocess.run(["cp", "-a", QUEUE, STOCK], check=True)
            text = "EHLO a\r\n" + "RSET\r\nMAIL FROM:<a@example.net>\r\n" \
                "RCPT TO:<b@path.example>\r\nDATA\r\nSubject: x\r\n\r\n.\r\n" * 500 + "QUIT\r\n"
            subprocess.run(["smtp-handler", "-o", "queue.directory=" + STOCK], input=text.encode(),
                           check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            self.ids = os.listdir(STOCK + "/new")
        return self.ids.pop()


def move_in(exitstop, pid, point, name, exchanger):
    """The moments of the run, and the second of the rename."""
    process = subprocess.Popen([exitstop, str(pid), str(point), "%s/new/%s" % (STOCK, name),
                                "%s/new/%s" % (QUEUE, name)], stdout=subprocess.PIPE, text=True)
    with process.stdout as lines:
        if lines.readline() != "ready\n":
            sys.exit("not ok %s cannot trace the runner" % exitstop)
        exchanger.go()
        count, at_us = map(int, lines.readline().split())
    process.wait()
    return count, at_us / 1e6


def race(exchanger, exitstop, first, count, results):
    """Each message is the one whose end of the run the next one meets."""
    stock, most, worst, late = Stock(), 0, 0, []
    name = stock.take()
    os.rename("%s/new/%s" % (STOCK, name), "%s/new/%s" % (QUEUE, name))
    if not exchanger.contents.acquire(timeout=30):
        sys.exit("not ok the first message did not arrive")
    for number in range(first, first + count):
        pids = runners()
        if len(pids) != 1:
            sys.exit("not ok %d runners at a time\n%s" % (len(pids), shown()))
        point = 1 + int(number * GOLDEN % 1 * (most + AFTER_END))
        moments, moved_s = move_in(exitstop, pids[0], point, stock.take(), exchanger)
        most = max(most, moments)
        arrived = exchanger.contents.acquire(timeout=30)
        took_s = exchanger.content_s - moved_s if arrived else -1
        results.write("%d %d %d %d\n" % (number, point, moments, took_s * 1e6))
        results.flush()
        worst = max(worst, took_s)
        if not 0 <= took_s <= SECONDS_MAX:
            late.append("race %d, moment %d of %d: %s" % (
                number, point, moments, "%.3f s" % took_s if arrived else "never"))
        if not arrived:
            break
    exchanger.go()
    wait_until_idle()
    report("a message that comes while a run ends is delivered within %d s" % SECONDS_MAX,
           not late, "%d races over %d moments of a run and %d after it, the longest %.0f ms"
           % (count, most, AFTER_END, worst * 1000), *late[:20])
    left = [name for place in ("new", "cur") for name in os.listdir(QUEUE + "/" + place)]
    report("none of them is left", not left, *left[:5])


def main():
    with open(SETTINGS, "w", encoding="ascii") as file:
        for item in PORTS.items():
            file.write("[route %s]\nvia = smtp://127.0.0.1:%d\n" % item)
    exchanger = Exchanger()
    if sys.argv[1] == "latency":
        latency(exchanger, int(sys.argv[2]))
    else:
        with open(sys.argv[5] if len(sys.argv) > 5 else "/dev/null", "a") as results:
            race(exchanger, sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), results)
    os.unlink(SETTINGS)
    shutil.rmtree(STOCK, ignore_errors=True)


main()
