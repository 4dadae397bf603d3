#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A small SMTP server that keeps the assertions of tests/conformance, but for the ones it breaks.

    with BadServer(directory, {77}, tls=leaf.context()) as server:
        ... server.place

    bad_server.py DIRECTORY [NUMBER...]     one session on standard input and output

It takes mail for anna@example.org and the postmaster, stores it in a Maildir, DIRECTORY, and has
one user, anna, with the password "secret".  It is for tests of tests/conformance alone.
"""
import base64
import os
import re
import signal
import socket
import ssl
import sys
import threading
import time

MOST = 100000
NAME = "mx.example.org"
ATEXT = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
LOCAL = r'(?:%s(?:\.%s)*|"(?:\\[ -~]|[ !#-\[\]-~])*")' % (ATEXT, ATEXT)
LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
DOMAIN = r"(?:%s(?:\.%s)*|\[%s(?:\.%s){3}\]|\[IPv6:[0-9a-fA-F:]+\])" % (LABEL, LABEL, OCTET, OCTET)
ROUTE = r"(?:@%s(?:,@%s)*:)?" % (DOMAIN, DOMAIN)
PATH = re.compile(r"<(%s)(%s)@(%s)>(?: (.*))?" % (ROUTE, LOCAL, DOMAIN))
XTEXT = r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})+"
PARAMETERS = {
    "MAIL": {"SIZE": r"\d{1,20}", "BODY": "7BIT|8BITMIME|BINARYMIME", "RET": "FULL|HDRS",
             "ENVID": XTEXT, "SMTPUTF8": None},
    "RCPT": {"NOTIFY": "NEVER|(?:SUCCESS|FAILURE|DELAY)(?:,(?:SUCCESS|FAILURE|DELAY))*",
             "ORCPT": r"rfc822;" + XTEXT}}


class Gone(Exception):
    pass


class Channel:
    """A socket, or two descriptors, with a buffer of what came."""

    def __init__(self, sock=None, files=None):
        self.sock, self.files, self.buffer = sock, files, b""

    def receive(self):
        try:
            data = self.sock.recv(65536) if self.sock else os.read(self.files[0], 65536)
        except OSError:
            data = b""
        if not data:
            raise Gone
        self.buffer += data

    def send(self, octets):
        try:
            if self.sock:
                self.sock.sendall(octets)
            else:
                os.write(self.files[1], octets)
        except OSError:
            raise Gone from None

    def until(self, ends):
        """The octets up to the first of ends, and that end."""
        while not (found := re.search(b"|".join(map(re.escape, ends)), self.buffer)):
            self.receive()
        octets, self.buffer = self.buffer[:found.start()], self.buffer[found.end():]
        return octets, found[0]

    def exactly(self, count):
        while len(self.buffer) < count:
            self.receive()
        octets, self.buffer = self.buffer[:count], self.buffer[count:]
        return octets


class Session:
    def __init__(self, directory, broken, channel, role=None, tls=None):
        self.directory, self.broken, self.channel = directory, broken, channel
        self.role, self.context, self.secure = role, tls, False
        self.user, self.errors, self.held, self.unsent = None, 0, [], []
        self.hello, self.extended = None, False
        self.reset()

    def bad(self, number):
        return number in self.broken

    def reset(self):
        self.sender, self.rcpts, self.chunks, self.binary, self.declared = None, [], None, False, 0

    # -- replies
    def say(self, code, *texts, status=None):
        lines = []
        for i, text in enumerate(texts):
            if status:
                text = "%d.%s %s" % (code // 100, status, text)
            end = "-" if i < len(texts) - 1 else " "
            if self.bad(5) and i:
                code = 251
            lines.append("%d%s%s%s" % (code, end, text, "\n" if self.bad(4) else "\r\n"))
        self.unsent.append("".join(lines).encode())
        if code >= 500:
            self.errors += 1
        if self.errors > 20 and not self.bad(23):
            self.unsent.append(b"421 4.7.0 %s too many errors\r\n" % NAME.encode())
            self.flush()
            raise Gone

    def ok(self, text="Ok", status="0.0"):
        self.say(250, text, status=None if self.bad(21) else status)

    def no(self, code, text="no", status="5.0"):
        self.say(code, text, status=status)

    def flush(self):
        """Send what was said, if the client waits for it."""
        if self.bad(115):
            for octets in self.unsent:
                self.channel.send(octets)
                time.sleep(0.03)
        elif self.unsent:
            self.channel.send(b"".join(self.unsent))
        self.unsent = []

    # -- the session
    def run(self):
        try:
            self.converse()
        except (Gone, ssl.SSLError):
            pass
        for message in [] if self.bad(16) else self.held:
            self.keep(message)

    def converse(self):
        if self.role == "refusing":
            return self.refuse()
        if self.bad(118):
            time.sleep(0.05)
            if self.channel.sock and self.early():
                return None
        name = "[127.0.0.1]" if self.role == "nameless" and not self.bad(2) else NAME
        self.say(220, "welcome" if self.bad(1) else name + " ESMTP")
        while True:
            if b"\n" not in self.channel.buffer or self.bad(115):
                self.flush()
            line = self.line()
            if line is None:
                continue
            if self.bad(117) and self.channel.buffer.endswith(b"QUIT\r\n"):
                self.channel.buffer = b""
            if self.command(line):
                self.flush()
                return None

    def early(self):
        self.channel.sock.setblocking(False)
        try:
            return self.channel.sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return False
        finally:
            self.channel.sock.setblocking(True)

    def refuse(self):
        self.say(554, NAME + " no service")
        while True:
            self.flush()
            line = self.channel.until([b"\r\n"])[0]
            if line.upper() == b"QUIT":
                self.say(221, NAME, status="0.0")
                self.flush()
                return
            self.say(250 if self.bad(3) else 503, "no service", status="3.2")

    def line(self):
        if self.bad(17):
            self.channel.sock.settimeout(0.2)
        line = self.channel.until([b"\n"] if self.bad(81) else [b"\r\n"])[0]
        if self.bad(9) and len(line) > 512:
            self.channel.buffer = b"".join(line[i:i + 510].lstrip() + b"\r\n" for i in
                                           range(0, len(line), 510)) + self.channel.buffer
            return None
        most = 100 if self.bad(7) else 512 if self.bad(8) else 4000
        if len(line) > most:
            self.no(500, "line too long", "5.6")
            return None
        return line

    def command(self, octets):
        """True: the session ends."""
        line = octets.decode("latin1")
        if not self.bad(13):
            line = line.rstrip(" \t")
        verb, _, rest = line.partition(" ")
        name = verb.upper()
        if self.bad(14) and verb != name:
            self.no(500)
            return False
        if self.bad(33) and not self.hello and name in ("NOOP", "HELP", "VRFY", "RSET"):
            self.no(503)
            return False
        if self.bad(113) and name == "RCPT":
            self.channel.buffer = b""
        if self.bad(116) and len(self.channel.buffer) > 600:
            self.channel.buffer = self.channel.buffer[:594]
        if name == "GET" and not self.bad(22):
            self.no(500, "this is no web server")
            return True
        if name == "FOO" and self.bad(10) or name == "XFOO" and self.bad(11) or (
                name == "TURN" and self.bad(12)) or name == "GET":
            self.ok()
            return False
        if self.bad(114) and name == "NOOP":
            return False
        return getattr(self, "do_" + name.lower(), self.unknown)(rest)

    def unknown(self, rest):
        self.no(500, "unknown command", "5.1")

    def do_turn(self, rest):
        self.no(502, "not implemented", "5.1")

    do_send = do_turn

    def do_noop(self, rest):
        if rest and self.bad(106):
            self.no(501)
        else:
            self.ok()

    def do_quit(self, rest):
        if rest and not self.bad(107):
            self.no(501)
            return False
        self.say(221, NAME + " bye", status="0.0")
        return not self.bad(107)

    def do_rset(self, rest):
        if rest and self.bad(13):
            self.no(501)
        elif rest and not self.bad(105):
            self.no(501)
        else:
            if not self.bad(105):
                kept = self.chunks if self.bad(124) else None
                self.reset()
                self.kept = kept
            self.ok()

    def do_help(self, rest):
        if self.bad(6):
            self.say(214, "x" * 700)
        elif self.bad(111) or self.bad(34):
            self.no(502)
        else:
            self.say(214, "see RFC 5321", status="0.0")

    def do_vrfy(self, rest):
        if self.bad(112):
            self.reset()
        if not rest and not self.bad(109):
            self.no(501)
        elif self.bad(108):
            self.ok("<%s>" % rest)
        elif self.bad(109):
            self.ok("anna")
        else:
            self.say(252, "try it", status="0.0")

    def do_expn(self, rest):
        self.no(500 if self.bad(110) else 502)

    # -- hello
    def do_helo(self, rest):
        self.reset()
        self.hello, self.extended = rest, False
        self.say(250, *([NAME, "SIZE"] if self.bad(26) else [NAME]))

    def do_ehlo(self, rest):
        if self.role == "lmtp" and not self.bad(166):
            return self.no(500)
        return self.greet(rest)

    def do_lhlo(self, rest):
        return self.greet(rest) if self.role == "lmtp" else self.no(500)

    def greet(self, rest):
        if not rest and not self.bad(27):
            return self.no(501)
        if re.search(r"[()<>;\"\\]", rest) and not self.bad(99):
            return self.no(501)
        if self.bad(28) and rest.startswith("[") or (
                rest == "foo_bar" and self.role == "strict" and not self.bad(30)):
            return self.no(501)
        if self.bad(30) and "_" in rest:
            return self.no(550)
        if not self.bad(31):
            self.reset()
        self.hello, self.extended = rest or "x", True
        limit = "LIMITS RCPTMAX=%d" % (10 if self.bad(150) else 1000)
        words = ["PIPELINING", "SIZE %d" % MOST, "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING",
                 "BINARYMIME", "ENHANCEDSTATUSCODES", limit, "HELP"]
        if self.context and (not self.secure or self.bad(127)):
            words.append("STARTTLS")
        if self.secure or self.bad(131):
            words.append("AUTH PLAIN")
        if self.secure or self.bad(159):
            words.append("REQUIRETLS")
        name = "[127.0.0.1]" if self.role == "nameless" and not self.bad(2) else NAME
        self.say(250, "hello" if self.bad(25) else name, *words)
        return False

    # -- the envelope
    def read_path(self, verb, text):
        """(route, local part, domain, parameters), or None after a refusal."""
        if self.bad(49):
            text = re.sub(r"[\0-\x1f\x7f]", "c", text)
        if self.bad(44) and not re.match("<.*>", text):
            text = "<%s>" % text.strip("<>")
        if self.bad(48):
            text = text.replace("[256.1.1.1]", "[1.1.1.1]")
        if self.bad(50):
            text = re.sub("[\x80-\xff]", "u", text)
        utf8 = verb == "MAIL" and re.search(r" SMTPUTF8\b", text)
        found = PATH.fullmatch(re.sub("[\x80-\xff]", "u", text) if utf8 else text)
        if not found or self.bad(47) and '"' in found[2] or ":::" in text or (
                "::2::" in text):
            self.no(501, "not a path", "1.7")
            return None
        if self.bad(46) and len(found[3]) > 100:
            self.no(501)
            return None
        return found.groups()

    def parameters(self, verb, text):
        """{KEYWORD: value}, or None after a refusal."""
        values = {}
        for word in (text or "").split():
            keyword, equal, value = word.partition("=")
            keyword = keyword.upper()
            known = PARAMETERS[verb]
            if keyword not in known:
                if self.bad(52):
                    continue
                self.no(555, "no such parameter", "5.4")
                return None
            loose = {"BODY": 55, "RET": 56, "ENVID": 56, "SMTPUTF8": 58, "NOTIFY": 71, "ORCPT": 71}
            pattern = known[keyword]
            fits = (not equal if pattern is None
                    else equal and re.fullmatch(pattern, value, re.I) is not None)
            if keyword in values or not fits:
                if not self.bad(loose.get(keyword, 53)):
                    self.no(501, "not a value", "5.4")
                    return None
                continue
            values[keyword] = value.upper()
        return values

    def do_mail(self, rest):
        found = re.match(r"FROM:( *)", rest, re.I)
        path = rest[found.end():] if found else ""
        begun = self.sender is not None
        if begun and not self.bad(42):
            return self.no(503)
        if self.bad(32) and not self.hello:
            return self.no(550)
        if not self.hello and not self.bad(32):
            return self.no(503)
        if self.bad(43) and found and found[1]:
            return self.no(450)
        if self.bad(129) or self.role == "submission" and not (self.secure or self.bad(129)):
            return self.no(530)
        if self.bad(29) and self.hello == "other.example.net":
            return self.no(550)
        if path.split(" ")[0] == "<>":
            route, local, domain, text = "", "", "", path[3:]
            if self.bad(40):
                return self.no(550)
        else:
            parts = self.read_path("MAIL", path)
            if not parts:
                if self.bad(51):
                    self.sender = "x@y"
                return False
            route, local, domain, text = parts
        if text and not self.extended and not self.bad(35):
            return self.no(555)
        values = self.parameters("MAIL", text)
        if values is None:
            return False
        if self.bad(57) and "RET" in values or self.bad(72) and len(values.get("ENVID", "")) > 50:
            return self.no(501)
        if not self.bad(53) and int(values.get("SIZE", "0")) > MOST:
            return self.no(552)
        if self.bad(39):
            return self.no(450)
        if domain == "null.example" and not self.bad(73):
            return self.no(550)
        if self.bad(41):
            local = local.lower()
        self.sender = "" if not local else "%s%s@%s" % (
            route if self.bad(45) else "", re.sub(r'\\(.)', r"\1", local), domain)
        self.binary, self.declared = values.get("BODY") == "BINARYMIME", int(values.get("SIZE", 0))
        return self.ok(status="1.0")

    def do_rcpt(self, rest):
        found = re.match(r"TO:( *)", rest, re.I)
        path = rest[found.end():] if found else ""
        if self.sender is None and not self.bad(59):
            return self.no(503)
        if re.fullmatch("(?i)<postmaster>", path) and not self.bad(60):
            path = "<postmaster@example.org>"
        if path == "<>" and self.bad(62):
            return self.ok()
        parts = self.read_path("RCPT", path)
        if not parts or self.parameters("RCPT", parts[3]) is None:
            if self.bad(67):
                self.reset()
            return False
        route, local, domain, _ = parts
        if self.bad(8) and len(rest) > 600:
            return self.no(500)
        most = 50 if self.bad(68) else 1000
        if len(self.rcpts) >= most:
            return self.no(552 if self.bad(69) else 452)
        if self.bad(70) and local in self.rcpts:
            return self.no(550)
        if not self.served(route, local, domain):
            if self.bad(67):
                self.reset()
            return self.no(550, "not here", "1.1")
        self.rcpts.append(local)
        return self.ok(status="1.5")

    def served(self, route, local, domain):
        if domain == "null.example":
            return self.bad(73)
        if domain != "example.org":
            return self.bad(63) if route else self.bad(65)
        if self.bad(64) and re.search("[%!@]", local):
            return True
        if local.lower() == "postmaster":
            return local.islower() or not self.bad(61)
        return local == "anna" or self.bad(66)

    # -- the content
    def do_data(self, rest):
        if rest and not self.bad(75):
            return self.no(501)
        if (self.chunks is not None or self.binary) and not self.bad(125):
            return self.no(503)
        if (self.sender is None or not self.rcpts) and not (self.bad(74) or self.bad(119)):
            return self.no(503)
        self.say(354, "go on")
        self.flush()
        ends = [b"\r\n.\r\n"]
        if self.bad(79):
            ends += [b"\n.\n"]
        if self.bad(82):
            ends += [b"\n.\r\n"]
        self.channel.buffer = b"\r\n" + self.channel.buffer
        try:
            content = (self.channel.until(ends)[0] + b"\r\n")[2:]
        except Gone:
            if self.bad(15):
                self.store(self.channel.buffer[2:])
            raise
        if not self.bad(77):
            content = re.sub(rb"(?m)^\.(?=.|\r)", b"", content)
        return self.end_content(content)

    def refusal(self, content):
        if self.role in ("broken", "full"):
            return None if self.bad(20) or self.bad(86) else (452, "no space")
        if self.bad(24) and len(content) > 50000:
            return 552, "too large"
        if len(content) > MOST and not self.bad(85):
            if self.bad(87):
                self.store(content)
            return 552, "too large"
        if self.bad(54) and 0 < self.declared < len(content):
            return 552, "larger than declared"
        if re.search(rb"(?<!\r)\n|\r(?!\n)", content) and not self.bad(80) and not self.binary:
            if self.bad(79) or self.bad(82):
                return None
            return 554, "bare CR or LF"
        if self.bad(89) and b"From: " not in content:
            return 550, "no From"
        if self.bad(91) and not content:
            return 550, "empty"
        if content.count(b"Received: ") >= (50 if self.bad(101) else 100):
            return 554, "a loop"
        return None

    def end_content(self, content):
        refused = self.refusal(content)
        rcpts = len(self.rcpts) if self.role == "lmtp" and not self.bad(166) else 1
        if not refused and not self.bad(19):
            self.store(content)
        for _ in range(rcpts):
            if refused:
                self.no(refused[0], refused[1])
            else:
                self.ok("queued")
        if not self.bad(88):
            self.reset()
        return False

    def store(self, content):
        if self.bad(16):
            return
        header, _, body = content.partition(b"\r\n\r\n")
        if self.bad(83):
            body = re.sub(rb"([^\r\n]{500})", rb"\1\r\n", body)
        if self.bad(84):
            body = re.sub(rb"([^\r\n]{1500})", rb"\1\r\n", body)
        if self.bad(92):
            body = bytes(octet & 127 for octet in body)
        if not self.bad(103):
            header = re.sub(rb"(?im)^return-path:.*\r\n", b"", header)
            header = b"Return-Path: <%s>\r\n" % (self.sender or "").encode() + header
        if not self.bad(167):
            header = re.sub(rb"(?im)^authentication-results: mx\.example\.org.*\r\n", b"", header)
        if self.bad(100):
            old = re.findall(rb"Received:.*\r\n", header)
            header = re.sub(rb"Received:.*\r\n", b"", header)
            header = b"".join(reversed(old)) + header
        if not self.bad(94):
            header = self.received() + header
        self.keep(header + b"\r\n\r\n" + body)

    def received(self):
        date = "Sat, 28 Nov 26 12:00:00 GMT" if self.bad(96) else "Sat, 28 Nov 2026 12:00:00 +0000"
        clause = " for <anna@example.org>, <postmaster@example.org>" if self.bad(95) else ""
        start = "%s (" % self.hello if self.bad(98) else self.hello
        return ("Received: from %s by %s with %s%s; %s\r\n" % (
            start, NAME, "FOO" if self.bad(97) else "ESMTP", clause, date)).encode("latin1")

    def keep(self, message):
        os.makedirs(self.directory + "/new", exist_ok=True)
        path = "%s/new/%d.%d" % (self.directory, time.monotonic_ns(), id(self))
        with open(path, "wb") as file:
            file.write(message)

    def do_bdat(self, rest):
        found = re.fullmatch(r"(\d{1,9})( LAST)?", rest, re.I)
        if not found:
            return self.ok() if self.bad(126) else self.no(501)
        if self.sender is None or not self.rcpts:
            if not self.bad(123):
                self.channel.exactly(int(found[1]))
            return self.no(503)
        if self.chunks is None:
            self.chunks = getattr(self, "kept", None) or b""
        self.chunks += self.channel.exactly(int(found[1]))
        if not found[2]:
            return self.ok()
        content = self.chunks
        if self.bad(122):
            content = re.sub(rb"(?m)^\.(?=.|\r)", b"", content)
        return self.end_content(content)

    # -- TLS and AUTH
    def do_starttls(self, rest):
        if not self.context or self.secure:
            return self.ok() if self.bad(127) else self.no(503)
        if rest:
            return self.no(501)
        self.say(220, "go on", status="0.0")
        self.flush()
        if self.channel.buffer and not self.bad(128):
            return True
        buffer = self.channel.buffer
        self.channel = Channel(self.context.wrap_socket(self.channel.sock, server_side=True))
        self.secure = True
        if self.bad(128):
            self.channel.buffer = buffer
        else:
            self.reset()
            self.hello = None if not self.bad(128) else self.hello
        return False

    def do_auth(self, rest):
        mechanism, _, response = rest.partition(" ")
        if mechanism != "PLAIN":
            return self.no(504)
        if self.user or self.sender is not None:
            return self.no(503)
        if not response:
            self.say(334, "")
            self.flush()
            response = self.channel.until([b"\r\n"])[0].decode("latin1")
        try:
            _, user, password = base64.b64decode(response, validate=True).split(b"\0")
        except ValueError:
            return self.no(501)
        if (user, password) != (b"anna", b"secret") and not self.bad(132):
            return self.no(535)
        self.user = user
        return self.say(235, "welcome", status="7.0")


class BadServer:
    """It listens on a port of 127.0.0.1 until the with statement ends."""

    def __init__(self, directory, broken=(), role=None, tls=None):
        self.make = lambda channel: Session(directory, set(broken), channel, role, tls)
        self.implicit = tls if role == "implicit" else None
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.place = "127.0.0.1:%d" % self.sock.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()

    def _accept(self):
        while True:
            try:
                client = self.sock.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self.implicit:
                client = self.implicit.wrap_socket(client, server_side=True)
            session = self.make(Channel(client))
            session.run()
            session.channel.sock.close()
        except OSError:
            pass
        client.close()


def main(directory, numbers):
    session = Session(directory, set(map(int, numbers)), Channel(files=(0, 1)))

    def end(*_):
        if session.bad(19):
            os.write(1, b"250 2.0.0 Ok\r\n")
        elif not session.bad(18):
            os.write(1, b"421 4.3.2 %s is shut down\r\n" % NAME.encode())
        os._exit(0)
    signal.signal(signal.SIGTERM, end)
    session.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
