# SPDX-License-Identifier: ISC
"""Messages that are hard to carry; they must arrive as the same octets after a Received field.

Text with a line over 998 octets is the exception: it arrives encoded (RFC 5321 section 4.5.3.1.6).
"""
import os
import quopri
import random
import re

from tap import check, same, test, wait_for

random.seed(2)
HEAD = (b"From: alice@sender.example\r\nTo: bob@example.org\r\nSubject: as it is\r\n"
        b"Date: Sun, 22 Nov 2026 06:00:00 +0000\r\n"
        b"Message-ID: <1@sender.example>\r\nX-Odd :  kept  \r\n\tfolded\r\n\r\n")


def letters(n):
    return bytes(random.choices(b"abcdefghijklmnopqrstuvwxyz ABCDEFGHIJ.=-", k=n))


BODIES = {
    "plain text": b"Hello,\r\n\r\nworld.\r\n",
    "leading dots": b".\r\n..\r\n...\r\n.x\r\n\r\n.\r\n",
    "octets above 127": bytes(range(128, 256)) + "Grüße, \u4f60\u597d\r\n".encode()
    + b"\xff\xfe\r\n",
    "a line of 998 octets": b"x" * 998 + b"\r\nend\r\n",
    "a line of 20,000 octets": b"y" * 20000 + b"\r\n" + b"." + b"z" * 19999 + b"\r\nend\r\n",
    "empty lines at the end": b"text\r\n\r\n\r\n\r\n",
    "5 MB": b"".join(letters(random.randrange(0, 120)) + b"\r\n" for _ in range(85000)),
}
assert len(BODIES["5 MB"]) > 5_000_000


def without_received(content, by=b"mail.sender.example"):
    """Remove our own Received field; there has to be exactly one, as the first field."""
    match = re.match(rb"Received: from [^\n]*\n(?:[ \t][^\n]*\n)*", content)
    check(match and b"by " + by in match[0], content[:600])
    rest = content[match.end():]
    check(b"by " + by not in rest.split(b"\n\n", 1)[0].split(b"\r\n\r\n", 1)[0], content[:900])
    return rest


def different(got, wanted):
    """None if both are equal, or else their first difference."""
    if got == wanted:
        return None
    at = next((i for i, (a, b) in enumerate(zip(got, wanted)) if a != b),
              min(len(got), len(wanted)))
    return ("%d octets, wanted %d; from octet %d: %r, wanted %r"
            % (len(got), len(wanted), at, got[at:at + 80], wanted[at:at + 80]))


def lf(text):
    return text.replace(b"\r\n", b"\n")


def changed(got, wanted):
    """None if the message arrived as it has to, or else the first difference."""
    if max(map(len, lf(wanted).split(b"\n"))) <= 998:
        return different(got, wanted)
    if max(map(len, lf(got).split(b"\n"))) > 998:
        return "a line over 998 octets"
    head, body = lf(got).split(b"\n\n", 1)
    if b"\nContent-Transfer-Encoding: quoted-printable" not in head:
        return "not encoded"
    return different(quopri.decodestring(body), lf(wanted).split(b"\n\n", 1)[1])


def arrives(site, read, message, lines=lambda text: text):
    """Run the runner; read() then gives one new message, and it is message."""
    had = len(read())
    site.relay()
    left = site.queued()
    for path in left:       # the next test needs an empty queue
        os.unlink(path)
    same(left, [], site.log()[-3000:])
    got = wait_for(lambda: read()[had:], 20)
    check(got and len(got) == 1, got and len(got), site.log()[-3000:])
    difference = changed(without_received(got[0]), lines(message))
    check(difference is None, difference or "")


def send_smtplib(site, to, message, options=("BODY=8BITMIME",)):
    with site.smtp() as smtp:
        smtp.ehlo()
        same(smtp.mail("alice@sender.example", options)[0], 250)
        same(smtp.rcpt(to)[0], 250)
        code, text = smtp.data(message)
        same(code, 250, text)


def round_trip(site, to, body, read, lines=lambda text: text):
    message = HEAD + body
    send_smtplib(site, to, message)
    arrives(site, read, message, lines)


def each_body(site, name, to, read, lines=lambda text: text):
    for kind, body in BODIES.items():
        def run(body=body):
            round_trip(site, to, body, read, lines)
        test("R078 %s to %s" % (kind, name))(run)
