// SPDX-License-Identifier: ISC
/*
 * Mail of users goes by [route] keys via, recipients and aliases; that of a relay by via.
 */
#include "tools/import/opensmtpd_ways.h"

#include <stdlib.h>

#include "tools/import/local.h"
#include "tools/import/opensmtpd_virtual.h"
#include "tools/import/smarthost.h"
#include "tools/import/text.h"

bool
opensmtpd_actions_init(struct opensmtpd_actions *a, struct opensmtpd_file *f)
{
	*a = (struct opensmtpd_actions){ .f = f, .delimiter = "+",
		.list = calloc(OPENSMTPD_ACTIONS_MAX, sizeof *a->list) };
	if (!a->list)
		f->im->plan->failed = true;
	return a->list != NULL;
}

void
opensmtpd_actions_done(struct opensmtpd_actions *a)
{
	free(a->list);
}

const struct opensmtpd_action *
opensmtpd_actions_find(const struct opensmtpd_actions *a, struct slice name)
{
	for (size_t i = 0; i < a->n; i++)
		if (slice_eq(a->list[i].name, name))
			return &a->list[i];
	return NULL;
}

/* ---- the statement ---- */

/* Options with a word, which change nothing that decides who gets mail. */
static const struct text_advice with_word[] = {
	{ "ttl", "all mail has one lifetime: [queue] lifetime" },
	{ "helo", "the name in EHLO is that of [server] hostname" },
	{ "mail-from", "it was for the mail of one action: masquerade in [server] is for all "
	    "senders of this host" },
	{ "pki", "no certificate is shown to other servers" },
	{ "ca", "the authorities are those of [relay] tls-ca-file" },
	{ "filter", "for signatures write [dkim DOMAIN]: smtp-handler.conf(5)" },
	{ NULL, NULL },
};
static const struct text_advice with_table[] = {
	{ "helo-src", "the name in EHLO is that of [server] hostname" },
	{ "src", "write the source addresses into [relay] bind" },
	{ NULL, NULL },
};

static void
take_method(struct opensmtpd_action *x, struct opensmtpd_line *l)
{
	struct slice ignored;

	if (opensmtpd_take(l, "maildir")) {
		if (l->word->kind == OPENSMTPD_QUOTED || (l->word->kind == OPENSMTPD_WORD &&
		    strchr("/~%", l->word->text.p[0])))
			(void)opensmtpd_take_word(l, &x->target);
		x->junk = opensmtpd_take(l, "junk");
	} else if (opensmtpd_take(l, "mbox")) {
		x->mbox = true;
	} else if (opensmtpd_take(l, "lmtp")) {
		x->way = OPENSMTPD_LMTP;
		if (!opensmtpd_take_word(l, &x->target))
			x->held = "there is no place of the LMTP server";
		x->to_address = opensmtpd_take(l, "rcpt-to");
	} else if (opensmtpd_take(l, "mda")) {
		x->way = OPENSMTPD_PROGRAM;
		(void)opensmtpd_take_word(l, &ignored);
		x->held = "a program got the mail (mda): hand it to a server of mailboxes by  via "
		    "= lmtp:SOCKET, or write  via = maildir:~/Maildir";
	} else if (opensmtpd_take(l, "forward-only")) {
		x->way = OPENSMTPD_ALIASES;
	} else if (opensmtpd_take(l, "expand-only")) {
		x->way = OPENSMTPD_ALIASES;
		x->held = "programs and files of aliases got the mail (expand-only)";
	} else if (opensmtpd_take(l, "relay")) {
		x->way = OPENSMTPD_RELAY;
	} else {
		x->held = "the action is not known: its syntax is not that of OpenSMTPD 6.4 and "
		    "later";
	}
}

/* Take a table, or hold the mail. */
static const struct opensmtpd_table *
take_table(struct opensmtpd_actions *a, struct opensmtpd_action *x, struct opensmtpd_line *l)
{
	const struct opensmtpd_table *t = opensmtpd_take_table(a->f, l);

	if (!t)
		x->held = "a table of the action is missing";
	return t;
}

/* The way of a backup is that to the exchangers, which never leads to this host or a worse one. */
static void
take_backup(struct opensmtpd_actions *a, struct opensmtpd_action *x, struct opensmtpd_line *l)
{
	struct slice name;

	if (opensmtpd_take(l, "mx") && opensmtpd_take_word(l, &name))
		plan_note(a->f->im->plan, x->at, "backup mx %.*s: this host finds itself among the "
		    "exchangers by its addresses, and by [server] hostname: see whether that is "
		    "this name", (int)(name.n < 100 ? name.n : 100), name.p);
}

/* Take an option that is a note.  False: it is none of them. */
static bool
take_noted(struct opensmtpd_actions *a, struct opensmtpd_action *x, struct opensmtpd_line *l)
{
	const struct slice name = l->word->text;
	struct slice ignored;

	if (l->word->kind != OPENSMTPD_WORD)
		return false;
	if (opensmtpd_take(l, "srs")) {
		plan_untranslated(a->f->im->plan, x->at, name, "see srs-domain and srs-secret in "
		    "smtp-handler.conf(5)");
		return true;
	}
	if (text_advise(a->f->im->plan, x->at, with_word, name)) {
		l->word++;
		(void)opensmtpd_take_word(l, &ignored);
		return true;
	}
	if (text_advise(a->f->im->plan, x->at, with_table, name)) {
		l->word++;
		(void)opensmtpd_take_table(a->f, l);
		return true;
	}
	return false;
}

static void
take_tls(struct opensmtpd_action *x, struct opensmtpd_line *l)
{
	x->tls = true;
	x->unverified = opensmtpd_take(l, "no-verify");
}

/* Take one option.  False: it is not known. */
static bool
take_option(struct opensmtpd_actions *a, struct opensmtpd_action *x, struct opensmtpd_line *l)
{
	struct slice ignored;

	if (opensmtpd_take(l, "alias")) {
		x->aliases = take_table(a, x, l);
	} else if (opensmtpd_take(l, "virtual")) {
		x->virtual = take_table(a, x, l);
	} else if (opensmtpd_take(l, "userbase")) {
		x->userbase = true;
		x->users = take_table(a, x, l);
	} else if (opensmtpd_take(l, "user")) {
		x->one_user = true;
		return opensmtpd_take_word(l, &ignored);
	} else if (opensmtpd_take(l, "wrapper")) {
		x->held = "a program got the mail (wrapper): write a via without it";
		return opensmtpd_take_word(l, &ignored);
	} else if (opensmtpd_take(l, "host")) {
		return opensmtpd_take_word(l, &x->host);
	} else if (opensmtpd_take(l, "auth")) {
		x->auth = take_table(a, x, l);
	} else if (opensmtpd_take(l, "domain")) {
		x->held = "each domain had a host by a table (domain): write a [route] with  via = "
		    "smtp://HOST  for each";
		(void)opensmtpd_take_table(a->f, l);
	} else if (opensmtpd_take(l, "backup")) {
		take_backup(a, x, l);
	} else if (opensmtpd_take(l, "tls")) {
		take_tls(x, l);
	} else {
		return take_noted(a, x, l);
	}
	return true;
}

void
opensmtpd_actions_add(struct opensmtpd_actions *a, struct opensmtpd_line *l)
{
	struct opensmtpd_action x = { .at = l->word->at };

	if (!opensmtpd_take_word(l, &x.name)) {
		plan_stop(a->f->im->plan, x.at, "the action of line %u of %.200s has no name",
		    x.at.line, x.at.file);
		return;
	}
	take_method(&x, l);
	while (!opensmtpd_at_end(l))
		if (!take_option(a, &x, l)) {
			x.held = "an option of the action is not known";
			break;
		}
	if (a->n == OPENSMTPD_ACTIONS_MAX)
		a->f->im->plan->failed = true;
	else
		a->list[a->n++] = x;
}

/* ---- relays ---- */

/* Read the login of a label. */
static void
take_login(const struct opensmtpd_action *x, struct plan *p, struct slice label,
    struct smarthost *s)
{
	const struct opensmtpd_row *row = x->auth && !x->auth->lacking && !x->auth->database ?
	    opensmtpd_find(x->auth, label) : NULL;
	struct slice password, user;

	s->login_at = row ? row->at : x->at;
	user = row && memchr(row->value.p, ':', row->value.n) ?
	    slice_cut(row->value, ':', &password) : SL("");
	s->unknown = user.n == 0;
	if (s->unknown)
		return;
	s->user = plan_copy(p, user);
	s->password = password.n ? plan_copy(p, password) : NULL;
}

/* HOST, [ADDRESS], HOST:PORT or [ADDRESS]:PORT.  False: the port is none. */
static bool
take_host(struct plan *p, struct slice text, struct smarthost *s)
{
	struct slice port;

	if (slice_has_prefix(text, SL("["))) {
		s->host = plan_copy(p, slice_cut(slice_skip(text, 1), ']', &port));
		if (slice_has_prefix(port, SL(":")))
			port = slice_skip(port, 1);
	} else {
		s->host = plan_copy(p, slice_cut(text, ':', &port));
	}
	return port.n == 0 || smarthost_port(port, &s->port);
}

static const struct {
	struct slice scheme;
	enum smarthost_tls tls;
	unsigned port;
} schemes[] = {
	{ S("smtp://"), SMARTHOST_ANY, 25 }, { S("smtp+tls://"), SMARTHOST_STARTTLS, 25 },
	{ S("smtp+notls://"), SMARTHOST_CLEAR, 25 }, { S("smtps://"), SMARTHOST_IMPLICIT, 465 },
	{ S("lmtp://"), SMARTHOST_ANY, 0 },
};

/* [SCHEME://[LABEL@]]HOST[:PORT].  False: it is none. */
static bool
read_host(const struct opensmtpd_action *x, struct plan *p, struct smarthost *s)
{
	struct slice text = x->host, rest, label;
	const char *at;

	*s = (struct smarthost){ .at = x->at, .port = 25, .unverified = x->unverified };
	for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++)
		if (slice_has_prefix(x->host, schemes[i].scheme)) {
			text = slice_skip(text, schemes[i].scheme.n);
			s->tls = schemes[i].tls;
			s->port = schemes[i].port;
			s->lmtp = s->port == 0;
		}
	if (x->tls && s->tls == SMARTHOST_ANY)
		s->tls = SMARTHOST_STARTTLS;
	at = text.n ? memrchr(text.p, '@', text.n) : NULL;
	if (at) {
		rest = slice_skip(text, (size_t)(at - text.p) + 1);
		label = slice_of(text.p, (size_t)(at - text.p));
		text = rest;
		take_login(x, p, label, s);
	}
	return text.n > 0 && !memmem(text.p, text.n, "//", 2) && take_host(p, text, s) &&
	    s->port > 0;
}

static void
set_relay(struct plan *p, const struct opensmtpd_action *x, const char *section,
    struct plan_at at)
{
	struct smarthost s;

	if (x->host.n == 0) {
		if (plan_set(p, section, "via", at, "mx") && x->tls) {
			(void)plan_set(p, section, "tls", x->at, "require");
			if (x->unverified)
				plan_note(p, x->at, "certificates were not verified: from now on "
				    "they are, and mail for hosts without a good one waits");
		}
	} else if (!read_host(x, p, &s)) {
		(void)plan_hold(p, section, x->at, "the host of the action cannot be read");
	} else {
		(void)smarthost_set(p, section, &s);
	}
}

/* ---- mailboxes ---- */

/* The folder in the home of a Maildir; NULL: it is elsewhere. */
static const char *
home_folder(struct plan *p, const struct opensmtpd_action *x)
{
	static const struct slice homes[] = { S("~/"), S("%{user.directory}/") };
	struct slice path = x->target;

	if (path.n == 0)
		return "Maildir";
	for (size_t i = 0; i < sizeof homes / sizeof homes[0]; i++)
		if (slice_has_prefix(path, homes[i])) {
			path = slice_skip(path, homes[i].n);
			while (path.n && path.p[path.n - 1] == '/')
				path.n--;
			return path.n && !memchr(path.p, '%', path.n) &&
			    !memchr(path.p, '{', path.n) ? plan_copy(p, path) : NULL;
		}
	return NULL;
}

/* The words of a path that stand for parts of the recipient, and ours: of a user of the machine,
 * and of an address. */
static const struct {
	struct slice word;
	const char *user, *address;
} specifiers[] = {
	{ S("user.username"), "{user}", NULL }, { S("dest.user"), "{user}", "{local}" },
	{ S("dest.domain"), NULL, "{domain}" },
};

/* Our form of a word such as "dest.user:lowercase|strip".  NULL: there is none. */
static const char *
specifier_of(struct slice text, bool address)
{
	struct slice modifiers, word = slice_cut(text, ':', &modifiers), one;

	while (modifiers.n) {
		one = slice_cut(modifiers, '|', &modifiers);
		if (!slice_eq(one, SL("lowercase")) && !slice_eq(one, SL("strip")))
			return NULL;
	}
	for (size_t i = 0; i < sizeof specifiers / sizeof specifiers[0]; i++)
		if (slice_eq(word, specifiers[i].word))
			return address ? specifiers[i].address : specifiers[i].user;
	return NULL;
}

/* The path of a Maildir that is in no home.  NULL: it cannot be expressed. */
static const char *
path_of(struct plan *p, struct slice path, bool address)
{
	const char *text = "", *part;
	struct slice rest, word;

	if (!slice_has_prefix(path, SL("/")) || memchr(path.p, '~', path.n))
		return NULL;
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	while (path.n) {
		word = slice_cut(path, '%', &rest);
		text = plan_text(p, "%s%.*s", text, (int)word.n, word.p);
		if (memchr(word.p, '{', word.n) || (rest.n == 0 && word.n < path.n))
			return NULL;
		path = rest;
		if (path.n == 0)
			break;
		if (path.p[0] != '{' || !memchr(path.p, '}', path.n))
			return NULL;
		word = slice_cut(slice_skip(path, 1), '}', &rest);
		part = specifier_of(word, address);
		if (!part)
			return NULL;
		text = plan_text(p, "%s%s", text, part);
		path = rest;
	}
	return text;
}

/* Has the path the local part of the address?  It is that of an alias, and not of its user. */
static bool
has_local(const struct opensmtpd_action *x)
{
	const struct slice user = SL("%{dest.user"), path = x->target;

	return x->way == OPENSMTPD_MAILDIR && path.n && memmem(path.p, path.n, user.p, user.n);
}

/* A path without "strip" keeps the detail of a user. */
static void
note_detail(const struct opensmtpd_actions *a, const struct opensmtpd_action *x)
{
	const struct slice strip = SL("strip"), path = x->target;

	if (*a->delimiter && has_local(x) && !memmem(path.p, path.n, strip.p, strip.n))
		plan_note(a->f->im->plan, x->at, "mail for anna%sdetail goes into the Maildir of "
		    "anna: it had one of its own", a->delimiter);
}

/* The place of a server of mailboxes.  NULL: it is none. */
static const char *
lmtp_of(struct plan *p, const struct opensmtpd_action *x)
{
	struct smarthost s = { .port = 0 };

	if (slice_has_prefix(x->target, SL("/")))
		return plan_text(p, "lmtp:%.*s", (int)x->target.n, x->target.p);
	if (!take_host(p, x->target, &s) || s.port == 0)
		return NULL;
	return plan_text(p, strchr(s.host, ':') ? "lmtp://[%s]:%u" : "lmtp://%s:%u", s.host,
	    s.port);
}

static bool
is_address(struct slice name)
{
	return name.n && memchr(name.p, '@', name.n);
}

/* Add a row of a table of aliases.  A row of an address has no effect there. */
static void
add_alias(struct import *im, struct local_text *text, const struct opensmtpd_row *row)
{
	if (row->replaced)
		return;
	if (is_address(row->key)) {
		plan_note(im->plan, row->at, "the row of %.*s is left out: OpenSMTPD looks for "
		    "names without a domain in a table of aliases",
		    (int)(row->key.n < 100 ? row->key.n : 100), row->key.p);
		return;
	}
	local_text_row(text, row->at, plan_text(im->plan, "%.*s: %.*s\n", (int)row->key.n,
	    row->key.p, (int)row->value.n, row->value.p));
}

/* The file of the aliases, or NULL. */
static const char *
aliases_of(struct opensmtpd_actions *a, const struct opensmtpd_action *x, const char *section)
{
	const struct opensmtpd_table *t = x->aliases;
	struct import *im = a->f->im;
	struct local_text *text;
	bool plain = t && t->path && !t->repeats;

	if (!t)
		return NULL;
	if (t->lacking) {
		plan_missing(im->plan, section, "aliases", x->at, "host", "the table of aliases "
		    "cannot be read: write its rows into a file, each as  name: address, address");
		return NULL;
	}
	for (size_t i = 0; i < t->n && plain; i++)	/* all are names with their colon */
		plain = t->rows[i].key.n < t->rows[i].whole.n && !is_address(t->rows[i].key);
	if (plain)
		return local_aliases(im, t->path, t->at);
	text = local_text_new(im);
	for (size_t i = 0; i < t->n && !im->plan->failed; i++)
		add_alias(im, text, &t->rows[i]);
	return local_text_end(text, "host", NULL, t->at);
}

/* Mail of users of the machine, in Maildirs of their homes or elsewhere. */
static void
note_users(const struct opensmtpd_actions *a, const struct opensmtpd_action *x)
{
	struct plan *p = a->f->im->plan;

	if (x->way == OPENSMTPD_ALIASES)
		plan_note(p, x->at, "mail of users went where their files .forward say, and here "
		    "it is refused, as these have no effect: write an alias for each");
	else
		plan_note(p, (struct plan_at){ a->f->path, 0 }, "the files .forward of users have "
		    "no effect here: write aliases");
	if (x->mbox)
		plan_note(p, x->at, "mailboxes are Maildirs: new mail is in ~/Maildir "
		    "and not in one file, so point the users' programs there");
}

/* The mail of users of the machine. */
static void
set_users(struct opensmtpd_actions *a, const struct opensmtpd_action *x, const char *section,
    struct slice domain, struct plan_at at)
{
	struct plan *p = a->f->im->plan;
	const char *folder = home_folder(p, x), *aliases = aliases_of(a, x, section), *path;

	note_users(a, x);
	if (x->way == OPENSMTPD_MAILDIR && folder && !x->one_user) {
		local_domain(a->f->im, plan_copy(p, domain), folder, aliases, at);
		return;
	}
	path = x->way == OPENSMTPD_LMTP ? lmtp_of(p, x) : path_of(p, x->target, x->one_user);
	if (path && x->way == OPENSMTPD_MAILDIR)
		path = plan_text(p, "maildir:%s", path);
	if (!path || !plan_set(p, section, "via", x->at, "%s", path))
		(void)plan_hold(p, section, x->at, "the place of the mailboxes cannot be written "
		    "here: write  via = maildir:~/Maildir, or  via = lmtp:SOCKET  for a server of "
		    "mailboxes");
	else if (x->way == OPENSMTPD_LMTP && !x->to_address)
		plan_note(p, x->at, "the LMTP server gets the whole address of a recipient, not "
		    "the name of the user alone: see whether it knows anna@%.*s",
		    (int)domain.n, domain.p);
	if (aliases && has_local(x))
		plan_stop(p, x->at, "a user's mail by an alias was in a Maildir of the alias, and "
		    "here it is in that of the user: see whether that is right");
	(void)plan_set(p, section, "recipients", at, "users");
	plan_note(p, at, "the recipients are the users: type  systemctl enable --now "
	    "smtp-users.socket");
	if (aliases)
		(void)plan_set(p, section, "aliases", at, "%s", aliases);
}

/* The via of mailboxes of addresses.  NULL after a note that the mail is held. */
static const char *
address_way(struct plan *p, const struct opensmtpd_action *x, const char *section)
{
	const char *way;

	if (x->held) {
		(void)plan_hold(p, section, x->at, "%s", x->held);
		return NULL;
	}
	way = x->way == OPENSMTPD_LMTP ? (x->to_address ? lmtp_of(p, x) : NULL) :
	    path_of(p, x->target, true);
	if (way && x->way == OPENSMTPD_MAILDIR)
		way = plan_text(p, "maildir:%s", way);
	if (way && plan_set(p, section, "via", x->at, "%s", way))
		return way;
	(void)plan_hold(p, section, x->at, "the place of the mailboxes cannot be written here: "
	    "write  via = maildir:/PATH/{domain}/{local}, or  via = lmtp:SOCKET  for a server of "
	    "mailboxes");
	return NULL;
}

/* A domain whose names are in a table. */
static void
set_virtual(struct opensmtpd_actions *a, const struct opensmtpd_action *x, const char *section,
    struct slice domain, struct plan_at at)
{
	struct plan *p = a->f->im->plan;
	const char *folder = x->way == OPENSMTPD_MAILDIR ? home_folder(p, x) : NULL;
	struct opensmtpd_virtual v = { .im = a->f->im, .table = x->virtual, .section = section,
		.domain = domain, .at = at, .delimiter = a->delimiter };

	if (folder && !x->one_user && !x->userbase && !x->held) {
		v.in_homes = true;
		if (a->folder && strcmp(a->folder, folder) != 0)
			plan_stop(p, x->at, "the Maildirs of users have several names in their "
			    "homes, and here they have one: see whether ~/%.100s is right",
			    a->folder);
		else if (!a->folder)
			a->folder_at = x->at;
		a->folder = a->folder ? a->folder : folder;
		a->junk |= x->junk;
		note_users(a, x);
		(void)plan_set(p, section, "via", at, "reject:no such user here");
	} else if (x->way == OPENSMTPD_ALIASES && !x->held) {
		v.in_homes = true;
		v.no_users = true;
		note_users(a, x);
		(void)plan_set(p, section, "via", at, "reject:no such user here");
	} else {
		const char *way = address_way(p, x, section);

		if (way && x->way == OPENSMTPD_MAILDIR)
			plan_note(p, x->at, "the Maildirs of %.100s must belong to the user "
			    "smtp-relay, and who reads them needs its rights; or hand the mail to "
			    "the server of the mailboxes: via = lmtp:SOCKET",
			    way + strlen("maildir:"));
	}
	opensmtpd_virtual_set(&v);
}

/* The recipients are the users of a table, also while their mail waits. */
static void
set_userbase(struct plan *p, const struct opensmtpd_action *x, const char *section,
    struct slice domain, struct plan_at at)
{
	const struct opensmtpd_table *t = x->users;
	const struct slice head = SL("# addresses, one in a line\n");
	struct plan_file file = { .kind = PLAN_TEXT, .at = x->at };
	const char *base = plan_copy(p, domain);
	struct buf b = { .cap = head.n };

	if (!t || t->lacking) {
		plan_missing(p, section, "recipients", x->at, base, "the table of users (userbase) "
		    "cannot be read: write its names into a file, one address in a line");
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		b.cap += t->rows[i].key.n + domain.n + 2;
	b.p = plan_room(p, b.cap);
	if (!b.p)
		return;
	buf_add(&b, head);
	for (size_t i = 0; i < t->n; i++) {
		if (t->rows[i].replaced || is_address(t->rows[i].key))
			continue;
		buf_add(&b, t->rows[i].key);
		buf_chr(&b, '@');
		buf_add(&b, domain);
		buf_chr(&b, '\n');
	}
	file.content = b.p;
	(void)plan_set(p, section, "recipients", at, "%s",
	    plan_add_file(p, base, "recipients", &file));
}

/* ---- all of them ---- */

void
opensmtpd_ways_set(struct opensmtpd_actions *a, const struct opensmtpd_action *x,
    const char *section, struct slice domain, struct plan_at at)
{
	struct plan *p = a->f->im->plan;

	if (x->way == OPENSMTPD_RELAY) {
		if (x->held)
			(void)plan_hold(p, section, x->at, "%s", x->held);
		else
			set_relay(p, x, section, at);
		return;
	}
	if (x->virtual) {
		set_virtual(a, x, section, domain, at);
	} else if (x->held || x->userbase) {
		const char *aliases = aliases_of(a, x, section);

		(void)plan_hold(p, section, x->at, "%s", x->held ? x->held :
		    "the users are those of a table (userbase): write  via = maildir:PATH/{local} "
		    " or  via = lmtp:SOCKET  for a server of mailboxes");
		if (x->userbase)
			set_userbase(p, x, section, domain, at);
		else
			(void)plan_set(p, section, "recipients", at, "users");
		if (aliases)
			(void)plan_set(p, section, "aliases", at, "%s", aliases);
	} else if (x->way == OPENSMTPD_ALIASES) {
		const char *aliases = aliases_of(a, x, section);

		note_users(a, x);
		(void)plan_set(p, section, "via", at, "reject:no such user here");
		if (aliases)
			(void)plan_set(p, section, "aliases", at, "%s", aliases);
	} else {
		set_users(a, x, section, domain, at);
	}
	note_detail(a, x);
	if (*a->delimiter && plan_get(p, section, "via"))
		(void)plan_set(p, section, "subaddress", at, "%s", a->delimiter);
	if (x->junk && plan_get(p, section, "via") &&
	    strncmp(plan_get(p, section, "via"), "maildir:", 8) == 0)
		(void)plan_set(p, section, "junk-folder", x->at, "on");
}

void
opensmtpd_ways_settle(struct opensmtpd_actions *a)
{
	struct plan *p = a->f->im->plan;
	const char *via = plan_get(p, "route localhost", "via");

	if (!a->folder)
		return;
	if (!via) {
		local_domain(a->f->im, "localhost", a->folder, NULL, a->folder_at);
		(void)plan_set(p, "route localhost", "accept", a->folder_at, "trusted");
		plan_note(p, a->folder_at, "mail for localhost goes to the users of this machine: "
		    "by that name the aliases of other domains lead to them");
	} else if (strcmp(via, plan_text(p, "maildir:~/%s", a->folder)) != 0) {
		plan_stop(p, a->folder_at, "users of the machine have mail of other domains in "
		    "~/%.100s, and that of localhost elsewhere: write one via into [route "
		    "localhost]", a->folder);
	}
	via = plan_get(p, "route localhost", "via");
	if (a->junk && via && strncmp(via, "maildir:", 8) == 0)
		(void)plan_set(p, "route localhost", "junk-folder", a->folder_at, "on");
}
