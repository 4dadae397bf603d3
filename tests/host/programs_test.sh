#!/bin/bash
# SPDX-License-Identifier: ISC
#
# The programs of a host that send mail by /usr/sbin/sendmail, each as it is packaged, on a booted
# system: what arrives, from whom, and what they report if a recipient does not exist.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh
needs_root "boots a systemd"

box=smtp-programs-$$
stage=$(mktemp -d /tmp/smtp-programs-test.XXXXXX)
chmod 755 "$stage"
trap 'tests/host/systemd-host stop -n "$box"; rm -rf "$stage"' EXIT
trap 'exit 143' TERM INT
here()			# COMMAND...: runs inside
{
	tests/host/systemd-host exec -n "$box" "$@"
}
as()			# USER COMMAND: a command for sh, in the home of the user
{
	here runuser -u "$1" -- sh -c "cd; $2"
}

# ---- the host ----

# Our programs as a package, from `make install`; package_test has the real one.
root=$stage/root
make -s install BUILD="${BUILD:-build}" PREFIX=/usr UNITDIR=/usr/lib/systemd/system \
    DESTDIR="$root" > "$stage/log" 2>&1 || { diag < "$stage/log"; bail "make install"; }
install -D -m 644 debian/loopback.conf \
    "$root/etc/systemd/system/smtp-handler-listen.socket.d/loopback.conf"
ln -s ../sbin/sendmail "$root/usr/lib/sendmail"
mkdir "$root/DEBIAN"
grep -v '^#DEBHELPER#' debian/smtp-handler.postinst > "$root/DEBIAN/postinst"
chmod 755 "$root/DEBIAN/postinst"
printf '%s\n' "Package: smtp-handler" "Version: 1" "Architecture: all" "Description: mail" \
    "Maintainer: Nobody <nobody@localhost>" "Provides: mail-transport-agent" \
    > "$root/DEBIAN/control"
dpkg-deb -Znone -b "$root" "$stage/smtp-handler.deb" > /dev/null

# An archive with a package that can be upgraded.
mkdir -p "$stage/archive/tree/DEBIAN"
for version in 1 2; do
	printf '%s\n' "Package: smtp-example" "Version: $version" "Architecture: all" \
	    "Maintainer: Nobody <nobody@localhost>" "Description: an example" \
	    > "$stage/archive/tree/DEBIAN/control"
	dpkg-deb -b "$stage/archive/tree" "$stage/archive/smtp-example_$version.deb" > /dev/null
done
(
	cd "$stage/archive" && dpkg-scanpackages -m . > Packages 2> /dev/null
	printf 'Origin: Example\nDate: %s\nSHA256:\n %s %s Packages\n' \
	    "$(LC_ALL=C date -u '+%a, %d %b %Y %T UTC')" \
	    "$(sha256sum < Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" > Release
)
cat > "$stage/apt.conf" << 'EOF'
APT::Sandbox::User "root";
Unattended-Upgrade::Mail "anna";
Unattended-Upgrade::MailReport "always";
Unattended-Upgrade::Origins-Pattern { "origin=Example"; };
EOF

tests/host/systemd-host start -n "$box" -b "$stage:/stage" -b "$PWD/build/programs:/debs" -x '
	rm -rf /etc/aliases /etc/mailname /etc/apt/sources.list.d/* /usr/sbin/policy-rc.d
	for user in $(awk -F: "\$3 >= 1000 && \$3 < 60000 { print \$1 }" /etc/passwd); do
		userdel "$user"
	done
	useradd --create-home --uid 1234 --comment "Anna Lee,Room 1,," anna
	useradd --create-home --uid 1235 carl
	echo "deb [trusted=yes] file:/stage/archive ./" > /etc/apt/sources.list
	cp /stage/apt.conf /etc/apt/apt.conf.d/99test
	echo "127.0.0.1 localhost
127.0.1.1 post.example.org post" > /etc/hosts' || bail "no systemd"
install_all()
{
	hostname post
	export DEBIAN_FRONTEND=noninteractive
	dpkg -i --force-unsafe-io /stage/smtp-handler.deb || return 1
	systemctl daemon-reload
	systemctl start smtp-handler-local.socket smtp-maildir.socket smtp-users.socket \
	    smtp-relay.path || return 1
	apt-get install -q -y --no-install-recommends -o Dpkg::Options::=--force-unsafe-io \
	    /debs/*.deb
}
shout=$(here bash -c "$(declare -f install_all); install_all" 2>&1) ||
    { echo "$shout" | grep -A3 -i error | diag; bail "the packages"; }

# ---- what arrives ----

count=0
latest()		# USER: the text of the newest message, after one more has come
{
	here sh -c 'ls -t /home/$1/Maildir/new/* | head -n 1 | xargs cat' sh "$1"
}
mails()			# USER
{
	here sh -c 'ls /home/$1/Maildir/new 2> /dev/null | wc -l' sh "$1"
}
more_mails()		# USER COUNT
{
	[ "$(mails "$1")" -gt "$2" ]
}
field()			# NAME: its value in $message
{
	sed -n "/^\$/q;s/^$1: //p" <<< "$message"
}
arrives()		# PROGRAM SUBJECT FROM
{
	wait_for 15 more_mails anna "$count" || true
	message=$(latest anna)
	like "$1: it arrives" "$(field Subject)" "$2"
	is "$1: from whom" "$(field From)" "$3"
	unlike "$1: no Bcc" "$message" "^Bcc:"
}
sends()			# PROGRAM COMMAND SUBJECT FROM [USER]
{
	count=$(mails anna)
	ok "$1 succeeds" as "${5:-anna}" "$2"
	arrives "$1" "$3" "$4"
}
fails()			# PROGRAM COMMAND TEXT
{
	local out status=0
	out=$(as anna "$2" 2>&1) || status=$?
	ok "$1: no such user is a failure ($status)" test "$status" -ne 0
	like "$1: with the reason" "$out" "$3"
}
in_copy()		# PROGRAM NAME: carl has the message that is in $message
{
	ok "$1: the recipient of Bcc has it" wait_for 10 \
	    here grep -rqs "^Subject: $2" /home/carl/Maildir/new
}

host=post.example.org
anna="Anna Lee <anna@$host>"
is "the name of the host is in /etc/mailname" "$(here cat /etc/mailname)" "$host"

sends sendmail 'echo hello | sendmail anna' '' "$anna"
sends at 'echo "echo from at" | at now' '^Output from your job' "$anna"
sends mutt 'echo body | mutt -s "by mutt" -b carl@localhost anna' '^by mutt$' "$anna"
in_copy mutt 'by mutt'
fails mutt 'echo body | mutt -s x nobody.here@localhost' 'User unknown'
sends s-nail 'echo body | s-nail -s "by s-nail" -b carl@localhost anna' '^by s-nail$' "$anna"
in_copy s-nail 'by s-nail'
fails s-nail 'echo body | s-nail -s x nobody.here@localhost' 'User unknown'
sends mailutils 'echo body | mail.mailutils -a "Bcc: carl@localhost" -s "by mailutils" anna' \
    '^by mailutils$' "$anna"
in_copy mailutils 'by mailutils'
fails mailutils 'echo body | mail.mailutils -s x nobody.here@localhost' 'cannot send message'

php='mail("anna@localhost", "by PHP", "body\n", "Bcc: carl@localhost\r\nX-Test: 1")'
sends PHP "php -r 'exit($php ? 0 : 1);'" '^by PHP$' "$anna"
in_copy PHP 'by PHP'
fails PHP "php -r 'exit(mail(\"nobody.here@localhost\", \"x\", \"body\") ? 0 : 1);'" 'User unknown'
php='mail("anna@localhost", "as webmaster", "body", "", "-f webmaster@example.org")'
sends "PHP with -f" "php -r 'exit($php ? 0 : 1);'" '^as webmaster$' \
    "Anna Lee <webmaster@example.org>"
is "PHP with -f: notices go to that address" "$(field Return-Path)" "<webmaster@example.org>"

ok "a patch" as anna 'git init -q work && cd work && git config user.name "Anna Lee" &&
	git config user.email anna@elsewhere.example && echo a > a && git add a &&
	git commit -q -m "first change" && git format-patch -q -1'
patch="cd work && git send-email --confirm=never --suppress-cc=all --to"
sends "git send-email" "$patch anna@$host --bcc=carl@$host *.patch" '^\[PATCH\] first change' \
    "Anna Lee <anna@elsewhere.example>"
in_copy "git send-email" '.PATCH. first change'
sends "git send-email --sendmail-cmd" \
    "$patch anna@$host --sendmail-cmd=/usr/sbin/sendmail *.patch" \
    '^\[PATCH\] first change' "Anna Lee <anna@elsewhere.example>"
fails "git send-email" "$patch nobody.here@$host *.patch" 'User unknown'

# The mail that a host sends to its administrator.
ok "a crontab" here sh -c '
	printf "MAILTO=anna\n@reboot root echo from cron\n" > /etc/cron.d/example'
sends cron 'rm -f /run/crond.reboot && systemctl restart cron' '^Cron <root@post' \
    "root@$host (Cron Daemon)" root
sends unattended-upgrades 'dpkg -i /stage/archive/smtp-example_1.deb && apt-get update &&
    unattended-upgrade' '^unattended-upgrades result for .*: SUCCESS' "root@$host" root
sends "smartd's mail step" 'echo body | /usr/share/smartmontools/smartd-runner \
    -s "SMART error (EmailTest)" anna' '^SMART error' "root <root@$host>" root
sends "mdadm --monitor" 'mkdir -p /run/mdadm &&
    mdadm --monitor --test --oneshot --mail anna /dev/null' '^TestMessage event' \
    "mdadm monitoring <root@post>" root
ok "a log" here sh -c '
	now=$(LC_ALL=C date "+%b %d %T")
	echo "$now post sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2" \
	    > /var/log/auth.log'
sends logwatch 'logwatch --output mail --mailto anna --range all --service sshd' \
    '^Logwatch for' "root@$host" root

# A container whose root is the user anna, with the socket.  Its programs call themselves root.
sends "an unprivileged container" \
    'unshare --user --map-root-user --mount sh -c "echo body | sendmail anna"' '' \
    "root <root@$host>"

# ---- the server is away ----

here systemctl stop smtp-handler-local.socket
ok "no server: sendmail exits with 75" \
    as anna 'echo x | sendmail anna 2> .error; [ $? -eq 75 ] && [ "$(wc -l < .error)" -eq 1 ]'
fails "no server: mutt" 'echo body | mutt -s x anna' 'Could not send'
fails "no server: s-nail" 'echo body | s-nail -s x anna' 'not sent'
fails "no server: mailutils" 'echo body | mail.mailutils -s x anna' 'cannot send message'
fails "no server: git send-email" "$patch anna@$host *.patch" 'sendmail: '
here systemctl start smtp-handler-local.socket

# ---- a host without a full name ----

ok "the host has a short name only" here sh -c '
	echo "127.0.0.1 localhost" > /etc/hosts
	hostname box
	rm /etc/mailname /etc/smtp-handler/conf.d/10-host.conf
	dpkg-reconfigure smtp-handler'
host=box.localdomain
anna="Anna Lee <anna@$host>"
is "then it has a name of its own" "$(here cat /etc/mailname)" "$host"
sends "short name: sendmail" 'echo hello | sendmail anna' '' "$anna"
sends "short name: mutt" 'echo body | mutt -s "by mutt" anna' '^by mutt$' "$anna"
sends "short name: s-nail" 'echo body | s-nail -s "by s-nail" anna' '^by s-nail$' "$anna"
sends "short name: mailutils" 'echo body | mail.mailutils -s "by mailutils" anna' \
    '^by mailutils$' "Anna Lee <anna@box>"
is "short name: mailutils: its sender can be replied to" \
    "$(here sh -c 'sendmail -bv anna@box > /dev/null; echo $?')" 0
unlike "no program was killed or crashed" "$(here journalctl -q -o cat)" \
    'core-dump|code=killed, status=(6|7|8|11|31)/|Sanitizer|runtime error'
done_testing
