# SPDX-License-Identifier: ISC
"""Addresses far longer than RFC 5321 demands: in, out, to an alias, and back to the sender."""
import collections

from exchangers import SMTP, Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test

SMTP.command_size_limits = collections.defaultdict(lambda: 8192)
directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": "long MX 10 mx\nmx A 192.0.2.60\n"})
exchanger = Exchanger("192.0.2.60")
with open(directory + "/aliases", "w") as file:
    file.write("%s: %s@long.example.org\n" % ("a" * 900, "t" * 1024))
site = Site("site", """
[route alias.example]
via = discard
aliases = %s/aliases
""" % directory).listen()
LONG = "v" * 1000 + "@long.example.org"


def send(to, sender, options=(), content=b"Subject: x\r\n\r\nhello\r\n"):
    with site.smtp() as smtp:
        same(smtp.ehlo("c" * 1000)[0], 250)
        same(smtp.mail(sender, list(options))[0], 250)
        same(smtp.rcpt(to, ["ORCPT=rfc822;" + "o" * 900] if options else [])[0], 250)
        same(smtp.docmd("DATA")[0], 354)
        smtp.send(content + b".\r\n")
        same(smtp.getreply()[0], 250)
    site.relay()


@test("a path of 1,000 octets each way, and references that few servers take")
def _():
    send(LONG, "s" * 1024 + "@" + "d" * 50 + ".example", ["ENVID=" + "e" * 900])
    same(site.queued(), [], site.log()[-2000:])
    message = exchanger.messages[-1]
    same(message.rcpt_tos, [LONG])
    same(message.mail_from, "s" * 1024 + "@" + "d" * 50 + ".example")
    check(max(map(len, message.content.split(b"\r\n"))) <= 998, message.content)


@test("a local part with two dots goes out in quotes")
def _():
    send("a..b@long.example.org", ".c@sender.example")
    same(site.queued(), [], site.log()[-2000:])
    check('to="\\"a..b\\"@long.example.org"' in site.log(), site.log()[-2000:])


@test("a local part of dots alone goes out in quotes")
def _():
    send(".@long.example.org", "..@sender.example")
    same(site.queued(), [], site.log()[-2000:])
    check('to="\\".\\"@long.example.org"' in site.log(), site.log()[-2000:])


@test("an alias of 900 octets")
def _():
    send("a" * 900 + "@alias.example", "alice@sender.example")
    same(site.queued(), [], site.log()[-2000:])
    same(exchanger.messages[-1].rcpt_tos, ["t" * 1024 + "@long.example.org"])


@test("a notice about such an address to such a sender")
def _():
    exchanger.rcpt = lambda address: "550 5.1.1 no" if address[0] == "x" else None
    send("x" * 1000 + "@long.example.org", "s" * 1000 + "@long.example.org")
    same(site.queued(), [], site.log()[-2000:])
    notice = exchanger.messages[-1]
    same(notice.rcpt_tos, ["s" * 1000 + "@long.example.org"])
    check(b"\r\nTo: undisclosed-recipients:;\r\n" in notice.content, notice.content)
    check(b"\r\nFinal-Recipient: rfc822; " + b"x" * 900 in notice.content, notice.content)
    check(max(map(len, notice.content.split(b"\r\n"))) <= 998, notice.content)


main(site.keep_queue_note)
