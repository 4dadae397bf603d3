# SPDX-License-Identifier: ISC
"""Where mail goes with OpenSMTPD, and with the configuration that is imported from it.

A stranger and a program of this machine ask both servers which recipients they take.  OpenSMTPD
delivers a message to each of those; `smtp-relay --explain` shows where ours would go.  It needs
root.
"""
import glob
import os
import random
import re
import shutil
import smtplib
import socket
import subprocess

from exchangers import Exchanger
from programs import BUILD, HANDLER, PEERS, RELAY, Site, fresh_directory, peer_environment
from receivers import OpenSMTPD, listens, really_root
from tap import bail_out, check, main, same, test, wait_for

if not really_root():
    bail_out("OpenSMTPD changes its user: run this as root")
directory = fresh_directory()
IMPORT = BUILD + "/smtp-handler-import"
HELD = "write-the-host-here.invalid"
# An address of a network of this machine that no interface has: OpenSMTPD does not know it.
STRANGER, LOCAL = "192.0.2.77", "127.0.0.1"
HOMES = "/mnt/home"
USERS = {"anna": 20001, "ben": 20002, "vmail": 20003}
LISTEN = "listen on 127.0.0.1 port 25\n"
RELAYS = """action "out" relay host smtp://192.0.2.40
action "inside" relay host smtp://192.0.2.41:2525
"""
SINKS = [Exchanger("192.0.2.40"), Exchanger("192.0.2.41", 2525)]


def accounts():
    """Users of this test alone, beside those that OpenSMTPD needs."""
    for kind in "passwd", "group":
        path = "%s/%s" % (directory, kind)
        shutil.copy("/etc/" + kind, path)
        with open(path, "a") as file:
            for name, uid in {"opensmtpd": 60780, "opensmtpq": 60781, **USERS}.items():
                more = "%d::%s/%s:/bin/sh" % (uid, HOMES, name) if kind == "passwd" else ""
                file.write("%s:x:%d:%s\n" % (name, uid, more))
        subprocess.run(["mount", "--bind", path, "/etc/" + kind], check=True)
    OpenSMTPD._folders()
    with open(directory + "/mailname", "w") as file:
        file.write("h.example.org\n")
    if not os.path.exists("/etc/mailname"):
        open("/etc/mailname", "w").close()
    subprocess.run(["mount", "--bind", directory + "/mailname", "/etc/mailname"], check=True)
    for name, uid in USERS.items():
        os.mkdir("%s/%s" % (HOMES, name), 0o755)
        os.chown("%s/%s" % (HOMES, name), uid, uid)


def users_socket():
    """The program that knows which users there are; the path of its socket."""
    path = directory + "/users.sock"
    shutil.copy(BUILD + "/smtp-maildir", "/mnt/smtp-maildir")
    site = Site("users")
    log = open(directory + "/users.log", "w")
    helper = subprocess.Popen(["/mnt/smtp-maildir", "-c", site.config, "--users", "--listen", path],
                              stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    check(wait_for(lambda: os.path.exists(path), 10), open(directory + "/users.log").read())
    return path, helper


accounts()
USERS_SOCKET, users_helper = users_socket()


class Server:
    """OpenSMTPD with these files, of which smtpd.conf is one; FOLDER in them is their folder."""

    def __init__(self, name, files):
        self.directory = fresh_directory(name)
        os.chmod(self.directory, 0o755)
        for path, text in files.items():
            with open("%s/%s" % (self.directory, path), "w") as file:
                file.write(text.replace("FOLDER", self.directory))
        self.path, self.log = self.directory + "/smtpd.conf", self.directory + "/log"
        log = open(self.log, "w")
        self._process = subprocess.Popen(
            [PEERS + "/usr/sbin/smtpd", "-d", "-f", self.path],
            env=peer_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        check(wait_for(lambda: listens("127.0.0.1"), 30), "OpenSMTPD does not listen", self.says())

    def says(self):
        return open(self.log).read()

    def ask(self, source, addresses):
        """By address, the class of the reply to its RCPT."""
        found = {}
        for address in addresses:
            with smtplib.SMTP("127.0.0.1", 25, timeout=20, source_address=(source, 0)) as client:
                client.ehlo("there.example")
                client.mail("x@there.example")
                found[address] = str(client.rcpt(address)[0])[0]
        return found

    def ways(self, source, addresses):
        """By address, the ends of its mail.  Each has a message, with a sender of its own."""
        for i, address in enumerate(addresses):
            with smtplib.SMTP("127.0.0.1", 25, timeout=20, source_address=(source, 0)) as client:
                client.sendmail("probe%d@h.example.org" % i, address, "Subject: x\n\nx\n")
        check(wait_for(self._is_done, 40), self.says())
        return {address: ends("probe%d@h.example.org" % i) for i, address in enumerate(addresses)}

    def _is_done(self):
        """Has the log an end for each copy?"""
        taken = re.findall(r"smtp envelope evpid=(\w+)", self.says())
        return taken and all(re.search(r"(?:mda|mta) delivery evpid=%s " % one, self.says())
                             for one in taken)

    @staticmethod
    def _is_controlled():
        try:
            with socket.socket(socket.AF_UNIX) as control:
                control.connect("/var/run/smtpd.sock")
            return True
        except OSError:
            return False

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
        # Its other processes end a moment later, and a new server finds their socket.
        check(wait_for(lambda: not listens("127.0.0.1") and not self._is_controlled(), 20),
              self.says())
        shutil.rmtree("/var/spool/smtpd", ignore_errors=True)
        for path in mailboxes():
            os.unlink(path)
        for sink in SINKS:
            sink.messages.clear()


def mailboxes():
    return glob.glob("/mnt/**/new/*", recursive=True)


def ends(sender):
    """The mailboxes and hosts that have a message of the sender."""
    found = {"mailbox " + os.path.dirname(os.path.dirname(path)).lower() for path in mailboxes()
             if "<%s>" % sender in open(path, errors="replace").read()}
    for sink in SINKS:
        for message in sink.messages:
            if message.mail_from == sender:
                found |= {"%s at %s:%d" % (to, sink.address, sink.port)
                          for to in message.rcpt_tos}
    return found


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=30)


def asked_us(config, source, addresses):
    text = ("HELO there.example\r\nMAIL FROM:<x@there.example>\r\n" +
            "".join("RCPT TO:<%s>\r\n" % address for address in addresses) + "RSET\r\nQUIT\r\n")
    done = subprocess.run([HANDLER, "-c", config, "-o", "server.max-errors=1000",
                           "-o", "server.users-socket=" + USERS_SOCKET],
                          input=text, capture_output=True, text=True, timeout=30,
                          env=dict(os.environ, TCPREMOTEIP=source))
    codes = [line[0] for line in done.stdout.splitlines() if re.match(r"\d{3} ", line)]
    same(codes[:3], ["2", "2", "2"], done.stdout)
    return dict(zip(addresses, codes[3:]))


def our_ways(config, address):
    """The ends of mail for an address, through its aliases."""
    text = run(RELAY, "-c", config, "-o", "relay.dnssec=off", "-o", "relay.mta-sts=off",
               "--explain", address.lstrip("\\")).stdout
    aliases = re.findall(r"^alias +(\S+)$", text, re.M)
    via = re.search(r"^route .* via (.+?),", text, re.M)[1]
    address = address.lstrip("\\")
    if aliases == [address] and "{local}" in via:     # it has a mailbox of its own
        local, domain = address.split("@")
        path = via.replace("{domain}", domain).replace("{local}", local)
        return {"mailbox " + path.replace("maildir:", "")}
    if aliases:
        return set().union(*(our_ways(config, alias) for alias in aliases))
    mailbox = re.search(r"^mailbox +(\S+)$", text, re.M)
    if HELD in text:
        return {"held"}
    if via.startswith("maildir:~/"):
        local = re.sub(r"\+.*", "", address.split("@")[0]).lower()
        return {"mailbox %s/%s/maildir" % (HOMES, local)}
    if mailbox:
        return {"mailbox " + mailbox[1].lower()}
    host = re.match(r"smtp://([0-9.]+)(?::(\d+))?$", via)
    return {"%s at %s:%s" % (address, host[1], host[2] or "25")} if host else {via}


def imported(name, server):
    """A site with the imported configuration, and the standard error of the import."""
    site = Site("import-" + name)
    done = run(IMPORT, "--from", "opensmtpd", "--write", site.directory, server.path)
    same(done.returncode, 0, done.stderr)
    return site, done.stderr


def imported_rules(name, rules):
    """The same without a server."""
    site = Site(name)
    path = site.directory + "/smtpd.conf"
    with open(path, "w") as file:
        file.write(LISTEN + RELAYS + rules)
    done = run(IMPORT, "--from", "opensmtpd", "--write", site.directory, path)
    same(done.returncode, 0, done.stderr)
    return site, done.stderr


def compare(name, files, addresses, held=(), stopped=False, networks=()):
    """Each address is taken or refused, and delivered, as by OpenSMTPD; mail of `held` waits.
    Clients in networks may send as much as this machine."""
    server = Server(name, files)
    sources = [STRANGER, LOCAL, *networks]
    try:
        theirs = {source: server.ask(source, addresses) for source in sources}
        taken = [address for address in addresses if theirs[LOCAL][address] == "2"]
        ways = server.ways(LOCAL, taken)
        log = server.says()
    finally:
        server.stop()
    site, notes = imported(name, server)
    done = run(RELAY, "-c", site.config, "--check")
    same(done.returncode, 78 if held or stopped else 0, done.stderr, notes)
    same("decide-1.invalid" in notes, stopped, notes)
    if stopped:
        return
    for source in sources:
        more = [] if source != STRANGER else ["203.0.113.7"]
        ours = asked_us(site.config, *(more or [source]), addresses)
        same((source, ours), (source, theirs[source]), notes)
    for address in taken:
        want = {"held"} if address in held else ways[address]
        same((address, our_ways(site.config, address)), (address, want), log)


@test("the file of Debian, with a smarthost: users, aliases, and other domains for this machine")
def _():
    compare("default", {
        "smtpd.conf": 'table aliases file:FOLDER/aliases\n' + LISTEN + RELAYS +
                      'action "local" maildir alias <aliases>\n'
                      'match for local action "local"\nmatch from local for any action "out"\n',
        "aliases": "root: anna\nteam: anna, ben\nfar: dora@far.example\nChain: team\n"},
            ["anna@localhost", "root@localhost", "team@h.example.org", "chain@localhost",
             "far@localhost", "anna+x@localhost", "none@localhost", "dora@far.example",
             "ANNA@h.example.org"])


VIRTUAL = {
    "smtpd.conf": LISTEN + RELAYS + """
table domains { "v.example", "w.example" }
table boxes file:FOLDER/boxes
table names { "anna@n.example" = "anna", "info@n.example" = "anna,dora@far.example", \\
	"loop@n.example" = "all@v.example", "bare" = "ben", "chain@n.example" = "bare,both", \\
	"both" = "anna,eva@far.example", "bare@n.example" = "anna" }
action "boxes" maildir "/mnt/mail/%{dest.domain}/%{dest.user:lowercase|strip}" user vmail \\
	virtual <boxes>
action "homes" maildir virtual <names>
match from any for domain <domains> action "boxes"
match from any for domain "n.example" action "homes"
match from any for domain "i.example" action "inside"
match for any action "out"
""",
    "boxes": "anna@v.example\tvmail\nben@v.example vmail\nall@v.example  anna@v.example, "
             "ben@v.example,eva@far.example\n# x\nhost vmail\n@w.example vmail\n"
             "friend@w.example dora@far.example\n"}


@test("virtual domains: mailboxes of addresses, users of the machine, and other addresses")
def _():
    compare("virtual", VIRTUAL, [
        "anna@v.example", "BEN@V.example", "anna+x@v.example", "all@v.example", "nobody@v.example",
        "host@v.example", "host@w.example", "any@w.example", "friend@w.example", "anna@n.example",
        "info@n.example", "loop@n.example", "bare@n.example", "nobody@n.example", "x@i.example",
        "x@far.example", "info+x@n.example", "chain@n.example", "both@n.example"])


@test("the last row of a name counts, aliases are names alone, a postmaster has its own mailbox")
def _():
    compare("rows", {
        "smtpd.conf": LISTEN + RELAYS + """
table aliases file:FOLDER/aliases
table names { "x@n.example" = "anna", "X@N.example" = "ben" }
table boxes { "postmaster" = "vmail", "anna@v.example" = "vmail", "root" = "anna@v.example", \\
	"@w.example" = "vmail" }
action "local" maildir alias <aliases>
action "homes" maildir virtual <names>
action "boxes" maildir "/mnt/mail/%{dest.domain}/%{dest.user}" user vmail virtual <boxes>
match from any for local action "local"
match from any for domain "n.example" action "homes"
match from any for domain { "v.example", "w.example" } action "boxes"
match for any action "out"
""",
        "aliases": "root: anna\nroot: ben\nteam: anna\nTeam: dora@far.example\n"
                   "lists@h.example.org: anna\n"},
            ["root@localhost", "team@h.example.org", "lists@h.example.org", "x@n.example",
             "postmaster@v.example", "postmaster@w.example", "root@v.example", "anna@v.example"])


@test("a table of many names is read soon")
def _():
    site = Site("many")
    path = site.directory + "/smtpd.conf"
    with open(site.directory + "/names", "w") as file:
        file.writelines("%d: ben\n" % i for i in range(90000))
    with open(path, "w") as file:
        file.write(LISTEN + "table names file:%s/names\naction v maildir virtual <names>\n"
                   'match from any for domain { "a.example", "b.example" } action v\n'
                   % site.directory)
    done = run(IMPORT, "--from", "opensmtpd", "--write", site.directory, path)
    same(done.returncode, 0, done.stderr)


@test("the order of the rules: an exact name before and behind a rule for all")
def _():
    compare("order", {
        "smtpd.conf": LISTEN + RELAYS + """
lan = "192.0.2.5"
match from any for domain "no.example" reject
match from any for domain { "a.example", "no.example" } action "inside"
match from any for domain "*.sub.example" reject
match from any for domain "x.sub.example" action "inside"
match from src { $lan, "192.0.2.6" } for any action "out"
match from local for any action "out"
match from any for domain "late.example" action "out"
"""}, ["x@no.example", "x@a.example", "x@b.sub.example", "x@far.example", "x@late.example",
             "x@sub.example"], networks=["192.0.2.5"])


@test("some names of a domain, macros, included files, and names of this machine for anybody")
def _():
    compare("names", {
        "smtpd.conf": LISTEN + RELAYS + """
m = "for rcpt-to"
include "FOLDER/more"
action l maildir
match from any for local action l
match from any $m { "anna@a.example", "Ben@a.example" } action "inside" # comment \\
match from any for domain "a.example" action "out"
match from local for domain "d.example" action "inside"
match from local ! for domain { "a.example", "e.example" } action "out"
""", "more": "match from any for domain d.example action inside\n"},
            ["anna@a.example", "ANNA@A.example", "ben+x@a.example", "x@a.example", "x@d.example",
             "x@e.example", "x@far.example", "anna@localhost", "none@localhost"])


@test("all other names for one user wait, and users of a table; rules by the sender stop all")
def _():
    compare("rest", {
        "smtpd.conf": LISTEN + RELAYS + """
table names { "@n.example" = "anna", "ben@n.example" = "ben" }
action "homes" maildir virtual <names>
match from any for domain "n.example" action "homes"
match for any action "out"
"""}, ["x@n.example", "ben@n.example", "x@far.example"], held=["x@n.example"])
    compare("userbase", {
        "smtpd.conf": LISTEN + RELAYS + """
table users { "joe" = "20003:20003:/mnt/mail/joe" }
action "users" maildir userbase <users>
match from any for domain "n.example" action "users"
match for any action "out"
"""}, ["joe@n.example", "x@n.example", "x@far.example"], held=["joe@n.example"])
    compare("sender", {
        "smtpd.conf": LISTEN + RELAYS + """
match from any mail-from "@h.example.org" for any action "out"
match from local for any action "out"
"""}, ["x@far.example"], stopped=True)


FROM = ["", "from any ", "from local ", "! from local ", "from socket ",
        'from src "192.0.2.5" ', 'from src { "192.0.2.0/28", "127.0.0.1" } ']
FOR = ["", "for any ", "for local ", "for domain { %s } ", "! for domain { %s } ",
       'for rcpt-to { "anna@a.example", "ben@b.example" } ']
DOMAINS = ["a.example", "b.example", "x.a.example", "h.example.org", "*.a.example", "*.example"]


def random_rules(rng):
    rules = ""
    for _ in range(rng.randint(1, 5)):
        domains = ", ".join('"%s"' % name for name in rng.sample(DOMAINS, 2))
        rules += "match %s%s%s\n" % (
            rng.choice(FROM), rng.choice(FOR).replace("%s", domains),
            rng.choice(["reject", 'action "out"', 'action "out"', 'action "inside"']))
    return rules


@test("random rules open nothing that was closed")
def _():
    rng, compared = random.Random(4), 0
    addresses = ["anna@" + name for name in (
        "a.example", "b.example", "x.a.example", "y.a.example", "z.y.a.example", "far.example",
        "localhost", "h.example.org")]
    for number in range(300):
        rules = random_rules(rng)
        site, notes = imported_rules("rules-%d" % number, rules)
        if "nothing starts" in notes:
            continue
        compared += 1
        server = Server("random-%d" % number, {"smtpd.conf": LISTEN + RELAYS + rules})
        try:
            for source, as_us in (STRANGER, "203.0.113.7"), (LOCAL, LOCAL):
                theirs = server.ask(source, addresses)
                ours = asked_us(site.config, as_us, addresses)
                same([a for a in addresses if ours[a] == "2" and theirs[a] != "2"], [], rules,
                     source)
        finally:
            server.stop()
    check(compared > 20, compared)


def ended(failed):
    users_helper.kill()


main(ended)
