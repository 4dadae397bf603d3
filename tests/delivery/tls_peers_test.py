# SPDX-License-Identifier: ISC
"""Verified TLS to real servers, with STARTTLS and from the first octet.  It needs root."""
import re

from certificates import Authority
from nameservers import nsd
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
peers = {"postfix": Postfix("192.0.2.31", "postfix.example.org",
                            authority.leaf("postfix", "mx.postfix.example.org")),
         "exim": Exim("192.0.2.32", "exim.example.org",
                      authority.leaf("exim", "mx.exim.example.org"))}
SETTINGS = "[relay]\ntls = require\ntls-ca-file = %s\n" % authority.file
starttls = Site("starttls", SETTINGS).listen()
implicit = Site("implicit", SETTINGS + "".join(
    "[route %s.example.org]\nvia = smtps://mx.%s.example.org\n" % (name, name) for name in peers),
    address="192.0.2.2").listen()


def large():
    line = b"".join(b"%08d " % i for i in range(8)) + b"\r\n"
    return b"Subject: large\r\n\r\n" + b".dot\r\n" + line * (3_000_000 // len(line))


for name, peer in peers.items():
    for site, how in ((starttls, "STARTTLS"), (implicit, "from the first octet")):
        @test("%s, %s: verified, 20 messages, each once" % (name, how))
        def _(name=name, peer=peer, site=site):
            had = len(peer.messages())
            for i in range(20):
                site.send("bob@%s.example.org" % name, b"Subject: number %d\r\n\r\nHello.\r\n" % i)
            site.relay()
            check(wait_for(lambda: len(peer.messages()) == had + 20, 20), peer.says()[-3000:],
                  site.log()[-3000:])
            texts = peer.messages()[had:]
            same(sorted(re.search(rb"Subject: number (\d+)", text)[1] for text in texts),
                 sorted(b"%d" % i for i in range(20)))
            check(all(b"TLS1.3" in text or b"TLSv1.3" in text for text in texts), texts[0])
            delivered = re.findall(r"delivered id=\S+ to=bob@%s\.example\.org .* tls=(\S+) " % name,
                                   site.log())
            # Exim of Debian gives no tickets.
            more = {"TLSv1.3/verified/resumed"} if name == "postfix" else set()
            same([len(delivered), set(re.sub(r"/TLS_[A-Z0-9_]+", "", tls) for tls in delivered)],
                 [20, {"TLSv1.3/verified", *more}])

        @test("%s, %s: 3 MB, unchanged" % (name, how))
        def _(name=name, peer=peer, site=site):
            had = len(peer.messages())
            site.send("bob@%s.example.org" % name, large())
            site.relay()
            check(wait_for(lambda: len(peer.messages()) == had + 1, 20), peer.says()[-3000:],
                  site.log()[-3000:])
            check(peer.messages()[-1].endswith(large().replace(b"\r\n", b"\n")), "changed")


@test("Postfix with TLS 1.2 only")
def _():
    peer = peers["postfix"]
    with open(peer.directory + "/etc/main.cf", "a") as file:
        file.write("smtpd_tls_protocols = >=TLSv1.2, <=TLSv1.2\n"
                   "smtpd_tls_mandatory_protocols = >=TLSv1.2, <=TLSv1.2\n")
    peer.stop()
    peer.start()
    starttls.send("bob@postfix.example.org")
    starttls.relay()
    check(re.search(r"delivered id=\S+ to=bob@postfix\.example\.org .* tls=TLSv1\.2/\S+/verified ",
                    starttls.log()), starttls.log()[-2000:])


main(starttls.keep_queue_note)
