// SPDX-License-Identifier: ISC
/*
 * Notices.  Three texts with a NUL between them: the lines of an envelope, a content with the log
 * behind it, and the reply of a host.  The first octet chooses the kind of notice.  Whatever they
 * hold, the notice is a message that each server takes: short lines, no control characters, only
 * ASCII unless the notice is announced as UTF-8, and all parts in their order.
 */
#include "base/utf8.h"
#include "notice/bounce.h"
#include "smtp/reply.h"
#include "tests/fuzz/folder.h"

#define MAX 16384

static char hostname[] = "mx.example", file[MAX + QUEUE_FIXED], notice[1 << 20];
static struct config config = { .server.hostname = hostname };

/* The part with the original message begins, which stays as it is. */
static bool
is_original(struct slice line)
{
	return slice_has_prefix(line, SL("Content-Type: text/rfc822-headers")) ||
	    slice_has_prefix(line, SL("Content-Type: message/rfc822")) ||
	    (slice_has_prefix(line, SL("Content-Type: message/global")) &&
		!slice_has_prefix(line, SL("Content-Type: message/global-delivery-status")));
}

static void
check_text(const struct queue_entry *e)
{
	const ssize_t n = queue_read(e, 0, notice, sizeof notice);
	struct slice rest = slice_of(notice, (size_t)n), line;
	bool original = false;

	must(n > 0 && (size_t)n == e->content_size);
	must(memmem(notice, (size_t)n, "\r\nAuto-Submitted: auto-", 23));
	while (rest.n && !original) {
		line = slice_cut(rest, '\n', &rest);
		must(line.n && line.p[line.n - 1] == '\r' && line.n <= 999);
		line.n--;
		must(!slice_has_control(line));
		must(slice_is_ascii(line) || (e->facts.eight_bit && utf8_valid(line)));
		original = is_original(line);
	}
	must(original);
}

static void
send_notice(struct queue_entry *e, const struct bounce_news *news)
{
	struct queue_entry made;
	char id[QUEUE_ID_SIZE];

	if (bounce_send(folder_get(), &config, e, news, id) < 0)
		return;
	must(renameat(folder_queue.fresh, id, folder_queue.cur, id) == 0 &&
	    queue_load(&folder_queue, id, &made) == 0);
	must(made.from.n == 0 && made.nrcpts == 1 && slice_eq(made.rcpts[0].path, e->from));
	check_text(&made);
	queue_unload(&made);
	must(queue_finish(&folder_queue, id) == 0);
}

/* A reply as a link reads it. */
static void
set_outcome(struct outcome *o, struct slice reply, unsigned choice)
{
	static struct smtp_peer_reply r;

	smtp_peer_reply_init(&r);
	while (reply.n && !smtp_peer_reply_line(&r, slice_cut(reply, '\n', &reply)))
		;
	if (r.malformed || r.code < 400)
		outcome_set(o, (enum outcome_cause)(choice % CAUSE_COUNT), SL("mx1.example"),
		    buf_slice(&r.text));
	else
		outcome_from_reply(o, &r, SL("mx1.example"));
	must(outcome_valid(o));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice lines, content, reply, log;
	struct queue_entry e = { .fd = -1 };
	struct buf b = BUF(file);
	struct bounce_rcpt rcpts[8];
	struct outcome o;
	const struct queue_facts facts = { .eight_bit = true, .longest_line = 100 };
	struct bounce_news news = {
		.rcpts = rcpts, .now_s = 1763787773, .retry_until_s = 1763787774,
	};

	if (size < 2 || size > MAX)
		return 0;
	lines = slice_cut(slice_of((const char *)data + 2, size - 2), '\0', &content);
	content = slice_cut(content, '\0', &reply);
	content = slice_cut(content, '\f', &log);
	folder_message(&b, lines, content, &facts);
	buf_add(&b, log);
	folder_write(folder_get()->cur, "0SJ5TN5K6X3N0BKS", buf_slice(&b));
	if (queue_load(&folder_queue, "0SJ5TN5K6X3N0BKS", &e) < 0)
		return 0;
	set_outcome(&o, reply, data[1]);
	for (; news.n < e.nrcpts && news.n < 8; news.n++)
		rcpts[news.n] = (struct bounce_rcpt){ (uint32_t)news.n, &o };
	news.action = (enum notice_kind)(data[0] % NOTICE_KINDS);
	if (e.from.n && news.n)
		send_notice(&e, &news);
	queue_unload(&e);
	return 0;
}
