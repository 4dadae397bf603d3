// SPDX-License-Identifier: ISC
/*
 * Limits against clients that hold a session for ever, on purpose or not.  The stream watches them.
 */
#include "session/limits.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "session/signals.h"

void
limits_session(struct stream *client, const struct config *config)
{
	client->deadline_ms = clock_ms() + (int64_t)config->server.session_timeout_ms;
}

/* The window is as long as a silence may be, so no client is cut off too early (RFC 5321 section
 * 4.5.3.2). */
void
limits_message(struct stream *client, const struct config *config)
{
	const uint64_t ms = config->server.timeout_ms;

	/* The command has been read already, so it is known whether the client has a socket. */
	if (config->server.min_rate == 0 || client->rfd_plain)
		return;
	stream_pace(client, (config->server.min_rate * ms + 999) / 1000,
	    (int)(ms < INT32_MAX ? ms : INT32_MAX));
}

void
limits_message_end(struct stream *client)
{
	stream_pace(client, 0, 0);
}

bool
limits_early(const struct stream *client)
{
	char octet;

	return stream_pending(client).n ||
	       recv(client->rfd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

const char *
limits_reason(const struct stream *client, int error)
{
	switch (error) {
	case 0:
		return "eof";
	case -ETIMEDOUT:
		if (client->deadline_ms && clock_left_ms(client->deadline_ms) == 0)
			return "session-timeout";
		return "timeout";
	case -ETIME:
		return "slow";
	case -EINTR:
		return signals_stop == SIGUSR1 ? "idle" :
		    signals_stop == SIGUSR2 ? "limited" : "shutdown";
	default:
		return NULL;
	}
}
