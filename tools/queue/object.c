// SPDX-License-Identifier: ISC
/*
 * A message as a JSON object, for programs: all that the queue stores, except the content.
 */
#include "tools/queue/tool.h"

#include <stdlib.h>

#include "base/text.h"

#define STAMP (sizeof "2026-11-22T05:02:53Z")	/* with the blank behind it */

static const char *
rcpt_state(char state)
{
	return state == QUEUE_PENDING ? "pending" : state == QUEUE_FAILED ? "failed" : "delivered";
}

bool
tool_due(const struct queue_spot *spot, int64_t *ret_unix_s)
{
	*ret_unix_s = spot->due_s;
	return spot->place == QUEUE_IN_WAIT;
}

/* The text in the last quotes of a note: the reply, or the reason. */
static struct slice
note_reply(struct slice note)
{
	const char *at = note.n && note.p[note.n - 1] == '"' ? memchr(note.p, '"', note.n) : NULL;

	if (!at || at == note.p + note.n - 1)
		return note;
	return slice_of(at + 1, (size_t)(note.p + note.n - 1 - at) - 1);
}

/* Cuts the last line off the log. */
static struct slice
take_last_line(struct slice *log)
{
	const char *end = log->p + log->n - (log->p[log->n - 1] == '\n');
	const char *lf = end > log->p ? memrchr(log->p, '\n', (size_t)(end - log->p)) : NULL;
	const char *start = lf ? lf + 1 : log->p;

	log->n = (size_t)(start - log->p);
	return slice_of(start, (size_t)(end - start));
}

/* The rest of a line of the log behind the path in front; empty if there is none.  A quoted local
 * part may have any octets in it. */
static struct slice
behind_path(struct slice line)
{
	bool quoted = false;

	for (size_t i = 1; line.n && line.p[0] == '<' && i + 1 < line.n; i++) {
		const char c = line.p[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '>' && !quoted)
			return line.p[i + 1] == ' ' ? slice_skip(line, i + 2) : SL("");
	}
	return SL("");
}

/* Is it about a recipient who does not have the message?  "deferred ..." */
static bool
is_bad_news(struct slice note)
{
	return note.n && !slice_has_prefix(note, SL("delivered ")) &&
	    !slice_has_prefix(note, SL("expanded "));
}

struct slice
tool_last_reply(struct slice log)
{
	struct slice note;

	while (log.n) {
		note = behind_path(slice_skip(take_last_line(&log), STAMP));
		if (is_bad_news(note))
			return note_reply(note);
	}
	return log;
}

/* The rest of a line of the log behind the recipient's path; empty if it is another's line. */
static struct slice
note_about(struct slice line, struct slice path)
{
	struct slice rest = slice_skip(line, STAMP);

	if (rest.n < path.n + 3 || rest.p[0] != '<' ||
	    !slice_eq(slice_of(rest.p + 1, path.n), path) || rest.p[path.n + 1] != '>' ||
	    rest.p[path.n + 2] != ' ')
		return slice_of(NULL, 0);
	return slice_skip(rest, path.n + 3);
}

struct slice
tool_last_reply_to(struct slice log, struct slice path)
{
	struct slice note = { 0 };

	while (log.n && !note.p)
		note = note_about(take_last_line(&log), path);
	return note_reply(note);
}

/* Finds the newest line of the log about each recipient: it walks backwards until each has one. */
static void
find_notes(struct slice log, const struct queue_entry *e, struct slice *notes)
{
	size_t left = e->nrcpts;

	while (log.n && left) {
		struct slice line = take_last_line(&log);

		for (size_t i = 0; i < e->nrcpts; i++) {
			if (notes[i].p)
				continue;
			notes[i] = note_about(line, e->rcpts[i].path);
			left -= notes[i].p != NULL;
		}
	}
}

static void
put_recipients(const struct queue_entry *e, const struct slice *notes)
{
	(void)fputs(",\"recipients\":[", stdout);
	for (size_t i = 0; i < e->nrcpts; i++) {
		const struct queue_rcpt *r = &e->rcpts[i];

		(void)fputs(i ? ",{\"address\":" : "{\"address\":", stdout);
		json_string(stdout, r->path);
		json_text(stdout, "state", slice_str(rcpt_state(r->state)));
		if (r->params.n)
			json_text(stdout, "parameters", r->params);
		if (notes && notes[i].p) {
			json_text(stdout, "last", notes[i]);
			json_text(stdout, "reply", note_reply(notes[i]));
		}
		(void)fputs("}", stdout);
	}
	(void)fputs("]", stdout);
}

static void
put_begin(const struct queue_spot *spot)
{
	(void)fputs("{\"id\":", stdout);
	json_string(stdout, slice_str(spot->id));
	json_text(stdout, "state", slice_str(filter_state_name(spot->place)));
}

void
tool_object_broken(const struct queue_spot *spot, const char *why)
{
	put_begin(spot);
	json_text(stdout, "error", slice_str(why));
	(void)fputs("}\n", stdout);
}

void
tool_object(const struct queue_spot *spot, const struct queue_entry *e, int64_t now_us)
{
	struct slice *notes = calloc(e->nrcpts, sizeof *notes);
	char *log = NULL;
	size_t size = 0;
	int64_t due_s;

	if (notes && queue_log(e, &log, &size) == 0)
		find_notes(slice_of(log, size), e, notes);
	put_begin(spot);
	json_time(stdout, "arrived", e->arrived_us / 1000000);
	json_number(stdout, "age", (now_us - e->arrived_us) / 1000000);
	if (tool_due(spot, &due_s))
		json_time(stdout, "due", due_s);
	json_number(stdout, "attempts", e->attempts);
	(void)fputs(e->warned ? ",\"warned\":true" : ",\"warned\":false", stdout);
	json_number(stdout, "size", (int64_t)e->content_size);
	json_text(stdout, "sender", e->from);
	if (e->from_params.n)
		json_text(stdout, "parameters", e->from_params);
	if (e->client.n)
		json_text(stdout, "client", e->client);
	json_text(stdout, "standing", slice_str(standing_word(e->standing)));
	if (e->user.n)
		json_text(stdout, "user", e->user);
	put_recipients(e, notes);
	(void)fputs("}\n", stdout);
	free(notes);
	free(log);
}
