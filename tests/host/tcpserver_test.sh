#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Under tcpserver (ucspi-tcp), with the line of smtp-handler-guide(7): the session is on descriptors
# 0 and 1, the log on 2.  It runs as smtp-handler, and the queue is smtp-relay's.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces root
set_up
set_up_two_users
set_up_expected

"$peers/usr/bin/tcpserver" -v -H -R -l 0 -b 1024 -c 100 -u "$(id -u smtp-handler)" \
    -g "$(id -g smtp-handler)" 0 25 "$tmp/smtp-handler" -c "$tmp/conf" > "$tmp/tcpserver.log" 2>&1 &
wait_for 10 listens 25 || { diag < "$tmp/tcpserver.log"; bail "tcpserver does not listen"; }

same_as_pipe "tcpserver" 127.0.0.1 25
like "the log goes to tcpserver's stderr" \
    "$(cat "$tmp/tcpserver.log")" 'accepted .*client=127\.0\.0\.1'
/usr/bin/python3 tests/host/client.py hostile 127.0.0.1 25
ok "a hostile session ends with 0" \
    wait_for 5 grep -q 'tcpserver: end .* status 0' "$tmp/tcpserver.log"
unlike "no hostile session ends with an error" \
    "$(cat "$tmp/tcpserver.log")" 'tcpserver: end [0-9]+ status [1-9]'
same_as_pipe "tcpserver, after hostile clients" 127.0.0.1 25
ok "a run of root's delivers as smtp-relay" "$tmp/smtp-relay" -c "$tmp/conf"
is "130 clients that stay: -c are greeted, and the others wait without a word" \
    "$(FLOOD_SILENCE=2 /usr/bin/python3 tests/host/flood.py flood 25 130 1 0 | cut -d, -f1-4)" \
    '{"greeted": 100, "refused": 0, "closed": 0, "silent": 30'
same_as_pipe "tcpserver, after too many clients" 127.0.0.1 25
# More clients at once than tcpserver's own queue of 20 holds.
is "1500 clients at once are all greeted" \
    "$(/usr/bin/python3 tests/host/client.py crowd 127.0.0.1 25 1500)" "1500"
done_testing
