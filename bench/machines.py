# SPDX-License-Identifier: ISC
"""The rates of one, two and three machines behind HAProxy, and what is lost while they change.

    DEADLINE=900 tests/delivery/run bench/machines.py

Each machine is a listener in a control group of its own with a share of the CPU, SHARE (0.15 of a
core), so the clients and HAProxy have cores left.  HAProxy has the file of smtp-handler-guide(7).
The numbers of machines take turns, ROUNDS times (9); a row has the median rate, and the medians of
the ratios of each turn.  WORKS names works of bench/clients.c.  Then two machines get LOAD (0.8) of
the rate that they take, while one is killed, one added and one drained.  TMPFS=1 puts the queues
into memory, where a sync costs nothing.  It needs root, and the right to make control groups.
"""
import os
import statistics
import subprocess
import time

from fleet import BALANCER, Balancer, Load, kill, machine, stored
from programs import BUILD
from rig import DIRECTORY, command, cpu_s
from tap import wait_for

SHARE = float(os.environ.get("SHARE", "0.15"))
LOAD = float(os.environ.get("LOAD", "0.8"))
ROUNDS = int(os.environ.get("ROUNDS", "9"))
WORKS = os.environ.get("WORKS", "single kept").split()
SECONDS = float(os.environ.get("SECONDS", "2"))
MACHINES, CLIENTS = 3, 12       # 1, 2 and 3 machines get the same number of clients each
PERIOD_US = 20000
PORT = 2525
SETTINGS = """
[server]
proxy-protocol = on
proxy-trusted = %s
""" % BALANCER


class Share:
    """A control group whose processes get a share of one core together."""

    def __init__(self, name):
        v1 = "/sys/fs/cgroup/cpu"
        self.path = "%s/%s-%d" % (v1 if os.path.isdir(v1) else "/sys/fs/cgroup", name, os.getpid())
        quota = round(SHARE * PERIOD_US)
        try:
            os.makedirs(self.path, exist_ok=True)
            if os.path.isdir(v1):
                self._write("cpu.cfs_period_us", PERIOD_US)
                self._write("cpu.cfs_quota_us", quota)
            else:
                self._write("cpu.max", "%d %d" % (quota, PERIOD_US))
        except OSError as error:
            raise SystemExit("bench/machines.py: no control group for the CPU: %s" % error)

    def _write(self, name, value):
        with open(self.path + "/" + name, "w") as file:
            file.write(str(value))

    def add(self, pid):
        self._write("cgroup.procs", pid)

    def remove(self):
        wait_for(lambda: not open(self.path + "/cgroup.procs").read(), 10)
        os.rmdir(self.path)


def empty(sites):
    for site in sites:
        for path in site.queued():
            os.unlink(path)


def use(count):
    """HAProxy gives clients to the first machines only."""
    for i in range(MACHINES):
        balancer.order("set server smtp/mx%d state %s" % (i + 1, "ready" if i < count else "maint"))
    balancer.wait_for_up(*("mx%d" % (i + 1) for i in range(count)))


def rate(work, messages):
    return float(command(BUILD + "/bench/clients", str(PORT), work, str(messages), str(CLIENTS),
                         stdout=subprocess.PIPE, text=True).stdout)


def compare(work):
    """Rows of a table: a number of machines, the rate, and how many times that of one it is."""
    balancer.wait_for_up("mx1")
    use(1)
    messages = CLIENTS * max(2, round(rate(work, 60) * SECONDS / CLIENTS))
    rates = {n: [] for n in range(1, MACHINES + 1)}
    used, sent = {"HAProxy": 0.0, "the machines": 0.0}, 0
    for turn in range(ROUNDS):
        for n in sorted(rates, key=lambda n: (n + turn) % MACHINES):
            use(n)
            before = cpu_s(balancer.process.pid), sum(cpu_s(s.handler.pid) for s in sites)
            rates[n].append(rate(work, n * messages))
            used["HAProxy"] += cpu_s(balancer.process.pid) - before[0]
            used["the machines"] += sum(cpu_s(s.handler.pid) for s in sites) - before[1]
            sent += n * messages
            empty(sites)
    for n, found in rates.items():
        ratios = [a / b for a, b in zip(found, rates[1])]
        print("%-8s %d machines %8.0f/s %6.2f (%.2f to %.2f)" % (
            work, n, statistics.median(found), statistics.median(ratios), min(ratios),
            max(ratios)), flush=True)
    print("%-8s CPU time of a message: %s" % (work, ", ".join(
        "%s %.3f ms" % (who, 1000 * spent / sent) for who, spent in used.items())), flush=True)


def change_under_load():
    """One is killed, one added, one drained; the messages are counted from outside."""
    balancer.wait_for_up("mx1")
    use(2)
    front = "127.0.0.1", PORT
    most = Load("most", front, CLIENTS, 4).wait()
    load = Load("load", front, CLIENTS, 12, LOAD * most.rate)
    time.sleep(2)
    kill(sites[0])
    time.sleep(2)
    balancer.order("set server smtp/mx3 state ready")
    balancer.wait_for_up("mx3")
    time.sleep(2)
    balancer.order("set server smtp/mx2 state drain")
    load.wait()
    found, done = stored(sites), most.done + load.done
    print("two machines take %.0f/s; then one is killed, one added, one drained at %.0f/s:"
          % (most.rate, load.rate))
    print("    %d messages got 250: %d lost, %d twice; %d connections lost, %d replies; "
          "%d refused" % (len(done), sum(name not in found for name in done),
                          sum(found.get(name, 0) > 1 for name in done), load.lost,
                          len(load.unsure), load.refused), flush=True)


os.makedirs(DIRECTORY, exist_ok=True)
if os.environ.get("TMPFS"):
    command("mount", "-t", "tmpfs", "tmpfs", BUILD + "/tests/delivery")
sites = [machine(n + 1, SETTINGS, "127.0.0.0/8") for n in range(MACHINES)]
shares = [Share("mx%d" % (n + 1)) for n in range(MACHINES)]
for site, share in zip(sites, shares):
    site.listen()
    share.add(site.handler.pid)
balancer = Balancer(DIRECTORY, "127.0.0.1:%d" % PORT)
try:
    for each in WORKS:
        compare(each)
    change_under_load()
finally:
    balancer.stop()
    for site, share in zip(sites, shares):
        site.stop()
        share.remove()
