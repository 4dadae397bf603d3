#!/bin/bash
# SPDX-License-Identifier: ISC
#
# shellcheck disable=SC2016	# the inner shell expands the text in single quotes
#
# The walls around the processes of the units, in a real systemd: those of systemd and those of the
# programs stand at the same time.  If one is missing, the log has the cause.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
needs_root "boots a systemd"
[ -z "$(readelf -Ws --dyn-syms "${BUILD:-build}/smtp-queue" | grep -m1 __asan_init)" ] || {
	echo "1..0 # SKIP a build with sanitizers"
	exit 0
}

box=smtp-walls-$$
stage=$(mktemp -d /tmp/smtp-handler-test.XXXXXX)
chmod 755 "$stage"
trap 'tests/host/systemd-host stop -n "$box"; rm -rf "$stage"' EXIT
trap 'exit 143' TERM INT
here()			# COMMAND...: runs inside
{
	tests/host/systemd-host exec -n "$box" "$@"
}
make -s install DESTDIR="$stage" BUILD="${BUILD:-build}" > "$stage.log" 2>&1 ||
    { diag < "$stage.log"; bail "make install"; }
rm -f "$stage.log"
printf '%s\n' '[server]' 'hostname = mail.example.org' '[reports]' 'contact = r@example.org' \
    '[dkim example.org]' 'selector = s' 'key = /etc/hostname' \
    > "$stage/etc/smtp-handler/conf.d/test.conf"
tests/host/systemd-host start -n "$box" -b "$stage:/stage" -x '
	cp -a /stage/. /
	systemd-sysusers
	systemd-tmpfiles --create smtp-handler.conf' || bail "no systemd"

# A session at port $1 that stays open, and greets into $stage/session; $session has its process.
open_session()		# PORT
{
	rm -f "$stage/session" "$stage/hold"
	mkfifo "$stage/hold"
	tests/host/systemd-host net -n "$box" /bin/bash -c "
		exec 3<> /dev/tcp/127.0.0.1/$1 && head -n 1 <&3 > $stage/session &&
		read -r < $stage/hold" &
	for _ in $(seq 100); do
		[ -s "$stage/session" ] && break
		sleep 0.05
	done
	session=$(here pgrep -n -x -u smtp-handler smtp-handler)
	wait_for 10 confined	# the sandbox comes after the greeting
}
filters()		# PID
{
	here awk '$1 == "Seccomp_filters:" { print $2 }' "/proc/$1/status"
}
confined()		# true if the session has more filters than its parent
{
	[ "$(filters "$session")" -gt "$(filters "$(here ps -o ppid= -p "$session" | tr -d ' ')")" ]
}
close_session()
{
	echo > "$stage/hold"
	wait
}
walls()			# prints the number of filters, and NoNewPrivs
{
	here awk '$1 == "Seccomp_filters:" || $1 == "NoNewPrivs:" { printf "%s ", $2 }' \
	    "/proc/$session/status"
}
warnings()
{
	here journalctl -q -o cat -t smtp-handler | grep -c 'sandbox without'
}
score()			# UNIT: prints it in tenths
{
	here systemd-analyze --no-pager security "$1" |
	    sed -n 's/.*Overall exposure level for [^:]*: \([0-9]*\)\.\([0-9]\).*/\1\2/p'
}

# Run a script of tests/lib inside, and report its lines, N of which are checks.
inside()		# SCRIPT N [ARGUMENT]...
{
	cp "tests/lib/$1" tests/lib/booted.py "$stage"
	here /usr/bin/python3 "/stage/$1" "${@:3}" > "$stage/lines" 2>&1
	while read -r line; do
		case $line in
		"ok "*)		ok "${line#ok }" true ;;
		"not ok "*)	ok "${line#not ok }" false ;;
		*)		diag <<< "$line" ;;
		esac
	done < "$stage/lines"
	is "$1 has made all its checks" "$(grep -cE '^(not )?ok ' "$stage/lines")" "$2"
}

listen=$(score smtp-handler-listen.service) relay=$(score smtp-relay.service)
diag <<< "scores in tenths: listener $listen, relay $relay"
ok "the listener's score is at most 0.7" test "$((10#$listen))" -le 7
ok "the runner's score is at most 1.2" test "$((10#$relay))" -le 12

here systemctl -q start smtp-handler-listen.socket
open_session 25
like "a session under the listener is served" "$(cat "$stage/session")" '^220 '
read -r privileges filters <<< "$(walls)"
is "it can gain no privileges" "$privileges" 1
main=$(here systemctl show -p MainPID --value smtp-handler-listen.service)
is "it has a filter of its own above those of the listener" "$filters" \
    "$(($(filters "$main") + 1))"
is "no wall is missing" "$(warnings)" 0
is "its network has no interface but lo" \
    "$(here nsenter -t "$session" -n sh -c 'ls /sys/class/net | wc -l; ip -o link | wc -l' |
	tail -n 1)" 1
close_session
is "the limits of the listener" \
    "$(here systemctl show -p TasksMax -p MemoryMax -p LimitNOFILE smtp-handler-listen.service |
	sort | tr '\n' ' ')" 'LimitNOFILE=1024 MemoryMax=4294967296 TasksMax=2048 '

here sh -c 'mkdir -p /etc/systemd/system/smtp-handler-listen.service.d &&
	printf "[Service]\nSystemCallFilter=\nSystemCallFilter=@system-service\n" \
	> /etc/systemd/system/smtp-handler-listen.service.d/old.conf &&
	systemctl daemon-reload && systemctl restart smtp-handler-listen.service'
open_session 25
like "without the calls of Landlock a session is served too" "$(cat "$stage/session")" '^220 '
like "the log names the cause" "$(here journalctl -q -o cat -t smtp-handler)" \
    'sandbox without Landlock: a filter of system calls forbids it \(SystemCallFilter='
is "once for all its sessions" "$(warnings)" 1
close_session
here sh -c 'rm /etc/systemd/system/smtp-handler-listen.service.d/old.conf
	systemctl stop smtp-handler-listen.socket smtp-handler-listen.service'

here sh -c 'cp /usr/local/share/doc/smtp-handler/drop-ins/own-address.conf \
	/etc/systemd/system/smtp-handler-listen.service.d/ && systemctl daemon-reload &&
	systemctl start smtp-handler-listen.service'
listens()
{
	here sh -c 'ss -Hltn sport = 2525 | grep -q .'
}
ok "the listener has its own address" wait_for 10 listens
open_session 2525
like "the drop-in for addresses of its own works" "$(cat "$stage/session")" '^220 '
close_session
here sh -c 'systemctl stop smtp-handler-listen.service smtp-handler-listen.socket
	rm /etc/systemd/system/smtp-handler-listen.service.d/own-address.conf
	systemctl daemon-reload'

here systemctl -q start smtp-handler.socket
open_session 25
like "a session of its own unit is served" "$(cat "$stage/session")" '^220 '
read -r privileges filters <<< "$(walls)"
is "its walls are its own" "$privileges $filters" "1 1"
close_session
is "none of them was missing" "$(warnings)" 1

# smtp-verify under its unit: a message of a stranger is marked, and the process has its walls.
check=$(score smtp-verify.service)
diag <<< "score of smtp-verify: $check"
ok "the score of smtp-verify is at most 1.1" test "$((10#$check))" -le 11
here systemctl -q start smtp-verify.socket
here sh -c 'printf "%s\r\n" "EHLO a" "MAIL FROM:<a@b.example>" "RCPT TO:<b@mail.example.org>" DATA \
	"" . QUIT | REMOTE_ADDR=192.0.2.9 setpriv --reuid smtp-handler --regid smtp-handler \
	--clear-groups /usr/local/sbin/smtp-handler -o "route *.via=mx" \
	-o "route *.accept=anyone" -o server.milter=unix:/run/smtp-verify/milter.sock > /dev/null'
like "smtp-verify marks a message of a stranger" \
    "$(here sh -c 'cat /var/spool/smtp-handler/new/*')" \
    'spf=(temperror|none) .*smtp.mailfrom=b.example'
here sh -c 'rm /var/spool/smtp-handler/new/*; systemctl stop smtp-verify.socket smtp-verify.service'
is "no wall of smtp-verify is missing, and it may write findings" \
    "$(here journalctl -q -o cat -t smtp-verify | grep -c 'sandbox without\|findings')" 0

# Findings of yesterday, as smtp-verify writes them, are read by smtp-report, which may not write.
here sh -c 'day=$(date -u -d yesterday +%F) && cd /var/lib/smtp-verify && umask 027 &&
	echo "${day}T01:02:03Z 192.0.2.1 policy=b.example author=b.example action=none" \
	    "reason=none dkim=fail spf=fail" > found &&
	setpriv --reuid smtp-verify --regid smtp-verify --clear-groups sh -c "cat > $day" < found
	rm found; systemctl start smtp-report.service'
like "smtp-report reads what smtp-verify has written" \
    "$(here journalctl -q -o cat -t smtp-report)" 'b.example: the DNS has no answer'
is "smtp-report and strangers cannot write or read there" \
    "$(here sh -c 'for user in smtp-relay:smtp-relay nobody:nogroup; do
	setpriv --reuid ${user%:*} --regid ${user#*:} --clear-groups sh -c "
	    cat /var/lib/smtp-verify/2* | wc -l; echo > /var/lib/smtp-verify/x" 2> /dev/null ||
	    echo no; done' | tr -d '\n')" 1no0no

here systemctl -q stop smtp-handler.socket

# In its unit the runner delivers into a folder of /home.
here sh -c 'install -d -o smtp-relay /home/vmail
	cat >> /etc/smtp-handler/conf.d/test.conf' <<'CONF'
[route home.example]
via = maildir:/home/vmail/{local}
CONF
here systemctl -q start smtp-relay.path
here sh -c 'printf "%s\r\n" "EHLO a" "MAIL FROM:<>" "RCPT TO:<b@home.example>" DATA "" . QUIT |
	setpriv --reuid smtp-handler --regid smtp-handler --clear-groups \
	/usr/local/sbin/smtp-handler > /dev/null'
delivered()
{
	[ "$(here sh -c 'ls /home/vmail/b/new 2>/dev/null | wc -l')" -eq 1 ]
}
ok "the runner delivers into /home" wait_for 10 delivered
# The path unit.
fast=/etc/systemd/system/smtp-relay.service.d/fast-start.conf
drop_in()		# LINE: is added to the runner's unit, whose queue is then empty
{
	here sh -c 'mkdir -p "${1%/*}" && printf "[Service]\nExecStopPost=\n%s\n" "$2" \
		> "${1%/*}/test.conf" && systemctl daemon-reload
		systemctl stop smtp-relay.service; systemctl -q reset-failed smtp-relay.service
		find /var/spool/smtp-handler -name "0*" -delete' sh $fast "${1-}" 2> /dev/null
}
cp "${BUILD:-build}/tests/exitstop" "$stage"
here systemctl -q start smtp-handler-listen.socket
inside path_unit.py 1 latency 5
here sh -c 'mkdir -p "${1%/*}" && cd /usr/local/share/doc/smtp-handler/drop-ins &&
	cp fast-start.conf "$1" && systemctl daemon-reload' sh $fast
diag <<< "with fast-start.conf:"
inside path_unit.py 1 latency 5
here sh -c 'rm "$1" && systemctl daemon-reload' sh $fast
inside path_unit.py 2 race /stage/exitstop 0 40
here systemctl -q stop smtp-handler-listen.socket smtp-handler-listen.service
# Every unit.  A key, a route to a host that never greets, and the program that asks from inside.
if [ "$(uname -m)" = x86_64 ] && [ -x "${BUILD:-build}/tests/inject" ]; then
	here sh -c 'mkdir -p /etc/smtp-handler/tls && cd /etc/smtp-handler/tls &&
		openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 9 \
		-subj /CN=mail.example.org -keyout key.pem -out certificate.pem 2> /dev/null
		cat >> /etc/smtp-handler/conf.d/test.conf' <<'CONF'
[route held.example]
via = smtp://127.0.0.1:2526
CONF
	cp "${BUILD:-build}/tests/inject" "$stage"
	drop_in
	inside unit_walls.py 32 /stage/inject
	# The runner's files: its unit's mounts deny what fast-start.conf leaves to Landlock.
	here systemctl stop smtp-handler-listen.socket smtp-relay.path smtp-relay.timer
	here sh -c 'mkdir -p /data /wall; cat >> /etc/smtp-handler/conf.d/test.conf' <<'CONF'
[route data.example]
via = maildir:/data/{local}
CONF
	drop_in ReadWritePaths=/data
	inside unit_files.py 36 /stage/inject mounts
	here cp /usr/local/share/doc/smtp-handler/drop-ins/fast-start.conf $fast
	drop_in
	inside unit_files.py 36 /stage/inject Landlock
	drop_in SystemCallFilter=~landlock_create_ruleset
	here systemctl start smtp-relay.service 2> /dev/null
	like "without Landlock there is no run by fast-start.conf" \
	    "$(here journalctl -q -o cat -n 20 -t smtp-relay)" \
	    'cannot confine itself: no Landlock: a filter of system calls forbids it'
	here rm $fast
	drop_in
fi
inside unit_edges.py 8

done_testing
