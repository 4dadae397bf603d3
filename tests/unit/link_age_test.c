// SPDX-License-Identifier: ISC
/*
 * For how long an open link gets further messages.
 */
#include "client/transaction.h"

#include "base/clock.h"
#include "client/link.h"
#include "config/config.h"
#include "tests/lib/tap.h"

static bool
may_use(int64_t left_ms, char *user)
{
	const struct route route = { .user = user };
	const struct delivery d = { .route = &route };
	const struct smtp_link l = { .until_ms = clock_ms() + left_ms };
	const struct queue_entry e = { .nrcpts = 0 };

	return transaction_may_use(&d, &l, &e);
}

int
main(void)
{
	static const struct {
		const char *name;
		uint32_t ttl_s;
		int64_t latency_us, life_ms;
	} rows[] = {
		{ "the time that the DNS gives", 30, 0, 30000 },
		{ "five seconds, if it gives none", 0, 0, 5000 },
		{ "no less", 4, 0, 5000 },
		{ "a minute, if it gives more", 61, 0, 60000 },
		{ "a minute, if no answer names the host", UINT32_MAX, 0, 60000 },
		{ "a late greeting is worth ten times as long", 5, 6000000, 65000 },
	};
	char user[] = "anna";

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ok(link_life_ms(rows[i].ttl_s, rows[i].latency_us) == rows[i].life_ms, "%s",
		    rows[i].name);
	ok(may_use(9000, NULL), "until then it gets another message");
	ok(!may_use(0, NULL), "and none after that");
	ok(may_use(-86400000, user), "one with a login is kept, as logins are limited");
	return tap_done();
}
