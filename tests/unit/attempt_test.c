// SPDX-License-Identifier: ISC
/*
 * The report of an attempt: the runner must be able to believe it.
 */
#include "attempt/attempt.h"

#include "base/clock.h"
#include "tests/lib/mail.h"

#define HOUR_US INT64_C(3600000000)

static const struct row {
	const char *name;
	int64_t lasted_us, dns_us, connect_us, send_us;
} rows[] = {
	{ .name = "a short attempt", .lasted_us = 5000000, .dns_us = 1000000,
	  .connect_us = 1000000, .send_us = 3000000 },
	{ .name = "a peer that delayed each of 1000 replies",
	  .lasted_us = 66 * HOUR_US, .send_us = 66 * HOUR_US },
	{ .name = "one that took a year", .lasted_us = 8760 * HOUR_US, .send_us = 8760 * HOUR_US },
	{ .name = "one that would take for ever", .lasted_us = 20000 * HOUR_US,
	  .send_us = OUTCOME_TIME_MAX_US },
	{ .name = "a clock that went back", .lasted_us = 1000000, .connect_us = 3000000,
	  .send_us = -2000000 },
};

static struct outcome seen;

static void
take_result(void *ctx, const struct attempt_result *result)
{
	(void)ctx;
	seen = *result->outcome;
}

static void
report_one(struct mail *m, const struct row *row)
{
	const struct attempt_sink sink = { .rcpt = take_result };
	struct delivery d = {
		.sink = &sink, .begun_us = clock_us() - row->lasted_us,
		.times = { .dns_us = row->dns_us, .connect_us = row->connect_us },
	};
	struct outcome o;

	outcome_set(&o, CAUSE_REPLY_TEMPORARY, SL("mx.example"), SL("450 later"));
	attempt_report(&d, &m->e, 0, &o);
	ok(outcome_valid(&seen) && seen.times.dns_us == row->dns_us &&
	    seen.times.send_us >= row->send_us && seen.times.send_us < row->send_us + HOUR_US,
	    "%s", row->name);
}

static void
report_nothing(struct mail *m)
{
	static const struct outcome unset;
	const struct attempt_sink sink = { .rcpt = take_result };
	struct delivery d = { .sink = &sink, .begun_us = clock_us() };

	attempt_report(&d, &m->e, 0, &unset);
	ok(outcome_valid(&seen) && seen.kind == OUTCOME_DEFERRED &&
	    m->e.rcpts[0].state != QUEUE_DELIVERED && d.undelivered,
	    "an outcome that nobody has set is no delivery");
}

int
main(void)
{
	struct mail m;

	mail_init(&m);
	mail_put(&m, "a@b", "", "c@d", SL("Subject: x\r\n\r\n"));
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		report_one(&m, &rows[i]);
	report_nothing(&m);
	mail_done(&m);
	return tap_done();
}
