#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Mail for the users of a machine, by two lines of settings, in a booted systemd."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, same, test, wait_for  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("BUILD", "build")
HOST = TOP + "/tests/host/systemd-host"
BOX = "users-%d" % os.getpid()
UNITS = ["smtp-maildir.socket", "smtp-maildir@.service", "smtp-users.socket", "smtp-users.service"]


SETTINGS = """[route example.org]
via = maildir:~/Maildir
recipients = users
"""
SOCKETS = "systemctl -q enable --now smtp-maildir.socket smtp-users.socket"


def here(*command, typed="", seconds=60):
    """Run inside; the status and the output."""
    run = subprocess.run([HOST, "exec", "-n", BOX, *command], input=typed, text=True,
                         capture_output=True, timeout=seconds)
    return run.returncode, run.stdout + run.stderr


def shell(command, typed=""):
    status, out = here("sh", "-c", command, typed=typed)
    same(status, 0, command, out)
    return out


def client(*arguments, typed=""):
    run = subprocess.run([HOST, "net", "-n", BOX, "/usr/bin/python3", TOP + "/tests/host/client.py",
                          *arguments], input=typed, text=True, capture_output=True, timeout=60)
    same(run.returncode, 0, run.stdout, run.stderr)
    return run.stdout


def boot():
    stage = tempfile.mkdtemp(prefix="smtp-handler-test.", dir="/tmp")
    os.chmod(stage, 0o755)
    subprocess.run(["make", "-s", "install", "DESTDIR=" + stage, "BUILD=" + BUILD], cwd=TOP,
                   check=True, capture_output=True)
    os.makedirs(stage + "/usr/local/bin", exist_ok=True)
    with open(stage + "/usr/local/bin/sudo", "w") as file:
        file.write('#!/bin/sh\nexec "$@"\n')
    os.chmod(stage + "/usr/local/bin/sudo", 0o755)
    subprocess.run([HOST, "start", "-n", BOX, "-b", stage + ":/stage", "-x",
                    "cp -a /stage/. /; systemd-sysusers; "
                    "systemd-tmpfiles --create smtp-handler.conf; "
                    "for user in anna ben; do rm -rf /home/$user; "
                    "useradd --create-home $user; chmod 700 /home/$user; done"], check=True)
    return stage


def codes(*recipients):
    dialogue = ["EHLO client.example", "MAIL FROM:<a@b.example>"]
    dialogue += ["RCPT TO:<%s>" % r for r in recipients] + ["QUIT"]
    out = client("talk", "127.0.0.1", "25", typed="".join(line + "\r\n" for line in dialogue))
    return re.findall(r"(?m)^(\d\d\d) ", out)[3:-1]


def inbox(user):
    return shell("find /home/%s/Maildir/new -type f -printf '%%u:%%g %%m\\n' 2>/dev/null || :"
                 % user).splitlines()


def arrives(user, count, seconds=20):
    check(wait_for(lambda: len(inbox(user)) == count, seconds, 0.1), inbox(user),
          shell("journalctl -q -o cat -n 30"))


def idle():
    return not shell("systemctl list-units --all --no-legend --plain 'smtp-maildir@*'")


@test("the units have no mistakes")
def _():
    same(shell("cd /usr/local/lib/systemd/system && systemd-analyze verify --man=no %s 2>&1"
               % " ".join(UNITS)), "")


@test("two lines of settings and two sockets are enough")
def _():
    shell("cat > /etc/smtp-handler/conf.d/users.conf", SETTINGS)
    shell("systemctl -q enable --now smtp-handler.socket smtp-relay.path smtp-relay.timer")
    shell(SOCKETS)
    shell("smtp-handler --check && smtp-relay --check && smtp-maildir --check")


@test("users exist, others and users of the system do not")
def _():
    same(codes("anna@example.org", "Ben@example.org", "x@example.org", "root@example.org",
               "daemon@example.org", "smtp-relay@example.org", "nobody@example.org"),
         ["250", "250"] + ["550"] * 5)


@test("a message is in the user's home, and belongs to the user")
def _():
    client("send", "127.0.0.1", "25", "b@example.net", "anna@example.org")
    arrives("anna", 1)
    same(inbox("anna"), ["anna:anna 600"])
    same(shell("stat -c '%U %a' /home/anna/Maildir /home/anna/Maildir/tmp"), "anna 700\n" * 2)


@test("a user of another source than /etc/passwd, by NSS")
def _():
    shell("mkdir -p /etc/userdb /home/carla; chown 20050:20050 /home/carla; chmod 700 /home/carla")
    for name, text in (("carla.user", '{"userName": "carla", "uid": 20050, "gid": 20050, '
                        '"homeDirectory": "/home/carla", "disposition": "regular"}'),
                       ("carla.group", '{"groupName": "carla", "gid": 20050}')):
        shell("cat > /etc/userdb/" + name, text)
        shell("ln -s %s /etc/userdb/20050.%s" % (name, name.split(".")[1]))
    check(here("grep", "-q", "carla", "/etc/passwd")[0] != 0)
    same(codes("carla@example.org", "Carla@example.org"), ["250", "250"])
    client("send", "127.0.0.1", "25", "b@example.net", "carla@example.org")
    arrives("carla", 1)
    same(inbox("carla"), ["carla:carla 600"])


@test("a hundred messages for two users")
def _():
    begin = time.monotonic()
    client("send", "127.0.0.1", "25", "b@example.net", "anna@example.org", "50")
    client("send", "127.0.0.1", "25", "b@example.net", "ben@example.org", "50")
    arrives("anna", 51, 40)
    arrives("ben", 50, 40)
    note("%.1f s" % (time.monotonic() - begin))
    check(wait_for(idle, 10, 0.2), shell("systemctl list-units --all 'smtp-maildir@*'"))


@test("the sockets are the other program's alone")
def _():
    same(shell("stat -c '%U %a' /run/smtp-handler/maildir.sock /run/smtp-handler/users.sock"),
         "smtp-relay 600\nsmtp-handler 600\n")
    for user, name in (("smtp-handler", "maildir"), ("anna", "maildir"), ("anna", "users"),
                       ("smtp-relay", "users")):
        _, out = here("setpriv", "--reuid", user, "--regid", user, "--clear-groups",
                      "/usr/bin/python3", "-c", "import socket; socket.socket(socket.AF_UNIX, "
                      "socket.SOCK_SEQPACKET).connect('/run/smtp-handler/%s.sock')" % name)
        check("PermissionError" in out, user, name, out)


@test("root itself may not ask for a delivery")
def _():
    shell("/usr/bin/python3 -c \"import socket; s = socket.socket(socket.AF_UNIX, "
          "socket.SOCK_SEQPACKET); s.connect('/run/smtp-handler/maildir.sock'); s.recv(1)\" || :")
    check(wait_for(lambda: "the user with uid 0 asked for a delivery" in
                   shell("journalctl -q -o cat -t smtp-maildir"), 10),
          shell("journalctl -q -o cat -t smtp-maildir"))


@test("smtp-maildir starts with two capabilities, and the registry with none and no user's rights")
def _():
    shell("mkdir -p /run/systemd/system/smtp-maildir@.service.d; printf '[Service]\\nExecStart=\\n"
          "ExecStart=/bin/sh -c \"grep -E \\\"^(CapBnd|NoNewPrivs)\\\" /proc/self/status > "
          "/run/seen\"\\n' > /run/systemd/system/smtp-maildir@.service.d/look.conf; "
          "systemctl daemon-reload")
    client("send", "127.0.0.1", "25", "b@example.net", "anna@example.org")
    check(wait_for(lambda: here("grep", "-q", "NoNewPrivs", "/run/seen")[0] == 0, 15))
    same(shell("cat /run/seen").split(), ["CapBnd:", "00000000000000c0", "NoNewPrivs:", "1"])
    shell("rm -r /run/systemd/system/smtp-maildir@.service.d; systemctl daemon-reload")
    codes("anna@example.org")
    status = shell("cat /proc/$(systemctl show -P MainPID smtp-users.service)/status")
    for part in ("CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "NoNewPrivs:\t1",
                 "Seccomp:\t2"):
        check(part in status, part, status)
    check(not re.search(r"(?m)^Uid:\t(0|%s)\t" % shell("id -u smtp-handler").strip(), status),
          status)


@test("what was refused or broken meanwhile waits, and arrives later")
def _():
    shell("systemctl stop smtp-maildir.socket")
    client("send", "127.0.0.1", "25", "b@example.net", "ben@example.org")
    check(wait_for(lambda: "status=4.4.1" in shell("journalctl -q -o cat -t smtp-relay"), 20),
          shell("journalctl -q -o cat -t smtp-relay -n 20"))
    shell("systemctl start smtp-maildir.socket; smtp-queue retry --all")
    arrives("ben", 51)
    arrives("anna", 52)


@test("smtp-users is down: 451, and a line in the log; then it is back")
def _():
    shell("systemctl stop smtp-users.socket smtp-users.service")
    same(codes("anna@example.org", "x@example.org", "postmaster@example.org"),
         ["451", "451", "250"])
    check("is smtp-users.socket started?" in shell("journalctl -q -o cat -t smtp-handler"))
    shell("systemctl start smtp-users.socket")
    same(codes("anna@example.org", "x@example.org"), ["250", "550"])


@test("a crash of smtp-users is of no importance")
def _():
    shell("systemctl kill -s KILL smtp-users.service")
    check(wait_for(lambda: codes("anna@example.org") == ["250"], 10))


@test("under the one service for all connections it is the same")
def _():
    shell("systemctl -q disable --now smtp-handler.socket; "
          "systemctl -q enable --now smtp-handler-listen.socket")
    same(codes("anna@example.org", "x@example.org"), ["250", "550"])
    client("send", "127.0.0.1", "25", "b@example.net", "ben@example.org")
    arrives("ben", 52)


@test("the exposure of the units")
def _():
    out = shell("systemd-analyze security --no-pager smtp-users.service | tail -1; "
                "systemd-analyze security --no-pager smtp-maildir@x.service | tail -1")
    levels = [float(n) for n in re.findall(r": (\d+\.\d)", out)]
    note(out)
    check(len(levels) == 2 and levels[0] <= 1.2 and levels[1] <= 3.2, out)


@test("no program was killed or crashed")
def _():
    log = shell("journalctl -q -o cat")
    check(not re.search(r"core-dump|status=(6|7|8|11|31)/|Sanitizer|runtime error", log), log)


if __name__ == "__main__":
    if os.getuid() != 0:
        print("1..0 # SKIP needs root: boots a systemd")
        sys.exit(0)
    folder = boot()
    try:
        main()
    finally:
        subprocess.run([HOST, "stop", "-n", BOX], check=False)
        shutil.rmtree(folder)
