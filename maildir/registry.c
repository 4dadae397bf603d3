// SPDX-License-Identifier: ISC
#include "maildir/registry.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fence.h"
#include "base/landlock.h"
#include "mailbox/users.h"
#include "maildir/user.h"

#define THREADS	16		/* questions at a time */
#define ENDED	(UINT32_C(1) << 31)	/* no connection is accepted any more */

struct registry {
	int listener, epoll;		/* each descriptor has an event for one thread at a time */
	uint64_t min_uid;
	atomic_uint clients;		/* connections, or ENDED */
	atomic_uint busy;		/* questions that are being answered */
	atomic_uint answered;
};

static enum users_verdict
verdict_of(const char *name, uint64_t min_uid)
{
	struct user user;
	const int r = user_find(name, min_uid, &user);

	if (r > 0)
		return USERS_EXISTS;
	return r == 0 || r == -EPERM ? USERS_NONE : USERS_TROUBLE;
}

/* Take a question and answer it.  False if the connection is over. */
static bool
answer(const struct registry *r, int fd)
{
	struct users_answer reply = { .version = USERS_VERSION };
	struct users_question question;
	const ssize_t n = recv(fd, &question, sizeof question, MSG_TRUNC | MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (n != (ssize_t)sizeof question || question.version != USERS_VERSION ||
	    !memchr(question.name, '\0', sizeof question.name))
		return false;
	reply.id = question.id;
	reply.verdict = verdict_of(question.name, r->min_uid);
	return send(fd, &reply, sizeof reply, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0;
}

/* Let one thread have the next event of fd. */
static int
await_event(const struct registry *r, int operation, int fd)
{
	struct epoll_event e = { .events = EPOLLIN | EPOLLONESHOT, .data.fd = fd };

	return epoll_ctl(r->epoll, operation, fd, &e);
}

static void
accept_client(struct registry *r)
{
	int fd;

	if (atomic_fetch_add(&r->clients, 1) & ENDED)
		return;
	fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
	/* Without a descriptor or memory for it, the next call fails at once. */
	if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
		(void)poll(NULL, 0, 100);
	(void)await_event(r, EPOLL_CTL_MOD, r->listener);
	if (fd >= 0 && await_event(r, EPOLL_CTL_ADD, fd) == 0)
		return;
	if (fd >= 0)
		(void)close(fd);
	atomic_fetch_sub(&r->clients, 1);
}

static void
serve_client(struct registry *r, int fd)
{
	bool goes_on;

	atomic_fetch_add(&r->busy, 1);
	goes_on = answer(r, fd) && await_event(r, EPOLL_CTL_MOD, fd) == 0;
	atomic_fetch_add(&r->answered, 1);
	atomic_fetch_sub(&r->busy, 1);
	if (goes_on)
		return;
	(void)close(fd);
	atomic_fetch_sub(&r->clients, 1);
}

static void *
serve(void *arg)
{
	struct registry *r = arg;
	struct epoll_event e;

	for (;;) {
		if (epoll_wait(r->epoll, &e, 1, -1) != 1)
			continue;
		if (e.data.fd == r->listener)
			accept_client(r);
		else
			serve_client(r, e.data.fd);
	}
	return NULL;
}

/* Wait until no question came for so long, and no client is left that may ask. */
static void
wait_idle(struct registry *r, unsigned idle_s)
{
	unsigned seen = 0, still = 0, now, none = 0;

	while (idle_s == 0 || still < idle_s ||
	    !atomic_compare_exchange_strong(&r->clients, &none, ENDED)) {
		none = 0;
		(void)poll(NULL, 0, 1000);
		now = atomic_load(&r->answered);
		still = now == seen && atomic_load(&r->busy) == 0 ? still + 1 : 0;
		seen = now;
	}
}

/* The directories of users are any libraries, which may read any file; none writes or executes
 * one. */
static void
put_up_walls(void)
{
	struct landlock l;

	fence_calls();
	landlock_begin(&l, LANDLOCK_SCOPED);
	landlock_allow_path(&l, "/", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR);
	(void)landlock_enforce(&l);
}

int
registry_serve(int listener, uint64_t min_uid, unsigned idle_s)
{
	static struct registry registry;
	pthread_t thread;
	int r;

	registry.listener = listener;
	registry.min_uid = min_uid;
	put_up_walls();
	registry.epoll = epoll_create1(EPOLL_CLOEXEC);
	if (registry.epoll < 0 || await_event(&registry, EPOLL_CTL_ADD, listener) < 0)
		return -errno;
	for (unsigned i = 0; i < THREADS; i++) {
		r = pthread_create(&thread, NULL, serve, &registry);
		if (r != 0 && i == 0)
			return -r;
	}
	wait_idle(&registry, idle_s);
	return 0;
}
