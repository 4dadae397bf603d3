# SPDX-License-Identifier: ISC
"""smtp-verify and DMARC: alignment by SPF and DKIM, policies, enforcement and its exceptions."""
import os
import re
import subprocess

import authheaders
import authres
import dkim

from milter_client import MilterClient
from nameservers import nsd
from programs import BUILD, fresh_directory
from tap import check, main, same, test
from verifier import Verifier, receiver, send

directory = fresh_directory()
os.chmod(directory, 0o755)
KEY_TOOL = BUILD + "/smtp-dkim-key"
subprocess.run([KEY_TOOL, "make", "rsa", directory + "/key"], check=True)
LINE = subprocess.run([KEY_TOOL, "record", "s", "x", directory + "/key"], check=True,
                      capture_output=True, text=True).stdout
KEY = subprocess.run(["openssl", "rsa", "-traditional", "-in", directory + "/key"], check=True,
                     capture_output=True).stdout
TEXT = "s._domainkey TXT " + " ".join(re.findall(r'"[^"]*"', LINE)).replace(";", "\\;") + "\n"
POLICIES = {
    "reject.example": "v=DMARC1; p=reject", "none.example": "v=DMARC1; p=none",
    "quarantine.example": "v=DMARC1; p=quarantine; sp=reject",
    "strict.example": "v=DMARC1; p=reject; adkim=s; aspf=s",
    "tests.example": "v=DMARC1; p=reject; t=y", "list.example": "v=DMARC1; p=none",
    "np.example": "v=DMARC1; p=reject; sp=none; np=reject",
}
ZONES = {}
for domain, policy in POLICIES.items():
    ZONES[domain] = ('@ TXT "v=spf1 ip4:192.0.2.10 -all"\nsub TXT "v=spf1 ip4:192.0.2.10 -all"\n'
                     '_dmarc TXT "%s"\nhost A 192.0.2.98\n%s%s' %
                     (policy.replace(";", "\\;"), TEXT, TEXT.replace("domainkey", "domainkey.sub")))
nsd(directory + "/nsd", dict(ZONES, **{
    "example": "", "org": "",
    "client.example": "@ A 192.0.2.99\n", "plain.example": TEXT, "example.org": "@ A 192.0.2.1\n"}))
marking = Verifier(directory)
os.mkdir(directory + "/e")
os.chmod(directory + "/e", 0o755)
enforcing = Verifier(directory + "/e", "-o", "verify.dmarc=enforce", "-o",
                     "verify.dmarc-exempt=192.0.2.50 198.51.100.0/24 list.example")


# It would ask the Internet, and a list of public suffixes.
authheaders.check_psddmarc_list = lambda *_, **__: False
authheaders.get_org_domain = lambda name: ".".join(name.split(".")[-2:])


def ask(verifier, source, sender, content):
    client = MilterClient(verifier.path)
    client.connect(source)
    answer = client.message(content, sender)
    client.close()
    return answer


def message(author, signer=None, more=b""):
    text = more + b"From: Anna <anna@%s>\r\nSubject: x\r\n\r\nHello.\r\n" % author.encode()
    if signer:
        text = dkim.sign(text, b"s", signer.encode(), KEY) + text
    return text


def result(author, signer=None, sender="x@plain.example", source="192.0.2.10"):
    a = ask(marking, source, sender, message(author, signer))
    same((a.code, len(a.results)), (b"c", 1))
    return re.match(r"dmarc=(\w+)", a.result("dmarc")[0])[1]


CASES = (
    ("by SPF", "reject.example", None, "a@reject.example", "pass"),
    ("by SPF of a subdomain", "reject.example", None, "a@sub.reject.example", "pass"),
    ("by SPF of a subdomain, strictly", "strict.example", None, "a@sub.strict.example", "fail"),
    ("by SPF, strictly", "strict.example", None, "a@strict.example", "pass"),
    ("SPF of another domain", "reject.example", None, "a@none.example", "fail"),
    ("by DKIM", "reject.example", "reject.example", "a@none.example", "pass"),
    ("by DKIM of a subdomain", "reject.example", "sub.reject.example", "a@none.example", "pass"),
    ("by DKIM of a subdomain, strictly", "strict.example", "sub.strict.example", "", "fail"),
    ("DKIM of another domain", "reject.example", "none.example", "", "fail"),
    ("no policy", "plain.example", None, "a@none.example", "none"),
    ("nothing", "none.example", None, "", "fail"),
    ("a subdomain of the author", "sub.quarantine.example", "quarantine.example", "", "pass"),
)


@test("results, by SPF and by DKIM, relaxed and strict; authheaders agrees")
def _():
    def texts(name):
        name = name.decode() if isinstance(name, bytes) else name
        name = name.rstrip(".")
        for zone, policy in POLICIES.items():
            if name == "_dmarc." + zone:
                return policy
        return None
    for name, author, signer, sender, wanted in CASES:
        same((result(author, signer, sender), name), (wanted, name))
        spf = sender.partition("@")[2]
        theirs = authheaders.dmarc_per_from(
            author, authres.SPFAuthenticationResult(
                result="pass" if spf and spf != "plain.example" else "none",
                smtp_mailfrom=sender or "postmaster@client.example"),
            authres.DKIMAuthenticationResult(result="pass" if signer else "none",
                                             header_d=signer or ""),
            dnsfunc=texts, dmarcbis=True)
        same((theirs[0], name), (wanted, name))


@test("the policy is a property of the result")
def _():
    for author, policy in (("reject.example", "reject"), ("none.example", "none"),
                           ("quarantine.example", "quarantine"), ("tests.example", "quarantine"),
                           ("sub.quarantine.example", "reject"), ("host.np.example", "none"),
                           ("gone.np.example", "reject")):
        a = ask(marking, "192.0.2.66", "", message(author))
        same(a.result("dmarc"),
             ["dmarc=fail header.from=%s policy.dmarc=%s" % (author, policy)])


def code(author, source="192.0.2.66", sender="", signer=None, more=b""):
    a = ask(enforcing, source, sender, message(author, signer, more))
    return a.text.rstrip(b"\0").decode() if a.code == b"y" else a.code.decode()


REFUSED = "550 5.7.26 Rejected by the DMARC policy of "


@test("enforce: only p=reject is refused, and only if the message fails")
def _():
    same(code("reject.example"), REFUSED + "reject.example")
    same(code("sub.quarantine.example"), REFUSED + "sub.quarantine.example")
    same(code("gone.np.example"), REFUSED + "gone.np.example")
    for author in "none.example", "quarantine.example", "tests.example", "plain.example":
        same((code(author), author), ("c", author))
    same(code("reject.example", "192.0.2.10", "a@reject.example"), "c")
    same(code("reject.example", signer="reject.example"), "c")


@test("enforce: exempt networks, and domains that are proven")
def _():
    same(code("reject.example", "192.0.2.50"), "c")
    same(code("reject.example", "198.51.100.7"), "c")
    same(code("reject.example", "192.0.2.10", "bounces@list.example"), "c")
    same(code("reject.example", "192.0.2.66", "bounces@list.example"),
         REFUSED + "reject.example")
    same(code("reject.example", signer="sub.list.example"), "c")
    same(code("reject.example", signer="none.example"), REFUSED + "reject.example")


@test("enforce: several authors fail by the strictest policy, none is no failure")
def _():
    other = b"From: b@none.example\r\n"
    same(code("reject.example", more=other), REFUSED + "none.example")
    same(code("reject.example", "192.0.2.10", "a@reject.example", more=other),
         REFUSED + "none.example")
    a = ask(enforcing, "192.0.2.66", "", b"Subject: x\r\n\r\nHello.\r\n")
    same((a.code, a.result("dmarc")), (b"c", ["dmarc=none"]))


@test("enforce: an error of the DNS refuses nothing")
def _():
    os.mkdir(directory + "/t")
    os.chmod(directory + "/t", 0o755)
    silent = Verifier(directory + "/t", "-o", "relay.resolver=192.0.2.99", "-o",
                      "verify.dmarc=enforce", "-o", "verify.timeout=300ms")
    a = ask(silent, "192.0.2.66", "a@reject.example", message("reject.example", "reject.example"))
    same((a.code, a.result("dmarc")),
         (b"c", ['dmarc=temperror reason="the DNS has no answer for the policy" '
                 "header.from=reject.example"]))
    silent.stop()


@test("enforce, with the handler: the client gets the reply, and the log has the reason")
def _():
    site = receiver("enforced", "unix:" + enforcing.path)
    try:
        send(site, "192.0.2.66", "a@none.example", message("reject.example"))
        check(False, "accepted")
    except __import__("smtplib").SMTPDataError as e:
        same((e.smtp_code, e.smtp_error.decode()), (550, REFUSED[4:] + "reject.example"))
    send(site, "192.0.2.10", "a@reject.example", message("reject.example"))
    same(len(site.queued("new")), 1)
    check(re.search(r"verified .*dmarc=fail author=reject.example action=reject",
                    enforcing.log()), enforcing.log())


@test("authenticated users are not checked")
def _():
    client = MilterClient(enforcing.path)
    client.connect("192.0.2.66")
    same(client.message(message("reject.example"), user="anna").code, b"a")
    same(client.message(message("reject.example")).code, b"y")
    client.close()


main()
marking.stop()
enforcing.stop()
