#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Ends of a session or a message that come from outside, and the packets of replies.

A session ends by silence, by SIGTERM, by a full disk or by a client that does not read.
"""
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test, wait_for  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HANDLER = BUILD + "/smtp-handler"
DIRECTORY = BUILD + "/tests/handler_stop"
HELLO = b"EHLO client.example\r\n"
ENVELOPE = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<u@local.example>\r\nDATA\r\n"


class Session:
    """A handler on one end of a socket pair; its queue is DIRECTORY/name."""

    def __init__(self, name, *options, command=(), prepare=None):
        self.directory = os.path.join(DIRECTORY, name)
        os.makedirs(self.directory, exist_ok=True)
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(20)
        self.log = open(self.directory + "/log", "w+")
        arguments = [HANDLER, "-c", "/dev/null", "-o", "server.hostname=mx.example.org",
                     "-o", "queue.directory=%s/queue" % self.directory, "-o", "queue.min-free=0"]
        for option in options:
            arguments += ["-o", option]
        # Under strace, the leak sanitizer of a sanitizer build gives up.
        self.process = subprocess.Popen([*command, *arguments], stdin=theirs, stdout=theirs,
                                        stderr=self.log,
                                        preexec_fn=prepare,
                                        env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        theirs.close()
        self.input = b""

    def send(self, data):
        self.socket.sendall(data)
        return self

    def reply(self):
        """The last line of the next reply; empty at the end."""
        while True:
            line, found, rest = self.input.partition(b"\r\n")
            if found:
                self.input = rest
                if line[3:4] == b" ":
                    return line.decode()
                continue
            more = self.socket.recv(65536)
            if not more:
                return ""
            self.input += more

    def expect(self, *starts):
        for start in starts:
            got = self.reply()
            check(got.startswith(start), "got: " + got, "wanted: " + start, self.text_of_log())
        return self

    def text_of_log(self):
        self.log.flush()
        return open(self.log.name).read()

    def end(self, *starts):
        """These replies, then nothing more, and exit status 0."""
        self.expect(*starts)
        same(self.reply(), "")
        self.socket.close()
        same(self.process.wait(20), 0)
        return self

    def messages(self):
        queue = self.directory + "/queue"
        left = [os.listdir(os.path.join(queue, d)) if os.path.isdir(os.path.join(queue, d)) else []
                for d in ("new", "tmp")]
        same(left[1], [], "left in tmp/")
        return len(left[0])


def start_message(name, *options, **how):
    session = Session(name, *options, **how).send(HELLO + ENVELOPE)
    return session.expect("220", "250", "250", "250", "354")


@test("H017 silence between commands: 421 4.4.2")
def silence():
    session = Session("silence", "server.timeout=300ms").expect("220")
    start = time.monotonic()
    session.send(HELLO).expect("250").end("421 4.4.2 mx.example.org ")
    check(0.29 < time.monotonic() - start < 5, time.monotonic() - start)
    check("end=timeout" in session.text_of_log(), session.text_of_log())


@test("H017 no timeout while octets still come")
def slowly():
    session = Session("slowly", "server.timeout=600ms").expect("220")
    for octet in b"NOOP\r\nNOOP\r\n":
        session.send(bytes([octet]))
        time.sleep(0.06)
    session.expect("250", "250").send(b"QUIT\r\n").end("221")


@test("H017 silence inside the text: 421 4.4.2, and nothing is queued")
def silence_in_data():
    session = start_message("silence-in-data",
                            "server.timeout=300ms").send(b"Subject: x\r\n\r\nhalf")
    session.end("421 4.4.2 ")
    same(session.messages(), 0)


@test("H018 SIGTERM between commands: 421 4.3.2, exit status 0")
def sigterm():
    for number in signal.SIGTERM, signal.SIGINT:
        session = Session("sigterm").send(HELLO).expect("220", "250")
        session.process.send_signal(number)
        session.end("421 4.3.2 mx.example.org ")
        check("end=shutdown" in session.text_of_log(), session.text_of_log())


@test("H018 SIGTERM inside the text: 421 4.3.2, and nothing is queued")
def sigterm_in_data():
    session = start_message("sigterm-in-data").send(b"Subject: x\r\n\r\nhalf")
    time.sleep(0.05)
    session.process.send_signal(signal.SIGTERM)
    session.end("421 4.3.2 ")
    same(session.messages(), 0)


@test("H018 SIGTERM while the client reads no reply: the session ends within seconds")
def sigterm_unread():
    session = Session("sigterm-unread", "server.max-errors=10000")
    session.socket.setblocking(False)
    sent = b"HELP\r\n" * 1000
    # Until our replies fill the socket: then the handler reads no more.
    check(wait_for(lambda: not select.select([], [session.socket], [], 0.3)[1]
                   or session.socket.send(sent) < 0))
    since = time.monotonic()
    session.process.send_signal(signal.SIGTERM)
    same(session.process.wait(20), 0)
    check(time.monotonic() - since < 8, time.monotonic() - since)


@test("H019 SIGTERM while the message is committed: the commit ends, 250, then 421")
def sigterm_in_commit():
    # The handler is stopped here.  When it goes on, it finds the dot and the signal together.
    session = start_message("sigterm-in-commit")
    session.send(b"Subject: x\r\n\r\nwhole\r\n")
    time.sleep(0.05)
    trace = subprocess.Popen(["strace", "-qq", "-o", "/dev/null", "-e", "trace=fsync",
                              "-e", "inject=fsync:delay_enter=300000:when=1",
                              "-p", str(session.process.pid)], stderr=subprocess.PIPE)
    status = "/proc/%d/status" % session.process.pid
    check(wait_for(lambda: "TracerPid:\t0\n" not in open(status).read()), "strace does not attach")
    session.send(b".\r\n")
    time.sleep(0.15)
    session.process.send_signal(signal.SIGTERM)
    session.end("250 2.0.0 Ok: queued as ", "421 4.3.2 ")
    trace.communicate(timeout=20)
    same(session.messages(), 1)


@test("H086 no space in the middle of the text: read to the dot, 452 4.3.1, no file remains")
def disk_full():
    folder = DIRECTORY + "/disk-full/queue"
    mount = ["unshare", *(["-m"] if os.geteuid() == 0 else ["-r", "-m"]), "sh", "-ec",
             'mkdir -p "$0"; mount -t tmpfs -o size=256k none "$0"; "$@"; ls "$0"/*/* >&2 '
             '2>/dev/null || echo empty >&2', folder]
    session = start_message("disk-full", command=mount)
    session.send((b"x" * 998 + b"\r\n") * 1000 + b".\r\n").expect("452 4.3.1 ")
    session.send(ENVELOPE + b"short\r\n.\r\nQUIT\r\n")
    session.end("250", "250", "354", "250 2.0.0 Ok: queued as ", "221")
    log = session.text_of_log()
    check("No space left on device" in log and 'why="no space"' in log and "queue/new/" in log, log)


@test("H086 the same with a limit on the size of files: no signal kills the session")
def file_limit():
    session = start_message(
        "file-limit", prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100000, 100000)))
    session.send((b"x" * 998 + b"\r\n") * 300 + b".\r\n").expect("452 4.3.1 ")
    session.send(ENVELOPE + b"short\r\n.\r\nQUIT\r\n")
    session.end("250", "250", "354", "250 2.0.0 Ok: queued as ", "221")
    same(session.messages(), 1)


@test("H053 a SIZE over the free space, though under the limit: 452 4.3.1")
def size_over_free():
    free = os.statvfs(DIRECTORY)
    spare = free.f_bavail * free.f_frsize
    session = Session("size-over-free", "server.max-message-size=1T",
                      "queue.min-free=%d" % (spare // 2)).send(HELLO)
    size = spare // 2 + spare // 10
    session.expect("220", "250").send(b"MAIL FROM:<a@b.example> SIZE=%d\r\n" % size)
    session.expect("452 4.3.1 ").send(b"MAIL FROM:<a@b.example> SIZE=1000\r\nQUIT\r\n")
    session.end("250", "221")


@test("H113 H114 H115 replies that leave together")
def writes():
    # A pipe in packet mode keeps each write in one piece.
    (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe2(os.O_DIRECT)
    process = subprocess.Popen([HANDLER, "-c", "/dev/null", "-o", "server.hostname=mx.example.org",
                                "-o", "queue.min-free=0",
                                "-o", "queue.directory=%s/writes" % DIRECTORY],
                               stdin=theirs_in, stdout=theirs_out, stderr=subprocess.DEVNULL)
    os.close(theirs_in)
    os.close(theirs_out)

    def codes():
        if not select.select([ours_in], [], [], 20)[0]:
            return "nothing"
        lines = os.read(ours_in, 65536).decode().splitlines()
        return " ".join(line[:3] for line in lines if line[3] == " ")
    same(codes(), "220")
    for group, *packets in [
            (b"EHLO client.example\r\nNOOP\r\nVRFY x\r\nFOO\r\n", "250", "250", "252", "500"),
            (b"RSET\r\n" + ENVELOPE, "250 250 250 354"),
            (b"x\r\n.\r\n" + b"MAIL FROM:<a@b.example>\r\n", "250", "250"),
            (b"RCPT TO:<u@local.example>\r\nRCPT TO:<>\r\nRS", "250 501"),
            (b"ET\r\nMAIL FROM:<a@b.example>\r\nNOOP\r\nRSET\r\nQUIT\r\n",
             "250 250 250", "250 221"),
            (b"", "")]:
        if not group:
            os.close(ours_out)
        elif os.write(ours_out, group) != len(group):
            check(False, "short write")
        for packet in packets:
            same(codes(), packet, group)
    os.close(ours_in)
    same(process.wait(20), 0)


@test("a client that does not read its replies does not hold the handler for ever")
def does_not_read():
    session = Session("does-not-read", "server.timeout=300ms")
    session.socket.setblocking(False)
    sent, end = 0, time.monotonic() + 20
    while session.process.poll() is None and time.monotonic() < end:
        if select.select([], [session.socket], [], 0.05)[1]:
            try:
                sent += session.socket.send(b"NOOP\r\n" * 1000)
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass
    same(session.process.poll(), 0)
    check("end=timeout" in session.text_of_log(), session.text_of_log())


@test("a client that is gone: no signal, exit status 0")
def gone():
    session = Session("gone").expect("220")
    session.send(b"NOOP\r\n" * 5000)
    session.socket.close()
    same(session.process.wait(20), 0)
    check("session" in session.text_of_log(), session.text_of_log())


@test("the last reply is not lost if the client has sent more than was read")
def linger():
    for _ in range(20):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            ours = socket.create_connection(listening.getsockname())
            theirs, _ = listening.accept()
        process = subprocess.Popen([HANDLER, "-c", "/dev/null"], stdin=theirs, stdout=theirs,
                                   stderr=subprocess.DEVNULL)
        theirs.close()
        ours.sendall(b"QUIT\r\n" + b"x" * 3000000)
        ours.shutdown(socket.SHUT_WR)
        time.sleep(0.01)
        got = b""
        while more := ours.recv(65536):
            got += more
        ours.close()
        check(got.endswith(b"221 2.0.0 Bye\r\n"), got)
        same(process.wait(20), 0)


@test("closed descriptors 0, 1 and 2 do no harm")
def closed():
    for which in (0,), (1,), (2,), (0, 1, 2):
        def close_some(which=which):
            for fd in which:
                os.close(fd)
        process = subprocess.Popen([HANDLER, "-c", "/dev/null",
                                    "-o", "queue.directory=%s/closed" % DIRECTORY],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, preexec_fn=close_some)
        same(process.wait(20), 0, which)


shutil.rmtree(DIRECTORY, ignore_errors=True)
os.makedirs(DIRECTORY)
main()
