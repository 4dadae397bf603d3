// SPDX-License-Identifier: ISC
/*
 * MAIL and RCPT: the path and its parameters taken apart, the reply for each way to get them wrong.  Whether
 * the path is welcome is not known here: a good command ends in a question to the main.
 */
#include "smtp/server_commands.h"
#include "smtp/params.h"

/* The replies that differ between the two commands. */
struct side {
	struct slice word;		/* before the path */
	unsigned flags;
	struct smtp_reply syntax, bad, eight_bit, long_local, long_domain, long_path;
};

static const struct side from_side = {
	.word = S("FROM:"),
	.flags = SMTP_PATH_NULL,
	.syntax = { .code = 501, .text = S("5.5.4 Syntax: MAIL FROM:<address>") },
	.bad = { .code = 501, .text = S("5.1.7 Bad sender address syntax") },
	.eight_bit = { .code = 550, .text = S("5.6.7 Error: sender address is not ASCII") },
	.long_local = { .code = 501, .text = S("5.1.7 Error: sender's local part is too long") },
	.long_domain = { .code = 501, .text = S("5.1.7 Error: sender's domain is too long") },
	.long_path = { .code = 501, .text = S("5.1.7 Error: sender address is too long") },
};

static const struct side to_side = {
	.word = S("TO:"),
	.flags = SMTP_PATH_NO_DOMAIN,
	.syntax = { .code = 501, .text = S("5.5.4 Syntax: RCPT TO:<address>") },
	.bad = { .code = 501, .text = S("5.1.3 Bad recipient address syntax") },
	.eight_bit = { .code = 553, .text = S("5.6.7 Error: recipient address is not ASCII") },
	.long_local = { .code = 501, .text = S("5.1.3 Error: recipient's local part is too long") },
	.long_domain = { .code = 501, .text = S("5.1.3 Error: recipient's domain is too long") },
	.long_path = { .code = 501, .text = S("5.1.3 Error: recipient address is too long") },
};

/* "FROM:<path> PARAMS": the path to *ret, the rest to *ret_params.  Code 0 when well. */
static struct smtp_reply
take_path(const struct server_session *s, const struct side *side, struct slice arg, struct smtp_path *ret,
    struct slice *ret_params)
{
	unsigned flags = side->flags | (s->server->strict ? 0 : SMTP_PATH_TOLERANT) |
	    (s->server->submission ? SMTP_PATH_LOCAL_ONLY : 0);
	struct slice in = slice_skip(arg, side->word.n), params;

	if (!slice_has_iprefix(arg, side->word) || slice_trim(in).n == 0)
		return side->syntax;
	if (s->server->strict && in.p[0] != '<')	/* RFC 5321 section 3.3: no blank, and brackets */
		return side->syntax;
	switch (smtp_path_parse(in, flags, ret, &params)) {
	case SMTP_PATH_OK:
		break;
	case SMTP_PATH_SYNTAX:		/* often an address in Latin-1 */
		return !slice_is_ascii(in) && !s->utf8 ? side->eight_bit : side->bad;
	case SMTP_PATH_LOCAL_LONG:
		return side->long_local;
	case SMTP_PATH_DOMAIN_LONG:
		return side->long_domain;
	case SMTP_PATH_LONG:
		return side->long_path;
	case SMTP_PATH_CONTROL:
		return side->bad;
	}
	if (params.n && !ascii_blank(params.p[0]))
		return side->syntax;
	/* <postmaster> alone is ours already (RFC 5321 section 4.5.1). */
	if (s->server->submission && !slice_ieq(smtp_path_text(ret), SL("postmaster")) &&
	    !smtp_path_qualify(ret, s->server->hostname))
		return side->long_path;
	*ret_params = params;
	return SMTP_NO_REPLY;
}

struct smtp_reply
server_mail(struct server_session *s, struct slice arg)
{
	struct slice params = { 0 };
	struct smtp_reply r;

	if (s->server->must_authenticate && !s->authenticated)
		return SMTP_REPLY(530, "5.7.0 Error: authentication required");
	server_transaction_end(s);
	r = take_path(s, &from_side, arg, &s->from, &params);
	if (r.code == 0)
		r = smtp_params_mail(s, params);
	/* With its route: what is stripped from an address was in it. */
	if (r.code == 0 && !s->utf8 && !slice_is_ascii(slice_of(arg.p, arg.n - params.n)))
		r = from_side.eight_bit;
	if (r.code == 0)
		return smtp_ask(s, SMTP_NEXT_CHECK_MAIL);
	server_transaction_end(s);
	return r;
}

struct smtp_reply
server_rcpt(struct server_session *s, struct slice arg)
{
	struct slice params = { 0 };
	struct smtp_reply r;

	r = take_path(s, &to_side, arg, &s->rcpt, &params);
	if (r.code == 0 && !s->utf8 && !slice_is_ascii(slice_of(arg.p, arg.n - params.n)))
		r = to_side.eight_bit;
	if (r.code == 0)
		r = smtp_params_rcpt(s, params);
	if (r.code) {
		s->refused++;
		return r;
	}
	/* 452, not 552: the client is to send those in another transaction (RFC 5321 section 4.5.3.1.10). */
	if (s->recipients >= s->server->max_recipients)
		return SMTP_REPLY(452, "4.5.3 Error: too many recipients");
	return smtp_ask(s, SMTP_NEXT_CHECK_RCPT);
}
