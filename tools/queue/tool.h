// SPDX-License-Identifier: ISC
/*
 * What the parts of smtp-queue share.  Private to tools/queue/ and its main.
 */
#ifndef TOOLS_QUEUE_TOOL_H
#define TOOLS_QUEUE_TOOL_H

#include <stdio.h>

#include "config/config.h"
#include "queue/operator.h"
#include "tools/queue/filter.h"

/* Exit status beyond sysexits: some message could not be found or acted on, or fsck found something. */
#define TOOL_SOME_FAILED 1

struct tool {
	struct config config;
	struct queue queue;
	struct filter filter;
	bool json, wide, ids_only, raw, all, repair;
	const char **ids;
	size_t nids;
	int64_t now_us;
	size_t columns;			/* of the terminal */
	uid_t caller;			/* who called, before becoming the owner of the queue */
};

/* The commands; each returns an exit status.  show and log take the tool's IDs. */
int tool_list(struct tool *t);
int tool_show(struct tool *t);
int tool_log(struct tool *t);
int tool_hosts(struct tool *t);
int tool_fsck(struct tool *t);

/* What is done to messages: verb is a command's name ("hold", "release", "retry", "delete", "fail"). */
int tool_act(struct tool *t, const char *verb);

/* "smtp-queue: what: why", to standard error. */
void tool_complain(const char *what, const char *why);

/* Nobody reads any more, or the disk is full: a command stops then. */
bool tool_output_broken(void);

/* When is the message due, as people and programs are told? */
bool tool_due(const struct queue_spot *spot, int64_t *ret_unix_s);

/* One message as a JSON object, with its end of line (tools/queue/object.c). */
void tool_object(const struct queue_spot *spot, const struct queue_entry *e, int64_t now_us);
/* One that cannot be read. */
void tool_object_broken(const struct queue_spot *spot, const char *why);

/* What was last said of a recipient that does not have the message, from its log: "450 4.2.1 later". */
struct slice tool_last_reply(struct slice log);

#endif
