# SPDX-License-Identifier: ISC
"""Assertions about a sender's session: greeting, commands, replies of every kind, time-outs."""
import re

from conform.errand import SHOULD, sends
from conform.trial import CHOICE, MUST, unseen
from conform.world import CLOSE, MUTE

HOST = re.compile(r"(?:EHLO|HELO) (?:(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.)+[A-Za-z0-9-]+|"
                  r"\[[0-9.]+\]|\[IPv6:[0-9a-fA-F:.]+\])")


@sends(36, "3.2", "EHLO that gets 500 is followed by HELO, and no parameter")
def _(t):
    there = t.only(EHLO="500 5.5.1 what?")
    t.send()
    yield t.arrived(there)
    got = t.got(there)[0]
    t.check(got.visit.hello.upper().startswith("HELO "), "HELO", got.visit.hello)
    t.check(got.mail.endswith(">"), "no parameter", got.mail)


@sends(37, "4.1.1.3", "no parameter is sent whose extension is not offered")
def _(t):
    there = t.only(keywords=())
    t.send(need=["DSN"], mail="RET=HDRS ENVID=x", rcpt="NOTIFY=FAILURE")
    yield t.arrived(there)
    got = t.got(there)[0]
    for line in got.mail, *got.rcpts:
        t.check(line.endswith(">"), "no parameter", line)


@sends(38, "4.1.1.1", "EHLO has a domain with a dot, or the literal of an address")
def _(t):
    there = t.only()
    t.send()
    yield t.arrived(there)
    t.check(HOST.fullmatch(t.got(there)[0].visit.hello), "a name", there.visits[0].hello)


def heard_right(number, section, text, level=MUST, **plan):
    """An assertion that such replies do not keep the mail from being delivered, once."""
    @sends(number, section, text)
    def _(t):
        there = t.only(**plan)
        t.send()
        yield t.arrived(there)
        t.check(len(there.messages) == 1, "one message", "%d; seen: %s" % (
            len(there.messages), there.lines()), level)
        yield t.later(0.2)
        t.check(len(there.offered) <= 1 and not t.notices(), "one attempt, and no notice",
                "%d attempts, %d notices" % (len(there.offered), len(t.notices())), level)


LINES = "-first\r\n%s-\r\n%s last\r\n"


def lines(code):
    return (code + LINES % (code, code)).encode()


heard_right(142, "4.2", "the first digit of an unknown code counts", MAIL="259 2.0.0 ok",
            RCPT="257 2.0.0 ok", dot="283 2.0.0 ok")
heard_right(215, "4.2", "replies without a text are replies", MAIL=b"250\r\n", RCPT=b"250 \r\n",
            DATA=b"354\r\n", dot=b"250\r\n")
heard_right(216, "4.2.1", "every reply may have several lines", connect=lines("220"),
            MAIL=lines("250"), RCPT=lines("250"), DATA=lines("354"), dot=lines("250"))
heard_right(217, "4.2", "a reply may come octet by octet", pieces=3)
heard_right(218, "4.2", "replies that end in LF alone are understood", CHOICE,
            connect=b"220 mx.example ESMTP\n", EHLO=b"250-mx.example\n250 PIPELINING\n",
            MAIL=b"250 ok\n", RCPT=b"250 ok\n", DATA=b"354 go\n", dot=b"250 ok\n")
heard_right(219, "4.5.3.1.5", "replies longer than 512 octets are understood", CHOICE,
            connect="220 mx.example " + "x" * 900, MAIL="250 2.1.0 " + "y" * 1900,
            RCPT=("250-2.1.5 " + "z" * 600 + "\r\n250 2.1.5 ok"), dot="250 2.0.0 " + "q" * 900)
heard_right(220, "4.2", "a greeting without a host is one", CHOICE, connect=b"220\r\n",
            EHLO=b"250-\r\n250 SIZE\r\n")
heard_right(291, "4.2", "a text that follows the code without a blank is one", CHOICE,
            MAIL=b"250Ok\r\n", RCPT=b"250ok\r\n", DATA=b"354go on\r\n", dot=b"250Ok\r\n")
heard_right(292, "4.2.1", "the last line has the code, if those before it have others", CHOICE,
            MAIL=b"250-first\r\n259 last\r\n", RCPT=b"251-first\r\n250 last\r\n")
heard_right(293, "RFC 1870 6", "SIZE with 0, or without a number, is no limit",
            keywords=("SIZE 0", "AUTH=LOGIN", "8BITMIME"))
heard_right(222, "4.1.1.1", "a keyword that nobody knows, and a line that is none, do no harm",
            keywords=("XFOO bar=baz", "", "X-1 2 3", "SIZE", "=x", "LIMITS ,;", "PIPELINING"))
heard_right(223, "4.2.1", "a reply of 50 lines is read", SHOULD,
            MAIL="".join("250-2.1.0 line %d\r\n" % i for i in range(49)) + "250 2.1.0 ok")


def waits(number, section, text, level=MUST, patience=False, **plan):
    """An assertion that mail waits after such a first attempt."""
    @sends(number, section, text)
    def _(t):
        if patience and not t.options.patience:
            t.skip("--patience is not given")
        there = t.only(**plan)
        t.send()
        yield from t.waits(there, level)


waits(296, "3.8", "a 421 that comes before a command: the mail waits",
      EHLO=[b"250 mx.example\r\n421 4.3.2 bye\r\n", None])
waits(224, "4.2.1", "a greeting of 4xx: the mail waits", connect=["421 4.3.2 not now", None])
waits(225, "4.2.1", "4xx to EHLO and HELO: the mail waits", EHLO=["451 4.3.0 later", None],
      HELO=["451 4.3.0 later", None])
waits(226, "4.2.1", "4xx to MAIL: the mail waits", MAIL=["451 4.3.0 later", None])
waits(227, "4.2.1", "4xx to RCPT: the mail waits", RCPT=["450 4.2.1 later", None])
waits(228, "4.2.1", "4xx to DATA: the mail waits", DATA=["451 4.3.0 later", None])
waits(229, "4.2.1", "4xx after the final dot: the mail waits", dot=["452 4.3.1 later", None])
waits(230, "3.8", "421 to MAIL, and the end: the mail waits", MAIL=["421 4.3.2 bye", None])
waits(231, "3.8", "421 to RCPT, and the end: the mail waits", RCPT=["421 4.3.2 bye", None])
waits(232, "3.8", "421 to DATA, and the end: the mail waits", DATA=["421 4.3.2 bye", None])
waits(233, "3.8", "421 after the final dot, and the end: the mail waits",
      dot=["421 4.3.2 bye", None])
waits(143, "3.8", "a connection that is lost before the greeting: the mail waits",
      connect=[CLOSE, None])
waits(234, "3.8", "a connection that is lost in EHLO: the mail waits", EHLO=[CLOSE, None],
      HELO=[CLOSE, None])
waits(235, "3.8", "a connection that is lost in MAIL: the mail waits", MAIL=[CLOSE, None])
waits(236, "3.8", "a connection that is lost in RCPT: the mail waits", RCPT=[CLOSE, None])
waits(237, "3.8", "a connection that is lost in DATA: the mail waits", DATA=[CLOSE, None])
waits(238, "3.8", "a connection that is lost in the content: the mail waits",
      content=[CLOSE, None])
waits(239, "3.8", "a connection that is lost after the final dot: the mail waits",
      dot=[CLOSE, None])
# Such a reply is an error (RFC 5321 section 4.2); nothing says of which kind.
waits(240, "4.2", "a reply that is none is no success: the mail waits, or is returned", CHOICE,
      MAIL=[b"nonsense\r\n", None])
waits(241, "4.2", "a reply of 1xx or 6xx is no success: the mail waits, or is returned", CHOICE,
      MAIL=["120 ok", "650 ok", None])
waits(243, "4.2.1", "a 354 after the final dot is no success: the mail waits, or is returned",
      CHOICE, dot=["354 go on", None])
waits(139, "4.5.3.2.1", "a greeting that does not come: the mail waits", patience=True,
      connect=[MUTE, None])
waits(244, "4.5.3.2.2", "a reply to MAIL that does not come: the mail waits", patience=True,
      MAIL=[MUTE, None])
waits(245, "4.5.3.2.6", "a reply to the final dot that does not come: the mail waits",
      patience=True, dot=[MUTE, None])


@sends(242, "3.3", "DATA that gets 250: the content is not sent; the mail waits, or is returned")
def _(t):
    there = t.only(DATA=["250 2.0.0 ok", None])
    t.send()
    yield from t.waits(there, CHOICE)
    t.check("Hello." not in there.lines(), "no content", there.lines())


def fails(number, section, text, level=MUST, **plan):
    """An assertion that mail is returned after such a reply."""
    @sends(number, section, text)
    def _(t):
        there = t.only(**plan)
        t.send()
        yield from t.fails(there, level=level)
        t.check(len(there.visits) == 1, "one connection", "%d of them" % len(there.visits), SHOULD)


fails(144, "RFC 7504 3", "a greeting of 521: the mail is returned", SHOULD,
      connect="521 5.3.2 no mail here")
fails(246, "4.2.1", "5xx to MAIL: the mail is returned", MAIL="550 5.7.1 no")
fails(247, "4.2.1", "5xx to RCPT: the mail is returned", RCPT="550 5.1.1 no")
fails(248, "4.2.1", "5xx to DATA: the mail is returned", DATA="554 5.7.1 no")
fails(249, "4.2.1", "5xx after the final dot: the mail is returned", dot="554 5.7.1 no")


@sends(297, "4.2.1", "5xx in the middle of the content: the mail is returned, or waits")
def _(t):
    there = t.only(content="552 5.3.4 too large")
    t.send(content=t.message(t.token(), b"0123456789 abcdefghi\r\n" * 40000))
    yield t.tried(there)
    yield t.returned()
    t.check(t.notices(), "a notice", "none", CHOICE)
    t.check(not there.messages, "no delivery", "it is delivered")


def moves_on(number, section, text, level=MUST, **plan):
    """An assertion that the next exchanger gets the mail then."""
    @sends(number, section, text)
    def _(t):
        first, second = t.exchanger(**plan), t.exchanger()
        t.mx((10, first), (20, second))
        t.send()
        yield t.arrived(second)
        if not second.messages:
            t.flush()
            yield t.arrived(second)
        t.check(len(second.messages) == 1, "a message at the second", first.lines(), level)
        t.check(not t.notices(), "no notice", "%d" % len(t.notices()), level)


moves_on(250, "5.1", "a first exchanger that greets with 4xx: the next one gets the mail", SHOULD,
         connect="450 4.3.2 not now")
moves_on(251, "5.1", "a first exchanger that greets with 554: the next one gets the mail", SHOULD,
         connect="554 5.3.2 no mail here")
moves_on(252, "3.8", "a first exchanger that closes at once: the next one gets the mail", SHOULD,
         connect=CLOSE)
moves_on(253, "3.8", "a first exchanger that replies 421 to EHLO: the next one gets the mail",
         SHOULD, EHLO="421 4.3.2 bye")


@sends(254, "4.3.1", "nothing is sent before the greeting")
def _(t):
    there = t.only(slow=0.3)
    t.send()
    yield t.arrived(there)
    t.got(there)
    t.check(not there.visits[0].early, "silence", "octets before the greeting", SHOULD)


@sends(255, "RFC 2920 3.1", "without PIPELINING each command waits for the reply to the last one")
def _(t):
    there = t.only(keywords=("SIZE",), linger=0.1)
    t.send(t.rcpt(), "second@" + t.domain())
    yield t.arrived(there)
    t.got(there)
    t.check(not there.visits[0].ahead, "one command at a time", there.visits[0].ahead)


@sends(256, "RFC 2920 3.1", "with PIPELINING nothing is sent behind EHLO, DATA and QUIT")
def _(t):
    there = t.only(linger=0.1)
    t.send(t.rcpt(), "second@" + t.domain())
    yield t.arrived(there)
    t.got(there)
    bad = [line for line in there.visits[0].ahead if re.match("EHLO|DATA|QUIT", line.upper())]
    t.check(not bad, "silence until the reply", bad)


@sends(257, "4.1.1.10", "a session ends with QUIT, and the reply to it is awaited")
def _(t):
    there = t.only(quit=0.3)
    t.send()
    yield t.tried(there)
    visit = there.visits[0]
    t.check(visit.quit, "QUIT", visit.lines)
    t.check(visit.waited, "the end after the reply", "the end before it", CHOICE)


@sends(258, "4.1.1", "commands end in CRLF, have no superfluous blanks, and 512 octets at most")
def _(t):
    there = t.only(keywords=())
    t.send(t.rcpt(), "x" * 64 + "@" + t.domain())
    yield t.arrived(there)
    visit = t.got(there)[0].visit
    t.check(not visit.loose, "CRLF", visit.loose)
    for line in visit.lines:
        t.check(len(line) <= 510 and line == line.strip(), "a line of 512 octets", line)
    for line in there.messages[0].mail, *there.messages[0].rcpts:
        t.check(re.fullmatch("(?:MAIL FROM|RCPT TO):<[^ >]*@[^ >]*>", line, re.I), "a path", line)


@sends(120, "RFC 2920 3.1", "each reply is counted for its command, whatever lines it has")
def _(t):
    there = t.only(MAIL=lines("250"), RCPT=lambda line: b"550-5.1.1 no\r\n550 5.1.1 no\r\n"
                   if "bad" in line else lines("250"))
    t.send(*("%s%d@%s" % (kind, i, t.domain()) for i in range(3) for kind in ("good", "bad")))
    yield lambda: there.messages and t.notices()
    got = {path.split("@")[0] for path in t.got(there)[0].recipients()}
    t.check(got == {"good0", "good1", "good2"}, "the good ones", got)
    text = b"".join(notice.octets for notice in t.notices()).split(b"message/delivery-status")[-1]
    failed = set(re.findall(rb"(?im)^Final-Recipient: *rfc822; *(\w+)@", text))
    t.check(failed == {b"bad0", b"bad1", b"bad2"}, "a notice about the bad ones", failed)


@sends(121, "RFC 2920 3.1", "354 although each recipient was refused: the content is not sent")
def _(t):
    there = t.only(RCPT="550 5.1.1 no", DATA="354 go on")
    t.send()
    yield t.returned()
    yield t.tried(there)
    t.check(not any(there.visits[0].raw), "a dot alone", there.visits[0].raw)
    t.check(len(t.notices()) == 1, "one notice", "%d" % len(t.notices()))


@sends(140, "4.2.1", "each recipient has the outcome of its own reply")
def _(t):
    def reply(line):
        return ("450 4.2.1 later" if "later" in line else "550 5.1.1 no" if "never" in line
                else "250 2.1.5 ok")
    there = t.only(RCPT=reply)
    t.send(*("%s@%s" % (name, t.domain()) for name in ("now", "later", "never")))
    yield lambda: there.messages and t.notices()
    got = [path.split("@")[0] for path in t.got(there)[0].recipients()]
    t.check(got == ["now"], "the accepted one", got)
    text = t.notice().octets
    t.check(b"never@" in text, "a notice about the refused one", text)
    t.check(not re.search(rb"(?im)^(?:Original|Final)-Recipient:.*\b(?:later|now)@", text),
            "no notice about others", text)
    there.plan["RCPT"] = None
    t.flush()
    yield t.arrived(there, 2)
    t.check(len(there.messages) == 2, "a later attempt", there.lines())
    t.check([path.split("@")[0] for path in there.messages[-1].recipients()] == ["later"],
            "the deferred one alone", there.messages[-1].recipients())


@sends(141, "4.5.3.1.10", "452 to a later RCPT: the rest gets the mail in a further transaction")
def _(t):
    yield from too_many(t, "452 4.5.3 too many")


@sends(259, "4.5.3.1.10", "552 to a later RCPT is taken for 452")
def _(t):
    yield from too_many(t, "552 5.5.3 too many recipients")


def too_many(t, reply):
    there = t.only(RCPT=["250 2.1.5 ok", reply, "250 2.1.5 ok"])
    t.send("first@" + t.domain(), "second@" + t.domain())
    yield t.arrived(there, 2)
    if len(there.messages) < 2:
        t.flush()
        yield t.arrived(there, 2)
    t.check(len(there.messages) == 2 and not t.notices(), "two transactions, and no notice",
            "%d, and %d notices; seen: %s" % (len(there.messages), len(t.notices()),
                                              there.lines()), SHOULD)


@sends(260, "4.5.4.1", "recipients at one domain share a transaction")
def _(t):
    there = t.only()
    t.send(*("r%d@%s" % (i, t.domain()) for i in range(5)))
    yield lambda: sum(len(message.rcpts) for message in there.messages) >= 5
    t.check([len(message.rcpts) for message in there.messages] == [5], "one message for five",
            [len(message.rcpts) for message in there.messages], SHOULD)


def once(number, section, text, **plan):
    """An assertion that a message which got its 250 is not sent again, whatever comes then."""
    @sends(number, section, text)
    def _(t):
        there = t.only(**plan)
        t.send()
        yield t.tried(there)
        yield t.later(0.3)
        t.flush()
        yield t.later()
        t.got(there)
        t.check(not t.notices(), "no notice", "there is one")


once(261, "6.1", "a connection that ends behind the 250 of a message: it is not sent again",
     QUIT=CLOSE)
once(294, "6.1", "a reply to QUIT that does not come: the message is not sent again", QUIT=MUTE)
once(295, "6.1", "a reply of 5xx to QUIT: the message is not sent again", QUIT="502 5.5.1 what?")


@sends(145, "4.5.4.1", "mail that waits is not tried again at once")
def _(t):
    there = t.only(MAIL=["451 4.3.0 later", None])
    flushes = len(t.stage.flushes)
    t.send()
    yield t.tried(there)
    yield t.later()
    forced = len(t.stage.flushes) > flushes
    t.check(len(there.visits) == 1 or forced, "one attempt", "%d of them" % len(there.visits))
    t.flush()
    yield t.arrived(there)
    t.check(there.messages, "a later attempt", there.lines())


@sends(146, "4.5.4.1", "a 5xx to one message says nothing about the next one")
def _(t):
    there = t.only(MAIL=["550 5.7.1 no", None])
    t.send()
    yield t.returned()
    t.check(t.notices(), "a notice", "none")
    t.send("other@" + t.domain())
    yield t.arrived(there)
    t.check(there.messages, "the second message", there.lines())


unseen(147, "6.1", "a crash between the 250 and its note costs a duplicate at most",
       "it needs the moment of the crash: tests/delivery/kill_test.py", "R")
