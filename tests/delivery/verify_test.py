# SPDX-License-Identifier: ISC
"""smtp-verify behind the handler: SPF with real DNS, and the field with the results."""
import os
import socket
import subprocess
import time

from milter_client import MilterClient
from nameservers import A, TXT, FakeNameServer, nsd
from programs import BUILD, HANDLER, fresh_directory
from tap import check, main, quicker_than, same, test, wait_for
from verifier import HOST, OPTIONS, Verifier, newest, receiver, results, verified

directory = fresh_directory()
nsd(directory + "/nsd", {
    "pass.example": '@ TXT "v=spf1 ip4:192.0.2.10 " "include:more.pass.example -all"\n'
                    'more TXT "v=spf1 a mx -all"\nmore A 192.0.2.11\nmore MX 1 mx\n'
                    'mx A 192.0.2.12\nxn--bcher-kva TXT "v=spf1 ip4:192.0.2.77 -all"\n',
    "client.example": "@ A 192.0.2.99\n",
    "soft.example": '@ TXT "v=spf1 ~all"\n',
    "broken.example": '@ TXT "v=spf1 ip4:nonsense -all"\n',
    "helo.example": '@ TXT "v=spf1 a -all"\n@ A 192.0.2.20\n',
    "macro.example": '@ TXT "v=spf1 exists:%{ir}.%{l}._spf.%{d} -all"\n'
                     '21.2.0.192.anna._spf A 127.0.0.1\n',
    "ptr.example": '@ TXT "v=spf1 ptr -all"\nhost A 192.0.2.22\n',
    "2.0.192.in-addr.arpa": '22 PTR host.ptr.example.\n',
    "example.org": '@ TXT "v=spf1 -all"\n',
})
os.chmod(directory, 0o755)
MESSAGE = b"From: Anna <anna@pass.example>\r\nSubject: x\r\n\r\nHello.\r\n"
verifier = Verifier(directory)
site = receiver("spf", verifier.place)


@test("SPF: each result, by the reverse-path and by the name in HELO")
def _():
    for source, sender, wanted in (
            ("192.0.2.10", "a@pass.example", "spf=pass smtp.mailfrom=pass.example"),
            ("192.0.2.11", "a@pass.example", "spf=pass smtp.mailfrom=pass.example"),
            ("192.0.2.12", "a@pass.example", "spf=pass smtp.mailfrom=pass.example"),
            ("192.0.2.13", "a@pass.example", "spf=fail smtp.mailfrom=pass.example"),
            ("192.0.2.13", "a@soft.example", "spf=softfail smtp.mailfrom=soft.example"),
            ("192.0.2.13", "a@none.pass.example", "spf=none smtp.mailfrom=none.pass.example"),
            ("192.0.2.13", "a@broken.example",
             'spf=permerror reason="the SPF record has a mistake in its syntax" '
             "smtp.mailfrom=broken.example"),
            ("192.0.2.21", "anna@macro.example", "spf=pass smtp.mailfrom=macro.example"),
            ("192.0.2.21", "bert@macro.example", "spf=fail smtp.mailfrom=macro.example"),
            ("192.0.2.22", "a@ptr.example", "spf=pass smtp.mailfrom=ptr.example"),
            ("192.0.2.23", "a@ptr.example", "spf=fail smtp.mailfrom=ptr.example")):
        same(verified(site, source, sender, MESSAGE), [HOST + "; " + wanted])
    same(verified(site, "192.0.2.20", "", MESSAGE, helo="helo.example"),
         [HOST + "; spf=pass smtp.helo=helo.example"])
    same(verified(site, "192.0.2.20", "a@soft.example", MESSAGE, helo="helo.example"),
         [HOST + "; spf=softfail smtp.mailfrom=soft.example; spf=pass smtp.helo=helo.example"])


@test("the field stands above our Received field, and bears the name of the server")
def _():
    verified(site, "192.0.2.10", "a@pass.example", MESSAGE)
    check(newest(site).startswith(b"Authentication-Results: mx.example.org;\r\n\tspf=pass"),
          newest(site))


@test("mail of clients that may send anywhere is not checked")
def _():
    there = receiver("trusted", verifier.place, address="192.0.2.2")
    same(verified(there, "127.0.0.1", "a@pass.example", MESSAGE), [])


@test("a domain with U-labels is checked by its A-labels")
def _():
    same(verified(site, "192.0.2.77", "a@bücher.pass.example", MESSAGE),
         [HOST + "; spf=pass smtp.mailfrom=xn--bcher-kva.pass.example"])


@test("exec: the handler starts the filter for a session on standard input")
def _():
    queue = directory + "/exec-queue"
    done = subprocess.run(
        [HANDLER, "-c", "/dev/null", "-o", "queue.directory=" + queue, "-o",
         "server.hostname=" + HOST, "-o", "server.trusted=127.0.0.0/8", "-o",
         "server.milter=exec:" + " ".join((BUILD + "/smtp-verify",) + OPTIONS), "-c",
         directory + "/routes"],
        input=b"EHLO client.example\r\nMAIL FROM:<a@pass.example>\r\nRCPT TO:<b@example.org>\r\n"
              b"DATA\r\n" + MESSAGE + b".\r\nQUIT\r\n",
        env=dict(os.environ, REMOTE_ADDR="192.0.2.10"), capture_output=True, timeout=20)
    files = os.listdir(queue + "/new")
    same(len(files), 1, done)
    with open(queue + "/new/" + files[0], "rb") as file:
        same(results(file.read().split(b"\n\n", 1)[1], "spf"),
             [HOST + "; spf=pass smtp.mailfrom=pass.example"])


with open(directory + "/routes", "w") as file:
    file.write("[route example.org]\nvia = discard\naccept = anyone\n")


@test("a name server that does not answer: a temporary error after two seconds, and no refusal")
def _():
    slow = fresh_directory("slow")
    os.chmod(slow, 0o755)
    silent = Verifier(slow, "-o", "relay.resolver=192.0.2.99")
    hole = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    hole.bind(("192.0.2.99", 53))
    there = receiver("slow-site", silent.place, address="192.0.2.3")

    def took():
        start = time.monotonic()
        same(verified(there, "192.0.2.10", "a@pass.example", MESSAGE),
             [HOST + '; spf=temperror reason="the DNS has no answer" smtp.mailfrom=pass.example; '
              "spf=temperror smtp.helo=client.example"])
        took_s = time.monotonic() - start
        check(took_s > 1.9, took_s)
        return took_s

    quicker_than(3, took)
    silent.stop()


@test("all questions of a message are asked at once")
def _():
    late = fresh_directory("late")
    os.chmod(late, 0o755)
    held = {}

    def hold(query):
        """No question gets its answer before the five of the message are here."""
        held[query.name] = query
        if sum(name.endswith(("late.example", "other.example")) for name in held) >= 5:
            for one in held.values():
                one.honest()
            held.clear()
        return False
    server = FakeNameServer("192.0.2.55", [
        (name, TXT, text) for name, text in (
            ("late.example", "v=spf1 ip4:192.0.2.31 -all"), ("helo.late.example", "v=spf1 -all"),
            ("_dmarc.late.example", "v=DMARC1; p=none"), ("s1._domainkey.late.example", "p="),
            ("s2._domainkey.other.example", "p="))],
        hold)
    slow = Verifier(late, "-o", "relay.resolver=192.0.2.55")
    signatures = b"".join(
        b"DKIM-Signature: v=1; a=rsa-sha256; d=%s.example; s=%s; h=From;\r\n"
        b" bh=frcCV1k9oG9oKj3dpUqdJg1PxRT2RSN/XKdLCPjaYaY=; b=AAAA\r\n" % pair
        for pair in ((b"late", b"s1"), (b"other", b"s2")))
    client = MilterClient(slow.path)
    client.connect("192.0.2.31", "helo.late.example")
    answer = client.message(signatures + b"From: a@late.example\r\n\r\n", "a@late.example")
    client.close()
    same([m[:10] for m in answer.results[0].split("; ")[1:]],
         ["spf=pass s", "spf=fail s", "dkim=perme", "dkim=perme", "dmarc=pass"], answer.results)
    check(server.udp >= 6, server.udp)
    slow.stop()


@test("the next process of a listener knows the answers of the last one")
def _():
    kept = fresh_directory("kept")
    os.chmod(kept, 0o755)
    server = FakeNameServer("192.0.2.54", [
        ("kept.example", TXT, "v=spf1 a -all"), ("kept.example", A, "192.0.2.30")])
    cached = Verifier(kept, "-o", "relay.resolver=192.0.2.54")
    there = receiver("kept-site", cached.place, address="192.0.2.4")
    asked = []

    def is_known():
        """Is a message checked without a question, also about names that do not exist?"""
        asked.append(server.udp)
        same(verified(there, "192.0.2.30", "a@kept.example", MESSAGE, helo="kept.example"),
             [HOST + "; spf=pass smtp.mailfrom=kept.example; spf=pass smtp.helo=kept.example"])
        return server.udp == asked[-1]
    check(wait_for(is_known, 10), asked)
    check(asked[1] > 3, asked)
    cached.stop()


@test("the listener is nobody's, and one line a message says what was found")
def _():
    with open("/proc/%d/status" % verifier.process.pid) as file:
        uid = [line.split()[1] for line in file if line.startswith("Uid:")][0]
    check(os.getuid() != 0 or uid != "0", uid)
    check("verified id=" in verifier.log() and "from=a@pass.example spf=pass" in verifier.log(),
          verifier.log())


main()
verifier.stop()
