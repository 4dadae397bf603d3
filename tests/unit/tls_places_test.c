// SPDX-License-Identifier: ISC
/*
 * The places of a folder of authorities with links of all kinds.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
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

/* The places as a new process finds them, with a file of what was found before. */
static bool
found_by_another(const char *wanted)
{
	int status;
	const pid_t pid = fork();

	if (pid == 0) {
		const int memory = open(in_folder("memory"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		found[0] = '\0';
		tls_places_find(memory);
		tls_places(add_found, NULL);
		_exit(has(wanted) ? 0 : 1);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static bool
is_kept(void)
{
	return access(in_folder("memory/authorities"), F_OK) == 0;
}

/* The clock is set forward by these seconds. */
static int64_t later_s;

int64_t __real_clock_wall_us(void);
int64_t __wrap_clock_wall_us(void);

int64_t
__wrap_clock_wall_us(void)
{
	return __real_clock_wall_us() + later_s * 1000000;
}

static void
replace_in_memory(const char *from, char to)
{
	char text[4000] = "", *at;
	const int fd = open(in_folder("memory/authorities"), O_RDWR);
	const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);

	at = n > 0 ? strstr(text, from) : NULL;
	if (!at || pwrite(fd, &to, 1, at - text) != 1 || close(fd) < 0)
		abort();
}

static void
test_memory(void)
{
	char place[PATH_MAX + 100];

	if (mkdir(in_folder("memory"), 0700) < 0)
		abort();
	(void)snprintf(place, sizeof place, "%s", in_folder("more/ca.pem"));
	ok(found_by_another(place) && !is_kept(), "a folder that has just changed is not kept");
	later_s = 100;
	ok(found_by_another(place) && !is_kept(), "nor is one with a link that leads nowhere");
	(void)remove(in_folder("gone.pem"));
	ok(found_by_another(place) && is_kept(), "others are");
	replace_in_memory("/more/ca.pem", '+');
	ok(!found_by_another(place), "the next process believes the file");
	put_file("gone.pem");
	ok(found_by_another(place), "not after the folder has changed");
	replace_in_memory("/more/ca.pem", '+');
	replace_in_memory("end\n", '-');
	ok(found_by_another(place), "nor if it has no end");
	setenv("SSL_CERT_FILE", "/elsewhere.pem", 1);
	ok(found_by_another("/elsewhere.pem"), "nor if another list is chosen");
	(void)remove(in_folder("memory/authorities"));
	(void)remove(in_folder("gone.pem"));
	put_link("/nonexistent/ca.pem", "gone.pem");
	setenv("SSL_CERT_FILE", in_folder("list.pem"), 1);
}

int
main(void)
{
	static const char *const names[] = { "plain.pem", "hash.0", "a.pem", "b.pem", "own.pem",
		"near.pem", "gone.pem", "list.pem", "more/ca.pem", "other/key.pem", "more",
		"other", "memory" };
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
	test_memory();
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
