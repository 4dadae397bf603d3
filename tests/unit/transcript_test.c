// SPDX-License-Identifier: ISC
/*
 * The transcript: its limits, and the lines of a log that are quoted.
 */
#include "attempt/transcript.h"

#include "tests/lib/mail.h"

static struct mail mail;
static struct transcript t;

/* The log without the times of day at the begin of its lines. */
static struct slice
log_text(char **ret_text)
{
	size_t n = 0, to = 0;
	char *text = NULL;

	if (queue_log(&mail.e, &text, &n) < 0)
		abort();
	*ret_text = text;
	for (struct slice rest = slice_of(text, n); rest.n;) {
		struct slice line = slice_cut(rest, '\n', &rest), behind;

		(void)slice_cut(line, ' ', &behind);
		memmove(text + to, behind.p, behind.n);
		to += behind.n;
		text[to++] = '\n';
	}
	return slice_of(text, to);
}

/* Is want the text of the next line of *rest?  Times are ignored. */
static bool
next_is(struct slice *rest, const char *want)
{
	struct slice line = slice_cut(*rest, '\n', rest), said;
	const char *ms = line.n ? memmem(line.p, line.n, " ms ", 4) : NULL;

	said = ms ? slice_skip(line, (size_t)(ms - line.p) + 4) : slice_of("", 0);
	if (slice_has_prefix(line, SL("| ")) && slice_eq(said, slice_str(want)))
		return true;
	printf("#  got: %.*s\n# want: %s\n", (int)line.n, line.p ? line.p : "", want);
	return false;
}

static void
test_lines(void)
{
	char *text;
	struct slice rest;

	mail_put(&mail, "a@b", "", "c@d", SL("Subject: x\r\n\r\nhello\r\n"));
	transcript_begin(&t);
	ok(transcript_write(&t, &mail.e) == 0 && log_text(&text).n == 0,
	    "an empty transcript is not written");
	free(text);
	transcript_fact(&t, "DNS for %s: %d", "d", 7);
	transcript_sent(&t, SL("MAIL FROM:<a@b>\r\n"));
	transcript_received(&t, SL("250 \033[2Jok\r"));
	transcript_received(&t, SL(""));
	ok(transcript_write(&t, &mail.e) == 0, "written");
	rest = log_text(&text);
	ok(next_is(&rest, "* DNS for d: 7"), "a fact");
	ok(next_is(&rest, "> MAIL FROM:<a@b>"), "a command, without its line end");
	ok(next_is(&rest, "< 250 ?[2Jok"), "a reply, without its control characters");
	ok(next_is(&rest, "< ") && rest.n == 0, "an empty line, and no more");
	free(text);
	transcript_begin(NULL);
	transcript_sent(NULL, SL("x"));
	transcript_received(NULL, SL("x"));
	transcript_fact(NULL, "x");
	ok(transcript_write(NULL, &mail.e) == 0, "a transcript without memory is not written");
}

static void
test_bounds(void)
{
	char line[3000], *text, want[40];
	struct slice rest, log;
	struct stat st;
	bool first = true, left_out = false;

	memset(line, 'x', sizeof line);
	mail_put(&mail, "a@b", "", "c@d", SL("Subject: x\r\n\r\nhello\r\n"));
	transcript_begin(&t);
	transcript_sent(&t, SL("EHLO us"));
	transcript_received(&t, slice_of(line, sizeof line));
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(line, sizeof line, "250-line %d", i);
		transcript_received(&t, slice_str(line));
	}
	ok(transcript_write(&t, &mail.e) == 0, "5000 lines");
	log = rest = log_text(&text);
	ok(next_is(&rest, "> EHLO us"), "the first line is there");
	while (rest.n > 40) {
		struct slice one = slice_cut(rest, '\n', &rest);

		left_out |= slice_has_prefix(one, SL("| (")) &&
		    memmem(one.p, one.n, "lines left out)", 15);
		first &= one.n < TRANSCRIPT_LINE + 60;
	}
	ok(left_out && first, "lines in between are counted, a long line is cut");
	(void)snprintf(want, sizeof want, "250-line 4999\n");
	ok(log.n > 20 && memcmp(log.p + log.n - strlen(want), want, strlen(want)) == 0,
	    "the last line is there");
	free(text);
	for (int i = 0; i < 20; i++)
		(void)transcript_write(&t, &mail.e);
	ok(fstat(mail.e.fd, &st) == 0 &&
		(uint64_t)st.st_size - mail.e.content_at - mail.e.content_size <= 65536,
	    "a log of many attempts is bounded");
}

static char quoted[1000];

static void
quote_line(void *ctx, struct slice line)
{
	const size_t n = strlen(quoted);

	(void)ctx;
	(void)snprintf(quoted + n, sizeof quoted - n, "%.*s/", (int)line.n, line.p);
}

static void
test_quote(void)
{
	static const char text[] =
	    "2026-11-22T05:02:53Z | 1 connected to mx1\n"
	    "2026-11-22T05:02:53Z | 2 a\n"
	    "2026-11-22T05:02:53Z | 3 b\n"
	    "2026-11-22T05:02:53Z <c@d> deferred | no\n"
	    "2026-11-22T05:03:53Z | 4 connected to mx2\n"
	    "2026-11-22T05:03:53Z | 5 c\n"
	    "2026-11-22T05:03:53Z | 6 d";
	static const struct {
		const char *name, *host;
		unsigned max;
		const char *want;
	} cases[] = {
		{ "the last block of a host", "mx1", 9, "1 connected to mx1/2 a/3 b/" },
		{ "its last lines", "mx1", 2, "2 a/3 b/" },
		{ "no host: the last block", "", 9, "4 connected to mx2/5 c/6 d/" },
		{ "its last line", "mx2", 1, "6 d/" },
		{ "a host that was not spoken to", "mx3", 9, "" },
		{ "no line is wanted", "mx1", 0, "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		quoted[0] = '\0';
		transcript_quote(slice_str(text), slice_str(cases[i].host), cases[i].max,
		    quote_line, NULL);
		is(slice_str(quoted), slice_str(cases[i].want), cases[i].name);
	}
	quoted[0] = '\0';
	transcript_quote(SL(""), SL(""), 5, quote_line, NULL);
	ok(quoted[0] == '\0', "an empty log");
}

int
main(void)
{
	mail_init(&mail);
	test_lines();
	test_bounds();
	test_quote();
	mail_done(&mail);
	return tap_done();
}
