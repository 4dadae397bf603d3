// SPDX-License-Identifier: ISC
#include "tests/unit/import_fixture.h"

#define CF "/etc/postfix/main.cf"
#define NONE "mydestination =\n"
#define LOGIN(at) \
	"route *: user = anna @sasl:" at "\n" \
	"route *: password-file = /etc/smtp-handler/import-a.example.password @sasl:" at "\n"
#define SASL "smtp_sasl_auth_enable = yes\nsmtp_sasl_password_maps = hash:/sasl\n"

static const struct import_case cases[] = {
	{ "the null client of Postfix's manual",
	  { { CF, "myhostname = hostname.example.com\nmyorigin = $mydomain\nrelayhost = $mydomain\n"
		  "inet_interfaces = loopback-only\nmydestination =\n" } },
	  "server: hostname = example.com @main.cf:2\nroute *: via = smtp://example.com "
	  "@main.cf:3\n",
	  { "2 one name here", "3 MX record", "4 ListenStream=127.0.0.1:25" }, 3, NULL },
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
	  { { CF, NONE "relayhost = $x\nx = $y$y$y$y$y$y\ny = $x$x$x$x$x$x\n" } }, "",
	  { "2 relayhost: its value", "3 x: is", "4 y: is" }, 3, NULL },
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
	  "route *: via = smtp+starttls://a.example:25 @main.cf:2\n"
	  "route *: user = anna @sasl:2\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @sasl:2\n",
	  { "4 smtp_sasl_password_maps has no password for e.example",
	  "4 this value is left out" }, 2,
	  "import-b.example.password=hunter2b ;import-a.example.password=hunter2 ;" },
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
	  "route *: via = smtp://a.example @main.cf:2\n",
	  { "4 postmap -s", "4 type static", "3 no password for" }, 3, NULL },
	{ "what a null client does not have",
	  { { CF, NONE "virtual_alias_maps = hash:/x\nsmtpd_tls_cert_file = /x\nnonsense = "
	  "hunter2\n"
		  "smtp_generic_maps = hash:/x\nsmtpd_banner = x\nalways_bcc =\n" } },
	  "", { "2 virtual_alias_maps", "3 tls-certificate", "4 nonsense", "5 rewrite" }, 4, NULL },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		import_try(&cases[i], import_postfix);
	return tap_done();
}
