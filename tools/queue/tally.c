// SPDX-License-Identifier: ISC
#include "tools/queue/tally.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define TALLY_MAGIC   0x31796c6c61740aLL	/* of the file state/counted, with its version */
#define TALLY_FILE    "counted"
#define TALLY_LOCK    "counting"
#define TALLY_NOW_US  20000	/* for a count that the caller waits for */
#define TALLY_PRICE   20	/* a pause is that many times as long as the count before it */
#define TALLY_LOOK    64	/* names between two looks at the clock */

const char *const tally_ages[TALLY_AGES] = {
	"0-5min", "5min-1h", "1h-4h", "4h-1d", "1d-2d", "2d-5d", "5d-",
};

static const int64_t bounds_s[TALLY_AGES - 1] = { 300, 3600, 14400, 86400, 172800, 432000 };

struct count {
	struct tally_counts *counts;
	int64_t until_us;		/* of clock_us(); 0: no end */
	unsigned names;
};

unsigned
tally_class(int64_t age_s)
{
	unsigned class = 0;

	while (class < TALLY_AGES - 1 && age_s >= bounds_s[class])
		class++;
	return class;
}

static int
count_one(void *ctx, const struct queue_spot *spot)
{
	struct count *c = ctx;
	struct tally_counts *t = c->counts;
	const int64_t then_s = queue_id_time_s(spot->id);

	t->n[spot->place][tally_class(t->counted_us / 1000000 - then_s)]++;
	if (t->oldest_s[spot->place] == 0 || then_s < t->oldest_s[spot->place])
		t->oldest_s[spot->place] = then_s;
	if (c->until_us && ++c->names % TALLY_LOOK == 0 && clock_us() > c->until_us)
		return -EAGAIN;
	return 0;
}

int
tally_count(const struct queue *q, int64_t most_us, struct tally_counts *ret)
{
	const int64_t begin_us = clock_us();
	struct count c = { .counts = ret, .until_us = most_us ? begin_us + most_us : 0 };
	int r;

	*ret = (struct tally_counts){ .counted_us = clock_wall_us() };
	r = queue_walk(q, QUEUE_ANYWHERE, count_one, &c);
	ret->took_us = clock_us() - begin_us;
	return r;
}

uint64_t
tally_sum(const struct tally_counts *c, enum queue_place place)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < TALLY_AGES; i++)
		sum += c->n[place][i];
	return sum;
}

/* ---- the last count ---- */

static int
read_last(const struct queue *q, struct tally_counts *ret)
{
	struct {
		int64_t magic;
		struct tally_counts counts;
	} file;
	const int fd = openat(q->state, TALLY_FILE,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = file_read_at(fd, &file, sizeof file, 0);
	(void)close(fd);
	if (r < 0 || file.magic != TALLY_MAGIC)
		return -ENODATA;
	*ret = file.counts;
	return 0;
}

static void
write_last(const struct queue *q, const struct tally_counts *counts)
{
	const int64_t magic = TALLY_MAGIC;
	struct file_replace f;

	if (file_replace_begin(&f, q->state, TALLY_FILE) < 0)
		return;
	(void)fwrite(&magic, sizeof magic, 1, f.out);
	(void)fwrite(counts, sizeof *counts, 1, f.out);
	(void)file_replace_end(&f);
}

/* The caller must not wait, and neither must a reader of its output. */
static void
count_apart(const struct queue *q)
{
	struct tally_counts counts;
	int fd;
	const pid_t pid = fork();

	if (pid != 0)
		return;
	(void)setsid();
	(void)setpriority(PRIO_PROCESS, 0, 10);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int i = 0; i <= 2; i++)
		if (fd < 0 || dup2(fd, i) < 0)
			(void)close(i);
	fd = openat(q->state, TALLY_LOCK,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	/* One process counts at a time. */
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && tally_count(q, 0, &counts) == 0)
		write_last(q, &counts);
	_exit(0);
}

int
tally_get(const struct queue *q, struct tally_counts *ret)
{
	const int64_t now_us = clock_wall_us();
	int r = tally_count(q, TALLY_NOW_US, ret);

	if (r != -EAGAIN || q->state < 0)
		return r;
	r = read_last(q, ret);
	if (r < 0 || now_us < ret->counted_us ||
	    now_us - ret->counted_us > ret->took_us * (TALLY_PRICE + 1))
		count_apart(q);
	return r < 0 ? -EAGAIN : 0;
}
