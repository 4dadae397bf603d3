// SPDX-License-Identifier: ISC
/*
 * BDAT (RFC 3030): its sequence, and the end of the transaction.
 */
#include "tests/unit/dialogue.h"

#define CHUNK(line, n) STEP(line, "250 2.0.0 Ok: " n " octets received")
#define LAST(line) STEP(line, "250 2.0.0 Ok: queued as ID1")
#define NEED_MAIL "503 5.5.1 Error: need MAIL command"
#define NEED_RSET "503 5.5.1 Error: need RSET command"
#define NEED_LAST "503 5.5.1 Error: need BDAT LAST or RSET command"
#define SYNTAX "501 5.5.4 Syntax: BDAT octets [LAST]"
#define RSET STEP("RSET", "250 2.0.0 Ok")

static const struct dialogue dialogues[] = {
	{ .name = "H122 one chunk", .steps = { EHLO, MAIL, RCPT, LAST("BDAT 5 LAST"), MAIL } },
	{ .name = "H122 several chunks",
	    .steps = {
		EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"), CHUNK("BDAT 0", "0"),
		CHUNK("bdat 18446", "18446"), LAST("BDAT 0 last"),
		STEP("RCPT TO:<u@d>", NEED_MAIL) } },
	{ .name = "H123 BDAT before EHLO",
	    .steps = { STEP("BDAT 5", "503 5.5.1 Error: send HELO/EHLO first") } },
	{ .name = "H123 BDAT before MAIL",
	    .steps = { EHLO, STEP("BDAT 5", NEED_MAIL), STEP("BDAT 5 LAST", NEED_MAIL), MAIL } },
	{ .name = "H123 BDAT before RCPT",
	    .steps = {
		EHLO, MAIL, STEP("BDAT 5", "503 5.5.1 Error: need RCPT command"), RCPT,
		LAST("BDAT 1 LAST") } },
	{ .name = "H123 BDAT when all recipients were refused",
	    .steps = {
		EHLO, MAIL,
		JUDGED("RCPT TO:<u@d>", SMTP_REFUSE_RELAY, "550 5.7.1 <u@d>: Relay access denied"),
		STEP("BDAT 5 LAST", "554 5.5.1 Error: no valid recipients") } },
	{ .name = "H124 BDAT after LAST",
	    .steps = {
		EHLO, MAIL, RCPT, LAST("BDAT 5 LAST"), STEP("BDAT 5", NEED_MAIL),
		STEP("BDAT 5 LAST", NEED_MAIL), RSET, MAIL } },
	{ .name = "H124 DATA after BDAT",
	    .steps = {
		EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"),
		STEP("DATA", "503 5.5.1 Error: DATA after BDAT"), STEP("BDAT 1 LAST", NEED_RSET),
		STEP("MAIL FROM:<a@b>", NEED_RSET), STEP("DATA", NEED_RSET), RSET, MAIL } },
	{ .name = "H124 EHLO after DATA after BDAT",
	    .steps = {
		EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"),
		STEP("DATA", "503 5.5.1 Error: DATA after BDAT"), EHLO, MAIL } },
	{ .name = "H124 RSET between chunks",
	    .steps = {
		EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"), RSET, STEP("BDAT 1 LAST", NEED_MAIL),
		MAIL } },
	{ .name = "MAIL and RCPT between chunks",
	    .steps = {
		EHLO, MAIL, RCPT, CHUNK("BDAT 5", "5"), STEP("RCPT TO:<v@d>", NEED_LAST),
		STEP("MAIL FROM:<a@b>", NEED_LAST), STEP("NOOP", "250 2.0.0 Ok"),
		LAST("BDAT 5 LAST") } },
	{ .name = "H125 BODY=BINARYMIME and DATA",
	    .steps = {
		EHLO, STEP("MAIL FROM:<a@b> BODY=BINARYMIME", "250 2.1.0 Ok"), RCPT,
		STEP("DATA", "503 5.5.1 Error: BODY=BINARYMIME needs BDAT"),
		LAST("BDAT 5 LAST") } },
	{ .name = "H126 a negative size",
	    .steps = { EHLO, MAIL, RCPT, CLOSING("BDAT -1", SYNTAX) } },
	{ .name = "H126 a size of 14 digits",
	    .steps = { EHLO, MAIL, RCPT, CLOSING("BDAT 99999999999999 LAST", SYNTAX) } },
	{ .name = "H126 a size of 21 digits",
	    .steps = { EHLO, CLOSING("BDAT 184467440737095516160", SYNTAX) } },
	{ .name = "H126 no size", .steps = { EHLO, CLOSING("BDAT", SYNTAX) } },
	{ .name = "H126 LAST alone", .steps = { EHLO, CLOSING("BDAT LAST", SYNTAX) } },
	{ .name = "H126 another word",
	    .steps = { EHLO, MAIL, RCPT, CLOSING("BDAT 5 FIRST", SYNTAX) } },
	{ .name = "H126 two words",
	    .steps = { EHLO, MAIL, RCPT, CLOSING("BDAT 5 LAST LAST", SYNTAX) } },
	{ .name = "H126 a control character",
	    .steps = { EHLO, MAIL, RCPT, CLOSING("BDAT 5\x01", SYNTAX) } },
	{ .name = "a chunk that is too much",
	    .steps = {
		EHLO, MAIL, RCPT, CHUNK("BDAT 9999", "9999"),
		JUDGED("BDAT 9999", SMTP_DATA_TOO_BIG, "552 5.3.4 Error: message file too big"),
		STEP("BDAT 9 LAST", NEED_MAIL), MAIL } },
	{ .name = "no space for a chunk",
	    .steps = {
		EHLO, MAIL, RCPT,
		JUDGED("BDAT 99", SMTP_DATA_SPACE, "452 4.3.1 Error: insufficient system storage"),
		STEP("RCPT TO:<u@d>", NEED_MAIL) } },
	{ .name = "a bare newline in a chunk does not close the session",
	    .steps = {
		EHLO, MAIL, RCPT,
		JUDGED("BDAT 99 LAST", SMTP_DATA_BARE,
		    "554 5.6.0 Error: bare <CR> or <LF> received"),
		MAIL } },
};

static void
test_announced(void)
{
	static const struct server server = {
		.hostname = S("mx.example"), .max_recipients = 10, .max_errors = 3
	};
	struct server_session s;
	struct smtp_reply r;

	server_init(&s, &server);
	r = server_command(&s, SL("BDAT 77"));
	ok(r.code == 503 && r.next == SMTP_NEXT_DISCARD && s.chunk == 77,
	    "H123 a chunk before MAIL is discarded");
	(void)server_command(&s, SL("EHLO c"));
	(void)server_command(&s, SL("MAIL FROM:<>"));
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	r = server_command(&s, SL("BDAT 78 LAST"));
	ok(r.code == 503 && r.next == SMTP_NEXT_DISCARD && s.chunk == 78,
	    "H123 a chunk before RCPT is discarded");
	(void)server_command(&s, SL("RCPT TO:<u@d>"));
	(void)server_decide(&s, SMTP_ACCEPT, SL(""));
	r = server_command(&s, SL("BDAT 79 LAST"));
	ok(r.code == 0 && r.next == SMTP_NEXT_CHUNK && s.chunk == 79 && s.chunk_last,
	    "H122 a chunk after RCPT is stored");
	(void)server_end_of_chunk(&s, SMTP_DATA_QUEUED, SL("ID"));
	(void)server_command(&s, SL("BDAT 1"));
	(void)server_command(&s, SL("BDAT 1"));
	r = server_command(&s, SL("BDAT 1"));
	ok(r.code == 421 && r.next == SMTP_NEXT_CLOSE,
	    "H023 a chunk that is refused counts as an error");
}

int
main(void)
{
	for (size_t i = 0; i < sizeof dialogues / sizeof dialogues[0]; i++)
		play(&dialogues[i]);
	test_announced();
	return tap_done();
}
