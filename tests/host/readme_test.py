#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""Every snippet of README.md from "Install" to "Uninstall", in order, in a fresh booted systemd.

A snippet of settings joins those of its example in conf.d/, and both programs must then check them.
A snippet of commands is typed as it stands: each command must succeed."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, same, test, wait_for  # noqa: E402

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BUILD = os.environ.get("BUILD", "build")
HOST = TOP + "/tests/host/systemd-host"
BOX = "readme-%d" % os.getpid()
CONF = "/etc/smtp-handler/conf.d/readme.conf"
# Commands that are not typed, with the reason.
LEFT_OUT = {
    "sudo tools/deps.sh build": "the box builds nothing",
    "make && sudo make install": "the programs are installed in the box already",
    "/etc/xinetd.d": "other servers of port 25 have tests of their own",
    "tcpserver": "the same", "systemctl restart xinetd": "the same",
    "nowait": "a line of inetd.conf",
    "* * * * *": "a line of a crontab",
    "useradd --system": "the users are there already",
    "[Socket]": "a drop-in", "ListenStream=": "the same",
}
ENDLESS = ("journalctl -f", "--watch", "--listen")
# The status says something else than success: no such message, a unit that is not running.
OTHER_STATUS = {"systemctl status": 3, "smtp-queue hold": 1, "smtp-queue fail": 1,
                "smtp-queue doctor": 1}
TYPED = {"/dev/stdin": "secret\n", "smtp-handler-passwd": "secret\n", "swaks": "secret\n"}


def blocks(text):
    """Each indented block with the bold words before it, if the paragraph has them."""
    text = text[text.index("\n## Install"):text.index("\n## Where things are")] + \
        text[text.index("\n## Uninstall"):]
    bold = ""
    for part in re.split(r"\n\n", text):
        found = re.match(r"\s*\*\*(.+?)\*\*|\s*(#+ .*)", part)
        if found:
            bold = " ".join((found.group(1) or found.group(2)).split())
        lines = part.strip("\n").split("\n")
        if all(line.startswith("    ") for line in lines):
            yield bold, "\n".join(line[4:] for line in lines)


def is_settings(block):
    sections = "server|route|sender|queue|relay|dkim|sendmail|verify"
    return re.match(r"\[(%s)\b|[a-z-]+ = " % sections, block) is not None


def commands(block):
    lines = [line for line in block.split("\n") if not line.startswith("#")]
    text = re.sub(r"(\\|\|)\n\s*", lambda m: m.group(1).strip("\\") + " ", "\n".join(lines))
    return [line.strip() for line in text.split("\n") if line.strip()]


def here(*command, typed="", seconds=60):
    """Run inside; the status and the output."""
    run = subprocess.run([HOST, "exec", "-n", BOX, *command], input=typed, text=True,
                         capture_output=True, timeout=seconds)
    return run.returncode, run.stdout + run.stderr


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
                    "cp -a /stage/. /; useradd --no-create-home anna; rm -rf /var/mail/anna"],
                   check=True)
    return stage


def type_in(command):
    for part, why in LEFT_OUT.items():
        if part in command:
            print("# left out: %s (%s)" % (command, why))
            return
    typed = "".join(text for part, text in TYPED.items() if part in command)
    if re.search(r"\bID\b", command):
        status, out = here("smtp-queue", "list", "--ids")
        check(status == 0 and out, "no message is waiting", out)
        command = re.sub(r"\bID\b", out.split()[0], command)
    endless = any(part in command for part in ENDLESS)
    status, out = here(*(["timeout", "2"] if endless else []), "bash", "-c", command, typed=typed)
    wanted = {124} if endless else {0}
    for part, other in OTHER_STATUS.items():
        if part in command:
            wanted.add(other)
    if status not in wanted:
        troubles.append("%s: %d %s" % (command, status, out))


def greeted(*recipients):
    """The codes of a session on port 25."""
    dialogue = ["EHLO client.example", "MAIL FROM:<a@b.example>"]
    dialogue += ["RCPT TO:<%s>" % r for r in recipients] + ["QUIT"]
    run = subprocess.run([HOST, "net", "-n", BOX, "/usr/bin/python3", TOP + "/tests/host/client.py",
                          "talk", "127.0.0.1", "25"], capture_output=True, text=True,
                         input="".join(line + "\r\n" for line in dialogue), timeout=60)
    return re.findall(r"(?m)^(\d\d\d) ", run.stdout)


def settings(bold, block):
    """Settings of one example are together; each example is tried by itself."""
    append = settings.bold == bold
    settings.bold = bold
    # Mail that a snippet has sent is tried before the next settings hold.
    here("sh", "-c", "for i in $(seq 50); do [ \"$(ls /var/spool/smtp-handler/new)\" ] || break; "
         "sleep 0.1; done; sleep 0.3")
    write = "cat %s %s && chmod 644 %s" % (">>" if append else ">", CONF, CONF)
    status, out = here("sh", "-c", write, typed=block + "\n")
    same(status, 0, out)
    status, out = here("sh", "-c", "smtp-handler --check && smtp-relay --check")
    if status != 0:
        troubles.append("--check: %s\n%s" % (block, out))
    replies = greeted("postmaster@example.org")[0:4]
    if replies != ["220", "250", "250", "250"]:
        troubles.append("port 25 replies %s with\n%s" % (replies, block))


settings.bold = None
troubles = []


@test("every snippet of the README, as it is pasted")
def snippets():
    with open(TOP + "/README.md") as file:
        found = list(blocks(file.read()))
    check(len(found) > 40, len(found))
    for bold, block in found:
        if bold == "## Uninstall":
            break
        if is_settings(block):
            settings(bold, block)
            continue
        for command in commands(block):
            type_in(command)
    for bold, block in found:
        if bold == "## Uninstall":
            for command in commands(block):
                type_in(command)
    same(troubles, [])


@test("nothing is left behind but the configuration, the queue and the users")
def uninstalled():
    status, out = here("sh", "-c", "find /usr/local /run /etc/systemd -xdev -name 'smtp-*' |"
                                   " grep -v '^/run/systemd/propagate/' |"
                                   " grep -v '^/usr/local/share/doc$'; true")
    same(out, "")
    wait_for(lambda: "systemd" not in here("ss", "-Hltnp", "sport = 25 or sport = 465")[1])
    same(here("ss", "-Hltnp", "sport = 25 or sport = 465 or sport = 587")[1], "")
    same(here("test", "-e", "/etc/smtp-handler/smtp-handler.conf")[0], 0)


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
