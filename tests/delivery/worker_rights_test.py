# SPDX-License-Identifier: ISC
"""The rights of real workers, as /proc has them while they wait for a host."""
import glob
import os
import re
import socket

from programs import SANITIZER, Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
host = socket.create_server(("127.0.0.1", 2599))
local = socket.socket(socket.AF_UNIX)
local.bind(directory + "/socket")
local.listen()
with open(directory + "/password", "w") as file:
    os.chmod(directory + "/password", 0o600)
    file.write("hunter2\n")
site = Site("site", """[route host.example]
via = smtp://127.0.0.1:2599
[route login.example]
via = smtp://127.0.0.1:2599
user = anna
password-file = %s/password
[route local.example]
via = lmtp:%s/socket
""" % (directory, directory), resolver="").listen()


def children(pid):
    text = open("/proc/%d/task/%d/children" % (pid, pid)).read()
    return [int(child) for child in text.split()]


def status(pid, key):
    return re.search(r"^%s:\s+(\S+)" % key, open("/proc/%d/status" % pid).read(), re.M)[1]


def queue_files(pid):
    """The names in the queue that the process has open, relative to it."""
    links = [os.readlink(path) for path in glob.glob("/proc/%d/fd/*" % pid)]
    return sorted(link[len(site.queue) + 1:] for link in links if link.startswith(site.queue))


def holds_message(pid):
    return any(re.fullmatch("cur/[0-9A-Z]{16}", name) for name in queue_files(pid))


def worker_of(runner):
    """The process with a message and the socket of a host, once it is there."""
    def workers():
        return [pid for pid in children(runner.pid) if holds_message(pid)
                and any("socket" in os.readlink(path) for path in glob.glob("/proc/%d/fd/*" % pid))]
    wait_for(workers, 10)
    return workers()[0]


def look(domain, listener):
    """One message waits for the greeting of a host.  The processes beside its worker."""
    site.send("x@" + domain)
    runner = site.start_relay()
    connection, _ = listener.accept()
    pid = worker_of(runner)
    # A process that was just forked closes them first.
    wait_for(lambda: not any(queue_files(child) for child in children(pid)), 10)
    facts = (status(pid, "Seccomp"), status(pid, "NoNewPrivs"), queue_files(pid),
             len(children(pid)))
    runner.kill()
    runner.wait()
    connection.close()
    path, = site.queued()
    os.remove(path)
    same(facts[:2], ("0" if SANITIZER else "2", "1"))
    check(len(facts[2]) == 2 and facts[2][0] == "cur" and facts[2][1].startswith("cur/"), facts[2])
    return facts[3]


@test("a worker with a host has a filter, the lock, and its message alone")
def _():
    same(look("host.example", host), 0)


@test("the process that reads its password has nothing of the queue")
def _():
    same(look("login.example", host), 1)


@test("the same with a socket of this machine")
def _():
    same(look("local.example", local), 0)


main(site.keep_queue_note)
