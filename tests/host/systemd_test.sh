#!/bin/bash
# SPDX-License-Identifier: ISC
#
# shellcheck disable=SC2016	# the inner shell expands the text in single quotes
#
# The units in a real systemd.  A message comes in through the socket unit and is delivered through
# the path unit.  Bursts, hostile clients, dead destinations and a broken runner do not harm the
# units.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
needs_root "boots a systemd"

box=smtp-handler-$$
stage=$(mktemp -d /tmp/smtp-handler-test.XXXXXX)
chmod 755 "$stage"
trap 'tests/host/systemd-host stop -n "$box"; rm -rf "$stage"' EXIT
trap 'exit 143' TERM INT
here()			# COMMAND...: runs inside
{
	tests/host/systemd-host exec -n "$box" "$@"
}
client()		# ARGUMENTS of client.py: runs here, on the inner network
{
	tests/host/systemd-host net -n "$box" /usr/bin/python3 tests/host/client.py "$@"
}

make -s install DESTDIR="$stage" BUILD="${BUILD:-build}" > "$stage.log" 2>&1 ||
    { diag < "$stage.log"; bail "make install"; }
rm -f "$stage.log"
cat > "$stage/etc/smtp-handler/conf.d/test.conf" <<'CONF'
[server]
hostname = mail.example.org
[route example.org]
via = maildir:/var/mail/{local}
[route mail.example.org]
via = maildir:/var/mail/{local}
[route dead.example]
via = smtp://127.0.0.1:9
CONF
tests/host/systemd-host start -n "$box" -b "$stage:/stage" -x '
	cp -a /stage/. /
	rm -rf /var/spool/smtp-handler
	systemd-sysusers
	useradd --no-create-home anna
	systemd-tmpfiles --create smtp-handler.conf
	install -d -o smtp-relay -g anna -m 2750 /var/mail/anna
	install -d -o smtp-relay -g anna -m 2770 /var/mail/anna/tmp /var/mail/anna/new
	install -d -o smtp-relay -g anna -m 2770 /var/mail/anna/cur' || bail "no systemd"

units='smtp-handler-local.socket smtp-handler-local@.service
    smtp-handler.socket smtp-handler@.service
    smtp-handler-listen.socket smtp-handler-listen.service
    smtp-handler-submission-listen.socket smtp-handler-submission-listen.service
    smtp-handler-submissions-listen.socket smtp-handler-submissions-listen.service
    smtp-handler-submission.socket smtp-handler-submission@.service
    smtp-handler-submissions.socket smtp-handler-submissions@.service
    smtp-relay.path smtp-relay.service smtp-relay.timer
    smtp-fetch.timer smtp-fetch.service smtp-report.timer smtp-report.service
    smtp-stats.socket smtp-stats@.service smtp-stats.timer smtp-stats.service'
# shellcheck disable=SC2086
is "systemd-analyze verify has no complaint" \
    "$(here sh -c 'cd /usr/local/lib/systemd/system &&
	systemd-analyze verify --man=no "$@" 2>&1' sh $units)" ""
ok "enable and start" \
    here systemctl -q enable --now smtp-handler.socket smtp-relay.path smtp-relay.timer

#
# The doctor.
#
doctor()		# CHECK...: prints its faults and warnings about these checks
{
	here smtp-queue --json doctor | python3 -c '
import json, sys
for found in map(json.loads, sys.stdin):
    if found["state"] in ("fault", "warning") and found["check"] in sys.argv:
        print(found["text"], ">", found["fix"])' "$@"
}
is "doctor: an installed host is in order" \
    "$(doctor settings settings-out permissions units unit-files space owners queue lists aliases \
	relay certificate)" ""
here systemctl -q stop smtp-relay.path
is "doctor: the path unit was stopped" "$(doctor units)" \
    "smtp-relay.path is enabled but does not run > systemctl start smtp-relay.path"
here systemctl -q start smtp-relay.path
here systemctl -q disable smtp-relay.timer
like "doctor: the timer is not enabled" "$(doctor units)" \
    '^smtp-relay.timer is not enabled, .* > systemctl enable --now smtp-relay.timer$'
here systemctl -q enable smtp-relay.timer
here systemctl -q enable smtp-handler-listen.socket
like "doctor: two units for one port" "$(doctor units)" \
    'are both enabled, for port 25 > systemctl disable --now smtp-handler.socket'
here systemctl -q disable smtp-handler-listen.socket
here sh -c 'cd /etc/systemd/system && mkdir -p smtp-relay.service.d &&
	printf "[Service]\nTasksMax=50\nNoSuchKey=1\n" > smtp-relay.service.d/x.conf &&
	systemctl daemon-reload'
like "doctor: a limit of a unit is too low" "$(doctor units)" \
    'TasksMax=50 is less than \[relay\] processes needs \(400\) > systemctl edit smtp-relay.service'
like "doctor: a drop-in with a mistake" "$(doctor unit-files)" 'NoSuchKey'
here sh -c 'rm -r /etc/systemd/system/smtp-relay.service.d && systemctl daemon-reload'
here chown smtp-handler /var/spool/smtp-handler/wait
like "doctor: a folder of the wrong user" "$(doctor owners)" \
    '^wait: .* > smtp-queue fsck --owners --repair$'
here chown smtp-relay /var/spool/smtp-handler/wait
here chmod 600 /etc/smtp-handler/smtp-handler.conf
like "doctor: the users of the programs cannot read the configuration" \
    "$(doctor settings settings-out)" 'smtp-handler.conf: .*[Dd]enied > smtp-handler --check'
here chmod 644 /etc/smtp-handler/smtp-handler.conf
is "doctor: all is in order again" "$(doctor settings settings-out units unit-files owners)" ""

mailbox()		# prints the number of anna's messages
{
	here find /var/mail/anna/new /var/mail/anna/cur -type f | wc -l
}
has_mail()		# COUNT
{
	[ "$(mailbox)" -eq "$1" ]
}
instances()
{
	here systemctl list-units --all --no-legend --plain 'smtp-handler@*'
}
no_instances()
{
	[ -z "$(instances)" ]
}
idle()			# true if the runner has ended
{
	[ "$(here systemctl show -P ActiveState smtp-relay.service)" = inactive ]
}
starts()		# prints how often the runner was started
{
	here journalctl -q -u smtp-relay.service -o cat | grep -c '^Starting '
}
states()
{
	here systemctl show -P ActiveState "$1" smtp-relay.path smtp-relay.timer | xargs
}

#
# Accept=yes.
#
# journald has the unit of a line only if it sees the process that wrote it.
ok "a client sends a message" client send 127.0.0.1 25 b@example.net anna@example.org 1 2
ok "it is delivered" wait_for 10 has_mail 1
is "only anna may read it" \
    "$(here find /var/mail/anna/new -type f -printf '%u:%g %m\n')" "smtp-relay:anna 660"
ok "anna can move it into cur, as mutt does" here setpriv --reuid anna --regid anna --clear-groups \
    sh -c 'for f in /var/mail/anna/new/*; do mv "$f" "/var/mail/anna/cur/${f##*/}:2,S"; done'
log=$(here journalctl -q -o cat -t smtp-handler -t smtp-relay)
like "the session is in the journal" "$log" 'accepted .*from=b@example\.net'
like "the delivery is in the journal" "$log" 'delivered .*to=anna@example\.org'
entry=$(here journalctl -q -o json SMTP_EVENT=accepted SMTP_FROM=b@example.net)
like "the entry of the session has its fields" "$entry" '"SMTP_ID" *: *"[0-9A-Z]{16}"'
like "the entry has its priority" "$entry" '"PRIORITY" *: *"6"'
like "the entry has the name of the program" "$entry" '"SYSLOG_IDENTIFIER" *: *"smtp-handler"'
entry=$(here journalctl -q -o json SMTP_EVENT=delivered SMTP_TO=anna@example.org)
like "the entry of the delivery has its fields" "$entry" '"SMTP_ID"'
here journalctl --update-catalog
like "journalctl -x explains a line" "$(here journalctl -q -x SMTP_EVENT=accepted)" \
    'Subject: A message was accepted'
is "each line of the programs has an identifier" \
    "$(here journalctl -q -o json -t smtp-handler -t smtp-relay | grep -v MESSAGE_ID)" ""
like "the journal of the unit has the session" \
    "$(here journalctl -q -u 'smtp-handler@*' -o cat -t smtp-handler)" 'accepted'
ok "the path unit's runner ends" wait_for 10 idle

#
# Statistics.
#
here install -d /var/lib/prometheus/node-exporter
ok "the units of statistics start" \
    here systemctl -q enable --now smtp-stats.socket smtp-stats.service
metrics=$(tests/host/systemd-host net -n "$box" curl -sS http://127.0.0.1:9926/metrics 2>&1)
like "the socket serves the counters of sessions" "$metrics" \
    'smtp_accepted_messages_total\{standing="[a-z]+"\} 1'
like "and those of the relay" "$metrics" \
    'smtp_relay_recipients_total\{route="example.org",outcome="delivered"\} 1'
like "the node exporter can read the file" \
    "$(here stat -c '%U %a' /var/lib/prometheus/node-exporter/smtp-handler.prom)" 'root 644'
like "the file is whole" \
    "$(here tail -n 1 /var/lib/prometheus/node-exporter/smtp-handler.prom)" '# EOF'
like "it names the machine" \
    "$(here grep smtp_handler_build /var/lib/prometheus/node-exporter/smtp-handler.prom)" \
    "nodename=\"$(here hostname)\"} 1"
is "the counters of sessions are the handler's, and the relay may read them" \
    "$(here stat -c '%U:%G %a' /var/spool/smtp-handler/stats/sessions)" \
    "smtp-handler:smtp-relay 640"

read -r greeted lost <<< "$(client burst 127.0.0.1 25 400)"
ok "400 connections in a burst: $greeted greeted, $lost dropped for MaxConnections" \
    test "$greeted" -gt 200
is "after the burst, the socket listens" "$(states smtp-handler.socket)" "active active active"
ok "hostile clients" client hostile 127.0.0.1 25
ok "no instance remains" wait_for 20 no_instances
is "after hostile clients, the socket listens" \
    "$(states smtp-handler.socket)" "active active active"
client send 127.0.0.1 25 b@example.net anna@example.org 20
ok "20 more messages are delivered" wait_for 20 has_mail 21

before=$(starts)
client send 127.0.0.1 25 b@example.net x@dead.example
ok "mail for a dead host is deferred" wait_for 10 here sh -c \
    'journalctl -q -o cat -t smtp-relay | grep -q "^waiting\|: waiting\| waiting id"'
sleep 3
n=$(($(starts) - before))
ok "deferred mail does not start the runner again and again ($n times)" test "$n" -le 2

queue()			# smtp-queue, as root
{
	here /usr/local/sbin/smtp-queue "$@"
}
started_since()		# COUNT
{
	[ "$(starts)" -gt "$1" ]
}
waiting=$(queue list --ids --domain dead.example)
is "the operator holds the deferred message" "$(queue hold "$waiting" 2>&1)" "$waiting held"
is "a held message is still the relay's to use, and closed to the handler that made it" \
    "$(here stat -c '%U:%G %a' "/var/spool/smtp-handler/hold/$waiting")" \
    "smtp-handler:smtp-relay 60"
like "the journal has the hold" \
    "$(here journalctl -q -o json SMTP_EVENT=held SMTP_ID="$waiting")" '"SMTP_UID" *: *"0"'
wait_for 10 idle
before=$(starts)
is "the operator releases it" "$(queue release "$waiting" 2>&1)" "$waiting released"
ok "the release starts the runner" wait_for 10 started_since "$before"
is "the queue is in order" "$(queue fsck | sed 's/.*: //')" "0 faults"
wait_for 10 idle

here sh -c 'mkdir -p /run/systemd/system/smtp-relay.service.d
    cd /run/systemd/system/smtp-relay.service.d
    printf "[Service]\nExecStart=\nExecStart=/bin/false\n" > broken.conf
    systemctl daemon-reload'
wait_for 10 idle
before=$(starts)
client send 127.0.0.1 25 b@example.net anna@example.org
sleep 3
n=$(($(starts) - before))
ok "a runner that fails before it has emptied new/ is not started again and again ($n times)" \
    test "$n" -eq 1
here sh -c 'rm -r /run/systemd/system/smtp-relay.service.d
    systemctl daemon-reload
    systemctl kill -s KILL smtp-relay.service'
ok "after that, the mail is delivered" wait_for 30 has_mail 22

#
# The socket for users of this host.
#
ok "enable and start the local socket" here systemctl -q enable --now smtp-handler-local.socket
is "anyone may connect to it" "$(here stat -c '%a %F' /run/smtp-handler/socket)" "666 socket"
through_socket='
import smtplib, socket, sys
class Local(smtplib.SMTP):
    def _get_socket(self, host, port, timeout):
        s = socket.socket(socket.AF_UNIX)
        s.connect(host)
        return s
with Local("/run/smtp-handler/socket", 25) as smtp:
    smtp.sendmail(sys.argv[1], [sys.argv[2]], "Subject: %s\n\ntext\n" % sys.argv[3])'
ok "anna sends a message through it" \
    here setpriv --reuid anna --regid anna --clear-groups /usr/bin/python3 -c \
    "$through_socket" anna@example.org anna@example.org "from here"
ok "it is delivered" wait_for 10 has_mail 23
like "anna's user is in the trace" \
    "$(here sh -c 'grep -rh "^Received:" /var/mail/anna/new')" "\\(uid $(here id -u anna)\\)"
like "anna's user is in the log" \
    "$(here journalctl -q -o cat SMTP_EVENT=accepted SMTP_FROM=anna@example.org)" \
    "client=\"uid $(here id -u anna)\""
ok "root sends one without a domain and without a Date" \
    here /usr/bin/python3 -c "$through_socket" root anna "from cron"
ok "it is delivered to anna at this host" wait_for 10 has_mail 24
message=$(here sh -c 'cat "$(grep -rl "^Subject: from cron" /var/mail/anna/new)"')
like "the sender has the domain of this host" "$message" '^Return-Path: <root@mail\.example\.org>'
like "the message has a Date" "$message" '^Date: [A-Z][a-z]{2}, [0-9]'
like "the message has a Message-ID" "$message" '^Message-ID: <[0-9A-Z]{16}@mail\.example\.org>'

#
# Accept=no.
#
ok "disable the socket of Accept=yes" here systemctl -q disable --now smtp-handler.socket
ok "enable the socket of the one service" here systemctl -q enable --now smtp-handler-listen.socket
client send 127.0.0.1 25 b@example.net anna@example.org
ok "a message is delivered" wait_for 10 has_mail 25
read -r greeted lost <<< "$(client burst 127.0.0.1 25 400)"
is "400 connections in a burst" "$greeted greeted, $lost lost" "400 greeted, 0 lost"
client hostile 127.0.0.1 25
client send 127.0.0.1 25 b@example.net anna@example.org
ok "a message after hostile clients is delivered" wait_for 10 has_mail 26
is "all units are up" "$(states smtp-handler-listen.socket)" "active active active"
is "the service runs as smtp-handler" \
    "$(here systemctl show -P User smtp-handler-listen.service)" "smtp-handler"
ok "even root may write only to the queue, in the mounts of the service" here sh -c '
	inside="nsenter -t $(systemctl show -P MainPID smtp-handler-listen.service) -m"
	for folder in /usr /etc/smtp-handler /var/lib /var/mail/anna /home /root; do
		if $inside touch $folder/x 2>/dev/null; then echo $folder; exit 1; fi
	done
	$inside touch /var/spool/smtp-handler/tmp/x && rm /var/spool/smtp-handler/tmp/x'
ok "it stops in order" here sh -c 'systemctl stop smtp-handler-listen.service &&
    test "$(systemctl show -P Result smtp-handler-listen.service)" = success'

# Restart and reload.
deaf_client()		# a session that cannot end, as its client does not read until hear()
{
	mkfifo "$stage.hear"
	client deaf 127.0.0.1 25 100 > "$stage.deaf" < "$stage.hear" &
	deaf=$!
	exec 7> "$stage.hear"
	wait_for 10 test -s "$stage.deaf"
}
hear()			# the end of that client
{
	exec 7>&-
	wait "$deaf"
	rm -f "$stage.deaf" "$stage.hear"
}
greeting()		# prints how a client is greeted, and after how many seconds
{
	local began=$SECONDS
	echo "$(client greeting 127.0.0.1 25) $((SECONDS - began))"
}
deaf_client
ok "restart during a session" here systemctl -q restart smtp-handler-listen.service
like "a client is served at once" "$(greeting)" '^220 .* [0-3]$'
is "that session is still there" "$(here pgrep -xc smtp-handler)" 2
hear
ok "reload" here systemctl -q reload smtp-handler-listen.service
here sh -c 'echo "[server" > /etc/smtp-handler/conf.d/broken.conf'
unlike "reload with an error in the configuration fails" \
    "$(here systemctl -q reload smtp-handler-listen.service 2>&1; echo "status $?")" '^status 0'
like "the journal has the reason" \
    "$(here journalctl -q -o cat -u smtp-handler-listen.service)" 'broken\.conf:1: '
like "the old configuration still serves" "$(greeting)" '^220 .* [0-3]$'
here systemctl -q restart smtp-handler-listen.service
like "after a restart with that error, a client is refused" "$(greeting)" '^421 4\.3\.5 .* [0-5]$'
here rm /etc/smtp-handler/conf.d/broken.conf
ok "restart without it" here systemctl -q restart smtp-handler-listen.service
like "clients are served again" "$(greeting)" '^220 .* [0-3]$'
here sh -c 'cd /etc/smtp-handler && openssl req -x509 -nodes -newkey ec \
	    -pkeyopt ec_paramgen_curve:P-256 -keyout new.key -out new.pem -days 2 \
	    -subj /CN=mail.example.org 2> /dev/null && chown smtp-handler new.key &&
	printf "[server]\ntls = offer\ntls-certificate = %s\ntls-key = %s\n" \
	    /etc/smtp-handler/new.pem /etc/smtp-handler/new.key > conf.d/new.conf'
ok "reload with TLS, which is new" here systemctl -q reload smtp-handler-listen.service
wait_for 10 here sh -c '! systemctl -q is-active smtp-handler-listen.service'
like "the next listener offers it" \
    "$(tests/host/systemd-host net -n "$box" curl -sv --max-time 9 smtp://127.0.0.1 2>&1)" STARTTLS
here sh -c 'cd /etc/smtp-handler && rm new.key new.pem conf.d/new.conf &&
	systemctl -q restart smtp-handler-listen.service'

# Either socket unit takes the port from the other.
for i in 1 2 3 4 5; do
	for unit in smtp-handler.socket smtp-handler-listen.socket; do
		ok "$unit takes over ($i)" here systemctl -q start $unit
		like "$unit: a client is served" "$(greeting)" '^220 .* [0-5]$'
	done
done
deaf_client
ok "smtp-handler.socket takes over during a session" here systemctl -q start smtp-handler.socket
like "a client is served at once by its service" "$(greeting)" '^220 .* [0-3]$'
hear

# Submission: the certificate and the key of root are credentials of the unit.  The hashes are in a
# file of the service's user.
here sh -c 'umask 077
	mkdir /etc/smtp-handler/tls
	chmod 700 /etc/smtp-handler/tls
	cd /etc/smtp-handler/tls
	openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout key.pem \
	    -out certificate.pem -days 2 -subj /CN=mail.example.org 2> /dev/null
	echo secret | /usr/local/sbin/smtp-handler-passwd anna > /etc/smtp-handler/users
	chown smtp-handler /etc/smtp-handler/users
	cd /etc/smtp-handler/conf.d
	printf "[server]\nauth = file:/etc/smtp-handler/users\n" > users.conf
	chmod 644 users.conf'
ok "submission starts" here systemctl -q start \
    smtp-handler-submissions.socket smtp-handler-submission.socket
wait_for 10 idle
before=$(mailbox)
is "H131 a message on port 465" \
    "$(client submit 127.0.0.1 465 anna secret anna@example.org anna@example.org 2>&1)" \
    "sent over TLSv1.3"
is "H129 a message on port 587" \
    "$(client submit 127.0.0.1 587 anna secret anna@example.org anna@example.org 2>&1)" \
    "sent over TLSv1.3"
ok "the listeners take over" here systemctl -q start \
    smtp-handler-submissions-listen.socket smtp-handler-submission-listen.socket
is "the units for one connection have stopped" \
    "$(here systemctl is-active smtp-handler-submissions.socket smtp-handler-submission.socket |
	xargs)" "inactive inactive"
for port in 465 587; do
	is "a message on port $port of the listener" \
	    "$(client submit 127.0.0.1 $port anna secret anna@example.org anna@example.org 2>&1)" \
	    "sent over TLSv1.3"
done
here sh -c 'echo "[server" > /etc/smtp-handler/conf.d/broken.conf'
for unit in smtp-handler-submissions-listen.service smtp-handler-submission-listen.service; do
	unlike "$unit: reload with an error in the configuration fails" \
	    "$(here systemctl -q reload $unit 2>&1; echo "status $?")" '^status 0'
done
here rm /etc/smtp-handler/conf.d/broken.conf
for unit in smtp-handler-submissions-listen.service smtp-handler-submission-listen.service; do
	ok "$unit: reload" here systemctl -q reload $unit
done
for port in 465 587; do
	is "a message on port $port after that" \
	    "$(client submit 127.0.0.1 $port anna secret anna@example.org anna@example.org 2>&1)" \
	    "sent over TLSv1.3"
done
ok "all are delivered" wait_for 20 has_mail $((before + 6))
like "the log has the user" \
    "$(here journalctl -q -t smtp-handler --no-pager)" 'accepted .* auth=anna tls=TLSv1\.3/'
metrics=$(queue stats)
like "sessions with TLS and logins are counted" "$metrics" 'tls_total\{version="TLSv1.3"\} [1-9]'
like "logins are counted" "$metrics" 'smtp_logins_total [1-9]'

#
# Two users.  The handler of a session reaches nothing of the queue but what it must.
#
ok "the path unit stops" here systemctl -q stop smtp-relay.path smtp-relay.timer
wait_for 10 idle
before=$(mailbox)
client send 127.0.0.1 25 b@example.net anna@example.org
one=$(here ls /var/spool/smtp-handler/new)
is "a message of a session is the handler's, and only the relay can open it" \
    "$(here stat -c '%U:%G %a' "/var/spool/smtp-handler/new/$one")" "smtp-handler:smtp-relay 60"
deaf_client
session=$(here sh -c 'pgrep -x smtp-handler | tail -n 1')
is "a session runs as smtp-handler, without another group" \
    "$(here sh -c "id -u smtp-handler; id -g smtp-handler; awk '
	/^(Uid|Gid|Groups):/ { print \$1, \$2, \$3 }' /proc/$session/status" | xargs)" \
    "$(here sh -c 'u=$(id -u smtp-handler) g=$(id -g smtp-handler)
	echo $u $g Uid: $u $u Gid: $g $g Groups: $g')"
hear
is "that user can open nothing in the queue" "$(here setpriv --reuid smtp-handler \
    --regid smtp-handler --clear-groups sh -c '
	cd /var/spool/smtp-handler || exit
	for f in . tmp new stats cur wait hold dead state; do
		ls $f 2> /dev/null && echo "lists $f"; done
	for f in cur wait hold dead state; do (: > $f/x) 2> /dev/null && echo "writes $f"; done
	cat "new/$1" 2> /dev/null && echo reads
	: > tmp/x && mv tmp/x new/x && rm new/x && echo "makes files"' sh "$one")" "makes files"

# The upgrade of a queue that smtp-handler owned alone.  The second time systemd-tmpfiles is first.
for how in 'true' 'systemd-tmpfiles --create smtp-handler.conf'; do
	here sh -c 'cd /var/spool/smtp-handler && chown -R smtp-handler:smtp-handler . &&
	    find . -type d -exec chmod 00700 {} + -o -type f -exec chmod 600 {} +'
	client send 127.0.0.1 25 b@example.net anna@example.org
	# shellcheck disable=SC2086
	here $how
	client send 127.0.0.1 25 b@example.net anna@example.org
	here systemctl -q start smtp-relay.path
	ok "upgrade ($how): all is delivered" wait_for 60 has_mail $((before + 3))
	wait_for 20 idle
	is "upgrade ($how): the queue is in order" "$(queue fsck | sed 's/.*: //')" "0 faults"
	is "upgrade ($how): the queue has two users" \
	    "$(here stat -c '%U:%G %a' /var/spool/smtp-handler)" "smtp-relay:smtp-handler 710"
	here systemctl -q stop smtp-relay.path
	before=$((before + 2))
done

# The outbox of a user, by the units of the user's own manager.
by_carl()		# COMMAND for sh
{
	here runuser -u carl -- env XDG_RUNTIME_DIR=/run/carl sh -c "$1"
}
ok "the path unit starts" here systemctl -q start smtp-relay.path
here systemctl -q stop smtp-handler-local.socket
here sh -c 'useradd --create-home carl && install -d -o carl -m 700 /run/carl
	printf "[sendmail]\noutbox = on\n" > /etc/smtp-handler/conf.d/outbox.conf
	systemd-run -q -p User=carl -p Delegate=yes -p Environment=XDG_RUNTIME_DIR=/run/carl \
	    /lib/systemd/systemd --user'
ok "the manager of a user starts" wait_for 20 by_carl 'systemctl --user -q start basic.target 2>&1'
before=$(mailbox)
ok "the timer of the outbox starts" by_carl 'systemctl --user -q start smtp-outbox.timer'
ok "mail is kept while the server is away" by_carl \
    'echo hello | /usr/local/sbin/sendmail anna@example.org 2>&1'
ok "the unit of the outbox is fine with that" by_carl \
    'systemctl --user -q start smtp-outbox.service'
is "it has tried" \
    "$(by_carl 'systemctl --user show -P ExecMainStatus smtp-outbox.service')" 75
here systemctl -q start smtp-handler-local.socket
ok "later it starts again" by_carl 'systemctl --user -q start smtp-outbox.service'
ok "the mail is delivered" wait_for 20 has_mail $((before + 1))
is "the outbox is empty" "$(here find /home/carl/.local/state/smtp-handler/outbox -type f)" ""

unlike "no program was killed or crashed" "$(here journalctl -q -o cat)" \
    'core-dump|code=killed, status=(6|7|8|11|31)/|Sanitizer|runtime error'
done_testing
