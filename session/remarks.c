// SPDX-License-Identifier: ISC
/*
 * A remark never waits.  If the listener has gone or cannot keep up, the remark is lost, and the
 * session goes on.  Only the name of a client has an answer: without it, a quick client would have
 * been served before the listener ends the session of one that has passed a limit.
 *
 * A client that keeps its session busy can keep others out.  So commands alone are no progress, and
 * neither is a transaction after one that was given up.
 */
#include "session/remarks.h"

#include <sys/socket.h>

#include "base/clock.h"
#include "session/session.h"
#include "session/signals.h"

#define IDLE_MS 1000
#define ADMISSION_MS 3000	/* a listener that is as slow as this admits everybody */

/* False: it is lost. */
static bool
pass_remark(const struct session *s, const struct remark *remark)
{
	unsigned char octets[REMARK_OCTETS];

	if (s->remarks.fd < 0)
		return true;
	remark_encode(remark, octets);
	return send(s->remarks.fd, octets, sizeof octets, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

static void
send_remark(const struct session *s, const struct remark *remark)
{
	(void)pass_remark(s, remark);
}

/* Does a rule for some clients hold for this one? */
static bool
holds_for(const struct session *s, enum config_clients whom)
{
	return whom == CLIENTS_ALL || (whom == CLIENTS_STRANGERS && !session_trusted(s));
}

/* The octets of the client that were taken off its input. */
static uint64_t
octets_taken(const struct session *s)
{
	return s->client.octets_in - stream_pending(&s->client).n;
}

/* Has content come at min-rate since the last progress? */
static bool
has_flowed(const struct session *s, int64_t ms)
{
	const struct remarks *r = &s->remarks;
	const uint64_t n = r->octets + (r->content ? s->client.octets_in - r->from : 0);

	return n && n >= s->config->server.min_rate * (uint64_t)ms / 1000;
}

/* No progress was seen for IDLE_MS, or more. */
static void
check_progress(void *ctx)
{
	struct session *s = ctx;
	struct remarks *r = &s->remarks;
	const int64_t now_ms = clock_ms(), ms = now_ms - r->progress_ms;

	if (has_flowed(s, ms)) {
		remarks_progress(s);
		return;
	}
	if (!r->idle && holds_for(s, s->config->server.end_idle)) {
		r->idle = true;
		send_remark(s, &(struct remark){ .kind = REMARK_IDLE,
		    .ms = (uint32_t)(ms < INT32_MAX ? ms : INT32_MAX) });
	}
	if (r->content)
		s->client.alarm.at_ms = now_ms + IDLE_MS;
}

void
remarks_progress(struct session *s)
{
	struct remarks *r = &s->remarks;

	if (r->fd < 0)
		return;
	if (r->idle)
		send_remark(s, &(struct remark){ .kind = REMARK_BUSY });
	r->idle = false;
	r->progress_ms = clock_ms();
	r->octets = 0;
	r->from = s->client.octets_in;
	s->client.alarm.at_ms = r->progress_ms + IDLE_MS;
}

void
remarks_accepted(struct session *s)
{
	s->remarks.abandoned = false;
	remarks_progress(s);
}

/* The process that goes on inside TLS learns of the client from the listener only.  Without that it
 * would take the proxy for the client, and give it the trust of the proxy. */
void
remarks_named(struct session *s)
{
	const struct remark remark = { .kind = REMARK_ADDRESS, .address = s->peer.address };

	signals_forget_admission();
	if (!pass_remark(s, &remark))
		s->starttls = s->server.starttls = SMTP_STARTTLS_OFF;
	else if (s->remarks.fd >= 0)
		signals_await_admission(s->client.wake_fd, ADMISSION_MS);
}

void
remarks_begin(struct session *s, bool named)
{
	s->remarks = (struct remarks){ .fd = s->start->remark_fd };
	if (s->remarks.fd < 0)
		return;
	if (named)
		remarks_named(s);
	s->client.alarm = (struct stream_alarm){ 0, check_progress, s };
	remarks_progress(s);
}

void
remarks_failed(const struct session *s, enum remark_kind kind)
{
	if (holds_for(s, s->config->server.limit_clients))
		send_remark(s, &(struct remark){ .kind = kind });
}

void
remarks_decided(struct session *s, enum smtp_next what, const struct smtp_path *from,
    const struct smtp_reply *reply)
{
	const bool asked = what == SMTP_NEXT_CHECK_RCPT || what == SMTP_NEXT_CHECK_VRFY;
	const bool moved = what == SMTP_NEXT_CHECK_MAIL || what == SMTP_NEXT_CHECK_RCPT;

	if (what == SMTP_NEXT_CHECK_MAIL)
		remarks_transaction_end(s, false);
	if (moved && reply->code == 250) {
		s->remarks.open = true;
		if (!s->remarks.abandoned)
			remarks_progress(s);
	}
	if (what == SMTP_NEXT_CHECK_RCPT && reply->code == 250 && from->n == 0)
		s->remarks.probing = true;
	/* The last reply to too many errors is 421. */
	if (asked && (reply->code >= 500 || reply->code == 421))
		remarks_failed(s, REMARK_RECIPIENT);
}

void
remarks_transaction_end(struct session *s, bool message)
{
	if (s->remarks.probing && !message)
		remarks_failed(s, REMARK_PROBE);
	s->remarks.probing = false;
	s->remarks.abandoned |= s->remarks.open;
	s->remarks.open = false;
}

void
remarks_await_command(struct session *s)
{
	struct remarks *r = &s->remarks;
	const uint64_t taken = octets_taken(s);

	/* Progress counts octets that are still unread. */
	if (r->content && taken > r->from)
		r->octets += taken - r->from;
	r->content = false;
}

void
remarks_await_content(struct session *s)
{
	struct remarks *r = &s->remarks;

	if (r->fd < 0)
		return;
	r->content = true;
	r->from = octets_taken(s);
	if (s->client.alarm.at_ms == 0)
		s->client.alarm.at_ms = clock_ms() + IDLE_MS;
}
