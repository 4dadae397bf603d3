// SPDX-License-Identifier: ISC
/*
 * The checks of one message, from its envelope to the field with their results.
 */
#ifndef VERIFY_CHECK_H
#define VERIFY_CHECK_H

#include "auth/spf.h"
#include "config/config.h"
#include "verify/alignment.h"
#include "verify/answers.h"
#include "verify/signatures.h"

#define CHECK_NAME_MAX	 256
#define CHECK_PATH_MAX	 512
#define CHECK_FIELD_MAX	 8192	/* octets of Authentication-Results */
#define CHECK_REMOVE_MAX 64	/* forged fields that are removed */

/* A client, as it is known before a message begins. */
struct check_client {
	bool ipv6;
	unsigned char address[16];
	char helo[CHECK_NAME_MAX];
};

/* Its address, as one of a socket. */
void check_client_address(const struct check_client *client, struct sockaddr_storage *ret);

struct check {
	const struct config *config;
	const struct check_client *client;
	char hostname[CHECK_NAME_MAX];		/* ours */
	char sender[CHECK_PATH_MAX];		/* the reverse-path; "" is the null path */
	/* Fields Authentication-Results so far; the numbers of those in our name, from 1. */
	uint32_t nresults, forged[CHECK_REMOVE_MAX];
	size_t nforged;
	/* The results. */
	enum spf_result spf_mail, spf_helo;
	char spf_domain[CHECK_NAME_MAX], helo_domain[CHECK_NAME_MAX];
	const char *spf_why;
	bool hashes;				/* signatures can be verified */
	struct signatures signatures;
	struct alignment dmarc;
	bool reject;				/* as DMARC demands it */
	bool exempt;				/* it would, but the operator trusts who sent it */
	struct buf field;			/* the value of Authentication-Results */
	char space[CHECK_FIELD_MAX];
	struct answers answers;
};

/* Begin with the path in MAIL, in <>.  client is borrowed. */
void check_begin(struct check *c, const struct config *config, const struct check_client *client,
    struct slice hostname, struct slice path);

/* A field of the header section.  blank: value begins behind the colon, else behind its blank. */
void check_field(struct check *c, struct slice name, struct slice value, bool blank);
void check_header_end(struct check *c);
void check_body(struct check *c, struct slice octets);

/* The message is complete: look up what is needed, write the results, and decide. */
void check_end(struct check *c, const struct dns_resolver *r);

#endif
