// SPDX-License-Identifier: ISC
/*
 * transport(5) and relay_domains of Postfix: a [route] for each domain.
 */
#include "tools/import/postfix_routes.h"

#include "tools/import/postfix_host.h"

/* Is it one of the domains of a list? */
static bool
is_listed(const struct maincf *m, const char *list, struct slice domain)
{
	struct slice rest = slice_str(maincf_get(m, list)), word;

	while ((word = maincf_word(&rest)).n)
		if (slice_ieq(word, domain))
			return true;
	return false;
}

/* unix:PATH, inet:HOST:PORT or HOST:PORT.  NULL: it is none of them. */
static const char *
lmtp_way(const struct maincf *m, struct slice hop)
{
	struct plan *p = m->im->plan;
	struct slice host, port;

	if (slice_has_prefix(hop, SL("unix:")))
		return plan_text(p, "lmtp:%s", postfix_host_socket(m, slice_skip(hop, 5)));
	if (slice_has_prefix(hop, SL("inet:")))
		hop = slice_skip(hop, 5);
	if (slice_has_prefix(hop, SL("["))) {
		host = slice_cut(slice_skip(hop, 1), ']', &port);
		if (slice_has_prefix(port, SL(":")))
			port = slice_skip(port, 1);
	} else {
		host = slice_cut(hop, ':', &port);
	}
	if (host.n == 0 || port.n == 0)
		return NULL;
	return plan_text(p, memchr(host.p, ':', host.n) ? "lmtp://[%.*s]:%.*s" : "lmtp://%.*s:%.*s",
	    (int)host.n, host.p, (int)port.n, port.p);
}

/* Set the way of a section.  TRANSPORT:HOP; without both nothing changes, and with a transport
 * alone the mail goes to the exchangers. */
static void
set_way(const struct maincf *m, const char *section, struct slice value, struct plan_at at)
{
	struct plan *p = m->im->plan;
	struct slice hop, transport = slice_cut(value, ':', &hop);
	const char *way = postfix_host_refusal(m, value, "mail for this domain is not taken");

	hop = slice_trim(hop);
	if (slice_eq(transport, SL("lmtp")))
		way = lmtp_way(m, hop);
	if (way) {
		(void)plan_set(p, section, "via", at, "%s", way);
	} else if (transport.n && !slice_eq(transport, SL("smtp")) &&
	    !slice_eq(transport, SL("relay"))) {
		plan_untranslated(p, at, value, "set via in the [route] of the domain");
	} else if (hop.n) {
		postfix_host_set(m, section, SL(""), hop, at);
	} else if (transport.n == 0 && *maincf_get(m, "relayhost")) {
		postfix_host_set(m, section, SL(""), slice_str(maincf_get(m, "relayhost")), at);
	} else if (plan_set(p, section, "via", at, "mx")) {
		postfix_host_set_exchangers(m, section);
	}
}

/* Strangers may send to a domain of this host, and only to its users.  A route by LMTP is for
 * anyone unless it is set. */
static void
set_clients(const struct maincf *m, const char *section, struct slice domain, struct plan_at at)
{
	struct plan *p = m->im->plan;
	const char *via = plan_get(p, section, "via");

	if (!via || strncmp(via, "reject:", 7) == 0 || strcmp(via, "discard") == 0)
		return;
	if (is_listed(m, "mydestination", domain)) {
		(void)plan_set(p, section, "accept", at, "anyone");
		(void)plan_set(p, section, "recipients", at, "users");
		plan_note(p, at, "the recipients are the users: type  systemctl enable --now "
		    "smtp-users.socket");
	} else if (strncmp(via, "lmtp:", 5) == 0) {
		(void)plan_set(p, section, "accept", at, "trusted");
	}
}

static void
set_transport(const struct maincf *m, const struct maincf_line *l, struct plan_at at)
{
	struct plan *p = m->im->plan;
	const char *section = plan_text(p, "route %.*s", (int)l->name.n, l->name.p);

	if (memchr(l->name.p, '@', l->name.n)) {
		plan_untranslated(p, at, l->name, "a [route] is for a domain: one address "
		    "cannot have its own");
		return;
	}
	if (slice_eq(l->value, SL(":")) && is_listed(m, "mydestination", l->name))
		return;		/* nothing changes: the mail is for this host's users */
	if (plan_get(p, section, "via")) {
		plan_note(p, at, "a line above has this domain: this one is left out");
		return;
	}
	set_way(m, section, l->value, at);
	set_clients(m, section, l->name, at);
}

void
postfix_routes_set_transports(const struct maincf *m)
{
	const struct plan_at at = maincf_at(m, "transport_maps");
	struct slice maps = slice_str(maincf_get(m, "transport_maps")), map;
	struct maincf_table table;
	struct maincf_line line;

	while ((map = maincf_word(&maps)).n) {
		if (!maincf_table_open(m, map, at, &table))
			continue;
		while (maincf_table_next(m, &table, &line))
			set_transport(m, &line, (struct plan_at){ table.file, line.line });
	}
}

void
postfix_routes_set_relay_domains(const struct maincf *m)
{
	const struct plan_at at = maincf_at(m, "relay_domains");
	struct slice list = slice_str(maincf_get(m, "relay_domains")), name;
	struct plan *p = m->im->plan;
	const bool some = *maincf_get(m, "relay_recipient_maps") != '\0';
	const char *way = maincf_get(m, "relay_transport");

	if (!*way || strcmp(way, "relay") == 0 || strcmp(way, "smtp") == 0)
		way = ":";	/* to relayhost, if there is one */
	if (some && list.n)
		plan_note(p, maincf_at(m, "relay_recipient_maps"), "strangers may not send to "
		    "relay_domains yet, as all recipients would exist: write accept = anyone and "
		    "recipients into each [route], with a file of the recipients");
	while ((name = maincf_word(&list)).n) {
		const char *via, *section = plan_text(p, "route %.*s", (int)name.n, name.p);

		if (postfix_host_is_no_domain(name)) {
			plan_untranslated(p, at, name, POSTFIX_HOST_DOMAINS);
			continue;
		}
		if (is_listed(m, "mydestination", name))
			continue;
		via = plan_get(p, section, "via");
		if (!via) {
			set_way(m, section, slice_str(way), at);
			via = plan_get(p, section, "via");
		}
		if (via && strncmp(via, "reject:", 7) != 0)
			(void)plan_set(p, section, "accept", at, some ? "trusted" : "anyone");
	}
}
