// SPDX-License-Identifier: ISC
/*
 * The file has a fixed number of slots, found by a hash of the client's address.  Clients that
 * share a slot share their delays, which have a limit.  A session locks its slot for a hash, and an
 * octet behind the slots.  The kernel releases these locks with the session.  Without the file, a
 * session still counts for itself.
 */
#include "session/logins.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "queue.h"

#define SLOTS	    8192
#define CHECKS_AT   ((off_t)(SLOTS * sizeof(struct slot)))	/* an octet for each check */
#define FORGET_S    600		/* a client without a failure for so long has none */
#define STEP_MS	    500
#define DELAY_MAX_MS 5000
#define TURN_MS	    20		/* between two looks at a lock */
#define TURN_MAX_MS 30000

struct slot {
	int64_t last_s;		/* the time of the last failure */
	uint64_t failures;
};

unsigned
logins_delay_ms(unsigned failures)
{
	return failures < DELAY_MAX_MS / STEP_MS ? failures * STEP_MS : DELAY_MAX_MS;
}

/* One client has a whole IPv6 network of 64 bits. */
static uint64_t
hash_client(uint64_t h, const struct peer *peer)
{
	const struct sockaddr *sa = peer_sockaddr(peer);
	struct sockaddr_in6 in6;

	if (sa && sa->sa_family == AF_INET6) {
		memcpy(&in6, sa, sizeof in6);
		return hash_octets(h, &in6.sin6_addr, 8);
	}
	return hash_slice(h, slice_str(peer->text));
}

static int counts = -1;

void
logins_hold(int tmp)
{
	if (counts < 0)
		counts = queue_open_logins(tmp);
}

int
logins_counts(void)
{
	return counts < 0 ? -EBADF : counts;
}

void
logins_begin(struct logins *l, const struct peer *peer)
{
	l->began_ms = clock_ms();
	l->slot = (int64_t)(hash_client(HASH_START, peer) % SLOTS * sizeof(struct slot));
	l->fd = counts;
}

static int
set_lock(const struct logins *l, short type, off_t at, off_t n)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = n,
	};

	return fcntl(l->fd, F_OFD_SETLK, &lock) < 0 ? -errno : 0;
}

static bool
is_busy(int error)
{
	return error == -EAGAIN || error == -EACCES;
}

/* The client's own lock. */
static int
lock_slot(const struct logins *l, unsigned checks)
{
	(void)checks;
	return set_lock(l, F_WRLCK, l->slot, sizeof(struct slot));
}

/* One of the locks that all clients share. */
static int
lock_check(const struct logins *l, unsigned checks)
{
	int r = -EAGAIN;

	for (unsigned i = 0; i < checks && is_busy(r); i++)
		r = set_lock(l, F_WRLCK, CHECKS_AT + (off_t)i, 1);
	return r;
}

/* Without events to wait for, the stream is ready only if the client is gone. */
static int
let_pass(struct stream *client, int ms)
{
	const int r = stream_wait(client, 0, ms);

	return r == 0 ? -ECONNRESET : r == -ETIMEDOUT ? 0 : r;
}

/* As logins_wait(), for one kind of lock. */
static int
wait_for_lock(struct logins *l, struct stream *client,
    int (*lock)(const struct logins *l, unsigned checks), unsigned checks)
{
	const int64_t until_ms = l->began_ms + TURN_MAX_MS;
	int r;

	while (l->fd >= 0 && (r = lock(l, checks)) < 0) {
		if (!is_busy(r))
			break;		/* this file system has no locks */
		if (clock_left_ms(until_ms) == 0)
			return -ETIMEDOUT;
		r = let_pass(client, TURN_MS);
		if (r < 0)
			return r;
	}
	return 0;
}

int
logins_wait(struct logins *l, struct stream *client, unsigned checks)
{
	const int r = wait_for_lock(l, client, lock_slot, checks);

	return r < 0 ? r : wait_for_lock(l, client, lock_check, checks);
}

void
logins_checked(struct logins *l)
{
	if (l->fd >= 0)
		(void)set_lock(l, F_UNLCK, 0, 0);
}

/* Add one failure.  The number of all, of this session or of the client. */
static unsigned
count_failure(struct logins *l)
{
	const int64_t now_s = clock_wall_s();
	struct slot slot = { 0 };

	l->failures++;
	if (l->fd < 0)
		return l->failures;
	if (pread(l->fd, &slot, sizeof slot, l->slot) != sizeof slot ||
	    slot.last_s > now_s || slot.last_s < now_s - FORGET_S || slot.failures > UINT32_MAX / 2)
		slot.failures = 0;
	slot.failures++;
	slot.last_s = now_s;
	(void)!pwrite(l->fd, &slot, sizeof slot, l->slot);
	return slot.failures > l->failures ? (unsigned)slot.failures : l->failures;
}

void
logins_refused(struct logins *l, struct stream *client)
{
	const int64_t delay_ms = logins_delay_ms(count_failure(l));
	int64_t due_ms = l->began_ms + delay_ms;

	while (due_ms < clock_ms())
		due_ms += delay_ms;
	(void)let_pass(client, clock_left_ms(due_ms));
}
