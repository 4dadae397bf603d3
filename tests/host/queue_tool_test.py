#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""smtp-queue: its output, its filters, its rights and its errors."""
import fcntl
import glob
import json
import os
import pty
import re
import resource
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HANDLER, TOOL = BUILD + "/smtp-handler", BUILD + "/smtp-queue"
DIRECTORY = "/tmp/smtp-queue-test.%d" % os.getpid()
QUEUE, CONFIG = DIRECTORY + "/queue", DIRECTORY + "/config"
SANITIZED = "san" in os.path.basename(BUILD)
HOSTILE = b"\x1b]0;owned\x07\xff\xc2\x9b31m\xe2\x80\xaehello"


def start():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.mkdir(DIRECTORY, 0o755)
    os.mkdir(QUEUE, 0o700)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\n[server]\nhostname = mail.example.org\n"
                   "trusted = local\n" % QUEUE)


def send(sender, recipients, body=b"Subject: x\r\n\r\nHello.\r\n"):
    """Queue one message through the handler; its ID."""
    lines = [b"EHLO c", b"MAIL FROM:<%s>" % sender, *(b"RCPT TO:<%s>" % r for r in recipients),
             b"DATA"]
    session = b"\r\n".join(lines) + b"\r\n" + body + b".\r\nQUIT\r\n"
    done = subprocess.run([HANDLER, "-c", CONFIG], input=session, capture_output=True)
    return re.search(rb"queued as (\w+)", done.stdout)[1].decode()


def run(*argv, columns=None, locale="C.UTF-8", **more):
    env = dict(os.environ, LC_ALL=locale)
    env.pop("COLUMNS", None)
    if columns:
        env["COLUMNS"] = str(columns)
    done = subprocess.run([TOOL, "-c", CONFIG, *argv], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60, env=env, **more)
    return done.returncode, done.stdout, done.stderr.decode()


def out(*argv, **more):
    code, text, errors = run(*argv, **more)
    same([code, errors], [0, ""], text)
    return text.decode()


def objects(*argv):
    return [json.loads(line) for line in out("list", "--json", *argv).splitlines()]


def no_control(octets):
    """octets have no character that a terminal obeys, except line ends and tabs."""
    text = octets.decode()
    bad = re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]",
                     text)
    same(bad, [], text)


@test("an empty queue is no error, a missing queue is one")
def _():
    same(out(), "The queue is empty.\n")
    same(out("list", "--json"), "")
    code, text, errors = run("-o", "queue.directory=" + DIRECTORY + "/none")
    same([code, text], [75, b""])
    check("/none: there is no queue here" in errors, errors)
    check(not os.path.exists(DIRECTORY + "/none"))
    check(os.listdir(QUEUE) == [], "list has made folders", os.listdir(QUEUE))


@test("list: a line for each message within the width, and a sum")
def _():
    global first, second
    first = send(b"alice@example.org", [b"bob@example.net"])
    second = send(b"a.very.long.local.part.indeed@a.domain.that.is.long.too.example.org",
                  [b"bob@example.net", b"carol@example.com"],
                  b"Subject: y\r\n\r\n" + b"x" * 900 + b"\r\n" + b"y" * 900 + b"\r\n")
    for width in (None, 60, 80, 120, 200):
        lines = out(columns=width).splitlines()
        same(len(lines), 4, lines)
        check(re.match(r"ID +AGE +SIZE +NEXT +SENDER +RECIP\S+ +LAST R.*$", lines[0]), lines[0])
        check(all(len(line) <= (width or 80) for line in lines), width, lines)
        check(any(re.match(first + r" +\ds +\d+ new +alice", line) for line in lines), lines)
        check(any(re.match(second + r" +\ds +1\.\dK new .* 2 rec", line) for line in lines), lines)
        check(re.match(r"2 messages, 2\.\dK octets, the oldest \ds old$", lines[3]), lines[3])
    check("a.very.long.local.part.indeed@a.domain.that.is.long.too.example.org 2 recipients"
          in out("--wide"))
    check("~" in out(locale="C") and "\u2026" not in out(locale="C"))


@test("list: on a terminal, as wide as the terminal, without colours")
def _():
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.pop("COLUMNS", None)
        os.execv("/bin/sh", ["sh", "-c", "stty cols 100; exec '%s' -c '%s'" % (TOOL, CONFIG)])
    text = b""
    while True:
        try:
            piece = os.read(fd, 4096)
        except OSError:
            break
        if not piece:
            break
        text += piece
    os.waitpid(pid, 0)
    lines = text.decode().replace("\r", "").splitlines()
    same(len(lines), 4, lines)
    check(all(len(line) <= 100 for line in lines)
          and "a.very.long.local.p\u2026 2 recipients" in text.decode(), lines)


@test("--json: all facts about a message")
def _():
    found = {one["id"]: one for one in objects()}
    same(sorted(found), sorted([first, second]))
    one = found[second]
    same(one["recipients"], [{"address": "bob@example.net", "state": "pending"},
                            {"address": "carol@example.com", "state": "pending"}])
    same([one["state"], one["attempts"], one["warned"], one["sender"]],
         ["new", 0, False, "a.very.long.local.part.indeed@a.domain.that.is.long.too.example.org"])
    check(re.match(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$", one["arrived"]) and 0 <= one["age"] < 60
          and one["size"] > 1800, one)
    check("due" not in one and one["client"].startswith("uid "), one)
    same(json.loads(out("show", "--json", second)), one)


def put(name, folder, text):
    os.makedirs(QUEUE + "/" + folder, exist_ok=True)
    with open("%s/%s/%s" % (QUEUE, folder, name), "wb") as file:
        file.write(text)


def forged(name, sender, recipients, log=b"", content=b"x\r\n", arrived=1763787773):
    """A file of the queue's form, with any octets in its addresses."""
    rest = b"id: %s\narrived: %d.000000 x\nfrom: <%s>\n" % (name.encode(), arrived, sender)
    rest += b"".join(b"P <%s>\n" % r for r in recipients) + b"\n"
    fixed = (b"smtp-handler 1 size=%016d envelope=%08d sum=%016x\n"
             b"content 8bit=n utf8=n dots=n binary=n crlf=y longest=0000000001\n"
             b"tried 0003 warned n\n")
    size = len(fixed % (0, 0, 0)) + len(rest)
    return fixed % (size + len(content), size, 0) + rest + content + log


@test("waiting messages: the due time and the last reply")
def _():
    now = int(time.time())
    log = (b"2026-11-22T08:00:00Z <bob@example.net> deferred 4.2.1 "
           b"host=mx[192.0.2.1]:25 reply=\"450 4.2.1 \"later\"\"\n"
           b"2026-11-22T08:00:01Z <carol@example.com> delivered 2.0.0 reply=\"250 ok\"\n")
    put("0000000000000001", "wait/%d" % (now + 7260),
        forged("0000000000000001", b"", [b"bob@example.net"], log))
    put("0000000000000002", "wait/%d" % (now - 60),
        forged("0000000000000002", b"", [b"bob@example.net", b"carol@example.com"], log))
    lines = out("--state", "waiting", columns=110).splitlines()
    check(re.match(r"0000000000000002 +\d+d +3 due +<> +2 recipients +450 4.2.1 \"later\" *$",
                   lines[1]), lines)
    check(re.match(r"0000000000000001 +\d+d +3 in 2h +<> +bob@example.net +450 4.2.1 \"later\" *$",
                   lines[2]), lines)
    one = objects("--state", "waiting")[1]
    same([one["state"], one["attempts"], one["sender"], one["recipients"][0]["reply"]],
         ["waiting", 3, "", "450 4.2.1 \"later\""])
    same(one["due"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now + 7260)))
    same(out("log", "0000000000000001"), log.decode())
    same(out("log", first), "")
    check("2026-11-22T08:00:00Z <bob" in out("log", "0000000000000001", "0000000000000002"))


@test("the last reply to a quoted address, and none of who has the message")
def _():
    reply = b"reply=\"450 4.2.1 \"later\"\""
    for path in rb'"carol s"@example.com', rb'"a>b"@example.com', rb'"a\"> x"@example.com':
        log = (b"2026-11-22T08:00:00Z <%s> deferred 4.2.1 %s\n"
               b"2026-11-22T08:00:01Z | 5 ms < 250 ok\n"
               b"2026-11-22T08:00:02Z <list@example.com> expanded 2.0.0 why=\"expanded to 2\"\n"
               % (path, reply))
        put("0000000000000009", "hold", forged("0000000000000009", b"", [path], log))
        line = out("--state", "held", columns=150).splitlines()[1]
        one, = objects("--state", "held")
        os.unlink(QUEUE + "/hold/0000000000000009")
        check(line.rstrip().endswith(' 450 4.2.1 "later"'), line)
        same(one["recipients"][0]["reply"], '450 4.2.1 "later"')


@test("hostile addresses, replies and content never reach a terminal")
def _():
    # A file with a control character in its envelope is no message.
    bad = HOSTILE.replace(b"\x1b", b"").replace(b"\x07", b"")
    put("0000000000000003", "hold", forged(
        "0000000000000003", bad + b"@x", [b"y" * 70000 + b"@" + bad],
        b"2026-11-22T08:00:00Z <z> deferred \x1b[2J why=\"" + HOSTILE + b"\"\n",
        b"Subject: " + HOSTILE + b"\r\n\r\n" + HOSTILE * 20000 + b"\r\nend\r\n"))
    put("0000000000000004", "dead", HOSTILE * 100)
    for argv in ([], ["--wide"], ["--json"], ["show", "0000000000000003"],
                 ["log", "0000000000000003"], ["hosts"]):
        for locale in ("C.UTF-8", "C"):
            no_control(run(*argv, locale=locale)[1])
    one = objects("--state", "held")[0]
    same(one["sender"], "]0;owned\ufffd\x9b31m\u202ehello@x")
    check(len(one["recipients"][0]["address"]) > 70000)
    check("\nend\n" in out("show", "0000000000000003"))
    check(HOSTILE * 20000 + b"\r\nend\r\n" in run("show", "--raw", "0000000000000003")[1],
          "raw is raw")
    code, _, errors = run("show", "\x1b[2J", "0000000000000004")
    same(code, 1)
    check("?[2J: no such message" in errors and "0000000000000004: not a whole message" in errors,
          errors)


@test("show: the envelope, then the message")
def _():
    text = out("show", second)
    head, body = text.split("\n\n", 1)
    for line in ("id          " + second, "state       new", "attempts    0",
                 "pending     <bob@example.net>"):
        check(line + "\n" in head + "\n", head)
    check("\nSubject: y\n\n" in body and body.endswith("\n" + "y" * 900 + "\n")
          and "\r" not in body, body[:300])
    raw = run("show", "--raw", second)[1]
    check(raw.startswith(b"Received: ") and raw.endswith(b"y" * 900 + b"\r\n"))


@test("an unknown ID is an error; the command acts on the others")
def _():
    for verb in ("hold", "release", "retry", "delete", "fail", "show", "log"):
        code, _, errors = run(verb, "0000000000000009")
        same([code, errors], [1, "smtp-queue: 0000000000000009: no such message in the queue\n"])
    code, text, errors = run("hold", "nonsense", first)
    same([code, text.decode()], [1, first + " held\n"])
    same(out("hold", first), first + " is held already\n")
    same(run("retry", first)[2], "smtp-queue: %s: is held: release it\n" % first)
    same(json.loads(out("release", "--json", first)), {"id": first, "result": "released"})
    same(out("release", first), first + " is not held\n")


@test("bad usage: exit status 64, without any action")
def _():
    before = out("list", "--ids")
    for argv in (["nonsense"], ["show"], ["delete"], ["delete", first, "--all"],
                 ["delete", first, "--sender", "*"], ["list", first],
                 ["hosts", "--sender", "*"], ["hosts", "--all"], ["show", "--wide", first],
                 ["list", "--raw"], ["list", "--ids", "--json"], ["--older-than", "x", "list"],
                 ["delete", "--state", "helds"], ["--no-such-option"], ["delete", "--sender"]):
        code, text, errors = run(*argv)
        same([code, text], [64, b""], argv)
        check(errors.count("\n") == 1 and errors.startswith("smtp-queue: "), errors)
    same(out("list", "--ids"), before)
    check("usage: smtp-queue" in out("--help") and out("--version").startswith("smtp-queue "))


@test("each program: --help and --version print something, and report that it is lost")
def lost_help():
    programs = [BUILD + "/sendmail", *glob.glob(BUILD + "/smtp-*")]
    programs = [p for p in programs if os.path.isfile(p) and os.access(p, os.X_OK)]
    check(len(programs) >= 12, programs)
    for program in programs:
        for option in "--help", "--version":
            done = subprocess.run([program, option], capture_output=True, timeout=60)
            check(done.returncode == 0 and done.stdout, program, option, done)
            with open("/dev/full", "w", encoding="ascii") as full:
                done = subprocess.run([program, option], stdout=full, timeout=60)
            same(done.returncode, 74, program, option)
    same(out("--check"), "")
    same(run("-o", "queue.lifetime=soon")[0], 78)


@test("filters: by sender, recipient, domain, age and state, alone and together")
def _():
    same(out("list", "--ids", "--sender", "alice@*"), first + "\n")
    same(out("list", "--ids", "--sender", "<>", "--domain", "example.com"), "0000000000000002\n")
    same(out("list", "--ids", "--recipient", "carol@example.com", "--younger-than", "1h"),
         second + "\n")
    same(sorted(out("list", "--ids", "--older-than", "1d").split()),
         ["000000000000000%d" % i for i in (1, 2, 3)])
    same(out("--sender", "nobody"), "No message matches.\n")
    same(out("delete", "--older-than", "1d", "--state", "waiting", "--domain", "example.com"),
         "0000000000000002 deleted\n1 message deleted\n")
    check(not os.path.exists(QUEUE + "/wait/0"))
    same(out("hold", "--sender", "nobody"), "0 messages held\n")
    same(run("fail", "0000000000000004")[2],
         "smtp-queue: 0000000000000004: is dead: nothing is left to deliver; show it, delete it\n")
    same(out("delete", "--state", "dead"), "0000000000000004 deleted\n1 message deleted\n")
    same(out("delete", "--all").splitlines()[-1], "4 messages deleted")
    same(out(), "The queue is empty.\n")


@test("a message that another smtp-queue is giving up: release, delete and fail are refused")
def _():
    one = send(b"anna@example.org", [b"bob@example.net"])
    same(out("hold", one), one + " held\n")
    with open(QUEUE + "/hold/" + one) as file:
        fcntl.flock(file, fcntl.LOCK_EX)        # as the other smtp-queue does
        for verb in ("release", "delete", "fail"):
            code, text, errors = run(verb, one)
            same([code, text], [1, b""], verb, errors)
            check("another smtp-queue is giving it up just now" in errors, verb, errors)
    same(os.listdir(QUEUE + "/hold"), [one])
    same(out("release", one), one + " released\n")
    same(out("delete", one), one + " deleted\n")


@test("root becomes the owner of the queue: nothing in it becomes root's")
def _():
    if os.geteuid() != 0:
        code, _, errors = run("-o", "queue.directory=/proc/1/fd")
        return check(code == 75 and "be root" in errors, errors)
    one = send(b"alice@example.org", [b"bob@example.net"])
    for root, folders, names in os.walk(QUEUE):
        for name in folders + names:
            os.chown(os.path.join(root, name), 65534, 65534)
    os.chown(QUEUE, 65534, 65534)
    shutil.rmtree(QUEUE + "/state", ignore_errors=True)
    shutil.rmtree(QUEUE + "/hold", ignore_errors=True)
    check(out("fail", one).startswith(one + " failed"))
    bounce = out("list", "--ids").strip()
    same(out("hold", bounce), bounce + " held\n")
    owners = {os.lstat(os.path.join(root, name)).st_uid
              for root, folders, names in os.walk(QUEUE) for name in folders + names}
    same(owners, {65534})
    code, _, errors = run(user=65533, group=65533, extra_groups=[])
    same(code, 75)
    check("belongs to another user: be root, or that user" in errors, errors)
    same(out("delete", bounce), bounce + " deleted\n")


@test("hostile lines of state/ and of the configuration never reach a terminal")
def _():
    os.makedirs(QUEUE + "/state", exist_ok=True)
    os.chown(QUEUE + "/state", os.stat(QUEUE).st_uid, -1)
    until = int(time.time()) + 600
    with open(QUEUE + "/state/frozen", "wb") as file:
        for name in (b"\x1b[31mred", b"\xc2\x9b31m", b"\xe2\x80\xaeevil", b"\xff\x9b", b"a\rb"):
            file.write(b"1763787773 %d 300 1 route %s why \xe2\x80\xae%s\n" % (until, name, b"x"))
    with open(QUEUE + "/state/hosts", "wb") as file:
        for name in (b"\x1b[31m", b"\xc2\x9b31m", b"mx.example"):
            file.write(b"192.0.2.1:25 " + name + b" 12000 >35000 1763787773 0 0 0 0 0 0\n")
    for locale in ("C.UTF-8", "C"):
        for argv in (["hosts"], ["hosts", "--json"]):
            code, text, errors = run(*argv, locale=locale)
            same([code, errors], [0, ""])
            no_control(text)
        check(b"[route ?[31mred] until" in run("hosts", locale=locale)[1])
    for line in ("\x1b[2J = 1", "[\x1b[2J]", "[route \u202e\x9b31m]\nvia = \x1b]0;x\x07:y"):
        with open(DIRECTORY + "/hostile", "w") as file:
            file.write(line + "\n")
        for program in ("smtp-handler", "smtp-relay", "smtp-queue"):
            done = subprocess.run([BUILD + "/" + program, "-c", DIRECTORY + "/hostile", "--check"],
                                  capture_output=True)
            check(done.returncode == 78 and done.stderr, line, done)
            no_control(done.stderr)
    done = subprocess.run([TOOL, "--\x1b[2J"], capture_output=True)
    no_control(done.stderr)
    shutil.rmtree(QUEUE + "/state")


@test("100,000 messages: first lines at once, little memory, a closed pipe is no error")
def _():
    many = 20000 if SANITIZED else 100000
    text = forged("0000000000000000", b"alice@example.org", [b"bob@example.net"])
    ids = ["%016d" % i for i in range(many)]
    folder = QUEUE + "/wait/2000000000"
    os.makedirs(folder)
    for name in ids:
        with open(folder + "/" + name, "wb") as file:
            file.write(text.replace(b"id: 0000000000000000", b"id: " + name.encode()))
    os.chown(folder, os.stat(QUEUE).st_uid, -1)
    command = "'%s' -c '%s' list" % (TOOL, CONFIG)
    begin = time.monotonic()
    done = subprocess.run("%s | head -n 5; echo ${PIPESTATUS[1]}" % command, shell=True,
                          executable="/bin/bash", capture_output=True)
    first_s = time.monotonic() - begin
    same([done.stdout.count(b"\n"), done.stdout.split()[-1], done.stderr], [6, b"0", b""])
    begin = time.monotonic()
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    lines = out("list").splitlines()
    all_s = time.monotonic() - begin
    grown = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - before
    note("the first 5 in %.0f ms, all %d in %.2f s; %d KiB more than any child before"
         % (first_s * 1000, many, all_s, grown))
    same(len(lines), many + 2)
    check(first_s < max(0.2, all_s / 10), first_s, all_s)
    check(SANITIZED or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < 40000, before,
          grown)
    same(out("hold", "--all").splitlines()[-1], "%d messages held" % many)
    same(len(os.listdir(QUEUE + "/hold")), many)


@test("a command withdraws a request that no runner has seen")
def _():
    start()
    one = send(b"a@example.org", [b"b@example.org"])
    requests = QUEUE + "/state/requests"

    def ask(verb):
        os.makedirs(requests, exist_ok=True)
        open("%s/%s.%s" % (requests, one, verb), "w").close()

    for folder in ("cur", "wait", "hold", "dead", "state"):
        os.makedirs(QUEUE + "/" + folder, exist_ok=True)
    ask("delete")
    same(out("hold", one), one + " held\n")
    same(os.listdir(requests), [])
    ask("hold")
    same(out("release", one), one + " released\n")
    same(os.listdir(requests), [])
    for verb, words in ("hold", "hold it"), ("delete", "delete it"), ("fail", "give it up"):
        ask(verb)
        same(out("release", one), "%s released: the request to %s is withdrawn\n" % (one, words))
        same(os.listdir(requests), [])


try:
    start()
    main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
finally:
    shutil.rmtree(DIRECTORY, ignore_errors=True)
