// SPDX-License-Identifier: ISC
/*
 * Paths, domains and literals: one table for each function of smtp/address.h.
 */
#include "smtp/address.h"

#include "tests/lib/tap.h"

#define L8   "abcdefgh"
#define L56  L8 L8 L8 L8 L8 L8 L8
#define L64  L56 L8
#define L512 L64 L64 L64 L64 L64 L64 L64 L64
#define LMAX L512 L512
#define D63  L56 "abcdefg"
#define D255 D63 "." D63 "." D63 "." D63

enum {
	TOL = SMTP_PATH_TOLERANT,
	NUL = SMTP_PATH_NULL,
	PM = SMTP_PATH_NO_DOMAIN,
	LOC = SMTP_PATH_LOCAL_ONLY,
};

static const struct good {
	const char *name, *in;
	unsigned flags;
	const char *path, *domain;
	const char *rest;		/* what follows the path; NULL: nothing */
} good[] = {
	{ .name = "H039 a plain path",
	  .in = "<a@b.example>", .path = "a@b.example", .domain = "b.example" },
	{ .name = "H040 the null path",
	  .in = "<>", .flags = NUL, .path = "", .domain = "" },
	{ .name = "H041 case is kept",
	  .in = "<Smith@B.example>", .path = "Smith@B.example", .domain = "B.example" },
	{ .name = "a parameter keeps its blank",
	  .in = "<a@b> SIZE=1", .path = "a@b", .domain = "b", .rest = " SIZE=1" },
	{ .name = "a path ends at its bracket, blank or not",
	  .in = "<a@b>SIZE", .path = "a@b", .domain = "b", .rest = "SIZE" },
	{ .name = "the null path and parameters",
	  .in = "<> SIZE=1", .flags = NUL, .path = "", .domain = "", .rest = " SIZE=1" },
	{ .name = "H043 blanks before the path, tolerant",
	  .in = " \t<a@b>", .flags = TOL, .path = "a@b", .domain = "b" },
	{ .name = "H044 no brackets, tolerant",
	  .in = "a@b.example", .flags = TOL, .path = "a@b.example", .domain = "b.example" },
	{ .name = "no brackets, with parameters",
	  .in = "a@b SIZE=1", .flags = TOL, .path = "a@b", .domain = "b", .rest = " SIZE=1" },
	{ .name = "H045 source route is dropped",
	  .in = "<@x,@y:u@d.example>", .path = "u@d.example", .domain = "d.example" },
	{ .name = "H063 source route of a recipient",
	  .in = "<@hosta.int,@jkl.org:userc@d.example>", .flags = PM, .path = "userc@d.example",
	  .domain = "d.example" },
	{ .name = "source route before a quoted local part",
	  .in = "<@x:\"a@b\"@c>", .path = "\"a@b\"@c", .domain = "c" },
	{ .name = "H046 local part of 64 octets",
	  .in = "<" L64 "@b>", .path = L64 "@b", .domain = "b" },
	{ .name = "H046 path of 256 octets",
	  .in = "<" L64 "@" D63 "." D63 "." L56 "abcde>",
	  .path = L64 "@" D63 "." D63 "." L56 "abcde", .domain = D63 "." D63 "." L56 "abcde" },
	{ .name = "two dots", .in = "<a..b@c>", .flags = TOL, .path = "\"a..b\"@c", .domain = "c" },
	{ .name = "a dot at the end", .in = "<a.@c>", .flags = TOL, .path = "\"a.\"@c",
	  .domain = "c" },
	{ .name = "a dot at the start", .in = ".a@c", .flags = TOL, .path = "\".a\"@c",
	  .domain = "c" },
	{ .name = "dots all over", .in = "<...a..b..@c>", .flags = TOL,
	  .path = "\"...a..b..\"@c", .domain = "c" },
	{ .name = "one dot alone", .in = "<.@c>", .flags = TOL, .path = "\".\"@c", .domain = "c" },
	{ .name = "two dots alone, behind a source route", .in = "<@x:..@c>", .flags = TOL,
	  .path = "\"..\"@c", .domain = "c" },
	{ .name = "a dot alone, no brackets", .in = ".@c X=1", .flags = TOL, .path = "\".\"@c",
	  .domain = "c", .rest = " X=1" },
	{ .name = "a dot alone without a domain", .in = "<.>", .flags = TOL | LOC,
	  .path = "\".\"", .domain = "" },
	{ .name = "blanks inside the brackets", .in = "< \ta@b \t>", .flags = TOL, .path = "a@b",
	  .domain = "b" },
	{ .name = "blanks and a source route", .in = "< @x:a@b >", .flags = TOL, .path = "a@b",
	  .domain = "b" },
	{ .name = "a blank null path", .in = "< >", .flags = TOL | NUL, .path = "",
	  .domain = "" },
	{ .name = "local part of 1024 octets, which is the most",
	  .in = "<" LMAX "@b>", .path = LMAX "@b", .domain = "b" },
	{ .name = "the longest path",
	  .in = "<" LMAX "@" D255 ">", .path = LMAX "@" D255, .domain = D255 },
	{ .name = "1024 octets are counted without quotes and backslashes",
	  .in = "<\"\\a\\b\\c\\d\\e\\f\\g\\h" L512 L64 L64 L64 L64 L64 L64 L64 L56 "\"@b>",
	  .path = LMAX "@b", .domain = "b" },
	{ .name = "64 octets are counted without quotes and backslashes",
	  .in = "<\"\\a\\b\\c\\d\\e\\f\\g\\h" L56 "\"@b>", .path = L64 "@b", .domain = "b" },
	{ .name = "H047 a needless backslash",
	  .in = "<\"Joe\\,Smith\"@b.example>", .path = "\"Joe,Smith\"@b.example",
	  .domain = "b.example" },
	{ .name = "H047 the same without it",
	  .in = "<\"Joe,Smith\"@b.example>", .path = "\"Joe,Smith\"@b.example",
	  .domain = "b.example" },
	{ .name = "H047 @ in quotes",
	  .in = "<\"a@b\"@c.example>", .path = "\"a@b\"@c.example", .domain = "c.example" },
	{ .name = "H047 > in quotes",
	  .in = "<\"x>y\"@c.example>", .path = "\"x>y\"@c.example", .domain = "c.example" },
	{ .name = "needless quotes go",
	  .in = "<\"a.b\"@c>", .path = "a.b@c", .domain = "c" },
	{ .name = "quotes that the dots need stay",
	  .in = "<\"a..b\"@c>", .path = "\"a..b\"@c", .domain = "c" },
	{ .name = "escaped quote and backslash",
	  .in = "<\"a\\\"b\\\\c\"@d>", .path = "\"a\\\"b\\\\c\"@d", .domain = "d" },
	{ .name = "an empty quoted local part",
	  .in = "<\"\"@c>", .path = "\"\"@c", .domain = "c" },
	{ .name = "blank in quotes",
	  .in = "<\"a b\"@c>", .path = "\"a b\"@c", .domain = "c" },
	{ .name = "blank in quotes, no brackets",
	  .in = "\"a b\"@c X=1", .flags = TOL, .path = "\"a b\"@c", .domain = "c", .rest = " X=1" },
	{ .name = "all of atext",
	  .in = "<!#$%&'*+-/=?^_`{|}~@c>", .path = "!#$%&'*+-/=?^_`{|}~@c", .domain = "c" },
	{ .name = "H048 IPv4 literal",
	  .in = "<u@[192.0.2.1]>", .path = "u@[192.0.2.1]", .domain = "[192.0.2.1]" },
	{ .name = "H048 IPv6 literal",
	  .in = "<u@[IPv6:::1]>", .path = "u@[IPv6:::1]", .domain = "[IPv6:::1]" },
	{ .name = "H060 Postmaster",
	  .in = "<Postmaster>", .flags = PM, .path = "Postmaster", .domain = "" },
	{ .name = "H060 postmaster",
	  .in = "<postmaster>", .flags = PM, .path = "postmaster", .domain = "" },
	{ .name = "H060 POSTMASTER",
	  .in = "<POSTMASTER>", .flags = PM, .path = "POSTMASTER", .domain = "" },
	{ .name = "H064 percent belongs to the local part",
	  .in = "<user%evil.example@local>", .path = "user%evil.example@local", .domain = "local" },
	{ .name = "H064 quoted @ belongs to the local part",
	  .in = "<\"user@evil.example\"@local>", .path = "\"user@evil.example\"@local",
	  .domain = "local" },
	{ .name = "H064 ! belongs to the local part",
	  .in = "<evil.example!user@local>", .path = "evil.example!user@local", .domain = "local" },
	{ .name = "a local part alone, to verify",
	  .in = "joe", .flags = TOL | LOC, .path = "joe", .domain = "" },
	{ .name = "a local part alone in brackets",
	  .in = "<joe>", .flags = LOC, .path = "joe", .domain = "" },
	{ .name = "underscore in a domain, tolerant",
	  .in = "<a@b_c.example>", .flags = TOL, .path = "a@b_c.example", .domain = "b_c.example" },
	{ .name = "UTF-8 on both sides",
	  .in = "<\xc3\xbc@\xe4\xbe\x8b.example>", .path = "\xc3\xbc@\xe4\xbe\x8b.example",
	  .domain = "\xe4\xbe\x8b.example" },
	{ .name = "UTF-8 of four octets",
	  .in = "<\xf0\x9f\x93\xa7@b>", .path = "\xf0\x9f\x93\xa7@b", .domain = "b" },
	{ .name = "digits only", .in = "<1@2.3>", .path = "1@2.3", .domain = "2.3" },
};

static const struct bad {
	const char *name;
	struct slice in;
	unsigned flags;
	enum smtp_path_result want;
} bad[] = {
	{ "nothing", S(""), TOL | NUL | PM | LOC, SMTP_PATH_SYNTAX },
	{ "blanks only", S("  "), TOL, SMTP_PATH_SYNTAX },
	{ "H043 blank before the path, strict", S(" <a@b>"), 0, SMTP_PATH_SYNTAX },
	{ "H044 no brackets, strict", S("a@b"), 0, SMTP_PATH_SYNTAX },
	{ "H044 unbalanced left, strict", S("<a@b"), 0, SMTP_PATH_SYNTAX },
	{ "H044 unbalanced left, tolerant", S("<a@b"), TOL, SMTP_PATH_SYNTAX },
	{ "H044 unbalanced right, strict", S("a@b>"), 0, SMTP_PATH_SYNTAX },
	{ "H044 unbalanced right, tolerant", S("a@b>"), TOL, SMTP_PATH_SYNTAX },
	{ "two left brackets", S("<<a@b>>"), TOL, SMTP_PATH_SYNTAX },
	{ "H062 the null path as a recipient", S("<>"), TOL | PM, SMTP_PATH_SYNTAX },
	{ "blank null path", S("< >"), NUL, SMTP_PATH_SYNTAX },
	{ "blank where no null path is right", S("< >"), TOL, SMTP_PATH_SYNTAX },
	{ "a blank behind the bracket", S("< a@b>"), 0, SMTP_PATH_SYNTAX },
	{ "a blank inside the address", S("<a @b>"), TOL, SMTP_PATH_SYNTAX },
	{ "a blank inside the local part", S("< a b@c>"), TOL, SMTP_PATH_SYNTAX },
	{ "nothing but dots, strict", S("<..@c>"), 0, SMTP_PATH_SYNTAX },
	{ "one dot, strict", S("<.@c>"), 0, SMTP_PATH_SYNTAX },
	{ "a dot that needs a domain", S("<.>"), TOL | PM, SMTP_PATH_SYNTAX },
	{ "no local part at all", S("<@c>"), TOL, SMTP_PATH_SYNTAX },
	{ "a dot at the end", S("<a.@c>"), 0, SMTP_PATH_SYNTAX },
	{ "a dot at the start", S("<.a@c>"), 0, SMTP_PATH_SYNTAX },
	{ "two dots in a domain", S("<a@b..c>"), TOL, SMTP_PATH_SYNTAX },
	{ "H046 local part of 1025 octets", S("<" LMAX "x@b>"), 0, SMTP_PATH_LOCAL_LONG },
	{ "quoted local part of 1025 octets", S("<\"" LMAX "x\"@b>"), 0, SMTP_PATH_LOCAL_LONG },
	{ "a local part that needs quotes is too long with them",
	  S("<" LMAX ".@b>"), TOL, SMTP_PATH_LOCAL_LONG },
	{ "H046 domain of 256 octets", S("<a@" D255 "x>"), 0, SMTP_PATH_DOMAIN_LONG },
	{ "H046 path made long by its source route", S("<@" D255 ",@" D255 ",@" D255 ",@" D255
	    ",@" D255 ",@" D255 ",@" D255 ",@" D255 ":a@b>"), 0, SMTP_PATH_LONG },
	{ "H048 256 in an IPv4 literal", S("<u@[256.1.1.1]>"), 0, SMTP_PATH_SYNTAX },
	{ "H048 two gaps in an IPv6 literal", S("<u@[IPv6:1::2::3]>"), 0, SMTP_PATH_SYNTAX },
	{ "literal without its end", S("<u@[192.0.2.1>"), 0, SMTP_PATH_SYNTAX },
	{ "H049 control character in a local part", S("<a\x01" "b@c>"), 0, SMTP_PATH_CONTROL },
	{ "H049 NUL in a local part", S("<a\0b@c>"), 0, SMTP_PATH_CONTROL },
	{ "H049 NUL in quotes", S("<\"a\0b\"@c>"), 0, SMTP_PATH_CONTROL },
	{ "H049 DEL in a domain", S("<a@b\x7f>"), 0, SMTP_PATH_CONTROL },
	{ "H049 CR in a domain", S("<a@b\rc>"), 0, SMTP_PATH_CONTROL },
	{ "H049 LF in a literal", S("<a@[1.2.3.4\n]>"), 0, SMTP_PATH_CONTROL },
	{ "H049 tab in quotes", S("<\"a\tb\"@c>"), 0, SMTP_PATH_CONTROL },
	{ "no domain", S("<a>"), PM, SMTP_PATH_SYNTAX },
	{ "postmaster where a domain is needed", S("<postmaster>"), NUL, SMTP_PATH_SYNTAX },
	{ "empty domain", S("<a@>"), PM, SMTP_PATH_SYNTAX },
	{ "empty local part", S("<@>"), PM, SMTP_PATH_SYNTAX },
	{ "only an @ and a domain", S("<@b>"), PM, SMTP_PATH_SYNTAX },
	{ "two @", S("<a@b@c>"), 0, SMTP_PATH_SYNTAX },
	{ "leading dot", S("<.a@b>"), 0, SMTP_PATH_SYNTAX },
	{ "trailing dot", S("<a.@b>"), 0, SMTP_PATH_SYNTAX },
	{ "two dots", S("<a..b@c>"), 0, SMTP_PATH_SYNTAX },
	{ "domain with an empty label", S("<a@b..c>"), TOL, SMTP_PATH_SYNTAX },
	{ "domain that begins with a dot", S("<a@.b>"), TOL, SMTP_PATH_SYNTAX },
	{ "domain that ends in a dot", S("<a@b.>"), TOL, SMTP_PATH_SYNTAX },
	{ "label of 64 octets", S("<a@" L64 ">"), 0, SMTP_PATH_SYNTAX },
	{ "label that begins with a hyphen", S("<a@-b>"), 0, SMTP_PATH_SYNTAX },
	{ "label that ends in a hyphen", S("<a@b-.c>"), 0, SMTP_PATH_SYNTAX },
	{ "underscore in a domain, strict", S("<a@b_c>"), 0, SMTP_PATH_SYNTAX },
	{ "quote that does not end", S("<\"a@b>"), 0, SMTP_PATH_SYNTAX },
	{ "quote that ends in a backslash", S("<\"a\\"), 0, SMTP_PATH_SYNTAX },
	{ "text after a quoted string", S("<\"a\"b@c>"), 0, SMTP_PATH_SYNTAX },
	{ "blank in a local part", S("<a b@c>"), TOL, SMTP_PATH_SYNTAX },
	{ "blank before the end", S("<a@b >"), 0, SMTP_PATH_SYNTAX },
	{ "source route without a mailbox", S("<@x:>"), 0, SMTP_PATH_SYNTAX },
	{ "source route without a colon", S("<@x,@y>"), 0, SMTP_PATH_SYNTAX },
	{ "source route with an empty hop", S("<@x,:a@b>"), 0, SMTP_PATH_SYNTAX },
	{ "source route without brackets", S("@x:a@b"), TOL, SMTP_PATH_SYNTAX },
	{ "Latin-1", S("<\xfc@b>"), 0, SMTP_PATH_SYNTAX },
	{ "overlong UTF-8", S("<\xc0\xafz@b>"), 0, SMTP_PATH_SYNTAX },
	{ "a surrogate", S("<\xed\xa0\x80@b>"), 0, SMTP_PATH_SYNTAX },
	{ "beyond Unicode", S("<\xf4\x90\x80\x80@b>"), 0, SMTP_PATH_SYNTAX },
	{ "cut UTF-8", S("<\xe4\xbe@b>"), 0, SMTP_PATH_SYNTAX },
	{ "a C1 control", S("<\xc2\x85@b>"), 0, SMTP_PATH_SYNTAX },
	{ "malformed UTF-8 in a domain", S("<a@\xe4\xbe>"), 0, SMTP_PATH_SYNTAX },
};

static void
test_good(void)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		const struct good *g = &good[i];
		struct smtp_path p;
		struct slice rest;
		enum smtp_path_result r = smtp_path_parse(slice_str(g->in), g->flags, &p, &rest);

		if (!ok(r == SMTP_PATH_OK, "%s", g->name))
			continue;
		is(smtp_path_text(&p), slice_str(g->path), g->name);
		is(smtp_path_domain(&p), slice_str(g->domain), "its domain");
		is(rest, slice_str(g->rest ? g->rest : ""), "its rest");
		ok(p.text[p.n] == '\0', "it is also a C string");
	}
}

static void
test_bad(void)
{
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct smtp_path p = { .n = 7 };
		struct slice rest = SL("untouched");
		enum smtp_path_result r = smtp_path_parse(bad[i].in, bad[i].flags, &p, &rest);

		ok(r == bad[i].want, "%s (%d)", bad[i].name, (int)r);
		ok(p.n == 7 && slice_eq(rest, SL("untouched")), "outputs are left alone");
	}
}

/* A parsed path is canonical: parsing its text again changes nothing. */
static void
test_stable(void)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		char space[SMTP_PATH_TEXT + 2];
		struct buf b = BUF(space);
		struct smtp_path p, again;
		struct slice rest;

		(void)smtp_path_parse(slice_str(good[i].in), good[i].flags, &p, &rest);
		buf_chr(&b, '<');
		buf_add(&b, smtp_path_text(&p));
		buf_chr(&b, '>');
		ok(smtp_path_parse(buf_slice(&b), good[i].flags, &again, &rest) == SMTP_PATH_OK &&
		    slice_eq(smtp_path_text(&again), smtp_path_text(&p)) &&
		    again.local_n == p.local_n && again.utf8 == p.utf8,
		    "canonical: %s", good[i].name);
	}
}

static void
test_unquote(void)
{
	static const struct { struct slice local, want; } cases[] = {
		{ S("joe"), S("joe") },
		{ S("\"Joe,Smith\""), S("Joe,Smith") },
		{ S("\"a\\\"b\\\\c\""), S("a\"b\\c") },
		{ S("\"\""), S("") },
		{ S("\"\\\\\""), S("\\") },
		{ S("a\"b"), S("a\"b") },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char space[SMTP_LOCAL_MAX];
		struct buf b = BUF(space);

		smtp_local_unquote(cases[i].local, &b);
		is(buf_slice(&b), cases[i].want, cases[i].local.p);
	}
}

static const struct names_case {
	const char *address, *names;
	char delimiter;
} names_cases[] = {
	{ "joe@b", "joe@b joe", 0 },
	{ "joe+x@b", "joe+x@b joe+x", 0 },
	{ "joe+x@b", "joe+x@b joe+x joe@b joe", '+' },
	{ "joe+x+y@b", "joe+x+y@b joe+x+y joe@b joe", '+' },
	{ "joe+@b", "joe+@b joe+ joe@b joe", '+' },
	{ "+x@b", "+x@b +x", '+' },
	{ "joe@b-c", "joe@b-c joe", '-' },
	{ "Joe-X@B", "Joe-X@B Joe-X Joe@B Joe", '-' },
	{ "\"j e+x\"@b", "\"j e+x\"@b \"j e+x\" \"j e\"@b \"j e\"", '+' },
	{ "\"joe+(\"@b", "\"joe+(\"@b \"joe+(\" joe@b joe", '+' },
	{ "\"+(\"@b", "\"+(\"@b \"+(\"", '+' },
	{ "\"a@b+c\"@d", "\"a@b+c\"@d \"a@b+c\" \"a@b\"@d \"a@b\"", '+' },
	{ "a.+x@b", "a.+x@b a.+x \"a.\"@b \"a.\"", '+' },
	{ "postmaster", "postmaster", '+' },
	{ "postmaster+x", "postmaster+x postmaster", '+' },
	{ "a.b@c", "a.b@c a.b a@c a", '.' },
};

static void
test_names(void)
{
	for (size_t i = 0; i < sizeof names_cases / sizeof names_cases[0]; i++) {
		struct smtp_path p, names[SMTP_NAMES_MAX];
		char space[400], title[100];
		struct buf b = BUF(space);
		struct slice rest;
		size_t n;

		ok(smtp_path_parse(slice_str(names_cases[i].address), TOL | LOC, &p, &rest) ==
		    SMTP_PATH_OK && rest.n == 0, "a path");
		n = smtp_path_names(&p, names_cases[i].delimiter, names);
		for (size_t k = 0; k < n; k++) {
			buf_str(&b, k ? " " : "");
			buf_add(&b, smtp_path_text(&names[k]));
		}
		(void)snprintf(title, sizeof title, "names of %s with '%c'", names_cases[i].address,
		    names_cases[i].delimiter ? names_cases[i].delimiter : '0');
		is(buf_slice(&b), slice_str(names_cases[i].names), title);
	}
}

static void
test_utf8_flag(void)
{
	struct smtp_path p;
	struct slice rest;

	ok(smtp_path_parse(SL("<a@b>"), 0, &p, &rest) == SMTP_PATH_OK && !p.utf8,
	    "ASCII is not flagged");
	ok(smtp_path_parse(SL("<\xc3\xbc@b>"), 0, &p, &rest) == SMTP_PATH_OK && p.utf8,
	    "H050 UTF-8 is flagged");
	ok(smtp_path_parse(SL("<a@\xc3\xbc>"), 0, &p, &rest) == SMTP_PATH_OK && p.utf8,
	    "also in the domain");
}

/* A path cut at any octet is refused or is a shorter path: nothing after the cut is read. */
static void
test_cut(void)
{
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		size_t n = strlen(good[i].in);
		bool fine = true;

		for (size_t cut = 0; cut < n; cut++) {
			char exact[2048];
			struct smtp_path p;
			struct slice rest;

			memcpy(exact, good[i].in, cut);
			memset(exact + cut, '>', sizeof exact - cut);
			if (smtp_path_parse(slice_of(exact, cut), good[i].flags, &p, &rest) ==
			    SMTP_PATH_OK)
				fine = fine && rest.p + rest.n == exact + cut;
		}
		ok(fine, "cut anywhere: %s", good[i].name);
	}
}

static void
test_whole(void)
{
	static const struct { const char *name, *in; bool whole; } cases[] = {
		{ "an address", "a@b", true },
		{ "an address in brackets", "<a@b>", true },
		{ "a local part", "a", true },
		{ "a quoted local part with a blank", "\"a b\"", true },
		{ "blanks in front", "  <a@b>", true },
		{ "a blank after it", "a@b ", false },
		{ "a word after it", "a@b c", false },
		{ "a word after the brackets", "<a@b>c", false },
		{ "a second address", "<a@b> <c@d>", false },
		{ "no path", "a@", false },
		{ "the null path", "<>", false },
		{ "nothing", "", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct smtp_path p = { .n = 7 };

		ok(smtp_path_parse_whole(slice_str(cases[i].in), SMTP_PATH_LISTED, &p) ==
		    cases[i].whole,
		    "whole: %s", cases[i].name);
		ok((p.n == 7) != cases[i].whole || (cases[i].whole && p.local_n),
		    "written only on success");
	}
}

int
main(void)
{
	test_good();
	test_bad();
	test_stable();
	test_unquote();
	test_names();
	test_utf8_flag();
	test_cut();
	test_whole();
	return tap_done();
}
