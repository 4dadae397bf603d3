// SPDX-License-Identifier: ISC
/*
 * The folder of the system's authorities has links, most of them into one other folder.  Each place
 * is found once in a process: new certificates in it are found without that.
 */
#include "net/tls.h"

#include <dirent.h>
#include <limits.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES_MAX  64
#define ENTRIES_MAX 2000	/* names of a folder that are looked at */

static char *places[PLACES_MAX];
static size_t nplaces;

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
	if (!realpath(path, real))
		return;
	if (strncmp(real, "/usr/", 5) == 0) {
		*strrchr(real, '/') = '\0';
		memcpy(last, target, above);
		last[above] = '\0';
	}
	add_place(real);
}

/* Add the folder itself, and where its links lead. */
static void
add_folder(const char *folder)
{
	char real[PATH_MAX], last[PATH_MAX] = "";
	DIR *names = realpath(folder, real) ? opendir(real) : NULL;
	const struct dirent *entry;

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
find_places(void)
{
	struct slice rest = slice_str(chosen(X509_get_default_cert_dir_env(),
	    X509_get_default_cert_dir()));

	add_place(chosen(X509_get_default_cert_file_env(), X509_get_default_cert_file()));
	while (rest.n) {
		const struct slice folder = slice_cut(rest, ':', &rest);
		char path[PATH_MAX];

		if (folder.n == 0 || folder.n >= sizeof path)
			continue;
		memcpy(path, folder.p, folder.n);
		path[folder.n] = '\0';
		add_folder(path);
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
