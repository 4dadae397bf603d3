# SPDX-License-Identifier: ISC
"""smtp-handler with TLS, for tests: certificates made on the spot, and a listener.

The system chooses the port.
"""
import os
import re
import shutil
import signal
import smtplib
import socket
import ssl
import subprocess

from tap import check, wait_for

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
HANDLER = BUILD + "/smtp-handler"
HOST = "mx.example.org"
# In a sanitizer build, no leaks can be found in the sandbox, and memory has no other limit.
ENVIRONMENT = {**os.environ, "ASAN_OPTIONS":
               "detect_leaks=0:allocator_may_return_null=1:max_allocation_size_mb=1000"}


def certificate(path, name, kind="ec", days=30, names=None):
    """Make path.pem and path.key for that host name; the result is path.  names replaces the value
    of subjectAltName; if it is empty, there is no such field."""
    how = {"ec": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["rsa:2048"]}[kind]
    names = "DNS:" + name if names is None else names
    alternative = ["-addext", "subjectAltName=" + names] if names else []
    subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey", *how, "-keyout", path + ".key",
                    "-out", path + ".pem", "-days", str(days), "-subj", "/CN=" + name,
                    *alternative], check=True, capture_output=True)
    os.chmod(path + ".key", 0o600)
    return path


class Server:
    """A listener in a folder of its own; settings are lines for [server]."""

    def __init__(self, name, *settings, implicit=False, env=None):
        self.directory = os.path.join(BUILD, "tests", name)
        # A session of the last server of that name may just end in it.
        check(wait_for(lambda: shutil.rmtree(self.directory, ignore_errors=True)
                       or not os.path.exists(self.directory)), self.directory)
        os.makedirs(self.directory)
        self.config = self.directory + "/conf"
        with open(self.config, "w") as file:
            file.write("[queue]\ndirectory = %s/queue\nmin-free = 0\n[server]\nhostname = %s\n"
                       % (self.directory, HOST))
            file.write("\n".join(settings) + "\n[route example.org]\nvia = discard\n")
        self.log_name = self.directory + "/log"
        self.process = subprocess.Popen(
            [HANDLER, "-c", self.config, "--listen", "127.0.0.1:0"] + ["--implicit"] * implicit,
            stderr=open(self.log_name, "w"), env={**ENVIRONMENT, **(env or {})})
        found = wait_for(lambda: re.search(r"listening address=\S+ port=(\d+)", self.log()))
        check(found, "it does not listen", self.log())
        self.port = int(found[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        finally:
            self.process.kill()

    def log(self):
        with open(self.log_name, errors="replace") as file:
            return file.read()

    def logged(self, pattern):
        """Wait for a line in the log; fail if there is none."""
        found = wait_for(lambda: re.search(pattern, self.log()))
        check(found, "not in the log: " + pattern, self.log())
        return found

    def connect(self):
        sock = socket.create_connection(("127.0.0.1", self.port), 20)
        return sock

    def smtp(self, client="127.0.0.1"):
        """A client in the clear, after the greeting; it has this address."""
        return smtplib.SMTP("127.0.0.1", self.port, local_hostname="client.example", timeout=20,
                            source_address=(client, 0))

    def tls(self, context=None, name=HOST, client="127.0.0.1"):
        """A client after STARTTLS, before its EHLO."""
        smtp = self.smtp(client)
        smtp._host = name       # smtplib sends it by SNI and compares it with the certificate
        smtp.starttls(context=context or anyone())
        return smtp

    def messages(self):
        """The contents of the files in the queue."""
        folder = self.directory + "/queue/new"
        return [open(os.path.join(folder, f), "rb").read() for f in sorted(os.listdir(folder))] \
            if os.path.isdir(folder) else []

    def session(self, smtp):
        """The process id of the session at the other end of smtp."""
        port = smtp.sock.getsockname()[1]
        pids = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True,
                              text=True).stdout.split()
        inodes = set()
        for line in open("/proc/net/tcp").readlines()[1:]:
            fields = line.split()
            if fields[1].endswith(":%04X" % self.port) and fields[2].endswith(":%04X" % port):
                inodes.add("socket:[%s]" % fields[9])
        for pid in pids:
            try:
                if any(os.readlink("/proc/%s/fd/%s" % (pid, fd)) in inodes
                       for fd in os.listdir("/proc/%s/fd" % pid)):
                    return int(pid)
            except FileNotFoundError:       # a session that has just ended
                pass
        return None


def in_memory(pid, secrets):
    """The octets of {name: [forms]} that are in the process's writable memory: [(name, area)]."""
    found = []
    with open("/proc/%d/maps" % pid) as maps, open("/proc/%d/mem" % pid, "rb", 0) as memory:
        for line in maps:
            area, rights = line.split()[:2]
            start, end = (int(x, 16) for x in area.split("-"))
            # An area of this size belongs to a sanitizer.
            if not rights.startswith("rw") or end - start > 1 << 30:
                continue
            memory.seek(start)
            octets = memory.read(end - start)
            found += [(name, line.strip()) for name, forms in secrets.items() for form in forms
                      if form in octets]
    return found


def anyone():
    """A client's context that accepts any certificate."""
    return ssl._create_unverified_context()


def trusting(path):
    """A client's context that accepts this certificate only, for its name only."""
    return ssl.create_default_context(cafile=path + ".pem")
