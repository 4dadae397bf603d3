// SPDX-License-Identifier: ISC
/*
 * The table of hosts between runs: state/hosts, a text file that people may read and delete.  Every
 * field is checked when it is read.
 */
#include "hosts/hosts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/slice.h"

#define FILE_NAME "hosts"
#define FILE_MAX  (2 << 20)	/* room for more than HOSTS_MAX lines */
#define NUMBERS   16		/* fields of a line after address and name */
#define OLD_NUMBERS 14		/* of a line without the last two */
#define OLDER_NUMBERS 12	/* without the last four */
#define FIRST_NUMBERS 9		/* of one without the last seven */

static const struct slice known = S("#known ");

/* Parse a line: "192.0.2.1:25 mx1.example 12000 >35000 1763787773 0 0 0 0 0 0". */
static bool
parse_line(struct slice line, struct host *ret)
{
	struct slice field[2 + NUMBERS] = { { 0 } }, rest = line;
	uint64_t number[NUMBERS] = { 0 };
	size_t n = 0;

	while (n < 2 + NUMBERS && (rest.n || n < 2 + FIRST_NUMBERS))
		field[n++] = slice_cut(rest, ' ', &rest);
	memset(ret, 0, sizeof *ret);
	if (n != 2 + NUMBERS && n != 2 + OLD_NUMBERS && n != 2 + OLDER_NUMBERS &&
	    n != 2 + FIRST_NUMBERS)
		return false;
	if (memchr(line.p, '\0', line.n) || rest.n || !field[0].n ||
	    field[0].n >= sizeof ret->address || !field[1].n || field[1].n >= sizeof ret->name)
		return false;
	memcpy(ret->address, field[0].p, field[0].n);
	memcpy(ret->name, field[1].p, field[1].n);
	ret->at_least = field[3].n && field[3].p[0] == '>';
	if (ret->at_least)
		field[3] = slice_skip(field[3], 1);
	for (size_t i = 0; i < n - 2; i++)
		if (!slice_uint(field[i + 2], INT64_MAX / 8, &number[i]))
			return false;
	if (number[4] > HOSTS_FAILURES_MAX || number[7] > HOSTS_FAILURES_MAX ||
	    number[11] > HOSTS_FAILURES_MAX || number[13] > HOST_MARKS ||
	    number[14] > HOSTS_FAILURES_MAX || !host_printable(ret->address) ||
	    !host_printable(ret->name))
		return false;
	ret->connect_us = (int64_t)number[0];
	ret->first_us = (int64_t)number[1];
	ret->measured_s = (int64_t)number[2];
	ret->failed_s = (int64_t)number[3];
	ret->failures = (unsigned)number[4];
	ret->tls_failed_s = (int64_t)number[5];
	ret->since_s = (int64_t)number[6];
	ret->broken = (unsigned)number[7];
	ret->ipv4_until_s = (int64_t)number[8];
	ret->bdat_failed_s = (int64_t)number[9];
	ret->pipelining_failed_s = (int64_t)number[10];
	ret->pipelining_failures = (unsigned)number[11];
	ret->proven_s = (int64_t)number[12];
	ret->marks = (unsigned)number[13];
	ret->bdat_failures = (unsigned)number[14];
	ret->tls_broke_s = (int64_t)number[15];
	return true;
}

/* Parse "#known 1763787773 1763787773000000": since when hosts are forgiven, and up to where facts
 * of other machines are known. */
static void
parse_known(struct hosts *h, struct slice line)
{
	uint64_t forgiven_s, heard_us;

	if (!slice_has_prefix(line, known) ||
	    !slice_uint(slice_cut(slice_skip(line, known.n), ' ', &line), INT64_MAX / 8,
	    &forgiven_s) || !slice_uint(line, INT64_MAX / 8, &heard_us))
		return;
	h->forgiven_s = (int64_t)forgiven_s;
	h->heard_us = (int64_t)heard_us;
}

void
hosts_parse(struct hosts *h, struct slice text)
{
	struct host one, *place;

	while (h->n < HOSTS_MAX) {
		struct slice line = slice_cut(text, '\n', &text);

		/* No line end: it may be half a line. */
		if (!text.p || line.p + line.n == text.p)
			break;
		if (line.n && line.p[0] == '#')
			parse_known(h, line);
		if (!parse_line(line, &one) || !(place = hosts_entry(h, one.address)))
			continue;
		*place = one;
		h->untold |= one.marks & HOST_MARK_UNTOLD;
		if (one.measured_s > h->good_s && !(one.marks & HOST_MARK_LATENCY))
			h->good_s = one.measured_s;
	}
}

void
hosts_load(struct hosts *h, int state_fd)
{
	char *text;
	size_t n;

	*h = (struct hosts){ 0 };
	if (file_read(state_fd, FILE_NAME, FILE_MAX, &text, &n) == 0) {
		hosts_parse(h, slice_of(text, n));
		free(text);
	}
	if (h->forgiven_s > clock_wall_s())	/* the clock was ahead */
		h->forgiven_s = 0;
	secured_load(&h->secured, state_fd);
	learned_load(&h->learned, state_fd);
}

/* No fsync: a lost table is measured again, and a torn line is dropped. */
int
hosts_save(struct hosts *h, int state_fd)
{
	struct file_replace file;
	int r = file_replace_begin(&file, state_fd, FILE_NAME);

	if (r < 0)
		return r;
	fputs("# address name connect_us first_us(>: at least) measured failed failures tls_failed "
	    "since broken ipv4_until bdat_failed pipelining_failed pipelining_failures proven "
	    "marks bdat_failures tls_broke\n", file.out);
	if (h->forgiven_s || h->heard_us)
		fprintf(file.out, "%s%" PRId64 " %" PRId64 "\n", known.p, h->forgiven_s,
		    h->heard_us);
	for (size_t i = 0; i < h->n; i++) {
		const struct host *host = &h->list[i];

		fprintf(file.out,
		    "%s %s %" PRId64 " %s%" PRId64 " %" PRId64 " %" PRId64 " %u %" PRId64
		    " %" PRId64 " %u %" PRId64 " %" PRId64 " %" PRId64 " %u %" PRId64
		    " %u %u %" PRId64 "\n",
		    host->address, host->name[0] ? host->name : "-", host->connect_us,
		    host->at_least ? ">" : "", host->first_us, host->measured_s, host->failed_s,
		    host->failures, host->tls_failed_s, host->since_s, host->broken,
		    host->ipv4_until_s, host->bdat_failed_s, host->pipelining_failed_s,
		    host->pipelining_failures, host->proven_s, host->marks,
		    host->bdat_failures, host->tls_broke_s);
	}
	r = file_replace_end(&file);
	if (r == 0 && h->secured_changed)
		r = secured_save(&h->secured, state_fd, clock_wall_s());
	if (r == 0 && h->learned_changed)
		r = learned_save(&h->learned, state_fd, clock_wall_s());
	if (r == 0)
		h->changed = h->secured_changed = h->learned_changed = false;
	return r;
}
