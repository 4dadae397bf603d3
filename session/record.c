// SPDX-License-Identifier: ISC
/*
 * Operators search for the keys of these lines: smtp-handler(8) lists them.
 */
#include "session/record.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "session/milters.h"
#include "session/session.h"
#include "stats/stats.h"

static void
begin_line(struct log_line *line, enum log_level level, const char *event, const struct session *s,
    struct slice id)
{
	log_begin(line, level, event);
	if (id.n)
		log_str(line, "id", id);
	log_str(line, "client", slice_str(s->peer.text));
	log_str(line, "helo", buf_slice(&s->smtp.helo));
	if (s->smtp.authenticated)
		log_str(line, "auth", s->auth.user);
	if (s->tls.version[0]) {
		char text[sizeof s->tls.version + sizeof s->tls.cipher + 1];
		struct buf tls = BUF(text);

		buf_str(&tls, s->tls.version);
		buf_chr(&tls, '/');
		buf_str(&tls, s->tls.cipher);
		log_str(line, "tls", buf_slice(&tls));
	}
}

static void
add_recipient(struct record *r, const struct smtp_path *to)
{
	const struct slice path = smtp_path_text(to);

	r->recipients++;
	if (r->recipients == 1 && path.n > r->to.cap - 5) {
		buf_add(&r->to, slice_of(path.p, r->to.cap - 5));
		buf_str(&r->to, "...");
		return;
	}
	if (r->to.full || r->to.cap - r->to.n < path.n + 5) {
		buf_str(&r->to, ",...");	/* the last that fits */
		r->to.full = true;
		return;
	}
	if (r->to.n)
		buf_chr(&r->to, ',');
	buf_add(&r->to, path);
}

/* A content that is refused before its first octet. */
static enum smtp_data_result
data_result(enum smtp_verdict verdict)
{
	return verdict == SMTP_REFUSE_SPACE ? SMTP_DATA_SPACE :
	    verdict == SMTP_REFUSE_FILTER ? SMTP_DATA_FILTER : SMTP_DATA_LOCAL;
}

void
record_decided(struct session *s, enum smtp_next what, enum smtp_verdict verdict,
    const struct smtp_path *from, const struct smtp_path *to, const struct smtp_reply *reply)
{
	struct record *r = &s->record;
	struct log_line line;

	if (reply->code < 400) {
		if (what == SMTP_NEXT_CHECK_MAIL) {
			r->transactions++;
			smtp_path_copy(&r->from, from);
			r->to = (struct buf)BUF(r->to_space);
			r->recipients = 0;
		} else if (what == SMTP_NEXT_CHECK_RCPT) {
			add_recipient(r, to);
		}
		return;
	}
	stats_add(what == SMTP_NEXT_CHECK_MAIL ? STATS_REFUSED_SENDER :
	    what == SMTP_NEXT_CHECK_DATA ? STATS_REFUSED_CONTENT : STATS_REFUSED_RCPT,
	    what == SMTP_NEXT_CHECK_DATA ? data_result(verdict) : (unsigned)verdict, 1);
	begin_line(&line, LOG_LEVEL_NOTICE, "refused", s, SL(""));
	log_str(&line, "from", smtp_path_text(from));
	if (what == SMTP_NEXT_CHECK_RCPT || what == SMTP_NEXT_CHECK_VRFY)
		log_str(&line, "to", smtp_path_text(to));
	log_uint(&line, "code", (uint64_t)reply->code);
	log_str(&line, "reply", reply->text);
	log_end(&line);
}

void
record_auth(const struct session *s, enum smtp_verdict verdict, const struct smtp_reply *reply)
{
	struct log_line line;

	if (reply->code == 235) {
		stats_add(STATS_LOGINS, 0, 1);
		return;
	}
	stats_add(STATS_REFUSED_LOGIN, verdict, 1);
	begin_line(&line, LOG_LEVEL_NOTICE, "refused", s, SL(""));
	log_str(&line, "user", s->auth.user);
	log_uint(&line, "code", (uint64_t)reply->code);
	log_str(&line, "reply", reply->text);
	log_end(&line);
}

static const char *
refusal_reason(enum smtp_data_result result)
{
	switch (result) {
	case SMTP_DATA_TOO_BIG:
		return "too big";
	case SMTP_DATA_SPACE:
		return "no space";
	case SMTP_DATA_LOCAL:
		return "queue broken";
	case SMTP_DATA_BARE:
		return "bare newline";
	case SMTP_DATA_LOOP:
		return "loop";
	case SMTP_DATA_LINE:
		return "line too long";
	case SMTP_DATA_FILTER:
		return "filter";
	case SMTP_DATA_QUEUED:
		break;
	}
	return NULL;
}

static void
count_message(const struct session *s, enum smtp_data_result result)
{
	const struct policy policy = session_policy(s);

	if (result != SMTP_DATA_QUEUED) {
		stats_add(STATS_REFUSED_CONTENT, result, 1);
		return;
	}
	stats_add(STATS_ACCEPTED, policy_standing(&policy), 1);
	stats_add(STATS_ACCEPTED_RCPTS, 0, s->record.recipients);
	stats_add(STATS_ACCEPTED_OCTETS, 0, s->content.octets);
}

void
record_message(struct session *s, enum smtp_data_result result, const struct smtp_reply *reply)
{
	struct record *r = &s->record;
	const char *why = refusal_reason(result);
	struct log_line line;

	count_message(s, result);
	if (!why)
		r->accepted++;
	if (why)
		begin_line(&line, LOG_LEVEL_NOTICE, "refused", s, content_id(&s->content));
	else
		begin_line(&line, LOG_LEVEL_INFO, milters_discard() ? "discarded" : "accepted", s,
		    content_id(&s->content));
	log_str(&line, "protocol", server_protocol(&s->smtp));
	log_str(&line, "from", smtp_path_text(&r->from));
	log_str(&line, "to", buf_slice(&r->to));
	log_uint(&line, "nrcpt", r->recipients);
	log_uint(&line, "size", s->content.octets);
	if (why)
		log_str(&line, "why", slice_str(why));
	log_uint(&line, "code", (uint64_t)reply->code);
	log_str(&line, "reply", reply->text);
	log_end(&line);
}

void
record_trouble(const struct session *s, int error)
{
	const char *directory = s->config->queue.directory;
	const char *advice = queue_advice(QUEUE_RECEIVE, error);

	if (error == -EREMOTE)		/* which is no error of the system */
		log_text(LOG_LEVEL_ERROR, "queue %s: %s", directory, advice);
	else
		log_text(LOG_LEVEL_ERROR, "queue %s: %s (%s)", directory, strerror(-error),
		    advice);
}

void
record_quota(const struct session *s, const char *limit)
{
	struct log_line line;

	begin_line(&line, LOG_LEVEL_NOTICE, "limited", s, SL(""));
	log_str(&line, "limit", slice_str(limit));
	log_end(&line);
}

void
record_end(const struct session *s)
{
	const struct record *r = &s->record;
	const int64_t spent_ms = clock_ms() - r->started_ms;
	struct log_line line;

	stats_add_word(STATS_SESSIONS, s->end);
	stats_add_word(STATS_SESSION_TLS, s->tls.version[0] ? s->tls.version : "none");
	stats_time(STATS_SESSION_TIME, spent_ms * 1000);
	begin_line(&line, LOG_LEVEL_INFO, "session", s, SL(""));
	log_uint(&line, "messages", r->accepted);
	log_uint(&line, "errors", s->smtp.errors);
	log_uint(&line, "seconds", (uint64_t)spent_ms / 1000);
	if (r->early)
		log_str(&line, "early", SL("yes"));
	log_str(&line, "end", slice_str(s->end));
	log_end(&line);
}
