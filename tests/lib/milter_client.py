# SPDX-License-Identifier: ISC
"""A mail server as a filter sees it: one connection by the milter protocol."""
import re
import socket
import struct

VERSION, ACTIONS, STEPS = 6, 0x1ff, 0x1fffff


class Answer:
    """The answers to one message: its code, its edits, and the results in the field."""

    def __init__(self):
        self.code, self.text, self.inserted, self.removed = b"c", b"", [], []

    @property
    def results(self):
        return [re.sub(r"\s+", " ", value.decode("utf-8")).strip()
                for name, value in self.inserted]

    def result(self, method):
        """The results of a method, each with its properties."""
        found = []
        for value in self.results:
            for part in value.split("; ")[1:]:
                if part.startswith(method + "="):
                    found.append(part)
        return found


class MilterClient:
    def __init__(self, place, steps=STEPS, hostname=b"mx.example.org"):
        if isinstance(place, socket.socket):
            self.s = place
        elif isinstance(place, str):
            self.s = socket.socket(socket.AF_UNIX)
            self.s.connect(place)
        else:
            self.s = socket.create_connection(place)
        self.s.settimeout(20)
        self.hostname = hostname
        self.buffer = b""
        self.send(b"O", struct.pack("!3I", VERSION, ACTIONS, steps))
        command, data = self.receive()
        assert command == b"O", command
        self.steps = struct.unpack("!3I", data[:12])[2]

    def close(self):
        self.send(b"Q")
        self.s.close()

    def send(self, command, data=b""):
        self.s.sendall(struct.pack("!I", len(data) + 1) + command + data)

    def receive(self):
        def read(n):
            while len(self.buffer) < n:
                more = self.s.recv(65536)
                if not more:
                    raise EOFError
                self.buffer += more
            got, self.buffer = self.buffer[:n], self.buffer[n:]
            return got
        data = read(struct.unpack("!I", read(4))[0])
        return data[:1], data[1:]

    def step(self, command, data, silent):
        """Send a step; its answer, or 'c' where the filter gives none."""
        self.send(command, data)
        return (b"c", b"") if self.steps & silent else self.receive()

    def connect(self, source, helo="client.example"):
        family = b"6" if ":" in source else b"4"
        self.send(b"D", b"Cj\0" + self.hostname + b"\0")
        code, _ = self.step(b"C", b"[" + source.encode() + b"]\0" + family + b"\x19\x19" +
                            source.encode() + b"\0", 0x1000)
        self.step(b"H", helo.encode() + b"\0", 0x2000)
        return code

    def message(self, content, sender="", rcpts=("b@example.org",), user=""):
        """Send one message; its Answer."""
        a = Answer()
        if user:
            self.send(b"D", b"M{auth_authen}\0" + user.encode() + b"\0")
        else:
            self.send(b"D", b"Mi\x001\0")
        a.code, a.text = self.step(b"M", b"<" + sender.encode() + b">\0", 0x4000)
        for rcpt in rcpts:
            if a.code == b"c" and not self.steps & 0x8:
                a.code, a.text = self.step(b"R", b"<" + rcpt.encode() + b">\0", 0x8000)
        if a.code != b"c":
            return a
        header, _, body = content.partition(b"\r\n\r\n")
        if content.startswith(b"\r\n"):
            header, body = b"", content[2:]
        if header.endswith(b"\r\n"):
            header = header[:-2]
        for field in re.split(rb"\r\n(?![ \t])", header) if header else []:
            name, _, value = field.partition(b":")
            value = value.replace(b"\r\n", b"\n")
            if not self.steps & 0x100000 and value[:1] == b" ":
                value = value[1:]
            self.step(b"L", name + b"\0" + value + b"\0", 0x80)
        self.step(b"N", b"", 0x40000)
        for i in range(0, len(body), 65535):
            self.step(b"B", body[i:i + 65535], 0x80000)
        self.send(b"E")
        while True:
            command, data = self.receive()
            if command == b"i":
                name, value = data[4:].split(b"\0")[:2]
                a.inserted.append((name, value))
            elif command == b"h":
                name, value = data.split(b"\0")[:2]
                a.inserted.append((name, value))
            elif command == b"p":
                continue
            elif command == b"m":
                a.removed.append((struct.unpack("!I", data[:4])[0],) +
                                 tuple(data[4:].split(b"\0")[:2]))
            else:
                a.code, a.text = command, data
                return a
