# SPDX-License-Identifier: ISC
"""The speed of smtp-relay, beside Postfix if build/peers has it.

bench/run runs this file in a network of its own, with the real port 25:

    DEADLINE=900 tests/delivery/run bench/relay.py

BENCH names some measurements of: one many signed faults million.  MILLION is the number of
messages of the last (default 1000000).  Both programs have their default settings.  Clocks start
right before a program is started and end with the last message at the sink.
"""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import time

from nameservers import nsd
from programs import BUILD, PEERS, RELAY, peer_environment
from receivers import listens
from tap import wait_for

DIRECTORY = BUILD + "/bench/relay"
MESSAGES = 5000
HEALTHY, SLOW, DEAD = 430, 20, 50
WANTED = os.environ.get("BENCH", "one many signed faults million").split()
MILLION = int(os.environ.get("MILLION", "1000000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))


def command(*argv, **more):
    return subprocess.run(argv, check=True, **more)


def network():
    """10.1/16 answers at once and 10.2/16 after a second.

    10.3/16 is a black hole: packets leave to it, and nothing comes back.
    """
    for net in (1, 2):
        command("ip", "address", "add", "10.%d.0.1/16" % net, "dev", "lo")
    command("ip", "link", "add", "hole0", "type", "veth", "peer", "name", "hole1")
    command("ip", "link", "set", "hole0", "arp", "off", "up")
    command("ip", "link", "set", "hole1", "up")
    command("ip", "address", "add", "10.3.0.1/16", "dev", "hole0")
    records = ["one MX 10 mx.one", "mx.one A 10.1.0.1"]
    for letter, count, net in (("h", 500, 1), ("s", SLOW, 2), ("x", DEAD, 3)):
        for i in range(count):
            records += ["%s%d MX 10 mx.%s%d" % (letter, i, letter, i),
                        "mx.%s%d A 10.%d.%d.%d" % (letter, i, net, 1 + i // 250, 1 + i % 250)]
    nsd(DIRECTORY + "/nsd", {"bench.example": "\n".join(records)})


class Sink:
    def __init__(self):
        self._process = subprocess.Popen([BUILD + "/bench/sink", "10.2.=1000"],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        wait_for(lambda: listens("10.1.0.1"), 5)
        self._before = None
        self._before = self._read()

    def _read(self):
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def classes(self):
        """The messages that arrived, by class: the fast class is first."""
        now = self._read()
        for then, row in zip(self._before, now):
            for key in ("messages", "connections"):
                row[key] -= then[key]
        return now

    def stop(self):
        self._process.stdin.close()
        self._process.wait(10)


class Ours:
    name = "smtp-relay"

    def __init__(self, *options):
        self.directory = DIRECTORY + "/ours"
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        self.queue = self.directory + "/queue"
        with open(self.directory + "/config", "w") as file:
            file.write("[queue]\ndirectory = %s\n[server]\nhostname = bench.sender.example\n"
                       "[relay]\nresolver = 192.0.2.53\n" % self.queue)
        self._options, self.process, self.peak_kb = options, None, 0

    def fill(self, count, domain, domains, *due):
        command(BUILD + "/bench/fill", self.queue, str(count), domain + ".bench.example",
                str(domains), *map(str, due))

    def start(self, *options):
        log = open(self.directory + "/log", "w")
        start = time.monotonic()
        self.process = subprocess.Popen(
            [RELAY, "-c", self.directory + "/config", *self._options, *options],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        return start

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


class Postfix:
    """Postfix with its own defaults, in a mount namespace with build/peers on top of /usr.

    Nothing reads its log.
    """
    name, peak_kb = "postfix", 0

    def __init__(self, *settings):
        self.directory = DIRECTORY + "/postfix"
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(PEERS + "/etc/postfix", self.directory + "/etc")
        os.mkdir(self.directory + "/data")
        os.mkdir(self.directory + "/queue")
        shutil.chown(self.directory + "/data", "mail")
        with open(self.directory + "/etc/main.cf", "w") as file:
            file.write(
                "compatibility_level = 3.7\nqueue_directory = %s/queue\ndata_directory = %s/data\n"
                "meta_directory = %s/etc\nmail_owner = mail\nsetgid_group = operator\n"
                "myhostname = bench.sender.example\nmydestination =\nmynetworks = 127.0.0.0/8\n"
                "inet_protocols = ipv4\ninet_interfaces = 127.0.0.1\n"
                "smtpd_client_restrictions = static:HOLD\nin_flow_delay = 0\n"
                "import_environment = MAIL_CONFIG MAIL_DEBUG LD_LIBRARY_PATH TZ\n%s\n"
                % (self.directory, self.directory, self.directory, "\n".join(settings)))
        master = open(PEERS + "/usr/share/postfix/master.cf.dist").read()
        master = re.sub(r"^(smtp +inet .*)$", "127.0.0.1:2525 inet n - n - - smtpd", master,
                        count=1, flags=re.M)
        master = re.sub(r"^(\S+ +\S+ +\S+ +\S+ +)y ", r"\1n ", master, flags=re.M)
        open(self.directory + "/etc/master.cf", "w").write(master)
        self._run("postfix", "start")

    def _run(self, *argv):
        command(argv[0], "-c", self.directory + "/etc", *argv[1:], env=peer_environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=open(self.directory + "/log", "a"))

    def fill(self, count, domain, domains):
        """Each message goes through smtpd into hold/.  start() moves them all into incoming/."""
        for i in range(domains):
            share = (count + domains - 1 - i) // domains
            command("smtp-source", "-c", "-l", "1024", "-m", str(share), "-s", "4",
                    "-f", "sender@sender.example",
                    "-t", "user@%s.bench.example" % domain.replace("%u", str(i)), "127.0.0.1:2525",
                    env=peer_environment(), stdout=subprocess.DEVNULL)

    def start(self):
        self._run("postfix", "stop")
        for path in glob.glob(self.directory + "/queue/hold/*"):
            os.rename(path, path.replace("/hold/", "/incoming/"))
        start = time.monotonic()
        self._run("postfix", "start")
        return start

    def stop(self):
        self._run("postfix", "stop")


def run(side, sink, count, deadline_s=120):
    """Seconds from the start to the last of count messages in the fast class."""
    start = side.start()
    end = start + deadline_s
    while time.monotonic() < end:
        fast = sink.classes()[0]
        if fast["messages"] >= count:
            break
        time.sleep(0.05)
    return fast["last_us"] / 1e6 - start, fast


def measure(kind, loads):
    """The seconds that one program needs for one load."""
    side, sink = kind(), Sink()
    for load in loads:
        side.fill(*load)
    seconds, fast = run(side, sink, sum(load[0] for load in loads if load[1][0] not in "sx"))
    side.stop()
    sink.stop()
    print("%-12s %5d messages in %6.2f s: %6.0f/s, %d connections, %d at once%s" % (
        side.name, fast["messages"], seconds, fast["messages"] / seconds, fast["connections"],
        fast["most"], ", peak %.1f MB" % (side.peak_kb / 1024) if side.peak_kb else ""), flush=True)
    return seconds


def sides():
    return [Ours, Postfix] if os.path.exists(PEERS + "/usr/sbin/postfix") else [Ours]


def compare(loads):
    best = {}
    for _ in range(ROUNDS):
        for kind in sides():
            seconds = measure(kind, loads)
            best[kind.name] = min(seconds, best.get(kind.name, seconds))
    if len(best) > 1:
        print("%-12s %.2f times Postfix's, best of %d each"
              % ("rate", best["postfix"] / best["smtp-relay"], ROUNDS), flush=True)
    return best


def signed():
    """What signatures add, and what they cost for one large message."""
    keys = {}
    for kind in ("rsa", "ed25519"):
        keys[kind] = DIRECTORY + "/" + kind
        command(BUILD + "/smtp-dkim-key", "make", kind, keys[kind])
    for name, words in (("unsigned", []), ("rsa", ["rsa"]), ("ed25519", ["ed25519"]),
                        ("both", ["rsa", "ed25519"])):
        section = "dkim sender.example"
        options = ["-o", section + ".selector=" + " ".join(words),
                   "-o", section + ".key=" + " ".join(keys[word] for word in words)]
        print("%-12s %s" % ("", name), flush=True)
        for _ in range(ROUNDS):
            measure(lambda: Ours(*options if words else ()), [(MESSAGES, "h%u", 500)])


def faults():
    alone = compare([(HEALTHY * 10, "h%u", HEALTHY)])
    beside = compare([(HEALTHY * 10, "h%u", HEALTHY), (SLOW * 10, "s%u", SLOW),
                      (DEAD * 10, "x%u", DEAD)])
    for name in alone:
        print("%-12s healthy destinations beside the others: %.2f times as long as alone"
              % (name, beside[name] / alone[name]))


def fresh(side, sink, *options):
    """Seconds from the start to the first MAIL, which is for the one message in new/."""
    side.fill(1, "one", 1)
    start = side.start(*options)
    wait_for(lambda: sink.classes()[0]["mail_us"], 30)
    return sink.classes()[0]["mail_us"] / 1e6 - start


def million():
    """All messages are for dead hosts: first due in the next hours, then all at once."""
    side, now = Ours(), int(time.time())
    start = time.monotonic()
    side.fill(MILLION, "x%u", DEAD, now + 3600, 60, 240)
    print("%-12s %d messages made in %.0f s" % ("", MILLION, time.monotonic() - start), flush=True)
    for options in ((), (), ("--flush",)):
        sink = Sink()
        took = fresh(side, sink, *options)
        wait_for(side.ended, 20 if options else 2)
        side.stop()
        sink.stop()
        print("%-12s %-8s the first MAIL for a fresh message after %.0f ms, peak %.1f MB" % (
            side.name, " ".join(options), took * 1000, side.peak_kb / 1024), flush=True)
    command("rm", "-rf", side.directory)


def main():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY)
    if os.path.exists(PEERS + "/usr/sbin/postfix"):
        command("mount", "-t", "overlay", "-o", "lowerdir=%s/usr:/usr" % PEERS, "overlay", "/usr")
    with open(DIRECTORY + "/resolv.conf", "w") as file:
        file.write("nameserver 192.0.2.53\n")
    command("mount", "--bind", DIRECTORY + "/resolv.conf", "/etc/resolv.conf")
    network()
    loads = {
        "one": ("# %d messages of 1 KiB to one destination" % MESSAGES,
                lambda: compare([(MESSAGES, "one", 1)])),
        "many": ("# %d messages to 500 destinations" % MESSAGES,
                 lambda: compare([(MESSAGES, "h%u", 500)])),
        "signed": ("# the same, signed (DKIM)", signed),
        "faults": ("# %d healthy destinations, alone, then beside %d slow and %d dead ones"
                   % (HEALTHY, SLOW, DEAD), faults),
        "million": ("# %d deferred messages" % MILLION, million),
    }
    for name in WANTED:
        print(loads[name][0], flush=True)
        loads[name][1]()


main()
