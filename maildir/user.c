// SPDX-License-Identifier: ISC
#include "maildir/user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define ENTRY_MIN 1024
#define ENTRY_MAX ((size_t)1 << 20)	/* octets of an entry */

/* Users without files of their own: nobody, and those that systemd lends to services.
 * (uid_t)-1 and its older form of 16 bits are no users. */
static bool
is_nobody(uid_t uid)
{
	return uid == 65534 || uid == 65535 || uid == (uid_t)-1 ||
	       (uid >= 61184 && uid <= 65519);
}

static bool
copy(char *to, size_t size, const char *from)
{
	const size_t n = from ? strlen(from) : 0;

	if (n == 0 || n >= size)
		return false;
	memcpy(to, from, n + 1);
	return true;
}

/* 1, 0 or -errno. */
static int
take_entry(const struct passwd *entry, uint64_t min_uid, struct user *ret)
{
	if (entry->pw_uid < min_uid || entry->pw_uid == 0 || is_nobody(entry->pw_uid))
		return -EPERM;
	ret->uid = entry->pw_uid;
	ret->gid = entry->pw_gid;
	return copy(ret->name, sizeof ret->name, entry->pw_name) &&
	    copy(ret->home, sizeof ret->home, entry->pw_dir) ? 1 : -ENAMETOOLONG;
}

/* 1, 0 or -errno. */
static int
look_up(const char *name, uint64_t min_uid, struct user *ret)
{
	struct passwd space, *entry = NULL;
	char *strings = NULL, *more;
	int r = ERANGE;

	for (size_t n = ENTRY_MIN; r == ERANGE && n <= ENTRY_MAX; n *= 2) {
		more = realloc(strings, n);
		if (!more) {
			free(strings);
			return -ENOMEM;
		}
		strings = more;
		do
			r = getpwnam_r(name, &space, strings, n, &entry);
		while (r == EINTR);
	}
	if (entry)
		r = take_entry(entry, min_uid, ret);
	else	/* getpwnam(3): an absent source of users, too, is ENOENT */
		r = r == ENOENT || r == ESRCH ? 0 : -r;
	free(strings);
	return r;
}

/* Can the file of users be read?  0, also if there is none, or -errno. */
static int
try_file(void)
{
	const int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	char text[4096];
	ssize_t n = 1;
	int r = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while (n > 0 || (n < 0 && errno == EINTR))
		n = read(fd, text, sizeof text);
	if (n < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

/* A library that could not read /etc/passwd reports that there is no such user.  Mail must not go
 * back for that reason, so nobody is absent before the file was read and the user is not found
 * again. */
int
user_find(const char *name, uint64_t min_uid, struct user *ret)
{
	int r = look_up(name, min_uid, ret);

	if (r == 0)
		r = try_file();
	return r < 0 ? r : r == 0 ? look_up(name, min_uid, ret) : r;
}

/* Has the process become the user, and can it not go back? */
static bool
has_become(const struct user *u)
{
	uid_t uid, euid, suid;
	gid_t gid, egid, sgid;

	return getresuid(&uid, &euid, &suid) == 0 && getresgid(&gid, &egid, &sgid) == 0 &&
	       uid == u->uid && euid == u->uid && suid == u->uid && gid == u->gid &&
	       egid == u->gid && sgid == u->gid && setresuid((uid_t)-1, 0, (uid_t)-1) < 0;
}

int
user_become(const struct user *u)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	(void)umask(077);
	if (geteuid() != 0)
		return geteuid() == u->uid ? 0 : -EPERM;
	if (initgroups(u->name, u->gid) < 0 || setresgid(u->gid, u->gid, u->gid) < 0 ||
	    setresuid(u->uid, u->uid, u->uid) < 0)
		return -errno;
	if (!has_become(u))
		return -EPERM;
	/* The user must not trace a process that holds a message for others, too. */
	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 ? -errno : 0;
}
