// SPDX-License-Identifier: ISC
#include "config/config.h"

#include "base/name.h"
#include "config/keys.h"
#include "tests/lib/config.h"

#define LONG_PATH \
	"123456789.123456789.123456789.123456789.123456789.123456789.123456789." \
	"123456789.123456789.123456789.123456789."
#define LONG_LIST LIST_4 LIST_4 LIST_4 LIST_4
#define LIST_4 ADDRESS_22 ADDRESS_22 ADDRESS_22 ADDRESS_22
#define ADDRESS_22 "2001:db8:1:2:3:4:5:6 "

static void
check_defaults(void)
{
	struct config c;

	ok(load(&c, "", NULL, 0) == 0, "an empty file is good");
	ok(strcmp(c.queue.directory, "/var/spool/smtp-handler") == 0, "directory");
	ok(c.queue.lifetime_s == 5 * 86400 && c.queue.warn_after_s == 4 * 3600,
	    "lifetime, warn-after");
	ok(c.queue.retry_min_s == 300 && c.queue.retry_max_s == 4 * 3600,
	    "V34 retry-min, retry-max");
	ok(c.queue.min_free == 64 << 20 && c.queue.lease_ms == 0, "min-free, lease");
	ok(!c.server.hostname || name_is_fqdn(slice_str(c.server.hostname)), "hostname");
	ok(c.server.max_message_size == 50 << 20 && c.server.max_recipients == 1000,
	    "max-message-size, max-recipients");
	ok(c.server.max_errors == 20 && c.server.max_connections == 500,
	    "max-errors, max-connections");
	ok(c.server.timeout_ms == 300000 && c.server.session_timeout_ms == 3600000,
	    "timeout, session-timeout");
	ok(c.server.min_rate == 10 && c.server.max_messages == 10000 &&
	    c.server.early_talkers == EARLY_LOG,
	    "min-rate, max-messages, early-talkers");
	ok(c.server.limit_clients == CLIENTS_STRANGERS && c.server.end_idle == CLIENTS_STRANGERS,
	    "limit-clients, end-idle");
	ok(c.server.client_connections == 32 && c.server.client_rate == 600 &&
	    c.server.client_failed_logins == 60 && c.server.client_refused_recipients == 500 &&
	    c.server.client_probes == 200 && c.server.password_checks == 4 &&
	    c.server.user_messages == 0 && c.server.user_recipients == 0 && !c.server.user_rate,
	    "limits by client address");
	ok(c.server.syntax == SYNTAX_TOLERANT && c.server.role == ROLE_MX, "syntax, role");
	ok(c.server.trusted.local && c.server.trusted.n == 2, "trusted");
	ok(!c.server.senders, "senders");
	ok(c.relay.resolver.n == 0 && c.relay.bind.n == 0, "resolver, bind");
	ok(c.relay.port == 25 && c.relay.processes == 200 && c.relay.per_destination == 20 &&
	    c.relay.per_address == 20,
	    "port, processes, per-destination, per-address");
	ok(c.relay.dnssec == RELAY_DNSSEC_AUTO && !c.relay.dnssec_unsigned &&
	    strcmp(c.relay.dnssec_anchor, "/usr/share/dns/root.key") == 0,
	    "dnssec, dnssec-anchor, dnssec-unsigned");
	ok(c.relay.family == FAMILY_ANY && c.relay.mx_order == MX_ORDER_PREFERENCE,
	    "family, mx-order");
	ok(c.relay.tls == RELAY_TLS_MAY && !c.relay.tls_ca_file && !c.relay.ignore_keywords,
	    "tls, tls-ca-file, ignore-keywords");
	ok(c.relay.latency_fresh_s == 3600 && c.relay.connect_timeout_ms == 30000,
	    "V38 latency-fresh, connect-timeout");
	ok(c.relay.greeting_timeout_ms == 300000 && c.relay.command_timeout_ms == 300000 &&
	    c.relay.data_timeout_ms == 120000 && c.relay.block_timeout_ms == 180000 &&
	    c.relay.dot_timeout_ms == 600000 && c.relay.transaction_timeout_ms == 900000,
	    "R139 V38 timeouts of RFC 5321 section 4.5.3.2");
	ok(c.nroutes == 0 && config_route(&c, SL("example.org"))->via == VIA_MX, "route");
	config_done(&c);
	config_done(&c);
	ok(!c.queue.directory, "a second config_done() does nothing");
}

/* Every key, with a value that is not its default. */
static void
check_all_keys(void)
{
	struct config c;
	char text[3200];

	write_at("list", "a@example.org\n");
	(void)snprintf(text, sizeof text,
	    "[queue]\nlease = 30s\n"
	    "directory = /q\nlifetime = 1d\nwarn-after = 2h\nretry-min = 1min\n"
	    "retry-max = 30min\nmin-free = 1M\n"
	    "[server]\nhostname = mail.example.org\nmax-message-size = 1M\nmax-recipients = 100\n"
	    "max-errors = 3\nmax-connections = 7\nlimit-clients = all\n"
	    "client-connections = 8\nclient-rate = 0\nclient-failed-logins = 9\n"
	    "client-refused-recipients = 10\nclient-probes = 1000000\nend-idle = off\n"
	    "password-checks = 11\nuser-messages = 12\nuser-recipients = 13\n"
	    "user-rate = 14/1h anna=any\n"
	    "timeout = 10s\nsession-timeout = 20s\n"
	    "min-rate = 1K\nmax-messages = 9\nearly-talkers = refuse\nsyntax = strict\n"
	    "trusted = 192.0.2.0/24 2001:db8::/32 10.0.0.1\nsenders = %s/list\nrole = mx\n"
	    "masquerade = %s/list\n"
	    "bare-newline = normalize\nrefuse = no mail here\ntls = required\n"
	    "tls-certificate = /c1 c2\ntls-key = k1.pem /k2\ntls-client-certificates = ask\n"
	    "tls-program = /p\nauth = dovecot:/run/auth\nauth-senders = %s/list\n"
	    "srs-secret = /s\nmilter = unix:/m, inet:[::1]:8891\nmilter-on-failure = accept\n"
	    "milter-command-timeout = 5s\nmilter-content-timeout = 6s\n"
	    "proxy-protocol = on\nproxy-trusted = 198.51.100.0/24 local\n"
	    "xclient = 203.0.113.0/24\n"
	    "[relay]\nresolver = 127.0.0.1@5353 ::1\ndnssec = trust-ad\n"
	    "dnssec-anchor = /root.key\ndnssec-unsigned = lan corp.example\n"
	    "port = 2525\nfamily = ipv4\nprocesses = 5\n"
	    "per-destination = 2\nper-address = 3\nmx-order = latency\ntls = require\n"
	    "tls-ca-file = /ca\n"
	    "srs-domain = F\303\266rward.example\nsrs-secret = s\n"
	    "bind = 127.0.0.2 ::1\nlatency-fresh = 0\nignore-keywords = CHUNKING\n"
	    "connect-timeout = 500ms\ngreeting-timeout = 1s\ncommand-timeout = 2s\n"
	    "data-timeout = 3s\nblock-timeout = 4s\ndot-timeout = 5s\n"
	    "transaction-timeout = 6s\n"
	    "[verify]\ntimeout = 3s\nmax-connections = 4\ndmarc = enforce\n"
	    "dmarc-exempt = 192.0.2.0/24 list.example\ndnsbl = a.example\n"
	    "[reports]\ncontact = r@example.org\norganization = An Example\n"
	    "dmarc-findings = /f\n"
	    "[shared]\nredis = redis://192.0.2.1:6380/3\nuser = mail\npassword-file = /p\n"
	    "prefix = m:\n[dkim example.org]\nselector = s\nkey = k\n"
	    "[route Example.ORG]\nvia = maildir:/m/{domain}/{local}\naccept = trusted\n"
	    "recipients = %s/list\njunk-folder = on\n",
	    directory, directory, directory, directory);
	if (!ok(load(&c, text, NULL, 0) == 0, "every key is known"))
		printf("# %.*s", (int)errors.n, errors.p);
	ok(strcmp(c.queue.directory, "/q") == 0 && c.queue.lifetime_s == 86400 &&
	    c.queue.warn_after_s == 7200 && c.queue.retry_min_s == 60 &&
	    c.queue.retry_max_s == 1800 && c.queue.min_free == 1 << 20 &&
	    c.queue.lease_ms == 30000,
	    "[queue]");
	ok(c.server.auth == AUTH_DOVECOT && strcmp(c.server.auth_target, "/run/auth") == 0 &&
	    c.server.auth_senders,
	    "[server] auth");
	ok(c.server.tls == SERVER_TLS_REQUIRED && strcmp(c.server.tls_certificate, "/c1 c2") == 0 &&
	    strcmp(c.server.tls_key, "k1.pem /k2") == 0 &&
	    strcmp(c.server.tls_program, "/p") == 0 &&
	    c.server.tls_client == CLIENT_CERTIFICATES_ASK,
	    "[server] tls");
	ok(strcmp(c.server.hostname, "mail.example.org") == 0 &&
	    c.server.max_message_size == 1 << 20 && c.server.max_recipients == 100 &&
	    c.server.max_errors == 3 && c.server.max_connections == 7 &&
	    c.server.session_timeout_ms == 20000 && c.server.min_rate == 1024 &&
	    c.server.max_messages == 9 && c.server.early_talkers == EARLY_REFUSE &&
	    c.server.timeout_ms == 10000 && c.server.syntax == SYNTAX_STRICT &&
	    c.server.senders,
	    "[server]");
	ok(c.server.limit_clients == CLIENTS_ALL && c.server.end_idle == CLIENTS_NONE &&
	    c.server.client_connections == 8 && c.server.client_rate == 0 &&
	    c.server.client_failed_logins == 9 && c.server.client_refused_recipients == 10 &&
	    c.server.client_probes == 1000000 && c.server.password_checks == 11 &&
	    c.server.user_messages == 12 && c.server.user_recipients == 13 &&
	    strcmp(c.server.user_rate, "14/1h anna=any") == 0,
	    "[server] limits by client address");
	ok(strcmp(c.server.milter, "unix:/m, inet:[::1]:8891") == 0 &&
	    c.server.milter_failure == MILTER_FAILURE_ACCEPT &&
	    c.server.milter_command_timeout_ms == 5000 &&
	    c.server.milter_content_timeout_ms == 6000,
	    "[server] milter");
	ok(strcmp(c.relay.srs_domain, "xn--frward-wxa.example") == 0 &&
	    strcmp(c.relay.srs_secret, "s") == 0 && strcmp(c.server.srs_secret, "/s") == 0,
	    "srs-domain and srs-secret");
	ok(c.verify.timeout_ms == 3000 && c.verify.max_connections == 4 &&
	    c.verify.dmarc == VERIFY_ENFORCE &&
	    strcmp(c.verify.dmarc_exempt, "192.0.2.0/24 list.example") == 0 &&
	    strcmp(c.verify.dnsbl, "a.example") == 0,
	    "[verify]");
	ok(strcmp(c.reports.contact, "r@example.org") == 0 &&
	    strcmp(c.reports.organization, "An Example") == 0 &&
	    strcmp(c.reports.dmarc_findings, "/f") == 0,
	    "[reports]");
	ok(strcmp(c.shared.redis, "redis://192.0.2.1:6380/3") == 0 &&
	    strcmp(c.shared.user, "mail") == 0 && strcmp(c.shared.password_file, "/p") == 0 &&
	    strcmp(c.shared.prefix, "m:") == 0,
	    "[shared]");
	ok(c.server.proxy_protocol && c.server.proxy_trusted.n == 1 && c.server.proxy_trusted.local,
	    "[server] proxy-trusted");
	ok(c.server.xclient.n == 1 && !c.server.xclient.local, "[server] xclient");
	ok(!c.server.trusted.local && c.server.trusted.n == 3 &&
	    c.server.trusted.list[1].bits == 32,
	    "[server] trusted");
	ok(c.relay.resolver.n == 2 &&
	    address_port((struct sockaddr *)&c.relay.resolver.list[0]) == 5353 &&
	    address_port((struct sockaddr *)&c.relay.resolver.list[1]) == 53,
	    "[relay] resolver");
	ok(c.relay.dnssec == RELAY_DNSSEC_TRUST_AD &&
	    strcmp(c.relay.dnssec_anchor, "/root.key") == 0 &&
	    strcmp(c.relay.dnssec_unsigned, "lan corp.example") == 0,
	    "[relay] dnssec");
	ok(c.relay.tls == RELAY_TLS_REQUIRE && c.relay.tls_ca_file, "[relay] tls");
	ok(c.relay.ignore_keywords && strcmp(c.relay.ignore_keywords, "CHUNKING") == 0,
	    "[relay] ignore-keywords");
	ok(c.relay.bind.n == 2 && c.relay.bind.list[1].ss_family == AF_INET6, "[relay] bind");
	ok(c.relay.port == 2525 && c.relay.family == FAMILY_IPV4 && c.relay.processes == 5 &&
	    c.relay.per_destination == 2 && c.relay.per_address == 3 &&
	    c.relay.mx_order == MX_ORDER_LATENCY &&
	    c.relay.latency_fresh_s == 0,
	    "[relay]");
	ok(c.relay.connect_timeout_ms == 500 && c.relay.greeting_timeout_ms == 1000 &&
	    c.relay.command_timeout_ms == 2000 && c.relay.data_timeout_ms == 3000 &&
	    c.relay.block_timeout_ms == 4000 && c.relay.dot_timeout_ms == 5000 &&
	    c.relay.transaction_timeout_ms == 6000,
	    "[relay] timeouts");
	ok(c.nroutes == 1 && strcmp(c.routes[0].pattern, "example.org") == 0 &&
	    c.routes[0].via == VIA_MAILDIR &&
	    strcmp(c.routes[0].target, "/m/{domain}/{local}") == 0 && c.routes[0].recipients &&
	    c.routes[0].accept == ACCEPT_TRUSTED && c.routes[0].junk_folder,
	    "[route]");
	config_done(&c);
}

static const struct mistake mistakes[] = {
	{ "[shared]\nredis = redis://localhost\n", 2, "with an IP address" },
	{ "[shared]\nuser = mail\n", 2, "[shared] user: has no password: set password-file" },
	{ "[shared]\npassword-file = a/b\n", 2, "neither an absolute path nor" },
	{ "[shared]\nprefix = 01234567890123456789012345678901234567890123456789012345678901234\n",
	    2, "[shared] prefix: write at most 64 characters" },
	{ "[dkim]\nkey = /x\n", 1, "write [dkim example.org]" },
	{ "[dkim .example.org]\nkey = /x\n", 1, "write [dkim example.org]" },
	{ "[dkim example.org]\nkey = /x\n", 1, "[dkim example.org]: has no selector" },
	{ "[dkim example.org]\nselector = a\n", 1, "[dkim example.org]: has no key" },
	{ "[dkim example.org]\nselector = a b\nkey = /x\n", 1, "not the same number" },
	{ "[dkim example.org]\nselector = a!\nkey = /x\n", 2, "a! is no selector" },
	{ "[dkim example.org]\nselector = a\nkey = x/y\n", 3, "x/y is neither an absolute" },
	{ "[dkim example.org]\nselector = a b c d e\nkey = /x\n", 2, "at most 4" },
	{ "[dkim example.org]\nkeys = /x\n", 2, "the section has selector, key" },
	{ "[sever]\nhostname = a.b\n", 1, "there is no such section" },
	{ "[route]\nvia = mx\n", 1, "write [route example.org]" },
	{ "[route exa mple.org]\nvia = mx\n", 1, "write [route example.org]" },
	{ "[route *.example.org]\nvia = mx\n", 1, "write [route example.org]" },
	{ "[route 192.0.2.1]\nvia = mx\n", 1, "write [route example.org]" },
	{ "hostname = a.b\n", 1, "stands before any [section]" },
	{ "[server]\nhost-name = a.b\n", 2, "there is no such key; the section has hostname, " },
	{ "[server]\nport = 25\n", 2, "there is no such key" },
	{ "[server]\nHostname = a.b\n", 2, "there is no such key" },
	{ "[server]\nwhat is this\n", 2, "this is neither [section]" },
	{ "[server]\nhostname = a.b\n\nhostname = a.b\n", 4, "is set in line 2 already" },
	{ "[server]\nhostname = a.b\n[queue]\n[server]\nhostname = a.b\n", 5,
	  "is set in line 2 already" },
	{ "[route a.b]\nvia = mx\n[route A.B]\nvia = mx\n", 4, "is set in line 2 already" },
	{ "[route a.b]\nvia = mx\nfrom = x\n", 3,
	  "a route has via, host-order, tls, user, password-file, token-command, accept, "
	  "recipients, aliases, subaddress, junk-folder, verp, rate" },
	{ "[route a.b]\naccept = anyone\n", 1, "has no via" },
	{ "\n[route a.b]\n", 2, "has no via" },
	{ "[server]\nhostname = local host\n", 2, "a full name" },
	{ "[server]\nhostname = 192.0.2.1\n", 2, "an address like [192.0.2.1]" },
	{ "[server]\nhostname = my_host.example.org\n", 2, "a full name" },
	{ "[server]\nhostname = m\374ller.example.org\n", 2, "a full name" },	/* R038 */
	{ "[server]\nhostname = m\303\274l ler.example.org\n", 2, "a full name" },
	{ "[server]\nhostname = [192.0.2.256]\n", 2, "an address like" },
	{ "[server]\nmax-message-size = 63K\n", 2, "must be from 64K to 1T" },
	{ "[server]\nmax-message-size = big\n", 2, "write a number with K, M, G or T" },
	{ "[server]\nmax-message-size =\n", 2, "write a number with K, M, G or T" },
	{ "[server]\nmax-recipients = 99\n", 2, "must be from 100 to 50000" },
	{ "[server]\nmax-recipients = 50001\n", 2, "must be from 100 to 50000" },
	{ "[server]\nmax-recipients = 1K\n", 2, "write a plain number" },
	{ "[server]\nmax-errors = 0\n", 2, "must be from 1 to" },
	{ "[server]\nmax-connections = 0\n", 2, "must be from 1 to" },
	{ "[server]\nclient-connections = 1000001\n", 2, "must be from 0 to 1000000" },
	{ "[server]\npassword-checks = 0\n", 2, "must be from 1 to 1000" },
	{ "[server]\nclient-rate = -1\n", 2, "write a plain number" },
	{ "[server]\nuser-rate = 100\n", 2, "write recipients in a time, like 100/1h" },
	{ "[server]\nuser-rate = 100/1h anna=5/2d\n", 2, "anna=5/2d: write recipients" },
	{ "[server]\nlimit-clients = some\n", 2, "write strangers or all or off" },
	{ "[server]\nend-idle = on\n", 2, "write strangers or all or off" },
	{ "[server]\ntimeout = 0\n", 2, "must be from 1ms to 1d" },
	{ "[server]\ntimeout = 5m\n", 2, "write a number with ms, s, min, h or d" },
	{ "[server]\ntimeout = 2d\n", 2, "must be from 1ms to 1d" },
	{ "[server]\nsyntax = lax\n", 2, "write tolerant or strict" },
	{ "[server]\ntrusted = 10.0.0.0/8, ::1\n", 2, "10.0.0.0/8, is neither a network" },
	{ "[server]\ntrusted = everyone\n", 2, "everyone is neither a network" },
	{ "[server]\nsenders = list\n", 2, "write the absolute path of a file" },
	{ "[server]\nsenders = /nonexistent/list\n", 2, "cannot read it: No such file" },
	{ "[server]\nsenders = /tmp\n", 2, "it is not a regular file" },
	{ "[server]\nbare-newline = accept\n", 2, "write reject or normalize" },
	{ "[server]\nrefuse = gr\303\274n\n", 2, "write plain ASCII" },
	{ "[server]\nrole = x\n", 2, "write mx or submission or lmtp" },
	{ "[server]\ntls = offer\n", 2, "needs a certificate: set tls-certificate" },
	{ "[server]\n\ntls = required\n", 3, "needs a certificate: set tls-certificate" },
	{ "[server]\ntls = no\n", 2, "write off or offer or required" },
	{ "[server]\ntls-certificate = /a b/c\n", 2,
	  "b/c is neither an absolute path nor the name of a credential" },
	{ "[server]\ntls-certificate = .\n", 2,
	  ". is neither an absolute path nor the name of a credential" },
	{ "[server]\ntls-certificate = /a /b\ntls-key = /c\n", 3,
	  "names 1 files, tls-certificate 2: each certificate needs" },
	{ "[server]\ntls-client-certificates = on\n", 2, "write off or ask" },
	{ "[server]\ntls-program = smtp-handler-tls\n", 2, "write the absolute path of a file" },
	{ "[server]\nauth = file:\n", 2,
	  "write file: and an absolute path, or the name of a credential" },
	{ "[server]\nauth = dovecot:auth\n", 2,
	  "write dovecot: and the absolute path of its auth-client socket" },
	{ "[server]\nauth = on\n", 2, "write off, file:PATH or dovecot:SOCKET" },
	{ "[server]\nmasquerade = /nonexistent\n", 2, "cannot read it: No such file" },
	{ "[server]\nauth-senders = /nonexistent\n", 2, "cannot read it: No such file" },
	{ "[verify]\ndmarc = reject\n", 2, "write mark or enforce" },
	{ "[verify]\ndmarc-exempt = list.example, x\n", 2, "write networks and domains" },
	{ "[verify]\ntimeout = 99ms\n", 2, "must be from 100ms to 30s" },
	{ "[verify]\ndnsbl = a.example b=127.0.0.1\n", 2, "b=127.0.0.1: write ZONE" },
	{ "[verify]\ndnsbl = a b c d e f g h i\n", 2, "write at most 8 lists" },
	{ "[reports]\ncontact = r@example.org\n", 2, "add a section [dkim example.org]" },
	{ "[reports]\ncontact = R <r@example.org>\n", 2, "write one address" },
	{ "[reports]\ncontact = r@localhost\n", 2, "write one address" },
	{ "[reports]\ncontact = example.org\n", 2, "write one address" },
	{ "[server]\nmilter = /run/m\n", 2, "/run/m: write unix:/PATH, inet:" },
	{ "[server]\nmilter = unix:run/m\n", 2, "write unix:/PATH" },
	{ "[server]\nmilter = unix:/a, exec:b\n", 2, "exec:b: write unix:/PATH" },
	{ "[server]\nmilter = inet:mail.example.org:1\n", 2, "write inet:ADDRESS:PORT" },
	{ "[server]\nmilter = inet:127.0.0.1\n", 2, "write inet:ADDRESS:PORT" },
	{ "[server]\nmilter = inet:127.0.0.1:0\n", 2, "write inet:ADDRESS:PORT" },
	{ "[server]\nmilter = inet:127.0.0.1:65536\n", 2, "write inet:ADDRESS:PORT" },
	{ "[server]\nmilter = unix:/1,unix:/2,unix:/3,unix:/4,unix:/5,unix:/6,unix:/7,unix:/8,"
	    "unix:/9\n", 2, "write at most 8 filters" },
	{ "[server]\nmilter = unix:/" LONG_PATH "\n", 2, "longer than that of a socket" },
	{ "[server]\nproxy-protocol = on\n", 2,
	  "no balancer is trusted: write the balancers' addresses into proxy-trusted" },
	{ "[relay]\nsrs-domain = f.example\nsrs-secret = /s\n", 2,
	  "[relay] srs-domain: set [server] srs-secret too, to a file that the user of "
	  "smtp-handler can read" },
	{ "[relay]\nsrs-domain = f.example\n[server]\nsrs-secret = /s\n", 2,
	  "[relay] srs-domain: set [relay] srs-secret too" },
	{ "[server]\nsrs-secret = /s\n", 2, "[server] srs-secret: set [relay] srs-domain too" },
	{ "[relay]\nsrs-domain = f.example\nsrs-secret = /s /t\n[server]\nsrs-secret = /s\n",
	  3, "[relay] srs-secret: write one name" },
	{ "[relay]\nsrs-domain = [192.0.2.1]\nsrs-secret = /s\n[server]\nsrs-secret = /s\n", 2,
	  "write a domain, not an address" },
	{ "[server]\nxclient = on\n", 2, "on is neither a network" },
	{ "[server]\nproxy-trusted = haproxy\n", 2, "haproxy is neither a network" },
	{ "[server]\nproxy-protocol = on\nproxy-trusted = 127.0.0.1\n", 3,
	  "balancers of proxy-trusted (127.0.0.0/8), so clients that they do not name would be "
	    "trusted: write trusted = ::1 local, and" },
	{ "[server]\nproxy-protocol = on\nproxy-trusted = 10.1.2.3\ntrusted = 10.0.0.0/8 local\n",
	  4,
	  "(10.0.0.0/8), so clients that they do not name would be trusted: write trusted = "
	    "local" },
	{ "[server]\ntrusted = 10.1.2.3 192.0.2.1\nproxy-protocol = on\n"
	    "proxy-trusted = 10.0.0.0/8\n",
	  2, "(10.1.2.3), so clients that they do not name would be trusted: write trusted = 192" },
	{ "[server]\nproxy-protocol = on\nproxy-trusted = local\n", 3, "proxy-trusted (local)" },
	{ "[server]\nproxy-trusted = 127.0.0.1 ::1 local\n", 2,
	  "would be trusted: write the line without a value: trusted =, and add no network" },
	{ "[server]\ntrusted = 10.1.2.3\nproxy-trusted = 10.1.2.3\n", 2,
	  "would be trusted: write the line without a value: trusted =, and add no network" },
	{ "[server]\nproxy-trusted = 10.0.0.0/8\ntrusted = 10.1.2.3 " LONG_LIST "\n", 3,
	  "(10.1.2.3), so clients that they do not name would be trusted: remove these networks, "
	    "and add no network with a balancer" },
	{ "[server]\nproxy-trusted = 2001:db8::/32\ntrusted = 192.0.2.1 " LONG_LIST "\n", 3,
	  " ...), so clients that they do not name would be trusted: write trusted = 192.0.2.1, "
	    "and add no network with a balancer" },
	{ "[server]\nproxy-trusted = ::1 2001:db8::5\ntrusted = 2001:db8::/32\n", 3,
	  "proxy-trusted (2001:db8::/32)" },
	{ "[server]\nproxy-trusted = ::ffff:192.0.2.7\ntrusted = 192.0.2.0/24\n", 3,
	  "proxy-trusted (192.0.2.0/24)" },
	{ "[server]\nproxy-trusted = 0.0.0.0/0\ntrusted = 192.0.2.8/31\n", 3,
	  "proxy-trusted (192.0.2.8/31)" },
	{ "[relay]\ntls = required\n", 2, "write none or may or learned or require" },
	{ "[relay]\ntls-ca-file = ca.pem\n", 2, "write the absolute path of a file" },
	{ "[relay]\nport = 0\n", 2, "must be from 1 to 65535" },
	{ "[relay]\nport = 65536\n", 2, "must be from 1 to 65535" },
	{ "[relay]\nport = smtp\n", 2, "write a plain number" },
	{ "[relay]\nprocesses = 0\n", 2, "must be from 1 to 1000" },
	{ "[relay]\nprocesses = 1001\n", 2, "must be from 1 to 1000" },
	{ "[relay]\nper-destination = 0\n", 2, "must be from 1 to" },
	{ "[relay]\nper-address = 0\n", 2, "must be from 1 to" },
	{ "[relay]\nper-address = 1001\n", 2, "must be from 1 to" },
	{ "[relay]\nfamily = ipv5\n", 2, "write any or ipv4 or ipv6" },
	{ "[relay]\nmx-order = random\n", 2, "write preference or latency" },
	{ "[relay]\nresolver =\n", 2, "write system, or addresses" },
	{ "[relay]\nresolver = ns.example.org\n", 2, "ns.example.org is not an address" },
	{ "[relay]\nresolver = 127.0.0.1@0\n", 2, "127.0.0.1@0 is not an address" },
	{ "[relay]\nbind = 127.0.0.1:25\n", 2, "127.0.0.1:25 is not an address" },
	{ "[relay]\nbind = eth0\n", 2, "eth0 is not an address" },
	{ "[relay]\nconnect-timeout = 0s\n", 2, "must be from 1ms" },
	{ "[queue]\ndirectory = spool\n", 2, "write the absolute path of a directory" },
	{ "[queue]\ndirectory =\n", 2, "write the absolute path of a directory" },
	{ "[queue]\ndirectory = /srv/%i\n", 2, "write %H for the name of this machine" },
	{ "[queue]\nlifetime = 0\n", 2, "must be from 1s to 365d" },
	{ "[queue]\nlifetime = 1500ms\n", 2, "write whole seconds" },
	{ "[queue]\nlease = 999ms\n", 2, "lease must be 0 or from 1s to 3600s" },
	{ "[queue]\nlease = 3601s\n", 2, "must be from 0 to 3600s" },
	{ "[queue]\nretry-min = 0\n", 2, "must be from 1s to 30d" },
	{ "[queue]\nretry-min = 5h\n", 2, "retry-min (18000s) is more than retry-max (14400s)" },
	{ "[queue]\nretry-max = 1min\n", 2, "retry-min (300s) is more than retry-max (60s)" },
	{ "[queue]\nmin-free = -1\n", 2, "write a number with K, M, G or T" },
};

static void
check_short_name(void)
{
	struct config c;

	ok(load(&c, "[server]\nhostname = localhost\n", NULL, 0) == 0 &&
	    strcmp(c.server.hostname, "localhost") == 0,
	    "a host name without a dot is allowed");
	config_done(&c);
	ok(load(&c, "[server]\nhostname = M\303\234LLER.example.org\n", NULL, 0) == 0 &&
	    strcmp(c.server.hostname, "xn--mller-kva.example.org") == 0,
	    "a host name in U-labels becomes one in A-labels");
	config_done(&c);
}

#define SERVER_KEYS \
	"hostname, max-message-size, max-recipients, max-errors, max-connections, " \
	"limit-clients, client-connections, client-rate, client-failed-logins, " \
	"client-refused-recipients, client-probes, exit-idle, end-idle, password-checks, " \
	"user-messages, user-recipients, user-rate, timeout, session-timeout, min-rate, " \
	"max-messages, early-talkers, syntax, trusted, senders, masquerade, users-socket, " \
	"role, submit-trusted, bare-newline, refuse, tls, tls-certificate, tls-key, " \
	"tls-client-certificates, tls-program, auth, auth-senders, srs-secret, milter, " \
	"milter-on-failure, milter-command-timeout, milter-content-timeout, proxy-protocol, " \
	"proxy-trusted, xclient"

static void
check_all_reported(void)
{
	struct config c;
	static const char *const overrides[] = {
		"server.port=25", "nonsense", "server=x", "=", ".=", "relay.port=x",
	};

	ok(load(&c, "[queue]\nlifetime = x\n[nowhere]\na = b\nc = d\n[server]\nfoo = 1\nbar = 2\n"
	    "[route a.b]\nvia = x\n", overrides, 6) == -EINVAL, "several mistakes");
	is(buf_slice(&errors), SL(
	    "c.conf:2: [queue] lifetime = x: write a number with ms, s, min, h or d, like 90s or "
	    "4h; a bare number is seconds\n"
	    "c.conf:3: [nowhere]: there is no such section; there are [queue], [server], [relay], "
	    "[sendmail], [verify], [reports], [shared], [route PATTERN], [sender PATTERN] and "
	    "[dkim DOMAIN]\n"
	    "c.conf:7: [server] foo: there is no such key; the section has " SERVER_KEYS "\n"
	    "c.conf:8: [server] bar: there is no such key; the section has " SERVER_KEYS "\n"
	    "c.conf:10: [route a.b] via = x: write mx, smtp://HOST[:PORT], smtps://HOST[:PORT], "
	    "smtp+starttls://HOST[:PORT], lmtp:SOCKET, lmtp://HOST:PORT, maildir:PATH, "
	    "maildir:~/PATH, print, discard or reject:TEXT\n"
	    "-o:0: [server] port: there is no such key; the section has " SERVER_KEYS "\n"
	    "-o:0: \"nonsense\" is not SECTION.KEY=VALUE, like server.timeout=5min\n"
	    "-o:0: \"server=x\" is not SECTION.KEY=VALUE, like server.timeout=5min\n"
	    "-o:0: \"=\" is not SECTION.KEY=VALUE, like server.timeout=5min\n"
	    "-o:0: \".=\" is not SECTION.KEY=VALUE, like server.timeout=5min\n"
	    "-o:0: [relay] port = x: write a plain number\n"), "all are reported, each once");
	config_done(&c);
	ok(config_load(&c, conf, overrides, 6, NULL) == -EINVAL, "mistakes without a report");
	config_done(&c);
}

/* Turn the comments of the sample file that are settings, "#key = value", into settings. */
static void
uncomment(struct buf *b, struct slice text)
{
	struct slice line;

	while (text.n) {
		line = slice_cut(text, '\n', &text);
		if (slice_has_prefix(line, SL("#[route")))	/* examples, not defaults */
			return;
		if (line.n > 1 && line.p[0] == '#' && ascii_lower(line.p[1]) >= 'a' &&
		    memchr(line.p, '=', line.n))
			line = slice_skip(line, 1);
		buf_add(b, line);
		buf_chr(b, '\n');
	}
}

/* c without its pointers, for a comparison. */
static struct config
plain(const struct config *c)
{
	struct config p = *c;

	p.queue.directory = p.server.hostname = p.server.senders = NULL;
	p.server.users_socket = p.relay.maildir_socket = NULL;
	p.relay.dnssec_anchor = NULL;
	p.server.trusted.list = NULL;
	p.sendmail.socket = p.reports.dmarc_findings = p.shared.prefix = NULL;
	p.routes = NULL;
	return p;
}

static void
check_sample(void)
{
	struct config c, defaults, p, d;
	char text[8192], settings_text[8192];
	struct buf settings = BUF(settings_text);
	int fd = open("units/smtp-handler.conf", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (!ok(n > 0 && (size_t)n < sizeof text,
	    "the sample is there (run this at the top of the tree)"))
		return;
	(void)close(fd);
	text[n] = '\0';
	uncomment(&settings, slice_of(text, (size_t)n));
	ok(load(&defaults, text, NULL, 0) == 0 && defaults.nroutes == 0,
	    "the sample is good as it is");
	if (!ok(load(&c, buf_cstr(&settings), NULL, 0) == 0 && settings.n > 1000,
	    "it is good without its comment signs"))
		printf("# %.*s", (int)errors.n, errors.p);
	p = plain(&c);
	d = plain(&defaults);
	ok(memcmp(&p, &d, sizeof p) == 0 &&
	    strcmp(c.queue.directory, defaults.queue.directory) == 0 &&
	    strcmp(c.server.users_socket, defaults.server.users_socket) == 0 &&
	    strcmp(c.relay.maildir_socket, defaults.relay.maildir_socket) == 0 &&
	    strcmp(c.relay.dnssec_anchor, defaults.relay.dnssec_anchor) == 0 &&
	    strcmp(c.sendmail.socket, defaults.sendmail.socket) == 0 &&
	    strcmp(c.reports.dmarc_findings, defaults.reports.dmarc_findings) == 0 &&
	    strcmp(c.shared.prefix, defaults.shared.prefix) == 0 &&
	    memcmp(c.server.trusted.list, defaults.server.trusted.list,
	    c.server.trusted.n * sizeof *c.server.trusted.list) == 0,
	    "its defaults are the defaults");
	config_done(&c);
	config_done(&defaults);
}

/* Is there a line of each key of the section? */
static bool
has_keys(const char *text, const char *section)
{
	char space[2000], line[100];
	struct buf names = BUF(space);
	struct slice rest, name;

	keys_names(slice_str(section), &names);
	for (rest = buf_slice(&names); rest.n;) {
		name = slice_trim(slice_cut(rest, ',', &rest));
		(void)snprintf(line, sizeof line, "\n%.*s =", (int)name.n, name.p);
		if (!strstr(text, line)) {
			printf("# [%s] %.*s is not there\n", section, (int)name.n, name.p);
			return false;
		}
	}
	return !names.full;
}

static void
check_seed(void)
{
	static const char *const sections[] = {
		"queue", "server", "relay", "sendmail", "verify", "reports", "shared",
	};
	struct config c;
	char text[8192];
	int fd = open("tests/fuzz/corpus/config/all-keys", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		(void)close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (!ok(load(&c, text, NULL, 0) == 0, "the seed of the fuzzer is good"))
		printf("# %.*s", (int)errors.n, errors.p);
	for (size_t i = 0; i < sizeof sections / sizeof sections[0]; i++)
		ok(has_keys(text, sections[i]), "it has each key of [%s]", sections[i]);
	config_done(&c);
}

int
main(void)
{
	config_test_begin();
	check_defaults();
	check_all_keys();
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++)
		check_mistake(&mistakes[i]);
	check_short_name();
	check_all_reported();
	check_sample();
	check_seed();
	config_test_end();
	return tap_done();
}
