// SPDX-License-Identifier: ISC
/*
 * Several messages over one link.  The commands of the next message follow the content of the one
 * before it; the link or a reply may fail in between.
 */
#include "delivery/delivery.h"

#include "tests/lib/smtp_case.h"

#define HELLO  "S 220 fake ESMTP\n= EHLO client.example\n"
#define PIPE   HELLO "S 250-fake\nS 250 PIPELINING\n"
#define PLAIN  HELLO "S 250 fake\n"
#define CHUNK  HELLO "S 250-fake\nS 250-PIPELINING\nS 250 CHUNKING\n"
#define FIRST  "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
#define NEXT   "= MAIL FROM:<a@b>\n= RCPT TO:<c@d>\n= DATA\nQ\n"
#define GO     "S 250 ok\nS 250 ok\nS 354 go\n"
#define TWO_CHUNK "C MAIL\nC RCPT\nB\nQ\n"
#define ONE_CHUNK TWO_CHUNK "S 250 ok\nS 250 ok\nS 250 one\n"
#define LMTP   "S 220 fake LMTP\n= LHLO client.example\nS 250-fake\nS 250 PIPELINING\n"
#define LATER  "= MAIL FROM:<a@b>\nS 451 4.7.1 later\n"
#define BYE    "= QUIT\nE\n"
#define GOOD   "delivered 2.0.0"

#define MAILS  4

struct ahead_case {
	const char *name;
	const char *script;
	const char *want[MAILS];	/* one for each message; NULL: no message */
	const char *to, *to_next;	/* recipients; NULL: c@d */
	bool large;			/* messages too large to send blindly */
	bool lmtp;
	bool stop;			/* the second message is never begun */
	bool alone;			/* the next message is not known in time */
	bool patient;			/* command-timeout is the default, five minutes */
	enum host_event learned;	/* with the second message; HOST_NOTHING: any */
	const char *reports;		/* the same, all of them; NULL: any */
};

static const struct ahead_case cases[] = {
	{ .name = "R120 the next message's commands follow the dot: a round trip each",
	  .script = PIPE FIRST NEXT "S 250 one\n" GO "D\n" NEXT "S 250 two\n" GO
	    "D\nQ\nS 250 three\n" BYE,
	  .want = { GOOD " 250 one", GOOD " 250 two", GOOD " 250 three" } },
	{ .name = "R120 not without PIPELINING",
	  .script = PLAIN "= MAIL FROM:<a@b>\nS 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n= DATA\n"
	    "S 354 go\nD\nQ\nS 250 one\n= MAIL FROM:<a@b>\nS 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n"
	    "= DATA\nS 354 go\nD\nS 250 two\n" BYE,
	  .want = { GOOD, GOOD } },
	{ .name = "a message refused after its dot does not touch the next",
	  .script = PIPE FIRST NEXT "S 554 5.7.1 spam\n" GO "D\nS 250 two\n" BYE,
	  .want = { "failed 5.7.1", GOOD " 250 two" } },
	{ .name = "R121 the next one's recipient is refused: only a dot",
	  .script = PIPE FIRST NEXT "S 250 one\nS 250 ok\nS 550 5.1.1 no\nS 354 go\n.\n"
	    "S 554 nobody\n" BYE,
	  .want = { GOOD " 250 one", "failed 5.1.1" } },
	{ .name = "R121 the next one's sender is refused: asked again in a session of its own",
	  .script = PIPE FIRST NEXT "S 250 one\nS 550 5.7.1 no\nS 503 no\nS 503 no\n" BYE "N\n"
	    PIPE NEXT "S 550 5.7.1 no\nS 503 no\nS 503 no\n" FIRST "S 250 three\n" BYE,
	  .want = { GOOD, "failed 5.7.1", GOOD " 250 three" } },
	{ .name = "a server that takes one message a session: each gets one",
	  .script = PIPE FIRST NEXT "S 250 one\nS 503 5.5.1 once\nS 503 no\nS 503 no\n" BYE
	    "N\n" PIPE FIRST NEXT "S 250 two\nS 450 enough\nS 503 no\nS 503 no\n" BYE "N\n"
	    PIPE FIRST "S 250 three\n" BYE,
	  .want = { GOOD, GOOD " 250 two", GOOD " 250 three" } },
	{ .name = "MAIL refused for now, and again: the session is used further, after RSET",
	  .script = PLAIN LATER "= RSET\nS 250 ok\n" LATER "= RSET\nS 250 ok\n"
	    "= MAIL FROM:<a@b>\nS 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n= DATA\nS 354 go\nD\n"
	    "S 250 three\n" BYE,
	  .want = { "deferred 4.7.1 451", "deferred 4.7.1 451", GOOD " 250 three" } },
	{ .name = "the same, pipelined",
	  .script = PIPE NEXT "S 451 4.7.1 later\nS 503 no\nS 503 no\n= RSET\n" NEXT
	    "S 250 ok\nS 451 4.7.1 later\nS 503 no\nS 354 g.\n.\nS 554 none\n" NEXT GO "D\n"
	    "S 250 three\n" BYE,
	  .want = { "deferred 4.7.1 451", "deferred 4.7.1 451", GOOD " 250 three" } },
	{ .name = "421 to MAIL: the next one begins afresh",
	  .script = PLAIN "= MAIL FROM:<a@b>\nS 421 4.7.1 later\nE\nN\n" PLAIN LATER BYE,
	  .want = { "deferred 4.7.1 421", "deferred 4.7.1 451" } },
	{ .name = "refused for now, and 421 to RSET: the next one has a session of its own",
	  .script = PLAIN LATER "= RSET\nS 421 4.7.0 bye\nE\nN\n" PLAIN "= MAIL FROM:<a@b>\n"
	    "S 250 ok\n= RCPT TO:<c@d>\nS 250 ok\n= DATA\nS 354 go\nD\nS 250 two\n" LATER BYE,
	  .want = { "deferred 4.7.1 451", GOOD " 250 two", "deferred 4.7.1 451" } },
	{ .name = "refused in a session of its own, too: no third session for the same sender",
	  .script = PIPE FIRST NEXT "S 250 one\nS 451 4.7.1 a\nS 503 no\nS 503 no\n" BYE "N\n"
	    PIPE NEXT "S 451 4.7.1 b\nS 503 no\nS 503 no\n= RSET\n" NEXT
	    "S 250 ok\nS 451 4.7.1 c\nS 503 no\nS 503 no\n" BYE,
	  .want = { GOOD, "deferred 4.7.1 451 4.7.1 b", "deferred 4.7.1 451 4.7.1 c" } },
	{ .name = "the address of a sender is refused for now: no session of its own",
	  .script = PIPE FIRST NEXT "S 250 one\nS 450 4.1.8 no such domain\nS 503 no\nS 503 no\n"
	    "= RSET\n" NEXT "S 250 ok\n" GO "D\nS 250 three\n" BYE,
	  .want = { GOOD, "deferred 4.1.8 450 4.1.8", GOOD " 250 three" } },
	{ .name = "R143 lost after the dot: the next one begins afresh",
	  .script = PIPE FIRST NEXT "X\nN\n" PIPE FIRST "S 250 two\n" BYE,
	  .want = { "deferred 4.4.2 lost connection while waiting", GOOD " 250 two" } },
	{ .name = "R143 421 to the dot: the next one begins afresh",
	  .script = PIPE FIRST NEXT "S 421 4.3.2 going\nX\nN\n" PIPE FIRST "S 250 two\n" BYE,
	  .want = { "deferred 4.3.2", GOOD " 250 two" } },
	{ .name = "R143 lost after the first is taken: the rest begin afresh, one by one",
	  .script = PIPE FIRST NEXT "S 250 one\nX\nN\n" PIPE FIRST "Q\nS 250 two\n" FIRST
	    "S 250 three\n" BYE,
	  .want = { GOOD, GOOD " 250 two", GOOD " 250 three" } },
	{ .name = "a host drops what is behind the dot: asked again in seconds, and noted",
	  .script = PIPE FIRST NEXT "S 250 one\nE\nE\nE\nN\n" PIPE FIRST "Q\nS 250 two\n" FIRST
	    "S 250 three\n" BYE,
	  .want = { GOOD, GOOD " 250 two", GOOD " 250 three" },
	  .patient = true, .learned = HOST_NO_AHEAD },
	{ .name = "a host drops what is behind the dot, and then ends: nothing is noted",
	  .script = PIPE FIRST NEXT "S 250 one\nE\nE\nE\n",
	  .want = { GOOD, "deferred 4.4.1" }, .patient = true, .reports = "1 failed" },
	{ .name = "R143 a kept link ends at a chunk, perhaps idle: no fact about the host",
	  .script = CHUNK ONE_CHUNK TWO_CHUNK "X\n",
	  .want = { GOOD " 250 one", "deferred 4.4.2 lost connection in MAIL FROM (the message" },
	  .reports = "" },
	{ .name = "R143 from then on a chunk over a kept link waits for the replies before it",
	  .script = CHUNK ONE_CHUNK TWO_CHUNK "X\nN\n" CHUNK TWO_CHUNK "S 250 ok\nS 250 ok\n"
	    "S 250 three\nC MAIL\nC RCPT\nQ\nX\nN\n" CHUNK TWO_CHUNK "S 250 ok\nS 250 ok\n"
	    "S 250 four\n" BYE,
	  .want = { GOOD " 250 one", "deferred 4.4.2 lost connection in MAIL FROM (the message",
	    GOOD " 250 three", GOOD " 250 four" } },
	{ .name = "R143 it ends after a reply: it was not idle, and that is none to BDAT either",
	  .script = CHUNK ONE_CHUNK TWO_CHUNK "S 250 ok\nX\n",
	  .want = { GOOD " 250 one", "deferred 4.4.2 lost connection in RCPT TO (the message is" },
	  .reports = "1 broke" },
	{ .name = "R143 it ends at a group of commands: no fact about the host",
	  .script = PIPE FIRST "Q\nS 250 one\n" NEXT "X\nN\n" PIPE FIRST "S 250 two\n" BYE,
	  .want = { GOOD " 250 one", GOOD " 250 two" }, .alone = true,
	  .reports = "1 open|1 proven" },
	{ .name = "R143 421 to a chunk over a kept link: the next session gets it",
	  .script = CHUNK ONE_CHUNK TWO_CHUNK "S 421 4.4.2 idle\nX\nN\n" CHUNK TWO_CHUNK
	    "S 250 ok\nS 250 ok\nS 250 two\n" BYE,
	  .want = { GOOD " 250 one", GOOD " 250 two" }, .reports = "1 open|1 proven" },
	{ .name = "R143 421 to the content of the next one: it has a session of its own",
	  .script = PIPE FIRST NEXT "S 250 one\n" GO "D\nS 421 4.7.0 enough\nX\nN\n" PIPE FIRST
	    "S 250 two\n" BYE,
	  .want = { GOOD " 250 one", GOOD " 250 two" }, .reports = "1 open|1 proven" },
	{ .name = "R143 the same of a chunk, and 421 there, too: that is the answer",
	  .script = CHUNK ONE_CHUNK TWO_CHUNK "S 250 ok\nS 250 ok\nS 421 4.7.0 enough\nX\nN\n"
	    CHUNK TWO_CHUNK "S 250 ok\nS 250 ok\nS 421 4.7.0 again\nX\n",
	  .want = { GOOD " 250 one", "deferred 4.7.0 421 4.7.0 again" } },
	{ .name = "R143 421 to the next one",
	  .script = PIPE FIRST NEXT "S 250 one\nS 421 4.7.0 enough\nX\nN\n" PIPE FIRST "S 250 two\n"
	    BYE,
	  .want = { GOOD, GOOD " 250 two" } },
	{ .name = "R143 lost in the content of the next one: it may have been taken",
	  .script = PIPE FIRST NEXT "S 250 one\n" GO "D\nX\n",
	  .want = { GOOD, "deferred 4.4.2 lost connection while waiting" } },
	{ .name = "R141 not while recipients are left",
	  .script = PIPE "C MAIL\nC RCPT\n= RCPT TO:<e@d>\nC DATA\nS 250 ok\nS 250 ok\n"
	    "S 452 4.5.3 enough\nS 354 go\nD\nQ\nS 250 one\nC MAIL\n= RCPT TO:<e@d>\nC DATA\n"
	    "S 250 ok\nS 250 ok\nS 354 go\nD\n" NEXT "S 250 more\n" GO "D\nS 250 two\n" BYE,
	  .want = { GOOD " 250 one|" GOOD " 250 more", GOOD " 250 two" }, .to = "c@d|e@d" },
	{ .name = "a message in one chunk does not need it",
	  .script = CHUNK "C MAIL\nC RCPT\nB\nQ\nS 250 ok\nS 250 ok\nS 250 one\nC MAIL\nC RCPT\nB\n"
	    "Q\nS 250 ok\nS 250 ok\nS 250 two\n" BYE,
	  .want = { GOOD " 250 one", GOOD " 250 two" } },
	{ .name = "large chunks do, with a RSET in between",
	  .script = CHUNK "C MAIL\nC RCPT\nQ\nS 250 ok\nS 250 ok\nB\n= RSET\nC MAIL\nC RCPT\nQ\n"
	    "S 250 one\nS 250 ok\nS 250 ok\nS 250 ok\nB\nS 250 two\n" BYE,
	  .want = { GOOD " 250 one", GOOD " 250 two" }, .large = true },
	{ .name = "large chunks: one is refused",
	  .script = CHUNK "C MAIL\nC RCPT\nS 250 ok\nS 250 ok\nB\n= RSET\nC MAIL\nC RCPT\n"
	    "S 552 5.3.4 no\nS 250 ok\nS 250 ok\nS 250 ok\nB\nS 250 two\n" BYE,
	  .want = { "failed 5.3.4", GOOD " 250 two" }, .large = true },
	{ .name = "R166 over LMTP",
	  .script = "S 220 fake LMTP\n= LHLO client.example\nS 250-fake\nS 250 PIPELINING\nC MAIL\n"
	    "C RCPT\n= RCPT TO:<e@d>\nC DATA\nS 250 ok\nS 250 ok\nS 250 ok\nS 354 go\nD\n" NEXT
	    "S 250 one\nS 452 4.2.2 full\n" GO "D\nS 250 two\n" BYE,
	  .want = { GOOD " 250 one|deferred 4.2.2", GOOD " 250 two" }, .to = "c@d|e@d",
	  .lmtp = true },
	{ .name = "R166 over LMTP, 421 to the content of the next one: a session of its own",
	  .script = LMTP FIRST NEXT "S 250 one\n" GO "D\nS 421 4.3.2 enough\nX\nN\n" LMTP FIRST
	    "S 250 two\n" BYE,
	  .want = { GOOD " 250 one", GOOD " 250 two" }, .lmtp = true },
	{ .name = "R166 the same, and another one may have it: they wait",
	  .script = LMTP FIRST "= MAIL FROM:<a@b>\n= RCPT TO:<e@d>\n= RCPT TO:<f@d>\n= DATA\n"
	    "S 250 one\nS 250 ok\nS 250 ok\nS 250 ok\nS 354 go\nD\nS 421 4.3.2 enough\nX\n",
	  .want = { GOOD " 250 one", "deferred 4.3.2 421 4.3.2 enough|deferred 4.4.2 lost" },
	  .to_next = "e@d|f@d", .lmtp = true },
	{ .name = "R166 over LMTP, 421 to the content for the only one: deferred",
	  .script = LMTP "C MAIL\nC RCPT\nC DATA\nS 250 ok\nS 250 ok\nS 354 go\nD\n"
	    "S 421 4.3.2 no\nX\n", .want = { "deferred 4.3.2 421 4.3.2 no" }, .lmtp = true },
	{ .name = "R150 MAILMAX is counted",
	  .script = HELLO "S 250-fake\nS 250-PIPELINING\nS 250 LIMITS MAILMAX=2\n" FIRST NEXT
	    "S 250 one\n" GO "D\nQ\nS 250 two\n" BYE "N\n" PIPE FIRST "S 250 three\n" BYE,
	  .want = { GOOD, GOOD, GOOD " 250 three" } },
	{ .name = "a message never begun is not ended by QUIT, which would be content",
	  .script = PIPE FIRST NEXT "S 250 one\nE\n", .want = { GOOD, "" }, .stop = true },
};

/* Each message has a queue of its own; upcoming is the index of the next one. */
static struct mail mails[MAILS];
static int upcoming;
static unsigned asked;

static bool
next_mail(void *ctx, struct attempt_job *ret)
{
	struct mail *m = &mails[upcoming < MAILS ? upcoming : 0];

	(void)ctx;
	asked++;
	if (upcoming >= MAILS || !m->loaded)
		return false;
	*ret = (struct attempt_job){ &m->e, m->rcpts, m->e.nrcpts };
	return true;
}

static void
put(const struct ahead_case *c, struct slice content)
{
	const char *const to[MAILS] = { c->to, c->to_next };

	for (int i = 0; i < MAILS; i++) {
		mail_clear(&mails[i]);
		if (c->want[i])
			mail_put(&mails[i], "a@b", "", to[i] ? to[i] : "c@d", content);
	}
}

static bool
as_wanted(struct mail *m, const char *want)
{
	struct slice rest = slice_str(want);
	bool good = mail_reported(m);

	for (size_t i = 0; i < m->e.nrcpts; i++) {
		const struct outcome *o = &m->outcomes[i];
		struct slice one = slice_cut(rest, '|', &rest);
		char space[1000];
		struct buf b = BUF(space);

		buf_fmt(&b, "%s %s %s", outcome_text(o), o->status, o->detail);
		if (slice_has_prefix(buf_slice(&b), one))
			continue;
		printf("# %.*s\n", (int)b.n, b.p);
		good = false;
	}
	return good;
}

static bool
learned(const struct mail *m, enum host_event event)
{
	bool found = event == HOST_NOTHING;

	for (size_t i = 0; i < m->nhosts; i++)
		found = found || m->hosts[i].event == event;
	return found;
}

static void
run(const struct ahead_case *c, struct slice content)
{
	static char host[] = "127.0.0.1";
	static struct fakes f;
	struct hosts h = { 0 };
	struct route route = { .via = c->lmtp ? VIA_LMTP : VIA_SMTP,
		.hosts = { { .name = host } }, .nhosts = 1 };
	struct delivery d = {
		.config = &smtp_config, .route = &route, .hosts = &h,
		.next = c->alone ? NULL : next_mail,
	};
	const struct smtp_case settings = { 0 };
	bool good = true;

	smtp_configure(&settings);
	if (c->patient)
		smtp_config.relay.command_timeout_ms = 300000;
	fakes_open(&f);
	route.hosts[0].port = f.port;
	put(c, content);
	fakes_start(&f, 0, c->script, content);
	for (int i = 0; i < MAILS && c->want[i]; i++) {
		if (i == 1 && c->stop)
			break;
		upcoming = i + 1;
		mail_deliver(&mails[i], &d);
		good = as_wanted(&mails[i], c->want[i]) && good;
	}
	delivery_done(&d);
	good = good && learned(&mails[1], c->learned) && smtp_reported(&mails[1], c->reports);
	ok(fakes_close(&f) && good, "%s", c->name);
	hosts_done(&h);
}

/* More recipients than one group of commands holds. */
static void
test_many(void)
{
	static char to[4000], want[4000], script[20000];
	struct buf t = BUF(to), w = BUF(want), s = BUF(script);
	struct ahead_case c = {
		.name = "R120 a next message with more recipients than fit in a group",
	};

	buf_str(&s, PIPE FIRST "= MAIL FROM:<a@b>\n");
	for (unsigned i = 0; i < 150; i++) {
		buf_fmt(&t, "%sr%u@d", i ? "|" : "", i);
		buf_fmt(&w, "%s" GOOD, i ? "|" : "");
	}
	for (unsigned i = 0; i < 150; i++) {
		if (i == 99)		/* a hundred commands with MAIL */
			buf_str(&s, "Q\nS 250 one\n");
		for (unsigned k = 0; i == 99 && k < 100; k++)
			buf_str(&s, "S 250 ok\n");
		buf_fmt(&s, "= RCPT TO:<r%u@d>\n", i);
	}
	buf_str(&s, "= DATA\nQ\n");
	for (unsigned i = 99; i < 150; i++)
		buf_str(&s, "S 250 ok\n");
	buf_str(&s, "S 354 go\nD\nS 250 two\n" BYE);
	c.script = buf_cstr(&s);
	c.want[0] = GOOD " 250 one";
	c.want[1] = buf_cstr(&w);
	c.to_next = buf_cstr(&t);
	if (t.full || w.full || s.full)
		abort();
	run(&c, SL(SHORT_MESSAGE));
}

int
main(void)
{
	static char large[100000];
	struct buf b = BUF(large);

	(void)signal(SIGPIPE, SIG_IGN);
	(void)alarm(60);
	while (b.n + 80 < b.cap)
		buf_str(&b, "0123456789012345678901234567890123456789012345678901234567\r\n");
	for (int i = 0; i < MAILS; i++)
		mail_init(&mails[i]);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		run(&cases[i], cases[i].large ? buf_slice(&b) : SL(SHORT_MESSAGE));
	test_many();
	for (int i = 0; i < MAILS; i++)
		mail_done(&mails[i]);
	ok(asked > 0, "the next message was asked for");
	return tap_done();
}
