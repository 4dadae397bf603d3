# SPDX-License-Identifier: ISC
"""Validation by DNSSEC: the verdicts beside Unbound's, and mail if the DNS lies, strips or dies."""
import glob
import os
import re
import signal
import socket
import subprocess
import time

from dnssec_strip import Stripper
from exchangers import Exchanger
from nameservers import FakeNameServer, nsd
from programs import BUILD, SANITIZER, TRACED, Site, fresh_directory
from signed_zones import SignedZones
from tap import check, main, quicker_than, same, skip, test, wait_for
from validators import Unbound, Validator

directory = fresh_directory()
host = Exchanger("192.0.2.11")
MAIL = "@ MX 10 mx\nmx A 192.0.2.11\n"


def change(text):
    """Another address, behind the signer."""
    return re.sub(r"(?m)^(mx\.[a-z.]+\s+60\s+IN\s+A\s+)192\.0\.2\.11$", r"\g<1>192.0.2.66", text)


zones = SignedZones(directory + "/zones")
zones.add("lab", "")
zones.add("good.lab", MAIL + "".join("many MX %d mx%d\n" % (i, i) for i in range(40)) + """
*.wild A 192.0.2.11
alias CNAME mx
plainly CNAME mx.plain.lab.
broken CNAME mx.forged.lab.
_25._tcp.other TLSA 3 1 1 %s
_25._tcp.al CNAME _25._tcp.other
_25._tcp.out CNAME _25._tcp.mx.plain.lab.
""" % ("ab" * 32))
zones.add("nsec3.lab", MAIL, nsec3=True)
zones.add("plain.lab", MAIL + "_25._tcp.mx TLSA 3 1 1 %s\n" % ("ab" * 32), signed=False)
zones.add("forged.lab", MAIL, spoil=change)
zones.add("expired.lab", MAIL, expired=True)
zones.add("key.lab", MAIL, other_ds=True)
zones.serve()
unbound = Unbound(directory, zones.anchor)
validator = Validator(zones.anchor, "192.0.2.53")

# Each question with its status, its trust and the name at the end of its aliases.
VERDICTS = {
    "mx.good.lab A": ("found", "secure", "mx.good.lab"),
    "mx.good.lab AAAA": ("no such record", "secure", "mx.good.lab"),
    "good.lab MX": ("found", "secure", "good.lab"),
    "many.good.lab MX": ("found", "secure", "many.good.lab"),
    "a.wild.good.lab A": ("found", "secure", "a.wild.good.lab"),
    "mx.nsec3.lab A": ("found", "secure", "mx.nsec3.lab"),
    "alias.good.lab A": ("found", "secure", "mx.good.lab"),
    "alias.good.lab CNAME": ("found", "secure", "alias.good.lab"),
    "plainly.good.lab A": ("found", "insecure", "mx.plain.lab"),
    "plainly.good.lab CNAME": ("found", "secure", "plainly.good.lab"),
    "_25._tcp.other.good.lab TLSA": ("found", "secure", "_25._tcp.other.good.lab"),
    "_25._tcp.al.good.lab TLSA": ("found", "secure", "_25._tcp.other.good.lab"),
    "_25._tcp.out.good.lab TLSA": ("found", "insecure", "_25._tcp.mx.plain.lab"),
    "none.good.lab A": ("NXDOMAIN", "secure", ""),
    "none.nsec3.lab A": ("NXDOMAIN", "secure", ""),
    "mx.nsec3.lab TLSA": ("no such record", "secure", "mx.nsec3.lab"),
    "mx.plain.lab A": ("found", "insecure", "mx.plain.lab"),
    "none.plain.lab A": ("NXDOMAIN", "insecure", ""),
    "mx.forged.lab A": ("SERVFAIL", "bogus", ""),
    "broken.good.lab A": ("SERVFAIL", "bogus", ""),
    "mx.expired.lab A": ("SERVFAIL", "bogus", ""),
    "mx.key.lab A": ("SERVFAIL", "bogus", ""),
    "none.expired.lab MX": ("SERVFAIL", "bogus", ""),
}

verdicts = dict(zip(VERDICTS, validator.ask(*VERDICTS)))
for question, wanted in VERDICTS.items():
    @test("%s: %s, %s, as Unbound has it" % (question, *wanted[:2]))
    def _(question=question, wanted=wanted):
        found = verdicts[question]
        same((found.status, found.trust, found.canonical), wanted, found.why)
        same(unbound.verdict(question), wanted[:2])
        same(found.why != "", wanted[1] == "bogus", found.why)


@test("forty exchangers in one answer")
def _():
    same([verdicts["many.good.lab MX"].n, verdicts["_25._tcp.other.good.lab TLSA"].n], ["40", "1"])


@test("the reasons name the fault")
def _():
    check("signature expired" in verdicts["mx.expired.lab A"].why, verdicts["mx.expired.lab A"])
    check("key" in verdicts["mx.key.lab A"].why, verdicts["mx.key.lab A"])
    check("signature verification failed" in verdicts["mx.forged.lab A"].why, verdicts)


@test("200 questions at once")
def _():
    found = validator.ask(*("n%d.wild.good.lab A" % i for i in range(200)))
    same(set((v.status, v.trust) for v in found), {("found", "secure")})


def task_status(pid):
    for path in glob.glob("/proc/%d/task/*/status" % pid):
        yield dict(line.split(":\t", 1) for line in open(path).read().splitlines() if "\t" in line)


@test("the process that validates has no file, no right to open one, and a filter in each thread")
def _():
    if SANITIZER:
        skip("a build with sanitizers has no walls")
    states = list(task_status(validator.pid))
    same([s["Seccomp"] for s in states], ["2"] * 2)
    same([s["NoNewPrivs"] for s in states], ["1"] * 2)
    links = [os.readlink(path) for path in glob.glob("/proc/%d/fd/*" % validator.pid)]
    check(not [link for link in links[3:]
               if not re.match(r"socket:|pipe:|anon_inode:|/dev/null", link)], links)
    injected = subprocess.run([BUILD + "/tests/inject", str(validator.pid), "2", "s:/etc/passwd",
                               "0"], capture_output=True, text=True).stdout
    same(injected.strip(), "-38")


# ---- mail ----

def site_of(name, *settings, anchor=None, **more):
    text = "[relay]\ndnssec-anchor = %s\n%s\n" % (anchor or zones.anchor, "\n".join(settings))
    return Site(name, text, **more)


good = site_of("good").listen()


def run(site, recipient, *options):
    """Whether a message was delivered, and the new lines of the log."""
    had, logged = len(host.messages), len(site.log())
    good.stop()
    site.listen() if not site.handler else None
    site.send(recipient)
    site.relay(*options)
    site.stop()
    return len(host.messages) > had, site.log()[logged:]


@test("mail for signed and unsigned domains goes out, and the log has no word about DNSSEC")
def _():
    for domain in ("good.lab", "nsec3.lab", "plain.lab", "alias.good.lab"):
        delivered, log = run(good, "bob@" + domain)
        check(delivered and "DNSSEC" not in log, log)


for domain, reason in (("expired.lab", "signature expired"), ("key.lab", "no keys have a DS"),
                       ("broken.good.lab", "signature verification failed")):
    @test("mail for a bogus domain waits, with the reason: " + domain)
    def _(domain=domain, reason=reason):
        delivered, log = run(good, "bob@" + domain)
        check(not delivered and re.search(r"deferred id=.* status=4\.4\.3 .*bogus by DNSSEC: "
                                          r"validation failure.*" + reason, log), log)
        good.listen()
        for path in good.queued("wait"):
            os.remove(path)


@test("--explain shows what was proven")
def _():
    text = good.explain("bob@good.lab")
    check(re.search(r"(?m)^dnssec +works, with the keys in " + re.escape(zones.anchor), text), text)
    check(re.search(r"(?m)^dns +good\.lab: exchangers found \(secure\)$", text), text)
    check("exchangers found (insecure)" in good.explain("bob@plain.lab"), "insecure")
    check(re.search(r"(?m)^dns .*bogus by DNSSEC: ", good.explain("bob@key.lab")), "bogus")


Stripper("192.0.2.90")
other = SignedZones(directory + "/other", "192.0.2.91")
other.serve()
old = SignedZones(directory + "/old", "192.0.2.92")
old.add("", "good.lab. MX 10 mx.good.lab.\nmx.good.lab. A 192.0.2.11\n", expired=True)
old.serve()
with open(directory + "/empty.key", "w") as file:
    file.write("; no key\n")
with open(directory + "/garbled.key", "w") as file:
    file.write("what is this?\n")

# Faults of the network or of this machine, each with the settings and the reason in the log.
FAULTS = {
    "a resolver that strips": (dict(resolver="192.0.2.90"), r"."),
    "keys of another root": (dict(anchor=other.anchor), r"validation failure|key"),
    "a wrong clock": (dict(anchor=old.anchor, resolver="192.0.2.92"), r"expired"),
    "an empty file of keys": (dict(anchor=directory + "/empty.key"), r"is empty"),
    "no file of keys": (dict(anchor="/nowhere/root.key"), r"cannot be read"),
    "a garbled file of keys": (dict(anchor=directory + "/garbled.key"), r"."),
}
for name, (how, reason) in FAULTS.items():
    @test("does not stop mail, and is one line in the log: " + name)
    def _(name=name, how=how, reason=reason):
        site = site_of(re.sub(r"\W", "-", name), **how)
        delivered, log = run(site, ["bob@good.lab", "bob@plain.lab", "eve@good.lab"]
                             if "clock" not in name else ["bob@good.lab"])
        check(delivered and not site.queued(), log)
        lines = re.findall(r"DNSSEC does not work: (.*); answers of the DNS", log)
        same(len(lines), 1, log)
        check(re.search(reason, lines[0]), lines)
        check(re.search(r"(?m)^dnssec +does not work, so answers of the DNS are used without "
                        r"proof: .*" + reason, site.explain("bob@good.lab")), "--explain")


@test("dead name servers: deferred within the time limits, and --watch validates as they are back")
def _():
    silent = FakeNameServer("192.0.2.93", [], lambda query: False)

    def took():
        start = time.monotonic()
        dead = Validator(zones.anchor, "192.0.2.93")
        took_s = time.monotonic() - start
        check(not dead.works and took_s > 3.5, took_s, dead.why)
        dead.close()
        return took_s

    quicker_than(6, took)
    check(silent.udp, "it was asked")


@test("a question that nobody answers costs at most ten seconds, and the others go on")
def _():
    def deaf(query):
        if query.name == "silent.good.lab":
            return False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.connect(("192.0.2.53", 53))
            s.send(query.packet)
            query.send(s.recv(65535))
        return False
    FakeNameServer("192.0.2.94", [], deaf)
    v = Validator(zones.anchor, "192.0.2.94")
    check(v.works, v.why)
    start = time.monotonic()
    found = v.ask("mx.good.lab A", "silent.good.lab A", "mx.plain.lab A")
    took = time.monotonic() - start
    same([f.trust for f in found], ["secure", "unchecked", "insecure"])
    check(found[1].status in ("no answer", "SERVFAIL"), found)
    check(took < 12, took)
    v.close()


@test("private names are asked for without proof; dnssec-unsigned has more of them")
def _():
    nsd(directory + "/nsd", {"example.test": MAIL, "corp.lab": MAIL}, "192.0.2.95")

    def split(query):
        private = query.name.endswith(("example.test", "corp.lab"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(2)
            s.connect(("192.0.2.95" if private else "192.0.2.53", 53))
            s.send(query.packet)
            query.send(s.recv(65535))
        return False
    FakeNameServer("192.0.2.96", [], split)
    site = site_of("split", resolver="192.0.2.96")
    delivered, log = run(site, "bob@example.test")
    check(delivered and "DNSSEC" not in log, log)
    delivered, log = run(site, "bob@corp.lab")
    check(not delivered and "bogus by DNSSEC" in log, log)
    more = site_of("more", "dnssec-unsigned = home.example corp.lab", resolver="192.0.2.96")
    delivered, log = run(more, "bob@corp.lab")
    check(delivered, log)


@test("dnssec = off: nothing is validated; an expired domain gets its mail")
def _():
    site = site_of("off", "dnssec = off")
    delivered, log = run(site, "bob@expired.lab")
    check(delivered and "DNSSEC" not in log, log)
    check(re.search(r"(?m)^dnssec +off$", site.explain("bob@good.lab")), "--explain")


@test("dnssec = trust-ad: the AD bit counts at loopback addresses, and nowhere else")
def _():
    near = site_of("near", "dnssec = trust-ad", resolver="127.0.0.1")
    check("exchangers found (secure)" in near.explain("bob@good.lab"), near.explain("bob@good.lab"))
    check("exchangers found (insecure)" in near.explain("bob@plain.lab"), "plain")
    check("SERVFAIL" in near.explain("bob@expired.lab"), "expired")
    os.mkdir(directory + "/far")
    Unbound(directory + "/far", zones.anchor, "192.0.2.97")
    far = site_of("far", "dnssec = trust-ad", resolver="192.0.2.97")
    check("exchangers found (insecure)" in far.explain("bob@good.lab"), "far")
    same(run(near, "bob@good.lab")[0], True)


@test("a validator that is killed costs one attempt, and the runner starts another")
def _():
    site = site_of("killed").listen()
    watcher = site.watch()
    site.send("bob@good.lab")
    check(wait_for(lambda: "finished" in site.log(), 10), site.log())

    def found():
        text = open("/proc/%d/task/%d/children" % (watcher.pid, watcher.pid)).read()
        return [int(pid) for pid in text.split()
                if len(list(task_status(int(pid)))) == 2]
    same(len(found()), 1)
    os.kill(found()[0], signal.SIGKILL)
    had = len(host.messages)
    site.send("bob@good.lab")
    check(wait_for(lambda: len(host.messages) > had, 10), site.log())
    same(len(found()), 1)
    check("the process that validates DNSSEC has ended" in site.log(), site.log())
    site.stop()


@test("a run without need for the DNS starts no process that validates")
def _():
    site = Site("local", "[route here.lab]\nvia = maildir:%s/box\n[route host.lab]\n"
                "via = smtp://192.0.2.11\n" % directory).listen()
    site.send(["bob@here.lab", "bob@host.lab"])
    log = directory + "/strace"
    subprocess.run(["strace", "-f", "-o", log, "-e", "trace=openat", BUILD + "/smtp-relay", "-c",
                    site.config], check=True, capture_output=True,
                   env=TRACED)
    check(not site.queued(), site.queue_text())
    check("libunbound" not in open(log).read(), "libunbound is loaded")


main()
