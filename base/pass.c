// SPDX-License-Identifier: ISC
#include "base/pass.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

/* Room for the header of one descriptor, aligned. */
union passed {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int
pass_send(int socket, const void *octets, size_t n, int fd, int flags)
{
	union passed passed = { .space = { 0 } };
	struct iovec from = { (void *)(uintptr_t)octets, n };	/* only read */
	struct msghdr m = { .msg_iov = &from, .msg_iovlen = 1 };
	ssize_t sent;

	if (fd >= 0) {
		passed.header = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&passed.header), &fd, sizeof fd);
		m.msg_control = passed.space;
		m.msg_controllen = sizeof passed.space;
	}
	do
		sent = sendmsg(socket, &m, MSG_NOSIGNAL | flags);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

ssize_t
pass_receive(int socket, void *to, size_t size, int flags, int *ret_fd)
{
	union passed passed = { .space = { 0 } };
	struct iovec space = { to, size };
	struct msghdr m = {
		.msg_iov = &space, .msg_iovlen = 1,
		.msg_control = passed.space, .msg_controllen = sizeof passed.space,
	};
	const struct cmsghdr *header;
	ssize_t n;

	*ret_fd = -1;
	do
		n = recvmsg(socket, &m, MSG_TRUNC | MSG_CMSG_CLOEXEC | flags);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	header = CMSG_FIRSTHDR(&m);
	if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS &&
	    header->cmsg_len == CMSG_LEN(sizeof *ret_fd))
		memcpy(ret_fd, CMSG_DATA(header), sizeof *ret_fd);
	return n;
}
