# SPDX-License-Identifier: ISC
"""smtp-verify with its socket, and messages that go through it."""
import email
import glob
import os
import re
import smtplib
import socket
import subprocess

from programs import BUILD, Site
from tap import check, same, wait_for

HOST = "mx.example.org"
OPTIONS = ("-c", "/dev/null", "-o", "server.hostname=" + HOST, "-o",
           "relay.resolver=192.0.2.53")


class Verifier:
    """smtp-verify at a socket in the folder of a site."""

    def __init__(self, directory, *options, place=None):
        self.path = directory + "/verify.sock"
        self.place = place or "unix:" + self.path
        self.log_path = directory + "/verify.log"
        self.process = subprocess.Popen(
            [BUILD + "/smtp-verify", *OPTIONS, "--listen", self.place, *options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=open(self.log_path, "w"))
        if not place:
            check(wait_for(self._listens, 10), self.log())
            os.chmod(directory, 0o755)

    def _listens(self):
        """The socket is there before somebody listens at it."""
        with socket.socket(socket.AF_UNIX) as s:
            return s.connect_ex(self.path) == 0

    def log(self):
        return open(self.log_path).read()

    def stop(self):
        self.process.terminate()
        same(self.process.wait(10), 0)


def receiver(name, milter, *settings, address="192.0.2.1"):
    """A handler that takes mail for example.org from anybody."""
    site = Site(name, "[route example.org]\nvia = discard\naccept = anyone\n", hostname=HOST,
                address=address)
    return site.listen("-o", "server.trusted=127.0.0.0/8", "-o", "server.milter=" + milter,
                       *settings)


def send(site, source, sender, message, helo="client.example", rcpt="b@example.org"):
    with smtplib.SMTP(site.address, 25, helo, timeout=20, source_address=(source, 0)) as smtp:
        options = [] if sender.isascii() else ["SMTPUTF8", "BODY=8BITMIME"]
        smtp.sendmail(sender, [rcpt], message, options)


def newest(site):
    """The newest message in the queue: its content."""
    path = max(site.queued("new"), key=os.path.getmtime)
    with open(path, "rb") as file:
        return file.read().split(b"\n\n", 1)[1]


def results(content, method=None):
    """The values of the fields Authentication-Results, unfolded.  method: in the first of them, the
    results of this method only."""
    message = email.message_from_bytes(content)
    values = [re.sub(r"\s+", " ", value) for value in
              message.get_all("Authentication-Results", [])]
    if values and method:
        name, *parts = values[0].split("; ")
        values[0] = "; ".join([name] + [p for p in parts if p.startswith(method + "=")])
    return values


def verified(site, *args, method="spf", **more):
    """Send a message; the results of a method."""
    before = site.queued("new")
    send(site, *args, **more)
    new = [path for path in site.queued("new") if path not in before]
    same(len(new), 1)
    with open(new[0], "rb") as file:
        return results(file.read().split(b"\n\n", 1)[1], method)
