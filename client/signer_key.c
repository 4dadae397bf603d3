// SPDX-License-Identifier: ISC
/*
 * Keys are read as they are needed: a host may have a thousand domains.
 */
#include "client/signer_key.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "client/signer.h"
#include "config/secret.h"

#define KEPT_MAX 64

static struct kept {
	char *name;
	struct sign_key *key;
} kept[KEPT_MAX];
static size_t next;		/* the place that is used next */

static void
keep(struct slice name, struct sign_key *key)
{
	struct kept *k = &kept[next++ % KEPT_MAX];

	free(k->name);
	sign_key_free(k->key);
	k->name = strndup(name.p, name.n);
	k->key = key;
}

/* The content of the file, appended to b.  False with the reason in why. */
static bool
read_file(struct slice name, struct buf *b, struct buf *why)
{
	char space[4096];
	struct buf path = BUF(space);
	ssize_t n;
	int r = secret_path(&path, name), fd;

	if (r < 0) {
		buf_fmt(why, "%.*s: %s", (int)(name.n < 100 ? name.n : 100), name.p, r == -ENOENT ?
		    "there are no credentials: set LoadCredential= in the unit" : strerror(-r));
		return false;
	}
	fd = secret_open(space, why);
	if (fd < 0)
		return false;
	while ((n = read(fd, b->p + b->n, b->cap - b->n)) > 0)
		b->n += (size_t)n;
	if (n < 0)
		buf_fmt(why, "%.100s: %s", space, strerror(errno));
	(void)close(fd);
	return n == 0;
}

const struct sign_key *
signer_key(struct slice name, struct buf *why)
{
	static char pem[SIGN_PEM_MAX];
	struct buf b = BUF(pem);
	struct sign_key *key = NULL;

	for (size_t i = 0; i < KEPT_MAX; i++)
		if (kept[i].name && slice_eq(slice_str(kept[i].name), name))
			return kept[i].key;
	if (read_file(name, &b, why)) {
		const size_t start = why->n;

		buf_fmt(why, "%.*s: ", (int)(name.n < 100 ? name.n : 100), name.p);
		key = sign_key_read(buf_slice(&b), why);
		if (key)
			why->n = start;
	}
	explicit_bzero(pem, sizeof pem);
	if (key)
		keep(name, key);
	return key;
}

void
signer_key_allow(const struct dkim_domain *d, struct landlock *l)
{
	struct dkim_pair pair = { 0 };

	while (dkim_next_pair(d, &pair)) {
		char space[4096];
		struct buf path = BUF(space);

		if (secret_path(&path, pair.key) == 0)
			landlock_allow_path(l, space, LANDLOCK_ACCESS_FS_READ_FILE);
	}
}

unsigned
signer_check(const struct config *c, const struct config_report *report)
{
	unsigned mistakes = 0;

	for (size_t i = 0; i < c->ndkim; i++) {
		struct dkim_pair pair = { 0 };

		while (dkim_next_pair(&c->dkim[i], &pair)) {
			char space[700], text[400];
			struct buf b = BUF(space), why = BUF(text);

			if ((pair.key.p[0] != '/' && !getenv("CREDENTIALS_DIRECTORY")) ||
			    signer_key(pair.key, &why))
				continue;
			buf_fmt(&b, "[dkim %.253s] key: %s", c->dkim[i].name, buf_cstr(&why));
			report->error(report->ctx, NULL, 0, buf_cstr(&b));
			mistakes++;
		}
	}
	return mistakes;
}
