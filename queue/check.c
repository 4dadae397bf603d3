// SPDX-License-Identifier: ISC
/*
 * Checking the queue: folders, names, owners, modes, envelopes, sums.  Nothing is trusted.  Nothing
 * that could be a message is deleted; a file that is not a message goes to dead/.
 */
#include "queue/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "queue/access.h"
#include "queue/aside.h"
#include "queue/counts.h"
#include "queue/folders.h"
#include "queue/format.h"
#include "queue/lease.h"
#include "queue/operator.h"
#include "queue/reader.h"

#define MODE_BITS 07777	/* of st_mode, without the kind */

static const char kills_readers[] =
    "kills what reads it; the relay puts it aside, see smtp-handler-queue(5)";

struct check {
	const struct queue *q;
	struct queue_check *c;
	struct stat root;
	enum queue_place place;
	int folder;
	struct queue_reader *reader;	/* reads the messages of the folder first */
	struct owner_pair users;	/* the users that the queue should have */
	bool leave;			/* report faults, and do not repair them */
	char path[300];			/* path of the folder */
};

static const struct {
	const char *name;
	enum queue_place place;
	size_t at;			/* offset in struct queue */
} folders[] = {
	{ "tmp", QUEUE_IN_TMP, offsetof(struct queue, tmp) },
	{ "new", QUEUE_IN_NEW, offsetof(struct queue, fresh) },
	{ "cur", QUEUE_IN_CUR, offsetof(struct queue, cur) },
	{ "wait", QUEUE_IN_WAIT, offsetof(struct queue, wait) },
	{ "hold", QUEUE_IN_HOLD, offsetof(struct queue, hold) },
	{ "dead", QUEUE_IN_DEAD, offsetof(struct queue, dead) },
	{ "state", QUEUE_IN_DEAD + 1, offsetof(struct queue, state) },
};

static int
folder_fd(const struct queue *q, size_t i)
{
	return *(const int *)((const char *)q + folders[i].at);
}

/* ---- faults ---- */

/* Move a file to dead/.  While a runner lives, cur/ belongs to it, and it buries such files
 * itself. */
static int
bury_name(const struct check *k, const char *name)
{
	int r, lock = k->place == QUEUE_IN_CUR ? queue_lock_idle(k->q) : 0;

	if (lock < 0)
		return lock == -EWOULDBLOCK ? -EBUSY : lock;
	r = queue_move_to_dead(k->q, k->folder, name);
	if (k->place == QUEUE_IN_CUR)
		(void)close(lock);
	return r;
}

static int
make_private(int folder, const char *name)
{
	struct stat st;
	int r = 0, fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || fchmod(fd, st.st_mode & 0700) < 0)
		r = -errno;
	(void)close(fd);
	return r;
}

/* Is it a file that the handler has handed to the relay? */
static bool
is_handed(const struct check *k, const struct stat *st)
{
	const struct queue_access a = queue_access_handed(&k->users);

	return k->users.two && S_ISREG(st->st_mode) && st->st_uid == a.uid && st->st_gid == a.gid &&
	    (st->st_mode & MODE_BITS) == a.mode;
}

/* The files in tmp/ that are no messages. */
static bool
is_ours(const char *name)
{
	return strcmp(name, QUEUE_LOGINS) == 0 || strcmp(name, QUEUE_LEASE) == 0;
}

/* Does the handler's user keep this file open, and write it again and again? */
static bool
is_shared(const struct check *k, const char *name)
{
	return strcmp(k->path, QUEUE_STATS) == 0 ||
	    (queue_access_is_drop(k->path) && is_ours(name));
}

/* Both users make and write it. */
static bool
is_lease(const struct check *k, const char *name)
{
	return strcmp(k->path, "tmp") == 0 && strcmp(name, QUEUE_LEASE) == 0;
}

/* The owner and mode that a file or folder should have.  k is for the folder that it is in. */
static struct queue_access
wanted_access(const struct check *k, const char *name, const struct stat *st)
{
	const bool top = k->path[0] == '\0';
	struct queue_access a = {
		.uid = k->users.relay.uid, .gid = k->users.relay.gid,
		.mode = S_ISDIR(st->st_mode) ? 0700 : 0600,
	};

	if (top)
		return queue_access_of_folder(&k->users, strcmp(name, ".") == 0 ? NULL : name);
	if (!k->users.two)
		a.mode = st->st_mode & MODE_BITS;
	else if (is_lease(k, name))
		a = (struct queue_access){
			.uid = st->st_uid == k->users.handler.uid ? st->st_uid : a.uid,
			.gid = a.gid, .mode = QUEUE_LEASE_MODE,
		};
	else if (is_shared(k, name))
		a = (struct queue_access){
			.uid = k->users.handler.uid, .gid = k->users.relay.gid,
			.mode = strcmp(k->path, QUEUE_STATS) == 0 ? QUEUE_COUNTED_MODE : 0600,
		};
	else if (queue_access_is_drop(k->path) && S_ISREG(st->st_mode) &&
	    st->st_uid == k->users.handler.uid)
		a = queue_access_handed(&k->users);
	return a;
}

/* Give a file or folder to its user.  With a second name it may be a file from outside, which a
 * link has brought into the queue. */
static int
give_access(const struct check *k, const char *name)
{
	struct queue_access access;
	struct stat st;
	int r, fd = openat(k->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES ? -EPERM : -errno;
	if (fstat(fd, &st) < 0) {
		r = -errno;
	} else if (!S_ISDIR(st.st_mode) && (!S_ISREG(st.st_mode) || st.st_nlink != 1)) {
		r = -EMLINK;
	} else {
		access = wanted_access(k, name, &st);
		r = queue_access_give(fd, &access);
	}
	(void)close(fd);
	return r;
}

static int
make_folder(const struct check *k, const char *name)
{
	const struct queue_access access = queue_access_of_folder(&k->users, name);
	int r, fd = queue_folder(k->q->root, name, true);

	if (fd < 0)
		return fd;
	r = queue_access_give(fd, &access);
	(void)close(fd);
	return r;
}

static int
repair_fault(const struct check *k, const char *name, enum queue_repair repair)
{
	switch (repair) {
	case QUEUE_REPAIR_MAKE:
		return make_folder(k, name);
	case QUEUE_REPAIR_OWNER:
	case QUEUE_REPAIR_ACCESS:
		return give_access(k, name);
	case QUEUE_REPAIR_MODE:
		return make_private(k->folder, name);
	case QUEUE_REPAIR_BURY:
		return bury_name(k, name);
	case QUEUE_REPAIR_NEW:
		return renameat(k->folder, name, k->q->fresh, name) < 0 ? -errno : 0;
	case QUEUE_REPAIR_REMOVE:
		return unlinkat(k->folder, name, AT_REMOVEDIR) < 0 &&
		    unlinkat(k->folder, name, 0) < 0 ? -errno : 0;
	default:
		return 0;
	}
}

static void
report_fault(const struct check *k, const char *name, enum queue_repair repair, const char *what)
{
	char path[sizeof k->path + 256];
	struct queue_fault f = { .path = path, .what = what, .repair = repair };

	(void)snprintf(path, sizeof path, "%s%s%s", k->path, k->path[0] && name[0] ? "/" : "",
	    name);
	if (k->c->repair && !k->leave && repair > QUEUE_REPAIR_RELAY) {
		f.error = repair_fault(k, name, repair);
		if (f.error == -ENOENT)		/* it has moved: no fault */
			return;
		f.repaired = f.error == 0;
	}
	k->c->faults++;
	k->c->repaired += f.repaired;
	k->c->fault(k->c->ctx, &f);
}

/* Check the mode.  False if the file is out of our reach, which queue_check_owners() has reported,
 * and must not be opened. */
static bool
check_access(const struct check *k, const char *name, const struct stat *st)
{
	if (is_handed(k, st))
		return true;
	if (st->st_uid != k->users.relay.uid)
		return false;
	if ((st->st_mode & 077) && (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode)) &&
	    !(k->users.two && k->path[0] == '\0' && queue_access_is_drop(name)))
		report_fault(k, name, QUEUE_REPAIR_MODE, "others may read it");
	/* Only folders: on overlayfs, files have another st_dev. */
	if (S_ISDIR(st->st_mode) && st->st_dev != k->root.st_dev)
		report_fault(k, name, QUEUE_REPAIR_NONE,
		    "is on another file system than the queue: nothing can be moved there");
	return true;
}

/* ---- messages ---- */

/* Does the same ID exist in another folder?  Only a person makes such a copy, and each copy is
 * delivered.  wait/ is skipped: it has too many folders. */
static void
check_copies(const struct check *k, const char *name)
{
	struct stat st;

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		int other = folder_fd(k->q, i);

		/* A runner may just have moved it: then there is only one file. */
		if (other < 0 || folders[i].place <= k->place || folders[i].place > QUEUE_IN_DEAD ||
		    folders[i].place == QUEUE_IN_WAIT ||
		    fstatat(other, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
		    fstatat(k->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		report_fault(k, name, QUEUE_REPAIR_NONE,
		    "is also in another folder: remove one of the two, or it is delivered twice");
	}
}

static void
check_content(const struct check *k, const char *name)
{
	off_t size;
	int r, fd = queue_file_look(k->folder, name, &size);

	if (fd == -ENOENT)
		return;
	r = fd < 0 ? fd : queue_complete(fd, size);
	if (fd >= 0)
		(void)close(fd);
	if (r == -EBADMSG)
		report_fault(k, name, QUEUE_REPAIR_NONE,
		    "is damaged: its check sum is wrong; show it, then fail or delete it");
	else if (r < 0)
		report_fault(k, name, QUEUE_REPAIR_NONE, "cannot be read; is the disk broken?");
}

/* Let the reader of the folder read a file.  The signal that ended it, or 0. */
static int
try_name(const struct check *k, const char *name)
{
	char ids[1][QUEUE_ID_SIZE];
	int signo;

	memcpy(ids[0], name, sizeof ids[0]);
	queue_reader_try(k->reader, k->folder, ids, 1, &signo);
	return signo;
}

static int
check_message(void *ctx, const char *name)
{
	struct check *k = ctx;
	struct queue_spot spot = { .place = k->place, .folder = k->folder };
	struct queue_entry e;
	struct stat st;
	int r;

	if (fstatat(k->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (!queue_is_id(name) || !S_ISREG(st.st_mode)) {
		report_fault(k, name, QUEUE_REPAIR_BURY,
		    "is not a message: its name or its kind is wrong");
		return 0;
	}
	k->c->messages++;
	if (!check_access(k, name, &st))
		return 0;
	check_copies(k, name);
	memcpy(spot.id, name, sizeof spot.id);
	spot.killed = try_name(k, name);
	r = queue_look(&spot, &e);
	if (r == -ENOTRECOVERABLE) {
		report_fault(k, name, QUEUE_REPAIR_NONE, kills_readers);
	} else if (r == 0) {
		queue_unload(&e);
		check_content(k, name);
	} else if (r == -EBADMSG) {
		report_fault(k, name, QUEUE_REPAIR_BURY,
		    "is not a message, or its envelope is damaged");
	} else if (r != -ENOENT) {
		report_fault(k, name, QUEUE_REPAIR_NONE, "cannot be read");
	}
	return 0;
}

/* ---- the other folders ---- */

/* Check one file of tmp/.  A file that is being written is locked by its writer. */
static int
check_received(void *ctx, const char *name)
{
	struct check *k = ctx;
	struct stat st;
	off_t size;
	int fd;

	if (is_ours(name))
		return 0;
	if (fstatat(k->folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid != k->users.relay.uid && !is_handed(k, &st))
		return 0;
	fd = queue_is_id(name) ? queue_file_look(k->folder, name, &size) : -EBADMSG;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0) {
		report_fault(k, name, QUEUE_REPAIR_BURY, "is not a message that is being received");
		return 0;
	}
	if (flock(fd, LOCK_SH | LOCK_NB) < 0)
		k->c->receiving++;
	else if (try_name(k, name))
		report_fault(k, name, QUEUE_REPAIR_NONE, kills_readers);
	else if (queue_complete(fd, size) == 0)
		report_fault(k, name, QUEUE_REPAIR_NEW, "is complete, but its handler has ended");
	else
		report_fault(k, name, QUEUE_REPAIR_RELAY,
		    "is not complete, and its handler has ended");
	(void)close(fd);
	return 0;
}

static int
check_dead(void *ctx, const char *name)
{
	struct check *k = ctx;
	char space[QUEUE_WHY_MAX + 100];
	struct buf b = { .p = space, .cap = sizeof space - 1 };
	struct stat st;

	if (fstatat(k->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode) && strcmp(name, QUEUE_WHY) == 0)
		return 0;
	k->c->dead++;
	if (!check_access(k, name, &st))
		return 0;
	buf_str(&b, "was put aside, as processes died while they read it: ");
	if (queue_why_aside(k->q, name, &b)) {
		space[b.n] = '\0';
		report_fault(k, name, QUEUE_REPAIR_NONE, space);
	}
	return 0;
}

static int
count_name(void *ctx, const char *name)
{
	(void)name;
	++*(size_t *)ctx;
	return 0;
}

static void
check_bucket(struct check *k, const char *name, int64_t due_s)
{
	struct queue_reader reader = { 0 };
	struct check inside = *k;
	char canonical[QUEUE_BUCKET_SIZE];
	struct stat st;
	size_t n = 0;

	(void)snprintf(canonical, sizeof canonical, "%lld", (long long)due_s);
	(void)snprintf(inside.path, sizeof inside.path, "wait/%s", canonical);
	inside.folder = queue_folder(k->folder, name, false);
	if (inside.folder < 0)
		return;
	if (fstat(inside.folder, &st) == 0)
		(void)check_access(k, name, &st);
	if (strcmp(canonical, name) != 0)
		report_fault(k, name, QUEUE_REPAIR_NONE,
		    "is a time in an unusual form: move its messages to new/");
	if (queue_names(inside.folder, count_name, &n) == 0 && n == 0)
		report_fault(k, name, QUEUE_REPAIR_REMOVE, "is empty");
	inside.reader = &reader;
	(void)queue_names(inside.folder, check_message, &inside);
	queue_reader_end(&reader);
	(void)close(inside.folder);
}

static int
check_waiting(void *ctx, const char *name)
{
	struct check *k = ctx;
	struct stat st;
	int64_t due_s;

	if (fstatat(k->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISDIR(st.st_mode) && queue_bucket_time(name, &due_s))
		check_bucket(k, name, due_s);
	else if (S_ISREG(st.st_mode) && queue_is_id(name))
		report_fault(k, name, QUEUE_REPAIR_NEW,
		    "waits for ever: it is not in a folder whose name is a time");
	else
		report_fault(k, name, QUEUE_REPAIR_BURY, "is not a folder whose name is a time");
	return 0;
}

static int
check_root(void *ctx, const char *name)
{
	struct check *k = ctx;

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		if (strcmp(name, folders[i].name) == 0 || strcmp(name, QUEUE_STATS) == 0)
			return 0;
	report_fault(k, name, QUEUE_REPAIR_NONE, "does not belong to the queue");
	return 0;
}

static int
check_folder(struct check *k, size_t i)
{
	int (*const each[])(void *ctx, const char *name) = {
		[QUEUE_IN_TMP] = check_received,
		[QUEUE_IN_NEW] = check_message,
		[QUEUE_IN_CUR] = check_message,
		[QUEUE_IN_WAIT] = check_waiting,
		[QUEUE_IN_HOLD] = check_message,
		[QUEUE_IN_DEAD] = check_dead,
		[QUEUE_IN_DEAD + 1] = NULL,
	};
	struct queue_reader reader = { 0 };
	struct check inside = *k;
	struct stat st;
	int r;

	inside.folder = folder_fd(k->q, i);
	inside.place = folders[i].place;
	(void)snprintf(inside.path, sizeof inside.path, "%s", folders[i].name);
	if (inside.folder < 0) {
		report_fault(k, folders[i].name, QUEUE_REPAIR_MAKE, "is missing");
		return 0;
	}
	if (fstat(inside.folder, &st) < 0)
		return -errno;
	if (!check_access(k, folders[i].name, &st))
		return 0;
	inside.reader = &reader;
	r = each[inside.place] ? queue_names(inside.folder, each[inside.place], &inside) : 0;
	queue_reader_end(&reader);
	return r;
}

int
queue_check(const struct queue *q, struct queue_check *c)
{
	struct check k = { .q = q, .c = c, .folder = q->root };
	int r = 0;

	if (fstat(q->root, &k.root) < 0)
		return -errno;
	owner_pair_of(k.root.st_uid, k.root.st_gid, &k.users);
	if ((k.root.st_mode & 077) && !k.users.two)
		report_fault(&k, ".", QUEUE_REPAIR_MODE, "others may read it");
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		int error = check_folder(&k, i);

		r = r < 0 ? r : error;
	}
	return r < 0 ? r : queue_names(q->root, check_root, &k);
}

/* ---- owners ---- */

/* The fault of a file's owner, group or mode; NULL: none. */
static const char *
owner_fault(const struct check *k, const char *name, const struct stat *st)
{
	const struct queue_access want = wanted_access(k, name, st);
	const bool own = st->st_uid == want.uid, top = k->path[0] == '\0';

	if (is_handed(k, st))
		return NULL;
	if (!own && k->users.two && st->st_uid == k->users.handler.uid)
		return "belongs to smtp-handler, and the relay cannot use it";
	if (!own)
		return "belongs to another user than the queue";
	if (!k->users.two || (want.uid == k->users.relay.uid && !top))
		return NULL;
	if (top && strcmp(name, ".") != 0 && !queue_access_is_drop(name))
		return NULL;
	if (st->st_gid == want.gid && (st->st_mode & MODE_BITS) == want.mode)
		return NULL;
	return top ? "has not the group and mode that the two users need"
		   : "has not the group and mode to be smtp-relay's, and no longer "
		     "smtp-handler's alone";
}

/* Check a name of any folder, and all below it. */
static int
check_owner(void *ctx, const char *name)
{
	const struct check *k = ctx;
	struct check inside = *k;
	const char *fault;
	struct stat st;
	int r;

	if (fstatat(k->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return 0;
	fault = owner_fault(k, name, &st);
	inside.leave = k->c->only_users && st.st_uid != k->users.handler.uid &&
	    st.st_uid != k->users.relay.uid;
	if (fault)
		report_fault(&inside, name,
		    st.st_uid == k->users.relay.uid ? QUEUE_REPAIR_ACCESS : QUEUE_REPAIR_OWNER,
		    fault);
	if (!S_ISDIR(st.st_mode) || st.st_dev != k->root.st_dev || strcmp(name, ".") == 0)
		return 0;
	if (snprintf(inside.path, sizeof inside.path, "%s%s%s", k->path, k->path[0] ? "/" : "",
	    name) >= (int)sizeof inside.path)
		return 0;
	inside.folder = queue_folder(k->folder, name, false);
	if (inside.folder < 0)
		return 0;
	r = queue_names(inside.folder, check_owner, &inside);
	(void)close(inside.folder);
	return r == -EACCES ? 0 : r;
}

/* The users that a queue should have.  Its folder may be root's, or of a release with one user. */
static const char *
expect_users(struct check *k)
{
	struct owner_pair service;
	const uid_t uid = k->root.st_uid;

	owner_pair_of(uid, k->root.st_gid, &k->users);
	if (k->users.two || !owner_pair_new(&service))
		return NULL;
	if (uid != 0 && !(service.two && uid == service.handler.uid))
		return NULL;
	k->users = service;
	return uid == 0 ? "belongs to root, and the service is another user's"
			: "belongs to smtp-handler, and should be smtp-relay's";
}

int
queue_check_owners(const char *directory, struct queue_check *c)
{
	struct check k = {
		.c = c, .folder = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC),
	};
	const char *fault = NULL;
	int r = 0;

	if (k.folder < 0)
		return -errno;
	if (fstat(k.folder, &k.root) < 0)
		r = -errno;
	else
		fault = expect_users(&k);
	k.leave = c->only_users && k.root.st_uid == 0;
	if (fault)
		report_fault(&k, ".", QUEUE_REPAIR_OWNER, fault);
	else if (r == 0)
		r = check_owner(&k, ".");
	for (size_t i = 0; r == 0 && i < sizeof folders / sizeof folders[0]; i++)
		r = check_owner(&k, folders[i].name);
	if (r == 0)
		r = check_owner(&k, QUEUE_STATS);
	(void)close(k.folder);
	return r;
}
