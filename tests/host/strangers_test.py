#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Limits by client address, with a real listener: floods, guessers, slow holders, while others are
served."""
import base64
import fcntl
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, same, test, wait_for  # noqa: E402
from tls_server import BUILD, HOST, Server, anyone, certificate  # noqa: E402

HERE = BUILD + "/tests/strangers-files"
shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)
STRANGE = "trusted = 192.0.2.1"     # no client of these tests
BAD, GOOD, THIRD = "127.0.0.9", "127.0.0.8", "127.0.0.7"
LISTED = HERE + "/recipients"
with open(LISTED, "w") as file:
    file.write("anna\n")
ROUTE = "[route example.com]\nvia = discard\naccept = anyone\nrecipients = " + LISTED


class Client:
    """A client at an address of its own; wants is the code of the greeting."""

    def __init__(self, server, source, wants="220", header=b""):
        self.socket = socket.create_connection(("127.0.0.1", server.port), 20, (source, 0))
        self.file = self.socket.makefile("rb")
        self.socket.sendall(header)
        self.greeting = self.reply()
        if wants:
            same(self.greeting[:3], wants, self.greeting, server.log())

    def reply(self):
        try:
            while True:
                line = self.file.readline().decode()
                if line[3:4] != "-":
                    return line
        except ConnectionResetError:
            return ""

    def say(self, line, wants=None):
        self.socket.sendall(line.encode() + b"\r\n")
        reply = self.reply()
        if wants:
            same(reply[:3], wants, line, reply)
        return reply

    def message(self):
        for line, code in (("EHLO client.example", "250"), ("MAIL FROM:<a@b.example>", "250"),
                           ("RCPT TO:<anna@example.com>", "250"), ("DATA", "354"),
                           ("Subject: x\r\n\r\nx\r\n.", "250")):
            self.say(line, code)
        return self

    def close(self):
        self.file.close()
        self.socket.close()


POOL = ThreadPoolExecutor(16)


def at_once(function, cases):
    """Call function for all cases at a time; fail if one fails."""
    for future in [POOL.submit(function, *case) for case in cases]:
        future.result()


def close_all(server, clients):
    for client in clients:
        client.close()
    check(wait_for(lambda: not subprocess.run(["pgrep", "-P", str(server.process.pid)],
                                              capture_output=True).stdout), server.log())


def admitted(server, source):
    """A client that connects until the listener knows that a session is idle, and makes room."""
    def served():
        client = Client(server, source, None)
        if client.greeting.startswith("220"):
            return client
        check("too many connections" in client.greeting, client.greeting, server.log())
        client.close()
        return None

    client = wait_for(served, step_s=0.1)
    check(client, "nobody makes room", server.log())
    return client


def lines(server, limit):
    return re.findall(r"limited client=(\S+) limit=%s refused=(\d+)" % limit, server.log())


@test("an address has so many connections at a time, and one line in the log")
def _():
    with Server("strangers", STRANGE, "client-connections = 3", ROUTE) as server:
        held = [Client(server, BAD) for _ in range(3)]
        for _ in range(20):
            reply = Client(server, BAD, "421").greeting
            check(reply.startswith("421 4.7.0 " + HOST + " too many connections from"), reply)
        same(lines(server, "client-connections"), [(BAD, "1")])
        Client(server, GOOD).message().close()
        held[0].say("QUIT", "221")
        held[0].close()
        check(wait_for(lambda: Client(server, BAD, None).greeting.startswith("220")),
              server.log())


@test("trusted clients have no limits, unless limit-clients = all")
def _():
    for setting, third in ("strangers", "220"), ("all", "421"), ("off", "220"):
        with Server("strangers-trusted", "trusted = 127.0.0.9", "client-connections = 2",
                    "limit-clients = " + setting) as server:
            held = [Client(server, BAD) for _ in range(2)]
            held.append(Client(server, BAD, third))
            strangers = [Client(server, GOOD) for _ in range(2)]
            strangers.append(Client(server, GOOD, "220" if setting == "off" else "421"))


@test("a flood of one address, while another is served")
def _():
    with Server("strangers-flood", STRANGE, "client-rate = 20", "max-connections = 20",
                ROUTE) as server:
        greetings, stop = [], threading.Event()

        def flood():
            while not stop.is_set():
                try:
                    client = Client(server, BAD, None)
                    greetings.append(client.greeting[:3])
                    client.close()
                except OSError:
                    greetings.append("gone")

        floods = [threading.Thread(target=flood) for _ in range(4)]
        for thread in floods:
            thread.start()
        began, most = time.monotonic(), 0
        try:
            for _ in range(10):
                before = len(greetings)
                Client(server, GOOD).message().close()
                most = max(most, len(greetings) - before)
                time.sleep(0.05)
            check(wait_for(lambda: greetings.count("421") > 50, 60), len(greetings))
        finally:
            stop.set()
            for thread in floods:
                thread.join()
        note("during one message of another, %d connections of the flood at most" % most)
        check(most < 500, most)
        # The limit forgets: 20 a minute are one more in 3 seconds.
        allowed = 21 + int((time.monotonic() - began) / 3)
        check(20 <= greetings.count("220") <= allowed,
              greetings.count("220"), greetings.count("421"), len(greetings))
        same(len(lines(server, "client-rate")), 1, server.log())


def plain(user, password):
    return "AUTH PLAIN " + base64.b64encode(("\0%s\0%s" % (user, password)).encode()).decode()


CERTIFICATE = certificate(HERE + "/ec", HOST)
USERS = HERE + "/users"
with open(USERS, "w") as passwords:
    for user in "anna", "ben":
        passwords.write(subprocess.run([BUILD + "/smtp-handler-passwd", user], input="right\n",
                                       capture_output=True, text=True, check=True).stdout)
os.chmod(USERS, 0o600)
AUTH = ("tls = offer", "tls-certificate = %s.pem" % CERTIFICATE,
        "tls-key = %s.key" % CERTIFICATE, "auth = file:" + USERS)


def inside_tls(server, source):
    client = Client(server, source)
    client.say("EHLO client.example", "250")
    client.say("STARTTLS", "220")
    client.socket = anyone().wrap_socket(client.socket, server_hostname=HOST)
    client.file = client.socket.makefile("rb")
    client.say("EHLO client.example", "250")
    return client


def login(server, source, password):
    return inside_tls(server, source).say(plain("anna", password))[:3]


@test("a guesser of passwords is refused; another client logs in")
def _():
    with Server("strangers-guess", STRANGE, *AUTH, "client-failed-logins = 3") as server:
        for _ in range(3):
            same(login(server, BAD, "wrong"), "535", server.log())
        reply = Client(server, BAD, "421").greeting
        check("too many failed logins" in reply, reply)
        same(login(server, GOOD, "right"), "235", server.log())
        same(lines(server, "client-failed-logins"), [(BAD, "1")], server.log())


def wait_for_checks():
    with Server("strangers-hash", STRANGE, *AUTH, "password-checks = 2") as server:
        same(login(server, GOOD, "right"), "235", server.log())
        # Two checks that take long: their locks are the octets behind 8192 counts.
        with open(server.directory + "/queue/tmp/logins", "r+b") as file:
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 8192 * 16, 2, 0)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
            late = inside_tls(server, THIRD)
            late.socket.settimeout(60)
            began = time.monotonic()
            reply = late.say(plain("anna", "right"))
            check(reply.startswith("454 4.7.0 "), reply)
            check(20 < time.monotonic() - began < 45)
            server.logged("too many logins at a time, or all clients have")
        same(login(server, GOOD, "right"), "235", server.log())


WAIT_FOR_CHECKS = POOL.submit(wait_for_checks)      # beside the other tests, as it takes 30 s


@test("a user has so many messages and recipients an hour, over all sessions")
def _():
    with Server("strangers-user", STRANGE, *AUTH, "user-messages = 3", "user-recipients = 4",
                ROUTE) as server:
        replies = {}
        for user in "anna", "ben":
            replies[user] = []
            for i in range(3):
                client = inside_tls(server, GOOD)
                client.say(plain(user, "right"), "235")
                for _ in range(2):
                    reply = client.say("MAIL FROM:<a@b.example>")
                    replies[user].append(reply[:3])
                    if reply.startswith("250"):
                        replies[user].append(client.say("RCPT TO:<anna@example.com>")[:3])
                        if user == "ben":
                            replies[user].append(client.say("RCPT TO:<anna@example.com>")[:3])
                        client.say("RSET", "250")
                client.close()
        same(replies["anna"], ["250"] * 6 + ["450"] * 3)
        same(replies["ben"], ["250"] * 6 + ["250", "450", "450"] + ["450"] * 3)
        server.logged("code=450 reply=.4.7.0 Error: too much mail of this user in an hour")
        same(re.findall(r"limited .*auth=(\S+) .*limit=(\S+)", server.log()),
             [("anna", "user-messages"), ("ben", "user-recipients"), ("ben", "user-messages")],
             server.log())
        Client(server, THIRD).message()     # who has not logged in has no such limit


def alone(server, user, recipients):
    """The replies to RCPT of a process that serves one session by pipe, as under inetd."""
    text = "XCLIENT LOGIN=%s HELO=a.example ADDR=192.0.2.7\r\nMAIL FROM:<a@b.example>\r\n" % user
    text += "RCPT TO:<anna@example.com>\r\n" * recipients + "QUIT\r\n"
    done = subprocess.run([BUILD + "/smtp-handler", "-c", server.config, "-o",
                           "server.xclient=10.9.9.9"], input=text.encode(), capture_output=True,
                          env={**os.environ, "REMOTE_ADDR": "10.9.9.9"}, timeout=20)
    replies = done.stdout.decode().split("\r\n")[3:3 + recipients]
    same(len(replies), recipients, done)
    return [reply[:9] for reply in replies]


def in_time(trial):
    """Call trial with longer and longer times, until one is long enough for its steps on this
    machine.  trial returns how long they took."""
    for seconds in 2, 12, 60:
        if trial(seconds) < seconds / 4:    # else a part of the limit is free again
            return
    check(False, "this machine is too slow")


@test("a user has so many recipients in a time, over all sessions, listeners and processes")
def _():
    def trial(seconds):
        with Server("strangers-rate", STRANGE, *AUTH,
                    "user-rate = 3/%ds ben=1/1h robot=any" % seconds, ROUTE) as server:
            client = inside_tls(server, GOOD)
            client.say(plain("ANNA", "right"), "235")   # the file of users has "anna"
            client.say("MAIL FROM:<a@b.example>", "250")
            began = time.monotonic()
            client.say("RCPT TO:<anna@example.com>", "250")
            replies = alone(server, "anna", 3)
            reply = client.say("RCPT TO:<anna@example.com>")
            took = time.monotonic() - began
            if took >= seconds / 4:
                return took
            same(replies, ["250 2.1.5"] * 2 + ["450 4.7.1"])
            check(reply.startswith("450 4.7.1 Error: too many recipients of this user for now"),
                  reply)
            same(alone(server, "ben", 2), ["250 2.1.5", "450 4.7.1"])
            same(alone(server, "robot", 9), ["250 2.1.5"] * 9)
            time.sleep(max(0, began + 1.5 * seconds - time.monotonic()))
            client.say("RCPT TO:<anna@example.com>", "250")
            same(alone(server, "ben", 1), ["450 4.7.1"])
            counts = server.directory + "/queue/tmp/logins"
            os.unlink(counts)
            os.mkdir(counts)
            same(alone(server, "ben", 2), ["250 2.1.5"] * 2)
            os.rmdir(counts)
            client.close()
            return took

    in_time(trial)


@test("a recipient that the shorter of two times refuses does not count in the longer one")
def _():
    def trial(seconds):
        with Server("strangers-two", STRANGE, *AUTH, "user-rate = 2/%ds ben=4/2h" % seconds,
                    "user-recipients = 3", ROUTE) as server:
            began = time.monotonic()
            replies = alone(server, "anna", 6)
            took = time.monotonic() - began
            if took >= seconds / 4:
                return took
            same(replies, ["250 2.1.5"] * 2 + ["450 4.7.1"] * 4)
            same(alone(server, "ben", 5), ["250 2.1.5"] * 3 + ["450 4.7.0"] * 2)
            time.sleep(max(0, began + 1.5 * seconds - time.monotonic()))
            same(alone(server, "anna", 2), ["250 2.1.5", "450 4.7.0"])
            return took

    in_time(trial)


@test("refused recipients count across sessions")
def _():
    with Server("strangers-users", STRANGE, "client-refused-recipients = 6", ROUTE) as server:
        for _ in range(3):
            client = Client(server, BAD)
            client.say("EHLO client.example", "250")
            client.say("MAIL FROM:<a@b.example>", "250")
            client.say("RCPT TO:<nobody@example.com>", "550")
            client.say("RCPT TO:<anna@example.com>", "250")
            client.say("RCPT TO:<x@elsewhere.example>", "550")
            client.say("QUIT", "221")
        reply = Client(server, BAD, "421").greeting
        check("too many unknown recipients" in reply, reply)
        Client(server, GOOD).message()


@test("probes from the null path count; notices do not")
def _():
    with Server("strangers-probes", STRANGE, "client-probes = 3", ROUTE) as server:
        for source, notice in (GOOD, True), (BAD, False):
            for last in "QUIT", "RSET", "MAIL FROM:<>", "EHLO x.example":
                client = Client(server, source, None)
                if client.greeting.startswith("421"):
                    break
                client.say("EHLO client.example", "250")
                client.say("MAIL FROM:<>", "250")
                client.say("RCPT TO:<anna@example.com>", "250")
                if notice:
                    client.say("DATA", "354")
                    client.say("Subject: x\r\n\r\nx\r\n.", "250")
                client.say(last)
                client.say("NOOP")
                client.close()
                time.sleep(0.1)
            reply = Client(server, source, None).greeting
            same("too many transactions without a message" in reply, not notice, reply)
        Client(server, THIRD).message()


def hold(server, sources, commands=()):
    """Sessions that wait for ever, the first for the longest time."""
    held = []
    for source in sources:
        client = Client(server, source)
        for line in commands:
            client.say(line)
        held.append(client)
        if len(held) == 1:
            time.sleep(0.5)         # more than the delay of a remark to the listener
    time.sleep(1)
    return held


MAIL = ["EHLO x.example", "MAIL FROM:<a@b.example>", "RCPT TO:<anna@example.com>"]
SIX = ["127.0.0.%d" % (20 + i) for i in range(6)]


@test("slow holders make room, the one that has waited longest first")
def _():
    with Server("strangers-idle", STRANGE, "max-connections = 6", ROUTE) as server:
        held = [Client(server, "127.0.0.19")] + hold(server, SIX[:5])
        busy = held.pop(0)
        busy.say("EHLO client.example", "250")
        busy.say("MAIL FROM:<a@b.example>", "250")
        admitted(server, GOOD).message().close()
        reply = held[0].reply()
        check(reply.startswith("421 4.3.2 " + HOST + " too many connections, and this one is"),
              reply)
        server.logged(r"session client=127\.0\.0\.20 .* end=idle")
        same(len(re.findall("end=idle", server.log())), 1, server.log())
        busy.say("NOOP", "250")
        for i in range(12):         # no number of them keeps others out
            held.append(admitted(server, "127.0.0.%d" % (100 + i)))
        admitted(server, GOOD).message().close()


@test("holders that trickle a command, stall in a message or in a handshake make room too")
def _():
    path = certificate(HERE + "/rsa", HOST)
    tls = ("tls = offer", "tls-certificate = %s.pem" % path, "tls-key = %s.key" % path)

    def stall(name, commands):
        with Server("strangers-stall-" + name, STRANGE, "max-connections = 6", *tls,
                    ROUTE) as server:
            held = hold(server, SIX, commands)
            admitted(server, GOOD).message().close()
            server.logged("session client=127.0.0.20 .* end=(idle|tls)")
            check(held)

    at_once(stall, (("data", MAIL + ["DATA"]), ("tls", ("EHLO x.example", "STARTTLS"))))
    with Server("strangers-trickle", STRANGE, "max-connections = 2", ROUTE) as server:
        held = hold(server, SIX[:2], ["EHLO x.example"])
        for _ in range(3):
            held[0].socket.sendall(b"N")
            time.sleep(0.3)
        held[1].say("NOOP", "250")
        time.sleep(1.2)
        held[0].socket.sendall(b"O")
        admitted(server, GOOD).message().close()
        server.logged("session client=127.0.0.20 .* end=idle")


def trickle(held, octets, wants_reply, stop):
    """Send to each client again and again, more often than once a second."""
    while not stop.wait(0.4):
        for client in held:
            try:
                client.socket.sendall(octets)
                if wants_reply:
                    client.reply()
            except OSError:
                pass


@test("activity without progress does not keep a place")
def _():
    cases = (("noop", [], b"NOOP\r\n", True), ("ehlo", [], b"EHLO x.example\r\n", True),
             ("vrfy", MAIL[:1], b"VRFY anna\r\n", True),
             ("again", MAIL + ["RSET"], b"MAIL FROM:<a@b.example>\r\nRSET\r\n", False),
             ("data", MAIL + ["DATA"], b"x", False),
             ("bdat", MAIL, b"BDAT 1\r\nx", True))

    def keep_busy(name, commands, octets, wants_reply):
        with Server("strangers-" + name, "trusted = 127.0.0.8", "max-connections = 6",
                    ROUTE) as server:
            held, stop = hold(server, SIX, commands), threading.Event()
            thread = threading.Thread(target=trickle, args=(held, octets, wants_reply, stop))
            thread.start()
            try:
                admitted(server, THIRD).message().close()   # a stranger
                admitted(server, GOOD).message().close()    # a trusted client
            finally:
                stop.set()
                thread.join()
            server.logged(r"session client=127\.0\.0\.20 .* end=idle")

    at_once(keep_busy, cases)


@test("a client that makes progress keeps its place")
def _():
    with Server("strangers-progress", STRANGE, "max-connections = 2", ROUTE) as server:
        sender, recipients = (hold(server, [source], commands)[0] for source, commands in (
            (SIX[0], MAIL + ["DATA"]), (SIX[1], MAIL)))
        for _ in range(8):          # content above min-rate, and further recipients
            sender.socket.sendall(b"0123456789\r\n" * 30)
            recipients.say("RCPT TO:<anna@example.com>", "250")
            time.sleep(0.4)
        check("too many" in Client(server, GOOD, "421").greeting)
        sender.say("\r\n.", "250")
        recipients.say("DATA", "354")
        recipients.say("x\r\n.", "250")


def sessions(server):
    return len(subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True,
                              text=True).stdout.split())


def places_held(server):
    """A client for each place that max-connections gives to strangers, from many networks; each
    has been served, then sends a command now and then."""
    held = []
    while len(held) < 600:
        source = "127.0.%d.%d" % (1 + len(held) // 30, 1 + len(held) % 30)
        client = Client(server, source, None)
        if not client.greeting.startswith("220"):
            return held
        client.say("EHLO x.example", "250")
        held.append(client)
        if "end=idle" in server.log():
            return held
    return held


def seconds_of_a_message(server, i):
    began = time.monotonic()
    Client(server, "127.0.200.%d" % (1 + i)).message().close()
    return time.monotonic() - began


@test("500 connections that send a command now and then keep nobody out")
def _():
    # The default of max-connections.  Each command counts as five minutes of a real holder.
    with Server("strangers-holders", STRANGE, ROUTE) as server, \
            Server("strangers-calm", STRANGE, ROUTE) as calm:
        held = places_held(server)
        places = 500 - 500 // 16            # the others are for trusted clients
        check(len(held) >= places, len(held), server.log()[-2000:])
        check(wait_for(lambda: sessions(server) == places), sessions(server))
        admitted(server, THIRD).close()
        stop, times, refused = threading.Event(), [], server.log().count("one more refused")

        def trickle_commands():
            while not stop.wait(0.01):
                client = held[0]
                held.append(held.pop(0))
                try:
                    client.socket.sendall(b"NOOP\r\n")
                    client.socket.recv(100)
                except OSError:
                    pass

        thread = threading.Thread(target=trickle_commands)
        thread.start()
        try:
            for i in range(60):             # a server without holders is as busy as this machine
                times.append((seconds_of_a_message(server, i), seconds_of_a_message(calm, i)))
        finally:
            stop.set()
            thread.join()
        here, there = (sorted(column) for column in zip(*times))
        note("a new client, with its message: %.0f ms, and %.0f ms without holders; "
             "one in ten more than %.0f ms, and %.0f ms" % tuple(
                 1000 * x for x in (here[30], there[30], here[54], there[54])))
        check(here[30] < 5 * there[30] and here[54] < 5 * there[54] + 0.1, times)
        same(server.log().count("one more refused"), refused)
        check(" end=idle" in server.log())


@test("trusted clients may wait, and end-idle decides for whom that holds")
def _():
    trusted = "trusted = 127.0.0.20/30 127.0.0.24/31"

    def wait_long(number, who, setting, wanted):
        with Server("strangers-off-%d" % number, who, "max-connections = 6",
                    "end-idle = " + setting, ROUTE) as server:
            held = hold(server, SIX)
            if wanted == "220":
                admitted(server, GOOD)
            else:
                reply = Client(server, GOOD, wanted).greeting
                check("too many connections" in reply, reply)
            check(held)

    at_once(wait_long, ((1, trusted, "strangers", "421"), (2, trusted, "all", "220"),
                        (3, STRANGE, "off", "421"), (4, STRANGE, "strangers", "220")))


@test("sessions hash few passwords at a time, and no session waits for ever")
def _():
    WAIT_FOR_CHECKS.result()


@test("behind a balancer the client that its header names counts")
def _():
    def header(client):
        return b"PROXY TCP4 %s 192.0.2.200 1 25\r\n" % client.encode()

    with Server("strangers-proxy", STRANGE, "proxy-protocol = on", "proxy-trusted = 127.0.0.3",
                "client-connections = 2", "client-refused-recipients = 2", ROUTE) as server:
        held = [Client(server, "127.0.0.3", header=header("198.51.100.9")) for _ in range(2)]
        check(held)
        reply = Client(server, "127.0.0.3", "421", header("198.51.100.9")).greeting
        check(reply.startswith("421 4.7.0 " + HOST + " too many connections or errors from your"),
              reply)
        same(lines(server, "client-connections"), [("198.51.100.9", "1")], server.log())
        server.logged(r"session client=198\.51\.100\.9 .* end=limited")
        client = Client(server, "127.0.0.3", header=header("198.51.100.8"))
        client.say("EHLO client.example", "250")
        client.say("MAIL FROM:<a@b.example>", "250")
        for _ in range(2):
            client.say("RCPT TO:<nobody@example.com>", "550")
        client.say("QUIT", "221")
        Client(server, "127.0.0.3", "421", header("198.51.100.8"))
        for i in range(6):
            Client(server, "127.0.0.3", header=header("198.51.100.%d" % (20 + i))).message()


@test("behind a balancer quick clients at once do not get past the limit")
def _():
    with Server("strangers-race", STRANGE, "proxy-protocol = on", "proxy-trusted = 127.0.0.3",
                "client-connections = 0", "client-rate = 10", ROUTE) as server:
        def one():
            header = b"PROXY TCP4 198.51.100.9 192.0.2.200 1 25\r\n"
            client = Client(server, "127.0.0.3", None, header)
            served = client.greeting[:3] == "220" and client.say("EHLO c.example")[:3] == "250"
            client.close()
            return served

        same(sum(POOL.map(lambda _: one(), range(200))), 10)


main()
