# SPDX-License-Identifier: ISC
"""smtp-queue beside a runner at work: no message is lost, delivered twice or left half done."""
import fcntl
import json
import os
import random
import re
import signal
import subprocess
import time

from exchangers import Exchanger
from nameservers import nsd
from programs import BUILD, Site, fresh_directory
from tap import check, main, note, same, test, wait_for

QUEUE = BUILD + "/smtp-queue"
directory = fresh_directory()
domains = "ok MX 10 mx.ok\nmx.ok A 192.0.2.11\n"
domains += "dead MX 10 mx.dead\nmx.dead A 192.0.2.99\nflaky MX 10 mx.flaky\nmx.flaky A 192.0.2.30\n"
for i in range(8):
    domains += "slow%d MX 10 mx.slow%d\nmx.slow%d A 192.0.2.%d\n" % (i, i, i, 20 + i)
nsd(directory + "/nsd", {"example.org": domains})
ok = Exchanger("192.0.2.11")
site = Site("site").listen()


def run(*argv, **more):
    done = subprocess.run([QUEUE, "-c", site.config, *argv], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=30, **more)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def listed(*argv):
    return [json.loads(line) for line in run("list", "--json", *argv)[1].splitlines()]


def only_id(recipient):
    found = listed("--recipient", recipient)
    same(len(found), 1, found)
    return found[0]["id"]


def slow(number, reply_s=0.7, **more):
    """A slow exchanger of that number, with one message under delivery to it."""
    exchanger = Exchanger("192.0.2.%d" % (20 + number), reply_s=reply_s, **more)
    site.send("bob@slow%d.example.org" % number)
    check(wait_for(lambda: exchanger.connections, 10), site.log()[-2000:])
    return exchanger, only_id("bob@slow%d.example.org" % number)


@test("without a runner: hold, release, retry, delete and fail on new and waiting messages")
def _():
    site.send("bob@ok.example.org", count=4)
    ids = [one["id"] for one in listed()]
    same(run("hold", ids[0])[:2], (0, ids[0] + " held\n"))
    same([one["state"] for one in listed("--state", "held")], ["held"])
    same(os.listdir(site.queue + "/hold"), [ids[0]])
    same(run("delete", ids[1])[:2], (0, ids[1] + " deleted\n"))
    code, out, _ = run("fail", ids[2])
    check(code == 0 and out.startswith(ids[2] + " failed: the notice to its sender is "), out)
    site.relay()
    same(len(ok.messages), 1, "only the fourth one was sent")
    told = site.mailbox("alice")
    check(len(told) == 1 and b"given up by the operator" in told[0] and b"Status: 5.0.0" in told[0],
          told)
    same([one["id"] for one in listed()], [ids[0]])
    same(run("release", ids[0])[:2], (0, ids[0] + " released\n"))
    same(os.listdir(site.queue + "/new"), [ids[0]])
    site.relay()
    same(len(ok.messages), 2)
    same(run()[1], "The queue is empty.\n")


@test("retry makes a waiting message due")
def _():
    site.send("bob@dead.example.org")
    site.relay()
    one = listed()[0]
    same([one["state"], one["attempts"], one["recipients"][0]["state"]], ["waiting", 1, "pending"])
    check("refused" in one["recipients"][0]["reply"] or "connect" in one["recipients"][0]["reply"],
          one)
    same(run("retry", "--all")[:2], (0, one["id"] + " due now\n1 message due now\n"))
    same(os.listdir(site.queue + "/new"), [one["id"]])
    same(os.listdir(site.queue + "/wait"), [])
    same(run("delete", "--sender", "alice@sender.example")[1],
         one["id"] + " deleted\n1 message deleted\n")


@test("delete during an attempt: the attempt goes on, and there is no other")
def _():
    site.watch()
    exchanger, one = slow(0, rcpt="450 4.2.1 later")
    code, out, _ = run("delete", one)
    same([code, out],
         [0, one + " is to be deleted: it is being delivered; "
                   "this is done after the current attempt\n"])
    check(wait_for(lambda: site.queued() == [], 10), site.queue_text(), site.log()[-2000:])
    check("deleted id=" + one in site.log(), site.log()[-2000:])
    same(os.listdir(site.queue + "/state/requests"), [])
    same(len(exchanger.messages), 0)


@test("hold during an attempt that succeeds: the message is delivered")
def _():
    exchanger, one = slow(1, 0.5)
    same(run("hold", one)[0], 0)
    check(wait_for(lambda: site.queued() == [], 15), site.queue_text(), site.log()[-2000:])
    same(len(exchanger.messages), 1)
    same(os.listdir(site.queue + "/state/requests"), [])


@test("hold during an attempt that fails: the message is in hold/ after the attempt")
def _():
    _, one = slow(2, rcpt="450 4.2.1 later")
    same(run("hold", one)[0], 0)
    check(wait_for(lambda: os.listdir(site.queue + "/hold") == [one], 10), site.queue_text(),
          site.log()[-2000:])
    check("held id=" + one in site.log(), site.log()[-2000:])
    same(run("delete", one)[0], 0)


@test("release withdraws a request to hold")
def _():
    _, one = slow(3, rcpt="450 4.2.1 later")
    same(run("hold", one)[0], 0)
    same(run("release", one)[:2], (0, one + " released: the request to hold it is withdrawn\n"))
    check(wait_for(lambda: site.queued("wait"), 10), site.queue_text(), site.log()[-2000:])
    same(os.listdir(site.queue + "/hold"), [])
    same(run("delete", one)[0], 0)


@test("fail during an attempt: one bounce for both recipients, each with its own status")
def _():
    had = len(site.mailbox("alice"))
    def reply(address):
        return "550 5.1.1 no" if address.startswith("no@") else "450 4.2.1 later"
    exchanger = Exchanger("192.0.2.24", reply_s=0.7, rcpt=reply)
    site.send(["no@slow4.example.org", "later@slow4.example.org"])
    check(wait_for(lambda: exchanger.connections, 10))
    one = only_id("no@slow4.example.org")
    same(run("fail", one)[0], 0)
    check(wait_for(lambda: len(site.mailbox("alice")) > had, 15), site.queue_text(),
          site.log()[-3000:])
    told = site.mailbox("alice")[had:]
    check(b"Status: 5.1.1" in told[0] and b"Status: 5.0.0" in told[0]
          and b"given up by the operator" in told[0], told)
    check(wait_for(lambda: site.queued() == [], 10), site.queue_text())
    same(len(site.mailbox("alice")) - had, 1)


@test("a message in the queue of a slow host: delete, hold and fail act at once")
def _():
    exchanger = Exchanger("192.0.2.25", reply_s=0.5)
    site.send("first@slow5.example.org")
    check(wait_for(lambda: exchanger.connections, 10))
    for who in ("second", "third", "fourth"):
        site.send(who + "@slow5.example.org")
    check(wait_for(lambda: len([one for one in listed() if one["state"] == "active"]) == 4, 5),
          run()[1])
    had = len(site.mailbox("alice"))
    start = time.monotonic()
    out = "".join(run(verb, only_id(who + "@slow5.example.org"))[1] for verb, who in (
        ("delete", "second"), ("hold", "third"), ("fail", "fourth")))
    took = time.monotonic() - start
    same([line.split()[1] for line in out.splitlines()], ["deleted", "held", "failed"])
    check(took < 4, took)
    check(wait_for(lambda: len(site.mailbox("alice")) == had + 1, 10), site.log()[-3000:])
    check(wait_for(lambda: len(exchanger.messages) == 1, 20))
    same([e.rcpt_tos for e in exchanger.messages], [["first@slow5.example.org"]])
    check(wait_for(lambda: [one["state"] for one in listed()] == ["held"], 10), run()[1])
    same(run("release", "--all")[0], 0)
    check(wait_for(lambda: len(exchanger.messages) == 2, 20), site.log()[-2000:])
    check(wait_for(lambda: site.queued() == [], 10))


@test("retry during an attempt: the reply names the attempt")
def _():
    _, one = slow(6, 0.4)
    same(run("retry", one)[:2], (0, one + " is being tried just now\n"))
    check(wait_for(lambda: site.queued() == [], 15), site.log()[-2000:])


@test("a runner is killed with requests open: smtp-queue acts itself")
def _():
    _, one = slow(7, rcpt="450 4.2.1 later")
    os.killpg(site.runner.pid, signal.SIGSTOP)
    tool = subprocess.Popen([QUEUE, "-c", site.config, "delete", one], stdout=subprocess.PIPE)
    check(wait_for(lambda: os.listdir(site.queue + "/state/requests"), 5))
    os.killpg(site.runner.pid, signal.SIGKILL)
    site.runner.wait()
    site.runner = None
    same(tool.communicate(timeout=10)[0].decode(), one + " deleted\n")
    same([site.queued(), os.listdir(site.queue + "/state/requests")], [[], []])


@test("the next runner acts on the request that a dead runner left")
def _():
    site.send("bob@dead.example.org")
    one = listed()[0]["id"]
    os.rename(site.queue + "/new/" + one, site.queue + "/cur/" + one)
    open(site.queue + "/state/requests/" + one + ".hold", "w").close()
    site.relay()
    same([[one["state"] for one in listed()], os.listdir(site.queue + "/state/requests")],
         [["held"], []])
    same(run("delete", one)[0], 0)


@test("--all also finds a message that a runner takes out of new/ at the same time")
def _():
    cur, requests = site.queue + "/cur/", site.queue + "/state/requests/"
    for number in range(500):       # the number of requests made at once
        open(cur + "0%015d" % number, "w").close()
    site.send("bob@dead.example.org")
    one = os.path.basename(site.queued("new")[0])
    runner = os.open(cur, os.O_RDONLY)
    fcntl.flock(runner, fcntl.LOCK_EX)      # stands for a runner
    tool = subprocess.Popen([QUEUE, "-c", site.config, "delete", "--all"], stdout=subprocess.PIPE)
    check(wait_for(lambda: len(os.listdir(requests)) == 500, 10, 0.001), len(os.listdir(requests)))
    os.rename(site.queue + "/new/" + one, cur + one)
    check(one in tool.communicate(timeout=20)[0].decode(), "it is asked for, too")
    check(one + ".delete" in os.listdir(requests))
    os.close(runner)
    run("delete", "--all")
    same([site.queued(), os.listdir(requests)], [[], []])


@test("random requests beside a runner at work: each message has one end, and none is lost")
def _():
    random.seed(7)
    had, told, logged = len(ok.messages), len(site.mailbox("alice")), len(site.log())
    flaky = Exchanger("192.0.2.30", reply_s=0.02,
                      rcpt=lambda _: random.choice([None, "450 4.2.1 later"]))
    site.watch("-o", "queue.retry-min=1s", "-o", "queue.retry-max=1s")
    for number in range(60):
        site.send(["n%d@%s.example.org" % (number, random.choice(["ok", "flaky"]))],
                  b"Subject: %d\r\n\r\nx\r\n" % number)
        if number % 2:
            continue
        verb = random.choice(["hold", "hold", "release", "retry", "delete", "fail"])
        ids = run("list", "--ids", "--sender", "alice@*")[1].split()
        if ids:
            subprocess.Popen([QUEUE, "-c", site.config, verb,
                              *random.sample(ids, min(5, len(ids)))],
                             stdout=open(site.directory + "/said", "a"), stderr=subprocess.DEVNULL)

    def done():
        run("release", "--all")
        return not site.queued("new", "cur", "wait", "hold", "tmp")
    check(wait_for(done, 40, 0.3), site.queue_text(), site.log()[-3000:])
    check(wait_for(lambda: os.listdir(site.queue + "/state/requests") == [], 5),
          "requests are left")
    delivered = [e.rcpt_tos[0].split("@")[0] for e in ok.messages[had:] + flaky.messages]
    bounced = [re.search(rb"Final-Recipient: rfc822; (n\d+)@", text)[1].decode()
               for text in site.mailbox("alice")[told:]]
    said = open(site.directory + "/said").read() + site.log()[logged:]
    deleted = set(re.findall(r"(?m)^(\w{16}) deleted|deleted id=(\w{16})", said))
    note("%d delivered, %d given up, %d deleted" % (len(delivered), len(bounced), len(deleted)))
    same(sorted(set(delivered) & set(bounced)), [])
    same([len(set(delivered)), len(set(bounced))], [len(delivered), len(bounced)], "nothing twice")
    whose = dict(re.findall(r"accepted id=(\w{16}) .*? to=(n\d+)@", site.log("handler")))
    gone = sorted(whose.get(a or b, a or b) for a, b in deleted)
    both = set(delivered + bounced) & set(gone)
    ids = [one for one, who in whose.items() if who in both]
    same(sorted(both), [], [line for line in said.splitlines() if any(one in line for one in ids)])
    same(sorted({*delivered, *bounced, *gone}), sorted("n%d" % i for i in range(60)))


main(site.keep_queue_note)
