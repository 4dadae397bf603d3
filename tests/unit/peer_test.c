// SPDX-License-Identifier: ISC
/* net/peer: the peer of a socket, of a pipe, of a broken socket. */
#include "net/peer.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cidr.h"
#include "tests/lib/tap.h"

static const char *const variables[] = { "REMOTE_ADDR", "TCPREMOTEIP", "REMOTE_HOST" };

static const struct env_case {
	const char *name;
	const char *value[3];		/* values of the variables, in their order */
	enum peer_kind kind;
	const char *text;		/* NULL: "uid N" */
} env_cases[] = {
	{ "nothing_set", { NULL, NULL, NULL }, PEER_PIPE, NULL },
	{ "ipv4", { "192.0.2.1", NULL, NULL }, PEER_INET, "192.0.2.1" },
	{ "ipv6", { NULL, "2001:db8::1", NULL }, PEER_INET, "IPv6:2001:db8::1" },
	{ "mapped", { "::ffff:192.0.2.1", NULL, NULL }, PEER_INET, "192.0.2.1" },
	{ "first_wins", { "192.0.2.1", "192.0.2.2", "192.0.2.3" }, PEER_INET, "192.0.2.1" },
	{ "second_before_third", { NULL, "192.0.2.2", "192.0.2.3" }, PEER_INET, "192.0.2.2" },
	{ "third", { NULL, NULL, "192.0.2.3" }, PEER_INET, "192.0.2.3" },
	{ "a_name_is_no_address", { NULL, NULL, "client.example" }, PEER_INET, "unknown" },
	{ "a_leading_zero_is_no_address", { "203.0.113.009" }, PEER_INET, "unknown" },
	{ "a_blank_is_no_address", { " 203.0.113.9" }, PEER_INET, "unknown" },
	{ "a_word_is_no_address", { NULL, "unknown", NULL }, PEER_INET, "unknown" },
	{ "an_empty_one_is_no_address", { "", NULL, NULL }, PEER_INET, "unknown" },
	{ "all_empty", { "", "", "" }, PEER_INET, "unknown" },
	{ "unparsable_is_passed_over", { "", "x", "192.0.2.3" }, PEER_INET, "192.0.2.3" },
};

static void
set_env(const char *const value[3])
{
	for (size_t i = 0; i < 3; i++) {
		if (value && value[i])
			(void)setenv(variables[i], value[i], 1);
		else
			(void)unsetenv(variables[i]);
	}
}

static void
env_case(const struct env_case *c)
{
	char uid[32];
	struct peer p;
	int fds[2];

	if (pipe(fds) < 0)
		abort();
	(void)snprintf(uid, sizeof uid, "uid %u", (unsigned)getuid());
	set_env(c->value);
	peer_find(&p, fds[0]);
	set_env(NULL);
	is(slice_str(p.text), slice_str(c->text ? c->text : uid), c->name);
	ok(p.kind == c->kind &&
	    p.literal == (c->kind == PEER_INET && strcmp(p.text, PEER_UNKNOWN) != 0) &&
		!peer_sockaddr(&p) == (c->kind == PEER_PIPE),
	    "%s: kind", c->name);
	(void)close(fds[0]);
	(void)close(fds[1]);
}

static void
tcp_case(const char *name, const char *listen_on, const char *connect_to, const char *want,
    bool reset)
{
	struct sockaddr_storage at, to;
	socklen_t len, to_len;
	struct linger at_once = { .l_onoff = 1, .l_linger = 0 };
	int off = 0, l, c, a;
	struct peer p;

	(void)address_parse(slice_str(listen_on), 0, &at, &len);
	(void)address_parse(slice_str(connect_to), 0, &to, &to_len);
	l = socket(at.ss_family, SOCK_STREAM, 0);
	if (at.ss_family == AF_INET6)
		(void)setsockopt(l, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	c = socket(to.ss_family, SOCK_STREAM, 0);
	if (bind(l, (struct sockaddr *)&at, len) < 0 || listen(l, 1) < 0 ||
	    getsockname(l, (struct sockaddr *)&at, &len) < 0)
		abort();
	address_set_port((struct sockaddr *)&to, address_port((struct sockaddr *)&at));
	if (connect(c, (struct sockaddr *)&to, to_len) < 0)
		abort();
	a = accept(l, NULL, NULL);
	if (reset) {
		(void)setsockopt(c, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
		(void)close(c);
	}
	set_env((const char *const[]){ "192.0.2.9", "192.0.2.9", "192.0.2.9" });
	peer_find(&p, a);
	set_env(NULL);
	is(slice_str(p.text), slice_str(want), name);
	ok(p.kind == PEER_INET && peer_sockaddr(&p) != NULL && p.literal == !reset,
	    "%s: a network peer", name);
	ok(p.address.ss_family != AF_INET || p.address_len == sizeof(struct sockaddr_in),
	    "%s: length", name);
	(void)close(a);
	(void)close(l);
	if (!reset)
		(void)close(c);
}

static void
unix_case(void)
{
	char want[32];
	struct peer p;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	(void)snprintf(want, sizeof want, "uid %u", (unsigned)getuid());
	set_env((const char *const[]){ "192.0.2.9", NULL, NULL });
	peer_find(&p, fds[0]);
	set_env(NULL);
	ok(p.kind == PEER_UNIX && p.uid == getuid() && !p.literal && !peer_sockaddr(&p),
	    "unix_socket");
	is(slice_str(p.text), slice_str(want), "unix_socket: the environment does not count");
	(void)close(fds[0]);
	(void)close(fds[1]);
}

/* socat EXEC: and ncat --exec: a pipe or a socketpair stands for a client of the network, and the
 * user who started them would be trusted. */
static const struct carried_case {
	const char *name, *variable, *value;
	const char *text;		/* NULL: the user */
} carried_cases[] = {
	{ "socat, IPv4", "SOCAT_PEERADDR", "192.0.2.1", "192.0.2.1" },
	{ "socat, IPv6", "SOCAT_PEERADDR", "[2001:0db8:0000:0000:0000:0000:0000:0001]",
	    "IPv6:2001:db8::1" },
	{ "socat, a client of a Unix socket", "SOCAT_PEERADDR", "", NULL },
	{ "socat, one with a name", "SOCAT_PEERADDR", "/tmp/client", NULL },
	{ "ncat, IPv4", "NCAT_REMOTE_ADDR", "192.0.2.1", "192.0.2.1" },
	{ "ncat, IPv6", "NCAT_REMOTE_ADDR", "2001:db8::1", "IPv6:2001:db8::1" },
};

static void
carried_case(const struct carried_case *c, bool pair)
{
	char uid[32];
	struct peer p;
	int fds[2];

	if ((pair ? socketpair(AF_UNIX, SOCK_STREAM, 0, fds) : pipe(fds)) < 0)
		abort();
	(void)snprintf(uid, sizeof uid, "uid %u", (unsigned)getuid());
	(void)setenv(c->variable, c->value, 1);
	peer_find(&p, fds[0]);
	(void)unsetenv(c->variable);
	is(slice_str(p.text), slice_str(c->text ? c->text : uid), c->name);
	ok((p.kind == PEER_INET) == (c->text != NULL) && p.literal == (c->text != NULL),
	    "%s: the kind, of a %s", c->name, pair ? "socketpair" : "pipe");
	(void)close(fds[0]);
	(void)close(fds[1]);
}

int
main(void)
{
	struct peer p;

	for (size_t i = 0; i < sizeof env_cases / sizeof env_cases[0]; i++)
		env_case(&env_cases[i]);
	tcp_case("tcp_ipv4", "127.0.0.1", "127.0.0.1", "127.0.0.1", false);
	tcp_case("tcp_ipv6", "::1", "::1", "IPv6:::1", false);
	tcp_case("tcp_ipv4_on_an_ipv6_socket", "::", "127.0.0.1", "127.0.0.1", false);
	tcp_case("tcp_reset_already_is_not_local", "127.0.0.1", "127.0.0.1", "unknown", true);
	unix_case();
	for (size_t i = 0; i < sizeof carried_cases / sizeof carried_cases[0]; i++) {
		carried_case(&carried_cases[i], false);
		carried_case(&carried_cases[i], true);
	}
	peer_find(&p, -1);
	ok(p.kind == PEER_INET && peer_sockaddr(&p) && strcmp(p.text, "unknown") == 0,
	    "no_descriptor_is_not_local");
	return tap_done();
}
