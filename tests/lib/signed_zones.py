# SPDX-License-Identifier: ISC
"""Zones with signatures, from a root of their own, on one NSD.

    zones = SignedZones(directory)
    zones.add("lab", "mx A 192.0.2.11\\n")
    zones.add("plain.lab", "...", signed=False)
    zones.serve()               # NSD on 192.0.2.53; zones.anchor is the file of the root's key
"""
import os
import subprocess
import time

from nameservers import nsd_process

ALGORITHM = "ECDSAP256SHA256"
DAY = 86400


def _run(*argv, directory):
    done = subprocess.run(argv, cwd=directory, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError("%s: %s%s" % (argv, done.stdout, done.stderr))
    return done.stdout


def _stamp(offset_s):
    return time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + offset_s))


class _Zone:
    def __init__(self, name, text, signed, nsec3, expired, other_ds, spoil):
        self.name, self.text, self.signed, self.nsec3 = name, text, signed, nsec3
        self.expired, self.other_ds, self.spoil = expired, other_ds, spoil
        self.file = (name or "root") + ".zone"

    @property
    def parent(self):
        return self.name.partition(".")[2] if "." in self.name else ""


class SignedZones:
    """The zones are signed by serve(), from the leaves to the root, and are on one server.

    signed      False: a delegation without DS
    nsec3       denials are by NSEC3
    expired     its signatures have run out
    other_ds    its parent has the DS of another key
    spoil       a function of the signed text, which damages it
    """

    def __init__(self, directory, address="192.0.2.53"):
        os.makedirs(directory, exist_ok=True)
        self.directory, self.address, self.zones = directory, address, {}
        self.anchor = os.path.abspath(directory) + "/root.key"
        self.process = None
        self.add("", "")

    def add(self, name, text, signed=True, nsec3=False, expired=False, other_ds=False, spoil=None):
        self.zones[name] = _Zone(name, text, signed, nsec3, expired, other_ds, spoil)

    def _key(self, name):
        return _run("ldns-keygen", "-a", ALGORITHM, "-k", (name or "") + ".",
                    directory=self.directory).strip()

    def _sign(self, zone):
        children = [z for z in self.zones.values() if z.name and z.parent == zone.name]
        dot = zone.name + "."
        text = ("$ORIGIN %s\n$TTL 60\n@ SOA ns%s. root%s. %d 3600 600 86400 60\n"
                "@ NS ns.servers.\n" % (dot, *["." + zone.name if zone.name else ""] * 2,
                                        int(time.time())))
        if not zone.name:
            text += "ns.servers. A %s\n" % self.address
        text += zone.text
        for child in children:
            text += "%s. NS ns.servers.\n" % child.name
            if child.signed:
                text += child.ds
        path = self.directory + "/" + zone.file
        with open(path, "w") as file:
            file.write(text)
        if not zone.signed:
            return
        key = self._key(zone.name)
        other = self._key(zone.name) if zone.other_ds else key
        with open("%s/%s.ds" % (self.directory, other)) as ds:
            zone.ds = ds.read()
        if not zone.name:
            os.replace("%s/%s.key" % (self.directory, key), self.anchor)
            with open(self.anchor) as source, open(path_of_key(self.directory, key), "w") as copy:
                copy.write(source.read())
        times = ["-i", _stamp(-9 * DAY), "-e", _stamp(-2 * DAY)] if zone.expired else []
        _run("ldns-signzone", *times, *(["-n"] if zone.nsec3 else []), zone.file, key,
             directory=self.directory)
        with open(path + ".signed") as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(zone.spoil(text) if zone.spoil else text)

    def serve(self):
        """Sign all zones, the leaves first, and start NSD, or start it again."""
        for zone in sorted(self.zones.values(), reverse=True,
                           key=lambda z: z.name.count(".") + (z.name != "")):
            self._sign(zone)
        if self.process:
            self.process.terminate()
            self.process.wait(10)
        self.process = nsd_process(self.directory, {z.name or ".": z.file
                                                    for z in self.zones.values()}, self.address)


def path_of_key(directory, key):
    return "%s/%s.key" % (directory, key)
