#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The Debian package: it builds, lintian has no complaint, and on a booted system it makes a host
# whose programs and users have mail.  It is upgraded, removed and purged.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
needs_root "boots a systemd"

box=smtp-package-$$
stage=$(mktemp -d /tmp/smtp-package-test.XXXXXX)
chmod 755 "$stage"
trap 'tests/host/systemd-host stop -n "$box"; rm -rf "$stage"' EXIT
trap 'exit 143' TERM INT
here()			# COMMAND...: runs inside
{
	tests/host/systemd-host exec -n "$box" "$@"
}

mkdir "$stage/src"
tar -cf - --exclude=./build --exclude=./build-san --exclude=./.git . | tar -xf - -C "$stage/src"
# As Debian builds it: the variables of `make check SAN=...` are left out.
( cd "$stage/src" && env -u MAKEFLAGS -u MFLAGS -u SAN -u BUILD dpkg-buildpackage -us -uc -b -j2 ) \
    > "$stage/log" 2>&1 ||
    { tail -n 40 "$stage/log" | diag; bail "dpkg-buildpackage"; }
is "lintian has no errors and no warnings" \
    "$(cd "$stage" && lintian --allow-root ./*.changes 2>&1 | grep '^[EW]:')" ""
rm -rf "$stage/src"
version=$(dpkg-deb -f "$stage"/smtp-handler_*.deb Version)
# The same package with a higher version, for the upgrade.
mkdir "$stage/next"
dpkg-deb -R "$stage"/smtp-handler_*.deb "$stage/next/root"
sed -i "s/^Version: .*/Version: $version.1/" "$stage/next/root/DEBIAN/control"
dpkg-deb -b "$stage/next/root" "$stage/next.deb" > /dev/null
rm -rf "$stage/next"
mv "$stage"/smtp-handler_*.deb "$stage/this.deb"

tests/host/systemd-host start -n "$box" -b "$stage:/stage" -x '
	rm -rf /etc/aliases /usr/sbin/policy-rc.d
	for user in $(awk -F: "\$3 >= 1000 && \$3 < 60000 { print \$1 }" /etc/passwd); do
		userdel "$user"
	done
	useradd --create-home --uid 1234 anna' || bail "no systemd"
shout=$(here sh -c 'DEBIAN_FRONTEND=noninteractive dpkg -i /stage/this.deb 2>&1') ||
    { echo "$shout" | diag; bail "dpkg -i"; }

# The first message, as the README has it.
readme=$(sed -n '/^The host has mail now/,/^Root/s/^    //p' README.md)
is "the README has two lines for the first message" "$(wc -l <<< "$readme")" 2
again='for i in $(seq 50); do & 2> \/dev\/null \&\& exit; sleep 0.1; done; exit 1'
ok "a user types them, and sees the message" here runuser -u anna -- \
    env USER=anna HOME=/home/anna sh -ec "$(sed "2s/.*/$again/" <<< "$readme")"
here sh -c 'rm -f /home/anna/Maildir/new/*'

states()
{
	here systemctl is-active smtp-handler-listen.socket smtp-handler-local.socket \
	    smtp-maildir.socket smtp-users.socket smtp-relay.path smtp-relay.timer | sort -u
}
mails()			# USER: prints the number of messages
{
	here sh -c 'find "/home/$1/Maildir/new" -type f 2> /dev/null | wc -l' sh "$1"
}
has_mails()		# USER COUNT
{
	[ "$(mails "$1")" -eq "$2" ]
}
named=$(grep -oh '/usr/share/doc/smtp-handler/[a-zA-Z0-9_./-]*[a-z]' man/*.[1-8] | sort -u)
is "the files of its documentation that manuals name are in it, as they are named" \
    "$(dpkg-deb -c "$stage/this.deb" | sed -n 's/.* \.//p' | grep -Fx "$named" | sort)" "$named"
is "its units are active" "$(states)" active
is "port 25 is open on this machine only" \
    "$(here ss -Hltn 'sport = :25' | awk '{ print $4 }' | sort | xargs)" "127.0.0.1:25 [::1]:25"
is "the configuration is good" "$(here sh -c 'smtp-handler --check && smtp-relay --check' 2>&1)" ""
ok "root's mail of cron and others" here sh -c 'printf "Subject: cron\n\nx\n" | sendmail -i root'
ok "it is in the Maildir of the first person" wait_for 10 has_mails anna 1
is "and belongs to that person" \
    "$(here find /home/anna/Maildir -printf '%u:%g\n' | sort -u)" "anna:anna"
ok "mail by SMTP, to the full name and to localhost" here sh -c '
	for domain in localhost "$(hostname)"; do
		printf "%s\r\n" "EHLO x" "MAIL FROM:<a@b.example>" \
		    "RCPT TO:<anna@$domain>" DATA . QUIT |
		    timeout 20 socat -t 10 - TCP:127.0.0.1:25 | grep -q "^250 2.0.0" || exit 1
	done'
ok "it arrives" wait_for 10 has_mails anna 3
ok "a service without any rights hands in mail" here systemd-run -q --wait --pipe \
    -p DynamicUser=yes -p NoNewPrivileges=yes -p ProtectSystem=strict -p PrivateNetwork=yes \
    sh -c 'echo hello | sendmail root'
ok "that arrives too" wait_for 10 has_mails anna 4
ok "mailq" here sh -c 'mailq | grep -q "The queue is empty"'
ok "newaliases" here newaliases

# Services that the operator has started.
here sh -c 'mkdir -p /etc/smtp-handler/tls && cd /etc/smtp-handler/tls &&
	openssl req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout key.pem \
	    -out certificate.pem -days 2 -subj /CN=mail.example.org 2> /dev/null'
others="smtp-verify.service smtp-handler-submission-listen.service
    smtp-handler-submissions-listen.service"
# shellcheck disable=SC2086
ok "other services start" here systemctl -q start $others
pids()
{
	# shellcheck disable=SC2086
	here systemctl show -P MainPID $others | sort
}
first=$(pids)

# An upgrade under load: whoever got 250 has the mail.
here sh -c 'n=0; i=0; while [ $i -lt 60 ]; do i=$((i + 1))
	echo "$i" | sendmail anna 2> /dev/null && n=$((n + 1)); done; echo $n > /tmp/acknowledged' &
load=$!
ok "it is upgraded while mail comes in" \
    here sh -c 'DEBIAN_FRONTEND=noninteractive dpkg -i /stage/next.deb > /tmp/upgrade 2>&1'
wait "$load"
acknowledged=$(here cat /tmp/acknowledged)
ok "mail was accepted meanwhile" test "$acknowledged" -gt 30
ok "all of it arrives" wait_for 30 has_mails anna $((4 + acknowledged))
is "the units are active" "$(states)" active
is "the other services run, and all of them the new programs" \
    "$(comm -13 <(echo "$first") <(pids) | grep -cE '^[1-9][0-9]*$')" 3

dpkg_here()		# OPTION: remove or purge it
{
	here sh -c 'DEBIAN_FRONTEND=noninteractive dpkg "$1" smtp-handler > /tmp/out 2>&1' sh "$1"
}
ok "it is removed" dpkg_here -r
is "no socket is open" "$(here ss -Hltn 'sport = :25 or sport = :465 or sport = :587')" ""
is "no process is left" "$(here pgrep -l '^smtp-')" ""
here rm -r /etc/smtp-handler/tls
is "the configuration stays" "$(here ls /etc/smtp-handler/conf.d)" 10-host.conf
ok "it is purged" dpkg_here -P
is "nothing is left" "$(here sh -c 'ls -d /etc/smtp-handler /var/spool/smtp-handler \
    /usr/sbin/smtp-* /etc/systemd/system/*/smtp-* /run/smtp-handler 2> /dev/null')" ""
done_testing
