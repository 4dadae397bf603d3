#!/bin/sh
# SPDX-License-Identifier: ISC
#
# needs.sh CC - does this machine have what smtp-handler is compiled with?
#
# It prints all that is missing at once, with the names of packages, and exits with 69.  CC is the
# compiler, with its arguments.
set -u
cc=${1:?usage: tools/needs.sh CC}
missing=

has_header()
{
	# shellcheck disable=SC2086
	echo "#include <$1>" | $cc -E -x c - > /dev/null 2>&1
}

lacks()			# WHAT DEBIAN FEDORA
{
	missing="$missing
    $(printf '%-28s %-20s %s' "$1" "$2" "$3")"
}

# shellcheck disable=SC2086
if ! command -v ${cc%% *} > /dev/null; then
	lacks "the compiler ${cc%% *}" gcc gcc
else
	has_header stdio.h || lacks "stdio.h, the C library" libc6-dev glibc-devel
	has_header linux/landlock.h ||
	    lacks "linux/landlock.h" "linux-libc-dev (5.13)" "kernel-headers (5.13)"
	has_header ldns/ldns.h || lacks "ldns/ldns.h" libldns-dev ldns-devel
	has_header unbound.h || lacks "unbound.h" libunbound-dev unbound-devel
	has_header idn2.h || lacks "idn2.h" libidn2-dev libidn2-devel
	has_header openssl/ssl.h || lacks "openssl/ssl.h" libssl-dev openssl-devel
	has_header curl/curl.h || echo "Without curl/curl.h (libcurl4-openssl-dev, or" \
	    "libcurl-devel) there will be no smtp-fetch, and so no MTA-STS." >&2
	has_header hiredis/hiredis.h || echo "Without hiredis/hiredis.h (libhiredis-dev, or" \
	    "hiredis-devel) there will be no smtp-shared: machines share no limits." >&2
	has_header zlib.h || lacks "zlib.h" zlib1g-dev zlib-devel
	has_header crypt.h || lacks "crypt.h" libcrypt-dev libxcrypt-devel
fi
command -v ar > /dev/null || lacks "ar" binutils binutils
command -v pkg-config > /dev/null || lacks "pkg-config" pkg-config pkgconf
[ -n "$missing" ] || exit 0
{
	echo "smtp-handler cannot be compiled here.  Missing, with packages of Debian and Fedora:"
	echo "$missing"
	echo
	echo "On Debian, \`make deps\` installs what the tests need, too."
} >&2
exit 69
