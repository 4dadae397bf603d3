// SPDX-License-Identifier: ISC
/*
 * What the parameters of MAIL and RCPT may say (RFC 1870, 6152, 3030, 3461, 6531), and how the envelope
 * keeps it: the keyword in capitals, the value as it came.  params.c calls.
 */
#include "smtp/values.h"

#include <assert.h>

#include "smtp/server_commands.h"
#include "smtp/params.h"

#define SIZE_DIGITS 20		/* RFC 1870 section 6 */

static_assert(SMTP_PARAMS_MAX > sizeof " BODY=BINARYMIME SMTPUTF8 RET=FULL REQUIRETLS MT-PRIORITY=-9 BY=-999999999;RT ENVID= HOLDUNTIL=" +
    3 * SMTP_ENVID_MAX + 64,
    "what is kept of the parameters of MAIL fits");
static_assert(SMTP_PARAMS_MAX > sizeof " NOTIFY= ORCPT=" + SMTP_NOTIFY_MAX + SMTP_ORCPT_MAX,
    "what is kept of the parameters of RCPT fits");

void
smtp_param_keep(struct server_session *s, const char *keyword, struct slice value)
{
	if (s->params.n)
		buf_chr(&s->params, ' ');
	buf_str(&s->params, keyword);
	if (!value.p)
		return;
	buf_chr(&s->params, '=');
	buf_add(&s->params, value);
}

/* -1 for what is no digit: only capitals are, as the grammar of xtext has it. */
static int
hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
smtp_xtext_valid(struct slice s, bool utf8, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++, n++) {
		if (utf8 && (unsigned char)s.p[i] > 127)	/* known to be good UTF-8 */
			continue;
		if (s.p[i] < '!' || s.p[i] > '~' || s.p[i] == '=')
			return false;
		if (s.p[i] != '+')
			continue;
		if (s.n - i < 3 || hex(s.p[i + 1]) < 0 || hex(s.p[i + 2]) < 0)
			return false;
		i += 2;
	}
	*ret_n = n;
	return true;
}

void
smtp_xtext_decode(struct slice xtext, struct buf *b)
{
	for (size_t i = 0; i < xtext.n; i++) {
		bool coded = xtext.p[i] == '+' && xtext.n - i >= 3 && hex(xtext.p[i + 1]) >= 0 && hex(xtext.p[i + 2]) >= 0;

		if (!coded) {
			buf_chr(b, xtext.p[i]);
			continue;
		}
		buf_chr(b, (char)(hex(xtext.p[i + 1]) << 4 | hex(xtext.p[i + 2])));
		i += 2;
	}
}

struct smtp_reply
smtp_value_size(struct server_session *s, struct slice value)
{
	uint64_t max = s->server->max_message_size;

	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] < '0' || value.p[i] > '9')
			value.n = 0;
	if (value.n == 0 || value.n > SIZE_DIGITS)
		return SMTP_REPLY(501, "5.5.4 Syntax: SIZE=octets");
	if (!slice_uint(value, UINT64_MAX, &s->declared_size) || (max && s->declared_size > max))
		return SMTP_REPLY(552, "5.3.4 Message size exceeds fixed limit");
	return SMTP_NO_REPLY;
}

struct smtp_reply
smtp_value_body(struct server_session *s, struct slice value)
{
	static const struct slice words[] = {
		[SMTP_BODY_7BIT] = S("7BIT"),
		[SMTP_BODY_8BITMIME] = S("8BITMIME"),
		[SMTP_BODY_BINARYMIME] = S("BINARYMIME"),
	};

	for (size_t i = SMTP_BODY_7BIT; i < sizeof words / sizeof words[0]; i++) {
		if (!slice_ieq(value, words[i]))
			continue;
		s->body = (enum smtp_body)i;
		smtp_param_keep(s, "BODY", words[i]);
		return SMTP_NO_REPLY;
	}
	return SMTP_REPLY(501, "5.5.4 Syntax: BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME");
}

struct smtp_reply
smtp_value_ret(struct server_session *s, struct slice value)
{
	if (!slice_ieq(value, SL("FULL")) && !slice_ieq(value, SL("HDRS")))
		return SMTP_REPLY(501, "5.5.4 Syntax: RET=FULL or RET=HDRS");
	smtp_param_keep(s, "RET", value);
	return SMTP_NO_REPLY;
}

struct smtp_reply
smtp_value_envid(struct server_session *s, struct slice value)
{
	size_t n;

	if (value.n == 0 || !smtp_xtext_valid(value, false, &n) || n > SMTP_ENVID_MAX)
		return SMTP_REPLY(501, "5.5.4 Syntax: ENVID=xtext, of at most 100 characters");
	smtp_param_keep(s, "ENVID", value);
	return SMTP_NO_REPLY;
}

struct smtp_reply
smtp_value_smtputf8(struct server_session *s, struct slice value)
{
	if (value.p)
		return SMTP_REPLY(501, "5.5.4 Syntax: SMTPUTF8 has no value");
	s->utf8 = true;
	smtp_param_keep(s, "SMTPUTF8", value);
	return SMTP_NO_REPLY;
}

/* NEVER, or a list without it (RFC 3461 section 4.1). */
struct smtp_reply
smtp_value_notify(struct server_session *s, struct slice value)
{
	struct slice rest = value;
	bool good = value.n > 0 && value.n <= SMTP_NOTIFY_MAX && value.p[value.n - 1] != ',';

	while (good && rest.n && !slice_ieq(value, SL("NEVER"))) {
		struct slice word = slice_cut(rest, ',', &rest);

		good = slice_ieq(word, SL("SUCCESS")) || slice_ieq(word, SL("FAILURE")) || slice_ieq(word, SL("DELAY"));
	}
	if (!good)
		return SMTP_REPLY(501, "5.5.4 Syntax: NOTIFY=NEVER or some of SUCCESS,FAILURE,DELAY");
	smtp_param_keep(s, "NOTIFY", value);
	return SMTP_NO_REPLY;
}

static bool
atom_valid(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("()<>@,;:\\\".[]+=", s.p[i]))
			return false;
	return s.n > 0;
}

/* "rfc822;user@d.example": a type, and the address as its sender wrote it (RFC 3461 section 4.2). */
struct smtp_reply
smtp_value_orcpt(struct server_session *s, struct slice value)
{
	struct slice address, type = slice_cut(value, ';', &address);
	const bool utf8 = s->utf8 && slice_ieq(type, SL("utf-8"));
	size_t n;

	if (value.n > SMTP_ORCPT_MAX || !atom_valid(type) || address.n == 0 || !smtp_xtext_valid(address, utf8, &n))
		return SMTP_REPLY(501, "5.5.4 Syntax: ORCPT=type;xtext, of at most 500 characters");
	smtp_param_keep(s, "ORCPT", value);
	return SMTP_NO_REPLY;
}
