// SPDX-License-Identifier: ISC
/*
 * smtp-queue fsck --storage: does a file system keep what a queue needs?
 */
#include "tools/queue/tool.h"

#include <errno.h>
#include <string.h>
#include <sysexits.h>

#include "base/text.h"
#include "queue/storage.h"

static void
put_result(void *ctx, const struct queue_storage_result *r)
{
	const struct tool *t = ctx;

	if (t->json) {
		(void)fputs("{\"promise\":", stdout);
		json_string(stdout, slice_str(r->name));
		(void)fputs(r->why ? ",\"kept\":false" : ",\"kept\":true", stdout);
		if (r->why) {
			json_text(stdout, "what", slice_str(r->why));
			json_text(stdout, "advice", slice_str(r->remedy));
		}
		(void)fputs("}\n", stdout);
	} else if (r->why) {
		text_print(stdout, "BROKEN %s: %s", r->name, r->promise);
		(void)fputs("\n       ", stdout);
		text_print(stdout, "%s; %s", r->why, r->remedy);
		(void)fputc('\n', stdout);
	} else {
		text_print(stdout, "kept   %s: %s", r->name, r->promise);
		(void)fputc('\n', stdout);
	}
	(void)fflush(stdout);
}

static const char *
storage_error(int error)
{
	switch (error) {
	case -EXDEV:
		return "the second folder is not the first one through another mount";
	case -EACCES:
	case -EPERM:
		return "this user may not write there: be root, or the user smtp-relay";
	default:
		return strerror(-error);
	}
}

int
tool_storage(struct tool *t)
{
	struct queue_storage s = {
		.directory = t->nids ? t->ids[0] : t->config.queue.directory,
		.other = t->nids > 1 ? t->ids[1] : NULL, .result = put_result, .ctx = t,
	};
	const int r = queue_storage(&s);

	if (r < 0) {
		tool_complain(s.directory, storage_error(r));
		return EX_TEMPFAIL;
	}
	if (t->json)
		return s.broken ? TOOL_SOME_FAILED : EX_OK;
	text_put(stdout, slice_str(s.directory));
	if (s.broken)
		text_print(stdout, " must not have a queue: %u promise%s broken", s.broken,
		    s.broken == 1 ? "" : "s");
	else if (s.other && !s.one_client)
		text_print(stdout, " may have queues that several machines use");
	else if (s.other)
		text_print(stdout, " may have a queue; both folders are one mount, or share the "
		    "memory of one (NFS: mount with nosharecache): several machines were not "
		    "tested");
	else
		text_print(stdout, " may have a queue; for several machines, name it once more "
		    "through another mount");
	(void)fputc('\n', stdout);
	return s.broken ? TOOL_SOME_FAILED : EX_OK;
}
