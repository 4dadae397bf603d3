// SPDX-License-Identifier: ISC
/*
 * What can be set: the table of keys.  How a value's text gets into its place is keys_set.c's.
 * No files are read here.  Called by config.c.
 */
#include "config/keys.h"

#include <assert.h>

#include "config/key_set.h"

static const struct key_choice syntaxes[] = { { S("tolerant"), SYNTAX_TOLERANT }, { S("strict"), SYNTAX_STRICT }, { S(""), 0 } };
static const struct key_choice earlies[] = { { S("log"), EARLY_LOG }, { S("refuse"), EARLY_REFUSE }, { S(""), 0 } };
static const struct key_choice roles[] = { { S("mx"), ROLE_MX }, { S("submission"), ROLE_SUBMISSION }, { S("lmtp"), ROLE_LMTP }, { S(""), 0 } };
static const struct key_choice server_tls[] = { { S("off"), SERVER_TLS_OFF }, { S("offer"), SERVER_TLS_OFFER },
	{ S("required"), SERVER_TLS_REQUIRED }, { S(""), 0 } };
static const struct key_choice off_ask[] = { { S("off"), CLIENT_CERTIFICATES_OFF }, { S("ask"), CLIENT_CERTIFICATES_ASK },
	{ S(""), 0 } };
static const struct key_choice off_on[] = { { S("off"), 0 }, { S("on"), 1 }, { S(""), 0 } };
static const struct key_choice relay_tls[] = { { S("none"), RELAY_TLS_NONE }, { S("may"), RELAY_TLS_MAY },
	{ S("require"), RELAY_TLS_REQUIRE }, { S(""), 0 } };
static const struct key_choice newlines[] = { { S("reject"), NEWLINE_REJECT }, { S("normalize"), NEWLINE_NORMALIZE }, { S(""), 0 } };
static const struct key_choice families[] = { { S("any"), FAMILY_ANY }, { S("ipv4"), FAMILY_IPV4 }, { S("ipv6"), FAMILY_IPV6 },
	{ S(""), 0 } };
static const struct key_choice orders[] = { { S("preference"), MX_ORDER_PREFERENCE }, { S("latency"), MX_ORDER_LATENCY },
	{ S(""), 0 } };

#define SEC KEY_SECOND
#define DAY KEY_DAY
#define KIB KEY_KIB
#define TIB KEY_TIB
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
	{ S("server"), S("trusted"), KIND_TRUSTED, KEY_NOWHERE, S("127.0.0.0/8 ::1 local"), 0, 0, NULL },
	{ S("server"), S("senders"), KIND_FILE, AT(server.senders), S(""), 0, 0, NULL },
	{ S("server"), S("role"), KIND_CHOICE, AT(server.role), S("mx"), 0, 0, roles },
	{ S("server"), S("bare-newline"), KIND_CHOICE, AT(server.bare_newline), S("reject"), 0, 0, newlines },
	{ S("server"), S("refuse"), KIND_TEXT, AT(server.refuse), S(""), 0, 0, NULL },
	{ S("server"), S("tls"), KIND_CHOICE, AT(server.tls), S("off"), 0, 0, server_tls },
	{ S("server"), S("tls-certificate"), KIND_SECRETS, AT(server.tls_certificate), S(""), 0, 0, NULL },
	{ S("server"), S("tls-key"), KIND_SECRETS, AT(server.tls_key), S(""), 0, 0, NULL },
	{ S("server"), S("tls-client-certificates"), KIND_CHOICE, AT(server.tls_client), S("off"), 0, 0, off_ask },
	{ S("server"), S("tls-program"), KIND_FILE, AT(server.tls_program), S(""), 0, 0, NULL },
	{ S("server"), S("auth"), KIND_AUTH, KEY_NOWHERE, S("off"), 0, 0, NULL },
	{ S("server"), S("auth-senders"), KIND_FILE, AT(server.auth_senders), S(""), 0, 0, NULL },
	{ S("server"), S("proxy-protocol"), KIND_CHOICE, AT(server.proxy_protocol), S("off"), 0, 0, off_on },
	{ S("server"), S("proxy-trusted"), KIND_NETWORKS, AT(server.proxy_trusted), S(""), 0, 0, NULL },

	{ S("relay"), S("resolver"), KIND_RESOLVER, AT(relay.resolver), S("system"), 0, 0, NULL },
	{ S("relay"), S("port"), KIND_COUNT, AT(relay.port), S("25"), 1, 65535, NULL },
	{ S("relay"), S("family"), KIND_CHOICE, AT(relay.family), S("any"), 0, 0, families },
	{ S("relay"), S("processes"), KIND_COUNT, AT(relay.processes), S("100"), 1, 1000, NULL },
	{ S("relay"), S("per-destination"), KIND_COUNT, AT(relay.per_destination), S("20"), 1, 1000, NULL },
	{ S("relay"), S("mx-order"), KIND_CHOICE, AT(relay.mx_order), S("preference"), 0, 0, orders },
	{ S("relay"), S("tls"), KIND_CHOICE, AT(relay.tls), S("may"), 0, 0, relay_tls },
	{ S("relay"), S("tls-ca-file"), KIND_FILE, AT(relay.tls_ca_file), S(""), 0, 0, NULL },
	{ S("relay"), S("bind"), KIND_BIND, AT(relay.bind), S(""), 0, 0, NULL },
	{ S("relay"), S("ignore-keywords"), KIND_TEXT, AT(relay.ignore_keywords), S(""), 0, 0, NULL },
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

int
keys_set(struct config *c, int key, struct slice value, struct buf *why)
{
	return key_set(c, &keys[key], value, why);
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
