#!/usr/bin/python3
# SPDX-License-Identifier: ISC
"""tests/conformance --sink: against a sender that keeps the rules, and such that break one each."""
import os
import shutil
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
sys.dont_write_bytecode = True
from bad_sender import BadSender  # noqa: E402
from certificates import Authority  # noqa: E402
from conform import CASES  # noqa: F401, E402
from conform.options import arguments  # noqa: E402
from conform.report import FAILED, PASSED, lines_of  # noqa: E402
from conform.sending import Sending  # noqa: E402
from conform.trial import SENDING  # noqa: E402
from tap import check, main, same, test  # noqa: E402

HERE = os.path.abspath(os.environ.get("BUILD", "build")) + "/tests/conformance_sink"
shutil.rmtree(HERE, ignore_errors=True)
os.makedirs(HERE)
TLS = Authority(HERE + "/ca").leaf("mx", "mail.sender.example").context()
# Runs beside each other have networks and ports of their own.
PORT = 20000 + os.getpid() % 10000
networks = iter(range(1, 250))
lock = threading.Lock()
RULES = sorted(number for number in SENDING if SENDING[number].run)
# There is one IPv6 address here.
SECOND = 211


def against(broken, *options):
    """The results of a run against a sender that breaks these rules."""
    with lock:
        number = next(networks)
    network, port = "127.%d" % number, PORT + number
    lmtp = network + ".255.1"
    sending = Sending(arguments([
        "--sink", network + ".0.0/17", "--sink6", "::1/128", "--dns", network + ".255.2:0",
        "--sink-port", str(port), "--server", "nowhere:1", "--patience", "0.4", "--quiet", "0.4",
        "--lmtp", "lmtp.example=%s:%d" % (lmtp, port), *options]), lambda result: None)
    names = sending.stage.names
    sender = BadSender(broken, (names.address, names.port), port, TLS,
                       ("lmtp.example", lmtp, port))
    sending.options.place, sending.flush = sender.place, sender.flush
    found = sending.run()
    sender.close()
    return found


def shown(results):
    return "\n".join(line for result in results for line in lines_of(result, 0)
                     if result.verdict != PASSED)


def breaks(number, future):
    @test("R%03d is not passed by a sender that breaks it" % number)
    def _():
        result = future.result()
        check(result.verdict == FAILED, shown([result]) or result.verdict)
        check("a connection" not in [failure.expected for failure in result.failures],
              shown([result]))


def broken(number):
    """A sender that was too slow to break the rule gets more time."""
    for settle in "1.2", "8":
        result, = against((number,), "--only", str(number), "--choices", "--settle", settle)
        if result.verdict == FAILED:
            break
    return result


@test("a sender that keeps all rules passes all of them")
def _():
    results = [result for future in good for result in future.result()]
    same(shown(results), "")
    same(sorted(result.about.number for result in results), RULES)


pool = ThreadPoolExecutor(10)
good = [pool.submit(against, (), "--choices", "--settle", "10", "--only", numbers)
        for numbers in (",".join(str(number) for number in RULES if number != SECOND), str(SECOND))]
for number in RULES:
    breaks(number, pool.submit(broken, number))
main()
