# SPDX-License-Identifier: ISC
"""The rate of checked mail: smtp-handler with smtp-verify, and Postfix with opendkim, opendmarc and
policyd-spf, if build/peers has them.

    DEADLINE=900 tests/delivery/run bench/verify.py

Each session is a client of its own with one signed message, which passes SPF, DKIM and DMARC; all
are asked of a name server on this machine.  Both servers keep what they accept in their queues, and
deliver nothing.  BENCH names some of the measurements: rate large.
"""
import os
import re
import shutil
import socket
import subprocess
import time
from multiprocessing import Process, Queue

import dkim

from nameservers import nsd
from programs import BUILD, HANDLER, PEERS, fresh_directory, peer_environment
from receivers import listens, really_root
from tap import bail_out, wait_for
from tls_receivers import HERE, Postfix, prepare

MESSAGES = int(os.environ.get("MESSAGES", "1200"))
CLIENTS = int(os.environ.get("CLIENTS", "16"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
WANTED = os.environ.get("BENCH", "rate large").split()
OURS, THEIRS = "192.0.2.20", "192.0.2.31"
DOMAIN = "author.example"

if not really_root():
    bail_out("Postfix changes its users: run this as root")
directory = fresh_directory()
os.chmod(directory, 0o755)
prepare()
KEY_TOOL = BUILD + "/smtp-dkim-key"
subprocess.run([KEY_TOOL, "make", "rsa", directory + "/key"], check=True)
LINE = subprocess.run([KEY_TOOL, "record", "s", DOMAIN, directory + "/key"], check=True,
                      capture_output=True, text=True).stdout
KEY = subprocess.run(["openssl", "rsa", "-traditional", "-in", directory + "/key"], check=True,
                     capture_output=True).stdout
nsd(directory + "/nsd", {
    DOMAIN: '@ TXT "v=spf1 include:_spf.author.example ip4:192.0.2.10 -all"\n'
            '_spf TXT "v=spf1 a mx -all"\n'
            '_spf A 192.0.2.11\n_spf MX 1 mx\nmx A 192.0.2.12\n'
            '@ TXT "other"\n_dmarc TXT "v=DMARC1\\; p=reject"\n'
            "s._domainkey TXT %s\n" % " ".join(re.findall(r'"[^"]*"', LINE)).replace(";", "\\;"),
    "example": "", "client.example": "@ A 192.0.2.10\n", "example.org": "@ A 192.0.2.31\n",
    "2.0.192.in-addr.arpa": "10 PTR client.example.\n"})
with open(directory + "/resolv.conf", "w") as file:
    file.write("nameserver 192.0.2.53\n")
subprocess.run(["mount", "--bind", directory + "/resolv.conf", "/etc/resolv.conf"], check=True)


def signed(size):
    body = b"".join(b"%06d The quick brown fox jumps over the lazy dog, and so on.\r\n" % i
                    for i in range(size // 64 + 1))
    text = (b"From: Anna <anna@%s>\r\nTo: b@example.org\r\nSubject: A message\r\n"
            b"Date: Sat, 28 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@%s>\r\n\r\n"
            % (DOMAIN.encode(), DOMAIN.encode())) + body
    return dkim.sign(text, b"s", DOMAIN.encode(), KEY, canonicalize=(b"relaxed", b"relaxed")) + text


class Us:
    name = "smtp-handler with smtp-verify"

    def __init__(self, verify=True):
        self.processes, self.queue = [], directory + "/queue"
        shutil.rmtree(self.queue, ignore_errors=True)
        options = ["-c", "/dev/null", "-o", "queue.directory=" + self.queue, "-o",
                   "server.hostname=mx.example.org", "-o", "server.trusted=127.0.0.1", "-o",
                   "relay.resolver=192.0.2.53", "-o", "route example.org.via=discard", "-o",
                   "route example.org.accept=anyone", "-o", "server.limit-clients=off", "-o",
                   "server.max-message-size=100M"]
        if verify:
            place = "unix:" + directory + "/verify.sock"
            self.start([BUILD + "/smtp-verify", *options, "--listen", place])
            wait_for(lambda: os.path.exists(place[5:]), 5)
            options += ["-o", "server.milter=" + place]
        self.start([HANDLER, *options, "--listen", OURS + ":25"])
        wait_for(lambda: listens(OURS), 5)

    def start(self, argv):
        self.processes.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                                               stderr=open(directory + "/log", "a")))

    def check(self, count):
        """Have the messages the right results?"""
        paths = [self.queue + "/new/" + name for name in os.listdir(self.queue + "/new")]
        assert len(paths) == count, (len(paths), count)
        with open(paths[0], "rb") as file:
            head = file.read(65536).replace(b"\n\t", b" ")
        assert all(x in head for x in (b"spf=pass", b"dkim=pass", b"dmarc=pass")), head

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(10)


class Them:
    name = "Postfix with opendkim, opendmarc and policyd-spf"

    def __init__(self, verify=True):
        del verify
        os.makedirs(HERE + "/socks", exist_ok=True)
        os.chmod(HERE + "/socks", 0o777)
        shutil.rmtree(HERE + "/postfix", ignore_errors=True)
        self.processes = []
        with open(HERE + "/opendkim.conf", "w") as file:
            file.write("Mode v\nSocket local:{0}/socks/dkim\nUMask 000\nBackground no\n"
                       "Nameservers 192.0.2.53\nAlwaysAddARHeader yes\n"
                       "AuthservID mx.example.org\n".format(HERE))
        with open(HERE + "/opendmarc.conf", "w") as file:
            file.write("Socket local:{0}/socks/dmarc\nUMask 000\nBackground no\n"
                       "AuthservID mx.example.org\nTrustedAuthservIDs mx.example.org\n"
                       "SPFIgnoreResults no\nRejectFailures no\n".format(HERE))
        with open(HERE + "/policyd-spf.conf", "w") as file:
            file.write("debugLevel = 0\nHELO_reject = False\nMail_From_reject = False\n"
                       "PermError_reject = False\nTempError_Defer = False\n"
                       "skip_addresses = 127.0.0.0/8\nHeader_Type = AR\n"
                       "Authserv_Id = mx.example.org\n")
        for program in "opendkim", "opendmarc":
            options = "-x" if program == "opendkim" else "-c"
            self.processes.append(subprocess.Popen(
                ["/usr/sbin/" + program, "-f", options, "%s/%s.conf" % (HERE, program)],
                env=peer_environment(), stdin=subprocess.DEVNULL,
                stderr=open(directory + "/log", "a")))
        for name in "dkim", "dmarc":
            assert wait_for(lambda: os.path.exists(HERE + "/socks/" + name), 10), name
        self.postfix = Postfix(THEIRS, "example.org", Leaf)
        etc = self.postfix.directory + "/etc"
        with open(etc + "/main.cf", "a") as file:
            file.write("smtpd_milters = unix:{0}/socks/dkim, unix:{0}/socks/dmarc\n"
                       "milter_default_action = tempfail\n"
                       "smtpd_client_restrictions = static:HOLD\nin_flow_delay = 0\n"
                       "smtpd_recipient_restrictions = reject_unauth_destination,\n"
                       "  check_policy_service unix:private/policyd-spf\n"
                       "policyd-spf_time_limit = 3600\nmessage_size_limit = 100000000\n"
                       "smtpd_client_connection_count_limit = 0\n"
                       "smtpd_tls_security_level = none\n".format(HERE))
        with open(etc + "/master.cf", "a") as file:
            file.write("policyd-spf unix - n n - 0 spawn\n  user=nobody argv=/usr/bin/env "
                       "PYTHONPATH=%s/usr/lib/python3/dist-packages /usr/bin/python3 "
                       "/usr/bin/policyd-spf %s/policyd-spf.conf\n" % (PEERS, HERE))
        self.postfix._run("reload")
        time.sleep(1)

    def check(self, count):
        folder = self.postfix.directory + "/queue/hold"
        paths = [folder + "/" + name for name in os.listdir(folder)]
        assert len(paths) == count, (len(paths), count)
        done = subprocess.run(["/usr/sbin/postcat", "-c", self.postfix.directory + "/etc",
                               paths[0]],
                              env=peer_environment(), capture_output=True, check=True)
        assert all(x in done.stdout.lower() for x in (b"spf=pass", b"dkim=pass", b"dmarc=pass")), \
            (done, open(directory + "/log").read())

    def stop(self):
        self.postfix.stop()
        for process in self.processes:
            process.terminate()
            process.wait(10)
        for name in "dkim", "dmarc":
            if os.path.exists(HERE + "/socks/" + name):
                os.unlink(HERE + "/socks/" + name)


class Leaf:
    key = chain = "/dev/null"


def used():
    """The CPU time of all processes here and of the children that they have waited for, without
    this one and its clients: seconds.  Others on this machine change it less than the rate."""
    total = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open("/proc/%s/stat" % pid) as file:
                fields = file.read().rsplit(")", 1)[1].split()
        except OSError:
            continue
        total += sum(int(x) for x in fields[11:15])
    times = os.times()
    return total / os.sysconf("SC_CLK_TCK") - sum(times[:4])


def session(address, message):
    """One session with one message; the seconds from its last octet to the reply."""
    with socket.create_connection((address, 25), 60, (source(), 0)) as s:
        reader = s.makefile("rb")

        def step(line, code):
            if line:
                s.sendall(line)
            while True:
                reply = reader.readline()
                assert reply.startswith(code), (line[:60], reply)
                if reply[3:4] == b" ":
                    return
        step(b"", b"220")
        step(b"EHLO client.example\r\n", b"250")
        step(b"MAIL FROM:<anna@%s>\r\n" % DOMAIN.encode(), b"250")
        step(b"RCPT TO:<b@example.org>\r\n", b"250")
        step(b"DATA\r\n", b"354")
        s.sendall(message)
        start = time.monotonic()
        step(b"\r\n.\r\n", b"250")
        took = time.monotonic() - start
        step(b"QUIT\r\n", b"221")
        return took


def source():
    return "192.0.2.10"


def client(address, message, count, out):
    try:
        for _ in range(count):
            session(address, message)
        out.put(None)
    except Exception as error:          # the parent shows it
        out.put(repr(error))


def rate(kind, message):
    side = kind()
    address = OURS if kind is Us else THEIRS
    for _ in range(8):
        try:
            session(address, message)
        except AssertionError as error:
            raise AssertionError(error, open(directory + "/log").read()[-2000:]) from error
    out = Queue()
    workers = [Process(target=client, args=(address, message, MESSAGES // CLIENTS, out))
               for _ in range(CLIENTS)]
    start, before = time.monotonic(), used()
    for worker in workers:
        worker.start()
    for worker in workers:
        error = out.get()
        assert not error, (error, open(directory + "/log").read()[-2000:])
        worker.join()
    seconds, cpu = time.monotonic() - start, used() - before
    side.check(MESSAGES // CLIENTS * CLIENTS + 8)
    side.stop()
    return MESSAGES / seconds, cpu / MESSAGES * 1000


def rates():
    sides = [Us] + ([Them] if os.path.exists(PEERS + "/usr/sbin/opendmarc") else [])
    for size in 4096, 65536:
        message, best, cpu = signed(size), {}, {}
        for _ in range(ROUNDS):
            for kind in sides:
                fast, ms = rate(kind, message)
                best[kind] = max(best.get(kind, 0), fast)
                cpu[kind] = min(cpu.get(kind, 1e9), ms)
        for kind in sides:
            print("%-50s %6d octets %6.0f messages/s, %6.2f ms of CPU a message" % (
                kind.name, size, best[kind], cpu[kind]), flush=True)
        if Them in best:
            print("%-50s %.2f times their rate, %.2f times their CPU" % (
                "", best[Us] / best[Them], cpu[Us] / cpu[Them]), flush=True)


def large():
    """The milliseconds from the last octet of 50 MB to the reply, without and with the checks."""
    message, best, whole, cpu = signed(50000000), {}, {}, {}
    for _ in range(ROUNDS):
        for verify in False, True:
            side = Us(verify)
            session(OURS, signed(4096))
            start, before = time.monotonic(), used()
            took = session(OURS, message)
            whole[verify] = min(time.monotonic() - start, whole.get(verify, 1e9))
            time.sleep(0.1)             # the processes end, and are waited for
            cpu[verify] = min(used() - before, cpu.get(verify, 1e9))
            best[verify] = min(took, best.get(verify, 1e9))
            side.stop()
    print("50 MB: the whole session takes %.0f ms, with smtp-verify %.0f ms: %+.0f ms" % (
        whole[False] * 1000, whole[True] * 1000, (whole[True] - whole[False]) * 1000))
    print("       CPU time: %.0f ms, with smtp-verify %.0f ms: %+.0f ms" % (
        cpu[False] * 1000, cpu[True] * 1000, (cpu[True] - cpu[False]) * 1000))
    print("       from the last octet to the reply: %.0f ms, with smtp-verify %.0f ms: %+.0f ms" % (
        best[False] * 1000, best[True] * 1000, (best[True] - best[False]) * 1000), flush=True)


if "rate" in WANTED:
    rates()
if "large" in WANTED:
    large()
