# SPDX-License-Identifier: ISC
"""XCLIENT: Debian's nginx in front of the handler, swaks, and the limits of a listener."""
import glob
import os
import re
import smtplib
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

from certificates import Authority
from programs import PEERS, Site, fresh_directory, peer_environment, run_client
from tap import bail_out, check, main, same, test, wait_for

directory = fresh_directory()
leaf = Authority(directory + "/tls").leaf("mx", "mail.sender.example", "192.0.2.1")
# 192.0.2.1 is nginx too; 192.0.2.50 is a trusted client, 192.0.2.77 a stranger.
site = Site("site", """[server]
xclient = 192.0.2.1
client-connections = 2
tls = offer
tls-certificate = %s
tls-key = %s
""" % (leaf.chain, leaf.key))
site.listen("-o", "server.trusted=192.0.2.50 192.0.2.1")
STRANGER, TRUSTED, PROXY = "192.0.2.77", "192.0.2.50", "192.0.2.9"


class Authenticator(BaseHTTPRequestHandler):
    """auth_http of nginx: knows one user, and has one server."""
    seen = []

    def do_GET(self):
        self.seen.append(dict(self.headers))
        user, secret = self.headers.get("Auth-User"), self.headers.get("Auth-Pass")
        good = self.headers["Auth-Method"] == "none" or (user, secret) == ("anna", "sesame")
        self.send_response(200)
        self.send_header("Auth-Status", "OK" if good else "Invalid login or password")
        self.send_header("Auth-Server", "192.0.2.1")
        self.send_header("Auth-Port", "25")
        self.end_headers()

    def log_message(self, *_):
        pass


def start_nginx():
    threading.Thread(target=HTTPServer(("127.0.0.1", 9000), Authenticator).serve_forever,
                     daemon=True).start()
    program, = glob.glob(PEERS + "/usr/sbin/nginx")
    os.makedirs(directory + "/nginx")
    for folder in ("/var/lib/nginx", "/var/log/nginx"):
        os.makedirs(folder, exist_ok=True)
    with open(directory + "/nginx/nginx.conf", "w") as file:
        file.write("""load_module %s/usr/lib/nginx/modules/ngx_mail_module.so;
daemon off; master_process off; pid %s/nginx/pid; error_log %s/nginx/log info;
events { }
mail {
  server_name proxy.example;
  auth_http 127.0.0.1:9000/auth;
  xclient on;
  server { listen %s:25; protocol smtp; smtp_auth plain login none; }
}
""" % (PEERS, directory, directory, PROXY))
    process = subprocess.Popen([program, "-p", directory + "/nginx", "-c",
                                directory + "/nginx/nginx.conf"], env=peer_environment(),
                               stdin=subprocess.DEVNULL,
                               stderr=open(directory + "/nginx/stderr", "w"))

    def there():
        if process.poll() is not None:
            bail_out("nginx: " + open(directory + "/nginx/stderr").read())
        try:
            return smtplib.SMTP(PROXY, 25, timeout=5).quit()
        except OSError:
            return None
    check(wait_for(there), "nginx does not listen")


start_nginx()


def queued():
    """The only message of the queue, which is then removed."""
    path, = site.queued("new")
    text = open(path, "rb").read().decode()
    os.unlink(path)
    return text


def by_nginx(source, helo="client.example"):
    return smtplib.SMTP(PROXY, 25, helo, 20, source_address=(source, 0))


def direct():
    smtp = smtplib.SMTP("192.0.2.1", 25, "proxy.example", 20)
    smtp.ehlo()
    return smtp


@test("nginx: a stranger stays a stranger, although the proxy is trusted")
def _():
    with by_nginx(STRANGER) as smtp:
        smtp.ehlo()
        same(smtp.docmd("MAIL FROM:<a@b.example>")[0], 250)
        code, text = smtp.docmd("RCPT TO:<u@far.example.org>")
        same((code, text), (550, b"5.7.1 <u@far.example.org>: Relay access denied"))
    with by_nginx(STRANGER) as smtp:
        smtp.sendmail("a@b.example", ["anna@sender.example"], b"Subject: x\r\n\r\n")
    text = queued()
    check("\nclient: 192.0.2.77\nhelo: client.example\n" in text, text)
    check("\nstanding: stranger\n" in text, text)
    check(re.search(r"Received: from client\.example \((\S+ )?\[192\.0\.2\.77\]\)", text), text)
    check("client=192.0.2.77 helo=client.example" in site.log("handler"), site.log("handler"))


@test("nginx: a trusted client may send anywhere")
def _():
    with by_nginx(TRUSTED) as smtp:
        smtp.sendmail("a@b.example", ["u@far.example.org"], b"Subject: x\r\n\r\n")
    text = queued()
    check("\nclient: 192.0.2.50\n" in text and "\nstanding: trusted\n" in text, text)


@test("nginx: a user who has logged in there may send anywhere, and nobody else")
def _():
    with by_nginx(STRANGER) as smtp:
        smtp.ehlo()
        smtp.login("anna", "sesame")
        smtp.sendmail("anna@sender.example", ["u@far.example.org"], b"Subject: x\r\n\r\n")
    text = queued()
    check("\nclient: 192.0.2.77\n" in text and "\nstanding: user anna\n" in text, text)
    check("with ESMTPA id" in text, text)
    with by_nginx(STRANGER) as smtp:
        smtp.ehlo()
        try:
            smtp.login("anna", "wrong")
            check(False, "a wrong password")
        except (smtplib.SMTPAuthenticationError, smtplib.SMTPServerDisconnected):
            same(site.queued("new"), [])    # nginx closes the connection


@test("a stranger cannot name itself, in the clear and inside TLS")
def _():
    with smtplib.SMTP("192.0.2.1", 25, "evil.example", 20,
                      source_address=(STRANGER, 0)) as smtp:
        smtp.ehlo()
        check("xclient" not in smtp.esmtp_features, smtp.esmtp_features)
        same(smtp.docmd("XCLIENT ADDR=192.0.2.50 LOGIN=anna")[0], 550)
        smtp.starttls()
        smtp.ehlo()
        check("xclient" not in smtp.esmtp_features, smtp.esmtp_features)
        same(smtp.docmd("XCLIENT ADDR=192.0.2.50 LOGIN=anna")[0], 550)
        smtp.docmd("MAIL FROM:<a@b.example>")
        same(smtp.docmd("RCPT TO:<u@far.example.org>")[0], 550)


@test("XCLIENT inside TLS, and STARTTLS after it: the client stays who it is")
def _():
    with direct() as smtp:
        smtp.starttls()
        smtp.ehlo()
        same(smtp.docmd("XCLIENT ADDR=192.0.2.77 LOGIN=anna")[0], 220)
        smtp.ehlo("inner.example")
        check("starttls" not in smtp.esmtp_features, smtp.esmtp_features)
        smtp.sendmail("a@b.example", ["u@far.example.org"], b"Subject: x\r\n\r\n")
        text = queued()
        check("with ESMTPSA id" in text and "\nstanding: user anna\n" in text, text)
    with direct() as smtp:
        same(smtp.docmd("XCLIENT ADDR=192.0.2.77 LOGIN=anna")[0], 220)
        smtp.ehlo()
        smtp.starttls()
        smtp.ehlo()
        check("xclient" not in smtp.esmtp_features, smtp.esmtp_features)
        smtp.docmd("MAIL FROM:<a@b.example>")
        same(smtp.docmd("RCPT TO:<u@far.example.org>")[0], 550, "TLS forgets the login")
        smtp.docmd("RSET")
        smtp.sendmail("a@b.example", ["anna@sender.example"], b"Subject: x\r\n\r\n")
        check("\nclient: 192.0.2.77\n" in queued(), "not the address of the socket")


@test("a client without an address is a stranger, and TLS would not make it the proxy")
def _():
    with direct() as smtp:
        same(smtp.docmd("XCLIENT ADDR=[UNAVAILABLE]")[0], 220)
        smtp.ehlo()
        check("starttls" not in smtp.esmtp_features, smtp.esmtp_features)
        same(smtp.docmd("STARTTLS")[0], 502)
        smtp.docmd("MAIL FROM:<a@b.example>")
        same(smtp.docmd("RCPT TO:<u@far.example.org>")[0], 550)


@test("swaks names a client, with IPv4 and IPv6, before and after STARTTLS")
def _():
    for client, shown in (("ADDR=198.51.100.9 NAME=mx.client.example", "mx.client.example "
                           "[198.51.100.9]"),
                          ("ADDR=IPV6:2001:db8:9::1 NAME=[UNAVAILABLE]",
                           "[IPv6:2001:db8:9::1]")):
        for more in ((), ("--tls",)):
            run_client(["swaks", "--server", "192.0.2.1", "--helo", "swaks.example",
                        "--from", "a@b.example", "--to", "anna@sender.example", "--xclient",
                        client, *more])
            text = queued()
            check("from swaks.example (%s)" % shown in text, text)
            check(("with ESMTPS id" in text) == bool(more), text)


@test("limits count the named client, not the proxy")
def _():
    links = []
    for number in range(5):         # more than two connections of the proxy
        links.append(direct())
    same([link.docmd("XCLIENT ADDR=203.0.113.5")[0] for link in links[:2]], [220, 220])
    same(links[4].docmd("XCLIENT ADDR=203.0.113.6")[0], 220, "another client")
    third = links[2].docmd("XCLIENT ADDR=203.0.113.5")
    check(third[0] in (220, 421), third)

    def ended():
        try:
            return links[2].noop()[0] == 421 or third[0] == 421
        except smtplib.SMTPServerDisconnected:
            return True
    check(third[0] == 421 or wait_for(ended), "the third connection of a client")
    check(re.search(r"limited.*client=203\.0\.113\.5", site.log("handler")), site.log("handler"))
    same([link.noop()[0] for link in (links[0], links[1], links[4])], [250, 250, 250])
    links[0].quit()
    check(wait_for(lambda: direct().docmd("XCLIENT ADDR=203.0.113.5")[0] == 220), "room again")
    for link in links:
        link.close()


main()
