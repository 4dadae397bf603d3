// SPDX-License-Identifier: ISC
/*
 * What a server offers, and MAIL and RCPT made to fit it.  The deliveries own the connection
 * and the order of commands.
 */
#include "smtp/client_offer.h"

#include "smtp/deliver_by.h"
#include "smtp/client_auth.h"
#include "smtp/params.h"

static bool *
flag_of(struct client_offer *p, struct slice keyword)
{
	const struct {
		struct slice keyword;
		bool *flag;
	} flags[] = {
		{ S("PIPELINING"), &p->pipelining },
		{ S("SIZE"), &p->size },
		{ S("8BITMIME"), &p->eight_bit },
		{ S("CHUNKING"), &p->chunking },
		{ S("BINARYMIME"), &p->binary },
		{ S("SMTPUTF8"), &p->smtputf8 },
		{ S("DSN"), &p->dsn },
		{ S("STARTTLS"), &p->starttls },
		{ S("ENHANCEDSTATUSCODES"), &p->enhanced },
		{ S("REQUIRETLS"), &p->requiretls },
		{ S("MT-PRIORITY"), &p->priority },
		{ S("DELIVERBY"), &p->deliver_by },
	};

	for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
		if (slice_ieq(keyword, flags[i].keyword))
			return flags[i].flag;
	return NULL;
}

/* Section 5.1 and on of RFC 9422: one to six digits, of which the first is no zero. */
static bool
limit_value(struct slice text, unsigned *ret)
{
	uint64_t value;

	if (text.n == 0 || text.n > 6 || text.p[0] == '0' || !slice_uint(text, 999999, &value))
		return false;
	*ret = (unsigned)value;
	return true;
}

static bool
limit_is_well_formed(struct slice name, struct slice value)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";

	for (size_t i = 0; i < name.n; i++)
		if (!memchr(letters, ascii_lower(name.p[i]), sizeof letters - 1))
			return false;
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] <= ' ' || value.p[i] > '~' || value.p[i] == ';')
			return false;
	return name.n > 0;
}

/* "RCPTMAX=100 MAILMAX=5 ...": what is unknown is skipped; where anything is malformed nothing counts. */
static struct smtp_limits
read_limits(struct slice text)
{
	struct smtp_limits l = { 0 };
	const struct {
		struct slice name;
		unsigned *value;
	} known[] = {
		{ S("MAILMAX"), &l.mail_max }, { S("RCPTMAX"), &l.rcpt_max }, { S("RCPTDOMAINMAX"), &l.rcpt_domain_max },
	};

	while (text.n) {
		struct slice value, name = slice_cut(slice_cut(text, ' ', &text), '=', &value);

		text = slice_trim(text);
		if (!limit_is_well_formed(name, value))
			return (struct smtp_limits){ 0 };
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			if (slice_ieq(name, known[i].name) && (*known[i].value || !limit_value(value, known[i].value)))
				return (struct smtp_limits){ 0 };
	}
	return l;
}

void
client_offer_init(struct client_offer *p)
{
	*p = (struct client_offer){ 0 };
}

static bool
is_among(struct slice words, struct slice keyword)
{
	while (words.n)
		if (slice_ieq(slice_cut(words, ' ', &words), keyword))
			return keyword.n > 0;
	return false;
}

void
client_offer_ehlo(struct client_offer *p, struct slice text)
{
	p->esmtp = true;
	(void)slice_cut(text, '\n', &text);	/* the first line is the server's name */
	while (text.n) {
		struct slice argument, keyword;
		bool *flag;

		keyword = slice_cut(slice_trim(slice_cut(text, '\n', &text)), ' ', &argument);
		argument = slice_trim(argument);
		if (is_among(p->ignore, keyword))
			continue;
		if (slice_has_iprefix(keyword, SL("AUTH=")))	/* as it was before RFC 2554; some say it both ways */
			p->mechanisms |= smtp_mechanisms(slice_skip(keyword, 5)) | smtp_mechanisms(argument);
		if (slice_ieq(keyword, SL("AUTH")))
			p->mechanisms |= smtp_mechanisms(argument);
		if (slice_ieq(keyword, SL("LIMITS")))
			p->limits = read_limits(argument);
		flag = flag_of(p, keyword);
		if (!flag || (flag == &p->size && argument.n && !slice_uint(argument, UINT64_MAX, &p->max_size)) ||
		    (flag == &p->deliver_by && argument.n && !slice_uint(argument, SMTP_BY_MAX_S, &p->min_by)))
			continue;
		*flag = true;
	}
	p->binary = p->binary && p->chunking;	/* RFC 3030 section 3: needs BDAT */
}

/* Of the envelope's parameters, those the command takes and whose extension the peer offers. */
static void
put_params(struct buf *b, const struct client_offer *p, struct slice params, bool mail)
{
	const struct {
		struct slice keyword;
		bool of_mail, offered;
	} known[] = {
		{ S("RET"), true, p->dsn },
		{ S("ENVID"), true, p->dsn },
		{ S("NOTIFY"), false, p->dsn },
		{ S("ORCPT"), false, p->dsn },
		{ S("SMTPUTF8"), true, p->smtputf8 },
		{ S("MT-PRIORITY"), true, p->priority },
		{ S("REQUIRETLS"), true, p->requiretls },
		{ S("BY"), true, p->deliver_by },
	};
	struct smtp_param one;

	while (smtp_param_take(&params, &one) == SMTP_PARAM_TAKEN)
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			if (known[i].offered && known[i].of_mail == mail && slice_ieq(one.keyword, known[i].keyword)) {
				buf_chr(b, ' ');
				buf_add(b, one.whole);
			}
}

void
client_mail(struct buf *b, const struct client_offer *p, struct slice path, struct slice params, uint64_t size,
    enum smtp_body body)
{
	buf_str(b, "MAIL FROM:<");
	buf_add(b, path);
	buf_chr(b, '>');
	if (p->size && size > 0) {
		buf_str(b, " SIZE=");
		buf_uint(b, size);
	}
	if (p->eight_bit && body == SMTP_BODY_8BITMIME)
		buf_str(b, " BODY=8BITMIME");
	if (p->binary && body == SMTP_BODY_BINARYMIME)
		buf_str(b, " BODY=BINARYMIME");
	put_params(b, p, params, true);
	buf_str(b, "\r\n");
}

void
client_rcpt(struct buf *b, const struct client_offer *p, struct slice path, struct slice params)
{
	buf_str(b, "RCPT TO:<");
	buf_add(b, path);
	buf_chr(b, '>');
	put_params(b, p, params, false);
	buf_str(b, "\r\n");
}
