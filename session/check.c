// SPDX-License-Identifier: ISC
/*
 * Each session would meet these mistakes again, and only its client would see them.
 */
#include "session/check.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/secret.h"
#include "config/way.h"
#include "session/masquerade.h"

#define WIDE_IPV4 8		/* a network of fewer bits is of strangers: 10.0.0.0/8 is not */

static void
report_text(const struct config_report *report, const struct buf *text)
{
	report->error(report->ctx, NULL, 0, buf_cstr((struct buf *)text));
}

static unsigned
check_passwords(const char *name, const struct config_report *report)
{
	char path_space[PATH_MAX], why_space[PATH_MAX + 100], space[PATH_MAX + 200];
	struct buf path = BUF(path_space), why = BUF(why_space), text = BUF(space);
	int fd = secret_path(&path, slice_str(name));

	/* The credentials of a unit are there only while it runs. */
	if (fd == -ENOENT && !getenv("CREDENTIALS_DIRECTORY"))
		return 0;
	if (fd < 0)
		buf_fmt(&why, "%s: %s", name, strerror(-fd));
	else
		fd = secret_open(buf_cstr(&path), &why);
	if (fd >= 0) {
		(void)close(fd);
		return 0;
	}
	buf_fmt(&text, "[server] auth = file: %s", buf_cstr(&why));
	report_text(report, &text);
	return 1;
}

/* Is it a network that nobody owns?  All public IPv6 addresses are in 2000::/3. */
static bool
has_strangers(const struct cidr *net)
{
	const struct cidr public = { .family = AF_INET6, .bits = 3, .address = { 0x20 } };

	return net->family == AF_INET ? net->bits < WIDE_IPV4
				      : net->bits <= public.bits && cidr_overlap(net, &public);
}

static void
check_networks(const char *key, const struct network_list *l, const char *effect,
    const struct config_report *report)
{
	for (size_t i = 0; i < l->n; i++) {
		char space[400];
		struct buf text = BUF(space);

		if (!has_strangers(&l->list[i]))
			continue;
		buf_fmt(&text, "[server] %s: ", key);
		cidr_text(&text, &l->list[i]);
		buf_fmt(&text, " has strangers, %s: this machine is an open relay: write only "
		    "networks of your own", effect);
		report_text(report, &text);
	}
}

static void
check_routes(const struct config *c, const struct config_report *report)
{
	for (size_t i = 0; i < c->nroutes; i++) {
		const struct route *r = &c->routes[i];
		const struct way *way = way_of(r->via);
		char space[400];
		struct buf text = BUF(space);

		if (r->by_sender || strcmp(r->pattern, "*") != 0 || r->accept != ACCEPT_ANYONE ||
		    !way->over_link || way->ends_here)
			continue;
		buf_fmt(&text, "[route *] accept = anyone: strangers may send to everybody: this "
		    "machine is an open relay: write accept = trusted");
		report_text(report, &text);
	}
}

unsigned
session_check(const struct config *c, const struct config_report *report)
{
	static const char named[] = "who may name any client, also a trusted one";

	check_routes(c, report);
	check_networks("trusted", &c->server.trusted, "who may send to everybody", report);
	if (c->server.trusted.n && c->server.proxy_protocol)
		check_networks("proxy-trusted", &c->server.proxy_trusted, named, report);
	if (c->server.trusted.n)
		check_networks("xclient", &c->server.xclient, named, report);
	return masquerade_check(c, report) +
	    (c->server.auth == AUTH_FILE ? check_passwords(c->server.auth_target, report) : 0);
}
