// SPDX-License-Identifier: ISC
/*
 * Files for people who watch the queue: counters, the history, the state of a run.  They may hold
 * anything that one of the two users has written.  The first octet chooses the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/utf8.h"
#include "runner/history.h"
#include "runner/status.h"
#include "tools/queue/html.h"
#include "tools/queue/stats.h"
#include "tests/fuzz/fuzz.h"

/* Is it text for a terminal, a scraper and a page? */
static bool
is_plain(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const unsigned char c = (unsigned char)text[i];

		if ((c < ' ' && c != '\n') || c == 0x7f)
			return false;
	}
	return true;
}

/* Counters that are read can be printed and added up. */
static void
counters(const uint8_t *data, size_t size)
{
	static struct counted c;
	const int fd = memfd_create("counts", MFD_CLOEXEC);
	uint64_t sums[COUNTED_SUMS];
	char *text = NULL;
	size_t n = 0;
	FILE *out;

	if (fd < 0)
		return;
	/* Behind the input the file has as many zeros as are missing. */
	must(write(fd, STATS_MAGIC, sizeof STATS_MAGIC) > 0 &&
	    pwrite(fd, data, size, 64) == (ssize_t)size &&
	    ftruncate(fd, sizeof(struct stats_file)) == 0);
	for (unsigned i = 0; i < 2; i++)
		must(stats_read(fd, &c.files[i]));
	(void)close(fd);
	counted_add_up(&c, sums);
	out = open_memstream(&text, &n);
	if (!out)
		return;
	stats_put_counters(out, &c);
	must(fclose(out) == 0 && is_plain(text, n) && strlen(text) == n);
	free(text);
}

/* A line that is taken names a host that may be printed. */
static void
history(struct slice text)
{
	struct history_line line;

	while (text.n)
		if (history_parse(slice_cut(text, '\n', &text), &line) && line.of_host)
			must(host_printable(line.name) && host_printable(line.address));
}

static void
status(struct slice text)
{
	static struct status s;

	if (!status_parse(text, &s))
		return;
	must(s.n <= STATUS_LINES);
	for (size_t i = 0; i < s.n; i++)
		must(s.lines[i].name[0] && is_plain(s.lines[i].name, strlen(s.lines[i].name)) &&
		    is_plain(s.lines[i].why, strlen(s.lines[i].why)));
}

/* Text of a page has no markup left, and is UTF-8. */
static void
page(struct slice s)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	if (!out)
		return;
	html_text(out, s);
	must(fclose(out) == 0 && utf8_valid(slice_of(text, n)) && is_plain(text, n) &&
	    strcspn(text, "<>\"'\n") == n);
	free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = slice_of((const char *)data + 1, size ? size - 1 : 0);

	if (size && data[0] == 'c')
		counters(data + 1, size - 1 < 25000 ? size - 1 : 25000);
	else if (size && data[0] == 'h')
		history(text);
	else if (size && data[0] == 's')
		status(text);
	else if (size)
		page(text);
	return 0;
}
