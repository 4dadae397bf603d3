// SPDX-License-Identifier: ISC
/*
 * One row for each filter.  A filter may change the content, or only look at it; what it finds out
 * goes into the envelope when the content is complete (queue_late_field()).
 */
#include "session/filters.h"

#include "base/clock.h"
#include "session/masquerade.h"
#include "session/session.h"

/* Our Received field is put in front of the content, and others may come after it.  So a content
 * must begin with a field or with an empty line. */
static bool
is_any(const struct session *s)
{
	(void)s;
	return true;
}

static void
begin_mend(struct session *s, filter_put *next)
{
	mend_begin(&s->content.filters.mend, next, s);
}

static void
put_mend(void *ctx, struct slice octets)
{
	struct session *s = ctx;

	mend_content(&s->content.filters.mend, octets);
}

static void
end_mend(struct session *s)
{
	mend_end(&s->content.filters.mend);
}

/* role = submission: what is missing in the header section is added. */
static bool
is_submission(const struct session *s)
{
	return s->server.submission;
}

/* If the file cannot be read, the message is not taken: others would refuse this sender. */
static bool
replace_sender(void *ctx, struct slice address, struct buf *ret)
{
	struct session *s = ctx;
	struct smtp_path from, to;
	int r;

	if (!smtp_path_parse_whole(address, SMTP_PATH_TOLERANT, &from))
		return false;
	r = masquerade_find(s->config, s->server.hostname, &from, &to);
	if (r < 0 && s->content.error == 0) {
		s->content.error = r;
		s->content.senders_unread = true;
	}
	if (r <= 0)
		return false;
	buf_add(ret, smtp_path_text(&to));
	return !ret->full;
}

static void
begin_submission(struct session *s, filter_put *next)
{
	submission_begin(&s->content.filters.submission, s->server.hostname,
	    content_id(&s->content), clock_wall_s(), next, s);
	if (s->config->server.masquerade)
		s->content.filters.submission.replace = replace_sender;
}

static void
put_submission(void *ctx, struct slice octets)
{
	struct session *s = ctx;

	submission_content(&s->content.filters.submission, octets);
}

static void
end_submission(struct session *s)
{
	submission_end(&s->content.filters.submission);
}

/* Only a stranger must not send results in our name.  A trusted client or an LMTP client may be a
 * server of ours. */
static bool
is_from_outside(const struct session *s)
{
	return !session_trusted(s) && !s->server.lmtp;
}

static void
begin_results(struct session *s, filter_put *next)
{
	results_begin(&s->content.filters.results, s->server.hostname, next, s);
}

static void
put_results(void *ctx, struct slice octets)
{
	struct session *s = ctx;

	results_content(&s->content.filters.results, octets);
}

static void
end_results(struct session *s)
{
	results_end(&s->content.filters.results);
}

static const struct filter {
	bool (*wanted)(const struct session *s);
	void (*begin)(struct session *s, filter_put *next);
	filter_put *put;
	void (*end)(struct session *s);
	size_t room;			/* octets of the envelope for fields that end() writes */
} filters[FILTERS] = {
	/* The first: the others then agree with it on where the header section ends. */
	{ is_any, begin_mend, put_mend, end_mend, 0 },
	{ is_submission, begin_submission, put_submission, end_submission, 0 },
	{ is_from_outside, begin_results, put_results, end_results, 0 },
};

size_t
filters_room(const struct session *s)
{
	size_t room = 0;

	for (size_t i = 0; i < FILTERS; i++)
		if (filters[i].wanted(s))
			room += filters[i].room;
	return room;
}

void
filters_begin(struct session *s, filter_put *store)
{
	struct filters *f = &s->content.filters;

	f->first = store;
	for (size_t i = FILTERS; i-- > 0;) {
		f->on[i] = filters[i].wanted(s);
		if (!f->on[i])
			continue;
		filters[i].begin(s, f->first);
		f->first = filters[i].put;
	}
}

void
filters_put(struct session *s, struct slice octets)
{
	s->content.filters.first(s, octets);
}

void
filters_end(struct session *s)
{
	for (size_t i = 0; i < FILTERS; i++)
		if (s->content.filters.on[i])
			filters[i].end(s);
}
