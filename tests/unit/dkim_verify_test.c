// SPDX-License-Identifier: ISC
/* Parts of a verifier without keys: tags, fields, records. */
#include "auth/dkim_message.h"
#include "auth/tags.h"
#include "tests/lib/tap.h"

#define HASH "bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define GOOD "v=1; a=rsa-sha256; d=d.example; s=s; h=From:To; b=AAAA; " HASH

static void
test_tags(void)
{
	static const struct {
		const char *name;
		struct slice list, value;	/* of the tag a */
		bool valid;
	} cases[] = {
		{ "one tag", S("a=1"), S("1"), true },
		{ "a semicolon at the end", S("a=1;"), S("1"), true },
		{ "blanks and folds", S(" b = 2 ;\r\n\ta =\r\n 1 2 \r\n; "), S("1 2"), true },
		{ "an empty value", S("a=; b=2"), S(""), true },
		{ "an equals sign in a value", S("a=1==; b=2"), S("1=="), true },
		{ "twice", S("a=1; a=2"), S("1"), false },
		{ "no equals sign", S("a"), S(""), false },
		{ "no name", S("=1; a=2"), S(""), false },
		{ "two semicolons", S("b=1;; a=1"), S(""), false },
		{ "an empty list", S(" \r\n "), S(""), false },
		{ "a name that begins with a digit", S("1=a"), S(""), false },
		{ "names have case", S("A=2; a=1"), S("1"), true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(tags_valid(cases[i].list) == cases[i].valid &&
		    (!cases[i].value.n || slice_eq(tags_find(cases[i].list, SL("a")),
			cases[i].value)), "tags: %s", cases[i].name);
	ok(tags_has_word(SL("x : sha256:y"), ':', SL("SHA256")), "a word in a list");
	ok(!tags_has_word(SL("x:sha25"), ':', SL("sha256")), "no such word");
}

static void
test_signature(void)
{
	static const struct {
		const char *name;
		struct slice body;
		enum dkim_result result;
	} cases[] = {
		{ "a good one", S(GOOD), DKIM_PENDING },
		{ "simple, with a limit", S(GOOD "; c=simple; l=5"), DKIM_PENDING },
		{ "an identity in a subdomain", S(GOOD "; i=a@sub.D.example"), DKIM_PENDING },
		{ "an identity beside the domain", S(GOOD "; i=@xd.example"), DKIM_PERMERROR },
		{ "it expires in this second", S(GOOD "; x=1000"), DKIM_PENDING },
		{ "it expired a second ago", S(GOOD "; x=999"), DKIM_POLICY },
		{ "it expires before it begins", S(GOOD "; t=2000; x=2000"), DKIM_PERMERROR },
		{ "a time in the future", S(GOOD "; t=999999"), DKIM_PENDING },
		{ "a time that is no number", S(GOOD "; t=1x"), DKIM_NEUTRAL },
		{ "Ed25519", S("v=1; a=ed25519-sha256; d=d.example; s=s; h=from; b=AAAA; " HASH),
		    DKIM_PENDING },
		{ "SHA-1", S("v=1; a=rsa-sha1; d=d.example; s=s; h=from; b=AAAA; " HASH),
		    DKIM_POLICY },
		{ "From is not signed", S("v=1; a=rsa-sha256; d=d.example; s=s; h=to; b=AAAA; "
		    HASH), DKIM_PERMERROR },
		{ "no domain", S("v=1; a=rsa-sha256; s=s; h=from; b=AAAA; " HASH), DKIM_NEUTRAL },
		{ "no signature", S("v=1; a=rsa-sha256; d=d.example; s=s; h=from; " HASH),
		    DKIM_NEUTRAL },
		{ "a short hash", S("v=1; a=rsa-sha256; d=d.example; s=s; h=from; b=AAAA; "
		    "bh=AAAA"), DKIM_NEUTRAL },
		{ "no version", S("a=rsa-sha256; d=d.example; s=s; h=from; b=AAAA; " HASH),
		    DKIM_NEUTRAL },
		{ "empty", S(""), DKIM_NEUTRAL },
	};
	struct dkim_signature s;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		dkim_signature_read(&s, cases[i].body, 1000);
		ok(s.result == cases[i].result && !s.why == (s.result == DKIM_PENDING),
		    "signature: %s", cases[i].name);
	}
}

/* Fields a: and b: many times, and the names of h=. */
static void
test_limits(void)
{
	static struct dkim_message m;
	static char names[4 * DKIM_SIGNED_NAMES + 400];

	for (size_t n = DKIM_SIGNED_NAMES; n <= DKIM_SIGNED_NAMES + 1; n++) {
		struct buf b = BUF(names);
		struct dkim_signature s;

		buf_str(&b, "v=1; a=rsa-sha256; d=d.example; s=s; b=AAAA; " HASH "; h=from");
		for (size_t i = 1; i < n; i++)
			buf_str(&b, ":a");
		dkim_signature_read(&s, buf_slice(&b), 0);
		ok(s.result == (n > DKIM_SIGNED_NAMES ? DKIM_POLICY : DKIM_PENDING),
		    "%zu names in h=", n);
	}
	dkim_message_begin(&m);
	for (size_t i = 0; i < DKIM_HEADER_FIELDS; i++)
		dkim_message_field(&m, SL("a"), SL(" 1"));
	ok(!m.overflow && m.nfields == DKIM_HEADER_FIELDS, "%d fields", DKIM_HEADER_FIELDS);
	dkim_message_field(&m, SL("a"), SL(" 1"));
	ok(m.overflow, "one field more");
	dkim_message_begin(&m);
	{
		static char value[DKIM_HEADER_OCTETS];

		memset(value, 'x', sizeof value);
		dkim_message_field(&m, SL("a"), slice_of(value, sizeof value - 2));
		ok(!m.overflow && m.nfields == 1, "a header section of %d octets",
		    DKIM_HEADER_OCTETS);
		dkim_message_begin(&m);
		dkim_message_field(&m, SL("a"), slice_of(value, sizeof value - 1));
		ok(m.overflow && m.nfields == 0, "one octet more");
	}
}

int
main(void)
{
	test_tags();
	test_signature();
	test_limits();
	return tap_done();
}
