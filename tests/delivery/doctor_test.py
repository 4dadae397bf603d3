# SPDX-License-Identifier: ISC
"""smtp-queue doctor: a healthy host, and hosts of which each has one fault, which it names."""
import ctypes
import errno
import glob
import json
import os
import shutil
import struct
import subprocess
import time

from certificates import Authority
from exchangers import Exchanger
from nameservers import A, FakeNameServer, nsd
from programs import BUILD, RELAY, SANITIZER, Site, fresh_directory
from tap import check, main, same, test

directory = fresh_directory()
if not directory.startswith("/tmp/"):           # a /tmp of our own: other tests use the doctor, too
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/tmp"], check=True)
GOOD = """
@        MX 10 mail
@        TXT "v=spf1 mx -all"
_dmarc   TXT "v=DMARC1; p=none"
s1._domainkey TXT "v=DKIM1; p=x"
mail     A 192.0.2.1
other    A 192.0.2.2
lonely   A 192.0.2.3
"""
def dkim_key(name):
    """A new key, and its record."""
    path = "%s/%s.pem" % (directory, name)
    subprocess.run([BUILD + "/smtp-dkim-key", "make", "ed25519", path], check=True)
    shutil.chown(path, 0)
    done = subprocess.run([BUILD + "/smtp-dkim-key", "record", "s1", "x.example", path],
                          capture_output=True, text=True, check=True)
    return path, done.stdout.split(" TXT ")[1].strip()


KEY, RECORD = dkim_key("key")
OTHER_KEY, OTHER_RECORD = dkim_key("other")
ZONES = {
    "signed.example": "@ MX 10 mail.sender.example.\ns1._domainkey TXT %s\n"
                      "old._domainkey TXT %s\nrevoked._domainkey TXT \"v=DKIM1; p=\"\n"
                      "two._domainkey TXT %s\ntwo._domainkey TXT %s" %
                      (RECORD, OTHER_RECORD, RECORD, OTHER_RECORD),
    "sender.example": GOOD,
    "plus.example": "@ MX 10 mail.sender.example.\n@ TXT \"v=spf1 mx +all\"",
    "localdomain": "",
    "twice.example": "@ MX 10 mail.sender.example.\n_dmarc TXT \"v=DMARC1; p=none\"\n"
                     "_dmarc TXT \"v=DMARC1; p=reject\"",
    "nomail.example": "www A 192.0.2.1",
    "2.0.192.in-addr.arpa": "1 PTR mail.sender.example.\n2 PTR host2.provider.example.",
}
nsd(directory + "/nsd", {**ZONES, "gmail.com": "@ MX 10 mx\nmx A 192.0.2.12"})
nsd(directory + "/nsd2", {**ZONES, "gmail.com": "@ MX 10 mx\nmx A 192.0.2.78"}, "192.0.2.54")
FakeNameServer("192.0.2.55", [("mail.sender.example", A, "192.0.2.1")],
               lambda query: query.over == "udp")
exchanger = Exchanger("192.0.2.12")
authority = Authority(directory + "/ca")
NAME = "mail.sender.example"


class Middle(Authority):
    """An authority that the first one has signed."""

    def __init__(self, path):
        leaf = authority.leaf("middle", "middle.example")
        os.makedirs(path)
        self.directory, self.file = path, path + "/ca.pem"
        os.rename(leaf.chain, self.file)
        os.rename(leaf.key, path + "/ca.key")


with open(directory + "/aliases", "w") as file:
    file.write("root: anna\n")
with open(directory + "/aliases.broken", "w") as file:
    file.write("root: anna\nfriends: :include:relative\n")
with open(directory + "/nobody", "w"):
    pass
readable = authority.leaf("readable", NAME)
os.chmod(readable.key, 0o644)
CERTIFICATES = {
    "good": authority.leaf("good", NAME),
    "expired": authority.leaf("expired", NAME, days=0),
    "soon": authority.leaf("soon", NAME, days=5),
    "named": authority.leaf("named", "www.sender.example"),
    "own": authority.leaf("own", NAME, signed=False),
    "chain": Middle(directory + "/middle").leaf("chain", NAME),
    "readable": readable,
}
count = 0


def signing(domain, key, selector="s1"):
    return "[dkim %s]\nselector = %s\nkey = %s" % (domain, selector, key)


def certificate(name):
    return ["server.tls=offer", "server.tls-certificate=" + CERTIFICATES[name].chain,
            "server.tls-key=" + CERTIFICATES[name].key]


def domain(name):
    return "[route %s]\nvia = maildir:%s/mail" % (name, directory)


def site_of(settings=(), route="", hostname=NAME, resolver="192.0.2.53"):
    """A host, healthy but for the settings, with a queue."""
    global count
    count += 1
    site = Site("site%d" % count, "aliases = %s/aliases\n[route %s]\nvia = discard\n"
                "aliases = %s/aliases\n%s" % (directory, NAME, directory, route),
                resolver=resolver, hostname=hostname)
    site.options = ["-o", "relay.tls-ca-file=" + authority.file]
    for setting in settings:
        site.options += ["-o", setting]
    subprocess.run([RELAY, "-c", site.config], capture_output=True, check=True)
    return site


def doctor(site, *more, code=None, **how):
    """The findings as a list of (check, state, text, fix)."""
    start = time.monotonic()
    done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, *site.options, "--json",
                           "doctor", *more], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=30, **how)
    took = time.monotonic() - start
    check(took < 10, "it took %.1f s" % took)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    faults = [f for f in found if f["state"] == "fault"]
    same(done.returncode, 1 if faults else 0, done.stdout, done.stderr)
    for f in found:
        check(f["state"] in ("ok", "skipped") or f.get("fix"), "no advice", f)
    return [(f["check"], f["state"], f["text"], f.get("fix", "")) for f in found]


def named(found, name, state, words, fix):
    """The check has a finding with these words and this advice."""
    check(any(f[0] == name and f[1] == state and words in f[2] and fix in f[3] for f in found),
          "%s: no %s with '%s' and '%s'" % (name, state, words, fix), found)


def faults(found):
    return sorted({f[0] for f in found if f[1] == "fault"})


@test("a healthy host has no fault")
def healthy():
    found = doctor(site_of(certificate("good")))
    same(faults(found), [], found)
    named(found, "name", "ok", NAME, "")
    named(found, "address", "ok", "192.0.2.1", "")
    named(found, "reverse", "ok", "192.0.2.1 has the name " + NAME, "")
    named(found, "resolver", "ok", "with EDNS", "")
    named(found, "resolver-tcp", "ok", "192.0.2.53", "")
    named(found, "dnssec", "warning", "do not give the records of the root", "unbound")
    named(found, "port-25", "ok", "192.0.2.12", "")
    named(found, "certificate", "ok", "valid until", "")
    for record in ("mx", "spf", "dkim", "dmarc"):
        named(found, record, "ok", "sender.example", "")
    named(found, "root", "ok", "anna@", "")
    named(found, "relay", "ok", "refused", "")
    named(found, "queue", "ok", "all whole", "")
    same(exchanger.messages, [])


@test("the keys of DKIM that sign here are those of the zone")
def keys():
    found = doctor(site_of(route=signing("signed.example", KEY) + "\n" +
                           signing("sender.example", "credential")))
    named(found, "dkim", "ok", "s1._domainkey.signed.example: good", "")
    named(found, "dkim", "skipped", "s1._domainkey.sender.example: ", "")
    same([f for f in found if f[0] == "dkim" and f[1] not in ("ok", "skipped")], [], found)


@test("text for people: the state, the check, the finding, and what to type")
def people():
    site = site_of(hostname="lonely.sender.example")
    done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "doctor"], text=True,
                          capture_output=True)
    same(done.returncode, 1)
    check("fault    reverse       192.0.2.3 has no name\n"
          "                       > ask the provider of 192.0.2.3 to set its reverse name (PTR) to "
          "lonely.sender.example\n" in done.stdout, done.stdout)


# The name of the case: the host, then check, state, words and advice; other faults that follow.
BROKEN = [
    ("a name that only this network knows", dict(hostname="mail.localdomain"),
     ("name", "fault", "no other network", "hostnamectl set-hostname"),
     ["address", "name", "root"]),
    ("a name without an address", dict(hostname="none.sender.example"),
     ("address", "fault", "has no address", "add an A record"), ["address", "root"]),
    ("an address with another name", dict(hostname="other.sender.example"),
     ("reverse", "fault", "has the name host2.provider.example, not other.sender.example",
      "(PTR) to other.sender.example"), ["reverse", "root"]),
    ("a name server that is not there", dict(resolver="192.0.2.99"),
     ("resolver", "fault", "192.0.2.99 does not answer", "unbound"),
     ["resolver", "resolver-tcp"]),
    ("a name server without TCP", dict(resolver="192.0.2.55"),
     ("resolver-tcp", "fault", "does not answer over TCP", "firewall"), None),
    ("a name server without EDNS", dict(resolver="192.0.2.55"),
     ("resolver", "warning", "does not know EDNS", "unbound"), None),
    ("port 25 is closed", dict(resolver="192.0.2.54"),
     ("port-25", "fault", "no exchanger can be reached: Connection refused", "smarthost"),
     ["port-25"]),
    ("a smarthost that is not there", dict(route="[route *]\nvia = smtp://192.0.2.77:587"),
     ("port-25", "fault", "smtp://192.0.2.77:587 cannot be reached: Connection refused", "via"),
     ["port-25"]),
    ("a certificate that has expired", dict(settings=certificate("expired")),
     ("certificate", "fault", "it has expired", "certbot renew"), ["certificate"]),
    ("a certificate that expires soon", dict(settings=certificate("soon")),
     ("certificate", "warning", "less than two weeks", "certbot renew"), []),
    ("a certificate for another name", dict(settings=certificate("named")),
     ("certificate", "fault", "not for the name " + NAME, "certbot certonly -d " + NAME),
     ["certificate"]),
    ("a certificate that signed itself", dict(settings=certificate("own")),
     ("certificate", "warning", "signed itself", "certbot"), []),
    ("a certificate without its chain", dict(settings=certificate("chain")),
     ("certificate", "fault", "the chain is broken", "fullchain.pem"), ["certificate"]),
    ("a key that others can read", dict(settings=certificate("readable")),
     ("certificate", "fault", "readable.key", "chmod 400"), ["certificate"]),
    ("a domain whose mail goes nowhere", dict(route=domain("nomail.example")),
     ("mx", "fault", "nomail.example", "nomail.example. MX 10 mail.sender.example."), ["mx"]),
    ("SPF that lets everybody send", dict(route=domain("plus.example")),
     ("spf", "fault", "plus.example: it lets everybody send",
      'plus.example. TXT "v=spf1 mx a:mail.sender.example -all"'), ["spf"]),
    ("no DMARC", dict(route=domain("plus.example")),
     ("dmarc", "warning", "plus.example: there is no record", "_dmarc.plus.example. TXT"),
     ["spf"]),
    ("no key of DKIM", dict(route=domain("plus.example")),
     ("dkim", "warning", "plus.example: there is no key", "publish"), ["spf"]),
    ("a key of DKIM that is not the one of the zone",
     dict(route=signing("signed.example", KEY, "old")),
     ("dkim", "fault", "old._domainkey.signed.example: ",
      "smtp-dkim-key records signed.example"), ["dkim"]),
    ("a key of DKIM that is not in the zone", dict(route=signing("signed.example", KEY, "new")),
     ("dkim", "fault", "new._domainkey.signed.example: there is no such record",
      "smtp-dkim-key records"), ["dkim"]),
    ("a key of DKIM that was revoked", dict(route=signing("signed.example", KEY, "revoked")),
     ("dkim", "fault", "revoked._domainkey.signed.example: ", "records"), ["dkim"]),
    ("two records for one key of DKIM", dict(route=signing("signed.example", KEY, "two")),
     ("dkim", "fault", "there are several records", "records"), ["dkim"]),
    ("a key of DKIM that is not there",
     dict(route=signing("signed.example", directory + "/none.pem")),
     ("dkim", "fault", "none.pem", "smtp-relay --check"), ["dkim"]),
    ("two records of DMARC", dict(route=domain("twice.example")),
     ("dmarc", "fault", "twice.example: there are several", "_dmarc.twice.example. TXT"),
     ["dmarc"]),
    ("an open relay", dict(route="[route *]\nvia = mx\naccept = anyone"),
     ("relay", "fault", "strangers may send to anybody", "accept = anyone"), ["relay"]),
    ("an open relay by trust", dict(settings=["server.trusted=203.0.0.0/8"]),
     ("relay", "fault", "here 203.0.113.77", "trusted"), ["relay"]),
    ("no space", dict(settings=["queue.min-free=1000T"]),
     ("space", "fault", "all mail is refused", "make room"), ["space"]),
    ("aliases with a mistake",
     dict(route="[route x.sender.example]\nvia = discard\naliases = %s/aliases.broken" % directory),
     ("aliases", "fault", "aliases.broken:2", "smtp-relay --check"), None),
    ("an empty list of recipients",
     dict(route="[route x.sender.example]\nvia = discard\nrecipients = %s/nobody" % directory),
     ("lists", "warning", "it is empty", "write one"), None),
    ("a password that is not there",
     dict(route="[route p.example]\nvia = smtps://192.0.2.77\nuser = a\n"
                "password-file = %s/none" % directory),
     ("logins", "fault", directory + "/none", "smtp-relay --check"), ["logins"]),
]


def add_broken(name, host, finding, wanted):
    @test("broken: " + name)
    def broken():
        found = doctor(site_of(**host))
        named(found, *finding)
        if wanted is not None:
            same(faults(found), wanted, found)


for case in BROKEN:
    add_broken(*case)


@test("broken: a file in the queue that is no message")
def damaged():
    site = site_of()
    with open(site.queue + "/new/README", "w") as file:
        file.write("x")
    found = doctor(site)
    named(found, "queue", "fault", "new/README", "smtp-queue fsck --repair")
    same(faults(found), ["queue"], found)


@test("broken: mail for root bounces")
def root():
    site = Site("root", "", hostname=NAME)
    with open(site.config, "a") as file:
        file.write("[route mail.sender.example]\nvia = smtp://none.sender.example\n")
    site.options = []
    found = doctor(site)
    named(found, "root", "fault", "the host cannot be found", "add 'root: YOU'")


@test("broken: others can write the configuration")
def writable():
    site = site_of()
    os.chmod(site.config, 0o666)
    found = doctor(site)
    if os.getuid() == 0:
        named(found, "permissions", "fault", site.config, "chmod go-w")


@test("broken: the user of the handler cannot read its lists")
def unreadable():
    lists = {name: "/tmp/list.%s.%d" % (name, os.getpid()) for name in ("senders", "masquerade")}
    for path in lists.values():
        with open(path, "w") as file:
            file.write("root: a@sender.example\n")
        os.chmod(path, 0o600)
    site = site_of(["server.%s=%s" % item for item in lists.items()])
    subprocess.run(["chown", "-R", "nobody", site.queue], check=os.getuid() == 0)
    found = doctor(site)
    if os.getuid() == 0:
        for item in lists.items():
            named(found, "lists", "fault", "%s %s: Permission denied" % item,
                  "smtp-handler --check")
    for path in lists.values():
        os.unlink(path)


def without_landlock(error):
    """From now on this process has no Landlock: its calls fail."""
    load, jump, give = 0x20, 0x15, 0x06
    lines = [(load, 0, 0, 0), (jump, 0, 1, 444), (give, 0, 0, 0x50000 | error),
             (give, 0, 0, 0x7fff0000)]
    code = b"".join(struct.pack("HBBI", *line) for line in lines)
    keep = ctypes.create_string_buffer(code)
    program = struct.pack("HxxxxxxP", len(lines), ctypes.addressof(keep))
    libc = ctypes.CDLL(None)
    libc.prctl(38, 1, 0, 0, 0)
    libc.prctl(22, 2, program, 0, 0)


@test("broken: a wall is missing")
def walls():
    for error, fix in ((errno.ENOSYS, "no container that hides"),
                       (errno.EOPNOTSUPP, "lsm=landlock"), (errno.EPERM, "@sandbox")):
        found = doctor(site_of(), preexec_fn=lambda: without_landlock(error))
        named(found, "walls", "warning", "no Landlock", "without SAN=" if SANITIZER else fix)


@test("broken: the credentials of submission are for another name")
def credentials():
    site = site_of()
    os.mkdir(site.directory + "/tls")
    for name, path in (("certificate", CERTIFICATES["named"].chain),
                       ("key", CERTIFICATES["named"].key)):
        shutil.copy(path, "%s/tls/%s.pem" % (site.directory, name))
    found = doctor(site)
    named(found, "credentials", "fault", "not for the name " + NAME, "certbot certonly")
    same(faults(found), ["credentials"], found)


@test("a name server that is silent does not hold it up")
def silent():
    FakeNameServer("192.0.2.56", [], lambda query: False)
    site = site_of(resolver="192.0.2.56")
    found = doctor(site)
    named(found, "resolver", "fault", "192.0.2.56 does not answer", "unbound")


@test("a name server that validates")
def validates():
    FakeNameServer("192.0.2.57", [("org", A, "192.0.2.1")],
                   lambda query: query.honest(flags=0x81a0))
    found = doctor(site_of(["relay.dnssec=trust-ad"], resolver="192.0.2.57"))
    named(found, "dnssec", "ok", "192.0.2.57 validates", "")


@test("a configuration with errors is refused with its line")
def refused():
    site = site_of()
    with open(site.config, "a") as file:
        file.write("[server]\nno-such-key = 1\n")
    done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "doctor"], text=True,
                          capture_output=True)
    same(done.returncode, 78)
    check("no-such-key" in done.stderr, done.stderr)


@test("smtp-relay --doctor has the checks of the network alone")
def relay_alone():
    site = site_of()
    done = subprocess.run([RELAY, "-c", site.config, "--doctor", "--json"], text=True,
                          capture_output=True)
    same(done.returncode, 0, done.stdout)
    names = {json.loads(line)["check"] for line in done.stdout.splitlines()}
    check("port-25" in names and "units" not in names, names)


@test("--explain --json: one object a line, exchangers with their numbers")
def explained():
    site = site_of()
    done = subprocess.run([RELAY, "-c", site.config, "--explain", "bob@gmail.com", "--json"],
                          text=True, capture_output=True)
    same(done.returncode, 0, done.stderr)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    texts = {line["key"]: line["text"] for line in lines}
    same(texts["address"], "bob@gmail.com")
    check(texts["route"].startswith("* via mx"), texts)
    one = [line for line in lines if line["key"] == "exchanger"]
    same([(x["rank"], x["preference"], x["exchanger"], x["address"]) for x in one],
         [(1, 10, "mx.gmail.com", "192.0.2.12:25")])
    check(one[0]["latency_us"] > 0, one)


@test("it leaves nothing in /tmp")
def leaves_nothing():
    same(glob.glob("/tmp/smtp-doctor.*"), [])


if __name__ == "__main__":
    main()
