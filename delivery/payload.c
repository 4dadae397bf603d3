// SPDX-License-Identifier: ISC
/*
 * The message on its way through DATA (RFC 5321 section 4.1.1.4, 4.5.2): straight from the file
 * where nothing has to change, through the encoder where it has.  The last octets and the
 * final dot leave in one write: a dot on its own would cost a segment, and with Nagle a round trip.
 * Called by delivery/transaction only.
 */
#include "delivery/transaction.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/data.h"

#define TAIL   8192		/* of the content, sent together with the dot */
#define BLOCK  8192
#define LEAST_OCTETS_MS 1	/* octets a millisecond: slower than a 9600 baud line is not worth a worker */

static_assert(TAIL + 3 <= STREAM_OUT, "tail and dot must fit in one write");

/* All n octets at `at`; a file that ends early is damaged, and that is ours. */
static int
read_block(const struct queue_entry *e, uint64_t at, char *p, size_t n)
{
	while (n) {
		ssize_t got = pread(e->fd, p, n, (off_t)(e->content_at + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		p += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

static int
send_plain(struct smtp_link *l, const struct queue_entry *e, int timeout_ms)
{
	uint64_t tail = e->content_size < TAIL ? e->content_size : TAIL;
	char block[TAIL];
	int r = 0;

	if (e->content_size > tail)
		r = stream_sendfile(&l->stream, e->fd, (off_t)e->content_at, e->content_size - tail, timeout_ms);
	if (r == 0)
		r = read_block(e, e->content_size - tail, block, (size_t)tail);
	if (r == 0)
		r = stream_write(&l->stream, slice_of(block, (size_t)tail), timeout_ms);
	return r;
}

static int
send_encoded(struct smtp_link *l, const struct queue_entry *e, int timeout_ms)
{
	char block[BLOCK], out[2 * BLOCK + 2];
	unsigned state = 0;
	uint64_t at = 0;
	int r = 0;

	do {
		uint64_t rest = e->content_size - at;
		size_t n = rest < BLOCK ? (size_t)rest : BLOCK;

		r = read_block(e, at, block, n);
		if (r < 0)
			break;
		at += n;
		n = smtp_data_encode(&state, slice_of(block, n), at == e->content_size, out);
		r = stream_write(&l->stream, slice_of(out, n), timeout_ms);
	} while (r == 0 && at < e->content_size);
	return r;
}

int
payload_send(struct smtp_link *l, const struct queue_entry *e)
{
	int timeout_ms = link_timeout(l->config->relay.block_timeout_ms), r;
	bool encode = e->facts.dot_line || e->facts.no_final_crlf || e->facts.binary;

	l->stream.deadline_ms = clock_ms() + timeout_ms + (int64_t)(e->content_size / LEAST_OCTETS_MS);
	r = encode ? send_encoded(l, e, timeout_ms) : send_plain(l, e, timeout_ms);
	if (r == 0)
		r = stream_write(&l->stream, SL(".\r\n"), timeout_ms);
	if (r == 0)
		r = stream_flush(&l->stream, timeout_ms);
	l->stream.deadline_ms = 0;
	if (r < 0)
		l->closed = true;
	return r;
}
