# SPDX-License-Identifier: ISC
"""Assertions about a session as a whole: greeting, replies, lines, its end; and about EHLO."""
import re
import signal
import time

from conform.trial import CHOICE, MUST, SHOULD, Closed, Mute, assertion, fits, unseen

# A domain with a dot, or the literal of an address.
HOST = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z0-9-]+|"
                  r"\[[0-9.]+\]|\[IPv6:[0-9a-f:.]+\]", re.I)


def host_of(text):
    return text.split(" ")[0]


@assertion(1, "4.2", "the greeting begins with 220 and a domain")
def _(t):
    session = t.connect()
    reply = session.reply()
    t.need(reply, "220")
    t.check(HOST.fullmatch(host_of(reply.text())), "a domain after 220", reply)


@assertion(2, "4.1.3", "a host without a name greets with the literal of an address")
def _(t):
    place = t.role("nameless")
    session = t.connect(place)
    for reply in session.reply(), session.hello():
        t.check(host_of(reply.text()).startswith("["), "a literal such as [192.0.2.1]", reply)


@assertion(3, "3.1", "a server that refuses service: 554 or 521, then 503, and 221 to QUIT")
def _(t):
    session = t.connect(t.role("refusing"))
    t.need(session.reply(), "554 521")
    t.each(session, ("EHLO client.example", "MAIL FROM:<a@b.example>", "NOOP"), "503", SHOULD)
    t.want(session.command("QUIT"), "221")


@assertion(7, "4.5.3.1.4", "a command line of 512 octets is read")
def _(t):
    session = t.ready()
    t.want(session.command("NOOP " + "x" * 505), "250")
    t.want(session.command("NOOP"), "250")


@assertion(8, "RFC 3461 5.4", "a line of RCPT of 1036 octets is read, where DSN is offered")
def _(t):
    session = t.ready()
    t.offered(session, "DSN")
    t.need(session.mail(), "250")
    line = "RCPT TO:<%s> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;%s" % (t.rcpt(), "x" * 486)
    t.want(session.command(line), "250")
    t.want(session.command(line + " " * (1034 - len(line))), "250")


@assertion(9, "4.5.3.1.9", "a line that is too long gets one reply, and no part of it is a command")
def _(t):
    session = t.ready()
    session.send(b"NOOP " + b"QUIT " * 20000 + b"\r\nNOOP\r\nVRFY\r\n")
    first = session.reply()
    t.want(first, "500 501 250", SHOULD)
    t.want(session.reply(), "250", SHOULD)
    t.check(not fits(session.reply().code, "221 250"), "the reply to VRFY", session.heard[-1],
            SHOULD)


def unknown(t, line):
    session = t.ready()
    reply = session.command(line)
    t.need(reply, "5xx")
    t.want(reply, "500", SHOULD)
    t.want(session.command("NOOP"), "250")


@assertion(10, "4.2.4", "an unknown command gets 500, and the session goes on")
def _(t):
    unknown(t, "FOO")


@assertion(11, "4.1.5", "an unknown command that begins with X gets 500")
def _(t):
    unknown(t, "XFOO bar")


@assertion(12, "4.2.4", "commands that are known and not implemented get 502")
def _(t):
    session = t.ready()
    t.each(session, ("TURN", "SEND FROM:<a@b.example>"), "500 502", SHOULD)


@assertion(13, "4.1.1", "white space at the end of a line is tolerated")
def _(t):
    session = t.ready()
    t.each(session, ("NOOP ", "RSET \t", "MAIL FROM:<a@b.example> "), "250", SHOULD)


@assertion(14, "2.4", "verbs and keywords have no case")
def _(t):
    session = t.open()
    t.each(session, ("eHlO client.example", "nOoP", "MaIl FrOm:<a@b.example>",
                     "rCpT tO:<%s>" % t.rcpt()), "250")
    t.want(session.command("dAtA"), "354")


@assertion(15, "4.1.1.10", "a connection that ends before the final dot leaves no message")
def _(t):
    token = t.token(awaited=False)
    session = t.at_data()
    session.send(t.message(token))
    session.half_close()
    session.rest()
    if session.process:
        t.check(session.status() is not None, "the end of the server's process", "it goes on")
    yield
    t.check(not t.delivered(token), "no message", "it is delivered")


@assertion(16, "4.1.1.10", "a message that is acknowledged stays, whatever ends the connection")
def _(t):
    token = t.token()
    t.accepted(t.message(token))
    t.close()
    yield
    t.one(token)


@assertion(17, "4.5.3.2.7", "after 5 minutes without a command, not less: 421, and the end")
def _(t):
    if not t.options.slow:
        t.skip("--slow is not given")
    session = t.ready()
    session.limit = t.end = float("inf")
    start = time.monotonic()
    try:
        reply = session.reply(900)
    except Closed:
        reply = None
    except Mute:
        t.fail(CHOICE, "421 after some time", "nothing in 15 minutes")
        return
    idle = time.monotonic() - start
    t.check(idle > 299, "five minutes", "the end after %d seconds" % idle, SHOULD)
    t.check(reply and reply.code == 421, "421", reply or "the connection is closed", SHOULD)


@assertion(18, "3.8", "a server that is told to end replies 421 first")
def _(t):
    session = t.ready()
    if not session.process:
        t.skip("the process is not a child: pipe: or inetd:")
    session.process.send_signal(signal.SIGTERM)
    replies, _ = session.rest()
    t.check(replies and replies[-1].code == 421, "421", replies[-1] if replies else "nothing",
            SHOULD)


@assertion(19, "3.8", "a server that is told to end at the final dot keeps what it acknowledges")
def _(t):
    token = t.token(awaited=False)
    session = t.at_data()
    if not session.process:
        t.skip("the process is not a child: pipe: or inetd:")
    session.send(t.message(token) + b".\r\n")
    session.process.send_signal(signal.SIGTERM)
    replies, _ = session.rest()
    kept = bool(replies) and replies[0].code == 250
    yield
    found = len(t.delivered(token))
    t.check(found == 1 or not kept, "one message, as it had its 250", "%d of them" % found)


@assertion(20, "4.2.5", "a server that cannot store a message never replies 250 to it")
def _(t):
    t.want(t.cannot_store("broken"), "4xx")


@assertion(22, "7.8", "a browser's request gets 5xx, and is no mail")
def _(t):
    session = t.open()
    session.send("GET / HTTP/1.1\r\n")
    t.want(session.reply(), "5xx 421 221")
    try:
        reply = session.command("Host: mail.example.org")
        t.fail(CHOICE, "the end of the session", reply)
    except (Closed, Mute):
        pass


@assertion(23, "7.8", "a client that sends nothing but rubbish gets 421")
def _(t):
    session = t.ready()
    for _ in range(150):
        try:
            reply = session.command("FOO")
        except Closed as error:
            t.fail(CHOICE, "421 after some errors", error)
            return
        if reply.code == 421:
            return
        t.need(reply, "5xx")
    t.fail(CHOICE, "421 after some errors", "150 errors, and %s" % reply)


@assertion(24, "4.5.3.1.7", "a message of 64 KiB is accepted")
def _(t):
    token = t.token()
    body = b"0123456789abcde\r\n" * 3900
    t.accepted(t.message(token, body)[:65536 - 2] + b"\r\n")
    yield
    t.check(t.one(token).count(b"0123456789abcde") > 3800, "the whole message", "a part of it")


# ---- HELO and EHLO

@assertion(25, "4.1.1.1", "EHLO gets 250 with the domain, and one keyword a line")
def _(t):
    session = t.open()
    reply = session.hello()
    t.need(reply, "250")
    t.check(HOST.fullmatch(host_of(reply.text())), "a domain after 250", reply)
    for text in reply.texts()[1:]:
        t.check(re.match(r"[A-Za-z0-9][A-Za-z0-9-]*(?:[ =]|$)", text), "a keyword", text)


@assertion(26, "3.2", "HELO gets one line, 250 and the domain")
def _(t):
    reply = t.open().command("HELO client.example")
    t.need(reply, "250")
    t.check(len(reply.lines) == 1, "one line", reply)
    t.check(HOST.fullmatch(host_of(reply.text())), "a domain after 250", reply, SHOULD)


@assertion(27, "4.1.4", "EHLO without a name gets 501, and changes nothing")
def _(t):
    session = t.started()
    t.want(session.command("EHLO"), "500 501 502 550")
    t.want(session.rcpt(t.rcpt()), "250")


@assertion(28, "4.1.3", "EHLO takes the literal of an address")
def _(t):
    for name in "[192.0.2.7]", "[IPv6:2001:db8::7]":
        t.want(t.open().hello(name), "250")


@assertion(29, "4.1.4", "a name of EHLO that is not the client's is no reason to refuse")
def _(t):
    session = t.open()
    t.need(session.hello("other.example.net"), "250")
    t.want(session.mail(), "250")
    t.want(session.rcpt(t.rcpt()), "250")


@assertion(30, "4.1.2", "EHLO foo_bar gets 501 or, as real clients send it, 250")
def _(t):
    reply = t.open().hello("foo_bar.example")
    t.want(reply, "250 501")
    t.want(reply, "250", CHOICE)
    strict = dict(t.options.roles).get("strict")
    if strict:
        t.want(t.open(strict).hello("foo_bar"), "501")


@assertion(31, "4.1.4", "EHLO within a transaction ends the transaction")
def _(t):
    session = t.started()
    t.need(session.hello(), "250")
    t.want(session.rcpt(t.rcpt()), "503")


@assertion(32, "4.1.4", "MAIL before EHLO gets 503, or begins a transaction all the same")
def _(t):
    session = t.open()
    reply = session.mail()
    t.want(reply, "503 250")
    t.want(reply, "503", CHOICE)
    if reply.code == 250:
        t.want(session.rcpt(t.rcpt()), "250")


@assertion(33, "4.1.4", "NOOP, HELP, VRFY and RSET work before EHLO")
def _(t):
    session = t.open()
    for line in "NOOP", "HELP", "VRFY postmaster", "RSET":
        reply = session.command(line)
        t.check(reply.code != 503, "no 503 to " + line, reply, SHOULD)


@assertion(34, "4.2.4", "no keyword is listed whose command gets 500 or 502")
def _(t):
    session = t.ready()
    lines = {"HELP": "HELP", "EXPN": "EXPN postmaster", "VRFY": "VRFY postmaster",
             "ETRN": "ETRN client.example", "CHUNKING": "BDAT 0 LAST", "AUTH": "AUTH FOO",
             "STARTTLS": "STARTTLS x"}
    for keyword in sorted(set(lines) & set(session.keywords)):
        reply = session.command(lines[keyword])
        t.check(reply.code not in (500, 502), "no 500 or 502 to " + lines[keyword], reply)


@assertion(35, "4.1.1.11", "after HELO there are no parameters: 555")
def _(t):
    session = t.open()
    t.need(session.command("HELO client.example"), "250")
    reply = session.mail(more="SIZE=1")
    t.want(reply, "555 501 503 504 250")
    t.want(reply, "555", CHOICE)


# ---- for all replies of all sessions

def replies(t):
    if len(t.site.heard) < 5:
        session = t.connect()
        session.reply()
        for line in "EHLO client.example", "NOOP", "HELP", "FOO", "RSET", "QUIT":
            session.command(line)
    return t.site.heard


def of_all(t, good, expected, level=MUST):
    """Each reply of the run is good, or the first few that are not are shown."""
    bad = [reply for reply in replies(t) if not good(reply)]
    for reply in bad[:3]:
        t.fail(level, expected, "%s after %s" % (reply, reply.after))
    if len(bad) > 3:
        t.fail(level, expected, "%d replies more" % (len(bad) - 3))


@assertion(4, "4.2", "each reply of this run has three digits, 2xx to 5xx, and ends in CRLF")
def _(t):
    of_all(t, lambda reply: reply.code and all(line.endswith(b"\r\n") for line in reply.lines),
           "a reply")


@assertion(5, "4.2.1", "each line of a reply of this run has the code of the first")
def _(t):
    of_all(t, lambda reply: len({line[:3] for line in reply.lines}) == 1, "one code")


@assertion(6, "4.5.3.1.5", "no line of a reply of this run is longer than 512 octets")
def _(t):
    of_all(t, lambda reply: max(map(len, reply.lines)) <= 512, "lines up to 512 octets")


@assertion(21, "RFC 2034 4", "each line of a reply of this run has an enhanced status code")
def _(t):
    session = t.ready()
    t.offered(session, "ENHANCEDSTATUSCODES")

    def good(reply):
        code = str(reply.code)
        if code[0] not in "245" or re.match(
                r"(?i)(the connection|the start of TLS|EHLO|HELO|LHLO)\b", reply.after):
            return True
        return all(re.match(code[0] + r"\.\d{1,3}\.\d{1,3} ", text + " ")
                   for text in reply.texts())
    of_all(t, good, "a status code such as %s" % "5.5.1")


unseen(76, "6.1", "250 comes after the message is on the disk",
       "a power cut would show it: make power-cut")
