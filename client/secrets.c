// SPDX-License-Identifier: ISC
/*
 * A question is one octet, and each answer is read anew: the secret may have changed.
 */
#include "client/secrets.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

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

static void
answer_all(const void *ctx, int fd)
{
	char question;
	ssize_t n;

	while ((n = recv(fd, &question, 1, 0)) == 1 || (n < 0 && errno == EINTR))
		if (n == 1)
			give_answer(ctx, fd);
}

int
secrets_start(struct aide *a, const struct route *r)
{
	return aide_start(a, answer_all, r);
}

int
secrets_ask(const struct aide *aide, struct credential *ret, struct buf *why)
{
	struct pollfd p = { .fd = aide->fd, .events = POLLIN };
	struct answer a;
	int r = -EPIPE;

	ret->secret = (struct buf)BUF(ret->space);
	if (send(aide->fd, "?", 1, MSG_NOSIGNAL) != 1 || poll(&p, 1, ANSWER_MS) != 1 ||
	    recv(aide->fd, &a, sizeof a, MSG_DONTWAIT) != sizeof a || a.n > sizeof a.text) {
		buf_str(why, "the process that reads the secret has ended");
		return r;
	}
	r = a.result;
	ret->is_token = a.is_token;
	buf_add(r < 0 ? why : &ret->secret, slice_of(a.text, a.n));
	explicit_bzero(&a, sizeof a);
	return r;
}
