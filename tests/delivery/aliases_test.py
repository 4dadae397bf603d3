# SPDX-License-Identifier: ISC
"""Aliases in a real run: recipients, notices to the sender, --check and changes of the file."""
import os
import re
import subprocess

from exchangers import Exchanger
from nameservers import nsd
from programs import HANDLER, RELAY, Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": "far MX 10 mx.far\nmx.far A 192.0.2.11\n"})
far = Exchanger("192.0.2.11")
FILE, USERS, LIST = directory + "/aliases", directory + "/users", directory + "/list"
BOXES = directory + "/boxes"


def write(path, text):
    with open(path + "~", "w") as file:
        file.write(text)
    os.rename(path + "~", path)


ALIASES = """# who gets what
root:		anna
info:		anna, "ben", carla@far.example.org
sales:		ben, dora
owner-sales:	anna
team:		:include:%s
ben:		ben, ben@far.example.org
ring:		ring2
ring2:		ring
noreply:	/dev/null
"ask us":	anna
""" % LIST
write(FILE, ALIASES)
NEWS = directory + "/news"
write(NEWS, 'news: dora@far.example.org, "a b"@far.example.org, anna\nowner-news: emil\n')
write(USERS, "anna\nben\ncarla\ndora\nemil\n")
write(LIST, "# the team\nanna\ndora@far.example.org\n\nemil\n")
site = Site("site", """[route here.example]
via = maildir:%s/{local}
recipients = %s
aliases = %s
subaddress = +
[route any.example]
via = maildir:%s/any/{local}
aliases = %s
[route verp.example]
via = maildir:%s/{local}
recipients = %s
aliases = %s
verp = on
""" % (BOXES, USERS, FILE, BOXES, FILE, BOXES, USERS, NEWS)).listen()


def box(who):
    folder = "%s/%s/new/" % (BOXES, who)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [open(folder + name, "rb").read() for name in names]


def empty():
    for root, _, names in os.walk(BOXES):
        for name in names:
            os.unlink(os.path.join(root, name))
    far.messages.clear()


def deliver(to, sender="alice@sender.example", body=b"Subject: test\r\n\r\nHello.\r\n"):
    empty()
    site.send([address if "@" in address else address + "@here.example" for address in to.split()],
              body, sender)
    site.relay()
    same(site.queued(), [], site.log()[-3000:])


def boxes():
    names = sorted(os.listdir(BOXES)) if os.path.isdir(BOXES) else []
    return {who: len(box(who)) for who in names if who != "any" and box(who)}


def log_of(word):
    return [line for line in site.log().splitlines() if word in line]


@test("an alias of one address, in any case and with a detail")
def _():
    deliver("ROOT+x@here.example")
    same(boxes(), {"anna": 1})
    lines = box("anna")[0].splitlines()
    same(lines[:3], [b"Return-Path: <alice@sender.example>", b"Delivered-To: anna@here.example",
                     b"Delivered-To: ROOT+x@here.example"])
    check(lines[3].startswith(b"Received: "), lines)
    line = log_of("to=ROOT+x@here.example")[-1]
    check("expanded" in line and "alias of anna@here.example, as " in line, line)
    found = re.search(r"as (\w{16})", line)
    check(found and "id=" + found[1] in site.log(), line)


@test("several addresses, local and remote: each gets one copy with the same content")
def _():
    deliver("info", body=b"Subject: three\r\n\r\n.one\r\n..two\r\n\xe4\r\n")
    same(boxes(), {"anna": 1, "ben": 1})
    same(sorted(rcpt for m in far.messages for rcpt in m.rcpt_tos),
         ["ben@far.example.org", "carla@far.example.org"])
    check(box("anna")[0].endswith(b"Subject: three\n\n.one\n..two\n\xe4\n"), box("anna"))
    same({m.mail_from for m in far.messages}, {"alice@sender.example"})


@test("two lists with a common member, and a direct recipient: one copy each")
def _():
    deliver("info sales anna")
    same(boxes(), {"anna": 1, "ben": 1, "dora": 1})
    check(b"Delivered-To: info" not in box("anna")[0], box("anna"))


@test("V44 the owner of a list is its reverse-path and gets the bounces")
def _():
    deliver("sales")
    same(boxes(), {"ben": 1, "dora": 1})
    check(all(text.startswith(b"Return-Path: <owner-sales@here.example>\n")
              for text in box("ben") + box("dora")), box("ben"))
    deliver("owner-sales", sender="")
    same(boxes(), {"anna": 1})
    check(box("anna")[0].startswith(b"Return-Path: <>\n"), box("anna"))


@test("a list in a file, before and after a change of the file")
def _():
    deliver("team")
    same([boxes(), [m.rcpt_tos for m in far.messages]],
         [{"anna": 1, "emil": 1}, [["dora@far.example.org"]]])
    write(LIST, "ben@far.example.org\n")
    deliver("team")
    same([boxes(), [m.rcpt_tos for m in far.messages]], [{}, [["ben@far.example.org"]]])


@test("an alias that forwards and keeps a copy; a message that comes back ends there")
def _():
    deliver("ben")
    same([boxes(), [m.rcpt_tos for m in far.messages]], [{"ben": 1}, [["ben@far.example.org"]]])
    returned = far.messages[0].content
    check(returned.startswith(b"Delivered-To: ben@here.example\r\n"), returned)
    had = len(site.mailbox("alice"))
    deliver("ben", body=returned)
    same([boxes(), far.messages, len(site.mailbox("alice")) - had], [{}, [], 1])
    check(b"5.4.6" in site.mailbox("alice")[-1] and b"a mail loop" in site.mailbox("alice")[-1],
          site.mailbox("alice")[-1])


@test("aliases in a circle: one bounce, which names them")
def _():
    had = len(site.mailbox("alice"))
    deliver("ring anna")
    same([boxes(), len(site.mailbox("alice")) - had], [{"anna": 1}, 1])
    text = site.mailbox("alice")[-1]
    check(b"Status: 5.4.6" in text and b"ring -> ring2 -> ring" in text, text)


@test("B164 a bounce of an alias's member also names the alias")
def _():
    far.rcpt = lambda address: "550 5.1.1 nobody here" if address.startswith("carla") else None
    had = len(site.mailbox("alice"))
    deliver("info")
    far.rcpt = None
    same([boxes(), len(site.mailbox("alice")) - had], [{"anna": 1, "ben": 1}, 1])
    text = site.mailbox("alice")[-1]
    for words in (b"<carla@far.example.org>\n    (you wrote to <info@here.example>)\n",
                  b"Original-Recipient: rfc822; info@here.example\n",
                  b"Final-Recipient: rfc822; carla@far.example.org\n"):
        check(words in text, words, text)


@test("B161 aliases in a circle, from <>: no notice; the message is kept in dead/")
def _():
    empty()
    had = len(site.mailbox("alice"))
    site.send("ring@here.example", sender="")
    site.relay()
    path, = site.queued()
    same([os.path.dirname(path), boxes(), len(site.mailbox("alice")) - had],
         [site.queue + "/dead", {}, 0])
    os.unlink(path)


@test("an alias for /dev/null: delivered to nobody")
def _():
    deliver("noreply")
    same([boxes(), far.messages], [{}, []])


@test("H061 postmaster with and without a domain is root, and root is anna")
def _():
    for address in ("postmaster@here.example", "PostMaster@any.example", "root@any.example"):
        deliver(address)
        same(sum(boxes().values()) + len(box("any/anna")), 1, address, boxes())
    empty()
    with site.smtp() as smtp:
        smtp.ehlo()
        same([smtp.docmd("MAIL FROM:<alice@sender.example>")[0],
              smtp.docmd("RCPT TO:<postmaster>")[0]], [250, 250])
        smtp.data(b"Subject: bare\r\n\r\n")
    site.relay()
    same(boxes(), {"anna": 1})
    check(b"Delivered-To: postmaster@here.example\n" in box("anna")[0], box("anna"))


@test("H066 an address in neither file is refused; VRFY reads both files")
def _():
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL FROM:<alice@sender.example>")
        wanted = {"info@here.example": 250, "INFO+x@here.example": 250, "emil@here.example": 250,
                  '"ask us"@here.example': 250, "owner-sales@here.example": 250,
                  "nobody@here.example": 550, "carla@far.here.example": 250,
                  "nobody@any.example": 250}
        got = {address: smtp.docmd("RCPT TO:<%s>" % address)[0] for address in wanted}
        same(got, wanted)
        for who, code in (("info", 250), ("anna", 250), ("nobody", 550)):
            same(smtp.docmd("VRFY %s@here.example" % who)[0], code, who)


@test("NOTIFY=SUCCESS for an alias: the notice names the address that it stands for")
def _():
    empty()
    had = len(site.mailbox("alice"))
    with site.smtp() as smtp:
        smtp.sendmail("alice@sender.example", ["root@here.example"], b"Subject: x\r\n\r\n",
                      ["RET=HDRS", "ENVID=e1"], ["NOTIFY=SUCCESS"])
    site.relay()
    same([boxes(), len(site.mailbox("alice")) - had], [{"anna": 1}, 1], site.log()[-2000:])
    text = site.mailbox("alice")[-1]
    check(b"Final-Recipient: rfc822; anna@here.example" in text and b"Action: delivered" in text
          and b"Original-Envelope-Id: e1" in text, text)


@test("B162 NOTIFY=SUCCESS: `expanded` for an alias of several, `delivered` for an owned list")
def _():
    for address, action in (("info@here.example", b"expanded"),
                            ("sales@here.example", b"delivered")):
        empty()
        had = len(site.mailbox("alice"))
        with site.smtp() as smtp:
            smtp.sendmail("alice@sender.example", [address], b"Subject: x\r\n\r\n", [],
                          ["NOTIFY=SUCCESS"])
        site.relay()
        texts = site.mailbox("alice")[had:]
        same(len(texts), 1, address, site.log()[-2000:])
        check(b"Final-Recipient: rfc822; " + address.encode() in texts[0]
              and b"Action: " + action in texts[0], texts[0])
        check(b"anna" not in texts[0] and b"dora" not in texts[0], texts[0])


@test("a mistake in the file: the domain's mail waits, the log names the line; later it arrives")
def _():
    empty()
    write(FILE, ALIASES + "vacation: |/usr/bin/vacation\n")
    site.send(["info@here.example", "anna@here.example", "dora@far.example.org"])
    site.relay()
    same([boxes(), len(site.queued("wait")), len(far.messages)], [{}, 1, 1])
    line = log_of("to=info@here.example")[-1]
    check("deferred" in line and "status=4.3.5" in line and "/aliases:12" in line
          and "programs" in line, line)
    write(FILE, ALIASES)
    site.relay("--flush")
    same([boxes(), site.queued()], [{"anna": 1, "ben": 1}, []])


@test("mail for a list whose file is missing waits")
def _():
    os.rename(LIST, LIST + ".away")
    empty()
    site.send(["team@here.example"])
    site.relay()
    check("deferred" in log_of("to=team@here.example")[-1]
          and "cannot be read: No such file" in log_of("to=team@here.example")[-1])
    os.rename(LIST + ".away", LIST)
    site.relay("--flush")
    same([len(far.messages), site.queued()], [1, []])


@test("--check of both programs reports each mistake with its file and line")
def _():
    write(FILE, ALIASES + "vacation: |/usr/bin/vacation\nbox: /var/mail/box\n"
                          "more: :include:/nonexistent\nno colon\n")
    write(LIST, "anna\nnot an address\n")
    for program in (HANDLER, RELAY):
        done = subprocess.run([program, "-c", site.config, "--check"], capture_output=True,
                              text=True, timeout=10)
        same(done.returncode, 78, done.stderr)
        for words in (r"/aliases:12: \"\|/usr/bin/vacation\": mail to programs is not supported",
                      r"/aliases:13: \"/var/mail/box\": mail to files",
                      r"/aliases:14: the list /nonexistent cannot be read",
                      r"/aliases:15: \"no colon\": there is no colon",
                      r"/list:2: \"not an address\""):
            check(re.search(words, done.stderr), words, done.stderr)
    write(FILE, ALIASES)
    write(LIST, "anna\n")
    done = subprocess.run([RELAY, "-c", site.config, "--check"], capture_output=True, text=True,
                          timeout=10)
    same(done.returncode, 78, done.stderr)
    check(re.search(r"/aliases:8: aliases form a loop and lead to no address: "
                    r"ring -> ring2 -> ring\n", done.stderr), done.stderr)
    write(FILE, re.sub(r"(?m)^ring.*\n", "", ALIASES))
    for program in (HANDLER, RELAY):
        same(subprocess.run([program, "-c", site.config, "--check"], capture_output=True,
                            timeout=10).returncode, 0)
    write(FILE, ALIASES)


NESTED, SECRET = directory + "/nested", directory + "/secret"


def team(text, mode=0o644, owner=0):
    """Make LIST anew, of an owner who need not be the operator."""
    write(LIST, text)
    os.chmod(LIST, mode)
    if owner:
        os.chown(LIST, owner, owner)


def waits(words, also_check=True):
    """Mail for the list waits with these words, and --check has them too; no secret is told."""
    empty()
    site.send(["team@here.example"])
    site.relay()
    line = log_of("to=team@here.example")[-1]
    check("deferred" in line and words in line, words, line)
    done = subprocess.run([RELAY, "-c", site.config, "--check"], capture_output=True, text=True,
                          timeout=10)
    check(done.returncode == 78 and words in done.stderr, words, done.stderr)
    check("hush" not in site.log() + done.stderr + site.queue_text(), "the secret is out")
    for path in site.queued():
        os.unlink(path)


def arrives(boxes_then):
    empty()
    site.send(["team@here.example"])
    site.relay()
    same([boxes(), site.queued()], [boxes_then, []], log_of("to=team@here.example"))


@test("only a list that nobody but the operator can write may include others")
def _():
    write(FILE, re.sub(r"(?m)^ring.*\n", "", ALIASES))
    write(NESTED, "emil\n")
    include = ":include:%s\n" % NESTED
    refused = "/list:2: this list must not include others"
    for mode in 0o644, 0o640, 0o600:
        team("anna\n" + include, mode)
        arrives({"anna": 1, "emil": 1})
    team("anna\n" + include, 0o646)
    waits(refused)
    if os.getuid() == 0 and open("/proc/self/uid_map").read().split()[2] != "1":
        team("anna\n" + include, 0o644, 65534)
        waits(refused)
        os.chown(FILE, 65534, 65534)
        arrives({"anna": 1, "emil": 1})     # the owner of the aliases file is the operator
        write(FILE, re.sub(r"(?m)^ring.*\n", "", ALIASES))
        team("anna\n", 0o644, 65534)
        arrives({"anna": 1})
        os.chmod(LIST, 0o640)
        waits("not everybody may read it")
        write(LIST, ":include:%s\n" % SECRET)
        write(SECRET, "anna hush\n")
        os.chown(SECRET, 65534, 65534)
        os.chmod(SECRET, 0o600)
        waits("the list %s cannot be read: not everybody may read it" % SECRET)


@test("no link leads to a list, and it is a regular file")
def _():
    write(SECRET, "anna hush\n")
    write(NESTED, "emil\n")
    os.unlink(LIST)
    os.symlink(SECRET, LIST)
    waits("there is a symbolic link in its path")
    os.unlink(LIST)
    os.symlink(LIST, LIST)
    waits("there is a symbolic link in its path")
    os.unlink(LIST)
    os.mkdir(directory + "/real")
    write(directory + "/real/list", "anna hush\n")
    os.symlink("real", directory + "/folder")
    for name in "folder/list", "folder/../real/list":
        team(":include:%s/%s\n" % (directory, name))
        waits("there is a symbolic link in its path")
    for name, words in ("/dev/zero", "not a regular file"), (directory, "Is a directory"), \
            (NESTED + "/x", "Not a directory"):
        team(":include:%s\n" % name)
        waits(words)
    os.unlink(LIST)
    os.mkfifo(LIST)
    waits("not a regular file")
    os.unlink(LIST)
    team(":include:%s//real/../nested\n" % directory)
    arrives({"emil": 1})
    write(FILE, ALIASES)
    write(LIST, "anna\n")


@test("--explain shows what an alias stands for")
def _():
    text = site.explain("sales@here.example")
    check(re.search(r"alias +ben@here.example from owner-sales@here.example\n", text)
          and "dora@here.example" in text, text)
    check("ring -> ring2 -> ring" in site.explain("ring@here.example"),
          site.explain("ring@here.example"))
    check("alias  " not in site.explain("emil@here.example"))


@test("verp: each member elsewhere gets an owner of its own, and bounces to it reach the owner")
def _():
    deliver("news@verp.example")
    made = sorted((m.mail_from, m.rcpt_tos) for m in far.messages)
    same(made, [('"owner-news+a b=far.example.org"@verp.example', ['"a b"@far.example.org']),
                ("owner-news+dora=far.example.org@verp.example", ["dora@far.example.org"])])
    same(boxes(), {"anna": 1})
    check(b"Return-Path: <owner-news@verp.example>" in box("anna")[0], box("anna"))
    for sender, _ in made:
        empty()
        site.send([sender], b"Subject: returned\r\n\r\n", sender="")
        site.relay()
        same(boxes(), {"emil": 1}, sender)
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL FROM:<>")
        same([smtp.docmd("RCPT TO:<%s>" % to)[0] for to in (
            "owner-other+dora=far.example.org@verp.example", "news+x@verp.example",
            "owner-sales+dora=far.example.org@here.example", "anna+x@verp.example")],
             [550, 550, 250, 550], "a detail of here.example has a meaning of its own")
    text = site.explain("news@verp.example")
    check("dora@far.example.org from owner-news+dora=far.example.org@verp.example" in text, text)


@test("--watch: a changed file counts for the next message; 300 messages arrive once each")
def _():
    empty()
    site.watch()
    site.send("newcomer@any.example")
    check(wait_for(lambda: len(box("any/newcomer")) == 1), site.log()[-2000:])
    write(FILE, ALIASES + "newcomer: emil\n")
    site.send("newcomer@any.example")
    check(wait_for(lambda: len(box("any/emil")) == 1), site.log()[-2000:])
    site.send("newcomer@any.example", count=300)
    check(wait_for(lambda: len(box("any/emil")) == 301, 30), len(box("any/emil")),
          site.log()[-2000:])
    check(wait_for(lambda: site.queued() == [], 10), site.queue_text()[-2000:])
    same([len(box("any/emil")), len(box("any/newcomer"))], [301, 1])


main(site.keep_queue_note)
