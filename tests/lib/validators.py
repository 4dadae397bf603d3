# SPDX-License-Identifier: ISC
"""The process that validates, asked by build/tests/validate, and Unbound as its oracle."""
import collections
import socket
import struct
import subprocess

from nameservers import A, AAAA, MX, wire_name
from programs import BUILD, PEERS, peer_environment
from tap import wait_for

CNAME, TLSA = 5, 52
KINDS = {"A": A, "AAAA": AAAA, "MX": MX, "CNAME": CNAME, "TLSA": TLSA}
Verdict = collections.namedtuple("Verdict", "status trust n canonical why")


class Validator:
    """works, why: the result of its test; pid: its process."""

    def __init__(self, anchor, *servers):
        self.process = subprocess.Popen([BUILD + "/tests/validate", anchor, *servers],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        state, self.why, pid = self.process.stdout.readline().rstrip("\n").split("\t")
        self.works, self.pid = state == "works", int(pid)

    def ask(self, *questions):
        """The verdicts on questions "NAME TYPE", which are asked at once."""
        self.process.stdin.write("\n".join(questions) + "\n\n")
        self.process.stdin.flush()
        found = [Verdict(*self.process.stdout.readline().rstrip("\n").split("\t"))
                 for _ in questions]
        return found if len(found) > 1 else found[0]

    def close(self):
        self.process.stdin.close()
        return self.process.wait(10)


class Unbound:
    """Unbound on address, which forwards to server, with the keys of the root in anchor."""

    def __init__(self, directory, anchor, address="127.0.0.1", server="192.0.2.53"):
        self.address = address
        with open(directory + "/unbound.conf", "w") as file:
            file.write("""server:
  interface: %s
  access-control: 0.0.0.0/0 allow
  chroot: ""
  username: ""
  directory: "%s"
  pidfile: ""
  use-syslog: no
  do-not-query-localhost: no
  trust-anchor-file: "%s"
forward-zone:
  name: "."
  forward-addr: %s
remote-control:
  control-enable: no
""" % (address, directory, anchor, server))
        log = open(directory + "/unbound.log", "w")
        self.process = subprocess.Popen(
            [PEERS + "/usr/sbin/unbound", "-d", "-c", directory + "/unbound.conf"],
            env=peer_environment(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        if not wait_for(lambda: self.process.poll() is None and self.answers(), 10):
            raise RuntimeError("Unbound: " + open(directory + "/unbound.log").read())

    def answers(self):
        try:
            return self.query("lab", A)
        except OSError:
            return None

    def query(self, name, kind):
        """The reply to a question with AD and DO."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.settimeout(5)
            s.connect((self.address, 53))
            s.send(struct.pack("!6H", 7, 0x0120, 1, 0, 0, 1) + wire_name(name)
                   + struct.pack("!2H", kind, 1) + b"\0" + struct.pack("!HHIH", 41, 4096, 32768, 0))
            return s.recv(65535)

    def verdict(self, question):
        """(status, trust) as dns/ has them; SERVFAIL is "bogus"."""
        name, kind = question.split()
        reply = self.query(name, KINDS[kind])
        flags, _, answers = struct.unpack("!3H", reply[2:8])
        if flags & 15 == 2:
            return "SERVFAIL", "bogus"
        status = "NXDOMAIN" if flags & 15 == 3 else "found" if self._has(reply, KINDS[kind],
                                                                          answers) \
            else "no such record"
        return status, "secure" if flags & 0x20 else "insecure"

    @staticmethod
    def _has(reply, kind, answers):
        at = 12
        while reply[at]:
            at += 1 + reply[at]
        at += 5
        for _ in range(answers):
            while reply[at] and reply[at] < 192:
                at += 1 + reply[at]
            at += 2 if reply[at] else 1
            this, _, _, size = struct.unpack("!HHIH", reply[at:at + 10])
            if this == kind:
                return True
            at += 10 + size
        return False
