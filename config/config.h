// SPDX-License-Identifier: ISC
/*
 * The configuration that all programs share: built-in defaults, then the file, then conf.d/ beside
 * it, then -o.  One table in keys.c has each key with its section, kind, default, bounds and place
 * in this struct.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cidr.h"
#include "base/slice.h"
#include "base/standing.h"
#include "config/way.h"

#define CONFIG_DEFAULT_FILE "/etc/smtp-handler/smtp-handler.conf"
#define SENDMAIL_SOCKET "/run/smtp-handler/socket"

enum config_syntax { SYNTAX_TOLERANT, SYNTAX_STRICT };
enum config_role { ROLE_MX, ROLE_SUBMISSION, ROLE_LMTP };
enum config_newline { NEWLINE_REJECT, NEWLINE_NORMALIZE };
enum config_tls { SERVER_TLS_OFF, SERVER_TLS_OFFER, SERVER_TLS_REQUIRED };
enum config_client_certificates { CLIENT_CERTIFICATES_OFF, CLIENT_CERTIFICATES_ASK };
enum config_auth { AUTH_OFF, AUTH_FILE, AUTH_DOVECOT };
/* The mail of a session whose filter does not work. */
enum config_milter_failure { MILTER_FAILURE_TEMPFAIL, MILTER_FAILURE_ACCEPT };
/* Mail that fails DMARC, if the domain wants it to be rejected. */
enum config_dmarc { VERIFY_MARK, VERIFY_ENFORCE };
enum config_early { EARLY_LOG, EARLY_REFUSE };
/* The clients that a rule is for. */
enum config_clients { CLIENTS_NONE, CLIENTS_STRANGERS, CLIENTS_ALL };
enum config_mx_order { MX_ORDER_PREFERENCE, MX_ORDER_LATENCY };
/* TLS to other servers; unset: the next wider setting counts. */
/* The source of the proofs of DNSSEC. */
enum relay_sts {
	RELAY_STS_OFF,
	RELAY_STS_ON,
	RELAY_STS_AUTO,			/* on, if smtp-fetch is there */
};

enum relay_dnssec { RELAY_DNSSEC_AUTO, RELAY_DNSSEC_TRUST_AD, RELAY_DNSSEC_OFF };

enum relay_tls {
	RELAY_TLS_UNSET, RELAY_TLS_NONE, RELAY_TLS_MAY, RELAY_TLS_LEARNED, RELAY_TLS_REQUIRE,
};
enum config_accept { ACCEPT_TRUSTED, ACCEPT_ANYONE };

enum route_host_order { HOSTS_LISTED, HOSTS_LATENCY, HOSTS_BALANCED };

struct route {
	char *pattern;		/* "example.org", ".example.org", "*", "anna@example.org" */
	bool by_sender;		/* [sender]: matches the reverse-path; else the domain */
	enum route_via via;
	char *via_text;		/* the value of `via` as it was written */
	struct route_host {
		char *name;	/* or address, without brackets; "_...": of SRV records */
		uint16_t port;	/* 0: [relay] port, or that of SRV records */
	} hosts[WAY_HOSTS_MAX];	/* that via names */
	size_t nhosts;
	enum route_host_order host_order;
	enum route_scheme scheme;
	enum relay_tls tls;	/* unset: as [relay] tls */
	char *target;		/* the path or the text that it names, or NULL */
	bool accept_set;
	enum config_accept accept;	/* also valid if nothing was written */
	char *recipients;	/* file, or NULL */
	bool users;		/* the recipients are the users of this machine */
	char *aliases;		/* file, or NULL */
	bool junk_folder;	/* marked messages go to the folder Junk of the mailbox */
	bool verp;		/* the owner of a list has an address for each member */
	uint64_t interval_us;	/* between messages to one destination; 0: any rate */
	char subaddress;	/* the octet between user and detail; NUL: none */
	char *user;		/* name for the login; NULL: no login */
	char *password_file;	/* a path or a credential (config/secret.h); or NULL */
	char *token_command;	/* prints a token, in place of a password; or NULL */
};

/* Does a list decide which local parts exist?  Otherwise any does. */
static inline bool
route_lists(const struct route *r)
{
	return r->recipients || r->users;
}

/* Is it the name of SRV records, which name hosts and their ports? */
static inline bool
route_host_is_service(const struct route_host *h)
{
	return h->name[0] == '_';
}

static inline bool
route_has_services(const struct route *r)
{
	for (size_t i = 0; i < r->nhosts; i++)
		if (route_host_is_service(&r->hosts[i]))
			return true;
	return false;
}

/* A section [dkim]: the keys that sign mail of a domain. */
struct dkim_domain {
	char *name;		/* in lower case, with A-labels */
	char *selector, *key;	/* lists of the same length (config/dkim.h) */
};

struct network_list {
	struct cidr *list;
	size_t n;
	bool local;		/* also pipes and AF_UNIX */
};

struct config {
	struct {
		char *directory;
		uint64_t lifetime_s, warn_after_s, retry_min_s, retry_max_s;
		uint64_t min_free;		/* octets */
		uint64_t lease_ms;		/* 0: no lease */
	} queue;
	struct {
		/* FQDN or address literal.  NULL if none was written and the host has no name with
		 * a dot: a session then greets with the literal of its own address
		 * (RFC 5321 section 4.1.3). */
		char *hostname;
		uint64_t max_message_size;	/* octets */
		uint64_t max_recipients, max_errors, max_connections;
		uint64_t max_messages;		/* in one session */
		uint64_t timeout_ms, session_timeout_ms;
		uint64_t min_rate;		/* octets of content a second; 0: any */
		enum config_clients limit_clients;	/* limits by client address */
		uint64_t client_connections;	/* at a time; of these five, 0 is any number */
		uint64_t client_rate;		/* new connections a minute */
		uint64_t client_failed_logins;	/* an hour, and so are the next two */
		uint64_t client_refused_recipients, client_probes;
		uint64_t password_checks;	/* at a time, of all sessions */
		uint64_t user_messages, user_recipients;	/* an hour; 0: any number */
		char *user_rate;		/* of recipients (config/rate.h); empty: none */
		uint64_t exit_idle_ms;		/* a listener without sessions ends; 0: never */
		enum config_clients end_idle;	/* their idle sessions make room for others */
		enum config_early early_talkers;
		enum config_syntax syntax;
		enum config_role role;
		enum config_newline bare_newline;
		char *refuse;			/* the text that refuses all sessions, or NULL */
		struct network_list trusted;
		int submit_trusted;		/* 0 or 1: their messages are submissions */
		int proxy_protocol;		/* 0 or 1 */
		struct network_list proxy_trusted;	/* balancers that may send a PROXY header */
		struct network_list xclient;	/* proxies that may name their client */
		char *senders, *masquerade;	/* files, or NULL */
		char *users_socket;		/* of smtp-maildir --users */
		enum config_tls tls;
		char *tls_certificate, *tls_key;	/* lists of files or credentials, or NULL */
		enum config_client_certificates tls_client;
		char *tls_program;		/* NULL: beside smtp-handler */
		enum config_auth auth;
		char *auth_target;		/* file or credential; AUTH_DOVECOT: socket */
		char *auth_senders;		/* file, or NULL */
		char *srs_secret;		/* file or credential, or NULL */
		char *milter;			/* places of filters (config/milter.h), or NULL */
		enum config_milter_failure milter_failure;
		uint64_t milter_command_timeout_ms, milter_content_timeout_ms;
	} server;
	struct {
		struct address_list resolver;	/* empty: the servers of resolv.conf */
		enum relay_dnssec dnssec;
		char *dnssec_anchor;		/* file: the keys of the root */
		char *dnssec_unsigned;		/* domains that are not validated; or NULL */
		uint64_t port, processes, per_destination, per_address;
		enum address_family family;
		int allow_loopback;		/* 0 or 1: exchangers on this host or link */
		enum config_mx_order mx_order;
		enum relay_tls tls;
		enum relay_sts mta_sts;
		char *tls_ca_file;		/* NULL: the system's */
		char *ignore_keywords;		/* keywords of EHLO replies; or NULL */
		struct address_list bind;
		uint64_t connect_timeout_ms, greeting_timeout_ms, command_timeout_ms;
		uint64_t data_timeout_ms, block_timeout_ms, dot_timeout_ms;
		uint64_t transaction_timeout_ms;	/* of all replies; more with recipients */
		char *maildir_socket;		/* of smtp-maildir */
		char *srs_domain;		/* of reverse-paths (smtp/srs.h); or NULL */
		char *srs_secret;		/* file or credential, or NULL */
		uint64_t min_uid;		/* the users below get no mail */
		uint64_t latency_fresh_s;	/* age at which a latency is measured again */
	} relay;
	struct {
		char *socket;			/* of the handler on this host */
		int outbox;			/* 0 or 1: users keep what cannot be handed in */
	} sendmail;
	struct {
		uint64_t timeout_ms;		/* for the DNS, for one message */
		uint64_t max_connections;
		enum config_dmarc dmarc;
		char *dmarc_exempt;		/* (config/exempt.h), or NULL */
		char *dnsbl;			/* (config/dnsbl.h), or NULL */
	} verify;
	struct {
		char *contact;			/* local@domain; NULL: no reports are sent */
		char *organization;		/* NULL: the name of the host */
		char *dmarc_findings;		/* folder of smtp-verify; or NULL */
	} reports;
	struct {
		char *redis;			/* the place of Redis (config/redis.h), or NULL */
		char *user;			/* of the login; NULL: the default one */
		char *password_file;		/* file or credential; NULL: no login */
		char *prefix;			/* of all keys; NULL: none */
	} shared;
	struct route *routes;
	size_t nroutes;
	struct dkim_domain *dkim;
	size_t ndkim;
};

/* Takes each error.  file is "-o" for options and NULL for none; line is 0 for none. */
struct config_report {
	void (*error)(void *ctx, const char *file, unsigned line, const char *text);
	void *ctx;
};

struct config_texts;

struct config_source {
	const char *file;	/* must exist; NULL: the default file, which may be missing */
	const char *const *overrides;	/* strings SECTION.KEY=VALUE */
	size_t noverrides;
	const struct config_texts *texts;	/* what the files had before; NULL: read them */
	struct config_texts *keep;	/* gets what the files have now; NULL: nobody */
};

/* Read the whole configuration into c, which owns all it points to.  0; or -EINVAL after every
 * error was reported: config_done() must be called then, too. */
int config_load_from(struct config *c, const struct config_source *from,
    const struct config_report *report);

/* The same from a file, or from the default file (NULL), and n overrides. */
int config_load(struct config *c, const char *file, const char *const *overrides, size_t n,
    const struct config_report *report);
void config_done(struct config *c);

/* The [route] of a domain, in any case: an exact name before the longest ".suffix" before "*".
 * Never NULL: without a match it is the built-in `* via mx, accept = trusted`.  Borrowed from c. */
const struct route *config_route(const struct config *c, struct slice domain);
/* A number for each route that the functions above return, up to c->nroutes. */
size_t config_route_number(const struct config *c, const struct route *route);
const struct route *config_route_at(const struct config *c, size_t number);

/* The route of <postmaster> without a domain, and the domain that it stands for.  The domain is our
 * own name.  If mail for our name leaves this machine, another domain whose mail stays is used.
 * Both live as long as c (RFC 5321 section 4.5.1). */
const struct route *config_postmaster(const struct config *c, struct slice *ret_domain);

/* Does mail for the domain stay here, or may anyone send it to the servers behind this one?  The
 * name of this host is ours in any case. */
bool config_is_ours(const struct config *c, struct slice domain);

/* The sender: the reverse-path, and the rights of the client that named it. */
struct sender {
	struct slice path;	/* an address; empty: the null path, or none */
	enum standing standing;
};

/* The route of mail from a sender to a domain.  A [route] with the domain or a suffix of it comes
 * first, then a [sender], then [route *].  The [sender] is the best one that the sender may use: an
 * address before a name, and a name before ".suffix".  A stranger may use no [sender].  A user may
 * use one with a login only if the path is the user's own. */
const struct route *config_route_from(
    const struct config *c, struct sender sender, struct slice domain);

/* Does [server] trusted have sa?  NULL means a pipe or AF_UNIX ("local"). */
bool config_trusts(const struct config *c, const struct sockaddr *sa);

/* Does [server] proxy-trusted have sa?  Always false without proxy-protocol = on. */
bool config_is_balancer(const struct config *c, const struct sockaddr *sa);

/* Does [server] xclient have sa? */
bool config_is_proxy(const struct config *c, const struct sockaddr *sa);

#endif
