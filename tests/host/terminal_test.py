#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A session that somebody types on a terminal."""
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from tap import main, same, test  # noqa: E402
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


main(lambda failed: shutil.rmtree(QUEUE, ignore_errors=True))
