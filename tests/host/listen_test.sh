#!/bin/bash
# SPDX-License-Identifier: ISC
#
# smtp-handler --listen: a fresh process for each connection, an orderly end.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces anybody
set_up
set_up_expected

$as_user "$tmp/smtp-handler" -c "$tmp/conf" --listen 127.0.0.1:2525 > "$tmp/stdout" 2> "$tmp/log" &
listener=$!
wait_for 10 listens 2525 || { diag < "$tmp/log"; bail "smtp-handler --listen does not listen"; }

children()
{
	pgrep -P "$listener" | sort | tr '\n' ' '
}

connect_to()		# FD [PORT]
{
	eval "exec $1<>/dev/tcp/127.0.0.1/${2:-2525}"
}

open_session()		# FD [PORT]: connects it and waits for the greeting
{
	connect_to "$@"
	read -r -t 10 -u "$1" greeting
}

are()			# COUNT: there are so many processes of sessions
{
	[ "$(pgrep -P "$listener" | wc -l)" -eq "$1" ]
}

gone()			# PID
{
	[ ! -e "/proc/$1" ]
}

# Clients come often, without another session: print the process that waits for the next one.  The
# listener is stopped.
ahead()			# [PORT]
{
	local pid

	for _ in {1..50}; do
		for _ in {1..8}; do
			open_session 7 "${1:-2525}"
			exec 7>&-
		done
		sleep 0.03		# their processes end, and that one waits for 100 ms
		kill -STOP "$listener"
		pid=$(pgrep -P "$listener" -r S)
		[ "$(wc -w <<< "$pid")" -eq 1 ] && break
		kill -CONT "$listener"
	done
	echo "$pid"
}

several_processors=
[ "$(nproc)" -eq 1 ] || several_processors=yes

same_as_pipe "--listen" 127.0.0.1 2525
like "the log goes to stderr" "$(cat "$tmp/log")" 'accepted'
is "stdout is empty" "$(cat "$tmp/stdout")" ""

ok "no process remains after a session" wait_for 5 are 0
open_session 5
like "a session" "$greeting" '^220 mail\.example\.org'
ok "a session is a process" wait_for 5 are 1
open_session 6
ok "two sessions are two processes" wait_for 5 are 2
unlike "neither is the listener" " $(children)" " $listener "
exec 5>&-
ok "a session's process ends with it" wait_for 5 are 1
exec 6>&-
ok "so does that of the other" wait_for 5 are 0

if [ "$several_processors" ]; then
	waits=$(ahead)
	connect_to 5
	kill -CONT "$listener"
	read -r -t 10 -u 5 greeting
	like "a session is forked ahead of need, and greets its client" "$greeting" '^220 mail'
	like "it is the process that was there" " $(children)" " $waits "
	exec 5>&-
	ok "then it ends" wait_for 5 gone "$waits"
	ok "if no clients come, no process waits" wait_for 5 are 0

	waits=$(ahead)
	kill -KILL "$waits"
	wait_for 5 grep -q '^State:.Z' "/proc/$waits/status"
	connect_to 5
	kill -CONT "$listener"
	read -r -t 10 -u 5 greeting
	like "if it was killed, the client gets another" "$greeting" '^220 mail'
	exec 5>&-

	waits=$(ahead)
	sed -i 's/^hostname.*/hostname = other.example.org/' "$tmp/conf"
	kill -HUP "$listener"
	kill -CONT "$listener"
	wait_for 5 grep -q 'read again' "$tmp/log"
	open_session 5
	like "after a new configuration, the next client gets it" "$greeting" '^220 other'
	ok "the process with the old one has ended" wait_for 5 gone "$waits"
	exec 5>&-
fi
open_session 6

kill -TERM "$listener"
read -r -t 10 -u 6 farewell
like "SIGTERM ends the open session with 421" "$farewell" '^421 4\.3\.2 '
status=0
wait "$listener" || status=$?
is "the listener then ends in order" "$status" 0
ok "the port is free" bash -c "! ss -Hltn 'sport = :2525' | grep -q ."

out=$("$tmp/smtp-handler" -c "$tmp/conf" --listen nonsense 2>&1)
like "a bad address is a usage error" "$? $out" '^64 .*nonsense'

$as_user "$tmp/smtp-handler" -c "$tmp/conf" --lf --listen 127.0.0.1:2526 2> "$tmp/lf.log" &
listener=$!
wait_for 10 listens 2526 || { diag < "$tmp/lf.log"; bail "smtp-handler --lf does not listen"; }
exec 7<>/dev/tcp/127.0.0.1/2526
printf '%s\n' 'HELO a.example' 'MAIL FROM:<a@b.example>' 'RCPT TO:<u@example.org>' \
    DATA x . QUIT >&7
like "H081 with --lf, and only then, lines may end in LF on a socket" \
    "$(timeout 10 cat <&7)" '^250 2\.0\.0 Ok: queued'
exec 7>&-
if [ "$several_processors" ]; then
	waits=$(ahead 2526)
	kill -KILL "$listener"
	ok "no process that waits outlives its listener" wait_for 5 gone "$waits"
else
	kill -TERM "$listener"
fi
wait "$listener" 2>&-

out=$(timeout 10 "$tmp/smtp-handler" -c "$tmp/conf" -o server.role=lmtp \
    --listen 127.0.0.1:25 2>&1)
like "H166 LMTP is never on port 25" "$? ${out//$'\n'/ }" '^78 .*must not use port 25'
done_testing
