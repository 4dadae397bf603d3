# shellcheck shell=bash
# SPDX-License-Identifier: ISC
#
# For host tests; a test sources it in the project's root.  Each test has a folder of its own with
# copies of the programs that any user may run.  It has its own network, mounts and processes: ports
# are free, /dev/log is the test's, and no process outlives the test.

. tests/lib/tap.sh

build=$(readlink -f "${BUILD:-build}")
# shellcheck disable=SC2034	# the tests use it
peers=$(readlink -m build/peers)

# Start again in new namespaces.  For "anybody", a user other than root is mapped to root, and all
# programs run as that one user.
own_namespaces()	# root | anybody
{
	local map=
	user=nobody as_user="setpriv --reuid nobody --regid nogroup --clear-groups" mode=600
	if [ -n "${HOST_TEST_INSIDE-}" ]; then
		[ "$HOST_TEST_INSIDE" != mapped ] || user=root as_user=
		return
	fi
	HOST_TEST_INSIDE=root
	if [ "$(id -u)" -ne 0 ]; then
		[ "$1" = anybody ] || needs_root "a server that changes its user"
		HOST_TEST_INSIDE=mapped map=--map-root-user
	fi
	export HOST_TEST_INSIDE
	exec unshare $map --net --mount --pid --fork --kill-child --mount-proc \
	    --propagation private -- "$PWD/tests/host/${0##*/}"
}

# Sets $tmp: a folder with the programs and a queue for $user.  Every user can reach it, unlike the
# build folder.
set_up()
{
	umask 022
	tmp=$(mktemp -d /tmp/smtp-handler-test.XXXXXX)
	chmod 755 "$tmp"
	trap 'umount -Rl "$tmp/dev" 2>/dev/null; rm -rf --one-file-system "$tmp"' EXIT
	install -m 755 "$build/smtp-handler" "$build/smtp-relay" "$tmp"
	install -d -m 700 -o "$user" "$tmp/queue"
	cat > "$tmp/conf" <<-CONF
		[queue]
		directory = $tmp/queue
		[server]
		hostname = mail.example.org
		[route example.org]
		via = discard
	CONF
	ip link set lo up
}

# From here on this machine has the two users of the service, and the queue is theirs.  The programs
# that receive run as smtp-handler.
set_up_two_users()
{
	local file
	for file in passwd group; do
		grep -v '^smtp-' "/etc/$file" > "$tmp/$file"
	done
	echo smtp-handler:x:64997:64997::/:/bin/false >> "$tmp/passwd"
	echo smtp-relay:x:64998:64998::/:/bin/false >> "$tmp/passwd"
	printf '%s\n' smtp-handler:x:64997: smtp-relay:x:64998: >> "$tmp/group"
	for file in passwd group; do
		mount --bind "$tmp/$file" "/etc/$file"
	done
	user=smtp-handler mode=60
	as_user="setpriv --reuid smtp-handler --regid smtp-handler --clear-groups"
	rm -r "$tmp/queue"
	"$tmp/smtp-relay" -c "$tmp/conf" || bail "no queue"
}

# Mount a copy of /dev with a /dev/log of our own.  Its lines go to $tmp/syslog.
own_syslog()
{
	local n
	mkdir "$tmp/dev"
	mount -t tmpfs -o mode=755 dev "$tmp/dev"
	for n in null zero full random urandom; do
		: > "$tmp/dev/$n"
		mount --bind "/dev/$n" "$tmp/dev/$n"
	done
	ln -s /proc/self/fd "$tmp/dev/fd"
	mkdir "$tmp/dev/shm"
	mount --rbind "$tmp/dev" /dev
	python3 tests/host/client.py syslog /dev/log > "$tmp/syslog" 2>> "$tmp/syslog.err" &
	wait_for 5 test -S /dev/log || bail "no /dev/log"
}

# Prints a session with every kind of line: accepted, refused, unknown, too long.
session()
{
	printf '%s\r\n' 'EHLO client.example.net' 'NOOP' 'MAIL FROM:<a@example.net>' \
	    'RCPT TO:<b@example.org>' 'RCPT TO:<broken' 'BLAH blah' \
	    "NOOP $(printf '%03000d' 0)" 'DATA' 'Subject: hello' '' 'Hello there.' \
	    '..a dot' '.' 'MAIL FROM:<>' 'RSET' 'DATA' 'VRFY b' 'QUIT'
}

# Removes from the replies all that differs between sessions.
normal()
{
	sed -E 's|queued as [0-9A-Z]{16}|queued as ID|; s|^(250.FUTURERELEASE [0-9]+) .*|\1 UNTIL|'
}

# The replies through a pipe.  Other clients must get the same octets.
set_up_expected()
{
	session > "$tmp/session"
	$as_user "$tmp/smtp-handler" -c "$tmp/conf" < "$tmp/session" 2> "$tmp/pipe.log" |
	    normal > "$tmp/expected"
	like "the session through a pipe ends in order" \
	    "$(tr -d '\r' < "$tmp/expected" | tail -n 1)" '^221 2\.0\.0 Bye'
	like "the session through a pipe queues a message" \
	    "$(tr -d '\r' < "$tmp/expected")" '^250 2\.0\.0 Ok: queued as ID'
	like "the session through a pipe logs on stderr" "$(cat "$tmp/pipe.log")" 'accepted id='
	rm -f "$tmp/queue"/new/*
}

talk()			# HOST PORT: sends the session through a socket; prints the replies
{
	python3 tests/host/client.py talk "$1" "$2" < "$tmp/session"
}

same_as_pipe()		# NAME HOST PORT
{
	talk "$2" "$3" | normal > "$tmp/got"
	ok "$1: the client gets the same octets as a pipe" cmp "$tmp/expected" "$tmp/got"
	is "$1: the message is queued" "$(find "$tmp/queue/new" -type f | wc -l)" 1
	like "$1: the message belongs to the user of the program" \
	    "$(stat -c '%U %a' "$tmp/queue"/new/* 2>&1)" "^$user $mode\$"
	rm -f "$tmp/queue"/new/*
}

listens()		# PORT
{
	ss -Hltn "sport = :$1" | grep -q .
}
