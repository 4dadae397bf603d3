// SPDX-License-Identifier: ISC
/*
 * Names are written in the order of RFC 8460 section 4.4.  Lines of the day have ASCII only; what
 * the operator has set may be UTF-8.
 */
#include "reports/tls_feedback.h"

#include <inttypes.h>

#include "base/clock.h"

struct writing {
	const struct tls_feedback *f;
	struct gzip *g;
	size_t failures;		/* written so far */
};

static void
put(struct writing *w, const char *text)
{
	gzip_add(w->g, slice_str(text));
}

/* RFC 8259 section 7. */
static void
put_string(struct writing *w, struct slice s)
{
	char space[2048];
	struct buf b = BUF(space);

	buf_chr(&b, '"');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_chr(&b, '\\');
		buf_chr(&b, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
	}
	buf_chr(&b, '"');
	gzip_add(w->g, b.full ? SL("\"\"") : buf_slice(&b));
}

/* "name": "value" and what follows it. */
static void
put_member(struct writing *w, const char *name, struct slice value, const char *then)
{
	put_string(w, slice_str(name));
	put(w, ": ");
	put_string(w, value);
	put(w, then);
}

static void
put_count(struct writing *w, const char *name, uint64_t n, const char *then)
{
	char space[32];
	struct buf b = BUF(space);

	put_string(w, slice_str(name));
	buf_fmt(&b, ": %" PRIu64, n);
	gzip_add(w->g, buf_slice(&b));
	put(w, then);
}

static void
put_time(struct writing *w, const char *name, int64_t time_s, const char *then)
{
	char space[32];
	struct buf b = BUF(space);

	clock_stamp(&b, time_s);
	put_member(w, name, buf_slice(&b), then);
}

/* A list of the lines of a policy; `key`: only the values of this key. */
static void
put_lines(struct writing *w, const char *name, struct slice text, struct slice key)
{
	bool any = false;

	put_string(w, slice_str(name));
	put(w, ": [");
	while (text.n) {
		struct slice line = slice_cut(text, '|', &text), value;

		if (key.n && !slice_eq(slice_trim(slice_cut(line, ':', &value)), key))
			continue;
		put(w, any ? ", " : "");
		put_string(w, key.n ? slice_trim(value) : line);
		any = true;
	}
	put(w, "]");
}

static void
put_policy(struct writing *w, const struct tls_result_line *row)
{
	put(w, "{\"policy\": {");
	put_member(w, "policy-type", slice_str(tls_result_policy_word(row->policy)), ", ");
	if (row->text.n) {
		put_lines(w, "policy-string", row->text, SL(""));
		put(w, ", ");
	}
	put_member(w, "policy-domain", row->domain, "");
	if (row->policy == TLS_RESULT_STS && row->text.n) {
		put(w, ", ");
		put_lines(w, "mx-host", row->text, SL("mx"));
	}
	put(w, "},\n");
}

static void
put_failure(struct writing *w, const struct tls_result_line *row, uint64_t n)
{
	put(w, "{");
	put_member(w, "result-type", slice_str(tls_result_type_word(row->result)), ", ");
	if (row->ours.n)
		put_member(w, "sending-mta-ip", row->ours, ", ");
	if (row->mx.n)
		put_member(w, "receiving-mx-hostname", row->mx, ", ");
	if (row->theirs.n)
		put_member(w, "receiving-ip", row->theirs, ", ");
	if (row->reason.n)
		put_member(w, "failure-reason-code", row->reason, ", ");
	put_count(w, "failed-session-count", n, "}");
}

static void
put_failures(struct writing *w, const struct tls_result_line *rows, size_t n)
{
	const char *between = ", \"failure-details\": [\n";
	bool any = false;

	for (size_t i = 0, some; i < n; i += some) {
		some = tls_sums_failure(&rows[i], n - i);
		if (rows[i].result == TLS_RESULT_SUCCESS ||
		    w->failures++ >= TLS_FEEDBACK_FAILURES)
			continue;
		put(w, between);
		put_failure(w, &rows[i], some);
		between = ",\n";
		any = true;
	}
	put(w, any ? "]}" : "}");
}

static void
put_sessions(struct writing *w, const struct tls_result_line *rows, size_t n)
{
	uint64_t good = 0;

	for (size_t i = 0; i < n; i++)
		good += rows[i].result == TLS_RESULT_SUCCESS;
	put_policy(w, rows);
	put(w, "\"summary\": {");
	put_count(w, "total-successful-session-count", good, ", ");
	put_count(w, "total-failure-session-count", n - good, "}");
	put_failures(w, rows, n);
}

void
tls_feedback_write(const struct tls_feedback *f, struct gzip *g)
{
	struct writing w = { .f = f, .g = g };

	put(&w, "{");
	put_member(&w, "organization-name", slice_str(f->organization), ",\n");
	put(&w, "\"date-range\": {");
	put_time(&w, "start-datetime", f->begin_s, ", ");
	put_time(&w, "end-datetime", f->end_s, "},\n");
	put_member(&w, "contact-info", slice_str(f->contact), ",\n");
	put_member(&w, "report-id", f->id, ",\n");
	put(&w, "\"policies\": [\n");
	for (size_t i = 0, n; i < f->n; i += n) {
		n = tls_sums_policy(&f->rows[i], f->n - i);
		put(&w, i ? ",\n" : "");
		put_sessions(&w, &f->rows[i], n);
	}
	put(&w, "]}\n");
}
