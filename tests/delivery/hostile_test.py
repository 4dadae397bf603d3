# SPDX-License-Identifier: ISC
"""Broken or hostile exchangers: mail goes to the next or is kept, in bounded time and memory."""
import asyncio
import os
import struct
import socket
import threading

from exchangers import Exchanger, in_loop
from nameservers import nsd
from programs import Site, fresh_directory
from tap import check, main, note, same, test

directory = fresh_directory()
good = Exchanger("192.0.2.11")
TIMES = ["-o", "relay.connect-timeout=2s", "-o", "relay.greeting-timeout=2s",
         "-o", "relay.command-timeout=2s", "-o", "relay.data-timeout=2s",
         "-o", "relay.block-timeout=2s", "-o", "relay.dot-timeout=5s"]


async def line(reader, writer, text):
    writer.write(text.encode() + b"\r\n")
    await writer.drain()
    return await reader.readline()


async def up_to(reader, writer, stage):
    """An honest session until the client has sent the command of this stage."""
    await line(reader, writer, "220 mean.example")
    if stage == "EHLO":
        return
    for verb in ("MAIL", "RCPT", "DATA"):
        await line(reader, writer, "250 mean.example" if verb == "MAIL" else "250 ok")
        if verb == stage:
            return
    writer.write(b"354 go on\r\n")
    if stage == "content":
        await reader.read(1000)
        return
    while await reader.readline() not in (b".\r\n", b""):
        pass


async def for_ever(writer, octets):
    while True:
        writer.write(octets)
        await writer.drain()


async def drip(writer, text, every_s):
    for octet in text.encode():
        writer.write(bytes([octet]))
        await writer.drain()
        await asyncio.sleep(every_s)
    await asyncio.sleep(100)


def reset(writer):
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                               struct.pack("ii", 1, 0))
    writer.transport.abort()


MEAN = {}               # name: the function that serves a connection


def mean(name):
    def keep(function):
        MEAN[name] = function
        return function
    return keep


@mean("closes at once")
async def _(reader, writer):
    pass


@mean("resets at once")
async def _(reader, writer):
    reset(writer)


@mean("a greeting that drips and never ends")
async def _(reader, writer):
    await drip(writer, "220 " + "a" * 500, 0.2)


@mean("a greeting of endless lines")
async def _(reader, writer):
    await for_ever(writer, b"220-welcome, welcome, welcome\r\n" * 100)


@mean("a greeting of one endless line")
async def _(reader, writer):
    await for_ever(writer, b"220 " + b"a" * 10000)


@mean("NUL octets for ever")
async def _(reader, writer):
    await for_ever(writer, b"\0" * 10000)


@mean("speaks HTTP")
async def _(reader, writer):
    await line(reader, writer, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n")


@mean("an answer to EHLO of endless lines")
async def _(reader, writer):
    await up_to(reader, writer, "EHLO")
    await for_ever(writer, b"250-PIPELINING\r\n" * 100)


@mean("an answer to EHLO that drips")
async def _(reader, writer):
    await up_to(reader, writer, "EHLO")
    await drip(writer, "250-mean.example\r\n" * 100, 0.05)


@mean("silent after EHLO")
async def _(reader, writer):
    await up_to(reader, writer, "EHLO")
    await asyncio.sleep(100)


@mean("the code of the answer changes in its middle")
async def _(reader, writer):
    await up_to(reader, writer, "MAIL")
    await line(reader, writer, "250-ok\r\n550 no")


@mean("all answers in advance, and then no more")
async def _(reader, writer):
    writer.write(b"220 mean.example\r\n250 mean.example\r\n250 ok\r\n250 ok\r\n250 ok\r\n250 ok\r\n"
                 b"250 ok\r\n")
    await asyncio.sleep(100)


@mean("all answers in advance, also that to the message, which it refuses")
async def _(reader, writer):
    writer.write(b"220 mean.example\r\n250 mean.example\r\n250 ok\r\n250 ok\r\n354 go on\r\n"
                 b"250 ok\r\n")
    while await reader.readline() not in (b".\r\n", b""):
        pass
    await line(reader, writer, "554 5.6.0 no")


@mean("250 behind the 354, before the content, and a refusal at the dot")
async def _(reader, writer):
    await up_to(reader, writer, "DATA")
    writer.write(b"354 go on\r\n250 2.0.0 ok\r\n")
    while await reader.readline() not in (b".\r\n", b""):
        pass
    await line(reader, writer, "451 4.3.0 no")


async def chunk(reader):
    """Read commands up to BDAT, and its octets."""
    while not (command := await reader.readline()).startswith(b"BDAT"):
        if not command:
            return
    await reader.readexactly(int(command.split()[1]))


# The message may have arrived, as it left with the commands.
TOO_LATE = ("BDAT: a 250 too many, and it refuses the message right after it",
            "BDAT: a 250 too many, and it does not read the message")
CHUNKS = "250-mean.example\r\n250-PIPELINING\r\n250 CHUNKING"


@mean("BDAT: a 250 too many behind the reply to EHLO, and it refuses the message")
async def _(reader, writer):
    await line(reader, writer, "220 mean.example")
    writer.write((CHUNKS + "\r\n250 ok\r\n").encode())
    await reader.readline()
    writer.write(b"250 ok\r\n250 ok\r\n")
    await chunk(reader)
    await asyncio.sleep(0.2)
    await line(reader, writer, "554 5.6.0 no")


@mean("BDAT: a 250 too many behind the reply to RCPT, before the content")
async def _(reader, writer):
    await line(reader, writer, "220 mean.example")
    await line(reader, writer, CHUNKS)
    await line(reader, writer, "250 ok")
    writer.write(b"250 ok\r\n250 ok\r\n")
    await chunk(reader)
    await asyncio.sleep(0.2)
    await line(reader, writer, "554 5.6.0 no")


@mean("BDAT: a 250 too many, and it refuses the message right after it")
async def _(reader, writer):
    await line(reader, writer, "220 mean.example")
    await line(reader, writer, CHUNKS)
    await chunk(reader)
    await line(reader, writer, "250 ok\r\n250 ok\r\n250 ok\r\n554 5.6.0 no")


@mean("BDAT: a 250 too many, and it does not read the message")
async def _(reader, writer):
    writer.transport.pause_reading()
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2000)
    writer.write(("220 mean.example\r\n" + CHUNKS + "\r\n").encode())
    await asyncio.sleep(0.3)
    writer.write(b"250 ok\r\n250 ok\r\n250 ok\r\n")
    await asyncio.sleep(2)
    writer.write(b"554 5.6.0 no\r\n")


for stage in ("MAIL", "RCPT", "DATA", "content"):
    @mean("closes at " + stage)
    async def _(reader, writer, stage=stage):
        await up_to(reader, writer, stage)

    @mean("resets at " + stage)
    async def _(reader, writer, stage=stage):
        await up_to(reader, writer, stage)
        reset(writer)

    @mean("silent at " + stage)
    async def _(reader, writer, stage=stage):
        await up_to(reader, writer, stage)
        await asyncio.sleep(100)


@mean("does not read the message")
async def _(reader, writer):
    await up_to(reader, writer, "DATA")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2000)
    writer.transport.pause_reading()
    writer.write(b"354 go on\r\n")
    await asyncio.sleep(100)


@mean("closes after the dot")
async def _(reader, writer):
    await up_to(reader, writer, "dot")


@mean("silent after the dot")
async def _(reader, writer):
    await up_to(reader, writer, "dot")
    await asyncio.sleep(100)


def serve(address, function):
    async def client(reader, writer):
        try:
            await function(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.close()
    in_loop(asyncio.start_server(client, address, 25))


zone = ""
for number, name in enumerate(MEAN, 100):
    zone += ("d%d MX 10 mean%d\nd%d MX 20 good\nmean%d A 192.0.2.%d\nonly%d MX 10 mean%d\n"
             % ((number,) * 7))
    serve("192.0.2.%d" % number, MEAN[name])
nsd(directory + "/nsd", {"example.org": zone + "good A 192.0.2.11\n"})
site = Site("site").listen()
SMALL = b"Subject: x\r\n\r\n" + b"0123456789" * 90 + b"\r\n"
LARGE = SMALL + (b"0123456789" * 90 + b"\r\n") * 10000        # more than the socket buffers hold
MIDDLE = SMALL + (b"0123456789" * 90 + b"\r\n") * 60           # goes out with the commands


def send_all(prefix):
    with site.smtp() as smtp:
        for number, name in enumerate(MEAN, 100):
            large = name.endswith(("content", "the message"))
            content = MIDDLE if name == TOO_LATE[1] else LARGE if large else SMALL
            smtp.sendmail("alice@sender.example", ["bob@%s%d.example.org" % (prefix, number)],
                          content)


def most_memory(stop):
    """Append to memory the most that any smtp-relay had, in KiB, until stop is set."""
    most = 0
    while not stop.wait(0.1):
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                status = open("/proc/%s/status" % pid).read()
            except OSError:
                continue
            if status.startswith("Name:\tsmtp-relay\n") and "VmHWM:" in status:
                most = max(most, int(status.split("VmHWM:")[1].split()[0]))
    memory.append(most)


memory = []


@test("R143 a hostile exchanger before a good one: the good one gets the mail, in bounded time")
def _():
    stop = threading.Event()
    watcher = threading.Thread(target=most_memory, args=(stop,))
    watcher.start()
    send_all("d")
    took = site.relay(*TIMES, deadline_s=90)
    stop.set()
    watcher.join()
    note("%.1f s, at most %d KiB a process" % (took, memory[0]))
    arrived = [address for e in good.messages for address in e.rcpt_tos]
    missing = {name for number, name in enumerate(MEAN, 100)
               if "bob@d%d.example.org" % number not in arrived}
    # After the dot the message may have arrived.  Another exchanger would get a second copy.
    check(missing <= {"closes after the dot", "silent after the dot", *TOO_LATE}, missing,
          site.queue_text())
    same(len(arrived), len(MEAN) - len(missing), "no message arrived twice")
    same(len(site.queued("wait")), len(missing))
    same(len(site.mailbox("alice")), 0, "there was no bounce")
    check(took < 40, "%.1f s" % took)
    check(memory[0] and memory[0] < (400 << 10 if "san" in os.environ["BUILD"] else 40 << 10),
          memory)


@test("a hostile exchanger alone: the mail is deferred, with the reason, without a notice")
def _():
    for path in site.queued():
        os.unlink(path)
    send_all("only")
    site.relay(*TIMES, deadline_s=90)
    kept = b"".join(open(path, "rb").read() for path in site.queued("wait")).decode("latin1")
    same([name for number, name in enumerate(MEAN, 100)
          if "<bob@only%d.example.org> deferred 4." % number not in kept], [])
    same(len(site.queued()), len(MEAN))
    same(len(site.mailbox("alice")), 0)


main()
