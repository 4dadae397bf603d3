// SPDX-License-Identifier: ISC
/*
 * A process that validates answers by DNSSEC (RFC 4035), with libunbound.  It is asked in packets
 * of the DNS, over a socket for each process that asks.  The AD bit of a reply means that the
 * answer is proven; SERVFAIL has a reason (dns/reason.h); REFUSED means that nothing can be
 * validated at present.  It has no file and no other socket than those to the name servers.
 */
#ifndef DNS_VALIDATOR_H
#define DNS_VALIDATOR_H

#include "base/aide.h"
#include "dns/resolver.h"

#define VALIDATOR_QUESTION_MS 10000	/* time for one question */
#define VALIDATOR_TEST_MS     4000	/* time for the question whether validation works */
/* An answer comes in this time, or the process has died. */
#define VALIDATOR_WAIT_MS     (VALIDATOR_TEST_MS + VALIDATOR_QUESTION_MS + 2000)

struct validator {
	const struct dns_resolver *resolver;	/* the servers that it asks; borrowed */
	const char *anchor;			/* the file of the root's keys; borrowed */

	/* Private. */
	struct aide aide;			/* fd -1, or zeroed: not started */
	int64_t begun_ms;
	unsigned deaths;			/* in a row, each soon after its start */
};

/* The result of a test whether validation works. */
struct validator_news {
	bool works;
	char why[DNS_WHY_MAX];			/* the reason if it does not; one line */
};

/* A new socket to the process, which is started if that is needed, and again some time after its
 * start, as the answers of the root are kept for days.  0: the process died each time and is not
 * started again; -errno. */
int validator_link(struct validator *v);

/* The descriptor that is readable if there is news, or -1. */
int validator_fd(const struct validator *v);

/* Take the next news without waiting.  1; 0: there is none; -EPIPE: the process has ended, and is
 * started again by the next validator_link(). */
int validator_news(struct validator *v, struct validator_news *ret);

/* Wait for the first news; it comes in VALIDATOR_TEST_MS.  0, or -errno if the process has died. */
int validator_await(struct validator *v, struct validator_news *ret);

/* The servers of the resolver have changed: the next validator_link() starts a new process.  The
 * old one serves those who ask it, and ends after them. */
void validator_renew(struct validator *v);

/* End the process; no process may be asking it any more. */
void validator_end(struct validator *v);

/* The process itself: serve questions until the descriptor hangs up (base/aide.h). */
void validator_serve(const void *validator, int fd);

#endif
