// SPDX-License-Identifier: ISC
#include "smtp/xclient.h"

#include "base/cidr.h"
#include "tests/lib/tap.h"

#define NAME_253 \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg." \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg." \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg." \
	"aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffg"

/* The known attributes, as "NAME=value ..." in the order of the table. */
static const char *
shown(const struct smtp_xclient *x)
{
	static const char *const texts[] = {
		[SMTP_XCLIENT_NAME] = "NAME", [SMTP_XCLIENT_HELO] = "HELO",
		[SMTP_XCLIENT_LOGIN] = "LOGIN",
	};
	static char space[2000];
	struct buf b = BUF(space);

	for (size_t i = 0; i <= SMTP_XCLIENT_LOGIN; i++) {
		const struct slice text = smtp_xclient_text(x, (enum smtp_xclient_id)i);

		if (texts[i] && text.n)
			buf_fmt(&b, "%s=%.*s ", texts[i], (int)text.n, text.p);
	}
	if (smtp_xclient_knows(x, SMTP_XCLIENT_PROTO))
		buf_str(&b, x->plain ? "SMTP " : "ESMTP ");
	if (smtp_xclient_knows(x, SMTP_XCLIENT_ADDR))
		address_text(&b, (const struct sockaddr *)&x->address);
	if (smtp_xclient_knows(x, SMTP_XCLIENT_PORT))
		buf_fmt(&b, "@%u", x->port);
	if (smtp_xclient_knows(x, SMTP_XCLIENT_DESTADDR)) {
		buf_chr(&b, '>');
		address_text(&b, (const struct sockaddr *)&x->destination);
	}
	if (smtp_xclient_knows(x, SMTP_XCLIENT_DESTPORT))
		buf_fmt(&b, "@%u", x->destination_port);
	return buf_cstr(&b);
}

static const struct {
	const char *arguments, *known;
} good[] = {
	{ "ADDR=192.0.2.1", "192.0.2.1" },
	{ "ADDR=IPV6:2001:db8::1", "2001:db8::1" },
	{ "addr=ipv6:::1", "::1" },
	{ "ADDR=IPV6:::ffff:192.0.2.7", "192.0.2.7" },
	{ "ADDR=192.0.2.1 PORT=65535", "192.0.2.1@65535" },
	{ "PORT=0", "@0" },
	{ "NAME=mx.example.org  ADDR=192.0.2.1 ", "NAME=mx.example.org 192.0.2.1" },
	{ "NAME=[UNAVAILABLE] ADDR=[unavailable]", "" },
	{ "NAME=[TEMPUNAVAIL] HELO=a", "HELO=a " },
	{ "HELO=[192.0.2.9] PROTO=smtp", "HELO=[192.0.2.9] SMTP " },
	{ "PROTO=ESMTP", "ESMTP " },
	{ "LOGIN=anna+40example.org", "LOGIN=anna@example.org " },
	{ "LOGIN=a+20b+2Bc+3dd", "LOGIN=a b+c=d " },
	{ "LOGIN=j+C3+B6rg", "LOGIN=j\xc3\xb6rg " },
	{ "DESTADDR=IPV6:::1 DESTPORT=25", ">::1@25" },
	{ "NAME=" NAME_253, "NAME=" NAME_253 " " },
};

static const struct {
	const char *arguments, *bad;
} malformed[] = {
	{ "", "" }, { "  ", "" },
	{ "FOO=1", "FOO" }, { "ADDR", "ADDR" }, { "ADDR=", "ADDR" }, { "=1", "" },
	{ "ADDR=192.0.2", "ADDR" }, { "ADDR=2001:db8::1", "ADDR" },
	{ "ADDR=IPV6:192.0.2.1", "ADDR" }, { "ADDR=192.0.2.1@25", "ADDR" },
	{ "ADDR=[192.0.2.1]", "ADDR" }, { "ADDR=IPV6:fe80::1%lo", "ADDR" },
	{ "ADDR=unix:", "ADDR" },
	{ "PORT=65536", "PORT" }, { "PORT=-1", "PORT" }, { "PORT=x", "PORT" },
	{ "NAME=a b", "b" }, { "NAME=a+20b", "NAME" }, { "NAME=192.0.2.1", "NAME" },
	{ "NAME=" NAME_253 "a", "NAME" },
	{ "HELO=a+0D+0Ab", "HELO" }, { "HELO=", "HELO" }, { "PROTO=LMTP", "PROTO" },
	{ "LOGIN=a+00b", "LOGIN" }, { "LOGIN=a+0ab", "LOGIN" }, { "LOGIN=a+4", "LOGIN" },
	{ "LOGIN=a+ZZ", "LOGIN" }, { "LOGIN=+FF", "LOGIN" }, { "LOGIN=a=b", "LOGIN" },
	{ "DESTADDR=here", "DESTADDR" }, { "DESTPORT=smtp", "DESTPORT" },
	{ "ADDR=192.0.2.1 ADDR=192.0.2.2", "ADDR" },
};

static void
check_sequence(void)
{
	struct smtp_xclient x = { .given = 0 };
	struct slice bad;

	ok(smtp_xclient_take(&x, SL("HELO=client.example PROTO=SMTP"), &bad) &&
	    smtp_xclient_take(&x, SL("LOGIN=anna"), &bad) &&
	    smtp_xclient_take(&x, SL("NAME=a.example ADDR=192.0.2.1"), &bad),
	    "several commands, ADDR last");
	is(slice_str(shown(&x)),
	    SL("NAME=a.example HELO=client.example LOGIN=anna SMTP 192.0.2.1"), "add up");
	ok(!smtp_xclient_take(&x, SL("LOGIN=ben PORT=x"), &bad), "a malformed one");
	is(slice_str(shown(&x)),
	    SL("NAME=a.example HELO=client.example LOGIN=anna SMTP 192.0.2.1"),
	    "changes nothing");
	ok(smtp_xclient_take(&x, SL("ADDR=192.0.2.2"), &bad), "another client");
	is(slice_str(shown(&x)), SL("192.0.2.2"), "has no login and no name of the last one");
	ok(smtp_xclient_take(&x, SL("LOGIN=ben"), &bad) &&
	    smtp_xclient_take(&x, SL("LOGIN=[UNAVAILABLE]"), &bad), "a login that ends");
	is(smtp_xclient_text(&x, SMTP_XCLIENT_LOGIN), SL(""), "is not known");
}

int
main(void)
{
	struct slice bad;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		struct smtp_xclient x = { .given = 0 };

		ok(smtp_xclient_take(&x, slice_str(good[i].arguments), &bad), "%s",
		    good[i].arguments);
		is(slice_str(shown(&x)), slice_str(good[i].known), "is understood");
	}
	for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
		struct smtp_xclient x = { .given = 0 };

		ok(!smtp_xclient_take(&x, slice_str(malformed[i].arguments), &bad),
		    "malformed: %s", malformed[i].arguments);
		is(bad, slice_str(malformed[i].bad), "the mistake is named");
		ok(x.given == 0 && x.known == 0, "nothing is taken");
	}
	check_sequence();
	return tap_done();
}
