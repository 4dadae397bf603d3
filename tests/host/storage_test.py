#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""smtp-queue fsck --storage: it refuses a file system that breaks a promise, and names that."""
import concurrent.futures
import json
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from images import mount_image  # noqa: E402
from tap import check, main, same, test, wait_for  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
PROMISES = ["rename", "exclusive", "claim", "replace", "folders", "open", "sync", "in-place",
            "lock", "visible", "list", "time", "mode", "space"]
DIRECTORY = tempfile.mkdtemp(prefix="smtp-queue-storage-test.", dir="/tmp")


def storage(*argv):
    """The exit status, and {promise: object}."""
    done = subprocess.run([BUILD + "/smtp-queue", "-c", "/dev/null", "--json", "fsck", "--storage",
                           *argv], capture_output=True, text=True, timeout=120)
    same(done.stderr, "")
    return done.returncode, {one["promise"]: one for one in map(json.loads,
                                                               done.stdout.splitlines())}


def keeps_all(*folders):
    code, found = storage(*folders)
    same([name for name in PROMISES if not found[name]["kept"]], [], found)
    same([code, list(found)], [0, PROMISES])
    same([name for name in os.listdir(folders[0]) if name.startswith(".storage")], [])


class Clients:
    """Two clients of a file system that breaks a promise, or None."""

    def __init__(self, promise):
        self.source = tempfile.mkdtemp(dir=DIRECTORY)
        self.folders = [tempfile.mkdtemp(dir=DIRECTORY) for _ in (1, 2)]
        self.servers = [subprocess.Popen([BUILD + "/tests/broken_fs", promise or "none",
                                          self.source, folder], stderr=subprocess.DEVNULL)
                        for folder in self.folders]

    def __enter__(self):
        for folder in self.folders:
            check(wait_for(lambda: os.path.ismount(folder)), "broken_fs does not mount")
        return self.folders

    def __exit__(self, *_):
        for server, folder in zip(self.servers, self.folders):
            subprocess.run(["umount", "-l", folder], check=True)
            server.terminate()      # a test that began meanwhile may have a copy of the mount
            server.wait(10)


def mounted(name, argv):
    @test("%s keeps all" % name)
    def _():
        if not shutil.which(argv[0]):
            raise AssertionError(argv[0] + " is missing: tools/deps.sh")
        image, folder = DIRECTORY + "/" + name, tempfile.mkdtemp(dir=DIRECTORY)
        with open(image, "wb") as file:
            file.truncate(320 << 20)
        subprocess.run([*argv, image], check=True, stdout=subprocess.DEVNULL)
        mount_image(image, folder)
        try:
            keeps_all(folder)
        finally:
            subprocess.run(["umount", folder], check=True)
            os.unlink(image)


if os.geteuid() != 0 or not os.path.exists("/dev/fuse"):
    print("1..0 # SKIP only root mounts file systems, with /dev/fuse")
    sys.exit(0)

mounted("ext4", ["mkfs.ext4", "-q", "-E", "nodiscard"])
mounted("xfs", ["mkfs.xfs", "-q", "-K"])
mounted("btrfs", ["mkfs.btrfs", "-q", "-K"])


@test("tmpfs and overlay keep all")
def _():
    top = DIRECTORY + "/tmpfs"
    os.mkdir(top)
    subprocess.run(["mount", "-t", "tmpfs", "none", top], check=True)
    try:
        keeps_all(top)
        for name in "lower", "upper", "work", "merged":
            os.mkdir(top + "/" + name)
        subprocess.run(["mount", "-t", "overlay", "none", "-o",
                        "lowerdir={0}/lower,upperdir={0}/upper,workdir={0}/work".format(top),
                        top + "/merged"], check=True)
        keeps_all(top + "/merged")
        subprocess.run(["umount", top + "/merged"], check=True)
    finally:
        subprocess.run(["umount", "-l", top], check=True)


@test("a file system by FUSE that breaks none keeps all, for one client and for two")
def _():
    with Clients(None) as folders:
        keeps_all(folders[0])
        keeps_all(*folders)


@test("a client that keeps what it has read does not see octets that were written in place")
def _():
    with Clients("kept") as folders:
        code, found = storage(*folders)
        same([code, found["in-place"].get("what")], [1, "the other client reads something else"])


def try_broken(promise):
    with Clients(promise) as folders:
        return storage(*folders)


def broken(promise, trial):
    @test("the promise that is broken is found: %s" % promise)
    def _():
        code, found = trial.result()
        wrong = [name for name in PROMISES if not found[name]["kept"]]
        # Where renames leave the old name, claims and replacing are broken, too.
        same(promise in wrong if promise == "rename" else wrong == [promise], True, found)
        same(code, 1)
        check(found[promise]["advice"] and found[promise]["what"], found)


with concurrent.futures.ThreadPoolExecutor(4) as pool:
    for one in PROMISES:
        broken(one, pool.submit(try_broken, one))


@test("for a person: the promise, what was found and what to do")
def _():
    with Clients("sync") as folders:
        done = subprocess.run([BUILD + "/smtp-queue", "-c", "/dev/null", "fsck", "--storage",
                               folders[0]], capture_output=True, text=True)
        same(done.returncode, 1)
        check("BROKEN sync: files and folders can be synced\n"
              "       a folder cannot be synced: Invalid argument; use another file system" in
              done.stdout, done.stdout)
        check(done.stdout.endswith("%s must not have a queue: 1 promise broken\n" % folders[0]),
              done.stdout)


def said(*folders):
    done = subprocess.run([BUILD + "/smtp-queue", "-c", "/dev/null", "fsck", "--storage", *folders],
                          capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


@test("one mount named twice proves nothing about several machines; two clients do")
def _():
    with Clients(None) as folders:
        for pair, words in ((folders, "may have queues that several machines use"),
                            (folders[:1] * 2, "several machines were not tested")):
            code, out, err = said(*pair)
            same([code, words in out.splitlines()[-1]], [0, True], out, err)


@test("a full file system is full, and not broken")
def _():
    for option in "size=16k", "nr_inodes=8":
        folder = tempfile.mkdtemp(dir=DIRECTORY)
        subprocess.run(["mount", "-t", "tmpfs", "-o", option, "none", folder], check=True)
        try:
            code, out, err = said(folder)
            same([code, "BROKEN" in out, "No space left on device" in err], [75, False, True],
                 option, out, err)
            same(os.listdir(folder), [])
        finally:
            subprocess.run(["umount", folder], check=True)


@test("two folders that are not the same are refused; so is a folder that is missing")
def _():
    one, two = tempfile.mkdtemp(dir=DIRECTORY), tempfile.mkdtemp(dir=DIRECTORY)
    for folders, words in (((one, two), "is not the first one"), ((one + "/no",), "No such")):
        done = subprocess.run([BUILD + "/smtp-queue", "-c", "/dev/null", "fsck", "--storage",
                               *folders], capture_output=True, text=True)
        same(done.returncode, 75)
        check(words in done.stderr, done.stderr)
    same(os.listdir(one), [])


try:
    main()
finally:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
