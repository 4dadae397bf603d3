// SPDX-License-Identifier: ISC
/*
 * Frames from a worker that a host has taken over.  Each input is one datagram.  A frame that is
 * taken must be safe for all that the runner does with it.
 */
#include <stdlib.h>
#include <sys/socket.h>

#include "attempt/owed.h"
#include "dns/cache.h"
#include "runner/frame.h"
#include "runner/tickets.h"
#include "runner/worker.h"
#include "tests/fuzz/fuzz.h"

static void
must_be_line(const char *text, size_t size)
{
	must(memchr(text, '\0', size) && !slice_has_control(slice_str(text)));
}

static void
take_rcpt(void *ctx, const struct attempt_result *result)
{
	const struct outcome *o = result->outcome;
	const int64_t used_us = o->times.dns_us + o->times.connect_us + o->times.send_us;
	/* Each is read as a bool, which a sanitizer checks. */
	const bool flags = o->remote || o->dsn || o->deliver_by || o->everyone || o->owed;

	(void)ctx;
	must(used_us > INT64_MIN / 2 || flags);
	must(!slice_has_control(result->path));
	must_be_line(o->detail, sizeof o->detail);
	must_be_line(o->host, sizeof o->host);
	must_be_line(o->tls, sizeof o->tls);
	must_be_line(o->status, sizeof o->status);
	must(outcome_text(o)[0] && outcome_public(o) && owed_success(o) < NOTICE_KINDS);
}

static void
take_host(void *ctx, const struct host_report *report)
{
	struct hosts h = { 0 };

	(void)ctx;
	for (int i = 0; i < 3; i++)
		hosts_learn(&h, report, 1763787774);
	hosts_done(&h);
}

static void
take_moved(void *ctx, const char *destination, const char *host, const char *reply)
{
	(void)ctx;
	must(!slice_has_control(slice_str(destination)) && !slice_has_control(slice_str(host)) &&
	    !slice_has_control(slice_str(reply)));
}

static void
take_dns(void *ctx, const struct dns_memo *memo)
{
	struct dns_cache *c = dns_cache_new();
	struct dns_question q = { .name = memo->name, .type = memo->type };

	(void)ctx;
	dns_cache_put(c, memo);
	if (dns_cache_get(c, &q))
		must(dns_question_text(&q)[0]);
	dns_question_done(&q);
	dns_cache_free(c);
}

static uint32_t
take_dial(void *ctx, const uint64_t *sites, size_t n)
{
	uint64_t all = 0;

	(void)ctx;
	must(n > 0 && n <= ATTEMPT_DIALS);
	for (size_t i = 0; i < n; i++)
		all |= sites[i];
	return all != 1;	/* of nothing else is there a reply */
}

static void
take_dialled(void *ctx, uint64_t site)
{
	(void)ctx;
	(void)site;
}

/* The runner keeps it, and gives it away once. */
static void
take_ticket(void *ctx, const struct ticket *ticket)
{
	static struct ticket found;
	struct tickets t = { .slots = NULL };

	(void)ctx;
	tickets_put(&t, "mx a.example", ticket, 100);
	must(!tickets_take(&t, "mx b.example", &ticket->kind, 100, &found) || !ticket->kind.own);
	tickets_put(&t, "mx a.example", ticket, 100);
	must(tickets_take(&t, "mx a.example", &ticket->kind, 100, &found) == (ticket->n > 0));
	tickets_done(&t);
}

static bool
take_want(void *ctx, const struct ticket_kind *kind, struct ticket *ret)
{
	(void)ctx;
	*ret = (struct ticket){ .kind = *kind, .n = kind->own ? TICKET_MAX : 1 };
	return kind->key[0] & 1;
}

static void
take_done(void *ctx)
{
	++*(int *)ctx;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int pair[2] = { -1, -1 };
	static struct frame reply;
	int done = 0;
	const struct attempt_sink sink = {
		.rcpt = take_rcpt, .host = take_host, .moved = take_moved, .dns = take_dns,
		.dial = take_dial, .dialled = take_dialled, .ticket = take_ticket,
		.want = take_want, .done = take_done, .ctx = &done,
	};

	if (pair[0] < 0)
		must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	if (size == 0 || size > 16384 || send(pair[0], data, size, 0) < 0)
		return 0;
	(void)worker_receive(pair[1], &sink);
	while (recv(pair[0], &reply, sizeof reply, MSG_DONTWAIT) >= 0)
		must(reply.type == FRAME_LEAVE || reply.type == FRAME_FOUND);
	must(worker_receive(pair[1], &sink) < 0 && done <= 1);
	return 0;
}
