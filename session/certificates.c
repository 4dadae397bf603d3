// SPDX-License-Identifier: ISC
/*
 * The configuration lists names; a name is a path, or the name of a credential.  No file is read
 * here, so that a program without TLS can check them.
 */
#include "session/certificates.h"

#include <errno.h>
#include <unistd.h>

#include "config/secret.h"
#include "base/words.h"

static int
find_path(struct certificates *c, struct slice name, const char **ret, struct buf *why)
{
	struct buf path = { .p = c->text.p + c->text.n, .cap = c->text.cap - c->text.n };
	const int r = path.cap ? secret_path(&path, name) : -ENAMETOOLONG;

	if (r == -ENOENT)
		buf_fmt(why, "%.*s: there are no credentials (CREDENTIALS_DIRECTORY) here",
		    (int)name.n, name.p);
	else if (r < 0)
		buf_fmt(why, "tls-certificate and tls-key: %s", strerror(-r));
	if (r < 0)
		return r;
	*ret = path.p;
	c->text.n += path.n + 1;
	return 0;
}

int
certificates_find(struct certificates *c, const struct config *config, struct buf *why)
{
	struct slice chains = slice_str(config->server.tls_certificate);
	struct slice keys = slice_str(config->server.tls_key);
	struct slice chain, key;
	int r = 0;

	c->n = 0;
	c->text = (struct buf)BUF(c->space);
	while (r == 0 && (chain = words_next(&chains)).n) {
		struct tls_pair *pair = &c->pairs[c->n];

		if (c->n == CERTIFICATES_MAX) {
			buf_fmt(why, "more than %d certificates", CERTIFICATES_MAX);
			return -E2BIG;
		}
		key = words_next(&keys);
		r = find_path(c, chain, &pair->chain, why);
		if (r == 0)
			r = find_path(c, key.n ? key : chain, &pair->key, why);
		c->n += r == 0;
	}
	if (r == 0 && c->n == 0) {
		buf_str(why, "no tls-certificate in [server]");
		r = -ENOENT;
	}
	return r;
}

int
certificates_check(const struct certificates *c, struct buf *why)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < c->n; i++) {
		const struct tls_pair *pair = &c->pairs[i];

		if (access(pair->chain, R_OK) < 0) {
			r = -errno;
			buf_fmt(why, "%s: %s", pair->chain, strerror(-r));
			return r;
		}
		r = secret_look(pair->key, why);
	}
	return r;
}
