# SPDX-License-Identifier: ISC
"""Assertions with their numbers, and the trial of one of them against a server.

    @assertion(39, "4.1.1.2", "MAIL gets 250")
    def _(t):
        t.want(t.ready().mail(), "250")

An assertion with yield sends messages before it, and looks at what was delivered after it.
"""
import inspect
import re
import ssl
import time

from conform.wire import Closed, Mute, Wire, shown

# What a failure is: against a MUST, against a SHOULD, or a choice that the RFC leaves open.
MUST, SHOULD, CHOICE = "MUST", "SHOULD", "CHOICE"
ASSERTIONS = {}         # about servers
SENDING = {}            # about senders
LIMIT = 1000            # octets of a text that a failure shows


class Skip(Exception):
    """The server, or the command line, has not what the assertion needs."""


class Stop(Exception):
    """A step failed without which the rest has no meaning; the failure is recorded."""


class Assertion:
    def __init__(self, number, section, text, letter, run, why):
        self.number, self.section, self.text, self.letter = number, section, text, letter
        self.run, self.why = run, why

    def name(self):
        section = self.section if self.section.startswith("RFC") else "RFC 5321 " + self.section
        return "%s%03d %s: %s" % (self.letter, self.number, section, self.text)


def assertion(number, section, text, letter="H"):
    def keep(run):
        add(Assertion(number, section, text, letter, run, None))
        return run
    return keep


def unseen(number, section, text, why, letter="H"):
    """An assertion that nobody can see from outside."""
    add(Assertion(number, section, text, letter, None, why))


def add(new):
    kept = ASSERTIONS if new.letter == "H" else SENDING
    if new.number in kept:
        raise ValueError("two assertions have the number %d" % new.number)
    kept[new.number] = new


def fits(code, wanted):
    """wanted: codes such as "501 55x 4xx"."""
    return any(re.fullmatch(word.replace("x", r"\d"), "%03d" % code) for word in wanted.split())


class Failure:
    def __init__(self, level, expected, seen):
        self.level, self.expected, self.seen = level, expected, seen


class Session(Wire):
    """A connection with the commands of a client.  keywords: of the last EHLO, {KEYWORD: rest}."""
    keywords, sender = {}, "sender@client.example"

    def hello(self, name="client.example"):
        reply = self.command("EHLO " + name)
        self.keywords = {}
        for text in reply.texts()[1:] if reply.code == 250 else ():
            word, _, rest = text.partition(" ")
            self.keywords[word.upper()] = rest
        return reply

    def mail(self, address=None, more=""):
        return self.command("MAIL FROM:<%s>%s" % (self.sender if address is None else address,
                                                  more and " " + more))

    def rcpt(self, address, more=""):
        return self.command("RCPT TO:<%s>%s" % (address, more and " " + more))

    def content(self, octets):
        """The reply to a message after its DATA; its lines must end in CRLF."""
        self.send(re.sub(rb"(?m)^\.", b"..", octets) + b".\r\n", 60)
        return self.reply(60)


class Trial:
    """options: of tests/conformance; site: what all trials share (Site in conform/report.py)."""

    def __init__(self, site, about):
        self.site, self.options, self.about = site, site.options, about
        self.failures, self.notes, self.sessions, self.tokens = [], [], [], []
        self.level = MUST
        self.end = time.monotonic() + site.options.case_limit

    # -- verdicts
    def fail(self, level, expected, seen):
        self.failures.append(Failure(level or self.level, str(expected), str(seen)[:LIMIT]))

    def check(self, good, expected, seen, level=None):
        if not good:
            self.fail(level, expected, seen)
        return bool(good)

    def want(self, reply, codes, level=None):
        """The reply has one of these codes, or there is a failure of this level."""
        return self.check(fits(reply.code, codes), "%s after %s" % (
            " or ".join(codes.split()), reply.after), reply, level)

    def each(self, session, lines, codes, level=None):
        """want() for each of these commands."""
        for line in lines:
            self.want(session.command(line), codes, level)

    def need(self, reply, codes):
        """As want(), but the assertion ends here if there is another code."""
        if not self.want(reply, codes, MUST):
            raise Stop

    def skip(self, why):
        raise Skip(why)

    def option(self, name):
        value = getattr(self.options, name.replace("-", "_"))
        if not value:
            raise Skip("--%s is not given" % name)
        return value

    # -- sessions
    def connect(self, place=None):
        """A connection whose greeting is not read yet."""
        try:
            session = Session(place or self.options.place, self.options.timeout,
                              self.options.source, self.site.heard)
        except OSError as error:
            self.fail(MUST, "a connection", error)
            raise Stop from None
        session.limit = self.end
        self.sessions.append(session)
        return session

    def open(self, place=None):
        session = self.connect(place)
        self.need(session.reply(), "220")
        return session

    def ready(self, place=None):
        """A session after EHLO."""
        session = self.open(place)
        self.need(session.hello(), "250")
        return session

    def role(self, name):
        """The place of another server of the same kind, set up for one assertion."""
        place = dict(self.options.roles).get(name)
        if not place:
            raise Skip("--as %s=PLACE is not given" % name)
        return place

    def offered(self, session, keyword):
        if keyword not in session.keywords:
            raise Skip("%s is not offered" % keyword)
        return session.keywords[keyword]

    def socket_only(self):
        if self.options.place.startswith("pipe:"):
            raise Skip("it is about sockets, and this session is on pipes")

    def rcpt(self):
        return self.options.rcpt

    def domain(self):
        return self.options.rcpt.rpartition("@")[2]

    def started(self, *recipients, sender=None, mail="", session=None):
        """A session with an open transaction."""
        session = session or self.ready()
        self.need(session.mail(sender, mail), "250")
        for recipient in recipients or [self.rcpt()]:
            self.need(session.rcpt(recipient), "250 251")
        return session

    def cannot_store(self, role):
        """A server in a role in which it stores nothing: the first reply of 4xx, up to the end of a
        message, or the reply to that."""
        session = self.ready(self.role(role))
        for line in "MAIL FROM:<a@b.example>", "RCPT TO:<%s>" % self.rcpt(), "DATA":
            reply = session.command(line)
            if fits(reply.code, "4xx"):
                return reply
        self.need(reply, "354")
        return session.content(self.message(role, b"x" * 70 + b"\r\n"))

    def at_data(self, *recipients, **more):
        session = self.started(*recipients, **more)
        self.need(session.command("DATA"), "354")
        return session

    def submit(self, octets, *recipients, **more):
        """The reply to the message."""
        session = self.at_data(*recipients, **more)
        reply = session.content(octets)
        return reply

    # -- messages
    def token(self, awaited=True):
        """A word for a message that no other message has; awaited: it must be delivered."""
        token = self.site.token(self.about.number)
        if awaited:
            self.tokens.append(token)
        return token

    def message(self, token, body=b"Hello.\r\n", fields=b""):
        return (b"%sFrom: <sender@client.example>\r\nTo: <%s>\r\nSubject: %s\r\n"
                b"Date: Sat, 28 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%s@client.example>\r\n\r\n"
                % (fields, self.rcpt().encode(), token.encode(), token.encode()) + body)

    def accepted(self, octets, *recipients, **more):
        reply = self.submit(octets, *recipients, **more)
        self.need(reply, "250")

    def delivered(self, token):
        """The messages with this token, as octets with LF line ends, in no order."""
        return self.site.delivered(token)

    def one(self, token):
        """The one message with this token."""
        found = self.delivered(token)
        if not self.check(len(found) == 1, "one delivered message", "%d of them" % len(found)):
            raise Stop
        return found[0]

    def close(self):
        for session in self.sessions:
            session.close()
        self.sessions = []


def advance(trial, step):
    """Run step(); failures of every kind become failures of the trial.  True: it yields."""
    try:
        step()
        return True
    except StopIteration:
        return False
    except Stop:
        return False
    except (Closed, Mute) as error:
        trial.fail(MUST, "a reply" if isinstance(error, Mute) else "an open connection", error)
    except ssl.SSLError as error:
        trial.fail(MUST, "a handshake", error)
    except OSError as error:
        trial.fail(MUST, "a connection", error)
    return False


def begin(trial):
    """Run an assertion up to its yield.  The rest of it, or None."""
    rest = None

    def step():
        nonlocal rest
        rest = trial.about.run(trial)
        if not inspect.isgenerator(rest):
            raise StopIteration
        next(rest)
    try:
        waits = advance(trial, step)
    finally:
        trial.close()
    return rest if waits else None


def finish(trial, rest):
    def step():
        next(rest)
        raise ValueError("an assertion has two yields")
    try:
        advance(trial, step)
    finally:
        trial.close()


__all__ = ["ASSERTIONS", "CHOICE", "MUST", "SENDING", "SHOULD", "Closed", "Mute", "Skip", "Stop",
           "Trial",
           "assertion", "fits", "shown", "unseen"]
