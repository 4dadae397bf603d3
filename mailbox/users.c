// SPDX-License-Identifier: ISC
#include "mailbox/users.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

#define CONNECT_MS 2000		/* a session must not wait long before its greeting */
#define ANSWER_MS  20000	/* a directory server may be slow at its first question */

static int registry = -1;		/* a connection */
static int trouble = -ENOENT;		/* why there is none */
static uint32_t last_id;

/* A connection, or -errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = CONNECT_MS / 1000 };
	int fd, r;

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* connect(2) blocks while too many other clients wait. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

void
users_close(void)
{
	if (registry >= 0)
		(void)close(registry);
	registry = -1;
	trouble = -ENOENT;
}

void
users_hold(const char *path)
{
	users_close();
	if (!path)
		return;
	registry = connect_to(path);
	if (registry < 0)
		trouble = registry;
}

/* Wait for events until the time is over.  0 or -errno. */
static int
wait_until(short events, int64_t until_ms)
{
	struct pollfd p = { .fd = registry, .events = events };
	int r;

	do
		r = poll(&p, 1, clock_left_ms(until_ms));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r == 0 ? -ETIMEDOUT : 0;
}

static int
send_question(const struct users_question *question, int64_t until_ms)
{
	int r = 0;

	while (r == 0 &&
	    send(registry, question, sizeof *question, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		if (errno == EAGAIN)
			r = wait_until(POLLOUT, until_ms);
		else if (errno != EINTR)
			r = -errno;
	return r;
}

/* An answer to an earlier question, which was given up, is passed over. */
static int
read_answer(uint32_t id, int64_t until_ms, uint32_t *ret_verdict)
{
	struct users_answer answer = { .id = id - 1 };
	ssize_t n;
	int r;

	do {
		r = wait_until(POLLIN, until_ms);
		if (r < 0)
			return r;
		n = recv(registry, &answer, sizeof answer, MSG_TRUNC | MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n == 0)
			return -ECONNRESET;
		if (n > 0 && (n != (ssize_t)sizeof answer || answer.version != USERS_VERSION))
			return -EPROTO;
	} while (n < 0 || answer.id != id);
	*ret_verdict = answer.verdict;
	return 0;
}

int
users_ask(struct slice name)
{
	const int64_t until_ms = clock_ms() + ANSWER_MS;
	struct users_question question = { .version = USERS_VERSION };
	uint32_t verdict = USERS_TROUBLE;
	int r;

	if (name.n > USERS_NAME_MAX)
		return 0;
	if (registry < 0)
		return trouble;
	question.id = ++last_id;
	memcpy(question.name, name.p, name.n);
	r = send_question(&question, until_ms);
	if (r == 0)
		r = read_answer(question.id, until_ms, &verdict);
	if (r < 0 && r != -ETIMEDOUT) {
		users_close();
		trouble = r;
	}
	if (r < 0)
		return r;
	return verdict > USERS_EXISTS ? -EIO : verdict == USERS_EXISTS;
}
