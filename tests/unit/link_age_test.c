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
may_use(int64_t age_ms, char *user)
{
	const struct route route = { .user = user };
	const struct delivery d = { .route = &route };
	const struct smtp_link l = { .begun_ms = clock_ms() - age_ms };
	const struct queue_entry e = { .nrcpts = 0 };

	return transaction_may_use(&d, &l, &e);
}

int
main(void)
{
	char user[] = "anna";

	ok(may_use(0, NULL), "a new link gets another message");
	ok(may_use(9000, NULL), "and one of nine seconds");
	ok(!may_use(10000, NULL), "after ten seconds the next host may be another one");
	ok(may_use(INT64_C(86400000), user), "one with a login is kept, as logins are limited");
	return tap_done();
}
