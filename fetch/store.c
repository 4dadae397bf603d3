// SPDX-License-Identifier: ISC
/*
 * The end of a policy is also the time of modification of its file.  So old files can be found
 * without reading each.
 */
#include "fetch/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/name.h"

#define ENDING	       ".txt"
#define FAILURE_KEPT_S 86400	/* a domain without a policy */
#define REST_KEPT_S    3600	/* a file that somebody may be writing */

int
store_open(const char *queue, bool make)
{
	char path[4096];
	int fd;

	if ((size_t)snprintf(path, sizeof path, "%s/state/sts", queue) >= sizeof path)
		return -ENAMETOOLONG;
	if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The name of a domain's file.  ".txt" keeps it apart from one that is being written, as a domain
 * can end in ".new". */
static bool
file_name(char ret[FILE_NAME_MAX], struct slice domain)
{
	struct buf b = { .p = ret, .cap = FILE_NAME_MAX - sizeof ".new" };

	for (size_t i = 0; i < domain.n; i++)
		buf_chr(&b, ascii_lower(domain.p[i]));
	buf_str(&b, ENDING);
	ret[b.n] = '\0';
	return name_is_domain(domain) && !b.full;
}

/* The domain of a file; empty: it is no such file. */
static struct slice
domain_of(const char *name)
{
	const struct slice file = slice_str(name), ending = SL(ENDING);
	const size_t n = file.n > ending.n ? file.n - ending.n : 0;
	const struct slice domain = slice_of(name, n);

	return slice_eq(slice_skip(file, n), ending) && name_is_domain(domain) ?
	    domain : slice_of(NULL, 0);
}

int
store_open_file(int folder, struct slice domain)
{
	char name[FILE_NAME_MAX];
	int fd;

	if (!file_name(name, domain))
		return -EINVAL;
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

bool
store_read(int folder, struct slice domain, struct buf *b, struct sts_record *ret)
{
	const int fd = store_open_file(folder, domain);
	ssize_t n = -1;

	if (fd >= 0)
		n = read(fd, b->p + b->n, b->cap - b->n);
	if (fd >= 0)
		(void)close(fd);
	return n > 0 && sts_record_read(slice_of(b->p + b->n, (size_t)n), ret);
}

static int64_t
end_of(const struct sts_record *r)
{
	return r->has_policy ? r->expires_s : r->failed_s + FAILURE_KEPT_S;
}

/* The files of the folder, and the one that ends first. */
struct census {
	unsigned n;
	int64_t end_s;
	char name[FILE_NAME_MAX];
};

static bool
next_file(DIR *d, char name[FILE_NAME_MAX], int64_t *ret_end_s)
{
	const struct dirent *entry;
	struct stat st;

	while ((entry = readdir(d))) {
		if (entry->d_name[0] == '.' || strlen(entry->d_name) >= FILE_NAME_MAX ||
		    fstatat(dirfd(d), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		(void)snprintf(name, FILE_NAME_MAX, "%s", entry->d_name);
		*ret_end_s = st.st_mtim.tv_sec;
		return true;
	}
	return false;
}

static DIR *
open_again(int folder)
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

	if (!d && fd >= 0)
		(void)close(fd);
	return d;
}

/* A stranger can make us look for any number of domains. */
static void
make_room(int folder)
{
	struct census c = { .n = 0 };
	char name[FILE_NAME_MAX];
	DIR *d = open_again(folder);
	int64_t end_s;

	while (d && next_file(d, name, &end_s))
		if (c.n++ == 0 || end_s < c.end_s) {
			c.end_s = end_s;
			(void)snprintf(c.name, sizeof c.name, "%s", name);
		}
	if (d)
		(void)closedir(d);
	if (c.n >= STORE_FILES_MAX)
		(void)unlinkat(folder, c.name, 0);
}

int
store_write(int folder, struct slice domain, const struct sts_record *r)
{
	static char space[STS_RECORD_MAX];
	const struct timespec times[] = { { .tv_nsec = UTIME_NOW }, { .tv_sec = end_of(r) } };
	struct buf b = BUF(space);
	struct file_replace f;
	char name[FILE_NAME_MAX];
	int error;

	sts_record_write(&b, r);
	if (b.full || !file_name(name, domain))
		return -EINVAL;
	if (faccessat(folder, name, F_OK, 0) < 0)
		make_room(folder);
	if ((error = file_replace_begin(&f, folder, name)) < 0)
		return error;
	(void)fwrite(b.p, 1, b.n, f.out);
	if (fflush(f.out) == 0)
		(void)futimens(fileno(f.out), times);
	return file_replace_end(&f);
}

void
store_each(int folder, int64_t now_s, void (*each)(void *ctx, struct slice domain), void *ctx)
{
	char name[FILE_NAME_MAX];
	DIR *d = open_again(folder);
	int64_t end_s;

	while (d && next_file(d, name, &end_s)) {
		const struct slice domain = domain_of(name);

		if (end_s + (domain.n ? 0 : REST_KEPT_S) <= now_s)
			(void)unlinkat(folder, name, 0);
		else if (domain.n)
			each(ctx, domain);
	}
	if (d)
		(void)closedir(d);
}
