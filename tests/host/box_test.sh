#!/bin/bash
# SPDX-License-Identifier: ISC
#
# systemd-host: a box whose start is ended by a signal, or fails, leaves nothing behind.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
needs_root "boots a systemd"

box=smtp-box-$$
SDHOST_STATE=$(mktemp -d /tmp/smtp-handler-test.XXXXXX)
export SDHOST_STATE
trap 'tests/host/systemd-host stop -n "$box"; rm -rf "$SDHOST_STATE"' EXIT
trap 'exit 143' TERM INT

# What is left of the box: its files, cgroups and processes.  The first processes have its name in
# their environment, the others are in its cgroups.
left()
{
	ls "$SDHOST_STATE"
	find /sys/fs/cgroup -maxdepth 6 -type d -name "sdhost-$box" 2>/dev/null
	grep -lzx "NAME=$box" /proc/[0-9]*/environ 2>/dev/null
	grep -l "/sdhost-$box" /proc/[0-9]*/cgroup 2>/dev/null
}

# Starts a box, and sends the signal as soon as the file is there.
end_at()		# SIGNAL FILE
{
	local pid
	tests/host/systemd-host start -n "$box" > "$SDHOST_STATE.out" 2>&1 &
	pid=$!
	for _ in $(seq 3000); do
		[ ! -e "$SDHOST_STATE/$box/$2" ] || break
		sleep 0.01
	done
	[ -e "$SDHOST_STATE/$box/$2" ] || diag "there was no $2"
	kill -s "$1" "$pid"
	wait "$pid"
	status=$?
	[ "$status" = 143 ] || diag < "$SDHOST_STATE.out"
	rm -f "$SDHOST_STATE.out"
}

nothing_left()		# waits for that; else prints what is left
{
	for _ in $(seq 300); do
		[ -n "$(left)" ] || return 0
		sleep 0.1
	done
	left
}

for moment in "TERM cgroups" "TERM log" "TERM stamp" "HUP stamp"; do
	# shellcheck disable=SC2086
	end_at $moment
	is "a start that is ended ($moment): its status" "$status" 143
	is "a start that is ended ($moment): nothing is left" "$(nothing_left)" ""
done
out=$(SDHOST_START_S=1 tests/host/systemd-host start -n "$box" -x 'sleep 100' 2>&1)
is "a start that takes too long fails" "$?: ${out##*$'\n'}" "1: systemd-host: no start in 1 s"
is "a start that takes too long: nothing is left" "$(nothing_left)" ""
tests/host/systemd-host start -n "$box" > "$SDHOST_STATE.out" 2>&1 || diag < "$SDHOST_STATE.out"
rm -f "$SDHOST_STATE.out"
is "then a box starts" "$(tests/host/systemd-host exec -n "$box" hostname)" "$box"
tests/host/systemd-host stop -n "$box"
is "and ends" "$(nothing_left)" ""
done_testing
