# SPDX-License-Identifier: ISC
"""Messages that kill what reads them.  A library in front of libc plays the fault of a parser.

It also kills a runner that reads any message itself: that is the work of processes beside it.
"""
import os
import re
import signal
import subprocess
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import BUILD, Site, fresh_directory
from tap import check, main, same, test, wait_for

FAULT = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pid_t runner;

__attribute__((constructor)) static void
note_runner(void)
{
	if (strcmp(program_invocation_short_name, "smtp-relay") == 0)
		runner = getpid();
}

static int
is_message(int fd)
{
	char link[64], path[512] = "";

	(void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof path - 1) > 0 &&
	    (strstr(path, "/cur/") || strstr(path, "/new/") || strstr(path, "/wait/"));
}

/* Read, and die of the text of an envelope or of a header section. */
static ssize_t
read_or_die(const char *name, int fd, void *to, size_t n, off_t at)
{
	ssize_t (*real)(int, void *, size_t, off_t) = dlsym(RTLD_NEXT, name);
	const ssize_t got = real(fd, to, n, at);

	if (getpid() == runner && is_message(fd))
		(void)raise(SIGSEGV);
	if (got > 0 && (memmem(to, (size_t)got, "<poison@", 8) ||
	    memmem(to, (size_t)got, "X-Poison", 8)))
		(void)raise(SIGSEGV);
	return got;
}

ssize_t
pread(int fd, void *to, size_t n, off_t at)
{
	return read_or_die("pread", fd, to, n, at);
}

ssize_t
pread64(int fd, void *to, size_t n, off_t at)
{
	return read_or_die("pread64", fd, to, n, at);
}
"""

directory = fresh_directory()
library = directory + "/fault.so"
with open(directory + "/fault.c", "w") as file:
    file.write(FAULT)
subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, directory + "/fault.c", "-ldl"],
               check=True)
nsd(directory + "/nsd", {"example.org": "@ MX 10 mx\nmx A 192.0.2.11\n"
                                        "no MX 10 mx.no\nmx.no A 192.0.2.12\n"
                                        "late MX 10 mx.late\nmx.late A 192.0.2.99\n"})
exchanger = Exchanger("192.0.2.11")
refusing = Exchanger("192.0.2.12", rcpt="550 5.1.1 no")
site = Site("site").listen()
# Behind the first block that is read of a file.
HIDDEN = b"".join(b"X-Long-%d: %s\r\n" % (i, b"x" * 60) for i in range(30))


def faulty(call, *argv, **more):
    os.environ["LD_PRELOAD"] = library
    # For sanitizer builds: the fault is no error of the program.
    os.environ["ASAN_OPTIONS"] = "verify_asan_link_order=0:handle_segv=0:detect_leaks=0"
    try:
        return call(*argv, **more)
    finally:
        del os.environ["LD_PRELOAD"], os.environ["ASAN_OPTIONS"]


def tool(*argv):
    done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, *argv],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    return done.returncode, done.stdout + done.stderr


def dead():
    return [path for path in site.queued("dead") if "/why/" not in path]


@test("an envelope that no process can read: its neighbours arrive, the third death is its last")
def _():
    site.send("bob@example.org", count=3)
    site.send("poison@example.org")
    site.send("bob@example.org", count=3)
    faulty(site.relay)
    same(len(exchanger.messages), 6)
    same(len(site.queued("wait")), 1)
    faulty(site.relay, "--flush")
    same(dead(), [])
    site.send("bob@example.org")
    faulty(site.relay, "--flush")
    same(len(exchanger.messages), 7)
    same(len(dead()), 1)
    same(site.queued("new", "cur", "wait"), [])
    check("processes died while they read it" in site.log(), site.log()[-1000:])


@test("smtp-queue does not die on it: list, show, fsck")
def _():
    name = os.path.basename(dead()[0])
    site.send("poison@example.org")
    site.send("bob@example.org")
    code, text = faulty(tool, "list", "--wide")
    same(code, 0, text)
    same(text.count("kills what reads it"), 2, text)
    check("bob@example.org" in text and "3 messages" in text, text)
    code, text = faulty(tool, "list", "--json", "--recipient", "bob*")
    same(code, 0, text)
    same(text.count('"sender"'), 1, text)
    code, text = faulty(tool, "show", name)
    same(code, 1, text)
    check("kills what reads it" in text, text)
    code, text = faulty(tool, "fsck")
    same(code, 1, text)
    check("dead/%s was put aside" % name in text and "signal 11" in text, text)
    check("2 messages checked" in text and "2 faults" in text, text)
    code, text = faulty(tool, "fail", "--recipient", "bob*")
    same(code, 0, text)
    for path in site.queued("new"):
        same(faulty(tool, "delete", os.path.basename(path))[0], 0)
    same(site.queued("new", "cur", "wait", "hold"), [])


@test("its sender gets a notice when the lifetime is over, and then it is only kept")
def _():
    site.relay()
    had = len(site.mailbox("alice"))
    time.sleep(2.5)             # the time of an ID has whole seconds here
    site.relay("-o", "queue.lifetime=1s")
    site.relay()
    notices = site.mailbox("alice")[had:]
    same(len(notices), 1)
    check(b"Status: 5.3.0" in notices[0] and b"poison@example.org" in notices[0], notices[0])
    same(len(dead()), 1)
    site.relay("-o", "queue.lifetime=1s")
    same(len(site.mailbox("alice")), had + 1)
    check("its sender gets the notice" in tool("fsck")[1])
    check("Put aside" in tool("log", os.path.basename(dead()[0]))[1])


@test("a header section that kills what writes the bounce: the third death is the message's last")
def _():
    parted = len(dead())
    site.send("nobody@no.example.org", b"Subject: x\r\n" + HIDDEN + b"X-Poison: x\r\n\r\nx\r\n")
    for _ in range(3):
        same(len(dead()), parted)
        had = len(exchanger.messages)
        site.send("bob@example.org")
        faulty(site.relay, "--flush")
        same(len(exchanger.messages), had + 1)
    same(len(dead()), parted + 1)
    check("writes notices was killed by signal 11" in faulty(tool, "fsck")[1])


def awaits_signals(pid):
    """A program that has just started ends at SIGTERM without a word."""
    status = open("/proc/%d/status" % pid).read()
    masks = re.findall(r"(?m)^Sig(?:Blk|Cgt):\t(\w+)", status)
    return any(int(mask, 16) >> (signal.SIGTERM - 1) & 1 for mask in masks)


@test("the runner itself reads no message: failed, deferred, delayed and given up by an operator")
def _():
    had = len(exchanger.messages)
    site.send("nobody@no.example.org")
    site.send("bob@example.org")
    site.send("late@late.example.org")
    faulty(site.relay)
    same(len(exchanger.messages), had + 1)
    same(len(site.queued("wait")), 1)
    faulty(site.relay, "--flush", "-o", "queue.warn-after=1s")
    process = faulty(site.start_relay, "--watch")
    check(wait_for(lambda: awaits_signals(process.pid)))
    same(faulty(tool, "fail", os.path.basename(site.queued("wait")[0]))[0], 0)
    process.send_signal(signal.SIGTERM)
    same(process.wait(30), 0)
    site.relay()
    notices = b"".join(site.mailbox("alice"))
    check(notices.count(b"nobody@no.example.org") and notices.count(b"late@late.example.org"))


@test("a content that kills its workers: after the third one the message is put aside")
def _():
    parted = len(dead())
    site.send("bob@example.org", b"Subject: x\r\n" + HIDDEN + b"X-Poison: x\r\n\r\nx\r\n")
    for _ in range(3):
        same(len(dead()), parted)
        had = len(exchanger.messages)
        site.send("bob@example.org")
        faulty(site.relay, "--flush")
        check(len(exchanger.messages) > had, "the neighbour did not arrive")
    same(len(dead()), parted + 1)
    check("a delivery process was killed by signal 11" in tool("fsck")[1])


main()
