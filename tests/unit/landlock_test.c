// SPDX-License-Identifier: ISC
/*
 * Walls around files, tried: each case is a child behind them.
 */
#include "base/landlock.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/seccomp.h"
#include "tests/lib/tap.h"

static char folder[] = "/tmp/landlock_test.XXXXXX";

enum act { READ, LIST, CREATE, TRUNCATE, SIGNAL };

static const struct {
	const char *name, *path;
	enum act act;
	int want;
} cases[] = {
	{ "a file that is allowed", "one", READ, 0 },
	{ "its neighbour", "two", READ, EACCES },
	{ "the folder of both", ".", LIST, EACCES },
	{ "a file beneath an allowed folder", "deep/three", READ, 0 },
	{ "an allowed folder without that right", "deep", LIST, EACCES },
	{ "a file through a link", "link", READ, 0 },
	{ "a file that was missing", "missing", READ, ENOENT },
	{ "a new file", "out/four", CREATE, 0 },
	{ "a new file elsewhere", "four", CREATE, EACCES },
	{ "truncation where writing is allowed", "out/five", TRUNCATE, 0 },
	{ "a process outside", "", SIGNAL, EPERM },
};

static const char *
path_of(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static int
act(enum act what, const char *name)
{
	const char *path = path_of(name);
	int fd = -1;

	switch (what) {
	case READ:
		fd = open(path, O_RDONLY | O_CLOEXEC);
		break;
	case LIST:
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		break;
	case CREATE:
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		break;
	case TRUNCATE:
		return truncate(path, 0) < 0 ? errno : 0;
	case SIGNAL:
		return kill(getppid(), 0) < 0 ? errno : 0;
	}
	return fd < 0 ? errno : 0;
}

static int
enter(struct landlock *l)
{
	landlock_begin(l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	landlock_allow_path(l, path_of("one"), LANDLOCK_ACCESS_FS_READ_FILE);
	landlock_allow_path(l, path_of("missing"), LANDLOCK_ACCESS_FS_READ_FILE);
	landlock_allow_path(l, path_of("link"), LANDLOCK_ACCESS_FS_READ_FILE);
	landlock_allow_path(l, path_of("deep"), LANDLOCK_ACCESS_FS_READ_FILE);
	landlock_allow_path(l, path_of("out"),
	    LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_WRITE_FILE);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return landlock_enforce(l);
}

/* errno of the act behind the walls; 254 if there are none, 253 if they close files alone. */
static int
try(enum act what, const char *name)
{
	struct landlock l;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (enter(&l) < 0)
			_exit(254);
		_exit(what == SIGNAL && l.abi < 6 ? 253 : act(what, name));
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 255;
	return WEXITSTATUS(status);
}

static bool
set_up(void)
{
	static const char *const folders[] = { "deep", "out" };
	static const char *const files[] = { "one", "two", "deep/three", "out/five", "aim" };
	bool good = mkdtemp(folder) != NULL;
	char target[200];

	for (size_t i = 0; good && i < sizeof folders / sizeof folders[0]; i++)
		good = mkdir(path_of(folders[i]), 0700) == 0;
	for (size_t i = 0; good && i < sizeof files / sizeof files[0]; i++) {
		const int fd = open(path_of(files[i]), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		good = fd >= 0 && write(fd, "x\n", 2) == 2 && close(fd) == 0;
	}
	(void)snprintf(target, sizeof target, "%s/aim", folder);
	return good && symlink(target, path_of("link")) == 0;
}

int
main(void)
{
	char command[100];
	struct landlock l;

	if (!ok(set_up(), "set-up"))
		return tap_done();
	if (SECCOMP_SANITIZER) {
		landlock_begin(&l, 0);
		ok(landlock_enforce(&l) == -ENOTSUP, "a build with sanitizers has no walls");
	}
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int got = try(cases[i].act, cases[i].path);

		if (got < 253)
			ok(got == cases[i].want, "%s", cases[i].name);
	}
	ok(strstr(landlock_reason(-EPERM), "SystemCallFilter=") != NULL, "a reason names the unit");
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	ok(system(command) == 0, "clean-up");
	return tap_done();
}
