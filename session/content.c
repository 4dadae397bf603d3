// SPDX-License-Identifier: ISC
/*
 * From the facts of the session to what the queue has to be given.  Errors are -errno: nothing is
 * logged here, and no reply is worded.
 */
#include "session/session.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "message/trace.h"
#include "session/confine.h"

#define RECEIVED_MAX 100	/* more fields mean a loop (RFC 5321 section 6.3) */

void
content_init(struct content *c, int print_fd)
{
	c->begun = false;
	c->printing = print_fd >= 0;
	print_init(&c->print, print_fd);
}

int
content_room(struct session *s, uint64_t size)
{
	const uint64_t min_free = s->config->queue.min_free;
	struct content *c = &s->content;
	int64_t space;
	int r;

	if (c->printing)
		return 0;
	r = confine_queue(&c->queue);
	if (r < 0)
		return r;
	space = queue_free_space(&c->queue);
	if (space < 0)
		return (int)space;
	return (uint64_t)space < min_free || (uint64_t)space - min_free < size ? -ENOSPC : 0;
}

void
content_begin(struct session *s)
{
	struct content *c = &s->content;
	const struct slice from = smtp_path_text(&s->smtp.from);
	const struct slice params = buf_slice(&s->smtp.params);

	content_drop(c);
	if (c->printing)
		queue_begin_memory(&c->queued);
	else
		queue_begin(&c->queued);
	c->begun = true;
	queue_field(&c->queued, "client", slice_str(s->peer.text));
	queue_field(&c->queued, "helo", buf_slice(&s->smtp.helo));
	queue_field(&c->queued, "protocol", server_protocol(&s->smtp));
	queue_from(&c->queued, from, params);
	if (!c->printing)
		return;
	print_begin(&c->print);
	print_line(&c->print, "Peer: ", slice_str(s->peer.text));
	print_path(&c->print, "MAIL FROM:", from, params);
}

void
content_rcpt(struct session *s)
{
	struct content *c = &s->content;
	const struct slice to = smtp_path_text(&s->smtp.rcpt), params = buf_slice(&s->smtp.params);

	if (s->smtp.recipients == 1)	/* this one is counted already */
		c->recipient = s->smtp.rcpt;
	queue_rcpt(&c->queue, &c->queued, to, params);
	if (c->printing)
		print_path(&c->print, "RCPT TO:", to, params);
}

/* Only the header section of a submission gets longer than what came. */
static void
put_submitted(void *ctx, struct slice octets)
{
	struct content *c = ctx;

	if (!c->submit.passing)
		facts_content(&c->stored, octets);
	if (c->error == 0)
		c->error = queue_content(&c->queued, octets);
}

static void
put_stored(void *ctx, struct slice octets)
{
	struct content *c = ctx;

	if (c->error == 0)
		c->error = queue_content(&c->queued, octets);
}

/* Results that bear our name are ours, or those of a server that hands us mail on our behalf. */
static bool
from_outside(const struct session *s)
{
	return !session_trusted(s) && !s->server.lmtp;
}

int
content_open(struct session *s)
{
	struct content *c = &s->content;
	const struct trace trace = {
		.helo = buf_slice(&s->smtp.helo),
		.peer = &s->peer,
		.hostname = s->server.hostname,
		.protocol = server_protocol(&s->smtp),
		.id = content_id(c),
		.recipient = s->smtp.recipients == 1 ? &c->recipient : NULL,
		.time_s = clock_wall_s(),
		.tls = &s->tls,
	};
	char space[TRACE_MAX];
	struct buf received = BUF(space);
	const int r = queue_head_end(&c->queue, &c->queued, 0);

	c->error = 0;
	smtp_data_init(&c->data, SMTP_CRLF);
	facts_begin(&c->facts);
	facts_begin(&c->stored);
	c->chunked = false;
	submission_begin(&c->submit, s->server.hostname, content_id(c), trace.time_s, put_submitted, c);
	results_begin(&c->authres, s->server.hostname, put_stored, c);
	if (r < 0)
		return r;
	trace_received(&received, &trace);
	return received.full ? -EMSGSIZE : queue_content(&c->queued, buf_slice(&received));
}

void
content_fail(struct content *c, int error)
{
	c->error = error;
	content_drop(c);
}

static void
add_content(struct session *s, struct slice octets)
{
	struct content *c = &s->content;
	int error = c->error;

	facts_content(&c->facts, octets);
	if (error == 0 && c->facts.octets > s->config->server.max_message_size)
		error = -EFBIG;
	if (error == 0 && s->server.submission)
		submission_content(&c->submit, octets);
	else if (error == 0 && from_outside(s))
		results_content(&c->authres, octets);
	else if (error == 0)
		put_stored(c, octets);
	if (error == 0)
		error = c->error;
	if (error != 0)
		content_fail(c, error);
}

/* More octets from the client.  It may be waiting for the replies to MAIL and RCPT, so these go
 * out first. */
static ssize_t
fetch(struct session *s)
{
	const int r = stream_flush(&s->client, s->timeout_ms);

	return r < 0 ? r : stream_fill(&s->client, s->timeout_ms);
}

int
content_receive(struct session *s)
{
	struct content *c = &s->content;
	struct smtp_data *d = &c->data;

	d->newlines = s->newlines;
	for (;;) {
		struct slice in = stream_pending(&s->client);
		size_t used = 0, n;

		if (in.n > CONTENT_CHUNK)
			in.n = CONTENT_CHUNK;
		n = smtp_data_decode(d, in, c->decoded, &used);
		stream_consume(&s->client, used);
		add_content(s, slice_of(c->decoded, n));
		if (d->done || d->bare) {
			facts_end(&c->facts);
			return 1;
		}
		if (used == 0) {
			const ssize_t r = stream_fill(&s->client, s->timeout_ms);

			if (r <= 0)
				return (int)r;
		}
	}
}

/* The octets that a BDAT announced, piece by piece. */
static int
each_octet(struct session *s, void (*put)(struct session *s, struct slice octets))
{
	uint64_t left = s->smtp.chunk;

	while (left) {
		struct slice in = stream_pending(&s->client);

		if (in.n == 0) {
			const ssize_t r = fetch(s);

			if (r <= 0)
				return (int)r;
			continue;
		}
		if (in.n > left)
			in.n = (size_t)left;
		put(s, in);
		stream_consume(&s->client, in.n);
		left -= in.n;
	}
	return 1;
}

int
content_chunk(struct session *s)
{
	struct content *c = &s->content;
	const int r = each_octet(s, add_content);

	c->chunked = true;
	if (r > 0 && s->smtp.chunk_last)
		facts_end(&c->facts);
	return r;
}

static void
throw_away(struct session *s, struct slice octets)
{
	(void)s;
	(void)octets;
}

int
content_discard(struct session *s)
{
	return each_octet(s, throw_away);
}

enum smtp_data_result
content_check(const struct session *s)
{
	const struct facts *f = &s->content.facts;

	if (f->bare && s->smtp.body != SMTP_BODY_BINARYMIME)
		return SMTP_DATA_BARE;
	if (f->octets > s->config->server.max_message_size)
		return SMTP_DATA_TOO_BIG;
	if (f->received >= RECEIVED_MAX)
		return SMTP_DATA_LOOP;
	return SMTP_DATA_QUEUED;
}

/* The Received field is ASCII but for a recipient in it, begins with no dot, and has no long
 * line. */
static struct queue_facts
queue_facts(const struct session *s)
{
	const struct facts *f = &s->content.facts, *stored = &s->content.stored;
	const bool received_utf8 = s->smtp.recipients == 1 && s->content.recipient.utf8;

	return (struct queue_facts){
		.eight_bit = f->eight_bit || received_utf8,
		.utf8_header = f->header_eight_bit || s->smtp.utf8,
		.dot_line = f->dot_line,
		.binary = s->content.chunked && facts_binary(f),	/* DATA has carried it */
		.no_final_crlf = !f->line_start,
		.longest_line = f->longest_line > stored->longest_line ? f->longest_line
								       : stored->longest_line,
	};
}

static int
print(struct content *c)
{
	const int fd = queue_take_memory(&c->queued);
	int r;

	if (fd < 0)
		return fd;
	r = print_message(&c->print, fd, (off_t)c->queued.envelope);
	(void)close(fd);
	return r;
}

int
content_commit(struct session *s)
{
	struct content *c = &s->content;
	struct queue_facts known;
	int r;

	if (c->error == 0 && s->server.submission)
		submission_end(&c->submit);
	else if (c->error == 0 && from_outside(s))
		results_end(&c->authres);
	if (c->error)
		return c->error;
	c->begun = false;
	known = queue_facts(s);
	r = queue_commit(&c->queue, &c->queued, &known);
	return r < 0 || !c->printing ? r : print(c);
}

void
content_drop(struct content *c)
{
	if (c->begun)
		queue_abort(&c->queue, &c->queued);
	c->begun = false;
	print_drop(&c->print);
}
