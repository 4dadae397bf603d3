# SPDX-License-Identifier: ISC
"""A receiver by SMTP or LMTP for tests with thousands of short deliveries, in threads of the test.

    sink = Sink(("127.0.0.1", 0))           # or the path of a socket
    sink.rcpt = b"550 5.1.1 no"             # in place of 250; or a function of the address
    sink.mail = ...                         # the same, for MAIL; of the sender's address
    sink.begin, sink.data = ...             # for DATA and the content; of the first recipient's
                                            # An empty reply closes the connection.
    sink.ehlo = ...                         # the reply to EHLO
    ...
    sink.messages                           # (recipients, content without added dots)
    sink.mails, sink.connections            # reverse-paths of all MAIL; a count
"""
import os
import socket
import threading

EHLO = b"250-sink.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE\r\n"


class Sink:
    def __init__(self, address, lmtp=False):
        self.messages, self.lmtp = [], lmtp
        self.mails, self.connections = [], 0
        self.mail = self.rcpt = self.begin = self.data = None
        self.ehlo = EHLO
        self.taken = lambda rcpts, content: None        # before the reply
        if isinstance(address, str):
            if os.path.exists(address):
                os.unlink(address)
            self.socket = socket.socket(socket.AF_UNIX)
        else:
            self.socket = socket.socket()
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(address)
        self.socket.listen(50)
        self.address = self.socket.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
                if connection.family == socket.AF_INET:
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        self.connections += 1
        try:
            with connection, connection.makefile("rb") as lines:
                self._talk(connection, lines)
        except OSError:
            pass

    @staticmethod
    def _refusal(rule, address):
        reply = rule(address) if callable(rule) else rule
        if reply == b"":
            raise ConnectionAbortedError
        return reply

    def _talk(self, connection, lines):
        rcpts, begun = [], False
        connection.sendall(b"220 sink.example\r\n")
        while line := lines.readline():
            verb, reply = line[:4].upper().strip(), b"250 2.0.0 Ok"
            if verb in (b"EHLO", b"LHLO"):
                connection.sendall(self.ehlo)
                continue
            address = line[line.find(b"<") + 1:line.find(b">")].decode()
            if verb in (b"MAIL", b"RSET"):
                rcpts = []
            if verb == b"MAIL":
                self.mails.append(address)
                reply = self._refusal(self.mail, address) or reply
                begun = reply.startswith(b"2")
            elif verb == b"RCPT" and not begun:
                reply = b"503 5.5.1 MAIL first"
            elif verb == b"RCPT":
                no = self._refusal(self.rcpt, address)
                reply = no or reply
                if not no:
                    rcpts.append(address)
            elif verb == b"DATA" and rcpts and (no := self._refusal(self.begin, rcpts[0])):
                reply = no
            elif verb == b"DATA" and rcpts:
                connection.sendall(b"354 go on\r\n")
                if not self._content(connection, lines, rcpts):
                    return
                continue
            elif verb == b"DATA":
                reply = b"503 5.5.1 no recipients"
            elif verb == b"AUTH":
                reply = b"235 2.7.0 Welcome"
            elif verb == b"QUIT":
                connection.sendall(b"221 2.0.0 Bye\r\n")
                return
            connection.sendall(reply + b"\r\n")

    def _content(self, connection, lines, rcpts):
        content = b""
        while (line := lines.readline()) != b".\r\n":
            if not line:
                return False
            content += line[line.startswith(b"."):]
        no = self._refusal(self.data, rcpts[0])
        if not no:
            self.taken(rcpts, content)
            self.messages.append((rcpts, content))
        reply = (no or b"250 2.0.0 Ok") + b"\r\n"
        connection.sendall(reply * (len(rcpts) if self.lmtp else 1))
        return True
