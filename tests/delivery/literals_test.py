# SPDX-License-Identifier: ISC
"""Address literals as recipients (RFC 5321 section 4.1.3): the spellings of one address are one
domain, in routes, for loops and for notices."""
import re

from nameservers import nsd
from programs import Site, fresh_directory
from sink import Sink
from tap import check, main, same, test

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": "a A 192.0.2.11\n"})
sink = Sink(("192.0.2.11", 25))
with open(directory + "/aliases", "w") as file:
    file.write("four: bob@[192.0.2.11]\nown: carl@[192.0.2.1]\nowner-crew: alice\n"
               "crew: bob@[192.0.2.11], ben@[192.0.2.011]\n")
site = Site("literals", """aliases = {0}/aliases
verp = on
[route [192.0.2.1]]
via = maildir:{0}/four-{{local}}
[route [IPv6:2001:DB8::1]]
via = maildir:{0}/six-{{local}}
[route [192.0.2.12]]
via = smtp://192.0.2.11
[route [192.0.2.13]]
via = reject:not here
""".format(directory)).listen()


def send(to, *parameters, sender="alice@sender.example"):
    with site.smtp() as smtp:
        smtp.ehlo_or_helo_if_needed()
        code, reply = smtp.docmd("MAIL", "FROM:<%s>" % sender)
        code, reply = smtp.docmd("RCPT", " ".join(("TO:<%s>" % to,) + parameters))
        if code == 250:
            code, reply = smtp.data("Subject: x\r\n\r\nHello.\r\n")
        return code, reply.decode()


def outcome(to):
    """The last log line of an attempt for that recipient."""
    found = re.findall(r"(?m) ((?:delivered|deferred|failed|expanded) id=\S+ to=%s .*)$"
                       % re.escape(to), site.log())
    return found[-1] if found else site.log()[-2000:]


def sent():
    return sorted(rcpt for rcpts, _ in sink.messages for rcpt in rcpts)


def forget():
    del sink.messages[:], sink.mails[:]


@test("to the address itself, as the sender wrote it")
def _():
    for to in "bob@[192.0.2.11]", "bob@[192.000.002.011]", "bob@[IPv6:::ffff:192.0.2.11]":
        forget()
        same(send(to)[0], 250)
        site.relay()
        same(sent(), [to], outcome(to))
        check(" host=192.0.2.11:25 " in outcome(to), outcome(to))


@test("each spelling of an own address has its route")
def _():
    forget()
    for to, path in (("bob@[192.0.2.1]", "four-bob"), ("bob@[192.0.2.001]", "four-bob"),
                     ("bob@[IPv6:2001:db8::1]", "six-bob"), ("bob@[ipv6:2001:DB8:0::1]", "six-bob"),
                     ("bob@[IPv6:2001:0db8:0:0:0:0:0:1]", "six-bob"),
                     ("bob@[IPv6:::ffff:192.0.2.1]", "four-bob")):
        same(send(to)[0], 250)
        site.relay()
        check("%s/%s: delivered" % (directory, path) in outcome(to), outcome(to))
    same(send("bob@[192.0.2.12]")[0], 250)
    site.relay()
    same(sent(), ["bob@[192.0.2.12]"])
    for to in "bob@[192.0.2.13]", "bob@[192.0.2.013]":
        same(send(to), (550, "5.7.1 not here"))


@test("aliases and lists of them, and the reverse-paths of these")
def _():
    forget()
    for to in "four@sender.example", "own@sender.example", "crew@sender.example":
        same(send(to)[0], 250)
    site.relay()
    same(sent(), ["ben@[192.0.2.011]", "bob@[192.0.2.11]", "bob@[192.0.2.11]"], site.log()[-3000:])
    check("four-carl: delivered" in outcome("carl@[192.0.2.1]"), outcome("carl@[192.0.2.1]"))
    paths = sorted(mail for mail in sink.mails if "crew" in mail)
    same(paths, ['"owner-crew+%s=[%s]"@sender.example' % pair
                 for pair in (("ben", "192.0.2.011"), ("bob", "192.0.2.11"))])
    before = len(site.mailbox("alice"))
    same(send(paths[0], sender="")[0], 250)
    site.relay()
    same(len(site.mailbox("alice")), before + 1, site.log()[-2000:])


@test("a notice has the literal, and the one that the sender meant")
def _():
    forget()
    same(send("bob@[192.0.2.11]", "NOTIFY=SUCCESS", "ORCPT=rfc822;ann@[IPv6:2001:db8::9]")[0], 250)
    site.relay()
    notice = next(text.decode() for text in site.mailbox("alice") if b"ann@" in text)
    for field in ("Original-Recipient: rfc822; ann@[IPv6:2001:db8::9]",
                  "Final-Recipient: rfc822; bob@[192.0.2.11]", "Remote-MTA: dns; [192.0.2.11]"):
        check("\n%s\n" % field in notice.replace("\r", ""), notice)


@test("a loop is none for long: this host, by each spelling")
def _():
    for to, why in (("bob@[127.0.0.1]", "has an address of this host"),
                    ("bob@[127.000.000.001]", "has an address of this host"),
                    ("bob@[IPv6:::1]", "has an address of this host"),
                    ("bob@[IPv6:0:0:0:0:0:0:0:1]", "has an address of this host"),
                    ("bob@[IPv6:::ffff:127.0.0.1]", "has an address of this host"),
                    ("bob@[224.0.0.1]", "not an address that may be connected to"),
                    ("bob@[0.0.0.0]", "not an address that may be connected to")):
        same(send(to)[0], 250)
        site.relay()
        check(outcome(to).startswith("failed ") and why in outcome(to), outcome(to))


@test("no literal: a tag that nobody has registered, a missing tag, a missing bracket")
def _():
    for domain in ("[x400:a]", "[2001:db8::1]", "[IPv6:192.0.2.1]", "[192.0.2.256]", "[192.0.2]",
                   "[192.0.2.1", "[192.0.2.1].", "[192.0.2.1]:25", "[]", "[IPv6:fe80::1%lo]"):
        same(send("bob@" + domain), (501, "5.1.3 Bad recipient address syntax"))


@test("--explain: the route of each spelling, and no word about records of an MX")
def _():
    check(" [ipv6:2001:db8::1] via maildir:" in site.explain("bob@[IPv6:2001:DB8:0::1]"))
    text = site.explain("bob@[192.0.2.011]")
    check("dane        192.0.2.11: an address has no records in the DNS" in text, text)
    check("MX record" not in text, text)


main()
