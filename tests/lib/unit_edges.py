# SPDX-License-Identifier: ISC
"""The limits of the listener's and of the runner's unit, from inside a booted systemd: TAP lines
without numbers.  With the default settings there is room; at the edge clients get 421, and the unit
goes on."""
import os
import socket
import subprocess
import sys
import time

from booted import report, systemctl, wait_for

LISTENER, RUNNER = "smtp-handler-listen.service", "smtp-relay.service"
CONF = "/etc/smtp-handler/conf.d/edges.conf"
PLACES = 500                    # the default of max-connections
ROUTES = 200                    # the default of processes


def show(unit, *properties):
    text = systemctl("show", *["-p" + p for p in properties], unit).stdout
    found = dict(line.split("=", 1) for line in text.splitlines())
    return [int(found[p]) for p in properties]


def configure(text, unit=LISTENER, limits=""):
    systemctl("stop", "smtp-handler-listen.socket", unit)
    with open(CONF, "w", encoding="ascii") as file:
        file.write(text)
    folder = "/run/systemd/system/%s.d" % unit
    os.makedirs(folder, exist_ok=True)
    with open(folder + "/edge.conf", "w", encoding="ascii") as file:
        file.write("[Service]\n%s\n" % limits)
    systemctl("daemon-reload")


def client(source):
    """The socket and its greeting, after at most 5 s."""
    sock = socket.create_connection(("127.0.0.1", 25), 5, (source, 0))
    sock.settimeout(5)
    try:
        return sock, sock.recv(600).decode()
    except OSError as error:
        return sock, str(error)


def fill(most):
    """Up to so many clients from as many networks, and the first that is refused."""
    held, refusal, took = [], "", 0
    while len(held) < most:
        n = len(held)
        began = time.monotonic()
        sock, greeting = client("127.%d.%d.%d" % (1 + n // 10000, n // 100 % 100, 1 + n % 100))
        took = time.monotonic() - began
        if not greeting.startswith("220"):
            refusal = greeting
            sock.close()
            break
        held.append(sock)
    return held, refusal, took


def well():
    """The unit has not failed, and has the process of its start."""
    return systemctl("is-active", LISTENER).stdout.strip() == "active" and \
        show(LISTENER, "NRestarts") == [0]


def served_again(held):
    for sock in held:
        sock.close()
    return wait_for(lambda: client("127.9.9.9")[1].startswith("220"))


def room():
    configure("[server]\ntrusted = 127.0.0.0/8\nend-idle = off\n")
    systemctl("start", "smtp-handler-listen.socket")
    held, refusal, took = fill(PLACES + 1)
    main, tasks, tasks_max, memory, memory_max, files = show(
        LISTENER, "MainPID", "TasksCurrent", "TasksMax", "MemoryCurrent", "MemoryMax",
        "LimitNOFILE")
    open_files = len(os.listdir("/proc/%d/fd" % main))
    seen = "(%d clients, %d of %d tasks, %d of %d MiB, %d of %d descriptors)" % (
        len(held), tasks, tasks_max, memory >> 20, memory_max >> 20, open_files, files)
    report(len(held) == PLACES and PLACES < tasks <= tasks_max // 2 and
           0 < memory <= memory_max // 2 and open_files <= files // 2,
           "the listener's unit has room for max-connections", seen)
    report(refusal.startswith("421 4.3.2 ") and took < 1 and well() and served_again(held),
           "one more client gets 421 at once", refusal, took)


def tasks():
    configure("[server]\ntrusted = 127.0.0.0/8\n", limits="TasksMax=40")
    systemctl("start", "smtp-handler-listen.socket")
    held, refusal, took = fill(60)
    report(0 < len(held) < 60 and refusal.startswith("421 4.3.2 ") and took < 1,
           "TasksMax: a client at the edge gets 421 at once", len(held), refusal, took)
    report(well() and served_again(held) and well(), "TasksMax: the unit goes on")


def has_ended(sock):
    """Has the session at the other end died?"""
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def memory():
    """The kernel may kill the listener as it forks, but later one session after the other."""
    configure("[server]\ntrusted = 127.0.0.0/8\n", limits="MemoryMax=24M")
    systemctl("start", "smtp-handler-listen.socket")
    held, _, _ = fill(400)
    greetings = [client("127.9.9.%d" % (1 + i))[1] for i in range(10)]
    # A new session may be the one that is killed.
    served = sum(g.startswith("220") for g in greetings)
    # At the edge clients are refused, or sessions are killed.
    killed = sum(map(has_ended, held))
    report(0 < len(held) and (len(held) < 400 or killed) and served >= 6 and
           "timed out" not in greetings,
           "MemoryMax: at the edge new clients are served, while the others hold on", len(held),
           killed, greetings)
    report(served_again(held) and well(), "MemoryMax: the unit goes on")


def own_files():
    configure("[server]\ntrusted = 127.0.0.0/8\n", limits="LimitNOFILE=40")
    systemctl("start", "smtp-handler-listen.socket")
    held, refusal, _ = fill(100)
    report(len(held) == 100 and well() and served_again(held),
           "LimitNOFILE: a connection costs the listener no descriptor", len(held), refusal)


def runner():
    hosts = socket.create_server(("0.0.0.0", 2527), backlog=ROUTES)
    with open("/etc/smtp-handler/secret", "w", encoding="ascii") as file:
        file.write("secret\n")
    os.chmod("/etc/smtp-handler/secret", 0o600)
    subprocess.run(["chown", "smtp-relay", "/etc/smtp-handler/secret"], check=True)
    route = ("[route d%d.example]\nvia = smtp://127.0.3.%d:2527\nuser = anna\n"
             "password-file = /etc/smtp-handler/secret\ntls = none\n")
    configure("".join(route % (i, i) for i in range(1, ROUTES + 1)), RUNNER)
    recipients = "".join("RCPT TO:<b@d%d.example>\r\n" % i for i in range(1, ROUTES + 1))
    subprocess.run(["setpriv", "--reuid", "smtp-handler", "--regid", "smtp-handler",
                    "--clear-groups", "/usr/local/sbin/smtp-handler"],
                   input=("EHLO a\r\nMAIL FROM:<a@b.example>\r\n%sDATA\r\n\r\n.\r\nQUIT\r\n" %
                          recipients).encode(), stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)
    systemctl("start", "--no-block", RUNNER)
    hosts.settimeout(5)
    held = []
    try:
        while len(held) < ROUTES * 3 // 4:      # a quarter is for mail of people here
            held.append(hosts.accept()[0])
    except OSError:
        pass
    time.sleep(0.3)
    tasks, tasks_max, memory, memory_max = show(RUNNER, "TasksCurrent", "TasksMax",
                                                "MemoryCurrent", "MemoryMax")
    main_pid, files = show(RUNNER, "MainPID", "LimitNOFILE")
    open_files = len(os.listdir("/proc/%d/fd" % main_pid))
    seen = "(%d hosts, %d of %d tasks, %d of %d MiB, %d of %d descriptors)" % (
        len(held), tasks, tasks_max, memory >> 20, memory_max >> 20, open_files, files)
    report(len(held) >= ROUTES * 3 // 4 and 2 * len(held) <= tasks <= tasks_max // 2 and
           0 < memory <= memory_max // 2 and open_files <= files // 2,
           "the runner's unit has room for its workers and what stands beside them", seen)
    systemctl("stop", "--no-block", RUNNER)


def main():
    room()
    tasks()
    own_files()
    memory()
    configure("")
    runner()


sys.exit(main())
