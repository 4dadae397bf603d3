# SPDX-License-Identifier: ISC
"""TLS to exchangers: none, may, require; bad certificates and handshakes; delivery in the clear."""
import json
import re
import ssl
import subprocess
import time

from certificates import Authority
from nameservers import nsd
from programs import BUILD, RELAY, Site, fresh_directory
from tap import check, main, same, test, wait_for
from tls_exchangers import TlsExchanger

directory = fresh_directory()
authority = Authority(directory + "/ca")


def host(name):
    return "mx.%s.example.org" % name


good = authority.leaf("good", *(host(name) for name in (
    "good", "closes", "drops", "inject", "garbage", "mute", "refuses", "old", "absent")))

self_signed = authority.leaf("self", host("self-signed"), signed=False)
stranger = Authority(directory + "/ca2", "nobody").leaf("strange", host("stranger"))

# Each case is a domain: its exchanger, its outcome with `may`, and the reason of `require`.  The
# outcomes are "tls", "clear" (at once), "downgrade" (in the clear at the second attempt), and
# "accident" (in the clear at the third, as one broken connection is no failure of TLS).
# Without a reason (None), `require` delivers.
CASES = {
    "good": (dict(context=good.context()), "tls", None),
    "wrong-name": (dict(context=authority.leaf("wrong", "other.example.net").context()), "tls",
                   r"4\.7\.5 .*its certificate is not for mx\.wrong-name\.example\.org, "
                   r"but for other\.example\.net"),
    "expired": (dict(context=authority.leaf("expired", host("expired"), days=0).context()), "tls",
                r"4\.7\.5 .*its certificate has expired on 20\d\d-"),
    "self-signed": (dict(context=self_signed.context()), "tls",
                    r"4\.7\.5 .*its certificate cannot be verified: self-signed certificate"),
    "stranger": (dict(context=stranger.context()), "tls",
                 r"4\.7\.5 .*its certificate cannot be verified: "
                 r"unable to get local issuer certificate"),
    "absent": (dict(), "clear",
               r"4\.7\.4 .*STARTTLS is not offered; .*tls = may would send it in the clear"),
    "refuses": (dict(context=good.context(), fault="refuses"), "clear",
                r"4\.7\.4 .*refused: 454 4\.7\.0 not now"),
    "closes": (dict(context=good.context(), fault="closes"), "downgrade",
               r"4\.7\.5 .*TLS handshake failed: "),
    "drops": (dict(context=good.context(), fault="drops"), "accident",
              r"4\.7\.5 .*lost connection in STARTTLS"),
    "inject": (dict(context=good.context(), fault="inject"), "downgrade",
               r"4\.7\.5 .*more octets behind its reply to STARTTLS"),
    "garbage": (dict(context=good.context(), fault="garbage"), "downgrade",
                r"4\.7\.5 .*TLS handshake failed: wrong version number"),
    "mute": (dict(context=good.context(), fault="mute"), "accident",
             r"4\.4\.2 .*lost connection in EHLO"),
    "old": (dict(context=good.context(ssl.TLSVersion.TLSv1)), "downgrade",
            r"4\.7\.5 .*TLS handshake failed: .*protocol"),
}
addresses = {name: 20 + i for i, name in enumerate(CASES)}
addresses.update(carries=62, pretends=63, cannot=64)
nsd(directory + "/nsd", {"example.org": "".join(
    "%s MX 10 mx.%s\nmx.%s A 192.0.2.%d\n" % (name, name, name, address)
    for name, address in addresses.items()) +
    "smart A 192.0.2.61\nelsewhere A 192.0.2.61\n"
    "both MX 10 mx.closes\nboth MX 20 mx.good\nspare MX 10 mx.expired\nspare MX 20 mx.good\n"})
exchangers = {name: TlsExchanger("192.0.2.%d" % (20 + i),
                                 outside=("8BITMIME", "SIZE 1000000", "X-OUTSIDE"), **options)
              for i, (name, (options, _, _)) in enumerate(CASES.items())}


def send_to_all(site):
    for name in CASES:
        site.send("bob@%s.example.org" % name)


def clear():
    for exchanger in exchangers.values():
        del exchanger.messages[:], exchanger.commands[:], exchanger.names[:]


def line(site, domain, event):
    """The last log line of that event about mail for domain."""
    found = re.findall(r"(?m)^.*\b%s id=\S+ to=bob@%s\.example\.org .*$" % (event, domain),
                       site.log())
    return found[-1] if found else ""


# All tests use the same two runs, with a message for each domain.
may = Site("may").listen()
send_to_all(may)
may.relay("-o", "queue.retry-min=1s", "-o", "queue.retry-max=1s")
first = {name: [m.tls for m in exchangers[name].messages] for name in CASES}
first_commands = {name: list(exchangers[name].commands) for name in CASES}
first_log = may.log()
SOON = ("-o", "queue.retry-min=1s", "-o", "queue.retry-max=1s")
time.sleep(2.2)
may.relay(*SOON)
second = {name: [m.tls for m in exchangers[name].messages] for name in CASES}
time.sleep(2.5)
may.relay(*SOON)
third = {name: [m.tls for m in exchangers[name].messages] for name in CASES}
names = {name: exchangers[name].names[:] for name in CASES}


@test("R133 offers before STARTTLS are forgotten, and EHLO is sent again")
def _():
    said = [(secure, text.split(" ")[0]) for secure, text in first_commands["good"]]
    same(said[:4], [(False, "EHLO"), (False, "STARTTLS"), (True, "EHLO"), (True, "MAIL")])
    same([text for secure, text in first_commands["good"] if text.startswith("MAIL")],
         ["MAIL FROM:<alice@sender.example>"], "SIZE was offered outside only")


@test("tls = may is the default; SNI has the name of the exchanger")
def _():
    same(first["good"], ["TLSv1.3"])
    same(names["good"], ["mx.good.example.org"])
    check(re.search(r" host=mx\.good\.example\.org\[192\.0\.2\.20\]:25 tls=TLSv1\.3/TLS_\S+ ",
                    line(may, "good", "delivered")), may.log())


for name, (_, wanted, _) in CASES.items():
    if wanted == "tls":
        @test("may: any certificate is accepted: " + name)
        def _(name=name):
            same([first[name], second[name]], [["TLSv1.3"]] * 2, may.log()[-3000:])
            check("verified" not in line(may, name, "delivered"), line(may, name, "delivered"))
    elif wanted == "clear":
        @test("may: in the clear at once if there is no TLS: " + name)
        def _(name=name):
            same([first[name], second[name]], [[None]] * 2, may.log()[-3000:])
            check(" tls=" not in line(may, name, "delivered") and not line(may, name, "downgraded"),
                  may.log()[-3000:])
    else:
        @test("R134 may: deferred, then in the clear to the same host, a downgrade: " + name)
        def _(name=name, wanted=wanted):
            same([first[name], second[name], third[name]],
                 [[], [None] if wanted == "downgrade" else [], [None]], may.log()[-3000:])
            check(re.search(r" status=4\.[47]\.[25] ",
                            re.search(r"deferred id=\S+ to=bob@%s.*" % name, first_log)[0]),
                  first_log)
            check("downgraded" not in first_log)
            check(re.search(r"downgraded id=\S+ to=bob@%s\.example\.org host=mx\.%s\S* why="
                            % (name, name), may.log()), may.log())
            check(" tls=none/downgraded " in line(may, name, "delivered"),
                  line(may, name, "delivered"))


@test("R134 a downgrade is remembered; when it is forgotten, TLS is tried again")
def _():
    clear()
    may.send("bob@closes.example.org")
    may.relay()
    same([m.tls for m in exchangers["closes"].messages], [None])
    check(not any("STARTTLS" in text for _, text in exchangers["closes"].commands))
    path = may.queue + "/state/hosts"
    lines = open(path).read().split("\n")
    at = lines[0].replace("(>: at least)", "").split().index("tls_failed") - 1
    lines = [text.split(" ") for text in lines]
    for fields in lines:
        if "mx.closes.example.org" in fields:
            fields[at] = "1700000000"
    open(path, "w").write("\n".join(" ".join(fields) for fields in lines))
    exchangers["closes"].fault = None
    may.send("bob@closes.example.org")
    may.relay()
    same([m.tls for m in exchangers["closes"].messages], [None, "TLSv1.3"], may.log()[-1000:])
    exchangers["closes"].fault = "closes"


@test("R134 --watch: the second attempt is in the clear, by the same runner")
def _():
    clear()
    site = Site("watch", address="192.0.2.8").listen()
    site.watch("-o", "queue.retry-min=1s", "-o", "queue.retry-max=1s")
    site.send("bob@garbage.example.org")
    check(wait_for(lambda: exchangers["garbage"].messages, 15), site.log())
    same([m.tls for m in exchangers["garbage"].messages], [None])
    same(len(re.findall(r"deferred id=", site.log())), 1, site.log())
    same(sum(text == "STARTTLS" for _, text in exchangers["garbage"].commands), 1)
    site.stop()


def retry(site):
    subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "retry", "--all"], check=True,
                   stdout=subprocess.DEVNULL, timeout=20)


def downgraded(name, address):
    """A site for which TLS has failed with a host that works now, and a message for it."""
    clear()
    site = Site(name, address=address).listen()
    site.send("bob@closes.example.org")
    site.relay(*SOON)
    same(exchangers["closes"].messages, [])
    exchangers["closes"].fault = None
    return site


def state_of(site, name):
    """The fields of a host in the table, by the names in its first line."""
    lines = open(site.queue + "/state/hosts").read().split("\n")
    keys = lines[0].replace("(>: at least)", "").split()[1:]
    return dict(zip(keys, next(text.split() for text in lines
                               if " mx.%s.example.org " % name in text)))


@test("R134 a host that closes once at TLS, as it restarts, is asked again at once, by TLS")
def _():
    clear()
    site = Site("restarts", address="192.0.2.77").listen()
    exchangers["closes"].fault = "closes once"
    site.send("bob@closes.example.org")
    site.relay(*SOON)
    same([m.tls for m in exchangers["closes"].messages], ["TLSv1.3"], site.log())
    state = state_of(site, "closes")
    same([state["tls_failed"], state["tls_broke"]], ["0", "0"])
    exchangers["closes"].fault = "closes"


@test("R134 a failure of another kind does not make an accident at TLS the second one")
def _():
    clear()
    site = Site("kinds", address="192.0.2.78").listen()
    site.relay()
    with open(site.queue + "/state/hosts", "w") as file:
        file.write("192.0.2.%d:25 mx.drops.example.org 0 0 0 %d 1 0 %d 0 0\n"
                   % (addresses["drops"], time.time() - 60, time.time() - 60))
    site.send("bob@drops.example.org")
    exchangers["drops"].fault = "drops once"
    site.relay(*SOON)
    same(exchangers["drops"].messages, [], site.log())
    state = state_of(site, "drops")
    same([state["tls_failed"], state["tls_broke"] != "0"], ["0", True], state)
    time.sleep(2.2)
    site.relay(*SOON)
    same([m.tls for m in exchangers["drops"].messages], ["TLSv1.3"], site.log())
    same(state_of(site, "drops")["tls_broke"], "0")
    exchangers["drops"].fault = "drops"


@test("R134 a refusal in the clear is no answer: TLS is tried at once, and again from then on")
def _():
    for i, reply in enumerate(("530 5.7.0 Must issue a STARTTLS command first",
                               "550 5.7.1 no", "451 4.7.1 later")):
        site = downgraded("demands%d" % i, "192.0.2.%d" % (70 + i))
        exchangers["closes"].demand = reply
        time.sleep(2.2)
        site.relay(*SOON)
        same([m.tls for m in exchangers["closes"].messages], ["TLSv1.3"], site.log())
        site.send("bob@closes.example.org")
        site.relay()
        same([m.tls for m in exchangers["closes"].messages], ["TLSv1.3"] * 2, site.log())
        exchangers["closes"].fault, exchangers["closes"].demand = "closes", None


@test("R134 --flush and retry forget that TLS has failed")
def _():
    for i, act in enumerate((lambda site: site.relay("--flush"),
                             lambda site: (retry(site), site.relay()))):
        site = downgraded("forgets%d" % i, "192.0.2.%d" % (75 + i))
        act(site)
        same([m.tls for m in exchangers["closes"].messages], ["TLSv1.3"], site.log())
        exchangers["closes"].fault = "closes"


@test("R134 another exchanger comes first: nothing goes in the clear while one speaks TLS")
def _():
    clear()
    site = Site("both", address="192.0.2.3").listen()
    site.send("bob@both.example.org")
    site.relay()
    same([len(exchangers["closes"].messages), [m.tls for m in exchangers["good"].messages]],
         [0, ["TLSv1.3"]], site.log())


@test("none: in the clear, even if STARTTLS is offered")
def _():
    clear()
    site = Site("none", "[relay]\ntls = none\n", address="192.0.2.4").listen()
    site.send("bob@good.example.org")
    site.relay()
    same([m.tls for m in exchangers["good"].messages], [None])
    check(" tls=" not in line(site, "good", "delivered"), site.log())


clear()
require = Site("require", "[relay]\ntls = require\ntls-ca-file = %s\n" % authority.file,
               address="192.0.2.5").listen()
send_to_all(require)
require.relay()
require.relay("--flush")
required = {name: [m.tls for m in exchangers[name].messages] for name in CASES}
in_clear = {name: [text for secure, text in exchangers[name].commands
                   if not secure and text.split(" ")[0] in ("MAIL", "RCPT", "DATA")]
            for name in CASES}

for name, (_, _, wanted) in CASES.items():
    if wanted is None:
        @test("require: verified, and the log has it: " + name)
        def _(name=name):
            same(required[name], ["TLSv1.3"], require.log()[-3000:])
            check(re.search(r" tls=TLSv1\.3/TLS_\S+/verified ", line(require, name, "delivered")),
                  require.log())
    else:
        @test("require: deferred, with the reason and advice; nothing is sent: " + name)
        def _(name=name, wanted=wanted):
            same([required[name], in_clear[name]], [[], []])
            found = line(require, name, "deferred")
            check(re.search("status=" + wanted, found), found, require.log()[-2000:])
            check("4.4.2" in found or "[relay] tls" in found, found)


@test("TLS-Required: No does not lift the demands of [relay]")
def _():
    clear()
    require.send("bob@expired.example.org", b"TLS-Required: No\r\nSubject: x\r\n\r\nHello.\r\n")
    require.relay()
    same([m.tls for m in exchangers["expired"].messages], [], require.log()[-2000:])
    check(re.search("status=4.7.5 ", line(require, "expired", "deferred")), require.log()[-2000:])


@test("require: the next exchanger, if the first has a bad certificate")
def _():
    clear()
    require.send("bob@spare.example.org")
    require.relay()
    same([len(exchangers["expired"].messages), [m.tls for m in exchangers["good"].messages]],
         [0, ["TLSv1.3"]], require.log()[-2000:])


@test("require: without the authority nothing is verified; a missing file is named")
def _():
    clear()
    site = Site("system", "[relay]\ntls = require\n", address="192.0.2.6").listen()
    site.send("bob@good.example.org")
    site.relay()
    check("unable to get local issuer certificate" in line(site, "good", "deferred"), site.log())
    site.relay("--flush", "-o", "relay.tls-ca-file=/nowhere/ca.pem")
    check(re.search(r"status=4\.3\.0 .*/nowhere/ca\.pem", line(site, "good", "deferred")),
          site.log())
    same([exchangers["good"].messages, len(site.queued("wait"))], [[], 1])


# Smarthosts by name and by address, each with a certificate for it; and mail with REQUIRETLS.
smart_leaf = authority.leaf("smart", "smart.example.org", "192.0.2.61")
implicit = TlsExchanger("192.0.2.61", smart_leaf.context(), port=465, implicit=True)
submission = TlsExchanger("192.0.2.61", smart_leaf.context(), port=587)
bare = TlsExchanger("192.0.2.61", None, port=2587)
implicit_bare = TlsExchanger("192.0.2.61", None, port=2465)
carries = TlsExchanger("192.0.2.62", authority.leaf("carries", host("carries")).context(),
                       inside=("REQUIRETLS",))
pretends = TlsExchanger("192.0.2.63", authority.leaf("pretends", "else.example.net").context(),
                        inside=("REQUIRETLS",))
cannot = TlsExchanger("192.0.2.64", authority.leaf("cannot", host("cannot")).context(),
                      outside=("REQUIRETLS",))
own = authority.leaf("own", "mail.sender.example")
smart = Site("smart", """[server]
tls = offer
tls-certificate = %s
tls-key = %s
[relay]
tls-ca-file = %s
[route implicit.example]
via = smtps://smart.example.org
[route address.example]
via = smtps://192.0.2.61:465
[route starttls.example]
via = smtp+starttls://smart.example.org
[route other.example]
via = smtps://elsewhere.example.org
[route unwilling.example]
via = smtp+starttls://smart.example.org:2587
[route plain.example]
via = smtps://smart.example.org:2465
[route expired.example.org]
via = mx
tls = require
[route wrong-name.example.org]
via = mx
tls = none
[route carries.example.org]
via = smtp://mx.carries.example.org
[route pretends.example.org]
via = smtp://mx.pretends.example.org
[route cannot.example.org]
via = smtp://mx.cannot.example.org
[route clear.example.org]
via = smtp://mx.absent.example.org
""" % (own.chain, own.key, authority.file), address="192.0.2.7").listen()


def about(site, address, event):
    found = re.findall(r"(?m)^.*\b%s id=\S+ to=%s .*$" % (event, re.escape(address)), site.log())
    return found[-1] if found else ""


@test("smtps://: TLS from the first octet, the certificate verified for its name or address")
def _():
    smart.send("bob@implicit.example")
    smart.send("bob@address.example")
    smart.relay()
    same([m.tls for m in implicit.messages], ["TLSv1.3"] * 2, smart.log())
    same(sorted(map(str, implicit.names)), ["None", "smart.example.org"], "SNI has no address")
    check("/verified" in about(smart, "bob@implicit.example", "delivered")
          and "/verified" in about(smart, "bob@address.example", "delivered"))


@test("smtp+starttls://: port 587, STARTTLS, verified")
def _():
    smart.send("bob@starttls.example")
    smart.relay()
    same([m.tls for m in submission.messages], ["TLSv1.3"], smart.log())
    check("/verified" in about(smart, "bob@starttls.example", "delivered"), smart.log())


@test("a smarthost with a wrong certificate, without STARTTLS or without TLS gets nothing, twice")
def _():
    del implicit.messages[:]
    for domain in "other", "unwilling", "plain":
        smart.send("bob@%s.example" % domain)
    smart.relay("-o", "relay.greeting-timeout=2s")
    smart.relay("--flush", "-o", "relay.greeting-timeout=2s")
    same([implicit.messages, bare.messages, implicit_bare.messages], [[]] * 3)
    check(re.search(r"status=4\.7\.5 .*not for elsewhere\.example\.org, "
                    r"but for smart\.example\.org; TLS is required \(smtps://\): correct that, "
                    r"or name", about(smart, "bob@other.example", "deferred")), smart.log())
    check(re.search(r"status=4\.7\.4 .*STARTTLS is not offered; TLS is required "
                    r"\(smtp\+starttls://\): ask its operator, or try another port, or smtp",
                    about(smart, "bob@unwilling.example", "deferred")), smart.log())
    check(re.search(r"status=4\.7\.5 .*TLS handshake failed: wrong version number; TLS is required "
                    r"\(smtps://\): ask its operator, or try another port, or smtp",
                    about(smart, "bob@plain.example", "deferred")), smart.log())


@test("a route's own tls overrides [relay]")
def _():
    clear()
    smart.send("bob@expired.example.org")
    smart.send("bob@wrong-name.example.org")
    smart.relay()
    same([exchangers["expired"].messages, [m.tls for m in exchangers["wrong-name"].messages]],
         [[], [None]])
    check("TLS is required (tls of the route)"
          in about(smart, "bob@expired.example.org", "deferred"), smart.log())


def demand_tls(recipient):
    """Send a message with REQUIRETLS; the handler accepts that inside TLS only."""
    with smart.smtp() as smtp:
        smtp.starttls(context=ssl._create_unverified_context())
        smtp.sendmail("alice@sender.example", [recipient], b"Subject: secret\r\n\r\nHello.\r\n",
                      mail_options=["REQUIRETLS"])


@test("H159 REQUIRETLS goes to a host that a route names, and that offers it inside verified TLS")
def _():
    for name in "carries", "pretends", "cannot", "clear":
        demand_tls("bob@%s.example.org" % name)
        smart.relay()
    same([(m.tls, m.sender) for m in carries.messages],
         [("TLSv1.3", b"MAIL FROM:<alice@sender.example> REQUIRETLS")], smart.log())
    check("/verified" in about(smart, "bob@carries.example.org", "delivered"))


@test("H159 REQUIRETLS: a certificate of another name, no TLS, an offer in the clear: it bounces")
def _():
    same([pretends.messages, cannot.messages], [[], []])
    check(re.search(r"status=5\.7\.10 .*TLS is required \(REQUIRETLS\)",
                    about(smart, "bob@pretends.example.org", "failed")), smart.log())
    check("status=5.7.30 " in about(smart, "bob@cannot.example.org", "failed"), smart.log())
    check("status=5.7.10 " in about(smart, "bob@clear.example.org", "failed"), smart.log())


@test("H159 REQUIRETLS: the name of an exchanger from the DNS alone is no proof")
def _():
    demand_tls("bob@good.example.org")
    smart.relay()
    check(re.search(r"status=4\.7\.5 .*cannot prove now the exchangers of good\.example\.org",
                    about(smart, "bob@good.example.org", "deferred")), smart.log())
    smart.relay("--flush", "-o", "relay.dnssec=off")
    check(re.search(r"status=5\.7\.10 .*do not prove the exchangers of good\.example\.org",
                    about(smart, "bob@good.example.org", "failed")), smart.log())
    same(exchangers["good"].messages, [])


@test("H159 REQUIRETLS never uses an unverified connection; other mail may use a verified one")
def _():
    del carries.messages[:]
    smart.send("ann@carries.example.org")
    demand_tls("ben@carries.example.org")
    smart.send("cid@carries.example.org")
    had = carries.connections
    smart.relay()
    same(sorted(m.recipients[0][:13] for m in carries.messages),
         [b"RCPT TO:<ann@", b"RCPT TO:<ben@", b"RCPT TO:<cid@"], smart.log()[-3000:])
    same([b"REQUIRETLS" in m.sender for m in carries.messages if b"ben@" in m.recipients[0]],
         [True])
    same([b"REQUIRETLS" in m.sender for m in carries.messages if b"ben@" not in m.recipients[0]],
         [False] * 2)
    check("/verified" in about(smart, "ben@carries.example.org", "delivered"), smart.log()[-3000:])
    check(carries.connections - had <= 3, carries.connections - had)


@test("a smarthost in --explain")
def _():
    text = smart.explain("x@implicit.example")
    check("\ntls         require (smtps://): from the first octet" in text
          and " 192.0.2.61:465 " in text, text)
    text = smart.explain("x@starttls.example")
    check("\ntls         require (smtp+starttls://): STARTTLS, and a certificate" in text
          and " 192.0.2.61:587 " in text, text)


@test("--explain: the policy, its setting, and hosts that get mail in the clear")
def _():
    text = may.explain("x@good.example.org")
    check("\ntls         may ([relay] tls): STARTTLS if it is offered" in text, text)
    text = may.explain("x@drops.example.org")
    check(re.search(r"\n            192\.0\.2\.28:25: in the clear until 20\d\d-", text), text)
    text = require.explain("x@good.example.org")
    check("\ntls         require ([relay] tls): STARTTLS, and a certificate" in text)
    text = may.explain("x@drops.example.org", "-o", "relay.tls=none")
    check("\ntls         none ([relay] tls): in the clear\n" in text and "until" not in text, text)


@test("smtp-queue hosts --json: the last failure of TLS")
def _():
    done = subprocess.run([BUILD + "/smtp-queue", "-c", may.config, "hosts", "--json"],
                          capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=20)
    told = {host["name"]: host for host in map(json.loads, done.stdout.splitlines())}
    check("tls_failed" in told["mx.drops.example.org"]
          and "tls_failed" not in told["mx.good.example.org"], done.stdout, done.stderr)


@test("--check reads tls-ca-file")
def _():
    def verdict(path):
        done = subprocess.run([RELAY, "-c", require.config, "-o", "relay.tls-ca-file=" + path,
                               "--check"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=20)
        return done.returncode, done.stderr
    same(verdict(authority.file), (0, ""))
    for path in "/nowhere/ca.pem", require.config:
        code, text = verdict(path)
        check(code == 78 and text.startswith("[relay] tls-ca-file: %s: " % path), code, text)


@test("the transcript shows TLS")
def _():
    require.send("bob@expired.example.org")
    require.relay()
    check("TLS" in require.queue_text() and "its certificate has expired" in require.queue_text(),
          require.queue_text())


main(may.keep_queue_note)
