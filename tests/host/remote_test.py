#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""smtp-queue --host: two machines behind real sshds, one that is not there, and hostile output."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import bail_out, check, main, same, test, wait_for  # noqa: E402

if os.getuid() != 0 or open("/proc/self/uid_map").read().split()[2] == "1":
    print("1..0 # SKIP needs root: sshd changes its user")
    sys.exit(0)
# The test has its own network with free ports, and its own users.
if not os.environ.get("REMOTE_TEST_INSIDE"):
    os.environ["REMOTE_TEST_INSIDE"] = "yes"
    os.execvp("unshare", ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child",
                          "--mount-proc", "--", sys.executable, os.path.abspath(__file__)])

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SSHD = os.path.abspath("build/peers") + "/usr/sbin/sshd"
DIRECTORY = BUILD + "/tests/remote"
MACHINES = {"mx1": "127.0.0.11", "mx2": "127.0.0.12"}


def write(name, text, mode=0o644):
    path = os.path.join(DIRECTORY, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def machine(name, address):
    """A queue, smtp-queue with its configuration, and an sshd."""
    conf = write(name + "/conf", "[queue]\ndirectory = %s/%s/queue\nmin-free = 0\n[server]\n"
                 "hostname = %s.example.org\ntrusted = local\n"
                 % (DIRECTORY, name, name))
    write(name + "/bin/smtp-queue", "#!/bin/sh\nexec %s/smtp-queue -c %s \"$@\"\n" % (BUILD, conf),
          0o755)
    write(name + "/sshd", "ListenAddress %s\nHostKey %s/host\nAuthorizedKeysFile %s/client.pub\n"
          "StrictModes no\nPidFile none\nSetEnv PATH=%s/%s/bin:/usr/bin:/bin\nUsePAM no\n"
          "PermitRootLogin yes\n" % (address, DIRECTORY, DIRECTORY, DIRECTORY, name))
    log = open("%s/%s/sshd.log" % (DIRECTORY, name), "w")
    subprocess.Popen([SSHD, "-D", "-e", "-f", "%s/%s/sshd" % (DIRECTORY, name)],
                     stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def up():
        try:
            socket.create_connection((address, 22), 1).close()
            return True
        except OSError:
            return False
    if not wait_for(up, 10):
        bail_out("sshd does not listen: " + open(log.name).read())


def accept(name, subject):
    """Put a message into the queue of a machine; its ID."""
    run = subprocess.run([BUILD + "/smtp-handler", "-c", "%s/%s/conf" % (DIRECTORY, name)],
                         input="MAIL FROM:<a@b.example>\nRCPT TO:<c@d.example>\nDATA\n"
                               "Subject: %s\n\nx\n.\nQUIT\n" % subject,
                         capture_output=True, text=True)
    found = re.search(r"queued as (\S+)|250 2\.0\.0 .*?([0-9A-Za-z]{10,})", run.stdout)
    check(found, run.stdout, run.stderr)
    return found[1] or found[2]


def queue(*arguments, hosts="mx1,mx2", ssh="ssh -F %s/ssh_config" % DIRECTORY):
    return subprocess.run([BUILD + "/smtp-queue", "--host", hosts, *arguments],
                          env={**os.environ, "SMTP_QUEUE_SSH": ssh},
                          capture_output=True, text=True, timeout=60)


@test("list: each line has its machine, in the order of --host")
def _():
    ids = accept("mx1", "one"), accept("mx2", "two"), accept("mx2", "three")
    run = queue("list", "--ids")
    same((run.returncode, run.stdout.split("\n")[0]), (0, "mx1: " + ids[0]), run.stderr)
    same(sorted(run.stdout.split("\n")[1:3]), sorted("mx2: " + i for i in ids[1:]))
    run = queue("list", "--ids", hosts="mx2,mx1")
    check(run.stdout.startswith("mx2: ") and run.stdout.endswith("mx1: %s\n" % ids[0]), run.stdout)


@test("--json: the machine is a member of each object")
def _():
    objects = [json.loads(line) for line in queue("--json", "list").stdout.splitlines()]
    same([one["host"] for one in objects], ["mx1", "mx2", "mx2"])
    check(all(one["sender"] == "a@b.example" for one in objects), objects)


@test("an action: the filter is quoted as it is, and each machine reports its part")
def _():
    run = queue("hold", "--domain", "d.exampl*", "--sender", "a@*' $(touch %s/x) \"" % DIRECTORY)
    check(not os.path.exists(DIRECTORY + "/x"), run.stdout)
    same(len(re.findall("0 messages held", run.stdout)), 2, run.stdout)
    run = queue("hold", "--domain", "d.exampl*")
    same((run.returncode, re.findall(r"(?m)^(mx[12]: \d+ messages?) held", run.stdout)),
         (0, ["mx1: 1 message", "mx2: 2 messages"]), run.stdout)
    run = queue("list", "--state", "held", "--ids")
    same(len(run.stdout.splitlines()), 3, run.stdout)


@test("stats: the samples of a family stand together, with the machine as a label")
def _():
    lines = queue("stats").stdout.splitlines()
    types = [line.split()[2] for line in lines if line.startswith("# HELP")]
    same(len(types), len(set(types)), "a family twice")
    samples = [line for line in lines if not line.startswith("#")]
    check(len(samples) > 50 and all('host="mx1"' in s or 'host="mx2"' in s for s in samples))
    family = None
    for line in lines:
        if line.startswith("# HELP"):
            family = line.split()[2]
        elif not line.startswith("#"):
            check(line.startswith(family), family, line)
    held = [s for s in samples if "held" in s and s.startswith("smtp_queue_messages{")]
    counts = {"mx1": 0, "mx2": 0}
    for sample in held:
        counts[re.search(r'host="(\w+)"', sample)[1]] += int(sample.rsplit(" ", 1)[1])
    same(counts, {"mx1": 1, "mx2": 2}, held)


@test("stats --sum: each sample once, as the sum; of ages the greatest")
def _():
    def read(text):
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in text.splitlines() if not line.startswith("#")}
    one, two = (read(queue("stats", hosts=name).stdout.replace('host="%s",' % name, "")
                     .replace('{host="%s"}' % name, "")) for name in ("mx1", "mx2"))
    run = queue("stats", "--sum")
    total = read(run.stdout)
    same(run.returncode, 0, run.stderr)
    same(len(total), len([x for x in run.stdout.splitlines() if x[0] != "#"]), "a sample twice")
    same(set(total), set(one) | set(two))
    accepted = 'smtp_accepted_messages_total{standing="trusted"}'
    same((one[accepted], two[accepted], total[accepted]), (1, 2, 3))
    same(total['smtp_session_duration_seconds_bucket{le="+Inf"}'],
         one['smtp_session_duration_seconds_bucket{le="+Inf"}']
         + two['smtp_session_duration_seconds_bucket{le="+Inf"}'])
    for name in total:
        if name.startswith("smtp_queue_oldest_message_age_seconds"):
            check(total[name] >= max(one[name], two[name]) and
                  total[name] <= max(one[name], two[name]) + 60, name)
    check(run.stdout.endswith("# EOF\n") and run.stdout.count("# EOF") == 1)


@test("a machine with metrics that others lack, and one that prints no end of them")
def _():
    ssh = write("samples", "#!/bin/sh\nprintf '# HELP both x\\nboth 1\\nboth{a=\"b c\"} 0.5\\n'\n"
                "[ $1 = one ] || printf '# HELP smtp_x_age_seconds x\\nsmtp_x_age_seconds %s\\n'"
                " ${1#a}\n[ $1 = bad ] && printf 'both x\\nboth\\n\\n'\necho '# EOF'\n", 0o755)
    run = queue("stats", "--sum", hosts="one,a7,a5", ssh=ssh)
    same(run.stdout, '# HELP both x\nboth 3\nboth{a="b c"} 1.5\n# HELP smtp_x_age_seconds x\n'
         'smtp_x_age_seconds 7\n# EOF\n', run.stderr)
    run = queue("stats", hosts="one,a7", ssh=ssh)
    same(run.stdout.splitlines()[-2:], ['smtp_x_age_seconds{host="a7"} 7', "# EOF"])
    same(queue("stats", "--sum", hosts="one,bad", ssh=ssh).returncode, 0)
    ssh = write("endless", "#!/bin/sh\nseq -f '# HELP m%.0f x' 1 2000 | sed 'a both 1'\n", 0o755)
    for words in ["stats"], ["stats", "--sum"]:
        run = queue(*words, hosts="one", ssh=ssh)
        same(run.returncode, 69)
        check("stats: a machine has printed too many metrics" in run.stderr, run.stderr)
    for said in "", "echo Welcome", "printf '# HELP both x\\nboth 1\\n'", "printf '# EOF'":
        ssh = write("half", "#!/bin/sh\n%s\n[ $1 = one ] || echo '# EOF'\n" % said, 0o755)
        for words in ["stats"], ["stats", "--sum"]:
            run = queue(*words, hosts="two,one", ssh=ssh)
            same((run.returncode, run.stderr), (
                69, "smtp-queue: one: it has not printed its statistics to their end\n"), said)
            same(run.stdout.splitlines()[-1], "# EOF")
    ssh = write("many", "#!/bin/sh\necho '# HELP m x'; seq -f 'm{a=\"%.0f\"} 1' 1 5000\n", 0o755)
    same(queue("stats", "--sum", hosts="one", ssh=ssh).returncode, 69)


@test("a machine that is not there: the others are shown, and the exit status is 69")
def _():
    run = queue("list", hosts="mx1,gone,mx2")
    same(run.returncode, 69)
    check("mx1: " in run.stdout and "mx2: " in run.stdout, run.stdout)
    check("smtp-queue: gone: ssh cannot run smtp-queue there" in run.stderr and
          "gone: ssh: " in run.stderr, run.stderr)


@test("the worst exit status of the machines is that of the command")
def _():
    run = queue("show", "nosuchmessage")
    same(run.returncode, 1, run.stdout, run.stderr)
    check(re.search(r"mx1: smtp-queue: nosuchmessage", run.stderr), run.stderr)
    same(queue("check", "--critical", "held=2").returncode, 2)


@test("a machine that sends what a terminal would obey, or too much")
def _():
    ssh = write("hostile", "#!/bin/sh\nprintf 'a\\033[2Jb\\n'\n"
                "[ $1 = one ] || yes $(printf %01000d 1)\n", 0o755)
    run = queue("list", hosts="one", ssh=ssh)
    same((run.returncode, run.stdout), (0, "one: a?[2Jb\n"))
    run = queue("stats", hosts="one", ssh=ssh)
    check("\033" not in run.stdout, run.stdout)
    run = subprocess.run("SMTP_QUEUE_SSH=%s %s/smtp-queue --host two list | wc -c" % (ssh, BUILD),
                         shell=True, capture_output=True, text=True, timeout=60)
    check(60 << 20 < int(run.stdout) < 66 << 20, run.stdout)


@test("a machine that hangs is named, and a signal ends the wait: the others are shown")
def _():
    ssh = write("hangs", "#!/bin/sh\n[ $1 = hangs ] && exec sleep 300\n"
                "[ $1 = fails ] && exit 1\necho '{\"of\":\"'$1'\"}'\n", 0o755)
    process = subprocess.Popen(
        [BUILD + "/smtp-queue", "--host", "one,hangs,fails,two", "list", "--json"],
        env={**os.environ, "SMTP_QUEUE_SSH": ssh}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    same(process.stderr.readline(),
         "smtp-queue: hangs: it has not ended yet; ^C prints what there is\n")
    process.terminate()
    out, err = process.communicate()
    watchdog.cancel()
    same(out, '{"host":"one","of":"one"}\n{"host":"two","of":"two"}\n')
    same([process.returncode, err],
         [69, "smtp-queue: hangs: a signal cut it off before its end\n"])


@test("--json: lines of a shell, and the half of an object, are no output")
def _():
    ssh = write("shell", "#!/bin/sh\nprintf 'Welcome to {%s}\\r\\n' $1\n"
                "printf '{\"a\":1}\\n{}\\r\\n{\"b\":'\n", 0o755)
    run = queue("list", "--json", hosts="one", ssh=ssh)
    same([run.returncode, run.stdout], [0, '{"host":"one","a":1}\n{"host":"one"}\n'])
    same(run.stderr, 'one: Welcome to {one}\none: {"b":\n')


@test("standard input is for others: no machine reads it")
def _():
    run = subprocess.run("(%s/smtp-queue --host mx1,mx2 list > /dev/null; cat)" % BUILD,
                         shell=True, input="line\n", capture_output=True, text=True, timeout=60,
                         env={**os.environ, "SMTP_QUEUE_SSH": "ssh -F %s/ssh_config" % DIRECTORY})
    same(run.stdout, "line\n")
    # The default with an option more has nine words.
    for n, status in (7, 0), (30, 69):
        run = queue("list", hosts="mx1", ssh="ssh -F %s/ssh_config" % DIRECTORY + " -a" * n)
        same(run.returncode, status, run.stderr)
    check("mx1: SMTP_QUEUE_SSH: write one to 32 words" in run.stderr, run.stderr)


@test("a machine without smtp-queue, and lines that end in CR LF as those of ssh do")
def _():
    for status in 126, 127:
        ssh = write("lacks", "#!/bin/sh\nprintf 'one\\r\\n\\r\\n' >&2\nexit %d\n" % status, 0o755)
        run = queue("list", hosts="mx1", ssh=ssh)
        same(run.returncode, 69)
        same(run.stderr, "mx1: one\nmx1: \nsmtp-queue: mx1: its shell finds no smtp-queue: log in "
             "as root there, or extend PATH for this user\n")


@test("mistakes on the command line")
def _():
    for hosts in "", ",", "a,", "a,,b", "-oProxyCommand=x", "a b", "a;b", ",".join(["a"] * 65):
        run = queue("list", hosts=hosts)
        same(run.returncode, 64, hosts)
        check("not names of machines" in run.stderr, run.stderr)
    for words in ["top"], ["stats", "--http"], ["report", "--html"], ["show", "--raw", "x"], \
            ["stats", "--with-host"], ["list", "--sum"]:
        same(queue(*words).returncode, 64, words)


shutil.rmtree(DIRECTORY, ignore_errors=True)
os.makedirs(DIRECTORY)
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
for kind in "host", "client":
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", DIRECTORY + "/" + kind],
                   check=True)
users = write("passwd", open("/etc/passwd").read() + "sshd:x:64996:65534::/run/sshd:/bin/false\n")
subprocess.run(["mount", "--bind", users, "/etc/passwd"], check=True)
subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
os.makedirs("/run/sshd", 0o755)
write("ssh_config", "".join("Host %s\n  HostName %s\n" % one for one in MACHINES.items()) +
      "Host *\n  User root\n  IdentityFile %s/client\n  StrictHostKeyChecking no\n"
      "  UserKnownHostsFile /dev/null\n  LogLevel ERROR\n  BatchMode yes\n" % DIRECTORY)
for machine_name, machine_address in MACHINES.items():
    machine(machine_name, machine_address)
main()
