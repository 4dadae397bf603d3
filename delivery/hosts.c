// SPDX-License-Identifier: ISC
/*
 * The table of exchangers' addresses: learned from each dial, kept in state/hosts between
 * runs.  A text file that people can read and anybody may delete: every field is checked when
 * it is read back, and nothing but the order of tries depends on it.  Must not know the
 * order of tries (delivery/order) or how one dials (net/dial).
 */
#include "delivery/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/slice.h"

#define FILE_NAME "hosts"
#define FILE_NEW  "hosts.new"
#define FAILURES_MAX 1000000

/* Where address is, or would be. */
static size_t
position(const struct hosts *h, const char *address)
{
	size_t low = 0, high = h->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(h->list[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_at(const struct hosts *h, size_t i, const char *address)
{
	return i < h->n && strcmp(h->list[i].address, address) == 0;
}

const struct host *
hosts_find(const struct hosts *h, const char *address)
{
	size_t i = position(h, address);

	return is_at(h, i, address) ? &h->list[i] : NULL;
}

static int64_t
last_heard(const struct host *host)
{
	return host->measured_s > host->failed_s ? host->measured_s : host->failed_s;
}

static void
forget_stalest(struct hosts *h)
{
	size_t stalest = 0;

	for (size_t i = 1; i < h->n; i++)
		if (last_heard(&h->list[i]) < last_heard(&h->list[stalest]))
			stalest = i;
	h->n--;
	memmove(&h->list[stalest], &h->list[stalest + 1], (h->n - stalest) * sizeof *h->list);
}

/* The entry for address, made if there is none; NULL without memory, and then it is not remembered. */
static struct host *
entry(struct hosts *h, const char *address)
{
	size_t i = position(h, address);

	if (is_at(h, i, address))
		return &h->list[i];
	if (h->n == HOSTS_MAX) {
		forget_stalest(h);
		i = position(h, address);
	}
	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 16;
		struct host *list = realloc(h->list, cap * sizeof *list);

		if (!list)
			return NULL;
		h->list = list;
		h->cap = cap;
	}
	memmove(&h->list[i + 1], &h->list[i], (h->n - i) * sizeof *h->list);
	h->n++;
	h->list[i] = (struct host){ 0 };
	(void)snprintf(h->list[i].address, sizeof h->list[i].address, "%s", address);
	return &h->list[i];
}

/* One odd sample must not turn the order round; a change that lasts does within a few. */
static int64_t
smooth(int64_t old, int64_t sample)
{
	return (3 * old + sample) / 4;
}

static void
learn_open(struct host *host, const struct host_report *r, int64_t now_s)
{
	bool exact = host->first_us && !host->at_least;

	host->first_us = exact ? smooth(host->first_us, r->first_us) : r->first_us;
	host->connect_us = exact && host->connect_us ? smooth(host->connect_us, r->connect_us) : r->connect_us;
	host->at_least = false;
	host->measured_s = now_s;
	host->failures = 0;
}

/* Cut off after first_us of silence.  That bound can only make a host look slower: a race that was over
 * early says nothing against what was measured in full. */
static void
learn_slow(struct host *host, const struct host_report *r, int64_t now_s)
{
	bool exact = host->first_us && !host->at_least;

	host->measured_s = now_s;
	if (r->first_us <= host->first_us)
		return;
	host->at_least = !exact;
	host->first_us = exact ? smooth(host->first_us, r->first_us) : r->first_us;
	if (r->connect_us)
		host->connect_us = r->connect_us;
}

static bool
printable(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

void
hosts_learn(struct hosts *h, const struct host_report *report, int64_t now_s)
{
	struct host *host;

	if (report->state == DIAL_UNTRIED || !printable(report->address) || !(host = entry(h, report->address)))
		return;
	if (printable(report->name))
		memcpy(host->name, report->name, sizeof host->name);
	switch (report->state) {
	case DIAL_OPEN:
		learn_open(host, report, now_s);
		break;
	case DIAL_SLOW:
		learn_slow(host, report, now_s);
		break;
	default:
		host->failed_s = now_s;
		if (host->failures < FAILURES_MAX)
			host->failures++;
	}
	if (report->tls != HOST_TLS_UNKNOWN)
		host->tls_failed_s = report->tls == HOST_TLS_FAILED ? now_s : 0;
	h->changed = true;
}

/* "192.0.2.1:25 mx1.example 12000 >35000 1763787773 0 0 0", without the last from versions that had no TLS. */
static bool
parse_line(struct slice line, struct host *ret)
{
	struct slice field[8], rest = line;
	uint64_t number[6] = { 0 };

	for (size_t i = 0; i < 8; i++)
		field[i] = slice_cut(rest, ' ', &rest);
	memset(ret, 0, sizeof *ret);
	if (rest.n || !field[0].n || field[0].n >= sizeof ret->address || !field[1].n || field[1].n >= sizeof ret->name)
		return false;
	memcpy(ret->address, field[0].p, field[0].n);
	memcpy(ret->name, field[1].p, field[1].n);
	ret->at_least = field[3].n && field[3].p[0] == '>';
	if (ret->at_least)
		field[3] = slice_skip(field[3], 1);
	for (size_t i = 0; i < 5 + (field[7].n > 0); i++)
		if (!slice_uint(field[i + 2], INT64_MAX / 8, &number[i]))
			return false;
	if (number[4] > FAILURES_MAX || !printable(ret->address) || !printable(ret->name))
		return false;
	ret->connect_us = (int64_t)number[0];
	ret->first_us = (int64_t)number[1];
	ret->measured_s = (int64_t)number[2];
	ret->failed_s = (int64_t)number[3];
	ret->failures = (unsigned)number[4];
	ret->tls_failed_s = (int64_t)number[5];
	return true;
}

void
hosts_load(struct hosts *h, int state_fd)
{
	int fd = openat(state_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
	char line[512];
	struct host one, *place;
	bool tail = false;	/* of a line that was too long */

	*h = (struct hosts){ 0 };
	if (!f) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (h->n < HOSTS_MAX && fgets(line, sizeof line, f)) {
		struct slice text = slice_str(line);
		bool whole = text.n && text.p[text.n - 1] == '\n';

		if (whole && !tail) {
			text.n--;
			if (parse_line(text, &one) && (place = entry(h, one.address)))
				*place = one;
		}
		tail = !whole;
	}
	(void)fclose(f);
}

/* No fsync: a table that is lost is measured again, and a torn one is dropped line by line. */
int
hosts_save(struct hosts *h, int state_fd)
{
	int fd = openat(state_fd, FILE_NEW, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
	int r = 0;

	if (!f) {
		r = -errno;
		if (fd >= 0)
			close(fd);
		return r;
	}
	fputs("# address name connect_us first_us(>: at least) measured failed failures tls_failed\n", f);
	for (size_t i = 0; i < h->n; i++) {
		const struct host *host = &h->list[i];

		fprintf(f, "%s %s %" PRId64 " %s%" PRId64 " %" PRId64 " %" PRId64 " %u %" PRId64 "\n", host->address,
		    host->name[0] ? host->name : "-", host->connect_us, host->at_least ? ">" : "",
		    host->first_us, host->measured_s, host->failed_s, host->failures, host->tls_failed_s);
	}
	if (ferror(f))
		r = -EIO;
	if (fclose(f) != 0 && r == 0)
		r = -errno;
	if (r == 0 && renameat(state_fd, FILE_NEW, state_fd, FILE_NAME) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(state_fd, FILE_NEW, 0);
	else
		h->changed = false;
	return r;
}

void
hosts_done(struct hosts *h)
{
	free(h->list);
	*h = (struct hosts){ 0 };
}

void
host_key(char key[64], const struct sockaddr_storage *address)
{
	const struct sockaddr *sa = (const struct sockaddr *)address;
	char space[64];
	struct buf b = BUF(space);
	bool brackets;

	address_text(&b, sa);
	brackets = b.n && memchr(b.p, ':', b.n);
	(void)snprintf(key, 64, "%s%.*s%s:%u", brackets ? "[" : "", (int)b.n, b.p, brackets ? "]" : "",
	    (unsigned)address_port(sa));
}
