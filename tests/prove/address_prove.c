// SPDX-License-Identifier: ISC
/*
 * The parser of paths against the grammar (RFC 5321 sections 4.1.2 and 4.1.3).  The parser reads
 * from left to right; the oracle tries each division of the whole string into the parts of a rule.
 */
#include <arpa/inet.h>

#include "smtp/address.h"
#include "tests/prove/enumerate.h"

static unsigned flags;

static bool
is_let_dig(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Atom = 1*atext (RFC 5322 section 3.2.3) */
static bool
is_atom(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '\0' || (!is_let_dig(s.p[i]) &&
		    !strchr("!#$%&'*+-/=?^_`{|}~", s.p[i])))
			return false;
	return s.n > 0;
}

/* Dot-string = Atom *("." Atom) */
static bool
is_dot_string(struct slice s)
{
	if (is_atom(s))
		return true;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.' && is_atom(slice_of(s.p, i)))
			return is_dot_string(slice_skip(s, i + 1));
	return false;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE.  Adds its value. */
static bool
is_quoted(struct slice s, struct buf *value)
{
	size_t i;

	if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
		return false;
	for (i = 1; i < s.n - 1; i++) {
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '"')
			return false;
		if (i == s.n - 1 || s.p[i] < ' ' || s.p[i] > '~')
			return false;
		buf_chr(value, s.p[i]);
	}
	return i == s.n - 1;
}

static bool
is_label(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_let_dig(s.p[i]) && s.p[i] != '-')
			return false;
	return s.n && is_let_dig(s.p[0]) && is_let_dig(s.p[s.n - 1]);
}

/* Domain = sub-domain *("." sub-domain) */
static bool
is_domain(struct slice s)
{
	if (is_label(s))
		return true;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '.' && is_label(slice_of(s.p, i)))
			return is_domain(slice_skip(s, i + 1));
	return false;
}

/* A number of an IPv4 address has no needless zeros in inet_pton(), and may have them here. */
static bool
is_ipv4(struct slice s)
{
	char text[32];
	size_t n = 0;

	if (s.n > 24)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		const bool first = i == 0 || s.p[i - 1] == '.';
		size_t zeros = 0, digits = 0;

		while (i + digits < s.n && s.p[i + digits] >= '0' && s.p[i + digits] <= '9')
			digits++;
		while (first && digits <= 3 && zeros + 1 < digits && s.p[i + zeros] == '0')
			zeros++;
		i += zeros;
		text[n++] = s.p[i];
	}
	text[n] = '\0';
	return inet_pton(AF_INET, text, &(struct in_addr){ 0 }) == 1;
}

static bool
is_literal(struct slice s)
{
	char text[INET6_ADDRSTRLEN + 1] = "";

	if (s.n < 2 || s.p[0] != '[' || s.p[s.n - 1] != ']')
		return false;
	s = slice_of(s.p + 1, s.n - 2);
	if (!slice_has_iprefix(s, SL("IPv6:")))
		return is_ipv4(s);
	s = slice_skip(s, 5);
	if (s.n >= sizeof text)
		return false;
	memcpy(text, s.p, s.n);
	return inet_pton(AF_INET6, text, &(struct in6_addr){ 0 }) == 1;
}

static bool
is_place(struct slice s)
{
	return is_domain(s) || is_literal(s);
}

/* A-d-l = At-domain *("," At-domain) */
static bool
is_route(struct slice s)
{
	if (s.n && s.p[0] == '@' && is_place(slice_skip(s, 1)))
		return true;
	for (size_t i = 1; i < s.n; i++)
		if (s.p[i] == ',' && s.p[0] == '@' && is_place(slice_of(s.p + 1, i - 1)))
			return is_route(slice_skip(s, i + 1));
	return false;
}

/* Adds the local part in its shortest form. */
static bool
is_local(struct slice s, struct buf *text)
{
	char space[ENUMERATE_MAX];
	struct buf value = BUF(space);

	if (is_dot_string(s)) {
		buf_add(text, s);
		return true;
	}
	if (!is_quoted(s, &value))
		return false;
	if (is_dot_string(buf_slice(&value))) {
		buf_add(text, buf_slice(&value));
		return true;
	}
	buf_chr(text, '"');
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			buf_chr(text, '\\');
		buf_chr(text, value.p[i]);
	}
	buf_chr(text, '"');
	return true;
}

/* Mailbox, or a local part alone with SMTP_PATH_LOCAL_ONLY. */
static bool
is_mailbox(struct slice s, struct buf *text)
{
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != '@' || !is_place(slice_skip(s, i + 1)))
			continue;
		text->n = 0;
		if (is_local(slice_of(s.p, i), text)) {
			buf_add(text, slice_skip(s, i));
			return true;
		}
	}
	text->n = 0;
	return flags & SMTP_PATH_LOCAL_ONLY && is_local(s, text);
}

/* Path = "<" [ A-d-l ":" ] Mailbox ">" */
static bool
is_path(struct slice s, struct buf *text)
{
	text->n = 0;
	if (s.n < 2 || s.p[0] != '<' || s.p[s.n - 1] != '>')
		return false;
	s = slice_of(s.p + 1, s.n - 2);
	if (s.n == 0)
		return flags & SMTP_PATH_NULL;
	if (is_mailbox(s, text))
		return true;
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == ':' && is_route(slice_of(s.p, i)) &&
		    is_mailbox(slice_skip(s, i + 1), text))
			return true;
	return false;
}

/* A path, and its canonical form once more. */
static bool
parses(struct slice s)
{
	char space[ENUMERATE_MAX], text_space[2 * ENUMERATE_MAX];
	struct buf inner = BUF(space), text = BUF(text_space);
	struct smtp_path p, again;
	const bool got = smtp_path_parse_whole(s, flags, &p);

	if (got != is_path(s, &text))
		return false;
	if (!got)
		return true;
	if (!slice_eq(smtp_path_text(&p), buf_slice(&text)))
		return false;
	buf_chr(&inner, '<');
	buf_add(&inner, smtp_path_text(&p));
	buf_chr(&inner, '>');
	return smtp_path_parse_whole(buf_slice(&inner), flags, &again) &&
	    slice_eq(smtp_path_text(&p), smtp_path_text(&again)) && p.local_n == again.local_n;
}

/* The same between brackets: these strings are the inner octets. */
static bool
parses_inner(struct slice s)
{
	char space[ENUMERATE_MAX];
	struct buf b = BUF(space);

	buf_chr(&b, '<');
	buf_add(&b, s);
	buf_chr(&b, '>');
	return parses(buf_slice(&b));
}

/* The tolerant parser takes all that the strict one takes, and both see the same mailbox. */
static bool
tolerates(struct slice s)
{
	char space[ENUMERATE_MAX];
	struct buf b = BUF(space);
	struct smtp_path strict, tolerant;

	buf_chr(&b, '<');
	buf_add(&b, s);
	buf_chr(&b, '>');
	return !smtp_path_parse_whole(buf_slice(&b), flags, &strict) ||
	    (smtp_path_parse_whole(buf_slice(&b), flags | SMTP_PATH_TOLERANT, &tolerant) &&
	    slice_eq(smtp_path_text(&strict), smtp_path_text(&tolerant)));
}

static const char *prefix;

static bool
literal_valid(struct slice s)
{
	char space[ENUMERATE_MAX];
	struct buf b = BUF(space);

	buf_str(&b, prefix);
	buf_add(&b, s);
	buf_chr(&b, ']');
	return smtp_address_literal_valid(buf_slice(&b)) == is_literal(buf_slice(&b));
}

int
main(int argc, char **argv)
{
	enumerate_init(argc, argv);
	flags = SMTP_PATH_NULL;
	enumerate("a path is what the grammar has", SL("<>@.\"\\a-,:[] "), enumerate_length(7),
	    parses);
	enumerate("an address in brackets, and its canonical form", SL("@.\"\\a- ,:["),
	    enumerate_length(8), parses_inner);
	flags = SMTP_PATH_LOCAL_ONLY;
	enumerate("a local part in brackets, and its canonical form", SL("@.\"\\a>\x01"),
	    enumerate_length(9), parses_inner);
	enumerate("the tolerant parser takes all that the strict one takes", SL("@.\"\\a-_ "),
	    enumerate_length(7), tolerates);
	prefix = "[";
	enumerate("an IPv4 address", SL("0259."), enumerate_length(10), literal_valid);
	prefix = "[IPv6:";
	enumerate("an IPv6 address", SL("1f:."), enumerate_length(12), literal_valid);
	enumerate("an IPv6 address of many groups", SL("1:"), enumerate_length(19), literal_valid);
	prefix = "[IPv6:1:2:3:4:5";
	enumerate("the last groups of an IPv6 address", SL("1:."), enumerate_length(12),
	    literal_valid);
	return tap_done();
}
