// SPDX-License-Identifier: ISC
/*
 * Each place that has got its report is noted, so a run that ends in between repeats at most one.
 */
#include "reports/tls_daily.h"

#include <errno.h>
#include <inttypes.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/name.h"
#include "base/text.h"
#include "reports/letter.h"
#include "reports/outbox.h"
#include "reports/tls_feedback.h"
#include "reports/tls_rua.h"

#define TYPE	 "application/tlsrpt+gzip"

#define HOST_REPORTS_MAX 1000	/* about a day, for one host of places */
#define HOSTS_SLOTS	 65536	/* two hosts of one slot share that number, which is rare */

/* A report about one domain. */
struct tls_making {
	struct daily *d;
	struct report_day *day;
	char domain[NAME_MAX_OCTETS + 1];
	struct tls_rua places;
	struct tls_feedback feedback;
	struct slice file;
	char id_space[600], subject[1200], file_name[700];
	uint16_t loads[HOSTS_SLOTS];	/* reports for a host */
};

static void
describe(struct tls_making *m, const struct tls_result_line *rows, size_t n)
{
	const int64_t begin_s = m->day->begin_s;
	const struct config *c = m->d->config;
	const char *name = day_submitter(c);
	struct buf id = BUF(m->id_space);

	buf_fmt(&id, "%s.%s.tls@%s", m->day->name, m->domain, name);
	m->feedback = (struct tls_feedback){
		.organization = c->reports.organization ? c->reports.organization : name,
		.contact = c->reports.contact, .id = buf_slice(&id),
		.begin_s = begin_s, .end_s = begin_s + DAY_SECONDS - 1, .rows = rows, .n = n,
	};
	(void)snprintf(m->subject, sizeof m->subject,
	    "Report Domain: %s Submitter: %s Report-ID: <%s>", m->domain, name, m->id_space);
	(void)snprintf(m->file_name, sizeof m->file_name, "%s!%s!%lld!%lld.json.gz", name,
	    m->domain, (long long)begin_s, (long long)m->feedback.end_s);
}

/* RFC 8460 section 5.3.  A domain whose TLS is broken must get its report, too: TLS-Required: No
 * waives what it demands. */
static int
mail_to(struct tls_making *m, const char *address)
{
	char domain[300], submitter[300], about[600], id[QUEUE_ID_SIZE];
	const char *const fields[] = { domain, submitter, "TLS-Required: No", NULL };
	const char *const text[] = {
		"This is a report about TLS between mail servers (RFC 8460), made by a program.",
		about, NULL,
	};
	const struct letter l = {
		.from = m->d->config->reports.contact, .to = address, .subject = m->subject,
		.id = m->id_space, .multipart = "report; report-type=tlsrpt", .fields = fields,
		.text = text, .type = TYPE, .file_name = m->file_name, .file = m->file,
	};
	int r;

	(void)snprintf(domain, sizeof domain, "TLS-Report-Domain: %s", m->domain);
	(void)snprintf(submitter, sizeof submitter, "TLS-Report-Submitter: %s",
	    day_submitter(m->d->config));
	(void)snprintf(about, sizeof about, "It is about sessions for mail to %s on %s (UTC): %zu.",
	    m->domain, m->day->name, m->feedback.n);
	r = letter_send(m->d->queue, &l, id);
	if (r == 0)
		text_print(stdout, "%s %s: report about TLS for %s queued as %s\n", m->day->name,
		    m->domain, address, id);
	return r;
}

static int
post_to(struct tls_making *m, const char *url, uint64_t hash)
{
	const struct outbox_post post = {
		.url = url, .type = TYPE, .until_s = clock_wall_s() + DAY_SECONDS, .file = m->file,
	};
	char name[100];
	int r;

	(void)snprintf(name, sizeof name, "post-%s-%016" PRIx64, m->day->name, hash);
	r = outbox_put(m->d->sent, name, &post);
	if (r == 0)
		text_print(stdout, "%s %s: report about TLS waits for smtp-fetch --post, for %s\n",
		    m->day->name, m->domain, url);
	return r;
}

/* May another report go to this host?  A record names any place, and nobody there has agreed:
 * somebody with many domains could let us flood it. */
static bool
take_share(struct tls_making *m, const struct tls_rua_place *to)
{
	const char *host = to->url[0] ? to->url + SL("https://").n : to->mail.domain;
	const struct slice name = slice_of(host, strcspn(host, "/"));
	uint16_t *load = &m->loads[hash_slice_any_case(HASH_START, name) % HOSTS_SLOTS];

	if (*load < HOST_REPORTS_MAX) {
		++*load;
		return true;
	}
	text_print(stdout, "%s %s: %.*s gets no report: it has %d about that day\n", m->day->name,
	    m->domain, (int)name.n, name.p, HOST_REPORTS_MAX);
	return false;
}

static int
send_to(struct tls_making *m, const struct tls_rua_place *to)
{
	const char *place = to->url[0] ? to->url : to->mail.address;
	const uint64_t hash = hash_slice(hash_slice(HASH_START, slice_str(m->domain)),
	    slice_str(place));
	char space[300];
	struct buf key = BUF(space);
	int r;

	if (!take_share(m, to))
		return 0;
	if (m->d->list) {
		text_print(stdout, "%s %s: %zu sessions, for %s\n", m->day->name, m->domain,
		    m->feedback.n, place);
		return 0;
	}
	buf_fmt(&key, "%s %016" PRIx64, m->domain, hash);
	if (sent_has(&m->day->sent, buf_slice(&key)))
		return 0;
	r = to->url[0] ? post_to(m, place, hash) : mail_to(m, place);
	return r < 0 ? r : sent_add(&m->day->sent, buf_slice(&key));
}

static int
send_report(struct tls_making *m)
{
	struct gzip *g = gzip_new();
	int r = -ENOMEM;

	if (g) {
		tls_feedback_write(&m->feedback, g);
		r = gzip_end(g, &m->file);
	}
	for (size_t i = 0; r == 0 && i < m->places.n; i++)
		r = send_to(m, &m->places.list[i]);
	gzip_free(g);
	return r;
}

static int
make_one(struct tls_making *m, const struct tls_result_line *rows, size_t n)
{
	int r = 0;

	memcpy(m->domain, rows->domain.p, rows->domain.n);
	m->domain[rows->domain.n] = '\0';
	if (sent_has(&m->day->sent, rows->domain))
		return 0;
	if (!tls_rua_find(m->d->resolver, m->domain, day_ask(m->d), &m->places)) {
		text_print(stdout, "%s: the DNS has no answer; a later run tries again\n",
		    m->domain);
		return day_silent(m->d);
	}
	if (m->places.n) {
		describe(m, rows, n);
		r = send_report(m);
	}
	m->d->silent = 0;
	return r < 0 || m->d->list ? r : sent_add(&m->day->sent, rows->domain);
}

static int
make_all(struct daily *d, struct report_day *day)
{
	static struct tls_making m;
	struct tls_sums s;
	int r = tls_sums_read(&s, day->text);

	m = (struct tls_making){ .d = d, .day = day };
	if (r == 0 && s.bad)
		text_print(stderr,
		    "smtp-report: state/sessions/%s: %" PRIu64 " lines cannot be read\n",
		    day->name, s.bad);
	for (size_t i = 0, n; r == 0 && i < s.n; i += n) {
		n = tls_sums_domain(&s.rows[i], s.n - i);
		r = make_one(&m, &s.rows[i], n);
	}
	tls_sums_done(&s);
	return r;
}

int
tls_daily_run(struct daily *d, int64_t now_s)
{
	static const struct report_kind kind = { "tls-", (size_t)16 << 20, make_all };

	return day_each(d, d->sessions, &kind, now_s);
}
