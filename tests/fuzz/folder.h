// SPDX-License-Identifier: ISC
/*
 * A queue in a folder of its own, in memory if that can be.  It is removed when the target ends,
 * unless it ends by a finding.
 */
#ifndef TESTS_FUZZ_FOLDER_H
#define TESTS_FUZZ_FOLDER_H

#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/format.h"
#include "tests/fuzz/fuzz.h"

static char folder_path[64];
static struct queue folder_queue = { .root = -1 };

static int
folder_remove(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static void
folder_done(void)
{
	queue_close(&folder_queue);
	(void)nftw(folder_path, folder_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* The queue, which is made by the first call. */
__attribute__((unused)) static const struct queue *
folder_get(void)
{
	if (folder_path[0])
		return &folder_queue;
	(void)snprintf(folder_path, sizeof folder_path, "%s/smtp-fuzz-XXXXXX",
	    access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(folder_path) && queue_open(&folder_queue, folder_path, QUEUE_RUN) == 0);
	(void)atexit(folder_done);
	return &folder_queue;
}

/* Write a file whole. */
__attribute__((unused)) static void
folder_write(int folder, const char *name, struct slice octets)
{
	const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, octets.n ? octets.p : "", octets.n) == (ssize_t)octets.n);
	(void)close(fd);
}

/*
 * The octets of a queue file: its fixed lines, then `lines` as the rest of the envelope, and the
 * content.  Sizes and sum are right, as if the message had been accepted like this.
 */
__attribute__((unused)) static void
folder_message(struct buf *b, struct slice lines, struct slice content,
    const struct queue_facts *facts)
{
	struct queue_entry e = { .fd = -1 };
	struct queue_fixed fixed = { .facts = *facts, .envelope = QUEUE_FIXED + lines.n };
	struct queue_sum sum;
	char *text;

	fixed.size = fixed.envelope + content.n;
	must(b->n == 0 && b->cap >= fixed.size);
	queue_fixed_write(b->p, &fixed);
	b->n = QUEUE_FIXED;
	buf_add(b, lines);
	buf_add(b, content);
	text = malloc((size_t)fixed.envelope);
	must(text != NULL);
	memcpy(text, b->p, (size_t)fixed.envelope);
	/* The sum was made when all recipients were pending. */
	if (queue_envelope_parse(slice_of(text, (size_t)fixed.envelope), &e) == 0)
		for (size_t i = 0; i < e.nrcpts; i++)
			text[e.rcpts[i].at] = QUEUE_PENDING;
	queue_unload(&e);
	queue_sum_init(&sum);
	queue_sum_add(&sum, slice_skip(slice_of(text, (size_t)fixed.envelope), QUEUE_FIXED));
	queue_sum_add(&sum, content);
	free(text);
	fixed.sum = queue_sum_end(&sum);
	queue_fixed_write(b->p, &fixed);
}

#endif
