# SPDX-License-Identifier: ISC
"""Exchangers that speak TLS, correctly or with a fault; each connection is a thread of the test.

    good = TlsExchanger("192.0.2.11", leaf.context())
    good.messages[0].tls        # "TLSv1.3", or None in the clear
"""
import collections
import re
import socket
import ssl
import threading

Message = collections.namedtuple("Message", "tls sender recipients content")


class TlsExchanger:
    """An SMTP server at address.

    context     an ssl.SSLContext; None: no TLS is offered
    implicit    TLS from the first octet
    fault       the reaction to STARTTLS: "closes" (after the 220), "refuses" (454), "inject" (the
                220 has another reply behind it), "garbage" (in place of a handshake), "drops" (no
                reply at all), "mute" (closes after the handshake).  "closes once" and "drops once"
                are over after the first time.
    demand      the reply to MAIL in the clear; None: it is accepted
    inside      keywords that EHLO lists inside TLS
    outside     keywords that EHLO lists in the clear
    messages    the accepted messages
    commands    all command lines, each with a flag: it came inside TLS
    names       the names that clients sent by SNI
    resumed     for each handshake after STARTTLS: was it that of an old session?
    once        each connection ends after its message
    """

    def __init__(self, address, context=None, port=25, implicit=False, fault=None, inside=(),
                 outside=()):
        self.context, self.implicit, self.fault = context, implicit, fault
        self.inside, self.outside, self.demand, self.once = inside, outside, None, False
        self.resumed = []
        self.messages, self.commands, self.connections, self.names = [], [], 0, []
        if context:
            context.sni_callback = lambda sock, name, context: self.names.append(name)
        self._listener = socket.create_server((address, port), backlog=50)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            sock, _ = self._listener.accept()
            self.connections += 1
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        try:
            sock.settimeout(30)
            if self.implicit:
                sock = self.context.wrap_socket(sock, server_side=True)
            sock.sendall(b"220 fake ESMTP\r\n")
            self._talk(sock)
        except (OSError, EOFError):
            pass
        finally:
            sock.close()

    def _talk(self, sock):
        lines, sender, recipients = self._lines(sock), None, []
        for line in lines:
            verb = line.split(b" ")[0].upper()
            self.commands.append((isinstance(sock, ssl.SSLSocket), line.decode()))
            if verb == b"EHLO":
                sock.sendall(self._hello(sock))
            elif verb == b"STARTTLS" and self.context:
                sock = self._starttls(sock)
                lines, sender, recipients = self._lines(sock), None, []
                return self._talk(sock) if sock else None
            elif verb == b"MAIL" and self.demand and not isinstance(sock, ssl.SSLSocket):
                sock.sendall(self.demand.encode() + b"\r\n")
            elif verb == b"MAIL":
                sender, recipients = line, []
                sock.sendall(b"250 2.1.0 Ok\r\n")
            elif verb == b"RCPT":
                recipients.append(line)
                sock.sendall(b"250 2.1.5 Ok\r\n")
            elif verb == b"DATA":
                sock.sendall(b"354 go\r\n")
                content = b""
                for text in lines:
                    if text == b".":
                        break
                    content += text + b"\r\n"
                self.messages.append(Message(self._version(sock), sender, recipients, content))
                sock.sendall(b"250 2.0.0 Ok\r\n")
                if self.once:
                    return None
            elif verb == b"QUIT":
                sock.sendall(b"221 2.0.0 Bye\r\n")
                return None
            else:
                sock.sendall(b"502 5.5.1 what?\r\n")
        return None

    def _starttls(self, sock):
        if self.fault == "refuses":
            sock.sendall(b"454 4.7.0 not now\r\n")
            return sock
        fault = self.fault
        if fault in ("drops once", "closes once"):
            self.fault = None
        if fault in ("drops", "drops once"):
            sock.close()
            return None
        sock.sendall(b"220 go ahead\r\n" + (b"250 injected\r\n" if self.fault == "inject" else b""))
        if fault in ("closes", "closes once"):
            sock.close()
            return None
        if self.fault == "garbage":
            sock.recv(10000)
            sock.sendall(b"500 5.5.1 what?\r\n")
            sock.close()
            return None
        if self.fault == "tickets" and re.search(rb"\x00\x29[\x00\x01]",
                                                 sock.recv(10000, socket.MSG_PEEK)):
            sock.close()        # a ClientHello that offers a session, in TLS 1.3
            return None
        sock = self.context.wrap_socket(sock, server_side=True)
        self.resumed.append(sock.session_reused)
        if self.fault == "mute" or (self.fault == "mute-tickets" and sock.session_reused):
            sock.close()
            return None
        return sock

    def _hello(self, sock):
        secure = isinstance(sock, ssl.SSLSocket)
        starttls = ["STARTTLS"] if self.context else []
        offered = [*self.inside] if secure else [*self.outside, *starttls]
        words = ["fake", *offered]
        lines = ["250%s%s\r\n" % (" " if i == len(words) - 1 else "-", word)
                 for i, word in enumerate(words)]
        return "".join(lines).encode()

    @staticmethod
    def _version(sock):
        return sock.version() if isinstance(sock, ssl.SSLSocket) else None

    @staticmethod
    def _lines(sock):
        rest = b""
        while True:
            while b"\r\n" in rest:
                line, rest = rest.split(b"\r\n", 1)
                yield line
            data = sock.recv(65536)
            if not data:
                return
            rest += data
