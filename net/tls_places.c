// SPDX-License-Identifier: ISC
/*
 * The folder of the system's authorities has links, most of them into one other folder.  Each place
 * is found once in a process: new certificates in it are found without that.  To read hundreds of
 * links would be a tenth of the time of a run with one message, so a file keeps what was found: the
 * state of the folders, and the places.  It counts until a folder changes.
 */
#include "net/tls.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"

#define PLACES_MAX  64
#define ENTRIES_MAX 2000	/* names of a folder that are looked at */
#define FILE_NAME   "authorities"
#define FILE_MAX    16384
#define FILE_END    "end\n"
#define SETTLED_S   3		/* a folder that changed later may change again within its time */

static char *places[PLACES_MAX];
static size_t nplaces;
static bool dangling;		/* a link leads nowhere now; its place may come later */

static bool
is_known(const char *path)
{
	for (size_t i = 0; i < nplaces; i++)
		if (strcmp(places[i], path) == 0)
			return true;
	return false;
}

static void
add_place(const char *path)
{
	if (nplaces < PLACES_MAX && !is_known(path) && (places[nplaces] = strdup(path)))
		nplaces++;
}

/* Add where a link leads: a folder of the system's, which has nothing secret, or else that file
 * alone.  Most links lead into one folder, which is kept in last. */
static void
follow_link(const char *folder, int fd, const char *name, char last[PATH_MAX])
{
	char target[PATH_MAX], path[2 * PATH_MAX], real[PATH_MAX];
	const ssize_t n = readlinkat(fd, name, target, sizeof target - 1);
	const char *slash;
	size_t above;

	if (n <= 0)
		return;
	target[n] = '\0';
	slash = strrchr(target, '/');
	above = slash ? (size_t)(slash - target) : 0;
	if (above == 0)			/* into the folder itself */
		return;
	if (last[0] && strncmp(target, last, above) == 0 && last[above] == '\0')
		return;
	(void)snprintf(path, sizeof path, "%s/%s", target[0] == '/' ? "" : folder, target);
	if (!realpath(path, real)) {
		dangling = true;
		return;
	}
	if (strncmp(real, "/usr/", 5) == 0) {
		*strrchr(real, '/') = '\0';
		memcpy(last, target, above);
		last[above] = '\0';
	}
	add_place(real);
}

/* Add the folder itself, and where its links lead. */
static void
add_folder(void *ctx, const char *folder)
{
	char real[PATH_MAX], last[PATH_MAX] = "";
	DIR *names = realpath(folder, real) ? opendir(real) : NULL;
	const struct dirent *entry;

	(void)ctx;
	if (!names)
		return;
	add_place(real);
	for (unsigned n = 0; n < ENTRIES_MAX && (entry = readdir(names)); n++)
		if (entry->d_type == DT_LNK)
			follow_link(real, dirfd(names), entry->d_name, last);
	(void)closedir(names);
}

static const char *
chosen(const char *variable, const char *otherwise)
{
	const char *value = secure_getenv(variable);

	return value ? value : otherwise;
}

static void
each_folder(void (*each)(void *ctx, const char *path), void *ctx)
{
	struct slice rest = slice_str(chosen(X509_get_default_cert_dir_env(),
	    X509_get_default_cert_dir()));

	while (rest.n) {
		const struct slice folder = slice_cut(rest, ':', &rest);
		char path[PATH_MAX];

		if (folder.n == 0 || folder.n >= sizeof path)
			continue;
		memcpy(path, folder.p, folder.n);
		path[folder.n] = '\0';
		each(ctx, path);
	}
}

static const char *
list_of_all(void)
{
	return chosen(X509_get_default_cert_file_env(), X509_get_default_cert_file());
}

static void
find_places(void)
{
	add_place(list_of_all());
	each_folder(add_folder, NULL);
}

/* ---- the file ---- */

/* Its first lines, and whether they will show the next change, too. */
struct description {
	struct buf text;
	bool settled;
};

static void
describe_folder(void *ctx, const char *path)
{
	struct description *d = ctx;
	struct stat st = { 0 };

	if (stat(path, &st) == 0)
		d->settled &= st.st_ctime < clock_wall_s() - SETTLED_S;
	buf_fmt(&d->text, "folder %" PRIu64 " %" PRIu64 " %" PRId64 " %ld %s\n",
	    (uint64_t)st.st_dev, (uint64_t)st.st_ino, (int64_t)st.st_ctim.tv_sec,
	    st.st_ctim.tv_nsec, path);
}

/* Takes the places from the file's text.  False, and there are none, if it is not about the folders
 * as they are. */
static bool
take_places(struct slice text, struct slice description)
{
	struct slice rest;

	if (!slice_has_prefix(text, description) || text.n < sizeof FILE_END ||
	    memcmp(text.p + text.n - (sizeof FILE_END - 1), FILE_END, sizeof FILE_END - 1) != 0)
		return false;
	rest = slice_of(text.p + description.n, text.n - description.n - (sizeof FILE_END - 1));
	while (rest.n) {
		const struct slice line = slice_cut(rest, '\n', &rest);
		char path[PATH_MAX];

		if (line.n == 0 || line.n >= sizeof path || line.p[0] != '/')
			continue;
		memcpy(path, line.p, line.n);
		path[line.n] = '\0';
		add_place(path);
	}
	return nplaces > 0;
}

static bool
read_places(int folder, struct slice description)
{
	static char text[FILE_MAX];
	const int fd = openat(folder, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);

	if (fd >= 0)
		(void)close(fd);
	return n > 0 && take_places(slice_of(text, (size_t)n), description);
}

/* Without fsync: a torn file lacks its end. */
static void
write_places(int folder, struct slice description)
{
	struct file_replace file;

	if (file_replace_begin(&file, folder, FILE_NAME) < 0)
		return;
	(void)fwrite(description.p, 1, description.n, file.out);
	for (size_t i = 0; i < nplaces; i++)
		fprintf(file.out, "%s\n", places[i]);
	fputs(FILE_END, file.out);
	(void)file_replace_end(&file);
}

void
tls_places_find(int folder)
{
	static char space[FILE_MAX / 2];
	struct description d = { .text = BUF(space), .settled = true };

	if (nplaces)
		return;
	buf_fmt(&d.text, "list %s\n", list_of_all());
	each_folder(describe_folder, &d);
	if (d.text.full || !read_places(folder, buf_slice(&d.text))) {
		find_places();
		if (!d.text.full && d.settled && !dangling)
			write_places(folder, buf_slice(&d.text));
	}
}

void
tls_places(void (*each)(void *ctx, const char *path), void *ctx)
{
	if (nplaces == 0)
		find_places();
	for (size_t i = 0; i < nplaces; i++)
		each(ctx, places[i]);
}
