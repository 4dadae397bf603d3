# SPDX-License-Identifier: ISC
"""Hosts that have shown good certificates for a month, and what follows if they show none."""
import json
import os
import re
import subprocess
import time

from certificates import Authority
from nameservers import nsd
from programs import BUILD, Site, fresh_directory
from tap import check, main, same, test
from tls_exchangers import TlsExchanger

DAY = 86400
directory = fresh_directory()
authority = Authority(directory + "/ca")
NAMES = "good clear broken other fresh".split()
nsd(directory + "/nsd", {"example.org": "".join(
    "%s MX 10 mx.%s\nmx.%s A 192.0.2.%d\n" % (name, name, name, 40 + i)
    for i, name in enumerate(NAMES))})


def host(name):
    return "mx.%s.example.org" % name


good = authority.leaf("good", host("good"))
wrong = authority.leaf("wrong", "elsewhere.example.org")
exchangers = {
    "good": TlsExchanger("192.0.2.40", good.context()),
    "clear": TlsExchanger("192.0.2.41"),
    "broken": TlsExchanger("192.0.2.42", good.context(), fault="garbage"),
    "other": TlsExchanger("192.0.2.43", wrong.context()),
    "fresh": TlsExchanger("192.0.2.44"),
}
now = int(time.time())
LINES = "".join("%s %d %d 20 0\n" % (host(name), now - 40 * DAY, now - 2 * DAY)
                for name in ("good", "clear", "broken", "other")) + \
    "%s %d %d 9 0\n" % (host("fresh"), now - 20 * DAY, now - DAY)


def site_of(name, settings):
    one = Site(name, "[relay]\ntls-ca-file = %s\n%s" % (authority.file, settings)).listen()
    one.relay()                     # it makes state/
    with open(one.queue + "/state/learned", "w") as file:
        file.write(LINES)
    return one


def lines(site):
    with open(site.queue + "/state/learned") as file:
        return {line.split()[0]: [int(word) for word in line.split()[1:]]
                for line in file if not line.startswith("#")}


def run(site):
    for exchanger in exchangers.values():
        del exchanger.messages[:]
    before = len(site.log())
    for name in NAMES:
        site.send("bob@%s.example.org" % name)
    site.relay()
    return site.log()[before:], {name: len(e.messages) for name, e in exchangers.items()}


LOST = ["broken", "clear", "other"]


def warned(log):
    return sorted(re.findall(r"tls-lost host=mx\.(\w+)\.example\.org since=\S+ until=\S+ why=",
                             log))


@test("tls = may: the mail goes out, and a host without its certificate is a warning, once a day")
def _():
    site = site_of("may", "")
    log, got = run(site)
    same(got, {"good": 1, "clear": 1, "broken": 0, "other": 1, "fresh": 1}, log)
    same(warned(log), LOST, log)
    state = lines(site)
    same(sorted(state), sorted(host(name) for name in ["good", *LOST]))    # fresh begins anew
    check(state[host("good")][1] >= now and state[host("good")][2:] == [21, 0], state)
    check(all(state[host(name)][:3] == [now - 40 * DAY, now - 2 * DAY, 20] and
              state[host(name)][3] >= now for name in LOST), state)
    log, _ = run(site)
    same(warned(log), [], log)
    site.stop()


@test("tls = learned: their mail waits, with the reason; all other mail goes out")
def _():
    for name, settings in (("learned", "tls = learned\n"),
                           ("route", "[route *]\nvia = mx\ntls = learned\n")):
        site = site_of(name, settings)
        log, got = run(site)
        same(got, {"good": 1, "clear": 0, "broken": 0, "other": 0, "fresh": 1}, log)
        same(warned(log), LOST, log)
        same(len(re.findall(r"deferred .*status=4\.7\.[45] .*TLS is required \(tls = learned: it "
                            r"has shown good certificates for a month\)", log)), 3, log)
        check(re.search(r"delivered id=\S+ to=bob@good\S+ .*tls=\S+/verified ", log), log)
        text = site.explain("x@clear.example.org")
        check("mx.clear.example.org: it has shown good certificates for a month" in text, text)
        site.stop()


@test("smtp-queue doctor names them")
def _():
    site = site_of("doctor", "")
    run(site)
    done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "--json", "doctor"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    found = [json.loads(text) for text in done.stdout.splitlines() if '"tls-lost"' in text]
    same(sorted(re.sub(r"\A(\S+): no good certificate since \S+\Z", r"\1", f["text"])
                for f in found), sorted(host(name) for name in LOST))
    check(all(f["state"] == "warning" and "state/learned" in f["fix"] for f in found), found)
    site.stop()


@test("tls = none looks at nothing; a file that is gone or damaged stops no mail")
def _():
    site = site_of("none", "tls = none\n")
    log, got = run(site)
    same((warned(log), sum(got.values())), ([], 5), log)
    same(lines(site)[host("good")], [now - 40 * DAY, now - 2 * DAY, 20, 0])
    site.stop()
    site = site_of("damaged", "tls = learned\n")
    with open(site.queue + "/state/learned", "wb") as file:
        file.write(b"\0\xff garbage\nmx.clear.example.org 1 2\n")
    same(run(site)[1], {"good": 1, "clear": 1, "broken": 0, "other": 1, "fresh": 1})
    same(list(lines(site)), [host("good")])
    os.remove(site.queue + "/state/learned")
    site.stop()


main()
