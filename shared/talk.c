// SPDX-License-Identifier: ISC
/*
 * A frame: octet 0 is the kind, octets 4 to 7 the number, 8 to 31 three signed values, and the rest
 * is the text.  All numbers are in network order, and all other octets are zero.
 */
#include "shared/talk.h"

#include "shared/number.h"

#define AT_NUMBER 4
#define AT_VALUES 8
#define VALUES	  3
#define AT_TEXT	  32

static void
add_number(struct buf *b, size_t n, uint64_t v)
{
	unsigned char octets[8];

	number_put(octets, n, v);
	buf_add(b, slice_of((const char *)octets, n));
}

static uint64_t
number_at(struct slice octets, size_t at, size_t n)
{
	return number_take((const unsigned char *)octets.p + at, n);
}

void
talk_encode(const struct talk *t, struct buf *ret)
{
	const int64_t values[VALUES] = { t->since, t->grace_us, t->free_us };

	add_number(ret, AT_NUMBER, (uint64_t)t->kind << 24);
	add_number(ret, 4, t->number);
	for (size_t i = 0; i < VALUES; i++)
		add_number(ret, 8, (uint64_t)values[i]);
	buf_add(ret, t->text);
}

static bool
has_text(struct slice text, size_t most, bool lines)
{
	if (text.n == 0 || text.n > most || (lines && text.p[text.n - 1] != '\n'))
		return false;
	for (size_t i = 0; i < text.n; i++)
		if ((unsigned char)text.p[i] < ' ' && !(lines && text.p[i] == '\n'))
			return false;
	return true;
}

/* Does it have what its kind needs, and no more? */
static bool
fits_kind(const struct talk *t)
{
	const bool asks = t->kind == TALK_ASK;

	if (!asks && (t->grace_us || t->free_us))
		return false;
	if ((t->number != 0) != (asks || t->kind == TALK_GIVEN))
		return false;
	switch (t->kind) {
	case TALK_HELLO:
		return t->since >= 0 && t->text.n == 0;
	case TALK_ASK:
		return t->interval_us > 0 && t->grace_us >= 0 &&
		    has_text(t->text, TALK_NAME_MAX, false);
	case TALK_TELL:
		return t->since == 0 && has_text(t->text, TALK_FACT_MAX, false);
	case TALK_HERE:
	case TALK_AWAY:
		return t->since == 0 && t->text.n == 0;
	case TALK_GIVEN:
		return t->text.n == 0;
	case TALK_NEWS:
		return t->since >= 0 && has_text(t->text, TALK_TEXT_MAX, true);
	}
	return false;
}

bool
talk_parse(struct slice octets, struct talk *ret)
{
	struct talk t = { .text = slice_skip(octets, octets.n < AT_TEXT ? octets.n : AT_TEXT) };
	int64_t values[VALUES];

	if (octets.n < AT_TEXT || number_at(octets, 0, AT_NUMBER) & 0xffffff)
		return false;
	t.kind = (enum talk_kind)octets.p[0];
	t.number = (uint32_t)number_at(octets, AT_NUMBER, 4);
	for (size_t i = 0; i < VALUES; i++) {
		values[i] = (int64_t)number_at(octets, AT_VALUES + 8 * i, 8);
		if (values[i] > TALK_VALUE_MAX || values[i] < -TALK_VALUE_MAX)
			return false;
	}
	t.since = values[0];
	t.grace_us = values[1];
	t.free_us = values[2];
	if (!fits_kind(&t))
		return false;
	*ret = t;
	return true;
}
