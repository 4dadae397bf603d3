# SPDX-License-Identifier: ISC
"""Snippets of the manuals, and a booted systemd that has the programs, to type them in.

    box = Box("guide", "useradd anna", {"certbot": "#!/bin/sh\\n..."})
    with box:
        status, output = box.here("smtp-queue", "list")
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
BUILD = os.environ.get("BUILD", "build")
HOST = TOP + "/tests/host/systemd-host"
PAGE = TOP + "/man/smtp-handler-guide.7"
SECTIONS = "server|route|sender|queue|relay|reports|shared|dkim|sendmail|verify"
# In the box everything is root's: -u USER is obeyed, and nothing is asked.
SUDO = """#!/bin/sh
if [ "$1" = -u ]; then
	user=$2
	shift 2
	exec runuser -u "$user" -- "$@"
fi
exec "$@"
"""


def is_settings(text):
    """Is it a part of our configuration, and no command?"""
    return re.match(r"\[(%s)\b|[a-z-]+ = " % SECTIONS, text) is not None


def file_of_guide(name):
    """The text that smtp-handler-guide(7) has typed into that file."""
    with open(TOP + "/man/smtp-handler-guide.7") as page:
        found = re.search(r"(?ms)^sudo tee %s <<'END'\n(.*?)^END$" % re.escape(name), page.read())
    return found[1].replace("\\e", "\\").replace("\\&", "")


def chapters():
    """Each chapter: its title, and its snippets with whether they show that it works."""
    found, block, shows = [], None, False
    with open(PAGE) as file:
        for line in file.read().split("\n"):
            if line.startswith(".Sh "):
                found.append((line[4:], []))
                shows = False
            elif line.startswith(".Bd -literal"):
                block = []
            elif line == ".Ed":
                text = "\n".join(block).replace("\\e", "\\").replace("\\&", "")
                found[-1][1].append((text, shows))
                block = None
            elif block is not None:
                block.append(line)
            elif line.startswith("To see that it works"):
                shows = True
            elif line.startswith(("Common mistakes", "If it fails", "Into a Maildir")):
                shows = False
    return [(title, snippets) for title, snippets in found if snippets]


class Box:
    """before: shell commands in the box before it starts; programs: scripts for its PATH."""

    def __init__(self, name, before="", programs=None):
        if os.getuid() != 0:
            print("1..0 # SKIP needs root: boots a systemd")
            sys.exit(0)
        self.name, self.before = "%s-%d" % (name, os.getpid()), before
        self.programs = {"sudo": SUDO, **(programs or {})}

    def __enter__(self):
        self.stage = tempfile.mkdtemp(prefix="smtp-handler-test.", dir="/tmp")
        os.chmod(self.stage, 0o755)
        subprocess.run(["make", "-s", "install", "DESTDIR=" + self.stage, "BUILD=" + BUILD],
                       cwd=TOP, check=True, capture_output=True)
        os.makedirs(self.stage + "/usr/local/bin", exist_ok=True)
        for name, text in self.programs.items():
            path = self.stage + "/usr/local/bin/" + name
            with open(path, "w") as file:
                file.write(text)
            os.chmod(path, 0o755)
        setup = "cp -a /stage/. /; systemd-sysusers; " \
            "systemd-tmpfiles --create smtp-handler.conf; " + self.before
        # The box has a /tmp of its own, and this tree may be in the other one.
        subprocess.run([HOST, "start", "-n", self.name, "-b", self.stage + ":/stage",
                        "-b", TOP + ":" + TOP, "-x", setup], check=True)
        return self

    def __exit__(self, *_):
        subprocess.run([HOST, "stop", "-n", self.name], check=False)
        shutil.rmtree(self.stage)

    def command(self, *command):
        """The command that runs another one inside."""
        return [HOST, "exec", "-n", self.name, *command]

    def here(self, *command, typed="", seconds=60):
        """Run inside; the status and the output."""
        run = subprocess.run(self.command(*command), input=typed, text=True, capture_output=True,
                             timeout=seconds)
        return run.returncode, run.stdout + run.stderr
