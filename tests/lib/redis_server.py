# SPDX-License-Identifier: ISC
"""A real redis-server of build/peers, and a server that is none, for tests."""
import signal
import socket
import subprocess
import threading
import time

from programs import PEERS, peer_environment
from tap import check, wait_for


# The replies to AUTH, SELECT and SCRIPT LOAD for each script of a listener.
READY = b"+OK\r\n+OK\r\n" + (b"$40\r\n" + b"a" * 40 + b"\r\n") * 2


class Redis:
    """It listens on 127.0.0.1:port and writes no files."""

    def __init__(self, directory, port, password=None):
        self.directory, self.port, self.password = directory, port, password
        self.start()

    def start(self):
        log = open(self.directory + "/redis.log", "a")
        secret = ["--requirepass", self.password] if self.password else []
        self.process = subprocess.Popen(
            [PEERS + "/usr/bin/redis-server", "--bind", "127.0.0.1", "--port", str(self.port),
             "--save", "", "--dir", self.directory, *secret],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=peer_environment())
        check(wait_for(lambda: self.process.poll() is None and self.order("PING")),
              open(self.directory + "/redis.log").read())

    def order(self, *words):
        """A command; the first line of its reply, or None if it does not listen."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as s:
                lines = [("AUTH", self.password)] if self.password else []
                file = s.makefile("rb")
                for line in [*lines, words]:
                    s.sendall((" ".join(line) + "\r\n").encode())
                    reply = file.readline().decode().strip()
                return reply
        except OSError:
            return None

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        self.process.kill()
        self.process.wait(10)


class Garbage(threading.Thread):
    """A server that replies with other octets than Redis."""

    def __init__(self, octets, slowly=False):
        super().__init__(daemon=True)
        self.octets, self.slowly, self.clients = octets, slowly, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            client = self.socket.accept()[0]
            self.clients += 1
            try:
                client.recv(100000)
                for octet in self.octets if self.slowly else [self.octets]:
                    client.sendall(bytes([octet]) if self.slowly else octet)
                    if self.slowly:
                        time.sleep(0.05)
            except OSError:
                pass
            client.close()
