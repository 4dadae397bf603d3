# SPDX-License-Identifier: ISC
"""Run the assertions against the server $SERVER; results go to $BUILD/conformance/$SERVER.json.

It needs root, and a network of its own: tests/delivery/run.
"""
import json
import os
import socket
import subprocess
import sys

from certificates import Authority
from conform.options import arguments
from conform.report import Run
from programs import BUILD, PEERS, fresh_directory
from receivers import OpenSMTPD, listens, really_root
from tap import bail_out, check, wait_for
from tls_receivers import Exim, Postfix, prepare

DOMAIN, HOST, ADDRESS = "example.org", "mx.example.org", "192.0.2.31"
KNOWN = ["--rcpt", "anna@" + DOMAIN, "--no-rcpt", "no-such-user@" + DOMAIN,
         "--foreign", "x@foreign.example"]


def no_dns(directory):
    """All questions to the DNS fail at once, and the host has a name with a domain."""
    with open(directory + "/resolv.conf", "w") as file:
        file.write("nameserver 192.0.2.53\noptions timeout:1 attempts:1\n")
    with open(directory + "/hosts", "w") as file:
        file.write("127.0.0.1 localhost\n%s %s %s\n" % (ADDRESS, HOST, socket.gethostname()))
    for name in "resolv.conf", "hosts":
        subprocess.run(["mount", "--bind", "%s/%s" % (directory, name), "/etc/" + name],
                       check=True)


def replace(path, *changes):
    with open(path) as file:
        text = file.read()
    for old, new in changes:
        check(old in text, old)
        text = text.replace(old, new)
    with open(path, "w") as file:
        file.write(text)


def ours(directory, syntax="tolerant", trusted="", more=""):
    leaf = Authority(directory + "/ca").leaf("mx", HOST)
    with open(directory + "/users", "w") as file:
        file.write("anna\n")
    with open(directory + "/conf", "w") as file:
        file.write("""[queue]
directory = {0}/queue
[server]
hostname = {1}
trusted = {5}
max-message-size = 1M
syntax = {4}
tls = offer
tls-certificate = {2.chain}
tls-key = {2.key}
[route {3}]
via = maildir:{0}/mail/{{local}}
recipients = {0}/users
{6}""".format(directory, HOST, leaf, DOMAIN, syntax, trusted, more))
    log = open(directory + "/log", "w")
    subprocess.Popen([BUILD + "/smtp-handler", "-c", directory + "/conf", "--listen",
                      ADDRESS + ":25"], stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return [*KNOWN, "--mailbox", directory + "/mail/anna", "--mailbox",
            directory + "/mail/postmaster", "--flush",
            "%s/smtp-relay -c %s/conf" % (BUILD, directory)]


def configured(kind, file, *changes):
    """A server of this class, with changes in a file of its settings."""
    prepare()
    leaf = Authority("/mnt/receivers/ca").leaf(kind.__name__.lower(), HOST)
    server = kind(ADDRESS, DOMAIN, leaf)
    server.stop()
    replace(server.directory + file, *changes)
    server.start()
    return server


def strict(directory):
    return ours(directory, "strict")


def postfix(directory):
    """Debian's settings, two mailboxes, a limit of 1 MB."""
    server = configured(
        Postfix, "/etc/main.cf", ("mydestination =", "mydestination = " + HOST),
        ("virtual_mailbox_maps = static:all/", "virtual_mailbox_maps = inline:{ "
         "{anna@%s = all/}, {postmaster@%s = all/} }\nmessage_size_limit = 1000000\n"
         "alias_maps =\nlocal_recipient_maps =\nlocal_transport = discard:" % (DOMAIN, DOMAIN)))
    return [*KNOWN, "--mailbox", server.directory + "/mail/all"]


def exim(directory):
    """The rules of upstream's default configuration about recipients, in short; 1 MB."""
    server = configured(
        Exim, "/conf",
        ("acl_smtp_rcpt = accept", "acl_smtp_rcpt = check_rcpt\nqualify_domain = %s\n"
         "message_size_limit = 1000000" % DOMAIN),
        ("received_header_text = Received: ${if def:tls_in_cipher {($tls_in_ver "
         "$tls_in_cipher) }}${if def:authenticated_id {(user $authenticated_id) }}by "
         "$primary_hostname id $message_exim_id\n", ""),
        ("begin routers", "begin acl\ncheck_rcpt:\n  accept domains = +local_domains\n"
         "    local_parts = anna : postmaster\n"
         "  deny domains = +local_domains\n    message = unknown user\n"
         "  deny message = relay not permitted\nbegin routers"),
        ("  maildir_format\n", "  maildir_format\n  return_path_add\n"))
    return [*KNOWN, "--mailbox", server.directory + "/mail/all"]


def opensmtpd(directory):
    """Its defaults; the users are anna and postmaster."""
    server = OpenSMTPD(directory + "/opensmtpd", ADDRESS, DOMAIN, ["anna", "postmaster"])
    return [*KNOWN, "--mailbox", server.mail + "/anna", "--mailbox", server.mail + "/postmaster",
            "--largest", "60000000"]


def aiosmtpd(directory):
    """Its own handler Mailbox, which takes any recipient."""
    path = PEERS + "/usr/lib/python3/dist-packages"
    log = open(directory + "/log", "w")
    subprocess.Popen(["/usr/bin/python3", "-m", "aiosmtpd", "-n", "-s", "1000000",
                      "-c", "aiosmtpd.handlers.Mailbox", directory + "/mail",
                      "-l", ADDRESS + ":25"], env=dict(os.environ, PYTHONPATH=path),
                     stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    return ["--rcpt", "anna@" + DOMAIN, "--mailbox", directory + "/mail"]


SERVERS = {"smtp-handler": ours, "smtp-handler-strict": strict, "Postfix": postfix, "Exim": exim,
           "OpenSMTPD": opensmtpd, "aiosmtpd": aiosmtpd}


def keep(name, results):
    os.makedirs(BUILD + "/conformance", exist_ok=True)
    with open("%s/conformance/%s.json" % (BUILD, name), "w") as file:
        json.dump([{"number": result.about.number, "name": result.about.name(),
                    "text": result.about.text, "section": result.about.section,
                    "verdict": result.verdict, "why": result.why,
                    "failures": [vars(failure) for failure in result.failures]}
                   for result in results], file, indent=1)


def folder(name):
    """A folder for a server, on a host that is prepared for it."""
    if not really_root():
        bail_out("Postfix, Exim and OpenSMTPD change their users: run this as root")
    directory = fresh_directory(name)
    os.chmod(directory, 0o755)
    no_dns(directory)
    return directory


def main(name):
    directory = folder(name)
    facts = SERVERS[name](directory)
    check(wait_for(lambda: listens(ADDRESS), 20), name + " does not listen")
    keep(name, Run(arguments(["--server", ADDRESS + ":25", "--source", "192.0.2.10", *facts]),
                   lambda result: None).run())


if __name__ == "__main__":
    main(os.environ["SERVER"])
    sys.stdout.flush()
    os._exit(0)
