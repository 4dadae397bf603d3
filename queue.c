// SPDX-License-Identifier: ISC
/*
 * Receiving a message: from the first line of its envelope until its name is in new/.  queue/move.c
 * has the moves that follow.  Nothing here may look at other messages: the cost of one message must
 * not depend on how many there are.
 *
 * The order of the writes:
 *
 *	create tmp/ID, lock it, write	a few writes, mostly one
 *	fsync(tmp/ID)			its octets are on the disk
 *	fsync(tmp/)			its name is, too; ext4, xfs and btrfs need no such call
 *	the lease, if there is one	this machine may still work on the queue
 *	rename to new/ID		seen by the runner; need not be durable yet
 *	250
 *
 * The obvious order renames first and then syncs new/.  Its two fsyncs concern different changes,
 * so a journalling file system commits its journal twice for each message.  Recorded at the block
 * device, ext4 and xfs then flush the disk four times.  In our order the fsync of the file also
 * commits its name in tmp/: one commit, two flushes.
 *
 * fsync(2) does not promise that the name of a new file becomes durable.  ext4, xfs and btrfs do
 * that: we cut the power at every write of recordings on the three, and no acknowledged message was
 * lost.  There a sync of the folder would also wait for the names of other messages, which are no
 * concern of ours.  Elsewhere it is needed.  A handler cannot sync a tmp/ of another user, which it
 * may not open for reading, so it then syncs the whole file system.
 *
 * queue_recover() is the other half of the promise.  A power cut may undo the rename; the message
 * then lies whole in tmp/ and is brought back.  With the rename last and a recovery of new/ alone,
 * four of ten states lost messages.  The first line of a message proves that it is complete: that
 * line is filled in after the last octet, and holds a check sum.  The sum is needed because a file
 * system may have written the first block and not the others.
 *
 * With the rename before the fsync, the runner would see messages that are not durable yet.  It
 * might deliver one whose client then gets an error and sends it again.
 *
 * The content is on its way to the disk when filters edit the message.  The envelope of such a file
 * has a pad of dots, so that another envelope and header section fit in front of the same body, by
 * one pwrite before all that is listed above.  A power cut may keep the octets from before it and
 * the first line from after it: then the check sum is wrong, and the message was not acknowledged.
 *
 * A lock marks a file that is still being written.  The kernel releases it when the process ends in
 * any way, so recovery never has to guess from a file's age.
 */
#include "queue.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue/access.h"
#include "queue/folders.h"
#include "queue/format.h"
#include "queue/lease.h"

/* A try fails only if recovery took the lock before us. */
#define CREATE_TRIES 16

/* Content of at least this size is written directly, without a copy into the buffer. */
#define COPY_MAX (QUEUE_BUFFER / 2)

static void put_octets(struct queue_message *m, struct slice octets);
static void put_clean(struct queue_message *m, struct slice value);

static void
begin_message(struct queue_message *m, bool to_memory)
{
	int64_t now_us = clock_wall_us();
	char line[80];
	struct buf b = BUF(line);

	m->fd = -1;
	m->id[0] = '\0';
	m->envelope = m->written = 0;
	m->recipients = 0;
	m->to_memory = to_memory;
	m->readable = to_memory;
	m->editable = m->again = false;
	m->spare_at = 0;
	m->change = (struct queue_sum_change){ 0 };
	m->out = (struct buf)BUF(m->space);
	m->late = (struct buf){ 0 };
	queue_sum_init(&m->sum);
	m->error = queue_id_make(m->id);
	buf_str(&b, "\narrived: ");
	buf_uint(&b, (uint64_t)now_us / 1000000);
	buf_chr(&b, '.');
	buf_digits(&b, (uint64_t)now_us, 10, 6);
	buf_chr(&b, ' ');
	clock_stamp(&b, now_us / 1000000);
	buf_chr(&b, '\n');
	put_octets(m, SL(QUEUE_FIXED_BLANK QUEUE_ID_KEY));
	put_octets(m, slice_str(m->id));
	put_octets(m, buf_slice(&b));
}

void
queue_begin(struct queue_message *m)
{
	begin_message(m, false);
}

void
queue_begin_memory(struct queue_message *m)
{
	begin_message(m, true);
}

void
queue_keep_editable(struct queue_message *m)
{
	m->readable = m->editable = true;
}

static int
lock_new(int fd)
{
	struct stat st;

	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	/* Recovery had the lock before us and removed the file. */
	return st.st_nlink ? 0 : -ESTALE;
}

static int
create_locked(const struct queue *q, struct queue_message *m)
{
	const mode_t mode = q->handing ? QUEUE_HANDED_MODE : 0600;
	const int flags = (m->readable ? O_RDWR : O_WRONLY) | O_CREAT | O_EXCL | O_NOFOLLOW |
	    O_CLOEXEC;
	int r, fd = openat(q->tmp, m->id, flags, mode);

	if (fd < 0)
		return -errno;
	r = lock_new(fd);
	if (r == 0) {
		m->fd = fd;
		return 0;
	}
	if (r != -ESTALE)
		(void)unlinkat(q->tmp, m->id, 0);
	(void)close(fd);
	return r;
}

/* Create a second file of the same ID, which is in the content already. */
static int
create_again(const struct queue *q, struct queue_message *m)
{
	int r;

	if (unlinkat(q->tmp, m->id, 0) < 0)
		return -errno;
	m->again = false;
	r = create_locked(q, m);
	for (int i = 1; r == -ESTALE && i < CREATE_TRIES; i++)
		r = create_locked(q, m);
	return r;
}

/* Create the file.  The buffer is still in memory, so its ID can still be changed. */
static int
create_file(const struct queue *q, struct queue_message *m)
{
	int r;

	if (m->to_memory) {
		m->fd = memfd_create(m->id, MFD_CLOEXEC);
		return m->fd < 0 ? -errno : 0;
	}
	if (m->again)
		return create_again(q, m);
	r = create_locked(q, m);
	for (int i = 1; (r == -ESTALE || r == -EEXIST) && i < CREATE_TRIES; i++) {
		r = queue_id_make(m->id);
		if (r < 0)
			break;
		memcpy(m->space + QUEUE_ID_AT, m->id, QUEUE_ID_LEN);
		r = create_locked(q, m);
	}
	return r;
}

static void
write_out(struct queue_message *m, struct slice octets)
{
	queue_sum_add(&m->sum, slice_skip(octets, m->written ? 0 : QUEUE_FIXED));
	m->error = queue_write(m->fd, octets);
	m->written += octets.n;
}

static void
flush_buffer(struct queue_message *m)
{
	if (m->fd < 0)
		m->error = -EMSGSIZE;	/* 64 KiB of fields before the first recipient */
	if (m->error == 0)
		write_out(m, buf_slice(&m->out));
	m->out.n = 0;
}

static void
put_octets(struct queue_message *m, struct slice octets)
{
	while (octets.n && m->error == 0) {
		size_t room = m->out.cap - m->out.n, n = octets.n < room ? octets.n : room;

		buf_add(&m->out, slice_of(octets.p, n));
		octets = slice_skip(octets, n);
		if (octets.n)
			flush_buffer(m);
	}
}

/* May this character stand in a value?  A control character could end the line or hide text from a
 * reader. */
static bool
is_clean(char c)
{
	return (unsigned char)c >= ' ' && c != 0x7f;
}

static void
put_clean(struct queue_message *m, struct slice value)
{
	while (value.n) {
		size_t good = 0;

		while (good < value.n && is_clean(value.p[good]))
			good++;
		put_octets(m, slice_of(value.p, good));
		if (good < value.n)
			put_octets(m, SL("?"));
		value = slice_skip(value, good + 1);
	}
}

static void
put_path(struct queue_message *m, struct slice path, struct slice params)
{
	put_octets(m, SL("<"));
	put_clean(m, path);
	put_octets(m, SL(">"));
	if (params.n)
		put_octets(m, SL(" "));
	put_clean(m, params);
	put_octets(m, SL("\n"));
}

void
queue_field(struct queue_message *m, const char *key, struct slice value)
{
	put_octets(m, slice_str(key));
	put_octets(m, SL(": "));
	put_clean(m, value);
	put_octets(m, SL("\n"));
}

void
queue_standing(struct queue_message *m, enum standing standing, struct slice user)
{
	put_octets(m, SL("standing: "));
	put_octets(m, slice_str(standing_word(standing)));
	if (standing_has_user(standing)) {
		put_octets(m, SL(" "));
		put_clean(m, user);
	}
	put_octets(m, SL("\n"));
}

void
queue_from(struct queue_message *m, struct slice path, struct slice params)
{
	put_octets(m, SL("from: "));
	put_path(m, path, params);
}

/* Hundreds of recipients do not fit: the file is then needed before the envelope ends. */
static void
make_room(const struct queue *q, struct queue_message *m, size_t n)
{
	if (m->error == 0 && m->fd < 0 && n > m->out.cap - m->out.n)
		m->error = create_file(q, m);
}

void
queue_rcpt(const struct queue *q, struct queue_message *m, struct slice path, struct slice params)
{
	make_room(q, m, path.n + params.n + sizeof "P <> \n");
	m->recipients++;
	put_octets(m, SL("P "));
	put_path(m, path, params);
}

/* Write a field without meaning, n octets with its LF. */
static void
fill_pad(char *p, size_t n)
{
	memset(p, '.', n);
	memcpy(p, QUEUE_PAD_KEY, sizeof QUEUE_PAD_KEY - 1);
	p[n - 1] = '\n';
}

/* Put the pad into the buffer.  It leaves the buffer in one write, so it is wholly in the buffer or
 * wholly in the file. */
static void
put_pad(struct queue_message *m, size_t room)
{
	if (room > m->out.cap - m->out.n)
		flush_buffer(m);
	m->late_at = m->written + m->out.n;
	m->late = (struct buf){ .p = m->late_space, .cap = room };
	if (room == 0)
		return;
	fill_pad(m->late_space, room);
	put_octets(m, slice_of(m->late_space, room));
}

/* Put the room for edits into the buffer, as a whole. */
static void
put_spare(struct queue_message *m)
{
	if (m->out.cap - m->out.n < QUEUE_SPARE)
		flush_buffer(m);
	m->spare_at = m->written + m->out.n;
	fill_pad(m->space + m->out.n, QUEUE_SPARE);
	m->out.n += QUEUE_SPARE;
}

/* A message that is still in the buffer can be edited there. */
static void
drop_spare(struct queue_message *m)
{
	char *p = m->space + m->spare_at;

	m->out.n -= QUEUE_SPARE;
	m->envelope -= QUEUE_SPARE;
	memmove(p, p + QUEUE_SPARE, m->out.n - m->spare_at);
	m->spare_at = 0;
}

int
queue_head_end(const struct queue *q, struct queue_message *m, size_t room)
{
	if (m->error == 0 && m->fd < 0)
		m->error = create_file(q, m);
	if (m->error == 0 && room && (room < QUEUE_PAD_MIN || room > QUEUE_LATE_MAX))
		m->error = -EINVAL;
	if (m->error == 0)
		put_pad(m, room);
	if (m->error == 0 && m->editable)
		put_spare(m);
	put_octets(m, SL("\n"));
	m->envelope = m->written + m->out.n;
	if (m->error == 0 &&
	    (m->envelope > QUEUE_ENVELOPE_MAX || m->recipients > QUEUE_RCPTS_MAX))
		m->error = -EMSGSIZE;
	return m->error;
}

int
queue_content(struct queue_message *m, struct slice content)
{
	if (content.n <= m->out.cap - m->out.n || content.n < COPY_MAX) {
		put_octets(m, content);
	} else if (m->error == 0) {
		flush_buffer(m);
		if (m->error == 0)
			write_out(m, content);
	}
	return m->error;
}

int
queue_late_field(struct queue_message *m, const char *key, struct slice value)
{
	const struct slice name = slice_str(key);
	const size_t n = name.n + 2 + value.n + 1, room = m->late.cap - m->late.n;

	/* The rest of the room must be empty or fit a whole pad. */
	if (n > room || (n < room && room - n < QUEUE_PAD_MIN))
		return -ENOSPC;
	buf_add(&m->late, name);
	buf_str(&m->late, ": ");
	for (size_t i = 0; i < value.n; i++)
		buf_chr(&m->late, is_clean(value.p[i]) ? value.p[i] : '?');
	buf_chr(&m->late, '\n');
	return 0;
}

/* Put the late fields in place of the pad.  0 or -errno.  *ret gets the correction for the sum of
 * the octets already written. */
static int
write_late(struct queue_message *m, struct queue_sum_change *ret)
{
	const size_t n = m->late.cap;
	char pad[QUEUE_LATE_MAX];

	if (m->late.n == 0)
		return 0;
	if (n > m->late.n)
		fill_pad(m->late_space + m->late.n, n - m->late.n);
	if (m->late_at >= m->written) {
		memcpy(m->space + (m->late_at - m->written), m->late_space, n);
		return 0;
	}
	fill_pad(pad, n);
	queue_sum_change(ret, m->late_at - QUEUE_FIXED, pad, m->late_space, n);
	return queue_write_at(m->fd, slice_of(m->late_space, n), (off_t)m->late_at);
}

/* Write the rest of the buffer and the fixed lines.  The fixed lines go out with the buffer if they
 * are still in it; else they are written at the start of the file. */
static int
write_rest(struct queue_message *m, const struct queue_facts *facts)
{
	struct queue_fixed fixed = {
		.size = m->written + m->out.n, .envelope = m->envelope, .facts = *facts,
	};
	struct queue_sum_change change = m->change;
	bool whole = m->written == 0;
	char text[QUEUE_FIXED];
	int r;

	if (whole && m->spare_at) {
		drop_spare(m);
		fixed.size = m->out.n;
		fixed.envelope = m->envelope;
	}
	r = write_late(m, &change);

	if (r < 0)
		return r;
	queue_sum_add(&m->sum, slice_skip(buf_slice(&m->out), whole ? QUEUE_FIXED : 0));
	fixed.sum = queue_sum_changed(queue_sum_end(&m->sum), &change, fixed.size - QUEUE_FIXED);
	queue_fixed_write(whole ? m->space : text, &fixed);
	r = queue_write(m->fd, buf_slice(&m->out));
	if (r == 0 && !whole)
		r = queue_write_at(m->fd, slice_of(text, sizeof text), 0);
	return r;
}

/* Make the name of a synced file in tmp/ durable, if it is not yet. */
static int
sync_name(const struct queue *q, const struct queue_message *m)
{
	if (!q->names_apart)
		return 0;
	if (!q->handing)
		return queue_sync_folder(q->tmp);
	return syncfs(m->fd) < 0 ? -errno : 0;
}

int
queue_commit(const struct queue *q, struct queue_message *m, const struct queue_facts *facts)
{
	int r = m->error;

	if (r == 0 && m->envelope == 0)
		r = -EINVAL;
	if (r == 0)
		r = write_rest(m, facts);
	if (r == 0 && m->to_memory)
		return 0;
	/* No step after the rename may fail: from then on the runner owns the message. */
	if (r == 0 && fsync(m->fd) < 0)
		r = -errno;
	if (r == 0)
		r = sync_name(q, m);
	if (r == 0)
		r = queue_lease_check(q);
	if (r == 0 && renameat(q->tmp, m->id, q->fresh, m->id) < 0)
		r = -errno;
	if (r < 0) {
		queue_abort(q, m);
		return r;
	}
	(void)close(m->fd);
	m->fd = -1;
	m->envelope = 0;
	return 0;
}

void
queue_abort(const struct queue *q, struct queue_message *m)
{
	/* There is no file, or queue_begin() was not called. */
	if ((m->fd < 0 && !m->again) || m->id[0] == '\0')
		return;
	/* Remove it while it is locked: recovery must not find a complete file without a writer. */
	if (!m->to_memory)
		(void)unlinkat(q->tmp, m->id, 0);
	if (m->fd >= 0)
		(void)close(m->fd);
	m->fd = -1;
	m->again = false;
	m->envelope = 0;
}

ssize_t
queue_read_back(const struct queue_message *m, uint64_t at, char *p, size_t n)
{
	ssize_t got;

	if (at >= m->written) {
		const struct slice rest = slice_skip(buf_slice(&m->out), at - m->written);

		if (n > rest.n)
			n = rest.n;
		if (n)
			memcpy(p, rest.p, n);
		return (ssize_t)n;
	}
	if (n > m->written - at)
		n = m->written - at;
	do
		got = pread(m->fd, p, n, (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got == 0)
		return -EIO;		/* somebody has cut the file */
	return got < 0 ? -errno : got;
}

/* Copy one line of an envelope, with its LF, unless it is replaced. */
static void
copy_line(const struct queue *q, struct queue_message *m, struct slice line,
    const struct slice *from, bool (*drop)(void *ctx, struct slice path), void *ctx)
{
	struct slice path, params;

	if (slice_has_prefix(line, SL(QUEUE_PAD_KEY)))
		return;
	if (queue_path_of(line, SL("P "), &path, &params)) {
		if (drop(ctx, path))
			return;
		m->recipients++;
	} else if (from && queue_path_of(line, SL("from: "), &path, &params)) {
		put_octets(m, SL("from: "));
		put_path(m, *from, params);
		return;
	}
	make_room(q, m, line.n);
	put_octets(m, line);
}

/* Longer than any line of an envelope: a path with its parameters. */
#define LINE_MAX_OCTETS 16384

static int
copy_envelope(const struct queue *q, struct queue_message *m, const struct queue_message *old,
    const struct slice *from, bool (*drop)(void *ctx, struct slice path), void *ctx)
{
	uint64_t at = QUEUE_FIXED;
	char text[LINE_MAX_OCTETS];

	while (at < old->envelope - 1 && m->error == 0) {
		const ssize_t n = queue_read_back(old, at, text, sizeof text);
		struct slice rest = slice_of(text, n > 0 ? (size_t)n : 0);
		const char *lf;

		if (n < 0)
			return (int)n;
		if (rest.n > old->envelope - 1 - at)
			rest.n = old->envelope - 1 - at;
		if (rest.n == 0 || !memchr(rest.p, '\n', rest.n))
			return -EBADMSG;
		while (rest.n && (lf = memchr(rest.p, '\n', rest.n))) {
			const size_t line = (size_t)(lf - rest.p) + 1;

			copy_line(q, m, slice_of(rest.p, line), from, drop, ctx);
			rest = slice_skip(rest, line);
			at += line;
		}
	}
	return m->error;
}

int
queue_again(const struct queue *q, struct queue_message *m, struct queue_message *old,
    const struct slice *from, bool (*drop)(void *ctx, struct slice path), void *ctx)
{
	const uint64_t head = QUEUE_FIXED;
	const bool blank = m->written == 0;	/* its file is empty, and serves again */

	*old = *m;
	old->out.p = old->space;
	if (blank)
		old->fd = -1;
	else
		m->fd = -1;
	m->again = !blank;
	m->editable = false;
	m->envelope = m->written = m->recipients = m->spare_at = 0;
	m->out = (struct buf)BUF(m->space);
	m->late = (struct buf){ 0 };
	queue_sum_init(&m->sum);
	put_octets(m, slice_of(QUEUE_FIXED_BLANK, head));
	if (m->error == 0)
		m->error = copy_envelope(q, m, old, from, drop, ctx);
	put_octets(m, slice_of(old->late_space, old->late.n));
	return m->error;
}

/* Note in the sum that the file's octets up to offset `at` become those of the buffer. */
static int
change_sum(struct queue_message *m, const struct queue_message *old, uint64_t at)
{
	uint64_t done = QUEUE_FIXED;
	char was[LINE_MAX_OCTETS];

	while (done < at) {
		const uint64_t left = at - done;
		const ssize_t n = queue_read_back(old, done, was,
		    left < sizeof was ? (size_t)left : sizeof was);

		if (n <= 0)
			return n < 0 ? (int)n : -EIO;
		queue_sum_change(&m->change, done - QUEUE_FIXED, was, m->space + done, (size_t)n);
		done += (uint64_t)n;
	}
	return 0;
}

int
queue_keep_body(struct queue_message *m, struct queue_message *old, struct slice header,
    uint64_t at)
{
	const size_t used = m->out.n + 1 + header.n, room = (size_t)at - used;
	const size_t fixed = QUEUE_FIXED;

	if (m->error)
		return m->error;
	if (m->fd >= 0 || at > old->written || at > m->out.cap || used > at ||
	    (room && room < QUEUE_PAD_MIN))
		return -ENOSPC;
	if (m->recipients > QUEUE_RCPTS_MAX)
		return m->error = -EMSGSIZE;
	if (room)
		fill_pad(m->space + m->out.n, room);
	m->out.n += room;
	put_octets(m, SL("\n"));
	put_octets(m, header);
	m->error = change_sum(m, old, at);
	if (m->error == 0)
		m->error = queue_write_at(old->fd, slice_of(m->space + fixed, at - fixed),
		    (off_t)fixed);
	memcpy(m->space, old->space, old->out.n);
	m->out.n = old->out.n;
	m->fd = old->fd;
	m->written = old->written;
	m->sum = old->sum;
	m->envelope = at - header.n;
	m->again = false;
	old->fd = -1;
	return m->error;
}

void
queue_forget(struct queue_message *old)
{
	if (old->id[0] && old->fd >= 0)
		(void)close(old->fd);
	old->fd = -1;
	old->id[0] = '\0';
}

int
queue_take_memory(struct queue_message *m)
{
	int fd = m->fd;

	m->fd = -1;
	return fd;
}
