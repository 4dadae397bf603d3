# SPDX-License-Identifier: ISC
"""This host among the exchangers (RFC 5321 section 5.1): by name, by address, by greeting."""
import os
import subprocess

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test

# Other hosts could reach us at this device.  The loopback device would not count.
for command in ("link add outside type veth peer name outside1",
                "address add 198.51.100.7/24 dev outside", "link set outside up",
                "link set outside1 up"):
    subprocess.run(["ip", *command.split()], check=True)

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
best     MX 10 better
best     MX 20 us
best     MX 30 worse
better   A 192.0.2.11
worse    A 192.0.2.12
us       A 198.51.100.7
onlyus   MX 10 us
onlyus   MX 10 worse
onlyus   MX 20 worse
name     MX 10 mail.sender2.example.
name     MX 20 worse
down     MX 10 nobody
down     MX 20 us
nobody   A 192.0.2.99
nat      MX 10 natted
nat      MX 20 worse
natted   A 192.0.2.1
backup   MX 10 better
backup   MX 20 natted
backup   MX 30 worse
backup2  MX 10 nobody
backup2  MX 20 natted
backup2  MX 30 worse
inside   MX 10 local
inside   MX 20 worse
inside2  MX 10 better
inside2  MX 20 local
local    A 127.0.0.1
""", "sender2.example": "mail A 192.0.2.1"})
better, worse = Exchanger("192.0.2.11"), Exchanger("192.0.2.12")
site = Site("site", hostname="mail.sender2.example").listen()


def bounced(domain, *words):
    had = len(site.mailbox("alice"))
    site.send("bob@" + domain)
    site.relay()
    same(len(site.mailbox("alice")) - had, 1, site.queue_text(), site.log())
    text = site.mailbox("alice")[-1].decode().replace("\r\n ", " ")
    for word in ("Status: 5.4.6", "comes back to this host", "[route %s]" % domain, *words):
        check(word in text, word, text)
    same(site.queued(), [])
    same(worse.connections, 0, "a worse preference than our own is never asked")


@test("R102 a better exchanger than ourselves gets the mail")
def _():
    site.send("bob@best.example.org")
    site.relay()
    same([len(better.messages), worse.connections, site.queued()], [1, 0, []], site.log())


@test("R102 our own address: this preference and worse ones are dropped; bounced with 5.4.6")
def _():
    bounced("onlyus.example.org")


@test("an exchanger with a loopback address is never asked, unless the operator allows it")
def _():
    local = Exchanger("127.0.0.1")
    had = len(site.mailbox("alice")), len(better.messages)
    for domain in ("inside", "inside2"):
        site.send("bob@%s.example.org" % domain)
        site.relay()
    same([len(site.mailbox("alice")) - had[0], len(better.messages) - had[1]], [1, 1],
         site.log())
    text = site.mailbox("alice")[-1].decode().replace("\r\n ", " ")
    for word in ("Status: 5.4.6", "local.example.org", "allow-loopback-exchangers"):
        check(word in text, word, text)
    same([local.connections, worse.connections, site.queued()], [0, 0, []])
    site.send("bob@inside.example.org")
    site.relay("-o", "relay.allow-loopback-exchangers=yes")
    same([len(local.messages), site.queued()], [1, []], site.log())


@test("R102 our own name: the same")
def _():
    bounced("name.example.org")


@test("R102 our own server at a translated address, known by its greeting only")
def _():
    bounced("nat.example.org", "192.0.2.1")


@test("R102 better exchangers that are down: we are the backup, and the mail waits")
def _():
    for domain in ("down.example.org", "backup2.example.org"):
        site.send("bob@" + domain)
        site.relay()
        same([len(site.queued("wait")), worse.connections], [1, 0], site.queue_text(), site.log())
        os.unlink(site.queued("wait")[0])


@test("R102 better exchangers that answer, and our own server after them")
def _():
    had = len(better.messages)
    site.send("bob@backup.example.org")
    site.relay()
    same([len(better.messages) - had, site.queued()], [1, []], site.log())


@test("R102 --explain shows our own place among the exchangers")
def _():
    for domain, word in (("onlyus.example.org", "5.4.6"),
                         ("name.example.org", "add a [route name.example.org]")):
        text = site.explain("bob@" + domain)
        check(word in text, text)
    text = site.explain("bob@best.example.org")
    check("better.example.org" in text and "us.example.org" not in text and "worse" not in text,
          text)


@test("R102 mail for our own name without a route: returned, with advice; no loop")
def _():
    had = len(site.mailbox("alice"))
    with site.smtp() as smtp:
        smtp.sendmail("alice@sender.example", ["bob@mail.sender2.example"],
                      b"Subject: x\r\n\r\nHello.\r\n")
    site.relay()
    same(site.queued(), [], site.queue_text(), site.log())
    text = site.mailbox("alice")[-1].decode().replace("\r\n ", " ")
    same(len(site.mailbox("alice")) - had, 1)
    check("Status: 5.4.6" in text and "add a [route mail.sender2.example]" in text, text)


@test("R102 the same from <>: kept in dead/, with the reason in its log")
def _():
    with site.smtp() as smtp:
        smtp.sendmail("", ["bob@mail.sender2.example"], b"Subject: x\r\n\r\nHello.\r\n")
    site.relay()
    same([len(site.queued("dead")), len(site.queued())], [1, 1], site.queue_text(), site.log())
    check("add a [route mail.sender2.example]" in site.queue_text() + site.log(), site.queue_text(),
          site.log())


main(site.keep_queue_note)
