// SPDX-License-Identifier: ISC
/*
 * Lines, words and names of files.
 */
#include "tools/import/text.h"

bool
text_next(struct text_lines *l, struct slice *ret)
{
	while (l->rest.n) {
		struct slice line = slice_cut(l->rest, '\n', &l->rest);

		l->line++;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = slice_trim(line);
		if (line.n == 0 || line.p[0] == '#')
			continue;
		*ret = line;
		return true;
	}
	return false;
}

struct slice
text_word(struct slice line, struct slice *ret_rest)
{
	size_t n = 0;

	line = slice_trim(line);
	while (n < line.n && !ascii_blank(line.p[n]))
		n++;
	*ret_rest = slice_trim(slice_skip(line, n));
	return slice_of(line.p, n);
}

bool
text_advise(struct plan *p, struct plan_at at, const struct text_advice *table, struct slice name)
{
	for (; table->name; table++) {
		if (!slice_eq(slice_str(table->name), name))
			continue;
		if (table->advice)
			plan_untranslated(p, at, name, table->advice);
		return true;
	}
	return false;
}

const char *
text_first_line(struct import *im, const char *path)
{
	struct slice text, line;
	struct text_lines lines;

	if (!im->read(im, path, &text))
		return NULL;
	lines = text_lines(text);
	return text_next(&lines, &line) ? plan_copy(im->plan, line) : NULL;
}

const char *
text_beside(struct import *im, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	const size_t n = slash ? (size_t)(slash - file) + 1 : 0;

	if (strcmp(file, "-") == 0)
		return "";
	return plan_text(im->plan, "%.*s%s", (int)n, file, name);
}

const char *
text_path(struct import *im, struct slice path)
{
	if (slice_has_prefix(path, SL("~/")) && im->home)
		return plan_text(im->plan, "%s%.*s", im->home, (int)(path.n - 1), path.p + 1);
	return plan_copy(im->plan, path);
}
