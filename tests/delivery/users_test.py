# SPDX-License-Identifier: ISC
"""Mail for the users of this machine: smtp-maildir, and a runner with and without its rights."""
import contextlib
import glob
import os
import pwd
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time

from fake_milter import CONTINUE, FakeMilter, add
from programs import BUILD, HANDLER, RELAY, Site, fresh_directory
from tap import check, main, note, quicker_than, same, seconds, test, wait_for

if open("/proc/self/uid_map").read().split()[2] == "1":
    print("1..0 # SKIP needs root: becomes other users")
    sys.exit(0)
directory = fresh_directory()
os.chmod(directory, 0o755)
HOMES, RUN = directory + "/home", directory + "/run"
HELPER = BUILD + "/smtp-maildir"
# Root may become others here, and read no other user's files.
LEAST = ["setpriv", "--bounding-set", "-all,+setuid,+setgid", "--inh-caps", "-all"]


def own_users():
    """Users of this test alone, in a private /etc/passwd and /etc/group."""
    users = [("anna", 20001), ("ann-marie", 20102), ("ben", 20002), ("daemon2", 999),
             ("first", 1000), ("relay", 20100), ("stranger", 20101)]
    os.makedirs(HOMES)
    os.mkdir(RUN)
    os.chmod(HOMES, 0o755)
    os.chmod(RUN, 0o755)
    with open(directory + "/passwd", "w") as file:
        file.write("root:x:0:0::/root:/bin/sh\ndaemon:x:998:998::/nonexistent:/bin/false\n"
                   "nobody:x:65534:65534::/nonexistent:/bin/false\n")
        for name, uid in users:
            file.write("%s:x:%d:%d::%s/%s:/bin/sh\n" % (name, uid, uid, HOMES, name))
    with open(directory + "/group", "w") as file:
        file.write("root:x:0:\ndaemon:x:998:\nnogroup:x:65534:\nclub:x:30000:anna\n")
        for name, uid in users:
            file.write("%s:x:%d:\n" % (name, uid))
    for name in ("passwd", "group"):
        subprocess.run(["mount", "--bind", "%s/%s" % (directory, name), "/etc/" + name], check=True)
    for name, uid in users:
        os.mkdir("%s/%s" % (HOMES, name), 0o700)
        os.chown("%s/%s" % (HOMES, name), uid, uid)


own_users()
with open(directory + "/aliases", "w") as aliases:
    aliases.write("postmaster: anna\nroot: anna\n")
# The build folder may be out of reach for the users of this test.
subprocess.run(["install", "-m", "755", RELAY, HELPER, RUN], check=True)
site = Site("site", """[server]
users-socket = %s/users.sock
[relay]
maildir-socket = %s/maildir.sock
[route users.example]
via = maildir:~/Maildir
recipients = users
subaddress = +
[route alias.example]
via = maildir:~/Maildir
recipients = users
aliases = %s/aliases
[route junk.example]
via = maildir:~/Marked
junk-folder = on
[route any.example]
via = maildir:~/Maildir
[route elsewhere.example]
via = maildir:%s/{user}/other/box
recipients = users
subaddress = -
""" % (RUN, RUN, directory, HOMES), resolver="").listen()
helpers = {}


def start(name, *options, before=()):
    stop(name)
    path = "%s/%s.sock" % (RUN, name)
    log = open("%s/%s.log" % (directory, name), "a")
    helpers[name] = subprocess.Popen(
        [*before, RUN + "/smtp-maildir", "-c", site.config, *options, "--listen", path],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    check(wait_for(lambda: can_connect(path), 10), "nobody listens", helper_log(name))


def stop(name):
    if name in helpers:
        helpers[name].send_signal(signal.SIGKILL)
        helpers.pop(name).wait(10)


def can_connect(path):
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(path)
        return True
    except OSError:
        return False


def helper_log(name):
    return open("%s/%s.log" % (directory, name)).read()


def codes(*recipients):
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL FROM:<alice@sender.example>")
        return [smtp.docmd("RCPT TO:<%s>" % r)[0] for r in recipients]


def inbox(name, folder="Maildir"):
    return sorted(glob.glob("%s/%s/%s/new/*" % (HOMES, name, folder)))


def deliver(recipient, *options):
    before = set(inbox("anna") + inbox("ben") + inbox("first"))
    site.send(recipient)
    site.relay(*options)
    return [p for p in inbox("anna") + inbox("ben") + inbox("first") if p not in before]


@test("users exist, others are refused, and so are users of the system")
def _():
    start("users", "--users")
    same(codes("anna@users.example", "ANNA+list@users.example", "ben@elsewhere.example",
               "first@users.example", "postmaster@users.example", "root@alias.example"), [250] * 6)
    same(codes("annax@users.example", "anna-list@users.example", "root@users.example",
               "daemon2@users.example", "nobody@users.example", "daemon@users.example",
               "../anna@users.example", "x@alias.example"), [550] * 8)


def look_up_ms():
    """The median of 300 look-ups."""
    took = []
    for i in range(300):
        begin = time.perf_counter()
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
            s.connect(RUN + "/users.sock")
            s.send(struct.pack("<II256s", 1, i, b"anna"))
            same(s.recv(100), struct.pack("<III", 1, i, 1))
        took.append((time.perf_counter() - begin) * 1000)
    note("median %.3f ms, 95 %%: %.3f ms" % (statistics.median(took), sorted(took)[285]))
    return statistics.median(took)


def rcpt_ms():
    """How much longer RCPT takes with a look-up, in the median of 200."""
    replies = {"any.example": [], "users.example": []}
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL FROM:<alice@sender.example>")
        for _ in range(200):
            for domain, times in replies.items():
                begin = time.perf_counter()
                same(smtp.docmd("RCPT TO:<anna@%s>" % domain)[0], 250)
                times.append((time.perf_counter() - begin) * 1000)
    any_ms, users_ms = (statistics.median(times) for times in replies.values())
    note("RCPT: %.3f ms, without the question %.3f ms" % (users_ms, any_ms))
    return users_ms - any_ms


@test("a look-up takes less than 2 ms, as a rule")
def _():
    quicker_than(2, look_up_ms)
    quicker_than(2, rcpt_ms)


@test("clients that connect and do not ask keep nobody waiting for long")
def _():
    def beside_silent_ones():
        with contextlib.ExitStack() as silent:
            for _ in range(400):
                s = silent.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))
                s.connect(RUN + "/users.sock")
            return seconds(lambda: same(codes("anna@users.example", "x@users.example"),
                                        [250, 550]))

    quicker_than(1, beside_silent_ones)


@test("a session asks over one connection; if the helper ends, its clients get 451 up to the next")
def _():
    with site.smtp() as smtp:
        smtp.ehlo()
        smtp.docmd("MAIL FROM:<alice@sender.example>")
        for recipient, code in ("anna", 250), ("x", 550), ("ben", 250):
            same(smtp.docmd("RCPT TO:<%s@users.example>" % recipient)[0], code)
        start("users", "--users")
        for recipient, code in ("anna", 451), ("x", 451), ("postmaster", 250):
            same(smtp.docmd("RCPT TO:<%s@users.example>" % recipient)[0], code)
    same(codes("anna@users.example", "x@users.example"), [250, 550])


@test("the helper is down: 451 and a line in the log, and postmaster is accepted")
def _():
    stop("users")
    same(codes("anna@users.example", "x@users.example", "postmaster@users.example",
               "root@alias.example"), [451, 451, 250, 250])
    check("is smtp-users.socket started?" in site.log("handler"), site.log("handler")[-1000:])
    start("users", "--users")
    same(codes("anna@users.example", "x@users.example"), [250, 550])


@test("mail is the user's, in a home that only the user may enter; root keeps two capabilities")
def _():
    start("maildir", before=LEAST)
    path, = deliver("anna@users.example")
    entry = os.stat(path)
    same([entry.st_uid, entry.st_gid, entry.st_mode & 0o7777], [20001, 20001, 0o600])
    for folder in ("", "/tmp", "/new", "/cur"):
        entry = os.stat(HOMES + "/anna/Maildir" + folder)
        same([entry.st_uid, entry.st_gid, entry.st_mode & 0o7777], [20001, 20001, 0o700])
    text = open(path).read()
    check(text.startswith("Return-Path: <alice@sender.example>\n"
                          "Delivered-To: anna@users.example\n"), text)
    same(site.queued(), [])
    check(HOMES + "/anna/Maildir: delivered to mailbox" in site.log(), site.log()[-1000:])


@test("every group of the user counts")
def _():
    for folder in ("/club", "/club/anna"):
        os.mkdir(directory + folder)
        os.chown(directory + folder, 0, 30000)
        os.chmod(directory + folder, 0o770)
    os.symlink(directory + "/club", HOMES + "/link")
    settings = ["-o", "route club.example.via=maildir:%s/link/{user}/in" % HOMES]
    start("maildir", *settings, before=LEAST)
    site.send("anna@club.example", sender="alice@sender.example")
    site.relay(*settings)
    path, = glob.glob(directory + "/club/anna/in/new/*")
    same(os.stat(path).st_uid, 20001)


@test("user+detail, an alias, and a path with {user}")
def _():
    start("maildir", before=LEAST)
    path, = deliver("Anna+Lists@users.example")
    check("\nDelivered-To: Anna+Lists@users.example\n" in open(path).read(), open(path).read())
    same(len(deliver("postmaster@alias.example")), 1)
    deliver("ben@elsewhere.example")
    path, = inbox("ben", "other/box")
    same(os.stat(path).st_uid, 20002)


def marked(recipient, field=b"X-Spam"):
    filter = FakeMilter(directory + "/filter", {"E": add(field, b"Yes") + CONTINUE})
    done = subprocess.run(
        [HANDLER, "-c", site.config, "-o", "server.milter=" + filter.place], capture_output=True,
        input=b"EHLO c\nMAIL FROM:<>\nRCPT TO:<%s>\nDATA\nSubject: x\n\nx\n.\nQUIT\n"
        % recipient.encode(), check=True)
    check(b"queued as" in done.stdout, done.stdout, done.stderr)
    filter.close()
    site.relay()


@test("junk-folder: the user's own folder, which the user's agent makes")
def _():
    start("maildir", before=LEAST)
    marked("anna@junk.example")
    marked("anna@junk.example", b"X-Other")
    marked("anna@any.example")
    same([len(inbox("anna", folder)) for folder in ("Marked/.Junk", "Marked", "Maildir/.Junk")],
         [1, 1, 0])
    for name, mode in ((".Junk", 0o700), (".Junk/new", 0o700), (".Junk/maildirfolder", 0o600),
                       ("subscriptions", 0o600)):
        entry = os.stat("%s/anna/Marked/%s" % (HOMES, name))
        same([entry.st_uid, entry.st_gid, entry.st_mode & 0o7777], [20001, 20001, mode], name)
    same(open(HOMES + "/anna/Marked/subscriptions").read(), "V\t2\n\nJunk\n")
    check(HOMES + "/anna/Marked/.Junk: delivered to mailbox" in site.log(), site.log()[-1000:])
    os.mkdir(HOMES + "/ben/Marked")
    os.symlink(directory, HOMES + "/ben/Marked/.Junk")
    for path in HOMES + "/ben/Marked", HOMES + "/ben/Marked/.Junk":
        os.chown(path, 20002, 20002, follow_symlinks=False)
    marked("ben@junk.example")
    same(len(site.queued("wait")), 1)
    os.unlink(HOMES + "/ben/Marked/.Junk")
    site.relay("--flush")
    same([len(inbox("ben", "Marked/.Junk")), site.queued()], [1, []])


@test("a Maildir that is a link: the mail waits, and nothing is written behind it")
def _():
    os.mkdir(directory + "/victim")
    os.chown(directory + "/victim", 1000, 1000)
    os.symlink(directory + "/victim", HOMES + "/first/Maildir")
    same(deliver("first@users.example"), [])
    check("symbolic link beneath the home" in site.log() and "status=4.3.0" in site.log(),
          site.log()[-1000:])
    same(os.listdir(directory + "/victim"), [])
    os.unlink(HOMES + "/first/Maildir")
    site.relay("--flush")
    same(len(inbox("first")), 1)
    same(site.queued(), [])


@test("no such user: the sender gets a bounce that names no folder")
def _():
    site.send("x@any.example")
    site.relay()
    text = site.mailbox("alice")[-1]
    check(b"there is no such user here" in text and HOMES.encode() not in text, text)


@test("the helper takes no path that its configuration lacks")
def _():
    site.send("ben@odd.example", sender="alice@sender.example")
    site.relay("-o", "route odd.example.via=maildir:~/.ssh")
    check("smtp-maildir has no route with this via" in site.log(), site.log()[-1000:])
    same(os.path.exists(HOMES + "/ben/.ssh"), False)
    site.relay("--flush", "-o", "route odd.example.via=discard")
    same(site.queued(), [])


@test("nobody serves the socket: root delivers by itself, as the user")
def _():
    stop("maildir")
    path, = deliver("ben@any.example")
    same(os.stat(path).st_uid, 20002)


def as_runner(site_files):
    """The queue and its runner belong to the user relay."""
    subprocess.run(["chown", "-R", "relay:relay", site_files], check=True)
    subprocess.run(["chmod", "755", site_files], check=True)
    run = subprocess.run(["setpriv", "--reuid", "relay", "--regid", "relay", "--clear-groups",
                          RUN + "/smtp-relay", "-c", site.config, "--flush"],
                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=40)
    same(run.returncode, 0, run.stderr)
    return run.stderr


@test("a runner that is not root: its mail waits for the socket; its own mail does not")
def _():
    site.send(["ben@any.example", "relay@any.example"])
    log = as_runner(site.directory)
    check("status=4.4.1" in log and "systemctl enable --now smtp-maildir.socket" in log, log)
    check(len(inbox("relay")) == 1, log)
    path, = inbox("relay")
    same(os.stat(path).st_uid, 20100)
    same(len(site.queued("wait")), 1)


@test("the socket serves the owner of the queue")
def _():
    before = len(inbox("ben"))
    start("maildir", before=["setpriv", "--bounding-set", "-all,+setuid,+setgid,+chown"])

    def owner_and_mode():
        found = os.stat(RUN + "/maildir.sock")
        return [found.st_uid, found.st_mode & 0o777]

    # It is root's for a moment, and then given away.
    wait_for(lambda: owner_and_mode() == [20100, 0o600])
    same(owner_and_mode(), [20100, 0o600])
    as_runner(site.directory)
    same(len(inbox("ben")), before + 1)
    same(site.queued(), [])


@test("and nobody else, whatever the mode of the socket is")
def _():
    os.chmod(RUN + "/maildir.sock", 0o666)
    run = subprocess.run(["setpriv", "--reuid", "stranger", "--clear-groups", "--regid", "stranger",
                          "/usr/bin/python3", "-c", """
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.settimeout(10)
s.connect(sys.argv[1])
try:
    s.send(b"x")
    print(s.recv(10))
except OSError as error:
    print("closed")
""", RUN + "/maildir.sock"], capture_output=True, text=True, timeout=30)
    check(run.stdout in ("b''\n", "closed\n"), run)
    check(wait_for(lambda: "the user with uid 20101 asked for a delivery" in
                   helper_log("maildir"), 5), helper_log("maildir"))


def kill_agents(runner, most):
    """Kill up to so many processes of deliveries while the runner lives."""
    listener, killed = helpers["maildir"].pid, 0
    while killed < most and runner.poll() is None:
        with open("/proc/%d/task/%d/children" % (listener, listener)) as file:
            for child in file.read().split():
                try:
                    os.kill(int(child), signal.SIGKILL)
                    killed += 1
                except ProcessLookupError:
                    pass
    return killed


@test("kills of the runner and of the agent lose nothing, and leave no file half-written")
def _():
    subprocess.run(["chown", "-R", "root:root", site.directory], check=True)
    for path in inbox("ben"):
        os.unlink(path)
    start("maildir")
    killed = 0
    for n in range(10):
        for k in range(4):
            site.send("ben@any.example", b"Subject: kill %d\r\n\r\n" % (4 * n + k) +
                      b"x" * 60000 + b"\r\n")
        runner = site.start_relay("--flush")
        killed += kill_agents(runner, n)
        if n % 2:
            runner.kill()
        runner.wait(40)
    site.relay("--flush")
    same(site.queued(), [])
    texts = [open(path).read() for path in inbox("ben")]
    found = sorted(int(text.split("Subject: kill ")[1].split()[0]) for text in texts)
    same(sorted(set(found)), list(range(40)))
    check(all(text.endswith("x" * 60000 + "\n") for text in texts))
    check(killed > 0, "nothing was killed")
    note("%d kills, %d copies of 40" % (killed, len(found)))


@test("--explain names the user, or why there is none")
def _():
    check("mailbox     %s/anna/Maildir, written as the user anna" % HOMES in
          site.explain("Anna+x@users.example"), site.explain("Anna+x@users.example"))
    check("there is no such user here (5.1.1)" in site.explain("x@users.example"))
    check("junk        marked messages go to the folder .Junk\n" in
          site.explain("anna@junk.example"), site.explain("anna@junk.example"))
    check("junk " not in site.explain("anna@users.example"))
    check("a user of the system" in site.explain("daemon2@users.example"))
    check("mailbox     %s/ben/other/box, written as" % HOMES in
          site.explain("ben@elsewhere.example"))
    for who, user in (("ann-marie", "ann-marie"), ("ben-x", "ben")):
        check("mailbox     %s/%s/other/box, written as the user %s\n" % (HOMES, user, user) in
              site.explain(who + "@elsewhere.example"), site.explain(who + "@elsewhere.example"))


@test("a user whose name has the delimiter comes before user-detail")
def _():
    same(codes("ann-marie@elsewhere.example", "ben-x@elsewhere.example",
               "x-ben@elsewhere.example"), [250, 250, 550])
    site.send(["ann-marie@elsewhere.example", "ben-x@elsewhere.example"])
    before = len(inbox("ben", "other/box"))
    site.relay()
    same([len(inbox("ann-marie", "other/box")), len(inbox("ben", "other/box")) - before], [1, 1])


def after(failed):
    for name in list(helpers):
        if failed:
            note(helper_log(name))
        stop(name)
    site.keep_queue_note(failed)


same(pwd.getpwnam("anna").pw_uid, 20001)
main(after)
