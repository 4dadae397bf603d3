// SPDX-License-Identifier: ISC
/*
 * A domain is done when its report is in the queue, or when it turns out to want none.
 */
#include "reports/daily.h"

#include <errno.h>

#include "base/name.h"
#include "base/text.h"
#include "reports/feedback.h"
#include "reports/letter.h"
#include "reports/places.h"

/* A report about one domain. */
struct making {
	struct daily *d;
	struct report_day *day;
	char domain[NAME_MAX_OCTETS + 1];
	struct places places;
	struct feedback feedback;
	char id_space[600], subject[1200], file_name[700];
};

static void
describe(struct making *m, const struct sums_row *rows, size_t n)
{
	const int64_t begin_s = m->day->begin_s;
	const struct config *c = m->d->config;
	const char *name = day_submitter(c);
	struct buf id = BUF(m->id_space);

	buf_fmt(&id, "%s.%s@%s", m->day->name, m->domain, name);
	m->feedback = (struct feedback){
		.organization = c->reports.organization ? c->reports.organization : name,
		.contact = c->reports.contact,
		.generator = "smtp-handler " VERSION,
		.id = buf_slice(&id), .domain = slice_str(m->domain),
		.record = m->places.record,
		.begin_s = begin_s, .end_s = begin_s + DAY_SECONDS - 1, .rows = rows, .n = n,
	};
	(void)snprintf(m->subject, sizeof m->subject,
	    "Report Domain: %s Submitter: %s Report-ID: <%s>", m->domain, name, m->id_space);
	(void)snprintf(m->file_name, sizeof m->file_name, "%s!%s!%lld!%lld.xml.gz", name,
	    m->domain, (long long)begin_s, (long long)m->feedback.end_s);
}

static int
send_to(struct making *m, const struct rua *to, struct slice file)
{
	char about[600], messages[100], id[QUEUE_ID_SIZE];
	const char *text[] = {
		"This is an aggregate report of DMARC (RFC 9990), made by a program.", about,
		messages, NULL,
	};
	const struct letter l = {
		.from = m->d->config->reports.contact, .to = to->address, .subject = m->subject,
		.id = m->id_space, .multipart = "mixed", .text = text,
		.type = "application/gzip", .file_name = m->file_name, .file = file,
	};
	int r;

	(void)snprintf(about, sizeof about, "It is about mail that names %s as its author, on %s",
	    m->domain, m->day->name);
	(void)snprintf(messages, sizeof messages, "(UTC).  Messages: %llu",
	    (unsigned long long)feedback_messages(&m->feedback));
	if (to->octets && letter_octets(&l) > to->octets) {
		text_print(stdout, "%s: the report has %llu octets, too many for %s\n", m->domain,
		    (unsigned long long)letter_octets(&l), to->address);
		return 0;
	}
	if (m->d->list) {
		text_print(stdout, "%s %s: %llu messages, for %s\n", m->day->name, m->domain,
		    (unsigned long long)feedback_messages(&m->feedback), to->address);
		return 0;
	}
	r = letter_send(m->d->queue, &l, id);
	if (r == 0)
		text_print(stdout, "%s %s: report for %s queued as %s\n", m->day->name, m->domain,
		    to->address, id);
	return r;
}

static int
send_report(struct making *m)
{
	struct gzip *g = gzip_new();
	struct slice file = SL("");
	int r = -ENOMEM;

	if (g) {
		feedback_write(&m->feedback, g);
		r = gzip_end(g, &file);
	}
	for (size_t i = 0; r == 0 && i < m->places.n; i++)
		r = send_to(m, &m->places.list[i], file);
	gzip_free(g);
	if (r == -EFBIG) {
		/* A stranger can cause so many findings; the other domains are next. */
		text_print(stdout, "%s %s: the report is too large\n", m->day->name, m->domain);
		r = 0;
	}
	return r;
}

static int
make_one(struct making *m, const struct sums_row *rows, size_t n)
{
	int r = 0;

	memcpy(m->domain, rows->policy.p, rows->policy.n);
	m->domain[rows->policy.n] = '\0';
	if (sent_has(&m->day->sent, rows->policy))
		return 0;
	switch (places_find(m->d->resolver, m->domain, day_ask(m->d), &m->places)) {
	case PLACES_FAILED:
		text_print(stdout, "%s: the DNS has no answer; a later run tries again\n",
		    m->domain);
		return day_silent(m->d);
	case PLACES_NONE:
		if (m->places.refused)
			text_print(stdout, "%s: no place for its reports has agreed to get them "
			    "(RFC 9990 section 4)\n", m->domain);
		break;
	case PLACES_FOUND:
		describe(m, rows, n);
		r = send_report(m);
		break;
	}
	m->d->silent = 0;
	return r < 0 || m->d->list ? r : sent_add(&m->day->sent, rows->policy);
}

static int
make_all(struct daily *d, struct report_day *day)
{
	static struct making m;
	struct sums t;
	int r = sums_count(&t, day->text);

	m = (struct making){ .d = d, .day = day };
	if (r == 0 && t.bad + t.dropped)
		text_print(stderr,
		    "smtp-report: %s: %llu lines cannot be read, %llu are too many\n", day->name,
		    (unsigned long long)t.bad, (unsigned long long)t.dropped);
	for (size_t i = 0, n; r == 0 && i < t.n; i += n) {
		n = sums_group(&t, i);
		r = make_one(&m, &t.rows[i], n);
	}
	sums_done(&t);
	return r;
}

int
daily_run(struct daily *d, int64_t now_s)
{
	static const struct report_kind kind = { "dmarc-", (size_t)64 << 20, make_all };

	return day_each(d, d->findings, &kind, now_s);
}
