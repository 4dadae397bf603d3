// SPDX-License-Identifier: ISC
/*
 * The policy, the room of the queue, and what an authenticated user may send in a time.
 */
#include "session/checks.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "config/rate.h"
#include "queue.h"
#include "session/masquerade.h"
#include "session/quota.h"
#include "session/session.h"

static_assert((int)TALLY_FREE == QUOTA_FREE && (int)TALLY_PASSED == QUOTA_PASSED &&
    (int)TALLY_PASSED_NOW == QUOTA_PASSED_NOW, "a count has the same results everywhere");

enum smtp_verdict
checks_queue(const struct session *s, int error)
{
	if (error == 0)
		return SMTP_ACCEPT;
	record_trouble(s, error);
	if (error == -ENOSPC || error == -EDQUOT || error == -EFBIG)
		return SMTP_REFUSE_SPACE;
	return SMTP_REFUSE_LOCAL;
}

/* The count of a user is that of this machine. */
static void
log_alone(struct session *s)
{
	struct log_line line;

	if (s->alone)
		return;
	s->alone = true;
	log_begin(&line, LOG_LEVEL_WARNING, "shared-limits");
	log_str(&line, "state", SL("away"));
	log_str(&line, "user", s->auth.user);
	log_end(&line);
}

/* Count one more, here and on all machines together.  Their result is the one that counts.  The
 * count of this machine goes on, so that it is there without an answer of the others. */
static int
count_user(struct session *s, enum quota_what what, const struct quota_limit *limit)
{
	static const enum tally_what shared[] = { TALLY_MESSAGES, TALLY_RECIPIENTS, TALLY_RATE };
	const int own = quota_take(logins_counts(), s->auth.user, what, limit, clock_wall_s());
	enum tally_result all;

	if (!s->config->shared.redis)
		return own;
	all = tally_take(&s->tally, s->auth.user, shared[what], limit->most, limit->time_s);
	if (all == TALLY_UNKNOWN)
		log_alone(s);
	return all == TALLY_UNKNOWN ? own : (int)all;
}

/* Has an authenticated user had enough?  If that cannot be counted, mail goes on, and the log has a
 * line. */
static enum smtp_verdict
check_quota(struct session *s, enum quota_what what, const struct quota_limit *limit)
{
	static const char *const names[] = { "user-messages", "user-recipients", "user-rate" };
	int r;

	if (!s->smtp.authenticated || limit->most == 0 || s->content.printing)
		return SMTP_ACCEPT;
	r = count_user(s, what, limit);
	if (r < 0 && !s->uncounted)
		log_text(LOG_LEVEL_ERROR, "cannot count the mail of a user: %s; %s does not hold "
		    "now (tmp/" QUEUE_LOGINS " of the queue may be deleted)", strerror(-r),
		    names[what]);
	s->uncounted |= r < 0;
	if (r == QUOTA_PASSED_NOW)
		record_quota(s, names[what]);
	if (r < 0 || r == QUOTA_FREE)
		return SMTP_ACCEPT;
	return what == QUOTA_RATE ? SMTP_REFUSE_RATE : SMTP_REFUSE_QUOTA;
}

static enum smtp_verdict
check_recipient(struct session *s)
{
	const char *rates = s->config->server.user_rate;
	const struct rate_value rate = rates && s->smtp.authenticated ?
	    rate_of_user(slice_str(rates), s->auth.user) : (struct rate_value){ 0 };
	const struct quota_limit hour = { s->config->server.user_recipients, QUOTA_HOUR_S },
				 own = { rate.n, (int64_t)(rate.ms + 999) / 1000 };
	enum smtp_verdict verdict;

	/* The shorter time comes first: a recipient that it refuses must not count in the longer
	 * one. */
	if (own.time_s < hour.time_s) {
		verdict = check_quota(s, QUOTA_RATE, &own);
		return verdict == SMTP_ACCEPT ? check_quota(s, QUOTA_RECIPIENTS, &hour) : verdict;
	}
	verdict = check_quota(s, QUOTA_RECIPIENTS, &hour);
	return verdict == SMTP_ACCEPT ? check_quota(s, QUOTA_RATE, &own) : verdict;
}

void
checks_unreadable(void)
{
	log_text(LOG_LEVEL_ERROR, "the list of senders, auth-senders or masquerade cannot be read: "
	    "see smtp-handler --check");
}

static enum smtp_verdict
check_sender(struct session *s)
{
	enum smtp_verdict verdict = SMTP_REFUSE_LOCAL;

	if (!s->server.submission ||
	    masquerade_find(s->config, s->server.hostname, &s->smtp.from, &s->smtp.from) >= 0) {
		const struct policy policy = session_policy(s);

		verdict = policy_sender(&policy, &s->smtp.from);
	}
	if (verdict == SMTP_REFUSE_LOCAL)
		checks_unreadable();
	return verdict;
}

enum smtp_verdict
checks_mail(struct session *s)
{
	enum smtp_verdict verdict = check_sender(s);

	if (verdict != SMTP_ACCEPT)
		return verdict;
	if (s->record.transactions >= s->config->server.max_messages) {
		s->end = "messages";
		return SMTP_REFUSE_MESSAGES;
	}
	verdict = checks_queue(s, content_room(s, s->smtp.declared_size));
	if (verdict != SMTP_ACCEPT)
		return verdict;
	return check_quota(s, QUOTA_MESSAGES,
	    &(struct quota_limit){ s->config->server.user_messages, QUOTA_HOUR_S });
}

/* The client gets 451 if it is not known whether the recipient exists; the operator gets a line. */
enum smtp_verdict
checks_rcpt(struct session *s, const struct smtp_path *to, struct slice *ret_why)
{
	const struct policy policy = session_policy(s);
	const enum smtp_verdict verdict = policy_recipient(&policy, to, ret_why);

	if (verdict == SMTP_REFUSE_LOCAL)
		log_text(LOG_LEVEL_ERROR, "%.*s", (int)ret_why->n, ret_why->p);
	if (verdict != SMTP_ACCEPT)
		return verdict;
	return check_recipient(s);
}
