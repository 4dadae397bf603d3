// SPDX-License-Identifier: ISC
/*
 * A file with a password.  Its first line is taken, which is text that AUTH can send.  After a
 * refusal nothing of the secret is left.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/credential.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct credential c;
	static char path[40];
	const struct slice text = slice_of((const char *)data, size);
	const struct route route = { .password_file = path };
	char words[400];
	struct buf why = BUF(words);
	const int fd = memfd_create("password", MFD_CLOEXEC);
	int r;

	must(fd >= 0 && fchmod(fd, 0600) == 0 &&
	    write(fd, size ? text.p : "", size) == (ssize_t)size);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	r = credential_get(&route, &c, &why);
	if (r == 0) {
		const struct slice secret = buf_slice(&c.secret);

		must(secret.n > 0 && secret.n <= CLIENT_AUTH_SECRET_MAX && !c.is_token);
		must(!slice_has_control(secret) && slice_has_prefix(text, secret));
		must(secret.n == size || text.p[secret.n] == '\n' || text.p[secret.n] == '\r');
	} else {
		must(why.n > 0 && c.secret.n == 0);
		for (size_t i = 0; i < sizeof c.space; i++)
			must(c.space[i] == '\0');
	}
	credential_wipe(&c);
	(void)close(fd);
	return 0;
}
