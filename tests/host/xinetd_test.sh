#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Under Debian's xinetd, with the service file of units/xinetd: the session is a socket on
# descriptors 0, 1 and 2.  It runs as smtp-handler, and the queue is smtp-relay's.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces root
set_up
set_up_two_users
own_syslog
set_up_expected

mkdir "$tmp/xinetd.d"
sed -e "s|@SBINDIR@/smtp-handler|$tmp/smtp-handler|" \
    -e 's|\(per_source[[:space:]]*=\) 32|\1 256|' \
    -e "/server[[:space:]]*=/a\\	server_args	= -c $tmp/conf" \
    units/xinetd/smtp-handler > "$tmp/xinetd.d/smtp-handler"
printf 'includedir %s\n' "$tmp/xinetd.d" > "$tmp/xinetd.conf"
start_xinetd()
{
	"$peers/usr/sbin/xinetd" -dontfork -f "$tmp/xinetd.conf" -pidfile "$tmp/xinetd.pid" \
	    > "$tmp/xinetd.log" 2>&1 &
	xinetd=$!
	wait_for 10 listens 25 || { diag < "$tmp/xinetd.log"; bail "xinetd does not listen"; }
}
start_xinetd

same_as_pipe "xinetd" 127.0.0.1 25
same_as_pipe "xinetd, IPv6" ::1 25
ok "the log goes to syslog" wait_for 5 grep -q 'smtp-handler.*accepted' "$tmp/syslog"
like "the log has the client's address" "$(cat "$tmp/syslog")" 'smtp-handler.*127\.0\.0\.1'

read -r greeted lost <<< "$(/usr/bin/python3 tests/host/client.py burst 127.0.0.1 25 300)"
is "300 connections at once are all served" "$greeted greeted, $lost lost" "300 greeted, 0 lost"
/usr/bin/python3 tests/host/client.py hostile 127.0.0.1 25
same_as_pipe "xinetd, after hostile clients" 127.0.0.1 25
ok "a run of root's delivers as smtp-relay" "$tmp/smtp-relay" -c "$tmp/conf"

# The limits as they are shipped.
sed -i 's|\(per_source[[:space:]]*=\) 256|\1 32|' "$tmp/xinetd.d/smtp-handler"
kill "$xinetd"
wait "$xinetd"
start_xinetd
is "one address: per_source are greeted, the others are closed without a word" \
    "$(FLOOD_PACE=0.004 /usr/bin/python3 tests/host/flood.py flood 25 100 1 0 | cut -d, -f1-4)" \
    '{"greeted": 32, "refused": 0, "closed": 68, "silent": 0'
is "many addresses: instances are greeted" \
    "$(FLOOD_PACE=0.004 /usr/bin/python3 tests/host/flood.py flood 25 400 250 0 | cut -d, -f1-4)" \
    '{"greeted": 256, "refused": 0, "closed": 144, "silent": 0'
same_as_pipe "xinetd, after too many clients" 127.0.0.1 25
rm -f "$tmp/queue"/new/*

# A service that starts it as another user gets no mail, and the log has the cure.
sed -i -e 's|\(user[[:space:]]*=\) smtp-handler|\1 nobody|' \
    -e 's|\(group[[:space:]]*=\) smtp-handler|\1 nogroup|' "$tmp/xinetd.d/smtp-handler"
kill "$xinetd"
wait "$xinetd"
start_xinetd
like "as another user it refuses mail for now" "$(talk 127.0.0.1 25)" '451 4\.3\.0'
like "and the log has the line to type" "$(cat "$tmp/syslog")" \
    'start it as root or as the user smtp-handler'
done_testing
