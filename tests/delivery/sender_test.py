# SPDX-License-Identifier: ISC
"""Routes by sender: who sends decides where mail goes, unless the recipient's domain has a route of its own."""
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


@test("each sender's mail takes the sender's route, other mail and notices that of the recipient")
def _():
    site = Site("senders", SETTINGS).listen()
    for sender in ("anna@company.example", "Anna@Company.Example", "ben@company.example", "carl@else.example", ""):
        site.send(["x@far.example", "y@partner.example"], sender=sender)
    site.stop()
    site.relay()
    check(senders(ANNA) == ["Anna@Company.Example", "anna@company.example"], senders(ANNA))
    check(senders(COMPANY) == ["ben@company.example"], senders(COMPANY))
    check(senders(STAR) == ["<>", "carl@else.example"], senders(STAR))
    check(len(PARTNER.messages) == 5, senders(PARTNER))
    check(all(m.rcpt_tos == ["y@partner.example"] for m in PARTNER.messages), [m.rcpt_tos for m in PARTNER.messages])
    check(site.queued() == [], site.queue_text())


@test("one destination each: a smarthost of two senders has two, with a route of its own each")
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


@test("--explain says which route mail from a sender takes")
def _():
    site = Site("explain", SETTINGS)
    for sender, route in (("anna@company.example", "sender anna@company.example via smtp://192.0.2.11"),
                          ("x@company.example", "sender company.example via smtp://192.0.2.12"), ("x@y.example", "* via"),
                          ("", "* via")):
        text = site.explain("x@far.example", "--sender", sender)
        check("route       " + route in text, text)
    check("sender      anna@company.example" in site.explain("x@far.example", "--sender", "anna@company.example"))
    check("partner.example via" in site.explain("x@partner.example", "--sender", "anna@company.example"))


@test("a client that is not trusted cannot send by claiming to be somebody with a route")
def _():
    site = Site("stranger", SETTINGS)
    with open(site.config) as file:
        text = file.read()
    with open(site.config, "w") as file:
        file.write(text.replace("trusted = 127.0.0.0/8 ::1 192.0.2.0/24 2001:db8::/64 local", "trusted ="))
    site.listen()
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.mail("anna@company.example")
        code, reply = smtp.rcpt("x@far.example")
        check(code == 550 and b"Relay access denied" in reply, code, reply)
    site.stop()


main()
