// SPDX-License-Identifier: ISC
/*
 * Transcripts, and logs that are quoted.  Lines of a session, of which the first octet says who has
 * sent it, become lines without control characters, within the limits.  The same octets as a log
 * give lines of the log only.
 */
#include <string.h>

#include "attempt/transcript.h"
#include "tests/fuzz/fuzz.h"

static struct transcript t;
static unsigned quoted;
static struct slice whole;

static void
check_part(struct slice part)
{
	while (part.n) {
		const struct slice line = slice_cut(part, '\n', &part);

		must(slice_has_prefix(line, SL("| ")) && !slice_has_control(line));
		must(line.n <= TRANSCRIPT_LINE + 48);
		must(part.n == 0 || part.p[-1] == '\n');
	}
}

static void
take_line(void *ctx, struct slice line)
{
	(void)ctx;
	quoted++;
	must(line.p >= whole.p && line.p + line.n <= whole.p + whole.n);
	must(!memchr(line.p, '\n', line.n));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of((const char *)data, size), host, line;

	transcript_begin(&t);
	while (rest.n) {
		line = slice_cut(rest, '\n', &rest);
		if (line.n && line.p[0] == '>')
			transcript_sent(&t, slice_skip(line, 1));
		else if (line.n && line.p[0] == '*')
			transcript_fact(&t, "%.*s", (int)line.n, line.p);
		else
			transcript_received(&t, line);
	}
	must(t.head_n <= sizeof t.head && t.tail_n <= sizeof t.tail);
	must(t.head_n == 0 || t.head[t.head_n - 1] == '\n');
	must(t.tail_n == 0 || t.tail[t.tail_n - 1] == '\n');
	check_part(slice_of(t.head, t.head_n));
	check_part(slice_of(t.tail, t.tail_n));
	host = slice_cut(slice_of((const char *)data, size), '\n', &whole);
	quoted = 0;
	transcript_quote(whole, host, 5, take_line, NULL);
	must(quoted <= 5);
	return 0;
}
