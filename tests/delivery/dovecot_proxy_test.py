# SPDX-License-Identifier: ISC
"""A proxy of Dovecot in front of two Dovecots with mailboxes, by the files of the guide.  It needs
root."""
import os
import re
import subprocess

from dovecot import DIRECTORY, DebianDovecot
from nameservers import nsd
from programs import Site, fresh_directory
from receivers import listens, really_root
from tap import bail_out, check, main, same, test, wait_for

if not really_root():
    bail_out("Dovecot changes its user: run this as root")
directory = fresh_directory()
subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt"], check=True)
os.makedirs(DIRECTORY)
mail1, mail2 = [DebianDovecot("mail%d" % n, "192.0.2.4%d" % n, [user],
                              ["/etc/dovecot/conf.d/95-mailboxes.conf"])
                for n, user in ((1, "anna"), (2, "ben"))]
OWN_USERS = "sed -i 's/^!include auth-system/#&/' /etc/dovecot/conf.d/10-auth.conf"
proxy = DebianDovecot("proxy", "192.0.2.40", before=OWN_USERS,
                      files=["/etc/dovecot/conf.d/95-proxy.conf", "/etc/dovecot/mailboxes"])
site = Site("site", "[route example.org]\nvia = lmtp://127.0.0.1:24\n").listen()
nsd(directory + "/nsd", {"inside.example": """
_lmtp._tcp  SRV 10 0 24 dead
_lmtp._tcp  SRV 20 0 24 proxy
dead   A 192.0.2.99
proxy  A 127.0.0.1
"""})
by_name = Site("by-name", "[route example.org]\nvia = lmtp://_lmtp._tcp.inside.example\n",
               address="192.0.2.2").listen()
BOTH = ["anna@example.org", "ben@example.org"]


def counts():
    return len(mail1.messages("anna")), len(mail2.messages("ben"))


def send(recipients, subject):
    site.send(recipients, b"Subject: %s\r\n\r\nHello.\r\n" % subject.encode())
    site.relay()


@test("each recipient's mail goes to the machine with the mailbox")
def _():
    send(BOTH[0], "one")
    same(counts(), (1, 0), site.log()[-2000:], proxy.says()[-2000:])
    send(BOTH[1], "two")
    send(BOTH, "three")
    same(counts(), (2, 2), site.log()[-2000:])
    same(site.queued(), [])
    same([re.findall(rb"(?m)^Return-Path: (.*)$", m) for m in mail2.messages("ben")],
         [[b"<alice@sender.example>"]] * 2)


@test("SRV records of LMTP name the proxies, and the better one is dead")
def _():
    had = counts()
    by_name.send(BOTH, b"Subject: by-name\r\n\r\nHello.\r\n")
    by_name.relay()
    same((counts()[0] - had[0], counts()[1] - had[1]), (1, 1), by_name.log()[-2000:])
    same(by_name.queued(), [])


@test("a user that no machine has: a notice, and the others get the message")
def _():
    send([*BOTH, "nobody@example.org"], "four")
    same(counts(), (4, 4), site.log()[-2000:])
    same(len(site.mailbox("alice")), 1, site.log()[-2000:])
    check(b"nobody@example.org" in site.mailbox("alice")[0])


@test("a machine dies: the mail of its users waits, that of the others goes on")
def _():
    had = counts()
    mail2.kill()
    for number in range(3):
        send(BOTH, "five-%d" % number)
    send(BOTH[1], "six")
    same(len(mail1.messages("anna")) - had[0], 3, site.log()[-3000:])
    same(len(site.queued("wait")), 4, site.log()[-3000:])
    text = site.queue_text()
    check(text.count("<ben@example.org> deferred 4.") == 4 and
          text.count("D <anna@example.org>") == 3, text)
    same(len(site.mailbox("alice")), 1)
    check("paused" not in site.log(), site.log()[-3000:])


@test("it is back: each message arrives once")
def _():
    had = counts()
    mail2.start()
    check(wait_for(lambda: listens("192.0.2.42", 24), 10), mail2.says())
    site.relay("--flush")
    same(site.queued(), [], site.log()[-2000:])
    same((counts()[0] - had[0], counts()[1] - had[1]), (0, 4), site.log()[-2000:])
    subjects = [re.search(rb"Subject: (\S+)", m)[1] for m in mail2.messages("ben")]
    same(len(set(subjects)), len(subjects))


def stop(failed):
    site.keep_queue_note(failed)
    for server in (proxy, mail1, mail2):
        server.kill()


main(stop)
