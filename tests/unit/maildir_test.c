// SPDX-License-Identifier: ISC
#include "delivery/maildir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "tests/lib/mail.h"

static const struct path_case {
	const char *name, *template, *address, *path;	/* path NULL: refused */
} paths[] = {
	{ "local and domain", "/m/{domain}/{local}", "joe@example.org", "/m/example.org/joe" },
	{ "lower case", "/m/{domain}/{local}", "JOE@Example.ORG", "/m/example.org/joe" },
	{ "neither", "/m/all", "joe@example.org", "/m/all" },
	{ "twice", "/m/{local}/{local}", "joe@example.org", "/m/joe/joe" },
	{ "other braces stay", "/m/{x}/{local", "joe@example.org", "/m/{x}/{local" },
	{ "inside a name", "/m/u-{local}.d", "joe@example.org", "/m/u-joe.d" },
	{ "quoted as meant", "/m/{local}", "\"joe smith\"@example.org", "/m/joe smith" },
	{ "quoted pair as meant", "/m/{local}", "\"joe\\\"x\"@example.org", "/m/joe\"x" },
	{ "bare postmaster", "/m/{domain}/{local}", "postmaster", "/m/host.example/postmaster" },
	{ "plus stays", "/m/{local}", "joe+list@example.org", "/m/joe+list" },
	{ "UTF-8 stays", "/m/{local}", "j\303\266e@example.org", "/m/j\303\266e" },
	{ "slash", "/m/{local}", "a/b@example.org", NULL },
	{ "up", "/m/{local}", "\"..\"@example.org", NULL },
	{ "up and away", "/m/{local}", "\"../../etc\"@example.org", NULL },
	{ "here", "/m/{local}", "\".\"@example.org", NULL },
	{ "hidden", "/m/{local}", "\".joe\"@example.org", NULL },
	{ "empty", "/m/{local}", "\"\"@example.org", NULL },
	{ "a quoted pair hides no slash", "/m/{local}", "\"a\\/b\"@example.org", NULL },
	{ "control character", "/m/{local}", "\"a\001b\"@example.org", NULL },
	{ "delete", "/m/{local}", "\"a\177b\"@example.org", NULL },
	{ "slash in the domain", "/m/{domain}", "joe@a/b", NULL },
	{ "dots in the domain", "/m/{domain}", "joe@..", NULL },
	{ "an address literal", "/m/{domain}", "joe@[192.0.2.1]", "/m/[192.0.2.1]" },
};

static void
test_paths(void)
{
	for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
		char space[256];
		struct buf b = BUF(space);
		const char *at = strrchr(paths[i].address, '@');
		int r = maildir_path(paths[i].template, slice_str(paths[i].address),
		    at ? slice_str(at + 1) : slice_of(NULL, 0), "Host.Example", &b);

		ok(paths[i].path ? r == 0 && slice_eq(buf_slice(&b), slice_str(paths[i].path)) : r == -EINVAL,
		    "path: %s", paths[i].name);
	}
	for (size_t cap = 1; cap < 12; cap++) {
		char space[12];
		struct buf b = { .p = space, .cap = cap };
		int r = maildir_path("/m/{local}", SL("joey@b"), SL("b"), "h", &b);

		ok((r == 0) == (cap > strlen("/m/joey")), "path: %zu octets of room", cap);
	}
}

/* The only file in path, read into text; its name too. */
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

static const struct text_case {
	const char *name, *from, *content, *file;
} texts[] = {
	{ "R103 Return-Path comes first", "a@b", "Subject: x\r\n\r\nhello\r\n",
	  "Return-Path: <a@b>\nDelivered-To: joe@example.org\nSubject: x\n\nhello\n" },
	{ "R103 null sender", "", "Subject: x\r\n\r\nhello\r\n",
	  "Return-Path: <>\nDelivered-To: joe@example.org\nSubject: x\n\nhello\n" },
	{ "R103 older ones are removed", "a@b",
	  "Return-Path: <x@y>\r\nReceived: a\r\n b\r\nRETURN-path:\r\n <z@z>\r\nSubject: x\r\n\r\nReturn-Path: body\r\n",
	  "Return-Path: <a@b>\nDelivered-To: joe@example.org\nReceived: a\n b\nSubject: x\n\nReturn-Path: body\n" },
	{ "one like it stays", "a@b", "Return-Path-X: a\r\nX-Return-Path: b\r\n\r\n",
	  "Return-Path: <a@b>\nDelivered-To: joe@example.org\nReturn-Path-X: a\nX-Return-Path: b\n\n" },
	{ "no header", "a@b", "\r\nhello\r\n", "Return-Path: <a@b>\nDelivered-To: joe@example.org\n\nhello\n" },
	{ "no body", "a@b", "Subject: x\r\n", "Return-Path: <a@b>\nDelivered-To: joe@example.org\nSubject: x\n" },
	{ "no final line end", "a@b", "Subject: x\r\n\r\nhello", "Return-Path: <a@b>\nDelivered-To: joe@example.org\nSubject: x\n\nhello" },
	{ "only CRLF changes", "a@b", "A: b\r\n\r\na\rb\r\r\nc\r", "Return-Path: <a@b>\nDelivered-To: joe@example.org\nA: b\n\na\rb\r\nc\r" },
	{ "nothing", "a@b", "", "Return-Path: <a@b>\nDelivered-To: joe@example.org\n" },
	{ "8-bit text", "a@b", "A: b\r\n\r\n\344\303\244\r\n", "Return-Path: <a@b>\nDelivered-To: joe@example.org\nA: b\n\n\344\303\244\n" },
	{ "another mailbox's Delivered-To", "a@b", "Delivered-To: jim@example.org\r\n\r\n",
	  "Return-Path: <a@b>\nDelivered-To: joe@example.org\nDelivered-To: jim@example.org\n\n" },
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
		is(only_file(folder, text, sizeof text, name), slice_str(texts[i].file), texts[i].name);
		(void)snprintf(file, sizeof file, "%s/%s", folder, name);
		if (i == 0) {
			ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0600, "the file is its owner's only");
			ok(strstr(name, ".M") && strstr(name, ".a\\057b\\072c"), "the name escapes what may not be in it");
			ok(m->outcomes[0].cause == CAUSE_DELIVERED && mail_reported(m), "reported once");
			ok(mail_state(m, 0) == 'D', "marked in the queue file");
		}
		(void)unlink(file);
	}
	(void)snprintf(file, sizeof file, "%s/example.org/joe", box);
	ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0700, "the folders too");
	(void)snprintf(folder, sizeof folder, "%s/example.org/joe/tmp", box);
	ok(only_file(folder, text, sizeof text, name).p == NULL && access(folder, F_OK) == 0, "nothing is left in tmp/");
	(void)snprintf(folder, sizeof folder, "%s/example.org/joe/cur", box);
	ok(access(folder, F_OK) == 0, "cur/ is there");
}

/* A mailbox whose tmp/ hands its group on belongs to that group. */
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
	ok(stat(file, &st) == 0 && (st.st_mode & 07777) == 0660, "the file is its group's too");
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
	ok(slice_eq(only_file(folder, text, sizeof text, name), buf_slice(&w)), "a header beyond the bound stays as it is");
}

static void
test_refusals(struct mail *m, struct delivery *d)
{
	struct route route = *d->route, *old = (struct route *)(uintptr_t)d->route;
	static char nowhere[] = "/proc/nowhere/{local}";

	mail_put(m, "a@b", "", "joe@example.org", SL("Delivered-To: JOE@example.org\r\n\r\nx\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_LOOP && m->outcomes[0].kind == OUTCOME_FAILED, "delivered here before: a loop");
	mail_put(m, "a@b", "", "joe@example.org", SL("Subject: x\r\n\r\nDelivered-To: joe@example.org\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_DELIVERED, "in the text it is none");
	mail_put(m, "a@b", "", "\"../x\"@example.org|joe@example.org", SL("Subject: x\r\n\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_MAILDIR_USER && m->outcomes[1].cause == CAUSE_DELIVERED && mail_reported(m),
	    "an unsafe name fails alone");
	ok(mail_state(m, 0) == 'P' && mail_state(m, 1) == 'D', "and is not marked");
	route.target = nowhere;
	d->route = &route;
	mail_put(m, "a@b", "", "joe@example.org", SL("Subject: x\r\n\r\n"));
	mail_deliver(m, d);
	ok(m->outcomes[0].cause == CAUSE_MAILDIR && m->outcomes[0].kind == OUTCOME_DEFERRED &&
	    strstr(m->outcomes[0].detail, "/proc/nowhere/joe: "), "a folder that cannot be made: later");
	d->route = old;
}

static void
test_log(struct mail *m, struct delivery *d)
{
	char note[800];
	struct buf b = BUF(note);

	mail_put(m, "a@b", "", "joe@example.org", SL("Subject: x\r\n\r\n"));
	mail_deliver(m, d);
	queue_last_note(&m->e, SL("joe@example.org"), &b);
	ok(slice_has_prefix(buf_slice(&b), SL("<joe@example.org> delivered 2.0.0 why=\"/")), "noted in the message's log");
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
	mail_put(m, "a@b", "", "joe@example.org|jim@example.org", SL("Subject: x\r\n\r\nhello\r\n"));
	fflush(stdout);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	(void)dup2(fd, STDOUT_FILENO);
	mail_deliver(m, d);
	(void)dup2(keep, STDOUT_FILENO);
	close(keep);
	n = pread(fd, text, sizeof text, 0);
	close(fd);
	buf_fmt(&w, "---------- message %s\nfrom: <a@b>\nto: <joe@example.org>\nto: <jim@example.org>\n\n"
	    "Return-Path: <a@b>\nSubject: x\n\nhello\n---------- end\n", m->e.id);
	is(slice_of(text, n < 0 ? 0 : (size_t)n), buf_slice(&w), "print: envelope, then text");
	ok(mail_reported(m) && m->outcomes[1].cause == CAUSE_DELIVERED, "print: each recipient is reported");
}

static void
test_others(struct mail *m, struct delivery *d)
{
	static char text[] = "moved to example.net";
	static struct route discard = { .via = VIA_DISCARD }, reject = { .via = VIA_REJECT, .target = text };

	d->route = &discard;
	mail_put(m, "a@b", "", "joe@example.org|jim@example.org", SL("x\r\n"));
	mail_deliver(m, d);
	ok(mail_reported(m) && m->outcomes[0].kind == OUTCOME_DELIVERED && mail_state(m, 1) == 'D', "discard delivers");
	d->route = &reject;
	mail_put(m, "a@b", "", "joe@example.org", SL("x\r\n"));
	mail_deliver(m, d);
	ok(mail_reported(m) && m->outcomes[0].cause == CAUSE_ROUTE_REJECT &&
	    strcmp(m->outcomes[0].detail, text) == 0 && mail_state(m, 0) == 'P', "reject fails with its text");
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
	test_texts(&m, &d, box);
	test_shared(&m, &d, box);
	test_large(&m, &d, box);
	test_refusals(&m, &d);
	test_log(&m, &d);
	test_print(&m, &d);
	test_others(&m, &d);
	mail_done(&m);
	return tap_done();
}
