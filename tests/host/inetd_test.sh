#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Under Debian's inetd, with the line of smtp-handler-guide(7): the session is a socket on
# descriptors 0, 1 and 2.  It runs as smtp-handler, even if inetd starts it as root, and the
# queue is smtp-relay's.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces root
set_up
set_up_two_users
own_syslog
set_up_expected

start_inetd()		# USER
{
	local line='^\(smtp .*\)  smtp-handler  /usr/sbin/\(.*\)'
	sed -n "s|$line|\1 $1 $tmp/\2 -c $tmp/conf|p" man/smtp-handler-guide.7 > "$tmp/inetd.conf"
	"$peers/usr/sbin/inetd" -i "$tmp/inetd.conf" > "$tmp/inetd.log" 2>&1 &
	inetd=$!
	wait_for 10 listens 25 || { diag < "$tmp/inetd.log"; bail "inetd does not listen"; }
}

start_inetd smtp-handler
same_as_pipe "inetd" 127.0.0.1 25
ok "the log goes to syslog" wait_for 5 grep -q 'smtp-handler.*accepted.*client=127\.0\.0\.1' \
    "$tmp/syslog"
read -r greeted lost <<< "$(/usr/bin/python3 tests/host/client.py burst 127.0.0.1 25 300)"
is "300 connections at once are all served" "$greeted greeted, $lost lost" "300 greeted, 0 lost"
is "600 clients that stay are all greeted" \
    "$(FLOOD_PACE=0.004 /usr/bin/python3 tests/host/flood.py flood 25 600 250 0 | cut -d, -f1-4)" \
    '{"greeted": 600, "refused": 0, "closed": 0, "silent": 0'
same_as_pipe "inetd, after them" 127.0.0.1 25
kill "$inetd"
wait "$inetd"
# Above the number in the line inetd gives the port up.
sed -i 's/nowait\.[0-9]*/nowait.20/' "$tmp/inetd.conf"
"$peers/usr/sbin/inetd" -i "$tmp/inetd.conf" > "$tmp/inetd.log" 2>&1 &
inetd=$!
wait_for 10 listens 25
/usr/bin/python3 tests/host/flood.py flood 25 60 1 0 > /dev/null
like "more connections in a minute than the line allows: inetd closes the port" \
    "$(/usr/bin/python3 tests/host/flood.py serve 25 127.0.0.1)" 'refused'
kill "$inetd"
wait "$inetd"
start_inetd root
same_as_pipe "inetd as root" 127.0.0.1 25
ok "a run of root's delivers as smtp-relay" "$tmp/smtp-relay" -c "$tmp/conf"
kill "$inetd"
wait "$inetd"
start_inetd nobody
like "as another user it refuses mail for now" "$(talk 127.0.0.1 25)" '451 4\.3\.0'
ok "and the log has the line to type" wait_for 5 \
    grep -q 'start it as root or as the user smtp-handler' "$tmp/syslog"
done_testing
