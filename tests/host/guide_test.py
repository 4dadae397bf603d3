#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Every snippet of smtp-handler-guide(7), chapter by chapter, in a fresh booted systemd.

A snippet of settings joins those of its chapter in conf.d/, and both programs must then check them.
A snippet of commands is typed as it stands, in one shell a chapter: each command must succeed,
and those that show that it works must do so within some seconds."""
import json
import os
import re
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from snippets import BUILD, Box, TOP, chapters, is_settings  # noqa: E402
from tap import check, main, note, same, test, wait_for  # noqa: E402

PEERS = TOP + "/build/peers"
CONF = "/etc/smtp-handler/conf.d/guide.conf"
# Commands that are not typed, with the reason.
LEFT_OUT = {
    "tools/deps.sh": "the box builds nothing",
    "^make ": "the programs are installed in the box already",
    "^sudo useradd --system": "the users are there already",
    "apt-get install": "the box has no network",
    "systemctl restart haproxy": "HAProxy is not in the box; machines_test.py has it",
    "systemctl restart dovecot": "Dovecot is not in the box",
    "systemctl restart (redis-server|clamav-milter|opendkim).service":
        "the filters are not in the box; filters_peers_test.py and tests/filters/ have them",
    "smtp-shared --test|redis-cli": "Redis is not in the box; shared_limits_test.py has it",
    "tcpserver": "other servers of port 25 have tests of their own",
    "smtp  stream": "a line of inetd.conf",
    "--listen 0.0.0.0:25": "it stays, and port 25 is taken",
    "^smtp-relay --watch": "it stays",
    "^sudo runuser": "it stays",
    "--take-back": "no other machine has the queue; adopt_test.py has one",
    "smtp-queue --host": "no sshd is in the box; remote_test.py has two",
    "socat - /run/haproxy/": "HAProxy is not in the box; machines_test.py has it",
}
# Fields of an entry that must survive its way into a collected journal, with all of SMTP_*.
KEPT = "MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_IDENTIFIER", "_HOSTNAME", "_PID", "_MACHINE_ID"
# Chapters whose commands need no root, but for those with sudo.
BY_A_USER = ("A TEST SINK",)
PATIENCE_S = 8
STUCK_S = 30
# What the chapters expect of a machine: users, groups, folders, and the files of other programs.
BEFORE = """
useradd --create-home anna; useradd --create-home ben
useradd --system dovenull; useradd --system dovecot
groupadd -f _rspamd; groupadd -f clamav; groupadd -f opendkim
mkdir -p /etc/rspamd/local.d /etc/clamav /etc/dovecot/conf.d /etc/haproxy /etc/redis /var/www
mkdir -p /root/.acme.sh/deploy /etc/prometheus
echo '127.0.0.1 logs.example.org mx1.example.org' >> /etc/hosts
# Debian's systemd-journal-remote, as if it were installed.
cp -a PEERS/lib/systemd/systemd-journal-* /lib/systemd/
cp -a PEERS/lib/systemd/system/systemd-journal-* /lib/systemd/system/
cp -a PEERS/usr/lib/*-linux-gnu/libmicrohttpd.so* /usr/lib/*-linux-gnu/
cp PEERS/usr/lib/sysusers.d/systemd-remote.conf /usr/lib/sysusers.d/
systemd-sysusers systemd-remote.conf
rm -rf /var/mail/anna /usr/share/doc/smtp-handler
ln -s /usr/local/share/doc/smtp-handler /usr/share/doc/smtp-handler
echo '!include auth-system.conf.ext' > /etc/dovecot/conf.d/10-auth.conf
printf 'account default\\nhost smtp.example.com\\nport 587\\ntls on\\nauth on\\nuser anna\\n' \
    > /etc/msmtprc
echo 'password hunter2' >> /etc/msmtprc
""".replace("PEERS", PEERS)
# A self-signed certificate in place of one by an authority.
NEW_CERTIFICATE = """
new_certificate()	# KEY CHAIN NAME
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 90 \\
	    -subj "/CN=$3" -addext "subjectAltName=DNS:$3" -keyout "$1" -out "$2" 2> /dev/null
}
"""
# These call hooks as the real programs do; tests/delivery/certificate_test.py has a real certbot.
CERTBOT = "#!/bin/bash\n" + NEW_CERTIFICATE + """
set -eu
live=/etc/letsencrypt/live/mail.example.org
case $1 in
certonly)
	[ "$2 $3 $4 $5" = "--standalone -d mail.example.org --deploy-hook" ]
	mkdir -p "$live" /etc/letsencrypt/renewal
	echo "$6" > /etc/letsencrypt/renewal/hook ;;
renew) [ "$2" = --force-renewal ] ;;
esac
new_certificate "$live/privkey.pem" "$live/fullchain.pem" mail.example.org
export RENEWED_LINEAGE=$live RENEWED_DOMAINS=mail.example.org
for hook in /etc/letsencrypt/renewal-hooks/deploy/*; do
	[ ! -x "$hook" ] || "$hook"
done
sh -c "$(cat /etc/letsencrypt/renewal/hook)"
"""
ACME = "#!/bin/bash\n" + NEW_CERTIFICATE + """
set -eu
folder=/root/.acme.sh/mail.example.org_ecc
mkdir -p "$folder"
export CERT_PATH=$folder/mail.example.org.cer CERT_KEY_PATH=$folder/mail.example.org.key
export CA_CERT_PATH=$folder/ca.cer CERT_FULLCHAIN_PATH=$folder/fullchain.cer
case $1 in
--issue)
	new_certificate "$CERT_KEY_PATH" "$CERT_FULLCHAIN_PATH" mail.example.org
	cp "$CERT_FULLCHAIN_PATH" "$CERT_PATH"
	cp "$CERT_FULLCHAIN_PATH" "$CA_CERT_PATH" ;;
--install-cert)
	[ "$2 $3 $4" = "-d mail.example.org --reloadcmd" ]
	export Le_Domain=$3
	cd "$folder" && eval "$5" ;;
--deploy)
	[ "$2 $3 $4" = "-d mail.example.org --deploy-hook" ]
	. "/root/.acme.sh/deploy/$5.sh"
	"$5_deploy" "$3" "$CERT_KEY_PATH" "$CERT_PATH" "$CA_CERT_PATH" "$CERT_FULLCHAIN_PATH" ;;
esac
"""
POSTCONF = "#!/bin/sh\nprintf '%s\\n' 'relayhost = [smtp.example.com]' 'mydestination ='\n"


def statements(text):
    """The commands of a snippet: lines that a shell takes as a whole."""
    now = []
    for line in text.split("\n"):
        now.append(line)
        if line.endswith("\\"):
            continue
        if subprocess.run(["bash", "-n", "-c", "\n".join(now)], capture_output=True).stderr == b"":
            if line.strip() and not now[0].startswith("#"):
                yield "\n".join(now)
            now = []
    check(now == [], "no whole command", now)


class Shell:
    """A shell in the box, which keeps its jobs; each statement has the password as its input."""

    def __init__(self, user="root"):
        self.process = subprocess.Popen(box.command("runuser", "-u", user, "bash"),
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        self.type_in("cd \"$(mktemp -d)\"")

    def type_in(self, statement):
        """The status and the output."""
        self.process.stdin.write("{ %s\n} < /tmp/typed 2>&1\necho \"@@status $?\"\n" % statement)
        self.process.stdin.flush()
        out = ""
        watchdog = threading.Timer(STUCK_S, self.process.kill)
        watchdog.start()
        for line in self.process.stdout:
            found = re.search(r"@@status (\d+)$", line)
            if found:
                watchdog.cancel()
                return int(found[1]), out + line[:found.start()]
            out += line
        watchdog.cancel()
        return 255, out + "(it did not end)"

    def close(self):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()


def run_commands(shells, text, shows):
    for statement in statements(text):
        why = [why for part, why in LEFT_OUT.items() if re.search(part, statement)]
        if why:
            note("left out: %s (%s)" % (statement, why[0]))
            continue
        shell = shells[statement.startswith("sudo ")]
        end = time.monotonic() + (PATIENCE_S if shows else 0)
        status, out = shell.type_in(statement)
        while status != 0 and time.monotonic() < end:
            time.sleep(0.3)
            status, out = shell.type_in(statement)
        if status != 0:
            troubles.append("%s: %d %s" % (statement, status, out))


def write_settings(text):
    box.here("sh", "-c", "cat >> %s && chmod 644 %s" % (CONF, CONF), typed=text + "\n")
    status, out = box.here("sh", "-c", "smtp-handler --check && smtp-relay --check && "
                           "systemctl try-reload-or-restart smtp-handler-listen.service")
    if status != 0:
        troubles.append("--check: %s\n%s" % (text, out))


troubles = []
box = Box("guide", BEFORE, {"certbot": CERTBOT, "acme.sh": ACME, "postconf": POSTCONF})
with box:
    for title, snippets in chapters():
        if sys.argv[1:] and title not in sys.argv[1:]:
            continue

        @test("chapter %s: each snippet, as it is pasted" % title)
        def _(title=title, snippets=snippets):
            troubles.clear()
            box.here("rm", "-f", CONF)
            box.here("sh", "-c", "echo PASSWORD > /tmp/typed")
            shells = Shell("anna" if title in BY_A_USER else "root"), Shell()
            for text, shows in snippets:
                if is_settings(text):
                    write_settings(text)
                else:
                    run_commands(shells, text, shows)
            for shell in shells:
                shell.close()
            same(troubles, [])

    if not sys.argv[1:] or "A QUEUE ON SHARED STORAGE" in sys.argv:
        @test("a message left in the former folder starts no runner again and again")
        def _():
            status, out = box.here("systemctl", "show", "-P", "Paths", "smtp-relay.path")
            same(out.split(), ["/srv/queues/%s/new" % box.name, "(DirectoryNotEmpty)"])

        @test("the unit of an adoption delivers the mail in the queue of another machine")
        def _():
            # Another chapter has imported these.
            box.here("rm", "-f", "/etc/smtp-handler/conf.d/50-imported.conf")
            box.here("sh", "-c", "cat > " + CONF, typed="[queue]\ndirectory = /srv/queues/%H\n"
                     "lease = 1s\n[route *]\nvia = discard\n")
            session = "EHLO c\nMAIL FROM:<>\nRCPT TO:<a@b.example>\nDATA\nhi\n.\nQUIT\n"
            status, out = box.here("unshare", "--uts", "sh", "-c",
                                   "hostname mx1; exec smtp-handler", typed=session)
            check("queued as" in out, status, out)
            same(box.here("systemctl", "start", "smtp-relay-adopt@mx1.service")[0], 0)
            check(wait_for(lambda: "is left" in box.here(
                "journalctl", "-q", "-u", "smtp-relay-adopt@mx1.service", "-o", "cat")[1], 30))
            same(box.here("sh", "-c", "ls /srv/queues/mx1/new /srv/queues/mx1/cur | grep 0")[1], "")

    if not sys.argv[1:] or "LOOKING AT SEVERAL MACHINES" in sys.argv:
        @test("the journal of another machine has each field, and the explanations")
        def _():
            def entries(*where):
                _, text = box.here("journalctl", "-q", "-o", "json", "SMTP_EVENT=session", *where)
                return [{key: value for key, value in json.loads(line).items()
                         if key.startswith("SMTP_") or key in KEPT}
                        for line in text.splitlines() if line.startswith("{")]
            status, out = box.here("swaks", "--server", "127.0.0.1", "--helo", "far.example",
                                   "--quit-after", "HELO")
            check("220 " in out, status, out)
            remote = "-D", "/var/log/journal/remote"
            wait_for(lambda: entries(*remote, "SMTP_HELO=far.example"), 10)
            here = entries("SMTP_HELO=far.example")
            there = entries(*remote, "SMTP_HELO=far.example")
            check(here and set(KEPT) <= set(here[0]) and len(here[0]) > 10, here)
            same(there, here)
            _, out = box.here("journalctl", "-q", *remote, "-x", "SMTP_HELO=far.example")
            check("Subject: A session has ended" in out and "The client was 127.0.0.1" in out, out)

        @test("the collector is away for a while: the upload goes on by itself")
        def _():
            remote = "systemd-journal-remote."
            box.here("systemctl", "stop", remote + "socket", remote + "service")
            box.here("systemctl", "restart", "--no-block", "systemd-journal-upload.service")

            def shows(what):
                return box.here("systemctl", "show", "-P", what,
                                "systemd-journal-upload.service")[1].strip()
            check(wait_for(lambda: int(shows("NRestarts")) >= 6 or shows("ActiveState") == "failed",
                           60), shows("NRestarts"))
            box.here("systemctl", "start", remote + "socket")
            box.here("swaks", "--server", "127.0.0.1", "--helo", "later.example",
                     "--quit-after", "HELO")

            def collected():
                return box.here("journalctl", "-q", "-D", "/var/log/journal/remote",
                                "-o", "cat", "SMTP_HELO=later.example")[1].strip()
            check(wait_for(collected, 60), shows("ActiveState"))

        @test("promtool takes the file for Prometheus")
        def _():
            status, out = box.here(PEERS + "/usr/bin/promtool", "check", "config",
                                   "/etc/prometheus/prometheus.yml")
            same(status, 0, out)

    if not sys.argv[1:] or "DOVECOT" in sys.argv:
        @test("Dovecot reads the settings of its chapter")
        def _():
            status, out = box.here(
                "env", "LD_LIBRARY_PATH=%s/usr/lib/dovecot" % PEERS, PEERS + "/usr/bin/doveconf",
                "-n", "-c", "/etc/dovecot/conf.d/95-smtp-handler.conf")
            check(status == 0 and "user = smtp-relay" in out, out)

    if not sys.argv[1:]:
        @test("make uninstall leaves nothing but the configuration, the queue and the users")
        def _():
            # A chapter has written these.
            box.here("sh", "-c", "rm -r /etc/systemd/system/smtp-*.d; systemctl daemon-reload")
            status, out = box.here("make", "-C", TOP, "uninstall", "BUILD=" + BUILD)
            same(status, 0, out)
            same(box.here("sh", "-c", "find /usr /run /etc/systemd /var/lib -xdev -name 'smtp-*' |"
                                      " grep -v '^/usr/share/doc'; true")[1], "")
            same(box.here("sh", "-c", "systemctl list-units --all --no-legend 'smtp-*'")[1], "")
            same(box.here("ss", "-Hltn", "sport = 25 or sport = 465 or sport = 587")[1], "")
            same(box.here("test", "-e", "/etc/smtp-handler/smtp-handler.conf")[0], 0)
            same(box.here("id", "-u", "smtp-relay")[0], 0)
    main()
