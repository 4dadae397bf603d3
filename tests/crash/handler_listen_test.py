#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The listener: its sockets, its children and its reports of errors."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test, wait_for  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HANDLER = BUILD + "/smtp-handler"
DIRECTORY = BUILD + "/tests/handler_listen"
MESSAGE = (b"EHLO client.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<u@local.example>\r\n"
           b"DATA\r\nSubject: %s\r\n\r\n%s\r\n.\r\nQUIT\r\n")


def base(*options):
    arguments = [HANDLER, "-c", DIRECTORY + "/config"]
    for option in options:
        arguments += ["-o", option]
    return arguments


class Listener:
    def __init__(self, *arguments, options=(), listen=("127.0.0.1:0",), **how):
        self.log = open("%s/log" % DIRECTORY, "w+")
        for address in listen:
            arguments += ("--listen", address)
        self.process = subprocess.Popen([*base(*options), *arguments], stdin=subprocess.DEVNULL,
                                        stderr=self.log, **how)
        check(wait_for(lambda: self.process.poll() is not None or
                       len(self.logged_ports()) >= len(listen)), self.text())
        self.ports = self.logged_ports()
        check(self.ports and self.process.poll() is None, self.text())

    def text(self):
        return open(self.log.name).read()

    def logged_ports(self):
        return [int(port) for port in re.findall(r"listening address=\S+ port=(\d+)", self.text())]

    def connect(self, which=0):
        connection = socket.create_connection(("127.0.0.1", self.ports[which]), timeout=20)
        return connection, connection.makefile("rb")

    def children(self):
        return open("/proc/%d/task/%d/children" % (self.process.pid,
                                                   self.process.pid)).read().split()

    def stop(self):
        self.process.terminate()
        same(self.process.wait(35), 0, self.text())
        return self


def all_of(connection):
    data = b""
    while more := connection.recv(65536):
        data += more
    connection.close()
    return data


@test("each connection gets a fresh process without the listener's descriptors; none remains")
def processes():
    listener = Listener()
    same(listener.children(), [])
    connections = [listener.connect() for _ in range(5)]
    for _, lines in connections:
        check(lines.readline().startswith(b"220 mx.example.org "))
    same(len(set(listener.children())), 5)
    child = listener.children()[0]
    links = [os.readlink("/proc/%s/fd/%s" % (child, fd)) for fd in os.listdir("/proc/%s/fd" % child)
             if int(fd) > 2]
    # The child has its connection, a socket to the listener for remarks, its signals, and the two
    # folders that the listener opened.
    kinds = sorted(os.path.basename(link.split(":")[0]) for link in links)
    same(kinds, ["anon_inode", "new", "socket", "socket", "tmp"], links)
    for connection, lines in connections:
        connection.sendall(b"QUIT\r\n")
        same(lines.readline(), b"221 2.0.0 Bye\r\n")
        lines.close()
        connection.close()
    check(wait_for(lambda: not listener.children()), "sessions are left")
    listener.stop()


@test("several addresses, port 0 is chosen and logged")
def addresses():
    listener = Listener(listen=("127.0.0.1:0", "127.0.0.1:0", "[::1]:0"))
    same(len(set(listener.ports)), 3)
    for which in 0, 1:
        connection, lines = listener.connect(which)
        check(lines.readline().startswith(b"220 "))
    check(socket.create_connection(("::1", listener.ports[2]), timeout=20).recv(4) == b"220 ")
    listener.stop()


@test("more than max-connections: 421 at once; later there is room again")
def full():
    listener = Listener(options=("server.max-connections=3",))
    held = [listener.connect() for _ in range(3)]
    for _, lines in held:
        check(lines.readline().startswith(b"220 "))
    for _ in range(3):
        connection, lines = listener.connect()
        check(re.fullmatch(rb"421 4\.3\.2 mx\.example\.org .*\r\n", lines.readline()))
        same(lines.readline(), b"")
    held[0][0].sendall(b"QUIT\r\n")
    same(held[0][1].read(), b"221 2.0.0 Bye\r\n")
    held[0][0].close()

    def served():
        connection, lines = listener.connect()
        return lines.readline().startswith(b"220 ")
    check(wait_for(served), "no room")
    listener.stop()


@test("H018 SIGTERM: no more connections, sessions get their 421, then the listener ends")
def stop():
    listener = Listener()
    idle, lines = listener.connect()
    check(lines.readline().startswith(b"220 "))
    listener.process.terminate()
    check(lines.readline().startswith(b"421 4.3.2 mx.example.org "))
    same(listener.process.wait(35), 0)
    try:
        listener.connect()
        check(False, "it still accepts")
    except ConnectionRefusedError:
        pass


@test("H016 a message that was acknowledged before SIGTERM stays")
def stop_after_message():
    listener = Listener()
    connection, lines = listener.connect()
    connection.sendall((MESSAGE % (b"kept", b"text")).replace(b"QUIT\r\n", b""))
    check(wait_for(lambda: b"queued as" in lines.readline()), "no 250")
    listener.stop()
    check(lines.readline().startswith(b"421 "))
    same(len(os.listdir(DIRECTORY + "/queue/new")), 1)


@test("SIGHUP: new sessions get the new configuration; a broken one is not used")
def reload():
    def greeting():
        connection, lines = listener.connect()
        return lines.readline()

    def write(name):
        with open(DIRECTORY + "/config", "w") as file:
            file.write(CONFIG.replace("mx.example.org", name))
    listener = Listener()
    old, lines = listener.connect()
    check(lines.readline().startswith(b"220 mx.example.org "))
    write("other.example.org")
    listener.process.send_signal(signal.SIGHUP)
    check(wait_for(lambda: greeting().startswith(b"220 other.example.org ")), listener.text())
    write("third.example.org\nnonsense = 1")
    listener.process.send_signal(signal.SIGHUP)
    check(wait_for(lambda: "nonsense" in listener.text()), listener.text())
    check(greeting().startswith(b"220 other.example.org "))
    old.sendall(b"QUIT\r\n")
    same(lines.readline(), b"221 2.0.0 Bye\r\n")
    listener.stop()
    write("mx.example.org")


@test("SIGHUP before a listener is ready: it reads its configuration then, and goes on")
def early_reload():
    for _ in range(5):
        with subprocess.Popen([*base(), "--listen", "127.0.0.1:0"], stdin=subprocess.DEVNULL,
                              stderr=subprocess.PIPE) as process:
            check(b"listening" in process.stderr.readline())
            process.send_signal(signal.SIGHUP)
            check(b"configuration read again" in process.stderr.readline())
            process.terminate()
            same(process.wait(35), 0)


@test("a killed session is reported, and the others go on")
def killed():
    listener = Listener()
    one, lines = listener.connect()
    lines.readline()
    os.kill(int(listener.children()[0]), signal.SIGKILL)
    same(lines.readline(), b"")
    check(wait_for(lambda: "killed by signal 9" in listener.text()), listener.text())
    connection, lines = listener.connect()
    check(lines.readline().startswith(b"220 "))
    listener.stop()


@test("300 connections that open and close at once")
def burst():
    listener = Listener(options=("server.max-connections=400",))
    good = []

    def many():
        for _ in range(75):
            connection = socket.create_connection(("127.0.0.1", listener.ports[0]), timeout=20)
            connection.sendall(b"QUIT\r\n")
            good.append(re.fullmatch(rb"220 .*\r\n221 2\.0\.0 Bye\r\n",
                                     all_of(connection)) is not None)
    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same((len(good), all(good)), (300, True))
    check(wait_for(lambda: not listener.children()), "sessions are left")
    listener.stop()


@test("--print: messages of simultaneous sessions do not mix")
def printed():
    with open(DIRECTORY + "/printed", "w+b") as out:
        listener = Listener("--print", stdout=out)

        def send(number):
            for turn in range(5):
                connection, lines = listener.connect()
                name = b"%d-%d" % (number, turn)
                connection.sendall(MESSAGE % (name, b"\r\n".join([b"line " + name] * 3000)))
                check(b"queued as" in lines.read())
        threads = [threading.Thread(target=send, args=(number,)) for number in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        listener.stop()
    text = open(DIRECTORY + "/printed").read()
    frames = re.findall(r"Peer: 127\.0\.0\.1\nMAIL FROM:<a@b\.example>\n"
                        r"RCPT TO:<u@local\.example>\n"
                        r"-{10} MESSAGE FOLLOWS -{10}\nReceived: .*\n(?:\t.*\n)+Subject: (.*)\n\n"
                        r"((?:line .*\n)+)-{12} END MESSAGE -{12}\n", text)
    same(len(frames), 30)
    for name, lines in frames:
        same(lines, ("line %s\n" % name) * 3000)
    octets = sum(len(lines) for _, lines in frames)
    same(octets < len(text) < octets + 30 * 400, True)
    check("\r" not in text)


@test("--print to a pipe without a reader: 451, and no 250")
def print_broken():
    reading, writing = os.pipe()
    os.close(reading)
    listener = Listener("--print", stdout=writing)
    os.close(writing)
    connection, lines = listener.connect()
    connection.sendall(MESSAGE % (b"x", b"y"))
    check(b"451 4.3.0 " in lines.read())
    listener.stop()


@test("--print never goes to the client, even if its socket is descriptor 2 (as under xinetd)")
def print_to_client():
    ours, theirs = socket.socketpair()
    process = subprocess.Popen([*base(), "--print"], stdin=theirs, stdout=theirs, stderr=theirs)
    theirs.close()
    got = b""
    try:        # it may be gone before it has read anything
        ours.sendall(MESSAGE % (b"secret", b"text"))
        got = all_of(ours)
    except (ConnectionResetError, BrokenPipeError):
        pass
    check(b"MESSAGE FOLLOWS" not in got and b"250 2.0.0 Ok: queued" not in got, got)
    same(process.wait(20), 78)


def inherit(descriptors, arguments, **env):
    """Run the handler with these descriptors as 3, 4, ... and LISTEN_FDS."""
    script = 'export LISTEN_PID=$$ LISTEN_FDS=%d; exec "$0" "$@"' % len(descriptors)

    def place():
        kept = [os.dup(fd) for fd in descriptors]
        for at, fd in enumerate(kept):
            os.dup2(fd, 10 + at)
        for at in range(len(kept)):
            os.dup2(10 + at, 3 + at)
            os.set_inheritable(3 + at, True)
    return subprocess.Popen(["sh", "-c", env.pop("script", script), *arguments],
                            stdin=subprocess.DEVNULL, close_fds=False,
                            stdout=subprocess.DEVNULL, stderr=open(DIRECTORY + "/log", "w"),
                            preexec_fn=place)


@test("LISTEN_FDS: inherited listening sockets")
def inherited():
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
    ports = [s.getsockname()[1] for s in sockets]
    process = inherit([s.fileno() for s in sockets], base())
    for s in sockets:
        s.close()
    for port in ports:
        connection = socket.create_connection(("127.0.0.1", port), timeout=20)
        check(connection.recv(4) == b"220 ")
        connection.close()
    process.terminate()
    same(process.wait(35), 0)


@test("LISTEN_FDS: without a session for a while the listener ends, not before")
def inherited_idle():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = inherit([listening.fileno()], base("server.exit-idle=1s"))
        connection = socket.create_connection(listening.getsockname(), timeout=20)
        check(connection.recv(4) == b"220 ")
        time.sleep(1.5)
        same(process.poll(), None)
        connection.close()
        same(process.wait(20), 0)


@test("LISTEN_FDS: an inherited connection is the session")
def inherited_connection():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        ours = socket.create_connection(listening.getsockname(), timeout=20)
        theirs, _ = listening.accept()
    process = inherit([theirs.fileno()], base())
    theirs.close()
    ours.sendall(b"EHLO client.example\r\nQUIT\r\n")
    check(re.match(rb"220 .*\r\n(?:250.*\r\n)+221 2\.0\.0 Bye\r\n$", all_of(ours)))
    same(process.wait(20), 0)


@test("LISTEN_FDS: a listening socket of AF_UNIX; the client is a user of this host")
def inherited_local():
    path = DIRECTORY + "/socket"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen()
        process = inherit([listening.fileno()], base())
    ours = socket.socket(socket.AF_UNIX)
    ours.settimeout(20)
    ours.connect(path)
    ours.sendall(b"EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<u@elsewhere.example>\r\n"
                 b"DATA\r\n.\r\nQUIT\r\n")
    queued = re.search(rb"queued as (\w+)\r\n221 ", all_of(ours))[1].decode()
    with open(DIRECTORY + "/queue/new/" + queued) as message:
        check(" (uid %d)" % os.getuid() in message.read())
    process.terminate()
    same(process.wait(35), 0)


@test("LISTEN_FDS of another process is not ours")
def not_ours():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        process = inherit([listening.fileno()], base(),
                          script='export LISTEN_PID=1 LISTEN_FDS=1; exec "$0" "$@"')
        same(process.wait(20), 0)       # a session on /dev/null


@test("LISTEN_FDS that are no sockets: 78")
def inherited_nonsense():
    with open("/dev/null") as null:
        same(inherit([null.fileno()], base()).wait(20), 78)
    ours, theirs = socket.socketpair()
    same(inherit([ours.fileno(), theirs.fileno()], base()).wait(20), 78)


@test("a port in use: 75, with advice; a bad address or too many: 64")
def taken():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = "127.0.0.1:%d" % listening.getsockname()[1]
        result = subprocess.run([*base(), "--listen", address], capture_output=True, text=True,
                                timeout=20)
        check(result.returncode == 75 and address in result.stderr and "ss -ltnp" in result.stderr,
              result)
    for nonsense in "nonsense", "127.0.0.1:99999", "127.0.0.1:x", "":
        result = subprocess.run([*base(), "--listen", nonsense], capture_output=True, text=True,
                                timeout=20)
        check(result.returncode == 64 and "write ADDRESS:PORT" in result.stderr, nonsense, result)
    result = subprocess.run([*base(), *["--listen", "127.0.0.1:0"] * 17], capture_output=True,
                            text=True, timeout=20)
    check(result.returncode == 64, result)


@test("as many connections may wait for the listener as the kernel allows")
def backlog():
    listener = Listener()
    out = subprocess.run(["ss", "-Hltn", "sport = %d" % listener.ports[0]], capture_output=True,
                         text=True, check=True).stdout
    with open("/proc/sys/net/core/somaxconn") as file:
        same(out.split()[2], file.read().strip(), out)
    listener.stop()


@test("no free descriptors: a line in the log; open sessions go on, later ones are served")
def no_descriptors():
    import resource
    # The listener has 0 to 2, its socket, two for remarks, two folders, one for signals, and one
    # for what a shortage of memory ends first.
    listener = Listener(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (11, 11)))
    connection, lines = listener.connect()
    check(lines.readline().startswith(b"220 "))
    lines.close()
    connection.close()
    listener.stop()
    listener = Listener(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (10, 64)))
    connection, lines = listener.connect()
    check(wait_for(lambda: "cannot accept a connection" in listener.text()), listener.text())
    time.sleep(1)
    check(listener.text().count("cannot accept a connection") < 20, "it does not rest",
          listener.text())
    subprocess.run(["prlimit", "--pid", str(listener.process.pid), "--nofile=64:64"], check=True)
    check(lines.readline().startswith(b"220 "))
    lines.close()
    connection.close()
    listener.stop()


CONFIG = ("[queue]\ndirectory = %s/queue\nmin-free = 0\n[server]\nhostname = mx.example.org\n"
          % DIRECTORY)
shutil.rmtree(DIRECTORY, ignore_errors=True)
os.makedirs(DIRECTORY)
with open(DIRECTORY + "/config", "w") as config:
    config.write(CONFIG)
main()
