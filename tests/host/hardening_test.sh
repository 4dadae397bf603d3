#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Defences of the build: random addresses, read-only relocations, no executable stack, no memory
# that others can read.  They are read from the programs, and from running processes.
cd "$(dirname "$0")/../.." || exit 1
. tests/host/lib.sh
own_namespaces anybody
set_up
programs="smtp-handler smtp-handler-tls smtp-handler-passwd smtp-maildir smtp-relay smtp-queue
    sendmail"
for program in $programs; do
	install -m 755 "$build/$program" "$tmp"
done
mkfifo -m 666 "$tmp/fifo"
exec 9<> "$tmp/fifo"	# a reader waits

# A process that has begun waits for its configuration, for a password or a message.
hold()			# PROGRAM
{
	if [ "$1" = smtp-handler-passwd ]; then
		$as_user "$tmp/$1" anna <&9 > /dev/null 2>&1 &
	elif [ "$1" = sendmail ]; then
		$as_user "$tmp/$1" root <&9 > /dev/null 2>&1 &
	else
		$as_user "$tmp/$1" -c "$tmp/fifo" < /dev/null > /dev/null 2>&1 &
	fi
	held=$!
}
begun()			# true if harden_process() was called: root owns the process's files
{
	case "$(readlink "/proc/$held/exe")" in
	"$tmp"/*) [ "$(stat -c %u "/proc/$held/maps")" != "$(id -u "$user")" ] ;;
	*) false ;;
	esac
}
# The first address of the program's code, as a process has it.
code()			# MAPS PROGRAM
{
	awk -v name="$tmp/$2" '$6 == name && $2 ~ /x/ { sub(/-.*/, "", $1); print $1; exit }' "$1"
}
ends()
{
	kill -KILL "$held"
	wait "$held" 2> /dev/null
}

# Sanitizers map memory in their own ways, and need to see the process.
[ -z "$(readelf -Ws --dyn-syms "$build/smtp-queue" | grep -m1 __asan_init)" ] || {
	echo "1..0 # SKIP a build with sanitizers"
	exit 0
}

for program in $programs; do
	elf=$(readelf -WhldS "$build/$program")
	like "$program: position-independent" "$elf" '^ *Type: +DYN '
	like "$program: marked as such" "$elf" 'FLAGS_1.* PIE'
	like "$program: relocated at the start" "$elf" 'FLAGS_1.*NOW'
	like "$program: relocated data is read-only" "$elf" '^ *GNU_RELRO '
	like "$program: no executable stack" "$elf" '^ *GNU_STACK .* RW +0x'
	unlike "$program: no code is relocated" "$elf" '\(TEXTREL\)|FLAGS.*TEXTREL'
	unlike "$program: no segment is writable and executable" "$elf" '^ *LOAD .* RWE '
done
if ! readelf -Wl "$build/smtp-handler" | grep -q INTERP; then
	unlike "smtp-handler: static" "$(readelf -Wd "$build/smtp-handler")" 'NEEDED'
	programs_glibc="smtp-handler-tls smtp-relay smtp-queue"
else
	programs_glibc="smtp-handler smtp-handler-tls smtp-relay smtp-queue"
fi
for program in $programs_glibc; do
	like "$program: glibc checks the sizes of buffers" \
	    "$(readelf -W --dyn-syms "$build/$program")" '__v?snprintf_chk@GLIBC'
done
unlike "smtp-handler: the stack is watched" \
    "$(readelf -Ws "$build/smtp-handler" | grep -c __stack_chk_fail)" '^0$'

for program in $programs; do
	hold "$program"
	ok "$program: root owns /proc/PID, so nobody else reads its memory" wait_for 5 begun
	cat "/proc/$held/maps" > "$tmp/maps"
	like "$program: no core file" \
	    "$(grep '^Max core file size' "/proc/$held/limits")" ' 0 +0 +bytes'
	ends
	hold "$program"
	wait_for 5 begun
	cat "/proc/$held/maps" > "$tmp/maps.again"
	ends
	ok "$program: its code is elsewhere each time" \
	    test "$(code "$tmp/maps" "$program")" != "$(code "$tmp/maps.again" "$program")"
	like "$program: the stack cannot be executed" "$(cat "$tmp/maps")" ' rw-p .*\[stack\]'
	unlike "$program: no memory is writable and executable" "$(cat "$tmp/maps")" '^[^ ]+ .wx'
	# Behind code and constants: relocated data, then data.
	like "$program: relocated data is read-only" \
	    "$(awk -v name="$tmp/$program" '$6 == name { printf "%s ", $2 }' "$tmp/maps")" \
	    'r-xp r--p r--p rw-p '
done
done_testing
