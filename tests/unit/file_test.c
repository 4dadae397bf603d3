// SPDX-License-Identifier: ISC
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static int folder;

static bool
holds(const char *name, const char *want)
{
	char text[100] = "";
	const int fd = openat(folder, name, O_RDONLY);
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	if (fd >= 0)
		(void)close(fd);
	return n >= 0 && strcmp(text, want) == 0;
}

static int
replace(const char *text)
{
	struct file_replace f;
	const int r = file_replace_begin(&f, folder, "list");

	if (r < 0)
		return r;
	fputs(text, f.out);
	return file_replace_end(&f);
}

static unsigned leave;

static int
give_leave(void *ctx)
{
	(void)ctx;
	return leave-- ? 0 : -EREMOTE;
}

/* Somebody is asked before a file is replaced. */
static void
test_asked(void)
{
	file_replace_ask(give_leave, NULL);
	leave = 0;
	ok(replace("five\n") == -EREMOTE && holds("list", "four\n"), "no leave to begin");
	leave = 1;
	ok(replace("five\n") == -EREMOTE && holds("list", "four\n"), "no leave to write");
	leave = 2;
	ok(replace("five\n") == -EREMOTE && holds("list", "four\n"), "no leave to rename");
	ok(faccessat(folder, "list.new", F_OK, 0) < 0, "nothing else is left");
	leave = 3;
	ok(replace("five\n") == 0 && holds("list", "five\n"), "leave for all");
	file_replace_ask(NULL, NULL);
}

static void
test_links(const char *path)
{
	static const struct {
		const char *name;
		int error;
	} rows[] = {
		{ "file", 0 }, { "in/file", 0 }, { "/in//file", 0 }, { "in/../file", 0 },
		{ "./file", 0 }, { "link", -ELOOP }, { "in/link", -ELOOP }, { "to/file", -ELOOP },
		{ "to/../file", -ELOOP }, { "self", -ELOOP }, { "self/file", -ELOOP },
		{ "gone", -ENOENT }, { "gone/file", -ENOENT }, { "file/x", -ENOTDIR },
		{ "fifo", 0 }, { "", -ENOENT }, { "in", 0 },
	};
	static const char *const links[][2] = {
		{ "file", "link" }, { "../file", "in/link" }, { "in", "to" }, { "self", "self" },
	};
	char name[400];

	(void)mkdirat(folder, "in", 0700);
	(void)close(openat(folder, "file", O_WRONLY | O_CREAT, 0600));
	(void)close(openat(folder, "in/file", O_WRONLY | O_CREAT, 0600));
	(void)mkfifoat(folder, "fifo", 0600);
	for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
		ok(symlinkat(links[i][0], folder, links[i][1]) == 0, "link %s", links[i][1]);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int fd;

		(void)snprintf(name, sizeof name, "%s/%s", path, rows[i].name);
		fd = file_open_no_links(name);
		ok(rows[i].error ? fd == rows[i].error : fd >= 0, "open '%s': %d", rows[i].name,
		    fd);
		if (fd >= 0)
			(void)close(fd);
	}
	memset(name, 'x', sizeof name - 1);
	name[0] = '/';
	name[sizeof name - 1] = '\0';
	ok(file_open_no_links(name) == -ENAMETOOLONG, "a long name");
	name[300] = '/';
	ok(file_open_no_links(name) == -ENAMETOOLONG, "a folder with a long name");
	(void)unlinkat(folder, "in/file", 0);
	(void)unlinkat(folder, "in/link", 0);
	(void)unlinkat(folder, "in", AT_REMOVEDIR);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		(void)unlinkat(folder, rows[i].name, 0);
	(void)unlinkat(folder, "to", 0);
}

/* At most so many octets of a file, and none by a link. */
static void
test_read(void)
{
	const int fd = openat(folder, "text", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char *text = NULL;
	size_t n = 0;

	ok(fd >= 0 && write(fd, "octets", 6) == 6 && close(fd) == 0 &&
	    symlinkat("text", folder, "text-link") == 0, "a file and a link to it");
	ok(file_read(folder, "text", 100, &text, &n) == 0 && n == 6 && !memcmp(text, "octets", 6),
	    "a whole file");
	free(text);
	ok(file_read(folder, "text", 3, &text, &n) == 0 && n == 3, "three octets of it");
	free(text);
	ok(file_read(folder, "text-link", 100, &text, &n) == -ELOOP, "no link");
	ok(file_read(folder, "no-text", 100, &text, &n) == -ENOENT, "no file");
	(void)unlinkat(folder, "text-link", 0);
	(void)unlinkat(folder, "text", 0);
}

static mode_t
mode_of(const char *name)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? 0 : st.st_mode & 07777;
}

/* NAME.new may be left by a crash, or lead to a file that is not ours to replace. */
static void
test_planted(void)
{
	const int fd = openat(folder, "other", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	ok(fd >= 0 && write(fd, "other", 5) == 5 && close(fd) == 0, "another file");
	ok(linkat(folder, "other", folder, "list.new", 0) == 0 && replace("five\n") == 0 &&
	    holds("list", "five\n") && holds("other", "other"), "a second name of it");
	ok(mode_of("list") == 0600, "the mode is that of a new file");
	ok(symlinkat("other", folder, "list.new") == 0 && replace("six\n") == 0 &&
	    holds("list", "six\n") && holds("other", "other"), "a link to it");
	ok(mkdirat(folder, "list.new", 0700) == 0 && replace("seven\n") == -EEXIST &&
	    holds("list", "six\n"), "a folder is an error");
	(void)unlinkat(folder, "list.new", AT_REMOVEDIR);
	(void)unlinkat(folder, "other", 0);
}

int
main(void)
{
	char path[] = "/tmp/file_test.XXXXXX", name[FILE_NAME_MAX + 1];
	struct file_replace f;

	folder = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;
	ok(replace("one\n") == 0 && holds("list", "one\n"), "a new file");
	ok(replace("two\n") == 0 && holds("list", "two\n"), "an existing file");
	ok(faccessat(folder, "list.new", F_OK, 0) < 0, "nothing else is left");

	ok(file_replace_begin(&f, folder, "list") == 0 && fputs("three\n", f.out) >= 0 &&
	    fflush(f.out) == 0 && holds("list", "two\n"), "readers see the old file until the end");
	ok(file_replace_end(&f) == 0 && holds("list", "three\n"), "then they see the new one");

	ok(mkfifoat(folder, "list.new", 0600) == 0 && replace("four\n") == 0 &&
	    holds("list", "four\n"), "a FIFO in its place is removed");

	memset(name, 'x', sizeof name - 1);
	name[FILE_NAME_MAX - 4] = '\0';		/* one octet too long with ".new" */
	ok(file_replace_begin(&f, folder, name) == -ENAMETOOLONG, "a name that is too long");
	name[FILE_NAME_MAX - 5] = '\0';
	ok(file_replace_begin(&f, folder, name) == 0 && file_replace_end(&f) == 0 &&
	    unlinkat(folder, name, 0) == 0, "the longest name");

	test_asked();
	test_planted();
	test_read();
	test_links(path);
	(void)unlinkat(folder, "list", 0);
	(void)close(folder);
	(void)rmdir(path);
	return tap_done();
}
