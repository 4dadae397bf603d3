// SPDX-License-Identifier: ISC
/*
 * What can be set, and how a value's text gets into its place in struct config.  No files are
 * read here.  Called by config.c.
 */
#include "base/keys.h"

#include <assert.h>
#include <errno.h>

#include "base/lists.h"
#include "base/name.h"
#include "base/route.h"
#include "base/secret.h"
#include "base/small.h"
#include "base/value.h"

#define NOT_YET "this version cannot do that yet"
#define ELSE	(-1)	/* a choice that is known and cannot be had */

enum kind {
	KIND_COUNT, KIND_SIZE, KIND_SECONDS, KIND_MS,
	KIND_CHOICE,		/* words; ends in ':': a prefix */
	KIND_DIRECTORY,
	KIND_FILE,		/* empty: none */
	KIND_TEXT,		/* a line to be said; empty: none */
	KIND_HOSTNAME,		/* empty: the host's own */
	KIND_TRUSTED, KIND_NETWORKS,
	KIND_RESOLVER, KIND_BIND,
	KIND_SECRETS,		/* words: paths or credentials; empty: none */
	KIND_AUTH,
};

struct choice {
	struct slice word;
	int value;
};

struct key {
	struct slice section, name;
	enum kind kind;
	size_t at;			/* in struct config */
	struct slice fallback;
	uint64_t min, max;		/* in the kind's unit; durations in ms */
	const struct choice *choices;	/* ended by an empty word */
};

static const struct choice syntaxes[] = { { S("tolerant"), SYNTAX_TOLERANT }, { S("strict"), SYNTAX_STRICT }, { S(""), 0 } };
static const struct choice earlies[] = { { S("log"), EARLY_LOG }, { S("refuse"), EARLY_REFUSE }, { S(""), 0 } };
static const struct choice roles[] = { { S("mx"), ROLE_MX }, { S("submission"), ROLE_SUBMISSION }, { S("lmtp"), ROLE_LMTP }, { S(""), 0 } };
static const struct choice server_tls[] = { { S("off"), SERVER_TLS_OFF }, { S("offer"), SERVER_TLS_OFFER },
	{ S("required"), SERVER_TLS_REQUIRED }, { S(""), 0 } };
static const struct choice off_ask[] = { { S("off"), CLIENT_CERTIFICATES_OFF }, { S("ask"), CLIENT_CERTIFICATES_ASK },
	{ S(""), 0 } };
static const struct choice off_on[] = { { S("off"), 0 }, { S("on"), 1 }, { S(""), 0 } };
static const struct choice relay_tls[] = { { S("none"), 0 }, { S("may"), ELSE }, { S("require"), ELSE }, { S(""), 0 } };
static const struct choice newlines[] = { { S("reject"), NEWLINE_REJECT }, { S("normalize"), NEWLINE_NORMALIZE }, { S(""), 0 } };
static const struct choice families[] = { { S("any"), FAMILY_ANY }, { S("ipv4"), FAMILY_IPV4 }, { S("ipv6"), FAMILY_IPV6 },
	{ S(""), 0 } };
static const struct choice orders[] = { { S("preference"), MX_ORDER_PREFERENCE }, { S("latency"), MX_ORDER_LATENCY },
	{ S(""), 0 } };

static_assert(sizeof(enum config_role) == sizeof(int) && sizeof(enum config_family) == sizeof(int),
    "choices are stored as int");

#define SEC   UINT64_C(1000)
#define HOUR  (3600 * SEC)
#define DAY   (24 * HOUR)
#define KIB   UINT64_C(1024)
#define TIB   (KIB * KIB * KIB * KIB)
#define NOWHERE SIZE_MAX	/* has but one value so far, and nobody asks for it */
#define AT(member) offsetof(struct config, member)
#define TIMEOUT(name, member, text) { S("relay"), S(name), KIND_MS, AT(relay.member), S(text), 1, DAY, NULL }

static const struct key keys[] = {
	{ S("queue"), S("directory"), KIND_DIRECTORY, AT(queue.directory), S("/var/spool/smtp-handler"), 0, 0, NULL },
	{ S("queue"), S("lifetime"), KIND_SECONDS, AT(queue.lifetime_s), S("5d"), SEC, 365 * DAY, NULL },
	{ S("queue"), S("warn-after"), KIND_SECONDS, AT(queue.warn_after_s), S("4h"), 0, 365 * DAY, NULL },
	{ S("queue"), S("retry-min"), KIND_SECONDS, AT(queue.retry_min_s), S("5min"), SEC, 30 * DAY, NULL },
	{ S("queue"), S("retry-max"), KIND_SECONDS, AT(queue.retry_max_s), S("4h"), SEC, 30 * DAY, NULL },
	{ S("queue"), S("min-free"), KIND_SIZE, AT(queue.min_free), S("64M"), 0, 1024 * TIB, NULL },

	{ S("server"), S("hostname"), KIND_HOSTNAME, AT(server.hostname), S(""), 0, 0, NULL },
	/* any server must take 64 KiB (RFC 5321 section 4.5.3.1.7) and 100 recipients (4.5.3.1.8) */
	{ S("server"), S("max-message-size"), KIND_SIZE, AT(server.max_message_size), S("50M"), 64 * KIB, TIB, NULL },
	{ S("server"), S("max-recipients"), KIND_COUNT, AT(server.max_recipients), S("1000"), 100, 50000, NULL },
	{ S("server"), S("max-errors"), KIND_COUNT, AT(server.max_errors), S("20"), 1, 10000, NULL },
	{ S("server"), S("max-connections"), KIND_COUNT, AT(server.max_connections), S("500"), 1, 100000, NULL },
	{ S("server"), S("timeout"), KIND_MS, AT(server.timeout_ms), S("5min"), 1, DAY, NULL },
	{ S("server"), S("session-timeout"), KIND_MS, AT(server.session_timeout_ms), S("1h"), 1, 30 * DAY, NULL },
	{ S("server"), S("min-rate"), KIND_SIZE, AT(server.min_rate), S("10"), 0, KIB * KIB * KIB, NULL },
	{ S("server"), S("max-messages"), KIND_COUNT, AT(server.max_messages), S("10000"), 1, 1000000, NULL },
	{ S("server"), S("early-talkers"), KIND_CHOICE, AT(server.early_talkers), S("log"), 0, 0, earlies },
	{ S("server"), S("syntax"), KIND_CHOICE, AT(server.syntax), S("tolerant"), 0, 0, syntaxes },
	{ S("server"), S("trusted"), KIND_TRUSTED, NOWHERE, S("127.0.0.0/8 ::1 local"), 0, 0, NULL },
	{ S("server"), S("senders"), KIND_FILE, AT(server.senders), S(""), 0, 0, NULL },
	{ S("server"), S("role"), KIND_CHOICE, AT(server.role), S("mx"), 0, 0, roles },
	{ S("server"), S("bare-newline"), KIND_CHOICE, AT(server.bare_newline), S("reject"), 0, 0, newlines },
	{ S("server"), S("refuse"), KIND_TEXT, AT(server.refuse), S(""), 0, 0, NULL },
	{ S("server"), S("tls"), KIND_CHOICE, AT(server.tls), S("off"), 0, 0, server_tls },
	{ S("server"), S("tls-certificate"), KIND_SECRETS, AT(server.tls_certificate), S(""), 0, 0, NULL },
	{ S("server"), S("tls-key"), KIND_SECRETS, AT(server.tls_key), S(""), 0, 0, NULL },
	{ S("server"), S("tls-client-certificates"), KIND_CHOICE, AT(server.tls_client), S("off"), 0, 0, off_ask },
	{ S("server"), S("tls-program"), KIND_FILE, AT(server.tls_program), S(""), 0, 0, NULL },
	{ S("server"), S("auth"), KIND_AUTH, NOWHERE, S("off"), 0, 0, NULL },
	{ S("server"), S("auth-senders"), KIND_FILE, AT(server.auth_senders), S(""), 0, 0, NULL },
	{ S("server"), S("proxy-protocol"), KIND_CHOICE, AT(server.proxy_protocol), S("off"), 0, 0, off_on },
	{ S("server"), S("proxy-trusted"), KIND_NETWORKS, AT(server.proxy_trusted), S(""), 0, 0, NULL },

	{ S("relay"), S("resolver"), KIND_RESOLVER, AT(relay.resolver), S("system"), 0, 0, NULL },
	{ S("relay"), S("port"), KIND_COUNT, AT(relay.port), S("25"), 1, 65535, NULL },
	{ S("relay"), S("family"), KIND_CHOICE, AT(relay.family), S("any"), 0, 0, families },
	{ S("relay"), S("processes"), KIND_COUNT, AT(relay.processes), S("100"), 1, 1000, NULL },
	{ S("relay"), S("per-destination"), KIND_COUNT, AT(relay.per_destination), S("20"), 1, 1000, NULL },
	{ S("relay"), S("mx-order"), KIND_CHOICE, AT(relay.mx_order), S("preference"), 0, 0, orders },
	{ S("relay"), S("tls"), KIND_CHOICE, NOWHERE, S("none"), 0, 0, relay_tls },
	{ S("relay"), S("bind"), KIND_BIND, AT(relay.bind), S(""), 0, 0, NULL },
	{ S("relay"), S("latency-fresh"), KIND_SECONDS, AT(relay.latency_fresh_s), S("1h"), 0, 365 * DAY, NULL },
	/* RFC 5321 section 4.5.3.2 has these; its greeting includes the time to connect, which TCP itself would stretch */
	TIMEOUT("connect-timeout", connect_timeout_ms, "30s"),
	TIMEOUT("greeting-timeout", greeting_timeout_ms, "5min"),
	TIMEOUT("command-timeout", command_timeout_ms, "5min"),
	TIMEOUT("data-timeout", data_timeout_ms, "2min"),
	TIMEOUT("block-timeout", block_timeout_ms, "3min"),
	TIMEOUT("dot-timeout", dot_timeout_ms, "10min"),
};

#define NKEYS ((int)(sizeof keys / sizeof keys[0]))
static_assert(sizeof keys / sizeof keys[0] <= KEYS_MAX, "KEYS_MAX is too small");

bool
keys_section(struct slice section)
{
	return slice_eq(section, SL("queue")) || slice_eq(section, SL("server")) || slice_eq(section, SL("relay"));
}

int
keys_find(struct slice section, struct slice name)
{
	for (int i = 0; i < NKEYS; i++)
		if (slice_eq(keys[i].name, name) && slice_eq(keys[i].section, section))
			return i;
	return -1;
}

void
keys_names(struct slice section, struct buf *b)
{
	bool first = true;

	for (int i = 0; i < NKEYS; i++) {
		if (!slice_eq(keys[i].section, section))
			continue;
		if (!first)
			buf_str(b, ", ");
		buf_add(b, keys[i].name);
		first = false;
	}
}

static int
refuse(struct buf *why, const char *text)
{
	buf_str(why, text);
	return -EINVAL;
}

static int
refuse_word(struct buf *why, struct slice word, const char *text)
{
	buf_add(why, slice_of(word.p, word.n < 50 ? word.n : 50));
	return refuse(why, text);
}

/* A bound as people write it: the largest unit that divides it. */
static void
bound_text(struct buf *b, enum kind kind, uint64_t v)
{
	static const struct { enum kind kind; uint64_t factor; const char *unit; } units[] = {
		{ KIND_SIZE, TIB, "T" }, { KIND_SIZE, KIB, "K" },
		{ KIND_MS, DAY, "d" }, { KIND_MS, SEC, "s" }, { KIND_MS, 1, "ms" },
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
		if (!value_size(value, &v))
			return refuse(why, VALUE_SIZE_HELP);
		break;
	case KIND_SECONDS:
	case KIND_MS:
		if (!value_duration_ms(value, &v))
			return refuse(why, VALUE_DURATION_HELP);
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
		if (v % SEC)
			return refuse(why, "write whole seconds");
		v /= SEC;
	}
	memcpy((char *)c + k->at, &v, sizeof v);
	return 0;
}

static bool
chosen(const struct choice *choice, struct slice value)
{
	if (choice->word.p[choice->word.n - 1] == ':')
		return slice_has_prefix(value, choice->word);
	return slice_eq(value, choice->word);
}

static int
set_choice(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	const struct choice *choice;
	bool first = true;

	for (choice = k->choices; choice->word.n; choice++) {
		if (!chosen(choice, value))
			continue;
		if (choice->value == ELSE) {
			buf_str(why, NOT_YET "; write ");
			buf_add(why, k->fallback);
			return -EINVAL;
		}
		if (k->at != NOWHERE)
			memcpy((char *)c + k->at, &choice->value, sizeof choice->value);
		return 0;
	}
	buf_str(why, "write ");
	for (choice = k->choices; choice->word.n; choice++) {
		if (choice->value == ELSE)
			continue;
		if (!first)
			buf_str(why, " or ");
		buf_add(why, choice->word);
		first = false;
	}
	return -EINVAL;
}

/* Put a text in its place; without one, NULL.  0 or -ENOMEM. */
static int
replace(struct config *c, size_t place, struct slice value)
{
	char *copy = NULL, **at = (char **)(void *)((char *)c + place);

	if (value.n) {
		copy = route_copy(value);
		if (!copy)
			return -ENOMEM;
	}
	small_free(*at);
	*at = copy;
	return 0;
}

static int
set_text(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	if (k->kind == KIND_HOSTNAME) {
		if (value.n && !name_is_host(value) && !name_is_literal(value))
			return refuse(why, "write a full name, like mail.example.org, or an address like [192.0.2.1]");
	} else if (k->kind == KIND_TEXT) {
		for (size_t i = 0; i < value.n; i++)
			if (value.p[i] < ' ' || value.p[i] > '~')
				return refuse(why, "write plain ASCII");
		if (value.n > 400)		/* one reply line holds it */
			return refuse(why, "write at most 400 characters");
	} else if (value.n ? value.p[0] != '/' : k->kind == KIND_DIRECTORY) {
		return refuse(why, k->kind == KIND_FILE ? "write the absolute path of a file"
							: "write the absolute path of a directory");
	}
	return replace(c, k->at, value);
}

static int
set_secrets(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct slice rest = value, word;

	while ((word = value_word(&rest)).n)
		if (!secret_name_valid(word))
			return refuse_word(why, word, " is neither an absolute path nor the name of a credential");
	return replace(c, k->at, value);
}

static int
set_auth(struct config *c, struct slice value, struct buf *why)
{
	const struct slice file = SL("file:"), dovecot = SL("dovecot:");
	enum config_auth auth = AUTH_OFF;
	struct slice target = slice_of(NULL, 0);
	int r;

	if (slice_has_prefix(value, file)) {
		auth = AUTH_FILE;
		target = slice_skip(value, file.n);
		if (!secret_name_valid(target))
			return refuse(why, "write file: and an absolute path, or the name of a credential");
	} else if (slice_has_prefix(value, dovecot)) {
		auth = AUTH_DOVECOT;
		target = slice_skip(value, dovecot.n);
		if (target.n == 0 || target.p[0] != '/')
			return refuse(why, "write dovecot: and the absolute path of its auth-client socket");
	} else if (!slice_eq(value, SL("off"))) {
		return refuse(why, "write off, file:PATH or dovecot:SOCKET");
	}
	r = replace(c, AT(server.auth_target), target);
	if (r == 0)
		c->server.auth = auth;
	return r;
}

static int
set_networks(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct network_list *at = k->at == NOWHERE ? NULL : (struct network_list *)(void *)((char *)c + k->at), list;
	const int r = lists_networks(value, &list, why);

	if (r < 0)
		return r;
	small_free(at ? at->list : c->server.trusted);
	if (at) {
		at->list = list.list;
		at->n = list.n;
		at->local = list.local;
	} else {
		c->server.trusted = list.list;
		c->server.ntrusted = list.n;
		c->server.trust_local = list.local;
	}
	return 0;
}

static int
set_addresses(struct config *c, const struct key *k, struct slice value, struct buf *why)
{
	struct address_list *at = (struct address_list *)(void *)((char *)c + k->at), list;
	const int r = lists_addresses(value, k->kind == KIND_RESOLVER, &list, why);

	if (r < 0)
		return r;
	small_free(at->list);
	*at = list;
	return 0;
}

int
keys_set(struct config *c, int key, struct slice value, struct buf *why)
{
	const struct key *k = &keys[key];

	switch (k->kind) {
	case KIND_CHOICE:
		return set_choice(c, k, value, why);
	case KIND_DIRECTORY:
	case KIND_FILE:
	case KIND_HOSTNAME:
	case KIND_TEXT:
		return set_text(c, k, value, why);
	case KIND_SECRETS:
		return set_secrets(c, k, value, why);
	case KIND_AUTH:
		return set_auth(c, value, why);
	case KIND_TRUSTED:
	case KIND_NETWORKS:
		return set_networks(c, k, value, why);
	case KIND_RESOLVER:
	case KIND_BIND:
		return set_addresses(c, k, value, why);
	default:
		return set_number(c, k, value, why);
	}
}

int
keys_defaults(struct config *c)
{
	char text[256];

	for (int i = 0; i < NKEYS; i++) {
		struct buf why = BUF(text);
		int r = keys_set(c, i, keys[i].fallback, &why);

		if (r < 0)
			return r;
	}
	return 0;
}
