// SPDX-License-Identifier: ISC
/*
 * Lines "NAME: ADDRESS".  A name is an address, a local part of this host, "@" and a domain, or
 * "*": all of this host.  The first line of a name counts.  An address "@example.org" keeps the
 * local part.  Others see the result, so it is ASCII.
 */
#include "session/masquerade.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/idn.h"
#include "base/words.h"
#include "session/list.h"

struct search {
	struct slice name;
	struct slice local;		/* of the address that is looked up */
	struct smtp_path *ret;
};

/* The address of a line, with this local part if it has none. */
static bool
take_address(struct slice line, struct slice local, struct slice *ret_name, struct smtp_path *ret)
{
	char space[SMTP_PATH_TEXT + 1];
	struct buf whole = BUF(space);
	struct slice words, word;

	*ret_name = slice_trim(slice_cut(line, ':', &words));
	word = words_next(&words);
	if (word.n && word.p[0] == '@')
		buf_add(&whole, local);
	buf_add(&whole, word);
	return ret_name->n && words_next(&words).n == 0 && slice_is_ascii(word) && !whole.full &&
	    smtp_path_parse_whole(buf_slice(&whole), SMTP_PATH_TOLERANT, ret);
}

/* Take the name of a line in canonical form.  False if no address has it. */
static bool
take_name(struct slice name, struct buf *ret)
{
	char space[SMTP_PATH_TEXT + 2];
	struct buf whole = BUF(space);
	struct smtp_path path;
	const bool domain = slice_has_prefix(name, SL("@"));

	if (domain)
		buf_chr(&whole, 'x');
	buf_add(&whole, name);
	/* "*@example.org" is meant as "@example.org". */
	if (whole.full || slice_has_prefix(name, SL("*@")) ||
	    !smtp_path_parse_whole(buf_slice(&whole), SMTP_PATH_LISTED, &path))
		return false;
	buf_add(ret, slice_skip(smtp_path_text(&path), domain));
	return !ret->full;
}

static bool
is_line(const void *ctx, struct slice line)
{
	const struct search *s = ctx;
	char space[SMTP_PATH_TEXT + 1];
	struct buf whole = BUF(space);
	struct slice name;

	return take_address(line, s->local, &name, s->ret) && take_name(name, &whole) &&
	    idn_same_address(buf_slice(&whole), s->name);
}

/* 1, 0, or -errno. */
static int
find_name(const char *file, struct slice name, struct slice local, struct smtp_path *ret)
{
	struct smtp_path found;
	const struct search search = { name, local, &found };
	const struct slice key = slice_skip(name, slice_has_prefix(name, SL("@")));
	const struct list_question q = { LIST_SENDERS, &key, 1, is_line, &search };
	const int r = list_find(file, &q);

	if (r == 1)
		smtp_path_copy(ret, &found);
	return r;
}

int
masquerade_find(const struct config *c, struct slice hostname, const struct smtp_path *address,
    struct smtp_path *ret)
{
	const struct slice text = smtp_path_text(address), local = smtp_path_local(address);
	const bool ours = idn_same(smtp_path_domain(address), hostname);
	const struct slice none = { 0 };
	/* The most exact first. */
	const struct slice names[] = {
		text, ours ? local : none, slice_skip(text, local.n), ours ? SL("*") : none,
	};
	int r = 0;

	if (!c->server.masquerade || smtp_path_domain(address).n == 0)
		return 0;
	for (size_t i = 0; r == 0 && i < sizeof names / sizeof names[0]; i++)
		if (names[i].n)
			r = find_name(c->server.masquerade, names[i], local, ret);
	return r;
}

struct check {
	const char *file;
	const struct config_report *report;
	unsigned *wrong;
};

static bool
check_line(const void *ctx, struct slice line)
{
	const struct check *c = ctx;
	struct smtp_path path;
	struct slice name, nul;
	char space[300], whole[SMTP_PATH_TEXT + 1];
	struct buf b = BUF(space), canonical = BUF(whole);
	const bool address = take_address(line, SL("x"), &name, &path);

	if (address && take_name(name, &canonical))
		return false;
	line = slice_cut(line, '\0', &nul);
	buf_str(&b, "\"");
	buf_add(&b, slice_of(line.p, line.n < 80 ? line.n : 80));
	buf_str(&b, address ? "\": no sender has this name: write root, *, @example.org or "
	    "root@example.org in front of the colon" : "\": write a name, a colon and one "
	    "address in ASCII, such as root: admin@example.org");
	c->report->error(c->report->ctx, c->file, 0, buf_cstr(&b));
	++*c->wrong;
	return false;
}

unsigned
masquerade_check(const struct config *c, const struct config_report *report)
{
	unsigned wrong = 0;
	const struct check check = { c->server.masquerade, report, &wrong };
	const int fd = check.file ? open(check.file, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	const int r = fd < 0 ? 0 :
	    list_find_fd(fd, LIST_SENDERS, LIST_LINE_MAX, check_line, &check);

	if (r < 0) {
		report->error(report->ctx, check.file, 0, strerror(-r));
		wrong++;
	}
	if (fd >= 0)
		(void)close(fd);
	return wrong;
}
