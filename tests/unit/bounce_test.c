// SPDX-License-Identifier: ISC
#include "notice/bounce.h"

#include <ctype.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tests/lib/mail.h"

/* Sat, 22 Nov 2025 05:02:53 +0000 */
#define NOW 1763787773

static char host[] = "mail.example";
static struct config config = { .server.hostname = host };

/* A notice as the queue holds it. */
struct seen {
	struct queue_entry e;
	char text[400000];
	size_t n;
};

static const char *wanted_id;

static bool
find_notice(void *ctx, const char *id)
{
	struct mail *m = ((void **)ctx)[0];
	struct seen *s = ((void **)ctx)[1];

	if (strcmp(id, wanted_id) != 0)
		return true;
	if (queue_load(&m->q, id, &s->e) < 0)
		abort();
	return false;
}

static struct seen *
send_news(struct mail *m, const struct bounce_news *news)
{
	static struct seen s;
	static char id[QUEUE_ID_SIZE];
	void *ctx[2] = { m, &s };

	if (s.e.head)
		queue_unload(&s.e);
	memset(&s, 0, sizeof s);
	if (bounce_send(&m->q, &config, &m->e, news, id) < 0 ||
	    queue_take_new(&m->q, NULL, NULL) != 1)
		abort();
	wanted_id = id;
	if (queue_each(&m->q, find_notice, ctx) < 0 || s.e.content_size >= sizeof s.text)
		abort();
	s.n = (size_t)pread(s.e.fd, s.text, (size_t)s.e.content_size, (off_t)s.e.content_at);
	s.text[s.n] = '\0';
	(void)queue_finish(&m->q, id);
	return &s;
}

static struct seen *
bounce(struct mail *m, const struct bounce_rcpt *rcpts, size_t n)
{
	return send_news(m, &(struct bounce_news){ NOTICE_FAILED, rcpts, n, NOW, 0 });
}

static struct outcome
reply(enum outcome_cause cause, const char *text)
{
	struct outcome o;

	outcome_set(&o, cause, SL("mx1.example[192.0.2.1]:25"), slice_str(text));
	o.remote = cause == CAUSE_REPLY_PERMANENT;
	return o;
}

static bool
has(const struct seen *s, const char *text)
{
	return strstr(s->text, text) != NULL;
}

static void
test_wanted(struct mail *m)
{
	static const struct {
		const char *name;
		const char *from;	/* NULL: "a@b" */
		const char *params;	/* of RCPT; NULL: none */
		bool failed, delayed, success;	/* the notices wanted */
	} cases[] = {
		{ .name = "a sender gets failures and delays", .failed = true, .delayed = true },
		{ .name = "B161 the null sender gets none", .from = "" },
		{ .name = "B161 the null sender with NOTIFY gets none",
		  .from = "", .params = "NOTIFY=SUCCESS,FAILURE,DELAY" },
		{ .name = "B162 NOTIFY=NEVER", .params = "NOTIFY=NEVER" },
		{ .name = "B162 NOTIFY=SUCCESS", .params = "NOTIFY=SUCCESS", .success = true },
		{ .name = "B162 NOTIFY=FAILURE", .params = "NOTIFY=FAILURE", .failed = true },
		{ .name = "B162 NOTIFY=DELAY", .params = "NOTIFY=DELAY", .delayed = true },
		{ .name = "B162 NOTIFY in mixed case",
		  .params = "ORCPT=rfc822;x@y notify=Delay,failure", .failed = true,
		  .delayed = true },
		{ .name = "B162 among others, any case",
		  .params = "ORCPT=rfc822;x notify=success,failure,DELAY", .failed = true,
		  .delayed = true, .success = true },
		{ .name = "B162 ORCPT alone",
		  .params = "ORCPT=rfc822;NEVER", .failed = true, .delayed = true },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char to[200];

		(void)snprintf(to, sizeof to, "c@d %s", cases[i].params ? cases[i].params : "");
		mail_put(m, cases[i].from ? cases[i].from : "a@b", "", to, SL("x\r\n"));
		ok(owed_wanted(&m->e, 0, NOTICE_FAILED) == cases[i].failed, "%s: of failure",
		    cases[i].name);
		ok(owed_wanted(&m->e, 0, NOTICE_DELAYED) == cases[i].delayed, "%s: of delay",
		    cases[i].name);
		ok(owed_wanted(&m->e, 0, NOTICE_DELIVERED) == cases[i].success &&
		    owed_wanted(&m->e, 0, NOTICE_RELAYED) == cases[i].success,
		    "%s: of success", cases[i].name);
	}
}

/* The notices still owed for a recipient that was delivered to. */
static void
test_owed(struct mail *m)
{
	enum {
		HERE = REACH_END,
		SENT = REACH_SERVER,
		MANY = REACH_MANY,
		OTHER = REACH_OTHER,
		DSN = 8,
		TIMED = 16,
	};
	static const struct {
		const char *name;
		const char *from;	/* NULL: "a@b" */
		const char *by;		/* of MAIL; NULL: none */
		const char *params;	/* of RCPT; NULL: none */
		unsigned where;
		enum queue_rcpt_state state;
	} cases[] = {
		{ .name = "B162 no NOTIFY", .where = HERE, .state = QUEUE_DELIVERED },
		{ .name = "B162 no NOTIFY, relayed", .where = SENT, .state = QUEUE_DELIVERED },
		{ .name = "B162 SUCCESS in a mailbox",
		  .params = "NOTIFY=SUCCESS", .where = HERE, .state = QUEUE_DELIVERED_OWED },
		{ .name = "B162 SUCCESS in a mailbox that reports itself",
		  .params = "NOTIFY=SUCCESS", .where = HERE | DSN, .state = QUEUE_DELIVERED },
		{ .name = "B162 SUCCESS at a server without DSN",
		  .params = "NOTIFY=SUCCESS", .where = SENT, .state = QUEUE_RELAYED_OWED },
		{ .name = "B162 SUCCESS at a server with DSN",
		  .params = "NOTIFY=SUCCESS", .where = SENT | DSN, .state = QUEUE_DELIVERED },
		{ .name = "B162 FAILURE",
		  .params = "NOTIFY=FAILURE,DELAY", .where = SENT, .state = QUEUE_DELIVERED },
		{ .name = "B162 NEVER",
		  .params = "NOTIFY=NEVER", .where = HERE, .state = QUEUE_DELIVERED },
		{ .name = "B161 SUCCESS of the null sender",
		  .from = "", .params = "NOTIFY=SUCCESS", .where = HERE, .state = QUEUE_DELIVERED },
		{ .name = "B161 relayed of the null sender",
		  .from = "", .params = "NOTIFY=SUCCESS", .where = SENT, .state = QUEUE_DELIVERED },
		{ .name = "B162 SUCCESS of an alias of several",
		  .params = "NOTIFY=SUCCESS", .where = MANY, .state = QUEUE_EXPANDED_OWED },
		{ .name = "B162 no NOTIFY, an alias of several",
		  .params = "NOTIFY=FAILURE", .where = MANY, .state = QUEUE_DELIVERED },
		{ .name = "B162 SUCCESS of an alias of one: its copy asks for it",
		  .params = "NOTIFY=SUCCESS", .where = OTHER, .state = QUEUE_DELIVERED },
		{ .name = "DELIVERBY of an alias of one: the same",
		  .by = "BY=60;NT", .where = OTHER, .state = QUEUE_DELIVERED },
		{ .name = "DELIVERBY, traced, of an alias of several, which is not a server",
		  .by = "BY=60;NT", .where = MANY, .state = QUEUE_DELIVERED },
		{ .name = "DELIVERBY at a server without it",
		  .by = "BY=60;N", .where = SENT | DSN, .state = QUEUE_RELAYED_OWED },
		{ .name = "DELIVERBY at a server with it",
		  .by = "BY=60;N", .where = SENT | DSN | TIMED, .state = QUEUE_DELIVERED },
		{ .name = "DELIVERBY, traced",
		  .by = "BY=60;RT", .params = "NOTIFY=FAILURE", .where = SENT | DSN | TIMED,
		  .state = QUEUE_RELAYED_OWED },
		{ .name = "DELIVERBY, traced, to a mailbox",
		  .by = "BY=60;RT", .where = HERE, .state = QUEUE_DELIVERED },
		{ .name = "DELIVERBY, NEVER",
		  .by = "BY=60;NT", .params = "NOTIFY=NEVER", .where = SENT,
		  .state = QUEUE_DELIVERED },
		{ .name = "B161 DELIVERBY of the null sender",
		  .from = "", .by = "BY=60;NT", .where = SENT, .state = QUEUE_DELIVERED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct outcome o;
		char to[200];

		outcome_set(&o, CAUSE_DELIVERED, SL(""), SL(""));
		o.reach = (enum outcome_reach)(cases[i].where & 7);
		o.dsn = cases[i].where & DSN;
		o.deliver_by = cases[i].where & TIMED;
		(void)snprintf(to, sizeof to, "c@d %s", cases[i].params ? cases[i].params : "");
		mail_put(m, cases[i].from ? cases[i].from : "a@b", cases[i].by ? cases[i].by : "",
		    to, SL("x\r\n"));
		ok(owed_state(&m->e, 0, &o) == cases[i].state, "owed: %s", cases[i].name);
	}
}

static void
test_report(struct mail *m)
{
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 5.1.1 no such user");
	struct outcome late = reply(CAUSE_EXPIRED, "gave up after 120 hours");
	struct bounce_rcpt rcpts[] = { { 0, &o }, { 2, &late } };
	struct seen *s;
	char part[300];

	(void)snprintf(o.status, sizeof o.status, "5.1.1");
	mail_put(m, "a@b.example", "", "c@d.example|other@d.example|e@f.example",
	    SL("Subject: hi\r\n\r\nhello\r\n.dot\r\n"));
	s = bounce(m, rcpts, 2);
	ok(s->e.from.n == 0 && s->e.from_params.n == 0, "B160 from the null sender, without RET");
	ok(slice_eq(s->e.rcpts[0].params, SL("NOTIFY=NEVER")), "B160 NOTIFY=NEVER");
	ok(s->e.nrcpts == 1 && slice_eq(s->e.rcpts[0].path, SL("a@b.example")),
	    "B160 to the reverse-path");
	ok(slice_eq(s->e.client, SL("local")), "its client is this system");
	ok(has(s, "Auto-Submitted: auto-replied\r\n"), "B165 Auto-Submitted");
	ok(has(s, "From: Mail Delivery System <MAILER-DAEMON@mail.example>\r\nTo: <a@b.example>\r\n"
	    "Subject: Undelivered Mail Returned to Sender\r\n"
	    "Date: Sat, 22 Nov 2025 05:02:53 +0000\r\nMessage-ID: <"),
	    "B165 From, To, Subject, Date, Message-ID");
	ok(has(s,
	    "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"=_"),
	    "B164 multipart/report");
	ok(has(s, "\r\nReporting-MTA: dns; mail.example\r\nArrival-Date: "),
	    "B164 fields of the message");
	ok(has(s,
	    "\r\n\r\nFinal-Recipient: rfc822; c@d.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	    "Remote-MTA: dns; mx1.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	    "Last-Attempt-Date: Sat, 22 Nov 2025 05:02:53 +0000\r\n"),
	    "B164 fields of a recipient the peer refused");
	ok(has(s,
	    "\r\n\r\nFinal-Recipient: rfc822; e@f.example\r\nAction: failed\r\nStatus: 5.4.7\r\n"
	    "Diagnostic-Code: X-smtp-handler; gave up after 120 hours\r\nLast-Attempt-Date: "),
	    "B164 fields of a recipient we gave up on");
	ok(!has(s, "other@d.example"), "B164 nothing about a recipient that did not fail");
	ok(has(s, "\r\n<c@d.example>\r\n    mx1.example[192.0.2.1]:25 answered:\r\n"
	    "    550 5.1.1 no such user\r\n"),
	    "B164 the same in words");
	(void)snprintf(part, sizeof part,
	    "\r\n--=_%s\r\nContent-Description: Undelivered message\r\n"
	    "Content-Type: message/rfc822\r\n\r\nSubject: hi\r\n\r\nhello\r\n.dot\r\n\r\n"
	    "--=_%s--\r\n",
	    s->e.id, s->e.id);
	ok(has(s, part), "B164 the message itself, to the last boundary");
	ok(s->e.facts.dot_line && !s->e.facts.eight_bit && !s->e.facts.no_final_crlf &&
	    !s->e.facts.binary,
	    "its facts are right");
	ok(!has(s, "8bit"), "no 8bit without 8-bit text");
}

static void
test_odd_texts(struct mail *m)
{
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 n\303\266 \344\033[31m");
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct seen *s;
	bool printable = true;

	mail_put(m, "a@b", "", "c@d", SL("Subject: hi\r\n\r\nhello\r\n"));
	s = bounce(m, rcpts, 1);
	for (size_t i = 0; i < s->n; i++)
		printable = printable &&
		    (isprint((unsigned char)s->text[i]) || strchr("\r\n\t", s->text[i]));
	ok(printable && has(s, "550 n?? ??[31m"), "odd octets of a peer become printable ASCII");
	o = reply(CAUSE_REPLY_PERMANENT, "");
	s = bounce(m, rcpts, 1);
	ok(has(s, "no reason was given") && !has(s, "Diagnostic-Code"),
	    "no reason: the notice states it");
}

static void
test_remotes(struct mail *m)
{
	static const struct { const char *host, *line; } cases[] = {
		{ "mx1.example[192.0.2.1]:25", "\r\nRemote-MTA: dns; mx1.example\r\n" },
		{ "mx1.example[2001:db8::1]:25", "\r\nRemote-MTA: dns; mx1.example\r\n" },
		{ "192.0.2.1:25", "\r\nRemote-MTA: dns; [192.0.2.1]\r\n" },
		{ "[2001:db8::1]:25", "\r\nRemote-MTA: dns; [2001:db8::1]\r\n" },
		{ "", "" },
	};

	mail_put(m, "a@b", "", "c@d", SL("Subject: hi\r\n\r\nhello\r\n"));
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 no");
		struct bounce_rcpt rcpts[] = { { 0, &o } };
		struct seen *s;

		(void)snprintf(o.host, sizeof o.host, "%s", cases[i].host);
		s = bounce(m, rcpts, 1);
		ok(cases[i].line[0] ? has(s, cases[i].line) : !has(s, "Remote-MTA"),
		    "B164 Remote-MTA of \"%s\"", cases[i].host);
	}
}

static void
test_eight_bit(struct mail *m)
{
	struct outcome o = reply(CAUSE_NO_8BIT, "x");
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct seen *s;

	mail_put(m, "a@b", "", "c@d", SL("Subject: hi\r\n\r\n\303\244\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	    "Subject: hi\r\n\r\n\303\244\r\n"),
	    "V49 an 8-bit original is returned and declared");
	ok(has(s, "\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\nThis is") && s->e.facts.eight_bit,
	    "the whole notice is declared 8bit");
	mail_put(m, "a@b", "RET=HDRS", "c@d", SL("Subject: hi\r\n\r\n\303\244\r\n"));
	s = bounce(m, rcpts, 1);
	ok(!has(s, "8bit\r\n") && !s->e.facts.eight_bit,
	    "7-bit if only the header section is returned");
	ok(has(s, "Content-Type: text/rfc822-headers\r\n\r\nSubject: hi\r\n\r\n--=_"),
	    "RET=HDRS: only the header section");
	ok(!has(s, "Original-"), "no Original- field without ENVID and ORCPT");
	mail_put(m, "a@b", "ENVID=a;b+2Bc+0D ret=hdrs", "c@d NOTIFY=FAILURE ORCPT=rfc822;O+2BX@D",
	    SL("Subject: hi\r\n\r\nx\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "text/rfc822-headers"), "ret=hdrs in any case");
	mail_put(m, "a@b", "RET=FULL REQUIRETLS", "c@d", SL("Subject: hi\r\n\r\nx\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "text/rfc822-headers"), "H159 REQUIRETLS: only the header section");
	ok(slice_eq(s->e.from_params, SL("REQUIRETLS")), "H159 the notice requires TLS as well");
	mail_put(m, "a@b", "ENVID=a;b+2Bc+0D ret=hdrs", "c@d NOTIFY=FAILURE ORCPT=rfc822;O+2BX@D",
	    SL("Subject: hi\r\n\r\nx\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "\r\nOriginal-Envelope-Id: a;b+c?\r\n"), "B164 ENVID, decoded, and harmless");
	ok(has(s, "\r\n\r\nOriginal-Recipient: rfc822; O+X@D\r\nFinal-Recipient: rfc822; c@d\r\n"),
	    "B164 ORCPT, decoded");
}

static void
test_large(struct mail *m)
{
	static char content[200000];
	struct buf c = BUF(content);
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 x");
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct seen *s;

	buf_str(&c, "Subject: large\r\n\r\n");
	while (c.n < 60000)
		buf_str(&c, "0123456789\r\n");
	mail_put(m, "a@b", "", "c@d", buf_slice(&c));
	s = bounce(m, rcpts, 1);
	ok(has(s, "text/rfc822-headers\r\n\r\nSubject: large\r\n\r\n--=_") && s->n < 5000,
	    "V49 above 50 KiB only the header section");
	c.n = 0;
	while (c.n < 90000)
		buf_fmt(&c, "X-Field-%zu: x\r\n", c.n);
	mail_put(m, "a@b", "", "c@d", buf_slice(&c));
	s = bounce(m, rcpts, 1);
	ok(s->n < 60000 && s->n > 50000 && has(s, ": x\r\n\r\n--=_"),
	    "a large header section is cut between fields");
	mail_put(m, "a@b", "", "c@d", SL("Subject: no end\r\n\r\nlast line"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "last line\r\n--=_") && !s->e.facts.no_final_crlf,
	    "without a final line end the boundary is on its own line");
	mail_put(m, "a@b", "", "c@d", SL(""));
	s = bounce(m, rcpts, 1);
	ok(has(s, "message/rfc822\r\n\r\n\r\n--=_"), "nothing to return");
}

static void
test_delayed(struct mail *m)
{
	struct outcome o;
	struct bounce_rcpt rcpts[] = { { 1, &o } };
	struct seen *s;

	outcome_set(&o, CAUSE_CONNECT, SL("mx1.example[192.0.2.1]:25"), SL("connection refused"));
	mail_put(m, "a@b.example", "RET=FULL ENVID=e1", "c@d.example|e@f.example ORCPT=rfc822;x@y",
	    SL("Subject: hi\r\n\r\nhello\r\n"));
	s = send_news(m, &(struct bounce_news){ NOTICE_DELAYED, rcpts, 1, NOW, 1764219773 });
	ok(s->e.from.n == 0 && s->e.nrcpts == 1 && slice_eq(s->e.rcpts[0].path, SL("a@b.example")),
	    "B160 delayed: from <>, to the sender");
	ok(has(s, "\r\nSubject: Delayed Mail (still being retried)\r\n") &&
	    has(s, "Auto-Submitted: auto-replied\r\n"),
	    "B165 delayed: Subject, Auto-Submitted");
	ok(has(s, "\r\nOriginal-Envelope-Id: e1\r\nArrival-Date: "),
	    "B164 delayed: fields of the message");
	ok(has(s, "\r\n\r\nOriginal-Recipient: rfc822; x@y\r\n"
	    "Final-Recipient: rfc822; e@f.example\r\nAction: delayed\r\n"
	    "Status: 4.4.1\r\nDiagnostic-Code: X-smtp-handler; connection refused\r\n"
	    "Last-Attempt-Date: Sat, 22 Nov 2025 05:02:53 +0000\r\n"
	    "Will-Retry-Until: Thu, 27 Nov 2025 05:02:53 +0000\r\n"),
	    "B164 Action: delayed, Will-Retry-Until");
	ok(!has(s, "c@d.example"), "B164 delayed: nothing about the other recipient");
	ok(!has(s, "Deliver-By-Date"), "no Deliver-By-Date without BY");
	ok(has(s, "you need not send it again") && !has(s, "will\r\nnot be tried again"),
	    "B164 delayed: in words");
	ok(has(s, "Content-Description: Delayed message header\r\n"
	    "Content-Type: text/rfc822-headers\r\n\r\nSubject: hi\r\n\r\n--=_") &&
	    !has(s, "hello"), "B164 V50 delayed: only the header section, whatever RET is");
}

static void
test_success(struct mail *m)
{
	struct outcome o;
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct seen *s;

	outcome_set(&o, CAUSE_DELIVERED, SL(""), SL("/var/mail/c: delivered to mailbox"));
	mail_put(m, "a@b.example", "ENVID=e1 RET=FULL",
	    "c@d.example NOTIFY=SUCCESS ORCPT=rfc822;C@D.example",
	    SL("Subject: hi\r\n\r\nhello\r\n"));
	s = send_news(m, &(struct bounce_news){ NOTICE_DELIVERED, rcpts, 1, NOW, 0 });
	ok(has(s, "\r\nSubject: Your mail has been delivered\r\n") &&
	    has(s, "\r\nAuto-Submitted: auto-replied\r\n"),
	    "B165 delivered: Subject, Auto-Submitted");
	ok(has(s, "\r\n\r\nOriginal-Recipient: rfc822; C@D.example\r\n"
	    "Final-Recipient: rfc822; c@d.example\r\n"
	    "Action: delivered\r\nStatus: 2.0.0\r\nLast-Attempt-Date: Sat, 22 Nov 2025 05:02:53 "
	    "+0000\r\n\r\n--"),
	    "B164 Action: delivered");
	ok(!has(s, "/var/mail"), "no path of our disk");
	ok(has(s, "text/rfc822-headers\r\n\r\nSubject: hi\r\n\r\n--=_") && !has(s, "hello"),
	    "B164 V50 delivered: only the header section, whatever RET is");
	outcome_set(&o, CAUSE_DELIVERED, SL("mx1.example[192.0.2.1]:25"),
	    SL("250 2.6.0 queued as 1"));
	o.remote = true;
	o.reach = REACH_SERVER;
	s = send_news(m, &(struct bounce_news){ NOTICE_RELAYED, rcpts, 1, NOW, 0 });
	ok(has(s, "\r\nAction: relayed\r\nStatus: 2.0.0\r\nRemote-MTA: dns; mx1.example\r\n"
	    "Diagnostic-Code: smtp; 250 2.6.0 queued as 1\r\n"), "B164 Action: relayed");
	ok(has(s, "might not confirm the delivery") &&
	    has(s, "mx1.example[192.0.2.1]:25 answered:\r\n    250 2.6.0 queued as 1\r\n"),
	    "B164 relayed: in words");
	o = (struct outcome){ .kind = OUTCOME_DELIVERED, .status = "2.0.0", .reach = REACH_SERVER };
	s = send_news(m, &(struct bounce_news){ NOTICE_RELAYED, rcpts, 1, NOW, 0 });
	ok(has(s, "\r\nAction: relayed\r\nStatus: 2.0.0\r\nLast-Attempt-Date") &&
	    has(s, "<c@d.example>\r\n    handed to the next server\r\n"),
	    "relayed without a reply");
	outcome_set(&o, CAUSE_EXPANDED, SL(""), SL("expanded to 2 addresses, as 0SJ4REV94FW4SD0A"));
	s = send_news(m, &(struct bounce_news){ NOTICE_EXPANDED, rcpts, 1, NOW, 0 });
	ok(has(s, "\r\nAction: expanded\r\nStatus: 2.0.0\r\nLast-Attempt-Date") &&
	    has(s, "below stands for others") && !has(s, "0SJ4"),
	    "B164 Action: expanded, without its members");
}

#define UMLAUT "\303\266"

/* Is the notice only ASCII, without the types of RFC 6533? */
static bool
plain_forms(const struct seen *s)
{
	return has(s, "report-type=delivery-status;") &&
	    has(s, "Content-Type: message/delivery-status\r\n\r\n") &&
	    has(s, "charset=us-ascii\r\n\r\n") && !has(s, "global") && !has(s, "utf-8") &&
	    s->e.from_params.n == 0 && !s->e.facts.utf8_header;
}

/* Notices about messages with SMTPUTF8 (RFC 6533). */
static void
test_utf8(struct mail *m)
{
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 5.1.1 kein J" UMLAUT "rg \303");
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct seen *s;

	mail_put(m, "j" UMLAUT "rg@b.example", "SMTPUTF8",
	    "p" UMLAUT "@d.example ORCPT=utf-8;P" UMLAUT "@d.example",
	    SL("Subject: h" UMLAUT "\r\n\r\nhello\r\n"));
	s = bounce(m, rcpts, 1);
	ok(slice_eq(s->e.from_params, SL("SMTPUTF8")) && s->e.facts.utf8_header &&
	    s->e.facts.eight_bit && slice_eq(s->e.rcpts[0].path, SL("j" UMLAUT "rg@b.example")),
	    "B165 SMTPUTF8: the notice needs it as well");
	ok(has(s, "report-type=global-delivery-status;") &&
	    has(s, "To: <j" UMLAUT "rg@b.example>\r\n") &&
	    has(s, "\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\nThis is"),
	    "B165 SMTPUTF8: the header section");
	ok(has(s, "charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n") &&
	    has(s, "<p" UMLAUT "@d.example>\r\n"),
	    "B165 SMTPUTF8: in words");
	ok(has(s,
	    "Content-Type: message/global-delivery-status\r\n"
	    "Content-Transfer-Encoding: 8bit\r\n\r\n") &&
	    has(s,
	    "\r\nOriginal-Recipient: utf-8; P" UMLAUT
	    "@d.example\r\nFinal-Recipient: utf-8; p" UMLAUT
	    "@d.example\r\nAction: failed\r\n") &&
	    has(s, "\r\nDiagnostic-Code: smtp; 550 5.1.1 kein J" UMLAUT "rg ?\r\n"),
	    "B165 SMTPUTF8: for programs, without broken octets");
	ok(has(s,
	    "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	    "Subject: h" UMLAUT "\r\n\r\nhello\r\n"),
	    "B165 SMTPUTF8: the message");
	mail_put(m, "j" UMLAUT "rg@b.example", "SMTPUTF8 RET=HDRS", "c@d.example",
	    SL("Subject: h" UMLAUT "\r\n\r\nhello\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s,
	    "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	    "Subject: h" UMLAUT "\r\n\r\n--") &&
	    has(s, "Final-Recipient: rfc822; c@d.example\r\n"),
	    "B165 SMTPUTF8: the header section alone, an address in ASCII");
	mail_put(m, "a@b.example", "SMTPUTF8", "c@d.example",
	    SL("Subject: h" UMLAUT "\r\n\r\nhello\r\n"));
	ok(has(bounce(m, rcpts, 1), "message/global\r\n"),
	    "B165 SMTPUTF8 for the header section alone");
	mail_put(m, "a@b.example", "SMTPUTF8", "c@d.example",
	    SL("Subject: hi\r\n\r\nhello " UMLAUT "\r\n"));
	ok(plain_forms(bounce(m, rcpts, 1)),
	    "B165 V48 SMTPUTF8 that nothing needs: the plain forms");
	mail_put(m, "a@b.example", "", "c@d.example", SL("Subject: h" UMLAUT "\r\n\r\nhello\r\n"));
	s = bounce(m, rcpts, 1);
	ok(plain_forms(s) && has(s, "kein J??rg ?"),
	    "B165 not SMTPUTF8: ASCII, whatever the header section holds");
}

static void
test_quotes(struct mail *m)
{
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 no"), other = o;
	struct bounce_rcpt rcpts[] = { { 0, &o }, { 1, &o }, { 2, &other } };
	struct seen *s;
	char *first;

	(void)snprintf(other.host, sizeof other.host, "mx2.example[192.0.2.2]:25");
	mail_put(m, "a@b", "", "c@d|e@f|g@h", SL("Subject: hi\r\n\r\nhello\r\n"));
	s = bounce(m, rcpts, 3);
	ok(!has(s, "The end of the session"), "no transcript: nothing is quoted");
	if (queue_note_lines(&m->e, SL("|      1 ms * mx1.example[192.0.2.1]:25: connected\n"
	    "|      2 ms > RCPT TO:<c@d>\n|      3 ms < 550 no \033\n")) < 0 ||
	    queue_note(&m->e, SL("<c@d> failed 5.0.0")) < 0)
		abort();
	s = bounce(m, rcpts, 3);
	first = strstr(s->text, "The end of the session between this system and "
	    "mx1.example[192.0.2.1]:25:\r\n\r\n");
	ok(first && has(s, "    |") == false && has(s, "ms > RCPT TO:<c@d>\r\n") &&
	    has(s, "ms < 550 no ?\r\n"),
	    "the end of the session is quoted");
	ok(first && !strstr(first + 30, "The end of the session"),
	    "it is quoted once for both recipients, and no host without a log");
	s = send_news(m, &(struct bounce_news){ NOTICE_RELAYED, rcpts, 1, NOW, 0 });
	ok(!has(s, "The end of the session"), "nothing is quoted in a notice of success");
	m->e.expanded = true;
	s = bounce(m, rcpts, 3);
	ok(!has(s, "The end of the session"),
	    "nothing is quoted after an alias: it names other members");
}

static void
test_deadline(struct mail *m)
{
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 no");
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct seen *s;
	char space[64], want[128];
	struct buf date = BUF(space);

	mail_put(m, "a@b", "BY=3600;R", "c@d", SL("x\r\n"));
	clock_mail_date(&date, m->e.arrived_us / 1000000 + 3600);
	(void)snprintf(want, sizeof want, "\r\nDeliver-By-Date: %.*s\r\n\r\nFinal-Recipient",
	    (int)date.n, date.p);
	s = bounce(m, rcpts, 1);
	ok(has(s, want), "Deliver-By-Date is a field of the message");
}

/* If the queue's disk fails, bounce_send() returns an error and queues no notice. */
static void
test_failure(struct mail *m)
{
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 x");
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct queue broken = m->q;
	char id[QUEUE_ID_SIZE];

	mail_put(m, "a@b", "", "c@d", SL("x\r\n"));
	broken.tmp = broken.fresh = -1;
	ok(bounce_send(&broken, &config, &m->e,
	    &(struct bounce_news){ NOTICE_FAILED, rcpts, 1, 1, 0 }, id) < 0,
	    "a queue that cannot be written: an error");
	ok(queue_take_new(&m->q, NULL, NULL) == 0, "no notice is queued");
}

int
main(void)
{
	static struct mail m;

	mail_init(&m);
	test_wanted(&m);
	test_report(&m);
	test_odd_texts(&m);
	test_remotes(&m);
	test_eight_bit(&m);
	test_large(&m);
	test_delayed(&m);
	test_owed(&m);
	test_success(&m);
	test_utf8(&m);
	test_deadline(&m);
	test_quotes(&m);
	test_failure(&m);
	mail_done(&m);
	return tap_done();
}
