#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Clients for tests/host/survive_test.py, on the network of its machine.

flood.py flood PORT N SOURCES HOLD   N connections at once from addresses 127.1.x.y; prints a JSON
                                     object: how many were greeted, refused with 421, closed
                                     without a word, and are still silent; and seconds
flood.py serve PORT SOURCE           the seconds to a greeting, and what it says
flood.py load PORT RATE FILE         messages at this rate until FILE.stop exists; FILE gets the
                                     subjects that were acknowledged, FILE.cut the sessions that
                                     broke off in a message
"""
import json
import os
import random
import resource
import selectors
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import SLOWER  # noqa: E402

PACE_S = float(os.environ.get("FLOOD_PACE", "0"))	# for servers with a short queue
SILENCE_S = float(os.environ.get("FLOOD_SILENCE", "15"))


def source(i, sources):
    return "127.1.%d.%d" % divmod(i % sources + 1, 250)


def open_one(port, address):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.setsockopt(socket.IPPROTO_IP, 24, 1)		# IP_BIND_ADDRESS_NO_PORT
    s.bind((address, 0))
    s.setblocking(False)
    s.connect_ex(("127.0.0.1", port))
    return s


def flood(port, n, sources, hold):
    resource.setrlimit(resource.RLIMIT_NOFILE, (n + 100, n + 100))
    selector, begin = selectors.DefaultSelector(), time.monotonic()
    count = {"greeted": 0, "refused": 0, "closed": 0, "silent": n}
    sockets = []
    for i in range(n):
        sockets.append(open_one(port, source(i, sources)))
        selector.register(sockets[-1], selectors.EVENT_READ)
        time.sleep(PACE_S)
    while selector.get_map() and (ready := selector.select(SILENCE_S)):
        for key, _ in ready:
            try:
                data = key.fileobj.recv(512)
            except OSError:
                data = b""
            selector.unregister(key.fileobj)
            kind = {b"220": "greeted", b"421": "refused"}.get(data[:3], "closed")
            count[kind] += 1
            count["silent"] -= 1
        if count["silent"] == 0 or time.monotonic() - begin > 60 * SLOWER:
            break
    count["seconds"] = round(time.monotonic() - begin, 2)
    time.sleep(hold)
    for i, s in enumerate(sockets):
        if i % 2:			# half of them end by a reset
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    print(json.dumps(count))


def serve(port, address):
    begin = time.monotonic()
    with socket.socket() as s:
        s.bind((address, 0))
        s.settimeout(30)
        try:
            s.connect(("127.0.0.1", port))
            data = s.recv(512)
            if data.startswith(b"220"):
                s.sendall(b"QUIT\r\n")
        except OSError as error:
            data = str(error).encode()
    print("%.2f %s" % (time.monotonic() - begin, data.decode().strip()))


class Sender(threading.Thread):
    """Messages of one client, several a session."""

    def __init__(self, port, path, number, pause_s):
        super().__init__()
        self.port, self.path, self.number, self.pause_s = port, path, number, pause_s
        self.acknowledged, self.cut, self.sent, self.file = [], [], 0, None

    def reply(self):
        while True:
            line = self.file.readline()
            if not line:
                raise OSError("closed")
            if line[3:4] == b" ":
                return line

    def command(self, text):
        self.s.sendall(text.encode() + b"\r\n")
        return self.reply()

    def message(self):
        self.sent += 1
        subject = "load-%d-%d" % (self.number, self.sent)
        for text in ("MAIL FROM:<a@b.example>", "RCPT TO:<anna@example.org>"):
            if not self.command(text).startswith(b"250"):
                return False
        if not self.command("DATA").startswith(b"354"):
            return False
        try:
            self.s.sendall(("Subject: %s\r\n\r\n" % subject).encode())
            time.sleep(random.random() / 20)		# mid-message
            self.s.sendall(b"x" * 70 + b"\r\n" * 2)
            done = self.command(".")
        except OSError as error:
            self.cut.append("%s: %s" % (subject, error))
            raise
        if done.startswith(b"250"):
            self.acknowledged.append(subject)
        return done.startswith(b"250")

    def session(self):
        with socket.create_connection(("127.0.0.1", self.port), 20) as self.s:
            self.file = self.s.makefile("rb")
            if not self.reply().startswith(b"220"):
                return
            self.command("EHLO load")
            for _ in range(10):
                good = self.message()
                time.sleep(self.pause_s * random.uniform(0.5, 1.5))
                if not good or os.path.exists(self.path + ".stop"):
                    break
            self.command("QUIT")

    def run(self):
        while not os.path.exists(self.path + ".stop"):
            try:
                self.session()
            except OSError:
                time.sleep(0.05)


def load(port, rate, path):
    senders = [Sender(port, path, i, 8 / rate - 0.03) for i in range(8)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    with open(path + ".cut", "w") as file:
        for sender in senders:
            file.writelines(line + "\n" for line in sender.cut)
    with open(path + ".new", "w") as file:
        for sender in senders:
            file.writelines(line + "\n" for line in sender.acknowledged)
    os.rename(path + ".new", path)


def main(command, port, *rest):
    if command == "flood":
        flood(int(port), *map(int, rest))
    elif command == "serve":
        serve(int(port), *rest)
    else:
        load(int(port), float(rest[0]), rest[1])


main(*sys.argv[1:])
