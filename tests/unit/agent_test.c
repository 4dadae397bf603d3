// SPDX-License-Identifier: ISC
#include "maildir/agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/seccomp.h"
#include "mailbox/users.h"
#include "maildir/agent_frame.h"
#include "maildir/registry.h"
#include "maildir/user.h"
#include "tests/lib/mail.h"

#define FIRST_UID 1000

/* Users of the test.  Without root there is one user, the test's own, under several names. */
static const struct entry {
	const char *name, *home;
	uid_t uid;
	int error;		/* of the look-up */
} entries[] = {
	{ "anna", "home/anna", 20001, 0 },
	{ "ben", "home/ben", 20002, 0 },		/* the home is a link */
	{ "carla", "home/root", 20003, 0 },		/* the home is another user's */
	{ "dora", "home/nowhere", 20004, 0 },
	{ "first", "home/first", FIRST_UID, 0 },
	{ "joe,smith", "home/joe", 20005, 0 },
	{ "anna-maria", "home/first", FIRST_UID, 0 },
	{ "daemon", "home/anna", FIRST_UID - 1, 0 },
	{ "root", "home/anna", 0, 0 },
	{ "nobody", "home/anna", 65534, 0 },
	{ "lent", "home/anna", 61184, 0 },
	{ "ldap", "home/anna", 20001, EIO },
	{ "gone", "home/anna", 20001, ENOENT },
	{ "slow", "home/anna", 20001, ETIMEDOUT },
	{ "large", "home/anna", 20001, ERANGE },
	{ "late", "home/anna", 20001, EMFILE },		/* not found the first time */
};

static struct mail m;
static struct config c;
static bool root;
static int write_error, fsync_error, mkdir_error;
static bool probing;

int __wrap_getpwnam_r(const char *name, struct passwd *space, char *strings, size_t n,
    struct passwd **ret);
int __wrap_initgroups(const char *name, gid_t gid);
ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __real_write(int fd, const void *p, size_t n);
int __wrap_fsync(int fd);
int __real_fsync(int fd);
int __wrap_mkdirat(int fd, const char *name, mode_t mode);
int __real_mkdirat(int fd, const char *name, mode_t mode);

int
__wrap_getpwnam_r(const char *name, struct passwd *space, char *strings, size_t n,
    struct passwd **ret)
{
	static unsigned times;

	*ret = NULL;
	for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
		const struct entry *e = &entries[i];

		if (strcmp(e->name, name) != 0)
			continue;
		if (e->error == ETIMEDOUT)
			(void)poll(NULL, 0, 3000);
		if (e->error == ERANGE && n < 100000)
			return ERANGE;
		if (e->error == EMFILE && times++ == 0)
			return 0;
		if (e->error && e->error != ERANGE && e->error != EMFILE)
			return e->error;
		(void)snprintf(strings, n, "%s/%s", m.dir, e->home);
		*space = (struct passwd){
			.pw_name = (char *)(uintptr_t)e->name, .pw_dir = strings,
			.pw_uid = root || e->uid < FIRST_UID || e->uid > 60000 ? e->uid : getuid(),
			.pw_gid = root ? e->uid : getgid(),
		};
		*ret = space;
		return 0;
	}
	return 0;
}

int
__wrap_initgroups(const char *name, gid_t gid)
{
	(void)name;
	return setgroups(1, &gid);
}

/* Are all calls denied that the agent does not need, as it writes the message? */
static bool
all_denied(void)
{
	char *const argv[] = { NULL };
	int fd[2];

	return open("/etc/passwd", O_RDONLY) < 0 && open("/etc", O_RDONLY | O_DIRECTORY) < 0 &&
	       open("/tmp/x", O_WRONLY | O_CREAT, 0600) < 0 &&
	       execve("/bin/true", argv, argv) < 0 &&
	       socket(AF_UNIX, SOCK_STREAM, 0) < 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0 &&
	       kill(getppid(), 0) < 0 && fork() < 0 && setuid(0) < 0 && pipe(fd) < 0 &&
	       chmod("/tmp", 01777) < 0 &&
	       mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	       MAP_FAILED;
}

ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	if (probing) {
		errno = all_denied() ? EDQUOT : EIO;
		return -1;
	}
	errno = write_error;
	return write_error ? -1 : __real_write(fd, p, n);
}

int
__wrap_fsync(int fd)
{
	errno = fsync_error;
	return fsync_error ? -1 : __real_fsync(fd);
}

int
__wrap_mkdirat(int fd, const char *name, mode_t mode)
{
	errno = mkdir_error;
	return mkdir_error ? -1 : __real_mkdirat(fd, name, mode);
}

static const char *
path_of(const char *name)
{
	static char paths[4][PATH_MAX];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	(void)snprintf(path, PATH_MAX, "%s/%s", m.dir, name);
	return path;
}

static void
make_home(const char *name, uid_t uid)
{
	if (mkdir(path_of(name), 0700) < 0 || (root && chown(path_of(name), uid, uid) < 0))
		abort();
}

/* The only file in a folder; NULL: there is none, or not one. */
static const char *
only_file(const char *folder)
{
	static char path[PATH_MAX + NAME_MAX + 2];
	DIR *dir = opendir(path_of(folder));
	struct dirent *entry;
	unsigned files = 0;

	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		files++;
		(void)snprintf(path, sizeof path, "%s/%s", path_of(folder), entry->d_name);
	}
	if (dir)
		closedir(dir);
	return files == 1 ? path : NULL;
}

static void
empty(const char *folder)
{
	const char *path = only_file(folder);

	if (path)
		(void)unlink(path);
}

static bool
belongs_to(const char *path, uid_t uid, mode_t mode)
{
	struct stat st;

	return path && stat(path, &st) == 0 && (st.st_mode & 07777) == mode &&
	       (!root || (st.st_uid == uid && st.st_gid == uid));
}

/* The route of the delivery is the only one of the configuration. */
static void
deliver_all(struct delivery *d)
{
	c.routes = (struct route *)(uintptr_t)d->route;
	c.nroutes = 1;
	mail_deliver(&m, d);
}

static struct outcome *
send_to(struct delivery *d, const char *address)
{
	mail_put(&m, "a@b", "", address, SL("Subject: x\r\n\r\nhello\r\n"));
	deliver_all(d);
	return mail_reported(&m) ? &m.outcomes[0] : NULL;
}

static bool
ends_as(const struct outcome *o, enum outcome_cause cause, const char *status, const char *part)
{
	const bool good = o && o->cause == cause && strcmp(o->status, status) == 0 &&
	    strstr(o->detail, part);

	if (!good && o)
		printf("# %d %s %s\n", (int)o->cause, o->status, o->detail);
	return good;
}

static void
test_delivery(struct delivery *d)
{
	char text[1000] = "";
	const char *file;
	int fd;

	ok(ends_as(send_to(d, "Anna@example.org"), CAUSE_DELIVERED, "2.0.0",
	       "/home/anna/Maildir: delivered to mailbox"),
	    "mail for a user is delivered");
	file = only_file("home/anna/Maildir/new");
	ok(belongs_to(file, 20001, 0600), "the file is the user's, and nobody else may read it");
	fd = file ? open(file, O_RDONLY) : -1;
	ok(fd >= 0 && read(fd, text, sizeof text - 1) > 0, "the file can be read");
	close(fd);
	is(slice_str(text), SL("Return-Path: <a@b>\nDelivered-To: Anna@example.org\nSubject: x\n\n"
		"hello\n"), "the form of the file");
	ok(belongs_to(path_of("home/anna/Maildir"), 20001, 0700) &&
		belongs_to(path_of("home/anna/Maildir/cur"), 20001, 0700),
	    "the folders are the user's");
	ok(!only_file("home/anna/Maildir/tmp"), "nothing is left in tmp/");
	ok(mail_state(&m, 0) == 'D', "the recipient is marked");
	ok(ends_as(send_to(d, "ben@example.org"), CAUSE_DELIVERED, "2.0.0", "home/ben/Maildir") &&
		belongs_to(only_file("elsewhere/ben/Maildir/new"), 20002, 0600),
	    "a home that is reached by a link");
	ok(ends_as(send_to(d, "\"Joe,Smith\"@example.org"), CAUSE_DELIVERED, "2.0.0", "home/joe/"),
	    "a quoted local part");
	ok(ends_as(send_to(d, "large@example.org"), CAUSE_DELIVERED, "2.0.0", "home/anna/"),
	    "a long entry of the directory");
	mail_put(&m, "a@b", "", "x@example.org|first@example.org|../anna@example.org|"
	    "\"joe,smith\"@example.org", SL("Subject: x\r\n\r\n"));
	deliver_all(d);
	ok(mail_reported(&m) && m.outcomes[0].cause == CAUSE_MAILDIR_USER &&
		m.outcomes[1].cause == CAUSE_DELIVERED &&
		m.outcomes[2].cause == CAUSE_MAILDIR_USER &&
		m.outcomes[3].cause == CAUSE_DELIVERED,
	    "each recipient has an outcome of its own");
}

static void
test_names(struct delivery *d)
{
	static const char *const none[] = { "x@a.b", "gone@a.b", "Annax@a.b", "anna+l@a.b" };
	static const char *const system[] = { "root@a.b", "daemon@a.b", "nobody@a.b", "lent@a.b",
		"ROOT@a.b" };
	static const char *const odd[] = { "\"../anna\"@a.b", "\".anna\"@a.b", "\"\"@a.b",
		"a/b@a.b" };
	struct route route = *d->route;
	const struct route *old = d->route;

	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
		ok(ends_as(send_to(d, none[i]), CAUSE_MAILDIR_USER, "5.1.1", "no such user"),
		    "%s is no user", none[i]);
	for (size_t i = 0; i < sizeof system / sizeof system[0]; i++)
		ok(ends_as(send_to(d, system[i]), CAUSE_MAILDIR_USER, "5.1.1",
		       "a user of the system"),
		    "%s is a user of the system", system[i]);
	for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
		ok(ends_as(send_to(d, odd[i]), CAUSE_MAILDIR_USER, "5.1.1", "can have that name"),
		    "%s is no name", odd[i]);
	ok(ends_as(send_to(d, "ldap@a.b"), CAUSE_MAILDIR, "4.3.0",
	       "cannot look up the user ldap: Input/output error"),
	    "a directory with trouble: the mail waits");
	ok(ends_as(send_to(d, "late@a.b"), CAUSE_DELIVERED, "2.0.0", "home/anna/"),
	    "a user who is found only the second time");
	ok(ends_as(send_to(d, "postmaster@a.b"), CAUSE_ALIASES, "4.3.5", "file of aliases"),
	    "no user is the postmaster: the mail waits");
	ok(ends_as(send_to(d, "postmaster"), CAUSE_ALIASES, "4.3.5", "file of aliases"),
	    "the same without a domain");
	route.subaddress = '+';
	d->route = &route;
	ok(ends_as(send_to(d, "anna+list@a.b"), CAUSE_DELIVERED, "2.0.0", "home/anna/"),
	    "user+detail");
	route.subaddress = '-';
	ok(ends_as(send_to(d, "Anna-List@a-b.c"), CAUSE_DELIVERED, "2.0.0", "home/anna/") &&
		ends_as(send_to(d, "Anna-Maria@a.b"), CAUSE_DELIVERED, "2.0.0", "home/first/"),
	    "a user whose name has the delimiter comes before user-detail");
	ok(ends_as(send_to(d, "x-maria@a.b"), CAUSE_MAILDIR_USER, "5.1.1", "no such user") &&
		ends_as(send_to(d, "x@a-b.c"), CAUSE_MAILDIR_USER, "5.1.1", "no such user"),
	    "neither the whole nor the part is a user");
	d->route = old;
}

/* A link beneath the home leads nowhere, and nothing is written behind it. */
static void
test_links(struct delivery *d)
{
	static const struct { const char *at, *target; } cases[] = {
		{ "home/first/Maildir", "Maildir" }, { "home/first/mail", "mail/in" },
		{ "home/first/mail/in", "mail/in" }, { "home/first/mail/in/new", "mail/in" },
		{ "home/first/mail/in/tmp", "mail/in" },
	};
	struct route route = *d->route;
	const struct route *old = d->route;
	char target[100];
	struct stat st;

	route.target = target;
	d->route = &route;
	(void)rename(path_of("home/first/Maildir"), path_of("home/first/away"));
	make_home("victim", FIRST_UID);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		(void)snprintf(target, sizeof target, "%s", cases[i].target);
		(void)rmdir(path_of(cases[i].at));
		ok(symlink(path_of("victim"), path_of(cases[i].at)) == 0, "a link to a folder");
		ok(ends_as(send_to(d, "first@a.b"), CAUSE_MAILDIR, "4.3.0",
		       i < 3 ? "symbolic link" : "Not a directory"),
		    "%s is a link: deferred", cases[i].at);
		ok(stat(path_of("victim"), &st) == 0 && st.st_nlink == 2 &&
			!only_file("victim"), "nothing is written behind it");
		(void)unlink(path_of(cases[i].at));
		if (i == 1) {
			make_home("home/first/mail", FIRST_UID);
		} else if (i == 2) {
			ok(ends_as(send_to(d, "first@a.b"), CAUSE_DELIVERED, "2.0.0", "mail/in"),
			    "without the link it is delivered");
			empty("home/first/mail/in/new");
		}
	}
	d->route = old;
}

static void
test_paths(struct delivery *d)
{
	struct route route = *d->route;
	const struct route *old = d->route;
	char target[PATH_MAX];

	route.target = target;
	d->route = &route;
	make_home("srv", 0);
	(void)chmod(path_of("srv"), 0755);
	make_home("srv/anna", 20001);
	if (symlink(path_of("srv"), path_of("mail")) < 0)
		abort();
	(void)snprintf(target, sizeof target, "%s/mail/{user}/box", m.dir);
	ok(ends_as(send_to(d, "anna@a.b"), CAUSE_DELIVERED, "2.0.0", "/mail/anna/box: delivered") &&
		belongs_to(only_file("srv/anna/box/new"), 20001, 0600),
	    "a path with {user}");
	if (root)
		ok(ends_as(send_to(d, "first@a.b"), CAUSE_MAILDIR, "4.3.0", "Permission denied") &&
			access(path_of("srv/first"), F_OK) < 0,
		    "a folder that the user cannot make is not made");
	(void)snprintf(target, sizeof target, "sub/{user}");
	ok(ends_as(send_to(d, "anna@a.b"), CAUSE_DELIVERED, "2.0.0", "/home/anna/sub/anna"),
	    "{user} beneath the home");
	(void)snprintf(target, sizeof target, "Maildir");
	if (root)
		ok(ends_as(send_to(d, "carla@a.b"), CAUSE_MAILDIR, "4.3.0", "Permission denied") &&
			!only_file("home/root"),
		    "another user's home: nothing is written");
	ok(ends_as(send_to(d, "dora@a.b"), CAUSE_MAILDIR, "4.3.0",
	       "cannot open the folder") && strstr(m.outcomes[0].detail, "home/nowhere"),
	    "a home that is not there");
	mail_put(&m, "a@b", "", "anna@a.b", SL("Delivered-To: ANNA@a.b\r\n\r\n"));
	deliver_all(d);
	ok(ends_as(&m.outcomes[0], CAUSE_LOOP, "5.4.6", "a mail loop"), "a loop");
	c.nroutes = 0;
	mail_put(&m, "a@b", "", "anna@a.b", SL("A: b\r\n\r\n"));
	mail_deliver(&m, d);
	ok(ends_as(&m.outcomes[0], CAUSE_LOCAL, "4.3.0", "no route with this via"),
	    "a path that no route has");
	d->route = old;
}

static void
test_quota(struct delivery *d)
{
	static const struct { const char *name; int *at, error; } cases[] = {
		{ "EDQUOT at write", &write_error, EDQUOT },
		{ "EDQUOT at fsync", &fsync_error, EDQUOT },
		{ "EDQUOT at a new folder", &mkdir_error, EDQUOT },
		{ "ENOSPC at write", &write_error, ENOSPC },
		{ "EIO at write", &write_error, EIO },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const int error = cases[i].error;

		empty("elsewhere/ben/Maildir/new");
		mail_put(&m, "a@b", "", "ben@a.b", SL("Subject: x\r\n\r\nhello\r\n"));
		*cases[i].at = error;
		deliver_all(d);
		*cases[i].at = 0;
		ok(ends_as(&m.outcomes[0], error == EDQUOT ? CAUSE_MAILDIR_QUOTA :
		       error == ENOSPC ? CAUSE_MAILDIR_SPACE : CAUSE_MAILDIR,
		       error == EDQUOT ? "4.2.2" : error == ENOSPC ? "4.3.1" : "4.3.0",
		       strerror(error)) && m.outcomes[0].kind == OUTCOME_DEFERRED,
		    "%s: deferred", cases[i].name);
		ok(mail_state(&m, 0) == 'P' && !only_file("elsewhere/ben/Maildir/tmp") &&
			!only_file("elsewhere/ben/Maildir/new"),
		    "no file is left");
	}
}

/* As the user, the agent has the folder of the mailbox and nothing else. */
static void
test_walls(struct delivery *d)
{
	if (SECCOMP_SANITIZER) {
		tap_skip("the walls of the agent", "a build with sanitizers has none");
		return;
	}
	mail_put(&m, "a@b", "", "ben@a.b", SL("Subject: x\r\n\r\nhello\r\n"));
	probing = true;
	deliver_all(d);
	probing = false;
	ok(ends_as(&m.outcomes[0], CAUSE_MAILDIR_QUOTA, "4.2.2", ""),
	    "all other files and calls are denied to the agent");
}

/* ---- the frames ---- */

static bool
any_route(void *ctx, const char *target)
{
	(void)ctx;
	return strcmp(target, "Maildir") == 0;
}

/* The result of a packet to the agent: the exit status of its process is 0 if it answered. */
static int
agent_result(const void *p, size_t n, const int *fds, size_t nfds, struct agent_answer *ret)
{
	const struct agent_terms terms = { .min_uid = FIRST_UID, .has_route = any_route };
	union { struct cmsghdr align; char space[CMSG_SPACE(10 * sizeof(int))]; } control = { 0 };
	struct iovec part = { (void *)(uintptr_t)p, n };
	struct msghdr packet = { .msg_iov = &part, .msg_iovlen = 1 };
	int pair[2], status = -1;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	if (nfds) {
		packet.msg_control = control.space;
		packet.msg_controllen = CMSG_SPACE(nfds * sizeof(int));
		CMSG_FIRSTHDR(&packet)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&packet)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&packet)->cmsg_len = CMSG_LEN(nfds * sizeof(int));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&packet)), fds, nfds * sizeof(int));
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		close(pair[0]);
		_exit(-agent_serve(pair[1], &terms) & 0xff);
	}
	close(pair[1]);
	if (sendmsg(pair[0], &packet, MSG_NOSIGNAL) < 0)
		abort();
	(void)shutdown(pair[0], SHUT_WR);
	(void)agent_frame_hear(pair[0], ret);
	close(pair[0]);
	(void)waitpid(pid, &status, 0);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -1000;
}

static void
test_requests(void)
{
	static struct agent_request good, r;
	static char longer[sizeof r + 1];
	struct agent_answer a = { .result = AGENT_RESULTS };
	int message = open(path_of("message"), O_RDWR | O_CREAT, 0600), ends[2];
	int two[] = { message, message }, many[10];

	for (size_t i = 0; i < 10; i++)
		many[i] = message;
	if (message < 0 || write(message, "head\nA: b\r\n", 11) != 11 || pipe(ends) < 0)
		abort();
	good = (struct agent_request){
		.version = AGENT_VERSION, .content_at = 5, .content_size = 6, .user = "anna",
		.target = "Maildir", .from = "a@b", .address = "anna@a.b",
	};
#define REFUSED(what, change, p, n, fds, nfds)                                                \
	do {                                                                                  \
		r = good;                                                                     \
		change;                                                                       \
		ok(agent_result((p), (n), (fds), (nfds), &a) == -EPROTO, "refused: " what);   \
	} while (0)
#define SPOILT(what, change) REFUSED(what, change, &r, sizeof r, &message, 1)
	REFUSED("a short packet", , &r, sizeof r - 1, &message, 1);
	REFUSED("a long packet", memcpy(longer, &r, sizeof r), longer, sizeof r + 1, &message, 1);
	REFUSED("an empty packet", , &r, 0, &message, 1);
	REFUSED("no descriptor", , &r, sizeof r, NULL, 0);
	REFUSED("two descriptors", , &r, sizeof r, two, 2);
	REFUSED("ten descriptors", , &r, sizeof r, many, 10);
	REFUSED("a pipe for a message", , &r, sizeof r, ends, 1);
	SPOILT("another version", r.version++);
	SPOILT("a folder that is neither", r.junk = 2);
	SPOILT("a name without end", memset(r.user, 'a', sizeof r.user));
	SPOILT("a path without end", memset(r.target, 'a', sizeof r.target));
	SPOILT("a sender without end", memset(r.from, 'a', sizeof r.from));
	SPOILT("an address without end", memset(r.address, 'a', sizeof r.address));
	SPOILT("a content behind the file", r.content_at = 12);
	SPOILT("a content longer than the file", r.content_size = 7);
	SPOILT("a content of 2^64 octets", r.content_size = UINT64_MAX);

	r = good;
	ok(agent_result(&r, sizeof r, &message, 1, &a) == 0 && a.result == AGENT_DELIVERED,
	    "a good request is carried out");
	r = good;
	(void)strcpy(r.target, ".ssh");
	ok(agent_result(&r, sizeof r, &message, 1, &a) == 0 && a.result == AGENT_NO_ROUTE &&
		access(path_of("home/anna/.ssh"), F_OK) < 0,
	    "a path that no route has");
	r = good;
	(void)strcpy(r.user, "../anna");
	ok(agent_result(&r, sizeof r, &message, 1, &a) == 0 && a.result == AGENT_NO_USER,
	    "a name with a slash");
	r.user[0] = '\0';
	ok(agent_result(&r, sizeof r, &message, 1, &a) == 0 && a.result == AGENT_NO_USER,
	    "an empty name");
	close(message);
}

static void
test_answers(void)
{
	static const struct agent_answer good = { .version = AGENT_VERSION, .text = "text" };
	char longer[sizeof good + 1] = "";
	struct agent_answer a, got;

	ok(agent_frame_parse(&good, sizeof good, &got) && strcmp(got.text, "text") == 0,
	    "a good answer");
	memcpy(longer, &good, sizeof good);
	ok(!agent_frame_parse(longer, sizeof longer, &got) &&
		!agent_frame_parse(&good, sizeof good - 1, &got) &&
		!agent_frame_parse(&good, 0, &got),
	    "an answer of another length");
	a = good, a.version++;
	ok(!agent_frame_parse(&a, sizeof a, &got), "another version");
	a = good, a.result = AGENT_RESULTS;
	ok(!agent_frame_parse(&a, sizeof a, &got), "a result that is none");
	a = good, a.result = UINT32_MAX;
	ok(!agent_frame_parse(&a, sizeof a, &got), "a negative result");
	a = good, a.error = EIO;
	ok(!agent_frame_parse(&a, sizeof a, &got), "an error of a delivery");
	a = good, a.result = AGENT_ERROR;
	ok(!agent_frame_parse(&a, sizeof a, &got), "an error without its number");
	a.error = 4095;
	ok(agent_frame_parse(&a, sizeof a, &got), "the last number of an error");
	a.error = 4096;
	ok(!agent_frame_parse(&a, sizeof a, &got), "a number behind it");
	a = good;
	memset(a.text, 'x', sizeof a.text);
	ok(!agent_frame_parse(&a, sizeof a, &got), "a text without end");
	a = good;
	(void)strcpy(a.text, "a\033[2Jb\nc\377");
	ok(agent_frame_parse(&a, sizeof a, &got) && strcmp(got.text, "a?[2Jb?c?") == 0,
	    "a text for a terminal");
}

/* ---- the registry ---- */

static void
test_registry(void)
{
	static const struct { const char *name; int found; } cases[] = {
		{ "anna", 1 }, { "first", 1 }, { "joe,smith", 1 }, { "large", 1 }, { "daemon", 0 },
		{ "root", 0 }, { "nobody", 0 }, { "x", 0 }, { "", 0 }, { "gone", 0 },
		{ "ldap", -EIO },
	};
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	const int silent = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	char name[300];
	int status = -1;
	pid_t pid, slow[8];

	(void)snprintf(address.sun_path, sizeof address.sun_path, "%s/users.sock", m.dir);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(listener, 100) < 0)
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		_exit(registry_serve(listener, FIRST_UID, 2) != 0);
	close(listener);
	ok(connect(silent, (struct sockaddr *)&address, sizeof address) == 0,
	    "a client that does not ask");
	users_hold(address.sun_path);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(users_ask(slice_str(cases[i].name)) == cases[i].found,
		    "the registry is asked for '%s'", cases[i].name);
	ok(send(silent, "short", 5, MSG_NOSIGNAL) == 5 && recv(silent, name, 5, 0) == 0,
	    "a client that asks what is no question");
	for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++)
		if ((slow[i] = fork()) == 0) {
			users_hold(address.sun_path);
			_exit(users_ask(SL("slow")) != -EIO);
		}
	(void)poll(NULL, 0, 100);
	ok(users_ask(SL("anna")) == 1 && waitpid(slow[0], &status, WNOHANG) == 0,
	    "slow look-ups keep no other question waiting");
	for (size_t i = 0; i < sizeof slow / sizeof slow[0]; i++)
		(void)waitpid(slow[i], &status, 0);
	ok(status == 0, "a look-up that ends in trouble is answered");
	memset(name, 'x', sizeof name);
	ok(users_ask(slice_of(name, USERS_NAME_MAX)) == 0 &&
		users_ask(slice_of(name, USERS_NAME_MAX + 1)) == 0,
	    "the longest name, and a longer one");
	(void)poll(NULL, 0, 3200);
	ok(waitpid(pid, &status, WNOHANG) == 0 && users_ask(SL("anna")) == 1,
	    "the registry waits for a client that may ask again");
	users_close();
	close(silent);
	(void)waitpid(pid, &status, 0);
	ok(status == 0, "after a while without clients the registry ends");
	users_hold(address.sun_path);
	ok(users_ask(SL("anna")) == -ECONNREFUSED, "nobody listens: that is an error");
	users_hold("/nonexistent/socket");
	ok(users_ask(SL("anna")) == -ENOENT, "there is no socket");
	users_hold(NULL);
	ok(users_ask(SL("anna")) == -ENOENT, "there is no registry");
}

/* Another user's process cannot become the user, and says so. */
static void
test_rights(struct delivery *d)
{
	struct user anna;
	int status = -1;
	pid_t pid;

	if (!root) {
		tap_skip("the rights of the agent", "only root becomes another user");
		return;
	}
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (user_find("anna", FIRST_UID, &anna) != 1 || setresuid(20009, 20009, 20009) < 0)
			_exit(2);
		_exit(user_become(&anna) == -EPERM ? 0 : 1);
	}
	(void)waitpid(pid, &status, 0);
	ok(status == 0, "a process of another user does not become the user");
	pid = fork();
	if (pid == 0) {
		if (user_find("anna", FIRST_UID, &anna) != 1 || user_become(&anna) != 0)
			_exit(2);
		_exit(setuid(0) == 0 || seteuid(0) == 0 || setgid(0) == 0 ||
		    getgroups(0, NULL) != 1);
	}
	(void)waitpid(pid, &status, 0);
	ok(status == 0, "a process that became the user cannot go back");
	mail_put(&m, "a@b", "", "anna@a.b", SL("Subject: x\r\n\r\n"));
	if (seteuid(20009) < 0)
		abort();
	deliver_all(d);
	if (seteuid(0) < 0)
		abort();
	ok(ends_as(&m.outcomes[0], CAUSE_SOCKET, "4.4.1", "systemctl enable --now "
	       "smtp-maildir.socket") && strstr(m.outcomes[0].detail, "No such file"),
	    "a runner without the right: the mail waits for the socket");
}

int
main(void)
{
	static char target[] = "Maildir", nowhere[] = "/nonexistent/socket";
	static struct route route = { .via = VIA_OWNER, .target = target };
	struct delivery d = { .config = &c, .route = &route };

	root = getuid() == 0;
	if (!root && getuid() < FIRST_UID) {
		printf("1..0 # SKIP runs as root or as a user with mail\n");
		return 0;
	}
	mail_init(&m);
	(void)chmod(m.dir, 0755);
	c.relay.maildir_socket = nowhere;
	c.relay.command_timeout_ms = 20000;
	c.relay.min_uid = FIRST_UID;
	make_home("home", 0);
	(void)chmod(path_of("home"), 0755);
	make_home("elsewhere", 0);
	(void)chmod(path_of("elsewhere"), 0755);
	make_home("home/anna", 20001);
	make_home("elsewhere/ben", 20002);
	make_home("home/root", 0);
	make_home("home/joe", 20005);
	make_home("home/first", FIRST_UID);
	if (symlink(path_of("elsewhere/ben"), path_of("home/ben")) < 0)
		abort();
	test_delivery(&d);
	test_names(&d);
	test_links(&d);
	test_paths(&d);
	test_quota(&d);
	test_walls(&d);
	test_requests();
	test_answers();
	test_registry();
	test_rights(&d);
	mail_done(&m);
	return tap_done();
}
