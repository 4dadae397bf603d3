// SPDX-License-Identifier: ISC
#include "base/passing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runner/frame.h"
#include "tests/lib/tap.h"

#define MANY 6

static unsigned
open_descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	unsigned n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		(void)closedir(d);
	return n;
}

/* A packet with n descriptors, as a hostile process can send it. */
static void
send_many(int fd, const void *octets, size_t size, size_t n)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(MANY * sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec part = { (void *)(uintptr_t)octets, size };	/* only read */
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	const int file = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fds[MANY];

	for (size_t i = 0; i < n; i++)
		fds[i] = file;
	if (n) {
		m.msg_control = control.space;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.header = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(n * sizeof(int)), .cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.header), fds, n * sizeof(int));
	}
	(void)sendmsg(fd, &m, 0);
	(void)close(file);
}

int
main(void)
{
	static struct frame frame;
	const unsigned before = open_descriptors();
	struct passed passed;
	char octets[8];
	int ends[2], message = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return 1;
	for (size_t n = 0; n <= MANY; n++) {
		send_many(ends[0], "abc", 3, n);
		ok(passing_take(ends[1], octets, sizeof octets, 0, &passed) == 3 &&
		    (passed.fd >= 0) == (n == 1) && passed.pid == -1, "%zu descriptors", n);
		if (passed.fd >= 0)
			(void)close(passed.fd);
		ok(open_descriptors() == before + 2, "none stays open");
	}
	ok(passing_send(ends[0], "abcdefghijkl", 12, ends[1], 0) == 0 &&
	    passing_take(ends[1], octets, sizeof octets, MSG_TRUNC, &passed) == 12 &&
	    passed.fd >= 0, "a longer packet: its whole length");
	(void)close(passed.fd);
	send_many(ends[0], "abc", 3, 2);
	ok(frame_get_job(ends[1], &frame, true, &message) == -EBADMSG && message == -1 &&
	    open_descriptors() == before + 2, "a frame with two descriptors leaves none open");
	ok(passing_send(ends[0], "", 0, -1, 0) == 0 &&
	    passing_take(ends[1], octets, sizeof octets, 0, &passed) == 0 &&
	    !passing_ended(ends[1]), "a packet without octets is no hang-up");
	(void)close(ends[0]);
	ok(passing_take(ends[1], octets, sizeof octets, 0, &passed) == 0 && passed.fd == -1 &&
	    passing_ended(ends[1]), "a hang-up");
	(void)close(ends[1]);
	ok(passing_take(ends[1], octets, sizeof octets, 0, &passed) == -EBADF, "an error");
	return tap_done();
}
