// SPDX-License-Identifier: ISC
#include "message/trace.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "session/endpoint.h"
#include "tests/lib/tap.h"

static const struct trace_case {
	const char *name, *helo, *peer;
	bool literal;
	const char *recipient, *want;
} cases[] = {
	{ .name = "H094 V29 a client with an address",
	    .helo = "client.example", .peer = "192.0.2.1",
	    .literal = true,
	    .want = "Received: from client.example ([192.0.2.1])\r\n"
		"\tby mx.example with ESMTP id ID;\r\n\tSun, 22 Nov 2026 05:02:53 +0000\r\n" },
	{ .name = "H095 for one recipient", .helo = "client.example", .peer = "192.0.2.1",
	    .literal = true, .recipient = "u@local.example",
	    .want = "Received: from client.example ([192.0.2.1])\r\n"
		"\tby mx.example with ESMTP id ID\r\n\tfor <u@local.example>;\r\n"
		"\tSun, 22 Nov 2026 05:02:53 +0000\r\n" },
	{ .name = "H098 a local user", .helo = "client.example", .peer = "uid 1000",
	    .want = "Received: from client.example (uid 1000)\r\n"
		"\tby mx.example with ESMTP id ID;\r\n\tSun, 22 Nov 2026 05:02:53 +0000\r\n" },
	{ .name = "an address literal as a name", .helo = "[IPv6:2001:db8::7]",
	    .peer = "IPv6:2001:db8::1", .literal = true,
	    .want = "Received: from [IPv6:2001:db8::7] ([IPv6:2001:db8::1])\r\n"
		"\tby mx.example with ESMTP id ID;\r\n\tSun, 22 Nov 2026 05:02:53 +0000\r\n" },
};

/* Names of HELO, and the text in Received. */
static const struct helo_case {
	const char *name;
	struct slice helo;
	const char *want;
} helos[] = {
	{ "H099 a parenthesis", S("a)b(c"), "a?b?c" },
	{ "H099 a semicolon", S("a;b"), "a?b" },
	{ "H099 quotes and a backslash", S("\"a\\b"), "?a?b" },
	{ "H099 8 bits", S("caf\303\251"), "caf??" },
	{ "H099 a blank", S("a b"), "a?b" },
	{ "H099 a line end", S("a\r\nBcc: x"), "a??Bcc??x" },
	{ "H099 a NUL", S("a\0b"), "a?b" },
	{ "H099 brackets that are no literal", S("[a]"), "?a?" },
	{ "H099 a comma and an at sign", S("a,b@c"), "a?b?c" },
	{ "an underscore", S("foo_bar"), "foo_bar" },
	{ "a dash and dots", S("a-1.b.c"), "a-1.b.c" },
	{ "a good literal", S("[192.0.2.7]"), "[192.0.2.7]" },
	{ "an IPv6 literal without its tag", S("[::1]"), "[IPv6:::1]" },
	{ "another one", S("[2001:db8::19]"), "[IPv6:2001:db8::19]" },
	{ "(none)", S("(none)"), "?none?" },
	{ "a trailing comma", S("c.example,"), "c.example?" },
	{ "none", S(""), "unknown" },
};

static void
received(struct buf *b, struct slice helo, const struct peer *peer,
    const struct smtp_path *recipient)
{
	const struct trace trace = { .helo = helo, .peer = peer, .hostname = SL("mx.example"),
		.protocol = SL("ESMTP"), .id = SL("ID"), .recipient = recipient,
		.time_s = 1795323773 };

	trace_received(b, &trace);
}

static void
test_received(const struct trace_case *c)
{
	char space[TRACE_MAX];
	struct buf b = BUF(space);
	struct peer peer = { .literal = c->literal };
	struct smtp_path path = { .n = 0 };
	struct slice rest;

	(void)snprintf(peer.text, sizeof peer.text, "%s", c->peer);
	if (c->recipient &&
	    smtp_path_parse(slice_str(c->recipient), SMTP_PATH_TOLERANT, &path, &rest) !=
		SMTP_PATH_OK)
		ok(false, "%s: the path", c->name);
	received(&b, slice_str(c->helo), &peer, c->recipient ? &path : NULL);
	is(buf_slice(&b), slice_str(c->want), c->name);
}

static void
test_helo(const struct helo_case *c)
{
	char space[TRACE_MAX], want_space[TRACE_MAX];
	struct buf b = BUF(space), want = BUF(want_space);
	const struct peer peer = { .text = "uid 0" };

	received(&b, c->helo, &peer, NULL);
	buf_str(&want, "Received: from ");
	buf_str(&want, c->want);
	buf_str(&want,
	    " (uid 0)\r\n\tby mx.example with ESMTP id ID;\r\n"
	    "\tSun, 22 Nov 2026 05:02:53 +0000\r\n");
	is(buf_slice(&b), buf_slice(&want), c->name);
}

/* The longest values fit, and no line is longer than 998 octets. */
static void
test_longest(void)
{
	char helo[SMTP_PATH_TEXT], space[TRACE_MAX];
	struct buf b = BUF(space);
	struct peer peer = { .literal = true };
	struct smtp_path path;
	struct slice rest, line;
	bool folded = true;

	memset(helo, '(', sizeof helo);
	memset(peer.text, 'f', sizeof peer.text - 1);
	memset(path.text, '"', sizeof path.text - 1);
	path.text[sizeof path.text - 1] = '\0';
	path.n = sizeof path.text - 1;
	received(&b, slice_of(helo, sizeof helo), &peer, &path);
	for (rest = buf_slice(&b); rest.n;) {
		line = slice_cut(rest, '\n', &rest);
		folded = folded && line.n <= 999;
	}
	ok(!b.full && folded, "the longest values");
}

static void
test_own_name(void)
{
	const int fd4 = socket(AF_INET, SOCK_STREAM, 0), fd6 = socket(AF_INET6, SOCK_STREAM, 0);
	const struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(0x7f000002) };
	const struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	char space[ENDPOINT_LITERAL_MAX];
	struct buf b = BUF(space);

	is(endpoint_name("mx.example", -1, &b), SL("mx.example"), "a configured name");
	is(endpoint_name(NULL, -1, &b), SL("[127.0.0.1]"),
	    "H002 a host without a name, and no socket");
	b.n = 0;
	ok(bind(fd4, (const struct sockaddr *)&in, sizeof in) == 0, "bind to 127.0.0.2");
	is(endpoint_name(NULL, fd4, &b), SL("[127.0.0.2]"), "H002 reached by IPv4");
	if (bind(fd6, (const struct sockaddr *)&in6, sizeof in6) == 0) {
		b.n = 0;
		is(endpoint_name(NULL, fd6, &b), SL("[IPv6:::1]"), "H002 reached by IPv6");
	}
	(void)close(fd4);
	(void)close(fd6);
}

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		test_received(&cases[i]);
	for (size_t i = 0; i < sizeof helos / sizeof helos[0]; i++)
		test_helo(&helos[i]);
	test_longest();
	test_own_name();
	return tap_done();
}
