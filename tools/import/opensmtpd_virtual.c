// SPDX-License-Identifier: ISC
/*
 * A row is for an address, for a local part in all domains, or for all other names of a domain, in
 * this order.  A user as the only target of an address is a mailbox of that address, if mailboxes
 * have their names from addresses; otherwise it is an alias of the user.
 */
#include "tools/import/opensmtpd_virtual.h"

#include <stdlib.h>

#include "tools/import/local.h"

#define TARGETS_MAX 10000			/* of an alias */
#define TEXT_MAX    ((size_t)256 << 10)		/* octets of an alias */
#define TOTAL_MAX   (4 * IMPORT_FILE_MAX)	/* octets of all aliases of a domain */
#define DEPTH_MAX   20				/* of users that stand for others */
#define ADDRESS_MAX 1024			/* octets; no recipient has more */

/* The local part of a row of this domain; empty if it is none. */
static struct slice
local_of(const struct opensmtpd_virtual *v, const struct opensmtpd_row *row)
{
	const char *at = row->key.n ? memrchr(row->key.p, '@', row->key.n) : NULL;

	if (!at)
		return row->key;
	return slice_ieq(slice_skip(row->key, (size_t)(at - row->key.p) + 1), v->domain) ?
	    slice_of(row->key.p, (size_t)(at - row->key.p)) : SL("");
}

/* The row of an address of this domain, or NULL. */
static const struct opensmtpd_row *
find_address(const struct opensmtpd_virtual *v, struct slice local)
{
	char space[ADDRESS_MAX];
	struct buf address = BUF(space);

	buf_add(&address, local);
	buf_chr(&address, '@');
	buf_add(&address, v->domain);
	return address.full ? NULL : opensmtpd_find(v->table, buf_slice(&address));
}

/* Has an address a row of its own, beside that of its local part? */
static bool
is_hidden(const struct opensmtpd_virtual *v, const struct opensmtpd_row *row)
{
	return !memchr(row->key.p, '@', row->key.n) && find_address(v, row->key);
}

/* The row of all other names, or NULL. */
static const struct opensmtpd_row *
rest_of(const struct opensmtpd_virtual *v)
{
	const char *whole = plan_text(v->im->plan, "@%.*s", (int)v->domain.n, v->domain.p);
	const struct opensmtpd_row *row = opensmtpd_find(v->table, slice_str(whole));

	return row ? row : opensmtpd_find(v->table, SL("@"));
}

/* Is it the name of a user, and neither an address nor one of the special forms? */
static bool
is_user(struct slice target)
{
	return target.n > 0 && !memchr(target.p, '@', target.n) &&
	    !strchr("|/:\"\\", target.p[0]) && !memchr(target.p, ':', target.n);
}

/* The row of a user's name, by which OpenSMTPD goes on; or NULL. */
static const struct opensmtpd_row *
row_of(const struct opensmtpd_virtual *v, struct slice user)
{
	return opensmtpd_find(v->table, user);
}

/* Is its only target a user? */
static bool
is_box(const struct opensmtpd_virtual *v, const struct opensmtpd_row *row)
{
	const struct slice target = slice_trim(row->value);

	return !memchr(row->value.p, ',', row->value.n) && is_user(target) && !row_of(v, target);
}

/* Is it a refusal ("error:...")? */
static bool
is_refusal(const struct opensmtpd_row *row)
{
	return slice_has_prefix(row->value, SL("error:"));
}

/* The targets of an alias. */
struct targets {
	struct slice local;		/* of the alias */
	struct buf text;
	unsigned n;
};

/* Add one target in our form. */
static void
add_target(const struct opensmtpd_virtual *v, struct targets *t, struct slice target)
{
	if (t->text.n)
		buf_str(&t->text, ", ");
	if (is_user(target) && v->in_homes)
		buf_chr(&t->text, '\\');
	if (is_user(target) && !v->in_homes)
		buf_add(&t->text, t->local);
	else
		buf_add(&t->text, target);
	if (!is_user(target))
		return;
	buf_chr(&t->text, '@');
	buf_add(&t->text, v->in_homes ? SL("localhost") : v->domain);
}

/* Add the targets of a row.  A user with a row stands for its targets, but not within that row. */
static void
add_targets(const struct opensmtpd_virtual *v, struct targets *t, const struct opensmtpd_row *row,
    unsigned depth)
{
	struct plan *p = v->im->plan;
	struct slice rest = row->value, target;

	while (rest.n && !p->failed) {
		const struct opensmtpd_row *next;

		target = slice_trim(slice_cut(rest, ',', &rest));
		next = is_user(target) ? row_of(v, target) : NULL;
		if (target.n == 0 || (is_user(target) && !next && v->no_users))
			continue;
		if (++t->n > TARGETS_MAX || depth > DEPTH_MAX || t->text.full) {
			plan_stop(p, row->at, "the rows of %.*s lead to each other, or to too many "
			    "addresses: write these into the aliases",
			    (int)(t->local.n < 100 ? t->local.n : 100), t->local.p);
			return;
		}
		if (next && next != row)
			add_targets(v, t, next, depth + 1);
		else
			add_target(v, t, target);
	}
}

/* The alias of a row, by way of a buffer of TEXT_MAX octets. */
static const char *
alias_of(const struct opensmtpd_virtual *v, const struct opensmtpd_row *row, char *space)
{
	struct targets t = { .local = local_of(v, row), .text = { .p = space, .cap = TEXT_MAX } };

	add_targets(v, &t, row, 0);
	return plan_text(v->im->plan, "%.*s@%.*s: %.*s\n", (int)t.local.n, t.local.p,
	    (int)v->domain.n, v->domain.p, (int)t.text.n, t.text.p);
}

/* Is the row one of a name of this domain? */
static bool
is_name(const struct opensmtpd_virtual *v, const struct opensmtpd_row *row)
{
	return !row->replaced && local_of(v, row).n > 0 && !is_hidden(v, row);
}

/* The row becomes an alias, or a recipient with a mailbox. */
static bool
is_alias(const struct opensmtpd_virtual *v, const struct opensmtpd_row *row)
{
	return v->in_homes || !is_box(v, row);
}

/* The row of a name of this domain, or that of all others; or NULL. */
static const struct opensmtpd_row *
find_name(const struct opensmtpd_virtual *v, struct slice local)
{
	const struct opensmtpd_row *row = find_address(v, local);

	if (!row)
		row = opensmtpd_find(v->table, local);
	return row ? row : rest_of(v);
}

/* Here the postmaster stands for root, unless it has an alias: a mailbox of its own needs one. */
static void
keep_postmaster(const struct opensmtpd_virtual *v, struct local_text *t)
{
	const struct opensmtpd_row *row = find_name(v, SL("postmaster"));
	const struct opensmtpd_row *root = find_name(v, SL("root"));
	const int n = (int)v->domain.n;

	if (row && root && !is_refusal(row) && !is_alias(v, row) && is_alias(v, root))
		local_text_row(t, row->at, plan_text(v->im->plan, "postmaster@%.*s: "
		    "\\postmaster@%.*s\n", n, v->domain.p, n, v->domain.p));
}

static void
set_aliases(const struct opensmtpd_virtual *v)
{
	struct plan *p = v->im->plan;
	struct local_text *t = local_text_new(v->im);
	char *space = malloc(TEXT_MAX);
	const char *path;
	size_t total = 0;

	p->failed |= !space;
	for (size_t i = 0; i < v->table->n && !p->failed; i++) {
		const struct opensmtpd_row *row = &v->table->rows[i];
		const char *text;

		if (!is_name(v, row))
			continue;
		if (is_refusal(row))
			plan_note(p, row->at, "mail for %.*s is refused with another text",
			    (int)(row->key.n < 100 ? row->key.n : 100), row->key.p);
		if (is_refusal(row) || !is_alias(v, row))
			continue;
		text = alias_of(v, row, space);
		local_text_row(t, row->at, text);
		total += strlen(text);
		p->failed |= total > TOTAL_MAX;
	}
	free(space);
	keep_postmaster(v, t);
	path = local_text_end(t, plan_copy(p, v->domain), NULL, v->table->at);
	if (path)
		(void)plan_set(p, v->section, "aliases", v->at, "%s", path);
}

/* A file with the names that have mailboxes. */
static void
set_recipients(const struct opensmtpd_virtual *v)
{
	struct plan *p = v->im->plan;
	const struct slice head = SL("# addresses, one in a line\n");
	struct plan_file file = { .kind = PLAN_TEXT, .at = v->table->at };
	struct buf b = { .cap = head.n };

	for (size_t i = 0; i < v->table->n; i++)
		if (local_of(v, &v->table->rows[i]).n)
			b.cap += v->table->rows[i].key.n + v->domain.n + 2;
	b.p = plan_room(p, b.cap);
	if (!b.p)
		return;
	buf_add(&b, head);
	for (size_t i = 0; i < v->table->n && !p->failed; i++) {
		const struct opensmtpd_row *row = &v->table->rows[i];

		if (!is_name(v, row) || is_alias(v, row))
			continue;
		buf_add(&b, local_of(v, row));
		buf_chr(&b, '@');
		buf_add(&b, v->domain);
		buf_chr(&b, '\n');
	}
	file.content = b.p;
	(void)plan_set(p, v->section, "recipients", v->at, "%s",
	    plan_add_file(p, plan_copy(p, v->domain), "recipients", &file));
}

/* The table cannot be read. */
static void
set_missing(const struct opensmtpd_virtual *v)
{
	const char *base = plan_copy(v->im->plan, v->domain);

	if (!v->in_homes)
		plan_missing(v->im->plan, v->section, "recipients", v->at, base, "the table of "
		    "the names of %.200s cannot be read: write its mailboxes into a file, one "
		    "address in a line", base);
	plan_missing(v->im->plan, v->section, "aliases", v->at, base, "the table of the names of "
	    "%.200s cannot be read: write its aliases into a file, each as  name@domain: address, "
	    "address", base);
}

/* All other names have one target. */
static void
set_rest(const struct opensmtpd_virtual *v, const struct opensmtpd_row *row)
{
	struct plan *p = v->im->plan;

	for (size_t i = 0; i < v->table->n; i++)
		if (is_name(v, &v->table->rows[i]) && is_refusal(&v->table->rows[i]))
			plan_stop(p, v->table->rows[i].at, "a name of %.*s is refused, and all "
			    "others are taken: there is no such list here", (int)v->domain.n,
			    v->domain.p);
	if (!v->in_homes && is_box(v, row))
		return;		/* each name has a mailbox */
	plan_forget_way(p, v->section);
	(void)plan_hold(p, v->section, row->at, "all other names of %.*s went to %.*s, and here "
	    "no alias is for all other names: write each name into the aliases, and  via = "
	    "reject:no such user here", (int)v->domain.n, v->domain.p,
	    (int)(row->value.n < 200 ? row->value.n : 200), row->value.p);
}

void
opensmtpd_virtual_set(const struct opensmtpd_virtual *v)
{
	const struct opensmtpd_row *rest;

	if (v->table->lacking) {
		set_missing(v);
		return;
	}
	rest = rest_of(v);
	if (rest && is_refusal(rest))
		rest = NULL;
	if (rest)
		set_rest(v, rest);
	else if (!v->in_homes)
		set_recipients(v);
	set_aliases(v);
}
