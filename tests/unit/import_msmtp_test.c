// SPDX-License-Identifier: ISC
#include "tests/unit/import_fixture.h"

#define RC "/etc/msmtprc"
#define LOGIN "\nauth on\nuser anna\npassword hunter2\n"

static const struct import_case cases[] = {
	{ "a host alone, without an account",
	  { { RC, "host mail.example.org\n" } },
	  "route *: via = smtp://mail.example.org @msmtprc:1\n", { NULL }, 0, NULL },
	{ "TLS without a port is STARTTLS on port 25",
	  { { RC, "account default\nhost a.example\ntls on\n" } },
	  "route *: via = smtp+starttls://a.example:25 @msmtprc:2\n", { NULL }, 0, NULL },
	{ "an argument is on by default, and TLS without STARTTLS is port 465",
	  { { RC, "account default\nhost a.example\ntls\ntls_starttls off\n" } },
	  "route *: via = smtps://a.example @msmtprc:2\n", { NULL }, 0, NULL },
	{ "defaults, accounts, quotes and comments",
	  { { RC, "# mine\ndefaults\ntls on\nport 587\n\naccount work\n  # host x\n  host "
	  "a.example\n"
		  "  from anna@a.example\n" LOGIN "account home\nhost b.example\nfrom "
		  "anna@b.example\n"
		  "auth on\nuser \"anna b\"\npassword \"hunter2 #1\"\n"
		  "account default : home\n" } },
	  "route *: via = smtp+starttls://b.example @msmtprc:15\n"
	  "route *: user = anna b @msmtprc:18\n"
	  "route *: password-file = /etc/smtp-handler/import-b.example.password @msmtprc:18\n"
	  "sender anna@a.example: via = smtp+starttls://a.example @msmtprc:8\n"
	  "sender anna@a.example: user = anna @msmtprc:12\n"
	  "sender anna@a.example: password-file = /etc/smtp-handler/import-a.example.password "
	  "@msmtprc:12\n" MASQUERADE("msmtprc:16"),
	  { "16 From, Sender and Reply-To" }, 1,
	  "import-b.example.password=hunter2 #1 ;import-a.example.password=hunter2 ;"
	  "import-host.masquerade=anna@a.example: anna@a.example *: anna@b.example ;" },
	{ "later accounts override what they inherit, in order",
	  { { RC, "account a\nhost a.example\nport 2525\naccount b\nhost b.example\nport 2626\n"
		  "account default : a, b\nport 2727\n" } },
	  "route *: via = smtp://b.example:2727 @msmtprc:5\n",
	  { "1 the account a has no from" }, 1, NULL },
	{ "the pattern of a from is a domain",
	  { { RC, "account default\nhost a.example\naccount b\nhost b.example\nfrom "
	  "*@b.example\n" } },
	  "route *: via = smtp://a.example @msmtprc:2\n"
	  "sender b.example: via = smtp://b.example @msmtprc:4\n", { NULL }, 0, NULL },
	{ "a login in the clear becomes one inside TLS",
	  { { RC, "account default\nhost a.example" LOGIN } },
	  "route *: via = smtp+starttls://a.example:25 @msmtprc:2\n"
	  "route *: user = anna @msmtprc:4\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @msmtprc:4\n",
	  { "4 was sent without TLS" }, 1, "import-a.example.password=hunter2 ;" },
	{ "a login to this machine needs no TLS",
	  { { RC, "account default\nhost 127.0.0.1\nport 2525" LOGIN } },
	  "route *: via = smtp://127.0.0.1:2525 @msmtprc:2\n"
	  "route *: user = anna @msmtprc:5\n"
	  "route *: password-file = /etc/smtp-handler/import-127.0.0.1.password @msmtprc:5\n",
	  { NULL }, 0, "import-127.0.0.1.password=hunter2 ;" },
	{ "a user without auth does not log in",
	  { { RC, "account default\nhost a.example\nuser anna\npassword hunter2\n" } },
	  "route *: via = smtp://a.example @msmtprc:2\n", { NULL }, 0, NULL },
	{ "a command for the password",
	  { { RC, "account default\nhost a.example\ntls on\nauth on\nuser anna\n"
		  "passwordeval echo hunter2\n" } },
	  "route *: via = smtp+starttls://a.example:25 @msmtprc:2\n"
	  "route *: user = anna @msmtprc:5\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @msmtprc:5\n",
	  { "5 printed by a command" }, 1, "import-a.example.password=;" },
	{ "a password counts more than a command, also an inherited one",
	  { { RC, "account a\nhost a.example\ntls on\nauth on\nuser anna\npassword hunter2\n"
		  "passwordeval echo x\naccount default : a\npasswordeval echo y\n" } },
	  "route *: via = smtp+starttls://a.example:25 @msmtprc:2\n"
	  "route *: user = anna @msmtprc:5\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @msmtprc:5\n",
	  { NULL }, 0, "import-a.example.password=hunter2 ;" },
	{ "no password at all: it is in a key ring",
	  { { RC, "account default\nhost a.example\ntls on\nauth on\nuser anna\n" } },
	  "route *: via = smtp+starttls://a.example:25 @msmtprc:2\n"
	  "route *: user = anna @msmtprc:5\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @msmtprc:5\n",
	  { "5 there is no password" }, 1, "import-a.example.password=;" },
	{ "a token",
	  { { RC, "account default\nhost a.example\ntls on\nauth xoauth2\nuser anna\n"
		  "passwordeval \"pizauth show hunter2\"\n" } },
	  "route *: via = smtp+starttls://a.example:25 @msmtprc:2\n"
	  "route *: user = anna @msmtprc:5\n"
	  "route *: token-command = /etc/smtp-handler/import-a.example.token @msmtprc:5\n",
	  { "5 will run as the user smtp-relay" }, 1,
	  "import-a.example.token=#!/bin/sh pizauth show hunter2 ;" },
	{ "names of this host and authorities",
	  { { RC, "account default\nhost [2001:db8::1]\nport 26\ndomain c.example.org\n"
		  "tls_trust_file ~/ca.pem\nsource_ip 192.0.2.1\n" } },
	  "route *: via = smtp://[2001:db8::1]:26 @msmtprc:2\n"
	  "relay: tls-ca-file = /home/anna/ca.pem @msmtprc:5\n"
	  "relay: bind = 192.0.2.1 @msmtprc:6\n"
	  "server: hostname = c.example.org @msmtprc:4\n", { NULL }, 0, NULL },
	{ "the system's authorities are the default",
	  { { RC, "host a.example\ntls_trust_file /etc/ssl/certs/ca-certificates.crt\n" } },
	  "route *: via = smtp://a.example @msmtprc:1\n", { NULL }, 0, NULL },
	{ "LMTP, by port and by socket",
	  { { RC, "account default\nhost a.example\nport 24\nprotocol lmtp\n"
		  "account b\nsocket /run/lmtp\nfrom anna@b.example\n" } },
	  "route *: via = lmtp://a.example:24 @msmtprc:2\n"
	  HELD("sender anna@b.example", "msmtprc:6"),
	  { "6 this value is left out", "6 [sender anna@b.example] waits" }, 2, HELD_FILE },
	{ "aliases, some of which have no use here",
	  { { RC, "account default\nhost a.example\naliases /etc/aliases\n" },
	    { "/etc/hostname", "h.example.org\n" },
	    { "/etc/aliases", "root: anna@b.example, |/bin/sh\n# x\ndefault: ben@b.example\n"
			      "root: ben@b.example\n" } },
	  "route *: via = smtp://a.example @msmtprc:2\n"
	  "route h.example.org: via = smtp://a.example @msmtprc:2\n"
	  "route h.example.org: aliases = /etc/smtp-handler/import-host.aliases @msmtprc:3\n",
	  { "1 mail to programs", "4 a line above", "3 for the user default alone" }, 3,
	  "import-host.aliases=root: anna@b.example default: ben@b.example ;" },
	{ "good aliases stay where they are",
	  { { RC, "account default\nhost a.example\naliases /etc/aliases\ndomain h.example.org\n" },
	    { "/etc/aliases", "root: anna@b.example\n" } },
	  "route *: via = smtp://a.example @msmtprc:2\n"
	  "server: hostname = h.example.org @msmtprc:4\n"
	  "route h.example.org: via = smtp://a.example @msmtprc:2\n"
	  "route h.example.org: aliases = /etc/aliases @msmtprc:3\n", { NULL }, 0, NULL },
	{ "commands without a translation, and unknown ones",
	  { { RC, "host a.example\ntls_certcheck off\ntls on\neval echo x\nproxy_host p\nlogfile "
	  "x\n"
		  "nonsense hunter2\nport x\n" } },
	  "route *: via = smtp+starttls://a.example:25 @msmtprc:1\n",
	  { "1 was not verified", "4 eval", "5 proxy_host", "6 journalctl", "7 nonsense",
	  "8 no number" },
	  6, NULL },
	{ "values that no configuration can have",
	  { { RC, "host a example\n" } }, HELD("route *", "msmtprc:1"),
	  { "1 this value is left out", "1 [route *] waits" }, 2, HELD_FILE },
	{ "a login that no configuration can have",
	  { { RC, "host a.example\ntls on\nauth on\nuser \"anna #x\"\npassword hunter2\n" } },
	  HELD("route *", "msmtprc:1"),
	  { "4 this value is left out", "1 [route *] waits" }, 2, HELD_FILE },
	{ "an account without a host, and one that inherits from nobody",
	  { { RC, "account a : b\naccount a\n" } },
	  HELD("route *", "msmtprc:1"),
	  { "1 no account b", "2 of this name above", "1 the account a has no host" }, 3,
	  HELD_FILE },
	{ "nothing", { { RC, "" } }, HELD("route *", "msmtprc:0"),
	  { "0 the account default has no host" }, 1, HELD_FILE },
	{ "settings of another account that are for all mail here",
	  { { RC, "account b\nhost b.example\nfrom ben@b.example\ntls_trust_file /b.pem\n"
		  "source_ip 192.0.2.1\nmaildomain b.example\naliases /b\n"
		  "account default\nhost a.example\ntls_trust_file /a.pem\n" } },
	  "route *: via = smtp://a.example @msmtprc:9\nrelay: tls-ca-file = /a.pem @msmtprc:10\n"
	  "sender ben@b.example: via = smtp://b.example @msmtprc:2\n",
	  { "4 tls_trust_file: is not", "5 source_ip: is not", "6 maildomain: is not",
	    "7 aliases: is not" }, 4, NULL },
	{ "an account with another login and the sender of the one above",
	  { { RC, "account a\nhost a.example\nfrom anna@a.example\ntls on\nauth on\nuser a\n"
		  "password hunter2\naccount b : a\nuser b\naccount default : a\n" } },
	  "route *: via = smtp+starttls://a.example:25 @msmtprc:2\n"
	  "route *: user = a @msmtprc:6\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @msmtprc:6\n"
	  MASQUERADE("msmtprc:3"),
	  { "8 the account b has the sender of another", "3 also if a program gives it" }, 2,
	  "import-a.example.password=hunter2 ;import-host.masquerade=*: anna@a.example ;" },
	{ "senders with wildcards",
	  { { RC, "account a\nhost a.example\nfrom *@a.example\naccount b\nhost b.example\n"
		  "from b?@b.example\naccount default\nhost d.example\n" } },
	  "route *: via = smtp://d.example @msmtprc:8\n"
	  "sender a.example: via = smtp://a.example @msmtprc:2\n",
	  { "6 from: is not" }, 1, NULL },
	{ "Debian's example: a user keeps the name",
	  { { RC, "defaults\nport 587\ntls on\naccount provider\nhost a.example\n"
		  "from %U@example.org\nset_from_header on\naccount default : provider\n" } },
	  "route *: via = smtp+starttls://a.example @msmtprc:5\n" MASQUERADE("msmtprc:6"),
	  { "6 before, they stayed", "7 set_from_header: is not" }, 2,
	  "import-host.masquerade=*: @example.org ;" },
	{ "the name of mail, which this host has already",
	  { { RC, "host a.example\nfrom %U@%M\n" }, { "/etc/mailname", "h.example.org\n" } },
	  "route *: via = smtp://a.example @msmtprc:1\n", { NULL }, 0, NULL },
	{ "the name of mail; another account keeps a sender of this host",
	  { { RC, "maildomain h.example.org\nhost a.example\nfrom %U@%M\n"
		  "account work\nhost b.example\nfrom work@h.example.org\n"
		  "account far\nhost b.example\nfrom far@b.example\n"
		  "account default\nhost a.example\nfrom %U@%M\nmaildomain h.example.org\n" },
	    { "/etc/mailname", "example.org\n" } },
	  "route *: via = smtp://a.example @msmtprc:11\n"
	  "server: hostname = h.example.org @msmtprc:13\n"
	  "sender work@h.example.org: via = smtp://b.example @msmtprc:5\n"
	  "sender far@b.example: via = smtp://b.example @msmtprc:8\n" MASQUERADE("msmtprc:12"),
	  { "12 From, Sender" }, 1,
	  "import-host.masquerade=work@h.example.org: work@h.example.org *: @example.org ;" },
	{ "a sender that another account has: mail would take its host",
	  { { RC, "account a\nhost a.example\nfrom *@x.example\n"
		  "account default\nhost b.example\nfrom me@x.example\n" } },
	  "route *: via = smtp://b.example @msmtprc:5\n"
	  "sender x.example: via = smtp://a.example @msmtprc:2\n",
	  { "6 [sender x.example] would choose" }, 1, NULL },
	{ "the user at the domain of mail is what our programs do",
	  { { RC, "host a.example\nauto_from on\nfrom no@x.example\nmaildomain example.org\n" } },
	  "route *: via = smtp://a.example @msmtprc:1\n"
	  "server: hostname = example.org @msmtprc:4\n", { NULL }, 0, NULL },
	{ "patterns that are no domain",
	  { { RC, "host a.example\nfrom root+%U@%H.example.org\n" } },
	  "route *: via = smtp://a.example @msmtprc:1\n", { "2 write the lines" }, 1, NULL },
	{ "another account keeps its sender, as it may be one of this host",
	  { { RC, "account b\nhost b.example\nfrom b@b.example\naccount default\n"
		  "host a.example\nfrom a@x.example\n" } },
	  "route *: via = smtp://a.example @msmtprc:5\n"
	  "sender b@b.example: via = smtp://b.example @msmtprc:2\n" MASQUERADE("msmtprc:6"),
	  { "6 From, Sender" }, 1,
	  "import-host.masquerade=b@b.example: b@b.example *: a@x.example ;" },
	{ "a domain is no sender", { { RC, "host a.example\nfrom @x.example\n" } },
	  "route *: via = smtp://a.example @msmtprc:1\n", { "2 write the lines" }, 1, NULL },
	{ "a sender that programs may not replace",
	  { { RC, "host a.example\nallow_from_override off\nfrom a@x.example\n" } },
	  "route *: via = smtp://a.example @msmtprc:1\n" MASQUERADE("msmtprc:3"),
	  { "2 sendmail -f counts", "3 From, Sender" }, 2,
	  "import-host.masquerade=*: a@x.example ;" },
	{ "an address that is none", { { RC, "host a.example\nfrom anna\n" } },
	  "route *: via = smtp://a.example @msmtprc:1\n", { "2 one full address" }, 1, NULL },
	{ "the file of one user",
	  { { "/home/anna/.msmtprc", "host a.example\nfrom anna@x.example\n" } },
	  "route *: via = smtp://a.example @.msmtprc:1\n" MASQUERADE(".msmtprc:2"),
	  { "2 From, Sender", "2 write USER in place of *" }, 2,
	  "import-host.masquerade=*: anna@x.example ;" },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		import_try(&cases[i], import_msmtp);
	return tap_done();
}
