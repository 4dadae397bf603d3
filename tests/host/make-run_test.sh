#!/bin/bash
# SPDX-License-Identifier: ISC
#
# tools/run.sh (`make run`): the whole way of a message, a taken port, and an end without processes.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
[ "$(id -u)" -ne 0 ] || own_namespaces root
tmp=$(mktemp -d /tmp/smtp-handler-test.XXXXXX)
chmod 755 "$tmp"
trap 'rm -rf "$tmp"' EXIT
[ "$(id -u)" -ne 0 ] || ip link set lo up

# Start run.sh by COMMAND, with all files in FOLDER: its user may be unable to enter the project's
# folder.  Sets $pid and $port.
start()			# FOLDER [COMMAND...]
{
	local folder=$1
	shift
	mkdir -p "$folder/tools"
	install -m 755 tools/run.sh "$folder/tools"
	install -m 755 "$build/smtp-handler" "$build/smtp-relay" "$build/smtp-queue" "$folder"
	[ "$(id -u)" -ne 0 ] || chown -R nobody "$folder"
	# A background job of a shell ignores SIGINT, and SIGINT could not stop it.
	BUILD=$folder "$@" env --default-signal=INT "$folder/tools/run.sh" > "$folder/out" 2>&1 &
	pid=$!
	wait_for 10 grep -q 'The log from here on' "$folder/out" ||
	    { diag < "$folder/out"; bail "run.sh does not start"; }
	port=$(sed -n 's/.*listens on 127\.0\.0\.1:\([0-9]*\)\..*/\1/p' "$folder/out")
}

whole_way()		# NAME FOLDER
{
	local status=0 children settings
	/usr/bin/python3 tests/host/client.py send 127.0.0.1 "$port" anna@localhost ben@localhost
	ok "$1: mail for ben@localhost is in ben's Maildir" \
	    wait_for 10 grep -qr '^Text 1' "$2/run/mail/ben/new"
	swaks --server "127.0.0.1:$port" --from ben@localhost --to "anna@$(hostname)" \
	    --body 'Hello anna' > "$2/swaks" 2>&1
	is "$1: swaks succeeds" "$?" 0
	ok "$1: mail for anna at the host's name is in anna's Maildir" \
	    wait_for 10 grep -qr '^Hello anna' "$2/run/mail/anna/new"
	settings=$(sed -n "s/^  read, answer .* -e '\(.*\)'\$/\1/p" "$2/out")
	echo 'Hello from mutt' | HOME=$2 mutt -n -e "$settings" -s 'An answer' cora@localhost \
	    > "$2/mutt" 2>&1
	ok "$1: mutt sends with the settings that it prints" \
	    wait_for 10 grep -qr '^Hello from mutt' "$2/run/mail/cora/new"
	ok "$1: the terminal shows the delivery" \
	    wait_for 5 grep -q 'delivered .*to=ben@localhost' "$2/out"
	like "$1: the terminal shows the session" "$(cat "$2/out")" 'accepted .*from=anna@localhost'

	children=$(pgrep -P "$pid" | wc -l)
	is "$1: it consists of two programs" "$children" 2
	kill "-${3:-INT}" "$pid"
	wait "$pid" || status=$?
	is "$1: SIG${3:-INT} ends it in order" "$status" 0
	is "$1: no process remains" "$(pgrep -f "$2/smtp-" | tr '\n' ' ')" ""
	like "$1: it reports the end" "$(tail -n 1 "$2/out")" '^Stopped'
}

start "$tmp/me"
whole_way "make run" "$tmp/me"

start "$tmp/again"
first=$port
second=$tmp/second
while read -r line; do
	like "the printed commands exist: ${line%% *}" "$(command -v "${line%% *}")" /
done < <(sed -n 's/^  \(send it\|read, answer\|the queue\) *//p' "$tmp/again/out")
other=$pid
start "$second"
unlike "a second one takes another port" " $port " " $first "
like "the second one reports the taken port" "$(cat "$second/out")" "Port $first is taken"
whole_way "the second" "$second" TERM
out=$(BUILD=$tmp/again tools/run.sh 2>&1)
is "a second run in one folder is refused" "$? $out" \
    "1 make run is already running in this folder."
kill "$(pgrep -P "$other" -x smtp-relay)"
status=0
wait "$other" || status=$?
is "if one of its programs ends, it ends with an error" "$status" 1
is "no process remains after that" "$(pgrep -f "$tmp/again/smtp-" | tr '\n' ' ')" ""

# Ctrl-C reaches all processes of the terminal at once.
slow=0
for i in 1 2 3 4 5 6; do
	start "$tmp/terminal" setsid
	sleep "0.$i"
	begin=$SECONDS
	kill -INT -- "-$pid"
	wait "$pid" || slow=$((slow + 1))
	[ $((SECONDS - begin)) -le 5 ] || slow=$((slow + 1))
done
is "Ctrl-C ends it at once, each time" "$slow" 0

if [ "$(id -u)" -eq 0 ]; then
	start "$tmp/nobody" setpriv --reuid nobody --regid nogroup --clear-groups
	whole_way "as nobody" "$tmp/nobody"
fi
done_testing
