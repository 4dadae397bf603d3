# SPDX-License-Identifier: ISC
"""The same message through Postfix and through smtp-handler, with the same filters.

It needs root.  Postfix is at 192.0.2.31, smtp-handler at 192.0.2.1; both take mail for example.org.
"""
import glob
import os
import re
import smtplib
import subprocess

from certificates import Authority
from nameservers import nsd
from programs import PEERS, Site, peer_environment
from receivers import really_root
from tap import bail_out, check, same, wait_for
from tls_receivers import HERE, Postfix, prepare

if not really_root():
    bail_out("Postfix changes its users: run this as root")
prepare()
SOCKET, HOST = HERE + "/filter", "mx.example.org"
RECEIVED = rb"(?m)^Received: .*\n(?:[ \t].*\n)*"
HEADER = (b"From: Anna <anna@%s>\r\nTo: b@example.org\r\nSubject:  two blanks\r\n"
          b"X-Fold: one\r\n two\r\n\tthree \r\nX-Tab:\ttab\r\nX-None:none\r\n"
          b"Message-ID: <1@client.example>\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\n"
          b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n")
TEXT = b"\r\nHello.\r\n.dot\r\n\r\n\r\n"
LARGE = TEXT + b"0123456789" * 7 + b"\r\n" + (b"line of a large body\r\n" * 10000)
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def message(author=b"client.example", text=TEXT, more=b""):
    return more + HEADER % author + text


def name_server(directory, more=""):
    """All questions to the DNS of this test go to a server of its own; more: records of example."""
    nsd(directory + "/nsd", {
        "example": "client A 192.0.2.10\n" + more + "".join(
            '_dmarc.%s TXT "v=DMARC1\\; p=%s"\n%s TXT "v=spf1 -all"\n' % (p, p, p)
            for p in ("reject", "quarantine", "none")),
        "org": "", "arpa": ""})
    with open(HERE + "/resolv.conf", "w") as file:
        file.write("nameserver 192.0.2.53\noptions timeout:1 attempts:1\n")
    subprocess.run(["mount", "--bind", HERE + "/resolv.conf", "/etc/resolv.conf"], check=True)


class Both:
    """settings: of smtp-handler, in place of a route that discards; milters: of both."""

    def __init__(self, settings="[route example.org]\nvia = discard\naccept = anyone\n",
                 options=(), milters=("unix:" + SOCKET,)):
        authority = Authority(HERE + "/ca")
        self.postfix = Postfix("192.0.2.31", "example.org", authority.leaf("postfix", HOST))
        self.site = Site("ours", settings, hostname=HOST)
        self.options = ["server.trusted=127.0.0.0/8", *options]
        self.use(*milters)

    def use(self, *milters):
        """These are the filters from now on."""
        with open(self.postfix.directory + "/etc/main.cf", "a") as file:
            file.write("smtpd_milters = %s\nmilter_default_action = tempfail\n" %
                       " ".join(milters))
        subprocess.run(["/usr/sbin/postfix", "-c", self.postfix.directory + "/etc", "reload"],
                       env=peer_environment(), stdin=subprocess.DEVNULL, capture_output=True,
                       check=True)
        self.site.stop()
        options = ["server.milter=" + ", ".join(milters), *self.options]
        self.site.listen(*[word for option in options for word in ("-o", option)])

    def stop(self):
        self.postfix.stop()
        self.site.stop()

    def send(self, address, message, sender="anna@client.example", rcpt="b@example.org",
             source="192.0.2.10"):
        """The replies to the commands, up to the first that is refused."""
        replies = []
        smtp = smtplib.SMTP(timeout=30, local_hostname="client.example",
                            source_address=(source, 0))
        replies.append(smtp.connect(address, 25))
        for step in (smtp.ehlo, lambda: smtp.mail(sender), lambda: smtp.rcpt(rcpt),
                     lambda: smtp.data(message)):
            if replies[-1][0] >= 400:
                break
            try:
                replies.append(step())
            except smtplib.SMTPDataError as refusal:
                replies.append((refusal.smtp_code, refusal.smtp_error))
        smtp.close()
        return replies

    def through_postfix(self, message, **more):
        """The last reply, and the message as it is delivered, or None."""
        had, held = len(self.postfix.messages()), self.held()
        replies = self.send("192.0.2.31", message, **more)
        if replies[-1][0] >= 400:
            return replies[-1], None
        check(wait_for(lambda: len(self.postfix.messages()) > had or self.held() > held, 15),
              "not delivered", self.postfix.says())
        if self.held() > held:
            return replies[-1], "held"
        got = self.postfix.messages()[-1]
        return replies[-1], re.sub(
            rb"\A(?:(?:Return-Path|X-Original-To|Delivered-To): .*\n)+", b"", got)

    def held(self):
        return len(glob.glob(self.postfix.directory + "/queue/hold/*"))

    def through_us(self, message, **more):
        """The same here; the message as it is queued."""
        before = set(self.site.queued("new"))
        replies = self.send("192.0.2.1", message, **more)
        new = [path for path in self.site.queued("new") if path not in before]
        same(len(new), int(replies[-1][0] < 400), replies, self.site.log("handler")[-2000:])
        if not new:
            return replies[-1], None
        with open(new[0], "rb") as file:
            self.envelope, content = file.read().split(b"\n\n", 1)
        if b"\nquarantine: " in self.envelope:
            return replies[-1], "held"
        return replies[-1], content.replace(b"\r\n", b"\n")

    def compare(self, message, mask=lambda message: message, **more):
        """Both must be the same but for what mask() removes.  The reply, and the message here."""
        (their_reply, theirs), (reply, ours) = (through(message, **more) for through in
                                                (self.through_postfix, self.through_us))
        same(reply[0], their_reply[0], reply, their_reply, self.site.log("handler")[-2000:])
        if reply[0] >= 400:
            same(reply, their_reply)
        same(*(mask(re.sub(RECEIVED, b"(Received)\n", text, count=1))
               if isinstance(text, bytes) else text for text in (ours, theirs)))
        return reply, ours


class Program:
    """Another project's program.  It is ready if ready() is true: by default, if the socket is
    there."""

    def __init__(self, argv, ready=None, socket=SOCKET, **environment):
        if os.path.exists(socket):
            os.unlink(socket)
        name = os.path.basename(argv[0])
        modules = PEERS + "/usr/lib/python3/dist-packages"
        perl = [PEERS + "/usr/share/perl5", *glob.glob(PEERS + "/usr/lib/*/perl5/5.*")]
        self.log_path = "%s/%s.log" % (HERE, name)
        self.process = subprocess.Popen(
            argv, env=dict(peer_environment(), PYTHONPATH=modules, PERL5LIB=":".join(perl),
                           **environment),
            stdin=subprocess.DEVNULL, stdout=open(self.log_path, "w"), stderr=subprocess.STDOUT)
        check(wait_for(ready or (lambda: os.path.exists(socket)), 90), argv, self.log()[-4000:])
        if os.path.exists(socket):
            os.chmod(socket, 0o666)

    def log(self):
        return open(self.log_path, errors="replace").read()

    def stop(self):
        self.process.kill()     # libmilter sees another signal only after seconds
        self.process.wait(10)


def clamd():
    """clamd with one signature, at the socket that Debian's has."""
    os.makedirs(HERE + "/clamav")
    # NAME:TYPE:OFFSET:OCTETS; of any type, at any place
    with open(HERE + "/clamav/test.ndb", "w") as file:
        file.write("Eicar-Test:0:*:%s\n" % EICAR.hex())
    with open("/etc/clamav/clamd.conf", "w") as file:
        file.write("LocalSocket /run/clamav/clamd.ctl\nDatabaseDirectory %s/clamav\n"
                   "Foreground true\n" % HERE)
    return Program(["/usr/sbin/clamd", "-c", "/etc/clamav/clamd.conf"],
                   socket="/run/clamav/clamd.ctl")
