// SPDX-License-Identifier: ISC
/*
 * The form that libsrs2, postsrsd and Mail::SRS write and read.  A day is a number of five bits
 * twice, and begins anew after 1024 days.
 */
#include "smtp/srs.h"

#include "base/sha1.h"

/* The hash in our addresses has the length that postsrsd, libsrs2 and Mail::SRS write by default:
 * more would leave less room for the sender's address.  Longer ones are fine. */
#define HASH_CHARS 4
#define HASH_CHARS_MAX 26	/* whole groups of six bits in a digest */
#define DAY_S 86400
#define DAYS 1024
#define RAW_MAX (SMTP_LOCAL_MAX + SMTP_DOMAIN_MAX + 32)

static const char hash_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char day_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const char *
srs_secrets_parse(struct slice text, struct srs_secrets *ret)
{
	ret->n = 0;
	while (text.n) {
		struct slice line = slice_cut(text, '\n', &text);

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		line = slice_trim(line);
		if (line.n == 0)
			continue;
		if (slice_has_control(line))
			return "a line has control characters";
		if (line.n < SRS_SECRET_MIN)
			return "a secret must have at least 16 characters";
		if (line.n > SRS_SECRET_MAX)
			return "a secret must have at most 1024 characters";
		if (ret->n == SRS_SECRETS)
			return "it has more than two secrets";
		ret->list[ret->n++] = line;
	}
	return ret->n ? NULL : "it has no secret";
}

/* A separator, and more. */
static bool
is_behind_tag(struct slice text)
{
	return text.n > 1 && (text.p[0] == '=' || text.p[0] == '+' || text.p[0] == '-');
}

/* "SRS0" or "SRS1" with its separator. */
static bool
has_tag(struct slice local, char number)
{
	return slice_has_iprefix(local, SL("SRS")) && local.n > 3 && local.p[3] == number &&
	       is_behind_tag(slice_skip(local, 4));
}

bool
srs_is(const struct smtp_path *path)
{
	const struct slice local = smtp_path_local(path);
	const struct slice bare = slice_skip(local, local.n && local.p[0] == '"');

	return has_tag(bare, '0') || has_tag(bare, '1');
}

static void
add_folded(struct hmac_sha1 *m, struct slice text)
{
	for (size_t i = 0; i < text.n; i++) {
		const char c = ascii_lower(text.p[i]);

		hmac_sha1_add(m, slice_of(&c, 1));
	}
}

/* The hash of texts, one behind the other without regard to case. */
static void
make_hash(struct slice secret, const struct slice *texts, size_t n, char ret[HASH_CHARS_MAX])
{
	unsigned char digest[SHA1_OCTETS + 1] = { 0 };
	struct hmac_sha1 m;

	hmac_sha1_begin(&m, secret);
	for (size_t i = 0; i < n; i++)
		add_folded(&m, texts[i]);
	hmac_sha1_end(&m, digest);
	explicit_bzero(&m, sizeof m);
	for (size_t i = 0; i < HASH_CHARS_MAX; i++) {
		const size_t bit = 6 * i;
		const unsigned two = (unsigned)digest[bit / 8] << 8 | digest[bit / 8 + 1];

		ret[i] = hash_letters[two >> (10 - bit % 8) & 63];
	}
}

/* The time does not depend on the place of a difference. */
static bool
same_hash(struct slice given, const char *right)
{
	unsigned differs = 0;

	for (size_t i = 0; i < given.n; i++)
		differs |= (unsigned char)(ascii_lower(given.p[i]) ^ ascii_lower(right[i]));
	return differs == 0;
}

static bool
is_ours(struct slice hash, const struct srs_secrets *secrets, const struct slice *texts, size_t n)
{
	char right[HASH_CHARS_MAX];
	bool found = false;

	if (hash.n < HASH_CHARS || hash.n > HASH_CHARS_MAX)
		return false;
	for (size_t i = 0; i < secrets->n; i++) {
		make_hash(secrets->list[i], texts, n, right);
		found |= same_hash(hash, right);
	}
	return found;
}

/* Make the address of the first forwarder, from the texts that an SRS1 has. */
static bool
make_first(struct slice host, struct slice user, struct smtp_path *ret)
{
	char space[RAW_MAX];
	struct buf raw = BUF(space);

	buf_str(&raw, "SRS0");
	buf_add(&raw, user);
	return is_behind_tag(user) && !raw.full && smtp_path_make(buf_slice(&raw), host, ret);
}

/* user: with the separator in front of it that the first forwarder has put behind its tag. */
static void
put_guarded(struct buf *b, const struct srs_secrets *secrets, struct slice host, struct slice user)
{
	const struct slice texts[] = { host, user };
	char hash[HASH_CHARS_MAX];

	make_hash(secrets->list[0], texts, 2, hash);
	buf_str(b, "SRS1=");
	buf_add(b, slice_of(hash, HASH_CHARS));
	buf_chr(b, '=');
	buf_add(b, host);
	buf_chr(b, '=');
	buf_add(b, user);
}

static void
put_shortcut(struct buf *b, const struct srs_secrets *secrets, int64_t now_s, struct slice host,
    struct slice user)
{
	const unsigned day = (unsigned)(now_s / DAY_S % DAYS);
	const char stamp[] = { day_letters[day / 32], day_letters[day % 32] };
	const struct slice texts[] = { slice_of(stamp, sizeof stamp), host, user };
	char hash[HASH_CHARS_MAX];

	make_hash(secrets->list[0], texts, 3, hash);
	buf_str(b, "SRS0=");
	buf_add(b, slice_of(hash, HASH_CHARS));
	for (size_t i = 0; i < 3; i++) {
		buf_chr(b, '=');
		buf_add(b, texts[i]);
	}
}

bool
srs_make(const struct smtp_path *from, struct slice domain, const struct srs_secrets *secrets,
    int64_t now_s, struct smtp_path *ret)
{
	char user_space[SMTP_LOCAL_MAX], space[RAW_MAX];
	struct buf user = BUF(user_space), raw = BUF(space);
	struct slice local, hash, host, rest;
	struct smtp_path first;

	smtp_local_unquote(smtp_path_local(from), &user);
	local = buf_slice(&user);
	if (local.n == 0)
		return false;
	if (has_tag(local, '1')) {	/* the first forwarder stays, the last one is left out */
		hash = slice_cut(slice_skip(local, 5), '=', &rest);
		host = slice_cut(rest, '=', &rest);
		if (hash.n && make_first(host, rest, &first)) {
			put_guarded(&raw, secrets, host, rest);
			return !raw.full && smtp_path_make(buf_slice(&raw), domain, ret);
		}
	}
	if (has_tag(local, '0'))
		put_guarded(&raw, secrets, smtp_path_domain(from), slice_skip(local, 4));
	else
		put_shortcut(&raw, secrets, now_s, smtp_path_domain(from), local);
	return !raw.full && smtp_path_make(buf_slice(&raw), domain, ret);
}

/* The value of a letter of a day; 32: none. */
static unsigned
day_value(char c)
{
	const char upper = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
	const char *at = upper ? strchr(day_letters, upper) : NULL;

	return at ? (unsigned)(at - day_letters) : 32;
}

/* A day of the future is one of the last round. */
static bool
is_fresh(struct slice stamp, int64_t now_s)
{
	const unsigned day = 32 * day_value(stamp.p[0]) + day_value(stamp.p[1]);
	const unsigned today = (unsigned)(now_s / DAY_S % DAYS);

	return (today + DAYS - day) % DAYS <= SRS_LIFE_DAYS;
}

static enum srs_end
undo_shortcut(struct slice rest, const struct srs_secrets *secrets, int64_t now_s,
    struct smtp_path *ret)
{
	const struct slice hash = slice_cut(rest, '=', &rest);
	const struct slice stamp = slice_cut(rest, '=', &rest);
	const struct slice host = slice_cut(rest, '=', &rest);
	const struct slice texts[] = { stamp, host, rest };

	if (stamp.n != 2 || day_value(stamp.p[0]) > 31 || day_value(stamp.p[1]) > 31 ||
	    host.n == 0 || rest.n == 0)
		return SRS_MALFORMED;
	if (!is_ours(hash, secrets, texts, 3))
		return SRS_FORGED;
	if (!is_fresh(stamp, now_s))
		return SRS_EXPIRED;
	return smtp_path_make(rest, host, ret) ? SRS_RIGHT : SRS_MALFORMED;
}

static enum srs_end
undo_guarded(struct slice rest, const struct srs_secrets *secrets, struct smtp_path *ret)
{
	const struct slice hash = slice_cut(rest, '=', &rest);
	const struct slice host = slice_cut(rest, '=', &rest);
	const struct slice texts[] = { host, rest };

	if (host.n == 0 || !is_behind_tag(rest))
		return SRS_MALFORMED;
	if (!is_ours(hash, secrets, texts, 2))
		return SRS_FORGED;
	return make_first(host, rest, ret) ? SRS_RIGHT : SRS_MALFORMED;
}

enum srs_end
srs_undo(const struct smtp_path *to, const struct srs_secrets *secrets, int64_t now_s,
    struct smtp_path *ret)
{
	char space[SMTP_LOCAL_MAX];
	struct buf local = BUF(space);
	struct slice rest;

	smtp_local_unquote(smtp_path_local(to), &local);
	if (!srs_is(to) || local.full)
		return SRS_MALFORMED;
	rest = slice_skip(buf_slice(&local), 5);
	return has_tag(buf_slice(&local), '0') ? undo_shortcut(rest, secrets, now_s, ret) :
	    undo_guarded(rest, secrets, ret);
}
