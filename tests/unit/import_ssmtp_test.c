// SPDX-License-Identifier: ISC
#include "tests/unit/import_fixture.h"

#define CONF "/etc/ssmtp/ssmtp.conf"
#define LOGIN "AuthUser=anna\nAuthPass=hunter2=#x\n"

static const struct import_case cases[] = {
	{ "the file of Debian: a mail hub and names",
	  { { CONF, "#\n# Config file for sSMTP sendmail\n#\nmailhub=mail\n"
	  "rewriteDomain=example.org\n"
		    "hostname=h.example.org\nFromLineOverride=YES\n" } },
	  "server: hostname = example.org @ssmtp.conf:5\nroute *: via = smtp://mail "
	  "@ssmtp.conf:4\n",
	  { NULL }, 0, NULL },
	{ "names in any case, blanks in place of =",
	  { { CONF, "MAILHUB\ta.example:26\nHostName = h.example.org  x\n" } },
	  "server: hostname = h.example.org @ssmtp.conf:2\n"
	  "route *: via = smtp://a.example:26 @ssmtp.conf:1\n", { NULL }, 0, NULL },
	{ "STARTTLS and a login",
	  { { CONF, "mailhub=a.example:587\nUseTLS=YES\n"
	  "UseSTARTTLS=yes\n" LOGIN "AuthMethod=LOGIN\n" } },
	  "route *: via = smtp+starttls://a.example @ssmtp.conf:1\n"
	  "route *: user = anna @ssmtp.conf:4\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @ssmtp.conf:4\n",
	  { "1 was not verified", "6 PLAIN or LOGIN" }, 2,
	  "import-a.example.password=hunter2=#x ;" },
	{ "TLS from the first octet, with an authority",
	  { { CONF, "mailhub=a.example:465\nUseTLS=YES\nTLS_CA_File=/etc/ca.pem\n" } },
	  "relay: tls-ca-file = /etc/ca.pem @ssmtp.conf:3\n"
	  "route *: via = smtps://a.example @ssmtp.conf:1\n", { "1 was not verified" }, 1, NULL },
	{ "a login in the clear",
	  { { CONF, "mailhub=a.example\n" LOGIN } },
	  "route *: via = smtp+starttls://a.example:25 @ssmtp.conf:1\n"
	  "route *: user = anna @ssmtp.conf:2\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @ssmtp.conf:2\n",
	  { "2 without TLS" }, 1, "import-a.example.password=hunter2=#x ;" },
	{ "mail of the users of the system",
	  { { CONF, "root=admin@example.net\nmailhub=a.example\nhostname=h.example.org\n" },
	    { "/etc/passwd", "root:x:0:0::/:\nwww:x:33:33::/:\nanna:x:1000:1000::/:\nbad\n"
	    "big:x:999:1::/:\n" } },
	  "server: hostname = h.example.org @ssmtp.conf:3\n"
	  "route *: via = smtp://a.example @ssmtp.conf:2\n"
	  "route h.example.org: via = smtp://a.example @ssmtp.conf:2\n"
	  "route h.example.org: aliases = /etc/smtp-handler/import-host.aliases @ssmtp.conf:1\n",
	  { NULL }, 0,
	  "import-host.aliases=root: admin@example.net www: admin@example.net big: "
	  "admin@example.net ;" },
	{ "mail for root at the mail hub",
	  { { CONF, "root=postmaster\nmailhub=a.example\nhostname=h.example.org\n" } },
	  "server: hostname = h.example.org @ssmtp.conf:3\n"
	  "route *: via = smtp://a.example @ssmtp.conf:2\n", { "1 root: ADDRESS" }, 1, NULL },
	{ "senders with a hub of their own",
	  { { CONF, "mailhub=a.example\n" },
	    { "/etc/ssmtp/revaliases", "# x\nroot:me@b.example:b.example:26\n"
	    "ben:ben@c.example\n" } },
	  "route *: via = smtp://a.example @ssmtp.conf:1\n"
	  "sender me@b.example: via = smtp://b.example:26 @revaliases:2\n"
	  MASQUERADE("revaliases:0"),
	  { "0 a From with any address got it" }, 1,
	  "import-host.masquerade=root: me@b.example ben: ben@c.example ;" },
	{ "senders that a From may override; a hub of another user; what is no line",
	  { { CONF, "mailhub=a.example\nFromLineOverride=YES\n" },
	    { "/etc/ssmtp/revaliases", "carl:me@b.example\nroot:me@b.example:b.example\n"
		    "*:x@c.example\n@d.example:x@c.example\ndora:@d.example\nemil:x\n"
		    "fred : fred@c.example :\nfred:x@c.example\ngerd\n" } },
	  "route *: via = smtp://a.example @ssmtp.conf:1\n"
	  "sender me@b.example: via = smtp://b.example @revaliases:2\n"
	  MASQUERADE("revaliases:0"),
	  { "0 before, a From with that stayed", "1 carl: is not translated: another user",
	    "3 *: is not translated", "4 @d.example: is not", "5 dora: the sender",
	    "6 emil: the sender x is not", "8 fred: a line above", "9 gerd: the sender" }, 8,
	  "import-host.masquerade=root: me@b.example fred: fred@c.example ;" },
	{ "a From that is replaced", { { CONF, "mailhub=a.example\nFromLineOverride=NO\n" } },
	  "route *: via = smtp://a.example @ssmtp.conf:1\n",
	  { "2 FromLineOverride: is not" }, 1, NULL },
	{ "unknown settings, a bad port, no mail hub",
	  { { CONF, "Nonsense=hunter2\nUseTLSCert=YES\nDebug=YES\n" } },
	  HELD("route *", "ssmtp.conf:0"),
	  { "1 Nonsense", "2 usetlscert", "3 debug", "0 there is no mailhub" }, 4, HELD_FILE },
	{ "the first login counts, and the last line of all else",
	  { { CONF, "mailhub=b.example\nmailhub=a.example:465\nUseTLS=YES\nAuthUser=anna\n"
		    "AuthPass=hunter2\nAuthUser=ben\nAuthPass=hunter2b\n" } },
	  "route *: via = smtps://a.example @ssmtp.conf:2\nroute *: user = anna @ssmtp.conf:4\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password @ssmtp.conf:4\n",
	  { "2 was not verified", "6 a line above", "7 a line above" }, 3,
	  "import-a.example.password=hunter2 ;" },
	{ "a port of its own, and fields",
	  { { CONF, "mailhub=a.example\nRemotePort=26\nAddHeader=X: y\n" } },
	  "route *: via = smtp://a.example @ssmtp.conf:1\n",
	  { "2 mailhub=HOST:PORT", "3 no fields" }, 2, NULL },
	{ "a bad port", { { CONF, "mailhub=a.example:x\n" } },
	  "route *: via = smtp://a.example @ssmtp.conf:1\n", { "1 no number" }, 1, NULL },
	{ "a name that is none", { { CONF, "mailhub=a.example\nhostname=a_b..c\n" } },
	  "route *: via = smtp://a.example @ssmtp.conf:1\n", { "2 this value is left out" }, 1,
	  NULL },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		import_try(&cases[i], import_ssmtp);
	return tap_done();
}
