// SPDX-License-Identifier: ISC
#include "tests/unit/import_fixture.h"

#define CF "/etc/postfix/main.cf"
#define NONE "mydestination =\n"
#define LOGIN(at) \
	"route *: user = anna @sasl:" at "\n" \
	"route *: password-file = /etc/smtp-handler/import-a.example.password @sasl:" at "\n"
#define ALIASES_ONLY(domain, at) \
	"route " domain ": via = reject:no such user here @" at "\n" \
	"route " domain ": accept = anyone @" at "\n"
#define MAILBOXES(domain, via, at, maps) \
	"route " domain ": via = " via " @main.cf:" at "\n" \
	"route " domain ": accept = anyone @main.cf:" at "\n" \
	"route " domain ": recipients = /etc/smtp-handler/import-" domain ".recipients " \
	"@main.cf:" maps "\n"
#define BELOW(domain, via, at, accept, accept_at) \
	"route ." domain ": via = " via " @" at "\n" \
	"route ." domain ": accept = " accept " @" accept_at "\n"
#define NAMED "myhostname = h.example.org\n"
#define OUR_HOST_AT(line) "server: hostname = h.example.org @main.cf:" line "\n"
#define OUR_HOST OUR_HOST_AT("2")
#define RELAYHOST "route *: via = smtp://a.example @main.cf:3\n"
#define USERS(domain) \
	"route " domain ": via = maildir:~/Maildir @main.cf:1\n" \
	"route " domain ": recipients = users @main.cf:1\n"
#define TEN(x) x x x x x x x x x x
#define SASL "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/sasl\n"

static const struct import_case cases[] = {
	{ "the null client of Postfix's manual",
	  { { CF, "myhostname = hostname.example.com\nmyorigin = $mydomain\nrelayhost = $mydomain\n"
		  "inet_interfaces = loopback-only\nmydestination =\n" } },
	  "server: hostname = example.com @main.cf:2\n" HELD("route *", "main.cf:3"),
	  { "2 one name here", "3 MX record", "4 ListenStream=127.0.0.1:25" }, 3, HELD_FILE },
	{ "a host without brackets",
	  { { CF, NONE "relayhost = smtp.example.com:587\n" } },
	  "route *: via = smtp://smtp.example.com:587 @main.cf:2\n", { "2 if it has an MX record" },
	  1, NULL },
	{ "brackets, a service, a login by the next hop",
	  { { CF, NONE "relayhost = [a.example]:submission\n"
	  "smtp_tls_security_level=encrypt\n" SASL },
	    { "/sasl", "# x\n[b.example] x:y\n[A.example]:submission\n  anna:hunter2:x\n" } },
	  "route *: via = smtp+starttls://a.example @main.cf:2\n" LOGIN("3"),
	  { "2 was not verified" }, 1, "import-a.example.password=hunter2:x ;" },
	{ "a login by the name of the host, TLS from the first octet",
	  { { CF, NONE "relayhost = [a.example]:465\nsmtp_tls_wrappermode=yes\n"
		  "smtp_tls_security_level = secure\n" SASL }, { "/sasl",
		  "a.example anna:hunter2\n" } },
	  "route *: via = smtps://a.example @main.cf:2\n" LOGIN("1"),
	  { NULL }, 0, "import-a.example.password=hunter2 ;" },
	{ "continuation lines, comments between, expansion in all its forms",
	  { { CF, "a = a\ndom = example\nempty =\nrelayhost = [${a}.$(dom)]:2${empty?9}${empty:5}\n"
		  "mynetworks =\n  127.0.0.0/8,\n# comment\n\n\t[::1]/128\n192.0.2.0/24 = "
		  "x\n" NONE } },
	  "server: trusted = 127.0.0.0/8 ::1/128 local @main.cf:5\n"
	  "route *: via = smtp://a.example @main.cf:4\n",
	  { "1 a: is not", "2 dom", "10 192.0.2.0/24" }, 3, NULL },
	{ "parameters that name each other end",
	  { { CF, NONE "relayhost = $x\nx = $y$y$y$y$y$y\ny = $x$x$x$x$x$x\n" } },
	  HELD("route *", "main.cf:2"),
	  { "2 relayhost: its value", "2 [route *] waits", "3 x: is", "4 y: is" }, 4, HELD_FILE },
	{ "the last of two lines counts, and a line without = does not",
	  { { CF, NONE "relayhost = a.example\nnonsense\nrelayhost = [b.example]\n" } },
	  "route *: via = smtp://b.example @main.cf:4\n", { "3 no =" }, 1, NULL },
	{ "users of this host",
	  { { CF, "myhostname = h.example.org\nmydestination = $myhostname, localhost\n"
		  "alias_maps = hash:/etc/aliases\nhome_mailbox = Mail/\nrecipient_delimiter = "
		  "+\n" },
	    { "/etc/aliases", "root: anna\n" } },
	  "server: hostname = h.example.org @main.cf:1\n"
	  "route h.example.org: via = maildir:~/Mail @main.cf:2\n"
	  "route h.example.org: recipients = users @main.cf:2\n"
	  "route h.example.org: aliases = /etc/aliases @main.cf:2\n"
	  "route h.example.org: subaddress = + @main.cf:5\n"
	  "route localhost: via = maildir:~/Mail @main.cf:2\n"
	  "route localhost: recipients = users @main.cf:2\n"
	  "route localhost: aliases = /etc/aliases @main.cf:2\n"
	  "route localhost: subaddress = + @main.cf:5\n",
	  { "0 smtp-maildir.socket" }, 1, NULL },
	{ "hosts by sender, each with its login",
	  { { CF, NONE "relayhost = [a.example]\nsmtp_sender_dependent_authentication = yes\n" SASL
		  "sender_dependent_relayhost_maps = texthash:/s\nsmtp_tls_security_level = "
		  "verify\n" },
	    { "/sasl", "ben@b.example ben:hunter2b\na.example anna:hunter2\n" },
	    { "/s", "ben@b.example [b.example]:587\n@c.example [a.example]\nx@d.example DUNNO\n"
		    "<> [e.example]\n" } },
	  "sender ben@b.example: via = smtp+starttls://b.example @s:1\n"
	  "sender ben@b.example: user = ben @sasl:1\n"
	  "sender ben@b.example: password-file = /etc/smtp-handler/import-b.example.password "
	  "@sasl:1\n"
	  "sender c.example: via = smtp+starttls://a.example:25 @s:2\n"
	  "sender c.example: user = anna @sasl:2\n"
	  "sender c.example: password-file = /etc/smtp-handler/import-a.example.password @sasl:2\n"
	  DECIDE("1", "s:4")
	  "route *: via = smtp+starttls://a.example:25 @main.cf:2\n"
	  "route *: user = anna @sasl:2\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @sasl:2\n",
	  { "4 notices (<>) went to a host of their own" }, 1,
	  "import-b.example.password=hunter2b ;import-a.example.password=hunter2 ;"
	  DECIDE_FILE },
	{ "sizes and times in their units",
	  { { CF, NONE "message_size_limit = 20480000\nmaximal_queue_lifetime = 3\n"
		  "delay_warning_time = 4h\nminimal_backoff_time = 10m\nmaximal_backoff_time = "
		  "7200\n"
		  "inet_protocols = ipv4\nsmtp_bind_address = 192.0.2.1\n" } },
	  "relay: family = ipv4 @main.cf:7\nrelay: bind = 192.0.2.1 @main.cf:8\n"
	  "server: max-message-size = 20480000 @main.cf:2\nqueue: lifetime = 3d @main.cf:3\n"
	  "queue: warn-after = 4h @main.cf:4\nqueue: retry-min = 10min @main.cf:5\n"
	  "queue: retry-max = 7200s @main.cf:6\n", { NULL }, 0, NULL },
	{ "a longest wait below our shortest",
	  { { CF, NONE "maximal_backoff_time = 60\n" } },
	  "queue: retry-max = 60s @main.cf:2\nqueue: retry-min = 60s @main.cf:2\n", { NULL }, 0,
	  NULL },
	{ "filters",
	  { { CF, NONE "smtpd_milters = unix:opendkim/s, inet:127.0.0.1:11332\n"
		  "milter_default_action = accept\n" } },
	  "server: milter = unix:/var/spool/postfix/opendkim/s, inet:127.0.0.1:11332 @main.cf:2\n"
	  "server: milter-on-failure = accept @main.cf:3\n", { "2 connect to each filter" }, 1,
	  NULL },
	{ "TLS is forbidden", { { CF, NONE "relayhost = [a.example]\nsmtp_tls_security_level = "
	    "none\n" } },
	  "route *: via = smtp://a.example @main.cf:2\nroute *: tls = none @main.cf:2\n",
	  { NULL }, 0, NULL },
	{ "tables that are away, or of other types",
	  { { CF, NONE "relayhost = [a.example]\nsmtp_sasl_auth_enable = yes\n"
		  "smtp_sasl_password_maps = hash:/none, static:x:hunter2\n" } },
	  "route *: via = smtp+starttls://a.example:25 @main.cf:2\n"
	  "route *: user = write-the-user-here @main.cf:4\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @main.cf:4\n",
	  { "4 postmap -s", "4 without TLS", "2 not verified", "4 cannot be read: write its user",
	    "4 there is no password" }, 5, "import-a.example.password=;" },
	{ "one login for all hosts",
	  { { CF, NONE "relayhost = [a.example]\nsmtp_sasl_auth_enable = yes\n"
		  "smtp_tls_security_level = secure\nsmtp_sasl_password_maps = "
		  "static:anna:hunter2\n" } },
	  "route *: via = smtp+starttls://a.example:25 @main.cf:2\n"
	  "route *: user = anna @main.cf:5\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @main.cf:5\n",
	  { NULL }, 0, "import-a.example.password=hunter2 ;" },
	{ "what a null client does not have",
	  { { CF, NONE "virtual_alias_maps = hash:/x\nsmtpd_tls_cert_file = /x\nnonsense = "
	  "hunter2\n"
		  "smtp_generic_maps = hash:/x\nsmtpd_banner = x\nalways_bcc =\n" } },
	  DECIDE("1", "main.cf:2"), { "2 /x cannot be read", "2 virtual_alias_maps",
	    "3 tls-certificate", "4 nonsense", "5 smtp_generic_maps: is not",
	    "5 /x cannot be read" }, 6, DECIDE_FILE },
	{ "a value that is made of itself, and one that grows",
	  { { CF, NONE "relayhost = x$relayhost\nmyhostname = " TEN(TEN("$mydomain")) "\n" } },
	  HELD("route *", "main.cf:2"),
	  { "2 relayhost: its value is made of itself", "3 myhostname: its value is too long",
	    "0 myorigin: its value is too long", "2 [route *] waits" }, 4, HELD_FILE },
	{ "transports of domains",
	  { { CF, "mydestination = d.example\nalias_maps =\ntransport_maps = hash:/t\n"
		  "relay_domains = a.example, n.example hash:/x d.example\n" },
	    { "/t", "a.example smtp:[b.example]:26\n.a.example relay:\nc.example error:5.1.2 gone\n"
		    "d.example lmtp:unix:private/lmtp\ne.example lmtp:inet:127.0.0.1:24\n"
		    "f.example discard:\n* :[g.example]\n"
		    "x@a.example smtp:[y.example]\nh.example virtual:\na.example :\n" } },
	  "route a.example: via = smtp://b.example:26 @t:1\n"
	  "route .a.example: via = mx @t:2\n"
	  "route c.example: via = reject:5.1.2 gone @t:3\n"
	  "route d.example: via = lmtp:/var/spool/postfix/private/lmtp @t:4\n"
	  "route d.example: accept = anyone @t:4\nroute d.example: recipients = users @t:4\n"
	  "route e.example: via = lmtp://127.0.0.1:24 @t:5\n"
	  "route e.example: accept = trusted @t:5\n"
	  "route f.example: via = discard @t:6\nroute *: via = smtp://g.example @t:7\n"
	  DECIDE("1", "t:8") HELD("route h.example", "t:9") DECIDE("2", "main.cf:4")
	  "route a.example: accept = anyone @main.cf:4\n"
	  "route .a.example: accept = anyone @main.cf:4\n"
	  "route n.example: via = mx @main.cf:4\n"
	  "route n.example: accept = anyone @main.cf:4\n"
	  BELOW("n.example", "mx", "main.cf:4", "anyone", "main.cf:4"),
	  { "4 smtp-users.socket", "4 folder of Postfix", "8 x@a.example: is not",
	    "9 [route h.example] waits", "10 a line above", "4 /x cannot be read",
	    "4 hash:/x: is not" }, 7, DECIDE_FILE HELD_FILE },
	{ "relay domains with a list of recipients that cannot be read",
	  { { CF, NONE "relay_domains = a.example\nrelay_recipient_maps = hash:/r\n" } },
	  "route a.example: via = mx @main.cf:2\nroute a.example: accept = anyone @main.cf:2\n"
	  "route a.example: recipients = /etc/smtp-handler/import-a.example.recipients "
	  "@main.cf:3\n",
	  { "3 /r cannot be read", "3 nothing starts without" }, 2,
	  "import-a.example.recipients=;" },
	{ "a domain as without transports, and one that goes to the smarthost all the same",
	  { { CF, NONE "relayhost = [b.example]\ntransport_maps = hash:/t\n" },
	    { "/t", "a.example smtp:\nc.example :\n" } },
	  "route a.example: via = mx @t:1\nroute c.example: via = smtp://b.example @t:2\n"
	  "route *: via = smtp://b.example @main.cf:2\n", { NULL }, 0, NULL },
	{ "a line without transport and host leaves the mail of users here",
	  { { CF, "mydestination = A.example\nalias_maps =\nhome_mailbox = M/\n"
		  "relayhost = [b.example]\ntransport_maps = hash:/t\n" },
	    { "/t", "a.example :\n* smtp:[c.example]\n" } },
	  "route *: via = smtp://c.example @t:2\n"
	  "route a.example: via = maildir:~/M @main.cf:1\n"
	  "route a.example: recipients = users @main.cf:1\n",
	  { "0 smtp-maildir.socket", "0 mail for root", "4 there is a [route *]" }, 3, NULL },
	{ "relay domains go to the smarthost too",
	  { { CF, NONE "relayhost = [b.example]\nrelay_domains = a.example\n" } },
	  "route a.example: via = smtp://b.example @main.cf:3\n"
	  "route a.example: accept = anyone @main.cf:3\n"
	  BELOW("a.example", "smtp://b.example", "main.cf:3", "anyone", "main.cf:3")
	  "route *: via = smtp://b.example @main.cf:2\n", { NULL }, 0, NULL },
	{ "relay domains whose mail is refused",
	  { { CF, NONE "relayhost = [b.example]\nrelay_domains = a.example\n"
		  "relay_transport = error:closed\n" } },
	  "route a.example: via = reject:closed @main.cf:3\n"
	  "route .a.example: via = reject:closed @main.cf:3\n"
	  "route *: via = smtp://b.example @main.cf:2\n", { NULL }, 0, NULL },
	{ "relay domains that go to a host of their own",
	  { { CF, NONE "relayhost = [b.example]\nrelay_domains = a.example\n"
		  "relay_transport = relay:[c.example]\n" } },
	  "route a.example: via = smtp://c.example @main.cf:3\n"
	  "route a.example: accept = anyone @main.cf:3\n"
	  BELOW("a.example", "smtp://c.example", "main.cf:3", "anyone", "main.cf:3")
	  "route *: via = smtp://b.example @main.cf:2\n", { NULL }, 0, NULL },
	{ "a line for all domains counts more than default_transport",
	  { { CF, NONE "default_transport = error\ntransport_maps = hash:/t\n"
		  "smtp_tls_security_level = encrypt\n" SASL },
	    { "/t", "* smtp:[a.example]\n" }, { "/sasl", "a.example anna:hunter2\n" } },
	  "route *: via = smtp+starttls://a.example:25 @t:1\n" LOGIN("1"),
	  { "1 was not verified", "2 which counts" }, 2,
	  "import-a.example.password=hunter2 ;" },
	{ "TLS to the exchangers of a domain, beside a smarthost",
	  { { CF, NONE "relayhost = [a.example]\nsmtp_tls_security_level = secure\n"
		  "transport_maps = hash:/t\n" },
	    { "/t", "b.example smtp:\n" } },
	  "route b.example: via = mx @t:1\nroute b.example: tls = require @main.cf:3\n"
	  "route *: via = smtp+starttls://a.example:25 @main.cf:2\n", { NULL }, 0, NULL },
	{ "TLS without a certificate is demanded of the exchangers of a domain",
	  { { CF, NONE "relayhost = [a.example]\nsmtp_tls_security_level = encrypt\n"
		  "transport_maps = hash:/t\n" },
	    { "/t", "b.example smtp:\nc.example relay:\n" } },
	  "route b.example: via = mx @t:1\nroute c.example: via = mx @t:2\n"
	  "route *: via = smtp+starttls://a.example:25 @main.cf:2\n",
	  { "3 always demanded", "2 was not verified" }, 2, NULL },
	{ "a folder that is not valid here, and a domain that is none",
	  { { CF, "mydestination = a.example, b..example\nalias_maps =\n"
		  "home_mailbox = ../{local}/\n" } },
	  "route a.example: via = maildir:~/Maildir @main.cf:1\n"
	  "route a.example: recipients = users @main.cf:1\n",
	  { "1 [route a.example] via: this value is left out", "1 [route b..example] via: this",
	    "0 smtp-maildir.socket", "0 mail for root" }, 4, NULL },
	{ "a comparison",
	  { { CF, NONE "relayhost = [${{$x} == {1} ? {a.example} : {b.example}}]\n" } },
	  "route *: via = smtp://b.example @main.cf:2\n", { NULL }, 0, NULL },
	{ "comparisons of numbers and texts",
	  { { CF, NONE "relayhost = [${{9} < {$ten} ? {a} : {x}}${{b} >= {a}?{b}}${{a}!={a}:{c}}"
		  "${{$compatibility_level}<={2}?{d}:{x}}]\nten = 10\n" } },
	  "route *: via = smtp://abcd @main.cf:2\n", { "3 ten: is not" }, 1, NULL },
	{ "a comparison of levels",
	  { { CF, NONE "relayhost = [${{$x} <level {1} ? {a.example} : {b.example}}]\n" } },
	  HELD("route *", "main.cf:2"),
	  { "2 relayhost: its value depends on a comparison", "2 [route *] waits" }, 2,
	  HELD_FILE },
	{ "values that depend on others, in braces",
	  { { CF, NONE "relayhost = ${empty?{[a.example]}:{[b.example]:${port ? {26} : {27}}}}\n"
	  "empty =\n" } },
	  "route *: via = smtp://b.example:27 @main.cf:2\n", { NULL }, 0, NULL },
	{ "the first of two hosts",
	  { { CF, NONE "relayhost = [a.example]:587, [b.example]:587\n" } },
	  "route *: via = smtp://a.example:587 @main.cf:2\n", { "2 a second host" }, 1, NULL },
	{ "a host that only local mail knows: Debian's choice without other mail",
	  { { CF, "mydestination = a.example\nalias_maps =\nhome_mailbox = M/\nrelayhost =\n"
		  "default_transport = error\nrelay_transport = error\n" } },
	  "route a.example: via = maildir:~/M @main.cf:1\n"
	  "route a.example: recipients = users @main.cf:1\n"
	  "route *: via = reject:mail for other domains is not sent @main.cf:5\n",
	  { "0 smtp-maildir.socket", "0 mail for root is refused", "6 relay_transport" }, 3, NULL },
	{ "a null client that refuses mail for itself",
	  { { CF, "mydestination = a.example\nlocal_transport = error:no mail here\n"
		  "default_transport = smtp:[b.example]:26\n" } },
	  "route a.example: via = reject:no mail here @main.cf:2\n"
	  "route *: via = smtp://b.example:26 @main.cf:3\n", { NULL }, 0, NULL },
	{ "networks that may not relay are not trusted",
	  { { CF, NONE "mynetworks = 192.0.2.0/24\nsmtpd_recipient_restrictions = "
		  "permit_sasl_authenticated,\n reject_unauth_destination, permit_mynetworks\n" } },
	  "server: trusted = local @main.cf:3\n", { "3 mynetworks may not", "3 milter" }, 2,
	  NULL },
	{ "networks that may relay, in Debian's form",
	  { { CF, NONE "mynetworks = 127.0.0.0/8 [::ffff:127.0.0.0]/104 [::1]/128\n"
		  "smtpd_relay_restrictions = permit_mynetworks permit_sasl_authenticated "
		  "defer_unauth_destination\n" } },
	  "server: trusted = 127.0.0.0/8 ::ffff:127.0.0.0/104 ::1/128 local @main.cf:2\n",
	  { "3 is not translated" }, 1, NULL },
	{ "the networks of this host's addresses",
	  { { CF, NONE "mynetworks_style = subnet\n" } }, "", { "2 [server] trusted" }, 1, NULL },
	{ "networks that a list for clients refuses, in upper case",
	  { { CF, NONE "mynetworks = 192.0.2.0/24\nsmtpd_relay_restrictions = permit_mynetworks, "
		  "reject\nsmtpd_client_restrictions = permit_sasl_authenticated, REJECT\n" } },
	  "server: trusted = local @main.cf:4\n",
	  { "4 mynetworks may not", "3 milter", "4 milter" }, 3, NULL },
	{ "networks that all lists permit first",
	  { { CF, NONE "mynetworks = 192.0.2.0/24\nsmtpd_client_restrictions = Permit_MyNetworks "
		  "reject\nsmtpd_data_restrictions = permit, reject\n" } },
	  "server: trusted = 192.0.2.0/24 local @main.cf:2\n",
	  { "3 milter", "4 smtpd_data" }, 2, NULL },
	{ "no networks: not even this host's addresses may relay",
	  { { CF, NONE "mynetworks =\nmynetworks_style = subnet\n" } },
	  "server: trusted = local @main.cf:2\n", { "2 as there are none" }, 1, NULL },
	{ "an address with more bits than its network lets nobody in",
	  { { CF, NONE "mynetworks = 192.0.2.1/24 [2001:db8::1]/32 198.51.100.128/25\n" } },
	  "server: trusted = 198.51.100.128/25 local @main.cf:2\n",
	  { "2 192.0.2.1/24 is left out", "2 [2001:db8::1]/32 is left out" }, 2, NULL },
	{ "nothing but addresses with more bits",
	  { { CF, NONE "mynetworks = [::1]/127\n" } }, "server: trusted = local @main.cf:2\n",
	  { "2 [::1]/127", "2 as there are none" }, 2, NULL },
	{ "domains to which strangers may not send stay closed to them",
	  { { CF, "mydestination = a.example\nalias_maps =\nhome_mailbox = M/\n"
		  "relay_domains = b.example\ntransport_maps = hash:/t\n"
		  "smtpd_recipient_restrictions = permit_mynetworks, reject\n" },
	    { "/t", "c.example discard:\n* smtp:[d.example]\n" } },
	  "route c.example: via = discard @t:1\nroute *: via = smtp://d.example @t:2\n"
	  "route a.example: via = smtp://d.example @t:2\n"
	  "route a.example: accept = trusted @main.cf:6\n"
	  "route a.example: recipients = users @main.cf:1\n"
	  "route b.example: via = smtp://d.example @t:2\n"
	  "route b.example: accept = trusted @main.cf:6\n"
	  BELOW("b.example", "smtp://d.example", "t:2", "trusted", "main.cf:6"),
	  { "1 smtp-users.socket", "6 strangers may not send here", "6 milter" }, 3, NULL },
	{ "domains to which strangers may send before all others are refused",
	  { { CF, NONE "relay_domains = b.example\nsmtpd_recipient_restrictions = "
		  "permit_mynetworks, permit_auth_destination, reject\n" } },
	  "route b.example: via = mx @main.cf:2\nroute b.example: accept = anyone @main.cf:2\n"
	  BELOW("b.example", "mx", "main.cf:2", "anyone", "main.cf:2"),
	  { "3 milter" }, 1, NULL },
	{ "an exception in the networks leaves all of them out",
	  { { CF, NONE "mynetworks = !192.0.2.1 192.0.2.0/24\n" } }, "", { "2 !192.0.2.1" }, 1,
	  NULL },
	{ "TLS of all hosts is demanded", { { CF, NONE "smtp_tls_security_level = encrypt\n" } },
	  "", { "2 tls = require" }, 1, NULL },
	{ "TLS of all hosts is forbidden", { { CF, NONE "smtp_tls_security_level = none\n" } },
	  "relay: tls = none @main.cf:2\n", { NULL }, 0, NULL },
	{ "certificates of all hosts are verified",
	  { { CF, NONE "smtp_tls_security_level = secure\n" SASL } },
	  "relay: tls = require @main.cf:2\n", { "4 password-file" }, 1, NULL },
	{ "a login of a sender to the host of all mail",
	  { { CF, NONE "relayhost = [a.example]\nsmtp_sender_dependent_authentication = yes\n" SASL
		  "smtp_tls_wrappermode = yes\nsmtp_tls_security_level = secure\n" },
	    { "/sasl", "a.example anna:hunter2\nben@b.example ben:hunter2b\n" } },
	  "sender ben@b.example: via = smtps://a.example:25 @main.cf:2\n"
	  "sender ben@b.example: user = ben @sasl:2\n"
	  "sender ben@b.example: password-file = /etc/smtp-handler/import-a.example.password "
	  "@sasl:2\n"
	  "route *: via = smtps://a.example:25 @main.cf:2\nroute *: user = anna @sasl:1\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example-2.password @sasl:1\n",
	  { NULL }, 0,
	  "import-a.example.password=hunter2b ;import-a.example-2.password=hunter2 ;" },
	{ "words of mydestination that are no domains, and a delimiter of two characters",
	  { { CF, "mydestination = *, hash:/x, /y, !b.example, [192.0.2.1]\nalias_maps =\n"
		  "home_mailbox = M/\nrecipient_delimiter = +-\n" } },
	  DECIDE("1", "main.cf:1") DECIDE("2", "main.cf:1") DECIDE("3", "main.cf:1")
	  "route [192.0.2.1]: via = maildir:~/M @main.cf:1\n"
	  "route [192.0.2.1]: recipients = users @main.cf:1\n"
	  "route [192.0.2.1]: subaddress = + @main.cf:4\n",
	  { "1 *: is not", "1 hash:/x: is not", "1 /y: is not", "1 !b.example: is not",
	    "4 one character", "0 smtp-maildir.socket", "0 mail for root", "1 /x cannot" }, 8,
	  DECIDE_FILE },
	{ "filters in Debian's form and with options",
	  { { CF, NONE "smtpd_milters = local:opendkim/s,\n { inet:localhost:8891, "
		  "default_action=accept }, {unix:/s}\nnon_smtpd_milters = inet:localhost:1\n"
		  "milter_default_action = quarantine\nmilter_protocol = 6\n" } },
	  "server: milter = unix:/var/spool/postfix/opendkim/s, inet:localhost:8891, unix:/s "
	  "@main.cf:2\n",
	  { "2 default_action=accept: is not", "2 connect to each", "4 non_smtpd_milters: is not",
	    "5 milter_default_action: is not" }, 4, NULL },
	{ "values that are not the usual ones",
	  { { CF, NONE "append_dot_mydomain = yes\nmailbox_size_limit = 0\nsmtputf8_enable = no\n"
		  "smtp_tls_CApath = /x\nsmtp_sasl_mechanism_filter = xoauth2\n"
		  "message_size_limit = 0\nlocal_recipient_maps =\n" } },
	  "server: max-message-size = 1T @main.cf:7\n",
	  { "2 append_dot", "4 smtputf8", "5 tls-ca-file", "6 token-command",
	    "8 local_recipient_maps" }, 5, NULL },
	{ "the server of port 25 has settings of its own in master.cf",
	  { { CF, NONE "mynetworks = 192.0.2.0/24\nsmtpd_relay_restrictions = permit_mynetworks\n"
		  "relay_domains = a.example\n" }, { "/etc/postfix/master.cf",
		  "smtp inet n - y - 1 postscreen\nsmtpd pass - - y - - smtpd -v\n"
		  "  -o { mynetworks = 127.0.0.0/8 [::1] } -o relayhost=[b.example]\n"
		  "# x\n  -osmtpd_client_restrictions=permit_mynetworks,reject\n"
		  "587 inet n - y - - smtpd -o mynetworks=0.0.0.0/0\n"
		  "relay unix - - y - - smtp -o smtpd_helo_restrictions=reject\n" } },
	  "server: trusted = 127.0.0.0/8 ::1 local @master.cf:2\n"
	  "route a.example: via = mx @main.cf:4\nroute a.example: accept = trusted @master.cf:2\n"
	  BELOW("a.example", "mx", "main.cf:4", "trusted", "master.cf:2"),
	  { "2 relayhost: is not", "2 strangers may not", "2 smtpd_client_restrictions: is not",
	    "3 smtpd_relay_restrictions: is not", "6 587: is not" }, 5, NULL },
	{ "arguments of master.cf that end in the middle",
	  { { CF, NONE }, { "/etc/postfix/master.cf", "smtp inet n - y - - smtpd -o\n"
		  "smtp inet n - y - - smtpd -o { mynetworks = 192.0.2.1\nsmtp inet\n"
		  "smtp inet n - y - - smtpd -o {} -o {\n" } },
	  "server: trusted = 192.0.2.1 local @master.cf:2\n", { NULL }, 0, NULL },
	{ "no server listens in master.cf",
	  { { CF, NONE }, { "/etc/postfix/master.cf", "#smtp inet n - y - - smtpd\n"
		  "smtp unix - - y - - smtp\n" } },
	  "", { "0 no server listens on port 25" }, 1, NULL },
	{ "a server listens on an address in master.cf",
	  { { CF, NONE }, { "/etc/postfix/master.cf", "[::1]:25 inet n - y - - smtpd\n" } },
	  "", { "1 [::1]:25: is not" }, 1, NULL },
	{ "services of master.cf on other ports",
	  { { CF, NONE }, { "/etc/postfix/master.cf", "smtp inet n - y - - smtpd\n"
		  "#smtps inet n - y - - smtpd\nsubmission inet n - y - - smtpd\n"
		  "  -o smtpd_tls_security_level=encrypt\npickup unix n - y 60 1 pickup\n" } },
	  "", { "3 submission: is not" }, 1, NULL },
	{ "domains of aliases; names without a domain are for users, too",
	  { { CF, "myhostname = h.example.org\nmydestination = $myhostname\nhome_mailbox = M/\n"
		  "alias_maps = hash:/a\nvirtual_alias_domains = v.example\n"
		  "virtual_alias_maps = hash:/v, inline:{ { w@v.example = anna, "
		  "ben@h.example.org }, x@v.example=\\y }\n" },
	    { "/a", "root: anna\ninfo: ben\n" },
	    { "/v", "v.example anything\ninfo@V.example anna\n"
		    "info@h.example.org carla@far.example\nroot dora@far.example\n"
		    "friend@far.example anna\n" } },
	  "server: hostname = h.example.org @main.cf:1\n"
	  "route h.example.org: via = maildir:~/M @main.cf:2\n"
	  "route h.example.org: recipients = users @main.cf:2\n"
	  "route h.example.org: aliases = /etc/smtp-handler/import-host.aliases @main.cf:2\n"
	  ALIASES_ONLY("v.example", "main.cf:5")
	  "route v.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:5\n"
	  "route far.example: via = mx @v:5\n"
	  "route far.example: aliases = /etc/smtp-handler/import-virtual.aliases @v:5\n",
	  { "0 smtp-maildir.socket", "1 a line above has" }, 2,
	  "import-virtual.aliases=info@V.example: anna@h.example.org "
	  "friend@far.example: anna@h.example.org "
	  "w@v.example: anna@h.example.org, ben@h.example.org x@v.example: \\y ;"
	  "import-host.aliases=info@h.example.org: carla@far.example root: dora@far.example "
	  "info: ben ;" },
	{ "domains of aliases by their names in the table",
	  { { CF, NONE "myhostname = h.example.org\nvirtual_alias_maps = hash:/v\n" },
	    { "/v", "v.example x\n@w.example x@far.example\na@v.example b@far.example\n" } },
	  "server: hostname = h.example.org @main.cf:2\n"
	  ALIASES_ONLY("v.example", "v:1")
	  "route v.example: aliases = /etc/smtp-handler/import-virtual.aliases @v:1\n"
	  HELD("route w.example", "v:2"),
	  { "2 all other names of w.example went to x@far.example" }, 1,
	  "import-virtual.aliases=a@v.example: b@far.example ;" HELD_FILE },
	{ "a domain that stands for another one, and one for a mailbox",
	  { { CF, NONE "myorigin = h.example.org\nvirtual_alias_domains = c.example b.example\n"
		  "virtual_mailbox_domains = m.example\nvirtual_mailbox_base = /srv/mail/\n"
		  "virtual_mailbox_maps = hash:/m\nvirtual_alias_maps = hash:/v\n" },
	    { "/m", "anna@m.example m.example/anna/\nben@m.example m.example/ben/\n" },
	    { "/v", "@c.example @m.example\ninfo@m.example anna@m.example ben\n"
		    "ben@c.example x@far.example\n@b.example anna@m.example\n" } },
	  "server: hostname = h.example.org @main.cf:2\n"
	  ALIASES_ONLY("c.example", "main.cf:3")
	  "route c.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:3\n"
	  "route b.example: via = maildir:/srv/mail/m.example/anna @v:4\n"
	  "route b.example: accept = anyone @main.cf:3\n"
	  MAILBOXES("m.example", "maildir:/srv/mail/{domain}/{local}", "4", "6")
	  "route m.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:4\n",
	  { "2 one name here", "5 must belong to the user smtp-relay" }, 2,
	  "import-virtual.aliases=info@m.example: anna@m.example, ben@h.example.org "
	  "ben@c.example: x@far.example info@c.example: info@m.example "
	  "anna@c.example: anna@m.example ;"
	  "import-m.example.recipients=# addresses, one in a line anna@m.example "
	  "ben@m.example ;" },
	{ "a domain of others that stands for one here: strangers may not send to it",
	  { { CF, NONE "virtual_mailbox_domains = m.example\nvirtual_mailbox_base = /srv/mail/\n"
		  "virtual_mailbox_maps = hash:/m\nvirtual_alias_maps = hash:/v\n"
		  "virtual_alias_domains =\n" },
	    { "/m", "anna@m.example m.example/anna/\n" }, { "/v", "@z.example @m.example\n" } },
	  MAILBOXES("m.example", "maildir:/srv/mail/{domain}/{local}", "2", "4")
	  "route z.example: via = reject:no such user here @v:1\n"
	  "route z.example: aliases = /etc/smtp-handler/import-virtual.aliases @v:1\n",
	  { "3 must belong to the user smtp-relay" }, 1,
	  "import-virtual.aliases=anna@z.example: anna@m.example ;"
	  "import-m.example.recipients=# addresses, one in a line anna@m.example ;" },
	{ "all other names go to one of several mailboxes with names of their own",
	  { { CF, NONE "myorigin = h.example.org\nvirtual_mailbox_domains = m.example\n"
		  "virtual_mailbox_base = /srv/mail\nvirtual_mailbox_maps = hash:/m\n"
		  "virtual_alias_maps = hash:/v\n" },
	    { "/m", "anna@m.example m.example/anna/\nben@m.example m.example/ben/\n" },
	    { "/v", "@m.example anna@m.example\nben@m.example ben@m.example\n" } },
	  "server: hostname = h.example.org @main.cf:2\n"
	  HELD("route m.example", "v:1") "route m.example: accept = anyone @main.cf:3\n"
	  "route m.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:3\n",
	  { "2 one name here", "1 all other names of m.example" }, 2,
	  "import-virtual.aliases=ben@m.example: ben@m.example ;" HELD_FILE },
	{ "a postmaster with a mailbox or a way of its own, beside an alias of root",
	  { { CF, NONE "virtual_mailbox_domains = m.example, n.example\n"
		  "virtual_mailbox_base = /srv\nvirtual_mailbox_maps = hash:/m\n"
		  "relay_domains = r.example\nvirtual_alias_maps = hash:/v\n" },
	    { "/m", "postmaster@m.example m.example/postmaster/\nben@n.example n.example/ben/\n" },
	    { "/v", "root@m.example ben@n.example\nroot@n.example ben@n.example\n"
		    "root@r.example ben@n.example\nroot@x.example ben@n.example\n" } },
	  "route m.example: via = maildir:/srv/{domain}/{local} @main.cf:2\n"
	  "route m.example: accept = anyone @main.cf:2\n"
	  "route m.example: recipients = /etc/smtp-handler/import-m.example.recipients @main.cf:4\n"
	  "route m.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:2\n"
	  "route n.example: via = maildir:/srv/{domain}/{local} @main.cf:2\n"
	  "route n.example: accept = anyone @main.cf:2\n"
	  "route n.example: recipients = /etc/smtp-handler/import-n.example.recipients @main.cf:4\n"
	  "route n.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:2\n"
	  "route r.example: via = mx @main.cf:5\n"
	  "route r.example: accept = anyone @main.cf:5\n"
	  "route .r.example: via = mx @main.cf:5\n"
	  "route .r.example: accept = anyone @main.cf:5\n"
	  "route r.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:5\n"
	  "route x.example: via = mx @v:4\n"
	  "route x.example: aliases = /etc/smtp-handler/import-virtual.aliases @v:4\n",
	  { "3 the Maildirs in /srv must belong to the user" }, 1,
	  "import-virtual.aliases=root@m.example: ben@n.example root@n.example: ben@n.example "
	  "root@r.example: ben@n.example root@x.example: ben@n.example postmaster@m.example: "
	  "\\postmaster@m.example postmaster@r.example: \\postmaster@r.example "
	  "postmaster@x.example: \\postmaster@x.example ;import-m.example.recipients=# "
	  "addresses, one in a line postmaster@m.example ;import-n.example.recipients=# "
	  "addresses, one in a line ben@n.example ;" },
	{ "mailboxes of several domains, some in another form",
	  { { CF, NONE "virtual_mailbox_domains = hash:/d, /list\nvirtual_mailbox_base = /srv\n"
		  "virtual_mailbox_maps = lmdb:/m\nrecipient_delimiter = +\n" },
	    { "/d", "a.example OK\nb.example OK\n" }, { "/list", "# x\nc.example,\n  d.example\n" },
	    { "/m", "Anna@a.example users/anna/Maildir/\ncarl@a.example users/ben/Maildir/\n"
		    "ben@a.example users/ben/Maildir/\nben@b.example b/ben\n"
		    "@d.example d/all/\n" } },
	  "route a.example: via = maildir:/srv/users/{local}/Maildir @d:1\n"
	  DECIDE("1", "main.cf:4")
	  "route a.example: accept = anyone @d:1\n"
	  "route a.example: recipients = /etc/smtp-handler/import-a.example.recipients @main.cf:4\n"
	  "route a.example: subaddress = + @main.cf:5\n"
	  HELD("route b.example", "d:2") "route b.example: accept = anyone @d:2\n"
	  "route b.example: recipients = /etc/smtp-handler/import-b.example.recipients @main.cf:4\n"
	  "route b.example: subaddress = + @main.cf:5\n"
	  ALIASES_ONLY("c.example", "list:2") "route c.example: subaddress = + @main.cf:5\n"
	  "route d.example: via = maildir:/srv/d/all @list:2\n"
	  "route d.example: accept = anyone @list:2\n"
	  "route d.example: subaddress = + @main.cf:5\n",
	  { "3 must belong", "2 the mailbox of carl@a.example", "4 not of the form",
	    "2 not in Maildirs of one form" }, 4,
	  DECIDE_FILE "import-a.example.recipients=# addresses, one in a line Anna@a.example "
	  "carl@a.example ben@a.example ;" HELD_FILE
	  "import-b.example.recipients=# addresses, one in a line ben@b.example ;" },
	{ "mailboxes that a server keeps",
	  { { CF, NONE "virtual_mailbox_domains = m.example\nvirtual_mailbox_maps = hash:/m\n"
		  "virtual_transport = lmtp:unix:/run/dovecot/lmtp\n" },
	    { "/m", "anna@m.example x\n" } },
	  MAILBOXES("m.example", "lmtp:/run/dovecot/lmtp", "2", "3"), { NULL }, 0,
	  "import-m.example.recipients=# addresses, one in a line anna@m.example ;" },
	{ "mailboxes of a program, and names in a database",
	  { { CF, NONE "virtual_mailbox_domains = m.example\nvirtual_mailbox_maps = "
		  "mysql:/etc/postfix/m.cf\nvirtual_alias_maps = proxy:mysql:/etc/postfix/a.cf\n"
		  "virtual_transport = dovecot\n" } },
	  HELD("route m.example", "main.cf:2") "route m.example: accept = anyone @main.cf:2\n"
	  "route m.example: recipients = /etc/smtp-handler/import-m.example.recipients "
	  "@main.cf:3\n"
	  "route m.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:4\n",
	  { "3 type mysql", "3 write the names of m.example", "4 type mysql",
	    "4 write its rows into a file", "2 dovecot is a transport" }, 5,
	  HELD_FILE "import-m.example.recipients=;import-virtual.aliases=;" },
	{ "domains in a database",
	  { { CF, NONE "virtual_mailbox_domains = mysql:/etc/postfix/d.cf\n" } },
	  DECIDE("1", "main.cf:2"), { "2 type mysql", "2 write a [route] for each" }, 2,
	  DECIDE_FILE },
	{ "recipients of a domain whose mail goes on",
	  { { CF, NONE "relay_domains = a.example b.example\nrelay_recipient_maps = hash:/r\n"
		  "transport_maps = hash:/t\n" }, { "/r", "anna@a.example x\n@b.example x\n" },
	    { "/t", "a.example smtp:[c.example]\n" } },
	  "route a.example: via = smtp://c.example @t:1\n"
	  "route a.example: accept = anyone @main.cf:2\n"
	  "route a.example: recipients = /etc/smtp-handler/import-a.example.recipients @main.cf:3\n"
	  "route b.example: via = mx @main.cf:2\nroute b.example: accept = anyone @main.cf:2\n",
	  { NULL }, 0, "import-a.example.recipients=# addresses, one in a line anna@a.example ;" },
	{ "users whose mail a server keeps, and one that goes to a program",
	  { { CF, "mydestination = a.example\nalias_maps =\n"
		  "mailbox_transport = lmtp:unix:/run/dovecot/lmtp\n" } },
	  "route a.example: via = lmtp:/run/dovecot/lmtp @main.cf:3\n"
	  "route a.example: accept = anyone @main.cf:1\n"
	  "route a.example: recipients = users @main.cf:1\n", { "1 smtp-users.socket" }, 1, NULL },
	{ "users whose mail goes to a program, and whose aliases are of another domain",
	  { { CF, "myorigin = o.example\nmydestination = a.example\nmailbox_transport = cyrus\n"
		  "local_recipient_maps = hash:/l\nalias_maps = hash:/a\n" },
	    { "/a", "root: anna, b@c.example\n" } },
	  "server: hostname = o.example @main.cf:1\n" HELD("route a.example", "main.cf:3")
	  "route a.example: accept = anyone @main.cf:2\n"
	  "route a.example: recipients = /etc/smtp-handler/import-local.recipients @main.cf:4\n"
	  "route a.example: aliases = /etc/smtp-handler/import-host.aliases @main.cf:2\n",
	  { "1 one name here", "3 cyrus is a transport", "4 local_recipient_maps has tables",
	    "4 local_recipient_maps: is not" }, 4,
	  "import-host.aliases=root: anna@o.example, b@c.example ;" HELD_FILE
	  "import-local.recipients=;" },
	{ "one address for another, in the tables that rewrite recipients",
	  { { CF, NONE "myorigin = h.example.org\nrecipient_canonical_maps = hash:/c\n"
		  "virtual_alias_maps = hash:/v\n" },
	    { "/c", "a@a.example b@b.example\n" }, { "/v", "a@a.example c@c.example\n" } },
	  "server: hostname = h.example.org @main.cf:2\n"
	  "route a.example: via = mx @c:1\n"
	  "route a.example: aliases = /etc/smtp-handler/import-virtual.aliases @c:1\n",
	  { "2 one name here", "1 a line above has" }, 2,
	  "import-virtual.aliases=a@a.example: b@b.example ;" },
	{ "mail of all others does not go past a filter or to another host",
	  { { CF, NONE "relayhost = [a.example]\ndefault_transport = slow\n"
		  "content_filter = smtp-amavis:[127.0.0.1]:10024\n"
		  "sender_dependent_relayhost_maps = mysql:/x\nluser_relay = x@a.example\n" } },
	  DECIDE("1", "main.cf:5") HELD("route *", "main.cf:3") DECIDE("2", "main.cf:4")
	  DECIDE("3", "main.cf:6"),
	  { "5 type mysql", "5 write a [sender] for each", "3 slow is a transport",
	    "4 content_filter: is not", "6 luser_relay: is not" }, 5, DECIDE_FILE HELD_FILE },
	{ "the output of postconf, and master.cf of this machine",
	  { { "-", NONE }, { "/etc/postfix/master.cf", "smtp inet n - y - - smtpd\n"
		  "  -o content_filter=spamassassin\n" } },
	  DECIDE("1", "master.cf:1"), { "1 content_filter: is not" }, 1, DECIDE_FILE },
	{ "names without a domain are no domains, nor is a name with a dot without addresses",
	  { { CF, "myorigin = a.example\nmydestination = a.example\nhome_mailbox = M/\n"
		  "alias_maps = hash:/a ldap:/x\nvirtual_alias_maps = hash:/v\n" },
	    { "/a", "root: anna\n" }, { "/v", "team anna\njohn.doe john\nb.example x\n"
		    "a@b.example anna\n" } },
	  "server: hostname = a.example @main.cf:1\n" DECIDE("1", "main.cf:4")
	  "route a.example: via = maildir:~/M @main.cf:2\n"
	  "route a.example: recipients = users @main.cf:2\n"
	  "route a.example: aliases = /etc/smtp-handler/import-host.aliases @main.cf:2\n"
	  ALIASES_ONLY("b.example", "v:3")
	  "route b.example: aliases = /etc/smtp-handler/import-virtual.aliases @v:3\n",
	  { "1 one name here", "4 type ldap", "4 the aliases in ldap:/x cannot be read",
	    "0 smtp-maildir.socket" }, 4,
	  "import-virtual.aliases=a@b.example: anna@a.example ;" DECIDE_FILE
	  "import-host.aliases=team: anna@a.example john.doe: john@a.example root: anna ;" },
	{ "some rows of aliases are in a database; a server rewrites recipients",
	  { { CF, NONE "virtual_alias_domains = a.example b.example\nvirtual_alias_maps = hash:/v "
		  "regexp:/r\nrecipient_canonical_maps = tcp:localhost:10002\n" },
	    { "/v", "x@a.example y@far.example\n" } },
	  DECIDE("1", "main.cf:4") DECIDE("2", "main.cf:3") ALIASES_ONLY("a.example", "main.cf:2")
	  "route a.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:2\n"
	  ALIASES_ONLY("b.example", "main.cf:2")
	  "route b.example: aliases = /etc/smtp-handler/import-virtual.aliases @main.cf:2\n",
	  { "3 type regexp", "4 srs-domain", "3 add its rows to /etc/smtp-handler/import-virtual" },
	  3, DECIDE_FILE "import-virtual.aliases=x@a.example: y@far.example ;" },
	{ "filters that cannot be written here do not get lost",
	  { { CF, NONE "smtpd_milters = inet:rspamd:9900\n" } }, DECIDE("1", "main.cf:2"),
	  { "2 this value is left out", "2 mail would go past them" }, 2, DECIDE_FILE },
	{ "lines for single addresses ask for one decision",
	  { { CF, NONE "transport_maps = hash:/t\n" },
	    { "/t", "a@a.example lmtp:[127.0.0.1]:8024\nb@a.example lmtp:[127.0.0.1]:8024\n" } },
	  DECIDE("1", "t:1"), { "1 a@a.example: is not" }, 1, DECIDE_FILE },
	{ "relay domains do not stand for those below them",
	  { { CF, NONE "relay_domains = a.example\nparent_domain_matches_subdomains =\n" } },
	  "route a.example: via = mx @main.cf:2\nroute a.example: accept = anyone @main.cf:2\n",
	  { NULL }, 0, NULL },
	{ "transports that are clients of another name, and one with options",
	  { { CF, NONE "transport_maps = hash:/t\n" }, { "/t", "a.example slow:\n"
		    "b.example box:unix:/run/x\nc.example other:\nd.example pipe:\n" },
	    { "/etc/postfix/master.cf", "25 inet n - y - - smtpd\nslow unix - - y - 1 smtp\n"
		    "box unix - - y - - lmtp\nother unix - - y - - smtp -o "
		    "smtp_bind_address=192.0.2.1\npipe unix - - n - - pipe argv=/x\n" } },
	  "route a.example: via = mx @t:1\nroute b.example: via = lmtp:/run/x @t:2\n"
	  "route b.example: accept = trusted @t:2\n" HELD("route c.example", "t:3")
	  HELD("route d.example", "t:4"),
	  { "3 other: is a transport", "4 pipe: is a transport" }, 2, HELD_FILE },
	{ "lists of Mailman in a domain of their own",
	  { { CF, NONE "transport_maps = hash:/t\nrelay_domains = ${{$compatibility_level} < {2} ? "
		  "{$mydestination} : {}} hash:/d\n" },
	    { "/t", "ants@a.example lmtp:[127.0.0.1]:8024\nants-join@a.example "
		    "lmtp:[127.0.0.1]:8024\nx@b.example lmtp:[127.0.0.1]:8024\n" },
	    { "/d", "a.example a.example\n" } },
	  DECIDE("1", "t:3") "route a.example: via = lmtp://127.0.0.1:8024 @t:1\n"
	  "route a.example: accept = anyone @d:1\n"
	  "route a.example: recipients = /etc/smtp-handler/import-a.example.recipients "
	  "@main.cf:2\n", { "3 x@b.example: is not" }, 1,
	  DECIDE_FILE "import-a.example.recipients=# addresses, one in a line ants@a.example "
	  "ants-join@a.example ;" },
	{ "lists of Mailman in the domain of users",
	  { { CF, "mydestination = a.example\nalias_maps =\nhome_mailbox = M/\n"
		  "transport_maps = hash:/t\nrelay_domains = a.example\n" },
	    { "/t", "ants@a.example lmtp:[127.0.0.1]:8024\n" } },
	  DECIDE("1", "t:1") "route a.example: via = maildir:~/M @main.cf:1\n"
	  "route a.example: recipients = users @main.cf:1\n",
	  { "1 ants@a.example: is not", "0 smtp-maildir.socket", "0 mail for root" }, 3,
	  DECIDE_FILE },
	{ "aliases are for local mail: with another transport their names are recipients",
	  { { CF, "myorigin = a.example\nmydestination = a.example b.example\n"
		  "home_mailbox = M/\nalias_maps = hash:/a\ntransport_maps = hash:/t\n"
		  "virtual_alias_maps = hash:/v\n" },
	    { "/a", "root: anna, |/x\ninfo: ben\n" }, { "/t", "b.example smtp:[c.example]\n" },
	    { "/v", "info anna\n" } },
	  "server: hostname = a.example @main.cf:1\n"
	  "route b.example: via = smtp://c.example @t:1\n"
	  "route b.example: accept = anyone @t:1\nroute b.example: recipients = users @t:1\n"
	  "route a.example: via = maildir:~/M @main.cf:2\n"
	  "route a.example: recipients = users @main.cf:2\n"
	  "route a.example: aliases = /etc/smtp-handler/import-host.aliases @main.cf:2\n"
	  "route b.example: aliases = /etc/smtp-handler/import-names.aliases @main.cf:2\n",
	  { "1 one name here", "1 smtp-users.socket", "2 a line above has", "1 mail to programs",
	    "0 smtp-maildir.socket" }, 5,
	  "import-host.aliases=info: anna@a.example root: anna ;"
	  "import-names.aliases=info: anna@a.example root: root ;" },
	{ "a domain below a relayed one, and one whose next host was asked for recipients",
	  { { CF, NONE "myorigin = h.example.org\nrelay_domains = a.example\n"
		  "relayhost = [b.example]\nrelay_transport = relay:[c.example]\n"
		  "virtual_alias_maps = hash:/v\n"
		  "smtpd_recipient_restrictions = reject_unauth_destination, "
		  "Reject_Unverified_Recipient\nmynetworks_style = host\n" },
	    { "/v", "x@d.a.example y@a.example\n" } },
	  "server: hostname = h.example.org @main.cf:2\n"
	  "server: trusted = local @main.cf:7\n"
	  "route a.example: via = smtp://c.example @main.cf:3\n"
	  "route a.example: accept = anyone @main.cf:3\n"
	  "route a.example: recipients = /etc/smtp-handler/import-a.example.recipients "
	  "@main.cf:3\n"
	  "route d.a.example: via = smtp://c.example @v:1\n"
	  "route d.a.example: accept = anyone @v:1\n"
	  "route d.a.example: recipients = /etc/smtp-handler/import-d.a.example.recipients @v:1\n"
	  "route d.a.example: aliases = /etc/smtp-handler/import-virtual.aliases @v:1\n"
	  "route *: via = smtp://b.example @main.cf:4\n",
	  { "2 one name here", "7 mynetworks may not", "3 names of a.example", "1 names of d.a.ex",
	    "7 milter" }, 5,
	  "import-virtual.aliases=x@d.a.example: y@a.example ;import-a.example.recipients=;"
	  "import-d.a.example.recipients=;" },
	{ "a table for fields alone leaves recipients as they are",
	  { { CF, NONE "myorigin = h.example.org\nrelayhost = [a.example]\n"
		  "recipient_canonical_maps = inline:{ {anna@b.example = ben@c.example} }\n"
		  "recipient_canonical_classes = header_recipient\n" } },
	  "server: hostname = h.example.org @main.cf:2\n"
	  "route *: via = smtp://a.example @main.cf:3\n", { "2 one name here" }, 1, NULL },
	{ "addresses of mail that leaves, as in generic(5)",
	  { { CF, NONE NAMED "relayhost = [a.example]\nsmtp_generic_maps = hash:/g\n" },
	    { "/g", "his@h.example.org  hisaccount@provider.example\n"
		    "her@h.example.org  heraccount@provider.example\n"
		    "@h.example.org     hisaccount+local@provider.example\n"
		    "two@h.example.org  a@b.example c@d.example\nbad@h.example.org  \xc3\xa4@b\n"
		    "www                web\n" } },
	  OUR_HOST RELAYHOST MASQUERADE("main.cf:4"),
	  { "4 submit-trusted = on", "4 recipients stay", "4 mail for users of this host",
	    "4 a sender has one address", "5 one full address" }, 5,
	  "import-host.masquerade=*: hisaccount+local@provider.example "
	  "his: hisaccount@provider.example her: heraccount@provider.example "
	  "two: two@h.example.org bad: bad@h.example.org www: web@h.example.org ;" },
	{ "steps one behind another; recipients by one of them",
	  { { CF, NONE NAMED "relayhost = [a.example]\nsender_canonical_maps = hash:/s\n"
		  "canonical_maps = hash:/c\n" },
	    { "/s", "anna Anna.Smith\nroot x@q.example\n" },
	    { "/c", "x@q.example y@q.example\ny@q.example z@r.example\n" } },
	  OUR_HOST
	  "route q.example: via = smtp://a.example @c:1\n"
	  "route q.example: aliases = /etc/smtp-handler/import-virtual.aliases @c:1\n"
	  RELAYHOST MASQUERADE("main.cf:4"),
	  { "4 submit-trusted = on", "5 To and Cc stay" }, 2,
	  "import-virtual.aliases=x@q.example: y@q.example y@q.example: z@r.example ;"
	  "import-host.masquerade=anna: Anna.Smith@h.example.org root: z@r.example "
	  "x@q.example: z@r.example y@q.example: z@r.example ;" },
	{ "a table of senders alone leaves recipients as they are",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "canonical_maps = inline:{ {anna = a@x.example} }\n"
		  "canonical_classes = envelope_sender, header_sender\n" } },
	  OUR_HOST RELAYHOST MASQUERADE("main.cf:4"), { "4 submit-trusted" }, 1,
	  "import-host.masquerade=anna: a@x.example ;" },
	{ "a domain in place of those below it, save for some users",
	  { { CF, "mydestination = h.example.org a.x.example.org\nalias_maps =\n" NAMED
		  "masquerade_domains = !x.example.org example.org\n"
		  "masquerade_exceptions = root, mailer\n" } },
	  OUR_HOST_AT("3") USERS("h.example.org") USERS("a.x.example.org")
	  MASQUERADE("main.cf:4"),
	  { "0 mailboxes are Maildirs", "0 smtp-maildir.socket", "0 mail for root",
	    "4 submit-trusted",
	    "4 the names of this host alone" }, 5,
	  "import-host.masquerade=*: @example.org root: root@h.example.org "
	  "mailer: mailer@h.example.org ;" },
	{ "one address for all",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "sender_canonical_maps = static:me@x.example\nrecipient_delimiter = +\n" } },
	  OUR_HOST RELAYHOST MASQUERADE("main.cf:4"),
	  { "4 submit-trusted", "4 senders of other domains keep" }, 2,
	  "import-host.masquerade=*: me@x.example ;" },
	{ "a name that no sender has: * is no wildcard there",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "sender_canonical_maps = inline:{ {*@o.example = b@x.example}, "
		  "{anna = a@x.example} }\n" } },
	  OUR_HOST RELAYHOST MASQUERADE("main.cf:4"),
	  { "4 *@o.example: the sender", "4 submit-trusted" }, 2,
	  "import-host.masquerade=anna: a@x.example ;" },
	{ "a step without a translation ends them all",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "sender_canonical_maps = inline:{ {anna = a@x.example} }\n"
		  "canonical_maps = regexp:/r\ncanonical_classes = envelope_sender header_sender\n"
		  "masquerade_domains = example.org\nsmtp_generic_maps = pcre:/p hash:/g\n" },
	    { "/g", "root x@x.example\n" } },
	  OUR_HOST RELAYHOST MASQUERADE("main.cf:4"),
	  { "4 submit-trusted", "5 a table of the type regexp", "5 a table cannot be read",
	    "7 a step before it", "8 a step before it" }, 5,
	  "import-host.masquerade=anna: a@x.example ;" },
	{ "a part of what senders are",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "sender_canonical_maps = inline:{ {anna = a@x.example} }\n"
		  "sender_canonical_classes = envelope_sender\n"
		  "masquerade_domains = example.org\nmasquerade_classes = header_recipient\n"
		  "canonical_maps = inline:{ {x@x.example = y@x.example} }\n"
		  "canonical_classes = header_recipient\n" } },
	  OUR_HOST RELAYHOST,
	  { "4 only one of reverse-path and fields", "6 a step before it",
	    "8 a step before it" }, 3, NULL },
	{ "a host by the sender from before, which no longer shows",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "smtp_generic_maps = inline:{ {anna = a@x.example} }\n"
		  "sender_dependent_relayhost_maps = "
		  "inline:{ {anna@h.example.org = [b.example]} }\n" } },
	  OUR_HOST "sender anna@h.example.org: via = smtp://b.example @main.cf:5\n" RELAYHOST,
	  { "4 [sender anna@h.example.org] would choose" }, 1, NULL },
	{ "a host by the sender that a table gives",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "sender_canonical_maps = inline:{ {anna = a@x.example} }\n"
		  "sender_dependent_relayhost_maps = inline:{ {a@x.example = [b.example]} }\n" } },
	  OUR_HOST "sender a@x.example: via = smtp://b.example @main.cf:5\n" RELAYHOST
	  MASQUERADE("main.cf:4"), { "4 submit-trusted" }, 1,
	  "import-host.masquerade=anna: a@x.example ;" },
	{ "rows in a circle, a value that is unknown, and mail that keeps its addresses",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "sender_canonical_maps = inline:{ {a@x = b@x}, {b@x = a@x} }\n"
		  "masquerade_domains = $masquerade_domains\n" } },
	  OUR_HOST RELAYHOST,
	  { "4 lead in a circle", "5 is made of itself", "5 its value is unknown" }, 3, NULL },
	{ "postsrsd, as its README has it; a name of this host that main.cf does not have",
	  { { CF, NONE "relayhost = [a.example]\nsmtp_generic_maps = inline:{ "
		  "{root@h.example.org = a@x.example}, {@h.example.org = @x.example} }\n"
		  "sender_canonical_maps = tcp:localhost:10001\n"
		  "sender_canonical_classes = envelope_sender\n" },
	    { "/etc/hostname", "h.example.org\n" } },
	  "route *: via = smtp://a.example @main.cf:2\n" MASQUERADE("main.cf:3"),
	  { "4 [relay] srs-domain", "3 submit-trusted", "3 recipients stay", "3 mail for users" },
	  4, "import-host.masquerade=*: @x.example @h.example.org: @x.example "
	  "root: a@x.example root@h.example.org: a@x.example ;" },
	{ "a server that leaves addresses as they are",
	  { { CF, NONE NAMED "relayhost = [a.example]\n"
		  "sender_canonical_maps = inline:{ {anna = a@x.example} }\n"
		  "receive_override_options = no_address_mappings\n" } },
	  OUR_HOST RELAYHOST, { "4 for some mail only" }, 1, NULL },
	{ "a client of master.cf with a table of its own",
	  { { CF, NONE NAMED "relayhost = [a.example]\n" },
	    { "/etc/postfix/master.cf", "smtp inet n - y - - smtpd\nsmtp unix - - y - - smtp\n"
		    "relay unix - - y - - smtp -o syslog_name=x -o smtp_generic_maps=hash:/g\n"
		    } },
	  OUR_HOST RELAYHOST, { "3 smtp_generic_maps: is not translated: only this" }, 1, NULL },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		import_try(&cases[i], import_postfix);
	return tap_done();
}
