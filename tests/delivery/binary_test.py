# SPDX-License-Identifier: ISC
"""Binary content between two of our servers (RFC 3030): BDAT in, BDAT out, the same octets."""
import os
import re
import subprocess

from exchangers import Exchanger
from nameservers import nsd
from octets import different
from programs import RELAY, TRACED, Site, fresh_directory
from tap import check, main, same, test

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": "own MX 10 mx.own\nmx.own A 192.0.2.70\naio MX 10 mx.aio\n"
                                        "mx.aio A 192.0.2.71\n"})
receiver = Site("receiver", "[route own.example.org]\nvia = print\n", address="192.0.2.70",
                hostname="mx.own.example.org").listen()
site = Site("site").listen()
aio = Exchanger("192.0.2.71")
HEAD = (b"From: alice@sender.example\r\nSubject: binary\r\n"
        b"Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n\r\n")


def send(content, to="bob@own.example.org"):
    with site.smtp() as smtp:
        smtp.ehlo()
        same(smtp.mail("alice@sender.example", ["BODY=BINARYMIME"])[0], 250)
        same(smtp.rcpt(to)[0], 250)
        smtp.send(b"BDAT %d LAST\r\n" % len(content) + content)
        code, text = smtp.getreply()
        same(code, 250, text)


def arrived():
    """The content of the only message in the receiver's queue, without both Received fields."""
    paths = receiver.queued("new")
    same(len(paths), 1, site.log()[-2000:])
    text = open(paths[0], "rb").read()
    os.unlink(paths[0])
    check(b"BODY=BINARYMIME" in text.split(b"\n\n", 1)[0] or b"binary" in text.split(b"\n\n", 1)[0],
          text[:600])
    return text[text.index(HEAD[:20]):]


def each(name, content):
    @test("R093 binary: " + name)
    def _():
        send(HEAD + content)
        site.relay()
        same(site.queued(), [], site.log()[-2000:])
        difference = different(arrived(), HEAD + content)
        check(difference is None, difference)


each("all octets", bytes(range(256)) * 4)
each("bare line ends, and no line end at the end", b"a\rb\nc\r\r\n\n.\n.\r\n..\r\nthe end")
each("a lone dot between line ends", b"before\r\n.\r\nbehind\r\n")
each("3 MB", os.urandom(3_000_000))


def by_data(text):
    """The content that a server without BINARYMIME gets."""
    before = len(aio.messages)
    with site.smtp() as smtp:
        smtp.ehlo()
        same(smtp.mail("alice@sender.example")[0], 250)
        same(smtp.rcpt("bob@aio.example.org")[0], 250)
        same(smtp.docmd("DATA")[0], 354)
        smtp.send(text + b".\r\n")
        same(smtp.getreply()[0], 250)
    site.relay()
    same(site.queued(), [], site.log()[-2000:])
    same(len(aio.messages), before + 1)
    content = aio.messages[-1].content
    check(b"\0" not in content, content)
    return content


@test("a NUL that came by DATA goes encoded to a server without BINARYMIME")
def _():
    content = by_data(b"Subject: x\r\n\r\nhello\r\n\0.\r\nMAIL FROM:<smuggled@b.example>\r\n")
    check(b"\nContent-Transfer-Encoding: base64\r\n" in content, content)


@test("a NUL below header fields with octets above 127: these fields stay as they are")
def _():
    content = by_data(b"Subject: \303\274\r\n\r\na\0b\r\n")
    check(b"\nSubject: \303\274\r\n" in content and content.endswith(b"\r\n\r\nYQBiDQo=\r\n"),
          content)


@test("a NUL in the header of a part becomes a blank, and the part stays as it is")
def _():
    part = (b"--a\r\nContent-Disposition: attachment; filename=\"x\0y\"\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\nYWJj\r\n--a--\r\n")
    content = by_data(b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=a\r\n\r\n"
                      + part)
    check(content.endswith(part.replace(b"\0", b" ")), content)


def octets_by_sendfile():
    """Run the runner; the result is how many octets it moved from the file to the socket."""
    trace = directory + "/trace"
    done = subprocess.run(["strace", "-f", "-e", "trace=sendfile", "-o", trace, RELAY,
                           "-c", site.config], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60,
                          env=TRACED)
    same(done.returncode, 0, done.stderr)
    calls = re.findall(r"sendfile(?:\(.*| resumed>.*)\) = (\d+)", open(trace).read())
    return sum(map(int, calls))


@test("3 MB by BDAT go directly from the file to the socket")
def _():
    body = HEAD + os.urandom(3_000_000)
    send(body)
    check(octets_by_sendfile() > 2_900_000, open(directory + "/trace").read()[:2000])
    same(different(arrived(), body), None)


@test("3 MB by DATA go directly from the file to the socket if no line begins with a dot")
def _():
    text = b"Subject: large\r\n\r\n" + b"0123456789" * 7 + b"\r\n"
    site.send("bob@aio.example.org", text + (b"0123456789" * 7 + b"\r\n") * 42000)
    check(octets_by_sendfile() > 2_900_000, open(directory + "/trace").read()[:2000])
    check(aio.messages[-1].content.endswith(text[-72:] * 42000), len(aio.messages[-1].content))


main(site.keep_queue_note)
