// SPDX-License-Identifier: ISC
/* dns/etc_hosts: names found in a text of /etc/hosts. */
#include "dns/etc_hosts.h"

#include "tests/lib/tap.h"

#define FILE "127.0.0.1\tlocalhost\n" \
	"127.0.1.1 host.example host # me\n" \
	"#192.0.2.66 commented\n" \
	"192.0.2.1 two.example\r\n" \
	"2001:db8::1 Two.Example. alias\n" \
	"garbage bad.example\n" \
	"192.0.2.9\n" \
	"fe80::1%lo scoped"

static const struct find_case {
	const char *name, *host;
	struct slice text;
	const char *want;
} find_cases[] = {
	{ "first_name", "host.example", S(FILE), "127.0.1.1" },
	{ "second_name", "host", S(FILE), "127.0.1.1" },
	{ "not_in_a_comment", "me", S(FILE), "" },
	{ "not_commented_out", "commented", S(FILE), "" },
	{ "two_lines_case_and_dot", "two.example", S(FILE), "192.0.2.1 2001:db8::1" },
	{ "alias", "alias", S(FILE), "2001:db8::1" },
	{ "no_address", "bad.example", S(FILE), "" },
	{ "no_prefix_of_a_name", "two", S(FILE), "" },
	{ "scope_and_no_newline", "scoped", S(FILE), "fe80::1%1" },
	{ "localhost_as_written", "localhost", S(FILE), "127.0.0.1" },
	{ "localhost_unwritten", "localhost", S(""), "127.0.0.1 ::1" },
	{ "at_most_three", "x", S("192.0.2.1 x\n192.0.2.2 x\n192.0.2.3 x\n192.0.2.4 x\n"),
	  "192.0.2.1 192.0.2.2 192.0.2.3" },
};

int
main(void)
{
	struct sockaddr_storage found[3];

	for (size_t i = 0; i < sizeof find_cases / sizeof find_cases[0]; i++) {
		const struct find_case *c = &find_cases[i];
		char space[256];
		struct buf b = BUF(space);
		size_t n = etc_hosts_find(c->text, c->host, found, 3);

		for (size_t k = 0; k < n; k++) {
			if (k)
				buf_chr(&b, ' ');
			address_text(&b, (struct sockaddr *)&found[k]);
		}
		is(buf_slice(&b), slice_str(c->want), c->name);
	}
	ok(etc_hosts_look_up("/nonexistent/hosts", "x", found, 3) == 0, "no file");
	ok(etc_hosts_look_up("/nonexistent/hosts", "localhost", found, 3) == 2,
	    "no file, but localhost");
	return tap_done();
}
