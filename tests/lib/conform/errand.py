# SPDX-License-Identifier: ISC
"""The trial of an assertion about a sender: mail is handed in, and an exchanger looks at it.

    @sends(135, "5.1", "the exchanger with the lowest preference gets the mail")
    def _(t):
        best, other = t.exchanger(), t.exchanger()
        t.mx((10, best), (20, other))
        t.send()
        yield t.arrived(best)
        t.check(best.messages, "a message at the best exchanger", "none")

A yield has a condition, a function.  The assertion goes on if that is true, or after --settle.
"""
import ipaddress
import time

from conform.trial import MUST, SHOULD, Assertion, Skip, Stop, Trial, add, fits
from conform.world import Exchanger, Names
from dns_packets import MX

RETURN = "return"


class Stage:
    """All that the trials of a run share: the name server, the addresses, the way back."""

    def __init__(self, options):
        self.options = options
        host, _, port = options.dns.rpartition(":")
        self.names = Names(host.strip("[]"), int(port))
        self.addresses = {4: ipaddress.ip_network(options.sink).hosts(),
                          6: iter(ipaddress.ip_network(options.sink6).hosts())
                          if options.sink6 else None}
        self.exchangers, self.flushes, self.wanted = [], [], False
        self.own = None
        self.home = self.exchanger("home." + options.zone)
        self.names.add("%s.%s" % (RETURN, options.zone), MX, (10, self.home.name))

    def address(self, family=4):
        for address in self.addresses[family]:
            return str(address)
        raise Skip("the network has no more addresses")

    def server(self, address, port, name, **plan):
        self.exchangers.append(Exchanger(address, port, name, **plan))
        return self.exchangers[-1]

    def exchanger(self, name, family=4, **plan):
        new = self.server(self.address(family), self.options.sink_port, name, **plan)
        self.names.add(name, new.kind(), new.address)
        return new

    def close(self):
        for exchanger in self.exchangers:
            exchanger.close()
        self.names.close()


class Errand(Trial):
    """stage: see Stage; domain: of the recipients; sender: the address that gets notices."""

    def __init__(self, site, about, stage):
        super().__init__(site, about)
        self.stage, self.names = stage, stage.names
        self.domain_name = "%s%03d.%s" % (about.letter.lower(), about.number, self.options.zone)
        self.count, self.sent = 0, {}
        self.address = "Sender-%s@%s.%s" % (self.domain_name.split(".")[0], RETURN,
                                            self.options.zone)

    # -- the world
    def exchanger(self, family=4, **plan):
        self.count += 1
        if family == 6 and not self.stage.addresses[6]:
            self.skip("--sink6 is not given")
        return self.stage.exchanger("mx%d.%s" % (self.count, self.domain_name), family, **plan)

    def nobody(self):
        """The name of an exchanger that does not listen."""
        self.count += 1
        name = "mx%d.%s" % (self.count, self.domain_name)
        self.names.add(name, 1, self.stage.address())
        return name

    def mx(self, *pairs, domain=None):
        for preference, host in pairs:
            self.names.add(domain or self.domain_name, MX,
                           (preference, host if isinstance(host, str) else host.name))

    def only(self, **plan):
        """An exchanger, the only one of the domain."""
        made = self.exchanger(**plan)
        self.mx((10, made))
        return made

    # -- mail
    def domain(self):
        return self.domain_name

    def rcpt(self):
        return "rcpt@" + self.domain_name

    def send(self, *rcpts, content=None, sender=None, mail="", rcpt="", need=(), tls=False):
        """Hand in a message; the octets of it.  need: extensions of the sender's server."""
        session = self.ready()
        if tls:
            self.offered(session, "STARTTLS")
            self.need(session.command("STARTTLS"), "220")
            session.start_tls()
            session.hello()
        for keyword in need:
            self.offered(session, keyword)
        octets = self.message(self.token()) if content is None else content
        session.sender = self.address if sender is None else sender
        replies = [session.mail(more=mail)]
        replies += [session.rcpt(to, rcpt) for to in rcpts or [self.rcpt()]]
        replies.append(session.command("DATA"))
        if replies[-1].code == 354:
            replies[-1] = session.content(octets)
        for reply in replies:
            if not fits(reply.code, "2xx"):
                self.skip("the sender does not take the message: %s after %s" % (
                    reply, reply.after))
        session.command("QUIT")
        session.close()
        return octets

    def notices(self):
        """The messages that came back to the sender's address."""
        return [message for message in list(self.stage.home.messages)
                if any((address or "").lower() == self.address.lower()
                       for address in message.recipients())]

    def notice(self):
        """The one notice, or the assertion ends."""
        found = self.notices()
        if not self.check(len(found) == 1, "one notice to the sender", "%d of them" % len(found)):
            raise Stop
        return found[0]

    def got(self, exchanger, count=1):
        """The messages of the exchanger; the assertion ends if there is another number of them."""
        found = list(exchanger.messages)
        if not self.check(len(found) == count, "%d accepted at %s" % (count, exchanger.name),
                          "%d; it has seen %s" % (len(found), exchanger.lines())):
            raise Stop
        return found

    def flush(self):
        """Tell the sender to try everything that waits."""
        self.stage.wanted = True

    # -- conditions
    def arrived(self, exchanger, count=1):
        return lambda: len(exchanger.messages) >= count

    def tried(self, exchanger, count=1):
        return lambda: len(exchanger.ended()) >= count

    def returned(self):
        return lambda: bool(self.notices())

    def later(self, seconds=None):
        """A condition for what must not happen: it is true after --quiet."""
        end = time.monotonic() + (self.options.quiet if seconds is None else seconds)
        return lambda: time.monotonic() > end

    def soon(self, exchanger):
        """For what may be, but need not."""
        later = self.later(1 + 2 * self.options.quiet)
        return lambda: later() or exchanger.messages

    # -- what most assertions want
    def waits(self, exchanger, level=MUST):
        """The mail is neither delivered nor returned by the first attempt, but by a later one.
        level: of the second half of that."""
        yield self.tried(exchanger)
        yield self.later()
        if not self.check(not self.notices(), "a message that waits", "it is returned", level):
            return
        self.flush()
        yield self.arrived(exchanger)
        self.check(exchanger.messages, "a later attempt", "the exchanger has seen %s" % (
            exchanger.lines()))

    def fails(self, *exchangers, level=MUST):
        """The mail is returned by the first attempt, and none of the exchangers took it."""
        yield self.returned()
        self.check(len(self.notices()) == 1, "one notice of failure", "%d of them; seen: %s" % (
            len(self.notices()), [line for one in exchangers for line in one.lines()]), level)
        for exchanger in exchangers:
            self.check(not exchanger.messages, "no delivery", "it is delivered")


def sends(number, section, text, letter="R"):
    def keep(run):
        add(Assertion(number, section, text, letter, run, None))
        return run
    return keep


__all__ = ["Errand", "SHOULD", "Stage", "sends"]
