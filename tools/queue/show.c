// SPDX-License-Identifier: ISC
/*
 * smtp-queue show and log: one message, for people.  Text from outside is escaped, so that no
 * terminal obeys it; --raw prints it unchanged, for programs.
 */
#include "tools/queue/tool.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "queue/aside.h"

static void
put_field(const char *name, struct slice value)
{
	text_print(stdout, "%-11s ", name);
	text_put(stdout, value);
	(void)fputc('\n', stdout);
}

static void
put_time(const char *name, int64_t unix_s, int64_t now_s)
{
	char space[80];
	struct buf b = BUF(space);

	clock_stamp(&b, unix_s);
	buf_str(&b, unix_s > now_s ? " (in " : " (");
	text_duration(&b, unix_s > now_s ? unix_s - now_s : now_s - unix_s);
	buf_str(&b, unix_s > now_s ? ")" : " ago)");
	put_field(name, buf_slice(&b));
}

static void
put_path(const char *name, struct slice path, struct slice params)
{
	text_print(stdout, "%-11s <", name);
	text_put(stdout, path);
	(void)fputc('>', stdout);
	if (params.n) {
		(void)fputc(' ', stdout);
		text_put(stdout, params);
	}
	(void)fputc('\n', stdout);
}

static void
put_standing(const struct queue_entry *e)
{
	text_print(stdout, "%-11s %s%s", "standing", standing_word(e->standing),
	    e->user.n ? " " : "");
	text_put(stdout, e->user);
	(void)fputc('\n', stdout);
}

static void
put_envelope(const struct tool *t, const struct queue_spot *spot, const struct queue_entry *e)
{
	const int64_t now_s = t->now_us / 1000000;
	int64_t due_s;

	put_field("id", slice_str(spot->id));
	put_field("state", slice_str(filter_state_name(spot->place)));
	put_time("arrived", e->arrived_us / 1000000, now_s);
	if (tool_due(spot, &due_s))
		put_time("due", due_s, now_s);
	text_print(stdout, "%-11s %u%s\n", "attempts", e->attempts,
	    e->warned ? ", the sender got a notice of delay" : "");
	text_print(stdout, "%-11s %llu octets\n", "size", (unsigned long long)e->content_size);
	if (e->client.n)
		put_field("client", e->client);
	put_standing(e);
	put_path("sender", e->from, e->from_params);
	for (size_t i = 0; i < e->nrcpts; i++) {
		const char state = e->rcpts[i].state;

		put_path(state == QUEUE_PENDING ? "pending" :
		    state == QUEUE_FAILED ? "failed" : "delivered",
		    e->rcpts[i].path, e->rcpts[i].params);
	}
	(void)fputc('\n', stdout);
}

static int
put_content(const struct queue_entry *e, bool raw)
{
	char block[65536];
	size_t kept = 0;
	uint64_t at = 0;

	while (at < e->content_size && !tool_output_broken()) {
		uint64_t rest = e->content_size - at;
		size_t room = sizeof block - kept, n = rest < room ? (size_t)rest : room;
		ssize_t got = pread(e->fd, block + kept, n, (off_t)(e->content_at + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EIO;
		at += (uint64_t)got;
		n = kept + (size_t)got;
		if (raw)
			(void)fwrite(block, 1, n, stdout);
		else
			kept = text_lines(stdout, slice_of(block, n), at == e->content_size);
		memmove(block, block + n - kept, kept);
	}
	return 0;
}

static int
show_one(struct tool *t, const struct queue_spot *spot, const struct queue_entry *e)
{
	if (t->json) {
		tool_object(spot, e, t->now_us);
		return 0;
	}
	if (!t->raw)
		put_envelope(t, spot, e);
	return put_content(e, t->raw);
}

static void
put_why_aside(const struct tool *t, const struct queue_spot *spot)
{
	char space[QUEUE_WHY_MAX];
	struct buf b = BUF(space);

	if (spot->place != QUEUE_IN_DEAD || !queue_why_aside(&t->queue, spot->id, &b))
		return;
	(void)fputs("Put aside, as processes died while they read it: ", stdout);
	text_put(stdout, buf_slice(&b));
	(void)fputc('\n', stdout);
}

static int
log_one(struct tool *t, const struct queue_spot *spot, const struct queue_entry *e)
{
	char *text = NULL;
	size_t size = 0;
	int r = queue_log(e, &text, &size);

	if (r < 0)
		return r;
	if (t->raw)
		(void)fwrite(text, 1, size, stdout);
	else if (size)
		(void)text_lines(stdout, slice_of(text, size), true);
	else if (isatty(STDOUT_FILENO))
		(void)puts("Nothing yet: no attempt has ended.");
	if (!t->raw)
		put_why_aside(t, spot);
	free(text);
	return 0;
}

static int
each_id(struct tool *t,
    int (*one)(struct tool *t, const struct queue_spot *spot, const struct queue_entry *e))
{
	struct queue_spot spot;
	struct queue_entry e;
	int r, status = EX_OK;

	for (size_t i = 0; i < t->nids && !tool_output_broken(); i++) {
		r = queue_find(&t->queue, t->ids[i], QUEUE_ANYWHERE, &spot);
		if (r == 0) {
			queue_try(&spot);
			r = queue_look(&spot, &e);
			if (r == 0) {
				r = one(t, &spot, &e);
				queue_unload(&e);
			}
			queue_spot_done(&spot);
		}
		if (r < 0) {
			tool_complain(t->ids[i],
			    r == -ENOENT ? "no such message in the queue" :
			    r == -ENOTRECOVERABLE ? "kills what reads it: delete it" :
			    r == -EBADMSG ? "not a whole message: see smtp-queue fsck" :
			    strerror(-r));
			status = TOOL_SOME_FAILED;
		}
	}
	return status;
}

int
tool_show(struct tool *t)
{
	return each_id(t, show_one);
}

int
tool_log(struct tool *t)
{
	return each_id(t, log_one);
}
