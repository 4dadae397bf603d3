// SPDX-License-Identifier: ISC
#include "runner/adoption.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "config/pool.h"
#include "queue/lease.h"
#include "queue/storage.h"

#define FENCE_IT \
	"make sure that the other machine cannot write to the queue: switch it off, or take its " \
	"access to the storage away; then add --fenced"

/* For a machine that has died.  If it only sleeps, it makes a new lease, or works without one. */
#define RUN_IT \
	"smtp-relay -o queue.directory=... -o queue.lease=0 delivers its mail once, if the other " \
	"machine is off"

#define NO_LEASE "it has no lease: its machine never worked with [queue] lease; " RUN_IT

#define DAMAGED \
	"its file tmp/lease is damaged: if no other machine has adopted the queue, remove it"

#define TAKEN_MEANWHILE "another machine has become its holder meanwhile"

/* 0 or -errno. */
static int
find_lease(const char *directory)
{
	char path[PATH_MAX];
	const int n = snprintf(path, sizeof path, "%s/tmp/" QUEUE_LEASE, directory);

	if (n < 0 || (size_t)n >= sizeof path)
		return -ENAMETOOLONG;
	return access(path, F_OK) < 0 ? -errno : 0;
}

/* To open a folder makes it a queue, so any other folder is refused before. */
static int
judge_folder(const char *directory)
{
	const int error = access(directory, F_OK) < 0 ? -errno : 0;

	if (error == 0 && find_lease(directory) == 0)
		return -1;
	log_text(LOG_LEVEL_ERROR, "--adopt %s: %s", directory, error < 0 ? strerror(-error) :
	    NO_LEASE);
	return EX_USAGE;
}

int
adoption_prepare(const struct adoption *a, struct config *c)
{
	if (!a->adopt && !a->take_back) {
		if (a->fenced)
			log_text(LOG_LEVEL_ERROR, "--fenced goes with --adopt or --take-back");
		return a->fenced ? EX_USAGE : -1;
	}
	if (a->adopt && (a->take_back || a->adopt[0] != '/')) {
		log_text(LOG_LEVEL_ERROR, "--adopt takes the absolute path of a queue, and no "
		    "--take-back");
		return EX_USAGE;
	}
	if (a->adopt && !a->fenced) {
		log_text(LOG_LEVEL_ERROR, "--adopt %s: a lease keeps nobody from writing; "
		    FENCE_IT, a->adopt);
		return EX_USAGE;
	}
	if (!c->queue.lease_ms) {
		log_text(LOG_LEVEL_ERROR, "only queues with a lease change their machine: set "
		    "lease in [queue] on all machines");
		return EX_CONFIG;
	}
	if (a->adopt && judge_folder(a->adopt) != -1)
		return EX_USAGE;
	return a->adopt && pool_replace(&c->queue.directory, slice_str(a->adopt)) < 0
	    ? EX_OSERR : -1;
}

/* The advice for an error of queue_lease_take(). */
static const char *
taking_advice(const struct adoption *a, int error)
{
	switch (error) {
	case -EPERM:
		return "its holder has not ended its work: stop smtp-relay --adopt there; or "
		       FENCE_IT;
	case -EBUSY:
		return "its holder is alive and renews it: it is not fenced";
	case -EALREADY:
		return "another process takes it just now";
	case -EREMOTE:
		return TAKEN_MEANWHILE;
	case -ENOENT:
		return a->adopt ? NO_LEASE : "it has no lease, and needs not be taken back";
	case -EBADMSG:
		return a->adopt ? "its file tmp/lease is damaged: remove the file; then " RUN_IT
				: DAMAGED;
	case -EINVAL:
		return a->adopt ? "it is the queue of this machine: smtp-relay --take-back"
				: "it is the queue of another machine: smtp-relay --adopt";
	default:
		return strerror(-error);
	}
}

/* The home of the queue may take it back at once. */
void
adoption_release(const struct config *c, const struct queue *q)
{
	const int error = queue_lease_release(q);

	if (error < 0)
		log_text(LOG_LEVEL_ERROR, "cannot release the lease of %s: %s",
		    c->queue.directory, error == -EREMOTE ?
		    TAKEN_MEANWHILE : strerror(-error));
	else
		log_text(LOG_LEVEL_NOTICE, "the queue %s is left: on its own machine, type: "
		    "smtp-relay --take-back", c->queue.directory);
}

/* Nothing more may happen, and workers end with this process. */
static void
on_loss(void *ctx)
{
	const struct config *c = ctx;

	log_text(LOG_LEVEL_ERROR, "queue %s: %s", c->queue.directory,
	    queue_advice(QUEUE_RUN, -EREMOTE));
	_exit(EX_TEMPFAIL);
}

static int
may_write(void *ctx)
{
	return queue_lease_check(ctx);
}

/* From now on nothing happens without the lease. */
static void
keep_lease(const struct config *c, struct queue *q)
{
	queue_lease_on_loss(q, on_loss, (void *)(uintptr_t)c);
	file_replace_ask(may_write, q);
}

static int
take_lease(const struct adoption *a, const struct config *c, struct queue *q)
{
	const struct queue_lease_taking taking = {
		.term_ms = c->queue.lease_ms, .seen_ms = QUEUE_STORAGE_SEEN_MS,
		.fenced = a->fenced, .back = a->take_back,
	};
	const char *directory = c->queue.directory;
	const int error = queue_lease_take(q, &taking);

	if (error < 0) {
		log_text(LOG_LEVEL_ERROR, "cannot take the lease of %s: %s", directory,
		    taking_advice(a, error));
		return error == -EPERM || error == -EINVAL ? EX_USAGE : EX_TEMPFAIL;
	}
	log_text(LOG_LEVEL_NOTICE, "the queue %s %s", directory,
	    a->adopt ? "is adopted: its mail is delivered from here" : "is taken back");
	return a->adopt ? -1 : EX_OK;
}

/* Is it a runner of this machine that has the lock? */
static bool
holds_already(const struct queue *q)
{
	struct queue_lease_state state;
	char name[QUEUE_LEASE_NAME_SIZE] = "";

	(void)gethostname(name, sizeof name);
	return queue_lease_read(q, &state) < 0 || strcmp(state.holder, name) == 0;
}

bool
adoption_wants(const struct adoption *a, const struct queue *q)
{
	return (a->adopt || a->take_back) && !holds_already(q);
}

/* If the other machine is gone, its locks may stay for a while, or for ever. */
int
adoption_force(const struct adoption *a, const struct config *c, struct queue *q)
{
	int error, code = take_lease(a, c, q);

	if (code > EX_OK)
		return code;
	error = queue_break_lock(q);
	if (error == 0)
		error = queue_lock_runner(q);
	if (error == 0) {
		keep_lease(c, q);
		return code;
	}
	log_text(LOG_LEVEL_ERROR, "cannot lock %s: %s", c->queue.directory,
	    error == -EWOULDBLOCK ? "a process of the former machine still has the lock on cur/, "
	    "so it is stopped and not dead: end it, then start this again" : strerror(-error));
	return EX_TEMPFAIL;
}

int
adoption_hold(const struct adoption *a, const struct config *c, struct queue *q)
{
	const uint64_t term_ms = c->queue.lease_ms;
	struct queue_lease_state state;
	int code = -1, error = 0;

	if (a->adopt || a->take_back)
		code = take_lease(a, c, q);
	else if (term_ms)
		error = queue_lease_join(q, NULL, term_ms);
	else if (queue_lease_read(q, &state) != -ENOENT)
		error = -ENOLCK;
	if (error < 0) {
		log_text(LOG_LEVEL_ERROR, "queue %s: %s", c->queue.directory,
		    error == -ENOLCK || error == -EREMOTE ?
		    queue_advice(QUEUE_RUN, error) : error == -EBADMSG ?
		    DAMAGED : strerror(-error));
		return EX_TEMPFAIL;
	}
	keep_lease(c, q);
	return code;
}
