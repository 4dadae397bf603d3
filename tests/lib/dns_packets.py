# SPDX-License-Identifier: ISC
"""Packets of the DNS: what a name server reads and sends."""
import socket
import struct

A, CNAME, SOA, MX, TXT, AAAA = 1, 5, 6, 15, 16, 28
SERVFAIL, NXDOMAIN = 2, 3
TRUNCATED = 0x8180 | 0x0200


def wire_name(name):
    labels = [label.encode() for label in name.split(".") if label]
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(name, kind, value, ttl=60):
    if kind == MX:
        preference, target = value
        data = struct.pack("!H", preference) + wire_name(target)
    elif kind == CNAME:
        data = wire_name(value)
    elif kind == SOA:
        data = wire_name(value) * 2 + struct.pack("!5I", 1, 3600, 600, 86400, ttl)
    elif kind == TXT:
        data = bytes((len(value),)) + value.encode()
    else:
        data = socket.inet_pton(socket.AF_INET if kind == A else socket.AF_INET6, value)
    return wire_name(name) + struct.pack("!2HIH", kind, 1, ttl, len(data)) + data


def answer(ident, asked, records=(), rcode=0, flags=0x8180, authority=()):
    """A packet with the answer to a question, which is (name, kind)."""
    head = struct.pack("!6H", ident, flags | rcode, 1, len(records), len(authority), 0)
    return (head + wire_name(asked[0]) + struct.pack("!2H", asked[1], 1)
            + b"".join([*records, *authority]))


def question(packet):
    """The identifier of a query, its name in small letters, and its type."""
    labels, at = [], 12
    while packet[at]:
        labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin1"))
        at += 1 + packet[at]
    return (struct.unpack("!H", packet[:2])[0], ".".join(labels).lower(),
            struct.unpack("!H", packet[at + 1:at + 3])[0])
