#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A booted system under loads and faults: its units never fail, and service is back by itself.

SURVIVE=full (make survive) has the full numbers, and waits for timers; otherwise it is a sample.
With arguments, only the cases whose names have one of these texts are run.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import tap  # noqa: E402
from tap import bail_out, check, main, note, same, wait_for  # noqa: E402

BUILD = os.environ.get("BUILD", "build")
FULL = os.environ.get("SURVIVE") == "full"
SANITIZED = "san" in os.path.basename(BUILD)
BOX = "smtp-survive-%d" % os.getpid()
HOST, FLOOD = "tests/host/systemd-host", os.path.abspath("tests/host/flood.py")
QUEUE = "/var/spool/smtp-handler"
STAGE = tempfile.mkdtemp(prefix="smtp-survive-test.", dir="/tmp")
CONF = """
[server]
hostname = mail.example.org
trusted = 127.0.0.1 ::1 local
max-connections = 200
[queue]
retry-min = 5s
[route example.org]
via = maildir:/var/mail/{local}
[route mail.example.org]
via = maildir:/var/mail/{local}
[route dead.example]
via = smtp://127.0.0.1:9
"""



def test(name):
    if sys.argv[1:] and not any(word in name for word in sys.argv[1:]):
        return lambda function: function
    return tap.test(name)


if os.getuid() != 0:
    print("1..0 # SKIP needs root: boots a systemd")
    sys.exit(0)


def here(*argv, check_it=True, text=None):
    """Run a command on the machine; its output."""
    done = subprocess.run([HOST, "exec", "-n", BOX, *argv], capture_output=True, text=True,
                          timeout=180, input=text)
    if check_it and done.returncode:
        check(False, "%s: status %d" % (argv, done.returncode), done.stdout, done.stderr)
    return done.stdout.strip()


def shell(text):
    return here("sh", "-c", text)


def client(*argv):
    done = subprocess.run([HOST, "net", "-n", BOX, "/usr/bin/python3", FLOOD, *map(str, argv)],
                          capture_output=True, text=True, timeout=180)
    same([done.returncode, done.stderr], [0, ""], done.stdout)
    return done.stdout.strip()


def set_up():
    os.chmod(STAGE, 0o755)
    done = subprocess.run(["make", "-s", "install", "DESTDIR=" + STAGE + "/root",
                           "BUILD=" + BUILD], capture_output=True, text=True)
    if done.returncode:
        bail_out("make install: " + done.stderr[-500:])
    with open(STAGE + "/root/etc/smtp-handler/conf.d/test.conf", "w") as file:
        file.write(CONF)
    done = subprocess.run([HOST, "start", "-n", BOX, "-b", STAGE + ":/stage", "-x", """
        cp -a /stage/root/. /
        rm -rf /var/spool/smtp-handler
        systemd-sysusers
        systemd-tmpfiles --create smtp-handler.conf
        install -d -o smtp-relay -m 750 /var/mail/anna /var/mail/anna/tmp /var/mail/anna/new \
            /var/mail/anna/cur"""], capture_output=True, text=True)
    if done.returncode:
        bail_out("no systemd: " + done.stderr[-500:])
    here("systemctl", "-q", "enable", "--now", "smtp-handler-listen.socket", "smtp-relay.path",
         "smtp-relay.timer")


def mailbox():
    return int(shell("find /var/mail/anna/new -type f | wc -l"))


def empty_mailbox():
    wait_for(idle)
    shell("find /var/mail/anna/new -type f -delete")


def idle():
    return here("systemctl", "show", "-P", "ActiveState", "smtp-relay.service") in (
        "inactive", "failed")


def starts():
    """How often the runner was started."""
    return int(shell("journalctl -q -u smtp-relay.service -o cat | grep -c '^Starting ' || :"))


SENT = [0]


def send(to="anna@example.org", count=1):
    """Messages by a trusted client in one session; the replies to their ends."""
    SENT[0] += 1
    lines = ["EHLO x"]
    for _ in range(count):
        lines += ["MAIL FROM:<a@b.example>", "RCPT TO:<%s>" % to, "DATA",
                  "Subject: one-%d" % SENT[0], "", "."]
    text = "\r\n".join(lines + ["QUIT", ""])
    out = here("timeout", "30", "socat", "-t", "20", "-", "TCP:127.0.0.1:25", text=text)
    return re.findall(r"^(\d\d\d \d\.\d\.\d) (?:Ok: queued|.*)$", out, re.M)


def accepted(replies=None):
    """Is a message accepted now?"""
    return "250 2.0.0" in (replies or send())[-3:]


def all_well():
    """No unit failed or piled up, and each that is enabled is active."""
    same(here("systemctl", "list-units", "--failed", "--no-legend", "--plain", "smtp-*"), "")
    same(set(here("systemctl", "is-active", "smtp-relay.path", "smtp-relay.timer").split()),
         {"active"})
    check(wait_for(lambda: not here("systemctl", "list-units", "--all", "--no-legend", "--plain",
                                    "smtp-handler@*"), 40), "instances stay")


def served_at_once():
    """A stranger of another address, and a message of ours."""
    seconds, greeting = client("serve", 25, "127.9.9.9").split(" ", 1)
    check(greeting.startswith("220") and float(seconds) < 3, seconds, greeting)
    before = mailbox()
    check(accepted(), "not accepted")
    check(wait_for(lambda: mailbox() > before), "not delivered")


def processes():
    return int(shell("pgrep -c smtp-handler || :"))


def flooded(socket, crowd, sources):
    here("systemctl", "-q", "start", socket)
    found = json.loads(client("flood", 25, crowd, sources, 1))
    note("%d at once from %d: %s" % (crowd, sources, found))
    same(sum(found[k] for k in ("greeted", "refused", "closed", "silent")), crowd)
    check(found["greeted"] > 0, found)
    if socket == "smtp-handler.socket":		# the manager has a queue of its own
        begin = time.monotonic()
        check(wait_for(lambda: " 220 " in client("serve", 25, "127.9.9.9"), 60, 0.5), "no service")
        note("service after %.0f s" % (time.monotonic() - begin))
    served_at_once()
    all_well()
    check(wait_for(lambda: processes() < 30, 30), "processes stay: %d" % processes())
    return found


for unit, crowd, number in (("smtp-handler-listen.socket", 5000 if FULL else 2000, 1),
                            ("smtp-handler-listen.socket", 5000 if FULL else 2000, 250),
                            ("smtp-handler.socket", 5000 if FULL else 300, 1),
                            ("smtp-handler.socket", 5000 if FULL else 300, 250)):
    @test("%d connections at once from %d addresses: %s" % (crowd, number, unit))
    def _(unit=unit, crowd=crowd, number=number):
        found = flooded(unit, crowd, number)
        if unit == "smtp-handler-listen.socket":
            # Nobody is left without a reply, and one address gets no more than its share.
            same(found["closed"] + found["silent"], 0, found)
            check(found["greeted"] <= 32 if number == 1 else found["greeted"] > 100, found)


class Load:
    """Messages that come in beside what a test does."""

    def __init__(self, rate):
        here("systemctl", "-q", "start", "smtp-handler-listen.socket")
        empty_mailbox()
        self.path = STAGE + "/load"
        for name in (self.path, self.path + ".stop", self.path + ".cut"):
            if os.path.exists(name):
                os.remove(name)
        self.begin = time.monotonic()
        self.process = subprocess.Popen([HOST, "net", "-n", BOX, "/usr/bin/python3", FLOOD, "load",
                                         "25", str(rate), self.path])

    def end(self):
        """All that was acknowledged arrives, and no session broke off in a message."""
        open(self.path + ".stop", "w").close()
        same(self.process.wait(60), 0)
        seconds = time.monotonic() - self.begin
        with open(self.path + ".cut") as file:
            same(file.read(), "", "cut off in mid-message")
        with open(self.path) as file:
            wanted = set(file.read().split())
        note("%d messages in %.0f s" % (len(wanted), seconds))
        check(len(wanted) > seconds, len(wanted))

        def missing():
            got = shell("grep -rhs '^Subject: load-' /var/mail/anna/new || :")
            return wanted - {line.split()[1] for line in got.splitlines()}
        check(wait_for(lambda: not missing(), 60, 0.5), "lost", sorted(missing())[:20])
        return len(wanted) / seconds


@test("50 messages a second for %s" % ("a minute" if FULL else "some seconds"))
def _():
    load = Load(50)
    time.sleep(60 if FULL else 4)
    rate = load.end()
    check(rate > (40 if FULL else 25) or SANITIZED, "%.0f a second" % rate)
    all_well()
    check(wait_for(idle, 30), "the runner does not end")


@test("restart, reload, another socket and an upgrade under load: nothing is lost or cut")
def _():
    load = Load(30)
    for _ in range(4 if FULL else 1):
        for action in ("systemctl restart smtp-handler-listen.service",
                       "systemctl reload smtp-handler-listen.service",
                       "systemctl restart smtp-relay.service",
                       "systemctl start smtp-handler.socket",
                       "systemctl start smtp-handler-listen.socket",
                       # As a package does it: programs and units are replaced, then started anew.
                       "cp -a --remove-destination /stage/root/usr/. /usr/ && "
                       "systemctl daemon-reload && "
                       "systemctl try-restart smtp-handler-listen.service"):
            time.sleep(0.7 if FULL else 0.2)
            begin = time.monotonic()
            shell(action)
            note("%.1f s: %s" % (time.monotonic() - begin, action))
    load.end()
    all_well()


@test("only deferrals: the runner is not started again and again")
def _():
    wait_for(idle)
    before, starting = int(shell("find %s/wait -type f | wc -l" % QUEUE)), starts()
    send("x@dead.example", 100)
    check(wait_for(lambda: int(shell("find %s/wait -type f | wc -l" % QUEUE)) >= before + 100, 30),
          "not deferred")
    time.sleep(10 if FULL else 2)
    check(starts() - starting <= (5 if FULL else 3), starts() - starting)
    served_at_once()
    all_well()
    here("smtp-queue", "delete", "--domain", "dead.example", check_it=False)


GARBAGE = """cd %s/new
    : > 0SJ3XQPHJV77GR80; head -c 300000 /dev/urandom > 0SJ3XQPHJV77GR81
    yes | head -c 3000000 > 0SJ3XQPHJV77GR82; mkdir folder 0SJ3XQPHJV77GR83
    mkfifo pipe 0SJ3XQPHJV77GR84; ln -s /etc/passwd 0SJ3XQPHJV77GR85
    ln -s /nowhere link; echo x > "$(printf 'a\\033[2Jb')"; mkdir -p folder/in/it
    touch -- -rf; chmod 000 0SJ3XQPHJV77GR80; echo x > .hidden""" % QUEUE


@test("garbage in new/, of the handler's user and of root: other mail goes on")
def _():
    for user in ("smtp-handler", "root") if FULL else ("smtp-handler",):
        wait_for(idle)
        starting = starts()
        here("setpriv", "--reuid", user, "--regid", user, "--clear-groups", "sh", "-c", GARBAGE)
        served_at_once()
        time.sleep(12 if FULL else 2)
        check(starts() - starting <= 6, starts() - starting)
        served_at_once()
        all_well()
        if user == "smtp-handler":
            check(wait_for(lambda: shell("ls %s/new" % QUEUE) == "", 20),
                  shell("ls -la %s/new" % QUEUE))
        else:			# only root can remove all of its own
            shell("rm -rf %s/new/* %s/new/.h*; smtp-queue fsck --repair || :" % (QUEUE, QUEUE))
            shell("rm -rf %s/dead/*" % QUEUE)
    check(wait_for(idle, 30), "the runner does not end")
    shell("systemctl reset-failed smtp-relay.service || :")
    same(here("stat", "-c", "%U", "/etc/passwd"), "root")


def back(label, deadline_s=150):
    """Service is back, and nobody has helped.  The sample does not wait for the timer."""
    def good():
        if not FULL:
            shell("systemctl start smtp-relay.service || :")
        return accepted()
    begin = time.monotonic()
    check(wait_for(good, deadline_s, 1), label, shell("journalctl -q -n 30 -o cat"))
    note("back after %.0f s" % (time.monotonic() - begin))
    served_at_once()


for harm in ("rm -rf new", "rm -rf tmp", "rm -rf cur wait state", "rm -rf hold dead",
             "chmod 0 tmp", "chmod 0755 new", "chown -R smtp-handler .",
             "rm -rf /var/spool/smtp-handler/*"):
    if not FULL and harm not in ("rm -rf new", "rm -rf cur wait state"):
        continue

    @test("folders of the queue are missing, or of the wrong user or mode: " + harm)
    def _(harm=harm):
        here("systemctl", "-q", "start", "smtp-handler-listen.socket")
        served_at_once()
        wait_for(idle)
        shell("cd %s && %s" % (QUEUE, harm))
        back(harm)
        wait_for(idle)
        # The runner cannot open stats/ to the handler: its counters wait for fsck --repair.
        left = here("smtp-queue", "fsck", check_it=False).splitlines()[:-1]
        same([line for line in left if not line.startswith("stats ")], [])
        all_well()


@test("a folder of a stranger: mail is accepted or refused with 4yz, and waits for fsck --repair")
def _():
    for folder in ("new", "wait", "cur") if FULL else ():
        wait_for(idle)
        shell("chown nobody %s/%s" % (QUEUE, folder))
        replies, before = send(), mailbox()
        check(replies and replies[-2 if accepted(replies) else -1][0] in "24", replies)
        time.sleep(1)
        check("fsck --repair" in shell("journalctl -q -n 30 -o cat -t smtp-relay"), folder)
        here("smtp-queue", "fsck", "--repair", check_it=False)
        shell("systemctl reset-failed smtp-relay.service; systemctl restart smtp-relay.service")
        check(wait_for(lambda: mailbox() > before, 30) or not accepted(replies), "lost: " + folder)
        served_at_once()
        wait_for(idle)
        all_well()


def small_disk(options):
    """The queue is on a small file system from now on."""
    shell("""systemctl stop smtp-handler-listen.service smtp-handler-listen.socket \
        smtp-relay.path smtp-relay.timer; systemctl stop smtp-relay.service
        umount %(queue)s 2> /dev/null; rm -rf %(queue)s/*
        mount -t tmpfs -o mode=755,%(options)s small %(queue)s
        systemd-tmpfiles --create smtp-handler.conf
        printf '[queue]\\nmin-free = 0\\n' > /etc/smtp-handler/conf.d/small.conf
        systemctl start smtp-handler-listen.socket smtp-relay.path smtp-relay.timer""" %
          dict(queue=QUEUE, options=options))


for what, options, fill in (
        ("disk", "size=3M", "head -c 9000000 /dev/zero > %s/hold/full 2> /dev/null || :" % QUEUE),
        ("table of inodes", "size=9M,nr_inodes=120",
         "i=0; while touch %s/hold/$i; do i=$((i+1)); done 2> /dev/null || :" % QUEUE)):
    @test("a full %s: mail is refused with 4yz, and accepted again by itself" % what)
    def _(options=options, fill=fill):
        small_disk(options)
        served_at_once()
        shell("systemctl stop smtp-relay.path smtp-relay.timer")
        wait_for(idle)
        same(send("anna@example.org", 5).count("250 2.0.0"), 5)
        shell(fill)
        replies = send()
        check(not accepted(replies) and any(r[0] == "4" for r in replies), replies)
        shell("systemctl start smtp-relay.path smtp-relay.timer")
        send("x@dead.example")
        time.sleep(2)
        all_well()
        shell("find %s/hold -type f -delete" % QUEUE)
        before = mailbox()
        back("after the disk was full", 90)
        check(wait_for(lambda: shell("ls %s/new" % QUEUE) == "", 30), "left in new/")
        check(mailbox() > before, "no mail")
        all_well()


@test("no program crashed")
def _():
    log = here("journalctl", "-q", "-o", "cat")
    same(re.findall(r".*(?:core-dump|code=killed, status=(?:6|7|8|11|31)/|Sanitizer|"
                    r"runtime error).*", log), [])


def after(failed):
    if failed or FULL or os.environ.get("JOURNAL"):
        with open(BUILD + "/survive.journal", "w") as file:
            file.write(here("journalctl", "-q", "-o", "short-precise", check_it=False))
        note("the journal is in %s/survive.journal" % BUILD)
    subprocess.run([HOST, "stop", "-n", BOX])
    shutil.rmtree(STAGE, ignore_errors=True)


set_up()
main(after)
