// SPDX-License-Identifier: ISC
/*
 * The table of addresses of hosts: it learns from each dial and each transaction.  It only affects
 * the order and the time of tries.  It must not know that order (hosts/order) or how to dial
 * (net/dial).
 */
#include "hosts/hosts.h"

#include <endian.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/cidr.h"
#include "base/clock.h"
#include "base/foreign.h"
#include "base/slice.h"

#define PROVEN_S 60	/* a later proof is news */
#define TELL_S   600	/* how often a latency is told that stays as it is */
#define SECOND_US INT64_C(1000000)
#define TIME_MAX_US (86400 * SECOND_US)	/* no host is waited for longer */

/* The index of address, or the index where it would be inserted. */
static size_t
find_position(const struct hosts *h, const char *address)
{
	size_t low = 0, high = h->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(h->list[middle].address, address) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
is_at(const struct hosts *h, size_t i, const char *address)
{
	return i < h->n && strcmp(h->list[i].address, address) == 0;
}

const struct host *
hosts_find(const struct hosts *h, const char *address)
{
	size_t i = find_position(h, address);

	return is_at(h, i, address) ? &h->list[i] : NULL;
}

/* A host of which only other machines know anything has none. */
static int64_t
last_news(const struct host *host)
{
	if (!host->proven_s && (!host->failures || host->marks & HOST_MARK_FAILURE) &&
	    (!host->first_us || host->marks & HOST_MARK_LATENCY))
		return 0;
	return host->measured_s > host->failed_s ? host->measured_s : host->failed_s;
}

static void
forget_stalest(struct hosts *h)
{
	size_t stalest = 0;

	for (size_t i = 1; i < h->n; i++)
		if (last_news(&h->list[i]) < last_news(&h->list[stalest]))
			stalest = i;
	h->n--;
	memmove(&h->list[stalest], &h->list[stalest + 1], (h->n - stalest) * sizeof *h->list);
}

struct host *
hosts_entry(struct hosts *h, const char *address)
{
	size_t i = find_position(h, address);

	if (is_at(h, i, address))
		return &h->list[i];
	if (h->n == HOSTS_MAX) {
		forget_stalest(h);
		i = find_position(h, address);
	}
	if (h->n == h->cap) {
		size_t cap = h->cap ? h->cap * 2 : 16;
		struct host *list = realloc(h->list, cap * sizeof *list);

		if (!list)
			return NULL;
		h->list = list;
		h->cap = cap;
	}
	memmove(&h->list[i + 1], &h->list[i], (h->n - i) * sizeof *h->list);
	h->n++;
	h->list[i] = (struct host){ 0 };
	(void)snprintf(h->list[i].address, sizeof h->list[i].address, "%s", address);
	return &h->list[i];
}

void
hosts_forgive(struct hosts *h, int64_t now_s)
{
	h->forgiven_s = now_s;
	h->changed |= h->n > 0;
	for (size_t i = 0; i < h->n; i++) {
		struct host *host = &h->list[i];

		host->tls_failed_s = host->tls_broke_s = 0;
		host->bdat_failed_s = host->pipelining_failed_s = 0;
		host->ipv4_until_s = 0;
		host->broken = host->bdat_failures = host->pipelining_failures = 0;
		host->marks &= ~(unsigned)HOST_MARK_IPV4;
	}
}

bool
hosts_broke_at_tls(const struct host *host, int64_t now_s)
{
	return host->tls_broke_s && host->tls_broke_s <= now_s &&
	    now_s - host->tls_broke_s < HOSTS_SPARED_S;
}

void
hosts_pauses(struct hosts *h, uint64_t retry_min_s, uint64_t retry_max_s)
{
	/* Failures within a pause count once, and a message returns after retry-min, give or take a
	 * tenth.  A second failure at that time must count, so the first pause is shorter. */
	h->pause_s = retry_min_s / 2 < HOSTS_PAUSE_S ? (int64_t)(retry_min_s / 2) : HOSTS_PAUSE_S;
	h->pause_max_s = retry_max_s < HOSTS_PAUSE_MAX_S ? (int64_t)retry_max_s : HOSTS_PAUSE_MAX_S;
	if (h->pause_s == 0)
		h->pause_s = 1;
}

static int64_t
pause_s(const struct hosts *h, unsigned failures)
{
	int64_t pause = h->pause_s ? h->pause_s : HOSTS_PAUSE_S;
	const int64_t most = h->pause_max_s ? h->pause_max_s : HOSTS_PAUSE_MAX_S;

	while (--failures && pause < most)
		pause *= 2;
	return pause < most ? pause : most;
}

/* A single failure may be an accident: it changes the order of the host, and causes no pause. */
int64_t
hosts_paused_until(const struct hosts *h, const struct host *host, int64_t now_s)
{
	int64_t until_s;

	if (host->failures < 2 || host->failed_s > now_s || host->failed_s <= h->forgiven_s)
		return 0;
	until_s = host->failed_s + pause_s(h, host->failures);
	return until_s > now_s ? until_s : 0;
}

/* Does its latency still count beside a new one?  A host that is not the fastest is measured once
 * an hour: an average of hours would hide for a day that it has changed. */
static bool
is_current(const struct host *host, int64_t now_s)
{
	return host->first_us && !(host->marks & HOST_MARK_LATENCY) && host->measured_s <= now_s &&
	    now_s - host->measured_s < HOSTS_AVERAGE_S;
}

/* Average a sample into the old value.  One odd sample must not change the order; a lasting change
 * does so within a few samples. */
static int64_t
smooth_sample(int64_t old, int64_t sample)
{
	return (3 * old + sample) / 4;
}

static void
learn_open(struct host *host, const struct host_report *r, int64_t now_s)
{
	const bool exact = is_current(host, now_s) && !host->at_least;
	const int64_t old_us = exact ? host->first_us : 0, old_s = host->measured_s;

	host->first_us = exact ? smooth_sample(host->first_us, r->first_us) : r->first_us;
	host->connect_us = exact && host->connect_us ?
	    smooth_sample(host->connect_us, r->connect_us) : r->connect_us;
	host->at_least = false;
	host->measured_s = now_s;
	host->marks &= ~(unsigned)HOST_MARK_LATENCY;
	if (old_s / TELL_S != now_s / TELL_S || llabs(host->first_us - old_us) > old_us / 4)
		host->marks |= HOST_MARK_UNTOLD;
}

/* The host was silent for first_us, then the dial was ended.  This lower bound can only make a host
 * look slower: a race that ended early does not contradict a current latency, and does not make it
 * newer.  True if something was learned. */
static bool
learn_slow(struct host *host, const struct host_report *r, int64_t now_s)
{
	const bool current = is_current(host, now_s), exact = current && !host->at_least;

	if (current && r->first_us <= host->first_us)
		return false;
	host->at_least = !exact;
	host->first_us = exact ? smooth_sample(host->first_us, r->first_us) : r->first_us;
	if (r->connect_us)
		host->connect_us = r->connect_us;
	host->measured_s = now_s;
	host->marks &= ~(unsigned)HOST_MARK_LATENCY;
	return true;
}

/* Count a failure.  Failures within a pause count once: several destinations notice one outage at
 * the same time, and a host may be dialled during its pause.  True if it was counted. */
static bool
learn_failure(const struct hosts *h, struct host *host, int64_t now_s)
{
	if (host->failures == 0)
		host->since_s = now_s;
	else if (host->failed_s <= now_s && host->failed_s > h->forgiven_s &&
	    now_s - host->failed_s < pause_s(h, host->failures))
		return false;
	if (host->failures < HOSTS_FAILURES_MAX)
		host->failures++;
	host->failed_s = now_s;
	host->marks = (host->marks & ~(unsigned)HOST_MARK_FAILURE) | HOST_MARK_UNTOLD;
	return true;
}

/* The host refused our mail, but it is up: it needs no pause, and others are tried first. */
static void
learn_refusal(struct host *host, int64_t now_s)
{
	if (host->failures == 0)
		host->since_s = now_s;
	host->failures = 1;
	host->failed_s = now_s;
	host->marks &= ~(unsigned)HOST_MARK_FAILURE;
}

bool
hosts_spoke_since(const struct host *host, int64_t since_s)
{
	const bool measured = host->first_us && !host->at_least &&
	    !(host->marks & HOST_MARK_LATENCY);

	return (measured && host->measured_s >= since_s) ||
	    (host->proven_s && host->proven_s >= since_s);
}

static bool
learn_proof(struct host *host, int64_t now_s)
{
	const bool is_news = now_s < host->proven_s || now_s - host->proven_s >= PROVEN_S;

	/* A host that is spared something has proven nothing about it. */
	if (host->pipelining_failures < HOSTS_SPARED_FAILURES)
		host->pipelining_failures = 0;
	if (host->bdat_failures < HOSTS_SPARED_FAILURES)
		host->bdat_failures = 0;
	if (is_news)
		host->proven_s = now_s;
	if (!host->failures && !host->broken && !host->ipv4_until_s)
		return is_news;
	host->failures = host->broken = 0;
	host->since_s = host->ipv4_until_s = 0;
	host->proven_s = now_s;
	host->marks = (host->marks & HOST_MARK_LATENCY) | HOST_MARK_UNTOLD;
	return true;
}

/* A connection broke at something that the host offers.  Those that were open when another one
 * broke may have broken for its reason, such as a restart of the host.  True if it counts. */
static bool
learn_break(int64_t *failed_s, unsigned *failures, const struct host_report *r, int64_t now_s)
{
	const int64_t age_s = (r->age_us + SECOND_US - 1) / SECOND_US;

	if (*failed_s > now_s || now_s - *failed_s >= HOSTS_SPARED_S)
		*failures = 0;
	else if (*failures && now_s - age_s <= *failed_s)
		return false;
	if (*failures < HOSTS_FAILURES_MAX)
		++*failures;
	*failed_s = now_s;
	return true;
}

/* It is known for sure what fails there. */
static void
learn_failing(int64_t *failed_s, unsigned *failures, int64_t now_s)
{
	*failed_s = now_s;
	*failures = HOSTS_SPARED_FAILURES;
}

int64_t
hosts_spared_until(const struct host *host, enum host_spared what, int64_t now_s)
{
	int64_t failed_s = 0;

	switch (what) {
	case HOST_SPARED_TLS:
		failed_s = host->tls_failed_s;
		break;
	case HOST_SPARED_BDAT:
		if (host->bdat_failures >= HOSTS_SPARED_FAILURES)
			failed_s = host->bdat_failed_s;
		break;
	case HOST_SPARED_PIPELINING:
		if (host->pipelining_failures >= HOSTS_SPARED_FAILURES)
			failed_s = host->pipelining_failed_s;
		break;
	}
	/* A clock that was set back ends it. */
	return failed_s && failed_s <= now_s && now_s - failed_s < HOSTS_SPARED_S ?
	    failed_s + HOSTS_SPARED_S : 0;
}

int64_t
hosts_ipv4_until(const struct host *host, int64_t now_s)
{
	const int64_t until_s = host->ipv4_until_s;

	return until_s > now_s && until_s - now_s <= HOSTS_IPV4_S ? until_s : 0;
}

/* A host greeted us after at least HOSTS_OUTAGE_S without any greeting, so our own network may have
 * failed.  Hosts that failed in that time must not be paused for it. */
static void
learn_we_are_there(struct hosts *h, int64_t now_s)
{
	for (size_t i = 0; now_s - h->good_s >= HOSTS_OUTAGE_S && i < h->n; i++)
		if (h->list[i].failures > 1 && h->list[i].since_s >= h->good_s &&
		    !(h->list[i].marks & HOST_MARK_FAILURE))
			h->list[i].failures = 1;
	h->good_s = now_s;
}

static bool
learn_event(struct hosts *h, struct host *host, const struct host_report *report, int64_t now_s)
{
	switch (report->event) {
	case HOST_OPEN:
		learn_we_are_there(h, now_s);
		learn_open(host, report, now_s);
		return true;
	case HOST_SLOW:
		return learn_slow(host, report, now_s);
	case HOST_FAILED:
		return learn_failure(h, host, now_s);
	case HOST_REFUSED:
		learn_refusal(host, now_s);
		return true;
	case HOST_BROKE:
		if (!learn_failure(h, host, now_s))
			return false;
		host->broken++;
		return true;
	case HOST_PROVEN:
		return learn_proof(host, now_s);
	case HOST_NO_IPV6:
		host->ipv4_until_s = now_s + HOSTS_IPV4_S;
		host->marks = (host->marks & ~(unsigned)HOST_MARK_IPV4) | HOST_MARK_UNTOLD;
		return true;
	case HOST_NO_BDAT:
		learn_failing(&host->bdat_failed_s, &host->bdat_failures, now_s);
		return true;
	case HOST_BDAT_BROKE:
		return learn_break(&host->bdat_failed_s, &host->bdat_failures, report, now_s);
	case HOST_NO_PIPELINING:
		return learn_break(&host->pipelining_failed_s, &host->pipelining_failures, report,
		    now_s);
	case HOST_NO_AHEAD:		/* no accident: it was there to reply to the message */
		learn_failing(&host->pipelining_failed_s, &host->pipelining_failures, now_s);
		return true;
	case HOST_NO_CLEAR:
		host->tls_failed_s = 0;
		return true;
	case HOST_NOTHING:
	case HOST_SECURED:
	case HOST_TLS_SHOWN:
	case HOST_TLS_LOST:
		break;
	}
	return false;
}

bool
host_printable(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

void
host_report_age(struct host_report *report, int64_t opened_ms, int64_t now_ms)
{
	const int64_t age_us = (now_ms - opened_ms) * 1000;

	report->age_us = age_us < 0 ? 0 : age_us < TIME_MAX_US ? age_us : TIME_MAX_US;
}

bool
host_report_valid(const struct host_report *report)
{
	const int64_t *const times[] = {
		&report->connect_us, &report->first_us, &report->age_us,
	};

	for (size_t i = 0; i < sizeof times / sizeof times[0]; i++)
		if (*times[i] < 0 || *times[i] > TIME_MAX_US)
			return false;
	return foreign_line(report->address, sizeof report->address) &&
	    foreign_line(report->name, sizeof report->name) &&
	    (unsigned)report->event <= HOST_TLS_LOST && (unsigned)report->tls <= HOST_TLS_BROKE;
}

static void
learn_tls(struct hosts *h, struct host *host, enum host_tls result, int64_t now_s)
{
	host->tls_broke_s = result == HOST_TLS_BROKE ? now_s : 0;
	if (result != HOST_TLS_BROKE)
		host->tls_failed_s = result == HOST_TLS_FAILED ? now_s : 0;
	h->changed = true;
}

void
hosts_learn(struct hosts *h, const struct host_report *report, int64_t now_s)
{
	struct host *host;

	if (report->event == HOST_SECURED) {
		h->secured_changed |= secured_add(&h->secured, report->name, now_s);
		h->changed |= h->secured_changed;
		return;
	}
	if (report->event == HOST_TLS_SHOWN || report->event == HOST_TLS_LOST) {
		h->learned_changed |= learned_add(&h->learned, report->name,
		    report->event == HOST_TLS_SHOWN, now_s);
		h->changed |= h->learned_changed;
		return;
	}
	if (report->event == HOST_NOTHING || !host_printable(report->address) ||
	    !(host = hosts_entry(h, report->address)))
		return;
	if (host_printable(report->name))
		(void)snprintf(host->name, sizeof host->name, "%.*s",
		    (int)sizeof host->name - 1, report->name);
	if (learn_event(h, host, report, now_s))
		h->changed = h->untold = true;
	if (report->tls != HOST_TLS_UNKNOWN)
		learn_tls(h, host, report->tls, now_s);
}

void
hosts_done(struct hosts *h)
{
	free(h->list);
	secured_done(&h->secured);
	learned_done(&h->learned);
	*h = (struct hosts){ 0 };
}

void
host_key(char key[64], const struct sockaddr_storage *address)
{
	const struct sockaddr *sa = (const struct sockaddr *)address;
	char space[64];
	struct buf b = BUF(space);
	bool brackets;

	address_text(&b, sa);
	brackets = b.n && memchr(b.p, ':', b.n);
	(void)snprintf(key, 64, "%s%.*s%s:%u", brackets ? "[" : "", (int)b.n, b.p,
	    brackets ? "]" : "", (unsigned)address_port(sa));
}

uint64_t
host_site(const struct sockaddr_storage *address)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff },
				   translated[12] = { 0x00, 0x64, 0xff, 0x9b };
	const struct sockaddr_in *in = (const struct sockaddr_in *)address;
	const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
	const unsigned char *octets = in6->sin6_addr.s6_addr;
	uint64_t network;
	uint32_t ipv4 = in->sin_addr.s_addr;

	if (address->ss_family == AF_INET6) {
		if (memcmp(octets, mapped, sizeof mapped) != 0 &&
		    memcmp(octets, translated, sizeof translated) != 0) {
			memcpy(&network, octets, sizeof network);
			return be64toh(network);
		}
		memcpy(&ipv4, octets + sizeof mapped, sizeof ipv4);
	}
	/* The rest is a multicast address, so it is no host's /64. */
	return UINT64_C(0xffffffff00000000) | be32toh(ipv4);
}

static void
add_state(struct buf *b, const char *text)
{
	if (b->n)
		buf_str(b, "; ");
	buf_str(b, text);
}

void
hosts_state(struct buf *b, const struct hosts *h, const struct host *host, int64_t now_s)
{
	const int64_t until_s = hosts_paused_until(h, host, now_s);
	const int64_t ipv4_until_s = hosts_ipv4_until(host, now_s);

	if (until_s) {
		add_state(b, "has failed since ");
		clock_stamp(b, host->since_s);
		buf_fmt(b, " (%u times), paused until ", host->failures);
		clock_stamp(b, until_s);
	} else if (host->broken > 1) {
		add_state(b, "takes mail and breaks off, tried after all others");
	} else if (host->failures) {
		add_state(b, "failed last time, tried after others");
	} else if (host->first_us) {
		add_state(b, host->at_least ? "slower than others" : "good");
	}
	if (ipv4_until_s) {
		add_state(b, "refused our IPv6 address, IPv4 until ");
		clock_stamp(b, ipv4_until_s);
	}
	if (host->tls_failed_s)
		add_state(b, "TLS failed last time");
	if (hosts_spared_until(host, HOST_SPARED_BDAT, now_s))
		add_state(b, "BDAT failed, by DATA");
	if (hosts_spared_until(host, HOST_SPARED_PIPELINING, now_s))
		add_state(b, "breaks off at PIPELINING, one command at a time");
	if (b->n == 0)
		buf_str(b, "unknown");
}
