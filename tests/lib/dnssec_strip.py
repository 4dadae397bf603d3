# SPDX-License-Identifier: ISC
"""A forwarder that removes DNSSEC."""
import socket
import struct
import threading


class Stripper:
    """A forwarder that removes DNSSEC: it asks without DO, and clears AD."""

    def __init__(self, address, server="192.0.2.53"):
        self.server = server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 53))
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            query, peer = self.socket.recvfrom(4096)
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
                s.settimeout(2)
                s.connect((self.server, 53))
                end = 12
                while query[end]:
                    end += 1 + query[end]
                head = query[:10] + b"\0\0"
                s.send(head + query[12:end + 5])
                try:
                    reply = s.recv(65535)
                except OSError:
                    continue
                flags = struct.unpack("!H", reply[2:4])[0] & ~0x20 | 0x80
                self.socket.sendto(reply[:2] + struct.pack("!H", flags) + reply[4:], peer)
