// SPDX-License-Identifier: ISC
#include "attempt/permit.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/foreign.h"
#include "base/passing.h"

void
permit_init(struct permit *p, const char *id, struct dkim_right right, uint64_t at, uint64_t size)
{
	*p = (struct permit){ .scope = (uint32_t)right.scope, .at = at, .size = size };
	memcpy(p->id, id, sizeof p->id);
	if (right.domain.n < sizeof p->domain)
		memcpy(p->domain, right.domain.p ? right.domain.p : "", right.domain.n);
	else
		p->scope = DKIM_NONE;
}

struct dkim_right
permit_right(const struct permit *p)
{
	return (struct dkim_right){ (enum dkim_scope)p->scope, slice_str(p->domain) };
}

int
permit_send(int fd, const struct permit *p, int message)
{
	return passing_send(fd, p, sizeof *p, message, MSG_DONTWAIT);
}

static bool
is_valid(const struct permit *p, bool open)
{
	return memchr(p->id, '\0', sizeof p->id) && queue_is_id(p->id) &&
	    p->scope < DKIM_SCOPES && (p->scope == DKIM_NONE || open) &&
	    foreign_line(p->domain, sizeof p->domain) &&
	    p->at <= INT64_MAX && p->size <= INT64_MAX - p->at;
}

int
permit_receive(int fd, struct permit *ret, int *ret_message)
{
	struct passed passed;
	const ssize_t n =
	    passing_take(fd, ret, sizeof *ret, MSG_DONTWAIT | MSG_TRUNC, &passed);

	if (n <= 0)
		return (int)n;
	if (n == sizeof *ret && is_valid(ret, passed.fd >= 0)) {
		*ret_message = passed.fd;
		return 1;
	}
	if (passed.fd >= 0)
		(void)close(passed.fd);
	return -EBADMSG;
}
