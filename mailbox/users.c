// SPDX-License-Identifier: ISC
#include "mailbox/users.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 20		/* a directory server may be slow at its first question */

/* A connection, or -errno. */
static int
connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd, r;

	if (strlen(path) >= sizeof address.sun_path)
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static int
ask_over(int fd, const struct users_question *question)
{
	struct users_answer answer;
	ssize_t n;

	if (send(fd, question, sizeof *question, MSG_NOSIGNAL) < 0)
		return -errno;
	do
		n = recv(fd, &answer, sizeof answer, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (n != (ssize_t)sizeof answer || answer.version != USERS_VERSION)
		return -EPROTO;
	if (answer.verdict > USERS_EXISTS)
		return -EIO;
	return answer.verdict == USERS_EXISTS;
}

int
users_ask(const char *path, struct slice name)
{
	struct users_question question = { .version = USERS_VERSION };
	int fd, r;

	if (!path)
		return -ENOENT;
	if (name.n > USERS_NAME_MAX)
		return 0;
	memcpy(question.name, name.p, name.n);
	fd = connect_to(path);
	if (fd < 0)
		return fd;
	r = ask_over(fd, &question);
	(void)close(fd);
	return r;
}
