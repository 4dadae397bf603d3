// SPDX-License-Identifier: ISC
/*
 * Reading certificates and keys.  Memory that held a part of a key is wiped.  Knows no connection.
 */
#include "net/tls_identity.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/secret.h"

#define PEM_MAX ((off_t)1 << 20)	/* octets of a file: enough for any chain */

#define STACK_DEPTH (128 * 1024)

static void *
allocate(size_t n, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(n);
}

static void
release(void *p, const char *file, int line)
{
	(void)file;
	(void)line;
	if (p)
		explicit_bzero(p, malloc_usable_size(p));
	free(p);
}

/* Not realloc(3): it may move the octets and leave a copy behind. */
static void *
reallocate(void *p, size_t n, const char *file, int line)
{
	const size_t had = p ? malloc_usable_size(p) : 0;
	void *fresh = n ? malloc(n) : NULL;

	if (n && !fresh)
		return NULL;
	if (fresh && p)
		memcpy(fresh, p, had < n ? had : n);
	release(p, file, line);
	return fresh;
}

int
tls_wipe_memory(void)
{
	static bool done;

	done = done || CRYPTO_set_mem_functions(allocate, reallocate, release) == 1;
	return done ? 0 : -EIO;
}

/* Wipe the stack below the caller, deeper than OpenSSL ever calls: parts of a key are left there.
 * Whole pages go back to the kernel.  To write zeros would fault in each of them. */
__attribute__((noinline)) void
tls_wipe_stack(void)
{
	const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
	char below[STACK_DEPTH];
	const uintptr_t start = (uintptr_t)below, end = start + sizeof below;
	const size_t before = (size_t)(-start % page), behind = (size_t)(end % page);

	explicit_bzero(below, before);
	explicit_bzero(below + sizeof below - behind, behind);
	if (madvise(below + before, sizeof below - before - behind, MADV_DONTNEED) < 0)
		explicit_bzero(below, sizeof below);
}

void
tls_complaint(struct buf *why)
{
	const unsigned long e = ERR_peek_last_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	buf_str(why, text ? text : "no reason given");
	ERR_clear_error();
}

/* Read all of fd into memory that the caller must wipe.  0 or -errno. */
static int
read_all(int fd, char **ret, size_t *ret_n)
{
	struct stat st;
	size_t n = 0, size;
	char *text;
	ssize_t got;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > PEM_MAX)
		return -EFBIG;
	size = (size_t)st.st_size;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	while (n < size && (got = read(fd, text + n, size - n)) > 0)
		n += (size_t)got;
	*ret = text;
	*ret_n = n;
	return 0;
}

/* A BIO over all of fd, which is closed here.  *ret_text gets its memory.  NULL after an error,
 * which *ret_error gets. */
static BIO *
open_pem(int fd, char **ret_text, size_t *ret_n, int *ret_error)
{
	BIO *bio = NULL;

	*ret_error = read_all(fd, ret_text, ret_n);
	if (*ret_error == 0) {
		bio = BIO_new_mem_buf(*ret_text, (int)*ret_n);
		if (!bio)
			*ret_error = -ENOMEM;
	}
	(void)close(fd);
	return bio;
}

static void
close_pem(BIO *bio, char *text, size_t n)
{
	BIO_free(bio);
	if (text)
		explicit_bzero(text, n);
	free(text);
}

static int
load_chain(struct tls_identity *id, const char *file, struct buf *why)
{
	int r, fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char *text = NULL;
	size_t n = 0;
	X509 *x;
	BIO *bio;

	if (fd < 0) {
		r = -errno;
		buf_fmt(why, "%s: %s", file, strerror(-r));
		return r;
	}
	bio = open_pem(fd, &text, &n, &r);
	id->chain = sk_X509_new_null();
	if (bio && id->chain) {
		id->leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
		while (id->leaf && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
			if (!sk_X509_push(id->chain, x))
				X509_free(x);
	}
	close_pem(bio, text, n);
	ERR_clear_error();	/* OpenSSL treats the end of the file as an error */
	if (r == 0 && !id->leaf)
		r = -EINVAL;
	if (r < 0)
		buf_fmt(why, "%s: %s", file, r == -EINVAL ? "no certificate in it" : strerror(-r));
	return r;
}

static void
add_time(struct buf *b, const ASN1_TIME *time)
{
	struct tm tm;
	char text[32];

	if (ASN1_TIME_to_tm(time, &tm) == 1 && strftime(text, sizeof text, "%Y-%m-%d %H:%MZ", &tm))
		buf_str(b, text);
}

bool
tls_is_current(const X509 *certificate, const char *what, struct buf *why)
{
	const ASN1_TIME *from = X509_get0_notBefore(certificate);
	const ASN1_TIME *to = X509_get0_notAfter(certificate);

	if (X509_cmp_current_time(to) < 0) {
		buf_fmt(why, "%s has expired on ", what);
		add_time(why, to);
		return false;
	}
	if (X509_cmp_current_time(from) > 0) {
		buf_fmt(why, "%s is not valid before ", what);
		add_time(why, from);
		return false;
	}
	return true;
}

/* No person is there to type a pass phrase. */
static int
no_phrase(char *p, int n, int writing, void *ctx)
{
	(void)p;
	(void)n;
	(void)writing;
	(void)ctx;
	return -1;
}

static int
load_key(struct tls_identity *id, const struct tls_pair *pair, struct buf *why)
{
	int r, fd = secret_open(pair->key, why);
	char *text = NULL;
	size_t n = 0;
	BIO *bio;

	if (fd < 0)
		return fd;
	bio = open_pem(fd, &text, &n, &r);
	if (bio)
		id->key = PEM_read_bio_PrivateKey(bio, NULL, no_phrase, NULL);
	close_pem(bio, text, n);
	if (r < 0) {
		buf_fmt(why, "%s: %s", pair->key, strerror(-r));
	} else if (!id->key) {
		r = -EINVAL;
		buf_fmt(why, "%s: no private key in it, or one with a pass phrase", pair->key);
	} else if (X509_check_private_key(id->leaf, id->key) != 1) {
		r = -EINVAL;
		buf_fmt(why, "%s: this key does not belong to %s", pair->key, pair->chain);
	}
	ERR_clear_error();
	return r;
}

int
tls_identity_load(struct tls_identity *id, const struct tls_pair *pair, struct buf *why)
{
	int r;

	*id = (struct tls_identity){ 0 };
	r = load_chain(id, pair->chain, why);
	if (r == 0)
		r = load_key(id, pair, why);
	if (r < 0)
		tls_identity_done(id);
	return r;
}

void
tls_identity_done(struct tls_identity *id)
{
	X509_free(id->leaf);
	sk_X509_pop_free(id->chain, X509_free);
	EVP_PKEY_free(id->key);
	*id = (struct tls_identity){ 0 };
}
