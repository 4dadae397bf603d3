# SPDX-License-Identifier: ISC
"""Damaged files of the queue and of its state, under fsck, the runner and smtp-queue.

No program crashes, hangs, or ends otherwise than it may; the runner takes all out of new/.
HOSTILE_FILES is the number of files (make hostile-files: 1,000,000, under sanitizers).  A run that
was stopped goes on.
"""
import os
import random
import re
import shutil
import subprocess
import time

from programs import BUILD, HANDLER, PLAIN_CONFIG, RELAY, fresh_directory
from tap import check, main, note, same, test

FILES = int(os.environ.get("HOSTILE_FILES", "300"))
BATCH = 100                     # files of a queue
KEEP = BUILD + "/hostile-files"
QUEUE_TOOL = BUILD + "/smtp-queue"
os.environ["ASAN_OPTIONS"] = "exitcode=99:detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")
os.environ["UBSAN_OPTIONS"] = "exitcode=99:print_stacktrace=1"
directory = fresh_directory()
queue, config = directory + "/queue", directory + "/config"
with open(config, "w") as file:
    file.write("""[queue]
directory = %s
""" % queue + PLAIN_CONFIG + """dnssec = off
[route *]
via = discard
accept = trusted
[route refused.example]
via = reject:no
[route dead.example]
via = smtp://127.0.0.1:9
""")
SESSION = """EHLO c.example
MAIL FROM:<a@sender.example> SIZE=1000 BODY=8BITMIME RET=HDRS ENVID=x
RCPT TO:<b@local.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@local.example
RCPT TO:<c@dead.example>
DATA
Subject: one
Content-Type: multipart/mixed; boundary=x

--x

text
--x--
.
MAIL FROM:<>
RCPT TO:<d@refused.example>
RCPT TO:<e@dead.example>
DATA
Subject: two

text
.
MAIL FROM:<f@dead.example>
RCPT TO:<g@dead.example>
RCPT TO:<h@refused.example>
DATA
Received: by x; Thu, 1 Jan 2026 00:00:00 +0000
Subject: three

text
.
QUIT
""".replace("\n", "\r\n")


def run(argv, allowed, **more):
    """Run a program to its end: no crash, no report of a sanitizer."""
    done = subprocess.run([*argv[:1], "-c", config, *argv[1:]], capture_output=True, timeout=120,
                          **more)
    said = done.stderr.decode("latin1")
    check(done.returncode in allowed and "Sanitizer" not in said and "runtime error" not in said
          and "was killed by a signal" not in said and "ended during a delivery" not in said,
          argv, done.returncode, said[-6000:])
    return done


def relay(*options):
    """A run.  A folder in tmp/, or an ID that is there twice, may stay, and then is reported."""
    done = run([RELAY, *options], (0, 75))
    stays = os.listdir(queue + "/new")
    told = re.search(rb" stuck id=| trouble what=\"cannot bring back", done.stderr)
    check((done.returncode == 0 and not stays) or told, done.returncode, stays,
          done.stderr[-3000:].decode("latin1"))


def samples():
    """Queue files and state files as the programs write them: {path in the queue: octets}."""
    run([HANDLER], (0,), input=SESSION.encode())
    found = collect()
    relay()
    run([QUEUE_TOOL, "stats"], (0,))
    found.update(collect())
    ids = [os.path.basename(p) for p in found if re.search(r"/[0-9A-Z]{16}$", p)]
    found.update({"state/deaths/" + ids[0]: b"2026-01-01T00:00:00Z killed by signal 11\n",
                  "dead/why/" + ids[1]: b"2026-01-01T00:00:00Z killed by signal 11\n",
                  "state/requests/%s.hold" % ids[0]: b"",
                  "state/requests/%s.retry" % ids[1]: b"\n",
                  "state/frozen": b"1 4102444800 3 x\n"})
    return found


def collect():
    found = {}
    for root, _, names in os.walk(queue):
        for name in names:
            path = os.path.join(root, name)
            found[os.path.relpath(path, queue)] = open(path, "rb").read(100000)
    return found


WORDS = (b"\n", b"\0", b"P <", b"D <", b"\n\n", b"-1", b"\xff\xfe", b" ", b"=",
         b"99999999999999999999", b"18446744073709551616")


def damage(chance, octets):
    """Octets with one to four kinds of damage."""
    data = bytearray(octets)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        at = chance.randrange(len(data) + 1)
        n = min(chance.choice((1, 1, 2, 8, 64, 512)), len(data) - at)
        kind = chance.randrange(8)
        if kind == 0 and n:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[at:at + n] = bytes(chance.randrange(256) for _ in range(n))
        elif kind == 2:
            del data[at:at + n]
        elif kind == 3:
            data[at:at] = data[at:at + n] * chance.choice((1, 2, 40))
        elif kind == 4:
            del data[at:]
        elif kind == 5:
            data[at:at + n] = bytes(n)
        elif kind == 6:
            data[at:at] = chance.choice(WORDS)
        else:
            digits = [i for i, c in enumerate(data[:2000]) if 48 <= c <= 57]
            for i in chance.sample(digits, min(3, len(digits))):
                data[i] = chance.randrange(48, 58)
    return bytes(data)


ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def place(chance, path, octets):
    """Write a damaged file where one of its kind may be."""
    folder, name = os.path.split(path)
    if re.fullmatch("[0-9A-Z]{16}", name) and not folder.startswith(("state", "dead/why")):
        folder = chance.choice(("tmp", "new", "new", "new", "cur", "wait/%d" % chance.choice(
            (0, 1, 1700000000, int(time.time()))), "hold", "dead"))
        if chance.random() < 0.8:       # else it meets another one, and its ID does not fit
            old, name = name, name[:8] + "".join(chance.choices(ALPHABET, k=8))
            octets = octets.replace(old.encode(), name.encode())
    path = os.path.join(queue, folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.lexists(path):
        return
    odd = chance.random()
    if odd < 0.01:
        os.mkfifo(path)
    elif odd < 0.02:
        os.symlink("/etc/passwd", path)
    elif odd < 0.03:
        os.mkdir(path)
    else:
        with open(path, "wb") as out:
            out.write(octets)
            if odd < 0.04:
                out.truncate(len(octets) + (1 << 33))


def try_batch(seed, found):
    chance = random.Random(seed)
    shutil.rmtree(queue)
    for folder in ("tmp", "new", "cur", "wait", "hold", "dead", "state"):
        os.makedirs("%s/%s" % (queue, folder), mode=0o700)
    paths = sorted(found)
    for _ in range(BATCH):
        path = chance.choice(paths)
        place(chance, path, damage(chance, found[path]))
    steps = [[QUEUE_TOOL, "fsck"], [QUEUE_TOOL, "list"], [QUEUE_TOOL, "--json", "list"],
             [QUEUE_TOOL, "hosts"], [QUEUE_TOOL, "stats"]]
    for argv in chance.sample(steps, 2):
        run(argv, (0, 1))
    relay(*chance.choice(([], ["--flush"])))
    names = [name for _, _, names in os.walk(queue) for name in names
             if re.fullmatch("[0-9A-Z]{16}", name)]
    for name in chance.sample(sorted(names), min(3, len(names))):
        for word in ("show", "log"):
            run([QUEUE_TOOL, word, name], (0, 1))
    run([QUEUE_TOOL, "fsck", "--repair"], (0, 1))
    relay()


@test("%d damaged files of a queue" % FILES)
def _():
    os.makedirs(KEEP, exist_ok=True)
    mark, count = KEEP + "/done", FILES // BATCH
    done = int(open(mark).read()) if FILES > 1000 and os.path.exists(mark) else 0
    found, begin = samples(), time.monotonic()
    check(len(found) > 8, found.keys())
    for seed in range(done, count):
        try:
            try_batch(seed, found)
        except Exception:
            note("batch %d of %d; its queue is in %s" % (seed, count, queue))
            raise
        if FILES > 1000:
            with open(mark, "w") as out:
                out.write("%d\n" % (seed + 1))
    note("%d files, the last %d in %d s" % (count * BATCH, (count - done) * BATCH,
                                            time.monotonic() - begin))
    same(max(done, count), count)


@test("a folder of the name of a message goes to dead/, wherever it is")
def _():
    shutil.rmtree(queue)
    name = "0T2D7C676FDZFS7W"
    for folder in ("tmp", "new", "cur", "wait/1", "hold", "dead", "state"):
        os.makedirs("%s/%s" % (queue, folder), mode=0o700)
    for folder in ("new", "cur"):
        os.mkdir("%s/%s/%s" % (queue, folder, name))
        same(run([RELAY], (0, 75)).returncode, 0)
        same([os.listdir(queue + "/" + folder), os.path.isdir(queue + "/dead/" + name)],
             [[], True])
        os.rmdir(queue + "/dead/" + name)


main()
