# SPDX-License-Identifier: ISC
"""The programs under test: a folder with a configuration and a queue, a handler and a runner."""
import glob
import os
import re
import shutil
import signal
import smtplib
import socket
import subprocess
import sys
import time

from tap import SANITIZER, check, note, wait_for  # noqa: F401

BUILD = os.environ["BUILD"]
# The environment of a program under strace(1): LeakSanitizer does not work there.
TRACED = dict(os.environ, ASAN_OPTIONS="detect_leaks=0")
PEERS = os.environ["PEERS"]
HANDLER, RELAY = BUILD + "/smtp-handler", BUILD + "/smtp-relay"
ADDRESS = "192.0.2.1"
DIRECTORY = "%s/tests/delivery/%s" % (BUILD, os.path.basename(sys.argv[0]).rsplit(".", 1)[0])


def fresh_directory(name=""):
    """An empty folder for this test file, or a folder of that name in it."""
    path = os.path.join(DIRECTORY, name) if name else DIRECTORY
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


# A configuration between the folder of the queue and the routes.
PLAIN_CONFIG = """min-free = 0
retry-min = 1s
[server]
hostname = mx.example.org
trusted = local
[relay]
resolver = 192.0.2.53
"""


class Site:
    """One installation: configuration, queue, mailboxes; the handler listens on address:25."""

    def __init__(self, name, settings="", resolver="192.0.2.53", address=ADDRESS,
                 hostname="mail.sender.example"):
        self.directory = fresh_directory(name)
        self.queue, self.mail = self.directory + "/queue", self.directory + "/mail"
        self.config, self.address = self.directory + "/config", address
        self.handler = self.runner = None
        os.mkdir(self.mail)
        with open(self.config, "w") as file:
            file.write("""[queue]
directory = %s
[server]
hostname = %s
trusted = 127.0.0.0/8 ::1 192.0.2.0/24 2001:db8::/64 local
[relay]
%s
[route sender.example]
via = maildir:%s/{local}
%s
""" % (self.queue, hostname, "resolver = " + resolver if resolver else "", self.mail, settings))

    def listen(self, *options):
        log = open(self.directory + "/handler.log", "a")
        self.handler = subprocess.Popen([HANDLER, "-c", self.config,
                                         "--listen", self.address + ":25", *options],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        check(wait_for(self._reachable, 10), "the handler does not listen", self.log("handler"))
        return self

    def _reachable(self):
        check(self.handler.poll() is None, "the handler ended", self.log("handler"))
        try:
            socket.create_connection((self.address, 25), 1).close()
            return True
        except OSError:
            return False

    def log(self, which="relay"):
        try:
            return open("%s/%s.log" % (self.directory, which), errors="replace").read()
        except FileNotFoundError:
            return ""

    def stop(self):
        for process in (self.handler, self.runner):
            if process and process.poll() is None:
                process.terminate()
                process.wait(10)
        self.handler = self.runner = None

    # -- sending
    def smtp(self):
        return smtplib.SMTP(self.address, 25, local_hostname="client.example", timeout=20)

    def send(self, recipients, body=b"Subject: test\r\n\r\nHello.\r\n",
             sender="alice@sender.example", count=1):
        """Queue count messages through the handler."""
        if isinstance(recipients, str):
            recipients = [recipients]
        with self.smtp() as smtp:
            for _ in range(count):
                smtp.sendmail(sender, recipients, body)

    # -- running
    def start_relay(self, *options):
        log = open(self.directory + "/relay.log", "a")
        return subprocess.Popen([RELAY, "-c", self.config, *options], stdin=subprocess.DEVNULL,
                                stdout=log, stderr=log,
                                start_new_session=True)

    def relay(self, *options, deadline_s=40):
        """Run the runner until it ends, in time and with status 0; the result is in seconds."""
        start = time.monotonic()
        process = self.start_relay(*options)
        try:
            code = process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            check(False, "smtp-relay still ran after %d s" % deadline_s, self.log()[-3000:])
        check(code == 0, "smtp-relay ended with %d" % code, self.log()[-3000:])
        return time.monotonic() - start

    def watch(self, *options):
        self.runner = self.start_relay("--watch", *options)
        return self.runner

    def explain(self, address, *options):
        done = subprocess.run([RELAY, "-c", self.config, *options, "--explain", address],
                              stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=40)
        check(done.returncode == 0, "--explain ended with %d" % done.returncode, done.stdout,
              done.stderr)
        return done.stdout

    # -- looking
    def queued(self, *folders):
        """Paths of the queue files in these folders (default: all folders)."""
        found = []
        for folder in folders or ("tmp", "new", "cur", "wait", "hold", "dead"):
            for root, _, names in os.walk(os.path.join(self.queue, folder)):
                found += [os.path.join(root, name) for name in names]
        return sorted(found)

    def age(self, seconds):
        """Make all messages that wait for delivery older by so many seconds."""
        for path in self.queued("new", "wait"):
            with open(path, "r+b") as file:
                found = re.search(rb"(?m)^arrived: (\d{10})\.", file.read())
                file.seek(found.start(1))
                file.write(b"%010d" % (int(found[1]) - seconds))

    def queue_text(self):
        return "\n".join(path + ":\n" + open(path, "rb").read(3000).decode("latin1")
                         for path in self.queued())

    def mailbox(self, who):
        """The messages in the Maildir of who, as octets, in the order of their arrival."""
        paths = sorted(glob.glob("%s/%s/new/*" % (self.mail, who))
                       + glob.glob("%s/%s/cur/*" % (self.mail, who)))
        return [open(path, "rb").read() for path in paths]

    def hosts(self):
        try:
            return open(self.queue + "/state/hosts").read()
        except FileNotFoundError:
            return ""

    def keep_queue_note(self, failed):
        if failed:
            note(self.queue_text())
            note(self.log()[-3000:])


def run_client(argv, text=None, deadline_s=30, **more):
    """Run another project's program; the result is its output."""
    done = subprocess.run(argv, input=text, capture_output=True, timeout=deadline_s, **more)
    check(done.returncode == 0, "%s ended with %d" % (argv, done.returncode), done.stdout,
          done.stderr)
    return done.stdout


def peer_environment():
    """The environment for servers in build/peers: their libraries are unpacked beside them."""
    libraries = [PEERS + "/usr/lib/postfix", *glob.glob(PEERS + "/usr/lib/*-linux-gnu"),
                 *glob.glob(PEERS + "/lib/*-linux-gnu")]
    return dict(os.environ, LD_LIBRARY_PATH=":".join(libraries))
