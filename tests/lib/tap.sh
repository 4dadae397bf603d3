# shellcheck shell=bash
# SPDX-License-Identifier: ISC
#
# TAP for shell tests.  A test file sources it, calls ok, is or like once per test, and ends with
# done_testing.

tap_count=0 tap_failed=0

tap_result()	# STATUS NAME
{
	tap_count=$((tap_count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_count - $2"
	else
		tap_failed=$((tap_failed + 1))
		echo "not ok $tap_count - $2"
	fi
}

diag()		# prints its input as comments
{
	sed 's/^/# /' | head -n 40
}

ok()		# NAME COMMAND...: passes if the command succeeds
{
	local name=$1 out status=0
	shift
	out=$("$@" 2>&1) || status=$?
	tap_result "$status" "$name"
	[ "$status" -eq 0 ] || printf '%s\n' "exit $status: $*" "$out" | diag
}

is()		# NAME GOT WANT
{
	if [ "$2" = "$3" ]; then
		tap_result 0 "$1"
	else
		tap_result 1 "$1"
		printf '%s\n' "got:" "$2" "want:" "$3" | diag
	fi
}

like()		# NAME GOT REGEX (extended; a line must match)
{
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		tap_result 0 "$1"
	else
		tap_result 1 "$1"
		printf '%s\n' "got:" "$2" "want a line like: $3" | diag
	fi
}

unlike()	# NAME GOT REGEX: no line matches
{
	if printf '%s\n' "$2" | grep -Eq -- "$3"; then
		tap_result 1 "$1"
		printf '%s\n' "got:" "$2" "want no line like: $3" | diag
	else
		tap_result 0 "$1"
	fi
}

wait_for()	# SECONDS COMMAND...: poll until the command passes
{
	local until=$((SECONDS + $1 + 1))
	shift
	until "$@" > /dev/null 2>&1; do
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.05
	done
}

bail()		# TEXT: ends the test file, because the next tests make no sense
{
	echo "Bail out! $1"
	exit 1
}

needs_root()		# WHY: nobody else can run the test file
{
	[ "$(id -u)" -eq 0 ] || { echo "1..0 # SKIP needs root: $1"; exit 0; }
}

done_testing()
{
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
}
