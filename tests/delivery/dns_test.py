# SPDX-License-Identifier: ISC
"""Answers of the DNS and the outcome of the mail (RFC 5321 section 5.1, RFC 7505).

Some answers are missing, cut or forged.
"""
import os
import socket
import struct
import subprocess

from exchangers import Exchanger
from nameservers import (A, AAAA, MX, SERVFAIL, TRUNCATED, FakeNameServer, answer, nsd, record,
                         wire_name)
from programs import Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
@        MX 10 mx
mx       A 192.0.2.11
nomx     A 192.0.2.12
nothing  TXT "neither an exchanger nor an address"
null     MX 0 .
alias    CNAME example.org.
aliasmx  MX 10 mxalias
mxalias  CNAME mx
lost     MX 10 gone
gone6    TXT "no address"
mixed    MX 5 gone
mixed    MX 10 mx
upper    MX 10 MX
xn--bcher-kva MX 10 mx
xn--bcher-kva A 192.0.2.11
""" + "".join("big MX 10 exchanger-number-%d\nexchanger-number-%d A 192.0.2.11\n" % (i, i)
              for i in range(50))})
exchanger, address_only = Exchanger("192.0.2.11"), Exchanger("192.0.2.12")
evil = Exchanger("192.0.2.66")
site = Site("site").listen()


def deliver(address, *options, receiver=exchanger):
    had = len(receiver.messages)
    site.send(address)
    site.relay(*options)
    same(len(receiver.messages) - had, 1, site.queue_text(), site.log())
    same(site.queued(), [])
    same(receiver.messages[-1].rcpt_tos, [address])


def bounce(address, status):
    had = len(site.mailbox("alice"))
    site.send(address)
    site.relay()
    same(len(site.mailbox("alice")) - had, 1, site.queue_text(), site.log())
    text = site.mailbox("alice")[-1].decode()
    check("Status: " + status in text, text)
    same(site.queued(), [])
    return text


def deferred(address, *options, why=()):
    """The message waits with a pending recipient and the words of why in it.  Clears the queue."""
    had = len(site.mailbox("alice"))
    site.send(address)
    site.relay(*options)
    paths = site.queued()
    same([len(paths), "/wait/" in paths[0]], [1, True], paths)
    text = open(paths[0], "rb").read().decode("latin1")
    check("\nP <%s>" % address in text or "\nrcpt: P <%s>" % address in text, text)
    for word in why:
        check(word in text, text)
    same(len(site.mailbox("alice")), had, "nobody is told yet")
    os.unlink(paths[0])


@test("MX, then the exchanger's address")
def _():
    deliver("bob@example.org")


@test("R136 no MX: the domain's own address")
def _():
    deliver("bob@nomx.example.org", receiver=address_only)


@test("R136 a CNAME is followed (RFC 5321 section 5.1)")
def _():
    deliver("bob@alias.example.org")


@test("an exchanger that is a CNAME, or in capitals, is found")
def _():
    deliver("bob@aliasmx.example.org")
    deliver("bob@upper.example.org")


@test("an exchanger without an address does no harm beside one with an address")
def _():
    deliver("bob@mixed.example.org")


@test("an address literal needs no DNS")
def _():
    deliver("bob@[192.0.2.12]", receiver=address_only)


@test("R137 V12 null MX: bounced with 5.1.10")
def _():
    bounce("bob@null.example.org", "5.1.10")


@test("R136 NXDOMAIN: bounced with 5.1.2")
def _():
    text = bounce("bob@nowhere.example.org", "5.1.2")
    check("bob@nowhere.example.org" in text
          and "there is no such domain: MX nowhere.example.org: NXDOMAIN" in text, text)


@test("neither MX nor address, or an MX that does not exist: bounced with 5.4.4")
def _():
    bounce("bob@nothing.example.org", "5.4.4")
    bounce("bob@lost.example.org", "5.4.4")


@test("a truncated answer of NSD is asked for again over TCP")
def _():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(5)
        s.connect(("192.0.2.53", 53))
        s.send(struct.pack("!6H", 1, 0x100, 1, 0, 0, 0) + b"\3big\7example\3org\0"
               + struct.pack("!2H", MX, 1))
        check(s.recv(4096)[2] & 2, "this answer is not truncated: the test tests nothing")
    deliver("bob@big.example.org")


# The name servers from here on lie.  This test has its own /etc/resolv.conf, with short timeouts.
with open(directory + "/resolv.conf", "w"):
    pass
subprocess.run(["mount", "--bind", directory + "/resolv.conf", "/etc/resolv.conf"], check=True)


def resolv_conf(*lines):
    with open("/etc/resolv.conf", "w") as file:
        file.write("\n".join(["options timeout:1 attempts:1", *lines]) + "\n")


honest = [("example.org", MX, (10, "mx.example.org")), ("mx.example.org", A, "192.0.2.11")]


def fake(number, behave):
    return FakeNameServer("192.0.2.%d" % number, honest, behave)


def at(number):
    return ("-o", "relay.resolver=192.0.2.%d" % number)


@test("a truncated answer with a false record: only the answer over TCP counts")
def _():
    def behave(query):
        if query.over == "udp":
            query.send(answer(query.id, query.question,
                              [record(query.name, MX, (1, "evil.example.org"))], flags=TRUNCATED))
        return query.over == "tcp"
    server = fake(101, behave)
    deliver("bob@example.org", *at(101))
    check(server.tcp >= 1, server.tcp)


@test("R136 SERVFAIL: deferred")
def _():
    fake(102, lambda query: query.send(answer(query.id, query.question, rcode=SERVFAIL)))
    deferred("bob@example.org", *at(102), why=["4.4.3"])


@test("R136 REFUSED: deferred")
def _():
    fake(103, lambda query: query.send(answer(query.id, query.question, rcode=5)))
    deferred("bob@example.org", *at(103), why=["4.4.3", "MX example.org: REFUSED (192.0.2.103)"])


@test("R136 an answer that is cut short, a CNAME of itself: deferred as unusable, not as missing")
def _():
    def behave(query):
        if query.over == "tcp":
            return
        name = wire_name(query.name)
        alias = name + struct.pack("!2HIH", 5, 1, 60, len(name)) + name
        if query.name == "example.org":
            query.send(answer(query.id, query.question,
                              [record(query.name, MX, (1, "mx.example.org"))])[:-4])
        else:
            query.send(answer(query.id, query.question, [alias]))
    fake(151, behave)
    deferred("bob@example.org", *at(151), why=["4.4.3", "MX example.org: no usable answer"])
    deferred("bob@loop.example.org", *at(151),
             why=["4.4.3", "MX loop.example.org: no usable answer"])


@test("R136 a silent name server: deferred after a few queries")
def _():
    server = fake(104, lambda query: None)
    deferred("bob@example.org", *at(104), why=["4.4.3"])
    check(server.udp >= 2, "asked %d times only" % server.udp)


@test("a name server that drops AAAA: not waited for as for a silent one")
def _():
    fake(154, lambda query: query.kind != AAAA)
    had = len(exchanger.messages)
    site.send("bob@example.org")
    took = site.relay(*at(154))
    same(len(exchanger.messages), had + 1, site.log()[-800:])
    check(1.9 < took < 8, "%.1f s" % took)


@test("no host at the name server's address: deferred, with that address")
def _():
    deferred("bob@example.org", *at(105),
             why=["4.4.3", "MX example.org: 192.0.2.105 cannot be asked: Connection refused"])


@test("a truncated answer, and no TCP: deferred, as a firewall may be the cause")
def _():
    server = fake(152, lambda query: query.send(answer(query.id, query.question, flags=TRUNCATED)))
    server.stop_tcp()
    deferred("bob@example.org", *at(152),
             why=["4.4.3", "MX example.org: its answer is truncated, and TCP to the name server "
                  "fails: 192.0.2.152: Connection refused"])


@test("an exchanger's address: the server's error, or why there is no answer")
def _():
    def behave(query):
        if query.kind == MX:
            return True
        query.send(answer(query.id, query.question, rcode=5))
    fake(153, behave)
    deferred("bob@example.org", *at(153), why=["address of mx.example.org: REFUSED"])


@test("the first name server is silent, the second answers: delivered")
def _():
    resolv_conf("nameserver 192.0.2.104", "nameserver 192.0.2.53")
    deliver("bob@example.org", "-o", "relay.resolver=system")


@test("MX answered, the exchanger's address SERVFAIL: deferred, not bounced")
def _():
    def behave(query):
        if query.kind == MX:
            return True
        query.send(answer(query.id, query.question, rcode=SERVFAIL))
    fake(106, behave)
    deferred("bob@example.org", *at(106), why=["4.4.3"])


@test("R136 MX times out, the domain has an address: deferred, never delivered to the address")
def _():
    FakeNameServer("192.0.2.107", [("nomx.example.org", A, "192.0.2.66")],
                   lambda query: query.kind != MX)
    resolv_conf("nameserver 192.0.2.107")
    deferred("bob@nomx.example.org", "-o", "relay.resolver=system")
    same(evil.connections, 0)


def forged(number, forge):
    """Each query gets the forged answer at once and the true one later; the true one counts."""
    def lie(query):
        target = (record(query.name, MX, (0, "evil.example.org")) if query.kind == MX
                  else record(query.name, A, "192.0.2.66"))
        forge(query, target)
        query.later(0.15, query.honest)
    records = [*honest, ("evil.example.org", A, "192.0.2.66")]
    server = FakeNameServer("192.0.2.%d" % number, records, lie)
    deliver("bob@example.org", *at(number))
    same(evil.connections, 0, "the forger got a connection")
    check(server.udp >= 2, server.udp)


@test("a forged answer with a wrong id is ignored")
def _():
    forged(111, lambda query, lie: query.send(answer(query.id ^ 0x5a5a, query.question, [lie])))


@test("a forged answer to another question is ignored")
def _():
    forged(112, lambda query, lie: query.send(
        answer(query.id, ("other.example.org", query.kind), [lie])))


@test("a forged answer to another type is ignored")
def _():
    forged(113, lambda query, lie: query.send(answer(query.id, (query.name, 16), [lie])))


@test("a packet that is a query, not an answer, is ignored")
def _():
    forged(114, lambda query, lie: query.send(
        answer(query.id, query.question, [lie], flags=0x0100)))


@test("an answer from another port is ignored")
def _():
    def other_port(query, lie):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("192.0.2.115", 0))
            s.sendto(answer(query.id, query.question, [lie]), query.peer)
    forged(115, other_port)


@test("rubbish of 0, 3 and 11 octets, and a cut answer, are ignored")
def _():
    def rubbish(query, lie):
        whole = answer(query.id, query.question, [lie])
        for packet in (b"", whole[:3], whole[:11], whole[:20]):
            query.send(packet)
    forged(116, rubbish)


@test("records of another name in the answer are ignored")
def _():
    def behave(query):
        if query.kind == MX:
            query.send(answer(query.id, query.question,
                              [record("other.example.org", MX, (0, "evil.example.org")),
                               record(query.name, MX, (10, "mx.example.org"))]))
            return False
        return True
    FakeNameServer("192.0.2.117", [*honest, ("evil.example.org", A, "192.0.2.66")], behave)
    deliver("bob@example.org", *at(117))
    same(evil.connections, 0)


@test("V43 a domain in UTF-8 is looked up by its A-labels, and RCPT has it as the sender wrote it")
def _():
    had = len(exchanger.messages)
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.sendmail("alice@sender.example", ["bob@b\u00fccher.example.org"],
                      b"Subject: x\r\n\r\nhello\r\n", ["SMTPUTF8"])
    site.relay()
    same(len(exchanger.messages) - had, 1, site.queue_text(), site.log())
    same(exchanger.messages[-1].rcpt_tos, ["bob@b\u00fccher.example.org"])


BOTH = ["bob@b\u00fccher.example.org", "eva@XN--BCHER-KVA.example.org",
        "joe@B\u00dcCHER.example.org"]


@test("the spellings of a domain are one destination: one transaction")
def _():
    had = len(exchanger.messages)
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.sendmail("alice@sender.example", BOTH, b"Subject: x\r\n\r\nhello\r\n", ["SMTPUTF8"])
    site.relay()
    same(len(exchanger.messages) - had, 1, site.queue_text(), site.log())
    same(exchanger.messages[-1].rcpt_tos, BOTH)


@test("to a host without SMTPUTF8, the recipient in A-labels gets the mail")
def _():
    had = len(exchanger.messages)
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.sendmail("alice@sender.example", BOTH, b"Subject: x\r\n\r\nhello\r\n", ["SMTPUTF8"])
    site.relay("-o", "relay.ignore-keywords=SMTPUTF8")
    same([message.rcpt_tos for message in exchanger.messages[had:]], [BOTH[1:2]],
         site.queue_text(), site.log())


@test("a smarthost in U-labels is found by its A-labels")
def _():
    deliver("bob@example.net", "-o", "route example.net.via=smtp://B\u00dcCHER.example.org")


@test("resolver = system: the name servers of /etc/resolv.conf")
def _():
    resolv_conf("# the host's own", "nameserver garbage", "nameserver 192.0.2.53 # a comment",
                "search example.org")
    deliver("bob@example.org", "-o", "relay.resolver=system")


@test("--watch follows /etc/resolv.conf: other name servers, and an empty file while it is written")
def _():
    address = "bob@example.org"
    resolv_conf("nameserver 192.0.2.105")       # the network before; nobody is there
    site.watch("-o", "relay.resolver=system", "-o", "queue.retry-min=1s")
    try:
        site.send(address)
        check(wait_for(lambda: site.queued("wait"), 20), site.log())
        had = len(exchanger.messages)
        resolv_conf("nameserver 192.0.2.53")
        check(wait_for(lambda: len(exchanger.messages) == had + 1, 20), site.log()[-2000:])
        resolv_conf("# no server yet")
        site.send("bob@aliasmx.example.org")
        check(wait_for(lambda: len(exchanger.messages) == had + 2, 20), site.log()[-2000:])
    finally:
        site.runner.terminate()
        site.runner.wait(20)
    same(site.queued(), [])


main(site.keep_queue_note)
