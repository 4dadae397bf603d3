// SPDX-License-Identifier: ISC
/*
 * The places of a folder of authorities with links of all kinds.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/tls.h"
#include "tests/lib/tap.h"

static char folder[PATH_MAX] = "/tmp/tls_places.XXXXXX";
static char found[4000];
static unsigned nfound;

static void
add_found(void *ctx, const char *path)
{
	const size_t n = strlen(found);

	(void)ctx;
	nfound++;
	(void)snprintf(found + n, sizeof found - n, "|%s|", path);
}

static const char *
in_folder(const char *name)
{
	static char path[PATH_MAX + 100];

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

static bool
has(const char *path)
{
	char text[PATH_MAX + 102];

	(void)snprintf(text, sizeof text, "|%s|", path);
	return strstr(found, text) != NULL;
}

static void
put_link(const char *target, const char *name)
{
	if (symlink(target, in_folder(name)) < 0)
		abort();
}

static void
put_file(const char *name)
{
	const int fd = open(in_folder(name), O_WRONLY | O_CREAT, 0600);

	if (fd < 0 || close(fd) < 0)
		abort();
}

int
main(void)
{
	static const char *const names[] = { "plain.pem", "hash.0", "a.pem", "b.pem", "own.pem",
		"near.pem", "gone.pem", "list.pem", "more/ca.pem", "other/key.pem", "more",
		"other" };
	char other[PATH_MAX + 100], certs[PATH_MAX + 100];

	if (!mkdtemp(folder) || mkdir(in_folder("other"), 0700) < 0 ||
	    mkdir(in_folder("more"), 0700) < 0)
		abort();
	put_file("other/key.pem");
	put_file("more/ca.pem");
	put_file("plain.pem");
	put_link("plain.pem", "hash.0");
	put_link("/usr/bin/env", "a.pem");
	put_link("/usr/bin/sort", "b.pem");
	(void)snprintf(other, sizeof other, "%s", in_folder("other/key.pem"));
	put_link(other, "own.pem");
	put_link("more/ca.pem", "near.pem");
	put_link("/nonexistent/ca.pem", "gone.pem");
	(void)snprintf(certs, sizeof certs, "%s:/nonexistent", folder);
	setenv("SSL_CERT_DIR", certs, 1);
	setenv("SSL_CERT_FILE", in_folder("list.pem"), 1);
	tls_places(add_found, NULL);
	ok(has(folder), "the folder");
	ok(has(in_folder("list.pem")), "the file, which may come later");
	ok(has("/usr/bin"), "a folder of the system's, where links lead");
	ok(has(other), "a file elsewhere, where a link leads");
	ok(has(in_folder("more/ca.pem")), "a file that a relative link leads to");
	ok(!has(in_folder("other")) && !has(in_folder("more")), "not the folders of such files");
	if (!ok(nfound == 5, "nothing else"))
		printf("# %s\n", found);
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		(void)remove(in_folder(names[i]));
	(void)rmdir(folder);
	return tap_done();
}
