# SPDX-License-Identifier: ISC
"""Notices of success with real servers, and bounces into them.

Postfix offers DSN and makes the notice itself; Exim does not.  The test needs root.
"""
import email
import email.policy

from certificates import Authority
from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from receivers import really_root
from tap import bail_out, check, main, same, test, wait_for
from tls_receivers import Exim, Postfix, prepare

if not really_root():
    bail_out("Postfix and Exim change their users: run this as root")
directory = fresh_directory()
prepare()
authority = Authority("/mnt/receivers/ca")
nsd(directory + "/nsd", {"example.org": "".join(
    "%s MX 10 mx.%s\nmx.%s A 192.0.2.%d\n" % (name, name, name, address)
    for name, address in (("postfix", 31), ("exim", 32), ("no", 12)))})
postfix = Postfix("192.0.2.31", "postfix.example.org",
                  authority.leaf("postfix", "mx.postfix.example.org"))
exim = Exim("192.0.2.32", "exim.example.org", authority.leaf("exim", "mx.exim.example.org"))
with open(postfix.directory + "/etc/main.cf", "a") as file:
    file.write("relayhost = [192.0.2.1]\ndisable_dns_lookups = yes\nmaximal_backoff_time = 10s\n")
postfix.stop()
postfix.start()
no = Exchanger("192.0.2.12", rcpt="550 5.1.1 nobody of that name")
site = Site("site").listen()
BODY = (b"From: Alice <alice@sender.example>\r\nSubject: for Bob\r\n\r\n"
        b"Hello Bob, this is the text.\r\n")


def send(recipient, mail=(), rcpt=(), sender="alice@sender.example"):
    with site.smtp() as smtp:
        smtp.ehlo()
        for code, text in (smtp.mail(sender, list(mail)), smtp.rcpt(recipient, list(rcpt)),
                           smtp.data(BODY)):
            same(code, 250, text)
    site.relay()


def fields(text):
    """The groups of fields of a report: first the message's, then its recipient's."""
    message = email.message_from_bytes(text, policy=email.policy.default)
    same(message.get_content_type(), "multipart/report", text)
    return [dict(part) for part in list(message.iter_parts())[1].get_payload()]


@test("B163 Postfix, SUCCESS: Postfix makes the notice, with the sender's parameters; we make none")
def _():
    had = len(site.mailbox("alice"))
    send("bob@postfix.example.org", ["ENVID=order+2B7", "RET=HDRS"],
         ["NOTIFY=SUCCESS", "ORCPT=rfc822;BoB@postfix.example.org"])
    check(wait_for(lambda: site.queued("new"), 20), postfix.says()[-3000:])
    site.relay()
    text, = site.mailbox("alice")[had:]
    groups = fields(text)
    same([groups[0]["Reporting-MTA"], groups[0]["Original-Envelope-Id"]],
         ["dns; mx.postfix.example.org", "order+7"])
    same([groups[1]["Original-Recipient"], groups[1]["Action"]],
         ["rfc822;BoB@postfix.example.org", "delivered"], text)
    check("confirmed" not in site.log(), site.log())


@test("B162 Exim, SUCCESS: Exim does not offer DSN, so we report `relayed`")
def _():
    had = len(site.mailbox("alice"))
    send("bob@exim.example.org", ["ENVID=e2"], ["NOTIFY=SUCCESS"])
    text, = site.mailbox("alice")[had:]
    groups = fields(text)
    same([groups[0]["Original-Envelope-Id"], groups[1]["Action"], groups[1]["Remote-MTA"]],
         ["e2", "relayed", "dns; mx.exim.example.org"])
    check(wait_for(lambda: len(exim.messages()) == 1, 20), exim.says()[-3000:])


for name, peer in ("Postfix", postfix), ("Exim", exim):
    @test("B160 B164 a bounce into %s" % name)
    def _(name=name, peer=peer):
        had = len(peer.messages())
        send("bob@no.example.org", sender="carol@%s.example.org" % name.lower())
        check(wait_for(lambda: len(peer.messages()) == had + 1, 20), peer.says()[-3000:],
              site.log()[-2000:])
        text = peer.messages()[-1]
        groups = fields(text)
        same([groups[1]["Final-Recipient"], groups[1]["Action"], groups[1]["Status"]],
             ["rfc822; bob@no.example.org", "failed", "5.1.1"])
        check(b"Return-Path: <>" in text or name == "Exim", text)
        same(site.queued(), [])


@test("B165 a bounce to an address in UTF-8, into Postfix")
def _():
    had = len(postfix.messages())
    send("bob@no.example.org", ["SMTPUTF8"], sender="jörg@postfix.example.org")
    check(wait_for(lambda: len(postfix.messages()) == had + 1, 20), postfix.says()[-3000:],
          site.log()[-2000:], site.queue_text())
    text = postfix.messages()[-1]
    check("To: <jörg@postfix.example.org>".encode() in text
          and b"Content-Type: message/global-delivery-status" in text, text)
    same(site.queued(), [])


main(site.keep_queue_note)
