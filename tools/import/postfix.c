// SPDX-License-Identifier: ISC
/*
 * main.cf of a Postfix that sends through another host and has the mail of its own users.
 */
#include "base/words.h"
#include "tools/import/local.h"
#include "tools/import/postfix_clients.h"
#include "tools/import/postfix_domains.h"
#include "tools/import/postfix_host.h"
#include "tools/import/postfix_routes.h"
#include "tools/import/postfix_senders.h"
#include "tools/import/postfix_services.h"
#include "tools/import/text.h"

#define RESTRICT "strangers may send to [route]s with accept = anyone, and to listed " \
	"recipients only; other rules are for a filter: milter in smtp-handler.conf(5)"
#define NO_COPY "no setting here makes copies: an alias may stand for two addresses, and a " \
	"filter can add a recipient: milter"
#define TLS_VERSIONS "TLS 1.2 and newer are always used, with the system's ciphers"
#define TLS_HERE   "set tls-certificate and tls-key: chapter \"TLS\" of smtp-handler-guide(7)"
#define PEOPLE	   "see chapter \"People who send from anywhere\" of smtp-handler-guide(7)"

/* The rest of Postfix has no such parameters in a null client, or they have no meaning here. */
static const struct text_advice others[] = {
	{ "compatibility_level", NULL }, { "smtpd_banner", NULL }, { "biff", NULL },
	{ "readme_directory", NULL }, { "html_directory", NULL },
	{ "manpage_directory", NULL }, { "sample_directory", NULL }, { "command_directory", NULL },
	{ "daemon_directory", NULL }, { "data_directory", NULL }, { "queue_directory", NULL },
	{ "meta_directory", NULL }, { "shlib_directory", NULL }, { "config_directory", NULL },
	{ "mail_owner", NULL }, { "default_privs", NULL },
	    { "setgid_group", NULL },
	{ "sendmail_path", NULL }, { "newaliases_path", NULL }, { "mailq_path", NULL },
	{ "alias_database", NULL }, { "milter_protocol", NULL },
	{ "unknown_local_recipient_reject_code", NULL }, { "debug_peer_level", NULL },
	{ "debugger_command", NULL }, { "smtp_tls_session_cache_database", NULL },
	{ "smtpd_tls_session_cache_database", NULL }, { "smtp_tls_loglevel", NULL },
	{ "smtpd_tls_loglevel", NULL }, { "smtp_tls_note_starttls_offer", NULL },
	{ "smtp_sasl_security_options", NULL }, { "smtp_sasl_tls_security_options", NULL },
	{ "mail_name", NULL }, { "mydomain", NULL },
	{ "smtpd_use_tls", TLS_HERE }, { "smtpd_tls_cert_file", TLS_HERE },
	{ "smtpd_tls_key_file", TLS_HERE }, { "smtpd_tls_security_level", TLS_HERE },
	{ "smtpd_tls_chain_files", TLS_HERE },
	{ "smtpd_sasl_auth_enable", PEOPLE }, { "smtpd_sasl_type", PEOPLE },
	{ "smtpd_sasl_path", PEOPLE },
	{ "smtpd_relay_restrictions", RESTRICT }, { "smtpd_recipient_restrictions", RESTRICT },
	{ "smtpd_client_restrictions", RESTRICT }, { "smtpd_sender_restrictions", RESTRICT },
	{ "smtpd_helo_restrictions", RESTRICT }, { "smtpd_helo_required", RESTRICT },
	{ "relay_transport", "it is for the [route]s of relay_domains only" },
	{ "virtual_uid_maps", NULL }, { "virtual_gid_maps", NULL }, { "virtual_minimum_uid", NULL },
	{ "local_recipient_maps", "the recipients are the users and the aliases, and all "
	    "others are refused: see recipients in smtp-handler.conf(5)" },
	{ "smtp_tls_policy_maps", "set tls in the [route] of the domain" },
	{ "always_bcc", NO_COPY },
	{ "recipient_bcc_maps", NO_COPY }, { "sender_bcc_maps", NO_COPY },
	{ "parent_domain_matches_subdomains", NULL },
	{ "recipient_canonical_classes", NULL },
	{ "proxy_read_maps", NULL }, { "proxy_write_maps", NULL },
	{ "smtp_always_send_ehlo", NULL }, { "broken_sasl_auth_clients", NULL },
	{ "milter_mail_macros", NULL }, { "milter_connect_macros", NULL },
	{ "plaintext_reject_code", NULL }, { "queue_run_delay", NULL },
	{ "receive_override_options", NULL }, { "smtp_dns_support_level", NULL },
	{ "smtpd_tls_received_header", NULL }, { "virtual_mailbox_lock", NULL },
	{ "smtp_tls_protocols", TLS_VERSIONS }, { "smtp_tls_mandatory_protocols", TLS_VERSIONS },
	{ "smtpd_tls_protocols", TLS_VERSIONS },
	{ "smtpd_tls_mandatory_protocols", TLS_VERSIONS },
	{ "smtp_tls_ciphers", TLS_VERSIONS }, { "smtp_tls_mandatory_ciphers", TLS_VERSIONS },
	{ "smtpd_tls_ciphers", TLS_VERSIONS }, { "smtpd_tls_mandatory_ciphers", TLS_VERSIONS },
	{ "smtpd_tls_auth_only", "a login in the clear is offered to trusted clients only" },
	{ "smtpd_sender_login_maps", "see auth-senders in smtp-handler.conf(5)" },
	{ "smtp_fallback_relay", "add the host to via of [route *], if that has hosts of the same "
	    "TLS and login" },
	{ "virtual_mailbox_limit", "Maildirs have no limit of their own: use quotas of the file "
	    "system" },
	{ "smtp_header_checks", "our programs change no fields of mail that they send" },
	{ "bounce_queue_lifetime", "notices have the lifetime of other mail" },
	{ "postscreen_dnsbl_sites", "see dnsbl of [verify] in smtp-handler.conf(5)" },
	{ "postscreen_greet_action", "see early-talkers in smtp-handler.conf(5)" },
	{ "owner_request_special", "an alias owner-NAME gets the bounces of the list NAME" },
	{ "mailbox_command", "hand the mail to a server of mailboxes: via = lmtp:SOCKET" },
	{ "header_checks", "a filter of incoming mail speaks the milter protocol: milter" },
	{ "body_checks", "a filter of incoming mail speaks the milter protocol: milter" },
	{ "smtp_helo_name", "the name in greetings is [server] hostname" },
	{ NULL, NULL },
};

/* Without these, mail would go past a filter, or to another host. */
static const struct text_advice deciding[] = {
	{ "content_filter", "all mail went through that program first: use a milter of it, such as "
	    "amavisd-milter, spamass-milter or rspamd: milter in smtp-handler.conf(5); or see "
	    "whether mail may go without it" },
	{ "sender_dependent_default_transport_maps", "write a [sender] for each of its rows" },
	{ "mailbox_transport_maps", "mail of some users went elsewhere: write aliases for them" },
	{ "fallback_transport", "mail of users that this machine does not know went there: write "
	    "their names into aliases, each with an address there" },
	{ "fallback_transport_maps", "mail of users that this machine does not know went there: "
	    "write their names into aliases, each with an address there" },
	{ "luser_relay", "mail for unknown users went there: write aliases for the names that are "
	    "to be known" },
	{ "mailbox_command_maps", "mail of some users went to programs: write aliases for them" },
};

/* Parameters that change nothing here if they have their usual value. */
static const struct {
	const char *name, *usual[3], *advice;
} with_usual[] = {
	{ "append_dot_mydomain", { "no" }, "a domain without dots stays as it is" },
	{ "default_process_limit", { "100" }, "see max-connections and processes in "
	    "smtp-handler.conf(5)" },
	{ "mailbox_size_limit", { "0", "51200000" }, "Maildirs have no limit of their own: use "
	    "quotas of the file system" },
	{ "smtputf8_enable", { "yes" }, "SMTPUTF8 is always offered" },
	{ "smtp_sasl_mechanism_filter", { "plain", "login", "plain, login" },
	    "the login is by PLAIN or LOGIN; for XOAUTH2 see token-command in "
	    "smtp-handler.conf(5)" },
	{ "smtp_tls_CApath", { "/etc/ssl/certs", "/etc/ssl/certs/" },
	    "write the certificates of the authorities into one file: tls-ca-file" },
};

/* Parameters that are translated; those of a table have the whole translation in their row. */
static const struct {
	const char *name, *section, *key;
	const char *unit;	/* of a number without one */
} plain[] = {
	{ "message_size_limit", "server", "max-message-size", "" },
	{ "smtpd_recipient_limit", "server", "max-recipients", "" },
	{ "maximal_queue_lifetime", "queue", "lifetime", "d" },
	{ "delay_warning_time", "queue", "warn-after", "h" },
	{ "minimal_backoff_time", "queue", "retry-min", "s" },
	{ "maximal_backoff_time", "queue", "retry-max", "s" },
	{ "smtp_destination_concurrency_limit", "relay", "per-destination", "" },
};

static const char *const translated[] = {
	"myhostname", "myorigin", "mydestination", "mynetworks", "relayhost", "inet_interfaces",
	"inet_protocols", "smtp_tls_security_level", "smtp_tls_wrappermode", "smtp_use_tls",
	"smtp_enforce_tls", "smtp_tls_CAfile", "smtp_sasl_auth_enable", "smtp_sasl_password_maps",
	"smtp_sender_dependent_authentication", "sender_dependent_relayhost_maps", "alias_maps",
	"home_mailbox", "recipient_delimiter", "smtp_bind_address", "smtp_bind_address6",
	"mynetworks_style", "smtpd_milters", "non_smtpd_milters", "milter_default_action",
	"default_transport", "local_transport", "transport_maps", "relay_domains",
	"relay_recipient_maps", "virtual_alias_domains", "virtual_alias_maps",
	"virtual_mailbox_domains", "virtual_mailbox_maps", "virtual_mailbox_base",
	"virtual_transport", "mailbox_transport", "recipient_canonical_maps",
	"smtp_generic_maps", "canonical_maps", "canonical_classes", "sender_canonical_maps",
	"sender_canonical_classes", "masquerade_domains", "masquerade_classes",
	"masquerade_exceptions",
};

/* ---- the smarthost ---- */

/* The section of a key of a table: an address, or a domain behind an @. */
static const char *
sender_section(struct plan *p, struct slice key)
{
	if (slice_has_prefix(key, SL("@")))
		key = slice_skip(key, 1);
	return plan_text(p, "sender %.*s", (int)key.n, key.p);
}

static void
set_senders(const struct maincf *m)
{
	const struct plan_at at = maincf_at(m, "sender_dependent_relayhost_maps");
	struct slice maps = slice_str(maincf_get(m, "sender_dependent_relayhost_maps")), map;
	struct maincf_table table;
	struct maincf_line line;

	while ((map = maincf_map(&maps)).n) {
		if (!maincf_table_open(m, map, at, &table)) {
			plan_stop(m->im->plan, at, "sender_dependent_relayhost_maps has a table "
			    "that cannot be read: write a [sender] for each of its rows");
			continue;
		}
		while (maincf_table_next(m, &table, &line)) {
			const struct plan_at here = { table.file, line.line };

			if (slice_eq(line.name, SL("<>"))) {
				plan_stop(m->im->plan, here, "notices (<>) went to a host of "
				    "their own: here they take the way of their recipient, as "
				    "no [sender] is for them: see whether that is right");
				continue;
			}
			if (!slice_eq(line.value, SL("DUNNO")))
				postfix_host_set(m, sender_section(m->im->plan, line.name),
				    line.name, line.value, here);
		}
	}
}

/* Senders who have a login of their own to the host of all mail. */
static void
set_sender_logins(const struct maincf *m)
{
	const struct plan_at at = maincf_at(m, "smtp_sasl_password_maps");
	struct slice maps = slice_str(maincf_get(m, "smtp_sasl_password_maps")), map;
	struct maincf_table table;
	struct maincf_line line;

	if (!maincf_is_yes(m, "smtp_sasl_auth_enable") ||
	    !maincf_is_yes(m, "smtp_sender_dependent_authentication"))
		return;
	while ((map = maincf_map(&maps)).n) {
		if (!maincf_table_open(m, map, at, &table))
			continue;
		while (maincf_table_next(m, &table, &line)) {
			const char *section = sender_section(m->im->plan, line.name);

			if (memchr(line.name.p, '@', line.name.n) &&
			    !plan_get(m->im->plan, section, "via"))
				postfix_host_set(m, section, line.name,
				    slice_str(maincf_get(m, "relayhost")),
				    maincf_at(m, "relayhost"));
		}
	}
}

/* TLS and logins of hosts that no setting names. */
static void
note_without_host(const struct maincf *m)
{
	if (plan_get(m->im->plan, "route *", "via"))
		return;
	postfix_host_set_exchangers(m, "relay");
	if (maincf_is_yes(m, "smtp_sasl_auth_enable") &&
	    !maincf_has(m, "sender_dependent_relayhost_maps"))
		plan_untranslated(m->im->plan, maincf_at(m, "smtp_sasl_password_maps"),
		    SL("smtp_sasl_password_maps"), "set user and password-file in the [route] of "
		    "the host");
}

/* The way of mail for other domains.  Without one it goes to the exchangers. */
static void
set_default(const struct maincf *m)
{
	const char *value = maincf_get(m, "default_transport");
	const bool usual = !maincf_is_unknown(m, "default_transport") &&
	    (!*value || strcmp(value, "smtp") == 0 || strcmp(value, "smtp:") == 0);
	const bool host = maincf_is_unknown(m, "relayhost") || *maincf_get(m, "relayhost");

	if ((!usual || host) && plan_get(m->im->plan, "route *", "via"))
		plan_note(m->im->plan, maincf_at(m, usual ? "relayhost" : "default_transport"),
		    usual ? "there is a [route *] already: this host is left out" :
		    "transport_maps has a line *, which counts");
	else if (!usual || host)
		postfix_routes_set_default(m, "route *",
		    maincf_at(m, usual ? "relayhost" : "default_transport"));
}

/* ---- this host ---- */

static void
set_name(const struct maincf *m)
{
	const char *name = maincf_get(m, "myhostname"), *origin = maincf_get(m, "myorigin");
	const char *from = maincf_has(m, "myorigin") ? "myorigin" : "myhostname";

	if (origin[0] == '/')
		origin = text_first_line(m->im, origin);
	if (origin && *origin && strcmp(origin, name) != 0)
		plan_note(m->im->plan, maincf_at(m, from),
		    "addresses without a domain and greetings "
		    "have one name here, that of myorigin");
	if (!origin || !*origin)
		origin = name;
	if (*origin && (maincf_has(m, "myorigin") || maincf_has(m, "myhostname")))
		local_hostname(m->im, origin, maincf_at(m, from));
}

static void
note_interfaces(const struct maincf *m)
{
	const char *value = maincf_get(m, "inet_interfaces");
	const struct plan_at at = maincf_at(m, "inet_interfaces");

	if (strcmp(value, "loopback-only") == 0 || strcmp(value, "localhost") == 0)
		plan_note(m->im->plan, at, "the socket has the addresses: type  systemctl edit "
		    "smtp-handler-listen.socket  and write [Socket], ListenStream=, "
		    "ListenStream=127.0.0.1:25, ListenStream=[::1]:25 (the package has this "
		    "already)");
	else if (*value)
		plan_note(m->im->plan, at, "the socket has the addresses: type  systemctl edit "
		    "smtp-handler-listen.socket  and write [Socket], ListenStream= and a line "
		    "ListenStream=ADDRESS:25 for each (ListenStream=25 is all)");
}

/* The place of a filter. */
static const char *
milter_place(const struct maincf *m, struct slice word)
{
	struct slice path, type = slice_cut(word, ':', &path);

	if (!slice_eq(type, SL("unix")) && !slice_eq(type, SL("local")))
		return plan_copy(m->im->plan, word);
	return plan_text(m->im->plan, "unix:%s", postfix_host_socket(m, path));
}

/* The places of all filters with commas between them, or NULL.  One in braces may have options. */
static const char *
milter_places(const struct maincf *m)
{
	struct slice list = slice_str(maincf_get(m, "smtpd_milters")), word;
	const char *text = NULL;
	bool inside = false, taken = false;

	while ((word = maincf_word(&list)).n) {
		if (word.p[0] == '{') {
			inside = true;
			taken = false;
			word = slice_skip(word, 1);
		}
		if (inside && word.n && word.p[word.n - 1] == '}') {
			inside = false;
			word.n--;
		}
		if (word.n && taken)
			plan_untranslated(m->im->plan, maincf_at(m, "smtpd_milters"), word,
			    "an option of one filter: see milter-on-failure and "
			    "milter-command-timeout in smtp-handler.conf(5)");
		else if (word.n)
			text = plan_text(m->im->plan, "%s%s%s", text ? text : "", text ? ", " : "",
			    milter_place(m, word));
		taken = inside && (taken || word.n);
	}
	return text;
}

static void
set_milters(const struct maincf *m)
{
	struct plan *p = m->im->plan;
	const char *text = milter_places(m), *action = maincf_get(m, "milter_default_action");
	const char *others_text = maincf_get(m, "non_smtpd_milters");

	if (text && plan_set(p, "server", "milter", maincf_at(m, "smtpd_milters"), "%s", text))
		plan_note(p, maincf_at(m, "smtpd_milters"),
		    "the user smtp-handler must be able "
		    "to connect to each filter");
	else if (text)
		plan_stop(p, maincf_at(m, "smtpd_milters"), "the filters cannot be written here, "
		    "and mail would go past them: write [server] milter");
	if (*others_text && strcmp(others_text, maincf_get(m, "smtpd_milters")) != 0)
		plan_untranslated(p, maincf_at(m, "non_smtpd_milters"), SL("non_smtpd_milters"),
		    "mail of sendmail has the same filters as other mail: [server] milter");
	if (strcmp(action, "accept") == 0)
		(void)plan_set(p, "server", "milter-on-failure",
		    maincf_at(m, "milter_default_action"), "accept");
	else if (*action && strcmp(action, "tempfail") != 0)
		plan_untranslated(p, maincf_at(m, "milter_default_action"),
		    SL("milter_default_action"), "mail is refused for now if a filter fails: "
		    "milter-on-failure in smtp-handler.conf(5)");
}

/* Our programs demand that the shortest wait is not above the longest. */
static void
settle_retries(const struct maincf *m)
{
	const char *min = plan_get(m->im->plan, "queue", "retry-min");
	const char *max = plan_get(m->im->plan, "queue", "retry-max");
	uint64_t shortest = 0, longest = 0;

	if (!min && !max)
		return;
	if (words_duration_ms(slice_str(min ? min : "5min"), &shortest) &&
	    words_duration_ms(slice_str(max ? max : "4h"), &longest) && shortest <= longest)
		return;
	(void)plan_set(m->im->plan, "queue", "retry-min",
	    maincf_at(m, min ? "minimal_backoff_time" : "maximal_backoff_time"), "%s",
	    min && !max ? "4h" : max);
}

static void
set_small(const struct maincf *m)
{
	static const char *const sources[] = { "smtp_bind_address", "smtp_bind_address6" };
	struct plan *p = m->im->plan;
	const char *text = maincf_get(m, "inet_protocols"), *bind = "";

	if (strcmp(text, "ipv4") == 0 || strcmp(text, "ipv6") == 0)
		(void)plan_set(p, "relay", "family", maincf_at(m, "inet_protocols"), "%s", text);
	for (size_t i = 0; i < 2; i++)
		bind = plan_text(p, "%s%s%s", bind, *bind ? " " : "", maincf_get(m, sources[i]));
	if (*bind)
		(void)plan_set(p, "relay", "bind",
		    maincf_at(m, sources[maincf_has(m, sources[0]) ? 0 : 1]), "%.*s",
		    (int)slice_trim(slice_str(bind)).n, slice_trim(slice_str(bind)).p);
	text = maincf_get(m, "smtp_tls_CAfile");
	if (*text && strcmp(text, "/etc/ssl/certs/ca-certificates.crt") != 0)
		(void)plan_set(p, "relay", "tls-ca-file", maincf_at(m, "smtp_tls_CAfile"), "%s",
		    text);
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
		const char *unit = plain[i].unit;
		size_t n;

		text = maincf_get(m, plain[i].name);
		if (strcmp(plain[i].name, "message_size_limit") == 0 && strcmp(text, "0") == 0)
			text = "1T";	/* no limit */
		n = strlen(text);
		if (n == 0)
			continue;
		if (text[n - 1] < '0' || text[n - 1] > '9')
			unit = text[n - 1] == 'm' ? "in" : "";	/* "m" are minutes */
		(void)plan_set(p, plain[i].section, plain[i].key, maincf_at(m, plain[i].name),
		    "%s%s",
		    text, unit);
	}
	settle_retries(m);
}

static bool
is_translated(struct slice name)
{
	for (size_t i = 0; i < sizeof translated / sizeof translated[0]; i++)
		if (slice_eq(name, slice_str(translated[i])))
			return true;
	for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++)
		if (slice_eq(name, slice_str(plain[i].name)))
			return true;
	return false;
}

/* A note of a parameter that has not its usual value.  False: it is none of them. */
static bool
note_unusual(const struct maincf *m, const struct maincf_line *l)
{
	for (size_t i = 0; i < sizeof with_usual / sizeof with_usual[0]; i++) {
		bool usual = false;

		if (!slice_eq(l->name, slice_str(with_usual[i].name)))
			continue;
		for (size_t k = 0; k < 3 && with_usual[i].usual[k]; k++)
			usual |= slice_eq(l->value, slice_str(with_usual[i].usual[k]));
		if (!usual)
			plan_untranslated(m->im->plan, (struct plan_at){ l->file, l->line },
			    l->name, with_usual[i].advice);
		return true;
	}
	return false;
}

/* Parameters that send mail another way than the others do. */
static void
decide_others(const struct maincf *m)
{
	for (size_t i = 0; i < sizeof deciding / sizeof deciding[0]; i++)
		if (*maincf_get(m, deciding[i].name))
			plan_stop(m->im->plan, maincf_at(m, deciding[i].name), "%s: is not "
			    "translated: %s", deciding[i].name, deciding[i].advice);
}

/* Is it one of these? */
static bool
is_deciding(struct slice name)
{
	for (size_t i = 0; i < sizeof deciding / sizeof deciding[0]; i++)
		if (slice_eq(name, slice_str(deciding[i].name)))
			return true;
	return false;
}

/* Other parameters without a value are no settings, but one. */
static void
note_others(const struct maincf *m)
{
	for (size_t i = 0; i < m->n; i++) {
		const struct maincf_line *l = &m->lines[i];
		const struct plan_at at = { l->file, l->line };

		if (slice_eq(l->name, SL("relay_transport")) && (slice_eq(l->value, SL("smtp")) ||
		    slice_eq(l->value, SL("relay")) || *maincf_get(m, "relay_domains")))
			continue;
		if ((l->value.n == 0 && !slice_eq(l->name, SL("local_recipient_maps"))) ||
		    is_translated(l->name) || is_deciding(l->name) || note_unusual(m, l) ||
		    text_advise(m->im->plan, at, others, l->name))
			continue;
		plan_untranslated(m->im->plan, at, m->lines[i].name,
		    "look for its subject in smtp-handler.conf(5)");
	}
}

void
import_postfix(struct import *im, const char *file, struct slice text)
{
	struct postfix_rows transports = { 0 };
	struct maincf m;

	if (maincf_read(&m, im, file, text)) {
		postfix_services_read(&m);
		set_name(&m);
		postfix_clients_set_networks(&m);
		set_small(&m);
		set_milters(&m);
		postfix_rows_read(&m, "transport_maps", &transports);
		postfix_routes_set_transports(&m, &transports);
		postfix_domains_set(&m, &transports);
		set_senders(&m);
		set_sender_logins(&m);
		set_default(&m);
		postfix_senders_set(&m);
		postfix_clients_close_routes(&m);
		note_without_host(&m);
		note_interfaces(&m);
		decide_others(&m);
		note_others(&m);
	}
	postfix_rows_done(&transports);
	maincf_done(&m);
}
