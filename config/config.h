// SPDX-License-Identifier: ISC
/*
 * The configuration, shared by all programs: built-in defaults, then the file,
 * then conf.d/ beside it, then -o.  Every key that exists stands in one table in
 * keys.c, with its section, its kind, its default, its bounds and its place in this struct.
 */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cidr.h"
#include "base/slice.h"
#include "config/way.h"

#define CONFIG_DEFAULT_FILE "/etc/smtp-handler/smtp-handler.conf"

enum config_syntax { SYNTAX_TOLERANT, SYNTAX_STRICT };
enum config_role { ROLE_MX, ROLE_SUBMISSION, ROLE_LMTP };
enum config_newline { NEWLINE_REJECT, NEWLINE_NORMALIZE };
enum config_tls { SERVER_TLS_OFF, SERVER_TLS_OFFER, SERVER_TLS_REQUIRED };
enum config_client_certificates { CLIENT_CERTIFICATES_OFF, CLIENT_CERTIFICATES_ASK };
enum config_auth { AUTH_OFF, AUTH_FILE, AUTH_DOVECOT };
enum config_early { EARLY_LOG, EARLY_REFUSE };
enum config_mx_order { MX_ORDER_PREFERENCE, MX_ORDER_LATENCY };
/* Towards other servers; unset: not said here. */
enum relay_tls { RELAY_TLS_UNSET, RELAY_TLS_NONE, RELAY_TLS_MAY, RELAY_TLS_REQUIRE };
enum config_accept { ACCEPT_TRUSTED, ACCEPT_ANYONE };

struct route {
	char *pattern;		/* "example.org", ".example.org", "*", "anna@example.org"; lower case */
	bool by_sender;		/* [sender PATTERN]: of the reverse-path, else of the recipient's domain */
	enum route_via via;
	char *via_text;		/* as written, for --explain and the log */
	char *host;		/* the one host it names, or NULL: name or address, without brackets */
	enum route_scheme scheme;
	enum relay_tls tls;	/* unset: as [relay] says */
	uint16_t port;		/* of host; 0: [relay] port */
	char *target;		/* the path or the text that it names, or NULL */
	bool accept_set;
	enum config_accept accept;	/* settled by config_load, whatever was written */
	char *recipients;	/* file, or NULL: any local part */
	char *aliases;
	char subaddress;	/* between user and detail; NUL: none */
	char *user;		/* to log in as; NULL: not at all */
	char *password_file;	/* a path or a credential (config/secret.h); NULL: none, then there is */
	char *token_command;	/* that prints a token */
};

struct network_list {
	struct cidr *list;
	size_t n;
	bool local;		/* pipes and AF_UNIX too */
};

struct config {
	struct {
		char *directory;
		uint64_t lifetime_s, warn_after_s, retry_min_s, retry_max_s;
		uint64_t min_free;		/* octets */
	} queue;
	struct {
		/* FQDN, or an address literal.  NULL where none was written and the host has no name with a
		 * dot: then a session greets with the literal of its own end's address (RFC 5321 section 4.1.3). */
		char *hostname;
		uint64_t max_message_size;	/* octets */
		uint64_t max_recipients, max_errors, max_connections;
		uint64_t max_messages;		/* of one session */
		uint64_t timeout_ms, session_timeout_ms;
		uint64_t min_rate;		/* octets of a message a second; 0: any */
		enum config_early early_talkers;
		enum config_syntax syntax;
		enum config_role role;
		enum config_newline bare_newline;
		char *refuse;			/* text: no service at all; or NULL */
		struct cidr *trusted;
		size_t ntrusted;
		bool trust_local;		/* pipes and AF_UNIX */
		int proxy_protocol;		/* 0 or 1; from whom: */
		struct network_list proxy_trusted;
		char *senders;			/* file, or NULL */
		enum config_tls tls;
		char *tls_certificate, *tls_key;	/* lists of files or credentials (config/secret.h), or NULL */
		enum config_client_certificates tls_client;
		char *tls_program;		/* NULL: beside smtp-handler */
		enum config_auth auth;
		char *auth_target;		/* file or credential; socket */
		char *auth_senders;		/* file, or NULL */
	} server;
	struct {
		struct address_list resolver;	/* none: resolv.conf */
		uint64_t port, processes, per_destination;
		enum address_family family;
		enum config_mx_order mx_order;
		enum relay_tls tls;
		char *tls_ca_file;		/* NULL: the system's */
		char *ignore_keywords;		/* of EHLO, or NULL */
		struct address_list bind;
		uint64_t connect_timeout_ms, greeting_timeout_ms, command_timeout_ms;
		uint64_t data_timeout_ms, block_timeout_ms, dot_timeout_ms;
		uint64_t latency_fresh_s;	/* how long a measured latency counts */
	} relay;
	struct route *routes;
	size_t nroutes;
};

/* Told of each error; file is "-o" for options, line 0 where there is none. */
struct config_report {
	void (*error)(void *ctx, const char *file, unsigned line, const char *text);
	void *ctx;
};

/*
 * Read it all.  file NULL means the default file, which may be missing; a named
 * one may not.  overrides are n strings SECTION.KEY=VALUE.  0, or -EINVAL after
 * every error was reported (c is then still safe for config_done()).  What is in
 * c is allocated and belongs to it.
 */
int config_load(struct config *c, const char *file, const char *const *overrides, size_t n,
    const struct config_report *report);
void config_done(struct config *c);

/* The route for a domain (any case): the longest pattern that matches, an exact name before
 * ".suffix" before "*".  Never NULL: without a match it is the built-in `* via mx, accept = trusted`.
 * Borrowed from c. */
const struct route *config_route(const struct config *c, struct slice domain);

/* The route of <postmaster> without a domain (RFC 5321 section 4.5.1), and which domain's it is: this host's name, unless mail for
 * that goes elsewhere and some other domain's ends here.  Both live as long as c. */
const struct route *config_postmaster(const struct config *c, struct slice *ret_domain);

/* The route of a message from sender, an address; empty: the null path.  A [route] that names the recipient's domain or a
 * suffix of it, then the [sender] that matches best, an address before a name before ".suffix", then the rest. */
const struct route *config_route_from(const struct config *c, struct slice sender, struct slice domain);

/* Does sa belong to [server] trusted?  NULL means a pipe or AF_UNIX ("local"). */
bool config_trusts(const struct config *c, const struct sockaddr *sa);

/* The same for the balancers whose word counts ([server] proxy-trusted); nobody's without proxy-protocol = on. */
bool config_is_balancer(const struct config *c, const struct sockaddr *sa);

#endif
