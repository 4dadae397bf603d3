// SPDX-License-Identifier: ISC
/*
 * Deliveries by BDAT to scripted servers: when it is sent, what it carries, what the replies mean
 * (RFC 3030).
 */
#include "delivery/delivery.h"

#include "tests/lib/smtp_case.h"

#define HELLO  "S 220 fake ESMTP\n= EHLO client.example\n"
#define CHUNK  HELLO "S 250-fake\nS 250 CHUNKING\n"
#define BOTH   HELLO "S 250-fake\nS 250-PIPELINING\nS 250-8BITMIME\nS 250 CHUNKING\n"
#define BINARY HELLO "S 250-fake\nS 250-PIPELINING\nS 250-8BITMIME\nS 250-BINARYMIME\n" \
		"S 250 CHUNKING\n"
#define PIPE   HELLO "S 250-fake\nS 250-PIPELINING\nS 250 8BITMIME\n"
#define ALL    "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\nB\nQ\n"
#define BYE    "= QUIT\nE\n"
#define REST   "|deferred 4.4.2 the exchanger closed the connection before all"

static const struct smtp_case cases[] = {
	{ .name = "R120 all in one: MAIL, RCPT, BDAT, content",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 250 2.6.0 as 7\n" BYE },
	  .want = "delivered 2.6.0 250 2.6.0 as 7" },
	{ .name = "without PIPELINING, BDAT saves the wait for 354",
	  .script = { CHUNK "= MAIL FROM:<a@b>\nQ\nS 250 ok\n= RCPT TO:<c@d>\nQ\nS 250 ok\nB\n"
	    "S 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R078 no dots are doubled in a chunk",
	  .content = ".\r\n..a\r\n.b\r\n.\r\n",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 250 ok\n" BYE }, .want = "delivered 2.0.0" },
	{ .name = "R093 a missing final line end is added, and counted",
	  .content = "a: b\r\n\r\nend", .wire = "a: b\r\n\r\nend\r\n",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 250 ok\n" BYE }, .want = "delivered 2.0.0" },
	{ .name = "R037 SIZE counts it as well",
	  .content = "a: b\r\n\r\nend", .wire = "a: b\r\n\r\nend\r\n",
	  .script = { HELLO "S 250-fake\nS 250-CHUNKING\nS 250 SIZE\n= MAIL FROM:<a@b> SIZE=13\n"
	    "S 250 ok\nC RCPT\nS 250 ok\nB\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "an empty message",
	  .content = "", .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R093 binary content goes unchanged to a server that offers BINARYMIME",
	  .content = "a\nb\rc", .binary = true,
	  .script = { BINARY "= MAIL FROM:<a@b> BODY=BINARYMIME\n= RCPT TO:<c@d>\nB\nS 250 ok\n"
	    "S 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R093 and to no other server",
	  .content = "a\nb\rc", .binary = true, .script = { BOTH BYE },
	  .want = "failed 5.6.3 the message has NUL octets or bare line ends" },
	{ .name = "binary content goes to the other exchanger that can take it",
	  .domain = "two.test", .content = "a\nb\rc", .binary = true,
	  .script = { BOTH BYE, BINARY "C MAIL\nC RCPT\nB\nS 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R149 8-bit text goes to the other exchanger with 8BITMIME",
	  .domain = "two.test", .content = "\303\244\r\n",
	  .script = { CHUNK BYE,
	    PIPE "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R149 a message that no exchanger can take fails",
	  .domain = "two.test", .content = "\303\244\r\n", .script = { CHUNK BYE, CHUNK BYE },
	  .want = "failed 5.6.3" },
	{ .name = "R149 but not while one of them cannot be reached",
	  .domain = "two.test", .content = "\303\244\r\n", .script = { CHUNK BYE },
	  .want = "deferred 4.4.1" },
	{ .name = "R149 a recipient that needs SMTPUTF8 goes alone to the other exchanger",
	  .domain = "two.test", .to = "\303\244@d|c@d",
	  .script = { PIPE "C MAIL\n= RCPT TO:<c@d>\nC DATA\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
	    "S 250 ok\n" BYE,
	    HELLO "S 250-fake\nS 250 SMTPUTF8\nC MAIL\nS 250 ok\n= RCPT TO:<\303\244@d>\nS 250 ok\n"
	    "C DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "R140 each recipient by its own reply",
	  .to = "c@d|e@d|f@d",
	  .script = { BOTH "C MAIL\nC RCPT\nC RCPT\nC RCPT\nB\nS 250 ok\nS 550 5.1.1 no\nS 250 ok\n"
	    "S 450 4.2.1 later\nS 250 ok\n" BYE },
	  .want = "failed 5.1.1|delivered 2.0.0|deferred 4.2.1" },
	{ .name = "R140 5yz to the chunk fails the accepted",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 554 5.7.1 spam\n" BYE },
	  .want = "failed 5.7.1" },
	{ .name = "R140 4yz to the chunk defers them",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 451 4.3.0 disk\n" BYE },
	  .want = "deferred 4.3.0" },
	{ .name = "R121 all refused, the chunk is out: its reply does not count",
	  .script = { BOTH ALL "S 250 ok\nS 550 5.1.1 no\nS 250 what?\n" BYE },
	  .want = "failed 5.1.1 550 5.1.1 no" },
	{ .name = "R121 MAIL refused, the chunk is out",
	  .script = { BOTH ALL "S 550 5.7.1 not you\nS 503 no\nS 503 no\n" BYE },
	  .want = "failed 5.7.1" },
	{ .name = "R121 MAIL refused for now",
	  .script = { BOTH ALL "S 451 4.7.1 later\nS 503 no\nS 503 no\n" BYE },
	  .want = "deferred 4.7.1" },
	{ .name = "one by one: no BDAT without a recipient",
	  .script = { CHUNK "C MAIL\nS 250 ok\nC RCPT\nS 550 no\n" BYE }, .want = "failed 5.0.0" },
	{ .name = "R141 452 to a later one: RSET is not needed, and the rest right away",
	  .to = "c@d|e@d",
	  .script = { BOTH "C MAIL\nC RCPT\nC RCPT\nB\nS 250 ok\nS 250 ok\nS 452 4.5.3 too many\n"
	    "S 250 ok\n= MAIL FROM:<a@b>\n= RCPT TO:<e@d>\nB\nS 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "a refused chunk is cleared by RSET",
	  .to = "c@d|e@d",
	  .script = { BOTH "C MAIL\nC RCPT\nC RCPT\nB\nS 250 ok\nS 250 ok\nS 452 4.5.3 too many\n"
	    "S 451 4.3.0 no\n= RSET\n= MAIL FROM:<a@b>\n= RCPT TO:<e@d>\nB\nS 250 ok\nS 250 ok\n"
	    "S 250 ok\nS 250 ok\n" BYE },
	  .want = "deferred 4.3.0|delivered 2.0.0" },
	{ .name = "BDAT is offered but unknown: again, by DATA",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 500 what?\nE\nN\n" BOTH
	    "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
	    "S 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
#define NOT_BDAT(code) \
	{ .name = "BDAT refused with " code ": again, by DATA", \
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS " code " no\nE\nN\n" BOTH \
	    "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\n" \
	    "D\nS 250 ok\n" BYE }, \
	  .reports = "1 open|1 no-bdat|1 open|1 proven", .want = "delivered 2.0.0" }
	NOT_BDAT("501"), NOT_BDAT("503 5.5.1"), NOT_BDAT("504"), NOT_BDAT("555 5.3.3"),
#define PERHAPS_NOT_BDAT(code) \
	{ .name = "BDAT refused with " code ": remembered if DATA is taken", \
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS " code " no\nE\nN\n" BOTH \
	    "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\n" \
	    "D\nS 250 ok\n" BYE }, \
	  .reports = "1 open|1 open|1 proven|1 no-bdat", .want = "delivered 2.0.0" }
	PERHAPS_NOT_BDAT("550"), PERHAPS_NOT_BDAT("554 5.5.0"),
	{ .name = "refused by DATA as well: that is the answer, and no fact about BDAT",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 554 no\nE\nN\n" BOTH
	    "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\n"
	    "D\nS 554 spam\n" BYE },
	  .reports = "1 open|1 open|1 proven", .want = "failed 5.0.0 554 spam" },
	{ .name = "closed at BDAT: counted",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nX\n" },
	  .reports = "1 open|1 bdat-broke|1 broke", .want = "deferred 4.4.2" },
	{ .name = "closed at BDAT before all replies: counted",
	  .script = { BOTH ALL "X\n" },
	  .reports = "1 open|1 bdat-broke|1 no-pipelining|1 broke", .want = "deferred 4.4.2" },
	{ .name = "stalled at BDAT: counted",
	  .timeouts = true, .script = { BOTH ALL "S 250 ok\nS 250 ok\nE\n" },
	  .reports = "1 open|1 bdat-broke|1 broke", .want = "deferred 4.4.2" },
	{ .name = "no sense in the reply to BDAT: nothing broke",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS hello\nE\n" },
	  .reports = "1 open|1 broke", .want = "deferred 4.5.0" },
	{ .name = "closed at the second chunk of a link: the host may have had enough",
	  .to = "c@d|e@d",
	  .script = { BOTH "C MAIL\nC RCPT\nC RCPT\nB\nS 250 ok\nS 250 ok\nS 452 4.5.3 too many\n"
	    "S 250 ok\n= MAIL FROM:<a@b>\n= RCPT TO:<e@d>\nB\nS 250 ok\nX\n" },
	  .reports = "1 open|1 proven|1 broke", .want = "delivered 2.0.0|deferred 4.4.2" },
	{ .name = "broke twice at BDAT: no BDAT",
	  .known = HOST_BDAT_BROKE,
	  .script = { BOTH "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\n"
	    "S 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "a message that was tried twice goes by DATA, in case BDAT is at fault",
	  .attempts = 2,
	  .script = { BOTH "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\n"
	    "S 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "but not at its second attempt",
	  .attempts = 1, .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "remembered: no BDAT, although it is offered",
	  .known = HOST_NO_BDAT,
	  .script = { BOTH "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\n"
	    "S 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "remembered: but BDAT for what only BDAT can carry",
	  .known = HOST_NO_BDAT, .content = "a\nb\rc", .binary = true,
	  .script = { BINARY "C MAIL\nC RCPT\nB\nS 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "broke twice at PIPELINING: one command at a time",
	  .known = HOST_NO_PIPELINING,
	  .script = { BOTH "= MAIL FROM:<a@b>\nQ\nS 250 ok\n= RCPT TO:<c@d>\nQ\nS 250 ok\nB\n"
	    "S 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "502 means the same, but is final if only BDAT can carry the message",
	  .content = "a\nb\rc", .binary = true,
	  .script = { BINARY "C MAIL\nC RCPT\nB\nS 250 ok\nS 250 ok\nS 502 what?\n= QUIT\nE\n" },
	  .want = "failed 5.0.0 502 what?" },
	{ .name = "R142 354 to BDAT",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 354 go\nE\n" }, .want = "deferred 4.5.0" },
	{ .name = "R143 lost before a reply to RCPT, perhaps taken: no other exchanger",
	  .domain = "two.test", .script = { BOTH ALL "S 250 ok\nX\n" },
	  .want = "deferred 4.4.2 lost connection in RCPT TO (the message is out and may arrive "
	    "twice)" },
	{ .name = "R143 lost after one of two replies to RCPT: no other exchanger",
	  .domain = "two.test", .to = "c@d|e@d",
	  .script = { BOTH "C MAIL\nC RCPT\nC RCPT\nB\nS 250 ok\nS 250 ok\nX\n" },
	  .want = "deferred 4.4.2 lost connection in RCPT TO (the message is out|deferred 4.4.2 "
	    "lost connection in RCPT TO (the message is out" },
	{ .name = "R143 a recipient refused before the link is lost stays refused",
	  .domain = "two.test", .to = "c@d|e@d",
	  .script = { BOTH "C MAIL\nC RCPT\nC RCPT\nB\nS 250 ok\nS 550 5.1.1 no\nX\n" },
	  .want = "failed 5.1.1|deferred 4.4.2 lost connection in RCPT TO (the message is out" },
	{ .name = "R143 lost after a refusal of MAIL: the other exchanger",
	  .domain = "two.test",
	  .script = { BOTH ALL "S 451 4.7.1 later\nX\n",
	    BOTH ALL "S 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R143 a list: lost at one member without any reply, the others wait",
	  .verp = true, .from = "o@l", .content = "a\nb\rc", .binary = true,
	  .to = "1@d|2@d|3@d|4@d|5@d|6@d|7@d|8@d|9@d|10@d|11@d|12@d",
	  .script = { BINARY "C MAIL\nC RCPT\nB\nX\n" },
	  .want = "deferred 4.4.2 lost connection in MAIL FROM (the" REST REST REST REST REST REST
	    REST REST REST REST REST },
	{ .name = "R143 lost after the replies to RCPT, perhaps taken: no other exchanger",
	  .domain = "two.test", .script = { BOTH ALL "S 250 ok\nS 250 ok\nX\n" },
	  .want = "deferred 4.4.2 lost connection while waiting for the reply to the message" },
	{ .name = "R143 lost without any reply, perhaps taken: no other exchanger",
	  .domain = "two.test", .script = { BOTH ALL "X\n" },
	  .want = "deferred 4.4.2 lost connection in MAIL FROM (the message is out and may arrive "
	    "twice)" },
	{ .name = "R143 no reply in time, perhaps taken: no other exchanger",
	  .domain = "two.test", .timeouts = true, .script = { BOTH ALL "E\n" },
	  .want = "deferred 4.4.2 timed out in MAIL FROM (the message is out and may arrive "
	    "twice)" },
	{ .name = "R142 no sense in a reply to RCPT, perhaps taken: no other exchanger",
	  .domain = "two.test", .script = { BOTH ALL "S 250 ok\nS 334 what?\nE\n" },
	  .want = "deferred 4.5.0 unexpected reply to RCPT TO (the message is out and may arrive "
	    "twice): 334 what?" },
	{ .name = "R142 garbage in place of the reply to MAIL",
	  .domain = "two.test", .to = "c@d|e@d",
	  .script = { BOTH "C MAIL\nC RCPT\nC RCPT\nB\nS hello\nE\n" },
	  .want = "deferred 4.5.0 the answer to MAIL FROM (the message is|deferred 4.5.0 the "
	    "answer to MAIL FROM (the message is" },
	{ .name = "R142 a recipient refused before the garbage stays refused",
	  .to = "c@d|e@d",
	  .script = { BOTH "C MAIL\nC RCPT\nC RCPT\nB\nS 250 ok\nS 550 5.1.1 no\nS hello\nE\n" },
	  .want = "failed 5.1.1|deferred 4.5.0 the answer to RCPT TO (the message is" },
	{ .name = "R142 garbage after a refusal of MAIL: the message is not taken",
	  .domain = "two.test",
	  .script = { BOTH ALL "S 451 4.7.1 later\nS hello\nE\n",
	    BOTH ALL "S 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R142 garbage in place of the reply to the chunk",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS hello\nE\n" },
	  .want = "deferred 4.5.0 the answer to the message (it may arrive twice) was not an SMTP "
	    "reply" },
	{ .name = "R139 replies that come together may take as long as the one to the dot",
	  .timeouts = true, .script = { BOTH ALL "W 700\nS 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R143 421 to MAIL",
	  .script = { BOTH ALL "S 421 4.3.2 busy\nE\n" }, .want = "deferred 4.3.2" },
	{ .name = "R143 421 to MAIL: the other exchanger",
	  .domain = "two.test",
	  .script = { BOTH ALL "S 421 4.3.2 busy\nE\n",
	    BOTH ALL "S 250 ok\nS 250 ok\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R143 421 to the chunk",
	  .script = { BOTH ALL "S 250 ok\nS 250 ok\nS 421 4.3.2 busy\nE\n" },
	  .want = "deferred 4.3.2" },
	{ .name = "R139 no reply to the chunk",
	  .timeouts = true, .script = { BOTH ALL "S 250 ok\nS 250 ok\nE\n" },
	  .want = "deferred 4.4.2 timed out while waiting" },
};

static const struct smtp_case ignored = {
	.name = "ignore-keywords: CHUNKING is offered but not used",
	.script = { BOTH "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\n"
	    "S 354 go\nD\nS 250 ok\n" BYE },
	.want = "delivered 2.0.0",
};

/* A message too large to send before a recipient is accepted. */
static const struct smtp_case large[] = {
	{ .name = "R121 a large message waits for the recipients",
	  .script = { BOTH "C MAIL\nC RCPT\nQ\nS 250 ok\nS 250 ok\nB\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R121 and does not travel without one",
	  .script = { BOTH "C MAIL\nC RCPT\nQ\nS 250 ok\nS 550 5.1.1 no\n" BYE },
	  .want = "failed 5.1.1" },
	{ .name = "R139 a peer that stops reading",
	  .timeouts = true, .script = { BOTH "C MAIL\nC RCPT\nS 250 ok\nS 250 ok\nW 800\n" },
	  .want = "deferred 4.4.2 timed out while sending the message" },
	{ .name = "a reply in mid-chunk counts",
	  .script = { BOTH "C MAIL\nC RCPT\nS 250 ok\nS 250 ok\nS 552 5.3.4 too much\nW 100\nR\n" },
	  .want = "failed 5.3.4 552 5.3.4 too much" },
	{ .name = "R143 lost in mid-chunk",
	  .script = { BOTH "C MAIL\nC RCPT\nS 250 ok\nS 250 ok\nW 50\nR\n" },
	  .want = "deferred 4.4.2 lost connection while sending the message" },
};

/* A message that fits into the buffers of this end, but not into the window of a peer that does not
 * read. */
#define UNREAD HELLO "S 250 fake\nC MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nW 100\n"
#define READ   HELLO "S 250 fake\nC MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n" \
		"S 250 ok\n" BYE
static const struct smtp_case buffered[] = {
	{ .name = "R143 the end of the message was never sent: the other exchanger",
	  .domain = "two.test", .script = { UNREAD "R\n", READ }, .want = "delivered 2.0.0" },
	{ .name = "R143 the same in a chunk",
	  .domain = "two.test",
	  .script = { BOTH "C MAIL\nC RCPT\nS 250 ok\nS 250 ok\nW 100\nR\n", READ },
	  .reports = "1 open|1 bdat-broke|1 refused|2 open|2 proven",
	  .want = "delivered 2.0.0" },
	{ .name = "R143 a silent host may read it later: no other exchanger",
	  .domain = "two.test", .timeouts = true, .script = { UNREAD "W 3000\n" },
	  .want = "deferred 4.4.2 timed out while waiting for the reply to the message (it may "
	    "arrive twice)" },
};

int
main(void)
{
	struct dns_resolver resolver;
	pid_t dns = fake_resolver(&resolver);

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(60);
	mail_init(&smtp_mail);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		smtp_run(&cases[i], &resolver);
	smtp_config.relay.ignore_keywords = (char[]){ "x chunking" };
	smtp_run(&ignored, &resolver);
	smtp_config.relay.ignore_keywords = NULL;
	for (size_t i = 0; i < sizeof large / sizeof large[0]; i++)
		smtp_run_large(&large[i]);
	for (size_t i = 0; i < sizeof buffered / sizeof buffered[0]; i++)
		smtp_run_sized(&buffered[i], 1 << 20, &resolver);
	mail_done(&smtp_mail);
	(void)kill(dns, SIGKILL);
	(void)waitpid(dns, NULL, 0);
	return tap_done();
}
