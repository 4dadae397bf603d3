# SPDX-License-Identifier: ISC
"""Snippets of chapters of the guide, typed in the namespace of a test that has their programs."""
import grp
import os
import subprocess

from programs import PEERS
from snippets import chapters, is_settings
from tap import check
from tls_receivers import HERE

# What a package makes when it is installed: users, folders, and files of its configuration.
USERS = ("_rspamd", "clamav", "opendkim", "smtp-handler", "anna")
# Nothing is installed or started here, and groups of a test's root are of no effect.
STUBS = 'sudo() { "$@"; }; apt-get() { :; }; systemctl() { :; }; usermod() { :; }\nset -eu\n'


def prepare_etc():
    """An /etc and a /run of this test's own, with the users and the files of the packages."""
    for name in "etc", "work":
        os.mkdir("%s/%s" % (HERE, name))
    accounts = {name: open("/etc/" + name).read() for name in ("passwd", "group")}
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o",
                    "lowerdir=/etc,upperdir={0}/etc,workdir={0}/work".format(HERE), "/etc"],
                   check=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
    # Postfix has no further groups: the groups of the filters are its own.
    mail = grp.getgrnam("mail").gr_gid
    for number, name in enumerate(USERS):
        uid, home = 21000 + number, "%s/home/%s" % (HERE, name)
        gid = uid if name == "anna" else mail
        accounts["passwd"] += "%s:x:%d:%d::%s:/bin/sh\n" % (name, uid, gid, home)
        accounts["group"] += "%s:x:%d:\n" % (name, gid)
        os.makedirs(home)
        os.chown(home, uid, gid)
    for name, text in accounts.items():
        with open("/etc/" + name, "w") as file:
            file.write(text)
    os.makedirs("/etc/rspamd/local.d", exist_ok=True)
    for name in "rspamd", "clamav", "opendkim.conf":
        if not os.path.exists("%s/etc/%s" % (PEERS, name)):     # only `make check-filters` has it
            continue
        subprocess.run(["cp", "-a", "%s/etc/%s" % (PEERS, name), "/etc"], check=True)
    for name in "rspamd", "clamav", "opendkim":
        os.mkdir("/run/" + name)
        os.chmod("/run/" + name, 0o777)


def type_chapter(title):
    """Type the commands of a chapter; the result is the settings in it."""
    settings = []
    for text, _ in dict(chapters())[title]:
        if is_settings(text):
            settings.append(text)
            continue
        done = subprocess.run(["bash", "-c", STUBS + text], capture_output=True, text=True)
        check(done.returncode == 0, text, done.stdout, done.stderr)
    return "\n".join(settings) + "\n"
