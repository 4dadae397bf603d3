// SPDX-License-Identifier: ISC
/*
 * Each result is on a line of its own, and words that need it are quoted strings.
 */
#include "auth/result_field.h"

#define VALUE_MAX 300		/* the line stays below 998 octets (RFC 5322 section 2.1.1) */

void
result_begin(struct buf *b, struct slice hostname)
{
	buf_add(b, hostname);
}

void
result_method(struct buf *b, const char *method, const char *result)
{
	buf_str(b, ";\n\t");
	buf_str(b, method);
	buf_chr(b, '=');
	buf_str(b, result);
}

void
result_reason(struct buf *b, const char *why)
{
	if (!why)
		return;
	buf_str(b, " reason=\"");
	buf_str(b, why);
	buf_chr(b, '"');
}

/* Octets of a token (RFC 2045 section 5.1), and "@" between its parts. */
static bool
is_plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~' || strchr("()<>,;:\\\"/[]?=", s.p[i]))
			return false;
	return s.n > 0;
}

void
result_property(struct buf *b, const char *name, struct slice value)
{
	if (value.n > VALUE_MAX)
		value.n = VALUE_MAX;
	buf_chr(b, ' ');
	buf_str(b, name);
	buf_chr(b, '=');
	if (is_plain(value)) {
		buf_add(b, value);
		return;
	}
	buf_chr(b, '"');
	for (size_t i = 0; i < value.n; i++) {
		const char c = value.p[i];

		if (c == '"' || c == '\\')
			buf_chr(b, '\\');
		buf_chr(b, (unsigned char)c < ' ' || c == 0x7f ? '?' : c);
	}
	buf_chr(b, '"');
}

void
result_end(struct buf *b, bool any)
{
	if (!any)
		buf_str(b, "; none");
}
