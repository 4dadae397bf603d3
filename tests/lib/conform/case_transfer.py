# SPDX-License-Identifier: ISC
"""Assertions about what a sender transfers: the content, the parameters, TLS, LMTP."""
import re
import ssl
import subprocess
import tempfile

from conform.errand import SHOULD, sends
from conform.trial import CHOICE, MUST
from conform.world import CLOSE


def arrives(t, there, octets, **more):
    """Send octets, and return what arrives of them, behind the fields that were added."""
    t.send(content=octets, **more)
    yield t.arrived(there)
    got = t.got(there)[0].octets
    added = got[:-len(octets)] if got.endswith(octets) else None
    t.check(added is not None, octets[-300:], got[-300:])
    return added if added is not None else b""


@sends(78, "4.5.2", "a line that begins with a dot gets another one")
def _(t):
    there = t.only()
    body = b".\r\n..\r\n...x\r\n.x\r\nx.\r\n.\r\n\r\n.\r\n"
    yield from arrives(t, there, t.message(t.token(), body))
    t.check(b"\r\n..\r\n...\r\n" in there.visits[0].raw[0], "added dots", there.visits[0].raw)


@sends(93, "2.3.8", "the content ends in CRLF, and no CR or LF stands alone")
def _(t):
    there = t.only()
    yield from arrives(t, there, t.message(t.token(), b"a\r\n\r\n\r\nb\r\n"))
    raw = there.visits[0].raw[0]
    t.check(not re.search(rb"\r(?!\n)|(?<!\r)\n", raw), "CRLF", raw)


@sends(262, "4.4", "one field Received is added on top, and nothing else is changed")
def _(t):
    there = t.only()
    fields = (b"Received: from a.example by b.example; Fri, 27 Nov 2026 12:00:00 +0000\r\n"
              b"Received: from 0.example by a.example;\r\n\tFri, 27 Nov 2026 11:00:00 +0000\r\n"
              b"X-Odd:  two  blanks \r\nx-empty:\r\n")
    added = yield from arrives(t, there, t.message(t.token(), fields=fields))
    text = re.sub(rb"\r\n(?=[ \t])", b"", added)
    t.check(re.fullmatch(rb"Received: [^\r]*\r\n", text), "one Received", added)
    t.check(re.search(rb"(?i)\bby\s+\S+.*;\s*(?:\w{3},\s+)?\d{1,2} \w{3} \d{4} [0-9:]+ [+-]\d{4}",
                      text), "by and a date", added)


@sends(104, "4.4", "a relay adds no Return-Path")
def _(t):
    there = t.only()
    t.send()
    yield t.arrived(there)
    got = t.got(there)[0].octets
    t.check(not re.search(rb"(?im)^return-path:", got), "no Return-Path", got)


@sends(263, "4.5.3.1.6", "a line of 998 octets is passed on unchanged")
def _(t):
    there = t.only()
    yield from arrives(t, there, t.message(t.token(), b"x" * 998 + b"\r\n." + b"y" * 997 + b"\r\n"))


@sends(264, "4.5.3.1.6", "a line of 2000 octets is not cut: unchanged, encoded, or returned")
def _(t):
    there = t.only()
    body = b"word " * 400 + b"\r\n"
    t.send(content=t.message(t.token(), body, b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"))
    yield lambda: there.messages or t.notices()
    if there.messages:
        got = there.messages[0].octets
        t.check(body in got or b"quoted-printable" in got or b"base64" in got,
                "the line, or an encoding", got[-2100:], SHOULD)
    else:
        t.check(t.notices(), "a delivery or a notice", "nothing")


@sends(265, "4.5.2", "a message without a body, and one of a single empty line, arrive")
def _(t):
    there = t.only()
    yield from arrives(t, there, t.message(t.token(), b""))


@sends(266, "4.5.3.1.7", "a message of 300 KB arrives unchanged")
def _(t):
    there = t.only()
    yield from arrives(t, there, t.message(t.token(), b".0123456789 abcdefghi\r\n" * 13000))


# ---- the envelope

@sends(267, "2.4", "the case of a local part is kept, and so are quotes that it needs")
def _(t):
    there = t.only()
    locals_ = ["MixedCase", '"a b"', "o'brien+tag"]
    t.send(*("%s@%s" % (local, t.domain()) for local in locals_))
    yield lambda: sum(len(message.rcpts) for message in there.messages) >= 3
    got = {path.rpartition("@")[0] for message in there.messages for path in message.recipients()}
    t.check(got == set(locals_), sorted(locals_), sorted(got))
    t.check(there.messages and there.messages[0].sender().split("@")[0]
            == t.address.split("@")[0], t.address, there.lines())


@sends(268, "4.1.1.3", "a source route is removed")
def _(t):
    there = t.only()
    t.send("@other.example,@more.example:rcpt@" + t.domain())
    yield t.arrived(there)
    t.check(t.got(there)[0].recipients() == [t.rcpt()], t.rcpt(), there.lines(), SHOULD)


@sends(269, "4.5.5", "the null reverse-path stays null")
def _(t):
    there = t.only()
    t.send(sender="")
    yield t.arrived(there)
    t.check(t.got(there)[0].sender() == "", "MAIL FROM:<>", there.lines())


@sends(163, "RFC 3461 5.2.1", "ENVID, RET, NOTIFY and ORCPT are passed on as they came")
def _(t):
    there = t.only(keywords=("DSN", "PIPELINING"))
    t.send(need=["DSN"], mail="RET=HDRS ENVID=Qq+2B1", rcpt="NOTIFY=SUCCESS,DELAY "
           "ORCPT=rfc822;MiXed+2Bx@Other.example")
    yield t.arrived(there)
    got = t.got(there)[0]
    mail, rcpt = got.mail.split(" "), got.rcpts[0].split(" ")
    for word in "RET=HDRS", "ENVID=Qq+2B1":
        t.check(word in mail, word, got.mail)
    t.check("ORCPT=rfc822;MiXed+2Bx@Other.example" in rcpt, "ORCPT", got.rcpts)
    t.check({"NOTIFY=SUCCESS,DELAY", "NOTIFY=DELAY,SUCCESS"} & set(rcpt), "NOTIFY", got.rcpts)


@sends(270, "RFC 3461 5.2.1", "no RET, ENVID or NOTIFY is invented")
def _(t):
    there = t.only(keywords=("DSN",))
    t.send()
    yield t.arrived(there)
    got = t.got(there)[0]
    for line in got.mail, *got.rcpts:
        t.check(not re.search(" (?:RET|ENVID|NOTIFY)=", line, re.I), "no such parameter", line)


@sends(271, "RFC 1870 6", "SIZE, if it is sent, is about the number of octets")
def _(t):
    there = t.only(keywords=("SIZE 1000000",))
    octets = t.message(t.token(), b"0123456789\r\n" * 3000)
    t.send(content=octets)
    yield t.arrived(there)
    got = t.got(there)[0]
    found = re.search(r" SIZE=(\d+)", got.mail)
    t.check(found, "SIZE", got.mail, CHOICE)
    if found:
        t.check(abs(int(found[1]) - len(got.octets)) < 4000, "about %d" % len(got.octets),
                found[1], SHOULD)


@sends(148, "RFC 1870 6", "a message above the SIZE of the only exchanger is returned, unsent")
def _(t):
    there = t.only(keywords=("SIZE 2000",), MAIL=lambda line: "552 5.3.4 too large"
                   if int((re.findall(r"SIZE=(\d+)", line) or [0])[0]) > 2000 else "250 ok",
                   dot="552 5.3.4 too large")
    t.send(content=t.message(t.token(), b"0123456789\r\n" * 3000))
    yield from t.fails(there)
    t.check(not there.offered, "no content", "it is sent", SHOULD)


EIGHT = "Gr\u00fc\u00dfe\r\n".encode()
MIME = (b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
        b"Content-Transfer-Encoding: 8bit\r\n")


@sends(290, "RFC 6152 3", "8-bit text for a server with 8BITMIME is sent as BODY=8BITMIME")
def _(t):
    there = t.only()
    yield from arrives(t, there, t.message(t.token(), EIGHT, MIME), need=["8BITMIME"],
                       mail="BODY=8BITMIME")
    mail = there.messages[0].mail
    t.check(re.search(" BODY=8BITMIME", mail, re.I), "BODY=8BITMIME", mail)


@sends(221, "4.1.1.1", "keywords of EHLO have no case, and blanks at their end do no harm")
def _(t):
    there = t.only(keywords=("pipelining ", "size 1000000 ", "8bitmime  ", "Help"))
    yield from arrives(t, there, t.message(t.token(), EIGHT, MIME), need=["8BITMIME"],
                       mail="BODY=8BITMIME")


@sends(149, "RFC 6152 3", "8-bit text for a server without 8BITMIME is converted or returned")
def _(t):
    there = t.only(keywords=("PIPELINING",))
    t.send(content=t.message(t.token(), EIGHT, MIME), need=["8BITMIME"], mail="BODY=8BITMIME")
    yield lambda: there.offered or t.notices()
    for message in there.offered:
        t.check(message.octets.isascii() and "BODY" not in message.mail.upper(), "7-bit octets",
                "%s, %s" % (message.mail, message.octets[-100:]))
        t.check(re.search(rb"R3LDvMOfZQ|Gr=C3=BC=C3=9Fe", message.octets), "the text, encoded",
                message.octets[-300:])
    t.check(there.offered or t.notices(), "a delivery or a notice", "nothing")


UTF8 = {"need": ["SMTPUTF8", "8BITMIME"], "mail": "SMTPUTF8 BODY=8BITMIME"}
UTF8_FIELD = "X-Note: Gr\u00fc\u00dfe\r\n".encode()


@sends(272, "RFC 6531 3.2", "an internationalized message goes with SMTPUTF8")
def _(t):
    there = t.only()
    local = "gr\u00fc\u00dfe".encode().decode("latin1")
    t.send("gr\u00fc\u00dfe@" + t.domain(), **UTF8,
           content=t.message(t.token(), EIGHT, MIME + UTF8_FIELD))
    yield t.arrived(there)
    got = t.got(there)[0]
    t.check(re.search(r" SMTPUTF8\b", got.mail, re.I), "SMTPUTF8", got.mail)
    t.check(got.recipients() == ["%s@%s" % (local, t.domain())], "the address", got.rcpts)
    t.check(UTF8_FIELD in got.octets, "the field", got.octets)


@sends(273, "RFC 6531 3.2", "without SMTPUTF8 at any exchanger such a message is returned")
def _(t):
    there = t.only(keywords=("8BITMIME", "PIPELINING"))
    t.send("gr\u00fc\u00dfe@" + t.domain(), **UTF8,
           content=t.message(t.token(), EIGHT, MIME + UTF8_FIELD))
    yield from t.fails(there)
    t.check(not there.offered, "no content", "it is sent")


@sends(274, "RFC 6531 3.2", "if another exchanger has SMTPUTF8, that one gets such a message")
def _(t):
    first, second = t.exchanger(keywords=("8BITMIME",)), t.exchanger()
    t.mx((10, first), (20, second))
    t.send("gr\u00fc\u00dfe@" + t.domain(), **UTF8,
           content=t.message(t.token(), EIGHT, MIME + UTF8_FIELD))
    yield lambda: second.messages or t.notices()
    t.check(not first.offered, "no content at the first", "it is sent")
    t.check(second.messages, "a message at the second", "none", CHOICE)


@sends(275, "RFC 3030 2", "a server with CHUNKING gets the content by BDAT or DATA, unchanged")
def _(t):
    there = t.only(keywords=("CHUNKING", "PIPELINING", "8BITMIME", "SIZE"))
    octets = t.message(t.token(), b".dots\r\n.\r\n" * 3000)
    yield from arrives(t, there, octets)


@sends(276, "RFC 3030 2", "BDAT that gets 4xx: the mail waits; that gets 5xx: it is returned")
def _(t):
    there = t.only(keywords=("CHUNKING",), BDAT=["451 4.3.0 later", None],
                   dot=["451 4.3.0 later", None])
    t.send()
    yield from t.waits(there)
    t.domain_name = "other." + t.domain_name
    refusing = t.only(keywords=("CHUNKING",), BDAT="554 5.6.0 no", dot="554 5.6.0 no")
    t.send()
    yield from t.fails(refusing)


@sends(150, "RFC 9422 4", "LIMITS RCPTMAX is obeyed by a sender that knows it")
def _(t):
    there = t.only(keywords=("LIMITS RCPTMAX=2", "PIPELINING"))
    t.send(*("r%d@%s" % (i, t.domain()) for i in range(5)))
    yield lambda: sum(len(message.rcpts) for message in there.messages) >= 5
    counts = [len(message.rcpts) for message in there.messages]
    t.check(sum(counts) == 5, "all recipients", counts)
    t.check(max(counts, default=0) <= 2, "two at a time", counts, CHOICE)


# ---- TLS

def certificate(t):
    """A context with a certificate of nobody."""
    if not hasattr(t.stage, "context"):
        with tempfile.TemporaryDirectory() as folder:
            path = folder + "/x.pem"
            try:
                subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", "rsa:2048", "-days",
                                "3", "-subj", "/CN=mx", "-keyout", path, "-out", path + ".crt"],
                               stdin=subprocess.DEVNULL, capture_output=True, check=True)
            except (OSError, subprocess.CalledProcessError):
                t.skip("openssl makes no certificate")
            t.stage.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            t.stage.context.load_cert_chain(path + ".crt", path)
    return t.stage.context


@sends(133, "RFC 3207 4.2", "inside TLS the sender says EHLO again, and forgets the old keywords")
def _(t):
    there = t.only(tls=certificate(t), keywords=("STARTTLS", "SIZE", "DSN"), inside=("PIPELINING",))
    t.send(rcpt="NOTIFY=FAILURE", need=["DSN"])
    yield t.arrived(there)
    got = t.got(there)[0]
    lines = got.visit.lines
    if "(TLS)" not in lines:
        t.skip("it uses no TLS")
    inside = lines[lines.index("(TLS)") + 1:]
    t.check(inside[0].upper().startswith("EHLO "), "EHLO", inside)
    t.check(got.mail.endswith(">") and got.rcpts[0].endswith(">"), "no parameter",
            [got.mail, *got.rcpts])


@sends(277, "RFC 3207 4", "STARTTLS that gets 454: the session goes on, or the mail waits")
def _(t):
    there = t.only(tls=certificate(t), keywords=("STARTTLS", "SIZE"),
                   STARTTLS=["454 4.7.0 not now", None])
    t.send()
    yield lambda: there.messages or there.ended()
    yield t.later(0.3)
    t.check(not t.notices(), "no notice", "it is returned")
    t.flush()
    yield t.arrived(there)
    t.got(there)


@sends(134, "RFC 3207 4.1", "a handshake that fails: the mail waits, or goes without TLS")
def _(t):
    there = t.only(tls=certificate(t), keywords=("STARTTLS",), shake=CLOSE)
    t.send()
    yield t.tried(there)
    yield t.later(0.3)
    t.check(not t.notices(), "no notice", "it is returned")
    t.check(not [message for message in there.offered if message.visit.tls], "no TLS", "TLS")
    t.flush()
    yield t.soon(there)
    t.check(there.messages, "a delivery without TLS", there.lines(), CHOICE)


@sends(278, "RFC 3207 4.2", "a reply that came before TLS is not taken for one inside it")
def _(t):
    there = t.only(tls=certificate(t), keywords=("STARTTLS", "SIZE"), inside=("SIZE",),
                   STARTTLS=[b"220 go on\r\n250-evil.example\r\n250 DSN\r\n", "454 4.7.0 no"])
    t.send(need=["DSN"], rcpt="NOTIFY=FAILURE")
    yield lambda: there.messages or there.ended()
    yield t.later(0.3)
    for visit in there.visits:
        inside = visit.lines[visit.lines.index("(TLS)") + 1:] if visit.tls else []
        bad = [line for line in inside if " NOTIFY=" in line]
        t.check(not bad, "the octets before TLS are forgotten", bad)
    t.check(not t.notices(), "no notice", "it is returned")


@sends(159, "RFC 8689 4.2.1", "a message with REQUIRETLS does not go to a server that has it not")
def _(t):
    there = t.only(tls=certificate(t), keywords=("STARTTLS", "SIZE"))
    t.send(need=["REQUIRETLS"], mail="REQUIRETLS", tls=True)
    yield t.soon(there)
    t.check(not there.offered, "no content", "it is sent")


# ---- LMTP

@sends(166, "RFC 2033 4.2", "LMTP: LHLO, and each recipient has the outcome of its own reply")
def _(t):
    if not t.options.lmtp:
        t.skip("--lmtp is not given")
    domain, _, place = t.options.lmtp.partition("=")
    address, _, port = place.rpartition(":")
    there = t.stage.server(address.strip("[]"), int(port), "lmtp." + domain, lmtp=True,
                           dot=lambda rcpt: "452 4.2.2 full" if "<later" in rcpt
                           else "550 5.2.1 no" if "<never" in rcpt else "250 2.1.5 ok")
    t.send(*("%s@%s" % (name, domain) for name in ("now", "later", "never")))
    yield lambda: there.offered and t.notices()
    t.check(there.lines() and there.lines()[0].upper().startswith("LHLO "), "LHLO", there.lines())
    text = t.notice().octets
    t.check(b"never@" in text, "a notice about the refused one", text)
    t.check(not re.search(rb"(?im)^(?:Original|Final)-Recipient:.*\b(?:later|now)@", text),
            "no notice about others", text)
    count = len(there.offered)
    there.plan["dot"] = None
    t.flush()
    yield lambda: len(there.offered) > count
    got = [path.split("@")[0] for message in there.offered[count:] for path in message.recipients()]
    t.check(got == ["later"], "the deferred one alone is tried again", got, MUST)
