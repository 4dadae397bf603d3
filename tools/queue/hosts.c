// SPDX-License-Identifier: ISC
/*
 * smtp-queue hosts: the measurements of hosts that the relay keeps, and the frozen routes.
 */
#include "tools/queue/tool.h"

#include <inttypes.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/text.h"
#include "hosts/hosts.h"
#include "queue/by_host.h"
#include "runner/frozen.h"

static void
put_milliseconds(int64_t us, bool at_least)
{
	char space[32];

	if (us == 0)
		(void)snprintf(space, sizeof space, "-");
	else
		(void)snprintf(
		    space, sizeof space, "%s%.1f ms", at_least ? ">" : "", (double)us / 1000);
	text_print(stdout, " %12s", space);
}

static void
put_ago(int64_t then_s, int64_t now_s)
{
	char space[32];
	struct buf b = BUF(space);

	if (then_s) {
		text_duration(&b, now_s - then_s);
		buf_str(&b, " ago");
	} else {
		buf_str(&b, "never");
	}
	text_print(stdout, " %9.*s", (int)b.n, b.p);
}

static void
add_state(struct buf *b, const struct hosts *hosts, const struct host *h, uint64_t waiting,
    int64_t now_s)
{
	if (h->first_us || h->failed_s || h->proven_s)
		hosts_state(b, hosts, h, now_s);
	else
		buf_str(b, "never reached, as this machine failed");
	if (waiting)
		buf_fmt(b, "; %" PRIu64 " message%s for it", waiting,
		    waiting == 1 ? " waits" : "s wait");
}

static void
put_host(const struct hosts *hosts, const struct host *h, uint64_t waiting, int64_t now_s)
{
	char space[300];
	struct buf state = BUF(space);

	add_state(&state, hosts, h, waiting, now_s);
	text_column(stdout, slice_str(h->address), 24);
	(void)fputc(' ', stdout);
	text_column(stdout, slice_str(h->name), 28);
	put_milliseconds(h->connect_us, false);
	put_milliseconds(h->first_us, h->at_least);
	put_ago(h->measured_s, now_s);
	put_ago(h->failed_s, now_s);
	text_print(stdout, " %8u  ", h->failures);
	text_put(stdout, buf_slice(&state));
	(void)fputc('\n', stdout);
}

static void
put_object(const struct hosts *hosts, const struct host *h, uint64_t waiting, int64_t now_s)
{
	const int64_t paused_until_s = hosts_paused_until(hosts, h, now_s);
	char space[300];
	struct buf state = BUF(space);

	add_state(&state, hosts, h, waiting, now_s);
	(void)fputs("{\"address\":", stdout);
	json_string(stdout, slice_str(h->address));
	json_text(stdout, "name", slice_str(h->name));
	json_number(stdout, "connect_us", h->connect_us);
	json_number(stdout, "greeting_us", h->first_us);
	(void)fputs(h->at_least ? ",\"at_least\":true" : ",\"at_least\":false", stdout);
	if (h->measured_s)
		json_time(stdout, "measured", h->measured_s);
	if (h->failed_s)
		json_time(stdout, "failed", h->failed_s);
	json_number(stdout, "failures", h->failures);
	if (h->since_s)
		json_time(stdout, "failing_since", h->since_s);
	if (paused_until_s)
		json_time(stdout, "rests_until", paused_until_s);
	if (hosts_ipv4_until(h, now_s))
		json_time(stdout, "ipv4_until", h->ipv4_until_s);
	if (h->tls_failed_s)
		json_time(stdout, "tls_failed", h->tls_failed_s);
	json_number(stdout, "waiting", (int64_t)waiting);
	json_text(stdout, "state", buf_slice(&state));
	(void)fputs("}\n", stdout);
}

static void
put_frozen(const struct tool *t, const struct frozen *f, bool first)
{
	char space[32];
	struct buf until = BUF(space);

	if (t->json) {
		(void)fputs("{\"frozen\":", stdout);
		json_string(stdout, slice_str(f->name));
		json_time(stdout, "since", f->since_s);
		json_time(stdout, "until", f->until_s);
		json_text(stdout, "why", slice_str(f->why));
		(void)fputs("}\n", stdout);
		return;
	}
	if (first)
		(void)puts(
		    "\nFrozen, as the login was refused; smtp-queue retry --all tries again:");
	clock_stamp(&until, f->until_s);
	text_print(stdout, "  [%s] until %s: ", f->name, buf_cstr(&until));
	text_put(stdout, slice_str(f->why));
	(void)putchar('\n');
}

static void
put_all_frozen(const struct tool *t)
{
	const int64_t now_s = t->now_us / 1000000;
	struct frozen_list frozen;
	bool first = true;

	frozen_load(&frozen, t->queue.state, now_s);
	for (size_t i = 0; i < frozen.n && !tool_output_broken(); i++) {
		if (frozen.list[i].until_s <= now_s)
			continue;
		put_frozen(t, &frozen.list[i], first);
		first = false;
	}
	frozen_done(&frozen);
}

struct awaited {
	const struct tool *t;
	struct hosts *hosts;
};

static int
add_one(void *ctx, const char *address)
{
	const struct awaited *a = ctx;

	if (a->hosts->n < HOSTS_MAX && strlen(address) < HOST_KEY && host_printable(address) &&
	    queue_by_host_waiting(&a->t->queue, address))
		(void)hosts_entry(a->hosts, address);
	return 0;
}

/* The relay has not learned of hosts that it could never dial, and mail waits for them. */
static void
add_awaited(const struct tool *t, struct hosts *hosts)
{
	(void)queue_by_host_each(&t->queue, add_one, &(struct awaited){ t, hosts });
}

int
tool_hosts(struct tool *t)
{
	struct hosts hosts;

	hosts_load(&hosts, t->queue.state);
	hosts_pauses(&hosts, t->config.queue.retry_min_s, t->config.queue.retry_max_s);
	add_awaited(t, &hosts);
	if (!t->json && hosts.n)
		text_print(stdout, "%-24s %-28s %12s %12s %9s %9s %8s  %s\n", "ADDRESS", "NAME",
		    "CONNECT", "GREETING", "MEASURED", "FAILED", "FAILURES", "STATE");
	for (size_t i = 0; i < hosts.n && !tool_output_broken(); i++) {
		const struct host *h = &hosts.list[i];
		const int64_t now_s = t->now_us / 1000000;
		const uint64_t waiting = queue_by_host_waiting(&t->queue, h->address);

		if (t->json)
			put_object(&hosts, h, waiting, now_s);
		else
			put_host(&hosts, h, waiting, now_s);
	}
	if (!t->json && hosts.n == 0)
		(void)puts("No host has been measured yet.");
	hosts_done(&hosts);
	put_all_frozen(t);
	return EX_OK;
}
