// SPDX-License-Identifier: ISC
/*
 * net/unacked on a connection whose other end loses large packets.
 */
#include "net/unacked.h"

#include <linux/filter.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/lib/tap.h"

#define LARGE 5000

/* Packets above 600 octets are dropped, as if they had never arrived. */
static bool
lose_large(int fd)
{
	static struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
		BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, 600, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
	};
	const struct sock_fprog filter = { .len = sizeof code / sizeof code[0], .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

/* A connection over loopback. */
static bool
connect_pair(int ret[2])
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof in;
	const int listener = socket(AF_INET, SOCK_STREAM, 0);
	bool good;

	ret[0] = socket(AF_INET, SOCK_STREAM, 0);
	good = bind(listener, (struct sockaddr *)&in, len) == 0 && listen(listener, 1) == 0 &&
	    getsockname(listener, (struct sockaddr *)&in, &len) == 0 &&
	    connect(ret[0], (struct sockaddr *)&in, len) == 0 &&
	    (ret[1] = accept(listener, NULL, NULL)) >= 0;
	(void)close(listener);
	return good;
}

static bool
arrives(int fd)
{
	struct pollfd in = { .fd = fd, .events = POLLIN };

	return poll(&in, 1, 5000) > 0;
}

int
main(void)
{
	static char octets[LARGE];
	struct unacked u;
	int tcp[2], pair[2];

	if (!connect_pair(tcp) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0) {
		printf("Bail out! no connection\n");
		return 1;
	}
	ok(!unacked_look(pair[0], &u), "a socket of this machine has no acknowledgements");
	ok(!unacked_look(-1, &u), "nor has a descriptor that is none");
	ok(unacked_look(tcp[0], &u) && u.queued == 0 && u.sent == 0, "nothing was sent");
	ok(send(tcp[0], octets, 100, 0) == 100 && arrives(tcp[1]) && unacked_look(tcp[0], &u) &&
	    u.queued == 0, "all has arrived");
	ok(lose_large(tcp[1]) && send(tcp[0], octets, LARGE, 0) == LARGE, "a large packet is lost");
	(void)poll(NULL, 0, 100);
	ok(unacked_look(tcp[0], &u) && u.queued == LARGE && u.sent == LARGE && u.quiet_ms >= 90,
	    "it was sent and is not acknowledged");
	return tap_done();
}
