// SPDX-License-Identifier: ISC
/*
 * smtp-queue fsck: find faults of the queue, and repair them with --repair.
 */
#include "tools/queue/tool.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "queue/check.h"

/* Texts for a fault that was found, and for one that was repaired. */
static const struct remedy {
	const char *name, *advice, *done;
} remedies[] = {
	[QUEUE_REPAIR_NONE] = { NULL, NULL, NULL },
	[QUEUE_REPAIR_RELAY] = { "relay", "the relay will remove it", NULL },
	[QUEUE_REPAIR_OWNER] = {
		"owner", "as root, --repair gives it to the owner of the queue",
		"given to the owner of the queue",
	},
	[QUEUE_REPAIR_ACCESS] = {
		"access", "--repair corrects group and mode", "group and mode corrected",
	},
	[QUEUE_REPAIR_MAKE] = { "make", "--repair makes it", "made" },
	[QUEUE_REPAIR_MODE] = { "mode", "--repair corrects the mode", "mode corrected" },
	[QUEUE_REPAIR_BURY] = { "bury", "--repair puts it into dead/", "put into dead/" },
	[QUEUE_REPAIR_NEW] = { "new", "--repair puts it into new/", "put into new/" },
	[QUEUE_REPAIR_REMOVE] = { "remove", "--repair removes it", "removed" },
};

static const char *
repair_error(int error)
{
	switch (error) {
	case -EBUSY:
		return "the running relay uses it";
	case -EPERM:
		return "only root may do that";
	case -EMLINK:
		return "it has another name, perhaps elsewhere: remove one of the two";
	default:
		return strerror(-error);
	}
}

static void
put_object(const struct queue_fault *f, const struct remedy *m)
{
	(void)fputs("{\"path\":", stdout);
	json_string(stdout, slice_str(f->path));
	json_text(stdout, "fault", slice_str(f->what));
	if (m->name)
		json_text(stdout, "repair", slice_str(m->name));
	(void)fputs(f->repaired ? ",\"repaired\":true" : ",\"repaired\":false", stdout);
	if (f->error < 0)
		json_text(stdout, "error", slice_str(repair_error(f->error)));
	(void)fputs("}\n", stdout);
}

static void
put_fault(void *ctx, const struct queue_fault *f)
{
	const struct remedy *m = &remedies[f->repair];
	const struct tool *t = ctx;

	if (t->json) {
		put_object(f, m);
		return;
	}
	text_put(stdout, slice_str(f->path));
	text_print(stdout, " %s", f->what);
	if (f->repaired)
		text_print(stdout, "; %s", m->done);
	else if (f->error < 0)
		text_print(stdout, "; not repaired: %s", repair_error(f->error));
	else if (m->advice)
		text_print(stdout, "; %s", m->advice);
	(void)fputc('\n', stdout);
}

int
tool_fsck_owners(struct tool *t)
{
	struct queue_check c = {
		.repair = t->repair, .only_users = t->owners, .fault = put_fault, .ctx = t,
	};
	int r = queue_check_owners(t->config.queue.directory, &c);

	t->foreign = c.faults;
	t->adopted = c.repaired;
	return r;
}

int
tool_fsck(struct tool *t)
{
	struct queue_check c = {
		.repair = t->repair, .fault = put_fault, .ctx = t,
		.faults = t->foreign, .repaired = t->adopted,
	};
	int r = queue_check(&t->queue, &c);

	if (r < 0) {
		tool_complain(t->config.queue.directory, strerror(-r));
		return EX_TEMPFAIL;
	}
	if (!t->json) {
		text_print(stdout,
		    "%llu message%s checked, %llu being received, %llu in dead/: %llu fault%s",
		    (unsigned long long)c.messages, c.messages == 1 ? "" : "s",
		    (unsigned long long)c.receiving, (unsigned long long)c.dead,
		    (unsigned long long)c.faults, c.faults == 1 ? "" : "s");
		if (t->repair)
			text_print(stdout, ", %llu repaired", (unsigned long long)c.repaired);
		(void)puts("");
	}
	return c.faults > c.repaired ? TOOL_SOME_FAILED : EX_OK;
}
