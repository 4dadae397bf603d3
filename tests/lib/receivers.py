# SPDX-License-Identifier: ISC
"""Servers of other projects as receivers, from build/peers: Postfix's smtp-sink and OpenSMTPD."""
import glob
import os
import shutil
import socket
import subprocess

from programs import PEERS, peer_environment
from tap import check, wait_for


def really_root():
    """True for the root of the system, false for the root of a user namespace."""
    return open("/proc/self/uid_map").read().split()[2] != "1"


def listens(address, port=25):
    try:
        socket.create_connection((address, port), 1).close()
        return True
    except OSError:
        return False


class Sink:
    """smtp-sink at address, port 25.

    It offers PIPELINING and 8BITMIME, and keeps each message as a file with LF line ends.
    """

    def __init__(self, directory, address, *options):
        os.makedirs(directory)
        self.directory = directory
        # As root it always changes its user.  A user namespace with one user forbids that.
        if really_root():
            user = [PEERS + "/usr/sbin/smtp-sink", "-u", "root"]
        else:
            user = ["unshare", "--user", "--map-user=65534", PEERS + "/usr/sbin/smtp-sink"]
        self._process = subprocess.Popen([*user, "-h", "sink.example", "-d", directory + "/m",
                                          *options, address + ":25", "1000"],
                                         env=peer_environment())
        check(wait_for(lambda: listens(address), 5), "smtp-sink does not listen")

    def messages(self):
        """The messages, without smtp-sink's lines before each and the empty line after it."""
        paths = sorted(glob.glob(self.directory + "/m*"), key=os.path.getmtime)
        return [open(path, "rb").read().split(b"(UTC)\n", 1)[1].removesuffix(b"\n")
                for path in paths]

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


class OpenSMTPD:
    """OpenSMTPD at address, port 25, for one domain; every user of users has a Maildir.

    It needs accounts and system folders that it owns.  They are in the test's mount namespace only.
    more: rules for mail to other domains.
    """

    def __init__(self, directory, address, domain, users, more=""):
        os.makedirs(directory)
        self._accounts(directory, ["opensmtpd", "opensmtpq", *users])
        self._folders()
        self.mail, self.log = "/mnt/mail", directory + "/log"
        with open(directory + "/smtpd.conf", "w") as file:
            file.write("listen on %s port 25 hostname %s\nsmtp max-message-size 50M\n"
                       "action \"local\" maildir \"%s/%%{dest.user}\"\n"
                       "match from any for domain \"%s\" action \"local\"\n%s"
                       % (address, domain, self.mail, domain, more))
        log = open(self.log, "w")
        self._process = subprocess.Popen([PEERS + "/usr/sbin/smtpd", "-d", "-f",
                                          directory + "/smtpd.conf"], env=peer_environment(),
                                         stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        check(wait_for(lambda: listens(address), 10), "OpenSMTPD does not listen", self.says())

    @staticmethod
    def _accounts(directory, names):
        for kind in ("passwd", "group"):
            path = "%s/%s" % (directory, kind)
            shutil.copy("/etc/" + kind, path)
            with open(path, "a") as file:
                for number, name in enumerate(names, 60780):
                    home = "%d::/mnt/home:/bin/sh" % number if kind == "passwd" else ""
                    file.write("%s:x:%d:%s\n" % (name, number, home))
            subprocess.run(["mount", "--bind", path, "/etc/" + kind], check=True)

    @staticmethod
    def _folders():
        # /run has its control socket: a second OpenSMTPD of this machine would find that in use.
        for path, mode in (("/usr/libexec", "755"), ("/var/spool", "711"), ("/var/lib", "755"),
                           ("/run", "755"), ("/mnt", "755")):
            subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=" + mode, "tmpfs", path],
                           check=True)
        shutil.copytree(PEERS + "/usr/libexec/opensmtpd", "/usr/libexec/opensmtpd")
        os.makedirs("/var/lib/opensmtpd/empty")
        os.mkdir("/mnt/home")
        os.mkdir("/mnt/mail")
        os.chmod("/mnt/mail", 0o1777)

    def says(self):
        return open(self.log).read()

    def messages(self, user):
        """The messages of user with LF line ends, without the fields of this delivery."""
        paths = sorted(glob.glob("%s/%s/new/*" % (self.mail, user)), key=os.path.getmtime)
        return [open(path, "rb").read().split(b"(UTC)\n", 1)[1] for path in paths]

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
