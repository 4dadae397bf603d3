# SPDX-License-Identifier: ISC
"""The runner is killed while it expands aliases: each member gets the message at least once."""
import glob
import os
import random
import re
import signal
import time

from programs import Site, fresh_directory
from tap import check, main, note, same, test

directory = fresh_directory()
FILE, BOXES, MESSAGES = directory + "/aliases", directory + "/boxes", 300
PEOPLE = ["anna", "ben", "carla", "dora"]
with open(FILE, "w") as file:
    file.write("all: one, two, anna\none: anna, ben\ntwo: carla, dora\nowner-two: ben\n")
site = Site("site", "[route here.example]\nvia = maildir:%s/{local}\naliases = %s\n"
            % (BOXES, FILE), resolver="").listen()


def seen(who):
    """How often each message has arrived in this mailbox: {number: copies}."""
    count = {}
    for path in glob.glob("%s/%s/new/*" % (BOXES, who)):
        number = re.search(rb"^Subject: (\d+)$", open(path, "rb").read(), re.M)
        check(number, "a message that is not whole", path)
        count[int(number[1])] = count.get(int(number[1]), 0) + 1
    return count


@test("R147 SIGKILL again and again: every member gets every message, the queue ends empty")
def _():
    with site.smtp() as smtp:
        for i in range(MESSAGES):
            to = [["all"], ["one", "two"], ["two", "anna", "ben"]][i % 3]
            smtp.sendmail("alice@sender.example", [name + "@here.example" for name in to],
                          b"Subject: %d\r\n\r\ntext\r\n" % i)
    random.seed(5)
    kills = 0
    while site.queued() and kills < 40:
        runner = site.start_relay()
        time.sleep(random.uniform(0.005, 0.05))
        if runner.poll() is None:
            os.killpg(runner.pid, signal.SIGKILL)
            kills += 1
        runner.wait(10)
    site.relay()
    same(site.queued(), [], site.log()[-2000:])
    check(kills > 3, kills)
    again = 0
    for who in PEOPLE:
        count = seen(who)
        same(sorted(count), list(range(MESSAGES)), who)
        again += sum(count.values()) - MESSAGES
    note("%d kills, %d second copies of %d" % (kills, again, MESSAGES * len(PEOPLE)))
    check(again < MESSAGES * len(PEOPLE), again)


main(site.keep_queue_note)
