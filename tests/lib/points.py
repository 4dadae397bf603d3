# SPDX-License-Identifier: ISC
"""Failures at every system call of a program, by build/tests/failcall.

A point is (process, call, name, failure), in text with colons: that call of that process of a
program fails, or the process gets SIGKILL before it.
"""
import re
import signal
import subprocess

from programs import BUILD

FAILCALL = BUILD + "/tests/failcall"

# Each failure, and the calls that may fail so.  SIGKILL may come at any call.
_FILES = """open openat openat2 creat mkdir mkdirat rename renameat renameat2 link linkat symlink
symlinkat mknodat"""
_WRITES = "write pwrite64 writev pwritev pwritev2 sendfile copy_file_range splice"
_SYNCS = "fsync fdatasync syncfs ftruncate truncate fallocate"
_READS = "read pread64 readv preadv getdents64"
_SOCKETS = "recvfrom recvmsg sendto sendmsg connect accept accept4"
_NAMES = """unlink unlinkat rmdir stat fstat lstat newfstatat statx readlink readlinkat access
faccessat faccessat2 chmod fchmod fchmodat chown fchown fchownat utimensat fstatfs statfs lseek
chdir fchdir execve flock close"""
CALLS = {
    "EIO": " ".join((_FILES, _WRITES, _SYNCS, _READS, _SOCKETS, _NAMES)),
    "ENOSPC": " ".join((_FILES, _WRITES, _SYNCS, "inotify_add_watch epoll_ctl")),
    "EDQUOT": " ".join((_FILES, _WRITES, _SYNCS)),
    "EINTR": " ".join((_WRITES, _READS, _SOCKETS, """open openat openat2 close fsync fdatasync
        flock poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2 wait4 waitid
        nanosleep clock_nanosleep fallocate ftruncate dup2 dup3 getrandom""")),
    "EMFILE": """open openat openat2 creat socket socketpair pipe pipe2 dup dup2 dup3 accept
        accept4 epoll_create epoll_create1 inotify_init inotify_init1 signalfd signalfd4 eventfd
        eventfd2 timerfd_create memfd_create pidfd_open landlock_create_ruleset""",
}
_BY_WORD = {"short": ["short"], "stream": ["short"], "dup": ["EMFILE"], "wait": ["EINTR"]}
_NOT_OF_STREAMS = ("EIO", "ENOSPC", "EDQUOT")


def _call_names():
    text = subprocess.run(["cc", "-E", "-dM", "-include", "sys/syscall.h", "-x", "c", "/dev/null"],
                          capture_output=True, text=True, check=True).stdout
    return {int(number): name for name, number in
            re.findall(r"(?m)^#define __NR_(\w+) (\d+)$", text)}


NAMES = _call_names()
NUMBERS = {name: number for number, name in NAMES.items()}


class Report:
    """What failcall has written: calls, the call that was hit, ends and hung processes."""

    def __init__(self, path):
        self.calls, self.ends, self.hung, self.hit = {}, {}, [], None
        for line in open(path):
            word, *rest = line.split()
            if word == "call":
                self.calls.setdefault(int(rest[0]), []).append((NAMES[int(rest[1])], rest[2]))
            elif word == "hit":
                self.hit = NAMES[int(rest[0])]
            elif word == "end":
                self.ends[int(rest[0])] = (int(rest[1]), int(rest[2]))
            else:
                self.hung.append(int(rest[0]))

    def points(self):
        """All points, in the order of processes and calls."""
        found = []
        for process, calls in sorted(self.calls.items()):
            for number, (name, word) in enumerate(calls, 1):
                failures = ["kill"] + [
                    f for f, names in CALLS.items() if name in names.split()
                    and not (word == "stream" and f in _NOT_OF_STREAMS)]
                failures += _BY_WORD.get(word, [])
                found += ["%d:%d:%s:%s" % (process, number, name, failure) for failure in failures]
        return found

    def faults(self, allowed=()):
        """Texts about processes that hung or crashed.  We and the programs send SIGKILL."""
        found = ["process %d hangs" % process for process in self.hung]
        for process, (status, _) in self.ends.items():
            if status & 0x7f not in (0, signal.SIGKILL, signal.SIGTERM, *allowed):
                found.append("process %d got signal %d" % (process, status & 0x7f))
        return found


def command(report, argv, point=None, list_calls=False, deadline_s=25):
    """The words of a command that runs argv with a point."""
    words = [FAILCALL, "-t", str(deadline_s)]
    if list_calls:
        words.append("-l")
    if point:
        process, call, name, failure = point.split(":")
        words += ["-p", "%s:%s:%d:%s" % (process, call, NUMBERS[name], failure)]
    return [*words, report, *argv]
