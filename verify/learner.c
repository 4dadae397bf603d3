// SPDX-License-Identifier: ISC
/*
 * A question costs a name server a second reply from its own memory.
 */
#include "verify/learner.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/foreign.h"
#include "verify/confine.h"

#define AT_ONCE	  64
#define REST_MS	  10000		/* between two starts of the process */
#define WAIT_MS	  20		/* how late a question is asked while others are open */

/* A question, from a process that may send any octets. */
struct question {
	enum dns_type type;
	char name[DNS_NAME_MAX];
};

static int to_listener = -1;

/* ---- the process that asks ---- */

struct asked {
	bool used;
	struct question what;
	struct dns_question question;
};

static void
send_memo(void *ctx, const struct dns_memo *memo)
{
	(void)send(*(const int *)ctx, memo, dns_memo_size(memo), MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Take a question into a free place; wait for one if none is open.  1; 0; -1: the listener hangs
 * up. */
static int
take_question(int fd, struct asked *a, bool wait)
{
	const ssize_t n = recv(fd, &a->what, sizeof a->what, wait ? 0 : MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != (ssize_t)sizeof a->what)
		return -1;
	a->question = (struct dns_question){ .name = a->what.name, .type = a->what.type };
	return 1;
}

/* Begin to ask what has come.  False: the listener hangs up. */
static bool
take_questions(int fd, struct dns_batch *b, struct asked *places, size_t *open)
{
	for (size_t i = 0; i < DNS_BATCH_MAX; i++) {
		int r;

		if (places[i].used)
			continue;
		r = take_question(fd, &places[i], *open == 0);
		if (r <= 0)
			return r == 0;
		places[i].used = dns_batch_add(b, &places[i].question);
		*open += places[i].used;
	}
	return true;
}

static void
ask_all(const void *ctx, int fd)
{
	static struct asked places[DNS_BATCH_MAX];
	static struct dns_resolver resolver;
	const struct learner *l = ctx;
	struct dns_batch *b;
	size_t open = 0;

	dns_resolver_init(&resolver, &l->config->relay.resolver, NULL);
	resolver.cache = dns_cache_new();
	if (!resolver.cache || !(b = dns_batch_new(&resolver)))
		return;
	resolver.cache->learned = send_memo;
	resolver.cache->ctx = &fd;
	confine_connection();
	while (take_questions(fd, b, places, &open)) {
		const struct dns_question *q = dns_batch_next(b, clock_ms() + WAIT_MS);

		for (size_t i = 0; q && i < DNS_BATCH_MAX; i++)
			if (places[i].used && &places[i].question == q) {
				dns_question_done(&places[i].question);
				places[i].used = false;
				open--;
			}
	}
}

/* ---- the listener ---- */

int
learner_open(struct learner *l, const struct config *c)
{
	int ends[2];

	*l = (struct learner){ .questions = -1, .out = -1, .config = c, .aide = { .fd = -1 } };
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	l->questions = ends[0];
	l->out = ends[1];
	l->cache = dns_cache_new();
	l->begun_ms = clock_ms() - REST_MS;
	return 0;
}

static bool
is_running(struct learner *l)
{
	if (l->aide.fd >= 0 || clock_ms() - l->begun_ms < REST_MS)
		return l->aide.fd >= 0;
	l->begun_ms = clock_ms();
	if (aide_start(&l->aide, ask_all, l) < 0)
		l->aide.fd = -1;
	return l->aide.fd >= 0;
}

void
learner_pass(struct learner *l)
{
	struct question q;

	for (int i = 0; i < AT_ONCE; i++) {
		const ssize_t n = recv(l->questions, &q, sizeof q, MSG_DONTWAIT);

		if (n < 0)
			return;
		if (n != (ssize_t)sizeof q || !foreign_line(q.name, sizeof q.name) ||
		    (q.type != DNS_A && q.type != DNS_AAAA && q.type != DNS_MX &&
		    q.type != DNS_PTR && q.type != DNS_TXT))
			continue;
		/* A process that is busy learns it another time. */
		if (is_running(l))
			(void)send(l->aide.fd, &q, sizeof q, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
}

void
learner_take(struct learner *l)
{
	static struct dns_memo memo;

	for (int i = 0; i < AT_ONCE; i++) {
		const ssize_t n = recv(l->aide.fd, &memo, sizeof memo, MSG_DONTWAIT);

		if (n <= 0)
			return;
		if ((size_t)n >= offsetof(struct dns_memo, data) &&
		    (size_t)n == dns_memo_size(&memo))
			dns_cache_put(l->cache, &memo);
	}
}

bool
learner_ended(struct learner *l, pid_t pid)
{
	if (l->aide.fd < 0 || pid != l->aide.pid)
		return false;
	(void)close(l->aide.fd);
	l->aide.fd = -1;
	return true;
}

/* ---- the process of a connection ---- */

static void
send_question(void *ctx, const struct dns_memo *memo)
{
	struct question q = { .type = memo->type };

	(void)ctx;
	memcpy(q.name, memo->name, sizeof q.name);
	/* A listener that is busy learns it another time. */
	(void)send(to_listener, &q, sizeof q, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void
learner_join(struct learner *l)
{
	to_listener = l->out;
	(void)close(l->questions);
	if (l->aide.fd >= 0)
		(void)close(l->aide.fd);
	if (l->cache)
		l->cache->learned = send_question;
}
