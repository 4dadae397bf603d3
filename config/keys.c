// SPDX-License-Identifier: ISC
/*
 * The table of the keys of [queue], [server], [relay], [sendmail], [verify], [reports]
 * and [shared].
 * key_set.c puts a value into its place.
 */
#include "config/keys.h"

#include <assert.h>

#include "config/key_set.h"

static const struct key_choice off_on[] = {
	{ S("off"), 0 }, { S("on"), 1 }, { S(""), 0 },
};

static const struct key_choice sts_choices[] = {
	{ S("off"), RELAY_STS_OFF }, { S("on"), RELAY_STS_ON }, { S("auto"), RELAY_STS_AUTO },
	{ S(""), 0 },
};

static const struct key_choice no_yes[] = {
	{ S("no"), 0 }, { S("yes"), 1 }, { S("off"), 0 }, { S("on"), 1 }, { S(""), 0 },
};

static const struct key_choice syntaxes[] = {
	{ S("tolerant"), SYNTAX_TOLERANT }, { S("strict"), SYNTAX_STRICT }, { S(""), 0 },
};

static const struct key_choice early_talkers[] = {
	{ S("log"), EARLY_LOG }, { S("refuse"), EARLY_REFUSE }, { S(""), 0 },
};

static const struct key_choice milter_failures[] = {
	{ S("tempfail"), MILTER_FAILURE_TEMPFAIL }, { S("accept"), MILTER_FAILURE_ACCEPT },
	{ S(""), 0 },
};

static const struct key_choice roles[] = {
	{ S("mx"), ROLE_MX },
	{ S("submission"), ROLE_SUBMISSION },
	{ S("lmtp"), ROLE_LMTP },
	{ S(""), 0 },
};

static const struct key_choice newlines[] = {
	{ S("reject"), NEWLINE_REJECT }, { S("normalize"), NEWLINE_NORMALIZE }, { S(""), 0 },
};

static const struct key_choice server_tls[] = {
	{ S("off"), SERVER_TLS_OFF },
	{ S("offer"), SERVER_TLS_OFFER },
	{ S("required"), SERVER_TLS_REQUIRED },
	{ S(""), 0 },
};

static const struct key_choice client_certificates[] = {
	{ S("off"), CLIENT_CERTIFICATES_OFF }, { S("ask"), CLIENT_CERTIFICATES_ASK }, { S(""), 0 },
};

static const struct key_choice dnssec[] = {
	{ S("auto"), RELAY_DNSSEC_AUTO },
	{ S("trust-ad"), RELAY_DNSSEC_TRUST_AD },
	{ S("off"), RELAY_DNSSEC_OFF },
	{ S(""), 0 },
};

static const struct key_choice relay_tls[] = {
	{ S("none"), RELAY_TLS_NONE },
	{ S("may"), RELAY_TLS_MAY },
	{ S("learned"), RELAY_TLS_LEARNED },
	{ S("require"), RELAY_TLS_REQUIRE },
	{ S(""), 0 },
};

static const struct key_choice families[] = {
	{ S("any"), FAMILY_ANY },
	{ S("ipv4"), FAMILY_IPV4 },
	{ S("ipv6"), FAMILY_IPV6 },
	{ S(""), 0 },
};

static const struct key_choice clients[] = {
	{ S("strangers"), CLIENTS_STRANGERS },
	{ S("all"), CLIENTS_ALL },
	{ S("off"), CLIENTS_NONE },
	{ S(""), 0 },
};

static const struct key_choice mx_orders[] = {
	{ S("preference"), MX_ORDER_PREFERENCE }, { S("latency"), MX_ORDER_LATENCY }, { S(""), 0 },
};

static const struct key_choice dmarc_choices[] = {
	{ S("mark"), VERIFY_MARK }, { S("enforce"), VERIFY_ENFORCE }, { S(""), 0 },
};

#define SEC KEY_SECOND
#define DAY KEY_DAY
#define KIB KEY_KIB
#define TIB KEY_TIB

/* A key with its member of struct config, and its default as text. */
#define AT(member) offsetof(struct config, member)
#define KEY(part, word, place, its_kind, text)                                                  \
	.section = S(part), .name = S(word), .at = (place), .kind = KIND_##its_kind,            \
	.fallback = S(text)
#define QUEUE(word, member, its_kind, text)  KEY("queue", word, AT(queue.member), its_kind, text)
#define SERVER(word, member, its_kind, text) KEY("server", word, AT(server.member), its_kind, text)
#define RELAY(word, member, its_kind, text)  KEY("relay", word, AT(relay.member), its_kind, text)
#define SENDMAIL(word, member, its_kind, text) \
	KEY("sendmail", word, AT(sendmail.member), its_kind, text)
#define VERIFY(word, member, its_kind, text) KEY("verify", word, AT(verify.member), its_kind, text)
#define REPORTS(word, member, its_kind, text) \
	KEY("reports", word, AT(reports.member), its_kind, text)
#define SHARED(word, member, its_kind, text) KEY("shared", word, AT(shared.member), its_kind, text)
#define CLIENT_MAX 1000000
#define TIMEOUT(word, member, text)	     { RELAY(word, member, MS, text), .min = 1, .max = DAY }

static const struct key keys[] = {
	{ QUEUE("directory", directory, DIRECTORY, "/var/spool/smtp-handler") },
	{ QUEUE("lifetime", lifetime_s, SECONDS, "5d"), .min = SEC, .max = 365 * DAY },
	{ QUEUE("warn-after", warn_after_s, SECONDS, "4h"), .max = 365 * DAY },
	{ QUEUE("retry-min", retry_min_s, SECONDS, "5min"), .min = SEC, .max = 30 * DAY },
	{ QUEUE("retry-max", retry_max_s, SECONDS, "4h"), .min = SEC, .max = 30 * DAY },
	{ QUEUE("min-free", min_free, SIZE, "64M"), .max = 1024 * TIB },
	{ QUEUE("lease", lease_ms, MS, "0"), .max = 3600 * SEC },

	{ SERVER("hostname", hostname, HOSTNAME, "") },
	/* A server must take 64 KiB and 100 recipients (RFC 5321 sections 4.5.3.1.7, 4.5.3.1.8). */
	{ SERVER("max-message-size", max_message_size, SIZE, "50M"), .min = 64 * KIB, .max = TIB },
	{ SERVER("max-recipients", max_recipients, COUNT, "1000"), .min = 100, .max = 50000 },
	{ SERVER("max-errors", max_errors, COUNT, "20"), .min = 1, .max = 10000 },
	{ SERVER("max-connections", max_connections, COUNT, "500"), .min = 1, .max = 100000 },
	{ SERVER("limit-clients", limit_clients, CHOICE, "strangers"), .choices = clients },
	{ SERVER("client-connections", client_connections, COUNT, "32"), .max = CLIENT_MAX },
	{ SERVER("client-rate", client_rate, COUNT, "600"), .max = CLIENT_MAX },
	{ SERVER("client-failed-logins", client_failed_logins, COUNT, "60"), .max = CLIENT_MAX },
	{ SERVER("client-refused-recipients", client_refused_recipients, COUNT, "500"),
	    .max = CLIENT_MAX },
	{ SERVER("client-probes", client_probes, COUNT, "200"), .max = CLIENT_MAX },
	{ SERVER("exit-idle", exit_idle_ms, MS, "5min"), .max = DAY },
	{ SERVER("end-idle", end_idle, CHOICE, "strangers"), .choices = clients },
	{ SERVER("password-checks", password_checks, COUNT, "4"), .min = 1, .max = 1000 },
	{ SERVER("user-messages", user_messages, COUNT, "0"), .max = CLIENT_MAX },
	{ SERVER("user-recipients", user_recipients, COUNT, "0"), .max = CLIENT_MAX },
	{ SERVER("user-rate", user_rate, RATES, "") },
	{ SERVER("timeout", timeout_ms, MS, "5min"), .min = 1, .max = DAY },
	{ SERVER("session-timeout", session_timeout_ms, MS, "1h"), .min = 1, .max = 30 * DAY },
	{ SERVER("min-rate", min_rate, SIZE, "10"), .max = KIB * KIB * KIB },
	{ SERVER("max-messages", max_messages, COUNT, "10000"), .min = 1, .max = 1000000 },
	{ SERVER("early-talkers", early_talkers, CHOICE, "log"), .choices = early_talkers },
	{ SERVER("syntax", syntax, CHOICE, "tolerant"), .choices = syntaxes },
	{ SERVER("trusted", trusted, NETWORKS, "127.0.0.0/8 ::1 local") },
	{ SERVER("senders", senders, FILE, "") },
	{ SERVER("masquerade", masquerade, FILE, "") },
	{ SERVER("users-socket", users_socket, FILE, "/run/smtp-handler/users.sock") },
	{ SERVER("role", role, CHOICE, "mx"), .choices = roles },
	{ SERVER("submit-trusted", submit_trusted, CHOICE, "off"), .choices = off_on },
	{ SERVER("bare-newline", bare_newline, CHOICE, "reject"), .choices = newlines },
	{ SERVER("refuse", refuse, TEXT, "") },
	{ SERVER("tls", tls, CHOICE, "off"), .choices = server_tls },
	{ SERVER("tls-certificate", tls_certificate, SECRETS, "") },
	{ SERVER("tls-key", tls_key, SECRETS, "") },
	{ SERVER("tls-client-certificates", tls_client, CHOICE, "off"),
	    .choices = client_certificates },
	{ SERVER("tls-program", tls_program, FILE, "") },
	{ SERVER("auth", auth_target, AUTH, "off") },
	{ SERVER("auth-senders", auth_senders, FILE, "") },
	{ SERVER("srs-secret", srs_secret, SECRETS, "") },
	{ SERVER("milter", milter, MILTERS, "") },
	{ SERVER("milter-on-failure", milter_failure, CHOICE, "tempfail"),
	    .choices = milter_failures },
	{ SERVER("milter-command-timeout", milter_command_timeout_ms, MS, "30s"),
	    .min = 1, .max = DAY },
	{ SERVER("milter-content-timeout", milter_content_timeout_ms, MS, "5min"),
	    .min = 1, .max = DAY },
	{ SERVER("proxy-protocol", proxy_protocol, CHOICE, "off"), .choices = off_on },
	{ SERVER("proxy-trusted", proxy_trusted, NETWORKS, "") },
	{ SERVER("xclient", xclient, NETWORKS, "") },

	{ RELAY("resolver", resolver, RESOLVER, "system") },
	{ RELAY("dnssec", dnssec, CHOICE, "auto"), .choices = dnssec },
	{ RELAY("dnssec-anchor", dnssec_anchor, FILE, "/usr/share/dns/root.key") },
	{ RELAY("dnssec-unsigned", dnssec_unsigned, TEXT, "") },
	{ RELAY("port", port, COUNT, "25"), .min = 1, .max = 65535 },
	{ RELAY("family", family, CHOICE, "any"), .choices = families },
	{ RELAY("allow-loopback-exchangers", allow_loopback, CHOICE, "no"), .choices = no_yes },
	{ RELAY("processes", processes, COUNT, "200"), .min = 1, .max = 1000 },
	{ RELAY("per-destination", per_destination, COUNT, "20"), .min = 1, .max = 1000 },
	{ RELAY("per-address", per_address, COUNT, "20"), .min = 1, .max = 1000 },
	{ RELAY("mx-order", mx_order, CHOICE, "preference"), .choices = mx_orders },
	{ RELAY("tls", tls, CHOICE, "may"), .choices = relay_tls },
	{ RELAY("mta-sts", mta_sts, CHOICE, "auto"), .choices = sts_choices },
	{ RELAY("tls-ca-file", tls_ca_file, FILE, "") },
	{ RELAY("srs-domain", srs_domain, HOSTNAME, "") },
	{ RELAY("srs-secret", srs_secret, SECRETS, "") },
	{ RELAY("maildir-socket", maildir_socket, FILE, "/run/smtp-handler/maildir.sock") },
	{ RELAY("min-uid", min_uid, COUNT, "1000"), .min = 1, .max = UINT32_MAX },
	{ RELAY("bind", bind, BIND, "") },
	{ RELAY("ignore-keywords", ignore_keywords, TEXT, "") },
	{ RELAY("latency-fresh", latency_fresh_s, SECONDS, "1h"), .max = 365 * DAY },
	/* The times of RFC 5321 section 4.5.3.2.  Its time for the greeting includes the time to
	 * connect, for which TCP itself would wait far longer. */
	TIMEOUT("connect-timeout", connect_timeout_ms, "30s"),
	TIMEOUT("greeting-timeout", greeting_timeout_ms, "5min"),
	TIMEOUT("command-timeout", command_timeout_ms, "5min"),
	TIMEOUT("data-timeout", data_timeout_ms, "2min"),
	TIMEOUT("block-timeout", block_timeout_ms, "3min"),
	TIMEOUT("dot-timeout", dot_timeout_ms, "10min"),
	TIMEOUT("transaction-timeout", transaction_timeout_ms, "15min"),

	{ SENDMAIL("socket", socket, FILE, SENDMAIL_SOCKET) },
	{ SENDMAIL("outbox", outbox, CHOICE, "off"), .choices = off_on },

	{ VERIFY("timeout", timeout_ms, MS, "2s"), .min = 100, .max = 30 * SEC },
	{ VERIFY("dmarc", dmarc, CHOICE, "mark"), .choices = dmarc_choices },
	{ VERIFY("dmarc-exempt", dmarc_exempt, EXEMPT, "") },
	{ VERIFY("dnsbl", dnsbl, DNSBL, "") },
	{ VERIFY("max-connections", max_connections, COUNT, "500"), .min = 1, .max = 100000 },

	{ REPORTS("contact", contact, TEXT, "") },
	{ REPORTS("organization", organization, TEXT, "") },
	{ REPORTS("dmarc-findings", dmarc_findings, FILE, "/var/lib/smtp-verify") },

	{ SHARED("redis", redis, REDIS, "") },
	{ SHARED("user", user, TEXT, "") },
	{ SHARED("password-file", password_file, SECRETS, "") },
	{ SHARED("prefix", prefix, TEXT, "smtp-handler:") },
};

#define NKEYS ((int)(sizeof keys / sizeof keys[0]))
static_assert(sizeof keys / sizeof keys[0] <= KEYS_MAX, "KEYS_MAX is too small");

bool
keys_section(struct slice section)
{
	for (int i = 0; i < NKEYS; i++)
		if (slice_eq(keys[i].section, section))
			return true;
	return false;
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

void
keys_done(struct config *c)
{
	for (int i = 0; i < NKEYS; i++)
		key_done(c, &keys[i]);
}
