#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A session that somebody types on a terminal."""
import os
import pty
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from tap import check, main, same, test  # noqa: E402
from terminal import Terminal  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
QUEUE = "/tmp/smtp-terminal-test.%d" % os.getpid()


@test("V08 on a terminal LF alone ends a line too, and is stored as CRLF")
def typed():
    handler = Terminal([BUILD + "/smtp-handler", "-c", "/dev/null", "-o",
                        "queue.directory=" + QUEUE, "-o", "server.hostname=mx.example.org",
                        "-o", "queue.min-free=0"], os.environ)
    handler.expect("220 mx")
    for line, reply in (("EHLO client.example", "250 FUTURERELEASE"),
                        ("MAIL FROM:<a@b.example>", "250 2.1.0"),
                        ("RCPT TO:<u@local.example>", "250 2.1.5"), ("DATA", "354 "),
                        ("\none\ntwo\n.", "250 2.0.0 Ok: queued"), ("QUIT", "221 ")):
        handler.type(line + "\n")
        handler.expect(reply)
    [name] = os.listdir(QUEUE + "/new")
    with open(QUEUE + "/new/" + name, "rb") as file:
        same(file.read()[-14:], b"\r\n\r\none\r\ntwo\r\n")


CONTENT = (b"X: \x1b]0;title\x07 \xc2\x9b2J \xff\r\n\r\n"
           b"\x1b[2J\x7f gr\xc3\xbcn \xe2\x80\xaex\ty\x1b\r\n")
SHOWN = b"X: ?]0;title? ??2J ?\r\n\r\n?[2J? gr%sn ???x\ty?\r\n"
OPTIONS = ["-c", "/dev/null", "-o", "queue.directory=" + QUEUE,
           "-o", "server.hostname=mx.example.org", "-o", "queue.min-free=0"]
SESSION = (b"EHLO me\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<b@own.example>\r\n"
           b"DATA\r\n" + CONTENT + b".\r\nQUIT\r\n")


def shown(argv, stream, locale, **more):
    """What a program writes to a terminal on that stream."""
    master, slave = pty.openpty()
    subprocess.run(argv, env={"LC_ALL": locale}, check=True, timeout=30,
                   **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, **more,
                      stream: slave})
    os.close(slave)
    seen = b""
    try:
        while data := os.read(master, 65536):
            seen += data
    except OSError:				# the terminal is closed
        pass
    os.close(master)
    return seen


def harmless(seen, german):
    check(SHOWN % german in seen, seen)
    same([c for c in seen if c < 32 and c not in b"\r\n\t" or c == 0x7f], [])


for locale, german in (("C.UTF-8", b"\xc3\xbc"), ("C", b"??")):
    @test("--print shows no control characters on a terminal, in the locale " + locale)
    def printed():
        harmless(shown([BUILD + "/smtp-handler", *OPTIONS, "--print"], "stderr", locale,
                       input=SESSION), german)

    @test("via = print shows none on a terminal, in the locale " + locale)
    def relayed():
        subprocess.run([BUILD + "/smtp-handler", *OPTIONS], input=SESSION, check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        harmless(shown([BUILD + "/smtp-relay", *OPTIONS, "-o", "route own.example.via=print"],
                       "stdout", locale), german)


main(lambda failed: shutil.rmtree(QUEUE, ignore_errors=True))
