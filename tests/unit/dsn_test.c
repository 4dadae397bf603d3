// SPDX-License-Identifier: ISC
/*
 * The parameters of DSN as the envelope keeps them, and xtext.
 */
#include "smtp/dsn.h"

#include "smtp/param.h"
#include "tests/lib/tap.h"

enum { GIVEN = SMTP_NOTIFY_GIVEN, NEVER = GIVEN | SMTP_NOTIFY_NEVER,
	SUCCESS = SMTP_NOTIFY_SUCCESS, FAILURE = SMTP_NOTIFY_FAILURE, DELAY = SMTP_NOTIFY_DELAY };

static const struct {
	struct slice params;
	unsigned want;
} notifies[] = {
	{ S(""), 0 },
	{ S("ORCPT=rfc822;a@b"), 0 },
	{ S("NOTIFY"), 0 },
	{ S("NOTIFY=NEVER"), NEVER },
	{ S("notify=never"), NEVER },
	{ S("NOTIFY=SUCCESS"), GIVEN | SUCCESS },
	{ S("ORCPT=rfc822;a@b NOTIFY=success,FAILURE,Delay"), GIVEN | SUCCESS | FAILURE | DELAY },
	{ S("NOTIFY=ALWAYS,DELAY"), GIVEN | DELAY },
	{ S("NOTIFY=NEVER,DELAY"), GIVEN | DELAY },
};

static const struct {
	struct slice params;
	const char *type, *address;
} orcpts[] = {
	{ S(""), "", "" },
	{ S("NOTIFY=NEVER"), "", "" },
	{ S("NOTIFY=NEVER orcpt=RFC822;A+2Bb@d"), "RFC822", "A+2Bb@d" },
	{ S("ORCPT=utf-8;\xc3\xbc@d"), "utf-8", "\xc3\xbc@d" },
	{ S("ORCPT=rfc822"), "rfc822", "" },
};

static const struct {
	struct slice params;
	const char *envid;
	bool headers_only;
} mails[] = {
	{ S(""), "", false },
	{ S("RET=FULL ENVID=a+2Bb"), "a+2Bb", false },
	{ S("envid=x ret=hdrs"), "x", true },
	{ S("RET"), "", false },
};

static const struct {
	struct slice params;
	bool answered;
	const char *want;
} copies[] = {
	{ S(""), false, "ORCPT=rfc822;a+2Bb@d" },
	{ S("NOTIFY=SUCCESS,DELAY"), false, "NOTIFY=SUCCESS,DELAY ORCPT=rfc822;a+2Bb@d" },
	{ S("NOTIFY=SUCCESS,DELAY"), true, "NOTIFY=DELAY ORCPT=rfc822;a+2Bb@d" },
	{ S("NOTIFY=success"), true, "NOTIFY=NEVER ORCPT=rfc822;a+2Bb@d" },
	{ S("NOTIFY=NEVER ORCPT=rfc822;c@d"), true, "NOTIFY=NEVER ORCPT=rfc822;c@d" },
};

static void
test_reading(void)
{
	for (size_t i = 0; i < sizeof notifies / sizeof notifies[0]; i++)
		ok(smtp_dsn_notify(notifies[i].params) == notifies[i].want, "\"%s\"",
		    notifies[i].params.p);
	for (size_t i = 0; i < sizeof orcpts / sizeof orcpts[0]; i++) {
		struct slice type, address = smtp_dsn_orcpt(orcpts[i].params, &type);

		is(type, slice_str(orcpts[i].type), "the type of ORCPT");
		is(address, slice_str(orcpts[i].address), "its address");
	}
	for (size_t i = 0; i < sizeof mails / sizeof mails[0]; i++) {
		is(smtp_dsn_envid(mails[i].params), slice_str(mails[i].envid), "ENVID");
		ok(smtp_dsn_headers_only(mails[i].params) == mails[i].headers_only, "RET");
	}
}

static void
test_copies(void)
{
	struct smtp_path to;

	ok(smtp_path_parse_whole(SL("a+b@d"), SMTP_PATH_LISTED, &to), "an alias");
	for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
		char space[100];
		struct buf b = BUF(space);

		smtp_dsn_copy_rcpt(copies[i].params, copies[i].answered, &to, &b);
		is(buf_slice(&b), slice_str(copies[i].want), copies[i].params.p);
	}
}

static void
test_xtext(void)
{
	char text[256], coded[3 * sizeof text], again[sizeof text];
	struct buf b = BUF(coded), c = BUF(again);
	size_t n = 0;

	for (size_t i = 0; i < sizeof text; i++)
		text[i] = (char)i;
	smtp_xtext_encode(slice_of(text, sizeof text), &b);
	ok(smtp_xtext_valid(buf_slice(&b), false, &n) && n == sizeof text,
	    "every octet has a code");
	smtp_xtext_decode(buf_slice(&b), &c);
	is(buf_slice(&c), slice_of(text, sizeof text), "every octet is decoded again");
	ok(!smtp_xtext_valid(SL("a=b"), false, &n) && !smtp_xtext_valid(SL("a b"), false, &n) &&
	    !smtp_xtext_valid(SL("+2g"), false, &n) && !smtp_xtext_valid(SL("+2"), false, &n),
	    "octets that need a code, and half a code");
	c.n = 0;
	smtp_xtext_decode(SL("a+2bb+E9+zz"), &c);
	is(buf_slice(&c), SL("a+b\xe9+zz"), "digits in lower case");
	ok(!smtp_xtext_valid(SL("\xc3\xbc"), false, &n) &&
	    smtp_xtext_valid(SL("\xc3\xbc"), true, &n), "UTF-8 if it is allowed");
}

/* Each octet, encoded, in both references. */
static void
test_controls(void)
{
	unsigned wrong = 0;

	for (unsigned c = 0; c < 256; c++) {
		char envid[8], orcpt[24];
		const bool control = (c < 32 && c != '\t') || c == 127;

		(void)snprintf(envid, sizeof envid, "a+%02Xb", c);
		(void)snprintf(orcpt, sizeof orcpt, "rfc822;a+%02xb", c);
		wrong += smtp_dsn_envid_valid(slice_str(envid)) == control;
		wrong += smtp_dsn_envid_portable(slice_str(envid)) == control;
		wrong += smtp_dsn_orcpt_valid(slice_str(orcpt), false) == control;
		wrong += smtp_dsn_orcpt_valid(slice_str(orcpt), true) == control;
	}
	ok(wrong == 0, "control characters have no place in ENVID and ORCPT: %u wrong", wrong);
	ok(!smtp_dsn_orcpt_valid(SL("utf-8;\xc3\xbc+00@d"), true) &&
	    smtp_dsn_orcpt_valid(SL("utf-8;\xc3\xbc+20@d"), true), "nor beside UTF-8");
}

int
main(void)
{
	test_reading();
	test_copies();
	test_xtext();
	test_controls();
	return tap_done();
}
