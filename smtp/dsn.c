// SPDX-License-Identifier: ISC
/*
 * Reads, checks and rewrites the parameters of DSN.
 */
#include "smtp/dsn.h"

#include "base/utf8.h"
#include "smtp/param.h"

static const struct slice envid = S("ENVID"), notify = S("NOTIFY"), orcpt = S("ORCPT");

static const struct {
	struct slice word;
	unsigned bit;
} notify_words[] = {
	{ S("SUCCESS"), SMTP_NOTIFY_SUCCESS },
	{ S("FAILURE"), SMTP_NOTIFY_FAILURE },
	{ S("DELAY"), SMTP_NOTIFY_DELAY },
};

/* The bit of a word that stands in a list; 0 for any other word. */
static unsigned
notify_bit(struct slice word)
{
	for (size_t i = 0; i < sizeof notify_words / sizeof notify_words[0]; i++)
		if (slice_ieq(word, notify_words[i].word))
			return notify_words[i].bit;
	return 0;
}

bool
smtp_dsn_ret_valid(struct slice value)
{
	return slice_ieq(value, SL("FULL")) || slice_ieq(value, SL("HDRS"));
}

/*
 * Is this xtext without control characters?  A notice has the text in a field of its own (RFC 3461
 * sections 4.2 and 4.4).  Octets above 127 are valid, as some servers write addresses in UTF-8
 * like that.  *ret_n: the number of octets that it stands for.
 */
static bool
text_valid(struct slice value, bool utf8, size_t *ret_n)
{
	if (!smtp_xtext_valid(value, utf8, ret_n))
		return false;
	while (value.n) {
		char c = '\0';
		struct buf octet = { .p = &c, .cap = 1 };
		const size_t n = value.p[0] == '+' ? 3 : 1;

		smtp_xtext_decode(slice_of(value.p, n), &octet);
		if (((unsigned char)c < ' ' && c != '\t') || c == 0x7f)
			return false;
		value = slice_skip(value, n);
	}
	return true;
}

bool
smtp_dsn_envid_valid(struct slice value)
{
	size_t n;

	return value.n > 0 && text_valid(value, false, &n) && n <= SMTP_ENVID_MAX;
}

bool
smtp_dsn_envid_portable(struct slice value)
{
	size_t n;

	return text_valid(value, false, &n) && n <= 100;
}

bool
smtp_dsn_orcpt_portable(struct slice value)
{
	return value.n <= 500;
}

/* "\x{1F600}" */
static void
add_code_point(struct buf *b, uint32_t c)
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned shift = 20;

	buf_str(b, "\\x{");
	while (shift && c >> shift == 0)
		shift -= 4;
	for (;; shift -= 4) {
		buf_chr(b, digits[c >> shift & 15]);
		if (shift == 0)
			break;
	}
	buf_chr(b, '}');
}

void
smtp_dsn_orcpt_ascii(struct slice value, struct buf *b)
{
	while (value.n) {
		uint32_t c;
		const size_t n = utf8_decode(value, &c);

		if (n > 1)
			add_code_point(b, c);
		else
			buf_chr(b, value.p[0] & 0x80 ? '?' : value.p[0]);
		value = slice_skip(value, n ? n : 1);
	}
}

/* NEVER stands alone (RFC 3461 section 4.1). */
bool
smtp_dsn_notify_valid(struct slice value)
{
	if (value.n == 0 || value.n > SMTP_NOTIFY_MAX || value.p[value.n - 1] == ',')
		return false;
	if (slice_ieq(value, SL("NEVER")))
		return true;
	while (value.n)
		if (!notify_bit(slice_cut(value, ',', &value)))
			return false;
	return true;
}

static bool
atom_valid(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("()<>@,;:\\\".[]+=", s.p[i]))
			return false;
	return s.n > 0;
}

/* "rfc822;user@d.example": a type and an address (RFC 3461 section 4.2). */
bool
smtp_dsn_orcpt_valid(struct slice value, bool utf8)
{
	struct slice address, type = slice_cut(value, ';', &address);
	size_t n;

	return value.n <= SMTP_ORCPT_MAX && atom_valid(type) && address.n > 0 &&
	       text_valid(address, utf8 && slice_ieq(type, SL("utf-8")), &n);
}

bool
smtp_dsn_headers_only(struct slice mail_params)
{
	return slice_ieq(smtp_param_value(mail_params, SL("RET")), SL("HDRS"));
}

struct slice
smtp_dsn_envid(struct slice mail_params)
{
	return smtp_param_value(mail_params, envid);
}

unsigned
smtp_dsn_notify(struct slice rcpt_params)
{
	struct slice value = smtp_param_value(rcpt_params, notify);
	unsigned bits = SMTP_NOTIFY_GIVEN;

	if (!value.p)
		return 0;
	if (slice_ieq(value, SL("NEVER")))
		return bits | SMTP_NOTIFY_NEVER;
	while (value.n)
		bits |= notify_bit(slice_cut(value, ',', &value));
	return bits;
}

struct slice
smtp_dsn_orcpt(struct slice rcpt_params, struct slice *ret_type)
{
	struct slice address;

	*ret_type = slice_cut(smtp_param_value(rcpt_params, orcpt), ';', &address);
	return address;
}

/* Add NOTIFY without SUCCESS, or NEVER if no other word is left. */
static void
add_notify(struct buf *b, struct slice value)
{
	char space[SMTP_NOTIFY_MAX];
	struct buf words = BUF(space);

	while (value.n) {
		const struct slice word = slice_cut(value, ',', &value);

		if (notify_bit(word) == SMTP_NOTIFY_SUCCESS)
			continue;
		if (words.n)
			buf_chr(&words, ',');
		buf_add(&words, word);
	}
	smtp_param_add(b, notify, words.n ? buf_slice(&words) : SL("NEVER"));
	b->full |= words.full;
}

static void
add_orcpt(struct buf *b, const struct smtp_path *to)
{
	smtp_param_add(b, orcpt, SL("rfc822;"));
	smtp_xtext_encode(smtp_path_text(to), b);
}

void
smtp_dsn_copy_rcpt(struct slice rcpt_params, bool answered, const struct smtp_path *to,
    struct buf *b)
{
	struct smtp_param p;
	/* The type rfc822 has no UTF-8. */
	bool named = to->utf8 || 3 * to->n + sizeof "rfc822;" > SMTP_ORCPT_MAX;

	while (smtp_param_take(&rcpt_params, &p) == SMTP_PARAM_TAKEN) {
		named |= slice_ieq(p.keyword, orcpt);
		if (answered && slice_ieq(p.keyword, notify))
			add_notify(b, p.value);
		else
			smtp_param_add(b, p.whole, slice_of(NULL, 0));
	}
	if (!named)
		add_orcpt(b, to);
}
