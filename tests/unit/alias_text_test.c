// SPDX-License-Identifier: ISC
/*
 * The syntax of aliases files and lists: entries, targets and mistakes.
 */
#include "aliases/text.h"

#include <stdlib.h>

#include "tests/lib/tap.h"

/* Put targets into b, each after a blank; "!LINE" for a mistake. */
static void
put_targets(struct buf *b, struct alias_text targets)
{
	struct alias_target t;
	struct alias_mistake m = { 0 };
	int got;

	while ((got = alias_target_next(&targets, &t, &m)) != 0) {
		buf_chr(b, ' ');
		if (got < 0)
			buf_fmt(b, "!%u", m.line);
		else if (t.kind == ALIAS_INCLUDE)
			buf_fmt(b, "{%.*s}", (int)t.file.n, t.file.p);
		else if (t.kind == ALIAS_NOTHING)
			buf_str(b, "nothing");
		else
			buf_fmt(b, "%s%s", t.kind == ALIAS_FINAL ? "\\" : "", t.path.text);
	}
}

/* Put the entries of text into b: "3 name: a@b \\final"; "!LINE" for a mistake. */
static void
put_entries(struct buf *b, struct slice text)
{
	struct alias_text rest = alias_text(text);
	struct alias_entry e;
	struct alias_mistake m = { 0 };
	int got;

	while ((got = alias_next(&rest, &e, &m)) != 0) {
		if (b->n)
			buf_str(b, "; ");
		if (got < 0) {
			buf_fmt(b, "!%u", m.line);
			continue;
		}
		buf_fmt(b, "%u %s:", e.line, e.name.text);
		put_targets(b, e.targets);
	}
}

static const struct text_case {
	const char *name, *text, *want;
} entries[] = {
	{ "nothing", "", "" },
	{ "comments and empty lines", "# a: b\n\n  \t\n   # c\n", "" },
	{ "one", "root: anna\n", "1 root: anna" },
	{ "without a line end", "root: anna", "1 root: anna" },
	{ "several targets", "a: b, c@d.example ,e\n", "1 a: b c@d.example e" },
	{ "CRLF", "a: b,\r\n c\r\nd: e\r\n", "1 a: b c; 3 d: e" },
	{ "a byte order mark", "\xef\xbb\xbf" "a: b\n", "1 a: b" },
	{ "blanks around the colon", "a \t:\tb\n", "1 a: b" },
	{ "no blanks at all", "a:b,c\n", "1 a: b c" },
	{ "a line that continues", "a: b,\n  c,\n\td\ne: f\n", "1 a: b c d; 4 e: f" },
	{ "a comma in the next line", "a: b\n , c\n", "1 a: b c" },
	{ "a line end is as good as a comma", "a: b\n c\n", "1 a: b c" },
	{ "all targets in the next line", "a:\n  b\n", "1 a: b" },
	{ "comments and empty lines between them", "a: b,\n# x: y\n\n  # z\n c\nd: e\n",
	  "1 a: b c; 6 d: e" },
	{ "comments after targets", "a: b # c\nd: e, #f\n g#h\n", "1 a: b; 2 d: e g#h" },
	{ "too many commas", "a: ,b,,c,\n", "1 a: b c" },
	{ "case is kept", "Root: Anna\n", "1 Root: Anna" },
	{ "quoted names", "\"first last\": a\n\"plain\": b\n\"a:b\": c\n",
	  "1 \"first last\": a; 2 plain: b; 3 \"a:b\": c" },
	{ "quoted targets", "a: \"first last\", \"b\\\"c\"@d, \"e\"\n",
	  "1 a: \"first last\" \"b\\\"c\"@d e" },
	{ "a comma and a hash in quotes", "a: \"b, #c\"@d, e\n", "1 a: \"b, #c\"@d e" },
	{ "a name with a domain", "a@b.example: c\n", "1 a@b.example: c" },
	{ "angle brackets", "a: <b@c>, <d>\n", "1 a: b@c d" },
	{ "UTF-8", "j\xc3\xb6rg: \xc3\xbc@b\n", "1 j\xc3\xb6rg: \xc3\xbc@b" },
	{ "owner and request", "owner-list: a\nlist-request: b\n",
	  "1 owner-list: a; 2 list-request: b" },
	{ "not looked up again", "a: \\a, \\b@c\n", "1 a: \\a \\b@c" },
	{ "included lists", "a: :include:/l/a, \":include:/l/b c\",:Include: /d\n",
	  "1 a: {/l/a} {/l/b c} {/d}" },
	{ "nothing", "a: /dev/null\nb: \"/dev/null\"\n", "1 a: nothing; 2 b: nothing" },
	{ "no targets", "a:\nb: # c\n", "1 a:; 2 b:" },
	{ "no colon", "a b\nc: d\n", "!1; 2 c: d" },
	{ "no name", ": a\nb: c\n", "!1; 2 b: c" },
	{ "a malformed name", "a b: c\n@d: e\na@: f\n\"g: h\n", "!1; !2; !3; !4" },
	{ "a control character", "a\001: b\nc: d\001\n", "!1; 2 c: !2" },
	{ "a catch-all", "*: a\n", "!1" },
	{ "a line that continues nothing", "  a: b\nc: d\n", "!1; 2 c: d" },
	{ "a program", "a: |cat, \"|cat -n\", b\n", "1 a: !1 !1 b" },
	{ "a file", "a: /var/mail/a,\n \"/tmp/b c\"\n", "1 a: !1 !2" },
	{ "a blank in place of a comma", "a: b c\n", "1 a: !1" },
	{ "a display name", "a: Anna <a@b>\n", "1 a: !1" },
	{ "a list without a path", "a: :include:\nb: :include:list\nc: :fail: no\n",
	  "1 a: !1; 2 b: !2; 3 c: !3" },
	{ "half an address", "a: b@, @c, <d\n", "1 a: !1 !1 !1" },
	{ "quotes without an end", "a: \"b, c\n d\n", "1 a: !1 d" },
};

static const struct text_case lists[] = {
	{ "a list", "a@b.example\nc\n\n# d\n  e@f # g\n", " a@b.example c e@f" },
	{ "two on a line", "a, b\n", " a b" },
	{ "mistakes have their lines", "a\nb c\n|d\n/e\nf", " a !2 !3 !4 f" },
	{ "lists in lists", ":include:/x\n", " {/x}" },
	{ "CRLF, no end", "a\r\nb\r", " a b" },
	{ "a byte order mark", "\xef\xbb\xbf" "a\n", " a" },
};

/* A text cut anywhere is read only up to the cut: sanitizers report any octet read after it. */
static void
test_cut(struct slice text)
{
	static char space[8000];

	for (size_t n = 0; n < text.n; n++) {
		struct buf b = BUF(space);
		char *exact = malloc(n ? n : 1);

		if (!exact)
			abort();
		memcpy(exact, text.p, n);
		put_entries(&b, slice_of(exact, n));
		put_targets(&b, alias_text(slice_of(exact, n)));
		free(exact);
		if (b.full)
			abort();
	}
}

static void
test_mistakes(void)
{
	struct alias_text t = alias_text(SL("a: |x y, b\nq r s\n"));
	struct alias_entry e;
	struct alias_target target;
	struct alias_mistake m = { 0 };

	ok(alias_next(&t, &e, &m) == 1 && alias_target_next(&e.targets, &target, &m) == -1,
	    "a mistake");
	is(m.what, SL("|x y"), "it has its words");
	ok(strstr(m.why, "programs") != NULL && m.line == 1, "its reason and line");
	ok(alias_next(&t, &e, &m) == -1 && m.line == 2 && strstr(m.why, "colon"),
	    "another mistake");
	is(m.what, SL("q r s"), "its words");
}

int
main(void)
{
	char space[2000];

	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
		struct buf b = BUF(space);

		put_entries(&b, slice_str(entries[i].text));
		is(buf_slice(&b), slice_str(entries[i].want), entries[i].name);
		test_cut(slice_str(entries[i].text));
	}
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct buf b = BUF(space);

		put_targets(&b, alias_text(slice_str(lists[i].text)));
		is(buf_slice(&b), slice_str(lists[i].want), lists[i].name);
	}
	test_mistakes();
	return tap_done();
}
