// SPDX-License-Identifier: ISC
/*
 * A file is removed after its server has taken it.  A crash in between posts it once more.
 */
#include "fetch/posts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/addresses.h"
#include "fetch/https.h"
#include "fetch/post.h"

#define FILE_MAX  ((size_t)34 << 20)
#define POSTS_MAX 20000		/* of one run */
#define SLOW_PART 10		/* of the time for a request: a failure after it is slow */
#define SLOW_MAX  256		/* hosts that are remembered */

int
posts_open(const char *queue)
{
	char path[4096];
	int fd, r = 0;

	if ((size_t)snprintf(path, sizeof path, "%s/state/reports", queue) >= sizeof path)
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		(void)close(fd);
	}
	return r < 0 ? r : fd;
}

struct sending {
	int folder;
	const struct config *config;
	const struct dns_resolver *resolver;
	int timeout_ms;
	char slow[SLOW_MAX][POST_HOST_MAX];	/* hosts that failed after a long time */
	size_t nslow;
};

static bool
is_slow(const struct sending *s, const char *host)
{
	for (size_t i = 0; i < s->nslow; i++)
		if (strcmp(s->slow[i], host) == 0)
			return true;
	return false;
}

/* Has the server taken it? */
static bool
post_one(const struct sending *s, const struct post *p, struct buf *why)
{
	struct sockaddr_storage addresses[ADDRESSES_MAX];
	const struct https_request request = {
		.host = p->host, .path = p->path, .addresses = addresses,
		.naddresses = addresses_find(s->config, s->resolver, p->host, addresses, why),
		.authorities = s->config->relay.tls_ca_file, .type = p->type, .body = p->body,
		.timeout_ms = s->timeout_ms,
	};

	return request.naddresses && https_post(&request, why) == HTTPS_DONE;
}

/* Has a server taken it?  One that is down may have many reports: it costs its time once.  That a
 * server refuses one report says nothing about the next. */
static bool
try_post(struct sending *s, const struct post *p, struct buf *why)
{
	const int64_t begin_ms = clock_ms();

	if (is_slow(s, p->host)) {
		buf_fmt(why, "https://%s has not replied to another report", p->host);
		return false;
	}
	if (post_one(s, p, why))
		return true;
	if (clock_ms() - begin_ms >= s->timeout_ms / SLOW_PART && s->nslow < SLOW_MAX)
		memcpy(s->slow[s->nslow++], p->host, sizeof p->host);
	return false;
}

/* May the file go? */
static bool
is_over(struct sending *s, const char *name, struct slice text)
{
	char space[600];
	struct buf why = BUF(space);
	struct post p;

	if (!post_read(text, &p)) {
		text_print(stdout, "%s: it is damaged, and removed\n", name);
		return true;
	}
	if (try_post(s, &p, &why)) {
		text_print(stdout, "%s: https://%s has taken it\n", name, p.host);
		return true;
	}
	if (clock_wall_s() < p.until_s) {
		text_print(stdout, "%s: %s; a later run tries again\n", name, buf_cstr(&why));
		return false;
	}
	text_print(stdout, "%s: %s; its time is over, and it is removed\n", name, buf_cstr(&why));
	return true;
}

static void
send_file(struct sending *s, const char *name)
{
	char *text;
	size_t n;

	if (file_read(s->folder, name, FILE_MAX, &text, &n) < 0)
		return;
	if (is_over(s, name, slice_of(text, n)))
		(void)unlinkat(s->folder, name, 0);
	free(text);
}

/* The names are read before the first post, which may take a minute. */
static size_t
list_files(int folder, char **names)
{
	const int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t n = 0;

	if (!d && fd >= 0)
		(void)close(fd);
	while (d && n < POSTS_MAX && (entry = readdir(d)))
		if (strncmp(entry->d_name, "post-", 5) == 0 &&
		    (names[n] = strdup(entry->d_name)))
			n++;
	if (d)
		(void)closedir(d);
	return n;
}

void
posts_send(int folder, const struct config *c, const struct dns_resolver *resolver,
    int timeout_ms)
{
	static char *names[POSTS_MAX];
	static struct sending s;
	const size_t n = list_files(folder, names);

	s = (struct sending){
		.folder = folder, .config = c, .resolver = resolver, .timeout_ms = timeout_ms,
	};
	for (size_t i = 0; i < n; i++) {
		send_file(&s, names[i]);
		free(names[i]);
	}
}
