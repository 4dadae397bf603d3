#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Under systemd-socket-activate: a process for each connection (--accept --inetd), and an inherited
# listening socket.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces anybody
set_up
set_up_expected

$as_user systemd-socket-activate --accept --inetd -l 127.0.0.1:2501 \
    "$tmp/smtp-handler" -c "$tmp/conf" > "$tmp/accept.log" 2>&1 &
$as_user systemd-socket-activate -l 127.0.0.1:2502 -l '[::1]:2502' \
    "$tmp/smtp-handler" -c "$tmp/conf" > "$tmp/listen.log" 2>&1 &
for port in 2501 2502; do
	wait_for 10 listens $port || bail "systemd-socket-activate does not listen on $port"
done

same_as_pipe "--accept --inetd" 127.0.0.1 2501
same_as_pipe "an inherited listening socket" 127.0.0.1 2502
same_as_pipe "an inherited listening socket, the second" ::1 2502
like "the log goes to stderr" "$(cat "$tmp/listen.log")" 'accepted'
/usr/bin/python3 tests/host/client.py hostile 127.0.0.1 2502
read -r greeted lost <<< "$(/usr/bin/python3 tests/host/client.py burst 127.0.0.1 2502 300)"
is "300 connections at once are all served" "$greeted greeted, $lost lost" "300 greeted, 0 lost"
same_as_pipe "an inherited listening socket, after that" 127.0.0.1 2502

# A listener that cannot begin refuses its clients, and ends after some seconds.
first_line()		# PORT: prints how the client is greeted
{
	timeout 5 bash -c "exec 5<>/dev/tcp/127.0.0.1/$1 && head -n 1 <&5" | tr -d '\r'
}
cannot_begin()		# NAME PORT ARGUMENT...
{
	local name=$1 port=$2
	shift 2
	$as_user systemd-socket-activate -l "127.0.0.1:$port" "$tmp/smtp-handler" "$@" \
	    > "$tmp/broken.log" 2>&1 &
	broken=$!
	wait_for 10 listens "$port" || bail "systemd-socket-activate does not listen on $port"
	like "$name: a client is refused" "$(first_line "$port")" '^421 4\.3\.5 .'
	like "$name: the next one too" "$(first_line "$port")" '^421 4\.3\.5 .'
}
echo '[server' > "$tmp/broken.conf"
cannot_begin "a section without its end" 2503 -c "$tmp/broken.conf"
seconds=$SECONDS status=0
wait "$broken" || status=$?
ok "the listener ends by itself, with 78" test $((SECONDS - seconds)) -le 15 -a "$status" -eq 78
like "the log has the reason" "$(cat "$tmp/broken.log")" 'broken\.conf:1: '
cannot_begin "a file that does not exist" 2504 -c "$tmp/none.conf"
cannot_begin "an unknown key" 2505 -c "$tmp/conf" -o server.nonsense=1
cannot_begin "an unknown option" 2506 -c "$tmp/conf" --nonsense
done_testing
