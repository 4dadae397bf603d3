// SPDX-License-Identifier: ISC
#include "config/route.h"

#include "tests/lib/config.h"

#define NAME_10 "abcdefghij"
#define NAME_50	 NAME_10 NAME_10 NAME_10 NAME_10 NAME_10
#define NAME_100 NAME_50 NAME_50
#define NAME_106 NAME_100 "abcdef"

static const struct mistake mistakes[] = {
	{ .text = "[route a.b]\nvia = mx\naccept = everyone\n", .line = 3,
	    .said = "write anyone or trusted" },
	{ .text = "[route a.b]\nvia = mx\nrecipients = list\n", .line = 3,
	    .said = "write the absolute path of a file" },
	{ .text = "[route a.b]\nvia = mx\nrecipients = /nonexistent\n", .line = 3,
	    .said = "cannot read it: No such file" },
	{ .text = "[route *]\nvia = mx\naliases = /etc/passwd\n", .line = 3,
	    .said = "[route *] aliases: they would redirect mail of other people's domains" },
	{ .text = "[route a.b]\nvia = mx\naliases = aliases\n", .line = 3,
	    .said = "write the absolute path of a file" },
	{ .text = "[route a.b]\nvia = mx\naliases = /nonexistent\n", .line = 3,
	    .said = "aliases = /nonexistent: cannot read it: No such file" },
	{ .text = "[route a.b]\nvia = mx\nverp = yes\n", .line = 3, .said = "write on or off" },
	{ .text = "[route a.b]\nvia = mx\nverp = on\n", .line = 3,
	    .said = "has no aliases, so there are no lists" },
	{ .text = "[route a.b]\nvia = mx\nrate = 100\n", .line = 3,
	    .said = "write messages in a time" },
	{ .text = "[route a.b]\nvia = mx\nrate = 0/1min\n", .line = 3,
	    .said = "write messages in a time" },
	{ .text = "[route a.b]\nvia = mx\nrate = 1000001/1min\n", .line = 3,
	    .said = "write messages in a time" },
	{ .text = "[route a.b]\nvia = mx\nrate = 5/999ms\n", .line = 3,
	    .said = "write messages in a time" },
	{ .text = "[route a.b]\nvia = mx\nrate = 5/86401s\n", .line = 3,
	    .said = "write messages in a time" },
	{ .text = "[route a.b]\nvia = mx\nrate = 5/m\n", .line = 3,
	    .said = "write messages in a time" },
	{ .text = "[route a.b]\nvia = mx\nrate = -1/1s\n", .line = 3,
	    .said = "write messages in a time" },
	{ .text = "[route a.b]\nvia = mx\nsubaddress = ++\n", .line = 3,
	    .said = "write one character of + -" },
	{ .text = "[route a.b]\nvia = maildir:/m\njunk-folder = yes\n", .line = 3,
	    .said = "write on or off" },
	{ .text = "[route a.b]\nvia = mx\njunk-folder = on\n", .line = 3,
	    .said = "junk-folder: this via has no folders" },
	{ .text = "[route a.b]\nvia = lmtp:/run/l\njunk-folder = on\n", .line = 3,
	    .said = "junk-folder: this via has no folders" },
	{ .text = "[route a.b]\nvia = mx\nsubaddress = x\n", .line = 3,
	    .said = "write one character of + -" },
	{ .text = "[route a.b]\nvia = mx\nsubaddress = @\n", .line = 3,
	    .said = "write one character of + -" },
	{ .text = "[sender *]\nvia = mx\n", .line = 1,
	    .said = "write [sender anna@example.org], [sender example.org], "
		"or [sender .example.org]" },
	{ .text = "[sender]\nvia = mx\n", .line = 1, .said = "write [sender anna@example.org]" },
	{ .text = "[sender anna@]\nvia = mx\n", .line = 1,
	    .said = "write [sender anna@example.org]" },
	{ .text = "[sender @a.b]\nvia = mx\n", .line = 1,
	    .said = "write [sender anna@example.org]" },
	{ .text = "[sender anna@.a.b]\nvia = mx\n", .line = 1,
	    .said = "write [sender anna@example.org]" },
	{ .text = "[sender an na@a.b]\nvia = mx\n", .line = 1,
	    .said = "write [sender anna@example.org]" },
	{ .text = "[sender \"anna\"@a.b]\nvia = mx\n", .line = 1,
	    .said = "write [sender anna@example.org]" },
	{ .text = "[sender a@b@c.d]\nvia = mx\n", .line = 1,
	    .said = "write [sender anna@example.org]" },
	{ .text = "[sender a.b]\n", .line = 1, .said = "[sender a.b]: has no via" },
	{ .text = "[sender a.b]\nvia = maildir:/m\n", .line = 2,
	    .said = "a [sender] has via = mx, smtp://HOST, smtps://HOST" },
	{ .text = "[sender a.b]\nvia = mx\naccept = anyone\n", .line = 3,
	    .said = "only a [route] has this key; a [sender] has via, host-order, tls, user, "
		"password-file, token-command" },
	{ .text = "[route a.b]\nvia = smtps://h\nuser = u\n", .line = 3,
	    .said = "[route a.b] user: has no password: set password-file or token-command" },
	{ .text = "[sender a.b]\nvia = smtps://h\nuser = u\n", .line = 3,
	    .said = "[sender a.b] user: has no password" },
	{ .text = "[route a.b]\nvia = smtps://h\npassword-file = /p\n", .line = 3,
	    .said = "has a password but no user: set user" },
	{ .text = "[route a.b]\nvia = smtps://h\ntoken-command = /p\n", .line = 3,
	    .said = "has a password but no user: set user" },
	{ .text = "[route a.b]\nvia = smtps://h\nuser = u\npassword-file = /p\n"
		"token-command = /t\n", .line = 5,
	    .said = "there is a password-file too: remove one" },
	{ .text = "[route a.b]\nvia = smtp://h\nuser = u\npassword-file = /p\n", .line = 3,
	    .said = "the password would travel unencrypted: set via = smtps://HOST" },
	{ .text = "[route a.b]\nvia = smtp://192.0.2.1\ntls = may\nuser = u\npassword-file = /p\n",
	    .line = 4, .said = "the password would travel unencrypted" },
	{ .text = "[relay]\ntls = require\n[route a.b]\nvia = smtp://h\ntls = none\nuser = u\n"
		"password-file = /p\n", .line = 6,
	    .said = "the password would travel unencrypted" },
	{ .text = "[route a.b]\nvia = mx\nuser = u\npassword-file = /p\n", .line = 3,
	    .said = "this via has no host to log in to" },
	{ .text = "[route a.b]\nvia = maildir:/m\nuser = u\npassword-file = /p\n", .line = 3,
	    .said = "this via has no host to log in to" },
	{ .text = "[route a.b]\nvia = smtps://h\nuser = " NAME_100 NAME_100 NAME_100
		"\npassword-file = /p\n", .line = 3, .said = "write at most 255 octets" },
	{ .text = "[route a.b]\nvia = smtps://h\nuser = u\npassword-file =\n", .line = 3,
	    .said = "[route a.b] user: has no password" },
	{ .text = "[route a.b]\nvia = smtps://h\nuser = u\npassword-file = a/b\n", .line = 4,
	    .said = "the absolute path of a file, or the name of a credential" },
	{ .text = "[route a.b]\nvia = smtps://h\nuser = u\ntoken-command = gettoken\n", .line = 4,
	    .said = "write the absolute path of a program" },
	{ .text = "[route a.b]\nvia = smtps://h\nuser = u\ntoken-command = /t 1 2 3 4 5 6 7 8 9 10 "
		"11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32\n", .line = 4,
	    .said = "write at most 32 words" },
	{ .text = "[sender a.b]\nvia = mx\n[sender A.b]\nvia = mx\n", .line = 4,
	    .said = "is set in line 2 already" },
	{ .text = "[route a.b]\nvia =\n", .line = 2, .said = "write mx, smtp://HOST[:PORT]" },
	{ .text = "[route a.b]\nvia = MX\n", .line = 2, .said = "write mx, smtp://HOST[:PORT]" },
	{ .text = "[route a.b]\nvia = mail.example.org\n", .line = 2,
	    .said = "write mx, smtp://HOST[:PORT]" },
	{ .text = "[route a.b]\nvia = smtps://\n", .line = 2, .said = "write smtp://HOST" },
	{ .text = "[route a.b]\nvia = smtps:mail.example.org\n", .line = 2,
	    .said = "write mx, smtp://HOST[:PORT], smtps://HOST[:PORT], smtp+starttls://" },
	{ .text = "[route a.b]\nvia = smtp+starttls://host:x\n", .line = 2,
	    .said = "a port is a number" },
	{ .text = "[route a.b]\nvia = mx\ntls = yes\n", .line = 3,
	    .said = "write none or may or learned or require" },
	{ .text = "[route a.b]\nvia = mx\ntls =\n", .line = 3,
	    .said = "write none or may or learned or require" },
	{ .text = "[route a.b]\ntls = may\nvia = smtps://host\n", .line = 2,
	    .said = "[route a.b] tls: smtps:// and smtp+starttls:// demand TLS already" },
	{ .text = "[route a.b]\nvia = smtp+starttls://host\ntls = require\n", .line = 3,
	    .said = "demand TLS already: remove the line" },
	{ .text = "[route a.b]\nvia = maildir:/m\ntls = may\n", .line = 3,
	    .said = "[route a.b] tls: this via has no host" },
	{ .text = "[route a.b]\nvia = lmtp:/s\ntls = may\n", .line = 3,
	    .said = "[route a.b] tls: this via has no host" },
	{ .text = "[route a.b]\nvia = lmtp:dovecot/lmtp\n", .line = 2,
	    .said = "the path of a socket must be absolute" },
	{ .text = "[route a.b]\nvia = lmtp:\n", .line = 2,
	    .said = "the path of a socket must be absolute" },
	{ .text = "[route a.b]\nvia = lmtp:/" NAME_106 "x\n", .line = 2,
	    .said = "the path of a socket has at most 107 octets" },
	{ .text = "[route a.b]\nvia = lmtp://\n", .line = 2,
	    .said = "write lmtp://HOST:PORT, with any port but 25" },
	{ .text = "[route a.b]\nvia = lmtp://host\n", .line = 2,
	    .said = "write lmtp://HOST:PORT, with any port but 25" },
	/* Port 25 is never LMTP (R166). */
	{ .text = "[route a.b]\nvia = lmtp://host:25\n", .line = 2,
	    .said = "write lmtp://HOST:PORT, with any port but 25" },
	{ .text = "[route a.b]\nvia = lmtp://[::1]:25\n", .line = 2,
	    .said = "write lmtp://HOST:PORT, with any port but 25" },
	{ .text = "[sender a.b]\nvia = lmtp:/run/lmtp\n", .line = 2,
	    .said = "a [sender] has via = mx" },
	{ .text = "[route a.b]\nvia = smtp://\n", .line = 2, .said = "write smtp://HOST" },
	{ .text = "[route a.b]\nvia = smtp://user:secret@host\n", .line = 2,
	    .said = "write the user in a line of its own: user = NAME" },
	{ .text = "[route a.b]\nvia = smtp://host:\n", .line = 2,
	    .said = "no port behind the colon" },
	{ .text = "[route a.b]\nvia = smtp://host:0\n", .line = 2,
	    .said = "a port is a number from 1 to 65535" },
	{ .text = "[route a.b]\nvia = smtp://host:25/\n", .line = 2, .said = "a port is a number" },
	{ .text = "[route a.b]\nvia = smtp://host/\n", .line = 2, .said = "write smtp://HOST" },
	{ .text = "[route a.b]\nvia = smtp://a host\n", .line = 2,
	    .said = "write each host in the same form: smtp://A smtp://B" },
	{ .text = "[route a.b]\nvia = smtp://a smtps://b\n", .line = 2,
	    .said = "write each host in the same form: smtp://A smtp://B" },
	{ .text = "[route a.b]\nvia = smtp://a smtp://\n", .line = 2,
	    .said = "write smtp://HOST" },
	{ .text = "[route a.b]\nvia = smtp://a smtp://b smtp://c smtp://d smtp://e smtp://f "
	    "smtp://g smtp://h smtp://i\n", .line = 2, .said = "name at most 8 hosts" },
	{ .text = "[route a.b]\nvia = smtp://a." NAME_50 " smtp://b." NAME_50 " smtp://c." NAME_50
	    " smtp://d." NAME_50 " smtp://e." NAME_50 "\n", .line = 2,
	    .said = "write at most 255 octets" },
	{ .text = "[route a.b]\nvia = smtp://_smtp._tcp.a.b:25\n", .line = 2,
	    .said = "SRV records have the ports" },
	{ .text = "[route a.b]\nvia = smtps://_smtps._tcp.a.b\n", .line = 2,
	    .said = "SRV records may stand behind smtp:// and lmtp:// alone" },
	{ .text = "[route a.b]\nvia = smtp://a smtp://b\nhost-order = random\n", .line = 3,
	    .said = "write listed or latency or balanced" },
	{ .text = "[route a.b]\nvia = smtp://a\nhost-order = balanced\n", .line = 3,
	    .said = "host-order: this via names fewer than two hosts" },
	{ .text = "[route a.b]\nvia = smtp://127.0.0.1 smtp://a\nuser = x\npassword-file = /x\n",
	    .line = 3, .said = "the password would travel unencrypted" },
	{ .text = "[route a.b]\nvia = smtp://_a._tcp.b\ntls = require\nuser = x\n"
	    "password-file = /x\n", .line = 4, .said = "the password would travel unencrypted" },
	{ .text = "[route a.b]\nvia = smtp://f\366tz.example\n", .line = 2,
	    .said = "write smtp://HOST" },
	{ .text = "[route a.b]\nvia = smtp://f\303\266tz\357\274\217.example\n", .line = 2,
	    .said = "write smtp://HOST" },
	{ .text = "[route a.b]\nvia = smtp://2001:db8::1\n", .line = 2,
	    .said = "write an IPv6 address with brackets" },
	{ .text = "[route a.b]\nvia = smtp://[192.0.2.1]\n", .line = 2,
	    .said = "write an IPv6 address between the brackets" },
	{ .text = "[route a.b]\nvia = smtp://[::1\n", .line = 2,
	    .said = "write an IPv6 address between the brackets" },
	{ .text = "[route a.b]\nvia = smtp://[::1]25\n", .line = 2,
	    .said = "write an IPv6 address between the brackets" },
	{ .text = "[route a.b]\nvia = smtp://[::1]:\n", .line = 2,
	    .said = "no port behind the colon" },
	{ .text = "[route a.b]\nvia = maildir:mail\n", .line = 2,
	    .said = "write an absolute path: maildir:" },
	{ .text = "[route a.b]\nvia = maildir:\n", .line = 2,
	    .said = "write an absolute path: maildir:" },
	{ .text = "[route a.b]\nvia = maildir:/m/{name}\n", .line = 2,
	    .said = "only {local} and {domain} may stand in braces" },
	{ .text = "[route a.b]\nvia = maildir:/m/{local\n", .line = 2,
	    .said = "only {local} and {domain} may stand in braces" },
	{ .text = "[route a.b]\nvia = maildir:/m/{\n", .line = 2,
	    .said = "only {local} and {domain} may stand in braces" },
	{ .text = "[route a.b]\nvia = maildir:/m/{user}/{local}\n", .line = 2,
	    .said = "only {user} may stand in braces where ~/ or {user} is in the path" },
	{ .text = "[route a.b]\nvia = maildir:/m/{domain}/{user}\n", .line = 2,
	    .said = "only {user} may stand in braces" },
	{ .text = "[route a.b]\nvia = maildir:~/{local}\n", .line = 2,
	    .said = "only {user} may stand in braces" },
	{ .text = "[route a.b]\nvia = maildir:~/\n", .line = 2,
	    .said = "name a folder of the home: maildir:~/Maildir" },
	{ .text = "[route a.b]\nvia = maildir:~//etc\n", .line = 2,
	    .said = "name a folder of the home" },
	{ .text = "[route a.b]\nvia = maildir:~anna/Maildir\n", .line = 2,
	    .said = "or maildir:~/Maildir" },
	{ .text = "[route a.b]\nvia = maildir:~/a/../b\n", .line = 2,
	    .said = "the path must not have .." },
	{ .text = "[route a.b]\nvia = maildir:/m/{user}/..\n", .line = 2,
	    .said = "the path must not have .." },
	{ .text = "[sender a.b]\nvia = maildir:~/Maildir\n", .line = 2,
	    .said = "a [sender] has via = mx, smtp://HOST" },
	{ .text = "[route a.b]\nvia = mx\nrecipients = Users\n", .line = 3,
	    .said = "or users" },
	{ .text = "[server]\nusers-socket =\n[route a.b]\nvia = mx\nrecipients = users\n",
	    .line = 5, .said = "set [server] users-socket" },
	{ .text = "[relay]\nmaildir-socket =\n[route a.b]\nvia = maildir:~/M\n", .line = 4,
	    .said = "set [relay] maildir-socket" },
	{ .text = "[relay]\nmin-uid = 0\n", .line = 2, .said = "min-uid = 0" },
	{ .text = "[route a.b]\nvia = reject:\n", .line = 2, .said = "the text of the refusal" },
	{ .text = "[route a.b]\nvia = reject:nein, \xc3\xbc\n", .line = 2,
	    .said = "must be printable ASCII" },
};

static const struct {
	const char *via;
	enum route_via want;
	const char *host, *target;
	unsigned port;
} vias[] = {
	{ .via = "mx", .want = VIA_MX },
	{ .via = "print", .want = VIA_PRINT },
	{ .via = "discard", .want = VIA_DISCARD },
	{ .via = "smtp://mail.example.org", .want = VIA_SMTP, .host = "mail.example.org" },
	{ .via = "smtp://mail:2525", .want = VIA_SMTP, .host = "mail", .port = 2525 },
	{ .via = "smtp://192.0.2.1:65535", .want = VIA_SMTP, .host = "192.0.2.1", .port = 65535 },
	{ .via = "smtp://F\303\226TZ.example:26", .want = VIA_SMTP,
	    .host = "xn--ftz-sna.example", .port = 26 },
	{ .via = "smtps://fo\314\210tz.example", .want = VIA_SMTP, .host = "xn--ftz-sna.example",
	    .port = 465 },
	{ .via = "lmtp://f\303\266tz.example:24", .want = VIA_LMTP,
	    .host = "xn--ftz-sna.example", .port = 24 },
	{ .via = "smtp://XN--FTZ-SNA.example", .want = VIA_SMTP, .host = "XN--FTZ-SNA.example" },
	{ .via = "smtp://[2001:db8::1]", .want = VIA_SMTP, .host = "2001:db8::1" },
	{ .via = "smtp://[2001:db8::1]:26", .want = VIA_SMTP, .host = "2001:db8::1", .port = 26 },
	{ .via = "smtps://mail.example.org", .want = VIA_SMTP, .host = "mail.example.org",
	    .port = 465 },
	{ .via = "smtps://[2001:db8::1]:10465", .want = VIA_SMTP, .host = "2001:db8::1",
	    .port = 10465 },
	{ .via = "smtp+starttls://mail.example.org", .want = VIA_SMTP, .host = "mail.example.org",
	    .port = 587 },
	{ .via = "smtp+starttls://192.0.2.1:25", .want = VIA_SMTP, .host = "192.0.2.1",
	    .port = 25 },
	{ .via = "lmtp:/run/dovecot/lmtp", .want = VIA_LMTP, .target = "/run/dovecot/lmtp" },
	{ .via = "lmtp:/with a blank", .want = VIA_LMTP, .target = "/with a blank" },
	{ .via = "lmtp://127.0.0.1:24", .want = VIA_LMTP, .host = "127.0.0.1", .port = 24 },
	{ .via = "lmtp://[::1]:10024", .want = VIA_LMTP, .host = "::1", .port = 10024 },
	{ .via = "lmtp://mail.example.org:2525", .want = VIA_LMTP, .host = "mail.example.org",
	    .port = 2525 },
	{ .via = "maildir:/var/mail/{domain}/{local}/{local}", .want = VIA_MAILDIR,
	    .target = "/var/mail/{domain}/{local}/{local}" },
	{ .via = "maildir:/var/mail/with a blank", .want = VIA_MAILDIR,
	    .target = "/var/mail/with a blank" },
	{ .via = "maildir:~/Maildir", .want = VIA_OWNER, .target = "Maildir" },
	{ .via = "maildir:~/a..b/{user}/", .want = VIA_OWNER, .target = "a..b/{user}/" },
	{ .via = "maildir:/srv/mail/{user}/Maildir", .want = VIA_OWNER,
	    .target = "/srv/mail/{user}/Maildir" },
	{ .via = "maildir:/~/Maildir", .want = VIA_MAILDIR, .target = "/~/Maildir" },
	{ .via = "reject: we moved, try smtp://other", .want = VIA_REJECT,
	    .target = "we moved, try smtp://other" },
};

static void
check_vias(void)
{
	for (size_t i = 0; i < sizeof vias / sizeof vias[0]; i++) {
		struct config c;
		const struct route *r;
		char first[300];
		const char *overrides[] = { "route a.b.via=smtp://before:1", first };
		enum route_scheme scheme;

		(void)snprintf(first, sizeof first, "route a.b.via=%s", vias[i].via);
		ok(load(&c, "", overrides, 2) == 0 && c.nroutes == 1, "via %s", vias[i].via);
		r = config_route(&c, SL("a.b"));
		ok(r->via == vias[i].want && r->hosts[0].port == vias[i].port &&
			strcmp(r->via_text, vias[i].via) == 0,
		    "kind, port, text");
		scheme = slice_has_prefix(slice_str(vias[i].via), SL("smtps")) ? SCHEME_IMPLICIT :
		    slice_has_prefix(slice_str(vias[i].via), SL("smtp+")) ? SCHEME_STARTTLS :
		    SCHEME_ANY;
		ok(r->scheme == scheme, "scheme");
		is(slice_str(r->hosts[0].name), slice_str(vias[i].host), "host");
		is(slice_str(r->target), slice_str(vias[i].target), "target");
		config_done(&c);
	}
}

static struct sender
trusted(const char *path)
{
	return (struct sender){ slice_str(path), STANDING_TRUSTED };
}

static void
check_several(void)
{
	const char *overrides[] = {
		"route a.b.via=lmtp://a:24  lmtp://[::1]:26 lmtp://_lmtp._tcp.F\303\226TZ.example",
		"route a.b.host-order=balanced", "sender c@d.via=smtps://a smtps://b:466",
	};
	const struct route *r;
	struct config c;

	ok(load(&c, "", overrides, 3) == 0 && c.nroutes == 2, "several hosts");
	r = config_route(&c, SL("a.b"));
	ok(r->nhosts == 3 && r->host_order == HOSTS_BALANCED && route_has_services(r) &&
	    way_has_hosts(r), "several hosts: their number and order");
	is(slice_str(r->hosts[0].name), SL("a"), "the first host");
	is(slice_str(r->hosts[1].name), SL("::1"), "the second host");
	is(slice_str(r->hosts[2].name), SL("_lmtp._tcp.xn--ftz-sna.example"), "the third host");
	ok(r->hosts[0].port == 24 && r->hosts[1].port == 26 && r->hosts[2].port == 0,
	    "several hosts: their ports");
	r = config_route_from(&c, trusted("c@d"), SL("x.y"));
	ok(r->nhosts == 2 && r->hosts[0].port == 465 && r->hosts[1].port == 466 &&
	    r->host_order == HOSTS_LISTED && !route_has_services(r),
	    "several hosts of a sender");
	config_done(&c);
}

/* Each way but one can be written, and a form that is a prefix names the rest of the value. */
static void
check_ways(void)
{
	for (int via = 0; via < WAYS; via++) {
		const struct way *way = way_of((enum route_via)via);

		ok((way->forms[0].prefix.n > 0) == (via != VIA_ALIASES), "way %d has a form", via);
		for (size_t i = 0; i < WAY_FORMS && way->forms[i].prefix.n; i++)
			ok(!way->forms[i].parse == !way->forms[i].rest, "way %d: form %zu", via, i);
	}
}

/* tls of a route, and tls of [relay]. */
static void
check_tls(void)
{
	struct config c;

	ok(load(&c,
	       "[relay]\ntls = none\n"
	       "[route a.b]\nvia = mx\ntls = require\n"
	       "[route c.d]\nvia = smtp://h\ntls = may\n"
	       "[route e.f]\nvia = mx\n"
	       "[route g.h]\nvia = lmtp://h:24\ntls = require\n"
	       "[sender i.j]\nvia = mx\ntls = none\n",
	       NULL, 0) == 0,
	    "tls of routes");
	ok(config_route(&c, SL("a.b"))->tls == RELAY_TLS_REQUIRE &&
		config_route(&c, SL("c.d"))->tls == RELAY_TLS_MAY &&
		config_route(&c, SL("g.h"))->tls == RELAY_TLS_REQUIRE,
	    "routes with a value of their own");
	ok(config_route(&c, SL("e.f"))->tls == RELAY_TLS_UNSET &&
		config_route(&c, SL("x.y"))->tls == RELAY_TLS_UNSET &&
		c.relay.tls == RELAY_TLS_NONE,
	    "routes without a value");
	config_done(&c);
}

#define ROUTES \
	"[route *]\nvia = smtp://star\n" \
	"[route .org]\nvia = smtp://dot-org\n" \
	"[route .Example.org]\nvia = smtp://dot-example\n" \
	"[route example.org]\nvia = smtp://example\n" \
	"[route deep.a.example.org]\nvia = smtp://deep\n" \
	"[route localhost]\nvia = smtp://l\n" \
	"[route [192.0.2.1]]\nvia = smtp://four\n" \
	"[route [IPv6:2001:db8::1]]\nvia = smtp://six\n"

static const struct {
	const char *domain, *host;
} routed[] = {
	{ "example.org", "example" }, { "EXAMPLE.Org", "example" },
	{ "a.example.org", "dot-example" }, { "b.a.example.org", "dot-example" },
	{ "deep.a.example.org", "deep" }, { "x.deep.a.example.org", "dot-example" },
	{ "notexample.org", "dot-org" }, { "org", "star" }, { ".example.org", "dot-org" },
	{ "example.com", "star" }, { "localhost", "l" }, { "sub.localhost", "star" },
	{ "[192.0.2.1]", "four" }, { "[192.0.2.2]", "star" }, { "[ipv6:2001:DB8::1]", "six" },
	{ "[192.0.2.001]", "four" }, { "[IPv6:::ffff:192.0.2.1]", "four" },
	{ "[IPv6:2001:db8:0:0::1]", "six" }, { "[IPv6:2001:db8::2]", "star" },
	{ "", "star" }, { "*", "star" }, { "com", "star" },
};

static void
check_routing(void)
{
	struct config c;

	ok(load(&c, ROUTES, NULL, 0) == 0, "routes");
	for (size_t i = 0; i < sizeof routed / sizeof routed[0]; i++)
		is(slice_str(config_route(&c, slice_str(routed[i].domain))->hosts[0].name),
		    slice_str(routed[i].host), routed[i].domain);
	config_done(&c);
	ok(load(&c, "[route example.org]\nvia = print\n", NULL, 0) == 0,
	    "a configuration without [route *]");
	ok(config_route(&c, SL("example.com"))->via == VIA_MX &&
		config_route(&c, SL("example.com"))->accept == ACCEPT_TRUSTED &&
		strcmp(config_route(&c, SL(""))->via_text, "mx") == 0,
	    "no route: mx, for trusted clients only");
	config_done(&c);
}

#define SENDERS \
	"[sender example.org]\nvia = smtp://name\n" \
	"[sender .example.org]\nvia = smtp://suffix\n" \
	"[sender .a.example.org]\nvia = smtp://longer\n" \
	"[sender Anna@Example.org]\nvia = smtp://anna\n" \
	"[sender m\303\274ller@a.b]\nvia = mx\n" \
	"[sender x@[192.0.2.1]]\nvia = smtp://literal\n"

static const struct {
	const char *sender, *domain, *host;	/* "" for mx */
} by_sender[] = {
	{ "ben@example.org", "elsewhere.net", "name" },
	{ "BEN@EXAMPLE.ORG", "elsewhere.net", "name" },
	{ "anna@example.org", "elsewhere.net", "anna" },
	{ "ANNA@example.ORG", "elsewhere.net", "anna" },
	{ "anna@sub.example.org", "elsewhere.net", "suffix" },
	{ "x@sub.a.example.org", "elsewhere.net", "longer" },
	{ "x@a.example.org", "elsewhere.net", "suffix" },
	{ "x@[192.0.2.1]", "elsewhere.net", "literal" },
	{ "X@[192.0.2.001]", "elsewhere.net", "literal" },
	{ "\"a@b\"@example.org", "elsewhere.net", "name" },
	{ "\"x@example.org\"@b.c", "elsewhere.net", "star" },
	{ "m\303\274ller@a.b", "elsewhere.net", "" }, { "x@a.b", "elsewhere.net", "star" },
	{ "", "elsewhere.net", "star" }, { "example.org", "elsewhere.net", "star" },
	{ "x@", "elsewhere.net", "star" }, { "x@notexample.org", "elsewhere.net", "star" },
	{ "anna@example.org", "named.net", "named" },
	{ "anna@example.org", "sub.named.net", "dot-named" }, { "", "named.net", "named" },
	{ "x@y.z", "sub.named.net", "dot-named" },
};

static void
check_senders(void)
{
	struct config c;

	ok(load(&c,
	       SENDERS
	       "[route *]\nvia = smtp://star\n"
	       "[route named.net]\nvia = smtp://named\n"
	       "[route .named.net]\nvia = smtp://dot-named\n"
	       "[route example.org]\nvia = print\n",
	       NULL, 0) == 0,
	    "senders");
	for (size_t i = 0; i < sizeof by_sender / sizeof by_sender[0]; i++) {
		const struct route *r = config_route_from(&c, trusted(by_sender[i].sender),
		    slice_str(by_sender[i].domain));

		ok(strcmp(r->nhosts ? r->hosts[0].name : "", by_sender[i].host) == 0,
		    "<%s> to %s by %s",
		    by_sender[i].sender, by_sender[i].domain, by_sender[i].host);
	}
	ok(config_route(&c, SL("example.org"))->via == VIA_PRINT &&
		config_route(&c, SL("a.example.org"))->hosts[0].name[0] == 's',
	    "the domain of a [sender] is no [route]");
	config_done(&c);
	ok(load(&c, SENDERS, NULL, 0) == 0, "a configuration without [route *]");
	ok(config_route_from(&c, trusted("x@y.z"), SL("a.b"))->via == VIA_MX &&
		config_route_from(&c, trusted("x@example.org"), SL("a.b"))->accept ==
		    ACCEPT_TRUSTED,
	    "no [sender] and no [route]: mx, for trusted clients only");
	config_done(&c);
}

/* A domain in A-labels and in U-labels is the same, on either side. */
static void
check_idn(void)
{
	static const struct {
		const char *domain, *host;
	} rows[] = {
		{ "f\303\266tz.example", "one" }, { "F\303\226TZ.Example", "one" },
		{ "xn--ftz-sna.example", "one" }, { "XN--FTZ-SNA.EXAMPLE", "one" },
		{ "fo\314\210tz.example", "one" }, { "f\303\266tz\343\200\202example", "one" },
		{ "a.f\303\266tz.example", "sub" }, { "A.xn--ftz-sna.example", "sub" },
		{ "m\303\274ller.example", "two" }, { "xn--mller-kva.example", "two" },
		{ "M\303\234LLER.example", "two" }, { "f\303\270tz.example", "star" },
		{ "\357\275\210ome.example", "three" },
	};
	struct config c;

	ok(load(&c,
	       "[route F\303\226TZ.example]\nvia = smtp://one\n"
	       "[route xn--ftz-sna.example]\naccept = anyone\n"
	       "[route .f\303\266tz.example]\nvia = smtp://sub\n"
	       "[route XN--mller-kva.example]\nvia = smtp://two\n"
	       "[route home.example]\nvia = smtp://three\n"
	       "[sender anna@f\303\266tz.example]\nvia = smtp://anna\n"
	       "[sender xn--mller-kva.example]\nvia = smtp://mueller\n"
	       "[route *]\nvia = smtp://star\n",
	       NULL, 0) == 0 && c.nroutes == 7,
	    "routes in A-labels and U-labels: the same section for both");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct route *r = config_route(&c, slice_str(rows[i].domain));

		ok(r->nhosts && strcmp(r->hosts[0].name, rows[i].host) == 0, "%s goes by %s",
		    rows[i].domain, r->hosts[0].name);
	}
	ok(strcmp(config_route_from(&c, trusted("Anna@xn--ftz-sna.example"), SL("a.b"))
	       ->hosts[0].name, "anna") == 0, "a sender in A-labels");
	ok(strcmp(config_route_from(&c, trusted("x@M\303\234LLER.example"), SL("a.b"))
	       ->hosts[0].name, "mueller") == 0, "a sender in U-labels");
	config_done(&c);
}

/* A [sender] with a login is for the owner of the address and for trusted clients. */
static void
check_standing(void)
{
	static const struct {
		const char *name, *sender, *domain;
		enum standing standing;
		const char *host;
	} rows[] = {
		{ .name = "a stranger", .sender = "anna@own.org", .domain = "far.net",
		    .standing = STANDING_STRANGER, .host = "star" },
		{ .name = "a stranger, no login", .sender = "x@plain.org", .domain = "far.net",
		    .standing = STANDING_STRANGER, .host = "star" },
		{ .name = "a stranger to a route", .sender = "anna@own.org", .domain = "named.net",
		    .standing = STANDING_STRANGER, .host = "named" },
		{ .name = "another user", .sender = "anna@own.org", .domain = "far.net",
		    .standing = STANDING_USER, .host = "domain" },
		{ .name = "another user, no login", .sender = "x@plain.org", .domain = "far.net",
		    .standing = STANDING_USER, .host = "plain" },
		{ .name = "a user in a domain with a login", .sender = "x@login.org",
		    .domain = "far.net", .standing = STANDING_USER, .host = "star" },
		{ .name = "the owner", .sender = "anna@own.org", .domain = "far.net",
		    .standing = STANDING_OWNER, .host = "anna" },
		{ .name = "the owner in a domain with a login", .sender = "x@login.org",
		    .domain = "far.net", .standing = STANDING_OWNER, .host = "login" },
		{ .name = "a trusted client", .sender = "anna@own.org", .domain = "far.net",
		    .standing = STANDING_TRUSTED, .host = "anna" },
		{ .name = "our own notice", .sender = "", .domain = "far.net",
		    .standing = STANDING_TRUSTED, .host = "star" },
	};
	struct config c;

	ok(load(&c,
	       "[sender anna@own.org]\nvia = smtps://anna\nuser = a\npassword-file = /p\n"
	       "[sender own.org]\nvia = smtp://domain\n"
	       "[sender plain.org]\nvia = smtp://plain\n"
	       "[sender login.org]\nvia = smtps://login\nuser = l\ntoken-command = /t\n"
	       "[route *]\nvia = smtp://star\n"
	       "[route named.net]\nvia = smtp://named\n",
	       NULL, 0) == 0,
	    "senders with logins");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct sender sender = { slice_str(rows[i].sender), rows[i].standing };
		const struct route *r = config_route_from(&c, sender, slice_str(rows[i].domain));

		ok(strcmp(r->hosts[0].name, rows[i].host) == 0, "%s goes by %s", rows[i].name,
		    r->hosts[0].name);
	}
	config_done(&c);
}

static const char *const privates[] = {
	"[route *]\nvia = smtps://h",
	"[route *]\nvia = smtp+starttls://h:25",
	"[route *]\nvia = smtp://h\ntls = require",
	"[relay]\ntls = require\n[route *]\nvia = smtp://h",
	"[route *]\nvia = smtp://127.0.0.2:25",
	"[route *]\nvia = smtp://[::1]",
	"[route *]\nvia = smtp://localhost\ntls = none",
};

static void
check_logins(void)
{
	struct config c;
	const struct route *r;
	static const char *const odd[] = { "route *.via=smtps://h", "route *.user=u\001v",
		"route *.password-file=/p" };

	ok(load(&c, "", odd, 3) == -EINVAL &&
		memmem(errors.p, errors.n, "must not have control characters", 32),
	    "a user with control characters");
	config_done(&c);
	ok(load(&c,
	       "[route *]\nvia = smtps://h\nuser = anna b\npassword-file = credential\n"
	       "[sender a@b]\nvia = smtps://h\nuser = x\ntoken-command = /bin/echo  a b\n",
	       NULL, 0) == 0,
	    "logins");
	r = config_route(&c, SL("b"));
	ok(strcmp(r->user, "anna b") == 0 && strcmp(r->password_file, "credential") == 0 &&
		!r->token_command,
	    "by password");
	r = config_route_from(&c, trusted("a@b"), SL("b"));
	ok(strcmp(r->user, "x") == 0 && !r->password_file &&
		strcmp(r->token_command, "/bin/echo  a b") == 0,
	    "by token");
	config_done(&c);
	for (size_t i = 0; i < sizeof privates / sizeof privates[0]; i++) {
		char text[300];

		(void)snprintf(text, sizeof text, "%s\nuser = u\npassword-file = /p\n",
		    privates[i]);
		ok(load(&c, text, NULL, 0) == 0, "a password may be sent, row %zu", i);
		config_done(&c);
	}
	ok(load(&c, "[route *]\nvia = smtps://h\nuser =\npassword-file =\ntoken-command =\n", NULL,
	       0) == 0 &&
		!c.routes[0].user && !c.routes[0].password_file && !c.routes[0].token_command,
	    "no user, no password");
	config_done(&c);
}

static const struct {
	const char *hostname, *routes, *pattern, *domain;
} postmasters[] = {
	{ .hostname = "mx.a.b", .routes = "", .pattern = "*", .domain = "mx.a.b" },
	{ .hostname = "mx.a.b",
	    .routes = "[route mx.a.b]\nvia = maildir:/m\n[route a.b]\nvia = maildir:/m\n",
	    .pattern = "mx.a.b", .domain = "mx.a.b" },
	{ .hostname = "mx.a.b",
	    .routes = "[route c.d]\nvia = smtp://x\n[route a.b]\nvia = maildir:/m\n",
	    .pattern = "a.b", .domain = "a.b" },
	{ .hostname = "mx.a.b",
	    .routes = "[route .a.b]\nvia = reject:no\n[route a.b]\nvia = lmtp:/s\n",
	    .pattern = "a.b", .domain = "a.b" },
	{ .hostname = "mx.a.b",
	    .routes = "[route mx.a.b]\nvia = smtp://x\n[route a.b]\nvia = maildir:/m\n",
	    .pattern = "mx.a.b", .domain = "mx.a.b" },
	{ .hostname = "mx.a.b", .routes = "[route *]\nvia = maildir:/m\n[route c.d]\nvia = print\n",
	    .pattern = "*", .domain = "mx.a.b" },
	{ .hostname = "mx.a.b",
	    .routes = "[route .c.d]\nvia = maildir:/m\n[route [192.0.2.1]]\nvia = print\n",
	    .pattern = "*", .domain = "mx.a.b" },
	{ .hostname = "mx.a.b",
	    .routes = "[route a.b]\nvia = maildir:/m\n[route c.d]\nvia = mx\n"
		"aliases = /etc/passwd\n", .pattern = "c.d", .domain = "c.d" },
	{ .hostname = "[192.0.2.1]", .routes = "[route localhost]\nvia = maildir:/m\n",
	    .pattern = "localhost", .domain = "localhost" },
	{ .hostname = "[192.0.2.1]", .routes = "[route a.b]\nvia = discard\n", .pattern = "*",
	    .domain = "localhost" },
};

/* <postmaster> without a domain. */
static void
check_postmaster(void)
{
	for (size_t i = 0; i < sizeof postmasters / sizeof postmasters[0]; i++) {
		char hostname[100];
		const char *overrides[] = { hostname };
		struct config c;
		struct slice domain;
		const struct route *r;

		(void)snprintf(hostname, sizeof hostname, "server.hostname=%s",
		    postmasters[i].hostname);
		ok(load(&c, postmasters[i].routes, overrides, 1) == 0, "routes of a postmaster");
		r = config_postmaster(&c, &domain);
		is(slice_str(r->pattern), slice_str(postmasters[i].pattern),
		    "H061 the route of the postmaster");
		is(domain, slice_str(postmasters[i].domain), "H061 the domain of the postmaster");
		config_done(&c);
	}
}

static const struct {
	const char *pattern, *via, *accept;
	enum config_accept want;
} accepts[] = {
	{ "a.b", "maildir:/m", "", ACCEPT_ANYONE }, { "a.b", "print", "", ACCEPT_ANYONE },
	{ ".a.b", "maildir:/m", "", ACCEPT_ANYONE }, { "[192.0.2.1]", "print", "", ACCEPT_ANYONE },
	{ "*", "maildir:/m", "", ACCEPT_TRUSTED }, { "*", "print", "", ACCEPT_TRUSTED },
	{ "a.b", "mx", "", ACCEPT_TRUSTED }, { "a.b", "smtp://h", "", ACCEPT_TRUSTED },
	{ "a.b", "discard", "", ACCEPT_TRUSTED }, { "a.b", "reject:no", "", ACCEPT_TRUSTED },
	{ "a.b", "maildir:/m", "accept = trusted", ACCEPT_TRUSTED },
	{ "a.b", "smtp://h", "accept = anyone", ACCEPT_ANYONE },
	{ "a.b", "lmtp:/run/lmtp", "", ACCEPT_ANYONE },
	{ "*", "lmtp:/run/lmtp", "", ACCEPT_TRUSTED },
	{ "*", "print", "accept = anyone", ACCEPT_ANYONE },
};

static void
check_accept(void)
{
	for (size_t i = 0; i < sizeof accepts / sizeof accepts[0]; i++) {
		struct config c;
		char text[200];

		(void)snprintf(text, sizeof text, "[route %s]\n%s\nvia = %s\n", accepts[i].pattern,
		    accepts[i].accept, accepts[i].via);
		ok(load(&c, text, NULL, 0) == 0 && c.routes[0].accept == accepts[i].want,
		    "H065 %s via %s %s", accepts[i].pattern, accepts[i].via, accepts[i].accept);
		config_done(&c);
	}
}

static void
check_trust(void)
{
	struct config c;
	struct sockaddr_storage ss;
	socklen_t len;
	static const char *const overrides[] = { "server.trusted=192.0.2.0/24" };

	ok(load(&c, "", NULL, 0) == 0 && config_trusts(&c, NULL), "a pipe is trusted by default");
	ok(address_parse(SL("127.1.2.3"), 1, &ss, &len) &&
		config_trusts(&c, (struct sockaddr *)&ss),
	    "loopback");
	ok(address_parse(SL("::1"), 1, &ss, &len) && config_trusts(&c, (struct sockaddr *)&ss),
	    "loopback over IPv6");
	ok(address_parse(SL("::ffff:127.0.0.1"), 1, &ss, &len) &&
		config_trusts(&c, (struct sockaddr *)&ss),
	    "mapped loopback");
	ok(address_parse(SL("192.0.2.1"), 1, &ss, &len) &&
		!config_trusts(&c, (struct sockaddr *)&ss),
	    "no other address is trusted");
	config_done(&c);
	ok(load(&c, "", overrides, 1) == 0 && !config_trusts(&c, NULL) &&
		config_trusts(&c, (struct sockaddr *)&ss),
	    "an empty list trusts no address");
	config_done(&c);
}

int
main(void)
{
	config_test_begin();
	for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++)
		check_mistake(&mistakes[i]);
	check_ways();
	check_vias();
	check_several();
	check_tls();
	check_routing();
	check_postmaster();
	check_senders();
	check_idn();
	check_standing();
	check_logins();
	check_accept();
	check_trust();
	config_test_end();
	return tap_done();
}
