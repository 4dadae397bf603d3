// SPDX-License-Identifier: ISC
/*
 * Removal of Authentication-Results: each row whole, cut in two at every place, and octet by octet.
 */
#include "message/results.h"

#include <stdio.h>

#include "tests/lib/tap.h"

#define MINE "Authentication-Results: mx.example; dkim=pass\r\n"

static const struct message {
	const char *name, *in, *want;
} messages[] = {
	{ .name = "H167 our field", .in = MINE "Subject: x\r\n\r\nbody\r\n",
	    .want = "Subject: x\r\n\r\nbody\r\n" },
	{ .name = "H167 our field, twice in the middle", .in = "A: b\r\n" MINE MINE "C: d\r\n\r\n",
	    .want = "A: b\r\nC: d\r\n\r\n" },
	{ .name = "H167 our field at the end", .in = "A: b\r\n" MINE "\r\n" MINE,
	    .want = "A: b\r\n\r\n" MINE },
	{ .name = "H167 in any case",
	    .in = "authentication-RESULTS : MX.Example 1;\r\n\tspf=pass\r\n x\r\nC: d\r\n",
	    .want = "C: d\r\n" },
	{ .name = "H167 our name quoted", .in = "Authentication-Results:\"mx.example\"; x\r\n\r\n",
	    .want = "\r\n" },
	{ .name = "H167 folded before the name",
	    .in = "Authentication-Results:\r\n mx.example; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 comments before the name",
	    .in = "Authentication-Results: (a (b) \\) c)\r\n\t(d)mx.example(e); x\r\n\r\n",
	    .want = "\r\n" },
	{ .name = "H167 control characters around the name",
	    .in = "Authentication-Results: \v\fmx.example\f\v; x\r\nA: b\r\n\r\n",
	    .want = "A: b\r\n\r\n" },
	{ .name = "H167 control characters in the name, one of them escaped",
	    .in = "Authentication-Results: mx\001.\\\033exam\177ple\037 1; x\r\n\r\n",
	    .want = "\r\n" },
	{ .name = "H167 a bare CR in front of the name",
	    .in = "Authentication-Results: \rmx.example; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 blanks of Unicode around the name, and a soft hyphen in it",
	    .in = "Authentication-Results: \u00a0mx.exam\u00adple\u2003; x\r\n\r\n",
	    .want = "\r\n" },
	{ .name = "H167 a quoted pair in a quoted name",
	    .in = "Authentication-Results: \"mx.exa\\mple\"; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 quoted pairs all over",
	    .in = "Authentication-Results: \"\\m\\x\\.\\e\\x\\a\\m\\p\\l\\e\"; x\r\n\r\n",
	    .want = "\r\n" },
	{ .name = "H167 a quoted pair without quotes",
	    .in = "Authentication-Results: mx.exa\\mple; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 a comment in the name",
	    .in = "Authentication-Results: mx.(a (b) \\) \";)exa(x)mple; x\r\n\r\n",
	    .want = "\r\n" },
	{ .name = "H167 a fold in the name",
	    .in = "Authentication-Results: mx.\r\n example; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 a fold in a quoted name",
	    .in = "Authentication-Results: \"mx.\r\n\texample\"; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 a blank in the name",
	    .in = "Authentication-Results: mx . example ; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 a version behind a quoted name",
	    .in = "Authentication-Results: \"mx.example\" 1; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 a blank within the quotes",
	    .in = "Authentication-Results: \" mx.example \"; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 in two quoted strings",
	    .in = "Authentication-Results: \"mx\"(x) \".example\"; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 half of it in quotes",
	    .in = "Authentication-Results: mx.\"exam\"ple; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 a dot at the end",
	    .in = "Authentication-Results: mx.example.; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 a version behind a comment",
	    .in = "Authentication-Results: mx.example (x) 1; x\r\n\r\n", .want = "\r\n" },
	{ .name = "H167 a dot at the end, and more",
	    .in = "Authentication-Results: mx.example.org; x\r\n\r\n",
	    .want = "Authentication-Results: mx.example.org; x\r\n\r\n" },
	{ .name = "H167 the name in a comment only",
	    .in = "Authentication-Results: (mx.example) mx.example.org; x\r\n\r\n",
	    .want = "Authentication-Results: (mx.example) mx.example.org; x\r\n\r\n" },
	{ .name = "H167 an escaped semicolon is a part of the name",
	    .in = "Authentication-Results: mx.example\\;; x\r\n\r\n",
	    .want = "Authentication-Results: mx.example\\;; x\r\n\r\n" },
	{ .name = "H167 half of the name and a version",
	    .in = "Authentication-Results: mx 1; mx.example\r\n\r\n",
	    .want = "Authentication-Results: mx 1; mx.example\r\n\r\n" },
	{ .name = "H167 a comment that does not end",
	    .in = "Authentication-Results: mx.exa(mple; x\r\n\r\n",
	    .want = "Authentication-Results: mx.exa(mple; x\r\n\r\n" },
	{ .name = "H167 a name that goes on within quotes",
	    .in = "Authentication-Results: \"mx.example.org\"; x\r\n\r\n",
	    .want = "Authentication-Results: \"mx.example.org\"; x\r\n\r\n" },
	{ .name = "H167 after a field with an unfinished string",
	    .in = "Authentication-Results: \"x\r\n" MINE "\r\n",
	    .want = "Authentication-Results: \"x\r\n\r\n" },
	{ .name = "H167 after a broken line", .in = "A: b\r\nhello\r\n" MINE "\r\n",
	    .want = "A: b\r\nhello\r\n\r\n" },
	{ .name = "H167 after the first line of a mailbox file",
	    .in = "From joe Mon Jan  1\r\n" MINE "\r\n", .want = "From joe Mon Jan  1\r\n\r\n" },
	{ .name = "H167 after a line that begins with a blank", .in = " " MINE MINE "\r\n",
	    .want = " " MINE "\r\n" },
	{ .name = "H167 without results", .in = "Authentication-Results: mx.example\r\n\r\n",
	    .want = "\r\n" },
	{ .name = "H167 after a field without a name",
	    .in = "Authentication-Results:\r\n" MINE "\r\n",
	    .want = "Authentication-Results:\r\n\r\n" },
	{ .name = "H167 fields of others",
	    .in = "Authentication-Results: mx.example.org; x\r\n"
		"Authentication-Results: my.example; y\r\n\r\n",
	    .want = "Authentication-Results: mx.example.org; x\r\n"
		"Authentication-Results: my.example; y\r\n\r\n" },
	{ .name = "H167 part of our name", .in = "Authentication-Results: mx.exampl; x\r\n\r\n",
	    .want = "Authentication-Results: mx.exampl; x\r\n\r\n" },
	{ .name = "other fields",
	    .in = "Authentication-Result: mx.example; x\r\n"
		"Authentication-Results-X: mx.example; x\r\n\r\n",
	    .want = "Authentication-Result: mx.example; x\r\n"
		"Authentication-Results-X: mx.example; x\r\n\r\n" },
	{ .name = "the name inside another field", .in = "X: y\r\n " MINE "\r\n",
	    .want = "X: y\r\n " MINE "\r\n" },
	{ .name = "no colon", .in = "Authentication-Results\r\n\r\n",
	    .want = "Authentication-Results\r\n\r\n" },
	{ .name = "an empty field before the body", .in = "Authentication-Results:\r\n\r\n" MINE,
	    .want = "Authentication-Results:\r\n\r\n" MINE },
	{ .name = "nothing but a body", .in = "\r\n" MINE, .want = "\r\n" MINE },
	{ .name = "unfinished", .in = "A: b\r\nAuthentication-Res",
	    .want = "A: b\r\nAuthentication-Res" },
	{ .name = "empty", .in = "", .want = "" },
};

static char out_space[16384];
static struct buf out;
static struct results authres;

static void
put(void *ctx, struct slice octets)
{
	(void)ctx;
	buf_add(&out, octets);
}

static void
begin(void)
{
	out = (struct buf)BUF(out_space);
	results_begin(&authres, SL("mx.example"), put, NULL);
}

/* A NUL is dropped by some readers, and ends a text for others. */
static void
nul(void)
{
	static const struct slice fields[] = {
		S("Authentication-Results: \0mx.example; x\r\n"),
		S("Authentication-Results: mx.exa\0mple; x\r\n"),
		S("Authentication-Results: mx.example\0; x\r\n"),
		S("Authentication-Results: mx.example\0.org; x\r\n"),
		S("Authentication-Results:\0\r\n \0\"mx.example\"; x\r\n"),
	};

	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		begin();
		results_content(&authres, fields[i]);
		results_content(&authres, SL("A: b\r\n\r\n"));
		results_end(&authres);
		ok(slice_eq(buf_slice(&out), SL("A: b\r\n\r\n")),
		    "H167 a NUL and our name, %zu", i);
	}
}

/* Our name in A-labels and in U-labels. */
static void
unicode(void)
{
	static const char *const ours[] = {
		"xn--ftz-sna.example", "XN--FTZ-SNA.Example", "f\303\266tz.example",
		"F\303\266TZ.example.", "f\303\266(x)tz.\"example\"", "f\303\266\\tz.example",
	};
	static const char *const others[] = {
		"ftz.example", "f\303\270tz.example", "f\303\266tz.example.org", "xn--ftz-sna",
		"f\303\266tz", "xn--ftz\303\266tz.example",
	};
	char text[200];

	for (size_t i = 0; i < 12; i++) {
		const char *name = i < 6 ? ours[i] : others[i - 6];
		const int n = snprintf(text, sizeof text,
		    "Authentication-Results: %s; x\r\nA: b\r\n\r\n", name);

		begin();
		results_begin(&authres, SL("xn--ftz-sna.example"), put, NULL);
		results_content(&authres, slice_of(text, (size_t)n));
		results_end(&authres);
		is(buf_slice(&out), i < 6 ? SL("A: b\r\n\r\n") : slice_of(text, (size_t)n), name);
	}
}

/* Spellings of our name that are one domain with it, although no octets are the same. */
static void
spellings(void)
{
	static const struct {
		const char *host, *name;
		bool ours;
	} rows[] = {
		{ "xn--ftz-sna.example", "F\303\226TZ.example", true },
		{ "xn--ftz-sna.example", "fo\u0308tz.example", true },
		{ "xn--ftz-sna.example", "FO\u0308TZ.EXAMPLE.", true },
		{ "xn--ftz-sna.example", "f\303\266tz\u3002example", true },
		{ "xn--ftz-sna.example", "\"f\303\266tz\u3002exam\\ple\"", true },
		{ "xn--ftz-sna.example", "fotz.example", false },
		{ "xn--ftz-sna.example", "f\303\270tz\u3002example", false },
		{ "xn--ftz-sna.example", "other.example", false },
		{ "mx.example.org", "mx\u3002example\uff0eorg", true },
		{ "mx.example.org", "\uff4dx.example.org", true },
		{ "mx.example.org", "(a)\uff2d\uff38.example.org\u3002 1", true },
		{ "mx.example.org", "\uff4dy.example.org", false },
		{ "mx.example.org", "gr\303\274n.example", false },
	};
	char text[200];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const int n = snprintf(text, sizeof text,
		    "Authentication-Results: %s; x\r\nA: b\r\n\r\n", rows[i].name);

		begin();
		results_begin(&authres, slice_str(rows[i].host), put, NULL);
		for (int at = 0; at < n; at++)
			results_content(&authres, slice_of(text + at, 1));
		results_end(&authres);
		is(buf_slice(&out), rows[i].ours ? SL("A: b\r\n\r\n") : slice_of(text, (size_t)n),
		    rows[i].name);
	}
}

/* A long field of another server, which has no semicolon, stays, also if our name has U-labels. */
static void
long_field(void)
{
	static char text[4000];
	struct buf b = BUF(text);

	buf_str(&b, "Authentication-Results: other.example ");
	while (b.n < 3000)
		buf_str(&b, "dkim=pass ");
	buf_str(&b, "\r\nA: b\r\n\r\n");
	begin();
	results_begin(&authres, SL("xn--ftz-sna.example"), put, NULL);
	results_content(&authres, buf_slice(&b));
	results_end(&authres);
	ok(slice_eq(buf_slice(&out), buf_slice(&b)), "a long field of another server stays");
}

int
main(void)
{
	static char hostile[8192];
	struct buf b = BUF(hostile);

	for (size_t i = 0; i < sizeof messages / sizeof messages[0]; i++) {
		const struct slice in = slice_str(messages[i].in);
		const struct slice want = slice_str(messages[i].want);
		bool fine = true;

		for (size_t cut = 0; cut <= in.n; cut++) {
			begin();
			results_content(&authres, slice_of(in.p, cut));
			results_content(&authres, slice_skip(in, cut));
			results_end(&authres);
			fine = fine && slice_eq(buf_slice(&out), want);
		}
		begin();
		for (size_t at = 0; at < in.n; at++)
			results_content(&authres, slice_of(in.p + at, 1));
		results_end(&authres);
		is(buf_slice(&out), want, messages[i].name);
		ok(fine, "%s, cut anywhere", messages[i].name);
	}
	unicode();
	spellings();
	long_field();
	nul();
	buf_str(&b, "Authentication-Results:");
	for (int i = 0; i < 600; i++)
		buf_str(&b, " (x)\r\n");
	buf_str(&b, " mx.example; x\r\nA: b\r\n\r\n");
	begin();
	results_content(&authres, buf_slice(&b));
	results_end(&authres);
	is(buf_slice(&out), SL("A: b\r\n\r\n"),
	    "H167 a field with 4 KiB of comments before the name is removed");
	b.n = 0;
	buf_str(&b, "Authentication-Results");
	for (int i = 0; i < 2000; i++)
		buf_chr(&b, ' ');
	buf_str(&b, ": mx.example; x\r\nA: b\r\n\r\n");
	begin();
	results_content(&authres, buf_slice(&b));
	results_end(&authres);
	is(buf_slice(&out), SL("A: b\r\n\r\n"),
	    "H167 a field with 2,000 blanks before the colon is removed");
	return tap_done();
}
