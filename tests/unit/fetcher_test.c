// SPDX-License-Identifier: ISC
/*
 * The process that starts smtp-fetch: /bin/true in its place, so no policy is ever there.
 */
#include "fetch/fetcher.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/passing.h"
#include "tests/lib/tap.h"

#define WAIT_MS 60000

/* The result of a question. */
static int
ask(const struct aide *a)
{
	struct fetcher_pair pair;
	const int r = fetcher_pair(&pair);

	return r < 0 ? r : fetcher_ask(a, &pair, slice_str("example.org"), WAIT_MS);
}

int
main(void)
{
	char folder[] = "/tmp/fetcher_test.XXXXXX";
	struct fetcher_setup setup = { .argv = { "/bin/true" }, .n = 1 };
	struct aide a;

	setup.queue = mkdtemp(folder);
	if (!setup.queue || fetcher_start(&a, &setup) < 0)
		return 1;
	ok(ask(&a) == -ENOENT, "a domain without a policy");
	/* The socket is that of all workers. */
	ok(passing_send(a.fd, "", 0, -1, 0) == 0, "a worker sends a packet without octets");
	ok(ask(&a) == -ENOENT, "an answer, or a hang-up");
	ok(ask(&a) == -ENOENT, "the process serves the other workers");
	(void)passing_send(a.fd, "garbage", 7, -1, 0);
	ok(ask(&a) == -ENOENT && ask(&a) == -ENOENT, "nor does garbage end it");
	aide_end(&a);
	(void)rmdir(folder);
	return tap_done();
}
