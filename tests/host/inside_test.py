#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""System calls from inside the real confined processes: what they do not need is denied.

Each call is made in a process of its own, as the debugger of a process that waits for its client.
"""
import errno
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import bail_out, check, main, same, test, wait_for  # noqa: E402
from tls_server import BUILD, HOST, Server, certificate, in_memory  # noqa: E402

INJECT = BUILD + "/tests/inject"
HERE = BUILD + "/tests/inside"
HANDLER = BUILD + "/smtp-handler"
LIBRARY = "/usr/lib/x86_64-linux-gnu/libssl.so.3"
CALLS = {"open": 2, "mmap": 9, "ioctl": 16, "getpid": 39, "socket": 41, "connect": 42,
         "sendto": 44, "sendmsg": 46, "shutdown": 48, "bind": 49, "socketpair": 53,
         "setsockopt": 54, "clone": 56, "fork": 57, "execve": 59, "kill": 62, "fcntl": 72,
         "ptrace": 101, "prctl": 157, "openat": 257, "unlinkat": 263, "accept4": 288,
         "memfd_create": 319, "execveat": 322}
AT_FDCWD = "-100"
KILLED = "killed"
REMARKS = 5				# the socket to the listener
HELPER = 3				# any descriptor
OTHER = "u:%s/other-socket" % HERE


def denied(code):
    return str(-code)


if os.getuid() != 0 or platform.machine() != "x86_64" or not os.path.exists(INJECT):
    print("1..0 # SKIP needs root, x86_64 and build/tests/inject")
    sys.exit(0)
if "san" in os.path.basename(BUILD):
    print("1..0 # SKIP a build with sanitizers")
    sys.exit(0)
shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)
PAIR = certificate(HERE + "/pair", HOST)
os.makedirs(HERE + "/lists")
LIST, USERS = HERE + "/lists/senders", HERE + "/users"
with open(LIST, "w", encoding="ascii") as file:
    file.write("@a.example\n")
with open(USERS, "w", encoding="ascii") as file:
    file.write("anna:%s\n" % subprocess.run(
        ["openssl", "passwd", "-6", "-stdin"], input=b"secret", capture_output=True,
        check=True).stdout.decode().strip())
os.chmod(USERS, 0o600)

PLAIN = ["senders = " + LIST]
TLS = PLAIN + ["tls = offer", "tls-certificate = %s.pem" % PAIR, "tls-key = %s.key" % PAIR,
               "auth = file:" + USERS]
DOVECOT, REGISTRY = HERE + "/dovecot", HERE + "/registry"
HELPERS = TLS[:-1] + ["auth = dovecot:" + DOVECOT, "users-socket = " + REGISTRY,
                      "[route users.example]", "via = maildir:~/Maildir", "recipients = users",
                      "[server]"]


def children(pid):
    return [int(p) for p in subprocess.run(["pgrep", "-P", str(pid)], capture_output=True,
                                           text=True, check=False).stdout.split()]


def started(pid):
    """The time of its start; process IDs may begin again from small ones."""
    with open("/proc/%d/stat" % pid, encoding="ascii") as stat:
        return int(stat.read().rpartition(")")[2].split()[19]), pid


def forkers(server):
    """The first process with --serve: it forks others."""
    found = []
    for pid in children(server.process.pid):
        with open("/proc/%d/cmdline" % pid, encoding="ascii") as words:
            if "--serve" in words.read().split("\0"):
                found.append(pid)
    return sorted(found, key=started)[:1]


def sessions(server):
    forker = forkers(server)
    return [pid for pid in children(server.process.pid) if pid not in forker]


def call(pid, name, *arguments):
    return subprocess.run([INJECT, str(pid), str(CALLS[name]), *[str(a) for a in arguments]],
                          capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def confined(pid, filters):
    """Wait until the process has its walls: it has greeted before."""
    def there():
        with open("/proc/%d/status" % pid, encoding="ascii") as status:
            return "Seccomp_filters:\t%d\n" % filters in status.read()
    check(wait_for(there), "no filter of its own")
    return pid


def plain(server):
    smtp = server.smtp()
    return smtp, confined(children(server.process.pid)[0], 2)


def before_tls(server):
    smtp = server.smtp()
    smtp.ehlo()
    check(smtp.has_extn("starttls"), "STARTTLS is not offered")
    return smtp, confined(sessions(server)[0], 2)


def in_tls(server):
    smtp = server.tls()
    smtp.ehlo()
    check(wait_for(lambda: len(sessions(server)) == 1), "the session before TLS remains")
    return smtp, confined(sessions(server)[0], 2)


def with_auth(server):
    smtp, pid = in_tls(server)
    smtp.login("anna", "secret")
    return smtp, pid


class InetdServer:
    """A session without a listener, which is .process."""

    def __init__(self, name, *settings):
        self.directory = os.path.join(BUILD, "tests", name)
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        with open(self.directory + "/conf", "w", encoding="ascii") as file:
            file.write("[queue]\ndirectory = %s/queue\nmin-free = 0\n[server]\nhostname = %s\n%s\n"
                       % (self.directory, HOST, "\n".join(settings)))
        self.end, other = socket.socketpair()
        self.process = subprocess.Popen([HANDLER, "-c", self.directory + "/conf"], stdin=other,
                                        stdout=other, stderr=subprocess.DEVNULL)
        other.close()
        check(self.end.recv(1000).startswith(b"220 "), "no greeting")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end.close()
        self.process.wait(20)


def beside_starter(server):
    check(wait_for(lambda: children(server.process.pid)), "no second process")
    return None, confined(server.process.pid, 1)


def before_header(server):
    sock = server.connect()
    check(wait_for(lambda: sessions(server)), "no session")
    return sock, confined(sessions(server)[0], 2)


def listener(server):
    return None, confined(server.process.pid, 1)


def forker(server):
    return None, confined(forkers(server)[0], 1)


def of_session(server):
    queue = server.directory + "/queue"
    return [
        ("it is itself", ("getpid",), None),
        ("no program", ("execve", "s:/bin/true", 0, 0), KILLED),
        ("no program by a descriptor", ("execveat", 0, "s:", 0, 0, 0x1000), KILLED),
        ("no fork", ("fork",), KILLED),
        ("no clone", ("clone", signal.SIGCHLD), KILLED),
        ("no signal", ("kill", os.getpid(), 0), KILLED),
        ("no prctl", ("prctl", 3), KILLED),
        ("no ptrace", ("ptrace", 16, os.getpid()), KILLED),
        ("no connection", ("socket", 2, 1, 0), KILLED),
        ("no local socket", ("socket", 1, 2, 0), KILLED),
        ("no local connection", ("socket", 1, 1 | 0o2000000, 0), KILLED),
        ("no connection of packets", ("socket", 1, 5 | 0o2000000, 0), KILLED),
        ("no socket is connected elsewhere", ("connect", HELPER, OTHER, 110), KILLED),
        ("nothing is sent elsewhere", ("sendto", HELPER, "s:x", 1, 0, OTHER, 110), KILLED),
        ("nor from an address whose low half is 0", ("sendto", HELPER, "s:x", 1, 0, 1 << 32, 110),
         KILLED),
        ("no message with descriptors", ("sendmsg", HELPER, 0, 0), KILLED),
        ("no name for a socket", ("bind", HELPER, OTHER, 110), KILLED),
        ("no code", ("mmap", 0, 4096, 7, 0x22, -1 & (1 << 64) - 1, 0), KILLED),
        ("no typing", ("ioctl", 0, 0x5412, 0), KILLED),
        ("no copy of a descriptor", ("fcntl", 0, 0, 100), KILLED),
        ("no end of what it shares", ("shutdown", REMARKS, 2), KILLED),
        ("no mark", ("setsockopt", 0, 1, 36, 0, 4), KILLED),
        ("no descriptor to others", ("sendmsg", 0, 0, 0), KILLED),
        ("no passwd", ("openat", AT_FDCWD, "s:/etc/passwd", 0), denied(errno.EACCES)),
        ("no root folder", ("openat", AT_FDCWD, "s:/", 0), denied(errno.EACCES)),
        ("no list by its path", ("openat", AT_FDCWD, "s:" + LIST, 0), denied(errno.EACCES)),
        ("no users by their path", ("openat", AT_FDCWD, "s:" + USERS, 0), denied(errno.EACCES)),
        ("no key", ("openat", AT_FDCWD, "s:%s.key" % PAIR, 0), denied(errno.EACCES)),
        ("no certificate", ("openat", AT_FDCWD, "s:%s.pem" % PAIR, 0), denied(errno.EACCES)),
        ("new/ is not listed", ("openat", AT_FDCWD, "s:" + queue + "/new", 0),
         denied(errno.EACCES)),
        ("tmp/ is not listed", ("openat", AT_FDCWD, "s:" + queue + "/tmp", 0),
         denied(errno.EACCES)),
        ("no message is read", ("openat", AT_FDCWD, "s:" + queue + "/new/message", 0),
         denied(errno.EACCES)),
        ("no message is removed", ("unlinkat", AT_FDCWD, "s:" + queue + "/new/message", 0),
         denied(errno.EACCES)),
        ("no other name is made", ("openat", AT_FDCWD, "s:" + HERE + "/other", 0o101, 0o600),
         denied(errno.EACCES)),
    ]


def of_listener(server):
    # It may read what is beside its configuration; here that is the queue too.
    return [row for row in of_session(server) if row[0] in (
        "it is itself", "no ptrace", "no connection", "no code", "no passwd", "no key",
        "no users by their path", "no message is removed", "no program", "no root folder",
        "no program by a descriptor", "no other name is made")
    ] + [
        ("no signal outside", ("kill", os.getpid(), 0), denied(errno.EPERM)),
        ("no library", ("openat", AT_FDCWD, "s:" + LIBRARY, 0), denied(errno.EACCES)),
        ("no thread", ("clone", 0x10f00), KILLED),
        ("no namespace", ("clone", 0x10000000 | signal.SIGCHLD), KILLED)]


def of_keeper(server):
    """A process whose sessions read the keys."""
    return [row for row in of_listener(server)
            if row[0] not in ("no key", "no users by their path")]


def of_forker(server):
    return [row for row in of_keeper(server) if row[0] != "no signal outside"] + [
        ("no signal", ("kill", os.getpid(), 0), KILLED),
        ("no fork", ("fork",), KILLED),
        ("no connection is accepted", ("accept4", 0, 0, 0, 0), KILLED),
        ("no configuration", ("openat", AT_FDCWD, "s:" + server.directory + "/conf", 0),
         denied(errno.EACCES))]


def try_all(settings, begin, rows, kind=Server, **how):
    with kind("inside-server", *settings, **how) as first:
        count = len(rows(first))
    wrong = []
    for i in range(count):
        with kind("inside-server", *settings, **how) as server:
            smtp, pid = begin(server)
            with open(server.directory + "/queue/new/message", "w", encoding="ascii") as file:
                file.write("x\n")
            name, what, want = rows(server)[i]
            got = call(pid, *what)
            if got != (str(pid) if want is None else want):
                wrong.append("%s: %s, not %s" % (name, got, want))
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            if smtp:
                smtp.close()
    same(wrong, [])


@test("a plain session")
def session():
    try_all(PLAIN, plain, of_session)


@test("a session before TLS")
def session_before_tls():
    try_all(TLS, before_tls, of_session)


@test("a session before TLS without a listener")
def session_beside_starter():
    try_all(TLS, beside_starter, of_session, InetdServer)


@test("a session inside TLS")
def session_in_tls():
    try_all(TLS, in_tls, of_session)


@test("a session inside TLS after AUTH")
def session_with_auth():
    try_all(TLS, with_auth, of_session)


def listen_at(path, kind):
    listening = socket.socket(socket.AF_UNIX, kind)
    listening.bind(path)
    if kind != socket.SOCK_DGRAM:
        listening.listen(100)
        listening.settimeout(10)
    return listening


@test("sessions that ask Dovecot and the registry of users reach no other socket")
def session_with_helpers():
    with listen_at(DOVECOT, socket.SOCK_STREAM) as dovecot, \
            listen_at(REGISTRY, socket.SOCK_SEQPACKET) as registry, \
            listen_at(HERE + "/other-socket", socket.SOCK_DGRAM):
        try_all(HELPERS, in_tls, of_session)
        check(dovecot.accept() and registry.accept())
    os.unlink(DOVECOT)
    os.unlink(REGISTRY)
    os.unlink(HERE + "/other-socket")


@test("a session before the header of a balancer")
def session_before_header():
    try_all(PLAIN + ["trusted = local", "proxy-protocol = on", "proxy-trusted = 127.0.0.0/8"],
            before_header, of_session)


@test("a listener")
def the_listener():
    try_all(PLAIN, listener, of_listener)


@test("a listener that offers STARTTLS")
def listener_with_tls():
    try_all(TLS, listener, of_listener)


@test("the process that forks its sessions inside TLS")
def the_forker():
    try_all(TLS, forker, of_forker)


@test("a listener with TLS from the first octet")
def listener_implicit():
    try_all(TLS, listener, of_keeper, implicit=True)


@test("after the handshake the key is not in memory, nor before TLS")
def key():
    with open(PAIR + ".key", "rb") as file:
        text = file.read()
    der = subprocess.run(["openssl", "ec", "-in", PAIR + ".key", "-outform", "DER"],
                         capture_output=True, check=True).stdout
    secret = der[7:39]
    forms = {"key": [text[60:90], secret, secret[::-1]]}
    for begin in before_tls, in_tls:
        with Server("inside-server", *TLS) as server:
            smtp, pid = begin(server)
            same(in_memory(pid, forms), [])
            check(in_memory(pid, {"host": [HOST.encode()]}), "the search finds nothing at all")
            smtp.close()


if not shutil.which("pgrep"):
    bail_out("no pgrep")
main(lambda failed: failed or shutil.rmtree(HERE, ignore_errors=True))
