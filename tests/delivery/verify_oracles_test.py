# SPDX-License-Identifier: ISC
"""Messages of many shapes: the verdicts of smtp-verify beside those of opendkim, opendmarc and
authheaders.  A difference is decided by the RFC, and is a row here."""
import os
import re
import subprocess

import authheaders
import dkim

from milter_client import MilterClient
from nameservers import nsd
from programs import BUILD, PEERS, fresh_directory, peer_environment
from tap import bail_out, check, main, note, same, test, wait_for
from verifier import Verifier

if not os.path.exists(PEERS + "/usr/sbin/opendmarc"):
    bail_out("build/peers has no opendmarc: make deps")
directory = fresh_directory()
os.chmod(directory, 0o755)
subprocess.run([BUILD + "/smtp-dkim-key", "make", "rsa", directory + "/key"], check=True)
LINE = subprocess.run([BUILD + "/smtp-dkim-key", "record", "s", "x", directory + "/key"],
                      check=True, capture_output=True, text=True).stdout
KEY = subprocess.run(["openssl", "rsa", "-traditional", "-in", directory + "/key"], check=True,
                     capture_output=True).stdout
RECORD = "s._domainkey%s TXT " + " ".join(re.findall(r'"[^"]*"', LINE)).replace(";", "\\;") + "\n"
POLICY = '_dmarc TXT "v=DMARC1\\; p=%s"\n'
SPF = '@ TXT "v=spf1 ip4:192.0.2.10 -all"\n'
nsd(directory + "/nsd", dict({
    "example": "", "client.example": "c " + SPF[2:], "plain.example": RECORD % ".m",
}, **{name + ".example": POLICY % policy + "m " + SPF[2:] + RECORD % ".m" + RECORD % ".sub.m"
      for name, policy in (("a", "reject"), ("bcd", "none"),
                           ("strict", "reject\\; adkim=s\\; aspf=s"))}))
with open(directory + "/resolv.conf", "w") as file:
    file.write("nameserver 192.0.2.53\n")
subprocess.run(["mount", "--bind", directory + "/resolv.conf", "/etc/resolv.conf"], check=True)
# It would ask the Internet, and a list of public suffixes that has no names for examples.
authheaders.check_psddmarc_list = lambda *_, **__: False
authheaders.get_org_domain = authheaders.dmarc_lookup.get_org_domain = \
    lambda name: ".".join(name.split(".")[-2:])
with open(directory + "/suffixes", "w") as file:
    file.write("example\n")


ENVIRONMENT = peer_environment()
ENVIRONMENT["LD_LIBRARY_PATH"] += ":" + PEERS + "/usr/lib"


def start(name, text):
    path = "%s/%s" % (directory, name)
    with open(path + ".conf", "w") as file:
        file.write("Socket local:%s.sock\nUMask 000\nBackground no\nAuthservID mx.example.org\n%s"
                   % (path, text))
    process = subprocess.Popen(
        [PEERS + "/usr/sbin/" + name, "-f", "-x" if name == "opendkim" else "-c", path + ".conf"],
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, stderr=open(path + ".log", "w"))

    def connect():
        try:
            return MilterClient(path + ".sock")
        except (OSError, EOFError):
            return None
    found = []
    check(wait_for(lambda: found.append(connect()) or found[-1], 10), open(path + ".log").read())
    return process, found[-1]


verifier = Verifier(directory)
opendkim, theirs = start("opendkim", "Mode v\nNameservers 192.0.2.53\nAlwaysAddARHeader yes\n"
                         "On-BadSignature accept\nOn-DNSError accept\n")
opendmarc, judge = start("opendmarc", "TrustedAuthservIDs mx.example.org\nSPFIgnoreResults no\n"
                         "PublicSuffixList %s/suffixes\n" % directory)
ours = MilterClient(verifier.path)
for client in ours, theirs, judge:
    client.connect("192.0.2.10")

FORMS = [(a, b) for a in (b"simple", b"relaxed") for b in (b"simple", b"relaxed")]
FROM = b"From: Anna <anna@m.a.example>\r\n"
REST = (b"To: b@example.org\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
        b"Message-ID: <1@m.a.example>\r\n")
SHAPES = {                      # of the header section
    "plain": b"Subject: x\r\n", "two blanks": b"Subject:  two  blanks \r\n",
    "no blank": b"Subject:x\r\n", "empty": b"Subject:\r\n", "a blank alone": b"Subject: \r\n",
    "folded": b"Subject: a\r\n b\r\n\tc\r\n", "a fold first": b"Subject:\r\n a\r\n",
    "tabs": b"Subject:\ta\t\tb\t\r\n", "trailing blanks": b"Subject: a   \r\n",
    "a blank fold": b"Subject: a\r\n \r\n b\r\n", "8bit": "Subject: grün\r\n".encode(),
    "encoded": b"Subject: =?utf-8?q?gr=C3=BCn?=\r\n", "long": b"Subject: " + b"x" * 900 + b"\r\n",
    "many folds": b"Subject: " + b"x\r\n " * 60 + b"y\r\n", "colons": b"Subject: a: b:: c\r\n",
    "capitals": b"SUBJECT: A\r\n", "form feed": b"Subject: a\x0cb \x0c\r\n",
    "quotes": b'Subject: "a  b" (c  d)\r\n', "two": b"Subject: 1\r\nSubject:  2\r\n",
}
BODIES = {
    "text": b"Hello.\r\n", "empty": b"", "one line end": b"\r\n", "line ends": b"\r\n\r\n\r\n",
    "blanks": b"a  b\t c \r\n \t \r\nd\r\n", "no end": b"last line", "blank line": b"x \r\n \r\n",
    "paragraphs": b"a\r\n\r\n\r\nb\r\n\r\n\r\n", "tabs": b"\t\ta\t\r\n",
    "8bit": "grün\r\n".encode() * 3, "a long line": b"x" * 5000 + b" \r\n",
    "dots": b".\r\n..\r\n.x\r\n", "blank first": b" a\r\n", "65535": b"x" * 65534 + b"\r\n" * 3,
    "64 octets": b"0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijkl\r\n" * 300,
}
CHANGES = {
    "the body": (rb"Hello", b"Hallo"), "a line more": (rb"\Z", b"more\r\n"),
    "an empty line more": (rb"\Z", b"\r\n"), "blanks at a line's end": (rb"Hello\.", b"Hello. \t"),
    "a blank line first": (rb"\r\n\r\n(?=Hello)", b"\r\n\r\n\r\n"),
    "the subject": (rb"Subject: x", b"Subject: y"), "blanks": (rb"Subject: x", b"Subject:  x"),
    "a fold": (rb"Subject: x", b"Subject:\r\n x"), "capitals": (rb"Subject:", b"SUBJECT:"),
    "no field": (rb"Subject: x\r\n", b""), "another field": (rb"\A", b"X-Other: 1\r\n"),
    "a subject more": (rb"\A", b"Subject: z\r\n"),
    "an author more": (rb"\A", b"From: e@m.bcd.example\r\n"),
    "the selector": (rb"s=s;", b"s=gone;"), "the domain": (rb"d=m\.a\.example", b"d=m.bcd.example"),
    "expired": (rb"t=\d+;", b"t=1; x=2;"), "another version": (rb"v=1;", b"v=2;"),
    "no signature": (rb"\bb=[^;]*\r\n(?=\w)", b"b=\r\n"),
    "another hash": (rb"bh=..", b"bh=AA"), "an unknown tag": (rb"v=1;", b"v=1; zz=1;"),
}


def signed(message, signer="m.a.example", forms=(b"relaxed", b"relaxed"), selector=b"s"):
    return dkim.sign(message, selector, signer.encode(), KEY, canonicalize=forms) + message


def words(answer, method):
    """The results of a method.  opendkim writes its own reasons."""
    return [re.match(r"\w+=(\w+)", r)[1] for r in answer.result(method)]


def by_opendkim(message):
    """Its results; a comment may stand in front of a property."""
    a = theirs.message(message, "x@c.client.example")
    return re.findall(r"\bdkim=(\w+)", " ".join(a.results))


def by_authheaders(message, sender=None):
    try:
        text = authheaders.authenticate_message(
            message, "mx.example.org", spf=bool(sender), dkim=True, ip="192.0.2.10",
            mail_from=sender, helo="c.client.example")
    except (IndexError, NameError, ValueError):
        return {"dkim": ["error"], "dmarc": ["error"]}
    return {m: re.findall(r"\b%s=(\w+)" % m, text) for m in ("dkim", "dmarc", "spf")}


# Names of messages, the verdicts of opendkim or opendmarc, ours, and of authheaders; and the reason
# why ours is right.
DECIDED = (
    (r"body, \w+/relaxed, no end", {("no", "pass", "pass")},
     "RFC 6376 section 3.4.4: a missing CRLF at the end is added"),
    (r"header, relaxed/\w+, form feed", {("no", "no", "pass")},
     "RFC 6376 section 2.8: a form feed is no white space; dkimpy signs as if it were"),
    (r"capitals, .*", {("none", "fail", "fail"), ("none", "pass", "pass")},
     "RFC 4343 section 2: names have no case"),
    (r"an at in quotes, .*", {("pass", "pass", "fail"), ("fail", "fail", "pass")},
     "RFC 5322 section 3.4.1: the domain is behind the last @"),
    (r"strict, DKIM of a strict subdomain", {("pass", "fail", "fail")},
     "RFC 9989 section 4.4: adkim=s wants the same name"),
    (r"policy none, (SPF|DKIM|DKIM of a subdomain)", {("pass", "fail", "fail")},
     "RFC 9989 section 4.4: a.example and bcd.example are two organizations"),
)
SEEN, USED = [0], set()


def decide(name, found):
    """All agree, or the difference is decided.  An oracle that breaks off has no verdict."""
    SEEN[0] += 1
    if len(set(found) - {"error"}) > 1:
        reasons = [why for what, verdicts, why in DECIDED
                   if re.fullmatch(what, name) and found in verdicts]
        check(reasons, "undecided: ", name, found)
        USED.add(reasons[0])


def compare(name, message):
    """Pass or not, in all three."""
    found = tuple("pass" if "pass" in r else "error" if "error" in r else "no" for r in (
        by_opendkim(message), words(ours.message(message, "x@c.client.example"), "dkim"),
        by_authheaders(message)["dkim"]))
    decide(name, found)


@test("DKIM: headers and bodies of all shapes, in all forms")
def _():
    for forms in FORMS:
        label = b"/".join(forms).decode()
        for name, field in SHAPES.items():
            compare("header, %s, %s" % (label, name),
                    signed(FROM + field + REST + b"\r\nHello.\r\n", forms=forms))
        for name, body in BODIES.items():
            compare("body, %s, %s" % (label, name),
                    signed(FROM + b"Subject: x\r\n" + REST + b"\r\n" + body, forms=forms))


@test("DKIM: messages that were changed on their way")
def _():
    for forms in FORMS:
        label = b"/".join(forms).decode()
        good = signed(FROM + b"Subject: x\r\n" + REST + b"\r\nHello.\r\n", forms=forms)
        for name, (what, to) in CHANGES.items():
            message, n = re.subn(what, to, good, count=1)
            same((n, name), (1, name))
            compare("changed, %s, %s" % (label, name), message)


AUTHORS = {
    "an address": b"anna@m.a.example", "in brackets": b"<anna@m.a.example>",
    "a name": b"Anna <anna@m.a.example>", "a quoted name": b'"Anna, B." <anna@m.a.example>',
    "an address as a name": b'"e@m.bcd.example" <anna@m.a.example>',
    "an encoded name": b"=?utf-8?q?e=40b.example?= <anna@m.a.example>",
    "a comment": b"anna@m.a.example (e@m.bcd.example)", "a comment first": b"(x) anna@m.a.example",
    "folded": b"\r\n Anna\r\n\t<anna@m.a.example>", "blanks": b"   <anna@m.a.example>   ",
    "capitals": b"Anna <ANNA@M.A.EXAMPLE>", "a quoted local part": b'"a b"@m.a.example',
    "an at in quotes": b'"a@m.bcd.example"@m.a.example', "a subdomain": b"anna@sub.m.a.example",
    "a deep subdomain": b"anna@x.y.z.m.a.example", "strict": b"anna@m.strict.example",
    "strict, a subdomain": b"anna@sub.m.strict.example", "no policy": b"anna@m.plain.example",
    "policy none": b"anna@m.bcd.example",
    "a list of one domain": b"anna@m.a.example, b@m.a.example",
    "blanks around the at": b"anna @ m.a.example",
}
PROOFS = {
    "nothing": (None, "x@c.client.example"), "SPF": (None, "x@m.a.example"),
    "SPF of b": (None, "x@m.bcd.example"), "DKIM": ("m.a.example", "x@c.client.example"),
    "DKIM of a subdomain": ("sub.m.a.example", "x@c.client.example"),
    "DKIM of b": ("m.bcd.example", "x@c.client.example"),
    "DKIM strict": ("m.strict.example", "x@c.client.example"),
    "DKIM of a strict subdomain": ("sub.m.strict.example", "x@c.client.example"),
}


def by_opendmarc(message, sender, results):
    """The verdict about our own results of SPF and DKIM."""
    field = b"Authentication-Results: mx.example.org;\r\n " + ";\r\n ".join(results).encode()
    a = judge.message(field + b"\r\n" + message, sender)
    return re.findall(r"\bdmarc=(\w+)", " ".join(a.results))


@test("DMARC: authors of all shapes, proven in all ways")
def _():
    for shape, author in AUTHORS.items():
        for proof, (signer, sender) in PROOFS.items():
            message = b"From: " + author + b"\r\nSubject: x\r\n" + REST + b"\r\nHello.\r\n"
            if signer:
                message = signed(message, signer)
            a = ours.message(message, sender)
            found = tuple((r or ["none"])[0] for r in (
                by_opendmarc(message, sender, a.result("spf") + a.result("dkim")),
                words(a, "dmarc"), by_authheaders(message, sender)["dmarc"]))
            decide("%s, %s" % (shape, proof), found)


@test("some hundred messages were compared, and each decision was needed")
def _():
    note("%d messages" % SEEN[0])
    check(SEEN[0] > 300)
    same(sorted(USED), sorted(why for _, _, why in DECIDED))


main()
for client in ours, theirs, judge:
    client.close()
verifier.stop()
for process in opendkim, opendmarc:
    process.kill()
    process.wait(10)
