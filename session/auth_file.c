// SPDX-License-Identifier: ISC
/*
 * Passwords in a file of user:hash lines.  An unknown user costs the same time as a wrong password:
 * the file is read to its end, and the password is hashed.
 */
#include "session/auth.h"

#include <crypt.h>
#include <errno.h>
#include <unistd.h>

#include "config/secret.h"
#include "session/list.h"

/* For a file without any hash to imitate: yescrypt, as smtp-handler-passwd(8) makes it. */
#define DUMMY "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC"
#define HASH_MAX CRYPT_OUTPUT_SIZE

struct search {
	struct slice user;
	char hash[HASH_MAX];		/* the user's; empty: not found */
	char dummy[HASH_MAX];	/* a hash of another user: an unknown name costs the same time */
};

static void
keep_hash(char *to, struct slice hash)
{
	if (to[0] || hash.n == 0 || hash.n >= HASH_MAX)
		return;
	memcpy(to, hash.p, hash.n);
	to[hash.n] = '\0';
}

/* ctx is constant as list_find() demands: it points to a pointer to the search. */
static bool
look_at_line(const void *ctx, struct slice line)
{
	struct search *s = *(struct search *const *)ctx;
	struct slice rest, hash, user = slice_cut(line, ':', &rest);

	hash = slice_trim(slice_cut(rest, ':', &rest));
	if (slice_eq(slice_trim(user), s->user))
		keep_hash(s->hash, hash);
	if (hash.n && hash.p[0] == '$')
		keep_hash(s->dummy, hash);
	return false;		/* the time must not depend on the user's line */
}

/* The time does not depend on the place of a difference. */
static bool
same_hash(const char *a, const char *b)
{
	const size_t n = strlen(a);
	unsigned char differ = 0;

	if (strlen(b) != n)
		return false;
	for (size_t i = 0; i < n; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return differ == 0;
}

static bool
password_matches(const struct search *s, struct slice password)
{
	static struct crypt_data data;
	char text[CRYPT_MAX_PASSPHRASE_SIZE];
	const bool fits = password.n < sizeof text;
	const char *out;
	bool right;

	memset(text, 0, sizeof text);
	memcpy(text, password.p, fits ? password.n : sizeof text - 1);
	out = crypt_r(text, s->hash[0] ? s->hash : s->dummy, &data);
	if (!out || out[0] == '*') {		/* a locked account, or no hash at all */
		(void)crypt_r(text, DUMMY, &data);
		right = false;
	} else {
		right = fits && s->hash[0] && same_hash(out, s->hash);
	}
	explicit_bzero(text, sizeof text);
	explicit_bzero(&data, sizeof data);
	return right;
}

bool
auth_file_here(void)
{
	return true;
}

int
auth_file_check(const char *name, struct slice user, struct slice password, struct buf *why)
{
	struct search search = { .user = user }, *found = &search;
	char space[4096];
	struct buf path = BUF(space);
	int r, fd;

	r = secret_path(&path, slice_str(name));
	if (r < 0) {
		buf_fmt(why, "%s: %s", name, strerror(-r));
		return r;
	}
	fd = secret_open(space, why);
	if (fd < 0)
		return fd;
	r = list_find_fd(fd, LIST_LINES, SIZE_MAX, look_at_line, &found);
	(void)close(fd);
	if (r < 0) {
		buf_fmt(why, "%s: %s", space, strerror(-r));
		return r;
	}
	if (!search.dummy[0])
		keep_hash(search.dummy, SL(DUMMY));
	r = password_matches(&search, password);
	explicit_bzero(&search, sizeof search);
	return r;
}
