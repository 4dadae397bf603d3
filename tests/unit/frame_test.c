// SPDX-License-Identifier: ISC
#include "runner/frame.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static void
test_frames(void)
{
	static struct frame out = { .type = FRAME_JOB, .job = { "0123456789ABCDEF", 2, { 7, 9 } } },
			    in;
	int pair[2];

	if (!ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "a pair"))
		return;
	ok(frame_put(pair[0], &out) == 0 && frame_get(pair[1], &in, true) == 1, "a job travels");
	ok(in.type == FRAME_JOB && in.job.n == 2 && in.job.rcpts[1] == 9 &&
	    strcmp(in.job.id, out.job.id) == 0, "it arrives unchanged");
	ok(frame_get(pair[1], &in, false) == -EAGAIN, "no frame, no wait");
	ok(write(pair[0], &out, 3) == 3 && frame_get(pair[1], &in, true) == -EBADMSG,
	    "a torn frame is refused");
	out.job.n = FRAME_RCPTS_MAX + 1;
	ok(write(pair[0], &out, sizeof out) > 0 && frame_get(pair[1], &in, true) == -EBADMSG,
	    "a job with too many recipients is refused");
	close(pair[0]);
	ok(frame_get(pair[1], &in, true) == 0, "the other end is gone");
	close(pair[1]);
}

/* A worker ends before it has read its job. */
static void
test_reset(void)
{
	static struct frame job = { .type = FRAME_JOB, .job = { "0123456789ABCDEF", 1, { 0 } } };
	static struct frame done = { .type = FRAME_DONE }, in;
	int pair[2];

	if (!ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "a pair"))
		return;
	ok(frame_put(pair[0], &job) == 0 && frame_put(pair[1], &done) == 0,
	    "a frame is on its way in each direction");
	close(pair[1]);
	ok(frame_get(pair[0], &in, false) == 1 && in.type == FRAME_DONE,
	    "R147 the last frame of the worker is read");
	ok(frame_get(pair[0], &in, false) == 0, "then the end is seen");
	close(pair[0]);
}

int
main(void)
{
	test_frames();
	test_reset();
	return tap_done();
}
