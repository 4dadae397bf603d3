// SPDX-License-Identifier: ISC
/*
 * "listen on": our socket units have the addresses, so most options are notes.
 */
#include "tools/import/opensmtpd_listeners.h"

#include "tools/import/smarthost.h"
#include "tools/import/text.h"

#define TLS_MORE "tls-certificate and tls-key: chapter \"TLS\" of smtp-handler-guide(7)"
#define TLS_HERE "set " TLS_MORE
#define PEOPLE	 "see chapter \"People who send from anywhere\" of smtp-handler-guide(7)"
#define FILTERS	 "for filters see milter in smtp-handler.conf(5), and smtp-verify(8)"

/* Options with a word or a list, and those alone. */
static const struct text_advice with_word[] = {
	{ "pki", TLS_HERE }, { "filter", FILTERS },
	{ "ca", "see tls-client-certificates in smtp-handler.conf(5)" },
	{ "hostnames", "a server has one name: [server] hostname" },
	{ NULL, NULL },
};
static const struct text_advice alone[] = {
	{ "mask-src", "the field Received has the client; a filter can remove it (milter)" },
	{ "mask-source", "the field Received has the client; a filter can remove it (milter)" },
	{ "no-dsn", "DSN is always offered" }, { "received-auth", NULL },
	{ "proxy-v2", "see proxy-protocol and proxy-trusted in smtp-handler.conf(5)" },
	{ "inet4", NULL }, { "inet6", NULL },
	{ "tls", TLS_HERE }, { "tls-require", "set tls = required, " TLS_MORE },
	{ "smtps", PEOPLE },
	{ NULL, NULL },
};

struct listener {
	struct plan_at at;
	struct slice interface, tag, greeting;
	unsigned port;
	bool login, optional, implicit;
};

/* Take a number or the name of a service.  False: it is neither. */
static bool
take_port(struct listener *x, struct opensmtpd_line *l)
{
	struct slice word;

	return opensmtpd_take_word(l, &word) && smarthost_port(word, &x->port);
}

/* Take a name or a list of names behind a keyword. */
static void
take_names(struct opensmtpd_file *f, struct opensmtpd_line *l)
{
	struct slice ignored;

	if (opensmtpd_has_table(l))
		(void)opensmtpd_take_table(f, l);
	else
		(void)opensmtpd_take_word(l, &ignored);
}

static void
take_login(struct opensmtpd_file *f, struct listener *x, struct opensmtpd_line *l)
{
	plan_untranslated(f->im->plan, x->at, l->word->text, PEOPLE);
	x->login = true;
	x->optional = opensmtpd_take(l, "auth-optional");
	if (!x->optional)
		l->word++;
	if (opensmtpd_has_table(l))
		(void)opensmtpd_take_table(f, l);
}

/* Options that let in fewer clients, or fewer senders, than our programs do. */
static bool
take_refusal(struct opensmtpd_file *f, struct listener *x, struct opensmtpd_line *l)
{
	if (opensmtpd_take(l, "verify")) {
		plan_stop(f->im->plan, x->at, "verify: clients needed a good certificate, and here "
		    "none is demanded: see who may reach this server");
		return true;
	}
	if (!opensmtpd_take(l, "senders"))
		return false;
	(void)opensmtpd_take_table(f, l);
	if (opensmtpd_take(l, "masquerade"))
		plan_untranslated(f->im->plan, x->at, SL("masquerade"), "a From that is not the "
		    "sender of the envelope stays, save for the addresses of [server] masquerade");
	plan_stop(f->im->plan, x->at, "senders: users who log in could use the addresses of a "
	    "table only: write them into a file, each as  user: address address, and name it by "
	    "[server] auth-senders");
	return true;
}

/* Take one option.  False: it is not known. */
static bool
take_option(struct opensmtpd_file *f, struct listener *x, struct opensmtpd_line *l)
{
	const struct slice name = l->word->text;

	if (l->word->kind != OPENSMTPD_WORD)
		return false;
	if (opensmtpd_take(l, "port"))
		return take_port(x, l);
	if (opensmtpd_take(l, "tag"))
		return opensmtpd_take_word(l, &x->tag);
	if (slice_ieq(name, SL("auth")) || slice_ieq(name, SL("auth-optional"))) {
		take_login(f, x, l);
		return true;
	}
	if (opensmtpd_take(l, "hostname"))
		return opensmtpd_take_word(l, &x->greeting);
	if (text_advise(f->im->plan, x->at, with_word, name)) {
		l->word++;
		take_names(f, l);
		return true;
	}
	if (!text_advise(f->im->plan, x->at, alone, name))
		return take_refusal(f, x, l);
	l->word++;
	x->implicit |= slice_eq(name, SL("smtps"));
	return true;
}

/* Is it an interface of this machine alone? */
static bool
is_loopback(struct slice interface)
{
	return slice_eq(interface, SL("lo")) || slice_eq(interface, SL("lo0")) ||
	    slice_eq(interface, SL("localhost")) || slice_eq(interface, SL("::1")) ||
	    slice_has_prefix(interface, SL("127."));
}

/* Read the statement behind its keyword.  False: it cannot be read at all. */
static bool
read_listener(struct opensmtpd_file *f, struct listener *x, struct opensmtpd_line *l)
{
	*x = (struct listener){ .at = l->word->at };
	if (!opensmtpd_take(l, "on") || !opensmtpd_take_word(l, &x->interface)) {
		plan_stop(f->im->plan, x->at, "the listener of line %u of %.200s cannot be read: "
		    "see who reached the old server by it", x->at.line, x->at.file);
		return false;
	}
	while (!opensmtpd_at_end(l))
		if (!take_option(f, x, l)) {
			plan_stop(f->im->plan, x->at, "the listener of line %u of %.200s has an "
			    "option that is not known: see who reached the old server by it",
			    x->at.line, x->at.file);
			break;
		}
	if (x->port == 0)
		x->port = x->implicit ? 465 : 25;
	return true;
}

/* The facts of all listeners that were read. */
struct all {
	bool demands, mixed;		/* a login; some with a tag do not, or without it do */
	bool open, open_here;		/* on port 25, without a login */
};

/* Compare with the tag of the listeners that demand a login. */
static void
note_tag(struct opensmtpd_listeners *all, struct all *a, const struct listener *x)
{
	const bool demands = x->login && !x->optional;

	if (demands && !a->demands)
		all->tag = x->tag;
	a->demands |= demands;
	a->mixed |= x->optional || (demands && !slice_ieq(x->tag, all->tag));
	all->logins |= x->login;
}

static void
note_address(struct opensmtpd_listeners *all, struct all *a, const struct listener *x)
{
	const bool here = is_loopback(x->interface), open = !x->login || x->optional;

	all->any = true;
	if (x->port != 25)
		return;
	all->any_25 = true;
	all->elsewhere |= !here;
	a->open |= !here && open;
	a->open_here |= here && open;
}

/* Call the function for each statement, with the words behind its keyword. */
static void
for_statements(struct opensmtpd_listeners *all, struct opensmtpd_file *f, struct all *a,
    void (*call)(struct opensmtpd_listeners *, struct opensmtpd_file *, struct all *,
    struct opensmtpd_line *))
{
	struct opensmtpd_line l;

	for (size_t i = 0; !f->im->plan->failed && opensmtpd_statement(f, &i, &l);)
		if (opensmtpd_take(&l, "listen"))
			call(all, f, a, &l);
}

static void
add_listener(struct opensmtpd_listeners *all, struct opensmtpd_file *f, struct all *a,
    struct opensmtpd_line *l)
{
	struct listener x;

	if (!read_listener(f, &x, l))
		return;
	note_tag(all, a, &x);
	if (all->greeting.n == 0)
		all->greeting = x.greeting;
	if (slice_eq(x.interface, SL("socket")))
		return;
	note_address(all, a, &x);
	if (x.port != 25)
		plan_untranslated(f->im->plan, x.at, SL("listen"), "for the ports 587 and 465 "
		    PEOPLE "; another port is a socket unit of your own");
}

/* Has a listener without a login the tag of those with one? */
static void
check_tag(struct opensmtpd_listeners *all, struct opensmtpd_file *f, struct all *a,
    struct opensmtpd_line *l)
{
	bool login = false, same = false;
	struct slice tag;

	(void)f;
	for (; !opensmtpd_at_end(l); l->word++) {
		struct opensmtpd_line copy = *l;

		login |= opensmtpd_take(&copy, "auth");
		same |= opensmtpd_take(&copy, "tag") && opensmtpd_take_word(&copy, &tag) &&
		    slice_ieq(tag, all->tag);
	}
	a->mixed |= same && !login;
}

void
opensmtpd_listeners_read(struct opensmtpd_listeners *all, struct opensmtpd_file *f)
{
	struct all a = { 0 };

	*all = (struct opensmtpd_listeners){ .tag = SL("") };
	for_statements(all, f, &a, add_listener);
	for_statements(all, f, &a, check_tag);
	if (a.mixed)
		all->tag = SL("");
	all->closed = all->elsewhere && !a.open;
	all->closed_here = all->closed && !a.open_here;
	if (all->closed)
		plan_note(f->im->plan, (struct plan_at){ f->path, 0 }, "the server of port 25 "
		    "demanded a login: no [route] is open to strangers");
}

void
opensmtpd_listeners_note(const struct opensmtpd_listeners *all, const struct opensmtpd_file *f)
{
	const struct plan_at at = { f->path, 0 };

	if (all->elsewhere)
		plan_note(f->im->plan, at, "the socket has the addresses: type  systemctl edit "
		    "smtp-handler-listen.socket  and write [Socket], ListenStream= and a line "
		    "ListenStream=ADDRESS:25 for each (the package listens on 127.0.0.1 and "
		    "::1; ListenStream=25 is all)");
	else if (all->any && !all->any_25)
		plan_note(f->im->plan, at, "no server listens on port 25: if that is to stay, "
		    "type  systemctl disable --now smtp-handler-listen.socket");
}
