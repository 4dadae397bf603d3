# SPDX-License-Identifier: ISC
"""Exchangers of equal preference in the DNS, with mail from our relay and from a real Postfix: one
is killed, one drained, one added by a new record, at 80 % of the rate that the sender takes.  It
needs root."""
import os
import signal
import subprocess
import time
from contextlib import ExitStack

from certificates import Authority
from fleet import TO, Load, kill, machine, stored
from nameservers import MX, ask, nsd
from programs import Site, fresh_directory
from receivers import really_root
from tap import bail_out, check, main, note, same, test, wait_for
from tls_receivers import Postfix, prepare

# A search for leaks takes a session ten times as long as all the rest.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
if not really_root():
    bail_out("Postfix changes its users: run this as root")
CLIENTS = 2
directory = fresh_directory()


def zone(*numbers):
    """The records of example.org, with these machines as exchangers."""
    return "\n".join(["@ 1 MX 10 mx%d" % n for n in numbers]
                     + ["mx%d A 192.0.2.%d" % (n, 10 + n) for n in (1, 2, 3)])


def served():
    """The numbers of the exchangers that the name server names."""
    packet = ask("192.0.2.53", "example.org", MX) or b""
    return {n for n in (1, 2, 3) if b"\3mx%d" % n in packet}


def publish(*numbers):
    """Another zone, from now on."""
    path = directory + "/nsd/example.org.zone"
    text = open(path).read()
    with open(path + ".new", "w") as file:
        file.write(text[:text.index("@ 1 MX")] + zone(*numbers) + "\n")
    os.rename(path + ".new", path)
    nameserver.send_signal(signal.SIGHUP)
    check(wait_for(lambda: served() == set(numbers), 10), served())


def begin(at_end):
    """Two empty exchangers that listen, in the DNS, and a third one that neither does.

    They have the addresses of those of another test, so at_end stops them, also after a failure.
    """
    publish(1, 2)
    machines = [machine(n, "[server]\nclient-rate = 100000\n[queue]\nmin-free = 0\n")
                for n in (1, 2, 3)]
    for site in machines:
        at_end.callback(site.stop)
    for site in machines[:2]:
        site.listen()
    return machines


def change_under_load(name, front, machines):
    """What the clients of the sender got, after all that can happen to its exchangers."""
    before = []
    for number in range(5):             # the first messages may all fit on one connection
        most = Load("%s-most-%d" % (name, number), front, CLIENTS, 0.7).wait()
        before += most.done
        if wait_for(lambda: all(site.queued("new") for site in machines[:2]), 2):
            break
    check(all(site.queued("new") for site in machines[:2]), "not both")
    load = Load(name, front, CLIENTS, 8, 0.8 * most.rate)
    time.sleep(0.6)
    kill(machines[0])
    time.sleep(0.6)
    machines[2].listen()
    publish(2, 3)
    check(wait_for(lambda: machines[2].queued("new"), 10), "no mail for the new exchanger")
    # A listener that is stopped takes no new client, and lets its sessions end.
    machines[1].handler.terminate()
    load.wait()
    note("%d messages a second at most, then %d" % (most.rate, load.rate))
    same((load.lost, load.refused), (0, 0), "the sender itself")
    check(len(load.done) > 100, "too few messages to show anything", len(load.done))
    return before + load.done


def look(machines, done, again):
    """Each message has arrived.  Those whose reply was lost with the machine may be there twice."""
    found = stored(machines)
    missing = [name for name in done if name not in found]
    twice = [name for name in done if found.get(name, 0) > 1]
    note("%s messages on each machine, %d twice, %d attempts again"
         % ([len(site.queued("new")) for site in machines], len(twice), again))
    same(missing, [])
    same(set(found) - set(done), set())
    return twice


@test("our relay: each message arrives, and no sender gets a notice")
def _():
    with ExitStack() as at_end:
        machines = begin(at_end)
        sender = Site("sender", "[queue]\nmin-free = 0\n")
        at_end.callback(sender.stop)
        sender.listen()
        # On a busy machine the first latency of a host may be far too long, for an hour.
        sender.watch("-o", "relay.dnssec=off", "-o", "relay.latency-fresh=1s")
        done = change_under_load("ours", ("192.0.2.1", 25), machines)
        check(wait_for(lambda: not sender.queued("new", "cur"), 20), sender.log()[-2000:])
        waiting = len(sender.queued("wait"))
        subprocess.run([os.environ["BUILD"] + "/smtp-queue", "-c", sender.config, "retry", "--all"],
                       check=True, capture_output=True)
        check(wait_for(lambda: not sender.queued(), 20), sender.queue_text()[-2000:])
        twice = look(machines, done, waiting)
        check("bounce" not in sender.log() and "failed" not in sender.log(), sender.log()[-2000:])
        # A worker that is pipelining has two messages on a connection.
        check(len(twice) <= waiting <= 2 * 20, twice, waiting)


@test("a real Postfix: each message arrives")
def _():
    with ExitStack() as at_end:
        machines = begin(at_end)
        leaf = Authority(directory + "/authority", "Authority").leaf("postfix", "mx.sender.example")
        postfix = Postfix("192.0.2.31", "sender.example", leaf, "minimal_backoff_time = 1s",
                          "smtpd_relay_restrictions = permit_mynetworks, reject",
                          "queue_run_delay = 1s")
        at_end.callback(postfix.stop)
        done = change_under_load("postfix", ("192.0.2.31", 25), machines)

        def left():
            return [name for folder in ("incoming", "active", "deferred", "maildrop")
                    for _, _, names in os.walk(postfix.directory + "/queue/" + folder)
                    for name in names]
        check(wait_for(lambda: not left(), 30), left(), postfix.says()[-2000:])
        look(machines, done, 0)


prepare()
nameserver = nsd(directory + "/nsd", {"example.org": zone(1, 2)})
with open(directory + "/resolv.conf", "w") as resolv:
    resolv.write("nameserver 192.0.2.53\n")
subprocess.run(["mount", "--bind", directory + "/resolv.conf", "/etc/resolv.conf"], check=True)
main()
