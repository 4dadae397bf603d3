// SPDX-License-Identifier: ISC
/*
 * The start of a runner after a crash.  The input, with a right sum, is a file of tmp/; the first
 * octet says how it was damaged.  A whole message comes back as it was, and is claimed; anything
 * else is deleted.  No octet of the content may change unseen.
 */
#include <errno.h>

#include "tests/fuzz/folder.h"

#define ID  "0SJ5TN5K6X3N0BKS"
#define MAX 8192

static char whole[MAX + QUEUE_FIXED], back[MAX + QUEUE_FIXED];

static void
fail(void *ctx, const char *id, int error)
{
	(void)ctx, (void)id;
	must(error == 0);
}

static bool
claim(void *ctx, const char *id)
{
	const struct buf *file = ctx;
	struct queue_entry e;
	int r;

	must(strcmp(id, ID) == 0);
	r = queue_load(&folder_queue, id, &e);
	if (r == 0) {
		must(e.content_at + e.content_size <= file->n && queue_entry_valid(&e));
		queue_unload(&e);
		must(queue_finish(&folder_queue, id) == 0);
	} else {
		must(r == -EBADMSG && queue_bury(&folder_queue, id) == 0 &&
		    unlinkat(folder_queue.dead, id, 0) == 0);
	}
	return true;
}

/* 1 if the file came back. */
static int
recover(void)
{
	struct queue_recovery v = { .failed = fail };
	int r, n = 0;

	do {
		r = queue_recover(&folder_queue, &v, 0);
		must(r >= 0);
		n += r;
	} while (queue_recovering(&v));
	queue_recovery_end(&v);
	must(n <= 1 && faccessat(folder_queue.tmp, ID, F_OK, 0) < 0);
	return n;
}

static void
check_back(struct slice file)
{
	const int fd = openat(folder_queue.fresh, ID, O_RDONLY | O_CLOEXEC);

	must(fd >= 0 && read(fd, back, sizeof back) == (ssize_t)file.n &&
	    memcmp(back, file.p, file.n) == 0);
	(void)close(fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct queue_facts facts = { .longest_line = 10 };
	const struct queue *q = folder_get();
	struct slice text, content;
	struct buf file = BUF(whole);
	struct queue_walk w = { .names = NULL };
	struct queue_fixed fixed;
	bool good;
	int n;

	if (size < 3 || size > MAX)
		return 0;
	text = slice_of((const char *)data + 3, size - 3);
	content = slice_skip(text, (size_t)(data[1] << 8 | data[2]));
	text.n -= content.n;
	if (data[0] & 1)
		buf_add(&file, slice_of((const char *)data + 3, size - 3));
	else
		folder_message(&file, text, content, &facts);
	good = file.n >= QUEUE_FIXED && queue_fixed_parse(file.p, &fixed) == 0;
	if (data[0] & 2 && content.n && !(data[0] & 1)) {		/* half of it was written */
		file.n -= 1 + data[0] % content.n;
		good = false;
	} else if (data[0] & 4 && content.n && !(data[0] & 1)) {	/* an octet is another */
		file.p[file.n - 1 - data[0] % content.n] ^= 1;
		good = false;
	}
	folder_write(q->tmp, ID, buf_slice(&file));
	n = recover();
	if (!(data[0] & 1))
		must(n == good);
	if (n)
		check_back(buf_slice(&file));
	must(queue_walk_new(q, &w, claim, &file) == n);
	queue_walk_end(&w);
	return 0;
}
