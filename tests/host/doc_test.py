#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""`make doc`: one page with all manual pages, whose links have targets and which needs no other
file."""
import glob
import html.parser
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
VOID = {"meta", "br", "hr", "img", "link", "input", "col"}


class Page(html.parser.HTMLParser):
    """The places, the links, the resources, and whether each element has its end."""

    def __init__(self, text):
        super().__init__()
        self.places, self.links, self.resources, self.faults, self.open = [], [], [], [], []
        self.feed(text)
        self.faults += self.open

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        if "id" in given:
            self.places.append(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif "href" in given or "src" in given or tag in ("script", "iframe", "object"):
            self.resources.append((tag, attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in ("p", "li", "dt", "dd"):
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.faults.append((tag, self.getpos()))


build = tempfile.mkdtemp(prefix="smtp-handler-doc.")
subprocess.run(["make", "-s", "doc", "BUILD=" + build], cwd=TOP, check=True)
with open(build + "/doc/index.html") as file:
    text = file.read()
page = Page(text)
pages = sorted(os.path.basename(path) for path in glob.glob(TOP + "/man/*.[1-9]"))


@test("each link has its target, and each place one name")
def _():
    inside = [link[1:] for link in page.links if link.startswith("#")]
    check(len(inside) > 200, len(inside))
    same(sorted(set(inside) - set(page.places)), [])
    same(sorted(p for p in set(page.places) if page.places.count(p) > 1), [])
    same(page.faults, [])


@test("all pages are in the index, and references between them are links")
def _():
    index = text[text.index('id="index"'):text.index("</nav>")]
    for name in pages:
        check('href="#%s"' % name in index, name)
    for path in glob.glob(TOP + "/man/*.[1-9]"):
        with open(path) as file:
            for name, section in re.findall(r"^\.Xr (\S+) (\d)", file.read(), re.M):
                target = "%s.%s" % (name, section)
                if target in pages:
                    check("#" + target in page.links, path, target)


@test("the manual of the queue has each file that the programs keep in state/")
def _():
    line = r'^#define (?:FILE_NAME|TALLY_FILE|FORGIVEN|FOLDER|DEATHS)\s+"(.+)"'
    names = set()
    for path in glob.glob(TOP + "/*/*.c") + glob.glob(TOP + "/tools/queue/*.c"):
        with open(path) as file:
            names.update(re.findall(line, file.read(), re.M))
    check(len(names) > 8, names)
    with open(TOP + "/man/smtp-handler-queue.5") as file:
        manual = file.read()
    same([name for name in sorted(names) if not re.search(r"\bPa %s\b" % name, manual)], [])


@test("no other file is needed")
def _():
    same(page.resources, [])
    same(re.findall(r"@import|url\(", text), [])
    same([link for link in page.links if not re.match(r"#|https?://|mailto:", link)], [])


if __name__ == "__main__":
    try:
        main()
    finally:
        subprocess.run(["rm", "-rf", build], check=False)
