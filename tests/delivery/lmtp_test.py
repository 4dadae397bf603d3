# SPDX-License-Identifier: ISC
"""LMTP to a real Dovecot (RFC 2033), over its socket and over TCP.  It needs root."""
import os
import re

from dovecot import Dovecot
from octets import BODIES, HEAD, changed, lf
from programs import Site, fresh_directory
from receivers import really_root
from tap import bail_out, check, main, same, test, wait_for

if not really_root():
    bail_out("Dovecot changes its user: run this as root")
directory = fresh_directory()
dovecot = Dovecot("192.0.2.30", 24, {"anna@box.example": 0, "ben@box.example": 0,
                                     "full@box.example": 600, "new@box.example": 0,
                                      "carla@tcp.example": 0})
site = Site("site", """
[route box.example]
via = lmtp:%s
[route tcp.example]
via = lmtp://192.0.2.30:24
[route gone.example]
via = lmtp:/nonexistent/lmtp
[route *]
via = reject:no
""" % dovecot.socket).listen()


def content(message):
    """The message without the fields that Dovecot and we have put before it."""
    return re.sub(rb"\A(?:(?:Return-Path|Delivered-To|Received):[^\n]*\n(?:[ \t][^\n]*\n)*)+", b"",
                  message)


def clear():
    for path in site.queued():
        os.unlink(path)


def send(to, body=b"Hello.\r\n", sender="alice@sender.example"):
    site.send(to, HEAD + body, sender)
    site.relay()


@test("R166 to a socket: the message arrives once, with the Return-Path of MAIL")
def _():
    send("anna@box.example", b".one dot\r\nend\r\n")
    same(site.queued(), [], site.log())
    got = wait_for(lambda: dovecot.messages("anna@box.example"), 5)
    same(len(got), 1)
    same(content(got[0]), lf(HEAD + b".one dot\r\nend\r\n"))
    same(re.findall(rb"(?m)^Return-Path: (.*)$", got[0]), [b"<alice@sender.example>"])
    same(re.findall(rb"(?m)^Delivered-To: (.*)$", got[0]), [b"anna@box.example"])


@test("R166 the null sender")
def _():
    had = len(dovecot.messages("ben@box.example"))
    send("ben@box.example", sender="")
    check(b"Return-Path: <>\n" in dovecot.messages("ben@box.example")[had],
          dovecot.messages("ben@box.example"))


@test("R166 over TCP, one message after the other on one connection")
def _():
    for number in range(3):
        site.send("carla@tcp.example", HEAD + b"%d\r\n" % number)
    site.relay("-o", "relay.per-destination=1")
    same(site.queued(), [], site.log()[-3000:])
    same(sorted(content(message) for message in dovecot.messages("carla@tcp.example")),
         [lf(HEAD + b"%d\r\n" % number) for number in range(3)])
    same(site.log().count("host=192.0.2.30:24"), 3, site.log())


@test("R166 an unknown user bounces alone, the others get the message")
def _():
    had, annas = len(site.mailbox("alice")), len(dovecot.messages("anna@box.example"))
    bens = len(dovecot.messages("ben@box.example"))
    send(["anna@box.example", "nobody@box.example", "ben@box.example"])
    same((len(dovecot.messages("anna@box.example")) - annas,
          len(dovecot.messages("ben@box.example")) - bens), (1, 1), site.log()[-3000:])
    same(len(site.mailbox("alice")) - had, 1)
    bounce = site.mailbox("alice")[-1]
    check(b"nobody@box.example" in bounce and b"anna@box.example>:" not in bounce
          and b"Status: 5.1.1" in bounce, bounce)
    check(b"the server that keeps the mailboxes answered:" in bounce
          and dovecot.socket.encode() not in bounce, bounce)
    same(site.queued(), [])


@test("R166 a full mailbox defers its own recipient alone")
def _():
    annas = len(dovecot.messages("anna@box.example"))
    send(["full@box.example", "anna@box.example"], b"x" * 900 + b"\r\n")
    same(len(dovecot.messages("anna@box.example")) - annas, 1, site.log()[-3000:])
    same(len(site.queued("wait")), 1)
    text = site.queue_text()
    check(re.search(r"<full@box.example> deferred 4\.2\.2 ", text)
          and re.search(r"(?m)^D <anna@box.example>", text), text)
    clear()


@test("R140 a failure of the LMTP server defers; the message arrives later")
def _():
    dovecot.pause(True)
    try:
        site.send("new@box.example", HEAD)
        site.send("anna@gone.example", HEAD)
        site.relay()
    finally:
        dovecot.pause(False)
    text = site.queue_text()
    same(len(site.queued("wait")), 2, text)
    check("/nonexistent/lmtp: No such file or directory" in text
          and re.search(r"<new@box.example> deferred 4\.", text), text)
    site.relay("--flush")
    same(len(dovecot.messages("new@box.example")), 1, site.log()[-3000:])
    clear()


@test("octets of every kind")
def _():
    for kind, body in BODIES.items():
        had = len(dovecot.messages("ben@box.example"))
        send("ben@box.example", body)
        got = wait_for(lambda: dovecot.messages("ben@box.example")[had:], 10)
        check(got and changed(content(got[0]), lf(HEAD + body)) is None, kind,
              got and got[0][:2000], site.log()[-2000:])


@test("--explain names the socket, and asks no name server")
def _():
    check("via lmtp:%s, accept from anyone" % dovecot.socket in site.explain("anna@box.example"))


main(site.keep_queue_note)
