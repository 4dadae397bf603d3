// SPDX-License-Identifier: ISC
/*
 * Splits parameters by form only.  smtp/extension.c has their meanings.
 */
#include "smtp/param.h"

#include "base/utf8.h"

static bool
keyword_valid(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c == '-' && i > 0))
			return false;
	}
	return s.n > 0;
}

/* UTF-8 is valid in every value here; the parameter itself may want less (RFC 6531 section 3.3). */
static bool
value_valid(struct slice s)
{
	if (s.n == 0)
		return false;
	while (s.n) {
		size_t n = utf8_printable(s);

		if (n == 0 || s.p[0] == ' ' || s.p[0] == '=')
			return false;
		s = slice_skip(s, n);
	}
	return true;
}

enum smtp_param_result
smtp_param_take(struct slice *in, struct smtp_param *ret)
{
	struct smtp_param p = { 0 };

	while (in->n && ascii_blank(in->p[0]))
		*in = slice_skip(*in, 1);
	if (in->n == 0)
		return SMTP_PARAM_NONE;
	p.whole = slice_of(in->p, 0);
	while (p.whole.n < in->n && !ascii_blank(in->p[p.whole.n]))
		p.whole.n++;
	p.keyword = slice_cut(p.whole, '=', &p.value);
	if (p.keyword.n == p.whole.n)
		p.value = slice_of(NULL, 0);
	if (!keyword_valid(p.keyword) || (p.value.p && !value_valid(p.value)))
		return SMTP_PARAM_MALFORMED;
	*in = slice_skip(*in, p.whole.n);
	*ret = p;
	return SMTP_PARAM_TAKEN;
}

bool
smtp_param_find(struct slice params, struct slice keyword, struct smtp_param *ret)
{
	struct smtp_param param;

	while (smtp_param_take(&params, &param) == SMTP_PARAM_TAKEN)
		if (slice_ieq(param.keyword, keyword)) {
			*ret = param;
			return true;
		}
	return false;
}

struct slice
smtp_param_value(struct slice params, struct slice keyword)
{
	struct smtp_param param = { 0 };

	(void)smtp_param_find(params, keyword, &param);
	return param.value;
}

bool
smtp_param_has(struct slice params, struct slice keyword)
{
	struct slice value;

	while (params.n)
		if (slice_ieq(slice_cut(slice_cut(params, ' ', &params), '=', &value), keyword))
			return true;
	return false;
}

void
smtp_param_add(struct buf *b, struct slice keyword, struct slice value)
{
	if (b->n)
		buf_chr(b, ' ');
	buf_add(b, keyword);
	if (!value.p)
		return;
	buf_chr(b, '=');
	buf_add(b, value);
}

/* -1 if c is not a digit.  Some clients write digits that are no capitals, against the grammar. */
static int
hex(char c)
{
	const char lower = ascii_lower(c);

	if (c >= '0' && c <= '9')
		return c - '0';
	return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static bool
is_hexchar(struct slice s)
{
	return s.n >= 3 && s.p[0] == '+' && hex(s.p[1]) >= 0 && hex(s.p[2]) >= 0;
}

/* An octet that xtext holds as it is. */
static bool
is_xchar(char c)
{
	return c >= '!' && c <= '~' && c != '+' && c != '=';
}

bool
smtp_xtext_valid(struct slice s, bool utf8, size_t *ret_n)
{
	size_t n = 0;

	for (; s.n; n++) {
		if (is_hexchar(s))
			s = slice_skip(s, 3);
		else if (is_xchar(s.p[0]) || (utf8 && (unsigned char)s.p[0] > 127))
			s = slice_skip(s, 1);
		else
			return false;
	}
	*ret_n = n;
	return true;
}

void
smtp_xtext_decode(struct slice xtext, struct buf *b)
{
	while (xtext.n) {
		const bool coded = is_hexchar(xtext);
		const int octet = coded ? hex(xtext.p[1]) * 16 + hex(xtext.p[2]) : xtext.p[0];

		buf_chr(b, (char)octet);
		xtext = slice_skip(xtext, coded ? 3 : 1);
	}
}

void
smtp_xtext_raise(char *xtext, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (xtext[i] == '+')
			for (size_t k = i + 1; k < n && k <= i + 2; k++)
				if (xtext[k] >= 'a' && xtext[k] <= 'f')
					xtext[k] = (char)(xtext[k] - 'a' + 'A');
}

void
smtp_xtext_encode(struct slice text, struct buf *b)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.n; i++) {
		const unsigned char c = (unsigned char)text.p[i];

		if (is_xchar(text.p[i])) {
			buf_chr(b, text.p[i]);
			continue;
		}
		buf_chr(b, '+');
		buf_chr(b, digits[c >> 4]);
		buf_chr(b, digits[c & 15]);
	}
}
