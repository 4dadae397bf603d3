#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""AUTH with real clients, against a file of hashes and against Dovecot."""
import base64
import crypt
import fcntl
import os
import pty
import re
import shutil
import signal
import smtplib
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from tap import check, main, quicker_than, same, test, wait_for  # noqa: E402
from tls_server import BUILD, HOST, Server, certificate, in_memory  # noqa: E402

HERE = BUILD + "/tests/auth-files"
PASSWD = BUILD + "/smtp-handler-passwd"
PEERS = os.path.abspath("build/peers")
DOVECOT_SECRET = "Correct Horse, 8attery Staple"     # a colon ends it in its file
SECRET = "Correct Horse, 8attery: Staple"
shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)
CERTIFICATE = certificate(HERE + "/ec", HOST)
TLS = ("tls = offer\ntls-certificate = %s.pem\ntls-key = %s.key\ntrusted = 192.0.2.1"
       % (CERTIFICATE, CERTIFICATE))
TEXT = "Subject: x\r\n\r\nhello\r\n"


def make_hash(user, password):
    return subprocess.run([PASSWD, user], input=password + "\n", capture_output=True, text=True,
                          check=True).stdout


USERS = HERE + "/users"
with open(USERS, "w") as users:
    users.write("# who may send\n" + make_hash("ben", "other") + make_hash("anna", SECRET) +
                "carla:%s\n" % subprocess.run(["openssl", "passwd", "-6", "-stdin"], input=b"old",
                                              capture_output=True,
                                              check=True).stdout.decode().strip() +
                "dora:!\nemil:\nfritz@example.org:" + make_hash("x", "at").split(":")[1])
os.chmod(USERS, 0o600)
FILE = TLS + "\nauth = file:" + USERS


def b64(text):
    return base64.b64encode(text.encode()).decode()


def plain(user, password):
    return "PLAIN " + b64("\0%s\0%s" % (user, password))


def encrypted(server, client="127.0.0.1"):
    smtp = server.tls(client=client)
    smtp.ehlo("client.example")
    return smtp


@test("smtp-handler-passwd: a password from standard input, or typed twice")
def passwd():
    line = make_hash("anna", SECRET)
    check(re.fullmatch(r"anna:\$y\$j9T\$[./0-9A-Za-z]+\$[./0-9A-Za-z]{43}\n", line), line)
    check(make_hash("anna", SECRET) != line, "the same salt twice")
    for arguments, given in (([], "x\n"), (["a:b"], "x\n"), (["a b"], "x\n"),
                             (["anna", "secret"], "")):
        same(subprocess.run([PASSWD, *arguments], input=given, capture_output=True,
                            text=True).returncode, 64, arguments)
    for given in "", "\n", "x" * 600 + "\n":
        run = subprocess.run([PASSWD, "anna"], input=given, capture_output=True, text=True)
        same((run.returncode, run.stdout), (65, ""), given)
    for again, status in ("secret", 0), ("Secret", 65):
        pid, fd = pty.fork()
        if pid == 0:
            os.execv(PASSWD, [PASSWD, "anna"])
        seen = b""
        for prompt, answer in (b"Password: ", "secret"), (b"Again: ", again):
            while prompt not in seen:
                seen += os.read(fd, 1000)
            time.sleep(0.1)
            os.write(fd, answer.encode() + b"\n")
        try:
            while data := os.read(fd, 1000):
                seen += data
        except OSError:
            pass
        same(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), status, seen)
        check(b"secret" not in seen.lower(), seen)
        same(b"anna:$y$" in seen, status == 0, seen)


@test("H131 H132 AUTH is offered inside TLS only; 538 in the clear")
def offered():
    with Server("auth-offered", FILE) as server:
        smtp = server.smtp()
        smtp.ehlo()
        check(not smtp.has_extn("auth"))
        same(smtp.docmd("AUTH", plain("anna", SECRET))[0], 538)
        smtp.quit()
        smtp = encrypted(server)
        same(smtp.esmtp_features.get("auth", "").split(), ["PLAIN", "LOGIN"])
        smtp.quit()
        check(SECRET not in server.log() and b64(SECRET) not in server.log())


@test("H132 H097 PLAIN and LOGIN, with and without an initial response; then ESMTPSA")
def right():
    with Server("auth-right", FILE) as server:
        smtp = encrypted(server)
        same(smtp.mail("anna@example.org")[0], 250)
        same(smtp.rcpt("x@elsewhere.example")[0], 550)
        smtp.rset()
        same(smtp.docmd("AUTH", plain("anna", SECRET)), (235, b"2.7.0 Authentication successful"))
        same(smtp.docmd("AUTH", plain("anna", SECRET))[0], 503)
        smtp.sendmail("anna@example.org", ["x@elsewhere.example"], TEXT)
        smtp.quit()
        smtp = encrypted(server)
        same(smtp.docmd("AUTH", "PLAIN"), (334, b""))
        same(smtp.docmd(plain("anna", SECRET)[6:])[0], 235)
        smtp.quit()
        smtp = encrypted(server)
        same(smtp.docmd("AUTH", "LOGIN"), (334, b"VXNlcm5hbWU6"))
        same(smtp.docmd(b64("anna")), (334, b"UGFzc3dvcmQ6"))
        same(smtp.docmd(b64(SECRET))[0], 235)
        smtp.quit()
        for user, password in ("carla", "old"), ("fritz@example.org", "at"), ("ben", "other"):
            smtp = encrypted(server)
            same(smtp.login(user, password)[0], 235)
            smtp.quit()
        check(b"with ESMTPSA id " in server.messages()[0], server.messages()[0])
        check(b"\nstanding: user anna\n" in server.messages()[0], server.messages()[0])
        server.logged(r"accepted id=\S+ client=127\.0\.0\.1 helo=client\.example auth=anna "
                      r"tls=TLSv1\.3/\S+ ")
        for text in SECRET, b64(SECRET), plain("anna", SECRET)[6:]:
            check(text not in server.log(), "the password is in the log")


@test("H167 V13 a client that has authenticated may send results in our name")
def results():
    text = "Authentication-Results: %s; spf=pass\r\n" % HOST
    with Server("auth-results", FILE) as server:
        smtp = encrypted(server)
        same(smtp.login("anna", SECRET)[0], 235)
        smtp.sendmail("anna@example.org", ["x@elsewhere.example"], text + TEXT)
        smtp.quit()
        check(text.encode() in server.messages()[0], server.messages()[0])


@test("H132 a wrong password or name, a locked account: the same reply, no secret in the log")
def wrong():
    with Server("auth-wrong", FILE) as server:
        for i, (user, password) in enumerate((
                ("anna", "wrong"), ("anna", SECRET.lower()), ("anna", SECRET + " "),
                ("nobody", SECRET), ("dora", "!"), ("dora", ""), ("emil", ""), ("emil", "x"),
                ("# who may send", ""), ("anna", "x" * 4000), ("x", "*0"),
                ("ann", "a:" + SECRET))):
            # The second refusal of a client comes later, so each has an address of its own.
            smtp = encrypted(server, "127.0.0.%d" % (2 + i))
            same(smtp.docmd("AUTH", plain(user, password)),
                 (535, b"5.7.8 Error: authentication failed"), user, password)
            same(smtp.rcpt("x@elsewhere.example")[0], 503)
            smtp.quit()
        for user in "anna", "nobody", "dora", "emil", "ann", '"# who may send"':
            server.logged(r"refused client=127\.0\.0\.\d+ helo=client\.example tls=\S+ user=%s "
                          r"code=535 " % user)
        check("wrong" not in server.log().replace("auth-wrong", ""), server.log())


@test("H132 cancelled, malformed, unknown; twenty errors end the session")
def malformed():
    with Server("auth-malformed", FILE) as server:
        smtp = encrypted(server)
        same(smtp.docmd("AUTH", "PLAIN")[0], 334)
        same(smtp.docmd("*"), (501, b"5.7.0 Authentication cancelled"))
        same(smtp.docmd("AUTH", "PLAIN =====")[0], 501)
        same(smtp.docmd("AUTH", "CRAM-MD5")[0], 504)
        same(smtp.docmd("AUTH", "PLAIN")[0], 334)
        same(smtp.docmd("A" * 12286)[0], 501)
        same(smtp.docmd("AUTH", "PLAIN")[0], 334)
        same(smtp.docmd("A" * 12287)[0], 500)
        same(smtp.noop()[0], 250)
        smtp.mail("a@b.example")
        same(smtp.docmd("AUTH", plain("anna", SECRET))[0], 503)
        for _ in range(13):
            smtp.docmd("AUTH", "X")
        same(smtp.docmd("AUTH", "X")[0], 421)


@test("H132 a missing file, or a file that others can read: 454")
def unreadable():
    path = HERE + "/readable"
    shutil.copy(USERS, path)
    with Server("auth-unreadable", TLS + "\nauth = file:" + path) as server:
        for mode in 0o644, 0o640:
            os.chmod(path, mode)
            smtp = encrypted(server)
            same(smtp.docmd("AUTH", plain("anna", SECRET)),
                 (454, b"4.7.0 Temporary authentication failure"))
            server.logged(r"AUTH does not work: \S+/readable: others can read it \(mode %04o\)"
                          % mode)
        os.remove(path)
        same(smtp.docmd("AUTH", plain("anna", SECRET))[0], 454)
        server.logged(r"AUTH does not work: \S+/readable: No such file")
        smtp.quit()


def refusals(smtp, users):
    """The seconds until each of these users is refused."""
    took = []
    for user in users:
        start = time.monotonic()
        same(smtp.docmd("AUTH", plain(user, "wrong"))[0], 535)
        took.append(time.monotonic() - start)
    return took


def lateness(server, due, *users):
    """How much later than at its time each refusal comes; never before.  One failure adds half a
    second to the next, up to five."""
    late = {}
    with encrypted(server) as smtp:
        for user, took in zip(users, refusals(smtp, users)):
            check(took >= due, user, took, due)
            late[user] = took - due
            due = min(due + 0.5, 5)
    return late


def log_in(server):
    with encrypted(server) as smtp:
        start = time.monotonic()
        same(smtp.login("dear", "right")[0], 235)
        return time.monotonic() - start


def late_alone(user):
    """The same for the first failure of a server of its own."""
    with Server("auth-cost-alone", mixed("mixed-alone")) as server:
        return lateness(server, 0.5, user)[user]


def mixed(name):
    """A file with hashes that cost between one millisecond and some hundred."""
    path = HERE + "/" + name
    with open(path, "w") as file:
        for user, salt in ("cheap", "$6$rounds=1000$saltsalt$"), ("dear", "$2b$12$" + "a" * 22):
            file.write("%s:%s\n" % (user, crypt.crypt("right", salt)))
        file.write(open(USERS).read())
    os.chmod(path, 0o600)
    return TLS + "\nauth = file:" + path


@test("H132 a refusal comes at a set time, whatever the name costs; later each time, to a limit")
def cost():
    with Server("auth-cost", mixed("mixed"), "max-errors = 1000") as server:
        hash_s = log_in(server)
        late = list(lateness(server, 0.5, "cheap", "dear", "nobody", "anna", "dora", "somebody",
                             "emil").items())
        # The right password does not wait.
        quicker_than(2 + 2 * hash_s, lambda: log_in(server))
        # Another session of the same client.
        late += lateness(server, 4, "cheap", "\1", "dear", "x").items()
        # A busy machine delays a refusal now and then; a hash that costs more delays it each time.
        # If a hash costs more than the half second here, the refusal has to wait for it.
        limit_s = 0.2 + max(0, 1.5 * hash_s - 0.5)
        for user in {user for user, seconds in late if seconds >= 0.2}:
            quicker_than(limit_s, lambda: late_alone(user))
        fsck = subprocess.run([BUILD + "/smtp-queue", "-c", server.config, "fsck"],
                              capture_output=True, text=True)
        check("logins" not in fsck.stdout + fsck.stderr, fsck.stdout, fsck.stderr)


@test("unknown names cost what users cost, in the same mixture")
def spread():
    with Server("auth-spread", mixed("spread"), "max-errors = 1000") as server:
        def ticks_of(user):
            """The ticks of a processor that a refusal costs."""
            smtp = encrypted(server)
            pid = server.session(smtp)

            def stat():
                with open("/proc/%d/stat" % pid) as file:
                    return file.read().rsplit(")", 1)[1].split()

            def ticks():
                return sum(map(int, stat()[11:13]))
            before = ticks()
            smtp.putcmd("AUTH", plain(user, "wrong"))
            time.sleep(0.45)            # the hash is made, the refusal is not due
            # On a busy machine the hash takes longer; until then the process can run.
            check(wait_for(lambda: stat()[0] != "R"), "the hash does not end")
            spent = ticks() - before
            os.kill(pid, signal.SIGTERM)
            smtp.close()
            # Until its end the next session of this client would wait for its turn.
            check(wait_for(lambda: not os.path.exists("/proc/%d" % pid)), "it does not end")
            return spent

        # The other hashes cost half of this at most, on any machine.
        bcrypt = ticks_of("dear")
        check(bcrypt >= 8, bcrypt)

        def is_dear(user):
            return ticks_of(user) > 0.7 * bcrypt
        same([is_dear("dear"), is_dear("cheap"), is_dear("DEAR")], [True, False, True])
        names = ["unknown%d" % i for i in range(24)]
        dear = [is_dear(name) for name in names]
        check(sum(dear) <= 18, "nearly all names are dear", dear)
        check(any(dear) or any(is_dear("other%d" % i) for i in range(60)), "no name is dear")
        same([is_dear(name) for name in names[:6]], dear[:6])


@test("a client gets one hash at a time")
def turns():
    with Server("auth-turns", FILE) as server:
        smtp = encrypted(server)
        check(refusals(smtp, ["nobody"])[0] > 0.4)
        counts = server.directory + "/queue/tmp/logins"
        with open(counts, "r+b") as file:       # as another session of the same client would
            lock = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
            fcntl.fcntl(file, fcntl.F_OFD_SETLK, lock)
            smtp.putcmd("AUTH", plain("anna", SECRET))
            smtp.sock.settimeout(0.7)
            try:
                same(smtp.sock.recv(1), "no reply")
            except TimeoutError:
                pass
            smtp.sock.settimeout(20)
        smtp.file = None
        same(smtp.getreply()[0], 235)
        smtp.quit()


@test("names are compared without case, and the name of the file is the user's")
def case():
    path = HERE + "/case"
    with open(path, "w") as file:
        file.write("Anna@Example.ORG:%s\nben:%s\nBEN:%s\n" % tuple(
            make_hash("x", password).strip().split(":")[1] for password in ("a", "b", "B")))
    os.chmod(path, 0o600)
    with Server("auth-case", TLS, "auth = file:" + path) as server:
        for user, password, code in (
                ("anna@example.org", "a", 235), ("ANNA@EXAMPLE.ORG", "a", 235),
                ("anna@example.org", "A", 535), ("ben", "b", 235), ("BEN", "B", 235),
                ("BEN", "b", 535), ("Ben", "b", 235), ("ben", "B", 535)):
            smtp = encrypted(server)
            same(smtp.docmd("AUTH", plain(user, password))[0], code, user, password)
            if user == "ANNA@EXAMPLE.ORG":
                smtp.sendmail("anna@example.org", ["x@elsewhere.example"], TEXT)
                server.logged(r"accepted id=\S+ .* auth=Anna@Example\.ORG ")
                check(b"\nstanding: owner Anna@Example.ORG\n" in server.messages()[0],
                      server.messages()[0])
            smtp.quit()


@test("a password is wiped from memory")
def wiped():
    with Server("auth-wiped", FILE) as server:
        smtp = encrypted(server)
        pid = server.session(smtp)
        same(smtp.docmd("AUTH", plain("anna", SECRET))[0], 235)
        same(smtp.noop()[0], 250)
        same(in_memory(pid, {"password": [SECRET.encode(), plain("anna", SECRET)[6:].encode()]}),
             [])
        smtp.quit()


@test("auth-senders: each user has only his own addresses")
def senders():
    path = HERE + "/senders"
    with open(path, "w") as file:
        file.write("# user: addresses\nanna: anna@example.org @anna.example\nben: *\n"
                   "anna: info@example.org\n")
    with Server("auth-senders", FILE, "auth-senders = " + path) as server:
        smtp = encrypted(server)
        smtp.login("anna", SECRET)
        for address, code in (
                ("anna@example.org", 250), ("ANNA@Example.ORG", 250), ("x@anna.example", 250),
                ("", 250), ("info@example.org", 250), ("ben@example.org", 553),
                ("x@y.anna.example", 553), ("anna@elsewhere.example", 553)):
            same(smtp.mail(address)[0], code, address)
            smtp.rset()
        same(smtp.mail("ben@example.org")[1],
             b"5.7.1 <ben@example.org>: Sender address rejected: not owned by user")
        smtp.quit()
        smtp = encrypted(server)
        smtp.login("ben", "other")
        smtp.sendmail("anybody@anywhere.example", ["x@elsewhere.example"], TEXT)
        check(b"\nstanding: owner ben\n" in server.messages()[0], server.messages()[0])
        smtp.quit()
        smtp = encrypted(server)
        smtp.login("carla", "old")
        same(smtp.mail("carla@example.org")[0], 553)
        smtp.quit()
        smtp = encrypted(server)
        # No user owns this address.  Its mail can go to example.org only.
        same(smtp.mail("ben@example.org")[0], 250)
        smtp.quit()


@test("without auth-senders a user owns the address that is the user's name, and no other")
def standing():
    with Server("auth-standing", FILE) as server:
        smtp = encrypted(server)
        smtp.login("fritz@example.org", "at")
        for address in "fritz@example.org", "anna@example.org", "Fritz@EXAMPLE.org", "":
            smtp.sendmail(address, ["x@elsewhere.example"], TEXT)
        smtp.quit()
        for message, word in zip(server.messages(), ("owner", "user", "owner", "user")):
            check(b"\nstanding: %s fritz@example.org\n" % word.encode() in message, message)


@test("submission: strangers must authenticate")
def submission():
    with Server("auth-submission", FILE.replace("offer", "required"),
                "role = submission") as server:
        smtp = encrypted(server)
        same(smtp.mail("anna@example.org")[0], 530)
        smtp.login("anna", SECRET)
        smtp.sendmail("anna@example.org", ["x@elsewhere.example"], TEXT)
        smtp.quit()
        same(len(server.messages()), 1)


@test("clients: swaks, curl, msmtp, smtplib")
def others():
    with Server("auth-others", FILE) as server:
        address = "127.0.0.1:%d" % server.port
        letter = server.directory + "/letter"
        with open(letter, "w") as file:
            file.write(TEXT)
        for command in (
                ["swaks", "--server", address, "--tls", "--auth", "PLAIN",
                 "--auth-user", "anna", "--auth-password", SECRET,
                 "--from", "a@example.org", "--to", "x@elsewhere.example"],
                ["swaks", "--server", address, "--tls", "--auth", "LOGIN",
                 "--auth-user", "anna", "--auth-password", SECRET,
                 "--from", "a@example.org", "--to", "x@elsewhere.example"],
                ["curl", "-sS", "--ssl-reqd", "--insecure", "--user", "anna:" + SECRET,
                 "--url", "smtp://" + address, "--mail-from", "a@example.org",
                 "--mail-rcpt", "x@elsewhere.example", "--upload-file", letter],
                ["msmtp", "--host=127.0.0.1", "--port=%d" % server.port, "--tls=on",
                 "--tls-certcheck=off", "--auth=plain", "--user=anna",
                 "--passwordeval=echo '%s'" % SECRET, "--from=a@example.org",
                 "x@elsewhere.example"]):
            with open(letter, "rb") as file:
                run = subprocess.run(command, stdin=file, capture_output=True, text=True,
                                     timeout=60)
            same(run.returncode, 0, " ".join(command), run.stdout, run.stderr)
        same([b" with ESMTPSA id " in m for m in server.messages()], [True] * 4)


class Dovecot:
    """A real Dovecot, unpacked from its package, with a passwd-file of one user."""

    def __enter__(self):
        # Short, because the path of a socket begins with it.
        self.directory = "/tmp/smtp-handler-dovecot.%d" % os.getpid()
        shutil.rmtree(self.directory, ignore_errors=True)
        os.makedirs(self.directory)
        os.chmod(self.directory, 0o755)
        with open(self.directory + "/users", "w") as file:
            file.write("anna:{PLAIN}%s::::::\n" % DOVECOT_SECRET)
        with open(self.directory + "/dovecot.conf", "w") as file:
            file.write("""
base_dir = {0}/run
state_dir = {0}/state
log_path = {0}/log
protocols =
listen = 127.0.0.1
ssl = no
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
auth_mechanisms = plain login
auth_failure_delay = 1 secs
first_valid_uid = 0
passdb {{
  driver = passwd-file
  args = {0}/users
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home=/
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
""".format(self.directory))
        # Dovecot finds its parts below /usr only, so they are mounted there.
        mount = ("mount -t overlay overlay -o lowerdir=%s/usr:/usr /usr && exec dovecot -F -c "
                 "%s/dovecot.conf")
        mapped = ["--map-root-user"] if os.getuid() else []
        self.process = subprocess.Popen(
            ["unshare", "--mount", *mapped, "sh", "-c", mount % (PEERS, self.directory)],
            stdout=subprocess.DEVNULL, stderr=open(self.directory + "/stderr", "w"))
        self.socket = self.directory + "/run/auth-client"
        check(wait_for(lambda: os.path.exists(self.socket)), "no Dovecot",
              open(self.directory + "/stderr").read(), self.log())
        return self

    def log(self):
        path = self.directory + "/log"
        return open(path).read() if os.path.exists(path) else ""

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()

    def kill(self):
        """Its process for logins would serve those that are connected to the last."""
        parts = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True,
                               text=True).stdout.split()
        for pid in [self.process.pid, *map(int, parts)]:
            os.kill(pid, signal.SIGKILL)
        self.process.wait(20)
        os.unlink(self.socket)

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


@test("H132 dovecot: a right password, a wrong one, a Dovecot that stops or restarts")
def dovecot():
    with Dovecot() as peer, Server("auth-dovecot", TLS, "auth = dovecot:" + peer.socket) as server:
        smtp = encrypted(server)
        same(smtp.docmd("AUTH", plain("anna", "wrong"))[0], 535, peer.log(), server.log())
        same(smtp.docmd("AUTH", plain("nobody", DOVECOT_SECRET))[0], 535)
        same(smtp.docmd("AUTH", plain("anna\tresp=x", DOVECOT_SECRET))[0], 535)
        same(smtp.login("ANNA", DOVECOT_SECRET)[0], 235)
        smtp.sendmail("anna@example.org", ["x@elsewhere.example"], TEXT)
        server.logged(r"accepted id=\S+ .* auth=anna ")
        smtp.quit()
        smtp = encrypted(server)
        peer.kill()
        same(smtp.docmd("AUTH", plain("anna", DOVECOT_SECRET)),
             (454, b"4.7.0 Temporary authentication failure"))
        smtp.quit()
        server.logged(r"AUTH does not work: \S+/auth-client: ")
        check(DOVECOT_SECRET not in server.log())
        with Dovecot() as peer:
            same(encrypted(server).login("anna", DOVECOT_SECRET)[0], 235)
            smtp = encrypted(server)    # it has its connection before Dovecot restarts
            peer.kill()
            with Dovecot():
                same(smtp.docmd("AUTH", plain("anna", DOVECOT_SECRET))[0], 454)
                same(encrypted(server).login("anna", DOVECOT_SECRET)[0], 235)
            smtp.quit()


@test("dovecot: sessions that do not log in leave no trace in its log")
def silent_sessions():
    with Dovecot() as peer, Server("auth-silent", TLS, "auth = dovecot:" + peer.socket) as server:
        same(encrypted(server).login("anna", DOVECOT_SECRET)[0], 235)
        before = peer.log()
        for _ in range(3):
            smtp = encrypted(server)
            time.sleep(0.2)
            smtp.quit()
        time.sleep(0.3)
        same(peer.log(), before)


@test("dovecot: a trusted client is offered AUTH also in the clear")
def trusted():
    with Dovecot() as peer, Server("auth-trusted", "auth = dovecot:" + peer.socket) as server:
        smtp = server.smtp()
        smtp.ehlo()
        check(smtp.has_extn("auth"))
        same(smtp.login("anna", DOVECOT_SECRET)[0], 235)
        smtp.sendmail("anna@example.org", ["u@example.org"], TEXT)
        smtp.quit()
        check(b"with ESMTPA id " in server.messages()[0])


@test("H132 dovecot: a peer with a wrong protocol, that hangs up or has no PLAIN: 454")
def impostors():
    path = HERE + "/impostor"
    greeting = b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t0\nDONE\n"
    answers = [(b"", b""), (b"220 hello\n" * 300, b""),
               (b"VERSION\t2\t0\nMECH\tPLAIN\nDONE\n", b""), (b"x" * 9000, b""),
               (greeting.replace(b"PLAIN", b"CRAM-MD5"), b""), (greeting, b""),
               (greeting, b"FAIL\t1\tuser=anna\ttemp\n"), (greeting, b"CONT\t1\t\n"),
               (greeting, b"OK\t2\tuser=anna\n")]
    with socket.socket(socket.AF_UNIX) as listener, \
            Server("auth-impostors", TLS, "auth = dovecot:" + path) as server:
        listener.bind(path)
        listener.listen()
        listener.settimeout(20)
        for first, second in answers:
            smtp = encrypted(server)
            sock = listener.accept()[0]     # before AUTH
            sock.settimeout(20)
            smtp.putcmd("AUTH", plain("anna", SECRET))
            try:
                sock.sendall(first)
            except BrokenPipeError:
                pass
            if second or first is greeting:
                check_requests(sock, 1)
            try:
                sock.sendall(second)
            except BrokenPipeError:     # it has read enough
                pass
            again = second.endswith(b"temp\n")
            if not again:
                sock.close()
            refusal = (454, b"4.7.0 Temporary authentication failure")
            same(smtp.getreply(), refusal, first[:80], second)
            if again:
                smtp.putcmd("AUTH", plain("anna", SECRET))
                check_requests(sock, 2)
                sock.sendall(b"OK\t2\tuser=anna\n")
                same(smtp.getreply()[0], 235)
                sock.close()
            else:
                same(smtp.docmd("AUTH", plain("anna", SECRET)), refusal)
            smtp.quit()


def check_requests(sock, number):
    """Read a request; before the first one comes the handshake."""
    got = b""
    while b"AUTH" not in got or not got.endswith(b"\n"):
        got += sock.recv(20000)
    wanted = (rb"AUTH\t%d\tPLAIN\tservice=smtp\tsecured\trip=127\.0\.0\.1\tresp=(\S+)\n" % number)
    if number == 1:
        wanted = rb"VERSION\t1\t\d+\nCPID\t\d+\n" + wanted
    found = re.fullmatch(wanted, got)
    check(found and base64.b64decode(found[1]) == b"\0anna\0" + SECRET.encode(), got)


@test("dovecot: a session has one connection, for all its logins")
def one_connection():
    path = HERE + "/counting"
    with socket.socket(socket.AF_UNIX) as listener, \
            Server("auth-counting", TLS, "auth = dovecot:" + path) as server:
        listener.bind(path)
        listener.listen()
        listener.settimeout(20)
        smtp = encrypted(server)
        with listener.accept()[0] as sock:
            sock.settimeout(20)
            sock.sendall(b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nDONE\n")
            for number, answer, code in ((1, b"FAIL\t1\tuser=anna\n", 535),
                                         (2, b"OK\t1\tuser=eve\nFAIL\t2\n", 535),
                                         (3, b"OK\t3\tuser=anna\n", 235)):
                smtp.putcmd("AUTH", plain("anna", SECRET))
                check_requests(sock, number)
                sock.sendall(answer)
                same(smtp.getreply()[0], code)
            listener.settimeout(0.2)
            try:
                same(listener.accept(), None)
            except TimeoutError:
                pass
        smtp.quit()
        # A client that is offered no login has no connection.
        smtp = server.smtp()
        smtp.ehlo()
        check(not smtp.has_extn("auth"))
        smtp.quit()
        try:
            same(listener.accept(), None)
        except TimeoutError:
            pass


@test("dovecot: the user is the one that OK names, in the log and for auth-senders")
def other_name():
    path, owners = HERE + "/renaming", HERE + "/renamed-senders"
    with open(owners, "w") as file:
        file.write("ben@example.org: ben@example.org\n")
    greeting = b"VERSION\t1\t2\nMECH\tPLAIN\tplaintext\nDONE\n"
    answers = [(b"OK\t1\tuser=ben@example.org\tresp=\n", 235, "ben@example.org"),
               (b"OK\t1\toriginal_user=x\tuser=ben@example.org\n", 235, "ben@example.org"),
               (b"OK\t1\n", 235, "anna"), (b"OK\t1\tuser=\n", 235, "anna"),
               (b"OK\t1\tuser=a\001b\n", 454, None),
               (b"OK\t1\tuser=%s\n" % (b"x" * 256), 454, None)]
    with socket.socket(socket.AF_UNIX) as listener, \
            Server("auth-renamed", TLS, "auth = dovecot:" + path,
                   "auth-senders = " + owners) as server:
        listener.bind(path)
        listener.listen()
        listener.settimeout(20)
        for answer, code, user in answers:
            smtp = encrypted(server)
            smtp.putcmd("AUTH", plain("anna", SECRET))
            with listener.accept()[0] as sock:
                sock.settimeout(20)
                sock.sendall(greeting)
                got = b""
                while b"AUTH" not in got or not got.endswith(b"\n"):
                    got += sock.recv(20000)
                sock.sendall(answer)
                same(smtp.getreply()[0], code, answer)
            if code == 235:
                same(smtp.mail("ben@example.org")[0], 250 if "@" in user else 553, answer)
            smtp.quit()
            if user:
                server.logged(r"session client=127.0.0.1 helo=\S+ auth=%s " % re.escape(user))


main()
