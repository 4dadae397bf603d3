// SPDX-License-Identifier: ISC
/* client/ipv6_refused: replies that are about our IPv6 address. */
#include "client/ipv6_refused.h"

#include "tests/lib/tap.h"

static const struct reply_case {
	const char *name;
	const char *lines;		/* separated by '\n' */
	bool about_ipv6;
} cases[] = {
	{ .name = "Gmail, the guidelines",
	  .lines = "550-5.7.1 [2001:db8::1] Our system has detected that this message does\n"
	    "550-5.7.1 not meet IPv6 sending guidelines regarding PTR records and\n"
	    "550-5.7.1 authentication. Please review\n"
	    "550 5.7.1 https://support.google.com/mail/?p=IPv6AuthError for more information "
	    "- gsmtp",
	  .about_ipv6 = true },
	{ .name = "Gmail, for now",
	  .lines = "421-4.7.0 [2001:db8::1] Our system has detected that this message does not\n"
	    "421-4.7.0 meet IPv6 sending guidelines regarding PTR records and authentication.\n"
	    "421 4.7.0 - gsmtp",
	  .about_ipv6 = true },
	{ .name = "Gmail, 5.7.25",
	  .lines = "550-5.7.25 [2001:db8::1] The IP address sending this message does not have a\n"
	    "550-5.7.25 PTR record setup, or the corresponding forward DNS entry does not\n"
	    "550 5.7.25 point to the sending IP.",
	  .about_ipv6 = true },
	{ .name = "the status alone (RFC 7372)", .lines = "550 5.7.25 no", .about_ipv6 = true },
	{ .name = "the status alone, for now", .lines = "450 4.7.25 no", .about_ipv6 = true },
	{ .name = "Microsoft, no name",
	  .lines = "450 4.7.25 Service unavailable, sending IPv6 address [2001:db8::1] must have "
	    "reverse DNS record",
	  .about_ipv6 = true },
	{ .name = "Microsoft, not authenticated",
	  .lines = "450 4.7.26 Service unavailable, message sent over IPv6 [2001:db8::1] must "
	    "pass either SPF or DKIM validation",
	  .about_ipv6 = true },
	{ .name = "Postfix",
	  .lines = "450 4.7.1 Client host rejected: cannot find your hostname, [2001:db8::1]",
	  .about_ipv6 = true },
	{ .name = "Postfix, reverse",
	  .lines = "450 4.7.1 Client host rejected: cannot find your reverse hostname, "
	    "[2001:db8::1]",
	  .about_ipv6 = true },
	{ .name = "words on two lines",
	  .lines = "550-5.7.1 your address has no reverse\n550 5.7.1 DNS entry",
	  .about_ipv6 = true },
	{ .name = "words on two lines without a status",
	  .lines = "550-your address has no reverse\n550 dns entry", .about_ipv6 = true },
	{ .name = "no such user", .lines = "550 5.1.1 no such user" },
	{ .name = "no such user called ptr", .lines = "550 5.1.1 <ptr@example.org> unknown" },
	{ .name = "IPv6 in another context", .lines = "550 5.1.1 [IPv6:2001:db8::1] no such user" },
	{ .name = "greylisting", .lines = "450 4.7.1 greylisted, come back in 300 seconds" },
	{ .name = "a listed address",
	  .lines = "554 5.7.1 Service unavailable; Client host [2001:db8::1] blocked using "
	    "bl.example" },
	{ .name = "unauthenticated mail, of any family",
	  .lines = "550 5.7.26 This mail has been blocked because the sender is unauthenticated." },
	{ .name = "another x.7.25x", .lines = "550 5.7.255 no" },
	{ .name = "a good reply", .lines = "250 2.7.25 IPv6 PTR reverse dns" },
	{ .name = "nothing", .lines = "550" },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice rest = slice_str(cases[i].lines);
		static struct smtp_link l;

		smtp_peer_reply_init(&l.reply);
		while (rest.n)
			(void)smtp_peer_reply_line(&l.reply, slice_cut(rest, '\n', &rest));
		ok(!l.reply.malformed && ipv6_refused_by(&l.reply) == cases[i].about_ipv6, "%s",
		    cases[i].name);
		l.ipv4_left = false;
		ok(!ipv6_refused(&l), "%s: it stands if there is no IPv4", cases[i].name);
		l.ipv4_left = true;
		ok(ipv6_refused(&l) == cases[i].about_ipv6, "%s: not if there is IPv4",
		    cases[i].name);
	}
	return tap_done();
}
