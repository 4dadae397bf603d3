// SPDX-License-Identifier: ISC
#include "maildir/agent_frame.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/utf8.h"

#define ERRNO_MAX 4095
#define FDS_MAX	  8		/* descriptors of one packet that are taken and closed */

union control {
	struct cmsghdr align;
	char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

int
agent_frame_ask(int fd, const struct agent_request *request, int message)
{
	union control control = { 0 };
	struct iovec part = { (void *)(uintptr_t)request, sizeof *request };
	struct msghdr packet = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
		.msg_controllen = CMSG_SPACE(sizeof(int)),
	};
	struct cmsghdr *header = CMSG_FIRSTHDR(&packet);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &message, sizeof message);
	return sendmsg(fd, &packet, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

/* The one descriptor of a packet; all are closed if there are more.  -1: not one. */
static int
take_descriptor(struct msghdr *packet)
{
	int fds[FDS_MAX] = { 0 }, found = -1;
	size_t n = 0;

	for (struct cmsghdr *h = CMSG_FIRSTHDR(packet); h; h = CMSG_NXTHDR(packet, h)) {
		const size_t here = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(h), here * sizeof(int));
		for (size_t i = 0; i < here; i++, n++) {
			if (n > 0)
				(void)close(fds[i]);
			else
				found = fds[i];
		}
	}
	if (n != 1 && found >= 0) {
		(void)close(found);
		found = -1;
	}
	return found;
}

static bool
is_text(const char *p, size_t size)
{
	return memchr(p, '\0', size) != NULL;
}

/* The content must be in the file: a shorter one would look like a message. */
static bool
is_request(const struct agent_request *r, ssize_t n, int message)
{
	struct stat st;

	return n == (ssize_t)sizeof *r && r->version == AGENT_VERSION && r->reserved == 0 &&
	       is_text(r->user, sizeof r->user) && is_text(r->target, sizeof r->target) &&
	       is_text(r->from, sizeof r->from) && is_text(r->address, sizeof r->address) &&
	       message >= 0 && fstat(message, &st) == 0 && S_ISREG(st.st_mode) &&
	       r->content_at <= (uint64_t)st.st_size &&
	       r->content_size <= (uint64_t)st.st_size - r->content_at;
}

int
agent_frame_take(int fd, struct agent_request *ret, int *ret_message)
{
	union control control;
	struct iovec part = { ret, sizeof *ret };
	struct msghdr packet = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space,
		.msg_controllen = sizeof control,
	};
	ssize_t n;
	int message;

	do
		n = recvmsg(fd, &packet, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	message = take_descriptor(&packet);
	if ((packet.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || !is_request(ret, n, message)) {
		if (message >= 0)
			(void)close(message);
		return -EPROTO;
	}
	*ret_message = message;
	return 0;
}

int
agent_frame_answer(int fd, enum agent_result result, int error, struct slice text)
{
	struct agent_answer answer = {
		.version = AGENT_VERSION, .result = result, .error = (uint32_t)error,
	};

	memcpy(answer.text, text.p,
	    text.n < sizeof answer.text ? text.n : sizeof answer.text - 1);
	return send(fd, &answer, sizeof answer, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

bool
agent_frame_parse(const void *p, size_t n, struct agent_answer *ret)
{
	struct agent_answer a;

	if (n != sizeof a)
		return false;
	memcpy(&a, p, sizeof a);
	if (a.version != AGENT_VERSION || a.result >= AGENT_RESULTS || a.error > ERRNO_MAX ||
	    (a.error != 0) != (a.result == AGENT_ERROR) || !is_text(a.text, sizeof a.text))
		return false;
	utf8_clean(a.text, strlen(a.text));
	*ret = a;
	return true;
}

int
agent_frame_hear(int fd, struct agent_answer *ret)
{
	char space[sizeof *ret + 1];
	ssize_t n;

	do
		n = recv(fd, space, sizeof space, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	return agent_frame_parse(space, (size_t)n, ret) ? 0 : -EPROTO;
}
