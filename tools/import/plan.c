// SPDX-License-Identifier: ISC
/*
 * Memory is a chain of chunks that end with the plan: an import is short, and what it keeps is at
 * most a small multiple of what it reads.
 */
#include "tools/import/plan.h"

#include <errno.h>
#include <stdlib.h>

#include "config/ini.h"
#include "config/keys.h"
#include "config/pool.h"
#include "config/route.h"

struct plan_chunk {
	struct plan_chunk *next;
	size_t n;
	char text[];
};

void
plan_init(struct plan *p, const char *folder)
{
	*p = (struct plan){ .folder = folder };
}

void
plan_done(struct plan *p)
{
	for (struct plan_chunk *c = p->chunks, *next; c; c = next) {
		next = c->next;
		explicit_bzero(c->text, c->n);
		free(c);
	}
	free(p->settings);
	free(p->files);
	free(p->notes);
	*p = (struct plan){ 0 };
}

/* n octets of zeros; NULL without memory. */
static char *
take_memory(struct plan *p, size_t n)
{
	struct plan_chunk *c = calloc(1, sizeof *c + n);

	if (!c) {
		p->failed = true;
		return NULL;
	}
	c->n = n;
	c->next = p->chunks;
	p->chunks = c;
	return c->text;
}

char *
plan_room(struct plan *p, size_t n)
{
	return take_memory(p, n + 1);
}

char *
plan_copy(struct plan *p, struct slice s)
{
	static char nothing[1];
	char *copy = take_memory(p, s.n + 1);

	if (!copy)
		return nothing;
	if (s.n)
		memcpy(copy, s.p, s.n);
	return copy;
}

__attribute__((format(printf, 2, 0))) static char *
format_text(struct plan *p, const char *format, va_list ap)
{
	char *text = NULL, *copy;
	const int n = vasprintf(&text, format, ap);

	if (n < 0) {
		p->failed = true;
		return plan_copy(p, SL(""));
	}
	copy = plan_copy(p, slice_of(text, (size_t)n));
	explicit_bzero(text, (size_t)n);
	free(text);
	return copy;
}

char *
plan_text(struct plan *p, const char *format, ...)
{
	va_list ap;
	char *text;

	va_start(ap, format);
	text = format_text(p, format, ap);
	va_end(ap);
	return text;
}

/* A place for one more in an array of n; NULL if there is none. */
static void *
one_more(struct plan *p, void **list, size_t n, size_t size)
{
	void *more;

	if (n % 64 == 0) {
		more = n < PLAN_MAX ? reallocarray(*list, n + 64, size) : NULL;
		if (!more) {
			p->failed = true;
			return NULL;
		}
		*list = more;
	}
	return (char *)*list + n * size;
}

/* ---- settings ---- */

/* The name of a section in the form in which our programs compare it. */
static const char *
canonical(struct plan *p, const char *section)
{
	struct slice pattern, kind = slice_cut(slice_str(section), ' ', &pattern);
	char *same = pattern.n ? route_pattern(pattern) : NULL;
	const char *text;

	if (!same)
		return plan_copy(p, slice_str(section));
	text = plan_text(p, "%.*s %s", (int)kind.n, kind.p, same);
	pool_free(same);
	return text;
}

/* A sentence without control characters. */
__attribute__((format(printf, 2, 0))) static char *
format_sentence(struct plan *p, const char *format, va_list ap)
{
	char *text = format_text(p, format, ap);

	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	return text;
}

static struct plan_setting *
find_setting(const struct plan *p, const char *section, const char *key)
{
	for (size_t i = 0; i < p->nsettings; i++)
		if (strcmp(p->settings[i].section, section) == 0 &&
		    strcmp(p->settings[i].key, key) == 0)
			return &p->settings[i];
	return NULL;
}

const char *
plan_get(struct plan *p, const char *section, const char *key)
{
	const struct plan_setting *s = find_setting(p, canonical(p, section), key);

	return s ? s->value : NULL;
}

/* Does the syntax of the file keep the value as it is? */
static bool
survives_file(struct slice value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '#' && (i == 0 || ascii_blank(value.p[i - 1])))
			return false;
	return value.n < INI_LINE_MAX / 2 && slice_trim(value).n == value.n &&
	    !slice_has_control(value);
}

/* The key of a route or a sender. */
static int
try_route(struct slice kind, struct slice pattern, const char *key, struct slice value,
    struct buf *why)
{
	struct route scratch = { .by_sender = slice_eq(kind, SL("sender")) };
	enum route_key id;
	int r;

	if (pattern.n > 500 || !survives_file(pattern) ||
	    !(scratch.by_sender ? route_sender_valid(pattern) : route_pattern_valid(pattern))) {
		buf_str(why, "the pattern of its section is not valid here");
		return -EINVAL;
	}
	if (!route_key(slice_str(key), &id))
		return -EINVAL;
	r = route_set(&scratch, id, value, why);
	route_done(&scratch);
	return r;
}

static int
try_key(struct slice section, const char *key, struct slice value, struct buf *why)
{
	struct config scratch = { 0 };
	const int id = keys_find(section, slice_str(key));
	int r;

	if (id < 0)
		return -EINVAL;
	r = keys_set(&scratch, id, value, why);
	keys_done(&scratch);
	return r;
}

bool
plan_set(struct plan *p, const char *section, const char *key, struct plan_at at,
    const char *format, ...)
{
	struct slice pattern, kind = slice_cut(slice_str(section), ' ', &pattern), value;
	char space[600];
	struct buf why = BUF(space);
	struct plan_setting *s;
	va_list ap;
	int r = -EINVAL;

	va_start(ap, format);
	value = slice_str(format_text(p, format, ap));
	va_end(ap);
	if (!survives_file(value))
		buf_str(&why, "the value cannot stand in a line of our configuration");
	else
		r = pattern.n ? try_route(kind, pattern, key, value, &why) :
		    try_key(kind, key, value, &why);
	if (r < 0) {
		p->failed |= r == -ENOMEM;
		plan_note(p, at, "[%.100s] %s: this value is left out: %s", section, key,
		    why.full ? "it is not valid here" : buf_cstr(&why));
		return false;
	}
	section = canonical(p, section);
	s = find_setting(p, section, key);
	if (!s)
		s = one_more(p, (void **)&p->settings, p->nsettings, sizeof *s);
	if (!s)
		return false;
	if (s == p->settings + p->nsettings)
		p->nsettings++;
	*s = (struct plan_setting){ section, key, value.p, at, NULL };
	return true;
}

/* ---- notes ---- */

void
plan_note(struct plan *p, struct plan_at at, const char *format, ...)
{
	struct plan_note *n;
	va_list ap;
	char *text;

	va_start(ap, format);
	text = format_sentence(p, format, ap);
	va_end(ap);
	for (size_t i = 0; i < p->nnotes; i++)
		if (strcmp(p->notes[i].text, text) == 0 && p->notes[i].at.line == at.line &&
		    strcmp(p->notes[i].at.file, at.file) == 0)
			return;
	if (p->nnotes == PLAN_MAX)
		return;
	n = one_more(p, (void **)&p->notes, p->nnotes, sizeof *n);
	if (!n)
		return;
	*n = (struct plan_note){ at, text };
	p->nnotes++;
}

void
plan_untranslated(struct plan *p, struct plan_at at, struct slice name, const char *advice)
{
	const int n = name.n < 60 ? (int)name.n : 60;

	plan_note(p, at, "%.*s: is not translated: %s", n, name.p, advice);
}

/* ---- decisions of the operator ---- */

#define HELD "write-the-host-here.invalid"	/* no name of the DNS (RFC 2606 section 2) */

void
plan_remark(struct plan *p, const char *section, const char *key, const char *text)
{
	struct plan_setting *s = find_setting(p, canonical(p, section), key);

	if (s)
		s->remark = text;
}

void
plan_missing(struct plan *p, const char *section, const char *key, struct plan_at at,
    const char *base, const char *format, ...)
{
	const struct plan_file file = { .kind = PLAN_TEXT, .at = at };
	const char *path = plan_add_file(p, base, key, &file);
	va_list ap;
	const char *text;

	va_start(ap, format);
	text = format_sentence(p, format, ap);
	va_end(ap);
	plan_note(p, at, "%s: make %s: nothing starts without it", text, path);
	if (plan_set(p, section, key, at, "%s", path))
		plan_remark(p, section, key, plan_text(p, "%s.  Make this file: nothing starts "
		    "without it.", text));
}

void
plan_unset(struct plan *p, const char *section, const char *key)
{
	struct plan_setting *s = find_setting(p, canonical(p, section), key);

	if (!s)
		return;
	p->nsettings--;
	memmove(s, s + 1, (size_t)(p->settings + p->nsettings - s) * sizeof *s);
}

void
plan_forget_way(struct plan *p, const char *section)
{
	static const char *const keys[] = {
		"via", "tls", "host-order", "user", "password-file", "token-command",
	};

	for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
		plan_unset(p, section, keys[i]);
}

bool
plan_hold(struct plan *p, const char *section, struct plan_at at, const char *format, ...)
{
	const struct plan_file file = { .kind = PLAN_PASSWORD, .at = at };
	va_list ap;
	const char *text;

	va_start(ap, format);
	text = format_sentence(p, format, ap);
	va_end(ap);
	plan_forget_way(p, section);
	if (!plan_set(p, section, "via", at, "smtp+starttls://" HELD)) {
		plan_stop(p, at, "%s", text);
		return false;
	}
	plan_note(p, at, "%s: [%.300s] waits: write its via, and its user and password-file or "
	    "neither", text, section);
	plan_remark(p, section, "via", plan_text(p, "%s.  The mail waits until you write via, and "
	    "user and password-file or neither.", text));
	return plan_set(p, section, "user", at, "nobody") &&
	       plan_set(p, section, "password-file", at, "%s",
	       plan_add_file(p, "write-the-host-here", "password", &file));
}

bool
plan_is_held(struct plan *p, const char *section)
{
	const char *via = plan_get(p, section, "via");

	return via && strstr(via, "//" HELD);
}

void
plan_stop(struct plan *p, struct plan_at at, const char *format, ...)
{
	const struct plan_file file = { .kind = PLAN_TEXT, .at = at };
	const char *section, *text, *remark;
	va_list ap;

	va_start(ap, format);
	text = format_sentence(p, format, ap);
	va_end(ap);
	remark = plan_text(p, "%s.  Then remove this section: nothing starts with it.", text);
	for (size_t i = 0; i < p->nsettings; i++)
		if (p->settings[i].remark && strcmp(p->settings[i].remark, remark) == 0)
			return;
	section = plan_text(p, "route decide-%zu.invalid", ++p->nstops);
	plan_note(p, at, "%s: then remove [%s], as nothing starts with it", text, section);
	if (!plan_set(p, section, "via", at, "reject:the operator has to decide"))
		return;
	plan_remark(p, section, "via", remark);
	(void)plan_set(p, section, "recipients", at, "%s", plan_add_file(p,
	    "see-the-lines-above", "recipients", &file));
}

/* ---- files ---- */

static bool
same_text(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static const char *
clean_name(struct plan *p, const char *base, const char *suffix, unsigned number)
{
	char *name = plan_copy(p, slice_of(base, strnlen(base, 30)));

	for (char *c = name; *c; c++) {
		*c = ascii_lower(*c);
		if (!(*c >= 'a' && *c <= 'z') && !(*c >= '0' && *c <= '9') &&
		    (*c != '.' || c == name))
			*c = '-';
	}
	if (number > 1)
		return plan_text(p, "import-%s-%u.%s", name, number, suffix);
	return plan_text(p, "import-%s.%s", name, suffix);
}

static const struct plan_file *
find_file(const struct plan *p, const char *name)
{
	for (size_t i = 0; i < p->nfiles; i++)
		if (strcmp(p->files[i].name, name) == 0)
			return &p->files[i];
	return NULL;
}

const char *
plan_add_file(struct plan *p, const char *base, const char *suffix, const struct plan_file *file)
{
	const struct plan_file *old;
	const char *name = "";
	struct plan_file *f;

	for (unsigned i = 1; i <= PLAN_MAX && !p->failed; i++) {
		name = clean_name(p, base, suffix, i);
		old = find_file(p, name);
		if (!old)
			break;
		if (same_text(old->content, file->content) && same_text(old->command,
		    file->command))
			return old->path;
	}
	f = one_more(p, (void **)&p->files, p->nfiles, sizeof *f);
	if (!f)
		return PLAN_FOLDER "/none";
	*f = *file;
	f->name = name;
	f->path = plan_text(p, "%s/%s", p->folder, name);
	p->nfiles++;
	return f->path;
}
