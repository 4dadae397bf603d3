// SPDX-License-Identifier: ISC
#include "base/day.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <signal.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define DAY_S 1795824000	/* 2026-11-28 */

static int folder;

static void
test_names(void)
{
	char name[DAY_NAME];

	day_name(DAY_S, name);
	is(slice_str(name), SL("2026-11-28"), "the first second of a day");
	day_name(DAY_S + DAY_SECONDS - 1, name);
	is(slice_str(name), SL("2026-11-28"), "the last second of a day");
	day_name(0, name);
	is(slice_str(name), SL("1970-01-01"), "a clock that was never set");
}

static void
test_removal(void)
{
	static const struct {
		const char *name;
		bool stays;
	} files[] = {
		{ "2026-11-24", false }, { "2026-11-25", true }, { "2026-11-28", true },
		{ "2027-01-01", true }, { "1970-01-01", false }, { "2026-11-2", true },
		{ "2026-11-244", true }, { "2026-13-01", true }, { "tls-2026-11-24", true },
		{ "0000", true }, { "note", true },
	};

	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		(void)close(openat(folder, files[i].name, O_WRONLY | O_CREAT, 0600));
	day_remove_before(folder, "", DAY_S - 3 * DAY_SECONDS);
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		ok((faccessat(folder, files[i].name, F_OK, 0) == 0) == files[i].stays, "%s %s",
		    files[i].name, files[i].stays ? "stays" : "is removed");
	day_remove_before(folder, "tls-", DAY_S);
	ok(faccessat(folder, "tls-2026-11-24", F_OK, 0) < 0 &&
	    faccessat(folder, "2026-11-25", F_OK, 0) == 0, "only files of a prefix are removed");
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		(void)unlinkat(folder, files[i].name, 0);
}

/* A limit stands for a disk that gets full within a line. */
static void
test_append(void)
{
	const struct rlimit small = { 20, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };
	const int fd = openat(folder, "lines", O_RDWR | O_APPEND | O_CREAT, 0600);
	char got[64];

	ok(day_append(fd, SL("first line\n"), 0) == 0, "a line");
	(void)signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &small);
	ok(day_append(fd, SL("second line\n"), 11) == -ENOSPC, "half a line");
	(void)setrlimit(RLIMIT_FSIZE, &none);
	ok(day_append(fd, SL("third line\n"), 11) == 0, "another line");
	is(slice_of(got, (size_t)pread(fd, got, sizeof got, 0)), SL("first line\nthird line\n"),
	    "half a line does not spoil the next one");
	(void)close(fd);
	(void)unlinkat(folder, "lines", 0);
	ok(day_append(-1, SL("x\n"), 0) == -EBADF, "no file");
}

int
main(void)
{
	char path[] = "/tmp/days.XXXXXX";

	folder = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY) : -1;
	test_names();
	test_removal();
	test_append();
	(void)close(folder);
	(void)rmdir(path);
	return tap_done();
}
