// SPDX-License-Identifier: ISC
#include "tests/unit/import_fixture.h"

#define DIR "/etc/nullmailer/"
#define LOGIN(section, file) \
	section ": user = anna @remotes:1\n" \
	section ": password-file = /etc/smtp-handler/import-" file ".password @remotes:1\n"

static const struct import_case cases[] = {
	{ "a host alone", { { DIR "remotes", "\n# x\nmail.example.org\n" } },
	  "route *: via = smtp://mail.example.org @remotes:3\n", { NULL }, 0, NULL },
	{ "STARTTLS and a password in quotes",
	  { { DIR "remotes",
	      "a.example smtp --port=587 --starttls --user=anna --pass='hunter2 \"#1\\' "
	      "--auth-login\n" } },
	  "route *: via = smtp+starttls://a.example @remotes:1\n" LOGIN("route *", "a.example"),
	  { NULL }, 0, "import-a.example.password=hunter2 \"#1\\ ;" },
	{ "options without dashes and protocol, other quotes",
	  { { DIR "remotes", "a.example ssl user=\"anna\" pass=hun\\ter2\n" } },
	  "route *: via = smtps://a.example @remotes:1\n" LOGIN("route *", "a.example"),
	  { NULL }, 0, "import-a.example.password=hunter2 ;" },
	{ "the tls option, a port, an authority, a source",
	  { { DIR "remotes", "a.example smtp --tls --port=4650 --insecure --x509cafile=/ca "
	  "--source=192.0.2.1\n" } },
	  "relay: tls-ca-file = /ca @remotes:1\nrelay: bind = 192.0.2.1 @remotes:1\n"
	  "route *: via = smtps://a.example:4650 @remotes:1\n", { "1 was not verified" }, 1, NULL },
	{ "several hosts, one of QMQP",
	  { { DIR "remotes", "q.example qmqp\na.example\nb.example smtp\n" } },
	  "route *: via = smtp://a.example @remotes:2\n",
	  { "1 no QMQP", "3 second host" }, 2, NULL },
	{ "a password with blanks and no quotes is not shown",
	  { { DIR "remotes", "a.example smtp --user=anna --pass=x hunter2 --x509crlfile=x\n" } },
	  "route *: via = smtp+starttls://a.example:25 @remotes:1\n" LOGIN("route *", "a.example"),
	  { "1 an option of this line", "1 x509crlfile", "1 without TLS" }, 3,
	  "import-a.example.password=x ;" },
	{ "names, and all mail of users to one address",
	  { { DIR "remotes", "a.example\n" }, { DIR "me", "h\n" }, { DIR "defaultdomain",
	  "example.org\n" },
	    { DIR "adminaddr", "admin@example.net\n" },
	    { "/etc/passwd", "root:x:0:0::/:\nanna:x:1000:1000::/:\nnobody:x:65534:65534::/:\n" },
	    { "/etc/mailname", "m.example.org\n" } },
	  "server: hostname = h.example.org @me:1\n"
	  "route *: via = smtp://a.example @remotes:1\n"
	  "route localhost: via = smtp://a.example @remotes:1\n"
	  "route localhost: aliases = /etc/smtp-handler/import-host.aliases @adminaddr:1\n"
	  "route h.example.org: via = smtp://a.example @remotes:1\n"
	  "route h.example.org: aliases = /etc/smtp-handler/import-host.aliases @adminaddr:1\n"
	  "route m.example.org: via = smtp://a.example @remotes:1\n"
	  "route m.example.org: aliases = /etc/smtp-handler/import-host.aliases @adminaddr:1\n",
	  { "1 users of today" }, 1,
	  "import-host.aliases=root: admin@example.net anna: admin@example.net ;" },
	{ "the default host is the name; times",
	  { { DIR "remotes", "a.example\n" }, { DIR "me", "h.example.org\n" },
	    { DIR "defaulthost", "example.org\n" }, { DIR "queuelifetime", "604800\n" },
	    { DIR "pausetime", "60\n" }, { DIR "allmailfrom", "x@example.org\n" } },
	  "server: hostname = example.org @defaulthost:1\nqueue: lifetime = 604800 "
	  "@queuelifetime:1\n" MASQUERADE("allmailfrom:1")
	  "route *: via = smtp://a.example @remotes:1\n",
	  { "1 pausetime", "1 allmailfrom: From", "1 of another domain keeps" }, 3,
	  "import-host.masquerade=*: x@example.org ;" },
	{ "a sender without a domain, and a name for Message-ID",
	  { { DIR "remotes", "a.example\n" }, { DIR "allmailfrom", "root\n" },
	    { DIR "idhost", "x.example\n" } },
	  "route *: via = smtp://a.example @remotes:1\n",
	  { "1 one full address", "1 idhost: is not" }, 2, NULL },
	{ "a second host", { { DIR "remotes", "a.example\nb.example\n" } },
	  "route *: via = smtp://a.example @remotes:1\n", { "2 add it to via" }, 1, NULL },
	{ "no host", { { DIR "remotes", "# none\n" } },
	  HELD("route *", "remotes:0"), { "0 no host" }, 1, HELD_FILE },
	{ "a quote without its end", { { DIR "remotes", "a.example smtp --user='anna\n" } },
	  "route *: via = smtp+starttls://a.example:25 @remotes:1\n" LOGIN("route *", "a.example"),
	  { "1 there is no password", "1 without TLS" }, 2, "import-a.example.password=;" },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		import_try(&cases[i], import_nullmailer);
	return tap_done();
}
