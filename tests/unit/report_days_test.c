// SPDX-License-Identifier: ISC
#include "reports/day.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "reports/tls_rua.h"
#include "tests/lib/tap.h"

#define MINUTE_MS 60000

static void
test_patience(void)
{
	static char contact[] = "postmaster@example.org";
	const struct config config = { .reports.contact = contact };
	struct daily d = { .config = &config };

	ok(day_ask(&d) == 10000, "the questions about a domain have ten seconds");
	d.asked_ms -= 19 * MINUTE_MS;
	ok(day_silent(&d) == 0 && day_ask(&d) == 10000, "also after many silent domains");
	d.asked_ms -= MINUTE_MS;
	ok(day_silent(&d) == 0 && day_ask(&d) == 1000, "after twenty minutes they have one");
	d.asked_ms -= 60 * MINUTE_MS;
	ok(day_ask(&d) == 1000 && d.silent_ms < 21 * MINUTE_MS,
	    "questions with an answer are no silence");
}

/* A server that reads nothing. */
static void
test_silent_server(void)
{
	struct dns_resolver r = {
		.nservers = 1, .timeout_ms = 60000, .attempts = 2,
		.server_len = { sizeof(struct sockaddr_in) },
	};
	struct sockaddr_in *sin = (struct sockaddr_in *)&r.servers[0];
	const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	static struct tls_rua places;
	int64_t began_ms;

	*sin = (struct sockaddr_in){
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	ok(bind(fd, (struct sockaddr *)sin, sizeof *sin) == 0 &&
	    getsockname(fd, (struct sockaddr *)sin, r.server_len) == 0, "a socket");
	began_ms = clock_ms();
	ok(!tls_rua_find(&r, "a.example", 200, &places), "a silent server gives no answer");
	ok(clock_ms() - began_ms < 30000, "and is not waited for in its usual time");
	(void)close(fd);
}

int
main(void)
{
	test_patience();
	test_silent_server();
	return tap_done();
}
