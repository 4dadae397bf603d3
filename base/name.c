// SPDX-License-Identifier: ISC
/*
 * Names of hosts.  This file reads /etc/hosts itself, because getaddrinfo() would load modules and
 * may ask the network in every process.
 *
 * A name here is a name of the configuration: ASCII labels, and a last label that is not a number.
 * smtp/domain.c judges names that clients send; dns/name.c judges names to ask the DNS for.
 */
#include "base/name.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/cidr.h"
#include "base/words.h"

#define HOSTS_FILE "/etc/hosts"
/* Octets that are read: the lines of this machine are near the start. */
#define HOSTS_MAX  32768

static bool
is_alnum(char c)
{
	c = ascii_lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
label_valid(struct slice label)
{
	if (label.n == 0 || label.n > 63 || label.p[0] == '-' || label.p[label.n - 1] == '-')
		return false;
	for (size_t i = 0; i < label.n; i++)
		if (!is_alnum(label.p[i]) && label.p[i] != '-' && label.p[i] != '_')
			return false;
	return true;
}

bool
name_is_domain(struct slice s)
{
	struct slice label, rest = s;
	uint64_t number;

	if (s.n == 0 || s.n > NAME_MAX_OCTETS || s.p[s.n - 1] == '.')
		return false;
	do {
		label = slice_cut(rest, '.', &rest);
		if (!label_valid(label))
			return false;
	} while (rest.n);
	/* No top-level domain is a number (RFC 3696 section 2). */
	return !slice_uint(label, UINT64_MAX, &number);
}

bool
name_is_host(struct slice s)
{
	return name_is_domain(s) && !memchr(s.p, '_', s.n);
}

bool
name_is_fqdn(struct slice s)
{
	return name_is_host(s) && memchr(s.p, '.', s.n);
}

bool
name_is_literal(struct slice s)
{
	struct sockaddr_storage ss;

	return address_literal_parse(s, &ss);
}

bool
name_next_in_hosts(struct slice *text, struct slice *ret_address, struct slice *ret_names)
{
	struct slice line, comment;

	if (text->n == 0)
		return false;
	line = slice_cut(*text, '\n', text);
	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	*ret_names = slice_cut(line, '#', &comment);
	*ret_address = words_next(ret_names);
	return true;
}

bool
name_from_hosts(struct slice hosts, struct slice host, struct buf *b)
{
	struct slice address, names, word;

	while (name_next_in_hosts(&hosts, &address, &names)) {
		struct slice full = slice_of(NULL, 0);
		bool ours = false;

		while ((word = words_next(&names)).n) {
			ours |= slice_ieq(word, host);
			/* "127.0.0.1 localhost.localdomain localhost host" does not count. */
			if (!full.n && name_is_fqdn(word) &&
			    !slice_has_iprefix(word, SL("localhost.")))
				full = word;
		}
		if (ours && full.n) {
			buf_add(b, full);
			return true;
		}
	}
	return false;
}

bool
name_of_host(struct buf *b)
{
	char name[NAME_MAX_OCTETS + 1] = "", hosts[HOSTS_MAX];
	struct slice host;
	ssize_t n;
	int fd;

	if (gethostname(name, sizeof name - 1) < 0)
		return false;
	host = slice_str(name);
	if (name_is_fqdn(host)) {
		buf_add(b, host);
		return true;
	}
	fd = open(HOSTS_FILE, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, hosts, sizeof hosts);
	(void)close(fd);
	return n > 0 && name_from_hosts(slice_of(hosts, (size_t)n), host, b);
}
