// SPDX-License-Identifier: ISC
#include "tests/unit/import_fixture.h"

#define CONF "/etc/exim4/update-exim4.conf.conf"
#define KIND(text) "dc_eximconfig_configtype='" text "'\n"
#define MAILDIR "dc_localdelivery='maildir_home'\n"
#define NAME { "/etc/mailname", "h.example.org\n" }
#define ALIASES { "/etc/aliases", "root: anna\n" }
#define HOSTNAME "server: hostname = h.example.org @mailname:1\n"
#define LOCAL(name, line) \
	"route " name ": via = maildir:~/Maildir @update-exim4.conf.conf:" line "\n" \
	"route " name ": recipients = users @update-exim4.conf.conf:" line "\n" \
	"route " name ": aliases = /etc/aliases @update-exim4.conf.conf:" line "\n"
#define LOGIN(line) \
	"route *: user = anna @passwd.client:" line "\n" \
	"route *: password-file = /etc/smtp-handler/import-a.example.password @passwd.client:" \
	line "\n"

static const struct import_case cases[] = {
	{ "Debian's choice for a site of the Internet",
	  { { CONF, "# x\n" KIND("internet") "dc_other_hostnames='h.example.org:b.example'\n"
		    "dc_local_interfaces='127.0.0.1 ; ::1'\ndc_readhost=''\ndc_relay_domains=''\n"
		    "dc_minimaldns='false'\ndc_relay_nets=''\ndc_smarthost=''\nCFILEMODE='644'\n"
		    "dc_use_split_config='false'\ndc_hide_mailname=''\ndc_mailname_in_oh='true'\n"
		    MAILDIR }, NAME, ALIASES },
	  HOSTNAME LOCAL("localhost", "3") LOCAL("h.example.org", "13") LOCAL("b.example", "3"),
	  { "0 smtp-maildir.socket", "4 the socket has the addresses" }, 2, NULL },
	{ "local mail only; the name is no domain; mail in one file",
	  { { CONF, KIND("local") "dc_mailname_in_oh='false'\ndc_localdelivery='mail_spool'\n" },
	    NAME, ALIASES },
	  HOSTNAME LOCAL("localhost", "0")
	  "route *: via = reject:mail for other domains is not sent @update-exim4.conf.conf:1\n",
	  { "3 mailboxes are Maildirs", "0 smtp-maildir.socket" }, 2, NULL },
	{ "a satellite with a login, whose visible name is another",
	  { { CONF, KIND("satellite") "dc_smarthost='a.example::587;b.example'\n"
		    "dc_readhost='example.org'\ndc_hide_mailname='true'\n"
		    "dc_relay_nets='192.0.2.0/24 ; 2001:db8::/32'\n" },
	    { "/etc/exim4/passwd.client", "# x\nb.example:x:y\nA.example:anna:hunter2:x\n" } },
	  "server: trusted = 127.0.0.0/8 ::1 192.0.2.0/24 2001:db8::/32 local "
	  "@update-exim4.conf.conf:5\n"
	  "route *: via = smtp+starttls://a.example @update-exim4.conf.conf:2\n" LOGIN("3")
	  MASQUERADE("update-exim4.conf.conf:4"),
	  { "3 dc_readhost: is not", "4 submit-trusted = on", "4 mail for users of this host",
	    "2 a second host", "2 was not verified" }, 5,
	  "import-a.example.password=hunter2:x ;"
	  "import-host.masquerade=*: @example.org @localhost: @example.org ;" },
	{ "TLS from the first octet by a macro, a login by a pattern, networks with colons",
	  { { CONF, KIND("satellite") "dc_smarthost=a.example\ndc_relay_nets='192.0.2.1:"
		    "192.0.2.2:2001::db8::::1'\n" },
	    { "/etc/exim4/passwd.client", "*b.example:x:y\n*.example:anna:hunter2\n" },
	    { "/etc/exim4/exim4.conf.localmacros", "REMOTE_SMTP_SMARTHOST_PROTOCOL = smtps\n"
		    "MAIN_TLS_ENABLE = hunter2\n" } },
	  "server: trusted = 127.0.0.0/8 ::1 192.0.2.1 192.0.2.2 2001:db8::1 local "
	  "@update-exim4.conf.conf:3\n"
	  "route *: via = smtps://a.example @update-exim4.conf.conf:2\n" LOGIN("2"),
	  { "2 MAIN_TLS_ENABLE: is not", "2 was not verified" }, 2,
	  "import-a.example.password=hunter2 ;" },
	{ "a smarthost without a login, and without a host",
	  { { CONF, KIND("satellite") "dc_smarthost='a.example'\n" } },
	  "route *: via = smtp://a.example @update-exim4.conf.conf:2\n", { NULL }, 0, NULL },
	{ "no smarthost, a bad network, unknown settings",
	  { { CONF, KIND("satellite") "dc_relay_nets='*'\ndc_relay_domains='x.example'\n"
		    "nonsense='hunter2'\n" } },
	  HELD("route x.example", "update-exim4.conf.conf:0")
	  "route x.example: accept = anyone @update-exim4.conf.conf:3\n"
	  HELD("route *", "update-exim4.conf.conf:0"),
	  { "2 this value is left out", "0 [route x.example] waits", "4 nonsense: is not",
	    "0 [route *] waits" }, 4, HELD_FILE },
	{ "files beside it",
	  { { CONF, KIND("satellite") "dc_smarthost='a.example::x'\n" },
	    { "/etc/exim4/exim4.conf", "x\n" },
	    { "/etc/exim4/hubbed_hosts", "b.example: c.example\n" },
	    { "/etc/email-addresses", "# x\nanna: anna@b.example\n" } },
	  DECIDE("1", "exim4.conf:0") "route b.example: via = smtp://c.example @hubbed_hosts:1\n"
	  "route *: via = smtp://a.example @update-exim4.conf.conf:2\n"
	  MASQUERADE("email-addresses:0"),
	  { "0 reads exim4.conf alone", "2 no number", "0 submit-trusted = on" }, 3,
	  DECIDE_FILE "import-host.masquerade=anna: anna@b.example anna@localhost: "
	  "anna@b.example ;" },
	{ "addresses of users, some at this host, whose name mail does not have",
	  { { CONF, KIND("smarthost") "dc_smarthost='a.example'\ndc_readhost='example.org'\n"
		    "dc_hide_mailname='true'\ndc_other_hostnames='h.example.org;b.example'\n"
		    MAILDIR }, NAME, ALIASES,
	    { "/etc/hostname", "box.example.org\n" },
	    { "/etc/email-addresses", "# x\nanna: anna.smith@provider.example\n"
		    "ben ben2@b.example\n*: x@c.example\ncarl: carl\ndora:\n"
		    "anna: x@c.example\n" } },
	  HOSTNAME LOCAL("localhost", "5") LOCAL("h.example.org", "0") LOCAL("b.example", "5")
	  "route *: via = smtp://a.example @update-exim4.conf.conf:2\n"
	  MASQUERADE("update-exim4.conf.conf:4"),
	  { "0 smtp-maildir.socket", "4 *: is not translated", "5 carl: the sender carl is not",
	    "6 dora: the sender", "7 anna: a line above", "4 submit-trusted",
	    "7 anna@b.example: a line above", "7 anna@localhost: a line above",
	    "7 anna@box.example.org: a line above", "4 mail for users of this host" }, 10,
	  "import-host.masquerade="
	  "anna: anna.smith@provider.example anna@localhost: anna.smith@provider.example "
	  "anna@box.example.org: anna.smith@provider.example "
	  "anna@b.example: anna.smith@provider.example "
	  "ben: ben2@example.org ben@localhost: ben2@example.org "
	  "ben@box.example.org: ben2@example.org ben@b.example: ben2@example.org "
	  "*: @example.org @localhost: @example.org @box.example.org: @example.org "
	  "@b.example: @example.org ;" },
	{ "a hidden name without another",
	  { { CONF, KIND("satellite") "dc_smarthost='a.example'\ndc_hide_mailname='true'\n"
		    "dc_readhost=''\n" } },
	  "route *: via = smtp://a.example @update-exim4.conf.conf:2\n",
	  { "3 there is no dc_readhost" }, 1, NULL },
	{ "domains of others, some with hosts of their own",
	  { { CONF, KIND("internet") "dc_other_hostnames='h.example.org:*.k.example'\n"
		    "dc_relay_domains='a.example:*.b.example:c.example:h.example.org:@mx_any'\n"
		    MAILDIR }, NAME, ALIASES, { "/etc/exim4/hubbed_hosts",
		    "# x\n*.c.example: d.example:e.example byname\nc.example: f.example\n"
		    "*.g.example: [192.0.2.1]\nm.example: /x\nlocalhost: i.example\n*: x\n" } },
	  HOSTNAME "route c.example: via = smtp://f.example @hubbed_hosts:3\n"
	  HELD("route m.example", "hubbed_hosts:5")
	  "route localhost: via = smtp://i.example @hubbed_hosts:6\n"
	  DECIDE("1", "hubbed_hosts:7")
	  "route .c.example: via = smtp://d.example smtp://e.example @hubbed_hosts:2\n"
	  HELD("route .g.example", "hubbed_hosts:4") HELD("route g.example", "hubbed_hosts:4")
	  "route localhost: accept = anyone @update-exim4.conf.conf:2\n"
	  LOCAL("h.example.org", "0") DECIDE("2", "update-exim4.conf.conf:2")
	  "route a.example: via = mx @update-exim4.conf.conf:3\n"
	  "route a.example: accept = anyone @update-exim4.conf.conf:3\n"
	  "route .b.example: via = mx @update-exim4.conf.conf:3\n"
	  "route .b.example: accept = anyone @update-exim4.conf.conf:3\n"
	  "route c.example: accept = anyone @update-exim4.conf.conf:3\n"
	  DECIDE("3", "update-exim4.conf.conf:3"),
	  { "5 /x cannot be written", "7 *: is not", "4 the hosts [192.0.2.1] cannot",
	    "0 smtp-maildir.socket", "2 *.k.example: is not", "3 @mx_any: is not",
	    "4 [route g.example] waits", "4 this value is left out" }, 9,
	  HELD_FILE DECIDE_FILE },
	{ "a smarthost with an IPv6 address, in a list with colons",
	  { { CONF, KIND("satellite") "dc_smarthost='[2001::db8::::1]::587'\n" } },
	  "route *: via = smtp://[2001:db8::1]:587 @update-exim4.conf.conf:2\n", { NULL }, 0,
	  NULL },
	{ "smarthosts with IPv6 addresses, in a list with semicolons",
	  { { CONF, KIND("satellite") "dc_smarthost='<; 2001:db8::1; [2001:db8::2]:26'\n" } },
	  "route *: via = smtp://[2001:db8::1] @update-exim4.conf.conf:2\n",
	  { "2 a second host" }, 1, NULL },
	{ "a smarthost with an IPv6 address and a port, in a list with semicolons",
	  { { CONF, KIND("satellite") "dc_smarthost='<;[2001:db8::2]:26;'\n" } },
	  "route *: via = smtp://[2001:db8::2]:26 @update-exim4.conf.conf:2\n", { NULL }, 0,
	  NULL },
	{ "not in use", { { CONF, KIND("none") "dc_smarthost='a.example'\n" } }, "",
	  { "1 not in use" }, 1, NULL },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		import_try(&cases[i], import_exim);
	return tap_done();
}
