# SPDX-License-Identifier: ISC
"""Damaged files of the queue and of its state, under fsck, a run of the runner and smtp-queue.

A lot is a queue of many damaged files and of some whole messages.  All programs run over it.  None
crashes, hangs, or ends otherwise than it may; whole messages are delivered or stay where they are;
no file is lost but those that may be.  If a lot fails, it is cut in halves until the file that does
it is found; its folder in findings/ has what is needed to try it again, by HOSTILE_REPLAY.

HOSTILE_FILES is the number of files (make hostile-files: 1,000,000, under sanitizers), HOSTILE_LOT
that of a lot, HOSTILE_JOBS the number of lots at a time.  A run that was stopped goes on.
"""
import fcntl
import json
import os
import random
import re
import resource
import shutil
import subprocess
import sys
import time
import traceback

from damage import ID, Spoiled, Spoiler, damage
from programs import BUILD, HANDLER, PLAIN_CONFIG, RELAY, fresh_directory
from tap import Failure, check, main, note, same, test

FILES = int(os.environ.get("HOSTILE_FILES", "300"))
LOT = min(int(os.environ.get("HOSTILE_LOT", "8000")), FILES)    # files of a queue
JOBS = int(os.environ.get("HOSTILE_JOBS", "1"))
KEEP = BUILD + "/hostile-files"
QUEUE_TOOL = BUILD + "/smtp-queue"
REAL_ROOT = os.getuid() == 0 and " 4294967295" in open("/proc/self/uid_map").read()
OWNER = 54321 if REAL_ROOT else 0       # of the queue: the modes of files mean nothing to root
STEP_S = 240            # the longest time of one program
FINDINGS_MAX = 20
FOLDERS = ("tmp", "new", "cur", "wait", "hold", "dead", "state", "stats")
spent = {}              # seconds of a processor, by program
# A process starts and forks faster with a small quarantine and short stacks of allocations.
os.environ["ASAN_OPTIONS"] = ":".join(("exitcode=99", "detect_leaks=0", "quarantine_size_mb=2",
                                       "malloc_context_size=3", os.environ.get("ASAN_OPTIONS", "")))
os.environ["UBSAN_OPTIONS"] = "exitcode=99:print_stacktrace=1"


class Site:
    """A configuration, a queue and mailboxes."""

    def __init__(self, name):
        self.directory = fresh_directory(name)
        if REAL_ROOT:           # what syncs costs nothing there
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "none", self.directory],
                           check=False)
        self.queue, self.mail = self.directory + "/queue", self.directory + "/mail"
        self.config = self.directory + "/config"
        with open(self.config, "w") as out:
            out.write(CONFIG % (self.queue, self.mail))


CONFIG = """[queue]
directory = %s
lifetime = 365d
""" + PLAIN_CONFIG.replace("retry-min = 1s", "retry-min = 10min") + """dnssec = off
[route *]
via = discard
accept = trusted
[route whole.example]
via = maildir:%s/{local}
[route slow.example]
via = discard
[route refused.example]
via = reject:no
[route dead.example]
via = smtp://127.0.0.1:9
"""
# The samples that are damaged.
SESSION = """EHLO c.example
MAIL FROM:<a@sender.example> SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=x
RCPT TO:<b@local.example> NOTIFY=DELAY,FAILURE ORCPT=rfc822;b@local.example
RCPT TO:<c@dead.example>
DATA
Subject: one
Content-Type: multipart/mixed; boundary=x

--x

text
--x--
.
MAIL FROM:<f@dead.example> MT-PRIORITY=3
RCPT TO:<g@dead.example>
RCPT TO:<"i j"@slow.example> NOTIFY=NEVER
DATA
Received: by x; Thu, 1 Jan 2026 00:00:00 +0000
Subject: three

text
.
MAIL FROM:<> SMTPUTF8
RCPT TO:<mÃ¼@xn--mnchen-3ya.example>
RCPT TO:<mÃ¼@mÃ¼nchen.example>
DATA

.x
.
MAIL FROM:<"a b"@sender.example> HOLDFOR=100000 BY=1000000;R
RCPT TO:<b@local.example>
DATA
Subject: later

.
"""
# Each of these may cost a process that writes a notice.
NOTICED = """MAIL FROM:<>
RCPT TO:<d@refused.example>
RCPT TO:<e@dead.example>
DATA
Subject: two

text
.
MAIL FROM:<f@dead.example>
RCPT TO:<h@refused.example>
RCPT TO:<b@local.example> NOTIFY=SUCCESS
DATA
Subject: noticed

text
.
QUIT
"""
SESSION = (SESSION + NOTICED).encode("latin1").replace(b"\n", b"\r\n")
STATES = {
    "dead/why/0SJ5TN5K6X3N0BKS": b"2026-01-01T00:00:00Z killed by signal 11\n",
    "dead/why/0SJ5TN5K6X3N0BKT.settled": b"2026-01-01T00:00:00Z killed by signal 11\n",
    "state/deaths/0SJ5TN5K6X3N0BKS": b"2026-01-01T00:00:00Z killed by signal 11\n" * 2,
    "state/requests/0SJ5TN5K6X3N0BKS.hold": b"",
    "state/requests/0SJ5TN5K6X3N0BKS.retry": b"\n",
    "state/requests/0SJ5TN5K6X3N0BKS.delete": b"done\n",
    "state/requests/0SJ5TN5K6X3N0BKS.fail": b"x",
    "state/waiting/192.0.2.*": b"01700000000 0SJ5TN5K6X3N0BKS\n00000000001 0SJ5TN5K6X3N0BKT\n",
    "state/waiting/[2001:db8::*]": b"01700000000 0SJ5TN5K6X3N0BKS\n" * 9,
    "state/frozen": b"# since until pause stamp route why\n1763787773 4102444800 300 "
                    b"12638187200555641996 sender anna@example.org mail.example: 535 no\n"
                    b"1763787773 1763788073 300 1 route b.example x\n",
    "state/hosts": b"192.0.2.1:25 mx1.example 12000 >35000 1763787773 0 0 0 0 0 0 0\n"
                   b"[2001:db8::1]:25 mx2.example 1 2 3 4 5 6 7 8 9\n"
                   b"127.0.0.1:9 127.0.0.1 1 2 1763787773 1 6 3 4 0 0 0\n",
    "state/learned": b"mx.example.org 1763787773 1766379773 24 0\n",
    "state/tls": b"mx.example.org 1763787773 1766379773 24 0\n",
    "state/dane": b"mx.example.org 1763787773\n",
    "state/reading": b"0SJ5TN5K6X3N0BKS\0\x0b\x02" + b"0SJ5TN5K6X3N0BKS\0",
    "state/rates": b"#saved 1799999995000000 next 1800000005\n1800000030000000 10000000 "
                   b"1799999993000000 1799999995000000 mx slow.example\n- 1 1800000090000000\n"
                   b"- 2 1800000040000000\n",
    "state/counted": b"1 2 3 4 5 6 7 8 9\n",
    "state/destinations": b"# time workers messages recipients destinations\n1763787773 1 2 3 4\n",
    "state/history": b"2026-11-22T12:00:07Z counts accepted=40 delivered=3 cause-connect=3\n"
                     b"2026-11-22T12:00:07Z host 192.0.2.1:25 mx.example.net connect-us=5\n",
    "state/authorities": b"/etc/ssl/certs 1 2 3\nend\n",
    "state/hosts-forgiven": b"",
    "state/lock": b"1\n",
    "state/sts/d*.example": b"expires: 2027-01-15T08:00:27Z\nid: 1\nversion: STSv1\n"
                            b"mode: enforce\nmx: mx.example\nmax_age: 86400\n",
    "state/sessions/202611*": b"2026-11-22T12:00:07Z sts a.example mx.example 0 ok\n",
    "state/reports/tls-2026-11-*": b"2026-11-22 a.example\n",
    "tmp/logins": bytes(range(256)) * 16,
}
FIRST_LINE = re.compile(rb"smtp-handler 1 size=\d{16} envelope=\d{8} sum=[0-9a-f]{16}\n")
CONTROL = re.compile(rb"[\0-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]")
LEASE = b"""home: mx.example.org
holder: mx.example.org
state: held
generation: 7
term-ms: 30000
boot: 9f0f7fb1-4a32-4c5a-9e0f-3d2c1b0a9f8e
renewed-us: 123456789
at: 1763787773
""".ljust(480, b".") + b"\nsum: 0\n"


def processor_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def run(argv, allowed, **more):
    """Run a program to its end: no crash, no report of a sanitizer."""
    word = " ".join([os.path.basename(argv[0]), *argv[1:2]])
    begin = processor_s()
    argv = [*argv[:1], "-c", site.config, *argv[1:]]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=STEP_S, **more)
    except subprocess.TimeoutExpired as slow:
        raise Failure("%s hangs\n%s" % (argv, (slow.stderr or b"")[-3000:])) from None
    spent[word] = spent.get(word, 0) + processor_s() - begin
    said = done.stderr.decode("latin1")
    harm = re.search("Sanitizer|runtime error|was killed by a signal|ended during a delivery|"
                     "stack smashing|Assertion", said)
    check(done.returncode in allowed and not harm, "%s: %s" % (
        os.path.basename(argv[0]) + " " + " ".join(argv[3:5]),
        harm.group() if harm else "status %d" % done.returncode), argv, said[-6000:])
    return done


def as_owner(what, *arguments):
    """Call a function as the owner of the queue."""
    os.seteuid(OWNER)
    try:
        return what(*arguments)
    finally:
        os.seteuid(0)


def make_queue():
    for path in (site.queue, site.mail):
        shutil.rmtree(path, ignore_errors=True)
        os.mkdir(path, 0o700)
        os.chown(path, OWNER, OWNER)
    as_owner(lambda: [os.mkdir("%s/%s" % (site.queue, folder), 0o700) for folder in FOLDERS])


# ---- what a lot is made of ----

def read_queue():
    found = {}
    for root, _, names in os.walk(site.queue):
        for name in names:
            path = os.path.join(root, name)
            found[os.path.relpath(path, site.queue)] = open(path, "rb").read(100000)
    return found


def make_samples():
    """Files as the programs write them: {path in the queue: octets}."""
    make_queue()
    run([HANDLER], (0,), input=SESSION)
    found = read_queue()
    run([RELAY], (0,))
    run([QUEUE_TOOL, "stats"], (0,))
    found.update(STATES)
    found.update(read_queue())
    check(sum(bool(ID.search(path)) for path in found) > 8, found.keys())
    return found


WHOLE_IN = ("new", "new", "new", "cur", "cur", "tmp", "tmp", "wait/1", "wait/1700000000",
            "wait/%d" % (time.time() + 86400), "hold", "dead")
STAY = ("hold", "dead", WHOLE_IN[9])


def make_whole():
    """Messages that must survive: [(path in the queue, octets)]."""
    make_queue()
    session = "EHLO c.example\r\n" + "".join(
        "MAIL FROM:<s@whole.example>\r\nRCPT TO:<w%d@whole.example>\r\nDATA\r\nSubject: whole\r\n"
        "\r\nwhole %d\r\n.\r\n" % (i, i) for i in range(len(WHOLE_IN))) + "QUIT\r\n"
    run([HANDLER], (0,), input=session.encode())
    made = []
    for path, octets in sorted(read_queue().items()):
        found = re.search(rb"\nP <w(\d+)@", octets)
        if found:
            made.append((int(found[1]), os.path.basename(path), octets))
    same(len(made), len(WHOLE_IN))
    return [("%s/%s" % (WHOLE_IN[i], name), octets) for i, name, octets in sorted(made)]


class Lot:
    """One queue: its files, what is done to it, and what became of them."""

    def __init__(self, seed, files):
        self.chance, self.files = random.Random(seed), list(files)
        if seed % 20 == 7:
            self.files.append(Spoiled("tmp/lease", "file", damage(self.chance, LEASE, [LEASE])))
        self.options = ["-o", "route slow.example.rate=1000/1s"] if seed % 10 == 3 else []
        self.doctor = seed % 100 == 50 and FILES > 1000
        self.placed = {}        # inode: file
        self.asked = set()      # IDs that may be deleted, because somebody asked for that

    def try_all(self):
        """Place the files, run the programs, and judge; the number of files that had a place."""
        make_queue()
        as_owner(self._place)
        # Another machine may hold a queue with a lease, or nobody knows.
        self.sure = not any(f.path == "tmp/lease" for f in self.placed.values())
        accepted = self._accept()
        self._look()
        flush = self.chance.random() < 0.3
        self._relay(*["--flush"] * flush)
        self._judge_files()
        self._act()
        self._tell(QUEUE_TOOL, "fsck", "--repair", allowed=(0, 1) if self.sure else (0, 1, 75))
        self._relay()
        self._judge_files()
        self._judge_whole(accepted, flush)
        return len(self.placed)

    def _place(self):
        for path, octets in whole:
            check(Spoiled(path, "file", octets).put(site.queue, 0))
        for f in self.files:
            inode = f.put(site.queue, OWNER)
            if inode:
                self.placed[inode] = f
        self.asked = {found.group() for f in self.placed.values()
                      if f.path.startswith("state/") and (found := ID.search(f.path))}

    # -- the programs
    def _accept(self):
        """A session; was its message accepted?"""
        said = run([HANDLER], (0,) if self.sure else (0, 75), input=b"EHLO c.example\r\n"
                   b"MAIL FROM:<s@whole.example>\r\nRCPT TO:<w@whole.example>\r\nDATA\r\n"
                   b"\r\nwhole \r\n.\r\nQUIT\r\n").stdout
        check(not self.sure or b"\r\n250 2.0.0" in said, "not accepted", said)
        return b"\r\n354 " in said and b"\r\n250 2.0.0" in said

    def _tell(self, *argv, allowed=(0, 1)):
        """Run a program that shows something: it is text, or objects of JSON."""
        said = run(argv, allowed).stdout
        if "--json" in argv:
            for line in said.splitlines():
                json.loads(line)
        elif "show" not in argv and "log" not in argv:
            found = CONTROL.search(said)
            check(not found, "%s prints a control character" % argv[1],
                  found and said[max(0, found.start() - 300):found.end() + 300])

    def _look(self):
        self._tell(QUEUE_TOOL, "fsck")
        steps = (["list"], ["--json", "list"], ["--wide", "list", "--state", "waiting,dead"],
                 ["hosts"], ["--json", "hosts"], ["stats"], ["top", "--once"],
                 ["report", "--html"], ["--json", "fsck"])
        for argv in self.chance.sample(steps, 2):
            self._tell(QUEUE_TOOL, *argv)
        self._tell(QUEUE_TOOL, "check", allowed=(0, 1, 2))
        names = self._names()
        for word in ("show", "log"):
            if names:
                self._tell(QUEUE_TOOL, word, *self.chance.sample(names, min(15, len(names))))
        if self.doctor:
            self._tell(QUEUE_TOOL, "doctor")

    def _names(self):
        mine = {os.path.basename(path) for path, _ in whole}
        return sorted({name for _, _, names in os.walk(site.queue) for name in names
                       if ID.fullmatch(name) and name not in mine})

    def _act(self):
        names = self._names()
        names = self.chance.sample(names, min(20, len(names)))
        self.asked.update(names)
        if names:
            run([QUEUE_TOOL, self.chance.choice(("hold", "release", "retry", "delete", "fail")),
                 *names], (0, 1) if self.sure else (0, 1, 75))

    def _relay(self, *options):
        """A run.  What cannot be taken out of new/ or tmp/ may stay, and then is reported."""
        done = run([RELAY, *self.options, *options], (0, 75))
        found = CONTROL.search(done.stderr)
        check(not found, "a control character in the log", found and
              done.stderr[max(0, found.start() - 300):found.end() + 300])
        stays = os.listdir(site.queue + "/new")
        told = re.search(rb" stuck id=| trouble what=\"cannot ", done.stderr)
        check(not self.sure or told or (done.returncode == 0 and not stays),
              "smtp-relay leaves something", done.returncode, stays,
              done.stderr[-3000:].decode("latin1"))

    # -- the verdict
    def _judge_files(self):
        there = {os.lstat(os.path.join(root, name)).st_ino
                 for root, folders, names in os.walk(site.queue) for name in folders + names}
        for inode, f in self.placed.items():
            check(inode in there or self._may_go(f), "%s was lost" % f.path.split("/")[0],
                  f.path, f.kind, f.octets[:3000])

    def _may_go(self, f):
        folder, name = f.path.split("/")[0], os.path.basename(f.path)
        if folder in ("tmp", "state", "stats") or f.path.startswith("dead/why/"):
            return True
        if name in self.asked:
            return True
        # A "hollow" one got a first line that fits.
        obeyed = f.kind == "hollow" or FIRST_LINE.match(f.octets)
        return (folder in ("new", "cur", "wait") and obeyed
                and b"\nid: " + name.encode(errors="surrogateescape") + b"\n" in f.octets)

    def _judge_whole(self, accepted, flush):
        places = {}
        for root, _, names in os.walk(site.queue):
            if not root.startswith((site.queue + "/state", site.queue + "/dead/why")):
                for name in names:
                    places.setdefault(name, []).append(os.path.join(root, name))
        for i, (path, octets) in enumerate(whole):
            found = places.get(os.path.basename(path), [])
            kept = [p for p in found if b"\r\nwhole %d\r\n" % i in open(p, "rb").read()]
            got = len(mails("w%d" % i, b"\nwhole %d\n" % i))
            seen = "a whole message of %s/" % path.split("/")[0], path, kept, found, got
            if path.startswith(("hold/", "dead/")) or (path.startswith(STAY) and not flush):
                check(kept == [os.path.join(site.queue, path)] and not got and
                      open(kept[0], "rb").read() == octets, *seen)
            elif self.sure:
                check(got == 1 and not found, *seen)
            else:
                check(got + len(kept) >= 1, *seen)
        check(not self.sure or not accepted or len(mails("w", b"\nwhole \n")) == 1,
              "the accepted message was not delivered")


def mails(who, text):
    folder = "%s/%s/new" % (site.mail, who)
    names = os.listdir(folder) if os.path.isdir(folder) else []
    return [name for name in names if text in open(folder + "/" + name, "rb").read()]


# ---- lots ----

def try_lot(seed, files):
    """The failure of a lot, or the number of its files."""
    try:
        return Lot(seed, files).try_all()
    except Failure as failure:
        return failure


def culprits(seed, files):
    """The smallest part of the files that fails as well, by halves."""
    while len(files) > 1:
        half = len(files) // 2
        for part in (files[:half], files[half:]):
            if isinstance(try_lot(seed, part), Failure):
                files = part
                break
        else:
            break
    return files


def save_finding(seed, files, failure):
    folder = "%s/findings/%d" % (KEEP, seed)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    with open(folder + "/failure", "w", errors="replace") as out:
        out.write(str(failure))
    files = culprits(seed, files)
    again = try_lot(seed, files)
    with open(folder + "/failure", "w", errors="replace") as out:
        out.write("%s\n\n%s\n" % (failure, again if isinstance(again, Failure) else
                                  "it does not fail again"))
    for i, f in enumerate(files):
        with open("%s/%04d.head" % (folder, i), "w") as out:
            json.dump([seed, f.path, f.kind], out)
        with open("%s/%04d.octets" % (folder, i), "wb") as out:
            out.write(f.octets)
    note("lot %d fails by %d of its files: %s" % (seed, len(files), folder))
    note(str(again if isinstance(again, Failure) else failure)[:6000])


def read_finding(folder):
    heads = [name for name in sorted(os.listdir(folder)) if name.endswith(".head")]
    files = []
    for name in heads:
        seed, path, kind = json.load(open(folder + "/" + name))
        octets = open(folder + "/" + name.replace(".head", ".octets"), "rb").read()
        files.append(Spoiled(path, kind, octets))
    return seed, files


class Mark:
    """How far a long run is; its processes share the file."""

    names = "lots", "files", "seconds", "findings"

    def __init__(self, path):
        self.path = path

    def add(self, **more):
        """Add to the numbers; they are returned as they were."""
        with open(self.path, "a+") as mark:
            fcntl.flock(mark, fcntl.LOCK_EX)
            mark.seek(0)
            had = json.loads(mark.read() or "{}")
            had = {name: had.get(name, 0) for name in self.names}
            mark.truncate(0)
            json.dump({name: had[name] + more.get(name, 0) for name in self.names}, mark)
        return had


def prepare(name):
    global site, spoiler, whole
    site = Site(name)
    spoiler, whole = Spoiler(make_samples(), int(time.time())), make_whole()


def try_lots(mark, name):
    """Try lots until there are enough files; the number of lots that failed."""
    prepare(name)
    failed = 0
    while mark.add()["files"] < FILES and failed < FINDINGS_MAX:
        begin, seed = time.monotonic(), mark.add(lots=1)["lots"]
        files = [spoiler.make(seed * 1000003 + i) for i in range(LOT)]
        result = try_lot(seed, files)
        if isinstance(result, Failure):
            failed += 1
            save_finding(seed, files, result)
        mark.add(files=LOT, seconds=time.monotonic() - begin,
                 findings=isinstance(result, Failure))
    note("seconds of a processor: %s; this test %.1f" % (", ".join(
        "%s %.1f" % (word, s) for word, s in sorted(spent.items(), key=lambda pair: -pair[1])
        if s > 0.05), time.process_time()))
    return failed


def start_job(mark, name):
    """A process that tries lots; its status is 0 if none failed."""
    pid = os.fork()
    if pid == 0:
        status = 2
        try:
            status = 1 if try_lots(mark, name) else 0
        except Exception:
            traceback.print_exc(file=sys.stdout)
        finally:
            sys.stdout.flush()
            os._exit(status)
    return pid


def try_all():
    mark = Mark(KEEP + "/mark")
    if FILES <= 1000 and os.path.exists(mark.path):
        os.unlink(mark.path)
    jobs = [start_job(mark, "job%d" % i) for i in range(JOBS)]
    failed = [pid for pid in jobs if os.waitpid(pid, 0)[1]]
    note("%(files)d files in %(lots)d lots, %(seconds)d s; %(findings)d lots failed" % mark.add())
    check(not failed, "there are findings in " + KEEP + "/findings")


os.makedirs(KEEP, exist_ok=True)
site = spoiler = whole = None


@test("%d damaged files of a queue" % FILES)
def _():
    replay = os.environ.get("HOSTILE_REPLAY")
    if not replay:
        try_all()
        return
    prepare("replay")
    result = try_lot(*read_finding(replay))
    if isinstance(result, Failure):
        raise result


@test("a folder of the name of a message goes to dead/, wherever it is")
def _():
    prepare("folders")
    name = "0T2D7C676FDZFS7W"
    for folder in ("new", "cur"):
        make_queue()
        as_owner(os.mkdir, "%s/%s/%s" % (site.queue, folder, name))
        same(run([RELAY], (0, 75)).returncode, 0)
        same([os.listdir(site.queue + "/" + folder),
              os.path.isdir(site.queue + "/dead/" + name)],
             [[], True])


main()
