// SPDX-License-Identifier: ISC
#include "tests/unit/import_fixture.h"

#define CONF "/etc/dma/dma.conf"
#define LOCAL(name, at) \
	"route " name ": via = maildir:~/Maildir @dma.conf:" at "\n" \
	"route " name ": recipients = users @dma.conf:" at "\n"

static const struct import_case cases[] = {
	{ "a null client with a login",
	  { { CONF, "SMARTHOST a.example\nPORT 465\nAUTHPATH /etc/dma/auth.conf\nSECURETRANSFER\n"
		    "NULLCLIENT\nMAILNAME h.example.org\n" },
	    { "/etc/dma/auth.conf", "# x\nben|b.example:no\nanna|A.example:hunter2:|x\n" } },
	  "server: hostname = h.example.org @dma.conf:6\n"
	  "route *: via = smtps://a.example @dma.conf:1\n"
	  "route *: user = anna @auth.conf:3\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @auth.conf:3\n",
	  { "1 was not verified" }, 1, "import-a.example.password=hunter2:|x ;" },
	{ "STARTTLS", { { CONF, "SMARTHOST a.example\nPORT 587\nSECURETRANSFER\nSTARTTLS\n"
	    "NULLCLIENT\n" } },
	  "route *: via = smtp+starttls://a.example @dma.conf:1\n", { "1 was not verified" }, 1,
	  NULL },
	{ "TLS if it is offered",
	  { { CONF, "SMARTHOST a.example\nSECURETRANSFER\nSTARTTLS\nOPPORTUNISTIC_TLS\n"
	  "NULLCLIENT\n" } },
	  "route *: via = smtp://a.example @dma.conf:1\n", { NULL }, 0, NULL },
	{ "users of this host, by the name in a file",
	  { { CONF, "MAILNAME /etc/mailname\nALIASES /etc/aliases\n" },
	    { "/etc/mailname", "h.example.org\n" }, { "/etc/aliases", "root: anna\n" } },
	  "server: hostname = h.example.org @dma.conf:1\n"
	  LOCAL("localhost", "2") "route localhost: aliases = /etc/aliases @dma.conf:2\n"
	  LOCAL("h.example.org", "2") "route h.example.org: aliases = /etc/aliases @dma.conf:2\n",
	  { "0 smtp-maildir.socket" }, 1, NULL },
	{ "no name, no aliases, a port for all",
	  { { CONF, "PORT 2525\n" } },
	  "relay: port = 2525 @dma.conf:1\n" LOCAL("localhost", "0"),
	  { "0 no /etc/aliases", "0 smtp-maildir.socket", "0 mail for root", "0 full name" }, 4,
	  NULL },
	{ "an alias that writes a file",
	  { { CONF, "ALIASES /x\n" }, { "/x", "root: /var/mail/root\nben: anna\n" } },
	  LOCAL("localhost", "1")
	  "route localhost: aliases = /etc/smtp-handler/import-host.aliases @dma.conf:1\n",
	  { "1 this alias is left out", "0 smtp-maildir.socket", "0 mail for root is refused",
	    "0 full name" }, 4,
	  "import-host.aliases=ben: anna ;" },
	{ "comments behind settings; a blank before a password; the last login counts",
	  { { CONF, "NULLCLIENT # x\nSMARTHOST a.example # x\nPORT 465#x\nSECURETRANSFER # x\n"
		    "AUTHPATH /x\n" }, { "/x", "ben|a.example:no\nanna|a.example hunter2: |#\n" } },
	  "route *: via = smtps://a.example @dma.conf:2\nroute *: user = anna @x:2\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @x:2\n",
	  { "2 was not verified" }, 1, "import-a.example.password=hunter2: |# ;" },
	{ "settings without a translation; the password file is away",
	  { { CONF, "NULLCLIENT\nSMARTHOST a.example\nAUTHPATH /x\nFINGERPRINT ab\nMASQUERADE "
	  "a@b.c\n"
		    "Nonsense hunter2\nDEFER\nSPOOLDIR /x\nPORT x\n" } },
	  "route *: via = smtp+starttls://a.example:25 @dma.conf:2\n"
	  "route *: user = write-the-user-here @dma.conf:3\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @dma.conf:3\n"
	  MASQUERADE("dma.conf:5"),
	  { "3 cannot be read", "4 FINGERPRINT", "5 MASQUERADE: From", "6 Nonsense", "7 DEFER",
	  "9 no number", "3 write its user into [route *]", "3 there is no password",
	  "3 without TLS" },
	  9, "import-a.example.password=;import-host.masquerade=*: a@b.c ;" },
	{ "another domain, as in the example of Debian",
	  { { CONF, "NULLCLIENT\nSMARTHOST a.example\nMASQUERADE percolator.example\n" } },
	  "route *: via = smtp://a.example @dma.conf:2\n" MASQUERADE("dma.conf:3"),
	  { "3 before, they stayed" }, 1, "import-host.masquerade=*: @percolator.example ;" },
	{ "one user at this host; the last @ counts",
	  { { CONF, "NULLCLIENT\nSMARTHOST a.example\nMAILNAME h.example.org\nMASQUERADE "
		    "john@\n" } },
	  "server: hostname = h.example.org @dma.conf:3\n"
	  "route *: via = smtp://a.example @dma.conf:2\n" MASQUERADE("dma.conf:4"),
	  { "4 before, they stayed" }, 1, "import-host.masquerade=*: john@h.example.org ;" },
	{ "one user at a host without a name",
	  { { CONF, "NULLCLIENT\nSMARTHOST a.example\nMASQUERADE john@\n" } },
	  "route *: via = smtp://a.example @dma.conf:2\n", { "3 full name of this host" }, 1,
	  NULL },
	{ "an @ in front is a domain; words are none",
	  { { CONF, "NULLCLIENT\nSMARTHOST a.example\nMASQUERADE a b\n" } },
	  "route *: via = smtp://a.example @dma.conf:2\n", { "3 one full address" }, 1, NULL },
	{ "no value", { { CONF, "NULLCLIENT\nSMARTHOST a.example\nMASQUERADE\n" } },
	  "route *: via = smtp://a.example @dma.conf:2\n", { NULL }, 0, NULL },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		import_try(&cases[i], import_dma);
	return tap_done();
}
