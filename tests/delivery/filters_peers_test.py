# SPDX-License-Identifier: ISC
"""Filters of other projects: the same message through Postfix and through smtp-handler gets the
same reply, and is the same, octet for octet.  clamav-milter and opendkim have the settings of the
guide.  It needs root; rspamd and SpamAssassin are in tests/filters/."""
import os
import re
import subprocess

import dkim

from both_servers import (EICAR, HERE, HOST, LARGE, SOCKET, Both, Program, clamd, message,
                          name_server)
from fake_milter import (CONTINUE, DISCARD, REJECT, SHUTDOWN, TEMPFAIL, FakeMilter, add, reply,
                         text)
from programs import BUILD, fresh_directory, peer_environment
from tap import check, main, same, test, wait_for
from typed import prepare_etc, type_chapter

directory = fresh_directory()
prepare_etc()
KEY_TOOL = BUILD + "/smtp-dkim-key"
subprocess.run([KEY_TOOL, "make", "rsa", directory + "/key"], check=True)
RECORD = re.findall('"[^"]*"', subprocess.run(
    [KEY_TOOL, "record", "s", "x", directory + "/key"], check=True, capture_output=True,
    text=True).stdout)
KEY = subprocess.run(["openssl", "rsa", "-traditional", "-in", directory + "/key"], check=True,
                     capture_output=True).stdout
name_server(directory, "s._domainkey.signed TXT %s\n" % " ".join(RECORD).replace(";", "\\;"))
both = Both()


def at(socket):
    """Both servers find the filter there."""
    if os.path.lexists(SOCKET):
        os.unlink(SOCKET)
    os.symlink(socket, SOCKET)


@test("macros and steps are those of Postfix")
def _():
    seen = []
    filter = FakeMilter(SOCKET)
    for through in both.through_postfix, both.through_us:
        del filter.seen[:]
        through(message())
        check(wait_for(lambda: "Q" in filter.commands(), 10), filter.seen)
        macros, steps = {}, []
        for command, data in filter.seen:
            if command == "D":
                macros.update(data)
            elif command not in "OAQ":
                steps.append((command, re.sub(rb"(?s)\0(.)..", rb"\0\1", data, count=1)
                              if command == "C" else      # without the port of the client
                              data.split(b"\0")[0] if command == "M" else data))
        # A client that only looks whether Postfix listens comes from another address.
        seen.append((macros, [s for s in steps if s[0] != "C" or b"192.0.2.10" in s[1]]))
    filter.close()
    (theirs, their_steps), (ours, our_steps) = seen
    same(our_steps, their_steps)
    # These have no value here, or one of their own.
    own = {b"i", b"v", b"step", "step"}
    same(set(theirs) - set(ours), {b"{daemon_addr}", b"{mail_mailer}", b"{rcpt_mailer}"})
    same({name: ours[name] for name in ours if name not in own},
         {name: theirs[name] for name in ours if name not in own})
    same(ours[b"_"], b"unknown [192.0.2.10]")


@test("each refusal at each step gets the client the reply that it gets from Postfix")
def _():
    lines = reply(b"451-4.7.1 come\r\n451 4.7.1 back, 50%% later")
    for step in "HMRTLNBE":
        for answer in (REJECT, TEMPFAIL, reply(b"554 5.7.0 no"), lines,
                       *[SHUTDOWN] * (step in "MRT")):
            filter = FakeMilter(SOCKET, {step: answer})
            theirs, ours = (both.send(address, message()) for address in
                            ("192.0.2.31", "192.0.2.1"))
            filter.close()
            # After a refused EHLO, Postfix waits for MAIL.
            if step != "H":
                same([code for code, _ in ours], [code for code, _ in theirs], step, answer)
            same(ours[-1], theirs[-1], step, answer)
    for step in "MRTLNBE":
        filter = FakeMilter(SOCKET, {step: DISCARD})
        theirs, ours = (both.send(address, message()) for address in ("192.0.2.31", "192.0.2.1"))
        filter.close()
        same([code for code, _ in ours], [code for code, _ in theirs], step)


@test("a quarantine, alone and with edits, is held by both")
def _():
    for edits in text("q", b"odd"), add(b"X", b"y") + text("q", b"odd"):
        filter = FakeMilter(SOCKET, {"E": edits + CONTINUE})
        same(both.compare(message())[1], "held")
        filter.close()


@test("opendmarc: results, and a refusal by p=reject")
def _():
    with open(HERE + "/opendmarc.conf", "w") as file:
        file.write("AuthservID dmarc.example\nSocket local:%s\nUMask 000\nBackground false\n"
                   "RejectFailures true\nSPFSelfValidate true\nSPFIgnoreResults true\n"
                   "IgnoreHosts /dev/null\nPublicSuffixList /dev/null\nRequiredHeaders true\n"
                   "DNSTimeout 3\n" % SOCKET)
    filter = Program(["/usr/sbin/opendmarc", "-f", "-c", HERE + "/opendmarc.conf"])
    for author, word in ((b"none", b"p=none"), (b"quarantine", b"p=quarantine"),
                         (b"client", b"dmarc=none")):
        _, got = both.compare(message(author + b".example"))
        check(got.startswith(b"Authentication-Results: dmarc.example; ") and word in got, got)
    answer, _ = both.compare(message(b"reject.example"))
    same(answer[0], 550)
    check(b"reject.example" in answer[1], answer)
    both.compare(message() + b"From: second@none.example\r\n")
    answer, _ = both.compare(b"Subject: no author\r\n\r\nx\r\n")
    same(answer[0], 550)
    filter.stop()


@test("clamav-milter as in the guide: clean messages get a field, the EICAR file is refused")
def _():
    settings = type_chapter("VIRUSES FOUND BY CLAMAV")
    check("unix:/run/clamav/clamav-milter.ctl" in settings, settings)
    scanner = clamd()
    for action, code in (("Reject", 550), ("Quarantine", 250)):
        with open("/etc/clamav/clamav-milter.conf", "r+") as file:
            typed = file.read()
            file.write("Foreground true\n")
            file.seek(0)
            file.write(typed.replace("OnInfected Reject\nRejectMsg", "OnInfected %s\n#" % action)
                       if code == 250 else typed)
            file.truncate()
            file.write("Foreground true\n")
        filter = Program(["/usr/sbin/clamav-milter", "-c", "/etc/clamav/clamav-milter.conf"],
                         socket="/run/clamav/clamav-milter.ctl")
        at("/run/clamav/clamav-milter.ctl")
        for body in (b"\r\nHello.\r\n", LARGE):
            _, got = both.compare(message(text=body, more=b"X-Virus-Status: forged\r\n"))
            check(b"\nX-Virus-Status: Clean\n" in got and b"forged" not in got, got, filter.log())
        answer, got = both.compare(message(text=b"\r\n" + EICAR + b"\r\n"))
        same([answer[0], got], [code, "held" if code == 250 else None])
        check(code == 250 or b"a virus was found: Eicar-Test" in answer[1], answer)
        filter.stop()
    scanner.stop()


@test("opendkim as in the guide: its results")
def _():
    settings = type_chapter("SIGNATURES CHECKED BY OPENDKIM")
    check("unix:/run/opendkim/opendkim.sock" in settings, settings)
    with open("/etc/opendkim.conf") as file:
        typed = file.read()
    check(typed.endswith("\nMode v\n"), typed)
    # It would ask the servers of the root.
    with open("/etc/opendkim.conf", "w") as file:
        file.write(re.sub("(?m)^TrustAnchorFile.*", "Nameservers 192.0.2.53", typed))
    filter = Program(["/usr/sbin/opendkim", "-f", "-x", "/etc/opendkim.conf"],
                     socket="/run/opendkim/opendkim.sock")
    at("/run/opendkim/opendkim.sock")
    for name, word in (("signed.example", b"dkim=pass"), ("none.example", b"dkim=")):
        signature = dkim.sign(message(), b"s", name.encode(), KEY)
        _, got = both.compare(message(more=signature))
        check(re.search(rb"(?m)^Authentication-Results: (.|\n\s)*" + word, got), got, filter.log())
    filter.stop()


MILTERTEST = """
conn = mt.connect("%s")
assert(conn, "no connection")
assert(mt.conninfo(conn, "client.example", "192.0.2.10") == nil, "conninfo")
mt.macro(conn, SMFIC_MAIL, "i", "TEST")
assert(mt.helo(conn, "client.example") == nil, "helo")
assert(mt.mailfrom(conn, "<anna@none.example>") == nil, "mailfrom")
assert(mt.getreply(conn) == SMFIR_CONTINUE, "reply to MAIL")
assert(mt.header(conn, "From", "Anna <anna@quarantine.example>") == nil, "header")
assert(mt.header(conn, "Subject", "x") == nil, "header")
assert(mt.eoh(conn) == nil, "eoh")
assert(mt.bodystring(conn, "Hello.\\r\\n") == nil, "body")
assert(mt.eom(conn) == nil, "eom")
assert(mt.getreply(conn) == SMFIR_CONTINUE, "reply to the end")
assert(mt.eom_check(conn, MT_HDRINSERT, "Authentication-Results"), "no results")
results = mt.getheader(conn, "Authentication-Results", 0)
for _, word in ipairs({"%s;", "spf=fail", "dmarc=fail", "policy.dmarc=quarantine"}) do
	assert(string.find(results, word, 1, true), word .. " is not in " .. results)
end
mt.disconnect(conn)
"""


@test("miltertest drives smtp-verify, which wants no RCPT and no DATA here")
def _():
    socket = directory + "/verify.sock"
    verifier = Program([BUILD + "/smtp-verify", "-c", "/dev/null", "-o", "server.hostname=" + HOST,
                        "-o", "relay.resolver=192.0.2.53", "--listen", "unix:" + socket],
                       socket=socket)
    with open(directory + "/verify.lua", "w") as file:
        file.write(MILTERTEST % ("unix:" + socket, HOST))
    done = subprocess.run(["/usr/bin/miltertest", "-s", directory + "/verify.lua"],
                          env=peer_environment(), capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL)
    same(done.returncode, 0, done.stdout, done.stderr, verifier.log())
    verifier.stop()


main()
both.stop()
