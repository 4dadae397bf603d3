// SPDX-License-Identifier: ISC
/*
 * The address classes of Postfix (ADDRESS_CLASS_README).  The first class of a domain counts.
 * virtual_alias_maps count for all of them, and before all else.
 */
#include "tools/import/postfix_domains.h"

#include <stdlib.h>

#include "tools/import/local.h"
#include "tools/import/postfix_clients.h"
#include "tools/import/postfix_host.h"
#include "tools/import/postfix_mailboxes.h"
#include "tools/import/postfix_routes.h"
#include "tools/import/postfix_users.h"
#include "tools/import/text.h"

#define DOMAINS_MAX (PLAN_MAX / 2)

enum class { LOCAL, ALIASES, MAILBOXES, RELAYED, ELSEWHERE };

struct domain {
	struct slice name;
	enum class class;
	struct plan_at at;
	const char *section;
	const struct maincf_line *rest;		/* the row of all names that have none; or NULL */
	size_t rows;				/* of single names */
};

struct domains {
	const struct maincf *m;
	struct plan *plan;
	const struct postfix_rows *transports;
	struct postfix_rows rows;		/* of aliases */
	struct postfix_rows mailboxes, relayed;
	struct domain *list;
	size_t n;
	struct slice origin;			/* completes addresses */
	const char *aliases;			/* a file for all domains but those of users */
	const char *users, *names;		/* files for users: by local(8), and without it */
	bool bare;				/* names without a domain */
};

/* ---- what there is ---- */

static struct domain *
find_domain(const struct domains *d, struct slice name)
{
	for (size_t i = 0; i < d->n; i++)
		if (slice_ieq(d->list[i].name, name))
			return &d->list[i];
	return NULL;
}

static struct domain *
add_domain(struct domains *d, struct slice name, enum class class, struct plan_at at)
{
	struct domain *one = find_domain(d, name);

	if (one)
		return one;
	if (d->n == DOMAINS_MAX) {
		d->plan->failed = true;
		return NULL;
	}
	one = &d->list[d->n++];
	*one = (struct domain){ .name = name, .class = class, .at = at,
		.section = plan_text(d->plan, "route %.*s", (int)name.n, name.p) };
	return one;
}

static struct plan_at
place_of(const struct maincf_line *row)
{
	return (struct plan_at){ row->file, row->line };
}

/* The domain of a name; without one, that of addresses without a domain. */
static struct slice
domain_of(const struct domains *d, struct slice address)
{
	const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;

	return at ? slice_skip(address, (size_t)(at - address.p) + 1) : d->origin;
}

static bool
is_whole(const struct maincf_line *row)
{
	return row->name.n > 1 && row->name.p[0] == '@';
}

static bool
is_bare(const struct maincf_line *row)
{
	return !memchr(row->name.p, '@', row->name.n);
}

/* Has a domain of aliases, which only a row of its name shows, any addresses?  A local part with a
 * dot looks the same. */
static bool
has_addresses(const struct domains *d, struct slice domain)
{
	for (size_t i = 0; i < d->rows.n; i++)
		if (!is_bare(&d->rows.list[i]) &&
		    slice_ieq(domain_of(d, d->rows.list[i].name), domain))
			return true;
	return d->rows.lacking;
}

static void
add_lists(struct domains *d)
{
	static const struct { const char *name; enum class class; } lists[] = {
		{ "mydestination", LOCAL }, { "virtual_alias_domains", ALIASES },
		{ "virtual_mailbox_domains", MAILBOXES }, { "relay_domains", RELAYED },
	};
	struct slice name;
	struct plan_at at;

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct postfix_list l = postfix_list(d->m, lists[i].name);

		while (!d->plan->failed && postfix_list_next(&l, &name, &at))
			if (!l.implied || lists[i].class != ALIASES || has_addresses(d, name))
				(void)add_domain(d, name, lists[i].class, at);
	}
}

/* Is it below one of relay_domains?  These stand for the domains below them by default. */
static enum class
class_below(const struct domains *d, struct slice name)
{
	const struct domain *one;
	const char *dot;

	while ((dot = memchr(name.p, '.', name.n)) != NULL && postfix_list_has_parents(d->m)) {
		name = slice_skip(name, (size_t)(dot - name.p) + 1);
		one = find_domain(d, name);
		if (one && one->class == RELAYED)
			return RELAYED;
	}
	return ELSEWHERE;
}

/* Note which domains have rows.  The name of a domain of aliases is a row, too. */
static void
count_rows(struct domains *d)
{
	for (size_t i = 0; i < d->rows.n && !d->plan->failed; i++) {
		const struct maincf_line *row = &d->rows.list[i];
		struct domain *one = is_bare(row) ? find_domain(d, row->name) : NULL;

		if (row->name.n == 0 || (one && one->class == ALIASES))
			continue;
		d->bare |= is_bare(row);
		if (domain_of(d, row->name).n == 0)
			continue;
		one = add_domain(d, domain_of(d, row->name),
		    class_below(d, domain_of(d, row->name)), place_of(row));
		if (one && is_whole(row) && !one->rest)
			one->rest = row;
		else if (one && !is_whole(row))
			one->rows++;
	}
}

/* ---- aliases ---- */

/* The text of a target.  A local part belongs to the domain of addresses without one. */
static const char *
target_text(const struct domains *d, struct slice word)
{
	if (memchr(word.p, '@', word.n) || strchr("\"\\|/:", word.p[0]))
		return plan_copy(d->plan, word);
	return plan_text(d->plan, "%.*s@%.*s", (int)word.n, word.p, (int)d->origin.n, d->origin.p);
}

static const char *
row_text(const struct domains *d, struct slice name, const struct maincf_line *row)
{
	struct slice rest = row->value, word;
	const char *text = NULL;

	while ((word = maincf_word(&rest)).n)
		text = plan_text(d->plan, "%s%s%s", text ? text : "", text ? ", " : "",
		    target_text(d, word));
	return plan_text(d->plan, "%.*s: %s\n", (int)name.n, name.p, text ? text : "");
}

/* Is it a row of the class?  A name without a domain is one of users, or of another domain by the
 * name that completes addresses. */
static bool
is_row_of(const struct domains *d, const struct maincf_line *row, bool users)
{
	struct domain *one;

	if (row->name.n == 0 || is_whole(row))
		return false;
	if (is_bare(row)) {
		one = find_domain(d, row->name);
		if (one && one->class == ALIASES)
			return false;
		if (users)
			return true;
	}
	one = find_domain(d, domain_of(d, row->name));
	return one && (one->class == LOCAL) == users;
}

static void
add_rows(const struct domains *d, struct local_text *t, bool users)
{
	for (size_t i = 0; i < d->rows.n && !d->plan->failed; i++) {
		const struct maincf_line *row = &d->rows.list[i];
		struct slice name = row->name;

		if (!is_row_of(d, row, users))
			continue;
		if (is_bare(row) && !users)
			name = slice_str(target_text(d, name));
		local_text_row(t, place_of(row), row_text(d, name, row));
	}
}

/* The other domain of "@domain @other", or NULL. */
static struct domain *
other_of(const struct domains *d, const struct domain *one)
{
	struct slice rest = one->rest ? one->rest->value : SL(""), word = maincf_word(&rest);
	struct domain *other;

	if (word.n < 2 || word.p[0] != '@' || maincf_word(&rest).n)
		return NULL;
	other = find_domain(d, slice_skip(word, 1));
	return other != one ? other : NULL;
}

/* Are all names of the domain known here?  Users are not. */
static bool
is_listed(const struct domains *d, const struct domain *one)
{
	const struct postfix_rows *names = one->class == MAILBOXES ? &d->mailboxes :
	    one->class == RELAYED ? &d->relayed : NULL;
	const char *whole = plan_text(d->plan, "@%.*s", (int)one->name.n, one->name.p);

	if (one->rest || d->rows.lacking || (one->class != ALIASES && !names))
		return false;
	return !names || (!names->lacking && !names->all && names->n &&
	    !postfix_rows_find(names, slice_str(whole)));
}

/* The names of another domain, each as an alias for the address there. */
static void
add_names(const struct domains *d, struct local_text *t, const struct domain *one,
    const struct domain *other, const struct postfix_rows *rows)
{
	for (size_t i = 0; i < rows->n && !d->plan->failed; i++) {
		const struct maincf_line *row = &rows->list[i];
		const struct slice domain = domain_of(d, row->name);
		struct slice local = row->name;
		const char *name;

		if (is_bare(row) || is_whole(row) || !slice_ieq(domain, other->name))
			continue;
		local.n -= domain.n + 1;
		name = plan_text(d->plan, "%.*s@%.*s", (int)local.n, local.p, (int)one->name.n,
		    one->name.p);
		if (!postfix_rows_find(&d->rows, slice_str(name)))
			local_text_row(t, place_of(one->rest), plan_text(d->plan,
			    "%s: %.*s\n", name, (int)row->name.n, row->name.p));
	}
}

/* Does the domain stand for another one whose names are all known? */
static bool
is_copy(const struct domains *d, const struct domain *one)
{
	const struct domain *other = other_of(d, one);

	return other && is_listed(d, other);
}

/* A file with the rows of all domains but those of users. */
static void
make_aliases(struct domains *d)
{
	struct local_text *t = local_text_new(d->m->im);

	add_rows(d, t, false);
	for (size_t i = 0; i < d->n && !d->rows.lacking; i++) {
		const struct domain *one = &d->list[i], *other = other_of(d, one);

		if (!is_copy(d, one) && one->class >= MAILBOXES)
			postfix_keep_postmaster(d->m->im, t, one->name, one->at, &d->rows,
			    one->class == MAILBOXES ? &d->mailboxes :
			    one->class == RELAYED && d->relayed.n ? &d->relayed : NULL);
		if (!is_copy(d, one))
			continue;
		add_names(d, t, one, other, &d->rows);
		if (other->class == MAILBOXES)
			add_names(d, t, one, other, &d->mailboxes);
		if (other->class == RELAYED)
			add_names(d, t, one, other, &d->relayed);
	}
	d->aliases = local_text_end(t, "virtual", NULL, maincf_at(d->m, "virtual_alias_maps"));
}

/* The aliases of a domain that is not one of users. */
static void
set_aliases(const struct domains *d, const struct domain *one)
{
	const struct plan_at at = maincf_at(d->m, "virtual_alias_maps");

	if (plan_get(d->plan, one->section, "via") == NULL)
		return;
	if (d->rows.lacking && !d->aliases && one->class != ELSEWHERE)
		plan_missing(d->plan, one->section, "aliases", at, "virtual", "%s has a table that "
		    "cannot be read: write its rows into a file, each as  name@domain: address, "
		    "address", d->rows.lacking);
	else if (d->aliases && (one->rows || is_copy(d, one) ||
	    (d->rows.lacking && one->class != ELSEWHERE)))
		(void)plan_set(d->plan, one->section, "aliases", one->at, "%s", d->aliases);
}

/* ---- ways ---- */

/* Is the way one that takes no mail? */
static bool
is_closed(const struct domains *d, const struct domain *one)
{
	const char *via = plan_get(d->plan, one->section, "via");

	return !via || strncmp(via, "reject:", 7) == 0;
}

static void
set_delimiter(const struct domains *d, const struct domain *one)
{
	const char *delimiter = maincf_get(d->m, "recipient_delimiter");
	const struct plan_at at = maincf_at(d->m, "recipient_delimiter");

	if (!*delimiter || !plan_get(d->plan, one->section, "via"))
		return;
	if (delimiter[1])
		plan_note(d->plan, at, "recipient_delimiter: one character is possible, the "
		    "first is used");
	(void)plan_set(d->plan, one->section, "subaddress", at, "%.1s", delimiter);
}

static void
open_domain(const struct domains *d, const struct domain *one)
{
	if (!is_closed(d, one))
		(void)plan_set(d->plan, one->section, "accept", one->at, "anyone");
}

/* A domain that has aliases and no mailboxes. */
static void
set_aliases_only(const struct domains *d, const struct domain *one)
{
	plan_forget_way(d->plan, one->section);
	(void)plan_set(d->plan, one->section, "via", one->at, "reject:no such user here");
	if (one->class != ELSEWHERE)
		(void)plan_set(d->plan, one->section, "accept", one->at, "anyone");
}

/* Is there a name that stands for itself, beside the target of all others? */
static bool
has_own_name(const struct domains *d, const struct domain *one, struct slice target)
{
	for (size_t i = 0; i < d->rows.n; i++) {
		const struct maincf_line *row = &d->rows.list[i];
		struct slice rest = row->value, word;

		if (is_bare(row) || is_whole(row) || slice_ieq(row->name, target) ||
		    !slice_ieq(domain_of(d, row->name), one->name))
			continue;
		while ((word = maincf_word(&rest)).n)
			if (slice_ieq(word, row->name))
				return true;
	}
	return false;
}

/* The Maildir of the only target of all other names, or NULL. */
static const char *
rest_mailbox(const struct domains *d, const struct domain *one)
{
	struct slice rest = one->rest->value, target = maincf_word(&rest);
	const struct domain *of = find_domain(d, domain_of(d, target));
	const struct maincf_line *row = postfix_rows_find(&d->rows, target);

	if (maincf_word(&rest).n || !of || of->class != MAILBOXES ||
	    (of->rest && of != one) || (row && !slice_ieq(row->value, target)) ||
	    has_own_name(d, one, target) ||
	    postfix_routes_has_line(d->m, d->transports, of->name))
		return NULL;
	return postfix_mailboxes_path(d->m, &d->mailboxes, target);
}

/* All names without a row have one target. */
static void
set_rest(const struct domains *d, const struct domain *one)
{
	const char *path = rest_mailbox(d, one);
	const struct slice target = one->rest->value;

	plan_unset(d->plan, one->section, "recipients");
	if (is_copy(d, one)) {
		set_aliases_only(d, one);
		return;
	}
	plan_forget_way(d->plan, one->section);
	if (!path || !plan_set(d->plan, one->section, "via", place_of(one->rest), "maildir:%s",
	    path))
		(void)plan_hold(d->plan, one->section, place_of(one->rest), "all other names of "
		    "%.*s went to %.*s, and here no alias is for all other names: write each "
		    "name into the aliases, or into recipients = FILE with a via for it such as "
		    "maildir:/var/mail/{domain}/{local}",
		    (int)one->name.n, one->name.p, (int)(target.n < 200 ? target.n : 200),
		    target.p);
	if (one->class != ELSEWHERE)
		open_domain(d, one);
}

/* Is it the name of one address of the domain? */
static bool
is_name_of(const struct domains *d, const struct maincf_line *row, const struct domain *one)
{
	return !is_bare(row) && !is_whole(row) && row->name.p[0] != '#' &&
	       slice_ieq(domain_of(d, row->name), one->name);
}

/* The names of the domain in a table, one in a line. */
static const char *
names_of(const struct domains *d, const struct domain *one, const struct postfix_rows *rows)
{
	const struct slice head = SL("# addresses, one in a line\n");
	struct buf b = { .cap = head.n };

	for (size_t i = 0; i < rows->n; i++)
		b.cap += is_name_of(d, &rows->list[i], one) ? rows->list[i].name.n + 1 : 0;
	b.p = plan_room(d->plan, b.cap);
	if (!b.p)
		return "";
	buf_add(&b, head);
	for (size_t i = 0; i < rows->n; i++) {
		if (!is_name_of(d, &rows->list[i], one))
			continue;
		buf_add(&b, rows->list[i].name);
		buf_chr(&b, '\n');
	}
	return b.p;
}

/* A file of the names of the domain in a table; or all names, if the table has them. */
static void
set_recipients(const struct domains *d, const struct domain *one, const struct postfix_rows *rows,
    const char *parameter)
{
	const char *whole = plan_text(d->plan, "@%.*s", (int)one->name.n, one->name.p);
	const struct plan_at at = maincf_at(d->m, parameter);
	struct plan_file file = { .kind = PLAN_TEXT, .at = at };
	const char *base = plan_copy(d->plan, one->name);

	if (rows->lacking) {
		plan_missing(d->plan, one->section, "recipients", at, base, "%s has a table that "
		    "cannot be read: write the names of %.200s into a file, one in a line",
		    parameter, base);
		return;
	}
	if (rows->all || postfix_rows_find(rows, slice_str(whole)))
		return;
	file.content = names_of(d, one, rows);
	(void)plan_set(d->plan, one->section, "recipients", at, "%s",
	    plan_add_file(d->plan, base, "recipients", &file));
}

/* Has a table a name of the domain, or may it have one? */
static bool
has_names(const struct domains *d, const struct domain *one, const struct postfix_rows *rows)
{
	if (rows->lacking || rows->all)
		return true;
	for (size_t i = 0; i < rows->n; i++)
		if (!is_bare(&rows->list[i]) &&
		    slice_ieq(domain_of(d, rows->list[i].name), one->name))
			return true;
	return false;
}

static void
set_mailboxes(const struct domains *d, const struct domain *one)
{
	const char *value = maincf_get(d->m, "virtual_transport");
	struct slice rest, transport = slice_cut(slice_str(value), ':', &rest);

	if (!has_names(d, one, &d->mailboxes)) {
		set_aliases_only(d, one);
		return;
	}
	if (!postfix_routes_set_by_table(d->m, d->transports, one->section, one->name)) {
		if (transport.n && !slice_eq(transport, SL("virtual")))
			postfix_routes_set_way(d->m, one->section, slice_str(value), one->at);
		else
			postfix_mailboxes_set(d->m, &d->mailboxes, one->section, one->name,
			    one->at);
	}
	if (is_closed(d, one))
		return;
	open_domain(d, one);
	set_recipients(d, one, &d->mailboxes, "virtual_mailbox_maps");
}

static void
set_relayed_one(const struct domains *d, const struct domain *one)
{
	const char *way = maincf_get(d->m, "relay_transport");

	if (!postfix_routes_set_by_table(d->m, d->transports, one->section, one->name)) {
		if (!*way || strcmp(way, "relay") == 0 || strcmp(way, "smtp") == 0)
			postfix_routes_set_relay(d->m, one->section, one->at);
		else
			postfix_routes_set_way(d->m, one->section, slice_str(way), one->at);
	}
	if (is_closed(d, one))
		return;
	open_domain(d, one);
	if (*maincf_get(d->m, "relay_recipient_maps") ||
	    maincf_is_unknown(d->m, "relay_recipient_maps"))
		set_recipients(d, one, &d->relayed, "relay_recipient_maps");
	else if (postfix_clients_probe(d->m))
		plan_missing(d->plan, one->section, "recipients", one->at,
		    plan_copy(d->plan, one->name), "reject_unverified_recipient asked the next "
		    "host for each recipient: write the names of %.*s into a file, one in a line",
		    (int)one->name.n, one->name.p);
}

/* Domains below one have no recipients of their own in a list. */
static void
set_relayed(const struct domains *d, const struct domain *one)
{
	const struct maincf_line *line = postfix_routes_of_addresses(d->m, d->transports,
	    one->name);
	struct domain below = *one;

	if (line) {	/* no mail of other names had a way */
		postfix_routes_set_way(d->m, one->section, line->value, place_of(line));
		open_domain(d, one);
		set_recipients(d, one, d->transports, "transport_maps");
		return;
	}
	set_relayed_one(d, one);
	if (one->name.p[0] == '.' || one->name.p[0] == '[' || !postfix_list_has_parents(d->m) ||
	    (*maincf_get(d->m, "relay_recipient_maps") && !d->relayed.all) ||
	    postfix_clients_probe(d->m))
		return;
	below.name = slice_str(plan_text(d->plan, ".%.*s", (int)one->name.n, one->name.p));
	below.section = plan_text(d->plan, "route %s", below.name.p);
	set_relayed_one(d, &below);
	set_delimiter(d, &below);
}

/* ---- users ---- */

/* All alias_maps, and the rows of virtual_alias_maps for users, in one file.  local(8) alone makes
 * use of alias_maps: for another transport its names are recipients. */
static const char *
user_aliases(const struct domains *d, bool local)
{
	struct slice maps = slice_str(maincf_get(d->m, "alias_maps")), map;
	const struct plan_at at = maincf_at(d->m, "alias_maps");
	const struct domain *origin = find_domain(d, d->origin);
	struct local_text *t = local_text_new(d->m->im);
	const char *same = NULL;
	unsigned n = 0;

	add_rows(d, t, true);
	while ((map = maincf_map(&maps)).n) {
		struct maincf_table table = { 0 };

		if (!maincf_table_open(d->m, map, at, &table)) {
			if (!table.file)	/* without its source there may be no such file */
				plan_stop(d->plan, at, "the aliases in %.*s cannot be read: write "
				    "them into the aliases of each [route] with recipients",
				    (int)(map.n < 100 ? map.n : 100), map.p);
			continue;
		}
		if (!local) {
			local_text_names(t, table.file);
			continue;
		}
		if (n++ == 0 && table.line == 0 && table.pairs.n == 0)
			same = table.file;
		(void)local_text_file(t, table.file, origin && origin->class == LOCAL ? NULL :
		    plan_copy(d->plan, d->origin), at);
	}
	return local_text_end(t, local ? "host" : "names", n == 1 ? same : NULL, at);
}

/* Which users have mail: those of the machine, or a list. */
static void
set_users(const struct domains *d, const struct domain *one)
{
	if (postfix_users_all(d->m)) {
		(void)plan_set(d->plan, one->section, "recipients", one->at, "users");
		plan_note(d->plan, one->at, "the recipients are the users: type  systemctl enable "
		    "--now smtp-users.socket");
	} else {
		plan_missing(d->plan, one->section, "recipients",
		    maincf_at(d->m, "local_recipient_maps"), "local", "local_recipient_maps has "
		    "tables of names: write the names of users into a file, one in a line");
	}
}

static void
set_local(const struct domains *d, const struct domain *one)
{
	const char *name = plan_copy(d->plan, one->name), *aliases = d->users;
	struct plan_at at;
	const char *way = postfix_users_way(d->m, &at);

	if (postfix_routes_set_by_table(d->m, d->transports, one->section, one->name)) {
		aliases = d->names;	/* another host, or a server of mailboxes */
	} else if (*way) {
		if (strcmp(maincf_get(d->m, "mailbox_transport"), way) != 0)
			aliases = d->names;
		postfix_routes_set_way(d->m, one->section, slice_str(way), at);
	} else {
		local_domain(d->m->im, name, postfix_users_folder(d->m), aliases, one->at);
		if (!is_closed(d, one) && !postfix_users_all(d->m))
			set_users(d, one);
		return;
	}
	if (is_closed(d, one) || strcmp(plan_get(d->plan, one->section, "via"), "discard") == 0)
		return;
	if (!plan_get(d->plan, one->section, "recipients")) {
		open_domain(d, one);
		set_users(d, one);
	}
	if (aliases)
		(void)plan_set(d->plan, one->section, "aliases", one->at, "%s", aliases);
}

/* ---- all of them ---- */

/* A domain elsewhere, some of whose addresses are aliases here. */
static void
set_elsewhere(const struct domains *d, const struct domain *one)
{
	if (!postfix_routes_set_by_table(d->m, d->transports, one->section, one->name))
		postfix_routes_set_default(d->m, one->section, one->at);
	if (maincf_has(d->m, "sender_dependent_relayhost_maps"))
		plan_stop(d->plan, one->at, "some addresses of %.*s are aliases here, and its "
		    "[route] comes before each [sender]: it is right only if its mail needs no "
		    "host by its sender", (int)one->name.n, one->name.p);
}

static void
set_domain(const struct domains *d, const struct domain *one)
{
	static void (*const ways[])(const struct domains *d, const struct domain *one) = {
		[LOCAL] = set_local, [ALIASES] = set_aliases_only, [MAILBOXES] = set_mailboxes,
		[RELAYED] = set_relayed, [ELSEWHERE] = set_elsewhere,
	};

	if (one->rest)		/* all names that have no row go one way */
		set_rest(d, one);
	else
		ways[one->class](d, one);
	if (one->class != LOCAL)
		set_aliases(d, one);
	else if (one->rest && d->users)
		(void)plan_set(d->plan, one->section, "aliases", one->at, "%s", d->users);
	if (one->class != ELSEWHERE)
		set_delimiter(d, one);
}

/* Is there a domain of users whose mail local(8) takes, or another transport? */
static bool
has_users(const struct domains *d, bool local)
{
	struct plan_at ignored;
	const char *way = postfix_users_way(d->m, &ignored);
	const bool usual = !*way || strcmp(maincf_get(d->m, "mailbox_transport"), way) == 0;

	if (postfix_host_refusal(d->m, slice_str(way), "x"))
		return false;
	for (size_t i = 0; i < d->n; i++) {
		const struct domain *one = &d->list[i];
		const bool moved = plan_get(d->plan, one->section, "via") ||
		    postfix_routes_has_way(d->m, d->transports, one->name);

		if (one->class == LOCAL && (usual && (!moved || one->rest)) == local)
			return true;
	}
	return false;
}

/* The name that completes addresses. */
static struct slice
find_origin(const struct maincf *m)
{
	const char *origin = maincf_get(m, "myorigin");

	if (origin[0] == '/')
		origin = text_first_line(m->im, origin);
	return slice_str(origin && *origin ? origin : maincf_get(m, "myhostname"));
}

/* Rows that no [route] has. */
static void
decide_rows(const struct domains *d)
{
	const struct plan_at at = maincf_at(d->m, "virtual_alias_maps");
	bool others = false;

	for (size_t i = 0; i < d->n; i++)
		others |= d->list[i].class != LOCAL && d->list[i].class != ELSEWHERE;
	if (d->rows.all)
		plan_stop(d->plan, at, "virtual_alias_maps has a static: table, by which each "
		    "address stands for another one: there are no such aliases here");
	if (d->rows.lacking && others && d->aliases)
		plan_stop(d->plan, maincf_at(d->m, d->rows.lacking), "%s has a table that cannot "
		    "be read: add its rows to %.200s, each as  name@domain: address, address",
		    d->rows.lacking, d->aliases);
	else if (d->rows.lacking && !others)
		plan_stop(d->plan, maincf_at(d->m, d->rows.lacking), "%s has a table that cannot "
		    "be read: write its rows into the aliases of a [route] for each domain",
		    d->rows.lacking);
}

/* Are recipients rewritten by a server, as postsrsd is one? */
static bool
is_srs(const struct maincf *m)
{
	const char *name = "recipient_canonical_maps", *value = maincf_get(m, name);

	if (strncmp(value, "tcp:", 4) != 0 && strncmp(value, "socketmap:", 10) != 0)
		return false;
	plan_stop(m->im->plan, maincf_at(m, name), "recipient_canonical_maps asks a server: if "
	    "that is postsrsd, [relay] srs-domain and srs-secret do the same: chapter \"ALIASES\" "
	    "of smtp-handler-guide(7); if not, write its rows into the aliases of the [route]s");
	return true;
}

void
postfix_domains_set(const struct maincf *m, const struct postfix_rows *transports)
{
	static const struct { const char *name, *classes; } maps[] = {
		{ "recipient_canonical_maps", "recipient_canonical_classes" },
		{ "canonical_maps", "canonical_classes" }, { "virtual_alias_maps", NULL },
	};
	struct domains d = {
		.m = m, .plan = m->im->plan, .transports = transports, .origin = find_origin(m),
		.list = calloc(DOMAINS_MAX, sizeof *d.list),
	};

	if (!d.list) {
		d.plan->failed = true;
		return;
	}
	for (size_t i = 0; i < sizeof maps / sizeof maps[0]; i++)
		if (postfix_list_has_class(m, maps[i].classes, "envelope_recipient") &&
		    (i > 0 || !is_srs(m)))
			postfix_rows_read(m, maps[i].name, &d.rows);
	postfix_rows_read(m, "virtual_mailbox_maps", &d.mailboxes);
	postfix_rows_read(m, "relay_recipient_maps", &d.relayed);
	add_lists(&d);
	count_rows(&d);
	make_aliases(&d);
	if (has_users(&d, true))
		d.users = user_aliases(&d, true);
	if (has_users(&d, false))
		d.names = user_aliases(&d, false);
	decide_rows(&d);
	for (size_t i = 0; i < d.n && !d.plan->failed; i++)
		set_domain(&d, &d.list[i]);
	postfix_rows_done(&d.rows);
	postfix_rows_done(&d.mailboxes);
	postfix_rows_done(&d.relayed);
	free(d.list);
}
