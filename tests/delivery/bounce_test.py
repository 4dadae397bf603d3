# SPDX-License-Identifier: ISC
"""Notices to the sender: readable bounces, no bounce for <>, and mail that is only deferred."""
import email
import email.policy
import email.utils
import os
import re
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
ok     MX 10 mx.ok
mx.ok  A 192.0.2.11
no     MX 10 mx.no
mx.no  A 192.0.2.12
later  MX 10 mx.later
mx.later A 192.0.2.13
mixed  MX 10 mx.mixed
mx.mixed A 192.0.2.14
nodata MX 10 mx.nodata
mx.nodata A 192.0.2.15
dead   MX 10 mx.dead
mx.dead A 192.0.2.99
"""})


def by_name(address):
    return {"no": "550 5.1.1 no such user here: " + address,
            "later": "451 4.2.1 greylisted, come back"}.get(address.split("@")[0])


ok = Exchanger("192.0.2.11")
no = Exchanger("192.0.2.12", rcpt="550 5.1.1 nobody of that name, says the exchanger")
later = Exchanger("192.0.2.13", rcpt="451 4.7.1 greylisted")
mixed = Exchanger("192.0.2.14", rcpt=by_name)
nodata = Exchanger("192.0.2.15", data="554 5.7.1 this content is not wanted")
site = Site("site").listen()
BODY = (b"From: Alice <alice@sender.example>\r\nSubject: for Bob\r\n\r\n"
        b"Hello Bob, this is the text.\r\n")


def new_bounces(call):
    had = len(site.mailbox("alice"))
    call()
    return site.mailbox("alice")[had:]


def run(recipients, *options, sender="alice@sender.example", body=BODY):
    site.send(recipients, body, sender)
    site.relay(*options)


@test("B164 5xx to RCPT: one bounce for people and programs, with reply and header section")
def _():
    texts = new_bounces(lambda: run("bob@no.example.org"))
    same(len(texts), 1, site.log())
    message = email.message_from_bytes(texts[0], policy=email.policy.default)
    same(message.get_content_type(), "multipart/report", texts[0])
    same(message.get_param("report-type"), "delivery-status")
    parts = list(message.iter_parts())
    same([p.get_content_type() for p in parts][:2], ["text/plain", "message/delivery-status"],
         texts[0])
    check(parts[2].get_content_type() in ("message/rfc822", "text/rfc822-headers"), texts[0])
    words = parts[0].get_content()
    for word in ("bob@no.example.org", "nobody of that name, says the exchanger",
                 "mail.sender.example"):
        check(word in words, words)
    status = [dict(part) for part in parts[1].get_payload()]
    check(status[0]["Reporting-MTA"].replace(" ", "") == "dns;mail.sender.example", status)
    recipient = status[1]
    same(recipient["Final-Recipient"].replace(" ", "").lower(), "rfc822;bob@no.example.org")
    same([recipient["Action"], recipient["Status"]], ["failed", "5.1.1"])
    check(recipient["Diagnostic-Code"].startswith("smtp;")
          and "550 5.1.1 nobody" in recipient["Diagnostic-Code"], status)
    check("mx.no.example.org" in recipient["Remote-MTA"], status)
    check(b"Subject: for Bob" in texts[0], texts[0])
    check(message["Auto-Submitted"] and message["Date"] and message["Message-ID"]
          and "alice@sender.example" in message["To"], texts[0])
    same(message["Return-Path"], "<>", "B160")
    check(message["Content-Transfer-Encoding"] in (None, "7bit", "8bit"), texts[0])
    check(all(len(line) < 1000 for line in texts[0].splitlines()), "lines")


@test("5xx after the dot: one bounce")
def _():
    texts = new_bounces(lambda: run("bob@nodata.example.org"))
    check(len(texts) == 1 and b"this content is not wanted" in texts[0]
          and b"Status: 5.7.1" in texts[0], texts)
    same(site.queued(), [])


@test("a reject: route: mail from before the route bounces, new mail is refused in the session")
def _():
    with open(site.config, "a") as file:
        file.write("[route closed.example]\nvia = reject:we do not write to them\n")
    texts = new_bounces(lambda: run("bob@closed.example"))
    check(len(texts) == 1 and b"we do not write to them" in texts[0]
          and b"Status: 5.7.1" in texts[0], texts, site.log())
    same(site.queued(), [])
    site.stop()
    site.listen()
    with site.smtp() as smtp:
        smtp.ehlo()
        same(smtp.mail("alice@sender.example")[0], 250)
        code, text = smtp.rcpt("bob@closed.example")
        same([code, b"we do not write to them" in text], [550, True], text)


@test("R140 2xx, 4xx and 5xx to the recipients of one message: each has its own outcome")
def _():
    texts = new_bounces(
        lambda: run(["yes@mixed.example.org", "no@mixed.example.org", "later@mixed.example.org"]))
    same([len(mixed.messages), mixed.messages[0].rcpt_tos], [1, ["yes@mixed.example.org"]])
    same(len(texts), 1)
    check(b"no@mixed.example.org" in texts[0]
          and b"Final-Recipient: rfc822; later@" not in texts[0], texts[0])
    check(b"Final-Recipient: rfc822;later@" not in texts[0], texts[0])
    path, = site.queued()
    text = open(path, "rb").read().decode("latin1")
    states = dict(re.findall(r"(?m)^(?:rcpt: ?)?([PDF]) <(\w+)@mixed", text))
    same(sorted((name, state)
                for state, name in re.findall(r"(?m)^(?:rcpt: ?)?([PDF]) <(\w+)@mixed", text)),
         [("later", "P"), ("no", "F"), ("yes", "D")], text, states)
    check("greylisted, come back" in text, text)


@test("--flush tries only the recipients that are still pending")
def _():
    mixed.rcpt = None
    texts = new_bounces(lambda: site.relay("--flush"))
    same([len(mixed.messages), mixed.messages[-1].rcpt_tos], [2, ["later@mixed.example.org"]])
    same([texts, site.queued()], [[], []])


@test("4xx, and a host that does not listen: deferred, no notice; a plain run does not try early")
def _():
    same(new_bounces(lambda: run(["bob@later.example.org", "bob@dead.example.org"])), [])
    same(len(site.queued("wait")), 1)
    connections = later.connections
    site.relay()
    same(later.connections, connections)
    same(new_bounces(lambda: site.relay("--flush")), [])
    same(later.connections > connections, True, site.log())
    same([len(site.queued("wait")), len(site.queued())], [1, 1])


@test("B162 B164 late: one notice of delay, with the last cause and the end of the lifetime")
def _():
    time.sleep(1.1)
    texts = new_bounces(lambda: site.relay("--flush", "-o", "queue.warn-after=1s"))
    same(len(texts), 1, site.queue_text(), site.log())
    message = email.message_from_bytes(texts[0], policy=email.policy.default)
    parts = list(message.iter_parts())
    same([p.get_content_type() for p in parts],
         ["text/plain", "message/delivery-status", "text/rfc822-headers"], texts[0])
    status = [dict(part) for part in parts[1].get_payload()]
    same(sorted(r["Final-Recipient"] for r in status[1:]),
         ["rfc822; bob@dead.example.org", "rfc822; bob@later.example.org"])
    for recipient in status[1:]:
        same([recipient["Action"], recipient["Status"][0]], ["delayed", "4"], status)
        until = email.utils.parsedate_to_datetime(recipient["Will-Retry-Until"]).timestamp()
        check(until > time.time() + 4 * 86400, status)
    check("greylisted" in texts[0].decode() and "need not send it again" in texts[0].decode(),
          texts[0])
    same(new_bounces(lambda: site.relay("--flush", "-o", "queue.warn-after=1s")), [])
    same([len(site.queued("wait")), len(site.queued())], [1, 1])


@test("R145 the lifetime is over: bounced, with the reply of the last attempt")
def _():
    time.sleep(1.1)
    texts = new_bounces(lambda: site.relay("--flush", "-o", "queue.lifetime=1s"))
    same(len(texts), 1, site.queue_text(), site.log())
    for word in (b"bob@later.example.org", b"bob@dead.example.org", b"greylisted"):
        check(word in texts[0], texts[0])
    same(site.queued(), [])


@test("B161 V51 mail from <> is never bounced: it ends in dead/, and is not deleted")
def _():
    had = len(no.messages)
    same(new_bounces(lambda: run("bob@no.example.org", sender="")), [])
    same([os.path.dirname(path) for path in site.queued()], [site.queue + "/dead"], site.log())
    check(b"Hello Bob" in open(site.queued()[0], "rb").read())
    os.unlink(site.queued()[0])
    same(len(no.messages), had)


@test("a bounce that bounces causes no third message")
def _():
    site.send("bob@no.example.org", BODY, "nobody@no.example.org")
    site.relay()
    check(all("/dead/" in path for path in site.queued()), site.queue_text())
    check(len(site.queued()) <= 1, site.queue_text())
    for path in site.queued():
        os.unlink(path)


@test("another server sends mail for our users: it is delivered with one Return-Path")
def _():
    with site.smtp() as smtp:
        smtp.sendmail("carol@example.org", ["alice@sender.example"], BODY)
    site.relay()
    text = site.mailbox("alice")[-1]
    check(text.startswith(b"Return-Path: <carol@example.org>"), text)
    same(text.count(b"Return-Path:"), 1, "H103")
    check(b"Hello Bob" in text, text)


@test("the mailboxes hold whole files only")
def _():
    check(wait_for(lambda: os.listdir(site.mail + "/alice/tmp") == [], 1),
          os.listdir(site.mail + "/alice/tmp"))


main(site.keep_queue_note)
