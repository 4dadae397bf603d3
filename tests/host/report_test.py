#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""smtp-queue report --html: the page, its numbers, hostile strings, and a browser if there is one.

BROWSER=required fails without a browser; KEEP=FOLDER keeps the page and its pictures there.
"""
import math
import os
import random
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as tree

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, same, test  # noqa: E402

import html5lib  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-report-test.%d" % os.getpid()
QUEUE, CONFIG, PAGE = DIRECTORY + "/queue", DIRECTORY + "/config", DIRECTORY + "/report.html"
HTML, SVG = "{http://www.w3.org/1999/xhtml}", "{http://www.w3.org/2000/svg}"
BROWSERS = ("chromium", "chromium-headless-shell", "firefox-esr", "firefox")
# Markup, quotes of attributes, entities, control characters, an octet that is not UTF-8.
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;]]>-->\x1b[2J\x9b\u202e"


def fresh():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\nmin-free = 0\n[server]\ntrusted = local\n"
                   "hostname = mx.example.org\n[route d.example]\nvia = discard\n"
                   "[route later.example]\nvia = lmtp:/nowhere/socket\n"
                   "[route *]\nvia = smtp://127.0.0.1:1\n" % QUEUE)


def run(program, *argv, **more):
    return subprocess.run([BUILD + "/" + program, "-c", CONFIG, *argv], capture_output=True,
                          timeout=60, **more)


def fill(messages=3):
    lines = ["HELO c"]
    for i in range(messages):
        lines += ["MAIL FROM:<a@b.example>", "RCPT TO:<c@d.example>",
                  "RCPT TO:<e@later.example>", "RCPT TO:<f@x.example>", "DATA", "Subject: x", "",
                  "."]
    run("smtp-handler", input="\n".join(lines + ["QUIT", ""]).encode())
    run("smtp-relay")


def stamp(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def write_history(hours, text=""):
    """A past of that many hours, with days and nights."""
    hour, chance = int(time.time()) // 3600, random.Random(1)
    sums = dict(accepted=0, delivered=0, deferred=0, failed=0, refused=0)
    causes = {"connect": 0, "reply-temporary": 0, "dns-unavailable": 0}
    hosts = [("mx%d.example.net" % i, "192.0.2.%d:25" % i, 15 * 3 ** (i % 6)) for i in range(10)]
    with open(QUEUE + "/state/history", "w") as file:
        for i in range(hours, 0, -1):
            at, busy = (hour - i) * 3600 + 7, 1 + math.sin((hour - i) / 24 * 2 * math.pi)
            file.write("%s counts %s %s\n" % (
                stamp(at), " ".join("%s=%d" % each for each in sums.items()),
                " ".join("cause-%s=%d" % each for each in causes.items())))
            sums["accepted"] += int(400 * busy)
            sums["delivered"] += int(430 * busy * chance.uniform(0.9, 1.1))
            sums["deferred"] += int(60 * busy * chance.uniform(0.2, 2))
            sums["failed"] += chance.randrange(9)
            sums["refused"] += chance.randrange(150)
            for cause in causes:
                causes[cause] += chance.randrange(30)
            for k, (name, address, ms) in enumerate(hosts):
                if k < 8 and (k != 3 or i % 30 < 20):
                    file.write("%s host %s %s connect-us=%d greeting-us=%d failures=0\n" % (
                        stamp(at), address, name, 500 * ms,
                        1000 * ms * chance.uniform(0.7, 1.4)))
        file.write(text)
    for name in ("counts",):
        if os.path.exists(QUEUE + "/state/" + name):
            os.remove(QUEUE + "/state/" + name)


def page():
    """The page, checked: well-formed XML, HTML without an error, nothing from outside."""
    done = run("smtp-queue", "report", "--html")
    same([done.returncode, done.stderr], [0, b""])
    text = done.stdout.decode()				# all of it is UTF-8
    with open(PAGE, "w") as file:
        file.write(text)
    root = tree.fromstring(text)
    html5lib.HTMLParser(strict=True).parse(text)
    names = {element.tag.split("}")[1] for element in root.iter()}
    same(names & {"script", "img", "link", "iframe", "object", "embed", "a", "form", "base"},
         set())
    for element in root.iter():
        for name in element.attrib:
            check(not name.startswith("on") and name not in ("href", "src", "style"), name)
    same(len([c for c in text if not c.isprintable() and c != "\n"]), 0)
    check(not re.search(r"@import|url\(|https?://(?!www\.w3\.org/)", text))
    [policy] = [e.get("content") for e in root.iter(HTML + "meta") if e.get("http-equiv")]
    check(policy.startswith("default-src 'none'; "), policy)
    check("script" not in policy)
    return root


def rows(root, heading):
    """The cells of the table below a heading."""
    for section in root.iter(HTML + "section"):
        if section.find(HTML + "h2").text == heading:
            return [["".join(cell.itertext()) for cell in row] for row in section.iter(HTML + "tr")]
    return None


@test("an empty queue, one without any folder, and --html is needed")
def _():
    fresh()
    os.makedirs(QUEUE, 0o700)
    text = "".join(page().itertext())
    check("No message is to be delivered." in text and "There is no history yet" in text, text)
    same(os.listdir(QUEUE), [])
    same(run("smtp-queue", "report").returncode, 64)
    same(run("smtp-queue", "list", "--html").returncode, 64)


@test("the queue by age and by destination")
def _():
    fresh()
    fill()
    root = page()
    same(rows(root, "Queue by age")[1][:4], ["0-5min", "–", "–", "3"])
    got = {row[0]: row for row in rows(root, "Queue by destination")[1:]}
    same(sorted(got), ["lmtp:/nowhere/socket", "smtp://127.0.0.1:1"])
    same(got["lmtp:/nowhere/socket"][1], "3")
    check("cannot connect to /nowhere/socket" in got["lmtp:/nowhere/socket"][4], got)


@test("the last days: outcomes, latencies, and causes with advice")
def _():
    fresh()
    fill()
    write_history(100)
    root = page()
    titles = [e.text for e in root.iter(SVG + "title")]
    hours = [int(m[1]) for t in titles if (m := re.match(r".* h: delivered (\d+)$", t))]
    check(95 <= len(hours) <= 100, len(hours))
    check(0 <= min(hours) and 300 < max(hours) < 1000, hours)
    got = rows(root, "Latency of exchangers")
    same(sorted(row[0] for row in got[1:]), ["mx%d.example.net" % i for i in range(8)])
    same([row[5] for row in got[1:]].count("100"), 7, got)
    causes = rows(root, "Causes of deferral in the last 24 hours")
    same(sorted(row[0] for row in causes[1:]), ["connect", "dns-unavailable", "reply-temporary"])
    check(200 < int(causes[1][1]) < 600, causes)
    check(all(len(row[3]) > 20 for row in causes[1:]), causes)


@test("counters that began anew, gaps, and a clock that was wrong are no spikes")
def _():
    fresh()
    fill(0)
    hour = int(time.time()) // 3600 * 3600
    with open(QUEUE + "/state/history", "w") as file:
        for ago, delivered in ((50, 1000000), (49, 1000010), (48, 5), (20, 2805), (70, 9),
                               (19, 2815), (-9, 999999)):
            file.write("%s counts delivered=%d\n" % (stamp(hour - ago * 3600), delivered))
    os.utime(QUEUE + "/state/history")
    titles = [e.text for e in page().iter(SVG + "title")]
    hours = [float(m[1]) for t in titles if (m := re.match(r".* h: delivered (\d+)$", t))]
    same(max(hours), 100)			# 2800 in 28 hours
    same(len([n for n in hours if n == 100]), 28)


@test("hostile strings in replies, names, routes and files stay text")
def _():
    fresh()
    fill()
    write_history(30, "%s host 192.0.2.99:25 <script>alert(1)</script>&\"' connect-us=1 "
                  "greeting-us=9000000 failures=1\n" % stamp(time.time()))
    hostile = HOSTILE.encode("latin-1", "replace").replace(b"?", b"\xff")
    for root, _, names in os.walk(QUEUE + "/wait"):
        for name in names:
            with open(root + "/" + name, "ab") as file:
                file.write(b"2026-11-22T05:02:53Z <f@x.example> deferred 4.0.0 \"450 %s\"\n" %
                           hostile)
    now = int(time.time())
    with open(QUEUE + "/state/frozen", "wb") as file:
        file.write(b"%d %d 300 1 route%%20<b>bad why<i>%s\n" % (now, now + 300, hostile))
    with open(QUEUE + "/state/hosts", "w") as file:
        file.write("192.0.2.1:25 <script>&\"' 900 900 %d %d 9 0 %d 0 0 0 0 0\n" %
                   (now - 90, now - 1, now - 90))
    text = "".join(page().itertext())
    check("<script>alert(1)</script>\"'><img src=x onerror=alert(1)>&amp;]]>-->\ufffd[2J" in text,
          text)
    check("<script>&\"'" in text)
    for name in ("history", "hosts", "frozen", "counts", "counted"):
        for damage in (os.urandom(30000), b"", b"\t" * 5000, b"<" * 5000):
            with open(QUEUE + "/state/" + name, "wb") as file:
                file.write(damage)
            page()


def browser():
    for name in BROWSERS:
        if path := shutil.which(name):
            return path
    return None


def shoot(path, name, width, height, *more):
    """A picture of the page, as pixels of a bitmap."""
    png = "%s/%s.png" % (DIRECTORY, name)
    if "firefox" in path:
        argv = [path, "--headless", "--screenshot", png, "--window-size=%d,%d" % (width, height)]
    else:
        argv = [path, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                "--user-data-dir=%s/browser" % DIRECTORY, "--screenshot=" + png,
                "--window-size=%d,%d" % (width, height), *more]
    done = subprocess.run([*argv, "file://" + PAGE], capture_output=True, text=True, timeout=60)
    check(os.path.exists(png) and os.path.getsize(png) > 20000, done.stderr[-2000:])


@test("a browser shows it, runs nothing of it, and has no complaint")
def _():
    path = browser()
    if not path:
        check(os.environ.get("BROWSER") != "required", "no browser: apt-get install "
              "chromium-headless-shell")
        note("no browser here; make check-browser needs one")
        return
    fresh()
    fill(400)
    write_history(150)
    page()
    shoot(path, "light", 1100, 2600)
    shoot(path, "narrow", 420, 3400)
    if "firefox" in path:
        return
    shoot(path, "dark", 1100, 2600, "--force-dark-mode", "--blink-settings=preferredColorScheme=0")
    pdf = DIRECTORY + "/print.pdf"
    subprocess.run([path, "--headless", "--no-sandbox", "--user-data-dir=%s/browser" % DIRECTORY,
                    "--no-pdf-header-footer", "--print-to-pdf=" + pdf, "file://" + PAGE],
                   capture_output=True, timeout=60)
    check(os.path.getsize(pdf) > 10000)
    # What the browser has made of it: the same, and no script could have added anything.
    with open(PAGE) as file:
        text = file.read()
    with open(PAGE, "w") as file:
        file.write(text.replace("</main>", "<p id='probe'>quiet</p><script>document."
                                "getElementById('probe').textContent='loud'</script></main>"))
    done = subprocess.run([path, "--headless", "--no-sandbox", "--enable-logging=stderr", "--v=0",
                           "--user-data-dir=%s/browser" % DIRECTORY, "--dump-dom",
                           "file://" + PAGE], capture_output=True, text=True, timeout=60)
    check(">quiet</p>" in done.stdout, done.stdout[-3000:])
    check("Content Security Policy" in done.stderr, "the browser did not refuse the script")
    with open(PAGE, "w") as file:
        file.write(text)
    done = subprocess.run([path, "--headless", "--no-sandbox", "--enable-logging=stderr", "--v=0",
                           "--user-data-dir=%s/browser" % DIRECTORY, "--dump-dom",
                           "file://" + PAGE], capture_output=True, text=True, timeout=60)
    same([line for line in done.stderr.splitlines() if "CONSOLE" in line], [])
    same(done.stdout.count("<svg"), text.count("<svg"))


def after(failed):
    if keep := os.environ.get("KEEP"):
        os.makedirs(keep, exist_ok=True)
        for name in os.listdir(DIRECTORY):
            if name.endswith((".png", ".html", ".pdf")):
                shutil.copy(DIRECTORY + "/" + name, keep)
    shutil.rmtree(DIRECTORY, ignore_errors=True)


main(after)
