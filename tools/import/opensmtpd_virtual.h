// SPDX-License-Identifier: ISC
/*
 * The table "virtual" of an action: each name of a domain has a user, or other addresses.
 */
#ifndef TOOLS_IMPORT_OPENSMTPD_VIRTUAL_H
#define TOOLS_IMPORT_OPENSMTPD_VIRTUAL_H

#include "tools/import/opensmtpd_file.h"

struct opensmtpd_virtual {
	struct import *im;
	const struct opensmtpd_table *table;
	const char *section;
	struct slice domain;
	struct plan_at at;
	const char *delimiter;
	bool in_homes;		/* users are those of the machine, by [route localhost] */
	bool no_users;		/* only other addresses are possible */
};

/* Set recipients and aliases of the section, which has its via. */
void opensmtpd_virtual_set(const struct opensmtpd_virtual *v);

#endif
