// SPDX-License-Identifier: ISC
/*
 * The header section is in memory while filters edit it.  The body stays in the queue file, or in a
 * file without a name if a filter has replaced it.
 */
#include "session/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/large.h"
#include "base/log.h"
#include "message/edit.h"
#include "message/junk.h"
#include "session/checks.h"
#include "session/milters.h"
#include "session/session.h"

#define EDITS_MAX 10000		/* answers with an edit, of one filter */
#define LIST_MAX 262144		/* octets of the recipients that are added or removed */

static LARGE struct {
	struct edit header;
	uint64_t body_at, body_end;	/* in the queue file, or in the replacement */
	int body_fd;			/* the replacement; -1: there is none */
	bool sender_changed;
	struct smtp_path sender;
	struct buf added, dropped;	/* paths, each with a NUL */
	unsigned nadded;
	struct buf reason;		/* of a quarantine */
	bool quarantined;
	bool marked;			/* a filter has made a field that says "junk" */
	enum smtp_verdict postponed;	/* an added recipient may be accepted later */
	struct queue_message former;
	char added_space[LIST_MAX], dropped_space[LIST_MAX], reason_space[300];
	char octets[MILTER_DATA_MAX];
} now;					/* large, but memory that is never touched */

static ssize_t
read_body(const struct session *s, uint64_t at, char *p, size_t n)
{
	const uint64_t left = now.body_end - at;
	ssize_t got;

	if (n > left)
		n = (size_t)left;
	if (n == 0)
		return 0;
	if (now.body_fd < 0)
		return queue_read_back(now.former.id[0] ? &now.former : &s->content.queued, at, p,
		    n);
	do
		got = pread(now.body_fd, p, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got == 0 ? -EIO : got;
}

/* The end of the header section is in front of the empty line, or at the end of the content. */
static size_t
section_end(struct slice text, bool whole)
{
	const char *end = text.n ? memmem(text.p, text.n, "\r\n\r\n", 4) : NULL;

	return end ? (size_t)(end - text.p) + 2 : whole ? text.n : 0;
}

/* Read the header section, with our Received field.  0 or -errno. */
static int
read_header(struct session *s)
{
	const struct queue_message *m = &s->content.queued;
	size_t end = 0;

	edit_begin(&now.header);
	now.body_fd = -1;
	now.body_at = m->envelope;
	now.body_end = m->written + m->out.n;
	while (end == 0) {
		const ssize_t n = read_body(s, m->envelope + now.header.text.n, now.octets,
		    sizeof now.octets);

		if (n < 0)
			return (int)n;
		edit_octets(&now.header, slice_of(now.octets, (size_t)n));
		if (now.header.text.full)
			return -EMSGSIZE;
		end = section_end(buf_slice(&now.header.text), n == 0);
		if (n == 0)
			break;
	}
	now.header.text.n = end;
	now.body_at += end;
	return 0;
}

/* Behind the empty line. */
static uint64_t
text_at(void)
{
	return now.body_fd < 0 && now.body_end > now.body_at ? now.body_at + 2 : now.body_at;
}

static bool
send_fields(struct session *s, struct milter_link *l, struct smtp_reply *ret)
{
	struct slice rest = edit_fields(&now.header);
	size_t n = 0;
	struct field f;

	while (milters_active(l, MILTER_FIELD) && edit_next(&now.header, &rest, &n, &f)) {
		struct buf data = BUF(now.octets);

		milter_put_string(&data, f.name);
		data.cap--;
		edit_value(&data, &f, milter_keeps_blank(&l->milter));
		data.cap++;
		data.full = false;	/* a longer field is cut */
		buf_chr(&data, '\0');
		if (!milters_step(s, l, MILTER_FIELD, buf_slice(&data), ret))
			return false;
	}
	return true;
}

static int
send_body(struct session *s, struct milter_link *l, struct smtp_reply *ret, bool *ret_good)
{
	uint64_t at = text_at();

	*ret_good = true;
	while (milters_active(l, MILTER_BODY) && !l->skips_body) {
		const ssize_t n = read_body(s, at, now.octets, sizeof now.octets);

		if (n <= 0)
			return (int)n;
		at += (uint64_t)n;
		*ret_good = milters_step(s, l, MILTER_BODY,
		    slice_of(now.octets, (size_t)n), ret);
		if (!*ret_good)
			return 0;
	}
	return 0;
}

/* A file without a name, so that nothing is left of it; in memory if the file system has none. */
static int
open_replacement(const struct session *s)
{
	int fd = -1;

	if (!s->content.printing)
		fd = openat(s->content.queue.tmp, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0)
		fd = memfd_create("body", MFD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* More octets of a new body.  The first replace the old body. */
static bool
add_body(struct session *s, struct slice octets, bool first)
{
	if (first) {
		if (now.body_fd >= 0)
			(void)close(now.body_fd);
		now.body_fd = open_replacement(s);
		now.body_at = now.body_end = 0;
		now.header.changed = true;
	}
	if (now.body_end + octets.n > s->config->server.max_message_size)
		return false;
	while (now.body_fd >= 0 && octets.n) {
		const ssize_t n = pwrite(now.body_fd, octets.p, octets.n, (off_t)now.body_end);

		if (n <= 0)
			return false;
		now.body_end += (uint64_t)n;
		octets = slice_skip(octets, (size_t)n);
	}
	return now.body_fd >= 0;
}

/* An address of a filter, with or without brackets; its parameters are not used. */
static bool
take_path(const struct session *s, struct slice text, unsigned flags, struct smtp_path *ret)
{
	char space[SMTP_PATH_MAX + 2];
	struct buf b = BUF(space);

	text = slice_trim(text);
	if (text.n == 0 || text.p[0] != '<') {
		buf_chr(&b, '<');
		buf_add(&b, text);
		buf_chr(&b, '>');
		text = buf_slice(&b);
	}
	return !b.full && !slice_has_control(text) &&
	       smtp_path_parse_whole(text, flags | SMTP_PATH_TOLERANT, ret) &&
	       (!ret->utf8 || s->smtp.utf8);
}

static bool
same_path(struct slice a, struct slice b)
{
	const char *at = a.n ? memrchr(a.p, '@', a.n) : NULL;
	const size_t local = at ? (size_t)(at - a.p) : a.n;

	return a.n == b.n && memcmp(a.p, b.p, local) == 0 && slice_ieq(a, b);
}

static bool
is_listed(const struct buf *list, struct slice path)
{
	struct slice rest = buf_slice(list);

	while (rest.n)
		if (same_path(slice_cut(rest, '\0', &rest), path))
			return true;
	return false;
}

static void
remove_listed(struct buf *list, struct slice path)
{
	struct slice rest = buf_slice(list);

	while (rest.n) {
		const struct slice one = slice_cut(rest, '\0', &rest);

		if (!same_path(one, path))
			continue;
		memmove(list->p + (one.p - list->p), rest.p, rest.n);
		list->n -= one.n + 1;
		return;
	}
}

/* A recipient that is there already is not added once more, and keeps its parameters. */
static bool
is_dropped(void *ctx, struct slice path)
{
	(void)ctx;
	if (is_listed(&now.dropped, path))
		return true;
	remove_listed(&now.added, path);
	return false;
}

static bool
list_path(struct buf *list, struct slice path)
{
	buf_add(list, path);
	buf_chr(list, '\0');
	now.header.changed = true;
	return !list->full;
}

static void
log_ignored(const struct milter_link *l, const char *what, struct slice address)
{
	address = slice_skip(address, address.n && address.p[0] == '<');
	if (address.n && address.p[address.n - 1] == '>')
		address.n--;
	log_text(LOG_LEVEL_WARNING, "milter %.*s: its %s <%.*s> is not used",
	    (int)l->place.text.n, l->place.text.p, what,
	    (int)(address.n < 200 ? address.n : 200), address.p);
}

/* A recipient passes the checks of RCPT.  One that does not is logged, and the others go on.  If it
 * may pass them later, the client has to send the message again. */
static bool
add_rcpt(struct session *s, const struct milter_link *l, struct slice text)
{
	const struct policy policy = session_policy(s);
	enum smtp_verdict verdict;
	struct smtp_path path;
	struct slice why;

	if (!take_path(s, text, SMTP_PATH_NO_DOMAIN, &path) ||
	    s->smtp.recipients + now.nadded >= s->server.max_recipients) {
		log_ignored(l, "recipient", text);
		return true;
	}
	if (is_listed(&now.added, smtp_path_text(&path)))
		return true;
	verdict = checks_rcpt(s, &path, &why);
	if (verdict == SMTP_REFUSE_LOCAL || verdict == SMTP_REFUSE_QUOTA ||
	    verdict == SMTP_REFUSE_RATE)
		now.postponed = verdict;
	else if (verdict != SMTP_ACCEPT)
		log_ignored(l, "recipient", text);
	if (verdict != SMTP_ACCEPT)
		return true;
	policy_resolve(&policy, &path);
	if (is_listed(&now.added, smtp_path_text(&path)))
		return true;
	remove_listed(&now.dropped, smtp_path_text(&path));
	now.nadded++;
	return list_path(&now.added, smtp_path_text(&path));
}

static bool
drop_rcpt(const struct session *s, struct slice text)
{
	const struct policy policy = session_policy(s);
	struct smtp_path path;

	if (!take_path(s, text, SMTP_PATH_NO_DOMAIN, &path))
		return true;
	policy_resolve(&policy, &path);
	remove_listed(&now.added, smtp_path_text(&path));
	return is_listed(&now.dropped, smtp_path_text(&path)) ||
	       list_path(&now.dropped, smtp_path_text(&path));
}

static bool
change_sender(const struct session *s, const struct milter_link *l, struct slice text)
{
	struct smtp_path path;

	if (!take_path(s, text, SMTP_PATH_NULL, &path)) {
		log_ignored(l, "sender", text);
		return true;
	}
	now.sender = path;
	now.sender_changed = now.header.changed = true;
	return true;
}

static bool
quarantine(struct slice reason)
{
	now.reason = (struct buf)BUF(now.reason_space);
	buf_add(&now.reason, slice_of(reason.p, reason.n < 250 ? reason.n : 250));
	if (reason.n == 0)
		buf_str(&now.reason, "a filter");
	now.quarantined = now.header.changed = true;
	return true;
}

static bool
is_mark(const struct session *s, struct slice name, struct slice value, struct buf *why)
{
	return junk_marked(name, value, s->server.hostname, why);
}

/* A stranger may write the same field: it counts if a filter has made one, and if none of the
 * filters behind that has removed it. */
static bool
is_junk(const struct session *s, struct buf *why)
{
	struct slice rest = edit_fields(&now.header);
	size_t n = 0;
	struct field f;

	while (now.marked && edit_next(&now.header, &rest, &n, &f))
		if (is_mark(s, f.name, f.body, why))
			return true;
	return false;
}

/* False if the edit cannot be made. */
static bool
take_edit(struct session *s, const struct milter_link *l, const struct milter_answer *a,
    bool *body)
{
	const bool blank = !milter_keeps_blank(&l->milter), first = !*body;
	char space[JUNK_WHY_MAX];

	now.marked |= a->kind <= MILTER_CHANGE_FIELD && a->kind >= MILTER_ADD_FIELD &&
	    is_mark(s, a->name, a->value, &(struct buf)BUF(space));
	switch (a->kind) {
	case MILTER_ADD_FIELD:
		return edit_add(&now.header, a->name, a->value, blank);
	case MILTER_INSERT_FIELD:
		return edit_insert(&now.header, a->index, a->name, a->value, blank);
	case MILTER_CHANGE_FIELD:
		return edit_change(&now.header, a->index, a->name, a->value, blank);
	case MILTER_NEW_BODY:
		*body = true;
		return add_body(s, a->value, first);
	case MILTER_ADD_RCPT:
		return add_rcpt(s, l, a->value);
	case MILTER_DROP_RCPT:
		return drop_rcpt(s, a->value);
	case MILTER_NEW_SENDER:
		return change_sender(s, l, slice_cut(a->value, ' ', &(struct slice){ 0 }));
	default:
		return quarantine(a->value);
	}
}

/* The answers to the end of the message. */
static bool
take_answers(struct session *s, struct milter_link *l, struct smtp_reply *ret)
{
	const int patience_ms = (int)s->config->server.milter_content_timeout_ms;
	struct milter_answer answer;
	bool body = false;

	for (unsigned edits = 0;;) {
		milter_link_answer(l, MILTER_END, patience_ms, &answer);
		if (answer.kind == MILTER_BROKEN || answer.kind < MILTER_WORKING)
			break;
		if ((answer.kind != MILTER_NEW_BODY && ++edits > EDITS_MAX) ||
		    !take_edit(s, l, &answer, &body))
			return milters_broken(s, l, "an edit of it cannot be made", ret);
	}
	l->in_message = false;
	return milters_take(s, l, MILTER_END, &answer, ret);
}

/* One filter.  0 or -errno of the queue; *ret_good: it lets the message pass. */
static int
ask_filter(struct session *s, struct milter_link *l, struct smtp_reply *ret, bool *ret_good)
{
	int r;

	*ret_good = send_fields(s, l, ret);
	if (*ret_good && milters_active(l, MILTER_HEADER_END))
		*ret_good = milters_step(s, l, MILTER_HEADER_END, SL(""), ret);
	if (!*ret_good)
		return 0;
	r = send_body(s, l, ret, ret_good);
	if (r < 0 || !*ret_good || !milters_active(l, MILTER_END))
		return r;
	*ret_good = milters_step(s, l, MILTER_END, SL(""), ret);
	if (*ret_good && l->fd >= 0)
		*ret_good = take_answers(s, l, ret);
	return 0;
}

/* Write the header section and the body once more. */
static int
store_again(struct session *s)
{
	uint64_t at = now.body_at;
	ssize_t n;
	int r;

	content_again(s);
	r = content_store(s, edit_fields(&now.header));
	if (r == 0 && now.body_fd >= 0)
		r = content_store(s, SL("\r\n"));
	while (r == 0 && (n = read_body(s, at, now.octets, sizeof now.octets)) != 0) {
		r = n < 0 ? (int)n : content_store(s, slice_of(now.octets, (size_t)n));
		at += (uint64_t)n;
	}
	facts_end(&s->content.facts);
	return r;
}

/* Write the edits into the file that has the body.  -ENOSPC: they do not fit. */
static int
edit_in_place(struct session *s)
{
	const struct slice header = edit_fields(&now.header);
	int r;

	if (now.body_fd >= 0 || facts_binary(&s->content.facts))
		return -ENOSPC;
	r = queue_keep_body(&s->content.queued, &now.former, header, now.body_at);
	if (r == 0)
		content_new_header(s, header);
	return r;
}

/* All edits go into the room in the envelope, or a new file takes the place of the one that the
 * client's octets went to. */
static int
apply(struct session *s)
{
	struct queue_message *m = &s->content.queued;
	const struct slice sender = smtp_path_text(&now.sender);
	struct slice rest;
	char space[JUNK_WHY_MAX];
	struct buf why = BUF(space);
	int r = queue_again(&s->content.queue, m, &now.former,
	    now.sender_changed ? &sender : NULL, is_dropped, NULL);

	rest = buf_slice(&now.added);
	while (r == 0 && rest.n)
		queue_rcpt(&s->content.queue, m, slice_cut(rest, '\0', &rest), SL(""));
	if (now.quarantined)
		queue_field(m, "quarantine", buf_slice(&now.reason));
	if (is_junk(s, &why))
		queue_field(m, "junk", buf_slice(&why));
	if (r == 0 && m->recipients == 0)
		r = -ENOENT;
	if (r == 0)
		r = edit_in_place(s);
	if (r == -ENOSPC && m->error == 0) {
		r = queue_head_end(&s->content.queue, m, filters_room(s));
		if (r == 0)
			r = store_again(s);
	}
	queue_forget(&now.former);
	return r;
}

/* The reply that RCPT would have got. */
static bool
postpone(struct smtp_reply *ret)
{
	static const struct smtp_reply quota = { 450, S("4.7.0 Error: too much mail of this user "
	    "in an hour, try again later"), SMTP_NEXT_COMMAND },
	    rate = { 450, S("4.7.1 Error: too many recipients of this user for now, "
	    "try again later"), SMTP_NEXT_COMMAND },
	    local = { 451, S("4.3.0 Error: local error in processing"), SMTP_NEXT_COMMAND };

	*ret = now.postponed == SMTP_REFUSE_QUOTA ? quota :
	    now.postponed == SMTP_REFUSE_RATE ? rate : local;
	return false;
}

static void
begin_edits(void)
{
	now.postponed = SMTP_ACCEPT;
	now.sender_changed = now.quarantined = now.marked = false;
	now.nadded = 0;
	now.added = (struct buf)BUF(now.added_space);
	now.dropped = (struct buf)BUF(now.dropped_space);
	now.former.id[0] = '\0';
	now.former.fd = -1;
}

bool
screen_message(struct session *s, struct smtp_reply *ret)
{
	size_t n;
	struct milter_link *l = milter_links(&n);
	bool good = true;
	int r;

	if (n == 0)
		return true;
	if (!milters_data(s, ret))
		return false;
	begin_edits();
	r = read_header(s);
	for (; r == 0 && good && n--; l++)
		if (milters_active(l, MILTER_END))
			r = ask_filter(s, l, ret, &good);
	if (good && now.postponed != SMTP_ACCEPT && !milters_discard())
		good = postpone(ret);
	if (r == 0 && good && !milters_discard() && now.header.changed)
		r = apply(s);
	if (now.body_fd >= 0)
		(void)close(now.body_fd);
	now.body_fd = -1;
	if (r == -ENOENT)
		milters_discard_message();	/* no recipient is left */
	else if (r < 0 && s->content.error == 0)
		s->content.error = r;
	return good;
}
