// SPDX-License-Identifier: ISC
/*
 * Output of text from strangers.  An address, a reply or a message may hold escape sequences, which
 * a terminal would obey.  Therefore every octet of output passes through these functions.
 */
#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"

#define UTF8_MAX  4
#define PRINT_MAX 8192		/* octets of one text_print() */

static bool utf8;

void
text_init(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };
	const char *locale = NULL;

	for (size_t i = 0; !(locale && *locale) && i < sizeof names / sizeof names[0]; i++)
		locale = getenv(names[i]);
	utf8 = false;
	for (; locale && *locale; locale++)
		utf8 |= slice_has_iprefix(slice_str(locale), SL("utf-8")) ||
		    slice_has_iprefix(slice_str(locale), SL("utf8"));
}

/* The number of octets of the character at the start of s; 0 if it must not be shown. */
static size_t
shown_octets(struct slice s)
{
	size_t n = utf8_printable(s);

	return n > 1 && !utf8 ? 0 : n;
}

/* The usual number of columns of a character.  On a terminal that differs the table is crooked. */
static size_t
char_width(struct slice s)
{
	static const struct {
		uint32_t first, last;
		size_t width;
	} ranges[] = {
		{ 0x300, 0x36f, 0 }, { 0x1100, 0x115f, 2 }, { 0x1ab0, 0x1aff, 0 },
		{ 0x1dc0, 0x1dff, 0 }, { 0x20d0, 0x20ff, 0 }, { 0x2e80, 0x303e, 2 },
		{ 0x3041, 0xa4cf, 2 }, { 0xac00, 0xd7a3, 2 }, { 0xf900, 0xfaff, 2 },
		{ 0xfe00, 0xfe0f, 0 }, { 0xfe20, 0xfe2f, 0 }, { 0xfe30, 0xfe6f, 2 },
		{ 0xff00, 0xff60, 2 }, { 0xffe0, 0xffe6, 2 }, { 0x1f300, 0x1f64f, 2 },
		{ 0x1f900, 0x1f9ff, 2 }, { 0x20000, 0x3fffd, 2 },
	};
	uint32_t c = 0;

	(void)utf8_decode(s, &c);
	for (size_t i = 0; c >= ranges[0].first && i < sizeof ranges / sizeof ranges[0]; i++)
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].width;
	return 1;
}

/* Prints the first character of s, or '?' for an invalid octet; returns its columns. */
static size_t
take_char(struct slice *s, struct slice *ret)
{
	size_t n = shown_octets(*s), width = n ? char_width(slice_of(s->p, n)) : 1;

	*ret = n ? slice_of(s->p, n) : SL("?");
	*s = slice_skip(*s, n ? n : 1);
	return width;
}

static void
put_character(FILE *out, struct slice s)
{
	(void)fwrite(s.p, 1, s.n, out);
}

void
text_put(FILE *out, struct slice s)
{
	struct slice c;

	while (s.n) {
		(void)take_char(&s, &c);
		put_character(out, c);
	}
}

void
text_print(FILE *out, const char *format, ...)
{
	const size_t length = strlen(format);
	const bool line = length && format[length - 1] == '\n';
	char text[PRINT_MAX];
	struct slice s;
	va_list ap;

	va_start(ap, format);
	if (vsnprintf(text, sizeof text, format, ap) < 0)
		text[0] = '\0';
	va_end(ap);
	s = slice_str(text);
	if (line && s.n && s.p[s.n - 1] == '\n')
		s.n--;
	text_put(out, s);
	if (line)
		put_character(out, SL("\n"));
}

const char *
text_lost(FILE *out)
{
	errno = 0;
	if (fflush(out) == 0 && !ferror(out))
		return NULL;
	return errno ? strerror(errno) : "not all of it could be written";
}

size_t
text_width(struct slice s)
{
	struct slice c;
	size_t width = 0;

	while (s.n)
		width += take_char(&s, &c);
	return width;
}

void
text_column(FILE *out, struct slice s, size_t columns)
{
	struct slice c, rest = s;
	bool cut = text_width(s) > columns;
	size_t room = cut ? columns - 1 : columns, used = 0;

	if (columns == 0)
		return;
	while (rest.n) {
		size_t width = take_char(&rest, &c);

		if (used + width > room)
			break;
		put_character(out, c);
		used += width;
	}
	if (cut) {
		put_character(out, utf8 ? SL("\u2026") : SL("~"));
		used++;
	}
	for (; used < columns; used++)
		put_character(out, SL(" "));
}

size_t
text_lines(FILE *out, struct slice s, bool last)
{
	struct slice c;

	while (s.n) {
		if (!last && s.n < UTF8_MAX)
			return s.n;
		if (s.p[0] == '\n' || s.p[0] == '\t') {
			put_character(out, slice_of(s.p, 1));
			s = slice_skip(s, 1);
		} else if (s.n > 1 && s.p[0] == '\r' && s.p[1] == '\n') {
			s = slice_skip(s, 1);
		} else {
			(void)take_char(&s, &c);
			put_character(out, c);
		}
	}
	return 0;
}

size_t
text_clean(char *p, size_t n, bool last)
{
	for (size_t at = 0; at < n;) {
		const bool kept = p[at] == '\n' || p[at] == '\t';
		const size_t good = kept ? 1 : shown_octets(slice_of(p + at, n - at));

		if (good == 0 && !last && n - at < UTF8_MAX)
			return n - at;
		if (good == 0)
			p[at] = '?';
		at += good ? good : 1;
	}
	return 0;
}

void
json_string(FILE *out, struct slice s)
{
	put_character(out, SL("\""));
	while (s.n) {
		uint32_t c = 0xfffd;
		size_t n = utf8_decode(s, &c);

		/* Hidden characters and controls, all below U+FFFF, are kept as an escape. */
		if (utf8_printable(s) == 0)
			(void)fprintf(out, "\\u%04x", (unsigned)c);
		else if (c == '"' || c == '\\')
			(void)fprintf(out, "\\%c", (char)c);
		else
			put_character(out, slice_of(s.p, n));
		s = slice_skip(s, n ? n : 1);
	}
	put_character(out, SL("\""));
}

void
json_text(FILE *out, const char *key, struct slice value)
{
	(void)fprintf(out, ",\"%s\":", key);
	json_string(out, value);
}

void
json_number(FILE *out, const char *key, int64_t value)
{
	(void)fprintf(out, ",\"%s\":%lld", key, (long long)value);
}

void
json_time(FILE *out, const char *key, int64_t unix_s)
{
	char space[32];
	struct buf b = BUF(space);

	clock_stamp(&b, unix_s);
	json_text(out, key, buf_slice(&b));
}

void
text_octets(struct buf *b, uint64_t octets)
{
	static const char units[] = "KMGTPE";
	uint64_t tenths;
	size_t unit = 0;

	if (octets < 1000) {
		buf_uint(b, octets);
		return;
	}
	for (; octets >= 9995 * 1024 / 10; unit++)
		octets = octets / 1024 + (octets % 1024 > 0);
	/* Rounded up: one octet more than 1K is no longer 1K. */
	tenths = (octets * 10 + 1023) / 1024;
	buf_uint(b, tenths < 100 ? tenths / 10 : (tenths + 5) / 10);
	if (tenths < 100) {
		buf_chr(b, '.');
		buf_uint(b, tenths % 10);
	}
	buf_chr(b, units[unit]);
}

void
text_duration(struct buf *b, int64_t seconds)
{
	const uint64_t s = seconds > 0 ? (uint64_t)seconds : 0;

	buf_uint(b, s < 100 ? s : s < 100 * 60 ? s / 60 : s < 48 * 3600 ? s / 3600 : s / 86400);
	buf_chr(b, s < 100 ? 's' : s < 100 * 60 ? 'm' : s < 48 * 3600 ? 'h' : 'd');
}
