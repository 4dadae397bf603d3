// SPDX-License-Identifier: ISC
/*
 * Where the resolver's servers come from: our own configuration, else resolv.conf(5).  ldns
 * refuses the whole file for one bad line, and loses scopes and options.  domain and
 * search do not matter: names in mail are complete (RFC 5321 section 2.3.5).
 */
#include "dns/resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#define DNS_PORT    53
#define FILE_MAX    65536
#define TIMEOUT_S   5		/* these four as libc has them */
#define ATTEMPTS    2
#define TIMEOUT_MAX 30
#define ATTEMPTS_MAX 5

/* The next word of a line, "" at its end or where a comment begins. */
static struct slice
word(struct slice *line)
{
	struct slice w = *line = slice_trim(*line);

	if (w.n && (w.p[0] == '#' || w.p[0] == ';'))
		w.n = 0;
	for (size_t i = 0; i < w.n; i++)
		if (ascii_blank(w.p[i]))
			w.n = i;
	*line = slice_skip(*line, w.n);
	return w;
}

static void
nameserver(struct dns_resolver *r, struct slice text)
{
	size_t i = r->nservers;

	if (i < DNS_SERVERS_MAX && address_parse(text, DNS_PORT, &r->servers[i], &r->server_len[i]))
		r->nservers++;
}

/* "timeout:N": libc's limits apply, also below: 0 would never wait. */
static bool
option(struct slice w, struct slice key, uint64_t max, uint64_t *ret)
{
	uint64_t n;

	if (!slice_has_prefix(w, key) || !slice_uint(slice_skip(w, key.n), UINT32_MAX, &n))
		return false;
	*ret = n < 1 ? 1 : n > max ? max : n;
	return true;
}

void
resolv_conf_parse(struct dns_resolver *r, struct slice text)
{
	while (text.n) {
		struct slice line = slice_cut(text, '\n', &text), key, w;
		uint64_t n;

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		key = word(&line);
		if (slice_eq(key, SL("nameserver")))
			nameserver(r, word(&line));
		if (!slice_eq(key, SL("options")))
			continue;
		while ((w = word(&line)).n) {
			if (option(w, SL("timeout:"), TIMEOUT_MAX, &n))
				r->timeout_ms = (int)n * 1000;
			if (option(w, SL("attempts:"), ATTEMPTS_MAX, &n))
				r->attempts = (int)n;
			r->rotate |= slice_eq(w, SL("rotate"));
		}
	}
}

static void
read_file(struct dns_resolver *r, const char *path)
{
	static char text[FILE_MAX];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return;
	while (n < sizeof text && (got = read(fd, text + n, sizeof text - n)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	(void)close(fd);
	resolv_conf_parse(r, slice_of(text, n));
}

static void
take_list(struct dns_resolver *r, const struct address_list *servers)
{
	for (size_t i = 0; i < servers->n && i < DNS_SERVERS_MAX; i++) {
		struct sockaddr *sa = (struct sockaddr *)&r->servers[i];

		r->servers[i] = servers->list[i];
		r->server_len[i] = address_len(sa->sa_family);
		if (address_port(sa) == 0)
			address_set_port(sa, DNS_PORT);
		r->nservers++;
	}
}

void
dns_resolver_init(struct dns_resolver *r, const struct address_list *servers, const char *resolv_conf)
{
	memset(r, 0, sizeof *r);
	r->timeout_ms = TIMEOUT_S * 1000;
	r->attempts = ATTEMPTS;
	if (servers && servers->n)
		take_list(r, servers);
	else
		read_file(r, resolv_conf ? resolv_conf : "/etc/resolv.conf");
	if (r->nservers == 0)
		nameserver(r, SL("127.0.0.1"));
}
