# SPDX-License-Identifier: ISC
"""SMTP with real servers, Postfix and Exim: BDAT and DATA, many messages over one connection.

It needs root.
"""
import re

from certificates import Authority
from nameservers import nsd
from octets import BODIES, HEAD, lf, send_smtplib, without_received
from programs import Site, fresh_directory
from receivers import really_root
from tap import bail_out, check, main, same, test, wait_for
from tls_receivers import Exim, Postfix, prepare

if not really_root():
    bail_out("Postfix and Exim change their users: run this as root")
directory = fresh_directory()
prepare()
authority = Authority("/mnt/receivers/ca")
nsd(directory + "/nsd", {"example.org": "".join(
    "%s MX 10 mx.%s\nmx.%s A 192.0.2.%d\n" % (name, name, name, address)
    for name, address in (("postfix", 31), ("exim", 32)))})
postfix = Postfix("192.0.2.31", "postfix.example.org",
                  authority.leaf("postfix", "mx.postfix.example.org"))
exim = Exim("192.0.2.32", "exim.example.org", authority.leaf("exim", "mx.exim.example.org"))
site = Site("site", "[relay]\ntls = none\nper-destination = 1\n").listen()
COUNT = 25


def restart_postfix(*settings):
    with open(postfix.directory + "/etc/main.cf", "a") as file:
        file.write("".join(line + "\n" for line in settings))
    postfix.stop()
    postfix.start()


def restart_exim(*changes):
    text = open(exim.directory + "/conf").read()
    for old, new in changes:
        check(old in text, old)
        text = text.replace(old, new)
    with open(exim.directory + "/conf", "w") as file:
        file.write(text)
    exim.restart()


def content(text):
    """The message as it was sent, without the fields of the delivery and of the servers."""
    start = re.search(rb"(?m)^Received: from [^\n]*\n"
                      rb"(?:[ \t][^\n]*\n)*?[^\n]*by mail\.sender\.example", text)
    check(start, text[:1000])
    return without_received(text[start.start():])


def sessions():
    """The log of Postfix about each session: the commands and their numbers."""
    return re.findall(r"disconnect from \S+ (.*)", postfix.says())


def each_kind(name, peer, to):
    for kind, body in BODIES.items():
        if kind == "a line of 20,000 octets":
            continue        # Postfix cuts such lines, Exim refuses them
        had = len(peer.messages())
        send_smtplib(site, to, HEAD + body)
        site.relay()
        check(wait_for(lambda: len(peer.messages()) == had + 1, 20), kind, peer.says()[-3000:],
              site.log()[-3000:])
        # Postfix removes a blank before a colon.
        check(content(peer.messages()[-1]).replace(b"X-Odd:", b"X-Odd :") == lf(HEAD + body), kind,
              peer.messages()[-1][:2000])


def many(name, peer, to):
    had = len(peer.messages())
    for i in range(COUNT):
        site.send([to, "nobody@" + to.split("@")[1]] if i % 5 == 0 else to,
                  b"Subject: number %d\r\n\r\n.dot\r\n" % i)
    bounces = len(site.mailbox("alice"))
    site.relay()
    check(wait_for(lambda: len(peer.messages()) == had + COUNT, 20), len(peer.messages()) - had,
          peer.says()[-3000:], site.log()[-3000:])
    same(sorted(int(re.search(rb"Subject: number (\d+)", text)[1])
                for text in peer.messages()[had:]), list(range(COUNT)))
    same(len(site.mailbox("alice")) - bounces, COUNT // 5)
    same(site.queued(), [], site.log()[-2000:])


restart_postfix("maillog_file_prefixes = /mnt", "maillog_file = %s/log" % postfix.directory,
                "smtpd_recipient_restrictions = check_recipient_access "
                "inline:{{nobody@postfix.example.org = 550 5.1.1 nobody}}, "
                "reject_unauth_destination")
restart_exim(("acl_smtp_rcpt = accept\n", "acl_smtp_rcpt = rcpt\n"),
             ("begin routers\n", "begin acl\nrcpt:\n  deny local_parts = nobody\n  accept\n"
                                 "begin routers\n"),
             ("keep_environment =\n", "keep_environment =\nsmtp_accept_queue_per_connection = 0\n"
                                      "log_selector = +all\n"))


@test("R078 Postfix, by BDAT: octets of every kind")
def _():
    each_kind("Postfix", postfix, "bob@postfix.example.org")
    said = sessions()[-1]
    check("bdat=1" in said and "data=" not in said, said)


@test("R078 Exim, by BDAT: octets of every kind")
def _():
    each_kind("Exim", exim, "bob@exim.example.org")
    check(re.search(r"<= alice@sender\.example .* K ", exim.says()), exim.says()[-2000:])


@test("R140 Postfix, by BDAT: many messages, some with a refused recipient, over one connection")
def _():
    many("Postfix", postfix, "bob@postfix.example.org")
    wanted = "mail=%d rcpt=%d/%d bdat=%d" % (COUNT, COUNT, COUNT + COUNT // 5, COUNT)
    check(wanted in sessions()[-1], sessions()[-1])


@test("R140 Exim, by BDAT: many messages, some with a refused recipient, over one connection")
def _():
    many("Exim", exim, "bob@exim.example.org")


@test("R120 Postfix, by DATA: the next message's commands follow the last one's content")
def _():
    restart_postfix("smtpd_discard_ehlo_keywords = chunking")
    many("Postfix", postfix, "bob@postfix.example.org")
    wanted = "mail=%d rcpt=%d/%d data=%d" % (COUNT, COUNT, COUNT + COUNT // 5, COUNT)
    check(wanted in sessions()[-1], sessions()[-1])


@test("R120 Exim, by DATA: the next message's commands follow the last one's content")
def _():
    restart_exim(
        ("tls_advertise_hosts = *\n", "tls_advertise_hosts = *\nchunking_advertise_hosts =\n"))
    many("Exim", exim, "bob@exim.example.org")
    check("synchronization" not in exim.says(), exim.says()[-3000:])


@test("R078 both, by DATA: octets of every kind")
def _():
    each_kind("Postfix", postfix, "bob@postfix.example.org")
    each_kind("Exim", exim, "bob@exim.example.org")


main(site.keep_queue_note)
