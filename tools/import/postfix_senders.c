// SPDX-License-Identifier: ISC
/*
 * Postfix rewrites an address in steps, and the tables of canonical(5) as often as they have a row
 * for the result.  Our file has one line for an address and its last form.  So each address that
 * the tables name, each at this host, and each whole domain takes all steps here.
 */
#include "tools/import/postfix_senders.h"

#include "tools/import/index.h"
#include "tools/import/postfix_list.h"
#include "tools/import/senders.h"
#include "tools/import/text.h"

#define PAIRS_MAX (1UL << 20)	/* local parts times domains where all may change */
#define KEY_MAX 1024		/* octets of the name of a row; a longer one is no address */
#define NESTING_MAX 10		/* Postfix gives up then */

enum step { SENDER, BOTH, GENERIC, STEPS };

static const struct { const char *maps, *classes; } steps[STEPS] = {
	[SENDER] = { "sender_canonical_maps", "sender_canonical_classes" },
	[BOTH] = { "canonical_maps", "canonical_classes" },
	[GENERIC] = { "smtp_generic_maps", NULL },
};

/* An address.  Without a local part it stands for all of its domain.  The domain is empty if it is
 * this host and its name is unknown. */
struct address {
	struct slice local, domain;
};

struct names {
	struct slice *list;
	size_t n, size;
	struct index index;
};

struct rewriting {
	const struct maincf *m;
	struct plan *plan;
	struct slice host;
	struct postfix_rows rows[STEPS];
	struct index index[STEPS];	/* of the rows */
	struct slice every[STEPS];	/* of a table that gives all the same; or empty */
	bool used[STEPS], masks;	/* masquerade_domains */
	struct names sites;		/* domains of this host */
	struct names domains, locals;	/* all that may change */
	size_t pairs;			/* that were tried */
	struct plan_at at;		/* of the last row */
	bool failed;
};

/* ---- names ---- */

static bool
has_name(const struct names *names, struct slice name)
{
	size_t ignored;

	return index_find(&names->index, name, &ignored);
}

static void
add_name(struct rewriting *w, struct names *names, struct slice name)
{
	struct slice *more;

	if (name.n && !index_add(w->plan, &names->index, name, names->n))
		return;
	if (names->n == names->size) {
		names->size = 2 * names->size + 64;
		more = (struct slice *)(void *)plan_room(w->plan, names->size * sizeof *more);
		if (!more)
			return;
		if (names->n)
			memcpy(more, names->list, names->n * sizeof *more);
		names->list = more;
	}
	names->list[names->n++] = name;
}

static struct address
cut_address(struct slice text)
{
	const char *at = text.n ? memrchr(text.p, '@', text.n) : NULL;

	if (!at)
		return (struct address){ text, SL("") };
	return (struct address){ slice_of(text.p, (size_t)(at - text.p)),
		slice_skip(text, (size_t)(at + 1 - text.p)) };
}

static bool
is_site(const struct rewriting *w, struct slice domain)
{
	return slice_ieq(domain, w->host) || has_name(&w->sites, domain);
}

static bool
is_same(const struct address *a, const struct address *b)
{
	return slice_ieq(a->local, b->local) && slice_ieq(a->domain, b->domain);
}

/* The text of an address.  One of this host has its name, if that is known. */
static struct slice
text_of(const struct rewriting *w, const struct address *a)
{
	return slice_str(plan_text(w->plan, "%.*s@%.*s", (int)a->local.n, a->local.p,
	    (int)a->domain.n, a->domain.p));
}

/* ---- the steps ---- */

/* The row of a local part and a domain, of a local part alone or of a domain alone. */
static const struct maincf_line *
find_named(const struct rewriting *w, enum step step, struct slice local, struct slice domain)
{
	char space[KEY_MAX];
	struct buf name = BUF(space);
	size_t i;

	buf_add(&name, local);
	if (domain.n)
		buf_chr(&name, '@');
	buf_add(&name, domain);
	if (name.full || !index_find(&w->index[step], buf_slice(&name), &i))
		return NULL;
	return &w->rows[step].list[i];
}

/* The most exact row. */
static const struct maincf_line *
find_row(const struct rewriting *w, enum step step, const struct address *a)
{
	const struct maincf_line *row = NULL;

	if (a->local.n && a->domain.n)
		row = find_named(w, step, a->local, a->domain);
	if (!row && a->local.n && is_site(w, a->domain))
		row = find_named(w, step, a->local, SL(""));
	if (!row && a->domain.n)
		row = find_named(w, step, SL(""), a->domain);
	return row;
}

/* One lookup.  False: nothing changes. */
static bool
look_up(struct rewriting *w, enum step step, struct address *a)
{
	const struct maincf_line *row = w->every[step].n ? NULL : find_row(w, step, a);
	struct slice rest = row ? row->value : w->every[step], word = maincf_word(&rest);
	struct address new = cut_address(word);

	if (word.n == 0)
		return false;
	w->at = row ? (struct plan_at){ row->file, row->line } : maincf_at(w->m, steps[step].maps);
	if (maincf_word(&rest).n) {
		plan_note(w->plan, w->at, "this row is left out: a sender has one address");
		return false;
	}
	if (new.local.n == 0)
		new.local = a->local;		/* "@domain" */
	else if (new.local.n == word.n)
		new.domain = w->host;		/* no domain */
	if (is_same(&new, a))
		return false;
	*a = new;
	return true;
}

/* The listed domain takes the place of one below it.  The first word counts that names either. */
static void
mask(const struct rewriting *w, struct address *a)
{
	struct slice list = slice_str(maincf_get(w->m, "masquerade_domains")), word, parent;
	struct slice users = slice_str(maincf_get(w->m, "masquerade_exceptions"));

	while ((word = maincf_word(&users)).n)
		if (slice_ieq(word, a->local))
			return;
	while ((word = maincf_word(&list)).n) {
		bool strip = true;

		for (; word.n && word.p[0] == '!'; word = slice_skip(word, 1))
			strip = !strip;
		if (word.n == 0 || slice_ieq(word, a->domain))
			return;
		if (a->domain.n <= word.n)
			continue;
		parent = slice_skip(a->domain, a->domain.n - word.n);
		if (!slice_ieq(parent, word) || a->domain.p[a->domain.n - word.n - 1] != '.')
			continue;
		if (strip)
			a->domain = parent;
		return;
	}
}

static struct address
rewrite(struct rewriting *w, struct address a)
{
	for (int step = SENDER; step <= BOTH; step++) {
		unsigned n = 0;

		while (w->used[step] && n < NESTING_MAX && look_up(w, (enum step)step, &a))
			n++;
		if (n < NESTING_MAX)
			continue;
		plan_note(w->plan, w->at, "the rows of %s lead in a circle, and senders are not "
		    "translated: " SENDERS_BY_HAND, steps[step].maps);
		w->failed = true;
	}
	if (w->masks)
		mask(w, &a);
	if (w->used[GENERIC])
		(void)look_up(w, GENERIC, &a);
	return a;
}

/* ---- what there is ---- */

static void
note_step(const struct rewriting *w, const char *name, const char *why)
{
	plan_untranslated(w->plan, maincf_at(w->m, name), slice_str(name), plan_text(w->plan,
	    "%s: " SENDERS_BY_HAND, why));
}

/* Are senders in the classes?  -1: in one of the reverse-path and the fields, but not in both. */
static int
has_senders(const struct maincf *m, const char *classes)
{
	const bool envelope = postfix_list_has_class(m, classes, "envelope_sender");
	const bool header = postfix_list_has_class(m, classes, "header_sender");

	return envelope && header ? 1 : envelope || header ? -1 : 0;
}

/* Does a server or sendmail leave all addresses as they are? */
static bool
is_disabled(const struct maincf *m)
{
	return maincf_has(m, "receive_override_options") &&
	    postfix_list_has_class(m, "receive_override_options", "no_address_mappings");
}

/* Read the tables of a step.  False after a note: they cannot be translated. */
static bool
read_tables(struct rewriting *w, enum step step)
{
	const char *name = steps[step].maps;
	struct slice maps = slice_str(maincf_get(w->m, name)), map = maincf_map(&maps);

	postfix_rows_read(w->m, name, &w->rows[step]);
	if (w->rows[step].lacking) {
		note_step(w, name, "a table cannot be read");
		return false;
	}
	if (w->rows[step].all && maincf_map(&maps).n) {
		note_step(w, name, "one of several tables has each address");
		return false;
	}
	for (size_t i = 0; i < w->rows[step].n; i++)	/* the first of a name counts */
		(void)index_add(w->plan, &w->index[step], w->rows[step].list[i].name, i);
	if (!w->rows[step].all)
		return true;
	map = slice_skip(map, strlen("static:"));
	if (map.n > 1 && map.p[0] == '{' && map.p[map.n - 1] == '}')
		map = slice_of(map.p + 1, map.n - 2);
	w->every[step] = slice_trim(map);
	return true;
}

/* Does a server give the reverse-path alone another form, as postsrsd does?  That is for mail from
 * elsewhere, and changes no sender of this host. */
static bool
is_srs(const struct rewriting *w, enum step step)
{
	const char *value = maincf_get(w->m, steps[step].maps);

	return step == SENDER && has_senders(w->m, steps[step].classes) < 0 &&
	    (strncmp(value, "tcp:", 4) == 0 || strncmp(value, "socketmap:", 10) == 0);
}

/* False after a note: the step cannot be translated, so those behind it cannot either. */
static bool
take_step(struct rewriting *w, enum step step)
{
	const int senders = has_senders(w->m, steps[step].classes);

	if (!*maincf_get(w->m, steps[step].maps) && !maincf_is_unknown(w->m, steps[step].maps))
		return true;
	if (is_srs(w, step)) {
		plan_untranslated(w->plan, maincf_at(w->m, steps[step].maps),
		    slice_str(steps[step].maps), "it asks a server: if that is postsrsd, [relay] "
		    "srs-domain and srs-secret do the same; if not, " SENDERS_BY_HAND);
		return true;
	}
	if (step != GENERIC && is_disabled(w->m)) {
		note_step(w, steps[step].maps, "receive_override_options leaves addresses as they "
		    "are for some mail only");
		return false;
	}
	if (senders < 0)
		note_step(w, steps[step].maps, "only one of reverse-path and fields changed, and "
		    "here both do");
	w->used[step] = senders > 0 && read_tables(w, step);
	return senders == 0 || w->used[step];
}

static bool
take_masks(struct rewriting *w)
{
	static const char name[] = "masquerade_domains", users[] = "masquerade_exceptions";
	const int senders = has_senders(w->m, "masquerade_classes");
	const char *why = NULL;

	if (!*maincf_get(w->m, name) && !maincf_is_unknown(w->m, name))
		return true;
	if (senders == 0)
		return true;
	if (maincf_is_unknown(w->m, name) || maincf_is_unknown(w->m, users))
		why = "its value is unknown";
	else if (strpbrk(maincf_get(w->m, users), "!:/"))
		why = "masquerade_exceptions has more than names";
	else if (strpbrk(maincf_get(w->m, name), ":/"))
		why = "it has more than domains";
	else if (is_disabled(w->m))
		why = "receive_override_options leaves addresses as they are for some mail only";
	else if (senders < 0)
		why = "only one of reverse-path and fields changed, and here both do";
	else if (w->host.n == 0)
		why = "the full name of this host is unknown";
	if (why)
		note_step(w, name, why);
	w->masks = !why;
	return !why;
}

/* A step behind one that has no translation. */
static void
note_rest(const struct rewriting *w, const char *name)
{
	if (*maincf_get(w->m, name))
		note_step(w, name, "a step before it has no translation");
}

static void
take_steps(struct rewriting *w)
{
	bool good = true;

	for (int i = SENDER; i <= BOTH; i++) {
		if (good)
			good = take_step(w, (enum step)i);
		else
			note_rest(w, steps[i].maps);
	}
	if (good)
		good = take_masks(w);
	else
		note_rest(w, "masquerade_domains");
	if (good)
		(void)take_step(w, GENERIC);
	else
		note_rest(w, steps[GENERIC].maps);
}

static void
find_sites(struct rewriting *w)
{
	struct postfix_list l = postfix_list(w->m, "mydestination");
	const struct slice own = slice_str(maincf_get(w->m, "myhostname"));
	struct plan_at ignored;
	struct slice name;

	while (!w->plan->failed && postfix_list_next(&l, &name, &ignored))
		add_name(w, &w->sites, name);
	add_name(w, &w->domains, w->host);
	for (size_t i = 0; i < w->sites.n; i++)
		add_name(w, &w->domains, w->sites.list[i]);
	if (own.n)
		add_name(w, &w->domains, own);
}

static void
find_names(struct rewriting *w)
{
	struct slice users = slice_str(maincf_get(w->m, "masquerade_exceptions")), word;

	find_sites(w);
	for (int step = SENDER; step < STEPS; step++)
		for (size_t i = 0; w->used[step] && i < w->rows[step].n; i++) {
			const struct address a = cut_address(w->rows[step].list[i].name);

			if (a.local.n)
				add_name(w, &w->locals, a.local);
			if (a.domain.n)
				add_name(w, &w->domains, a.domain);
		}
	while (w->masks && (word = maincf_word(&users)).n)
		add_name(w, &w->locals, word);
}

/* ---- the lines ---- */

/* The name of a line: without the domain of this host. */
static struct slice
line_name(const struct rewriting *w, const struct address *a)
{
	if (!slice_ieq(a->domain, w->host))
		return text_of(w, a);
	return a->local.n ? a->local : SL("*");
}

static bool
add_line(const struct rewriting *w, struct senders *s, const struct address *from,
    const struct address *to)
{
	const struct slice name = line_name(w, from);

	/* A local part of Postfix is no pattern. */
	if (from->local.n && slice_eq(name, SL("*")))
		return senders_add_user(s, w->at, name, text_of(w, to));
	if (!senders_add(s, w->at, name, text_of(w, to)))
		return false;
	/* Our programs may find another name of this host than main.cf and its defaults have. */
	return plan_get(w->plan, "server", "hostname") || w->host.n == 0 ||
	    !slice_ieq(from->domain, w->host) ||
	    senders_add(s, w->at, text_of(w, from), text_of(w, to));
}

/* A name that does not end like all others of its domain.  The result of these is `all`. */
static void
add_local(struct rewriting *w, struct senders *s, const struct address *from,
    const struct address *all)
{
	const bool changed = all->local.n || !slice_ieq(all->domain, from->domain);
	struct address usual = *all, to;

	if (usual.local.n == 0)
		usual.local = from->local;
	w->at = maincf_at(w->m, "masquerade_exceptions");
	to = rewrite(w, *from);
	if (is_same(&to, &usual) || add_line(w, s, from, &to))
		return;
	/* The line of all others must not count for it. */
	if (changed && !add_line(w, s, from, from))
		w->failed = true;
}

/* All of a domain may change, by its own row or that of a local part.  False: no row of a name at
 * another domain counts for it. */
static bool
add_domain(struct rewriting *w, struct senders *s, struct slice domain)
{
	const struct address from = { SL(""), domain };
	struct address to;
	bool changes;

	w->at = maincf_at(w->m, "masquerade_domains");
	to = rewrite(w, from);
	changes = !is_same(&to, &from);
	if (changes && !add_line(w, s, &from, &to))
		to = from;
	if (!changes && !is_site(w, domain))
		return false;
	w->pairs += w->locals.n;
	for (size_t i = 0; i < w->locals.n && !w->failed && w->pairs <= PAIRS_MAX; i++)
		add_local(w, s, &(struct address){ w->locals.list[i], domain }, &to);
	return true;
}

/* The rows of whole addresses at the other domains. */
static void
add_rows(struct rewriting *w, struct senders *s, const struct index *done)
{
	struct index known = { 0 };
	size_t ignored;

	for (int step = SENDER; step < STEPS; step++)
		for (size_t i = 0; w->used[step] && !w->failed && i < w->rows[step].n; i++) {
			const struct slice name = w->rows[step].list[i].name;
			const struct address from = cut_address(name);

			if (from.local.n && from.domain.n &&
			    !index_find(done, from.domain, &ignored) &&
			    index_add(w->plan, &known, name, i))
				add_local(w, s, &from, &(struct address){ SL(""), from.domain });
		}
	index_done(&known);
}

static void
add_lines(struct rewriting *w, struct senders *s)
{
	struct index done = { 0 };	/* domains of which all names are there */

	for (size_t i = 0; i < w->domains.n && !w->failed && !w->plan->failed; i++)
		if (add_domain(w, s, w->domains.list[i]))
			(void)index_add(w->plan, &done, w->domains.list[i], i);
	if (w->pairs > PAIRS_MAX) {
		plan_note(w->plan, (struct plan_at){ w->m->file, 0 }, "the tables of senders have "
		    "too many names, and are not translated: " SENDERS_BY_HAND);
		w->failed = true;
	}
	if (!w->failed && !w->plan->failed)
		add_rows(w, s, &done);
	index_done(&done);
	s->failed |= w->failed;
}

/* ---- what differs ---- */

static void
note_differences(const struct rewriting *w, struct plan_at at)
{
	struct plan *p = w->plan;

	plan_note(p, at, SENDERS_CLIENTS);
	if (w->used[BOTH] && postfix_list_has_class(w->m, "canonical_classes", "header_recipient"))
		plan_note(p, maincf_at(w->m, "canonical_maps"), "canonical_maps: To and Cc stay as "
		    "they are");
	if (w->used[GENERIC]) {
		plan_note(p, maincf_at(w->m, "smtp_generic_maps"), "smtp_generic_maps: recipients "
		    "stay, also in To and Cc: mail for an address of this host gets another by a "
		    "line NAME: ADDRESS in the aliases of its [route]");
		plan_note(p, maincf_at(w->m, "smtp_generic_maps"),
		    "smtp_generic_maps: " SENDERS_STAY);
	}
	if (w->masks)
		plan_note(p, maincf_at(w->m, "masquerade_domains"), "masquerade_domains: it is for "
		    "the names of this host alone, and To and Cc stay");
	for (int i = SENDER; i < STEPS; i++)
		if (w->every[i].n)
			plan_note(p, maincf_at(w->m, steps[i].maps), "%s: senders of other domains "
			    "keep their address: before, they had this one, too", steps[i].maps);
	if (*maincf_get(w->m, "recipient_delimiter") && w->locals.n)
		plan_note(p, at, "a sender NAME%.1sTEXT has no line: write one for it",
		    maincf_get(w->m, "recipient_delimiter"));
}

void
postfix_senders_set(const struct maincf *m)
{
	struct rewriting w = { .m = m, .plan = m->im->plan, .host = senders_host(m->im) };
	struct plan_at at = maincf_at(m, "masquerade_domains");
	struct senders s;

	senders_init(&s, m->im);
	take_steps(&w);
	for (int i = STEPS - 1; i >= SENDER; i--)
		if (w.used[i])
			at = maincf_at(m, steps[i].maps);
	if (w.masks || w.used[SENDER] || w.used[BOTH] || w.used[GENERIC])
		find_names(&w);
	if (!w.failed)
		add_lines(&w, &s);
	/* A host by sender was chosen before generic(5). */
	if (senders_end(&s, at, w.used[GENERIC]))
		note_differences(&w, at);
	for (int i = SENDER; i < STEPS; i++) {
		postfix_rows_done(&w.rows[i]);
		index_done(&w.index[i]);
	}
	index_done(&w.sites.index);
	index_done(&w.domains.index);
	index_done(&w.locals.index);
}
