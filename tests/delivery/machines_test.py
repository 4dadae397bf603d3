# SPDX-License-Identifier: ISC
"""Three machines that receive behind a real HAProxy: one is killed, one drained, one added, while
mail comes in."""
import multiprocessing
import os
import re
import signal
import smtplib
import socket
import subprocess
import time

from programs import PEERS, Site, fresh_directory, peer_environment
from snippets import file_of_guide
from tap import check, main, note, same, test, wait_for

BALANCER, FRONT = "192.0.2.10", "192.0.2.20"
CLIENTS = 4
directory = fresh_directory()
control = directory + "/admin.sock"
machines = []


def machine(number):
    site = Site("mx%d" % number, """
[server]
proxy-protocol = on
proxy-trusted = %s
client-rate = 5
[route example.org]
via = discard
accept = anyone
""" % BALANCER, address="192.0.2.%d" % (10 + number))
    text = open(site.config).read()
    open(site.config, "w").write(re.sub(r"(?m)^trusted = .*\n", "trusted = 127.0.0.77\n", text))
    return site


def start_haproxy():
    """With the file of the guide, and addresses of this test."""
    text = file_of_guide("/etc/haproxy/haproxy.cfg")
    for old, new in ((":::25 v4v6", FRONT + ":25"), ("/run/haproxy/admin.sock", control),
                     ("inter 2s", "inter 100ms source " + BALANCER)):
        check(old in text, old, text)
        text = text.replace(old, new)
    with open(directory + "/haproxy.cfg", "w") as file:
        file.write(text)
    log = open(directory + "/haproxy.log", "w")
    return subprocess.Popen([PEERS + "/usr/sbin/haproxy", "-db", "-f",
                             directory + "/haproxy.cfg"],
                            stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                            env=peer_environment())


def order(*words):
    """A command for HAProxy; its answer."""
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(control)
        s.sendall((" ".join(words) + "\n").encode())
        return s.makefile().read()


def states():
    """What HAProxy knows of each server: {"mx1": "UP"}."""
    rows = [line.split(",") for line in order("show stat").splitlines()]
    return {row[1]: row[17] for row in rows if len(row) > 17 and row[1].startswith("mx")}


def client(number, end, results):
    """Send messages one after the other, a few in each session, until `end`.  Give back the ones
    that got 250, those whose reply was lost, and how often a session was lost or refused."""
    done, open_ones, lost, refused, sent = [], [], 0, 0, 0
    smtp = None
    while time.monotonic() < end or smtp is None:
        name = "%d-%d" % (number, sent)
        sent += 1
        try:
            if smtp is None:
                smtp = smtplib.SMTP(FRONT, 25, local_hostname="client.example", timeout=10,
                                    source_address=("127.0.0.77", 0))
            open_ones.append(name)
            smtp.sendmail("a@sender.example", ["b@example.org"],
                          "Subject: %s\r\n\r\n%s\r\n" % (name, "x" * 500))
            done.append(open_ones.pop())
            if sent % 5 == 0:
                smtp.quit()
                smtp = None
        except (smtplib.SMTPServerDisconnected, ConnectionError):
            lost, smtp = lost + 1, None
        except smtplib.SMTPResponseException:
            refused, smtp = refused + 1, None
        if time.monotonic() > end + 5:
            break
    results.put((done, open_ones, lost, refused))


def stored():
    """How often each message is in the queues of the machines: {subject: number}."""
    found = {}
    for site in machines:
        for path in site.queued("new"):
            name = re.search(rb"(?m)^Subject: (\S+)", open(path, "rb").read())[1].decode()
            found[name] = found.get(name, 0) + 1
    return found


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


@test("one is killed, one added, one drained: nothing that got 250 is lost")
def _():
    end = time.monotonic() + 6
    results = multiprocessing.Queue()
    clients = [multiprocessing.Process(target=client, args=(n, end, results))
               for n in range(CLIENTS)]
    for process in clients:
        process.start()
    time.sleep(1.5)
    kill(machines[0])
    machines[2].listen()
    check(wait_for(lambda: states()["mx3"] == "UP", 5), states())
    check(wait_for(lambda: states()["mx1"].startswith("DOWN"), 5), states())
    time.sleep(1)
    order("set server smtp/mx2 state drain")
    check(wait_for(lambda: order("show servers conn smtp").count("mx2"), 5))
    told = [results.get(timeout=30) for _ in clients]
    for process in clients:
        process.join(10)
    found = stored()
    done = [name for one in told for name in one[0]]
    unsure = [name for one in told for name in one[1]]
    lost, refused = sum(one[2] for one in told), sum(one[3] for one in told)
    note("%d messages got 250, %d sessions were lost, %d replies" % (len(done), lost, len(unsure)))
    note("%s of them on each machine" % [len(site.queued("new")) for site in machines])
    check(len(done) > 200, "too few messages to show anything", len(done))
    same([name for name in done if found.get(name) != 1], [])
    same(set(found) - set(done) - set(unsure), set())
    check(all(len(site.queued("new")) for site in machines))
    # Each client had at most one session on the machine that was killed.
    check(lost <= CLIENTS and refused == 0, lost, refused)


@test("the machine that was drained gets no new client, and the others get all")
def _():
    before = [len(site.queued("new")) for site in machines]
    for _ in range(6):
        with smtplib.SMTP(FRONT, 25, timeout=10, source_address=("127.0.0.77", 0)) as smtp:
            smtp.sendmail("a@sender.example", ["b@example.org"], "Subject: later\r\n\r\nx\r\n")
    after = [len(site.queued("new")) for site in machines]
    same([b - a for a, b in zip(before, after)], [0, 0, 6])


@test("the address of the client counts, and probes cost it and the balancer nothing")
def _():
    text = open(machines[2].queued("new")[-1], "rb").read()
    check(b"[127.0.0.77]" in text, text)
    for site in machines:
        check("limited" not in site.log("handler"), site.log("handler")[-2000:])
    # Far more probes than client-rate = 5 have been there.
    check(wait_for(lambda: machines[1].log("handler").count("helo=balancer") > 20, 10),
          machines[1].log("handler")[-2000:])


for number in (1, 2, 3):
    machines.append(machine(number))
machines[0].listen()
machines[1].listen()
haproxy = start_haproxy()
check(wait_for(lambda: os.path.exists(control) and states().get("mx2") == "UP" and
               states()["mx1"] == "UP", 10), open(directory + "/haproxy.log").read())


def stop(_):
    haproxy.terminate()
    for site in machines:
        site.stop()


main(stop)
