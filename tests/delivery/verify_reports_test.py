# SPDX-License-Identifier: ISC
"""Aggregate reports of DMARC: what smtp-verify keeps, and the mail that smtp-report makes of it."""
import collections
import email
import gzip
import os
import re
import shutil
import subprocess
import time
import xml.etree.ElementTree

import dkim

from days import DAY, gather, name_of, read_lines, today, within_a_day
from exchangers import Exchanger
from milter_client import MilterClient
from nameservers import nsd
from programs import BUILD, Site, fresh_directory
from tap import check, main, same, test, wait_for
from verifier import Verifier

HERE = os.path.dirname(os.path.abspath(__file__))
NS = "{urn:ietf:params:xml:ns:dmarc-2.0}"
directory = fresh_directory()
os.chmod(directory, 0o755)
findings = directory + "/findings"
os.mkdir(findings)
os.chmod(findings, 0o777)
KEY_TOOL = BUILD + "/smtp-dkim-key"
subprocess.run([KEY_TOOL, "make", "rsa", directory + "/key"], check=True)
LINE = subprocess.run([KEY_TOOL, "record", "s", "x", directory + "/key"], check=True,
                      capture_output=True, text=True).stdout
TEXT = "".join(re.findall(r'"([^"]*)"', LINE))
KEY = subprocess.run(["openssl", "rsa", "-traditional", "-in", directory + "/key"], check=True,
                     capture_output=True).stdout
KEY_RECORD = "s._domainkey TXT " + " ".join(
    '"%s"' % TEXT[i:i + 250] for i in range(0, len(TEXT), 250)).replace(";", "\\;") + "\n"
CONSENT = '%s._report._dmarc TXT "v=DMARC1%s"\n'
POLICIES = {
    "home.example": "p=reject; rua=mailto:dmarc@mx.home.example,mailto:dmarc@mx.home.example",
    "none.example": "p=none; rua=mailto:r@collector.example",
    "forced.example": "p=reject; rua=mailto:victim@victim.example",
    "quiet.example": "p=reject",
    "sizes.example": "p=quarantine; sp=none; rua=mailto:small@sizes.example!1k, "
                     "https://sizes.example/x, mailto:large%21@sizes.example!10m",
    "moved.example": "p=none; t=y; adkim=s; rua=mailto:r@collector.example",
    "wrong.example": "p=none; rua=mailto:r@collector.example",
    "tests.example": "p=reject; t=y; rua=mailto:r@tests.example",
    "slow.example": "p=none; rua=mailto:r@other.example",
    "sender.example": "p=reject; rua=mailto:dmarc@sender.example",
}
ZONES = {name: '@ TXT "v=spf1 ip4:192.0.2.10 ip6:2001:db8::10 -all"\n_dmarc TXT "v=DMARC1\\; %s"\n'
               '%s%s@ MX 1 mx.collector.example.\n'
               % (policy.replace(";", "\\;"), KEY_RECORD,
                  KEY_RECORD.replace("domainkey", "domainkey.sub"))
         for name, policy in POLICIES.items()}
nsd(directory + "/nsd", dict(ZONES, **{
    "example": "", "client.example": "@ A 192.0.2.99\n",
    "victim.example": "@ A 192.0.2.99\n",
    "collector.example": "@ MX 1 mx\nmx A 192.0.2.80\n" + CONSENT % ("none.example", "") +
    CONSENT % ("moved.example", "\\; rua=mailto:other@collector.example") +
    CONSENT % ("wrong.example", "\\; rua=mailto:r@victim.example")}))
OPTIONS = ("-o", "reports.contact=dmarc@sender.example", "-o",
           "reports.dmarc-findings=" + findings, "-o", "reports.organization=Us & <Them>",
           "-o", "dkim sender.example.selector=s", "-o", "dkim sender.example.key=/dev/null")
verifier = Verifier(directory, *OPTIONS, "-o", "verify.dmarc=enforce", "-o",
                    "verify.dmarc-exempt=192.0.2.50")
site = Site("site", """[dkim sender.example]
selector = s
key = %s/key
[reports]
contact = dmarc@sender.example
organization = Us & <Them>
dmarc-findings = %s
""" % (directory, findings), hostname="mx.sender.example").listen()
COUNTS = collections.Counter()          # what the reports must say


def send(policy, author, source, sender, action, reason=None, signer=None, forged=False, more=b"",
         times=1):
    """Check a message, and count what is to be reported."""
    text = more + b"From: <x@%s>\r\n\r\nHello.\r\n" % author.encode()
    if signer:
        text = dkim.sign(text, b"s", signer.encode(), KEY) + text
    if forged:
        text += b"more\r\n"
    client = MilterClient(verifier.path)
    client.connect(source)
    for _ in range(times):
        client.message(text, sender)
    client.close()
    domain = sender.partition("@")[2]
    proof = domain in (author, policy) and source in ("192.0.2.10", "2001:db8::10")
    spf = ("pass" if source in ("192.0.2.10", "2001:db8::10") else "fail") \
        if domain in POLICIES else "none"
    if policy:
        COUNTS[policy, author, source, action, reason,
               "pass" if signer and not forged and policy in signer else "fail",
               "pass" if proof else "fail", domain or "client.example", domain, spf,
               (signer, "fail" if forged else "pass") if signer else None] += times


def make_sessions():
    send("home.example", "home.example", "192.0.2.10", "a@home.example", "pass", times=3)
    send("home.example", "home.example", "2001:db8::10", "a@home.example", "pass")
    send("home.example", "sub.home.example", "192.0.2.66", "a@quiet.example", "pass",
         signer="sub.home.example", times=2)
    send("home.example", "home.example", "192.0.2.66", "a@home.example", "reject", times=5)
    send("home.example", "home.example", "192.0.2.66", "", "reject", signer="home.example",
         forged=True)
    send("home.example", "home.example", "192.0.2.50", "a@client.example", "none",
         "trusted_forwarder")
    send("none.example", "none.example", "192.0.2.66", "a@quiet.example", "none", times=2)
    send("none.example", "none.example", "192.0.2.10", "a@none.example", "none")
    send("sizes.example", "sizes.example", "192.0.2.66", "a@quiet.example", "none",
         "local_policy")
    send("moved.example", "moved.example", "192.0.2.66", "a@quiet.example", "none")
    send("tests.example", "tests.example", "192.0.2.66", "a@quiet.example", "none",
         "policy_test_mode")
    for policy in "forced.example", "wrong.example", "slow.example":
        send(None, policy, "192.0.2.66", "a@quiet.example", "none")
    # No reports: no rua, no policy, several authors, and reports of others.
    send(None, "quiet.example", "192.0.2.66", "a@quiet.example", "reject")
    send(None, "client.example", "192.0.2.66", "a@client.example", "none")
    send(None, "home.example", "192.0.2.10", "a@home.example", "none",
         more=b"From: <y@none.example>\r\n")
    send(None, "home.example", "192.0.2.10", "a@home.example", "none",
         more=b"Subject: Report Domain: sender.example\r\n Submitter: mx.home.example\r\n"
              b" Report-ID: <1@mx.home.example>\r\n")


def yesterday():
    """Let what was found so far be of yesterday; the time of its midnight."""
    day = today() - 1
    gather(findings, day)
    return day * DAY, name_of(day)


def report(*options, code=0):
    done = subprocess.run([BUILD + "/smtp-report", "-c", site.config, *options],
                          capture_output=True, text=True, timeout=60)
    same(done.returncode, code, done)
    return done.stdout + done.stderr


def content(path):
    with open(path, "rb") as file:
        return file.read().split(b"\n\n", 1)[1]


def read(message):
    """The parts of a letter: fields, and the report as XML; it must be valid."""
    m = email.message_from_bytes(message)
    text, file = m.get_payload()
    same((m.get_content_type(), text.get_content_type(), file.get_content_type()),
         ("multipart/mixed", "text/plain", "application/gzip"))
    xml_text = gzip.decompress(file.get_payload(decode=True))
    done = subprocess.run(["xmllint", "--noout", "--schema", HERE + "/../lib/feedback.xsd", "-"],
                          input=xml_text, capture_output=True)
    same(done.returncode, 0, (done.stderr, xml_text))
    return m, file.get_filename(), xml.etree.ElementTree.fromstring(xml_text)


def text_of(node, path):
    found = node.find("/".join(NS + step for step in path.split("/")))
    return None if found is None else found.text or ""


def count(root, counts):
    for r in root.findall(NS + "record"):
        signature = r.find(NS + "auth_results/" + NS + "dkim")
        key = (text_of(root, "policy_published/domain"), text_of(r, "identifiers/header_from"),
               text_of(r, "row/source_ip"), text_of(r, "row/policy_evaluated/disposition"),
               text_of(r, "row/policy_evaluated/reason/type"),
               text_of(r, "row/policy_evaluated/dkim"), text_of(r, "row/policy_evaluated/spf"),
               text_of(r, "auth_results/spf/domain"), text_of(r, "identifiers/envelope_from"),
               text_of(r, "auth_results/spf/result"), None if signature is None else
               (text_of(signature, "domain"), text_of(signature, "result")))
        counts[key] += int(text_of(r, "row/count"))


@test("the results of domains with rua= are kept, a line a message; nothing about reports")
def _():
    make_sessions()
    check(wait_for(lambda: len(read_lines(findings)) >= sum(COUNTS.values()) + 3, 10),
          read_lines(findings))
    lines = [line.rstrip("\n") for line in read_lines(findings)]
    same(len(lines), sum(COUNTS.values()) + 3, lines)
    check(re.match(r"\S+Z 192\.0\.2\.10 policy=home\.example author=home\.example action=pass "
                   r"reason=none dkim=fail spf=pass mfrom=home\.example/pass$", lines[0]), lines[0])
    same({os.stat(findings + "/" + name).st_mode & 0o777 for name in os.listdir(findings)}, {0o640})


@test("nothing is reported about a day that is not over")
def _():
    def undo():
        for path in site.queued("new"):
            os.unlink(path)
        shutil.rmtree(site.queue + "/state/reports")
    same(within_a_day(findings, lambda: (report(), site.queued("new")), undo), ("", []))


PERIOD = []


@test("--list shows the reports of a day, and queues nothing")
def _():
    PERIOD.extend(yesterday())
    out = report("--list")
    same(site.queued("new"), [])
    check("%s home.example: 13 messages, for dmarc@mx.home.example\n" % PERIOD[1] in out, out)
    same(out.count("home.example:"), 1, out)
    check("forced.example: no place for its reports has agreed" in out, out)
    check("wrong.example: no place for its reports has agreed" in out, out)


@test("a report for each domain: its counts are those of the sessions, its XML is valid")
def _():
    with open(findings + "/" + PERIOD[1], "a") as file:
        file.write("garbage\n" + "x" * 9000 + "\n\n")
    out = report()
    check("3 lines cannot be read" in out, out)
    check(re.search(r"sizes\.example: the report has \d+ octets, too many for small@", out), out)
    begin = PERIOD[0]
    counts, places, domains = collections.Counter(), set(), set()
    for path in site.queued("new"):
        with open(path, "rb") as file:
            envelope = file.read().split(b"\n\n", 1)[0]
        check(b"\nfrom: <dmarc@sender.example>" in envelope and b"NOTIFY=NEVER" in envelope,
              envelope)
        m, name, root = read(content(path))
        domain = text_of(root, "policy_published/domain")
        domains.add(domain)
        places.add((domain, m["To"]))
        count(root, counts)
        report_id = text_of(root, "report_metadata/report_id")
        same(" ".join(m["Subject"].split()),
             "Report Domain: %s Submitter: mx.sender.example Report-ID: <%s>" % (domain, report_id))
        same(name, "mx.sender.example!%s!%d!%d.xml.gz" % (domain, begin, begin + 86399))
        same([text_of(root, "report_metadata/" + x) for x in
              ("org_name", "email", "date_range/begin", "date_range/end")],
             ["Us & <Them>", "dmarc@sender.example", str(begin), str(begin + 86399)])
        same((m["From"], m["Auto-Submitted"]), ("<dmarc@sender.example>", "auto-generated"))
    same(counts - COUNTS, COUNTS - counts)
    same(places, {("home.example", "<dmarc@mx.home.example>"),
                  ("none.example", "<r@collector.example>"),
                  ("sizes.example", "<large!@sizes.example>"),
                  ("moved.example", "<other@collector.example>"),
                  ("tests.example", "<r@tests.example>")})


@test("the policy in a report is the one that the domain has published")
def _():
    found = {}
    for path in site.queued("new"):
        root = read(content(path))[2]
        found[text_of(root, "policy_published/domain")] = [
            text_of(root, "policy_published/" + x)
            for x in ("p", "sp", "np", "adkim", "aspf", "testing")]
    same(found, {"home.example": ["reject", "reject", "reject", "r", "r", "n"],
                 "none.example": ["none", "none", "none", "r", "r", "n"],
                 "sizes.example": ["quarantine", "none", "none", "r", "r", "n"],
                 "moved.example": ["none", "none", "none", "s", "r", "y"],
                 "tests.example": ["reject", "reject", "reject", "r", "r", "y"]})


@test("another run makes no report again")
def _():
    before = site.queued("new")
    report()
    same(site.queued("new"), before)


@test("the reports go out with a signature of DKIM, in alignment with DMARC")
def _():
    server = Exchanger("192.0.2.80")
    site.relay()
    check(len(server.messages) >= 4, site.log()[-2000:])
    for message in server.messages:
        check(dkim.verify(message.content, dnsfunc=lambda name, timeout=5: TEXT.encode()),
              message.content[:2000])
        check(b"d=sender.example;" in message.content.replace(b"\r\n\t", b" "),
              message.content[:900])
    sent = server.messages[0].content
    server.stop()
    client = MilterClient(verifier.path)
    client.connect("192.0.2.66")
    lines = os.listdir(findings)
    answer = client.message(sent, "dmarc@sender.example")
    client.close()
    check(answer.result("dmarc")[0].startswith("dmarc=pass"), answer.results)
    time.sleep(0.1)
    same(os.listdir(findings), lines, "a report about a report")


def forget_sent():
    for name in os.listdir(site.queue + "/state/reports"):
        os.unlink(site.queue + "/state/reports/" + name)


@test("without answers of the DNS nothing is lost: a later run makes the report")
def _():
    forget_sent()
    hole = ("-o", "relay.resolver=127.0.0.9@9")
    out = report(*hole)
    check("home.example: the DNS has no answer; a later run" in out, out)
    same(site.queued("new"), [])
    report()
    same(len(site.queued("new")), 5)


def found(policy, more=""):
    """A line of smtp-verify."""
    return "%sT01:02:03Z 192.0.2.66 policy=%s author=%s action=none reason=none dkim=fail " \
           "spf=fail%s\n" % (PERIOD[1], policy, policy, more)


@test("domains of strangers whose name servers are silent do not end a run")
def _():
    forget_sent()
    before = len(site.queued("new"))
    with open(findings + "/" + PERIOD[1], "a") as file:
        file.write("".join(found("a%d.unserved" % i) for i in range(12)))
    out = report()
    same(out.count(".unserved: the DNS has no answer"), 12, out)
    same(len(site.queued("new")), before + 5, out)


@test("a report that is too large does not end a run")
def _():
    forget_sent()
    before = len(site.queued("new"))
    letters = bytes(b"abcdefghijklmnopqrstuvwxyz012345"[i % 32] for i in range(256))
    line = found("home.example", "%s")
    with open(findings + "/" + PERIOD[1], "a") as file:
        for _ in range(5200):
            words = os.urandom(5760).translate(letters).decode()
            file.write(line % "".join(" s.example/%s/pass" % words[i:i + 720]
                                      for i in range(0, len(words), 720)))
    out = report()
    check("%s home.example: the report is too large\n" % PERIOD[1] in out, out)
    same(len(site.queued("new")), before + 4, out)


@test("a folder of links and FIFOs does not stop a run")
def _():
    path = findings + "/" + PERIOD[1]
    os.unlink(path)
    os.symlink("/etc/passwd", path)
    check("Too many levels of symbolic links" in report(code=75))
    os.unlink(path)
    os.mkfifo(path)
    report()


@test("the doctor finds messages of which no reports are made")
def _():
    def verdict():
        done = subprocess.run([BUILD + "/smtp-queue", "-c", site.config, "--json", "doctor"],
                              capture_output=True, text=True, timeout=60)
        return [line for line in done.stdout.splitlines() if '"reports"' in line]
    for name in os.listdir(findings):
        os.unlink(findings + "/" + name)
    check("made in time" in str(verdict()), verdict())
    # Two days ago, or three if a day has ended meanwhile: the doctor looks at both.
    with open(findings + "/" + name_of(PERIOD[0] // DAY - 1), "w"):
        pass
    out, = verdict()
    check("warning" in out and "messages are recorded in %s, and no reports" % findings in out, out)
    report()
    check("made in time" in str(verdict()), verdict())


@test("without a contact nothing is kept, and nothing is sent")
def _():
    check("so no reports are sent" in subprocess.run(
        [BUILD + "/smtp-report", "-c", "/dev/null"], capture_output=True, text=True).stdout)


main()
verifier.stop()
site.stop()
