#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""The filter for fail2ban, on the log of real sessions: the clients that each mode finds."""
import base64
import os
import re
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test, wait_for  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
PEERS = os.path.abspath("build/peers")
DIRECTORY = "/tmp/smtp-fail2ban-test.%d" % os.getpid()
CONFIG, LOG = DIRECTORY + "/config", DIRECTORY + "/log"
FORGED = b'" client=192.0.2.66 code=535 reply="'
FILTERS = DIRECTORY + "/fail2ban/filter.d"
LOGIN, UNKNOWN, RELAY, SYNTAX, FRIEND, LIMITED = ("127.0.0.%d" % i for i in range(11, 17))


def converse(port, source, *lines):
    """A session from a loopback address; each line waits for its reply."""
    with socket.create_connection(("127.0.0.1", port), 10, (source, 0)) as client:
        file = client.makefile("rwb")
        for line in (None, b"EHLO " + (b'[x"' if source == RELAY else b"c"), *lines, b"QUIT"):
            if line is not None:
                file.write(line + b"\r\n")
                file.flush()
            while (file.readline() or b"421 ")[3:4] == b"-":
                pass


def start():
    """Real sessions write a real log."""
    os.makedirs(FILTERS)
    for name in ("filter.d/common.conf", "fail2ban.conf"):
        shutil.copy(PEERS + "/etc/fail2ban/" + name, DIRECTORY + "/fail2ban/" + name)
    shutil.copy("units/fail2ban/smtp-handler.conf", FILTERS)
    with open(DIRECTORY + "/users", "w") as users:
        users.write("anna:$6$salt$" + "x" * 86 + "\n")
    os.chmod(DIRECTORY + "/users", 0o600)
    with open(DIRECTORY + "/list", "w") as users:
        users.write("anna\n")
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s/queue\n[server]\nhostname = h.example\n"
                   "trusted = %s/32 %s/32\nauth = file:%s/users\nclient-rate = 2\n"
                   "[route d.example]\nvia = discard\naccept = anyone\nrecipients = %s/list\n"
                   % (DIRECTORY, LOGIN, FRIEND, DIRECTORY, DIRECTORY))
    with open(LOG, "wb") as log:
        server = subprocess.Popen([BUILD + "/smtp-handler-tls", "-c", CONFIG, "--listen",
                                   "127.0.0.1:0"], stdin=subprocess.DEVNULL, stderr=log)
    line = wait_for(lambda: re.search(r"listening .*port=(\d+)", read_log()))
    try:
        hand_in(int(line[1]))
    finally:
        server.terminate()
        server.wait()


def hand_in(port):
    mail = b"MAIL FROM:<a@b.example>"
    converse(port, LOGIN, b"AUTH PLAIN " + base64.b64encode(b"\0anna\0wrong"))
    converse(port, UNKNOWN, mail, b"RCPT TO:<nobody@d.example>")
    converse(port, RELAY, mail, b'RCPT TO:<"x' + FORGED.replace(b'"', b'\\"') + b'"@e.example>')
    converse(port, SYNTAX, b"MAIL FROM:<a@b.example> X=1", mail, b"RCPT TO:<anna@d.example>",
             b"DATA", b"Subject: x\r\n\r\n.")
    converse(port, FRIEND, mail, b"RCPT TO:<x@e.example>")
    converse(port, LIMITED)
    converse(port, LIMITED)
    socket.create_connection(("127.0.0.1", port), 10, (LIMITED, 0)).close()
    check(wait_for(lambda: "limited" in read_log()))


def read_log():
    with open(LOG) as log:
        return log.read()


def found(mode, log=LOG):
    done = subprocess.run(
        ["/usr/bin/python3", PEERS + "/usr/bin/fail2ban-regex", "-c", DIRECTORY + "/fail2ban",
         "-o", "ip", log, "smtp-handler[mode=%s]" % mode], capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=PEERS + "/usr/lib/python3/dist-packages"))
    return sorted(done.stdout.split()), done.stderr


@test("mode auth finds failed logins only")
def _():
    start()
    same(found("auth"), ([LOGIN], ""), read_log())


@test("mode normal finds unknown users, relaying and limits, too; no client can forge a line")
def _():
    same(found("normal"), ([LOGIN, UNKNOWN, RELAY, LIMITED], ""), read_log())


@test("mode aggressive finds all refusals")
def _():
    got = found("aggressive")[0]
    check(set(got) >= {LOGIN, UNKNOWN, RELAY, LIMITED}, got)
    check(FRIEND not in got, got)


@test("the same lines by syslog and with IPv6")
def _():
    with open(DIRECTORY + "/syslog", "w") as log:
        for line in read_log().splitlines():
            log.write("Nov 28 12:00:00 host " + line.split(" ", 1)[1].replace(
                "client=" + LOGIN, "client=IPv6:2001:db8::5") + "\n")
    same(found("normal", DIRECTORY + "/syslog"),
         ([UNKNOWN, RELAY, LIMITED, "2001:db8::5"], ""))


main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
