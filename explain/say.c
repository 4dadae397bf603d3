// SPDX-License-Identifier: ISC
/*
 * One line or one object for each fact.
 */
#include "explain/say.h"

#include <stdarg.h>

#include "base/text.h"

#define LINE_MAX_OCTETS 4096

void
say_line(struct say *s, const char *key, const char *format, ...)
{
	char text[LINE_MAX_OCTETS];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	if (!s->json) {
		text_print(s->out, "%-12s%s\n", key ? key : "", text);
		return;
	}
	if (key)
		s->key = key;
	say_begin(s, s->key);
	json_text(s->out, "text", slice_str(text));
	say_end(s);
}

void
say_begin(struct say *s, const char *key)
{
	FILE *out = s->out;

	(void)fputs("{\"key\":", out);
	json_string(out, slice_str(key));
}

void
say_end(struct say *s)
{
	FILE *out = s->out;

	(void)fputs("}\n", out);
}
