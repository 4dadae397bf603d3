// SPDX-License-Identifier: ISC
/*
 * Deliveries with several hosts or several messages: look-ups, the order of hosts, kept links,
 * many recipients, large messages.
 */
#include "delivery/delivery.h"

#include "tests/lib/smtp_case.h"

#define GREET  "S 220 fake\nC EHLO\nS 250 fake\n"
#define PIPE   "S 220 fake\nC EHLO\nS 250-fake\nS 250 PIPELINING\n"
#define TAKE   "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n"
#define GOOD   GREET TAKE "= QUIT\nE\n"
#define BYE    "= QUIT\nE\n"
#define NOT_NOW "C MAIL\nS 451 4.7.1 a\n= RSET\nS 250 ok\n"
#define ELEVEN "a@d|b@d|c@d|d@d|e@d|f@d|g@d|h@d|i@d|j@d|k@d"
#define FIVE   "delivered 2.0.0|delivered 2.0.0|delivered 2.0.0|delivered 2.0.0|delivered 2.0.0|"
#define TEN    FIVE FIVE

static const struct smtp_case cases[] = {
	{ .name = "R135 the fastest of its level",
	  .host = "three.test", .script = { GOOD, NULL, NULL }, .want = "delivered 2.0.0",
	  .reports = "1 open|1 proven" },
	{ .name = "R138 a dead one costs no message",
	  .host = "three.test", .script = { NULL, GOOD }, .want = "delivered 2.0.0",
	  .reports = "1 failed|2 open|2 proven" },
	{ .name = "R138 nor do two",
	  .host = "three.test", .script = { NULL, NULL, GOOD }, .want = "delivered 2.0.0",
	  .reports = "1 failed|2 failed|3 open|3 proven" },
	{ .name = "all dead: for later, and each is named",
	  .host = "three.test", .script = { NULL },
	  .want = "deferred 4.4.1 no exchanger answered: three.test[127.0.0.1]:",
	  .reports = "1 failed|2 failed|3 failed" },
	{ .name = "unknown ones are raced: the fastest gets it",
	  .host = "three.test", .unknown = true, .script = { BYE, GOOD, BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "a host that has too many workers is left out of the race",
	  .domain = "three.test", .unknown = true, .busy = 1, .script = { NULL, NULL, GOOD },
	  .want = "delivered 2.0.0", .reports = "2 failed|3 open|3 proven", .won = 3 },
	{ .name = "two that have too many are left out",
	  .domain = "three.test", .unknown = true, .busy = 5, .script = { NULL, GOOD, NULL },
	  .want = "delivered 2.0.0", .reports = "2 open|2 proven" },
	{ .name = "the fastest has too many workers: the next one",
	  .domain = "three.test", .busy = 1, .script = { NULL, GOOD, NULL },
	  .want = "delivered 2.0.0", .reports = "2 open|2 proven" },
	{ .name = "a host that the route names has as many as the route",
	  .host = "three.test", .busy = 7, .script = { GOOD, NULL, NULL },
	  .want = "delivered 2.0.0" },
	{ .name = "R143 421 as greeting: the next host",
	  .host = "three.test", .script = { "S 421 busy\nE\n", GOOD }, .want = "delivered 2.0.0",
	  .reports = "1 open|1 refused|2 open|2 proven" },
	{ .name = "R143 421 to EHLO: the next host",
	  .host = "three.test", .script = { "S 220 x\nC EHLO\nS 421 busy\nE\n", GOOD },
	  .want = "delivered 2.0.0", .reports = "1 open|1 refused|2 open|2 proven" },
	{ .name = "a 4yz greeting: the next host",
	  .host = "three.test", .script = { "S 450 busy\n" BYE, GOOD }, .want = "delivered 2.0.0" },
	{ .name = "a 5yz greeting: the next host",
	  .host = "three.test", .script = { "S 554 no\n" BYE, GOOD }, .want = "delivered 2.0.0" },
	{ .name = "R144 521: the next host",
	  .host = "three.test", .script = { "S 521 no\n" BYE, GOOD }, .want = "delivered 2.0.0" },
	{ .name = "R144 all reply 521 or 554: failed",
	  .host = "three.test",
	  .script = { "S 521 5.3.2 no\n" BYE, "S 554 no\n" BYE, "S 521 5.3.2 no\n" BYE },
	  .want = "failed 5.3.2 521 5.3.2 no" },
	{ .name = "R144 all but one that is down: deferred",
	  .host = "three.test", .script = { "S 521 5.3.2 no\n" BYE, NULL, "S 521 5.3.2 no\n" BYE },
	  .want = "deferred 4.3.2 521" },
	{ .name = "a reply explains more than a dead host",
	  .host = "three.test", .script = { "S 450 4.7.1 busy\n" BYE },
	  .want = "deferred 4.7.1 450 4.7.1 busy" },
	{ .name = "R143 lost in MAIL: the next host",
	  .host = "three.test", .script = { GREET "C MAIL\nX\n", GOOD },
	  .want = "delivered 2.0.0" },
	{ .name = "R143 421 to MAIL: the next host",
	  .host = "three.test", .script = { GREET "C MAIL\nS 421 busy\nE\n", GOOD },
	  .want = "delivered 2.0.0" },
	{ .name = "4yz to MAIL: the next host",
	  .host = "three.test", .script = { GREET "C MAIL\nS 451 busy\n" BYE, GOOD },
	  .want = "delivered 2.0.0" },
	{ .name = "4yz to MAIL from all hosts: the last one's is the reason",
	  .domain = "two.test",
	  .script = { GREET "C MAIL\nS 451 a\n" BYE, GREET "C MAIL\nS 452 b\n" BYE },
	  .want = "deferred 4.0.0 452 b" },
	{ .name = "4yz to MAIL for a member of a list: the others first, then the next host",
	  .domain = "two.test", .verp = true, .to = "c@d|e@d",
	  .script = { GREET "= MAIL FROM:<a+c=d@b>\nS 451 a\n= RSET\nS 250 ok\n"
	    "= MAIL FROM:<a+e=d@b>\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n"
	    BYE, GREET "= MAIL FROM:<a+c=d@b>\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n"
	    "S 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "ten members of a list are refused: for the next host, one more is no eleventh",
	  .domain = "two.test", .verp = true, .to = ELEVEN "|l@d",
	  .script = { GREET NOT_NOW NOT_NOW NOT_NOW NOT_NOW NOT_NOW NOT_NOW NOT_NOW NOT_NOW NOT_NOW
	    "C MAIL FROM:<a+j=d@b>\nS 451 4.7.1 a\n" BYE,
	    GREET "= MAIL FROM:<a+k=d@b>\nS 451 4.7.1 k\n= RSET\nS 250 ok\n" TAKE TAKE TAKE TAKE
	    TAKE TAKE TAKE TAKE TAKE TAKE TAKE BYE },
	  .want = TEN "deferred 4.7.1 451 4.7.1 k|delivered 2.0.0" },
	{ .name = "members of a list are refused, and the other host is down: none is named",
	  .domain = "two.test", .verp = true, .to = "c@d|e@d",
	  .script = { GREET "C MAIL\nS 451 4.7.1 c\n= RSET\nS 250 ok\nC MAIL\nS 450 4.7.2 e\n"
	    BYE },
	  .want = "deferred 4.7.2 the host refuses members of the list for now, 450 at last|"
	    "deferred 4.7.2 the host refuses members of the list" },
	{ .name = "451 to RCPT for a member of a list: the others first, then the next host",
	  .domain = "two.test", .verp = true, .to = "c@d|e@d",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 451 c\n= RSET\nS 250 ok\n"
	    "= MAIL FROM:<a+e=d@b>\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n"
	    BYE },
	  .want = "deferred 4.0.0 451 c|delivered 2.0.0" },
	{ .name = "a session puts off one member and refuses the second: the next host",
	  .domain = "two.test", .verp = true, .to = "c@d|e@d",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 451 c\nC RSET\nS 250 ok\nC MAIL\nS 451 e\n"
	    BYE, GREET TAKE TAKE BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "the same, with 421",
	  .domain = "two.test", .verp = true, .to = "c@d|e@d",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 451 c\nC RSET\nS 250 ok\nC MAIL\nS 421 e\n"
	    "E\n", GREET TAKE TAKE BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "the same, with one MAIL a session",
	  .domain = "two.test", .verp = true, .to = "c@d|e@d",
	  .script = { "S 220 fake\nC EHLO\nS 250-fake\nS 250 LIMITS MAILMAX=1\nC MAIL\nS 250 ok\n"
	    "C RCPT\nS 451 c\n" BYE, GREET TAKE TAKE BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "4yz to DATA: the next host",
	  .host = "three.test",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 451 disk\n" BYE, GOOD },
	  .want = "delivered 2.0.0" },
	{ .name = "451 to RCPT: the next host",
	  .host = "three.test",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 451 4.7.1 busy\n" BYE, GOOD },
	  .want = "delivered 2.0.0" },
	{ .name = "451 to RCPT: the others of the message are delivered first",
	  .host = "three.test", .to = "c@d|e@d",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 451 busy\nC RCPT\nS 250 ok\nC DATA\n"
	    "S 354 go\nD\nS 250 ok\n" BYE, GREET "C MAIL\nS 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n"
	    "C DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "451 to RCPT from all: each by its own reply at the last",
	  .domain = "two.test", .to = "c@d|e@d",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 451 a\nC RCPT\nS 451 b\n" BYE,
	    GREET "C MAIL\nS 250 ok\nC RCPT\nS 451 c\nC RCPT\nS 451 d\n" BYE },
	  .want = "deferred 4.0.0 451 c|deferred 4.0.0 451 d" },
	{ .name = "451 to RCPT, and the other host is down: that reply is the reason",
	  .domain = "two.test",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 451 4.3.0 disk\n" BYE },
	  .want = "deferred 4.3.0 451 4.3.0 disk" },
	{ .name = "452 4.2.2 to RCPT is the mailbox's",
	  .host = "three.test",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 452 4.2.2 full\n" BYE },
	  .want = "deferred 4.2.2" },
	{ .name = "451 to the dot: the next host",
	  .host = "three.test",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n"
	    "S 451 4.3.0 disk\n" BYE, GOOD },
	  .want = "delivered 2.0.0" },
	{ .name = "451 to the dot from all: deferred",
	  .domain = "two.test",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n"
	    "S 451 4.3.0 one\n" BYE, GREET "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\n"
	    "S 354 go\nD\nS 451 4.3.0 two\n" BYE },
	  .want = "deferred 4.3.0 451 4.3.0 two" },
	{ .name = "R036 all refuse EHLO with 554, none HELO: the domain takes mail",
	  .domain = "two.test",
	  .script = { "S 220 x\nC EHLO\nS 554 no\nC HELO\nS 554 no\n" BYE,
	    "S 220 x\nC EHLO\nS 554 no\nC HELO\nS 250 x\n" TAKE BYE },
	  .want = "delivered 2.0.0" },
#define CLEAR  "S 220 fake\nC EHLO\nS 250-fake\nS 250 STARTTLS\n"
#define AGAIN  BYE "N\n" CLEAR "= STARTTLS\nS 454 not now\n" TAKE BYE
#define TLS_REPORTS "1 open|1 no-clear|1 open|1 proven"
	{ .name = "R134 spared TLS, MAIL refused: with TLS at once",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nS 530 5.7.0 Must issue a STARTTLS\n" AGAIN },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, 421 to MAIL",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nS 421 4.7.0 TLS, please\nE\nN\n" CLEAR
	    "= STARTTLS\nS 454 not now\n" TAKE BYE },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, 421 to MAIL for a member of a list",
	  .spared_tls = true, .verp = true,
	  .script = { CLEAR "C MAIL\nS 421 4.7.0 TLS, please\nE\nN\n" CLEAR
	    "= STARTTLS\nS 454 not now\n" TAKE BYE },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, RCPT refused",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nS 250 ok\nC RCPT\nS 550 5.7.1 no\n" AGAIN },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, RCPT refused for now",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nS 250 ok\nC RCPT\nS 451 4.7.1 later\n" AGAIN },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, DATA refused",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 554 no\n" AGAIN },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, the content refused",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n"
	    "S 554 5.7.1 no\n" AGAIN },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, EHLO and HELO refused",
	  .spared_tls = true,
	  .script = { "S 220 fake\nC EHLO\nS 530 5.7.0 TLS\nC HELO\nS 530 5.7.0 TLS\n" AGAIN },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, an extension is lacking",
	  .spared_tls = true, .content = "A: \303\244\r\n\r\nx\r\n",
	  .script = { CLEAR BYE "N\n" "S 220 fake\nC EHLO\nS 250-fake\nS 250-8BITMIME\n"
	    "S 250 STARTTLS\n= STARTTLS\nS 454 not now\n" TAKE BYE },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, lost in MAIL",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nX\nN\n" CLEAR "= STARTTLS\nS 454 not now\n" TAKE BYE },
	  .reports = TLS_REPORTS, .want = "delivered 2.0.0" },
	{ .name = "R134 spared TLS, refused there and inside TLS: that is the answer",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nS 550 a\n" BYE "N\n" CLEAR "= STARTTLS\nS 454 not now\n"
	    "C MAIL\nS 550 b\n" BYE },
	  .want = "failed 5.0.0 550 b" },
	{ .name = "R134 spared TLS, refused, and TLS fails again: deferred",
	  .spared_tls = true,
	  .script = { CLEAR "C MAIL\nS 550 5.7.1 a\n" BYE "N\n" CLEAR
	    "= STARTTLS\nS 220 go\nX\n" },
	  .want = "deferred 4." },
	{ .name = "R134 spared TLS, some refused: the others are not sent it again",
	  .spared_tls = true, .to = "c@d|e@d",
	  .script = { CLEAR "C MAIL\nS 250 ok\nC RCPT\nS 550 5.7.1 no\nC RCPT\nS 250 ok\nC DATA\n"
	    "S 354 go\nD\nS 250 ok\n" BYE "N\n" CLEAR "= STARTTLS\nS 454 not now\nC MAIL\n"
	    "S 250 ok\n= RCPT TO:<c@d>\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "R134 spared TLS, the greeting is refused: no second try",
	  .spared_tls = true, .script = { "S 450 4.3.2 busy\n" BYE },
	  .want = "deferred 4.3.2 450 4.3.2 busy" },
	{ .name = "R146 5yz to MAIL is the message's, not the host's",
	  .host = "three.test", .script = { GREET "C MAIL\nS 550 5.7.1 no\n" BYE },
	  .want = "failed 5.7.1", .reports = "1 open|1 proven" },
	{ .name = "4yz to RCPT is the recipient's",
	  .host = "three.test",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 450 4.2.1 no\n" BYE },
	  .want = "deferred 4.2.1" },
	{ .name = "R143 lost after the dot: no second copy",
	  .host = "three.test",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nX\n" },
	  .want = "deferred 4.4.2", .reports = "1 open|1 broke" },
	{ .name = "lost among the recipients: only the rest goes on",
	  .host = "three.test", .to = "c@d|e@d",
	  .script = { GREET "C MAIL\nS 250 ok\nC RCPT\nS 550 5.1.1 no\nC RCPT\nX\n",
	    GREET "C MAIL\nS 250 ok\n= RCPT TO:<e@d>\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n"
	    BYE },
	  .want = "failed 5.1.1|delivered 2.0.0" },
	{ .name = "DELIVERBY mode R: a host without it is passed over",
	  .host = "three.test", .params = "BY=1000;R",
	  .script = { GREET BYE,
	    "S 220 x\nC EHLO\nS 250-x\nS 250 DELIVERBY\nC MAIL FROM:<a@b> BY=\nS 250 ok\nC RCPT\n"
	    "S 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "DELIVERBY mode R: no host offers it: failed",
	  .host = "three.test", .params = "BY=1000;R",
	  .script = { GREET BYE, GREET BYE, GREET BYE }, .want = "failed 5.4.4" },
	{ .name = "DELIVERBY mode R: one that may offer it is down: deferred",
	  .host = "three.test", .params = "BY=1000;R", .script = { GREET BYE, NULL, GREET BYE },
	  .want = "deferred 4.4.1" },
	{ .name = "every host breaks off: deferred, not for ever",
	  .host = "three.test",
	  .script = { GREET "C MAIL\nX\n", GREET "C MAIL\nX\n", GREET "C MAIL\nX\n" },
	  .want = "deferred 4.4.2 lost connection in MAIL FROM" },
	{ .name = "R142 garbage as greeting: the next host",
	  .host = "three.test", .script = { "S HTTP/1.1 400 Bad Request\nE\n", GOOD },
	  .want = "delivered 2.0.0" },
	{ .name = "R135 by preference, not by latency",
	  .domain = "two.test", .script = { GOOD }, .want = "delivered 2.0.0",
	  .reports = "1 open|1 proven" },
	{ .name = "R135 the next level when the first is dead",
	  .domain = "two.test", .script = { NULL, GOOD }, .want = "delivered 2.0.0",
	  .reports = "1 failed|2 open|2 proven" },
	{ .name = "R136 no MX: the address",
	  .domain = "h1.test", .script = { GOOD }, .want = "delivered 2.0.0" },
	{ .name = "R136 NXDOMAIN", .domain = "nx.test", .want = "failed 5.1.2", .reports = "" },
	{ .name = "R136 SERVFAIL", .domain = "fail.test", .want = "deferred 4.4.3" },
	{ .name = "R136 neither MX nor address", .domain = "empty.test", .want = "failed 5.4.4" },
	{ .name = "R137 null MX",
	  .domain = "null.test", .script = { NULL }, .want = "failed 5.1.10", .reports = "" },
	{ .name = "a domain that is not a name", .domain = "a..b", .want = "failed 5.1.2" },
	{ .name = "an address literal",
	  .domain = "[127.0.0.1]", .script = { GOOD }, .want = "delivered 2.0.0" },
	{ .name = "a smarthost that is not in the DNS bounces nothing",
	  .host = "nx.test", .want = "deferred 4.4.3" },
};

/* Several messages by one delivery: which link carries which. */
static const struct kept_case {
	const char *name, *script;
	const char *want[3];
	unsigned pause_ms;
} kepts[] = {
	{ .name = "three messages over one connection",
	  .script = GREET TAKE TAKE TAKE BYE,
	  .want = { "delivered 2.0.0", "delivered 2.0.0", "delivered 2.0.0" } },
	{ .name = "RSET only after a transaction that stayed open",
	  .script = GREET "C MAIL\nS 250 ok\nC RCPT\nS 550 5.1.1 no\n= RSET\nS 250 ok\n" TAKE TAKE
	    BYE,
	  .want = { "failed 5.1.1", "delivered 2.0.0", "delivered 2.0.0" } },
	{ .name = "no RSET after a refused MAIL",
	  .script = GREET "C MAIL\nS 550 5.7.1 no\nN\n" GREET TAKE TAKE BYE,
	  .want = { "failed 5.7.1", "delivered 2.0.0", "delivered 2.0.0" } },
	{ .name = "MAIL refused again and again, none accepted: that is the answer",
	  .script = GREET "C MAIL\nS 550 5.7.1 a\nC MAIL\nS 550 5.7.1 b\nC MAIL\n"
	    "S 550 5.7.1 c\n" BYE,
	  .want = { "failed 5.7.1 550 5.7.1 a", "failed 5.7.1 550 5.7.1 b",
	    "failed 5.7.1 550 5.7.1 c" } },
	{ .name = "closed while idle: a new one, unnoticed",
	  .script = GREET TAKE "X\nN\n" GREET TAKE TAKE BYE,
	  .want = { "delivered 2.0.0", "delivered 2.0.0", "delivered 2.0.0" }, .pause_ms = 50 },
	{ .name = "421 while idle: the same",
	  .script = GREET TAKE "S 421 idle\nX\nN\n" GREET TAKE TAKE BYE,
	  .want = { "delivered 2.0.0", "delivered 2.0.0", "delivered 2.0.0" }, .pause_ms = 50 },
	{ .name = "421 to the next MAIL: the same",
	  .script = GREET TAKE "C MAIL\nS 421 enough\nX\nN\n" GREET TAKE TAKE BYE,
	  .want = { "delivered 2.0.0", "delivered 2.0.0", "delivered 2.0.0" } },
	{ .name = "closed at the next MAIL: the same",
	  .script = GREET TAKE "C MAIL\nX\nN\n" GREET TAKE TAKE BYE,
	  .want = { "delivered 2.0.0", "delivered 2.0.0", "delivered 2.0.0" } },
	{ .name = "but only once",
	  .script = GREET TAKE "C MAIL\nX\nN\n" GREET "C MAIL\nX\nN\n" GREET TAKE BYE,
	  .want = { "delivered 2.0.0", "deferred 4.4.2", "delivered 2.0.0" } },
	{ .name = "pipelined: RSET in front of the group",
	  .script = PIPE "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 550 no\nS 503 no\n= RSET\nC MAIL\n"
	    "C RCPT\nC DATA\nQ\nS 250 ok\nS 250 ok\nS 250 ok\nS 354 go\nD\nS 250 ok\nC MAIL\n"
	    "C RCPT\nC DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\nD\nS 250 ok\n" BYE,
	  .want = { "failed 5.0.0", "delivered 2.0.0", "delivered 2.0.0" } },
};

static void
test_kept(const struct kept_case *c)
{
	static const struct smtp_case message;
	static char host[] = "127.0.0.1";
	struct fakes f;
	struct hosts h = { 0 };
	struct dns_resolver resolver = { 0 };
	struct route route = { .via = VIA_SMTP, .hosts = { { .name = host } }, .nhosts = 1 };
	struct delivery d = {
		.config = &smtp_config, .route = &route, .resolver = &resolver, .hosts = &h,
	};
	bool good = true;

	smtp_configure(&message);
	fakes_open(&f);
	route.hosts[0].port = f.port;
	fakes_start(&f, 0, c->script, smtp_wire(&message));
	for (size_t i = 0; i < 3; i++) {
		smtp_message(&message);
		mail_deliver(&smtp_mail, &d);
		good = smtp_as_wanted(c->want[i]) && good;
		usleep(c->pause_ms * 1000);
	}
	delivery_done(&d);
	ok(fakes_close(&f) && good, "kept: %s", c->name);
	hosts_done(&h);
}

/* More recipients than one group of commands holds: none is lost or doubled. */
static void
test_many(bool pipelining, unsigned recipients)
{
	static char to[20000], want[20000], script[60000];
	struct buf t = BUF(to), w = BUF(want), s = BUF(script);
	struct smtp_case c = {
		.name = pipelining ? "many recipients, in groups" : "many recipients, one by one",
	};
	bool early = false;	/* DATA is in the group */

	buf_str(&s, pipelining ? PIPE : GREET);
	for (unsigned i = 0; i < recipients; i++) {
		buf_fmt(&t, "%su%u@d", i ? "|" : "", i);
		buf_fmt(&w, "%s%s", i ? "|" : "", i % 3 ? "delivered 2.0.0" : "failed 5.1.1");
	}
	/* A group has 100 commands: MAIL and 99 recipients. */
	for (unsigned from = 0, command = 0; command < recipients + 1; command = from) {
		unsigned to_command = pipelining ? command + 100 : command + 1;

		if (to_command > recipients + 1)
			to_command = recipients + 1;
		for (unsigned k = command; k < to_command; k++)
			if (k == 0)
				buf_str(&s, "C MAIL\n");
			else
				buf_fmt(&s, "= RCPT TO:<u%u@d>\n", k - 1);
		early = pipelining && to_command == recipients + 1 && to_command - command < 100;
		if (early)
			buf_str(&s, "= DATA\n");
		for (unsigned k = command; k < to_command; k++)
			buf_str(&s, k == 0 || (k - 1) % 3 ? "S 250 ok\n" : "S 550 5.1.1 no\n");
		from = to_command;
	}
	buf_str(&s, early ? "S 354 go\nD\nS 250 ok\n" : "C DATA\nS 354 go\nD\nS 250 ok\n");
	if (t.full || w.full || s.full)
		abort();
	c.to = buf_cstr(&t);
	c.want = buf_cstr(&w);
	c.script[0] = buf_cstr(&s);
	smtp_run(&c, NULL);
}

/* Content of n octets with long lines, sent from the file or, with dots, through the encoder. */
static void
test_large(const char *name, size_t n, size_t line, bool dots)
{
	static char content[6 << 20], wire[7 << 20];
	struct buf c = BUF(content), w = BUF(wire);
	struct smtp_case one = {
		.name = name, .script = { GREET TAKE }, .want = "delivered 2.0.0",
	};

	for (size_t i = 0; c.n + line + 3 < n; i++) {
		if (dots && i % 2) {
			buf_chr(&c, '.');
			buf_str(&w, "..");
		}
		for (size_t k = 0; k < line; k++) {
			buf_chr(&c, (char)('a' + (i + k) % 26));
			buf_chr(&w, (char)('a' + (i + k) % 26));
		}
		buf_str(&c, "\r\n");
		buf_str(&w, "\r\n");
	}
	one.content = buf_cstr(&c);
	one.wire = buf_cstr(&w);
	if (c.full || w.full)
		abort();
	smtp_run(&one, NULL);
}

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
	for (size_t i = 0; i < sizeof kepts / sizeof kepts[0]; i++)
		test_kept(&kepts[i]);
	test_many(true, 250);
	test_many(true, 99);
	test_many(true, 100);
	test_many(false, 30);
	test_large("5 MB as they are", 5 << 20, 998, false);
	test_large("5 MB with dots", 5 << 20, 75, true);
	test_large("lines of 20,000 octets", 1 << 20, 20000, false);
	test_large("lines of 20,000 octets and dots", 1 << 20, 20000, true);
	test_large("8,192 octets", 8192 + 2, 8192 - 3, false);
	test_large("one more", 8192 + 3, 8192 - 2, false);
	mail_done(&smtp_mail);
	(void)kill(dns, SIGKILL);
	(void)waitpid(dns, NULL, 0);
	return tap_done();
}
