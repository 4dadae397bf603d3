# SPDX-License-Identifier: ISC
"""Four senders, three receivers: what goes in comes out, octet for octet, under one more Received line."""
import os
import random
import re
import smtplib

from exchangers import Exchanger
from nameservers import nsd
from programs import Site, fresh_directory, run_client
from receivers import OpenSMTPD, Sink
from tap import check, main, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
sink     MX 10 mx.sink
mx.sink  A 192.0.2.21
aio      MX 10 mx.aio
mx.aio   A 192.0.2.22
bsd      MX 10 mx.bsd
mx.bsd   A 192.0.2.23
old      MX 10 mx.old
mx.old   A 192.0.2.24
"""})
sink, aio = Sink(directory + "/sink", "192.0.2.21"), Exchanger("192.0.2.22")
site = Site("site").listen()

random.seed(2)
HEAD = b"From: alice@sender.example\r\nTo: bob@example.org\r\nSubject: as it is\r\nDate: Sun, 22 Nov 2026 06:00:00 +0000\r\n" \
       b"Message-ID: <1@sender.example>\r\nX-Odd :  kept  \r\n\tfolded\r\n\r\n"


def letters(n):
    return bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJ.=-", k=n))


BODIES = {
    "plain text": b"Hello,\r\n\r\nworld.\r\n",
    "leading dots": b".\r\n..\r\n...\r\n.x\r\n\r\n.\r\n",
    "octets above 127": bytes(range(128, 256)) + "Grüße, \u4f60\u597d\r\n".encode() + b"\xff\xfe\r\n",
    "a line of 998 octets": b"x" * 998 + b"\r\nend\r\n",
    "a line of 20,000 octets": b"y" * 20000 + b"\r\n" + b"." + b"z" * 19999 + b"\r\nend\r\n",
    "empty lines at the end": b"text\r\n\r\n\r\n\r\n",
    "5 MB": b"".join(letters(random.randrange(0, 120)) + b"\r\n" for _ in range(85000)),
}
assert len(BODIES["5 MB"]) > 5_000_000


def without_received(content, by=b"mail.sender.example"):
    """Take our own line off; there has to be exactly one, the first."""
    match = re.match(rb"Received: from [^\n]*\n(?:[ \t][^\n]*\n)*", content)
    check(match and b"by " + by in match[0], content[:600])
    rest = content[match.end():]
    check(b"by " + by not in rest.split(b"\n\n", 1)[0].split(b"\r\n\r\n", 1)[0], content[:900])
    return rest


def different(got, wanted):
    """None, or where they part."""
    if got == wanted:
        return None
    at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b), min(len(got), len(wanted)))
    return "%d octets, wanted %d; from octet %d: %r, wanted %r" % (len(got), len(wanted), at, got[at:at + 80], wanted[at:at + 80])


def lf(text):
    return text.replace(b"\r\n", b"\n")


def arrives(read, message, lines=lambda text: text):
    """Run; the one new message that read() gives is the wanted one."""
    had = len(read())
    site.relay()
    left = site.queued()
    for path in left:       # each test for itself
        os.unlink(path)
    same(left, [], site.log()[-3000:])
    got = wait_for(lambda: read()[had:], 20)
    check(got and len(got) == 1, got and len(got), site.log()[-3000:])
    difference = different(without_received(got[0]), lines(message))
    check(difference is None, difference or "")


def from_aio():
    return [e.content for e in aio.messages]


def send_smtplib(to, message, options=("BODY=8BITMIME",)):
    with site.smtp() as smtp:
        smtp.ehlo()
        same(smtp.mail("alice@sender.example", options)[0], 250)
        same(smtp.rcpt(to)[0], 250)
        code, text = smtp.data(message)
        same(code, 250, text)


def round_trip(to, body, read, lines=lambda text: text):
    message = HEAD + body
    send_smtplib(to, message)
    arrives(read, message, lines)


def each_body(name, to, read, lines=lambda text: text):
    for kind, body in BODIES.items():
        def run(body=body):
            round_trip(to, body, read, lines)
        test("R078 %s to %s" % (kind, name))(run)


each_body("aiosmtpd", "bob@aio.example.org", from_aio)
each_body("smtp-sink", "bob@sink.example.org", sink.messages, lf)


def from_bsd():
    return bsd.messages("carol")


@test("OpenSMTPD starts")
def _():
    global bsd
    bsd = OpenSMTPD(directory + "/opensmtpd", "192.0.2.23", "bsd.example.org", ["carol"])


# It refuses lines over 65,535 octets and, by the book, knows its user only.
each_body("OpenSMTPD", "carol@bsd.example.org", from_bsd, lf)


@test("R093 no line end at the end: one is added, nothing else")
def _():
    message = HEAD + b"no end of line"
    with site.smtp() as smtp:
        smtp.ehlo("client.example")
        for command in ("MAIL FROM:<alice@sender.example>", "RCPT TO:<bob@aio.example.org>"):
            same(smtp.docmd(command)[0], 250)
        same(smtp.docmd("DATA")[0], 354)
        smtp.send(message + b"\r\n.\r\n")
        same(smtp.getreply()[0], 250)
    arrives(from_aio, message + b"\r\n")


@test("H091 an empty message")
def _():
    send_smtplib("bob@aio.example.org", b"")
    had = len(aio.messages)
    site.relay()
    same(len(aio.messages) - had, 1)
    # smtplib itself puts a line end before the dot of an empty message.
    check(without_received(aio.messages[-1].content) in (b"", b"\r\n"), aio.messages[-1].content)


@test("R149 octets above 127 for a server without 8BITMIME: never sent as they are; bounced with 5.6.3 or made 7bit")
def _():
    old = Exchanger("192.0.2.24")
    old.hide = b"8BITMIME"
    had = len(site.mailbox("alice"))
    send_smtplib("bob@old.example.org", HEAD + BODIES["octets above 127"])
    site.relay()
    if old.messages:
        check(max(old.messages[0].content) < 128, old.messages[0].content)
    else:
        same(len(site.mailbox("alice")) - had, 1, site.queue_text(), site.log())
        check(b"5.6.3" in site.mailbox("alice")[-1], site.mailbox("alice")[-1])


@test("sender: swaks, pipelining")
def _():
    message = HEAD + b"from swaks\r\n.dots too\r\n"
    with open(directory + "/swaks.txt", "wb") as file:
        file.write(message)
    out = run_client(["swaks", "--server", site.address, "--from", "alice@sender.example", "--to", "bob@aio.example.org", "--helo",
                      "client.example", "--pipeline", "--data", "@" + directory + "/swaks.txt"])
    check(b"queued as" in out, out)
    # swaks ends its data with an empty line of its own.
    arrives(from_aio, message + b"\r\n")


@test("sender: curl")
def _():
    message = HEAD + b"from curl\r\n..two dots\r\n" + b"c" * 998 + b"\r\n"
    with open(directory + "/curl.txt", "wb") as file:
        file.write(message)
    run_client(["curl", "--silent", "--show-error", "smtp://%s/client.example" % site.address, "--mail-from", "alice@sender.example",
                "--mail-rcpt", "bob@aio.example.org", "--upload-file", directory + "/curl.txt"])
    arrives(from_aio, message)


@test("sender: curl, 5 MB to two recipients of two receivers")
def _():
    message = HEAD + BODIES["5 MB"]
    with open(directory + "/curl.txt", "wb") as file:
        file.write(message)
    had = len(sink.messages())
    run_client(["curl", "--silent", "--show-error", "smtp://%s/client.example" % site.address, "--mail-from", "alice@sender.example",
                "--mail-rcpt", "bob@aio.example.org", "--mail-rcpt", "bob@sink.example.org", "--upload-file", directory + "/curl.txt"])
    arrives(from_aio, message)
    same(len(sink.messages()) - had, 1)
    same(different(without_received(sink.messages()[-1]), lf(message)), None)


@test("sender: Python's smtplib")
def _():
    with site.smtp() as smtp:
        smtp.sendmail("alice@sender.example", ["bob@aio.example.org"], HEAD + b"from smtplib\r\n.\r\n")
    arrives(from_aio, HEAD + b"from smtplib\r\n.\r\n")


@test("sender: msmtp")
def _():
    with open(directory + "/msmtprc", "w") as file:
        file.write("account default\nhost %s\nport 25\nfrom alice@sender.example\ndomain client.example\ntls off\nauth off\n"
                   "set_date_header off\nset_msgid_header off\nset_from_header off\n" % site.address)
    os.chmod(directory + "/msmtprc", 0o600)
    run_client(["msmtp", "-C", directory + "/msmtprc", "bob@aio.example.org"], lf(HEAD + b"from msmtp\r\n.\r\n.x\r\n"))
    arrives(from_aio, HEAD + b"from msmtp\r\n.\r\n.x\r\n")


@test("many recipients of one domain travel in one transaction")
def _():
    everyone = ["user%d@aio.example.org" % i for i in range(60)]
    had = len(aio.messages)
    site.send(everyone)
    site.relay()
    same(sorted(r for e in aio.messages[had:] for r in e.rcpt_tos), sorted(everyone))
    same(len(aio.messages) - had, 1)


main(site.keep_queue_note)
