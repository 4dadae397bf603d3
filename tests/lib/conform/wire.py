# SPDX-License-Identifier: ISC
"""One SMTP connection of the client: octets out, replies in, each with a deadline.

A place is HOST:PORT, or pipe:COMMAND (the session is on two pipes), or inetd:COMMAND (it is on one
socket).  TLS works in each.
"""
import os
import re
import select
import shlex
import signal
import socket
import ssl
import subprocess
import time

REPLY = re.compile(rb"([2-5]\d\d)([ -]|$)")
# No case needs more of a server's output.
MOST = 4 << 20


class Closed(Exception):
    """The server has closed the connection."""


class Mute(Exception):
    """The server did not reply, or did not read, in time."""


class Reply:
    """lines: as they came, with their ends; code: 0 if the first line is no reply."""

    def __init__(self, after, lines):
        self.after, self.lines = after, lines
        found = REPLY.match(lines[0].rstrip(b"\r\n")) if lines else None
        self.code = int(found[1]) if found else 0

    def texts(self):
        return [line.rstrip(b"\r\n")[4:].decode("latin1") for line in self.lines]

    def text(self):
        return self.texts()[0] if self.lines else ""

    def __str__(self):
        return " / ".join(line.rstrip(b"\r\n").decode("latin1") for line in self.lines)


class Wire:
    """A connection to a place.  timeout_s: for one reply; source: the client's address.

    heard: a list to which each reply is added.
    """

    def __init__(self, place, timeout_s, source=None, heard=None):
        self.timeout_s, self.heard = timeout_s, heard if heard is not None else []
        self.process, self.tls, self.ended = None, None, False
        self.limit = float("inf")        # no wait goes on after this time
        self.buffer, self.after, self.reads = b"", "the connection", []
        kind, _, command = place.partition(":")
        if kind in ("pipe", "inetd"):
            self._start(kind, shlex.split(command))
        else:
            host, _, port = place.rpartition(":")
            sock = socket.create_connection((host.strip("[]"), int(port)), timeout_s,
                                            source_address=(source, 0) if source else None)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._of_socket(sock)
        for fd in {self.into, self.out}:
            os.set_blocking(fd, False)

    def _start(self, kind, argv):
        quiet = {"stderr": subprocess.DEVNULL, "start_new_session": True}
        if kind == "pipe":
            self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            bufsize=0, **quiet)
            self.into, self.out = self.process.stdin.fileno(), self.process.stdout.fileno()
            self.files = [self.process.stdin, self.process.stdout]
        else:
            mine, theirs = socket.socketpair()
            with theirs:
                self.process = subprocess.Popen(argv, stdin=theirs, stdout=theirs, **quiet)
            self._of_socket(mine)

    def _of_socket(self, sock):
        self.into = self.out = sock.fileno()
        self.files = [sock]

    # -- octets
    def _receive(self):
        try:
            data = os.read(self.out, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data or len(self.buffer) > MOST:
            self.ended = True
        elif self.tls:
            self.cipher_in.write(data)
            self._decrypt()
        else:
            self.reads.append(data)
            self.buffer += data

    def _decrypt(self):
        try:
            while data := self.tls.read(65536):
                self.buffer += data
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.ended = True

    def _write(self, octets, end):
        """Write, and read meanwhile, so that neither side waits for the other."""
        octets = memoryview(octets)
        while octets:
            left = min(end, self.limit) - time.monotonic()
            ready = select.select([] if self.ended else [self.out], [self.into], [], max(left, 0))
            if not ready[0] and not ready[1]:
                raise Mute("the server does not read, after " + self.after)
            if ready[0]:
                self._receive()
            if ready[1]:
                try:
                    octets = octets[os.write(self.into, octets[:65536]):]
                except BlockingIOError:
                    pass
                except OSError:
                    return          # what the server wrote before can still be read

    def send(self, octets, timeout_s=None):
        if isinstance(octets, str):
            octets = octets.encode()
        self.after = shown(octets)
        end = time.monotonic() + (timeout_s or self.timeout_s)
        if self.tls:
            self.tls.write(octets)
            octets = self.cipher_out.read()
        self._write(octets, end)

    def _wait(self, end):
        if self.ended:
            raise Closed("the server closed the connection, after " + self.after)
        left = min(end, self.limit) - time.monotonic()
        if left <= 0 or not select.select([self.out], [], [], left)[0]:
            raise Mute("no reply in %g s, after %s" % (self.timeout_s, self.after))
        self._receive()

    def line(self, end):
        while b"\n" not in self.buffer:
            self._wait(end)
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line + b"\n"

    # -- replies
    def reply(self, timeout_s=None):
        end = time.monotonic() + (timeout_s or self.timeout_s)
        lines = [self.line(end)]
        while re.match(rb"\d\d\d-", lines[-1]) and len(lines) < 200:
            lines.append(self.line(end))
        reply = Reply(self.after, lines)
        self.heard.append(reply)
        return reply

    def command(self, line, timeout_s=None):
        if isinstance(line, str):
            line = line.encode()
        self.send(line + b"\r\n")
        return self.reply(timeout_s)

    def rest(self):
        """All replies up to the server's end, and whether it ended."""
        replies = []
        try:
            while True:
                replies.append(self.reply())
        except Closed:
            return replies, True
        except Mute:
            return replies, False

    def closes(self):
        """True if the server closes in time; what it writes before is read."""
        return self.rest()[1]

    # -- TLS
    def start_tls(self, version=None):
        """Shake hands; ssl.SSLError if that fails."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if version:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = version
        self.cipher_in, self.cipher_out = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(self.cipher_in, self.cipher_out)
        end = time.monotonic() + self.timeout_s
        self.cipher_in.write(self.buffer)
        self.buffer, self.after = b"", "the start of TLS"
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                self._write(self.cipher_out.read(), end)
                self._wait(end)
                self.cipher_in.write(self.buffer)
                self.buffer = b""
                continue
            except ssl.SSLError:
                self._write(self.cipher_out.read(), end)
                raise
            self._write(self.cipher_out.read(), end)
            self.tls = tls
            self._decrypt()
            return

    # -- the end
    def half_close(self):
        """The client sends no more, and still reads."""
        if len(self.files) == 2:
            self.files[0].close()
        else:
            try:
                self.files[0].shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def status(self):
        """The exit status of the server's process; None if it has none, or goes on."""
        if not self.process:
            return None
        try:
            return self.process.wait(self.timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def close(self):
        for file in self.files:
            file.close()
        if not self.process:
            return
        try:
            self.process.wait(1)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except OSError:
            pass
        self.process.wait()


def shown(octets, most=70):
    """Octets for a line of output: printable, and not long."""
    if isinstance(octets, str):
        octets = octets.encode()
    text = repr(octets.removesuffix(b"\r\n"))[2:-1]
    return text if len(text) <= most else "%s... (%d octets)" % (text[:most], len(octets))
