// SPDX-License-Identifier: ISC
/*
 * The process has two descriptors: the folder and one end of a pair.  The IDs and the replies are
 * in memory that both share, and no third process; an octet over the pair starts a call, and one
 * ends it.  A call ends early if there is no room for the next reply.  A call that does not end in
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
#define IDLE_DEATHS_MAX 3	/* of processes that read no message meanwhile */
#define FOLDER_FD 3
#define PAIR_FD	  4

/* Room for the longest envelope, its domains in another form.  Only used pages take memory. */
#define ROOM  (160U << 20)
#define USUAL (1U << 20)	/* of it is kept from call to call */

struct queue_reader_page {
	volatile uint32_t from, n;	/* the messages of this call */
	volatile uint32_t now;		/* the message that is read, from 1 on; 0: none yet */
	volatile uint32_t done;		/* messages with a reply */
	char ids[QUEUE_READER_MAX][QUEUE_ID_SIZE];
	struct {
		volatile uint32_t at, n;
	} replies[QUEUE_READER_MAX];
	char room[];
};

#define SHARED_SIZE (sizeof(struct queue_reader_page) + ROOM)

/* Read message i and write its reply behind the others.  False if there is no room. */
static bool
read_one(const struct queue_reader *r, uint32_t i, size_t *used)
{
	struct buf b = { .p = r->page->room + *used, .cap = ROOM - *used };
	struct queue_spot spot = { .folder = FOLDER_FD };
	struct queue_entry e = { .fd = -1 };
	int error;

	memcpy(spot.id, r->page->ids[i], sizeof spot.id);
	error = queue_look(&spot, &e);
	if (r->write)
		r->write(r->ctx, &e, error, &b);
	queue_unload(&e);
	if (b.full && *used)
		return false;
	r->page->replies[i].at = (uint32_t)*used;
	r->page->replies[i].n = b.full ? 0 : (uint32_t)b.n;
	*used += b.n;
	return true;
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
	/* A folder of the name of a message must be seen to be one. */
	landlock_allow(&l, FOLDER_FD,
	    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
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
		size_t used = 0;

		for (uint32_t i = page->from; i < page->n && i < QUEUE_READER_MAX; i++) {
			page->now = i + 1;
			if (!read_one(r, i, &used))
				break;
			page->done = i + 1;
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
		void *page = mmap(NULL, SHARED_SIZE, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (page == MAP_FAILED)
			return false;
		r->page = page;
	}
	(void)madvise(r->page, SHARED_SIZE, MADV_DOFORK);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return false;
	(void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
	r->pid = fork();
	if (r->pid == 0)
		read_all(r, folder, pair[1], parent);
	(void)madvise(r->page, SHARED_SIZE, MADV_DONTFORK);
	(void)close(pair[1]);
	r->fd = pair[0];
	if (r->pid > 0)
		return true;
	r->pid = 0;
	(void)close(r->fd);
	return false;
}

/* End the process.  One that a message has taken over would not end by itself.  The signal that has
 * ended it, or 0. */
static int
end_process(struct queue_reader *r)
{
	int status = 0;
	pid_t ended;

	if (r->pid == 0)
		return 0;
	(void)close(r->fd);
	ended = waitpid(r->pid, &status, WNOHANG);
	if (ended == 0)		/* a fault that ends it already stays its status */
		(void)kill(r->pid, SIGKILL);
	while (ended == 0 || (ended < 0 && errno == EINTR))
		ended = waitpid(r->pid, &status, 0);
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

/* Hand on the replies to some messages. */
static void
hand_on(const struct queue_reader *r, size_t from, size_t to, queue_reader_take *take, void *ctx)
{
	size_t used = 0;

	for (size_t i = from; i < to; i++) {
		const size_t at = r->page->replies[i].at, n = r->page->replies[i].n;
		const bool good = at < ROOM && n <= ROOM - at;

		take(ctx, i, &(struct queue_reader_reply){
			.octets = slice_of(r->page->room + (good ? at : 0), good ? n : 0),
		});
		used = good && at + n > used ? at + n : used;
	}
	if (used > USUAL)
		(void)madvise(r->page, SHARED_SIZE, MADV_REMOVE);
}

/* Let the process read messages from `from` on.  Returns the number of the next one. */
static size_t
read_some(struct queue_reader *r, char (*ids)[QUEUE_ID_SIZE], size_t from, size_t n,
    queue_reader_take *take, void *ctx)
{
	struct queue_reader_reply death = { 0 };
	size_t now, done;
	bool lives;

	memcpy(r->page->ids, ids, n * sizeof *ids);
	r->page->n = (uint32_t)n;
	r->page->from = (uint32_t)from;
	r->page->now = 0;
	r->page->done = (uint32_t)from;
	lives = call_process(r);
	now = r->page->now;
	done = r->page->done;
	if (done < from || done > n)
		done = from;
	lives &= done > from;	/* one that is sound reads at least one message */
	if (!lives)
		death.signo = end_process(r);
	hand_on(r, from, done, take, ctx);
	/* If it died before the first one, that was no message's fault. */
	if (lives || now != done + 1 || now > n)
		return done;
	if (!death.signo)		/* it ended itself */
		death.signo = SIGABRT;
	take(ctx, done, &death);
	return now;
}

size_t
queue_reader_ask(struct queue_reader *r, int folder, char (*ids)[QUEUE_ID_SIZE], size_t n,
    queue_reader_take *take, void *ctx)
{
	size_t from = 0;
	int idle = 0;

	while (from < n && idle < IDLE_DEATHS_MAX && (r->pid || start_process(r, folder))) {
		const size_t now = read_some(r, ids, from, n, take, ctx);

		idle += now == from;
		from = now;
	}
	return from;
}

static void
take_signal(void *ctx, size_t i, const struct queue_reader_reply *reply)
{
	((int *)ctx)[i] = reply->signo;
}

void
queue_reader_try(struct queue_reader *r, int folder, char (*ids)[QUEUE_ID_SIZE], size_t n,
    int *ret_signals)
{
	memset(ret_signals, 0, n * sizeof *ret_signals);
	(void)queue_reader_ask(r, folder, ids, n, take_signal, ret_signals);
}

void
queue_reader_end(struct queue_reader *r)
{
	(void)end_process(r);
	if (r->page)
		(void)munmap(r->page, SHARED_SIZE);
	r->page = NULL;
}
