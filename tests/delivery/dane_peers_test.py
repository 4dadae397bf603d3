# SPDX-License-Identifier: ISC
"""DANE with Postfix and Exim as exchangers, whose certificates no authority has signed."""
import re

from certificates import Authority, tlsa
from programs import Site, fresh_directory
from receivers import really_root
from signed_zones import SignedZones
from tap import bail_out, check, main, same, test, wait_for
from tls_receivers import Exim, Postfix, prepare

if not really_root():
    bail_out("Postfix and Exim change their users: run this as root")
directory = fresh_directory()
prepare()
authority = Authority("/mnt/receivers/ca")
own = authority.leaf("postfix", "elsewhere.example", signed=False)
issued = authority.leaf("exim", "mx.exim.lab")
with open(issued.chain, "a") as file:
    file.write(open(authority.file).read())
zones = SignedZones(directory + "/zones")
zones.add("lab", "")
zones.add("postfix.lab", "@ MX 10 mx\nmx A 192.0.2.31\n_25._tcp.mx TLSA %s\n" % tlsa(own.chain))
zones.add("exim.lab", "@ MX 10 mx\nmx A 192.0.2.32\n_25._tcp.mx TLSA %s\n"
          % tlsa(authority.file, usage=2))
zones.serve()
peers = {"postfix": (Postfix("192.0.2.31", "postfix.lab", own), "3.1.1"),
         "exim": (Exim("192.0.2.32", "exim.lab", issued), "2.1.1")}
site = Site("site", "[relay]\ndnssec-anchor = %s\n" % zones.anchor).listen()

for name, (peer, record) in peers.items():
    @test("%s: 20 messages by its record %s, each once" % (name, record))
    def _(name=name, peer=peer, record=record):
        for i in range(20):
            site.send("bob@%s.lab" % name, b"Subject: number %d\r\n\r\nHello.\r\n" % i)
        site.relay()
        check(wait_for(lambda: len(peer.messages()) == 20, 20), peer.says()[-3000:],
              site.log()[-3000:])
        same(sorted(re.search(rb"Subject: number (\d+)", text)[1] for text in peer.messages()),
             sorted(b"%d" % i for i in range(20)))
        used = re.findall(r"delivered id=\S+ to=bob@%s\.lab .* tls=TLSv1\.3/\w+/dane:(\S+):" % name,
                          site.log())
        same(used, [record] * 20)

    @test("%s: another key, and no mail goes there" % name)
    def _(name=name, peer=peer):
        zone = zones.zones[name + ".lab"]
        zone.text = re.sub(r"TLSA (\d 1 1) [0-9a-f]{4}", r"TLSA \1 0000", zone.text)
        zones.serve()
        had = len(peer.messages())
        site.send("bob@%s.lab" % name)
        site.relay()
        check(re.search(r"deferred id=\S+ to=bob@%s\.lab .*status=4\.7\.5 .*does not fit the TLSA "
                        r"records of mx\.%s\.lab" % (name, name), site.log()), site.log()[-2000:])
        same(len(peer.messages()), had)


main(site.keep_queue_note)
