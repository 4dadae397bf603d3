# SPDX-License-Identifier: ISC
"""Aliases that lead to other domains: the reverse-path becomes one of ours, notices come back, and
nobody else can send mail through it.  postsrsd reads and writes the same addresses."""
import base64
import hashlib
import hmac
import os
import re
import smtplib
import socket
import subprocess
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import BUILD, PEERS, Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": "far MX 10 mx.far\nmx.far A 192.0.2.11\n"
                         "world MX 10 mx.world\nmx.world A 192.0.2.12\n"})
far, world = Exchanger("192.0.2.11"), Exchanger("192.0.2.12")
SECRET, OLD = "the secret of this month", "the secret of last month"
STRANGER = "192.0.2.77"
ALICE = "alice@world.example.org"


def secret(name, *lines):
    path = "%s/%s" % (directory, name)
    with open(path, "w") as file:
        file.write("".join(line + "\n" for line in lines))
    os.chmod(path, 0o600)
    return path


with open(directory + "/aliases", "w") as file:
    file.write("carla: carla@far.example.org\n"
               "both: carla@far.example.org, anna\n"
               "list: carla@far.example.org\nowner-list: anna\n"
               "inside: anna@partner.example\n")
SETTINGS = """[server]
srs-secret = %s
[relay]
srs-domain = fwd.here.example
srs-secret = %s
[route here.example]
via = maildir:{directory}/boxes/{{local}}
aliases = {directory}/aliases
[route partner.example]
via = smtp://192.0.2.11
accept = anyone
""".format(directory=directory)
site = Site("site", SETTINGS % (secret("server", SECRET, OLD), secret("relay", SECRET, OLD)))
site.listen("-o", "server.trusted=192.0.2.1")


class Postsrsd:
    """postsrsd with the same domain and a secret: a table of addresses over TCP."""

    def __init__(self, secrets, number):
        self.process = subprocess.Popen(
            [PEERS + "/usr/sbin/postsrsd", "-d", "fwd.here.example", "-s", secrets, "-4",
             "-l", "127.0.0.1", "-f", str(number), "-r", str(number + 1)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.number = number

    def ask(self, number, address):
        def connect():
            try:
                return socket.create_connection(("127.0.0.1", number), 5)
            except OSError:
                return None
        with wait_for(connect) as link, link.makefile("rw") as file:
            file.write("get %s\n" % address)
            file.flush()
            return file.readline().strip()

    def forward(self, address):
        return self.ask(self.number, address)

    def back(self, address):
        return self.ask(self.number + 1, address)


now = Postsrsd(secret("now", SECRET), 21001)
before = Postsrsd(secret("before", OLD), 21003)


def forward(to, sender=ALICE):
    """Send a message to an alias; the reverse-paths that other domains get."""
    far.messages.clear()
    site.send([to], b"From: a@b.example\r\nSubject: x\r\n\r\nHello.\r\n", sender)
    site.relay()
    same(site.queued(), [], site.log()[-3000:])
    return [message.mail_from for message in far.messages]


def connect(source=STRANGER, address="192.0.2.1"):
    return smtplib.SMTP(address, 25, "client.example", 20, source_address=(source, 0))


def talk(*commands, source=STRANGER, address="192.0.2.1"):
    """The replies to commands of a client at this address."""
    with connect(source, address) as smtp:
        smtp.ehlo()
        return ["%d %s" % (code, text.decode()) for code, text in map(smtp.docmd, commands)]


def bounce(to):
    """The envelopes that the world gets, after a stranger has sent a notice."""
    world.messages.clear()
    with connect() as smtp:
        smtp.sendmail("", [to], b"Subject: returned\r\n\r\nno.\r\n")
    site.relay()
    return [(message.mail_from, message.rcpt_tos) for message in world.messages]


def made_by_hand(days, hash_octets=4):
    """The address of Alice as the scheme has it, some days ago."""
    day = (int(time.time()) // 86400 - days) % 1024
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    stamp = letters[day // 32] + letters[day % 32]
    digest = hmac.new(SECRET.encode(), (stamp + "world.example.orgalice").lower().encode(),
                      hashlib.sha1).digest()
    return "SRS0=%s=%s=world.example.org=alice@fwd.here.example" % (
        base64.b64encode(digest)[:hash_octets].decode(), stamp)


@test("a reverse-path of another domain becomes one of ours, which postsrsd reads")
def _():
    for sender in (ALICE, "Alice.B+tag@World.example.org", "a=b@world.example.org"):
        got, = forward("carla@here.example", sender)
        user, domain = sender.split("@")
        check(re.fullmatch("SRS0=[A-Za-z0-9+/]{4}=[A-Z2-7]{2}=%s=%s@fwd.here.example" %
                           (re.escape(domain), re.escape(user)), got), got)
        same(now.back(got), "200 " + sender)
        same(now.forward(sender), "200 " + got)
    same(far.messages[0].content.count(b"SRS0"), 0, "the content stays as it was")


@test("an address that another forwarder has made gets a guard, as postsrsd gives it")
def _():
    for sender in ("SRS0=abcd=AA=world.example.org=a@first.example.org",
                   "SRS0+abcd=AA=world.example.org=a@first.example.org",
                   "SRS1=abcd=first.example.org==wxyz=AA=world.example.org=a@second.example.org"):
        got, = forward("carla@here.example", sender)
        check(got.startswith("SRS1="), got)
        same(now.forward(sender), "200 " + got)


@test("our senders, the null path, owners of lists and domains behind us keep the reverse-path")
def _():
    same(forward("carla@here.example", "anna@here.example"), ["anna@here.example"])
    same(forward("carla@here.example", "anna@mail.sender.example"), ["anna@mail.sender.example"])
    same(forward("carla@here.example", ""), ["<>"])
    same(forward("list@here.example"), ["owner-list@here.example"])
    same(forward("inside@here.example"), [ALICE])
    same(forward("carla@far.example.org"), [ALICE])
    own, = forward("carla@here.example")
    same(forward("carla@here.example", own), [own])


@test("an alias with a member inside and one outside: each gets its reverse-path")
def _():
    got, = forward("both@here.example")
    check(got.startswith("SRS0="), got)
    folder = directory + "/boxes/anna/new/"
    text = open(folder + max(os.listdir(folder)), "rb").read()
    check(text.startswith(b"Return-Path: <%s>" % ALICE.encode()), text)


@test("notices of strangers come back to the sender, by addresses of ours and of postsrsd")
def _():
    made, = forward("carla@here.example")
    same(bounce(made), [("<>", [ALICE])])
    check('to="%s"' % made in site.log("handler"), site.log("handler")[-2000:])
    for to in (made.lower(), made.upper(), now.forward("bob@world.example.org")[4:],
               before.forward("old@world.example.org")[4:], made_by_hand(21),
               made_by_hand(0, 26)):
        same(talk("MAIL FROM:<>", "RCPT TO:<%s>" % to)[1], "250 2.1.5 Ok", to)


@test("a double-forwarded notice goes to the first forwarder")
def _():
    first = "SRS0=abcd=AA=x.example=a@world.example.org"
    made, = forward("carla@here.example", first)
    same(bounce(made), [("<>", [first])])


@test("it is no open relay: forged, expired and malformed addresses, and other mail, are refused")
def _():
    made, = forward("carla@here.example")
    other_hash = made[:5] + ("AAAA" if made[5:9] != "AAAA" else "BBBB") + made[9:]
    forged = (other_hash, made.replace("alice", "bob"), made.replace("world.", "other."),
              "SRS1=abcd=world.example.org==a@fwd.here.example")
    elsewhere = (made.replace("fwd.here", "fwd.there"), "alice@fwd.here.example", ALICE)
    same(talk("MAIL FROM:<>", *("RCPT TO:<%s>" % to for to in (
        *forged, "SRS0=x@fwd.here.example", made_by_hand(22), made_by_hand(-1),
        made_by_hand(0, 3), *elsewhere)))[1:],
         ["550 5.7.1 this server has not made that address"] * 4 +
         ["550 5.7.1 it is not an address of this server"] +
         ["550 5.7.1 the address has expired"] * 2 +
         ["550 5.7.1 this server has not made that address"] +
         ["550 5.7.1 <%s>: Relay access denied" % to for to in elsewhere])
    same(talk("MAIL FROM:<spam@spam.example>", "RCPT TO:<%s>" % made)[1],
         "550 5.7.1 this address is for notices, which have an empty reverse-path")
    same(talk("MAIL FROM:<anna@here.example>", "RCPT TO:<%s>" % made, source="192.0.2.1")[1],
         "250 2.1.5 Ok", "a trusted client may send it anything")


@test("--explain shows both directions")
def _():
    made, = forward("carla@here.example")
    text = site.explain("carla@here.example", "--sender", ALICE)
    check("to other domains from " + made in text, text)
    check("fwd.here.example" in site.explain("carla@here.example"), "without a sender")
    check("fwd" not in site.explain("inside@here.example"), "nothing leaves")
    check("stands for " + ALICE in site.explain(made), made)
    check("is refused (5.7.1): the address has expired" in site.explain(made_by_hand(22)), "old")


@test("secrets that cannot be read: --check reports them, mail waits, RCPT gets 451")
def _():
    other = Site("other", SETTINGS % ("/nowhere/server", "/nowhere/relay"), address="192.0.2.2")
    other.listen("-o", "server.trusted=192.0.2.2")
    same(talk("MAIL FROM:<>", "RCPT TO:<%s>" % made_by_hand(0), address="192.0.2.2")[1],
         "451 4.3.0 Error: local error in processing")
    with connect("192.0.2.2", "192.0.2.2") as smtp:
        smtp.sendmail(ALICE, ["carla@here.example"], b"A: b\r\n\r\n")
    other.relay()
    same(len(other.queued("wait")), 1, other.log())
    check("/nowhere/relay: No such file" in other.log(), other.log())
    check("/nowhere/server: No such file" in other.log("handler"), other.log("handler"))
    other.stop()
    for program, mistake in (("smtp-handler", "[server] srs-secret: /nowhere/server"),
                             ("smtp-relay", "[relay] srs-secret: /nowhere/relay")):
        done = subprocess.run(["%s/%s" % (BUILD, program), "-c", other.config, "--check"],
                              capture_output=True, text=True, timeout=20)
        check(done.returncode == 78 and mistake in done.stderr, done.stderr)


main()
