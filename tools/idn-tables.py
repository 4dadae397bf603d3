#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Write base/idn_map.c, idn_texts.c, idn_compose.c: how IDNA maps characters (UTS 46).

Python has the data of Unicode; libidn2 confirms each mapping, so a character that it refuses or
maps otherwise has no row.  Run it in the top folder, and build/tests/idn_test afterwards.
"""
import ctypes
import unicodedata

HEAD = """// SPDX-License-Identifier: ISC
/*
 * %s
 * Unicode %s.  Written by tools/idn-tables.py.
 */
#include "base/idn_tables.h"

"""
DEVIATIONS = "\u00df\u03c2\u200c\u200d"		# stay as they are
CHANGED = {"\u1e9e": "\u00df"}			# by Unicode 15.1
NFC_INPUT, NONTRANSITIONAL = 1, 8
idn2 = ctypes.CDLL("libidn2.so.0")


def to_ascii(text):
    out = ctypes.c_char_p()
    failed = idn2.idn2_to_ascii_8z(text.encode(), ctypes.byref(out), NFC_INPUT | NONTRANSITIONAL)
    return None if failed else out.value


def folded(c):
    if c in CHANGED:
        return CHANGED[c]
    folds = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", c).casefold())
    return c if c in DEVIATIONS else unicodedata.normalize("NFC", folds)


def confirmed(c, to):
    for form in ("%sb", "b%s"):
        got = to_ascii(form % c)
        if got is not None:
            return got == to_ascii(form % to)
    return False


def characters():
    return (chr(c) for c in range(0x80, 0x110000)
            if not 0xd800 <= c < 0xe000 and not 0xac00 <= c < 0xd7a4)


def ranges(one):
    keys, done = sorted(one), set()
    for c in keys:
        if c in done:
            continue
        best = (1, 1)
        for step in (1, 2):
            n = 1
            while one.get(c + n * step) == one[c] + n * step and (
                    step == 1 or c + n * step - 1 not in one):
                n += 1
            best = max(best, (n, step), key=lambda pair: pair[0])
        n, step = best
        done.update(c + i * step for i in range(n))
        yield "{ 0x%x, %d, %d, %d }," % (c, n, step, one[c] - c)


def rows(items, width=96):
    line = ""
    for item in items:
        if len(line) + len(item) + 1 > width - 8:
            yield "\t" + line + "\n"
            line = ""
        line += (" " if line else "") + item
    yield "\t" + line + "\n"


def table(file, kind, name, items):
    items = list(items)
    file.write("const struct %s %s[] = {\n" % (kind, name))
    file.writelines(rows(items))
    file.write("};\nconst size_t n%s = sizeof %s / sizeof %s[0];\n" % (name, name, name))


def main():
    found = {}
    for c in characters():
        for to in (folded(c), ""):	# "": IDNA ignores the character
            if to != c and confirmed(c, to):
                found[ord(c)] = to
                break
    with open("base/idn_map.c", "w") as file:
        file.write(HEAD % ("Characters that IDNA replaces by another one.",
                           unicodedata.unidata_version))
        table(file, "idn_range", "idn_ranges",
              ranges({c: ord(to) for c, to in found.items() if len(to) == 1}))
    with open("base/idn_texts.c", "w") as file:
        file.write(HEAD % ("Characters that IDNA replaces by none or by several.",
                           unicodedata.unidata_version))
        table(file, "idn_text", "idn_texts",
              ("{ 0x%x, { %s } }," % (c, ", ".join("0x%x" % ord(x) for x in to) or "0")
               for c, to in sorted(found.items()) if len(to) != 1))
    with open("base/idn_compose.c", "w") as file:
        file.write(HEAD % ("Characters that are composed of two, and classes of marks.",
                           unicodedata.unidata_version))
        pairs = []
        for c in characters():
            parts = unicodedata.decomposition(c).split()
            if len(parts) == 2 and "<" not in parts[0] and unicodedata.normalize("NFC", c) == c:
                pairs.append("{ 0x%x, 0x%x, 0x%x }," % (ord(c), *(int(p, 16) for p in parts)))
        table(file, "idn_pair", "idn_pairs", pairs)
        file.write("\n")
        classes, last = [], None
        for c in map(ord, characters()):
            kind = unicodedata.combining(chr(c))
            if kind and last and last[2] == kind and last[1] == c - 1:
                last[1] = c
            elif kind:
                last = [c, c, kind]
                classes.append(last)
        table(file, "idn_class", "idn_classes", ("{ 0x%x, 0x%x, %d }," % tuple(x) for x in classes))


main()
