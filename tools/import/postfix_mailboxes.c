// SPDX-License-Identifier: ISC
/*
 * One path with {local} and {domain} stands for all mailboxes of a domain.
 */
#include "tools/import/postfix_mailboxes.h"

#define TRIES 8		/* rows whose form is tried */

/* The path of a row.  A Maildir ends in a slash; NULL: it is another mailbox. */
static const char *
path_of(const struct maincf *m, struct slice value)
{
	struct slice base = slice_str(maincf_get(m, "virtual_mailbox_base"));

	if (value.n == 0 || value.p[value.n - 1] != '/')
		return NULL;
	while (value.n && value.p[value.n - 1] == '/')
		value.n--;
	while (value.n && value.p[0] == '/')
		value = slice_skip(value, 1);
	while (base.n && base.p[base.n - 1] == '/')
		base.n--;
	if (value.n == 0 || (base.n && base.p[0] != '/'))
		return NULL;
	return plan_text(m->im->plan, "%.*s/%.*s", (int)base.n, base.p, (int)value.n, value.p);
}

/* The local part of a row of the domain; empty if it is none. */
static struct slice
local_of(const struct maincf_line *row, struct slice domain)
{
	struct slice rest, local = slice_cut(row->name, '@', &rest);

	return slice_ieq(rest, domain) ? local : SL("");
}

static const char *
lower(struct plan *p, struct slice text)
{
	char *copy = plan_copy(p, text);

	for (char *c = copy; *c; c++)
		*c = ascii_lower(*c);
	return copy;
}

/* The path with each folder of this name replaced. */
static const char *
replace(struct plan *p, const char *path, const char *name, const char *by)
{
	struct slice rest = slice_str(path), part;
	const char *text = "";

	for (bool first = true; rest.n || first; first = false) {
		part = slice_cut(rest, '/', &rest);
		text = plan_text(p, "%s%s%.*s", text, first ? "" : "/",
		    slice_eq(part, slice_str(name)) ? (int)strlen(by) : (int)part.n,
		    slice_eq(part, slice_str(name)) ? by : part.p);
	}
	return text;
}

/* The form of one path. */
static const char *
form_of(struct plan *p, const char *path, const char *local, const char *domain)
{
	return replace(p, replace(p, path, domain, "{domain}"), local, "{local}");
}

struct forms {
	const struct maincf *m;
	const struct postfix_rows *rows;
	struct slice domain;
	const char *lower_domain;
};

/* Does the row have the form? */
static bool
fits(const struct forms *f, const struct maincf_line *row, const char *form)
{
	struct plan *p = f->m->im->plan;
	const char *path = path_of(f->m, row->value);
	const char *local = lower(p, local_of(row, f->domain));

	/* The braces go first: a local part may be one of them. */
	return path && strcmp(replace(p, replace(p, form, "{domain}", f->lower_domain), "{local}",
	    local), path) == 0;
}

/* Is it a mailbox of one name? */
static bool
is_name(const struct forms *f, const struct maincf_line *row)
{
	return local_of(row, f->domain).n > 0;
}

/* The form that most rows have, or NULL. */
static const char *
best_form(const struct forms *f)
{
	struct plan *p = f->m->im->plan;
	const char *best = NULL;
	size_t most = 0, tries = 0;

	for (size_t i = 0; i < f->rows->n && tries < TRIES; i++) {
		const struct maincf_line *row = &f->rows->list[i];
		const char *form, *path = is_name(f, row) ? path_of(f->m, row->value) : NULL;
		size_t n = 0;

		if (!path)
			continue;
		tries++;
		form = form_of(p, path, lower(p, local_of(row, f->domain)), f->lower_domain);
		if (!strstr(form, "{local}") || (best && strcmp(form, best) == 0))
			continue;
		for (size_t k = 0; k < f->rows->n; k++)
			n += is_name(f, &f->rows->list[k]) && fits(f, &f->rows->list[k], form);
		if (n > most) {
			most = n;
			best = form;
		}
	}
	return best;
}

/* Name the rows that do not have the form. */
static void
note_others(const struct forms *f, const char *form, const char *section)
{
	struct plan *p = f->m->im->plan;
	bool others = false;

	for (size_t i = 0; i < f->rows->n; i++) {
		const struct maincf_line *row = &f->rows->list[i];

		if (!is_name(f, row) || fits(f, row, form))
			continue;
		others = true;
		plan_note(p, (struct plan_at){ row->file, row->line }, "the mailbox of %.*s is "
		    "not of the form %.300s/", (int)(row->name.n < 100 ? row->name.n : 100),
		    row->name.p, form);
	}
	if (others)
		plan_stop(p, maincf_at(f->m, "virtual_mailbox_maps"), "some mailboxes of [%.200s] "
		    "are not of the form %.300s/, and here all of a domain have one form: move "
		    "them there, or make aliases of their names", section, form);
}

static const char *
one_for_all(const struct forms *f)
{
	struct slice maps = slice_str(maincf_get(f->m, "virtual_mailbox_maps"));
	const char *whole = plan_text(f->m->im->plan, "@%.*s", (int)f->domain.n, f->domain.p);
	const struct maincf_line *row = postfix_rows_find(f->rows, slice_str(whole));

	if (row)
		return path_of(f->m, row->value);
	if (f->rows->all && slice_has_prefix(maps, SL("static:")))
		return path_of(f->m, slice_skip(maincf_map(&maps), strlen("static:")));
	return NULL;
}

static void
note_owner(const struct maincf *m, struct plan_at at)
{
	const char *base = maincf_get(m, "virtual_mailbox_base");

	plan_note(m->im->plan, at, "the Maildirs in %.200s must belong to the user smtp-relay, and "
	    "who reads them needs its rights: type  chown -R smtp-relay %.200s, or hand the mail "
	    "to the server of the mailboxes: via = lmtp:SOCKET", base, base);
}

void
postfix_mailboxes_set(const struct maincf *m, const struct postfix_rows *rows, const char *section,
    struct slice domain, struct plan_at at)
{
	const struct forms f = { m, rows, domain, lower(m->im->plan, domain) };
	const char *all = one_for_all(&f), *form = best_form(&f);
	const bool whole = rows->all || postfix_rows_find(rows, slice_str(plan_text(m->im->plan,
	    "@%.*s", (int)domain.n, domain.p)));

	if (whole && form)
		(void)plan_hold(m->im->plan, section, at, "virtual_mailbox_maps has a mailbox for "
		    "all other names of this domain: here each name has one: write its names into "
		    "recipients, and  via = maildir:%.300s", form);
	else if (!all && !form)
		(void)plan_hold(m->im->plan, section, at, "the mailboxes are not in Maildirs of "
		    "one form: write  via = lmtp:SOCKET  for a server of mailboxes, or  via = "
		    "maildir:%.200s/{domain}/{local}",
		    maincf_get(m, "virtual_mailbox_base"));
	else if (!plan_set(m->im->plan, section, "via", at, "maildir:%s", all ? all : form))
		(void)plan_hold(m->im->plan, section, at, "the mailboxes cannot be written here");
	else
		note_owner(m, maincf_at(m, "virtual_mailbox_base"));
	if (form && !whole)
		note_others(&f, form, section);
}

const char *
postfix_mailboxes_path(const struct maincf *m, const struct postfix_rows *rows,
    struct slice address)
{
	const char *transport = maincf_get(m, "virtual_transport");
	const struct maincf_line *row = postfix_rows_find(rows, address);

	if (!row || rows->lacking || (*transport && strcmp(transport, "virtual") != 0))
		return NULL;
	return path_of(m, row->value);
}

void
postfix_keep_postmaster(struct import *im, struct local_text *t, struct slice domain,
    struct plan_at at, const struct postfix_rows *aliases, const struct postfix_rows *names)
{
	const char *whole = plan_text(im->plan, "@%.*s", (int)domain.n, domain.p);
	const char *name = plan_text(im->plan, "postmaster%s", whole);
	const char *root = plan_text(im->plan, "root%s", whole);

	if (postfix_rows_find(aliases, slice_str(root)) &&
	    !postfix_rows_find(aliases, slice_str(name)) && (!names || names->all ||
	    postfix_rows_find(names, slice_str(name)) ||
	    postfix_rows_find(names, slice_str(whole))))
		local_text_row(t, at, plan_text(im->plan, "%s: \\%s\n", name, name));
}
