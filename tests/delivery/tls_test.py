# SPDX-License-Identifier: ISC
"""TLS towards exchangers: none, may, require; certificates and handshakes that are wrong; falling back, and never where it must not."""
import re
import ssl

from certificates import Authority
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, same, test
from tls_exchangers import TlsExchanger

directory = fresh_directory()
authority = Authority(directory + "/ca")


def host(name):
    return "mx.%s.example.org" % name


good = authority.leaf("good", *(host(name) for name in (
    "good", "closes", "drops", "inject", "garbage", "mute", "refuses", "old", "absent")))

# Each a domain of its own.  What becomes of it with `may`: "tls", "clear" (at once), "downgrade" (at the second attempt); and what
# `require` says of it, None: delivered.
CASES = {
    "good": (dict(context=good.context()), "tls", None),
    "wrong-name": (dict(context=authority.leaf("wrong", "other.example.net").context()), "tls",
                   r"4\.7\.5 .*its certificate is not for mx\.wrong-name\.example\.org, but for other\.example\.net"),
    "expired": (dict(context=authority.leaf("expired", host("expired"), days=-1).context()), "tls",
                r"4\.7\.5 .*its certificate has expired on 20\d\d-"),
    "self-signed": (dict(context=authority.leaf("self", host("self-signed"), signed=False).context()), "tls",
                    r"4\.7\.5 .*its certificate cannot be verified: self-signed certificate"),
    "stranger": (dict(context=Authority(directory + "/ca2", "nobody").leaf("strange", host("stranger")).context()), "tls",
                 r"4\.7\.5 .*its certificate cannot be verified: unable to get local issuer certificate"),
    "absent": (dict(), "clear", r"4\.7\.4 .*STARTTLS is not offered"),
    "refuses": (dict(context=good.context(), fault="refuses"), "clear", r"4\.7\.4 .*refused: 454 4\.7\.0 not now"),
    "closes": (dict(context=good.context(), fault="closes"), "downgrade", r"4\.7\.5 .*TLS handshake failed: "),
    "drops": (dict(context=good.context(), fault="drops"), "downgrade", r"4\.7\.5 .*lost connection in STARTTLS"),
    "inject": (dict(context=good.context(), fault="inject"), "downgrade", r"4\.7\.5 .*more came with the reply to STARTTLS"),
    "garbage": (dict(context=good.context(), fault="garbage"), "downgrade", r"4\.7\.5 .*TLS handshake failed: wrong version number"),
    "mute": (dict(context=good.context(), fault="mute"), "downgrade", r"4\.4\.2 .*lost connection in EHLO"),
    "old": (dict(context=good.context(ssl.TLSVersion.TLSv1)), "downgrade", r"4\.7\.5 .*TLS handshake failed: .*protocol"),
}
nsd(directory + "/nsd", {"example.org": "".join(
    "%s MX 10 mx.%s\nmx.%s A 192.0.2.%d\n" % (name, name, name, 20 + i) for i, name in enumerate(CASES)) +
    "both MX 10 mx.closes\nboth MX 20 mx.good\nspare MX 10 mx.expired\nspare MX 20 mx.good\n"})
exchangers = {name: TlsExchanger("192.0.2.%d" % (20 + i), outside=("8BITMIME", "SIZE 1000000", "X-OUTSIDE"), **options)
              for i, (name, (options, _, _)) in enumerate(CASES.items())}


def send_to_all(site):
    for name in CASES:
        site.send("bob@%s.example.org" % name)


def clear():
    for exchanger in exchangers.values():
        del exchanger.messages[:], exchanger.commands[:], exchanger.names[:]


def line(site, domain, event):
    """The last log line of that kind about mail for domain."""
    found = re.findall(r"(?m)^.*\b%s id=\S+ to=bob@%s\.example\.org .*$" % (event, domain), site.log())
    return found[-1] if found else ""


# What is the same for all: one run, and a second one, of a message for each.
may = Site("may").listen()
send_to_all(may)
may.relay()
first = {name: [m.tls for m in exchangers[name].messages] for name in CASES}
first_commands = {name: list(exchangers[name].commands) for name in CASES}
first_log = may.log()
may.relay("--flush")
second = {name: [m.tls for m in exchangers[name].messages] for name in CASES}
names = {name: exchangers[name].names[:] for name in CASES}


@test("R133 what was offered before STARTTLS is forgotten, and EHLO is said again")
def _():
    said = [(secure, text.split(" ")[0]) for secure, text in first_commands["good"]]
    same(said[:4], [(False, "EHLO"), (False, "STARTTLS"), (True, "EHLO"), (True, "MAIL")])
    same([text for secure, text in first_commands["good"] if text.startswith("MAIL")],
         ["MAIL FROM:<alice@sender.example>"], "SIZE was offered outside only")


@test("tls = may is the default; the name of the exchanger is asked for")
def _():
    same(first["good"], ["TLSv1.3"])
    same(names["good"], ["mx.good.example.org"])
    check(re.search(r" host=mx\.good\.example\.org\[192\.0\.2\.20\]:25 tls=TLSv1\.3/TLS_\S+ ", line(may, "good", "delivered")), may.log())


for name, (_, wanted, _) in CASES.items():
    if wanted == "tls":
        @test("may: any certificate will do: " + name)
        def _(name=name):
            same([first[name], second[name]], [["TLSv1.3"]] * 2, may.log()[-3000:])
            check("verified" not in line(may, name, "delivered"), line(may, name, "delivered"))
    elif wanted == "clear":
        @test("may: in the clear at once where TLS is not to be had: " + name)
        def _(name=name):
            same([first[name], second[name]], [[None]] * 2, may.log()[-3000:])
            check(" tls=" not in line(may, name, "delivered") and not line(may, name, "downgraded"), may.log()[-3000:])
    else:
        @test("R134 may: deferred once, then the same host in clear, logged as a downgrade: " + name)
        def _(name=name):
            same([first[name], second[name]], [[], [None]], may.log()[-3000:])
            check(re.search(r" status=4\.[47]\.[25] ", re.search(r"deferred id=\S+ to=bob@%s.*" % name, first_log)[0]), first_log)
            check("downgraded" not in first_log)
            check(re.search(r"downgraded id=\S+ to=bob@%s\.example\.org host=mx\.%s\S* why=" % (name, name), may.log()), may.log())
            check(" tls=none/downgraded " in line(may, name, "delivered"), line(may, name, "delivered"))


@test("R134 what follows goes in the clear, until the memory of it is gone; then TLS is tried again")
def _():
    clear()
    may.send("bob@closes.example.org")
    may.relay()
    same([m.tls for m in exchangers["closes"].messages], [None])
    check(not any("STARTTLS" in text for _, text in exchangers["closes"].commands))
    path = may.queue + "/state/hosts"
    lines = open(path).read().split("\n")
    open(path, "w").write("\n".join(re.sub(r" [1-9]\d+$", " 1700000000", text) if "mx.closes" in text else text for text in lines))
    exchangers["closes"].fault = None
    may.send("bob@closes.example.org")
    may.relay()
    same([m.tls for m in exchangers["closes"].messages], [None, "TLSv1.3"], may.log()[-1000:])
    exchangers["closes"].fault = "closes"


@test("R134 another exchanger comes first: nothing in the clear while one can do TLS")
def _():
    clear()
    site = Site("both", address="192.0.2.3").listen()
    site.send("bob@both.example.org")
    site.relay()
    same([len(exchangers["closes"].messages), [m.tls for m in exchangers["good"].messages]], [0, ["TLSv1.3"]], site.log())


@test("none: in the clear, whatever is offered")
def _():
    clear()
    site = Site("none", "[relay]\ntls = none\n", address="192.0.2.4").listen()
    site.send("bob@good.example.org")
    site.relay()
    same([m.tls for m in exchangers["good"].messages], [None])
    check(" tls=" not in line(site, "good", "delivered"), site.log())


clear()
require = Site("require", "[relay]\ntls = require\ntls-ca-file = %s\n" % authority.file, address="192.0.2.5").listen()
send_to_all(require)
require.relay()
require.relay("--flush")
required = {name: [m.tls for m in exchangers[name].messages] for name in CASES}
in_clear = {name: [text for secure, text in exchangers[name].commands if not secure and text.split(" ")[0] in ("MAIL", "RCPT", "DATA")]
            for name in CASES}

for name, (_, _, wanted) in CASES.items():
    if wanted is None:
        @test("require: verified, and the log says so: " + name)
        def _(name=name):
            same(required[name], ["TLSv1.3"], require.log()[-3000:])
            check(re.search(r" tls=TLSv1\.3/TLS_\S+/verified ", line(require, name, "delivered")), require.log())
    else:
        @test("require: deferred, and says why and what to do; nothing is sent: " + name)
        def _(name=name, wanted=wanted):
            same([required[name], in_clear[name]], [[], []])
            found = line(require, name, "deferred")
            check(re.search("status=" + wanted, found), found, require.log()[-2000:])
            check("4.4.2" in found or "[relay] tls" in found, found)


@test("require: the next exchanger, when the first one's certificate is bad")
def _():
    clear()
    require.send("bob@spare.example.org")
    require.relay()
    same([len(exchangers["expired"].messages), [m.tls for m in exchangers["good"].messages]], [0, ["TLSv1.3"]], require.log()[-2000:])


@test("require: without the authority nothing is verified; a file that is not there is named")
def _():
    clear()
    site = Site("system", "[relay]\ntls = require\n", address="192.0.2.6").listen()
    site.send("bob@good.example.org")
    site.relay()
    check("unable to get local issuer certificate" in line(site, "good", "deferred"), site.log())
    site.relay("--flush", "-o", "relay.tls-ca-file=/nowhere/ca.pem")
    check(re.search(r"status=4\.3\.0 .*/nowhere/ca\.pem", line(site, "good", "deferred")), site.log())
    same([exchangers["good"].messages, len(site.queued("wait"))], [[], 1])


@test("--explain: the policy and where it comes from, and hosts that are spared TLS")
def _():
    check("\ntls         may ([relay] tls): STARTTLS where it is offered" in may.explain("x@good.example.org"), may.explain("x@good.example.org"))
    text = may.explain("x@drops.example.org")
    check(re.search(r"\n            192\.0\.2\.28:25: in the clear until 20\d\d-", text), text)
    check("\ntls         require ([relay] tls): STARTTLS, and a certificate" in require.explain("x@good.example.org"))
    text = may.explain("x@drops.example.org", "-o", "relay.tls=none")
    check("\ntls         none ([relay] tls): in the clear\n" in text and "until" not in text, text)


@test("the transcript has the facts of TLS")
def _():
    require.send("bob@expired.example.org")
    require.relay()
    check("TLS" in require.queue_text() and "its certificate has expired" in require.queue_text(), require.queue_text())


main(may.keep_queue_note)
