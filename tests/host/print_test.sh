#!/bin/bash
# SPDX-License-Identifier: ISC
#
# --print, the debugging server: the message of a session is printed at once.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces anybody
set_up

text='From: a@example.net
To: b@example.org
Subject: seen at once

Hello, debugging server.
.a line with a dot'
typed()			# prints a session as a person types it with telnet
{
	printf '%s\r\n' 'HELO me' 'MAIL FROM:<a@example.net>' 'RCPT TO:<b@example.org>' \
	    'RCPT TO:<c@anywhere.example>' 'DATA'
	printf '%s\n' "$text" | sed -e 's/^\./../' -e 's/$/\r/'
	printf '.\r\n'
}

"$tmp/smtp-handler" -c /dev/null -o queue.directory="$tmp/none" --print --listen 127.0.0.1:1025 \
    > "$tmp/printed" 2> "$tmp/log" &
wait_for 10 listens 1025 || { diag < "$tmp/log"; bail "smtp-handler --print does not listen"; }
exec 5<>/dev/tcp/127.0.0.1/1025
typed >&5
ok "the message is printed while its session is still open" \
    wait_for 5 grep -q 'Hello, debugging server' "$tmp/printed"
printed=$(tr -d '\r' < "$tmp/printed")
like "it is printed with its sender" "$printed" '<a@example\.net>'
like "it is printed with its recipient" "$printed" '<b@example\.org>'
like "it is printed with a recipient of a foreign domain" "$printed" '<c@anywhere\.example>'
like "it is printed with our Received field" "$printed" '^Received: from me '
is "it is printed with its text as it was meant" \
    "$(grep -A 9 '^From: a@' <<< "$printed" | sed -n '1,6p')" "$text"
printf 'QUIT\r\n' >&5
got=$(tr -d '\r' <&5)
like "the client gets a 250" "$got" '^250 2\.0\.0 Ok'
unlike "the client does not get the printed text" "$got" 'debugging server'
ok "nothing is queued" test ! -e "$tmp/none"

typed | "$tmp/smtp-handler" -c /dev/null -o queue.directory="$tmp/none" --print \
    > "$tmp/replies" 2> "$tmp/printed"
like "a session without a listener prints on stderr" \
    "$(cat "$tmp/printed")" 'Hello, debugging server'
unlike "its replies do not have the printed text" "$(cat "$tmp/replies")" 'debugging server'
printf '%s\n' 'HELO me' 'MAIL FROM:<a@x>' 'RCPT TO:<b@y>' DATA 'Subject: typed' '' 'by hand' \
    . QUIT |
    "$tmp/smtp-handler" -c /dev/null -o queue.directory="$tmp/none" --print \
    > "$tmp/replies" 2> "$tmp/printed"
like "a session typed with plain newlines is printed, too" "$(cat "$tmp/printed")" 'by hand'
printf '%s\n' 'HELO me' 'MAIL FROM:<a@x>' 'RCPT TO:<b@y>' DATA $'X: \e]0;title\a \xff' . QUIT |
    "$tmp/smtp-handler" -c /dev/null -o queue.directory="$tmp/none" --print \
    > "$tmp/replies" 2> "$tmp/printed"
ok "octets that a terminal would obey stay in a file" \
    grep -qaF $'X: \e]0;title\a \xff' "$tmp/printed"
done_testing
