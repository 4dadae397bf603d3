// SPDX-License-Identifier: ISC
/*
 * Envelopes as a damaged disk may return them.  The size of the envelope in line 1 is corrected
 * first, so that the rest is parsed whatever its length.
 */
#include <stdlib.h>

#include "queue/format.h"
#include "tests/fuzz/fuzz.h"

static void
check(const struct queue_entry *e, struct slice text)
{
	for (size_t i = 0; i < e->nrcpts; i++) {
		const struct queue_rcpt *r = &e->rcpts[i];

		/* Every slice lies in the text, and the state octet begins a line. */
		if (r->path.n == 0 || r->path.p < text.p ||
		    r->params.p + r->params.n > text.p + text.n || r->domain.n >= r->path.n + 1 ||
		    r->at <= 0 || (size_t)r->at >= text.n || text.p[r->at - 1] != '\n')
			abort();
	}
}

/* Without the lines of some recipients, the others are as they were. */
static void
check_part(const struct queue_entry *e, struct slice text)
{
	const struct queue_lines lines = e->lines;
	struct buf b = { .p = malloc(text.n), .cap = text.n };
	uint32_t *at = calloc(e->nrcpts, sizeof *at);
	struct queue_part part = { .lines = lines, .at = at };
	struct queue_entry some = { .fd = -1 };

	if (!b.p || !at || lines.from == lines.to)
		goto out;
	buf_add(&b, slice_of(text.p, lines.from));
	for (size_t i = 0; i < e->nrcpts; i += 2) {
		const struct slice line = slice_skip(text, (size_t)e->rcpts[i].at);

		at[part.n++] = (uint32_t)e->rcpts[i].at;
		buf_add(&b, slice_of(line.p, (size_t)((const char *)memchr(line.p, '\n', line.n) -
		    line.p) + 1));
	}
	buf_add(&b, slice_skip(text, lines.to));
	if (queue_envelope_parse_part(buf_slice(&b), &part, &some) < 0 ||
	    some.nrcpts != part.n || some.others != (e->nrcpts > 1))
		abort();
	for (size_t i = 0; i < some.nrcpts; i++)
		if (some.rcpts[i].at != e->rcpts[2 * i].at ||
		    !slice_eq(some.rcpts[i].path, e->rcpts[2 * i].path))
			abort();
out:
	queue_unload(&some);
	free(at);
	free(b.p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct queue_entry e = { .fd = -1 };
	struct queue_fixed fixed;
	char *text = malloc(size + 1);
	struct slice s = slice_of(text, size);

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	if (size > QUEUE_FIXED && size < QUEUE_ENVELOPE_MAX) {
		struct buf b = {
			.p = text + sizeof "smtp-handler 1 size=" - 1, .cap = 16 + 10 + 8 + 1,
		};
		char next = text[b.p - text + 34];

		buf_fmt(&b, "%016zu envelope=%08zu", size + 1000, size);
		text[b.p - text + 34] = next;
	}
	if (size >= QUEUE_FIXED)
		(void)queue_fixed_parse(text, &fixed);
	if (queue_envelope_parse(s, &e) == 0) {
		check_part(&e, s);
		if (queue_drop_duplicates(&e) == 0)
			check(&e, s);
	}
	queue_unload(&e);
	free(text);
	return 0;
}
