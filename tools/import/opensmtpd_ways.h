// SPDX-License-Identifier: ISC
/*
 * The actions of OpenSMTPD: how mail is delivered.
 */
#ifndef TOOLS_IMPORT_OPENSMTPD_WAYS_H
#define TOOLS_IMPORT_OPENSMTPD_WAYS_H

#include "tools/import/opensmtpd_file.h"

#define OPENSMTPD_ACTIONS_MAX 200

enum opensmtpd_way {
	OPENSMTPD_MAILDIR, OPENSMTPD_LMTP, OPENSMTPD_PROGRAM, OPENSMTPD_ALIASES, OPENSMTPD_RELAY,
};

struct opensmtpd_action {
	struct slice name;
	struct plan_at at;
	enum opensmtpd_way way;
	struct slice target;		/* of maildir and lmtp */
	bool mbox, junk, to_address;	/* to_address: LMTP gets the address, not the user */
	const struct opensmtpd_table *aliases, *virtual, *auth, *users;
	bool one_user, userbase;	/* users are not those of the machine */
	struct slice host;
	bool tls, unverified;
	const char *held;		/* why it cannot be expressed; or NULL */
};

struct opensmtpd_actions {
	struct opensmtpd_file *f;
	struct opensmtpd_action *list;
	size_t n;
	const char *delimiter;		/* between user and detail */
	const char *folder;		/* in the home, of virtual users; or NULL */
	struct plan_at folder_at;
	bool junk;			/* their junk goes into a folder of its own */
};

bool opensmtpd_actions_init(struct opensmtpd_actions *a, struct opensmtpd_file *f);
void opensmtpd_actions_done(struct opensmtpd_actions *a);

/* Add the action of a statement behind "action". */
void opensmtpd_actions_add(struct opensmtpd_actions *a, struct opensmtpd_line *l);

/* NULL: there is none of this name. */
const struct opensmtpd_action *opensmtpd_actions_find(const struct opensmtpd_actions *a,
    struct slice name);

/* Set all keys of the section but accept. */
void opensmtpd_ways_set(struct opensmtpd_actions *a, const struct opensmtpd_action *action,
    const char *section, struct slice domain, struct plan_at at);

/* Set the section of users who have mail by the aliases of another domain only. */
void opensmtpd_ways_settle(struct opensmtpd_actions *a);

#endif
