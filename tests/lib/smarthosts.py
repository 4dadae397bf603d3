# SPDX-License-Identifier: ISC
"""Relays that demand a login, each in a thread of the test.

They offer AUTH PLAIN, LOGIN and XOAUTH2, in the clear, after STARTTLS or in TLS.

    host = Smarthost("127.0.0.1", 2587, users={"anna": "s3cret"})
    ...
    host.messages[0].user, host.logins
"""
import base64
import socketserver
import threading
import types


def b64(text):
    return base64.b64encode(text.encode()).decode()


def unb64(text):
    return base64.b64decode(text).decode()


class Smarthost:
    """A relay at address and port.

    users, tokens   {user: secret} for a login by password, and by XOAUTH2
    mechanisms      the mechanisms that EHLO lists after AUTH; None: no AUTH
    tls, implicit   an ssl.SSLContext for STARTTLS, or for TLS from the first octet; AUTH is
                    offered inside TLS only
    refuse          the reply to the end of every login; with echo, %(said)s and %(secret)s in it
                    stand for the client's last line and its secret
    open            accept mail without a login
    logins          (mechanism, user, secret) of each login, in their order
    messages        mail_from, rcpt_tos, content, user
    lines           all lines that were received
    """

    def __init__(self, address, port, users=None, tokens=None, mechanisms="PLAIN LOGIN", tls=None,
                 implicit=False, refuse=None, open=False, echo=False):
        self.users, self.tokens, self.mechanisms = users or {}, tokens or {}, mechanisms
        self.tls, self.implicit, self.refuse = tls, implicit, refuse
        self.open, self.echo = open, echo
        self.logins, self.messages, self.lines, self.connections = [], [], [], 0
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self):
                outer.connections += 1
                try:
                    Session(outer, self.request).run()
                except (OSError, EOFError, ValueError):
                    pass

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address, daemon_threads, request_queue_size = True, True, 100

        self._server = Server((address, port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


class Session:
    def __init__(self, host, sock):
        self.host, self.sock, self.user, self.secure = host, sock, None, False
        self.reset()

    def reset(self):
        self.sender, self.rcpts = None, []

    def open(self):
        self.file = self.sock.makefile("rwb")

    def say(self, text):
        self.file.write(text.encode() + b"\r\n")
        self.file.flush()

    def hear(self):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError
        self.host.lines.append(line)
        return line[:-2].decode("utf-8", "surrogateescape")

    def start_tls(self):
        self.sock = self.host.tls.wrap_socket(self.sock, server_side=True)
        self.secure, self.user = True, None
        self.open()

    def run(self):
        if self.host.implicit:
            self.start_tls()
        else:
            self.open()
        self.say("220 smart.example ESMTP")
        while True:
            line = self.hear()
            verb, _, rest = line.partition(" ")
            if verb.upper() == "QUIT":
                self.say("221 2.0.0 Bye")
                return
            getattr(self, "do_" + verb.lower(), self.unknown)(rest)

    def unknown(self, rest):
        self.say("500 5.5.1 what?")

    def do_ehlo(self, rest):
        lines = ["smart.example", "PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES"]
        if self.host.tls and not self.secure:
            lines.append("STARTTLS")
        elif self.host.mechanisms:
            lines.append("AUTH " + self.host.mechanisms)
        self.say("\r\n".join("250-" + text for text in lines[:-1]) + "\r\n250 " + lines[-1])

    def do_starttls(self, rest):
        self.say("220 2.0.0 go")
        self.start_tls()

    def ask(self, challenge):
        self.say("334 " + challenge)
        return self.hear()

    def do_auth(self, rest):
        mechanism, _, response = rest.partition(" ")
        if not self.host.mechanisms or mechanism not in self.host.mechanisms.split():
            self.say("504 5.5.4 not that")
            return
        user, secret, error = getattr(self, "auth_" + mechanism.lower())(response)
        self.host.logins.append((mechanism, user, secret))
        known = self.host.tokens if mechanism == "XOAUTH2" else self.host.users
        if self.host.refuse or known.get(user) != secret:
            if error:
                self.ask(b64('{"status":"401","schemes":"bearer","scope":"https://mail.example/"}'))
            refusal = self.host.refuse or "535 5.7.8 username and password not accepted"
            if self.host.echo:
                refusal %= {"said": self.host.lines[-1][:-2].decode("utf-8", "surrogateescape"),
                            "secret": secret}
            self.say(refusal)
            return
        self.user = user
        self.say("235 2.7.0 welcome")

    def auth_plain(self, response):
        _, user, password = unb64(response or self.ask("")).split("\0")
        return user, password, False

    def auth_login(self, response):
        user = unb64(response or self.ask(b64("Username:")))
        return user, unb64(self.ask(b64("Password:"))), False

    def auth_xoauth2(self, response):
        user, token = unb64(response or self.ask(""))[:-2].split("\1")
        return user[len("user="):], token[len("auth=Bearer "):], True

    def do_mail(self, rest):
        if not self.user and not self.host.open:
            self.say("530 5.7.0 Authentication required")
            return
        self.sender = rest
        self.say("250 2.1.0 Ok")

    def do_rcpt(self, rest):
        if self.sender is None:
            self.say("503 5.5.1 MAIL first")
            return
        self.rcpts.append(rest)
        self.say("250 2.1.5 Ok")

    def do_rset(self, rest):
        self.reset()
        self.say("250 2.0.0 Ok")

    def do_data(self, rest):
        if not self.rcpts:
            self.say("503 5.5.1 RCPT first")
            return
        self.say("354 go")
        content = []
        while (line := self.hear()) != ".":
            content.append(line)
        self.host.messages.append(types.SimpleNamespace(
            mail_from=self.sender, rcpt_tos=self.rcpts, user=self.user,
            content="\r\n".join(content)))
        self.reset()
        self.say("250 2.0.0 Ok")
