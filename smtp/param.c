// SPDX-License-Identifier: ISC
/*
 * Parameters of MAIL and RCPT.  A parameter is known here only when EHLO offers its
 * extension: the tables below and the reply in extensions.c change together.  What each may say is
 * in values.c.  mail_rcpt.c calls.
 */
#include "smtp/params.h"

#include "base/utf8.h"
#include "smtp/server_commands.h"
#include "smtp/values.h"

#define ECHO_MAX 64		/* of a keyword, in a reply */

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

/* Beyond ASCII too (RFC 6531 section 3.3); whose value may be that is for values.c to know. */
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

struct slice
smtp_param_value(struct slice params, struct slice keyword)
{
	struct smtp_param param;

	while (smtp_param_take(&params, &param) == SMTP_PARAM_TAKEN)
		if (slice_ieq(param.keyword, keyword))
			return param.value;
	return slice_of(NULL, 0);
}

bool
smtp_param_has(struct slice params, struct slice keyword)
{
	struct slice value;

	while (params.n)	/* also behind one that is damaged */
		if (slice_ieq(slice_cut(slice_cut(params, ' ', &params), '=', &value), keyword))
			return true;
	return false;
}

static struct smtp_reply
unsupported(struct server_session *s, struct slice keyword)
{
	buf_str(&s->text, "5.5.4 Unsupported option: ");
	buf_add(&s->text, slice_of(keyword.p, keyword.n < ECHO_MAX ? keyword.n : ECHO_MAX));
	return server_reply_made(s, 555);
}

/* Who a client says had handed the message to it (RFC 4954 section 5): nothing to rely on, and not kept. */
static struct smtp_reply
set_auth(struct server_session *s, struct slice value)
{
	if (!s->server->auth)
		return unsupported(s, SL("AUTH"));
	return value.n ? SMTP_NO_REPLY : SMTP_REPLY(501, "5.5.4 Syntax: AUTH=<> or AUTH=address");
}

struct known {
	struct slice keyword;
	struct smtp_reply (*set)(struct server_session *, struct slice value);
	bool (*offered)(const struct server_session *);	/* NULL: always */
};

static const struct known mail_params[] = {
	{ S("SIZE"), smtp_value_size, NULL },
	{ S("BODY"), smtp_value_body, NULL },
	{ S("RET"), smtp_value_ret, NULL },
	{ S("ENVID"), smtp_value_envid, NULL },
	{ S("SMTPUTF8"), smtp_value_smtputf8, NULL },
	{ S("MT-PRIORITY"), smtp_value_priority, NULL },
	{ S("BY"), smtp_value_by, NULL },
	{ S("REQUIRETLS"), smtp_value_requiretls, smtp_offers_requiretls },
	{ S("HOLDFOR"), smtp_value_holdfor, smtp_offers_hold },
	{ S("HOLDUNTIL"), smtp_value_holduntil, smtp_offers_hold },
	{ S("AUTH"), set_auth, NULL },
	{ S(""), NULL, NULL },
};

static const struct known rcpt_params[] = {
	{ S("NOTIFY"), smtp_value_notify, NULL },
	{ S("ORCPT"), smtp_value_orcpt, NULL },
	{ S(""), NULL, NULL },
};

static struct smtp_reply
set_each(struct server_session *s, const struct known *known, struct slice in, struct smtp_reply syntax)
{
	enum smtp_param_result taken;
	struct smtp_param param;
	unsigned seen = 0;

	s->params.n = 0;
	while ((taken = smtp_param_take(&in, &param)) == SMTP_PARAM_TAKEN) {
		struct smtp_reply r;
		size_t i = 0;

		if (!s->esmtp)		/* HELO negotiates nothing (RFC 5321 section 4.1.1.11) */
			return SMTP_REPLY(555, "5.5.4 Error: parameters need EHLO");
		while (known[i].set && !slice_ieq(param.keyword, known[i].keyword))
			i++;
		if (!known[i].set || (known[i].offered && !known[i].offered(s)))
			return unsupported(s, param.keyword);
		if (seen & 1U << i)
			return SMTP_REPLY(501, "5.5.4 Error: parameter given twice");
		seen |= 1U << i;
		r = known[i].set(s, param.value);
		if (r.code)
			return r;
	}
	return taken == SMTP_PARAM_NONE ? SMTP_NO_REPLY : syntax;
}

struct smtp_reply
smtp_params_mail(struct server_session *s, struct slice in)
{
	return set_each(s, mail_params, in, SMTP_REPLY(501, "5.5.4 Syntax: MAIL FROM:<address> KEYWORD=value"));
}

struct smtp_reply
smtp_params_rcpt(struct server_session *s, struct slice in)
{
	return set_each(s, rcpt_params, in, SMTP_REPLY(501, "5.5.4 Syntax: RCPT TO:<address> KEYWORD=value"));
}
