// SPDX-License-Identifier: ISC
/*
 * The rules of OpenSMTPD: the first one that matches a client and a recipient counts.
 */
#ifndef TOOLS_IMPORT_OPENSMTPD_RULES_H
#define TOOLS_IMPORT_OPENSMTPD_RULES_H

#include "tools/import/opensmtpd_file.h"

#define OPENSMTPD_RULES_MAX 500

enum opensmtpd_from { OPENSMTPD_FROM_LOCAL, OPENSMTPD_FROM_ANY, OPENSMTPD_FROM_SOCKET,
	OPENSMTPD_FROM_NETWORKS };
enum opensmtpd_for { OPENSMTPD_FOR_LOCAL, OPENSMTPD_FOR_ANY, OPENSMTPD_FOR_DOMAINS,
	OPENSMTPD_FOR_NAMES };

/* A condition is 1, or -1 if it must not hold. */
struct opensmtpd_rule {
	struct plan_at at;
	enum opensmtpd_from from;
	enum opensmtpd_for to;
	int from_sign, to_sign;
	int auth;			/* 0: it does not matter */
	const struct opensmtpd_table *networks, *names;	/* names: of domains, or of recipients */
	struct slice action;
	bool reject;
	bool skipped;			/* it has a condition that is not expressed here */
};

/* The groups of clients that rules distinguish.  Each table of networks is a group more. */
enum { OPENSMTPD_STRANGER, OPENSMTPD_LOCAL, OPENSMTPD_SOCKET, OPENSMTPD_AUTH, OPENSMTPD_GROUPS };

/* A domain, all domains below one (".example.org"), or all others ("*"). */
struct opensmtpd_domain {
	struct slice name;
	bool local;			/* a name of this machine */
	struct plan_at at;
};

struct opensmtpd_rules {
	struct opensmtpd_file *f;
	struct opensmtpd_rule *list;
	size_t n;
	const struct opensmtpd_table **networks;
	size_t nnetworks;
	struct slice tag;		/* of all listeners that demand a login; or empty */
	bool closed;			/* clients elsewhere need a login */
	bool closed_here;		/* so do clients of this machine, but by its socket */
};

/* The result for a group and a domain.  NULL: the mail is refused. */
struct opensmtpd_result {
	const struct opensmtpd_rule *rule;
	const struct opensmtpd_rule *rest;	/* for other names than those of rule->names */
	bool names;			/* the rule is for some names of the domain */
	bool mixed;			/* several rules are for some names */
};

bool opensmtpd_rules_init(struct opensmtpd_rules *r, struct opensmtpd_file *f);
void opensmtpd_rules_done(struct opensmtpd_rules *r);

/* Add the rule of a statement behind "match".  A condition that cannot be expressed stops all
 * programs until the operator has decided. */
void opensmtpd_rules_add(struct opensmtpd_rules *r, struct opensmtpd_line *l);

struct opensmtpd_result opensmtpd_rules_find(const struct opensmtpd_rules *r, size_t group,
    const struct opensmtpd_domain *d);

/* Do two results deliver the same mail in the same way? */
bool opensmtpd_rules_same(const struct opensmtpd_result *a, const struct opensmtpd_result *b);

/* The part of an address behind its last @; empty if there is none. */
struct slice opensmtpd_domain_of(struct slice address);

#endif
