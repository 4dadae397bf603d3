// SPDX-License-Identifier: ISC
/*
 * The list of frozen routes, in memory and in its file.  Changes are rare, so each is written at
 * once.
 */
#include "runner/frozen.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hash.h"
#include "config/secret.h"

#define FILE_NAME "frozen"
#define KEPT_S	   86400	/* an old entry is kept, so that the next pause is longer */
#define ROUTES_MAX 1000
#define LINES_MAX  (2 * ROUTES_MAX)	/* of the file: it may be anything */

static void
name_of(const struct route *r, char name[FROZEN_NAME])
{
	(void)snprintf(name, FROZEN_NAME, "%s %s", r->by_sender ? "sender" : "route", r->pattern);
}

static void
mix_octets(uint64_t *h, const void *p, size_t n)
{
	*h = hash_octets(*h, p, n);
}

static void
mix_text(uint64_t *h, const char *text)
{
	mix_octets(h, text ? text : "", text ? strlen(text) + 1 : 1);
}

static void
mix_file(uint64_t *h, const char *path)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return;
	mix_octets(h, &st.st_ino, sizeof st.st_ino);
	mix_octets(h, &st.st_size, sizeof st.st_size);
	mix_octets(h, &st.st_mode, sizeof st.st_mode);
	mix_octets(h, &st.st_mtim.tv_sec, sizeof st.st_mtim.tv_sec);
	mix_octets(h, &st.st_mtim.tv_nsec, sizeof st.st_mtim.tv_nsec);
}

/* A hash of everything known here that decides whether a login succeeds. */
static uint64_t
stamp_of(const struct route *r)
{
	uint64_t h = HASH_START;
	char space[4096];
	struct buf path = BUF(space);

	mix_text(&h, r->via_text);
	mix_octets(&h, &r->tls, sizeof r->tls);
	mix_text(&h, r->user);
	mix_text(&h, r->password_file);
	mix_text(&h, r->token_command);
	if (r->password_file && secret_path(&path, slice_str(r->password_file)) == 0)
		mix_file(&h, space);
	if (r->token_command) {
		(void)snprintf(space, sizeof space, "%.*s", (int)strcspn(r->token_command, " \t"),
		    r->token_command);
		mix_file(&h, space);
	}
	return h;
}

static struct frozen *
find_entry(const struct frozen_list *f, const struct route *r)
{
	char name[FROZEN_NAME];

	name_of(r, name);
	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->list[i].name, name) == 0)
			return &f->list[i];
	return NULL;
}

static void
drop_entry(struct frozen_list *f, struct frozen *e)
{
	const size_t at = (size_t)(e - f->list);

	f->n--;
	memmove(e, e + 1, (f->n - at) * sizeof *e);
}

/* Makes room in a full list: the entry that ends first goes. */
static void
drop_first(struct frozen_list *f)
{
	struct frozen *first = f->list;

	for (size_t i = 1; i < f->n; i++)
		if (f->list[i].until_s < first->until_s)
			first = &f->list[i];
	drop_entry(f, first);
}

/* Appends an empty entry; NULL without memory. */
static struct frozen *
append_entry(struct frozen_list *f)
{
	struct frozen *list;

	if (f->n == ROUTES_MAX)
		drop_first(f);
	list = realloc(f->list, (f->n + 1) * sizeof *list);
	if (!list)
		return NULL;
	f->list = list;
	f->list[f->n] = (struct frozen){ .reported = false };
	return &f->list[f->n++];
}

static bool
take_number(struct slice *line, int64_t *ret)
{
	uint64_t n;

	if (!slice_uint(slice_cut(*line, ' ', line), INT64_MAX / 2, &n))
		return false;
	*ret = (int64_t)n;
	return true;
}

/*
 * Parse a line: since, until, pause, hash of the settings, kind, pattern, reason.
 *
 *	1763787773 1763788073 300 12638187200555641996 sender anna@example.org mail.example: 535 no
 */
static bool
parse_line(struct slice line, struct frozen *ret)
{
	struct slice kind, pattern;

	*ret = (struct frozen){ .reported = false };
	if (!take_number(&line, &ret->since_s) || !take_number(&line, &ret->until_s) ||
	    !take_number(&line, &ret->pause_s) ||
	    !slice_uint(slice_cut(line, ' ', &line), UINT64_MAX, &ret->stamp))
		return false;
	kind = slice_cut(line, ' ', &line);
	pattern = slice_cut(line, ' ', &line);
	if (!(slice_eq(kind, SL("route")) || slice_eq(kind, SL("sender"))) || pattern.n == 0 ||
	    kind.n + 1 + pattern.n >= sizeof ret->name || line.n >= sizeof ret->why)
		return false;
	memcpy(ret->name, kind.p, kind.n + 1 + pattern.n);	/* with the blank */
	memcpy(ret->why, line.p, line.n);
	for (const char *p = ret->why; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			return false;
	return strlen(ret->why) == line.n && ret->pause_s >= 1 && ret->pause_s <= FROZEN_MAX_S;
}

void
frozen_load(struct frozen_list *f, int state_fd, int64_t now_s)
{
	int fd = openat(state_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");
	char text[2048];

	*f = (struct frozen_list){ .state_fd = state_fd };
	if (!file) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	for (size_t i = 0; i < LINES_MAX && fgets(text, sizeof text, file); i++) {
		struct slice rest, line = slice_cut(slice_str(text), '\n', &rest);
		struct frozen one, *place;

		if (!parse_line(line, &one) || now_s - one.until_s >= KEPT_S)
			continue;
		if (one.until_s - now_s > FROZEN_MAX_S)		/* a clock was wrong */
			one.until_s = 0;
		place = append_entry(f);
		if (place)
			*place = one;
	}
	(void)fclose(file);
	f->written = true;
}

void
frozen_done(struct frozen_list *f)
{
	free(f->list);
	*f = (struct frozen_list){ .state_fd = -1 };
}

static bool
write_list(const struct frozen_list *f)
{
	struct file_replace file;

	if (file_replace_begin(&file, f->state_fd, FILE_NAME) < 0)
		return false;
	fputs("# since until pause stamp route why\n", file.out);
	for (size_t i = 0; i < f->n; i++) {
		const struct frozen *e = &f->list[i];

		if (e->not_stored)
			continue;
		fprintf(file.out, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRIu64 " %s %s\n",
		    e->since_s, e->until_s, e->pause_s, e->stamp, e->name, e->why);
	}
	return file_replace_end(&file) == 0;
}

/* Errors are ignored: a lost entry costs one more login. */
static void
save_list(struct frozen_list *f)
{
	f->written = f->n && write_list(f);
	if (!f->written)
		(void)unlinkat(f->state_fd, FILE_NAME, 0);
}

/* If the file was deleted, all routes may be tried as if for the first time. */
static void
look_for_file(struct frozen_list *f)
{
	if (!f->written || faccessat(f->state_fd, FILE_NAME, F_OK, 0) == 0 || errno != ENOENT)
		return;
	for (size_t i = 0; i < f->n; i++)
		f->list[i].until_s = f->list[i].pause_s = 0;
	f->written = false;
}

struct frozen *
frozen_now(struct frozen_list *f, const struct route *r, int64_t now_s)
{
	struct frozen *e;

	look_for_file(f);
	e = find_entry(f, r);
	if (!e || e->until_s <= now_s)
		return NULL;
	if (e->until_s - now_s <= FROZEN_MAX_S && e->stamp == stamp_of(r))
		return e;
	e->until_s = 0;		/* its settings have changed, or a clock was wrong */
	return NULL;
}

/* Is the password a credential, and has this process none?  Only the unit's own runs have them. */
static bool
lacks_credential(const struct route *r)
{
	return r->password_file && r->password_file[0] != '/' && !getenv("CREDENTIALS_DIRECTORY");
}

struct frozen *
frozen_add(struct frozen_list *f, const struct route *r, const struct outcome *o, int64_t now_s)
{
	const uint64_t stamp = stamp_of(r);
	struct frozen *e = find_entry(f, r);

	if (e && e->stamp == stamp && e->until_s > now_s)
		return NULL;
	if (!e && !(e = append_entry(f)))
		return NULL;
	if (e->pause_s == 0 || e->stamp != stamp) {
		name_of(r, e->name);
		e->since_s = now_s;
		e->pause_s = FROZEN_MIN_S;
	} else {
		e->pause_s = e->pause_s * 2 > FROZEN_MAX_S ? FROZEN_MAX_S : e->pause_s * 2;
	}
	e->stamp = stamp;
	e->until_s = now_s + e->pause_s;
	e->reported = false;
	e->not_stored = lacks_credential(r);
	(void)snprintf(e->why, sizeof e->why, "%s%s%s", o->host, o->host[0] ? ": " : "", o->detail);
	save_list(f);
	return e;
}

bool
frozen_remove(struct frozen_list *f, const struct route *r)
{
	struct frozen *e = f->n ? find_entry(f, r) : NULL;

	if (!e)
		return false;
	drop_entry(f, e);
	save_list(f);
	return true;
}

bool
frozen_update(struct frozen_list *f, const struct route *r, const struct outcome *o, int64_t now_s,
    const struct frozen **ret)
{
	struct frozen *e;

	if (o->cause == CAUSE_LOGIN) {
		e = frozen_add(f, r, o, now_s);
		*ret = e;
		return e && frozen_first_report(e);
	}
	*ret = NULL;
	/* A success of a frozen route comes from a session that began before. */
	return o->kind == OUTCOME_DELIVERED && f->n && !frozen_now(f, r, now_s) &&
	    frozen_remove(f, r);
}

bool
frozen_first_report(struct frozen *e)
{
	const bool first = !e->reported;

	e->reported = true;
	return first;
}

void
frozen_outcome(const struct frozen *e, struct outcome *ret)
{
	char space[OUTCOME_DETAIL + 400];
	struct buf b = BUF(space);

	buf_str(&b, "not tried again yet, as the last login was refused by ");
	buf_str(&b, e->why);
	outcome_set(ret, CAUSE_LOGIN, SL(""), buf_slice(&b));
}

void
frozen_forget(int state_fd)
{
	(void)unlinkat(state_fd, FILE_NAME, 0);
}
