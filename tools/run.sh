#!/bin/bash
# SPDX-License-Identifier: ISC
#
# make run: a complete mail server on this machine, as the calling user.  It consists of a listener
# on 127.0.0.1:2525 (or the next free port), the runner, and a queue and mailboxes under build/run/.
# The logs appear on the terminal until Ctrl-C.
set -u
cd "$(dirname "$0")/.." || exit 1

build=${BUILD:-build}
run=$build/run
conf=$run/smtp-handler.conf
where=$(readlink -m "$run")

listening()		# PORT: true if a program listens there
{
	grep -qsE "^ *[0-9]+: [0-9A-F]+:$(printf '%04X' "$1") [0-9A-F]+:0000 0A " \
	    /proc/net/tcp /proc/net/tcp6
}

free_port()		# sets $port
{
	for port in {2525..2575}; do
		listening "$port" || return 0
		echo "Port $port is taken; trying the next."
	done
	echo "No free port from 2525 to 2575." >&2
	return 1
}

write_conf()		# sets $names to our domains
{
	local fqdn name
	fqdn=$(hostname -f 2>/dev/null || hostname)
	names=$(printf '%s\n' localhost "$(hostname)" "$fqdn" | tr '[:upper:]' '[:lower:]' |
	    grep -E '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$' | awk '!seen[$0]++')
	{
		echo "# make run rewrites this file.  Put lasting settings into $run/conf.d/*.conf."
		printf '\n[queue]\ndirectory = %s\n' "$where/queue"
		# A host without a full name greets with its address.
		case $fqdn in *.*) printf '\n[server]\nhostname = %s\n' "$fqdn";; esac
		for name in $names; do
			printf '\n[route %s]\nvia = maildir:%s\n' "$name" "$where/mail/{local}"
		done
	} > "$conf"
}

print_commands()
{
	local missing ours settings
	ours=$(echo "$names" | paste -sd, | sed 's/,/, /g')
	settings="set ssl_force_tls=no smtp_url=smtp://127.0.0.1:$port from=ben@localhost"
	missing=$(for tool in swaks telnet mutt; do
		command -v $tool > /dev/null || echo " $tool"
	done | paste -sd,)
	cat <<-TEXT

	smtp-handler listens on 127.0.0.1:$port.  Mail for anybody at $ours
	goes to $run/mail/NAME; mail for other domains really goes out, to their exchangers.

	  send it        swaks --server 127.0.0.1:$port --from anna@localhost --to ben@localhost
	  or by hand     telnet 127.0.0.1 $port
	                   HELO me
	                   MAIL FROM:<anna@localhost>
	                   RCPT TO:<ben@localhost>
	                   DATA
	                   Subject: hello

	                   Hi Ben.
	                   .
	                   QUIT
	  read, answer   mutt -f $run/mail/ben -e '$settings'
	  the queue      $build/smtp-queue -c $conf
	  look ahead     $build/smtp-relay -c $conf --explain somebody@example.org
	  stop           Ctrl-C
	${missing:+
	  (Not installed here:$missing.)
	}
	The log from here on:

	TEXT
}

# Ctrl-C may end both programs while bash waits for them.  bash then lists them as running jobs for
# ever, so their processes are asked for.
running()		# true if one of the two programs runs
{
	kill -0 "$relay" 2>/dev/null || kill -0 "$handler" 2>/dev/null
}

both()			# true if both programs run
{
	kill -0 "$relay" 2>/dev/null && kill -0 "$handler" 2>/dev/null
}

stop()			# ends both programs; current sessions and deliveries may end first
{
	local until=$((SECONDS + 40))
	trap '' INT TERM HUP
	kill -TERM "$relay" "$handler" 2>/dev/null
	while running && [ "$SECONDS" -lt "$until" ]; do
		sleep 0.05
	done
	running && kill -KILL "$relay" "$handler" 2>/dev/null
	wait
}

mkdir -p "$run/mail" "$run/conf.d" || exit 1
exec 9> "$run/lock"
if ! flock -n 9; then
	echo "make run is already running in this folder." >&2
	exit 1
fi
write_conf
free_port || exit 1

ended=
trap ended=asked INT TERM HUP
"$build/smtp-relay" -c "$conf" --watch 9>&- < /dev/null &
relay=$!
"$build/smtp-handler" -c "$conf" --listen "127.0.0.1:$port" 9>&- < /dev/null &
handler=$!
for _ in {1..100}; do
	listening "$port" && break
	sleep 0.05
done
both && print_commands

# Wait for Ctrl-C.  If a program ends before that, it is an error.  A wait without a limit would
# miss a signal that comes just before it.
rm -f "$run/quiet"
mkfifo "$run/quiet" || exit 1
exec 8<> "$run/quiet"		# nobody writes to it
rm -f "$run/quiet"
while [ -z "$ended" ]; do
	both || ended=${ended:-alone}
	[ -n "$ended" ] || read -r -t 0.5 -u 8
done
stop
if [ "$ended" = alone ]; then
	echo "make run: one of the two programs has ended; its last messages are above." >&2
	exit 1
fi
echo
echo "Stopped.  The queue and the mailboxes stay in $run."
