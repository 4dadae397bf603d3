// SPDX-License-Identifier: ISC
/*
 * Passwords in a file of user:hash lines.  A check always reads the file to its end and makes one
 * hash.  An unknown name gets the hash of some user, and always the same one: so the costs of
 * unknown names are spread like those of users, however the hashes in the file are mixed.
 */
#include "session/auth.h"

#include <crypt.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "config/secret.h"
#include "session/list.h"

/* For a file without any hash to imitate: yescrypt, as smtp-handler-passwd(8) makes it. */
#define DUMMY "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$tnSYvahCwPBHKZUspmcxMfb0.WiB9W.zEaKlOBL35rC"
#define HASH_MAX CRYPT_OUTPUT_SIZE

struct search {
	struct slice user;
	bool found, exact;		/* a line; with the same case of letters */
	char hash[HASH_MAX];		/* of that line; empty: none */
	struct buf *name;		/* gets the name as it is written there */
	uint64_t least;			/* the order of the stand-in */
	char stand_in[HASH_MAX];	/* the hash for an unknown name */
};

static void
keep_hash(char *to, struct slice hash)
{
	if (hash.n >= HASH_MAX)
		hash.n = 0;
	memcpy(to, hash.p, hash.n);
	to[hash.n] = '\0';
}

/* Take this hash as the stand-in if its order is the least.  The order depends on the name and on
 * the hash, which nobody else knows. */
static void
keep_stand_in(struct search *s, struct slice hash)
{
	uint64_t order = hash_slice(hash_slice_any_case(HASH_START, s->user), hash);

	order ^= order >> 29;
	if (hash.n == 0 || hash.p[0] != '$' || hash.n >= HASH_MAX ||
	    (s->stand_in[0] && order >= s->least))
		return;
	s->least = order;
	keep_hash(s->stand_in, hash);
}

/* ctx is constant as list_find_fd() demands: it points to a pointer to the search. */
static bool
look_at_line(const void *ctx, struct slice line)
{
	struct search *s = *(struct search *const *)ctx;
	struct slice rest, hash, user = slice_trim(slice_cut(line, ':', &rest));
	const bool exact = slice_eq(user, s->user);

	hash = slice_trim(slice_cut(rest, ':', &rest));
	if (slice_ieq(user, s->user) && (!s->found || (exact && !s->exact))) {
		s->found = true;
		s->exact = exact;
		keep_hash(s->hash, hash);
		s->name->n = 0;
		buf_add(s->name, user);
	}
	keep_stand_in(s, hash);
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

/* Hash it like that hash.  NULL if that is no hash, such as one of a locked account. */
static const char *
hash_like(const char *text, const char *hash, struct crypt_data *data)
{
	const char *out = hash[0] ? crypt_r(text, hash, data) : NULL;

	return out && out[0] != '*' ? out : NULL;
}

static bool
password_matches(const struct search *s, struct slice password)
{
	static struct crypt_data data;
	char text[CRYPT_MAX_PASSPHRASE_SIZE];
	const bool fits = password.n < sizeof text;
	const char *out;
	bool right = false;

	memset(text, 0, sizeof text);
	memcpy(text, password.p, fits ? password.n : sizeof text - 1);
	out = hash_like(text, s->hash, &data);
	if (out)
		right = fits && same_hash(out, s->hash);
	else if (!hash_like(text, s->stand_in, &data))
		(void)crypt_r(text, DUMMY, &data);
	explicit_bzero(text, sizeof text);
	explicit_bzero(&data, sizeof data);
	return right;
}

bool
auth_file_here(void)
{
	return true;
}

static struct {
	bool done;
	char path[4096];
	int fd;				/* or -errno, */
	char why[600];			/* and the reason */
} held;

void
auth_file_hold(const char *name)
{
	struct buf path = BUF(held.path), why = { .p = held.why, .cap = sizeof held.why - 1 };
	const int r = secret_path(&path, slice_str(name));

	held.done = true;
	held.fd = r < 0 ? r : secret_open(held.path, &why);
	if (r < 0)
		buf_fmt(&why, "%s: %s", name, strerror(-r));
	(void)buf_cstr(&why);
}

int
auth_file_check(const char *name, const struct server_auth *auth, struct buf *ret_user,
    struct buf *why)
{
	struct search search = { .user = auth->user, .name = ret_user }, *found = &search;
	struct stat st;
	int r;

	if (!held.done)
		auth_file_hold(name);
	/* A file that has vanished lets nobody in. */
	if (held.path[0] && stat(held.path, &st) < 0) {
		r = -errno;
		buf_fmt(why, "%s: %s", held.path, strerror(-r));
		return r;
	}
	if (held.fd < 0) {
		buf_str(why, held.why);
		return held.fd;
	}
	r = lseek(held.fd, 0, SEEK_SET) < 0 ? -errno :
	    list_find_fd(held.fd, LIST_LINES, SIZE_MAX, look_at_line, &found);
	if (r < 0) {
		buf_fmt(why, "%s: %s", name, strerror(-r));
		return r;
	}
	r = password_matches(&search, auth->password);
	explicit_bzero(&search, sizeof search);
	return r;
}
