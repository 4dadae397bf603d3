// SPDX-License-Identifier: ISC
/*
 * Checks that need the whole configuration: settings that do not fit together, files that cannot be
 * read.  They report and go on.
 */
#include "config/check.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/name.h"
#include "base/words.h"
#include "config/dkim.h"
#include "config/pool.h"
#include "config/redis.h"

/* The file is read anew for each message: report now that this cannot work. */
static void
check_file(struct config_loader *l, const char *what, const char *path, struct place at)
{
	struct stat st = { 0 };
	int error = 0, fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);

	if (fd < 0 || fstat(fd, &st) < 0)
		error = errno;
	if (fd >= 0)
		(void)close(fd);
	if (error)
		settings_error(&l->settings, at, "%s = %s: cannot read it: %s", what, path,
		    strerror(error));
	else if (!S_ISREG(st.st_mode))
		settings_error(&l->settings, at, "%s = %s: it is not a regular file", what, path);
}

static bool
is_here(const char *host)
{
	struct sockaddr_storage ss;
	socklen_t len;

	return strcmp(host, "localhost") == 0 ||
	       (address_parse(slice_str(host), 0, &ss, &len) && address_is_loopback(&ss));
}

/* Does a password stay on this machine, or inside TLS with a verified certificate?  SRV records may
 * name any host, which has a certificate for its name. */
static bool
is_private(const struct config *c, const struct route *r)
{
	const enum relay_tls tls = r->tls == RELAY_TLS_UNSET ? c->relay.tls : r->tls;

	for (size_t i = 0; i < r->nhosts; i++)
		if (!is_here(r->hosts[i].name) && (route_host_is_service(&r->hosts[i]) ||
		    (r->scheme == SCHEME_ANY && tls != RELAY_TLS_REQUIRE)))
			return false;
	return true;
}

/* A login needs a name, one secret, and a host that takes them. */
static void
check_login(struct config_loader *l, const struct route *r, const struct route_places *places)
{
	const struct place *at = places->keys;
	const char *section = r->by_sender ? "sender" : "route";
	/* After an error a key may be missing only because its value was refused. */
	const bool refused = l->settings.errors > 0;
	const bool secret = r->password_file || r->token_command;

	if (r->user && !secret &&
	    !(refused && (at[ROUTE_PASSWORD_FILE].source || at[ROUTE_TOKEN_COMMAND].source)))
		settings_error(&l->settings, at[ROUTE_USER],
		    "[%s %s] user: has no password: set password-file or token-command", section,
		    r->pattern);
	if (r->password_file && r->token_command)
		settings_error(&l->settings, at[ROUTE_TOKEN_COMMAND],
		    "[%s %s] token-command: there is a password-file too: remove one", section,
		    r->pattern);
	if (!r->user && secret && !(refused && at[ROUTE_USER].source))
		settings_error(&l->settings,
		    at[r->password_file ? ROUTE_PASSWORD_FILE : ROUTE_TOKEN_COMMAND],
		    "[%s %s] has a password but no user: set user", section,
		    r->pattern);
	if (!r->user || refused || !at[ROUTE_VIA].source)
		return;
	if (!way_of(r->via)->login)
		settings_error(&l->settings, at[ROUTE_USER],
		    "[%s %s] user: this via has no host to log in to: "
		    "set via = smtps://HOST or smtp+starttls://HOST",
		    section, r->pattern);
	else if (!is_private(l->c, r))
		settings_error(&l->settings, at[ROUTE_USER],
		    "[%s %s] user: the password would travel unencrypted: "
		    "set via = smtps://HOST or smtp+starttls://HOST",
		    section, r->pattern);
}

/* `tls` needs a host, and a form of `via` that does not demand TLS already. */
static void
check_route_tls(struct config_loader *l, const struct route *r, const struct route_places *places)
{
	const bool hosts = way_has_hosts(r);

	if (!r->tls || !places->keys[ROUTE_VIA].source || (hosts && r->scheme == SCHEME_ANY))
		return;
	settings_error(&l->settings, places->keys[ROUTE_TLS], "[%s %s] tls: %s: remove the line",
	    r->by_sender ? "sender" : "route", r->pattern,
	    hosts ? "smtps:// and smtp+starttls:// demand TLS already" : "this via has no host");
}

/* An order needs several hosts, as SRV records may name. */
static void
check_host_order(struct config_loader *l, const struct route *r, const struct route_places *places)
{
	if (!places->keys[ROUTE_HOST_ORDER].source || !places->keys[ROUTE_VIA].source ||
	    r->nhosts > 1 || route_has_services(r))
		return;
	settings_error(&l->settings, places->keys[ROUTE_HOST_ORDER],
	    "[%s %s] host-order: this via names fewer than two hosts: remove the line",
	    r->by_sender ? "sender" : "route", r->pattern);
}

/* Only a Maildir of ours has folders. */
static void
check_junk_folder(struct config_loader *l, const struct route *r, const struct route_places *places)
{
	if (r->junk_folder && r->via != VIA_MAILDIR && r->via != VIA_OWNER)
		settings_error(&l->settings, places->keys[ROUTE_JUNK_FOLDER],
		    "[route %s] junk-folder: this via has no folders: remove the line, or set "
		    "via = maildir:PATH", r->pattern);
}

/* A route by users needs the programs that know them. */
static void
check_helpers(struct config_loader *l, const struct route *r, const struct route_places *places)
{
	if (r->users && !l->c->server.users_socket)
		settings_error(&l->settings, places->keys[ROUTE_RECIPIENTS],
		    "[route %s] recipients = users: set [server] users-socket to the socket of "
		    "smtp-maildir --users", r->pattern);
	if (r->via == VIA_OWNER && !l->c->relay.maildir_socket)
		settings_error(&l->settings, places->keys[ROUTE_VIA],
		    "[route %s] via: set [relay] maildir-socket to the socket of smtp-maildir",
		    r->pattern);
}

static void
check_routes(struct config_loader *l)
{
	struct config *c = l->c;

	for (size_t i = 0; i < c->nroutes; i++) {
		struct route *r = &c->routes[i];
		const struct route_places *places = &l->routes[i];

		if (!places->keys[ROUTE_VIA].source)
			settings_error(&l->settings, places->section,
			    "[%s %s]: has no via: add one, like via = mx",
			    r->by_sender ? "sender" : "route", r->pattern);
		check_login(l, r, places);
		check_route_tls(l, r, places);
		check_host_order(l, r, places);
		check_helpers(l, r, places);
		check_junk_folder(l, r, places);
		if (r->recipients)
			check_file(l, "recipients", r->recipients, places->keys[ROUTE_RECIPIENTS]);
		if (r->verp && !r->aliases)
			settings_error(&l->settings, places->keys[ROUTE_VERP],
			    "[route %s] verp: has no aliases, so there are no lists", r->pattern);
		if (r->aliases && strcmp(r->pattern, "*") == 0)
			settings_error(&l->settings, places->keys[ROUTE_ALIASES],
			    "[route *] aliases: they would redirect mail of other people's "
			    "domains: write them into the route of your own domain");
		else if (r->aliases)
			check_file(l, "aliases", r->aliases, places->keys[ROUTE_ALIASES]);
		route_settle(r);
	}
}

static void
check_dkim(struct config_loader *l)
{
	for (size_t i = 0; i < l->c->ndkim; i++) {
		const struct dkim_places *places = &l->dkim[i];
		const char *mistake = dkim_mistake(&l->c->dkim[i]);

		/* After an error a key may be missing only because its value was refused. */
		if (mistake && l->settings.errors == 0)
			settings_error(&l->settings, places->section, "[dkim %s]: %s",
			    l->c->dkim[i].name, mistake);
	}
}

static void
check_retries(struct config_loader *l)
{
	struct place min = l->keys[keys_find(SL("queue"), SL("retry-min"))];
	struct place max = l->keys[keys_find(SL("queue"), SL("retry-max"))];

	if (l->c->queue.retry_min_s > l->c->queue.retry_max_s)
		settings_error(&l->settings, max.source > min.source ? max : min,
		    "[queue] retry-min (%llus) is more than retry-max (%llus): set both",
		    (unsigned long long)l->c->queue.retry_min_s,
		    (unsigned long long)l->c->queue.retry_max_s);
}

/* A term is for renewals, and for the clients of a file system to see them. */
#define LEASE_MIN_MS 1000

static void
check_lease(struct config_loader *l)
{
	const uint64_t lease_ms = l->c->queue.lease_ms;

	if (lease_ms && lease_ms < LEASE_MIN_MS)
		settings_error(&l->settings, l->keys[keys_find(SL("queue"), SL("lease"))],
		    "[queue] lease must be 0 or from 1s to 3600s");
}

static size_t
count_words(const char *text)
{
	struct slice rest = slice_str(text);
	size_t n = 0;

	while (words_next(&rest).n)
		n++;
	return n;
}

static void
check_tls(struct config_loader *l)
{
	const struct config *c = l->c;
	const size_t certificates = count_words(c->server.tls_certificate);
	const size_t keys = count_words(c->server.tls_key);

	if (certificates == 0 && c->server.tls != SERVER_TLS_OFF)
		settings_error(&l->settings, l->keys[keys_find(SL("server"), SL("tls"))],
		    "[server] tls: needs a certificate: set tls-certificate, and tls-key unless "
		    "the key is in the same file");
	if (keys && keys != certificates)
		settings_error(&l->settings, l->keys[keys_find(SL("server"), SL("tls-key"))],
		    "[server] tls-key: names %zu files, tls-certificate %zu: each certificate "
		    "needs its key",
		    keys, certificates);
}

static void
add_word(struct buf *b, struct slice word)
{
	if (b->n)
		buf_chr(b, ' ');
	buf_add(b, word);
}

/* One program makes the addresses, the other one checks them: neither can do without the other. */
static void
check_srs(struct config_loader *l)
{
	const struct config *c = l->c;
	const char *const secrets[] = { c->server.srs_secret, c->relay.srs_secret };
	static const char *const sections[] = { "server", "relay" };

	for (size_t i = 0; i < 2; i++) {
		const struct place at = l->keys[keys_find(slice_str(sections[i]),
		    SL("srs-secret"))];

		if (count_words(secrets[i]) > 1)
			settings_error(&l->settings, at, "[%s] srs-secret: write one name: the "
			    "file may have two secrets, each on its own line", sections[i]);
		else if (c->relay.srs_domain && !secrets[i])
			settings_error(&l->settings, l->keys[keys_find(SL("relay"),
			    SL("srs-domain"))], "[relay] srs-domain: set [%s] srs-secret too, to a "
			    "file that the user of smtp-%s can read", sections[i],
			    i == 0 ? "handler" : "relay");
		else if (!c->relay.srs_domain && secrets[i])
			settings_error(&l->settings, at,
			    "[%s] srs-secret: set [relay] srs-domain too", sections[i]);
	}
	if (c->relay.srs_domain && c->relay.srs_domain[0] == '[')
		settings_error(&l->settings, l->keys[keys_find(SL("relay"), SL("srs-domain"))],
		    "[relay] srs-domain: write a domain, not an address");
}

/* Append the network to one of two lists: is it one of balancers? */
static bool
sort_network(const struct cidr *net, const struct network_list *balancers, struct buf *both,
    struct buf *rest)
{
	char space[80];
	struct buf text = BUF(space);
	bool found = false;

	for (size_t i = 0; i < balancers->n && !found; i++)
		found = cidr_overlap(net, &balancers->list[i]);
	cidr_text(&text, net);
	add_word(found ? both : rest, buf_slice(&text));
	return found;
}

/* The start of the advice about a line of which `rest` is left.  A long line is never cut. */
static const char *
cure(const struct buf *rest)
{
	if (rest->full)
		return "remove these networks";
	return rest->n ? "write trusted = " : "write the line without a value: trusted =";
}

/* A client that a balancer does not name counts as the balancer itself. */
static void
check_balancers(struct config_loader *l)
{
	const struct network_list *trusted = &l->c->server.trusted;
	const struct network_list *balancers = &l->c->server.proxy_trusted;
	const struct place written = l->keys[keys_find(SL("server"), SL("trusted"))];
	const struct place at = l->keys[keys_find(SL("server"), SL("proxy-trusted"))];
	char both_space[200], rest_space[300];
	struct buf both = BUF(both_space), rest = BUF(rest_space);
	bool found = trusted->local && balancers->local;

	for (size_t i = 0; i < trusted->n; i++)
		found |= sort_network(&trusted->list[i], balancers, &both, &rest);
	if (trusted->local)
		add_word(balancers->local ? &both : &rest, SL("local"));
	if (found)
		settings_error(&l->settings, written.source ? written : at,
		    "[server] trusted: has balancers of proxy-trusted (%.*s%s), so clients that "
		    "they do not name would be trusted: %s%.*s, and add no network with a "
		    "balancer",
		    (int)both.n, both.p, both.full ? " ..." : "", cure(&rest),
		    rest.full ? 0 : (int)rest.n, rest.p);
}

/* Receivers of reports take only signed ones (RFC 9990 section 3.5.2, RFC 8460 section 3). */
static void
check_reports(struct config_loader *l)
{
	const struct slice contact = slice_str(l->c->reports.contact);
	const struct place at = l->keys[keys_find(SL("reports"), SL("contact"))];
	struct slice domain;
	const struct slice local = slice_cut(contact, '@', &domain);

	if (!contact.n)
		return;
	if (!local.n || !name_is_fqdn(domain) || strpbrk(contact.p, " \t\"<>(),:;[]\\"))
		settings_error(&l->settings, at, "[reports] contact: write one address, such as "
		    "reports@example.org");
	else if (!dkim_domain_of(l->c, domain))
		settings_error(&l->settings, at, "[reports] contact: reports must be signed: add a "
		    "section [dkim %.*s]", (int)domain.n, domain.p);
}

static void
check_shared(struct config_loader *l)
{
	const struct config *c = l->c;

	if (c->shared.prefix && strlen(c->shared.prefix) > REDIS_PREFIX_MAX)
		settings_error(&l->settings, l->keys[keys_find(SL("shared"), SL("prefix"))],
		    "[shared] prefix: write at most 64 characters");
	if (c->shared.user && !c->shared.password_file)
		settings_error(&l->settings, l->keys[keys_find(SL("shared"), SL("user"))],
		    "[shared] user: has no password: set password-file");
}

void
config_check(struct config_loader *l)
{
	struct config *c = l->c;
	char text[NAME_MAX_OCTETS + 1];
	struct buf name = BUF(text);

	check_routes(l);
	check_dkim(l);
	check_reports(l);
	check_shared(l);
	check_retries(l);
	check_lease(l);
	if (c->server.proxy_protocol && c->server.proxy_trusted.n == 0 &&
	    !c->server.proxy_trusted.local)
		settings_error(&l->settings, l->keys[keys_find(SL("server"), SL("proxy-protocol"))],
		    "[server] proxy-protocol = on: no balancer is trusted: write the balancers' "
		    "addresses into proxy-trusted");
	check_balancers(l);
	check_tls(l);
	check_srs(l);
	if (c->server.senders)
		check_file(l, "[server] senders", c->server.senders,
		    l->keys[keys_find(SL("server"), SL("senders"))]);
	if (c->server.masquerade)
		check_file(l, "[server] masquerade", c->server.masquerade,
		    l->keys[keys_find(SL("server"), SL("masquerade"))]);
	if (c->server.auth_senders)
		check_file(l, "[server] auth-senders", c->server.auth_senders,
		    l->keys[keys_find(SL("server"), SL("auth-senders"))]);
	if (!c->server.hostname && name_of_host(&name)) {
		c->server.hostname = pool_copy(buf_slice(&name));
		if (!c->server.hostname)
			settings_error(&l->settings, (struct place){ 0 }, "out of memory");
	}
}
