#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Under Debian's xinetd, with the service file of units/xinetd: the session is a socket on
# descriptors 0, 1 and 2.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces root
set_up
own_syslog
set_up_expected

mkdir "$tmp/xinetd.d"
sed -e "s|@SBINDIR@/smtp-handler|$tmp/smtp-handler|" \
    -e 's|\(user[[:space:]]*=\) smtp-handler|\1 nobody|' \
    -e 's|\(group[[:space:]]*=\) smtp-handler|\1 nogroup|' \
    -e 's|\(per_source[[:space:]]*=\) 32|\1 256|' \
    -e "/server[[:space:]]*=/a\\	server_args	= -c $tmp/conf" \
    units/xinetd/smtp-handler > "$tmp/xinetd.d/smtp-handler"
printf 'includedir %s\n' "$tmp/xinetd.d" > "$tmp/xinetd.conf"
"$peers/usr/sbin/xinetd" -dontfork -f "$tmp/xinetd.conf" -pidfile "$tmp/xinetd.pid" \
    > "$tmp/xinetd.log" 2>&1 &
wait_for 10 listens 25 || { diag < "$tmp/xinetd.log"; bail "xinetd does not listen"; }

same_as_pipe "xinetd" 127.0.0.1 25
same_as_pipe "xinetd, IPv6" ::1 25
ok "the log goes to syslog" wait_for 5 grep -q 'smtp-handler.*accepted' "$tmp/syslog"
like "the log has the client's address" "$(cat "$tmp/syslog")" 'smtp-handler.*127\.0\.0\.1'

read -r greeted lost <<< "$(/usr/bin/python3 tests/host/client.py burst 127.0.0.1 25 300)"
is "300 connections at once are all served" "$greeted greeted, $lost lost" "300 greeted, 0 lost"
/usr/bin/python3 tests/host/client.py hostile 127.0.0.1 25
same_as_pipe "xinetd, after hostile clients" 127.0.0.1 25
done_testing
