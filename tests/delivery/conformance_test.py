# SPDX-License-Identifier: ISC
"""tests/conformance --sink: smtp-relay keeps the assertions about senders."""
import re
import subprocess

from certificates import Authority
from programs import RELAY, Site, fresh_directory
from tap import check, main, same, test

SETTINGS = """[relay]
allow-loopback-exchangers = yes
greeting-timeout = 1s
command-timeout = 1s
data-timeout = 1s
dot-timeout = 1s
[queue]
retry-min = 1h
[route lmtp.example]
via = lmtp://192.0.2.20:2424
[server]
tls = offer
tls-certificate = %s
tls-key = %s
"""


# It does not wait for the reply to QUIT.  A flush forgets that TLS has failed (134), and does not
# forget that the DNS has (204).
KNOWN = {257, 134, 204}


@test("V63 smtp-relay fails none")
def _():
    directory = fresh_directory("ca")
    leaf = Authority(directory).leaf("mx", "mail.sender.example")
    subprocess.run(["ip", "address", "add", "198.18.0.1/22", "dev", "lo"], check=True)
    site = Site("site", SETTINGS % (leaf.chain, leaf.key))
    site.listen()
    site.watch()
    done = subprocess.run(
        ["tests/conformance", "--sink", "198.18.0.0/22", "--sink6", "2001:db8::10/124", "--dns",
         "192.0.2.53:53", "--server", "192.0.2.1:25", "--patience", "1", "--quiet", "0.5",
         "--lmtp", "lmtp.example=192.0.2.20:2424",
         "--flush", "%s -c %s --flush" % (RELAY, site.config)],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=100)
    same(done.returncode, 0, done.stdout, done.stderr, site.log()[-3000:])
    differs = {int(number) for number in re.findall(r"(?m)^ok \d+ - .(\d{3}) .*# differs",
                                                    done.stdout)}
    check(257 in differs and differs <= KNOWN, differs, done.stdout)
    check("# SKIP" not in done.stdout, done.stdout)


main()
