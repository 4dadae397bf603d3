# SPDX-License-Identifier: ISC
"""DANE (RFC 7672): what each state of the DNS and of an exchanger makes of its mail.

posttls-finger of Postfix looks at each case too, by way of Unbound.
"""
import os
import re
import subprocess
import time

from certificates import Authority, tlsa
from dnssec_strip import Stripper
from programs import PEERS, Site, fresh_directory, peer_environment
from signed_zones import SignedZones
from tap import check, main, same, test
from tls_exchangers import TlsExchanger
from validators import Unbound

directory = fresh_directory()
authority = Authority(directory + "/ca")
other = authority.leaf("other", "other.example")
own = authority.leaf("own", "nobody.example", signed=False)
expired = authority.leaf("expired", "mx.expired.lab", days=-1)


def chain(leaf):
    """The leaf with its authority behind it, as usage 2 needs it."""
    with open(leaf.chain, "a") as file:
        file.write(open(authority.file).read())
    return leaf


named = chain(authority.leaf("named", "mx.ta.lab", "ta-domain.lab"))
RIGHT, WRONG = tlsa(own.chain), tlsa(other.chain)
TA = tlsa(authority.file, usage=2)


class Case:
    """A domain NAME.lab with one exchanger, mx.NAME.lab unless the zone has another.

    mail    "dane" (TLS that fits), "tls" (with any certificate), "clear", or a part of the reason
            for which it waits
    finger  what posttls-finger reports
    """
    address = 20

    def __init__(self, mail, finger, records="_25._tcp.mx TLSA " + RIGHT, context=own, zone=None,
                 fault=None, **how):
        self.mail, self.finger, self.how = mail, finger, how
        Case.address += 1
        self.address = "192.0.2.%d" % Case.address
        self.zone = (zone or "@ MX 10 mx\nmx A {address}\n") + records + "\n"
        self.context, self.fault = context, fault

    def start(self):
        context = self.context.context() if self.context else None
        self.exchanger = TlsExchanger(self.address, context, fault=self.fault,
                                      outside=("8BITMIME",), inside=("REQUIRETLS",))


def damage(text):
    """Another TLSA record behind the signer."""
    return re.sub(r"(?m)^(_25._tcp.mx.bogus.lab.\s+60\s+IN\s+TLSA\s+3 1 1 )[0-9a-f]{4}",
                  r"\g<1>0000", text)


VERIFIED, ANY = "Verified TLS connection established", "Untrusted TLS connection established"
NOTHING, LOOKUP = r"\A\Z", "TLSA lookup error for mx"
CASES = {
    "good": Case("dane", VERIFIED),
    "wrong": Case("its certificate does not fit the TLSA records of mx.wrong.lab "
                  r"\(3 1 1 [0-9a-f]{16}\.\.\.\)", "no matching DANE TLSA records",
                  "_25._tcp.mx TLSA " + WRONG),
    "both": Case("dane", VERIFIED, "_25._tcp.mx TLSA %s\n_25._tcp.mx TLSA %s" % (WRONG, RIGHT)),
    "ta": Case("dane", VERIFIED, "_25._tcp.mx TLSA " + TA, context=named),
    "ta-domain": Case("dane", VERIFIED, "_25._tcp.mx TLSA " + TA, context=named),
    "ta-name": Case(r"hostname mismatch", "hostname mismatch", "_25._tcp.mx TLSA "
                    + TA, context=named),
    "expired": Case("dane", VERIFIED, "_25._tcp.mx TLSA " + tlsa(expired.chain), context=expired),
    "full": Case("dane", VERIFIED, "_25._tcp.mx TLSA " + tlsa(own.chain, 3, 0, 0)),
    "sha512": Case("dane", VERIFIED, "_25._tcp.mx TLSA " + tlsa(own.chain, 3, 0, 2)),
    "none": Case("tls", ANY, ""),
    "named": Case("tls", ANY, "", context=authority.leaf("mx-named", "mx.named.lab")),
    "without": Case("STARTTLS is not offered; TLS is required "
                    r"\(the TLSA records of _25\._tcp\.mx\.without\.lab\)",
                    NOTHING, context=None),
    "refuses": Case("STARTTLS is offered, but was refused", "STARTTLS rejected: 454",
                    fault="refuses"),
    "garbage": Case("TLS handshake failed: .*; TLS is required", "SSL_connect error",
                    fault="garbage"),
    "closes": Case("TLS handshake failed: .*; TLS is required", "SSL_connect error",
                   fault="closes"),
    "unusable": Case("tls", r"unsupported TLSA certificate usage: 1 1 1(.|\n)*" + ANY,
                     "_25._tcp.mx TLSA " + tlsa(own.chain, 1)),
    "unusable-clear": Case("STARTTLS is not offered",
                           r"\A.*unsupported TLSA certificate usage: 1 1 1 [0-9A-F]+\n\Z",
                           "_25._tcp.mx TLSA " + tlsa(own.chain, 1), context=None),
    "bogus": Case(r"_25\._tcp\.mx\.bogus\.lab: bogus by DNSSEC", LOOKUP, spoil=damage),
    "failing": Case(r"_25\._tcp\.mx\.failing\.lab: bogus by DNSSEC", LOOKUP,
                    "_25._tcp.mx CNAME _25._tcp.mx.late.lab."),
    "outside": Case("tls", ANY, "_25._tcp.mx CNAME _25._tcp.mx.plain.lab."),
    "plain": Case("tls", ANY, signed=False),
    "plain-clear": Case("clear", NOTHING, signed=False, context=None),
    "alias": Case("dane", VERIFIED, "_25._tcp.end TLSA " + RIGHT,
                  zone="@ MX 10 mx\nmx CNAME end\nend A {address}\n"),
    "alias-own": Case("dane", VERIFIED, zone="@ MX 10 mx\nmx CNAME end\nend A {address}\n"),
    "alias-plain": Case("dane", VERIFIED,
                        zone="@ MX 10 mx\nmx CNAME to-alias.plain.lab.\n"),
    "implicit": Case("dane", VERIFIED, "_25._tcp TLSA " + RIGHT, zone="@ A {address}\n"),
    "late": Case("bogus by DNSSEC", "Destination address lookup failed", expired=True),
}
CASES["alias-plain"].address = "192.0.2.81"
CASES["plain"].zone += "to-alias A 192.0.2.81\n"

zones = SignedZones(directory + "/zones")
zones.add("lab", "insecure-mx MX 10 mx.good.lab.\n")
for name, case in CASES.items():
    zones.add(name + ".lab", case.zone.format(address=case.address), **case.how)
    case.start()
first, spare = CASES["wrong"], CASES["good"]
zones.add("two.lab", "@ MX 10 mx.wrong.lab.\n@ MX 20 mx.good.lab.\n")
zones.add("skips.lab", "@ MX 10 mx.bogus.lab.\n@ MX 20 mx.plain.lab.\n")
zones.add("prefers.lab", "@ MX 10 mx.plain.lab.\n@ MX 20 mx.good.lab.\n")
zones.add("to-good.lab", "@ MX 10 mx.good.lab.\n", signed=False)
ported = TlsExchanger("192.0.2.21", own.context(), port=2525)
zones.zones["good.lab"].text += "_2525._tcp.mx TLSA %s\n" % WRONG
zones.serve()
unbound = Unbound(directory, zones.anchor)
SETTINGS = "[relay]\ndnssec-anchor = %s\n" % zones.anchor
SOON = ("-o", "queue.retry-min=1s", "-o", "queue.retry-max=1s")


HANDS_IN = "[server]\ntls = offer\ntls-certificate = %s\ntls-key = %s\n" % (own.chain, own.key)


def demand_tls(site, recipient, body=b"Subject: secret\r\n\r\nHello.\r\n"):
    """Hand in a message with REQUIRETLS; the handler takes that inside TLS only."""
    with site.smtp() as smtp:
        smtp.starttls()
        smtp.ehlo()
        smtp.mail("alice@sender.example", ["REQUIRETLS"])
        smtp.rcpt(recipient)
        smtp.data(body)


def line(site, domain):
    found = re.findall(r"(?m)^.* (?:delivered|deferred|failed) id=\S+ to=bob@%s .*$"
                       % re.escape(domain), site.log())
    return found[-1] if found else site.log()[-3000:]


site = Site("all", SETTINGS).listen()
for name in CASES:
    site.send("bob@%s.lab" % name)
site.relay(*SOON)
once = {name: [m.tls for m in case.exchanger.messages] for name, case in CASES.items()}
lines = {name: line(site, name + ".lab") for name in CASES}
names = {name: case.exchanger.names[:] for name, case in CASES.items()}

for name, case in CASES.items():
    if case.mail in ("dane", "tls"):
        @test("%s: delivered by TLS, %s" % (name, "with the record" if case.mail == "dane"
                                            else "with any certificate"))
        def _(name=name, case=case):
            same(once[name], ["TLSv1.3"], lines[name])
            found = re.search(r" tls=TLSv1\.3/[A-Z0-9_]+(?:/dane:([23]\.[01]\.[012]:"
                              r"[0-9a-f]{16}))? ", lines[name])
            same(bool(found and found[1]), case.mail == "dane", lines[name])
    elif case.mail == "clear":
        @test("%s: delivered in the clear" % name)
        def _(name=name):
            same(once[name], [None], lines[name])
    else:
        @test("%s: waits, and the log names the reason" % name)
        def _(name=name, case=case):
            same(once[name], [], lines[name])
            status = r"4\.4\.3" if name == "late" else r"4\.7\.[45]"
            check(re.search(r"deferred id=\S+ to=\S+ .*status=%s .*%s" % (status, case.mail),
                            lines[name]), lines[name])


@test("who waits is never given a message in the clear, at no later attempt")
def _():
    time.sleep(2.2)
    site.relay(*SOON)
    for name, case in CASES.items():
        if case.mail not in ("dane", "tls", "clear"):
            same(case.exchanger.messages, [], name)


@test("SNI has the name of the records")
def _():
    same([names["good"], names["alias"], names["alias-own"]],
         [["mx.good.lab"], ["end.alias.lab"], ["mx.alias-own.lab"]])


site.stop()

# ---- posttls-finger ----

config = directory + "/postfix"
os.mkdir(config)
with open(config + "/main.cf", "w") as out:
    out.write("compatibility_level = 3.7\nqueue_directory = %s\nmail_owner = mail\n"
              "setgid_group = operator\nsmtp_dns_support_level = dnssec\n"
              "smtp_host_lookup = dns\nmyhostname = mail.lab\ninet_protocols = ipv4\n"
              "import_environment = LD_LIBRARY_PATH\n" % config)
with open(directory + "/resolv.conf", "w") as out:
    out.write("nameserver 127.0.0.1\noptions trust-ad edns0\n")
subprocess.run(["mount", "--bind", directory + "/resolv.conf",
                os.path.realpath("/etc/resolv.conf")], check=True)
fingers = {name: subprocess.Popen([PEERS + "/usr/sbin/posttls-finger", "-t", "5", "-l", "dane",
                                   "-c", name + ".lab"], stdin=subprocess.DEVNULL,
                                  env=dict(peer_environment(), MAIL_CONFIG=config), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
           for name in CASES}
fingers = {name: process.communicate(timeout=30)[0] for name, process in fingers.items()}

for name, case in CASES.items():
    @test("posttls-finger agrees: " + name)
    def _(name=name, case=case):
        check(re.search(case.finger, fingers[name]), fingers[name])
        # It never reports a verified session where ours waits or has no record.
        same("Verified TLS" in fingers[name], case.mail == "dane", fingers[name])


# ---- several exchangers, routes, settings ----

def run(settings, recipient, *options, sender="alice@sender.example"):
    """The result in the log of mail with more settings, and the messages of mx.good.lab."""
    global count
    count += 1
    one = Site("site%d" % count, SETTINGS + settings).listen()
    one.send(recipient, sender=sender)
    had = len(spare.exchanger.messages)
    one.relay(*options)
    one.stop()
    return line(one, recipient.split("@")[1]), len(spare.exchanger.messages) - had, one


count = 0


@test("an exchanger whose certificate does not fit is passed over")
def _():
    text, got, _ = run("", "bob@two.lab")
    check(got == 1 and "delivered" in text and "mx.good.lab" in text and "/dane:" in text, text)
    same(first.exchanger.messages, [])


@test("an exchanger whose records are bogus is passed over, and not dialled")
def _():
    had = CASES["bogus"].exchanger.connections
    text, _, _ = run("", "bob@skips.lab")
    check("delivered" in text and "mx.plain.lab" in text, text)
    same(CASES["bogus"].exchanger.connections, had)


@test("records never change the order of exchangers")
def _():
    text, got, _ = run("", "bob@prefers.lab")
    check(got == 0 and "host=mx.plain.lab" in text, text)


@test("an unsigned MX record: a signed exchanger is like any other")
def _():
    text, _, _ = run("", "bob@to-good.lab")
    check("delivered" in text and "/dane:" not in text and "tls=TLSv1.3" in text, text)


def under_policy(name, mx):
    """The result of mail for NAME.lab, whose policy of MTA-STS allows the exchanger mx only."""
    one = Site("policy-" + name, SETTINGS + "mta-sts = on\ntls-ca-file = %s\n" % authority.file)
    os.makedirs(one.queue + "/state/sts", 0o700)
    os.chmod(one.queue + "/state", 0o700)
    when = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + s)) for s in (-60, 3600)]
    with open("%s/state/sts/%s.lab.txt" % (one.queue, name), "w") as file:
        file.write("id: 1\nfetched: %s\nexpires: %s\n\nversion: STSv1\nmode: enforce\n"
                   "mx: %s\nmax_age: 604800\n" % (*when, mx))
    one.listen().send("bob@%s.lab" % name)
    had = len(CASES[name].exchanger.messages)
    one.relay()
    one.stop()
    return line(one, name + ".lab"), len(CASES[name].exchanger.messages) - had


@test("DANE and MTA-STS: records decide alone; without usable ones the policy does (RFC 8461)")
def _():
    text, got = under_policy("good", "mx.elsewhere.lab")
    check(got == 1 and "/dane:3.1.1:" in text, text)
    text, got = under_policy("wrong", "mx.wrong.lab")
    check(got == 0 and "does not fit the TLSA records of mx.wrong.lab" in text, text)
    for name in ("none", "plain"):
        text, got = under_policy(name, "mx.elsewhere.lab")
        check(got == 0 and "status=4.7.5" in text and "the MTA-STS policy of %s.lab does not allow"
              % name in text, text)
        text, got = under_policy(name, "mx.%s.lab" % name)
        check(got == 0 and "(the MTA-STS policy of the domain)" in text, text)
    text, got = under_policy("unusable", "mx.unusable.lab")
    check(got == 0 and "(the MTA-STS policy of the domain)" in text, text)
    text, got = under_policy("bogus", "mx.bogus.lab")
    check(got == 0 and "bogus by DNSSEC" in text, text)


@test("a route to a host: its name and port count")
def _():
    text, _, _ = run("[route *]\nvia = smtp://mx.good.lab\n", "bob@any.lab")
    check("delivered" in text and "/dane:3.1.1:" in text, text)
    text, _, _ = run("[route *]\nvia = smtp://mx.good.lab:2525\n", "bob@any.lab")
    check("deferred" in text and "_2525._tcp.mx.good.lab" in text, text)
    same(ported.messages, [])


@test("tls = none sends in the clear; dnssec = off knows no records; tls = require is content")
def _():
    text, _, _ = run("tls = none\n", "bob@good.lab")
    check("delivered" in text and "tls=" not in text, text)
    text, _, _ = run("dnssec = off\n", "bob@wrong.lab")
    check("delivered" in text and "/dane" not in text, text)
    del first.exchanger.messages[:]
    text, _, _ = run("tls = require\n", "bob@good.lab")
    check("delivered" in text and "/dane:" in text, text)
    text, _, _ = run("tls = require\n", "bob@unusable.lab")
    check("deferred" in text and "cannot be verified" in text, text)


@test("R134 mail in the clear is not spared where records demand TLS")
def _():
    text, _, one = run("", "bob@garbage.lab", *SOON)
    time.sleep(2.2)
    one.relay(*SOON)
    check("downgraded" not in one.log() and not CASES["garbage"].exchanger.messages, one.log())


@test("a session is resumed where its certificate fits the records")
def _():
    spare.exchanger.once = True
    del spare.exchanger.resumed[:]
    one = Site("resumed", SETTINGS + "per-destination = 1\n").listen()
    for _ in range(2):
        one.send("bob@good.lab")
    one.relay()
    spare.exchanger.once = False
    same(spare.exchanger.resumed, [False, True], one.log())
    same(sorted(re.findall(r"delivered .* tls=\S+/dane:3\.1\.1:[0-9a-f]{16}(\S*) ", one.log())),
         ["", "/resumed"], one.log())
    one.stop()


@test("H159 REQUIRETLS goes where a record fits, and is returned without the proof of a name")
def _():
    one = Site("requiretls", SETTINGS + "tls-ca-file = %s\n" % authority.file + HANDS_IN).listen()
    had = len(spare.exchanger.messages)
    for domain in "good", "named", "plain", "wrong", "without", "bogus":
        del CASES[domain].exchanger.messages[:]
        demand_tls(one, "bob@%s.lab" % domain)
    one.relay()
    same(len(spare.exchanger.messages), 1, had, one.log())
    check("REQUIRETLS" in spare.exchanger.messages[-1].sender.decode(), spare.exchanger.messages)
    # A signed domain without records of DANE needs a certificate for the name, and no more.
    same([m.tls for m in CASES["named"].exchanger.messages], ["TLSv1.3"], one.log()[-3000:])
    check("/verified" in line(one, "named.lab"), line(one, "named.lab"))
    check(re.search(r"failed .*status=5\.7\.10 .*do not prove the exchangers of plain\.lab",
                    line(one, "plain.lab")), line(one, "plain.lab"))
    for domain in "wrong", "without":
        check("failed" in line(one, domain + ".lab") and "status=5.7.10" in line(
            one, domain + ".lab"), line(one, domain + ".lab"))
    check("status=4.7.5" in line(one, "bogus.lab"), line(one, "bogus.lab"))
    same([CASES[name].exchanger.messages for name in ("plain", "wrong", "without")], [[]] * 3)
    one.stop()


WAIVED = b"Subject: test\r\nTLS-Required: No\r\n\r\nHello.\r\n"


@test("TLS-Required: No waives the records, for that message alone")
def _():
    one = Site("waived", SETTINGS).listen()
    for domain in "wrong", "without", "bogus":
        del CASES[domain].exchanger.messages[:]
        for body in WAIVED, b"Subject: normal\r\n\r\nHello.\r\n", WAIVED:
            one.send("bob@%s.lab" % domain, body)
    one.relay("-o", "relay.per-destination=1")
    for domain, tls in ("wrong", "TLSv1.3"), ("without", None), ("bogus", "TLSv1.3"):
        got = CASES[domain].exchanger.messages
        same([m.tls for m in got], [tls] * 2, domain, one.log()[-3000:])
        check(all(b"TLS-Required: No" in m.content for m in got), got)
        del got[:]
    same(len(one.queued("wait")), 3)
    for name in "wrong", "without", "bogus":
        check("deferred" in one.log() and "bob@%s.lab" % name in one.log(), name)
    one.stop()


@test("TLS-Required: No does not count beside REQUIRETLS")
def _():
    one = Site("both", SETTINGS + HANDS_IN).listen()
    demand_tls(one, "bob@wrong.lab", WAIVED)
    one.relay()
    check("status=5.7.10" in line(one, "wrong.lab"), line(one, "wrong.lab"))
    same(first.exchanger.messages, [])
    one.stop()


@test("nothing is returned before its lifetime is over; the notice names the records")
def _():
    _, _, one = run("", "bob@wrong.lab")
    same(one.mailbox("alice"), [])
    one.age(6 * 86400)
    for _ in range(4):
        one.relay("--flush")
    check(one.mailbox("alice"), one.log()[-3000:])
    text = one.mailbox("alice")[0].decode().replace("=\n", "")
    check(re.search(r"TLSA\s+records\s+of\s+mx\.wrong\.lab\s+\(3\s+1\s+1\s+[0-9a-f]{16}", text),
          text)


@test("--explain has the chain of reasons")
def _():
    def explained(domain):
        text = site.explain("bob@" + domain)
        return re.findall(r"(?m)^(?:dane)? +(mx\.\S+: its MX .*)$", text) or text
    same(len(explained("two.lab")), 2)
    check(re.fullmatch(r"mx\.good\.lab: its MX record is proven, its address is proven, "
                       r"_25\._tcp\.mx\.good\.lab is proven: 3 1 1 [0-9a-f]{16}\.\.\., "
                       r"so TLS with a certificate that fits is needed",
                       explained("good.lab")[0]), explained("good.lab"))
    check("its MX record is not signed, " in explained("plain.lab")[0], explained("plain.lab"))
    check("so no mail may go there now" in explained("bogus.lab")[0], explained("bogus.lab"))
    check("the alias itself is proven" in explained("alias-plain.lab")[0], "alias-plain")


# ---- what is remembered ----

@test("if nothing can be validated, mail for hosts that had records waits, and other mail goes")
def _():
    Stripper("192.0.2.90")
    text, _, one = run("", "bob@GOOD.Lab")
    saved = one.queue + "/state/dane"
    same(sorted(entry.split()[0] for entry in open(saved).read().splitlines()[1:]),
         ["good.lab", "mx.good.lab"])
    one.listen()
    one.send(["bob@good.lab", "bob@none.lab", "bob@to-good.lab"])
    one.relay("-o", "relay.resolver=192.0.2.90")
    text = line(one, "good.lab")
    check("status=4.7.5" in text and "cannot be validated now" in text, text)
    check("delivered" in line(one, "none.lab"), line(one, "none.lab"))
    text = line(one, "to-good.lab")
    check("status=4.7.5" in text and "had TLSA records in the last 30 days" in text, text)
    check("is kept and tried again later: hosts of the domain had TLSA" in
          one.explain("bob@good.lab", "-o", "relay.resolver=192.0.2.90"), "--explain")
    had = len(spare.exchanger.messages)
    one.relay("--flush")
    same(len(spare.exchanger.messages) - had, 2, one.log()[-3000:])
    one.send("bob@good.lab")
    one.relay("-o", "relay.resolver=192.0.2.90", "-o", "relay.dnssec-unsigned=good.lab")
    check("delivered" in line(one, "good.lab"), line(one, "good.lab"))
    # A month later, and by order of the operator.
    text = re.sub(r"(\d{10})$", lambda m: str(int(m[1]) - 31 * 86400), open(saved).read(),
                  flags=re.M)
    for change in ("month", "off"):
        if change == "month":
            with open(saved, "w") as file:
                file.write(text)
        one.send("bob@good.lab")
        one.relay("-o", "relay.resolver=192.0.2.90", *(["-o", "relay.dnssec=off"]
                                                       if change == "off" else []))
        check("delivered" in line(one, "good.lab"), change, line(one, "good.lab"))
    one.stop()


@test("a damaged state/dane harms nothing")
def _():
    one = Site("damaged", SETTINGS).listen()
    one.relay()
    with open(one.queue + "/state/dane", "wb") as file:
        file.write(b"\xff\0 x\nmx.good.lab\n" + b"a" * 5000 + b" 1\nno.end 1")
    one.send("bob@good.lab")
    one.relay()
    check("/dane:" in line(one, "good.lab"), line(one, "good.lab"))
    same(open(one.queue + "/state/dane").read().count("good.lab"), 2)
    one.stop()


main(site.keep_queue_note)
