# SPDX-License-Identifier: ISC
"""Routes by sender: they decide, unless the recipient's domain has a route of its own."""
import os
import re

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, test

# --explain asks for the addresses' names, and a name server that is silent costs seconds.
nsd(fresh_directory() + "/nsd", {"example": ""})
ANNA, COMPANY, STAR, PARTNER = (Exchanger("192.0.2.%d" % n) for n in (11, 12, 13, 14))
SETTINGS = """
[sender anna@company.example]
via = smtp://192.0.2.11
[sender company.example]
via = smtp://192.0.2.12
[route partner.example]
via = smtp://192.0.2.14
[route *]
via = smtp://192.0.2.13
"""


def senders(exchanger):
    return sorted(m.mail_from for m in exchanger.messages)


@test("mail takes the sender's route; other mail and notices take the recipient's route")
def _():
    site = Site("senders", SETTINGS).listen()
    for sender in ("anna@company.example", "Anna@Company.Example", "ben@company.example",
                   "carl@else.example", ""):
        site.send(["x@far.example", "y@partner.example"], sender=sender)
    site.stop()
    site.relay()
    check(senders(ANNA) == ["Anna@Company.Example", "anna@company.example"], senders(ANNA))
    check(senders(COMPANY) == ["ben@company.example"], senders(COMPANY))
    check(senders(STAR) == ["<>", "carl@else.example"], senders(STAR))
    check(len(PARTNER.messages) == 5, senders(PARTNER))
    check(all(m.rcpt_tos == ["y@partner.example"] for m in PARTNER.messages),
          [m.rcpt_tos for m in PARTNER.messages])
    check(site.queued() == [], site.queue_text())


@test("two senders with one smarthost: a destination for each, with its own route")
def _():
    site = Site("same-host", """
[sender one.example]
via = smtp://192.0.2.11
[sender two.example]
via = smtp://192.0.2.11
""").listen()
    before = len(ANNA.messages)
    for sender in ("a@one.example", "a@two.example"):
        site.send("x@far.example", sender=sender)
    site.stop()
    site.relay()
    check(len(ANNA.messages) == before + 2, senders(ANNA))


@test("--explain shows the route of mail from a sender")
def _():
    site = Site("explain", SETTINGS)
    for sender, route in (
            ("anna@company.example", "sender anna@company.example via smtp://192.0.2.11"),
            ("x@company.example", "sender company.example via smtp://192.0.2.12"),
            ("x@y.example", "* via"), ("", "* via")):
        text = site.explain("x@far.example", "--sender", sender)
        check("route       " + route in text, text)
    text = site.explain("x@far.example", "--sender", "anna@company.example")
    check("sender      anna@company.example" in text)
    text = site.explain("x@partner.example", "--sender", "anna@company.example")
    check("partner.example via" in text)


@test("an untrusted client cannot relay with a sender that has a route")
def _():
    site = Site("stranger", SETTINGS)
    with open(site.config) as file:
        text = file.read()
    with open(site.config, "w") as file:
        file.write(text.replace("trusted = 127.0.0.0/8 ::1 192.0.2.0/24 2001:db8::/64 local",
                                "trusted ="))
    site.listen()
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.mail("anna@company.example")
        code, reply = smtp.rcpt("x@far.example")
        check(code == 550 and b"Relay access denied" in reply, code, reply)
    site.stop()


def strangers(site):
    """Trust nobody: all clients become strangers."""
    with open(site.config) as file:
        text = file.read()
    with open(site.config, "w") as file:
        file.write(re.sub(r"(?m)^trusted = .*", "trusted =", text))


FORGED = """
[sender anna@company.example]
via = smtp://127.0.0.2
user = anna
password-file = %(password)s
[sender company.example]
via = smtp://192.0.2.12
[route hosted.example]
via = discard
accept = anyone
aliases = %(aliases)s
[route *]
via = smtp://192.0.2.13
"""


def forged_site(name):
    directory = fresh_directory(name + "-files")
    names = {"password": directory + "/password", "aliases": directory + "/aliases"}
    with open(names["password"], "w") as file:
        file.write("secret\n")
    os.chmod(names["password"], 0o600)
    with open(names["aliases"], "w") as file:
        file.write("fw: x@far.example\nlist: x@far.example, y@far.example\n"
                   "owner-list: anna@company.example\n")
    return Site(name, FORGED % names)


@test("a stranger's reverse-path gets nobody's route or login, not through an alias either")
def _():
    site = forged_site("forged")
    strangers(site)
    site.listen()
    before = len(STAR.messages), len(COMPANY.messages)
    for rcpt in "fw@hosted.example", "list@hosted.example":
        for sender in "anna@company.example", "ben@company.example":
            site.send(rcpt, sender=sender)
    site.stop()
    check(len(re.findall(r"(?m)^standing: stranger$", site.queue_text())) == 4, site.queue_text())
    site.relay()
    site.relay()
    check(site.queued() == [], site.queue_text(), site.log())
    check((len(STAR.messages), len(COMPANY.messages)) == (before[0] + 4, before[1]),
          senders(STAR), senders(COMPANY))


@test("a trusted client's mail keeps its standing through an alias")
def _():
    site = forged_site("kept").listen()
    before = len(COMPANY.messages)
    site.send("fw@hosted.example", sender="ben@company.example")
    site.stop()
    site.relay()
    check(site.queued() == [], site.queue_text(), site.log())
    check(len(COMPANY.messages) == before + 1, senders(COMPANY))


@test("a queue file without the field is a stranger's; a damaged field is no message")
def _():
    site = forged_site("old").listen()
    before = len(STAR.messages)
    for _ in range(2):
        site.send("x@far.example", sender="ben@company.example")
    site.stop()
    for path, line in zip(site.queued("new"), (b"unknown: trusted", b"standing: trustee")):
        with open(path, "r+b") as file:
            text = file.read().replace(b"standing: trusted", line.ljust(17, b"."))
            file.seek(0)
            file.write(text)
            size = len(text) - len(b"")
            file.truncate(size)
    site.relay()
    check(len(STAR.messages) == before + 1, senders(STAR), site.log())
    check(len(site.queued("dead")) == 1, site.queue_text())


@test("--explain says for whose mail a route of a sender is not")
def _():
    site = forged_site("explain-forged")
    text = site.explain("x@far.example", "--sender", "anna@company.example")
    check("route       sender anna@company.example via smtp://127.0.0.2" in text, text)
    check("not for strangers: their mail takes route * via smtp://192.0.2.13\n" in text, text)
    check("not for users whose address this is not: their mail takes sender company.example via "
          "smtp://192.0.2.12\n" in text, text)
    text = site.explain("x@far.example", "--sender", "ben@company.example")
    check("not for strangers: " in text and "not for users" not in text, text)
    check("not for" not in site.explain("x@far.example"))


main()
