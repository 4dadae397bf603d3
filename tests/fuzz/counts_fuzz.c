// SPDX-License-Identifier: ISC
/*
 * The file in which sessions count failed logins and what users send.  Both users of a queue write
 * it, so it may hold anything.  The first octet chooses the count, the rest is what the file has.
 */
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "session/logins.h"
#include "session/quota.c"
#include "tests/fuzz/fuzz.h"

#define MOST  3
#define NOW_S 1763787773

/* A user has at most so many in a time, whatever is there. */
static void
count_user(int fd, enum quota_what what, const uint8_t *data, size_t size)
{
	const struct quota_limit limit = { MOST, what == QUOTA_RATE ? 60 : QUOTA_HOUR_S };
	struct place fresh = place_of(SL("anna"), NOW_S), set[WAYS] = { 0 };
	const off_t at = (what == QUOTA_RATE ? RATE_AT : QUOTA_AT) +
	    (off_t)(fresh.sum % SETS * sizeof set);
	unsigned allowed = 0, passed = 0;

	memcpy(set, data, size < sizeof set ? size : sizeof set);
	/* A fuzzer does not guess the hash. */
	for (size_t i = 0; i < WAYS; i++)
		if (set[i].sum == 0)
			set[i].sum = fresh.sum;
	must(pwrite(fd, set, sizeof set, at) == sizeof set);
	for (int i = 0; i < 2 * MOST; i++) {
		const int r = quota_take(fd, SL("anna"), what, &limit, NOW_S);

		must(r >= QUOTA_FREE && r <= QUOTA_PASSED_NOW);
		allowed += r == QUOTA_FREE;
		passed += r == QUOTA_PASSED_NOW;
	}
	must(allowed <= MOST && passed <= 1);
	/* A new time begins after this one. */
	must(quota_take(fd, SL("anna"), what, &limit, NOW_S + 2 * limit.time_s) == QUOTA_FREE);
}

/* A failure is counted, and its delay has a limit.  The client is gone, so nobody waits. */
static void
count_failure(int fd, const uint8_t *data, size_t size)
{
	static struct stream client;
	const struct peer peer = { .kind = PEER_PIPE };
	struct logins l = { .fd = -1 };
	int pair[2];

	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	(void)close(pair[1]);
	stream_init(&client, pair[0], pair[0]);
	logins_begin(&l, &peer);
	l.fd = fd;
	must(pwrite(fd, data, size, l.slot) == (ssize_t)size);
	must(logins_wait(&l, &client, 4) == 0);
	logins_checked(&l);
	logins_refused(&l, &client);
	must(l.failures == 1 && logins_delay_ms(UINT32_MAX) <= 5000);
	(void)close(pair[0]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const int fd = memfd_create("logins", MFD_CLOEXEC);

	must(fd >= 0);
	if (size && size < 4096 && data[0] == 'q')
		count_user(fd, QUOTA_RECIPIENTS, data + 1, size - 1);
	else if (size && size < 4096 && data[0] == 'r')
		count_user(fd, QUOTA_RATE, data + 1, size - 1);
	else if (size && size < 4096)
		count_failure(fd, data + 1, size - 1);
	(void)close(fd);
	return 0;
}
