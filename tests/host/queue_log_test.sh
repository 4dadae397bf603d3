#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The log has every action of an operator with smtp-queue, also from a terminal.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces anybody
set_up
own_syslog
mount -t tmpfs run /run

send()			# queues a message; prints its ID
{
	$as_user "$tmp/smtp-handler" -c "$tmp/conf" < "$tmp/session" 2> /dev/null |
	    sed -n 's/.*queued as \([0-9A-Z]*\).*/\1/p'
}
logged()		# NAME REGEX
{
	ok "$1" wait_for 5 grep -Eq "smtp-queue\[[0-9]+\]: $2" "$tmp/syslog" || diag < "$tmp/syslog"
}

session > "$tmp/session"
install -m 755 "$build/smtp-queue" "$tmp"
one=$(send) two=$(send)
said=$("$tmp/smtp-queue" -c "$tmp/conf" hold "$one" 2>&1)
is "the terminal shows the action" "$said" "$one held"
logged "the log: hold" "held id=$one uid=0"
"$tmp/smtp-queue" -c "$tmp/conf" release --all > "$tmp/said"
logged "the log: release" "released id=$one uid=0"
"$tmp/smtp-queue" -c "$tmp/conf" fail "$one" > "$tmp/said"
logged "the log: fail, with the bounce" "given-up id=$one bounce=[0-9A-Z]{16} uid=0"
$as_user "$tmp/smtp-queue" -c "$tmp/conf" delete "$two" > "$tmp/said"
logged "the log: delete, by the owner of the queue" "deleted id=$two uid=$(id -u "$user")"
"$tmp/smtp-queue" -c "$tmp/conf" list > "$tmp/said"
is "list is not logged" "$(grep -c smtp-queue "$tmp/syslog")" 4
done_testing
