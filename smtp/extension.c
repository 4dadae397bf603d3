// SPDX-License-Identifier: ISC
/*
 * What EHLO offers, and the parameters of those extensions that are not offered to everybody or ask nothing of the session
 * itself: MT-PRIORITY (RFC 6710), DELIVERBY (RFC 2852), FUTURERELEASE (RFC 4865), REQUIRETLS (RFC 8689).  The envelope keeps them for the
 * deliveries.  session.c and params.c call.
 */
#include "base/clock.h"
#include "smtp/server_commands.h"
#include "smtp/deliver_by.h"
#include "smtp/values.h"

#define HOLDUNTIL_MAX 64	/* with more digits of a second than anybody needs */

bool
smtp_offers_requiretls(const struct server_session *s)
{
	return s->server->tls;		/* RFC 8689 section 2: never in clear */
}

/* It is for submission (RFC 4865 section 3): who may not send through us cannot leave mail here either. */
bool
smtp_offers_hold(const struct server_session *s)
{
	return s->server->trusted || s->authenticated;
}

void
server_ehlo_extensions(struct server_session *s)
{
	buf_str(&s->text, "\nPIPELINING\nSIZE ");
	buf_uint(&s->text, s->server->max_message_size);
	buf_str(&s->text, "\n8BITMIME\nSMTPUTF8\nENHANCEDSTATUSCODES\nCHUNKING\nBINARYMIME\nDSN\nMT-PRIORITY\nDELIVERBY\nLIMITS RCPTMAX=");
	buf_uint(&s->text, s->server->max_recipients);
	if (s->server->max_messages) {
		buf_str(&s->text, " MAILMAX=");
		buf_uint(&s->text, s->server->max_messages);
	}
	if (smtp_offers_hold(s)) {
		buf_str(&s->text, "\nFUTURERELEASE ");
		buf_uint(&s->text, SMTP_HOLD_MAX_S);
		buf_chr(&s->text, ' ');
		clock_stamp(&s->text, s->server->now_s + SMTP_HOLD_MAX_S);
	}
	if (smtp_offers_requiretls(s))
		buf_str(&s->text, "\nREQUIRETLS");
}

/* -9 to 9, without a plus and without a zero in front. */
struct smtp_reply
smtp_value_priority(struct server_session *s, struct slice value)
{
	const struct slice digit = value.n && value.p[0] == '-' ? slice_skip(value, 1) : value;

	if (digit.n != 1 || digit.p[0] < '0' || digit.p[0] > '9' || slice_eq(value, SL("-0")))
		return SMTP_REPLY(501, "5.5.4 Syntax: MT-PRIORITY=-9 to 9");
	smtp_param_keep(s, "MT-PRIORITY", value);
	return SMTP_NO_REPLY;
}

struct smtp_reply
smtp_value_by(struct server_session *s, struct slice value)
{
	struct smtp_by by;

	if (!smtp_by_parse(value, &by))
		return SMTP_REPLY(501, "5.5.4 Syntax: BY=seconds;N or BY=seconds;R, with T to trace; R needs time");
	smtp_param_keep(s, "BY", value);
	return SMTP_NO_REPLY;
}

struct smtp_reply
smtp_value_requiretls(struct server_session *s, struct slice value)
{
	if (value.p)
		return SMTP_REPLY(501, "5.5.4 Syntax: REQUIRETLS has no value");
	smtp_param_keep(s, "REQUIRETLS", value);
	return SMTP_NO_REPLY;
}

static struct smtp_reply
hold(struct server_session *s, const char *keyword, struct slice value)
{
	if (s->held)
		return SMTP_REPLY(501, "5.5.4 Error: HOLDFOR and HOLDUNTIL exclude each other");
	s->held = true;
	smtp_param_keep(s, keyword, value);
	return SMTP_NO_REPLY;
}

struct smtp_reply
smtp_value_holdfor(struct server_session *s, struct slice value)
{
	uint64_t seconds;

	if (value.n > 9 || !slice_uint(value, SMTP_HOLD_MAX_S, &seconds) || seconds == 0)
		return SMTP_REPLY(501, "5.5.4 Syntax: HOLDFOR=seconds, as many as EHLO says at most");
	return hold(s, "HOLDFOR", value);
}

struct smtp_reply
smtp_value_holduntil(struct server_session *s, struct slice value)
{
	int64_t until_s;

	if (value.n > HOLDUNTIL_MAX || !clock_stamp_parse(value, &until_s) || until_s > s->server->now_s + SMTP_HOLD_MAX_S)
		return SMTP_REPLY(501, "5.5.4 Syntax: HOLDUNTIL=date-time of RFC 3339, at most as late as EHLO says");
	return hold(s, "HOLDUNTIL", value);
}
