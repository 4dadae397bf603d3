// SPDX-License-Identifier: ISC
/*
 * A hash of the name finds a set of places.  A place has the name itself, so users never share
 * their counts.  If all places of a set have users, the one whose hour began first loses its own.
 */
#include "session/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "base/hash.h"

#define QUOTA_AT   (1 << 18)	/* behind the counts of failed logins */
#define SETS	   512
#define WAYS	   4
#define RATE_AT	   (QUOTA_AT + SETS * WAYS * (off_t)sizeof(struct place))
#define NAME_OCTETS 224
#define TRIES	   200		/* for a lock that is held while a set is read and written */
#define TRY_MS	   5

struct place {
	int64_t since_s;
	uint32_t counts[2];	/* of QUOTA_RATE the first */
	uint32_t passed;	/* a bit for each */
	uint32_t length;	/* of the name; 0: a free place */
	uint64_t sum;		/* of the whole name, which may be longer than its room */
	char name[NAME_OCTETS];
};

static struct place
place_of(struct slice user, int64_t now_s)
{
	struct place p = { .since_s = now_s, .length = (uint32_t)user.n,
		.sum = hash_slice(HASH_START, user) };

	memcpy(p.name, user.p, user.n < NAME_OCTETS ? user.n : NAME_OCTETS);
	return p;
}

static bool
is_same(const struct place *a, const struct place *b)
{
	return a->length == b->length && a->sum == b->sum &&
	       memcmp(a->name, b->name, NAME_OCTETS) == 0;
}

static bool
is_over(const struct place *p, int64_t time_s, int64_t now_s)
{
	return p->length == 0 || p->since_s > now_s || p->since_s <= now_s - time_s;
}

/* The place of the user, which begins anew if its time is over. */
static struct place *
find_place(struct place set[WAYS], const struct place *fresh, int64_t time_s)
{
	struct place *best = &set[0];

	for (size_t i = 0; i < WAYS; i++)
		if (is_same(&set[i], fresh)) {
			if (is_over(&set[i], time_s, fresh->since_s))
				set[i] = *fresh;
			return &set[i];
		}
	for (size_t i = 0; i < WAYS; i++) {
		if (is_over(&set[i], time_s, fresh->since_s)) {
			best = &set[i];
			break;
		}
		if (set[i].since_s < best->since_s)
			best = &set[i];
	}
	*best = *fresh;
	return best;
}

static enum quota_result
count_one(struct place *p, enum quota_what what, uint64_t most)
{
	const size_t i = what == QUOTA_RECIPIENTS;
	const uint32_t bit = UINT32_C(1) << i;

	if (p->counts[i] < most) {
		p->counts[i]++;
		return QUOTA_FREE;
	}
	if (p->passed & bit)
		return QUOTA_PASSED;
	p->passed |= bit;
	return QUOTA_PASSED_NOW;
}

static int
lock_set(int fd, short type, off_t at)
{
	struct flock lock = {
		.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1,
	};

	for (int i = 0; fcntl(fd, F_OFD_SETLK, &lock) < 0; i++) {
		if ((errno != EAGAIN && errno != EACCES) || i == TRIES)
			return -errno;
		(void)poll(NULL, 0, TRY_MS);
	}
	return 0;
}

int
quota_take(int fd, struct slice user, enum quota_what what, const struct quota_limit *limit,
    int64_t now_s)
{
	const struct place fresh = place_of(user, now_s);
	struct place set[WAYS] = { 0 };
	const off_t at = (what == QUOTA_RATE ? RATE_AT : QUOTA_AT) +
	    (off_t)(fresh.sum % SETS * sizeof set);
	int r, result;

	if (fd < 0)
		return fd;
	r = lock_set(fd, F_WRLCK, at);
	if (r == 0 && pread(fd, set, sizeof set, at) < 0)
		r = -errno;
	if (r == 0) {
		result = (int)count_one(find_place(set, &fresh, limit->time_s), what, limit->most);
		r = pwrite(fd, set, sizeof set, at) < 0 ? -errno : result;
	}
	(void)lock_set(fd, F_UNLCK, at);
	return r;
}
