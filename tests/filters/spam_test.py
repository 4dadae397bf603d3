# SPDX-License-Identifier: ISC
"""rspamd and SpamAssassin: the same message through Postfix and through smtp-handler gets the same
reply, and is the same, octet for octet.  rspamd and clamav-milter have the settings of the guide.
It needs root."""
import glob
import os
import re
import shutil
import subprocess

from both_servers import EICAR, HERE, Both, Program, clamd, message, name_server
from programs import BUILD, PEERS, fresh_directory, peer_environment
from receivers import listens
from tap import check, main, same, test
from typed import prepare_etc, type_chapter

directory = fresh_directory()
os.chmod(directory, 0o755)
prepare_etc()
name_server(directory)
MILTER = r"(?m)^milter = (.*)$"
spam = type_chapter("SPAM AND GREYLISTING BY RSPAMD")
viruses = re.search(MILTER, type_chapter("VIRUSES FOUND BY CLAMAV"))[1]
check(re.search(MILTER, spam)[1] in viruses, spam, viruses)
# Clients from here are not put off.
KNOWN = "192.0.2.97"


def pattern(letter):
    return message(text=b"\r\n" + letter + b"JS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-"
                   b"TEST-EMAIL*C.34X\r\n")


def rspamd():
    """With what this test needs beside the guide's settings: names, patterns, one known client."""
    for name, text in (
            ("options.inc", "enable_test_patterns = true;\nfilters = \"chartable,dkim,regexp\";\n"
             "dns { nameserver = [\"192.0.2.53\"]; timeout = 1s; retransmits = 1; }\n"),
            ("greylist.conf", "whitelisted_ip = [\"%s\"];\n" % KNOWN),
            ("worker-normal.inc", "enabled = false;\n"),
            ("logging.inc", "type = \"console\";\n")):
        with open("/etc/rspamd/local.d/" + name, "w") as file:
            file.write(text)
    for name in "/db", "/log":
        os.makedirs(HERE + "/rspamd" + name)
        shutil.chown(HERE + "/rspamd" + name, "_rspamd")
    return Program(["/usr/bin/rspamd", "-f", "-u", "_rspamd", "-g", "_rspamd",
                    "-c", "/etc/rspamd/rspamd.conf", "--var", "DBDIR=" + HERE + "/rspamd/db",
                    "--var", "LOGDIR=" + HERE + "/rspamd/log"], socket="/run/rspamd/milter.sock",
                   LD_LIBRARY_PATH=peer_environment()["LD_LIBRARY_PATH"] + ":/usr/lib/rspamd")


redis = Program(["/usr/bin/redis-server", "--bind", "127.0.0.1", "--save", "", "--dir", HERE],
                ready=lambda: listens("127.0.0.1", 6379))
scanner, filter = clamd(), rspamd()
with open("/etc/clamav/clamav-milter.conf", "a") as file:
    file.write("Foreground true\n")
second = Program(["/usr/sbin/clamav-milter", "-c", "/etc/clamav/clamav-milter.conf"],
                 socket="/run/clamav/clamav-milter.ctl")
users = Program([BUILD + "/smtp-maildir", "-c", "/dev/null", "-o", "relay.min-uid=1000", "--users",
                 "--listen", "/run/users.sock"], socket="/run/users.sock")
both = Both(re.sub(r"\[server\]\nmilter = .*\n", "", spam), milters=viruses.split(", "),
            options=["server.users-socket=/run/users.sock"])


@test("rspamd as in the guide: a test pattern is refused, another one gets a mark or a subject")
def _():
    reply, _ = both.compare(pattern(b"X"), rcpt="anna@example.org", source=KNOWN)
    same(reply[0], 554, filter.log()[-3000:])
    check(b"Gtube pattern" in reply[1], reply)
    _, got = both.compare(pattern(b"A"), rcpt="anna@example.org", source=KNOWN)
    check(b"X-Spam:" not in got, got)
    _, got = both.compare(pattern(b"Z"), rcpt="anna@example.org", source=KNOWN)
    check(b"\nSubject: *** SPAM *** " in got, got)
    _, got = both.compare(pattern(b"Y"), rcpt="anna@example.org", source=KNOWN)
    check(b"\nX-Spam: Yes\n" in got and b"\njunk: X-Spam: Yes" in both.envelope, got, both.envelope)
    check(b"\nX-Virus-Status: Clean\n" in got, got)


@test("the marked message goes to the user's folder for junk, and the others do not")
def _():
    agent = Program([BUILD + "/smtp-maildir", "-c", both.site.config, "--listen",
                     "/run/maildir.sock"], socket="/run/maildir.sock")
    both.site.relay("-o", "relay.maildir-socket=/run/maildir.sock")
    agent.stop()
    home = HERE + "/home/anna/Maildir"
    same([len(glob.glob(home + folder)) for folder in ("/.Junk/new/*", "/new/*")], [1, 2],
         both.site.log())


@test("somebody unknown is put off, and rspamd remembers it in Redis")
def _():
    suspicious = b"Subject: cheap\r\nFrom: x@invalid.example\r\n\r\nhttp://192.0.2.1/\r\n"
    for _ in range(2):
        reply, _ = both.compare(suspicious, rcpt="anna@example.org")
        same(reply, (451, b"4.7.1 Try again later"), filter.log()[-3000:])
    keys = subprocess.run(["/usr/bin/redis-cli", "keys", "rg*"], env=peer_environment(),
                          capture_output=True, text=True).stdout
    check(keys.startswith("rg"), keys)


@test("the EICAR file is refused by the second filter of the line")
def _():
    reply, _ = both.compare(message(text=b"\r\n" + EICAR + b"\r\n"), rcpt="anna@example.org",
                            source=KNOWN)
    same(reply[0], 550)
    check(b"a virus was found: Eicar-Test" in reply[1], reply)


def mask_assassin(text):
    """Without the boundary, which has the time, and a part of the field that stands for our own."""
    text = re.sub(rb"-+=_[0-9A-F.]+", b"(boundary)", text)
    return re.sub(rb"(?s)(\n\tby mx.example.org ).*?(?=\n\t\(envelope-from)", rb"\1", text)


@test("spamass-milter: fields, a new body, a changed subject, and a refusal by the score")
def _():
    both.use("unix:/run/spamass.sock")
    os.makedirs(HERE + "/spamd")
    shutil.copy(PEERS + "/etc/spamassassin/v320.pre", HERE + "/spamd")
    with open(HERE + "/spamd/local.cf", "w") as file:
        file.write("use_bayes 0\nreport_safe 1\nskip_rbl_checks 1\n"
                   "rewrite_header Subject ***SPAM***\nrequired_score 8\n"
                   "header LOCAL_SOME Subject =~ /two/\nscore LOCAL_SOME 6\n")
    scanner = Program(["/usr/sbin/spamd", "-L", "-x", "-m", "1", "-p", "7830", "-i", "127.0.0.1",
                       "-C", "/usr/share/spamassassin", "--siteconfigpath", HERE + "/spamd",
                       "-s", "stderr", "-H", HERE + "/spamd"],
                      ready=lambda: listens("127.0.0.1", 7830))
    for options, code in ([], 250), (["-r", "8"], 550):
        filter = Program(["/usr/sbin/spamass-milter", "-p", "/run/spamass.sock", *options, "--",
                          "-p", "7830", "-d", "127.0.0.1"], socket="/run/spamass.sock")
        reply, got = both.compare(message(more=b"X-Spam-Level: forged\r\n"), mask_assassin,
                                  rcpt="anna@example.org")
        same(reply[0], code, reply)
        if code == 250:
            check(b"\nX-Spam-Flag: YES\n" in got and b"Subject: ***SPAM***" in got and
                  b"Content preview" in got and b"Level: forged" not in got, got, scanner.log())
            check(b"\njunk: X-Spam-Flag: Yes" in both.envelope, both.envelope)
        _, got = both.compare(message().replace(b"two", b"2"), mask_assassin,
                              rcpt="anna@example.org")
        check(b"\nX-Spam-Status: No, " in got, got)
        filter.stop()
    scanner.stop()


main()
both.stop()
