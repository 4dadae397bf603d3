// SPDX-License-Identifier: ISC
/*
 * The extensions that a client reads from EHLO, and the MAIL and RCPT it makes of an envelope.
 */
#include "smtp/client_offer.h"

#include "smtp/client_auth.h"
#include "tests/lib/tap.h"

enum {
	PIPE = 1,
	SIZE = 2,
	EIGHT = 4,
	CHUNK = 8,
	BINARY = 16,
	UTF8 = 32,
	DSN = 64,
	TLS = 128,
	ENH = 256
};

static const struct { enum smtp_extension_id id; unsigned bit; } bits[] = {
	{ SMTP_EXT_PIPELINING, PIPE },
	{ SMTP_EXT_SIZE, SIZE },
	{ SMTP_EXT_8BITMIME, EIGHT },
	{ SMTP_EXT_CHUNKING, CHUNK },
	{ SMTP_EXT_BINARYMIME, BINARY },
	{ SMTP_EXT_SMTPUTF8, UTF8 },
	{ SMTP_EXT_DSN, DSN },
	{ SMTP_EXT_STARTTLS, TLS },
	{ SMTP_EXT_ENHANCEDSTATUSCODES, ENH },
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
	{ .name = "a name alone", .text = S("mx.example") },
	{ .name = "no text at all", .text = S("") },
	{ .name = "all of them",
	  .text = S("mx.example\nPIPELINING\nSIZE 1000\n8BITMIME\nCHUNKING\nBINARYMIME\nSMTPUTF8\n"
	    "DSN\nSTARTTLS\nENHANCEDSTATUSCODES"),
	  .flags = PIPE | SIZE | EIGHT | CHUNK | BINARY | UTF8 | DSN | TLS | ENH,
	  .max_size = 1000 },
	{ .name = "any case",
	  .text = S("x\npipelining\nSize 5"), .flags = PIPE | SIZE, .max_size = 5 },
	{ .name = "a name that is a keyword", .text = S("PIPELINING\nDSN"), .flags = DSN },
	{ .name = "SIZE without a number", .text = S("x\nSIZE"), .flags = SIZE },
	{ .name = "SIZE 0 is no limit", .text = S("x\nSIZE 0"), .flags = SIZE },
	{ .name = "SIZE with a word", .text = S("x\nSIZE 10M\nDSN"), .flags = DSN },
	{ .name = "SIZE beyond 64 bits", .text = S("x\nSIZE 99999999999999999999") },
	{ .name = "blanks around",
	  .text = S("x\n SIZE   7 \nDSN "), .flags = SIZE | DSN, .max_size = 7 },
	{ .name = "AUTH is no flag", .text = S("x\nAUTH\nAUTH=\nAUTH PLAIN") },
	{ .name = "unknown keywords",
	  .text = S("x\nX-FOO bar\nAUTH PLAIN LOGIN\n\n-\nDSN"), .flags = DSN },
	{ .name = "longer and shorter words", .text = S("x\nDSNX\nPIPELININ\n8BITMIME2") },
	{ .name = "DELIVERBY with a word", .text = S("x\nDELIVERBY soon\nDSN"), .flags = DSN },
	{ .name = "BINARYMIME needs CHUNKING", .text = S("x\nBINARYMIME") },
};

static const struct {
	struct slice text;
	unsigned mechanisms;
} auths[] = {
	{ S("x\nAUTH PLAIN LOGIN XOAUTH2"),
	  CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN | CLIENT_AUTH_XOAUTH2 },
	{ S("x\nauth  login   plain "), CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN },
	{ S("x\nAUTH CRAM-MD5 SCRAM-SHA-256 XOAUTH2"), CLIENT_AUTH_XOAUTH2 },
	{ S("x\nAUTH=LOGIN PLAIN"), CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN },
	{ S("x\nAUTH=LOGIN\nAUTH PLAIN"), CLIENT_AUTH_PLAIN | CLIENT_AUTH_LOGIN },
	{ S("x\nAUTH"), 0 },
	{ S("x\nAUTH="), 0 },
	{ S("x\nAUTHPLAIN"), 0 },
	{ S("x\nAUTH PLAINLY"), 0 },
	{ S("AUTH PLAIN\nDSN"), 0 },
	{ S("x\nX-AUTH PLAIN"), 0 },
};

static const struct limits {
	const char *name;
	struct slice text;
	unsigned mail_max, rcpt_max, rcpt_domain_max;
} limits[] = {
	{ .name = "R150 none", .text = S("x\nDSN") },
	{ .name = "R150 all three",
	  .text = S("x\nLIMITS RCPTMAX=100 MAILMAX=5 RCPTDOMAINMAX=1"), .mail_max = 5,
	  .rcpt_max = 100, .rcpt_domain_max = 1 },
	{ .name = "R150 any case, blanks",
	  .text = S("x\nlimits  rcptmax=7   MailMax=999999 "), .mail_max = 999999, .rcpt_max = 7 },
	{ .name = "R150 unknown ones, with and without a value",
	  .text = S("x\nLIMITS FOO=bar X-2_y RCPTMAX=7 BAR=1=2"), .rcpt_max = 7 },
	{ .name = "R150 no limit at all", .text = S("x\nLIMITS") },
	{ .name = "R150 a malformed number: none counts",
	  .text = S("x\nLIMITS RCPTMAX=7 MAILMAX=x") },
	{ .name = "R150 zero: none counts", .text = S("x\nLIMITS RCPTMAX=7 MAILMAX=0") },
	{ .name = "R150 a zero in front: none counts",
	  .text = S("x\nLIMITS RCPTMAX=7 MAILMAX=05") },
	{ .name = "R150 seven digits: none counts",
	  .text = S("x\nLIMITS RCPTMAX=7 MAILMAX=1000000") },
	{ .name = "R150 no value: none counts", .text = S("x\nLIMITS MAILMAX=7 RCPTMAX") },
	{ .name = "R150 an empty value: none counts", .text = S("x\nLIMITS MAILMAX=7 RCPTMAX=") },
	{ .name = "R150 twice: none counts", .text = S("x\nLIMITS MAILMAX=7 MAILMAX=7") },
	{ .name = "R150 a semicolon: none counts", .text = S("x\nLIMITS MAILMAX=7; RCPTMAX=7") },
	{ .name = "R150 a semicolon in an unknown one: none counts",
	  .text = S("x\nLIMITS MAILMAX=7 A=1;2") },
	{ .name = "R150 no name: none counts", .text = S("x\nLIMITS MAILMAX=7 =7") },
	{ .name = "R150 a malformed name: none counts", .text = S("x\nLIMITS MAILMAX=7 a.b=7") },
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
	unsigned flags;			/* offered by the peer */
	struct slice path, params;
	uint64_t size;
	enum smtp_body body;
	struct slice mail, rcpt;
} commands[] = {
	{ .name = "R037 nothing offered",
	  .path = S("a@b"), .params = S("RET=FULL SMTPUTF8 NOTIFY=NEVER"), .size = 10,
	  .body = SMTP_BODY_8BITMIME, .mail = S("MAIL FROM:<a@b>\r\n"),
	  .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "R037 SIZE and BODY",
	  .flags = SIZE | EIGHT, .path = S("a@b"), .size = 10, .body = SMTP_BODY_8BITMIME,
	  .mail = S("MAIL FROM:<a@b> SIZE=10 BODY=8BITMIME\r\n"), .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "7-bit content",
	  .flags = SIZE | EIGHT, .path = S("a@b"), .params = S("BODY=8BITMIME"), .size = 10,
	  .body = SMTP_BODY_7BIT, .mail = S("MAIL FROM:<a@b> SIZE=10\r\n"),
	  .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "R037 BINARYMIME where it is offered",
	  .flags = EIGHT | CHUNK | BINARY, .path = S("a@b"), .body = SMTP_BODY_BINARYMIME,
	  .mail = S("MAIL FROM:<a@b> BODY=BINARYMIME\r\n"), .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "R037 BINARYMIME only for binary content",
	  .flags = EIGHT | CHUNK | BINARY, .path = S("a@b"), .body = SMTP_BODY_8BITMIME,
	  .mail = S("MAIL FROM:<a@b> BODY=8BITMIME\r\n"), .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "R037 BINARYMIME only where it is offered",
	  .flags = EIGHT | CHUNK, .path = S("a@b"), .body = SMTP_BODY_BINARYMIME,
	  .mail = S("MAIL FROM:<a@b>\r\n"), .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "size unknown",
	  .flags = SIZE, .path = S("a@b"), .params = S("SIZE=99"), .body = SMTP_BODY_7BIT,
	  .mail = S("MAIL FROM:<a@b>\r\n"), .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "the null path",
	  .path = S(""), .body = SMTP_BODY_7BIT, .mail = S("MAIL FROM:<>\r\n"),
	  .rcpt = S("RCPT TO:<>\r\n") },
	{ .name = "R163 DSN as it came",
	  .flags = DSN, .path = S("a@b"), .params = S("RET=hdrs ENVID=Qq+2B1"),
	  .body = SMTP_BODY_7BIT, .mail = S("MAIL FROM:<a@b> RET=hdrs ENVID=Qq+2B1\r\n"),
	  .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "R163 DSN of a recipient",
	  .flags = DSN, .path = S("a@b"), .params = S("NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A@b"),
	  .body = SMTP_BODY_7BIT, .mail = S("MAIL FROM:<a@b>\r\n"),
	  .rcpt = S("RCPT TO:<a@b> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;A@b\r\n") },
	{ .name = "H058 an ORCPT in UTF-8 is encoded for a peer without SMTPUTF8",
	  .flags = DSN, .path = S("a@b"),
	  .params = S("ORCPT=utf-8;j\xc3\xb6rg+2B\xf0\x9f\x98\x80@b"),
	  .body = SMTP_BODY_7BIT, .mail = S("MAIL FROM:<a@b>\r\n"),
	  .rcpt = S("RCPT TO:<a@b> ORCPT=utf-8;j\\x{F6}rg+2B\\x{1F600}@b\r\n") },
	{ .name = "H058 and goes as it is to one with SMTPUTF8",
	  .flags = DSN | UTF8, .path = S("a@b"), .params = S("ORCPT=utf-8;j\xc3\xb6rg@b"),
	  .body = SMTP_BODY_7BIT, .mail = S("MAIL FROM:<a@b>\r\n"),
	  .rcpt = S("RCPT TO:<a@b> ORCPT=utf-8;j\xc3\xb6rg@b\r\n") },
	{ .name = "SMTPUTF8",
	  .flags = UTF8, .path = S("a@b"), .params = S("SMTPUTF8 RET=FULL"), .body = SMTP_BODY_7BIT,
	  .mail = S("MAIL FROM:<a@b> SMTPUTF8\r\n"), .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "unknown parameters are not sent",
	  .flags = DSN, .path = S("a@b"), .params = S("X=1 AUTH=<> RET=FULL"),
	  .body = SMTP_BODY_7BIT, .mail = S("MAIL FROM:<a@b> RET=FULL\r\n"),
	  .rcpt = S("RCPT TO:<a@b>\r\n") },
	{ .name = "nothing of a damaged envelope is sent",
	  .flags = DSN, .path = S("a@b"), .params = S("RET=\r\nDATA"), .body = SMTP_BODY_7BIT,
	  .mail = S("MAIL FROM:<a@b>\r\n"), .rcpt = S("RCPT TO:<a@b>\r\n") },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof ehlos / sizeof ehlos[0]; i++) {
		struct client_offer p;

		client_offer_init(&p);
		ok(!p.esmtp && flags_of(&p) == 0 && p.max_size == 0, "nothing is assumed");
		client_offer_ehlo(&p, ehlos[i].text);
		ok(p.esmtp && flags_of(&p) == ehlos[i].flags && p.max_size == ehlos[i].max_size,
		    "%s (%#x)", ehlos[i].name, flags_of(&p));
	}
	for (size_t i = 0; i < sizeof auths / sizeof auths[0]; i++) {
		struct client_offer p;

		client_offer_init(&p);
		client_offer_ehlo(&p, auths[i].text);
		ok(p.mechanisms == auths[i].mechanisms, "mechanisms of AUTH, row %zu (%#x)", i,
		    p.mechanisms);
	}
	for (size_t i = 0; i < sizeof ignores / sizeof ignores[0]; i++) {
		struct client_offer p;

		client_offer_init(&p);
		p.ignore = ignores[i].words;
		client_offer_ehlo(&p,
		    SL("x\nPIPELINING\nSIZE 10\nChunking\nBINARYMIME\nLIMITS RCPTMAX=1\n\nDSN"));
		ok(flags_of(&p) == ignores[i].flags &&
		    (p.limits.rcpt_max == 1) == ignores[i].limited,
		    "ignored: \"%.*s\" (%#x)", (int)ignores[i].words.n, ignores[i].words.p,
		    flags_of(&p));
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
