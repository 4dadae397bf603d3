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

open_session()		# FD: connects it and waits for the greeting
{
	eval "exec $1<>/dev/tcp/127.0.0.1/2525"
	read -r -t 10 -u "$1" greeting
}

same_as_pipe "--listen" 127.0.0.1 2525
like "the log goes to stderr" "$(cat "$tmp/log")" 'accepted'
is "stdout is empty" "$(cat "$tmp/stdout")" ""

ok "no process remains after a session" wait_for 5 sh -c "test -z \"\$(pgrep -P $listener)\""
open_session 5
like "a session" "$greeting" '^220 mail\.example\.org'
first=$(children)
open_session 6
second=$(children)
is "two sessions are two processes" "$(wc -w <<< "$first") $(wc -w <<< "$second")" "1 2"
unlike "neither is the listener" " $second" " $listener "
exec 5>&-
ok "a session's process ends with it" \
    wait_for 5 sh -c "test \$(pgrep -P $listener | wc -l) -eq 1"

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
kill -TERM "$listener"
wait "$listener"

out=$(timeout 10 "$tmp/smtp-handler" -c "$tmp/conf" -o server.role=lmtp \
    --listen 127.0.0.1:25 2>&1)
like "H166 LMTP is never on port 25" "$? ${out//$'\n'/ }" '^78 .*must not use port 25'
done_testing
