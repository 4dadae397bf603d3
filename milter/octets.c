// SPDX-License-Identifier: ISC
/*
 * Numbers have four octets, the highest one first.
 */
#include "milter/octets.h"

bool
milter_take_number(struct slice *s, uint32_t *ret)
{
	uint32_t v = 0;

	if (s->n < 4)
		return false;
	for (int i = 0; i < 4; i++)
		v = v << 8 | (unsigned char)s->p[i];
	*s = slice_skip(*s, 4);
	*ret = v;
	return true;
}

bool
milter_take_string(struct slice *s, struct slice *ret)
{
	const char *end = s->n ? memchr(s->p, '\0', s->n) : NULL;

	if (!end)
		return false;
	*ret = slice_of(s->p, (size_t)(end - s->p));
	*s = slice_skip(*s, ret->n + 1);
	return true;
}

/* Copy octets until the packet has n. */
static bool
fill_up(char *packet, size_t *got, struct slice *in, size_t n)
{
	size_t more = n - *got;

	if (more > in->n)
		more = in->n;
	memcpy(packet + *got, in->p, more);
	*got += more;
	*in = slice_skip(*in, more);
	return *got == n;
}

int
milter_collect(char *packet, size_t max, size_t *got, struct slice *in)
{
	struct slice length = slice_of(packet, 4);
	uint32_t n = 0;

	if (in->n == 0 || (*got < 4 && !fill_up(packet, got, in, 4)))
		return 0;
	(void)milter_take_number(&length, &n);
	if (n == 0 || n > max)
		return -1;
	return in->n && fill_up(packet, got, in, 4 + (size_t)n) ? 1 : 0;
}

void
milter_put_number(struct buf *b, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_chr(b, (char)(v >> shift & 0xff));
}

size_t
milter_open_packet(struct buf *out, char command)
{
	const size_t place = out->n;

	milter_put_number(out, 0);
	buf_chr(out, command);
	return place;
}
