#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""tests/conformance: against the server, and against servers that break one rule each."""
import contextlib
import io
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True
from bad_server import BadServer  # noqa: E402
from certificates import Authority  # noqa: E402
from conform import CASES  # noqa: F401, E402
from conform.options import ROLES, arguments  # noqa: E402
from conform.report import DIFFERS, FAILED, PASSED, SKIPPED, Run, lines_of  # noqa: E402
from conform.trial import ASSERTIONS, SENDING  # noqa: E402
from tap import check, main, quicker_than, same, seconds, test, wait_for  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
PROGRAM = os.path.abspath("tests/conformance")
HERE = BUILD + "/tests/conformance"
shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)
LEAF = Authority(HERE + "/ca").leaf("mx", "mx.example.org")
FACTS = ["--rcpt", "anna@example.org", "--no-rcpt", "nobody@example.org", "--user", "anna",
         "--password", "secret", "--foreign", "x@foreign.example"]
# The server must get a signal, or be on a pipe.
PROCESS = {18, 19, 98}
# The fault is that a reply is not there.
MUTE = {113, 114, 116, 166}
# It takes five minutes.
SLOW = {17}


def bad_context(broken):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(LEAF.chain, LEAF.key)
    if 130 in broken:
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = ssl.TLSVersion.TLSv1
    return context


def against(broken, *options, piped=False):
    """The results of a run against the small server, which breaks these rules."""
    mailbox, tls = "%s/bad/%s" % (HERE, "-".join(map(str, broken)) or "none"), bad_context(broken)
    servers = {role: BadServer(mailbox, broken, role, tls) for role in (None, *ROLES)}
    for server in servers.values():
        server.__enter__()
    places = [word for role in ROLES for word in ("--as", "%s=%s" % (role, servers[role].place))]
    where = ["--server", servers[None].place]
    if piped or set(broken) & PROCESS:
        where = ["--pipe", "/usr/bin/python3 tests/lib/bad_server.py %s %s" % (
            mailbox, " ".join(map(str, broken)))]
    found = Run(arguments([*where, *places, *FACTS, "--null-mx", "null.example", "--mailbox",
                           mailbox, "--flush", "true", *options]), lambda result: None).run()
    for server in servers.values():
        server.__exit__()
    return found


def shown(results):
    return "\n".join(line for result in results for line in lines_of(result, 0)
                     if result.failures)


@test("a server that keeps all rules passes all of them")
def _():
    results = against(())
    same(shown([result for result in results if result.verdict == FAILED]), "")
    same({result.about.number for result in results if result.verdict == DIFFERS}, {44})
    same({result.about.number for result in results if result.verdict == SKIPPED}, PROCESS | SLOW)
    results = against((), "--only", "18,19,98", piped=True)
    same([result.verdict for result in results], [PASSED] * 3, shown(results))


def broken(number):
    return against((number,), "--only", str(number), "--choices", "--timeout", "1",
                   "--settle", "0.3", *(["--slow"] if number in SLOW else []))[0]


def breaks(number, future):
    @test("H%03d is not passed by a server that breaks it" % number)
    def _():
        result = future.result()
        check(result.verdict == FAILED, result.verdict, result.why)
        # Silence is what is seen only where silence is the fault.
        same("no reply in" in shown([result]), number in MUTE, shown([result]))


pool = ThreadPoolExecutor(8)
for number in sorted(ASSERTIONS):
    if ASSERTIONS[number].run:
        breaks(number, pool.submit(broken, number))


# ---- servers that are none

def program(*argv, deadline_s=30):
    """The exit status and the output of tests/conformance."""
    done = subprocess.run([PROGRAM, *argv], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=deadline_s)
    return done.returncode, done.stdout + done.stderr


def count(output):
    """(ok, not ok) among the lines of TAP; the plan must be right."""
    lines = re.findall(r"(?m)^(ok|not ok) \d+ - ", output)
    same(re.findall(r"(?m)^1\.\.(\d+)$", output), [str(len(lines))], output[-2000:])
    return lines.count("ok"), lines.count("not ok")


class Talker:
    """A server that sends some octets to each client and then is mute, or closes."""

    def __init__(self, octets, closes):
        self.sock = socket.create_server(("127.0.0.1", 0), backlog=200)
        self.place = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.octets, self.closes, self.clients = octets, closes, []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            client = self.sock.accept()[0]
            try:
                client.sendall(self.octets)
            except OSError:
                pass
            if self.closes:
                client.close()
            else:
                self.clients.append(client)


NOBODY = {
    "is mute": (b"", False),
    "closes at once": (b"", True),
    "closes after its greeting": (b"220 mx.example.org ESMTP\r\n", True),
    "is mute after its greeting": (b"220 mx.example.org ESMTP\r\n", False),
    "sends a line without end": (b"2" * 200000, False),
    "sends a reply without end": (b"220-mx.example.org\r\n" * 5000, False),
    "sends noise": (bytes(range(256)) * 100, True)}


@test("a server that is mute, closes early or sends noise fails each assertion, in time")
def _():
    start = time.monotonic()
    running = {name: subprocess.Popen(
        [PROGRAM, "--server", Talker(*behaviour).place, *FACTS, "--timeout", "0.02", "--largest",
         "1000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        for name, behaviour in NOBODY.items()}
    for name, process in running.items():
        output = process.communicate(timeout=40)[0]
        same(process.returncode, 1, name, output[-2000:])
        check(count(output)[1] > 90, name, output[:3000])
    check(time.monotonic() - start < 30, time.monotonic() - start)


@test("a server that takes too long ends its assertion, and then the run")
def _():
    place = Talker(b"220 mx.example.org ESMTP\r\n", False).place

    def both():
        status, output = program("--server", place, "--only", "7,10", "--case-limit", "0.2")
        same((status, count(output)), (1, (0, 2)), output)
        status, output = program("--server", place, "--total", "0.2", "--timeout", "0.3")
        check(output.count("it was not run") > 90, output[-2000:])

    start_s = seconds(lambda: program("--list"))    # a run that waits for nothing
    quicker_than(4 + 4 * start_s, lambda: seconds(both))


@test("nobody listens, and a command that is not there")
def _():
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port = sock.getsockname()[1]
    for where in (["--server", "127.0.0.1:%d" % port], ["--pipe", "/nowhere/at-all"]):
        status, output = program(*where, "--only", "1,7")
        same((status, count(output)), (1, (0, 2)), output)


@test("a command of --flush or --find that is not there ends the run with 2")
def _():
    with BadServer(HERE + "/bad/commands") as server:
        for option in "--flush", "--find":
            status, output = program("--server", server.place, "--rcpt", "anna@example.org",
                                     "--mailbox", HERE + "/bad/commands", "--only", "41", option,
                                     "/nowhere/at-all")
            check(status == 2 and option + ": " in output, status, output)


@test("--help, --list and wrong arguments")
def _():
    status, output = program("--help")
    check(status == 0 and "--rcpt ADDRESS" in output, output)
    status, output = program("--list")
    numbers = [int(number) for number in re.findall(r"(?m)^[HRB](\d{3}) RFC ", output)]
    same((status, numbers), (0, sorted(ASSERTIONS) + sorted(SENDING)))
    check(re.search(r"(?m)^H076 .* # not testable from outside: a power cut", output), output)
    for argv in (["--server", "nowhere"], ["--pipe", "x", "--only", "999"],
                 ["--pipe", "x", "--as", "king=127.0.0.1:1"], ["--pipe", "x", "--only", "a"],
                 ["--pipe", "x", "--only", "226"], ["--pipe", "x", "--sink", "127.9.0.0/30"],
                 ["--pipe", "x", "--sink", "127.9.0.0/16", "--only", "39"]):
        error = io.StringIO()
        with contextlib.redirect_stderr(error):
            try:
                arguments(argv)
                status = 0
            except SystemExit as end:
                status = end.code
        check(status == 2 and "error: " in error.getvalue(), argv, status, error.getvalue())
    status, output = program()
    check(status == 2 and "error: " in output, status, output)


# ---- smtp-handler

def site(name, settings=""):
    """A folder with a configuration of our server."""
    directory = "%s/%s" % (HERE, name)
    os.makedirs(directory)
    with open(directory + "/users", "w") as file:
        file.write("anna\n")
    with open(directory + "/passwords", "w") as file:
        file.write(subprocess.run([BUILD + "/smtp-handler-passwd", "anna"], input="secret\n",
                                  capture_output=True, text=True, check=True).stdout)
    os.chmod(directory + "/passwords", 0o600)
    with open(directory + "/conf", "w") as file:
        file.write("""[queue]
directory = {0}/queue
min-free = 0
[server]
hostname = mx.example.org
trusted =
max-message-size = 1M
tls = offer
tls-certificate = {1.chain}
tls-key = {1.key}
auth = file:{0}/passwords
{2}
[route example.org]
via = maildir:{0}/mail/{{local}}
recipients = {0}/users
accept = anyone
""".format(directory, LEAF, settings))
    return directory


def ours(directory, *options, **settings):
    """The command of a session with settings of [server] or, as queue_NAME, of [queue]."""
    words = [BUILD + "/smtp-handler", "-c", directory + "/conf", *options]
    for key, value in settings.items():
        section, _, rest = key.partition("_")
        name = key if section != "queue" else rest
        words += ["-o", "%s.%s=%s" % ("queue" if section == "queue" else "server",
                                      name.replace("_", "-"), value)]
    return " ".join(words)


def run_ours(directory, where, *options):
    """The numbers of assertions that differ, and that are skipped; none may fail."""
    roles = {"nameless": ours(directory, hostname="[192.0.2.1]"),
             "refusing": ours(directory, refuse="nothing"),
             "broken": ours(directory, queue_directory=directory + "/conf"),
             "full": ours(directory, queue_min_free="1000T"),
             "strict": ours(directory, syntax="strict"),
             "submission": ours(directory, role="submission", tls="required"),
             "implicit": ours(directory, "--implicit"),
             "lmtp": ours(directory, role="lmtp")}
    more = [word for role, command in roles.items()
            for word in ("--as", "%s=inetd:%s" % (role, command))]
    status, output = program(
        *where, *more, *FACTS, "--mailbox", directory + "/mail/anna", "--mailbox",
        directory + "/mail/postmaster", "--flush",
        BUILD + "/smtp-relay -c %s/conf" % directory, *options, deadline_s=100)
    good, failed = count(output)
    same((status, failed), (0, 0), output)

    def numbers(mark):
        return {int(number) for number in
                re.findall(r"(?m)^ok \d+ - .(\d{3}) [^\n]*# " + mark, output)}
    return numbers("differs"), numbers("SKIP")


# They wait for the server's time-out, or ask the DNS.
NEVER = {17, 73}
# VIOLATIONS.md has V22 and V15.
KNOWN = {32, 107}


def listener(directory):
    log = open(directory + "/log", "w")
    process = subprocess.Popen(ours(directory, "--listen", "127.0.0.1:0").split(), stderr=log,
                               stdin=subprocess.DEVNULL)
    found = wait_for(lambda: re.search(r"listening .*port=(\d+)", open(directory + "/log").read()))
    check(found, open(directory + "/log").read())
    try:
        return run_ours(directory, ["--server", "127.0.0.1:" + found[1]])
    finally:
        process.terminate()
        process.wait(10)


# A run waits for processes most of the time, so they run beside each other.
KINDS = {"pipe": lambda here: run_ours(here, ["--pipe", ours(here)]),
         "inetd": lambda here: run_ours(here, ["--inetd", ours(here)]),
         "strict": lambda here: run_ours(here, ["--inetd", ours(here, syntax="strict")]),
         "listen": listener}
results = {}


def result_of(kind):
    if not results:
        several = ThreadPoolExecutor(len(KINDS))
        results.update((name, several.submit(run, site(name))) for name, run in KINDS.items())
    return results[kind].result()


@test("smtp-handler on pipes fails none; V22 and V15 are the choices in which it differs")
def _():
    # An LF ends a line on a pipe (V08).
    same(result_of("pipe"), (KNOWN, NEVER | {79, 80, 81, 82}))


@test("smtp-handler on a socket, as under inetd, fails none")
def _():
    same(result_of("inetd"), (KNOWN, NEVER))


@test("smtp-handler with syntax = strict fails none")
def _():
    same(result_of("strict"), ({30, 43, 44, 107}, NEVER))


@test("a listener fails none")
def _():
    same(result_of("listen"), (KNOWN, NEVER | PROCESS))


main()
