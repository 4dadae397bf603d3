# SPDX-License-Identifier: ISC
"""Reports about TLS (RFC 8460): what a run records, and what the domains get of it."""
import email
import gzip
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import dkim

from certificates import Authority, tlsa
from days import DAY, gather, name_of, today, within_a_day
from programs import BUILD, TRACED, Site, fresh_directory
from signed_zones import SignedZones
from tap import check, main, same, test
from tls_exchangers import TlsExchanger
from web import Page, Web

directory = fresh_directory()
authority = Authority(directory + "/ca")
stranger = Authority(directory + "/stranger", "another authority")
own = authority.leaf("own", "nobody.example", signed=False)
KEY_TOOL = BUILD + "/smtp-dkim-key"
subprocess.run([KEY_TOOL, "make", "rsa", directory + "/key"], check=True)
KEY_RECORD = "".join(re.findall(r'"([^"]*)"', subprocess.run(
    [KEY_TOOL, "record", "s", "x", directory + "/key"], check=True, capture_output=True,
    text=True).stdout))
PLAIN = ".plain.lab"
TLS, CLEAR, GARBAGE = "192.0.2.20", "192.0.2.21", "192.0.2.22"
web = Web("192.0.2.30")
RECORD = '_smtp._tls.%s TXT "v=TLSRPTv1\\; rua=%s"\n'
MAIL = "mailto:tls@collector.plain.lab"
URL = "https://reports.plain.lab/v1/tls?x=1"


class Case:
    """Mail for a domain: the policy and the results that a report must have, {result: sessions}.

    sts         the policy that is kept: a mode and an exchanger
    page        in place of that, the page of the domain's web server
    """
    number = 39

    def __init__(self, policy, results, address=None, leaf=None, records="", sts=None, page=None,
                 rua=MAIL, delivered=True):
        self.policy, self.results, self.delivered = policy, results, delivered
        self.address, self.leaf, self.records = address, leaf, records
        self.sts, self.page, self.rua = sts, page, rua
        if leaf:
            Case.number += 1
            self.address = "192.0.2.%d" % Case.number


def named(signer, name, domain, **how):
    return signer.leaf("%s-%s" % (name, domain), name, **how)


OK, NO_TLS = "success", "starttls-not-supported"
S = PLAIN
CASES = {
    "good" + S: Case("no-policy-found", {OK: 2}, TLS, rua=MAIL + "," + URL),
    "clear" + S: Case("no-policy-found", {NO_TLS: 1}, CLEAR),
    "garbage" + S: Case("no-policy-found", {"validation-failure": 1}, GARBAGE, delivered=False),
    "dane.lab": Case("tlsa", {OK: 1}, TLS, records="_25._tcp.mx.dane TLSA " + tlsa(own.chain)),
    "wrong.lab": Case("tlsa", {"tlsa-invalid": 1}, TLS, delivered=False,
                      records="_25._tcp.mx.wrong TLSA " + tlsa(authority.file)),
    "unusable.lab": Case("tlsa", {"tlsa-invalid": 1}, TLS,
                         records="_25._tcp.mx.unusable TLSA " + tlsa(own.chain, 1)),
    "dane-clear.lab": Case("tlsa", {NO_TLS: 1}, CLEAR, delivered=False,
                           records="_25._tcp.mx.dane-clear TLSA " + tlsa(own.chain)),
    "bogus.lab": Case("tlsa", {"dnssec-invalid": 1}, TLS, delivered=False,
                      records="_25._tcp.mx.bogus TLSA " + tlsa(own.chain)),
    "sts" + S: Case("sts", {OK: 1}, leaf=named(authority, "mx.sts" + S, "a"),
                    sts=("enforce", "*.sts" + S)),
    "name" + S: Case("sts", {"certificate-host-mismatch": 1}, delivered=False,
                     leaf=named(authority, "mx.other" + S, "b"), sts=("enforce", "mx.name" + S)),
    "expired" + S: Case("sts", {"certificate-expired": 1}, delivered=False,
                        leaf=named(authority, "mx.expired" + S, "c", days=-1),
                        sts=("enforce", "mx.expired" + S)),
    "foreign" + S: Case("sts", {"certificate-not-trusted": 1}, delivered=False,
                        leaf=named(stranger, "mx.foreign" + S, "d"),
                        sts=("enforce", "mx.foreign" + S)),
    "sts-clear" + S: Case("sts", {NO_TLS: 1}, CLEAR, sts=("enforce", "mx.sts-clear" + S),
                          delivered=False),
    "unlisted" + S: Case("sts", {"validation-failure": 1}, TLS, sts=("enforce", "mx.other" + S),
                         delivered=False),
    "trial" + S: Case("sts", {"certificate-host-mismatch": 1}, sts=("testing", "mx.trial" + S),
                      leaf=named(authority, "mx.other" + S, "e")),
    "trial-good" + S: Case("sts", {OK: 1}, leaf=named(authority, "mx.trial-good" + S, "f"),
                           sts=("testing", "mx.trial-good" + S)),
    "trial-unlisted" + S: Case("sts", {"validation-failure": 1}, TLS,
                               sts=("testing", "mx.other" + S)),
    "missing" + S: Case("sts", {"sts-policy-fetch-error": 1}, TLS,
                        page=Page(named(authority, "mta-sts.missing" + S, "g").context(),
                                  status="404 Not Found")),
    "text" + S: Case("sts", {"sts-policy-invalid": 1}, TLS,
                     page=Page(named(authority, "mta-sts.text" + S, "h").context(), b"Hello.\n")),
    "webpki" + S: Case("sts", {"sts-webpki-invalid": 1}, TLS,
                       page=Page(named(stranger, "mta-sts.webpki" + S, "i").context(), b"x")),
    "silent" + S: Case("no-policy-found", {OK: 1}, TLS, rua=None),
    "two" + S: Case("no-policy-found", {OK: 1}, TLS, rua=MAIL + "|" + URL),
}
web.hosts["reports.plain.lab"] = Page(named(authority, "reports.plain.lab", "r").context(),
                                      status="201 Created")


def zone_text(domain, case):
    name = domain.partition(".")[0]
    text = "%s MX 10 mx.%s\nmx.%s A %s\n%s\n" % (name, name, name, case.address, case.records)
    for rua in case.rua.split("|") if case.rua else ():
        text += RECORD % (name, rua)
    if case.page:
        text += '_mta-sts.%s TXT "v=STSv1\\; id=1"\nmta-sts.%s A 192.0.2.30\n' % (name, name)
    return text


def damage(text):
    return re.sub(r"(?m)^(_25._tcp.mx.bogus.lab.\s+60\s+IN\s+TLSA\s+3 1 1 )[0-9a-f]{4}",
                  r"\g<1>0000", text)


zones = SignedZones(directory + "/zones")
texts = {"lab": "", "plain.lab": "reports A 192.0.2.30\ncollector MX 10 mx.collector\n"
                                 "mx.collector A 192.0.2.90\n"}
for the_domain, the_case in CASES.items():
    texts[the_domain.partition(".")[2]] += zone_text(the_domain, the_case)
zones.add("lab", texts["lab"], spoil=damage)
zones.add("plain.lab", texts["plain.lab"], signed=False)
zones.serve()
exchangers = {TLS: TlsExchanger(TLS, own.context()), CLEAR: TlsExchanger(CLEAR),
              GARBAGE: TlsExchanger(GARBAGE, own.context(), fault="garbage")}
for the_domain, the_case in CASES.items():
    if the_case.leaf:
        exchangers[the_case.address] = TlsExchanger(the_case.address, the_case.leaf.context())
    if the_case.page:
        web.hosts["mta-sts." + the_domain] = the_case.page
collector = TlsExchanger("192.0.2.90")
SETTINGS = """[dkim sender.example]
selector = s
key = %s/key
[reports]
contact = tls@sender.example
organization = Us "and" them
[relay]
dnssec-anchor = %s
tls-ca-file = %s
""" % (directory, zones.anchor, authority.file)
site = Site("site", SETTINGS, hostname="mx.sender.example").listen()
SESSIONS = site.queue + "/state/sessions"


def keep_policy(where, domain, mode, mx):
    folder = where.queue + "/state/sts"
    os.makedirs(folder, 0o700, exist_ok=True)
    when = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + s)) for s in (-60, 3600)]
    with open("%s/%s.txt" % (folder, domain), "w") as file:
        file.write("id: 1\nfetched: %s\nexpires: %s\n\nversion: STSv1\r\nmode: %s\r\nmx: %s\r\n"
                   "max_age: 604800\r\n" % (*when, mode, mx))


def lines(domain=None):
    found = []
    for name in os.listdir(SESSIONS):
        with open(SESSIONS + "/" + name) as file:
            found += [line for line in file.read().splitlines()
                      if not domain or " %s " % domain in line]
    return found


def tool(name, *options, where=site, code=0):
    done = subprocess.run([BUILD + "/" + name, "-c", where.config, *options],
                          capture_output=True, text=True, timeout=60)
    same((done.returncode, done.stderr), (code, ""), done.stdout)
    return done.stdout


def letters():
    found = []
    for path in site.queued("new"):
        with open(path, "rb") as file:
            head, content = file.read().split(b"\n\n", 1)
        if b"\nprotocol: report\n" in head:
            found.append((head, content))
    return found


def decode(content):
    m = email.message_from_bytes(content)
    _, file = m.get_payload()
    return m, file, json.loads(gzip.decompress(file.get_payload(decode=True)))


PERIOD = []


@test("each session towards an exchanger is a line that less(1) shows")
def _():
    for domain, case in CASES.items():
        if case.sts:
            keep_policy(site, domain, *case.sts)
    for domain in CASES:
        site.send("bob@" + domain)
    site.relay()
    site.send("bob@good" + S)
    site.relay()
    log = site.log()
    for domain, case in CASES.items():
        found = [re.split(r"[ \t]", line) for line in lines(domain)]
        same({word: sum(f[3] == word for f in found) for word in {f[3] for f in found}},
             case.results, (domain, found, log[-3000:]))
        same({f[2] for f in found}, {case.policy}, domain)
        same("delivered id" in log and bool(re.search(
            r"delivered id=\S+ to=bob@%s " % re.escape(domain), log)), case.delivered, domain)
    same(os.stat(SESSIONS).st_mode & 0o777, 0o700)
    with open(site.queue + "/state/learned") as file:
        check("mx.sts" + S in file.read(), "hosts with good certificates are kept beside")
    line = lines("dane.lab")[0]
    check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ dane\.lab tlsa success mx\.dane\.lab "
                       r"192\.0\.2\.\d+ 192\.0\.2\.20\t3 1 1 [0-9A-F]{64}\|\t", line), line)


@test("a message with TLS-Required: No obeys no policy, and says nothing about one")
def _():
    before = len(lines())
    site.send("x@wrong.lab", b"Subject: x\r\nTLS-Required: No\r\n\r\nHello.\r\n")
    had = len(exchangers[TLS].messages)
    site.relay()
    same((len(exchangers[TLS].messages), len(lines())), (had + 1, before))


@test("nothing is reported about a day that is not over")
def _():
    def undo():
        for path in site.queued("new"):
            os.unlink(path)
        shutil.rmtree(site.queue + "/state/reports")
    same(within_a_day(SESSIONS, lambda: (tool("smtp-report"), letters()), undo), ("", []))
    yesterday = today() - 1
    gather(SESSIONS, yesterday)
    PERIOD.extend([yesterday * DAY, name_of(yesterday)])


@test("--list shows the reports of a day")
def _():
    out = tool("smtp-report", "--list")
    check("%s good%s: 2 sessions, for %s\n" % (PERIOD[1], S, URL) in out, out)
    check("silent" not in out and "two" not in out, out)
    check("gets no report" not in out, out)
    same(letters(), [])


@test("many domains of a stranger do not flood a host that has not agreed")
def _():
    zones.zones["plain.lab"].text += RECORD.replace("_smtp._tls.", "") % (
        "*.many", "mailto:a@Victim.example," + URL)
    zones.serve()
    path = SESSIONS + "/" + PERIOD[1]
    with open(path) as file:
        kept = file.read()
    with open(path, "w") as file:
        file.write("".join("%sT01:02:03Z d%d.many.plain.lab no-policy-found success mx.lab "
                           "192.0.2.1 192.0.2.2\t\t\n" % (PERIOD[1], i) for i in range(1010)))
    out = tool("smtp-report", "--list")
    with open(path, "w") as file:
        file.write(kept)
    for place, host in ("a@Victim.example", "Victim.example"), (URL, "reports.plain.lab"):
        same((out.count("for %s\n" % place), out.count(": %s gets no report: it has 1000 about "
              "that day" % host)), (1000, 10), out[-2000:])


def compare(domain, report):
    """A report has what the sessions of its domain were."""
    case = CASES[domain]
    same((report["organization-name"], report["contact-info"], report["report-id"]),
         ('Us "and" them', "tls@sender.example",
          "%s.%s.tls@mx.sender.example" % (PERIOD[1], domain)))
    same(report["date-range"], {"start-datetime": PERIOD[1] + "T00:00:00Z",
                                "end-datetime": PERIOD[1] + "T23:59:59Z"})
    one, = report["policies"]
    failed = {f["result-type"]: f["failed-session-count"] for f in one.get("failure-details", ())}
    summary = one["summary"]
    same(dict(failed, **{OK: summary["total-successful-session-count"]}),
         dict({OK: 0}, **case.results), report)
    same(summary["total-failure-session-count"], sum(failed.values()))
    policy = one["policy"]
    same((policy["policy-type"], policy["policy-domain"]), (case.policy, domain))
    if case.sts:
        mode, mx = case.sts
        same(policy["policy-string"],
             ["version: STSv1", "mode: " + mode, "mx: " + mx, "max_age: 604800"])
        same(policy["mx-host"], [mx])
    elif case.policy == "tlsa" and domain != "bogus.lab":
        same([text.lower() for text in policy["policy-string"]],
             [case.records.partition(" TLSA ")[2]])
    else:
        check("mx-host" not in policy and "policy-string" not in policy, policy)
    for failure in one.get("failure-details", ()):
        same(failure["receiving-mx-hostname"], "mx." + domain)
        if domain not in ("bogus.lab", "unlisted" + S):
            same(failure["receiving-ip"], case.address)
            check(failure["sending-mta-ip"].startswith("192.0.2."), failure)


@test("a domain that asks for it gets one report, whose counts are those of its sessions")
def _():
    with open(SESSIONS + "/" + PERIOD[1], "a") as file:
        file.write("garbage\n")
    done = subprocess.run([BUILD + "/smtp-report", "-c", site.config], capture_output=True,
                          text=True, timeout=60)
    same((done.returncode, done.stderr),
         (0, "smtp-report: state/sessions/%s: 1 lines cannot be read\n" % PERIOD[1]))
    with open(SESSIONS + "/" + PERIOD[1], "r+") as file:
        file.truncate(os.path.getsize(file.name) - len("garbage\n"))
    domains = []
    for head, content in letters():
        check(b"\nfrom: <tls@sender.example>" in head and b"NOTIFY=NEVER" in head, head)
        m, file, report = decode(content)
        domain = m["TLS-Report-Domain"]
        domains.append(domain)
        same((m.get_content_type(), m.get_param("report-type"), file.get_content_type()),
             ("multipart/report", "tlsrpt", "application/tlsrpt+gzip"))
        same((m["TLS-Report-Submitter"], m["TLS-Required"], m["To"], m["From"]),
             ("mx.sender.example", "No", "<tls@collector.plain.lab>", "<tls@sender.example>"))
        same(" ".join(m["Subject"].split()), "Report Domain: %s Submitter: mx.sender.example "
             "Report-ID: <%s>" % (domain, report["report-id"]))
        same(file.get_filename(), "mx.sender.example!%s!%d!%d.json.gz"
             % (domain, PERIOD[0], PERIOD[0] + 86399))
        compare(domain, report)
    same(sorted(domains), sorted(d for d, c in CASES.items() if c.rua and "|" not in c.rua))
    same(tool("smtp-report"), "", "another run makes no report again")


def waiting():
    return sorted(n for n in os.listdir(site.queue + "/state/reports") if n.startswith("post-"))


@test("a web server gets the same report, and after a failure it gets it later")
def _():
    name, = waiting()
    page = web.hosts["reports.plain.lab"]
    for status, reason in (("503 Busy", "status 503"), ("302 Found", "status 302, a redirection")):
        page.status, page.headers = status, ["Location: https://reports.plain.lab/other"]
        out = tool("smtp-fetch", "--post")
        check("https://reports.plain.lab replied with %s" % reason in out
              and "a later run tries again" in out, out)
        same(waiting(), [name])
    page.status, page.headers = "201 Created", []
    out = tool("smtp-fetch", "--refresh", "--post")
    check(name + ": https://reports.plain.lab has taken it\n" in out, out)
    same((waiting(), len(web.posts)), ([], 3))
    where, head, body = web.posts[-1]
    same(where, "reports.plain.lab/v1/tls?x=1")
    check(re.search(r"(?im)^content-type: application/tlsrpt\+gzip\r$", head), head)
    compare("good" + S, json.loads(gzip.decompress(body)))
    tool("smtp-fetch", "--post")
    same(len(web.posts), 3)


def post_file(url, until_s, name="post-x"):
    path = site.queue + "/state/reports/" + name
    with open(path, "wb") as file:
        file.write(b"url: %s\ntype: application/tlsrpt+gzip\nuntil: %s\n\nx" % (
            url.encode(), time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until_s)).encode()))


@test("no post goes to a private address, or to a server without the right certificate")
def _():
    had = len(web.posts)
    zones.zones["plain.lab"].text += "inside A 10.0.0.1\nother A 192.0.2.30\n"
    zones.serve()
    later = time.time() + 1000
    for url, reason in (("https://inside.plain.lab/x", "only addresses of private networks"),
                        ("https://other.plain.lab/x", "SSL|certificate|mismatch"),
                        ("https://nobody.plain.lab/x", "has no address")):
        post_file(url, later)
        out = tool("smtp-fetch", "--post", "--timeout", "3")
        check(re.search(reason, out), out)
    same((waiting(), len(web.posts)), (["post-x"], had))


@test("a server that does not reply costs its time once in a run")
def _():
    zones.zones["plain.lab"].text += "mute A 192.0.2.31\n"
    zones.serve()
    with socket.create_server(("192.0.2.31", 443)):
        for name in "post-x", "post-y":
            post_file("https://mute.plain.lab/" + name, time.time() + 1000, name)
        out = tool("smtp-fetch", "--post", "--timeout", "1")
    same((out.count("a later run tries again"), out.count("has not replied to another report")),
         (2, 1), out)
    os.unlink(site.queue + "/state/reports/post-y")


@test("a post that fails for a day is given up, and so is one that is damaged")
def _():
    post_file("https://nobody.plain.lab/x", time.time() - 1)
    check("its time is over, and it is removed" in tool("smtp-fetch", "--post"))
    same(waiting(), [])
    post_file("http://reports.plain.lab/x", time.time() + 99)
    check("it is damaged" in tool("smtp-fetch", "--post"))
    same(waiting(), [])


@test("reports are signed, go out although TLS fails there, and cause no report")
def _():
    keep_policy(site, "collector" + S, "enforce", "mx.elsewhere.lab")
    before = os.listdir(SESSIONS)
    wanted = len(letters())
    site.relay()
    same([len(collector.messages), letters()], [wanted, []], site.log()[-2000:])
    for message in collector.messages:
        check(dkim.verify(message.content, dnsfunc=lambda name, timeout=5: KEY_RECORD.encode()),
              message.content[:2000])
        check(b"d=sender.example;" in message.content.replace(b"\r\n\t", b" "))
    same(os.listdir(SESSIONS), before)
    same([line for line in lines() if "collector" in line], [])


@test("a kill at any step loses no report, and repeats at most one")
def _():
    with open(SESSIONS + "/" + PERIOD[1]) as file:
        good = [line for line in file if " good" + S + " " in line]
    sent = "%s/state/reports/tls-%s" % (site.queue, PERIOD[1])
    with open(SESSIONS + "/" + PERIOD[1], "w") as file:
        file.write("".join(good))
    steps = {}
    for call in ("fsync", "renameat", "renameat2", "write"):
        for step in range(1, 40):
            had = set(site.queued("new"))
            os.unlink(sent)
            done = subprocess.run(
                ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + call, "-e",
                 "inject=%s:signal=SIGKILL:when=%d" % (call, step),
                 BUILD + "/smtp-report", "-c", site.config], capture_output=True, timeout=60,
                env=TRACED)
            tool("smtp-report")
            made = len(set(site.queued("new")) - had) + len(waiting())
            check(2 <= made <= 3, (call, step, made))
            for name in waiting():
                os.unlink(site.queue + "/state/reports/" + name)
            if done.returncode == 0:
                break
            same(done.returncode, -signal.SIGKILL)
            steps[call] = step
    # Two fsyncs of each file, and one of each of three notes.
    check(steps.get("fsync", 0) >= 6 and len(steps) >= 3, steps)


@test("a report that cannot be delivered is tried for a day, and nobody gets a notice")
def _():
    check(site.queued("new"))
    for i in range(5):
        site.relay("--flush", "-o", "relay.port=9", "-o", "relay.dnssec=off")
        if i == 0:              # also what a killed run has left in tmp/ is there now
            site.age(25 * 3600)
    for path in site.queued():
        with open(path, "rb") as file:
            check(b"\nprotocol: report\n" not in file.read(400), path)
    same(site.queued("dead"), [])
    check("gave up after 24 hours in the queue" in site.log())


@test("the doctor finds sessions of which no reports are made")
def _():
    def finding():
        done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "--json", "doctor"],
                              capture_output=True, text=True, timeout=60)
        return [json.loads(line) for line in done.stdout.splitlines() if '"reports"' in line]
    # Two days ago, or three if a day has ended meanwhile: the doctor looks at both.
    day = name_of(PERIOD[0] // DAY - 1)
    check("made in time" in str(finding()), finding())
    with open(SESSIONS + "/" + day, "w") as file:
        file.write("")
    found = str(finding())
    check("warning" in found and "no reports are made" in found and
          "systemctl enable --now smtp-report.timer" in found, found)
    tool("smtp-report")
    check("made in time" in str(finding()), finding())


@test("without [reports] contact nothing is recorded")
def _():
    quiet = Site("quiet", "[relay]\ndnssec = off\n", address="192.0.2.2").listen()
    quiet.send("bob@good" + S)
    quiet.relay()
    check("delivered" in quiet.log() and not os.path.exists(quiet.queue + "/state/sessions"))
    quiet.stop()


main(site.keep_queue_note)
