// SPDX-License-Identifier: ISC
/*
 * A lease without a process that keeps it.  Each process that works on the queue renews it when it
 * has to: before a step that cannot be undone it looks at a time that it shares with its parent and
 * children, and only if that has passed it opens the file.  A queue without a process is not
 * renewed, and needs not be: nothing happens to it.
 *
 * The rules:
 *
 *	A renewal is written into the file, in place.  It counts from the time before it began,
 *	for three quarters of the term.  Then the file is opened again by its name: if another
 *	one has taken its place, the renewal is void.
 *
 *	A new holder replaces the file by another one, with a greater generation.  Then it waits
 *	for a term, and for the time that clients may take to see the new file.  Renewals of
 *	before are over by then, and those that began later were void.
 *
 *	Of several that want to become the holder at a time, one makes the new file.
 *
 * No clock is compared with that of another machine: a term is measured by the one that waits, with
 * a clock that also runs while the machine sleeps.  The time of the last renewal is used by the
 * same boot of the same machine only, so that a short process need not write.
 *
 * A window remains.  A process may be stopped between its look at the time and the system call that
 * follows.  The last quarter of the term is for the call to end in.  If a process is stopped for
 * longer than that at this very place, one step passes after the change.  A virtual machine that is
 * stopped together with its clock even works until the time that it knows, as if it had not been
 * stopped.  So a holder that may wake up must be fenced first.
 */
#include "queue/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "queue/folders.h"

#define NEW_FILE     QUEUE_LEASE ".new"
#define RECORD_SIZE  512
#define SUM_SIZE     14			/* "sum: " and eight digits */
#define SUM_AT	     (RECORD_SIZE - SUM_SIZE)
#define BOOT_SIZE    37
#define READ_TRIES   50			/* while another process writes */
#define READ_STEP_MS 10
#define WATCH_MS     100
#define TERM_MAX_MS  3600000		/* as in [queue] lease */
#define RENEWALS     3			/* tries of one that takes longer than it holds */
#define WAIT_MS	     10000
#define WAIT_STEP_MS 20

enum state { STATE_HELD, STATE_TAKING, STATE_RELEASED };

static const char *const state_words[] = { "held", "taking", "released" };

struct record {
	char home[QUEUE_LEASE_NAME_SIZE], holder[QUEUE_LEASE_NAME_SIZE], boot[BOOT_SIZE];
	enum state state;
	uint64_t generation, term_ms;
	uint64_t renewed_us;		/* by the clock of that boot */
	int64_t wall_s;
};

/* Shared by a process with its children. */
struct queue_lease {
	_Atomic int64_t valid_us;	/* until then, by clock_boot_us() */
	atomic_bool lost;
	uint64_t generation, term_ms;
	bool away;			/* the queue is another machine's */
	char name[QUEUE_LEASE_NAME_SIZE], boot[BOOT_SIZE];
	void (*on_loss)(void *ctx);
	void *ctx;
	pid_t pid;			/* of the process that wants to know */
};

static void
sleep_ms(unsigned ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

/* Empty if this process cannot read it: then each process writes a renewal of its own. */
static void
find_boot(char ret[BOOT_SIZE])
{
	const int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);

	ret[0] = '\0';
	if (fd < 0)
		return;
	if (read(fd, ret, BOOT_SIZE - 1) == BOOT_SIZE - 1)
		ret[BOOT_SIZE - 1] = '\0';
	else
		ret[0] = '\0';
	(void)close(fd);
}

/* ---- the file ---- */

static void
write_sum(struct slice text, char ret[SUM_SIZE + 1])
{
	const uint64_t sum = hash_slice(HASH_START, text);

	(void)snprintf(ret, SUM_SIZE + 1, "sum: %08" PRIx32 "\n", (uint32_t)sum);
}

static void
record_write(const struct record *r, char ret[RECORD_SIZE + 1])
{
	struct buf b = { .p = ret, .cap = SUM_AT };

	buf_fmt(&b, "home: %s\nholder: %s\nstate: %s\ngeneration: %" PRIu64 "\nterm-ms: %" PRIu64
	    "\nboot: %s\nrenewed-us: %" PRIu64 "\nat: %" PRId64 "\n", r->home, r->holder,
	    state_words[r->state], r->generation, r->term_ms, r->boot, r->renewed_us, r->wall_s);
	memset(ret + b.n, '.', SUM_AT - b.n - 1);
	ret[SUM_AT - 1] = '\n';
	write_sum(slice_of(ret, SUM_AT), ret + SUM_AT);
}

/* The value of the next line, which must have this key. */
static bool
next_value(struct slice *rest, const char *key, struct slice *ret)
{
	struct slice line = slice_cut(*rest, '\n', rest);
	const struct slice name = slice_str(key);

	if (!slice_has_prefix(line, name))
		return false;
	*ret = slice_skip(line, name.n);
	return true;
}

static bool
next_text(struct slice *rest, const char *key, char *ret, size_t size)
{
	struct slice value;

	if (!next_value(rest, key, &value) || value.n >= size)
		return false;
	memcpy(ret, value.p, value.n);
	ret[value.n] = '\0';
	return true;
}

static bool
next_number(struct slice *rest, const char *key, uint64_t max, uint64_t *ret)
{
	struct slice value;

	return next_value(rest, key, &value) && slice_uint(value, max, ret);
}

static bool
next_state(struct slice *rest, enum state *ret)
{
	struct slice value;

	if (!next_value(rest, "state: ", &value))
		return false;
	for (size_t i = 0; i < sizeof state_words / sizeof state_words[0]; i++) {
		if (!slice_eq(value, slice_str(state_words[i])))
			continue;
		*ret = (enum state)i;
		return true;
	}
	return false;
}

static bool
record_parse(const char text[RECORD_SIZE], struct record *ret)
{
	struct slice rest = slice_of(text, SUM_AT);
	char sum[SUM_SIZE + 1];
	uint64_t wall = 0;

	write_sum(rest, sum);
	if (memcmp(sum, text + SUM_AT, SUM_SIZE) != 0 ||
	    !next_text(&rest, "home: ", ret->home, sizeof ret->home) ||
	    !next_text(&rest, "holder: ", ret->holder, sizeof ret->holder) ||
	    !next_state(&rest, &ret->state) ||
	    !next_number(&rest, "generation: ", INT64_MAX, &ret->generation) ||
	    !next_number(&rest, "term-ms: ", TERM_MAX_MS, &ret->term_ms) ||
	    !next_text(&rest, "boot: ", ret->boot, sizeof ret->boot) ||
	    !next_number(&rest, "renewed-us: ", INT64_MAX, &ret->renewed_us) ||
	    !next_number(&rest, "at: ", INT64_MAX, &wall))
		return false;
	ret->wall_s = (int64_t)wall;
	return true;
}

/* Read the record of an open file.  Another process may be writing it just now. */
static int
record_read(int fd, struct record *ret)
{
	char text[RECORD_SIZE];

	for (int i = 0; i < READ_TRIES; i++) {
		const ssize_t n = pread(fd, text, sizeof text, 0);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == RECORD_SIZE && record_parse(text, ret))
			return 0;
		sleep_ms(READ_STEP_MS);
	}
	return -EBADMSG;
}

/* Open the lease by its name, and read it.  A descriptor or -errno; then the record is nobody's. */
static int
open_record(const struct queue *q, int mode, struct record *ret)
{
	int r, fd;

	memset(ret, 0, sizeof *ret);
	fd = openat(q->tmp, QUEUE_LEASE, mode | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = record_read(fd, ret);
	if (r == 0)
		return fd;
	(void)close(fd);
	return r;
}

static int
read_by_name(const struct queue *q, struct record *ret)
{
	const int fd = open_record(q, O_RDONLY, ret);

	if (fd < 0)
		return fd;
	(void)close(fd);
	return 0;
}

static int
put_record(int fd, const struct record *r)
{
	char text[RECORD_SIZE + 1];
	int error;

	record_write(r, text);
	error = queue_write_at(fd, slice_of(text, RECORD_SIZE), 0);
	return error == 0 && fsync(fd) < 0 ? -errno : error;	/* a session may call this one */
}

/* Make the names in tmp/ durable, if this user may. */
static int
sync_names(const struct queue *q)
{
	return q->handing ? 0 : queue_sync_folder(q->tmp);
}

/* Make a new file with this record.  Both users of a queue write it; nobody else passes the queue's
 * own folder. */
static int
make_file(const struct queue *q, const char *name, const struct record *r)
{
	const int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const int fd = openat(q->tmp, name, flags, QUEUE_LEASE_MODE);
	struct stat folder;
	int error = 0;

	if (fd < 0)
		return -errno;
	if (fstat(q->tmp, &folder) < 0 ||
	    fchmod(fd, folder.st_mode & 0002 ? QUEUE_LEASE_MODE : 0600) < 0)
		error = -errno;
	if (error == 0)
		error = put_record(fd, r);
	if (error < 0)
		(void)unlinkat(q->tmp, name, 0);
	(void)close(fd);
	return error;
}

/* ---- renewals ---- */

static bool
is_mine(const struct queue_lease *l, const struct record *r)
{
	return r->state == STATE_HELD && strcmp(r->holder, l->name) == 0 &&
	    (l->away || strcmp(r->home, l->name) == 0) &&
	    (l->generation == 0 || l->generation == r->generation);
}

/* Three quarters of a term: the last one is for system calls that have begun. */
static int64_t
valid_until(const struct queue_lease *l, int64_t begun_us)
{
	return begun_us + (int64_t)l->term_ms * 750;
}

static int
lose_lease(struct queue_lease *l)
{
	atomic_store(&l->valid_us, 0);
	atomic_store(&l->lost, true);
	if (l->on_loss && l->pid == getpid())
		l->on_loss(l->ctx);
	return -EREMOTE;
}

/* Has another process of this boot renewed the lease, for as long as this one would? */
static bool
is_fresh(const struct queue_lease *l, const struct record *r, int64_t now_us)
{
	const int64_t renewed_us = (int64_t)r->renewed_us;

	return l->boot[0] && strcmp(r->boot, l->boot) == 0 && r->term_ms >= l->term_ms &&
	    renewed_us <= now_us &&
	    now_us - renewed_us < (int64_t)l->term_ms * 250;
}

static int
write_renewal(const struct queue *q, int fd, struct record *r, int64_t now_us)
{
	struct queue_lease *l = q->lease;
	int error;

	(void)snprintf(r->boot, sizeof r->boot, "%s", l->boot);
	r->renewed_us = (uint64_t)now_us;
	r->wall_s = clock_wall_s();
	if (r->term_ms < l->term_ms)	/* never less: another process may count on it */
		r->term_ms = l->term_ms;
	error = put_record(fd, r);
	return error < 0 ? error : read_by_name(q, r);
}

static int
renew_lease(const struct queue *q)
{
	struct queue_lease *l = q->lease;
	const int64_t now_us = clock_boot_us();
	struct record r;
	int error, fd = open_record(q, O_RDWR, &r);

	if (fd < 0)
		return fd;
	error = is_mine(l, &r) ? 0 : -EREMOTE;
	if (error == 0 && is_fresh(l, &r, now_us)) {
		atomic_store(&l->valid_us, valid_until(l, (int64_t)r.renewed_us));
	} else if (error == 0) {
		error = write_renewal(q, fd, &r, now_us);
		if (error == 0 && !is_mine(l, &r))
			error = -EREMOTE;
		if (error == 0)
			atomic_store(&l->valid_us, valid_until(l, now_us));
	}
	(void)close(fd);
	if (error == 0)
		l->generation = r.generation;
	return error == -EREMOTE ? lose_lease(l) : error;
}

bool
queue_lease_lost(const struct queue *q)
{
	return q->lease && atomic_load(&q->lease->lost);
}

/* Errors of the lease must not look like those of a message: it is gone, or it is none. */
int
queue_lease_renew(const struct queue *q)
{
	int r;

	if (!q->lease)
		return 0;
	r = atomic_load(&q->lease->lost) ? -EREMOTE : renew_lease(q);
	return r == -ENOENT ? -ESTALE : r == -EBADMSG ? -EUCLEAN : r;
}

int
queue_lease_check(const struct queue *q)
{
	const struct queue_lease *l = q->lease;

	/* A renewal that was stopped for too long, by storage or by sleep, proves nothing. */
	for (int i = 0; l && clock_boot_us() >= atomic_load(&l->valid_us); i++) {
		const int r = i < RENEWALS ? queue_lease_renew(q) : -ETIMEDOUT;

		if (r < 0)
			return r;
	}
	return 0;
}

bool
queue_lease_wait(const struct queue_lease *l)
{
	for (unsigned waited = 0; l && clock_boot_us() >= atomic_load(&l->valid_us);
	    waited += WAIT_STEP_MS) {
		if (atomic_load(&l->lost) || waited >= WAIT_MS)
			return false;
		sleep_ms(WAIT_STEP_MS);
	}
	return true;
}

void
queue_lease_on_loss(const struct queue *q, void (*f)(void *ctx), void *ctx)
{
	if (!q->lease)
		return;
	q->lease->on_loss = f;
	q->lease->ctx = ctx;
	q->lease->pid = getpid();
}

/* ---- the begin and the end ---- */

static int
find_name(const char *name, char ret[QUEUE_LEASE_NAME_SIZE])
{
	ret[0] = ret[QUEUE_LEASE_NAME_SIZE - 1] = '\0';
	if (name)
		(void)snprintf(ret, QUEUE_LEASE_NAME_SIZE, "%s", name);
	else if (gethostname(ret, QUEUE_LEASE_NAME_SIZE) < 0)
		return -errno;
	return ret[0] && !strchr(ret, '\n') ? 0 : -EINVAL;
}

/* Memory that children share. */
static int
new_lease(struct queue *q, const char *name, uint64_t term_ms)
{
	struct queue_lease *l = mmap(NULL, sizeof *l, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int r;

	if (l == MAP_FAILED)
		return -errno;
	l->term_ms = term_ms;
	find_boot(l->boot);
	r = find_name(name, l->name);
	if (r < 0) {
		(void)munmap(l, sizeof *l);
		return r;
	}
	q->lease = l;
	return 0;
}

/* Without a lease the queue has no rules. */
static void
drop_lease(struct queue *q)
{
	(void)munmap(q->lease, sizeof *q->lease);
	q->lease = NULL;
}

/* Remove a lease that its maker left empty when it died.  If the maker lives, its lease is void. */
static int
remove_empty(const struct queue *q)
{
	struct stat st;

	if (fstatat(q->tmp, QUEUE_LEASE, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > 0)
		return -EBADMSG;
	return unlinkat(q->tmp, QUEUE_LEASE, 0) < 0 ? -errno : -ENOENT;
}

int
queue_lease_join(struct queue *q, const char *name, uint64_t term_ms)
{
	struct record first = { .state = STATE_HELD, .generation = 1, .term_ms = term_ms };
	int r = new_lease(q, name, term_ms);

	if (r < 0)
		return r;
	r = renew_lease(q);
	if (r == -EBADMSG)
		r = remove_empty(q);
	if (r != -ENOENT)
		return r;
	memcpy(first.home, q->lease->name, sizeof first.home);
	memcpy(first.holder, q->lease->name, sizeof first.holder);
	r = make_file(q, QUEUE_LEASE, &first);
	if (r == 0)
		r = sync_names(q);
	return r == 0 || r == -EEXIST ? renew_lease(q) : r;
}

/* Does the holder renew its lease? */
static int
watch_lease(const struct queue *q, const struct record *was, uint64_t seen_ms)
{
	const int64_t until_us = clock_us() + (int64_t)(was->term_ms + seen_ms) * 1000;
	struct record now;

	while (clock_us() < until_us) {
		const int r = read_by_name(q, &now);

		if (r < 0)
			return r;
		if (now.generation != was->generation || now.renewed_us != was->renewed_us ||
		    strcmp(now.boot, was->boot) != 0 || now.state != was->state)
			return -EBUSY;
		sleep_ms(WATCH_MS);
	}
	return 0;
}

/* Remove the new file of a taker that has died.  0; -EALREADY if it lives. */
static int
remove_stale(const struct queue *q, unsigned wait_ms)
{
	struct stat was, now;

	if (fstatat(q->tmp, NEW_FILE, &was, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	sleep_ms(wait_ms);
	if (fstatat(q->tmp, NEW_FILE, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (now.st_ino != was.st_ino || now.st_mtim.tv_sec != was.st_mtim.tv_sec ||
	    now.st_mtim.tv_nsec != was.st_mtim.tv_nsec)
		return -EALREADY;
	return unlinkat(q->tmp, NEW_FILE, 0) < 0 ? -errno : 0;
}

/* Put a new file in the place of the lease.  While it has its first name, no other taker does the
 * same; -EALREADY if one did so just before. */
static int
replace_file(const struct queue *q, const struct record *r, unsigned wait_ms)
{
	struct record now;
	int error = make_file(q, NEW_FILE, r);

	if (error == -EEXIST) {
		error = remove_stale(q, wait_ms);
		if (error == 0)
			error = make_file(q, NEW_FILE, r);
	}
	if (error < 0)
		return error == -EEXIST ? -EALREADY : error;
	error = read_by_name(q, &now);
	if (error == 0 && now.generation + 1 != r->generation)
		error = -EALREADY;
	if (error == 0 && renameat(q->tmp, NEW_FILE, q->tmp, QUEUE_LEASE) < 0)
		error = -errno;
	if (error == 0)
		return sync_names(q);
	(void)unlinkat(q->tmp, NEW_FILE, 0);
	return error;
}

/* May this lease be taken?  0 or -errno. */
static int
may_take(const struct queue *q, const struct queue_lease_taking *t, const struct record *r)
{
	const char *name = q->lease->name;
	const bool mine = strcmp(r->holder, name) == 0;

	if (t->back != (strcmp(r->home, name) == 0))
		return -EINVAL;
	if (mine || r->state == STATE_RELEASED)
		return 0;
	return t->fenced ? watch_lease(q, r, t->seen_ms) : -EPERM;
}

/* Nobody has come in between? */
static int
end_taking(const struct queue *q, const struct record *taken)
{
	struct record now;
	int error, fd = open_record(q, O_RDWR, &now);

	if (fd < 0)
		return fd;
	if (now.state == STATE_TAKING && now.generation == taken->generation &&
	    strcmp(now.holder, taken->holder) == 0) {
		now.state = STATE_HELD;
		error = put_record(fd, &now);
	} else {
		error = -EBUSY;
	}
	(void)close(fd);
	return error;
}

/* Change the holder.  No time passes if the former one has ended its work, or was this machine. */
static int
change_holder(const struct queue *q, struct record *r, uint64_t seen_ms)
{
	const struct queue_lease *l = q->lease;
	const bool wait = r->state == STATE_TAKING ||
	    (r->state == STATE_HELD && strcmp(r->holder, l->name) != 0);
	const uint64_t wait_ms = r->term_ms + seen_ms;
	int error;

	memcpy(r->holder, l->name, sizeof r->holder);
	r->state = wait ? STATE_TAKING : STATE_HELD;
	r->generation++;
	error = replace_file(q, r, (unsigned)wait_ms);
	if (error < 0 || !wait)
		return error;
	sleep_ms((unsigned)wait_ms);
	return end_taking(q, r);
}

int
queue_lease_take(struct queue *q, const struct queue_lease_taking *t)
{
	struct record r;
	int error = new_lease(q, t->name, t->term_ms);

	if (error < 0)
		return error;
	error = read_by_name(q, &r);
	if (error == 0)
		error = may_take(q, t, &r);
	if (error == 0)
		error = change_holder(q, &r, t->seen_ms);
	if (error < 0)
		return error;
	q->lease->away = !t->back;
	q->lease->generation = r.generation;
	return renew_lease(q);
}

int
queue_lease_join_away(struct queue *q, const char *name, uint64_t term_ms)
{
	int r = new_lease(q, name, term_ms);

	if (r < 0)
		return r;
	q->lease->away = true;
	r = renew_lease(q);
	if (r == -ENOENT)
		drop_lease(q);
	return r;
}

int
queue_lease_release(const struct queue *q)
{
	struct record r;
	int error, fd = open_record(q, O_RDWR, &r);

	if (fd < 0)
		return fd;
	error = is_mine(q->lease, &r) ? 0 : -EREMOTE;
	atomic_store(&q->lease->valid_us, 0);
	r.state = STATE_RELEASED;
	if (error == 0)
		error = put_record(fd, &r);
	(void)close(fd);
	return error;
}

int
queue_lease_read(const struct queue *q, struct queue_lease_state *ret)
{
	struct record r;
	const int error = read_by_name(q, &r);

	if (error < 0)
		return error;
	memcpy(ret->home, r.home, sizeof ret->home);
	memcpy(ret->holder, r.holder, sizeof ret->holder);
	ret->generation = r.generation;
	ret->renewed_s = r.wall_s;
	ret->released = r.state == STATE_RELEASED;
	return 0;
}
