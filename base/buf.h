// SPDX-License-Identifier: ISC
/*
 * A buffer: bytes appended to an array of the caller.  Overflow sets `full`, which stays set and is
 * tested once, at the end.  A full buffer has lost bytes, so its content must not be used as a
 * whole.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdio.h>

#include "base/copy.h"
#include "base/slice.h"

struct buf {
	char *p;
	size_t n, cap;
	bool full;
};

#define BUF(array) { .p = (array), .cap = sizeof(array) }

static inline void
buf_add(struct buf *b, struct slice s)
{
	b->full |= s.n > b->cap - b->n;
	if (b->full || s.n == 0)
		return;
	copy_octets(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

static inline void
buf_str(struct buf *b, const char *s)
{
	buf_add(b, slice_str(s));
}

static inline void
buf_chr(struct buf *b, char c)
{
	b->full |= b->n == b->cap;
	if (!b->full)
		b->p[b->n++] = c;
}

static inline void
buf_uint(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t i = sizeof digits;

	do
		digits[--i] = (char)('0' + v % 10);
	while ((v /= 10) != 0);
	buf_add(b, slice_of(digits + i, sizeof digits - i));
}

/* The last n digits of v, at most 20, to the base 10 or 16. */
static inline void
buf_digits(struct buf *b, uint64_t v, unsigned base, size_t n)
{
	char digits[20];
	size_t i = n;

	for (; i > 0; v /= base)
		digits[--i] = "0123456789abcdef"[v % base];
	buf_add(b, slice_of(digits, n));
}

/* printf into the buffer.  It needs one spare byte for a NUL, which is not counted. */
__attribute__((format(printf, 2, 3))) static inline void
buf_fmt(struct buf *b, const char *format, ...)
{
	va_list ap;
	int n;

	if (b->full)
		return;
	va_start(ap, format);
	n = vsnprintf(b->p ? b->p + b->n : NULL, b->cap - b->n, format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= b->cap - b->n)
		b->full = true;
	else
		b->n += (size_t)n;
}

static inline struct slice
buf_slice(const struct buf *b)
{
	return slice_of(b->p, b->n);
}

/* The content as a C string.  If there is no room for the NUL, the last byte is lost and `full` is
 * set. */
static inline const char *
buf_cstr(struct buf *b)
{
	if (b->n == b->cap) {
		b->full = true;
		b->n--;
	}
	b->p[b->n] = '\0';
	return b->p;
}

#endif
