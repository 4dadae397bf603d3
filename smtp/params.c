// SPDX-License-Identifier: ISC
/*
 * Parameters of MAIL and RCPT.  A parameter is known here only when EHLO offers its
 * extension: the table below and the reply in session.c change together.  mail_rcpt.c calls.
 */
#include "smtp/params.h"

#include <assert.h>

#include "smtp/commands.h"

#define SIZE_DIGITS 20		/* RFC 1870 section 6 */
#define ECHO_MAX 64		/* of a keyword, in a reply */

static_assert(SMTP_PARAMS_MAX > sizeof "BODY=8BITMIME", "what is kept of the parameters fits");

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

static bool
value_valid(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == '=' || s.p[i] > '~')
			return false;
	return s.n > 0;
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

static struct smtp_reply
unsupported(struct smtp_session *s, struct slice keyword)
{
	buf_str(&s->text, "5.5.4 Unsupported option: ");
	buf_add(&s->text, slice_of(keyword.p, keyword.n < ECHO_MAX ? keyword.n : ECHO_MAX));
	return smtp_reply_made(s, 555);
}

static struct smtp_reply
set_size(struct smtp_session *s, struct slice value)
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

static struct smtp_reply
set_body(struct smtp_session *s, struct slice value)
{
	if (slice_ieq(value, SL("7BIT")))
		s->body = SMTP_BODY_7BIT;
	else if (slice_ieq(value, SL("8BITMIME")))
		s->body = SMTP_BODY_8BITMIME;
	else
		return SMTP_REPLY(501, "5.5.4 Syntax: BODY=7BIT or BODY=8BITMIME");
	buf_str(&s->params, s->params.n ? " BODY=" : "BODY=");
	buf_str(&s->params, s->body == SMTP_BODY_7BIT ? "7BIT" : "8BITMIME");
	return SMTP_NO_REPLY;
}

static const struct known {
	struct slice keyword;
	struct smtp_reply (*set)(struct smtp_session *, struct slice value);
} mail_params[] = {
	{ S("SIZE"), set_size },
	{ S("BODY"), set_body },
};

/* Where keyword stands in the table; its length when it does not. */
static size_t
find(struct slice keyword)
{
	size_t i = 0;

	while (i < sizeof mail_params / sizeof mail_params[0] && !slice_ieq(keyword, mail_params[i].keyword))
		i++;
	return i;
}

struct smtp_reply
smtp_params_mail(struct smtp_session *s, struct slice in)
{
	enum smtp_param_result taken;
	struct smtp_param param;
	unsigned seen = 0;

	s->params.n = 0;
	while ((taken = smtp_param_take(&in, &param)) == SMTP_PARAM_TAKEN) {
		size_t i = find(param.keyword);
		struct smtp_reply r;

		if (!s->esmtp)		/* HELO negotiates nothing (RFC 5321 section 4.1.1.11) */
			return SMTP_REPLY(555, "5.5.4 Error: parameters need EHLO");
		if (i == sizeof mail_params / sizeof mail_params[0])
			return unsupported(s, param.keyword);
		if (seen & 1U << i)
			return SMTP_REPLY(501, "5.5.4 Error: parameter given twice");
		seen |= 1U << i;
		r = mail_params[i].set(s, param.value);
		if (r.code)
			return r;
	}
	return taken == SMTP_PARAM_NONE ? SMTP_NO_REPLY :
	    SMTP_REPLY(501, "5.5.4 Syntax: MAIL FROM:<address> KEYWORD=value");
}

struct smtp_reply
smtp_params_rcpt(struct smtp_session *s, struct slice in)
{
	struct smtp_param param;

	s->params.n = 0;
	switch (smtp_param_take(&in, &param)) {
	case SMTP_PARAM_NONE:
		return SMTP_NO_REPLY;
	case SMTP_PARAM_TAKEN:		/* no extension that is offered has one */
		return unsupported(s, param.keyword);
	case SMTP_PARAM_MALFORMED:
		break;
	}
	return SMTP_REPLY(501, "5.5.4 Syntax: RCPT TO:<address> KEYWORD=value");
}
