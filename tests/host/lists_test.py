#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Lists of addresses that change or vanish while a session runs."""
import os
import resource
import shutil
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from tap import check, main, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-lists-test.%d" % os.getpid()
LISTS = {"recipients": "bob@local.example\n", "senders": "@a.example\n",
         "masquerade": "root: x@a.example\n"}


def path(name):
    return os.path.join(DIRECTORY, name)


def write(name, text):
    with open(path(name + ".new"), "w", encoding="ascii") as file:
        file.write(text)
    os.rename(path(name + ".new"), path(name))


class Session:
    def __init__(self, *before, files=None):
        self.socket, theirs = socket.socketpair()
        self.socket.settimeout(20)
        self.log = open(path("log"), "w+", encoding="utf-8")
        self.process = subprocess.Popen([*before, BUILD + "/smtp-handler", "-c", path("conf")],
                                        stdin=theirs, stdout=theirs, stderr=self.log,
                                        preexec_fn=files and (lambda: resource.setrlimit(
                                            resource.RLIMIT_NOFILE, (files, files))))
        theirs.close()
        self.lines = self.socket.makefile("rb")
        self.greeting = self.reply()

    def reply(self):
        while line := self.lines.readline():
            if line[3:4] == b" ":
                return line.decode().rstrip()
        return ""

    def ask(self, line):
        self.socket.sendall(line.encode() + b"\r\n")
        return self.reply()

    def begin(self):
        self.ask("EHLO client.example")
        return self

    def text_of_log(self):
        self.log.seek(0)
        return self.log.read()

    def end(self):
        self.ask("QUIT")
        same(self.process.wait(20), 0)
        self.socket.close()


def prepare(more="hostname = mx.a.example"):
    os.makedirs(DIRECTORY, exist_ok=True)
    for name, text in LISTS.items():
        write(name, text)
    with open(path("conf"), "w", encoding="ascii") as file:
        file.write("""[queue]
directory = %s
min-free = 0
[server]
senders = %s
%s
[route local.example]
via = print
recipients = %s
""" % (path("queue"), path("senders"), more, path("recipients")))


@test("a list of recipients that vanished: 451 for each, and a line in the log with the cure")
def recipients():
    prepare()
    session = Session().begin()
    os.unlink(path("recipients"))
    same(session.ask("MAIL FROM:<x@a.example>")[:9], "250 2.1.0")
    for user in "bob", "carol":
        same(session.ask("RCPT TO:<%s@local.example>" % user)[:9], "451 4.3.0")
    session.end()
    check("cannot be read: see smtp-handler --check" in session.text_of_log(),
          session.text_of_log())


@test("a list of senders that vanished: 451, and a line in the log")
def senders():
    prepare()
    session = Session().begin()
    os.unlink(path("senders"))
    same(session.ask("MAIL FROM:<x@a.example>")[:9], "451 4.3.0")
    session.end()
    check("cannot be read: see smtp-handler --check" in session.text_of_log(),
          session.text_of_log())


@test("a host without a full name: its users have addresses elsewhere, too")
def without_name():
    prepare("role = submission\nmasquerade = " + path("masquerade"))
    shutil.rmtree(path("queue"), ignore_errors=True)
    session = Session("unshare", *([] if os.getuid() == 0 else ["--map-root-user"]), "--uts", "sh",
                      "-c", 'echo a-name-without-dot > /proc/sys/kernel/hostname && '
                      'exec "$0" "$@"').begin()
    check(session.greeting.startswith("220 ["), session.greeting)
    same([session.ask(line)[:9] for line in ("MAIL FROM:<root>", "RCPT TO:<bob@local.example>")],
         ["250 2.1.0", "250 2.1.5"])
    same(session.ask("DATA")[:3], "354")
    same(session.ask("From: root\r\nSubject: x\r\n\r\ntext\r\n.")[:9], "250 2.0.0")
    session.end()
    [message] = os.listdir(path("queue/new"))
    with open(path("queue/new/" + message), encoding="ascii") as file:
        text = file.read()
    check("from: <x@a.example>\n" in text and "\nFrom: x@a.example\n" in text, text)


@test("the addresses that senders have elsewhere vanished: no message keeps another From")
def masquerade():
    message = "From: root\r\nSubject: x\r\n\r\ntext\r\n."
    for sender, vanishes in ("root", True), ("", True), ("root", False):
        prepare("hostname = mx.a.example\nrole = submission\nmasquerade = " + path("masquerade"))
        session = Session().begin()
        same(session.ask("MAIL FROM:<%s>" % sender)[:9], "250 2.1.0")
        same(session.ask("RCPT TO:<bob@local.example>")[:9], "250 2.1.5")
        if vanishes:
            os.unlink(path("masquerade"))
        same(session.ask("DATA")[:3], "354")
        same(session.ask(message)[:9], "451 4.3.0" if vanishes else "250 2.0.0")
        if vanishes:
            write("masquerade", LISTS["masquerade"])
            session.ask("MAIL FROM:<root>")
            session.ask("RCPT TO:<bob@local.example>")
            same([session.ask("DATA")[:3], session.ask(message)[:9]], ["354", "250 2.0.0"])
        session.end()
        text = session.text_of_log()
        same("cannot be read: see smtp-handler --check" in text, vanishes)
        check("queue " + path("queue") not in text, text)


@test("a list that is replaced: the next session reads the new one")
def replaced():
    prepare()
    session = Session().begin()
    session.ask("MAIL FROM:<x@a.example>")
    same([session.ask("RCPT TO:<%s@local.example>" % user)[:3] for user in ("bob", "carol")],
         ["250", "550"])
    session.end()
    write("recipients", "carol@local.example\n")
    session = Session().begin()
    session.ask("MAIL FROM:<x@a.example>")
    same([session.ask("RCPT TO:<%s@local.example>" % user)[:3] for user in ("bob", "carol")],
         ["550", "250"])
    session.end()


@test("a list that is replaced in a session: the session keeps the old one")
def replaced_meanwhile():
    prepare()
    session = Session().begin()
    session.ask("MAIL FROM:<x@a.example>")
    same(session.ask("RCPT TO:<bob@local.example>")[:3], "250")
    write("recipients", "carol@local.example\n")
    same([session.ask("RCPT TO:<%s@local.example>" % user)[:3] for user in ("bob", "carol")],
         ["250", "550"])
    session.end()


@test("more lists than a session holds open: each counts, from the first to the last")
def many():
    prepare()
    with open(path("conf"), "a", encoding="ascii") as file:
        for i in range(100):
            write("list%d" % i, "user%d\n" % i)
            file.write("[route d%d.example]\nvia = print\nrecipients = %s\n"
                       % (i, path("list%d" % i)))
    session = Session(files=64).begin()  # as the units have it
    session.ask("MAIL FROM:<x@a.example>")
    for i in 0, 29, 30, 31, 32, 33, 99:
        same([session.ask("RCPT TO:<user%d@d%d.example>" % (n, i))[:3] for n in (i, i + 1)],
             ["250", "550"])
    same([session.ask("DATA")[:3], session.ask("Subject: x\r\n\r\n.")[:3]], ["354", "250"])
    session.end()


main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
