// SPDX-License-Identifier: ISC
/*
 * A line that our programs would not read is never written.  Nor is a part of the lines, if one
 * for all of this host would then be used for names of the missing part.
 */
#include "tools/import/senders.h"

#include <stdlib.h>

#include "base/idn.h"
#include "base/words.h"
#include "smtp/address.h"
#include "tools/import/local.h"

struct senders_row {
	struct slice name, address;
};

void
senders_init(struct senders *s, struct import *im)
{
	*s = (struct senders){ .im = im };
}

struct slice
senders_host(struct import *im)
{
	const char *name = plan_get(im->plan, "server", "hostname");

	if (!name)
		name = local_name(im);
	return slice_str(name ? name : "");
}

/* ---- lines ---- */

/* Can the words be one address, with this text in front or behind? */
static bool
is_address(struct slice before, struct slice words, struct slice behind)
{
	char space[SMTP_PATH_TEXT + 1];
	struct buf b = BUF(space);
	struct smtp_path path;

	buf_add(&b, before);
	buf_add(&b, words);
	buf_add(&b, behind);
	return words.n && !b.full && !slice_has_control(words) && words.p[0] != '#' &&
	    smtp_path_parse_whole(buf_slice(&b), SMTP_PATH_TOLERANT, &path);
}

static bool
has_blank(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (ascii_blank(s.p[i]))
			return true;
	return false;
}

/* The file has one name and one address in a line. */
static bool
is_name(struct slice name)
{
	if (name.n == 0 || memchr(name.p, ':', name.n) || slice_has_prefix(name, SL("*@")))
		return false;
	if (has_blank(name) && memchr(name.p, '#', name.n))
		return false;
	if (slice_eq(name, SL("*")))
		return true;
	if (name.p[0] == '@')
		return is_address(SL("x"), name, SL(""));
	return is_address(SL(""), name, memchr(name.p, '@', name.n) ? SL("") : SL("@x.example"));
}

static bool
is_new_address(struct slice address)
{
	const bool domain = slice_has_prefix(address, SL("@"));

	return slice_is_ascii(address) && !has_blank(address) &&
	    memchr(address.p, '@', address.n) &&
	    is_address(domain ? SL("x") : SL(""), address, SL(""));
}

static const struct senders_row *
find_row(const struct senders *s, struct slice name)
{
	size_t i;

	return index_find(&s->names, name, &i) ? &s->rows[i] : NULL;
}

static void
append_row(struct senders *s, struct plan_at at, struct slice name, struct slice address)
{
	struct plan *p = s->im->plan;
	struct senders_row *more = s->rows;

	if (s->n == SENDERS_MAX) {
		plan_note(p, at, "there are more than %d addresses of senders, and none is "
		    "translated: " SENDERS_BY_HAND, SENDERS_MAX);
		s->failed = true;
		return;
	}
	if (s->n % 64 == 0)
		more = reallocarray(s->rows, s->n + 64, sizeof *more);
	if (!more) {
		p->failed = true;
		return;
	}
	s->rows = more;
	s->rows[s->n] = (struct senders_row){ slice_str(plan_copy(p, name)),
		slice_str(plan_copy(p, address)) };
	(void)index_add(p, &s->names, s->rows[s->n].name, s->n);
	s->n++;
}

bool
senders_add(struct senders *s, struct plan_at at, struct slice name, struct slice address)
{
	const int n = (int)(name.n < 80 ? name.n : 80);

	if (s->failed || s->im->plan->failed)
		return false;
	if (!is_name(name) || !is_new_address(address)) {
		plan_note(s->im->plan, at, "%.*s: the sender %.*s is not translated: our programs "
		    "take one name and one full address in ASCII", n, name.p,
		    (int)(address.n < 80 ? address.n : 80), address.p);
		return false;
	}
	if (find_row(s, name))
		plan_note(s->im->plan, at, "%.*s: a line above has the address of this sender", n,
		    name.p);
	else
		append_row(s, at, name, address);
	return true;
}

bool
senders_add_user(struct senders *s, struct plan_at at, struct slice user, struct slice address)
{
	if (user.n == 0 || slice_eq(user, SL("*")) || memchr(user.p, '@', user.n)) {
		plan_untranslated(s->im->plan, at, user, "it is no name of a user of this host");
		return false;
	}
	/* Here a domain alone would keep the name. */
	return senders_add(s, at, user, slice_has_prefix(address, SL("@")) ? SL("") : address);
}

/* ---- ways by sender ---- */

/* The part behind the last @, or all. */
static struct slice
domain_of(struct slice name)
{
	const char *at = name.n ? memrchr(name.p, '@', name.n) : NULL;

	return at ? slice_skip(name, (size_t)(at + 1 - name.p)) : name;
}

static bool
is_whole_address(struct slice name)
{
	return memchr(name.p, '@', name.n) && name.p[0] != '@';
}

/* Is the domain that of the pattern of a [sender], or below it? */
static bool
is_within(struct slice domain, struct slice pattern)
{
	if (slice_has_prefix(pattern, SL(".")))
		return domain.n > pattern.n &&
		    slice_ieq(slice_skip(domain, domain.n - pattern.n), pattern);
	return slice_ieq(domain, pattern);
}

/* May a new sender be one of the pattern? */
static bool
is_chosen(struct slice address, struct slice pattern)
{
	if (!is_whole_address(pattern))
		return is_within(domain_of(address), pattern);
	return is_whole_address(address) ? idn_same_address(address, pattern) :
	    slice_ieq(domain_of(address), domain_of(pattern));
}

/* The domain of the senders that a line is for. */
static struct slice
row_domain(const struct senders_row *row, struct slice host)
{
	return memchr(row->name.p, '@', row->name.n) ? domain_of(row->name) : host;
}

/* The line of one address: the most exact one. */
static const struct senders_row *
row_of(const struct senders *s, struct slice address, struct slice host)
{
	const struct slice domain = domain_of(address);
	const bool ours = slice_ieq(domain, host);
	const struct slice names[] = {
		address, ours ? slice_of(address.p, address.n - domain.n - 1) : address,
		slice_of(domain.p - 1, domain.n + 1), ours ? SL("*") : address,
	};
	const struct senders_row *row = NULL;

	for (size_t i = 0; !row && i < sizeof names / sizeof names[0]; i++)
		row = find_row(s, names[i]);
	return row;
}

/* Would senders that the pattern chose before, or none of them, be chosen by it now? */
static bool
changes_choice(const struct senders *s, struct slice pattern, struct slice host)
{
	const struct senders_row *row = NULL;

	if (is_whole_address(pattern))
		row = row_of(s, pattern, host);
	if (row && !idn_same_address(row->address, pattern))
		return true;
	for (size_t i = 0; i < s->n; i++) {
		row = &s->rows[i];
		if (idn_same_address(row->name, row->address))
			continue;
		if (is_chosen(row->address, pattern) || (!is_whole_address(pattern) &&
		    is_within(row_domain(row, host), pattern)))
			return true;
	}
	return false;
}

static bool
keeps_ways(const struct senders *s, struct plan_at at)
{
	struct plan *p = s->im->plan;
	const struct slice host = senders_host(s->im);

	for (size_t i = 0; i < p->nsettings; i++) {
		struct slice pattern, kind = slice_cut(slice_str(p->settings[i].section), ' ',
		    &pattern);

		if (!slice_eq(kind, SL("sender")) || !changes_choice(s, pattern, host))
			continue;
		plan_note(p, at, "the addresses of senders are not translated: [%.200s] would "
		    "choose by the new ones: give it all addresses that are to go this way, and "
		    SENDERS_BY_HAND, p->settings[i].section);
		return false;
	}
	return true;
}

/* ---- the file ---- */

static const char *
file_text(const struct senders *s)
{
	struct buf b = { .cap = 1 };

	for (size_t i = 0; i < s->n; i++)
		b.cap += s->rows[i].name.n + s->rows[i].address.n + 3;
	b.p = plan_room(s->im->plan, b.cap);
	if (!b.p)
		return "";
	for (size_t i = 0; i < s->n; i++)
		buf_fmt(&b, "%.*s: %.*s\n", (int)s->rows[i].name.n, s->rows[i].name.p,
		    (int)s->rows[i].address.n, s->rows[i].address.p);
	return b.p;
}

bool
senders_end(struct senders *s, struct plan_at at, bool late)
{
	struct plan *p = s->im->plan;
	struct plan_file file = { .kind = PLAN_TEXT, .at = at };
	bool set = s->n > 0 && !s->failed && !p->failed && (!late || keeps_ways(s, at));

	if (set) {
		file.content = file_text(s);
		set = plan_set(p, "server", "masquerade", at, "%s",
		    plan_add_file(p, "host", "masquerade", &file));
	}
	free(s->rows);
	index_done(&s->names);
	*s = (struct senders){ .im = s->im };
	return set;
}
