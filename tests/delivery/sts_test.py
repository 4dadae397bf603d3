# SPDX-License-Identifier: ISC
"""MTA-STS: policies from web servers, right and hostile, and mail that obeys them."""
import asyncio
import os
import re
import signal
import subprocess
import time

from certificates import Authority
from nameservers import nsd
from postfix_mta_sts_resolver.resolver import STSFetchResult, STSResolver
from programs import BUILD, Site, fresh_directory
from tap import check, main, same, test, wait_for
from tls_exchangers import TlsExchanger
from web import Page, Web

directory = fresh_directory()
authority = Authority(directory + "/ca")
stranger = Authority(directory + "/stranger", "another authority")
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx.%s\r\nmax_age: 604800\r\n"
TESTING = b"version: STSv1\nmode: testing\nmx: mx.other.example\nmax_age: 604800\n"
# Domains of mail, each below example.org; "x" stands for the domain.
DOMAINS = ("right chunked redirect big slow missing other wildcard common mute html expired "
           "foreign nothing twice private bad plain testing cached changed unlisted second tlsoff "
           "nobody refresh").split()
web = Web("192.0.2.30")


def zone(name):
    address = {"private": "10.0.0.1", "nobody": "192.0.2.31"}.get(name, "192.0.2.30")
    exchanger = {"bad": 41, "plain": 42}.get(name, 40)
    lines = ["%s MX 10 mx.%s" % (name, name), "mx.%s A 192.0.2.%d" % (name, exchanger),
             "mta-sts.%s A %s" % (name, address)]
    if name != "nothing":
        lines.append('_mta-sts.%s TXT "v=STSv1; id=1;"' % name)
    if name == "twice":
        lines.append('_mta-sts.%s TXT "v=STSv1; id=2;"' % name)
    if name in ("unlisted", "second"):
        lines += ["%s MX 5 mx.foreign" % name]
    return "\n".join(lines)


def zones(also="", leave_out=()):
    return {"example.org": "\n".join(zone(name) for name in DOMAINS if name not in leave_out) +
            "\n" + also + "\n"}


nameserver = nsd(directory + "/nsd", zones())


def domain(name):
    return name + ".example.org"


for name in DOMAINS:
    host = "mta-sts." + domain(name)
    leaf = authority.leaf("web-" + name, host)
    body = POLICY % domain(name).encode()
    page = Page(leaf.context(), body)
    if name == "chunked":
        page.behave = "chunked"
    elif name == "redirect":
        page.status = "302 Found"
        page.headers = ["Location: https://mta-sts.right.example.org/.well-known/mta-sts.txt"]
    elif name == "big":
        page.body = body + b"x" * (2 << 20)
    elif name in ("slow", "mute"):
        page.behave = name
    elif name == "missing":
        page.status = "404 Not Found"
    elif name == "other":
        page.context = authority.leaf("web-name", "www.example.org").context()
    elif name == "wildcard":
        page.context = authority.leaf("web-star", "*.wildcard.example.org").context()
    elif name == "html":
        page.kind = "text/html"
    elif name == "expired":
        page.context = authority.leaf("web-old", host, days=-1).context()
    elif name == "foreign":
        page.context = stranger.leaf("web-foreign", host).context()
    elif name in ("testing",):
        page.body = TESTING
    web.hosts[host] = page


def common_name_only(path, name):
    def openssl(*words):
        subprocess.run(["openssl", *words], check=True, capture_output=True)
    openssl("req", "-nodes", "-newkey", "rsa:2048", "-keyout", path + ".key", "-out",
            path + ".csr", "-subj", "/CN=" + name)
    openssl("x509", "-req", "-in", path + ".csr", "-CA", authority.file, "-CAkey",
            authority.directory + "/ca.key", "-CAcreateserial", "-days", "30", "-out",
            path + ".pem")
    leaf = authority.leaf("unused", "unused.example.org")
    leaf.chain, leaf.key = path + ".pem", path + ".key"
    return leaf


web.hosts["mta-sts.common.example.org"].context = common_name_only(
    directory + "/common", "mta-sts.common.example.org").context()
good = TlsExchanger("192.0.2.40", authority.leaf("good", *("mx." + domain(n) for n in DOMAINS))
                    .context(), inside=("REQUIRETLS",))
bad = TlsExchanger("192.0.2.41", stranger.leaf("bad", "mx.bad.example.org").context())
plain = TlsExchanger("192.0.2.42")
SETTINGS = "tls-ca-file = %s\n" % authority.file
site = Site("site", "", resolver="192.0.2.53\n" + SETTINGS).listen()


def fetch(*names, timeout=3, where=site, code=None, options=()):
    start = time.monotonic()
    done = subprocess.run([BUILD + "/smtp-fetch", "-c", where.config, "--timeout", str(timeout),
                           *options, *map(domain, names)], capture_output=True, text=True,
                          timeout=60)
    same(done.stderr, "")
    if code is not None:
        same(done.returncode, code, done.stdout)
    check(time.monotonic() - start < timeout + 3, time.monotonic() - start)
    return done.stdout


def kept(name, where=site):
    try:
        with open("%s/state/sts/%s.txt" % (where.queue, domain(name))) as file:
            return file.read()
    except FileNotFoundError:
        return None


def send(name, where=site):
    """Mail for the domain; what became of it: the log of the run."""
    before = len(where.log())
    where.send("x@" + domain(name))
    where.relay()
    return where.log()[before:]


def hits(name):
    return web.hits["mta-sts.%s/.well-known/mta-sts.txt" % domain(name)]


@test("right policies: in one piece, in chunks, under a wildcard; kept as they came")
def _():
    for name in ("right", "chunked", "wildcard"):
        text = fetch(name, code=0)
        check(re.fullmatch(r"%s: enforce until \S+, id 1, mx mx\.%s\n" % (domain(name),
                                                                          domain(name)), text),
              text)
    text = kept("right")
    check(re.fullmatch(r"id: 1\nfetched: \S+\nexpires: \S+\n\nversion: STSv1\nmode: enforce\n"
                       r"mx: mx.right.example.org\nmax_age: 604800\n", text), text)
    same(os.stat(site.queue + "/state/sts").st_mode & 0o777, 0o700)


HOSTILE = {
    "redirect": "302, a redirection, which is not followed",
    "big": "sent more than",
    "slow": "Operation timed out",
    "mute": "Operation timed out",
    "missing": "replied with status 404",
    "other": "hostname mismatch",
    "common": "hostname mismatch",
    "html": "sent something that is not text/plain",
    "expired": "certificate has expired",
    "foreign": "certificate",
    "nobody": "Connection refused|connect",
    "private": "has only addresses of private networks",
}
for host_name, reason in HOSTILE.items():
    @test("%s: no policy, and the reason is kept" % host_name)
    def _(host_name=host_name, reason=reason):
        text = fetch(host_name, code=1)
        check(re.search(reason, text), text)
        kind = "certificate" if host_name in ("other", "common", "expired", "foreign") else "fetch"
        check(re.fullmatch(r"failed: \S+ [^\n]*(%s)[^\n]*\nfailure: %s\n\n" % (reason, kind),
                           kept(host_name)), kept(host_name))


# postfix-mta-sts-resolver takes a common name; RFC 8461 section 3.3 demands a DNS name.
DIFFERENCES = {"common": True}


@test("postfix-mta-sts-resolver finds the same policies, and refuses the same servers")
def _():
    with open(directory + "/resolv.conf", "w") as file:
        file.write("nameserver 192.0.2.53\n")
    subprocess.run(["mount", "--bind", directory + "/resolv.conf", "/etc/resolv.conf"], check=True)
    os.environ["SSL_CERT_FILE"] = authority.file
    names = ["right", "chunked", "wildcard", "nothing", "twice", "testing"]
    names += [name for name in HOSTILE if name not in ("slow", "mute")]
    fetch("testing", code=0)

    async def query(name):
        resolver = STSResolver(timeout=5, loop=asyncio.get_running_loop())
        return await resolver.resolve(domain(name))

    async def query_all():
        return await asyncio.gather(*map(query, names))
    for name, (result, policy) in zip(names, asyncio.run(query_all())):
        text = kept(name) or ""
        ours = "\nfetched: " in text
        if name in DIFFERENCES:
            same((result == STSFetchResult.VALID, ours), (DIFFERENCES[name], not DIFFERENCES[name]))
            continue
        wanted = STSFetchResult.VALID if ours else STSFetchResult.FETCH_ERROR if text \
            else STSFetchResult.NONE
        same((name, result), (name, wanted), text)
        if ours:
            _, fields = policy
            same((fields["mode"], fields["mx"], str(fields["max_age"])),
                 (re.search(r"mode: (\w+)", text)[1], re.findall(r"mx: (\S+)", text),
                  re.search(r"max_age: (\d+)", text)[1]), text)


@test("no record, two records: no policy is looked for")
def _():
    for name in ("nothing", "twice"):
        same(fetch(name, code=1), domain(name) + ": it announces no policy\n")
        same((kept(name), hits(name)), (None, 0))


@test("a DNS that does not answer is reported as such, and nothing is kept")
def _():
    text = fetch("nothing", code=1, options=("-o", "relay.resolver=127.0.0.1@9"))
    same(text, "{0}: TXT _mta-sts.{0}: 127.0.0.1 cannot be asked: Connection refused\n"
         .format(domain("nothing")))
    same((kept("nothing"), hits("nothing")), (None, 0))


@test("an output that is lost is a failure")
def _():
    for program in ["smtp-fetch", domain("right")], ["smtp-report", "--list"]:
        with open("/dev/full", "w") as full:
            done = subprocess.run([BUILD + "/" + program[0], "-c", site.config, *program[1:]],
                                  stdout=full, stderr=subprocess.PIPE, text=True, timeout=60)
        same((done.returncode, done.stderr),
             (74, program[0] + ": standard output: No space left on device\n"))


@test("a wrong command line: the usage has its lines")
def _():
    for program in "smtp-fetch", "smtp-shared":
        done, usage = (subprocess.run([BUILD + "/" + program, option, *more], capture_output=True,
                                      text=True, timeout=60)
                       for option, *more in (("-c", site.config), ("--help",)))
        same((done.returncode, done.stdout, done.stderr), (64, "", usage.stdout))


@test("enforce: a good certificate, and the policy is fetched by the run itself")
def _():
    os.remove("%s/state/sts/%s.txt" % (site.queue, domain("right")))
    before = hits("right")
    log = send("right")
    check(re.search(r"delivered .* tls=TLSv1.3/\S+/verified", log), log)
    same((hits("right"), kept("right") is not None), (before + 1, True))
    check("delivered" in send("right"))
    same(hits("right"), before + 1)         # the policy is fresh


@test("enforce: a certificate of an unknown authority; the mail waits, and the log has the policy")
def _():
    log = send("bad")
    check(re.search(r"deferred .*status=4\.7\.5 .*TLS is required "
                    r"\(the MTA-STS policy of the domain\)", log), log)
    same(len(bad.messages), 0)


@test("TLS-Required: No in the header: the policy does not count for this message (RFC 8689)")
def _():
    site.send("x@" + domain("bad"), b"Subject: x\r\nTLS-Required: No\r\n\r\nHello.\r\n")
    site.relay()
    same(len(bad.messages), 1)


@test("enforce: no STARTTLS; the mail waits")
def _():
    log = send("plain")
    check(re.search(r"deferred .*STARTTLS is not offered; TLS is required "
                    r"\(the MTA-STS policy of the domain\)", log), log)
    same(len(plain.messages), 0)


@test("enforce: the exchanger that the policy does not have is left out, and the next one used")
def _():
    before = len(good.messages)
    check("delivered" in send("second"), site.log()[-800:])
    same(len(good.messages), before + 1)
    web.hosts["mta-sts.unlisted.example.org"].body = POLICY % b"elsewhere.example"
    log = send("unlisted")
    check(re.search(r"deferred .*status=4\.7\.5 .*the MTA-STS policy of unlisted.example.org "
                    r"does not allow the exchanger mx.unlisted.example.org", log), log)


@test("testing: mail goes to exchangers that the policy does not have")
def _():
    check("delivered" in send("testing"), site.log()[-800:])
    check("mode: testing" in kept("testing"), kept("testing"))


@test("H159 REQUIRETLS: a policy proves the exchangers that it has, also one that is a test")
def _():
    hands_in = authority.leaf("hands-in", "mail.sender.example")
    demanding = Site("demanding", "[server]\ntls = offer\ntls-certificate = %s\ntls-key = %s\n"
                     % (hands_in.chain, hands_in.key),
                     resolver="192.0.2.53\ndnssec = off\n" + SETTINGS, address="192.0.2.8").listen()
    page = web.hosts["mta-sts.refresh.example.org"]
    enforced, page.body = page.body, page.body.replace(b"enforce", b"testing")
    before = len(good.messages)
    names = "right", "refresh", "testing", "nothing", "missing"
    with demanding.smtp() as smtp:
        smtp.starttls()
        for name in names:
            smtp.sendmail("alice@sender.example", ["x@" + domain(name)],
                          b"Subject: x\r\n\r\nHello.\r\n", mail_options=["REQUIRETLS"])
    demanding.relay()
    page.body = enforced
    log = demanding.log()
    for name, want in zip(names, (
            r"/verified status=2\.0\.0", r"/verified status=2\.0\.0",
            r"status=5\.7\.10 .*does not allow", r"status=5\.7\.10 .*do not prove",
            r"status=4\.7\.5 .*cannot prove now")):
        check(re.search("to=x@%s .*%s" % (re.escape(domain(name)), want), log), name, log)
    same(len(good.messages), before + 2)
    demanding.stop()


@test("no policy: a web server that does not answer holds no mail up, and is not asked again soon")
def _():
    os.remove("%s/state/sts/%s.txt" % (site.queue, domain("missing")))
    before = hits("missing")
    for _ in range(2):
        check("delivered" in send("missing"), site.log()[-800:])
    same(hits("missing"), before + 1)


@test("with [relay] mta-sts = off, and for a route with its own tls: no policy is obeyed")
def _():
    off = Site("off", "[route plain.example.org]\nvia = mx\ntls = may\n",
               resolver="192.0.2.53\n" + SETTINGS, address="192.0.2.2").listen()
    check("delivered" in send("plain", off), off.log()[-800:])
    off.stop()
    never = Site("never", resolver="192.0.2.53\nmta-sts = off\ntls-ca-file = %s\n" % authority.file,
                 address="192.0.2.3").listen()
    check("delivered" in send("bad", never), never.log()[-800:])
    never.stop()


@test("explain: the policy that is kept, and what it does")
def _():
    text = site.explain("x@right.example.org")
    check(re.search(r"mta-sts +enforce until \S+, id 1: mx.right.example.org", text), text)
    check("(the MTA-STS policy of the domain)" in text, text)
    text = site.explain("x@missing.example.org")
    check(re.search(r"mta-sts +none; the last fetch failed: .*404", text), text)


@test("an old policy is fetched again by --refresh, also without a record; one that has ended goes")
def _():
    path = "%s/state/sts/%%s.txt" % site.queue
    fetch("refresh", code=0)
    with open(path % domain("refresh")) as file:
        text = file.read()
    with open(path % domain("refresh"), "w") as file:
        file.write(re.sub(r"fetched: \S+", "fetched: 2026-01-01T00:00:00Z", text))
    os.utime(path % domain("refresh"), (time.time() + 600, time.time() + 600))
    with open(path % domain("old"), "w") as file:
        file.write(text)
    os.utime(path % domain("old"), (time.time() - 9, time.time() - 9))
    before = hits("refresh")
    out = fetch(options=["--refresh"], code=0)
    check(domain("refresh") + ": enforce" in out, out)
    same((hits("refresh"), kept("old")), (before + 1, None))


@test("a fetch that is killed leaves the policy as it was, and the next one works")
def _():
    before = kept("right")
    web.hosts["mta-sts.right.example.org"].behave = "mute"
    process = subprocess.Popen([BUILD + "/smtp-fetch", "-c", site.config, domain("right")])
    count = hits("right")
    check(wait_for(lambda: hits("right") > count))
    process.send_signal(signal.SIGKILL)
    process.wait()
    same(kept("right"), before)
    web.hosts["mta-sts.right.example.org"].behave = None
    check("enforce" in fetch("right", code=0))


@test("a policy that holds stays in force without its record; a new id is fetched")
def _():
    global nameserver
    for name in ("cached", "changed"):
        fetch(name, code=0)
    nameserver.terminate()
    nameserver.wait()
    changed = "changed MX 10 mx.changed\nmx.changed A 192.0.2.42\n" \
              "mta-sts.changed A 192.0.2.30\n_mta-sts.changed TXT \"v=STSv1; id=2\"\n" \
              "cached MX 10 mx.cached\nmx.cached A 192.0.2.42"
    nameserver = nsd(directory + "/nsd2", zones(changed, leave_out=("cached", "changed")))
    log = send("cached")
    check("(the MTA-STS policy of the domain)" in log, log)
    web.hosts["mta-sts.changed.example.org"].body = b"version: STSv1\nmode: none\nmax_age: 60\n"
    check("delivered" in send("changed"), site.log()[-800:])
    check("id: 2\n" in kept("changed") and "mode: none" in kept("changed"), kept("changed"))


main()
