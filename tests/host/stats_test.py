#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""smtp-queue stats and check: the counters of sessions and runs, the format, the cost, HTTP."""
import http.client
import json
import os
import pty
import re
import select
import shutil
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, note, same, test, wait_for  # noqa: E402

PEERS = os.path.abspath("build/peers")
sys.path.insert(0, PEERS + "/usr/lib/python3/dist-packages")
from prometheus_client.openmetrics.parser import text_string_to_metric_families  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SANITIZED = "san" in os.path.basename(BUILD)
DIRECTORY = "/tmp/smtp-stats-test.%d" % os.getpid()
QUEUE, CONFIG = DIRECTORY + "/queue", DIRECTORY + "/config"
MANY = 100000 if SANITIZED else 1000000
BASE32 = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def fresh():
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    os.makedirs(DIRECTORY)
    with open(CONFIG, "w") as file:
        file.write("[queue]\ndirectory = %s\n[server]\ntrusted = local\nhostname = h.example\n"
                   "max-message-size = 100000\n"
                   "[route d.example]\nvia = discard\n[route r.example]\nvia = reject: no\n"
                   "[route later.example]\nvia = lmtp:/nowhere/socket\n"
                   "[sender s@b.example]\nvia = smtp://127.0.0.1:1\n" % QUEUE)


def run(program, *argv, **more):
    return subprocess.run([BUILD + "/" + program, "-c", CONFIG, *argv], capture_output=True,
                          text=True, timeout=60, **more)


def session(*recipients, sender="a@b.example", text="Hello."):
    lines = ["HELO c", "MAIL FROM:<%s>" % sender, *("RCPT TO:<%s>" % r for r in recipients),
             "DATA", "Subject: x", "", text, ".", "QUIT", ""]
    return run("smtp-handler", input="\n".join(lines)).stdout


def stats():
    done = run("smtp-queue", "stats")
    same([done.returncode, done.stderr], [0, ""])
    return done.stdout


def values(text=None):
    """Samples by name and labels, as a strict parser of OpenMetrics reads them."""
    return {(s.name, *sorted(s.labels.values())): s.value
            for family in text_string_to_metric_families(text or stats())
            for s in family.samples}


def new_id(at_s, number):
    us = int((at_s - 1767225600) * 1000000)
    text = ""
    for _ in range(10):
        text = BASE32[us & 31] + text
        us >>= 5
    return text + "".join(BASE32[number >> 5 * i & 31] for i in range(6))


@test("an empty queue has all metrics, and no counter yet")
def _():
    fresh()
    os.mkdir(QUEUE, 0o700)
    got = values()
    same(got["smtp_sessions_total", "quit"], 0)
    same(got["smtp_counters_present", "sessions"], 0)
    same(os.listdir(QUEUE), [], "stats has made files")


@test("sessions: accepted, refused by reason, octets, duration")
def _():
    fresh()
    session("c@d.example")
    session("c@d.example", "x@r.example", "y@r.example")
    session("c@d.example", text="x" * 900 + ("\n" + "y" * 900) * 200)
    run("smtp-handler", input="MAIL FROM:<a@b.example>\n")
    got = values()
    same([got["smtp_sessions_total", "quit"], got["smtp_sessions_total", "eof"]], [3, 1])
    same(got["smtp_accepted_messages_total", "trusted"], 2)
    same(got["smtp_accepted_recipients_total",], 2)
    check(got["smtp_accepted_bytes_total",] > 20)
    same(got["smtp_refused_total", "recipient", "route"], 2)
    same(got["smtp_refused_total", "content", "too-big"], 1)
    same(got["smtp_session_duration_seconds_count",], 4)
    same(got["smtp_session_tls_total", "none"], 4)
    same(got["smtp_counters_present", "sessions"], 1)


@test("runs: delivered, deferred, failed and bounced, by route and cause; over many runs")
def _():
    fresh()
    for _ in range(2):
        session("c@d.example", "e@later.example")
        session("f@elsewhere.example", sender="s@b.example")
        run("smtp-relay")
    got = values()
    by_route = {frozenset(key[1:]): value for key, value in got.items()
                if key[0] == "smtp_relay_recipients_total" and value}
    same(by_route, {frozenset(("delivered", "d.example")): 2,
                    frozenset(("deferred", "later.example")): 2,
                    frozenset(("deferred", "sender s@b.example")): 2})
    same(got["smtp_relay_runs_total",], 2)
    same(got["smtp_relay_outcomes_total", "delivered"], 2)
    same(got["smtp_relay_messages_total", "deferred"], 4)
    same(got["smtp_relay_delay_seconds_count",], 2)
    same(got["smtp_queue_messages", "0-5min", "waiting"], 4)
    same(run("smtp-queue", "fail", "--all").returncode, 0)
    run("smtp-relay")
    got = values()
    same(got["smtp_queue_messages", "0-5min", "waiting"], 0)
    same(got["smtp_relay_recipients_total", "delivered", "other"], 0)


@test("promtool check metrics has nothing to say")
def _():
    done = subprocess.run([PEERS + "/usr/bin/promtool", "check", "metrics"], input=stats(),
                          capture_output=True, text=True)
    same([done.returncode, done.stdout, done.stderr], [0, "", ""])


@test("the machine: in the line of the build, and with --with-host in each sample")
def _():
    machine = os.uname().nodename
    check(re.search(r'(?m)^smtp_handler_build\{version="[^"]+",nodename="%s"\} 1$'
                    % re.escape(machine), stats()), stats()[:500])
    done = run("smtp-queue", "stats", "--with-host")
    same([done.returncode, done.stderr], [0, ""])
    lines = [line for line in done.stdout.splitlines() if line[0] != "#"]
    same([line for line in lines if '{host="%s"' % machine not in line], [])
    same(len(lines), len([line for line in stats().splitlines() if line[0] != "#"]))
    checked = subprocess.run([PEERS + "/usr/bin/promtool", "check", "metrics"],
                             input=done.stdout, capture_output=True, text=True)
    same([checked.returncode, checked.stdout, checked.stderr], [0, "", ""])
    script = "printf 'a\"b' > /proc/sys/kernel/hostname; exec %s/smtp-queue -c %s stats"
    odd = subprocess.run(["unshare", "--map-root-user", "--uts", "sh", "-c",
                          script % (BUILD, CONFIG)], capture_output=True, text=True)
    check('nodename="a?b"} 1\n' in odd.stdout, odd.stdout[:300], odd.stderr)
    same(run("smtp-queue", "hosts", "--with-host").returncode, 64)


@test("the dashboard for Grafana asks for metrics and labels that there are")
def _():
    with open("tools/grafana.json") as file:
        board = json.load(file)
    text, asked = stats(), " ".join(target["expr"] for panel in board["panels"]
                                    for target in panel["targets"])
    names = set(re.findall(r"\bsmtp_\w+", asked))
    check(len(names) > 10, names)
    for name in names:
        check(re.search("^%s[ {]" % name, text, re.M), name)
    for labels in re.findall(r"by \(([^)]*)\) \((?:rate\()?(smtp_\w+)", asked):
        for label in labels[0].split(", "):
            check(re.search('^%s{.*%s="' % (labels[1], label), text, re.M), labels)


@test("a file of counters that was cut, or is anything, costs its counters and no mail")
def _():
    folder, sessions, runs = QUEUE + "/stats", QUEUE + "/stats/sessions", QUEUE + "/state/counts"
    for remove, make in ((sessions, lambda: None),
                         (sessions, lambda: open(sessions, "w").close()),
                         (sessions, lambda: open(sessions, "w").write("x" * 5000)),
                         (sessions, lambda: os.mkfifo(sessions)),
                         (sessions, lambda: os.symlink(CONFIG, sessions)),
                         (folder, lambda: os.symlink("/etc", folder)),
                         (folder, lambda: open(folder, "w").close()),
                         (runs, lambda: open(runs, "w").close()),
                         (QUEUE + "/state", lambda: None)):
        fresh()
        session("c@d.example")
        run("smtp-relay")
        shutil.rmtree(remove) if os.path.isdir(remove) else os.remove(remove)
        make()
        said = session("c@d.example")
        check("250 2.0.0 Ok: queued" in said, remove, said)
        same(run("smtp-relay").returncode, 0)
        same(os.listdir(QUEUE + "/new"), [])
        values()


@test("a million messages: a scrape costs at most 50 ms, and the count comes in the background")
def _():
    fresh()
    session("c@d.example")
    run("smtp-relay")
    now = time.time()
    for bucket in range(10):
        folder = QUEUE + "/wait/%d" % (now + 3600 + 60 * bucket)
        os.mkdir(folder, 0o700)
        at = os.open(folder, os.O_RDONLY)
        limit = 60000		# links of one file: faster than files
        for i in range(MANY // 10):
            if i % limit == 0:
                first = new_id(now - 7000, bucket * MANY + i)
                os.close(os.open(first, os.O_CREAT | os.O_WRONLY, 0o600, dir_fd=at))
            else:
                os.link(first, new_id(now - 7000, bucket * MANY + i), src_dir_fd=at,
                        dst_dir_fd=at)
        os.close(at)
    times = []

    def counted():
        begin = time.monotonic()
        text = stats()
        times.append(time.monotonic() - begin)
        return values(text).get(("smtp_queue_messages", "1h-4h", "waiting")) == MANY
    check(wait_for(counted, 30, 0.5), "not counted")
    note("scrapes: %s ms" % " ".join("%.0f" % (1000 * t) for t in times))
    if not SANITIZED:
        check(sorted(times)[len(times) // 2] < 0.05, times)
    done = run("smtp-queue", "check")
    same(done.returncode, 2, done.stdout)
    check("CRITICAL - %d to deliver" % MANY in done.stdout, done.stdout)
    watch_many()
    shutil.rmtree(QUEUE)


def watch_many():
    """smtp-queue top, for some seconds: a page comes at once, and the CPU is left to others."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(BUILD + "/smtp-queue", ["smtp-queue", "-c", CONFIG, "top"], {"LC_ALL": "C"})
    begin, seen, found = time.monotonic(), b"", None
    while (after := time.monotonic() - begin) < 6:
        if select.select([terminal], [], [], 0.1)[0]:
            seen = seen[-20000:] + os.read(terminal, 65536)
        if not found and re.search(rb"\(no messages\) +~\d{5,7} +see smtp-queue fsck", seen):
            found = after
    os.write(terminal, b"q")
    _, _, used = os.wait4(pid, 0)
    os.close(terminal)
    cpu = used.ru_utime + used.ru_stime
    note("destinations after %.1f s; CPU %.2f s of %.1f s" % (found or 99, cpu, after))
    check(b"to deliver %d: " % MANY in seen, seen[-3000:])
    check(found, found, seen[-3000:])
    if not SANITIZED:
        check(cpu < after / 4, cpu)


def check_plugin(*argv):
    done = run("smtp-queue", "check", *argv)
    return done.returncode, done.stdout


@test("check: exit codes and limits as Nagios has them")
def _():
    fresh()
    session("e@later.example")
    run("smtp-relay")
    code, text = check_plugin()
    same(code, 0)
    check(re.fullmatch(r"SMTP QUEUE OK - 1 to deliver, the oldest \w+ old; 0 held, 0 dead, "
                       r"0 frozen routes \| messages=1;1000;10000;0 age=\d+s;14400;172800;0 "
                       r"held=0;;;0 dead=0;1;;0 frozen=0;1;;0\n", text), text)
    same(check_plugin("--warning", "messages=1")[0], 1)
    same(check_plugin("--warning", "messages=2")[0], 0)
    same(check_plugin("--warning", "messages=1", "--critical", "age=1h,messages=1")[0], 2)
    same(check_plugin("--warning", "messages=none")[0], 0)
    run("smtp-queue", "hold", "--all")
    same(check_plugin("--critical", "held=1")[0], 2)
    same(check_plugin("--critical", "held=x")[0], 64)
    same(check_plugin("--critical", "age")[0], 64)
    code, text = check_plugin("-o", "queue.directory=/nowhere")
    same([code, text[:21]], [3, "SMTP QUEUE UNKNOWN - "])


def ask(request):
    """Serve one request on a socket, as a socket unit does."""
    ours, theirs = socket.socketpair()
    done = subprocess.Popen([BUILD + "/smtp-queue", "-c", CONFIG, "stats", "--http"],
                            stdin=theirs, stdout=theirs)
    theirs.close()
    ours.sendall(request)
    reply = http.client.HTTPResponse(ours)
    reply.begin()
    body = reply.read()
    ours.close()
    same(done.wait(10), 0)
    return reply.status, reply.getheader("Content-Type"), body.decode()


@test("HTTP: what Prometheus asks for, and what others do")
def _():
    status, kind, body = ask(b"GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: "
                             b"application/openmetrics-text;version=1.0.0,text/plain\r\n\r\n")
    same([status, kind], [200, "application/openmetrics-text; version=1.0.0; charset=utf-8"])
    check(("smtp_sessions_total", "quit") in values(body))
    same(ask(b"GET /metrics HTTP/1.0\r\n\r\n")[:2], (200, "text/plain; version=0.0.4; "
                                                         "charset=utf-8"))
    same(ask(b"GET / HTTP/1.0\r\n\r\n")[0], 404)
    same(ask(b"POST /metrics HTTP/1.0\r\n\r\n")[0], 405)


main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
