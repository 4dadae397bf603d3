// SPDX-License-Identifier: ISC
/*
 * The ways out of the queue: one table with the forms of each in the value of `via`, and with the
 * facts by which programs treat its mail.  A way delivers in delivery/delivery.
 */
#ifndef CONFIG_WAY_H
#define CONFIG_WAY_H

#include <stdbool.h>

#include "base/buf.h"

enum route_via {
	VIA_MX,			/* the domain's exchangers */
	VIA_SMTP,		/* host and port */
	VIA_LMTP,		/* host and port; or target: the path of a socket */
	VIA_MAILDIR,		/* target: a path with {local} and {domain} */
	VIA_OWNER,		/* the same as the user whom the mailbox belongs to; target:
				 * beneath the home, or an absolute path with {user} */
	VIA_PRINT,
	VIA_DISCARD,
	VIA_REJECT,		/* target: the text */
	VIA_ALIASES,		/* copies to the addresses that an alias stands for; not in `via` */
	WAYS
};

/* TLS that the form of the value demands; in both the certificate is verified. */
enum route_scheme { SCHEME_ANY, SCHEME_STARTTLS, SCHEME_IMPLICIT };

#define WAY_HOSTS_MAX 8

/* The value of `via`, borrowed from its text. */
struct way_value {
	enum route_via via;
	struct slice target;
	struct way_host {
		struct slice name;	/* or address, without brackets */
		uint16_t port;		/* 0: none is written, and the form has no default */
	} hosts[WAY_HOSTS_MAX];
	size_t nhosts;
	enum route_scheme scheme;
};

/* One form of the value. */
struct way_form {
	struct slice prefix;	/* without parse: the whole value */
	const char *rest;	/* names the text behind the prefix, for the help */
	bool many;		/* the value may have several of this form, between blanks */
	/* Parse the text behind the prefix.  0; -EINVAL with what to do about it in why. */
	int (*parse)(struct slice text, struct way_value *v, struct buf *why);
	enum route_scheme scheme;
	uint16_t port;		/* of each host whose text names none */
};

#define WAY_FORMS 3
#define WAY_USERS_PATH_MAX 1000	/* octets of the target of VIA_OWNER */

struct way {
	struct way_form forms[WAY_FORMS];	/* the list ends at an empty prefix */
	bool over_link;		/* a server takes the mail, over a link */
	bool by_domain;		/* each domain is a destination; else the route is one */
	bool lmtp;		/* the server replies for each recipient (RFC 2033) */
	bool login;		/* the server may demand one */
	bool for_senders;	/* a [sender] may have it */
	bool ends_here;		/* final delivery: by default anyone may send there */
	bool by_name;		/* the local part must make a safe name of a folder or user */
	bool folds_case;	/* local parts that differ in case alone are one mailbox */
	bool refuses;		/* a session refuses the recipient, with target as the text */
	const char *clear;	/* if the way has no TLS by default: the source shown for that */
};

struct route;

const struct way *way_of(enum route_via via);

/* Does it deliver to hosts: the exchangers of a domain, or hosts that it names? */
bool way_has_hosts(const struct route *route);

/* The folder that all mailboxes of such a target are in: its path up to the folder whose name
 * depends on the recipient.  A string of the caller, or NULL if there is no memory. */
char *way_folder(const char *target);

/* 0; -EINVAL with what to do about it in why. */
int way_parse(struct slice text, struct way_value *v, struct buf *why);

#endif
