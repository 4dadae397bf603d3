#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The PROXY protocol: only a balancer's header counts; also with a real HAProxy."""
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import bail_out, check, main, same, test, wait_for  # noqa: E402

# The test has its own network, with free ports.
if not os.environ.get("PROXY_TEST_INSIDE"):
    user = [] if os.getuid() == 0 else ["--user", "--map-root-user"]
    os.environ["PROXY_TEST_INSIDE"] = "yes"
    os.execvp("unshare",
              ["unshare", *user, "--net", "--mount", "--", sys.executable,
               os.path.abspath(__file__)])

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
PEERS = os.path.abspath("build/peers")
DIRECTORY = BUILD + "/tests/proxy"
SERVER, BALANCER, CLIENT, STRANGER = ("127.0.0.1", 2525), "127.0.0.2", "127.0.0.77", "127.0.0.99"
V2 = b"\r\n\r\n\0\r\nQUIT\n"
SETTINGS = """[queue]
directory = %s/queue
min-free = 0
[server]
hostname = mx.example.org
trusted = 192.0.2.77 2001:db8::77 127.0.0.77
proxy-protocol = on
proxy-trusted = 127.0.0.2
""" % DIRECTORY


def log():
    with open(DIRECTORY + "/log") as file:
        return file.read()


class Client:
    def __init__(self, source, header=b"", to=SERVER):
        self.socket = socket.create_connection(to, 15, (source, 0))
        self.file = self.socket.makefile("rb")
        if header:
            self.socket.sendall(header)

    def reply(self):
        try:
            line = self.file.readline().decode()
            while line[3:4] == "-":
                line = self.file.readline().decode()
            return line
        except ConnectionResetError:
            return ""

    def command(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def greet(self):
        same(self.reply()[:4], "220 ")
        same(self.command("EHLO client.example")[:4], "250 ")
        return self

    def relays(self):
        """True if the client may send to other domains."""
        same(self.command("MAIL FROM:<a@b.example>")[:4], "250 ")
        code = self.command("RCPT TO:<u@elsewhere.example>")[:3]
        check(code in ("250", "550"), code)
        return code == "250"

    def message(self):
        """Send a message; its Received field."""
        check(self.relays())
        same(self.command("DATA")[:4], "354 ")
        return stored(re.search(r"queued as (\S+)", self.command("Subject: x\r\n\r\nx\r\n."))[1])

    def close(self):
        self.file.close()
        self.socket.close()


def stored(queue_id):
    with open("%s/queue/new/%s" % (DIRECTORY, queue_id)) as file:
        return re.search(r"(?s)\nReceived: (.*?;)", file.read())[1]


def v2(command, family, data=b""):
    return V2 + bytes([command, family]) + len(data).to_bytes(2, "big") + data


def v2_of(client, server="192.0.2.1"):
    family = socket.AF_INET6 if ":" in client else socket.AF_INET
    pair = socket.inet_pton(family, client) + socket.inet_pton(family, server)
    return v2(0x21, 0x11 if family == socket.AF_INET else 0x21, pair + b"\xc3\x50\x00\x19")


@test("the header names the client, in versions 1 and 2, IPv4 and IPv6")
def _():
    for header, shown in ((b"PROXY TCP4 192.0.2.77 192.0.2.1 50000 25\r\n", "[192.0.2.77]"),
                          (b"PROXY TCP6 2001:db8::77 2001:db8::1 50000 25\r\n",
                           "[IPv6:2001:db8::77]"),
                          (v2_of("192.0.2.77"), "[192.0.2.77]"),
                          (v2_of("2001:db8::77", "2001:db8::1"), "[IPv6:2001:db8::77]")):
        received = Client(BALANCER, header).greet().message()
        check("(" + shown + ")" in received, received)
    check("accepted" in log() and "client=192.0.2.77 " in log()
          and "client=IPv6:2001:db8::77 " in log(), log())


@test("an untrusted client stays untrusted behind a balancer")
def _():
    for header in (b"PROXY TCP4 192.0.2.78 192.0.2.1 50000 25\r\n", v2_of("192.0.2.78"),
                   v2(0x20, 0), b"PROXY UNKNOWN\r\n"):
        check(not Client(BALANCER, header).greet().relays(), header)


@test("the header octet by octet, and the session with it in one piece")
def _():
    for header in b"PROXY TCP4 192.0.2.77 192.0.2.1 50000 25\r\n", v2_of("192.0.2.77"):
        c = Client(BALANCER)
        for octet in header:
            c.socket.sendall(bytes([octet]))
            time.sleep(0.002)
        check(c.greet().relays())
        c = Client(BALANCER, header + b"EHLO client.example\r\nQUIT\r\n")
        same([c.reply()[:3] for _ in range(3)], ["220", "250", "221"])


@test("a balancer's connection without a good header is closed")
def _():
    for header in (b"EHLO client.example\r\n", b"PROXY TCP4 192.0.2.77\r\n",
                   v2(0x21, 0x12, b"\0" * 12), b"PROXY " + b"x" * 200):
        c = Client(BALANCER, header)
        same(c.reply(), "", header)
    check(wait_for(lambda: log().count("end=proxy-header") == 4), log())


@test("a balancer's connection without a header in ten seconds is closed")
def _():
    begun = time.monotonic()
    same(Client(BALANCER, b"PROXY TCP4 192.0.2.77").reply(), "")
    check(9 < time.monotonic() - begun < 14, time.monotonic() - begun)


def reload(*changes):
    """The listener reads its configuration with these changes."""
    text, before = SETTINGS, log().count("read again")
    for old, new in changes:
        check(old in text, old)
        text = text.replace(old, new)
    with open(DIRECTORY + "/conf", "w") as file:
        file.write(text)
    handler.send_signal(signal.SIGHUP)
    check(wait_for(lambda: log().count("read again") > before), log()[-2000:])


@test("a health check is refused if the queue cannot take mail; a client may still ask")
def _():
    probes = v2(0x20, 0), b"PROXY UNKNOWN\r\n"
    reload(("min-free = 0", "min-free = 1024T"))
    for probe in probes:
        same(Client(BALANCER, probe).reply()[:10], "421 4.3.1 ")
    check(wait_for(lambda: log().count("end=no-queue") == 2), log()[-2000:])
    c = Client(BALANCER, v2_of("192.0.2.77")).greet()
    same(c.command("MAIL FROM:<a@b.example>")[:10], "452 4.3.1 ")
    reload()
    for probe in probes:
        Client(BALANCER, probe).greet()


def sessions():
    """The processes of the listener; those of clients that have gone end soon."""
    with open("/proc/%d/task/%d/children" % (handler.pid, handler.pid), encoding="ascii") as file:
        return file.read().split()


@test("a listener that is full says so to a client behind the balancer, and resets nothing")
def _():
    reload(("proxy-protocol = on", "proxy-protocol = on\nmax-connections = 1"))
    check(wait_for(lambda: not sessions()), sessions())
    held = Client(BALANCER, v2_of("192.0.2.77")).greet()
    for header in (v2_of("192.0.2.77"), b"PROXY UNKNOWN\r\n", v2(0x21, 0x11, bytes(65535))):
        handler.send_signal(signal.SIGSTOP)
        late = Client(BALANCER, header)
        time.sleep(0.1)                 # it is there before the listener looks
        handler.send_signal(signal.SIGCONT)
        check(re.fullmatch(rb"421 4\.3\.2 .*\r\n", late.file.read()), header[:20])
    held.close()
    reload()


@test("a file system that became read-only: the health check is refused, and mail at MAIL")
def _():
    folder = DIRECTORY + "/queue"
    subprocess.run(["mount", "--bind", "-o", "ro", folder, folder], check=True)
    for header, lines, last in ((v2(0x20, 0), b"", "421 4.3.0 "),
                                (v2_of("192.0.2.77"), b"EHLO c\r\nMAIL FROM:<a@b.example>\r\n",
                                 "451 4.3.0 ")):
        ours, its = socket.socketpair()
        with ours, its:
            ours.sendall(header + lines)
            ours.shutdown(socket.SHUT_WR)
            run = subprocess.Popen([BUILD + "/smtp-handler", "-c", DIRECTORY + "/conf",
                                    "-o", "server.proxy-trusted=local"], stdin=its, stdout=its,
                                   stderr=subprocess.DEVNULL)
            its.close()
            same(ours.makefile().read().splitlines()[-1][:10], last)
            run.wait(10)
    subprocess.run(["umount", folder], check=True)


@test("a header of another client is not read; it ends the session")
def _():
    check(Client(CLIENT).greet().relays())
    check(not Client(STRANGER).greet().relays())
    for header in b"PROXY TCP4 192.0.2.77 192.0.2.1 50000 25\r\n", v2_of("192.0.2.77"):
        c = Client(STRANGER, header + b"EHLO client.example\r\nMAIL FROM:<a@b.example>\r\n")
        same(c.reply()[:4], "220 ")
        replies = [c.reply() for _ in range(6)]
        check(not any(line.startswith("250") for line in replies) and replies[-1] == "", replies)


HAPROXY = """global
    maxconn 100
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen one
    bind 127.0.0.1:2601
    server handler 127.0.0.1:2525 send-proxy source 127.0.0.2
listen two
    bind 127.0.0.1:2602
    server handler 127.0.0.1:2525 send-proxy-v2 source 127.0.0.2
listen two_with_more
    bind 127.0.0.1:2603
    server handler 127.0.0.1:2525 send-proxy-v2 proxy-v2-options unique-id,crc32c source 127.0.0.2
listen checked
    bind 127.0.0.1:2604
    option smtpchk EHLO balancer.example
    server handler 127.0.0.1:2525 send-proxy-v2 check check-send-proxy inter 300ms source 127.0.0.2
"""


@test("a real HAProxy: versions 1 and 2, with further fields, and its health checks")
def _():
    with open(DIRECTORY + "/haproxy.cfg", "w") as file:
        file.write(HAPROXY)
    libraries = ":".join(glob.glob(PEERS + "/usr/lib/*-linux-gnu")
                         + glob.glob(PEERS + "/lib/*-linux-gnu"))
    with open(DIRECTORY + "/haproxy.log", "w") as out:
        haproxy = subprocess.Popen([PEERS + "/usr/sbin/haproxy",
                                    "-db", "-f", DIRECTORY + "/haproxy.cfg"], stdout=out,
                                   stderr=out, env={**os.environ, "LD_LIBRARY_PATH": libraries})
    try:
        def up():
            try:
                socket.create_connection(("127.0.0.1", 2604), 1).close()
                return True
            except OSError:
                return haproxy.poll() is not None
        wait_for(up)
        with open(DIRECTORY + "/haproxy.log") as out:
            check(haproxy.poll() is None, out.read())
        for port in 2601, 2602, 2603, 2604:
            received = Client(CLIENT, to=("127.0.0.1", port)).greet().message()
            check("([127.0.0.77])" in received, port, received)
            check(not Client(STRANGER, to=("127.0.0.1", port)).greet().relays(), port)
        check(wait_for(lambda: re.search(r"client=127\.0\.0\.2 helo=balancer\.example", log())),
              log())
        with open(DIRECTORY + "/haproxy.log") as out:
            check("DOWN" not in out.read())
    finally:
        haproxy.terminate()
        haproxy.wait(10)


shutil.rmtree(DIRECTORY, ignore_errors=True)
os.makedirs(DIRECTORY)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with open(DIRECTORY + "/conf", "w") as conf:
    conf.write(SETTINGS)
with open(DIRECTORY + "/log", "w") as logfile:
    handler = subprocess.Popen([BUILD + "/smtp-handler", "-c", DIRECTORY + "/conf",
                                "--listen", "127.0.0.1:2525"],
                               stdin=subprocess.DEVNULL, stderr=logfile)
if not wait_for(lambda: "listening" in log()):
    bail_out("no listener: " + log())


def stop(failed):
    handler.terminate()
    handler.wait(35)


main(stop)
