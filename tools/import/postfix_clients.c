// SPDX-License-Identifier: ISC
/*
 * A list of restrictions ends with the first word that permits or refuses; each list counts for all
 * clients.  In doubt a client may send less here than before.
 */
#include "tools/import/postfix_clients.h"

#include "base/cidr.h"

static bool
is_word_of(struct slice word, const char *const *words)
{
	for (; *words; words++)
		if (slice_ieq(word, slice_str(*words)))
			return true;
	return false;
}

static const char *const lists[] = {
	"smtpd_relay_restrictions", "smtpd_recipient_restrictions",
	"smtpd_client_restrictions", "smtpd_helo_restrictions",
	"smtpd_sender_restrictions", "smtpd_data_restrictions",
	"smtpd_end_of_data_restrictions",
};

/* The first list that has one of the refusals before each of the permits; or NULL.  Conditions
 * between do not count. */
static const char *
refusing_list(const struct maincf *m, const char *const *permits, const char *const *refusals)
{
	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		struct slice list = slice_str(maincf_get(m, lists[i])), word;

		while ((word = maincf_word(&list)).n && !is_word_of(word, permits))
			if (is_word_of(word, refusals))
				return lists[i];
	}
	return NULL;
}

/* Are there bits behind those of the network? */
static bool
has_more_bits(const struct cidr *net)
{
	const unsigned all = net->family == AF_INET ? 32 : 128;

	for (unsigned i = net->bits; i < all; i++)
		if (net->address[i / 8] & 0x80 >> i % 8)
			return true;
	return false;
}

/* Add a network without its brackets.  Postfix lets nobody in by one with more bits, such as
 * 192.0.2.1/24, but our programs would not look at these bits. */
static void
add_network(const struct maincf *m, struct slice word, struct buf *b)
{
	const size_t before = b->n;
	struct cidr net;

	if (b->n)
		buf_chr(b, ' ');
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] != '[' && word.p[i] != ']')
			buf_chr(b, word.p[i]);
	if (!cidr_parse(slice_trim(slice_skip(buf_slice(b), before)), &net) || !has_more_bits(&net))
		return;
	b->n = before;
	plan_note(m->im->plan, maincf_at(m, "mynetworks"), "%.*s is left out: its address is "
	    "longer than the network", (int)(word.n < 80 ? word.n : 80), word.p);
}

/* No client of a network is trusted. */
static void
trust_nobody(const struct maincf *m, struct plan_at at, const char *name, const char *why)
{
	plan_note(m->im->plan, at, "%s: clients in mynetworks may not send elsewhere without a "
	    "login%s, so nobody but this host's sendmail may", name, why);
	(void)plan_set(m->im->plan, "server", "trusted", at, "local");
}

void
postfix_clients_set_networks(const struct maincf *m)
{
	static const char *const permits[] = { "permit_mynetworks", "permit", NULL };
	static const char *const refusals[] = {
		"reject", "defer", "reject_unauth_destination", "defer_unauth_destination", NULL,
	};
	const char *refusing = refusing_list(m, permits, refusals);
	const struct plan_at at = maincf_at(m, "mynetworks");
	struct slice list = slice_str(maincf_get(m, "mynetworks")), word;
	const char *style = maincf_get(m, "mynetworks_style");
	struct buf b = { .p = plan_copy(m->im->plan, list), .cap = list.n };

	if (refusing) {
		trust_nobody(m, maincf_at(m, refusing), refusing, "");
		return;
	}
	if (!maincf_has(m, "mynetworks") && *style && strcmp(style, "host") != 0)
		plan_untranslated(m->im->plan, maincf_at(m, "mynetworks_style"),
		    SL("mynetworks_style"), "write the networks that may send anywhere into "
		    "[server] trusted");
	while ((word = maincf_word(&list)).n)
		add_network(m, word, &b);
	if (b.n)
		(void)plan_set(m->im->plan, "server", "trusted", at, "%.*s local", (int)b.n, b.p);
	else if (maincf_has(m, "mynetworks"))
		trust_nobody(m, at, "mynetworks", ", as there are none");
}

/* Is the route one to which strangers may send? */
static bool
is_open(struct plan *p, const char *section)
{
	const char *accept = plan_get(p, section, "accept"), *via = plan_get(p, section, "via");

	if (accept)
		return strcmp(accept, "anyone") == 0;
	return via && (strncmp(via, "maildir:", 8) == 0 || strncmp(via, "lmtp:", 5) == 0);
}

void
postfix_clients_close_routes(const struct maincf *m)
{
	static const char *const permits[] = { "permit", "permit_auth_destination", NULL };
	static const char *const refusals[] = { "reject", "defer", NULL };
	const char *name = refusing_list(m, permits, refusals);
	const struct plan_at at = maincf_at(m, name ? name : "");
	struct plan *p = m->im->plan;

	for (size_t i = 0; i < p->nsettings && name; i++) {
		const char *section = p->settings[i].section;

		if (strncmp(section, "route ", 6) != 0 || !is_open(p, section))
			continue;
		if (plan_set(p, section, "accept", at, "trusted"))
			plan_note(p, at, "%s: strangers may not send here: if some recipients are "
			    "for them, write accept = anyone into the [route]", name);
	}
}

bool
postfix_clients_probe(const struct maincf *m)
{
	struct slice list, word;

	for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
		list = slice_str(maincf_get(m, lists[i]));
		while ((word = maincf_word(&list)).n)
			if (slice_ieq(word, SL("reject_unverified_recipient")))
				return true;
	}
	return false;
}
