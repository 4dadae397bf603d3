// SPDX-License-Identifier: ISC
#include "base/name.h"

#include <stdlib.h>

#include "tests/lib/tap.h"

#define LABEL63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

static const struct {
	const char *text;
	bool domain, fqdn, literal;
} names[] = {
	{ .text = "example.org", .domain = true, .fqdn = true },
	{ .text = "mail.Example.ORG", .domain = true, .fqdn = true },
	{ .text = "xn--bcher-kva.example", .domain = true, .fqdn = true },
	{ .text = "a-b.c-d", .domain = true, .fqdn = true },
	{ .text = "4.example", .domain = true, .fqdn = true },
	{ .text = "localhost", .domain = true },
	{ .text = "_dmarc.example.org", .domain = true },
	{ .text = "my_host.example", .domain = true },
	{ .text = LABEL63 ".org", .domain = true, .fqdn = true },
	{ .text = LABEL63 "x.org" },
	{ .text = "" },
	{ .text = "." },
	{ .text = "example.org." },
	{ .text = ".example.org" },
	{ .text = "example..org" },
	{ .text = "-a.example" },
	{ .text = "a-.example" },
	{ .text = "a b.example" },
	{ .text = "b\xc3\xbc" "cher.example" },
	{ .text = "192.0.2.1" },
	{ .text = "example.123" },
	{ .text = "[192.0.2.1]", .literal = true },
	{ .text = "[IPv6:2001:db8::1]", .literal = true },
	{ .text = "[ipv6:::1]", .literal = true },
	{ .text = "[2001:db8::1]" },
	{ .text = "[IPv6:192.0.2.1]" },
	{ .text = "[IPv6:]" },
	{ .text = "[192.0.2.0/24]" },
	{ .text = "[IPv6:2001:db8::/32]" },
	{ .text = "[[192.0.2.1]]" },
	{ .text = "[256.0.0.1]" },
	{ .text = "[]" },
	{ .text = "[" },
};

#define TOP "# static table\n127.0.0.1\tlocalhost\n::1 localhost ip6-localhost\n"

static const struct {
	const char *name, *hosts, *host, *want;
} hosts[] = {
	{ .name = "first_on_its_line", .hosts = TOP "127.0.1.1 mx1.example.org mx1\n",
	    .host = "mx1", .want = "mx1.example.org" },
	{ .name = "behind_the_short_name", .hosts = TOP "192.0.2.1\tmx1 mx1.example.org",
	    .host = "mx1", .want = "mx1.example.org" },
	{ .name = "any_case", .hosts = TOP "192.0.2.1 MX1.example.org MX1", .host = "mx1",
	    .want = "MX1.example.org" },
	{ .name = "only_the_short_name", .hosts = TOP "172.17.0.2 mx1\n", .host = "mx1" },
	{ .name = "second_line_has_it", .hosts = TOP "172.17.0.2 mx1\n10.0.0.1 mx1.example.org mx1",
	    .host = "mx1", .want = "mx1.example.org" },
	{ .name = "in_a_comment", .hosts = TOP "#127.0.1.1 mx1.example.org mx1\n", .host = "mx1" },
	{ .name = "comment_behind", .hosts = TOP "10.0.0.1 mx1 # mx1.example.org\n",
	    .host = "mx1" },
	{ .name = "other_host", .hosts = TOP "10.0.0.1 mx2.example.org mx2\n", .host = "mx1" },
	{ .name = "localhost_is_no_name",
	    .hosts = "127.0.0.1 localhost.localdomain localhost mx1\n", .host = "mx1" },
	{ .name = "localhost_itself", .hosts = "127.0.0.1 localhost.localdomain localhost\n",
	    .host = "localhost" },
	{ .name = "underscore_is_no_greeting", .hosts = "10.0.0.1 mx_1.example.org mx1\n",
	    .host = "mx1" },
	{ .name = "address_is_no_name", .hosts = "10.0.0.1\nmx1.example.org mx2\n",
	    .host = "mx1.example.org" },
	{ .name = "empty", .hosts = "", .host = "mx1" },
	{ .name = "no_host", .hosts = TOP "10.0.0.1 mx1.example.org\n", .host = "" },
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
	ok(name_is_domain(slice_of(long_name, 253)), "a domain of 253 octets");
	ok(!name_is_domain(slice_of(long_name, 254)), "no domain has 254 octets");

	for (size_t i = 0; i < sizeof hosts / sizeof hosts[0]; i++) {
		bool found;

		b.n = 0;
		found = name_from_hosts(slice_str(hosts[i].hosts), slice_str(hosts[i].host), &b);
		ok(found == (hosts[i].want != NULL),
		    "hosts %s", hosts[i].name);
		is(buf_slice(&b), slice_str(hosts[i].want), hosts[i].name);
	}
	b.n = 0;
	ok(name_of_host(&b) ? name_is_fqdn(buf_slice(&b)) : b.n == 0,
	    "H002 this host has a full name or none");
	return tap_done();
}
