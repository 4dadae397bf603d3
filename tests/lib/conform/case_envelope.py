# SPDX-License-Identifier: ISC
"""Assertions about MAIL and RCPT."""
import re

from conform.trial import CHOICE, MUST, SHOULD, assertion, fits

SYNTAX = "501 500 553 550 555"       # to a path that is none
FOREIGN = "550 551 553 554 454 450 451"


def refuse(t, reply, codes, level=MUST):
    """The reply refuses for good; that it has one of these codes is a SHOULD."""
    if t.want(reply, "5xx", level):
        t.want(reply, codes, SHOULD)


def reverse_path(message):
    """The reverse-path that a final delivery has noted, or None."""
    found = re.search(rb"(?im)^(?:Return-Path|X-MailFrom): *<?([^>\n]*)>?$", message)
    return found[1].decode("latin1") if found else None


@assertion(39, "4.1.1.2", "MAIL with a path gets 250")
def _(t):
    t.want(t.ready().mail("a@b.example"), "250")


@assertion(40, "4.5.5", "MAIL with the null path gets 250")
def _(t):
    session = t.ready()
    t.want(session.mail(""), "250")
    t.want(session.rcpt(t.rcpt()), "250")


def stored_path(t, given, wanted):
    """A message from given is delivered with the reverse-path wanted."""
    token = t.token()
    t.accepted(t.message(token), sender=given)
    yield
    path = reverse_path(t.one(token))
    local, _, domain = (path or "").rpartition("@")
    local = re.sub(r"\\(.)", r"\1", local).replace('"', "")
    t.check(path is not None and local + "@" + domain.lower() == wanted,
            wanted, "the reverse-path is %s" % path)


@assertion(41, "2.4", "the case of the local part is kept")
def _(t):
    yield from stored_path(t, "Smith@B.example", "Smith@b.example")


@assertion(42, "4.1.4", "MAIL within a transaction gets 503, and the transaction stays")
def _(t):
    session = t.started()
    t.want(session.mail("other@b.example"), "503")
    t.want(session.rcpt(t.rcpt()), "250")


@assertion(43, "3.3", "a blank behind MAIL FROM: is tolerated or gets 501")
def _(t):
    reply = t.ready().command("MAIL FROM: <a@b.example>")
    t.want(reply, "250 " + SYNTAX)
    t.want(reply, "250", CHOICE)


@assertion(44, "4.1.2", "a path without brackets is tolerated or gets 501; one bracket gets 501")
def _(t):
    for path in "<a@b.example", "a@b.example>":
        t.want(t.ready().command("MAIL FROM:" + path), SYNTAX, SHOULD)
    reply = t.ready().command("MAIL FROM:a@b.example")
    t.want(reply, "250 " + SYNTAX)
    t.want(reply, "250", CHOICE)


@assertion(45, "4.1.1.3", "a source route is recognized, and only its mailbox counts")
def _(t):
    yield from stored_path(t, "@x.example,@y.example:u@d.example", "u@d.example")


LABEL = "a" * 63 + "."


@assertion(46, "4.5.3.1", "64 octets of a local part, 255 of a domain, 256 of a path are taken")
def _(t):
    session = t.ready()
    domain = (LABEL * 4)[:251 - len(".example")] + ".example"
    long_path = "u" * 64 + "@" + (LABEL * 3)[:189 - len(".example")] + ".example"
    for path in "l" * 64 + "@b.example", "u@" + domain[-252:], long_path:
        t.want(session.mail(path), "250")
        session.command("RSET")
    reply = session.mail("u" * 65 + "@b.example")
    t.want(reply, "250 " + SYNTAX)


@assertion(47, "4.1.2", "quoted local parts are read by their grammar")
def _(t):
    session = t.ready()
    for path in r'"Joe\,Smith"@b.example', '"a@b"@c.example', '"x>y"@c.example', '"a b"@c.example':
        t.want(session.mail(path), "250")
        session.command("RSET")
    yield from stored_path(t, r'"Joe\,Smith"@b.example', "Joe,Smith@b.example")


@assertion(48, "4.1.3", "literals of addresses are taken as domains, if they are well-formed")
def _(t):
    for path, codes in (("u@[192.0.2.1]", "250"), ("u@[IPv6:2001:db8::1]", "250"),
                        ("u@[256.1.1.1]", SYNTAX), ("u@[IPv6:1::2::3]", SYNTAX)):
        t.want(t.ready().mail(path), codes, SHOULD)


@assertion(49, "4.1.2", "a control character or NUL in a path gets 501")
def _(t):
    for path in b"a\x01b@c.example", b"a\x00b@c.example", b"a@c\x7f.example":
        t.want(t.ready().command(b"MAIL FROM:<" + path + b">"), SYNTAX, SHOULD)


@assertion(50, "RFC 6531 3.5", "an octet above 127 in a path needs SMTPUTF8")
def _(t):
    session = t.ready()
    reply = session.command("MAIL FROM:<gr\u00fc\u00dfe@b.example>".encode())
    t.want(reply, SYNTAX, SHOULD)
    session.command("RSET")
    t.need(session.mail(), "250")
    t.want(session.command(("RCPT TO:<gr\u00fc\u00dfe@%s>" % t.domain()).encode()), SYNTAX, SHOULD)


@assertion(51, "4.1.4", "a MAIL that is refused begins no transaction")
def _(t):
    session = t.ready()
    t.want(session.command("MAIL FROM:<bad"), SYNTAX)
    t.want(session.rcpt(t.rcpt()), "503")


@assertion(52, "4.1.1.11", "an unknown parameter gets 555")
def _(t):
    refuse(t, t.ready().mail(more="FOO=1"), "555")
    session = t.ready()
    t.need(session.mail(), "250")
    refuse(t, session.rcpt(t.rcpt(), "FOO=1"), "555")


def most_octets(t, session):
    size = t.offered(session, "SIZE")
    return int(size) if size.isdigit() else 0


@assertion(53, "RFC 1870 6.1", "SIZE above the limit gets 552; SIZE that is no number gets 501")
def _(t):
    session = t.ready()
    most = most_octets(t, session)
    if most:
        t.want(session.mail(more="SIZE=%d" % (most + 1)), "552")
        session.command("RSET")
        t.want(session.mail(more="SIZE=%d" % (most // 2)), "250 452")
        session.command("RSET")
    for more in "SIZE=x", "SIZE=1 SIZE=1":
        refuse(t, t.ready().mail(more=more), "501 555 552 500", SHOULD)


@assertion(54, "RFC 1870 6", "a message larger than its SIZE, below the limit, is accepted")
def _(t):
    session = t.ready()
    t.offered(session, "SIZE")
    token = t.token()
    t.accepted(t.message(token, b"more than that\r\n" * 90), session=session, mail="SIZE=100")
    yield
    t.check(t.one(token).count(b"more than") == 90, "the whole message", "a part of it")


@assertion(55, "RFC 6152 2", "BODY=7BIT and BODY=8BITMIME get 250, BODY=X 501")
def _(t):
    session = t.ready()
    t.offered(session, "8BITMIME")
    for value in "7BIT", "8BITMIME":
        t.want(session.mail(more="BODY=" + value), "250")
        session.command("RSET")
    refuse(t, session.mail(more="BODY=X"), "501 504 555")


@assertion(56, "RFC 3461 4.5", "RET and ENVID that are wrong, or there twice, get 501")
def _(t):
    session = t.ready()
    t.offered(session, "DSN")
    for more in "RET=FULL RET=HDRS", "ENVID=a ENVID=b", "RET=X", "ENVID=+ZZ", "ENVID=a=b":
        refuse(t, t.ready().mail(more=more), "501 504 555")


@assertion(57, "RFC 3461 5.1", "RET and ENVID that are right change no reply")
def _(t):
    session = t.ready()
    t.offered(session, "DSN")
    for more in "RET=FULL", "RET=HDRS ENVID=QQ314159", "ENVID=a+2Bb", "ret=full envid=x":
        t.want(session.mail(more=more), "250")
        session.command("RSET")


@assertion(58, "RFC 6531 3.4", "SMTPUTF8 has no value, and lengthens the line of MAIL")
def _(t):
    session = t.ready()
    t.offered(session, "SMTPUTF8")
    t.want(session.mail(more="SMTPUTF8=1"), "501 555")
    session.command("RSET")
    t.want(session.command("MAIL FROM:<gr\u00fc\u00dfe@b.example> SMTPUTF8"), "250")
    session.command("RSET")
    more = "SMTPUTF8" + (" SIZE=1" if "SIZE" in session.keywords else "")
    line = "MAIL FROM:<%s> %s" % ("u" * 64 + "@b.example", more)
    t.want(session.command(line + " " * (512 + 10 - 2 - len(line))), "250", SHOULD)


# ---- RCPT

@assertion(59, "3.3", "RCPT before MAIL gets 503")
def _(t):
    t.want(t.ready().rcpt(t.rcpt()), "503")


@assertion(60, "4.5.1", "the recipient Postmaster, without a domain, is taken in any case")
def _(t):
    session = t.started()
    for name in "Postmaster", "postmaster", "POSTMASTER":
        t.want(session.rcpt(name), "250 251")


@assertion(61, "4.5.1", "the postmaster of a domain that is served is taken in any case")
def _(t):
    session = t.started()
    t.want(session.rcpt("pOsTmAsTeR@" + t.domain()), "250 251")


@assertion(62, "4.1.2", "RCPT with the null path is refused")
def _(t):
    session = t.started()
    t.want(session.rcpt(""), SYNTAX)


@assertion(63, "4.1.1.3", "a source route to a recipient counts as its mailbox alone")
def _(t):
    session = t.started()
    t.want(session.rcpt("@hosta.example,@hostb.example:" + t.rcpt()), "250 251", SHOULD)
    if t.options.foreign:
        reply = session.rcpt("@%s:%s" % (t.domain(), t.options.foreign))
        t.want(reply, FOREIGN + " " + SYNTAX)


@assertion(64, "3.6.1", "%, ! and a quoted @ in a local part relay nothing")
def _(t):
    domain = t.option("foreign").rpartition("@")[2]
    t.option("no-rcpt")
    session = t.started()
    for local in "user%" + domain, '"user@%s"' % domain, domain + "!user":
        t.want(session.rcpt("%s@%s" % (local, t.domain())), "5xx")


@assertion(65, "3.6.2", "a recipient elsewhere is refused with 550 to those who may not relay")
def _(t):
    session = t.started()
    reply = session.rcpt(t.option("foreign"))
    t.want(reply, FOREIGN)
    t.want(reply, "550", SHOULD)


@assertion(66, "3.3", "an unknown user gets 550")
def _(t):
    session = t.started()
    reply = session.rcpt(t.option("no-rcpt"))
    t.want(reply, "5xx")
    t.want(reply, "550", SHOULD)


@assertion(67, "3.3", "a recipient that is refused does not end the transaction")
def _(t):
    session = t.ready()
    t.need(session.mail(), "250")
    if fits(session.rcpt(t.options.no_rcpt or "").code, "2xx"):
        t.skip("no recipient is refused")
    t.need(session.rcpt(t.rcpt()), "250")
    t.want(session.command("DATA"), "354")


@assertion(68, "4.5.3.1.8", "100 recipients are taken")
def _(t):
    session = t.started()
    for _ in range(99):
        if not t.want(session.rcpt(t.rcpt()), "250"):
            break


@assertion(69, "4.5.3.1.10", "a recipient over the limit gets 452, and the earlier ones stay")
def _(t):
    session = t.started()
    session.send(b"RCPT TO:<%s>\r\n" % t.rcpt().encode() * 1500)
    codes = []
    for _ in range(1500):
        codes.append(session.reply().code)
    over = [code for code in codes if code != 250]
    if over:
        t.check(set(over) == {452}, "452 after %d recipients" % codes.index(over[0]),
                sorted(set(over)))
    t.want(session.command("DATA"), "354")


@assertion(70, "3.3", "the same recipient twice gets 250 twice, and the message once")
def _(t):
    token = t.token()
    t.accepted(t.message(token), t.rcpt(), t.rcpt())
    yield
    found = len(t.delivered(token))
    t.check(found, "a message", "none")
    t.check(found < 2, "one message", "%d of them" % found, CHOICE)


@assertion(71, "RFC 3461 4.1", "NOTIFY and ORCPT that are wrong get 501; their case is free")
def _(t):
    session = t.started()
    t.offered(session, "DSN")
    for more in ("NOTIFY=NEVER,FAILURE", "NOTIFY=", "NOTIFY=NEVER NOTIFY=NEVER", "NOTIFY=X",
                 "ORCPT=rfc822;a+ZZ"):
        refuse(t, t.started().rcpt(t.rcpt(), more), "501 504 555")
    t.want(session.rcpt(t.rcpt(), "notify=success,Failure"), "250")


@assertion(72, "RFC 3461 5.4", "100 octets of ENVID and 500 of ORCPT are taken")
def _(t):
    session = t.ready()
    t.offered(session, "DSN")
    t.want(session.mail(more="RET=HDRS ENVID=" + "e" * 100), "250")
    t.want(session.rcpt(t.rcpt(), "NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;" + "o" * 493), "250")


@assertion(73, "RFC 7505 4", "a domain with a null MX is refused: 550 to MAIL, 556 to RCPT")
def _(t):
    domain = t.option("null-mx")
    session = t.ready()
    reply = session.mail("a@" + domain)
    t.want(reply, "250 550", MUST)
    t.want(reply, "550", CHOICE)
    if not fits(reply.code, "250"):
        t.need(session.mail(), "250")
    t.want(session.rcpt("a@" + domain), "5xx")
