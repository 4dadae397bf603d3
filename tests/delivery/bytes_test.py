# SPDX-License-Identifier: ISC
"""Four senders and two receivers: the octets arrive as they were sent.

opensmtpd_test.py has the third receiver.
"""
import email
import os

from exchangers import Exchanger
from nameservers import nsd
from octets import BODIES, HEAD, arrives, different, each_body, lf, send_smtplib, without_received
from programs import Site, fresh_directory, run_client
from receivers import Sink
from tap import check, main, same, test

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
sink     MX 10 mx.sink
mx.sink  A 192.0.2.21
aio      MX 10 mx.aio
mx.aio   A 192.0.2.22
old      MX 10 mx.old
mx.old   A 192.0.2.24
"""})
sink, aio = Sink(directory + "/sink", "192.0.2.21"), Exchanger("192.0.2.22")
site = Site("site").listen()


def from_aio():
    return [e.content for e in aio.messages]


each_body(site, "aiosmtpd", "bob@aio.example.org", from_aio)
each_body(site, "smtp-sink", "bob@sink.example.org", sink.messages, lf)


@test("H091 an empty message")
def _():
    send_smtplib(site, "bob@aio.example.org", b"")
    had = len(aio.messages)
    site.relay()
    same(len(aio.messages) - had, 1)
    # smtplib itself puts a line end before the dot of an empty message.
    check(without_received(aio.messages[-1].content) in (b"", b"\r\n"), aio.messages[-1].content)


@test("R149 octets above 127 for a server without 8BITMIME arrive in seven bits with the same text")
def _():
    old = Exchanger("192.0.2.24")
    old.hide = b"8BITMIME"
    send_smtplib(site, "bob@old.example.org", b"Subject: old\r\n\r\n" + BODIES["octets above 127"])
    site.relay()
    same(len(old.messages), 1, site.queue_text(), site.log())
    check(max(old.messages[0].content) < 128, old.messages[0].content)
    got = email.message_from_bytes(without_received(old.messages[0].content))
    same(got.get_payload(decode=True), BODIES["octets above 127"])


@test("sender: swaks, pipelining")
def _():
    message = HEAD + b"from swaks\r\n.dots too\r\n"
    with open(directory + "/swaks.txt", "wb") as file:
        file.write(message)
    out = run_client(["swaks", "--server", site.address, "--from", "alice@sender.example",
                      "--to", "bob@aio.example.org", "--helo", "client.example", "--pipeline",
                      "--data", "@" + directory + "/swaks.txt"])
    check(b"queued as" in out, out)
    # swaks ends its data with an empty line of its own.
    arrives(site, from_aio, message + b"\r\n")


def curl(message, *to):
    with open(directory + "/curl.txt", "wb") as file:
        file.write(message)
    recipients = [word for address in to for word in ("--mail-rcpt", address)]
    run_client(["curl", "--silent", "--show-error", "smtp://%s/client.example" % site.address,
                "--mail-from", "alice@sender.example",
                *recipients, "--upload-file", directory + "/curl.txt"])


@test("sender: curl")
def _():
    message = HEAD + b"from curl\r\n..two dots\r\n" + b"c" * 998 + b"\r\n"
    curl(message, "bob@aio.example.org")
    arrives(site, from_aio, message)


@test("sender: curl, a file without a final line end: one is added, nothing else")
def _():
    message = HEAD + b"the end"
    curl(message, "bob@aio.example.org")
    arrives(site, from_aio, message + b"\r\n")


@test("sender: curl, 5 MB to two recipients of two receivers")
def _():
    message, had = HEAD + BODIES["5 MB"], len(sink.messages())
    curl(message, "bob@aio.example.org", "bob@sink.example.org")
    arrives(site, from_aio, message)
    same(len(sink.messages()) - had, 1)
    same(different(without_received(sink.messages()[-1]), lf(message)), None)


@test("sender: Python's smtplib")
def _():
    with site.smtp() as smtp:
        smtp.sendmail("alice@sender.example", ["bob@aio.example.org"],
                      HEAD + b"from smtplib\r\n.\r\n")
    arrives(site, from_aio, HEAD + b"from smtplib\r\n.\r\n")


@test("sender: msmtp")
def _():
    with open(directory + "/msmtprc", "w") as file:
        file.write("account default\nhost %s\nport 25\nfrom alice@sender.example\n"
                   "domain client.example\ntls off\nauth off\n"
                   "set_date_header off\nset_msgid_header off\nset_from_header off\n"
                   % site.address)
    os.chmod(directory + "/msmtprc", 0o600)
    run_client(["msmtp", "-C", directory + "/msmtprc", "bob@aio.example.org"],
               lf(HEAD + b"from msmtp\r\n.\r\n.x\r\n"))
    arrives(site, from_aio, HEAD + b"from msmtp\r\n.\r\n.x\r\n")


@test("many recipients of one domain: one transaction")
def _():
    everyone = ["user%d@aio.example.org" % i for i in range(60)]
    had = len(aio.messages)
    site.send(everyone)
    site.relay()
    same(sorted(r for e in aio.messages[had:] for r in e.rcpt_tos), sorted(everyone))
    same(len(aio.messages) - had, 1)


main(site.keep_queue_note)
