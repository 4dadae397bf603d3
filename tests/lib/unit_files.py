# SPDX-License-Identifier: ISC
"""What the runner can do with files, from inside a booted systemd: TAP lines without numbers.

    unit_files.py INJECT TEXT     INJECT is build/tests/inject; TEXT names the walls that stand

A system call is made inside the runner.  Its user may do all of it: the modes of the files and
folders here allow it.  So it is the mounts or Landlock that deny.
"""
import os
import signal
import socket
import subprocess
import sys
import time

import booted

INJECT, WALLS = sys.argv[1:]
OPENAT, MKDIRAT, RENAMEAT, SYMLINKAT, UNLINKAT, TRUNCATE = 257, 258, 264, 266, 263, 76
WRITE, CREATE = str(os.O_WRONLY), str(os.O_WRONLY | os.O_CREAT)
CLOSED = ("/etc", "/usr", "/usr/local", "/boot", "/wall", "/run/user")
OPEN = ("/var", "/var/lib", "/srv", "/home", "/root", "/opt", "/mnt", "/media", "/run", "/data",
        "/tmp", "/var/tmp")
held = []


def report(good, text, *seen):
    booted.report(good, WALLS + ": " + text, *seen)


def start():
    """The runner, while a worker waits for the greeting of a server."""
    host = socket.create_server(("127.0.0.1", 2526))
    subprocess.run(["setpriv", "--reuid", "smtp-handler", "--regid", "smtp-handler",
                    "--clear-groups", "/usr/local/sbin/smtp-handler"], input=b"EHLO a\r\n"
                   b"MAIL FROM:<>\r\nRCPT TO:<b@held.example>\r\nDATA\r\n\r\n.\r\nQUIT\r\n",
                   stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["systemctl", "start", "--no-block", "smtp-relay.service"], check=True)
    host.settimeout(20)
    held.append((host, host.accept()[0]))
    pid = booted.main_process("smtp-relay.service")
    time.sleep(0.2)             # it waits for the worker
    os.kill(pid, signal.SIGSTOP)
    return pid


def call(pid, number, *arguments):
    text = subprocess.run([INJECT, str(pid), str(number), *arguments], capture_output=True,
                          text=True, check=False).stdout.strip()
    return int(text) if text.lstrip("-").isdigit() else text


def prepare(place):
    """A folder with files that anybody may write to."""
    folder = place + "/smtp-wall"
    os.makedirs(folder, exist_ok=True)
    os.chmod(folder, 0o777)
    for name in ("/file", "/second"):
        with open(folder + name, "w", encoding="ascii") as file:
            file.write("text\n")
        os.chmod(folder + name, 0o666)
    if place == "/root":        # its mode lets nobody else in
        os.chmod(place, 0o711)


def attempts(pid, place):
    """The results of each kind of change."""
    folder = place + "/smtp-wall"
    return {
        "write": call(pid, OPENAT, "-100", "s:%s/file" % folder, WRITE),
        "truncate": call(pid, TRUNCATE, "s:%s/file" % folder, "0"),
        "create": call(pid, OPENAT, "-100", "s:%s/new" % folder, CREATE, "384"),
        "mkdir": call(pid, MKDIRAT, "-100", "s:%s/folder" % folder, "448"),
        "symlink": call(pid, SYMLINKAT, "s:x", "-100", "s:%s/link" % folder),
        "rename": call(pid, RENAMEAT, "-100", "s:%s/file" % folder, "-100",
                       "s:%s/other" % folder),
        "unlink": call(pid, UNLINKAT, "-100", "s:%s/second" % folder, "0"),
    }


def reads(pid, path):
    return call(pid, OPENAT, "-100", "s:" + path, "0")


def denied(result):
    return isinstance(result, int) and result < 0


def main():
    for place in CLOSED + OPEN:
        prepare(place)
    pid = start()
    for path in ("/sys/kernel/notes", "/sys/fs/cgroup", "/sys/kernel/mm/transparent_hugepage",
                 "/run/user/smtp-wall/file", "/proc/1/status", "/proc/sys/kernel/ostype",
                 "/proc/kallsyms", "/proc/kmsg", "/proc/version", "/proc/net/tcp", "/dev/wall",
                 "/dev/kmsg"):
        report(not os.path.exists(path) or denied(reads(pid, path)), path + " cannot be read")
    for path in ("/etc/passwd", "/usr/lib/os-release", "/dev/null", "/dev/urandom",
                 "/proc/self/stat", "/data/smtp-wall"):
        seen = reads(pid, path)
        report(not denied(seen), path + " can be read", seen)
    for place in CLOSED:
        found = attempts(pid, place)
        report(all(map(denied, found.values())), "nothing in %s can be changed" % place, found)
    # The unit's own folders for short-lived files do not have what was prepared.
    for place in OPEN[:-2]:
        found = attempts(pid, place)
        report(not any(map(denied, found.values())), "%s may have mailboxes" % place, found)
    for place in OPEN[-2:]:
        seen = reads(pid, place + "/smtp-wall/file")
        made = call(pid, OPENAT, "-100", "s:%s/x" % place, CREATE, "384")
        report(denied(seen) and not denied(made) and not os.path.exists(place + "/x"),
               "%s is its own" % place, seen, made)
    os.kill(pid, signal.SIGKILL)
    subprocess.run(["systemctl", "stop", "--no-block", "smtp-relay.service"], check=True)
    for place in CLOSED + OPEN:
        subprocess.run(["rm", "-rf", place + "/smtp-wall"], check=True)


main()
