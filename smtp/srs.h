// SPDX-License-Identifier: ISC
/*
 * The Sender Rewriting Scheme: a forwarder puts the reverse-path of a message into an address of
 * its own domain, so that SPF allows it to send the message, and notices come back.
 *
 *	SRS0=HASH=DAY=example.org=user@forwarder	user@example.org
 *	SRS1=HASH=first==HASH=DAY=...@second		SRS0=HASH=DAY=...@first
 *
 * The hash proves that this domain has made the address, and the day ends its life.  As servers on
 * the way may change the case of letters, the hash is compared without regard to it.  In all
 * implementations it is one of domain and user without what is between them: another end of the
 * domain has the same hash, so the address that comes back may be a neighbour.  Pure.
 */
#ifndef SMTP_SRS_H
#define SMTP_SRS_H

#include <stdint.h>

#include "smtp/address.h"

#define SRS_LIFE_DAYS 21
#define SRS_SECRET_MIN 16	/* octets */
#define SRS_SECRET_MAX 1024
#define SRS_SECRETS 2

struct srs_secrets {
	struct slice list[SRS_SECRETS];	/* the first makes addresses, all check them */
	size_t n;
};

/* Take the secrets from the lines of a text, which *ret borrows.  NULL, or the mistake. */
const char *srs_secrets_parse(struct slice text, struct srs_secrets *ret);

/* Has the local part the form of SRS0 or SRS1? */
bool srs_is(const struct smtp_path *path);

/* Make the address at `domain` that stands for a reverse-path, which has a domain.  False if it
 * would be too long, or if the local part is "". */
bool srs_make(const struct smtp_path *from, struct slice domain, const struct srs_secrets *secrets,
    int64_t now_s, struct smtp_path *ret);

enum srs_end {
	SRS_RIGHT,
	SRS_MALFORMED,
	SRS_FORGED,			/* no secret makes this hash */
	SRS_EXPIRED,
};

/* Find the address that an address of ours stands for.  An SRS1 stands for the SRS0 of the first
 * forwarder, which alone knows the age. */
enum srs_end srs_undo(const struct smtp_path *to, const struct srs_secrets *secrets, int64_t now_s,
    struct smtp_path *ret);

#endif
