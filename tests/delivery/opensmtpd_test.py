# SPDX-License-Identifier: ISC
"""OpenSMTPD as the receiver, with the octets of bytes_test.py.  It needs root."""
from nameservers import nsd
from octets import each_body, lf
from programs import Site, fresh_directory
from receivers import OpenSMTPD, really_root
from tap import bail_out, main

if not really_root():
    bail_out("OpenSMTPD changes its user: run this as root")
directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": "bsd MX 10 mx.bsd\nmx.bsd A 192.0.2.23\n"})
site = Site("site").listen()
bsd = OpenSMTPD(directory + "/opensmtpd", "192.0.2.23", "bsd.example.org", ["carol"])
each_body(site, "OpenSMTPD", "carol@bsd.example.org", lambda: bsd.messages("carol"), lf)
main(site.keep_queue_note)
