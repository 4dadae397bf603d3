// SPDX-License-Identifier: ISC
/*
 * A question is one octet, and each answer is read anew: the secret may have changed.
 */
#include "client/secrets.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/credential.h"
#include "client/token.h"

#define ANSWER_MS (TOKEN_TIMEOUT_MS + 5000)
#define WHY_MAX	  400

struct answer {
	int result;			/* of credential_get() */
	bool is_token;
	uint32_t n;			/* octets of text: the secret, or the reason */
	char text[CLIENT_AUTH_SECRET_MAX + WHY_MAX];
};

static void
give_answer(const struct route *r, int fd)
{
	static struct credential secret;
	static struct answer a;
	char space[WHY_MAX];
	struct buf why = BUF(space), text = BUF(a.text);

	a.result = credential_get(r, &secret, &why);
	a.is_token = secret.is_token;
	buf_add(&text, a.result < 0 ? buf_slice(&why) : buf_slice(&secret.secret));
	a.n = (uint32_t)text.n;
	credential_wipe(&secret);
	(void)send(fd, &a, sizeof a, MSG_NOSIGNAL);
	explicit_bzero(&a, sizeof a);
}

static _Noreturn void
answer_all(const struct route *r, int fd)
{
	char question;
	ssize_t n;

	(void)signal(SIGTERM, SIG_IGN);		/* the end of the worker ends it */
	if (dup2(fd, STDERR_FILENO + 1) < 0)
		_exit(1);
	fd = STDERR_FILENO + 1;
	(void)close_range((unsigned)fd + 1, ~0U, 0);
	while ((n = recv(fd, &question, 1, 0)) == 1 || (n < 0 && errno == EINTR))
		if (n == 1)
			give_answer(r, fd);
	_exit(0);
}

int
secrets_start(struct secrets *s, const struct route *r)
{
	const pid_t parent = getpid();
	int ends[2], error;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(0);
		(void)close(ends[0]);
		answer_all(r, ends[1]);
	}
	error = -errno;
	(void)close(ends[1]);
	s->fd = ends[0];
	if (pid > 0)
		return 0;
	(void)close(ends[0]);
	return error;
}

int
secrets_ask(const struct secrets *s, struct credential *ret, struct buf *why)
{
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	struct answer a;
	int r = -EPIPE;

	ret->secret = (struct buf)BUF(ret->space);
	if (send(s->fd, "?", 1, MSG_NOSIGNAL) != 1 || poll(&p, 1, ANSWER_MS) != 1 ||
	    recv(s->fd, &a, sizeof a, MSG_DONTWAIT) != sizeof a || a.n > sizeof a.text) {
		buf_str(why, "the process that reads the secret has ended");
		return r;
	}
	r = a.result;
	ret->is_token = a.is_token;
	buf_add(r < 0 ? why : &ret->secret, slice_of(a.text, a.n));
	explicit_bzero(&a, sizeof a);
	return r;
}
