// SPDX-License-Identifier: ISC
/*
 * A run looks back some days: an earlier one may have failed.
 */
#include "reports/day.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/name.h"
#include "base/text.h"

#define DAYS_BACK  3		/* days that a run looks back */
#define SILENT_MAX 10		/* failures of the DNS, one behind the other, that raise doubts */
#define ASK_MS	   10000	/* for all questions about a domain */
#define HURRY_MS   1000		/* the same, after SILENT_MS of a run without an answer */
#define SILENT_MS  (20 * 60 * 1000)

static int
make_day(struct daily *d, int folder, const struct report_kind *kind, int64_t begin_s)
{
	struct report_day day = { .begin_s = begin_s };
	char *text;
	size_t n;
	int r;

	day_name(begin_s, day.name);
	r = file_read(folder, day.name, kind->most, &text, &n);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	day.text = slice_of(text, n);
	r = sent_open(&day.sent, d->sent, kind->prefix, begin_s,
	    begin_s - DAYS_BACK * DAY_SECONDS);
	if (r == 0) {
		r = kind->make(d, &day);
		sent_close(&day.sent);
	} else if (r == -EFBIG) {
		text_print(stdout, "%s: state/reports/%s%s is full, so nothing more is reported\n",
		    day.name, kind->prefix, day.name);
		r = 0;
	}
	free(text);
	return r;
}

int
day_each(struct daily *d, int folder, const struct report_kind *kind, int64_t now_s)
{
	const int64_t today_s = now_s - now_s % DAY_SECONDS;
	int r = 0;

	for (int i = DAYS_BACK; i > 0 && r == 0; i--)
		r = make_day(d, folder, kind, today_s - i * DAY_SECONDS);
	return r;
}

int
day_ask(struct daily *d)
{
	d->asked_ms = clock_ms();
	return d->silent_ms < SILENT_MS ? ASK_MS : HURRY_MS;
}

int
day_silent(struct daily *d)
{
	/* A name of our own. */
	struct dns_question q = {
		.name = strchr(d->config->reports.contact, '@') + 1, .type = DNS_MX,
	};
	bool answered;

	d->silent_ms += clock_ms() - d->asked_ms;
	if (++d->silent < SILENT_MAX)
		return 0;
	dns_ask(d->resolver, &q, 1);
	answered = q.status == DNS_OK || q.status == DNS_NODATA || q.status == DNS_NXDOMAIN;
	dns_question_done(&q);
	if (!answered)
		return -EAGAIN;
	d->silent = 0;
	return 0;
}

const char *
day_submitter(const struct config *c)
{
	const struct slice name = slice_str(c->server.hostname);

	return name.n && name_is_fqdn(name) ? c->server.hostname :
	    strchr(c->reports.contact, '@') + 1;
}
