#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""sendmail hands mail in over the socket of the handler, for users without rights."""
import os
import re
import shutil
import socket
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))
from tap import check, main, same, test  # noqa: E402

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
DIRECTORY = "/tmp/smtp-sendmail-test.%d" % os.getpid()
QUEUE = DIRECTORY + "/queue"
SOCKET = DIRECTORY + "/socket"
CONFIG = DIRECTORY + "/conf"
USER = {"LOGNAME": "anna", "NAME": "Anna Lee", "HOME": DIRECTORY, "PATH": os.environ["PATH"]}


class Server:
    """Starts a handler for each connection, as a socket unit does."""

    def __init__(self, *options):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(SOCKET)
        os.chmod(SOCKET, 0o666)
        self.listener.listen(64)
        self.options = options
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            with open(DIRECTORY + "/log", "a", encoding="utf-8") as log:
                subprocess.Popen([BUILD + "/smtp-handler", "-c", CONFIG, "-o",
                                  "server.role=submission", *self.options], stdin=client,
                                 stdout=client, stderr=log)
            client.close()

    def stop(self):
        os.unlink(SOCKET)
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def sendmail(*arguments, text="Subject: x\n\nhello\n", env=None, uid=None):
    """Exit status, standard output and errors."""
    r = subprocess.run([BUILD + "/sendmail", "-C", CONFIG, *arguments], input=text.encode(),
                       env={**USER, **(env or {})}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                       timeout=60, user=uid, group=uid, extra_groups=[] if uid else None)
    return r.returncode, r.stdout.decode(), r.stderr.decode()


def take():
    """The messages of the queue, which are removed: sender, recipients and content of each."""
    messages = []
    folder = QUEUE + "/new"
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        with open(os.path.join(folder, name), "rb") as file:
            envelope, _, content = file.read().partition(b"\n\n")
        os.unlink(os.path.join(folder, name))
        envelope = envelope.decode()
        messages.append((re.search(r"^from: <(.*?)>(.*)$", envelope, re.M).groups(),
                         [to + parameters for to, parameters in
                          re.findall(r"^P <(.*?)>(.*)$", envelope, re.M)],
                         content.decode().replace("\r\n", "\n")))
    return messages


def sent(*arguments, **more):
    """The only message of a call that succeeds."""
    same(sendmail(*arguments, **more), (0, "", ""))
    [message] = take()
    return message


def fields(message, name):
    return re.findall(r"^%s: (.*)$" % name, message[2].partition("\n\n")[0], re.M)


os.makedirs(DIRECTORY)
with open(CONFIG, "w", encoding="ascii") as config:
    config.write("""[queue]
directory = %s
min-free = 0
[server]
hostname = mx.example.org
masquerade = %s/names
[sendmail]
socket = %s
[route strict.example]
via = print
recipients = %s/list
""" % (QUEUE, DIRECTORY, SOCKET, DIRECTORY))
with open(DIRECTORY + "/names", "w", encoding="ascii") as file:
    file.write("cron: robots@provider.example\n")
with open(DIRECTORY + "/list", "w", encoding="ascii") as file:
    file.write("known@strict.example\n")
server = Server()


@test("recipients as arguments; a name alone is one of this host")
def arguments():
    (sender, _), to, content = sent("root", "ben@example.org, carl@example.org", uid=12345)
    same(sender, "anna@mx.example.org")
    same(to, ["root@mx.example.org", "ben@example.org", "carl@example.org"])
    check(content.endswith("Subject: x\n\nhello\n"), content)


@test("what lacks is added: From with the full name, Date, Message-ID")
def added():
    message = sent("root", uid=12345)
    same(fields(message, "From"), ["Anna Lee <anna@mx.example.org>"])
    same([len(fields(message, name)) for name in ("Date", "Message-ID", "Subject")], [1, 1, 1])
    for name, want in (("Lee, Anna", '"Lee, Anna" <'), ('A "B" C', '"A \\"B\\" C" <'),
                       ("Grä", "=?UTF-8?B?R3LDpA==?= <"), ("a\nBcc: b", "<")):
        [field] = fields(sent("-F", name, "root"), "From")
        check(field.startswith(want), name, field)
    same(fields(sent("root", text="From: x@y.example\n\nhello\n"), "From"), ["x@y.example"])


@test("masquerade: a user has another address for others, in the envelope and in From")
def masquerade():
    user = {"LOGNAME": "cron", "NAME": ""}
    message = sent("root", env=user, uid=12345)
    same(message[0][0], "robots@provider.example")
    same(fields(message, "From"), ["<robots@provider.example>"])
    message = sent("-t", env=user, uid=12345, text="From: cron (Cron Daemon)\nTo: cron\n\nx\n")
    same((message[0][0], message[1]), ("robots@provider.example", ["cron@mx.example.org"]))
    same(fields(message, "From"), ["robots@provider.example (Cron Daemon)"])


@test("-f is the sender; <> and nothing are the null sender; a name in front does not count")
def sender():
    same([sent("-f", value, "root")[0][0] for value in
          ("ben@example.org", "<>", "", "Ben <ben@b.example>", "ben")],
         ["ben@example.org", "", "", "ben@b.example", "ben@mx.example.org"])
    same(sent("-rben@example.org", "root")[0][0], "ben@example.org")
    same(sendmail("-f", "a b@c", "root")[0], 64)


@test("-v: each command and each line of a reply has a line of its own")
def verbose():
    code, output, errors = sendmail("-v", "root")
    lines = errors.split("\n")
    same((code, output, lines.pop(), len(take())), (0, "", "", 1))
    check(all(re.match(r"[<>] [ -~]*[!-~]$", line) and "?" not in line for line in lines), errors)
    same([line.split()[1].partition(":")[0] for line in lines if line.startswith("> ")],
         ["EHLO", "MAIL", "RCPT", "DATA", ".", "QUIT"])
    check(lines[0].startswith("< 220 mx.example.org ") and lines[-1].startswith("< 221 "), errors)


@test("-t: To, Cc and Bcc, and the arguments; Bcc is not sent")
def header():
    text = ("To: Ben <ben@b.example>,\n\t\"C, D\" <c@d.example>\nCc: friends: e@f.example;\n"
            "bcc: secret@g.example\nSubject: x\n\nTo: nobody@h.example\n")
    message = sent("-t", "more@i.example", text=text)
    same(message[1], ["more@i.example", "ben@b.example", "c@d.example", "e@f.example",
                      "secret@g.example"])
    check("secret" not in message[2] and "To: nobody@h.example" in message[2], message[2])
    message = sent("-t", text="To: a@b.example\nResent-To: c@d.example\n\nx\n")
    same(message[1], ["c@d.example"])
    same(sent("-t", text="To: a@b.example, A@b.example\nCc: a@b.example\n\nx\n")[1],
         ["a@b.example", "A@b.example"])


@test("-t: what is no address is passed over with a warning; the others get the message")
def passed_over():
    for text in ("To: undisclosed recipients\nBcc: a@b.example, c@d.example\n\nx\n",
                 "To: a@b.example, x y z, c@d.example\nCc: p q\n\nx\n",
                 "To: x\\@y.example, :-) <a@b.example>, c@d.example\n\nx\n"):
        r = sendmail("-t", text=text)
        check(r[0] == 0 and r[2].count("\n") == 1 and "not an address: " in r[2], text, r)
        same([message[1] for message in take()], [["a@b.example", "c@d.example"]])


@test("what cannot be sent is a clear error: nobody, a bad address, an unknown option")
def mistakes():
    for call, text, status, want in (
            ((), "x\n", 64, "no recipients: name some, or use -t"),
            (("-t",), "Subject: x\n\n", 64, "no recipients in To, Cc and Bcc"),
            (("-t",), "To: a b c\n\nx\n", 65, "not an address: a b c"),
            (("a b",), "x\n", 67, "not an address: a b"), (("-K", "a"), "x\n", 64, "option"),
            (("-bd",), "", 64, "smtp-handler-listen.socket"), (("-bz",), "", 64, "mode"),
            (("-N", "often", "root"), "x\n", 64, "-N takes"),
            (("-R", "some", "root"), "x\n", 64, "-R takes")):
        r = sendmail(*call, text=text)
        check(r[0] == status and want in r[2] and r[2].count("\n") == 1, call, r)
    same(take(), [])


@test("a dot alone ends the message, unless -i or -oi is given; dots arrive as they are")
def dots():
    text = "Subject: x\n\n.a\n..\n.\nmore\n"
    check(sent("root", text=text)[2].endswith("\n\n.a\n..\n"))
    for option in "-i", "-oi":
        check(sent(option, "root", text=text)[2].endswith("\n\n.a\n..\n.\nmore\n"))
    check(sent("root", text="Subject: x\n\na\n.")[2].endswith("\n\na\n"))


@test("lines with CRLF, a missing last line end, no header, an empty message")
def shapes():
    check(sent("root", text="Subject: x\r\n\r\na\r\n")[2].endswith("Subject: x\n\na\n"))
    check(sent("root", text="Subject: x\n\na")[2].endswith("\n\na\n"))
    message = sent("root", text="just text\nof two lines\n")
    check(message[2].endswith("\n\njust text\nof two lines\n"), message)
    same(len(fields(message, "From")), 1)
    same(len(fields(sent("root", text=""), "From")), 1)


@test("8-bit text and addresses in UTF-8")
def eight_bit():
    message = sent("grä@bücher.example", text="Subject: x\n\nGrüße\n")
    same(message[1], ["grä@bücher.example"])
    check("SMTPUTF8" in message[0][1] and "BODY=8BITMIME" in message[0][1], message)


@test("a bare CR becomes a blank in the fields and in the text, so output with progress gets in")
def bare_cr():
    message = sent("root", text="Subject: a\rBcc: b\n\n10%\r20%\r\r\n\r.\n")
    same(fields(message, "Subject"), ["a Bcc: b"])
    check(message[2].endswith("\n\n10% 20% \n .\n"), message)


@test("-N, -R and -V become parameters of DSN")
def notices():
    message = sent("-N", "success,failure", "-R", "hdrs", "-V", "an id+", "root")
    check("RET=HDRS" in message[0][1] and "ENVID=an+20id+2B" in message[0][1], message)
    same(message[1], ["root@mx.example.org NOTIFY=success,failure"])


@test("options of other servers are ignored; -- ends the options")
def ignored():
    same(sent("-oem", "-odi", "-om", "-B8BITMIME", "-G", "-U", "-n", "-h", "3", "-Ac", "-L", "tag",
              "-O", "x=y", "-X", "/dev/null", "-em", "-ba"[:2] + "m", "--", "root")[1],
         ["root@mx.example.org"])


@test("a refused recipient: exit status 67, one line; the others get the message")
def refused():
    r = sendmail("nobody@strict.example", "known@strict.example")
    check(r[0] == 67 and r[2].startswith("sendmail: nobody@strict.example: 550 5.1.1 "), r)
    same([message[1] for message in take()], [["known@strict.example"]])
    same(sendmail("nobody@strict.example")[0], 67)
    same(take(), [])


@test("more recipients than the server takes at once: several messages, each once")
def many():
    people = ["u%d@example.org" % i for i in range(250)]
    server.options = ("-o", "server.max-recipients=100")
    same(sendmail(*people)[0], 0)
    server.options = ()
    messages = take()
    same([len(m[1]) for m in messages], [100, 100, 50])
    same(sorted(sum((m[1] for m in messages), [])), sorted(people))


@test("a message that is too large: 69, and the reply is printed")
def too_large():
    server.options = ("-o", "server.max-message-size=64K")
    r = sendmail("root", text="Subject: x\n\n" + ("y" * 70 + "\n") * 2000)
    server.options = ()
    check(r[0] == 69 and " 552 5.3.4 " in r[2], r)


@test("-bv: replies that cannot be written are no success")
def verify_lost():
    with open("/dev/full", "w", encoding="ascii") as full:
        r = subprocess.run([BUILD + "/sendmail", "-C", CONFIG, "-bv", "root"], env=USER,
                           stdout=full, stderr=subprocess.PIPE, timeout=60)
    same((r.returncode, r.stderr.decode()),
         (74, "sendmail: standard output: No space left on device\n"))


@test("-bs carries a session; -bv verifies")
def sessions():
    r = sendmail("-bs", text="EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<root>\r\n"
                 "DATA\r\nSubject: x\r\n\r\nhello\r\n.\r\nQUIT\r\n")
    same([r[0], re.findall(r"^(\d+) ", r[1], re.M)],
         [0, ["220", "250", "250", "250", "354", "250", "221"]])
    same(len(take()), 1)
    r = sendmail("-bs", text="EHLO x\nMAIL FROM:<a@b.example>\nRCPT TO:<root>\n"
                 "DATA\nSubject: x\n\ntyped\n.\nQUIT\n")
    same([r[0], re.findall(r"^(\d+) ", r[1], re.M)],
         [0, ["220", "250", "250", "250", "354", "250", "221"]])
    same(len(take()), 1)
    # Octets of a program stay as they are, and so the server refuses what no line may have.
    r = sendmail("-bs", text="EHLO x\r\nNOOP\nQUIT\r\n")
    same(re.findall(r"^(\d+) ", r[1], re.M), ["220", "250", "500"], r)
    r = sendmail("-bv", "known@strict.example", "nobody@strict.example")
    check(r[0] == 67 and "known@strict.example: 25" in r[1] and
          "nobody@strict.example: 550" in r[1], r)
    same(sendmail("-bv", "known@strict.example")[0], 0)


@test("-bp, mailq and -q: 77 with the command to type, for others than root")
def queue():
    for call in ("-bp",), ("-bq",), ("-q",), ("-q15m",):
        r = sendmail(*call, uid=12345)
        check(r[0] == 77 and "sudo smtp-queue" in r[2], call, r)
    sendmail("root")
    r = sendmail("-bp")
    check("root@mx.exam" in r[1], r)
    for name, want in (("mailq", "root@mx.exam"), ("newaliases", "")):
        if not os.path.exists(BUILD + "/" + name):
            os.symlink("sendmail", BUILD + "/" + name)
        r = subprocess.run([BUILD + "/" + name, "-C", CONFIG], stdout=subprocess.PIPE, timeout=60)
        same(r.returncode, 0)
        check(want in r.stdout.decode(), r)
        os.unlink(BUILD + "/" + name)
    take()


@test("the server is away: 75 and one line; nothing is kept")
def away():
    global server
    server.stop()
    r = sendmail("root")
    check(r[0] == 75 and r[2].count("\n") == 1 and "start smtp-handler-local.socket" in r[2], r)
    r = sendmail("-bs", text="QUIT\r\n")
    check(r[0] == 75 and r[1].startswith("421 4.3.2 "), r)
    server = Server()


@test("the folder for temporary files is full: 75, and no part of the message is sent")
def full_folder():
    folder = DIRECTORY + "/full"
    os.makedirs(folder)
    for octets, status in (65536, 0), (1 << 20, 75):
        text = "Subject: x\n\n" + ("x" * 63 + "\n") * (octets // 64)
        r = subprocess.run(["unshare", "-m" if os.getuid() == 0 else "-rm", "sh", "-c",
                            "mount -t tmpfs -o size=256k full $TMPDIR && exec \"$@\"", "sh",
                            BUILD + "/sendmail", "-C", CONFIG, "root"], input=text.encode(),
                           env={**USER, "TMPDIR": folder}, capture_output=True, timeout=60)
        same(r.returncode, status, r.stderr)
        check(status == 0 or b"no room for the message in the folder of TMPDIR" in r.stderr, r)
        same(len(take()), status == 0)
    r = subprocess.run([BUILD + "/sendmail", "-C", CONFIG, "root"], stdin=os.open("/", os.O_RDONLY),
                       env=USER, capture_output=True, timeout=60)
    same(r.returncode, 74, r.stderr)    # a folder is no message


@test("with an outbox: the message is kept, and the next call or -q sends it")
def outbox():
    global server
    home = DIRECTORY + "/home"
    os.makedirs(home)
    os.chown(home, 12345, 12345)
    user = {"uid": 12345, "env": {"HOME": home}}
    folder = home + "/.local/state/smtp-handler/outbox"
    with open(CONFIG, "a", encoding="ascii") as more:
        more.write("[sendmail]\noutbox = on\n")
    server.stop()
    for text in "one", "two":
        r = sendmail("-N", "never", "ben@b.example", text="Subject: %s\n\n.x\n" % text, **user)
        check(r[0] == 0 and "kept in the outbox" in r[2], r)
    same(sendmail("-q", **user)[0], 75)
    server = Server()
    same(sendmail("carl@c.example", **user)[0], 0)
    messages = take()
    same(sorted(m[1][0] for m in messages),
         ["ben@b.example NOTIFY=never"] * 2 + ["carl@c.example"])
    check(any(m[2].endswith("Subject: one\n\n.x\n") for m in messages), messages)
    same([os.listdir(folder), sendmail("-q", **user)[0]], [[], 0])


@test("a kept message that is refused: its user gets a mail, the message stays in failed/")
def outbox_refused():
    global server
    user = {"uid": 12345, "env": {"HOME": DIRECTORY + "/home"}}
    folder = DIRECTORY + "/home/.local/state/smtp-handler/outbox"
    server.stop()
    same(sendmail("nobody@strict.example", "known@strict.example", **user)[0], 0)
    server = Server()
    same(sendmail("-q", **user)[0], 0)
    messages = take()
    same(sorted(m[1] for m in messages), [["anna@mx.example.org"], ["known@strict.example"]])
    [notice] = [m for m in messages if m[1] == ["anna@mx.example.org"]]
    check("could not be sent" in notice[2] and folder + "/failed/" in notice[2], notice)
    same([os.listdir(folder), len(os.listdir(folder + "/failed"))], [["failed"], 1])


@test("a writer that takes longer than the server waits: the message arrives whole")
def slow():
    server.options = ("-o", "server.timeout=300ms")
    r = subprocess.run(["sh", "-c", "(echo Subject: x; echo; sleep 1; echo end) | %s/sendmail "
                        "-C %s root" % (BUILD, CONFIG)], timeout=60)
    server.options = ()
    same(r.returncode, 0)
    check(take()[0][2].endswith("\n\nend\n"))


main(lambda failed: shutil.rmtree(DIRECTORY, ignore_errors=True))
