// SPDX-License-Identifier: ISC
#include "config/ini.h"

#include <stdlib.h>

#include "base/buf.h"
#include "tests/lib/tap.h"

/* Items as text: "LINE[section];", "LINE key=value;", "LINE!;" for an error. */
static const struct {
	const char *name;
	struct slice text;
	const char *items;
} cases[] = {
	{ "empty", S(""), "" },
	{ "blank_lines", S("\n \t\n\r\n"), "" },
	{ "section", S("[server]\n"), "1[server];" },
	{ "section_without_newline", S("[server]"), "1[server];" },
	{ "section_with_blanks", S("  [ server ]  \n"), "1[server];" },
	{ "section_with_comment", S("[server] # what\n"), "1[server];" },
	{ "section_with_pattern", S("[route example.org]"), "1[route example.org];" },
	{ "section_of_a_literal", S("[route [192.0.2.1]]"), "1[route [192.0.2.1]];" },
	{ "setting", S("a = b\n"), "1 a=b;" },
	{ "setting_tight", S("a=b"), "1 a=b;" },
	{ "setting_indented", S("\ta\t=\tb\t"), "1 a=b;" },
	{ "setting_crlf", S("a = b\r\nc = d\r\n"), "1 a=b;2 c=d;" },
	{ "value_with_blanks", S("a = b  c "), "1 a=b  c;" },
	{ "value_with_equals", S("a = b = c"), "1 a=b = c;" },
	{ "value_empty", S("a ="), "1 a=;" },
	{ "value_only_comment", S("a = # none"), "1 a=;" },
	{ "value_with_utf8", S("a = \xc3\xa9"), "1 a=\xc3\xa9;" },
	{ "comment_line", S("# a = b\n#\n  # c\n"), "" },
	{ "comment_after_value", S("a = b # c"), "1 a=b;" },
	{ "comment_after_tab", S("a = b\t#c"), "1 a=b;" },
	{ "hash_inside_word", S("a = b#c"), "1 a=b#c;" },
	{ "line_numbers", S("\n# x\na = b\n\n[s]\nc = d"), "3 a=b;5[s];6 c=d;" },
	{ "byte_order_mark", S("\xef\xbb\xbf[s]\na=b"), "1[s];2 a=b;" },
	{ "byte_order_mark_later", S("a=b\n\xef\xbb\xbf[s]"), "1 a=b;2!;" },
	{ "no_equals", S("hello\na=b"), "1!;2 a=b;" },
	{ "no_key", S(" = b"), "1!;" },
	{ "no_bracket", S("[server\na=b"), "1!;2 a=b;" },
	{ "empty_section", S("[]\n[ ]"), "1!;2!;" },
	{ "lone_bracket", S("["), "1!;" },
	{ "text_after_bracket", S("[a] b"), "1!;" },
	{ "semicolon_is_no_comment", S("; x"), "1!;" },
	{ "nul", S("a = b\0c\nd=e"), "1!;2 d=e;" },
	{ "control_character", S("a = \033[31m"), "1!;" },
	{ "delete_character", S("a = \177"), "1!;" },
	{ "lone_cr_inside", S("a = b\rc = d"), "1!;" },
};

static void
check(const char *name, struct slice text, const char *items)
{
	struct ini ini = ini_start(text);
	struct ini_item item;
	char space[256];
	struct buf b = BUF(space);

	while (ini_next(&ini, &item)) {
		buf_uint(&b, ini.line);
		if (item.kind == INI_SECTION)
			buf_fmt(&b, "[%.*s]", (int)item.name.n, item.name.p);
		else if (item.kind == INI_SETTING)
			buf_fmt(&b, " %.*s=%.*s", (int)item.name.n, item.name.p, (int)item.value.n,
			    item.value.p);
		else
			buf_str(&b, item.error ? "!" : "?");
		buf_chr(&b, ';');
	}
	is(buf_slice(&b), slice_str(items), name);
}

int
main(void)
{
	char *line = malloc(INI_LINE_MAX + 8);

	if (!line)
		return 1;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		check(cases[i].name, cases[i].text, cases[i].items);
	memset(line, '#', INI_LINE_MAX + 1);
	memcpy(line + INI_LINE_MAX, "\na=b", 4);
	check("longest_line", slice_of(line, INI_LINE_MAX + 4), "2 a=b;");
	memcpy(line + INI_LINE_MAX, "#\na=b", 5);
	check("line_too_long", slice_of(line, INI_LINE_MAX + 5), "1!;2 a=b;");
	free(line);
	return tap_done();
}
