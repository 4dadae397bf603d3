# SPDX-License-Identifier: ISC
"""A real redis-server of build/peers or $REDIS_SERVER, and a server that is none, for tests."""
import os
import signal
import socket
import subprocess
import threading
import time

from programs import PEERS, peer_environment
from tap import check, wait_for

PORT, PASSWORD = 16379, "a-long-password"
# The replies to AUTH, SELECT, SCRIPT LOAD for each script of a listener, and SET.
READY = b"+OK\r\n+OK\r\n" + (b"$40\r\n" + b"a" * 40 + b"\r\n") * 2 + b"+OK\r\n"


def settings_of_redis(directory, port=PORT):
    """The lines of [shared]; the file with the password is in the directory."""
    return ["[shared]", "redis = redis://127.0.0.1:%d/3" % port,
            "password-file = %s/password" % directory, "prefix = test:"]


def write_password(directory, password=PASSWORD):
    with open(directory + "/password", "w") as file:
        file.write(password + "\n")
    os.chmod(directory + "/password", 0o600)


class Redis:
    """It listens on 127.0.0.1:PORT and writes no files but that with its password."""

    def __init__(self, directory):
        self.directory = directory
        write_password(directory)
        self.start()

    def start(self):
        log = open(self.directory + "/redis.log", "a")
        self.process = subprocess.Popen(
            [os.environ.get("REDIS_SERVER", PEERS + "/usr/bin/redis-server"),
             "--bind", "127.0.0.1", "--port", str(PORT), "--save", "", "--dir", self.directory,
             "--requirepass", PASSWORD],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=peer_environment())
        check(wait_for(lambda: self.process.poll() is None and self.order("PING")),
              open(self.directory + "/redis.log").read())

    def order(self, *words):
        """A command; the first line of its reply, or None if it does not listen."""
        try:
            with socket.create_connection(("127.0.0.1", PORT), 5) as s:
                file = s.makefile("rb")
                for line in [("AUTH", PASSWORD), words]:
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


class Delayed(threading.Thread):
    """Redis behind a slow network: each reply of it comes after delay_s."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.behind, self.delay_s = port, 0
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            client = self.socket.accept()[0]
            server = socket.create_connection(("127.0.0.1", self.behind))
            for ends in (client, server, False), (server, client, True):
                threading.Thread(target=self.pass_on, args=ends, daemon=True).start()

    def pass_on(self, source, to, slowly):
        try:
            while octets := source.recv(65536):
                time.sleep(self.delay_s if slowly else 0)
                to.sendall(octets)
            to.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
