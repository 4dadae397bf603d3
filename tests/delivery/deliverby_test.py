# SPDX-License-Identifier: ISC
"""DELIVERBY (RFC 2852): from the client's MAIL to the next server's, and the sender's reports."""
import email
import email.policy
import email.utils
import os
import re
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
plain  MX 10 mx.plain
mx.plain A 192.0.2.11
by     MX 10 mx.by
mx.by  A 192.0.2.20
both   MX 10 mx.plain
both   MX 20 mx.by
later  MX 10 mx.later
mx.later A 192.0.2.13
dead   MX 10 mx.dead
mx.dead A 192.0.2.99
"""})

plain = Exchanger("192.0.2.11")
later = Exchanger("192.0.2.13", rcpt="451 4.7.1 greylisted")
site = Site("site", "[queue]\nretry-min = 1h\n").listen()
# The peer offers DELIVERBY and DSN.  It delivers nothing: its queue shows what it was sent.
routes = "".join("[route %s.example.org]\nvia = discard\n" % name for name in ("by", "both"))
peer = Site("peer", routes, address="192.0.2.20", hostname="mx.by.example.org").listen()
BODY = (b"From: Alice <alice@sender.example>\r\nSubject: for Bob\r\n\r\n"
        b"Hello Bob, this is the text.\r\n")


def send(recipient, by, *rcpt, sender="alice@sender.example"):
    with site.smtp() as smtp:
        smtp.ehlo()
        check(smtp.has_extn("deliverby"), smtp.ehlo_resp)
        same(smtp.mail(sender, ["BY=" + by])[0], 250)
        same(smtp.rcpt(recipient, list(rcpt))[0], 250)
        same(smtp.data(BODY)[0], 250)


def reports(*options):
    """The reports to Alice of one run: of each, the message's and the recipient's fields."""
    had = len(site.mailbox("alice"))
    site.relay(*options)
    found = []
    for text in site.mailbox("alice")[had:]:
        message = email.message_from_bytes(text, policy=email.policy.default)
        groups = [dict(part) for part in list(message.iter_parts())[1].get_payload()]
        same(len(groups), 2, text)
        found.append(groups)
    return found


def told_peer():
    """The value of BY in the only message that the other server has."""
    path, = peer.queued("new")
    text = open(path, "rb").read().decode("latin1")
    os.unlink(path)
    return re.search(r"(?m)^from: .* BY=(\S+)", text).group(1)


@test("mode R: relayed with the time that is left, and no report")
def _():
    send("bob@by.example.org", "1000;R")
    site.age(500)
    same(reports(), [])
    seconds, mode = told_peer().split(";")
    check(400 < int(seconds) <= 500 and mode == "R", seconds, mode)


@test("mode R: a server that does not offer it gets nothing; the next one may")
def _():
    had = len(plain.messages)
    send("bob@both.example.org", "1000;R")
    same([reports(), len(plain.messages)], [[], had])
    check(told_peer().endswith(";R"))


@test("mode R: no server offers it: returned, with the date")
def _():
    had, now = len(plain.messages), time.time()
    send("bob@plain.example.org", "1000;R")
    groups, = reports()
    same([groups[1]["Action"], groups[1]["Status"], len(plain.messages)], ["failed", "5.4.4", had])
    date = email.utils.parsedate_to_datetime(groups[0]["Deliver-By-Date"]).timestamp()
    check(now + 990 < date < now + 1030, groups)
    same(site.queued(), [])


@test("mode R: time is over: returned without another attempt")
def _():
    send("bob@dead.example.org", "1000;R")
    same(reports(), [])
    had = len(site.log())
    site.age(1001)
    groups, = reports("--flush")
    same([groups[1]["Action"], groups[1]["Status"]], ["failed", "5.4.7"])
    check("Remote-MTA" not in groups[1] and " deferred id=" not in site.log()[had:],
          site.log()[had:])
    check("in the time that the sender has set; the last attempt reported: deferred 4.4.1"
          in groups[1]["Diagnostic-Code"], groups)
    same(site.queued(), [])


@test("mode R: the runner wakes up in time")
def _():
    send("bob@dead.example.org", "1000;R")
    same(reports(), [])
    path, = site.queued("wait")
    due = int(path.split("/")[-2])
    check(time.time() + 900 < due <= time.time() + 1000, path)
    os.unlink(path)


@test("mode N: time is over: one notice of delay, and more attempts")
def _():
    send("bob@later.example.org", "1000;N")
    same(reports(), [])
    site.age(1001)
    groups, = reports("--flush")
    same([groups[1]["Action"], groups[1]["Status"]], ["delayed", "4.4.7"])
    check("Deliver-By-Date" in groups[0] and "Will-Retry-Until" in groups[1], groups)
    same([reports("--flush"), len(site.queued("wait"))], [[], 1])
    os.unlink(site.queued("wait")[0])


@test("mode N: a server without it gets the mail, and the sender a report")
def _():
    had = len(plain.messages)
    send("bob@plain.example.org", "1000;N")
    groups, = reports()
    same([groups[1]["Action"], len(plain.messages), "BY" in str(plain.messages[-1].mail_options)],
         ["relayed", had + 1, False])
    send("bob@plain.example.org", "1000;N", "NOTIFY=NEVER")
    same([reports(), len(plain.messages)], [[], had + 2])


@test("mode N: late mail is also relayed, with its negative time")
def _():
    send("bob@by.example.org", "-100;N")
    same(reports(), [])
    seconds, mode = told_peer().split(";")
    check(-200 < int(seconds) <= -100 and mode == "N", seconds, mode)


@test("the trace flag: a report from each server on the way")
def _():
    send("bob@by.example.org", "1000;NT")
    groups, = reports()
    same([groups[1]["Action"], groups[1]["Remote-MTA"]], ["relayed", "dns; mx.by.example.org"])
    check(told_peer().endswith(";NT"))


main(site.keep_queue_note)
