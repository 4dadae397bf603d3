# SPDX-License-Identifier: ISC
"""smtp-verify verifies signatures as dkimpy, Mail::DKIM and opendkim do."""
import base64
import os
import re
import resource
import subprocess
import time

import dkim

from milter_client import MilterClient
from nameservers import nsd
from programs import BUILD, PEERS, SANITIZER, fresh_directory, peer_environment
from tap import check, main, quicker_than, same, seconds, test
from verifier import Verifier

directory = fresh_directory()
os.chmod(directory, 0o755)
KEY_TOOL = BUILD + "/smtp-dkim-key"
KEYS, TEXTS = {}, {}


def make_key(selector, kind, bits=None):
    path = directory + "/" + selector
    if bits:
        subprocess.run(["openssl", "genrsa", "-traditional", "-out", path, str(bits)],
                       check=True, capture_output=True)
        public = subprocess.run(["openssl", "rsa", "-in", path, "-pubout", "-outform", "DER"],
                                check=True, capture_output=True).stdout
        TEXTS[selector] = "v=DKIM1; k=rsa; p=" + base64.b64encode(public).decode()
        with open(path, "rb") as file:
            KEYS[selector] = file.read()
        return
    subprocess.run([KEY_TOOL, "make", kind, path], check=True)
    line = subprocess.run([KEY_TOOL, "record", selector, "d.example", path], check=True,
                          capture_output=True, text=True).stdout
    TEXTS[selector] = "".join(re.findall(r'"([^"]*)"', line))
    with open(path, "rb") as file:
        pem = file.read()
    if kind == "rsa":
        KEYS[selector] = subprocess.run(["openssl", "rsa", "-traditional", "-in", path],
                                        check=True, capture_output=True).stdout
    else:
        der = base64.b64decode(b"".join(pem.split(b"\n")[1:-2]))
        KEYS[selector] = base64.b64encode(der[-32:])


make_key("r", "rsa")
make_key("e", "ed25519")
make_key("weak", "rsa", 768)
make_key("long", "rsa", 4096)
P = TEXTS["r"].split("p=")[1]
VARIANTS = {                    # selectors with the key r, and other tags
    "revoked": "v=DKIM1; p=", "sha1": "h=sha1; p=" + P, "both": "h=sha1:sha256; p=" + P,
    "web": "s=web; p=" + P, "any": "s=*; p=" + P, "strict": "t=s; p=" + P,
    "tests": "t=y; p=" + P, "other": "k=ed25519; p=" + P, "bare": "p=" + P,
    "folded": "v=DKIM1 ; k=rsa ; p=" + P[:100] + " " + P[100:] + " ; n=note",
    "version": "v=DKIM2; p=" + P, "unknown": "zz=1; p=" + P, "garbage": "no key at all",
    "twice": "p=" + P + "; p=" + P,
}
TEXTS.update(VARIANTS)
for selector in VARIANTS:
    KEYS[selector] = KEYS["r"]
SPF = "v=spf1 -all"


def quoted(text):
    return " ".join('"%s"' % text[i:i + 250] for i in range(0, len(text), 250))


nsd(directory + "/nsd", {"d.example": "".join(
    "%s._domainkey TXT %s\n" % (s, quoted(text).replace(";", "\\;"))
    for s, text in TEXTS.items()) + "cut._domainkey TXT %s\n" % " ".join(
        '"%s"' % TEXTS["r"][i:i + 7].replace(";", "\\;") for i in range(0, len(TEXTS["r"]), 7)),
    "football.example.com": "brisbane._domainkey TXT \"v=DKIM1\\; k=ed25519\\; "
                            "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
                            "test._domainkey TXT \"v=DKIM1\\; k=rsa\\; "
                            "p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk0"
                            "8a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR"
                            "+yz1Lxj+PL6lHvqMKrM3r\" \"G4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTI"
                            "KT+l/K4w3QIDAQAB\"\n",
    "client.example": "@ A 192.0.2.99\n"})
KEYS["cut"] = KEYS["r"]
TEXTS["cut"] = TEXTS["r"]
verifier = Verifier(directory)
client = MilterClient(verifier.path)
same(client.connect("192.0.2.10"), b"c")
FIELDS = (b"From: Anna <anna@d.example>\r\nTo: b@example.org,\r\n\t c@example.org \r\n"
          b"Subject:  two  blanks \r\nX-Empty:\r\nX-None:no blank\r\nX-Same: 1\r\n"
          b"X-same:  2\r\nDate: Sat, 28 Nov 2026 12:00:00 +0000\r\nMessage-ID: <1@d.example>\r\n")
BODIES = {
    "text": b"Hello.\r\n", "empty": b"", "one line end": b"\r\n", "line ends": b"\r\n\r\n\r\n",
    "blanks": b"a  b\t c \r\n \t \r\nd\r\n", "no end": b"last line",
    "a blank line at the end": b"x \r\n \r\n",
    "empty lines": b"a\r\n\r\n\r\nb\r\n\r\n\r\n", "a bare CR": b"a\rb\r\n\r",
    "tabs": b"\t\ta\t\r\n",
    "8bit": "grün\r\n".encode() * 3, "a long line": b"x" * 100000 + b" \r\n",
    "many lines": b"0123456789 abc \r\n" * 5000, "a dot": b".\r\n..\r\n",
}


def signed(selector="r", fields=FIELDS, body=b"Hello.\r\n", forms=(b"relaxed", b"relaxed"),
           kind=b"rsa-sha256", **more):
    message = fields + b"\r\n" + body
    return dkim.sign(message, selector.encode(), b"d.example", KEYS[selector], canonicalize=forms,
                     signature_algorithm=kind, **more) + message


def ours(message, who=None):
    """The results without their properties."""
    return [re.match(r"dkim=(\w+)", r)[1] for r in (who or client).message(message).result("dkim")]


def dkimpy(message):
    def text_of(name, timeout=5):
        selector = name.decode().split("._domainkey.")[0]
        return TEXTS.get(selector, "").encode() or None
    return dkim.verify(message, dnsfunc=text_of)


FORMS = [(a, b) for a in (b"simple", b"relaxed") for b in (b"simple", b"relaxed")]


@test("all canonical forms of all bodies, RSA and Ed25519")
def _():
    for forms in FORMS:
        for name, body in BODIES.items():
            for selector, kind in (("r", b"rsa-sha256"), ("e", b"ed25519-sha256")):
                message = signed(selector, body=body, forms=forms, kind=kind)
                same((ours(message), name, forms), (["pass"], name, forms))


@test("the properties of a result")
def _():
    message = signed()
    b = re.search(rb"b=([^;]{8})[^;]*$", message.split(b"\r\nFrom:")[0].replace(b"\r\n ", b""))[1]
    same(client.message(message).result("dkim"),
         ["dkim=pass header.d=d.example header.s=r header.a=rsa-sha256 header.b=" +
          (b.decode() if re.fullmatch(rb"[\w+]+", b) else '"%s"' % b.decode())])
    same(client.message(FIELDS + b"\r\nx").result("dkim"), ["dkim=none"])


CHANGES = {
    "a blank in the body": (rb"Hello\.", b"Hello ."), "an octet of the body": (rb"Hello", b"Hellp"),
    "a line more": (rb"\Z", b"more\r\n"), "an empty line more": (rb"\Z", b"\r\n"),
    "blanks at a line's end": (rb"Hello\.", b"Hello. \t"),
    "the subject": (rb"two  blanks", b"three blanks"),
    "blanks of it": (rb"two  blanks", b"two blanks"),
    "the name in capitals": (rb"Subject:", b"SUBJECT:"), "another fold": (rb",\r\n\t c", b", c"),
    "a second From on top": (rb"\A", b"From: evil@e.example\r\n"),
    "a second From below": (rb"(?=X-Empty)", b"From: evil@e.example\r\n"),
    "a field that nobody signed": (rb"\A", b"X-Other: 1\r\n"),
    "an octet of the signature": (rb"(\bb=[^;]{5})([^;])", None),
}


@test("changed messages: dkimpy agrees, whatever the form")
def _():
    for forms in FORMS:
        for name, (what, to) in CHANGES.items():
            change = to if to is not None else (
                lambda m: m[1] + (b"A" if m[2] != b"A" else b"B"))
            message, n = re.subn(what, change, signed(forms=forms), count=1)
            same(n, 1, name)
            verdict = ours(message)[0]
            same((verdict == "pass", name, forms), (dkimpy(message), name, forms))
            check(verdict in ("pass", "fail"), verdict, name)


@test("fields that differ in their shape only: as dkimpy verifies them")
def _():
    shapes = [b"X-S:\r\n begins with a line break\r\n", b"X-S: ends in blanks   \r\n",
              b"X-S: \r\n \r\n x\r\n", b"X-S:\t\ttabs\t\r\n",
              b"X-S: " + b"x" * 900 + b"\r\n " + b"y" * 900 + b"\r\n", b"X-S: \xc3\xbc\r\n"]
    for shape in shapes:
        for forms in FORMS:
            message = signed(fields=shape + FIELDS, forms=forms,
                             include_headers=[b"from", b"x-s", b"x-s", b"subject"])
            same((ours(message), shape, forms), (["pass"], shape, forms))
            check(dkimpy(message), shape)


@test("keys: revoked, of another type, for other uses, weak, long, in many strings")
def _():
    for selector, wanted in (
            ("revoked", "permerror"), ("sha1", "permerror"), ("both", "pass"),
            ("web", "permerror"), ("any", "pass"), ("strict", "pass"), ("tests", "pass"),
            ("other", "permerror"), ("bare", "pass"), ("folded", "pass"),
            ("version", "permerror"), ("unknown", "pass"), ("garbage", "permerror"),
            ("twice", "permerror"), ("weak", "policy"), ("long", "pass"), ("cut", "pass")):
        same((ours(signed(selector)), selector), ([wanted], selector))
    KEYS["gone"] = KEYS["r"]
    same(ours(signed("gone")), ["permerror"])
    changed = signed("tests").replace(b"Subject:  two", b"Subject: three")
    same(ours(changed), ["neutral"])
    strict = signed("strict", identity=b"@sub.d.example")
    same(ours(strict), ["permerror"])
    same(ours(signed("r", identity=b"anna@sub.d.example")), ["pass"])


@test("tags: those that break the rules, and those that are not known")
def _():
    good = signed()
    for what, to, wanted in (
            (rb"v=1", b"v=2", "neutral"), (rb"; s=r;", b";", "neutral"),
            (rb"a=rsa-sha256", b"a=rsa-sha1", "policy"), (rb"a=rsa-sha256", b"a=x", "neutral"),
            (rb"c=relaxed/relaxed", b"c=relaxed/strict", "neutral"),
            (rb"q=dns/txt", b"q=dns/other", "neutral"), (rb"d=d.example", b"d=", "neutral"),
            (rb"i=@d.example", b"i=@other.example", "permerror"),
            (rb"(?s)\bh=.*?;", b"h=to;", "permerror"), (rb"v=1;", b"v=1; v=1;", "neutral"),
            (rb"v=1;", b"v=1; x=1;", "permerror"),
            (rb"t=\d+;", b"x=1;", "policy"), (rb"v=1;", b"v=1; x=zz;", "neutral"),
            (rb"v=1;", b"v=1; l=zz;", "neutral"), (rb"v=1;", b"v=1 x;", "neutral"),
            (rb"v=1;", b"v=1; unknown=1;", "fail"), (rb"bh=.", b"bh=", "neutral")):
        message = re.sub(what, to, good, count=1)
        check(message != good, what)
        same((ours(message), what, to), ([wanted], what, to))


@test("V60 l= has to cover the body")
def _():
    message = signed(length=True)
    check(b" l=" in message, message)
    same(ours(message), ["pass"])
    same(ours(message + b"Buy!\r\n"), ["policy"])
    same(ours(re.sub(rb" l=\d+", b" l=99", message)), ["permerror"])


@test("V61 eight signatures are verified, and no more; one question for each")
def _():
    other = b"DKIM-Signature: v=1; a=rsa-sha256; d=d.example; s=gone; h=from; bh=%s; b=AAAA\r\n" % \
        base64.b64encode(b"x" * 32)
    same(ours(other * 7 + signed()), ["fail"] * 7 + ["pass"])
    same(ours(other * 8 + signed()), ["fail"] * 8 + ["policy"])
    same(ours(signed() + b"") , ["pass"])


@test("a header section that is too large is not verified, and costs little")
def _():
    message = signed()
    same(ours(b"X-A: %s\r\n" % (b"x" * 200000) + message), ["pass"])
    same(ours((b"X-A: %s\r\n" % (b"x" * 60000)) * 5 + message), ["policy"])
    names = b":".join([b"x"] * 250)
    evil = b"DKIM-Signature: v=1; a=rsa-sha256; d=d.example; s=r; h=from:%s; bh=%s; b=AAAA\r\n" % (
        names, base64.b64encode(__import__("hashlib").sha256(b"x\r\n").digest()))
    many = evil * 8 + b"y: z\r\n" * 4000 + FIELDS + b"\r\nx\r\n"
    quicker_than(1, lambda: seconds(lambda: same(ours(many), ["fail"] * 8)))


@test("a server that keeps the blank behind the colon to itself")
def _():
    old = MilterClient(verifier.path, steps=0xfffff)
    old.connect("192.0.2.10")
    for forms in FORMS[1::2]:
        same(ours(signed(forms=forms), old), ["pass"])
    same(ours(signed(fields=FIELDS.replace(b"  two", b" two").replace(b"  2", b" 2")
                     .replace(b":no", b": no").replace(b"X-Empty:", b"X-Empty: "),
                     forms=FORMS[0]), old), ["pass"])
    old.close()


@test("the messages of RFC 6376 and RFC 8463, as dkimpy has them")
def _():
    folder = os.path.dirname(dkim.__file__) + "/tests/data/"
    for name in "rfc6376.signed.msg", "rfc6376.signed.rsa.msg":
        with open(folder + name, "rb") as file:
            message = file.read().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        message += b"" if message.endswith(b"\r\n") else b"\r\n"
        wanted = ["pass"] * message.count(b"DKIM-Signature:")
        same((ours(message), name), (wanted, name))
        same(ours(message.replace(b"hungry", b"angry")), ["fail"] * len(wanted))


PERL = r"""
use Mail::DKIM::Verifier; use Net::DNS; no warnings;
*Mail::DKIM::DNS::query = sub { return Net::DNS::RR->new(
    name => $_[0], type => 'TXT', txtdata => [$ARGV[0] =~ /(.{1,255})/g]) };
my $v = Mail::DKIM::Verifier->new(); binmode STDIN;
{ local $/; my $text = <STDIN>; $v->PRINT($text); } $v->CLOSE;
print $v->result;
"""


@test("V62 the chain of ARC is no result")
def _():
    sealed = b"ARC-Seal: i=1; a=rsa-sha256; t=1; cv=none; d=d.example; s=r; b=AAAA\r\n"
    a = client.message(sealed + signed())
    same((ours(sealed + signed()), a.result("arc")), (["pass"], []))


@test("Mail::DKIM agrees about RSA")
def _():
    messages = [signed(forms=f, body=b) for f in FORMS for b in (BODIES["blanks"], BODIES["empty"])]
    messages.append(messages[0].replace(b"a  b", b"a b"))
    messages.append(messages[-2].replace(b"Anna", b"Anne"))
    for message in messages:
        run = subprocess.run(["/usr/bin/perl", "-e", PERL, TEXTS["r"]], input=message,
                             capture_output=True, check=True)
        same(ours(message), [run.stdout.decode()])


@test("opendkim agrees")
def _():
    environment = peer_environment()
    environment["LD_LIBRARY_PATH"] += ":" + PEERS + "/usr/lib"
    with open(directory + "/opendkim.keys", "w") as file:
        for selector in "re":
            file.write("%s._domainkey.d.example %s\n" % (selector, TEXTS[selector]))
    with open(directory + "/opendkim.conf", "w") as file:
        file.write("Mode v\nTestPublicKeys %s/opendkim.keys\n" % directory)
    for selector, kind in (("r", b"rsa-sha256"), ("e", b"ed25519-sha256")):
        for forms in FORMS[2:]:     # opendkim -t does not keep the folds that "simple" needs
            good = signed(selector, forms=forms, kind=kind, body=BODIES["blanks"])
            for message in (good, good.replace(b"a  b", b"a b"), good.replace(b"Anna", b"Anne")):
                with open(directory + "/message", "wb") as file:
                    file.write(message)
                run = subprocess.run(
                    [PEERS + "/usr/sbin/opendkim", "-x", directory + "/opendkim.conf", "-t",
                     directory + "/message"], env=environment, capture_output=True, text=True)
                passed = "signature not ok" not in run.stdout and \
                    "verification (s=%s" % selector in run.stdout and "succeeded" in run.stdout
                same((ours(message) == ["pass"], run.stdout + run.stderr),
                     (passed, run.stdout + run.stderr))


@test("a large message: its time, and memory that does not grow with the message")
def _():
    body = b"0123456789 abcdefghijklmnopqrstuvwxyz  0123456789 abcdefghijklmnopq \r\n" * 150000
    message = signed(body=body)
    start = time.monotonic()
    same(client.message(b"X-A: b\r\n" + FIELDS + b"\r\n" + body).result("dkim"), ["dkim=none"])
    plain = time.monotonic() - start
    start = time.monotonic()
    same(ours(message), ["pass"])
    took = time.monotonic() - start
    print("# %d octets: %.0f ms without a signature, %.0f ms with one" %
          (len(body), plain * 1000, took * 1000))
    pids = subprocess.run(["pgrep", "-P", str(verifier.process.pid)], capture_output=True,
                          text=True).stdout.split()
    peak = 0
    for pid in pids:
        with open("/proc/%s/status" % pid) as file:
            peak = max(peak, int(re.search(r"VmHWM:\s+(\d+)", file.read())[1]))
    print("# %d KiB at most" % peak)
    check(SANITIZER or peak < 20000, peak)


main()
verifier.stop()
