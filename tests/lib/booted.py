# SPDX-License-Identifier: ISC
"""What scripts share that run inside a booted systemd (tests/host/walls_test.sh)."""
import subprocess
import sys
import time


def report(good, text, *seen):
    """A TAP line without a number."""
    print(("ok" if good else "not ok") + " " + text, *seen, flush=True)


def wait_for(what, seconds=20):
    """The first value of what() that counts as true, or its last one."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = what()
        if value:
            return value
        time.sleep(0.02)
    return what()


def systemctl(*arguments):
    return subprocess.run(["systemctl", *arguments], capture_output=True, text=True, check=False)


def main_process(unit):
    """Its pid.  Until the unit has started it is 0, and kill(2) takes 0 for all processes of the
    caller's group, which is that of the whole test."""
    pid = wait_for(lambda: int(systemctl("show", "-P", "MainPID", unit).stdout))
    if not pid:
        report(False, "%s has a process" % unit, systemctl("status", unit).stdout)
        sys.exit(1)
    return pid
