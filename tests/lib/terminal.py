# SPDX-License-Identifier: ISC
"""A program on a terminal of its own, for mail readers that need a person: type() and expect()."""
import os
import pty
import re
import select
import signal
import struct
import termios
import fcntl
import time

from tap import Failure


class Terminal:
    def __init__(self, argv, env):
        self.seen = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(argv[0], argv, dict(env, TERM="xterm", LINES="40", COLUMNS="120"))
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))

    def type(self, text):
        os.write(self.fd, text.encode())

    def expect(self, pattern, deadline_s=10):
        """Read until pattern appears; forget all up to its end.  Escape sequences are removed."""
        end = time.monotonic() + deadline_s
        while True:
            match = re.search(pattern, self.seen)
            if match:
                self.seen = self.seen[match.end():]
                return match
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            try:
                data = os.read(self.fd, 4096) if ready else b""
            except OSError:
                data = b""
            if not data:
                raise Failure("did not show %r; it showed:\n%s" % (pattern, self.seen[-2000:]))
            self.seen = re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>78])", " ",
                               self.seen + data.decode(errors="replace"))

    def close(self, deadline_s=5):
        end = time.monotonic() + deadline_s
        while time.monotonic() < end:
            try:
                if select.select([self.fd], [], [], 0.05)[0]:
                    os.read(self.fd, 4096)
            except OSError:
                pass
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                os.close(self.fd)
                return True
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.fd)
        return False
