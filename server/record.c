// SPDX-License-Identifier: ISC
/*
 * The keys of these lines are what operators search for: smtp-handler(8) lists them.  Called by smtp-handler.c.
 */
#include "server/record.h"

#include "base/clock.h"
#include "base/log.h"

static void
begin(struct log_line *line, enum log_level level, const char *event, const struct record *r, struct slice id)
{
	log_begin(line, level, event);
	if (id.n)
		log_str(line, "id", id);
	log_str(line, "client", slice_str(r->peer->text));
	log_str(line, "helo", buf_slice(&r->session->helo));
}

void
record_refused(const struct record *r, const struct smtp_path *from, const struct smtp_path *to,
    const struct smtp_reply *reply)
{
	struct log_line line;

	begin(&line, LOG_LEVEL_NOTICE, "refused", r, SL(""));
	log_str(&line, "from", smtp_path_text(from));
	if (to)
		log_str(&line, "to", smtp_path_text(to));
	log_uint(&line, "code", (uint64_t)reply->code);
	log_str(&line, "reply", reply->text);
	log_end(&line);
}

static const char *
reason(enum smtp_data_result result)
{
	switch (result) {
	case SMTP_DATA_TOO_BIG:
		return "too big";
	case SMTP_DATA_SPACE:
		return "no space";
	case SMTP_DATA_LOCAL:
		return "queue broken";
	case SMTP_DATA_BARE:
		return "bare newline";
	case SMTP_DATA_LOOP:
		return "loop";
	case SMTP_DATA_LINE:
		return "line too long";
	case SMTP_DATA_QUEUED:
		break;
	}
	return NULL;
}

void
record_message(struct record *r, struct slice id, uint64_t size, enum smtp_data_result result)
{
	const char *why = reason(result);
	struct log_line line;

	if (!why)
		r->accepted++;
	begin(&line, why ? LOG_LEVEL_NOTICE : LOG_LEVEL_INFO, why ? "refused" : "accepted", r, id);
	log_str(&line, "from", smtp_path_text(&r->session->from));
	log_uint(&line, "nrcpt", r->session->recipients);
	log_uint(&line, "size", size);
	if (why)
		log_str(&line, "why", slice_str(why));
	log_end(&line);
}

void
record_trouble(const char *directory, int error)
{
	log_text(LOG_LEVEL_ERROR, "queue %s: %s", directory, strerror(-error));
}

void
record_end(const struct record *r, const char *end)
{
	struct log_line line;

	begin(&line, LOG_LEVEL_INFO, "session", r, SL(""));
	log_uint(&line, "messages", r->accepted);
	log_uint(&line, "errors", r->session->errors);
	log_uint(&line, "seconds", (uint64_t)(clock_ms() - r->started_ms) / 1000);
	log_str(&line, "end", slice_str(end));
	log_end(&line);
}
