// SPDX-License-Identifier: ISC
/*
 * The round trip is estimated as TCP does (RFC 6298).  Each question has its own socket and ID, so
 * each round trip is measured without doubt.
 *
 * Small forwarders drop datagrams of a burst, and a hundred workers start at once.  Their questions
 * therefore take turns, by one number in memory that all processes share.  A server that replies
 * quickly gets more of them, so that about as many are under way at any time (Little's law).
 */
#include "dns/servers.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/clock.h"

/* A worker that is taken over can write here.  It can delay the others by this much only. */
#define TURN_MAX_MS 500

struct servers_pace {
	_Atomic int64_t free_us;	/* the time at which all turns so far are over */
};

void
servers_init(struct servers *s)
{
	void *shared = mmap(NULL, sizeof(struct servers_pace), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(s, 0, sizeof *s);
	s->pace = shared == MAP_FAILED ? NULL : shared;
}

void
servers_done(struct servers *s)
{
	if (s->pace)
		(void)munmap(s->pace, sizeof *s->pace);
	s->pace = NULL;
}

static const struct server_times *
find_server(const struct servers *s, const struct sockaddr_storage *address)
{
	for (size_t i = 0; s && i < DNS_SERVERS_MAX; i++)
		if (s->list[i].address.ss_family &&
		    memcmp(&s->list[i].address, address, sizeof *address) == 0)
			return &s->list[i];
	return NULL;
}

static struct server_times *
make_server(struct servers *s, const struct sockaddr_storage *address)
{
	const struct server_times *known = find_server(s, address);
	struct server_times *t = &s->list[known ? (size_t)(known - s->list) : s->next];

	if (!known) {
		s->next = (s->next + 1) % DNS_SERVERS_MAX;
		*t = (struct server_times){ .address = *address };
	}
	return t;
}

void
servers_learn(struct servers *s, const struct sockaddr_storage *address, int took_ms, bool plain)
{
	struct server_times *t = make_server(s, address);

	if (plain)
		t->plain_until_ms = clock_ms() + SERVERS_PLAIN_S * 1000;
	if (took_ms < 0)
		return;
	if (took_ms > SERVERS_WAIT_MAX_MS)
		took_ms = SERVERS_WAIT_MAX_MS;
	if (t->known) {
		t->spread_ms += (abs(took_ms - t->usual_ms) - t->spread_ms) / 4;
		t->usual_ms += (took_ms - t->usual_ms) / 8;
	} else {
		t->usual_ms = took_ms;
		t->spread_ms = took_ms / 2;
		t->known = true;
	}
}

int
servers_wait_ms(const struct servers *s, const struct sockaddr_storage *address)
{
	const struct server_times *t = find_server(s, address);
	int wait_ms = t && t->known ? t->usual_ms + 4 * t->spread_ms : SERVERS_WAIT_UNKNOWN_MS;

	if (wait_ms < SERVERS_WAIT_MIN_MS)
		return SERVERS_WAIT_MIN_MS;
	return wait_ms > SERVERS_WAIT_MAX_MS ? SERVERS_WAIT_MAX_MS : wait_ms;
}

bool
servers_plain(const struct servers *s, const struct sockaddr_storage *address)
{
	const struct server_times *t = find_server(s, address);

	return t && t->plain_until_ms > clock_ms();
}

void
servers_lost(struct servers *s)
{
	s->careful_until_ms = clock_ms() + SERVERS_CAREFUL_S * 1000;
}

/* The time between two questions.  A server is asked slowly until it has replied, and after it was
 * silent. */
static int64_t
turn_us(const struct servers *s, const struct sockaddr_storage *address)
{
	const struct server_times *t = find_server(s, address);
	const int64_t us = t && t->known ? (int64_t)t->usual_ms * 1000 / SERVERS_UNDER_WAY
					 : SERVERS_TURN_MAX_US;

	if (us > SERVERS_TURN_MAX_US || s->careful_until_ms > clock_ms())
		return SERVERS_TURN_MAX_US;
	return us < SERVERS_TURN_MIN_US ? SERVERS_TURN_MIN_US : us;
}

int
servers_turn_ms(struct servers *s, const struct sockaddr_storage *address)
{
	const int64_t own_us = turn_us(s, address), burst_us = SERVERS_BURST * own_us;
	const int64_t now = clock_us(), latest = now + burst_us + TURN_MAX_MS * 1000;
	int64_t busy, next;

	if (!s->pace)
		return 0;
	busy = atomic_load(&s->pace->free_us);
	do {
		next = busy < now ? now : busy < latest ? busy : latest;
		next += own_us;
	} while (!atomic_compare_exchange_weak(&s->pace->free_us, &busy, next));
	return next - now > burst_us ? (int)((next - now - burst_us + 999) / 1000) : 0;
}
