# SPDX-License-Identifier: ISC
"""smtp-verify and lists of addresses in the DNS."""
import os
import smtplib
import socket
import time

from milter_client import MilterClient
from nameservers import FakeNameServer, nsd
from programs import fresh_directory
from tap import check, main, quicker_than, same, test
from verifier import Verifier, receiver, send

directory = fresh_directory()
os.chmod(directory, 0o755)
V6 = ".".join(reversed("20010db8" + "0" * 22 + "bd"))
nsd(directory + "/nsd", {
    "bl.example": "10.2.0.192 A 127.0.0.2\n10.2.0.192 TXT \"see bl.example/192.0.2.10\"\n"
                  "11.2.0.192 A 127.0.0.12\n12.2.0.192 A 127.255.255.254\n%s A 127.0.0.4\n" % V6,
    "codes.example": "13.2.0.192 A 127.0.0.9\n14.2.0.192 A 127.0.0.2\n",
    "liar.example": "* A 192.0.2.1\n", "closed.example": "* A 127.0.0.1\n",
    "client.example": "@ A 192.0.2.99\n"})
MESSAGE = b"From: a@client.example\r\nSubject: x\r\n\r\nHello.\r\n"


def verifier(name, lists, *options):
    folder = fresh_directory(name)
    os.chmod(folder, 0o755)
    return Verifier(folder, "-o", "verify.dnsbl=" + lists, *options)


def ask(v, source, rcpts=("b@example.org",), user=""):
    client = MilterClient(v.path)
    if client.connect(source) == b"a":
        return "trusted"
    a = client.message(MESSAGE, "a@client.example", rcpts, user)
    client.close()
    return a.text.rstrip(b"\0").decode() if a.code == b"y" else a.code.decode()


two = verifier("two", "bl.example codes.example=127.0.0.9-10")
LISTED = "550 5.7.1 Client [192.0.2.10] is listed by bl.example: see bl.example/192.0.2.10"


@test("a listed client is refused at RCPT, with the text of the list")
def _():
    same(ask(two, "192.0.2.10"), LISTED)
    same(ask(two, "192.0.2.20"), "c")
    same(ask(two, "2001:db8::bd"), "550 5.7.1 Client [2001:db8::bd] is listed by bl.example")
    same(ask(two, "2001:db8::be"), "c")
    same(ask(two, "::ffff:192.0.2.10"), LISTED)


@test("only the configured codes mean listed")
def _():
    same(ask(two, "192.0.2.11"), "c")
    same(ask(two, "192.0.2.13"), "550 5.7.1 Client [192.0.2.13] is listed by codes.example")
    same(ask(two, "192.0.2.14"), "c")


@test("never for the postmaster, for users, and for trusted clients")
def _():
    for rcpt in "postmaster@example.org", "PostMaster@example.org", "postmaster":
        same(ask(two, "192.0.2.10", (rcpt,)), "c")
    same(ask(two, "192.0.2.10", ("postmaster@example.org", "b@example.org")), LISTED)
    same(ask(two, "192.0.2.10", user="anna"), "a")
    same(ask(two, "127.0.0.1"), "trusted")


@test("a list that lies is not asked again, and the log has one line about it")
def _():
    for name in "liar.example", "closed.example":
        v = verifier("lies-" + name, name + " bl.example")
        for _ in range(3):
            same(ask(v, "192.0.2.20"), "c")
            same(ask(v, "192.0.2.10"), LISTED)
        same(v.log().count("dnsbl %s gives answers" % name), 1)
        v.stop()
    v = verifier("refuses", "bl.example")
    same(ask(v, "192.0.2.12"), "c")
    check("dnsbl bl.example gives answers" in v.log(), v.log())
    v.stop()


@test("no answer: the client is not listed, and waits no longer than the timeout")
def _():
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("192.0.2.98", 53))
    v = verifier("silent", "bl.example", "-o", "relay.resolver=192.0.2.98", "-o",
                 "verify.timeout=400ms")

    def took():
        start = time.monotonic()
        same(ask(v, "192.0.2.10"), "c")
        took_s = time.monotonic() - start
        check(took_s > 0.7, took_s)
        return took_s

    quicker_than(1.5, took)             # RCPT and the end
    v.stop()


@test("all lists are asked at once, and the first that has the client decides")
def _():
    seen = {}

    def behave(query):
        """The fast list answers when all have been asked, the others never."""
        seen[query.name] = query
        if len([name for name in seen if ".slow" in name or ".fast" in name]) == 6:
            seen["10.2.0.192.fast.example"].honest()
        return False
    FakeNameServer("192.0.2.97", [("10.2.0.192.fast.example", 1, "127.0.0.2")], behave)
    v = verifier("at-once", " ".join("slow%d.example" % i for i in range(5)) + " fast.example",
                 "-o", "relay.resolver=192.0.2.97", "-o", "verify.timeout=10s")
    start = time.monotonic()
    got = ask(v, "192.0.2.10")
    check("listed by fast.example" in got, got, list(seen))
    check(time.monotonic() - start < 10, time.monotonic() - start)
    v.stop()


@test("with the handler: one recipient is refused, the postmaster gets the mail")
def _():
    site = receiver("listed", "unix:" + two.path)
    try:
        send(site, "192.0.2.10", "a@client.example", MESSAGE)
        check(False, "accepted")
    except smtplib.SMTPRecipientsRefused as e:
        same(e.recipients["b@example.org"], (550, LISTED[4:].encode()))
    send(site, "192.0.2.10", "a@client.example", MESSAGE, rcpt="postmaster@example.org")
    same(len(site.queued("new")), 1)


main()
two.stop()
