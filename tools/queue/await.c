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

#define WAIT_MS 1000
#define STEP_MS 10

/* It was not done: it came too late, or the runner had let go of the message before it saw the request. */
static void
look_for(struct act *a, const char *id)
{
	struct queue_spot spot;
	int r = queue_find(&a->t->queue, id, QUEUE_ANYWHERE, &spot);

	if (r < 0) {
		act_refuse(a, id, "has left the queue meanwhile");
		return;
	}
	act_on(a, id, &spot);
	queue_spot_done(&spot);
}

static void
look_again(struct act *a, const struct asked *asked)
{
	switch (queue_answer(asked->fd)) {
	case QUEUE_ANSWER_NONE:
		a->asked[a->nasked++] = *asked;
		return;
	case QUEUE_ANSWER_DONE:
		a->count++;
		act_say(a, asked->id, a->verb->past, NULL);
		break;
	case QUEUE_ANSWER_NOT_DONE:
		look_for(a, asked->id);
		break;
	}
	(void)close(asked->fd);
}

static void
do_it(struct act *a, const struct asked *asked)
{
	act_on(a, asked->id, NULL);
	(void)close(asked->fd);
}

/* Take the whole list away, and give each back, in the end, who is still to be waited for. */
static void
each_asked(struct act *a, void (*each)(struct act *a, const struct asked *asked))
{
	struct asked batch[ACT_ASKED_MAX];
	const size_t n = a->nasked;

	memcpy(batch, a->asked, n * sizeof batch[0]);
	a->nasked = 0;
	for (size_t i = 0; i < n; i++)
		each(a, &batch[i]);
}

bool
act_runner_lives(const struct act *a)
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
		if (a->nasked && !act_runner_lives(a))
			each_asked(a, do_it);
		if (a->nasked)
			(void)nanosleep(&step, NULL);
	}
	for (size_t i = 0; i < a->nasked; i++) {
		(void)close(a->asked[i].fd);
		act_say(a, a->asked[i].id, a->verb->to_be, "it is being delivered; when this attempt has ended");
	}
	a->nasked = 0;
}
