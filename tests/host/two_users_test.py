#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A queue of two users: smtp-handler hands messages in, smtp-relay owns the queue."""
import ctypes
import json
import os
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from fake_milter import CONTINUE, FakeMilter, add, body  # noqa: E402
from tap import check, main, same, test, wait_for  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-two-users-test.%d" % os.getpid()
QUEUE, CONFIG = DIRECTORY + "/queue", DIRECTORY + "/config"
HANDLER, RELAY, ANNA = 64997, 64998, 64999
NAMES = {HANDLER: "smtp-handler", RELAY: "smtp-relay", ANNA: "anna", 0: "root"}
FOLDERS = ["tmp", "new", "cur", "wait", "hold", "dead", "state"]
SESSION = ("HELO c\nMAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n"
           "Subject: x\n\nHello.\n.\nQUIT\n")

if os.geteuid() != 0:
    print("1..0 # SKIP needs root: several users")
    sys.exit(0)
if "TWO_USERS_INSIDE" not in os.environ:
    os.environ["TWO_USERS_INSIDE"] = "yes"
    os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", "--pid", "--fork",
                          "--kill-child", "--mount-proc", *sys.argv])


def users(*uids):
    """From now on this machine has these users."""
    for name, line in (("passwd", "%s:x:%d:%d::/nonexistent:/bin/sh\n"), ("group", "%s:x:%d:\n")):
        with open("%s/%s" % (DIRECTORY, name), "w") as file:
            for uid in (0,) + uids:
                file.write(line % ((NAMES[uid], uid, uid) if name == "passwd"
                                   else (NAMES[uid], uid)))


def fresh(config=""):
    """No queue, two users."""
    for path in (QUEUE, DIRECTORY + "/bin"):
        shutil.rmtree(path, ignore_errors=True)
    os.makedirs(DIRECTORY + "/bin")
    os.chmod(DIRECTORY, 0o755)
    for program in ("smtp-handler", "smtp-relay", "smtp-queue"):
        shutil.copy(BUILD + "/" + program, DIRECTORY + "/bin")
    users(HANDLER, RELAY, ANNA)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\n[server]\ntrusted = local\nhostname = h.example\n"
                   "[route d.example]\nvia = discard\n%s" % (QUEUE, config))


def as_user(uid, argv, **more):
    """Run a command as systemd does for User=: with the groups of that user."""
    more.setdefault("input", "")
    if uid:
        more.update(user=uid, group=uid, extra_groups=[])
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, **more)


def run(uid, program, *argv, **more):
    return as_user(uid, [DIRECTORY + "/bin/" + program, "-c", CONFIG, *argv], **more)


def send(uid=HANDLER, session=SESSION):
    done = run(uid, "smtp-handler", input=session)
    check("queued as" in done.stdout, done.stdout, done.stderr)
    return done.stdout.split("queued as ")[1].split()[0]


def look(path=""):
    """Owner, group and mode."""
    st = os.lstat(os.path.join(QUEUE, path))
    return (NAMES.get(st.st_uid, st.st_uid), NAMES.get(st.st_gid, st.st_gid),
            "%04o" % (st.st_mode & 0o7777))


def dial(port):
    try:
        return socket.create_connection(("127.0.0.1", port))
    except OSError:
        return None


def names(folder):
    return os.listdir(QUEUE + "/" + folder)


def fsck(uid, *argv):
    done = run(uid, "smtp-queue", "fsck", "--json", *argv)
    return done.returncode, {one["path"]: one for one in map(json.loads, done.stdout.splitlines())}


GATE = ("smtp-relay", "smtp-handler", "0710")
DROP = ("smtp-relay", "smtp-relay", "3773")
PRIVATE = ("smtp-relay", "smtp-relay", "0700")
HANDED = ("smtp-handler", "smtp-relay", "0060")
LAYOUT = {"": GATE, "tmp": DROP, "new": DROP,
          **{name: PRIVATE for name in ("cur", "wait", "hold", "dead", "state")}}


def layout():
    return {path: look(path) for path in LAYOUT if os.path.exists(QUEUE + "/" + path)}


@test("a new queue that root makes has two users, whichever program makes it")
def _():
    for program, *argv in (["smtp-handler"], ["smtp-relay"], ["smtp-relay", "--flush"],
                           ["smtp-queue", "retry", "--all"]):
        fresh()
        done = run(0, program, *argv, input=SESSION if program == "smtp-handler" else "")
        same(done.returncode, 0, program, done.stderr)
        if program == "smtp-handler":
            check("queued as" in done.stdout, done.stdout, done.stderr)
            same(look("new/" + names("new")[0]), HANDED)
        same(layout(), {path: LAYOUT[path] for path in layout()}, program, argv)
        done = run(RELAY, "smtp-relay")
        same([done.returncode, layout(), names("new"), names("cur")], [0, LAYOUT, [], []],
             done.stderr)
        same(fsck(RELAY), (0, {}))


def other_machine(*argv):
    """smtp-relay of a machine with another name."""
    return as_user(0, ["unshare", "--uts", "sh", "-c", 'hostname other; exec "$@"', "sh",
                       DIRECTORY + "/bin/smtp-relay", "-c", CONFIG, *argv])


@test("both users renew one lease, whoever makes it; another machine takes it from both")
def _():
    for first in HANDLER, RELAY:
        fresh("[queue]\nmin-free = 0\n")
        run(0, "smtp-relay")
        with open(CONFIG, "a") as file:
            file.write("lease = 1s\n")
        if first == HANDLER:
            send()
        done = run(RELAY, "smtp-relay")
        same(done.returncode, 0, done.stderr)
        same(look("tmp/lease"), (NAMES[first], "smtp-relay", "0666"))
        time.sleep(0.3)                 # a quarter of the term: this session renews it
        send()
        same(fsck(0), (0, {}))
        done = other_machine("--adopt", QUEUE, "--fenced")
        same([done.returncode, look("tmp/lease")], [0, ("smtp-relay", "smtp-relay", "0666")],
             done.stderr)
        same([names("new"), names("cur")], [[], []])
        done = run(HANDLER, "smtp-handler", input=SESSION)
        check(done.stdout.startswith("421 4.3.2"), done.stdout, done.stderr)
        done = run(0, "smtp-queue", "retry", "--all")
        same([done.returncode, "smtp-relay --take-back" in done.stderr], [75, True], done.stderr)
        same(run(0, "smtp-relay", "--take-back").returncode, 0)
        send()
        same(run(0, "smtp-queue", "retry", "--all").returncode, 0)


@test("a filter edits a message that the handler hands in, and may not keep")
def _():
    for size in (1, 40000):
        fresh()
        run(0, "smtp-relay")
        filter = FakeMilter(DIRECTORY + "/filter", {
            "E": add(b"X-Edited", b"yes") + body(b"new\r\n") + CONTINUE})
        with open(CONFIG, "a") as file:
            file.write("[server]\nmilter = %s\n" % filter.place)
        send(session=SESSION.replace("Hello.\n", "Hello.\n" * size))
        same([look("new/" + name) for name in names("new")], [HANDED])
        same(names("tmp").count("logins"), len(names("tmp")))
        with open(QUEUE + "/new/" + names("new")[0]) as file:
            check("X-Edited: yes\n\nnew\n" in file.read())
        same(fsck(RELAY), (0, {}))
        filter.close()


@test("with one user of the service, or none, the queue has one user")
def _():
    for uids, owner in (((HANDLER,), "smtp-handler"), ((RELAY,), "smtp-relay"), ((), "root")):
        fresh()
        users(*uids)
        done = run(0, "smtp-handler", input=SESSION)
        check("queued as" in done.stdout, done.stdout, done.stderr)
        same({path: (who, mode) for path, (who, _, mode) in layout().items()},
             {path: (owner, "0700") for path in layout()})
        same(look("new/" + names("new")[0])[::2], (owner, "0600"))


@test("a session of smtp-handler queues, a run of smtp-relay delivers")
def _():
    fresh()
    run(0, "smtp-relay")
    one = send()
    same(look("new/" + one), HANDED)
    same([names("tmp"), fsck(RELAY)], [[], (0, {})])
    done = run(RELAY, "smtp-relay")
    same([done.returncode, names("new"), names("cur")], [0, [], []], done.stderr)


@test("root's handler is smtp-handler, root's relay and smtp-queue are smtp-relay")
def _():
    fresh("[route wait.example]\nvia = smtp://127.0.0.1:9\n")
    run(0, "smtp-relay")
    one = send(0, SESSION.replace("c@d.example", "c@wait.example"))
    same(look("new/" + one), HANDED)
    same(run(0, "smtp-relay").returncode, 0)
    folder = "wait/" + names("wait")[0]
    same([look(folder), look("%s/%s" % (folder, one))], [PRIVATE, HANDED])
    same(run(0, "smtp-queue", "hold", one).returncode, 0)
    same(look("hold/" + one), HANDED)
    check(one in run(RELAY, "smtp-queue", "show", one).stdout)
    same(fsck(0), (0, {}))
    same(run(0, "smtp-queue", "fail", one).returncode, 0)
    same({name for name in map(look, ("state/" + name for name in names("state")))},
         {("smtp-relay", "smtp-relay", "0600"), PRIVATE}
         if os.path.isdir(QUEUE + "/state/requests") else {("smtp-relay", "smtp-relay", "0600")})


@test("a notice of the relay is the relay's own file")
def _():
    fresh()
    run(0, "smtp-relay")
    one = send()
    same(run(0, "smtp-queue", "fail", one).returncode, 0)
    run(RELAY, "smtp-relay", "-o", "route b.example.via=smtp://127.0.0.1:9")
    folder = "wait/" + names("wait")[0]
    same([look(folder + "/" + name) for name in names(folder)],
         [("smtp-relay", "smtp-relay", "0600")])


# What a taken-over handler can do, by Python in its place: all of it fails but what it must do.
INSIDE = """
import os, sys
queue, one, own = sys.argv[1:]
def may(what, *argv):
    try:
        what(*argv)
        return True
    except OSError:
        return False
for folder in ("", "tmp", "new", "cur", "wait", "hold", "dead", "state"):
    if may(os.listdir, queue + "/" + folder):
        print("lists", folder)
    if may(os.fsync, os.open(queue + "/" + folder, os.O_PATH)):
        print("syncs", folder)
for folder in ("cur", "wait", "hold", "dead", "state", ""):
    path = queue + "/" + folder + "/x"
    if may(os.open, path, os.O_CREAT | os.O_WRONLY, 0o600) or may(os.mkdir, path):
        print("makes in", folder)
    for name in (one, own, "lock", "hosts"):
        if may(os.stat, queue + "/" + folder + "/" + name):
            print("sees", folder + "/" + name)
for folder in ("tmp", "new"):
    for name in (one, own):
        path = queue + "/" + folder + "/" + name
        for flags in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_NONBLOCK):
            if may(os.open, path, flags):
                print("opens", folder + "/" + name)
for path in ("tmp", "new", "cur", ""):
    if may(os.chmod, queue + "/" + path, 0o777) or may(os.rmdir, queue + "/" + path):
        print("changes", path)
for name in (one,):
    path = queue + "/new/" + name
    for what in ((os.unlink, path), (os.rename, path, queue + "/tmp/y"), (os.chmod, path, 0o666),
                 (os.link, path, queue + "/tmp/z"), (os.truncate, path, 0)):
        if may(*what):
            print("alters", name, what[0].__name__)
fd = os.open(queue + "/tmp/w", os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o060)
os.rename(queue + "/tmp/w", queue + "/new/w")
os.unlink(queue + "/new/w")
print("done")
"""


@test("as smtp-handler: no list, no file of the queue opens again, no other folder is in reach")
def _():
    fresh()
    run(0, "smtp-relay")
    own = send()
    with open(QUEUE + "/new/0000000000000001", "w"):		# a notice of the relay, say
        pass
    os.chown(QUEUE + "/new/0000000000000001", RELAY, RELAY)
    os.chmod(QUEUE + "/new/0000000000000001", 0o600)
    done = as_user(HANDLER, [sys.executable, "-c", INSIDE, QUEUE, "0000000000000001", own])
    same([done.stdout, done.stderr], ["done\n", ""])


@test("root's listener is smtp-handler in each process, with its groups alone")
def _():
    fresh()
    run(0, "smtp-relay")
    listener = subprocess.Popen([DIRECTORY + "/bin/smtp-handler", "-c", CONFIG, "--listen",
                                 "127.0.0.1:1023", "-o", "server.trusted=127.0.0.1"],
                                stderr=subprocess.DEVNULL)
    try:
        client = wait_for(lambda: dial(1023))
        file = client.makefile("rwb")
        file.write(SESSION.split("QUIT")[0].replace("\n", "\r\n").encode())
        file.flush()
        check(wait_for(lambda: names("new")))
        with open("/proc/%d/task/%d/children" % (listener.pid, listener.pid)) as children:
            pids = [listener.pid] + [int(pid) for pid in children.read().split()]
        same(len(pids), 2)
        for pid in pids:
            with open("/proc/%d/status" % pid) as status:
                own = {line.split()[0]: set(line.split()[1:]) for line in status}
            same([own["Uid:"], own["Gid:"], own["Groups:"], own["CapEff:"]],
                 [{str(HANDLER)}, {str(HANDLER)}, {str(HANDLER)}, {"0000000000000000"}])
            for fd in os.listdir("/proc/%d/fd" % pid):
                path = os.readlink("/proc/%d/fd/%s" % (pid, fd))
                with open("/proc/%d/fdinfo/%s" % (pid, fd)) as info:
                    flags = int(info.read().split("flags:")[1].split()[0], 8)
                check(not path.startswith(QUEUE) or flags & os.O_PATH, path)
        same(look("new/" + names("new")[0]), HANDED)
        client.close()
    finally:
        listener.terminate()
        listener.wait()


@test("another user passes the gate neither for a session nor to look")
def _():
    fresh()
    run(0, "smtp-relay")
    done = run(ANNA, "smtp-handler", input=SESSION)
    check("\n451 " in done.stdout, done.stdout)
    check("start it as root or as the user smtp-handler" in done.stderr, done.stderr)
    done = run(ANNA, "smtp-relay")
    same(done.returncode, 75)
    check("start it as root or as the user smtp-relay" in done.stderr, done.stderr)
    same([run(ANNA, "smtp-queue").returncode, run(HANDLER, "smtp-queue").returncode], [75, 75])
    same(as_user(ANNA, ["ls", QUEUE + "/tmp"]).returncode, 2)


@test("any user runs smtp-handler on a queue of his own, with one user")
def _():
    fresh()
    own = DIRECTORY + "/anna"
    os.mkdir(own)
    os.chown(own, ANNA, ANNA)
    option = ["-o", "queue.directory=%s/q" % own]
    done = run(ANNA, "smtp-handler", *option, input=SESSION)
    check("queued as" in done.stdout, done.stderr)
    done = run(ANNA, "smtp-relay", *option)
    same(run(ANNA, "smtp-queue", "fsck", *option).returncode, 0)
    same([done.returncode, os.listdir(own + "/q/new"), os.stat(own + "/q").st_mode & 0o7777],
         [0, [], 0o700], done.stderr)
    shutil.rmtree(own)


@test("a message that is being received is the relay's to recover, when its writer is gone")
def _():
    fresh()
    run(0, "smtp-relay")
    session = subprocess.Popen([DIRECTORY + "/bin/smtp-handler", "-c", CONFIG],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True, user=HANDLER, group=HANDLER,
                               extra_groups=[])
    session.stdin.write(SESSION.split("Subject")[0] + "x" * 900 + "\n" + ("x" * 900 + "\n") * 200)
    session.stdin.flush()
    for _ in range(100):
        if names("tmp"):
            break
        time.sleep(0.05)
    one = names("tmp")[0]
    same(look("tmp/" + one), HANDED)
    same(run(RELAY, "smtp-relay").returncode, 0)
    same(names("tmp"), [one])
    session.kill()
    session.wait()
    same(run(RELAY, "smtp-relay").returncode, 0)
    same(names("tmp"), [])


@test("sessions and runs that are killed: each acknowledged message is delivered")
def _():
    mail = DIRECTORY + "/mail"
    fresh("[server]\nmax-messages = 1000\n[route m.example]\nvia = maildir:%s\n" % mail)
    os.mkdir(mail, 0o700)
    os.chown(mail, RELAY, RELAY)
    run(0, "smtp-relay")
    one = SESSION.split("HELO c\n")[1].replace("QUIT\n", "").replace("c@d", "c@m")
    queued = []
    for turn in range(25):
        relay = subprocess.Popen([DIRECTORY + "/bin/smtp-relay", "-c", CONFIG],
                                 stderr=subprocess.DEVNULL, user=RELAY, group=RELAY,
                                 extra_groups=[])
        session = subprocess.Popen([DIRECTORY + "/bin/smtp-handler", "-c", CONFIG], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.DEVNULL, user=HANDLER, group=HANDLER,
                                   extra_groups=[])
        session.stdin.write("HELO c\n" + one * 30)
        session.stdin.flush()
        # Some programs take long to start, such as those with sanitizers.
        same(session.stdout.readline()[:4], "220 ")
        time.sleep(0.004 * turn)
        session.kill()
        relay.kill()
        queued += [line.split()[-1] for line in session.stdout if "queued as" in line]
        session.wait()
        relay.wait()
    check(len(queued) > 50, len(queued))
    done = run(RELAY, "smtp-relay")
    got = as_user(0, ["cat"] + [mail + "/new/" + name for name in os.listdir(mail + "/new")]).stdout
    same([done.returncode, [id_ for id_ in queued if " id " + id_ not in got]], [0, []])
    same([[names(folder) for folder in ("tmp", "new", "cur")], fsck(RELAY)],
         [[[], [], []], (0, {})])
    shutil.rmtree(mail)


@test("root in a namespace without the two users makes a queue of its own")
def _():
    fresh()
    own = DIRECTORY + "/anna"
    os.mkdir(own)
    os.chown(own, ANNA, ANNA)
    done = as_user(ANNA, ["unshare", "--user", "--map-root-user", DIRECTORY + "/bin/smtp-handler",
                          "-c", CONFIG, "-o", "queue.directory=%s/q" % own], input=SESSION)
    check("queued as" in done.stdout, done.stdout, done.stderr)
    same(os.stat(own + "/q").st_uid, ANNA)
    shutil.rmtree(own)


def calls(uid, options=(), messages=10):
    """The system calls of one session of so many messages, by strace."""
    out = DIRECTORY + "/strace"
    text = SESSION.replace("QUIT\n", "") + "".join(
        SESSION.split("HELO c\n")[1].replace("QUIT\n", "") for _ in range(messages - 1)) + "QUIT\n"
    as_user(0, ["strace", "-u", NAMES[uid], "-f", "-o", out, DIRECTORY + "/bin/smtp-handler", "-c",
                CONFIG, *options], input=text)
    with open(out) as file:
        return [line.split("(")[0].split()[-1] for line in file if "(" in line]


@test("a message costs no system call more than with one user")
def _():
    if not shutil.which("strace"):
        check(True)
        return
    fresh("[server]\nmax-messages = 1000\n")
    run(0, "smtp-relay")
    two = [len(calls(HANDLER, messages=n)) for n in (10, 110)]
    shutil.rmtree(QUEUE)
    os.mkdir(QUEUE, 0o700)
    os.chown(QUEUE, HANDLER, HANDLER)
    calls(HANDLER, messages=1)          # makes the folders
    one = [len(calls(HANDLER, messages=n)) for n in (10, 110)]
    same(len(names("new")), 121)
    check((two[1] - two[0]) - (one[1] - one[0]) <= 0, one, two)


# fsck.

def wrong(name, path, spoil, words, who=0, repaired=True):
    @test("fsck: " + name)
    def _():
        fresh()
        run(0, "smtp-relay")
        one = send()
        where = path.replace("ID", one)
        before = look("" if where == "." else where)
        spoil(QUEUE + "/" + where)
        for uid in (0, RELAY):
            code, found = fsck(uid)
            same([code, list(found)], [1, [where]], found)
            check(words in found[where]["fault"], found)
        code, found = fsck(who, "--repair")
        same([code, found[where]["repaired"]], [0, True], found)
        same([look("" if where == "." else where), fsck(RELAY)], [before, (0, {})])
        same([run(RELAY, "smtp-relay").returncode, names("new")], [0, []])
    return _


def chown(uid, gid):
    return lambda path: os.chown(path, uid, gid)


def chmod(mode):
    return lambda path: os.chmod(path, mode)


def old_file(path):
    os.chown(path, HANDLER, HANDLER)
    os.chmod(path, 0o600)


NEED = "has not the group and mode that the two users need"
wrong("the gate is closed to the handler", ".", chmod(0o700), NEED, RELAY)
wrong("the gate has another group", ".", chown(RELAY, RELAY), NEED)
wrong("everybody passes the gate", ".", chmod(0o711), NEED, RELAY)
wrong("tmp/ is closed to the handler", "tmp", chmod(0o700), NEED, RELAY)
wrong("the handler can list new/", "new", chmod(0o3777), NEED, RELAY)
wrong("new/ is not setgid", "new", chmod(0o1773), NEED, RELAY)
wrong("new/ belongs to the handler", "new", chown(HANDLER, RELAY), "smtp-handler")
wrong("a message of the release with one user", "new/ID", old_file, "smtp-handler's alone")
wrong("a message that the handler can open", "new/ID", chmod(0o660), "smtp-handler's alone")
wrong("a message of another group", "new/ID", chown(HANDLER, HANDLER), "smtp-handler's alone")


@test("fsck: the counter of logins stays the handler's")
def _():
    fresh()
    run(0, "smtp-relay")
    for uid, mode in ((HANDLER, 0o600), (RELAY, 0o600), (0, 0o644)):
        with open(QUEUE + "/tmp/logins", "w"):
            pass
        os.chown(QUEUE + "/tmp/logins", uid, uid)
        os.chmod(QUEUE + "/tmp/logins", mode)
        fsck(0, "--repair")
        same([look("tmp/logins")[::2], fsck(RELAY)], [("smtp-handler", "0600"), (0, {})])


# The upgrade of a queue with one user, and mail of its handler that still runs.

def old_queue():
    """A queue of smtp-handler's, as a release with one user leaves it; the IDs of its messages."""
    fresh("[route wait.example]\nvia = smtp://127.0.0.1:9\n")
    users(HANDLER)
    ids = {}
    run(0, "smtp-relay")
    for folder in ("wait", "hold", "cur", "tmp", "new"):
        ids[folder] = send(HANDLER, SESSION.replace("d.example", "wait.example")
                           if folder == "wait" else SESSION)
        if folder == "wait":
            run(HANDLER, "smtp-relay", "-o", "queue.retry-min=1", "-o", "queue.retry-max=2")
        elif folder != "new":
            os.rename(QUEUE + "/new/" + ids[folder], "%s/%s/%s" % (QUEUE, folder, ids[folder]))
    users(HANDLER, RELAY, ANNA)
    same({look(os.path.join(root, name))[0] for root, folders, files in os.walk(QUEUE)
          for name in folders + files}, {"smtp-handler"})
    same(look()[::2], ("smtp-handler", "0700"))
    return ids


def tmpfiles():
    """As systemd-tmpfiles does with units/tmpfiles.d."""
    with open("units/tmpfiles.d/smtp-handler.conf") as file:
        for line in file:
            if line.startswith("d /var/spool/"):
                _, path, mode, user, group, _ = line.split()
                path = path.replace("/var/spool/smtp-handler", QUEUE)
                os.chown(path, *({name: uid for uid, name in NAMES.items()}[who]
                                 for who in (user, group)))
                os.chmod(path, int(mode, 8))
    same(layout(), LAYOUT)


def deliver_all(ids, receiving=()):
    """All is delivered by smtp-relay, with the repair that its unit makes after exit status 75."""
    log = ""
    for _ in range(3):
        done = run(RELAY, "smtp-relay", "-o", "route wait.example.via=discard")
        log += done.stderr
        if done.returncode == 0:
            break
        same(done.returncode, 75, log)
        done = run(0, "smtp-queue", "fsck", "--owners", "--repair")
        same(done.returncode, 0, done.stdout, done.stderr)
    same([[one for one in names(folder) if one not in receiving]
          for folder in ("tmp", "new", "cur", "wait")], [[], [], [], []], log)
    same([layout(), names("hold"), fsck(RELAY)], [LAYOUT, [ids["hold"]], (0, {})])
    run(RELAY, "smtp-queue", "release", ids["hold"])
    same([run(RELAY, "smtp-relay").returncode, names("new")], [0, []])


@test("upgrade: the new runner comes first, on the old queue")
def _():
    ids = old_queue()
    time.sleep(2.1)
    deliver_all(ids)


@test("upgrade: systemd-tmpfiles comes first")
def _():
    ids = old_queue()
    time.sleep(2.1)
    tmpfiles()
    deliver_all(ids)


@test("upgrade: a runner that began before it ends, and the new one has all")
def _():
    ids = old_queue()
    users(HANDLER)
    old = subprocess.Popen([DIRECTORY + "/bin/smtp-relay", "-c", CONFIG, "--watch",
                            "-o", "queue.retry-min=1", "-o", "queue.retry-max=2"],
                           stderr=subprocess.DEVNULL, user=HANDLER, group=HANDLER, extra_groups=[])
    wait_for(lambda: not names("new") and not names("cur"))
    users(HANDLER, RELAY, ANNA)
    tmpfiles()
    send()
    time.sleep(0.5)
    old.terminate()
    old.wait(60)
    same(len(names("new") + names("cur")), 1)
    time.sleep(2.5)
    deliver_all(ids)


@test("upgrade: the new handler comes first, and uses the old queue as its only user")
def _():
    old_queue()
    one = send()
    same(look("new/" + one), ("smtp-handler", "smtp-handler", "0600"))
    same([run(RELAY, "smtp-relay").returncode, run(0, "smtp-queue", "fsck", "--owners",
                                                   "--repair").returncode], [75, 0])
    same([look("new/" + one), look()], [HANDED, GATE])


def old_session(text):
    """A session with the old rights: it has the folders open for reading, and makes 0600 files."""
    return subprocess.Popen([DIRECTORY + "/bin/smtp-handler", "-c", CONFIG],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, text=True, user=HANDLER, group=HANDLER,
                            extra_groups=[])


@test("upgrade: mail for a Maildir of smtp-handler's waits until it is smtp-relay's")
def _():
    mail = DIRECTORY + "/mail"
    fresh("[route m.example]\nvia = maildir:%s\n" % mail)
    run(0, "smtp-relay")
    for path in (mail, mail + "/tmp", mail + "/new", mail + "/cur"):
        os.mkdir(path, 0o700)
        os.chown(path, HANDLER, HANDLER)
    send(HANDLER, SESSION.replace("c@d", "c@m"))
    done = run(RELAY, "smtp-relay", "-o", "queue.retry-min=1", "-o", "queue.retry-max=2")
    check("deferred" in done.stderr and "failed" not in done.stderr, done.stderr)
    same(len(names("wait")), 1)
    with open("CHANGES.md") as file:
        typed = next(line.strip() for line in file if "find /var/mail/anna" in line)
    as_user(0, ["sh", "-ec", typed.replace("sudo ", "").replace("/var/mail/anna", mail)])
    time.sleep(2.1)
    same([run(RELAY, "smtp-relay").returncode, len(os.listdir(mail + "/new"))], [0, 1])
    shutil.rmtree(mail)


@test("upgrade: sessions that began before it end in order; each message is there once")
def _():
    for point in ("HELO", "DATA", "text"):
        ids = old_queue()
        time.sleep(2.1)
        session = old_session(SESSION)
        first = {"HELO": "HELO c\n", "DATA": SESSION.split("Subject")[0],
                 "text": SESSION.split("Subject")[0] + ("x" * 900 + "\n") * 200}[point]
        session.stdin.write(first)
        session.stdin.flush()
        until = time.monotonic() + 10
        while time.monotonic() < until:		# the kernel has taken all, and so has the session
            if point != "text" and session.poll() is None:
                time.sleep(0.3)
                break
            if set(names("tmp")) - {ids["tmp"]}:
                time.sleep(0.3)
                break
            time.sleep(0.02)
        deliver_all(ids, set(names("tmp")) - {ids["tmp"]})
        rest = SESSION[len("HELO c\n"):] if point == "HELO" else "Subject: x\n\nHello.\n.\nQUIT\n"
        out, _ = session.communicate(rest, timeout=30)
        check("queued as" in out, point, out)
        one = out.split("queued as ")[1].split()[0]
        same(names("new"), [one])
        if run(RELAY, "smtp-relay").returncode == 75:
            same(run(0, "smtp-queue", "fsck", "--owners", "--repair").returncode, 0)
            same(run(RELAY, "smtp-relay").returncode, 0)
        same([names("new"), names("cur"), names("tmp")], [[], [], []])


@test("back to a release with one user: refused with the reason, or all is delivered as it says")
def _():
    fresh("[route wait.example]\nvia = smtp://127.0.0.1:9\n")
    run(0, "smtp-relay")
    send(HANDLER, SESSION.replace("d.example", "wait.example"))
    run(RELAY, "smtp-relay", "-o", "queue.retry-min=1", "-o", "queue.retry-max=2")
    send()
    users(HANDLER)	# this release, where it knows one user, does what the old one does
    done = run(HANDLER, "smtp-relay")
    same(done.returncode, 75)
    check("Permission denied" in done.stderr, done.stderr)
    with open("man/smtp-handler-queue.5") as file:
        typed = [line[2:].strip() for line in file if line.startswith("# ")]
    check(len(typed) == 3, typed)
    users(HANDLER, RELAY, ANNA)
    as_user(0, ["sh", "-ec", "\n".join(typed).replace("/var/spool/smtp-handler", QUEUE)])
    same({look(os.path.join(root, name))[::2] for root, folders, files in os.walk(QUEUE)
          for name in files}, {("smtp-handler", "0600")})
    users(HANDLER)
    time.sleep(2.1)
    done = run(HANDLER, "smtp-relay", "-o", "route wait.example.via=discard")
    same([done.returncode, done.stderr.count("delivered"), names("new"), names("wait")],
         [0, 2, [], []], done.stderr)


@test("fsck --owners --repair leaves files that belong to neither user")
def _():
    fresh()
    run(0, "smtp-relay")
    one = send()
    os.chown(QUEUE + "/new/" + one, ANNA, ANNA)
    os.chown(QUEUE + "/hold", HANDLER, HANDLER)
    code, found = fsck(0, "--owners", "--repair")
    same([code, found["new/" + one]["repaired"], found["hold"]["repaired"]], [1, False, True])
    same([look("new/" + one)[0], look("hold")], ["anna", PRIVATE])
    code, found = fsck(0, "--repair")
    same([code, look("new/" + one)], [0, ("smtp-relay", "smtp-relay", "0600")])


@test("--check by root: the handler's lists with its eyes, the password with the relay's")
def _():
    fresh()
    run(0, "smtp-relay")
    secret, aliases = DIRECTORY + "/password", DIRECTORY + "/aliases"
    for path in (secret, aliases):
        with open(path, "w") as file:
            file.write("x: y@d.example\n")
    with open(CONFIG, "a") as file:
        file.write("[route e.example]\nvia = smtps://s.example\nuser = u\npassword-file = %s\n"
                   "[route f.example]\nvia = discard\naliases = %s\n" % (secret, aliases))
    for uid, mode in ((RELAY, 0o600), (HANDLER, 0o600)):
        os.chown(secret, uid, uid)
        os.chmod(secret, mode)
        os.chmod(aliases, 0o644)
        same(run(0, "smtp-handler", "--check").returncode, 0)
        same(run(0, "smtp-relay", "--check").returncode, 0 if uid == RELAY else 78)
    os.chown(secret, RELAY, RELAY)
    os.chmod(aliases, 0o600)
    for uid, codes in ((HANDLER, (0, 78)), (RELAY, (78, 0))):
        os.chown(aliases, uid, uid)
        same((run(0, "smtp-handler", "--check").returncode,
              run(0, "smtp-relay", "--check").returncode), codes)
    os.unlink(secret)
    os.unlink(aliases)


os.makedirs(DIRECTORY, exist_ok=True)
users(HANDLER, RELAY, ANNA)
for each in ("passwd", "group"):
    subprocess.run(["mount", "--bind", DIRECTORY + "/" + each, "/etc/" + each], check=True)
ctypes.CDLL(None).umask(0o22)
main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
