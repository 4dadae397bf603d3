// SPDX-License-Identifier: ISC
/*
 * The kernel keeps the map of a process that died, however it died.  A fault is distinguished from
 * a kill by a handler of the signal: a kill may hit any message by chance, a fault does not.
 */
#include "queue/reading.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/large.h"

#define FILE_NAME  "reading"
#define STACK_SIZE 65536

/* The content of the file. */
struct reading {
	volatile char id[QUEUE_ID_SIZE];	/* "": none */
	volatile unsigned char signo;
	volatile unsigned char killed;
	char last[QUEUE_ID_SIZE];	/* the message on which the last process was killed */
};

static struct reading *reading;		/* NULL: not mapped */
static pid_t owner;

/* Processes that this one forks have the handler, too, but not the map. */
static void
note_fault(int signo)
{
	if (reading && getpid() == owner)
		reading->signo = (unsigned char)signo;
	(void)raise(signo);		/* the handler is reset: this ends the process */
}

static void
catch_faults(void)
{
	static const int faults[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS };
	static LARGE char stack[STACK_SIZE];
	const stack_t space = { .ss_sp = stack, .ss_size = sizeof stack };
	struct sigaction had, action = {
		.sa_handler = note_fault, .sa_flags = (int)SA_RESETHAND | SA_ONSTACK,
	};

	if (sigaltstack(&space, NULL) < 0)
		return;
	for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
		/* A debugger or a sanitizer may have its own. */
		if (sigaction(faults[i], NULL, &had) == 0 && had.sa_handler == SIG_DFL)
			(void)sigaction(faults[i], &action, NULL);
}

static struct reading *
map_file(int state)
{
	struct reading *map = MAP_FAILED;
	int fd = openat(state, FILE_NAME,
	    O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);

	if (fd < 0)
		return NULL;
	/* The room is allocated: a full disk must not end the process at a mark. */
	if (posix_fallocate(fd, 0, sizeof *map) == 0)
		map = mmap(NULL, sizeof *map, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void)close(fd);
	if (map == MAP_FAILED)
		return NULL;
	if (madvise(map, sizeof *map, MADV_DONTFORK) == 0)
		return map;
	(void)munmap(map, sizeof *map);
	return NULL;
}

void
queue_reading_renew(const struct queue *q)
{
	struct reading *had = reading;

	reading = NULL;
	if (had && owner == getpid())
		(void)munmap(had, sizeof *had);
	reading = map_file(q->state);
}

bool
queue_reading_open(const struct queue *q, struct queue_reading_left *ret)
{
	bool left;

	queue_reading_renew(q);
	if (!reading)
		return false;
	for (size_t i = 0; i < sizeof ret->id; i++)
		ret->id[i] = reading->id[i];
	left = memchr(ret->id, '\0', sizeof ret->id) && queue_is_id(ret->id);
	ret->signo = reading->signo;
	ret->killed = 1;
	if (left && memcmp(reading->last, ret->id, sizeof ret->id) == 0)
		ret->killed += reading->killed;
	memset(reading->last, 0, sizeof reading->last);
	if (left && ret->signo == 0)
		memcpy(reading->last, ret->id, sizeof ret->id);
	reading->killed = left ? (unsigned char)ret->killed : 0;
	reading->id[0] = '\0';
	reading->signo = 0;
	owner = getpid();
	catch_faults();
	return left;
}

void
queue_reading_begin(const char *id)
{
	if (!reading)
		return;
	for (size_t i = 1; i < QUEUE_ID_SIZE; i++)
		reading->id[i] = id[i];
	reading->id[0] = id[0];		/* the last octet: no other ID is ever there */
}

void
queue_reading_end(void)
{
	if (!reading)
		return;
	if (reading->last[0] && memcmp((const char *)reading->id, reading->last,
	    sizeof reading->last) == 0)
		reading->last[0] = '\0';
	reading->id[0] = '\0';
}
