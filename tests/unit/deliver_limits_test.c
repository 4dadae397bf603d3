// SPDX-License-Identifier: ISC
/*
 * Deliveries to scripted servers with LIMITS (RFC 9422).
 */
#include "delivery/delivery.h"

#include "tests/lib/smtp_case.h"

#define HELLO       "S 220 fake ESMTP\n= EHLO client.example\n"
#define LIMITS(l)   HELLO "S 250-fake\nS 250-PIPELINING\nS 250 LIMITS " l "\n"
#define OK          "S 250 ok\n"
#define ONE(a)      "= MAIL FROM:<a@b>\n= RCPT TO:<" a ">\n= DATA\n" OK OK "S 354 go\nD\n" OK
#define TWO(a, b)   "= MAIL FROM:<a@b>\n= RCPT TO:<" a ">\n= RCPT TO:<" b ">\n= DATA\n" \
		    OK OK OK "S 354 go\nD\n" OK
#define BYE         "= QUIT\nE\n"
#define GOOD        "delivered 2.0.0"
#define ALL5        GOOD "|" GOOD "|" GOOD "|" GOOD "|" GOOD

static const struct smtp_case cases[] = {
	{ .name = "R150 RCPTMAX: as many transactions as it takes",
	  .to = "c@d|e@d|f@d|g@d|h@d",
	  .script = { LIMITS("RCPTMAX=2") TWO("c@d", "e@d") TWO("f@d", "g@d") ONE("h@d") BYE },
	  .want = ALL5 },
	{ .name = "R150 RCPTMAX=1",
	  .to = "c@d|e@d", .script = { LIMITS("RCPTMAX=1") ONE("c@d") ONE("e@d") BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "R150 MAILMAX: as many connections as it takes",
	  .to = "c@d|e@d|f@d|g@d|h@d",
	  .script = { LIMITS("RCPTMAX=2 MAILMAX=1") TWO("c@d", "e@d") BYE "N\n"
	    LIMITS("RCPTMAX=2 MAILMAX=2") TWO("f@d", "g@d") ONE("h@d") BYE },
	  .want = ALL5 },
	{ .name = "R150 MAILMAX counts refused transactions as well",
	  .to = "c@d|e@d",
	  .script = { LIMITS("RCPTMAX=1 MAILMAX=1") "C MAIL\nC RCPT\nC DATA\n" OK
	    "S 550 no\nS 503 no\n" BYE "N\n" LIMITS("RCPTMAX=1 MAILMAX=1") ONE("e@d") BYE },
	  .want = "failed 5.0.0|delivered 2.0.0" },
	{ .name = "R150 RCPTDOMAINMAX: other domains in another session",
	  .to = "c@d|e@x|f@D|g@y|h@x",
	  .script = { LIMITS("RCPTDOMAINMAX=1") TWO("c@d", "f@D") BYE "N\n"
	    LIMITS("RCPTDOMAINMAX=1") TWO("e@x", "h@x") BYE "N\n" LIMITS("RCPTDOMAINMAX=1")
	    ONE("g@y") BYE },
	  .want = ALL5 },
	{ .name = "R150 RCPTDOMAINMAX=2",
	  .to = "c@d|e@x|f@y",
	  .script = { LIMITS("RCPTDOMAINMAX=2") TWO("c@d", "e@x") BYE "N\n"
	    LIMITS("RCPTDOMAINMAX=2") ONE("f@y") BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0|delivered 2.0.0" },
	{ .name = "R150 malformed: no limit",
	  .to = "c@d|e@d", .script = { LIMITS("RCPTMAX=1 MAILMAX=-1") TWO("c@d", "e@d") BYE },
	  .want = "delivered 2.0.0|delivered 2.0.0" },
	{ .name = "R150 MAILMAX, and the second connection is refused",
	  .to = "c@d|e@d",
	  .script = { LIMITS("RCPTMAX=1 MAILMAX=1") ONE("c@d") BYE "N\nS 421 4.7.0 enough\nE\n" },
	  .want = "delivered 2.0.0|deferred 4.7.0" },
};

/* MAILMAX also ends a link that is kept between messages. */
static const struct smtp_case kept = {
	.name = "R150 MAILMAX over several messages",
	.script = { LIMITS("MAILMAX=2") ONE("c@d") ONE("c@d") BYE "N\n"
	    LIMITS("MAILMAX=2") ONE("c@d") BYE },
	.want = GOOD,
};

static void
test_kept(const struct smtp_case *c)
{
	static char host[] = "127.0.0.1";
	static struct fakes f;
	struct hosts h = { 0 };
	struct route route = { .via = VIA_SMTP, .hosts = { { .name = host } }, .nhosts = 1 };
	struct delivery d = { .config = &smtp_config, .route = &route, .hosts = &h };
	bool good = true;

	smtp_configure(c);
	fakes_open(&f);
	route.hosts[0].port = f.port;
	fakes_start(&f, 0, c->script[0], smtp_wire(c));
	for (int i = 0; i < 3; i++) {
		smtp_message(c);
		mail_deliver(&smtp_mail, &d);
		good = smtp_as_wanted(c->want) && good;
	}
	delivery_done(&d);
	ok(fakes_close(&f) && good, "%s", c->name);
	hosts_done(&h);
}

int
main(void)
{
	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(60);
	mail_init(&smtp_mail);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		smtp_run(&cases[i], NULL);
	test_kept(&kept);
	mail_done(&smtp_mail);
	return tap_done();
}
