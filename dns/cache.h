// SPDX-License-Identifier: ISC
/*
 * Answers of the DNS, kept by name and type until their TTL ends, within limits.  The parent
 * process of the runner has one cache for the run.  Workers inherit it by fork and report new
 * answers as memos.
 */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include "dns/resolver.h"
#include "dns/servers.h"

#define CACHE_ENTRIES_MAX 4096
#define CACHE_OCTETS_MAX  (4 << 20)
#define CACHE_TTL_MAX_S   3600
/* An answer that there is no such record or name (RFC 2308 section 5). */
#define CACHE_NONE_MAX_S  900
#define CACHE_FAILURE_S   30	/* a failure, or a denial without a TTL (RFC 2308 section 7) */
/* Time for which a server that replaced a silent one is asked first. */
#define CACHE_SERVER_S    60

/* One answer, in the form that is sent between processes. */
struct dns_memo {
	/* clock_ms() time; all processes of a machine share that clock. */
	int64_t expires_ms;
	enum dns_type type;
	enum dns_status status;
	int rcode;
	bool turned;			/* ask `server` first: others were silent */
	bool plain;			/* `server` replied only without EDNS */
	int took_ms;			/* round trip of the reply; negative: not measured */
	struct sockaddr_storage server;	/* the server that answered */
	uint16_t n;			/* number of records */
	/* Used octets of data: A and AAAA as they are; MX as preference, length, name. */
	uint16_t octets;
	char name[DNS_NAME_MAX];
	uint8_t data[3072];		/* an answer that needs more is not kept */
};

struct dns_cache {
	/* Gets each answer that came from a server.  May be NULL. */
	void (*learned)(void *ctx, const struct dns_memo *memo);
	void *ctx;

	/* Private. */
	struct cache_entry *buckets[1024];
	struct cache_entry *oldest, *newest;
	size_t n, octets;
	struct sockaddr_storage server;
	int64_t server_until_ms;	/* 0: ask the servers in their order */
	struct servers servers;
};

/* NULL if there is no memory; dns_cache_free() must follow. */
struct dns_cache *dns_cache_new(void);
void dns_cache_free(struct dns_cache *c);

/* Forget the answers: other servers may give others.  c may be NULL. */
void dns_cache_clear(struct dns_cache *c);

/* Answer q from the cache.  False if the answer is not known.  c may be NULL. */
bool dns_cache_get(struct dns_cache *c, struct dns_question *q);

/* Keep the answer of r->servers[q->server] to q.  turned: a server that was asked before it was
 * silent.  c may be NULL. */
void dns_cache_keep(struct dns_cache *c, const struct dns_question *q, const struct dns_resolver *r,
    bool turned);

/* Is it a memo as dns_cache_keep() makes it?  It may be any octets, of another process. */
bool dns_memo_valid(const struct dns_memo *memo);

/* Add an answer of another process.  A damaged memo is dropped. */
void dns_cache_put(struct dns_cache *c, const struct dns_memo *memo);

/* The number of octets of a memo that are used. */
size_t dns_memo_size(const struct dns_memo *memo);

/* The index of the server to ask first; DNS_SERVERS_MAX: any. */
size_t dns_cache_server(const struct dns_cache *c, const struct dns_resolver *r);

#endif
