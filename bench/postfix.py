# SPDX-License-Identifier: ISC
"""Postfix beside this project: it takes messages on 127.0.0.1:2525, and delivers them."""
import glob
import os
import re
import shutil
import subprocess
import time

from programs import PEERS, peer_environment
from rig import DIRECTORY, command


def has_postfix():
    return os.path.exists(PEERS + "/usr/sbin/postfix")


def mount_postfix():
    """Put build/peers on top of /usr, if Postfix is there."""
    if has_postfix():
        command("mount", "-t", "overlay", "-o", "lowerdir=%s/usr:/usr" % PEERS, "overlay", "/usr")


class Postfix:
    """Postfix with its own defaults, in a mount namespace with build/peers on top of /usr.

    Nothing reads its log.
    """
    name, port, peak_kb = "postfix", 2525, 0

    def __init__(self, *settings):
        self.directory = DIRECTORY + "/postfix"
        shutil.rmtree(self.directory, ignore_errors=True)
        shutil.copytree(PEERS + "/etc/postfix", self.directory + "/etc")
        os.mkdir(self.directory + "/data")
        os.mkdir(self.directory + "/queue")
        shutil.chown(self.directory + "/data", "mail")
        with open(self.directory + "/etc/main.cf", "w") as file:
            file.write(
                "compatibility_level = 3.7\nqueue_directory = %s/queue\ndata_directory = %s/data\n"
                "meta_directory = %s/etc\nmail_owner = mail\nsetgid_group = operator\n"
                "myhostname = bench.sender.example\nmydestination =\nmynetworks = 127.0.0.0/8\n"
                "inet_protocols = ipv4\ninet_interfaces = 127.0.0.1\n"
                "smtpd_client_restrictions = static:HOLD\nin_flow_delay = 0\n"
                "import_environment = MAIL_CONFIG MAIL_DEBUG LD_LIBRARY_PATH TZ\n%s\n"
                % (self.directory, self.directory, self.directory, "\n".join(settings)))
        master = open(PEERS + "/usr/share/postfix/master.cf.dist").read()
        master = re.sub(r"^(smtp +inet .*)$", "127.0.0.1:2525 inet n - n - - smtpd", master,
                        count=1, flags=re.M)
        master = re.sub(r"^(\S+ +\S+ +\S+ +\S+ +)y ", r"\1n ", master, flags=re.M)
        open(self.directory + "/etc/master.cf", "w").write(master)
        self._run("postfix", "start")

    def _run(self, *argv):
        command(argv[0], "-c", self.directory + "/etc", *argv[1:], env=peer_environment(),
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                stderr=open(self.directory + "/log", "a"))

    def fill(self, count, domain, domains):
        """Each message goes through smtpd into hold/.  start() moves them all into incoming/."""
        for i in range(domains):
            share = (count + domains - 1 - i) // domains
            command("smtp-source", "-c", "-l", "1024", "-m", str(share), "-s", "4",
                    "-f", "sender@sender.example",
                    "-t", "user@%s.bench.example" % domain.replace("%u", str(i)), "127.0.0.1:2525",
                    env=peer_environment(), stdout=subprocess.DEVNULL)

    def start(self):
        self._run("postfix", "stop")
        for path in glob.glob(self.directory + "/queue/hold/*"):
            os.rename(path, path.replace("/hold/", "/incoming/"))
        start = time.monotonic()
        self._run("postfix", "start")
        return start

    @property
    def pid(self):
        return int(open(self.directory + "/queue/pid/master.pid").read())

    def kick(self):
        """It looks for new files in incoming/."""
        self._run("postfix", "flush")

    def stop(self):
        self._run("postfix", "stop")
