# SPDX-License-Identifier: ISC
"""Dovecot's LMTP server from build/peers, on a socket and on a port, for users with Maildirs.

It needs root.
"""
import glob
import os
import subprocess

from programs import PEERS
from tap import check, wait_for

DIRECTORY = "/mnt/dovecot"      # short, because the path of a socket begins with it


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
        # Dovecot finds its parts below /usr only, so they are mounted there.
        mount = ("mount -t overlay overlay -o lowerdir=%s/usr:/usr /usr && exec dovecot -F -c "
                 "%s/dovecot.conf")
        with open(DIRECTORY + "/stderr", "w") as stderr:
            self._process = subprocess.Popen(["unshare", "--mount", "sh",
                                              "-c", mount % (PEERS, DIRECTORY)],
                                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                             stderr=stderr)
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
