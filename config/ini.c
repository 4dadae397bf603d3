// SPDX-License-Identifier: ISC
/*
 * The parser of configuration files: one line, one item.  Pure.
 */
#include "config/ini.h"

/* A '#' begins a comment only at the start of a line or behind a blank: words may contain it. */
static struct slice
without_comment(struct slice line)
{
	for (size_t i = 0; i < line.n; i++)
		if (line.p[i] == '#' && (i == 0 || ascii_blank(line.p[i - 1])))
			return slice_of(line.p, i);
	return line;
}

static struct ini_item
bad(const char *why)
{
	return (struct ini_item){ .kind = INI_ERROR, .error = why };
}

static struct ini_item
section(struct slice line)
{
	struct slice name;

	if (line.p[line.n - 1] != ']')
		return bad(memchr(line.p, ']', line.n)
		    ? "there is text behind the ] of the section"
		    : "the section has no closing ]");
	/* "[route [192.0.2.1]]" has brackets inside */
	name = slice_trim(slice_of(line.p + 1, line.n - 2));
	if (name.n == 0)
		return bad("the section has no name: write [server], for instance");
	return (struct ini_item){ .kind = INI_SECTION, .name = name };
}

static struct ini_item
setting(struct slice line)
{
	struct slice value, key = slice_cut(line, '=', &value);

	if (key.n == line.n)
		return bad("this is neither [section] nor key = value nor # comment");
	key = slice_trim(key);
	if (key.n == 0)
		return bad("there is no key before the =");
	return (struct ini_item){ .kind = INI_SETTING, .name = key, .value = slice_trim(value) };
}

bool
ini_next(struct ini *ini, struct ini_item *ret)
{
	struct slice line;

	/* Some editors write a byte order mark. */
	if (ini->line == 0 && slice_has_prefix(ini->rest, SL("\xef\xbb\xbf")))
		ini->rest = slice_skip(ini->rest, 3);
	while (ini->rest.n) {
		line = slice_cut(ini->rest, '\n', &ini->rest);
		ini->line++;
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n > INI_LINE_MAX) {
			*ret = bad("the line is longer than 16384 octets");
			return true;
		}
		line = slice_trim(without_comment(line));
		if (line.n == 0)
			continue;
		if (slice_has_control(line))
			*ret = bad("there is a control character in the line: retype it");
		else
			*ret = line.p[0] == '[' ? section(line) : setting(line);
		return true;
	}
	return false;
}
