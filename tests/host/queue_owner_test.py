#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The owner of the queue: no command of root leaves a file there that the service cannot use."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-queue-owner-test.%d" % os.getpid()
QUEUE, CONFIG = DIRECTORY + "/queue", DIRECTORY + "/config"
OWNER, SERVICE = 65534, 64999
ROOT = os.geteuid() == 0
SESSION = ("HELO c\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n"
           "Subject: x\n\nHello.\n.\nQUIT\n")


def fresh(make=True):
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY, 0o755)
    os.chmod(DIRECTORY, 0o755)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\n[server]\ntrusted = local\nhostname = h.example\n"
                   "[route d.example]\nvia = discard\n" % QUEUE)
    if make:
        os.mkdir(QUEUE, 0o700)
        os.chown(QUEUE, OWNER, OWNER)


def run(program, *argv, **more):
    more.setdefault("input", "")
    return subprocess.run([BUILD + "/" + program, "-c", CONFIG, *argv], capture_output=True,
                          text=True, timeout=30, **more)


def service(program, *argv, **more):
    return run(program, *argv, user=OWNER, group=OWNER, extra_groups=[], **more)


def owners(path=QUEUE):
    """The users of the queue's folder and of all in it."""
    return {os.lstat(path).st_uid} | {os.lstat(os.path.join(root, name)).st_uid
                                      for root, folders, names in os.walk(path)
                                      for name in folders + names}


def names(folder):
    return os.listdir(QUEUE + "/" + folder)


def fsck(*argv, **more):
    done = run("smtp-queue", "fsck", "--json", *argv, **more)
    return done.returncode, {one["path"]: one for one in map(json.loads, done.stdout.splitlines())}


def root_test(name):
    """A test that needs root; it passes for others."""
    return lambda body: test(name)(body if ROOT else lambda: check(True))


@root_test("a message that root pipes in is the owner's, and the service delivers it")
def _():
    fresh()
    check("queued as" in run("smtp-handler", input=SESSION).stdout)
    same(owners(), {OWNER})
    same(len(names("new")), 1)
    done = service("smtp-relay")
    same([done.returncode, names("new"), names("cur")], [0, [], []], done.stderr)


@root_test("root's smtp-relay, --flush, --explain and smtp-queue make nothing of root's")
def _():
    for program, *argv in (["smtp-relay"], ["smtp-relay", "--flush"],
                           ["smtp-relay", "--explain", "x@d.example"],
                           ["smtp-queue", "retry", "--all"], ["smtp-queue", "fsck", "--repair"]):
        fresh()
        done = run(program, *argv)
        same(done.returncode, 0, program, argv, done.stderr)
        same(owners(), {OWNER}, program, argv)


@root_test("root's listener takes a privileged port, and its messages are the owner's")
def _():
    fresh()
    port = 1021
    listener = subprocess.Popen([BUILD + "/smtp-handler", "-c", CONFIG, "--listen",
                                 "127.0.0.1:%d" % port, "-o", "server.trusted=127.0.0.1"],
                                stderr=subprocess.PIPE)
    try:
        for _ in range(100):
            try:
                client = socket.create_connection(("127.0.0.1", port))
                break
            except OSError:
                time.sleep(0.05)
        file = client.makefile("rwb")
        file.write(SESSION.replace("\n", "\r\n").encode())
        file.flush()
        check(b"queued as" in file.read())
        client.close()
        same([owners(), len(names("new"))], [{OWNER}, 1])
    finally:
        listener.terminate()
        listener.wait()


def with_service(program, *argv, **more):
    """Run it where /etc/passwd has the user of the service."""
    with open(DIRECTORY + "/passwd", "w") as file:
        file.write("root:x:0:0:root:/root:/bin/sh\nsmtp-handler:x:%d:%d::/:/bin/false\n"
                   % (SERVICE, SERVICE))
    more.setdefault("input", "")
    return subprocess.run(
        ["unshare", "-m", "sh", "-c", 'mount --bind "$0" /etc/passwd && exec "$@"',
         DIRECTORY + "/passwd", BUILD + "/" + program, "-c", CONFIG, *argv],
        capture_output=True, text=True, timeout=30, **more)


@root_test("a new queue is the service's, whichever program makes it")
def _():
    for program, *argv in (["smtp-handler"], ["smtp-relay"], ["smtp-relay", "--flush"],
                           ["smtp-queue", "retry", "--all"]):
        fresh(make=False)
        done = with_service(program, *argv, input=SESSION if program == "smtp-handler" else "")
        same(done.returncode, 0, program, done.stderr)
        same(owners(), {SERVICE}, program, argv)
        same(os.stat(QUEUE).st_mode & 0o777, 0o700)


@root_test("a queue that root made before the service had a user: fsck, and its repair")
def _():
    fresh(make=False)
    os.mkdir(QUEUE, 0o700)
    run("smtp-handler", input=SESSION)
    same(owners(), {0})
    done = with_service("smtp-queue", "fsck")
    same(done.returncode, 1)
    check(". belongs to root, and the service is another user's" in done.stdout, done.stdout)
    check("1 message" not in done.stdout or "fault" in done.stdout, done.stdout)
    done = with_service("smtp-queue", "fsck", "--repair")
    same([done.returncode, owners()], [0, {SERVICE}], done.stdout)


def spoil(*paths):
    for path in paths:
        os.chown(QUEUE + "/" + path, 0, 0)


def spoiled():
    """A queue with root's files at every place; the message's ID."""
    fresh()
    run("smtp-handler", input=SESSION)
    service("smtp-relay")
    run("smtp-handler", input=SESSION)
    one = names("new")[0]
    os.makedirs(QUEUE + "/state/requests", 0o700, exist_ok=True)
    os.chown(QUEUE + "/state/requests", OWNER, OWNER)
    for path in ("tmp/0000000000000001", "state/hosts", "state/requests/x.hold",
                 "dead/0000000000000002"):
        with open(QUEUE + "/" + path, "w"):
            pass
        os.chmod(QUEUE + "/" + path, 0o600)
    spoil("new/" + one, "hold", "wait")
    return one


@root_test("files and folders of others: fsck names each, --repair mends each")
def _():
    one = spoiled()
    paths = {"new/" + one, "hold", "wait", "tmp/0000000000000001", "state/hosts",
             "state/requests/x.hold", "dead/0000000000000002"}
    for who in (fsck, lambda: fsck(user=OWNER, group=OWNER, extra_groups=[])):
        code, found = who()
        same(code, 1)
        same({path for path, fault in found.items() if fault.get("repair") == "owner"}, paths)
        check(all("another user" in found[path]["fault"] for path in paths), found)
    code, found = fsck("--repair", user=OWNER, group=OWNER, extra_groups=[])
    same([code, found["hold"]["repaired"], found["hold"]["error"]],
         [1, False, "only root may do that"])
    fsck("--repair")
    same({path for path, fault in fsck()[1].items() if fault.get("repair") == "owner"}, set())
    same(owners(), {OWNER})
    same(len(names("new")), 1)


@root_test("a repair gives away no file that has a second name outside the queue")
def _():
    fresh()
    run("smtp-relay")
    with open(DIRECTORY + "/secret", "w"):
        pass
    os.link(DIRECTORY + "/secret", QUEUE + "/new/0000000000000001")
    os.symlink(DIRECTORY + "/secret", QUEUE + "/new/0000000000000002")
    code, found = fsck("--repair")
    same([code, found["new/0000000000000001"]["repaired"]], [1, False])
    same(os.stat(DIRECTORY + "/secret").st_uid, 0)


@root_test("the runner names a message of another user, with the cure, and exits with 75")
def _():
    for folder in ("new", "cur", "tmp"):
        fresh()
        run("smtp-relay")
        run("smtp-handler", input=SESSION)
        one = names("new")[0]
        os.rename(QUEUE + "/new/" + one, QUEUE + "/%s/%s" % (folder, one))
        spoil(folder + "/" + one)
        done = service("smtp-relay")
        same(done.returncode, 75, folder, done.stderr)
        check(("cur/" if folder == "new" else folder + "/") + one in done.stderr, done.stderr)
        check("as root, run smtp-queue fsck --repair" in done.stderr, done.stderr)
        same(fsck()[0], 1)
        fsck("--repair")
        done = service("smtp-relay")
        same([done.returncode, names("new"), names("cur"), names("tmp")], [0, [], [], []])


@root_test("a folder of root's: each program has the cure in its log, none exits with 0")
def _():
    for folder in ("new", "tmp"):
        fresh()
        run("smtp-relay")
        spoil(folder)
        done = service("smtp-relay")
        same(done.returncode, 75)
        check("as root, run smtp-queue fsck --repair" in done.stderr, done.stderr)
        done = service("smtp-handler", input=SESSION)
        check("\n451 " in done.stdout or "\n452 " in done.stdout, done.stdout)
        check("as root, run smtp-queue fsck --repair" in done.stderr, done.stderr)
        same([run("smtp-queue", "fsck").returncode, run("smtp-queue", "list").returncode], [1, 75])
        same([fsck("--repair")[0], fsck()[0]], [0, 0])


@root_test("--check by root checks with the eyes of the queue's owner")
def _():
    fresh()
    secret = DIRECTORY + "/aliases"
    with open(secret, "w") as file:
        file.write("x: y@d.example\n")
    with open(CONFIG, "a") as file:
        file.write("[route e.example]\nvia = discard\naliases = %s\n" % secret)
    os.chmod(secret, 0o644)
    for program in ("smtp-handler", "smtp-relay"):
        done = run(program, "--check")
        same(done.returncode, 0, done.stderr)
    os.chmod(secret, 0o600)
    for program in ("smtp-handler", "smtp-relay"):
        done = run(program, "--check")
        same(done.returncode, 78, program)
        check("Permission denied" in done.stderr, done.stderr)
    os.chmod(CONFIG, 0o600)
    done = run("smtp-relay", "--check")
    same(done.returncode, 78, done.stderr)


main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
