// SPDX-License-Identifier: ISC
/*
 * A stub resolver: ldns builds and parses packets, the sockets are ours
 * (connected, one per question; TCP when truncated), because ldns 1.8.3's own accept any
 * datagram as the answer.  Blocking with a bound; several questions at once.
 */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/cidr.h"

#define DNS_SERVERS_MAX 8
#define DNS_NAME_MAX    256	/* text, no trailing dot, with NUL */
#define DNS_ANSWER_CAP  16384	/* octets of a packet we are willing to parse */
#define DNS_RECORDS_MAX 64	/* of one answer; the rest is ignored */
#define DNS_QUESTIONS_MAX 8	/* at a time */

struct dns_cache;

struct dns_resolver {
	struct sockaddr_storage servers[DNS_SERVERS_MAX];
	socklen_t server_len[DNS_SERVERS_MAX];
	size_t nservers;
	int timeout_ms;		/* per try */
	int attempts;		/* rounds over all servers */
	bool rotate;		/* begin with any server, not always with the first */
	struct dns_cache *cache;	/* borrowed; NULL: every question is asked */
};

/* From [relay] resolver when it names servers, else from the file (NULL: /etc/resolv.conf), parsed by us: nameserver with
 * scope and IPv6, options timeout:, attempts: and rotate.  No nameserver: 127.0.0.1, as libc does. */
void dns_resolver_init(struct dns_resolver *r, const struct address_list *servers, const char *resolv_conf);

enum dns_status {
	DNS_OK,
	DNS_NODATA,		/* the name exists, without such records */
	DNS_NXDOMAIN,
	DNS_SERVFAIL,		/* or REFUSED, FORMERR, ...: rcode tells */
	DNS_TIMEOUT,		/* no usable answer from any server */
	DNS_BAD_NAME,		/* not a name: empty or overlong labels */
};

#define DNS_USELESS (-1)

enum dns_type { DNS_A = 1, DNS_MX = 15, DNS_AAAA = 28 };

struct dns_record {
	enum dns_type type;
	uint16_t preference;		/* MX */
	char target[DNS_NAME_MAX];	/* MX: lower case, no trailing dot; "" is the root: null MX */
	struct sockaddr_storage address;	/* A, AAAA: port 0 */
};

struct dns_question {
	const char *name;		/* borrowed, A-labels */
	enum dns_type type;
	/* the answer */
	enum dns_status status;
	int rcode;			/* DNS_USELESS: what came could not be used */
	uint32_t ttl_s;
	bool via_tcp;
	size_t server;			/* which of r->servers said so; DNS_SERVERS_MAX: none, or the cache */
	struct dns_record *records;	/* malloc'ed */
	size_t nrecords;
};

/* Ask all n (at most DNS_QUESTIONS_MAX) at once and wait for all.  CNAMEs in an answer are followed. Fills in every question. */
void dns_ask(const struct dns_resolver *r, struct dns_question *questions, size_t n);
void dns_question_done(struct dns_question *q);

const char *dns_status_text(enum dns_status status);
/* The same of one answer, with the server's own word for it. */
const char *dns_question_text(const struct dns_question *q);

#endif
