#!/bin/bash
# SPDX-License-Identifier: ISC
#
# smtp-relay when it cannot start a process: it logs that, and goes on when it can.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces root
set_up
# The limit counts all processes of a user in the system.
owner=$((60000 + RANDOM % 1000))
as_owner="setpriv --reuid $owner --regid nogroup --clear-groups"

chown "$owner" "$tmp/queue"
session | $as_owner "$tmp/smtp-handler" -c "$tmp/conf" > /dev/null 2>&1
$as_owner sleep 300 &
sleeper=$!
$as_owner prlimit --nproc=2 "$tmp/smtp-relay" -c "$tmp/conf" 2> "$tmp/log" &
relay=$!
ok "it logs that it cannot start a process" \
    wait_for 10 grep -q -E 'cannot start a (delivery process|process that reads)' "$tmp/log"
ok "it waits" kill -0 "$relay"
kill "$sleeper"
ok "it delivers when it can start one" wait_for 25 grep -q 'finished' "$tmp/log"
status=0
wait "$relay" || status=$?
is "it ends with 0" "$status" 0
done_testing
