# SPDX-License-Identifier: ISC
"""The time of deliveries: at once, --watch, --flush; a stuck message delays no other."""
import os
import signal
import subprocess
import time

from exchangers import BlackHole, Exchanger
from nameservers import nsd
from programs import RELAY, Site, fresh_directory
from tap import check, main, quicker_than, same, test, wait_for

directory = fresh_directory()
nsd(directory + "/nsd", {"example.org": """
ok      MX 10 mx.ok
mx.ok   A 192.0.2.11
slow    MX 10 mx.slow
mx.slow A 192.0.2.12
late    MX 10 mx.late
mx.late A 192.0.2.13
dead    MX 10 mx.dead
mx.dead A 192.0.2.99
later   MX 10 mx.later
mx.later A 192.0.2.15
minute  MX 10 mx.minute
mx.minute A 192.0.2.98
hole    MX 10 mx.hole
mx.hole A 192.0.2.66
""" + "".join("d%d MX 10 mx.ok\n" % i for i in range(40))})
ok, slow = Exchanger("192.0.2.11"), Exchanger("192.0.2.12", reply_s=1.5)
hole = BlackHole("192.0.2.66")
site = Site("site").listen()


# A second site runs beside the tests.  Its exchanger listens after the first attempt has failed.
waiting = Site("waiting", address="192.0.2.2").listen()
waiting.watch("-o", "queue.retry-min=1s", "-o", "queue.retry-max=1s")
waiting.send("bob@minute.example.org")
check(wait_for(lambda: waiting.queued("wait"), 10), waiting.queue_text(), waiting.log())
minute = Exchanger("192.0.2.98")


@test("an empty queue: smtp-relay ends at once with 0")
def _():
    quicker_than(2, site.relay)


@test("a message is delivered while its client keeps the session open")
def _():
    site.watch()
    with site.smtp() as smtp:
        smtp.sendmail("alice@sender.example", ["bob@ok.example.org"],
                      b"Subject: 1\r\n\r\nfirst\r\n")
        start = time.monotonic()
        check(wait_for(lambda: len(ok.messages) == 1, 10), site.log(), site.queue_text())
        took = time.monotonic() - start
        check(took < 2, "%.1f s" % took)
        same(smtp.noop()[0], 250, "the session is still open")
        smtp.sendmail("alice@sender.example", ["bob@ok.example.org"],
                      b"Subject: 2\r\n\r\nsecond\r\n")
        check(wait_for(lambda: len(ok.messages) == 2, 10), site.log())
    check(wait_for(lambda: site.queued() == [], 5), site.queue_text())


@test("--watch: a new message does not wait for the end of a slow delivery")
def _():
    site.send("bob@slow.example.org")
    check(wait_for(lambda: slow.connections >= 1, 10))
    site.send("bob@ok.example.org")
    check(wait_for(lambda: len(ok.messages) == 3, 10), site.log())
    same(len(slow.messages), 0, "the slow one is still under delivery")
    check(wait_for(lambda: len(slow.messages) == 1, 20), site.log())


@test("a second runner exits with 75")
def _():
    process = site.start_relay()
    code = process.wait(10)
    same(code, 75, site.log()[-800:])


@test("--flush beside a runner releases the mail that waits")
def _():
    site.send("bob@later.example.org")
    check(wait_for(lambda: site.queued("wait"), 10), site.queue_text(), site.log()[-800:])
    later = Exchanger("192.0.2.15")
    same(site.start_relay("--flush").wait(10), 0)
    check(wait_for(lambda: len(later.messages) == 1, 10), site.queue_text(), site.log()[-2000:])


@test("--watch ends after SIGTERM with 0 and leaves no worker")
def _():
    late = Exchanger("192.0.2.13", reply_s=0.5)
    site.send("bob@late.example.org")
    check(wait_for(lambda: late.connections, 5), site.log())
    runner, site.runner = site.runner, None
    runner.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    site.send("bob@hole.example.org")
    same(runner.wait(20), 0, site.log()[-2000:])
    same(len(late.messages), 1, "the current delivery was finished", site.log()[-2000:])
    left = subprocess.run(["pgrep", "-a", "-s", str(runner.pid)], capture_output=True,
                          text=True).stdout
    same(left, "")
    same([os.path.dirname(path) for path in site.queued()], [site.queue + "/new"],
         "later mail stays for the next run")


@test("a run delivers the mail that the last one left; a black hole delays nothing")
def _():
    had = len(ok.messages)
    site.send("bob@ok.example.org", count=3)
    process = site.start_relay("-o", "relay.connect-timeout=5s")
    check(wait_for(lambda: len(ok.messages) == had + 3, 4), site.log())
    same(process.wait(30), 0, site.log()[-2000:])
    paths = site.queued()
    same(len(paths), 1, site.queue_text())
    check("/wait/" in paths[0] and "bob@hole" in open(paths[0], errors="replace").read(),
          site.queue_text())


@test("--flush: all deferred mail is due now")
def _():
    before = site.queued()
    process = site.start_relay("--flush", "-o", "relay.connect-timeout=2s")
    same(process.wait(20), 0)
    after = site.queued()
    same([len(before), len(after)], [1, 1])
    check(open(after[0], errors="replace").read().count("bob@hole.example.org") >
          open(after[0], errors="replace").read().split("\n\n")[0].count("bob@hole.example.org"),
          "no note of the attempts")
    os.unlink(after[0])


@test("deferred mail that is due goes out in a plain run")
def _():
    site.send("bob@dead.example.org")
    site.relay()
    path, = site.queued()
    check("/wait/" in path, path)
    os.rename(os.path.dirname(path), site.queue + "/wait/%d" % ((time.time() // 60 - 1) * 60))
    had = len(ok.messages)
    back = Exchanger("192.0.2.99")
    site.relay()
    same([len(back.messages), len(ok.messages) - had, site.queued()], [1, 0, []],
         site.log()[-2000:])
    back.stop()


@test("200 messages to 40 domains: each arrives once")
def _():
    had = len(ok.messages)
    with site.smtp() as smtp:
        for i in range(200):
            smtp.sendmail("alice@sender.example", ["n%d@d%d.example.org" % (i, i % 40)],
                          b"Subject: %d\r\n\r\n%d\r\n" % (i, i))
    took = site.relay()
    same(sorted(e.rcpt_tos[0] for e in ok.messages[had:]),
         sorted("n%d@d%d.example.org" % (i, i % 40) for i in range(200)))
    same(site.queued(), [])
    check(took < 15, "%.1f s" % took)


@test("exit codes: an unknown option 64, a bad configuration 78 with file and line, --check 0, "
      "a full output 74")
def _():
    def run(*argv):
        done = subprocess.run([RELAY, *argv], capture_output=True, text=True, timeout=10)
        return done.returncode, done.stdout + done.stderr
    same(run("-c", site.config, "--no-such-option")[0], 64)
    with open(site.directory + "/bad", "w") as file:
        file.write("[queue]\ndirectory = /x\nretry-min = soon\n")
    code, text = run("-c", site.directory + "/bad", "--check")
    same([code, "bad:3" in text], [78, True], text)
    same(run("-c", site.config, "--check")[0], 0)
    for argv in ["--explain", "a@[192.0.2.1]"], ["--doctor"]:
        with open("/dev/full", "w") as full:
            done = subprocess.run([RELAY, "-c", site.config, *argv], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=30)
        same(done.returncode, 74, argv, done.stderr)
        check("standard output: No space left on device" in done.stderr, argv, done.stderr)


@test("an option that needs another one, or goes with none of a run, delivers nothing")
def _():
    site.send("n@away.example.org")
    had = site.queued()
    for argv in (["--sender", "a@b.example"], ["--json"], ["--explain", "a@b.example", "--flush"],
                 ["--doctor", "--watch"], ["--explain", "a@b.example", "--doctor"]):
        done = subprocess.run([RELAY, "-c", site.config, *argv], capture_output=True, text=True,
                              timeout=10)
        same((done.returncode, done.stdout), (64, ""), argv, done.stderr)
        check("--help" in done.stderr, argv, done.stderr)
    same(len(had), 1)
    same(site.queued(), had, site.log()[-2000:])
    site.relay()
    same(site.queued(), [], site.log()[-2000:])


@test("--watch delivers deferred mail when it is due")
def _():
    check(wait_for(lambda: len(minute.messages) == 1, 10), waiting.queue_text(),
          waiting.log()[-2000:])
    check(wait_for(lambda: waiting.queued() == [], 5), waiting.queue_text())


main(site.keep_queue_note)
