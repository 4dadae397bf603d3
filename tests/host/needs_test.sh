#!/bin/bash
# SPDX-License-Identifier: ISC
#
# make lists what it needs and does not find, all at once, before it compiles a file.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib/tap.sh

tmp=$(mktemp -d /tmp/smtp-needs-test.XXXXXX)
trap 'rm -rf "$tmp"' EXIT
# A compiler of a machine without two of the libraries.
cat > "$tmp/cc" << 'EOF'
#!/bin/sh
for word; do
	if [ "$word" = -E ]; then
		! grep -q -e ldns -e idn2
		exit
	fi
done
echo "compiled" >> "${0%/*}/compiled"
exit 1
EOF
chmod 755 "$tmp/cc"

ok "here is all that is needed" tools/needs.sh "${CC:-gcc}"
out=$(make LIBC=gnu CC="$tmp/cc" BUILD="$tmp/build" SAN= install DESTDIR="$tmp/root" 2>&1)
is "make install fails" "$?" 2
like "it names a library, with its package" "$out" 'ldns/ldns\.h +libldns-dev +ldns-devel'
like "and the other one" "$out" 'idn2\.h +libidn2-dev'
unlike "and none that is here" "$out" 'libssl-dev'
ok "nothing is compiled" test ! -e "$tmp/compiled"
ok "nothing is installed" test ! -e "$tmp/root"
out=$(tools/needs.sh no-such-compiler 2>&1)
is "without a compiler" "$?" 69
like "it names the compiler" "$out" 'the compiler no-such-compiler'
libraries()		# prints the packages lib*-dev in its input
{
	grep -oE '\blib[a-z0-9-]*-dev\b' | grep -v '^libc6' | sort -u | xargs
}
is "it knows the libraries that make deps installs" \
    "$(libraries < tools/needs.sh)" "$(tools/deps.sh list | libraries)"
done_testing
