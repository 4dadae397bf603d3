# SPDX-License-Identifier: ISC
"""Abuse, as figures: what a well-behaved client, or a message to a good host, gets meanwhile.

    tests/delivery/run bench/abuse.py

A row of the listener: while one kind of abuse goes on, a client of another address sends a message
every 50 ms, each in a session of its own.  A row has the median and the slowest of these sessions,
how many failed, and the CPU time and the memory of the listener with all its sessions.  A row of
the runner: the time from the start of a run to the first MAIL for a message to a good host, while
the queue has abuse beside it.  The queue is on a tmpfs.  SECONDS is the length of a row, WORKS
names some of the rows.
"""
import itertools
import multiprocessing
import os
import resource
import selectors
import shutil
import smtplib
import socket
import statistics
import subprocess
import time

from programs import BUILD
from receivers import listens
from rig import DIRECTORY, Ours, Sink, command, cpu_s, family, memory_mb, open_network
from tap import check, wait_for

SECONDS = float(os.environ.get("SECONDS", "4"))
WORKS = os.environ.get("WORKS", "").split()
SERVER, GOOD = ("192.0.2.1", 25), "192.0.2.99"
CROWD, SOURCES = 2000, 200
MEBIBYTE = b"Z" * 76 + b"\r\n"
MEBIBYTE = MEBIBYTE * (2 ** 20 // len(MEBIBYTE))
ENVELOPE = b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<c@bench.example>\r\nDATA\r\n"


# -- the well-behaved client
def good_client(end, result):
    took, failed = [], 0
    while time.monotonic() < end:
        start = time.monotonic()
        try:
            with smtplib.SMTP(*SERVER, local_hostname="good.example", timeout=30,
                              source_address=(GOOD, 0)) as smtp:
                smtp.sendmail("a@good.example", ["c@bench.example"],
                              "Subject: good\r\n\r\n%s\r\n" % ("x" * 900))
            took.append(time.monotonic() - start)
        except (OSError, smtplib.SMTPException):
            failed += 1
        time.sleep(max(0, 0.05 - (time.monotonic() - start)))
    result.put((took, failed))


# -- the clients that are not
def dial(i, sources=SOURCES):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("10.9.%d.%d" % divmod(i % sources + 1, 250), 0))
    s.settimeout(5)
    s.connect(SERVER)
    return s


def crowd(step, pause_s):
    """CROWD connections that stay.  step(socket, turn) is called for each, again and again."""
    def run():
        sockets = []
        for i in range(CROWD):
            try:
                sockets.append(dial(i))
                sockets[-1].setblocking(False)
            except OSError:
                pass
        for turn in itertools.count():
            for s in sockets:
                try:
                    step(s, turn)
                except OSError:
                    pass
                time.sleep(pause_s / CROWD)
    return run


def slow_sender(s, turn):
    """An octet a second of a message that has no end."""
    if turn == 0:
        s.setblocking(True)
        s.settimeout(5)
        s.sendall(ENVELOPE)
        s.setblocking(False)
    s.send(b"x")


def slow_reader(s, turn):
    """Commands without end, whose replies are never read."""
    s.send(b"EHLO x\r\n" * 500)


def flood(sources):
    """As many connections as go, each closed after its greeting."""
    def run():
        for i in itertools.count():
            try:
                with dial(i, sources) as s:
                    s.recv(200)
            except OSError:
                pass
    return run


def pump(*blocks):
    """Sessions one after the other: each sends the blocks, and reads the replies meanwhile."""
    def run():
        for i in itertools.count():
            try:
                with dial(i) as s:
                    s.setblocking(False)
                    selector = selectors.DefaultSelector()
                    selector.register(s, selectors.EVENT_READ | selectors.EVENT_WRITE)
                    feed(s, selector, itertools.chain.from_iterable(b() for b in blocks))
            except OSError:
                pass
    return run


def feed(s, selector, blocks):
    rest = memoryview(b"")
    while True:
        for _, ready in selector.select(30):
            if ready & selectors.EVENT_READ and not s.recv(65536):
                return
            if ready & selectors.EVENT_WRITE:
                if not rest:
                    block = next(blocks, None)
                    if block is None:
                        return
                    rest = memoryview(block)
                rest = rest[s.send(rest):]


def ten_gigabytes():
    yield ENVELOPE
    yield from itertools.repeat(MEBIBYTE, 10 * 1024)
    yield b".\r\nQUIT\r\n"


def million_recipients():
    yield b"EHLO x\r\nMAIL FROM:<a@b.example>\r\n"
    for i in range(1000):
        yield b"".join(b"RCPT TO:<c%d@bench.example>\r\n" % (i * 1000 + j) for j in range(1000))
    yield b"QUIT\r\n"


def headers(line):
    """Messages whose header is all that a message may be."""
    def blocks():
        yield ENVELOPE
        for _ in range(40):
            yield line * (2 ** 20 // len(line))
        yield b"\r\nx\r\n.\r\nQUIT\r\n"
    return blocks


def idle(s, turn):
    time.sleep(1)


LISTENER = [
    ("nothing", "none", None, None),
    ("2,000 idle sessions", "idle", crowd(idle, 0), None),
    ("2,000 senders of an octet a second", "senders", crowd(slow_sender, 1), None),
    ("2,000 clients that read no reply", "readers", crowd(slow_reader, 1), None),
    ("connections, 4 loops of one address", "flood", flood(1), 4),
    ("connections, 4 loops of 50,000 addresses", "floods", flood(50000), 4),
    ("a message of 10 GB", "huge", pump(ten_gigabytes), 1),
    ("a message for a million recipients", "recipients", pump(million_recipients), 1),
    ("40 MB of header, fields of no value", "fields", pump(headers(b"a:\r\n")), 1),
    ("40 MB of header, one folded field", "folded", pump(headers(b" x\r\n")), 1),
    ("40 MB of header, Received fields", "received", pump(headers(b"Received: x\r\n")), 1),
]


def listener_row(name, run, processes):
    queue = DIRECTORY + "/queue"
    log = open(DIRECTORY + "/handler.log", "w")
    config = DIRECTORY + "/config"
    with open(config, "w") as file:
        file.write("[queue]\ndirectory = %s\n[server]\nhostname = bench.example\n"
                   "trusted =\nmax-connections = 2500\nclient-rate = 100000\n"
                   "[route bench.example]\nvia = discard\naccept = anyone\n" % queue)
    server = subprocess.Popen([BUILD + "/smtp-handler", "-c", config, "--listen",
                               "%s:%d" % SERVER], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    check(wait_for(lambda: listens(*SERVER), 10), open(DIRECTORY + "/handler.log").read())
    abusers = [multiprocessing.Process(target=run, daemon=True)
               for _ in range(processes or 1)] if run else []
    for process in abusers:
        process.start()
    time.sleep(4 if abusers and not processes else 0.5)
    before, start = cpu_s(server.pid), time.monotonic()
    result = multiprocessing.Queue()
    client = multiprocessing.Process(target=good_client, args=(start + SECONDS, result))
    client.start()
    time.sleep(SECONDS / 2)
    memory, sessions = memory_mb(server.pid), len(family(server.pid)) - 1
    took, failed = result.get()
    used = (cpu_s(server.pid) - before) / (time.monotonic() - start)
    for process in abusers:
        process.kill()
        process.join()
    client.join()
    server.terminate()
    server.wait(20)
    shutil.rmtree(queue)
    milliseconds = sorted(1000 * t for t in took) or [0]
    print("%-42s %5d %6d %8.1f %8.1f %6.0f %% %8.1f %9d" % (
        name, len(took), failed, statistics.median(milliseconds), milliseconds[-1], 100 * used,
        memory, sessions), flush=True)


# -- the runner
def nested(depth):
    """A message in 8-bit letters, of multiparts in multiparts, for a host that takes 7 bits."""
    yield ENVELOPE.replace(b"c@bench", b"c@h1.bench")
    yield b"MIME-Version: 1.0\r\n"
    for i in range(depth):
        yield (b"Content-Type: multipart/mixed; boundary=\"b%d\"\r\n\r\n--b%d\r\n" % (i, i))
    yield b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + b"\xc3\xa4\r\n" * 1000
    for i in reversed(range(depth)):
        yield b"--b%d--\r\n" % i
    yield b".\r\nQUIT\r\n"


def parts(count):
    """The same with many small parts."""
    yield ENVELOPE.replace(b"c@bench", b"c@h1.bench")
    yield b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    for _ in range(count // 100):
        yield b"--b\r\n\r\n\xc3\xa4\r\n" * 100
    yield b"--b--\r\n.\r\nQUIT\r\n"


def put(side, blocks):
    """One message into the queue of a runner."""
    done = subprocess.run([BUILD + "/smtp-handler", "-c", side.directory + "/config", "-o",
                           "server.trusted=local"], input=b"".join(blocks), capture_output=True)
    check(b"\r\n250 2.0.0" in done.stdout, done.stdout[-500:], done.stderr[-500:])


RUNNER = [
    ("nothing", "none", None),
    ("multiparts, 100,000 deep", "nested", lambda side: put(side, nested(100000))),
    ("3,000,000 small parts", "parts", lambda side: put(side, parts(3000000))),
    ("20 messages, a million A records", "dns",
     lambda side: command(BUILD + "/bench/fill", side.queue, "20", "million.example", "1")),
]


def runner_row(name, add):
    sink, side = Sink(0, None, "-7"), Ours("-o", "relay.dnssec=off")
    if add:
        add(side)
    side.fill(1, "one", 1)
    start = side.start()
    wait_for(lambda: sink.classes()[0]["mail_us"], 60)
    first = sink.classes()[0]["mail_us"] / 1e6 - start
    used = memory = pid = 0
    while time.monotonic() < start + 60 and not pid:
        used, memory = cpu_s(side.process.pid), max(memory, memory_mb(side.process.pid))
        time.sleep(0.005)
        pid, status, spent = os.wait4(side.process.pid, os.WNOHANG)
    if pid:
        side.process.returncode = os.waitstatus_to_exitcode(status)
        used = spent.ru_utime + spent.ru_stime
    took = time.monotonic() - start
    side.stop()
    sink.stop()
    if os.environ.get("LOG"):
        print(open(side.directory + "/log").read()[-2500:])
    print("%-42s %8.1f %10.2f %10.2f %10.1f" % (name, 1000 * first, took, used, memory), flush=True)


def million_addresses():
    """10,000 hosts with 100 addresses each, 40 of them exchangers; nothing answers there."""
    rows = []
    for i in range(10000):
        rows += ["@ MX 10 m%d" % i] if i < 40 else []
        rows += ["m%d A 10.3.%d.%d" % (i, (i * 100 + j) // 250 % 250, (i * 100 + j) % 250 + 1)
                 for j in range(100)]
    return "\n".join(rows)


def main():
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = [row for row in LISTENER if not WORKS or row[1] in WORKS]
    runs = [row for row in RUNNER if not WORKS or row[1] in WORKS]
    if runs:
        dns = any(row[1] == "dns" for row in runs)
        open_network({"million.example": million_addresses()} if dns else {})
    else:
        shutil.rmtree(DIRECTORY, ignore_errors=True)
        os.makedirs(DIRECTORY)
    command("mount", "-t", "tmpfs", "tmpfs", DIRECTORY)
    command("ip", "route", "add", "local", "10.9.0.0/16", "dev", "lo")
    print("%-42s %5s %6s %8s %8s %8s %8s %9s" % ("the listener", "mails", "failed", "median",
                                               "slowest", "CPU", "MB", "processes"))
    for name, _, run, processes in wanted:
        listener_row(name, run, processes)
    print("%-42s %8s %10s %10s %10s" % ("the runner", "MAIL ms", "seconds", "CPU s", "MB"))
    for name, _, add in runs:
        runner_row(name, add)


main()
