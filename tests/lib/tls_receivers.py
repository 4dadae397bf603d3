# SPDX-License-Identifier: ISC
"""Servers of other projects as receivers with TLS, from build/peers: Postfix and Exim.

They need root, and a mount namespace of their own.
"""
import glob
import os
import re
import shutil
import subprocess

from programs import PEERS, peer_environment
from receivers import listens
from tap import check, wait_for

HERE = "/mnt/receivers"
UID = 65534


def prepare():
    """Mount build/peers on top of /usr, make a folder with a short name, and add Exim's account."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/mnt"], check=True)
    os.makedirs(HERE)
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", "lowerdir=%s/usr:/usr" % PEERS,
                    "/usr"], check=True)
    for kind, line in (("passwd", "Debian-exim:x:60770:60770::/mnt:/bin/sh\n"),
                       ("group", "Debian-exim:x:60770:\n")):
        path = "%s/%s" % (HERE, kind)
        shutil.copy("/etc/" + kind, path)
        with open(path, "a") as file:
            file.write(line)
        subprocess.run(["mount", "--bind", path, "/etc/" + kind], check=True)


def stored(folder):
    """The messages in a Maildir, as octets with LF line ends."""
    return [open(path, "rb").read()
            for path in sorted(glob.glob(folder + "/new/*"), key=os.path.getmtime)]


class Postfix:
    """STARTTLS on port 25, TLS from the first octet on 465; one Maildir for all mail to domain."""

    def __init__(self, address, domain, leaf, *settings):
        self.directory = directory = HERE + "/postfix"
        shutil.copytree(PEERS + "/etc/postfix", directory + "/etc")
        for name in "data", "queue", "mail":
            os.mkdir("%s/%s" % (directory, name))
        shutil.chown(directory + "/data", "mail")
        os.chown(directory + "/mail", UID, UID)
        with open(directory + "/etc/main.cf", "w") as file:
            file.write("""compatibility_level = 3.7
queue_directory = {0}/queue
data_directory = {0}/data
meta_directory = {0}/etc
mail_owner = mail
setgid_group = operator
myhostname = mx.{2}
mydestination =
mynetworks = 127.0.0.0/8
inet_protocols = ipv4
inet_interfaces = 127.0.0.1
smtpd_relay_restrictions = reject_unauth_destination
virtual_mailbox_domains = {2}
virtual_mailbox_base = {0}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{3}
virtual_gid_maps = static:{3}
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_tls_chain_files = {4}, {5}
import_environment = MAIL_CONFIG MAIL_DEBUG LD_LIBRARY_PATH TZ
""".format(directory, address, domain, UID, leaf.key, leaf.chain) + "\n".join(settings) + "\n")
        master = open(PEERS + "/usr/share/postfix/master.cf.dist").read()
        # inet_interfaces cannot do it: the address is local, but no interface has it.
        master = re.sub(r"^smtp( +inet .*)$", address + r":25\1", master, count=1, flags=re.M)
        master = re.sub(r"^(\S+ +\S+ +\S+ +\S+ +)y ", r"\1n ", master, flags=re.M)
        with open(directory + "/etc/master.cf", "w") as file:
            file.write(master + "\n%s:465 inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n"
                       % address)
        self.address = address
        self.start()

    def start(self):
        self._run("start")
        check(wait_for(lambda: listens(self.address) and listens(self.address, 465), 10),
              "Postfix does not listen", self.says())

    def _run(self, what):
        done = subprocess.run(["/usr/sbin/postfix", "-c", self.directory + "/etc", what],
                              env=peer_environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        check(done.returncode == 0, "postfix " + what, done.stdout, done.stderr, self.says())

    def says(self):
        path = self.directory + "/log"
        return open(path).read() if os.path.exists(path) else ""

    def messages(self):
        return stored(self.directory + "/mail/all")

    def stop(self):
        self._run("stop")


# An Exim accepts this login inside TLS: the user, the password, and the mechanism it offers.
EXIM_LOGIN = """begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if and{{{{eq{{$auth2}}{{{user}}}}}{{eq{{$auth3}}{{{password}}}}}}}}}
  server_set_id = $auth2
  server_advertise_condition = ${{if and{{{{def:tls_in_cipher}}{{eq{{{offers}}}{{PLAIN}}}}}}}}
login:
  driver = plaintext
  public_name = LOGIN
  server_prompts = <| Username: | Password:
  server_condition = ${{if and{{{{eq{{$auth1}}{{{user}}}}}{{eq{{$auth2}}{{{password}}}}}}}}}
  server_set_id = $auth1
  server_advertise_condition = ${{if and{{{{def:tls_in_cipher}}{{eq{{{offers}}}{{LOGIN}}}}}}}}
"""


class Exim:
    """Exim on the same ports as Postfix.

    login: (user, password, "PLAIN" or "LOGIN").  With it, Exim accepts mail from that user only,
    for any recipient.
    """

    def __init__(self, address, domain, leaf, name="exim", login=None):
        self.directory = directory = HERE + "/" + name
        for path in directory, directory + "/spool", directory + "/mail":
            os.mkdir(path)
            os.chown(path, UID, UID)
        with open(directory + "/conf", "w") as file:
            file.write("""primary_hostname = mx.{2}
spool_directory = {0}/spool
log_file_path = {0}/log-%s
pid_file_path = {0}/pid
exim_user = {3}
exim_group = {3}
never_users =
local_interfaces = <; [{1}]:25 ; [{1}]:465
tls_on_connect_ports = 465
daemon_smtp_ports = 25 : 465
tls_advertise_hosts = *
tls_certificate = {4}
tls_privatekey = {5}
domainlist local_domains = {2}
acl_smtp_rcpt = {6}
keep_environment =
received_header_text = Received: ${{if def:tls_in_cipher {{($tls_in_ver $tls_in_cipher) }}}}\
${{if def:authenticated_id {{(user $authenticated_id) }}}}by $primary_hostname \
id $message_exim_id
begin routers
all:
  driver = accept
  domains = {7}
  transport = maildir
begin transports
maildir:
  driver = appendfile
  directory = {0}/mail/all
  create_directory
  maildir_format
  user = {3}
  group = {3}
{8}""".format(
    directory, address, domain, UID, leaf.chain, leaf.key,
    "${if def:authenticated_id {accept}{deny}}" if login else "accept",
    "*" if login else "+local_domains",
    EXIM_LOGIN.format(user=login[0], password=login[1], offers=login[2]) if login else ""))
        os.chmod(leaf.key, 0o644)
        self.address = address
        self.start()

    def start(self):
        directory = self.directory
        self._process = subprocess.Popen(["/usr/sbin/exim4", "-C", directory + "/conf",
                                          "-bdf", "-q1h"], env=peer_environment(),
                                         stdin=subprocess.DEVNULL,
                                         stdout=open(directory + "/out", "w"),
                                         stderr=subprocess.STDOUT)
        check(wait_for(lambda: listens(self.address) and listens(self.address, 465), 10),
              "Exim does not listen", self.says())

    def says(self):
        return "\n".join(open(path, errors="replace").read()
                         for path in glob.glob(self.directory + "/log-*")
                         + [self.directory + "/out"])

    def messages(self):
        return stored(self.directory + "/mail/all")

    def restart(self):
        self.stop()
        self.start()

    def stop(self):
        self._process.terminate()
        self._process.wait(10)
