# SPDX-License-Identifier: ISC
"""Assertions about a sender: which host it asks, as the DNS has it (RFC 5321 section 5)."""
from conform.errand import SHOULD, sends
from conform.trial import CHOICE, unseen
from dns_packets import CNAME, MX, SERVFAIL, A


def to_first(t, *exchangers):
    """The first of the exchangers gets the message, the others nothing."""
    yield t.arrived(exchangers[0])
    t.got(exchangers[0])
    for other in exchangers[1:]:
        t.check(not other.visits, "no connection to " + other.name, other.lines())


@sends(135, "5.1", "the exchanger with the lowest preference gets the mail")
def _(t):
    third, first, second = t.exchanger(), t.exchanger(), t.exchanger()
    t.mx((300, third), (5, first), (20, second))
    t.send()
    yield from to_first(t, first, second, third)


def itself(t, family):
    """A domain without MX is its own exchanger."""
    there = t.exchanger(family=family)
    t.names.add(t.domain(), there.kind(), there.address)
    t.send()
    yield from to_first(t, there)


@sends(136, "5.1", "a domain without MX is its own exchanger")
def _(t):
    yield from itself(t, 4)


@sends(137, "RFC 7505 3", "mail for a domain with a null MX is returned, without a connection")
def _(t):
    there = t.exchanger()
    t.names.add(t.domain(), A, there.address)
    t.names.add(t.domain(), MX, (0, "."))
    t.send()
    yield from t.fails(there)
    t.check(not there.visits, "no connection", there.lines())


@sends(138, "5.1", "at least two addresses of an exchanger are tried")
def _(t):
    name, there = t.nobody(), t.exchanger()
    t.names.add(name, A, there.address)
    t.mx((10, name))
    t.send()
    t.flush()
    yield t.arrived(there)
    t.check(there.messages, "the second address", "no connection", SHOULD)


@sends(201, "5.1", "if an exchanger is not there, the next one gets the mail")
def _(t):
    name, there = t.nobody(), t.exchanger()
    t.mx((10, name), (20, there))
    t.send()
    yield from to_first(t, there)


@sends(202, "5.1", "exchangers of one preference are chosen at random, not by their order")
def _(t):
    pairs = []
    for number in range(12):
        pair = t.exchanger(), t.exchanger()
        domain = "d%d.%s" % (number, t.domain())
        t.mx((10, pair[0]), (10, pair[1]), domain=domain)
        t.send("rcpt@" + domain)
        pairs.append(pair)
    yield lambda: all(one.messages or other.messages for one, other in pairs)
    first = sum(len(one.messages) for one, other in pairs)
    t.check(0 < first < 12, "some messages at the first of two, others at the second",
            "%d of 12 at the first" % first)


@sends(203, "5.1", "a name that does not exist: the mail is returned")
def _(t):
    t.send("rcpt@nowhere." + t.domain())
    yield from t.fails()


@sends(204, "5.1", "a name server that fails: the mail waits")
def _(t):
    there = t.exchanger()
    t.names.add(t.domain(), A, there.address)
    t.names.failing[t.domain()] = SERVFAIL
    t.send()
    yield lambda: any(name == t.domain() for name, _ in t.names.asked)
    yield t.later(t.options.quiet + (t.options.patience or 0))
    t.check(not t.notices(), "a message that waits", "it is returned")
    t.check(not there.visits, "no connection", there.lines())
    del t.names.failing[t.domain()]
    t.flush()
    yield t.soon(there)
    # The failure may be kept for five minutes (RFC 2308 section 7.1).
    t.check(there.messages, "a later attempt", "none", CHOICE)


@sends(205, "5.1", "if there are exchangers, the domain's own address gets nothing")
def _(t):
    there = t.exchanger()
    t.names.add(t.domain(), A, there.address)
    t.mx((10, t.nobody()), (20, "gone." + t.domain()))
    t.send()
    yield lambda: ("mx2." + t.domain(), A) in t.names.asked
    yield t.later()
    t.check(not there.visits, "no connection to the domain's address", there.lines())


@sends(206, "5.1", "a domain that is an alias has the exchangers of its canonical name")
def _(t):
    there = t.exchanger()
    t.names.add(t.domain(), CNAME, "real." + t.domain())
    t.mx((10, there), domain="real." + t.domain())
    t.send()
    yield from to_first(t, there)


@sends(207, "5.1", "aliases that form a circle do no harm: the mail waits or is returned")
def _(t):
    t.names.add(t.domain(), CNAME, "other." + t.domain())
    t.names.add("other." + t.domain(), CNAME, t.domain())
    there = t.exchanger()
    t.send()
    t.mx((10, there), domain="other.domain." + t.domain())
    yield lambda: any(name == t.domain() for name, _ in t.names.asked)
    t.send("rcpt@other.domain." + t.domain())
    yield t.arrived(there)
    t.got(there)


@sends(208, "5.1", "an exchanger that is an alias is found all the same")
def _(t):
    there = t.exchanger()
    t.names.add("alias." + t.domain(), CNAME, there.name)
    t.mx((10, "alias." + t.domain()))
    t.send()
    yield t.arrived(there)
    t.check(there.messages, "the exchanger behind the alias", "no connection", CHOICE)


def own_name(t):
    """The sender's name, from its greeting.  In the DNS it has the address of --server."""
    if not t.stage.own:
        session = t.connect()
        t.stage.own = session.reply().text().split(" ")[0]
        session.command("QUIT")
        place = t.options.place
        t.names.add(t.stage.own, A, "127.0.0.1" if place.startswith(("pipe:", "inetd:"))
                    else place.rpartition(":")[0])
    return t.stage.own


@sends(102, "5.1", "the sender's own name among the exchangers: it and worse ones get nothing")
def _(t):
    own, good, worse = own_name(t), t.exchanger(connect=["421 4.3.2 later", None]), t.exchanger()
    t.mx((10, good), (20, own), (30, worse))
    t.send()
    yield t.tried(good)
    yield t.later()
    t.flush()
    yield t.arrived(good)
    t.got(good)
    t.check(not worse.visits, "no connection to a worse exchanger", worse.lines())


@sends(209, "5.1", "the sender's own name is the only exchanger: the mail is returned")
def _(t):
    t.mx((10, own_name(t)))
    t.send()
    yield t.returned()
    t.check(t.notices(), "a notice", "no notice")


@sends(210, "5.2", "an exchanger with an IPv6 address alone gets the mail")
def _(t):
    there = t.exchanger(family=6)
    t.mx((10, there))
    t.send()
    yield from to_first(t, there)


@sends(211, "5.2", "a domain without MX may have an IPv6 address alone")
def _(t):
    yield from itself(t, 6)


@sends(212, "RFC 1123 6.1.3.2", "an answer that is truncated is asked for by TCP")
def _(t):
    there = t.exchanger()
    t.mx((10, there))
    t.names.cut.add(t.domain())
    t.send()
    yield from to_first(t, there)


@sends(213, "4.1.3", "mail for the literal of an address goes to that address")
def _(t):
    there = t.exchanger()
    t.send("rcpt@[%s]" % there.address)
    yield t.arrived(there)
    t.check(there.messages, "a message", "none", CHOICE)


@sends(214, "5.1", "if the first exchanger has no address, the next one gets the mail")
def _(t):
    there = t.exchanger()
    t.mx((10, "gone." + t.domain()), (20, there))
    t.send()
    yield from to_first(t, there)


SIGNED = "it needs zones that are signed: tests/delivery/dane_test.py"
for number, section, text in (
        (151, "RFC 7672 2.1.2", "a bogus MX delays the mail"),
        (152, "RFC 7672 2.2.2", "an insecure address has no TLSA"),
        (153, "RFC 7672 2.1.2", "if the look-up of TLSA fails, the exchanger gets nothing"),
        (154, "RFC 7672 2.2.3", "a secure TLSA makes STARTTLS mandatory"),
        (155, "RFC 7672 3.1", "the certificate is what TLSA says"),
        (156, "RFC 7672 2.2.1", "DANE changes no preference")):
    unseen(number, section, text, SIGNED, "R")
unseen(157, "RFC 8461 5", "a policy of MTA-STS is fetched and obeyed",
       "it needs a web server with a certificate: tests/delivery/sts_test.py", "R")
unseen(158, "RFC 8460 5", "one report of TLS a day",
       "it needs a day: tests/delivery/tls_reports_test.py", "R")
