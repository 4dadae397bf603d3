// SPDX-License-Identifier: ISC
/*
 * An error of OpenSSL is kept until the result is asked for.
 */
#include "base/digest.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
	EVP_MD_CTX *context;
	bool good;
};

static void
begin(struct digest *d)
{
	d->good = EVP_DigestInit_ex(d->context, EVP_sha256(), NULL) == 1;
}

struct digest *
digest_new(void)
{
	struct digest *d = calloc(1, sizeof *d);

	if (d)
		d->context = EVP_MD_CTX_new();
	if (!d || !d->context) {
		free(d);
		return NULL;
	}
	begin(d);
	return d;
}

void
digest_add(struct digest *d, struct slice octets)
{
	d->good = d->good && EVP_DigestUpdate(d->context, octets.p, octets.n) == 1;
}

bool
digest_end(struct digest *d, char ret[DIGEST_OCTETS])
{
	unsigned n = 0;
	const bool good = d->good &&
	    EVP_DigestFinal_ex(d->context, (unsigned char *)ret, &n) == 1 && n == DIGEST_OCTETS;

	begin(d);
	return good;
}

void
digest_free(struct digest *d)
{
	if (d)
		EVP_MD_CTX_free(d->context);
	free(d);
}
