// SPDX-License-Identifier: ISC
#include "notice/bounce.h"

#include <ctype.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "tests/lib/mail.h"

static char host[] = "mail.example";
static struct config config = { .server.hostname = host };

/* The notice as the queue holds it. */
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
	if (bounce_send(&m->q, &config, &m->e, news, id) < 0 || queue_take_new(&m->q, NULL, NULL) != 1)
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
	return send_news(m, &(struct bounce_news){ NOTICE_FAILED, rcpts, n, 1763787773, 0 });
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
	static const struct { const char *name, *from, *params; bool failed, delayed, success; } cases[] = {
		{ "a sender hears", "a@b", "", true, true, false },
		{ "B161 the null sender never", "", "", false, false, false },
		{ "B161 nor with NOTIFY", "", "NOTIFY=SUCCESS,FAILURE,DELAY", false, false, false },
		{ "B162 NOTIFY=NEVER", "a@b", "NOTIFY=NEVER", false, false, false },
		{ "B162 NOTIFY=SUCCESS", "a@b", "NOTIFY=SUCCESS", false, false, true },
		{ "B162 NOTIFY=FAILURE", "a@b", "NOTIFY=FAILURE", true, false, false },
		{ "B162 NOTIFY=DELAY", "a@b", "NOTIFY=DELAY", false, true, false },
		{ "B162 NOTIFY as it came", "a@b", "ORCPT=rfc822;x@y notify=Delay,failure", true, true, false },
		{ "B162 among others, any case", "a@b", "ORCPT=rfc822;x notify=success,failure,DELAY", true, true, true },
		{ "B162 ORCPT alone", "a@b", "ORCPT=rfc822;NEVER", true, true, false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char to[200];

		(void)snprintf(to, sizeof to, "c@d %s", cases[i].params);
		mail_put(m, cases[i].from, "", to, SL("x\r\n"));
		ok(owed_wanted(&m->e, 0, NOTICE_FAILED) == cases[i].failed, "%s: of failure", cases[i].name);
		ok(owed_wanted(&m->e, 0, NOTICE_DELAYED) == cases[i].delayed, "%s: of delay", cases[i].name);
		ok(owed_wanted(&m->e, 0, NOTICE_DELIVERED) == cases[i].success &&
		    owed_wanted(&m->e, 0, NOTICE_RELAYED) == cases[i].success, "%s: of success", cases[i].name);
	}
}

/* What is still to be told of somebody who has got the message. */
static void
test_owed(struct mail *m)
{
	enum { HERE = REACH_END, SENT = REACH_SERVER, MANY = REACH_MANY, OTHER = REACH_OTHER, DSN = 8, TIMED = 16 };
	static const struct { const char *name, *from, *by, *params; unsigned where; enum queue_rcpt_state state; } cases[] = {
		{ "B162 nobody asked", "a@b", "", "", HERE, QUEUE_DELIVERED },
		{ "B162 nobody asked, relayed", "a@b", "", "", SENT, QUEUE_DELIVERED },
		{ "B162 SUCCESS in a mailbox", "a@b", "", "NOTIFY=SUCCESS", HERE, QUEUE_DELIVERED_OWED },
		{ "B162 SUCCESS in a mailbox that reports itself", "a@b", "", "NOTIFY=SUCCESS", HERE | DSN, QUEUE_DELIVERED },
		{ "B162 SUCCESS at a server without DSN", "a@b", "", "NOTIFY=SUCCESS", SENT, QUEUE_RELAYED_OWED },
		{ "B162 SUCCESS at a server with DSN", "a@b", "", "NOTIFY=SUCCESS", SENT | DSN, QUEUE_DELIVERED },
		{ "B162 FAILURE", "a@b", "", "NOTIFY=FAILURE,DELAY", SENT, QUEUE_DELIVERED },
		{ "B162 NEVER", "a@b", "", "NOTIFY=NEVER", HERE, QUEUE_DELIVERED },
		{ "B161 SUCCESS of the null sender", "", "", "NOTIFY=SUCCESS", HERE, QUEUE_DELIVERED },
		{ "B161 relayed of the null sender", "", "", "NOTIFY=SUCCESS", SENT, QUEUE_DELIVERED },
		{ "B162 SUCCESS of an alias of several", "a@b", "", "NOTIFY=SUCCESS", MANY, QUEUE_EXPANDED_OWED },
		{ "B162 nobody asked, an alias of several", "a@b", "", "NOTIFY=FAILURE", MANY, QUEUE_DELIVERED },
		{ "B162 SUCCESS of an alias of one: its copy knows", "a@b", "", "NOTIFY=SUCCESS", OTHER, QUEUE_DELIVERED },
		{ "DELIVERBY of an alias of one: the same", "a@b", "BY=60;NT", "", OTHER, QUEUE_DELIVERED },
		{ "DELIVERBY, traced, of an alias of several: that is no server", "a@b", "BY=60;NT", "", MANY, QUEUE_DELIVERED },
		{ "DELIVERBY at a server without", "a@b", "BY=60;N", "", SENT | DSN, QUEUE_RELAYED_OWED },
		{ "DELIVERBY at a server with", "a@b", "BY=60;N", "", SENT | DSN | TIMED, QUEUE_DELIVERED },
		{ "DELIVERBY, traced", "a@b", "BY=60;RT", "NOTIFY=FAILURE", SENT | DSN | TIMED, QUEUE_RELAYED_OWED },
		{ "DELIVERBY, traced, to a mailbox", "a@b", "BY=60;RT", "", HERE, QUEUE_DELIVERED },
		{ "DELIVERBY, NEVER", "a@b", "BY=60;NT", "NOTIFY=NEVER", SENT, QUEUE_DELIVERED },
		{ "B161 DELIVERBY of the null sender", "", "BY=60;NT", "", SENT, QUEUE_DELIVERED },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct outcome o;
		char to[200];

		outcome_set(&o, CAUSE_DELIVERED, SL(""), SL(""));
		o.reach = (enum outcome_reach)(cases[i].where & 7);
		o.dsn = cases[i].where & DSN;
		o.deliver_by = cases[i].where & TIMED;
		(void)snprintf(to, sizeof to, "c@d %s", cases[i].params);
		mail_put(m, cases[i].from, cases[i].by, to, SL("x\r\n"));
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
	mail_put(m, "a@b.example", "", "c@d.example|other@d.example|e@f.example", SL("Subject: hi\r\n\r\nhello\r\n.dot\r\n"));
	s = bounce(m, rcpts, 2);
	ok(s->e.from.n == 0 && s->e.from_params.n == 0, "B160 from the null sender, without RET");
	ok(slice_eq(s->e.rcpts[0].params, SL("NOTIFY=NEVER")), "B160 NOTIFY=NEVER");
	ok(s->e.nrcpts == 1 && slice_eq(s->e.rcpts[0].path, SL("a@b.example")), "B160 to the reverse-path");
	ok(slice_eq(s->e.client, SL("local")), "its client is this system");
	ok(has(s, "Auto-Submitted: auto-replied\r\n"), "B165 Auto-Submitted");
	ok(has(s, "From: Mail Delivery System <MAILER-DAEMON@mail.example>\r\nTo: <a@b.example>\r\n"
	    "Subject: Undelivered Mail Returned to Sender\r\nDate: Sat, 22 Nov 2025 05:02:53 +0000\r\nMessage-ID: <"),
	    "B165 From, To, Subject, Date, Message-ID");
	ok(has(s, "Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"=_"), "B164 multipart/report");
	ok(has(s, "\r\nReporting-MTA: dns; mail.example\r\nArrival-Date: "), "B164 fields of the message");
	ok(has(s, "\r\n\r\nFinal-Recipient: rfc822; c@d.example\r\nAction: failed\r\nStatus: 5.1.1\r\n"
	    "Remote-MTA: dns; mx1.example\r\nDiagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
	    "Last-Attempt-Date: Sat, 22 Nov 2025 05:02:53 +0000\r\n"), "B164 fields of a recipient the peer refused");
	ok(has(s, "\r\n\r\nFinal-Recipient: rfc822; e@f.example\r\nAction: failed\r\nStatus: 5.4.7\r\n"
	    "Diagnostic-Code: X-smtp-handler; gave up after 120 hours\r\nLast-Attempt-Date: "), "B164 and of one we gave up on");
	ok(!has(s, "other@d.example"), "B164 nothing of a recipient that did not fail");
	ok(has(s, "\r\n<c@d.example>\r\n    mx1.example[192.0.2.1]:25 answered:\r\n    550 5.1.1 no such user\r\n"),
	    "B164 the same in words");
	(void)snprintf(part, sizeof part, "\r\n--=_%s\r\nContent-Description: Undelivered message\r\n"
	    "Content-Type: message/rfc822\r\n\r\nSubject: hi\r\n\r\nhello\r\n.dot\r\n\r\n--=_%s--\r\n", s->e.id, s->e.id);
	ok(has(s, part), "B164 the message itself, to the last boundary");
	ok(s->e.facts.dot_line && !s->e.facts.eight_bit && !s->e.facts.no_final_crlf && !s->e.facts.binary,
	    "what a delivery must know of it is right");
	ok(!has(s, "8bit"), "no 8bit where there is none");
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
		printable = printable && (isprint((unsigned char)s->text[i]) || strchr("\r\n\t", s->text[i]));
	ok(printable && has(s, "550 n?? ??[31m"), "a peer's odd octets come out as printable ASCII");
	o = reply(CAUSE_REPLY_PERMANENT, "");
	s = bounce(m, rcpts, 1);
	ok(has(s, "no reason was given") && !has(s, "Diagnostic-Code"), "no reason: says so");
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
		ok(cases[i].line[0] ? has(s, cases[i].line) : !has(s, "Remote-MTA"), "B164 Remote-MTA of \"%s\"", cases[i].host);
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
	ok(has(s, "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: hi\r\n\r\n\303\244\r\n"),
	    "an 8-bit original is returned and declared");
	ok(has(s, "\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\nThis is") && s->e.facts.eight_bit, "as is the whole");
	mail_put(m, "a@b", "RET=HDRS", "c@d", SL("Subject: hi\r\n\r\n\303\244\r\n"));
	s = bounce(m, rcpts, 1);
	ok(!has(s, "8bit\r\n") && !s->e.facts.eight_bit, "not if only its header is returned");
	ok(has(s, "Content-Type: text/rfc822-headers\r\n\r\nSubject: hi\r\n\r\n--=_"), "RET=HDRS: the header only");
	ok(!has(s, "Original-"), "no reference where none was given");
	mail_put(m, "a@b", "ENVID=a;b+2Bc+0D ret=hdrs", "c@d NOTIFY=FAILURE ORCPT=rfc822;O+2BX@D", SL("Subject: hi\r\n\r\nx\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "text/rfc822-headers"), "ret=hdrs in any case");
	mail_put(m, "a@b", "RET=FULL REQUIRETLS", "c@d", SL("Subject: hi\r\n\r\nx\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "text/rfc822-headers"), "H159 REQUIRETLS: the header only");
	ok(slice_eq(s->e.from_params, SL("REQUIRETLS")), "H159 and the notice has to go the same way");
	mail_put(m, "a@b", "ENVID=a;b+2Bc+0D ret=hdrs", "c@d NOTIFY=FAILURE ORCPT=rfc822;O+2BX@D", SL("Subject: hi\r\n\r\nx\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "\r\nOriginal-Envelope-Id: a;b+c?\r\n"), "B164 ENVID, decoded, and harmless");
	ok(has(s, "\r\n\r\nOriginal-Recipient: rfc822; O+X@D\r\nFinal-Recipient: rfc822; c@d\r\n"), "B164 ORCPT, decoded");
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
	ok(has(s, "text/rfc822-headers\r\n\r\nSubject: large\r\n\r\n--=_") && s->n < 5000, "above 50 KiB only the header");
	c.n = 0;
	while (c.n < 90000)
		buf_fmt(&c, "X-Field-%zu: x\r\n", c.n);
	mail_put(m, "a@b", "", "c@d", buf_slice(&c));
	s = bounce(m, rcpts, 1);
	ok(s->n < 60000 && s->n > 50000 && has(s, ": x\r\n\r\n--=_"), "and of a large header whole fields");
	mail_put(m, "a@b", "", "c@d", SL("Subject: no end\r\n\r\nlast line"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "last line\r\n--=_") && !s->e.facts.no_final_crlf, "without a final line end the boundary is still on its own line");
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
	mail_put(m, "a@b.example", "RET=FULL ENVID=e1", "c@d.example|e@f.example ORCPT=rfc822;x@y", SL("Subject: hi\r\n\r\nhello\r\n"));
	s = send_news(m, &(struct bounce_news){ NOTICE_DELAYED, rcpts, 1, 1763787773, 1764219773 });
	ok(s->e.from.n == 0 && s->e.nrcpts == 1 && slice_eq(s->e.rcpts[0].path, SL("a@b.example")), "B160 delayed: from <>, to the sender");
	ok(has(s, "\r\nSubject: Delayed Mail (still being retried)\r\n") && has(s, "Auto-Submitted: auto-replied\r\n"),
	    "B165 delayed: Subject, Auto-Submitted");
	ok(has(s, "\r\nOriginal-Envelope-Id: e1\r\nArrival-Date: "), "B164 delayed: fields of the message");
	ok(has(s, "\r\n\r\nOriginal-Recipient: rfc822; x@y\r\nFinal-Recipient: rfc822; e@f.example\r\nAction: delayed\r\n"
	    "Status: 4.4.1\r\nDiagnostic-Code: X-smtp-handler; connection refused\r\n"
	    "Last-Attempt-Date: Sat, 22 Nov 2025 05:02:53 +0000\r\nWill-Retry-Until: Thu, 27 Nov 2025 05:02:53 +0000\r\n"),
	    "B164 Action: delayed, Will-Retry-Until");
	ok(!has(s, "c@d.example"), "B164 delayed: nothing of the other recipient");
	ok(!has(s, "Deliver-By-Date"), "no time of the sender's where it has set none");
	ok(has(s, "you need not send it again") && !has(s, "will\r\nnot be tried again"), "B164 delayed: says so in words");
	ok(has(s, "Content-Description: Delayed message header\r\nContent-Type: text/rfc822-headers\r\n\r\nSubject: hi\r\n\r\n--=_") &&
	    !has(s, "hello"), "B164 delayed: only the header, whatever RET says");
}

static void
test_success(struct mail *m)
{
	struct outcome o;
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct seen *s;

	outcome_set(&o, CAUSE_DELIVERED, SL(""), SL("/var/mail/c: delivered to mailbox"));
	mail_put(m, "a@b.example", "ENVID=e1 RET=FULL", "c@d.example NOTIFY=SUCCESS ORCPT=rfc822;C@D.example",
	    SL("Subject: hi\r\n\r\nhello\r\n"));
	s = send_news(m, &(struct bounce_news){ NOTICE_DELIVERED, rcpts, 1, 1763787773, 0 });
	ok(has(s, "\r\nSubject: Your mail has been delivered\r\n") && has(s, "\r\nAuto-Submitted: auto-replied\r\n"),
	    "B165 delivered: Subject, Auto-Submitted");
	ok(has(s, "\r\n\r\nOriginal-Recipient: rfc822; C@D.example\r\nFinal-Recipient: rfc822; c@d.example\r\n"
	    "Action: delivered\r\nStatus: 2.0.0\r\nLast-Attempt-Date: Sat, 22 Nov 2025 05:02:53 +0000\r\n\r\n--"),
	    "B164 Action: delivered");
	ok(!has(s, "/var/mail"), "and not a word about our disk");
	ok(has(s, "text/rfc822-headers\r\n\r\nSubject: hi\r\n\r\n--=_") && !has(s, "hello"), "B164 delivered: only the header, whatever RET says");
	outcome_set(&o, CAUSE_DELIVERED, SL("mx1.example[192.0.2.1]:25"), SL("250 2.6.0 queued as 1"));
	o.remote = true;
	o.reach = REACH_SERVER;
	s = send_news(m, &(struct bounce_news){ NOTICE_RELAYED, rcpts, 1, 1763787773, 0 });
	ok(has(s, "\r\nAction: relayed\r\nStatus: 2.0.0\r\nRemote-MTA: dns; mx1.example\r\n"
	    "Diagnostic-Code: smtp; 250 2.6.0 queued as 1\r\n"), "B164 Action: relayed");
	ok(has(s, "may not confirm its delivery") && has(s, "mx1.example[192.0.2.1]:25 answered:\r\n    250 2.6.0 queued as 1\r\n"),
	    "B164 relayed: says so in words");
	o = (struct outcome){ .kind = OUTCOME_DELIVERED, .status = "2.0.0", .reach = REACH_SERVER };
	s = send_news(m, &(struct bounce_news){ NOTICE_RELAYED, rcpts, 1, 1763787773, 0 });
	ok(has(s, "\r\nAction: relayed\r\nStatus: 2.0.0\r\nLast-Attempt-Date") && has(s, "<c@d.example>\r\n    handed to the next server\r\n"),
	    "of one of whom no more is known");
	outcome_set(&o, CAUSE_EXPANDED, SL(""), SL("expanded to 2 addresses, as 0SJ4REV94FW4SD0A"));
	s = send_news(m, &(struct bounce_news){ NOTICE_EXPANDED, rcpts, 1, 1763787773, 0 });
	ok(has(s, "\r\nAction: expanded\r\nStatus: 2.0.0\r\nLast-Attempt-Date") && has(s, "below stands for others") && !has(s, "0SJ4"),
	    "B164 Action: expanded, and not to whom");
}

#define UMLAUT "\303\266"

/* Only ASCII, and no sign of RFC 6533. */
static bool
plain_forms(const struct seen *s)
{
	return has(s, "report-type=delivery-status;") && has(s, "Content-Type: message/delivery-status\r\n\r\n") &&
	    has(s, "charset=us-ascii\r\n\r\n") && !has(s, "global") && !has(s, "utf-8") && s->e.from_params.n == 0 && !s->e.facts.utf8_header;
}

/* RFC 6533. */
static void
test_utf8(struct mail *m)
{
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 5.1.1 kein J" UMLAUT "rg \303");
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct seen *s;

	mail_put(m, "j" UMLAUT "rg@b.example", "SMTPUTF8", "p" UMLAUT "@d.example ORCPT=utf-8;P" UMLAUT "@d.example",
	    SL("Subject: h" UMLAUT "\r\n\r\nhello\r\n"));
	s = bounce(m, rcpts, 1);
	ok(slice_eq(s->e.from_params, SL("SMTPUTF8")) && s->e.facts.utf8_header && s->e.facts.eight_bit &&
	    slice_eq(s->e.rcpts[0].path, SL("j" UMLAUT "rg@b.example")), "B165 SMTPUTF8: the notice needs it, too");
	ok(has(s, "report-type=global-delivery-status;") && has(s, "To: <j" UMLAUT "rg@b.example>\r\n") &&
	    has(s, "\"\r\nContent-Transfer-Encoding: 8bit\r\n\r\nThis is"), "B165 SMTPUTF8: the header");
	ok(has(s, "charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n") && has(s, "<p" UMLAUT "@d.example>\r\n"), "B165 SMTPUTF8: in words");
	ok(has(s, "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\n") &&
	    has(s, "\r\nOriginal-Recipient: utf-8; P" UMLAUT "@d.example\r\nFinal-Recipient: utf-8; p" UMLAUT "@d.example\r\nAction: failed\r\n") &&
	    has(s, "\r\nDiagnostic-Code: smtp; 550 5.1.1 kein J" UMLAUT "rg ?\r\n"), "B165 SMTPUTF8: for programs, and no broken octet");
	ok(has(s, "Content-Type: message/global\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: h" UMLAUT "\r\n\r\nhello\r\n"), "B165 SMTPUTF8: the message");
	mail_put(m, "j" UMLAUT "rg@b.example", "SMTPUTF8 RET=HDRS", "c@d.example", SL("Subject: h" UMLAUT "\r\n\r\nhello\r\n"));
	s = bounce(m, rcpts, 1);
	ok(has(s, "Content-Type: message/global-headers\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: h" UMLAUT "\r\n\r\n--") &&
	    has(s, "Final-Recipient: rfc822; c@d.example\r\n"), "B165 SMTPUTF8: the header alone, and an address in ASCII");
	mail_put(m, "a@b.example", "SMTPUTF8", "c@d.example", SL("Subject: h" UMLAUT "\r\n\r\nhello\r\n"));
	ok(has(bounce(m, rcpts, 1), "message/global\r\n"), "B165 SMTPUTF8: for the header's sake");
	mail_put(m, "a@b.example", "SMTPUTF8", "c@d.example", SL("Subject: hi\r\n\r\nhello " UMLAUT "\r\n"));
	ok(plain_forms(bounce(m, rcpts, 1)), "B165 SMTPUTF8 that nothing needs: the forms that all can read");
	mail_put(m, "a@b.example", "", "c@d.example", SL("Subject: h" UMLAUT "\r\n\r\nhello\r\n"));
	s = bounce(m, rcpts, 1);
	ok(plain_forms(s) && has(s, "kein J??rg ?"), "B165 not SMTPUTF8: ASCII, whatever the header holds");
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
	ok(!has(s, "was said"), "nothing was said: nothing is quoted");
	if (queue_note_lines(&m->e, SL("|      1 ms * mx1.example[192.0.2.1]:25: connected\n|      2 ms > RCPT TO:<c@d>\n|      3 ms < 550 no \033\n")) < 0 ||
	    queue_note(&m->e, SL("<c@d> failed 5.0.0")) < 0)
		abort();
	s = bounce(m, rcpts, 3);
	first = strstr(s->text, "The last of what was said between this system and mx1.example[192.0.2.1]:25:\r\n\r\n");
	ok(first && has(s, "    |") == false && has(s, "ms > RCPT TO:<c@d>\r\n") && has(s, "ms < 550 no ?\r\n"), "the end of the session is quoted");
	ok(first && !strstr(first + 30, "was said"), "once, though it was about two; and of a host that is not in the log nothing");
	s = send_news(m, &(struct bounce_news){ NOTICE_RELAYED, rcpts, 1, 1763787773, 0 });
	ok(!has(s, "was said"), "not where all went well");
	m->e.expanded = true;
	s = bounce(m, rcpts, 3);
	ok(!has(s, "was said"), "nor behind an alias, as the others there were spoken of, too");
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
	(void)snprintf(want, sizeof want, "\r\nDeliver-By-Date: %.*s\r\n\r\nFinal-Recipient", (int)date.n, date.p);
	s = bounce(m, rcpts, 1);
	ok(has(s, want), "Deliver-By-Date is a field of the message");
}

/* When the queue's disk fails, there is no notice, and the caller hears of it. */
static void
test_failure(struct mail *m)
{
	struct outcome o = reply(CAUSE_REPLY_PERMANENT, "550 x");
	struct bounce_rcpt rcpts[] = { { 0, &o } };
	struct queue broken = m->q;
	char id[QUEUE_ID_SIZE];

	mail_put(m, "a@b", "", "c@d", SL("x\r\n"));
	broken.tmp = broken.fresh = -1;
	ok(bounce_send(&broken, &config, &m->e, &(struct bounce_news){ NOTICE_FAILED, rcpts, 1, 1, 0 }, id) < 0, "a queue that cannot be written: an error");
	ok(queue_take_new(&m->q, NULL, NULL) == 0, "and nothing in it");
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
