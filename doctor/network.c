// SPDX-License-Identifier: ISC
/*
 * Checks of how other hosts see this one: names, name servers, port 25, certificates, records of
 * domains.  And of mail for root, whose way may need the DNS too.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/name.h"
#include "base/words.h"
#include "client/credential.h"
#include "client/dkim_zone.h"
#include "client/exchangers.h"
#include "client/greet.h"
#include "config/secret.h"
#include "dns/probe.h"
#include "dns/validator.h"
#include "doctor/judge.h"
#include "explain/explain.h"
#include "net/dial.h"
#include "net/tls_inspect.h"

#define PROBE_MS      1500	/* for one reply of a name server */
#define PORT_MS       5000	/* to reach any of some exchangers */
#define ADDRESSES_MAX 16
#define PAIRS_MAX     8		/* keys of DKIM that are looked up */
#define DOMAINS_MAX   5		/* of ours whose records are looked up */

/* Are messages for strangers' domains sent to their exchangers, and not to a smarthost? */
static bool
sends_itself(const struct doctor *d)
{
	const struct route *route = config_route(d->config, SL("gmail.com"));

	return way_of(route->via)->by_domain;
}

/* ---- the name of this machine ---- */

static void
check_name(struct doctor *d)
{
	const char *name = d->config->server.hostname;
	const struct verdict v = judge_name(slice_str(name));

	if (v.state == DOCTOR_OK)
		doctor_report(d, v.state, NULL, "%s", name);
	else
		doctor_report(d, v.state, NULL, "%s: %s", name, v.why);
}

/* The addresses of our name in the DNS.  Returns their number.  *ret_why is the result for people,
 * *ret_sure is false if no name server has replied. */
static size_t
find_addresses(const struct doctor *d, struct sockaddr_storage ret[ADDRESSES_MAX],
    const char **ret_why, bool *ret_sure)
{
	struct dns_question q[2] = {
		{ .name = d->config->server.hostname, .type = DNS_A },
		{ .name = d->config->server.hostname, .type = DNS_AAAA },
	};
	size_t n = 0;

	dns_ask(d->resolver, q, 2);
	*ret_why = dns_question_text(&q[0]);
	*ret_sure = q[0].status != DNS_TIMEOUT && q[0].status != DNS_SERVFAIL;
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < q[i].nrecords && n < ADDRESSES_MAX; k++)
			ret[n++] = q[i].records[k].address;
		dns_question_done(&q[i]);
	}
	return n;
}

/* The public address from which mail leaves, for one family.  The kernel chooses it for a name
 * server of the root; no packet is sent. */
static bool
find_source(int family, struct sockaddr_storage *ret)
{
	const char *far = family == AF_INET ? "198.41.0.4:53" : "[2001:503:ba3e::2:30]:53";
	socklen_t len;
	bool found;
	int fd;

	if (!address_parse(slice_str(far), 53, ret, &len))
		return false;
	fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	found = fd >= 0 && connect(fd, (const struct sockaddr *)ret, len) == 0;
	len = sizeof *ret;
	found = found && getsockname(fd, (struct sockaddr *)ret, &len) == 0 &&
	    judge_public((const struct sockaddr *)ret);
	if (fd >= 0)
		(void)close(fd);
	return found;
}

static bool
same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	char text[2][64];
	struct buf x = BUF(text[0]), y = BUF(text[1]);

	address_text(&x, (const struct sockaddr *)a);
	address_text(&y, (const struct sockaddr *)b);
	return slice_eq(buf_slice(&x), buf_slice(&y));
}

static bool
has_address(const struct sockaddr_storage *list, size_t n, const struct sockaddr_storage *wanted)
{
	for (size_t i = 0; i < n; i++)
		if (same_address(&list[i], wanted))
			return true;
	return false;
}

static void
check_address(struct doctor *d)
{
	const char *name = d->config->server.hostname, *why = "";
	struct sockaddr_storage list[ADDRESSES_MAX], source;
	bool other = false, sure = true;
	const size_t n = name_is_fqdn(slice_str(name)) ? find_addresses(d, list, &why, &sure) : 0;
	static const int families[] = { AF_INET, AF_INET6 };
	char space[64], fix[DOCTOR_TEXT_MAX];

	if (!name_is_fqdn(slice_str(name))) {
		doctor_report(d, DOCTOR_SKIPPED, NULL, "there is no name to look up");
		return;
	}
	if (n == 0 && !sure) {
		doctor_report(d, DOCTOR_WARNING, "see the check resolver", "%s: %s", name, why);
		return;
	}
	if (n == 0) {
		(void)snprintf(fix, sizeof fix,
		    "add an A record, and an AAAA record for IPv6, to the DNS zone of %s", name);
		doctor_report(d, DOCTOR_FAULT, fix, "%s has no address: %s", name, why);
		return;
	}
	for (size_t i = 0; i < 2; i++) {
		struct buf b = BUF(space);

		if (!sends_itself(d) || !find_source(families[i], &source) ||
		    has_address(list, n, &source))
			continue;
		address_text(&b, (const struct sockaddr *)&source);
		(void)snprintf(fix, sizeof fix, "%s. %s %s", name, i ? "AAAA" : "A", buf_cstr(&b));
		doctor_report(d, DOCTOR_FAULT, fix, "mail leaves from %s, which is not %s", space,
		    name);
		other = true;
	}
	for (size_t i = 0; i < n && !other; i++) {
		struct buf b = BUF(space);

		address_text(&b, (const struct sockaddr *)&list[i]);
		doctor_report(d, DOCTOR_OK, NULL, "%s has %s", name, buf_cstr(&b));
	}
}

static void
check_one_reverse(struct doctor *d, const struct sockaddr_storage *address)
{
	static struct dns_probe p;
	const char *name = d->config->server.hostname;
	char space[64], reverse[80], fix[DOCTOR_TEXT_MAX];
	struct buf text = BUF(space), b = BUF(reverse);
	const enum doctor_state bad = sends_itself(d) ? DOCTOR_FAULT : DOCTOR_WARNING;

	address_text(&text, (const struct sockaddr *)address);
	(void)buf_cstr(&text);
	dns_reverse_name(&b, (const struct sockaddr *)address);
	p = (struct dns_probe){
		.name = buf_cstr(&b), .type = DNS_PROBE_PTR, .timeout_ms = PROBE_MS,
	};
	dns_probe_any(d->resolver, &p);
	(void)snprintf(fix, sizeof fix,
	    "ask the provider of %s to set its reverse name (PTR) to %s", space, name);
	for (size_t i = 0; i < p.n; i++)
		if (slice_ieq(slice_str(p.texts[i]), slice_str(name))) {
			doctor_report(d, DOCTOR_OK, NULL, "%s has the name %s", space, name);
			return;
		}
	if (p.rcode < 0 || (p.rcode != 0 && p.rcode != 3))
		doctor_report(d, DOCTOR_WARNING, "see the check resolver",
		    "%s: no name server gives its name", space);
	else if (p.n == 0)
		doctor_report(d, bad, fix, "%s has no name", space);
	else
		doctor_report(d, bad, fix, "%s has the name %s, not %s", space, p.texts[0], name);
}

static void
check_reverse(struct doctor *d)
{
	struct sockaddr_storage list[ADDRESSES_MAX + 2];
	const char *why;
	bool sure;
	size_t n = 0;

	if (name_is_fqdn(slice_str(d->config->server.hostname)))
		n = find_addresses(d, list, &why, &sure);
	if (find_source(AF_INET, &list[n]) && !has_address(list, n, &list[n]))
		n++;
	if (find_source(AF_INET6, &list[n]) && !has_address(list, n, &list[n]))
		n++;
	if (n == 0)
		doctor_report(d, DOCTOR_SKIPPED, NULL, "no public address is known");
	for (size_t i = 0; i < n && i < 4; i++)
		check_one_reverse(d, &list[i]);
}

/* ---- name servers ---- */

static void
server_text(const struct doctor *d, size_t i, struct buf *b)
{
	address_text(b, (const struct sockaddr *)&d->resolver->servers[i]);
	(void)buf_cstr(b);
}

static const char *
probe_name(const struct doctor *d)
{
	const char *name = d->config->server.hostname;

	return name_is_fqdn(slice_str(name)) ? name : "org";
}

/* Ask a name server, twice if it is silent.  The rest of *p is set. */
static void
ask_server(const struct doctor *d, size_t server, struct dns_probe *p)
{
	p->timeout_ms = PROBE_MS;
	dns_probe(d->resolver, server, p);
	if (p->rcode < 0)
		dns_probe(d->resolver, server, p);
}

static void
check_resolver(struct doctor *d)
{
	static struct dns_probe p;

	for (size_t i = 0; i < d->resolver->nservers && i < 3; i++) {
		char space[64];
		struct buf b = BUF(space);

		server_text(d, i, &b);
		p = (struct dns_probe){ .name = probe_name(d), .type = DNS_PROBE_TXT };
		ask_server(d, i, &p);
		if (p.rcode < 0)
			doctor_report(d, DOCTOR_FAULT, NULL, "%s does not answer: %s", space,
			    strerror(-p.rcode));
		else if (p.rcode != 0 && p.rcode != 3)
			doctor_report(d, DOCTOR_FAULT, NULL, "%s refuses to answer (code %d)",
			    space, p.rcode);
		else if (!p.edns)
			doctor_report(d, DOCTOR_WARNING, NULL, "%s does not know EDNS", space);
		else
			doctor_report(d, DOCTOR_OK, NULL, "%s answers, with EDNS", space);
	}
}

static void
check_resolver_tcp(struct doctor *d)
{
	static struct dns_probe p;

	for (size_t i = 0; i < d->resolver->nservers && i < 3; i++) {
		char space[64];
		struct buf b = BUF(space);

		server_text(d, i, &b);
		p = (struct dns_probe){
			.name = probe_name(d), .type = DNS_PROBE_TXT, .tcp = true,
		};
		ask_server(d, i, &p);
		if (p.rcode < 0)
			doctor_report(d, DOCTOR_FAULT, NULL, "%s does not answer over TCP: %s",
			    space, strerror(-p.rcode));
		else
			doctor_report(d, DOCTOR_OK, NULL, "%s answers over TCP", space);
	}
}

/* The name servers must validate, as their word counts. */
static void
check_ad(struct doctor *d)
{
	static struct dns_probe p;
	char space[64];

	for (size_t i = 0; i < d->resolver->nservers && i < 3; i++) {
		struct buf b = BUF(space);

		server_text(d, i, &b);
		p = (struct dns_probe){ .name = "org", .type = DNS_PROBE_SOA };
		ask_server(d, i, &p);
		if (p.rcode == 0 && p.validated)
			doctor_report(d, DOCTOR_OK, NULL, "%s validates", space);
		else
			doctor_report(d, DOCTOR_WARNING, NULL,
			    "%s does not validate: forged answers can redirect mail", space);
	}
}

static void
check_dnssec(struct doctor *d)
{
	const char *anchor = d->config->relay.dnssec_anchor;
	struct validator v = { .resolver = d->resolver, .anchor = anchor };
	struct validator_news news = { .works = false, .why = "its process has ended" };

	if (d->config->relay.dnssec == RELAY_DNSSEC_TRUST_AD) {
		check_ad(d);
		return;
	}
	if (d->config->relay.dnssec == RELAY_DNSSEC_OFF) {
		doctor_report(d, DOCTOR_SKIPPED, NULL, "[relay] dnssec = off");
		return;
	}
	if (validator_link(&v) > 0)
		(void)validator_await(&v, &news);
	if (news.works)
		doctor_report(d, DOCTOR_OK, NULL, "answers are validated with the keys in %s",
		    anchor);
	else
		doctor_report(d, DOCTOR_WARNING, strstr(news.why, "expired") ||
		    strstr(news.why, "not yet") ? "set the clock: timedatectl set-ntp true" :
		    access(anchor, R_OK) < 0 || strstr(news.why, "installed") ?
		    "apt install libunbound8 dns-root-data" : NULL,
		    "nothing can be validated, so forged answers can redirect mail: %s", news.why);
}

/* ---- port 25 ---- */

/* Add the addresses of the exchangers of a domain, or of the smarthost. */
static size_t
add_exchangers(const struct doctor *d, const struct route *route, const char *domain,
    struct dial_target *targets, size_t n)
{
	static struct hosts hosts;
	const struct delivery delivery = {
		.config = d->config, .route = route, .resolver = d->resolver, .hosts = &hosts,
		.destination = way_of(route->via)->by_domain ? domain : route->via_text,
	};
	size_t of_one = 0;
	struct mx_list mx;

	exchangers_find(&delivery, &mx);
	for (size_t i = 0; i < mx.n; i++)
		for (size_t k = 0; k < mx.exchangers[i].naddresses; k++) {
			const struct sockaddr_storage *to = &mx.exchangers[i].addresses[k];

			if (n == DIAL_MAX || ++of_one > DIAL_MAX / 3)
				break;
			targets[n++] = (struct dial_target){
				.address = *to, .address_len = address_len(to->ss_family),
			};
		}
	mx_list_done(&mx);
	return n;
}

static void
report_port(struct doctor *d, const struct route *route, const struct dial_target *targets,
    size_t n, int winner)
{
	const bool itself = way_of(route->via)->by_domain;
	char space[64];
	struct buf b = BUF(space);
	bool silent = true;

	if (winner >= 0) {
		address_text(&b, (const struct sockaddr *)&targets[winner].address);
		doctor_report(d, DOCTOR_OK, NULL, "%s greets", buf_cstr(&b));
		return;
	}
	for (size_t i = 0; i < n; i++)
		silent &= targets[i].error == ETIMEDOUT || targets[i].error == 0;
	if (itself && silent)
		doctor_report(d, DOCTOR_FAULT, NULL,
		    "no exchanger answers: somebody drops what leaves for this port");
	else if (itself)
		doctor_report(d, DOCTOR_FAULT, NULL, "no exchanger can be reached: %s",
		    strerror(targets[0].error));
	else
		doctor_report(d, DOCTOR_FAULT,
		    "compare via in the configuration with what the provider writes",
		    "%s cannot be reached: %s", route->via_text,
		    silent ? "it does not answer" : strerror(targets[0].error));
}

static void
check_port(struct doctor *d)
{
	static const char *const domains[] = { "gmail.com", "outlook.com", "yahoo.com" };
	const struct route *route = config_route(d->config, SL("gmail.com"));
	struct dial_target targets[DIAL_MAX];
	const struct dial_options options = {
		.connect_timeout_ms = PORT_MS, .first_timeout_ms = PORT_MS,
		.silent = route->scheme == SCHEME_IMPLICIT,
		.bind = d->config->relay.bind.list, .nbind = d->config->relay.bind.n,
	};
	size_t n = 0;
	int winner;

	if (!way_has_hosts(route)) {
		doctor_report(d, DOCTOR_SKIPPED, NULL, "no mail leaves this machine (via %s)",
		    route->via_text);
		return;
	}
	for (size_t i = 0; i < 3 && (i == 0 || way_of(route->via)->by_domain); i++)
		n = add_exchangers(d, route, domains[i], targets, n);
	if (n == 0) {
		doctor_report(d, DOCTOR_WARNING, "see the check resolver",
		    "no exchanger of gmail.com, outlook.com or yahoo.com is in the DNS");
		return;
	}
	winner = dial_race(targets, n, &options, "QUIT\r\n");
	report_port(d, route, targets, n, winner);
	if (winner >= 0) {
		if (!options.silent)
			(void)!write(targets[winner].fd, "QUIT\r\n", 6);
		(void)close(targets[winner].fd);
	}
}

/* ---- certificates ---- */

static void
judge_pair(struct doctor *d, const struct tls_pair *pair)
{
	const char *name = d->config->server.hostname;
	struct tls_inspection t;
	char space[600], date[40], fix[DOCTOR_TEXT_MAX];
	struct buf why = BUF(space), until = BUF(date);
	struct verdict v;

	if (tls_inspect(pair, name, d->config->relay.tls_ca_file, &t, &why) < 0) {
		(void)snprintf(fix, sizeof fix, "chown %s %.150s; chmod 400 %.150s",
		    geteuid() == 0 ? "root" : "smtp-handler", pair->key, pair->key);
		doctor_report(d, DOCTOR_FAULT, fix, "%.380s", buf_cstr(&why));
		return;
	}
	clock_stamp(&until, t.until_s);
	v = judge_dates(clock_wall_s(), t.from_s, t.until_s);
	if (v.state != DOCTOR_OK)
		doctor_report(d, v.state, NULL, "%s: %s (until %s)", pair->chain, v.why,
		    buf_cstr(&until));
	if (!t.named) {
		(void)snprintf(fix, sizeof fix, "certbot certonly -d %s", name);
		doctor_report(d, DOCTOR_FAULT, fix, "%s: it is not for the name %s", pair->chain,
		    name);
	}
	if (t.own)
		doctor_report(d, DOCTOR_WARNING, NULL,
		    "%s: it has signed itself, so nobody can verify it", pair->chain);
	else if (!t.trusted)
		doctor_report(d, DOCTOR_FAULT,
		    "append the certificates of the authority to this file (fullchain.pem)",
		    "%s: the chain is broken: %s", pair->chain, t.fault);
	if (v.state == DOCTOR_OK && t.named && t.trusted)
		doctor_report(d, DOCTOR_OK, NULL, "%s: valid until %s", pair->chain,
		    buf_cstr(&until));
}

static void
check_certificate(struct doctor *d)
{
	struct slice chains = slice_str(d->config->server.tls_certificate);
	struct slice keys = slice_str(d->config->server.tls_key), chain, key;

	if (d->config->server.tls == SERVER_TLS_OFF || chains.n == 0) {
		doctor_report(d, DOCTOR_SKIPPED, NULL, "no TLS is offered: [server] tls is off");
		return;
	}
	while ((chain = words_next(&chains)).n) {
		char chain_space[1024], key_space[1024];
		struct buf a = BUF(chain_space), b = BUF(key_space);

		key = words_next(&keys);
		if (secret_path(&a, chain) < 0 || secret_path(&b, key.n ? key : chain) < 0)
			doctor_report(d, DOCTOR_SKIPPED, NULL,
			    "%.*s is a credential; see the check credentials", (int)chain.n,
			    chain.p);
		else
			judge_pair(d, &(struct tls_pair){ buf_cstr(&a), buf_cstr(&b) });
	}
}

/* The pair that the units of submission get as credentials, from a folder beside the configuration.
 * It is root's. */
static void
check_credentials(struct doctor *d)
{
	const char *file = d->options->config_file ? d->options->config_file : CONFIG_DEFAULT_FILE;
	const char *slash = strrchr(file, '/');
	char chain[4096], key[4096];

	(void)snprintf(chain, sizeof chain, "%.*s/tls/certificate.pem",
	    slash ? (int)(slash - file) : 1, slash ? file : ".");
	(void)snprintf(key, sizeof key, "%.*s/tls/key.pem", slash ? (int)(slash - file) : 1,
	    slash ? file : ".");
	if (access(chain, F_OK) < 0 && errno == ENOENT)
		doctor_report(d, DOCTOR_SKIPPED, NULL, "there is no %s", chain);
	else if (d->caller != 0 && access(key, R_OK) < 0)
		doctor_report(d, DOCTOR_SKIPPED, NULL, "only root can check %s", key);
	else
		judge_pair(d, &(struct tls_pair){ chain, key });
}

/* ---- records of our domains ---- */

/* The texts of a name.  0; or an RCODE, or -errno. */
static int
find_texts(const struct doctor *d, const char *prefix, const char *domain, struct dns_probe *p,
    struct slice texts[DNS_PROBE_TEXTS])
{
	char name[DNS_NAME_MAX * 2];

	(void)snprintf(name, sizeof name, "%s%s", prefix, domain);
	*p = (struct dns_probe){ .name = name, .type = DNS_PROBE_TXT, .timeout_ms = PROBE_MS };
	dns_probe_any(d->resolver, p);
	p->name = NULL;
	for (size_t i = 0; i < p->n; i++)
		texts[i] = slice_str(p->texts[i]);
	return p->rcode;
}

/* Do something for each domain that receives mail here. */
static void
each_domain(struct doctor *d, void (*check)(struct doctor *d, const char *domain))
{
	size_t n = 0;

	for (size_t i = 0; i < d->config->nroutes; i++) {
		const struct route *r = &d->config->routes[i];

		if (r->by_sender || !name_is_fqdn(slice_str(r->pattern)) ||
		    r->accept != ACCEPT_ANYONE || ++n > DOMAINS_MAX)
			continue;
		check(d, r->pattern);
	}
	if (n == 0)
		doctor_report(d, DOCTOR_SKIPPED, NULL, "no route is for a domain of ours");
}

static bool
report_lookup(struct doctor *d, const char *domain, int rcode)
{
	if (rcode == 0 || rcode == 3)
		return true;
	doctor_report(d, DOCTOR_WARNING, "see the check resolver", "%s: no name server answers",
	    domain);
	return false;
}

static void
report_record(struct doctor *d, const char *domain, struct verdict v, const char *fix)
{
	if (v.state == DOCTOR_OK)
		doctor_report(d, v.state, NULL, "%s", domain);
	else
		doctor_report(d, v.state, fix, "%s: %s", domain, v.why);
}

static void
check_domain_spf(struct doctor *d, const char *domain)
{
	static struct dns_probe p;
	struct slice texts[DNS_PROBE_TEXTS];
	char fix[DOCTOR_TEXT_MAX];

	if (!report_lookup(d, domain, find_texts(d, "", domain, &p, texts)))
		return;
	(void)snprintf(fix, sizeof fix, "%s. TXT \"v=spf1 mx a:%s -all\"", domain,
	    d->config->server.hostname);
	report_record(d, domain, judge_spf(texts, p.n), fix);
}

static void
check_domain_dmarc(struct doctor *d, const char *domain)
{
	static struct dns_probe p;
	struct slice texts[DNS_PROBE_TEXTS];
	char fix[DOCTOR_TEXT_MAX];

	if (!report_lookup(d, domain, find_texts(d, "_dmarc.", domain, &p, texts)))
		return;
	(void)snprintf(fix, sizeof fix,
	    "_dmarc.%s. TXT \"v=DMARC1; p=none; rua=mailto:postmaster@%s\"", domain, domain);
	report_record(d, domain, judge_dmarc(texts, p.n), fix);
}

/* A selector is not known, but its name is below _domainkey, which then exists (RFC 8020). */
static void
check_domain_dkim(struct doctor *d, const char *domain)
{
	static struct dns_probe p;
	struct slice texts[DNS_PROBE_TEXTS];
	const int rcode = find_texts(d, "_domainkey.", domain, &p, texts);

	/* Its keys are known, and are compared. */
	if (dkim_domain_of(d->config, slice_str(domain)) || !report_lookup(d, domain, rcode))
		return;
	report_record(d, domain, rcode == 0 ? (struct verdict){ DOCTOR_OK, NULL }
	    : (struct verdict){ DOCTOR_WARNING, "there is no key" }, NULL);
}

static void
check_domain_mx(struct doctor *d, const char *domain)
{
	const char *name = d->config->server.hostname;
	struct dns_question q = { .name = domain, .type = DNS_MX };
	char fix[DOCTOR_TEXT_MAX];
	bool found = false;

	dns_ask(d->resolver, &q, 1);
	for (size_t i = 0; i < q.nrecords; i++)
		found |= slice_ieq(slice_str(q.records[i].target), slice_str(name));
	(void)snprintf(fix, sizeof fix, "%s. MX 10 %s.", domain, name);
	if (found)
		doctor_report(d, DOCTOR_OK, NULL, "%s", domain);
	else if (q.status == DNS_OK)
		doctor_report(d, DOCTOR_WARNING, fix, "%s: its mail goes to %s, not to %s", domain,
		    q.records[0].target, name);
	else
		doctor_report(d, q.status == DNS_NODATA || q.status == DNS_NXDOMAIN
		    ? DOCTOR_FAULT : DOCTOR_WARNING, fix, "%s: %s", domain, dns_question_text(&q));
	dns_question_done(&q);
}

static void
check_mx(struct doctor *d)
{
	each_domain(d, check_domain_mx);
}

static void
check_spf(struct doctor *d)
{
	each_domain(d, check_domain_spf);
}

/* A key that only the unit has cannot be read here. */
static void
check_pair(struct doctor *d, const struct dkim_pair *pair)
{
	static const enum doctor_state states[] = {
		[DKIM_ZONE_GOOD] = DOCTOR_OK, [DKIM_ZONE_FAULT] = DOCTOR_FAULT,
		[DKIM_ZONE_SILENT] = DOCTOR_WARNING, [DKIM_ZONE_NO_KEY] = DOCTOR_FAULT,
	};
	char space[500], text[DNS_NAME_MAX], fix[DOCTOR_TEXT_MAX];
	struct buf why = BUF(space), name = BUF(text);
	const bool credential = pair->key.n && pair->key.p[0] != '/';
	const enum dkim_zone zone = dkim_zone_check(d->resolver, pair, PROBE_MS, &name, &why);

	(void)snprintf(fix, sizeof fix, zone == DKIM_ZONE_NO_KEY ? "smtp-relay --check" :
	    zone == DKIM_ZONE_SILENT ? "see the check resolver" :
	    "put the record into the zone that this prints: smtp-dkim-key records %.*s",
	    (int)(pair->domain.n < 255 ? pair->domain.n : 255), pair->domain.p);
	doctor_report(d, zone == DKIM_ZONE_NO_KEY && credential ? DOCTOR_SKIPPED : states[zone],
	    fix, "%s: %s", buf_cstr(&name), buf_cstr(&why));
}

static void
check_dkim(struct doctor *d)
{
	unsigned n = 0;

	for (size_t i = 0; i < d->config->ndkim; i++) {
		struct dkim_pair pair = { 0 };

		while (dkim_next_pair(&d->config->dkim[i], &pair) && n++ < PAIRS_MAX)
			check_pair(d, &pair);
	}
	if (n > PAIRS_MAX)
		doctor_report(d, DOCTOR_SKIPPED, NULL, "only %d keys were compared; for all: "
		    "smtp-dkim-key check", PAIRS_MAX);
	each_domain(d, check_domain_dkim);
}

static void
check_dmarc(struct doctor *d)
{
	each_domain(d, check_domain_dmarc);
}

/* ---- mail for root ---- */

/* The text of the first line about `what` in the output of explain(); false if there is none. */
static bool
find_line(const char *output, const char *what, char *ret, size_t size)
{
	char key[32];
	const char *at;

	(void)snprintf(key, sizeof key, "\n%-12s", what);
	at = strstr(output, key);
	if (!at)
		return false;
	at += strlen(key);
	(void)snprintf(ret, size, "%.*s", (int)strcspn(at, "\n"), at);
	return true;
}

static void
check_root(struct doctor *d)
{
	char address[300], text[300] = "", *output = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&output, &size);

	(void)snprintf(address, sizeof address, "root@%s", d->config->server.hostname);
	if (!out || explain(d->config, d->resolver, NULL, NULL, address, false, out) != 0 ||
	    fclose(out) != 0) {
		doctor_report(d, DOCTOR_FAULT, NULL, "cannot find out where it goes");
		return;
	}
	if (find_line(output, "mail", text, sizeof text))
		doctor_report(d, DOCTOR_FAULT, NULL, "%s: %s", address, text);
	else if (find_line(output, "alias", text, sizeof text) ||
	    find_line(output, "mailbox", text, sizeof text) ||
	    find_line(output, "route", text, sizeof text))
		doctor_report(d, strstr(text, "via discard") ? DOCTOR_WARNING : DOCTOR_OK, NULL,
		    "%s: %s", address, text);
}

/* ---- logins ---- */

static void
report_mistake(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)line;
	doctor_report(ctx, DOCTOR_FAULT, NULL, "%s%s%s", file ? file : "", file ? ": " : "", text);
}

static void
check_logins(struct doctor *d)
{
	const struct config_report report = { report_mistake, d };

	if (credential_check(d->config, &report) + greet_check(d->config, &report) == 0)
		doctor_report(d, DOCTOR_OK, NULL, "the passwords of routes can be read");
}

#define CHANGE_RESOLVER \
	"install a resolver here (apt install unbound), then [relay] resolver = 127.0.0.1"

const struct doctor_check doctor_network[] = {
	{ "name", DOCTOR_AS_CALLER, check_name,
	  "hostnamectl set-hostname mail.example.org, or set [server] hostname" },
	{ "address", DOCTOR_AS_RELAY, check_address, "" },
	{ "reverse", DOCTOR_AS_RELAY, check_reverse, "" },
	{ "resolver", DOCTOR_AS_RELAY, check_resolver, CHANGE_RESOLVER },
	{ "resolver-tcp", DOCTOR_AS_RELAY, check_resolver_tcp,
	  "open TCP to port 53 of this server in the firewall" },
	{ "dnssec", DOCTOR_AS_RELAY, check_dnssec, CHANGE_RESOLVER },
	{ "port-25", DOCTOR_AS_RELAY, check_port,
	  "ask the provider to open port 25 to outside, or send by a smarthost: [route *] via" },
	{ "certificate", DOCTOR_AS_HANDLER, check_certificate,
	  "renew it (certbot renew); see TLS in smtp-handler.conf(5)" },
	{ "credentials", DOCTOR_AS_CALLER, check_credentials,
	  "renew it (certbot renew); see TLS in smtp-handler.conf(5)" },
	{ "mx", DOCTOR_AS_RELAY, check_mx, "" },
	{ "spf", DOCTOR_AS_RELAY, check_spf, "" },
	{ "dkim", DOCTOR_AS_RELAY, check_dkim,
	  "publish the key of the program or smarthost that signs this domain's mail" },
	{ "dmarc", DOCTOR_AS_RELAY, check_dmarc, "" },
	{ "root", DOCTOR_AS_RELAY, check_root,
	  "add 'root: YOU' to the aliases file of this domain; see smtp-handler-aliases(5)" },
	{ "logins", DOCTOR_AS_RELAY, check_logins, "smtp-relay --check" },
};
const size_t doctor_network_n = sizeof doctor_network / sizeof doctor_network[0];
