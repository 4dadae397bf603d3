# SPDX-License-Identifier: ISC
"""Login to smarthosts: mechanisms, TLS, and the effect of a refusal on the mail that waits."""
import base64
import glob
import json
import os
import re
import subprocess
import time

from certificates import Authority
from programs import BUILD, DIRECTORY, HANDLER, RELAY, Site, fresh_directory
from smarthosts import Smarthost
from tap import check, main, same, test, wait_for

fresh_directory()
PASSWORD, TOKEN = "pa55 w\u00f6rd", "ya29.t0ken"
_ports = iter(range(2000, 3000))


def secret_file(site, text=PASSWORD + "\n", mode=0o600, name="password"):
    path = site.directory + "/" + name
    with open(path, "w") as file:
        file.write(text)
    os.chmod(path, mode)
    return path


def token_program(site, script):
    path = site.directory + "/token"
    with open(path, "w") as file:
        file.write("#!/bin/sh\n" + script + "\n")
    os.chmod(path, 0o700)
    return path


def smart_site(name, port, how="password-file = DIR/password", user="anna@company.example",
               more=""):
    """A site whose mail goes to 127.0.0.1:port."""
    site = Site(name)
    with open(site.config, "a") as file:
        file.write("[route *]\nvia = smtp://127.0.0.1:%d\nuser = %s\n%s\n%s\n"
                   % (port, user, how.replace("DIR", site.directory), more))
    secret_file(site)
    return site


def sleepers():
    """The processes that a token program of this test has started."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            found += [path] * (b"1000.25" in open(path, "rb").read().split(b"\0"))
        except OSError:     # it has ended
            pass
    return found


def send(site, count=1, **more):
    site.listen()
    site.send("x@far.example", count=count, **more)
    site.stop()


def send_only(site):
    """The same without a listener, while the runner stays."""
    session = (b"EHLO c\r\nMAIL FROM:<alice@sender.example>\r\nRCPT TO:<x@far.example>\r\n"
               b"DATA\r\nSubject: test\r\n\r\nHello.\r\n.\r\nQUIT\r\n")
    subprocess.run([HANDLER, "-c", site.config], input=session, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True, timeout=20)


def forms(secret):
    """The forms in which a secret could be written down."""
    octets = secret.encode()
    found = [octets, base64.b64encode(octets)]
    for before in (b"\0anna@company.example\0", b"user=anna@company.example\1auth=Bearer "):
        found.append(base64.b64encode(before + octets)[:-4])
    return found


def no_secret_in(site, *secrets):
    """No form of secrets is in the queue or in a log."""
    looked = 0
    for path in glob.glob(site.directory + "/**", recursive=True):
        if os.path.isfile(path) and os.path.basename(path) not in ("password", "token"):
            looked += 1
            octets = open(path, "rb").read()
            for secret in secrets:
                for form in forms(secret):
                    check(form not in octets, "%s is in %s" % (form, path))
    check(looked >= 3, "nothing was looked at")


def now_due(site, *options):
    """Make all deferred mail due, but keep a frozen route frozen; run."""
    for path in glob.glob(site.queue + "/wait/*/*"):
        os.rename(path, site.queue + "/cur/" + os.path.basename(path))
    site.relay(*options)


def frozen_lines(site):
    return re.findall(r"^.*\bfrozen\b.*$", site.log(), re.M)


def settle(host, mechanism):
    """One message is delivered after a login."""
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, **host)
    how = ("token-command = DIR/token a;b" if mechanism == "XOAUTH2"
           else "password-file = DIR/password")
    site = smart_site("mechanism-%d" % port, port, how)
    token_program(site, '[ "$1" = "a;b" ] && echo %s && echo more' % TOKEN)
    send(site)
    site.relay()
    same([(m.user, m.content.count("Hello")) for m in smart.messages],
         [("anna@company.example", 1)], site.log(), site.queue_text())
    same(smart.logins,
         [(mechanism, "anna@company.example", TOKEN if mechanism == "XOAUTH2" else PASSWORD)])
    check(site.queued() == [], site.queue_text())
    no_secret_in(site, PASSWORD, TOKEN)
    smart.stop()


@test("PLAIN if it is offered, with the response in the command")
def _():
    settle({"users": {"anna@company.example": PASSWORD}, "mechanisms": "XOAUTH2 LOGIN PLAIN"},
           "PLAIN")


@test("LOGIN if PLAIN is not offered")
def _():
    settle({"users": {"anna@company.example": PASSWORD}, "mechanisms": "CRAM-MD5 LOGIN"}, "LOGIN")


@test("XOAUTH2 with a token that a program prints")
def _():
    settle({"tokens": {"anna@company.example": TOKEN}, "mechanisms": "PLAIN LOGIN XOAUTH2"},
           "XOAUTH2")


@test("a token that is too long for a command is sent in a line of its own")
def _():
    port = next(_ports)
    token = "t0ken" * 500
    smart = Smarthost("127.0.0.1", port, tokens={"anna@company.example": token},
                      mechanisms="XOAUTH2")
    site = smart_site("long-token", port, "token-command = DIR/token")
    token_program(site, "echo " + token)
    send(site)
    site.relay()
    check(len(smart.messages) == 1 and b"AUTH XOAUTH2\r\n" in smart.lines, site.log())


@test("one login per connection: further messages use it")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, users={"anna@company.example": PASSWORD})
    site = smart_site("reuse", port)
    send(site, count=10)
    site.relay("-o", "relay.per-destination=1")
    check(len(smart.messages) == 10 and len(smart.logins) == smart.connections == 1, smart.logins)


# Some servers refuse PLAIN with 535 and take LOGIN, so a refused login is two tries in one session.
REFUSED = ["PLAIN", "LOGIN"]


def tried(smart):
    """The mechanisms of all logins, in order."""
    return [login[0] for login in smart.logins]


@test("a refused login: one attempt for all mail, one warning in the log, no bounce")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, users={"anna@company.example": "other"})
    site = smart_site("refused", port)
    send(site, count=12)
    site.relay("-o", "relay.per-destination=1")
    check(tried(smart) == REFUSED, smart.logins)
    check(len(site.queued("wait")) == 12 and len(site.queued()) == 12, site.queued())
    lines = frozen_lines(site)
    check(len(lines) == 1, lines)
    for part in ("route=\"route *\"", "via=smtp://127.0.0.1:%d" % port, "user=anna@company.example",
                 "535 5.7.8 username and password not accepted",
                 "smtp-queue retry --all",
                 "127.0.0.1:%d" % port):
        check(part in lines[0], part, lines[0])
    check("status=4.7.8" in site.log(), site.log())
    no_secret_in(site, PASSWORD)
    # The next run leaves the route alone, logs it once and keeps the mail, new mail included.
    send(site)
    now_due(site)
    check(tried(smart) == REFUSED and smart.connections == 1, smart.logins)
    check(len(site.queued("wait")) == 13 and len(frozen_lines(site)) == 2, frozen_lines(site))
    check("not tried again yet, as the last login was refused" in site.log(), site.log()[-2000:])
    # The mail is due when the route is: within minutes.
    due = min(int(time.mktime(time.strptime(m, "%Y-%m-%dT%H:%M:%SZ"))) - time.timezone
              for m in re.findall(r"waiting.*until=(\S+)", site.log()))
    check(200 < due - time.time() < 400, due - time.time(), site.log()[-1000:])


@test("a login that works again delivers all mail that waits")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, users={"anna@company.example": "new"})
    site = smart_site("mended", port)
    send(site, count=5)
    site.relay()
    check(len(smart.messages) == 0 and len(site.queued("wait")) == 5, site.queued())
    secret_file(site, "new\n")
    now_due(site)                       # without --flush, because the file has changed
    check(len(smart.messages) == 5 and site.queued() == [], site.log())
    check("thawed" in site.log() and not os.path.exists(site.queue + "/state/frozen"), site.log())


@test("--flush tries a frozen route")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, users={"anna@company.example": PASSWORD},
                      refuse="535 5.7.8 locked")
    site = smart_site("flush", port)
    send(site, count=3)
    site.relay()
    smart.refuse = None
    now_due(site)
    check(tried(smart) == REFUSED and len(site.queued("wait")) == 3, smart.logins)
    site.relay("--flush")
    check(len(smart.messages) == 3 and site.queued() == [], site.log())


@test("--flush beside a runner that stays: it tries the frozen route")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, users={"anna@company.example": PASSWORD},
                      refuse="535 5.7.8 locked")
    site = smart_site("watch", port)
    site.watch()
    send_only(site)
    check(wait_for(lambda: len(frozen_lines(site)) == 1 and len(site.queued("wait")) == 1),
          site.log())
    send_only(site)
    check(wait_for(lambda: len(site.queued("wait")) == 2), site.log())
    check(tried(smart) == REFUSED, smart.logins)
    smart.refuse = None
    site.relay("--flush")
    check(wait_for(lambda: len(smart.messages) == 2), site.log())
    check(wait_for(lambda: "thawed" in site.log() and site.queued() == []), site.log())
    site.stop()


@test("the pause grows with each refusal, up to an hour")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, users={})
    site = smart_site("pauses", port)
    send(site)
    pauses = []
    for _ in range(6):
        path = site.queue + "/state/frozen"
        if pauses:                      # the pause is over
            text = open(path).read()
            with open(path, "w") as file:
                file.write(re.sub(r"(?m)^(\d+) \d+ ", r"\1 %d " % (time.time() - 1), text))
            now_due(site)
        else:
            site.relay()
        pauses.append(int(re.search(r"(?m)^\d+ \d+ (\d+) ", open(path).read())[1]))
    same(pauses, [300, 600, 1200, 2400, 3600, 3600])
    check(tried(smart) == 6 * REFUSED, smart.logins)


@test("V35 mail of a frozen route does not expire; the sender gets a notice of delay")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, users={})
    site = smart_site("lifetime", port)
    send(site)
    time.sleep(1.2)
    options = ["-o", "queue.lifetime=1s", "-o", "queue.warn-after=1s"]
    site.relay(*options)
    now_due(site, *options)
    check(len(site.queued("wait")) == 1 and "gave up" not in site.log(), site.log())
    notices = site.mailbox("alice")
    check(len(notices) == 1 and b"Action: delayed" in notices[0] and b"Status: 4.7.8" in notices[0],
          notices)
    smart.users["anna@company.example"] = PASSWORD
    site.relay("--flush", *options)
    check(len(smart.messages) == 1 and site.queued() == [], site.log())


@test("other mail goes on while a route is frozen")
def _():
    bad, good = next(_ports), next(_ports)
    refusing = Smarthost("127.0.0.1", bad)
    other = Smarthost("127.0.0.1", good, users={"ben": PASSWORD})
    route = ("[sender ben@sender.example]\nvia = smtp://127.0.0.1:%d\nuser = ben\n"
             "password-file = %%s/password\n" % good)
    site = smart_site("others", bad, more=route)
    text = open(site.config).read()
    with open(site.config, "w") as file:
        file.write(text.replace("%s", site.directory))
    site.listen()
    site.send(["x@far.example", "local@sender.example"], sender="anna@sender.example")
    site.send("y@far.example", sender="ben@sender.example")
    site.stop()
    site.relay()
    check(len(refusing.messages) == 0 and len(site.queued("wait")) == 1, site.log())
    check([m.user for m in other.messages] == ["ben"], site.log())
    check(len(site.mailbox("local")) == 1, site.log())


@test("a smarthost demands a login that we do not have: 530 freezes the route, nothing bounces")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port)
    site = Site("no-user", "[route *]\nvia = smtp://127.0.0.1:%d\n" % port)
    send(site, count=3)
    site.relay("-o", "relay.per-destination=1")
    check(len(site.queued("wait")) == 3 and len(site.queued()) == 3, site.log())
    check(len(frozen_lines(site)) == 1
          and "530 5.7.0 Authentication required" in frozen_lines(site)[0], site.log())
    check(smart.connections == 1, smart.connections)


@test("a temporary refusal does not freeze the route")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, refuse="454 4.7.0 Temporary authentication failure")
    site = smart_site("temporary", port)
    send(site)
    site.relay()
    check("454 4.7.0 Temporary authentication failure" in site.log() and frozen_lines(site) == [],
          site.log())
    smart.refuse, smart.users = None, {"anna@company.example": PASSWORD}
    now_due(site)
    check(len(smart.messages) == 1, site.log())


WRONG = [
    ("a password that others can read", {}, lambda s: secret_file(s, mode=0o644),
     "others can read it (mode 0644): chmod 600 it"),
    ("a password that is not there", {}, lambda s: os.unlink(s.directory + "/password"),
     "password: No such file or directory"),
    ("an empty password", {}, lambda s: secret_file(s, "\n"), "the first line is empty"),
    ("no AUTH", {"mechanisms": None}, lambda s: None, "the host offers neither PLAIN nor LOGIN"),
    ("no mechanism of ours", {"mechanisms": "CRAM-MD5 GSSAPI"}, lambda s: None,
     "the host offers neither PLAIN nor LOGIN"),
]


@test("V35 without a usable password or mechanism, mail is deferred, with the reason in the log")
def _():
    for name, host, spoil, why in WRONG:
        port = next(_ports)
        smart = Smarthost("127.0.0.1", port,
                          **{"users": {"anna@company.example": PASSWORD}, **host})
        site = smart_site("wrong-%d" % port, port)
        spoil(site)
        send(site)
        site.relay()
        check(len(site.queued("wait")) == 1 and smart.logins == [], name, site.log())
        check(len(frozen_lines(site)) == 1 and why in frozen_lines(site)[0], name, site.log())
        check("cannot log in as anna@company.example" in frozen_lines(site)[0], site.log())


@test("a failure of the token program and an error of XOAUTH2 are in the log")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, mechanisms="XOAUTH2",
                      tokens={"anna@company.example": TOKEN})
    site = smart_site("token-fails", port, "token-command = DIR/token")
    token_program(site, "echo 'invalid_grant: run it again by hand' >&2; exit 7")
    send(site)
    site.relay()
    check("exit status 7: invalid_grant: run it again by hand" in frozen_lines(site)[0], site.log())
    token_program(site, "echo expired.t0ken")
    now_due(site)                       # another program, so it is tried at once
    check('535 5.7.8 username and password not accepted ({' in frozen_lines(site)[-1]
          and "401" in frozen_lines(site)[-1], site.log())
    no_secret_in(site, "expired.t0ken")
    token_program(site, "sleep 0; echo " + TOKEN)
    now_due(site)
    check(len(smart.messages) == 1, site.log())


@test("a token program has no descriptor of the queue, and ends if the runner is killed")
def _():
    port = next(_ports)
    smart = Smarthost("127.0.0.1", port, mechanisms="XOAUTH2", tokens={})
    site = smart_site("token-killed", port, "token-command = DIR/token")
    token_program(site, "ls -l /proc/self/fd >%s/fds; setsid sleep 1000.25" % site.directory)
    send(site)
    runner = site.start_relay()
    wait_for(lambda: os.path.exists(site.directory + "/fds") and sleepers(), 10)
    runner.kill()
    runner.wait()
    wait_for(lambda: not sleepers(), 10)
    fds = open(site.directory + "/fds").read()
    check("queue" not in fds and fds.count(" -> ") <= 4, fds)
    same([len(site.queued("cur")), smart.messages], [1, []])
    smart.stop()


@test("the transcript shows the login, without the password")
def _():
    port = next(_ports)
    Smarthost("127.0.0.1", port, users={})
    site = smart_site("record", port)
    send(site)
    site.relay()
    text = site.queue_text()
    check("AUTH PLAIN ***" in text, text)
    no_secret_in(site, PASSWORD)


authority = Authority(DIRECTORY + "/ca")
context = authority.leaf("smart", "192.0.2.9").context()


def tls_site(name, scheme, port, ca=None):
    """A site whose mail goes to 192.0.2.9 inside TLS."""
    site = Site(name)
    with open(site.config, "a") as file:
        file.write("[relay]\ntls-ca-file = %s\n[route *]\nvia = %s://192.0.2.9:%d\n"
                   "user = anna@company.example\npassword-file = %s\n"
                   % (ca or authority.file, scheme, port, secret_file(site)))
    return site


@test("smtps:// and smtp+starttls://: AUTH inside TLS only, after an offer inside TLS")
def _():
    for scheme in "smtps", "smtp+starttls":
        port = next(_ports)
        smart = Smarthost("192.0.2.9", port, users={"anna@company.example": PASSWORD}, tls=context,
                          implicit=scheme == "smtps")
        site = tls_site(scheme, scheme, port)
        send(site, count=2)
        site.relay("-o", "relay.per-destination=1")
        check(len(smart.messages) == 2 and len(smart.logins) == 1, smart.logins, site.log())
        verbs = [line.split()[0] for line in smart.lines if line.split()]
        same(verbs[:verbs.index(b"AUTH") + 1],
             [b"EHLO", b"AUTH"] if scheme == "smtps" else [b"EHLO", b"STARTTLS", b"EHLO", b"AUTH"])
        check(re.search(r"delivered .*tls=TLSv1\.3/\S+/verified", site.log()), site.log())
        no_secret_in(site, PASSWORD)
        smart.stop()


@test("a host with the certificate of another gets no password")
def _():
    for scheme in "smtps", "smtp+starttls":
        port = next(_ports)
        smart = Smarthost("192.0.2.9", port, tls=context, implicit=scheme == "smtps")
        site = tls_site("stranger-" + scheme, scheme, port,
                        Authority(DIRECTORY + "/ca-of-" + scheme, "nobody").file)
        send(site)
        site.relay()
        check(not any(b"AUTH" in line for line in smart.lines) and len(site.queued("wait")) == 1,
              smart.lines, site.log())
        check("status=4.7.5" in site.log() and frozen_lines(site) == [], site.log())
        smart.stop()


@test("our own submission server as a smarthost")
def _():
    inner = Site("submission", address="192.0.2.9", hostname="192.0.2.9.example")
    leaf = authority.leaf("submission", "192.0.2.9")
    users = inner.directory + "/users"
    done = subprocess.run([BUILD + "/smtp-handler-passwd", "anna"], input=PASSWORD.encode() + b"\n",
                          stdout=subprocess.PIPE, check=True)
    with open(users, "wb") as file:
        file.write(done.stdout)
    os.chmod(users, 0o600)
    for name in leaf.chain, leaf.key:
        os.chmod(name, 0o600)
    inner.listen("-o", "server.role=submission", "-o", "server.tls=required",
                 "-o", "server.tls-certificate=" + leaf.chain,
                 "-o", "server.tls-key=" + leaf.key, "-o", "server.auth=file:" + users,
                 "-o", "server.trusted=")
    site = Site("client")
    with open(site.config, "a") as file:
        file.write("[relay]\ntls-ca-file = %s\n[route *]\nvia = smtp+starttls://192.0.2.9:25\n"
                   "user = anna\npassword-file = %s\n"
                   % (authority.file, secret_file(site, "wrong\n")))
    send(site, count=3)
    site.relay()
    check(len(site.queued("wait")) == 3 and "535 5.7.8" in frozen_lines(site)[0], site.log(),
          inner.log("handler"))
    secret_file(site)
    now_due(site)
    check(site.queued() == [] and len(inner.queued("new")) == 3, site.log(), inner.log("handler"))
    check("with ESMTPSA" in inner.queue_text(), inner.queue_text())
    inner.stop()


@test("a password that the server repeats in its reply is not logged")
def _():
    for refuse in ("500 5.5.1 %(said)s: not understood", "535 5.7.8 no, %(secret)s is wrong",
                   "535 5.7.8 %(said).40s"):
        for mechanisms in "PLAIN", "LOGIN":
            port = next(_ports)
            smart = Smarthost("127.0.0.1", port, refuse=refuse, echo=True, mechanisms=mechanisms)
            site = smart_site("echo-%d" % port, port)
            send(site)
            site.relay()
            check("repeats our login" in site.log() and len(smart.logins) == 1, refuse,
                  site.log())
            no_secret_in(site, PASSWORD)
            encoded = base64.b64encode(PASSWORD.encode())[:8].decode()
            check(encoded not in site.log() + site.queue_text(), site.log())


@test("--check reports a missing or unusable password")
def _():
    site = Site("check")
    for text, spoil, why in (
            ("password-file = %s/password" % site.directory, lambda: None, ""),
            ("password-file = %s/password" % site.directory, lambda: secret_file(site, mode=0o644),
             "[route *] password-file: %s/password: others can read it (mode 0644): chmod 600 it"
             % site.directory),
            ("password-file = %s/none" % site.directory, lambda: None,
             "[route *] password-file: %s/none: No such file or directory" % site.directory),
            ("password-file = credential", lambda: None, ""),
            ("token-command = %s/token x" % site.directory, lambda: token_program(site, "exit 1"),
             ""),
            ("token-command = /nonexistent x", lambda: None,
             "[route *] token-command: /nonexistent: No such file or directory"),
            ("", lambda: None, "user: has no password: set password-file or token-command")):
        secret_file(site)
        spoil()
        with open(site.directory + "/other", "w") as file:
            file.write("[queue]\ndirectory = %s\n[route *]\nvia = smtp://127.0.0.1\n"
                       "user = anna\n%s\n" % (site.queue, text))
        done = subprocess.run([RELAY, "-c", site.directory + "/other", "--check"],
                              capture_output=True, text=True, timeout=20)
        check(done.returncode == (78 if why else 0) and why in done.stderr, text, done.returncode,
              done.stderr)
        check(PASSWORD not in done.stderr, done.stderr)


@test("--explain shows the login of a route, and that the route is frozen")
def _():
    port = next(_ports)
    Smarthost("127.0.0.1", port, users={})
    site = smart_site("explain", port)
    text = site.explain("x@far.example")
    check("login       as anna@company.example with password-file %s/password"
          % site.directory in text, text)
    check("frozen" not in text, text)
    send(site)
    site.relay()
    text = site.explain("x@far.example")
    check("frozen      since " in text and "535 5.7.8" in text, text)


@test("smtp-queue hosts shows frozen routes")
def _():
    port = next(_ports)
    Smarthost("127.0.0.1", port, users={})
    site = smart_site("hosts", port)
    send(site)
    site.relay()
    text, objects = (
        subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "hosts", *options],
                       capture_output=True, text=True, check=True, timeout=20).stdout
        for options in ((), ("--json",)))
    check(re.search(r"(?m)^  \[route \*\] until \S+: 127\.0\.0\.1:%d: 535 5\.7\.8 username" % port,
                    text), text)
    found = json.loads(objects.splitlines()[-1])
    same([found["frozen"], found["why"][:20]], ["route *", "127.0.0.1:%d: 535 " % port], objects)


main(lambda failed: None)
