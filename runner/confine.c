// SPDX-License-Identifier: ISC
/*
 * Landlock can only allow, so each folder in / has its rule but those that are closed.  A folder
 * that is made in / or /run later stays out of reach of this run.  Landlock knows no rule for
 * stat(2), chmod(2) and connect(2) to a socket: owners and modes decide there.
 */
#include "runner/confine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/landlock.h"

#define RIGHTS_READ                                                                           \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |                         \
	    LANDLOCK_ACCESS_FS_EXECUTE)
#define RIGHTS_WRITE                                                                          \
	(RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |       \
	    LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |                     \
	    LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM |                       \
	    LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SOCK |                     \
	    LANDLOCK_ACCESS_FS_REFER)
#define RIGHTS_FILE                                                                           \
	(LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |                       \
	    LANDLOCK_ACCESS_FS_EXECUTE)

/* All others are for reading. */
static const struct place {
	const char *name;
	uint64_t rights;
} places[] = {
	/* As ReadWritePaths= of the unit. */
	{ "home", RIGHTS_WRITE }, { "media", RIGHTS_WRITE }, { "mnt", RIGHTS_WRITE },
	{ "opt", RIGHTS_WRITE }, { "root", RIGHTS_WRITE }, { "srv", RIGHTS_WRITE },
	{ "var", RIGHTS_WRITE },
	/* The unit has made its own of these. */
	{ "dev", RIGHTS_WRITE }, { "proc", RIGHTS_WRITE }, { "tmp", RIGHTS_WRITE },
	{ "sys", 0 },
	{ NULL, RIGHTS_READ },
}, run_places[] = {
	{ "user", 0 },
	{ NULL, RIGHTS_WRITE },
};

static uint64_t
rights_of(const struct place *place, const char *name)
{
	while (place->name && strcmp(place->name, name) != 0)
		place++;
	return place->rights;
}

/* A link has no rule: where it leads to has one. */
static void
allow_entry(struct landlock *l, int folder, const char *name, uint64_t rights)
{
	const int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && rights && !S_ISLNK(st.st_mode))
		landlock_allow(l, fd, S_ISDIR(st.st_mode) ? rights : rights & RIGHTS_FILE);
	if (fd >= 0)
		(void)close(fd);
}

/* Rules for the entries of a folder; `without` is one that gets none here. */
static int
allow_entries(struct landlock *l, const char *path, const struct place *table, const char *without)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	if (!folder)
		return -errno;
	while ((entry = readdir(folder)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 &&
		    strcmp(entry->d_name, without) != 0)
			allow_entry(l, dirfd(folder), entry->d_name,
			    rights_of(table, entry->d_name));
	(void)closedir(folder);
	return 0;
}

/* The folder in which all mailboxes of a route are, wherever it is. */
static void
allow_mailboxes(struct landlock *l, const char *target)
{
	char *path = way_folder(target);

	if (path && *path == '/')
		landlock_allow_path(l, path, RIGHTS_WRITE);
	free(path);
}

int
runner_confine(const struct config *c)
{
	struct landlock l;
	int r;

	landlock_begin(&l, 0);
	r = l.error;
	if (r == 0)
		r = allow_entries(&l, "/", places, "run");
	if (r == 0)
		r = allow_entries(&l, "/run", run_places, "");
	if (r < 0) {
		landlock_drop(&l);
		return r;
	}
	landlock_allow_path(&l, c->queue.directory, RIGHTS_WRITE);
	for (size_t i = 0; i < c->nroutes; i++)
		if (c->routes[i].via == VIA_MAILDIR)
			allow_mailboxes(&l, c->routes[i].target);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) {
		r = -errno;
		landlock_drop(&l);
		return r;
	}
	return landlock_enforce(&l);
}
