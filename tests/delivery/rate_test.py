# SPDX-License-Identifier: ISC
"""[route] rate: mail beyond it waits for its moment, over runs, without an attempt."""
import os
import re
import subprocess
import time

from programs import Site, fresh_directory
from tap import check, main, same, test

directory = fresh_directory()
site = Site("site", """
[route rate.example]
via = maildir:%s/rate
rate = 3/6s
""" % directory).listen()


def subjects():
    folder = directory + "/rate/new"
    names = os.listdir(folder) if os.path.isdir(folder) else []
    text = [open(os.path.join(folder, name), "rb").read() for name in names]
    return sorted(re.search(rb"Subject: (\d)", t)[1].decode() for t in text)


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
    due = [int(path.split("/")[-2]) - start for path in waiting]
    check(2 <= due[0] <= 5 and 4 <= due[1] <= 7, "the moments are wrong", str(due))
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


@test("smtp-queue shows why it waits, and until when")
def _():
    tool = os.path.join(os.environ["BUILD"], "smtp-queue")
    name = os.path.basename(site.queued("wait")[0])
    shown = subprocess.run([tool, "-c", site.config, "log", name], capture_output=True, text=True,
                           timeout=20)
    check(re.search(r"the rate of this destination is used up until 20\S+Z", shown.stdout),
          "not shown", shown.stdout, shown.stderr)


@test("later runs deliver one at each moment, in order")
def _():
    for end in (["0", "1"], ["0", "1", "2"]):
        due = min(int(path.split("/")[-2]) for path in site.queued("wait"))
        time.sleep(max(0, due - time.time()))
        site.relay()
        same(subjects(), end, site.log())


main()
