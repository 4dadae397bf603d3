# SPDX-License-Identifier: ISC
"""Exchangers to deliver to, all in one thread of the test: aiosmtpd behind a proxy with delays.

    fast = Exchanger("192.0.2.11", banner_s=0.01)
    ...
    fast.messages[0].content
"""
import asyncio
import logging
import re
import socket
import threading

from aiosmtpd.smtp import SMTP

logging.getLogger("mail.log").setLevel(logging.CRITICAL)
SMTP.line_length_limit = 1 << 20        # the default refuses lines over 1001 octets

_loop = asyncio.new_event_loop()
threading.Thread(target=_loop.run_forever, daemon=True).start()


def in_loop(coroutine):
    return asyncio.run_coroutine_threadsafe(coroutine, _loop).result(20)


class Exchanger:
    """An SMTP server at address, port 25.

    banner_s, reply_s   the delays of the greeting and of every later reply
    rcpt, data          the reply to RCPT and to the final dot in place of 250: a text, or a
                        function of the address or of the message
    greeting            send only this, then 221 to the first command
    messages            the accepted messages: mail_from, rcpt_tos, mail_options, content (octets
                        without the added dots)
    connections         the number of connections so far
    open, most          connections that are open, and the most at one time
    hide                a keyword to remove from the reply to EHLO
    """

    hide = None

    def __init__(self, address, port=25, banner_s=0, reply_s=0, rcpt=None, data=None, greeting=None,
                 hostname="mx.example"):
        self.address, self.port = address, port
        self.banner_s, self.reply_s, self.greeting = banner_s, reply_s, greeting
        self.rcpt, self.data, self.hostname = rcpt, data, hostname
        self.messages, self.connections, self.commands = [], 0, []
        self.open, self.most = 0, 0
        self._open = set()
        in_loop(self._start())

    async def _start(self):
        self._inner = await _loop.create_server(self._session, "127.0.0.1", 0)
        self._outer = await asyncio.start_server(self._client, self.address, self.port,
                                                 limit=1 << 20, backlog=500)

    def _session(self):
        return SMTP(self, hostname=self.hostname, data_size_limit=50 << 20, enable_SMTPUTF8=True,
                    loop=_loop)

    def stop(self):
        """Close the listener and cut the open connections."""
        async def close():
            self._outer.close()
            self._inner.close()
            for writer in list(self._open):
                writer.transport.abort()
            await self._outer.wait_closed()
        in_loop(close())

    def cut(self):
        """For use in a callback: cut all connections at once, without a reply."""
        for writer in list(self._open):
            writer.transport.abort()

    # Hooks of aiosmtpd.
    async def handle_RCPT(self, server, session, envelope, address, options):
        answer = self.rcpt(address) if callable(self.rcpt) else self.rcpt
        if answer:
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.append(options)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        answer = self.data(envelope) if callable(self.data) else self.data
        if answer:
            return answer
        self.messages.append(envelope)
        return "250 2.0.0 Ok: kept as number %d" % len(self.messages)

    async def _client(self, reader, writer):
        self.connections += 1
        self.open += 1
        self.most = max(self.most, self.open)
        self._open.add(writer)
        tasks = []
        try:
            await asyncio.sleep(self.banner_s)
            if self.greeting:
                await self._refuse(reader, writer)
                return
            inner_reader, inner_writer = await asyncio.open_connection(
                *self._inner.sockets[0].getsockname())
            self._open.add(inner_writer)
            tasks = [asyncio.create_task(self._copy(reader, inner_writer, 0)),
                     asyncio.create_task(self._copy(inner_reader, writer, self.reply_s, self.hide))]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            inner_writer.close()
            self._open.discard(inner_writer)
        except OSError:
            pass
        finally:
            for task in tasks:
                task.cancel()
            self._open.discard(writer)
            self.open -= 1
            writer.close()

    async def _refuse(self, reader, writer):
        writer.write(self.greeting.encode() + b"\r\n")
        while await reader.readline():
            writer.write(b"221 2.0.0 Bye\r\n")
            return

    @staticmethod
    async def _copy(reader, writer, late_s, hide=None):
        first = True
        while data := await reader.read(1 << 16):
            if late_s and not first:
                await asyncio.sleep(late_s)
            first = False
            if hide:
                data = re.sub(rb"(?m)^250-" + hide + rb"\r\n", b"", data)
            writer.write(data)
            await writer.drain()


class BlackHole:
    """An address whose port 25 ignores even a SYN: a listener with a full backlog."""

    def __init__(self, address, port=25):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, port), family=family, backlog=0)
        self._fill = []
        for _ in range(4):
            s = socket.socket(family)
            s.setblocking(False)
            s.connect_ex((address, port))
            self._fill.append(s)
