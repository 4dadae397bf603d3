// SPDX-License-Identifier: ISC
/*
 * Deliveries by LMTP (RFC 2033) to scripted servers.
 */
#include "delivery/delivery.h"

#include "tests/lib/smtp_case.h"

#define HELLO  "S 220 fake LMTP\n= LHLO client.example\n"
#define PIPE   HELLO "S 250-fake\nS 250-PIPELINING\nS 250 8BITMIME\n"
#define CHUNK  HELLO "S 250-fake\nS 250-PIPELINING\nS 250-8BITMIME\nS 250 CHUNKING\n"
#define THREE  "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= RCPT TO:<e@d>\n= RCPT TO:<f@d>\n"
#define TAKEN  "S 250 ok\nS 250 ok\nS 250 ok\nS 250 ok\n"
#define BYE    "= QUIT\nE\n"

static const struct smtp_case cases[] = {
	{ .name = "R166 LHLO, and a reply for the recipient",
	  .script = { PIPE "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\n"
	    "S 354 go\nD\nS 250 2.0.0 <c@d> saved\n" BYE },
	  .want = "delivered 2.0.0 250 2.0.0 <c@d> saved" },
	{ .name = "B162 SUCCESS at a mailbox's own server: a notice is owed",
	  .to = "c@d NOTIFY=SUCCESS", .state = 'S',
	  .script = { PIPE "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\n"
	    "S 354 go\nD\nS 250 2.0.0 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "DELIVERBY mode R ends at a mailbox's own server",
	  .params = "BY=1000;R",
	  .script = { PIPE "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\n"
	    "S 354 go\nD\nS 250 2.0.0 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R166 one reply for each recipient, each settled alone",
	  .to = "c@d|e@d|f@d",
	  .script = { PIPE THREE "= DATA\n" TAKEN "S 354 go\nD\nS 250 2.0.0 one\nS 452 4.2.2 full\n"
	    "S 550 5.2.1 closed\n" BYE },
	  .want = "delivered 2.0.0 250 2.0.0 one|deferred 4.2.2 452 4.2.2 full|failed 5.2.1 550 "
	    "5.2.1 closed" },
	{ .name = "R166 one for each accepted recipient, in their order",
	  .to = "c@d|e@d|f@d",
	  .script = { PIPE THREE "= DATA\nS 250 ok\nS 250 ok\nS 550 5.1.1 nobody\nS 250 ok\n"
	    "S 354 go\nD\nS 250 2.0.0 one\nS 451 4.3.0 three\n" BYE },
	  .want = "delivered 2.0.0 250 2.0.0 one|failed 5.1.1|deferred 4.3.0 451 4.3.0 three" },
	{ .name = "R166 the same by BDAT",
	  .to = "c@d|e@d|f@d",
	  .script = { CHUNK THREE "B\nS 250 ok\nS 250 ok\nS 550 5.1.1 nobody\nS 250 ok\n"
	    "S 250 2.0.0 one\nS 451 4.3.0 three\n" BYE },
	  .want = "delivered 2.0.0 250 2.0.0 one|failed 5.1.1|deferred 4.3.0 451 4.3.0 three" },
	{ .name = "R166 no recipient accepted, the chunk is out: one reply",
	  .script = { CHUNK "C MAIL\nC RCPT\nB\nS 250 ok\nS 550 5.1.1 nobody\nS 503 no\n" BYE },
	  .want = "failed 5.1.1" },
	{ .name = "R166 no recipient accepted, DATA is out",
	  .script = { PIPE "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 550 5.1.1 nobody\nS 503 no\n" BYE },
	  .want = "failed 5.1.1" },
	{ .name = "R166 lost between the replies: recipients without one may get it twice",
	  .to = "c@d|e@d|f@d",
	  .script = { PIPE THREE "C DATA\n" TAKEN "S 354 go\nD\nS 250 2.0.0 one\nX\n" },
	  .want = "delivered 2.0.0|deferred 4.4.2 lost connection while waiting|deferred 4.4.2" },
	{ .name = "R166 421 between the replies",
	  .to = "c@d|e@d|f@d",
	  .script = { PIPE THREE "C DATA\n" TAKEN "S 354 go\nD\nS 250 2.0.0 one\n"
	    "S 421 4.3.2 going\nX\n" },
	  .want = "delivered 2.0.0|deferred 4.3.2 421|deferred 4.4.2" },
	{ .name = "R166 never HELO",
	  .script = { HELLO "S 500 what?\n" BYE }, .want = "deferred 4.3.2 500 what?" },
	{ .name = "R141 452 to a later one: the rest right away",
	  .to = "c@d|e@d",
	  .script = { PIPE "C MAIL\nC RCPT\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\n"
	    "S 452 4.5.3 enough\nS 354 go\nD\nS 250 one\n= MAIL FROM:<a@b>\n= RCPT TO:<e@d>\n"
	    "C DATA\nS 250 ok\nS 250 ok\nS 354 go\nD\nS 250 two\n" BYE },
	  .want = "delivered 2.0.0 250 one|delivered 2.0.0 250 two" },
	{ .name = "a broken server is no verdict on the mailbox",
	  .script = { "S 554 broken\n" BYE }, .want = "deferred 4.3.2 554 broken" },
	{ .name = "no server", .want = "deferred 4.4.1" },
};

int
main(void)
{
	struct dns_resolver resolver = { 0 };
	struct smtp_case c;

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(60);
	mail_init(&smtp_mail);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		c = cases[i];
		c.lmtp = true;
		smtp_run(&c, &resolver);
	}
	mail_done(&smtp_mail);
	return tap_done();
}
