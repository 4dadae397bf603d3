# SPDX-License-Identifier: ISC
"""SIGKILL at any point of the runner and of the handler.

No message with a 250 is lost, and no half-written message is delivered.
"""
import collections
import os
import random
import re
import select
import signal
import socket
import subprocess
import threading
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import HANDLER, Site, fresh_directory
from tap import check, main, note, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd",
    {"example.org": "@ MX 10 mx\nmx A 192.0.2.11\nno MX 10 mx.no\nmx.no A 192.0.2.12\n"
     "one MX 10 mx.one\nmx.one A 192.0.2.13\n"})
exchanger = Exchanger("192.0.2.11", reply_s=0.005)
refusing = Exchanger("192.0.2.12", rcpt="550 5.1.1 no")
site = Site("site", "[route local.example]\nvia = maildir:%s/mail-local/{local}\n"
            % directory).listen()
random.seed(5)
BODY = "".join(random.choices("abcdefghijklmnopqrstuvwxyz \n", k=30000)).replace("\n", "\r\n")


def text(number):
    return ("Subject: number %d\r\n\r\n%s\r\nlast line of %d\r\n" % (number, BODY, number)).encode()


def kill(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def kill_until_done(most=300):
    """Start the runner and kill it after a short time, again and again; the number of kills."""
    delay = 0.001
    for kills in range(most):
        process = site.start_relay("--flush")
        try:
            process.wait(delay * random.uniform(0.5, 1.5))
            if not site.queued("tmp", "new", "cur", "wait"):
                return kills
        except subprocess.TimeoutExpired:
            kill(process)
        delay *= 1.06
    check(False, "still not done after %d kills" % most, site.queue_text()[:2000])


def whole_maildir(folder):
    """Messages of a Maildir by number; each has to be whole."""
    found = collections.Counter()
    for name in os.listdir(folder + "/new"):
        content = open(folder + "/new/" + name, "rb").read()
        number = int(re.search(rb"Subject: number (\d+)", content)[1])
        body = content[content.index(b"Subject: number"):]
        check(body in (text(number), text(number).replace(b"\r\n", b"\n")), "not whole: " + name,
              len(body))
        found[number] += 1
    return found


@test("the runner, while it delivers to an exchanger: each of 30 messages arrives whole")
def _():
    with site.smtp() as smtp:
        for number in range(30):
            smtp.sendmail("alice@sender.example", ["bob@example.org"], text(number))
    kills = kill_until_done()
    got = collections.Counter()
    for envelope in exchanger.messages:
        number = int(re.search(rb"Subject: number (\d+)", envelope.content)[1])
        same(envelope.content[envelope.content.index(b"Subject: number"):], text(number))
        got[number] += 1
    note("killed %d times; %d arrived twice or more"
         % (kills, sum(1 for n in got.values() if n > 1)))
    check(kills >= 5, "only %d kills" % kills)
    same(sorted(got), list(range(30)))
    check(sum(got.values()) - 30 <= kills * 21, "more duplicates than deliveries that were cut",
          got)
    same(site.queued(), [])


@test("the runner, while it writes to Maildirs: each of 30 messages arrives whole in both")
def _():
    with site.smtp() as smtp:
        for number in range(30):
            smtp.sendmail("alice@sender.example", ["b@local.example", "c@local.example"],
                          text(number))
    kills = kill_until_done()
    for who in "bc":
        found = whole_maildir("%s/mail-local/%s" % (directory, who))
        same(sorted(found), list(range(30)))
    note("killed %d times" % kills)
    check(kills >= 3, "only %d kills" % kills)


@test("the runner, while it makes bounces: each sender gets one")
def _():
    had = len(site.mailbox("alice"))
    with site.smtp() as smtp:
        for number in range(15):
            smtp.sendmail("alice@sender.example", ["n%d@no.example.org" % number],
                          b"Subject: %d\r\n\r\nx\r\n" % number)
    kills = kill_until_done()
    told = {match for content in site.mailbox("alice")[had:]
            for match in re.findall(rb"n\d+@no\.example\.org", content)}
    same(len(told), 15, told)
    note("killed %d times, %d bounces" % (kills, len(site.mailbox("alice")) - had))


@test("R147 B162 the runner, while it confirms deliveries: a notice for each recipient")
def _():
    had = len(site.mailbox("alice"))
    with site.smtp() as smtp:
        for number in range(12):
            smtp.sendmail("alice@sender.example",
                          ["s%d@local.example" % number, "s%d@example.org" % number],
                          b"Subject: x\r\n\r\nx\r\n", rcpt_options=["NOTIFY=SUCCESS"])
    kills = kill_until_done()
    told = {match for content in site.mailbox("alice")[had:]
            for match in re.findall(rb"Final-Recipient: rfc822; (s\d+@\S+)\r?\nAction: (\w+)",
                                    content)}
    same(told, {(b"s%d@%s" % (number, domain), action) for number in range(12)
                for domain, action in ((b"local.example", b"delivered"),
                                       (b"example.org", b"relayed"))})
    check(kills >= 3, "only %d kills" % kills)
    note("killed %d times, %d notices" % (kills, len(site.mailbox("alice")) - had))


def log_of(who):
    """The lines of the log about a recipient."""
    return "\n".join(line for line in site.log().splitlines()
                     if "to=%s@one.example.org" % who in line)


class OneByOne:
    """A server that takes one recipient in a transaction.  After the first message it is silent,
    until it is told to go on."""

    def __init__(self, address):
        self.took, self.silent, self.goes_on = [], threading.Event(), threading.Event()
        self._listener = socket.create_server((address, 25))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            connection, _ = self._listener.accept()
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()

    @staticmethod
    def _line(lines):
        try:
            return lines.readline()
        except ConnectionResetError:
            return b""

    def _talk(self, connection):
        lines, rcpt = connection.makefile("rb"), None
        connection.sendall(b"220 one.example\r\n")
        while line := self._line(lines):
            reply = b"250 2.0.0 ok\r\n"
            if line.startswith(b"MAIL"):
                rcpt = None
                if self.took and not self.goes_on.is_set():
                    self.silent.set()
                    self.goes_on.wait()
            elif line.startswith(b"RCPT") and rcpt:
                reply = b"452 4.5.3 one at a time\r\n"
            elif line.startswith(b"RCPT"):
                rcpt = line.split(b"<")[1].split(b"@")[0].decode()
            elif line == b"DATA\r\n":
                connection.sendall(b"354 go on\r\n")
                while lines.readline() not in (b".\r\n", b""):
                    pass
                self.took.append(rcpt)
            try:
                connection.sendall(reply)
            except OSError:
                return


@test("a worker, while a host is silent to the next recipient: the log has the one that is done")
def _():
    one = OneByOne("192.0.2.13")
    site.send(["r1@one.example.org", "r2@one.example.org"])
    process = site.start_relay()
    check(one.silent.wait(20), site.log()[-2000:])
    check(wait_for(lambda: " delivered " in log_of("r1"), 5), site.log()[-2000:])
    workers = subprocess.run(["pgrep", "-P", str(process.pid)], check=True, capture_output=True,
                             text=True).stdout.split()
    for pid in workers:
        os.kill(int(pid), signal.SIGKILL)
    process.wait(20)
    check(re.search(" deferred .* ended without a result .*may arrive twice", log_of("r2")),
          site.log()[-2000:])
    one.goes_on.set()
    site.relay("--flush")
    same(one.took, ["r1", "r2"])
    same((log_of("r1").count(" delivered "), log_of("r2").count(" delivered ")), (1, 1))
    same(site.queued(), [])


SESSION = "EHLO client.example\r\n" + "".join(
    "MAIL FROM:<alice@sender.example>\r\nRCPT TO:<d@local.example>\r\nDATA\r\n"
    "Subject: number %d\r\n\r\n%s\r\n.\r\n" % (n, "x" * 60)
    for n in range(100, 104)) + "QUIT\r\n"


def read_until(process, acknowledgements, deadline_s=5):
    """The replies, up to so many 250s to messages."""
    replies, end = b"", time.monotonic() + deadline_s
    while replies.count(b"queued as") < acknowledgements and time.monotonic() < end:
        if select.select([process.stdout], [], [], 0.1)[0]:
            replies += os.read(process.stdout.fileno(), 4096)
    return replies


def start_handler():
    return subprocess.Popen([HANDLER, "-c", site.config], bufsize=0, stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, start_new_session=True)


@test("the handler, after every octet of a session: all with a 250 is delivered, nothing half")
def _():
    session = SESSION.encode()
    acknowledged, sent = collections.Counter(), collections.Counter()
    for cut in range(len(session) + 1):
        process = start_handler()
        process.stdin.write(session[:cut])
        process.stdin.flush()
        whole = [number for number in range(100, 104)
                 if b"%d\r\n\r\n%s\r\n.\r\n" % (number, b"x" * 60) in session[:cut]]
        if cut % 3 == 1:
            time.sleep(0.002)
        # The kill comes at once, soon, or when every whole message has its 250.
        replies = read_until(process, len(whole)) if cut % 3 == 2 else b""
        kill(process)
        replies += process.stdout.read()
        process.stdin.close()
        process.stdout.close()
        for number in range(replies.count(b"queued as")):
            acknowledged[100 + number] += 1
        sent.update(whole)
    site.relay()
    same(site.queued(), [])
    found = collections.Counter()
    folder = directory + "/mail-local/d/new/"
    for name in os.listdir(folder):
        content = open(folder + name, "rb").read().replace(b"\r\n", b"\n")
        found[int(re.search(rb"Subject: number (\d+)", content)[1])] += 1
        check(content.endswith(b"\n\n" + b"x" * 60 + b"\n"), content)
    note("acknowledged %s, found %s, sent whole %s" % (dict(acknowledged), dict(found), dict(sent)))
    check(sum(acknowledged.values()) >= sum(sent.values()) // 4,
          "too few messages got their 250 for this test")
    for number in range(100, 104):
        check(acknowledged[number] <= found[number] <= sent[number], number)


@test("the handler, at random moments of 40 sessions of 1 MB: the same")
def _():
    big = ("EHLO c.example\r\nMAIL FROM:<alice@sender.example>\r\nRCPT TO:<e@local.example>\r\n"
           "DATA\r\nSubject: number 200\r\n\r\n"
           + ("y" * 998 + "\r\n") * 1000 + ".\r\n").encode()
    acknowledged = 0
    for _ in range(40):
        process = start_handler()
        try:
            replies = process.communicate(big, timeout=random.uniform(0.0005, 0.03))[0]
        except subprocess.TimeoutExpired:
            kill(process)
            replies = process.communicate()[0]
        acknowledged += replies.count(b"queued as")
    site.relay()
    same(site.queued(), [])
    folder = directory + "/mail-local/e/new/"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    note("acknowledged at least %d, delivered %d" % (acknowledged, len(names)))
    check(acknowledged <= len(names) <= 40)
    for name in names:
        content = open(folder + name, "rb").read().replace(b"\r\n", b"\n")
        same(content.count(b"y" * 998 + b"\n"), 1000)


main(site.keep_queue_note)
