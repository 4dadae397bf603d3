// SPDX-License-Identifier: ISC
#include "base/passing.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#define FDS_MAX 4		/* descriptors that are taken and closed; the kernel closes more */

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(FDS_MAX * sizeof(int))];
};

int
passing_send(int socket, const void *octets, size_t n, int fd, int flags)
{
	union control control = { .space = { 0 } };
	struct iovec part = { (void *)(uintptr_t)octets, n };	/* only read */
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t r;

	if (fd >= 0) {
		m.msg_control = control.space;
		m.msg_controllen = CMSG_SPACE(sizeof fd);
		control.align = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.align), &fd, sizeof fd);
	}
	do
		r = sendmsg(socket, &m, flags | MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* Keep the first descriptor if it is the only one, and close all others. */
static void
take_descriptors(const struct cmsghdr *h, size_t *n, struct passed *ret)
{
	const size_t here = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	int fds[sizeof(union control) / sizeof(int)];

	memcpy(fds, CMSG_DATA(h), here * sizeof(int));
	for (size_t i = 0; i < here; i++) {
		if ((*n)++ == 0) {
			ret->fd = fds[i];
			continue;
		}
		(void)close(fds[i]);
		if (ret->fd >= 0)
			(void)close(ret->fd);
		ret->fd = -1;
	}
}

ssize_t
passing_take(int socket, void *octets, size_t size, int flags, struct passed *ret)
{
	union control control;
	struct iovec part = { .iov_base = octets, .iov_len = size };
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1,
		.msg_control = control.space, .msg_controllen = sizeof control.space,
	};
	struct ucred cred;
	size_t nfds = 0;
	ssize_t n;

	*ret = (struct passed){ -1, -1 };
	do
		n = recvmsg(socket, &m, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	/* The macro CMSG_NXTHDR() of musl mixes signs. */
	for (size_t at = 0; at + CMSG_LEN(0) <= m.msg_controllen;) {
		const struct cmsghdr *h = (const struct cmsghdr *)(void *)(control.space + at);

		at += CMSG_ALIGN(h->cmsg_len);
		if (h->cmsg_level != SOL_SOCKET)
			continue;
		if (h->cmsg_type == SCM_RIGHTS) {
			take_descriptors(h, &nfds, ret);
		} else if (h->cmsg_type == SCM_CREDENTIALS &&
		    h->cmsg_len >= CMSG_LEN(sizeof cred)) {
			memcpy(&cred, CMSG_DATA(h), sizeof cred);
			ret->pid = cred.pid;
		}
	}
	return n;
}

bool
passing_ended(int socket)
{
	struct pollfd p = { .fd = socket };

	return poll(&p, 1, 0) != 0;
}
