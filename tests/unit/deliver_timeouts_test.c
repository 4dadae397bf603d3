// SPDX-License-Identifier: ISC
/*
 * Deliveries to servers that fall silent, at each place where one can (RFC 5321 section 4.5.3.2).
 */
#include "delivery/delivery.h"

#include "tests/lib/smtp_case.h"

#define HELLO  "S 220 fake ESMTP\n= EHLO client.example\n"
#define PLAIN  HELLO "S 250 fake\n"
#define MAIL   "= MAIL FROM:<a@b>\n"
#define ONE    "= MAIL FROM:<a@b>\nS 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n= DATA\nS 354 go\n"

static const struct smtp_case cases[] = {
	{ .name = "R139 no greeting in time",
	  .timeouts = true, .script = { "E\n" }, .want = "deferred 4.4.1" },
	{ .name = "R139 a greeting that does not end",
	  .timeouts = true, .script = { "s 220\nE\n" }, .want = "deferred 4.4.2" },
	{ .name = "R139 no reply to EHLO",
	  .timeouts = true, .script = { HELLO "E\n" }, .want = "deferred 4.4.2" },
	{ .name = "R139 no reply to MAIL",
	  .timeouts = true, .script = { PLAIN MAIL "E\n" }, .want = "deferred 4.4.2" },
	{ .name = "R139 no reply to RCPT",
	  .timeouts = true, .script = { PLAIN MAIL "S 250 ok\nC RCPT\nE\n" },
	  .want = "deferred 4.4.2" },
	{ .name = "R139 no reply to DATA",
	  .timeouts = true, .script = { PLAIN MAIL "S 250 ok\nC RCPT\nS 250 ok\nC DATA\nE\n" },
	  .want = "deferred 4.4.2" },
	{ .name = "R139 no reply to the dot",
	  .timeouts = true, .script = { PLAIN ONE "D\nE\n" }, .want = "deferred 4.4.2" },
#define SLOW(to) "= RCPT TO:<" to "@d>\nW 200\nS 250 ok\n"
#define SLOW10   SLOW("0") SLOW("1") SLOW("2") SLOW("3") SLOW("4") SLOW("5") SLOW("6") \
	SLOW("7") SLOW("8") SLOW("9")
#define TO10     "0@d|1@d|2@d|3@d|4@d|5@d|6@d|7@d|8@d|9@d"
#define TOO_LONG "deferred 4.4.2 the whole transaction took too long, at last in RCPT TO"
#define X9(s)    s "|" s "|" s "|" s "|" s "|" s "|" s "|" s "|" s
	{ .name = "replies that are each just in time: not for ever",
	  .transaction_ms = 900, .to = TO10,
	  .script = { PLAIN MAIL "W 200\nS 250 ok\n" SLOW("0") SLOW("1") SLOW("2") SLOW("3")
	    SLOW("4") SLOW("5") "C RCPT\nE\n" },
	  .want = TOO_LONG "|" X9(TOO_LONG) },
	{ .name = "each recipient adds time",
	  .transaction_ms = 3000, .to = TO10,
	  .script = { PLAIN MAIL "W 200\nS 250 ok\n" SLOW10 "C DATA\nW 200\nS 354 go\nD\nW 900\n"
	    "S 250 ok\n" },
	  .want = "delivered 2.0.0|" X9("delivered 2.0.0") },
	{ .name = "the reply to the content that does not come in this time: no second copy",
	  .transaction_ms = 700, .host = "127.0.0.1",
	  .script = { PLAIN ONE "D\nE\n" },
	  .want = "deferred 4.4.2 the whole transaction took too long, at last while waiting for" },
	{ .name = "R139 a reply that drips",
	  .timeouts = true,
	  .script = { PLAIN MAIL "S 250-a\nW 200\nS 250-a\nW 200\nS 250-a\nW 200\nE\n" },
	  .want = "deferred 4.4.2" },
};

/* In mid-message the peer's window is full, and it does not read on. */
static const struct smtp_case stuck[] = {
	{ .name = "R139 a peer that stops reading",
	  .timeouts = true, .script = { PLAIN ONE "W 800\n" },
	  .want = "deferred 4.4.2 timed out while sending the message" },
	{ .name = "a reply in mid-message counts",
	  .script = { PLAIN ONE "S 552 5.3.4 too much\nW 100\nR\n" },
	  .want = "failed 5.3.4 552 5.3.4 too much" },
	{ .name = "R143 lost in mid-message",
	  .script = { PLAIN ONE "W 50\nR\n" },
	  .want = "deferred 4.4.2 lost connection while sending the message" },
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
	for (size_t i = 0; i < sizeof stuck / sizeof stuck[0]; i++)
		smtp_run_large(&stuck[i]);
	mail_done(&smtp_mail);
	return tap_done();
}
