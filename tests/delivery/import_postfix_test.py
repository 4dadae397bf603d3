# SPDX-License-Identifier: ISC
"""Where mail goes with Postfix, and with the configuration that is imported from it.

Both servers are asked by a stranger which recipients they take.  Then `sendmail -bv` and the table
of mailboxes show where Postfix would deliver, and `smtp-relay --explain` shows it for us.  It needs
root.
"""
import email
import email.utils
import os
import re
import shutil
import smtplib
import subprocess

from exchangers import Exchanger
from programs import BUILD, HANDLER, PEERS, RELAY, Site, fresh_directory, peer_environment
from receivers import listens, really_root
from tap import bail_out, check, main, same, test, wait_for
from tls_receivers import HERE, prepare

if not really_root():
    bail_out("Postfix changes its user: run this as root")
fresh_directory()
prepare()
IMPORT = BUILD + "/smtp-handler-import"
HELD = "write-the-host-here.invalid"


def run(*command, **more):
    return subprocess.run(command, env=peer_environment(), stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30, **more)


class Postfix:
    """Postfix with these files, of which main.cf is one; FOLDER in them is their folder."""

    def __init__(self, name, files):
        self.directory = HERE + "/" + name
        self.etc = self.directory + "/etc"
        shutil.copytree(PEERS + "/etc/postfix", self.etc)
        for folder in "data", "queue", "mail":
            os.mkdir("%s/%s" % (self.directory, folder))
        shutil.chown(self.directory + "/data", "mail")
        for path, text in files.items():
            with open("%s/%s" % (self.etc, path), "w") as file:
                file.write(text.replace("FOLDER", self.etc))
        with open(self.etc + "/main.cf") as file:
            self.text = file.read()
        with open(self.etc + "/main.cf", "a") as file:
            file.write("""
compatibility_level = 3.7
queue_directory = {0}/queue
data_directory = {0}/data
meta_directory = {0}/etc
mail_owner = mail
setgid_group = operator
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
mynetworks = 192.0.2.200
smtpd_relay_restrictions = reject_unauth_destination
smtpd_error_sleep_time = 0
smtpd_hard_error_limit = 1000
address_verify_map =
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
maillog_file = {0}/log
maillog_file_prefixes = /mnt
import_environment = MAIL_CONFIG MAIL_DEBUG LD_LIBRARY_PATH TZ
""".format(self.directory))
        master = open(PEERS + "/usr/share/postfix/master.cf.dist").read()
        master = re.sub(r"^(\S+ +\S+ +\S+ +\S+ +)y ", r"\1n ", master, flags=re.M)
        with open(self.etc + "/master.cf", "w") as file:
            file.write(master)
        self._postfix("start")
        check(wait_for(lambda: listens("127.0.0.1"), 10), "Postfix does not listen", self.log())

    def _postfix(self, what):
        done = run("/usr/sbin/postfix", "-c", self.etc, what)
        check(done.returncode == 0, "postfix " + what, done.stdout, done.stderr, self.log())

    def log(self):
        path = self.directory + "/log"
        return open(path).read() if os.path.exists(path) else ""

    def value(self, name):
        return run("/usr/sbin/postconf", "-c", self.etc, "-h", name).stdout.strip()

    def mailbox(self, address):
        """The Maildir of an address by virtual_mailbox_maps."""
        for key in address, address[address.index("@"):]:
            done = run("/usr/sbin/postmap", "-c", self.etc, "-q", key,
                       self.value("virtual_mailbox_maps"))
            if done.stdout:
                return "%s/%s" % (self.value("virtual_mailbox_base").rstrip("/"),
                                  done.stdout.strip().rstrip("/"))
        check(False, "no mailbox of " + address, done.stderr)

    def ways(self, addresses):
        """By address, the ends of its mail.  Each has a message, with a sender of its own."""
        for i, address in enumerate(addresses):
            done = run("/usr/sbin/sendmail", "-C", self.etc, "-f", "probe%d@h.example.org" % i,
                       "-bv", address)
            same(done.returncode, 0, done.stderr)
        found = {address: set() for address in addresses}
        check(wait_for(lambda: len(self._ended()) == len(addresses), 20), self.log())
        for name, address in self._ended().items():
            for to, relay, text in re.findall(
                    name + r": to=<(.*?)>,.* relay=(\S+),.* status=\w+ \((.*)\)$", self.log(),
                    re.M):
                found[addresses[address]].add(self._end(to, relay, text))
        return found

    def _ended(self):
        """The number of the probe, by the name of its message, of those that have ended."""
        log = self.log()
        return {name: int(number) for name, number in
                re.findall(r"(\w+): from=<probe(\d+)@", log) if name + ": removed" in log}

    def _end(self, to, relay, text):
        if relay == "virtual" and "delivers to" in text:
            return "mailbox " + self.mailbox(to)
        host = re.search(r"connect to \S*?\[([^]]*)\](?::(\d+))?: ", text)
        if host:
            return "%s at %s" % (to, host[1] + (":" + host[2] if host[2] else ""))
        return "bounces" if re.search("[Uu]ser unknown|unknown user", text) else text

    def stop(self):
        self._postfix("stop")
        wait_for(lambda: not listens("127.0.0.1"), 10)


def replies(output):
    """The class of each reply to RCPT, by address."""
    lines = [line for line in output.splitlines() if re.match(r"\d{3} ", line)]
    return [line[0] for line in lines]


def dialogue(addresses):
    return ("HELO there.example\r\nMAIL FROM:<x@there.example>\r\n" +
            "".join("RCPT TO:<%s>\r\n" % address for address in addresses) + "RSET\r\nQUIT\r\n")


def asked_postfix(addresses):
    with smtplib.SMTP("127.0.0.1", 25, timeout=20) as client:
        client.ehlo("there.example")
        client.mail("x@there.example")
        return {address: str(client.rcpt(address)[0])[0] for address in addresses}


def asked_us(config, addresses):
    done = subprocess.run([HANDLER, "-c", config, "-o", "server.max-errors=1000"],
                          input=dialogue(addresses), capture_output=True, text=True, timeout=30,
                          env=dict(os.environ, TCPREMOTEIP="203.0.113.7"))
    codes = replies(done.stdout)
    same(codes[:3], ["2", "2", "2"], done.stdout)
    return dict(zip(addresses, codes[3:]))


def our_ways(config, address):
    """The ends of mail for an address, through its aliases."""
    text = run(RELAY, "-c", config, "-o", "relay.dnssec=off", "-o", "relay.mta-sts=off",
               "--explain", address).stdout
    aliases = re.findall(r"^alias +(\S+)$", text, re.M)
    if aliases:
        ends = set()
        for alias in aliases:
            ends |= our_ways(config, alias)
        return ends
    return our_mailbox(text, address)


def our_mailbox(text, address):
    mailbox = re.search(r"^mailbox +(\S+)$", text, re.M)
    via = re.search(r"^route .* via (.+?),", text, re.M)
    if mailbox:
        return {"mailbox " + mailbox[1]}
    if HELD in text:
        return {"held"}
    if "bounces" in text or via[1].startswith("reject:"):
        return {"bounces"}
    host = re.match(r"(?:smtp|lmtp)://([0-9.]+)(?::(\d+))?$", via[1])
    if host:
        return {"%s at %s:%s" % (address, host[1], host[2] or "25")}
    return {"%s at %s" % (address, via[1].replace("lmtp:", ""))}


def compare(name, files, addresses, held=()):
    """Each address is taken or refused, and delivered, as by Postfix; mail of `held` waits."""
    postfix = Postfix(name, files)
    try:
        theirs, theirs_ways = asked_postfix(addresses), postfix.ways(addresses)
    finally:
        postfix.stop()
    site = Site("import-" + name)
    with open(postfix.etc + "/main.cf", "w") as file:
        file.write(postfix.text)
    os.unlink(postfix.etc + "/master.cf")
    done = run(IMPORT, "--write", site.directory, postfix.etc + "/main.cf")
    same(done.returncode, 0, done.stderr)
    done_check = run(RELAY, "-c", site.config, "--check")
    same(done_check.returncode, 78 if held else 0, done_check.stderr, done.stderr)
    ours = asked_us(site.config, addresses)
    for address in addresses:
        want = theirs_ways[address]
        # Postfix takes names of "@domain @other" that do not exist, and returns the mail.
        if ours[address] == "5" and want == {"bounces"}:
            continue
        same((address, ours[address]), (address, theirs[address]))
        if address in held:
            check(want != {"bounces"}, address, want)
            want = {"held"}
        if theirs[address] == "2":
            same((address, our_ways(site.config, address)), (address, want))


def letter(sender):
    return "From: Name <%s>\r\nReply-To: %s\r\nSubject: %s\r\n\r\n" % (sender, sender, sender)


def fields(text):
    """The subject, and the addresses that others see."""
    message = email.message_from_string(text)
    return message["Subject"], [email.utils.parseaddr(message[name])[1].lower()
                                for name in ("From", "Reply-To")]


def senders_of_postfix(etc, senders):
    """By sender: reverse-path, From and Reply-To of mail that leaves."""
    sink, found = Exchanger("127.0.0.8", 26), {}
    try:
        for sender in senders:
            done = subprocess.run(["/usr/sbin/sendmail", "-C", etc, "-i", "-f", sender,
                                   "bob@far.example"], input=letter(sender), text=True, timeout=30,
                                  capture_output=True, env=peer_environment())
            same(done.returncode, 0, done.stderr)
        check(wait_for(lambda: len(sink.messages) == len(senders), 20), sink.messages)
        for message in sink.messages:
            subject, addresses = fields(message.content.decode())
            found[subject] = [message.mail_from.lower()] + addresses
    finally:
        sink.stop()
    return found


def senders_of_ours(config, senders):
    session = "EHLO there.example\r\n" + "".join(
        "MAIL FROM:<%s>\r\nRCPT TO:<bob@far.example>\r\nDATA\r\n%s.\r\n" % (sender, letter(sender))
        for sender in senders)
    done = subprocess.run([HANDLER, "-c", config, "-o", "server.role=submission", "--print"],
                          input=session + "QUIT\r\n", capture_output=True, text=True, timeout=30,
                          env={"PATH": os.environ["PATH"]})
    found = {}
    for part in re.split(r"^MAIL FROM:<", done.stderr, flags=re.M)[1:]:
        path, text = part.split(">", 1)
        subject, addresses = fields(text[text.index("Received:"):])
        found[subject] = [path.lower()] + addresses
    same(len(found), len(senders), done.stdout, done.stderr)
    return found


def compare_senders(name, files, senders):
    """Each sender has the address that others see by Postfix, once its mail leaves."""
    postfix = Postfix(name, files)
    try:
        theirs = senders_of_postfix(postfix.etc, senders)
    finally:
        postfix.stop()
    site = Site("import-" + name)
    with open(postfix.etc + "/main.cf", "w") as file:
        file.write(postfix.text)
    os.unlink(postfix.etc + "/master.cf")
    done = run(IMPORT, "--write", site.directory, postfix.etc + "/main.cf")
    same(done.returncode, 0, done.stderr)
    done_check = run(HANDLER, "-c", site.config, "--check")
    same(done_check.returncode, 0, done_check.stderr, done.stderr)
    ours = senders_of_ours(site.config, senders)
    for sender in senders:
        same((sender, ours[sender]), (sender, theirs[sender]))
    return done.stderr, ours


VIRTUAL = {
    "main.cf": """
myhostname = h.example.org
mydestination =
virtual_alias_domains = v.example, w.example c.example
virtual_mailbox_domains = m.example, n.example
virtual_mailbox_base = /mnt/receivers/boxes
virtual_mailbox_maps = texthash:FOLDER/boxes
virtual_alias_maps = texthash:FOLDER/virtual inline:{ { more@v.example = anna@m.example } }
relay_domains = r.example
relay_recipient_maps = texthash:FOLDER/relay
transport_maps = texthash:FOLDER/transport
relayhost = [127.0.0.8]:26
""",
    "boxes": "anna@m.example m.example/anna/\nben@m.example m.example/ben/\n"
             "carl@n.example n.example/carl/\n",
    "virtual": "info@v.example anna@m.example, dora@far.example\nInfo2@v.example ben@m.example\n"
               "chain@v.example info@v.example\nall@m.example anna@m.example ben@m.example "
               "all@n.example\nall@n.example carl@n.example\n@w.example ben@m.example\n"
               "first@w.example carl@n.example\n@c.example @m.example\n"
               "dead@v.example nobody@v.example\nfriend@far.example anna@m.example\n"
               "ann@r.example dora@far.example\n",
    "relay": "bob@r.example x\n",
    "transport": "r.example smtp:[127.0.0.9]:27\nn.example lmtp:inet:127.0.0.7:24\n",
}


@test("domains of aliases, mailboxes and others' mail")
def _():
    compare("virtual", VIRTUAL, [
        "info@v.example", "INFO@V.example", "info2@v.example", "chain@v.example", "more@v.example",
        "nobody@v.example", "dead@v.example", "anna@m.example", "ben@m.example", "nobody@m.example",
        "all@m.example", "all@n.example", "carl@n.example", "nobody@n.example", "x@w.example",
        "first@w.example", "anna@c.example", "all@c.example", "nobody@c.example", "bob@r.example",
        "ann@r.example", "nobody@r.example", "x@elsewhere.example", "friend@far.example"])


@test("a server of mailboxes; names for all others wait")
def _():
    compare("lmtp", {
        "main.cf": """
myhostname = h.example.org
mydestination =
virtual_mailbox_domains = texthash:FOLDER/domains
virtual_mailbox_maps = texthash:FOLDER/boxes
virtual_transport = lmtp:inet:127.0.0.7:24
virtual_alias_maps = texthash:FOLDER/virtual
""",
        "domains": "m.example ok\nn.example ok\n",
        "boxes": "anna@m.example x\nben@n.example x\n",
        "virtual": "v.example ok\n@v.example carl@far.example\ninfo@v.example anna@m.example\n"
                   "info@m.example anna@m.example\n"},
            ["anna@m.example", "info@m.example", "nobody@m.example", "ben@n.example",
             "anna@n.example", "info@v.example", "any@v.example"], held=["any@v.example"])


@test("a line for all domains of transport_maps counts for those of this host, too")
def _():
    compare("wildcard", {
        "main.cf": """
myhostname = h.example.org
mydestination =
virtual_mailbox_domains = m.example n.example
virtual_mailbox_base = /mnt/receivers/boxes
virtual_mailbox_maps = inline:{ { anna@m.example = m/anna/ }, { ben@n.example = n/ben/ } }
relay_domains = r.example s.example
transport_maps = inline:{ { .s.example = smtp:[127.0.0.6]:25 },
  { n.example = : }, { * = smtp:[127.0.0.9]:27 } }
"""}, ["anna@m.example", "ben@n.example", "x@r.example", "nobody@m.example", "x@b.r.example",
             "x@a.b.s.example", "x@b.far.example", "x@b.m.example"])


@test("mailboxes in one place for a domain; a way that only Postfix has")
def _():
    compare("rest", {
        "main.cf": """
myhostname = h.example.org
mydestination =
virtual_mailbox_domains = m.example n.example
virtual_mailbox_base = /mnt/receivers/boxes
virtual_mailbox_maps = texthash:FOLDER/boxes
transport_maps = inline:{ { n.example = cyrus:x } }
""", "boxes": "@m.example m/all/\nben@n.example n/ben/\n"},
            ["anna@m.example", "nobody@n.example", "ben@n.example"], held=["ben@n.example"])


@test("users whose mail another host has, and domains below a relayed one")
def _():
    compare("users", {
        "main.cf": """
myhostname = h.example.org
mydestination = d.example
relayhost = [127.0.0.8]:26
relay_domains = r.example
relay_transport = relay:[127.0.0.9]:27
transport_maps = inline:{ { d.example = smtp:[127.0.0.5]:25 } }
alias_maps =
virtual_alias_maps = texthash:FOLDER/virtual
""", "virtual": "info@d.example anna@r.example\nteam anna@far.example\n"
                "x@b.r.example y@b.r.example\n"},
            ["info@d.example", "team@d.example", "x@b.r.example", "y@b.r.example",
             "z@a.r.example", "team@h.example.org"])


@test("lists of Mailman: a way for each address")
def _():
    compare("mailman", {
        "main.cf": """
myhostname = h.example.org
mydestination =
relayhost = [127.0.0.8]:26
relay_domains = ${{$compatibility_level} < {2} ? {$mydestination} : {}} texthash:FOLDER/domains
transport_maps = texthash:FOLDER/lists
virtual_alias_maps = inline:{ { old@l.example = ants@l.example } }
""", "domains": "l.example x\n",
        "lists": "ants@l.example lmtp:inet:127.0.0.7:24\nants-join@l.example "
                 "lmtp:inet:127.0.0.7:24\n"},
            ["ants@l.example", "ants-join@l.example", "old@l.example", "ANTS@l.example"])


@test("senders: each step of Postfix, in its order")
def _():
    said, ours = compare_senders("senders", {
        "main.cf": """
myhostname = h.sub.example.org
mydestination = $myhostname, localhost, x.example.org
relayhost = [127.0.0.8]:26
sender_canonical_maps = texthash:FOLDER/sender
canonical_maps = inline:{ {@int.example = @new.example}, {first = second@int.example} }
canonical_classes = envelope_sender, header_sender
masquerade_domains = !x.example.org example.org
masquerade_exceptions = root, Kept
smtp_generic_maps = texthash:FOLDER/generic
""",
        "sender": "anna Anna.Smith@int.example\nben@far.example carl@int.example\n"
                  "same@h.sub.example.org same@h.sub.example.org\n"
                  "@other.example @h.sub.example.org\n",
        "generic": "www@example.org web@provider.example\nroot admin@provider.example\n"
                   "carl@new.example carla@new.example\n@x.example.org all@provider.example\n"
                   "back@x.example.org back@x.example.org\n"},
        ["anna", "anna@h.sub.example.org", "ANNA@localhost", "anna@elsewhere.example", "first",
         "ben@far.example", "carl@int.example", "any@int.example", "www", "www@localhost", "root",
         "root@other.example", "root@localhost", "kept", "same", "any@other.example",
         "anna@other.example", "www@other.example", "any@x.example.org", "back@x.example.org",
         "root@x.example.org", "anna@x.example.org", "nobody", "any@localhost"])
    same(ours["anna"], ["anna.smith@new.example"] * 3)
    check("submit-trusted = on" in said and "smtp_generic_maps: mail for users" in said, said)


@test("senders: one address for all, and a host of its own by the new one")
def _():
    compare_senders("all-senders", {
        "main.cf": """
myhostname = h.example.org
mydestination =
relayhost = [127.0.0.8]:26
sender_canonical_maps = static:{me@provider.example}
"""}, ["anna", "root@h.example.org"])


main(lambda failed: None)
