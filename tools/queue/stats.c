// SPDX-License-Identifier: ISC
/*
 * smtp-queue stats: the counters of sessions and of runs, and the queue, for Prometheus.  The text
 * is OpenMetrics, and the older format of Prometheus too.  The two give a counter different names
 * in its TYPE line; so counters have none, and their names end in _total.
 */
#include "tools/queue/stats.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/text.h"
#include "hosts/hosts.h"
#include "runner/frozen.h"
#include "tools/queue/samples.h"
#include "tools/queue/tally.h"

/* A metric begins. */
static void
put_head(FILE *out, const char *name, const char *type, const char *help)
{
	if (type)
		text_print(out, "# TYPE %s %s\n", name, type);
	text_print(out, "# HELP %s %s\n", name, help);
}

static void
put_gauge(FILE *out, const char *name, const char *help, double value)
{
	put_head(out, name, "gauge", help);
	text_print(out, "%s %.15g\n", name, value);
}

/* The value of a label, which may be any text. */
static void
put_value(FILE *out, const char *text)
{
	char space[STATS_ROUTE];
	const size_t n = strnlen(text, sizeof space - 1);

	memcpy(space, text, n);
	space[n] = '\0';
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)space[i];

		if (c < ' ' || c >= 0x7f)
			(void)fputc('?', out);
		else if (c == '"' || c == '\\')
			text_print(out, "\\%c", c);
		else
			(void)fputc(c, out);
	}
}

/* ---- counters ---- */

static void
put_counter(FILE *out, const struct stats_row *row, const char *value, uint64_t n)
{
	text_print(out, "%s", row->name);
	if (row->label)
		text_print(out, "{%s%s%s=\"%s\"}", row->fixed ? row->fixed : "",
		    row->fixed ? "," : "", row->label, value);
	text_print(out, " %" PRIu64 "\n", n);
}

static void
put_counters(FILE *out, const struct stats_row *row, const uint64_t *counts)
{
	const char *const *value = row->values;

	if (!row->label) {
		put_counter(out, row, NULL, counts[0]);
		return;
	}
	for (unsigned i = 0; value[i]; i++)
		put_counter(out, row, value[i], counts[i]);
	put_counter(out, row, "other", counts[STATS_OTHER]);
}

static void
put_histogram(FILE *out, const struct stats_row *row, const uint64_t *counts)
{
	uint64_t below = 0;

	for (unsigned i = 0; i < STATS_BOUNDS; i++) {
		const double bound = (double)stats_bounds_us[i] / 1e6;

		below += counts[i];
		text_print(out, "%s_bucket{le=\"%.*f\"} %" PRIu64 "\n", row->name,
		    bound < 0.1 ? 2 : 1, bound, below);
	}
	below += counts[STATS_BOUNDS];
	text_print(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", row->name, below);
	text_print(out, "%s_sum %.6f\n", row->name, (double)counts[STATS_SUM] / 1e6);
	text_print(out, "%s_count %" PRIu64 "\n", row->name, below);
}

static void
put_families(FILE *out, const struct counted *c)
{
	const char *last = "";

	for (unsigned i = 0; i < STATS_END; i++) {
		const struct stats_row *row = &stats_table[i];
		const uint64_t *counts = c->files[i < STATS_RUNS_FIRST].counts[i];

		if (!row->name)
			continue;
		if (strcmp(row->name, last) != 0)
			put_head(out, row->name, row->histogram ? "histogram" : NULL, row->help);
		last = row->name;
		if (row->histogram)
			put_histogram(out, row, counts);
		else
			put_counters(out, row, counts);
	}
}

static void
put_routes(FILE *out, const struct stats_file *runs)
{
	static const char *const outcomes[STATS_OUTCOMES] = {
		[STATS_DELIVERED] = "delivered", [STATS_DEFERRED] = "deferred",
		[STATS_FAILED] = "failed",
	};

	put_head(out, "smtp_relay_recipients_total", NULL,
	    "Outcomes of attempts, one for each recipient, by route.");
	for (unsigned i = 0; i < STATS_ROUTES; i++) {
		const struct stats_route *r = &runs->routes[i];

		if (!r->name[0] && i < STATS_ROUTES - 1)
			continue;
		for (unsigned o = 0; o < STATS_OUTCOMES; o++) {
			(void)fputs("smtp_relay_recipients_total{route=\"", out);
			put_value(out, r->name[0] ? r->name : "other");
			text_print(out, "\",outcome=\"%s\"} %" PRIu64 "\n", outcomes[o],
			    r->counts[o]);
		}
	}
}

void
stats_put_counters(FILE *out, const struct counted *c)
{
	put_families(out, c);
	put_routes(out, &c->files[0]);
}

/* ---- the queue ---- */

static void
put_messages(FILE *out, const struct tally_counts *counts, int64_t now_s)
{
	put_head(out, "smtp_queue_messages", "gauge", "Messages in the queue, by state and age.");
	for (unsigned p = 0; p < TALLY_PLACES; p++)
		for (unsigned i = 0; i < TALLY_AGES; i++)
			text_print(out,
			    "smtp_queue_messages{state=\"%s\",age=\"%s\"} %" PRIu64 "\n",
			    filter_state_name(p), tally_ages[i], counts->n[p][i]);
	put_head(out, "smtp_queue_oldest_message_age_seconds", "gauge",
	    "The age of the oldest message of a state; 0 without a message.");
	for (unsigned p = 0; p < TALLY_PLACES; p++) {
		const int64_t then_s = counts->oldest_s[p];

		text_print(out, "smtp_queue_oldest_message_age_seconds{state=\"%s\"} %" PRId64
		    "\n", filter_state_name(p), then_s && then_s < now_s ? now_s - then_s : 0);
	}
}

static void
put_queue(FILE *out, const struct tool *t)
{
	struct tally_counts counts;
	struct statvfs fs;
	const int r = tally_get(&t->queue, &counts);
	const int64_t counted_ms = r == 0 ? counts.counted_us / 1000 : 0;

	put_gauge(out, "smtp_queue_count_time_seconds",
	    "When the messages were counted, in Unix time; 0: not yet.",
	    (double)counted_ms / 1e3);
	if (r == 0)
		put_messages(out, &counts, t->now_us / 1000000);
	if (fstatvfs(t->queue.root, &fs) < 0)
		return;
	put_gauge(out, "smtp_queue_free_bytes", "Octets that the queue may still use.",
	    (double)fs.f_bavail * (double)fs.f_frsize);
	put_gauge(out, "smtp_queue_free_inodes", "Files that the queue may still make.",
	    (double)fs.f_favail);
}

static void
put_hosts(FILE *out, const struct tool *t)
{
	const int64_t now_s = t->now_us / 1000000;
	struct frozen_list frozen;
	struct hosts hosts;
	unsigned failing = 0, cold = 0;

	hosts_load(&hosts, t->queue.state);
	hosts_pauses(&hosts, t->config.queue.retry_min_s, t->config.queue.retry_max_s);
	for (size_t i = 0; i < hosts.n; i++)
		failing += hosts_paused_until(&hosts, &hosts.list[i], now_s) > now_s;
	put_gauge(out, "smtp_hosts", "Hosts that the relay remembers.", (double)hosts.n);
	put_gauge(out, "smtp_hosts_paused", "Hosts that are paused, as they failed.", failing);
	hosts_done(&hosts);
	frozen_load(&frozen, t->queue.state, now_s);
	for (size_t i = 0; i < frozen.n; i++)
		cold += frozen.list[i].until_s > now_s;
	put_gauge(out, "smtp_routes_frozen", "Routes that are frozen, as the login was refused.",
	    cold);
	frozen_done(&frozen);
}

static void
put_service(FILE *out, const struct tool *t, const struct counted *c)
{
	static const char *const names[2] = { "runs", "sessions" };
	char machine[SAMPLES_MACHINE];

	samples_machine(machine);
	put_head(out, "smtp_handler_build", "gauge",
	    "1, with the version of smtp-queue and the name of the machine.");
	text_print(out, "smtp_handler_build{version=\"%s\",nodename=\"%s\"} 1\n", VERSION,
	    machine);
	put_gauge(out, "smtp_relay_running", "1 while the queue runner is at work.",
	    queue_runner_lives(&t->queue));
	put_head(out, "smtp_counters_present", "gauge",
	    "1 if the counters of sessions, or of runs, could be read.");
	for (unsigned i = 0; i < 2; i++)
		text_print(out, "smtp_counters_present{of=\"%s\"} %d\n", names[i], c->read[i]);
}

static void
put_all(FILE *out, const struct tool *t)
{
	static struct counted c;

	counted_read(&t->queue, &c);
	put_service(out, t, &c);
	stats_put_counters(out, &c);
	put_queue(out, t);
	if (t->queue.state >= 0)
		put_hosts(out, t);
	(void)fputs("# EOF\n", out);
}

static void
put_labelled(FILE *out, const struct tool *t)
{
	char *text = NULL, machine[SAMPLES_MACHINE];
	size_t n = 0;
	FILE *all = open_memstream(&text, &n);

	if (!all)
		return;
	put_all(all, t);
	if (fclose(all) == 0) {
		samples_machine(machine);
		(void)samples_put_labelled(out, &(struct samples_text){ slice_str(machine),
		    slice_of(text, n) }, 1);
	}
	free(text);
}

void
stats_put(FILE *out, const struct tool *t)
{
	if (t->with_host)
		put_labelled(out, t);
	else
		put_all(out, t);
}
