// SPDX-License-Identifier: ISC
/*
 * Chooses the route of mail, by the domain of the recipient and by the sender.  Pure.
 */
#include "config/config.h"

#include "base/idn.h"
#include "base/name.h"

enum { BY_STAR = 1, BY_SUFFIX, BY_NAME = BY_SUFFIX + NAME_MAX_OCTETS + 1, BY_ADDRESS };

/* How well a pattern matches a domain, both in canonical form: 0 if it does not; "*" least,
 * ".suffix" by its length, the name itself best. */
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

/* How well a pattern of [sender] matches: the address itself is better than its domain. */
static size_t
matched_sender(struct slice pattern, struct slice sender, struct slice domain)
{
	if (memchr(pattern.p, '@', pattern.n))
		return idn_same_address(pattern, sender) ? BY_ADDRESS : 0;
	return matched(pattern, domain);
}

static char star[] = "*", mx[] = "mx";
static const struct route fallback = { .pattern = star, .via = VIA_MX, .via_text = mx };

static const struct route *
by_recipient(const struct config *c, struct slice domain, size_t *ret_matched)
{
	struct idn_name space;
	const struct route *best = &fallback;
	size_t most = 0;

	domain = idn_canonical(domain, &space);
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct route *r = &c->routes[i];
		const size_t n = r->by_sender ? 0 : matched(slice_str(r->pattern), domain);

		if (n > most) {
			most = n;
			best = r;
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

size_t
config_route_number(const struct config *c, const struct route *route)
{
	return route == &fallback ? c->nroutes : (size_t)(route - c->routes);
}

const struct route *
config_route_at(const struct config *c, size_t number)
{
	return number < c->nroutes ? &c->routes[number] : &fallback;
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

bool
config_is_ours(const struct config *c, struct slice domain)
{
	const struct route *r = config_route(c, domain);

	return ends_here(r) || idn_same(domain, slice_str(c->server.hostname)) ||
	       (r->accept == ACCEPT_ANYONE && strcmp(r->pattern, "*") != 0);
}

/* The text behind the last @: a quoted local part may have others. */
static struct slice
domain_of(struct slice address)
{
	const char *at = address.n ? memrchr(address.p, '@', address.n) : NULL;

	return at ? slice_skip(address, (size_t)(at - address.p) + 1) : slice_of(NULL, 0);
}

static bool
may_use(enum standing standing, const struct route *r)
{
	return standing >= STANDING_OWNER || (standing == STANDING_USER && !r->user);
}

const struct route *
config_route_from(const struct config *c, struct sender sender, struct slice domain)
{
	struct idn_name space;
	const struct slice sender_domain = idn_canonical(domain_of(sender.path), &space);
	size_t n, most = 0;
	const struct route *best = by_recipient(c, domain, &n);

	if (n > BY_STAR || sender_domain.n == 0)
		return best;
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct route *r = &c->routes[i];

		if (!r->by_sender || !may_use(sender.standing, r))
			continue;
		n = matched_sender(slice_str(r->pattern), sender.path, sender_domain);
		if (n > most) {
			most = n;
			best = r;
		}
	}
	return best;
}
