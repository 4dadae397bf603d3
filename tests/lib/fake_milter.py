# SPDX-License-Identifier: ISC
"""A filter for tests that speaks the milter protocol, version 6, and breaks it where a test wants.

FakeMilter(address, answers) listens on a path or on (host, port).  answers has for a command letter
("C", "H", "M", "R", "T", "L", "N", "B", "E") the packets to send, or a function that gets the data
and returns them, or one of the faults below.  Other commands get "c", as far as `steps` allows.
The list seen has (command, data) of all connections, macros as ("D", {name: value}).
"""
import os
import socket
import struct
import threading
import time

from tap import wait_for

DIE, HANG, GARBAGE, HUGE = "die", "hang", "garbage", "huge"
ACTIONS = 0x1FF
KEEP_BLANK, NO_ANSWERS = 0x100000, 0xFF080


def packet(command, data=b""):
    return struct.pack("!I", len(data) + 1) + command.encode() + data


def add(name, value):
    return packet("h", b"%s\0%s\0" % (name, value))


def insert(index, name, value):
    return packet("i", struct.pack("!I", index) + b"%s\0%s\0" % (name, value))


def change(index, name, value):
    return packet("m", struct.pack("!I", index) + b"%s\0%s\0" % (name, value))


def body(text):
    return b"".join(packet("b", text[i:i + 65535]) for i in range(0, max(len(text), 1), 65535))


def text(command, value):
    return packet(command, value + b"\0")


def reply(value):
    return text("y", value)


CONTINUE, ACCEPT, REJECT = packet("c"), packet("a"), packet("r")
TEMPFAIL, DISCARD, SKIP = packet("t"), packet("d"), packet("s")
WORKING, SHUTDOWN = packet("p"), packet("4")


class FakeMilter:
    def __init__(self, address, answers=None, steps=0, actions=ACTIONS, version=6, macros=b""):
        self.answers, self.options = answers or {}, (version, actions, steps)
        self.macros, self.seen, self.open = macros, [], 0
        if isinstance(address, str):
            if os.path.exists(address):
                os.unlink(address)
            self.socket = socket.socket(socket.AF_UNIX)
            self.place = "unix:" + address
        else:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.place = "inet:%s:%d" % address
        self.socket.bind(address)
        if isinstance(address, str):
            os.chmod(address, 0o666)
        self.socket.listen(20)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.open += 1
            self.connection = connection
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def close(self):
        self.socket.close()

    def commands(self):
        """The commands in their order, without macros, after all connections have ended."""
        wait_for(lambda: self.open == 0, 5)
        return "".join(command for command, _ in self.seen if command != "D")

    def data(self, command):
        wait_for(lambda: self.open == 0, 5)
        return [data for seen, data in self.seen if seen == command]

    def serve(self, connection):
        try:
            self.talk(connection)
        except OSError:
            pass
        finally:
            connection.close()
            self.open -= 1

    def talk(self, connection):
        file = connection.makefile("rb")
        while len(head := file.read(5)) == 5:
            command = chr(head[4])
            data = file.read(struct.unpack("!I", head[:4])[0] - 1)
            if command == "D":
                words = data[1:].split(b"\0")[:-1]
                data = dict(zip(words[::2], words[1::2]), step=chr(data[0]))
            self.seen.append((command, data))
            if command == "O":
                answer = packet("O", struct.pack("!III", *self.options) + self.macros)
            elif command in "DAQK":
                answer = b""
            else:
                answer = self.answer(command, data)
            answer = self.answers.get(command, answer) if command == "O" else answer
            if answer == DIE:
                return
            if answer == HANG:
                time.sleep(60)
                return
            if answer == GARBAGE:
                answer = b"HTTP/1.1 400 Bad Request\r\n\r\n"
            if answer == HUGE:
                answer = struct.pack("!I", 0x7FFFFFFF) + b"h" * 100000
            if answer:
                connection.sendall(answer)

    def answer(self, command, data):
        answer = self.answers.get(command, CONTINUE)
        if callable(answer):
            return answer(data)
        quiet = {"C": 0x1000, "H": 0x2000, "M": 0x4000, "R": 0x8000, "T": 0x10000, "L": 0x80,
                 "N": 0x40000, "B": 0x80000}
        if command not in self.answers and self.options[2] & quiet.get(command, 0):
            return b""
        return answer
