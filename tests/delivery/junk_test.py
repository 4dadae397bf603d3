# SPDX-License-Identifier: ISC
"""[route] junk-folder: messages that a filter of ours has marked go to the folder for junk."""
import glob
import os
import subprocess

from fake_milter import CONTINUE, FakeMilter, add, body, change, insert, text
from nameservers import nsd
from programs import PEERS, Site, fresh_directory, peer_environment
from receivers import really_root
from tap import check, main, same, test
from verifier import HOST, Verifier, send

directory = fresh_directory()
os.chmod(directory, 0o755)
SOCKET, BOXES = directory + "/filter", directory + "/boxes"
nsd(directory + "/nsd", {
    "example": "", "org": "", "strict.example": '_dmarc TXT "v=DMARC1\\; p=quarantine"\n',
    "mild.example": '_dmarc TXT "v=DMARC1\\; p=none"\n', "example.org": "@ A 192.0.2.1\n"})
with open(directory + "/aliases", "w") as file:
    file.write("team: anna@example.org, ben@off.example\n")
verifier = Verifier(directory, "-o", "verify.dmarc-exempt=192.0.2.40")
SETTINGS = """[route example.org]
via = maildir:%s/{local}
junk-folder = on
accept = anyone
[route off.example]
via = maildir:%s/off-{local}
accept = anyone
[route alias.example]
via = discard
accept = anyone
aliases = %s/aliases
""" % (BOXES, BOXES, directory)
OURS = b"Authentication-Results"
SPAM, FAIL = b"X-Spam: Yes\r\n", HOST.encode() + b";\n\tdmarc=fail policy.dmarc=quarantine"
MESSAGE = b"From: a@b.example\r\nSubject: x\r\n\r\nHello.\r\n"
number = [0]


def handler(milter):
    number[0] += 1
    site = Site("site-%d" % number[0], SETTINGS, hostname=HOST)
    return site.listen("-o", "server.trusted=127.0.0.0/8", "-o", "server.milter=" + milter)


def files(box):
    return {path for part in ("new", "tmp")
            for path in glob.glob("%s/%s/%s/*" % (BOXES, box, part))}


def places(run):
    """Which mailboxes get a file while this runs?"""
    names = ("anna", "anna/.Junk", "off-anna", "off-anna/.Junk", "off-ben", "off-ben/.Junk")
    before = {name: files(name) for name in names}
    run()
    new = {name: files(name) - before[name] for name in names}
    return [name for name in names for _ in new[name]]


def delivered(*edits, message=MESSAGE, to="anna@example.org", source="192.0.2.10"):
    """The mailboxes of a message whose filter makes these edits."""
    filter = FakeMilter(SOCKET, {"E": b"".join(edits) + CONTINUE})
    site = handler(filter.place)

    def run():
        send(site, source, "a@b.example", message, rcpt=to)
        site.relay()
    got = places(run)
    same(site.queued(), [])
    site.stop()
    filter.close()
    return got


LARGE = MESSAGE + (b"x" * 70 + b"\r\n") * 2000
MARKS = (
    ("rspamd", [add(b"X-Spam", b"Yes")]),
    ("rspamd, in other case, folded, on top", [insert(0, b"x-spam", b"\n\tYES ")]),
    ("SpamAssassin", [add(b"X-Spam-Flag", b"YES")]),
    ("smtp-verify", [insert(0, OURS, FAIL)]),
    ("smtp-verify, p=reject", [insert(1, OURS, FAIL.replace(b"quarantine", b"reject"))]),
    ("a field that is changed", [change(1, b"X-Spam", b"Yes")]),
    ("with a new body", [add(b"X-Spam", b"Yes"), body(b"new\r\n")]),
)
OTHERS = (
    ("no edit", []),
    ("another field", [add(b"X-Other", b"Yes")]),
    ("no spam", [add(b"X-Spam", b"No")]),
    ("p=none", [insert(0, OURS, FAIL.replace(b"quarantine", b"none"))]),
    ("DMARC has passed", [insert(0, OURS, FAIL.replace(b"fail", b"pass"))]),
    ("results of another server", [insert(0, OURS, b"else." + FAIL)]),
    ("a mark that is removed again", [add(b"X-Spam", b"Yes"), change(1, b"X-Spam", b"")]),
    ("a mark that is changed again", [add(b"X-Spam", b"Yes"), change(1, b"X-Spam", b"No")]),
)
FORGED = (SPAM, b"x-SPAM:yes\r\n", b"X-Spam:\r\n\tYes\r\n", b"X-Spam : Yes\r\n",
          b"X-Spam-Flag: YES\r\n",
          *(name + b": " + FAIL.replace(b"\n", b"\r\n") + b"\r\n"
            for name in (OURS, OURS.upper(), OURS + b":\r\n ")))


@test("a marked message goes to the folder, a small one and a large one")
def _():
    for name, edits in MARKS:
        for message in MESSAGE, LARGE:
            same(delivered(*edits, message=message), ["anna/.Junk"], name)


@test("a message without a mark of a filter does not")
def _():
    for name, edits in OTHERS:
        same(delivered(*edits), ["anna"], name)


@test("what the sender has written is no mark, whatever else the filter does, and whoever sends")
def _():
    forged = b"".join(FORGED)
    for message in [field + MESSAGE for field in FORGED] + [forged + MESSAGE, forged + LARGE]:
        same(delivered(add(b"X-Other", b"z"), message=message), ["anna"], message[:200])
    same(delivered(message=forged + MESSAGE), ["anna"])
    same(delivered(message=forged + MESSAGE, source="127.0.0.1"), ["anna"])
    # A filter may change the stranger's field, or leave it and add its own.
    same(delivered(change(1, b"X-Spam", b"Yes"), message=forged + MESSAGE), ["anna/.Junk"])
    same(delivered(add(b"X-Spam", b"Yes"), message=forged + MESSAGE), ["anna/.Junk"])
    same(delivered(change(1, b"X-Spam", b"No"), message=SPAM + MESSAGE), ["anna"])


@test("without the setting, and for a mailbox behind an alias")
def _():
    same(delivered(add(b"X-Spam", b"Yes"), to="anna@off.example"), ["off-anna"])
    same(delivered(add(b"X-Spam", b"Yes"), to="team@alias.example"), ["anna/.Junk", "off-ben"])
    same(delivered(text("+", b"<ben@off.example>"), add(b"X-Spam", b"Yes")),
         ["anna/.Junk", "off-ben"])


@test("the mark is in the envelope, with its reason")
def _():
    filter = FakeMilter(SOCKET, {"E": insert(0, OURS, FAIL) + CONTINUE})
    site = handler(filter.place)
    send(site, "192.0.2.10", "a@b.example", MESSAGE)
    check("\njunk: dmarc=fail policy.dmarc=quarantine\n" in site.queue_text(), site.queue_text())
    site.stop()
    filter.close()


@test("smtp-verify marks mail that fails a policy; its exempt clients are not marked")
def _():
    site = handler("unix:" + verifier.path)
    for author, source, where in (("strict.example", "192.0.2.10", "anna/.Junk"),
                                  ("mild.example", "192.0.2.10", "anna"),
                                  ("strict.example", "192.0.2.40", "anna")):
        message = SPAM * (where == "anna") + MESSAGE.replace(b"b.example", author.encode())

        def run():
            send(site, source, "x@else.example", message, rcpt="anna@example.org")
            site.relay()
        same(places(run), [where], author, source, site.log())
    site.stop()


@test("the folder is one of Maildir++, and is subscribed to once")
def _():
    box = BOXES + "/new"
    for _ in range(2):
        delivered(add(b"X-Spam", b"Yes"), to="new@example.org")
    same(sorted(os.listdir(box)), [".Junk", "cur", "new", "subscriptions", "tmp"])
    same(sorted(os.listdir(box + "/.Junk")), ["cur", "maildirfolder", "new", "tmp"])
    same(len(os.listdir(box + "/.Junk/new")), 2)
    same(open(box + "/subscriptions").read(), "V\t2\n\nJunk\n")
    for name, mode in ((".Junk", 0o700), (".Junk/maildirfolder", 0o600), ("subscriptions", 0o600)):
        same(os.stat(box + "/" + name).st_mode & 0o7777, mode, name)
    # A user may have subscriptions, and may give this one up.
    os.makedirs(BOXES + "/listed")
    for had, has in (("V\t2\n\nSent\n", "V\t2\n\nSent\nJunk\n"), ("Sent\n", "Sent\nJunk\n")):
        subprocess.run(["rm", "-rf", BOXES + "/listed/.Junk"], check=True)
        with open(BOXES + "/listed/subscriptions", "w") as file:
            file.write(had)
        delivered(add(b"X-Spam", b"Yes"), to="listed@example.org")
        same(open(BOXES + "/listed/subscriptions").read(), has)
    with open(BOXES + "/listed/subscriptions", "w") as file:
        file.write("Sent\n")
    delivered(add(b"X-Spam", b"Yes"), to="listed@example.org")
    same(open(BOXES + "/listed/subscriptions").read(), "Sent\n")
    same(len(os.listdir(BOXES + "/listed/.Junk/new")), 2)


@test("nothing is written through links of the mailbox's owner")
def _():
    outside = directory + "/outside"
    with open(outside, "w") as file:
        file.write("keep\n")
    for number, link in enumerate((os.symlink, os.link)):
        box = "%s/linked%d" % (BOXES, number)
        os.makedirs(box)
        link(outside, box + "/subscriptions")
        delivered(add(b"X-Spam", b"Yes"), to="linked%d@example.org" % number)
        same(len(os.listdir(box + "/.Junk/new")), 1)
        same(open(outside).read(), "keep\n")
    box = BOXES + "/away"
    os.makedirs(box)
    os.makedirs(directory + "/elsewhere")
    os.symlink(directory + "/elsewhere", box + "/.Junk")
    filter = FakeMilter(SOCKET, {"E": add(b"X-Spam", b"Yes") + CONTINUE})
    site = handler(filter.place)
    send(site, "192.0.2.10", "a@b.example", MESSAGE, rcpt="away@example.org")
    site.relay()
    same([len(site.queued("wait")), os.listdir(directory + "/elsewhere")], [1, []])
    check("cannot write to the mailbox %s" % box in site.log(), site.log())
    site.stop()
    filter.close()


@test("a group that may read the mailbox may read the folder")
def _():
    box = BOXES + "/shared"
    os.makedirs(box + "/tmp")
    for path in box, box + "/tmp":
        if really_root():
            os.chown(path, -1, 30000)
        os.chmod(path, 0o2770)
    old = os.umask(0o007)
    delivered(add(b"X-Spam", b"Yes"), to="shared@example.org")
    os.umask(old)
    path, = glob.glob(box + "/.Junk/new/*")
    for name, mode in ((box + "/.Junk", 0o2770), (box + "/.Junk/new", 0o2770), (path, 0o660),
                       (box + "/subscriptions", 0o660)):
        same([oct(os.stat(name).st_mode & 0o7777), os.stat(name).st_gid],
             [oct(mode), os.stat(box).st_gid], name)


@test("Dovecot shows the folder, subscribed, with the message")
def _():
    if not really_root():
        check(True)
        return
    # It serves no user that is root, and finds its parts below /usr only.
    with open(directory + "/dovecot.conf", "w") as file:
        file.write("mail_location = maildir:/mnt/box\nlog_path = /dev/stderr\nssl = no\n"
                   "mail_uid = 65534\nmail_gid = 65534\n")
    command = ("mount -t tmpfs tmpfs /mnt && cp -a %s/new /mnt/box && chown -R 65534:65534 /mnt && "
               "mount -t overlay overlay -o lowerdir=%s/usr:/usr /usr && "
               "for what in 'mailbox list -s' 'mailbox status messages Junk'; do "
               "doveadm -c %s/dovecot.conf $what; done" % (BOXES, PEERS, directory))
    done = subprocess.run(["unshare", "--mount", "sh", "-c", command], capture_output=True,
                          text=True, env=dict(peer_environment(), HOME=directory, USER="root"))
    same(done.stdout, "Junk\nJunk messages=2\n", done.stderr)


main()
verifier.stop()
