// SPDX-License-Identifier: ISC
/*
 * The content of a message on its way out.  A file range goes straight from the file if no octet
 * has to change.  Else all parts pass the encoder of DATA, as if they were one (RFC 5321 section
 * 4.5.2).  The last octets wait for the dot or the commands behind them: on their own they would
 * cost a segment.
 */
#include "client/payload.h"

#include <assert.h>
#include <errno.h>
#include <unistd.h>

#include "base/clock.h"
#include "smtp/data.h"

#define TAIL   8192		/* octets of the content that leave together with what follows */
#define BLOCK  8192
#define LEAST_OCTETS_MS 1	/* a slower peer than 9600 baud is not worth a worker */

static_assert(TAIL + 3 <= STREAM_OUT, "tail and dot must fit in one write");

void
payload_init(struct payload *p, const struct queue_facts *facts)
{
	*p = (struct payload){ .facts = *facts };
}

static void
add_part(struct payload *p, struct payload_part part)
{
	assert(p->nparts < PAYLOAD_PARTS);
	p->parts[p->nparts++] = part;
	p->size += part.size;
}

void
payload_add_octets(struct payload *p, struct slice octets)
{
	add_part(p, (struct payload_part){ .octets = octets.p, .fd = -1, .size = octets.n });
}

void
payload_add_file(struct payload *p, int fd, uint64_t at, uint64_t size)
{
	add_part(p, (struct payload_part){ .fd = fd, .at = at, .size = size });
}

enum smtp_body
payload_body(const struct payload *p)
{
	if (p->facts.binary)
		return SMTP_BODY_BINARYMIME;
	return p->facts.eight_bit ? SMTP_BODY_8BITMIME : SMTP_BODY_7BIT;
}

/* Text is completed.  Binary content must arrive unchanged. */
static struct slice
missing_end(const struct payload *p)
{
	return p->facts.no_final_crlf && !p->facts.binary && p->size ? SL("\r\n") : SL("");
}

uint64_t
payload_chunk_size(const struct payload *p)
{
	return p->size + missing_end(p).n;
}

/* All n octets at `at` of the part.  A file that ends early is damaged. */
static int
read_part(const struct payload_part *part, uint64_t at, char *to, size_t n)
{
	if (part->octets) {
		memcpy(to, part->octets + at, n);
		return 0;
	}
	while (n) {
		ssize_t got = pread(part->fd, to, n, (off_t)(part->at + at));

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

int
payload_read(const struct payload *p, uint64_t at, char *to, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && n && i < p->nparts; i++) {
		const struct payload_part *part = &p->parts[i];
		size_t here;

		if (at >= part->size) {
			at -= part->size;
			continue;
		}
		here = n < part->size - at ? n : (size_t)(part->size - at);
		r = read_part(part, at, to, here);
		to += here;
		n -= here;
		at = 0;
	}
	return r == 0 && n ? -EIO : r;
}

static int
send_part(struct smtp_link *l, const struct payload_part *part, int timeout_ms)
{
	const struct slice octets = slice_of(part->octets, (size_t)part->size);

	if (part->octets)
		return stream_write(&l->stream, octets, timeout_ms);
	return stream_sendfile(&l->stream, part->fd, (off_t)part->at, part->size, timeout_ms);
}

/* The first n octets of the payload, by sendfile(2) where they lie in a file. */
static int
send_head(struct smtp_link *l, const struct payload *p, uint64_t n, int timeout_ms)
{
	int r = 0;

	for (size_t i = 0; r == 0 && n && i < p->nparts; i++) {
		struct payload_part part = p->parts[i];

		if (part.size > n)
			part.size = n;
		r = send_part(l, &part, timeout_ms);
		n -= part.size;
	}
	return r;
}

static int
send_plain(struct smtp_link *l, const struct payload *p, int timeout_ms)
{
	const size_t tail = p->size < TAIL ? (size_t)p->size : TAIL;
	char block[TAIL];
	int r = send_head(l, p, p->size - tail, timeout_ms);

	if (r == 0)
		r = payload_read(p, p->size - tail, block, tail);
	if (r == 0)
		r = stream_write(&l->stream, slice_of(block, tail), timeout_ms);
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

		r = payload_read(p, at, block, n);
		if (r < 0)
			break;
		at += n;
		n = smtp_data_encode(&state, slice_of(block, n), at == p->size, out);
		r = stream_write(&l->stream, slice_of(out, n), timeout_ms);
	} while (r == 0 && at < p->size);
	return r;
}

/* All of p, then `end`, within a time that grows with the size. */
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
	const bool encode = p->facts.dot_line || p->facts.no_final_crlf || p->facts.binary;

	return send_all(l, p, encode, SL(".\r\n"));
}

int
payload_send_chunk(struct smtp_link *l, const struct payload *p)
{
	struct payload complete = *p;

	payload_add_octets(&complete, missing_end(p));
	return send_all(l, &complete, false, SL(""));
}
