// SPDX-License-Identifier: ISC
/*
 * From the facts of the session to what the queue has to be given.  Errors are -errno: nothing is
 * logged here, and no reply is worded.
 */
#include "session/content.h"

#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "message/trace.h"
#include "queue/lease.h"
#include "session/confine.h"
#include "session/session.h"

#define RECEIVED_MAX 100	/* more fields mean a loop (RFC 5321 section 6.3) */

/* Octets that are stored between two looks at the free space. */
#define ROOM_STEP 262144

void
content_init(struct content *c, int print_fd)
{
	c->begun = c->elsewhere = false;
	c->printing = print_fd >= 0;
	print_init(&c->print, print_fd);
}

/* Is there room for `size` octets besides the reserve?  0, -ENOSPC or -errno. */
static int
check_room(const struct session *s, uint64_t size)
{
	const uint64_t min_free = s->config->queue.min_free;
	const int64_t space = queue_free_space(&s->content.queue);

	if (space < 0)
		return (int)space;
	return (uint64_t)space < min_free || (uint64_t)space - min_free < size ? -ENOSPC : 0;
}

int
content_find_queue(struct content *c)
{
	int r = confine_queue(&c->queue);

	if (r == 0)
		r = queue_lease_check(&c->queue);
	c->elsewhere = r == -EREMOTE;
	return r;
}

int
content_room(struct session *s, uint64_t size)
{
	struct content *c = &s->content;
	int r;

	if (c->printing)
		return 0;
	r = content_find_queue(c);
	return r < 0 ? r : check_room(s, size);
}

void
content_begin(struct session *s)
{
	struct content *c = &s->content;
	const struct slice from = smtp_path_text(&s->smtp.from);
	const struct slice params = buf_slice(&s->smtp.params);
	const struct policy policy = session_policy(s);

	content_drop(c);
	if (c->printing)
		queue_begin_memory(&c->queued);
	else
		queue_begin(&c->queued);
	if (s->config->server.milter)
		queue_keep_editable(&c->queued);
	c->begun = true;
	queue_field(&c->queued, "client", slice_str(s->peer.text));
	queue_field(&c->queued, "helo", buf_slice(&s->smtp.helo));
	queue_field(&c->queued, "protocol", server_protocol(&s->smtp));
	queue_standing(&c->queued, policy_standing(&policy), policy.user);
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
		smtp_path_copy(&c->recipient, &s->smtp.rcpt);
	queue_rcpt(&c->queue, &c->queued, to, params);
	if (c->printing)
		print_path(&c->print, "RCPT TO:", to, params);
}

/* The end of the chain: here the content is as deliveries will find it.  Messages that are received
 * at a time have found the same room, so each looks again as it grows. */
static void
put_stored(void *ctx, struct slice octets)
{
	struct session *s = ctx;
	struct content *c = &s->content;

	facts_content(&c->facts, octets);
	c->unchecked += octets.n;
	if (c->error == 0 && c->unchecked >= ROOM_STEP && !c->printing) {
		c->unchecked = 0;
		c->error = check_room(s, ROOM_STEP);
	}
	if (c->error == 0)
		c->error = queue_content(&c->queued, octets);
}

int
content_open(struct session *s)
{
	struct content *c = &s->content;
	const struct trace trace = {
		.helo = buf_slice(&s->smtp.helo),
		.peer = &s->peer,
		.name = smtp_xclient_text(&s->smtp.xclient, SMTP_XCLIENT_NAME),
		.hostname = s->server.hostname,
		.protocol = server_protocol(&s->smtp),
		.id = content_id(c),
		.recipient = s->smtp.recipients == 1 ? &c->recipient : NULL,
		.time_s = clock_wall_s(),
		.tls = &s->tls,
	};
	char space[TRACE_MAX];
	struct buf received = BUF(space);
	const int r = queue_head_end(&c->queue, &c->queued, filters_room(s));

	c->error = 0;
	c->senders_unread = false;
	c->octets = c->unchecked = 0;
	smtp_data_init(&c->data, s->newlines);
	facts_begin(&c->facts);
	filters_begin(s, put_stored);
	if (r < 0)
		return r;
	trace_received(&received, &trace);
	return received.full ? -EMSGSIZE : queue_content(&c->queued, buf_slice(&received));
}

void
content_again(struct session *s)
{
	facts_begin(&s->content.facts);
}

void
content_new_header(struct session *s, struct slice header)
{
	facts_new_header(&s->content.facts, header);
}

int
content_store(struct session *s, struct slice octets)
{
	put_stored(s, octets);
	return s->content.error;
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

	c->octets += octets.n;
	if (c->error == 0 && c->octets > s->config->server.max_message_size)
		c->error = -EFBIG;
	else if (c->error == 0)
		filters_put(s, octets);
	if (c->error != 0)
		content_fail(c, c->error);
}

static void
end_content(struct session *s)
{
	if (s->content.error == 0)
		filters_end(s);
	facts_end(&s->content.facts);
}

/* More octets from the client.  It may be waiting for the replies to MAIL and RCPT, so these go
 * out first. */
static ssize_t
fetch_octets(struct session *s)
{
	const int r = stream_flush(&s->client, s->timeout_ms);

	return r < 0 ? r : stream_fill(&s->client, s->timeout_ms);
}

int
content_receive(struct session *s)
{
	struct content *c = &s->content;
	struct smtp_data *d = &c->data;

	for (;;) {
		struct slice in = stream_pending(&s->client);
		size_t used = 0, n;

		if (in.n > CONTENT_CHUNK)
			in.n = CONTENT_CHUNK;
		n = smtp_data_decode(d, in, c->decoded, &used);
		stream_consume(&s->client, used);
		add_content(s, slice_of(c->decoded, n));
		if (d->done)
			end_content(s);
		if (d->done || d->bare)
			return 1;
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
			const ssize_t r = fetch_octets(s);

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
	const int r = each_octet(s, add_content);

	if (r > 0 && s->smtp.chunk_last)
		end_content(s);
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
	const struct content *c = &s->content;

	const bool bare = c->data.bare || c->filters.mend.bare || c->facts.bare;

	if (bare && s->smtp.body != SMTP_BODY_BINARYMIME)
		return SMTP_DATA_BARE;
	if (c->octets > s->config->server.max_message_size)
		return SMTP_DATA_TOO_BIG;
	if (c->facts.received >= RECEIVED_MAX)
		return SMTP_DATA_LOOP;
	return SMTP_DATA_QUEUED;
}

/* Our Received field adds to the facts only if a recipient in it is not ASCII. */
static struct queue_facts
facts_of(const struct session *s)
{
	const struct facts *f = &s->content.facts;
	const bool received_utf8 = s->smtp.recipients == 1 && s->content.recipient.utf8;

	return (struct queue_facts){
		.eight_bit = f->eight_bit || received_utf8,
		.utf8_header = f->header_eight_bit || received_utf8,
		.dot_line = f->dot_line,
		/* Also after DATA: a server that drops NUL takes CRLF NUL . CRLF for the end. */
		.binary = facts_binary(f),
		.no_final_crlf = !f->line_start,
		.longest_line = f->longest_line,
	};
}

static int
print_queued(struct content *c)
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
	const struct queue_facts facts = facts_of(s);
	int r;

	if (c->error)
		return c->error;
	c->begun = false;
	r = queue_commit(&c->queue, &c->queued, &facts);
	c->elsewhere = r == -EREMOTE;
	return r < 0 || !c->printing ? r : print_queued(c);
}

void
content_drop(struct content *c)
{
	if (c->begun)
		queue_abort(&c->queue, &c->queued);
	c->begun = false;
	print_drop(&c->print);
}
