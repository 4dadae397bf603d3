// SPDX-License-Identifier: ISC
#include "session/logins.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "queue.h"
#include "tests/lib/tap.h"

static char folder[] = "/tmp/logins_test.XXXXXX";
static int tmp;
static struct stream client;

/* The start of a check for the client at that address, which has waited for its turn already. */
static int
start_check(struct logins *l, const char *address, unsigned checks, int waited_ms)
{
	struct peer peer = { 0 };

	(void)peer_set(&peer, slice_str(address));
	*l = (struct logins){ 0 };
	logins_begin(l, &peer);
	l->fd = queue_open_logins(tmp);	/* as each session has it */
	l->began_ms -= waited_ms;
	return logins_wait(l, &client, checks);
}

static void
end_session(struct logins *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	l->fd = -1;
}

static const struct {
	unsigned failures, ms;
} delays[] = { { 1, 500 }, { 2, 1000 }, { 9, 4500 }, { 10, 5000 }, { 11, 5000 }, { 4000, 5000 } };

int
main(void)
{
	struct logins l[4];
	int pair[2], r;

	if (!mkdtemp(folder) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
		return 1;
	stream_init(&client, pair[0], pair[0]);
	tmp = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < sizeof delays / sizeof delays[0]; i++)
		ok(logins_delay_ms(delays[i].failures) == delays[i].ms, "delay after %u failures",
		    delays[i].failures);
	ok(start_check(&l[0], "192.0.2.1", 2, 0) == 0 && start_check(&l[1], "192.0.2.2", 2, 0) == 0,
	    "two clients have their passwords checked at a time");
	ok(start_check(&l[2], "192.0.2.3", 2, 30000) == -ETIMEDOUT,
	    "the third waits, and not for ever");
	ok(start_check(&l[3], "192.0.2.4", 3, 30000) == 0, "if three are allowed, it does not");
	end_session(&l[2]);
	end_session(&l[3]);
	logins_checked(&l[0]);
	r = start_check(&l[2], "192.0.2.3", 2, 0);
	ok(r == 0, "after a check the next one begins");
	ok(start_check(&l[3], "192.0.2.3", 9, 30000) == -ETIMEDOUT, "one client has one at a time");
	end_session(&l[3]);
	end_session(&l[1]);
	ok(start_check(&l[3], "192.0.2.4", 2, 0) == 0, "a session that ends leaves its turn");
	(void)close(pair[1]);
	ok(start_check(&l[1], "192.0.2.5", 2, 0) == -ECONNRESET,
	    "a client that has gone does not wait");
	for (size_t i = 0; i < 4; i++)
		end_session(&l[i]);
	(void)unlinkat(tmp, "logins", 0);
	(void)rmdir(folder);
	return tap_done();
}
