# SPDX-License-Identifier: ISC
"""Several machines that receive, HAProxy in front of them, and clients that account for each
message: which of them got 250, and which are in the queues of the machines."""
import multiprocessing
import os
import re
import signal
import smtplib
import socket
import subprocess
import time

from programs import PEERS, Site, peer_environment
from snippets import file_of_guide
from tap import check, wait_for

BALANCER, CLIENT = "192.0.2.10", "127.0.0.77"
TO = "b@example.org"


def machine(number, settings="", trusted=CLIENT, name="mx%d"):
    """The site mx<number>, at 192.0.2.1<number>.  Only the clients of these tests are trusted."""
    site = Site(name % number, settings + "[route example.org]\nvia = discard\n"
                "accept = anyone\n", address="192.0.2.%d" % (10 + number),
                hostname="mx%d.example.org" % number)
    text = open(site.config).read()
    with open(site.config, "w") as file:
        file.write(re.sub(r"(?m)^trusted = .*\n", "trusted = %s\n" % trusted, text))
    return site


def kill(site):
    """The machine is gone at once, with its sessions."""
    listener = site.handler.pid
    sessions = subprocess.run(["pgrep", "-P", str(listener)], capture_output=True,
                              text=True).stdout.split()
    for pid in [listener, *map(int, sessions)]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    site.handler.wait(10)


def stored(machines, folder="new"):
    """How often each message is in the queues of the machines: {subject: number}."""
    found = {}
    for site in machines:
        for path in site.queued(folder):
            name = re.search(rb"(?m)^Subject: (\S+)", open(path, "rb").read())[1].decode()
            found[name] = found.get(name, 0) + 1
    return found


class Balancer:
    """HAProxy with the file of the guide, and addresses of this test."""

    def __init__(self, directory, front, maxconn="400"):
        self.log, self.control = directory + "/haproxy.log", directory + "/admin.sock"
        text = file_of_guide("/etc/haproxy/haproxy.cfg")
        for old, new in ((":::25 v4v6", front), ("/run/haproxy/admin.sock", self.control),
                         ("maxconn 400", "maxconn " + maxconn), ("    log /dev/log local0\n", ""),
                         ("    user haproxy\n    group haproxy\n", ""),
                         ("inter 2s", "inter 100ms source " + BALANCER)):
            check(old in text, old, text)
            text = text.replace(old, new)
        with open(directory + "/haproxy.cfg", "w") as file:
            file.write(text)
        log = open(self.log, "w")
        self.process = subprocess.Popen(
            [PEERS + "/usr/sbin/haproxy", "-db", "-f", directory + "/haproxy.cfg"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=peer_environment())

    def order(self, *words):
        """A command for HAProxy; its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.control)
            s.sendall((" ".join(words) + "\n").encode())
            return s.makefile().read()

    def states(self):
        """What HAProxy knows of each server: {"mx1": "UP"}."""
        rows = [line.split(",") for line in self.order("show stat").splitlines()]
        return {row[1]: row[17] for row in rows if len(row) > 17 and row[1].startswith("mx")}

    def wait_for_up(self, *names, down=()):
        """HAProxy begins with all servers up, and gives clients to those that are down."""
        def up():
            try:
                states = self.states()
            except OSError:             # it does not listen yet
                return False
            return all(states.get(name) == "UP" for name in names) and \
                all(states.get(name, "").startswith("DOWN") for name in down)
        check(wait_for(up, 10), open(self.log).read())

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


def _send_all(front, name, rate, end, results):
    """Send messages one after the other, a few in each session, until the end."""
    done, unsure, lost, refused, sent = [], [], 0, 0, 0
    smtp, next_s = None, time.monotonic()
    while (now := time.monotonic()) < end:
        if rate and now < next_s:
            time.sleep(next_s - now)
        next_s += 1 / rate if rate else 0
        subject = "%s-%d" % (name, sent)
        sent += 1
        try:
            if smtp is None:
                smtp = smtplib.SMTP(*front, local_hostname="client.example", timeout=10,
                                    source_address=(CLIENT, 0))
            unsure.append(subject)
            smtp.sendmail("a@sender.example", [TO], "Subject: %s\r\n\r\n%s\r\n"
                          % (subject, "x" * 500))
            done.append(unsure.pop())
            if sent % 5 == 0:
                smtp.quit()
                smtp = None
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            lost, smtp = lost + 1, None
        except smtplib.SMTPResponseException:
            refused, smtp = refused + 1, None
    results.put((done, unsure, lost, refused))


class Load:
    """Clients that send to front, an address and a port, for some seconds.

    rate is that of all together, in messages a second; 0: as fast as they can.  The results:
    done     the subjects of the messages that got 250
    unsure   those whose reply was lost
    lost     connections that were cut or not made
    refused  replies that were no success
    """

    def __init__(self, name, front, clients, seconds, rate=0):
        self.seconds, self._results = seconds, multiprocessing.Queue()
        end = time.monotonic() + seconds
        self._processes = [multiprocessing.Process(
            target=_send_all, args=(front, "%s-%d" % (name, n), rate / clients, end,
                                    self._results)) for n in range(clients)]
        for process in self._processes:
            process.start()

    def wait(self):
        told = [self._results.get(timeout=self.seconds + 30) for _ in self._processes]
        for process in self._processes:
            process.join(10)
        self.done = [name for one in told for name in one[0]]
        self.unsure = [name for one in told for name in one[1]]
        self.lost, self.refused = sum(one[2] for one in told), sum(one[3] for one in told)
        self.rate = len(self.done) / self.seconds
        return self
