// SPDX-License-Identifier: ISC
/*
 * The runner sends the permit of a message before the worker gets the message, so it is there when
 * the worker asks.  A message is read by the permit's descriptor, within the permit's range.  A
 * copy in seven bits is the worker's own: it is signed only as the message itself would be.  The
 * process keeps the header section only, and the body streams by.
 */
#include "client/signer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "attempt/permit.h"
#include "base/clock.h"
#include "base/digest.h"
#include "base/landlock.h"
#include "base/passing.h"
#include "base/seccomp.h"
#include "client/signer_frame.h"
#include "client/signer_key.h"
#include "message/dkim.h"
#include "message/field.h"

#define ANSWER_MS  60000
#define BLOCK	   65536
#define HEADER_MAX (1 << 20)	/* octets of a header section that is signed */
#define KEPT_MAX   16		/* permits: more than a worker has jobs */

static_assert(SIGNER_FIELDS_MAX == DKIM_PAIRS_MAX * DKIM_FIELD_MAX, "each key has its field");

/* ---- the signer ---- */

static struct kept {
	struct permit permit;
	int fd;				/* of the message; -1: it has no right to a signature */
} kept[KEPT_MAX];
static size_t next_place;

/* One message, or a copy of it, and what is known of it. */
struct work {
	int fd;
	uint64_t at, size;		/* its octets as they are sent */
	char *header;			/* its first octets, malloc'ed */
	size_t n;
	struct slice section;		/* the header section */
	uint64_t body;			/* where the body begins, from at */
	struct dkim_header fields;
	struct buf *text;		/* of the answer */
};

static enum sign_result
say(struct work *w, enum sign_result result, const char *why)
{
	w->text->n = 0;
	buf_str(w->text, why);
	return result;
}

/* n octets at `at` of the message.  False if the file has not that many. */
static bool
read_octets(const struct work *w, uint64_t at, char *to, size_t n)
{
	while (n) {
		const ssize_t got = pread(w->fd, to, n, (off_t)(w->at + at));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		to += got;
		n -= (size_t)got;
		at += (uint64_t)got;
	}
	return true;
}

/* Read the header section, in blocks that double. */
static enum sign_result
read_header(struct work *w)
{
	const uint64_t size = w->size;
	struct slice rest;
	bool whole = false;
	size_t want = BLOCK;

	while (!whole) {
		char *more;

		want = want < size ? want : (size_t)size;
		more = realloc(w->header, want ? want : 1);
		if (!more)
			return say(w, UNABLE, "out of memory");
		w->header = more;
		if (!read_octets(w, w->n, w->header + w->n, want - w->n))
			return say(w, UNABLE, "cannot read the message");
		w->n = want;
		w->section = field_section(slice_of(w->header, w->n), w->n == size, &whole);
		want *= 2;
		if (!whole && want > HEADER_MAX)
			return say(w, UNSIGNED, "its header section is too long");
	}
	rest = slice_skip(slice_of(w->header, w->n), w->section.n);
	if (rest.n == 1 || (rest.n && !slice_has_prefix(rest, SL("\r\n"))))
		return say(w, UNSIGNED, "its header section ends in a bare CR or LF");
	w->body = w->section.n + (rest.n ? 2 : 0);
	return SIGNED;
}

static void
add_octets(void *ctx, struct slice octets)
{
	digest_add(ctx, octets);
}

static bool
hash_body(const struct work *w, struct digest *d, char ret[DIGEST_OCTETS])
{
	const struct dkim_sink sink = { add_octets, d };
	static struct dkim_body b;
	static char block[BLOCK];
	uint64_t at = w->body;

	dkim_body_begin(&b, &sink);
	while (at < w->size) {
		const uint64_t left = w->size - at;
		const size_t n = left < BLOCK ? (size_t)left : BLOCK;

		if (!read_octets(w, at, block, n))
			return false;
		dkim_body_take(&b, slice_of(block, n));
		at += n;
	}
	dkim_body_end(&b);
	return digest_end(d, ret);
}

/* Append the field of one key.  0 or -errno with the reason in why. */
static int
add_field(struct work *w, struct digest *d, const struct dkim_pair *pair, struct slice hash,
    struct buf *why)
{
	const struct dkim_sink sink = { add_octets, d };
	const struct sign_key *key = signer_key(pair->key, why);
	char result[DIGEST_OCTETS], signature[SIGN_SIGNATURE_MAX];
	struct buf s = BUF(signature);
	const size_t start = w->text->n;
	struct dkim_tags tags = {
		.domain = pair->domain, .selector = pair->selector, .body_hash = hash,
		.time_s = (uint64_t)clock_wall_s(),
	};

	if (!key)
		return -ENOKEY;
	tags.algorithm = sign_key_kind(key) == SIGN_RSA ? "rsa-sha256" : "ed25519-sha256";
	dkim_sign_begin(w->text, &tags, &w->fields);
	dkim_header_put(&w->fields, &sink);
	dkim_sign_put(slice_skip(buf_slice(w->text), start), &sink);
	if (w->text->full || !digest_end(d, result) ||
	    !sign_digest(key, slice_of(result, sizeof result), &s)) {
		buf_str(why, "OpenSSL makes no signature");
		return -EIO;
	}
	dkim_sign_end(w->text, buf_slice(&s));
	return w->text->full ? -E2BIG : 0;
}

static enum sign_result
add_fields(struct work *w, struct digest *d, const struct dkim_domain *domain)
{
	char hash[DIGEST_OCTETS], space[SIGNER_WHY_MAX / 2];
	struct buf why = BUF(space);
	struct dkim_pair pair = { 0 };
	int r = 0;

	if (!hash_body(w, d, hash))
		return say(w, UNABLE, "cannot read the message");
	while (r == 0 && dkim_next_pair(domain, &pair))
		r = add_field(w, d, &pair, slice_of(hash, sizeof hash), &why);
	if (r == 0)
		return SIGNED;
	w->text->n = 0;
	buf_fmt(w->text, "cannot sign it: [dkim %.253s] key: %s", domain->name, buf_cstr(&why));
	return UNABLE;
}

/* Find the section that signs the octets. */
static enum sign_result
find_section(struct work *w, const struct config *c, const struct permit *p,
    const struct dkim_domain **ret)
{
	static char address[1000];
	struct buf space = BUF(address);
	enum sign_result r;
	const char *why;

	free(w->header);
	w->header = NULL;
	w->n = 0;
	r = read_header(w);
	if (r != SIGNED)
		return r;
	why = dkim_header(w->section, &w->fields);
	if (why)
		return say(w, UNSIGNED, why);
	*ret = dkim_section(c, permit_right(p), dkim_author(&w->fields, &space));
	return *ret ? SIGNED : say(w, UNSIGNED, "its client may not send for a domain with a key");
}

/* A copy gets the signatures of its message, or none. */
static enum sign_result
find_section_of_copy(struct work *w, const struct config *c, const struct permit *p, int copy,
    uint64_t size, const struct dkim_domain **section)
{
	const struct dkim_domain *original = *section;
	enum sign_result r;

	w->fd = copy;
	w->at = 0;
	w->size = size;
	r = find_section(w, c, p, section);
	if (r == SIGNED && *section != original)
		return say(w, UNSIGNED, "its copy has another author");
	return r;
}

static enum sign_result
sign(struct work *w, const struct config *c, const struct kept *k, int copy, uint64_t size)
{
	const struct dkim_domain *section = NULL;
	enum sign_result r;
	struct digest *d;

	if (k->permit.scope == DKIM_NONE)
		return say(w, UNSIGNED, "its client may not send for a domain with a key");
	w->fd = k->fd;
	w->at = k->permit.at;
	w->size = k->permit.size;
	r = find_section(w, c, &k->permit, &section);
	if (r == SIGNED && copy >= 0)
		r = find_section_of_copy(w, c, &k->permit, copy, size, &section);
	if (r != SIGNED)
		return r;
	d = digest_new();
	r = d ? add_fields(w, d, section) : say(w, UNABLE, "out of memory");
	digest_free(d);
	return r;
}

static const struct kept *
find_permit(const char *id)
{
	for (size_t i = 0; i < KEPT_MAX; i++)
		if (strcmp(kept[i].permit.id, id) == 0)
			return &kept[i];
	return NULL;
}

/* Take all permits that have come.  False after a hang-up. */
static bool
take_permits(int fd)
{
	struct permit p;
	int message, r;

	while ((r = permit_receive(fd, &p, &message)) == 1) {
		struct kept *k = (struct kept *)(uintptr_t)find_permit(p.id);

		if (!k)
			k = &kept[next_place++ % KEPT_MAX];
		if (k->permit.id[0] && k->fd >= 0)
			(void)close(k->fd);
		*k = (struct kept){ p, message };
	}
	return r == -EAGAIN;
}

static void
put_up_walls(const struct config *c)
{
	static const struct seccomp_rule calls[] = {
		SECCOMP_CALL(recvmsg), SECCOMP_CALL(sendto), SECCOMP_CALL(pread64),
		SECCOMP_CALL(ppoll),
#ifdef SYS_poll
		SECCOMP_CALL(poll),
#endif
		SECCOMP_CALL(read), SECCOMP_CALL(fstat), SECCOMP_CALL(newfstatat),
		SECCOMP_CALL(lseek), SECCOMP_CALL(close),
		SECCOMP_WITHOUT(openat, 3, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
		/* No memory is a file, or a message could be written. */
		{ .call = __NR_mmap, .tests = { { 3, PROT_EXEC, 0 },
		    { 4, MAP_ANONYMOUS, MAP_ANONYMOUS } } },
	};
	struct landlock l;
	struct seccomp f = { .n = 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	landlock_begin(&l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	for (size_t i = 0; i < c->ndkim; i++)
		signer_key_allow(&c->dkim[i], &l);
	(void)landlock_enforce(&l);
	SECCOMP_ADD(&f, calls);
	seccomp_add_process(&f);
	(void)seccomp_enforce(&f, SECCOMP_RET_ERRNO | ENOSYS);
}

/* One question and its answer.  False after a hang-up, or if it was no question. */
static bool
answer_one(const struct config *c, int fd)
{
	static struct signer_answer a;
	static struct work w;
	struct signer_question q;
	struct buf text = BUF(a.text);
	const struct kept *k;
	struct passed copy;
	const ssize_t n = passing_take(fd, &q, sizeof q, MSG_TRUNC, &copy);

	if (!signer_question_valid(&q, n))
		return false;
	w.text = &text;
	k = find_permit(q.id);
	a.number = q.number;
	a.result = k ? sign(&w, c, k, copy.fd, q.size)
	    : say(&w, UNABLE, "the process that signs has no permit for it");
	a.n = (uint32_t)text.n;
	w.text = NULL;
	free(w.header);
	w.header = NULL;
	if (copy.fd >= 0)
		(void)close(copy.fd);
	return send(fd, &a, offsetof(struct signer_answer, text) + a.n, MSG_NOSIGNAL) >= 0;
}

static void
answer_all(const void *ctx, int fd)
{
	struct pollfd p[] = { { .fd = -1, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
	struct passed permits;
	char hello;

	if (passing_take(fd, &hello, sizeof hello, 0, &permits) != 1 || permits.fd < 0)
		return;
	p[0].fd = permits.fd;
	sign_prepare();
	put_up_walls(ctx);
	do
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			return;
	while (take_permits(p[0].fd) && (!p[1].revents || answer_one(ctx, fd)));
}

int
signer_start(struct aide *a, const struct config *c, int permits)
{
	int r = aide_start(a, answer_all, c);

	if (r == 0)
		r = passing_send(a->fd, "", 1, permits, 0);
	(void)close(permits);
	return r;
}

/* ---- the worker's end ---- */

enum sign_result
signer_ask(struct aide *aide, const struct sign_question *asked, struct buf *text)
{
	struct pollfd p = { .fd = aide->fd, .events = POLLIN };
	static struct signer_answer a;
	static uint32_t number;
	struct signer_question q = { .size = asked->size };
	ssize_t n = -1;

	q.number = ++number;
	memcpy(q.id, asked->id, sizeof q.id);
	if (aide->fd >= 0 && passing_send(aide->fd, &q, sizeof q, asked->copy, 0) == 0)
		n = poll(&p, 1, ANSWER_MS) == 1 ?
		    recv(aide->fd, &a, sizeof a, MSG_DONTWAIT | MSG_TRUNC) : -1;
	if (!signer_answer_valid(&a, n) || a.number != q.number) {
		if (aide->fd >= 0)
			(void)close(aide->fd);
		aide->fd = -1;
		buf_str(text, "the process that signs has ended");
		return UNABLE;
	}
	buf_add(text, slice_of(a.text, a.n));
	return (enum sign_result)a.result;
}
