// SPDX-License-Identifier: ISC
/*
 * The queue is opened once, before its path can no longer be reached.
 */
#include "session/confine.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "base/harden.h"
#include "base/log.h"
#include "session/secure.h"

static struct queue queue;
static int queue_error = -ENOENT;
static bool queue_opened, confined;

void
confine_prepare(void)
{
	harden_process();
	(void)umask(07);	/* files for another user's queue are that user's group's */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static void
open_queue(const struct config *config)
{
	if (queue_opened)
		return;
	queue_error = queue_open(&queue, config->queue.directory, QUEUE_RECEIVE);
	queue_opened = queue_error == 0;
}

void
confine(enum sandbox_for whom, const struct config *config, const struct options *options,
    bool printing)
{
	unsigned restrictions;

	if (confined)
		return;
	if (!printing)
		open_queue(config);
	if (whom == SANDBOX_LISTENER && !printing && !queue_opened)
		return;
	if (config->server.tls != SERVER_TLS_OFF && !secure_here())
		whom = SANDBOX_BEFORE_TLS;
	restrictions = sandbox_enter(whom, queue_opened ? &queue : NULL, config,
	    options->config_file);
	confined = true;
	if (restrictions != SANDBOX_WHOLE)
		log_text(LOG_LEVEL_NOTICE,
		    "sandbox without %s%s%s: this kernel or this build has none",
		    restrictions & SANDBOX_FILES ? "" : "Landlock", restrictions ? "" : " and ",
		    restrictions & SANDBOX_CALLS ? "" : "seccomp");
}

int
confine_queue(struct queue *ret)
{
	if (queue_opened)
		*ret = queue;
	return queue_error;
}
