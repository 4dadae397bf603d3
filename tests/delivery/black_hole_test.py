# SPDX-License-Identifier: ISC
"""A path on which small packets pass and large ones are lost without a word."""
import ctypes
import os
import socket
import struct
import threading

from programs import Site, fresh_directory
from tap import check, main, same, test

SO_ATTACH_FILTER = 26
LARGEST = 600
# Classic BPF: drop a packet that is larger, as if it had never arrived.
FILTER = [(0x80, 0, 0, 0), (0x25, 0, 1, LARGEST), (0x06, 0, 0, 0), (0x06, 0, 0, 0xffffffff)]
TIMES = ["-o", "relay.connect-timeout=4s", "-o", "relay.dot-timeout=4s",
         "-o", "relay.block-timeout=4s"]


def listen(address):
    listener = socket.create_server((address, 25))
    octets = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *line) for line in FILTER))
    listener.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
                        struct.pack("HL", len(FILTER), ctypes.addressof(octets)))
    return listener


def talk(connection):
    """Read, and reply to no message."""
    lines = connection.makefile("rb")
    connection.sendall(b"220 hole.example\r\n")
    while line := lines.readline():
        if line == b"DATA\r\n":
            connection.sendall(b"354 go on\r\n")
            while lines.readline() not in (b".\r\n", b""):
                pass
        elif line != b"QUIT\r\n":
            connection.sendall(b"250 ok\r\n")


def serve(listener):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=talk, args=(connection,), daemon=True).start()


fresh_directory()
threading.Thread(target=serve, args=(listen("192.0.2.11"),), daemon=True).start()
site = Site("site", "[route example.org]\nvia = smtp://192.0.2.11\n").listen()


def reason(body):
    site.send("bob@example.org", body)
    site.relay(*TIMES)
    paths = site.queued("wait")
    same(len(paths), 1, site.log())
    text = open(paths[0], "rb").read().decode("latin1")
    os.unlink(paths[0])
    return next(line for line in text.splitlines() if " deferred 4.4.2 " in line)


@test("a small message passes, and its reply is late")
def _():
    why = reason(b"Subject: small\r\n\r\nsmall\r\n")
    check("timed out while waiting for the reply to the message" in why, why)
    check("acknowledged" not in why, why)


@test("a large one is lost on the path: the reason says so, and what to do")
def _():
    why = reason(b"Subject: large\r\n\r\n" + (b"0123456789" * 7 + b"\r\n") * 300)
    check("timed out" in why, why)
    check(" octets were sent and none acknowledged for " in why, why)
    check("the path drops large packets (lower the MTU, let ICMP pass)" in why, why)


@test("one that does not fit into the buffers, too")
def _():
    why = reason(b"Subject: larger\r\n\r\n" + (b"0123456789" * 7 + b"\r\n") * 100000)
    check("timed out while sending the message; " in why, why)
    check(" octets were sent and none acknowledged for " in why, why)


main()
