// SPDX-License-Identifier: ISC
/*
 * The syntax of aliases files.  Pure: it judges form only, and looks no address up.
 */
#include "aliases/text.h"

#define ONE_USER    "all mail is delivered by one user without rights; " \
		    "write the address of a mailbox"
#define NO_PROGRAMS "mail to programs is not supported: " ONE_USER
#define NO_FILES    "mail to files is not supported: " ONE_USER

/* Take a line, without its end. */
static struct slice
take_line(struct alias_text *t)
{
	struct slice line = slice_cut(t->rest, '\n', &t->rest);

	t->line++;
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	return line;
}

static bool
is_filler(struct slice line)
{
	line = slice_trim(line);
	return line.n == 0 || line.p[0] == '#';
}

/* Count the octets in front of the first stop outside quotes, or of a comment. */
static size_t
run(struct slice s, char stop)
{
	bool quoted = false;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			quoted = !quoted;
		else if (quoted && s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (!quoted && (s.p[i] == stop ||
		    (s.p[i] == '#' && (i == 0 || ascii_blank(s.p[i - 1])))))
			return i;
	}
	return s.n;
}

static int
mistake(struct alias_mistake *m, unsigned line, struct slice what, const char *why)
{
	*m = (struct alias_mistake){ line, what, why };
	return -1;
}

/* Take the rest of the first line, and the lines behind it up to the next name. */
static void
take_targets(struct alias_text *t, struct slice first, unsigned line, struct alias_text *ret)
{
	const char *start = first.p, *end = first.p + first.n;

	while (t->rest.n) {
		struct alias_text next = *t;
		struct slice more = take_line(&next);

		if (!is_filler(more) && !ascii_blank(more.p[0]))
			break;
		end = more.p + more.n;
		*t = next;
	}
	*ret = (struct alias_text){ slice_of(start, (size_t)(end - start)), line };
}

int
alias_next(struct alias_text *t, struct alias_entry *ret, struct alias_mistake *ret_mistake)
{
	struct slice line;
	unsigned number;
	size_t n;

	do {
		if (t->rest.n == 0)
			return 0;
		number = t->line;
		line = take_line(t);
	} while (is_filler(line));
	n = run(line, ':');
	ret->line = number;
	ret->raw = slice_trim(slice_of(line.p, n));
	take_targets(t, slice_skip(line, n + 1), number, &ret->targets);
	if (ascii_blank(line.p[0]))
		return mistake(ret_mistake, number, slice_trim(line),
		    "a blank in front continues the line above, but there is none");
	if (n == line.n || line.p[n] != ':')
		return mistake(ret_mistake, number, slice_trim(line),
		    "there is no colon: write name: address, address");
	if (slice_eq(ret->raw, SL("*")))
		return mistake(ret_mistake, number, ret->raw,
		    "an alias for all unknown names is not supported: write each name");
	if (!smtp_path_parse_whole(ret->raw, SMTP_PATH_LISTED, &ret->name))
		return mistake(ret_mistake, number, ret->raw,
		    "this is not a name: write a local part or an address in front of the colon");
	return 1;
}

/* Skip blanks, line ends, commas and comments in front of a target. */
static void
skip_filler(struct alias_text *t)
{
	while (t->rest.n) {
		const char c = t->rest.p[0];

		if (c == '#') {
			(void)take_line(t);
		} else if (c == ',' || c == '\n' || c == '\r' || ascii_blank(c)) {
			t->line += c == '\n';
			t->rest = slice_skip(t->rest, 1);
		} else {
			return;
		}
	}
}

static struct slice
take_words(struct alias_text *t)
{
	struct slice line = slice_of(t->rest.p, 0);
	const char *lf = memchr(t->rest.p, '\n', t->rest.n);

	line.n = run(slice_of(t->rest.p, lf ? (size_t)(lf - t->rest.p) : t->rest.n), ',');
	t->rest = slice_skip(t->rest, line.n);
	while (line.n && (ascii_blank(line.p[line.n - 1]) || line.p[line.n - 1] == '\r'))
		line.n--;
	return line;
}

/* The words without quotes, if one pair of quotes holds all of them. */
static struct slice
without_quotes(struct slice words)
{
	if (words.n >= 2 && words.p[0] == '"' && words.p[words.n - 1] == '"' &&
	    !memchr(words.p + 1, '"', words.n - 2))
		return slice_of(words.p + 1, words.n - 2);
	return words;
}

int
alias_target_next(struct alias_text *t, struct alias_target *ret, struct alias_mistake *ret_mistake)
{
	struct slice words, bare, include = SL(":include:");

	skip_filler(t);
	if (t->rest.n == 0)
		return 0;
	*ret = (struct alias_target){ .kind = ALIAS_ADDRESS, .line = t->line };
	words = take_words(t);
	bare = without_quotes(words);
	if (slice_eq(bare, SL("/dev/null"))) {
		ret->kind = ALIAS_NOTHING;
		return 1;
	}
	if (slice_has_prefix(bare, SL("|")))
		return mistake(ret_mistake, ret->line, words, NO_PROGRAMS);
	if (slice_has_prefix(bare, SL("/")))
		return mistake(ret_mistake, ret->line, words, NO_FILES);
	if (slice_has_iprefix(bare, include)) {
		ret->kind = ALIAS_INCLUDE;
		ret->file = slice_trim(slice_skip(bare, include.n));
		if (ret->file.n == 0 || ret->file.p[0] != '/' ||
		    memchr(ret->file.p, '\0', ret->file.n))
			return mistake(ret_mistake, ret->line, words,
			    "write the absolute path of a file behind :include:");
		return 1;
	}
	if (slice_has_prefix(words, SL("\\"))) {
		ret->kind = ALIAS_FINAL;
		words = slice_skip(words, 1);
	}
	if (!smtp_path_parse_whole(words, SMTP_PATH_LISTED, &ret->path))
		return mistake(ret_mistake, ret->line, words,
		    "this is not an address; separate addresses by commas");
	return 1;
}
