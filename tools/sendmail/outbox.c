// SPDX-License-Identifier: ISC
/*
 * A file has lines "from: PATH", "notify: VALUE", "params: VALUE" and one "to: PATH" for each
 * recipient, then an empty line and the message.  Its name begins with the time, so files are sent
 * in their order.
 */
#include "tools/sendmail/outbox.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"

#define PATH_OCTETS 2048
#define FAILED "failed"

/* The path of the folder.  False if this user has no place for it. */
static bool
folder_path(struct buf *b)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && state[0] == '/')
		buf_fmt(b, "%s/smtp-handler/outbox", state);
	else if (home && home[0] == '/')
		buf_fmt(b, "%s/.local/state/smtp-handler/outbox", home);
	else
		return false;
	return !b->full;
}

/* Make the folder and those above it.  A descriptor, or -errno. */
static int
open_folder(bool make)
{
	char space[PATH_OCTETS];
	struct buf b = BUF(space);
	char *path, *slash;
	int fd;

	if (!folder_path(&b))
		return -ENOENT;
	path = (char *)(uintptr_t)buf_cstr(&b);
	for (slash = strchr(path + 1, '/'); make && slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(path, 0700);
		*slash = '/';
	}
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int
write_file(FILE *out, const struct mail *m)
{
	(void)fprintf(out, "from: %.*s\nnotify: %.*s\nparams: %.*s\n", (int)m->sender.n,
	    m->sender.p, (int)m->notify.n, m->notify.p, (int)m->params.n, m->params.p);
	for (size_t i = 0; i < m->people.n; i++)
		if (m->people.list[i].state == PERSON_OPEN)
			(void)fprintf(out, "to: %s\n", m->people.list[i].path);
	(void)fputc('\n', out);
	(void)fwrite(m->front.p, 1, m->front.n, out);
	(void)fwrite(m->letter.header.p, 1, m->letter.header.n, out);
	(void)fwrite(m->letter.body.p, 1, m->letter.body.n, out);
	return fflush(out) != 0 || ferror(out) || fsync(fileno(out)) < 0 ? -EIO : 0;
}

/* The name of the file that is written first: it is no message yet. */
static int
keep_in(int folder, const struct mail *m)
{
	char name[64], hidden[66];
	FILE *out;
	int fd, r;

	(void)snprintf(name, sizeof name, "%020lld.%ld", (long long)clock_wall_us(),
	    (long)getpid());
	(void)snprintf(hidden, sizeof hidden, ".%s", name);
	fd = openat(folder, hidden, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	out = fdopen(fd, "w");
	if (!out) {
		(void)close(fd);
		return -ENOMEM;
	}
	r = write_file(out, m);
	(void)fclose(out);
	if (r == 0 && renameat(folder, hidden, folder, name) < 0)
		r = -errno;
	if (r < 0)
		(void)unlinkat(folder, hidden, 0);
	else if (fsync(folder) < 0)
		r = -errno;
	return r;
}

int
outbox_keep(const struct mail *m)
{
	const int folder = open_folder(true);
	int r;

	if (folder < 0)
		return folder;
	r = keep_in(folder, m);
	(void)close(folder);
	return r;
}

/* The lines up to the empty one.  The slices of *m point into text.  False if it is no file of
 * ours. */
static bool
parse(struct slice text, struct mail *m)
{
	struct slice bad, line;

	while ((line = slice_cut(text, '\n', &text)).n) {
		struct slice value, key = slice_cut(line, ':', &value);

		value = slice_trim(value);
		if (slice_eq(key, SL("from")))
			m->sender = value;
		else if (slice_eq(key, SL("notify")))
			m->notify = value;
		else if (slice_eq(key, SL("params")))
			m->params = value;
		else if (!slice_eq(key, SL("to")) || people_add(&m->people, value, &bad) < 0)
			return false;
	}
	letter_of(&m->letter, text);
	return m->people.n > 0;
}

/* Tell the user by mail: nobody else reads the folder. */
static void
notify_failure(struct desk *d, const char *name, struct slice login)
{
	char space[PATH_OCTETS], text[PATH_OCTETS + 800];
	struct buf path = BUF(space), b = BUF(text);
	struct mail m = { 0 };
	struct slice bad;

	if (!folder_path(&path) || people_add(&m.people, login, &bad) < 0)
		return;
	buf_fmt(&b, "From: Mail Delivery System <MAILER-DAEMON>\nTo: <%.*s>\n"
	    "Subject: A message of yours could not be sent\n\n"
	    "The mail server of this host refuses it:\n  %d %.*s\n\nThe message is in the file\n"
	    "  %s/" FAILED "/%s\n",
	    (int)login.n, login.p, d->reply.code,
	    (int)(d->reply.text.n < 400 ? d->reply.text.n : 400), d->reply.text.p,
	    buf_cstr(&path), name);
	letter_of(&m.letter, buf_slice(&b));
	(void)desk_hand_in(d, &m);
	people_done(&m.people);
}

/* Move a file to failed/. */
static bool
put_aside(int folder, const char *name)
{
	char failed[300];

	(void)snprintf(failed, sizeof failed, FAILED "/%s", name);
	(void)mkdirat(folder, FAILED, 0700);
	return renameat(folder, name, folder, failed) == 0;
}

/* One file.  True if it stays for later. */
static bool
send_file(struct desk *d, int folder, const char *name, struct mail *m, struct slice login)
{
	size_t open;

	(void)desk_hand_in(d, m);
	open = people_count(&m->people, PERSON_OPEN);
	/* Those who have it must not get it again. */
	if (open == m->people.n || (open && keep_in(folder, m) < 0))
		return true;
	if (people_count(&m->people, PERSON_REFUSED) == 0)
		(void)unlinkat(folder, name, 0);
	else if (put_aside(folder, name))
		notify_failure(d, name, login);
	return open > 0;
}

static bool
map_and_send(struct desk *d, int folder, const char *name, struct slice login)
{
	const int fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct mail m = { 0 };
	struct stat st;
	void *p = MAP_FAILED;
	bool stays = true;

	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0)
		p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p != MAP_FAILED && parse(slice_of(p, (size_t)st.st_size), &m))
		stays = send_file(d, folder, name, &m, login);
	else
		text_print(stderr, "sendmail: outbox/%s is no message; remove it\n", name);
	people_done(&m.people);
	if (p != MAP_FAILED)
		(void)munmap(p, (size_t)st.st_size);
	if (fd >= 0)
		(void)close(fd);
	return stays;
}

/* A message: its name begins with a digit. */
static int
is_message(const struct dirent *entry)
{
	return entry->d_name[0] >= '0' && entry->d_name[0] <= '9';
}

/* The names, which the caller frees; their number, or -1. */
static int
list(struct dirent ***ret)
{
	char space[PATH_OCTETS];
	struct buf b = BUF(space);

	return folder_path(&b) ? scandir(buf_cstr(&b), ret, is_message, alphasort) : -1;
}

bool
outbox_any(void)
{
	struct dirent **names;
	const int n = list(&names);

	for (int i = 0; i < n; i++)
		free(names[i]);
	if (n >= 0)
		free(names);
	return n > 0;
}

size_t
outbox_send(struct desk *d, struct slice login)
{
	const int folder = open_folder(false);
	struct dirent **names;
	size_t stay = 0;
	int n;

	if (folder < 0)
		return 0;
	/* Another call may be sending them. */
	n = flock(folder, LOCK_EX | LOCK_NB) < 0 ? -1 : list(&names);
	for (int i = 0; i < n; i++) {
		stay += d->fd < 0 || map_and_send(d, folder, names[i]->d_name, login);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
	(void)close(folder);
	return stay;
}
