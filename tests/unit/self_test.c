// SPDX-License-Identifier: ISC
/*
 * client/self: this host among the exchangers.  tests/delivery/own_test.py has the addresses of
 * real devices.
 */
#include "client/self.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/tap.h"

static char our_name[] = "Mail.Example.ORG";
static struct config config = { .server.hostname = our_name, .relay.allow_loopback = 1 };

struct exchanger {
	unsigned preference;
	const char *name;
	unsigned octet;			/* last octet of 127.0.0.x; 0: no address */
	enum dns_status status;
};

static const struct own_case {
	const char *name, *hostname;	/* NULL: our_name */
	struct exchanger mx[4];
	size_t left;
	enum mx_status status;
} cases[] = {
	{ .name = "R102 we are not among them: all are kept",
	    .mx = { { 10, "a.test", 2, DNS_OK }, { 20, "b.test", 3, DNS_OK } }, .left = 2,
	    .status = MX_OK },
	{ .name = "R102 our name: equal and higher preferences are dropped",
	    .mx = { { 10, "a.test", 2, DNS_OK }, { 20, "mail.example.org", 3, DNS_OK },
		{ 30, "b.test", 4, DNS_OK } },
	    .left = 1, .status = MX_OK },
	{ .name = "R102 our name: an equal preference before it is dropped",
	    .mx = { { 10, "a.test", 2, DNS_OK }, { 20, "b.test", 4, DNS_OK },
		{ 20, "mail.example.org", 3, DNS_OK } },
	    .left = 1, .status = MX_OK },
	{ .name = "R102 our name: an equal preference after it is dropped",
	    .mx = { { 10, "a.test", 2, DNS_OK }, { 20, "mail.example.org", 3, DNS_OK },
		{ 20, "b.test", 4, DNS_OK } },
	    .left = 1, .status = MX_OK },
	{ .name = "R102 our name is the best: none is left",
	    .mx = { { 10, "mail.example.org", 3, DNS_OK }, { 20, "b.test", 4, DNS_OK } }, .left = 0,
	    .status = MX_OWN },
	{ .name = "R102 our name is as good as the best: none is left",
	    .mx = { { 10, "b.test", 4, DNS_OK }, { 10, "mail.example.org", 3, DNS_OK } }, .left = 0,
	    .status = MX_OWN },
	{ .name = "R102 our name without an address",
	    .mx = { { 10, "mail.example.org", 0, DNS_NXDOMAIN } }, .left = 0, .status = MX_OWN },
	{ .name = "R102 the host that is left does not resolve for now",
	    .mx = { { 10, "a.test", 0, DNS_SERVFAIL }, { 20, "mail.example.org", 3, DNS_OK } },
	    .left = 1, .status = MX_DEFER },
	{ .name = "R102 the host that is left does not exist",
	    .mx = { { 10, "a.test", 0, DNS_NXDOMAIN }, { 20, "mail.example.org", 3, DNS_OK } },
	    .left = 1, .status = MX_NO_HOST },
	{ .name = "part of our name is not our name", .mx = { { 10, "example.org", 2, DNS_OK } },
	    .left = 1, .status = MX_OK },
	{ .name = "an address of the loopback device proves nothing",
	    .mx = { { 10, "a.test", 1, DNS_OK } }, .left = 1, .status = MX_OK },
	{ .name = "an address literal as our name matches nothing", .hostname = "[192.0.2.1]",
	    .mx = { { 10, "a.test", 1, DNS_OK } }, .left = 1, .status = MX_OK },
	{ .name = "no exchanger", .left = 0, .status = MX_OK },
};

static void
drop_case(const struct own_case *c)
{
	struct mx_exchanger x[4] = { 0 };
	struct mx_list mx = { .exchangers = x };
	struct config other = { .server.hostname = (char *)(uintptr_t)c->hostname,
		.relay.allow_loopback = 1 };

	for (; mx.n < 4 && c->mx[mx.n].name; mx.n++) {
		const struct exchanger *e = &c->mx[mx.n];
		struct sockaddr_in *in = (struct sockaddr_in *)&x[mx.n].addresses[0];

		(void)snprintf(x[mx.n].name, sizeof x[mx.n].name, "%s", e->name);
		x[mx.n].preference = e->preference;
		x[mx.n].status = e->status;
		x[mx.n].naddresses = e->octet > 0;
		in->sin_family = AF_INET;
		in->sin_addr.s_addr = htonl(0x7f000000 | e->octet);
	}
	self_drop(c->hostname ? &other : &config, SL("example.net"), &mx);
	ok(mx.n == c->left && mx.status == c->status, "%s: %zu left", c->name, mx.n);
	if (c->status == MX_OWN)
		ok(slice_has_prefix(slice_str(mx.detail), SL("mail for example.net comes back to "
		    "this host: add a [route example.net]")), "%s: %s", c->name, mx.detail);
}

static const struct private_case {
	const char *address;
	bool dropped;
} privates[] = {
	{ "127.0.0.1", true }, { "127.255.255.254", true }, { "0.0.0.0", true },
	{ "0.1.2.3", true }, { "169.254.0.1", true }, { "169.254.169.254", true },
	{ "224.0.0.1", true }, { "239.255.255.255", true }, { "255.255.255.255", true },
	{ "::1", true }, { "::", true }, { "fe80::1", true }, { "febf::1", true },
	{ "ff02::1", true }, { "::ffff:127.0.0.1", true }, { "::127.0.0.1", true },
	{ "64:ff9b::7f00:1", true }, { "::ffff:169.254.1.1", true },
	{ "126.255.255.255", false }, { "128.0.0.1", false }, { "169.253.255.255", false },
	{ "169.255.0.1", false }, { "223.255.255.255", false }, { "10.0.0.1", false },
	{ "192.168.1.1", false }, { "1.0.0.1", false }, { "2001:db8::1", false },
	{ "fec0::1", false }, { "fd00::1", false }, { "64:ff9b::c000:201", false },
};

static struct sockaddr_storage
address_of(const char *text)
{
	struct sockaddr_storage ss = { .ss_family = strchr(text, ':') ? AF_INET6 : AF_INET };
	void *to = ss.ss_family == AF_INET6 ? (void *)&((struct sockaddr_in6 *)&ss)->sin6_addr :
	    (void *)&((struct sockaddr_in *)&ss)->sin_addr;

	if (inet_pton(ss.ss_family, text, to) != 1)
		abort();
	return ss;
}

/* A better exchanger, then one with a public address and this one, then a worse one. */
static void
private_case(const struct private_case *c)
{
	for (int allowed = 0; allowed < 2; allowed++) {
		struct mx_exchanger x[3] = { { .name = "a.test", .preference = 10 },
			{ .name = "b.test", .preference = 20, .naddresses = 2 },
			{ .name = "c.test", .preference = 30 } };
		struct mx_list mx = { .exchangers = x, .n = 3 };
		const struct config with = { .server.hostname = our_name,
			.relay.allow_loopback = allowed };
		const bool dropped = c->dropped && !allowed;

		x[1].addresses[0] = address_of("198.51.100.1");
		x[1].addresses[1] = address_of(c->address);
		self_drop(&with, SL("example.net"), &mx);
		ok(mx.n == (dropped ? 1 : 3), "%s, allowed %d: %zu left", c->address, allowed,
		    mx.n);
		mx = (struct mx_list){ .exchangers = x + 1, .n = 2 };
		self_drop(&with, SL("example.net"), &mx);
		ok(dropped ? mx.n == 0 && mx.status == MX_OWN &&
			strstr(mx.detail, "the exchanger b.test") &&
			strstr(mx.detail, "[route example.net]") : mx.n == 2,
		    "%s, allowed %d: the best one: %s", c->address, allowed, mx.detail);
	}
}

static const struct greeting_case {
	const char *name;
	struct slice text;
	bool ours;
} greetings[] = {
	{ "our server's", S("mail.example.org ESMTP smtp-handler"), true },
	{ "in other letters", S("MAIL.example.org ESMTP smtp-handler"), true },
	{ "our name, another program", S("mail.example.org ESMTP Postfix"), false },
	{ "another name", S("mail.example.net ESMTP smtp-handler"), false },
	{ "our name and more", S("mail.example.org.example.net ESMTP smtp-handler"), false },
	{ "our name alone", S("mail.example.org"), false },
	{ "nothing", S(""), false },
};

int
main(void)
{
	static char literal[] = "[127.0.0.1]";
	struct config nameless = { .server.hostname = literal };

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		drop_case(&cases[i]);
	for (size_t i = 0; i < sizeof privates / sizeof privates[0]; i++)
		private_case(&privates[i]);
	for (size_t i = 0; i < sizeof greetings / sizeof greetings[0]; i++)
		ok(self_greeting(&config, greetings[i].text) == greetings[i].ours,
		    "R102 greeting: %s", greetings[i].name);
	ok(!self_greeting(&nameless, SL("[127.0.0.1] ESMTP smtp-handler")),
	    "a literal in the greeting is not our name");
	nameless.server.hostname = NULL;
	ok(!self_greeting(&nameless, SL(" ESMTP smtp-handler")),
	    "an empty greeting is not our name");
	return tap_done();
}
