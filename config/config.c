// SPDX-License-Identifier: ISC
/*
 * Loads the configuration: each setting goes to its key (keys.c) or its route (route.c).  Checks
 * that need the whole configuration are in check.c.  A session pays for this at its start: it
 * allocates little and asks the network nothing.
 */
#include "config/config.h"

#include <errno.h>

#include "base/words.h"
#include "config/check.h"
#include "config/pool.h"

/* A file may set a key once; another file, or -o, may set it again. */
static bool
is_duplicate(struct config_loader *l, struct place *was, const struct setting *s)
{
	if (was->source == s->place.source) {
		settings_error(&l->settings, s->place,
		    "[%.*s] %.*s: is set in line %u already: remove one",
		    (int)s->section.n, s->section.p, (int)s->key.n, s->key.p, was->line);
		return true;
	}
	*was = s->place;
	return false;
}

static void
bad_value(struct config_loader *l, const struct setting *s, int error, struct buf *why)
{
	if (error == -ENOMEM)
		settings_error(&l->settings, s->place, "out of memory");
	else
		settings_error(&l->settings, s->place, "[%.*s] %.*s = %.*s: %s", (int)s->section.n,
		    s->section.p, (int)s->key.n, s->key.p,
		    (int)(s->value.n < 200 ? s->value.n : 200), s->value.p, buf_cstr(why));
}

static bool
is_route(const struct route *r, bool by_sender, const char *pattern)
{
	return r->by_sender == by_sender && strcmp(r->pattern, pattern) == 0;
}

/* The index of a route by route_pattern(); nroutes if there is none.  The current route
 * is tried first, because a section has several keys. */
static size_t
find_route(const struct config_loader *l, bool by_sender, const char *pattern)
{
	const struct config *c = l->c;

	if (l->current < c->nroutes && is_route(&c->routes[l->current], by_sender, pattern))
		return l->current;
	for (size_t i = 0; i < c->nroutes; i++)
		if (is_route(&c->routes[i], by_sender, pattern))
			return i;
	return c->nroutes;
}

/* Append a route, which takes the pattern over.  0 or -ENOMEM. */
static int
add_route(struct config_loader *l, bool by_sender, char *pattern, struct place place)
{
	struct config *c = l->c;
	struct route *routes = pool_realloc(c->routes, (c->nroutes + 1) * sizeof *routes);
	struct route_places *places;

	if (!routes)
		goto no_memory;
	c->routes = routes;
	places = pool_realloc(l->routes, (c->nroutes + 1) * sizeof *places);
	if (!places)
		goto no_memory;
	l->routes = places;
	l->routes[c->nroutes] = (struct route_places){ .section = place };
	c->routes[c->nroutes++] = (struct route){ .pattern = pattern, .by_sender = by_sender };
	return 0;

no_memory:
	pool_free(pattern);
	return -ENOMEM;
}

/* Make l->current the index of the route of a pattern, which may be new.  0 or -ENOMEM. */
static int
select_route(struct config_loader *l, bool by_sender, struct slice pattern, struct place place)
{
	char *copy = route_pattern(pattern);
	size_t at;

	if (!copy)
		return -ENOMEM;
	at = find_route(l, by_sender, copy);
	l->current = at;
	if (at == l->c->nroutes)
		return add_route(l, by_sender, copy, place);
	pool_free(copy);
	return 0;
}

/* A kind of section that names a pattern. */
static const struct section {
	struct slice word;
	bool by_sender;
	bool (*valid)(struct slice pattern);
	const char *help;
} sections[] = {
	{ S("route"), false, route_pattern_valid,
	    "write [route example.org], [route .example.org] for its subdomains, or [route *]" },
	{ S("sender"), true, route_sender_valid,
	    "write [sender anna@example.org], [sender example.org], or [sender .example.org] for "
	    "its subdomains" },
};

static const struct section *
section_of(struct slice word)
{
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
		if (slice_eq(sections[i].word, word))
			return &sections[i];
	return NULL;
}

static bool
set_in_route(struct config_loader *l, const struct setting *s, const struct section *section,
    struct slice pattern)
{
	char text[256];
	struct buf why = BUF(text);
	enum route_key key;
	int r;

	if (!section->valid(pattern)) {
		settings_error(&l->settings, s->place, "[%.*s]: %s", (int)s->section.n,
		    s->section.p, section->help);
		return false;
	}
	r = select_route(l, section->by_sender, pattern, s->place);
	if (r < 0) {
		bad_value(l, s, r, &why);
		return false;
	}
	if (s->key.n == 0)
		return true;
	if (!route_key(s->key, &key)) {
		settings_error(&l->settings, s->place,
		    "[%.*s] %.*s: there is no such key; a route has " ROUTE_KEY_NAMES,
		    (int)s->section.n, s->section.p, (int)s->key.n, s->key.p);
		return true;
	}
	if (is_duplicate(l, &l->routes[l->current].keys[key], s))
		return true;
	r = route_set(&l->c->routes[l->current], key, s->value, &why);
	if (r < 0)
		bad_value(l, s, r, &why);
	return true;
}

/* The index of the section of a domain, which may be new.  False without memory. */
static bool
select_dkim(struct config_loader *l, struct slice domain, struct place place, size_t *ret)
{
	struct config *c = l->c;
	char *name = route_pattern(domain);
	struct dkim_domain *domains;
	struct dkim_places *places;
	size_t i = 0;

	while (name && i < c->ndkim && strcmp(c->dkim[i].name, name) != 0)
		i++;
	*ret = i;
	if (!name || i < c->ndkim) {
		pool_free(name);
		return name != NULL;
	}
	domains = pool_realloc(c->dkim, (i + 1) * sizeof *domains);
	if (domains)
		c->dkim = domains;
	places = domains ? pool_realloc(l->dkim, (i + 1) * sizeof *places) : NULL;
	if (!places) {
		pool_free(name);
		return false;
	}
	l->dkim = places;
	l->dkim[i] = (struct dkim_places){ .section = place };
	c->dkim[i] = (struct dkim_domain){ .name = name };
	c->ndkim++;
	return true;
}

static bool
set_in_dkim(struct config_loader *l, const struct setting *s, struct slice domain)
{
	char text[256];
	struct buf why = BUF(text);
	enum dkim_key key;
	size_t i;
	int r;

	if (domain.n == 0 || domain.p[0] == '.' || !route_pattern_valid(domain) ||
	    !memchr(domain.p, '.', domain.n) || domain.p[0] == '[') {
		settings_error(&l->settings, s->place, "[%.*s]: write [dkim example.org]",
		    (int)s->section.n, s->section.p);
		return false;
	}
	if (!select_dkim(l, domain, s->place, &i)) {
		bad_value(l, s, -ENOMEM, &why);
		return false;
	}
	if (s->key.n == 0)
		return true;
	if (!dkim_key(s->key, &key)) {
		settings_error(&l->settings, s->place,
		    "[%.*s] %.*s: there is no such key; the section has " DKIM_KEY_NAMES,
		    (int)s->section.n, s->section.p, (int)s->key.n, s->key.p);
		return true;
	}
	if (is_duplicate(l, &l->dkim[i].keys[key], s))
		return true;
	r = dkim_set(&l->c->dkim[i], key, s->value, &why);
	if (r < 0)
		bad_value(l, s, r, &why);
	return true;
}

static void
set_key(struct config_loader *l, const struct setting *s)
{
	char text[900];
	struct buf why = BUF(text);
	int r, key = keys_find(s->section, s->key);

	if (key < 0) {
		keys_names(s->section, &why);
		settings_error(&l->settings, s->place,
		    "[%.*s] %.*s: there is no such key; the section has %s", (int)s->section.n,
		    s->section.p, (int)s->key.n, s->key.p, buf_cstr(&why));
		return;
	}
	if (is_duplicate(l, &l->keys[key], s))
		return;
	r = keys_set(l->c, key, s->value, &why);
	if (r < 0)
		bad_value(l, s, r, &why);
}

static bool
set(void *ctx, const struct setting *s)
{
	struct config_loader *l = ctx;
	struct slice pattern = s->section;
	const struct slice word = words_next(&pattern);
	const struct section *section = section_of(word);

	if (keys_section(s->section)) {
		if (s->key.n)
			set_key(l, s);
		return true;
	}
	if (section)
		return set_in_route(l, s, section, slice_trim(pattern));
	if (slice_eq(word, SL("dkim")))
		return set_in_dkim(l, s, slice_trim(pattern));
	settings_error(&l->settings, s->place,
	    "[%.*s]: there is no such section; there are [queue], [server], [relay], "
	    "[sendmail], [verify], [reports], [shared], [route PATTERN], [sender PATTERN] and "
	    "[dkim DOMAIN]",
	    (int)s->section.n, s->section.p);
	return false;
}

int
config_load_from(struct config *c, const struct config_source *from,
    const struct config_report *report)
{
	struct config_loader l = {
		.c = c,
		.settings = { .report = report, .set = set, .ctx = &l },
	};

	memset(c, 0, sizeof *c);
	if (keys_defaults(c) < 0)
		settings_error(&l.settings, (struct place){ 0 }, "out of memory");
	settings_read(&l.settings, from);
	config_check(&l);
	pool_free(l.routes);
	pool_free(l.dkim);
	settings_done(&l.settings);
	return l.settings.errors ? -EINVAL : 0;
}

int
config_load(struct config *c, const char *file, const char *const *overrides, size_t n,
    const struct config_report *report)
{
	const struct config_source from = {
		.file = file, .overrides = overrides, .noverrides = n,
	};

	return config_load_from(c, &from, report);
}

void
config_done(struct config *c)
{
	for (size_t i = 0; i < c->nroutes; i++)
		route_done(&c->routes[i]);
	pool_free(c->routes);
	for (size_t i = 0; i < c->ndkim; i++)
		dkim_done(&c->dkim[i]);
	pool_free(c->dkim);
	keys_done(c);
	memset(c, 0, sizeof *c);
}

static bool
has_address(const struct network_list *networks, const struct sockaddr *sa)
{
	if (!sa)
		return networks->local;
	for (size_t i = 0; i < networks->n; i++)
		if (cidr_match(&networks->list[i], sa))
			return true;
	return false;
}

bool
config_trusts(const struct config *c, const struct sockaddr *sa)
{
	return has_address(&c->server.trusted, sa);
}

bool
config_is_balancer(const struct config *c, const struct sockaddr *sa)
{
	return c->server.proxy_protocol && has_address(&c->server.proxy_trusted, sa);
}

bool
config_is_proxy(const struct config *c, const struct sockaddr *sa)
{
	return has_address(&c->server.xclient, sa);
}
