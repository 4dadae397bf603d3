#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""TLS of the server: STARTTLS and TLS from the first octet, real clients, probes, certificates."""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from certificates import Authority  # noqa: E402
from tap import check, main, same, test, wait_for  # noqa: E402
from tls_server import (  # noqa: E402
    BUILD, ENVIRONMENT, HANDLER, HOST, Server, anyone, certificate, in_memory, trusting)

HERE = BUILD + "/tests/tls-certificates"
SANITIZED = "san" in os.path.basename(BUILD)
shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)
EC = certificate(HERE + "/ec", HOST)
RSA = certificate(HERE + "/rsa", HOST, "rsa")
OTHER = certificate(HERE + "/other", "other.example.net")
CLIENT = certificate(HERE + "/client", "somebody")
SETTINGS = "tls = offer\ntls-certificate = %s.pem\ntls-key = %s.key" % (EC, EC)
TEXT = "Subject: x\r\n\r\nhello\r\n"


def serial(path):
    return subprocess.run(["openssl", "x509", "-noout", "-serial", "-in", path + ".pem"],
                          capture_output=True, text=True).stdout


def shown(smtp, directory=HERE):
    """The serial number of the certificate that the server showed."""
    path = directory + "/shown"
    with open(path + ".pem", "w") as file:
        file.write(ssl.DER_cert_to_PEM_cert(smtp.sock.getpeercert(True)))
    return serial(path)


def probe(server, *options, text=b"", starttls=True):
    """Run openssl s_client; its whole output."""
    arguments = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % server.port, *options]
    if starttls:
        arguments += ["-starttls", "smtp", "-crlf"]
    run = subprocess.run(arguments, input=text, capture_output=True, timeout=30)
    return (run.stdout + run.stderr).decode(errors="replace")


def connected(output):
    established = re.search(r"(?m)^ *(?:Protocol *: |New, )TLS", output)
    return established is not None and "Cipher is (NONE)" not in output


@test("H127 V19 STARTTLS: offered, 220, and a message inside; H097 ESMTPS")
def starttls():
    with Server("tls-starttls", SETTINGS) as server:
        smtp = server.smtp()
        smtp.ehlo()
        check(smtp.has_extn("starttls"), smtp.esmtp_features)
        same(smtp.docmd("STARTTLS", "now")[0], 501)
        smtp._host = HOST
        same(smtp.starttls(context=trusting(EC)), (220, b"2.0.0 Ready to start TLS"))
        smtp.ehlo()
        check(not smtp.has_extn("starttls"), "offered again")
        same(smtp.docmd("STARTTLS"), (503, b"5.5.1 Error: TLS already active"))
        smtp.sendmail("a@b.example", ["u@example.org"], TEXT)
        smtp.quit()
        head = server.messages()[0].decode()
        check(re.search(r"Received: from client\.example \(\[127\.0\.0\.1\]\)\r\n"
                        r"\t\(using TLSv1\.3 with cipher TLS_AES_256_GCM_SHA384\)\r\n"
                        r"\tby mx\.example\.org with ESMTPS id ", head), head)
        server.logged(r"accepted id=\S+ client=127\.0\.0\.1 helo=client\.example "
                      r"tls=TLSv1\.3/TLS_AES_256_GCM_SHA384 ")
        server.logged(r"session client=127\.0\.0\.1 .*end=quit")


@test("a client that waits for an acknowledgement before it sends more gets it at once")
def acknowledged():
    with Server("tls-acknowledged", SETTINGS) as server:
        times = []
        for _ in range(8):
            smtp = server.smtp()
            smtp._host = HOST
            smtp.starttls(context=trusting(EC))
            begin = time.monotonic()
            smtp.ehlo()
            times.append(time.monotonic() - begin)
            smtp.quit()
        # An acknowledgement that is late is late by 40 ms.
        check(min(times) < 0.035, times)


@test("H128 commands before STARTTLS are forgotten")
def forgotten():
    with Server("tls-forgotten", SETTINGS + "\nsyntax = strict") as server:
        smtp = server.smtp()
        smtp.ehlo()
        same(smtp.mail("a@b.example")[0], 250)
        smtp._host = HOST
        same(smtp.docmd("STARTTLS")[0], 220)
        smtp.sock = anyone().wrap_socket(smtp.sock, server_hostname=HOST)
        smtp.file = None
        same(smtp.docmd("RCPT", "TO:<u@example.org>"), (503, b"5.5.1 Error: send HELO/EHLO first"))
        same(smtp.docmd("MAIL", "FROM:<a@b.example>")[0], 503)
        smtp.quit()


@test("H128 octets in the clear after STARTTLS end the session")
def injected():
    with Server("tls-injected", SETTINGS) as server:
        envelope = b"MAIL FROM:<a@b.example>\r\nRCPT TO:<u@example.org>\r\n"
        for behind in b"RSET\r\n", envelope, b"x", b"\r\n":
            sock = server.connect()
            sock.recv(1000)
            sock.sendall(b"EHLO c\r\nSTARTTLS\r\n" + behind)
            got = b""
            while data := sock.recv(65536):
                got += data
            replies = [line for line in got.split(b"\r\n") if line[3:4] == b" "]
            same(replies[-1], b"501 5.5.1 Error: nothing may follow STARTTLS", got)
        # After the 220, octets are read as a handshake; these are no handshake.
        sock = server.connect()
        sock.recv(1000)
        sock.sendall(b"EHLO c\r\nSTARTTLS\r\n")
        while b"220 2.0.0" not in sock.recv(65536):
            pass
        sock.sendall(b"MAIL FROM:<a@b.example>\r\nRCPT TO:<u@example.org>\r\nQUIT\r\n")
        got = b""
        try:
            while data := sock.recv(65536):
                got += data
        except ConnectionResetError:
            pass
        check(b"250" not in got and b"221" not in got and b"503" not in got, got)
        server.logged(r"tls-failed client=127\.0\.0\.1 why=")
        server.logged(r"session .*end=tls")


@test("H129 tls = required: 530 to all but NOOP, EHLO, STARTTLS, QUIT")
def required():
    with Server("tls-required", SETTINGS.replace("offer", "required")) as server:
        smtp = server.smtp()
        same(smtp.docmd("HELO", "c")[0], 530)
        same(smtp.ehlo()[0], 250)
        same(smtp.noop()[0], 250)
        for command in ("MAIL FROM:<a@b.example>", "RCPT TO:<u@example.org>", "DATA", "RSET",
                        "VRFY u", "HELP"):
            same(smtp.docmd(command), (530, b"5.7.0 Error: must issue a STARTTLS command first"),
                 command)
        smtp._host = HOST
        smtp.starttls(context=anyone())
        smtp.sendmail("a@b.example", ["u@example.org"], TEXT)
        smtp.quit()
        same(server.smtp().quit()[0], 221)


@test("H130 TLS 1.2 and 1.3, no older version")
def versions():
    with Server("tls-versions", SETTINGS) as server:
        for option in "-tls1_2", "-tls1_3":
            out = probe(server, option, text=b"QUIT\n")
            check(connected(out), option, out)
        for option in "-tls1", "-tls1_1":
            out = probe(server, option, "-cipher", "ALL:@SECLEVEL=0", text=b"QUIT\n")
            check(not connected(out) and "alert protocol version" in out, option, out)


@test("V25 TLS 1.2: only ECDHE with an AEAD cipher; no compression, renegotiation, tickets, "
      "resumption")
def probing():
    certificates = ("tls = offer\ntls-certificate = %s.pem %s.pem\ntls-key = %s.key %s.key"
                    % (EC, RSA, EC, RSA))
    with Server("tls-probing", certificates) as server:
        out = probe(server, "-tls1_2", "-comp", text=b"QUIT\n")
        check(connected(out) and "Compression: NONE" in out
              and "Secure Renegotiation IS supported" in out, out)
        check("session ticket" not in out, out)
        out = probe(server, "-tls1_2", "-reconnect", text=b"QUIT\n")
        check("Reused, " not in out, out)
        out = probe(server, "-tls1_3", text=b"QUIT\n")
        check(connected(out) and "New Session Ticket arrived" not in out, out)
        out = subprocess.run("(sleep 1; echo R; sleep 1; echo QUIT) | "
                             "timeout 20 openssl s_client -starttls smtp -tls1_2 "
                             "-connect 127.0.0.1:%d" % server.port,
                             shell=True, capture_output=True, text=True)
        check("no renegotiation" in out.stdout + out.stderr, out.stdout, out.stderr)
        for weak in ("aNULL", "eNULL", "RC4", "3DES", "kRSA", "DHE+AESGCM", "ECDHE+AES+SHA",
                     "ECDHE+AES+SHA256", "PSK"):
            out = probe(server, "-tls1_2", "-cipher", weak + ":@SECLEVEL=0", text=b"QUIT\n")
            check(not connected(out), weak, out)
        for kind in "aRSA", "aECDSA":
            out = probe(server, "-tls1_2", "-cipher", "ECDHE+AESGCM+" + kind, text=b"QUIT\n")
            check(connected(out), kind, out)
        # The server's order counts, not the client's.
        ciphers = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES256-GCM-SHA384"
        out = probe(server, "-tls1_2", "-cipher", ciphers, text=b"QUIT\n")
        check("Cipher is ECDHE-ECDSA-AES256-GCM-SHA384" in out, out)


@test("several certificates: by the name in SNI, or else the first")
def by_name():
    certificates = "tls = offer\ntls-certificate = %s.pem %s.pem\ntls-key = %s.key %s.key"
    with Server("tls-sni", certificates % (EC, OTHER, EC, OTHER)) as server:
        for name, wanted in ((HOST, EC), ("other.example.net", OTHER), ("unknown.example", EC),
                             ("OTHER.example.NET", OTHER)):
            smtp = server.tls(name=name)
            same(shown(smtp), serial(wanted), name)
            smtp.quit()
        server.tls(context=trusting(OTHER), name="other.example.net").quit()


def served(server, algorithm, *options):
    """The subject of the certificate for a client that knows only this kind of signature."""
    output = probe(server, "-sigalgs", algorithm, *options)
    found = re.search(r"(?m)^subject=(.*)$", output)
    return found.group(1) if found else "none"


def kinds(name, *pairs):
    certificates = " ".join(path + ".pem" for path in pairs)
    return Server(name, "tls = offer", "tls-certificate = " + certificates,
                  "tls-key = " + certificates.replace(".pem", ".key"))


ECDSA, RSA_PSS = "ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha256"
WILD = "DNS:*." + HOST.split(".", 1)[1]
UNKNOWN = (("-noservername",), ("-servername", "unknown.example"))


@test("keys of two kinds for two names: no client without one of the names gets the second")
def kinds_apart():
    other = certificate(HERE + "/other-rsa", "other.example.net", "rsa")
    with kinds("tls-kinds-apart", EC, other) as server:
        for options in UNKNOWN:
            same(served(server, RSA_PSS + ":" + ECDSA, *options), "CN = " + HOST)
            same(served(server, ECDSA, *options), "CN = " + HOST)
            same(served(server, RSA_PSS, *options), "none")
        same(served(server, RSA_PSS, "-servername", "other.example.net"),
             "CN = other.example.net")
    with kinds("tls-kinds-apart-rsa", other, EC) as server:
        for options in UNKNOWN:
            same(served(server, ECDSA + ":" + RSA_PSS, *options), "CN = other.example.net")


@test("keys of two kinds for one name, in any form: each client gets its kind")
def kinds_together():
    first = certificate(HERE + "/first", "first", names="DNS:a.example,DNS:%s,IP:192.0.2.7" % HOST)
    bare = certificate(HERE + "/bare", HOST, names="")
    for name, one, two in (
            ("same", EC, RSA), ("one of two", first, RSA),
            ("address", first, certificate(HERE + "/ip", "ip", "rsa", names="IP:192.0.2.7")),
            ("wildcard", first, certificate(HERE + "/wild", "wild", "rsa", names=WILD)),
            ("no alternative names", bare, RSA),
            ("capitals", EC, certificate(HERE + "/capitals", HOST.upper(), "rsa"))):
        with kinds("tls-kinds-together", one, two) as server:
            for options in UNKNOWN:
                check(served(server, ECDSA, *options) != "none", name)
                check(served(server, RSA_PSS, *options) != "none", name)


@test("a renewed certificate counts from the next connection on")
def renewed():
    path = certificate(HERE + "/renewed", HOST)
    settings = "tls = offer\ntls-certificate = %s.pem\ntls-key = %s.key" % (path, path)
    with Server("tls-renewed", settings) as server:
        smtp = server.tls()
        first = shown(smtp)
        certificate(path, HOST)
        same(smtp.noop()[0], 250)
        again = server.tls(context=trusting(path))
        check(shown(again) == serial(path) != first)
        again.quit()
        smtp.quit()


@test("while the files of a certificate are replaced, sessions get the former one")
def replaced():
    path = certificate(HERE + "/replaced", HOST)
    fresh = certificate(HERE + "/fresh", HOST)
    settings = "tls = offer\ntls-certificate = %s.pem\ntls-key = %s.key" % (path, path)
    with Server("tls-replaced", settings) as server:
        former = serial(path)
        for kind in "pem", "key":
            smtp = server.tls()
            same(shown(smtp), former, server.log())
            smtp.quit()
            os.replace("%s.%s" % (fresh, kind), "%s.%s" % (path, kind))
        smtp = server.tls(context=trusting(path))
        check(shown(smtp) == serial(path) != former)
        smtp.quit()
        same(server.log().count("new certificates are not used, the former ones stay: "), 1)
        with open(path + ".pem", "r+") as file:         # half of it is written
            half = file.read()[:300]
            file.seek(0)
            file.truncate()
            file.write(half)
        for _ in range(2):
            server.tls().quit()
        same(server.log().count("new certificates are not used, the former ones stay: "), 2)


@test("H127 a key that others can read: STARTTLS is not offered, 454")
def readable():
    path = certificate(HERE + "/readable", HOST)
    settings = "tls-certificate = %s.pem\ntls-key = %s.key" % (path, path)
    with Server("tls-readable", "tls = offer\n" + settings) as server:
        for mode in 0o644, 0o640, 0o604:
            os.chmod(path + ".key", mode)
            smtp = server.smtp()
            smtp.ehlo()
            check(not smtp.has_extn("starttls"), "offered with mode %o" % mode)
            same(smtp.docmd("STARTTLS"), (454, b"4.7.0 TLS not available due to local problem"))
            smtp.sendmail("a@b.example", ["u@example.org"], TEXT)
            smtp.quit()
            server.logged(r"STARTTLS is not offered: \S+/readable\.key: "
                          r"others can read it \(mode %04o\): chmod 600" % mode)
        os.chmod(path + ".key", 0o400)
        server.tls().quit()
    with Server("tls-readable-465", settings, implicit=True) as server:
        os.chmod(path + ".key", 0o644)
        sock = server.connect()
        same(sock.recv(1000), b"")
        server.logged(r"no TLS: \S+/readable\.key: others can read it")


@test("H127 a broken key or certificate: 454, and the session goes on with its name")
def broken():
    path = certificate(HERE + "/broken", HOST)
    good = open(path + ".key").read()
    settings = "tls = offer\ntls-certificate = %s.pem\ntls-key = %s.key" % (path, path)
    with open(path + ".key", "w") as file:
        file.write("none when the server starts")
    with Server("tls-broken", settings) as server:
        for text, why in (("nonsense", "no private key in it"), ("", "no private key in it"),
                          (good[:100], "no private key in it"),
                          (open(OTHER + ".key").read(), "this key does not belong to")):
            with open(path + ".key", "w") as file:
                file.write(text)
            smtp = server.smtp()
            smtp.ehlo()
            same(smtp.docmd("STARTTLS"), (454, b"4.7.0 TLS not available due to local problem"))
            same(smtp.docmd("STARTTLS")[0], 454)
            same(smtp.mail("a@b.example")[0], 250)
            same(smtp.rcpt("u@example.org")[0], 250)
            same(smtp.data(TEXT)[0], 250)
            smtp.quit()
            server.logged(r"no TLS: \S+/broken\.key: " + why)
        check(b"from client.example ([127.0.0.1])" in server.messages()[0], server.messages()[0])


@test("V24 after 454 to STARTTLS an open transaction is gone, and the session goes on")
def transaction_gone():
    path = certificate(HERE + "/gone", HOST)
    settings = "tls = offer\ntls-certificate = %s.pem\ntls-key = %s.key" % (path, path)
    with open(path + ".key", "w") as file:
        file.write("nonsense")
    with Server("tls-gone", settings) as server:
        smtp = server.smtp()
        smtp.ehlo()
        same(smtp.mail("a@b.example")[0], 250)
        same(smtp.docmd("STARTTLS")[0], 454)
        same(smtp.rcpt("u@example.org")[0], 503)
        same(smtp.mail("a@b.example")[0], 250)
        same(smtp.rcpt("u@example.org")[0], 250)
        smtp.quit()


@test("H127 a missing program or a missing certificate: not offered, 454")
def missing():
    for setting in "tls-program = /nonexistent/smtp-handler-tls", "":
        missing_file = SETTINGS.replace(EC + ".pem", HERE + "/nonexistent.pem")
        certificates = SETTINGS if setting else missing_file
        with Server("tls-missing", certificates, setting) as server:
            smtp = server.smtp()
            smtp.ehlo()
            check(not smtp.has_extn("starttls"))
            same(smtp.docmd("STARTTLS")[0], 454)
            smtp.quit()
            server.logged(r"STARTTLS is not offered: \S+: No such file")


@test("TLS off: STARTTLS is neither offered nor known")
def off():
    with Server("tls-off") as server:
        smtp = server.smtp()
        smtp.ehlo()
        check(not smtp.has_extn("starttls"))
        same(smtp.docmd("STARTTLS")[0], 502)
        smtp.quit()


@test("certificates by name, from the unit's credentials")
def credentials():
    folder = HERE + "/credentials"
    os.makedirs(folder)
    for kind in "pem", "key":
        shutil.copy("%s.%s" % (EC, kind), "%s/%s" % (folder, kind))
        # systemd's credentials look like this, because they have an access list.
        os.chmod("%s/%s" % (folder, kind), 0o440)
    with Server("tls-credentials", "tls = required\ntls-certificate = pem\ntls-key = key",
                env={"CREDENTIALS_DIRECTORY": folder}) as server:
        server.tls(context=trusting(EC)).quit()
    with Server("tls-no-credentials",
                "tls = offer\ntls-certificate = pem\ntls-key = key") as server:
        same(server.smtp().docmd("STARTTLS")[0], 454)
        server.logged("pem: there are no credentials")


@test("key and certificate in one file")
def one_file():
    path = HERE + "/both.pem"
    with open(path, "w") as file:
        file.write(open(EC + ".key").read() + open(EC + ".pem").read())
    os.chmod(path, 0o600)
    with Server("tls-one-file", "tls = offer\ntls-certificate = " + path) as server:
        server.tls(context=trusting(EC)).quit()


@test("a client's certificate is requested and recorded, but never required")
def clients():
    with Server("tls-clients", SETTINGS, "tls-client-certificates = ask") as server:
        context = anyone()
        context.load_cert_chain(CLIENT + ".pem", CLIENT + ".key")
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            context.maximum_version = version
            smtp = server.tls(context)
            smtp.sendmail("a@b.example", ["u@example.org"], TEXT)
            smtp.quit()
        smtp = server.tls()
        smtp.sendmail("a@b.example", ["u@example.org"], TEXT)
        smtp.quit()
    digest = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256",
                             "-in", CLIENT + ".pem"], capture_output=True, text=True).stdout
    digest = digest.split("=")[1].replace(":", "").strip().lower()
    messages = server.messages()
    same([digest.encode() in m for m in messages], [True, True, False])
    check(b";\r\n\tclient certificate, not verified, SHA-256 " in messages[0], messages[0])


@test("H131 TLS from the first octet")
def implicit():
    with Server("tls-implicit", SETTINGS.replace("tls = offer\n", ""), implicit=True) as server:
        import smtplib
        smtp = smtplib.SMTP_SSL("127.0.0.1", server.port, "client.example", timeout=20,
                                context=anyone())
        smtp.ehlo()
        check(not smtp.has_extn("starttls"))
        same(smtp.docmd("STARTTLS")[0], 503)
        smtp.sendmail("a@b.example", ["u@example.org"], TEXT)
        smtp.quit()
        check(b"with ESMTPS id" in server.messages()[0])
        out = probe(server, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0", starttls=False)
        check(not connected(out), out)
        sock = server.connect()
        sock.sendall(b"EHLO c\r\nQUIT\r\n")
        try:
            got = sock.recv(1000)
        except ConnectionResetError:
            got = b""
        check(not got.startswith((b"2", b"5")), got)


@test("TLS from the first octet without a certificate: nothing begins, and --check reports it")
def implicit_bare():
    reason = "--implicit: there is no certificate: set tls-certificate in [server]\n"
    command = [HANDLER, "-c", "/dev/null", "-o", "queue.directory=" + HERE + "/none", "--implicit"]
    for more in ["--check"], ["--listen", "127.0.0.1:0"], []:
        done = subprocess.run(command + more, stdin=subprocess.DEVNULL, text=True, timeout=20,
                              capture_output=True, env=ENVIRONMENT)
        same((more, done.returncode, done.stdout), (more, 78, ""))
        check(done.stderr.endswith(reason), more, done.stderr)


@test("a session leaves no option on a socket that another process has, too")
def no_option():
    with Server("tls-shared", SETTINGS) as server:
        for options in [], ["--implicit"]:
            ours, theirs = socket.socketpair()
            process = subprocess.Popen([HANDLER, "-c", server.config, *options], stdin=theirs,
                                       stdout=theirs, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
            if not options:
                check(ours.recv(1000).startswith(b"220 "))
            same([theirs.getsockopt(socket.SOL_SOCKET, option, 16)
                  for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO)], [bytes(16)] * 2)
            ours.close()
            process.wait(20)
            same(theirs.getsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, 16), bytes(16))
            theirs.close()


@test("H131 TLS from the first octet on descriptors 0 and 1, as under inetd")
def inetd():
    with Server("tls-inetd", SETTINGS) as server:
        ours, theirs = socket.socketpair()
        process = subprocess.Popen([HANDLER, "-c", server.config, "--implicit"], stdin=theirs,
                                   stdout=theirs, stderr=subprocess.PIPE, env=ENVIRONMENT)
        theirs.close()
        ours.settimeout(20)
        tls = anyone().wrap_socket(ours, server_hostname=HOST)
        check(tls.recv(1000).startswith(b"220 mx.example.org ESMTP"))
        tls.sendall(b"QUIT\r\n")
        same(tls.recv(1000), b"221 2.0.0 Bye\r\n")
        same(tls.recv(1000), b"")
        tls.close()
        same(process.wait(20), 0)
        process.stderr.close()


@test("STARTTLS over two pipes; the client's address from the environment is kept")
def pipes():
    with Server("tls-pipes", SETTINGS) as server:
        process = subprocess.Popen([HANDLER, "-c", server.config], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env={**ENVIRONMENT, "REMOTE_ADDR": "192.0.2.7"})
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = anyone().wrap_bio(incoming, outgoing, server_hostname=HOST)

        def until(what):
            while True:
                try:
                    return what()
                except ssl.SSLWantReadError:
                    process.stdin.write(outgoing.read())
                    process.stdin.flush()
                    incoming.write(os.read(process.stdout.fileno(), 65536))

        process.stdin.write(b"EHLO c\r\nSTARTTLS\r\n")
        process.stdin.flush()
        got = b""
        while not got.endswith(b"220 2.0.0 Ready to start TLS\r\n"):
            got += os.read(process.stdout.fileno(), 65536)
        until(tls.do_handshake)
        tls.write(b"EHLO c\r\nMAIL FROM:<a@b.example>\r\nQUIT\r\n")
        got = b""
        while b"221" not in got:
            got += until(lambda: tls.read(65536))
        check(b"250 2.1.0 Ok\r\n221 2.0.0 Bye" in got, got)
        process.stdin.close()
        log = process.stderr.read().decode()
        check("client=192.0.2.7 helo=c tls=TLSv1.3" in log, log)
        same(process.wait(20), 0)


@test("behind a balancer: the named client, with STARTTLS and with TLS from the first octet")
def balanced():
    for implicit in False, True:
        with Server("tls-proxy", SETTINGS,
                    "trusted =\nproxy-protocol = on\nproxy-trusted = 127.0.0.1",
                    implicit=implicit) as server:
            sock = server.connect()
            sock.sendall(b"PROXY TCP4 192.0.2.77 192.0.2.1 50000 25\r\n")
            if not implicit:
                file = sock.makefile("rb")
                check(file.readline().startswith(b"220 "))
                sock.sendall(b"STARTTLS\r\n")
                check(file.readline().startswith(b"220 "))
            inside = anyone().wrap_socket(sock)
            file = inside.makefile("rb")
            if implicit:
                check(file.readline().startswith(b"220 "))
            inside.sendall(b"QUIT\r\n")
            check(file.readline().startswith(b"221 "))
            server.logged(r"session client=192\.0\.2\.77 .*tls=TLSv1\.3")


@test("the key is wiped from memory before the first command")
def wiped():
    for path, settings in (EC, SETTINGS), (RSA, SETTINGS.replace(EC, RSA)):
        text = subprocess.run(["openssl", "pkey", "-noout", "-text", "-in", path + ".key"],
                              capture_output=True, text=True).stdout
        secrets = {}
        for name in ("priv", "privateExponent", "prime1", "prime2", "exponent1", "exponent2",
                     "coefficient"):
            found = re.search(r"(?m)^%s:\n((?: +[0-9a-f:]+\n)+)" % name, text)
            if found:
                octets = bytes.fromhex(re.sub(r"[\s:]", "", found[1])).lstrip(b"\0")
                # The first form is that of a file, the second that of a number in memory.
                secrets[name] = octets[-32:], octets[::-1][:32]
        check(len(secrets) in (1, 6), text)
        secrets["file"] = [line.encode() for line in open(path + ".key").read().split("\n")[1:3]]
        with Server("tls-wiped", settings) as server:
            smtp = server.tls()
            smtp.ehlo()
            pid = server.session(smtp)
            check(pid, "there is no such session")
            same(in_memory(pid, secrets), [])
            smtp.quit()


@test("a large message arrives unchanged; memory does not grow with it")
def large():
    line = b"".join(b"%08d " % i for i in range(80)) + b"\r\n"
    text = b"Subject: large\r\n\r\n" + line * (45_000_000 // len(line))
    with Server("tls-large", SETTINGS) as server:
        smtp = server.tls()
        smtp.ehlo()
        pid = server.session(smtp)
        smtp.sendmail("a@b.example", ["u@example.org"], text)
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", open("/proc/%d/status" % pid).read())[1])
        smtp.quit()
        check(server.messages()[0].find(text) > 0, "changed")
        check(SANITIZED or peak < 10000, "peak %d kB" % peak)


@test("SIGTERM inside TLS: 421, then an orderly end of TLS")
def terminated():
    with Server("tls-terminated", SETTINGS) as server:
        smtp = server.tls()
        smtp.ehlo()
        os.kill(server.session(smtp), signal.SIGTERM)
        same(smtp.getreply(), (421, b"4.3.2 mx.example.org Service shutting down, try again later"))
        same(smtp.sock.recv(100), b"")      # an unexpected end would raise an exception


@test("silence during the handshake ends the session")
def silent():
    with Server("tls-silent", SETTINGS, "timeout = 1s", implicit=True) as server:
        sock = server.connect()
        same(sock.recv(1000), b"")
        server.logged(r"tls-failed client=127\.0\.0\.1 why=\"Connection timed out\"")


@test("--check loads certificates and keys, and names the faulty file")
def checks():
    directory = BUILD + "/tests/tls-check"
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    Authority(directory + "/ca").leaf("expired", HOST, days=0)
    expired = directory + "/ca/expired"
    garbage, readable = directory + "/garbage", directory + "/readable.key"
    with open(garbage, "w") as file:
        file.write("not a certificate\n")
    shutil.copy(EC + ".key", readable)
    os.chmod(readable, 0o644)
    good = "%s.pem %s.pem" % (EC, RSA), "%s.key %s.key" % (EC, RSA)
    environment = {k: v for k, v in ENVIRONMENT.items() if k != "CREDENTIALS_DIRECTORY"}

    def verdict(chains, keys, *options, program=HANDLER):
        with open(directory + "/conf", "w") as file:
            file.write("[queue]\ndirectory = %s/queue\n[server]\ntls = offer\n"
                       "tls-certificate = %s\ntls-key = %s\n"
                       % (directory, chains, keys))
        run = subprocess.run([program, "-c", directory + "/conf", "--check", *options],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                             env=environment)
        return run.returncode, run.stderr

    same(verdict(*good), (0, ""))
    same(verdict(*good, program=HANDLER + "-tls"), (0, ""))
    same(verdict("chain.pem", "key.pem"), (0, ""), "credentials exist only in the unit")
    for chains, keys, wanted in (
            (directory + "/none.pem", EC + ".key",
             r"^%s/none\.pem: No such file or directory\n$" % directory),
            (garbage, EC + ".key", r"^%s: no certificate in it\n$" % garbage),
            (EC + ".pem", garbage, r"^%s: others can read it" % garbage),
            (EC + ".pem", RSA + ".key",
             r"^%s\.key: this key does not belong to %s\.pem\n$" % (RSA, EC)),
            (EC + ".pem", readable,
             r"^%s: others can read it \(mode 0644\): chmod 600 it\n$" % readable),
            (expired + ".pem", expired + ".key",
             r"^%s\.pem has expired on 20\d\d-\d\d-\d\d \d\d:\d\dZ\n$" % expired)):
        code, text = verdict(chains, keys)
        check(code == 78 and re.search(wanted, text), wanted, code, text)
    code, text = verdict("%s.pem %s.pem %s" % (expired, EC, garbage),
                         "%s.key %s.key %s.key" % (expired, RSA, EC))
    same([code, text.count("\n")], [78, 3], "each is reported", text)
    code, text = verdict(*good, "-o", "server.tls-program=/nowhere/tls")
    check(code == 78 and "/nowhere/tls: No such file or directory" in text, code, text)
    code, text = verdict(good[0], EC + ".key")
    check(code == 78 and "conf:" in text, "lists that do not match are found first", code, text)


@test("--check reports an open relay, and a file of passwords that cannot be read")
def open_relays():
    directory = BUILD + "/tests/check-settings"
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    users, readable = directory + "/users", directory + "/readable"
    for path, mode in (users, 0o600), (readable, 0o644):
        with open(path, "w") as file:
            file.write("anna:$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0."
                       "WiB9W.zEaKlOBL35rC\n")
        os.chmod(path, mode)
    certificate = "tls-certificate = %s.pem\ntls-key = %s.key\n" % (EC, EC)
    environment = {k: v for k, v in ENVIRONMENT.items() if k != "CREDENTIALS_DIRECTORY"}

    def verdict(settings):
        with open(directory + "/conf", "w") as file:
            file.write("[queue]\ndirectory = %s/queue\n[server]\n%s" % (directory, settings))
        run = subprocess.run([HANDLER, "-c", directory + "/conf", "--check"],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30,
                             env=environment)
        return run.returncode, run.stderr

    relay = "this machine is an open relay"
    for settings in ("auth = file:%s\n" % users, "auth = file:users\n",
                     "trusted = 10.0.0.0/8 fc00::/7 2001:db8::/32 local\n",
                     "proxy-trusted = 0.0.0.0/0\nproxy-protocol = on\ntrusted =\n",
                     "xclient = 0.0.0.0/0\ntrusted = local\n",
                     "[route *]\nvia = mx\n", "[route *]\nvia = discard\naccept = anyone\n",
                     "[route *]\nvia = lmtp:%s/lmtp\naccept = anyone\n" % directory,
                     "[route .example.org]\nvia = mx\naccept = anyone\n",
                     "[route *]\nvia = reject:no\n"):
        for more in "", certificate:
            same(verdict(more + settings), (0, ""), settings)
    for settings, wanted in (
            ("trusted = 0.0.0.0/0\n",
             r"^\[server\] trusted: 0\.0\.0\.0/0 has strangers, .*" + relay),
            ("trusted = 127.0.0.1 ::/0\n", r"^\[server\] trusted: ::/0 has strangers, .*" + relay),
            ("trusted = 2000::/3\n", r"^\[server\] trusted: 2000::/3 has strangers, .*" + relay),
            ("trusted = 128.0.0.0/7\n", r"^\[server\] trusted: 128\.0\.0\.0/7 .*" + relay),
            ("xclient = 0.0.0.0/0\n", r"^\[server\] xclient: 0\.0\.0\.0/0 .*" + relay),
            ("trusted = ::1\nproxy-trusted = 0.0.0.0/0\nproxy-protocol = on\n",
             r"^\[server\] proxy-trusted: 0\.0\.0\.0/0 .*" + relay),
            ("[route *]\nvia = mx\naccept = anyone\n",
             r"^\[route \*\] accept = anyone: .*" + relay),
            ("[route *]\nvia = smtp://mx.example.org\naccept = anyone\n",
             r"^\[route \*\] accept = anyone: .*" + relay)):
        for more in "", certificate:
            code, text = verdict(more + settings)
            check(code == 0 and re.search(wanted, text) and text.count("\n") == 1, settings, code,
                  text)
    for path, why in ((directory + "/none", "No such file or directory"),
                      (readable, "others can read it"), (directory, "not a regular file")):
        for more in "", certificate:
            code, text = verdict("%sauth = file:%s\n" % (more, path))
            check(code == 78 and text.startswith("[server] auth = file: %s: " % path)
                  and why in text and text.count("\n") == 1, path, code, text)


@test("--check reports a line of [server] masquerade that no sender has")
def check_masquerade():
    directory = BUILD + "/tests/check-masquerade"
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)

    def verdict(lines):
        with open(directory + "/names", "wb") as file:
            file.write(lines)
        with open(directory + "/conf", "w") as file:
            file.write("[queue]\ndirectory = %s/queue\n[server]\nmasquerade = %s/names\n"
                       % (directory, directory))
        run = subprocess.run([HANDLER, "-c", directory + "/conf", "--check"],
                             stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
        return run.returncode, run.stderr

    same(verdict(b"\xef\xbb\xbfroot: a@b.example\r\n*: @b.example\n@[192.0.2.1]: a@b.example\n"
                 b"\"a b\": a@b.example\n<a@b.example>: b@b.example\n"
                 b"gr\xc3\xbcn@b\xc3\xbccher.example: a@b.example\n"), (0, ""))
    for line in (b"*@b.example", b"@", b"@*", b"root cron", b"a@b@c", b"@b.example.", b"a@b..c",
                 b"@@b.example", b"<a@b.example"):
        code, text = verdict(b"root: a@b.example\n" + line + b": a@b.example\n")
        check(code == 78 and "no sender has this name" in text and text.count("\n") == 1, line,
              code, text)
    for line in (b"root a@b.example", b"root: a", b"root:", b"root: <>", b"root: a@b.example b",
                 b"root: a@b.example,c", b"*: b.example", b"root: \xc3\xbc@b.example",
                 b"root: a\0b@b.example"):
        code, text = verdict(line + b"\n")
        check(code == 78 and text.endswith("root: admin@example.org\n"), line, code, text)


def break_config(path):
    with open(path, "a") as file:
        file.write("[server]\nhostname = other.example.org\nnonsense\n")


@test("STARTTLS goes on with the configuration of the session before it, not with a broken one")
def kept():
    with Server("tls-kept", SETTINGS) as server:
        first = server.smtp()
        break_config(server.config)
        server.process.send_signal(signal.SIGHUP)
        server.logged("configuration has errors and is not used")
        for smtp in server.tls(context=trusting(EC)), first:
            if smtp is first:
                smtp._host = HOST
                same(smtp.starttls(context=trusting(EC))[0], 220)
            check(smtp.ehlo()[1].startswith(HOST.encode() + b"\n"), "another name")
            smtp.quit()


@test("SIGHUP: sessions inside TLS have the new configuration, and a new certificate")
def reloaded():
    with Server("tls-reloaded", SETTINGS) as server:
        server.tls(context=trusting(EC)).quit()
        text = open(server.config).read()
        path = os.path.join(HERE, "next")
        certificate(path, "next.example.org")
        with open(server.config, "w") as file:
            file.write(text.replace("hostname = " + HOST, "hostname = next.example.org")
                       .replace(EC, path))
        server.process.send_signal(signal.SIGHUP)
        server.logged("configuration read again")
        smtp = server.tls(context=trusting(path), name="next.example.org")
        check(smtp.ehlo()[1].startswith(b"next.example.org\n"), "the old name")
        smtp.quit()


class Alone:
    """A session without a listener.  process is the one that inetd would know."""

    def __init__(self, name):
        folder = HERE + "/" + name
        os.makedirs(folder)
        self.config = folder + "/conf"
        with open(self.config, "w", encoding="ascii") as file:
            file.write("[queue]\ndirectory = %s/queue\nmin-free = 0\n[server]\nhostname = %s\n"
                       "%s\n" % (folder, HOST, SETTINGS))
        self.client, theirs = socket.socketpair()
        self.client.settimeout(20)
        self.process = subprocess.Popen([HANDLER, "-c", self.config], stdin=theirs, stdout=theirs,
                                        stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        theirs.close()
        check(self.client.recv(1000).startswith(b"220 "))

    def start_tls(self):
        self.client.sendall(b"STARTTLS\r\n")
        same(self.client.recv(1000), b"220 2.0.0 Ready to start TLS\r\n")
        self.client = trusting(EC).wrap_socket(self.client, server_hostname=HOST)
        self.client.sendall(b"EHLO c\r\n")
        check(self.client.recv(1000).startswith(b"250-" + HOST.encode() + b"\r\n"))
        return self

    def program(self):
        """The process of smtp-handler-tls."""
        return int(subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True,
                                  check=True).stdout)


@test("without a listener STARTTLS goes on with the configuration as it was, too")
def kept_alone():
    session = Alone("kept-alone")
    break_config(session.config)
    session.start_tls().client.sendall(b"QUIT\r\n")
    same(session.client.recv(1000), b"221 2.0.0 Bye\r\n")
    same(session.process.wait(20), 0)


@test("without a listener, what ends the first process ends TLS in order, with 421")
def ended_alone():
    for number in signal.SIGTERM, signal.SIGKILL:
        session = Alone("ended-%d" % number).start_tls()
        session.process.send_signal(number)
        check(session.client.recv(1000).startswith(b"421 4.3.2 "), number)
        same(session.client.recv(1000), b"", number)
        same(session.process.wait(20), -number)


@test("without a listener the first process keeps nothing open, and ends as smtp-handler-tls ends")
def followed_alone():
    session = Alone("followed-alone").start_tls()
    if os.getuid() == 0:
        same(os.listdir("/proc/%d/fd" % session.process.pid), [])
    os.kill(session.program(), signal.SIGKILL)
    same(session.process.wait(20), 128 + signal.SIGKILL)


@test("without a listener, a session whose second process has gone refuses STARTTLS and goes on")
def starter_gone():
    session = Alone("starter-gone")
    check(wait_for(lambda: subprocess.run(["pgrep", "-P", str(session.process.pid)],
                                          stdout=subprocess.DEVNULL).returncode == 0))
    program = session.program()
    os.kill(program, signal.SIGTERM)
    check(wait_for(lambda: open("/proc/%d/stat" % program).read().split(") ")[1][0] == "Z"))
    session.client.sendall(b"STARTTLS\r\n")
    same(session.client.recv(1000)[:9], b"454 4.7.0")
    session.client.sendall(b"QUIT\r\n")
    same(session.client.recv(1000), b"221 2.0.0 Bye\r\n")
    same(session.process.wait(20), 0)


@test("a listener whose process for TLS has ended ends, so that its manager starts it again")
def forker_gone():
    with Server("tls-forker-gone", SETTINGS) as server:
        smtp = server.smtp()
        pids = subprocess.run(["pgrep", "-P", str(server.process.pid), "-f", "--", "--serve"],
                              capture_output=True, check=True).stdout.split()
        same(len(pids), 1)
        os.kill(int(pids[0]), signal.SIGTERM)
        server.tls().quit()
        os.kill(int(pids[0]), signal.SIGKILL)
        server.logged("smtp-handler-tls of this listener has ended")
        same(smtp.noop()[0], 421)
        same(server.process.wait(20), 75)


@test("a session inside TLS is one of the listener: counted, limited, ended with it")
def counted():
    with Server("tls-counted", SETTINGS, "max-connections = 2") as server:
        held = [server.tls(), server.tls()]
        sock = server.connect()
        check(sock.recv(1000).startswith(b"421 4.3.2 "), "a third session")
        held[0].quit()
        check(wait_for(lambda: server.connect().recv(1000).startswith(b"220 ")), "no room again")
        server.process.send_signal(signal.SIGTERM)
        same(held[1].getreply()[0], 421)
        same(server.process.wait(20), 0)


@test("clients: swaks, curl, msmtp")
def others():
    with Server("tls-others", SETTINGS) as server:
        address = "127.0.0.1:%d" % server.port
        letter = server.directory + "/letter"
        with open(letter, "wb") as file:
            file.write(TEXT.encode())
        for command in (
                ["swaks", "--server", address, "--tls", "--from", "a@b.example",
                 "--to", "u@example.org"],
                ["curl", "-sS", "--ssl-reqd", "--insecure", "--url", "smtp://" + address,
                 "--mail-from", "a@b.example", "--mail-rcpt", "u@example.org",
                 "--upload-file", letter],
                ["msmtp", "--host=127.0.0.1", "--port=%d" % server.port, "--tls=on",
                 "--tls-certcheck=off", "--from=a@b.example", "u@example.org"]):
            with open(letter, "rb") as file:
                run = subprocess.run(command, stdin=file, capture_output=True, text=True,
                                     timeout=60)
            same(run.returncode, 0, " ".join(command), run.stdout, run.stderr)
        same([b" with ESMTPS id " in m for m in server.messages()], [True] * 3)
    with Server("tls-others-465", SETTINGS, implicit=True) as server:
        address = "127.0.0.1:%d" % server.port
        for command in (
                ["swaks", "--server", address, "--tls-on-connect", "--from", "a@b.example",
                 "--to", "u@example.org"],
                ["curl", "-sS", "--insecure", "--url", "smtps://" + address,
                 "--mail-from", "a@b.example", "--mail-rcpt", "u@example.org",
                 "--upload-file", letter]):
            run = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                 timeout=60)
            same(run.returncode, 0, " ".join(command), run.stdout, run.stderr)
        check(wait_for(lambda: len(server.messages()) == 2), server.log())


main()
