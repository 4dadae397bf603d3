#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""As process 1 of a container the programs reap the orphans that they inherit."""
import glob
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, test, wait_for  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HERE = BUILD + "/tests/orphans"
ORPHANS = "for i in 1 2 3 4 5; do (sleep 0.$i &); done; (sh -c 'kill -9 $$' &); (sleep 300 &)"
shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)


def children(pid):
    """The states of the children of pid, by their names."""
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(path) as file:
                name, rest = file.read().split("(", 1)[1].rsplit(")", 1)
        except (OSError, IndexError):
            continue
        state, parent = rest.split()[:2]
        if int(parent) == pid:
            found.append((name, state, int(path.split("/")[2])))
    return found


def first_process(name, *command):
    """Run command as process 1, give it orphans, and look at its children."""
    config = "%s/%s.conf" % (HERE, name)
    with open(config, "w") as file:
        file.write("[queue]\ndirectory = %s/%s\nmin-free = 0\n[server]\nhostname = mx.example.org\n"
                   "trusted =\n" % (HERE, name))
    outer = subprocess.Popen(
        ["unshare", *(["--map-root-user"] if os.getuid() else []), "--pid", "--fork", "--net",
         "--kill-child=KILL", *command[:1], "-c", config, *command[1:]],
        stderr=open("%s/%s.log" % (HERE, name), "w"))
    try:
        check(wait_for(lambda: children(outer.pid)), "it does not start")
        pid = children(outer.pid)[0][2]
        time.sleep(0.3)
        done = subprocess.run(["nsenter", *(["--user"] if os.getuid() else []), "--pid",
                               "--target", str(pid), "sh", "-c", ORPHANS],
                              stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=10)
        check(done.returncode == 0)
        check(wait_for(lambda: [c[0] for c in children(pid)] == ["sleep"], 10), children(pid))
        check("signal" not in open("%s/%s.log" % (HERE, name)).read())
    finally:
        outer.kill()            # and with it process 1, and so all
        outer.wait(10)


@test("smtp-relay --watch")
def relay():
    first_process("relay", BUILD + "/smtp-relay", "--watch")


@test("smtp-handler --listen")
def handler():
    first_process("handler", BUILD + "/smtp-handler", "--listen", "127.0.0.1:0")


if subprocess.run(["unshare", *(["--map-root-user"] if os.getuid() else []), "--pid", "--fork",
                   "true"], capture_output=True).returncode:
    note("no namespaces of processes here")
    print("1..0 # SKIP")
else:
    main()
