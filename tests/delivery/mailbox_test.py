# SPDX-License-Identifier: ISC
"""Two people write to each other over smtp:// and their Maildirs: a with s-nail, b with mutt."""
import os
import subprocess

from programs import Site, fresh_directory, run_client
from tap import check, main, same, test, wait_for
from terminal import Terminal

directory = fresh_directory()
site = Site("site", "[route localhost]\nvia = maildir:%s/mailboxes/{local}\n" % directory,
            resolver="").listen()
site.watch()
MAILBOXES = directory + "/mailboxes"
HOME = directory + "/home"
os.mkdir(HOME)
ENV = dict(os.environ, HOME=HOME, EMAIL="b@localhost", TMPDIR=HOME, EDITOR="true", VISUAL="true")

with open(HOME + "/muttrc", "w") as file:
    file.write("""set mbox_type=Maildir folder=%s spoolfile=%s/b
set from=b@localhost realname=Bea use_from=yes
set smtp_url="smtp://%s:25/" ssl_starttls=no ssl_force_tls=no copy=no record="" hostname=localhost
set header_cache="" sleep_time=0 wait_key=no confirmappend=no quit=yes mark_old=no
set editor="sh -c 'echo Thank you, a >>$1' x" edit_headers=no fast_reply=yes include=yes
""" % (MAILBOXES, MAILBOXES, site.address))
SNAIL = ["s-nail", "-:/", "-S", "v15-compat", "-S", "mta=smtp://%s:25" % site.address,
         "-S", "smtp-auth=none", "-S", "from=a@localhost", "-S", "hostname=localhost",
         "-S", "ttycharset=utf-8", "-S", "sendwait", "-S", "newfolders=maildir"]


def mailbox(who):
    folder = "%s/%s/" % (MAILBOXES, who)
    names = [sub + "/" + name for sub in ("new", "cur") if os.path.isdir(folder + sub)
             for name in os.listdir(folder + sub)]
    return [open(folder + name, "rb").read() for name in sorted(names)]


def arrives(who, number):
    return wait_for(lambda: len(mailbox(who)) == number and mailbox(who), 15)


@test("a writes to b with s-nail, through smtp://")
def _():
    run_client([*SNAIL, "-s", "Lunch, Grüße", "b@localhost"],
               "Shall we meet at noon?\n.\n..\nÄ\n".encode(), env=ENV)
    texts = arrives("b", 1)
    check(texts, site.log("handler"), site.log())
    check(texts[0].startswith(b"Return-Path: <a@localhost>"), texts[0])
    check(b"Shall we meet at noon?" in texts[0], texts[0])


@test("the Maildir has new, cur and tmp, and other users cannot read it")
def _():
    same(sorted(os.listdir(MAILBOXES + "/b")), ["cur", "new", "tmp"])
    same([oct(os.stat(MAILBOXES + "/b" + sub).st_mode & 0o777)
          for sub in ("", "/new", "/cur", "/tmp")], ["0o700"] * 4)
    same(os.listdir(MAILBOXES + "/b/tmp"), [])


@test("b lists and reads the message with mutt, and answers through smtp://")
def _():
    mutt = Terminal(["mutt", "-n", "-F", HOME + "/muttrc"], ENV)
    mutt.expect(r"a@localhost.*Lunch, Grüße")
    mutt.type("\r")
    mutt.expect("Shall we meet at noon")
    mutt.type("r")
    mutt.expect(r"y:Send")
    mutt.type("y")
    mutt.expect(r"Mail sent")
    mutt.type("q")
    mutt.type("q")
    check(mutt.close(), "mutt did not end")
    texts = arrives("a", 1)
    check(texts, site.log("handler"), site.log())
    check(b"Thank you, a" in texts[0] and b"Subject: Re: " in texts[0]
          and b"In-Reply-To: <" in texts[0], texts[0])
    check(b"> Shall we meet at noon?" in texts[0], texts[0])


@test("a lists and reads the answer with s-nail")
def _():
    out = run_client([*SNAIL, "-R", "-H", "-f", "maildir://%s/a" % MAILBOXES], env=ENV).decode()
    check("b@localhost" in out or "Bea" in out, out)
    check("Re: Lunch" in out, out)
    out = run_client([*SNAIL, "-R", "-#", "-f", "maildir://%s/a" % MAILBOXES], b"type 1\nexit\n",
                     env=ENV).decode()
    check("Thank you, a" in out and "Re: Lunch" in out, out)


@test("a answers with s-nail, and b sees two messages with mutt")
def _():
    run_client([*SNAIL, "-#", "-S", "dot", "-f", "maildir://%s/a" % MAILBOXES],
               b"reply 1\nSee you then.\n.\nexit\n", env=ENV)
    texts = arrives("b", 2)
    check(texts, mailbox("b"), site.log("handler"), site.log())
    check(any(b"See you then." in text for text in texts), texts)
    mutt = Terminal(["mutt", "-n", "-F", HOME + "/muttrc", "-R",
                     "-e", "push \"<limit>~b then<enter><display-message>\""], ENV)
    mutt.expect(r"See you then")
    mutt.type("xx")
    check(mutt.close(), "mutt did not end")


@test("b sends with mutt from a script")
def _():
    subprocess.run(["mutt", "-n", "-F", HOME + "/muttrc", "-s", "from a script", "a@localhost"],
                   input=b"Done.\n", env=ENV, timeout=20, check=True, capture_output=True)
    texts = arrives("a", 2)
    check(texts and any(b"Subject: from a script" in text for text in texts), mailbox("a"),
          site.log())


main(site.keep_queue_note)
