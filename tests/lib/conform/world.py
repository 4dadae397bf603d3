# SPDX-License-Identifier: ISC
"""The DNS and the exchangers that a sender meets: they answer as the assertions want, and note
what they see.

    names = Names("127.0.0.1", 5353)
    names.add("example.org", MX, (10, "mx.example.org"))
    exchanger = Exchanger("127.1.0.1", 2525, "mx.example.org", DATA="451 4.3.0 later")
    exchanger.messages, exchanger.visits
"""
import re
import select
import socket
import struct
import threading
import time

from dns_packets import A, AAAA, CNAME, NXDOMAIN, SOA, TRUNCATED, answer, question, record

# In place of a reply.
CLOSE, MUTE = object(), object()
KEYWORDS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE", "ENHANCEDSTATUSCODES")
MOST = 8 << 20          # octets of one line or message
LONG_S = 30             # a visit that says nothing ends


def in_thread(run, *arguments):
    thread = threading.Thread(target=run, args=arguments, daemon=True)
    thread.start()
    return thread


class Names:
    """A name server on UDP and TCP that answers as a resolver does: it follows CNAME.

    failing: {name: rcode}; cut: names whose answers by UDP are truncated; asked: the questions.
    """

    def __init__(self, address, port):
        self.records, self.failing, self.cut, self.asked = {}, {}, set(), []
        self.address, self.open = address, True
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((address, port))
        self.port = self.udp.getsockname()[1]
        self.tcp = socket.create_server((address, self.port), backlog=50)
        self.threads = in_thread(self._datagrams), in_thread(self._streams)

    def add(self, name, kind, value):
        self.records.setdefault(name.lower(), []).append((kind, value))

    def close(self):
        """The port is free afterwards: a thread that still reads would keep it."""
        self.open = False
        for sock in self.udp, self.tcp:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(5)
        self.udp.close()
        self.tcp.close()

    def _known(self, name):
        return name in self.records or any(other.endswith("." + name) for other in
                                           list(self.records))

    def reply(self, packet, udp):
        ident, name, kind = question(packet)
        asked = (name, kind)
        self.asked.append(asked)
        if name in self.failing:
            return answer(ident, asked, rcode=self.failing[name])
        if udp and name in self.cut:
            return answer(ident, asked, flags=TRUNCATED)
        found, here = [], name
        for _ in range(8):
            known = self.records.get(here, ())
            found += [record(here, kind, value) for k, value in known if k == kind]
            onward = [value for k, value in known if k == CNAME != kind]
            if not onward:
                break
            found.append(record(here, CNAME, onward[0]))
            here = onward[0].lower()
        final = any(k == kind for k, _ in self.records.get(here, ()))
        return answer(ident, asked, found, 0 if self._known(here) else NXDOMAIN,
                      authority=() if final else [record(here.rpartition(".")[2], SOA, "ns")])

    def _datagrams(self):
        while self.open:
            try:
                packet, peer = self.udp.recvfrom(4096)
                self.udp.sendto(self.reply(packet, True), peer)
            except (OSError, IndexError, struct.error):
                continue

    def _streams(self):
        while self.open:
            try:
                in_thread(self._stream, self.tcp.accept()[0])
            except OSError:
                return

    def _stream(self, sock):
        with sock, sock.makefile("rb") as file:
            try:
                while head := file.read(2):
                    packet = self.reply(file.read(struct.unpack("!H", head)[0]), False)
                    sock.sendall(struct.pack("!H", len(packet)) + packet)
            except (OSError, IndexError, struct.error):
                pass


class Message:
    """A message that an exchanger took.  octets: as they came, without the added dots."""

    def __init__(self, visit, octets):
        self.visit, self.mail, self.rcpts = visit, visit.mail, list(visit.rcpts)
        self.octets, self.when = octets, time.monotonic()

    def sender(self):
        return path_of(self.mail)

    def recipients(self):
        return [path_of(line) for line in self.rcpts]


def path_of(line):
    """What stands between the brackets of a command, None if nothing does."""
    found = re.search(r'<((?:"(?:\\.|[^"\\])*"|[^>"])*)>', line)
    return found and found[1]


class Gone(Exception):
    """The client has closed the connection, or the script does."""


class Visit:
    """One connection.  lines: the commands; loose: those that did not end in CRLF; ahead: those
    that the client did not wait for, if the exchanger looks; raw: content with its dots."""

    def __init__(self, exchanger, sock):
        self.exchanger, self.sock, self.plan = exchanger, sock, exchanger.plan
        self.buffer, self.lines, self.loose, self.ahead = b"", [], [], []
        self.start, self.end, self.early, self.quit = time.monotonic(), None, False, False
        self.hello, self.mail, self.rcpts, self.chunks, self.raw = None, None, [], b"", []
        self.tls, self.waited = False, None
        sock.settimeout(LONG_S)

    # -- octets
    def receive(self):
        data = self.sock.recv(65536)
        if not data or len(self.buffer) > MOST:
            raise Gone
        self.buffer += data

    def until(self, end):
        while end not in self.buffer:
            self.receive()
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def exactly(self, count):
        while len(self.buffer) < count:
            self.receive()
        found, self.buffer = self.buffer[:count], self.buffer[count:]
        return found

    def more(self, within_s):
        """True if the client sends without a reply."""
        if self.buffer:
            return True
        if not select.select([self.sock], [], [], within_s)[0]:
            return False
        return self.tls or bool(self.sock.recv(1, socket.MSG_PEEK))

    def send(self, reply):
        if reply is CLOSE:
            raise Gone
        if reply is MUTE:
            while True:
                self.receive()
        octets = reply if isinstance(reply, bytes) else reply.encode() + b"\r\n"
        step = self.plan.get("pieces", len(octets))
        for at in range(0, len(octets), step):
            self.sock.sendall(octets[at:at + step])
            if step < len(octets):
                time.sleep(0.002)
        if octets.startswith(b"421"):
            time.sleep(0.05)
            raise Gone
        return octets

    # -- the session
    def run(self):
        try:
            self.converse()
        except (Gone, OSError, ValueError):
            pass
        self.end = time.monotonic()
        try:
            self.sock.close()
        except OSError:
            pass

    def converse(self):
        if "slow" in self.plan:
            self.early = self.more(self.plan["slow"])
        self.send(self.exchanger.next("connect", self.exchanger.greeting()))
        while not self.quit:
            line = self.until(b"\n")
            if not line.endswith(b"\r"):
                self.loose.append(line)
            text = line.rstrip(b"\r").decode("latin1")
            self.lines.append(text)
            if "linger" in self.plan and self.more(self.plan["linger"]):
                self.ahead.append(text)
            self.command(text)

    def command(self, line):
        verb = re.split("[ :]", line.upper(), maxsplit=1)[0]
        usual = getattr(self, "do_" + verb.lower(), lambda line: "250 2.0.0 Ok")(line)
        if usual is None:
            return
        reply = usual if usual[0] == "5" and verb == "RCPT" else self.exchanger.next(
            verb, usual, line)
        octets = self.send(reply)
        self.heard(verb, line, octets[:1] == b"2", octets)

    def do_ehlo(self, line):
        words = self.plan.get("keywords", KEYWORDS)
        if self.tls:
            words = self.plan.get("inside", [word for word in words if word != "STARTTLS"])
        lines = [self.exchanger.name, *words]
        return "\r\n".join("250%s%s" % (" " if i == len(lines) - 1 else "-", text)
                           for i, text in enumerate(lines))

    do_lhlo = do_ehlo

    def do_rcpt(self, line):
        return "250 2.1.5 Ok" if self.mail else "503 5.5.1 no MAIL"

    def do_data(self, line):
        return "354 go on" if self.rcpts else "503 5.5.1 no recipients"

    def do_quit(self, line):
        self.quit = True
        if "quit" in self.plan:
            start = time.monotonic()
            self.waited = not select.select([self.sock], [], [], self.plan["quit"])[0]
            time.sleep(max(0, start + self.plan["quit"] - time.monotonic()))
        return "221 2.0.0 Bye"

    def do_bdat(self, line):
        words = line.split()
        self.chunks += self.exactly(int(words[1]))
        last = words[-1].upper() == "LAST"
        reply = self.exchanger.next("BDAT", "250 2.0.0 Ok" if self.rcpts else "503 5.5.1 no", line)
        if last:
            self.take(self.chunks, reply)
            self.chunks = b""
        self.send(reply)

    def do_starttls(self, line):
        reply = self.exchanger.next("STARTTLS", "220 2.0.0 go on", line)
        octets = self.send(reply)
        if not octets.startswith(b"220"):
            return
        self.buffer = b""
        if self.plan.get("shake") is CLOSE:
            raise Gone
        self.sock = self.plan["tls"].wrap_socket(self.sock, server_side=True)
        self.tls, self.hello = True, None
        self.lines.append("(TLS)")

    def heard(self, verb, line, good, octets):
        if verb in ("EHLO", "HELO", "LHLO") and good:
            self.hello = line
        if verb in ("EHLO", "HELO", "LHLO", "RSET"):
            self.mail, self.rcpts, self.chunks = None, [], b""
        elif verb == "MAIL" and good:
            self.mail, self.rcpts = line, []
        elif verb == "RCPT" and good:
            self.rcpts.append(line)
        elif verb == "DATA" and octets.startswith(b"354"):
            self.content()

    def content(self):
        early = self.exchanger.next("content", None)
        if early:
            self.receive()
            self.send(early)
            time.sleep(0.2)
            raise Gone
        while not self.buffer.startswith(b".\r\n") and b"\r\n.\r\n" not in self.buffer:
            self.receive()
        if self.buffer.startswith(b".\r\n"):
            raw, self.buffer = b"", self.buffer[3:]
        else:
            raw = self.until(b"\r\n.\r\n") + b"\r\n"
        self.raw.append(raw)
        octets = re.sub(rb"(?m)^\.", b"", raw)
        count = len(self.rcpts) if "lmtp" in self.plan else 1
        usual = "250 2.0.0 Ok" if self.rcpts else "554 5.5.1 no recipients"
        replies = [self.exchanger.next("dot", usual, line) for line in
                   (self.rcpts[:count] or [""])]
        self.take(octets, replies[0])
        for reply in replies:
            self.send(reply)

    def take(self, octets, reply):
        if self.rcpts and reply not in (CLOSE, MUTE) and str(reply).startswith(("2", "b'2")):
            self.exchanger.messages.append(Message(self, octets))
        self.exchanger.offered.append(Message(self, octets))
        self.mail, self.rcpts = None, []


class Exchanger:
    """An SMTP server at address.  plan: what it does otherwise than usual.

    A verb, "connect" (the greeting), "content" (a reply before its end) or "dot" (behind it) has a
    reply: a text, octets as they are, CLOSE, MUTE, or a function of the command.  A list has one
    for each time; the last one stays.  keywords: of EHLO; slow: the greeting comes so late; linger:
    it looks so long whether more comes before each reply.

    messages: accepted ones; offered: all.
    """

    def __init__(self, address, port, name, **plan):
        self.address, self.name, self.plan = address, name, plan
        self.visits, self.messages, self.offered = [], [], []
        self._turns, self._lock = {}, threading.Lock()
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.sock = socket.create_server((address, port), family=family, backlog=50)
        in_thread(self._accept)

    def greeting(self):
        return "220 %s ESMTP" % self.name

    def kind(self):
        return AAAA if ":" in self.address else A

    def next(self, verb, usual, line=""):
        with self._lock:
            planned = self.plan.get(verb, usual)
            if isinstance(planned, list):
                turn = self._turns.get(verb, 0)
                self._turns[verb] = turn + 1
                planned = planned[min(turn, len(planned) - 1)]
            if callable(planned):
                planned = planned(line)
        return usual if planned is None else planned

    def ended(self):
        return [visit for visit in list(self.visits) if visit.end]

    def lines(self):
        return [line for visit in list(self.visits) for line in visit.lines]

    def _accept(self):
        while True:
            try:
                sock = self.sock.accept()[0]
            except OSError:
                return
            visit = Visit(self, sock)
            self.visits.append(visit)
            in_thread(visit.run)

    def close(self):
        for sock in [self.sock] + [visit.sock for visit in self.visits if not visit.end]:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            sock.close()
