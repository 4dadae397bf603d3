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

	ok(mkfifoat(folder, "list.new", 0600) == 0 && replace("four\n") == -ENXIO &&
	    holds("list", "three\n"), "a FIFO in its place is an error");
	ok(replace("four\n") == 0 && holds("list", "four\n"), "the FIFO is removed");

	memset(name, 'x', sizeof name - 1);
	name[FILE_NAME_MAX - 4] = '\0';		/* one octet too long with ".new" */
	ok(file_replace_begin(&f, folder, name) == -ENAMETOOLONG, "a name that is too long");
	name[FILE_NAME_MAX - 5] = '\0';
	ok(file_replace_begin(&f, folder, name) == 0 && file_replace_end(&f) == 0 &&
	    unlinkat(folder, name, 0) == 0, "the longest name");

	(void)unlinkat(folder, "list", 0);
	(void)close(folder);
	(void)rmdir(path);
	return tap_done();
}
