// SPDX-License-Identifier: ISC
/*
 * BDAT (RFC 3030): its sequence, and what is left of the transaction.
 */
#include "tests/unit/dialogue.h"

#define CHUNK(line, n) { S(line), "250 2.0.0 Ok: " n " octets received", 0, false }
#define LAST(line) { S(line), "250 2.0.0 Ok: queued as ID1", 0, false }
#define NEED_MAIL "503 5.5.1 Error: need MAIL command"
#define NEED_RSET "503 5.5.1 Error: need RSET command"
#define NEED_LAST "503 5.5.1 Error: need BDAT LAST or RSET command"
#define SYNTAX "501 5.5.4 Syntax: BDAT octets [LAST]"
#define RSET { S("RSET"), "250 2.0.0 Ok", 0, false }

static const struct dialogue dialogues[] = {
	{ "H122 one chunk", false, { EHLO, MAIL, RCPT, LAST("BDAT 5 LAST"), MAIL } },
	{ "H122 several chunks", false, { EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"), CHUNK("BDAT 0", "0"),
	    CHUNK("bdat 18446", "18446"), LAST("BDAT 0 last"), { S("RCPT TO:<u@d>"), NEED_MAIL, 0, false } } },
	{ "H123 BDAT before EHLO", false, { { S("BDAT 5"), "503 5.5.1 Error: send HELO/EHLO first", 0, false } } },
	{ "H123 BDAT before MAIL", false, { EHLO, { S("BDAT 5"), NEED_MAIL, 0, false },
	    { S("BDAT 5 LAST"), NEED_MAIL, 0, false }, MAIL } },
	{ "H123 BDAT before RCPT", false, { EHLO, MAIL, { S("BDAT 5"), "503 5.5.1 Error: need RCPT command", 0, false },
	    RCPT, LAST("BDAT 1 LAST") } },
	{ "H123 BDAT when all recipients were refused", false, { EHLO, MAIL,
	    { S("RCPT TO:<u@d>"), "550 5.7.1 <u@d>: Relay access denied", SMTP_REFUSE_RELAY, false },
	    { S("BDAT 5 LAST"), "554 5.5.1 Error: no valid recipients", 0, false } } },
	{ "H124 BDAT after LAST", false, { EHLO, MAIL, RCPT, LAST("BDAT 5 LAST"), { S("BDAT 5"), NEED_MAIL, 0, false },
	    { S("BDAT 5 LAST"), NEED_MAIL, 0, false }, RSET, MAIL } },
	{ "H124 DATA after BDAT", false, { EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"),
	    { S("DATA"), "503 5.5.1 Error: DATA after BDAT", 0, false }, { S("BDAT 1 LAST"), NEED_RSET, 0, false },
	    { S("MAIL FROM:<a@b>"), NEED_RSET, 0, false }, { S("DATA"), NEED_RSET, 0, false }, RSET, MAIL } },
	{ "H124 EHLO mends it too", false, { EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"),
	    { S("DATA"), "503 5.5.1 Error: DATA after BDAT", 0, false }, EHLO, MAIL } },
	{ "H124 RSET between chunks", false, { EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"), RSET,
	    { S("BDAT 1 LAST"), NEED_MAIL, 0, false }, MAIL } },
	{ "MAIL and RCPT between chunks", false, { EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"),
	    { S("RCPT TO:<v@d>"), NEED_LAST, 0, false }, { S("MAIL FROM:<a@b>"), NEED_LAST, 0, false },
	    { S("NOOP"), "250 2.0.0 Ok", 0, false }, LAST("BDAT 5 LAST") } },
	{ "H125 BODY=BINARYMIME and DATA", false, { EHLO,
	    { S("MAIL FROM:<a@b> BODY=BINARYMIME"), "250 2.1.0 Ok", 0, false }, RCPT,
	    { S("DATA"), "503 5.5.1 Error: BODY=BINARYMIME needs BDAT", 0, false }, LAST("BDAT 5 LAST") } },
	{ "H126 a negative size", false, { EHLO, MAIL, RCPT, { S("BDAT -1"), SYNTAX, 0, true } } },
	{ "H126 a size nobody can mean", false, { EHLO, MAIL, RCPT, { S("BDAT 99999999999999 LAST"), SYNTAX, 0, true } } },
	{ "H126 a size of 21 digits", false, { EHLO, { S("BDAT 184467440737095516160"), SYNTAX, 0, true } } },
	{ "H126 no size", false, { EHLO, { S("BDAT"), SYNTAX, 0, true } } },
	{ "H126 LAST alone", false, { EHLO, { S("BDAT LAST"), SYNTAX, 0, true } } },
	{ "H126 another word", false, { EHLO, MAIL, RCPT, { S("BDAT 5 FIRST"), SYNTAX, 0, true } } },
	{ "H126 two words", false, { EHLO, MAIL, RCPT, { S("BDAT 5 LAST LAST"), SYNTAX, 0, true } } },
	{ "H126 a control character", false, { EHLO, MAIL, RCPT, { S("BDAT 5\x01"), SYNTAX, 0, true } } },
	{ "a chunk that is too much", false, { EHLO, MAIL, RCPT, CHUNK("BDAT 9999", "9999"),
	    { S("BDAT 9999"), "552 5.3.4 Error: message file too big", SMTP_DATA_TOO_BIG, false },
	    { S("BDAT 9 LAST"), NEED_MAIL, 0, false }, MAIL } },
	{ "no space for a chunk", false, { EHLO, MAIL, RCPT,
	    { S("BDAT 99"), "452 4.3.1 Error: insufficient system storage", SMTP_DATA_SPACE, false },
	    { S("RCPT TO:<u@d>"), NEED_MAIL, 0, false } } },
	{ "a bare newline does not close, the next command is known", false, { EHLO, MAIL, RCPT,
	    { S("BDAT 99 LAST"), "554 5.6.0 Error: bare <CR> or <LF> received", SMTP_DATA_BARE, false }, MAIL } },
};

static void
test_announced(void)
{
	static const struct server server = { .hostname = S("mx.example"), .max_recipients = 10, .max_errors = 3 };
	struct server_session s;
	struct smtp_reply r;

	server_init(&s, &server);
	r = server_command(&s, SL("BDAT 77"));
	ok(r.code == 503 && r.next == SMTP_NEXT_DISCARD && s.chunk == 77, "H123 what was announced is to be discarded");
	(void)server_command(&s, SL("EHLO c"));
	(void)server_command(&s, SL("MAIL FROM:<>"));
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	r = server_command(&s, SL("BDAT 78 LAST"));
	ok(r.code == 503 && r.next == SMTP_NEXT_DISCARD && s.chunk == 78, "H123 so it is before RCPT");
	(void)server_command(&s, SL("RCPT TO:<u@d>"));
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	r = server_command(&s, SL("BDAT 79 LAST"));
	ok(r.code == 0 && r.next == SMTP_NEXT_CHUNK && s.chunk == 79 && s.chunk_last, "H122 then it is to be stored");
	(void)server_end_of_chunk(&s, SMTP_DATA_QUEUED, SL("ID"));
	(void)server_command(&s, SL("BDAT 1"));
	(void)server_command(&s, SL("BDAT 1"));
	r = server_command(&s, SL("BDAT 1"));
	ok(r.code == 421 && r.next == SMTP_NEXT_CLOSE, "H023 each that is refused counts as an error");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++)
		play(&dialogues[i]);
	test_announced();
	return tap_done();
}
