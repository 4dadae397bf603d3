// SPDX-License-Identifier: ISC
/*
 * The order of commands, and every command but MAIL and RCPT (server_mail_test.c).
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
	{ .name = "a whole session",
	    .steps = { EHLO, MAIL, RCPT, RCPT, DATA, DOT, CLOSING("QUIT", "221 2.0.0 Bye") } },
	{ .name = "H010 unknown command", .steps = { STEP("FOO", UNKNOWN), EHLO } },
	{ .name = "H011 X command", .steps = { STEP("XFOO bar", UNKNOWN), EHLO } },
	{ .name = "H012 EXPN", .steps = { STEP("EXPN list", NOT_IMPLEMENTED), EHLO } },
	{ .name = "H012 TURN", .steps = { STEP("TURN", NOT_IMPLEMENTED) } },
	{ .name = "H012 SEND", .steps = { STEP("SEND FROM:<a@b>", NOT_IMPLEMENTED) } },
	{ .name = "H012 commands of extensions that are not offered",
	    .steps = {
		STEP("STARTTLS", NOT_IMPLEMENTED), STEP("AUTH PLAIN", NOT_IMPLEMENTED),
		STEP("ETRN x", NOT_IMPLEMENTED) } },
	{ .name = "H013 trailing white space",
	    .steps = {
		STEP("NOOP ", OK250), EHLO, MAIL, RCPT,
		STEP("DATA \t", "354 End data with <CR><LF>.<CR><LF>"), DOT, STEP("RSET  ", OK250),
		CLOSING("QUIT \t ", "221 2.0.0 Bye") } },
	{ .name = "H014 any case",
	    .steps = {
		STEP("eHlO c.example", EHLO_REPLY), STEP("MaIl FrOm:<a@b.example>", "250 2.1.0 Ok"),
		STEP("rCpT tO:<u@d.example>", "250 2.1.5 Ok"), STEP("nOoP", OK250) } },
	{ .name = "H022 a browser",
	    .steps = { CLOSING("GET / HTTP/1.1", "500 5.5.1 Error: this is SMTP, not HTTP") } },
	{ .name = "H022 a form",
	    .steps = {
		EHLO, CLOSING("POST /x HTTP/1.1", "500 5.5.1 Error: this is SMTP, not HTTP") } },
	{ .name = "H022 HTTP/2",
	    .steps = { CLOSING("PRI * HTTP/2.0", "500 5.5.1 Error: this is SMTP, not HTTP") } },
	{ .name = "H025 EHLO", .steps = { EHLO } },
	{ .name = "H026 HELO", .steps = { STEP("HELO c.example", "250 mx.example"), MAIL } },
	{ .name = "H027 EHLO without a name", .strict = true,
	    .steps = {
		STEP("EHLO", "501 5.5.4 Syntax: EHLO hostname"),
		STEP("EHLO  ", "501 5.5.4 Syntax: EHLO hostname"),
		STEP("MAIL FROM:<a@b>", NEED_HELLO) } },
	{ .name = "H027 HELO without a name",
	    .steps = { STEP("HELO", "501 5.5.4 Syntax: HELO hostname") } },
	{ .name = "H027 a bad EHLO leaves the transaction alone",
	    .steps = {
		EHLO, MAIL, STEP("EHLO", "501 5.5.4 Syntax: EHLO hostname"),
		STEP("EHLO a b", "501 5.5.4 Error: invalid host name"), RCPT } },
	{ .name = "H028 address literals",
	    .steps = {
		STEP("EHLO [192.0.2.7]", EHLO_REPLY),
		STEP("EHLO [IPv6:2001:db8::7]", EHLO_REPLY) } },
	{ .name = "H030 an underscore, tolerant", .steps = { STEP("EHLO foo_bar", EHLO_REPLY) } },
	{ .name = "H030 an underscore, strict", .strict = true,
	    .steps = {
		STEP("EHLO foo_bar", "501 5.5.4 Error: invalid host name"),
		STEP("MAIL FROM:<a@b>", NEED_HELLO), EHLO } },
	{ .name = "H038 EHLO beyond ASCII, tolerant",
	    .steps = { STEP("EHLO \xc3\xbc.example", EHLO_REPLY) } },
	{ .name = "H038 EHLO beyond ASCII, strict", .strict = true,
	    .steps = { STEP("EHLO \xc3\xbc.example", "501 5.5.4 Error: invalid host name") } },
	{ .name = "two names",
	    .steps = { STEP("EHLO a b", "501 5.5.4 Error: invalid host name") } },
	{ .name = "H031 EHLO ends the transaction",
	    .steps = { EHLO, MAIL, RCPT, EHLO, STEP("RCPT TO:<u@d>", NEED_MAIL), MAIL } },
	{ .name = "H031 HELO ends the transaction",
	    .steps = {
		EHLO, MAIL, STEP("HELO c", "250 mx.example"), STEP("DATA", NEED_MAIL), MAIL } },
	{ .name = "MAIL without a hello, tolerant",
	    .steps = { STEP("RCPT TO:<a@b>", NEED_HELLO), MAIL, RCPT, DATA, DOT, MAIL } },
	{ .name = "V22 MAIL without a hello has parameters, and so has the second one",
	    .steps = { STEP("MAIL FROM:<a@b> SIZE=1", "250 2.1.0 Ok"), RCPT, DATA, DOT,
		STEP("MAIL FROM:<a@b> BODY=7BIT", "250 2.1.0 Ok") } },
	{ .name = "V22 V32 HELO ends this",
	    .steps = { MAIL, STEP("HELO c.example", "250 mx.example"),
		STEP("MAIL FROM:<a@b> SIZE=1", "555 5.5.4 Error: parameters need EHLO"), MAIL } },
	{ .name = "H032 no hello", .strict = true,
	    .steps = {
		STEP("MAIL FROM:<a@b>", NEED_HELLO), STEP("RCPT TO:<a@b>", NEED_HELLO),
		STEP("DATA", NEED_HELLO) } },
	{ .name = "H033 commands that need no hello", .strict = true,
	    .steps = {
		STEP("NOOP", OK250), STEP("HELP", COMMANDS), STEP("VRFY joe", CANNOT),
		STEP("RSET", OK250), STEP("MAIL FROM:<a@b>", NEED_HELLO) } },
	{ .name = "H042 nested MAIL",
	    .steps = {
		EHLO, MAIL, STEP("MAIL FROM:<c@d>", "503 5.5.1 Error: nested MAIL command"), RCPT,
		STEP("MAIL FROM:<c@d>", "503 5.5.1 Error: nested MAIL command"), DATA, DOT } },
	{ .name = "H059 RCPT before MAIL",
	    .steps = { EHLO, STEP("RCPT TO:<a@b>", NEED_MAIL), MAIL } },
	{ .name = "H074 DATA without MAIL", .steps = { EHLO, STEP("DATA", NEED_MAIL) } },
	{ .name = "H074 DATA without RCPT",
	    .steps = { EHLO, MAIL, STEP("DATA", NEED_RCPT), RCPT, DATA } },
	{ .name = "H074 DATA when all RCPT were refused",
	    .steps = {
		EHLO, MAIL,
		JUDGED("RCPT TO:<x@d>", SMTP_REFUSE_USER,
		    "550 5.1.1 <x@d>: Recipient address rejected: User unknown"),
		STEP("RCPT TO:<>", "501 5.1.3 Bad recipient address syntax"),
		STEP("DATA", "554 5.5.1 Error: no valid recipients"), RCPT, DATA, DOT } },
	{ .name = "H074 DATA when the only RCPT was malformed",
	    .steps = {
		EHLO, MAIL, STEP("RCPT TO:<>", "501 5.1.3 Bad recipient address syntax"),
		STEP("DATA", "554 5.5.1 Error: no valid recipients") } },
	{ .name = "H075 DATA with an argument",
	    .steps = {
		EHLO, STEP("DATA x", "501 5.5.4 Syntax: DATA"), MAIL, RCPT,
		STEP("DATA x", "501 5.5.4 Syntax: DATA"), DATA } },
	{ .name = "H088 nothing is left of a transaction",
	    .steps = {
		EHLO, MAIL, RCPT, DATA, DOT, STEP("RCPT TO:<a@b>", NEED_MAIL),
		STEP("DATA", NEED_MAIL), MAIL, STEP("DATA", NEED_RCPT) } },
	{ .name = "H105 RSET",
	    .steps = {
		STEP("RSET", OK250), EHLO, MAIL, RCPT, STEP("RSET", OK250),
		STEP("RCPT TO:<a@b>", NEED_MAIL), MAIL, STEP("RSET x", "501 5.5.4 Syntax: RSET"),
		RCPT } },
	{ .name = "H106 NOOP",
	    .steps = {
		STEP("NOOP anything at all", OK250), EHLO, MAIL, STEP("NOOP", OK250), RCPT,
		STEP("NOOP x", OK250), DATA } },
	{ .name = "H107 QUIT", .steps = { CLOSING("QUIT", "221 2.0.0 Bye") } },
	{ .name = "H107 QUIT with an argument",
	    .steps = {
		EHLO, MAIL, STEP("QUIT now", "501 5.5.4 Syntax: QUIT"), RCPT,
		CLOSING("quit", "221 2.0.0 Bye") } },
	{ .name = "H108 VRFY",
	    .steps = {
		EHLO, STEP("VRFY u@d.example", CANNOT), STEP("VRFY <u@d>", CANNOT),
		STEP("VRFY Joe Smith", "252 2.0.0 Cannot VRFY that") } },
	{ .name = "H109 VRFY of a user",
	    .steps = {
		JUDGED("VRFY u@d.example", SMTP_VERIFIED, "250 2.1.5 <u@d.example>"),
		JUDGED("VRFY postmaster", SMTP_VERIFIED, "250 2.1.5 <postmaster>"),
		JUDGED("VRFY x@d", SMTP_REFUSE_USER,
		    "550 5.1.1 <x@d>: Recipient address rejected: User unknown"),
		STEP("VRFY", "501 5.5.4 Syntax: VRFY address") } },
	{ .name = "H050 VRFY beyond ASCII",
	    .steps = { STEP("VRFY \xc3\xbc@d", "553 5.6.7 Error: address is not ASCII") } },
	{ .name = "H110 EXPN", .steps = { EHLO, STEP("EXPN staff", NOT_IMPLEMENTED) } },
	{ .name = "H111 HELP",
	    .steps = {
		EHLO, STEP("HELP", COMMANDS),
		STEP("HELP MAIL", "214 2.0.0 Syntax: MAIL FROM:<address>"),
		STEP("help vrfy", "214 2.0.0 Syntax: VRFY address"), STEP("HELP me", COMMANDS),
		STEP("HELP GET", COMMANDS) } },
	{ .name = "H112 a transaction survives",
	    .steps = {
		EHLO, MAIL, RCPT, STEP("VRFY x", CANNOT), STEP("EXPN x", NOT_IMPLEMENTED),
		STEP("HELP", COMMANDS), STEP("NOOP", OK250), STEP("FOO", UNKNOWN), DATA, DOT } },
	{ .name = "an empty line", .steps = { STEP("", BAD_SYNTAX), STEP("  ", BAD_SYNTAX) } },
	{ .name = "a leading blank", .steps = { STEP(" NOOP", BAD_SYNTAX) } },
	{ .name = "NUL in a verb",
	    .steps = { STEP("NO\0OP", BAD_SYNTAX), STEP("NOOP\0", BAD_SYNTAX) } },
	{ .name = "NUL after a verb",
	    .steps = {
		STEP("QUIT\0x", BAD_SYNTAX), STEP("NOOP \0", BAD_SYNTAX),
		STEP("EHLO a\0b", BAD_SYNTAX) } },
	{ .name = "a bare CR in a line",
	    .steps = { STEP("NOOP\rQUIT", BAD_SYNTAX), STEP("NOOP x\rQUIT", BAD_SYNTAX) } },
	{ .name = "DEL in a line",
	    .steps = { STEP("NOOP\x7f", BAD_SYNTAX), STEP("NOOP \x7f", BAD_SYNTAX) } },
	{ .name = "a TLS hello", .steps = { STEP("\x16\x03\x01\x02\0\x01", BAD_SYNTAX) } },
	{ .name = "a verb beyond ASCII", .steps = { STEP("NO\xc3\xb6P", UNKNOWN) } },
	{ .name = "verbs that are cut or longer",
	    .steps = {
		STEP("EHL", UNKNOWN), STEP("QUITX", UNKNOWN), STEP("MAIL:", UNKNOWN),
		STEP("DATA.", UNKNOWN) } },
};

static const struct dialogue outcomes[] = {
	{ .name = "the sender is refused",
	    .steps = {
		EHLO,
		JUDGED("MAIL FROM:<a@b>", SMTP_REFUSE_SENDER,
		    "550 5.7.1 <a@b>: Sender address rejected: Access denied"),
		STEP("RCPT TO:<u@d>", NEED_MAIL), MAIL } },
	{ .name = "no space for a sender",
	    .steps = {
		EHLO,
		JUDGED("MAIL FROM:<a@b>", SMTP_REFUSE_SPACE,
		    "452 4.3.1 Error: insufficient system storage"),
		MAIL } },
	{ .name = "H065 no relay",
	    .steps = {
		EHLO, MAIL,
		JUDGED("RCPT TO:<u@d>", SMTP_REFUSE_RELAY, "550 5.7.1 <u@d>: Relay access denied"),
		RCPT, DATA, DOT } },
	{ .name = "H066 no such user",
	    .steps = {
		EHLO, MAIL,
		JUDGED("RCPT TO:<u@d>", SMTP_REFUSE_USER,
		    "550 5.1.1 <u@d>: Recipient address rejected: User unknown") } },
	{ .name = "a route that rejects",
	    .steps = {
		EHLO, MAIL, JUDGED("RCPT TO:<u@d>", SMTP_REFUSE_ROUTE, "550 5.7.1 go away") } },
	{ .name = "H020 a local error",
	    .steps = {
		EHLO, MAIL,
		JUDGED("RCPT TO:<u@d>", SMTP_REFUSE_LOCAL,
		    "451 4.3.0 Error: local error in processing"),
		STEP("DATA", "554 5.5.1 Error: no valid recipients") } },
	{ .name = "H020 no space at DATA",
	    .steps = {
		EHLO, MAIL, RCPT,
		JUDGED("DATA", SMTP_REFUSE_SPACE, "452 4.3.1 Error: insufficient system storage"),
		DATA, DOT } },
	{ .name = "H067 a refused RCPT does not end the transaction",
	    .steps = {
		EHLO, MAIL, RCPT,
		JUDGED("RCPT TO:<x@d>", SMTP_REFUSE_USER,
		    "550 5.1.1 <x@d>: Recipient address rejected: User unknown"),
		STEP("RCPT TO:<bad", "501 5.1.3 Bad recipient address syntax"), RCPT, DATA, DOT } },
	{ .name = "H069 too many recipients",
	    .steps = {
		EHLO, MAIL, RCPT, RCPT, RCPT,
		STEP("RCPT TO:<v@d>", "452 4.5.3 Error: too many recipients"),
		STEP("RCPT TO:<w@d>", "452 4.5.3 Error: too many recipients"), DATA, DOT } },
	{ .name = "H085 too big",
	    .steps = {
		EHLO, MAIL, RCPT, DATA,
		JUDGED(".", SMTP_DATA_TOO_BIG, "552 5.3.4 Error: message file too big"),
		STEP("DATA", NEED_MAIL), MAIL } },
	{ .name = "H086 disk full",
	    .steps = {
		EHLO, MAIL, RCPT, DATA,
		JUDGED(".", SMTP_DATA_SPACE, "452 4.3.1 Error: insufficient system storage"),
		MAIL } },
	{ .name = "H020 an error of the queue",
	    .steps = {
		EHLO, MAIL, RCPT, DATA,
		JUDGED(".", SMTP_DATA_LOCAL, "451 4.3.0 Error: queue file write error"), MAIL } },
	{ .name = "H080 bare newline",
	    .steps = {
		EHLO, MAIL, RCPT, DATA,
		{ .line = S("."), .verdict = SMTP_DATA_BARE,
		    .want = "554 5.6.0 Error: bare <CR> or <LF> received", .close = true } } },
	{ .name = "H101 too many hops",
	    .steps = {
		EHLO, MAIL, RCPT, DATA,
		JUDGED(".", SMTP_DATA_LOOP, "554 5.4.6 Error: too many hops"), MAIL } },
	{ .name = "H084 line too long",
	    .steps = {
		EHLO, MAIL, RCPT, DATA,
		JUDGED(".", SMTP_DATA_LINE, "554 5.6.0 Error: message line too long"), MAIL } },
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
	ok(r.next == next, "the next step");
}

static void
test_ends(void)
{
	struct server_session s;

	server_init(&s, &server);
	is_reply(server_greeting(&s), "220 mx.example ESMTP smtp-handler", SMTP_NEXT_COMMAND,
	    "H001 greeting");
	is_reply(server_overlong(&s), "500 5.5.6 Error: line too long", SMTP_NEXT_COMMAND,
	    "H009 over-long line");
	is_reply(server_timeout(&s), "421 4.4.2 mx.example Error: timeout exceeded",
	    SMTP_NEXT_CLOSE, "H017 silence");
	is_reply(server_shutdown(&s), "421 4.3.2 mx.example Service shutting down, try again later",
	    SMTP_NEXT_CLOSE, "H018 shutdown");
	server_init(&s, &server);
	is_reply(server_decide(&s, SMTP_ACCEPT, SL("")),
	    "451 4.3.0 Error: local error in processing", SMTP_NEXT_COMMAND,
	    "a verdict that nobody asked for");
}

static void
test_budget(void)
{
	struct server_session s;

	server_init(&s, &server);
	for (int i = 0; i < MAX_ERRORS - 1; i++)
		is_reply(server_command(&s, SL("FOO")), UNKNOWN, SMTP_NEXT_COMMAND,
		    "H023 a rejected command");
	is_reply(server_command(&s, SL("NOOP")), OK250, SMTP_NEXT_COMMAND,
	    "an accepted command does not count");
	is_reply(server_overlong(&s), "421 4.7.0 mx.example Error: too many errors",
	    SMTP_NEXT_CLOSE, "H023 the 20th ends the session");

	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	for (int round = 0; round < MAX_ERRORS - 1; round++) {
		ok(server_command(&s, SL("FOO")).next == SMTP_NEXT_COMMAND,
		    "an error before a message");
		is_reply(server_end_of_data(&s, SMTP_DATA_QUEUED, SL("ID1")),
		    "250 2.0.0 Ok: queued as ID1", SMTP_NEXT_COMMAND,
		    "an accepted message is no error");
	}
	is_reply(server_command(&s, SL("FOO")), "421 4.7.0 mx.example Error: too many errors",
	    SMTP_NEXT_CLOSE, "accepted messages do not reset the count of errors");

	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	for (int i = 0; i < MAX_ERRORS - 1; i++)
		(void)server_command(&s, SL("FOO"));
	is_reply(server_end_of_data(&s, SMTP_DATA_TOO_BIG, SL("")),
	    "552 5.3.4 Error: message file too big", SMTP_NEXT_COMMAND,
	    "a final refusal of a message is kept");

	server_init(&s, &server);
	(void)server_command(&s, SL("EHLO c"));
	(void)server_command(&s, SL("MAIL FROM:<>"));
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	for (int i = 0; i < MAX_ERRORS - 1; i++) {
		(void)server_command(&s, SL("RCPT TO:<x@d>"));
		(void)server_decide(&s, SMTP_REFUSE_USER, SL(""));
	}
	(void)server_command(&s, SL("RCPT TO:<x@d>"));
	is_reply(server_decide(&s, SMTP_REFUSE_USER, SL("")),
	    "421 4.7.0 mx.example Error: too many errors", SMTP_NEXT_CLOSE,
	    "H023 refused recipients count");
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
	ok(fine && s.recipients == 100, "H069 1000 more recipients do not count as errors");
	is_reply(server_command(&s, SL("DATA")), "0 ", SMTP_NEXT_CHECK_DATA,
	    "the first 100 recipients get the message");
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
	ok(s.from.n == 0 && s.declared_size == 0, "H031 EHLO ends a transaction");
	(void)server_command(&s, SL("EHLO a b"));
	is(buf_slice(&s.helo), SL("two.example"), "H099 a bad name changes nothing");
}

/* The text of a route, of any length, is one line of the reply. */
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
		r = server_decide(&s, SMTP_REFUSE_ROUTE,
		    i ? SL("first\nsecond") : slice_of(long_text, sizeof long_text));
		ok(r.code == 550 &&
			slice_has_prefix(r.text, i ? SL("5.7.1 first") : SL("5.7.1 xxx")) &&
			r.text.n <= SMTP_REPLY_LINE - 6 && !memchr(r.text.p, '\n', r.text.n),
		    "H006 a route's text is one line");
	}
	(void)server_command(&s, SL("RCPT TO:<x@d>"));
	is_reply(server_decide(&s, SMTP_REFUSE_ROUTE, SL("")),
	    "550 5.7.1 <x@d>: Recipient address rejected: Access denied", SMTP_NEXT_COMMAND,
	    "a route without a text");
}

/*
 * An enhanced code of the class of the reply begins every line, except in the greeting, in replies
 * to HELO and EHLO, and in 354.
 */
static bool
enhanced(const struct dialogue *d)
{
	for (size_t i = 0; i < sizeof d->steps / sizeof d->steps[0] && d->steps[i].want; i++) {
		const char *line = d->steps[i].want;

		if (strncmp(line, "354 ", 4) == 0 || strncmp(line + 4, "mx.example", 10) == 0)
			continue;
		for (; line; line = strstr(line, "\r\n") ? strstr(line, "\r\n") + 2 : NULL)
			if (strlen(line) < 10 || line[4] != line[0] || line[5] != '.' ||
			    line[7] != '.' || line[9] != ' ')
				return false;
	}
	return true;
}

int
main(void)
{
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++) {
		play(&dialogues[i]);
		ok(enhanced(&dialogues[i]), "H021 the enhanced codes");
	}
	for (size_t i = 0; i < sizeof outcomes / sizeof outcomes[0]; i++) {
		play(&outcomes[i]);
		ok(enhanced(&outcomes[i]), "H021 the enhanced codes");
	}
	test_ends();
	test_budget();
	test_recipients();
	test_facts();
	test_why();
	return tap_done();
}
