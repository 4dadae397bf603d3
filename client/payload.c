// SPDX-License-Identifier: ISC
/*
 * The content of a message on its way out: straight from the file where nothing has to change, through the encoder
 * where it has (RFC 5321 section 4.1.1.4, 4.5.2), or counted, as BDAT wants it (RFC 3030).  The last octets are left to leave
 * in one write with what follows them, a dot or the next message's commands: on its own that would cost a segment.
 * Called by client/transaction_content only.
 */
#include "client/payload.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/data.h"

#define TAIL   8192		/* of the content, sent together with what follows */
#define BLOCK  8192
#define LEAST_OCTETS_MS 1	/* octets a millisecond: slower than a 9600 baud line is not worth a worker */

static_assert(TAIL + 3 <= STREAM_OUT, "tail and dot must fit in one write");

void
payload_init(struct payload *p, const struct queue_entry *e)
{
	p->fd = e->fd;
	p->at = e->content_at;
	p->size = e->content_size;
	p->facts = e->facts;
	p->stubborn = NULL;
}

enum smtp_body
payload_body(const struct payload *p)
{
	if (p->facts.binary)
		return SMTP_BODY_BINARYMIME;
	return p->facts.eight_bit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
}

/* Text that does not end in a line end gets one; what is binary is nobody's to complete. */
static bool
add_crlf(const struct payload *p)
{
	return p->facts.no_final_crlf && !p->facts.binary && p->size;
}

uint64_t
payload_chunk_size(const struct payload *p)
{
	return p->size + (add_crlf(p) ? 2 : 0);
}

/* All n octets at `at`; a file that ends early is damaged, and that is ours. */
static int
read_block(const struct payload *p, uint64_t at, char *to, size_t n)
{
	while (n) {
		ssize_t got = pread(p->fd, to, n, (off_t)(p->at + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -EIO;
		to += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return 0;
}

static int
send_plain(struct smtp_link *l, const struct payload *p, int timeout_ms)
{
	uint64_t tail = p->size < TAIL ? p->size : TAIL;
	char block[TAIL];
	int r = 0;

	if (p->size > tail)
		r = stream_sendfile(&l->stream, p->fd, (off_t)p->at, p->size - tail, timeout_ms);
	if (r == 0)
		r = read_block(p, p->size - tail, block, (size_t)tail);
	if (r == 0)
		r = stream_write(&l->stream, slice_of(block, (size_t)tail), timeout_ms);
	return r;
}

static int
send_encoded(struct smtp_link *l, const struct payload *p, int timeout_ms)
{
	char block[BLOCK], out[2 * BLOCK + 2];
	unsigned state = 0;
	uint64_t at = 0;
	int r = 0;

	do {
		uint64_t rest = p->size - at;
		size_t n = rest < BLOCK ? (size_t)rest : BLOCK;

		r = read_block(p, at, block, n);
		if (r < 0)
			break;
		at += n;
		n = smtp_data_encode(&state, slice_of(block, n), at == p->size, out);
		r = stream_write(&l->stream, slice_of(out, n), timeout_ms);
	} while (r == 0 && at < p->size);
	return r;
}

static int
send_all(struct smtp_link *l, const struct payload *p, bool encode, struct slice end)
{
	int timeout_ms = link_timeout(l->config->relay.block_timeout_ms), r;

	l->stream.deadline_ms = clock_ms() + timeout_ms + (int64_t)(p->size / LEAST_OCTETS_MS);
	r = encode ? send_encoded(l, p, timeout_ms) : send_plain(l, p, timeout_ms);
	if (r == 0)
		r = stream_write(&l->stream, end, timeout_ms);
	l->stream.deadline_ms = 0;
	if (r < 0)
		l->closed = true;
	return r;
}

int
payload_send_data(struct smtp_link *l, const struct payload *p)
{
	bool encode = p->facts.dot_line || p->facts.no_final_crlf || p->facts.binary;

	return send_all(l, p, encode, SL(".\r\n"));
}

int
payload_send_chunk(struct smtp_link *l, const struct payload *p)
{
	return send_all(l, p, false, add_crlf(p) ? SL("\r\n") : SL(""));
}
