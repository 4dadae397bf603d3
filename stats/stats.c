// SPDX-License-Identifier: ISC
/*
 * A map that is shared costs a process no call for each event, and a process that is killed loses
 * nothing.  The file may be cut while it is mapped: memory of this process then takes its place.
 */
#include "stats/stats.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "base/file.h"
#include "queue.h"

static_assert(sizeof(struct stats_file) == QUEUE_COUNTS_SIZE, "the queue makes the file");
static_assert(sizeof STATS_MAGIC <= sizeof((struct stats_file *)0)->magic, "room for the magic");

/* A signal handler reads it. */
static struct stats_file *volatile file;

/* A page of the map has lost its file.  Async-signal-safe: mmap(2) is one call. */
static void
on_bus_error(int number, siginfo_t *info, void *context)
{
	const uintptr_t at = (uintptr_t)info->si_addr, begin = (uintptr_t)file;

	(void)context;
	if (file && at >= begin && at < begin + sizeof *file &&
	    mmap(file, sizeof *file, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED)
		return;
	(void)signal(number, SIG_DFL);	/* the instruction fails again */
}

int
stats_map(int fd)
{
	struct sigaction action = { .sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO };
	void *p;

	if (file)
		(void)munmap(file, sizeof *file);
	file = NULL;
	if (fd < 0)
		return -ENOENT;
	p = mmap(NULL, sizeof *file, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		return -errno;
	if (sigaction(SIGBUS, &action, NULL) < 0) {
		(void)munmap(p, sizeof *file);
		return -errno;
	}
	file = p;
	if (file->magic[0] == '\0')
		memcpy(file->magic, STATS_MAGIC, sizeof STATS_MAGIC);
	return 0;
}

void
stats_keep_from_children(void)
{
	if (file)
		(void)madvise(file, sizeof *file, MADV_DONTFORK);
}

void
stats_add(enum stats_family family, unsigned value, uint64_t n)
{
	if (file && value < STATS_VALUES)
		(void)__atomic_fetch_add(&file->counts[family][value], n, __ATOMIC_RELAXED);
}

void
stats_add_word(enum stats_family family, const char *word)
{
	const char *const *values = stats_table[family].values;
	unsigned i = 0;

	while (values[i] && strcmp(values[i], word) != 0)
		i++;
	stats_add(family, values[i] ? i : STATS_OTHER, 1);
}

void
stats_time(enum stats_family family, int64_t us)
{
	unsigned i = 0;

	if (us < 0)
		us = 0;
	while (i < STATS_BOUNDS && us > stats_bounds_us[i])
		i++;
	stats_add(family, i, 1);
	stats_add(family, STATS_SUM, (uint64_t)us);
}

/* The row of a route.  A new one takes the first that is free. */
static struct stats_route *
find_route(const char *name)
{
	struct stats_route *r = file->routes, *const last = r + STATS_ROUTES - 1;

	for (; r < last; r++) {
		if (strncmp(r->name, name, sizeof r->name - 1) == 0)
			return r;
		if (r->name[0] == '\0') {
			memcpy(r->name, name, strnlen(name, sizeof r->name - 1));
			return r;
		}
	}
	return r;
}

void
stats_add_route(const char *name, enum stats_outcome outcome)
{
	if (file)
		(void)__atomic_fetch_add(&find_route(name)->counts[outcome], 1, __ATOMIC_RELAXED);
}

bool
stats_read(int fd, struct stats_file *ret)
{
	if (file_read_at(fd, ret, sizeof *ret, 0) < 0 ||
	    strncmp(ret->magic, STATS_MAGIC, sizeof ret->magic) != 0)
		return false;
	for (unsigned i = 0; i < STATS_ROUTES; i++)
		ret->routes[i].name[STATS_ROUTE - 1] = '\0';
	return true;
}
