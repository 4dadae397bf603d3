// SPDX-License-Identifier: ISC
#include "delivery/maildir.h"
#include "delivery/delivery.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mailbox/path.h"
#include "maildir/maildir.h"
#include "tests/lib/mail.h"

static const struct path_case {
	const char *name, *template, *address, *path;	/* path NULL: refused */
	char subaddress;
} paths[] = {
	{ .name = "local and domain", .template = "/m/{domain}/{local}",
	    .address = "joe@example.org", .path = "/m/example.org/joe" },
	{ .name = "lower case", .template = "/m/{domain}/{local}", .address = "JOE@Example.ORG",
	    .path = "/m/example.org/joe" },
	{ .name = "no placeholder", .template = "/m/all", .address = "joe@example.org",
	    .path = "/m/all" },
	{ .name = "local twice", .template = "/m/{local}/{local}", .address = "joe@example.org",
	    .path = "/m/joe/joe" },
	{ .name = "other braces are kept", .template = "/m/{x}/{local",
	    .address = "joe@example.org", .path = "/m/{x}/{local" },
	{ .name = "local inside a name", .template = "/m/u-{local}.d", .address = "joe@example.org",
	    .path = "/m/u-joe.d" },
	{ .name = "a quoted local part without its quotes", .template = "/m/{local}",
	    .address = "\"joe smith\"@example.org", .path = "/m/joe smith" },
	{ .name = "a quoted pair without its backslash", .template = "/m/{local}",
	    .address = "\"joe\\\"x\"@example.org", .path = "/m/joe\"x" },
	{ .name = "bare postmaster", .template = "/m/{domain}/{local}", .address = "postmaster",
	    .path = "/m/host.example/postmaster" },
	{ .name = "a plus is kept", .template = "/m/{local}", .address = "joe+list@example.org",
	    .path = "/m/joe+list" },
	{ .name = "UTF-8 is kept", .template = "/m/{local}", .address = "j\303\266e@example.org",
	    .path = "/m/j\303\266e" },
	{ .name = "a domain in U-labels, and in capitals", .template = "/m/{domain}/{local}",
	    .address = "joe@F\303\226TZ.example", .path = "/m/xn--ftz-sna.example/joe" },
	{ .name = "the same in A-labels", .template = "/m/{domain}/{local}",
	    .address = "joe@XN--ftz-SNA.example", .path = "/m/xn--ftz-sna.example/joe" },
	{ .name = "R103 a domain with a slash of another width", .template = "/m/{domain}",
	    .address = "joe@a\357\274\217b" },
	{ .name = "R103 a domain of dots of another width", .template = "/m/{domain}",
	    .address = "joe@\357\274\216\357\274\216" },
	{ .name = "a slash", .template = "/m/{local}", .address = "a/b@example.org" },
	{ .name = "two dots", .template = "/m/{local}", .address = "\"..\"@example.org" },
	{ .name = "a path with two dots", .template = "/m/{local}",
	    .address = "\"../../etc\"@example.org" },
	{ .name = "one dot", .template = "/m/{local}", .address = "\".\"@example.org" },
	{ .name = "a leading dot", .template = "/m/{local}", .address = "\".joe\"@example.org" },
	{ .name = "an empty local part", .template = "/m/{local}", .address = "\"\"@example.org" },
	{ .name = "a slash in a quoted pair", .template = "/m/{local}",
	    .address = "\"a\\/b\"@example.org" },
	{ .name = "a control character", .template = "/m/{local}",
	    .address = "\"a\001b\"@example.org" },
	{ .name = "a DEL character", .template = "/m/{local}",
	    .address = "\"a\177b\"@example.org" },
	{ .name = "a slash in the domain", .template = "/m/{domain}", .address = "joe@a/b" },
	{ .name = "a domain of two dots", .template = "/m/{domain}", .address = "joe@.." },
	{ .name = "an address literal", .template = "/m/{domain}", .address = "joe@[192.0.2.1]",
	    .path = "/m/[192.0.2.1]" },
	{ .name = "R103 percent signs are kept", .template = "/m/{local}",
	    .address = "%2e%2e%2fetc@example.org", .path = "/m/%2e%2e%2fetc" },
	{ .name = "R103 braces in an address are kept", .template = "/m/{local}",
	    .address = "\"{domain}\"@example.org", .path = "/m/{domain}" },
	{ .name = "R103 two dots and a backslash", .template = "/m/{local}",
	    .address = "\"..\\\\x\"@example.org" },
	{ .name = "R103 a tilde is kept", .template = "/m/{local}", .address = "~root@example.org",
	    .path = "/m/~root" },
	{ .name = "R103 a domain that is a path", .template = "/m/{domain}/{local}",
	    .address = "joe@../../etc" },
	{ .name = "R103 a hidden domain", .template = "/m/{domain}", .address = "joe@.ssh" },
	{ .name = "the user of user+detail", .template = "/m/{local}",
	    .address = "joe+list@example.org", .path = "/m/joe", .subaddress = '+' },
	{ .name = "the user of several details", .template = "/m/{local}",
	    .address = "joe+a+b@example.org", .path = "/m/joe", .subaddress = '+' },
	{ .name = "another delimiter", .template = "/m/{local}",
	    .address = "joe-list+x@example.org", .path = "/m/joe", .subaddress = '-' },
	{ .name = "a detail alone is a user", .template = "/m/{local}",
	    .address = "+list@example.org", .path = "/m/+list", .subaddress = '+' },
	{ .name = "the user of a quoted user+detail", .template = "/m/{local}",
	    .address = "\"joe smith+a/b\"@example.org", .path = "/m/joe smith", .subaddress = '+' },
	{ .name = "two dots in front of a detail", .template = "/m/{local}",
	    .address = "\"..+x\"@example.org", .subaddress = '+' },
	{ .name = "one dot in front of a detail", .template = "/m/{local}",
	    .address = "\".+x\"@example.org", .subaddress = '+' },
	{ .name = "a path in front of a detail", .template = "/m/{local}",
	    .address = "\"../x+y\"@example.org", .subaddress = '+' },
	{ .name = "a plus in the domain is no delimiter", .template = "/m/{domain}",
	    .address = "joe@a+b", .path = "/m/a+b", .subaddress = '+' },
};

static void
test_paths(void)
{
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		char space[256];
		struct buf b = BUF(space);
		const char *at = strrchr(paths[i].address, '@');
		struct route route = { .target = (char *)(uintptr_t)paths[i].template,
			.subaddress = paths[i].subaddress };
		int r = mailbox_path(&route, slice_str(paths[i].address),
		    at ? slice_str(at + 1) : slice_of(NULL, 0), SL("Host.Example"), &b);

		ok(r == (paths[i].path ? 0 : -EINVAL) &&
			(r < 0 || slice_eq(buf_slice(&b), slice_str(paths[i].path))),
		    "path: %s", paths[i].name);
	}
	for (size_t cap = 1; cap < 12; cap++) {
		char space[12];
		struct buf b = { .p = space, .cap = cap };
		static char target[] = "/m/{local}";
		const struct route route = { .target = target };
		int r = mailbox_path(&route, SL("joey@b"), SL("b"), SL("h"), &b);

		ok((r == 0) == (cap > strlen("/m/joey")), "path: %zu octets of room", cap);
	}
}

/* An address may hold NUL, and may be longer than a file name. */
static void
test_odd_names(void)
{
	static char target[] = "/m/{domain}/{local}", local_only[] = "/m/{local}";
	const struct route route = { .target = target }, by_local = { .target = local_only };
	char space[1024], longest[300];
	struct buf b = BUF(space);
	struct slice domain;

	ok(mailbox_path(&by_local, slice_of("a\0b@c", 5), SL("c"), SL("h"), &b) == -EINVAL,
	    "R103 NUL in a name");
	b.n = 0;
	ok(mailbox_path(&route, slice_of("a@c\0d", 5), slice_of("c\0d", 3), SL("h"), &b) == -EINVAL,
	    "R103 NUL in a domain");
	memset(longest, 'x', sizeof longest);
	memcpy(longest, "a@", 2);
	b = (struct buf)BUF(space);
	domain = slice_of(longest + 2, 256);
	ok(mailbox_path(&route, slice_of(longest, 258), domain, SL("h"), &b) == -EINVAL,
	    "R103 a domain longer than a file name");
	b = (struct buf)BUF(space);
	domain = slice_of(longest + 2, 255);
	ok(mailbox_path(&route, slice_of(longest, 257), domain, SL("h"), &b) == 0,
	    "R103 a domain as long as a file name");
	memset(longest, 'x', sizeof longest);
	longest[256] = '@';
	b = (struct buf)BUF(space);
	domain = slice_of(longest + 257, 1);
	ok(mailbox_path(&by_local, slice_of(longest, 258), domain, SL("h"), &b) == -EINVAL,
	    "R103 a local part that is too long");
	memset(longest, 'x', sizeof longest);
	longest[250] = '@';
	for (size_t n = 3; n <= 6; n++) {	/* "x@y" of 250 octets and n: 255 is the most */
		static char both[] = "/m/{local}@{domain}/mail";
		const struct route by_both = { .target = both };

		b = (struct buf)BUF(space);
		domain = slice_of(longest + 251, n);
		ok((mailbox_path(&by_both, slice_of(longest, 251 + n), domain, SL("h"), &b) == 0) ==
			(n <= 4),
		    "R103 a folder's name of %zu octets that two parts make", 251 + n);
	}
}

/* Read the only file in path into text, and its name into name. */
static struct slice
only_file(const char *path, char *text, size_t size, char name[NAME_MAX + 1])
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned files = 0;
	ssize_t n = -1;

	while (dir && (entry = readdir(dir))) {
		int fd;

		if (entry->d_name[0] == '.')
			continue;
		files++;
		(void)snprintf(name, NAME_MAX + 1, "%s", entry->d_name);
		fd = openat(dirfd(dir), entry->d_name, O_RDONLY);
		n = read(fd, text, size);
		close(fd);
	}
	if (dir)
		closedir(dir);
	return files == 1 && n >= 0 ? slice_of(text, (size_t)n) : slice_of(NULL, 0);
}

static unsigned
count_files(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	unsigned files = 0;

	while (dir && (entry = readdir(dir)))
		files += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return files;
}

static const struct text_case {
	const char *name, *from, *content, *file;
} texts[] = {
	{ .name = "R103 Return-Path comes first", .from = "a@b",
	    .content = "Subject: x\r\n\r\nhello\r\n",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\nSubject: x\n\nhello\n" },
	{ .name = "R103 null sender", .from = "", .content = "Subject: x\r\n\r\nhello\r\n",
	    .file = "Return-Path: <>\nDelivered-To: joe@example.org\nSubject: x\n\nhello\n" },
	{ .name = "R103 older Return-Path fields are removed", .from = "a@b",
	    .content = "Return-Path: <x@y>\r\nReceived: a\r\n b\r\nRETURN-path:\r\n <z@z>\r\n"
		"Subject: x\r\n\r\nReturn-Path: body\r\n",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\nReceived: a\n b\n"
		"Subject: x\n\nReturn-Path: body\n" },
	{ .name = "a field with a longer name is kept", .from = "a@b",
	    .content = "Return-Path-X: a\r\nX-Return-Path: b\r\n\r\n",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\nReturn-Path-X: a\n"
		"X-Return-Path: b\n\n" },
	{ .name = "no header section", .from = "a@b", .content = "\r\nhello\r\n",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\n\nhello\n" },
	{ .name = "no body", .from = "a@b", .content = "Subject: x\r\n",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\nSubject: x\n" },
	{ .name = "no final line end", .from = "a@b", .content = "Subject: x\r\n\r\nhello",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\nSubject: x\n\nhello" },
	{ .name = "only CRLF changes", .from = "a@b", .content = "A: b\r\n\r\na\rb\r\r\nc\r",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\nA: b\n\na\rb\r\nc\r" },
	{ .name = "empty content", .from = "a@b", .content = "",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\n" },
	{ .name = "8-bit text", .from = "a@b", .content = "A: b\r\n\r\n\344\303\244\r\n",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\nA: b\n\n\344\303\244\n" },
	{ .name = "another mailbox's Delivered-To", .from = "a@b",
	    .content = "Delivered-To: jim@example.org\r\n\r\n",
	    .file = "Return-Path: <a@b>\nDelivered-To: joe@example.org\n"
		"Delivered-To: jim@example.org\n\n" },
};

static void
test_texts(struct mail *m, struct delivery *d, const char *box)
{
	char folder[PATH_MAX], text[4096], name[NAME_MAX + 1], file[PATH_MAX + NAME_MAX + 2];
	struct stat st;

	(void)snprintf(folder, sizeof folder, "%s/example.org/joe/new", box);
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		mail_put(m, texts[i].from, "", "joe@example.org", slice_str(texts[i].content));
		mail_deliver(m, d);
		is(only_file(folder, text, sizeof text, name), slice_str(texts[i].file),
		    texts[i].name);
		(void)snprintf(file, sizeof file, "%s/%s", folder, name);
		if (i == 0) {
			ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0600,
			    "the file is its owner's only");
			ok(strstr(name, ".M") && strstr(name, ".a\\057b\\072c"),
			    "the name escapes what may not be in it");
			ok(m->outcomes[0].cause == CAUSE_DELIVERED && mail_reported(m),
			    "the recipient is reported once");
			ok(mail_state(m, 0) == 'D', "the recipient is marked in the queue file");
		}
		(void)unlink(file);
	}
	(void)snprintf(file, sizeof file, "%s/example.org/joe", box);
	ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0700, "the mailbox is its owner's only");
	(void)snprintf(folder, sizeof folder, "%s/example.org/joe/tmp", box);
	ok(only_file(folder, text, sizeof text, name).p == NULL && access(folder, F_OK) == 0,
	    "nothing is left in tmp/");
	(void)snprintf(folder, sizeof folder, "%s/example.org/joe/cur", box);
	ok(access(folder, F_OK) == 0, "cur/ is there");
}

/* If tmp/ has the setgid bit, its group may read and write the mailbox. */
static void
test_shared(struct mail *m, struct delivery *d, const char *box)
{
	char folder[PATH_MAX], text[4096], name[NAME_MAX + 1], file[PATH_MAX + NAME_MAX + 2];
	mode_t mask = umask(007);
	struct stat st;

	(void)snprintf(folder, sizeof folder, "%s/example.org/joe/tmp", box);
	ok(chmod(folder, 02770) == 0, "tmp/ with the setgid bit");
	mail_put(m, "a@b", "", "joe@example.org", SL("A: b\r\n"));
	mail_deliver(m, d);
	(void)snprintf(folder, sizeof folder, "%s/example.org/joe/new", box);
	(void)only_file(folder, text, sizeof text, name);
	(void)snprintf(file, sizeof file, "%s/%s", folder, name);
	ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0660,
	    "the group may read and write the file");
	(void)unlink(file);
	(void)snprintf(folder, sizeof folder, "%s/example.org/joe/tmp", box);
	(void)chmod(folder, 0700);
	(void)umask(mask);
}

static void
test_large(struct mail *m, struct delivery *d, const char *box)
{
	static char content[700000], text[700000], want[700000];
	char folder[PATH_MAX], name[NAME_MAX + 1];
	struct buf c = BUF(content), w = BUF(want);

	buf_str(&w, "Return-Path: <a@b>\nDelivered-To: big@example.org\n");
	for (int i = 0; i < 20000; i++) {
		buf_fmt(&c, "X-Line-%d: abcdefgh\r\n", i);
		buf_fmt(&w, "X-Line-%d: abcdefgh\n", i);
	}
	buf_str(&c, "Return-Path: <far@down>\r\n\r\nbody\r\n");
	mail_put(m, "a@b", "", "big@example.org", buf_slice(&c));
	mail_deliver(m, d);
	(void)snprintf(folder, sizeof folder, "%s/example.org/big/new", box);
	buf_str(&w, "Return-Path: <far@down>\n\nbody\n");
	ok(slice_eq(only_file(folder, text, sizeof text, name), buf_slice(&w)),
	    "a header section beyond the limit is kept as it is");
}

static void
test_refusals(struct mail *m, struct delivery *d)
{
	struct route route = *d->route, *old = (struct route *)(uintptr_t)d->route;
	static char nowhere[] = "/proc/nowhere/{local}";

	mail_put(m, "a@b", "", "joe@example.org", SL("Delivered-To: JOE@example.org\r\n\r\nx\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_LOOP && m->outcomes[0].kind == OUTCOME_FAILED,
	    "our address in Delivered-To: a loop");
	mail_put(m, "a@b", "", "joe@example.org",
	    SL("Subject: x\r\n\r\nDelivered-To: joe@example.org\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_DELIVERED, "Delivered-To in the body is no loop");
	mail_put(m, "a@b", "", "\"../x\"@example.org|joe@example.org", SL("Subject: x\r\n\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_MAILDIR_USER && m->outcomes[1].cause == CAUSE_DELIVERED &&
		mail_reported(m),
	    "an unsafe name fails alone");
	ok(mail_state(m, 0) == 'P' && mail_state(m, 1) == 'D',
	    "only the delivered recipient is marked");
	route.target = nowhere;
	d->route = &route;
	mail_put(m, "a@b", "", "joe@example.org", SL("Subject: x\r\n\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_MAILDIR && m->outcomes[0].kind == OUTCOME_DEFERRED &&
		strstr(m->outcomes[0].detail, "/proc/nowhere/joe: "),
	    "a folder that cannot be made: deferred");
	d->route = old;
}

int __wrap_renameat(int from, const char *old, int to, const char *new);
int __real_renameat(int from, const char *old, int to, const char *new);

/* A process that is about to move its file to new/ writes an octet here, and waits. */
static int stops_at = -1;

int
__wrap_renameat(int from, const char *old, int to, const char *new)
{
	if (stops_at >= 0 && write(stops_at, "", 1) == 1)
		for (;;)
			(void)pause();
	return __real_renameat(from, old, to, new);
}

/* Deliver m in a process that stops before its file is in new/. */
static pid_t
stopped_writer(struct mail *m, const struct maildir *box)
{
	int ends[2];
	char octet;
	pid_t pid;

	if (pipe(ends) < 0 || (pid = fork()) < 0)
		return -1;
	if (pid == 0) {
		stops_at = ends[1];
		_exit(maildir_write(box, "host", &m->e, SL("dora@example.org")) < 0);
	}
	(void)close(ends[1]);
	if (read(ends[0], &octet, 1) != 1)
		octet = 'x';
	(void)close(ends[0]);
	return octet ? -1 : pid;
}

static void
end_writer(pid_t pid)
{
	if (pid > 0 && kill(pid, SIGKILL) == 0)
		(void)waitpid(pid, NULL, 0);
}

/* A process that was killed leaves nothing in tmp/ after the next attempt. */
static void
test_drafts(struct mail *m, const char *folder)
{
	char path[PATH_MAX], tmp[PATH_MAX], fresh[PATH_MAX], name[NAME_MAX + 1], text[4096];
	char draft[PATH_MAX + NAME_MAX + 2];
	const struct slice to = SL("dora@example.org");
	struct maildir box;
	pid_t pid;

	(void)snprintf(path, sizeof path, "%s/drafts", folder);
	(void)snprintf(tmp, sizeof tmp, "%s/drafts/tmp", folder);
	(void)snprintf(fresh, sizeof fresh, "%s/drafts/new", folder);
	mail_put(m, "a@b", "", "dora@example.org", SL("Subject: x\r\n\r\n"));
	ok(maildir_open(path, &box) == 0, "a mailbox");
	pid = stopped_writer(m, &box);
	ok(pid > 0 && only_file(tmp, text, sizeof text, name).p, "a process writes into tmp/");
	ok(maildir_write(&box, "host", &m->e, to) == 0 && count_files(tmp) == 1 &&
		count_files(fresh) == 1,
	    "another one does not touch a file whose writer lives");
	end_writer(pid);
	ok(maildir_write(&box, "host", &m->e, SL("other@example.org")) == 0 &&
		count_files(tmp) == 1,
	    "the file stays while the message is delivered to others");
	ok(maildir_write(&box, "host", &m->e, to) == 0 && count_files(tmp) == 0 &&
		count_files(fresh) == 3,
	    "the next attempt removes what a killed process left");
	(void)snprintf(draft, sizeof draft, "%s/%s", tmp, name);
	(void)snprintf(path, sizeof path, "%s/victim", m->dir);
	ok(symlink(path, draft) == 0 && maildir_write(&box, "host", &m->e, to) == 0 &&
		count_files(tmp) == 0 && access(path, F_OK) < 0,
	    "R103 a link of that name is not followed");
	ok(mkdir(draft, 0700) == 0 && maildir_write(&box, "host", &m->e, to) == 0 &&
		count_files(fresh) == 5 && rmdir(draft) == 0,
	    "a folder of that name stays, and the message is delivered");
	maildir_close(&box);
}

/* The owner of a shared mailbox must not make us write elsewhere by a link. */
static void
test_links(struct mail *m, struct delivery *d, const char *box)
{
	static const char *const folders[] = { "tmp", "new" };
	char path[PATH_MAX], away[PATH_MAX + 8], elsewhere[PATH_MAX];
	struct stat st;

	(void)snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", m->dir);
	ok(mkdir(elsewhere, 0700) == 0, "another folder");
	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
		(void)snprintf(path, sizeof path, "%s/example.org/joe/%s", box, folders[i]);
		(void)snprintf(away, sizeof away, "%s.away", path);
		ok(rename(path, away) == 0 && symlink(elsewhere, path) == 0,
		    "%s/ becomes a link to it", folders[i]);
		mail_put(m, "a@b", "", "joe@example.org", SL("Subject: x\r\n\r\n"));
		mail_deliver(m, d);
		ok(m->outcomes[0].cause == CAUSE_MAILDIR &&
			m->outcomes[0].kind == OUTCOME_DEFERRED && mail_state(m, 0) == 'P',
		    "R103 %s/ is a link: deferred", folders[i]);
		ok(stat(elsewhere, &st) == 0 && st.st_nlink == 2 && rmdir(elsewhere) == 0 &&
			mkdir(elsewhere, 0700) == 0,
		    "R103 nothing is written behind the link");
		(void)unlink(path);
		(void)rename(away, path);
	}
	(void)snprintf(path, sizeof path, "%s/example.org/linked", box);
	(void)snprintf(away, sizeof away, "%s/example.org/joe", box);
	ok(symlink(away, path) == 0, "a mailbox that is a link");
	mail_put(m, "a@b", "", "linked@example.org", SL("Subject: x\r\n\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_DELIVERED, "a mailbox that is a link is followed");
}

static void
test_detail(struct mail *m, struct delivery *d, const char *box)
{
	struct route route = *d->route;
	const struct route *old = d->route;
	char folder[PATH_MAX], text[4096], name[NAME_MAX + 1];

	route.subaddress = '+';
	d->route = &route;
	mail_put(m, "a@b", "", "jane+list@example.org",
	    SL("Delivered-To: jane@example.org\r\n\r\nx\r\n"));
	mail_deliver(m, d);
	(void)snprintf(folder, sizeof folder, "%s/example.org/jane/new", box);
	is(only_file(folder, text, sizeof text, name),
	    SL("Return-Path: <a@b>\nDelivered-To: jane+list@example.org\n"
	       "Delivered-To: jane@example.org\n\nx\n"),
	    "R103 user+detail: the user's mailbox, the whole address in the message");
	mail_put(m, "a@b", "", "jane+list@example.org",
	    SL("Delivered-To: jane+list@example.org\r\n\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_LOOP, "a loop is found by the whole address");
	d->route = old;
}

static void
test_log(struct mail *m, struct delivery *d)
{
	char note[800];
	struct buf b = BUF(note);

	mail_put(m, "a@b", "", "joe@example.org|ann@example.org|../joe@example.org|jim@example.org",
	    SL("Subject: x\r\n\r\n"));
	mail_deliver(m, d);
	queue_last_note(&m->e, SL("joe@example.org"), &b);
	ok(slice_has_prefix(buf_slice(&b), SL("<joe@example.org> delivered 2.0.0 why=\"/")),
	    "a delivery is noted in the log of the message");
	b.n = 0;
	queue_last_note(&m->e, SL("../joe@example.org"), &b);
	ok(slice_has_prefix(buf_slice(&b), SL("<../joe@example.org> failed 5.1.1 why=\"")),
	    "a failed recipient is noted");
	b.n = 0;
	queue_last_note(&m->e, SL("jim@example.org"), &b);
	ok(slice_has_prefix(buf_slice(&b), SL("<jim@example.org> delivered 2.0.0 why=\"/")),
	    "the recipient after it is noted");
	mail_put(m, "a@b", "", "joe@example.org|ann@example.org", SL("Subject: x\r\n\r\n"));
	mail_deliver(m, d);
	b.n = 0;
	queue_last_note(&m->e, SL("joe@example.org"), &b);
	ok(b.n == 0, "a message that leaves the queue gets no note");
}

static void
test_print(struct mail *m, struct delivery *d)
{
	static struct route route = { .via = VIA_PRINT };
	char text[1000], want[1000], path[100];
	struct buf w = BUF(want);
	int keep = dup(STDOUT_FILENO), fd;
	ssize_t n;

	(void)snprintf(path, sizeof path, "%s/printed", m->dir);
	d->route = &route;
	mail_put(m, "a@b", "", "joe@example.org|jim@example.org",
	    SL("Subject: x\r\n\r\nhello\r\n"));
	fflush(stdout);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	(void)dup2(fd, STDOUT_FILENO);
	mail_deliver(m, d);
	(void)dup2(keep, STDOUT_FILENO);
	close(keep);
	n = pread(fd, text, sizeof text, 0);
	close(fd);
	buf_fmt(&w,
	    "---------- message %s\nfrom: <a@b>\nto: <joe@example.org>\nto: <jim@example.org>\n\n"
	    "Return-Path: <a@b>\nSubject: x\n\nhello\n---------- end\n",
	    m->e.id);
	is(slice_of(text, n < 0 ? 0 : (size_t)n), buf_slice(&w), "print: envelope, then text");
	ok(mail_reported(m) && m->outcomes[1].cause == CAUSE_DELIVERED,
	    "print: each recipient is reported");
}

static void
test_others(struct mail *m, struct delivery *d)
{
	static char text[] = "moved to example.net";
	static struct route discard = { .via = VIA_DISCARD };
	static struct route reject = { .via = VIA_REJECT, .target = text };

	d->route = &discard;
	mail_put(m, "a@b", "", "joe@example.org|jim@example.org", SL("x\r\n"));
	mail_deliver(m, d);
	ok(mail_reported(m) && m->outcomes[0].kind == OUTCOME_DELIVERED && mail_state(m, 1) == 'D',
	    "discard delivers");
	mail_put(m, "a@b", "BY=60;R", "c@d", SL("x\r\n"));
	m->e.arrived_us -= 61 * 1000000;
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_DEADLINE && mail_state(m, 0) == 'P',
	    "DELIVERBY mode R: no delivery after the deadline");
	d->route = &reject;
	mail_put(m, "a@b", "", "joe@example.org", SL("x\r\n"));
	mail_deliver(m, d);
	ok(mail_reported(m) && m->outcomes[0].cause == CAUSE_ROUTE_REJECT &&
		strcmp(m->outcomes[0].detail, text) == 0 && mail_state(m, 0) == 'P',
	    "reject fails with its text");
	for (int via = 0; via < WAYS; via++)
		ok(delivery_way_of(&(struct route){ .via = (enum route_via)via })->deliver,
		    "way %d can deliver", via);
	delivery_done(d);
}

int
main(void)
{
	static char host[] = "a/b:c", target[200];
	static struct config c;
	static struct route route = { .via = VIA_MAILDIR, .target = target };
	struct delivery d = { .config = &c, .route = &route };
	static struct mail m;
	char box[100];

	mail_init(&m);
	c.server.hostname = host;
	(void)snprintf(box, sizeof box, "%s/boxes/deep", m.dir);
	(void)snprintf(target, sizeof target, "%s/{domain}/{local}", box);
	test_paths();
	test_odd_names();
	test_texts(&m, &d, box);
	test_shared(&m, &d, box);
	test_large(&m, &d, box);
	test_refusals(&m, &d);
	test_links(&m, &d, box);
	test_drafts(&m, box);
	test_detail(&m, &d, box);
	test_log(&m, &d);
	test_print(&m, &d);
	test_others(&m, &d);
	mail_done(&m);
	return tap_done();
}
