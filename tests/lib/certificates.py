# SPDX-License-Identifier: ISC
"""Certificates for tests; openssl makes them on the spot.

    authority = Authority(directory)
    authority.leaf("good", "mx.example.org")         # a Leaf with .chain and .key
"""
import hashlib
import os
import ssl
import subprocess

EC = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]


def openssl(*arguments):
    subprocess.run(["openssl", *arguments], check=True, capture_output=True,
                   stdin=subprocess.DEVNULL)


class Leaf:
    def __init__(self, path):
        self.chain, self.key = path + ".pem", path + ".key"

    def context(self, only=None):
        """A context for Python's servers; only: the one version of TLS that they speak."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if only:
            context.set_ciphers("ALL:@SECLEVEL=0")
            context.minimum_version = context.maximum_version = only
        context.load_cert_chain(self.chain, self.key)
        return context


class Authority:
    def __init__(self, directory, name="test authority"):
        os.makedirs(directory, exist_ok=True)
        self.directory, self.file = directory, directory + "/ca.pem"
        openssl("req", "-x509", *EC, "-keyout", directory + "/ca.key", "-out", self.file,
                "-days", "30", "-subj", "/CN=" + name)

    def leaf(self, file, *names, days=30, signed=True):
        """A certificate for these names or addresses; days -1: expired; not signed: self-signed."""
        path = "%s/%s" % (self.directory, file)
        wanted = ",".join("%s:%s" % ("IP" if name.replace(".", "").isdigit() else "DNS", name)
                          for name in names)
        if signed:
            openssl("req", *EC, "-keyout", path + ".key", "-out", path + ".csr",
                    "-subj", "/CN=" + file)
            with open(path + ".ext", "w") as out:
                out.write("subjectAltName=" + wanted + "\n")
            openssl("x509", "-req", "-in", path + ".csr", "-CA", self.file,
                    "-CAkey", self.directory + "/ca.key", "-CAcreateserial",
                    "-days", str(days), "-extfile", path + ".ext", "-out", path + ".pem")
        else:
            openssl("req", "-x509", *EC, "-keyout", path + ".key", "-out", path + ".pem",
                    "-days", str(days), "-subj", "/CN=" + file,
                    "-addext", "subjectAltName=" + wanted)
        os.chmod(path + ".key", 0o600)
        return Leaf(path)


def tlsa(path, usage=3, selector=1, matching=1):
    """The data of a TLSA record for the first certificate in a file: "3 1 1 0123..."."""
    def run(*argv, text):
        return subprocess.run(["openssl", *argv], input=text, check=True,
                              capture_output=True).stdout
    with open(path, "rb") as file:
        data = file.read()
    if selector == 1:
        data = run("pkey", "-pubin", "-outform", "DER", text=run("x509", "-noout", "-pubkey",
                                                                 text=data))
    else:
        data = run("x509", "-outform", "DER", text=data)
    digest = {0: lambda d: d, 1: lambda d: hashlib.sha256(d).digest(),
              2: lambda d: hashlib.sha512(d).digest()}
    return "%d %d %d %s" % (usage, selector, matching, digest.get(matching, digest[1])(data).hex())
