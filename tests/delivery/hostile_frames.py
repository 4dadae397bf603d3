# SPDX-License-Identifier: ISC
"""Damaged frames between the processes of a run, and between a listener and its sessions; each has
a smtp-shared beside it, and a real Redis.

tests/lib/garble.c changes one frame in some.  A worker that lies can keep its mail from its
recipients, so mail is not counted; but no process crashes or hangs, the runner ends as it may, and
a later run without damage ends with 0.  HOSTILE_RUNS is the number of runs (make hostile-frames:
200, under sanitizers).  Programs without sanitizers have walls, in which the library cannot work.
"""
import os
import random
import re
import smtplib
import struct
import subprocess

from programs import BUILD, HANDLER, RELAY, SANITIZER, Site, fresh_directory
from redis_server import Redis, settings_of_redis
from sink import Sink
from tap import check, main, note, skip, test, wait_for

RUNS = int(os.environ.get("HOSTILE_RUNS", "4"))
MESSAGES = 30
LISTENERS = max(1, RUNS // 10)     # each hangs up smtp-shared at its first damaged answer
RUN_S = 1200            # the longest time of a run: a worker that is silent costs a minute
os.environ["ASAN_OPTIONS"] = "exitcode=99:detect_leaks=0:" + os.environ.get("ASAN_OPTIONS", "")
os.environ["UBSAN_OPTIONS"] = "exitcode=99:print_stacktrace=1"
COUNTS = BUILD + "/tests/delivery/hostile_frames/counts"
HARM = re.compile("Sanitizer|runtime error|stack smashing|Assertion")
# Failures of a client are reported to the listener, and refuse it nothing.  Users are counted.
UNLIMITED = [word for name in ("client-refused-recipients", "client-probes", "client-rate",
                               "client-failed-logins", "user-messages", "user-recipients")
             for word in ("-o", "server.%s=1000000" % name)]
DOMAINS = ("a.example", "b.example", "sender.example", "refused.example", "dead.example",
           "discard.example", "list.example")


def preloads():
    """The libraries of a sanitizer must be the first ones."""
    first = []
    if SANITIZER:
        said = subprocess.run(["ldd", RELAY], capture_output=True, text=True, check=True).stdout
        first = re.findall(r"=> (\S*lib(?:asan|ubsan)\S*)", said)
    return " ".join(first + [BUILD + "/tests/garble.so"])


def need_library():
    if not SANITIZER or not os.path.exists(BUILD + "/tests/garble.so"):
        skip("needs make hostile-frames")


def garbled(seed, one_in):
    return dict(os.environ, LD_PRELOAD=preloads(), GARBLE="%d:%d" % (seed, one_in),
                GARBLE_COUNT=COUNTS)


def has_no_harm(said):
    found = HARM.search(said)
    check(not found, "a sanitizer reports", said[max(0, found.start() - 500):][:6000]
          if found else "")


def hand_in(site, chance):
    said = "EHLO c.example\r\n"
    for i in range(MESSAGES):
        said += "MAIL FROM:<%s@sender.example>\r\n" % chance.choice("abc")
        for _ in range(chance.choice((1, 1, 3))):
            said += "RCPT TO:<%s@%s>\r\n" % (chance.choice("xyz"), chance.choice(DOMAINS))
        said += "DATA\r\nSubject: %d\r\n\r\ntext\r\n.\r\n" % i
    subprocess.run([HANDLER, "-c", site.config], input=(said + "QUIT\r\n").encode(), timeout=RUN_S,
                   capture_output=True, check=True)


def run_relay(site, environment, allowed):
    try:
        done = subprocess.run([RELAY, "-c", site.config, "--flush"], env=environment,
                              capture_output=True, timeout=RUN_S)
    except subprocess.TimeoutExpired as slow:
        check(False, "the run hangs", (slow.stderr or b"")[-40000:].decode("latin1"))
    said = done.stderr.decode("latin1")
    has_no_harm(said)
    check(done.returncode in allowed, "status %d" % done.returncode, said[-4000:])


def frames():
    try:
        return struct.unpack("<QQ", open(COUNTS, "rb").read())[1]
    except FileNotFoundError:
        return 0


sink = Sink(("127.0.0.1", 0))
redis = Redis(fresh_directory())
site = Site("main", """[route refused.example]
via = reject:no
[route dead.example]
via = smtp://127.0.0.1:9
[route discard.example]
via = discard
[route *]
via = smtp://127.0.0.1:%d
rate = 1000/1s
""" % sink.address[1] + "\n".join([*settings_of_redis(redis.directory), ""]))


@test("%d runs whose processes get damaged frames" % RUNS)
def _():
    need_library()
    for seed in range(RUNS):
        chance = random.Random(seed)
        hand_in(site, chance)
        run_relay(site, garbled(seed, chance.choice((2, 5, 20, 100))), (0, 75))
        if seed % 10 == 9 or seed == RUNS - 1:
            run_relay(site, None, (0,))
            check(not site.queued("new", "cur"), site.queued("new", "cur"))
    note("%d frames were changed" % frames())
    check(frames() > 0)


def talk(good):
    """A session, of a user whom a proxy names; a good one begins a message."""
    try:
        with smtplib.SMTP("192.0.2.1", 25, timeout=RUN_S) as smtp:
            smtp.docmd("XCLIENT LOGIN=anna")
            smtp.ehlo("c.example")
            taken = smtp.mail("a@b.example")[0] == 250
            for _ in range(0 if good else 4):
                smtp.docmd("RCPT TO:<x@nowhere.example>")
            return taken
    except (OSError, smtplib.SMTPException):
        return False


def try_listener(seed, one_in):
    log = open("%s/listener%d.log" % (site.directory, seed), "w+")
    listener = subprocess.Popen([HANDLER, "-c", site.config, "-o", "server.trusted=192.0.2.99",
                                 "-o", "server.xclient=192.0.2.0/24", *UNLIMITED, "--listen",
                                 "192.0.2.1:25"], env=garbled(seed, one_in),
                                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    check(wait_for(lambda: talk(True), 30), "the listener does not answer")
    for i in range(50):
        talk(i % 5 == 0)
    check(wait_for(lambda: talk(True), 30), "the listener does not answer any more")
    check(listener.poll() is None, "the listener ended")
    listener.terminate()
    check(listener.wait(30) == 0, "status %d" % listener.returncode)
    log.seek(0)
    has_no_harm(log.read())


@test("%d listeners, whose sessions and smtp-shared send damaged frames, go on" % LISTENERS)
def _():
    need_library()
    before = frames()
    for seed in range(LISTENERS):
        try_listener(seed, (2, 5, 20)[seed % 3])
    check(frames() > before)
    note("%d frames were changed" % (frames() - before))


main()
