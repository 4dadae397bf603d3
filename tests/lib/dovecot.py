# SPDX-License-Identifier: ISC
"""Dovecot from build/peers: an LMTP server for users with Maildirs, or Debian's configuration with
the files of the guide.

It needs root.
"""
import glob
import os
import shutil
import subprocess

from programs import PEERS
from snippets import file_of_guide
from tap import check, wait_for

DIRECTORY = "/mnt/dovecot"      # short, because the path of a socket begins with it
# Dovecot finds its parts below /usr only, so they are mounted there.
OVERLAY = "mount -t overlay overlay -o lowerdir=%s/usr:/usr /usr" % PEERS


def start(directory, *commands):
    """Run commands in a mount namespace of their own; the last one becomes Dovecot."""
    with open(directory + "/stderr", "w") as stderr:
        return subprocess.Popen(["unshare", "--mount", "sh", "-ec", "\n".join(commands)],
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)


class Dovecot:
    """users: addresses, each with the octets that it may store (0: no limit)."""

    def __init__(self, address, port, users):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt"], check=True)
        os.makedirs(DIRECTORY)
        os.mkdir(DIRECTORY + "/mail", 0o777)
        os.chmod(DIRECTORY + "/mail", 0o777)
        self.socket = DIRECTORY + "/run/lmtp"
        with open(DIRECTORY + "/users", "w") as file:
            for name, octets in users.items():
                file.write("%s::65534:65534::%s/mail/%s::%s\n" % (
                    name, DIRECTORY, name, "userdb_quota_rule=*:bytes=%d" % octets
                    if octets else ""))
        with open(DIRECTORY + "/dovecot.conf", "w") as file:
            file.write("""
base_dir = {0}/run
state_dir = {0}/state
log_path = {0}/log
protocols = lmtp
listen = {1}
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
mail_location = maildir:~/Maildir
mail_plugins = quota
plugin {{
  quota = maildir:User quota
}}
quota_full_tempfail = yes
protocol lmtp {{
  mail_plugins = quota
}}
passdb {{
  driver = passwd-file
  args = {0}/users
}}
userdb {{
  driver = passwd-file
  args = {0}/users
}}
service lmtp {{
  inet_listener lmtp {{
    port = {2}
  }}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
""".format(DIRECTORY, address, port))
        self._process = start(DIRECTORY, OVERLAY,
                              "exec dovecot -F -c %s/dovecot.conf" % DIRECTORY)
        check(wait_for(lambda: os.path.exists(self.socket), 10), "no Dovecot", self.says())

    def says(self):
        return "".join(open(path).read() for path in (DIRECTORY + "/stderr", DIRECTORY + "/log")
                       if os.path.exists(path))

    def messages(self, user):
        """The messages of user, with LF line ends and the header fields of the delivery."""
        paths = sorted(glob.glob("%s/mail/%s/Maildir/new/*" % (DIRECTORY, user)),
                       key=os.path.getmtime)
        return [open(path, "rb").read() for path in paths]

    def pause(self, off):
        """With off, no new mailbox can be made; with off false, it can again."""
        os.chmod(DIRECTORY + "/mail", 0o555 if off else 0o777)

    def stop(self):
        self._process.terminate()
        self._process.wait(10)


class DebianDovecot:
    """Debian's configuration, and files of smtp-handler-guide(7).

    It has a /etc and users of its own, whose homes are below directory.  /mnt must be a tmpfs.  The
    protocol is what the package of LMTP adds as it is installed.
    """

    def __init__(self, name, address, users=(), files=(), before=":"):
        self.directory = directory = DIRECTORY + "/" + name
        self.socket, self._before = directory + "/run/lmtp", before
        shutil.copytree(PEERS + "/usr/share/dovecot", directory + "/etc/dovecot")
        os.unlink(directory + "/etc/dovecot/conf.d/10-ssl.conf")
        os.mkdir(directory + "/work")
        os.chmod(DIRECTORY, 0o755)
        accounts = open("/etc/passwd").read() + "smtp-relay:x:0:0::/:/bin/false\n"
        for number, user in enumerate(users):
            os.makedirs("%s/home/%s" % (directory, user))
            os.chown("%s/home/%s" % (directory, user), 2000 + number, 2000)
            accounts += "%s:x:%d:2000::%s/home/%s:/bin/false\n" % (
                user, 2000 + number, directory, user)
        self._write("passwd", accounts)
        for path in files:
            self._write(path[len("/etc/"):], file_of_guide(path))
        self._write("dovecot/conf.d/99-test.conf", """
protocols = lmtp
base_dir = {0}/run
state_dir = {0}/state
log_path = {0}/log
listen = {1}
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
""".format(directory, address))
        self.start()

    def _write(self, name, text):
        with open(self.directory + "/etc/" + name, "w") as file:
            file.write(text)

    def start(self):
        own = "mount -t overlay overlay -o lowerdir=/etc,upperdir={0}/etc,workdir={0}/work /etc"
        self._process = start(self.directory, OVERLAY, own.format(self.directory), self._before,
                              "exec dovecot -F")
        check(wait_for(lambda: os.path.exists(self.socket), 10), "no Dovecot", self.says())

    def says(self):
        return "".join(open(path).read()
                       for path in (self.directory + "/stderr", self.directory + "/log")
                       if os.path.exists(path))

    def messages(self, user):
        return [open(path, "rb").read() for path in sorted(glob.glob(
            "%s/home/%s/Maildir/new/*" % (self.directory, user)))]

    def kill(self):
        """All its processes end at once."""
        master = int(open(self.directory + "/run/master.pid").read())
        found = subprocess.run(["pgrep", "-P", str(master)], capture_output=True, text=True).stdout
        subprocess.run(["kill", "-KILL", str(master), *found.split()], check=False)
        self._process.wait(10)
        os.unlink(self.socket)
