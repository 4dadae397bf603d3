#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A kernel without inotify: the runner looks into the queue by itself."""
import os
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test, wait_for  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-queue-watch-test.%d" % os.getpid()
QUEUE, CONFIG = DIRECTORY + "/queue", DIRECTORY + "/config"
SESSION = ("HELO c\nMAIL FROM:<a@b.example>\nRCPT TO:<%s>\nDATA\nSubject: x\n\nHello.\n.\nQUIT\n")
# The limits of a user namespace are its own.
RELAY = ["unshare", "-U", "-r", "sh", "-c",
         "echo 0 > /proc/sys/user/$0 && exec \"$@\""]


def run(program, *argv, **more):
    return subprocess.run([BUILD + "/" + program, "-c", CONFIG, *argv], capture_output=True,
                          text=True, timeout=60, **more)


def fresh():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(QUEUE)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\n[server]\ntrusted = local\nhostname = h.example\n"
                   "[route d.example]\nvia = maildir:%s/mail\n"
                   "[route full.example]\nvia = maildir:/dev/null/{local}\n" % (QUEUE, DIRECTORY))


def send(to="c@d.example"):
    return re.search(r"queued as (\w+)", run("smtp-handler", input=SESSION % to).stdout)[1]


def blind(limit, *argv):
    return subprocess.Popen([*RELAY, limit, BUILD + "/smtp-relay", "-c", CONFIG, *argv],
                            stderr=subprocess.PIPE, text=True)


def mail():
    folder = DIRECTORY + "/mail/new"
    return len(os.listdir(folder)) if os.path.isdir(folder) else 0


for LIMIT in ("max_inotify_instances", "max_inotify_watches"):
    @test(LIMIT + " = 0: a run delivers, and reports that once")
    def _(limit=LIMIT):
        fresh()
        send()
        relay = blind(limit)
        log = relay.stderr.read()
        same([relay.wait(), mail()], [0, 1], log)
        same(log.count("cannot watch"), 1, log)
        check("fs.inotify.max_user_" in log, log)


@test("smtp-relay --watch without inotify: new mail, a request, --flush")
def _():
    fresh()
    relay = blind("max_inotify_instances", "--watch")
    try:
        time.sleep(0.5)
        send()
        check(wait_for(lambda: mail() == 1, 10))
        waits = send("x@full.example")
        check(wait_for(lambda: waits in run("smtp-queue", "--state", "waiting").stdout, 10))
        attempts = run("smtp-queue", "log", waits).stdout.count("deferred")
        same(run("smtp-relay", "--flush").returncode, 0)
        check(wait_for(
            lambda: run("smtp-queue", "log", waits).stdout.count("deferred") > attempts, 10))
        same(mail(), 1)
    finally:
        relay.terminate()
        log = relay.stderr.read()
        relay.wait()
    same(log.count("cannot watch"), 1, log)


main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
