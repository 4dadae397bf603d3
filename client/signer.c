// SPDX-License-Identifier: ISC
/*
 * A question is one datagram with the descriptor of the message beside it.  The process keeps the
 * header section only, and the body streams by.  Each end checks what the other sends: a stranger
 * may have taken over the worker by a reply, or the signer by a message.
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

#include "base/clock.h"
#include "base/digest.h"
#include "base/foreign.h"
#include "base/landlock.h"
#include "base/seccomp.h"
#include "client/signer_key.h"
#include "client/signer_rule.h"
#include "message/dkim.h"
#include "message/field.h"

#define ANSWER_MS  60000
#define WHY_MAX	   500
#define BLOCK	   65536
#define HEADER_MAX (1 << 20)	/* octets of a header section that is signed */

static_assert(SIGNER_FIELDS_MAX == DKIM_PAIRS_MAX * DKIM_FIELD_MAX, "each key has its field");

struct question {
	uint32_t number;
	uint64_t at, size;
	uint32_t standing;
	char from[600];			/* the reverse-path; a longer one is nobody's own */
};

struct answer {
	uint32_t number;		/* of its question */
	uint32_t result;		/* enum sign_result */
	uint32_t n;			/* octets of text */
	char text[SIGNER_FIELDS_MAX + WHY_MAX];
};

/* Room for the header of one descriptor, aligned. */
union passed {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

/* ---- the signer ---- */

/* One message, and what is known of it. */
struct work {
	const struct question *q;
	int fd;
	char *header;			/* its first octets, malloc'ed */
	size_t n;
	struct slice section;		/* the header section */
	uint64_t body;			/* where the body begins, from q->at */
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
		const ssize_t got = pread(w->fd, to, n, (off_t)(w->q->at + at));

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
	const uint64_t size = w->q->size;
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
	while (at < w->q->size) {
		const uint64_t left = w->q->size - at;
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
	char hash[DIGEST_OCTETS], space[WHY_MAX / 2];
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

static enum sign_result
sign(struct work *w, const struct config *c)
{
	const struct sender sender = {
		slice_str(w->q->from), (enum standing)w->q->standing
	};
	static char address[1000];
	struct buf space = BUF(address);
	const struct dkim_domain *domain;
	enum sign_result r = read_header(w);
	struct digest *d;
	const char *why;

	if (r != SIGNED)
		return r;
	why = dkim_header(w->section, &w->fields);
	if (why)
		return say(w, UNSIGNED, why);
	domain = signer_rule(c, sender, dkim_author(&w->fields, &space));
	if (!domain)
		return say(w, UNSIGNED, "its client may not send for a domain with a key");
	d = digest_new();
	r = d ? add_fields(w, d, domain) : say(w, UNABLE, "out of memory");
	digest_free(d);
	return r;
}

/* The next question and its descriptor.  False after a hang-up. */
static bool
get_question(int fd, struct question *q, int *ret_message)
{
	union passed passed = { .space = { 0 } };
	struct iovec space = { q, sizeof *q };
	struct msghdr m = {
		.msg_iov = &space, .msg_iovlen = 1,
		.msg_control = passed.space, .msg_controllen = sizeof passed.space,
	};
	struct cmsghdr *header;
	ssize_t n;

	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	header = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
	if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
	    header->cmsg_len != CMSG_LEN(sizeof *ret_message))
		return false;
	memcpy(ret_message, CMSG_DATA(header), sizeof *ret_message);
	return n == sizeof *q && foreign_line(q->from, sizeof q->from) && q->standing < STANDINGS &&
	    q->at <= INT64_MAX && q->size <= INT64_MAX - q->at;
}

static void
put_up_walls(const struct config *c)
{
	static const struct seccomp_rule calls[] = {
		SECCOMP_CALL(recvmsg), SECCOMP_CALL(sendto), SECCOMP_CALL(pread64),
		SECCOMP_CALL(read), SECCOMP_CALL(fstat), SECCOMP_CALL(newfstatat),
		SECCOMP_CALL(lseek), SECCOMP_CALL(close), SECCOMP_CALL(brk),
		SECCOMP_WITHOUT(openat, 3, O_WRONLY | O_RDWR | O_CREAT | O_TRUNC),
		/* No memory is a file, or a message could be written. */
		{ .call = __NR_mmap, .tests = { { 3, PROT_EXEC, 0 },
		    { 4, MAP_ANONYMOUS, MAP_ANONYMOUS } } },
		SECCOMP_WITHOUT(mprotect, 3, PROT_EXEC), SECCOMP_CALL(munmap),
		SECCOMP_CALL(mremap), SECCOMP_CALL(madvise), SECCOMP_CALL(futex),
		SECCOMP_CALL(clock_gettime), SECCOMP_CALL(gettimeofday), SECCOMP_CALL(getrandom),
		SECCOMP_CALL(rt_sigprocmask), SECCOMP_CALL(rt_sigaction),
		SECCOMP_CALL(rt_sigreturn), SECCOMP_CALL(restart_syscall), SECCOMP_CALL(getpid),
		SECCOMP_CALL(gettid), SECCOMP_CALL(exit), SECCOMP_CALL(exit_group),
	};
	/* abort(3) */
	const struct seccomp_rule own_signal = SECCOMP_WITH(tgkill, 1, getpid());
	struct landlock l;
	struct seccomp f = { .n = 0 };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return;
	landlock_begin(&l, LANDLOCK_NO_TCP | LANDLOCK_SCOPED);
	for (size_t i = 0; i < c->ndkim; i++)
		signer_key_allow(&c->dkim[i], &l);
	(void)landlock_enforce(&l);
	SECCOMP_ADD(&f, calls);
	seccomp_add(&f, &own_signal, 1);
	(void)seccomp_enforce(&f, SECCOMP_RET_ERRNO | ENOSYS);
}

static void
answer_all(const void *ctx, int fd)
{
	static struct work w;
	static struct answer a;
	struct question q;

	sign_prepare();
	put_up_walls(ctx);
	while (get_question(fd, &q, &w.fd)) {
		struct buf text = BUF(a.text);

		w.q = &q;
		w.text = &text;
		w.n = 0;
		a.number = q.number;
		a.result = sign(&w, ctx);
		a.n = (uint32_t)text.n;
		free(w.header);
		w.header = NULL;
		(void)close(w.fd);
		if (send(fd, &a, offsetof(struct answer, text) + a.n, MSG_NOSIGNAL) < 0)
			return;
	}
}

int
signer_start(struct aide *a, const struct config *c)
{
	return aide_start(a, answer_all, c);
}

/* ---- the worker's end ---- */

static bool
put_question(int fd, uint32_t number, const struct sign_question *asked)
{
	struct question q = {
		.number = number,
		.at = asked->at, .size = asked->size, .standing = (uint32_t)asked->standing,
	};
	struct iovec octets = { &q, sizeof q };
	union passed passed = { .space = { 0 } };
	const struct msghdr m = {
		.msg_iov = &octets, .msg_iovlen = 1,
		.msg_control = passed.space, .msg_controllen = sizeof passed.space,
	};

	if (asked->from.n < sizeof q.from)
		memcpy(q.from, asked->from.p, asked->from.n);
	passed.header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof asked->fd), .cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	};
	memcpy(CMSG_DATA(&passed.header), &asked->fd, sizeof asked->fd);
	return sendmsg(fd, &m, MSG_NOSIGNAL) == sizeof q;
}

/* Are these n octets a whole answer, with a valid value in each field? */
static bool
is_valid(const struct answer *a, ssize_t n)
{
	const struct slice text = slice_of(a->text, a->n);

	if (n < (ssize_t)offsetof(struct answer, text) || a->n > sizeof a->text ||
	    (size_t)n != offsetof(struct answer, text) + a->n)
		return false;
	if (a->result == SIGNED)
		return a->n <= SIGNER_FIELDS_MAX && dkim_fields_valid(text);
	return (a->result == UNSIGNED || a->result == UNABLE) && a->n < WHY_MAX &&
	    !slice_has_control(text);
}

enum sign_result
signer_ask(const struct aide *aide, const struct sign_question *q, struct buf *text)
{
	struct pollfd p = { .fd = aide->fd, .events = POLLIN };
	static struct answer a;
	static uint32_t number;
	ssize_t n = -1;

	number++;
	if (put_question(aide->fd, number, q))
		do			/* an answer that came too late is skipped */
			n = poll(&p, 1, ANSWER_MS) == 1 ?
			    recv(aide->fd, &a, sizeof a, MSG_DONTWAIT | MSG_TRUNC) : -1;
		while (n >= (ssize_t)sizeof a.number && a.number != number);
	if (!is_valid(&a, n)) {
		buf_str(text, "the process that signs has ended");
		return UNABLE;
	}
	buf_add(text, slice_of(a.text, a.n));
	return (enum sign_result)a.result;
}
