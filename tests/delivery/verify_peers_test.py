# SPDX-License-Identifier: ISC
"""smtp-verify behind Postfix.  It needs root."""
import os
import re
import smtplib
import subprocess

from certificates import Authority
from nameservers import nsd
from programs import fresh_directory, peer_environment
from receivers import really_root
from tap import bail_out, check, main, same, test, wait_for
from tls_receivers import HERE, Postfix, prepare
from verifier import Verifier, results as of_message

if not really_root():
    bail_out("Postfix changes its users: run this as root")
directory = fresh_directory()
prepare()
nsd(directory + "/nsd", {
    "pass.example": '@ TXT "v=spf1 ip4:192.0.2.10 -all"\n',
    "client.example": "@ A 192.0.2.99\n",
})
authority = Authority(HERE + "/ca")
postfix = Postfix("192.0.2.31", "example.org", authority.leaf("postfix", "mx.example.org"))
with open(postfix.directory + "/etc/main.cf", "a") as file:
    file.write("smtpd_milters = inet:127.0.0.1:8894\nmilter_default_action = tempfail\n")
subprocess.run(["/usr/sbin/postfix", "-c", postfix.directory + "/etc", "reload"],
               env=peer_environment(), stdin=subprocess.DEVNULL, capture_output=True, check=True)
os.chmod(directory, 0o755)
verifier = Verifier(directory, place="127.0.0.1:8894")
FIELDS = b"From: Anna <anna@pass.example>\r\nSubject: x\r\n"


def results(source, sender, fields=FIELDS):
    had = len(postfix.messages())
    with smtplib.SMTP("192.0.2.31", 25, "client.example", timeout=20,
                      source_address=(source, 0)) as smtp:
        smtp.sendmail(sender, ["b@example.org"], fields + b"\r\nHello.\r\n")
    check(wait_for(lambda: len(postfix.messages()) > had, 15), "not delivered", postfix.says())
    return of_message(postfix.messages()[-1], "spf")


with smtplib.SMTP("192.0.2.31", 25) as smtp:
    NAME = smtp.ehlo()[1].split()[0].decode()


@test("Postfix: the results of SPF, under the name of Postfix")
def _():
    same(results("192.0.2.10", "a@pass.example"),
         [NAME + "; spf=pass smtp.mailfrom=pass.example"])
    same(results("192.0.2.11", "a@pass.example"),
         [NAME + "; spf=fail smtp.mailfrom=pass.example"])


@test("Postfix: forged fields in its name are removed, others stay")
def _():
    forged = NAME.encode()
    fields = FIELDS.join([b"Authentication-Results: " + forged + b"; spf=pass\r\n"
                          b"Authentication-Results: other.example; spf=pass\r\n"
                          b"authentication-results:\r\n (x) " + forged.upper() + b" 1; none\r\n",
                          b"Authentication-Results: third.example;\r\n none\r\n"
                          b"Authentication-Results: " + forged + b"; none\r\n"])
    same(results("192.0.2.11", "a@pass.example", fields),
         [NAME + "; spf=fail smtp.mailfrom=pass.example", "other.example; spf=pass",
          "third.example; none"])


@test("Postfix: several messages of one session have their own results")
def _():
    had = len(postfix.messages())
    with smtplib.SMTP("192.0.2.31", 25, "client.example", timeout=20,
                      source_address=("192.0.2.10", 0)) as smtp:
        smtp.sendmail("a@pass.example", ["b@example.org"], FIELDS + b"\r\n1\r\n")
        smtp.docmd("MAIL FROM:<a@client.example>")
        smtp.docmd("RSET")
        smtp.sendmail("a@client.example", ["b@example.org"], FIELDS + b"\r\n2\r\n")
    check(wait_for(lambda: len(postfix.messages()) == had + 2, 15), "not delivered")
    found = sorted(re.search(rb"spf=([^;\n]*)", m)[1] for m in postfix.messages()[had:])
    same(found, [b"none smtp.mailfrom=client.example", b"pass smtp.mailfrom=pass.example"])


main()
verifier.stop()
postfix.stop()
