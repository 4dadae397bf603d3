// SPDX-License-Identifier: ISC
#include "session/quota.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "queue.h"
#include "tests/lib/tap.h"

static char folder[] = "/tmp/quota_test.XXXXXX";
static int tmp, counts;

static int
take(const char *user, enum quota_what what, uint64_t most, int64_t now_s)
{
	return quota_take(counts, slice_str(user), what,
	    &(struct quota_limit){ most, what == QUOTA_RATE ? 60 : QUOTA_HOUR_S }, now_s);
}

static void
check_limits(void)
{
	ok(take("anna", QUOTA_MESSAGES, 2, 1000) == QUOTA_FREE &&
	    take("anna", QUOTA_MESSAGES, 2, 1001) == QUOTA_FREE,
	    "two messages");
	ok(take("anna", QUOTA_MESSAGES, 2, 1002) == QUOTA_PASSED_NOW, "the third is too many");
	ok(take("anna", QUOTA_MESSAGES, 2, 4599) == QUOTA_PASSED, "that is new only once");
	ok(take("anna", QUOTA_RECIPIENTS, 1, 4599) == QUOTA_FREE, "recipients count apart");
	ok(take("anna", QUOTA_RECIPIENTS, 1, 4599) == QUOTA_PASSED_NOW, "and are too many apart");
	ok(take("ben", QUOTA_MESSAGES, 2, 4599) == QUOTA_FREE, "another user goes on");
	ok(take("anna", QUOTA_MESSAGES, 2, 4600) == QUOTA_FREE, "a new hour begins");
	ok(take("anna", QUOTA_MESSAGES, 2, 999) == QUOTA_FREE,
	    "an hour in the future is over: the clock was set back");
	ok(take("anna", QUOTA_MESSAGES, 0, 1000) >= QUOTA_PASSED, "none at all");
}

static void
check_rate(void)
{
	ok(take("rita", QUOTA_RATE, 2, 1000) == QUOTA_FREE &&
	    take("rita", QUOTA_RATE, 2, 1059) == QUOTA_FREE &&
	    take("rita", QUOTA_RATE, 2, 1059) == QUOTA_PASSED_NOW &&
	    take("rita", QUOTA_RATE, 2, 1059) == QUOTA_PASSED, "two in a minute");
	ok(take("rita", QUOTA_RECIPIENTS, 1, 1059) == QUOTA_FREE, "those in an hour count apart");
	ok(take("rita", QUOTA_RATE, 2, 1060) == QUOTA_FREE, "the next minute is another one");
	ok(take("rita", QUOTA_RECIPIENTS, 1, 1060) == QUOTA_PASSED_NOW, "the hour goes on");
	ok(take("sven", QUOTA_RATE, 2, 1060) == QUOTA_FREE, "another user has another");
}

/* A file of random octets, or one that was cut. */
static void
check_damage(void)
{
	uint64_t x = 88172645463325252u;
	unsigned wrong = 0, refused = 0;
	char user[32], block[4096];

	for (off_t at = 0; at < (off_t)2 * 1024 * 1024; at += (off_t)sizeof block) {
		for (size_t i = 0; i < sizeof block; i++) {
			x ^= x << 13;
			x ^= x >> 7;
			x ^= x << 17;
			block[i] = (char)x;
		}
		wrong += pwrite(counts, block, sizeof block, at) != (ssize_t)sizeof block;
	}
	for (int i = 0; i < 500; i++) {
		(void)snprintf(user, sizeof user, "user%d", i);
		refused += take(user, QUOTA_RATE, 1, 200000) != QUOTA_FREE;
		wrong += take(user, QUOTA_RATE, 1, 200000) != QUOTA_PASSED_NOW;
	}
	ok(refused == 0 && wrong == 0, "a damaged file stops no mail, and counts again");
	ok(ftruncate(counts, 5000) == 0 && take("user1", QUOTA_RATE, 1, 200001) == QUOTA_FREE &&
	    take("user1", QUOTA_RATE, 1, 200001) == QUOTA_PASSED_NOW, "nor does a short one");
}

/* Names that differ behind the room of a place only. */
static void
check_long_names(void)
{
	char a[256], b[256];

	memset(a, 'x', 255);
	a[255] = '\0';
	memcpy(b, a, 256);
	b[254] = 'y';
	ok(take(a, QUOTA_MESSAGES, 1, 1000) == QUOTA_FREE &&
	    take(a, QUOTA_MESSAGES, 1, 1000) == QUOTA_PASSED_NOW &&
	    take(b, QUOTA_MESSAGES, 1, 1000) == QUOTA_FREE,
	    "long names are told apart");
}

static void
check_many(void)
{
	unsigned wrong = 0;
	char user[32];

	for (int round = 0; round < 2; round++)
		for (unsigned i = 0; i < 500; i++) {
			(void)snprintf(user, sizeof user, "user%u@example.org", i);
			wrong += take(user, QUOTA_MESSAGES, 1, 50000 + round) !=
			    (round ? QUOTA_PASSED_NOW : QUOTA_FREE);
		}
	ok(wrong == 0, "five hundred users have a count each");
	for (unsigned i = 0; i < 20000; i++) {
		(void)snprintf(user, sizeof user, "u%u", i);
		wrong += take(user, QUOTA_MESSAGES, 1, 60000) < 0;
	}
	ok(wrong == 0, "more users than places have counts, as long as there is room");
	ok(faccessat(tmp, "logins", F_OK, 0) == 0, "all are in the file of failed logins");
}

/* Sessions at the same time count as one. */
static void
check_race(void)
{
	unsigned granted = 0;
	int status;

	for (int i = 0; i < 8; i++)
		if (fork() == 0) {
			int n = 0;

			/* A lock belongs to a file as it was opened. */
			counts = queue_open_logins(tmp);

			for (int j = 0; j < 20; j++)
				n += take("carla", QUOTA_MESSAGES, 100, 100000) == QUOTA_FREE;
			_exit(n);
		}
	while (wait(&status) > 0)
		granted += (unsigned)WEXITSTATUS(status);
	ok(granted == 100, "of 160 at the same time, 100 are granted");
}

int
main(void)
{
	if (!mkdtemp(folder))
		return 1;
	tmp = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	counts = queue_open_logins(tmp);
	check_limits();
	check_rate();
	check_long_names();
	check_many();
	check_race();
	check_damage();
	ok(quota_take(-EBADF, SL("anna"), QUOTA_MESSAGES, &(struct quota_limit){ 1, 60 }, 1000) < 0,
	    "without a file: an error");
	(void)unlinkat(tmp, "logins", 0);
	(void)rmdir(folder);
	return tap_done();
}
