#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Without systemd: --listen and --watch as services of s6, by the lines of the manuals.  Root starts
# both, and each becomes its user.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces root
set_up
set_up_two_users
set_up_expected

line()			# PAGE PROGRAM: prints the example of the manual, with the test's programs
{
	sed -n "s|^\.Dl exec .*\($2 .*\)|exec $tmp/\1 -c $tmp/conf|p" "man/$1"
}
for service in handler relay; do
	mkdir -p "$tmp/services/$service"
	program=smtp-$service
	{ echo '#!/bin/sh'; echo "exec 2>>$tmp/$service.log"; line "$program.8" "$program"; } \
	    > "$tmp/services/$service/run"
	chmod +x "$tmp/services/$service/run"
done
like "the manuals have the lines" "$(tail -qn 1 "$tmp"/services/*/run)" \
    "smtp-handler --listen '\\[::\\]:25'"
sed -i 's/^hostname/trusted = 127.0.0.1 ::1 local\nhostname/' "$tmp/conf"
s6-svscan "$tmp/services" > "$tmp/svscan.log" 2>&1 &
wait_for 10 listens 25 || { cat "$tmp"/*.log | diag; bail "no listener"; }

flood()			# N SOURCES: prints the counts of greeted, refused, and all others
{
	/usr/bin/python3 tests/host/flood.py flood 25 "$1" "$2" 1 |
	    python3 -c 'import json, sys
c = json.load(sys.stdin)
print(c["greeted"], c["refused"], c["closed"] + c["silent"])'
}
empty()			# true if the relay has taken all messages
{
	[ -z "$(find "$tmp"/queue/{tmp,new,cur,wait} -type f -name '????????????????')" ]
}
process()		# PROGRAM: prints the ID of the process that s6 has started
{
	pgrep -o -x "$1"
}
other_process()		# PROGRAM ID: is there another one by now?
{
	local now
	now=$(process "$1") && [ "$now" != "$2" ]
}
is "they run as their users" \
    "$(stat -c %U "/proc/$(process smtp-handler)" "/proc/$(process smtp-relay)" | xargs)" \
    "smtp-handler smtp-relay"
like "a session" "$(talk 127.0.0.1 25 | tr -d '\r')" '^250 2\.0\.0 Ok: queued'
ok "its message is delivered" wait_for 10 empty
read -r greeted refused others <<< "$(flood 2000 1)"
is "one address: the share of a client is greeted, and all others read 421" \
    "$greeted $((refused + greeted)) $others" "32 2000 0"
read -r greeted refused others <<< "$(flood 2000 250)"
is "250 addresses: each client is greeted or reads 421 ($greeted were greeted)" \
    "$((refused + greeted)) $others" "2000 0"
like "after them, a session" "$(talk 127.0.0.1 25 | tr -d '\r')" '^250 2\.0\.0 Ok: queued'
ok "its message is delivered" wait_for 10 empty

for program in smtp-handler smtp-relay; do
	old=$(process $program)
	kill -KILL "$old"
	ok "$program is killed, and started again" wait_for 15 other_process $program "$old"
	wait_for 10 listens 25
	like "then a session" "$(talk 127.0.0.1 25 | tr -d '\r')" '^250 2\.0\.0 Ok: queued'
	ok "its message is delivered" wait_for 10 empty
done

rm -rf "$tmp/queue/new"
served()
{
	talk 127.0.0.1 25 2> /dev/null | grep -q '^250 2\.0\.0 Ok: queued'
}
ok "new/ is removed: both start again, and mail is accepted" wait_for 90 served
ok "and delivered" wait_for 10 empty
unlike "no program crashed" "$(cat "$tmp"/*.log)" 'Sanitizer|runtime error|killed by signal'
s6-svscanctl -t "$tmp/services"
wait
done_testing
