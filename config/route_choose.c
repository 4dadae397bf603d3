// SPDX-License-Identifier: ISC
/*
 * Which route mail takes: by its recipient's domain, by its sender.  Pure.  Called by the session, for what it may
 * accept, and by the runner.
 */
#include "config/config.h"
#include "base/name.h"

enum { BY_STAR = 1, BY_SUFFIX, BY_NAME = BY_SUFFIX + NAME_MAX_OCTETS + 1, BY_ADDRESS };

/* How well a pattern matches a domain: 0 not at all, "*" the least, ".suffix" by its length, the name itself most. */
static size_t
matched(struct slice pattern, struct slice domain)
{
	if (slice_eq(pattern, SL("*")))
		return BY_STAR;
	if (pattern.p[0] != '.')
		return slice_ieq(pattern, domain) ? BY_NAME : 0;
	if (domain.n <= pattern.n || !slice_ieq(slice_skip(domain, domain.n - pattern.n), pattern))
		return 0;
	return BY_SUFFIX + pattern.n;
}

/* The same of a sender, whom a pattern may name. */
static size_t
matched_sender(struct slice pattern, struct slice sender, struct slice domain)
{
	if (memchr(pattern.p, '@', pattern.n))
		return slice_ieq(pattern, sender) ? BY_ADDRESS : 0;
	return matched(pattern, domain);
}

static const struct route *
by_recipient(const struct config *c, struct slice domain, size_t *ret_matched)
{
	static char star[] = "*", mx[] = "mx";
	static const struct route fallback = { .pattern = star, .via = VIA_MX, .via_text = mx };
	const struct route *best = &fallback;
	size_t most = 0;

	for (size_t i = 0; i < c->nroutes; i++) {
		const size_t n = c->routes[i].by_sender ? 0 : matched(slice_str(c->routes[i].pattern), domain);

		if (n > most) {
			most = n;
			best = &c->routes[i];
		}
	}
	*ret_matched = most;
	return best;
}

const struct route *
config_route(const struct config *c, struct slice domain)
{
	size_t n;

	return by_recipient(c, domain, &n);
}

static bool
ends_here(const struct route *r)
{
	return r->aliases || way_of(r->via)->ends_here;
}

static bool
is_of_a_domain(const struct route *r)
{
	return !r->by_sender && !strchr(".*[", r->pattern[0]);
}

const struct route *
config_postmaster(const struct config *c, struct slice *ret_domain)
{
	const struct slice host = slice_str(c->server.hostname);
	const struct route *best = NULL, *own;
	size_t n;

	*ret_domain = host.n && host.p[0] != '[' ? host : SL("localhost");
	own = by_recipient(c, *ret_domain, &n);
	if (n == BY_NAME || ends_here(own))
		return own;
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct route *r = &c->routes[i];

		if (is_of_a_domain(r) && ends_here(r) && (!best || (r->aliases && !best->aliases)))
			best = r;
	}
	if (!best)
		return own;
	*ret_domain = slice_str(best->pattern);
	return best;
}

/* Behind the last @: what is before it may be quoted, and hold others. */
static struct slice
domain_of(struct slice address)
{
	const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;

	return at ? slice_skip(address, (size_t)(at - address.p) + 1) : slice_of(NULL, 0);
}

const struct route *
config_route_from(const struct config *c, struct slice sender, struct slice domain)
{
	const struct slice sender_domain = domain_of(sender);
	size_t n, most = 0;
	const struct route *best = by_recipient(c, domain, &n);

	if (n > BY_STAR || sender_domain.n == 0)
		return best;
	for (size_t i = 0; i < c->nroutes; i++) {
		n = c->routes[i].by_sender ? matched_sender(slice_str(c->routes[i].pattern), sender, sender_domain) : 0;
		if (n > most) {
			most = n;
			best = &c->routes[i];
		}
	}
	return best;
}
