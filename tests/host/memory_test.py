#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The peak memory of a session (VmHWM), for extreme input of the client."""
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, same, test  # noqa: E402
from tls_server import HOST, certificate  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HANDLER = BUILD + "/smtp-handler"
DIRECTORY = BUILD + "/tests/memory"
MIB = 1024 * 1024
PEAK_KIB = 2048			# the limit of the static program
TLS_PEAK_KIB = 10240		# the limit of the program with OpenSSL
# The limit of the growth after the greeting, for every build.
GROWTH_KIB = 4096 if "san" in os.path.basename(BUILD) else 512

with open(HANDLER, "rb") as file:
    STATIC = b"ld-linux" not in file.read(4096)


class Session:
    def __init__(self, *settings):
        os.makedirs(DIRECTORY + "/new")
        options = ["queue.directory=" + DIRECTORY, "queue.min-free=0",
                   "server.max-message-size=200M", *settings]
        ours, theirs = socket.socketpair()
        self.socket, self.file = ours, ours.makefile("rb")
        with open(DIRECTORY + ".log", "w") as log:
            self.process = subprocess.Popen([HANDLER, *sum((["-o", o] for o in options), [])],
                                            stdin=theirs, stdout=theirs, stderr=log)
        theirs.close()
        self.reply("220")
        self.begun = self.peak()

    def peak(self):
        with open("/proc/%d/status" % self.process.pid) as status:
            return int(re.search(r"VmHWM:\s*(\d+) kB", status.read())[1])

    def reply(self, code):
        line = self.file.readline().decode()
        while line[3:4] == "-":
            line = self.file.readline().decode()
        same(line[:3], code, line)

    def command(self, line, code):
        self.socket.sendall(line + b"\r\n")
        self.reply(code)

    def message(self, pieces, code="250"):
        self.command(b"EHLO client.example", "250")
        self.command(b"MAIL FROM:<a@b.example>", "250")
        self.command(b"RCPT TO:<u@local.example>", "250")
        self.command(b"DATA", "354")
        size = 0
        for piece in pieces:
            self.socket.sendall(piece)
            size += len(piece)
        self.command(b".", code)
        return size

    def end(self, what):
        peak = self.peak()
        note("%s: %d kB at the greeting, %d kB at its peak" % (what, self.begun, peak))
        check(peak - self.begun < GROWTH_KIB, "grew by %d kB" % (peak - self.begun))
        check(peak < PEAK_KIB or not STATIC, "%d kB" % peak)
        self.command(b"QUIT", "221")
        same(self.process.wait(20), 0)
        new = DIRECTORY + "/new"
        sizes = [os.path.getsize(os.path.join(new, name)) for name in os.listdir(new)]
        shutil.rmtree(DIRECTORY)
        return sizes


def times(piece, total):
    return (piece for _ in range(total // len(piece)))


@test("a message of 50 MB")
def _():
    s = Session()
    size = s.message(times((b"x" * 70 + b"\r\n") * 1000, 50 * MIB))
    stored, = s.end("50 MB")
    check(size <= stored < size + 2000, stored, size)


@test("a line of 100 MB")
def _():
    s = Session()
    size = s.message(
        piece for pieces in (times(b"y" * 65536, 100 * MIB), [b"\r\n"]) for piece in pieces)
    stored, = s.end("a line of 100 MB")
    check(size <= stored < size + 2000, stored, size)


@test("100 MB of NULs, over the limit of size")
def _():
    s = Session("server.max-message-size=1M")
    pieces = times(b"\0" * 65536, 100 * MIB), [b"\r\n"]
    s.message((piece for some in pieces for piece in some), "552")
    same(s.end("NULs"), [])


@test("a header of 1,000 lines, and one field of 1,000 lines")
def _():
    s = Session()
    fields = b"".join(b"X-Field-%d: %s\r\n" % (i, b"z" * 900) for i in range(1000))
    s.message([fields + b"\r\ntext\r\n"])
    lines = b"".join(b" folded %d %s\r\n" % (i, b"z" * 900) for i in range(1000))
    s.message([b"Subject: x\r\n" + lines + b"\r\ntext\r\n"])
    same(len(s.end("headers")), 2)


@test("a command of 100 MB")
def _():
    s = Session()
    for piece in times(b"n" * 65536, 100 * MIB):
        s.socket.sendall(piece)
    s.command(b"", "500")
    same(s.end("a command of 100 MB"), [])


@test("chunks: 50 MB in one, and 10,000 of them")
def _():
    s = Session()
    s.command(b"EHLO client.example", "250")
    for count, size in (1, 50 * MIB), (10000, 100):
        s.command(b"MAIL FROM:<a@b.example>", "250")
        s.command(b"RCPT TO:<u@local.example>", "250")
        for _ in range(count):
            s.socket.sendall(b"BDAT %d\r\n" % size)
            for piece in times(b"c" * min(size, 65536), size):
                s.socket.sendall(piece)
            s.reply("250")
        s.command(b"BDAT 0 LAST", "250")
    same(len(s.end("chunks")), 2)


@test("1,000 recipients with the longest addresses")
def _():
    s = Session()
    s.command(b"EHLO client.example", "250")
    s.command(b"MAIL FROM:<a@b.example>", "250")
    for i in range(1000):
        s.command(b"RCPT TO:<%060d@%s.example>" % (i, b"d" * 60), "250")
    s.command(b"DATA", "354")
    s.command(b"x\r\n.", "250")
    same(len(s.end("recipients")), 1)


@test("a message of 50 MB inside TLS")
def _():
    s = Session("server.tls=offer", "server.tls-certificate=%s.pem" % CERTIFICATE,
                "server.tls-key=%s.key" % CERTIFICATE, "server.hostname=" + HOST)
    s.command(b"EHLO client.example", "250")
    s.command(b"STARTTLS", "220")
    context = ssl.create_default_context(cafile=CERTIFICATE + ".pem")
    s.socket = context.wrap_socket(s.socket, server_hostname=HOST)
    s.file = s.socket.makefile("rb")
    size = s.message(times((b"x" * 70 + b"\r\n") * 1000, 50 * MIB))
    peak = s.peak()
    note("50 MB inside TLS: %d kB at its peak" % peak)
    check(peak < TLS_PEAK_KIB or "san" in os.path.basename(BUILD), "%d kB" % peak)
    s.command(b"QUIT", "221")
    stored, = [os.path.getsize(DIRECTORY + "/new/" + name)
               for name in os.listdir(DIRECTORY + "/new")]
    check(size <= stored < size + 2000, stored, size)


shutil.rmtree(DIRECTORY, ignore_errors=True)
CERTIFICATE = certificate(BUILD + "/tests/memory-certificate", HOST)
main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
