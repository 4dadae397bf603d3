# SPDX-License-Identifier: ISC
"""Signed mail through our runner, as other programs verify it: dkimpy, opendkim if build/peers has
it, and Mail::DKIM (RSA only)."""
import os
import re
import resource
import signal
import subprocess
import time

import dkim

from exchangers import Exchanger
from nameservers import nsd
from octets import different
from programs import BUILD, PEERS, RELAY, SANITIZER, Site, fresh_directory, peer_environment
from tap import check, main, same, test, wait_for

directory = fresh_directory()
FILTER = "0" if SANITIZER else "2"
KEY_TOOL = BUILD + "/smtp-dkim-key"
for kind in ("rsa", "ed25519"):
    subprocess.run([KEY_TOOL, "make", kind, directory + "/" + kind], check=True)


def record_line(selector, kind):
    line = subprocess.run([KEY_TOOL, "record", selector, "sender.example", directory + "/" + kind],
                          check=True, capture_output=True, text=True).stdout
    check(line.startswith(selector + "._domainkey.sender.example. IN TXT ("), line)
    return line


def record_of(selector, kind):
    return "".join(re.findall(r'"([^"]*)"', record_line(selector, kind)))


nsd(directory + "/nsd", {"example.org":
    "own MX 10 mx.own\nmx.own A 192.0.2.90\naio MX 10 mx.aio\nmx.aio A 192.0.2.91\n"
    "seven MX 10 mx.seven\nmx.seven A 192.0.2.92\n",
    "sender.example": record_line("r1", "rsa") + record_line("e1", "ed25519")
    + record_line("wrong", "rsa")})
receiver = Site("receiver", "[route own.example.org]\nvia = print\n", address="192.0.2.90",
                hostname="mx.own.example.org").listen()
aio = Exchanger("192.0.2.91")
seven = Exchanger("192.0.2.92")
seven.hide = b"8BITMIME"
KEYS = """[dkim sender.example]
selector = r1 e1
key = {0}/rsa {0}/ed25519
""".format(directory)
slow = Exchanger("192.0.2.97", banner_s=2)
site = Site("site", KEYS + "[route slow.example]\nvia = smtp://192.0.2.97\n").listen()

RECORDS = {"r1": record_of("r1", "rsa"), "e1": record_of("e1", "ed25519")}
ENVIRONMENT = peer_environment()
ENVIRONMENT["LD_LIBRARY_PATH"] += ":" + PEERS + "/usr/lib"
with open(directory + "/opendkim.keys", "w") as file:
    for selector, text in RECORDS.items():
        file.write("%s._domainkey.sender.example %s\n" % (selector, text))
with open(directory + "/opendkim.conf", "w") as file:
    file.write("Mode v\nTestPublicKeys %s/opendkim.keys\n" % directory)
PERL = r"""
use Mail::DKIM::Verifier; use Net::DNS;
no warnings;
*Mail::DKIM::DNS::query = sub { return Net::DNS::RR->new(
    name => $_[0], type => 'TXT', txtdata => [$ARGV[0] =~ /(.{1,255})/g]) };
my $v = Mail::DKIM::Verifier->new(); binmode STDIN;
{ local $/; my $text = <STDIN>; $v->PRINT($text); } $v->CLOSE;
print join("\n", map { $_->algorithm . " " . $_->result } $v->signatures), "\n";
"""


def lookup(name, timeout=5):
    return RECORDS[name.decode().split(".")[0]].encode()


def verify_rsa(message):
    done = subprocess.run(["perl", "-e", PERL, RECORDS["r1"]], input=message, check=True,
                          capture_output=True)
    check(b"rsa-sha256 pass" in done.stdout, (done.stdout, done.stderr, message[:3000]))


def verify_opendkim(message):
    """It shows its results as the fields that it would add."""
    with open(directory + "/message", "wb") as file:
        file.write(message)
    done = subprocess.run([PEERS + "/usr/sbin/opendkim", "-x", directory + "/opendkim.conf", "-vv",
                           "-t", directory + "/message"], env=ENVIRONMENT,
                          capture_output=True, text=True)
    same(sorted(re.findall(r"dkim=(\w+) [^;]*header.a=(\w+)", done.stdout.replace("\n", " "))),
         [("pass", "ed25519"), ("pass", "rsa")], (done.stdout, done.stderr, message[:3000]))


def verify(message):
    """Both signatures by dkimpy, and that of RSA by Mail::DKIM."""
    same(len(re.findall(rb"(?m)^DKIM-Signature:", message.split(b"\r\n\r\n")[0])), 2, message[:900])
    signed = dkim.DKIM(message)
    same([signed.verify(idx=i, dnsfunc=lookup) for i in (0, 1)], [True, True], message[:3000])
    verify_rsa(message)
    if os.path.exists(PEERS + "/usr/sbin/opendkim"):
        verify_opendkim(message)


def deliver(text, host, **more):
    site.send("bob@%s.example.org" % host, text, sender="alice@sender.example", **more)
    site.relay()
    same(site.queued(), [], site.log()[-2000:])
    if host != "own":
        return {"aio": aio, "seven": seven}[host].messages[-1].content
    path, = receiver.queued("new")
    text = open(path, "rb").read().split(b"\n\n", 1)[1]
    os.unlink(path)
    return text


FROM = b"From: Alice <alice@sender.example>\r\n"
PLAIN = FROM + b"To: bob@own.example.org\r\nSubject: test\r\n"
MIME = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
       b"Content-Transfer-Encoding: 8bit\r\n"
MESSAGES = {
    "plain text": PLAIN + b"\r\nHello.\r\n",
    "an empty body": PLAIN + b"\r\n",
    "a header section alone": PLAIN,
    "empty lines at the end": PLAIN + b"\r\nHello.\r\n\r\n \r\n\t\r\n\r\n",
    "a body of blanks": PLAIN + b"\r\n   \r\n \t \r\n",
    "blanks inside and at the end of lines": PLAIN + b"\r\n a \t b  \r\nc\t\r\n  d\r\n",
    "dot lines": PLAIN + b"\r\n.\r\n..\r\n.x\r\n. \r\nend\r\n",
    "long lines": PLAIN + b"\r\n" + b"a" * 998 + b"\r\n" + b"b " * 499 + b"\r\n",
    "folded fields": FROM + b"To: bob@own.example.org,\r\n carol@own.example.org,\r\n"
        b"\tdave@own.example.org\r\nSubject:\r\n begins on the\r\n  next line \t \r\n"
        b"References: <1@x>\r\n\t<2@x>  <3@x>\r\n\r\nHello.\r\n",
    "empty and strange fields": FROM + b"Subject:\r\nTO:  bob@own.example.org  \r\n"
        b"X-A: \x0c\r\nCc:\t\r\nList-Id: <l.sender.example>\r\n\r\nx\r\n",
    "fields that occur twice": FROM + b"To: one@x.example\r\nSubject: a\r\nTo: two@x.example\r\n"
        b"Comments: x\r\n\r\nx\r\n",
    "a form feed in the body": PLAIN + b"\r\na\x0c\r\n\x0c \r\n\x0b\r\n",
    "an older signature": b"DKIM-Signature: v=1; a=rsa-sha256; d=other.example; s=x;\r\n"
        b"\th=from; bh=eA==; b=eA==\r\n" + PLAIN + b"\r\nx\r\n",
    "eight bits": PLAIN + MIME + b"\r\ngr\xc3\xbc\xc3\x9fe \r\n.\xc3\xa4\r\n",
    "eight bits in the header section": FROM + b"Subject: gr\xc3\xbc\xc3\x9fe\r\n\r\nx\r\n",
}


def verify_one(message, older):
    """Verifiers read the signatures from the top; an older one is below."""
    if older:
        signed = dkim.DKIM(message)
        same([signed.verify(idx=i, dnsfunc=lookup) for i in (0, 1)], [True, True], message)
    else:
        verify(message)


for name, text in MESSAGES.items():
    @test("DATA, and BDAT to our own server: " + name)
    def _(name=name, text=text):
        for host in ("aio", "own"):
            if not (host == "aio" and name == "eight bits in the header section"):
                verify_one(deliver(text, host), name == "an older signature")


@test("a blank in front of a colon, which dkimpy does not read")
def _():
    verify_rsa(deliver(FROM + b"To : bob@own.example.org\r\n\r\nx\r\n", "aio"))


@test("eight bits for a peer without 8BITMIME: the converted form is signed")
def _():
    content = deliver(MESSAGES["eight bits"], "seven")
    check(b"quoted-printable" in content or b"base64" in content, content)
    verify(content)


@test("binary content by BDAT, and no final CRLF")
def _():
    for end in (b"", b"\r\n", b" "):
        with site.smtp() as smtp:
            smtp.ehlo()
            smtp.mail("alice@sender.example", ["BODY=BINARYMIME"])
            smtp.rcpt("bob@own.example.org")
            body = PLAIN + b"Content-Transfer-Encoding: binary\r\n\r\na\0b \r\nc" + end
            smtp.send(b"BDAT %d LAST\r\n" % len(body) + body)
            same(smtp.getreply()[0], 250)
        site.relay()
        path, = receiver.queued("new")
        content = open(path, "rb").read().split(b"\n\n", 1)[1]
        os.unlink(path)
        check(content.endswith(body), content[-300:])
        verify_rsa(content)
        if end != b" ":     # dkimpy keeps blanks in front of the end of the octets
            same(dkim.DKIM(content).verify(dnsfunc=lookup), True)


@test("a field added or changed on the way breaks it; a Received field does not")
def _():
    content = deliver(MESSAGES["plain text"], "aio")
    same(dkim.verify(b"Received: x\r\n" + content, dnsfunc=lookup), True)
    for field in (b"Subject: y", b"From: eve@evil.example", b"Reply-To: eve@evil.example",
                  b"Content-Type: text/html", b"Cc: eve@evil.example"):
        same(dkim.verify(field + b"\r\n" + content, dnsfunc=lookup), False, field)


@test("mail that has no right to a signature gets none")
def _():
    for text in (b"Subject: x\r\n\r\nx\r\n",
                 b"From: a@other.example\r\n\r\nx\r\n",
                 b"From: a@sender.example, b@other.example\r\n\r\nx\r\n",
                 b"From: a@sender.example\r\nFrom: b@sender.example\r\n\r\nx\r\n",
                 b"From: a@notsender.example\r\n\r\nx\r\n"):
        check(b"DKIM-Signature" not in deliver(text, "aio"), text)


@test("a name below the domain is signed for the domain")
def _():
    content = deliver(b"From: a@www.Sender.example\r\n\r\nx\r\n", "aio")
    check(b"d=sender.example;" in content, content)
    verify(content)


@test("a stranger's mail is relayed without a signature, whatever its From")
def _():
    stranger = Site("stranger", KEYS + "[route aio.example.org]\nvia = mx\naccept = anyone\n",
                    address="192.0.2.93").listen("-o", "server.trusted=")
    stranger.send("bob@aio.example.org", MESSAGES["plain text"], sender="alice@sender.example")
    stranger.relay()
    same(stranger.queued(), [], stranger.log()[-2000:])
    check(b"DKIM-Signature" not in aio.messages[-1].content, aio.messages[-1].content)


@test("our own notices are signed")
def _():
    own = Site("own", KEYS, address="192.0.2.94", hostname="mx.sender.example").listen()
    own.send("bob@no.example.org", MESSAGES["plain text"], sender="alice@aio.example.org")
    own.relay()
    content = aio.messages[-1].content
    check(b"Auto-Submitted: auto-replied" in content or b"multipart/report" in content, content)
    verify(content)


@test("a key that is gone: the message waits, and --check reports it")
def _():
    lost = Site("lost", KEYS.replace("/rsa", "/gone"), address="192.0.2.95").listen()
    lost.send("bob@aio.example.org", MESSAGES["plain text"], sender="alice@sender.example")
    before = len(aio.messages)
    lost.relay()
    same(len(lost.queued("wait")), 1, lost.log())
    same(len(aio.messages), before)
    check("[dkim sender.example] key: %s/gone: No such file" % directory in lost.log(), lost.log())
    done = subprocess.run([RELAY, "-c", lost.config, "--check"], capture_output=True, text=True)
    same(done.returncode, 78, done.stderr)
    check("[dkim sender.example] key: " + directory + "/gone" in done.stderr, done.stderr)
    os.link(directory + "/rsa", directory + "/gone")
    lost.age(100000)
    lost.relay("--flush")
    os.unlink(directory + "/gone")
    same(lost.queued(), [], lost.log())
    verify(aio.messages[-1].content)


def children(pid):
    return map(int, open("/proc/%d/task/%d/children" % (pid, pid)).read().split())


def signers(runner):
    """The processes that sign and have got a permit with its message."""
    return [pid for worker in children(runner.pid) for pid in children(worker)
            if "Seccomp:	" + FILTER in open("/proc/%d/status" % pid).read()
            and len(os.listdir("/proc/%d/fd" % pid)) == 6]


@test("the process that signs has a filter, no network, and of the queue its message, to read")
def _():
    site.send("x@slow.example", MESSAGES["plain text"])
    runner = site.start_relay()

    check(wait_for(lambda: signers(runner), 10), site.log())
    pid, = signers(runner)
    links = [os.readlink("/proc/%d/fd/%d" % (pid, fd)) for fd in range(6)]
    flags = int(re.search("flags:\\s+(\\d+)", open("/proc/%d/fdinfo/5" % pid).read())[1], 8)
    same(runner.wait(20), 0, site.log())
    check(links[3].startswith("socket:") and links[4].startswith("socket:"), links)
    check(links[5].startswith(site.queue + "/cur/"), links)
    same(flags & os.O_ACCMODE, os.O_RDONLY)
    check(not any(site.queue in link for link in links[:5]), links)
    wait_for(lambda: not os.path.exists("/proc/%d/exe" % pid), 5)
    same(site.queued(), [], site.log())


@test("a process that signs and dies costs its message one attempt, and no other message anything")
def _():
    for _ in range(3):
        site.send("x@slow.example", MESSAGES["plain text"], sender="alice@sender.example")
    before = len(slow.messages)
    runner = site.start_relay("-o", "relay.per-destination=1")
    check(wait_for(lambda: signers(runner), 10), site.log())
    os.kill(signers(runner)[0], signal.SIGKILL)
    same(runner.wait(30), 0, site.log())
    same([len(slow.messages) - before, len(site.queued("wait"))], [2, 1], site.log()[-3000:])
    check("the process that signs has ended" in site.log(), site.log()[-3000:])
    site.age(100000)
    site.relay("--flush")
    same([len(slow.messages) - before, site.queued()], [3, []], site.log()[-3000:])
    for message in slow.messages[before:]:
        verify(message.content)


@test("keys that are credentials of the unit")
def _():
    own = Site("credentials", KEYS.replace(directory + "/", ""), address="192.0.2.96").listen()
    own.send("bob@aio.example.org", MESSAGES["plain text"], sender="alice@sender.example")
    own.relay()
    same(len(own.queued("wait")), 1, own.log())
    check("there are no credentials: set LoadCredential= in the unit" in own.log(), own.log())
    own.age(100000)
    os.environ["CREDENTIALS_DIRECTORY"] = directory
    own.relay("--flush")
    del os.environ["CREDENTIALS_DIRECTORY"]
    same(own.queued(), [], own.log())
    verify(aio.messages[-1].content)


def checked(*options):
    done = subprocess.run([KEY_TOOL, "-c", site.config, *options, "check"], capture_output=True,
                          text=True)
    return done.returncode, done.stdout + done.stderr


@test("smtp-dkim-key: a record that cannot be written is no success")
def _():
    with open("/dev/full", "w") as full:
        done = subprocess.run([KEY_TOOL, "record", "r1", "sender.example", directory + "/rsa"],
                              stdout=full, stderr=subprocess.PIPE, text=True)
    same((done.returncode, done.stderr),
         (74, "smtp-dkim-key: standard output: No space left on device\n"))


@test("smtp-dkim-key check asks the name server")
def _():
    code, text = checked()
    same(code, 0, text)
    check("r1._domainkey.sender.example: " in text and "e1._domainkey." in text, text)
    for selector in ("r1 gone", "r1 wrong"):
        code, text = checked("-o", "dkim sender.example.selector=" + selector)
        same(code, 1, text)
        check(selector[3:] + "._domainkey.sender.example: " in text, text)
    code, text = checked("-o", "relay.resolver=192.0.2.99")
    same(code, 75, text)


@test("a message of 50 MB streams: the signer needs no memory for it")
def _():
    line = b"0123456789 " * 6 + b"\r\n"
    text = PLAIN + b"\r\n" + line * (48 * 1024 * 1024 // len(line))
    site.send("bob@own.example.org", text, sender="alice@sender.example")
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    begun = time.monotonic()
    site.relay()
    took_s = time.monotonic() - begun
    path, = receiver.queued("new")
    content = open(path, "rb").read().split(b"\n\n", 1)[1]
    os.unlink(path)
    check(content.endswith(line), content[-100:])
    same(dkim.DKIM(content).verify(dnsfunc=lookup), True)
    print("# delivered in %.1f s" % took_s)
    del before


main(site.keep_queue_note)
