#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The test runner: its counts, and its reports of everything that went wrong.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

BUILD=$(mktemp -d)
export BUILD
unset MUST_RUN
trap 'rm -rf "$BUILD"' EXIT

run()		# ARGUMENTS of check: sets $out to its output, $status to its exit status
{
	out=$(tests/lib/check "$@" 2>&1)
	status=$?
	last=$(printf '%s\n' "$out" | tail -n 1)
}

run good='printf "1..2\nok 1 - a\nok 2 - b\n"'
is "a good file" "$status: $last" "0: 2 passed, 0 failed, 0 skipped"
run idle='echo 1..1; echo ok; sleep 0.5'
like "a file that waits uses no processor" "$out" \
    '1 passed  \([0-9.]+ s, 0\.[0-3] s of a processor\)'
run busy='echo 1..1; echo ok; python3 -c "import time
while time.process_time() < 1.1: pass"'
like "a file that works has its time of a processor" "$out" ', [1-9]\.[0-9] s of a processor\)'
run bad='printf "1..2\nok 1 - a\nnot ok 2 - b\n# why\n"; exit 1'
is "a failed test" "$status: $last" "1: 1 passed, 1 failed, 0 skipped"
like "a failed test is named" "$out" 'FAILED  bad: b'
like "a failed test has its reason" "$out" '# why'
run skip='printf "ok 1 # SKIP no moon\nok 2\n1..2\n"' all='echo "1..0 # SKIP nothing here"'
is "skips are not passes" "$status: $last" "0: 1 passed, 0 failed, 2 skipped"
MUST_RUN=1 run skip='printf "ok 1 # SKIP no moon\nok 2\n1..2\n"' all='echo "1..0 # SKIP none"'
is "with MUST_RUN a skip is a failure" "$status: $last" "1: 1 passed, 2 failed, 0 skipped"
like "and has its reason" "$out" 'FAILED  skip: must run, and was skipped: ok 1 # SKIP no moon'
run mute='true'
is "a file without a plan" "$status: $last" "1: 0 passed, 1 failed, 0 skipped"
run short='printf "1..3\nok 1\nok 2\n"'
is "fewer tests than planned" "$status: $last" "1: 2 passed, 1 failed, 0 skipped"
run long='printf "1..1\nok 1\nok 2\n"'
is "more tests than planned" "$status: $last" "1: 2 passed, 1 failed, 0 skipped"
run dies='printf "ok 1\n1..1\n"; kill -SEGV $$'
is "a file that dies after its plan" "$status: $last" "1: 1 passed, 1 failed, 0 skipped"
run bails='printf "1..1\nok 1\nBail out! fire\n"'
is "a file that bails out" "$status: $last" "1: 1 passed, 1 failed, 0 skipped"
CHECK_TIMEOUT=1 run slow='echo 1..1; echo ok 1; sleep 60'
is "a file that takes too long" "$status: $last" "1: 1 passed, 1 failed, 0 skipped"
like "has that as its reason" "$out" 'FAILED  slow: took too long and was ended'
run killed='echo 1..1; echo ok 1; kill -KILL 0'
is "a file that kills its whole group" "$status: $last" "1: 1 passed, 1 failed, 0 skipped"
like "was killed, and did not take too long" "$out" 'FAILED  killed: was killed after [0-2] s'
run stderr='echo lost words >&2; exit 3'
like "the stderr of a failed file is shown" "$out" 'lost words'
run -j 2 a='echo 1..1; sleep 1; echo ok' b='echo 1..1; sleep 1; echo ok' \
    -j 1 c='echo 1..1; echo not ok; exit 1' d='echo 1..1; echo ok'
is "a sum over files side by side and in a row" "$status: $last" "1: 3 passed, 1 failed, 0 skipped"
meets='for i in {1..100}; do [ -e "$BUILD/OTHER" ] && break; sleep 0.1; done
echo 1..1; [ -e "$BUILD/OTHER" ] && echo ok || echo not ok'
few='echo 1..1; touch "$BUILD/on.$$"; sleep 0.3; set -- "$BUILD"/on.*
[ $# -le MOST ] && echo ok || echo not ok; sleep 0.3; rm "$BUILD/on.$$"'
run -j 1 a="touch $BUILD/a; ${meets//OTHER/b}" -w b="touch $BUILD/b; ${meets//OTHER/a}"
is "a file that waits runs beside the others" "$status: $last" "0: 2 passed, 0 failed, 0 skipped"
rm -f "$BUILD"/[ab]
run -j 1 -w a="touch $BUILD/a; ${meets//OTHER/b}" b="touch $BUILD/b; ${meets//OTHER/a}"
is "and beside another that waits" "$status: $last" "0: 2 passed, 0 failed, 0 skipped"
run -j 1 -w a="${few/MOST/2}" b="${few/MOST/2}" c="${few/MOST/2}" -j 1 d="${few/MOST/1}"
is "but beside no two of these, and no later group" "$status: $last" \
    "0: 4 passed, 0 failed, 0 skipped"
rm -f "$BUILD"/check/*
last=$(tests/lib/summary "$BUILD/check" | tail -n 1)
is "no file at all" "$last" "0 passed, 1 failed, 0 skipped"
done_testing
