// SPDX-License-Identifier: ISC
/*
 * A file is read through one buffer of fixed size.  The caller knows the meaning of its lines.
 *
 * The index has the place of each line by the hash of its key.  The line itself is read again and
 * compared, so a collision costs time and no more.  Its memory is mapped: the sandbox of a listener
 * has no system call for a heap that grows.
 */
#include "session/list.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/idn.h"
#include "base/large.h"
#include "smtp/address.h"

#define LIST_BUFFER 16384
#define INDEXES_MAX 8			/* lists that a session remembers at a time */

static_assert(LIST_BUFFER > 2 * LIST_LINE_MAX, "a line of legal length is seen whole");
static_assert(LIST_LINE_MAX > sizeof(((struct smtp_path *)0)->text), "any address is a line");

struct entry {
	uint64_t offset;		/* offset of the line in the file */
	uint32_t hash;
	uint32_t next;			/* entry + 1; 0: none */
};

struct index {
	enum list_kind kind;
	struct stat st;			/* state of the file */
	struct entry *entries;
	size_t n, room;
	uint32_t *heads;		/* entry + 1 */
	size_t nheads;			/* a power of two */
	size_t mapped;			/* octets from entries on */
};

struct scan {
	enum list_kind kind;
	/* Take a line of the file.  True ends the scan. */
	bool (*take)(struct scan *s, struct slice line, uint64_t offset);
	list_match *match;
	const void *ctx;
	struct index *index;
	bool skipping;		/* inside a line that is too long */
	uint64_t offset;	/* offset of `space` in the file */
	size_t n;		/* octets in space */
	char space[LIST_BUFFER];
};

/* The name that a line of an aliases file defines; empty if it defines none. */
static struct slice
name_of(struct slice line)
{
	bool quoted = false;

	if (line.n && ascii_blank(line.p[0]))
		return slice_of(line.p, 0);
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '"')
			quoted = !quoted;
		else if (quoted && line.p[i] == '\\')
			i++;
		else if (!quoted && line.p[i] == ':')
			return slice_of(line.p, i);
	}
	return slice_of(line.p, 0);
}

/* The line without its comment and the blanks around it; of an aliases file, its name. */
static struct slice
meaning_of(enum list_kind kind, struct slice line, uint64_t offset)
{
	struct slice comment;

	/* Some editors write a byte order mark. */
	if (offset == 0 && slice_has_prefix(line, SL("\xef\xbb\xbf")))
		line = slice_skip(line, 3);
	if (kind == LIST_NAMES)
		line = name_of(line);

	/* A '#' begins a comment at the start of a line or behind a blank.  Elsewhere it is an
	 * octet of a local part. */
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || ascii_blank(line.p[i - 1]))) {
			line.n = i;
			break;
		}
	/* Files from elsewhere end their lines in CRLF. */
	return slice_trim(slice_cut(line, '\r', &comment));
}

static bool
match_line(struct scan *s, struct slice line, uint64_t offset)
{
	line = meaning_of(s->kind, line, offset);
	return line.n && s->match(s->ctx, line);
}

/* Look at the whole lines in the buffer.  The rest moves to the start of the buffer. */
static bool
scan_lines(struct scan *s)
{
	struct slice rest = slice_of(s->space, s->n);
	uint64_t at = s->offset;
	const char *lf;
	bool found = false;

	while (rest.n && (lf = memchr(rest.p, '\n', rest.n)) != NULL) {
		const struct slice line = slice_of(rest.p, (size_t)(lf - rest.p));

		if (!s->skipping && (line.n <= LIST_LINE_MAX || s->kind == LIST_NAMES) &&
		    s->take(s, line, at))
			return true;
		s->skipping = false;
		at += line.n + 1;
		rest = slice_skip(rest, line.n + 1);
	}
	if (rest.n > LIST_LINE_MAX) {	/* the line of a name may be of any length */
		found = s->kind == LIST_NAMES && !s->skipping && s->take(s, rest, at);
		s->skipping = true;
		at += rest.n;
		rest.n = 0;
	}
	if (rest.n)
		memmove(s->space, rest.p, rest.n);
	s->n = rest.n;
	s->offset = at;
	return found;
}

static int
scan_file(struct scan *s, int fd, size_t step)
{
	s->skipping = false;
	s->offset = s->n = 0;
	for (;;) {
		const size_t room = sizeof s->space - s->n;
		const ssize_t got = read(fd, s->space + s->n, step < room ? step : room);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)	/* the last line may lack its LF */
			return s->n && !s->skipping &&
			       s->take(s, slice_of(s->space, s->n), s->offset);
		s->n += (size_t)got;
		if (scan_lines(s))
			return 1;
	}
}

static LARGE struct scan scan;

int
list_find_fd(int fd, enum list_kind kind, size_t step, list_match *match, const void *ctx)
{
	scan.kind = kind;
	scan.take = match_line;
	scan.match = match;
	scan.ctx = ctx;
	return scan_file(&scan, fd, step);
}

static uint32_t
hash_key(struct slice key)
{
	const uint64_t h = idn_hash(HASH_START, key);

	return (uint32_t)(h ^ h >> 32);
}

/* Can another text be the same address? */
static bool
is_spelling(struct slice line)
{
	return strchr("\"<.", line.p[0]) || line.p[line.n - 1] == '.' ||
	       memmem(line.p, line.n, "..", 2) || memmem(line.p, line.n, ".@", 2);
}

static uint32_t
hash_line(enum list_kind kind, struct slice line)
{
	struct smtp_path path;
	struct slice rest;

	if (kind == LIST_USERS || kind == LIST_SENDERS)
		line = slice_trim(slice_cut(line, ':', &rest));
	if (kind == LIST_USERS || line.n == 0)
		return hash_key(line);
	if (is_spelling(line) && smtp_path_parse_whole(line, SMTP_PATH_LISTED, &path))
		return hash_key(smtp_path_text(&path));
	return hash_key(slice_skip(line, line.p[0] == '@'));
}

static bool
index_line(struct scan *s, struct slice line, uint64_t offset)
{
	struct index *x = s->index;

	line = meaning_of(s->kind, line, offset);
	if (line.n == 0)
		return false;
	if (x->n == x->room)		/* the file is growing */
		return true;
	x->entries[x->n++] = (struct entry){ .offset = offset, .hash = hash_line(s->kind, line) };
	return false;
}

/* From the last to the first, as the first of a chain is asked first. */
static void
link_lines(struct index *x)
{
	for (size_t i = x->n; i-- > 0;) {
		uint32_t *head = &x->heads[x->entries[i].hash & (x->nheads - 1)];

		x->entries[i].next = *head;
		*head = (uint32_t)i + 1;
	}
}

/* The lines of a file.  0, or -errno. */
static int
count_lines(int fd, size_t *ret)
{
	size_t lines = 1;
	ssize_t got;

	while ((got = read(fd, scan.space, sizeof scan.space)) != 0) {
		struct slice rest = slice_of(scan.space, got > 0 ? (size_t)got : 0);
		const char *lf;

		if (got < 0 && errno != EINTR)
			return -errno;
		while (rest.n && (lf = memchr(rest.p, '\n', rest.n)) != NULL) {
			lines++;
			rest = slice_skip(rest, (size_t)(lf - rest.p) + 1);
		}
	}
	*ret = lines;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static void
index_drop(struct index *x)
{
	if (x->entries)
		(void)munmap(x->entries, x->mapped);
	*x = (struct index){ .n = 0 };
}

/* 0, or -errno; then x is empty. */
static int
index_make(struct index *x, enum list_kind kind, int fd, const struct stat *st)
{
	void *memory;
	int r = count_lines(fd, &x->room);

	if (r < 0)
		return r;
	for (x->nheads = 16; x->nheads < x->room && x->nheads < UINT32_MAX / 2;)
		x->nheads *= 2;
	x->mapped = x->room * sizeof *x->entries + x->nheads * sizeof *x->heads;
	memory = x->room < UINT32_MAX ? mmap(NULL, x->mapped, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) : MAP_FAILED;
	if (memory == MAP_FAILED)
		return -ENOMEM;
	x->entries = memory;
	x->heads = (uint32_t *)(void *)(x->entries + x->room);
	scan.kind = kind;
	scan.take = index_line;
	scan.index = x;
	r = scan_file(&scan, fd, sizeof scan.space);
	if (r != 0) {
		index_drop(x);
		return r < 0 ? r : -EAGAIN;
	}
	link_lines(x);
	x->kind = kind;
	x->st = *st;
	return 0;
}

static bool
is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool
is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	    a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

/* The index of the file as it is now, made or remembered.  0, or -errno. */
static int
index_of(enum list_kind kind, int fd, const struct stat *st, struct index **ret)
{
	static struct index indexes[INDEXES_MAX];
	static size_t oldest;
	struct index *x = NULL;

	for (size_t i = 0; i < INDEXES_MAX && !x; i++)
		if (indexes[i].entries && indexes[i].kind == kind &&
		    is_same_file(&indexes[i].st, st))
			x = &indexes[i];
	*ret = x;
	if (x && is_unchanged(&x->st, st))
		return 0;
	if (!x)
		x = &indexes[oldest++ % INDEXES_MAX];
	index_drop(x);
	*ret = x;
	return index_make(x, kind, fd, st);
}

/* Read the line at offset again.  1 if it matches, 0, or -errno. */
static int
match_at(int fd, uint64_t offset, const struct list_question *q)
{
	struct slice line, rest;
	ssize_t got;

	do
		got = pread(fd, scan.space, sizeof scan.space, (off_t)offset);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return -errno;
	line = slice_cut(slice_of(scan.space, (size_t)got), '\n', &rest);
	line = meaning_of(q->kind, line, offset);
	return line.n && q->match(q->ctx, line);
}

static int
find_in_index(const struct index *x, int fd, const struct list_question *q)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < q->n; i++) {
		const uint32_t hash = hash_key(q->keys[i]);
		uint32_t at = x->heads[hash & (x->nheads - 1)];

		for (; r == 0 && at; at = x->entries[at - 1].next)
			if (x->entries[at - 1].hash == hash)
				r = match_at(fd, x->entries[at - 1].offset, q);
	}
	return r;
}

/* A pipe has no index, and neither has a file without the memory for it. */
static int
find_in_file(int fd, const struct list_question *q)
{
	struct index *x;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISREG(st.st_mode)) {
		r = index_of(q->kind, fd, &st, &x);
		if (r == 0)
			return find_in_index(x, fd, q);
		if (r != -ENOMEM && r != -EAGAIN)
			return r;
		if (lseek(fd, 0, SEEK_SET) < 0)
			return -errno;
	}
	return list_find_fd(fd, q->kind, LIST_BUFFER, q->match, q->ctx);
}

static struct held {
	const char *file;
	int fd;				/* or -errno */
} held[LIST_HELD_MAX];
static size_t nheld;

static const struct held *
find_held(const char *file)
{
	for (size_t i = 0; i < nheld; i++)
		if (strcmp(held[i].file, file) == 0)
			return &held[i];
	return NULL;
}

/* A descriptor or -errno. */
static int
open_list(const char *file)
{
	/* Non-blocking, as a FIFO must not stop the session.  Not open(2), which the filter of the
	 * session forbids. */
	const int fd = openat(AT_FDCWD, file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

bool
list_hold(const char *file)
{
	int fd;

	if (find_held(file))
		return true;
	fd = nheld < LIST_HELD_MAX ? open_list(file) : -EMFILE;
	if (fd == -EMFILE || fd == -ENFILE)
		return false;
	held[nheld++] = (struct held){ .file = file, .fd = fd };
	return true;
}

static int
find_in_held(const struct held *h, const struct list_question *q)
{
	struct stat st;

	if (h->fd < 0)
		return h->fd;
	if (stat(h->file, &st) < 0)
		return -errno;
	/* A pipe has no position, and is read on. */
	if (lseek(h->fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return -errno;
	return find_in_file(h->fd, q);
}

int
list_find(const char *file, const struct list_question *q)
{
	const struct held *h = find_held(file);
	int r, fd;

	if (h)
		return find_in_held(h, q);
	fd = open_list(file);
	if (fd < 0)
		return fd;
	r = find_in_file(fd, q);
	(void)close(fd);
	return r;
}
