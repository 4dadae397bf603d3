#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Three listeners with one limit for a user, by a real Redis: which stalls, dies, comes back, and
sends garbage; and the process beside a listener, which dies too."""
import os
import re
import signal
import smtplib
import socket
import statistics
import subprocess
import time

from programs import SANITIZER, fresh_directory
from redis_server import PASSWORD, PORT, READY, Garbage, Redis, settings_of_redis
from tap import check, main, note, same, test, wait_for
from tls_server import BUILD, HANDLER, HOST, Server, anyone, certificate

directory = fresh_directory()
NAMES = ("user%d" % n for n in range(1000))
redis = Redis(directory)


def settings(*lines, port=PORT):
    return ["xclient = 127.0.0.0/8", "limit-clients = off", "role = submission", *lines,
            *settings_of_redis(directory, port)]


def machines(name, *lines, n=3, port=PORT):
    return [Server("%s-%d" % (name, i), *settings(*lines, port=port)) for i in range(n)]


def close(servers):
    for server in servers:
        server.__exit__()


class Client:
    """A session of a user whom a proxy names, over a connected socket."""

    def __init__(self, connected, user):
        self.socket = connected
        self.socket.settimeout(20)
        self.file = self.socket.makefile("rb")
        same(self.reply(), 220)
        same(self.command("XCLIENT NAME=c.example ADDR=192.0.2.7 LOGIN=" + user), 220)
        same(self.command("EHLO c.example"), 250)

    def reply(self):
        while True:
            line = self.file.readline()
            check(len(line) > 3, "no reply")
            if line[3:4] == b" ":
                return int(line[:3])

    def command(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def mail(self):
        """Begin a message, and give it up.  True if it is within the limit."""
        code = self.command("MAIL FROM:<anna@example.org>")
        check(code in (250, 450), code)
        same(self.command("RSET"), 250)
        return code == 250

    def rcpt(self, n):
        """How many of n recipients are within the limit?"""
        same(self.command("MAIL FROM:<anna@example.org>"), 250)
        codes = [self.command("RCPT TO:<r%d@example.org>" % i) for i in range(n)]
        check(set(codes) <= {250, 450}, codes)
        same(self.command("RSET"), 250)
        return codes.count(250)

    def close(self):
        self.file.close()
        self.socket.close()


def session(server, user):
    return Client(socket.create_connection(("127.0.0.1", server.port), 20), user)


def alone(servers):
    """How often a session had no answer.  This machine may be slow."""
    return sum(server.log().count("shared-limits state=away user=") for server in servers)


def on_all(servers, rounds):
    """Call rounds() with a fresh user until all answers of Redis came in time; its result."""
    for _ in range(20):
        before = alone(servers)
        got = rounds(next(NAMES))
        if alone(servers) == before:
            return got
        note("an answer of Redis was late: once more")
        time.sleep(0.3)
    check(False, "Redis never replied in time", [server.log() for server in servers])


def spread(servers, user, n, act=Client.mail):
    """n acts, in turn on all machines, each in one session; their sum."""
    sessions = [session(server, user) for server in servers]
    got = sum(act(sessions[i % len(sessions)]) for i in range(n))
    for one in sessions:
        one.close()
    return got


def keeper(server):
    """The process that the listener has started, and its child, which asks Redis."""
    def child(pid):
        found = subprocess.run(["pgrep", "-P", str(pid), "smtp-shared"], capture_output=True,
                               text=True).stdout.split()
        return int(found[0]) if found else None
    parent = child(server.process.pid)
    return parent, wait_for(lambda: child(parent), 5)


def select(*words):
    """A command in the database of the test; its reply."""
    with socket.create_connection(("127.0.0.1", PORT), 5) as s:
        s.sendall(("AUTH %s\r\nSELECT 3\r\n%s\r\nQUIT\r\n" % (PASSWORD, " ".join(words))).encode())
        return s.makefile("rb").read().split(b"\r\n")[2].decode()


@test("messages: three machines keep one limit, which one of them logs as passed, once")
def _():
    servers = machines("users-messages", "user-messages = 5")

    def rounds(user):
        got = spread(servers, user, 9)
        logs = "".join(server.log() for server in servers)
        return got, spread(servers, user, 3), len(re.findall("user-messages.*%s\\b|%s\\b.*user-"
                                                            "messages" % (user, user), logs))
    same(on_all(servers, rounds), (5, 0, 1))
    close(servers)


@test("recipients, in an hour and in a time of its own: exactly so many on all machines")
def _():
    for lines, most in ((["user-recipients = 7"], 7), (["user-rate = 4/1min"], 4),
                        (["user-recipients = 3", "user-rate = 4/1min"], 3),
                        (["user-recipients = 5", "user-rate = 2/1min"], 2)):
        servers = machines("users-rate", *lines, n=2)
        same(on_all(servers, lambda user, s=servers: spread(s, user, 4, lambda c: c.rcpt(3))),
             most, lines)
        close(servers)


@test("a rate begins anew after its time, by the clock of Redis")
def _():
    servers = machines("users-anew", "user-rate = 2/2s", n=2)

    def rounds(user):
        first = spread(servers, user, 2, lambda c: c.rcpt(3))
        gone = wait_for(lambda: select("EXISTS", "test:user-rate:" + user) == ":0", 5)
        return first, bool(gone), spread(servers, user, 2, lambda c: c.rcpt(3))
    same(on_all(servers, rounds), (2, True, 2))
    close(servers)


@test("users with names like keys do not meet, and a count expires with its hour")
def _():
    servers = machines("users-names", "user-messages = 1", n=2)

    def rounds(user):
        names = [user, user + ":x", "user-hour:" + user, "client:" + user, user.upper()]
        got = [spread(servers, name, 2) for name in names]
        ttl = int(select("TTL", "test:user-hour:" + user)[1:])
        return got, 0 < ttl <= 3600
    same(on_all(servers, rounds), ([1] * 5, True))
    close(servers)


@test("a key of another type, or without a good time, is replaced: no count is away")
def _():
    servers = machines("users-keys", "user-messages = 5", n=2)
    for command in ("SET KEY text", "RPUSH KEY a", "HSET KEY at soon n1 9", "HSET KEY at nan n1 9"):
        def rounds(user, command=command):
            select(*command.replace("KEY", "test:user-hour:" + user).split())
            return spread(servers, user, 9)
        same(on_all(servers, rounds), 5, command)
    close(servers)


@test("inside TLS, where another process has the session")
def _():
    path = certificate(directory + "/cert", HOST)
    users = directory + "/users"
    with open(users, "w") as file:
        for name in ("anna%d" % n for n in range(20)):
            file.write(subprocess.run([BUILD + "/smtp-handler-passwd", name], input="right\n",
                                      capture_output=True, text=True, check=True).stdout)
    os.chmod(users, 0o600)
    servers = machines("users-tls", "user-messages = 3", "tls = offer",
                       "tls-certificate = %s.pem" % path, "tls-key = %s.key" % path,
                       "auth = file:" + users, n=2)
    names = ("anna%d" % n for n in range(20))

    def rounds(_):
        user, codes = next(names), []
        for i in range(5):
            with smtplib.SMTP("127.0.0.1", servers[i % 2].port, "c.example", 20) as smtp:
                smtp.starttls(context=anyone())
                smtp.login(user, "right")
                codes.append(smtp.mail("anna@example.org")[0])
        return codes
    same(on_all(servers, rounds), [250] * 3 + [450] * 2)
    close(servers)


def delays_ms(client, n):
    """The replies to n messages, and the milliseconds until each."""
    got, times = 0, []
    for _ in range(n):
        began = time.monotonic()
        got += client.command("MAIL FROM:<anna@example.org>") == 250
        times.append((time.monotonic() - began) * 1000)
        client.command("RSET")
    return got, times


@test("Redis stalls: a session waits once in a second, goes on with its own count, and logs once")
def _():
    servers = machines("users-stall", "user-messages = 40", n=2)
    user = next(NAMES)
    clients = [session(server, user) for server in servers]
    for client in clients:
        check(client.mail() and client.mail())
    before = alone(servers)
    redis.stop()
    try:
        for client, server in zip(clients, servers):
            # 2 have counted while Redis replied, so 38 are left on each machine.
            got, times = delays_ms(client, 50)
            same(got, 38, "the count of this machine went on", server.log())
            note("milliseconds: %.1f once, then %.1f" % (max(times), statistics.median(times)))
            check(statistics.median(times) < 20, times)
        same(alone(servers) - before + min(before, 2), 2, [server.log() for server in servers])
    finally:
        redis.go_on()
    # Redis knows 4, and some of those that it was asked for too late.
    check(wait_for(lambda: clients[0].mail(), 10, 0.5), servers[0].log())
    close(servers)


@test("Redis is killed and starts again: sessions go on, and share again")
def _():
    servers = machines("users-killed", "user-messages = 30", n=2)
    user = next(NAMES)
    clients = [session(server, user) for server in servers]
    check(all(client.mail() for client in clients))
    redis.kill()
    check(all(client.mail() for client in clients))
    for server in servers:
        server.logged("shared-limits state=away user=" + user)
        server.logged("shared with other machines: Redis: ")
    redis.start()

    def counted():
        check(clients[0].mail())
        return select("EXISTS", "test:user-hour:" + user) == ":1"
    check(wait_for(counted, 15, 0.7), servers[0].log())
    close(servers)


@test("garbage in place of Redis: each machine has its own count")
def _():
    for name, octets in (("text", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
                         ("array", READY + b"*2000000000\r\n"),
                         ("number", READY + b":-7\r\n:9\r\n:3\r\n$1\r\n0\r\n")):
        garbage = Garbage(octets)
        [server] = machines("users-" + name, "user-messages = 2", n=1, port=garbage.port)
        same(spread([server], next(NAMES), 4), 2, name, server.log())
        server.logged("shared with other machines: Redis: ")
        same(server.log().count("state=away user="), 1, name, server.log())
        close([server])


@test("the process that asks Redis dies: the log has it, it starts again, and sessions go on")
def _():
    servers = machines("users-dies", "user-messages = 1000000", n=2)
    user = next(NAMES)
    clients = [session(server, user) for server in servers]
    check(all(client.mail() for client in clients))
    for _ in range(3):
        parent, pid = keeper(servers[0])
        status = open("/proc/%d/status" % pid).read()
        check(SANITIZER or "Seccomp:\t2" in status, status)
        os.kill(pid, signal.SIGKILL)
        check(all(client.mail() for client in clients))
        check(wait_for(lambda: keeper(servers[0])[1] not in (None, pid), 10), servers[0].log())
        same(keeper(servers[0])[0], parent)
    same(re.findall("killed by signal 9; it starts again in (\\d+) ms", servers[0].log()),
         ["100", "200", "400"])
    select("DEL", "test:user-hour:" + user)

    def counted():
        check(clients[0].mail())
        return select("EXISTS", "test:user-hour:" + user) == ":1"
    check(wait_for(counted, 15, 0.7), "the old session does not share again", servers[0].log())
    os.kill(keeper(servers[0])[0], signal.SIGKILL)
    check(all(client.mail() for client in clients))
    servers[0].logged("shared-limits state=ended")
    same(spread(servers, next(NAMES), 4), 4)
    for client in clients:
        client.close()
    close(servers)


@test("a process for each connection: its count holds over processes, for this machine alone")
def _():
    folder = directory + "/each"
    os.makedirs(folder)
    config = folder + "/conf"
    for shared in (True, False):
        with open(config, "w") as file:
            file.write("[queue]\ndirectory = %s/queue%d\nmin-free = 0\n[server]\nhostname = %s\n"
                       "user-rate = 4/1h\nuser-messages = 3\n" % (folder, shared, HOST))
            lines = settings()
            file.write("\n".join(lines if shared else lines[:lines.index("[shared]")]))
            file.write("\n[route example.org]\nvia = discard\n")
        logs, mails, rcpts, processes = "", 0, 0, []
        for _ in range(5):
            server = socket.create_server(("127.0.0.1", 0))
            theirs = socket.create_connection(server.getsockname())
            ours = server.accept()[0]
            log = open(folder + "/log", "w+")
            process = subprocess.Popen([HANDLER, "-c", config], stdin=ours, stdout=ours, stderr=log)
            ours.close()
            processes.append((process, Client(theirs, "emil"), log))
            mails += processes[-1][1].mail()
        for process, client, log in processes:
            client.close()
            process.wait(20)
            log.seek(0)
            logs += log.read()
        same(mails, 3, logs)
        for _, _, log in processes:
            log.seek(0)
            same(log.read().count("shared-limits state=away user=emil"), int(shared))


def mail_us(server, n=300):
    """The median time of MAIL and RSET of a user in one session."""
    client, times = session(server, next(NAMES)), []
    for _ in range(n):
        began = time.perf_counter()
        client.mail()
        times.append((time.perf_counter() - began) * 1e6)
    client.close()
    return statistics.median(times)


@test("the cost of a message")
def _():
    [shares] = machines("users-cost", "user-messages = 1000000", "max-messages = 1000000", n=1)
    lines = settings("user-messages = 1000000", "max-messages = 1000000")
    own = Server("users-own", *lines[:lines.index("[shared]")])
    free = Server("users-free", *[line for line in lines[:lines.index("[shared]")]
                                  if "user-" not in line])
    rounds = [(mail_us(free), mail_us(own), mail_us(shares)) for _ in range(3)]
    note("microseconds for MAIL and RSET: without a limit, with one, with a shared one: " +
         ", ".join("%.0f %.0f %.0f" % pair for pair in rounds))
    close([shares, own, free])


main()
