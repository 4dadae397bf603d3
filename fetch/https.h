// SPDX-License-Identifier: ISC
/*
 * One request over HTTPS to addresses that the caller has looked up.  No redirect is followed, and
 * nothing else of this machine is asked or used: no proxy, no cookies, no password.
 */
#ifndef FETCH_HTTPS_H
#define FETCH_HTTPS_H

#include <sys/socket.h>

#include "base/buf.h"

struct https_request {
	const char *host;		/* the name that the certificate must have */
	const char *path;		/* "/.well-known/mta-sts.txt" */
	const struct sockaddr_storage *addresses;
	size_t naddresses;
	const char *authorities;	/* a file in place of the system's, or NULL */
	const char *type;		/* of the body: "text/plain" */
	struct slice body;		/* to post; p is NULL: to get one */
	int timeout_ms;			/* for all of it */
};

/* Load the library and the authorities' places, before walls go up.  0 or -errno. */
int https_begin(void);

enum https_result {
	HTTPS_DONE,
	HTTPS_FAILED,
	HTTPS_UNTRUSTED,		/* the server did not prove its name */
};

/* Get a body, which is appended to b.  Failures, with the reason in why: any other status than 200,
 * another type, a certificate without this DNS name, more than fits into b, no answer in time. */
enum https_result https_get(const struct https_request *r, struct buf *b, struct buf *why);

/* Post r->body.  Failures: any status but 2xx, such a certificate, no answer in time. */
enum https_result https_post(const struct https_request *r, struct buf *why);

#endif
