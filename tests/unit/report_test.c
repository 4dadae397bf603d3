// SPDX-License-Identifier: ISC
/* runner/report: the level of each event, and the facts that an operator needs. */
#include "runner/report.h"

#include "tests/unit/log_run.h"

static struct reports reports = { .sink = report_log };

#define WHEN INT64_C(1763787773)

static void
rcpt(enum outcome_cause cause, const char *tls)
{
	struct outcome o;

	outcome_set(&o, cause, SL("mx.example"), SL("450 4.2.1 later"));
	(void)snprintf(o.tls, sizeof o.tls, "%s", tls);
	report_rcpt(&reports, "ID", SL("c@d"), NULL, &o, 1500000);
}

static void delivered(void) { rcpt(CAUSE_DELIVERED, ""); }
static void downgraded(void) { rcpt(CAUSE_DELIVERED, OUTCOME_TLS_DOWNGRADED); }
static void deferred(void) { rcpt(CAUSE_REPLY_TEMPORARY, ""); }
static void failed(void) { rcpt(CAUSE_REPLY_PERMANENT, ""); }
static void finished(void) { report_message(&reports, "ID", REPORT_FINISHED, 0, 0); }
static void waiting(void) { report_message(&reports, "ID", REPORT_DEFERRED, WHEN, 0); }
static void dead(void) { report_message(&reports, "ID", REPORT_DEAD, 0, 0); }
static void stuck(void) { report_message(&reports, "ID", REPORT_STUCK, 0, -EIO); }
static void stuck_for_rights(void) { report_message(&reports, "ID", REPORT_STUCK, 0, -EACCES); }
static void bounced(void) { report_notice(&reports, "ID", NOTICE_FAILED, "OTHER", SL("a@b")); }
static void warned(void) { report_notice(&reports, "ID", NOTICE_DELAYED, "OTHER", SL("a@b")); }
static void
tls_lost(void)
{
	const struct learned_host h = {
		.name = "mx.d", .first_s = 1763787773 - 31 * 86400, .good_s = 1763787773,
		.days = 31,
	};

	report_tls_lost(&reports, &h);
}

static void moved(void) { report_moved(&reports, "d", "mx.d", "550 5.7.25 no PTR"); }
static void foreign(void) { report_trouble(&reports, "cannot read cur/ID", "ID", -EPERM); }
static void trouble(void) { report_trouble(&reports, "cannot fork", "", -EAGAIN); }

static void
freeze(bool works)
{
	static char via[] = "smtps://h", user[] = "u", pattern[] = "*";
	const struct route route = { .pattern = pattern, .via_text = via, .user = user };
	const struct frozen f = { .until_s = WHEN, .why = "535 no" };

	report_route(&reports, &route, works ? NULL : &f);
}

static void frozen(void) { freeze(false); }
static void thawed(void) { freeze(true); }

static const struct event {
	void (*body)(void);
	const char *name, *level, *has[3];
} events[] = {
	{ .body = delivered, .name = "delivered", .level = "<6>",
	    .has = { "delivered id=ID to=c@d host=mx.example status=2.0.0 delay=1.500s ",
		"reply=\"450 4.2.1 later\"" } },
	{ .body = downgraded, .name = "downgraded: a line of its own", .level = "<5>",
	    .has = { "downgraded id=ID to=c@d host=mx.example why=\"sent in the clear" } },
	{ .body = deferred, .name = "deferred", .level = "<6>",
	    .has = { "deferred id=ID to=c@d host=mx.example status=4.0.0 " } },
	{ .body = failed, .name = "failed", .level = "<5>",
	    .has = { "failed id=ID to=c@d host=mx.example status=5.0.0 " } },
	{ .body = finished, .name = "finished", .level = "<6>", .has = { "finished id=ID" } },
	{ .body = waiting, .name = "waiting", .level = "<6>",
	    .has = { "waiting id=ID until=2025-11-22T05:02:53Z" } },
	{ .body = dead, .name = "B161 dead", .level = "<4>",
	    .has = { "dead id=ID why=\"", "dead/", "smtp-queue" } },
	{ .body = stuck, .name = "stuck", .level = "<3>",
	    .has = { "stuck id=ID error=\"Input/output error\"" } },
	{ .body = stuck_for_rights, .name = "stuck, as it is another user's: the cure",
	    .level = "<3>",
	    .has = { "stuck id=ID error=\"Permission denied\" do=\"",
		"as root, run smtp-queue fsck --repair" } },
	{ .body = foreign, .name = "trouble with another user's file: the cure", .level = "<3>",
	    .has = { "trouble what=\"cannot read cur/ID\" id=ID ",
		"as root, run smtp-queue fsck --repair" } },
	{ .body = bounced, .name = "bounced", .level = "<5>",
	    .has = { "bounced id=ID bounce=OTHER to=a@b action=failed" } },
	{ .body = warned, .name = "warned", .level = "<6>",
	    .has = { "warned id=ID notice=OTHER to=a@b action=delayed" } },
	{ .body = moved, .name = "moved", .level = "<5>",
	    .has = { "moved destination=d family=ipv4 host=mx.d why=",
		"reply=\"550 5.7.25 no PTR\"" } },
	{ .body = tls_lost, .name = "a host without its good certificate", .level = "<4>",
	    .has = { "tls-lost host=mx.d since=2025-10-22T05:02:53Z until=2025-11-22T05:02:53Z ",
		"somebody on the way" } },
	{ .body = trouble, .name = "trouble", .level = "<3>",
	    .has = { "trouble what=\"cannot fork\" id=\"\" "
		    "error=\"Resource temporarily unavailable\"" } },
	{ .body = frozen, .name = "frozen", .level = "<3>",
	    .has = { "frozen route=\"route *\" via=smtps://h user=u until=2025-11-22T05:02:53Z "
		    "why=\"535 no\"",
		"smtp-queue retry --all" } },
	{ .body = thawed, .name = "thawed", .level = "<5>",
	    .has = { "thawed route=\"route *\" via=smtps://h user=u" } },
};

static void (*body)(void);

static void
as_a_unit(void)
{
	log_open("test");
	body();
}

int
main(void)
{
	int pair[2];
	struct stat st;
	char text[80], room[4096];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0 || fstat(pair[1], &st) < 0)
		return 1;
	(void)snprintf(text, sizeof text, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
	(void)setenv("JOURNAL_STREAM", text, 1);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
		const struct event *e = &events[i];
		struct slice got;

		body = e->body;
		run(as_a_unit, pair[1]);
		got = drain(pair[0], room, sizeof room);
		ok(slice_has_prefix(got, slice_str(e->level)), "%s: level (%.3s)", e->name, got.p);
		for (size_t k = 0; k < 3 && e->has[k]; k++)
			ok(memmem(got.p, got.n, e->has[k], strlen(e->has[k])) != NULL, "%s: %s",
			    e->name, e->has[k]);
	}
	return tap_done();
}
