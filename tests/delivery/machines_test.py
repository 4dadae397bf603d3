# SPDX-License-Identifier: ISC
"""Three machines that receive behind a real HAProxy: one is killed, one drained, one added, while
mail comes in at 80 % of the rate that two of them take."""
import os
import smtplib
import socket
import time

from fleet import BALANCER, CLIENT, Balancer, Load, kill, machine, stored
from programs import fresh_directory
from tap import check, main, note, same, test, wait_for

# A search for leaks takes a session ten times as long as all the rest.
os.environ["ASAN_OPTIONS"] = "detect_leaks=0"
FRONT = "192.0.2.20", 25
CLIENTS = 4
directory = fresh_directory()
SETTINGS = """
[server]
proxy-protocol = on
proxy-trusted = %s
client-rate = 5
""" % BALANCER


def numbers():
    return [len(site.queued("new")) for site in machines]


@test("one is killed, one added, one drained: nothing that got 250 is lost")
def _():
    most = Load("most", FRONT, CLIENTS, 1).wait()
    load = Load("load", FRONT, CLIENTS, 5, 0.8 * most.rate)
    time.sleep(1)
    kill(machines[0])
    machines[2].listen()
    check(wait_for(lambda: balancer.states()["mx3"] == "UP", 5), balancer.states())
    check(wait_for(lambda: balancer.states()["mx1"].startswith("DOWN"), 5), balancer.states())
    time.sleep(1)
    balancer.order("set server smtp/mx2 state drain")
    check(wait_for(lambda: balancer.order("show servers conn smtp").count("mx2"), 5))
    load.wait()
    found, done = stored(machines), most.done + load.done
    note("%d messages a second at most, then %d: %d got 250, %d sessions were lost, %d replies"
         % (most.rate, load.rate, len(load.done), load.lost, len(load.unsure)))
    note("%s of them on each machine" % numbers())
    check(len(load.done) > 200, "too few messages to show anything", len(load.done))
    same([name for name in done if found.get(name) != 1], [])
    same(set(found) - set(done) - set(load.unsure), set())
    check(all(numbers()), numbers())
    # Each client had at most one session on the machine that was killed.
    check(load.lost <= CLIENTS and load.refused == 0, load.lost, load.refused)


@test("the machine that was drained gets no new client, and the others get all")
def _():
    before = numbers()
    for _ in range(6):
        with smtplib.SMTP(*FRONT, timeout=10, source_address=(CLIENT, 0)) as smtp:
            smtp.sendmail("a@sender.example", ["b@example.org"], "Subject: later\r\n\r\nx\r\n")
    same([b - a for a, b in zip(before, numbers())], [0, 0, 6])


@test("the address of the client counts, and probes cost it and the balancer nothing")
def _():
    text = open(machines[2].queued("new")[-1], "rb").read()
    check(b"[127.0.0.77]" in text, text)
    for site in machines:
        check("limited" not in site.log("handler"), site.log("handler")[-2000:])
    # Far more probes than client-rate = 5 have been there.
    check(wait_for(lambda: machines[1].log("handler").count("helo=balancer") > 20, 10),
          machines[1].log("handler")[-2000:])


@test("more busy clients than there are places: those that have one keep it")
def _():
    balancer.stop()
    for site in machines:
        site.stop()
    places, waiting = 6, 4
    full = [machine(number, SETTINGS + "client-connections = 0\nmax-connections = %d\n"
                    % (places + 2), name="full%d").listen() for number in (1, 2)]
    small = Balancer(fresh_directory("small"), "%s:%d" % FRONT, maxconn=str(places))
    small.wait_for_up("mx1", "mx2", down=["mx3"])
    busy, late = [], []
    for _ in range(2 * places):
        smtp = smtplib.SMTP(*FRONT, timeout=30, source_address=(CLIENT, 0))
        smtp.mail("a@sender.example")
        smtp.rcpt("b@example.org")
        same(smtp.docmd("DATA")[0], 354)
        smtp.send("Subject: busy\r\n")
        busy.append(smtp)
    for _ in range(waiting):
        late.append(socket.create_connection(FRONT, 30, (CLIENT, 0)))
    # Many probes later, in a content that comes slowly.
    probes = full[0].log("handler").count("helo=balancer")
    check(wait_for(lambda: full[0].log("handler").count("helo=balancer") > probes + 10, 20))
    same([small.states()[name] for name in ("mx1", "mx2")], ["UP", "UP"])
    for smtp in busy:
        smtp.send("\r\nx\r\n.\r\n")
        same(smtp.getreply()[0], 250)
        smtp.quit()
    for s in late:                      # they have waited in HAProxy
        same(s.makefile().readline()[:4], "220 ")
        s.close()
    small.stop()
    for site in full:
        site.stop()


machines = [machine(number, SETTINGS) for number in (1, 2, 3)]
machines[0].listen()
machines[1].listen()
balancer = Balancer(directory, "%s:%d" % FRONT)
balancer.wait_for_up("mx1", "mx2", down=["mx3"])


def stop(_):
    balancer.stop()
    for site in machines:
        site.stop()


main(stop)
