// SPDX-License-Identifier: ISC
/*
 * Parses the keys of a route: text in, struct route out.  Touches no files.
 */
#include "config/route.h"

#include <errno.h>

#include "base/idn.h"
#include "base/name.h"
#include "base/words.h"
#include "config/pool.h"
#include "config/rate.h"
#include "config/refuse.h"
#include "config/secret.h"
#include "config/way.h"

#define HOSTS_TEXT_MAX 255	/* octets of several hosts, which name a destination */

bool
route_key(struct slice name, enum route_key *ret)
{
	static const struct slice names[ROUTE_KEYS] = {
		[ROUTE_VIA] = S("via"),
		[ROUTE_HOST_ORDER] = S("host-order"),
		[ROUTE_TLS] = S("tls"),
		[ROUTE_USER] = S("user"),
		[ROUTE_PASSWORD_FILE] = S("password-file"),
		[ROUTE_TOKEN_COMMAND] = S("token-command"),
		[ROUTE_ACCEPT] = S("accept"),
		[ROUTE_RECIPIENTS] = S("recipients"),
		[ROUTE_ALIASES] = S("aliases"),
		[ROUTE_SUBADDRESS] = S("subaddress"),
		[ROUTE_JUNK_FOLDER] = S("junk-folder"),
		[ROUTE_VERP] = S("verp"),
		[ROUTE_RATE] = S("rate"),
	};

	for (size_t i = 0; i < ROUTE_KEYS; i++) {
		if (!slice_eq(name, names[i]))
			continue;
		*ret = (enum route_key)i;
		return true;
	}
	return false;
}

/* A domain in A-labels or in U-labels. */
static bool
is_domain(struct slice s)
{
	struct idn_name space;

	return name_is_domain(idn_canonical(s, &space));
}

bool
route_pattern_valid(struct slice pattern)
{
	if (slice_eq(pattern, SL("*")))
		return true;
	return is_domain(slice_skip(pattern, slice_has_prefix(pattern, SL(".")))) ||
	       name_is_literal(pattern);
}

/* A local part that needs no quotes: others cannot have a [sender]. */
static bool
is_local_part(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 127 ||
		    strchr("\"\\()<>[]:;,@", s.p[i]))
			return false;
	return s.n > 0;
}

bool
route_sender_valid(struct slice pattern)
{
	struct slice domain, local = slice_cut(pattern, '@', &domain);

	if (local.n < pattern.n)
		return is_local_part(local) && (is_domain(domain) || name_is_literal(domain));
	return !slice_eq(pattern, SL("*")) && route_pattern_valid(pattern);
}

char *
route_pattern(struct slice pattern)
{
	const char *at = pattern.n ? memrchr(pattern.p, '@', pattern.n) : NULL;
	const size_t local = at ? (size_t)(at - pattern.p) + 1 : 0;
	struct idn_name space;
	const struct slice domain = idn_canonical(slice_skip(pattern, local), &space);
	struct buf b = { .p = pool_alloc(local + domain.n + 1), .cap = local + domain.n + 1 };

	if (!b.p)
		return NULL;
	for (size_t i = 0; i < local; i++)
		buf_chr(&b, ascii_lower(pattern.p[i]));
	for (size_t i = 0; i < domain.n; i++)
		buf_chr(&b, ascii_lower(domain.p[i]));
	(void)buf_cstr(&b);
	return b.p;
}

static int
set_hosts(struct route *r, const struct way_value *v)
{
	struct idn_name space;

	for (size_t i = 0; i < WAY_HOSTS_MAX; i++) {
		struct slice name = v->hosts[i].name;

		/* TLS and the DNS need the name in A-labels. */
		if (!slice_is_ascii(name))
			name = idn_canonical(name, &space);
		if (pool_replace(&r->hosts[i].name, name) < 0)
			return -ENOMEM;
		r->hosts[i].port = v->hosts[i].port;
	}
	r->nhosts = v->nhosts;
	return 0;
}

static int
set_via(struct route *r, struct slice value, struct buf *why)
{
	struct way_value v;
	int e = way_parse(value, &v, why);

	if (e < 0)
		return e;
	if (r->by_sender && !way_of(v.via)->for_senders)
		return refuse(why, "a [sender] has via = mx, "
		    "smtp://HOST, smtps://HOST or smtp+starttls://HOST");
	if (v.nhosts > 1 && value.n > HOSTS_TEXT_MAX)
		return refuse(why, "write at most 255 octets");
	if (pool_replace(&r->via_text, value) < 0 || pool_replace(&r->target, v.target) < 0 ||
	    set_hosts(r, &v) < 0)
		return -ENOMEM;
	r->via = v.via;
	r->scheme = v.scheme;
	return 0;
}

static int
set_host_order(struct route *r, struct slice value, struct buf *why)
{
	static const struct { struct slice word; enum route_host_order order; } words[] = {
		{ S("listed"), HOSTS_LISTED },
		{ S("latency"), HOSTS_LATENCY },
		{ S("balanced"), HOSTS_BALANCED },
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!slice_eq(value, words[i].word))
			continue;
		r->host_order = words[i].order;
		return 0;
	}
	return refuse(why, "write listed or latency or balanced");
}

static int
set_tls(struct route *r, struct slice value, struct buf *why)
{
	static const struct { struct slice word; enum relay_tls tls; } words[] = {
		{ S("none"), RELAY_TLS_NONE },
		{ S("may"), RELAY_TLS_MAY },
		{ S("learned"), RELAY_TLS_LEARNED },
		{ S("require"), RELAY_TLS_REQUIRE },
	};

	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
		if (!slice_eq(value, words[i].word))
			continue;
		r->tls = words[i].tls;
		return 0;
	}
	return refuse(why, "write none or may or learned or require");
}

static int
set_accept(struct route *r, struct slice value, struct buf *why)
{
	if (slice_eq(value, SL("anyone")))
		r->accept = ACCEPT_ANYONE;
	else if (slice_eq(value, SL("trusted")))
		r->accept = ACCEPT_TRUSTED;
	else
		return refuse(why, "write anyone or trusted");
	r->accept_set = true;
	return 0;
}

/* The characters are those that need no quotes in a local part and are neither letters nor
 * digits. */
static int
set_subaddress(struct route *r, struct slice value, struct buf *why)
{
	if (value.n > 1 || (value.n == 1 && !strchr("+-=._~#%", value.p[0])))
		return refuse(why, "write one character of + - = . _ ~ # %, or nothing");
	r->subaddress = value.n ? value.p[0] : '\0';
	return 0;
}

static int
set_switch(bool *at, struct slice value, struct buf *why)
{
	if (!slice_eq(value, SL("on")) && !slice_eq(value, SL("off")))
		return refuse(why, "write on or off");
	*at = slice_eq(value, SL("on"));
	return 0;
}

/* Messages in a time, such as 100/1min; nothing: at any rate. */
static int
set_rate(struct route *r, struct slice value, struct buf *why)
{
	struct rate_value rate;

	r->interval_us = 0;
	if (value.n == 0)
		return 0;
	if (!rate_parse(value, &rate))
		return refuse(why,
		    "write messages in a time, like 100/1min or 5/1s: " RATE_HELP);
	r->interval_us = rate.ms * 1000 / rate.n;
	return 0;
}

/* Control characters are forbidden: they separate the fields of PLAIN (RFC 4616). */
static int
set_user(struct route *r, struct slice value, struct buf *why)
{
	for (size_t i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < ' ' || value.p[i] == 127)
			return refuse(why, "a user's name must not have control characters");
	if (value.n > ROUTE_USER_MAX)
		return refuse(why, "write at most 255 octets");
	return pool_replace(&r->user, value);
}

static int
set_password_file(struct route *r, struct slice value, struct buf *why)
{
	if (value.n && !secret_name_valid(value))
		return refuse(why,
		    "write the absolute path of a file, or the name of a credential");
	return pool_replace(&r->password_file, value);
}

static int
set_token_command(struct route *r, struct slice value, struct buf *why)
{
	struct slice rest = value;
	size_t words = 0;

	while (words_next(&rest).n)
		words++;
	if (value.n && (value.p[0] != '/' || memchr(value.p, '\0', value.n)))
		return refuse(why,
		    "write the absolute path of a program and its arguments, "
		    "separated by blanks; no shell sees them");
	if (words > ROUTE_COMMAND_WORDS || value.n > ROUTE_COMMAND_MAX)
		return refuse(why, "write at most 32 words and 1000 octets");
	return pool_replace(&r->token_command, value);
}

int
route_set(struct route *r, enum route_key key, struct slice value, struct buf *why)
{
	if (r->by_sender && key >= ROUTE_SENDER_KEYS)
		return refuse(why,
		    "only a [route] has this key; a [sender] has " ROUTE_SENDER_KEY_NAMES);
	switch (key) {
	case ROUTE_VIA:
		return set_via(r, value, why);
	case ROUTE_HOST_ORDER:
		return set_host_order(r, value, why);
	case ROUTE_TLS:
		return set_tls(r, value, why);
	case ROUTE_USER:
		return set_user(r, value, why);
	case ROUTE_PASSWORD_FILE:
		return set_password_file(r, value, why);
	case ROUTE_TOKEN_COMMAND:
		return set_token_command(r, value, why);
	case ROUTE_ACCEPT:
		return set_accept(r, value, why);
	case ROUTE_RECIPIENTS:
		r->users = slice_eq(value, SL("users"));
		if (value.n && value.p[0] != '/' && !r->users)
			return refuse(why, "write the absolute path of a file, or users");
		return pool_replace(&r->recipients, r->users ? SL("") : value);
	case ROUTE_ALIASES:
		if (value.n && value.p[0] != '/')
			return refuse(why, "write the absolute path of a file");
		return pool_replace(&r->aliases, value);
	case ROUTE_SUBADDRESS:
		return set_subaddress(r, value, why);
	case ROUTE_JUNK_FOLDER:
		return set_switch(&r->junk_folder, value, why);
	case ROUTE_VERP:
		return set_switch(&r->verp, value, why);
	case ROUTE_RATE:
		return set_rate(r, value, why);
	default:
		return -EINVAL;
	}
}

void
route_settle(struct route *r)
{
	const bool open = way_of(r->via)->ends_here && strcmp(r->pattern, "*") != 0;

	if (!r->accept_set)
		r->accept = open ? ACCEPT_ANYONE : ACCEPT_TRUSTED;
}

void
route_done(struct route *r)
{
	pool_free(r->pattern);
	pool_free(r->via_text);
	for (size_t i = 0; i < WAY_HOSTS_MAX; i++)
		pool_free(r->hosts[i].name);
	pool_free(r->target);
	pool_free(r->recipients);
	pool_free(r->aliases);
	pool_free(r->user);
	pool_free(r->password_file);
	pool_free(r->token_command);
	memset(r, 0, sizeof *r);
}
