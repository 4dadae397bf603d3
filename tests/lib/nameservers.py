# SPDX-License-Identifier: ISC
"""Name servers: NSD for honest answers, FakeNameServer for answers that no honest server gives."""
import asyncio
import os
import socket
import struct
import subprocess

from dns_packets import (A, AAAA, MX, SERVFAIL, SOA, TRUNCATED, TXT, answer, question, record,
                         wire_name)
from exchangers import _loop, in_loop
from programs import PEERS, peer_environment
from tap import wait_for

__all__ = ["A", "AAAA", "MX", "SERVFAIL", "TRUNCATED", "TXT", "FakeNameServer", "answer", "ask",
           "nsd", "nsd_process", "record", "wire_name"]


def nsd(directory, zones, address="192.0.2.53"):
    """Start NSD on address, port 53, with zones: {name: text without $ORIGIN and SOA}."""
    os.makedirs(directory)
    for name, text in zones.items():
        with open("%s/%s.zone" % (directory, name), "w") as file:
            file.write("$ORIGIN %s.\n$TTL 60\n@ SOA ns.%s. root.%s. 1 3600 600 86400 60\n"
                       "@ NS ns.invalid.\n%s\n" % (name, name, name, text))
    return nsd_process(directory, {name: name + ".zone" for name in zones}, address)


def nsd_process(directory, files, address):
    """Start NSD with zones: {name: file in the directory}."""
    lines = ["server:", "  ip-address: " + address, "  username: \"\"", "  chroot: \"\"",
             "  database: \"\"", "  server-count: 1", "  zonesdir: " + directory,
             "  pidfile: nsd.pid", "  xfrdfile: xfrd.state", "  xfrdir: " + directory,
             "  zonelistfile: zone.list", "  rrl-ratelimit: 0", "  hide-version: yes",
             "remote-control:", "  control-enable: no"]
    for name, file in files.items():
        lines += ["zone:", "  name: " + name, "  zonefile: " + file]
    with open(directory + "/nsd.conf", "w") as file:
        file.write("\n".join(lines) + "\n")
    log = open(directory + "/nsd.log", "w")
    process = subprocess.Popen([PEERS + "/usr/sbin/nsd", "-d", "-c", directory + "/nsd.conf"],
                               env=peer_environment(),
                               stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    first = next(iter(files))
    if not wait_for(lambda: process.poll() is None and ask(address, first, SOA), 30):
        raise RuntimeError("NSD does not answer: " + open(directory + "/nsd.log").read())
    return process


def ask(address, name, kind):
    """The answer of a name server that runs here, as a packet; None if there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(0.2)
        s.connect((address, 53))
        try:
            s.send(struct.pack("!6H", 1, 0, 1, 0, 0, 0) + wire_name(name)
                   + struct.pack("!2H", kind, 1))
            return s.recv(1500)
        except OSError:
            return None


class FakeNameServer:
    """A name server on UDP and TCP that calls behave(query) for each query.

    behave gets a Query and may call query.send(packet) any number of times.  If it returns True,
    the server answers honestly, from records.
    """

    def __init__(self, address, records, behave=None, port=53):
        self.records, self.behave = records, behave or (lambda query: True)
        self.address, self.udp, self.tcp = address, 0, 0
        in_loop(self._start(address, port))

    async def _start(self, address, port):
        server = self

        class Datagrams(asyncio.DatagramProtocol):
            def connection_made(self, transport):
                self.transport = transport

            def datagram_received(self, data, peer):
                server.udp += 1

                def send(packet):
                    self.transport.sendto(packet, peer)
                server.handle(Query(server, data, send, "udp", peer))

        async def stream(reader, writer):
            size = struct.unpack("!H", await reader.readexactly(2))[0]
            data = await reader.readexactly(size)
            server.tcp += 1

            def send(packet):
                writer.write(struct.pack("!H", len(packet)) + packet)
            server.handle(Query(server, data, send, "tcp", None))
            await writer.drain()
            await reader.read(1)
            writer.close()

        await _loop.create_datagram_endpoint(Datagrams, local_addr=(address, port))
        self._tcp = await asyncio.start_server(stream, address, port)

    def stop_tcp(self):
        """Refuse connections, as a firewall may do."""
        async def close():
            self._tcp.close()
        in_loop(close())

    def handle(self, query):
        if self.behave(query):
            query.honest()


class Query:
    def __init__(self, server, packet, send, over, peer):
        self.server, self.send, self.over, self.peer = server, send, over, peer
        self.packet = packet
        self.id, self.name, self.kind = question(packet)
        self.question = (self.name, self.kind)

    def honest(self, **more):
        known = [r for r in self.server.records if r[0] == self.name]
        records = [record(*r) for r in known if r[1] == self.kind]
        self.send(answer(self.id, self.question, records, 0 if known else 3, **more))

    def later(self, delay_s, call):
        _loop.call_later(delay_s, call)
