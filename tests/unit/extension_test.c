// SPDX-License-Identifier: ISC
/*
 * The table of extensions, row by row: the clients that the server offers it to, the reply to each
 * of its parameters, the parameters kept, and the peers that get them.
 */
#include "smtp/extension.h"

#include "smtp/client_auth.h"
#include "smtp/client_offer.h"
#include "smtp/param.h"
#include "smtp/server.h"
#include "tests/lib/tap.h"

#define SIZE_MAX_TOLD 10000
#define NOW_S 1000

/* Facts about a client; they are or'ed. */
enum { STRANGER = 0, TRUSTED = 1, TLS = 2, LOGGED_IN = 4, CAN_TLS = 8, CAN_AUTH = 16,
	PROXY = 32 };

static struct server_auth auth;

static void
begin(struct server *server, struct server_session *s, unsigned client)
{
	*server = (struct server){ .hostname = S("mx.example"), .max_message_size = SIZE_MAX_TOLD,
		.max_recipients = 100, .max_messages = 7, .max_errors = 1000, .now_s = NOW_S,
		.trusted = client & TRUSTED, .tls = client & TLS,
		.starttls = client & CAN_TLS ? SMTP_STARTTLS_OFFERED : SMTP_STARTTLS_OFF,
		.auth = client & CAN_AUTH ? &auth : NULL,
		.xclient = client & PROXY };
	server_auth_clear(&auth);
	server_init(s, server);
	s->authenticated = client & LOGGED_IN;
}

/* ---- the clients that get an offer, and its argument ---- */

static const struct {
	const char *name;
	enum smtp_extension_id id;
	unsigned client;
	const char *line;		/* NULL: not offered */
} offers[] = {
	{ "PIPELINING to all", SMTP_EXT_PIPELINING, STRANGER, "PIPELINING" },
	{ "SIZE to all, with the limit", SMTP_EXT_SIZE, STRANGER, "SIZE 10000" },
	{ "8BITMIME to all", SMTP_EXT_8BITMIME, STRANGER, "8BITMIME" },
	{ "SMTPUTF8 to all", SMTP_EXT_SMTPUTF8, STRANGER, "SMTPUTF8" },
	{ "ENHANCEDSTATUSCODES to all", SMTP_EXT_ENHANCEDSTATUSCODES, STRANGER,
	    "ENHANCEDSTATUSCODES" },
	{ "CHUNKING to all", SMTP_EXT_CHUNKING, STRANGER, "CHUNKING" },
	{ "BINARYMIME to all", SMTP_EXT_BINARYMIME, STRANGER, "BINARYMIME" },
	{ "DSN to all", SMTP_EXT_DSN, STRANGER, "DSN" },
	{ "MT-PRIORITY to all", SMTP_EXT_MT_PRIORITY, STRANGER, "MT-PRIORITY" },
	{ "DELIVERBY to all", SMTP_EXT_DELIVERBY, STRANGER, "DELIVERBY" },
	{ "LIMITS to all, with the limits", SMTP_EXT_LIMITS, STRANGER,
	    "LIMITS RCPTMAX=100 MAILMAX=7" },
	{ "FUTURERELEASE not to strangers", SMTP_EXT_FUTURERELEASE, STRANGER, NULL },
	{ "FUTURERELEASE not for TLS alone", SMTP_EXT_FUTURERELEASE, TLS | CAN_AUTH, NULL },
	{ "FUTURERELEASE to the trusted", SMTP_EXT_FUTURERELEASE, TRUSTED,
	    "FUTURERELEASE 2419200 1970-01-29T00:16:40Z" },
	{ "FUTURERELEASE after a login", SMTP_EXT_FUTURERELEASE, LOGGED_IN,
	    "FUTURERELEASE 2419200 1970-01-29T00:16:40Z" },
	{ "REQUIRETLS not in clear", SMTP_EXT_REQUIRETLS, TRUSTED | LOGGED_IN | CAN_TLS, NULL },
	{ "REQUIRETLS inside TLS", SMTP_EXT_REQUIRETLS, TLS, "REQUIRETLS" },
	{ "STARTTLS only if there is TLS", SMTP_EXT_STARTTLS, STRANGER, NULL },
	{ "STARTTLS in clear", SMTP_EXT_STARTTLS, CAN_TLS, "STARTTLS" },
	{ "STARTTLS not inside TLS", SMTP_EXT_STARTTLS, CAN_TLS | TLS, NULL },
	{ "AUTH only if there are passwords", SMTP_EXT_AUTH, TLS, NULL },
	{ "AUTH with its mechanisms", SMTP_EXT_AUTH, CAN_AUTH, "AUTH PLAIN LOGIN" },
	{ "XCLIENT not to the trusted", SMTP_EXT_XCLIENT, TRUSTED | LOGGED_IN, NULL },
	{ "XCLIENT to proxies", SMTP_EXT_XCLIENT, PROXY,
	    "XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT" },
};

static bool
has_line(struct slice text, struct slice line)
{
	while (text.n)
		if (slice_eq(slice_cut(text, '\n', &text), line))
			return true;
	return false;
}

static void
test_offers(void)
{
	struct server server;
	struct server_session s;
	unsigned seen = 0;

	for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
		struct smtp_reply r;

		begin(&server, &s, offers[i].client);
		seen |= 1U << offers[i].id;
		r = server_command(&s, SL("EHLO c.example"));
		ok(smtp_extension_offered(offers[i].id, &s) == (offers[i].line != NULL), "%s",
		    offers[i].name);
		if (offers[i].line)
			ok(has_line(r.text, slice_str(offers[i].line)), "\"%s\"", offers[i].line);
		else
			ok(!memmem(r.text.p, r.text.n, smtp_extension(offers[i].id)->keyword.p,
			    smtp_extension(offers[i].id)->keyword.n), "no such line");
	}
	ok(seen == (1U << SMTP_EXTENSIONS) - 2, "each row of the table is here");
}

/* ---- parameters: the reply, and the text that the envelope keeps ---- */

static const struct {
	const char *line;
	unsigned client;		/* 0: STRANGER */
	int code;			/* 0: accepted */
	const char *text;		/* the reply, or the parameter kept */
} params[] = {
	{ .line = "MAIL FROM:<> SIZE=10000", .text = "" },
	{ .line = "MAIL FROM:<> SIZE=10001", .code = 552,
	  .text = "5.3.4 Message size exceeds fixed limit" },
	{ .line = "MAIL FROM:<> SIZE=x", .code = 501, .text = "5.5.4 Syntax: SIZE=octets" },
	{ .line = "MAIL FROM:<> body=8bitmime", .text = "BODY=8BITMIME" },
	{ .line = "MAIL FROM:<> BODY=9BIT", .code = 501,
	  .text = "5.5.4 Syntax: BODY=7BIT, BODY=8BITMIME or BODY=BINARYMIME" },
	{ .line = "MAIL FROM:<> smtputf8", .text = "SMTPUTF8" },
	{ .line = "MAIL FROM:<> SMTPUTF8=1", .code = 501,
	  .text = "5.5.4 Syntax: SMTPUTF8 has no value" },
	{ .line = "MAIL FROM:<> ret=hdrs", .text = "RET=hdrs" },
	{ .line = "MAIL FROM:<> RET=ALL", .code = 501,
	  .text = "5.5.4 Syntax: RET=FULL or RET=HDRS" },
	{ .line = "MAIL FROM:<> ENVID=a+2Bb", .text = "ENVID=a+2Bb" },
	{ .line = "MAIL FROM:<> ENVID=a+b", .code = 501,
	  .text = "5.5.4 Syntax: ENVID=xtext, of at most 1000 printable characters" },
	{ .line = "RCPT TO:<u@d> NOTIFY=success,Delay", .text = "NOTIFY=success,Delay" },
	{ .line = "RCPT TO:<u@d> NOTIFY=NEVER,DELAY", .code = 501,
	  .text = "5.5.4 Syntax: NOTIFY=NEVER or some of SUCCESS,FAILURE,DELAY" },
	{ .line = "RCPT TO:<u@d> ORCPT=rfc822;v@d", .text = "ORCPT=rfc822;v@d" },
	{ .line = "RCPT TO:<u@d> ORCPT=v@d", .code = 501,
	  .text = "5.5.4 Syntax: ORCPT=type;xtext, of at most 3000 printable characters" },
	{ .line = "MAIL FROM:<> MT-PRIORITY=-9", .text = "MT-PRIORITY=-9" },
	{ .line = "MAIL FROM:<> MT-PRIORITY=10", .code = 501,
	  .text = "5.5.4 Syntax: MT-PRIORITY=-9 to 9" },
	{ .line = "MAIL FROM:<> by=+120;rt", .text = "BY=+120;rt" },
	{ .line = "MAIL FROM:<> BY=0;R", .code = 501,
	  .text = "5.5.4 Syntax: BY=seconds;N or BY=seconds;R, with T to trace; R needs time" },
	{ .line = "MAIL FROM:<> HOLDFOR=1", .code = 555,
	  .text = "5.5.4 Unsupported option: HOLDFOR" },
	{ .line = "MAIL FROM:<> HOLDFOR=1", .client = LOGGED_IN, .text = "HOLDFOR=1" },
	{ .line = "MAIL FROM:<> HOLDFOR=2419200", .client = TRUSTED, .text = "HOLDFOR=2419200" },
	{ .line = "MAIL FROM:<> HOLDFOR=2419201", .client = TRUSTED, .code = 501,
	  .text = "5.5.4 Syntax: HOLDFOR=seconds, not more than EHLO announces" },
	{ .line = "MAIL FROM:<> HOLDUNTIL=1970-01-29T00:16:40Z", .client = TRUSTED,
	  .text = "HOLDUNTIL=1970-01-29T00:16:40Z" },
	{ .line = "MAIL FROM:<> HOLDUNTIL=1970-01-29T00:16:41Z", .client = TRUSTED, .code = 501,
	  .text = "5.5.4 Syntax: HOLDUNTIL=date-time of RFC 3339, not later than EHLO announces" },
	{ .line = "MAIL FROM:<> HOLDFOR=1 HOLDUNTIL=1970-01-01T01:00:00Z", .client = TRUSTED,
	  .code = 501, .text = "5.5.4 Error: HOLDFOR and HOLDUNTIL exclude each other" },
	{ .line = "MAIL FROM:<> REQUIRETLS", .client = TRUSTED, .code = 555,
	  .text = "5.5.4 Unsupported option: REQUIRETLS" },
	{ .line = "MAIL FROM:<> REQUIRETLS", .client = TLS, .text = "REQUIRETLS" },
	{ .line = "MAIL FROM:<> REQUIRETLS=1", .client = TLS, .code = 501,
	  .text = "5.5.4 Syntax: REQUIRETLS has no value" },
	{ .line = "MAIL FROM:<> AUTH=<>", .text = "" },
	{ .line = "MAIL FROM:<> AUTH=a+b", .code = 501,
	  .text = "5.5.4 Syntax: AUTH=<> or AUTH=address" },
	{ .line = "MAIL FROM:<> ENVID=a+2bb+e9", .text = "ENVID=a+2Bb+E9" },
	{ .line = "MAIL FROM:<> AUTH=<>", .client = CAN_AUTH, .text = "" },
	{ .line = "MAIL FROM:<> AUTH", .client = CAN_AUTH, .code = 501,
	  .text = "5.5.4 Syntax: AUTH=<> or AUTH=address" },
	{ .line = "MAIL FROM:<> DSN", .code = 555, .text = "5.5.4 Unsupported option: DSN" },
	{ .line = "MAIL FROM:<> NOTIFY=NEVER", .code = 555,
	  .text = "5.5.4 Unsupported option: NOTIFY" },
	{ .line = "RCPT TO:<u@d> BODY=7BIT", .code = 555,
	  .text = "5.5.4 Unsupported option: BODY" },
	{ .line = "MAIL FROM:<> RET=FULL RET=FULL", .code = 501,
	  .text = "5.5.4 Error: parameter given twice" },
};

static void
test_params(void)
{
	struct server server;
	struct server_session s;

	for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
		struct smtp_reply r;

		begin(&server, &s, params[i].client);
		(void)server_command(&s, SL("EHLO c.example"));
		if (params[i].line[0] == 'R') {
			(void)server_command(&s, SL("MAIL FROM:<>"));
			(void)server_decide(&s, SMTP_ACCEPT, SL(""));
		}
		r = server_command(&s, slice_str(params[i].line));
		ok(r.code == params[i].code, "%s: %d", params[i].line, r.code);
		is(r.code ? r.text : buf_slice(&s.params), slice_str(params[i].text), "its text");
	}
}

/* ---- the client's half ---- */

static const struct {
	const char *param;		/* as the envelope keeps it */
	enum smtp_command of;
	const char *ehlo;		/* a peer that gets it; "": none does */
} passed[] = {
	{ "SIZE=1", SMTP_OF_MAIL, "" },
	{ "BODY=8BITMIME", SMTP_OF_MAIL, "" },
	{ "SMTPUTF8", SMTP_OF_MAIL, "SMTPUTF8" },
	{ "RET=FULL", SMTP_OF_MAIL, "DSN" },
	{ "ENVID=a", SMTP_OF_MAIL, "DSN" },
	{ "NOTIFY=DELAY", SMTP_OF_RCPT, "DSN" },
	{ "ORCPT=rfc822;a@b", SMTP_OF_RCPT, "DSN" },
	{ "MT-PRIORITY=3", SMTP_OF_MAIL, "MT-PRIORITY" },
	{ "BY=120;R", SMTP_OF_MAIL, "DELIVERBY" },
	{ "HOLDFOR=60", SMTP_OF_MAIL, "" },
	{ "HOLDUNTIL=2026-11-22T00:00:00Z", SMTP_OF_MAIL, "" },
	{ "REQUIRETLS", SMTP_OF_MAIL, "REQUIRETLS" },
	{ "AUTH=<>", SMTP_OF_MAIL, "" },
};

static bool
passes(const struct client_offer *o, const char *param, enum smtp_command of)
{
	char space[200];
	struct buf b = BUF(space);

	if (of == SMTP_OF_MAIL)
		client_mail(&b, o, SL("a@b"), slice_str(param), 0, SMTP_BODY_7BIT);
	else
		client_rcpt(&b, o, SL("a@b"), slice_str(param));
	return memmem(b.p, b.n, param, strlen(param)) != NULL;
}

static void
test_passed(void)
{
	for (size_t i = 0; i < sizeof passed / sizeof passed[0]; i++) {
		const enum smtp_extension_id id = smtp_extension_find(slice_str(passed[i].ehlo));
		const enum smtp_command other =
		    passed[i].of == SMTP_OF_MAIL ? SMTP_OF_RCPT : SMTP_OF_MAIL;
		struct client_offer all, one = { 0 }, none = { 0 };

		memset(all.offers, true, sizeof all.offers);
		one.offers[id] = true;
		ok(passes(&all, passed[i].param, passed[i].of) == (id != SMTP_EXT_NONE) &&
		    passes(&one, passed[i].param, passed[i].of) == (id != SMTP_EXT_NONE),
		    "%s, to a peer with %s", passed[i].param, id ? passed[i].ehlo : "everything");
		ok(!passes(&none, passed[i].param, passed[i].of), "not to a peer without it");
		ok(!passes(&all, passed[i].param, other), "not at the other command");
		all.offers[id] = false;
		ok(!passes(&all, passed[i].param, passed[i].of), "not for another extension");
	}
}

static const struct {
	const char *line;		/* of an EHLO reply */
	enum smtp_extension_id id;
	bool counts;
} announced[] = {
	{ "PIPELINING", SMTP_EXT_PIPELINING, true },
	{ "size", SMTP_EXT_SIZE, true },
	{ "SIZE 5", SMTP_EXT_SIZE, true },
	{ "SIZE 5M", SMTP_EXT_SIZE, false },
	{ "8BITMIME or so", SMTP_EXT_8BITMIME, true },
	{ "BINARYMIME", SMTP_EXT_BINARYMIME, false },
	{ "BINARYMIME\nCHUNKING", SMTP_EXT_BINARYMIME, true },
	{ "CHUNKING", SMTP_EXT_CHUNKING, true },
	{ "DELIVERBY 60", SMTP_EXT_DELIVERBY, true },
	{ "DELIVERBY soon", SMTP_EXT_DELIVERBY, false },
	{ "LIMITS MAILMAX=1", SMTP_EXT_LIMITS, true },
	{ "LIMITS MAILMAX=0", SMTP_EXT_LIMITS, false },
	{ "AUTH=PLAIN", SMTP_EXT_AUTH, true },
	{ "X-DSN", SMTP_EXT_DSN, false },
};

static void
test_announced(void)
{
	for (size_t i = 0; i < sizeof announced / sizeof announced[0]; i++) {
		char space[100];
		struct buf b = BUF(space);
		struct client_offer o;

		client_offer_init(&o);
		buf_str(&b, "mx.example\n");
		buf_str(&b, announced[i].line);
		client_offer_ehlo(&o, buf_slice(&b));
		ok(o.offers[announced[i].id] == announced[i].counts,
		    "a peer announces %.*s, row %zu", (int)strcspn(announced[i].line, "\n"),
		    announced[i].line, i);
	}
}

/* ---- the table itself ---- */

static void
test_rows(void)
{
	for (enum smtp_extension_id id = SMTP_EXT_NONE + 1; id < SMTP_EXTENSIONS; id++) {
		const struct smtp_extension *x = smtp_extension(id);
		enum smtp_extension_id found = SMTP_EXT_NONE;

		ok(x->keyword.n > 0 && smtp_extension_find(x->keyword) == id, "%s is found",
		    x->keyword.p);
		for (size_t k = 0; k < SMTP_EXT_PARAMETERS && x->parameters[k].keyword.n; k++) {
			const struct smtp_parameter *p = &x->parameters[k];

			ok(smtp_parameter_find(p->keyword, p->of, &found) == p && found == id,
			    "%s is found, and is of %s", p->keyword.p, x->keyword.p);
			ok(!p->valid != !p->check && p->syntax.n > 0 && (p->kept || !p->passed),
			    "it has one check and a text");
		}
	}
	ok(smtp_extension_find(SL("")) == SMTP_EXT_NONE &&
	    smtp_extension_find(SL("X")) == SMTP_EXT_NONE,
	    "no keyword is no extension");
}

static void
test_used(void)
{
	char space[100];
	struct buf b = BUF(space);

	ok(smtp_extension_used(SL("RET=FULL smtputf8"), SMTP_EXT_SMTPUTF8), "a parameter is used");
	ok(smtp_extension_used(SL("BAD= RET=FULL"), SMTP_EXT_DSN), "also after a malformed one");
	ok(!smtp_extension_used(SL("RET=FULL"), SMTP_EXT_SMTPUTF8), "one is not");
	ok(!smtp_extension_used(SL("PIPELINING"), SMTP_EXT_PIPELINING), "an extension has none");
	smtp_extension_ask(&b, SMTP_EXT_SMTPUTF8);
	smtp_extension_ask(&b, SMTP_EXT_REQUIRETLS);
	is(buf_slice(&b), SL("SMTPUTF8 REQUIRETLS"), "asked for");
}

int
main(void)
{
	test_offers();
	test_params();
	test_passed();
	test_announced();
	test_rows();
	test_used();
	return tap_done();
}
