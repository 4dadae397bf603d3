// SPDX-License-Identifier: ISC
/*
 * The promises of a file system that two processes test, each through its client.
 */
#include "queue/storage_bench.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/folders.h"
#include "queue/storage.h"

#define PAGE	  4096
#define REPLACES  100
#define PATIENCE_US INT64_C(20000000)	/* for a process that got no time */

/* Memory of both processes. */
struct race {
	atomic_int at[2];		/* the round that each has begun */
	atomic_bool over;
	unsigned char won[2][STORAGE_ROUNDS];
	int error[2];			/* errno of something unexpected */
};

typedef void racer(struct race *r, int side, int folder);

/* Wait until the other process has come as far.  False if it does not. */
static bool
meet_other(struct race *r, int side, int round)
{
	const struct timespec moment = { .tv_nsec = 1000 };
	const int64_t until_us = clock_us() + PATIENCE_US;

	atomic_store(&r->at[side], round);
	while (atomic_load(&r->at[!side]) < round) {
		if (clock_us() > until_us) {
			r->error[side] = ETIMEDOUT;
			return false;
		}
		(void)nanosleep(&moment, NULL);
	}
	return true;
}

static pid_t
fork_helper(void)
{
	const pid_t child = fork();

	if (child == 0)
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	return child;
}

/* Run a function in two processes.  Their memory, or NULL: a promise cannot be tested. */
static struct race *
run_race(struct bench *b, racer *run, int folder_a, int folder_b)
{
	struct race *r = mmap(NULL, sizeof *r, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
	    -1, 0);
	pid_t child;

	if (r == MAP_FAILED || (child = fork_helper()) < 0) {
		(void)bench_broken(b, "not tested: %s", strerror(errno));
		return NULL;
	}
	if (child == 0) {
		run(r, 1, folder_b);
		_exit(0);
	}
	run(r, 0, folder_a);
	(void)waitpid(child, NULL, 0);
	return r;
}

/* Was each round won by one of the two, and by one alone? */
static bool
one_winner(struct bench *b, struct race *r, const char *what)
{
	unsigned none = 0, both = 0;
	bool good = true;

	if (!r)
		return false;
	for (unsigned i = 0; i < STORAGE_ROUNDS; i++) {
		none += !r->won[0][i] && !r->won[1][i];
		both += r->won[0][i] && r->won[1][i];
	}
	if (r->error[0] || r->error[1])
		good = bench_broken(b, "%s failed: %s", what,
		    strerror(r->error[0] ? r->error[0] : r->error[1]));
	else if (none || both)
		good = bench_broken(b, "%u of %u times %s succeeded twice, %u times never", both,
		    STORAGE_ROUNDS, what, none);
	(void)munmap(r, sizeof *r);
	return good;
}

static void
create_names(struct race *r, int side, int folder)
{
	struct stat st;
	char name[16];

	for (int i = 0; i < STORAGE_ROUNDS; i++) {
		int fd;

		(void)snprintf(name, sizeof name, "%d", i);
		(void)fstatat(folder, name, &st, 0);	/* a client may keep that it is missing */
		if (!meet_other(r, side, i + 1))
			return;
		fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		r->won[side][i] = fd >= 0;
		if (fd < 0 && errno != EEXIST)
			r->error[side] = errno;
		if (fd >= 0)
			(void)close(fd);
	}
}

bool
storage_creates_once(struct bench *b)
{
	return one_winner(b, run_race(b, create_names, b->a, b->b), "the creation of a name");
}

static void
claim_names(struct race *r, int side, int folder)
{
	struct stat st;
	char from[16], to[16];

	for (int i = 0; i < STORAGE_ROUNDS; i++) {
		(void)snprintf(from, sizeof from, "%d", i);
		(void)snprintf(to, sizeof to, "%d.%d", i, side);
		(void)fstatat(folder, from, &st, 0);
		if (!meet_other(r, side, i + 1))
			return;
		r->won[side][i] = renameat(folder, from, folder, to) == 0;
		if (!r->won[side][i] && errno != ENOENT && errno != ESTALE)
			r->error[side] = errno;
	}
}

struct sight {
	int folder;
	const char *name;
};

static bool
is_seen(void *ctx)
{
	const struct sight *s = ctx;
	struct stat st;

	return fstatat(s->folder, s->name, &st, 0) == 0;
}

bool
storage_claims_once(struct bench *b)
{
	char name[16];

	for (int i = 0; i < STORAGE_ROUNDS; i++) {
		(void)snprintf(name, sizeof name, "%d", i);
		if (!bench_put(b, b->a, name, SL("1")))
			return false;
	}
	(void)bench_wait(is_seen, &(struct sight){ b->b, name });
	return one_winner(b, run_race(b, claim_names, b->a, b->b), "a rename");
}

static void
write_pages(struct race *r, int folder)
{
	char page[PAGE];

	for (int i = 0; i < REPLACES && r->error[0] == 0; i++) {
		const int fd = openat(folder, "draft", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0600);

		memset(page, 'a' + i % 26, sizeof page);
		if (fd < 0 || queue_write(fd, slice_of(page, sizeof page)) < 0 ||
		    renameat(folder, "draft", folder, "page") < 0)
			r->error[0] = errno ? errno : EIO;
		if (fd >= 0)
			(void)close(fd);
	}
	atomic_store(&r->over, true);
}

static bool
is_whole(const char *page, ssize_t n)
{
	return n == PAGE && memcmp(page, page + 1, PAGE - 1) == 0;
}

static void
read_pages(struct race *r, int folder)
{
	char page[PAGE];

	while (!atomic_load(&r->over) && r->error[1] == 0) {
		const int fd = openat(folder, "page", O_RDONLY | O_CLOEXEC);
		const ssize_t n = fd < 0 ? 0 : read(fd, page, sizeof page);

		/* A client of a network may be late: it asks again. */
		if (fd < 0 && errno != ESTALE)
			r->error[1] = errno;
		else if (fd >= 0 && !(n < 0 && errno == ESTALE) && !is_whole(page, n))
			r->error[1] = EBADMSG;
		if (fd >= 0)
			(void)close(fd);
	}
}

static void
replace_pages(struct race *r, int side, int folder)
{
	if (!meet_other(r, side, 1)) {
		atomic_store(&r->over, true);
		return;
	}
	if (side == 0)
		write_pages(r, folder);
	else
		read_pages(r, folder);
}

bool
storage_replaces(struct bench *b)
{
	char page[PAGE];
	struct race *r;
	int error[2];

	memset(page, '-', sizeof page);
	if (!bench_put(b, b->a, "page", slice_of(page, sizeof page)))
		return false;
	(void)bench_wait(is_seen, &(struct sight){ b->b, "page" });
	r = run_race(b, replace_pages, b->a, b->b);
	if (!r)
		return false;
	memcpy(error, r->error, sizeof error);
	(void)munmap(r, sizeof *r);
	if (error[0])
		return bench_broken(b, "a rename failed: %s", strerror(error[0]));
	if (error[1] == EBADMSG)
		return bench_broken(b, "a reader saw a part of a file");
	return !error[1] || bench_broken(b, "a reader saw none: %s", strerror(error[1]));
}

/* ---- locks ---- */

enum kind { KIND_FLOCK, KIND_FCNTL };

static const char *const kind_names[] = { "flock(2)", "fcntl(2)" };

static bool
take_lock(int fd, enum kind kind)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return kind == KIND_FLOCK ? flock(fd, LOCK_EX | LOCK_NB) == 0
				  : fcntl(fd, F_SETLK, &whole) == 0;
}

/* Another process that holds a lock until it is killed.  Its ID, or -1: it has none. */
static pid_t
hold_lock(int folder, const char *name, int flags, enum kind kind)
{
	int ends[2];
	char word = 0;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -1;
	child = fork_helper();
	if (child == 0) {
		const int fd = openat(folder, name, flags | O_CLOEXEC);

		(void)close(ends[0]);
		word = fd >= 0 && take_lock(fd, kind) ? 'y' : 'n';
		(void)!write(ends[1], &word, 1);
		for (;;)
			(void)pause();
	}
	(void)close(ends[1]);
	if (child > 0 && (read(ends[0], &word, 1) != 1 || word != 'y')) {
		(void)kill(child, SIGKILL);
		(void)waitpid(child, NULL, 0);
		child = -1;
	}
	(void)close(ends[0]);
	return child;
}

struct locking {
	int fd;
	enum kind kind;
};

static bool
is_free(void *ctx)
{
	const struct locking *l = ctx;

	return take_lock(l->fd, l->kind);
}

/* Test a lock on a name, held through one client and wanted through another. */
static bool
lock_holds(struct bench *b, int holder, int other, const char *name, int flags, enum kind kind)
{
	struct locking l = { .kind = kind };
	const pid_t child = hold_lock(holder, name, flags, kind);
	bool good = true;

	if (child < 0)
		return bench_broken(b, "%s is not possible", kind_names[kind]);
	l.fd = openat(other, name, flags | O_CLOEXEC);
	if (l.fd < 0)
		good = bench_broken(b, "cannot open a file: %s", strerror(errno));
	else if (is_free(&l))
		good = bench_broken(b, "two processes got the same lock of %s",
		    kind_names[kind]);
	(void)kill(child, SIGKILL);
	(void)waitpid(child, NULL, 0);
	if (good && !bench_wait(is_free, &l))
		good = bench_broken(b, "a lock of %s stayed after its process had ended",
		    kind_names[kind]);
	if (l.fd >= 0)
		(void)close(l.fd);
	return good;
}

bool
storage_locks(struct bench *b)
{
	if (!bench_put(b, b->a, "one", SL("1")) || !bench_put(b, b->a, "two", SL("1")))
		return false;
	/* A folder is locked against processes of this machine only. */
	return lock_holds(b, b->a, b->a, ".", O_RDONLY, KIND_FLOCK) &&
	    lock_holds(b, b->a, b->b, "one", O_RDWR, KIND_FLOCK) &&
	    lock_holds(b, b->a, b->b, "two", O_RDWR, KIND_FCNTL);
}

/* ---- what the other client sees ---- */

struct seen {
	int folder;
	const char *name;
	char first;
	unsigned count;
};

static int
match_name(void *ctx, const char *name)
{
	struct seen *s = ctx;

	s->count += strcmp(name, s->name) == 0;
	return 0;
}

static bool
is_listed(struct seen *s)
{
	s->count = 0;
	return queue_names(s->folder, match_name, s) == 0 && s->count == 1;
}

static bool
has_come(void *ctx)
{
	struct seen *s = ctx;
	const int fd = openat(s->folder, s->name, O_RDONLY | O_CLOEXEC);
	char c = 0;
	const bool good = fd >= 0 && pread(fd, &c, 1, 0) == 1 && c == s->first && is_listed(s);

	if (fd >= 0)
		(void)close(fd);
	return good;
}

static bool
has_gone(void *ctx)
{
	struct seen *s = ctx;
	struct stat st;

	return fstatat(s->folder, s->name, &st, 0) < 0 && errno == ENOENT && !is_listed(s);
}

bool
storage_shows(struct bench *b)
{
	struct seen one = { .folder = b->b, .name = "one", .first = '1' };
	struct seen two = { .folder = b->b, .name = "two", .first = '1' };

	if (!has_gone(&one) || !has_gone(&two))	/* a client may keep that they are missing */
		return bench_broken(b, "a file is there that was not made");
	if (!bench_put(b, b->a, "one", SL("1")))
		return false;
	if (!bench_wait(has_come, &one))
		return bench_broken(b, "the other client does not see a new file");
	if (renameat(b->a, "one", b->a, "two") < 0)
		return bench_broken(b, "a rename failed: %s", strerror(errno));
	if (!bench_wait(has_come, &two))
		return bench_broken(b, "the other client does not see a new name");
	if (!bench_wait(has_gone, &one))
		return bench_broken(b, "the other client still sees the old name");
	two.first = '2';
	if (!bench_put(b, b->a, "three", SL("2")) || renameat(b->a, "three", b->a, "two") < 0)
		return bench_broken(b, "a rename failed: %s", strerror(errno));
	if (!bench_wait(has_come, &two))
		return bench_broken(b, "the other client still reads a file that was replaced");
	if (unlinkat(b->a, "two", 0) < 0)
		return bench_broken(b, "a removal failed: %s", strerror(errno));
	return bench_wait(has_gone, &two) ||
	    bench_broken(b, "the other client still sees a file that was removed");
}
