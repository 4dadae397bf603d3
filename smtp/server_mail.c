// SPDX-License-Identifier: ISC
/*
 * The commands of a transaction: MAIL, RCPT, DATA and BDAT (RFC 5321, RFC 3030).  A malformed
 * command gets its reply here.  A good one ends in a question (enum smtp_next): policy and storage
 * are not known here.
 *
 * A chunk follows its BDAT at once, whatever the reply will be.  So no reply is sent before the
 * chunk is stored or discarded.
 */
#include "smtp/server_commands.h"

#include "base/utf8.h"
#include "smtp/param.h"

/* 1 TiB, the largest message that the configuration can allow. */
#define CHUNK_MAX (UINT64_C(1) << 40)

#define ECHO_MAX 64		/* octets of a keyword that a reply repeats */

/* The replies that differ between the two commands. */
struct side {
	struct slice word;		/* in front of the path */
	unsigned flags;
	struct smtp_reply syntax, params, bad, eight_bit, not_utf8, long_local, long_domain,
	    long_path;
	enum smtp_command command;
};

static const struct side from_side = {
	.word = S("FROM:"),
	.flags = SMTP_PATH_NULL,
	.command = SMTP_OF_MAIL,
	.syntax = { .code = 501, .text = S("5.5.4 Syntax: MAIL FROM:<address>") },
	.params = { .code = 501, .text = S("5.5.4 Syntax: MAIL FROM:<address> KEYWORD=value") },
	.bad = { .code = 501, .text = S("5.1.7 Bad sender address syntax") },
	.eight_bit = { .code = 550, .text = S("5.6.7 Error: sender address is not ASCII") },
	.not_utf8 = { .code = 501,
	    .text = S("5.1.7 Error: sender address is not valid UTF-8") },
	.long_local = { .code = 501, .text = S("5.1.7 Error: sender's local part is too long") },
	.long_domain = { .code = 501, .text = S("5.1.7 Error: sender's domain is too long") },
	.long_path = { .code = 501, .text = S("5.1.7 Error: sender address is too long") },
};

static const struct side to_side = {
	.word = S("TO:"),
	.flags = SMTP_PATH_NO_DOMAIN,
	.command = SMTP_OF_RCPT,
	.syntax = { .code = 501, .text = S("5.5.4 Syntax: RCPT TO:<address>") },
	.params = { .code = 501, .text = S("5.5.4 Syntax: RCPT TO:<address> KEYWORD=value") },
	.bad = { .code = 501, .text = S("5.1.3 Bad recipient address syntax") },
	.eight_bit = { .code = 553, .text = S("5.6.7 Error: recipient address is not ASCII") },
	.not_utf8 = { .code = 501,
	    .text = S("5.1.3 Error: recipient address is not valid UTF-8") },
	.long_local = { .code = 501, .text = S("5.1.3 Error: recipient's local part is too long") },
	.long_domain = { .code = 501, .text = S("5.1.3 Error: recipient's domain is too long") },
	.long_path = { .code = 501, .text = S("5.1.3 Error: recipient address is too long") },
};

/* The reply to a path that cannot be parsed.  It often is an address in Latin-1, or in UTF-8 of
 * a client that has not declared it. */
static struct smtp_reply
refuse_path(const struct server_session *s, const struct side *side, struct slice in)
{
	const struct slice keyword = smtp_extension(SMTP_EXT_SMTPUTF8)->keyword;
	const char *end = memrchr(in.p, '>', in.n);
	struct slice params, path = slice_cut(slice_trim(in), ' ', &params);
	struct smtp_param declared;

	if (end) {
		path = slice_of(in.p, (size_t)(end + 1 - in.p));
		params = slice_skip(in, path.n);
	}
	if (slice_is_ascii(path))
		return side->bad;
	if (!s->utf8 && !smtp_param_find(params, keyword, &declared))
		return side->eight_bit;
	return utf8_valid(path) ? side->bad : side->not_utf8;
}

/* Split "FROM:<path> PARAMS" into *ret and *ret_params.  Code 0: it is well-formed. */
static struct smtp_reply
take_path(const struct server_session *s, const struct side *side, struct slice arg,
    struct smtp_path *ret, struct slice *ret_params)
{
	unsigned flags = side->flags | (s->server->strict ? 0 : SMTP_PATH_TOLERANT) |
	    (s->server->submission ? SMTP_PATH_LOCAL_ONLY : 0);
	struct slice in = slice_skip(arg, side->word.n), params;

	if (!slice_has_iprefix(arg, side->word) || slice_trim(in).n == 0)
		return side->syntax;
	if (s->server->strict && in.p[0] != '<')	/* RFC 5321 section 3.3: no blank here */
		return side->syntax;
	switch (smtp_path_parse(in, flags, ret, &params)) {
	case SMTP_PATH_OK:
		break;
	case SMTP_PATH_SYNTAX:
		return refuse_path(s, side, in);
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
	/* <postmaster> needs no domain: it is ours (RFC 5321 section 4.5.1). */
	if (s->server->submission && !slice_ieq(smtp_path_text(ret), SL("postmaster")) &&
	    !smtp_path_qualify(ret, s->server->hostname))
		return side->long_path;
	*ret_params = params;
	return SMTP_NO_REPLY;
}

static struct smtp_reply
unsupported(struct server_session *s, struct slice keyword)
{
	buf_str(&s->text, "5.5.4 Unsupported option: ");
	buf_add(&s->text, slice_of(keyword.p, keyword.n < ECHO_MAX ? keyword.n : ECHO_MAX));
	return server_reply_made(s, 555);
}

/* Check one parameter and keep it in s.  Code 0: it is accepted. */
static struct smtp_reply
take_param(struct server_session *s, enum smtp_command command, const struct smtp_param *param)
{
	enum smtp_extension_id id;
	const struct smtp_parameter *p = smtp_parameter_find(param->keyword, command, &id);
	struct slice value = param->value;
	struct smtp_reply refusal = { .code = 501 };

	if (!p || !(smtp_extension_offered(id, s) || (p->harmless && !s->server->strict)))
		return unsupported(s, param->keyword);
	refusal.text = p->syntax;
	if (p->valid ? !p->valid(value) : !p->check(s, &value, &refusal))
		return refusal;
	if (p->kept)
		smtp_param_add(&s->params, p->keyword, value);
	if (p->kept && p->xtext && !s->params.full)
		smtp_xtext_raise(s->params.p + s->params.n - value.n, value.n);
	return SMTP_NO_REPLY;
}

/* Check the parameters and keep them in s.  Code 0: all are accepted. */
static struct smtp_reply
take_params(struct server_session *s, const struct side *side, struct slice in)
{
	const struct slice all = in;
	enum smtp_param_result taken;
	struct smtp_param param, first;

	s->params.n = 0;
	while ((taken = smtp_param_take(&in, &param)) == SMTP_PARAM_TAKEN) {
		struct smtp_reply r;

		/* HELO negotiates nothing (RFC 5321 section 4.1.1.11). */
		if (!s->esmtp && s->helo.n)
			return SMTP_REPLY(555, "5.5.4 Error: parameters need EHLO");
		if (smtp_param_find(all, param.keyword, &first) && first.whole.p != param.whole.p)
			return SMTP_REPLY(501, "5.5.4 Error: parameter given twice");
		r = take_param(s, side->command, &param);
		if (r.code)
			return r;
	}
	return taken == SMTP_PARAM_NONE ? SMTP_NO_REPLY : side->params;
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
		r = take_params(s, &from_side, params);
	/* Test the argument, not the path: the parser has dropped a source route. */
	if (r.code == 0 && !s->utf8 && !slice_is_ascii(slice_of(arg.p, arg.n - params.n)))
		r = from_side.eight_bit;
	if (r.code == 0)
		return server_ask(s, SMTP_NEXT_CHECK_MAIL);
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
		r = take_params(s, &to_side, params);
	if (r.code) {
		s->refused++;
		return r;
	}
	/* 452 makes a client open another transaction (RFC 5321 section 4.5.3.1.10). */
	if (s->recipients >= s->server->max_recipients)
		return SMTP_REPLY(452, "4.5.3 Error: too many recipients");
	return server_ask(s, SMTP_NEXT_CHECK_RCPT);
}

struct smtp_reply
server_data(struct server_session *s, struct slice arg)
{
	(void)arg;
	if (s->state == SMTP_AT_CHUNK) {	/* only RSET helps now (RFC 3030 section 2) */
		s->state = SMTP_AT_BROKEN;
		return SMTP_REPLY(503, "5.5.1 Error: DATA after BDAT");
	}
	if (s->body == SMTP_BODY_BINARYMIME)
		return SMTP_REPLY(503, "5.5.1 Error: BODY=BINARYMIME needs BDAT");
	if (s->state == SMTP_AT_RCPT)
		return server_ask(s, SMTP_NEXT_CHECK_DATA);
	return s->refused && !s->server->lmtp ?
	    SMTP_REPLY(554, "5.5.1 Error: no valid recipients") :
	    SMTP_REPLY(503, "5.5.1 Error: need RCPT command");
}

/* Nobody knows any more where the next command begins. */
static struct smtp_reply
lost(void)
{
	struct smtp_reply r = SMTP_REPLY(501, "5.5.4 Syntax: BDAT octets [LAST]");

	r.next = SMTP_NEXT_CLOSE;
	return r;
}

struct smtp_reply
server_bdat(struct server_session *s, struct slice arg)
{
	struct slice last, octets = slice_cut(arg, ' ', &last);
	struct smtp_reply r;

	last = slice_trim(last);
	if (!slice_uint(octets, CHUNK_MAX, &s->chunk) || (last.n && !slice_ieq(last, SL("LAST"))))
		return lost();
	s->chunk_last = last.n > 0;
	if (s->state == SMTP_AT_RCPT || s->state == SMTP_AT_CHUNK)
		return (struct smtp_reply){ .next = SMTP_NEXT_CHUNK };
	if (s->state != SMTP_AT_MAIL)
		r = server_out_of_sequence(s);
	else if (s->refused && !s->server->lmtp)	/* 503 in LMTP (RFC 2033 section 4.2) */
		r = SMTP_REPLY(554, "5.5.1 Error: no valid recipients");
	else
		r = SMTP_REPLY(503, "5.5.1 Error: need RCPT command");
	r.next = SMTP_NEXT_DISCARD;
	return r;
}
