// SPDX-License-Identifier: ISC
/*
 * Deliveries to scripted servers: the commands sent, and what the replies mean.
 */
#include "delivery/delivery.h"

#include "tests/lib/smtp_case.h"

#define HELLO  "S 220 fake ESMTP\n= EHLO client.example\n"
#define PLAIN  HELLO "S 250 fake\n"			/* no extension at all */
#define PIPE   HELLO "S 250-fake\nS 250-PIPELINING\nS 250 8BITMIME\n"
#define MAIL   "= MAIL FROM:<a@b>\n"
#define ONE    "= MAIL FROM:<a@b>\nS 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n= DATA\nS 354 go\n"
#define GROUP  "C MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\n"
#define ONE2   "= MAIL FROM:<a@b>\nS 250 ok\n= RCPT TO:<e@d>\nS 250 ok\n= DATA\nS 354 go\n"
#define BYE    "= QUIT\nE\n"

#define NOT_NOW    "C MAIL\nS 451 4.3.1 disk\n= RSET\nS 250 ok\n"
#define TIMES8(s)  s s s s s s s s
#define MORE       "S 250-and so on\n"
#define MORE512    TIMES8(TIMES8(TIMES8(MORE)))
#define FLOOD      MORE512 MORE512
#define REFUSED    "S 554-see the list of rules\n"
#define REFUSED320 TIMES8(TIMES8(REFUSED REFUSED REFUSED REFUSED REFUSED))
#define KEYWORD    "S 250-X-EXTENSION-OF-OUR-OWN with some words behind it\n"
#define KEYWORD512 TIMES8(TIMES8(TIMES8(KEYWORD)))
#define LONG_LINE  "s 250 " TIMES8(TIMES8(TIMES8("12345678"))) "and on\n"

static const struct smtp_case cases[] = {
	{ .name = "one by one without PIPELINING",
	  .script = { PLAIN MAIL "Q\nS 250 ok\n= RCPT TO:<c@d>\nQ\nS 250 ok\n= DATA\nQ\nS 354 go\n"
	    "D\nS 250 2.6.0 queued as 7\n" BYE },
	  .want = "delivered 2.6.0 250 2.6.0 queued as 7" },
	{ .name = "R120 pipelined where offered, replies in several lines",
	  .script = { PIPE GROUP "S 250-one\nS 250 two\nS 250 ok\nS 354-go\nS 354 on\nD\n"
	    "S 250-2.0.0 a\nS 250 2.0.0 b\n" BYE },
	  .want = "delivered 2.0.0 250 2.0.0 a 2.0.0 b" },
	{ .name = "the null sender",
	  .from = "",
	  .script = { PLAIN "= MAIL FROM:<>\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n"
	    "S 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R036 EHLO answered 500: HELO, and no parameter",
	  .script = { HELLO "S 500 what?\n= HELO client.example\nS 250 fake\n" ONE "D\nS 250 ok\n"
	    BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R036 EHLO answered 502: HELO",
	  .script = { HELLO "S 502 what?\n= HELO client.example\nS 250 fake\n" ONE "D\nS 250 ok\n"
	    BYE },
	  .want = "delivered 2.0.0" },
#define TRY_HELO(code) \
	{ .name = "R036 EHLO answered " code ": HELO", \
	  .script = { HELLO "S " code " what?\n= HELO client.example\nS 250 fake\n" ONE \
	    "D\nS 250 ok\n" BYE }, \
	  .want = "delivered 2.0.0" }
	TRY_HELO("501"), TRY_HELO("503"), TRY_HELO("504"), TRY_HELO("521"), TRY_HELO("550"),
	TRY_HELO("554"), TRY_HELO("451"),
	{ .name = "R036 EHLO answered 421: no HELO",
	  .script = { HELLO "S 421 busy\nE\n" }, .want = "deferred 4.0.0 421 busy" },
	{ .name = "R036 lost in HELO: the reply to EHLO is the reason",
	  .script = { HELLO "S 550 5.7.1 go away\n= HELO client.example\nX\n" },
	  .want = "deferred 4.3.2 550 5.7.1 go away" },
	{ .name = "R144 521 to HELO says nothing of the service",
	  .script = { HELLO "S 521 no\n= HELO client.example\nS 521 no\n" BYE },
	  .want = "deferred 4.3.2 521 no" },
	{ .name = "R036 HELO refused too",
	  .script = { HELLO "S 500 what?\n= HELO client.example\nS 550 go away\n" },
	  .want = "deferred 4.3.2" },
	{ .name = "R037 SIZE and BODY only where offered",
	  .content = "\303\244\r\n",
	  .script = { HELLO "S 250-fake\nS 250-SIZE 1000\nS 250 8BITMIME\n"
	    "= MAIL FROM:<a@b> SIZE=4 BODY=8BITMIME\nS 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n= DATA\n"
	    "S 354 go\nD\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R038 without a name, the address literal",
	  .hostname = "[192.0.2.9]",
	  .script = { "S 220 x\n= EHLO [127.0.0.1]\nS 250 x\n" ONE "D\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R038 also with a name that is not fully qualified",
	  .hostname = "mailhost",
	  .script = { "S 220 x\n= EHLO [127.0.0.1]\nS 250 x\n" ONE "D\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R078 dots are doubled",
	  .content = ".\r\n..a\r\n.b\r\nc.\r\n", .wire = "..\r\n...a\r\n..b\r\nc.\r\n",
	  .script = { PLAIN ONE "D\nS 250 ok\n" }, .want = "delivered 2.0.0" },
	{ .name = "R093 a missing final line end is added",
	  .content = "a: b\r\n\r\nend", .wire = "a: b\r\n\r\nend\r\n",
	  .script = { PLAIN ONE "D\nS 250 ok\n" }, .want = "delivered 2.0.0" },
	{ .name = "R093 also after a lone dot",
	  .content = "a\r\n.", .wire = "a\r\n..\r\n", .script = { PLAIN ONE "D\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R104 nothing is added",
	  .content = "Subject: x\r\n\r\nhello\r\n", .script = { PLAIN ONE "D\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "an empty message",
	  .content = "", .script = { PLAIN ONE "D\nS 250 ok\n" }, .want = "delivered 2.0.0" },
	{ .name = "R121 all refused, DATA got 354: only the dot",
	  .script = { PIPE GROUP "S 250 ok\nS 550 5.1.1 no\nS 354 go\n.\nS 554 no recipients\n"
	    BYE },
	  .want = "failed 5.1.1 550 5.1.1 no" },
	{ .name = "R121 MAIL refused, DATA got 354: only the dot",
	  .script = { PIPE GROUP "S 550 5.7.1 not you\nS 503 no\nS 354 go\n.\nS 554 x\n" BYE },
	  .want = "failed 5.7.1 550 5.7.1 not you" },
	{ .name = "R143 lost after a refusal of MAIL: that reply is the reason",
	  .script = { PIPE GROUP "S 450 4.2.0 greylisted\nX\n" },
	  .want = "deferred 4.2.0 450 4.2.0 greylisted" },
	{ .name = "all refused, DATA refused",
	  .script = { PIPE GROUP "S 250 ok\nS 450 4.2.1 later\nS 503 no\n" BYE },
	  .want = "deferred 4.2.1" },
	{ .name = "one by one: no DATA without a recipient",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 550 no\n" BYE }, .want = "failed 5.0.0" },
	{ .name = "one by one: no RCPT after a refused MAIL",
	  .script = { PLAIN MAIL "S 550 no\n" BYE }, .want = "failed 5.0.0" },
	{ .name = "R140 each recipient by its own reply",
	  .to = "c@d|e@d|f@d|g@d",
	  .script = { PLAIN MAIL "S 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n= RCPT TO:<e@d>\n"
	    "S 450 4.2.1 later\n= RCPT TO:<f@d>\nS 550 5.1.1 no\n= RCPT TO:<g@d>\n"
	    "S 251 will forward\nC DATA\nS 354 go\nD\nS 250 2.0.0 ok\n" },
	  .want = "delivered 2.0.0|deferred 4.2.1|failed 5.1.1|delivered 2.0.0" },
	{ .name = "R140 the same, pipelined",
	  .to = "c@d|e@d|f@d",
	  .script = { PIPE "C MAIL\nC RCPT\nC RCPT\nC RCPT\nC DATA\nQ\nS 250 ok\nS 550 5.1.1 no\n"
	    "S 250 ok\nS 450 4.2.1 later\nS 354 go\nD\nS 250 ok\n" },
	  .want = "failed 5.1.1|delivered 2.0.0|deferred 4.2.1" },
	{ .name = "R140 5yz after the dot fails the accepted",
	  .to = "c@d|e@d",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 450 no\nC DATA\nS 354 go\n"
	    "D\nS 554 5.7.1 spam\n" },
	  .want = "failed 5.7.1|deferred 4.0.0" },
	{ .name = "R140 4yz after the dot defers them",
	  .script = { PLAIN ONE "D\nS 451 4.3.0 disk\n" BYE }, .want = "deferred 4.3.0" },
	{ .name = "R140 5yz to DATA fails them",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 554 5.5.0 no\n" BYE },
	  .want = "failed 5.5.0" },
	{ .name = "5yz to a reverse-path of VERP fails its recipient, and no other",
	  .verp = true, .to = "c@d|e@d|f@d",
	  .script = { PLAIN "= MAIL FROM:<a+c=d@b>\nS 501 5.1.7 too long\n"
	    "= MAIL FROM:<a+e=d@b>\nS 250 ok\n= RCPT TO:<e@d>\nS 250 ok\n= DATA\nS 354 go\n"
	    "D\nS 250 ok\n= MAIL FROM:<a+f=d@b>\nS 250 ok\n= RCPT TO:<f@d>\nS 550 5.1.1 no\n"
	    BYE },
	  .want = "failed 5.1.7 501|delivered 2.0.0|failed 5.1.1" },
	{ .name = "the same, pipelined",
	  .verp = true, .to = "c@d|e@d",
	  .script = { PIPE "C MAIL FROM:<a+c=d@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 550 5.7.1 no\n"
	    "S 503 no\nS 503 no\n= MAIL FROM:<a+e=d@b>\n= RCPT TO:<e@d>\n= DATA\nQ\nS 250 ok\n"
	    "S 250 ok\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "failed 5.7.1|delivered 2.0.0" },
	{ .name = "all reverse-paths of VERP are refused",
	  .verp = true, .to = "c@d|e@d",
	  .script = { PLAIN "= MAIL FROM:<a+c=d@b>\nS 550 no\n= MAIL FROM:<a+e=d@b>\nS 550 no\n"
	    BYE },
	  .want = "failed 5.0.0|failed 5.0.0" },
	{ .name = "4yz to a reverse-path of VERP defers its recipient, and no other",
	  .verp = true, .to = "c@d|e@d|f@d",
	  .script = { PLAIN "= MAIL FROM:<a+c=d@b>\nS 451 4.3.1 disk\n= RSET\nS 250 ok\n"
	    "= MAIL FROM:<a+e=d@b>\nS 250 ok\n= RCPT TO:<e@d>\nS 250 ok\n= DATA\nS 354 go\n"
	    "D\nS 250 ok\n= MAIL FROM:<a+f=d@b>\nS 450 4.1.7 f\n= QUIT\nE\n" },
	  .want = "deferred 4.3.1 451|delivered 2.0.0|deferred 4.1.7 450 4.1.7 f" },
	{ .name = "4yz to ten reverse-paths of VERP in a row: the others are not asked for",
	  .verp = true, .to = "a@d|b@d|c@d|d@d|e@d|f@d|g@d|h@d|i@d|j@d|k@d|l@d",
	  .script = { PLAIN TIMES8(NOT_NOW) NOT_NOW "C MAIL\nS 451 4.3.1 tenth\n" BYE },
	  .want = "deferred 4.3.1 451 4.3.1 disk|" TIMES8("deferred 4.3.1 451 4.3.1 disk|")
	    "deferred 4.3.1 451 4.3.1 tenth|deferred 4.3.1 not asked, as MAIL of this sender "
	    "was refused 10 times in a row, 451 at last|deferred 4.3.1 not asked" },
	{ .name = "4yz to a reverse-path of VERP, and 421 to its recipient: one outcome",
	  .verp = true, .to = "c@d|e@d",
	  .script = { PIPE "C MAIL\nC RCPT\nC DATA\nQ\nS 451 4.7.1 c\nS 421 4.7.0 errors\nE\nN\n"
	    PIPE "C MAIL FROM:<a+e=d@b>\nC RCPT\nC DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
	    "S 250 ok\n" BYE },
	  .want = "deferred 4.7.1 451 4.7.1 c|delivered 2.0.0" },
	{ .name = "5yz to it, and 421 to its recipient: the same",
	  .verp = true, .to = "c@d|e@d",
	  .script = { PIPE "C MAIL\nC RCPT\nC DATA\nQ\nS 550 5.7.1 c\nS 421 4.7.0 errors\nE\nN\n"
	    PIPE "C MAIL FROM:<a+e=d@b>\nC RCPT\nC DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
	    "S 250 ok\n" BYE },
	  .want = "failed 5.7.1 550 5.7.1 c|delivered 2.0.0" },
	{ .name = "4yz to it, and 421 to DATA: the same",
	  .verp = true, .to = "c@d|e@d",
	  .script = { PIPE "C MAIL\nC RCPT\nC DATA\nQ\nS 451 4.7.1 c\nS 503 no\nS 421 bye\nE\nN\n"
	    PIPE "C MAIL FROM:<a+e=d@b>\nC RCPT\nC DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
	    "S 250 ok\n" BYE },
	  .want = "deferred 4.7.1 451 4.7.1 c|delivered 2.0.0" },
	{ .name = "4yz to it, and 421 to the RSET behind it: the others in a new session",
	  .verp = true, .to = "c@d|e@d",
	  .script = { PLAIN "C MAIL\nS 451 4.7.1 c\n= RSET\nS 421 bye\nE\nN\n"
	    PLAIN "= MAIL FROM:<a+e=d@b>\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n"
	    "S 250 ok\n" BYE },
	  .want = "deferred 4.7.1 451 4.7.1 c|delivered 2.0.0" },
	{ .name = "4yz to it, and the host closes: the others in a new session",
	  .verp = true, .to = "c@d|e@d",
	  .script = { PIPE "C MAIL\nC RCPT\nC DATA\nQ\nS 451 4.7.1 c\nE\nN\n"
	    PIPE "C MAIL FROM:<a+e=d@b>\nC RCPT\nC DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
	    "S 250 ok\n" BYE },
	  .want = "deferred 4.7.1 451 4.7.1 c|delivered 2.0.0" },
	{ .name = "R141 431 or 531 to a later RCPT, with words as of Courier: the rest right away",
	  .to = "c@d|e@d|f@d",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC RCPT\n"
	    "S 431 Too many recipients.\nC RCPT\nS 531 Too many recipients.\nC DATA\nS 354 go\n"
	    "D\nS 250 ok\n" MAIL "S 250 ok\n= RCPT TO:<e@d>\nS 250 ok\n= RCPT TO:<f@d>\n"
	    "S 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0|delivered 2.0.0" },
	{ .name = "431 with those words to the first RCPT: later",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 431 Too many recipients.\n= QUIT\nE\n" },
	  .want = "deferred 4.0.0 431" },
	{ .name = "R141 452 to a later RCPT: the rest right away",
	  .to = "c@d|e@d|f@d",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT TO:<c@d>\nS 250 ok\nC RCPT\n"
	    "S 452 4.5.3 too many\nC RCPT\nS 452 4.5.3 too many\nC DATA\nS 354 go\nD\nS 250 ok\n"
	    "= MAIL FROM:<a@b>\nS 250 ok\n= RCPT TO:<e@d>\nS 250 ok\n= RCPT TO:<f@d>\nS 250 ok\n"
	    "C DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0|delivered 2.0.0" },
	{ .name = "R141 552 the same",
	  .to = "c@d|e@d",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 552 too many\nC DATA\n"
	    "S 354 go\nD\nS 250 ok\n" ONE2 "D\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
#define TOO_MANY(code) \
	{ .name = "R141 " code " with the status of that the same", \
	  .to = "c@d|e@d", \
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS " code " too many\n" \
	    "C DATA\nS 354 go\nD\nS 250 ok\n" ONE2 "D\nS 250 ok\n" BYE }, \
	  .want = "delivered 2.0.0|delivered 2.0.0" }
	TOO_MANY("450 4.5.3"), TOO_MANY("451 4.5.3"), TOO_MANY("550 5.5.3"),
	TOO_MANY("554 5.5.3"),
	{ .name = "a second MAIL refused with 550: the rest in another session",
	  .to = "c@d|e@d",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 452 4.5.3 too many\n"
	    "C DATA\nS 354 go\nD\nS 250 ok\nC MAIL\nS 550 one a session\n" BYE "N\n"
	    PLAIN ONE2 "D\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "a second MAIL refused with 451 the same, and refused there for good",
	  .to = "c@d|e@d",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 452 4.5.3 too many\n"
	    "C DATA\nS 354 go\nD\nS 250 ok\nC MAIL\nS 451 one a session\n" BYE "N\n"
	    PLAIN MAIL "S 550 5.7.1 no\n" BYE },
	  .want = "delivered 2.0.0|failed 5.7.1" },
	{ .name = "R141 552 to the only one is final",
	  .to = "c@d|e@d",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 552 5.2.2 full\nC DATA\n"
	    "S 354 go\nD\nS 250 ok\nC MAIL\nS 250 ok\nC RCPT TO:<e@d>\nS 552 5.2.2 full\n" BYE },
	  .want = "delivered 2.0.0|failed 5.2.2" },
	{ .name = "R141 452 to the first is for later",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 452 4.2.2 full\n" BYE },
	  .want = "deferred 4.2.2" },
	{ .name = "R142 unknown codes by their first digit",
	  .script = { PLAIN MAIL "S 299 ok\nC RCPT\nS 288 ok\nC DATA\nS 399 go\nD\nS 277 ok\n" },
	  .want = "delivered 2.0.0 277 ok" },
	{ .name = "R142 no text",
	  .script = { PLAIN MAIL "S 250\nC RCPT\nS 250 \nC DATA\nS 354\nD\nS 250\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R142 1yz", .script = { PLAIN MAIL "S 150 hm\nE\n" }, .want = "deferred 4.5.0" },
	{ .name = "R142 6yz",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 650 hm\nE\n" }, .want = "deferred 4.5.0" },
	{ .name = "R142 garbage",
	  .script = { PLAIN MAIL "S \001\002 hello\nE\n" }, .want = "deferred 4.5.0" },
	{ .name = "R142 another code in one reply",
	  .script = { PLAIN MAIL "S 250-ok\nS 550 no\nE\n" }, .want = "deferred 4.5.0" },
	{ .name = "R142 354 to RCPT",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 354 go\nE\n" }, .want = "deferred 4.5.0" },
	{ .name = "R142 250 to DATA",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 250 ok\nE\n" },
	  .want = "deferred 4.5.0" },
	{ .name = "R143 lost before the greeting", .script = { "X\n" }, .want = "deferred 4.4.1" },
	{ .name = "R143 lost in EHLO", .script = { HELLO "X\n" }, .want = "deferred 4.4.2" },
	{ .name = "R143 lost in MAIL", .script = { PLAIN MAIL "X\n" }, .want = "deferred 4.4.2" },
	{ .name = "R143 lost in RCPT: earlier refusals stay",
	  .to = "c@d|e@d", .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 550 5.1.1 no\nC RCPT\nX\n" },
	  .want = "failed 5.1.1|deferred 4.4.2" },
	{ .name = "R143 lost in DATA",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC DATA\nR\n" },
	  .want = "deferred 4.4.2" },
	{ .name = "R143 lost after the dot",
	  .script = { PLAIN ONE "D\nX\n" }, .want = "deferred 4.4.2" },
	{ .name = "R143 421 to MAIL",
	  .script = { PLAIN MAIL "S 421 4.3.2 shutting down\nE\n" }, .want = "deferred 4.3.2" },
	{ .name = "R143 421 to RCPT",
	  .to = "c@d|e@d",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC RCPT\nS 421 4.7.0 enough\nE\n" },
	  .want = "deferred 4.7.0|deferred 4.7.0" },
	{ .name = "R143 421 as greeting",
	  .script = { "S 421 4.3.2 busy\nE\n" }, .want = "deferred 4.3.2 421 4.3.2 busy" },
	{ .name = "R144 521: does not take mail",
	  .script = { "S 521 5.3.2 no mail here\n" BYE },
	  .want = "failed 5.3.2 521 5.3.2 no mail here" },
	{ .name = "R144 554 the same",
	  .script = { "S 554 no SMTP service here\n" BYE }, .want = "failed 5.0.0" },
	{ .name = "another 5yz greeting is about us, not the recipient",
	  .script = { "S 550 5.7.1 blocked\n" BYE }, .want = "deferred 4.3.2 550 5.7.1 blocked" },
	{ .name = "R148 larger than the peer accepts: not sent",
	  .content = "0123456789\r\n", .script = { HELLO "S 250-fake\nS 250 SIZE 11\n" BYE },
	  .want = "failed 5.3.4 the message has 12 octets, and the exchanger accepts 11 at most" },
	{ .name = "the line end that is added counts, too",
	  .content = "0123456789", .script = { HELLO "S 250-fake\nS 250 SIZE 11\n" BYE },
	  .want = "failed 5.3.4 the message has 12 octets, and the exchanger accepts 11 at most" },
	{ .name = "as large as the limit, with that line end",
	  .content = "0123456789", .wire = "0123456789\r\n",
	  .script = { HELLO "S 250-fake\nS 250 SIZE 12\n= MAIL FROM:<a@b> SIZE=12\nS 250 ok\n"
	    "C RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "R148 SIZE 0 means no bound",
	  .content = "0123456789\r\n",
	  .script = { HELLO "S 250-fake\nS 250 SIZE 0\nC MAIL FROM:<a@b> SIZE=12\nS 250 ok\n"
	    "C RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R149 V42 8-bit text, no 8BITMIME: in seven bits",
	  .content = "A: b\r\n\r\nlong text \303\244\r\n.\r\n",
	  .wire = "A: b\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
	    "Content-Transfer-Encoding: quoted-printable\r\n\r\nlong text =C3=A4\r\n..\r\n",
	  .script = { PLAIN ONE "D\nS 250 ok\n" }, .want = "delivered 2.0.0" },
	{ .name = "R149 V42 a message that cannot be converted is not sent",
	  .content = "A: \303\244\r\n", .script = { PLAIN BYE },
	  .want = "failed 5.6.3 the message is 8-bit text and the exchanger does not offer "
	    "8BITMIME; it cannot be converted: its header" },
	{ .name = "bare line ends for a server without BINARYMIME",
	  .content = "A: b\r\nContent-Type: image/x\r\n\r\na\nb", .binary = true,
	  .wire = "A: b\r\nContent-Type: image/x\r\nMIME-Version: 1.0\r\n"
	    "Content-Transfer-Encoding: base64\r\n\r\nYQpi\r\n",
	  .script = { PIPE GROUP "S 250 ok\nS 250 ok\nS 354 go\nD\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "R149 a sender that needs SMTPUTF8",
	  .from = "\303\244@b", .script = { PIPE BYE }, .want = "failed 5.6.7" },
	{ .name = "R149 V43 a domain in UTF-8 needs SMTPUTF8, too",
	  .to = "c@\303\244.d", .script = { PIPE BYE }, .want = "failed 5.6.7" },
	{ .name = "R149 a recipient that needs it fails alone",
	  .to = "\303\244@d|c@d", .script = { PLAIN ONE "D\nS 250 ok\n" },
	  .want = "failed 5.6.7|delivered 2.0.0" },
	{ .name = "H058 V53 SMTPUTF8 that nothing needs goes to any server",
	  .params = "SMTPUTF8", .script = { PIPE GROUP "S 250 ok\nS 250 ok\nS 354 go\nD\nS 250 ok\n"
	    BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "H058 V53 also with a body in UTF-8, and an ORCPT",
	  .params = "SMTPUTF8", .content = "A: b\r\n\r\n\303\244\r\n",
	  .to = "c@d ORCPT=utf-8;\303\244@d",
	  .script = { HELLO "S 250-fake\nS 250-8BITMIME\nS 250 DSN\n"
	    "= MAIL FROM:<a@b> BODY=8BITMIME\nS 250 ok\n= RCPT TO:<c@d> ORCPT=utf-8;\\x{E4}@d\n"
	    "S 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "H058 SMTPUTF8 that the header needs",
	  .params = "SMTPUTF8", .utf8_header = true, .content = "A: \303\244\r\n\r\nx\r\n",
	  .script = { PIPE BYE }, .want = "failed 5.6.7" },
	{ .name = "R149 EHLO refused for now: mail that needs an extension waits",
	  .from = "\303\244@b", .params = "SMTPUTF8",
	  .script = { HELLO "S 550 not now\n= HELO client.example\nS 250 fake\n" BYE },
	  .want = "deferred 4.3.2" },
	{ .name = "R149 EHLO refused for now: the recipient who needs an extension waits",
	  .to = "\303\244@d|c@d",
	  .script = { HELLO "S 504 no\n= HELO client.example\nS 250 fake\n" ONE "D\nS 250 ok\n" },
	  .want = "deferred 4.3.2|delivered 2.0.0" },
	{ .name = "R149 EHLO not known: mail that needs an extension is returned",
	  .from = "\303\244@b", .params = "SMTPUTF8",
	  .script = { HELLO "S 502 what?\n= HELO client.example\nS 250 fake\n" BYE },
	  .want = "failed 5.6.7" },
	{ .name = "H058 SMTPUTF8 that one recipient needs, who fails alone",
	  .params = "SMTPUTF8", .to = "\303\244@d|c@d", .script = { PLAIN ONE "D\nS 250 ok\n" },
	  .want = "failed 5.6.7|delivered 2.0.0" },
	{ .name = "H058 SMTPUTF8 goes on where it is offered",
	  .params = "SMTPUTF8",
	  .script = { HELLO "S 250-fake\nS 250 SMTPUTF8\n= MAIL FROM:<a@b> SMTPUTF8\nS 250 ok\n"
	    "C RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "BODY is of the content, not as it was declared",
	  .params = "BODY=8BITMIME", .script = { PLAIN ONE "D\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "BODY=BINARYMIME of a text the same",
	  .params = "BODY=BINARYMIME", .script = { PIPE GROUP "S 250 ok\nS 250 ok\nS 354 go\nD\n"
	    "S 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "H159 REQUIRETLS without TLS",
	  .params = "REQUIRETLS", .script = { PIPE BYE }, .want = "failed 5.7.10" },
	{ .name = "H159 REQUIRETLS is offered in clear",
	  .params = "REQUIRETLS", .script = { HELLO "S 250-fake\nS 250 REQUIRETLS\n" BYE },
	  .want = "failed 5.7.10" },
	{ .name = "H159 a notice does without",
	  .from = "", .params = "REQUIRETLS",
	  .script = { PLAIN "= MAIL FROM:<>\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n"
	    "S 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "B162 SUCCESS at a server without DSN: a notice is owed",
	  .to = "c@d NOTIFY=SUCCESS", .state = 'R', .script = { PLAIN ONE "D\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "B163 SUCCESS at a server with DSN: that server sends the notice",
	  .to = "c@d NOTIFY=SUCCESS",
	  .script = { HELLO "S 250-fake\nS 250 DSN\n= MAIL FROM:<a@b>\nS 250 ok\n"
	    "= RCPT TO:<c@d> NOTIFY=SUCCESS\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "DELIVERBY goes to a server that offers it, with the time that is left",
	  .params = "BY=1000;RT", .state = 'R',
	  .script = { HELLO "S 250-fake\nS 250 DELIVERBY\nC MAIL FROM:<a@b> BY=\nS 250 ok\nC RCPT\n"
	    "S 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "DELIVERBY mode R: not to a server without it",
	  .params = "BY=1000;R", .script = { PIPE BYE }, .want = "failed 5.4.4" },
	{ .name = "DELIVERBY mode R: not to a server that may take longer",
	  .params = "BY=1000;R", .script = { HELLO "S 250-fake\nS 250 DELIVERBY 1100\n" BYE },
	  .want = "failed 5.4.4" },
	{ .name = "DELIVERBY mode R: the time is over",
	  .params = "BY=60;R", .age_s = 61, .script = { HELLO "S 250-fake\nS 250 DELIVERBY\n" BYE },
	  .want = "failed 5.4.7" },
	{ .name = "DELIVERBY mode N: to any server",
	  .params = "BY=1000;N", .state = 'R', .script = { PLAIN ONE "D\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "DELIVERBY mode N: the time is over",
	  .params = "BY=-5;N",
	  .script = { HELLO "S 250-fake\nS 250 DELIVERBY\nC MAIL FROM:<a@b> BY=-\nS 250 ok\n"
	    "C RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "MT-PRIORITY goes to a server that offers it",
	  .params = "MT-PRIORITY=3 HOLDFOR=1",
	  .script = { HELLO "S 250-fake\nS 250 MT-PRIORITY\n= MAIL FROM:<a@b> MT-PRIORITY=3\n"
	    "S 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\nS 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "MT-PRIORITY goes to no other server",
	  .params = "MT-PRIORITY=3",
	  .script = { PLAIN "= MAIL FROM:<a@b>\nS 250 ok\nC RCPT\nS 250 ok\nC DATA\nS 354 go\nD\n"
	    "S 250 ok\n" },
	  .want = "delivered 2.0.0" },
	{ .name = "NUL cannot be sent",
	  .content = "a\nb\r\n", .binary = true, .script = { PIPE BYE }, .want = "failed 5.6.3" },
	{ .name = "a reply without end",
	  .script = { PLAIN MAIL FLOOD "E\n" },
	  .want = "deferred 4.5.0 the answer to MAIL FROM is too long: more than 1000 lines" },
	{ .name = "a line without end",
	  .script = { PLAIN MAIL LONG_LINE "E\n" },
	  .want = "deferred 4.5.0 the answer to MAIL FROM is too long: more than 1000 lines, "
	    "131072 octets, or 4096 in a line" },
	{ .name = "a reply to EHLO without end",
	  .script = { HELLO FLOOD "E\n" },
	  .want = "deferred 4.5.0 the answer to EHLO is too long" },
	{ .name = "EHLO with 512 keywords that nobody knows, and one more",
	  .script = { HELLO "S 250-fake\n" KEYWORD512 "S 250 PIPELINING\n" GROUP
	    "S 250 ok\nS 250 ok\nS 354 go\nD\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
	{ .name = "RCPT refused in 321 lines",
	  .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 554-5.7.1 spam\n" REFUSED320
	    "S 554 end\n" BYE },
	  .want = "failed 5.7.1 554 5.7.1 spam see the list of rules" },
	{ .name = "the message refused in 321 lines",
	  .script = { PLAIN ONE "D\nS 554-5.7.1 spam\n" REFUSED320 "S 554 end\n" BYE },
	  .want = "failed 5.7.1 554 5.7.1 spam see the list of rules" },
	{ .name = "a greeting of 513 lines",
	  .script = { TIMES8(TIMES8(TIMES8("S 220-welcome\n"))) "S 220 fake ESMTP\n"
	    "= EHLO client.example\nS 250 fake\n" ONE "D\nS 250 ok\n" BYE },
	  .want = "delivered 2.0.0" },
};

int
main(void)
{
	struct dns_resolver resolver = { 0 };

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(60);
	mail_init(&smtp_mail);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		smtp_run(&cases[i], &resolver);
	mail_done(&smtp_mail);
	return tap_done();
}
