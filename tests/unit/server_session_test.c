// SPDX-License-Identifier: ISC
/*
 * The order of commands, and all of them but MAIL and RCPT (mail_rcpt_test.c).
 */
#include "tests/unit/dialogue.h"

#define OK250 "250 2.0.0 Ok"
#define NEED_HELLO "503 5.5.1 Error: send HELO/EHLO first"
#define NEED_MAIL "503 5.5.1 Error: need MAIL command"
#define NEED_RCPT "503 5.5.1 Error: need RCPT command"
#define UNKNOWN "500 5.5.1 Error: command not recognized"
#define BAD_SYNTAX "500 5.5.2 Error: bad syntax"
#define NOT_IMPLEMENTED "502 5.5.1 Error: command not implemented"
#define COMMANDS "214-2.0.0 Commands: HELO EHLO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY HELP\r\n" \
	"214 2.0.0 HELP COMMAND shows how one is written"
#define CANNOT "252 2.0.0 Cannot VRFY user, but will take mail and try to deliver it"

static const struct dialogue dialogues[] = {
	{ "a whole session", false, { EHLO, MAIL, RCPT, RCPT, DATA, DOT,
	    { S("QUIT"), "221 2.0.0 Bye", 0, true } } },
	{ "H010 unknown command", false, { { S("FOO"), UNKNOWN, 0, false }, EHLO } },
	{ "H011 X command", false, { { S("XFOO bar"), UNKNOWN, 0, false }, EHLO } },
	{ "H012 EXPN", false, { { S("EXPN list"), NOT_IMPLEMENTED, 0, false }, EHLO } },
	{ "H012 TURN", false, { { S("TURN"), NOT_IMPLEMENTED, 0, false } } },
	{ "H012 SEND", false, { { S("SEND FROM:<a@b>"), NOT_IMPLEMENTED, 0, false } } },
	{ "H012 what is not offered", false, { { S("STARTTLS"), NOT_IMPLEMENTED, 0, false },
	    { S("AUTH PLAIN"), NOT_IMPLEMENTED, 0, false },
	    { S("ETRN x"), NOT_IMPLEMENTED, 0, false } } },
	{ "H013 trailing white space", false, { { S("NOOP "), OK250, 0, false }, EHLO, MAIL, RCPT,
	    { S("DATA \t"), "354 End data with <CR><LF>.<CR><LF>", 0, false }, DOT,
	    { S("RSET  "), OK250, 0, false }, { S("QUIT \t "), "221 2.0.0 Bye", 0, true } } },
	{ "H014 any case", false, { { S("eHlO c.example"), EHLO_REPLY, 0, false },
	    { S("MaIl FrOm:<a@b.example>"), "250 2.1.0 Ok", 0, false },
	    { S("rCpT tO:<u@d.example>"), "250 2.1.5 Ok", 0, false }, { S("nOoP"), OK250, 0, false } } },
	{ "H022 a browser", false, { { S("GET / HTTP/1.1"), "500 5.5.1 Error: this is SMTP, not HTTP", 0, true } } },
	{ "H022 a form", false, { EHLO, { S("POST /x HTTP/1.1"), "500 5.5.1 Error: this is SMTP, not HTTP", 0, true } } },
	{ "H022 HTTP/2", false, { { S("PRI * HTTP/2.0"), "500 5.5.1 Error: this is SMTP, not HTTP", 0, true } } },
	{ "H025 EHLO", false, { EHLO } },
	{ "H026 HELO", false, { { S("HELO c.example"), "250 mx.example", 0, false }, MAIL } },
	{ "H027 EHLO without a name", false, { { S("EHLO"), "501 5.5.4 Syntax: EHLO hostname", 0, false },
	    { S("EHLO  "), "501 5.5.4 Syntax: EHLO hostname", 0, false },
	    { S("MAIL FROM:<a@b>"), NEED_HELLO, 0, false } } },
	{ "H027 HELO without a name", false, { { S("HELO"), "501 5.5.4 Syntax: HELO hostname", 0, false } } },
	{ "H027 a bad EHLO leaves the transaction alone", false, { EHLO, MAIL,
	    { S("EHLO"), "501 5.5.4 Syntax: EHLO hostname", 0, false },
	    { S("EHLO a;b"), "501 5.5.4 Error: invalid host name", 0, false }, RCPT } },
	{ "H028 address literals", false, { { S("EHLO [192.0.2.7]"), EHLO_REPLY, 0, false },
	    { S("EHLO [IPv6:2001:db8::7]"), EHLO_REPLY, 0, false } } },
	{ "H030 underscore, tolerant", false, { { S("EHLO foo_bar"), EHLO_REPLY, 0, false } } },
	{ "H030 underscore, strict", true, { { S("EHLO foo_bar"), "501 5.5.4 Error: invalid host name", 0, false },
	    { S("MAIL FROM:<a@b>"), NEED_HELLO, 0, false }, EHLO } },
	{ "H038 EHLO beyond ASCII", false, { { S("EHLO \xc3\xbc.example"), "501 5.5.4 Error: invalid host name", 0,
	    false } } },
	{ "two names", false, { { S("EHLO a b"), "501 5.5.4 Error: invalid host name", 0, false } } },
	{ "H031 EHLO ends the transaction", false, { EHLO, MAIL, RCPT, EHLO,
	    { S("RCPT TO:<u@d>"), NEED_MAIL, 0, false }, MAIL } },
	{ "H031 HELO ends the transaction", false, { EHLO, MAIL, { S("HELO c"), "250 mx.example", 0, false },
	    { S("DATA"), NEED_MAIL, 0, false }, MAIL } },
	{ "H032 no hello", false, { { S("MAIL FROM:<a@b>"), NEED_HELLO, 0, false },
	    { S("RCPT TO:<a@b>"), NEED_HELLO, 0, false }, { S("DATA"), NEED_HELLO, 0, false } } },
	{ "H033 what needs no hello", false, { { S("NOOP"), OK250, 0, false }, { S("HELP"), COMMANDS, 0, false },
	    { S("VRFY joe"), CANNOT, 0, false }, { S("RSET"), OK250, 0, false },
	    { S("MAIL FROM:<a@b>"), NEED_HELLO, 0, false } } },
	{ "H042 nested MAIL", false, { EHLO, MAIL, { S("MAIL FROM:<c@d>"), "503 5.5.1 Error: nested MAIL command", 0,
	    false }, RCPT, { S("MAIL FROM:<c@d>"), "503 5.5.1 Error: nested MAIL command", 0, false }, DATA, DOT } },
	{ "H059 RCPT before MAIL", false, { EHLO, { S("RCPT TO:<a@b>"), NEED_MAIL, 0, false }, MAIL } },
	{ "H074 DATA without MAIL", false, { EHLO, { S("DATA"), NEED_MAIL, 0, false } } },
	{ "H074 DATA without RCPT", false, { EHLO, MAIL, { S("DATA"), NEED_RCPT, 0, false }, RCPT, DATA } },
	{ "H074 DATA when all RCPT were refused", false, { EHLO, MAIL,
	    { S("RCPT TO:<x@d>"), "550 5.1.1 <x@d>: Recipient address rejected: User unknown", SMTP_REFUSE_USER, false },
	    { S("RCPT TO:<>"), "501 5.1.3 Bad recipient address syntax", 0, false },
	    { S("DATA"), "554 5.5.1 Error: no valid recipients", 0, false }, RCPT, DATA, DOT } },
	{ "H074 DATA when the only RCPT was malformed", false, { EHLO, MAIL,
	    { S("RCPT TO:<>"), "501 5.1.3 Bad recipient address syntax", 0, false },
	    { S("DATA"), "554 5.5.1 Error: no valid recipients", 0, false } } },
	{ "H075 DATA with an argument", false, { EHLO, { S("DATA x"), "501 5.5.4 Syntax: DATA", 0, false }, MAIL, RCPT,
	    { S("DATA x"), "501 5.5.4 Syntax: DATA", 0, false }, DATA } },
	{ "H088 nothing is left of a transaction", false, { EHLO, MAIL, RCPT, DATA, DOT,
	    { S("RCPT TO:<a@b>"), NEED_MAIL, 0, false }, { S("DATA"), NEED_MAIL, 0, false }, MAIL,
	    { S("DATA"), NEED_RCPT, 0, false } } },
	{ "H105 RSET", false, { { S("RSET"), OK250, 0, false }, EHLO, MAIL, RCPT, { S("RSET"), OK250, 0, false },
	    { S("RCPT TO:<a@b>"), NEED_MAIL, 0, false }, MAIL, { S("RSET x"), "501 5.5.4 Syntax: RSET", 0, false },
	    RCPT } },
	{ "H106 NOOP", false, { { S("NOOP anything at all"), OK250, 0, false }, EHLO, MAIL, { S("NOOP"), OK250, 0, false },
	    RCPT, { S("NOOP x"), OK250, 0, false }, DATA } },
	{ "H107 QUIT", false, { { S("QUIT"), "221 2.0.0 Bye", 0, true } } },
	{ "H107 QUIT with an argument", false, { EHLO, MAIL, { S("QUIT now"), "501 5.5.4 Syntax: QUIT", 0, false }, RCPT,
	    { S("quit"), "221 2.0.0 Bye", 0, true } } },
	{ "H108 VRFY", false, { EHLO, { S("VRFY u@d.example"), CANNOT, 0, false }, { S("VRFY <u@d>"), CANNOT, 0, false },
	    { S("VRFY Joe Smith"), "252 2.0.0 Cannot VRFY that", 0, false } } },
	{ "H109 VRFY of a user", false, { { S("VRFY u@d.example"), "250 2.1.5 <u@d.example>", SMTP_VERIFIED, false },
	    { S("VRFY postmaster"), "250 2.1.5 <postmaster>", SMTP_VERIFIED, false },
	    { S("VRFY x@d"), "550 5.1.1 <x@d>: Recipient address rejected: User unknown", SMTP_REFUSE_USER, false },
	    { S("VRFY"), "501 5.5.4 Syntax: VRFY address", 0, false } } },
	{ "H050 VRFY beyond ASCII", false, { { S("VRFY \xc3\xbc@d"), "553 5.6.7 Error: address is not ASCII", 0, false } } },
	{ "H110 EXPN", false, { EHLO, { S("EXPN staff"), NOT_IMPLEMENTED, 0, false } } },
	{ "H111 HELP", false, { EHLO, { S("HELP"), COMMANDS, 0, false },
	    { S("HELP MAIL"), "214 2.0.0 Syntax: MAIL FROM:<address>", 0, false },
	    { S("help vrfy"), "214 2.0.0 Syntax: VRFY address", 0, false }, { S("HELP me"), COMMANDS, 0, false },
	    { S("HELP GET"), COMMANDS, 0, false } } },
	{ "H112 a transaction survives", false, { EHLO, MAIL, RCPT, { S("VRFY x"), CANNOT, 0, false },
	    { S("EXPN x"), NOT_IMPLEMENTED, 0, false }, { S("HELP"), COMMANDS, 0, false },
	    { S("NOOP"), OK250, 0, false }, { S("FOO"), UNKNOWN, 0, false }, DATA, DOT } },
	{ "an empty line", false, { { S(""), BAD_SYNTAX, 0, false }, { S("  "), BAD_SYNTAX, 0, false } } },
	{ "a leading blank", false, { { S(" NOOP"), BAD_SYNTAX, 0, false } } },
	{ "NUL in a verb", false, { { S("NO\0OP"), BAD_SYNTAX, 0, false }, { S("NOOP\0"), BAD_SYNTAX, 0, false } } },
	{ "NUL behind a verb", false, { { S("QUIT\0x"), BAD_SYNTAX, 0, false }, { S("NOOP \0"), BAD_SYNTAX, 0, false },
	    { S("EHLO a\0b"), BAD_SYNTAX, 0, false } } },
	{ "a bare CR in a line", false, { { S("NOOP\rQUIT"), BAD_SYNTAX, 0, false },
	    { S("NOOP x\rQUIT"), BAD_SYNTAX, 0, false } } },
	{ "DEL in a line", false, { { S("NOOP\x7f"), BAD_SYNTAX, 0, false }, { S("NOOP \x7f"), BAD_SYNTAX, 0, false } } },
	{ "a TLS hello", false, { { S("\x16\x03\x01\x02\0\x01"), BAD_SYNTAX, 0, false } } },
	{ "a verb beyond ASCII", false, { { S("NO\xc3\xb6P"), UNKNOWN, 0, false } } },
	{ "verbs that are cut or longer", false, { { S("EHL"), UNKNOWN, 0, false }, { S("QUITX"), UNKNOWN, 0, false },
	    { S("MAIL:"), UNKNOWN, 0, false }, { S("DATA."), UNKNOWN, 0, false } } },
};

static const struct dialogue outcomes[] = {
	{ "sender refused", false, { EHLO, { S("MAIL FROM:<a@b>"),
	    "550 5.7.1 <a@b>: Sender address rejected: Access denied", SMTP_REFUSE_SENDER, false },
	    { S("RCPT TO:<u@d>"), NEED_MAIL, 0, false }, MAIL } },
	{ "no space for a sender", false, { EHLO, { S("MAIL FROM:<a@b>"), "452 4.3.1 Error: insufficient system storage",
	    SMTP_REFUSE_SPACE, false }, MAIL } },
	{ "H065 no relay", false, { EHLO, MAIL, { S("RCPT TO:<u@d>"), "550 5.7.1 <u@d>: Relay access denied",
	    SMTP_REFUSE_RELAY, false }, RCPT, DATA, DOT } },
	{ "H066 no such user", false, { EHLO, MAIL, { S("RCPT TO:<u@d>"),
	    "550 5.1.1 <u@d>: Recipient address rejected: User unknown", SMTP_REFUSE_USER, false } } },
	{ "a route that rejects", false, { EHLO, MAIL, { S("RCPT TO:<u@d>"), "550 5.7.1 go away", SMTP_REFUSE_ROUTE,
	    false } } },
	{ "H020 broken here", false, { EHLO, MAIL, { S("RCPT TO:<u@d>"), "451 4.3.0 Error: local error in processing",
	    SMTP_REFUSE_LOCAL, false }, { S("DATA"), "554 5.5.1 Error: no valid recipients", 0, false } } },
	{ "H020 no space at DATA", false, { EHLO, MAIL, RCPT, { S("DATA"), "452 4.3.1 Error: insufficient system storage",
	    SMTP_REFUSE_SPACE, false }, DATA, DOT } },
	{ "H067 a refused RCPT ends nothing", false, { EHLO, MAIL, RCPT, { S("RCPT TO:<x@d>"),
	    "550 5.1.1 <x@d>: Recipient address rejected: User unknown", SMTP_REFUSE_USER, false },
	    { S("RCPT TO:<bad"), "501 5.1.3 Bad recipient address syntax", 0, false }, RCPT, DATA, DOT } },
	{ "H069 too many recipients", false, { EHLO, MAIL, RCPT, RCPT, RCPT,
	    { S("RCPT TO:<v@d>"), "452 4.5.3 Error: too many recipients", 0, false },
	    { S("RCPT TO:<w@d>"), "452 4.5.3 Error: too many recipients", 0, false }, DATA, DOT } },
	{ "H085 too big", false, { EHLO, MAIL, RCPT, DATA, { S("."), "552 5.3.4 Error: message file too big",
	    SMTP_DATA_TOO_BIG, false }, { S("DATA"), NEED_MAIL, 0, false }, MAIL } },
	{ "H086 disk full", false, { EHLO, MAIL, RCPT, DATA, { S("."), "452 4.3.1 Error: insufficient system storage",
	    SMTP_DATA_SPACE, false }, MAIL } },
	{ "H020 queue broken", false, { EHLO, MAIL, RCPT, DATA, { S("."), "451 4.3.0 Error: queue file write error",
	    SMTP_DATA_LOCAL, false }, MAIL } },
	{ "H080 bare newline", false, { EHLO, MAIL, RCPT, DATA, { S("."), "554 5.6.0 Error: bare <CR> or <LF> received",
	    SMTP_DATA_BARE, true } } },
	{ "H101 too many hops", false, { EHLO, MAIL, RCPT, DATA, { S("."), "554 5.4.6 Error: too many hops",
	    SMTP_DATA_LOOP, false }, MAIL } },
	{ "H084 line too long", false, { EHLO, MAIL, RCPT, DATA, { S("."), "554 5.6.0 Error: message line too long",
	    SMTP_DATA_LINE, false }, MAIL } },
};

static const struct server server = { .hostname = S("mx.example"), .max_message_size = MAX_SIZE,
	.max_recipients = 100, .max_errors = MAX_ERRORS };

static void
is_reply(struct smtp_reply r, const char *want, enum smtp_next next, const char *name)
{
	char space[4096];
	struct buf b = BUF(space);

	smtp_reply_format(&b, &r);
	b.n -= 2;
	is(buf_slice(&b), slice_str(want), name);
	ok(r.next == next, "what comes next");
}

static void
test_ends(void)
{
	struct server_session s;

	server_init(&s, &server);
	is_reply(server_greeting(&s), "220 mx.example ESMTP smtp-handler", SMTP_NEXT_COMMAND, "H001 greeting");
	is_reply(server_overlong(&s), "500 5.5.6 Error: line too long", SMTP_NEXT_COMMAND, "H009 over-long line");
	is_reply(server_timeout(&s), "421 4.4.2 mx.example Error: timeout exceeded", SMTP_NEXT_CLOSE, "H017 silence");
	is_reply(server_shutdown(&s), "421 4.3.2 mx.example Service shutting down, try again later", SMTP_NEXT_CLOSE,
	    "H018 shutdown");
	server_init(&s, &server);
	is_reply(server_decide(&s, SMTP_ACCEPT, SL("")), "451 4.3.0 Error: local error in processing", SMTP_NEXT_COMMAND,
	    "an answer to no question");
}

static void
test_budget(void)
{
	struct server_session s;

	server_init(&s, &server);
	for (int i = 0; i < MAX_ERRORS - 1; i++)
		is_reply(server_command(&s, SL("FOO")), UNKNOWN, SMTP_NEXT_COMMAND, "H023 a rejected command");
	is_reply(server_command(&s, SL("NOOP")), OK250, SMTP_NEXT_COMMAND, "what is accepted costs nothing");
	is_reply(server_overlong(&s), "421 4.7.0 mx.example Error: too many errors", SMTP_NEXT_CLOSE,
	    "H023 the 20th ends the session");

	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	for (int round = 0; round < 3; round++) {
		bool open = true;

		for (int i = 0; i < MAX_ERRORS - 1; i++)
			open = open && server_command(&s, SL("FOO")).next == SMTP_NEXT_COMMAND;
		ok(open, "19 errors before a message");
		is_reply(server_end_of_data(&s, SMTP_DATA_QUEUED, SL("ID1")), "250 2.0.0 Ok: queued as ID1",
		    SMTP_NEXT_COMMAND, "a message that is accepted clears the account");
	}
	for (int i = 0; i < MAX_ERRORS - 1; i++)
		(void)server_command(&s, SL("FOO"));
	is_reply(server_end_of_data(&s, SMTP_DATA_TOO_BIG, SL("")), "552 5.3.4 Error: message file too big",
	    SMTP_NEXT_COMMAND, "a final refusal of a message stays one");

	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	(void)server_command(&s, SL("MAIL FROM:<>"));
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	for (int i = 0; i < MAX_ERRORS - 1; i++) {
		(void)server_command(&s, SL("RCPT TO:<x@d>"));
		(void)server_decide(&s, SMTP_REFUSE_USER, SL(""));
	}
	(void)server_command(&s, SL("RCPT TO:<x@d>"));
	is_reply(server_decide(&s, SMTP_REFUSE_USER, SL("")), "421 4.7.0 mx.example Error: too many errors",
	    SMTP_NEXT_CLOSE, "H023 recipients that are refused count");
}

static void
test_recipients(void)
{
	struct server_session s;
	bool fine = true;

	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	(void)server_command(&s, SL("MAIL FROM:<>"));
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	for (int i = 0; i < 100; i++) {
		fine = fine && server_command(&s, SL("RCPT TO:<x@d>")).next == SMTP_NEXT_CHECK_RCPT;
		fine = fine && server_decide(&s, SMTP_ACCEPT, SL("")).code == 250;
	}
	ok(fine && s.recipients == 100, "H068 100 recipients");
	for (int i = 0; i < 1000; i++)
		fine = fine && server_command(&s, SL("RCPT TO:<x@d>")).code == 452;
	ok(fine && s.recipients == 100, "H069 1000 more cost no patience");
	is_reply(server_command(&s, SL("DATA")), "0 ", SMTP_NEXT_CHECK_DATA, "and the first 100 get their message");
}

static void
test_facts(void)
{
	struct server_session s;

	server_init(&s, &server);
	(void)server_command(&s, SL("HELO one.example"));
	is(buf_slice(&s.helo), SL("one.example"), "the name of HELO");
	is(server_protocol(&s), SL("SMTP"), "H097 SMTP");
	(void)server_command(&s, SL("EHLO  two.example "));
	is(buf_slice(&s.helo), SL("two.example"), "the name of EHLO, without blanks");
	is(server_protocol(&s), SL("ESMTP"), "H097 ESMTP");
	(void)server_command(&s, SL("MAIL FROM:<a@b> SIZE=5"));
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	ok(s.from.n > 0 && s.declared_size == 5, "a transaction");
	(void)server_command(&s, SL("EHLO two.example"));
	ok(s.from.n == 0 && s.declared_size == 0, "H031 of which EHLO leaves nothing");
	(void)server_command(&s, SL("EHLO ("));
	is(buf_slice(&s.helo), SL("two.example"), "H099 a bad name changes nothing");
}

/* A text of any length becomes one reply line. */
static void
test_why(void)
{
	static char long_text[5000];
	struct server_session s;
	struct smtp_reply r;

	memset(long_text, 'x', sizeof long_text);
	for (int i = 0; i < 2; i++) {
		server_init(&s, &server);
		(void)server_command(&s, SL("EHLO c"));
		(void)server_command(&s, SL("MAIL FROM:<>"));
		(void)server_decide(&s, SMTP_ACCEPT, SL(""));
		(void)server_command(&s, SL("RCPT TO:<x@d>"));
		r = server_decide(&s, SMTP_REFUSE_ROUTE, i ? SL("first\nsecond") : slice_of(long_text, sizeof long_text));
		ok(r.code == 550 && slice_has_prefix(r.text, i ? SL("5.7.1 first") : SL("5.7.1 xxx")) &&
		    r.text.n <= SMTP_REPLY_LINE - 6 && !memchr(r.text.p, '\n', r.text.n), "H006 a route's text is one line");
	}
	(void)server_command(&s, SL("RCPT TO:<x@d>"));
	is_reply(server_decide(&s, SMTP_REFUSE_ROUTE, SL("")),
	    "550 5.7.1 <x@d>: Recipient address rejected: Access denied", SMTP_NEXT_COMMAND, "a route without a text");
}

/* All lines but greeting, HELO and EHLO replies and 354 begin with an enhanced code of the reply's class. */
static bool
enhanced(const struct dialogue *d)
{
	for (size_t i = 0; i < sizeof d->steps / sizeof d->steps[0] && d->steps[i].want; i++) {
		const char *line = d->steps[i].want;

		if (strncmp(line, "354 ", 4) == 0 || strncmp(line + 4, "mx.example", 10) == 0)
			continue;
		for (; line; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
			if (strlen(line) < 10 || line[4] != line[0] || line[5] != '.' || line[7] != '.' || line[9] != ' ')
				return false;
	}
	return true;
}

int
main(void)
{
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
		play(&dialogues[i]);
		ok(enhanced(&dialogues[i]), "H021 its codes");
	}
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		play(&outcomes[i]);
		ok(enhanced(&outcomes[i]), "H021 its codes");
	}
	test_ends();
	test_budget();
	test_recipients();
	test_facts();
	test_why();
	return tap_done();
}
