// SPDX-License-Identifier: ISC
/*
 * A stub resolver.  ldns builds and parses packets.  The sockets are ours, because those of ldns
 * 1.8.3 accept any datagram as the answer: one connected socket per question, and TCP after
 * truncation.  Blocking within a time limit; several questions at once.
 */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/cidr.h"

#define DNS_SERVERS_MAX 8
#define DNS_NAME_MAX    256	/* text without a trailing dot, with NUL */
#define DNS_ANSWER_CAP  16384	/* octets of the largest packet that is parsed */
#define DNS_RECORDS_MAX 64	/* records of one answer; the rest is ignored */
#define DNS_TEXTS_MAX	512	/* the same for TXT: a policy may be behind many other texts */
#define DNS_QUESTIONS_MAX 8	/* questions at once */
#define DNS_BATCH_MAX   48	/* questions of a batch that are open at once */
#define DNS_SEARCH_MAX  8	/* domains of short names */
#define DNS_WHY_MAX     200	/* text of a reason, with NUL */

struct dns_cache;

struct dns_resolver {
	struct sockaddr_storage servers[DNS_SERVERS_MAX];
	socklen_t server_len[DNS_SERVERS_MAX];
	size_t nservers;
	/* A question ends after timeout_ms * attempts * nservers.  Within that time, a server that
	 * does not reply in its usual time is asked again. */
	int timeout_ms;
	int attempts;		/* failures of a server before a question ends */
	bool rotate;		/* start with a random server */
	bool use_tcp;		/* never ask by UDP */
	/* Domains to complete short names of hosts with, and the dots of a name that is not
	 * short.  Never for domains of mail (RFC 5321 section 2.3.5). */
	char search[DNS_SEARCH_MAX][DNS_NAME_MAX];
	size_t nsearch;
	unsigned ndots;
	const char *file;	/* resolv.conf(5), borrowed; NULL: its changes do not count */
	struct stat file_state;	/* as it was read; zeroed: there was none */
	/* The text of /etc/hosts, borrowed; NULL: each question for a configured host reads the
	 * file. */
	struct slice hosts;
	struct dns_cache *cache;	/* borrowed; NULL: no cache */
	/* The socket of a process that validates (dns/validator.h), which is asked before the
	 * servers; 0: none. */
	int validator;
	/* The servers validate: the AD bit of those at loopback addresses counts. */
	bool trust_ad;
	/* Names that are not validated, with those below them, as text with blanks between them;
	 * borrowed, NULL: none but those of dns_is_private(). */
	const char *unvalidated;
};

/* Set the resolver up.  The servers are those given (`resolver` in [relay]), if any.  Else they
 * come from the file resolv_conf (NULL: /etc/resolv.conf): nameserver with scope and IPv6, options
 * timeout:, attempts:, rotate and use-vc.  Without any server 127.0.0.1 is asked, as libc does.
 * search, domain and the option ndots: always come from the file.  Its name is borrowed. */
void dns_resolver_init(struct dns_resolver *r, const struct address_list *servers,
    const char *resolv_conf);

/* Read the file of dns_resolver_init() again if it has changed; the other members stay.  True if
 * other servers are asked now, or in another way.  A file that is gone, or has no server while it
 * is written, changes nothing. */
bool dns_resolver_renew(struct dns_resolver *r, const struct address_list *servers);

enum dns_status {
	DNS_OK,
	DNS_NODATA,		/* the name exists, without such records */
	DNS_NXDOMAIN,
	DNS_SERVFAIL,		/* or REFUSED, FORMERR, BADVERS, ...: see rcode */
	DNS_TIMEOUT,		/* no usable answer from any server */
	DNS_BAD_NAME,		/* not a name: empty or too long labels */
};

#define DNS_USELESS (-1)
#define DNS_TOO_LARGE (-2)

/* The state of an answer by DNSSEC (RFC 4035 section 4.3). */
enum dns_trust {
	DNS_UNCHECKED,		/* nobody has validated it */
	DNS_INSECURE,		/* it is in a part of the DNS that has no signatures */
	DNS_SECURE,		/* it is proven, also that there is no such record or name */
	DNS_BOGUS,		/* it is forged or damaged: the status is DNS_SERVFAIL */
};

enum dns_type {
	DNS_A = 1, DNS_NS = 2, DNS_CNAME = 5, DNS_PTR = 12, DNS_MX = 15, DNS_TXT = 16,
	DNS_AAAA = 28, DNS_SRV = 33, DNS_TLSA = 52,
};

/* A record of RFC 6698 section 2.1. */
struct dns_tlsa {
	uint8_t usage, selector, matching;
	uint16_t n;
	uint8_t *octets;		/* of the association data; malloc'ed */
};

struct dns_record {
	enum dns_type type;
	uint16_t preference;		/* MX; the priority of SRV */
	uint16_t weight, port;		/* SRV */
	/* MX, SRV, PTR, CNAME: lower case, no trailing dot; "" is the root: no such service. */
	char target[DNS_NAME_MAX];
	struct sockaddr_storage address;	/* A, AAAA; the port is 0 */
	char *text;			/* TXT: its strings as one; malloc'ed */
	struct dns_tlsa tlsa;
};

struct dns_question {
	const char *name;		/* borrowed, A-labels */
	enum dns_type type;
	/* The answer. */
	enum dns_status status;
	enum dns_trust trust;
	/* DNS_USELESS: the packets could not be used; DNS_TOO_LARGE: one is above
	 * DNS_ANSWER_CAP. */
	int rcode;
	uint32_t ttl_s;
	bool via_tcp;
	bool plain;			/* the server replied only without EDNS */
	int took_ms;			/* round trip of the reply; negative: not measured */
	/* Index in r->servers of the one that answered; DNS_SERVERS_MAX: none, or the cache. */
	size_t server;
	struct dns_record *records;	/* malloc'ed */
	size_t nrecords;
	/* The name at the end of the aliases, if the status is DNS_OK or DNS_NODATA; it may be the
	 * name itself. */
	char canonical[DNS_NAME_MAX];
	/* The reason of a validator for a failure, or why no server can be asked; "": none. */
	char why[DNS_WHY_MAX];
};

/* The time for AAAA after A of the same host is answered, as some servers drop AAAA.  It is enough
 * to send a lost packet again (RFC 8305 section 3 recommends 50 ms). */
#define DNS_AAAA_DELAY_MS 2000

/* Ask n questions, DNS_QUESTIONS_MAX at a time, and wait for all.  CNAMEs in an answer are
 * followed.  Every question gets its answer; dns_question_done() must follow.  If A of a host is
 * answered, AAAA of it ends as DNS_TIMEOUT after DNS_AAAA_DELAY_MS. */
void dns_ask(const struct dns_resolver *r, struct dns_question *questions, size_t n);

/* Does q, AAAA, wait no longer than that once `other` has its answer? */
static inline bool
dns_follows(const struct dns_question *q, const struct dns_question *other)
{
	return q->type == DNS_AAAA && other->type == DNS_A && other->status == DNS_OK &&
	    other->nrecords && strcmp(q->name, other->name) == 0;
}

/* Free the records of an answer. */
void dns_question_done(struct dns_question *q);

/* Questions that are asked as they come up, each with its own end. */
struct dns_batch;

/* NULL without memory.  r is borrowed until dns_batch_free(). */
struct dns_batch *dns_batch_new(const struct dns_resolver *r);

/* Begin to ask q, which is borrowed until it is answered.  False if DNS_BATCH_MAX are open. */
bool dns_batch_add(struct dns_batch *b, struct dns_question *q);

/* Wait for the next answer: a question that was added, for dns_question_done().  NULL if none is
 * open, or at until_ms (of clock_ms()). */
struct dns_question *dns_batch_next(struct dns_batch *b, int64_t until_ms);

/* End all questions that are open.  NULL is fine. */
void dns_batch_free(struct dns_batch *b);

/* The text of a status, for people. */
const char *dns_status_text(enum dns_status status);

/* The text of an answer's status, with the error of the server if there is one. */
const char *dns_question_text(const struct dns_question *q);

#endif
