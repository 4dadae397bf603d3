# SPDX-License-Identifier: ISC
"""Assertions about DATA, the content, and the fields of trace."""
import re

from conform.case_envelope import most_octets, reverse_path
from conform.trial import CHOICE, MUST, SHOULD, Closed, Stop, assertion, fits

WITH = ("SMTP ESMTP ESMTPA ESMTPS ESMTPSA LMTP LMTPA LMTPS LMTPSA "
        "UTF8SMTP UTF8SMTPA UTF8SMTPS UTF8SMTPSA UTF8LMTP UTF8LMTPA UTF8LMTPS UTF8LMTPSA").split()


def parts(message):
    """The header section and the body."""
    header, _, body = message.partition(b"\n\n")
    return header + b"\n", body


def trace(message):
    """The fields Received, unfolded, from the top."""
    header = re.sub(rb"\n[ \t]+", b" ", parts(message)[0])
    return [line.decode("latin1") for line in header.split(b"\n")
            if re.match(rb"(?i)received *:", line)]


def by_server(t, message):
    """The fields Received that the server has added, from the top."""
    found = [field for field in trace(message) if "by old.example" not in field]
    if not t.check(found, "a field Received of the server", message[:400].decode("latin1")):
        raise Stop
    return found


@assertion(74, "3.3", "DATA without MAIL or without a recipient gets 503 or 554")
def _(t):
    session = t.ready()
    t.need(session.command("DATA"), "503 554")
    t.need(session.mail(), "250")
    t.need(session.command("DATA"), "503 554")
    session.command("RSET")
    t.need(session.mail(), "250")
    if fits(session.rcpt(t.options.no_rcpt or "").code, "2xx"):
        t.skip("no recipient is refused")
    t.need(session.command("DATA"), "503 554")


@assertion(75, "4.3.2", "DATA with an argument gets 501")
def _(t):
    t.want(t.started().command("DATA x"), "501", SHOULD)


@assertion(77, "4.5.2", "dots at the start of lines are taken away once, and .. alone is no end")
def _(t):
    token = t.token()
    session = t.at_data()
    session.send(t.message(token) + b"..one\r\n...two\r\n..\r\nlast\r\n.\r\n")
    t.need(session.reply(), "250")
    yield
    t.check(b".one\n..two\n.\nlast\n" in t.one(token), ".one ..two . last", parts(t.one(token))[1])


BARE = {"LF.LF": b"\n.\n", "LF.CRLF": b"\n.\r\n", "CRLF.LF": b"\r\n.\n", "CR.CR": b"\r.\r",
        "CRLF.CR": b"\r\n.\r", "CRCRLF.CRCRLF": b"\r\r\n.\r\r\n", "CRLF.NUL CRLF": b"\r\n.\0\r\n",
        "CR.CRLF": b"\r.\r\n"}
AT_ONCE = {".LF": b".\n", ".CR": b".\r", "LF.CRLF": b"\n.\r\n", "CR.CRLF": b"\r.\r\n"}


def replies_after(t, octets):
    """The replies to octets that are sent as content, and to QUIT."""
    session = t.at_data()
    session.send(octets + b"\r\nQUIT\r\n")
    return session.rest()[0]


@assertion(79, "4.1.1.4", "nothing but CRLF.CRLF ends a message")
def _(t):
    t.socket_only()
    texts = {name: b"Subject: x\r\n\r\nx" + end for name, end in BARE.items()}
    # The end of DATA stands in front of the content.
    texts.update({"%s at once" % name: end for name, end in AT_ONCE.items()})
    for name, text in texts.items():
        got = replies_after(t, text + b"VRFY postmaster\r\nHELP\r\n.\r\n")
        # Whoever takes `end` for the end replies to VRFY and HELP too.
        ended = len(got) > 3 and fits(got[0].code, "250")
        t.check(not ended, "one message up to CRLF.CRLF", "%s ends it: %s" % (
            name, ", ".join(str(reply.code) for reply in got)))


@assertion(80, "2.3.8", "a message with a bare CR or LF is refused")
def _(t):
    t.socket_only()
    for body in b"one\ntwo\r\n", b"one\rtwo\r\n":
        session = t.at_data()
        session.send(b"Subject: x\r\n\r\n" + body + b".\r\n")
        reply = session.reply()
        t.want(reply, "250 5xx 451")
        t.want(reply, "5xx", CHOICE)


@assertion(81, "2.3.8", "a bare LF does not end a command")
def _(t):
    t.socket_only()
    session = t.ready()
    session.send(b"NOOP\nNOOP\r\nQUIT\r\n")
    got = [reply.code for reply in session.rest()[0]]
    t.check(len(got) <= 2, "one reply to the line, and one to QUIT", got)


@assertion(82, "2.3.8", "no published payload smuggles a second message")
def _(t):
    t.socket_only()
    tokens = []
    for end in BARE.values():
        token = t.token(awaited=False)
        inner = (b"MAIL FROM:<smuggled@client.example>\r\nRCPT TO:<%s>\r\nDATA\r\n"
                 % t.rcpt().encode()) + t.message(token) + b".\r\n"
        got = replies_after(t, b"Subject: outer\r\n\r\nx" + end + inner)
        tokens.append((end, token))
        t.check(sum(reply.code == 354 for reply in got) == 0, "no second 354",
                "%r: %s" % (end, [reply.code for reply in got]))
    yield
    for end, token in tokens:
        for message in t.delivered(token):
            t.check(b"smuggled@" not in (reverse_path(message) or "").encode(), "one message",
                    "%r smuggles one" % end)


@assertion(83, "4.5.3.1.6", "a text line of 1000 octets is taken, and stays as it is")
def _(t):
    token = t.token()
    line = b"0123456789" * 99 + b"01234567"
    t.accepted(t.message(token, line + b"\r\nend\r\n"))
    yield
    t.check(b"\n" + line + b"\nend\n" in t.one(token), "the same line", "another one")


@assertion(84, "4.5.3.1.6", "a longer line is taken as it is, or refused; it is never cut")
def _(t):
    token = t.token(awaited=False)
    line = b"0123456789" * 900
    reply = t.submit(t.message(token, line + b"\r\nend\r\n"))
    t.want(reply, "250 5xx")
    if reply.code == 250:
        t.tokens.append(token)
        yield
        t.check(b"\n" + line + b"\nend\n" in t.one(token), "the same line", "another one", SHOULD)


def too_large(t, token):
    """The reply to a message over the limit."""
    session = t.ready()
    most = most_octets(t, session)
    if not 0 < most <= t.options.largest:
        t.skip("SIZE is %s; --largest is %d" % (most or "not limited", t.options.largest))
    t.started(session=session)
    t.need(session.command("DATA"), "354")
    line = b"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n"
    try:
        reply = session.content(t.message(token, line * (most // (len(line) - 1) + 20)))
    except Closed as error:
        t.fail(MUST, "a reply to a message over the limit", error)
        return None, session
    return reply, session


@assertion(85, "4.5.3.1.9", "a message over the limit is read, and gets 552")
def _(t):
    token = t.token(awaited=False)
    reply, session = too_large(t, token)
    if reply:
        t.want(reply, "552 554")
        t.want(reply, "552", SHOULD)
        t.want(session.command("NOOP"), "250")


@assertion(86, "4.2.5", "a disk that becomes full gives 452 after the dot")
def _(t):
    reply = t.cannot_store("full")
    t.want(reply, "4xx")
    t.want(reply, "452", SHOULD)


@assertion(87, "4.2.5", "a message that got 4xx or 5xx after its dot is never delivered")
def _(t):
    token = t.token(awaited=False)
    reply, _ = too_large(t, token)
    if reply:
        t.want(reply, "4xx 5xx")
    yield
    t.check(not t.delivered(token), "no message", "it is delivered")


@assertion(88, "4.1.1.4", "after a message the transaction is over")
def _(t):
    session = t.at_data()
    t.need(session.content(t.message(t.token())), "250")
    t.want(session.rcpt(t.rcpt()), "503")
    t.want(session.mail(), "250")


@assertion(89, "3.3", "a strange header section is no reason to refuse")
def _(t):
    heads = {"no From": b"Subject: %s\r\n\r\nx\r\n",
             "a Resent field too many": b"Resent-From: a@b.example\r\nResent-From: c@d.example\r\n"
                                        b"Resent-Date: x\r\nSubject: %s\r\n\r\nx\r\n",
             "a Date that is none": b"Date: yesterday\r\nFrom: nobody\r\nSubject: %s\r\n\r\nx\r\n"}
    for name, head in heads.items():
        reply = t.submit(head % t.token().encode())
        t.want(reply, "250", MUST if name.startswith("a Resent") else SHOULD)


@assertion(91, "4.1.1.4", "a message without a line is accepted")
def _(t):
    session = t.at_data()
    session.send(b".\r\n")
    reply = session.reply()
    t.want(reply, "250 5xx")
    t.want(reply, "250", CHOICE)


@assertion(92, "2.4", "eight-bit text without BODY=8BITMIME is accepted as it is, or refused")
def _(t):
    token = t.token(awaited=False)
    text = "gr\u00fc\u00dfe\r\n".encode()
    reply = t.submit(t.message(token, text))
    t.want(reply, "250 5xx")
    t.want(reply, "250", CHOICE)
    if reply.code == 250:
        t.tokens.append(token)
        yield
        t.check(text.strip() in t.one(token), "the same octets", "other ones")


# ---- trace

@assertion(94, "4.4", "Received is put on top: from, by, and a date")
def _(t):
    token = t.token()
    t.accepted(t.message(token))
    yield
    message = t.one(token)
    field = by_server(t, message)[-1]
    t.check(re.search(r"\bfrom +\S*client\.example\b", field), "from client.example", field)
    t.check(re.search(r"\bby +[\w.-]+", field), "by and the server", field)
    t.check(re.search(r"; *(\w{3}, *)?\d{1,2} \w{3} \d{4} \d\d:\d\d", field), "; and a date", field)
    above = parts(message)[0].split(b"\nFrom: ")[0].split(b"\nSubject: ")[0]
    t.check(re.search(rb"(?im)^received:", above), "Received above the other fields", message[:300])


@assertion(95, "4.4", "the for clause of Received has one path at most")
def _(t):
    token = t.token()
    t.accepted(t.message(token), t.rcpt(), "postmaster@" + t.domain())
    yield
    for message in t.delivered(token)[:1]:
        for field in by_server(t, message):
            clause = re.search(r"\bfor +([^;]*)", field)
            t.check(not clause or clause[1].count("@") <= 1, "one path", field)
            t.check(not clause, "none, if there are several recipients", field, CHOICE)


@assertion(96, "4.4", "the date of Received has a numeric zone and a year of four digits")
def _(t):
    token = t.token()
    t.accepted(t.message(token))
    yield
    for field in by_server(t, t.one(token)):
        t.check(re.search(r"\d{1,2} \w{3} \d{4} \d\d:\d\d(:\d\d)? [+-]\d{4}\b", field),
                "such as 28 Nov 2026 12:00:00 +0000", field, SHOULD)


@assertion(97, "RFC 3848", "the with clause of Received is a registered protocol")
def _(t):
    token = t.token()
    t.accepted(t.message(token))
    yield
    field = by_server(t, t.one(token))[-1]
    clause = re.search(r"\bwith +(\S+)", field)
    if clause:
        t.check(clause[1].rstrip(";").upper() in WITH, "ESMTP or its like", field)
    t.check(clause, "a with clause", field, CHOICE)


@assertion(98, "4.4", "the from clause of a session on a pipe is well-formed too")
def _(t):
    if t.options.place.partition(":")[0] not in ("pipe", "inetd"):
        t.skip("the session is not on a pipe: pipe: or inetd:")
    token = t.token()
    t.accepted(t.message(token))
    yield
    field = by_server(t, t.one(token))[-1]
    t.check(re.match(r"(?i)received: *from +[\w.\[\]:-]+ *(\([^()]*(\([^()]*\))?[^()]*\))? *by +"
                     r"[\w.-]+", field), "from NAME (...) by NAME", field)


@assertion(99, "4.4", "a hostile name of EHLO does not change the structure of Received")
def _(t):
    tokens = []
    for name in "x.example)", "x.example;id", '"x', "x(y.example":
        session = t.open()
        reply = session.hello(name)
        if reply.code != 250:
            t.want(reply, "501 5xx")
            continue
        tokens.append((name, t.token()))
        t.accepted(t.message(tokens[-1][1]), session=session)
    yield
    for name, token in tokens:
        field = by_server(t, t.one(token))[-1]
        bare = re.sub(r'"(?:\\.|[^"\\])*"', "", field)
        before = None
        while bare != before:
            before, bare = bare, re.sub(r"\([^()]*\)", "", bare)
        t.check(not re.search(r'[()"]', bare) and bare.count(";") == 1 and "by" in bare.split(),
                "comments and strings that are closed, one ;", "EHLO %s: %s" % (name, field),
                CHOICE)


OLD = b"Received: from %d.example by old.example with SMTP; Sat, 28 Nov 2026 11:00:00 +0000\r\n"


@assertion(100, "4.4", "the fields Received that a message has are kept, in their order")
def _(t):
    token = t.token()
    old = b"".join(OLD % i for i in (3, 1, 2))
    t.accepted(t.message(token, fields=old))
    yield
    got = [field for field in trace(t.one(token)) if "by old.example" in field]
    t.check(got == old.decode().strip().split("\r\n"), "3, 1, 2", got)


@assertion(101, "6.3", "99 fields Received are no loop; 100 are one")
def _(t):
    token = t.token()
    if not t.want(t.submit(t.message(token, fields=b"".join(OLD % i for i in range(98)))),
                  "250", SHOULD):
        return
    reply = t.submit(t.message(t.token(awaited=False),
                               fields=b"".join(OLD % i for i in range(100))))
    t.want(reply, "250 5xx")
    t.want(reply, "554", CHOICE)
    yield
    t.check(t.delivered(token), "a message that is delivered", "none", SHOULD)


@assertion(103, "4.4", "the final delivery puts one Return-Path on top, and removes others")
def _(t):
    token, null = t.token(), t.token()
    t.accepted(t.message(token, fields=b"Return-Path: <old@client.example>\r\n"))
    t.accepted(t.message(null), sender="")
    yield
    for name, path in (token, b"sender@client.example"), (null, b""):
        message = t.one(name)
        found = re.findall(rb"(?im)^return-path: *<([^>\n]*)>", parts(message)[0])
        t.check(found == [path], "one Return-Path: <%s>" % path.decode(), found)


@assertion(167, "RFC 8601 5", "a foreign Authentication-Results with the server's name is removed")
def _(t):
    token = t.token()
    session = t.open()
    name = session.hello().text().split(" ")[0].encode()
    fields = b"Authentication-Results: %s; spf=pass smtp.mailfrom=x\r\n" % name
    t.accepted(t.message(token, fields=fields), session=session)
    yield
    t.check(b"spf=pass smtp.mailfrom=x" not in t.one(token), "a message without that field",
            fields, CHOICE)
