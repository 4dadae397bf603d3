// SPDX-License-Identifier: ISC
/*
 * smtp-queue report --html: one page about the queue and the last days, which needs no other file.
 * Everything in it that comes from messages, hosts and files passes through html_text().
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/clock.h"
#include "base/text.h"
#include "runner/frozen.h"
#include "tools/queue/advice.h"
#include "tools/queue/html.h"
#include "tools/queue/past.h"
#include "tools/queue/sample.h"
#include "tools/queue/tool.h"

#define SAMPLE_MOST  5000
#define DESTINATIONS 25		/* rows of tables */
#define CAUSES       8
#define CURVES       8

struct report {
	const struct tool *tool;
	FILE *out;
	int64_t now_s;
	size_t hours;			/* of the charts */
	struct tally_counts counts;
	struct sample sample;
	struct past past;
};

static const enum queue_place work[] = { QUEUE_IN_NEW, QUEUE_IN_CUR, QUEUE_IN_WAIT };
#define WORK (sizeof work / sizeof work[0])

static void
put(const struct report *r, const char *literal)
{
	(void)fwrite(literal, 1, strlen(literal), r->out);
}

static void
put_text(const struct report *r, const char *text)
{
	html_text(r->out, slice_str(text));
}

/* A cell of a table; "n" is the class of numbers. */
static void
put_cell(const struct report *r, const char *class, const char *text)
{
	(void)fprintf(r->out, "<td class=\"%s\">", class);
	put_text(r, text);
	put(r, "</td>");
}

static void
put_number(const struct report *r, double n, bool about)
{
	char space[40];

	(void)snprintf(space, sizeof space, "%s%.0f", about ? "~" : "", n);
	put_cell(r, "n", n > 0 ? space : "–");
}

static void
put_duration(const struct report *r, int64_t s)
{
	char space[32] = "";
	struct buf b = BUF(space);

	text_duration(&b, s);
	put_cell(r, "n", buf_cstr(&b));
}

static void
put_time(const struct report *r, int64_t at_s)
{
	char space[32] = "";
	struct buf b = BUF(space);

	clock_stamp(&b, at_s);
	put_text(r, buf_cstr(&b));
}

static void
begin_section(const struct report *r, const char *title)
{
	put(r, "<section>\n<h2>");
	put_text(r, title);
	put(r, "</h2>\n");
}

static void
begin_table(const struct report *r, const char *const *heads, size_t n)
{
	put(r, "<div class=\"wide\"><table><thead><tr>");
	for (size_t i = 0; i < n; i++) {
		/* A leading '#' is for a column of numbers. */
		put(r, heads[i][0] == '#' ? "<th class=\"n\">" : "<th>");
		put_text(r, heads[i] + (heads[i][0] == '#'));
		put(r, "</th>");
	}
	put(r, "</tr></thead><tbody>\n");
}

static void
end_table(const struct report *r)
{
	put(r, "</tbody></table></div>\n</section>\n");
}

#define BEGIN_TABLE(r, ...) begin_table(r, (const char *const[]){ __VA_ARGS__ }, \
    sizeof (const char *const[]){ __VA_ARGS__ } / sizeof(char *))

/* ---- now ---- */

static void
put_tile(const struct report *r, const char *name, double n, const char *text, bool bad)
{
	put(r, bad ? "<li class=\"bad\"><b>" : "<li><b>");
	if (text)
		put_text(r, text);
	else
		(void)fprintf(r->out, "%.0f", n);
	put(r, "</b>");
	put_text(r, name);
	put(r, "</li>\n");
}

static void
put_tiles(const struct report *r)
{
	const struct tally_counts *c = &r->counts;
	double all = 0;
	int64_t oldest_s = r->now_s;
	char space[32];
	struct buf age = BUF(space);

	for (size_t i = 0; i < WORK; i++) {
		all += (double)tally_sum(c, work[i]);
		if (c->oldest_s[work[i]] && c->oldest_s[work[i]] < oldest_s)
			oldest_s = c->oldest_s[work[i]];
	}
	text_duration(&age, r->now_s - oldest_s);
	put(r, "<ul class=\"tiles\">\n");
	put_tile(r, "messages to deliver", all, NULL, false);
	put_tile(r, "the oldest of them", 0, all > 0 ? buf_cstr(&age) : "–", false);
	put_tile(r, "held", (double)tally_sum(c, QUEUE_IN_HOLD), NULL, false);
	put_tile(r, "dead", (double)tally_sum(c, QUEUE_IN_DEAD), NULL,
	    tally_sum(c, QUEUE_IN_DEAD) > 0);
	put_tile(r, "accepted, 24 h", r->past.day[COUNTED_ACCEPTED], NULL, false);
	put_tile(r, "delivered, 24 h", r->past.day[COUNTED_DELIVERED], NULL, false);
	put_tile(r, "deferred, 24 h", r->past.day[COUNTED_DEFERRED], NULL, false);
	put_tile(r, "failed, 24 h", r->past.day[COUNTED_FAILED], NULL, false);
	put(r, "</ul>\n");
}

static void
put_ages(const struct report *r)
{
	double most = 0, n[TALLY_AGES] = { 0 };

	for (unsigned a = 0; a < TALLY_AGES; a++) {
		for (size_t i = 0; i < WORK; i++)
			n[a] += (double)r->counts.n[work[i]][a];
		if (n[a] > most)
			most = n[a];
	}
	begin_section(r, "Queue by age");
	BEGIN_TABLE(r, "Age", "#New", "#Active", "#Waiting", "");
	for (unsigned a = 0; a < TALLY_AGES; a++) {
		double parts[TALLY_AGES] = { 0 };

		put(r, "<tr>");
		put_cell(r, "k", tally_ages[a]);
		for (size_t i = 0; i < WORK; i++)
			put_number(r, (double)r->counts.n[work[i]][a], false);
		parts[a] = n[a];
		put(r, "<td>");
		html_bar(r->out, slice_str(tally_ages[a]), parts, TALLY_AGES, most);
		put(r, "</td></tr>\n");
	}
	end_table(r);
}

static void
put_destination(const struct report *r, const struct sample_group *g, double most)
{
	char space[600];
	struct buf title = BUF(space);

	for (unsigned a = 0; a < TALLY_AGES; a++)
		if (g->ages[a] > 0)
			buf_fmt(&title, "%s: %.0f; ", tally_ages[a], g->ages[a]);
	put(r, "<tr>");
	put_cell(r, "d", g->name[0] ? g->name : "(all others)");
	put_number(r, g->messages, r->sample.factor > 1);
	put(r, "<td>");
	html_bar(r->out, buf_slice(&title), g->ages, TALLY_AGES, most);
	put(r, "</td>");
	put_duration(r, r->now_s - g->oldest_s);
	put_cell(r, "w", g->why);
	put(r, "</tr>\n");
}

static void
put_destinations(const struct report *r)
{
	const struct sample *s = &r->sample;
	double rest = 0;

	begin_section(r, "Queue by destination");
	if (s->factor > 1)
		(void)fprintf(r->out, "<p class=\"dim\">Estimated: one of %.0f messages was "
		    "read.</p>\n", s->factor);
	if (s->broken > 0)
		(void)fprintf(r->out, "<p class=\"bad\">%.0f files are no messages; type: "
		    "<code>smtp-queue fsck</code></p>\n", s->broken);
	if (s->n == 0) {
		put(r, "<p>No message is to be delivered.</p>\n</section>\n");
		return;
	}
	BEGIN_TABLE(r, "Destination", "#Messages", "By age", "#Oldest", "Last reply");
	for (size_t i = 0; i < s->n; i++) {
		if (i < DESTINATIONS)
			put_destination(r, &s->groups[i], s->groups[0].messages);
		else
			rest += s->groups[i].messages;
	}
	if (rest > 0)
		(void)fprintf(r->out, "<tr><td>and %zu more</td><td class=\"n\">%.0f</td><td></td>"
		    "<td></td><td></td></tr>\n", s->n - DESTINATIONS, rest);
	end_table(r);
}

/* ---- the last days ---- */

static bool
has_past(const struct report *r)
{
	if (r->past.since_s)
		return true;
	put(r, "<p>There is no history yet: the relay writes it once an hour.</p>\n");
	return false;
}

static void
put_outcomes(const struct report *r)
{
	const size_t skip = PAST_HOURS - r->hours;
	struct html_series series[COUNTED_SUMS];

	for (unsigned i = 0; i < COUNTED_SUMS; i++)
		series[i] = (struct html_series){
			slice_str(counted_words[i]), r->past.sums[i] + skip,
		};
	begin_section(r, "Outcomes per hour");
	put(r, "<p class=\"dim\">Outcomes of attempts, one for each recipient.</p>\n");
	html_bars(r->out, SL("Outcomes per hour"), &series[COUNTED_DELIVERED], 3, 0, r->hours,
	    r->now_s);
	put(r, "</section>\n");
	begin_section(r, "Accepted and refused per hour");
	put(r, "<p class=\"dim\">Messages that were accepted; commands, contents, logins and "
	    "clients that were refused.</p>\n");
	series[1] = series[COUNTED_REFUSED];
	html_bars(r->out, SL("Accepted and refused per hour"), series, 2, 8, r->hours, r->now_s);
	put(r, "</section>\n");
}

static void
put_milliseconds(const struct report *r, int64_t us)
{
	char space[40];

	(void)snprintf(space, sizeof space, "%.1f ms", (double)us / 1000);
	put_cell(r, "n", us ? space : "–");
}

static void
put_latencies(const struct report *r)
{
	const size_t n = r->past.nhosts < CURVES ? r->past.nhosts : CURVES;
	struct html_series series[CURVES];

	begin_section(r, "Latency of exchangers");
	if (n == 0) {
		put(r, "<p>No exchanger was measured in this time.</p>\n</section>\n");
		return;
	}
	for (size_t i = 0; i < n; i++)
		series[i] = (struct html_series){ slice_str(r->past.hosts[i].name),
			r->past.hosts[i].ms + (PAST_HOURS - r->hours) };
	put(r, "<p class=\"dim\">The time from dialling to the greeting, of the exchangers with "
	    "the most measurements.</p>\n");
	html_lines(r->out, SL("Latency of exchangers"), series, n, r->hours, r->now_s);
	BEGIN_TABLE(r, "Exchanger", "Address", "#Connect", "#Greeting", "#Failures", "#Hours");
	for (size_t i = 0; i < n; i++) {
		const struct past_host *h = &r->past.hosts[i];

		put(r, "<tr>");
		put_cell(r, "d", h->name);
		put_cell(r, "d", h->address);
		put_milliseconds(r, h->connect_us);
		put_milliseconds(r, h->first_us);
		put_number(r, h->failures, false);
		put_number(r, h->known, false);
		put(r, "</tr>\n");
	}
	end_table(r);
}

static void
put_causes(const struct report *r)
{
	double left[CAUSE_COUNT], all = 0, most = 0;

	begin_section(r, "Causes of deferral in the last 24 hours");
	for (unsigned i = 0; i < CAUSE_COUNT; i++) {
		left[i] = advice_of(i) ? r->past.causes[i] : 0;
		all += left[i];
		if (left[i] > most)
			most = left[i];
	}
	if (all < 0.5) {
		put(r, "<p>Nothing was deferred.</p>\n</section>\n");
		return;
	}
	BEGIN_TABLE(r, "Cause", "#Recipients", "", "What to do");
	for (unsigned row = 0; row < CAUSES; row++) {
		double parts[TALLY_AGES] = { 0 };
		unsigned best = 0;

		for (unsigned i = 0; i < CAUSE_COUNT; i++)
			if (left[i] > left[best])
				best = i;
		if (left[best] < 0.5)
			break;
		parts[4] = left[best];		/* in the color of deferral */
		left[best] = 0;
		put(r, "<tr>");
		put_cell(r, "k", stats_table[STATS_CAUSES].values[best]);
		put_number(r, parts[4], false);
		put(r, "<td>");
		html_bar(r->out, SL("share"), parts, TALLY_AGES, most);
		put(r, "</td>");
		put_cell(r, "w", advice_of(best));
		put(r, "</tr>\n");
	}
	end_table(r);
}

/* ---- what is left alone ---- */

static void
put_paused(const struct report *r)
{
	const struct config *c = &r->tool->config;
	struct hosts hosts;
	bool any = false;

	hosts_load(&hosts, r->tool->queue.state);
	hosts_pauses(&hosts, c->queue.retry_min_s, c->queue.retry_max_s);
	for (size_t i = 0; i < hosts.n; i++) {
		const struct host *h = &hosts.list[i];
		const int64_t until_s = hosts_paused_until(&hosts, h, r->now_s);

		if (until_s <= r->now_s)
			continue;
		if (!any) {
			begin_section(r, "Hosts that are paused, as they failed");
			BEGIN_TABLE(r, "Host", "Address", "#Failures", "#For");
		}
		any = true;
		put(r, "<tr>");
		put_cell(r, "d", h->name);
		put_cell(r, "d", h->address);
		put_number(r, h->failures, false);
		put_duration(r, until_s - r->now_s);
		put(r, "</tr>\n");
	}
	if (any)
		end_table(r);
	hosts_done(&hosts);
}

static void
put_frozen(const struct report *r)
{
	struct frozen_list frozen;
	bool any = false;

	frozen_load(&frozen, r->tool->queue.state, r->now_s);
	for (size_t i = 0; i < frozen.n; i++) {
		const struct frozen *f = &frozen.list[i];

		if (f->until_s <= r->now_s)
			continue;
		if (!any) {
			begin_section(r, "Routes that are frozen, as their login was refused");
			BEGIN_TABLE(r, "Route", "#For", "Refusal");
		}
		any = true;
		put(r, "<tr>");
		put_cell(r, "d", f->name);
		put_duration(r, f->until_s - r->now_s);
		put_cell(r, "w", f->why);
		put(r, "</tr>\n");
	}
	if (any)
		end_table(r);
	frozen_done(&frozen);
}

/* ---- the page ---- */

/* As many hours as there is history, but at least a day. */
static size_t
hours_of(const struct past *p)
{
	const int64_t hours = p->since_s ? (p->now_s - p->since_s) / 3600 + 1 : 0;

	return hours < PAST_DAY ? PAST_DAY : hours > PAST_HOURS ? PAST_HOURS : (size_t)hours;
}

static void
put_page(const struct report *r)
{
	char space[400];
	struct buf title = BUF(space);

	buf_fmt(&title, "Mail on %.300s", r->tool->config.server.hostname);
	html_begin(r->out, buf_slice(&title));
	put(r, "<header><h1>");
	html_text(r->out, buf_slice(&title));
	put(r, "</h1>\n<p class=\"dim\">");
	put_time(r, r->now_s);
	put(r, queue_runner_lives(&r->tool->queue) ? "; the relay is at work" : "");
	if (r->past.since_s) {
		put(r, "; history since ");
		put_time(r, r->past.since_s);
	}
	put(r, ". All times are UTC.</p></header>\n<main>\n");
	put_tiles(r);
	put_ages(r);
	put_destinations(r);
	if (has_past(r)) {
		put_outcomes(r);
		put_latencies(r);
		put_causes(r);
	}
	if (r->tool->queue.state >= 0) {
		put_paused(r);
		put_frozen(r);
	}
	put(r, "</main>\n<footer><p class=\"dim\">smtp-queue " VERSION "</p></footer>\n");
	html_end(r->out);
}

int
tool_report(struct tool *t)
{
	static struct report r;
	uint64_t all = 0;

	if (!t->html) {
		tool_complain("report", "give --html: there is no other form");
		return EX_USAGE;
	}
	r.tool = t;
	r.out = stdout;
	r.now_s = t->now_us / 1000000;
	if (tally_count(&t->queue, 0, &r.counts) < 0)
		return EX_TEMPFAIL;
	for (size_t i = 0; i < WORK; i++)
		all += tally_sum(&r.counts, work[i]);
	(void)sample_take(&t->queue, &t->config, all, SAMPLE_MOST, &r.sample);
	past_read(&t->queue, r.now_s, &r.past);
	r.hours = hours_of(&r.past);
	put_page(&r);
	return EX_OK;
}
