# SPDX-License-Identifier: ISC
"""Notices (RFC 3461): of success, their number, their own envelope, and notices that bounce."""
import email
import email.policy
import os
import re

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
plain  MX 10 mx.plain
mx.plain A 192.0.2.11
dsn    MX 10 mx.dsn
mx.dsn A 192.0.2.20
no     MX 10 mx.no
mx.no  A 192.0.2.12
dead   MX 10 mx.dead
mx.dead A 192.0.2.99
"""})

plain = Exchanger("192.0.2.11")
no = Exchanger("192.0.2.12", rcpt="550 5.1.1 nobody of that name")
site = Site("site").listen()
# The peer offers DSN.  It delivers nothing: its queue shows what it was sent.
peer = Site("peer", settings="[route dsn.example.org]\nvia = discard\n", address="192.0.2.20",
            hostname="mx.dsn.example.org").listen()
BODY = (b"From: Alice <alice@sender.example>\r\nSubject: for Bob\r\n\r\n"
        b"Hello Bob, this is the text.\r\n")


def send(recipients, sender="alice@sender.example", mail=(), rcpt=(), body=BODY):
    with site.smtp() as smtp:
        smtp.ehlo()
        code, text = smtp.mail(sender, list(mail))
        same(code, 250, text)
        for recipient in [recipients] if isinstance(recipients, str) else recipients:
            code, text = smtp.rcpt(recipient, list(rcpt))
            same(code, 250, text)
        code, text = smtp.data(body)
        same(code, 250, text)


def notices(*options, who="alice"):
    """The notices of one run in the mailbox of who: (message, parts, groups of fields) of each."""
    had = len(site.mailbox(who))
    site.relay(*options)
    found = []
    for text in site.mailbox(who)[had:]:
        message = email.message_from_bytes(text, policy=email.policy.default)
        same(message.get_content_type(), "multipart/report", text)
        parts = list(message.iter_parts())
        same(len(parts), 3, text)
        found.append((message, parts, [dict(part) for part in parts[1].get_payload()]))
    return found


def one_notice(*options, who="alice"):
    found = notices(*options, who=who)
    same(len(found), 1, site.log()[-2000:], site.queue_text())
    return found[0]


def peer_envelope():
    """The sender and recipient lines of the only message in the peer's queue; it is removed."""
    paths = peer.queued("new")
    same(len(paths), 1, paths)
    text = open(paths[0], "rb").read().decode("latin1")
    os.unlink(paths[0])
    return re.findall(r"(?m)^(from: .*|P <.*)$", text.split("\n\n")[0])


@test("B162 B164 SUCCESS for a mailbox here: `delivered`")
def _():
    send("bob@sender.example", mail=["ENVID=order+2B7", "RET=FULL"],
         rcpt=["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Bob+2Bx@Sender.example"])
    message, parts, groups = one_notice()
    same(groups[0]["Original-Envelope-Id"], "order+7")
    same(groups[0]["Reporting-MTA"], "dns; mail.sender.example")
    same([groups[1][name]
          for name in ("Original-Recipient", "Final-Recipient", "Action", "Status")],
         ["rfc822; Bob+x@Sender.example", "rfc822; bob@sender.example", "delivered", "2.0.0"])
    check("Diagnostic-Code" not in groups[1] and "Remote-MTA" not in groups[1], groups)
    same([part.get_content_type() for part in parts],
         ["text/plain", "message/delivery-status", "text/rfc822-headers"])
    check("has been delivered" in parts[0].get_content() and site.mail not in message.as_string(),
          message)
    same([message["Auto-Submitted"], message["Return-Path"], message["To"]],
         ["auto-replied", "<>", "alice@sender.example"])
    same(len(site.mailbox("bob")), 1)
    check("confirmed id=" in site.log() and "action=delivered" in site.log(), site.log())
    same([notices(), site.queued()], [[], []])


@test("B162 SUCCESS for a server without DSN: `relayed`, with its reply; it gets no DSN parameter")
def _():
    send("bob@plain.example.org", mail=["ENVID=e2"], rcpt=["NOTIFY=SUCCESS"])
    _, parts, groups = one_notice()
    same([groups[1]["Final-Recipient"], groups[1]["Action"], groups[1]["Status"][0]],
         ["rfc822; bob@plain.example.org", "relayed", "2"])
    same(groups[1]["Remote-MTA"], "dns; mx.plain.example.org")
    check("kept as number" in groups[1]["Diagnostic-Code"], groups)
    check("might not confirm" in parts[0].get_content(), parts[0])
    same([plain.messages[-1].rcpt_options, "ENVID" in str(plain.messages[-1].mail_options)],
         [[[]], False])


@test("B163 SUCCESS for a server with DSN: it gets the same parameters; no notice from here")
def _():
    send("bob@dsn.example.org", mail=["RET=HDRS", "ENVID=Qq+2B1"],
         rcpt=["NOTIFY=success,FAILURE", "ORCPT=rfc822;BoB+40x@D.example"])
    same(notices(), [])
    lines = peer_envelope()
    check("RET=HDRS" in lines[0] and "ENVID=Qq+2B1" in lines[0], lines)
    same(lines[1], "P <bob@dsn.example.org> NOTIFY=success,FAILURE ORCPT=rfc822;BoB+40x@D.example")
    same(site.queued(), [])


@test("B163 mail without DSN parameters gets none")
def _():
    send("bob@dsn.example.org")
    same(notices(), [])
    lines = peer_envelope()
    check("RET" not in lines[0] and "ENVID" not in lines[0], lines)
    same(lines[1], "P <bob@dsn.example.org>")


@test("B161 B162 no notice of success without NOTIFY=SUCCESS, nor to <>")
def _():
    for rcpt in ([], ["NOTIFY=NEVER"], ["NOTIFY=FAILURE,DELAY"]):
        send(["bob@sender.example", "bob@plain.example.org"], rcpt=rcpt)
        same(notices(), [], rcpt)
    send(["bob@sender.example", "bob@plain.example.org"], sender="", rcpt=["NOTIFY=SUCCESS"])
    same([notices(), site.queued()], [[], []])


@test("B162 one recipient delivered, one deferred: one notice of success, at once")
def _():
    send(["bob@sender.example", "bob@dead.example.org"], rcpt=["NOTIFY=SUCCESS,FAILURE"])
    _, _, groups = one_notice()
    same([(group["Final-Recipient"], group["Action"]) for group in groups[1:]],
         [("rfc822; bob@sender.example", "delivered")])
    same(notices("--flush"), [])
    path, = site.queued("wait")
    same(re.findall(r"(?m)^([A-Z]) <", open(path, "rb").read().decode("latin1")), ["D", "P"])
    site.age(6 * 86400)
    same(notices("--flush"), [])        # a message gets four attempts, at any age
    _, _, groups = one_notice("--flush")
    same([(group["Final-Recipient"], group["Action"]) for group in groups[1:]],
         [("rfc822; bob@dead.example.org", "failed")])
    same(site.queued(), [])


@test("B160 the envelope of a notice: from <>, to the mailbox of the reverse-path, NOTIFY=NEVER")
def _():
    with site.smtp() as smtp:
        smtp.ehlo()
        for command in ("MAIL FROM:<@a.example,@b.example:carol@dsn.example.org> RET=FULL ENVID=x",
                        "RCPT TO:<bob@no.example.org>"):
            code, text = smtp.docmd(command)
            same(code, 250, text)
        same(smtp.data(BODY)[0], 250)
    site.relay()
    lines = peer_envelope()
    check(re.fullmatch("from: <>( (SIZE=\\d+|BODY=8BITMIME))*", lines[0]), lines)
    same(lines[1:], ["P <carol@dsn.example.org> NOTIFY=NEVER"])
    same(site.queued(), [])


@test("B165 SMTPUTF8: the bounce in the forms of RFC 6533; without it in ASCII")
def _():
    text = BODY.replace(b"for Bob", "für Bob".encode())
    send("jörg@no.example.org", mail=["SMTPUTF8"], rcpt=["ORCPT=utf-8;JÖRG@no.example.org"],
         body=text)
    had = len(site.mailbox("alice"))
    site.relay()
    raw, = site.mailbox("alice")[had:]
    message = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)
    same([message.get_content_type(), message.get_param("report-type")],
         ["multipart/report", "global-delivery-status"])
    parts = message.get_payload()
    same([part.get_content_type() for part in parts],
         ["text/plain", "message/global-delivery-status", "message/global"])
    check("<jörg@no.example.org>" in parts[0].get_content()
          and parts[0].get_content_charset() == "utf-8", raw)
    for line in ("Original-Recipient: utf-8; JÖRG@no.example.org",
                 "Final-Recipient: utf-8; jörg@no.example.org", "Action: failed"):
        check(line.encode() + b"\r\n" in raw or line.encode() + b"\n" in raw, line, raw)
    check("Subject: für Bob".encode() in raw, raw)
    send("bob@no.example.org", body=text)
    message, parts, groups = one_notice()
    same([part.get_content_type() for part in parts],
         ["text/plain", "message/delivery-status", "message/rfc822"])
    same([message.get_param("report-type"), groups[1]["Final-Recipient"]],
         ["delivery-status", "rfc822; bob@no.example.org"])


@test("B164 the bounce has the end of the session")
def _():
    send("bob@no.example.org")
    _, parts, _ = one_notice()
    words = parts[0].get_content()
    check("The end of the session between this system and mx.no.example.org[192.0.2.12]:25"
          in words, words)
    check("> RCPT TO:<bob@no.example.org>" in words and "< 550 5.1.1 nobody of that name" in words
          and "Hello Bob" not in words, words)


def dead_letters():
    found = []
    for path in site.queued():
        same(os.path.dirname(path), site.queue + "/dead", site.queue_text())
        found.append(open(path, "rb").read())
        os.unlink(path)
    return found


@test("B161 a bounce that bounces: into dead/, a warning in the log, and never a third message")
def _():
    with open(site.config, "a") as file:
        file.write("[route closed.example]\nvia = reject:closed\n[route broken.example]\n"
                   "via = maildir:/dev/null/{local}\n")
    for sender in ("nobody@no.example.org", "nobody@closed.example", "nobody@gone.invalid",
                   "nobody@broken.example"):
        send("bob@no.example.org", sender=sender)
        for _ in range(5):              # the notice gets four attempts
            site.age(6 * 86400)
            site.relay("--flush")
        texts = dead_letters()
        same(len(texts), 1, sender, site.log()[-3000:])
        check(b"\nfrom: <>" in texts[0] and b"F <" + sender.encode() in texts[0]
              and b"report-type=delivery-status" in texts[0], texts[0])
        dead = [line for line in site.log().splitlines() if " dead id=" in line]
        check(dead and "why=" in dead[-1], site.log()[-2000:])
    same(notices(), [])


main(site.keep_queue_note)
