// SPDX-License-Identifier: ISC
/*
 * The parser of paths (RFC 5321 section 4.1.2).  It judges form and length only: who may send to
 * whom is policy, and no address is ever looked up here.
 */
#include "smtp/address.h"

#include <assert.h>

#include "base/utf8.h"
#include "smtp/domain.h"

static_assert(SMTP_PATH_MAX >= SMTP_PATH_TEXT + 2, "only a source route makes a path too long");

static bool
at(const struct slice *in, char c)
{
	return in->n && in->p[0] == c;
}

static bool
take(struct slice *in, char c)
{
	if (!at(in, c))
		return false;
	*in = slice_skip(*in, 1);
	return true;
}

#define BIT(c) (UINT64_C(1) << ((c) & 63))

/* Is the octet an atext character of ASCII? */
static bool
is_atom_ascii(unsigned char c)
{
	static const uint64_t specials[] = {
		BIT('"') | BIT('(') | BIT(')') | BIT(',') | BIT('.') | BIT(':') | BIT(';') |
		    BIT('<') | BIT('>'),
		BIT('@') | BIT('[') | BIT('\\') | BIT(']'),
	};

	return c > ' ' && c < 0x7f && !(specials[c / 64] & BIT(c));
}

/* Octets of the atext characters at the start of s. */
static size_t
atom_run(struct slice s)
{
	size_t n = 0, octets;

	for (;;) {
		while (n < s.n && is_atom_ascii((unsigned char)s.p[n]))
			n++;
		if (n == s.n || (unsigned char)s.p[n] < 0x80)
			return n;
		octets = utf8_printable(slice_skip(s, n));
		if (octets == 0)
			return n;
		n += octets;
	}
}

/* Without the tolerance a dot stands between atoms only; with it, dots alone are valid too. */
static enum smtp_path_result
take_dot_string(struct slice *in, bool tolerant, struct buf *value)
{
	const size_t whole = in->n;
	bool atom = false;		/* an atom ends here */

	while (in->n) {
		size_t n = at(in, '.') ? 1 : atom_run(*in);

		if (n == 0)
			break;
		if (at(in, '.') && !atom && !tolerant)
			return SMTP_PATH_SYNTAX;
		atom = !at(in, '.');
		buf_add(value, slice_of(in->p, n));
		*in = slice_skip(*in, n);
	}
	if (in->n == whole || !(atom || tolerant))
		return SMTP_PATH_SYNTAX;
	return value->full ? SMTP_PATH_LOCAL_LONG : SMTP_PATH_OK;
}

static enum smtp_path_result
take_quoted(struct slice *in, struct buf *value)
{
	while (in->n && !at(in, '"')) {
		size_t n;

		(void)take(in, '\\');
		n = utf8_printable(*in);
		if (n == 0)
			return SMTP_PATH_SYNTAX;
		buf_add(value, slice_of(in->p, n));
		*in = slice_skip(*in, n);
	}
	if (!take(in, '"'))
		return SMTP_PATH_SYNTAX;
	return value->full ? SMTP_PATH_LOCAL_LONG : SMTP_PATH_OK;
}

/* Add a local part in its shortest form, so that two spellings of one mailbox become one text. */
static void
put_local(struct buf *b, struct slice value)
{
	char space[SMTP_LOCAL_MAX];
	struct buf sink = BUF(space);
	struct slice rest = value;

	if (take_dot_string(&rest, false, &sink) == SMTP_PATH_OK && rest.n == 0) {
		buf_add(b, value);
		return;
	}
	buf_chr(b, '"');
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] == '"' || value.p[i] == '\\')
			buf_chr(b, '\\');
		buf_chr(b, value.p[i]);
	}
	buf_chr(b, '"');
}

static enum smtp_path_result
take_domain(struct slice *in, unsigned flags, struct slice *ret)
{
	size_t n = smtp_domain_run(*in);
	struct slice domain = slice_of(in->p, n);

	if (at(in, '[')) {
		const char *end = memchr(in->p, ']', in->n);

		domain.n = end ? (size_t)(end - in->p) + 1 : 0;
		if (!smtp_address_literal_valid(domain))
			return SMTP_PATH_SYNTAX;
	} else if (n > SMTP_DOMAIN_MAX) {
		return SMTP_PATH_DOMAIN_LONG;
	} else if (!smtp_labels_valid(domain, flags & SMTP_PATH_TOLERANT)) {
		return SMTP_PATH_SYNTAX;
	}
	for (struct slice s = domain; s.n; s = slice_skip(s, utf8_printable(s)))
		if (utf8_printable(s) == 0)
			return SMTP_PATH_SYNTAX;
	*in = slice_skip(*in, domain.n);
	*ret = domain;
	return SMTP_PATH_OK;
}

/* Check and drop "@one,@two:" in front of a mailbox (RFC 5321 section 4.1.1.3, appendix C). */
static enum smtp_path_result
skip_route(struct slice *in, unsigned flags)
{
	struct slice domain;

	do {
		enum smtp_path_result r;

		if (!take(in, '@'))
			return SMTP_PATH_SYNTAX;
		r = take_domain(in, flags, &domain);
		if (r != SMTP_PATH_OK)
			return r;
	} while (take(in, ','));
	return take(in, ':') ? SMTP_PATH_OK : SMTP_PATH_SYNTAX;
}

static enum smtp_path_result
take_mailbox(struct slice *in, unsigned flags, struct smtp_path *ret)
{
	char space[SMTP_LOCAL_MAX];
	struct buf value = BUF(space), text = BUF(ret->text);
	struct slice domain = { 0 };
	enum smtp_path_result r;

	r = take(in, '"') ? take_quoted(in, &value) :
	    take_dot_string(in, flags & SMTP_PATH_TOLERANT, &value);
	if (r != SMTP_PATH_OK)
		return r;
	put_local(&text, buf_slice(&value));
	if (text.full || text.n > SMTP_LOCAL_MAX)
		return SMTP_PATH_LOCAL_LONG;
	ret->local_n = text.n;
	if (take(in, '@')) {
		r = take_domain(in, flags, &domain);
		if (r != SMTP_PATH_OK)
			return r;
		buf_chr(&text, '@');
		buf_add(&text, domain);
	} else if (!(flags & SMTP_PATH_LOCAL_ONLY) && !((flags & SMTP_PATH_NO_DOMAIN) &&
	    slice_ieq(buf_slice(&value), SL("postmaster")))) {
		return SMTP_PATH_SYNTAX;
	}
	(void)buf_cstr(&text);
	ret->n = text.n;
	for (size_t i = 0; i < ret->n; i++)
		ret->utf8 = ret->utf8 || (unsigned char)ret->text[i] > 127;
	return SMTP_PATH_OK;
}

static void
skip_blanks(struct slice *in, unsigned flags)
{
	while ((flags & SMTP_PATH_TOLERANT) && in->n && ascii_blank(in->p[0]))
		*in = slice_skip(*in, 1);
}

static enum smtp_path_result
take_path(struct slice *in, unsigned flags, struct smtp_path *ret)
{
	size_t whole = in->n;
	bool angle = take(in, '<');
	enum smtp_path_result r = SMTP_PATH_OK;

	if (!angle && !(flags & SMTP_PATH_TOLERANT))
		return SMTP_PATH_SYNTAX;
	if (angle)
		skip_blanks(in, flags);
	if (angle && take(in, '>'))
		return flags & SMTP_PATH_NULL ? SMTP_PATH_OK : SMTP_PATH_SYNTAX;
	if (angle && at(in, '@'))
		r = skip_route(in, flags);
	if (r == SMTP_PATH_OK)
		r = take_mailbox(in, flags, ret);
	if (r != SMTP_PATH_OK)
		return r;
	if (angle)
		skip_blanks(in, flags);
	if (angle ? !take(in, '>') : in->n && !ascii_blank(in->p[0]))
		return SMTP_PATH_SYNTAX;
	return whole - in->n + (angle ? 0 : 2) > SMTP_PATH_MAX ? SMTP_PATH_LONG : SMTP_PATH_OK;
}

enum smtp_path_result
smtp_path_parse(struct slice in, unsigned flags, struct smtp_path *ret, struct slice *ret_rest)
{
	struct smtp_path path;
	enum smtp_path_result r;
	struct slice rest;

	smtp_path_clear(&path);
	skip_blanks(&in, flags);
	rest = in;
	r = take_path(&rest, flags, &path);
	for (size_t i = 0; r == SMTP_PATH_SYNTAX && i < in.n; i++)
		if ((unsigned char)in.p[i] < ' ' || in.p[i] == 0x7f)
			r = SMTP_PATH_CONTROL;
	if (r == SMTP_PATH_OK) {
		smtp_path_copy(ret, &path);
		*ret_rest = rest;
	}
	return r;
}

bool
smtp_path_parse_whole(struct slice in, unsigned flags, struct smtp_path *ret)
{
	struct smtp_path path;
	struct slice rest;

	if (smtp_path_parse(in, flags, &path, &rest) != SMTP_PATH_OK || rest.n)
		return false;
	smtp_path_copy(ret, &path);
	return true;
}

bool
smtp_path_make(struct slice local, struct slice domain, struct smtp_path *ret)
{
	char space[2 * SMTP_LOCAL_MAX + SMTP_DOMAIN_MAX + 4];
	struct buf b = BUF(space);

	buf_chr(&b, '"');
	for (size_t i = 0; i < local.n; i++) {
		if (local.p[i] == '"' || local.p[i] == '\\')
			buf_chr(&b, '\\');
		buf_chr(&b, local.p[i]);
	}
	buf_str(&b, "\"@");
	buf_add(&b, domain);
	return !b.full && smtp_path_parse_whole(buf_slice(&b), SMTP_PATH_TOLERANT, ret);
}

bool
smtp_path_qualify(struct smtp_path *p, struct slice domain)
{
	if (p->n == 0 || p->n > p->local_n)
		return true;
	if (domain.n > SMTP_DOMAIN_MAX)
		return false;
	p->text[p->n++] = '@';
	memcpy(p->text + p->n, domain.p, domain.n);
	p->n += domain.n;
	p->text[p->n] = '\0';
	return true;
}

struct slice
smtp_local_user(struct slice local, char delimiter)
{
	const size_t least = local.n && local.p[0] == '"' ? 2 : 1;
	const char *at = NULL;

	if (delimiter && local.n > least)
		at = memchr(local.p + least, delimiter, local.n - least);
	return at ? slice_of(local.p, (size_t)(at - local.p)) : local;
}

/* The address without its detail, in canonical form. */
static bool
without_detail(const struct smtp_path *p, char delimiter, struct smtp_path *ret)
{
	const struct slice local = smtp_path_local(p), user = smtp_local_user(local, delimiter);
	char space[sizeof p->text];
	struct buf b = BUF(space);

	if (user.n == local.n)
		return false;
	buf_add(&b, user);
	if (user.p[0] == '"')
		buf_chr(&b, '"');
	buf_add(&b, slice_skip(smtp_path_text(p), p->local_n));
	return smtp_path_parse_whole(buf_slice(&b), SMTP_PATH_LISTED, ret);
}

/* Add a path, and its local part alone. */
static size_t
add_names(const struct smtp_path *p, struct smtp_path *ret)
{
	smtp_path_copy(&ret[0], p);
	if (p->n == p->local_n)
		return 1;
	smtp_path_copy(&ret[1], p);
	ret[1].n = p->local_n;
	ret[1].text[p->local_n] = '\0';
	return 2;
}

size_t
smtp_path_names(const struct smtp_path *p, char delimiter, struct smtp_path ret[SMTP_NAMES_MAX])
{
	struct smtp_path user;
	size_t n = add_names(p, ret);

	if (without_detail(p, delimiter, &user))
		n += add_names(&user, ret + n);
	return n;
}

void
smtp_local_unquote(struct slice local, struct buf *b)
{
	if (local.n < 2 || local.p[0] != '"') {
		buf_add(b, local);
		return;
	}
	for (size_t i = 1; i < local.n - 1; i++) {
		if (local.p[i] == '\\' && i + 2 < local.n)
			i++;
		buf_chr(b, local.p[i]);
	}
}
