// SPDX-License-Identifier: ISC
/*
 * Puts together what the session knows and what the queue wants to know.  Decides nothing and answers
 * nothing: errors go back as -errno.  Called by smtp-handler.c.
 */
#include "session/content.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "session/confine.h"
#include "message/trace.h"

void
content_init(struct content *m, const struct config *config, const struct peer *peer,
    const struct server_session *session, const struct tls_facts *tls, int print_fd)
{
	m->config = config;
	m->peer = peer;
	m->session = session;
	m->tls = tls;
	m->begun = false;
	m->printing = print_fd >= 0;
	print_init(&m->print, print_fd);
}

int
content_room(struct content *m, uint64_t size)
{
	const uint64_t min_free = m->config->queue.min_free;
	int64_t space;
	int r;

	if (m->printing)
		return 0;
	r = confine_queue(&m->queue);
	if (r < 0)
		return r;
	space = queue_free_space(&m->queue);
	if (space < 0)
		return (int)space;
	return (uint64_t)space < min_free || (uint64_t)space - min_free < size ? -ENOSPC : 0;
}

void
content_begin(struct content *m)
{
	const struct server_session *s = m->session;

	content_drop(m);
	if (m->printing)
		queue_begin_memory(&m->queued);
	else
		queue_begin(&m->queued);
	m->begun = true;
	queue_field(&m->queued, "client", slice_str(m->peer->text));
	queue_field(&m->queued, "helo", buf_slice(&s->helo));
	queue_field(&m->queued, "protocol", server_protocol(s));
	queue_from(&m->queued, smtp_path_text(&s->from), buf_slice(&s->params));
	if (!m->printing)
		return;
	print_begin(&m->print);
	print_line(&m->print, "Peer: ", slice_str(m->peer->text));
	print_path(&m->print, "MAIL FROM:", smtp_path_text(&s->from), buf_slice(&s->params));
}

/* The session has counted this one already. */
void
content_rcpt(struct content *m)
{
	const struct server_session *s = m->session;

	if (s->recipients == 1)
		m->recipient = s->rcpt;
	queue_rcpt(&m->queue, &m->queued, smtp_path_text(&s->rcpt), buf_slice(&s->params));
	if (m->printing)
		print_path(&m->print, "RCPT TO:", smtp_path_text(&s->rcpt), buf_slice(&s->params));
}

/* As submit.c has made it; only its header is longer than what came. */
static void
put_submitted(void *ctx, struct slice octets)
{
	struct content *m = ctx;

	if (!m->submit.passing)
		smtp_data_note(&m->stored, octets, false);
	if (m->error == 0)
		m->error = queue_content(&m->queued, octets);
}

static void
put_stored(void *ctx, struct slice octets)
{
	struct content *m = ctx;

	if (m->error == 0)
		m->error = queue_content(&m->queued, octets);
}

/* Results that bear our name are ours or those of who hands us mail on our behalf. */
static bool
from_outside(const struct server_session *s)
{
	return !s->server->trusted && !s->server->lmtp && !s->authenticated;
}

int
content_open(struct content *m)
{
	const struct server_session *s = m->session;
	const struct trace trace = {
		.helo = buf_slice(&s->helo),
		.peer = m->peer,
		.hostname = s->server->hostname,
		.protocol = server_protocol(s),
		.id = content_id(m),
		.recipient = s->recipients == 1 ? &m->recipient : NULL,
		.time_s = clock_wall_s(),
		.tls = m->tls,
	};
	char space[TRACE_MAX];
	struct buf received = BUF(space);
	const int r = queue_head_end(&m->queue, &m->queued);

	m->error = 0;
	smtp_data_init(&m->data, SMTP_CRLF);
	smtp_data_init(&m->stored, SMTP_CRLF);
	submission_begin(&m->submit, s->server->hostname, content_id(m), trace.time_s, put_submitted, m);
	results_begin(&m->authres, s->server->hostname, put_stored, m);
	if (r < 0)
		return r;
	trace_received(&received, &trace);
	return received.full ? -EMSGSIZE : queue_content(&m->queued, buf_slice(&received));
}

void
content_fail(struct content *m, int error)
{
	m->error = error;
	content_drop(m);
}

static void
add_content(struct content *m, struct slice content)
{
	int error = m->error;

	if (error == 0 && m->data.octets > m->config->server.max_message_size)
		error = -EFBIG;
	if (error == 0 && m->session->server->submission)
		submission_content(&m->submit, content);
	else if (error == 0 && from_outside(m->session))
		results_content(&m->authres, content);
	else if (error == 0)
		put_stored(m, content);
	if (error == 0)
		error = m->error;
	if (error != 0)
		content_fail(m, error);
}

int
content_receive(struct content *m, struct stream *client, enum smtp_newlines newlines, int timeout_ms)
{
	struct smtp_data *d = &m->data;

	d->newlines = newlines;
	for (;;) {
		struct slice in = stream_pending(client);
		size_t used = 0, n;

		if (in.n > CONTENT_CHUNK)
			in.n = CONTENT_CHUNK;
		n = smtp_data_decode(d, in, m->decoded, &used);
		stream_consume(client, used);
		add_content(m, slice_of(m->decoded, n));
		if (d->done || d->bare)
			return 1;
		if (used == 0) {
			const ssize_t r = stream_fill(client, timeout_ms);

			if (r <= 0)
				return (int)r;
		}
	}
}

int
content_chunk(struct content *m, struct stream *client, uint64_t octets, bool last, int timeout_ms)
{
	while (octets) {
		struct slice in = stream_pending(client);

		if (in.n == 0) {
			/* The replies to MAIL and RCPT may still wait, and the client for them. */
			ssize_t r = stream_flush(client, timeout_ms);

			if (r == 0)
				r = stream_fill(client, timeout_ms);
			if (r <= 0)
				return (int)r;
			continue;
		}
		if (in.n > octets)
			in.n = (size_t)octets;
		smtp_data_note(&m->data, in, false);
		add_content(m, in);
		stream_consume(client, in.n);
		octets -= in.n;
	}
	smtp_data_note(&m->data, SL(""), last);
	return 1;
}

static int
commit(struct content *m)
{
	const struct smtp_data *d = &m->data, *stored = &m->stored;
	const bool received_utf8 = m->session->recipients == 1 && m->recipient.utf8;
	/* But for that the Received field is ASCII, has no dot in front and no long line: d speaks for all. */
	const struct queue_facts facts = {
		.eight_bit = d->eight_bit || received_utf8,
		.utf8_header = d->header_eight_bit || m->session->utf8,
		.dot_line = d->dot_line,
		.binary = d->binary,
		.no_final_crlf = !d->line_start,
		.longest_line = d->longest_line > stored->longest_line ? d->longest_line : stored->longest_line,
	};
	int fd, r;

	if (m->error)
		return m->error;
	m->begun = false;
	r = queue_commit(&m->queue, &m->queued, &facts);
	if (r < 0 || !m->printing)
		return r;
	fd = queue_take_memory(&m->queued);
	if (fd < 0)
		return fd;
	r = print_message(&m->print, fd, (off_t)m->queued.envelope);
	(void)close(fd);
	return r;
}

int
content_commit(struct content *m)
{
	if (m->error == 0 && m->session->server->submission)
		submission_end(&m->submit);
	else if (m->error == 0 && from_outside(m->session))
		results_end(&m->authres);
	return commit(m);
}

void
content_drop(struct content *m)
{
	if (m->begun)
		queue_abort(&m->queue, &m->queued);
	m->begun = false;
	print_drop(&m->print);
}
