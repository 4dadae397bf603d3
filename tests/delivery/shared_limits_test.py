#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Three listeners with one limit for a client, by a real Redis: which stalls, dies, comes back,
refuses the password, and sends garbage."""
import os
import re
import signal
import smtplib
import socket
import statistics
import subprocess
import threading
import time

from programs import SANITIZER, fresh_directory
from redis_server import (PASSWORD, PORT, READY, Delayed, Garbage, Redis, settings_of_redis,
                          write_password)
from tap import check, main, note, same, test, wait_for
from tls_server import BUILD, HOST, Server, anyone, certificate

directory = fresh_directory()
SOURCES = ("127.0.0.%d" % n for n in range(20, 250))


def settings(*lines, port=PORT):
    return ["trusted = 192.0.2.1", *lines, *settings_of_redis(directory, port)]


def machines(name, *lines, n=3, port=PORT):
    return [Server("%s-%d" % (name, i), *settings(*lines, port=port)) for i in range(n)]


def close(servers):
    for server in servers:
        server.__exit__()


def connect(server, source):
    """A session, or None if the client is refused."""
    try:
        return smtplib.SMTP("127.0.0.1", server.port, "client.example", 20,
                            source_address=(source, 0))
    except smtplib.SMTPConnectError as error:
        same(error.smtp_code, 421, error)
        return None


def away(servers):
    """How often they had no answer.  This machine may be slow."""
    return sum(server.log().count("shared-limits state=") for server in servers)


def state(server):
    """The state that it has logged last."""
    return (re.findall("shared-limits state=(\\S+)", server.log()) or ["back"])[-1]


def wait_for_redis(servers):
    """Each has the answer of Redis about some client, and so about the next one."""
    source = next(SOURCES)

    def here():
        for server in servers:
            session = connect(server, source)
            if session:
                session.close()
        return all(state(server) == "back" for server in servers)
    check(wait_for(here, 20, 0.1), [server.log() for server in servers])


def on_all(servers, rounds):
    """Call rounds() with a fresh client until all answers of Redis came in time; its result."""
    for _ in range(10):
        wait_for_redis(servers)
        before = away(servers)
        got = rounds(next(SOURCES))
        if away(servers) == before:
            return got
        note("an answer of Redis was late: once more")
        time.sleep(0.5)
    check(False, "Redis never replied in time", [server.log() for server in servers])


def hold(servers, source, n):
    """n connections, one after the other on all machines; those that are served."""
    return [s for s in (connect(servers[i % len(servers)], source) for i in range(n)) if s]


def let_go(sessions):
    for session in sessions:
        session.close()


def children(pid):
    return subprocess.run(["pgrep", "-P", str(pid), "smtp-shared"], capture_output=True,
                          text=True).stdout.split()


def has_ended(pid):
    try:
        with open("/proc/%s/status" % pid) as status:
            return "State:\tZ" in status.read()
    except OSError:
        return True


def names(server):
    return children(server.process.pid)


redis = Redis(directory)


@test("connections at a time: three machines keep one limit, and let the next client in")
def _():
    servers = machines("shared-open", "client-connections = 4", "client-rate = 0")

    def rounds(source):
        held = hold(servers, source, 9)
        got = len(held)
        held.pop(0).close()

        def next_one():
            session = connect(servers[1], source)
            if session:
                held.append(session)
            return session
        check(wait_for(next_one, 5), "nobody is let in")
        more = hold(servers, source, 3)
        let_go(held + more)
        return got, len(held), len(more)
    same(on_all(servers, rounds), (4, 4, 0))
    # Nothing is left of clients without connections and failures.
    check(wait_for(lambda: keys() == 0, 10), keys())
    close(servers)


def keys():
    """The keys in the database of the test."""
    found = re.search(r"db3:keys=(\d+)", info())
    return int(found[1]) if found else 0


def info():
    with socket.create_connection(("127.0.0.1", PORT), 5) as s:
        s.sendall(("AUTH %s\r\nINFO keyspace\r\nQUIT\r\n" % PASSWORD).encode())
        return s.makefile("r").read()


@test("connections a minute, in any order: exactly so many on all machines")
def _():
    servers = machines("shared-rate", "client-rate = 7")

    def rounds(source):
        began = time.monotonic()
        got = 0
        for i in range(15):
            session = connect(servers[i % 3], source)
            got += session is not None
            if session:
                session.close()
        return got if time.monotonic() - began < 60 / 7 else None
    same(on_all(servers, rounds), 7)
    close(servers)


@test("failed logins: three on three machines, and none of them lets the client in")
def _():
    path = certificate(directory + "/cert", HOST)
    users = directory + "/users"
    with open(users, "w") as file:
        file.write(subprocess.run([BUILD + "/smtp-handler-passwd", "anna"], input="right\n",
                                  capture_output=True, text=True, check=True).stdout)
    os.chmod(users, 0o600)
    servers = machines("shared-logins", "client-failed-logins = 3", "tls = offer",
                       "tls-certificate = %s.pem" % path, "tls-key = %s.key" % path,
                       "auth = file:" + users)

    def guess(server, source, codes):
        session = connect(server, source)
        session.starttls(context=anyone())
        try:
            session.login("anna", "wrong")
        except smtplib.SMTPAuthenticationError as error:
            codes.append(error.smtp_code)
        session.close()

    def rounds(source):
        codes = []
        threads = [threading.Thread(target=guess, args=(server, source, codes))
                   for server in servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        same(codes, [535] * 3)
        time.sleep(0.1)
        return [connect(server, source) for server in servers]
    same(on_all(servers, rounds), [None] * 3)
    check(connect(servers[0], next(SOURCES)), "another client is refused")
    for server in servers:
        server.logged("limited client=\\S+ limit=client-failed-logins")
    close(servers)


@test("Redis stalls: each waits once, keeps its own limit, and shares it later")
def _():
    servers = machines("shared-stall", "client-connections = 3", "client-rate = 0")
    wait_for_redis(servers)
    redis.stop()
    source, slowest, held = next(SOURCES), [], []
    try:
        for server in servers:
            for i in range(4):
                began = time.monotonic()
                session = connect(server, source)
                slowest.append((time.monotonic() - began) * 1000)
                held += [session] if session else []
        note("milliseconds to the greeting: " + " ".join("%.0f" % ms for ms in slowest))
        same(len(held), 9, "three on each machine")
        # Only the first of four waits for Redis; all may wait for this machine.
        check(all(min(slowest[i + 1:i + 4]) < 20 for i in (0, 4, 8)), slowest)
        same([state(server) for server in servers], ["away"] * 3)
    finally:
        redis.go_on()
    check(wait_for(lambda: all(state(server) == "back" for server in servers)))
    # Connections that were made meanwhile count on all machines.
    held.pop().close()
    time.sleep(0.3)
    same([connect(server, source) for server in servers], [None] * 3)
    let_go(held)
    close(servers)


@test("Redis is killed and starts again without memory: the open connections count again")
def _():
    servers = machines("shared-killed", "client-connections = 5", "client-rate = 0")
    wait_for_redis(servers)

    def rounds():
        source = next(SOURCES)
        held = hold(servers[:2], source, 4)
        redis.kill()
        held += hold(servers[2:], source, 1)
        check(wait_for(lambda: all(state(server) == "away" for server in servers)))
        check("Redis: " in servers[2].log(), servers[2].log())
        held.pop(0).close()             # Redis learns of this later
        redis.start()
        check(wait_for(lambda: all(state(server) == "back" for server in servers)))
        before = away(servers)
        held += hold(servers, source, 1)
        more = hold(servers, source, 3)
        let_go(held + more)
        return (len(held), len(more)) if away(servers) == before else None

    got = None
    for _ in range(5):
        got = got or rounds()           # none: an answer was late, and nothing is shared then
    same(got, (5, 0))
    close(servers)


@test("a wrong password: the log has the reason, and each machine its own limit")
def _():
    write_password(directory, "another")
    servers = machines("shared-password", "client-connections = 2", n=2)
    source = next(SOURCES)
    held = hold(servers, source, 6)
    same(len(held), 4)
    for server in servers:
        server.logged("shared with other machines: Redis: WRONGPASS")
        server.logged("shared-limits state=away")
    write_password(directory)
    same([server.log().count("WRONGPASS") for server in servers], [1, 1])
    let_go(held)
    close(servers)


@test("a Redis that takes no writes is away until it does: each machine keeps its own limit")
def _():
    for begin, end, why in (
            (("REPLICAOF", "127.0.0.1", "1"), ("REPLICAOF", "NO", "ONE"), "READONLY"),
            (("CONFIG", "SET", "maxmemory", "1"), ("CONFIG", "SET", "maxmemory", "0"), "OOM")):
        [server] = machines("shared-" + why, "client-rate = 3", "client-connections = 0", n=1)
        wait_for_redis([server])
        same(redis.order(*begin), "+OK")
        try:
            source = next(SOURCES)
            same(len(hold([server], source, 5)), 3)
            check(wait_for(lambda s=server: state(s) == "away"), server.log())
            # It listens and accepts the password, and would be asked again after a second.
            before = server.log().count("state=back")
            time.sleep(3)
            same(connect(server, source), None)
            same(server.log().count("state=back"), before, server.log())
            check("other machines: Redis: " in server.log(), server.log())
        finally:
            same(redis.order(*end), "+OK")
        check(wait_for(lambda s=server: state(s) == "back"), server.log())
        close([server])


def of_test(*commands):
    """Commands in the database of the test."""
    with socket.create_connection(("127.0.0.1", PORT), 5) as s:
        s.sendall("".join(line + "\r\n" for line in (
            "AUTH " + PASSWORD, "SELECT 3", *commands, "QUIT")).encode())
        return s.makefile("r").read()


@test("a key of another type, or with values of another form, is replaced: no limit is away")
def _():
    servers = machines("shared-keys", "client-connections = 4", "client-rate = 0", n=2)
    far = int((time.time() + 3600) * 1000)
    for commands in (["SET KEY text"], ["RPUSH KEY a b"], ["HSET KEY at soon"],
                     ["HSET KEY oabc text"], ["HSET KEY name text 9 5 1.5 7"],
                     ["HSET KEY 1 nan 2 inf 3 1e300 4 " + "9" * 40],
                     # Of a machine that died before the clock of Redis was set back.
                     ["HSET KEY oabc '4 %d'" % far]):
        def rounds(source, commands=commands):
            key = "test:client:%s00000000/32" % socket.inet_aton(source).hex()
            of_test(*(line.replace("KEY", key) for line in commands))
            held = hold(servers, source, 6)
            let_go(held)
            return len(held)
        same(on_all(servers, rounds), 4, commands)
    close(servers)


@test("a Redis that is slow now and then is one trouble, and is asked ever more rarely")
def _():
    slow = Delayed(PORT)
    [server] = machines("shared-jitter", "client-connections = 0", "client-rate = 0", n=1,
                        port=slow.port)
    wait_for_redis([server])
    before = server.log()
    for i in range(100):                # four seconds
        slow.delay_s = 0.05 if i % 5 == 0 else 0
        session = connect(server, next(SOURCES))
        session.close()
        time.sleep(0.04)
    log = server.log()[len(before):]
    check(log.count("shared with other machines: Redis: ") <= 1, log)
    check(1 <= log.count("state=away") <= 8, log)
    close([server])


@test("garbage in place of Redis costs no memory and no client")
def _():
    for name, octets, slowly in (("text", b"HTTP/1.1 400 Bad Request\r\n\r\n", False),
                                 ("long", b"$500000000\r\n" + b"x" * 2000000, False),
                                 ("array", b"*2000000000\r\n", False),
                                 ("deep", b"*1\r\n" * 100000, False),
                                 ("number", b"+OK\r\n+OK\r\n:7\r\n", False),
                                 ("hash", b"+OK\r\n+OK\r\n$3\r\nabc\r\n", False),
                                 ("slow", b"+OK\r\n+OK\r\n", True)):
        garbage = Garbage(octets, slowly)
        [server] = machines("shared-" + name, "client-connections = 2", n=1, port=garbage.port)
        source = next(SOURCES)
        held = hold([server], source, 3)
        same(len(held), 2, name, server.log())
        server.logged("shared with other machines: Redis: ")
        same(len(names(server)), 1, name)
        let_go(held)
        close([server])


@test("a Redis that hangs up again and again is asked ten times a second at most")
def _():
    garbage = Garbage(READY)
    [server] = machines("shared-hang-up", "client-connections = 2", n=1, port=garbage.port)
    time.sleep(1)
    before = garbage.clients
    time.sleep(1)
    check(1 <= garbage.clients - before <= 12, garbage.clients - before)
    same(server.log().count("Redis: it closes each connection at once"), 1, server.log())
    held = hold([server], next(SOURCES), 3)
    same(len(held), 2, server.log())
    let_go(held)
    close([server])


def change_prefix(config):
    with open(config) as file:
        text = file.read()
    check("prefix = test:" in text, text)
    with open(config, "w") as file:
        file.write(text.replace("prefix = test:", "prefix = another:"))


@test("SIGHUP with another [shared]: a listener whose socket is kept ends; another one reports it")
def _():
    [server] = machines("shared-reload", "client-connections = 2", n=1)
    server.process.send_signal(signal.SIGHUP)
    server.logged("configuration read again")
    check("has changed" not in server.log(), server.log())
    change_prefix(server.config)
    server.process.send_signal(signal.SIGHUP)
    server.logged("has changed in the configuration: start this listener again to use it")
    same(server.process.poll(), None)
    close([server])

    [server] = machines("shared-kept", "client-connections = 2", n=1)
    close([server])
    kept = socket.create_server(("127.0.0.1", 0))
    with open(server.log_name, "w") as log:
        listener = subprocess.Popen(
            ["bash", "-c", 'exec 3<&%d; export LISTEN_PID=$$ LISTEN_FDS=1; exec "$@"'
             % kept.fileno(), "bash", BUILD + "/smtp-handler", "-c", server.config],
            pass_fds=[kept.fileno()], stdin=subprocess.DEVNULL, stderr=log)
    with smtplib.SMTP("127.0.0.1", kept.getsockname()[1], timeout=20) as session:
        change_prefix(server.config)
        listener.send_signal(signal.SIGHUP)
        same(session.getreply()[0], 421, server.log())
    same(listener.wait(20), 0, server.log())
    check("this listener ends, and the next one uses it" in server.log(), server.log())


@test("the process beside the listener dies: the log has it, and sessions go on")
def _():
    [server] = machines("shared-ended", "client-connections = 2", n=1)
    wait_for_redis([server])
    [pid] = names(server)
    [child] = children(pid)
    status = open("/proc/%s/status" % child).read()
    check(SANITIZER or "Seccomp:\t2" in status, status)
    os.kill(int(pid), signal.SIGKILL)
    check(wait_for(lambda: has_ended(child), 10), "its child lives on")
    server.logged("shared-limits state=ended")
    same(len(hold([server], next(SOURCES), 3)), 2)
    close([server])


@test("it ends with its listener, and what it has counted ends too")
def _():
    servers = machines("shared-end", "client-connections = 2", "client-rate = 0", n=2)
    wait_for_redis(servers)
    source = next(SOURCES)
    held = hold(servers[:1], source, 2)
    [pid] = names(servers[0])
    let_go(held)
    os.kill(servers[0].process.pid, signal.SIGKILL)
    servers[0].process.wait(10)
    check(wait_for(lambda: has_ended(pid), 10), pid)
    check(wait_for(lambda: len(hold(servers[1:], source, 1)) == 1, 5))
    close(servers[1:])


def greeting_ms(server, source, n=200):
    times = []
    for _ in range(n):
        began = time.monotonic()
        session = connect(server, source)
        times.append((time.monotonic() - began) * 1000)
        session.close()
    return statistics.median(times)


@test("the cost for a session")
def _():
    [shares] = machines("shared-cost", "client-rate = 0", "client-connections = 0", n=1)
    alone = Server("shared-alone", "trusted = 192.0.2.1", "client-rate = 0",
                   "client-connections = 0")
    source = next(SOURCES)
    rounds = [(greeting_ms(alone, source, 50), greeting_ms(shares, source, 50))
              for _ in range(3)]
    note("milliseconds to the greeting, alone and shared: " +
         ", ".join("%.2f %.2f" % pair for pair in rounds))
    close([shares, alone])


main()
