// SPDX-License-Identifier: ISC
#include "tests/unit/import_fixture.h"

#define CONF "/etc/smtpd.conf"
#define WAY(name, via, line) "route " name ": via = " via " @smtpd.conf:" line "\n"
#define MORE(name, line, accept) \
	"route " name ": subaddress = + @smtpd.conf:" line "\n" \
	"route " name ": accept = " accept " @smtpd.conf:" line "\n"
#define BARE(name, line, accept) \
	WAY(name, "maildir:~/Maildir", line) \
	"route " name ": recipients = users @smtpd.conf:" line "\n" MORE(name, line, accept)
#define USERS(name, line, accept) \
	WAY(name, "maildir:~/Maildir", line) \
	"route " name ": recipients = users @smtpd.conf:" line "\n" \
	"route " name ": aliases = /etc/aliases @smtpd.conf:" line "\n" MORE(name, line, accept)
#define MX(name, line, accept) \
	WAY(name, "mx", line) "route " name ": accept = " accept " @smtpd.conf:" line "\n"

static const struct import_case cases[] = {
	{ "Debian's file",
	  { { CONF, "# x\ntable aliases file:/etc/aliases\nlisten on localhost\n"
		    "action \"local\" maildir alias <aliases>\naction \"relay\" relay\n"
		    "match for local action \"local\"\n"
		    "match from local for any action \"relay\"\n" },
	    { "/etc/mailname", "h.example.org\n" },
	    { "/etc/aliases", "root: anna\n" } },
	  "server: hostname = h.example.org @mailname:1\n"
	  USERS("localhost", "6", "trusted") USERS("h.example.org", "6", "trusted")
	  "route *: via = mx @smtpd.conf:7\n",
	  { "0 the files .forward of users have no effect",
	    "0 mail of users goes into Maildirs: type " }, 2,
	  NULL },
	{ "a smarthost with a login, and mail in one file",
	  { { CONF, "table aliases file:/etc/aliases\ntable secrets file:/etc/secrets\n"
		    "listen on lo0\naction \"local_mail\" mbox alias <aliases>\n"
		    "action \"outbound\" relay host smtp+tls://bob@a.example \\\n"
		    "\tauth <secrets>\nmatch from local for local action \"local_mail\"\n"
		    "match from local for any action \"outbound\"\n" },
	    { "/etc/mailname", "h.example.org\n" },
	    { "/etc/aliases", "root: anna\n" },
	    { "/etc/secrets", "eve eve:x\nbob anna:hunter2:y\n" } },
	  "server: hostname = h.example.org @mailname:1\n"
	  USERS("localhost", "7", "trusted") USERS("h.example.org", "7", "trusted")
	  "route *: via = smtp+starttls://a.example:25 @smtpd.conf:5\n"
	  "route *: user = anna @secrets:2\n"
	  "route *: password-file = /etc/smtp-handler/import-a.example.password "
	      "@secrets:2\n",
	  { "0 the files .forward of users have no effect",
	    "4 mailboxes are Maildirs: new mail is in",
	    "0 mail of users goes into Maildirs: type " }, 3,
	  "import-a.example.password=hunter2:y ;" },
	{ "domains with mailboxes of addresses, for which one user writes",
	  { { CONF, "table domains file:/etc/domains\n"
		    "table names { \"anna@a.example\" = vmail, \"all@a.example\" = "
		    "\"anna@a.example, x@c.example\", \"@b.example\" = \"vmail\", "
		    "\"two@b.example\" = \"vmail,x@c.example\", \"host\" = \"vmail\" }\n"
		    "listen on lo0\naction \"out\" relay\n"
		    "action \"boxes\" maildir "
		    "\"/var/mail/%{dest.domain}/%{dest.user:lowercase|strip}/\" user vmail "
		    "virtual <names>\nmatch from any for domain <domains> action \"boxes\"\n"
		    "match from local for any action \"out\"\n" },
	    { "/etc/mailname", "h.example.org\n" },
	    { "/etc/domains", "# x\na.example\n b.example # y\n" } },
	  "server: hostname = h.example.org @mailname:1\n"
	  "route a.example: via = maildir:/var/mail/{domain}/{local} @smtpd.conf:5\n"
	  "route a.example: recipients = /etc/smtp-handler/import-a.example.recipients "
	      "@smtpd.conf:6\n"
	  "route a.example: aliases = /etc/smtp-handler/import-a.example.aliases "
	      "@smtpd.conf:6\n"
	  "route a.example: subaddress = + @smtpd.conf:6\n"
	  "route a.example: accept = anyone @smtpd.conf:6\n"
	  "route b.example: via = maildir:/var/mail/{domain}/{local} @smtpd.conf:5\n"
	  "route b.example: aliases = /etc/smtp-handler/import-b.example.aliases "
	      "@smtpd.conf:6\n"
	  "route b.example: subaddress = + @smtpd.conf:6\n"
	  "route b.example: accept = anyone @smtpd.conf:6\n"
	  "route *: via = mx @smtpd.conf:7\n",
	  { "5 the Maildirs of /var/mail/{domain}/{local}" }, 1,
	  "import-a.example.recipients=# addresses, one in a line anna@a.example "
	  "host@a.example ;import-a.example.aliases=all@a.example: anna@a.example, "
	  "x@c.example ;import-b.example.aliases=two@b.example: two@b.example, x@c.example ;" },
	{ "domains whose names are users of the machine, and a detail by another sign",
	  { { CONF, "table names { \"anna@a.example\" = anna, \"x@a.example\" = "
		    "\"ben,dora@c.example\", \"chain@a.example\" = \"bare\", bare = \"ben\", "
		    "\"root@b.example\" = \"|x\" }\nsmtp sub-addr-delim \"-\"\nlisten on lo0\n"
		    "action \"out\" relay\n"
		    "action homes maildir \"~/Mail\" junk virtual <names>\n"
		    "match from any for domain { a.example, b.example } action homes\n"
		    "match from local for any action \"out\"\n" },
	    { "/etc/mailname", "h.example.org\n" } },
	  "server: hostname = h.example.org @mailname:1\n"
	  "route a.example: via = reject:no such user here @smtpd.conf:6\n"
	  "route a.example: aliases = /etc/smtp-handler/import-a.example.aliases "
	      "@smtpd.conf:6\n"
	  "route a.example: subaddress = - @smtpd.conf:6\n"
	  "route a.example: accept = anyone @smtpd.conf:6\n"
	  "route b.example: via = reject:no such user here @smtpd.conf:6\n"
	  "route b.example: aliases = /etc/smtp-handler/import-b.example.aliases "
	      "@smtpd.conf:6\n"
	  "route b.example: subaddress = - @smtpd.conf:6\n"
	  "route b.example: accept = anyone @smtpd.conf:6\n"
	  "route *: via = mx @smtpd.conf:7\n"
	  "route localhost: via = maildir:~/Mail @smtpd.conf:5\n"
	  "route localhost: recipients = users @smtpd.conf:5\n"
	  "route localhost: accept = trusted @smtpd.conf:5\n"
	  "route localhost: junk-folder = on @smtpd.conf:5\n",
	  { "0 the files .forward of users have no effect",
	    "1 this alias is left out: |x: mail to programs",
	    "0 mail of users goes into Maildirs: type ",
	    "0 mail for root is refused, as users of the",
	    "5 mail for localhost goes to the users of this" }, 5,
	  "import-a.example.aliases=anna@a.example: \\anna@localhost x@a.example: "
	  "\\ben@localhost, dora@c.example chain@a.example: \\ben@localhost bare@a.example: "
	  "\\ben@localhost ;import-b.example.aliases=bare@b.example: \\ben@localhost ;" },
	{ "mail for domains of others, and a backup",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "action \"backup\" relay backup mx h.example.org\n"
		    "action \"lan\" relay host smtp://192.0.2.5:26\n"
		    "match from any for domain { \"a.example\", \"b.example\" } action "
		    "\"backup\"\nmatch from any for domain \"c.example\" action \"lan\"\n"
		    "match from local for any action \"out\"\n" } },
	  MX("a.example", "5", "anyone") MX("b.example", "5", "anyone")
	  "route c.example: via = smtp://192.0.2.5:26 @smtpd.conf:4\n"
	  "route c.example: accept = anyone @smtpd.conf:6\n"
	  "route *: via = mx @smtpd.conf:7\n",
	  { "3 backup mx h.example.org: this host finds" }, 1,
	  NULL },
	{ "people who send from anywhere",
	  { { CONF, "pki m cert \"/c\"\npki m key \"/k\"\n"
		    "filter f phase connect match !rdns disconnect \"550 x\"\n"
		    "filter g proc-exec \"filter-rspamd\"\n"
		    "listen on all tls pki m filter { f, g }\n"
		    "listen on all port submission tls-require pki m auth <users> mask-src "
		    "filter g hostname m.example\n"
		    "action \"local\" maildir junk alias <aliases>\n"
		    "action \"out\" relay helo m.example\n"
		    "match from any for domain \"a.example\" action \"local\"\n"
		    "match for local action \"local\"\n"
		    "match from any auth for any action \"out\"\n"
		    "match for any action \"out\"\ntable users file:/etc/users\n"
		    "table aliases file:/etc/aliases\n" },
	    { "/etc/mailname", "h.example.org\n" },
	    { "/etc/aliases", "root: anna\n" },
	    { "/etc/users", "anna hunter2\n" } },
	  "server: hostname = h.example.org @mailname:1\n"
	  "route a.example: via = maildir:~/Maildir @smtpd.conf:9\n"
	  "route a.example: recipients = users @smtpd.conf:9\n"
	  "route a.example: aliases = /etc/aliases @smtpd.conf:9\n"
	  "route a.example: subaddress = + @smtpd.conf:9\n"
	  "route a.example: junk-folder = on @smtpd.conf:7\n"
	  "route a.example: accept = anyone @smtpd.conf:9\n"
	  "route localhost: via = maildir:~/Maildir @smtpd.conf:10\n"
	  "route localhost: recipients = users @smtpd.conf:10\n"
	  "route localhost: aliases = /etc/aliases @smtpd.conf:10\n"
	  "route localhost: subaddress = + @smtpd.conf:10\n"
	  "route localhost: junk-folder = on @smtpd.conf:7\n"
	  "route localhost: accept = trusted @smtpd.conf:10\n"
	  "route h.example.org: via = maildir:~/Maildir @smtpd.conf:10\n"
	  "route h.example.org: recipients = users @smtpd.conf:10\n"
	  "route h.example.org: aliases = /etc/aliases @smtpd.conf:10\n"
	  "route h.example.org: subaddress = + @smtpd.conf:10\n"
	  "route h.example.org: junk-folder = on @smtpd.conf:7\n"
	  "route h.example.org: accept = trusted @smtpd.conf:10\n"
	  "route *: via = mx @smtpd.conf:12\n",
	  { "5 tls: is not translated: set tls-certificate",
	    "5 pki: is not translated: set tls-certificate",
	    "5 filter: is not translated: for filters see",
	    "6 tls-require: is not translated: set tls =",
	    "6 pki: is not translated: set tls-certificate",
	    "6 auth: is not translated: see chapter \"People",
	    "6 mask-src: is not translated: the field",
	    "6 filter: is not translated: for filters see",
	    "6 listen: is not translated: for the ports 587",
	    "1 pki: is not translated: set tls-certificate",
	    "2 pki: is not translated: set tls-certificate",
	    "3 filter: is not translated: for filters see" }, 19,
	  NULL },
	{ "the order of rules: the first one counts, whatever our routes choose",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "action \"in\" relay host smtp://192.0.2.5\n"
		    "match from any for domain \"no.example\" reject\n"
		    "match from any for domain { \"a.example\", \"no.example\" } action "
		    "\"in\"\nmatch from any for domain \"*.b.example\" reject\n"
		    "match from any for domain \"x.b.example\" action \"in\"\n"
		    "match from local for any action \"out\"\n"
		    "match from any for domain \"a.example\" action \"out\"\n"
		    "match from any reject\n" },
	    { "/etc/mailname", "h.example.org\n" } },
	  "server: hostname = h.example.org @mailname:1\n"
	  "route no.example: via = reject:mail for this domain is not taken "
	      "@smtpd.conf:4\n"
	  "route a.example: via = smtp://192.0.2.5 @smtpd.conf:3\n"
	  "route a.example: accept = anyone @smtpd.conf:5\n"
	  "route .b.example: via = reject:mail for this domain is not taken "
	      "@smtpd.conf:6\n"
	  "route x.b.example: via = reject:mail for this domain is not taken "
	      "@smtpd.conf:7\n"
	  MX("localhost", "8", "trusted") MX("h.example.org", "8", "trusted")
	  "route *: via = mx @smtpd.conf:8\n",
	  { "6 mail for a.b.b.example is refused, too: a *" }, 1,
	  NULL },
	{ "conditions that must not hold",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "match ! from any for domain a.example action out\n"
		    "match from any ! for domain { b.example, \"*\" } action out\n"
		    "match from any ! auth for domain c.example action out\n"
		    "match ! from socket for domain d.example reject\n"
		    "match from any for domain { c.example, d.example } action out\n"
		    "match from local for any action \"out\"\n" } },
	  DECIDE("1", "smtpd.conf:0")
	  "server: trusted = 127.0.0.0/8 ::1 @smtpd.conf:0\n"
	  MX("a.example", "8", "trusted") MX("b.example", "8", "trusted")
	  MX("c.example", "5", "anyone")
	  "route d.example: via = reject:mail for this domain is not taken @smtpd.conf:6\n"
	  "route *: via = mx @smtpd.conf:8\n",
	  { "0 programs of this machine may send to other" }, 1,
	  "import-see-the-lines-above.recipients=;" },
	{ "networks that may send anywhere",
	  { { CONF, "lan = \"192.0.2.0/24\"\ntable nets file:/etc/nets\nlisten on lo0\n"
		    "action \"out\" relay\nmatch from src <nets> for any action out\n"
		    "match from src $lan for any action out\n"
		    "match from local for any action out\n" },
	    { "/etc/nets", "198.51.100.0/24\nipv6:2001:db8::/32\n2001:db8:1::1\n" } },
	  "server: trusted = 127.0.0.0/8 ::1 198.51.100.0/24 2001:db8::/32 "
	      "2001:db8:1::1 192.0.2.0/24 local @smtpd.conf:0\n"
	  "route *: via = mx @smtpd.conf:7\n",
	  { NULL }, 0,
	  NULL },
	{ "networks of all addresses are no networks",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "match from src { \"0.0.0.0/0\" } for any action out\n"
		    "match from src \"::/0\" for domain a.example action out\n" } },
	  DECIDE("1", "smtpd.conf:3") DECIDE("2", "smtpd.conf:4")
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "3 the rule of line 3 of /etc/smtpd.conf is left",
	    "4 the rule of line 4 of /etc/smtpd.conf is left" }, 2,
	  "import-see-the-lines-above.recipients=;" },
	{ "networks with rights of their own, and those that may do less",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "match from src { \"192.0.2.9\" } reject\n"
		    "match from src 192.0.2.0/24 for domain a.example action out\n"
		    "match ! from src 192.0.2.0/24 for domain b.example action out\n"
		    "match from local for any action \"out\"\n" } },
	  DECIDE("1", "smtpd.conf:3") DECIDE("2", "smtpd.conf:5") DECIDE("3", "smtpd.conf:4")
	  MX("a.example", "6", "trusted")
	  "route *: via = mx @smtpd.conf:6\n",
	  { "3 the rule of line 3 of /etc/smtpd.conf is left",
	    "5 the rule of line 5 of /etc/smtpd.conf is left",
	    "4 the networks of a rule may send to other" }, 3,
	  "import-see-the-lines-above.recipients=;" },
	{ "only who logs in may send",
	  { { CONF, "listen on all port 587 tls-require auth\naction \"out\" relay\n"
		    "action l maildir\nmatch from any for domain a.example action l\n"
		    "match from auth for any action out\n" } },
	  "server: trusted =  @smtpd.conf:0\n"
	  BARE("a.example", "4", "anyone")
	  "route *: via = mx @smtpd.conf:5\n",
	  { "1 tls-require: is not translated: set tls =",
	    "1 auth: is not translated: see chapter \"People",
	    "1 listen: is not translated: for the ports 587",
	    "0 the files .forward of users have no effect",
	    "0 mail of users goes into Maildirs: type ",
	    "0 mail for root is refused, as users of the",
	    "0 no server listens on port 25: if that is to" }, 7,
	  NULL },
	{ "who logs in may send no more than others",
	  { { CONF, "listen on all tls auth-optional\naction \"out\" relay\n"
		    "match from any for domain a.example action out\n"
		    "match from local for any action \"out\"\n" } },
	  MX("a.example", "3", "anyone")
	  "route *: via = mx @smtpd.conf:4\n",
	  { "1 tls: is not translated: set tls-certificate",
	    "1 auth-optional: is not translated: see chapter",
	    "0 users who log in may not send elsewhere, and",
	    "0 the socket has the addresses: type  systemctl" }, 4,
	  NULL },
	{ "only programs of this machine may send",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "match from socket for any action out\n" } },
	  "server: trusted = local @smtpd.conf:0\n"
	  "route *: via = mx @smtpd.conf:3\n",
	  { NULL }, 0,
	  NULL },
	{ "an open relay is closed",
	  { { CONF, "listen on lo0\naction \"out\" relay\nmatch from any for any action out\n" } },
	  DECIDE("1", "smtpd.conf:3")
	  "route *: via = mx @smtpd.conf:3\n",
	  { "3 strangers could send to all domains by this" }, 1,
	  "import-see-the-lines-above.recipients=;" },
	{ "a tag of all who log in",
	  { { CONF, "listen on lo0\nlisten on all port 587 tls-require auth tag in\n"
		    "action \"out\" relay\nmatch tag in from any for any action out\n"
		    "match for any action out\n" } },
	  "route *: via = mx @smtpd.conf:5\n",
	  { "2 tls-require: is not translated: set tls =",
	    "2 auth: is not translated: see chapter \"People",
	    "2 listen: is not translated: for the ports 587" }, 3,
	  NULL },
	{ "tags of others",
	  { { CONF, "listen on lo0\nlisten on lo0 port 10028 tag in\n"
		    "listen on all port 587 tls-require auth tag in\naction \"out\" relay\n"
		    "match tag in from any for any action out\n"
		    "match tag regex x from any for any action out\n"
		    "match ! tag <t> for any action out\n" } },
	  DECIDE("1", "smtpd.conf:5") DECIDE("2", "smtpd.conf:6") DECIDE("3", "smtpd.conf:7")
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "2 listen: is not translated: for the ports 587",
	    "3 tls-require: is not translated: set tls =",
	    "3 auth: is not translated: see chapter \"People",
	    "3 listen: is not translated: for the ports 587",
	    "5 the rule of line 5 of /etc/smtpd.conf is left",
	    "6 the rule of line 6 of /etc/smtpd.conf is left",
	    "7 the rule of line 7 of /etc/smtpd.conf is left" }, 7,
	  "import-see-the-lines-above.recipients=;" },
	{ "conditions that no route has",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "match from any mail-from \"@a.example\" for any action out\n"
		    "match from any helo regex <x> for domain b.example action out\n"
		    "match from rdns for domain b.example action out\n"
		    "match from mail-from <y> for any reject\n"
		    "match from any tls for domain b.example action out\n"
		    "match from auth \"anna\" for any action out\n"
		    "match auth <u> from any for any action out\n"
		    "match from any for domain regex \".x$\" action out\n"
		    "match from any for domain \"mx*.example\" action out\n"
		    "match from any for domain b.example rcpt-to \"x@b.example\" action out\n"
		    "match from any !rdns reject\nmatch from local for any action \"out\"\n" } },
	  DECIDE("1", "smtpd.conf:3") DECIDE("2", "smtpd.conf:4") DECIDE("3", "smtpd.conf:5")
	  DECIDE("4", "smtpd.conf:6") DECIDE("5", "smtpd.conf:7") DECIDE("6", "smtpd.conf:8")
	  DECIDE("7", "smtpd.conf:9") DECIDE("8", "smtpd.conf:10") DECIDE("9", "smtpd.conf:11")
	  DECIDE("10", "smtpd.conf:12") DECIDE("11", "smtpd.conf:13")
	  "route *: via = mx @smtpd.conf:14\n",
	  { "3 the rule of line 3 of /etc/smtpd.conf is left",
	    "4 the rule of line 4 of /etc/smtpd.conf is left",
	    "5 the rule of line 5 of /etc/smtpd.conf is left",
	    "6 the rule of line 6 of /etc/smtpd.conf is left",
	    "7 the rule of line 7 of /etc/smtpd.conf is left",
	    "8 the rule of line 8 of /etc/smtpd.conf is left",
	    "9 the rule of line 9 of /etc/smtpd.conf is left",
	    "10 the rule of line 10 of /etc/smtpd.conf is",
	    "11 the rule of line 11 of /etc/smtpd.conf is",
	    "12 the rule of line 12 of /etc/smtpd.conf is",
	    "13 the rule of line 13 of /etc/smtpd.conf is" }, 11,
	  "import-see-the-lines-above.recipients=;" },
	{ "some names of a domain",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "action l maildir alias { root = anna }\n"
		    "action in relay host smtp://192.0.2.5\n"
		    "match from any for rcpt-to { \"anna@a.example\", \"x@b.example\", "
		    "\"Ben@a.example\" } action in\n"
		    "match from any for rcpt-to \"root@c.example\" action l\n"
		    "match from any for rcpt-to \"x@d.example\" action in\n"
		    "match from any for domain d.example action l\n"
		    "match from any for rcpt-to \"x@e.example\" action in\n"
		    "match from any for rcpt-to \"y@e.example\" action out\n"
		    "match from local for any action \"out\"\n" } },
	  "route a.example: via = smtp://192.0.2.5 @smtpd.conf:4\n"
	  "route a.example: accept = anyone @smtpd.conf:5\n"
	  "route a.example: subaddress = + @smtpd.conf:5\n"
	  "route a.example: recipients = /etc/smtp-handler/import-a.example.recipients "
	      "@smtpd.conf:5\n"
	  "route b.example: via = smtp://192.0.2.5 @smtpd.conf:4\n"
	  "route b.example: accept = anyone @smtpd.conf:5\n"
	  "route b.example: subaddress = + @smtpd.conf:5\n"
	  "route b.example: recipients = /etc/smtp-handler/import-b.example.recipients "
	      "@smtpd.conf:5\n"
	  "route c.example: via = maildir:~/Maildir @smtpd.conf:6\n"
	  "route c.example: recipients = users @smtpd.conf:6\n"
	  "route c.example: aliases = /etc/smtp-handler/import-host.aliases "
	      "@smtpd.conf:6\n"
	  "route c.example: subaddress = + @smtpd.conf:6\n"
	  "route c.example: accept = anyone @smtpd.conf:6\n"
	  DECIDE("1", "smtpd.conf:6") DECIDE("2", "smtpd.conf:7")
	  "route d.example: via = smtp://192.0.2.5 @smtpd.conf:4\n"
	  "route d.example: accept = anyone @smtpd.conf:7\n"
	  "route d.example: subaddress = + @smtpd.conf:7\n"
	  "route d.example: recipients = /etc/smtp-handler/import-d.example.recipients "
	      "@smtpd.conf:7\n"
	  DECIDE("3", "smtpd.conf:9")
	  "route e.example: via = smtp://192.0.2.5 @smtpd.conf:4\n"
	  "route e.example: accept = anyone @smtpd.conf:9\n"
	  "route e.example: subaddress = + @smtpd.conf:9\n"
	  "route e.example: recipients = /etc/smtp-handler/import-e.example.recipients "
	      "@smtpd.conf:9\n"
	  "route *: via = mx @smtpd.conf:11\n",
	  { "5 mail of trusted clients for other names of",
	    "5 mail of trusted clients for other names of",
	    "6 mail of trusted clients for other names of",
	    "0 the files .forward of users have no effect",
	    "0 mail of users goes into Maildirs: type ",
	    "6 some names of c.example are recipients, and",
	    "7 the names of d.example have several ways: a",
	    "9 the names of e.example have several ways: a" }, 8,
	  "import-a.example.recipients=# addresses, one in a line anna@a.example "
	  "Ben@a.example ;import-b.example.recipients=# addresses, one in a line "
	  "x@b.example ;import-host.aliases=root: anna "
	  ";import-see-the-lines-above.recipients=;import-d.example.recipients=# addresses, "
	  "one in a line x@d.example ;import-e.example.recipients=# addresses, one in a "
	  "line x@e.example ;" },
	{ "names that are no addresses, or refused",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "match from any for rcpt-to { \"anna\", \"x@a.example\" } action out\n"
		    "match from any ! for rcpt-to \"x@a.example\" action out\n"
		    "match from any for rcpt-to \"x@a.example\" reject\n"
		    "match from local for any action \"out\"\n" } },
	  DECIDE("1", "smtpd.conf:3") DECIDE("2", "smtpd.conf:4") DECIDE("3", "smtpd.conf:5")
	  "route *: via = mx @smtpd.conf:6\n",
	  { "3 the rule of line 3 of /etc/smtpd.conf is left",
	    "4 the rule of line 4 of /etc/smtpd.conf is left",
	    "5 the rule of line 5 of /etc/smtpd.conf is left" }, 3,
	  "import-see-the-lines-above.recipients=;" },
	{ "all below a domain",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "action in relay host smtp://192.0.2.5\n"
		    "match from any for domain \"*.a.example\" action in\n"
		    "match from local for any action \"out\"\n" } },
	  "route .a.example: via = smtp://192.0.2.5 @smtpd.conf:3\n"
	  DECIDE("1", "smtpd.conf:4")
	  "route .a.example: accept = anyone @smtpd.conf:4\n"
	  "route *: via = mx @smtpd.conf:5\n",
	  { "4 [route .a.example] is for a.b.a.example, too," }, 1,
	  "import-see-the-lines-above.recipients=;" },
	{ "macros, files and lines",
	  { { CONF, "a = \"a.example\" # x\nb = \"match from any for domain $a action out\"\n"
		    "c = $a\n\nlisten on lo0\naction \"out\" relay\n$b\n"
		    "match from any for domain $c action out\ninclude \"/etc/more\"\n"
		    "include \"/etc/none\"\n# comment \\\nmatch from any for any action out\n"
		    "match from any for domain $none action out\n'match' for any reject\n"
		    "match from local for any action \"out\"\n" },
	    { "/etc/more", "match from any for domain d.example action \\\nout" } },
	  DECIDE("1", "smtpd.conf:10") DECIDE("2", "smtpd.conf:13") DECIDE("3", "smtpd.conf:13")
	  DECIDE("4", "smtpd.conf:14") DECIDE("5", "smtpd.conf:7") MX("a.example", "8", "anyone")
	  "route d.example: via = mx @more:1\n"
	  "route d.example: accept = anyone @more:1\n"
	  "route *: via = mx @smtpd.conf:15\n",
	  { "10 the included file /etc/none cannot be read:",
	    "13 the macro none is not set: look for the lines",
	    "13 the rule of line 13 of /etc/smtpd.conf is",
	    "14 line 14 of /etc/smtpd.conf cannot be read: it",
	    "7 [route $a] via: this value is left out: the",
	    "7 there can be no [route $a]: decide where this" }, 6,
	  "import-see-the-lines-above.recipients=;" },
	{ "tables that cannot be read",
	  { { CONF, "table a sqlite:/etc/x\ntable b file:/etc/none\ntable c { x\n"
		    "table d db:/etc/d.db\n}\nlisten on lo0\n" } },
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { NULL }, 0,
	  NULL },
	{ "tables: a database has its text, others stop",
	  { { CONF, "table d db:/etc/d.db\ntable b file:/etc/none\ntable e ldap:/x\n"
		    "listen on lo0\naction \"out\" relay\naction l maildir alias <e>\n"
		    "action v maildir virtual <b>\n"
		    "action w maildir \"/m/%{dest.user}\" user x virtual <e>\n"
		    "action n maildir alias <none>\nmatch from any for domain <d> action l\n"
		    "match from any for domain <b> action l\n"
		    "match from any for domain v.example action v\n"
		    "match from any for domain w.example action w\n"
		    "match from any for domain n.example action n\n"
		    "match from local for any action \"out\"\n" },
	    { "/etc/d", "a.example\n" } },
	  DECIDE("1", "smtpd.conf:11")
	  "route a.example: aliases = /etc/smtp-handler/import-host.aliases "
	      "@smtpd.conf:6\n"
	  BARE("a.example", "10", "anyone")
	  "route v.example: via = reject:no such user here @smtpd.conf:12\n"
	  "route v.example: aliases = /etc/smtp-handler/import-v.example.aliases "
	      "@smtpd.conf:12\n"
	  "route v.example: subaddress = + @smtpd.conf:12\n"
	  "route v.example: accept = anyone @smtpd.conf:12\n"
	  "route w.example: via = maildir:/m/{local} @smtpd.conf:8\n"
	  "route w.example: recipients = /etc/smtp-handler/import-w.example.recipients "
	      "@smtpd.conf:13\n"
	  "route w.example: aliases = /etc/smtp-handler/import-w.example.aliases "
	      "@smtpd.conf:13\n"
	  "route w.example: subaddress = + @smtpd.conf:13\n"
	  "route w.example: accept = anyone @smtpd.conf:13\n"
	  HELD("route n.example", "smtpd.conf:9")
	  "route n.example: recipients = users @smtpd.conf:14\n"
	  "route n.example: subaddress = + @smtpd.conf:14\n"
	  "route n.example: accept = anyone @smtpd.conf:14\n"
	  "route *: via = mx @smtpd.conf:15\n"
	  "route localhost: via = maildir:~/Maildir @smtpd.conf:7\n"
	  "route localhost: recipients = users @smtpd.conf:7\n"
	  "route localhost: accept = trusted @smtpd.conf:7\n",
	  { "11 the rule of line 11 of /etc/smtpd.conf is",
	    "6 the table of aliases cannot be read: write",
	    "0 the files .forward of users have no effect",
	    "0 mail of users goes into Maildirs: type ",
	    "0 mail for root is refused, as users of the",
	    "12 the table of the names of v.example cannot be",
	    "8 the Maildirs of /m/{local} must belong to the",
	    "13 the table of the names of w.example cannot be",
	    "13 the table of the names of w.example cannot be",
	    "8 mail for anna+detail goes into the Maildir of",
	    "9 a table of the action is missing: [route",
	    "7 mail for localhost goes to the users of this" }, 12,
	  "import-see-the-lines-above.recipients=;import-host.aliases=;import-v.example.alia"
	  "ses=;import-w.example.recipients=;import-w.example.aliases=;import-write-the-host"
	  "-here.password=;" },
	{ "ways of users",
	  { { CONF, "listen on lo0\ntable u { a = \"1:1:/a\" }\naction a lmtp \"/run/lmtp\"\n"
		    "action b lmtp \"localhost:24\" rcpt-to\n"
		    "action c maildir \"/var/%{user.username}/x\"\n"
		    "action d maildir \"/var/%{rcpt.user}\"\n"
		    "action e mda \"x -f\" alias { root = \"anna\" }\naction f expand-only\n"
		    "action g forward-only alias { root = \"a@x.example\", x = \"|y\" }\n"
		    "action h maildir userbase <u>\n"
		    "action i maildir \"/var/%{dest.user}\" user vmail alias { root = "
		    "\"anna\" }\naction j maildir wrapper x\naction k lmtp \"nonsense\"\n"
		    "action l maildir \"~/%{dest.user}\"\naction m cyrus\n"
		    "action n maildir ttl 1d color\n"
		    "match from any for domain a.example action a\n"
		    "match from any for domain b.example action b\n"
		    "match from any for domain c.example action c\n"
		    "match from any for domain d.example action d\n"
		    "match from any for domain e.example action e\n"
		    "match from any for domain f.example action f\n"
		    "match from any for domain g.example action g\n"
		    "match from any for domain h.example action h\n"
		    "match from any for domain i.example action i\n"
		    "match from any for domain j.example action j\n"
		    "match from any for domain k.example action k\n"
		    "match from any for domain l.example action l\n"
		    "match from any for domain m.example action m\n"
		    "match from any for domain n.example action n\n" } },
	  "route a.example: via = lmtp:/run/lmtp @smtpd.conf:3\n"
	  "route a.example: recipients = users @smtpd.conf:17\n"
	  "route a.example: subaddress = + @smtpd.conf:17\n"
	  "route a.example: accept = anyone @smtpd.conf:17\n"
	  "route b.example: via = lmtp://localhost:24 @smtpd.conf:4\n"
	  "route b.example: recipients = users @smtpd.conf:18\n"
	  "route b.example: subaddress = + @smtpd.conf:18\n"
	  "route b.example: accept = anyone @smtpd.conf:18\n"
	  "route c.example: via = maildir:/var/{user}/x @smtpd.conf:5\n"
	  "route c.example: recipients = users @smtpd.conf:19\n"
	  "route c.example: subaddress = + @smtpd.conf:19\n"
	  "route c.example: accept = anyone @smtpd.conf:19\n"
	  HELD("route d.example", "smtpd.conf:6")
	  "route d.example: recipients = users @smtpd.conf:20\n"
	  "route d.example: subaddress = + @smtpd.conf:20\n"
	  "route d.example: accept = anyone @smtpd.conf:20\n"
	  HELD("route e.example", "smtpd.conf:7")
	  "route e.example: recipients = users @smtpd.conf:21\n"
	  "route e.example: aliases = /etc/smtp-handler/import-host.aliases "
	      "@smtpd.conf:21\n"
	  "route e.example: subaddress = + @smtpd.conf:21\n"
	  "route e.example: accept = anyone @smtpd.conf:21\n"
	  HELD("route f.example", "smtpd.conf:8")
	  "route f.example: recipients = users @smtpd.conf:22\n"
	  "route f.example: subaddress = + @smtpd.conf:22\n"
	  "route f.example: accept = anyone @smtpd.conf:22\n"
	  "route g.example: via = reject:no such user here @smtpd.conf:23\n"
	  "route g.example: aliases = /etc/smtp-handler/import-host-2.aliases "
	      "@smtpd.conf:23\n"
	  "route g.example: subaddress = + @smtpd.conf:23\n"
	  "route g.example: accept = anyone @smtpd.conf:23\n"
	  HELD("route h.example", "smtpd.conf:10")
	  "route h.example: recipients = /etc/smtp-handler/import-h.example.recipients "
	      "@smtpd.conf:24\n"
	  "route h.example: subaddress = + @smtpd.conf:24\n"
	  "route h.example: accept = anyone @smtpd.conf:24\n"
	  "route i.example: via = maildir:/var/{local} @smtpd.conf:11\n"
	  DECIDE("1", "smtpd.conf:11")
	  "route i.example: recipients = users @smtpd.conf:25\n"
	  "route i.example: aliases = /etc/smtp-handler/import-host.aliases "
	      "@smtpd.conf:25\n"
	  "route i.example: subaddress = + @smtpd.conf:25\n"
	  "route i.example: accept = anyone @smtpd.conf:25\n"
	  HELD("route j.example", "smtpd.conf:12")
	  "route j.example: recipients = users @smtpd.conf:26\n"
	  "route j.example: subaddress = + @smtpd.conf:26\n"
	  "route j.example: accept = anyone @smtpd.conf:26\n"
	  HELD("route k.example", "smtpd.conf:13")
	  "route k.example: recipients = users @smtpd.conf:27\n"
	  "route k.example: subaddress = + @smtpd.conf:27\n"
	  "route k.example: accept = anyone @smtpd.conf:27\n"
	  HELD("route l.example", "smtpd.conf:14")
	  "route l.example: recipients = users @smtpd.conf:28\n"
	  "route l.example: subaddress = + @smtpd.conf:28\n"
	  "route l.example: accept = anyone @smtpd.conf:28\n"
	  HELD("route m.example", "smtpd.conf:15")
	  "route m.example: recipients = users @smtpd.conf:29\n"
	  "route m.example: subaddress = + @smtpd.conf:29\n"
	  "route m.example: accept = anyone @smtpd.conf:29\n"
	  HELD("route n.example", "smtpd.conf:16")
	  "route n.example: recipients = users @smtpd.conf:30\n"
	  "route n.example: subaddress = + @smtpd.conf:30\n"
	  "route n.example: accept = anyone @smtpd.conf:30\n"
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "16 ttl: is not translated: all mail has one",
	    "0 the files .forward of users have no effect",
	    "3 the LMTP server gets the whole address of a",
	    "17 the recipients are the users: type  systemctl",
	    "18 the recipients are the users: type  systemctl",
	    "19 the recipients are the users: type  systemctl",
	    "6 the place of the mailboxes cannot be written",
	    "20 the recipients are the users: type  systemctl",
	    "7 a program got the mail (mda): hand it to a",
	    "8 programs and files of aliases got the mail",
	    "9 this alias is left out: |y: mail to programs",
	    "10 the users are those of a table (userbase):" }, 24,
	  "import-write-the-host-here.password=;import-host.aliases=root: anna "
	  ";import-host-2.aliases=root: a@x.example ;import-h.example.recipients=# "
	  "addresses, one in a line a@h.example ;import-see-the-lines-above.recipients=;" },
	{ "ways to other hosts",
	  { { CONF, "listen on lo0\ntable s { x = \"anna:hunter2\", y = \"eve:hunter2\" }\n"
		    "table d db:/etc/s.db\naction a relay host a.example\n"
		    "action b relay host \"smtp://b.example:26\" tls\n"
		    "action c relay host smtp+notls://c.example\n"
		    "action d relay host smtps://x@d.example auth <s>\n"
		    "action e relay host smtp+tls://z@e.example:587 auth <s> tls no-verify\n"
		    "action f relay host smtps://y@f.example auth <d>\n"
		    "action g relay host lmtp://[2001:db8::1]:24\n"
		    "action h relay host lmtp://h.example\n"
		    "action i relay host tls+auth://x@i.example\naction j relay tls\n"
		    "action k relay tls no-verify src 192.0.2.1 srs mail-from \"@x.example\" "
		    "helo-src <s>\naction l relay domain <s>\n"
		    "match from local for domain a.example action a\n"
		    "match from local for domain b.example action b\n"
		    "match from local for domain c.example action c\n"
		    "match from local for domain d.example action d\n"
		    "match from local for domain e.example action e\n"
		    "match from local for domain f.example action f\n"
		    "match from local for domain g.example action g\n"
		    "match from local for domain h.example action h\n"
		    "match from local for domain i.example action i\n"
		    "match from local for domain j.example action j\n"
		    "match from local for domain k.example action k\n"
		    "match from local for domain l.example action l\n" },
	    { "/etc/s", "y u:hunter2\n" } },
	  "route a.example: via = smtp://a.example @smtpd.conf:4\n"
	  "route a.example: accept = trusted @smtpd.conf:16\n"
	  "route b.example: via = smtp+starttls://b.example:26 @smtpd.conf:5\n"
	  "route b.example: accept = trusted @smtpd.conf:17\n"
	  "route c.example: via = smtp://c.example @smtpd.conf:6\n"
	  "route c.example: tls = none @smtpd.conf:6\n"
	  "route c.example: accept = trusted @smtpd.conf:18\n"
	  "route d.example: via = smtps://d.example @smtpd.conf:7\n"
	  "route d.example: user = anna @smtpd.conf:2\n"
	  "route d.example: password-file = /etc/smtp-handler/import-d.example.password "
	      "@smtpd.conf:2\n"
	  "route d.example: accept = trusted @smtpd.conf:19\n"
	  "route e.example: via = smtp+starttls://e.example @smtpd.conf:8\n"
	  "route e.example: user = write-the-user-here @smtpd.conf:8\n"
	  "route e.example: password-file = /etc/smtp-handler/import-e.example.password "
	      "@smtpd.conf:8\n"
	  "route e.example: accept = trusted @smtpd.conf:20\n"
	  "route f.example: via = smtps://f.example @smtpd.conf:9\n"
	  "route f.example: user = write-the-user-here @smtpd.conf:9\n"
	  "route f.example: password-file = /etc/smtp-handler/import-f.example.password "
	      "@smtpd.conf:9\n"
	  "route f.example: accept = trusted @smtpd.conf:21\n"
	  "route g.example: via = lmtp://[2001:db8::1]:24 @smtpd.conf:10\n"
	  "route g.example: accept = trusted @smtpd.conf:22\n"
	  HELD("route h.example", "smtpd.conf:11")
	  "route h.example: accept = trusted @smtpd.conf:23\n"
	  "route i.example: via = smtp+starttls://i.example:25 @smtpd.conf:12\n"
	  "route i.example: user = write-the-user-here @smtpd.conf:12\n"
	  "route i.example: password-file = /etc/smtp-handler/import-i.example.password "
	      "@smtpd.conf:12\n"
	  "route i.example: accept = trusted @smtpd.conf:24\n"
	  "route j.example: via = mx @smtpd.conf:25\n"
	  "route j.example: tls = require @smtpd.conf:13\n"
	  "route j.example: accept = trusted @smtpd.conf:25\n"
	  "route k.example: via = mx @smtpd.conf:26\n"
	  "route k.example: tls = require @smtpd.conf:14\n"
	  "route k.example: accept = trusted @smtpd.conf:26\n"
	  HELD("route l.example", "smtpd.conf:15")
	  "route l.example: accept = trusted @smtpd.conf:27\n"
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "14 src: is not translated: write the source",
	    "14 srs: is not translated: see srs-domain and",
	    "14 mail-from: is not translated: it was for",
	    "14 helo-src: is not translated: the name in EHLO",
	    "8 the certificate of e.example was not",
	    "8 the login to e.example cannot be read: write",
	    "8 there is no password: type it, Enter, Ctrl-D",
	    "9 the login to f.example cannot be read: write",
	    "9 there is no password: type it, Enter, Ctrl-D",
	    "11 the host of the action cannot be read: [route",
	    "12 the login to i.example was sent without TLS:",
	    "12 the login to i.example cannot be read: write" }, 15,
	  "import-d.example.password=hunter2 "
	  ";import-e.example.password=;import-f.example.password=;import-write-the-host-here"
	  ".password=;import-i.example.password=;" },
	{ "small settings",
	  { { CONF, "listen on lo0\nsmtp max-message-size 35MB\nsmtp limit max-rcpt 500\n"
		    "smtp limit max-mails 20\nsmtp limit x 1\nsmtp ciphers \"x\"\nsmtp x\n"
		    "queue ttl 30m\nqueue compression\nqueue encryption \"hunter2\"\nqueue x\n"
		    "bounce warn-interval 1h, 2d\nmta max-deferred 1\nsrs key \"hunter2\"\n"
		    "admd x\nca x cert \"/y\"\nmda wrapper x \"y\"\nproc x \"y\"\n" } },
	  "server: max-message-size = 35M @smtpd.conf:2\n"
	  "server: max-recipients = 500 @smtpd.conf:3\n"
	  "server: max-messages = 20 @smtpd.conf:4\n"
	  "queue: lifetime = 30min @smtpd.conf:8\n"
	  "queue: warn-after = 1h @smtpd.conf:12\n"
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "5 smtp limit: is not translated: see the limits",
	    "6 smtp ciphers: is not translated: TLS 1.2 and",
	    "7 smtp: is not translated: look for its subject",
	    "10 queue encryption: is not translated: the",
	    "11 queue: is not translated: look for its",
	    "12 bounce: is not translated: a message has one",
	    "13 mta: is not translated: see the limits of",
	    "14 srs: is not translated: see srs-domain and",
	    "15 admd: is not translated: the name in",
	    "16 ca: is not translated: the authorities are",
	    "17 mda: is not translated: no program gets mail:",
	    "18 proc: is not translated: for filters see" }, 12,
	  NULL },
	{ "the last row of a key counts, and aliases are names without a domain",
	  { { CONF, "table aliases file:/etc/aliases\ntable v { \"x@a.example\" = anna, "
		    "\"Y@a.example\" = ben, \"X@A.example\" = ben }\n"
		    "table s { l = \"eve:one\", L = \"bob:two\" }\nlisten on lo0\n"
		    "scheduler limit max-inflight 9\naction local maildir alias <aliases>\n"
		    "action v maildir virtual <v>\naction f forward-only\n"
		    "action b maildir \"/m/%{dest.user}\" user x virtual { \"x@c.example\" "
		    "= x, \"X@c.example\" = x, \"@\" = \"error:no\", postmaster = x, "
		    "root = \"a@b.example\" }\n"
		    "action out relay host smtp+tls://l@d.example auth <s>\n"
		    "match for local action local\nmatch from any for domain a.example action v\n"
		    "match from any for domain b.example action f\n"
		    "match from any for domain c.example action b\nmatch for any action out\n" },
	    { "/etc/mailname", "h.example.org\n" },
	    { "/etc/aliases", "root: anna\nteam: anna\nROOT: ben\nx@h.example.org: ben\n" } },
	  "server: hostname = h.example.org @mailname:1\n"
	  "route localhost: via = maildir:~/Maildir @smtpd.conf:11\n"
	  "route localhost: recipients = users @smtpd.conf:11\n"
	  "route localhost: aliases = /etc/smtp-handler/import-host.aliases @smtpd.conf:11\n"
	  MORE("localhost", "11", "trusted")
	  "route h.example.org: via = maildir:~/Maildir @smtpd.conf:11\n"
	  "route h.example.org: recipients = users @smtpd.conf:11\n"
	  "route h.example.org: aliases = /etc/smtp-handler/import-host.aliases @smtpd.conf:11\n"
	  MORE("h.example.org", "11", "trusted")
	  WAY("a.example", "reject:no such user here", "12")
	  "route a.example: aliases = /etc/smtp-handler/import-a.example.aliases "
	      "@smtpd.conf:12\n"
	  MORE("a.example", "12", "anyone")
	  WAY("b.example", "reject:no such user here", "13") MORE("b.example", "13", "anyone")
	  WAY("c.example", "maildir:/m/{local}", "9")
	  "route c.example: recipients = /etc/smtp-handler/import-c.example.recipients "
	      "@smtpd.conf:14\n"
	  "route c.example: aliases = /etc/smtp-handler/import-c.example.aliases "
	      "@smtpd.conf:14\n"
	  MORE("c.example", "14", "anyone")
	  WAY("*", "smtp+starttls://d.example:25", "10")
	  "route *: user = bob @smtpd.conf:3\n"
	  "route *: password-file = /etc/smtp-handler/import-d.example.password "
	      "@smtpd.conf:3\n",
	  { "5 scheduler: is not translated: see the limits",
	    "4 the row of x@h.example.org is left out:",
	    "0 the files .forward of users have no effect",
	    "8 mail of users went where their files .forward" }, 7,
	  "import-host.aliases=team: anna ROOT: ben ;import-a.example.aliases=Y@a.example: "
	  "\\ben@localhost X@a.example: \\ben@localhost ;import-c.example.recipients=# "
	  "addresses, one in a line X@c.example postmaster@c.example "
	  ";import-c.example.aliases=root@c.example: a@b.example postmaster@c.example: "
	  "\\postmaster@c.example ;import-d.example.password=two ;" },
	{ "listeners",
	  { { CONF, "listen on lo0 port 465 smtps senders <t>\nlisten on 127.0.0.1 port 2525\n"
		    "listen on socket mask-src\n"
		    "listen on lo0 port 587 hostnames <t> proxy-v2 no-dsn color\nlisten lo0\n"
		    "table t { anna = \"a@a.example\" }\n" } },
	  DECIDE("1", "smtpd.conf:1") DECIDE("2", "smtpd.conf:4") DECIDE("3", "smtpd.conf:5")
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "1 smtps: is not translated: see chapter \"People",
	    "1 senders: users who log in could use the",
	    "1 listen: is not translated: for the ports 587",
	    "2 listen: is not translated: for the ports 587",
	    "3 mask-src: is not translated: the field",
	    "4 hostnames: is not translated: a server has", "4 proxy-v2: is not translated: see",
	    "4 no-dsn: is not translated: DSN is always",
	    "4 the listener of line 4 of /etc/smtpd.conf has",
	    "4 listen: is not translated: for the ports 587",
	    "5 the listener of line 5 of /etc/smtpd.conf",
	    "0 no server listens on port 25: if that is to" }, 12,
	  "import-see-the-lines-above.recipients=;" },
	{ "a listener that sets From",
	  { { CONF, "listen on lo0 port 587 auth senders <t> masquerade\n"
		    "table t { anna = \"a@a.example\" }\n" } },
	  DECIDE("1", "smtpd.conf:1")
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "1 auth: is not", "1 senders: users who", "1 masquerade: is not translated",
	    "1 listen: is not", "0 no server listens" }, 5,
	  "import-see-the-lines-above.recipients=;" },
	{ "a listener for others, with another name than the machine",
	  { { CONF, "listen on eth0 inet4 hostname m.example\nlisten on ::1\n" },
	    { "/etc/mailname", "h.example.org\n" } },
	  "server: hostname = h.example.org @mailname:1\n"
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "0 a listener has another hostname than",
	    "0 the socket has the addresses: type  systemctl" }, 2,
	  NULL },
	{ "a listener's name is that of the machine",
	  { { CONF, "listen on lo0 hostname m.example\naction l maildir\n"
		    "match for local action l\n" } },
	  "server: hostname = m.example @smtpd.conf:0\n"
	  DECIDE("1", "smtpd.conf:3") BARE("localhost", "3", "trusted")
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "3 the full name of this host is unknown: write",
	    "0 the files .forward of users have no effect",
	    "0 mail of users goes into Maildirs: type ",
	    "0 mail for root is refused, as users of the" }, 4,
	  "import-see-the-lines-above.recipients=;" },
	{ "the syntax of old files",
	  { { CONF, "listen on lo0\naccept for local alias <aliases> deliver to mbox\n" } },
	  DECIDE("1", "smtpd.conf:2"),
	  { "2 this is the syntax of OpenSMTPD before 6.4" }, 1,
	  "import-see-the-lines-above.recipients=;" },
	{ "lines that are none",
	  { { CONF, "listen on lo0\ndispatcher x\nmatch from any for color action out\n"
		    "match from any for any action\naction\nmatch for any action nothing\n" } },
	  DECIDE("1", "smtpd.conf:2") DECIDE("2", "smtpd.conf:3") DECIDE("3", "smtpd.conf:4")
	  DECIDE("4", "smtpd.conf:5") HELD("route *", "smtpd.conf:6"),
	  { "2 line 2 of /etc/smtpd.conf cannot be read: it",
	    "3 the rule of line 3 of /etc/smtpd.conf is left",
	    "4 the rule of line 4 of /etc/smtpd.conf is left",
	    "5 the action of line 5 of /etc/smtpd.conf has",
	    "6 there is no action of this name: [route *]" }, 5,
	  "import-see-the-lines-above.recipients=;import-write-the-host-here.password=;" },
	{ "mailboxes for all domains; other ways for strangers than for others",
	  { { CONF, "listen on lo0\naction \"out\" relay\naction l maildir\n"
		    "match from local for domain a.example action out\n"
		    "match from any for domain a.example action l\nmatch for any action l\n" } },
	  DECIDE("1", "smtpd.conf:5") BARE("a.example", "5", "anyone")
	  HELD("route *", "smtpd.conf:6"),
	  { "5 mail of strangers for a.example has this way,",
	    "0 the files .forward of users have no effect",
	    "0 mail of users goes into Maildirs: type ",
	    "0 mail for root is refused, as users of the",
	    "6 mail for all other domains had mailboxes" }, 5,
	  "import-see-the-lines-above.recipients=;import-write-the-host-here.password=;" },
	{ "all other names, refusals and circles",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "table a { \"@a.example\" = \"anna\", \"x@a.example\" = \"ben\" }\n"
		    "table b { \"@\" = \"x@c.example\", \"y@b.example\" = \"error:550 x\" }\n"
		    "table c { \"a\" = \"b\", \"b\" = \"a\", \"x@c.example\" = \"a\", "
		    "\"y@c.example\" = \"error:550 x\" }\n"
		    "table d { \"x@d.example\" = \"anna,y@c.example\" }\n"
		    "action a maildir virtual <a>\n"
		    "action b maildir \"/m/%{dest.user}\" virtual <b>\n"
		    "action c mbox virtual <c>\naction d forward-only virtual <d>\n"
		    "action e maildir \"~/x\" virtual <a>\naction f mda x virtual <d>\n"
		    "match from any for domain a.example action a\n"
		    "match from any for domain b.example action b\n"
		    "match from any for domain c.example action c\n"
		    "match from any for domain d.example action d\n"
		    "match from any for domain e.example action e\n"
		    "match from any for domain f.example action f\n" } },
	  HELD("route a.example", "smtpd.conf:3")
	  "route a.example: aliases = /etc/smtp-handler/import-a.example.aliases "
	      "@smtpd.conf:13\n"
	  "route a.example: subaddress = + @smtpd.conf:13\n"
	  "route a.example: accept = anyone @smtpd.conf:13\n"
	  DECIDE("1", "smtpd.conf:4") HELD("route b.example", "smtpd.conf:4")
	  "route b.example: subaddress = + @smtpd.conf:14\n"
	  "route b.example: accept = anyone @smtpd.conf:14\n"
	  "route c.example: via = reject:no such user here @smtpd.conf:15\n"
	  DECIDE("2", "smtpd.conf:5") DECIDE("3", "smtpd.conf:5") DECIDE("4", "smtpd.conf:5")
	  "route c.example: subaddress = + @smtpd.conf:15\n"
	  "route c.example: accept = anyone @smtpd.conf:15\n"
	  "route d.example: via = reject:no such user here @smtpd.conf:16\n"
	  "route d.example: aliases = /etc/smtp-handler/import-d.example.aliases "
	      "@smtpd.conf:16\n"
	  "route d.example: subaddress = + @smtpd.conf:16\n"
	  "route d.example: accept = anyone @smtpd.conf:16\n"
	  DECIDE("5", "smtpd.conf:11")
	  "route e.example: via = reject:no such user here @smtpd.conf:17\n"
	  "route e.example: subaddress = + @smtpd.conf:17\n"
	  "route e.example: accept = anyone @smtpd.conf:17\n"
	  HELD("route f.example", "smtpd.conf:12")
	  "route f.example: recipients = /etc/smtp-handler/import-f.example.recipients "
	      "@smtpd.conf:18\n"
	  "route f.example: subaddress = + @smtpd.conf:18\n"
	  "route f.example: accept = anyone @smtpd.conf:18\n"
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n"
	  "route localhost: via = maildir:~/Maildir @smtpd.conf:7\n"
	  "route localhost: recipients = users @smtpd.conf:7\n"
	  "route localhost: accept = trusted @smtpd.conf:7\n",
	  { "0 the files .forward of users have no effect",
	    "3 all other names of a.example went to anna,",
	    "8 the Maildirs of /m/{local} must belong to the",
	    "4 a name of b.example is refused, and all",
	    "4 all other names of b.example went to",
	    "4 mail for y@b.example is refused with another",
	    "8 mail for anna+detail goes into the Maildir of",
	    "9 mailboxes are Maildirs: new mail is in",
	    "5 the rows of a lead to each other, or to too",
	    "5 this alias is left out: a@c.example: there is",
	    "5 the rows of b lead to each other, or to too",
	    "5 this alias is left out: b@c.example: there is" }, 21,
	  "import-write-the-host-here.password=;import-a.example.aliases=x@a.example: "
	  "\\ben@localhost "
	  ";import-see-the-lines-above.recipients=;import-d.example.aliases=x@d.example: "
	  "y@c.example ;import-f.example.recipients=# addresses, one in a line ;" },
	{ "the server demands a login: no stranger may send",
	  { { CONF, "listen on lo0\nlisten on egress tls auth\naction l maildir\n"
		    "action \"out\" relay\nmatch from any for domain a.example action l\n"
		    "match from src 192.0.2.0/24 for any action out\n"
		    "match for any action out\nmatch auth from any for any action out\n" } },
	  BARE("a.example", "5", "trusted")
	  "route *: via = mx @smtpd.conf:7\n",
	  { "2 tls: is not translated: set tls-certificate",
	    "2 auth: is not translated: see chapter \"People",
	    "0 the server of port 25 demanded a login: no",
	    "0 the files .forward of users have no effect",
	    "0 mail of users goes into Maildirs: type ",
	    "0 mail for root is refused, as users of the",
	    "0 the socket has the addresses: type  systemctl" }, 7,
	  NULL },
	{ "clients with certificates",
	  { { CONF, "listen on all tls-require verify\nmatch from any for any reject\n" } },
	  DECIDE("1", "smtpd.conf:1")
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "1 tls-require: is not translated: set tls =",
	    "1 verify: clients needed a good certificate,",
	    "0 the socket has the addresses: type  systemctl" }, 3,
	  "import-see-the-lines-above.recipients=;" },
	{ "the server demands a login of its own machine, too",
	  { { CONF, "listen on all tls auth\naction \"out\" relay\nmatch for any action out\n"
		    "match auth from any for any action out\n" } },
	  "server: trusted = local @smtpd.conf:0\n"
	  "route *: via = mx @smtpd.conf:3\n",
	  { "1 tls: is not translated: set tls-certificate",
	    "1 auth: is not translated: see chapter \"People",
	    "0 the server of port 25 demanded a login: no",
	    "0 the socket has the addresses: type  systemctl" }, 4,
	  NULL },
	{ "networks that have this machine, which may do less",
	  { { CONF, "listen on lo0\naction \"out\" relay\nmatch for any reject\n"
		    "match from src { \"192.0.2.0/24\", \"127.0.0.1\", \"0.0.0.0/1\", "
		    "\"local\", \"ipv6:::1\" } for any action out\n" },
	    { "/etc/hostname", "h.example.org\n" } },
	  "server: trusted = 192.0.2.0/24 @smtpd.conf:0\n"
	  "route *: via = mx @smtpd.conf:4\n",
	  { "4 0.0.0.0/1 is left out: it has the addresses" }, 1,
	  NULL },
	{ "a star stands for one name",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "action in relay host smtp://192.0.2.5\n"
		    "match from any for domain \"*.example\" reject\n"
		    "match from any for domain { \"x.a.example\", \"*.a.example\" } action "
		    "in\nmatch from local for any action \"out\"\n" } },
	  "route .example: via = reject:mail for this domain is not taken @smtpd.conf:4\n"
	  "route x.a.example: via = smtp://192.0.2.5 @smtpd.conf:3\n"
	  "route x.a.example: accept = anyone @smtpd.conf:5\n"
	  "route .a.example: via = smtp://192.0.2.5 @smtpd.conf:3\n"
	  DECIDE("1", "smtpd.conf:5")
	  "route .a.example: accept = anyone @smtpd.conf:5\n"
	  "route *: via = mx @smtpd.conf:6\n",
	  { "4 mail for a.b.example is refused, too: a * of",
	    "5 [route .a.example] is for a.b.a.example, too," }, 2,
	  "import-see-the-lines-above.recipients=;" },
	{ "networks that may send to some domains, but not to this machine",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "match from src 192.0.2.0/24 for domain a.example action out\n"
		    "match from local for domain a.example action out\n"
		    "match for local action out\n" },
	    { "/etc/hostname", "h.example.org\n" } },
	  DECIDE("1", "smtpd.conf:3") MX("a.example", "4", "trusted")
	  MX("localhost", "5", "trusted") MX("h.example.org", "5", "trusted")
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n",
	  { "3 the networks of a rule may send to other" }, 1,
	  "import-see-the-lines-above.recipients=;" },
	{ "junk of users, whose machine has no mailboxes by its name",
	  { { CONF, "listen on lo0\naction \"out\" relay\n"
		    "action v maildir junk virtual { \"x@a.example\" = \"anna\" }\n"
		    "match from any for domain a.example action v\n"
		    "match for local action out\n" },
	    { "/etc/hostname", "h.example.org\n" } },
	  "route a.example: via = reject:no such user here @smtpd.conf:4\n"
	  "route a.example: aliases = /etc/smtp-handler/import-a.example.aliases "
	      "@smtpd.conf:4\n"
	  "route a.example: subaddress = + @smtpd.conf:4\n"
	  "route a.example: accept = anyone @smtpd.conf:4\n"
	  MX("localhost", "5", "trusted") MX("h.example.org", "5", "trusted")
	  "route *: via = reject:mail for other domains is not sent @smtpd.conf:0\n"
	  DECIDE("1", "smtpd.conf:3"),
	  { "0 the files .forward of users have no effect",
	    "3 users of the machine have mail of other" }, 2,
	  "import-a.example.aliases=x@a.example: \\anna@localhost "
	  ";import-see-the-lines-above.recipients=;" },
};

int
main(void)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		import_try(&cases[i], import_opensmtpd);
	return tap_done();
}
