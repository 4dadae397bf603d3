// SPDX-License-Identifier: ISC
/*
 * transport(5): the address, the domain, its parents, and "*" for all that is left.
 */
#include "tools/import/postfix_routes.h"

#include "tools/import/postfix_host.h"
#include "tools/import/postfix_services.h"

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

/* A way by LMTP. */
static void
set_lmtp(const struct maincf *m, const char *section, struct slice hop, struct plan_at at)
{
	struct plan *p = m->im->plan;
	const char *way = lmtp_way(m, hop);

	if (!way || !plan_set(p, section, "via", at, "%s", way)) {
		(void)plan_hold(p, section, at, "lmtp:%.*s is no socket, and no host with a port",
		    (int)(hop.n < 200 ? hop.n : 200), hop.p);
		return;
	}
	if (slice_has_prefix(slice_str(way + strlen("lmtp:")),
	    slice_str(maincf_get(m, "queue_directory"))))
		plan_note(p, at, "%.200s is in the folder of Postfix: let that server listen "
		    "elsewhere, where the user smtp-relay may connect, and write its place into "
		    "via: chapter \"DOVECOT\" of smtp-handler-guide(7)", way + strlen("lmtp:"));
}

/* The name of the client that a transport is, if its name is another one. */
static struct slice
client_of(const struct maincf *m, struct slice transport)
{
	static const struct slice usual[] = { S(""), S("smtp"), S("relay"), S("lmtp") };
	const char *client;

	for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++)
		if (slice_eq(transport, usual[i]))
			return transport;
	client = postfix_services_client(m, transport);
	return client ? slice_str(client) : transport;
}

void
postfix_routes_set_way(const struct maincf *m, const char *section, struct slice value,
    struct plan_at at)
{
	struct plan *p = m->im->plan;
	struct slice hop, transport = slice_cut(value, ':', &hop);
	const char *way = postfix_host_refusal(m, value, "mail for this domain is not taken");

	hop = slice_trim(hop);
	transport = client_of(m, slice_trim(transport));
	if (way && plan_set(p, section, "via", at, "%s", way))
		return;
	if (slice_eq(transport, SL("lmtp"))) {
		set_lmtp(m, section, hop, at);
	} else if (way || (transport.n && !slice_eq(transport, SL("smtp")) &&
	    !slice_eq(transport, SL("relay")))) {
		(void)plan_hold(p, section, at, "%.*s is a transport that only Postfix has",
		    (int)(value.n < 100 ? value.n : 100), value.p);
	} else if (hop.n) {
		postfix_host_set(m, section, SL(""), hop, at);
	} else if (transport.n == 0) {
		postfix_routes_set_default(m, section, at);
	} else if (plan_set(p, section, "via", at, "mx")) {
		postfix_host_set_exchangers(m, section);
	}
}

void
postfix_routes_set_relay(const struct maincf *m, const char *section, struct plan_at at)
{
	const char *host = maincf_get(m, "relayhost");

	if (maincf_is_unknown(m, "relayhost"))
		(void)plan_hold(m->im->plan, section, at, "the value of relayhost is unknown");
	else if (*host)
		postfix_host_set(m, section, SL(""), slice_str(host), at);
	else if (plan_set(m->im->plan, section, "via", at, "mx"))
		postfix_host_set_exchangers(m, section);
}

void
postfix_routes_set_default(const struct maincf *m, const char *section, struct plan_at at)
{
	const char *value = maincf_get(m, "default_transport");
	const char *via = postfix_host_refusal(m, slice_str(value), "mail for other domains is not "
	    "sent");
	struct slice hop, transport = slice_cut(slice_str(value), ':', &hop);

	if (maincf_is_unknown(m, "default_transport"))
		(void)plan_hold(m->im->plan, section, at,
		    "the value of default_transport is unknown");
	else if (via)
		(void)plan_set(m->im->plan, section, "via", at, "%s", via);
	else if (transport.n && !slice_eq(transport, SL("smtp")))
		postfix_routes_set_way(m, section, slice_str(value), at);
	else if (hop.n)
		postfix_host_set(m, section, SL(""), hop, at);
	else
		postfix_routes_set_relay(m, section, at);
}

/* The line of a domain; one that changes nothing counts, too. */
static const struct maincf_line *
find_line(struct plan *p, const struct postfix_rows *rows, struct slice domain)
{
	const struct maincf_line *line = postfix_rows_find(rows, domain);
	const char *dot;

	while (!line && (dot = memchr(domain.p, '.', domain.n)) != NULL) {
		domain = slice_skip(domain, (size_t)(dot - domain.p) + 1);
		line = postfix_rows_find(rows, slice_str(plan_text(p, ".%.*s", (int)domain.n,
		    domain.p)));
	}
	return line ? line : postfix_rows_find(rows, SL("*"));
}

bool
postfix_routes_has_line(const struct maincf *m, const struct postfix_rows *rows,
    struct slice domain)
{
	return find_line(m->im->plan, rows, domain) != NULL;
}

/* The domain of an address; empty if the line is for a domain. */
static struct slice
domain_of(const struct maincf_line *l)
{
	const char *at = l->name.n ? memrchr(l->name.p, '@', l->name.n) : NULL;

	return at ? slice_skip(l->name, (size_t)(at - l->name.p) + 1) : SL("");
}

const struct maincf_line *
postfix_routes_of_addresses(const struct maincf *m, const struct postfix_rows *rows,
    struct slice domain)
{
	const struct maincf_line *first = NULL;

	for (size_t i = 0; i < rows->n; i++) {
		if (!slice_ieq(domain_of(&rows->list[i]), domain))
			continue;
		if (!first)
			first = &rows->list[i];
		if (!slice_eq(rows->list[i].value, first->value))
			return NULL;
	}
	return first && !find_line(m->im->plan, rows, domain) ? first : NULL;
}

/* Does the line change the way of a domain of this host?  Its class may have this transport. */
static bool
changes(const struct maincf_line *line)
{
	return line && line->value.n && line->value.p[0] != ':' &&
	       !slice_eq(line->value, SL("local:")) && !slice_eq(line->value, SL("virtual:"));
}

bool
postfix_routes_has_way(const struct maincf *m, const struct postfix_rows *rows,
    struct slice domain)
{
	return changes(find_line(m->im->plan, rows, domain));
}

bool
postfix_routes_set_by_table(const struct maincf *m, const struct postfix_rows *rows,
    const char *section, struct slice domain)
{
	const struct maincf_line *line = find_line(m->im->plan, rows, domain);

	if (plan_get(m->im->plan, section, "via"))
		return true;
	if (!changes(line))
		return false;
	postfix_routes_set_way(m, section, line->value, (struct plan_at){ line->file, line->line });
	return plan_get(m->im->plan, section, "via") != NULL;
}

/* Strangers may send to a domain of this host, and only to its users.  A route by LMTP is for
 * anyone unless it is set. */
static void
set_clients(const struct maincf *m, const char *section, struct slice domain, struct plan_at at)
{
	static const char *const users[] = { "mydestination", NULL };
	struct plan *p = m->im->plan;
	const char *via = plan_get(p, section, "via");

	if (!via || strncmp(via, "reject:", 7) == 0 || strcmp(via, "discard") == 0)
		return;
	if (postfix_list_has(m, users, domain)) {
		(void)plan_set(p, section, "accept", at, "anyone");
		(void)plan_set(p, section, "recipients", at, "users");
		plan_note(p, at, "the recipients are the users: type  systemctl enable --now "
		    "smtp-users.socket");
	} else if (strncmp(via, "lmtp:", 5) == 0) {
		(void)plan_set(p, section, "accept", at, "trusted");
	}
}

/* Postfix takes the first list that has a domain.  The mail goes on, or ends at this host. */
static const char *const relayed[] = { "relay_domains", NULL };
static const char *const ours[] = {
	"mydestination", "virtual_alias_domains", "virtual_mailbox_domains", NULL
};

static void
set_transport(const struct maincf *m, const struct maincf_line *l, struct plan_at at)
{
	const bool same = l->value.n == 0 || slice_eq(l->value, SL(":"));
	const bool usual = same || l->value.p[0] == ':' || slice_eq(l->value, SL("local:")) ||
	    slice_eq(l->value, SL("virtual:"));
	struct plan *p = m->im->plan;
	const char *section = plan_text(p, "route %.*s", (int)l->name.n, l->name.p);

	if (plan_get(p, section, "via")) {
		plan_note(p, at, "a line above has this domain: this one is left out");
		return;
	}
	if ((same && postfix_list_has(m, relayed, l->name)) ||
	    (usual && postfix_list_has(m, ours, l->name)))
		return;		/* nothing changes: it is the way of that domain anyway */
	postfix_routes_set_way(m, section, l->value, at);
	set_clients(m, section, l->name, at);
}

/* Is it an address of the domain of the line before?  That had the same answer. */
static bool
same_domain(struct slice *last, const struct maincf_line *l)
{
	const struct slice domain = domain_of(l);
	const bool same = slice_ieq(domain, *last);

	*last = domain;
	return same;
}

void
postfix_routes_set_transports(const struct maincf *m, const struct postfix_rows *rows)
{
	struct slice last = SL("");
	size_t addresses = 0;

	if (rows->lacking || rows->all)
		plan_stop(m->im->plan, maincf_at(m, "transport_maps"), "transport_maps has a table "
		    "that cannot be read: write a [route] for each of its domains");
	for (size_t i = 0; i < rows->n; i++) {
		const struct maincf_line *l = &rows->list[i];
		const struct plan_at at = { l->file, l->line };

		if (!memchr(l->name.p, '@', l->name.n))
			set_transport(m, l, at);
		else if (!same_domain(&last, l) && !(postfix_routes_of_addresses(m, rows, last) &&
		    postfix_list_has(m, relayed, last) && !postfix_list_has(m, ours, last)) &&
		    addresses++ == 0)
			plan_stop(m->im->plan, at, "%.*s: is not translated: a [route] is for a "
			    "domain: one address cannot have its own way: give such addresses, "
			    "and those in other lines, a domain of their own",
			    (int)(l->name.n < 100 ? l->name.n : 100), l->name.p);
	}
}
