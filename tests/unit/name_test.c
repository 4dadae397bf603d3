// SPDX-License-Identifier: ISC
#include "base/name.h"

#include <stdlib.h>

#include "tests/lib/tap.h"

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static const struct {
	const char *text;
	bool domain, fqdn, literal;
} names[] = {
	{ "example.org", true, true, false },
	{ "mail.Example.ORG", true, true, false },
	{ "xn--bcher-kva.example", true, true, false },
	{ "a-b.c-d", true, true, false },
	{ "4.example", true, true, false },
	{ "localhost", true, false, false },
	{ "_dmarc.example.org", true, false, false },
	{ "my_host.example", true, false, false },
	{ LABEL63 ".org", true, true, false },
	{ LABEL63 "x.org", false, false, false },
	{ "", false, false, false },
	{ ".", false, false, false },
	{ "example.org.", false, false, false },
	{ ".example.org", false, false, false },
	{ "example..org", false, false, false },
	{ "-a.example", false, false, false },
	{ "a-.example", false, false, false },
	{ "a b.example", false, false, false },
	{ "b\xc3\xbc" "cher.example", false, false, false },
	{ "192.0.2.1", false, false, false },
	{ "example.123", false, false, false },
	{ "[192.0.2.1]", false, false, true },
	{ "[IPv6:2001:db8::1]", false, false, true },
	{ "[ipv6:::1]", false, false, true },
	{ "[2001:db8::1]", false, false, false },
	{ "[IPv6:192.0.2.1]", false, false, false },
	{ "[IPv6:]", false, false, false },
	{ "[192.0.2.0/24]", false, false, false },
	{ "[IPv6:2001:db8::/32]", false, false, false },
	{ "[[192.0.2.1]]", false, false, false },
	{ "[256.0.0.1]", false, false, false },
	{ "[]", false, false, false },
	{ "[", false, false, false },
};

#define TOP "# static table\n127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n"

static const struct {
	const char *name, *hosts, *host, *want;
} hosts[] = {
	{ "first_on_its_line", TOP "127.0.1.1 mx1.example.org mx1\n", "mx1", "mx1.example.org" },
	{ "behind_the_short_name", TOP "192.0.2.1\tmx1 mx1.example.org", "mx1", "mx1.example.org" },
	{ "any_case", TOP "192.0.2.1 MX1.example.org MX1", "mx1", "MX1.example.org" },
	{ "only_the_short_name", TOP "172.17.0.2 mx1\n", "mx1", NULL },
	{ "second_line_has_it", TOP "172.17.0.2 mx1\n10.0.0.1 mx1.example.org mx1", "mx1", "mx1.example.org" },
	{ "in_a_comment", TOP "#127.0.1.1 mx1.example.org mx1\n", "mx1", NULL },
	{ "comment_behind", TOP "10.0.0.1 mx1 # mx1.example.org\n", "mx1", NULL },
	{ "other_host", TOP "10.0.0.1 mx2.example.org mx2\n", "mx1", NULL },
	{ "localhost_is_no_name", "127.0.0.1 localhost.localdomain localhost mx1\n", "mx1", NULL },
	{ "localhost_itself", "127.0.0.1 localhost.localdomain localhost\n", "localhost", NULL },
	{ "underscore_is_no_greeting", "10.0.0.1 mx_1.example.org mx1\n", "mx1", NULL },
	{ "address_is_no_name", "10.0.0.1\nmx1.example.org mx2\n", "mx1.example.org", NULL },
	{ "empty", "", "mx1", NULL },
	{ "no_host", TOP "10.0.0.1 mx1.example.org\n", "", NULL },
};

int
main(void)
{
	char long_name[300], text[300];
	struct buf b = BUF(text);

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		struct slice s = slice_str(names[i].text);

		ok(name_is_domain(s) == names[i].domain, "domain '%s'", names[i].text);
		ok(name_is_fqdn(s) == names[i].fqdn, "fqdn '%s'", names[i].text);
		ok(name_is_literal(s) == names[i].literal, "literal '%s'", names[i].text);
	}
	memset(long_name, 'a', sizeof long_name);
	for (size_t i = 50; i < sizeof long_name; i += 50)
		long_name[i] = '.';
	ok(name_is_domain(slice_of(long_name, 253)), "253 octets");
	ok(!name_is_domain(slice_of(long_name, 254)), "254 octets");

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		b.n = 0;
		ok(name_from_hosts(slice_str(hosts[i].hosts), slice_str(hosts[i].host), &b) == (hosts[i].want != NULL),
		    "hosts %s", hosts[i].name);
		is(buf_slice(&b), slice_str(hosts[i].want), hosts[i].name);
	}
	b.n = 0;
	ok(name_of_host(&b) ? name_is_fqdn(buf_slice(&b)) : b.n == 0, "H002 this host has a full name or none");
	return tap_done();
}
