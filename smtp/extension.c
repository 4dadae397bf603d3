// SPDX-License-Identifier: ISC
/*
 * The table of extensions, with the small functions that its rows point to.  A value that takes
 * more than a few lines has its own file: smtp/dsn, smtp/deliver_by.
 */
#include "smtp/extension.h"

#include <assert.h>

#include "base/clock.h"
#include "smtp/client_auth.h"
#include "smtp/client_offer.h"
#include "smtp/deliver_by.h"
#include "smtp/dsn.h"
#include "smtp/param.h"
#include "smtp/server.h"

#define SIZE_DIGITS 20		/* RFC 1870 section 6 */
#define HOLDUNTIL_MAX 64	/* octets, with many digits behind the second */

static_assert(SMTP_PARAMS_MAX > sizeof " BODY=BINARYMIME SMTPUTF8 RET=FULL REQUIRETLS"
    " MT-PRIORITY=-9 BY=-999999999;RT ENVID= HOLDUNTIL=" + 3 * SMTP_ENVID_MAX + HOLDUNTIL_MAX,
    "the kept parameters of MAIL fit");
static_assert(SMTP_PARAMS_MAX > sizeof " NOTIFY= ORCPT=" + SMTP_NOTIFY_MAX + SMTP_ORCPT_MAX,
    "the kept parameters of RCPT fit");

/* ---- to whom the server offers it ---- */

static bool
inside_tls(const struct server_session *s)
{
	return s->server->tls;
}

/* FUTURERELEASE is for submission: a stranger must not store mail here (RFC 4865 section 3). */
static bool
to_own_clients(const struct server_session *s)
{
	return s->server->trusted || s->authenticated;
}

static bool
before_tls(const struct server_session *s)
{
	return s->server->starttls == SMTP_STARTTLS_OFFERED && !s->server->tls;
}

static bool
with_passwords(const struct server_session *s)
{
	return s->server->auth;
}

static bool
to_proxies(const struct server_session *s)
{
	return s->server->xclient;
}

/* ---- the argument, as the server writes it ---- */

static void
put_size(struct buf *b, const struct server_session *s)
{
	buf_uint(b, s->server->max_message_size);
}

static void
put_limits(struct buf *b, const struct server_session *s)
{
	buf_str(b, "RCPTMAX=");
	buf_uint(b, s->server->max_recipients);
	if (s->server->max_messages) {
		buf_str(b, " MAILMAX=");
		buf_uint(b, s->server->max_messages);
	}
}

static void
put_release(struct buf *b, const struct server_session *s)
{
	buf_uint(b, SMTP_HOLD_MAX_S);
	buf_chr(b, ' ');
	clock_stamp(b, s->server->now_s + SMTP_HOLD_MAX_S);
}

static void
put_mechanisms(struct buf *b, const struct server_session *s)
{
	(void)s;
	buf_str(b, SMTP_AUTH_MECHANISMS);
}

static void
put_attributes(struct buf *b, const struct server_session *s)
{
	(void)s;
	buf_str(b, SMTP_XCLIENT_NAMES);
}

/* ---- the argument, as the client reads it ---- */

static bool
read_size(struct client_offer *o, struct slice argument)
{
	return argument.n == 0 || slice_uint(argument, UINT64_MAX, &o->max_size);
}

static bool
read_least_time(struct client_offer *o, struct slice argument)
{
	return argument.n == 0 || slice_uint(argument, SMTP_BY_MAX_S, &o->min_by);
}

static bool
read_mechanisms(struct client_offer *o, struct slice argument)
{
	o->mechanisms |= client_auth_mechanisms(argument);
	return true;
}

/* One to six digits, and no zero in front (RFC 9422 section 5.1). */
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

/* "RCPTMAX=100 MAILMAX=5": skip unknown limits; if one is malformed, none counts. */
static bool
read_limits(struct client_offer *o, struct slice argument)
{
	struct smtp_limits l = { 0 };
	const struct {
		struct slice name;
		unsigned *value;
	} known[] = {
		{ S("MAILMAX"), &l.mail_max },
		{ S("RCPTMAX"), &l.rcpt_max },
		{ S("RCPTDOMAINMAX"), &l.rcpt_domain_max },
	};

	o->limits = (struct smtp_limits){ 0 };
	while (argument.n) {
		struct slice value, name;

		name = slice_cut(slice_cut(argument, ' ', &argument), '=', &value);
		argument = slice_trim(argument);
		if (!limit_is_well_formed(name, value))
			return false;
		for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
			if (slice_ieq(name, known[i].name) &&
			    (*known[i].value || !limit_value(value, known[i].value)))
				return false;
	}
	o->limits = l;
	return true;
}

/* ---- the values of parameters ---- */

static bool
has_no_value(struct slice value)
{
	return !value.p;
}

/* The client names the author of the message: not to be relied on (RFC 4954 section 5). */
static bool
names_author(struct slice value)
{
	size_t n;

	return slice_eq(value, SL("<>")) || (value.n > 0 && smtp_xtext_valid(value, false, &n));
}

static bool
check_size(struct server_session *s, struct slice *value, struct smtp_reply *refusal)
{
	const uint64_t max = s->server->max_message_size;

	for (size_t i = 0; i < value->n; i++)
		if (value->p[i] < '0' || value->p[i] > '9')
			return false;
	if (value->n == 0 || value->n > SIZE_DIGITS)
		return false;
	if (slice_uint(*value, UINT64_MAX, &s->declared_size) && (!max || s->declared_size <= max))
		return true;
	*refusal = (struct smtp_reply){ .code = 552,
		.text = S("5.3.4 Message size exceeds fixed limit") };
	return false;
}

static bool
check_body(struct server_session *s, struct slice *value, struct smtp_reply *refusal)
{
	static const struct slice words[] = {
		[SMTP_BODY_7BIT] = S("7BIT"),
		[SMTP_BODY_8BITMIME] = S("8BITMIME"),
		[SMTP_BODY_BINARYMIME] = S("BINARYMIME"),
	};

	(void)refusal;
	for (size_t i = SMTP_BODY_7BIT; i < sizeof words / sizeof words[0]; i++)
		if (slice_ieq(*value, words[i])) {
			s->body = (enum smtp_body)i;
			*value = words[i];
			return true;
		}
	return false;
}

static bool
check_utf8(struct server_session *s, struct slice *value, struct smtp_reply *refusal)
{
	(void)refusal;
	s->utf8 = !value->p;
	return s->utf8;
}

static bool
check_orcpt(struct server_session *s, struct slice *value, struct smtp_reply *refusal)
{
	(void)refusal;
	return smtp_dsn_orcpt_valid(*value, s->utf8);
}

/* -9 to 9, without a plus and without a zero in front. */
static bool
priority_valid(struct slice value)
{
	const struct slice digit = slice_skip(value, slice_has_prefix(value, SL("-")));

	return digit.n == 1 && digit.p[0] >= '0' && digit.p[0] <= '9' && !slice_eq(value, SL("-0"));
}

static bool
by_valid(struct slice value)
{
	struct smtp_by by;

	return smtp_by_parse(value, &by);
}

/* A message has one time of release. */
static bool
hold_once(struct server_session *s, struct smtp_reply *refusal)
{
	if (s->held) {
		*refusal = (struct smtp_reply){ .code = 501,
			.text = S("5.5.4 Error: HOLDFOR and HOLDUNTIL exclude each other") };
		return false;
	}
	s->held = true;
	return true;
}

static bool
check_hold_for(struct server_session *s, struct slice *value, struct smtp_reply *refusal)
{
	uint64_t seconds;

	if (value->n > 9 || !slice_uint(*value, SMTP_HOLD_MAX_S, &seconds) || seconds == 0)
		return false;
	return hold_once(s, refusal);
}

static bool
check_hold_until(struct server_session *s, struct slice *value, struct smtp_reply *refusal)
{
	int64_t until_s;

	if (value->n > HOLDUNTIL_MAX || !clock_stamp_parse(*value, &until_s) ||
	    until_s > s->server->now_s + SMTP_HOLD_MAX_S)
		return false;
	return hold_once(s, refusal);
}

/* ---- the table ---- */

static const struct smtp_extension extensions[SMTP_EXTENSIONS] = {
	[SMTP_EXT_PIPELINING] = { .keyword = S("PIPELINING") },
	[SMTP_EXT_SIZE] = { .keyword = S("SIZE"),
		.put_argument = put_size,
		.read_argument = read_size,
		.parameters = {
			{ .keyword = S("SIZE"), .of = SMTP_OF_MAIL, .check = check_size,
				.syntax = S("5.5.4 Syntax: SIZE=octets") },
		} },
	[SMTP_EXT_8BITMIME] = { .keyword = S("8BITMIME"),
		.lack = "the message is 8-bit text and the exchanger does not offer 8BITMIME",
		.parameters = {
			/* A client of ours writes it anew: the content may have been converted. */
			{ .keyword = S("BODY"), .of = SMTP_OF_MAIL, .check = check_body,
				.syntax =
				S("5.5.4 Syntax: BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME"),
				.kept = true },
		} },
	[SMTP_EXT_SMTPUTF8] = { .keyword = S("SMTPUTF8"),
		.lack = "the message needs SMTPUTF8, which the exchanger does not offer",
		.parameters = {
			{ .keyword = S("SMTPUTF8"), .of = SMTP_OF_MAIL, .check = check_utf8,
				.syntax = S("5.5.4 Syntax: SMTPUTF8 has no value"),
				.kept = true, .passed = true },
		} },
	[SMTP_EXT_ENHANCEDSTATUSCODES] = { .keyword = S("ENHANCEDSTATUSCODES") },
	[SMTP_EXT_CHUNKING] = { .keyword = S("CHUNKING") },
	[SMTP_EXT_BINARYMIME] = { .keyword = S("BINARYMIME"),
		.needs = SMTP_EXT_CHUNKING,	/* only BDAT can send it (RFC 3030 section 3) */
		.lack = "the message has NUL octets or bare line ends and the exchanger does not "
		    "offer BINARYMIME" },
	[SMTP_EXT_DSN] = { .keyword = S("DSN"),
		.parameters = {
			{ .keyword = S("RET"), .of = SMTP_OF_MAIL, .valid = smtp_dsn_ret_valid,
				.syntax = S("5.5.4 Syntax: RET=FULL or RET=HDRS"),
				.kept = true, .passed = true, .copy = SMTP_COPY_NOT_OF_LIST },
			{ .keyword = S("ENVID"), .of = SMTP_OF_MAIL, .valid = smtp_dsn_envid_valid,
				.syntax = S("5.5.4 Syntax: ENVID=xtext, of at most 1000 "
				    "printable characters"),
				.kept = true, .passed = true,
				.xtext = true, .portable = smtp_dsn_envid_portable,
				.copy = SMTP_COPY_NOT_OF_LIST },
			{ .keyword = S("NOTIFY"), .of = SMTP_OF_RCPT,
				.valid = smtp_dsn_notify_valid, .syntax =
				S("5.5.4 Syntax: NOTIFY=NEVER or some of SUCCESS,FAILURE,DELAY"),
				.kept = true, .passed = true },
			{ .keyword = S("ORCPT"), .of = SMTP_OF_RCPT, .check = check_orcpt,
				.syntax =
				S("5.5.4 Syntax: ORCPT=type;xtext, of at most 3000 "
				    "printable characters"),
				.kept = true, .passed = true,
				.xtext = true, .portable = smtp_dsn_orcpt_portable,
				.put_ascii = smtp_dsn_orcpt_ascii },
		} },
	[SMTP_EXT_MT_PRIORITY] = { .keyword = S("MT-PRIORITY"),
		.parameters = {
			{ .keyword = S("MT-PRIORITY"), .of = SMTP_OF_MAIL, .valid = priority_valid,
				.syntax = S("5.5.4 Syntax: MT-PRIORITY=-9 to 9"),
				.kept = true, .passed = true },
		} },
	[SMTP_EXT_DELIVERBY] = { .keyword = S("DELIVERBY"),
		.read_argument = read_least_time,
		.lack = "the sender wants the message back if it is late, and the exchanger "
		    "does not offer this (DELIVERBY)",
		.parameters = {
			{ .keyword = S("BY"), .of = SMTP_OF_MAIL, .valid = by_valid,
				.syntax = S("5.5.4 Syntax: BY=seconds;N or BY=seconds;R, "
				    "with T to trace; R needs time"),
				.kept = true, .passed = true, .copy = SMTP_COPY_TIME_LEFT },
		} },
	[SMTP_EXT_LIMITS] = { .keyword = S("LIMITS"),
		.put_argument = put_limits, .read_argument = read_limits },
	[SMTP_EXT_FUTURERELEASE] = { .keyword = S("FUTURERELEASE"),
		.offered = to_own_clients,
		.put_argument = put_release,
		.parameters = {
			{ .keyword = S("HOLDFOR"), .of = SMTP_OF_MAIL, .check = check_hold_for,
				.syntax = S("5.5.4 Syntax: HOLDFOR=seconds, "
				    "not more than EHLO announces"),
				.kept = true, .copy = SMTP_COPY_NEVER },
			{ .keyword = S("HOLDUNTIL"), .of = SMTP_OF_MAIL, .check = check_hold_until,
				.syntax = S("5.5.4 Syntax: HOLDUNTIL=date-time of RFC 3339, "
				    "not later than EHLO announces"),
				.kept = true, .copy = SMTP_COPY_NEVER },
		} },
	[SMTP_EXT_REQUIRETLS] = { .keyword = S("REQUIRETLS"),
		.offered = inside_tls,		/* RFC 8689 section 2 */
		.lack = "the sender demands REQUIRETLS and this exchanger cannot provide it",
		.parameters = {
			{ .keyword = S("REQUIRETLS"), .of = SMTP_OF_MAIL, .valid = has_no_value,
				.syntax = S("5.5.4 Syntax: REQUIRETLS has no value"),
				.kept = true, .passed = true },
		} },
	[SMTP_EXT_STARTTLS] = { .keyword = S("STARTTLS"), .offered = before_tls },
	[SMTP_EXT_AUTH] = { .keyword = S("AUTH"),
		.offered = with_passwords,
		.put_argument = put_mechanisms, .read_argument = read_mechanisms,
		.parameters = {
			{ .keyword = S("AUTH"), .of = SMTP_OF_MAIL, .valid = names_author,
				.syntax = S("5.5.4 Syntax: AUTH=<> or AUTH=address"),
				.harmless = true },
		} },
	[SMTP_EXT_XCLIENT] = { .keyword = S("XCLIENT"),
		.offered = to_proxies, .put_argument = put_attributes },
};

const struct smtp_extension *
smtp_extension(enum smtp_extension_id id)
{
	return &extensions[id];
}

enum smtp_extension_id
smtp_extension_find(struct slice keyword)
{
	for (enum smtp_extension_id id = SMTP_EXT_NONE + 1; id < SMTP_EXTENSIONS; id++)
		if (slice_ieq(keyword, extensions[id].keyword))
			return id;
	return SMTP_EXT_NONE;
}

const struct smtp_parameter *
smtp_parameter_find(struct slice keyword, enum smtp_command of, enum smtp_extension_id *ret)
{
	for (enum smtp_extension_id id = SMTP_EXT_NONE + 1; id < SMTP_EXTENSIONS; id++)
		for (size_t k = 0; k < SMTP_EXT_PARAMETERS; k++) {
			const struct smtp_parameter *p = &extensions[id].parameters[k];

			if (p->keyword.n && p->of == of && slice_ieq(keyword, p->keyword)) {
				*ret = id;
				return p;
			}
		}
	return NULL;
}

bool
smtp_extension_used(struct slice params, enum smtp_extension_id id)
{
	for (size_t k = 0; k < SMTP_EXT_PARAMETERS; k++) {
		const struct slice keyword = extensions[id].parameters[k].keyword;

		if (keyword.n && smtp_param_has(params, keyword))
			return true;
	}
	return false;
}

void
smtp_extension_ask(struct buf *params, enum smtp_extension_id id)
{
	smtp_param_add(params, extensions[id].parameters[0].keyword, slice_of(NULL, 0));
}

bool
smtp_extension_offered(enum smtp_extension_id id, const struct server_session *s)
{
	return !extensions[id].offered || extensions[id].offered(s);
}

void
smtp_extension_put_all(struct buf *b, const struct server_session *s)
{
	for (enum smtp_extension_id id = SMTP_EXT_NONE + 1; id < SMTP_EXTENSIONS; id++) {
		if (!smtp_extension_offered(id, s))
			continue;
		buf_chr(b, '\n');
		buf_add(b, extensions[id].keyword);
		if (!extensions[id].put_argument)
			continue;
		buf_chr(b, ' ');
		extensions[id].put_argument(b, s);
	}
}
