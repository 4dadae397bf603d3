# SPDX-License-Identifier: ISC
"""The command line of tests/conformance."""
import argparse
import ipaddress

from conform.trial import ASSERTIONS, SENDING

ABOUT = """Run the numbered assertions of the SMTP standards against any server.

    tests/conformance --server mx.example.org:25 --rcpt anna@example.org
    tests/conformance --pipe 'build/smtp-handler -c config' --rcpt anna@example.org

With --sink it runs the assertions about senders: it is the DNS and all exchangers, and hands in
mail at the server, which must send it on.

    tests/conformance --sink 127.1.0.0/16 --server 127.0.0.1:2525 --flush 'smtp-relay --flush'"""
MORE = """It prints a line of TAP for each assertion, with its number and the section of the RFC,
and, if it fails, what was expected and what was seen.  "differs" is no failure: the RFC leaves a
choice there.  The exit status is 0 if nothing failed, 1 if something did, 2 if the arguments are
wrong.

The mail of a run is addressed to --rcpt, --no-rcpt, --foreign, and postmaster.  Use a server that
may get it."""

# A run takes about 170 of them.
LEAST_ADDRESSES = 512
ROLES = ("nameless", "refusing", "broken", "full", "strict", "submission", "implicit", "lmtp")


def numbers(text):
    found = []
    for word in text.split(","):
        first, _, last = word.strip().upper().lstrip("HRB").partition("-")
        found += range(int(first), int(last or first) + 1)
    unknown = [number for number in found if number not in {**ASSERTIONS, **SENDING}]
    if unknown:
        raise argparse.ArgumentTypeError("no assertion has the number %s" % unknown[0])
    return found


def place(text):
    if not text.startswith(("pipe:", "inetd:")) and not text.rpartition(":")[2].isdigit():
        raise argparse.ArgumentTypeError("%r is not HOST:PORT, pipe:COMMAND or inetd:COMMAND"
                                         % text)
    return text


def role(text):
    name, _, where = text.partition("=")
    if name not in ROLES or not where:
        raise argparse.ArgumentTypeError("%r is not ROLE=PLACE; the roles are: %s"
                                         % (text, ", ".join(ROLES)))
    return name, place(where)


def network(text):
    try:
        if ipaddress.ip_network(text).num_addresses >= LEAST_ADDRESSES:
            return text
    except ValueError:
        pass
    raise argparse.ArgumentTypeError("%r is not a network of %d addresses or more" % (
        text, LEAST_ADDRESSES))


def parser():
    p = argparse.ArgumentParser(
        prog="tests/conformance", description=ABOUT, epilog=MORE,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    server = p.add_argument_group("the server (one of these)").add_mutually_exclusive_group()
    server.add_argument("--server", dest="place", type=place, metavar="HOST:PORT",
                        help="connect by TCP")
    server.add_argument("--pipe", metavar="CMD", help="start CMD for each session, on two pipes")
    server.add_argument("--inetd", metavar="CMD",
                        help="start CMD for each session, on a socket, as inetd does")
    facts = p.add_argument_group("what the server knows")
    facts.add_argument("--rcpt", metavar="ADDRESS", default="postmaster@localhost",
                       help="a recipient that it takes (default: %(default)s)")
    facts.add_argument("--no-rcpt", metavar="ADDRESS", help="an unknown user of a domain of its")
    facts.add_argument("--foreign", metavar="ADDRESS",
                       help="a recipient that it does not relay to for this client")
    facts.add_argument("--null-mx", metavar="DOMAIN", help="a domain whose MX is null")
    facts.add_argument("--user", help="a user who may log in")
    facts.add_argument("--password", default="")
    facts.add_argument("--as", dest="roles", action="append", type=role, default=[],
                       metavar="ROLE=PLACE",
                       help="the same server, set up otherwise: nameless (its host has no name), "
                       "refusing (all service), broken (it cannot store a message), full (its disk "
                       "becomes full), strict, submission (needs TLS and a login), implicit (TLS "
                       "from the first octet), lmtp")
    mail = p.add_argument_group("delivered mail")
    mail.add_argument("--mailbox", metavar="DIR", action="append", default=[],
                      help="the Maildir of --rcpt, or of the postmaster")
    mail.add_argument("--find", metavar="CMD", help="CMD WORD prints the delivered messages with "
                      "this word, each followed by a NUL")
    mail.add_argument("--flush", metavar="CMD", help="delivers what the server has queued; without "
                      "it, the server does so by itself")
    mail.add_argument("--settle", metavar="S", type=float, default=20,
                      help="wait so long for deliveries (default: %(default)g)")
    sink = p.add_argument_group("senders")
    sink.add_argument("--sink", metavar="NETWORK", type=network,
                      help="run the assertions about senders, with exchangers at addresses of this "
                      "network, which are this host's")
    sink.add_argument("--sink6", metavar="NETWORK", help="the same of IPv6")
    sink.add_argument("--sink-port", type=int, default=25, metavar="PORT",
                      help="the port of the exchangers (default: %(default)d)")
    sink.add_argument("--dns", metavar="ADDRESS:PORT", default="127.0.0.1:53",
                      help="the name server that the sender asks (default: %(default)s)")
    sink.add_argument("--zone", metavar="DOMAIN", default="conform.example",
                      help="the domains of all recipients are below it (default: %(default)s)")
    sink.add_argument("--patience", type=float, metavar="S",
                      help="each time-out of the sender is set to S seconds or less")
    sink.add_argument("--quiet", type=float, metavar="S", default=1,
                      help="what has not happened then, does not (default: %(default)g)")
    sink.add_argument("--lmtp", metavar="DOMAIN=ADDRESS:PORT",
                      help="the sender gives mail for this domain to this address by LMTP")
    how = p.add_argument_group("the run")
    how.add_argument("--only", type=numbers, metavar="N,...", help="these numbers: 1,7,22-30")
    how.add_argument("--list", action="store_true", help="print the assertions, and no more")
    how.add_argument("--choices", action="store_true",
                     help="what differs where the RFC leaves a choice is a failure")
    how.add_argument("--slow", action="store_true", help="wait for the server's own time-out, too")
    how.add_argument("--source", metavar="ADDRESS", help="connect from this address")
    how.add_argument("--largest", type=int, default=2 << 20, metavar="N",
                     help="send no message larger than this, but for the limit of SIZE "
                     "(default: %(default)d)")
    how.add_argument("--timeout", type=float, default=10, metavar="S",
                     help="for a reply (default: %(default)g)")
    how.add_argument("--case-limit", type=float, default=60, metavar="S",
                     help="for an assertion (default: %(default)g)")
    how.add_argument("--total", type=float, default=900, metavar="S",
                     help="for all of them (default: %(default)g)")
    return p


def arguments(argv):
    p = parser()
    options = p.parse_args(argv)
    for kind in "pipe", "inetd":
        if getattr(options, kind):
            options.place = "%s:%s" % (kind, getattr(options, kind))
    if not options.place and not options.list:
        p.error("one of --server, --pipe and --inetd is needed")
    known = SENDING if options.sink else ASSERTIONS
    if not set(options.only or ()) <= set(known):
        p.error("--only: these are assertions about %s" % ("servers" if options.sink else
                                                           "senders: give --sink"))
    return options
