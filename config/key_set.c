// SPDX-License-Identifier: ISC
/*
 * Parses the text of a value by the kind of its key, and stores it in struct config.  Reads no
 * files.
 */
#include "config/key_set.h"

#include <assert.h>

#include <limits.h>

#include "base/idn.h"
#include "base/name.h"
#include "base/words.h"
#include "config/dnsbl.h"
#include "config/exempt.h"
#include "config/milter.h"
#include "config/networks.h"
#include "config/pool.h"
#include "config/rate.h"
#include "config/redis.h"
#include "config/refuse.h"
#include "config/secret.h"
#include "config/specifier.h"

static_assert(sizeof(enum config_role) == sizeof(int) && sizeof(enum address_family) == sizeof(int),
    "choices are stored as int");

static void *
place_of(struct config *c, const struct key *k)
{
	return (char *)c + k->at;
}

/* A bound as people write it, in the largest unit that divides it. */
static void
bound_text(struct buf *b, enum key_kind kind, uint64_t v)
{
	static const struct { enum key_kind kind; uint64_t factor; const char *unit; } units[] = {
		{ KIND_SIZE, KEY_TIB, "T" }, { KIND_SIZE, KEY_KIB * KEY_KIB * KEY_KIB, "G" },
		{ KIND_SIZE, KEY_KIB, "K" },
		{ KIND_MS, KEY_DAY, "d" }, { KIND_MS, KEY_SECOND, "s" }, { KIND_MS, 1, "ms" },
	};

	if (kind == KIND_SECONDS)
		kind = KIND_MS;
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (units[i].kind != kind || v < units[i].factor || v % units[i].factor != 0)
			continue;
		buf_uint(b, v / units[i].factor);
		buf_str(b, units[i].unit);
		return;
	}
	buf_uint(b, v);
}

static int
set_number(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	uint64_t v;

	switch (k->kind) {
	case KIND_SIZE:
		if (!words_size(value, &v))
			return refuse(why, WORDS_SIZE_HELP);
		break;
	case KIND_SECONDS:
	case KIND_MS:
		if (!words_duration_ms(value, &v))
			return refuse(why, WORDS_DURATION_HELP);
		break;
	default:
		if (!slice_uint(value, UINT64_MAX, &v))
			return refuse(why, "write a plain number");
	}
	if (v < k->min || v > k->max) {
		buf_str(why, "must be from ");
		bound_text(why, k->kind, k->min);
		buf_str(why, " to ");
		bound_text(why, k->kind, k->max);
		return -EINVAL;
	}
	if (k->kind == KIND_SECONDS) {
		if (v % KEY_SECOND)
			return refuse(why, "write whole seconds");
		v /= KEY_SECOND;
	}
	memcpy(place_of(c, k), &v, sizeof v);
	return 0;
}

static int
set_choice(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	const struct key_choice *choice;

	for (choice = k->choices; choice->word.n; choice++) {
		if (!slice_eq(value, choice->word))
			continue;
		memcpy(place_of(c, k), &choice->value, sizeof choice->value);
		return 0;
	}
	buf_str(why, "write ");
	for (choice = k->choices; choice->word.n; choice++) {
		if (choice != k->choices)
			buf_str(why, " or ");
		buf_add(why, choice->word);
	}
	return -EINVAL;
}

static int
set_text(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct idn_name space;

	if (k->kind == KIND_HOSTNAME) {
		if (!slice_is_ascii(value))	/* greetings are in ASCII */
			value = idn_canonical(value, &space);
		if (value.n && !name_is_host(value) && !name_is_literal(value))
			return refuse(why,
			    "write a full name, like mail.example.org, or an address like "
			    "[192.0.2.1]");
	} else if (k->kind == KIND_TEXT) {
		for (size_t i = 0; i < value.n; i++)
			if (value.p[i] < ' ' || value.p[i] > '~')
				return refuse(why, "write plain ASCII");
		if (value.n > 400)		/* it must fit into one line of a reply */
			return refuse(why, "write at most 400 characters");
	} else if (value.n && value.p[0] != '/') {
		return refuse(why, "write the absolute path of a file");
	}
	return pool_replace(place_of(c, k), value);
}

static int
set_directory(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	char path[PATH_MAX];
	struct buf expanded = BUF(path);
	int r;

	if (value.n == 0 || value.p[0] != '/')
		return refuse(why, "write the absolute path of a directory");
	r = specifier_expand_here(value, &expanded, why);
	return r < 0 ? r : pool_replace(place_of(c, k), buf_slice(&expanded));
}

static int
set_secrets(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct slice rest = value, word;

	while ((word = words_next(&rest)).n)
		if (!secret_name_valid(word))
			return refuse_word(why, word,
			    " is neither an absolute path nor the name of a credential");
	return pool_replace(place_of(c, k), value);
}

static int
set_milters(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct slice rest = value;
	struct milter_place place;
	const char *help;
	size_t n = 0;
	int r;

	while ((r = milter_place_next(&rest, &place, &help)) > 0)
		n++;
	if (r < 0)
		return refuse_word(why, place.text, help);
	if (n > MILTERS_MAX)
		return refuse(why, "write at most 8 filters");
	return pool_replace(place_of(c, k), value);
}

static int
set_redis(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct redis_place place;
	const char *help;

	if (value.n && !redis_place_parse(value, &place, &help))
		return refuse_word(why, value, help);
	return pool_replace(place_of(c, k), value);
}

static int
set_exempt(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct slice rest = value, word;
	struct cidr net;
	int r;

	while ((r = exempt_next(&rest, &word, &net)) > 0)
		;
	if (r < 0)
		return refuse_word(why, word,
		    ": write networks and domains, with blanks between them");
	return pool_replace(place_of(c, k), value);
}

static int
set_rates(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct slice rest = value;
	struct rate_word word;
	int r;

	while ((r = rate_next(&rest, &word)) > 0)
		;
	if (r < 0)
		return refuse_word(why, word.text, ": write recipients in a time, like 100/1h, or "
		    "USER=1000/1h, or USER=any: " RATE_HELP);
	return pool_replace(place_of(c, k), value);
}

static int
set_dnsbl(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct slice rest = value;
	struct dnsbl list;
	size_t n = 0;
	int r;

	while ((r = dnsbl_next(&rest, &list)) > 0)
		n++;
	if (r < 0)
		return refuse_word(why, list.zone,
		    ": write ZONE or ZONE=CODE,CODE, with codes like 127.0.0.2 or 127.0.0.4-7");
	if (n > DNSBL_MAX)
		return refuse(why, "write at most 8 lists");
	return pool_replace(place_of(c, k), value);
}

static int
set_auth(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	const struct slice file = SL("file:"), dovecot = SL("dovecot:");
	enum config_auth auth = AUTH_OFF;
	struct slice target = slice_of(NULL, 0);
	int r;

	if (slice_has_prefix(value, file)) {
		auth = AUTH_FILE;
		target = slice_skip(value, file.n);
		if (!secret_name_valid(target))
			return refuse(why,
			    "write file: and an absolute path, or the name of a credential");
	} else if (slice_has_prefix(value, dovecot)) {
		auth = AUTH_DOVECOT;
		target = slice_skip(value, dovecot.n);
		if (target.n == 0 || target.p[0] != '/')
			return refuse(why,
			    "write dovecot: and the absolute path of its auth-client socket");
	} else if (!slice_eq(value, SL("off"))) {
		return refuse(why, "write off, file:PATH or dovecot:SOCKET");
	}
	r = pool_replace(place_of(c, k), target);
	if (r == 0)
		c->server.auth = auth;
	return r;
}

static int
set_networks(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct network_list *at = place_of(c, k), list;
	const int r = networks_parse(value, &list, why);

	if (r < 0)
		return r;
	pool_free(at->list);
	at->list = list.list;
	at->n = list.n;
	at->local = list.local;
	return 0;
}

static int
set_addresses(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct address_list *at = place_of(c, k), list;
	const int r = networks_addresses(value, k->kind == KIND_RESOLVER, &list, why);

	if (r < 0)
		return r;
	pool_free(at->list);
	*at = list;
	return 0;
}

int
key_set(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	switch (k->kind) {
	case KIND_CHOICE:
		return set_choice(c, k, value, why);
	case KIND_DIRECTORY:
		return set_directory(c, k, value, why);
	case KIND_FILE:
	case KIND_HOSTNAME:
	case KIND_TEXT:
		return set_text(c, k, value, why);
	case KIND_SECRETS:
		return set_secrets(c, k, value, why);
	case KIND_MILTERS:
		return set_milters(c, k, value, why);
	case KIND_REDIS:
		return set_redis(c, k, value, why);
	case KIND_EXEMPT:
		return set_exempt(c, k, value, why);
	case KIND_RATES:
		return set_rates(c, k, value, why);
	case KIND_DNSBL:
		return set_dnsbl(c, k, value, why);
	case KIND_AUTH:
		return set_auth(c, k, value, why);
	case KIND_NETWORKS:
		return set_networks(c, k, value, why);
	case KIND_RESOLVER:
	case KIND_BIND:
		return set_addresses(c, k, value, why);
	default:
		return set_number(c, k, value, why);
	}
}

void
key_done(struct config *c, const struct key *k)
{
	switch (k->kind) {
	case KIND_COUNT:
	case KIND_SIZE:
	case KIND_SECONDS:
	case KIND_MS:
	case KIND_CHOICE:
		break;			/* a number */
	case KIND_DIRECTORY:
	case KIND_FILE:
	case KIND_HOSTNAME:
	case KIND_TEXT:
	case KIND_SECRETS:
	case KIND_MILTERS:
	case KIND_REDIS:
	case KIND_EXEMPT:
	case KIND_RATES:
	case KIND_DNSBL:
	case KIND_AUTH:
		pool_free(*(char **)place_of(c, k));
		break;
	case KIND_NETWORKS:
		pool_free(((struct network_list *)place_of(c, k))->list);
		break;
	case KIND_RESOLVER:
	case KIND_BIND:
		pool_free(((struct address_list *)place_of(c, k))->list);
		break;
	}
}
