// SPDX-License-Identifier: ISC
/*
 * The servers of the resolver: from our configuration, else from resolv.conf(5).  ldns is not used:
 * it refuses the whole file for one bad line, and loses scopes and options.  domain and search are
 * ignored: names in mail are complete (RFC 5321 section 2.3.5).
 */
#include "dns/resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#define DNS_PORT    53
#define FILE_MAX    65536
#define TIMEOUT_S   5		/* these four values are libc's */
#define ATTEMPTS    2
#define TIMEOUT_MAX 30
#define ATTEMPTS_MAX 5

/* Take the next word of a line.  Empty at the end of the line or at a comment. */
static struct slice
next_word(struct slice *line)
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
add_nameserver(struct dns_resolver *r, struct slice text)
{
	size_t i = r->nservers;

	if (i < DNS_SERVERS_MAX && address_parse(text, DNS_PORT, &r->servers[i], &r->server_len[i]))
		r->nservers++;
}

/* Parse an option such as "timeout:N".  The limits are libc's; 0 becomes 1, because 0 would never
 * wait. */
static bool
parse_option(struct slice w, struct slice key, uint64_t max, uint64_t *ret)
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
		key = next_word(&line);
		if (slice_eq(key, SL("nameserver")))
			add_nameserver(r, next_word(&line));
		if (!slice_eq(key, SL("options")))
			continue;
		while ((w = next_word(&line)).n) {
			if (parse_option(w, SL("timeout:"), TIMEOUT_MAX, &n))
				r->timeout_ms = (int)n * 1000;
			if (parse_option(w, SL("attempts:"), ATTEMPTS_MAX, &n))
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
dns_resolver_init(struct dns_resolver *r, const struct address_list *servers,
    const char *resolv_conf)
{
	memset(r, 0, sizeof *r);
	r->timeout_ms = TIMEOUT_S * 1000;
	r->attempts = ATTEMPTS;
	if (servers && servers->n)
		take_list(r, servers);
	else
		read_file(r, resolv_conf ? resolv_conf : "/etc/resolv.conf");
	if (r->nservers == 0)
		add_nameserver(r, SL("127.0.0.1"));
}
