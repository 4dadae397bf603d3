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
done_testing
