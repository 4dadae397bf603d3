// SPDX-License-Identifier: ISC
/*
 * Tries a reader of tools/import on files in memory.  The result is compared as lines
 * "SECTION: KEY = VALUE @FILE:LINE"; in each case no secret may show, and our programs must read
 * the result.
 */
#ifndef TESTS_UNIT_IMPORT_FIXTURE_H
#define TESTS_UNIT_IMPORT_FIXTURE_H

#include <stdlib.h>

#include "tests/lib/tap.h"
#include "tools/import/output.h"
#include "tools/import/import.h"

#define FILES 8
#define NOTES 12
#define HOST   "write-the-host-here"
#define HELD(section, at) \
	section ": via = smtp+starttls://" HOST ".invalid @" at "\n" \
	section ": user = nobody @" at "\n" \
	section ": password-file = /etc/smtp-handler/import-" HOST ".password @" at "\n"
#define HELD_FILE "import-" HOST ".password=;"
#define DECIDE(number, at) \
	"route decide-" number ".invalid: via = reject:the operator has to decide @" at "\n" \
	"route decide-" number ".invalid: recipients = /etc/smtp-handler/import-see-the-lines-" \
	"above.recipients @" at "\n"
#define DECIDE_FILE "import-see-the-lines-above.recipients=;"
#define MASQUERADE(at) "server: masquerade = /etc/smtp-handler/import-host.masquerade @" at "\n"
#define SECRET "hunter2"	/* a part of each password in a case */

struct import_case {
	const char *name;
	struct { const char *path, *text; } files[FILES];	/* the first one is imported */
	const char *settings;			/* all lines of the result */
	const char *notes[NOTES];		/* "LINE WORDS": a note of the line has the words */
	unsigned count;				/* of all notes */
	const char *secrets;			/* "NAME=CONTENT;" of each file; \n is a blank */
};

static const struct import_case *import_now;

static bool
import_read(struct import *im, const char *path, struct slice *ret)
{
	for (size_t i = 0; i < FILES && import_now->files[i].path; i++)
		if (strcmp(import_now->files[i].path, path) == 0) {
			*ret = slice_str(plan_copy(im->plan, slice_str(import_now->files[i].text)));
			return true;
		}
	return false;
}

static void
import_settings(const struct plan *p, struct buf *b)
{
	for (size_t i = 0; i < p->nsettings; i++) {
		const struct plan_setting *s = &p->settings[i];
		const char *slash = strrchr(s->at.file, '/');

		buf_fmt(b, "%s: %s = %s @%s:%u\n", s->section, s->key, s->value,
		    slash ? slash + 1 : s->at.file, s->at.line);
	}
}

static void
import_files(const struct plan *p, struct buf *b)
{
	for (size_t i = 0; i < p->nfiles; i++) {
		const char *c = p->files[i].content;

		buf_fmt(b, "%s=", p->files[i].name);
		for (; c && *c; c++)
			buf_chr(b, *c == '\n' ? ' ' : *c);
		buf_str(b, ";");
	}
}

static bool
import_has_note(const struct plan *p, const char *want)
{
	const unsigned line = (unsigned)atoi(want);
	const char *words = strchr(want, ' ');

	for (size_t i = 0; i < p->nnotes; i++)
		if (p->notes[i].at.line == line && words && strstr(p->notes[i].text, words + 1))
			return true;
	return false;
}

static void
import_mistake(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	(void)file;
	printf("# line %u of the result: %s\n", line, text);
}

/* Is the word in the configuration or in a note? */
static bool
import_shows(struct plan *p, const char *word)
{
	char *space = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&space, &n);
	bool found;

	if (!out)
		return true;
	(void)fputs(output_text(p, "test"), out);
	output_notes(p, false, out);
	(void)fclose(out);
	found = memmem(space, n, word, strlen(word)) != NULL;
	free(space);
	return found;
}

static void
import_try(const struct import_case *c, void (*read)(struct import *, const char *, struct slice))
{
	static char settings_space[20000], files_space[20000];
	struct buf settings = BUF(settings_space), files = BUF(files_space);
	const struct config_report report = { .error = import_mistake };
	struct plan plan;
	struct import im = { .plan = &plan, .home = "/home/anna", .read = import_read };
	bool notes = true;

	import_now = c;
	plan_init(&plan, PLAN_FOLDER);
	read(&im, c->files[0].path, slice_str(c->files[0].text));
	import_settings(&plan, &settings);
	import_files(&plan, &files);
	is(buf_slice(&settings), slice_str(c->settings), c->name);
	is(buf_slice(&files), slice_str(c->secrets ? c->secrets : ""), "  its files");
	for (size_t i = 0; i < NOTES && c->notes[i]; i++)
		if (!import_has_note(&plan, c->notes[i])) {
			notes = false;
			printf("# no note: %s\n", c->notes[i]);
		}
	if (!ok(notes && plan.nnotes == c->count, "  its notes"))
		for (size_t i = 0; i < plan.nnotes; i++)
			printf("# %u: %s\n", plan.notes[i].at.line, plan.notes[i].text);
	ok(!import_shows(&plan, SECRET), "  its secrets are not shown");
	ok(output_check(&plan, &report), "  our programs read it");
	plan_done(&plan);
}

#endif
