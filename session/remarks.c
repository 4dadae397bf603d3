// SPDX-License-Identifier: ISC
/*
 * A remark never waits.  If the listener has gone or cannot keep up, the remark is lost, and the
 * session goes on.
 */
#include "session/remarks.h"

#include <sys/socket.h>

#include "base/clock.h"
#include "session/session.h"

#define IDLE_MS 1000

static void
send_remark(const struct session *s, const struct remark *remark)
{
	unsigned char octets[REMARK_OCTETS];

	if (s->remarks.fd < 0)
		return;
	remark_encode(remark, octets);
	(void)send(s->remarks.fd, octets, sizeof octets, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Does a rule for some clients hold for this one? */
static bool
holds_for(const struct session *s, enum config_clients whom)
{
	return whom == CLIENTS_ALL || (whom == CLIENTS_STRANGERS && !session_trusted(s));
}

static void
report_idle(void *ctx, bool idle)
{
	const struct session *s = ctx;
	const int64_t now_ms = clock_ms();
	const int64_t since_ms = s->remarks.since_ms ? s->remarks.since_ms : now_ms - IDLE_MS;
	const int64_t ms = now_ms - since_ms;
	struct remark remark = { .kind = idle ? REMARK_IDLE : REMARK_BUSY };

	if (!holds_for(s, s->config->server.end_idle))
		return;
	remark.ms = idle ? (uint32_t)(ms < INT32_MAX ? ms : INT32_MAX) : 0;
	send_remark(s, &remark);
}

void
remarks_begin(struct session *s, bool named)
{
	struct remark remark = { .kind = REMARK_ADDRESS, .address = s->peer.address };

	s->remarks = (struct remarks){ .fd = s->start->remark_fd, .since_ms = clock_ms() };
	if (s->remarks.fd < 0)
		return;
	if (named)
		send_remark(s, &remark);
	s->client.idle = (struct stream_idle){ IDLE_MS, report_idle, s };
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

	if (what == SMTP_NEXT_CHECK_MAIL)
		remarks_transaction_end(s, false);
	else if (what == SMTP_NEXT_CHECK_RCPT && reply->code == 250 && from->n == 0)
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
}

void
remarks_await_command(struct session *s)
{
	s->remarks.since_ms = s->remarks.fd < 0 ? 0 : clock_ms();
}

void
remarks_await_content(struct session *s)
{
	s->remarks.since_ms = 0;
}
