// SPDX-License-Identifier: ISC
/*
 * message/dkim: the canonical forms, the choice of fields, and the text of the field.
 */
#include "message/dkim.h"

#include "base/base64.h"
#include "base/digest.h"
#include "base/sign.h"
#include "base/hash.h"
#include "tests/lib/tap.h"

static char space[20000];
static struct buf out = BUF(space);

static void
collect(void *ctx, struct slice octets)
{
	buf_add(ctx, octets);
}

static const struct dkim_sink sink = { collect, &out };

static const struct {
	const char *name;
	struct slice in, want;
} bodies[] = {
	{ "no octets", S(""), S("") },
	{ "an empty line", S("\r\n"), S("") },
	{ "empty lines only", S("\r\n\r\n\r\n"), S("") },
	{ "lines of blanks only", S(" \r\n\t \r\n"), S("") },
	{ "blanks without a line end", S("  "), S("") },
	{ "RFC 6376 section 3.4.5", S(" C \r\nD \t E\r\n\r\n\r\n"), S(" C\r\nD E\r\n") },
	{ "no final CRLF", S("a\r\nb"), S("a\r\nb\r\n") },
	{ "no final CRLF behind blanks", S("a \t"), S("a\r\n") },
	{ "empty lines in the middle", S("a\r\n\r\n \r\nb\r\n"), S("a\r\n\r\n\r\nb\r\n") },
	{ "dots", S(".\r\n..\r\n"), S(".\r\n..\r\n") },
	{ "a form feed is no blank", S("a\f\r\n\f\r\n"), S("a\f\r\n\f\r\n") },
	{ "octets above 127", S("\xc3\xa4\xa0 \r\n"), S("\xc3\xa4\xa0\r\n") },
	{ "bare CR and LF stay", S("a \rb\nc\r\r\nd \n\r\n"), S("a \rb\nc\r\r\nd \n\r\n") },
	{ "a CR at the end", S("a\r"), S("a\r\r\n") },
	{ "a NUL", S("a\0 b"), S("a\0 b\r\n") },
};

static void
test_bodies(void)
{
	struct dkim_body b;

	for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
		bool good = true;

		/* In pieces of each size. */
		for (size_t n = 1; n <= 20; n++) {
			struct slice rest = bodies[i].in;

			out.n = 0;
			dkim_body_begin(&b, &sink);
			while (rest.n) {
				dkim_body_take(&b, slice_of(rest.p, rest.n < n ? rest.n : n));
				rest = slice_skip(rest, rest.n < n ? rest.n : n);
			}
			dkim_body_end(&b);
			good = good && slice_eq(buf_slice(&out), bodies[i].want);
		}
		ok(good, "body: %s", bodies[i].name);
	}
}

/* A million empty lines cost no memory, and are put if a line follows. */
static void
count(void *ctx, struct slice octets)
{
	*(size_t *)ctx += octets.n;
}

static void
test_empty_lines(void)
{
	size_t n = 0;
	const struct dkim_sink counter = { count, &n };
	struct dkim_body b;

	dkim_body_begin(&b, &counter);
	for (size_t i = 0; i < 1000000; i++)
		dkim_body_take(&b, SL("\r\n"));
	ok(n == 0, "body: empty lines wait");
	dkim_body_take(&b, SL("x"));
	dkim_body_end(&b);
	ok(n == 2000003, "body: empty lines in front of a line count");
}

static const struct {
	const char *name;
	struct slice in, body, want;
} fields[] = {
	{ "RFC 6376 section 3.4.5, A", S("A"), S(" X\r\n"), S("a:X\r\n") },
	{ "RFC 6376 section 3.4.5, B", S("B"), S(" Y\t\r\n\tZ  \r\n"), S("b:Y Z\r\n") },
	{ "an empty value", S("Subject"), S("\r\n"), S("subject:\r\n") },
	{ "a value that begins on the next line", S("To"), S("\r\n a@b\r\n"), S("to:a@b\r\n") },
	{ "a line of blanks", S("To"), S(" a\r\n \t\r\n b\r\n"), S("to:a b\r\n") },
	{ "no line end", S("To"), S("a  b"), S("to:a b\r\n") },
	{ "a form feed", S("X"), S(" a\f \r\n"), S("x:a\f\r\n") },
};

static void
test_fields(void)
{
	for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
		out.n = 0;
		dkim_field(fields[i].in, fields[i].body, &sink);
		ok(slice_eq(buf_slice(&out), fields[i].want), "field: %s", fields[i].name);
	}
}

static const struct {
	const char *name, *section, *author;	/* author NULL: cannot be signed */
} headers[] = {
	{ "an address", "From: anna@example.org\r\n", "example.org" },
	{ "a name", "From: \"b@c\" <anna@EXAMPLE.org>\r\n", "EXAMPLE.org" },
	{ "a comment", "From: anna@example.org (x@y)\r\n", "example.org" },
	{ "two of one domain", "From: a@example.org, b@Example.ORG\r\n", "Example.ORG" },
	{ "two domains", "From: a@example.org, b@example.com\r\n", "" },
	{ "a group without members", "From: nobody:;\r\n", "" },
	{ "no domain", "From: anna\r\n", "" },
	{ "no From", "To: anna@example.org\r\n", NULL },
	{ "two From", "From: a@example.org\r\nFROM : b@example.org\r\n", NULL },
	{ "no field", "From: a@example.org\r\nhello\r\n", NULL },
	{ "a line of a mailbox file", "From x\r\nFrom: a@example.org\r\n", NULL },
	{ "a field nine times", "From: a@b\r\nTo:\r\nTo:\r\nTo:\r\nTo:\r\nTo:\r\nTo:\r\nTo:\r\n"
	  "To:\r\nTo:\r\n", NULL },
};

static void
test_headers(void)
{
	static struct dkim_header h;

	for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
		const char *why = dkim_header(slice_str(headers[i].section), &h);

		out.n = 0;
		ok(!why == (headers[i].author != NULL) && (why ||
		    slice_eq(dkim_author(&h, &out), slice_str(headers[i].author))),
		    "header: %s", headers[i].name);
	}
}

static void
test_order(void)
{
	static struct dkim_header h;

	(void)dkim_header(SL("To: 1\r\nReceived: x\r\nFROM: a\r\nto : 2\r\nList-Id: z\r\n"), &h);
	out.n = 0;
	dkim_header_put(&h, &sink);
	ok(slice_eq(buf_slice(&out), SL("from:a\r\nto:2\r\nto:1\r\nlist-id:z\r\n")),
	    "fields of one name count from the last one, and Received is not signed");
}

static void
test_text(void)
{
	static struct dkim_header h;
	const struct dkim_tags tags = {
		"rsa-sha256", SL("example.org"), SL("s1"), 1234567890, SL("hash"),
	};
	char signature[256];
	struct slice text;
	size_t longest = 0, line = 0;

	memset(signature, 'x', sizeof signature);
	(void)dkim_header(SL("From: a@b\r\nTo: 1\r\nList-Id: z\r\n"), &h);
	out.n = 0;
	dkim_sign_begin(&out, &tags, &h);
	ok(slice_eq(buf_slice(&out), SL(
	    "DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; t=1234567890;\r\n"
	    "\td=example.org;\r\n\ts=s1;\r\n"
	    "\th=from:from:to:to:cc:subject:date:message-id:reply-to:mime-version:\r\n"
	    "\tcontent-type:content-transfer-encoding:content-disposition:\r\n"
	    "\tcontent-id:content-description:content-language:list-id;\r\n"
	    "\tbh=aGFzaA==;\r\n\tb=")), "the field: each name once more than it occurs");
	dkim_sign_end(&out, slice_of(signature, sizeof signature));
	text = buf_slice(&out);
	for (size_t i = 0; i < text.n; i++) {
		line = text.p[i] == '\n' ? 0 : line + 1;
		longest = line > longest ? line : longest;
	}
	ok(longest <= 78 && dkim_fields_valid(text), "the field: lines of 78 octets at most");
	out.n = 0;
	dkim_sign_put(SL("DKIM-Signature: v=1;\r\n\tb="), &sink);
	ok(slice_eq(buf_slice(&out), SL("dkim-signature:v=1; b=")), "the field is signed itself");
}

static void
test_valid(void)
{
	static const char *const bad[] = {
		"", "DKIM-Signature: a", "DKIM-Signature: a\n", "\ta\r\n", "Bcc: x\r\n",
		"DKIM-Signature: a\r\nBcc: x\r\n", "DKIM-Signature: a\r\n\r\n",
		"DKIM-Signature: \xc3\xa4\r\n", "DKIM-Signature: a\rb\r\n",
		"DKIM-Signature: a\r\n.\r\n",
	};

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		ok(!dkim_fields_valid(slice_str(bad[i])), "bad octets of a signer, %zu", i);
}

/* RFC 8463 appendix A: its key and its message. */
#define ED_KEY "-----BEGIN PRIVATE KEY-----\n" \
	"MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n" \
	"-----END PRIVATE KEY-----\n"

static void
add(void *ctx, struct slice octets)
{
	digest_add(ctx, octets);
}

static void
test_rfc8463(void)
{
	struct digest *d = digest_new();
	const struct dkim_sink hash = { add, d };
	char result[DIGEST_OCTETS], text[200], why_space[200], public[200];
	struct buf b = BUF(text), why = BUF(why_space), p = BUF(public);
	struct sign_key *k = sign_key_read(SL(ED_KEY), &why);
	struct dkim_body body;

	dkim_body_begin(&body, &hash);
	dkim_body_take(&body, SL("Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\n"
	    "Joe.\r\n\r\n"));
	dkim_body_end(&body);
	ok(digest_end(d, result), "a digest");
	base64_encode(&b, slice_of(result, sizeof result));
	ok(slice_eq(buf_slice(&b), SL("2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=")),
	    "RFC 8463: the hash of the body");
	ok(k && sign_key_kind(k) == SIGN_ED25519 && sign_key_public(k, &p), "its key");
	b.n = 0;
	base64_encode(&b, buf_slice(&p));
	ok(slice_eq(buf_slice(&b), SL("11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=")),
	    "RFC 8463: the public key");
	b.n = 0;
	ok(k && sign_digest(k, slice_of(result, sizeof result), &b) && b.n == 64, "a signature");
	sign_key_free(k);
	digest_free(d);
}

static void
test_keys(void)
{
	static char pem[SIGN_PEM_MAX], why_space[200], signature[SIGN_SIGNATURE_MAX], public[2000];
	struct buf b = BUF(pem), why = BUF(why_space), s = BUF(signature), p = BUF(public);
	struct sign_key *made = sign_key_make(SIGN_RSA), *k;
	char digest[DIGEST_OCTETS] = "";

	ok(made && sign_key_write(made, &b), "an RSA key is made");
	k = sign_key_read(buf_slice(&b), &why);
	ok(k && sign_key_kind(k) == SIGN_RSA, "it is read back");
	ok(k && sign_digest(k, slice_of(digest, sizeof digest), &s) && s.n == 256, "it signs");
	ok(k && sign_key_public(k, &p) && p.n == 294, "it has a public key");
	ok(!sign_key_read(SL("hello\n"), &why) && why.n, "other text is no key");
	sign_key_free(k);
	sign_key_free(made);
}

static void
add_to_sum(void *ctx, struct slice octets)
{
	*(uint64_t *)ctx = hash_slice(*(uint64_t *)ctx, octets);
}

/* Blanks, line ends and others in all orders: many octets at once, and each alone. */
static void
test_many_octets(void)
{
	static const char octets[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab \t\r\n\r\n";
	static char text[100000];
	uint64_t random = 1, sums[2];

	for (int simple = 0; simple < 2; simple++) {
		for (size_t i = 0; i < sizeof text; i++) {
			random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
			text[i] = octets[(random >> 33) % (sizeof octets - 1)];
			if (i && text[i - 1] == '\r' && random >> 62)
				text[i] = '\n';
		}
		for (size_t k = 0; k < 2; k++) {
			const struct dkim_sink adder = { add_to_sum, &sums[k] };
			struct slice rest = slice_of(text, sizeof text);
			struct dkim_body b;

			sums[k] = HASH_START;
			dkim_body_begin(&b, &adder);
			b.simple = simple;
			for (; rest.n; rest = slice_skip(rest, k ? 1 : 4000))
				dkim_body_take(&b, slice_of(rest.p, k ? 1 :
				    rest.n < 4000 ? rest.n : 4000));
			dkim_body_end(&b);
		}
		ok(sums[0] == sums[1], "%s: many octets at once", simple ? "simple" : "relaxed");
	}
}

int
main(void)
{
	test_many_octets();
	test_bodies();
	test_empty_lines();
	test_fields();
	test_headers();
	test_order();
	test_text();
	test_valid();
	test_rfc8463();
	test_keys();
	return tap_done();
}
