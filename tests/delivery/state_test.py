# SPDX-License-Identifier: ISC
"""Faults outside the mail: state/ is deleted or full of other files; new/ cannot be emptied."""
import os
import shutil
import subprocess
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import BUILD, Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": "ok MX 10 mx.ok\nmx.ok A 192.0.2.11\n"
                                        "slow MX 10 mx.slow\nmx.slow A 192.0.2.12\n"})
ok, slow = Exchanger("192.0.2.11"), Exchanger("192.0.2.12", reply_s=0.6)
site = Site("site").listen()
state = site.queue + "/state"


@test("state/ is deleted: the runner stays the only one, acts on requests and delivers all mail")
def _():
    site.watch()
    site.send("bob@ok.example.org")
    check(wait_for(lambda: len(ok.messages) == 1, 10), site.log())
    site.send("bob@slow.example.org", count=4)
    check(wait_for(lambda: slow.connections, 10), site.log())
    shutil.rmtree(state)
    check(wait_for(lambda: os.path.exists(state + "/requests"), 10), site.log())
    same(site.start_relay().wait(20), 75, site.log()[-1000:])
    last = sorted(os.path.basename(path) for path in site.queued("cur"))[-1]
    done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "delete", last],
                          capture_output=True, text=True, timeout=20)
    same([done.returncode, done.stdout], [0, last + " deleted\n"], done.stderr)
    check(wait_for(lambda: site.queued() == [], 20), site.queue_text(), site.log()[-2000:])
    same(len(slow.messages), 3, site.log()[-2000:])
    site.runner.terminate()
    same(site.runner.wait(20), 0)
    check(" stuck " not in site.log(), site.log()[-2000:])


@test("state/ is full of other files: mail is delivered, and smtp-queue works")
def _():
    had = len(ok.messages)
    makers = os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/full", path)
    for number, make in enumerate(makers, 1):
        for name in ("lock", "requests", "hosts", "hosts.new", "frozen", "waiting",
                     "hosts-forgiven"):
            path = "%s/%s" % (state, name)
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path)
            elif os.path.lexists(path):
                os.unlink(path)
            make(path)
        site.send("bob@ok.example.org")
        for verb, past in (("hold", "held"), ("release", "released")):
            done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, verb, "--all"],
                                  capture_output=True, text=True, timeout=20)
            same([done.returncode, done.stdout.splitlines()[-1]], [0, "1 message " + past],
                 done.stderr)
        site.relay()
        same([len(ok.messages) - had, site.queued()], [number, []], site.log()[-2000:])
    shutil.rmtree(state)


@test("new/ cannot be emptied: exit status 75, after a moment")
def _():
    site.send("bob@ok.example.org")
    subprocess.run(["mount", "--bind", site.queue + "/new", site.queue + "/new"], check=True)
    start = time.monotonic()
    same(site.start_relay().wait(20), 75, site.log()[-1000:])
    check(time.monotonic() - start < 10 and "cannot take an entry of new/" in site.log(),
          site.log()[-1000:])
    subprocess.run(["umount", site.queue + "/new"], check=True)
    had = len(ok.messages)
    site.relay()
    same([len(ok.messages) - had, site.queued()], [1, []], site.log()[-2000:])


main(site.keep_queue_note)
