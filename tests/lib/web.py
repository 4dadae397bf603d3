# SPDX-License-Identifier: ISC
"""A web server with TLS that replies as a test wants it, by the host's name in the request.

    web = Web("192.0.2.30")
    web.hosts["mta-sts.a.example.org"] = Page(leaf.context(), b"version: STSv1...")
    web.posts       # (host and path, head, body) of each request that posts something
"""
import collections
import re
import socket
import ssl
import threading
import time


class Page:
    """status, kind (Content-Type), and body of a reply; behave: "chunked", "slow" (an octet a
    second), "mute" (no reply)."""

    def __init__(self, context, body=b"", status="200 OK", kind="text/plain", headers=(),
                 behave=None):
        self.context, self.body, self.status, self.kind = context, body, status, kind
        self.headers, self.behave = headers, behave


class Web:
    def __init__(self, address, port=443):
        self.hosts, self.hits, self.posts = {}, collections.Counter(), []
        self._listener = socket.create_server((address, port), backlog=50)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            sock, _ = self._listener.accept()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _choose(self, sock, name, _):
        if name in self.hosts:
            sock.context = self.hosts[name].context

    def _serve(self, sock):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.sni_callback = self._choose
        first = next(iter(self.hosts.values())).context
        try:
            sock.settimeout(90)
            first.sni_callback = self._choose
            with first.wrap_socket(sock, server_side=True) as tls:
                self._reply(tls)
        except OSError:
            pass
        finally:
            sock.close()

    def _reply(self, tls):
        request = b""
        while b"\r\n\r\n" not in request:
            data = tls.recv(65536)
            if not data:
                return
            request += data
        host = re.search(rb"(?i)\nhost: *([^:\r]*)", request)[1].decode()
        path = request.split(b" ")[1].decode()
        self.hits[host + path] += 1
        page = self.hosts[host]
        if request.startswith(b"POST "):
            head, body = request.split(b"\r\n\r\n", 1)
            length = int(re.search(rb"(?i)\ncontent-length: *(\d+)", head)[1])
            while len(body) < length:
                body += tls.recv(65536)
            self.posts.append((host + path, head.decode(), body))
        head = ["HTTP/1.1 " + page.status, "Content-Type: " + page.kind, *page.headers]
        if page.behave == "mute":
            time.sleep(60)
        elif page.behave == "chunked":
            tls.sendall("\r\n".join([*head, "Transfer-Encoding: chunked", "", ""]).encode())
            for octet in page.body:
                tls.sendall(b"1\r\n%c\r\n" % octet)
            tls.sendall(b"0\r\n\r\n")
        else:
            head += ["Content-Length: %d" % len(page.body), "Connection: close", "", ""]
            tls.sendall("\r\n".join(head).encode())
            for i in range(0, len(page.body), 1 if page.behave == "slow" else 65536):
                tls.sendall(page.body[i:i + 1] if page.behave == "slow" else
                            page.body[i:i + 65536])
                if page.behave == "slow":
                    time.sleep(1)
