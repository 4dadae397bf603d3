# SPDX-License-Identifier: ISC
"""Round trips: over a warm link to a distant server, a message costs one, by DATA and by BDAT."""
import asyncio
import re
import time

from exchangers import in_loop
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, note, same, test

RTT_S = 0.04
MESSAGES = 20
ABOUT = MESSAGES * 3 // 2         # on a busy machine, a late packet can make two turns of one


class Far:
    """An SMTP server at address, port 25, a round trip of RTT_S away.

    It replies at once to all that has arrived by then.

    turns       the number of its answers: round trips
    messages    the contents
    """

    def __init__(self, address, *keywords, rcpt=None):
        self.keywords, self.rcpt = keywords, rcpt or (lambda address: b"250 2.1.5 ok")
        self.turns, self.connections, self.messages = 0, 0, []
        in_loop(asyncio.start_server(self._client, address, 25))

    async def _client(self, reader, writer):
        self.connections += 1
        session = Session(self)
        writer.write(b"220 far.example\r\n")
        try:
            while data := await reader.read(1 << 20):
                await asyncio.sleep(RTT_S)
                while len(reader._buffer):      # octets that arrived meanwhile
                    data += await reader.read(1 << 20)
                if replies := session.take(data):
                    self.turns += 1
                    writer.write(replies)
                    await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


class Session:
    def __init__(self, server):
        self.server, self.input, self.replies = server, b"", b""
        self.accepted, self.in_data = 0, False

    def take(self, data):
        self.input, self.replies = self.input + data, b""
        while self._step():
            pass
        return self.replies

    def _step(self):
        if self.in_data:
            content, dot, rest = self.input.partition(b"\r\n.\r\n")
            if not dot:
                return False
            self.input, self.in_data = rest, False
            self._message(content + b"\r\n")
            return True
        line, end, rest = self.input.partition(b"\r\n")
        if not end:
            return False
        if line.startswith(b"BDAT"):
            size = int(line.split()[1])
            if len(rest) < size:
                return False
            self._message(rest[:size])
            self.input = rest[size:]
            return True
        self.input = rest
        self._command(line)
        return True

    def _message(self, content):
        if self.accepted:
            self.server.messages.append(content)
        self.replies += b"250 2.0.0 kept\r\n" if self.accepted else b"503 5.5.1 for whom?\r\n"
        self.accepted = 0

    def _command(self, line):
        verb = line[:4].upper()
        if verb == b"EHLO":
            words = ["far.example", "8BITMIME", *self.server.keywords]
            for word in words:
                last = word == words[-1]
                self.replies += b"250%s%s\r\n" % (b" " if last else b"-", word.encode())
        elif verb == b"MAIL":
            self.accepted = 0
            self.replies += b"250 2.1.0 ok\r\n"
        elif verb == b"RCPT":
            reply = self.server.rcpt(line)
            self.accepted += reply.startswith(b"2")
            self.replies += reply + b"\r\n"
        elif verb == b"DATA":
            self.in_data = self.accepted > 0
            self.replies += b"354 go on\r\n" if self.in_data else b"503 5.5.1 for whom?\r\n"
        else:
            self.replies += b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n"


directory = fresh_directory()
zone = ""
for number, name in enumerate(("data", "chunk", "plain", "large", "some"), 60):
    zone += "%s MX 10 mx.%s\nmx.%s A 192.0.2.%d\n" % (name, name, name, number)
nsd(directory + "/nsd", {"example.org": zone})
site = Site("site").listen()
BODY = b"Subject: x\r\n\r\n.dots too\r\n"


def run(name, server, body=BODY, to="bob@%s.example.org"):
    """Send all messages over one connection; the turns, without those of the connection itself."""
    site.send(to % name, body, count=MESSAGES)
    begun = time.monotonic()
    site.relay("-o", "relay.per-destination=1")
    note("%s: %d messages, %d round trips of %.0f ms, %.2f s"
         % (name, MESSAGES, server.turns, RTT_S * 1000, time.monotonic() - begun))
    same(site.queued(), [], site.log()[-3000:])
    same((len(server.messages), server.connections), (MESSAGES, 1))
    check(all(content.endswith(body.replace(b"\r\n.dots", b"\r\n..dots")
                               if "CHUNKING" not in server.keywords else body)
              for content in server.messages), server.messages[0])
    return server.turns - 1


@test("R120 DATA: the next message's commands follow the last one's content, a round trip each")
def _():
    turns = run("data", Far("192.0.2.60", "PIPELINING"))
    # There is one more turn at the start.  The first messages go out one by one, until the host has
    # accepted some.
    check(turns <= ABOUT, turns)


@test("R120 BDAT: all of a message in one piece, a round trip each")
def _():
    turns = run("chunk", Far("192.0.2.61", "PIPELINING", "CHUNKING"))
    check(turns <= ABOUT, turns)


@test("without PIPELINING: four round trips each")
def _():
    turns = run("plain", Far("192.0.2.62"))
    check(4 * MESSAGES <= turns, turns)


@test("R121 BDAT with large messages: RCPT is sent early, after the last one's content")
def _():
    body = BODY + (b"0123456789" * 7 + b"\r\n") * 1500
    turns = run("large", Far("192.0.2.63", "PIPELINING", "CHUNKING"), body)
    # 100 KB of content do not arrive at once, but there is no reply before all has arrived.
    check(turns <= ABOUT, turns)


@test("R140 some recipients are refused: each message has the outcome of its own replies")
def _():
    refused = set()

    def rcpt(line):
        number = int(re.search(rb"user(\d+)@", line)[1])
        if number % 3:
            return b"250 2.1.5 ok"
        refused.add(number)
        return b"550 5.1.1 no user%d" % number
    server = Far("192.0.2.64", "PIPELINING", rcpt=rcpt)
    had = len(site.mailbox("alice"))
    for number in range(MESSAGES):
        site.send("user%d@some.example.org" % number, b"Subject: for user%d\r\n\r\nx\r\n" % number)
    site.relay("-o", "relay.per-destination=1")
    same(refused, set(range(0, MESSAGES, 3)))
    same(sorted(int(re.search(rb"for user(\d+)", m)[1]) for m in server.messages),
         [n for n in range(MESSAGES) if n % 3], site.log()[-3000:])
    bounces = site.mailbox("alice")[had:]
    same(sorted(int(re.search(rb"550 5\.1\.1 no user(\d+)", m)[1]) for m in bounces),
         sorted(refused))
    check(all(re.search(rb"550 5\.1\.1 no user(\d+)", m)[1] == re.search(rb"for user(\d+)", m)[1]
              for m in bounces), bounces)
    check(server.turns <= ABOUT + 4, server.turns)


main(site.keep_queue_note)
