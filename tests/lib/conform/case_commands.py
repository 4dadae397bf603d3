# SPDX-License-Identifier: ISC
"""Assertions about the other commands, PIPELINING, CHUNKING, TLS, AUTH and LMTP."""
import base64
import re
import ssl
import time

from conform.case_envelope import refuse
from conform.case_session import HOST, host_of
from conform.trial import CHOICE, MUST, SHOULD, Closed, Mute, assertion, fits, shown


@assertion(105, "4.1.1.5", "RSET empties the transaction, and works before EHLO too")
def _(t):
    session = t.open()
    t.want(session.command("RSET"), "250")
    t.need(session.hello(), "250")
    t.started(session=session)
    t.want(session.command("RSET"), "250")
    t.want(session.rcpt(t.rcpt()), "503")
    t.want(session.mail(), "250")
    t.want(session.command("RSET x"), "501", SHOULD)


@assertion(106, "4.1.1.9", "NOOP, with an argument too, gets 250")
def _(t):
    session = t.ready()
    t.each(session, ("NOOP", "NOOP anything"), "250")


@assertion(107, "4.1.1.10", "QUIT gets 221, and ends the connection and the transaction")
def _(t):
    session = t.started()
    t.want(session.command("QUIT x"), "501", SHOULD)
    try:
        reply = session.command("QUIT")
    except Closed:
        return                  # QUIT x has ended it, and is a failure already
    t.want(reply, "221")
    text = re.sub(r"^2\.\d+\.\d+ ", "", reply.text())
    t.check(HOST.fullmatch(host_of(text)), "221 and the domain", reply, CHOICE)
    t.check(session.closes(), "the end of the connection", "it stays open")


@assertion(108, "3.5.3", "VRFY is known, and 250 is no guess")
def _(t):
    session = t.ready()
    reply = session.command("VRFY %s" % t.rcpt())
    t.want(reply, "250 251 252 550 553 502")
    t.want(reply, "250 251 252 550 553", SHOULD)
    if t.options.no_rcpt:
        t.want(session.command("VRFY %s" % t.options.no_rcpt), "252 502 550 551 553 500")


@assertion(109, "3.5.1", "250 to VRFY has the mailbox; VRFY without an argument gets 501")
def _(t):
    session = t.ready()
    reply = session.command("VRFY %s" % t.rcpt())
    if reply.code == 250:
        t.check("@" in reply.text(), "an address with a domain", reply)
    t.want(session.command("VRFY"), "501 500 502 504", SHOULD)


@assertion(110, "3.5.2", "EXPN that is implemented is listed in EHLO, and else gets 502")
def _(t):
    session = t.ready()
    reply = session.command("EXPN postmaster")
    if "EXPN" in session.keywords:
        t.want(reply, "250 252 550 553 504")
    else:
        t.want(reply, "5xx 252")
        t.want(reply, "502 550", SHOULD)


@assertion(111, "4.1.1.8", "HELP gets 214, with an argument too")
def _(t):
    session = t.ready()
    for line in "HELP", "HELP MAIL":
        reply = session.command(line)
        t.want(reply, "211 214", SHOULD)


@assertion(112, "4.1.1.6", "VRFY, EXPN, HELP and NOOP leave the transaction as it is")
def _(t):
    session = t.started()
    for line in "VRFY postmaster", "EXPN postmaster", "HELP", "NOOP":
        session.command(line)
    t.want(session.rcpt(t.rcpt()), "250")
    t.want(session.command("DATA"), "354")


# ---- PIPELINING

def group(t, session, lines, codes):
    session.send("".join(line + "\r\n" for line in lines))
    for line, code in zip(lines, codes):
        session.after = line + " in a group"
        t.want(session.reply(), code)


@assertion(113, "RFC 2920 3.2", "a group of commands gets its replies in their order")
def _(t):
    session = t.ready()
    t.offered(session, "PIPELINING")
    rcpt = "RCPT TO:<%s>" % t.rcpt()
    group(t, session, ["MAIL FROM:<a@b.example>", rcpt, "RCPT TO:<>", rcpt, "DATA"],
          ["250", "250", "5xx", "250", "354"])


@assertion(114, "RFC 2920 3.2", "replies come at once if the client waits for them")
def _(t):
    session = t.open()
    for line, codes in (("EHLO client.example", "250"), ("NOOP", "250"), ("VRFY x", "xxx"),
                        ("EXPN x", "xxx"), ("FOO", "5xx"), ("MAIL FROM:<a@b.example>", "250"),
                        ("RCPT TO:<%s>" % t.rcpt(), "250"), ("DATA", "354"),
                        ("Subject: x\r\n\r\nx\r\n.", "250"), ("RSET", "250"), ("QUIT", "221")):
        start = time.monotonic()
        t.want(session.command(line), codes)
        took = time.monotonic() - start
        t.check(took < 5, "a reply at once", "%.1f s after %s" % (took, shown(line)), SHOULD)


@assertion(115, "RFC 2920 3.2", "the replies to a group leave in one write")
def _(t):
    session = t.ready()
    t.offered(session, "PIPELINING")
    session.reads.clear()
    session.send("MAIL FROM:<a@b.example>\r\nRCPT TO:<%s>\r\nRSET\r\n" % t.rcpt())
    for _ in range(3):
        session.reply()
    t.check(len(session.reads) == 1, "one read with three replies",
            [shown(octets) for octets in session.reads], SHOULD)


@assertion(116, "RFC 2920 3.2", "no command of a long group is lost")
def _(t):
    session = t.ready()
    t.offered(session, "PIPELINING")
    session.send("MAIL FROM:<a@b.example>\r\n" + "RCPT TO:<%s>\r\n" % t.rcpt() * 90
                 + "BAD\r\n")
    codes = [session.reply().code for _ in range(92)]
    t.check(codes[:91] == [250] * 91 and fits(codes[91], "5xx"), "91 times 250, then 5xx",
            [code for code in codes if code != 250])


def whole_session(t, token):
    return (b"EHLO client.example\r\nMAIL FROM:<sender@client.example>\r\nRCPT TO:<%s>\r\nDATA\r\n"
            % t.rcpt().encode() + t.message(token) + b".\r\nQUIT\r\n")


@assertion(117, "RFC 2920 3.1", "a session that is sent as a whole gets the same replies")
def _(t):
    token = t.token()
    session = t.open()
    session.send(whole_session(t, token))
    session.half_close()
    codes = [reply.code for reply in session.rest()[0]]
    t.check(codes == [250, 250, 250, 354, 250, 221], "250 250 250 354 250 221", codes, CHOICE)
    if codes != [250, 250, 250, 354, 250, 221]:
        t.tokens.clear()
    yield


@assertion(118, "4.3.1", "a client that does not wait for the greeting gets replies, or is refused")
def _(t):
    session = t.connect()
    session.send(b"EHLO client.example\r\n")
    reply = session.reply()
    t.want(reply, "220 554 421 5xx")
    if reply.code == 220:
        t.want(session.reply(), "250 5xx 421")


@assertion(119, "RFC 2920 3.1", "the lines behind a DATA that is refused are no message")
def _(t):
    token = t.token(awaited=False)
    session = t.ready()
    t.offered(session, "PIPELINING")
    session.send(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<>\r\nDATA\r\n" + t.message(token)
                 + b".\r\nQUIT\r\n")
    replies, _ = session.rest()
    t.check(len(replies) > 2, "replies to three commands", [reply.code for reply in replies])
    t.check(all(reply.code != 354 for reply in replies), "no 354",
            [reply.code for reply in replies])
    yield
    t.check(not t.delivered(token), "no message", "it is delivered")


# ---- CHUNKING

def chunking(t):
    session = t.ready()
    t.offered(session, "CHUNKING")
    return session


@assertion(122, "RFC 3030 2", "BDAT takes octets as they are, dots too; BDAT 0 LAST ends them")
def _(t):
    token = t.token()
    session = t.started(session=chunking(t))
    octets = t.message(token, b"one\r\n.\r\n..two\r\n")
    # The borders are where a server that reads lines errs: in CRLF, and around the dot.
    marks = [0, 40, octets.index(b"\n.\r"), octets.index(b".\r"), octets.index(b"\r\n..t"),
             octets.index(b"\n..t"), octets.index(b".two"), len(octets)]
    for start, end in zip(marks, marks[1:]):
        session.send(b"BDAT %d\r\n" % (end - start) + octets[start:end])
        t.need(session.reply(), "250")
    t.need(session.command("bdat 000 last"), "250")
    yield
    t.check(b"one\n.\n..two\n" in t.one(token), "one . ..two", t.one(token)[-60:])


@assertion(123, "RFC 3030 2", "the octets of a BDAT that is refused are no commands")
def _(t):
    session = chunking(t)
    session.send(b"BDAT 6\r\nNOOP\r\nBDAT 6 LAST\r\nNOOP\r\n")
    for _ in range(2):
        refuse(t, session.reply(), "503 554")
    t.want(session.command("HELP"), "2xx 5xx")
    session.send("MAIL FROM:<a@b.example>\r\n")
    t.want(session.reply(), "250")


@assertion(124, "RFC 3030 2", "after BDAT there is no DATA, and RSET drops the chunks")
def _(t):
    session = t.started(session=chunking(t))
    session.send(b"BDAT 4\r\nabcd")
    t.need(session.reply(), "250")
    t.want(session.command("DATA"), "503")
    t.want(session.command("RSET"), "250")
    t.want(session.rcpt(t.rcpt()), "503")
    token = t.token()
    octets = t.message(token)
    t.started(session=session)
    session.send(b"BDAT %d LAST\r\n" % len(octets) + octets)
    t.need(session.reply(), "250")
    session.send(b"BDAT 6 LAST\r\nNOOP\r\n")
    refuse(t, session.reply(), "503 554")
    yield
    t.check(b"abcd" not in t.one(token), "a message without the dropped chunk", "abcd is in it")


@assertion(125, "RFC 3030 3", "a binary message needs BDAT: DATA gets 503")
def _(t):
    session = chunking(t)
    t.offered(session, "BINARYMIME")
    t.started(session=session, mail="BODY=BINARYMIME")
    t.want(session.command("DATA"), "503")


@assertion(126, "RFC 3030 2", "BDAT with a size that is none gets 501")
def _(t):
    for size in "-1", "x", "99999999999999999999999":
        session = t.started(session=chunking(t))
        reply = session.command("BDAT " + size)
        t.want(reply, "5xx 421")
        t.want(reply, "501", CHOICE)


# ---- TLS

def secured(t, **more):
    """A session after STARTTLS, before its EHLO."""
    session = t.ready(**more)
    t.offered(session, "STARTTLS")
    t.need(session.command("STARTTLS"), "220")
    session.start_tls()
    return session


@assertion(127, "RFC 3207 4", "STARTTLS: 501 with an argument, 220 without, and only once")
def _(t):
    session = t.ready()
    t.offered(session, "STARTTLS")
    t.want(session.command("STARTTLS x"), "501", SHOULD)
    t.need(session.command("STARTTLS"), "220")
    session.start_tls()
    t.need(session.hello(), "250")
    t.check("STARTTLS" not in session.keywords, "no STARTTLS inside TLS", "it is offered")
    t.want(session.command("STARTTLS"), "503 5xx")


@assertion(128, "RFC 3207 4.2", "STARTTLS ends the transaction, and drops what came behind it")
def _(t):
    session = t.ready()
    t.offered(session, "STARTTLS")
    t.started(session=session)
    t.need(session.command("STARTTLS"), "220")
    session.start_tls()
    t.want(session.rcpt(t.rcpt()), "503")
    session = t.ready()
    session.send(b"STARTTLS\r\nFOO smuggled\r\n")
    reply = session.reply()
    if reply.code != 220:
        return
    try:
        session.start_tls()
        reply = session.hello()
    except (Closed, Mute, ssl.SSLError):
        return                  # it ends such a session
    t.want(reply, "250")


@assertion(129, "RFC 3207 4", "a public server does not demand TLS; a submission server may")
def _(t):
    session = t.ready()
    t.check(session.mail().code != 530, "no 530", session.heard[-1])
    if "submission" in dict(t.options.roles):
        session = t.ready(t.role("submission"))
        t.want(session.mail(), "530")
        t.want(session.command("NOOP"), "250")


@assertion(130, "RFC 8996 5", "TLS 1.0 and 1.1 are refused")
def _(t):
    for version in ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1:
        session = t.ready()
        t.offered(session, "STARTTLS")
        t.need(session.command("STARTTLS"), "220")
        try:
            session.start_tls(version)
            t.fail(MUST, "no handshake", "one with " + session.tls.version())
        except (ssl.SSLError, Closed):
            pass


@assertion(131, "RFC 8314 3", "AUTH is not offered in the clear; TLS from the first octet works")
def _(t):
    session = t.ready()
    t.check("AUTH" not in session.keywords, "no AUTH in the clear", "AUTH is offered", SHOULD)
    place = dict(t.options.roles).get("implicit")
    if place:
        session = t.connect(place)
        session.start_tls()
        t.need(session.reply(), "220")
        t.need(session.hello(), "250")


def b64(text):
    return base64.b64encode(text.encode()).decode()


def may_login(t):
    """A session in which AUTH PLAIN is offered."""
    t.option("user")
    place = dict(t.options.roles).get("submission")
    session = t.ready(place)
    if "STARTTLS" in session.keywords:
        t.need(session.command("STARTTLS"), "220")
        session.start_tls()
        t.need(session.hello(), "250")
    if "PLAIN" not in t.offered(session, "AUTH").split():
        t.skip("AUTH PLAIN is not offered")
    return session


@assertion(132, "RFC 4954 4", "AUTH: 235, 535, 501, 504 and 503, each in its place")
def _(t):
    session = may_login(t)
    good = b64("\0%s\0%s" % (t.options.user, t.options.password))
    t.want(session.command("AUTH FOO"), "504")
    t.want(session.command("AUTH PLAIN"), "334")
    t.want(session.command("*"), "501")
    t.want(session.command("AUTH PLAIN ====="), "501 535")
    t.want(session.command("AUTH PLAIN " + b64("\0%s\0wrong" % t.options.user)), "535")
    session = may_login(t)
    t.need(session.command("AUTH PLAIN " + good), "235")
    t.want(session.command("AUTH PLAIN " + good), "503")
    session = may_login(t)
    if session.mail().code == 250:
        t.want(session.command("AUTH PLAIN " + good), "503")


# ---- other extensions

@assertion(150, "RFC 9422 3", "LIMITS has names and values, and RCPTMAX is 100 at least")
def _(t):
    session = t.ready()
    limits = t.offered(session, "LIMITS")
    for word in limits.split():
        t.check(re.fullmatch(r"[A-Z0-9-]+(=[^\s;]+)?", word), "NAME=VALUE", word)
    most = re.search(r"\bRCPTMAX=(\d+)", limits)
    t.check(not most or int(most[1]) >= 100, "RCPTMAX=100 or more", limits)


@assertion(159, "RFC 8689 2", "REQUIRETLS is offered inside TLS only")
def _(t):
    session = t.ready()
    t.check("REQUIRETLS" not in session.keywords, "no REQUIRETLS in the clear", "it is offered")


@assertion(166, "RFC 2033 4.2", "LMTP: LHLO only, and one reply for each recipient")
def _(t):
    session = t.open(t.role("lmtp"))
    t.want(session.command("EHLO client.example"), "5xx")
    t.need(session.command("LHLO client.example"), "250")
    for line, codes in (("MAIL FROM:<a@b.example>", "250"), ("RCPT TO:<%s>" % t.rcpt(), "250"),
                        ("RCPT TO:<>", "5xx"), ("RCPT TO:<postmaster@%s>" % t.domain(), "250"),
                        ("DATA", "354")):
        t.need(session.command(line), codes)
    t.want(session.content(t.message("lmtp")), "250")
    t.want(session.reply(), "250")
    t.want(session.command("NOOP"), "250")
