# SPDX-License-Identifier: ISC
"""Run the assertions about senders against $SERVER; results go to $BUILD/conformance/.

It needs root, and a network of its own: tests/delivery/run.
"""
import os
import shlex
import socket
import subprocess
import sys

from conform.options import arguments
from conform.sending import Sending
from conform.trial import SENDING
from one import ADDRESS, DOMAIN, HOST, configured, folder, keep, ours
from programs import BUILD, PEERS, peer_environment
from receivers import OpenSMTPD
from tap import check, wait_for
from tls_receivers import Exim, Postfix

LMTP = "192.0.2.20"
PATIENCE = "2"
# They come last: OpenSMTPD 6.8.0p2 can die of them.
TLS = {133, 134, 159, 277, 278}


def peer(*words):
    """A command with the libraries of build/peers."""
    return shlex.join(["env", "LD_LIBRARY_PATH=" + peer_environment()["LD_LIBRARY_PATH"], *words])


def smtp_handler(directory):
    """The defaults, but for the time-outs."""
    ours(directory, trusted="192.0.2.0/24", more="""[relay]
resolver = 192.0.2.53
allow-loopback-exchangers = yes
greeting-timeout = {0}s
command-timeout = {0}s
data-timeout = {0}s
dot-timeout = {0}s
[route lmtp.example]
via = lmtp://{1}:2424
""".format(PATIENCE, LMTP))
    relay = "%s/smtp-relay -c %s/conf " % (BUILD, directory)
    log = open(directory + "/relay.log", "w")
    subprocess.Popen(shlex.split(relay + "--watch"), stdin=subprocess.DEVNULL, stdout=log,
                     stderr=log)
    return ["--flush", relay + "--flush", "--patience", PATIENCE]


def postfix(directory):
    """Debian's settings: TLS where it is offered."""
    times = "".join("smtp_%s_timeout = %ss\n" % (name, PATIENCE) for name in (
        "connect", "helo", "mail", "rcpt", "data_init", "data_xfer", "data_done", "quit",
        "starttls"))
    server = configured(
        Postfix, "/etc/main.cf",
        ("mynetworks = 127.0.0.0/8", "mynetworks = 127.0.0.0/8 192.0.2.0/24"),
        ("smtpd_relay_restrictions = ", "smtpd_relay_restrictions = permit_mynetworks "),
        ("inet_protocols = ipv4", "inet_protocols = all"),
        ("mydestination =", "mydestination =\nproxy_interfaces = " + ADDRESS + "\n"
         "smtp_tls_security_level = may\n"
         "transport_maps = inline:{ lmtp.example=lmtp:inet:[%s]:2424 }\n%s" % (LMTP, times)))
    return ["--flush", peer("/usr/sbin/postqueue", "-c", server.directory + "/etc", "-f"),
            "--patience", PATIENCE]


EXIM = """begin routers
literal:
  driver = ipliteral
  domains = ! +local_domains
  transport = smtp
lmtp:
  driver = manualroute
  domains = lmtp.example
  transport = lmtp
  route_list = lmtp.example %s
remote:
  driver = dnslookup
  domains = ! +local_domains
  transport = smtp
  no_more
"""
EXIM_TRANSPORTS = """begin retry
* * F,2h,15m; G,16h,1h,1.5; F,4d,6h
begin transports
smtp:
  driver = smtp
  connect_timeout = {0}s
  command_timeout = {0}s
  data_timeout = {0}s
  final_timeout = {0}s
lmtp:
  driver = smtp
  protocol = lmtp
  port = 2424
  hosts_override
"""


def exim(directory):
    """Upstream's default for a host that sends everywhere, in short."""
    server = configured(
        Exim, "/conf",
        ("acl_smtp_rcpt = accept", "acl_smtp_rcpt = accept\nallow_domain_literals\n"
         "dsn_advertise_hosts = *\nsmtputf8_advertise_hosts = *\nsmtp_accept_max = 200"),
        ("begin routers\n", EXIM % LMTP),
        ("begin transports\n", EXIM_TRANSPORTS.format(PATIENCE)))
    return ["--flush", peer("/usr/sbin/exim4", "-C", server.directory + "/conf", "-qf"),
            "--patience", PATIENCE]


def opensmtpd(directory):
    """Its defaults.  Its time-outs cannot be set."""
    OpenSMTPD(directory + "/opensmtpd", ADDRESS, DOMAIN, ["anna"], """action "out" relay
action "lmtp" lmtp "%s:2424"
match from any for domain "lmtp.example" action "lmtp"
match from any for any action "out"
""" % LMTP)
    return ["--flush", peer("setpriv", "--regid", "opensmtpq", "--clear-groups",
                              PEERS + "/usr/sbin/smtpctl", "schedule", "all")]


def greets(address):
    try:
        with socket.create_connection((address, 25), 5) as sock:
            return sock.recv(3) == b"220"
    except OSError:
        return False


SENDERS = {"smtp-handler": smtp_handler, "Postfix": postfix, "Exim": exim, "OpenSMTPD": opensmtpd}


def main(name):
    directory = folder(name + "-sender")
    subprocess.run(["ip", "address", "add", "198.18.0.1/21", "dev", "lo"], check=True)
    facts = SENDERS[name](directory)
    check(wait_for(lambda: greets(ADDRESS), 20), name + " does not greet")
    results = []
    for network, numbers in (("198.18.0.0/22", set(SENDING) - TLS), ("198.18.4.0/22", TLS)):
        results += Sending(arguments([
            "--sink", network, "--sink6", "2001:db8::10/124", "--dns", "192.0.2.53:53",
            "--server", ADDRESS + ":25", "--source", "192.0.2.10", "--settle", "20",
            "--quiet", "2", "--lmtp", "lmtp.example=%s:2424" % LMTP, "--only",
            ",".join(map(str, sorted(numbers))), *facts]), lambda result: None).run()
    keep(name + "-sender", results)


if __name__ == "__main__":
    main(os.environ["SERVER"])
    sys.stdout.flush()
    os._exit(0)
