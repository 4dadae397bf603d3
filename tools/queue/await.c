// SPDX-License-Identifier: ISC
/*
 * Waiting for a runner to do what it was asked.  It does so at once, but for messages that a delivery is at work on: those are
 * not waited for, since that may take as long as an exchanger likes.  Should the runner end meanwhile, we do it ourselves.
 */
#include "tools/queue/act.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define WAIT_MS 2000
#define STEP_MS 10

/* The request is gone: was it done? */
static void
conclude(struct act *a, const char *id)
{
	struct queue_spot spot;
	int r = queue_find(&a->t->queue, id, QUEUE_ANYWHERE, &spot);

	if (r == -ENOENT && a->verb->result) {
		act_refuse(a, id, "has left the queue meanwhile");
		return;
	}
	if (r == 0 && !(QUEUE_BIT(spot.place) & a->verb->result)) {
		act_on(a, id, &spot);	/* the runner had let go of it before it saw the request */
	} else {
		a->count++;
		act_say(a, id, a->verb->past, NULL);
	}
	if (r == 0)
		queue_spot_done(&spot);
}

/* Take the whole list away, and give each back, in the end, who is still to be waited for. */
static void
each_asked(struct act *a, void (*each)(struct act *a, const char *id))
{
	char batch[ACT_ASKED_MAX][QUEUE_ID_SIZE];
	const size_t n = a->nasked;

	memcpy(batch, a->asked, n * sizeof batch[0]);
	a->nasked = 0;
	for (size_t i = 0; i < n; i++)
		each(a, batch[i]);
}

static void
look_again(struct act *a, const char *id)
{
	enum queue_request request;

	if (queue_asked(&a->t->queue, id, &request) == 0)
		memcpy(a->asked[a->nasked++], id, QUEUE_ID_SIZE);
	else
		conclude(a, id);
}

static void
do_it(struct act *a, const char *id)
{
	act_on(a, id, NULL);
}

static bool
runner_lives(const struct act *a)
{
	int fd = queue_lock_idle(&a->t->queue);

	if (fd >= 0)
		(void)close(fd);
	return fd == -EWOULDBLOCK;
}

void
act_await(struct act *a)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	const int64_t until_ms = clock_ms() + WAIT_MS;

	while (a->nasked && clock_ms() < until_ms) {
		each_asked(a, look_again);
		if (a->nasked && !runner_lives(a))
			each_asked(a, do_it);
		if (a->nasked)
			(void)nanosleep(&step, NULL);
	}
	for (size_t i = 0; i < a->nasked; i++)
		act_say(a, a->asked[i], a->verb->to_be, "it is being delivered; when this attempt has ended");
	a->nasked = 0;
}
