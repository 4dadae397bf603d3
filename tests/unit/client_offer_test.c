// SPDX-License-Identifier: ISC
/*
 * What a client reads from EHLO, and the MAIL and RCPT it makes of an envelope.
 */
#include "smtp/client_offer.h"

#include "smtp/client_auth.h"
#include "tests/lib/tap.h"

enum { PIPE = 1, SIZE = 2, EIGHT = 4, CHUNK = 8, BINARY = 16, UTF8 = 32, DSN = 64, TLS = 128, ENH = 256 };

static const struct { enum smtp_extension_id id; unsigned bit; } bits[] = {
	{ SMTP_EXT_PIPELINING, PIPE }, { SMTP_EXT_SIZE, SIZE }, { SMTP_EXT_8BITMIME, EIGHT },
	{ SMTP_EXT_CHUNKING, CHUNK }, { SMTP_EXT_BINARYMIME, BINARY }, { SMTP_EXT_SMTPUTF8, UTF8 },
	{ SMTP_EXT_DSN, DSN }, { SMTP_EXT_STARTTLS, TLS }, { SMTP_EXT_ENHANCEDSTATUSCODES, ENH },
};

static unsigned
flags_of(const struct client_offer *p)
{
	unsigned flags = 0;

	for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++)
		flags |= p->offers[bits[i].id] ? bits[i].bit : 0;
	return flags;
}

static const struct ehlo {
	const char *name;
	struct slice text;
	unsigned flags;
	uint64_t max_size;
} ehlos[] = {
	{ "a name alone", S("mx.example"), 0, 0 },
	{ "no text at all", S(""), 0, 0 },
	{ "all of them", S("mx.example\nPIPELINING\nSIZE 1000\n8BITMIME\nCHUNKING\nBINARYMIME\nSMTPUTF8\nDSN\nSTARTTLS\n"
	    "ENHANCEDSTATUSCODES"), PIPE | SIZE | EIGHT | CHUNK | BINARY | UTF8 | DSN | TLS | ENH, 1000 },
	{ "any case", S("x\npipelining\nSize 5"), PIPE | SIZE, 5 },
	{ "a name that is a keyword", S("PIPELINING\nDSN"), DSN, 0 },
	{ "SIZE without a number", S("x\nSIZE"), SIZE, 0 },
	{ "SIZE 0 is no limit", S("x\nSIZE 0"), SIZE, 0 },
	{ "SIZE that is no number", S("x\nSIZE 10M\nDSN"), DSN, 0 },
	{ "SIZE beyond 64 bits", S("x\nSIZE 99999999999999999999"), 0, 0 },
	{ "blanks around", S("x\n SIZE   7 \nDSN "), SIZE | DSN, 7 },
	{ "AUTH is no flag", S("x\nAUTH\nAUTH=\nAUTH PLAIN"), 0, 0 },
	{ "unknown keywords", S("x\nX-FOO bar\nAUTH PLAIN LOGIN\n\n-\nDSN"), DSN, 0 },
	{ "longer and shorter words", S("x\nDSNX\nPIPELININ\n8BITMIME2"), 0, 0 },
	{ "DELIVERBY that is no number", S("x\nDELIVERBY soon\nDSN"), DSN, 0 },
	{ "BINARYMIME needs CHUNKING", S("x\nBINARYMIME"), 0, 0 },
};

static const struct {
	struct slice text;
	unsigned mechanisms;
} auths[] = {
	{ S("x\nAUTH PLAIN LOGIN XOAUTH2"), CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN | CLIENT_AUTH_XOAUTH2 },
	{ S("x\nauth  login   plain "), CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN },
	{ S("x\nAUTH CRAM-MD5 SCRAM-SHA-256 XOAUTH2"), CLIENT_AUTH_XOAUTH2 },
	{ S("x\nAUTH=LOGIN PLAIN"), CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN },
	{ S("x\nAUTH=LOGIN\nAUTH PLAIN"), CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN },
	{ S("x\nAUTH"), 0 }, { S("x\nAUTH="), 0 }, { S("x\nAUTHPLAIN"), 0 }, { S("x\nAUTH PLAINLY"), 0 },
	{ S("AUTH PLAIN\nDSN"), 0 }, { S("x\nX-AUTH PLAIN"), 0 },
};

static const struct limits {
	const char *name;
	struct slice text;
	unsigned mail_max, rcpt_max, rcpt_domain_max;
} limits[] = {
	{ "R150 none", S("x\nDSN"), 0, 0, 0 },
	{ "R150 all three", S("x\nLIMITS RCPTMAX=100 MAILMAX=5 RCPTDOMAINMAX=1"), 5, 100, 1 },
	{ "R150 any case, blanks", S("x\nlimits  rcptmax=7   MailMax=999999 "), 999999, 7, 0 },
	{ "R150 unknown ones, with and without a value", S("x\nLIMITS FOO=bar X-2_y RCPTMAX=7 BAR=1=2"), 0, 7, 0 },
	{ "R150 no limit at all", S("x\nLIMITS"), 0, 0, 0 },
	{ "R150 a number that is none: none counts", S("x\nLIMITS RCPTMAX=7 MAILMAX=x"), 0, 0, 0 },
	{ "R150 zero: none counts", S("x\nLIMITS RCPTMAX=7 MAILMAX=0"), 0, 0, 0 },
	{ "R150 a zero in front: none counts", S("x\nLIMITS RCPTMAX=7 MAILMAX=05"), 0, 0, 0 },
	{ "R150 seven digits: none counts", S("x\nLIMITS RCPTMAX=7 MAILMAX=1000000"), 0, 0, 0 },
	{ "R150 no value: none counts", S("x\nLIMITS MAILMAX=7 RCPTMAX"), 0, 0, 0 },
	{ "R150 an empty value: none counts", S("x\nLIMITS MAILMAX=7 RCPTMAX="), 0, 0, 0 },
	{ "R150 twice: none counts", S("x\nLIMITS MAILMAX=7 MAILMAX=7"), 0, 0, 0 },
	{ "R150 a semicolon: none counts", S("x\nLIMITS MAILMAX=7; RCPTMAX=7"), 0, 0, 0 },
	{ "R150 of an unknown one, too", S("x\nLIMITS MAILMAX=7 A=1;2"), 0, 0, 0 },
	{ "R150 no name: none counts", S("x\nLIMITS MAILMAX=7 =7"), 0, 0, 0 },
	{ "R150 a name that is none", S("x\nLIMITS MAILMAX=7 a.b=7"), 0, 0, 0 },
};

static const struct {
	struct slice words;
	unsigned flags;
	bool limited;
} ignores[] = {
	{ S(""), PIPE | SIZE | CHUNK | BINARY | DSN, true },
	{ S("pipelining"), SIZE | CHUNK | BINARY | DSN, true },
	{ S("CHUNKING"), PIPE | SIZE | DSN, true },
	{ S("LIMITS  dsn SIZE"), PIPE | CHUNK | BINARY, false },
	{ S("PIPELININ CHUNKINGS 10"), PIPE | SIZE | CHUNK | BINARY | DSN, true },
};

static const struct command {
	const char *name;
	unsigned flags;			/* of the peer */
	struct slice path, params;
	uint64_t size;
	enum smtp_body body;
	struct slice mail, rcpt;
} commands[] = {
	{ "R037 nothing offered", 0, S("a@b"), S("RET=FULL SMTPUTF8 NOTIFY=NEVER"), 10, SMTP_BODY_8BITMIME,
	    S("MAIL FROM:<a@b>\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "R037 SIZE and BODY", SIZE | EIGHT, S("a@b"), S(""), 10, SMTP_BODY_8BITMIME,
	    S("MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "7-bit content", SIZE | EIGHT, S("a@b"), S("BODY=8BITMIME"), 10, SMTP_BODY_7BIT,
	    S("MAIL FROM:<a@b> SIZE=10\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "R037 BINARYMIME where it is offered", EIGHT | CHUNK | BINARY, S("a@b"), S(""), 0, SMTP_BODY_BINARYMIME,
	    S("MAIL FROM:<a@b> BODY=BINARYMIME\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "R037 BINARYMIME only for what is binary", EIGHT | CHUNK | BINARY, S("a@b"), S(""), 0, SMTP_BODY_8BITMIME,
	    S("MAIL FROM:<a@b> BODY=8BITMIME\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "R037 BINARYMIME only where it is offered", EIGHT | CHUNK, S("a@b"), S(""), 0, SMTP_BODY_BINARYMIME,
	    S("MAIL FROM:<a@b>\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "size unknown", SIZE, S("a@b"), S("SIZE=99"), 0, SMTP_BODY_7BIT, S("MAIL FROM:<a@b>\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "the null path", 0, S(""), S(""), 0, SMTP_BODY_7BIT, S("MAIL FROM:<>\r\n"), S("RCPT TO:<>\r\n") },
	{ "R163 DSN as it came", DSN, S("a@b"), S("RET=hdrs ENVID=Qq+2B1"), 0, SMTP_BODY_7BIT,
	    S("MAIL FROM:<a@b> RET=hdrs ENVID=Qq+2B1\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "R163 DSN of a recipient", DSN, S("a@b"), S("NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A@b"), 0, SMTP_BODY_7BIT,
	    S("MAIL FROM:<a@b>\r\n"),
	    S("RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A@b\r\n") },
	{ "SMTPUTF8", UTF8, S("a@b"), S("SMTPUTF8 RET=FULL"), 0, SMTP_BODY_7BIT, S("MAIL FROM:<a@b> SMTPUTF8\r\n"),
	    S("RCPT TO:<a@b>\r\n") },
	{ "what nobody knows stays here", DSN, S("a@b"), S("X=1 AUTH=<> RET=FULL"), 0, SMTP_BODY_7BIT,
	    S("MAIL FROM:<a@b> RET=FULL\r\n"), S("RCPT TO:<a@b>\r\n") },
	{ "a damaged envelope sends nothing of it", DSN, S("a@b"), S("RET=\r\nDATA"), 0, SMTP_BODY_7BIT,
	    S("MAIL FROM:<a@b>\r\n"), S("RCPT TO:<a@b>\r\n") },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof ehlos / sizeof ehlos[0]; i++) {
		struct client_offer p;

		client_offer_init(&p);
		ok(!p.esmtp && flags_of(&p) == 0 && p.max_size == 0, "nothing is assumed");
		client_offer_ehlo(&p, ehlos[i].text);
		ok(p.esmtp && flags_of(&p) == ehlos[i].flags && p.max_size == ehlos[i].max_size, "%s (%#x)",
		    ehlos[i].name, flags_of(&p));
	}
	for (size_t i = 0; i < sizeof auths / sizeof auths[0]; i++) {
		struct client_offer p;

		client_offer_init(&p);
		client_offer_ehlo(&p, auths[i].text);
		ok(p.mechanisms == auths[i].mechanisms, "mechanisms of AUTH, row %zu (%#x)", i, p.mechanisms);
	}
	for (size_t i = 0; i < sizeof ignores / sizeof ignores[0]; i++) {
		struct client_offer p;

		client_offer_init(&p);
		p.ignore = ignores[i].words;
		client_offer_ehlo(&p, SL("x\nPIPELINING\nSIZE 10\nChunking\nBINARYMIME\nLIMITS RCPTMAX=1\n\nDSN"));
		ok(flags_of(&p) == ignores[i].flags && (p.limits.rcpt_max == 1) == ignores[i].limited, "ignored: \"%.*s\" (%#x)",
		    (int)ignores[i].words.n, ignores[i].words.p, flags_of(&p));
	}
	for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
		const struct limits *want = &limits[i];
		struct client_offer p;

		client_offer_init(&p);
		client_offer_ehlo(&p, want->text);
		ok(p.limits.mail_max == want->mail_max && p.limits.rcpt_max == want->rcpt_max &&
		    p.limits.rcpt_domain_max == want->rcpt_domain_max, "%s", want->name);
	}
	for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
		const struct command *c = &commands[i];
		struct client_offer p = { 0 };
		char space[512], other[512];
		struct buf mail = BUF(space), rcpt = BUF(other);

		for (size_t k = 0; k < sizeof bits / sizeof bits[0]; k++)
			p.offers[bits[k].id] = c->flags & bits[k].bit;
		client_mail(&mail, &p, c->path, c->params, c->size, c->body);
		is(buf_slice(&mail), c->mail, c->name);
		client_rcpt(&rcpt, &p, c->path, c->params);
		is(buf_slice(&rcpt), c->rcpt, "and RCPT");
	}
	return tap_done();
}
