// SPDX-License-Identifier: ISC
/*
 * Reads aliases files.  A file with any mistake is not used at all: the mail for a missing name
 * would go to a mailbox that nobody reads.  Must not know of routes.
 */
#include "aliases/table.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/idn.h"

#define WORDS_SHOWN 60

/* A whole regular file, malloc'ed, with a NUL behind it; st as it was when opened.  Closes fd,
 * which may be -errno.  0 or -errno. */
static int
read_file(int fd, struct stat *st, char **ret, size_t *ret_n)
{
	char *text = NULL;
	int r = 0;

	if (fd < 0)
		return fd;
	if (fstat(fd, st) < 0)
		r = -errno;
	else if (!S_ISREG(st->st_mode))
		r = S_ISDIR(st->st_mode) ? -EISDIR : -ENODEV;
	else if ((uint64_t)st->st_size > ALIASES_TEXT_MAX)
		r = -EFBIG;
	else if (!(text = malloc((size_t)st->st_size + 1)))
		r = -ENOMEM;
	else {
		text[st->st_size] = '\0';
		r = file_read_at(fd, text, (size_t)st->st_size, 0);
	}
	(void)close(fd);
	if (r == -ENODATA)		/* somebody writes the file now */
		r = -EAGAIN;
	if (r < 0) {
		free(text);
		return r;
	}
	*ret = text;
	*ret_n = (size_t)st->st_size;
	return 0;
}

static bool
is_trusted_owner(const struct stat *st, uid_t owner)
{
	return st->st_uid == 0 || st->st_uid == owner;
}

/* Can only root or the owner write the file?  A group of the same number is the owner's own. */
static bool
is_trusted_list(const struct stat *st, uid_t owner)
{
	const bool group = (st->st_mode & S_IWGRP) && st->st_gid != 0 && st->st_gid != st->st_uid;

	return is_trusted_owner(st, owner) && !group && !(st->st_mode & S_IWOTH);
}

int
alias_list_read(struct alias_list *l, struct slice name, uid_t owner)
{
	const size_t n = name.n < ALIAS_FILE_MAX ? name.n : ALIAS_FILE_MAX - 1;
	const char *why;
	struct stat st = { 0 };
	int r;

	l->text = NULL;
	l->n = 0;
	l->why[0] = '\0';
	memcpy(l->file, name.p, n);
	l->file[n] = '\0';
	r = n < name.n ? -ENAMETOOLONG : read_file(file_open_no_links(l->file), &st, &l->text,
	    &l->n);
	why = strerror(-r);
	if (r == -ELOOP) {
		why = "there is a symbolic link in its path: write the path without links";
	} else if (r == -EACCES) {
		why = "this user may not read it or pass a folder of its path: try chmod o+r, and "
		      "o+x for folders";
	} else if (r == -ENODEV || r == -ENXIO) {
		why = "it is not a regular file";
	} else if (r == 0 && !(st.st_mode & S_IROTH) && !is_trusted_owner(&st, owner)) {
		r = -EACCES;
		why = "not everybody may read it, and neither root nor the owner of the aliases "
		      "file owns it: try chmod o+r";
		free(l->text);
		l->text = NULL;
	}
	l->includes = is_trusted_list(&st, owner);
	if (r < 0)
		(void)snprintf(l->why, sizeof l->why, "the list %.200s cannot be read: %s",
		    l->file, why);
	return r;
}

void
alias_mistake_text(const struct alias_mistake *m, struct buf *b)
{
	const bool cut = m->what.n > WORDS_SHOWN;

	buf_chr(b, '"');
	for (size_t i = 0; i < (cut ? WORDS_SHOWN : m->what.n); i++)
		buf_chr(b, m->what.p[i] < ' ' || m->what.p[i] > '~' ? '?' : m->what.p[i]);
	buf_str(b, cut ? "...\": " : "\": ");
	buf_str(b, m->why);
}

struct reading {
	struct alias_table *t;
	alias_report *report;
	void *ctx;
};

/* Report a mistake, and keep the first one. */
static void
found(const struct reading *r, unsigned line, const char *text)
{
	struct alias_table *t = r->t;
	struct buf why = BUF(t->why);

	if (!t->why[0]) {
		buf_add(&why, slice_of(t->file, strnlen(t->file, 120)));
		if (line)
			buf_fmt(&why, ":%u", line);
		buf_fmt(&why, ": %.240s", text);
		(void)buf_cstr(&why);
	}
	if (r->report)
		r->report(r->ctx, t->file, line, text);
}

static void
found_mistake(const struct reading *r, const struct alias_mistake *m)
{
	char space[300];
	struct buf b = BUF(space);

	alias_mistake_text(m, &b);
	found(r, m->line, buf_cstr(&b));
}

static struct alias *
add(struct alias_table *t)
{
	if (t->n == t->room) {
		const size_t room = t->room ? 2 * t->room : 64;
		struct alias *more = realloc(t->list, room * sizeof *more);

		if (!more)
			return NULL;
		t->list = more;
		t->room = room;
	}
	return &t->list[t->n++];
}

/* Write the canonical name over the name in the text.  It is longer if it has quotes that the text
 * lacks, as with dots at odd places.  False without memory. */
static bool
settle_name(struct alias_table *t, const struct alias_entry *e, struct alias *a)
{
	char *at = t->text + (e->raw.p - t->text);

	if (e->name.n > e->raw.n) {
		at = a->quoted = malloc(e->name.n);
		if (!at)
			return false;
	}
	for (size_t i = 0; i < e->name.n; i++)
		at[i] = ascii_lower(e->name.text[i]);
	a->name = slice_of(at, e->name.n);
	return true;
}

static void
check_targets(const struct reading *r, const struct alias_entry *e)
{
	struct alias_text targets = e->targets;
	struct alias_target target;
	struct alias_mistake m = { 0 };
	size_t n = 0;
	int got;

	while ((got = alias_target_next(&targets, &target, &m)) != 0) {
		n++;
		if (got < 0)
			found_mistake(r, &m);
		else
			r->t->includes += target.kind == ALIAS_INCLUDE;
	}
	if (n == 0)
		found_mistake(r, &(struct alias_mistake){ e->line, e->raw,
		    "there is no address behind the colon" });
}

static int
read_entries(const struct reading *r, struct slice text)
{
	struct alias_text rest = alias_text(text);
	struct alias_entry e;
	struct alias_mistake m = { 0 };
	struct alias *a;
	int got;

	while ((got = alias_next(&rest, &e, &m)) != 0) {
		if (got < 0) {
			found_mistake(r, &m);
			continue;
		}
		check_targets(r, &e);
		a = add(r->t);
		if (!a)
			return -ENOMEM;
		*a = (struct alias){ .targets = e.targets, .line = e.line };
		if (!settle_name(r->t, &e, a))
			return -ENOMEM;
	}
	return 0;
}

static uint32_t *
bucket_of(const struct alias_table *t, struct slice name)
{
	size_t i = idn_hash(HASH_START, name) & (t->nbuckets - 1);

	while (t->buckets[i] && !idn_same_address(t->list[t->buckets[i] - 1].name, name))
		i = (i + 1) & (t->nbuckets - 1);
	return &t->buckets[i];
}

static int
index_names(const struct reading *r)
{
	struct alias_table *t = r->t;

	for (t->nbuckets = 64; t->nbuckets < 2 * t->n; t->nbuckets *= 2)
		;
	t->buckets = calloc(t->nbuckets, sizeof *t->buckets);
	if (!t->buckets)
		return -ENOMEM;
	for (size_t i = 0; i < t->n; i++) {
		uint32_t *at = bucket_of(t, t->list[i].name);
		char why[80];

		if (*at) {
			(void)snprintf(why, sizeof why,
			    "line %u has addresses of this name already: write one line",
			    t->list[*at - 1].line);
			found_mistake(r,
			    &(struct alias_mistake){ t->list[i].line, t->list[i].name, why });
		} else {
			*at = (uint32_t)i + 1;
		}
	}
	return 0;
}

static void
forget(struct alias_table *t)
{
	const char *file = t->file;

	for (size_t i = 0; i < t->n; i++)
		free(t->list[i].quoted);
	free(t->buckets);
	free(t->list);
	free(t->text);
	memset(t, 0, sizeof *t);
	t->file = file;
}

void
alias_table_done(struct alias_table *t)
{
	forget(t);
}

/* -EINVAL for mistakes.  After an error that may pass, such as no memory, nothing is kept. */
static int
load(struct alias_table *t, alias_report *report, void *ctx)
{
	const struct reading reading = { t, report, ctx };
	size_t n = 0;
	int r;

	forget(t);
	/* Non-blocking, because a FIFO must not block. */
	r = open(t->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	r = read_file(r < 0 ? -errno : r, &t->as_of, &t->text, &n);
	if (r == 0)
		r = read_entries(&reading, slice_of(t->text, n));
	if (r == 0)
		r = index_names(&reading);
	if (r == 0)
		return t->why[0] ? -EINVAL : 0;
	forget(t);
	found(&reading, 0, r == -EFBIG ? "an aliases file has at most 8 MiB" : strerror(-r));
	return r;
}

static bool
same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int
alias_table_refresh(struct alias_table *t, alias_report *report, void *ctx)
{
	struct stat now;

	if (t->buckets && stat(t->file, &now) == 0 && same(&now, &t->as_of))
		return t->why[0] ? -EINVAL : 0;
	return load(t, report, ctx);
}

struct alias *
alias_table_find(const struct alias_table *t, struct slice name)
{
	const uint32_t at = t->nbuckets ? *bucket_of(t, name) : 0;

	return at ? &t->list[at - 1] : NULL;
}
