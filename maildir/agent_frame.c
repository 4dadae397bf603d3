// SPDX-License-Identifier: ISC
#include "maildir/agent_frame.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/passing.h"
#include "base/utf8.h"

#define ERRNO_MAX 4095

int
agent_frame_ask(int fd, const struct agent_request *request, int message)
{
	return passing_send(fd, request, sizeof *request, message, 0);
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

	return n == (ssize_t)sizeof *r && r->version == AGENT_VERSION && r->junk <= 1 &&
	       is_text(r->user, sizeof r->user) && is_text(r->target, sizeof r->target) &&
	       is_text(r->from, sizeof r->from) && is_text(r->address, sizeof r->address) &&
	       message >= 0 && fstat(message, &st) == 0 && S_ISREG(st.st_mode) &&
	       r->content_at <= (uint64_t)st.st_size &&
	       r->content_size <= (uint64_t)st.st_size - r->content_at;
}

int
agent_frame_take(int fd, struct agent_request *ret, int *ret_message)
{
	struct passed passed;
	const ssize_t n = passing_take(fd, ret, sizeof *ret, MSG_TRUNC, &passed);

	if (n < 0)
		return (int)n;
	if (!is_request(ret, n, passed.fd)) {
		if (passed.fd >= 0)
			(void)close(passed.fd);
		return -EPROTO;
	}
	*ret_message = passed.fd;
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
