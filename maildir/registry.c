// SPDX-License-Identifier: ISC
#include "maildir/registry.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "mailbox/users.h"
#include "maildir/user.h"

#define THREADS	16		/* questions at a time */
#define ASK_S	1		/* for a client to ask, after it has connected */

struct registry {
	int listener;
	uint64_t min_uid;
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

static void
answer(const struct registry *r, int fd)
{
	const struct timeval patience = { .tv_sec = ASK_S };
	struct users_answer reply = { .version = USERS_VERSION };
	struct users_question question;
	ssize_t n;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	n = recv(fd, &question, sizeof question, MSG_TRUNC);
	if (n != (ssize_t)sizeof question || question.version != USERS_VERSION ||
	    !memchr(question.name, '\0', sizeof question.name))
		return;
	reply.verdict = verdict_of(question.name, r->min_uid);
	(void)send(fd, &reply, sizeof reply, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void *
serve(void *arg)
{
	struct registry *r = arg;
	int fd;

	for (;;) {
		fd = accept4(r->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd < 0) {
			/* Without a descriptor or memory for it, the next call fails at once. */
			if (errno == EMFILE || errno == ENFILE || errno == ENOMEM)
				(void)poll(NULL, 0, 100);
			continue;
		}
		atomic_fetch_add(&r->busy, 1);
		answer(r, fd);
		(void)close(fd);
		atomic_fetch_add(&r->answered, 1);
		atomic_fetch_sub(&r->busy, 1);
	}
	return NULL;
}

/* Wait until no question came for so long. */
static void
wait_idle(const struct registry *r, unsigned idle_s)
{
	unsigned seen = 0, still = 0, now;

	while (idle_s == 0 || still < idle_s) {
		(void)poll(NULL, 0, 1000);
		now = atomic_load(&r->answered);
		still = now == seen && atomic_load(&r->busy) == 0 ? still + 1 : 0;
		seen = now;
	}
}

int
registry_serve(int listener, uint64_t min_uid, unsigned idle_s)
{
	static struct registry registry;
	pthread_t thread;
	int r;

	registry.listener = listener;
	registry.min_uid = min_uid;
	for (unsigned i = 0; i < THREADS; i++) {
		r = pthread_create(&thread, NULL, serve, &registry);
		if (r != 0 && i == 0)
			return -r;
	}
	wait_idle(&registry, idle_s);
	return 0;
}
