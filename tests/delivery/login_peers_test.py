# SPDX-License-Identifier: ISC
"""Login to Exim, by PLAIN and by LOGIN.  It needs root."""
import os

from certificates import Authority
from programs import Site, fresh_directory
from receivers import really_root
from tap import bail_out, check, main, test, wait_for
from tls_receivers import Exim, prepare

if not really_root():
    bail_out("Exim changes its user: run this as root")
fresh_directory()
prepare()
authority = Authority("/mnt/receivers/ca")


def smart_site(name, scheme, address, user, password):
    site = Site(name, "[relay]\ntls-ca-file = %s\n" % authority.file)
    path = site.directory + "/password"
    with open(path, "w") as file:
        file.write(password)
    os.chmod(path, 0o600)
    with open(site.config, "a") as file:
        file.write("[route *]\nvia = %s://%s%s\nuser = %s\npassword-file = %s\n"
                   % (scheme, address, ":25" if scheme == "smtp+starttls" else "", user, path))
    return site


for number, mechanism in enumerate(("PLAIN", "LOGIN")):
    address = "192.0.2.%d" % (40 + number)
    exim = Exim(address, "exim.example.org", authority.leaf("exim-" + mechanism, address),
                "exim-" + mechanism, ("anna", "s3cret pass", mechanism))

    @test("Exim, %s: mail after a login, with STARTTLS and from the first octet" % mechanism)
    def _(mechanism=mechanism, address=address, exim=exim):
        for scheme in "smtp+starttls", "smtps":
            had = len(exim.messages())
            site = smart_site(scheme + mechanism, scheme, address, "anna", "s3cret pass\n").listen()
            site.send("bob@far.example", count=3)
            site.stop()
            site.relay()
            check(wait_for(lambda: len(exim.messages()) == had + 3, 20), exim.says()[-3000:],
                  site.log()[-3000:])
            check(all(b"(user anna)" in text for text in exim.messages()), exim.messages()[-1])
            check("s3cret" not in site.log() and site.queued() == [], site.log())

    @test("Exim, %s: a wrong password freezes the route" % mechanism)
    def _(mechanism=mechanism, address=address, exim=exim):
        had = len(exim.messages())
        site = smart_site("wrong" + mechanism, "smtps", address, "anna", "wrong pass\n").listen()
        site.send("bob@far.example", count=3)
        site.stop()
        site.relay()
        check(len(exim.messages()) == had and len(site.queued("wait")) == 3, exim.says()[-3000:])
        check("535 Incorrect authentication data" in site.log()
              and site.log().count(" frozen ") == 1, site.log())
        check("wrong pass" not in site.log() + site.queue_text(), site.log())


main(lambda failed: None)
