// SPDX-License-Identifier: ISC
/*
 * smtp-queue hold, release, retry, delete, fail.  Each is one rename or unlink: a runner on the
 * same queue either comes first or finds the message gone.  A message in cur/ belongs to a living
 * runner: this program files a request with it and waits for a moment.  The runner answers at once,
 * unless a worker has the message.  A delivery may take long, so the program does not wait for one.
 */
#include "tools/queue/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "notice/give_up.h"
#include "queue/by_host.h"
#include "runner/frozen.h"

#define MOVING     (QUEUE_BIT(QUEUE_IN_NEW) | QUEUE_BIT(QUEUE_IN_CUR) | QUEUE_BIT(QUEUE_IN_WAIT))
#define PASSES_MAX 10
#define MOVES_MAX  20		/* how often one message may move while it is looked for */
#define ASKED_MAX  500		/* open requests to a runner */
#define WAIT_MS    1000
#define STEP_MS    10

struct act;

struct verb {
	const char *name, *past, *to_be;	/* "hold", "held", "is to be held" */
	const char *event;		/* in the log; the same word as smtp-relay logs */
	int (*run)(struct act *a, const struct queue_spot *spot);
	unsigned places;		/* folders whose messages it acts on */
	int request;			/* enum queue_request, or -1: never filed with a runner */
	/* The reason why nothing is left to do, by the folder of the message. */
	const char *done[QUEUE_IN_DEAD + 1];
	/* The reason for a refusal, by the folder of the message. */
	const char *not[QUEUE_IN_DEAD + 1];
};

struct act {
	struct tool *t;
	const struct verb *verb;
	char newest[QUEUE_ID_SIZE];	/* messages that arrived after this one are left alone */
	char bounce[QUEUE_ID_SIZE];	/* the bounce of the last message, or "" */
	size_t count;			/* messages acted on */
	/* A further pass, for messages that moved during the one before.  Requests already made are
	 * not repeated. */
	bool again;
	size_t found;			/* messages of this pass */
	int status;
	size_t nasked;
	struct asked {
		char id[QUEUE_ID_SIZE];
		int fd;			/* the file of the request */
	} asked[ASKED_MAX];
};

static int
hold_message(struct act *a, const struct queue_spot *spot)
{
	return queue_hold(&a->t->queue, spot);
}

static int
put_new(struct act *a, const struct queue_spot *spot)
{
	return queue_put_new(&a->t->queue, spot);
}

/* The operator's retry overrides the pause after a failed host and after a refused login. */
static void
start_afresh(const struct act *a)
{
	if (a->verb->run != put_new)
		return;
	(void)queue_forgive_hosts(&a->t->queue);
	frozen_forget(a->t->queue.state);
}

static int
remove_it(struct act *a, const struct queue_spot *spot)
{
	return queue_remove(&a->t->queue, spot);
}

static int
fail_message(struct act *a, const struct queue_spot *spot)
{
	struct queue_spot tried = *spot;

	queue_try(&tried);
	if (tried.killed)
		return -ENOTRECOVERABLE;
	return give_up_message(&a->t->queue, &a->t->config, spot, a->bounce);
}

static const char is_coming[] = "is still being received";
static const char is_dead[] = "is dead: nothing is left to deliver; show it, delete it";

static const struct verb verbs[] = {
	{
		.name = "hold", .event = "held", .past = "held", .to_be = "is to be held",
		.run = hold_message, .request = QUEUE_ASK_HOLD, .places = MOVING,
		.done = { [QUEUE_IN_HOLD] = "is held already" },
		.not = { [QUEUE_IN_TMP] = is_coming, [QUEUE_IN_DEAD] = is_dead },
	}, {
		.name = "release", .event = "released", .past = "released",
		.run = put_new, .request = -1,
		.places = QUEUE_BIT(QUEUE_IN_HOLD),
		.done = {
			[QUEUE_IN_NEW] = "is not held", [QUEUE_IN_CUR] = "is not held",
			[QUEUE_IN_WAIT] = "is not held",
		},
		.not = { [QUEUE_IN_TMP] = is_coming, [QUEUE_IN_DEAD] = is_dead },
	}, {
		.name = "retry", .event = "due", .past = "due now", .run = put_new, .request = -1,
		.places = QUEUE_BIT(QUEUE_IN_WAIT) | QUEUE_BIT(QUEUE_IN_CUR),
		.done = {
			[QUEUE_IN_NEW] = "is due already",
			[QUEUE_IN_CUR] = "is being tried just now",
		},
		.not = {
			[QUEUE_IN_TMP] = is_coming, [QUEUE_IN_HOLD] = "is held: release it",
			[QUEUE_IN_DEAD] = is_dead,
		},
	}, {
		.name = "delete", .event = "deleted", .past = "deleted",
		.to_be = "is to be deleted",
		.run = remove_it, .request = QUEUE_ASK_DELETE,
		.places = QUEUE_ANYWHERE & ~QUEUE_BIT(QUEUE_IN_TMP),
		.not = { [QUEUE_IN_TMP] = is_coming },
	}, {
		.name = "fail", .event = "given-up", .past = "failed", .to_be = "is to be failed",
		.run = fail_message, .request = QUEUE_ASK_FAIL,
		.places = MOVING | QUEUE_BIT(QUEUE_IN_HOLD),
		.not = { [QUEUE_IN_TMP] = is_coming, [QUEUE_IN_DEAD] = is_dead },
	},
};

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* ---- reports ---- */

static void
report_result(struct act *a, const char *id, const char *result, const char *more)
{
	if (a->t->json) {
		(void)fputs("{\"id\":", stdout);
		json_string(stdout, slice_str(id));
		json_text(stdout, "result", slice_str(result));
		if (more && *more)
			json_text(stdout, "text", slice_str(more));
		(void)fputs("}\n", stdout);
	} else {
		text_put(stdout, slice_str(id));
		text_print(stdout, " %s", result);
		if (more && *more) {
			(void)fputs(": ", stdout);
			text_put(stdout, slice_str(more));
		}
		(void)fputc('\n', stdout);
	}
}

static void
refuse_it(struct act *a, const char *id, const char *why)
{
	tool_complain(id, why);
	a->status = TOOL_SOME_FAILED;
}

/* The log also shows what an operator did to a message. */
static void
log_done(const struct act *a, const char *id)
{
	struct log_line l;

	log_begin(&l, LOG_LEVEL_NOTICE, a->verb->event);
	log_str(&l, "id", slice_str(id));
	if (a->bounce[0])
		log_str(&l, "bounce", slice_str(a->bounce));
	log_uint(&l, "uid", a->t->caller);
	log_end(&l);
}

static void
print_done(struct act *a, const char *id)
{
	char more[64] = "";

	a->count++;
	log_done(a, id);
	if (a->bounce[0])
		(void)snprintf(more, sizeof more, "the notice to its sender is %s", a->bounce);
	report_result(a, id, a->verb->past, more);
	a->bounce[0] = '\0';
}

/* ---- one message ---- */

/* Acts on a message in cur/ if no runner lives.  1: one does, file a request with it. */
static int
act_in_cur(struct act *a, const struct queue_spot *spot)
{
	struct queue_spot held = { .place = QUEUE_IN_HOLD, .folder = a->t->queue.hold };
	const bool bounces = a->verb->request == QUEUE_ASK_FAIL;
	int r, fd = queue_lock_idle(&a->t->queue);

	if (fd == -EWOULDBLOCK)
		return 1;
	if (fd < 0)
		return fd;
	/* A bounce takes time.  A runner that starts meanwhile must not wait for it, so the message
	 * moves to hold/ first. */
	r = bounces ? queue_hold(&a->t->queue, spot) : a->verb->run(a, spot);
	if (r == 0)
		(void)queue_unask(&a->t->queue, spot->id, QUEUE_UNDONE);
	(void)close(fd);
	memcpy(held.id, spot->id, sizeof held.id);
	return r == 0 && bounces ? a->verb->run(a, &held) : r;
}

/* Acts on a message in hold/, unless another process is giving it up: give_up_message() takes the
 * same claim.  A file that cannot be opened cannot be given up either. */
static int
act_in_hold(struct act *a, const struct queue_spot *spot)
{
	int r, claim = -ELOOP;

	if (a->verb->request != QUEUE_ASK_FAIL)
		claim = queue_claim_held(&a->t->queue, spot->id);
	if (claim == -EBUSY || claim == -ENOENT)
		return claim;
	r = a->verb->run(a, spot);
	if (claim >= 0)
		(void)close(claim);
	return r;
}

/* The message stays, as no runner has seen a request to change that.  False if there is none. */
static bool
withdraw(struct act *a, const char *id)
{
	static const char *const words[] = {
		[QUEUE_ASK_HOLD] = "the request to hold it is withdrawn",
		[QUEUE_ASK_DELETE] = "the request to delete it is withdrawn",
		[QUEUE_ASK_FAIL] = "the request to give it up is withdrawn",
	};
	enum queue_request asked;

	if (queue_asked(&a->t->queue, id, &asked) < 0 ||
	    queue_unask(&a->t->queue, id, QUEUE_UNDONE) < 0)
		return false;
	report_result(a, id, a->verb->past, words[asked]);
	return true;
}

/* 0: done, or nothing to do; 1: file a request with the runner; -ENOENT: it has moved; -errno. */
static int
act_at(struct act *a, const struct queue_spot *spot)
{
	const struct verb *v = a->verb;
	int r;

	/* A request that its runner did not see would be carried out by the next one.  In cur/ a
	 * new request takes its place. */
	if (spot->place != QUEUE_IN_CUR && v->places & QUEUE_BIT(spot->place))
		(void)queue_unask(&a->t->queue, spot->id, QUEUE_UNDONE);
	if (!(v->places & QUEUE_BIT(spot->place))) {
		if (v->not[spot->place])
			refuse_it(a, spot->id, v->not[spot->place]);
		else if (v->places != QUEUE_BIT(QUEUE_IN_HOLD) || !withdraw(a, spot->id))
			report_result(a, spot->id, v->done[spot->place], NULL);
		return 0;
	}
	if (spot->place == QUEUE_IN_CUR)
		r = act_in_cur(a, spot);
	else
		r = spot->place == QUEUE_IN_HOLD ? act_in_hold(a, spot) : v->run(a, spot);
	if (r == 0)
		print_done(a, spot->id);
	return r;
}

static void
act_failed(struct act *a, const char *id, int error)
{
	refuse_it(a, id,
	    error == -EBADMSG ? "is not a message: see smtp-queue fsck" :
	    error == -ENOTRECOVERABLE ? "kills what reads it: delete it" :
	    error == -EBUSY ? "another smtp-queue is giving it up just now" :
	    error == -EEXIST ? "a file of that name is there already: see smtp-queue fsck" :
	    strerror(-error));
}

static void
ask_runner(struct act *a, const char *id)
{
	int r;

	if (a->verb->request < 0) {
		report_result(a, id, a->verb->done[QUEUE_IN_CUR], NULL);
		return;
	}
	r = queue_ask(&a->t->queue, id, (enum queue_request)a->verb->request);
	if (r < 0) {
		act_failed(a, id, r);
		return;
	}
	a->asked[a->nasked].fd = r;
	memcpy(a->asked[a->nasked++].id, id, QUEUE_ID_SIZE);
}

static void
act_on(struct act *a, const char *id, const struct queue_spot *seen)
{
	struct queue_spot spot = { .folder = -1 };
	int r = seen ? act_at(a, seen) : -ENOENT;

	for (int i = 0; r == -ENOENT && i < MOVES_MAX; i++) {
		r = queue_find(&a->t->queue, id, QUEUE_ANYWHERE, &spot);
		if (r == -ENOENT)
			break;
		if (r < 0)
			continue;
		r = act_at(a, &spot);
		queue_spot_done(&spot);
	}
	if (r == 1)
		ask_runner(a, id);
	else if (r == -ENOENT && !seen)
		refuse_it(a, id, "no such message in the queue");
	else if (r < 0 && r != -ENOENT)
		act_failed(a, id, r);
}

/* ---- waiting for the runner ---- */

/* The runner did not do it: the request was too late, or the runner had already released the
 * message. */
static void
look_for(struct act *a, const char *id)
{
	struct queue_spot spot;
	int r = queue_find(&a->t->queue, id, QUEUE_ANYWHERE, &spot);

	if (r < 0) {
		refuse_it(a, id, "has left the queue meanwhile");
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
		report_result(a, asked->id, a->verb->past, NULL);
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

/* Empties the list of requests; `each` puts a request back if it is still open. */
static void
each_asked(struct act *a, void (*each)(struct act *a, const struct asked *asked))
{
	struct asked batch[ASKED_MAX];
	const size_t n = a->nasked;

	memcpy(batch, a->asked, n * sizeof batch[0]);
	a->nasked = 0;
	for (size_t i = 0; i < n; i++)
		each(a, &batch[i]);
}

static bool
runner_lives(const struct act *a)
{
	int fd = queue_lock_idle(&a->t->queue);

	if (fd >= 0)
		(void)close(fd);
	return fd == -EWOULDBLOCK;
}

static void
await_runner(struct act *a)
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
	for (size_t i = 0; i < a->nasked; i++) {
		(void)close(a->asked[i].fd);
		report_result(a, a->asked[i].id, a->verb->to_be,
		    "it is being delivered; this is done after the current attempt");
	}
	a->nasked = 0;
}

/* ---- many ---- */

static void
act_and_await(struct act *a, const char *id, const struct queue_spot *seen)
{
	a->found++;
	act_on(a, id, seen);
	if (a->nasked == ASKED_MAX)
		await_runner(a);
}

/* A message with an ID of the future arrived while a clock was wrong. */
static bool
came_since(const char *id)
{
	char now[QUEUE_ID_SIZE];

	return queue_newest_id(now) < 0 || strncmp(id, now, QUEUE_ID_LEN) <= 0;
}

/* Messages that arrive meanwhile are left alone: bounces of this run are among them. */
static int
act_if_meant(void *ctx, const struct queue_spot *spot)
{
	struct act *a = ctx;
	enum queue_request asked;
	struct queue_entry e;
	bool meant;
	int r;

	if (strncmp(spot->id, a->newest, QUEUE_ID_LEN) > 0 && came_since(spot->id))
		return 0;
	if (a->again && queue_asked(&a->t->queue, spot->id, &asked) == 0)
		return 0;
	if (!filter_reads(&a->t->filter)) {
		act_and_await(a, spot->id, spot);
		return tool_output_broken() ? 1 : 0;
	}
	r = queue_look(spot, &e);
	if (r < 0)
		return 0;
	meant = filter_matches(&a->t->filter, &e, a->t->now_us);
	queue_unload(&e);
	if (meant)
		act_and_await(a, spot->id, spot);
	return tool_output_broken() ? 1 : 0;
}

/* hold/ comes first, because `fail` and `hold` move other messages there.  A runner may move a
 * message from a folder not yet read to one already read, so the walk is repeated. */
static int
act_on_all(struct act *a)
{
	struct tool *t = a->t;
	const unsigned tried = filter_reads(&t->filter) ? QUEUE_TRIED : 0;
	const unsigned all =
	    a->verb->places & (t->filter.places ? t->filter.places : QUEUE_ANYWHERE);
	int r = queue_walk(&t->queue, (all & QUEUE_BIT(QUEUE_IN_HOLD)) | tried, act_if_meant, a);

	if (r == 0)
		r = queue_walk(&t->queue, (all & ~QUEUE_BIT(QUEUE_IN_HOLD)) | tried, act_if_meant,
		    a);
	a->again = a->verb->request >= 0;
	for (int i = 0; r == 0 && a->again && i < PASSES_MAX && runner_lives(a); i++) {
		await_runner(a);
		a->found = 0;
		r = queue_walk(&t->queue, (all & MOVING) | tried, act_if_meant, a);
		a->again = a->found > 0;
	}
	return r;
}

int
tool_act(struct tool *t, const char *name)
{
	struct act *a = calloc(1, sizeof *a);
	int r, status;

	if (!a || queue_newest_id(a->newest) < 0) {
		free(a);
		tool_complain(name, "no memory");
		return EX_OSERR;
	}
	log_to_system();
	a->t = t;
	a->verb = find_verb(name);
	start_afresh(a);
	for (size_t i = 0; i < t->nids; i++)
		act_and_await(a, t->ids[i], NULL);
	r = t->nids ? 0 : act_on_all(a);
	await_runner(a);
	if (r < 0) {
		tool_complain(t->config.queue.directory, strerror(-r));
		a->status = EX_TEMPFAIL;
	}
	if (t->nids == 0 && !t->json)
		text_print(stdout, "%zu message%s %s\n", a->count, a->count == 1 ? "" : "s",
		    a->verb->past);
	status = a->status;
	free(a);
	return status;
}
