#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""A client for the host tests.

client.py talk HOST PORT     send stdin after the greeting has begun; print all that comes back
client.py burst HOST PORT N  N connections at once, a greeting and QUIT each; prints GREETED LOST
client.py crowd HOST PORT N  N connections begun at the same time; prints how many were greeted
client.py hostile HOST PORT  sessions that end badly
client.py send HOST PORT FROM TO [COUNT [SECONDS]]   messages by smtplib, one session, which rests
                             for SECONDS before QUIT
client.py deaf HOST PORT SECONDS           commands without end, until the server cannot reply any
                             more; prints "full", and rests until its stdin ends, for so many
                             seconds at most
client.py greeting HOST PORT               prints the first line of the server
client.py submit HOST PORT USER PASSWORD FROM TO   one message; TLS from the first octet on port
                             465, STARTTLS elsewhere; prints the version of TLS
client.py syslog PATH        a syslog daemon: prints each datagram of the socket PATH as a line
"""
import os
import select
import selectors
import smtplib
import socket
import ssl
import struct
import sys
import threading
import time

TIMEOUT = 30


def connect(host, port):
    s = socket.create_connection((host, int(port)), TIMEOUT)
    s.settimeout(TIMEOUT)
    return s


def everything(s):
    while data := s.recv(65536):
        yield data


def talk(host, port):
    s = connect(host, port)
    out = sys.stdout.buffer
    out.write(s.recv(65536))
    s.sendall(sys.stdin.buffer.read())
    for data in everything(s):
        out.write(data)


def burst(host, port, n):
    lock = threading.Lock()
    left = [int(n)]
    count = {"greeted": 0, "lost": 0}

    def one():
        try:
            s = connect(host, port)
            greeting = s.recv(512)
            s.sendall(b"QUIT\r\n")
            for _ in everything(s):
                pass
            return "greeted" if greeting.startswith(b"220 ") else "lost"
        except OSError:
            return "lost"

    def worker():
        while True:
            with lock:
                if left[0] == 0:
                    return
                left[0] -= 1
            result = one()
            with lock:
                count[result] += 1

    threads = [threading.Thread(target=worker) for _ in range(24)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    print(count["greeted"], count["lost"])


def crowd(host, port, n):
    """All connections are begun before the first greeting is read."""
    selector = selectors.DefaultSelector()
    greeted = 0
    for _ in range(int(n)):
        s = socket.socket()
        s.setblocking(False)
        s.connect_ex((host, int(port)))
        selector.register(s, selectors.EVENT_READ)
    while selector.get_map() and (ready := selector.select(TIMEOUT)):
        for key, _ in ready:
            try:
                greeted += key.fileobj.recv(512).startswith(b"220 ")
            except OSError:
                pass
            selector.unregister(key.fileobj)
            key.fileobj.close()
    print(greeted)


def hostile(host, port):
    """Resets at every stage, silence and a close, noise, half a message."""
    message = b"EHLO x\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@example.org>\r\nDATA\r\nhalf a mess"
    for what in (b"", b"EHLO", b"GET / HTTP/1.1\r\n\r\n", os.urandom(3000), b"\0" * 5000,
                 b"\r\n" * 60, message):
        for reset in (False, True):
            s = connect(host, port)
            try:
                if what != b"":
                    s.recv(512)
                s.sendall(what)
            except OSError:
                pass
            if reset:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.close()


def send(host, port, sender, rcpt, count="1", seconds="0"):
    with smtplib.SMTP(host, int(port), timeout=TIMEOUT) as smtp:
        for i in range(int(count)):
            text = f"From: {sender}\nTo: {rcpt}\nSubject: message {i + 1}\n\nText {i + 1}.\n"
            smtp.sendmail(sender, [rcpt], text)
        time.sleep(int(seconds))


def deaf(host, port, seconds):
    s = connect(host, port)
    s.settimeout(2)
    try:
        while True:
            s.sendall(b"NOOP\r\n" * 1000)
    except OSError:
        print("full", flush=True)
    select.select([sys.stdin], [], [], int(seconds))


def greeting(host, port):
    print(connect(host, port).recv(512).decode().strip())


def submit(host, port, user, password, sender, rcpt):
    context = ssl._create_unverified_context()
    if port == "465":
        smtp = smtplib.SMTP_SSL(host, int(port), timeout=TIMEOUT, context=context)
    else:
        smtp = smtplib.SMTP(host, int(port), timeout=TIMEOUT)
    with smtp:
        if port != "465":
            smtp.starttls(context=context)
        smtp.login(user, password)
        text = f"From: {sender}\nTo: {rcpt}\nSubject: submitted\n\nText.\n"
        smtp.sendmail(sender, [rcpt], text)
        print("sent over", smtp.sock.version())


def syslog(path):
    s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    s.bind(path)
    os.chmod(path, 0o666)
    while True:
        print(s.recv(65536).decode(errors="replace").rstrip("\n\0"), flush=True)


if __name__ == "__main__":
    actions = {"talk": talk, "burst": burst, "crowd": crowd, "hostile": hostile, "send": send,
               "deaf": deaf, "greeting": greeting, "submit": submit, "syslog": syslog}
    actions[sys.argv[1]](*sys.argv[2:])
