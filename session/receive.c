// SPDX-License-Identifier: ISC
/*
 * The last steps of a message, and which reply they come to.  Nothing of it is held in memory but
 * one piece.  Called by smtp-handler.c.
 */
#include "session/receive.h"

#include <errno.h>

#define RECEIVED_MAX 100	/* RFC 5321 section 6.3: a loop, certainly */

enum smtp_verdict
receive_verdict(const struct config *config, int error)
{
	if (error == 0)
		return SMTP_ACCEPT;
	record_trouble(config->queue.directory, error);
	return error == -ENOSPC || error == -EDQUOT || error == -EFBIG ? SMTP_REFUSE_SPACE : SMTP_REFUSE_LOCAL;
}

static enum smtp_data_result
result_of(const struct content *m, int error)
{
	switch (receive_verdict(m->config, error)) {
	case SMTP_ACCEPT:
		return SMTP_DATA_QUEUED;
	case SMTP_REFUSE_SPACE:
		return SMTP_DATA_SPACE;
	default:
		return SMTP_DATA_LOCAL;
	}
}

/* What is wrong with the content so far. */
static enum smtp_data_result
check(const struct content *m)
{
	const struct smtp_data *d = &m->data;

	if (d->bare && m->session->body != SMTP_BODY_BINARYMIME)
		return SMTP_DATA_BARE;
	if (d->octets > m->config->server.max_message_size)
		return SMTP_DATA_TOO_BIG;
	if (d->received >= RECEIVED_MAX)
		return SMTP_DATA_LOOP;
	return SMTP_DATA_QUEUED;
}

static void
record(const struct receive *r, enum smtp_data_result result, const struct smtp_reply *reply)
{
	record_message(r->record, content_id(r->message), r->message->data.octets, result, reply);
}

int
receive_data(const struct receive *r, struct smtp_reply *ret, unsigned *ret_times)
{
	struct content *m = r->message;
	enum smtp_data_result result;
	const int got = content_receive(m, r->client, r->newlines, r->timeout_ms);

	if (got <= 0)
		return got;
	result = check(m);
	if (result == SMTP_DATA_QUEUED)
		result = result_of(m, content_commit(m));
	*ret_times = server_final_replies(r->session);
	*ret = server_end_of_data(r->session, result, content_id(m));
	record(r, result, ret);
	content_drop(m);
	return 1;
}

int
receive_chunk(const struct receive *r, struct smtp_reply *ret, unsigned *ret_times)
{
	struct server_session *s = r->session;
	struct content *m = r->message;
	const bool last = s->chunk_last;
	enum smtp_data_result result;
	int got, error = 0;

	if (s->state == SMTP_AT_RCPT) {		/* the first */
		error = content_open(m);
		if (error < 0)
			content_fail(m, error);
	}
	got = content_chunk(m, r->client, s->chunk, last, r->timeout_ms);
	if (got <= 0)
		return got;
	result = check(m);
	if (result == SMTP_DATA_QUEUED)
		result = result_of(m, last ? content_commit(m) : m->error);
	*ret_times = last ? server_final_replies(s) : 1;
	*ret = server_end_of_chunk(s, result, content_id(m));
	if (last || result != SMTP_DATA_QUEUED)
		record(r, result, ret);
	if (s->state != SMTP_AT_CHUNK)
		content_drop(m);
	return 1;
}

int
receive_discard(const struct receive *r)
{
	uint64_t octets = r->session->chunk;

	while (octets) {
		const size_t pending = stream_pending(r->client).n;
		const size_t n = pending < octets ? pending : (size_t)octets;

		if (pending == 0) {
			ssize_t got = stream_flush(r->client, r->timeout_ms);

			if (got == 0)
				got = stream_fill(r->client, r->timeout_ms);
			if (got <= 0)
				return (int)got;
		}
		stream_consume(r->client, n);
		octets -= n;
	}
	return 1;
}
