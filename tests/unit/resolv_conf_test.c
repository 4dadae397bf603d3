// SPDX-License-Identifier: ISC
/* dns/resolv_conf: the syntax of libc, and mistakes. */
#include "dns/resolv_conf.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/tap.h"

static const struct parse_case {
	const char *name;
	struct slice text;
	const char *servers;		/* "ADDRESS ADDRESS" */
	int timeout_ms, attempts;
} parse_cases[] = {
	{ .name = "empty", .text = S(""), .servers = "", .timeout_ms = 5000, .attempts = 2 },
	{ .name = "one", .text = S("nameserver 192.0.2.53\n"), .servers = "192.0.2.53",
	    .timeout_ms = 5000, .attempts = 2 },
	{ .name = "no_final_newline", .text = S("nameserver 192.0.2.53"), .servers = "192.0.2.53",
	    .timeout_ms = 5000, .attempts = 2 },
	{ .name = "crlf", .text = S("nameserver 192.0.2.53\r\noptions timeout:3\r\n"),
	    .servers = "192.0.2.53", .timeout_ms = 3000, .attempts = 2 },
	{ .name = "two_in_order", .text = S("nameserver 192.0.2.53\nnameserver 2001:db8::53\n"),
	    .servers = "192.0.2.53 2001:db8::53", .timeout_ms = 5000, .attempts = 2 },
	{ .name = "scope_by_number", .text = S("nameserver fe80::1%1\n"), .servers = "fe80::1%1",
	    .timeout_ms = 5000, .attempts = 2 },
	{ .name = "scope_by_name", .text = S("nameserver fe80::1%lo\n"), .servers = "fe80::1%1",
	    .timeout_ms = 5000, .attempts = 2 },
	{ .name = "tabs_and_blanks", .text = S(" \tnameserver\t 192.0.2.53 \t\n"),
	    .servers = "192.0.2.53", .timeout_ms = 5000, .attempts = 2 },
	{ .name = "comments",
	    .text = S("# nameserver 192.0.2.1\n;nameserver 192.0.2.2\n#nameserver 192.0.2.3\n"
		"nameserver 192.0.2.53\n"),
	    .servers = "192.0.2.53", .timeout_ms = 5000, .attempts = 2 },
	{ .name = "trailing_comment",
	    .text = S("nameserver 192.0.2.53 # home\noptions timeout:2 ; attempts:4\n"),
	    .servers = "192.0.2.53", .timeout_ms = 2000, .attempts = 2 },
	{ .name = "garbage",
	    .text = S("nameserver\nnameserver garbage\nnameserver 192.0.2.256\n"
		"nameserverx 192.0.2.1\n\0\377\nnameserver 192.0.2.53\n"),
	    .servers = "192.0.2.53", .timeout_ms = 5000, .attempts = 2 },
	{ .name = "only_first_address_of_a_line", .text = S("nameserver 192.0.2.53 192.0.2.54\n"),
	    .servers = "192.0.2.53", .timeout_ms = 5000, .attempts = 2 },
	{ .name = "domain_and_search_do_not_matter",
	    .text = S("domain example.org\nsearch a.example b.example\nnameserver 192.0.2.53\n"),
	    .servers = "192.0.2.53", .timeout_ms = 5000, .attempts = 2 },
	{ .name = "options", .text = S("options rotate timeout:1 edns0 attempts:3 trust-ad\n"),
	    .servers = "", .timeout_ms = 1000, .attempts = 3 },
	{ .name = "options_on_two_lines", .text = S("options timeout:1\noptions attempts:3\n"),
	    .servers = "", .timeout_ms = 1000, .attempts = 3 },
	{ .name = "options_have_limits", .text = S("options timeout:1000 attempts:1000\n"),
	    .servers = "", .timeout_ms = 30000, .attempts = 5 },
	{ .name = "options_zero", .text = S("options timeout:0 attempts:0\n"), .servers = "",
	    .timeout_ms = 1000, .attempts = 1 },
	{ .name = "options_garbage",
	    .text = S("options timeout: attempts:x timeout:-1 timeout:99999999999999999999\n"),
	    .servers = "", .timeout_ms = 5000, .attempts = 2 },
	{ .name = "too_many",
	    .text = S("nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n"
		"nameserver 192.0.2.4\nnameserver 192.0.2.5\nnameserver 192.0.2.6\n"
		"nameserver 192.0.2.7\nnameserver 192.0.2.8\nnameserver 192.0.2.9\n"),
	    .servers = "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 192.0.2.5 192.0.2.6 192.0.2.7 "
		"192.0.2.8",
	    .timeout_ms = 5000, .attempts = 2 },
};

static struct slice
servers_text(const struct dns_resolver *r, struct buf *b)
{
	for (size_t i = 0; i < r->nservers; i++) {
		if (i)
			buf_chr(b, ' ');
		address_text(b, (const struct sockaddr *)&r->servers[i]);
	}
	return buf_slice(b);
}

static void
parse_case(const struct parse_case *c)
{
	struct dns_resolver r = { .timeout_ms = 5000, .attempts = 2 };
	char space[512];
	struct buf b = BUF(space);
	bool ports = true;

	resolv_conf_parse(&r, c->text);
	is(servers_text(&r, &b), slice_str(c->servers), c->name);
	for (size_t i = 0; i < r.nservers; i++)
		ports = ports && address_port((struct sockaddr *)&r.servers[i]) == 53;
	ok(ports && r.timeout_ms == c->timeout_ms && r.attempts == c->attempts,
	    "%s: port and options", c->name);
}

static void
init(const char *name, const struct address_list *list, const char *path, const char *want,
    uint16_t port, int timeout_ms)
{
	struct dns_resolver r;
	char space[512];
	struct buf b = BUF(space);
	socklen_t len;

	dns_resolver_init(&r, list, path);
	is(servers_text(&r, &b), slice_str(want), name);
	len = r.servers[0].ss_family == AF_INET ? sizeof(struct sockaddr_in) :
	    sizeof(struct sockaddr_in6);
	ok(address_port((struct sockaddr *)&r.servers[0]) == port && r.timeout_ms == timeout_ms &&
		r.attempts == 2 && r.server_len[0] == len,
	    "%s: the servers", name);
}

static const struct search_case {
	const char *name;
	struct slice text;
	const char *search;		/* "DOMAIN DOMAIN" */
	unsigned ndots;
	bool use_tcp;
} search_cases[] = {
	{ .name = "search", .text = S("search Corp.Example eu.example.\n"),
	    .search = "corp.example eu.example", .ndots = 1 },
	{ .name = "domain", .text = S("domain corp.example other.example\n"),
	    .search = "corp.example", .ndots = 1 },
	{ .name = "the last line counts",
	    .text = S("search a.example b.example\ndomain c.example\n"),
	    .search = "c.example", .ndots = 1 },
	{ .name = "the root adds nothing", .text = S("search .\n"), .search = "", .ndots = 1 },
	{ .name = "a bad domain is ignored", .text = S("search a..b x!y ok.example # z.example\n"),
	    .search = "ok.example", .ndots = 1 },
	{ .name = "at most eight", .text = S("search a b c d e f g h i\n"),
	    .search = "a b c d e f g h", .ndots = 1 },
	{ .name = "ndots", .text = S("options ndots:5 use-vc\n"), .search = "", .ndots = 5,
	    .use_tcp = true },
	{ .name = "ndots of 0", .text = S("options ndots:0 use-vcx\n"), .search = "", .ndots = 0 },
	{ .name = "ndots has a limit", .text = S("options ndots:99\n"), .search = "", .ndots = 15 },
	{ .name = "bad ndots", .text = S("options ndots: ndots:x\n"), .search = "", .ndots = 1 },
};

static void
search_case(const struct search_case *c)
{
	struct dns_resolver r = { .ndots = 1 };
	char space[512];
	struct buf b = BUF(space);

	resolv_conf_parse(&r, c->text);
	for (size_t i = 0; i < r.nsearch; i++) {
		buf_str(&b, i ? " " : "");
		buf_str(&b, r.search[i]);
	}
	is(buf_slice(&b), slice_str(c->search), c->name);
	ok(r.ndots == c->ndots && r.use_tcp == c->use_tcp, "%s: options", c->name);
}

/* With our own servers, the file still has the names of this network. */
static void
own_servers(const char *path)
{
	struct sockaddr_storage server;
	struct address_list configured = { &server, 1 };
	struct dns_resolver r;
	socklen_t len;

	(void)address_parse(SL("192.0.2.53"), 53, &server, &len);
	dns_resolver_init(&r, &configured, path);
	ok(r.nservers == 1 && r.timeout_ms == 5000 && r.attempts == 2 && !r.use_tcp && !r.rotate,
	    "own servers: the options for the servers of the file do not count");
	ok(r.nsearch == 1 && strcmp(r.search[0], "corp.example") == 0 && r.ndots == 3,
	    "own servers: search and ndots count");
}

/* Write text as the whole file, at another time than before. */
static void
rewrite(int fd, const char *text)
{
	static time_t s = 1000000000;
	const struct timespec times[2] = { { .tv_sec = ++s }, { .tv_sec = s } };

	if (ftruncate(fd, 0) < 0 || pwrite(fd, text, strlen(text), 0) != (ssize_t)strlen(text) ||
	    futimens(fd, times) < 0)
		abort();
}

static const struct renew_case {
	const char *name, *text, *servers;
	bool other;			/* the result */
} renew_cases[] = {
	{ "unchanged", NULL, "192.0.2.1", false },
	{ "the same content, written again", "nameserver 192.0.2.1\n", "192.0.2.1", false },
	{ "another server", "nameserver 192.0.2.2\n", "192.0.2.2", true },
	{ "no server while it is written", "", "192.0.2.2", false },
	{ "and two after that", "nameserver 192.0.2.2\nnameserver 192.0.2.3\n",
	    "192.0.2.2 192.0.2.3", true },
	{ "options", "nameserver 192.0.2.2\nnameserver 192.0.2.3\noptions timeout:1\n",
	    "192.0.2.2 192.0.2.3", true },
	{ "a domain to search",
	    "nameserver 192.0.2.2\nnameserver 192.0.2.3\noptions timeout:1\nsearch a.example\n",
	    "192.0.2.2 192.0.2.3", true },
	{ "another domain",
	    "nameserver 192.0.2.2\nnameserver 192.0.2.3\noptions timeout:1\nsearch b.example\n",
	    "192.0.2.2 192.0.2.3", true },
};

static void
renew(int fd, const char *path)
{
	struct sockaddr_storage server;
	struct address_list configured = { &server, 1 };
	struct dns_resolver r;
	socklen_t len;

	rewrite(fd, "nameserver 192.0.2.1\n");
	dns_resolver_init(&r, NULL, path);
	r.trust_ad = true;
	for (size_t i = 0; i < sizeof renew_cases / sizeof renew_cases[0]; i++) {
		const struct renew_case *c = &renew_cases[i];
		char space[512];
		struct buf b = BUF(space);

		if (c->text)
			rewrite(fd, c->text);
		ok(dns_resolver_renew(&r, NULL) == c->other, "renewed: %s", c->name);
		is(servers_text(&r, &b), slice_str(c->servers), c->name);
	}
	ok(r.trust_ad && r.timeout_ms == 1000, "the other members stay");
	r.file = "/nowhere";
	ok(!dns_resolver_renew(&r, NULL), "a file that is gone changes nothing");
	r.file = NULL;
	ok(!dns_resolver_renew(&r, NULL), "without a file nothing changes");
	(void)address_parse(SL("192.0.2.53"), 53, &server, &len);
	dns_resolver_init(&r, &configured, path);
	rewrite(fd, "nameserver 192.0.2.4\nsearch b.example\n");
	ok(!dns_resolver_renew(&r, &configured), "own servers: those of the file do not count");
}

int
main(void)
{
	char path[] = "/tmp/resolv-conf-test-XXXXXX";
	struct sockaddr_storage list[2];
	struct address_list configured = { list, 2 }, none = { NULL, 0 };
	socklen_t len;
	struct dns_resolver r = { 0 };
	int fd = mkstemp(path);

	resolv_conf_parse(&r, SL("options timeout:1 rotated\n"));
	ok(!r.rotate, "without rotate the order is kept");
	resolv_conf_parse(&r, SL("options timeout:1 rotate attempts:3\n"));
	ok(r.rotate && r.attempts == 3, "rotate starts at another server");
	for (size_t i = 0; i < sizeof parse_cases / sizeof parse_cases[0]; i++)
		parse_case(&parse_cases[i]);
	for (size_t i = 0; i < sizeof search_cases / sizeof search_cases[0]; i++)
		search_case(&search_cases[i]);
	if (fd < 0 || dprintf(fd, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n"
	    "search corp.example\noptions timeout:9 attempts:4 rotate use-vc ndots:3\n") < 0)
		abort();
	own_servers(path);
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	if (write(fd, "nameserver 192.0.2.9\noptions timeout:7\n", 39) != 39)
		abort();
	(void)address_parse(SL("[2001:db8::53]:5353"), 53, &list[0], &len);
	(void)address_parse(SL("192.0.2.53"), 0, &list[1], &len);
	init("init_from_the_file", &none, path, "192.0.2.9", 53, 7000);
	init("init_without_a_list", NULL, path, "192.0.2.9", 53, 7000);
	init("init_from_the_configuration", &configured, path, "2001:db8::53 192.0.2.53", 5353,
	    5000);
	configured = (struct address_list){ list + 1, 1 };
	init("init_port_left_open", &configured, path, "192.0.2.53", 53, 5000);
	renew(fd, path);
	(void)unlink(path);
	(void)close(fd);
	init("init_no_file", NULL, path, "127.0.0.1", 53, 5000);
	return tap_done();
}
