// SPDX-License-Identifier: ISC
/*
 * Answers that are good for a while: by name and type, for as long as their TTL says, within bounds.  The runner's parent
 * keeps one for the run; workers inherit it by fork, and tell what they learn as memos.
 */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include "dns/resolver.h"

#define CACHE_ENTRIES_MAX 4096
#define CACHE_OCTETS_MAX  (4 << 20)
#define CACHE_TTL_MAX_S   3600
#define CACHE_NONE_MAX_S  900	/* that there is none (RFC 2308 section 5) */
#define CACHE_FAILURE_S   30	/* that nobody could say, or did not say for how long (RFC 2308 section 7) */
#define CACHE_SERVER_S    60	/* a server that answered in the place of a silent one is asked first for so long */

/* One answer as it travels between processes. */
struct dns_memo {
	int64_t expires_ms;		/* clock_ms(), which all processes of a host share */
	enum dns_type type;
	enum dns_status status;
	int rcode;
	bool turned;			/* server is to be asked first, as others were silent */
	struct sockaddr_storage server;	/* who said so */
	uint16_t n;			/* records */
	uint16_t octets;		/* of data: A and AAAA as they are, MX as preference, length, name */
	char name[DNS_NAME_MAX];
	uint8_t data[3072];		/* an answer that needs more is not kept */
};

struct dns_cache {
	/* Told of each answer that came from a server.  May be NULL. */
	void (*tell)(void *ctx, const struct dns_memo *memo);
	void *ctx;

	/* The rest is its own. */
	struct cache_entry *buckets[1024];
	struct cache_entry *oldest, *newest;
	size_t n, octets;
	struct sockaddr_storage server;
	int64_t server_until_ms;	/* 0: the servers in their order */
};

struct dns_cache *dns_cache_new(void);	/* NULL without memory */
void dns_cache_free(struct dns_cache *c);

/* Answer q, if it is known.  c may be NULL. */
bool dns_cache_get(struct dns_cache *c, struct dns_question *q);
/* q was answered by r->servers[q->server]; turned: after one that was asked first had not.  c may be NULL. */
void dns_cache_keep(struct dns_cache *c, const struct dns_question *q, const struct dns_resolver *r, bool turned);
/* From another process; what is damaged is dropped. */
void dns_cache_put(struct dns_cache *c, const struct dns_memo *memo);
/* Octets of a memo that are used. */
size_t dns_memo_size(const struct dns_memo *memo);

/* Which server to ask first; DNS_SERVERS_MAX: that does not matter. */
size_t dns_cache_server(const struct dns_cache *c, const struct dns_resolver *r);

#endif
