# SPDX-License-Identifier: ISC
"""Maildirs in a real run: details of addresses, and a full file system."""
import os
import subprocess
import time

from programs import SANITIZER, Site, fresh_directory
from tap import check, main, same, test

directory = fresh_directory()
SMALL = directory + "/small"
os.mkdir(SMALL)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", SMALL], check=True)
with open(directory + "/aliases", "w") as aliases:
    aliases.write("team: one@plus.example, two@plus.example\n")
site = Site("site", """[route plus.example]
via = maildir:%s/plus/{local}
subaddress = +
[route .alias.example]
via = maildir:%s/plus/{local}
aliases = %s/aliases
[route full.example]
via = maildir:%s/{local}
""" % (directory, directory, directory, SMALL), resolver="").listen()
BIG = b"Subject: big\r\n\r\n" + b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 3000


def files(folder):
    return ([os.path.join(folder, name) for name in sorted(os.listdir(folder))]
            if os.path.isdir(folder) else [])


@test("R103 user+detail is in the user's Maildir, with Delivered-To")
def _():
    site.send(["anna+lists@plus.example", "Anna@plus.example"])
    site.relay()
    same(os.listdir(directory + "/plus"), ["anna"])
    texts = sorted(open(path, "rb").read() for path in files(directory + "/plus/anna/new"))
    same(len(texts), 2)
    same(sorted(text.splitlines()[1] for text in texts),
         [b"Delivered-To: Anna@plus.example", b"Delivered-To: anna+lists@plus.example"])
    check(all(text.startswith(b"Return-Path: <alice@sender.example>\n") for text in texts), texts)


def copies(recipients, *options):
    """Send a message; the Delivered-To of each copy in plus.example."""
    before = {path for top, _, names in os.walk(directory + "/plus") for path in
              (os.path.join(top, name) for name in names)}
    site.send(recipients)
    site.relay(*options)
    found = []
    for top, _, names in os.walk(directory + "/plus"):
        for path in (os.path.join(top, name) for name in names):
            if path not in before:
                found.append(open(path).read().splitlines()[1].removeprefix("Delivered-To: "))
    return sorted(found)


@test("names that differ only in the case of letters are one mailbox: one copy")
def _():
    same(copies(["zoe@plus.example", "Zoe@plus.example", "ZOE@PLUS.example", "zoE@Plus.Example"]),
         ["zoe@plus.example"])
    same(copies(["zoe+a@plus.example", "ZOE+A@plus.example", "yan@plus.example"]),
         ["yan@plus.example", "zoe+a@plus.example"])
    same(copies(['"x y"@plus.example', '"X Y"@plus.example']), ['"x y"@plus.example'])
    same(copies(["U%s@plus.example" % (n % 2 and "V" or "v") for n in range(2)] +
                ["u%d@plus.example" % n for n in range(300)] +
                ["U%d@plus.example" % n for n in range(300)]),
         sorted(["Uv@plus.example"] + ["u%d@plus.example" % n for n in range(300)]))
    same(site.queued(), [])


@test("names of an alias that differ only in case: one copy for each member")
def _():
    same(copies(["team@x.alias.example", "TEAM@x.alias.example", "Team@X.Alias.Example"]),
         ["one@plus.example", "two@plus.example"])
    same(site.queued(), [])


@test("H061 <postmaster> without a domain is the postmaster of a domain with a mailbox here")
def _():
    site.send("anna@plus.example")
    with site.smtp() as smtp:
        smtp.ehlo()
        same([smtp.docmd("MAIL FROM:<alice@sender.example>")[0],
              smtp.docmd("RCPT TO:<postmaster>")[0]], [250, 250])
        smtp.data(b"Subject: bare\r\n\r\n")
    site.relay()
    text, = site.mailbox("postmaster")
    check(text.startswith(b"Return-Path: <alice@sender.example>\nDelivered-To: postmaster\n"), text)
    same(site.queued(), [])
    check("sender.example via maildir:" in site.explain("postmaster"), site.explain("postmaster"))


@test("a mailbox is a link: into the path of the route it is written, out of it the mail waits")
def _():
    for name, target in (("in", "plus/real"), ("out", "elsewhere")):
        os.makedirs(directory + "/" + target)
        os.symlink(directory + "/" + target, directory + "/plus/" + name)
    site.send(["in@plus.example", "out@plus.example"])
    site.relay()
    same(len(files(directory + "/plus/real/new")), 1)
    if not SANITIZER:
        same(files(directory + "/elsewhere"), [])
        check("/plus/out: Permission denied; it is a link, which must not lead out" in site.log(),
              site.log()[-600:])
    site.relay("-o", "queue.lifetime=1s", "--flush")
    for path in site.queued():
        os.remove(path)


@test("R103 no space: no file remains in the Maildir, and the message waits")
def _():
    site.send("ben@full.example", BIG)
    site.relay()
    check("to=ben@full.example" in site.log() and "status=4.3.1" in site.log(), site.log()[-1000:])
    same([files(SMALL + "/ben/tmp"), files(SMALL + "/ben/new")], [[], []])
    same([os.path.dirname(os.path.dirname(path)) for path in site.queued()], [site.queue + "/wait"])


@test("R103 there is space again: the message arrives unchanged, except for the line ends")
def _():
    subprocess.run(["mount", "-o", "remount,size=4m", SMALL], check=True)
    site.relay("--flush")
    path, = files(SMALL + "/ben/new")
    text = open(path, "rb").read()
    check(text.endswith(b"\n" + BIG.replace(b"\r\n", b"\n")) and b"\r" not in text, text[:500])
    same(site.queued(), [])


@test("the bounce names the cause, and none of our folders")
def _():
    subprocess.run(["mount", "-o", "remount,size=300k", SMALL], check=True)
    site.send("carla@full.example", BIG)
    time.sleep(1.1)
    site.relay("-o", "queue.lifetime=1s")
    text = site.mailbox("alice")[-1]
    check(b"no space for the mailbox" in text and SMALL.encode() not in text, text)


main(site.keep_queue_note)
