// SPDX-License-Identifier: ISC
/*
 * A fact: "192.0.2.1:25 mx1.example CONNECT FIRST MEASURED FAILURES FAILED SINCE BROKEN IPV4 GOOD":
 * microseconds (">" in front of FIRST: at least), then seconds before the fact was told.  IPV4 are
 * the seconds that are left.  A time that is none is NONE_S.
 */
#include "hosts/facts.h"

#include <inttypes.h>

#include "base/cidr.h"

#define NUMBERS	    9
#define NONE_S	    INT64_C(99999999)
#define AGE_MAX_S   HOSTS_IPV4_S
#define AGAIN_S	    60
#define FRESH_S	    86400		/* of a latency */
#define LATENCY_MAX (600 * INT64_C(1000000))
#define FAILURES_MAX 20			/* the pause is at its longest long before */

struct fact {
	struct host host;		/* times are ours */
	int64_t good_s;			/* when that machine spoke to it; 0: never */
};

/* ---- telling ---- */

/* An own failure is told only if our own network was there at that time: some host has greeted us
 * since a minute before. */
static bool
may_tell(const struct hosts *h, const struct host *host)
{
	const bool failed = host->failures && !(host->marks & HOST_MARK_FAILURE);

	return host->marks & HOST_MARK_UNTOLD && host->name[0] &&
	    (!failed || h->good_s + HOSTS_OUTAGE_S >= host->failed_s);
}

static int64_t
age_s(int64_t at_s, int64_t now_s)
{
	return at_s == 0 ? NONE_S : at_s < now_s ? now_s - at_s : 0;
}

/* When this machine spoke to it last, as far as that is known. */
static int64_t
good_s(const struct host *host)
{
	const bool measured = host->first_us && !host->at_least &&
	    !(host->marks & HOST_MARK_LATENCY);

	return measured && host->measured_s > host->proven_s ? host->measured_s : host->proven_s;
}

static void
write_fact(struct buf *b, const struct host *host, int64_t now_s)
{
	const bool failed = host->failures && !(host->marks & HOST_MARK_FAILURE),
		   measured = host->first_us && !(host->marks & HOST_MARK_LATENCY);
	const int64_t ipv4_s = host->marks & HOST_MARK_IPV4 ? 0 : hosts_ipv4_until(host, now_s);
	const int64_t left_s = ipv4_s ? ipv4_s - now_s : 0;

	buf_fmt(b, "%s %s %" PRId64 " %s%" PRId64 " %" PRId64, host->address, host->name,
	    measured ? host->connect_us : 0, measured && host->at_least ? ">" : "",
	    measured ? host->first_us : 0, age_s(measured ? host->measured_s : 0, now_s));
	buf_fmt(b, " %u %" PRId64 " %" PRId64 " %u", failed ? host->failures : 0,
	    age_s(failed ? host->failed_s : 0, now_s), age_s(failed ? host->since_s : 0, now_s),
	    failed ? host->broken : 0);
	buf_fmt(b, " %" PRId64 " %" PRId64, left_s, age_s(good_s(host), now_s));
}

bool
facts_next(struct hosts *h, int64_t now_s, struct buf *b)
{
	for (size_t i = 0; h->untold && i < h->n; i++) {
		struct host *host = &h->list[i];

		if (!may_tell(h, host))
			continue;
		host->marks &= ~(unsigned)HOST_MARK_UNTOLD;
		b->n = 0;
		b->full = false;
		write_fact(b, host, now_s);
		if (!b->full)
			return true;
	}
	h->untold = false;
	return false;
}

/* ---- taking ---- */

/* "192.0.2.1:25", as host_key() writes it. */
static bool
take_address(struct slice text, struct host *ret)
{
	struct sockaddr_storage address;
	char key[HOST_KEY];
	socklen_t len;

	if (text.n >= sizeof ret->address || !address_parse(text, 0, &address, &len))
		return false;
	host_key(key, &address);
	memcpy(ret->address, text.p, text.n);
	return strcmp(key, ret->address) == 0 && address_port((const struct sockaddr *)&address);
}

/* The name of a host in the DNS, or an address: people read it. */
static bool
take_name(struct slice text, struct host *ret)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";

	if (text.n == 0 || text.n >= sizeof ret->name)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (!memchr(letters, ascii_lower(text.p[i]), sizeof letters - 1))
			return false;
	memcpy(ret->name, text.p, text.n);
	return true;
}

/* The time of an age at the telling; 0: never, or too long ago. */
static int64_t
time_of(uint64_t age, int64_t told_s)
{
	return age <= AGE_MAX_S ? told_s - (int64_t)age : 0;
}

static bool
take_numbers(const uint64_t n[NUMBERS], int64_t told_s, int64_t now_s, struct fact *ret)
{
	struct host *host = &ret->host;

	if (n[0] > n[1] || n[1] > LATENCY_MAX || n[3] > HOSTS_FAILURES_MAX || n[4] > n[5] ||
	    n[6] > n[3] || n[7] > HOSTS_IPV4_S)
		return false;
	host->connect_us = (int64_t)n[0];
	host->first_us = (int64_t)n[1];
	host->measured_s = time_of(n[2], told_s);
	host->failures = n[3] < FAILURES_MAX ? (unsigned)n[3] : FAILURES_MAX;
	host->failed_s = time_of(n[4], told_s);
	host->since_s = time_of(n[5], told_s);
	if (host->since_s == 0)
		host->since_s = host->failed_s;
	host->broken = n[6] < host->failures ? (unsigned)n[6] : host->failures;
	host->ipv4_until_s = told_s + (int64_t)n[7] > now_s ? told_s + (int64_t)n[7] : 0;
	ret->good_s = time_of(n[8], told_s);
	return n[3] == 0 || host->failed_s;
}

static bool
parse_fact(struct slice line, int64_t now_s, struct fact *ret)
{
	uint64_t told, n[NUMBERS];
	struct slice field;

	*ret = (struct fact){ .good_s = 0 };
	if (!slice_uint(slice_cut(line, ' ', &line), AGE_MAX_S, &told) ||
	    !take_address(slice_cut(line, ' ', &line), &ret->host) ||
	    !take_name(slice_cut(line, ' ', &line), &ret->host))
		return false;
	for (size_t i = 0; i < NUMBERS; i++) {
		field = slice_cut(line, ' ', &line);
		if (i == 1 && field.n && field.p[0] == '>') {
			ret->host.at_least = true;
			field = slice_skip(field, 1);
		}
		if (!slice_uint(field, INT64_MAX / 8, &n[i]))
			return false;
	}
	return line.n == 0 && take_numbers(n, now_s - (int64_t)told, now_s, ret);
}

static bool
has_news_of_latency(const struct host *host, const struct host *news, int64_t now_s)
{
	return news->first_us && news->measured_s && now_s - news->measured_s < FRESH_S &&
	    (!host->first_us || (host->marks & HOST_MARK_LATENCY &&
	    news->measured_s > host->measured_s));
}

/* Does the host fail, as far as this machine does not know better? */
static bool
has_news_of_failure(const struct hosts *h, const struct host *host, const struct host *news)
{
	if (!news->failures || news->failed_s <= h->forgiven_s ||
	    hosts_spoke_since(host, news->since_s))
		return false;
	return !host->failures || (news->failed_s > host->failed_s &&
	    (host->marks & HOST_MARK_FAILURE || news->failures > host->failures));
}

static bool
has_news_of_ipv6(const struct hosts *h, const struct host *host, const struct host *news,
    int64_t now_s)
{
	const int64_t told_s = news->ipv4_until_s - HOSTS_IPV4_S;

	/* Our own fact comes back, too, and may be a second younger then. */
	return news->ipv4_until_s > hosts_ipv4_until(host, now_s) + AGAIN_S &&
	    told_s > h->forgiven_s && host->proven_s < told_s;
}

static bool
end_hearsay(struct host *host, const struct fact *f)
{
	const unsigned old = host->marks;

	if (host->marks & HOST_MARK_FAILURE && f->good_s > host->failed_s) {
		host->failures = host->broken = 0;
		host->since_s = 0;
		host->marks &= ~(unsigned)HOST_MARK_FAILURE;
	}
	if (host->marks & HOST_MARK_IPV4 && !f->host.ipv4_until_s &&
	    f->good_s > host->ipv4_until_s - HOSTS_IPV4_S) {
		host->ipv4_until_s = 0;
		host->marks &= ~(unsigned)HOST_MARK_IPV4;
	}
	return host->marks != old;
}

/* Take what is news of it.  True if something was. */
static bool
merge_fact(const struct hosts *h, struct host *host, const struct fact *f, int64_t now_s)
{
	const struct host *news = &f->host;
	bool changed = end_hearsay(host, f);

	if (has_news_of_latency(host, news, now_s)) {
		host->connect_us = news->connect_us;
		host->first_us = news->first_us;
		host->at_least = news->at_least;
		host->measured_s = news->measured_s;
		host->marks |= HOST_MARK_LATENCY;
		changed = true;
	}
	if (has_news_of_failure(h, host, news)) {
		host->failures = news->failures;
		host->broken = news->broken;
		host->failed_s = news->failed_s;
		host->since_s = news->since_s;
		host->marks |= HOST_MARK_FAILURE;
		changed = true;
	}
	if (has_news_of_ipv6(h, host, news, now_s)) {
		host->ipv4_until_s = news->ipv4_until_s;
		host->marks |= HOST_MARK_IPV4;
		changed = true;
	}
	return changed;
}

/* Facts never take the place of what this machine knows. */
static void
take_fact(struct hosts *h, const struct fact *f, int64_t now_s)
{
	struct host *host, fresh = { 0 };

	if (hosts_find(h, f->host.address)) {
		host = hosts_entry(h, f->host.address);
		h->changed |= merge_fact(h, host, f, now_s);
		return;
	}
	if (h->n >= HOSTS_MAX || !merge_fact(h, &fresh, f, now_s) ||
	    !(host = hosts_entry(h, f->host.address)))
		return;
	memcpy(fresh.address, host->address, sizeof fresh.address);
	memcpy(fresh.name, f->host.name, sizeof fresh.name);
	*host = fresh;
	h->changed = true;
}

void
facts_take(struct hosts *h, struct slice lines, int64_t now_s)
{
	struct fact f;

	while (lines.n)
		if (parse_fact(slice_cut(lines, '\n', &lines), now_s, &f))
			take_fact(h, &f, now_s);
}
