// SPDX-License-Identifier: ISC
/*
 * Shared by the commands of smtp-queue.  Private to tools/queue/ and its main.
 */
#ifndef TOOLS_QUEUE_TOOL_H
#define TOOLS_QUEUE_TOOL_H

#include <stdio.h>

#include "config/options.h"
#include "queue/operator.h"
#include "tools/queue/filter.h"

/* Exit status beyond sysexits: a message was not found or not acted on, or fsck found a fault. */
#define TOOL_SOME_FAILED 1

struct tool {
	struct config config;
	const struct options *options;
	struct queue queue;
	struct filter filter;
	bool json, wide, ids_only, raw, all, repair, owners, http, once, html;
	bool storage, sum, with_host;
	const char *warning, *critical;	/* limits of check; NULL: the defaults */
	const char **ids;
	size_t nids;
	int64_t now_us;
	size_t columns;			/* columns of the terminal */
	uint64_t foreign, adopted;	/* files of other users: found, and repaired */
	uid_t caller;			/* the user before it became the owner of the queue */
};

/* The commands.  Each returns an exit status; show and log take the tool's IDs. */
int tool_list(struct tool *t);
int tool_show(struct tool *t);
int tool_log(struct tool *t);
int tool_hosts(struct tool *t);
int tool_fsck(struct tool *t);
/* It opens no queue; its arguments are folders. */
int tool_storage(struct tool *t);
int tool_stats(struct tool *t);
int tool_top(struct tool *t);
int tool_report(struct tool *t);
/* Its exit status is that of a plugin of Nagios. */
int tool_check(struct tool *t);
/* The queue cannot be checked.  The exit status of check. */
int tool_check_unknown(const char *why);
/* Are these limits of check, such as "messages=500,age=2h"? */
bool tool_limits_valid(const char *text);
/* It opens the queue by itself. */
int tool_doctor(struct tool *t);
/* The first part of fsck, which root does as root: files of other users.  0 or -errno. */
int tool_fsck_owners(struct tool *t);

/* Acts on messages; verb is a command: "hold", "release", "retry", "delete" or "fail". */
int tool_act(struct tool *t, const char *verb);

/* Prints "smtp-queue: what: why" to standard error. */
void tool_complain(const char *what, const char *why);

/* Is standard output closed, or its disk full?  Then a command stops. */
bool tool_output_broken(void);

/* The time when the message is due; false if it has none. */
bool tool_due(const struct queue_spot *spot, int64_t *ret_unix_s);

/* Prints a message as a JSON object with an end of line. */
void tool_object(const struct queue_spot *spot, const struct queue_entry *e, int64_t now_us);
/* Prints a JSON object for a file that cannot be read. */
void tool_object_broken(const struct queue_spot *spot, const char *why);

/* The last reply about a recipient who does not have the message: "450 4.2.1 later". */
struct slice tool_last_reply(struct slice log);
/* The last reply about this recipient; empty if there is none. */
struct slice tool_last_reply_to(struct slice log, struct slice path);

#endif
