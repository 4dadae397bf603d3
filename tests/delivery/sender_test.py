# SPDX-License-Identifier: ISC
"""Routes by sender: they decide, unless the recipient's domain has a route of its own."""
from exchangers import Exchanger
from programs import Site, fresh_directory
from tap import check, main, test

fresh_directory()
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


main()
