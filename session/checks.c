// SPDX-License-Identifier: ISC
/*
 * The policy, the room of the queue, and what an authenticated user may send in an hour.
 */
#include "session/checks.h"

#include <errno.h>

#include "base/clock.h"
#include "base/log.h"
#include "session/quota.h"
#include "session/session.h"

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

/* Has an authenticated user had enough for this hour? */
static enum smtp_verdict
check_quota(struct session *s, enum quota_what what, uint64_t most)
{
	const int counts = logins_counts();
	int r;

	if (!s->smtp.authenticated || most == 0 || s->content.printing)
		return SMTP_ACCEPT;
	r = quota_take(counts, s->auth.user, what, most, clock_wall_s());
	if (r < 0)
		return checks_queue(s, r);
	if (r == QUOTA_PASSED_NOW)
		record_quota(s, what == QUOTA_MESSAGES ? "user-messages" : "user-recipients");
	return r == QUOTA_FREE ? SMTP_ACCEPT : SMTP_REFUSE_QUOTA;
}

enum smtp_verdict
checks_mail(struct session *s)
{
	const struct policy policy = session_policy(s);
	enum smtp_verdict verdict = policy_sender(&policy, &s->smtp.from);

	if (verdict == SMTP_REFUSE_LOCAL)
		log_text(LOG_LEVEL_ERROR, "the list of senders or auth-senders cannot be read: "
		    "see smtp-handler --check");
	if (verdict != SMTP_ACCEPT)
		return verdict;
	if (s->record.transactions >= s->config->server.max_messages) {
		s->end = "messages";
		return SMTP_REFUSE_MESSAGES;
	}
	verdict = checks_queue(s, content_room(s, s->smtp.declared_size));
	if (verdict != SMTP_ACCEPT)
		return verdict;
	return check_quota(s, QUOTA_MESSAGES, s->config->server.user_messages);
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
	return check_quota(s, QUOTA_RECIPIENTS, s->config->server.user_recipients);
}
