# SPDX-License-Identifier: ISC
"""A small mail transfer agent that keeps the assertions of tests/conformance --sink, but for the
ones it breaks.

    sender = BadSender({226}, dns=("127.1.0.1", 5353), port=2525)
    ... sender.place, sender.flush()

It takes mail by SMTP, from anybody for anybody, keeps it in memory, and delivers it at once.  It is
for tests of tests/conformance alone.
"""
import quopri
import random
import re
import socket
import ssl
import struct
import threading
import time

from dns_packets import A, AAAA, CNAME, MX, NXDOMAIN, wire_name

NAME = "mail.sender.example"
KEYWORDS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "SIZE 9000000", "STARTTLS", "REQUIRETLS")
DATE = "Sun, 29 Nov 2026 12:00:00 +0000"
OK, LATER, NEVER = "delivered", "later", "failed"


class Problem(Exception):
    """The attempt ends for all recipients that have no outcome."""

    def __init__(self, outcome, text, elsewhere=True):
        super().__init__(text)
        self.outcome, self.text, self.elsewhere = outcome, text, elsewhere


class Lines:
    """A connection, read line by line."""

    def __init__(self, sock, timeout_s):
        self.sock, self.buffer = sock, b""
        sock.settimeout(timeout_s)

    def line(self, end=b"\n"):
        while end not in self.buffer:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionResetError
            self.buffer += data
        line, _, self.buffer = self.buffer.partition(end)
        return line + end


class Message:
    def __init__(self, sender, mail, octets):
        self.sender, self.mail, self.octets = sender, mail, octets


class Rcpt:
    def __init__(self, path, params):
        self.path, self.params, self.text, self.host, self.relayed = path, params, "", "", False
        self.outcome = LATER


# ---- taking mail

class Taking:
    """The server's half of a session."""

    def __init__(self, sender, sock):
        self.sender, self.lines = sender, Lines(sock, 20)

    def say(self, text):
        self.lines.sock.sendall(text.encode() + b"\r\n")

    def run(self):
        try:
            self.converse()
        except (OSError, ValueError):
            pass
        self.lines.sock.close()

    def converse(self):
        self.say("220 %s ESMTP" % NAME)
        message, rcpts = None, []
        while True:
            line = self.lines.line(b"\r\n")[:-2].decode()
            verb = line[:4].upper()
            path, params = self.path(line)
            if verb == "EHLO":
                self.say("\r\n".join("250-" + text for text in (NAME, *KEYWORDS)) + "\r\n250 HELP")
            elif verb == "MAIL":
                message, rcpts = Message(path, params, b""), []
                self.say("250 ok")
            elif verb == "RCPT":
                rcpts.append(Rcpt(path, params))
                self.say("250 ok")
            elif verb == "DATA":
                self.say("354 go on")
                text = b"\r\n" + self.lines.line(b"\r\n.\r\n")[:-3]
                message.octets = re.sub(rb"\r\n\.", b"\r\n", text)[2:]
                self.sender.take(message, rcpts)
                self.say("250 ok")
            elif verb == "STAR":
                self.say("220 go on")
                self.lines.sock = self.sender.tls.wrap_socket(self.lines.sock, server_side=True)
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")

    def path(self, line):
        found = re.search(r'<(@[^:>]*:)?((?:"[^"]*"|[^">])*)>(.*)', line)
        if not found:
            return "", ""
        route = found[1] if self.sender.bad(268) and found[1] else ""
        return route + found[2], found[3].strip()


# ---- the DNS

class Resolver:
    def __init__(self, sender, address):
        self.sender, self.address = sender, address

    def packet(self, query):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(3)
            sock.sendto(query, self.address)
            packet = sock.recv(4096)
        if not packet[2] & 2 or self.sender.bad(212):
            return packet
        with socket.create_connection(self.address, 3) as sock:
            sock.sendall(struct.pack("!H", len(query)) + query)
            file = sock.makefile("rb")
            return file.read(struct.unpack("!H", file.read(2))[0])

    @staticmethod
    def name(packet, at):
        labels = []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin1"))
            at += 1 + packet[at]
        return ".".join(labels), at + 1

    def ask(self, name, kind):
        """(rcode, values); the canonical name's values, if there is an alias."""
        packet = self.packet(struct.pack("!6H", 7, 0x100, 1, 0, 0, 0) + wire_name(name)
                             + struct.pack("!2H", kind, 1))
        at, values, aliases = 12 + len(wire_name(name)) + 4, [], 0
        for _ in range(struct.unpack("!H", packet[6:8])[0]):
            _, at = self.name(packet, at)
            found, size = struct.unpack("!H", packet[at:at + 2])[0], at + 10
            octets = packet[size:size + struct.unpack("!H", packet[at + 8:at + 10])[0]]
            if found == CNAME:
                aliases += 1
            elif found == kind == MX:
                values.append((struct.unpack("!H", octets[:2])[0], self.name(octets, 2)[0]))
            elif found == kind:
                values.append(socket.inet_ntop(socket.AF_INET if kind == A else socket.AF_INET6,
                                               octets))
            at = size + len(octets)
        if aliases > 5 and self.sender.bad(207):
            self.sender.stuck = True
        if aliases and (self.sender.bad(206) and kind == MX or self.sender.bad(208)
                        and kind == A):
            values = []
        return packet[3] & 15, values

    def addresses(self, name):
        found = self.ask(name, A)[1]
        if not self.sender.bad(210) and not self.sender.bad(211):
            found += self.ask(name, AAAA)[1]
        return found[:1] if self.sender.bad(138) else found

    def hosts(self, domain):
        """[(name, addresses)] in the order of tries; Problem if there is none."""
        bad = self.sender.bad
        if domain.startswith("["):
            if bad(213):
                raise Problem(NEVER, "no literals", False)
            return [(domain, [domain[1:-1]])]
        rcode, found = self.ask(domain, MX)
        if rcode not in (0, NXDOMAIN):
            raise Problem(NEVER if bad(204) else LATER, "4.4.3 the DNS fails", False)
        if rcode == NXDOMAIN:
            raise Problem(LATER if bad(203) else NEVER, "5.1.2 no such domain", False)
        if [name for _, name in found] == [""] and not bad(137):
            raise Problem(NEVER, "5.1.10 null MX", False)
        if not bad(202):
            random.shuffle(found)
        found.sort(key=lambda pair: pair[0], reverse=bad(135))
        own = [preference for preference, name in found if name == NAME]
        if own and not bad(102):
            found = [pair for pair in found if pair[0] < own[0]]
            if not found:
                raise Problem(LATER if bad(209) else NEVER, "5.4.6 loop", False)
        hosts = [(name, self.addresses(name)) for _, name in found if name]
        if not hosts and not bad(136) or bad(205):
            hosts.append((domain, self.addresses(domain)))
        if not any(addresses for _, addresses in hosts) and not found:
            raise Problem(NEVER, "5.1.2 no address", False)
        return hosts


# ---- sending

class Talk:
    """The client's half of a session at one address."""

    def __init__(self, sender, host, address, port, lmtp=False):
        self.sender, self.bad, self.host, self.lmtp = sender, sender.bad, host, lmtp
        self.keywords, self.secure = {}, False
        try:
            self.lines = Lines(socket.create_connection((address, port), 1), sender.patience)
        except OSError:
            raise Problem(LATER, "4.4.1 no connection") from None

    def read(self, phase):
        """(code, text).  phase: what the reply is to."""
        bad = self.bad
        try:
            return self.whole(phase)
        except TimeoutError:
            number = {"connect": 139, "MAIL": 244, "dot": 245}.get(phase)
            raise Problem(NEVER if bad(number) else LATER, "4.4.2 time-out") from None
        except OSError:
            number = {"connect": 143, "EHLO": 234, "MAIL": 235, "RCPT": 236, "DATA": 237,
                      "dot": 239}.get(phase)
            never = bad(number) or bad(238) and phase == "dot"
            raise Problem(NEVER if never else LATER, "4.4.2 lost", not bad(252)) from None

    def whole(self, phase):
        bad, texts = self.bad, []
        while True:
            if bad(217):
                line, self.lines.buffer = self.lines.buffer or self.lines.sock.recv(999), b""
                if not line.endswith(b"\n"):
                    raise Problem(NEVER, "a short reply")
            else:
                line = self.lines.line(b"\r\n" if bad(218) else b"\n")
            text = line.rstrip(b"\r\n").decode("latin1")
            if bad(219) and len(line) > 512 or bad(223) and len(texts) > 20:
                raise Problem(LATER, "a long reply")
            code = r"[2-5]\d\d(?:[ -]|$)" if bad(291) else r"[2-5]\d\d(?!\d)"
            if not re.match(code, text) and not (
                    bad(241) and re.match("[16]", text)):
                raise Problem(NEVER if bad(240) else LATER, "4.5.0 no reply")
            if bad(292) and texts and text[:3] != first:
                raise Problem(LATER, "another code")
            first = text[:3]
            texts.append(text[4:])
            if text[3:4] != "-" or bad(216) or bad(120) and phase != "EHLO":
                break
        code = int(text[:3])
        if bad(215) and len(text) < 5 or bad(220) and phase == "connect" and len(text) < 5:
            raise Problem(LATER, "an empty reply")
        if bad(142) and code // 100 == 2 and code not in (220, 221, 250):
            raise Problem(LATER, "a strange reply")
        if code == 421 and phase != "connect":
            number = {"MAIL": 230, "RCPT": 231, "DATA": 232, "dot": 233}.get(phase)
            never = bad(number) or bad(296)
            raise Problem(NEVER if never else LATER, "%d %s" % (code, texts[-1]),
                          not bad(253))
        if bad(241) and code // 100 in (1, 6):
            code = 250
        return code, "%d %s" % (code, " ".join(texts)), texts

    def send(self, text):
        end = "\n" if self.bad(258) else "\r\n"
        try:
            self.lines.sock.sendall((text + end).encode())
        except OSError:
            raise Problem(LATER, "4.4.2 lost") from None

    def command(self, text, phase):
        self.send(text)
        return self.read(phase)

    def begin(self):
        bad = self.bad
        if bad(254):
            self.send("NOOP")
        code, text, _ = self.read("connect")
        if bad(254):
            self.read("NOOP")
        if code // 100 == 4:
            raise Problem(NEVER if bad(224) else LATER, text, not bad(250))
        if code // 100 == 5:
            raise Problem(LATER if bad(144) and code == 521 else NEVER, text, not bad(251))
        self.hello()
        if "STARTTLS" in self.keywords and not self.lmtp:
            self.start_tls()

    def hello(self):
        bad = self.bad
        name = "localhost" if bad(38) else NAME
        verb = "EHLO" if not self.lmtp or bad(166) else "LHLO"
        code, text, texts = self.command("%s %s" % (verb, name), "EHLO")
        if code // 100 == 5 and not bad(36):
            code, text, _ = self.command("HELO " + name, "EHLO")
            texts = []
        if code // 100 != 2:
            raise Problem(NEVER if bad(225) else LATER, text)
        if not bad(133) or not self.secure:
            self.keywords = {}
        for line in texts[1:]:
            word, _, rest = line.partition(" ") if bad(221) else line.strip().partition(" ")
            if bad(222) and not re.fullmatch("(?i)[a-z0-9][a-z0-9-]*", word):
                raise Problem(LATER, "a strange keyword")
            self.keywords[word if bad(221) else word.upper()] = rest
        if bad(37):
            self.keywords["DSN"] = ""

    def start_tls(self):
        code, text, _ = self.command("STARTTLS", "STARTTLS")
        if code != 220:
            if self.bad(277):
                raise Problem(NEVER, text)
            return
        kept, self.lines.buffer = self.lines.buffer, b""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        try:
            self.lines.sock = context.wrap_socket(self.lines.sock)
        except (OSError, ssl.SSLError):
            self.sender.clear.add(self.host)
            raise Problem(NEVER if self.bad(134) else LATER, "4.7.5 no TLS") from None
        self.secure = True
        if self.bad(278):
            self.lines.buffer = kept
        self.hello()

    def quit(self):
        if self.bad(257):
            return
        try:
            code, text, _ = self.command("QUIT", "QUIT")
            if self.bad(295) and code // 100 == 5:
                raise Problem(LATER, text)
        except Problem:
            if self.bad(261) or self.bad(294) or self.bad(295):
                raise

    # -- one message
    def parameters(self, message, octets):
        bad, words = self.bad, []
        if "SIZE" in self.keywords:
            limit = self.keywords["SIZE"].strip()
            most = int(limit) if limit.isdigit() else 0
            if (most or bad(293)) and len(octets) > most and not bad(148):
                raise Problem(NEVER, "5.3.4 too large")
            words.append("SIZE=%d" % (1 if bad(271) or bad(148) else len(octets)))
        if "8BITMIME" in self.keywords and not octets.isascii() and not bad(290):
            words.append("BODY=8BITMIME")
        if "SMTPUTF8" in self.keywords and "SMTPUTF8" in message.mail and not bad(272):
            words.append("SMTPUTF8")
        if "DSN" in self.keywords:
            words += [word for word in message.mail.split() if word[:4] in ("RET=", "ENVI")]
        return " ".join(["", *words])

    def fit(self, message, octets):
        """The octets for this server."""
        bad = self.bad
        if "SMTPUTF8" in message.mail and "SMTPUTF8" not in self.keywords:
            if not bad(273):
                raise Problem(NEVER, "5.6.7 no SMTPUTF8", not bad(274))
        if "REQUIRETLS" in message.mail and not bad(159) and "REQUIRETLS" not in self.keywords:
            raise Problem(NEVER, "5.7.30 no REQUIRETLS")
        if not octets.isascii() and "8BITMIME" not in self.keywords and not bad(149):
            head, _, body = octets.partition(b"\r\n\r\n")
            head = re.sub(rb"(?i)(Transfer-Encoding:) 8bit", rb"\1 quoted-printable", head)
            text = quopri.encodestring(body.replace(b"\r\n", b"\n"))
            octets = head + b"\r\n\r\n" + text.replace(b"\n", b"\r\n")
        return octets

    def transact(self, message, octets, rcpts):
        """Give each recipient an outcome."""
        bad = self.bad
        octets = self.fit(message, octets)
        sender = message.sender or ("postmaster@x.example" if bad(269) else "")
        mail = "MAIL FROM:%s<%s>%s" % (" " if bad(258) else "", sender,
                                       self.parameters(message, octets))
        pipelined = "PIPELINING" in self.keywords and "CHUNKING" not in self.keywords and (
            not self.lmtp) or bad(255)
        commands = [(mail, "MAIL")] + [(self.rcpt(rcpt), "RCPT") for rcpt in rcpts]
        commands += [("DATA", "DATA")] if pipelined else []
        if pipelined:
            self.send("\r\n".join([text for text, _ in commands] + ["X-Ahead: yes"] * bad(256)))
        replies = []
        for text, phase in commands:
            replies.append(self.read(phase) if pipelined else self.command(text, phase))
            if phase == "MAIL" and replies[0][0] // 100 != 2 and not pipelined:
                self.refuse(rcpts, *replies[0][:2], "MAIL")
                return
        if replies[0][0] // 100 != 2:
            self.refuse(rcpts, *replies[0][:2], "MAIL")
            return
        good = []
        for i, (rcpt, (code, text, _)) in enumerate(zip(rcpts, replies[1:])):
            if code // 100 == 2:
                good.append(rcpt)
            elif good and code in (452, 552) and not bad(141 if code == 452 else 259):
                rcpt.outcome, rcpt.text = "again", text
            elif bad(141) and i:
                rcpt.outcome, rcpt.text = NEVER, text
            else:
                self.refuse([rcpt], code, text, "RCPT")
        self.data(octets, good, rcpts, replies[len(rcpts) + 1] if pipelined else None)
        if bad(140):
            for rcpt in rcpts:
                rcpt.outcome = rcpts[-1].outcome

    def rcpt(self, rcpt):
        words, bad = [], self.bad
        if "DSN" in self.keywords:
            words = rcpt.params.split()
            if bad(163):
                words = [word.lower() for word in words]
            if bad(270):
                words.append("NOTIFY=FAILURE")
        path = rcpt.path.lower() if bad(267) else rcpt.path
        return "RCPT TO:<%s>%s" % (path, " ".join(["", *words]))

    def refuse(self, rcpts, code, text, phase):
        bad = self.bad
        later = {"MAIL": 226, "RCPT": 227, "DATA": 228, "dot": 229}[phase]
        never = {"MAIL": 246, "RCPT": 247, "DATA": 248, "dot": 249}[phase]
        for rcpt in rcpts:
            rcpt.text = text
            rcpt.outcome = NEVER if code // 100 == 5 and not bad(never) or bad(later) else LATER
        if code // 100 == 5 and bad(146):
            self.sender.refusing.add(self.host)

    def data(self, octets, good, rcpts, reply):
        bad = self.bad
        if not good:
            if reply and reply[0] == 354:
                self.raw((octets if bad(121) else b"") + b".\r\n")
                self.read("dot")
            return
        if "CHUNKING" in self.keywords and not reply:
            text = re.sub(rb"(?m)^\.", b"..", octets) if bad(275) else octets
            self.raw(b"BDAT %d LAST\r\n" % len(text) + text)
            code, text, _ = self.read("BDAT")
            self.refuse(good, 550 if bad(276) and code // 100 == 4 else code, text, "dot")
            if code // 100 == 2:
                self.done(good)
            return
        code, text, _ = reply or self.command("DATA", "DATA")
        if code // 100 == 2 and not bad(242):
            raise Problem(LATER, text)
        if code // 100 not in (2, 3):
            self.refuse(good, code, text, "DATA")
            return
        try:
            self.content(octets)
        except Problem:
            pass                        # a reply may be there
        if bad(297):
            raise Problem(LATER, "not read")
        for i, rcpt in enumerate(good if self.lmtp and not bad(166) else [None]):
            code, text, _ = self.read("dot")
            some = good if rcpt is None else [rcpt]
            if code // 100 == 2 or bad(243) and code == 354:
                self.done(some)
            elif code // 100 == 3:
                raise Problem(LATER, text)
            else:
                self.refuse(some, code, text, "dot")

    def done(self, rcpts):
        for rcpt in rcpts:
            rcpt.outcome, rcpt.relayed = OK, "DSN" not in self.keywords or self.bad(283)

    def content(self, octets):
        bad = self.bad
        if not bad(78):
            octets = re.sub(rb"(?m)^\.", b"..", octets)
        if bad(93):
            octets = re.sub(rb"\r\n(?=b)", b"\n", octets)
        self.raw(octets + b".\r\n")

    def raw(self, octets):
        try:
            self.lines.sock.sendall(octets)
        except OSError:
            raise Problem(LATER, "4.4.2 lost") from None


class BadSender:
    """dns: (address, port) of the name server; port: of the exchangers; lmtp: (domain, address,
    port) of a server of LMTP."""

    def __init__(self, broken, dns, port, tls=None, lmtp=None, patience=0.8):
        self.broken, self.port, self.tls, self.lmtp = set(broken), port, tls, lmtp
        self.patience, self.waiting, self.stuck = patience, [], False
        self.clear, self.refusing = set(), set()
        self.resolver = Resolver(self, dns)
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=50)
        self.place = "127.0.0.1:%d" % self.sock.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def bad(self, number):
        return number in self.broken

    def serve(self):
        while True:
            try:
                sock = self.sock.accept()[0]
            except OSError:
                return
            threading.Thread(target=Taking(self, sock).run, daemon=True).start()

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def take(self, message, rcpts, added=True):
        if added:
            message.octets = self.trace() + message.octets
        if self.bad(263) or self.bad(264):
            most = 900 if self.bad(263) else 998
            message.octets = re.sub(rb"([^\r\n]{%d})(?=[^\r\n])" % most, rb"\1\r\n",
                                    message.octets)
        if self.bad(265) and message.octets.endswith(b"\r\n\r\n"):
            message.octets = message.octets[:-2]
        if self.bad(266):
            message.octets = message.octets[:65536] + b"\r\n"
        self.start(message, rcpts)

    def trace(self):
        received = b"Received: from x by %s;\r\n\t%s\r\n" % (NAME.encode(), DATE.encode())
        if self.bad(104):
            return b"Return-Path: <x@y>\r\n" + received
        return received + (b"X-Seen: yes\r\n" if self.bad(262) else b"")

    def start(self, message, rcpts):
        domains = {}
        for rcpt in rcpts:
            key = rcpt.path if self.bad(260) else rcpt.path.rpartition("@")[2]
            domains.setdefault(key, []).append(rcpt)
        for some in domains.values():
            threading.Thread(target=self.attempt, args=(message, some), daemon=True).start()

    def flush(self):
        waiting, self.waiting = self.waiting, []
        for message, rcpts in waiting:
            self.start(message, rcpts)

    def attempt(self, message, rcpts):
        try:
            self.deliver(message, rcpts)
        except Problem as problem:
            self.end(rcpts, problem)
        except (OSError, ValueError, IndexError) as error:
            self.end(rcpts, Problem(LATER, str(error)))
        again = [rcpt for rcpt in rcpts if rcpt.outcome == "again"]
        later = [rcpt for rcpt in rcpts if rcpt.outcome == LATER]
        if again:
            for rcpt in again:
                rcpt.outcome = LATER
            self.attempt(message, again)
        if later and self.bad(145):
            self.attempt(message, later)
        elif later:
            self.waiting.append((message, later))
        self.report(message, [rcpt for rcpt in rcpts if rcpt.outcome in (OK, NEVER)])

    @staticmethod
    def end(rcpts, problem):
        for rcpt in rcpts:
            if rcpt.outcome == LATER:
                rcpt.outcome, rcpt.text = problem.outcome, problem.text

    def deliver(self, message, rcpts):
        domain = rcpts[0].path.rpartition("@")[2]
        if self.stuck:
            return
        if self.lmtp and domain == self.lmtp[0]:
            self.session(message, rcpts, domain, *self.lmtp[1:], lmtp=True)
            return
        problem = Problem(LATER, "4.4.1 no host")
        for name, addresses in self.resolver.hosts(domain.lower()):
            if not addresses and self.bad(214):
                break
            for address in addresses:
                try:
                    self.session(message, rcpts, name, address, self.port)
                    return
                except Problem as found:
                    if problem.outcome != LATER or problem.text == "4.4.1 no host":
                        problem = found
                    if not found.elsewhere or self.bad(201):
                        raise
        raise problem

    def session(self, message, rcpts, name, address, port, lmtp=False):
        if name in self.refusing:
            raise Problem(NEVER, "5.0.0 it refused before")
        talk = Talk(self, name, address, port, lmtp)
        for rcpt in rcpts:
            rcpt.host = name
        try:
            if name in self.clear:
                talk.start_tls = lambda: None
            talk.begin()
            limit = re.search(r"RCPTMAX=(\d+)", talk.keywords.get("LIMITS", ""))
            step = int(limit[1]) if limit and not self.bad(150) else len(rcpts)
            for at in range(0, len(rcpts), step):
                talk.transact(message, message.octets, rcpts[at:at + step])
            try:
                talk.quit()
            except Problem:
                for rcpt in rcpts:
                    rcpt.outcome = LATER
        finally:
            talk.lines.sock.close()

    # -- notices
    def report(self, message, rcpts):
        wanted = []
        for rcpt in rcpts:
            found = re.search(r"NOTIFY=(\S+)", rcpt.params)
            notify = found[1] if found else "FAILURE"
            if rcpt.outcome == NEVER:
                number = 162 if notify == "NEVER" else 280
                if "FAILURE" in notify or self.bad(number):
                    wanted.append(rcpt)
            elif rcpt.relayed and "SUCCESS" in notify and not self.bad(282) or (
                    self.bad(281) and not found):
                wanted.append(rcpt)
        if not wanted:
            return
        to = message.sender
        if not to and self.bad(161):
            to = "postmaster@return.conform.example"
        elif not to and self.bad(279):
            self.attempt(message, wanted)
            return
        if to:
            self.notice(message, wanted[:1] if self.bad(288) else wanted, to)

    def notice(self, message, rcpts, to):
        bad = self.bad
        octets = self.fields(to) + self.status(message, rcpts) + self.original(message)
        if bad(287):
            octets = octets.replace(b"quagmire", b"")
        octets = octets.decode("utf-8").encode("ascii", "replace")
        if bad(289):
            octets += b"x" * 1200 + b"\r\n"
        from_ = "postmaster@x.example" if bad(160) else ""
        self.take(Message(from_, "", octets), [Rcpt(to, "")], added=False)

    def fields(self, to):
        bad = self.bad
        kind = "mixed" if bad(164) else "report; report-type=delivery-status"
        auto = "" if bad(165) else "Auto-Submitted: auto-replied\r\n"
        return ("From: <postmaster@%s>\r\nTo: <%s>\r\nSubject: failed\r\nDate: %s\r\n"
                "Message-ID: <%s@x>\r\n%sMIME-Version: 1.0\r\nContent-Type: multipart/%s; "
                "boundary=b\r\n\r\n--b\r\n\r\nIt did not work.\r\n--b\r\n"
                % (NAME, to, DATE, time.time(), auto, kind)).encode()

    def status(self, message, rcpts):
        bad = self.bad
        text = "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; %s\r\n" % NAME
        envid = re.search(r"ENVID=(\S+)", message.mail)
        if envid and not bad(285):
            text += "Original-Envelope-Id: %s\r\n" % decoded(envid[1])
        for rcpt in rcpts:
            orcpt = re.search(r"ORCPT=(\S+)", rcpt.params)
            text += "\r\n"
            if orcpt:
                text += "Original-Recipient: %s\r\n" % decoded(orcpt[1])
            code = re.search(r"\b5\.\d+\.\d+", rcpt.text)
            action = "failed" if rcpt.outcome == NEVER else "relayed"
            text += ("Final-Recipient: rfc822; %s\r\nAction: %s\r\nStatus: %s\r\n" % (
                rcpt.path, action, code[0] if code else "5.0.0" if action == "failed"
                else "2.0.0"))
            if not bad(284):
                text += "Remote-MTA: dns; %s\r\nDiagnostic-Code: smtp; %s\r\n" % (rcpt.host,
                                                                                 rcpt.text)
        return text.encode()

    def original(self, message):
        head = message.octets.partition(b"\r\n\r\n")[0] + b"\r\n"
        if "RET=HDRS" in message.mail and not self.bad(286):
            return b"--b\r\nContent-Type: text/rfc822-headers\r\n\r\n" + head + b"--b--\r\n"
        return b"--b\r\nContent-Type: message/rfc822\r\n\r\n" + message.octets + b"--b--\r\n"


def decoded(xtext):
    return re.sub(r"\+([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), xtext)
