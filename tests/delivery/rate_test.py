# SPDX-License-Identifier: ISC
"""[route] rate: mail beyond it waits for its moment, over runs, without an attempt."""
import os
import re
import subprocess
import time

from programs import Site, fresh_directory
from tap import check, main, same, test, wait_for

directory = fresh_directory()
site = Site("site", """
[route rate.example]
via = maildir:%s/rate
rate = 3/6min

[route soon.example]
via = maildir:%s/soon
rate = 3/3s

[route slow.example]
via = maildir:%s/slow
rate = 1/1d

[route one.example]
via = maildir:%s/both
rate = 1/1d

[route two.example]
via = maildir:%s/both
rate = 1/1d

[route away.example]
via = lmtp:/nonexistent/socket
""" % ((directory,) * 5)).listen()


def subjects(place="rate"):
    folder = directory + "/" + place + "/new"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    names.sort(key=lambda name: os.stat(os.path.join(folder, name)).st_mtime_ns)
    text = [open(os.path.join(folder, name), "rb").read() for name in names]
    return [re.search(rb"Subject: (\w)", t)[1].decode() for t in text]


def due(path):
    return int(path.split("/")[-2])


@test("one goes now, the others wait for their moments; mail elsewhere is not delayed")
def _():
    site.send("bob@sender.example")
    start = time.time()
    for i in range(3):
        site.send("bob@rate.example", b"Subject: %d\r\n\r\n" % i)
        site.relay()
    same(subjects(), ["0"], site.log())
    same(len(site.mailbox("bob")), 1)
    waiting = sorted(site.queued("wait"))
    same(len(waiting), 2)
    times = [due(path) - start for path in waiting]
    check(119 <= times[0] <= 130 and 239 <= times[1] <= 250, "the moments are wrong", str(times))
    for path in waiting:
        check(b"\ntried 0000 " in open(path, "rb").read(), "an attempt counts",
              site.queue_text())


@test("a flush does not hurry it, and a lost state/rates loses no moment")
def _():
    before = [os.path.basename(path) for path in site.queued("wait")]
    os.unlink(site.queue + "/state/rates")
    site.relay("--flush")
    same(subjects(), ["0"], site.log())
    same([os.path.basename(path) for path in site.queued("wait")], before)
    for path in site.queued("wait"):
        same(open(path, "rb").read().count(b"the rate of this destination"), 1)


@test("smtp-queue shows why it waits, and until when")
def _():
    tool = os.path.join(os.environ["BUILD"], "smtp-queue")
    name = os.path.basename(site.queued("wait")[0])
    shown = subprocess.run([tool, "-c", site.config, "log", name], capture_output=True, text=True,
                           timeout=20)
    check(re.search(r"the rate of this destination is used up until 20\S+Z", shown.stdout),
          "not shown", shown.stdout, shown.stderr)


@test("a run waits for moments before the next run; other senders do not wait for a line")
def _():
    for i in range(5):
        site.send("bob@soon.example", b"Subject: %d\r\n\r\n" % i)
    start, run = time.time(), site.start_relay()
    check(wait_for(lambda: len(subjects("soon")) >= 2, 10), "nothing goes", site.log())
    site.send("bob@soon.example", b"Subject: x\r\n\r\n", sender="carol@sender.example")
    same(run.wait(20), 0)
    got = subjects("soon")
    same([s for s in got if s != "x"], ["0", "1", "2", "3", "4"], site.log())
    check("x" in got and got.index("x") <= 4, "another sender waits behind the line", str(got))
    check(4 <= time.time() - start <= 9, "not at the rate", site.log())


@test("a run that begins at the end of a second lets no two go at once")
def _():
    had = len(subjects("soon"))
    for i in range(5):
        site.send("bob@soon.example", b"Subject: %d\r\n\r\n" % i)
    check(wait_for(lambda: 0.95 <= time.time() % 1 < 0.99, 20, 0.005), "no such moment")
    site.relay()
    same(subjects("soon")[had:], ["0", "1", "2", "3", "4"], site.log())
    folder = directory + "/soon/new"
    times = sorted(os.stat(os.path.join(folder, name)).st_mtime for name in os.listdir(folder))
    gaps = [b - a for a, b in zip(times[had:], times[had + 1:])]
    check(all(gap > 0.3 for gap in gaps), "two at once", str(gaps), site.log())


@test("a damaged state/rates: the run goes on at the rate, and writes another one")
def _():
    path = site.queue + "/state/rates"
    good, far = open(path, "rb").read(), b"%d" % (time.time() * 1e6 + 1e15)
    for damage in (b"", b"\0" * 4096, os.urandom(4096), good[:len(good) // 2],
                   b"#saved " + b"9" * 5000, good.replace(b" ", b"\n"),
                   re.sub(rb"(?m)^\d+", b"-1", good), re.sub(rb"\d{16}", far, good),
                   re.sub(rb"(?m)^- .*", b"- 1 " + b"9" * 18, good)):
        with open(path, "wb") as file:
            file.write(damage)
        had = len(subjects("soon"))
        for i in range(2):
            site.send("bob@soon.example", b"Subject: %d\r\n\r\n" % i)
        start = time.monotonic()
        site.relay()
        same(len(subjects("soon")) - had, 2, damage[:200], site.log()[-2000:])
        check(time.monotonic() - start > 0.9, "not at the rate", damage[:200])
        text = open(path, "rb").read()
        check(re.fullmatch(rb"#saved \d+ next \d+\n# next_us .*\n"
                           rb"(\d+ \d+ \d+ \d+ route \S+ .+\n(- \d+ \d+\n)*)*", text),
              "not replaced", damage[:200], text)


@test("a message that waits gets no attempt too early for its other recipients")
def _():
    before = site.queued("wait")
    site.send(["bob@rate.example", "bob@away.example"])
    site.relay()
    new = [path for path in site.queued("wait") if path not in before]
    same(len(new), 1)
    check(due(new[0]) - time.time() > 240, "too early", new[0])
    os.unlink(new[0])


@test("routes with the same hosts have rates of their own")
def _():
    site.send("bob@one.example")
    site.send("bob@two.example")
    site.send("bob@two.example")
    before = len(site.queued("wait"))
    site.relay()
    same(len(site.queued("wait")) - before, 1, site.log(), site.queue_text())


@test("its lifetime ends the wait of a message")
def _():
    site.send("bob@slow.example", b"Subject: 0\r\n\r\n")
    site.send("bob@slow.example", b"Subject: 1\r\n\r\n")
    site.relay()
    same(len(subjects("slow")), 1)
    before = site.queued("wait")
    site.age(5 * 86400 + 10)
    site.relay("--flush")
    # And one of two.example; rate.example has moments soon.
    same(len(before) - len(site.queued("wait")), 2, site.log(), site.queue_text())
    failed = [text for text in site.mailbox("alice") if b"Action: failed" in text]
    same(len(failed), 2)
    check(b"gave up after 120 hours in the queue; it waited: the rate" in
          b" ".join(failed[0].split()), "no reason", failed[0])


main()
