// SPDX-License-Identifier: ISC
/*
 * Values of the log, one a line of input.  The text stays one line of UTF-8, in which each value
 * begins and ends where its field does; the journal gets one line for each field.
 */
#include <string.h>

#include "base/log.h"
#include "base/utf8.h"
#include "tests/fuzz/fuzz.h"

static const char *const keys[] = { "from", "to", "reason", "user-name" };
static const char *const journal_keys[] = {
	"SMTP_FROM=", "SMTP_TO=", "SMTP_REASON=", "SMTP_USER_NAME=",
};

#define KEYS (sizeof keys / sizeof keys[0])

/* Skip the value at the start of *rest. */
static void
skip_value(struct slice *rest)
{
	size_t i = 0;

	if (rest->n && rest->p[0] == '"') {
		for (i = 1; i < rest->n && rest->p[i] != '"'; i++)
			i += rest->p[i] == '\\';
		must(i < rest->n);
		i++;
	} else {
		for (; i < rest->n && rest->p[i] != ' '; i++)
			must(rest->p[i] != '"' && rest->p[i] != '=' && rest->p[i] != '\\');
		must(i > 0);
	}
	*rest = slice_skip(*rest, i);
}

static void
check_text(struct slice text, size_t fields)
{
	const char *event = memmem(text.p, text.n, "event", 5);
	size_t found = 0;
	struct slice rest;

	must(utf8_valid(text) && !slice_has_control(text) && event);
	rest = slice_skip(text, (size_t)(event - text.p) + 5);
	while (rest.n) {
		const struct slice key = slice_str(keys[found % KEYS]);

		must(rest.p[0] == ' ' && slice_has_prefix(slice_skip(rest, 1), key));
		rest = slice_skip(rest, 1 + key.n);
		must(rest.n && rest.p[0] == '=');
		rest = slice_skip(rest, 1);
		skip_value(&rest);
		found++;
	}
	must(found <= fields);
}

static void
check_journal(struct slice text, size_t fields)
{
	size_t found = 0;

	must(text.n == 0 || text.p[text.n - 1] == '\n');
	while (text.n) {
		const struct slice line = slice_cut(text, '\n', &text);

		/* The first field is the event's name. */
		if (!slice_has_prefix(line, SL("SMTP_EVENT=")))
			must(slice_has_prefix(line, slice_str(journal_keys[found++ % KEYS])));
		must(!slice_has_control(line) && utf8_valid(line));
	}
	must(found <= fields);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of((const char *)data, size);
	static struct log_line l;
	size_t fields = 0;

	log_begin(&l, LOG_LEVEL_INFO, "event");
	while (rest.n && fields < 40) {
		/* Zero ends a value: a line end may be in it. */
		const struct slice value = slice_cut(rest, '\0', &rest);

		log_str(&l, keys[fields % KEYS], value);
		fields++;
	}
	check_text(buf_slice(&l.b), fields);
	check_journal(buf_slice(&l.fields), fields);
	return 0;
}
