# SPDX-License-Identifier: ISC
"""The deploy hook of certificates, as certbot and acme.sh call it, and by a real certbot."""
import json
import os
import shutil
import socket
import ssl
import stat
import subprocess
import sys

from certificates import Authority
from programs import PEERS, Site, fresh_directory
from tap import check, main, same, test, wait_for

top = fresh_directory()
FOLDER = top + "/etc/smtp-handler/tls"
TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../tools/hooks")
authority = Authority(top + "/ca")
good = authority.leaf("good", "mail.example.org", "smtp.example.org")
next_one = authority.leaf("next", "mail.example.org")
other = authority.leaf("other", "www.example.org")
expired = authority.leaf("expired", "mail.example.org", days=-1)

# The hook as `make install` fills it in.
BIN = fresh_directory("bin")
with open(TOOLS + "/smtp-handler-certificate") as source, \
        open(BIN + "/smtp-handler-certificate", "w") as target:
    target.write(source.read().replace("@SYSCONFDIR@", top + "/etc")
                 .replace("owner=smtp-handler", "owner=root"))
os.chmod(BIN + "/smtp-handler-certificate", 0o755)
PATH = BIN + ":" + os.environ["PATH"]


def shell(script, **variables):
    return subprocess.run(["sh", "-c", script], env={"PATH": PATH, **variables}, text=True,
                          capture_output=True, timeout=60)


def lineage(leaf):
    """A folder like /etc/letsencrypt/live/NAME: links into an archive."""
    live = fresh_directory("live")
    for name, path in ("privkey.pem", leaf.key), ("fullchain.pem", leaf.chain):
        os.symlink(path, live + "/" + name)
    return live


def certbot_calls(leaf, command="smtp-handler-certificate", names="mail.example.org"):
    """A deploy hook gets two variables, and a shell runs it."""
    return shell(command, RENEWED_LINEAGE=lineage(leaf), RENEWED_DOMAINS=names)


def acme_reloads(leaf, command):
    """A reload command of acme.sh: in the folder of the domain, by eval, with variables."""
    return shell('cd "%s" && eval "$command"' % fresh_directory("acme"), command=command,
                 CERT_PATH=leaf.chain, CERT_KEY_PATH=leaf.key, CA_CERT_PATH=authority.file,
                 CERT_FULLCHAIN_PATH=leaf.chain, Le_Domain="mail.example.org")


def acme_deploys(leaf):
    """acme.sh reads the file of the hook, and calls its function."""
    return shell('. "$hook" && "smtp_handler_deploy" mail.example.org "$1" "$2" "$3" "$2"'
                 .replace("$1", leaf.key).replace("$2", leaf.chain).replace("$3", authority.file),
                 hook=TOOLS + "/smtp_handler.sh")


def is_installed(leaf):
    same(open(FOLDER + "/key.pem").read(), open(leaf.key).read())
    same(open(FOLDER + "/certificate.pem").read(), open(leaf.chain).read())
    same(sorted(os.listdir(FOLDER)), ["certificate.pem", "key.pem"])
    same(stat.S_IMODE(os.stat(FOLDER + "/key.pem").st_mode), 0o600)
    same(stat.S_IMODE(os.stat(FOLDER + "/certificate.pem").st_mode), 0o644)


def works(done, leaf):
    same((done.returncode, done.stderr), (0, ""))
    is_installed(leaf)


@test("certbot: the first certificate, and a renewal")
def _():
    works(certbot_calls(good), good)
    works(certbot_calls(next_one), next_one)


@test("acme.sh: a reload command, and a deploy hook")
def _():
    works(acme_reloads(good, "smtp-handler-certificate"), good)
    works(acme_deploys(next_one), next_one)


@test("with --name, certificates for other names are passed over")
def _():
    works(certbot_calls(other, "smtp-handler-certificate --name mail.example.org",
                        "www.example.org"), next_one)
    works(certbot_calls(good, "smtp-handler-certificate --name smtp.example.org"), good)
    works(certbot_calls(next_one, "smtp-handler-certificate --name mail.example.org "
                        "--name smtp.example.org"), good)


@test("what would not work leaves the old files as they are")
def _():
    works(certbot_calls(good), good)
    command = "smtp-handler-certificate "
    for arguments, status in (
            ("%s %s" % (next_one.key, other.chain), 65),
            ("%s %s" % (expired.key, expired.chain), 65),
            ("%s %s" % (good.chain, good.chain), 65), ("/nowhere %s" % good.chain, 66),
            ("--name mail.example.org %s %s" % (good.key, good.key), 65),
            ("--owner no-such-user %s %s" % (next_one.key, next_one.chain), 67),
            ("--folder /proc/none %s %s" % (next_one.key, next_one.chain), 73),
            ("", 64), ("--nonsense", 64), (good.key, 64)):
        done = shell(command + arguments)
        check(done.returncode == status and done.stderr, arguments, done)
        is_installed(good)
    same(shell(command + "--help").returncode, 0)


@test("the owner of the key can pass the folders that were missing")
def _():
    folder = top + "/srv/mail/tls"
    done = shell("umask 077 && smtp-handler-certificate --folder %s %s %s" %
                 (folder, good.key, good.chain))
    same((done.returncode, done.stderr), (0, ""))
    for path in folder, top + "/srv/mail", top + "/srv":
        same((path, stat.S_IMODE(os.stat(path).st_mode)), (path, 0o755))


@test("a session has the new certificate, without a reload")
def _():
    site = Site("session", "[server]\ntls = offer\ntls-certificate = %s/certificate.pem\n"
                "tls-key = %s/key.pem\n" % (FOLDER, FOLDER)).listen()
    seen = []
    for leaf in good, next_one:
        works(certbot_calls(leaf), leaf)
        with site.smtp() as smtp:
            smtp.starttls(context=ssl._create_unverified_context())
            seen.append(ssl.DER_cert_to_PEM_cert(smtp.sock.getpeercert(True)).strip())
    site.stop()
    same(seen, [open(leaf.chain).read().strip() for leaf in (good, next_one)])


def start(*command, **more):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, **more)


def answers(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


@test("a real certbot gets a certificate from an authority, and renews it")
def _():
    folder = fresh_directory("certbot")
    leaf = authority.leaf("pebble", "127.0.0.1")
    with open(folder + "/pebble.json", "w") as file:
        json.dump({"pebble": {"listenAddress": "127.0.0.1:14000", "certificate": leaf.chain,
                              "managementListenAddress": "127.0.0.1:15000",
                              "privateKey": leaf.key, "httpPort": 5002, "tlsPort": 5001}}, file)
    log = open(folder + "/log", "w")
    names = start(PEERS + "/usr/bin/pebble-challtestsrv", "-dns01", "127.0.0.1:8053", "-http01", "",
                  "-https01", "", "-tlsalpn01", "", "-management", "127.0.0.1:8055",
                  "-defaultIPv6", "", stdout=log, stderr=log)
    ca = start(PEERS + "/usr/bin/pebble", "-config", folder + "/pebble.json", "-dnsserver",
               "127.0.0.1:8053", stdout=log, stderr=log,
               env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"})
    common = ["--config-dir", folder + "/conf", "--work-dir", folder + "/work",
              "--logs-dir", folder + "/logs", "--no-random-sleep-on-renew"]
    environment = {**os.environ, "PATH": PATH, "REQUESTS_CA_BUNDLE": authority.file}

    def certbot(*arguments):
        done = subprocess.run([sys.executable, PEERS + "/usr/bin/certbot", *arguments, *common],
                              env=environment, capture_output=True, text=True, timeout=60)
        check(done.returncode == 0, done.stdout, done.stderr, open(folder + "/log").read()[-2000:])

    try:
        check(wait_for(lambda: answers(14000), 10), open(folder + "/log").read())
        shutil.rmtree(FOLDER)
        certbot("certonly", "--standalone", "--non-interactive", "--agree-tos",
                "--register-unsafely-without-email", "--http-01-port", "5002",
                "--server", "https://127.0.0.1:14000/dir", "-d", "mail.example.org",
                "--deploy-hook", "smtp-handler-certificate")
        first = open(FOLDER + "/certificate.pem").read()
        same(open(folder + "/conf/live/mail.example.org/fullchain.pem").read(), first)
        certbot("renew", "--force-renewal")
        second = open(FOLDER + "/certificate.pem").read()
        same(open(folder + "/conf/live/mail.example.org/fullchain.pem").read(), second)
        check(first != second, "it was not renewed")
    finally:
        for process in ca, names:
            process.terminate()
            process.wait(10)


main(lambda failed: None)
