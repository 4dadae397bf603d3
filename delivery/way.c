// SPDX-License-Identifier: ISC
/*
 * The table of ways, and the two ways that need no file of their own.
 */
#include "delivery/way.h"

#include <assert.h>

#include "client/deliver.h"
#include "delivery/maildir.h"

static void
deliver_discard(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct outcome o;

	outcome_set(&o, CAUSE_DELIVERED, SL(""), SL("discarded"));
	attempt_report_all(d, e, rcpts, n, &o);
}

static void
deliver_reject(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct outcome o;

	outcome_set(&o, CAUSE_ROUTE_REJECT, SL(""), slice_str(d->route->target));
	attempt_report_all(d, e, rcpts, n, &o);
}

static const struct delivery_way ways[] = {
	[VIA_MX] = { deliver_smtp, NULL },
	[VIA_SMTP] = { deliver_smtp, NULL },
	[VIA_LMTP] = { deliver_smtp, NULL },
	[VIA_MAILDIR] = { deliver_maildir, maildir_path },
	[VIA_PRINT] = { deliver_print, NULL },
	[VIA_DISCARD] = { deliver_discard, NULL },
	[VIA_REJECT] = { deliver_reject, NULL },
	[VIA_ALIASES] = { deliver_aliases, NULL },
};

static_assert(sizeof ways / sizeof ways[0] == WAYS, "each way has a row");

const struct delivery_way *
delivery_way_of(const struct route *route)
{
	return &ways[route->via];
}

static char aliases[] = "aliases";
const struct route delivery_way_aliases = {
	.pattern = aliases, .via = VIA_ALIASES, .via_text = aliases,
};
