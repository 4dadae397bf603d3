#!/bin/sh
# SPDX-License-Identifier: ISC
# The packages of Debian 12 that the project needs.
#
#   tools/deps.sh build     for building and `make run`
#   tools/deps.sh check     also for the tests, with the servers that the tests use (the default)
#   tools/deps.sh afl       for `make fuzz-afl`
#   tools/deps.sh coverage  for `make coverage`
#   tools/deps.sh cross     for `make check-cross`: compilers for other machines, an emulator
#   tools/deps.sh debian    for `make check-debian`
#   tools/deps.sh filters   for `make check-filters`: rspamd, Redis and SpamAssassin, after `check`
#   tools/deps.sh power     for `make power-cut`
#   tools/deps.sh shared    for `make check-shared`: GlusterFS, after `check`
#   tools/deps.sh nfs       for `make check-nfs`: an emulator, a kernel, the server, after `check`
#   tools/deps.sh list      only prints the packages for building
#
# As root, this script installs libraries and tools.  Otherwise it prints the command to type and
# exits with 75.  It never installs servers, because Debian's mail servers exclude each other and
# start themselves.  It unpacks them into build/peers/, and the tests run them from there.
set -eu
cd "$(dirname "$0")/.."

mode=${1:-check}
peers_dir=build/peers
programs_dir=build/programs
build_tools="gcc make pkg-config libc6-dev libldns-dev libidn2-dev libssl-dev
	libcrypt-dev libcurl4-openssl-dev libhiredis-dev libunbound-dev zlib1g-dev dns-root-data
	musl-tools linux-libc-dev"
check_tools="ldnsutils perl python3 mandoc clang clang-tidy cppcheck libclang-rt-14-dev swaks
	faketime libnet-ssleay-perl curl msmtp openssl openssh-client s-nail mutt iproute2
	util-linux procps
	libcap2-bin systemd dbus strace expect socat netbase zsh
	python3-cryptography python3-openssl python3-requests
	debhelper dpkg-dev lintian python3-dkim python3-nacl libmail-dkim-perl
	python3-pyte python3-html5lib s6 libxml2-utils spin
	libfuse3-dev e2fsprogs xfsprogs btrfs-progs"
cross_tools="gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-s390x-linux-gnu libc6-dev-s390x-cross
	qemu-user make pkg-config python3 openssl procps"
peers="nsd haproxy openssh-server dovecot-core dovecot-lmtpd opensmtpd exim4-daemon-light \
exim4-base postfix unbound xinetd openbsd-inetd ucspi-tcp python3-aiosmtpd python3-attr \
python3-public python3-pkg-resources python3-prometheus-client python3-decorator prometheus \
fail2ban opendkim python3-milter python3-spf python3-dns python3-yaml certbot python3-certbot \
python3-acme python3-josepy python3-configargparse python3-configobj python3-parsedatetime \
python3-rfc3339 python3-tz pebble python3-authheaders python3-authres python3-publicsuffix2 \
python3-dnspython postfix-policyd-spf-python python3-spf-engine \
postfix-mta-sts-resolver python3-aiodns python3-pycares python3-aiohttp \
python3-multidict python3-yarl python3-async-timeout python3-aiosignal python3-frozenlist \
python3-charset-normalizer postsrsd nginx nginx-common libnginx-mod-mail \
opendmarc clamav-base clamav-daemon clamav-milter miltertest systemd-journal-remote \
redis-server redis-tools"
filters="rspamd spamassassin spamd spamc spamass-milter libnet-dns-perl \
libnetaddr-ip-perl libhtml-parser-perl libhtml-tagset-perl"

shared="glusterfs-server glusterfs-client glusterfs-common"

# Programs that send mail: tests/host/programs_test.sh installs them in a system of its own.
programs="cron at php8.2-cli git git-email mutt s-nail mailutils unattended-upgrades smartmontools \
mdadm logwatch"

case $mode in
build)	wanted=$build_tools ;;
check)	wanted="$build_tools $check_tools" ;;
cross)	wanted=$cross_tools ;;
debian)	wanted="debootstrap util-linux" ;;
filters | shared) wanted="$build_tools $check_tools" ;;
afl)	wanted="$build_tools afl++ clang" ;;
coverage) wanted="$build_tools $check_tools llvm" ;;
power)	wanted="$build_tools libfuse3-dev e2fsprogs xfsprogs btrfs-progs" ;;
nfs)	wanted="$build_tools $check_tools qemu-system-x86 busybox-static kmod cpio" ;;
list)	echo $build_tools; exit ;;
*)
	sed -n 's/^#   \(tools\/deps.sh\)/\1/p' tools/deps.sh >&2
	exit 64 ;;
esac

apt() {
	command=$1; shift
	DEBIAN_FRONTEND=noninteractive apt-get "$command" -q -y -o APT::Sandbox::User=root \
	    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@"
}

quietly() {	# shows the output of a command only if it fails
	mkdir -p build
	"$@" >build/deps.log 2>&1 && return 0
	cat build/deps.log >&2
	return 1
}

installed() {	# prints the installed packages of "$@", sorted
	dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' "$@" 2>/dev/null |
	    awk '$1 == "ii" { print $2 }' | sort -u
}

missing() {	# prints the packages of "$@" that are not installed
	here=$(installed "$@")
	printf '%s\n' "$@" | sort -u | awk -v here="$here" \
	    'BEGIN { n = split(here, h); for (i = 1; i <= n; i++) have[h[i]] = 1 } !($1 in have)'
}

install_tools() {
	# shellcheck disable=SC2086
	needed=$(missing $wanted | tr '\n' ' ')
	[ -n "$needed" ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		echo "Missing here: $needed" >&2
		echo "Please type, as root:" >&2
		echo "    apt-get update && apt-get install --no-install-recommends $needed" >&2
		exit 75
	fi
	echo "deps: installing $needed"
	quietly apt update
	# shellcheck disable=SC2086
	plan=$(apt install --simulate --no-install-recommends $needed |
	    awk '$1 == "Inst" { print $2 }')
	# shellcheck disable=SC2086
	if apt-cache show --no-all-versions $plan | grep -q '^Provides:.*mail-transport-agent'; then
		echo "deps: this would install a mail server; refused: $plan" >&2
		exit 75
	fi
	# shellcheck disable=SC2086
	quietly apt install --no-install-recommends $needed
}

# Prints the shared libraries that packages "$@" need and that are not installed here.  Each round
# adds the libraries that the last round needs.
libraries() {
	round="$*"
	found=
	while [ -n "$round" ]; do
		# shellcheck disable=SC2086
		round=$(apt-cache depends --no-recommends --no-suggests --no-conflicts --no-breaks \
		    --no-replaces --no-enhances $round |
		    awk '$1 ~ /Depends:$/ && $2 ~ /^lib/ && $2 !~ /^libjs-|-perl$/ { print $2 }' |
		    sort -u)
		[ -n "$round" ] || break
		# shellcheck disable=SC2086
		round=$(missing $round)
		round=$(echo "$round" | awk -v found="$found" \
		    'BEGIN { n = split(found, f); for (i = 1; i <= n; i++) seen[f[i]] = 1 }
		    NF && !($1 in seen)')
		found="$found $round"
	done
	echo "$found"
}

unpack() {		# STAMP PACKAGES
	stamp=$peers_dir/$1
	[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$2" ] && return 0
	echo "deps: unpacking servers into $peers_dir"
	# shellcheck disable=SC2086
	if ! apt-cache show $2 >/dev/null 2>&1; then
		if [ "$(id -u)" -ne 0 ]; then
			echo "Please type, as root:  apt-get update" >&2
			exit 75
		fi
		quietly apt update
	fi
	mkdir -p $peers_dir/.debs
	# shellcheck disable=SC2086
	wanted_debs="$2 $(libraries $2)"
	# shellcheck disable=SC2086
	(cd $peers_dir/.debs && apt download $wanted_debs >/dev/null) ||
	    fetch_again $peers_dir/.debs "$wanted_debs"
	# Packages are unpacked in the order of their names.  So usr/sbin/sendmail is the file of
	# Postfix, which comes after Exim and OpenSMTPD.
	for deb in "$peers_dir"/.debs/*.deb; do
		dpkg -x "$deb" $peers_dir
	done
	echo "$2" >"$stamp"
}

# The package lists may be older than the mirror.
fetch_again() {		# FOLDER PACKAGES
	[ "$(id -u)" -eq 0 ] || { echo "Please type, as root:  apt-get update" >&2; exit 75; }
	quietly apt update
	# shellcheck disable=SC2086
	(cd "$1" && apt download $2 >/dev/null)
}

# The programs and what they need that is not installed here.  smtp-handler is their mail server.
fetch_programs() {
	stamp=$programs_dir/.stamp
	[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$programs" ] && return 0
	echo "deps: fetching programs into $programs_dir"
	rm -rf $programs_dir
	mkdir -p $programs_dir
	# shellcheck disable=SC2086
	wanted_debs=$(apt install --simulate --no-install-recommends $programs |
	    awk '$1 == "Inst" && $2 !~ /^exim4/ { print $2 }')
	# shellcheck disable=SC2086
	(cd $programs_dir && apt download $wanted_debs >/dev/null) ||
	    fetch_again $programs_dir "$wanted_debs"
	echo "$programs" >$stamp
}

install_tools
case $mode in
check)	unpack .stamp "$peers"; fetch_programs ;;
filters)
	unpack .stamp "$peers"
	unpack .stamp-filters "$filters" ;;
shared)
	unpack .stamp "$peers"
	unpack .stamp-shared "$shared" ;;
nfs)
	unpack .stamp "$peers"
	kernel=$(apt-cache depends linux-image-cloud-amd64 |
	    awk '/Depends: linux-image/ { print $2 }')
	unpack .stamp-nfs "$kernel nfs-kernel-server" ;;
esac
