// SPDX-License-Identifier: ISC
/*
 * The servers of the resolver: from our configuration, else from resolv.conf(5).  ldns is not used:
 * it refuses the whole file for one bad line, and loses scopes and options.  domain and search are
 * kept for hosts of the configuration: names in mail are complete (RFC 5321 section 2.3.5).
 */
#include "dns/resolv_conf.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include "dns/name.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define DNS_PORT    53
#define FILE_MAX    65536
#define TIMEOUT_S   5		/* these values are libc's */
#define ATTEMPTS    2
#define NDOTS       1
#define TIMEOUT_MAX 30
#define ATTEMPTS_MAX 5
#define NDOTS_MAX   15

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

/* Take the domains of a line "search" or "domain", in place of those before it, as libc does.  The
 * root, ".", adds nothing. */
static void
take_search(struct dns_resolver *r, struct slice line, size_t max)
{
	struct slice w;

	r->nsearch = 0;
	while (r->nsearch < max && (w = next_word(&line)).n)
		r->nsearch += dns_name_from_text(w, r->search[r->nsearch]);
}

/* Parse an option such as "timeout:N".  The limits are libc's. */
static bool
parse_option(struct slice w, struct slice key, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n;

	if (!slice_has_prefix(w, key) || !slice_uint(slice_skip(w, key.n), UINT32_MAX, &n))
		return false;
	*ret = n < min ? min : n > max ? max : n;
	return true;
}

static void
take_options(struct dns_resolver *r, struct slice line)
{
	struct slice w;
	uint64_t n;

	while ((w = next_word(&line)).n) {
		/* 0 would never wait, and never ask. */
		if (parse_option(w, SL("timeout:"), 1, TIMEOUT_MAX, &n))
			r->timeout_ms = (int)n * 1000;
		if (parse_option(w, SL("attempts:"), 1, ATTEMPTS_MAX, &n))
			r->attempts = (int)n;
		if (parse_option(w, SL("ndots:"), 0, NDOTS_MAX, &n))
			r->ndots = (unsigned)n;
		r->rotate |= slice_eq(w, SL("rotate"));
		r->use_tcp |= slice_eq(w, SL("use-vc")) || slice_eq(w, SL("usevc"));
	}
}

void
resolv_conf_parse(struct dns_resolver *r, struct slice text)
{
	while (text.n) {
		struct slice line = slice_cut(text, '\n', &text), key;

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		key = next_word(&line);
		if (slice_eq(key, SL("nameserver")))
			add_nameserver(r, next_word(&line));
		else if (slice_eq(key, SL("search")))
			take_search(r, line, DNS_SEARCH_MAX);
		else if (slice_eq(key, SL("domain")))
			take_search(r, line, 1);
		else if (slice_eq(key, SL("options")))
			take_options(r, line);
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
	if (fstat(fd, &r->file_state) < 0)	/* before it is read: a later change is seen */
		r->file_state = (struct stat){ 0 };
	while (n < sizeof text && (got = read(fd, text + n, sizeof text - n)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	(void)close(fd);
	resolv_conf_parse(r, slice_of(text, n));
}

/* Use these servers, in place of those of the file and its options for them. */
static void
take_list(struct dns_resolver *r, const struct address_list *servers)
{
	r->nservers = 0;
	r->timeout_ms = TIMEOUT_S * 1000;
	r->attempts = ATTEMPTS;
	r->rotate = r->use_tcp = false;
	for (size_t i = 0; i < servers->n && i < DNS_SERVERS_MAX; i++) {
		struct sockaddr *sa = (struct sockaddr *)&r->servers[i];

		r->servers[i] = servers->list[i];
		r->server_len[i] = address_len(sa->sa_family);
		if (address_port(sa) == 0)
			address_set_port(sa, DNS_PORT);
		r->nservers++;
	}
}

/* Read the settings into r, whose members for them are zero.  False: there is no server. */
static bool
read_settings(struct dns_resolver *r, const struct address_list *servers, const char *resolv_conf)
{
	r->timeout_ms = TIMEOUT_S * 1000;
	r->attempts = ATTEMPTS;
	r->ndots = NDOTS;
	r->file = resolv_conf;
	read_file(r, resolv_conf);
	if (servers && servers->n)
		take_list(r, servers);
	return r->nservers > 0;
}

void
dns_resolver_init(struct dns_resolver *r, const struct address_list *servers,
    const char *resolv_conf)
{
	memset(r, 0, sizeof *r);
	if (!read_settings(r, servers, resolv_conf ? resolv_conf : RESOLV_CONF))
		add_nameserver(r, SL("127.0.0.1"));
}

static bool
is_unchanged(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Do both ask the same servers in the same way? */
static bool
is_same(const struct dns_resolver *a, const struct dns_resolver *b)
{
	bool same = a->nservers == b->nservers && a->timeout_ms == b->timeout_ms &&
	    a->attempts == b->attempts && a->rotate == b->rotate && a->use_tcp == b->use_tcp &&
	    a->nsearch == b->nsearch && a->ndots == b->ndots;

	for (size_t i = 0; same && i < a->nservers; i++)
		same = a->server_len[i] == b->server_len[i] &&
		    memcmp(&a->servers[i], &b->servers[i], a->server_len[i]) == 0;
	for (size_t i = 0; same && i < a->nsearch; i++)
		same = strcmp(a->search[i], b->search[i]) == 0;
	return same;
}

bool
dns_resolver_renew(struct dns_resolver *r, const struct address_list *servers)
{
	struct dns_resolver next = { 0 };
	struct stat now;
	bool same;

	if (!r->file || stat(r->file, &now) < 0 || is_unchanged(&now, &r->file_state) ||
	    !read_settings(&next, servers, r->file))
		return false;
	same = is_same(r, &next);
	next.hosts = r->hosts;
	next.cache = r->cache;
	next.validator = r->validator;
	next.trust_ad = r->trust_ad;
	next.unvalidated = r->unvalidated;
	*r = next;
	return !same;
}
