# SPDX-License-Identifier: ISC
"""Sessions of TLS that are resumed: by the next worker, and under which demand."""
import os
import re
import ssl

from certificates import Authority
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test
from tls_exchangers import TlsExchanger

directory = fresh_directory()
authority = Authority(directory + "/ca")
DOMAINS = "any any2 any3 proven proven2".split()
nsd(directory + "/nsd", {"example.org": "mx A 192.0.2.40\nold A 192.0.2.41\nbroken A 192.0.2.42\n"
                         "mute A 192.0.2.43\n" +
                         "".join("%s MX 10 mx\n" % name for name in DOMAINS) +
                         "old1 MX 10 old\nold2 MX 10 old\nbroken MX 10 broken\n"
                         "mute MX 10 mute\n"})
leaf = authority.leaf("mx", "mx.example.org")
mx = TlsExchanger("192.0.2.40", leaf.context())
old = TlsExchanger("192.0.2.41", leaf.context(only=ssl.TLSVersion.TLSv1_2))
broken = TlsExchanger("192.0.2.42", leaf.context(), fault="tickets")
mute = TlsExchanger("192.0.2.43", leaf.context(), fault="mute-tickets")
for exchanger in mx, old, broken, mute:
    exchanger.once = True
site = Site("site", "[relay]\nper-destination = 1\nper-address = 1\ntls-ca-file = %s\n"
            "[route proven.example.org]\nvia = mx\ntls = require\n"
            "[route proven2.example.org]\nvia = mx\ntls = require\n" % authority.file).listen()


def run(exchanger, *domains, log=""):
    """A run with a message to each; the handshakes that were resumed, and the TLS in the log."""
    for other in mx, old, broken, mute:
        del other.resumed[:], other.messages[:]
    before = len(site.log())
    for name in domains:
        site.send("bob@%s.example.org" % name)
    site.relay()
    log = site.log()[before:]
    same(len(exchanger.messages), len(domains), log)
    tls = re.findall(r"delivered id=\S+ to=\S+ .* tls=TLSv1\.[23]/[A-Z0-9_-]+(\S*) ", log)
    same(len(tls), len(domains), log)
    return exchanger.resumed[:], tls, log


@test("the next connection of a destination resumes the session")
def _():
    resumed, tls, _ = run(mx, "any", "any", "any")
    same((resumed, tls), ([False, True, True], ["", "/resumed", "/resumed"]))


@test("the worker of another destination with the same exchanger, too, as nothing is verified")
def _():
    same(run(mx, "any", "any2", "any3")[0], [False, True, True])


@test("a run begins without tickets, and leaves none on the disk")
def _():
    run(mx, "any")                  # the exchanger is known
    names = [sorted(files) for _, _, files in os.walk(site.queue)]
    same(run(mx, "any", "any")[0], [False, True])
    same([sorted(files) for _, _, files in os.walk(site.queue)], names)


@test("a session that was verified is for its destination, and one that was not for none that is")
def _():
    resumed, tls, log = run(mx, "any", "proven", "proven2", "proven", "any2")
    order = re.findall(r"delivered id=\S+ to=bob@(\w+)\.", log)
    # The first of each kind is a full handshake, whatever order they came in.
    kinds = ["any" if name.startswith("any") else name for name in order]
    same(resumed, [kind in kinds[:i] for i, kind in enumerate(kinds)], log)
    same(tls, [("" if kind == "any" else "/verified") + ("/resumed" if kind in kinds[:i] else "")
               for i, kind in enumerate(kinds)])


@test("TLS 1.2: for the same destination alone, as its tickets reveal the mail of their session")
def _():
    same(run(old, "old1", "old1")[0], [False, True])
    same(run(old, "old1", "old2")[0], [False, False])


@test("a host that breaks off at a ticket gets the mail at once without, and no other ticket")
def _():
    for exchanger, name in (broken, "broken"), (mute, "mute"):
        connections = exchanger.connections
        resumed, tls, log = run(exchanger, name, name, name, name)
        same((resumed.count(False), tls), (4, [""] * 4), log)
        same(exchanger.connections - connections, 5, log)
        check("deferred" not in log and "downgraded" not in log, log)


main(site.keep_queue_note)
