# SPDX-License-Identifier: ISC
"""Assertions about the notices that a sender writes (RFC 3461, RFC 3464)."""
import email
import email.utils
import re

from conform.errand import SHOULD, sends
from conform.trial import MUST

BODY = b"A word of the body: quagmire.\r\n"


def refused(t, body=BODY, **more):
    """Send a message that gets 550, and return the notice, once it is there."""
    there = t.only(RCPT="550 5.1.1 no such user here")
    t.send(content=t.message(t.token(), body), **more)
    yield t.returned()
    return t.notice()


def parts(t, notice):
    """The message, and its fields of the message and of the first recipient."""
    message = email.message_from_bytes(notice.octets)
    status = [part for part in message.walk()
              if part.get_content_type() == "message/delivery-status"]
    if not t.check(status, "a part message/delivery-status", notice.octets):
        return message, {}, {}
    groups = status[0].get_payload()
    t.check(len(groups) >= 2, "fields of the message and of a recipient", groups)
    return message, groups[0], groups[-1] if len(groups) > 1 else {}


@sends(160, "6.1", "a notice has the null reverse-path, and goes to the reverse-path", "B")
def _(t):
    notice = yield from refused(t)
    t.check(notice.sender() == "", "MAIL FROM:<>", notice.mail)
    t.check(notice.recipients() == [t.address], t.address, notice.rcpts)
    t.check(not re.search(r" (?:RET|ENVID)=", notice.mail, re.I), "no RET", notice.mail)
    t.check(not re.search(r" NOTIFY=(?!NEVER)", notice.rcpts[0], re.I), "no NOTIFY but NEVER",
            notice.rcpts)


@sends(161, "6.1", "a message with the null reverse-path causes no notice", "B")
def _(t):
    there = t.only(RCPT="550 5.1.1 no such user")
    before = len(t.stage.home.messages)
    t.send(sender="")
    yield t.tried(there)
    yield t.later()
    token = t.tokens[0].encode()
    found = [message.rcpts for message in t.stage.home.messages[before:] if token in message.octets]
    t.check(there.visits and not found, "an attempt, and no notice", found)


@sends(279, "6.1", "a notice that cannot be delivered causes no other one", "B")
def _(t):
    home = t.exchanger(RCPT="550 5.1.1 unknown")
    t.mx((10, home), domain="home." + t.domain())
    t.address = "lost@home." + t.domain()
    there = t.only(RCPT="550 5.1.1 no such user")
    t.send()
    yield t.tried(home)
    yield t.later()
    t.check(there.visits, "an attempt", "none")
    t.check(len(home.visits) == 1, "one notice that is tried once", home.lines())
    rcpts = [path for message in t.stage.home.messages for path in message.recipients()
             if t.domain() in path]
    t.check(not rcpts, "no other notice", rcpts)


def never(t, there, rcpt):
    """A message with such options of RCPT causes no notice."""
    t.send(need=["DSN"], rcpt=rcpt)
    yield t.tried(there)
    yield t.later()
    t.check(there.visits, "an attempt", "none")
    t.check(not t.notices(), "no notice", "there is one")


@sends(162, "RFC 3461 4.1", "NOTIFY=NEVER: no notice of failure", "B")
def _(t):
    yield from never(t, t.only(RCPT="550 5.1.1 no"), "NOTIFY=NEVER")


@sends(280, "RFC 3461 5.2.2", "NOTIFY without FAILURE: no notice of failure", "B")
def _(t):
    yield from never(t, t.only(RCPT="550 5.1.1 no"), "NOTIFY=SUCCESS,DELAY")


@sends(281, "RFC 3461 5.2.2", "without NOTIFY there is no notice of success", "B")
def _(t):
    there = t.only(keywords=("PIPELINING",))
    t.send()
    yield t.arrived(there)
    yield t.later()
    t.check(there.messages and not t.notices(), "no notice", "there is one")


@sends(282, "RFC 3461 5.2.2", "NOTIFY=SUCCESS for a server without DSN: a notice 'relayed'", "B")
def _(t):
    there = t.only(keywords=("PIPELINING",))
    t.send(need=["DSN"], rcpt="NOTIFY=SUCCESS")
    yield lambda: there.messages and t.notices()
    t.check(there.messages, "a delivery", "none")
    _, _, rcpt = parts(t, t.notice())
    t.check((rcpt.get("Action") or "").strip().lower() == "relayed", "Action: relayed",
            rcpt.get("Action"))


@sends(283, "RFC 3461 5.2.2", "NOTIFY=SUCCESS for a server with DSN: no notice from here", "B")
def _(t):
    there = t.only(keywords=("DSN",))
    t.send(need=["DSN"], rcpt="NOTIFY=SUCCESS")
    yield t.arrived(there)
    yield t.later()
    t.check(there.messages and not t.notices(), "no notice", "there is one")


@sends(164, "RFC 3464 2", "a notice is a multipart/report with the status of the recipient", "B")
def _(t):
    notice = yield from refused(t)
    message, head, rcpt = parts(t, notice)
    t.check(message.get_content_type() == "multipart/report"
            and (message.get_param("report-type") or "").lower() == "delivery-status",
            "multipart/report; report-type=delivery-status", message.get("Content-Type"))
    t.check(re.match(r"(?i)dns;\s*\S+", (head.get("Reporting-MTA") or "").strip()),
            "Reporting-MTA", head.get("Reporting-MTA"))
    final = (rcpt.get("Final-Recipient") or "").lower().replace(" ", "")
    t.check(final == "rfc822;" + t.rcpt(), "Final-Recipient", final)
    t.check((rcpt.get("Action") or "").strip().lower() == "failed", "Action: failed",
            rcpt.get("Action"))
    t.check(re.match(r"5\.\d+\.\d+", (rcpt.get("Status") or "").strip()), "Status: 5.x.x",
            rcpt.get("Status"))


@sends(284, "RFC 3464 2.3.6", "a notice has the reply of the server, and its name", "B")
def _(t):
    notice = yield from refused(t)
    _, _, rcpt = parts(t, notice)
    t.check(re.search(r"(?is)smtp;.*550.*no such user here", rcpt.get("Diagnostic-Code") or ""),
            "Diagnostic-Code", rcpt.get("Diagnostic-Code"), SHOULD)
    t.check("mx1." in (rcpt.get("Remote-MTA") or ""), "Remote-MTA", rcpt.get("Remote-MTA"), SHOULD)
    t.check((rcpt.get("Status") or "").strip().startswith("5.1.1"), "Status: 5.1.1",
            rcpt.get("Status"), SHOULD)


@sends(285, "RFC 3464 2.2.1", "ENVID and ORCPT stand in the notice, decoded", "B")
def _(t):
    notice = yield from refused(t, need=["DSN"], mail="ENVID=Q+2B7",
                                rcpt="ORCPT=rfc822;Old+2Bx@other.example")
    _, head, rcpt = parts(t, notice)
    t.check((head.get("Original-Envelope-Id") or "").strip() == "Q+7", "Original-Envelope-Id: Q+7",
            head.get("Original-Envelope-Id"))
    t.check((rcpt.get("Original-Recipient") or "").lower().replace(" ", "")
            == "rfc822;old+x@other.example", "Original-Recipient", rcpt.get("Original-Recipient"))


@sends(286, "RFC 3461 4.3", "RET=HDRS: the notice has the header section alone", "B")
def _(t):
    notice = yield from refused(t, need=["DSN"], mail="RET=HDRS")
    t.check(b"quagmire" not in notice.octets, "no body", "the body is there")
    t.check(t.tokens[0].encode() in notice.octets, "the header section", notice.octets)


@sends(287, "RFC 3461 4.3", "RET=FULL: the notice has the whole message", "B")
def _(t):
    notice = yield from refused(t, need=["DSN"], mail="RET=FULL")
    t.check(b"quagmire" in notice.octets, "the body", notice.octets)


@sends(165, "RFC 3834 5", "a notice has Auto-Submitted, From, To, Date and Message-ID", "B")
def _(t):
    notice = yield from refused(t)
    message = email.message_from_bytes(notice.octets)
    t.check((message.get("Auto-Submitted") or "").strip().lower().startswith("auto-"),
            "Auto-Submitted", message.get("Auto-Submitted"), SHOULD)
    for name in "From", "Date":
        t.check(len(message.get_all(name, ())) == 1, "one " + name, message.get_all(name), MUST)
    for name in "To", "Message-ID", "Subject":
        t.check(len(message.get_all(name, ())) == 1, "one " + name, message.get_all(name), SHOULD)
    t.check(email.utils.parsedate_to_datetime(message.get("Date") or "x") if
            re.search(r"\d{4} \d\d:", message.get("Date") or "") else None, "a date",
            message.get("Date"))


@sends(288, "4.5.5", "a notice about two recipients names both", "B")
def _(t):
    there = t.only(RCPT="550 5.1.1 no such user")
    t.send("one@" + t.domain(), "two@" + t.domain())
    yield t.returned()
    yield t.later(0.3)
    t.check(there.visits, "an attempt", "none")
    text = b"".join(notice.octets for notice in t.notices())
    for name in b"one@", b"two@":
        t.check(re.search(rb"(?im)^Final-Recipient: *rfc822; *" + name, text),
                "Final-Recipient of " + name.decode(), text)


@sends(289, "RFC 3464 2", "a notice is text of 7 bits, with lines of at most 998 octets", "B")
def _(t):
    notice = yield from refused(t, b"Gr\xc3\xbc\xc3\x9fe quagmire\r\n")
    t.check(notice.octets.isascii() or "8BITMIME" in notice.mail.upper()
            or "SMTPUTF8" in notice.mail.upper(), "7 bits, or BODY=8BITMIME", notice.mail)
    longest = max(map(len, notice.octets.split(b"\r\n")))
    t.check(longest <= 998, "lines of 998 octets", longest, SHOULD)
