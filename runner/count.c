// SPDX-License-Identifier: ISC
#include "runner/count.h"

#include <string.h>

#include "stats/stats.h"

/* Without a connection there are no phases. */
static void
count_network(const struct outcome *o)
{
	const struct outcome_times *t = &o->times;

	if (!o->host[0])
		return;
	stats_add_word(STATS_DELIVERY_TLS, !o->tls[0] ? "none" :
	    strcmp(o->tls, OUTCOME_TLS_DOWNGRADED) == 0 ? "downgraded" :
	    strstr(o->tls, "/verified") || strstr(o->tls, "/dane:") ? "verified" : "encrypted");
	if (t->dns_us)
		stats_time(STATS_DNS, t->dns_us);
	if (t->connect_us)
		stats_time(STATS_CONNECT, t->connect_us);
	stats_time(STATS_SEND, t->send_us);
}

static void
count_rcpt(const struct route *route, const struct outcome *o, int64_t delay_us)
{
	char space[STATS_ROUTE] = "";
	struct buf name = BUF(space);

	stats_add(STATS_CAUSES, o->cause, 1);
	if (o->kind == OUTCOME_DELIVERED) {
		stats_time(STATS_DELAY, delay_us);
		count_network(o);
	}
	if (!route)
		return;
	buf_fmt(&name, "%s%s", route->by_sender ? "sender " : "", route->pattern);
	stats_add_route(name.full ? "other" : buf_cstr(&name),
	    o->kind == OUTCOME_DELIVERED ? STATS_DELIVERED :
	    o->kind == OUTCOME_DEFERRED ? STATS_DEFERRED : STATS_FAILED);
}

void
count_report(const struct report *e)
{
	switch (e->kind) {
	case REPORT_RCPT:
		count_rcpt(e->rcpt.route, e->rcpt.outcome, e->rcpt.delay_us);
		break;
	case REPORT_MESSAGE:
		stats_add(STATS_ENDS, e->message.end, 1);
		break;
	case REPORT_NOTICE:
		stats_add(STATS_NOTICES, e->notice.action, 1);
		break;
	case REPORT_TROUBLE:
		stats_add(STATS_TROUBLES, 0, 1);
		break;
	case REPORT_MOVED:
	case REPORT_TLS_LOST:
	case REPORT_ROUTE:
		break;
	}
}
