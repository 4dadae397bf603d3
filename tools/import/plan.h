// SPDX-License-Identifier: ISC
/*
 * The result of an import: settings of our configuration, files beside it, and notes for the
 * operator.  It refuses each setting that our programs would refuse.
 */
#ifndef TOOLS_IMPORT_PLAN_H
#define TOOLS_IMPORT_PLAN_H

#include "base/buf.h"

#define PLAN_FOLDER "/etc/smtp-handler"
#define PLAN_MAX    4096	/* settings or files; more are a failure */

/* A place in the configuration that is read.  Line 0: the whole file. */
struct plan_at {
	const char *file;
	unsigned line;
};

struct plan_setting {
	const char *section, *key, *value;
	struct plan_at at;
	const char *remark;	/* stands above it in the file; or NULL */
};

enum plan_kind {
	PLAN_PASSWORD,		/* secret: only the user of the relay may read it */
	PLAN_PROGRAM,		/* prints a token; may hold a secret too */
	PLAN_TEXT,
};

struct plan_file {
	const char *name;	/* in the folder of the configuration */
	const char *path;
	enum plan_kind kind;
	const char *content;	/* NULL: the operator must make it */
	const char *command;	/* of the shell, prints the content; or NULL */
	struct plan_at at;
};

struct plan_note {
	struct plan_at at;
	const char *text;
};

struct plan {
	const char *folder;	/* where the files will be */
	struct plan_setting *settings;
	size_t nsettings;
	struct plan_file *files;
	size_t nfiles;
	struct plan_note *notes;
	size_t nnotes;
	size_t nstops;
	struct plan_chunk *chunks;
	bool failed;		/* no memory, or too many settings or files */
};

/* The folder is borrowed. */
void plan_init(struct plan *p, const char *folder);

/* Wipes the secrets too. */
void plan_done(struct plan *p);

/* Memory of the plan; never NULL: without memory the plan has failed, and the result is empty. */
char *plan_copy(struct plan *p, struct slice s);
char *plan_room(struct plan *p, size_t n);	/* n octets and a NUL, all zeros; or NULL */
__attribute__((format(printf, 2, 3))) char *plan_text(struct plan *p, const char *format, ...);

/* Set a key, in place of an earlier value.  A value that our programs refuse is not set: it becomes
 * a note, and the result is false. */
__attribute__((format(printf, 5, 6))) bool plan_set(struct plan *p, const char *section,
    const char *key, struct plan_at at, const char *format, ...);

/* Remove a key, if it is there. */
void plan_unset(struct plan *p, const char *section, const char *key);

/* Remove via and all keys that belong to it. */
void plan_forget_way(struct plan *p, const char *section);

/* A sentence that stands above a key in the file. */
void plan_remark(struct plan *p, const char *section, const char *key, const char *text);

/* The value of a key, or NULL. */
const char *plan_get(struct plan *p, const char *section, const char *key);

/* Add a note for the operator.  The same note of a line is kept once, and PLAN_MAX notes in all.
 * The text has no secrets. */
__attribute__((format(printf, 3, 4))) void plan_note(
    struct plan *p, struct plan_at at, const char *format, ...);

/*
 * Settings for what only the operator can decide.  Each has the text as a note, and as a remark in
 * the file.
 *
 * plan_missing() names a file that is not there: all programs refuse the configuration until
 * somebody makes it.  plan_hold() keeps the mail of a section in the queue, by a host that is not
 * there and no password; false: there cannot be such a section.  plan_stop() is for what fits no
 * section of its own: all programs refuse the configuration until somebody removes its lines.
 */
__attribute__((format(printf, 6, 7))) void plan_missing(struct plan *p, const char *section,
    const char *key, struct plan_at at, const char *base, const char *format, ...);
__attribute__((format(printf, 4, 5))) bool plan_hold(
    struct plan *p, const char *section, struct plan_at at, const char *format, ...);
__attribute__((format(printf, 3, 4))) void plan_stop(
    struct plan *p, struct plan_at at, const char *format, ...);

/* Is it a section of plan_hold()? */
bool plan_is_held(struct plan *p, const char *section);

/* A setting of the other program that has no translation, and what to do about it. */
void plan_untranslated(struct plan *p, struct plan_at at, struct slice name, const char *advice);

/* Add a file, and return its path.  The base of its name loses characters that do not suit a file;
 * a name that another content has gets a number. */
const char *plan_add_file(struct plan *p, const char *base, const char *suffix,
    const struct plan_file *file);

#endif
