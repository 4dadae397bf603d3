# SPDX-License-Identifier: ISC
"""Damaged files of a queue and of its state.

A spoiler makes one file from a number.  The file does not depend on others, so a lot of files can
be cut in halves until the one is found that does harm.
"""
import os
import random
import re
import socket
import stat
import struct

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ID = re.compile("[%s]{16}" % ALPHABET)
WORDS = (b"\n", b"\0", b"P <", b"D <", b"F <>", b"\n\n", b"\r", b"\xff\xfe", b" ", b"=", b"..",
         b"/", b"\t", b"\x7f", b"\xc2\x80", b"\xe2\x80\xa8", b"%", b"<", b">", b'"', b"\\", b"|")
NUMBERS = (b"0", b"-0", b"-1", b"1", b"2147483647", b"2147483648", b"4294967295", b"4294967296",
           b"9223372036854775807", b"9223372036854775808", b"-9223372036854775808",
           b"18446744073709551615", b"18446744073709551616", b"99999999999999999999999", b"0x10",
           b"1e9", b"1.5", b"", b"+1", b" 1", b"0000000000000000000001")
BINARY = (0, 1, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1)
ODD_NAMES = ("x", "...", ".hidden", "why", "logins", "0SJ5TN5K6X3N0BK", "0sj5tn5k6x3n0bks",
             "0SJ5TN5K6X3N0BKS ", "0SJ5TN5K6X3N0BKS.settled", "0SJ5TN5K6X3N0BKSS", "n" * 255,
             "a\nb", "\x1b[2J", "\udcff\udcfe", "%s%n", "-rf", "O" * 16, "tmp", "0SJ5TN5K6X3N0BKS~",
             "0SJ5TN5K6X3N0BKS.hold", "1", "-1", "18446744073709551616", "'\"<b>&")
FIXED = 161     # octets of the three lines of fixed width
SPARSE = 10 << 30
HOLLOW = 64 << 20


def check_sum(octets):
    """As smtp-handler-queue(5) has it."""
    octets += bytes(-len(octets) % 4)
    a, b = 1, 0
    for word in struct.unpack("<%dI" % (len(octets) // 4), octets):
        a += word
        b += a
    return (b & 0xffffffff) << 32 | a & 0xffffffff


def made_whole(octets, size=None):
    """The same with a first line that fits: so what comes later is read, too."""
    end = octets.find(b"\n\n", FIXED - 1)
    if end < 0 or len(octets) < FIXED:
        return octets
    size = len(octets) if size is None else size
    first = b"smtp-handler 1 size=%016d envelope=%08d sum=%016x\n" % (
        size, end + 2, check_sum(octets[FIXED:size]))
    return first + octets[octets.find(b"\n") + 1:]


# ---- octets ----

def _place(chance, data):
    at = chance.randrange(len(data) + 1)
    return at, min(chance.choice((1, 1, 2, 8, 64, 512)), len(data) - at)


def flip_bit(chance, data, _):
    if data:
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def put_noise(chance, data, _):
    at, n = _place(chance, data)
    data[at:at + n] = chance.randbytes(n)


def cut_out(chance, data, _):
    at, n = _place(chance, data)
    del data[at:at + n]


def repeat(chance, data, _):
    at, n = _place(chance, data)
    data[at:at] = data[at:at + n] * chance.choice((1, 2, 40))


def cut_off(chance, data, _):
    del data[chance.randrange(len(data) + 1):]


def put_nuls(chance, data, _):
    at, n = _place(chance, data)
    data[at:at + n] = bytes(n)


def put_word(chance, data, _):
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(WORDS)


def splice(chance, data, others):
    other = others[chance.randrange(len(others))]
    at, (start, n) = chance.randrange(len(data) + 1), _place(chance, other)
    end = len(other) if chance.random() < 0.5 else start + n
    if chance.random() < 0.5:
        data[at:] = other[start:end]
    else:
        data[at:at] = other[start:end]


def set_number(chance, data, _):
    found = [m.span() for m in re.finditer(rb"-?[0-9]+", data[:4000])]
    if found:
        start, end = chance.choice(found)
        number = chance.choice(NUMBERS)
        if chance.random() < 0.5:       # fields of fixed width keep theirs
            number = number.rjust(end - start, b"0")[-(end - start):]
        data[start:end] = number


def set_binary(chance, data, _):
    if len(data) >= 8:
        at = chance.randrange(len(data) // 8) * 8
        data[at:at + 8] = struct.pack("<Q", chance.choice(BINARY))


def change_digits(chance, data, _):
    digits = [i for i, c in enumerate(data[:2000]) if 48 <= c <= 57]
    for i in chance.sample(digits, min(3, len(digits))):
        data[i] = chance.randrange(48, 58)


def move_lines(chance, data, _):
    lines = data[:20000].split(b"\n")
    a, b = chance.randrange(len(lines)), chance.randrange(len(lines))
    kind = chance.randrange(4)
    if kind == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif kind == 1:
        lines.insert(a, lines[b])
    elif kind == 2:
        lines[a:a] = [lines[b]] * chance.choice((2, 50, 300))
    else:
        del lines[a]
    data[:20000] = b"\n".join(lines)


def lengthen_line(chance, data, _):
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice((b"x", b"a.", b" ", b"\0", b"\xff", b"9", b"<")) * chance.choice(
        (100, 300, 1000, 5000, 70000))


def other_version(chance, data, _):
    data[:14] = b"smtp-handler %d" % chance.randrange(10)


DAMAGES = (flip_bit, put_noise, cut_out, repeat, cut_off, put_nuls, put_word, splice, splice,
           set_number, set_number, set_binary, change_digits, move_lines, move_lines)


def damage(chance, octets, others):
    """Octets with one to four kinds of damage; others: what can be spliced in."""
    data = bytearray(octets)
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        odd = chance.random()
        if odd < 0.004:
            lengthen_line(chance, data, others)
        elif odd < 0.01 and data.startswith(b"smtp-handler"):
            other_version(chance, data, others)
        else:
            chance.choice(DAMAGES)(chance, data, others)
    return bytes(data)


# ---- files ----

class Spoiled:
    """A damaged file: where it is, what it is, and what it holds."""

    def __init__(self, path, kind, octets=b""):
        self.path, self.kind, self.octets = path, kind, octets

    def put(self, queue, owner):
        """Write it; its inode, or None if the place is taken."""
        path = os.path.join(queue, self.path)
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            KINDS[self.kind](path, self.octets)
            if self.kind == "strange" and owner:
                os.seteuid(0)
                os.chown(path, 1, 1, follow_symlinks=False)
                os.seteuid(owner)
            return os.lstat(path).st_ino
        except (FileExistsError, NotADirectoryError, IsADirectoryError, PermissionError):
            return None
        except OSError as error:
            if error.errno in (36, 40, 6):      # a name or path that cannot be
                return None
            raise


def _file(path, octets, mode=0o600):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    os.write(fd, octets)
    return fd


def _sparse(path, octets, size=SPARSE):
    fd = _file(path, octets)
    os.ftruncate(fd, size)
    os.close(fd)


def _hollow(path, octets):
    """An envelope that fits a content of 64 MB of zeros, which a run delivers."""
    end = octets.find(b"\n\n", FIXED - 1) + 2
    octets = made_whole(octets[:end])
    _sparse(path, re.sub(rb"size=\d{16}", b"size=%016d" % HOLLOW, octets, count=1), HOLLOW)


def _folder(path, octets):
    os.mkdir(path, 0o700)
    if len(octets) % 2:
        os.close(_file(path + "/0SJ5TN5K6X3N0BKS", octets[:100]))


def _hard_link(path, octets):
    os.close(_file(path, octets))
    os.link(path, path + "+")


def _socket(path, _):
    os.mknod(path, 0o600 | stat.S_IFSOCK)


KINDS = {
    "file": lambda path, octets: os.close(_file(path, octets)),
    "locked": lambda path, octets: os.close(_file(path, octets, 0)),
    "open": lambda path, octets: os.close(_file(path, octets, 0o666)),
    "strange": lambda path, octets: os.close(_file(path, octets)),
    "fifo": lambda path, _: os.mkfifo(path, 0o600),
    "socket": _socket,
    "folder": _folder,
    "link": lambda path, octets: os.symlink(LINKS[len(octets) % len(LINKS)], path),
    "hard-link": _hard_link,
    "sparse": _sparse,
    "hollow": _hollow,
}
LINKS = ("/etc/passwd", "nowhere", ".", "../new", "/dev/zero", "../../config")
ODD_KINDS = tuple(sorted(set(KINDS) - {"file"}))
STATE = re.compile("state/|tmp/l|stats/|dead/why/")


class Spoiler:
    """Makes damaged files of samples {path in the queue: octets}.  A "*" in a path of a sample
    stands for any number."""

    def __init__(self, samples, now):
        self.now = now
        self.messages = sorted(octets for path, octets in samples.items() if not STATE.match(path))
        self.states = sorted((p, octets) for p, octets in samples.items() if STATE.match(p))
        self.state_octets = [octets for _, octets in self.states]
        self.others = self.messages + self.state_octets

    def make(self, number):
        chance = random.Random(number)
        if chance.random() < 0.12:
            path, octets = self._state(chance)
        else:
            path, octets = self._message(chance)
        kind = "file"
        if chance.random() < 0.03:
            kind = chance.choice(ODD_KINDS)
        return Spoiled(path, kind, octets)

    def _state(self, chance):
        path, octets = chance.choice(self.states)
        path = path.replace("*", str(chance.randrange(1, 255)))
        if chance.random() < 0.5:       # a name that nobody uses yet, of the same kind
            path = ID.sub(lambda _: any_id(chance), path)
        if chance.random() < 0.02:
            path = os.path.dirname(path) + "/" + chance.choice(ODD_NAMES)
        others = self.others if chance.random() < 0.2 else self.state_octets
        return path, damage(chance, octets, others)

    def _message(self, chance):
        octets = damage(chance, chance.choice(self.messages), self.others)
        name = any_id(chance)
        if chance.random() < 0.85:      # else its ID does not fit
            octets = re.sub(rb"(?m)^id: .*", b"id: " + name.encode(), octets, count=1)
        if chance.random() < 0.5:
            octets = made_whole(octets, chance.choice((None, None, None, len(octets) // 2)))
        if chance.random() < 0.02:
            name = chance.choice(ODD_NAMES)
        return self._folder(chance) + "/" + name, octets

    def _folder(self, chance):
        folder = chance.choice(("tmp", "new", "new", "new", "cur", "cur", "wait", "wait", "hold",
                                "dead"))
        if folder != "wait":
            return folder
        if chance.random() < 0.01:
            return "wait/" + chance.choice(ODD_NAMES)
        return "wait/%d" % chance.choice((1, 2, 1700000000, self.now, self.now + 86400))


def any_id(chance):
    return "0SJ5" + "".join(chance.choices(ALPHABET, k=12))
