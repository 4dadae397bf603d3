# SPDX-License-Identifier: ISC
"""The walls of every unit, from inside a booted systemd: TAP lines without numbers.

    unit_walls.py INJECT      INJECT is build/tests/inject

A unit's own filters are those that a /bin/sleep in its place has too.  The program's are the
others.  Files are tried: a process that is closed cannot open /etc/passwd.
"""
import glob
import os
import re
import signal
import socket
import subprocess
import sys

from booted import main_process, report, systemctl, wait_for

INJECT = sys.argv[1]
OPENAT, SETPRIORITY, SEQPACKET = 257, 141, socket.SOCK_SEQPACKET
DENIED = ("-13", "-38")         # by Landlock; by a filter
held = []


def fact(pid, key):
    try:
        with open("/proc/%d/status" % pid, encoding="ascii", errors="replace") as status:
            return int(re.search(r"^%s:\s+(\d+)" % key, status.read(), re.M)[1])
    except OSError:
        return -1


def processes(unit):
    """Those of a unit, or of all instances of a template, the oldest first."""
    pattern = "/" + re.escape(unit).replace("@", r"@[^/\n]*") + r"(\n|$)"
    found = []
    for path in glob.glob("/proc/[0-9]*/cgroup"):
        try:
            with open(path, encoding="ascii", errors="replace") as groups:
                if re.search(pattern, groups.read()):
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return sorted(found)


def name(pid):
    try:
        with open("/proc/%d/comm" % pid, encoding="ascii", errors="replace") as comm:
            return comm.read().strip()
    except OSError:
        return ""


def bare(unit):
    """The filters of a program without any of its own in this unit, and its NoNewPrivs."""
    fragment = systemctl("show", "-p", "FragmentPath", "--value",
                         unit.replace("@", "@x")).stdout.strip()
    with open(fragment, encoding="utf-8") as file:
        text = file.read().replace("\\\n", "")
    text = re.sub(r"(?m)^(ExecStart|ExecReload|ExecStopPost|Condition\w*|Requires|After|Type"
                  r"|Standard\w+)=.*\n", "", text)
    text = text.replace("[Service]\n", "[Service]\nExecStart=/bin/sleep 300\nStandardInput=null\n")
    with open("/run/systemd/system/bare.service", "w", encoding="utf-8") as file:
        file.write(text)
    systemctl("daemon-reload")
    systemctl("start", "bare.service")
    pids = wait_for(lambda: [p for p in processes("bare.service") if name(p) == "sleep"])
    found = (fact(pids[0], "Seccomp_filters"), fact(pids[0], "NoNewPrivs")) if pids else None
    systemctl("stop", "bare.service")
    return found


def inject(pid, call, *arguments):
    return subprocess.run([INJECT, str(pid), str(call), *arguments], capture_output=True,
                          text=True, check=False).stdout.strip()


def check(unit, what, pids, own, closed, bares={}):
    """own: the filters of the program; closed: it cannot open /etc/passwd."""
    if unit not in bares:
        bares[unit] = bare(unit)
    base = bares[unit]
    text = "%s: %s" % (unit, what)
    if not pids or not base:
        report(False, text, "no process", base, systemctl("status", unit).stdout)
        return
    for pid in pids:
        seen = wait_for(lambda: fact(pid, "Seccomp_filters") - base[0] == own, 5)
        filters, privileges = fact(pid, "Seccomp_filters") - base[0], fact(pid, "NoNewPrivs")
        result = inject(pid, OPENAT, "-100", "s:/etc/passwd", "0")
        report(seen and result != "failed" and (result in DENIED) == closed and
               privileges == 1 and base[1] == 1, text,
               "(%s: %d filters of the unit, %d of the program, NoNewPrivs %d %d, "
               "/etc/passwd %s)" % (name(pid), base[0], filters, privileges, base[1], result))
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def start(unit):
    report(systemctl("start", unit).returncode == 0, unit + " starts")


def tcp(port, greets=True):
    sock = socket.create_connection(("127.0.0.1", port), 20)
    held.append(sock)
    if greets:
        sock.recv(600)
    return sock


def local(path, kind=socket.SOCK_STREAM, uid=0):
    """Connect as that user."""
    os.seteuid(uid)
    sock = socket.socket(socket.AF_UNIX, kind)
    sock.settimeout(20)
    sock.connect(path)
    os.seteuid(0)
    held.append(sock)
    return sock


def those(unit, wanted):
    return wait_for(lambda: [p for p in processes(unit) if name(p).startswith(wanted)])


def listener(unit, port, implicit=False, tls=False):
    """A listener, its sessions, and beside it the process that forks sessions inside TLS."""
    start(unit.replace(".service", ".socket"))
    tcp(port, not implicit)
    main = main_process(unit)
    filters = fact(main, "Seccomp_filters")

    def served():
        pids = [p for p in those(unit, "smtp-handler") if p != main]
        return len(pids) > tls and fact(pids[-1], "Seccomp_filters") > filters and pids
    others = wait_for(served, 5)
    os.kill(main, signal.SIGSTOP)       # it does not see that the others end
    check(unit, "a session", (others or [])[-1:], 2, True)
    if tls:
        check(unit, "the process that forks sessions inside TLS", (others or [])[:-1], 1, True)
    check(unit, "the listener", [main], 1, True)
    systemctl("stop", unit.replace(".service", ".socket"))


def each_session(unit, port, implicit=False, tls=False):
    """A unit for each connection; before STARTTLS it has another process beside it."""
    start(unit.replace("@.service", ".socket"))
    tcp(port, not implicit)
    pids = wait_for(lambda: len(those(unit, "smtp-handler")) > tls and those(unit, "smtp-handler"))
    parents = [fact(p, "PPid") for p in pids]
    check(unit, "a session", [p for p in pids if not tls or p in parents], 1, True)
    systemctl("stop", unit.replace("@.service", ".socket"))


def runner():
    host = socket.create_server(("127.0.0.1", 2526))
    held.append(host)
    subprocess.run(["setpriv", "--reuid", "smtp-handler", "--regid", "smtp-handler",
                    "--clear-groups", "/usr/local/sbin/smtp-handler"], input=b"EHLO a\r\n"
                   b"MAIL FROM:<>\r\nRCPT TO:<b@held.example>\r\nDATA\r\n\r\n.\r\nQUIT\r\n",
                   stdout=subprocess.DEVNULL, check=True)
    systemctl("start", "--no-block", "smtp-relay.service")
    host.settimeout(20)
    held.append(host.accept()[0])
    main = main_process("smtp-relay.service")
    os.kill(main, signal.SIGSTOP)
    workers = [p for p in processes("smtp-relay.service") if fact(p, "PPid") == main]
    check("smtp-relay.service", "a process beside the runner", workers, 1, True)
    # It opens messages and folders of all routes; what it reads comes from confined processes.
    check("smtp-relay.service", "the runner", [main], 0, False)
    systemctl("stop", "--no-block", "smtp-relay.path", "smtp-relay.timer", "smtp-relay.service")


def uid_of(user):
    return int(subprocess.run(["id", "-u", user], capture_output=True, check=True).stdout)


def main():
    listener("smtp-handler-listen.service", 25)
    each_session("smtp-handler@.service", 25)
    each_session("smtp-handler-submission@.service", 587, tls=True)
    each_session("smtp-handler-submissions@.service", 465, implicit=True)
    listener("smtp-handler-submission-listen.service", 587, tls=True)
    listener("smtp-handler-submissions-listen.service", 465, implicit=True)
    start("smtp-handler-local.socket")
    local("/run/smtp-handler/socket").recv(600)
    check("smtp-handler-local@.service", "a session", those("smtp-handler-local@.service",
                                                            "smtp-handler"), 1, True)
    runner()
    start("smtp-maildir.socket")
    local("/run/smtp-handler/maildir.sock", SEQPACKET, uid_of("smtp-relay"))
    # It must look the user up in any directory, and confines itself as soon as it is the user.
    check("smtp-maildir@.service", "before it is the user",
          those("smtp-maildir@.service", "smtp-maildir"), 0, False)
    start("smtp-users.socket")
    local("/run/smtp-handler/users.sock", SEQPACKET, uid_of("smtp-handler"))
    # It reads any file, and writes none.
    check("smtp-users.service", "the registry", those("smtp-users.service", "smtp-maildir"), 1,
          False)
    start("smtp-stats.socket")
    tcp(9926, greets=False)
    check("smtp-stats@.service", "a request", those("smtp-stats@.service", "smtp-queue"), 1, True)
    wait_for(lambda: not processes("smtp-stats@.service"))
    tcp(9926, greets=False)
    pids = those("smtp-stats@.service", "smtp-queue")
    result = inject(pids[0], SETPRIORITY, "0", "0", "10")
    report(result == "0", "smtp-stats@.service: a count lowers its priority", result)
    start("smtp-verify.socket")
    local("/run/smtp-verify/milter.sock")
    main_pid = main_process("smtp-verify.service")
    check("smtp-verify.service", "a connection",
          wait_for(lambda: [p for p in processes("smtp-verify.service")
                            if fact(p, "PPid") == main_pid and
                            fact(p, "Seccomp_filters") > fact(main_pid, "Seccomp_filters")]),
          1, True)
    # It accepts and forks, and reads nothing.
    check("smtp-verify.service", "its listener", [main_pid], 0, False)
    base = bare("smtp-stats.service")
    report(base and base[0] > 0 and base[1] == 1, "smtp-stats.service: its filters", base)


main()
