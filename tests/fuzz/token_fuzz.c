// SPDX-License-Identifier: ISC
/*
 * A program of token-command: its exit status, then what it prints, and behind a NUL its standard
 * error.  A token is text that AUTH can send; if there is none, a reason is given, and nothing of
 * the output is left.
 */
#include <string.h>
#include <unistd.h>

#include "client/credential.h"
#include "client/keeper.h"
#include "tests/fuzz/fuzz.h"

#define MAX 30000		/* the pipes have room for it */

static struct slice printed, complaint;
static int status;

/* No process: the output is there at once. */
int
keeper_start(struct keeper *k, const char *command, int out, int err)
{
	int ends[2];

	must(command[0] == '/');
	must(write(out, printed.n ? printed.p : "", printed.n) == (ssize_t)printed.n);
	must(write(err, complaint.n ? complaint.p : "", complaint.n) == (ssize_t)complaint.n);
	must(pipe(ends) == 0 && write(ends[1], "!", 1) == 1);
	(void)close(ends[1]);
	*k = (struct keeper){ .pid = 1, .fd = ends[0] };
	return 0;
}

int
keeper_status(const struct keeper *k)
{
	(void)k;
	return status;
}

void
keeper_end(struct keeper *k)
{
	(void)close(k->fd);
	*k = (struct keeper){ .pid = -1, .fd = -1 };
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct credential c;
	static char command[] = "/usr/bin/token --fresh";
	const struct route route = { .token_command = command };
	char words[1000];
	struct buf why = BUF(words);
	int r;

	if (size == 0 || size > MAX)
		return 0;
	status = data[0] & 1 ? data[0] << 8 : data[0] & 0x7e;
	printed = slice_cut(slice_of((const char *)data + 1, size - 1), '\0', &complaint);
	r = credential_get(&route, &c, &why);
	if (r == 0) {
		const struct slice secret = buf_slice(&c.secret);

		must(status == 0 && c.is_token && secret.n > 0 && why.n == 0);
		must(secret.n <= CLIENT_AUTH_SECRET_MAX && !slice_has_control(secret) &&
		    slice_has_prefix(printed, secret));
		must(secret.n == printed.n || strchr("\r\n", printed.p[secret.n]));
	} else {
		must(why.n > 0 && c.secret.n == 0);
		for (size_t i = 0; i < sizeof c.space; i++)
			must(c.space[i] == '\0');
	}
	credential_wipe(&c);
	return 0;
}
