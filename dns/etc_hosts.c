// SPDX-License-Identifier: ISC
/*
 * Reading hosts(5).  getaddrinfo(3) would load modules, might ask the DNS itself, and has no time
 * limit.  Only hosts named in the configuration are looked up here (dns/named), never names from an
 * MX record.
 */
#include "dns/etc_hosts.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/name.h"
#include "base/words.h"

#define FILE_MAX (4U << 20)	/* lists that block 100,000 names exist */

static bool
has_name(struct slice names, struct slice name)
{
	struct slice w;

	while ((w = words_next(&names)).n) {
		if (w.p[w.n - 1] == '.')
			w.n--;
		if (slice_ieq(w, name))
			return true;
	}
	return false;
}

size_t
etc_hosts_find(struct slice text, const char *name, struct sockaddr_storage *ret, size_t max)
{
	static const char *const local[] = { "127.0.0.1", "::1" };
	struct slice address, names;
	size_t n = 0;
	socklen_t len;

	while (n < max && name_next_in_hosts(&text, &address, &names))
		if (has_name(names, slice_str(name)) && address_parse(address, 0, &ret[n], &len))
			n++;
	if (n == 0 && strcmp(name, "localhost") == 0)
		for (; n < 2 && n < max; n++)
			(void)address_parse(slice_str(local[n]), 0, &ret[n], &len);
	return n;
}

char *
etc_hosts_read(const char *path, struct slice *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t size = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
	char *text = malloc(size > 0 && size <= FILE_MAX ? (size_t)size : 1);
	ssize_t got = text && size > 0 && size <= FILE_MAX ? pread(fd, text, (size_t)size, 0) : 0;

	if (fd >= 0)
		(void)close(fd);
	*ret = slice_of(text, got > 0 ? (size_t)got : 0);
	return text;
}

size_t
etc_hosts_look_up(const char *path, const char *name, struct sockaddr_storage *ret, size_t max)
{
	struct slice content;
	char *text = etc_hosts_read(path, &content);
	const size_t n = etc_hosts_find(content, name, ret, max);

	free(text);
	return n;
}
