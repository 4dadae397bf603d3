// SPDX-License-Identifier: ISC
/*
 * One reader for each of the other programs.  A reader gets files by a function, so it can be
 * tried without a file system.
 */
#ifndef TOOLS_IMPORT_IMPORT_H
#define TOOLS_IMPORT_IMPORT_H

#include "tools/import/plan.h"

#define IMPORT_FILE_MAX ((size_t)1 << 20)	/* octets of a file */

struct import {
	struct plan *plan;
	const char *home;	/* stands for ~ */
	/* The text of a file, without NUL, which lives as long as the plan.  False: there is none,
	 * or the reason why it cannot be read is a note. */
	bool (*read)(struct import *im, const char *path, struct slice *ret);
	void *ctx;
};

struct import_kind {
	const char *name;
	const char *main;	/* the usual place of its file; "~/" begins one in the home */
	void (*read)(struct import *im, const char *file, struct slice text);
};

/* Ends at a row without a name.  One name may have several places. */
extern const struct import_kind import_kinds[];

void import_msmtp(struct import *im, const char *file, struct slice text);
void import_ssmtp(struct import *im, const char *file, struct slice text);
void import_dma(struct import *im, const char *file, struct slice text);
void import_nullmailer(struct import *im, const char *file, struct slice text);
void import_postfix(struct import *im, const char *file, struct slice text);
void import_exim(struct import *im, const char *file, struct slice text);
void import_opensmtpd(struct import *im, const char *file, struct slice text);

/* The kind of a file by its name; NULL if the name does not show it. */
const struct import_kind *import_kind_of(const char *path);

#endif
