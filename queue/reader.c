// SPDX-License-Identifier: ISC
/*
 * The process has two descriptors: the folder and one end of a pair.  The IDs are in a page that
 * both share; an octet over the pair starts a call, and one ends it.  A call that does not end in
 * time counts as a death.
 */
#include "queue/reader.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/landlock.h"
#include "base/seccomp.h"
#include "queue/operator.h"

#define TIME_S	  30		/* longest time of a call; a parser may also run for ever */
#define IDLE_DEATHS_MAX 3	/* then the messages are read without it */
#define FOLDER_FD 3
#define PAIR_FD	  4

struct queue_reader_page {
	volatile uint32_t from, n;	/* the messages of this call */
	volatile uint32_t now;		/* the message that is read, from 1 on; 0: none yet */
	char ids[QUEUE_READER_MAX][QUEUE_ID_SIZE];
};

static void
read_one(const struct queue_reader *r, const char *id)
{
	struct queue_spot spot = { .folder = FOLDER_FD };
	struct queue_entry e;

	memcpy(spot.id, id, sizeof spot.id);
	if (queue_look(&spot, &e) < 0)
		return;
	if (r->read)
		r->read(&e);
	queue_unload(&e);
}

static const struct seccomp_rule calls[] = {
	SECCOMP_WITH_2(openat, 1, FOLDER_FD, 3, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC),
	SECCOMP_CALL(fstat),
	/* fstat(2) of newer libraries */
	{ .call = __NR_newfstatat, .tests = { { 4, AT_EMPTY_PATH, AT_EMPTY_PATH } } },
	SECCOMP_CALL(pread64), SECCOMP_CALL(lseek), SECCOMP_CALL(close),
	SECCOMP_WITH(recvfrom, 1, PAIR_FD), SECCOMP_WITH(sendto, 1, PAIR_FD),
	SECCOMP_WITHOUT(mmap, 3, PROT_EXEC), SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC),
	SECCOMP_CALL(munmap), SECCOMP_CALL(mremap), SECCOMP_CALL(brk), SECCOMP_CALL(madvise),
	SECCOMP_CALL(futex), SECCOMP_CALL(clock_gettime), SECCOMP_CALL(sysinfo),
	SECCOMP_CALL(getpid), SECCOMP_CALL(gettid), SECCOMP_CALL(rt_sigprocmask),
	SECCOMP_CALL(rt_sigaction), SECCOMP_CALL(rt_sigreturn), SECCOMP_CALL(restart_syscall),
	SECCOMP_CALL(exit_group),
};

/* It may read the files of the folder, and reply. */
static void
put_up_walls(void)
{
	/* abort(3) */
	const struct seccomp_rule own_signal = SECCOMP_WITH(tgkill, 1, getpid());
	struct seccomp f = { .n = 0 };
	struct landlock l;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	landlock_begin(&l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	landlock_allow(&l, FOLDER_FD, LANDLOCK_ACCESS_FS_READ_FILE);
	(void)landlock_enforce(&l);
	SECCOMP_ADD(&f, calls);
	seccomp_add(&f, &own_signal, 1);
	(void)seccomp_enforce(&f, SECCOMP_RET_ERRNO | ENOSYS);
}

/* The two descriptors may have each other's number. */
static bool
keep_two(int folder, int fd)
{
	const int high = fcntl(folder, F_DUPFD, PAIR_FD + 1);
	const int high_fd = fcntl(fd, F_DUPFD, PAIR_FD + 1);

	if (high < 0 || high_fd < 0 || dup2(high, FOLDER_FD) < 0 || dup2(high_fd, PAIR_FD) < 0)
		return false;
	(void)syscall(SYS_close_range, PAIR_FD + 1, ~0U, 0U);
	return true;
}

static _Noreturn void
read_all(const struct queue_reader *r, int folder, int fd, pid_t parent)
{
	struct queue_reader_page *page = r->page;
	char octet;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent || !keep_two(folder, fd))
		_exit(0);
	put_up_walls();
	while (recv(PAIR_FD, &octet, 1, 0) == 1) {
		for (uint32_t i = page->from; i < page->n && i < QUEUE_READER_MAX; i++) {
			page->now = i + 1;
			read_one(r, page->ids[i]);
		}
		if (send(PAIR_FD, &octet, 1, MSG_NOSIGNAL) != 1)
			break;
	}
	_exit(0);
}

static bool
start_process(struct queue_reader *r, int folder)
{
	const struct timeval limit = { .tv_sec = TIME_S };
	const pid_t parent = getpid();
	int pair[2];

	if (!r->page) {
		void *page = mmap(NULL, sizeof *r->page, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			return false;
		r->page = page;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	r->pid = fork();
	if (r->pid == 0)
		read_all(r, folder, pair[1], parent);
	(void)close(pair[1]);
	r->fd = pair[0];
	if (r->pid > 0)
		return true;
	r->pid = 0;
	(void)close(r->fd);
	return false;
}

/* End the process.  The signal that has ended it before, or 0. */
static int
end_process(struct queue_reader *r)
{
	int status = 0;
	pid_t ended;

	if (r->pid == 0)
		return 0;
	(void)close(r->fd);
	do
		ended = waitpid(r->pid, &status, 0);
	while (ended < 0 && errno == EINTR);
	r->pid = 0;
	return ended > 0 && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* One call of the process.  False if it has died. */
static bool
call_process(const struct queue_reader *r)
{
	char octet = 0;
	ssize_t n;

	if (send(r->fd, &octet, 1, MSG_NOSIGNAL) != 1)
		return false;
	do
		n = recv(r->fd, &octet, 1, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		(void)kill(r->pid, SIGKILL);	/* it is too slow */
	return n == 1;
}

void
queue_reader_try(struct queue_reader *r, int folder, char (*ids)[QUEUE_ID_SIZE], size_t n,
    int *ret_signals)
{
	size_t from = 0;
	int idle = 0;

	memset(ret_signals, 0, n * sizeof *ret_signals);
	while (from < n && idle < IDLE_DEATHS_MAX && (r->pid || start_process(r, folder))) {
		size_t now;
		int signo;

		memcpy(r->page->ids, ids, n * sizeof *ids);
		r->page->n = (uint32_t)n;
		r->page->from = (uint32_t)from;
		r->page->now = 0;
		if (call_process(r))
			return;
		now = r->page->now;
		signo = end_process(r);
		if (now <= from || now > n) {	/* it died before: that was no message's fault */
			idle++;
			continue;
		}
		ret_signals[now - 1] = signo;
		from = now;
	}
}

void
queue_reader_end(struct queue_reader *r)
{
	(void)end_process(r);
	if (r->page)
		(void)munmap(r->page, sizeof *r->page);
	r->page = NULL;
}
