// SPDX-License-Identifier: ISC
/* client/ipv6_refused: which replies are about our IPv6 address. */
#include "client/ipv6_refused.h"

#include "tests/lib/tap.h"

static const struct reply_case {
	const char *name;
	const char *lines;		/* separated by '\n' */
	bool about_ipv6;
} cases[] = {
	{ "Gmail, the guidelines", "550-5.7.1 [2001:db8::1] Our system has detected that this message does\n"
	    "550-5.7.1 not meet IPv6 sending guidelines regarding PTR records and\n550-5.7.1 authentication. Please review\n"
	    "550 5.7.1 https://support.google.com/mail/?p=IPv6AuthError for more information - gsmtp", true },
	{ "Gmail, for now", "421-4.7.0 [2001:db8::1] Our system has detected that this message does not\n"
	    "421-4.7.0 meet IPv6 sending guidelines regarding PTR records and authentication.\n421 4.7.0 - gsmtp", true },
	{ "Gmail, 5.7.25", "550-5.7.25 [2001:db8::1] The IP address sending this message does not have a\n"
	    "550-5.7.25 PTR record setup, or the corresponding forward DNS entry does not\n550 5.7.25 point to the sending IP.", true },
	{ "the status alone (RFC 7372)", "550 5.7.25 no", true },
	{ "the status alone, for now", "450 4.7.25 no", true },
	{ "Microsoft, no name", "450 4.7.25 Service unavailable, sending IPv6 address [2001:db8::1] must have reverse DNS record", true },
	{ "Microsoft, not authenticated", "450 4.7.26 Service unavailable, message sent over IPv6 [2001:db8::1] must pass either SPF or DKIM validation", true },
	{ "Postfix", "450 4.7.1 Client host rejected: cannot find your hostname, [2001:db8::1]", true },
	{ "Postfix, reverse", "450 4.7.1 Client host rejected: cannot find your reverse hostname, [2001:db8::1]", true },
	{ "words on two lines", "550-5.7.1 your address has no reverse\n550 5.7.1 DNS entry", true },
	{ "words on two lines without a status", "550-your address has no reverse\n550 dns entry", true },
	{ "no such user", "550 5.1.1 no such user", false },
	{ "no such user called ptr", "550 5.1.1 <ptr@example.org> unknown", false },
	{ "IPv6 by the way", "550 5.1.1 [IPv6:2001:db8::1] no such user", false },
	{ "greylisting", "450 4.7.1 greylisted, come back in 300 seconds", false },
	{ "a listed address", "554 5.7.1 Service unavailable; Client host [2001:db8::1] blocked using bl.example", false },
	{ "unauthenticated mail, of any family", "550 5.7.26 This mail has been blocked because the sender is unauthenticated.", false },
	{ "another x.7.25x", "550 5.7.255 no", false },
	{ "a good reply", "250 2.7.25 IPv6 PTR reverse dns", false },
	{ "nothing", "550", false },
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
		ok(!l.reply.malformed && ipv6_refused_by(&l.reply) == cases[i].about_ipv6, "%s", cases[i].name);
		l.ipv4_left = false;
		ok(!ipv6_refused(&l), "%s: without IPv4 it stands", cases[i].name);
		l.ipv4_left = true;
		ok(ipv6_refused(&l) == cases[i].about_ipv6, "%s: with IPv4", cases[i].name);
	}
	return tap_done();
}
