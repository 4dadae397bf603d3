// SPDX-License-Identifier: ISC
/*
 * A queue in a folder of its own, messages to put into it, and a look at its folders.
 */
#ifndef TESTS_UNIT_QUEUE_FIXTURE_H
#define TESTS_UNIT_QUEUE_FIXTURE_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/run.h"
#include "queue/folders.h"
#include "queue/format.h"
#include "tests/lib/queue_all.h"
#include "tests/lib/tap.h"

struct fixture {
	char path[64];
	struct queue q;
};

static struct queue_message fixture_message;

__attribute__((unused)) static void
must(bool good, const char *what)
{
	if (good)
		return;
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

__attribute__((unused)) static void
fixture_open(struct fixture *f)
{
	strcpy(f->path, "/tmp/queue-test-XXXXXX");
	must(mkdtemp(f->path) != NULL, "mkdtemp");
	must(queue_open(&f->q, f->path, QUEUE_RUN) == 0, "queue_open");
}

static int
fixture_remove(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

__attribute__((unused)) static void
fixture_close(struct fixture *f)
{
	queue_close(&f->q);
	(void)nftw(f->path, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static int
fixture_count(void *ctx, const char *name)
{
	(void)name;
	++*(int *)ctx;
	return 0;
}

/* Number of names in the folder. */
__attribute__((unused)) static int
names_in(int folder)
{
	int n = 0;

	must(queue_names(folder, fixture_count, &n) == 0, "readdir");
	return n;
}

/* Content in which no two words are alike. */
__attribute__((unused)) static char *
pattern(size_t n)
{
	char *p = malloc(n + 1);
	uint64_t v = 88172645463325252U;

	must(p != NULL, "malloc");
	for (size_t i = 0; i < n; i++) {
		v ^= v << 13;
		v ^= v >> 7;
		v ^= v << 17;
		p[i] = (char)(v >> 32);
	}
	return p;
}

/* Receive a message up to the commit; the content comes in pieces. */
__attribute__((unused)) static int
receive(const struct queue *q, struct queue_message *m, struct slice content, size_t piece)
{
	int r;

	queue_begin(m);
	queue_from(m, SL("sender@example.org"), SL("SIZE=100"));
	queue_field(m, "client", SL("client.example [192.0.2.1]"));
	queue_rcpt(q, m, SL("a@example.org"), SL(""));
	queue_rcpt(q, m, SL("b@example.net"), SL("NOTIFY=NEVER"));
	r = queue_head_end(q, m, 0);
	while (r == 0 && content.n) {
		size_t n = content.n < piece ? content.n : piece;

		r = queue_content(m, slice_of(content.p, n));
		content = slice_skip(content, n);
	}
	return r;
}

__attribute__((unused)) static int
submit(const struct queue *q, struct slice content, size_t piece, char ret_id[QUEUE_ID_SIZE])
{
	struct queue_facts facts = { .eight_bit = true, .dot_line = true, .longest_line = 77 };
	struct queue_message *m = &fixture_message;
	int r = receive(q, m, content, piece);

	if (r == 0)
		r = queue_commit(q, m, &facts);
	else
		queue_abort(q, m);
	memcpy(ret_id, m->id, QUEUE_ID_SIZE);
	return r;
}

/* Does the file hold the envelope of receive() and this content, and is its size right? */
__attribute__((unused)) static bool
file_is_whole(int folder, const char *id, struct slice content)
{
	off_t size;
	int fd = queue_file(folder, id, &size);
	char *text = fd < 0 ? NULL : malloc((size_t)size + 1);
	struct queue_fixed fixed;
	struct queue_entry e = { .fd = -1 };
	bool whole = false;

	if (text && queue_read_at(fd, text, (size_t)size, 0) == 0 && (size_t)size >= QUEUE_FIXED &&
	    queue_fixed_parse(text, &fixed) == 0 && fixed.size == (uint64_t)size)
		whole = queue_envelope_parse(slice_of(text, (size_t)fixed.envelope), &e) == 0 &&
		    e.nrcpts == 2 && strcmp(e.id, id) == 0 &&
		    slice_eq(slice_of(text + fixed.envelope, (size_t)(fixed.size - fixed.envelope)),
			content);
	queue_unload(&e);
	free(text);
	if (fd >= 0)
		(void)close(fd);
	return whole;
}

/* Number of open descriptors of this process. */
__attribute__((unused)) static int
open_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

#endif
