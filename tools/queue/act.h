// SPDX-License-Identifier: ISC
/*
 * One command that acts on messages, while it runs.  Private to act.c and await.c.
 */
#ifndef TOOLS_QUEUE_ACT_H
#define TOOLS_QUEUE_ACT_H

#include "tools/queue/tool.h"

#define ACT_ASKED_MAX 500	/* requests to a runner that are waited for at once */

struct act;

struct verb {
	const char *name, *past, *to_be;	/* "hold", "held", "is to be held" */
	const char *event;		/* in the log, where the relay has the same ones */
	int (*run)(struct act *a, const struct queue_spot *spot);
	unsigned places;		/* where it does something */
	int request;			/* enum queue_request, or -1: a runner is never asked for it */
	/* What is said where it does nothing: no fault, or one. */
	const char *done[QUEUE_IN_DEAD + 1], *not[QUEUE_IN_DEAD + 1];
};

struct act {
	struct tool *t;
	const struct verb *verb;
	char newest[QUEUE_ID_SIZE];	/* no message is meant that came in later */
	char bounce[QUEUE_ID_SIZE];	/* that the last one has led to */
	size_t count;			/* messages acted on */
	bool again;			/* looking for what has moved before our eyes: what is asked for is not asked for twice */
	size_t found;			/* of that */
	int status;
	size_t nasked;
	struct asked {
		char id[QUEUE_ID_SIZE];
		int fd;			/* of the request */
	} asked[ACT_ASKED_MAX];
};

/* Do it to one message, where it was seen (or NULL: look for it), and say so. */
void act_on(struct act *a, const char *id, const struct queue_spot *seen);

void act_say(struct act *a, const char *id, const char *result, const char *more);
void act_refuse(struct act *a, const char *id, const char *why);

bool act_runner_lives(const struct act *a);

/* Wait until the runner has done what it was asked, and say so of each; for what is at an exchanger just now it is not waited. */
void act_await(struct act *a);

#endif
