// SPDX-License-Identifier: ISC
/*
 * The table of ways out, and the parser of `via`: text in, slices of it out.
 */
#include "config/way.h"

#include <assert.h>
#include <string.h>
#include <sys/un.h>

#include "base/cidr.h"
#include "base/idn.h"
#include "base/name.h"
#include "base/words.h"
#include "config/config.h"
#include "config/refuse.h"

#define REJECT_MAX 450	/* a reply line is 512 octets at most (RFC 5321 section 4.5.3.1.5) */

/* The name of SRV records (RFC 2782).  Nothing proves which hosts they name, so no certificate
 * could show that it is the right one. */
static int
check_service(const struct way_value *v, bool port, struct buf *why)
{
	if (port)
		return refuse(why, "SRV records have the ports: write their name without one");
	if (v->scheme != SCHEME_ANY)
		return refuse(why, "SRV records may stand behind smtp:// and lmtp:// alone: "
		    "write the names of the hosts, which their certificates have");
	return 0;
}

/* HOST[:PORT] or [IPV6][:PORT]; the host is kept without brackets. */
static int
parse_host(struct slice text, struct way_value *v, struct buf *why)
{
	struct way_host *h = &v->hosts[v->nhosts];
	struct sockaddr_storage ss;
	socklen_t len;
	struct slice port_text, host;
	struct idn_name space;
	uint64_t port = 0;

	if (memchr(text.p, '@', text.n))
		return refuse(why, "write the user in a line of its own: user = NAME");
	if (text.n && text.p[0] == '[') {
		host = slice_cut(slice_skip(text, 1), ']', &port_text);
		if (!address_parse(host, 0, &ss, &len) || ss.ss_family != AF_INET6 ||
		    (port_text.n && port_text.p[0] != ':') || host.n + 1 == text.n)
			return refuse(why,
			    "write an IPv6 address between the brackets: smtp://[2001:db8::1]:25");
		port_text = slice_skip(port_text, 1);
		if (port_text.n == 0 && text.p[text.n - 1] == ':')
			return refuse(why, "there is no port behind the colon");
	} else {
		host = slice_cut(text, ':', &port_text);
		if (port_text.n == 0 && host.n != text.n)
			return refuse(why, "there is no port behind the colon");
		if (memchr(port_text.p, ':', port_text.n))
			return refuse(why,
			    "write an IPv6 address with brackets: smtp://[2001:db8::1]:25");
		if (!name_is_domain(idn_canonical(host, &space)) &&
		    !address_parse(host, 0, &ss, &len))
			return refuse(why,
			    "write smtp://HOST or smtp://HOST:PORT, HOST a name or an address");
	}
	if (port_text.n && (!slice_uint(port_text, UINT16_MAX, &port) || port == 0))
		return refuse(why, "a port is a number from 1 to 65535");
	*h = (struct way_host){ host, (uint16_t)port };
	v->nhosts++;
	return slice_has_prefix(host, SL("_")) ? check_service(v, port != 0, why) : 0;
}

/* LMTP has no port of its own, and must not use that of SMTP (RFC 2033 section 5). */
static int
parse_lmtp_host(struct slice text, struct way_value *v, struct buf *why)
{
	const size_t n = why->n;

	if (slice_has_prefix(text, SL("_")))
		return parse_host(text, v, why);
	if (parse_host(text, v, why) == 0 && v->hosts[v->nhosts - 1].port &&
	    v->hosts[v->nhosts - 1].port != 25)
		return 0;
	why->n = n;
	return refuse(why, "write lmtp://HOST:PORT, with any port but 25, or lmtp:/PATH/OF/SOCKET");
}

static int
parse_socket(struct slice path, struct way_value *v, struct buf *why)
{
	if (path.n == 0 || path.p[0] != '/')
		return refuse(why, "the path of a socket must be absolute: lmtp:/run/dovecot/lmtp");
	if (path.n >= sizeof ((struct sockaddr_un *)NULL)->sun_path)
		return refuse(why, "the path of a socket has at most 107 octets");
	v->target = path;
	return 0;
}

/* A path that a user follows: it may not lead up, nor use what a stranger can choose but the name
 * of a user. */
static int
parse_users_path(struct slice path, struct way_value *v, struct buf *why)
{
	struct slice rest = path;

	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '{' && !slice_has_prefix(slice_skip(path, i), SL("{user}")))
			return refuse(why,
			    "only {user} may stand in braces where ~/ or {user} is in the path");
	while (rest.n)
		if (slice_eq(slice_cut(rest, '/', &rest), SL("..")))
			return refuse(why, "the path must not have ..");
	if (path.n > WAY_USERS_PATH_MAX)
		return refuse(why, "write at most 1000 octets");
	v->target = path;
	return 0;
}

static int
parse_home(struct slice path, struct way_value *v, struct buf *why)
{
	if (path.n == 0 || path.p[0] == '/')
		return refuse(why, "name a folder of the home: maildir:~/Maildir");
	return parse_users_path(path, v, why);
}

static int
parse_maildir(struct slice path, struct way_value *v, struct buf *why)
{
	struct slice rest;

	if (path.n == 0 || path.p[0] != '/')
		return refuse(why, "write an absolute path: "
		    "maildir:/var/mail/{domain}/{local}, or maildir:~/Maildir");
	if (memmem(path.p, path.n, "{user}", strlen("{user}"))) {
		v->via = VIA_OWNER;
		return parse_users_path(path, v, why);
	}
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] != '{')
			continue;
		rest = slice_skip(path, i);
		if (!slice_has_prefix(rest, SL("{local}")) &&
		    !slice_has_prefix(rest, SL("{domain}")))
			return refuse(why,
			    "only {local} and {domain} may stand in braces, or {user} alone");
	}
	v->target = path;
	return 0;
}

static int
parse_reject(struct slice text, struct way_value *v, struct buf *why)
{
	if (text.n == 0 || text.n > REJECT_MAX)
		return refuse(why,
		    "write the text of the refusal behind reject:, at most 450 octets");
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] < ' ' || text.p[i] > '~')
			return refuse(why, "the text of a refusal must be printable ASCII");
	v->target = text;
	return 0;
}

static const struct way ways[] = {
	[VIA_MX] = {
		.forms = { { .prefix = S("mx") } },
		.over_link = true, .by_domain = true, .for_senders = true,
	},
	[VIA_SMTP] = {		/* ports: RFC 8314 section 7.3, RFC 6409 section 3.1 */
		.forms = {
			{ S("smtp://"), "HOST[:PORT]", true, parse_host, SCHEME_ANY, 0 },
			{ S("smtps://"), "HOST[:PORT]", true, parse_host, SCHEME_IMPLICIT, 465 },
			{ S("smtp+starttls://"), "HOST[:PORT]", true, parse_host, SCHEME_STARTTLS,
			    587 },
		},
		.over_link = true, .login = true, .for_senders = true,
	},
	[VIA_LMTP] = {		/* between hosts of one owner */
		.forms = {
			{ .prefix = S("lmtp:"), .rest = "SOCKET", .parse = parse_socket },
			{ S("lmtp://"), "HOST:PORT", true, parse_lmtp_host, SCHEME_ANY, 0 },
		},
		.over_link = true, .lmtp = true, .ends_here = true, .clear = "lmtp:",
	},
	[VIA_MAILDIR] = {
		.forms = { { .prefix = S("maildir:"), .rest = "PATH", .parse = parse_maildir } },
		.ends_here = true, .by_name = true, .folds_case = true,
	},
	[VIA_OWNER] = {
		.forms = { { .prefix = S("maildir:~/"), .rest = "PATH", .parse = parse_home } },
		.ends_here = true, .by_name = true, .folds_case = true,
	},
	[VIA_PRINT] = {
		.forms = { { .prefix = S("print") } },
		.ends_here = true,
	},
	[VIA_DISCARD] = {
		.forms = { { .prefix = S("discard") } },
	},
	[VIA_REJECT] = {
		.forms = { { .prefix = S("reject:"), .rest = "TEXT", .parse = parse_reject } },
		.refuses = true,
	},
	[VIA_ALIASES] = { .forms = { { .prefix = S("") } } },	/* no configuration names it */
};

static_assert(sizeof ways / sizeof ways[0] == WAYS, "each way has a row");

const struct way *
way_of(enum route_via via)
{
	return &ways[via];
}

bool
way_has_hosts(const struct route *route)
{
	return way_of(route->via)->by_domain || route->nhosts;
}

/* The next form of all ways in the order of the table; NULL at the end. */
static const struct way_form *
next_form(size_t *way, size_t *form)
{
	for (; *way < WAYS; (*way)++, *form = 0)
		if (*form < WAY_FORMS && ways[*way].forms[*form].prefix.n)
			return &ways[*way].forms[(*form)++];
	return NULL;
}

static void
add_form(struct buf *b, const char *before, const struct way_form *form)
{
	buf_str(b, before);
	buf_add(b, form->prefix);
	if (form->parse)
		buf_str(b, form->rest);
}

static int
refuse_all(struct buf *why)
{
	const struct way_form *form, *last = NULL;
	const char *before = "write ";
	size_t i = 0, k = 0;

	while ((form = next_form(&i, &k))) {
		if (last) {
			add_form(why, before, last);
			before = ", ";
		}
		last = form;
	}
	if (last)
		add_form(why, " or ", last);
	return -EINVAL;
}

static bool
has_form(struct slice text, const struct way_form *form)
{
	return form->parse ? slice_has_prefix(text, form->prefix) : slice_eq(text, form->prefix);
}

/* Several values of one form, between blanks. */
static int
parse_many(const struct way_form *form, struct slice text, struct way_value *v, struct buf *why)
{
	struct slice word;
	int r = 0;

	while (r == 0 && (word = words_next(&text)).n) {
		if (!slice_has_prefix(word, form->prefix))
			return refuse(why, "write each host in the same form: smtp://A smtp://B");
		if (v->nhosts == WAY_HOSTS_MAX)
			return refuse(why, "name at most 8 hosts");
		r = form->parse(slice_skip(word, form->prefix.n), v, why);
		if (r == 0 && v->hosts[v->nhosts - 1].port == 0)
			v->hosts[v->nhosts - 1].port = form->port;
	}
	return r;
}

char *
way_folder(const char *target)
{
	char *path = strdup(target), *end = path ? strchr(path, '{') : NULL;

	if (end) {
		while (end > path && end[-1] != '/')
			end--;
		*end = '\0';
	}
	return path;
}

int
way_parse(struct slice text, struct way_value *v, struct buf *why)
{
	const struct way_form *form, *best = NULL;
	size_t i = 0, k = 0;

	*v = (struct way_value){ 0 };
	while ((form = next_form(&i, &k))) {	/* the longest counts: "lmtp://" before "lmtp:" */
		if (!has_form(text, form) || (best && best->prefix.n > form->prefix.n))
			continue;
		best = form;
		v->via = (enum route_via)i;
		v->scheme = form->scheme;
	}
	if (!best)
		return refuse_all(why);
	if (best->many)
		return parse_many(best, text, v, why);
	return best->parse ? best->parse(slice_trim(slice_skip(text, best->prefix.n)), v, why) : 0;
}
