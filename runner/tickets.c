// SPDX-License-Identifier: ISC
/*
 * A fixed number of slots.  A full table drops the ticket that came first, and a destination with
 * its full share drops its own first one.  So nobody can push out the tickets of all others.
 */
#include "runner/tickets.h"

#include <string.h>
#include <sys/mman.h>

#include "base/slice.h"

struct ticket_slot {
	uint64_t turn;			/* of its arrival; 0: the slot is free */
	int64_t kept_s;
	char owner[TICKETS_OWNER];
	struct ticket ticket;
};

#define ARENA (TICKETS_MAX * sizeof(struct ticket_slot))

/* The memory is not inherited by workers, not written to a core file, and if the limits allow it
 * never to a swap device.  False: no ticket is kept. */
static bool
open_slots(struct tickets *t)
{
	void *p;

	if (t->slots || t->failed)
		return t->slots != NULL;
	t->failed = true;
	p = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	if (madvise(p, ARENA, MADV_WIPEONFORK) < 0 || madvise(p, ARENA, MADV_DONTDUMP) < 0) {
		(void)munmap(p, ARENA);
		return false;
	}
	(void)mlock2(p, ARENA, MLOCK_ONFAULT);
	t->slots = p;
	t->failed = false;
	return true;
}

static void
wipe_slot(struct ticket_slot *s)
{
	explicit_bzero(s->ticket.octets, s->ticket.n);
	s->turn = 0;
}

static bool
is_owner(const struct ticket_slot *s, const char *owner)
{
	return strcmp(s->owner, owner) == 0;
}

static bool
is_kind(const struct ticket_slot *s, const char *owner, const struct ticket_kind *kind)
{
	return s->turn && memcmp(s->ticket.kind.key, kind->key, TICKET_KEY) == 0 &&
	    (is_owner(s, owner) || (!s->ticket.kind.own && !kind->own));
}

static bool
is_over(const struct ticket_slot *s, int64_t now_s)
{
	return now_s - s->kept_s >= TICKETS_S;
}

/* The slot for a new ticket of this owner.  Slots behind the first t->n were never used. */
static struct ticket_slot *
find_slot(struct tickets *t, const char *owner, int64_t now_s)
{
	struct ticket_slot *own = NULL, *oldest = NULL;
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++) {
		struct ticket_slot *s = &t->slots[i];

		if (s->turn && is_over(s, now_s))
			wipe_slot(s);
		if (!oldest || s->turn < oldest->turn)
			oldest = s;
		if (!s->turn || !is_owner(s, owner))
			continue;
		if (!own || s->turn < own->turn)
			own = s;
		n++;
	}
	if (n >= TICKETS_OF_ONE)
		return own;
	if (t->n < TICKETS_MAX && (!oldest || oldest->turn))
		return &t->slots[t->n++];
	return oldest;
}

/* Has the host failed lately with a ticket of this owner?  Then it gets no other. */
static bool
is_spurned(const struct tickets *t, const char *owner, const struct ticket_kind *kind,
    int64_t now_s)
{
	for (size_t i = 0; i < t->n; i++)
		if (is_kind(&t->slots[i], owner, kind) && is_owner(&t->slots[i], owner) &&
		    t->slots[i].ticket.n == 0 && !is_over(&t->slots[i], now_s))
			return true;
	return false;
}

void
tickets_put(struct tickets *t, const char *owner, const struct ticket *ticket, int64_t now_s)
{
	struct ticket_slot *s;

	if (strlen(owner) >= TICKETS_OWNER || !open_slots(t) ||
	    is_spurned(t, owner, &ticket->kind, now_s))
		return;
	s = find_slot(t, owner, now_s);
	wipe_slot(s);
	s->turn = ++t->turn;
	s->kept_s = now_s;
	memcpy(s->owner, owner, strlen(owner) + 1);
	memcpy(&s->ticket, ticket, ticket_size(ticket));
}

bool
tickets_take(struct tickets *t, const char *owner, const struct ticket_kind *kind, int64_t now_s,
    struct ticket *ret)
{
	struct ticket_slot *found = NULL;

	if (!t->slots || is_spurned(t, owner, kind, now_s))
		return false;
	for (size_t i = 0; i < t->n; i++) {
		struct ticket_slot *s = &t->slots[i];

		if (is_kind(s, owner, kind) && s->ticket.n && !is_over(s, now_s) &&
		    (!found || found->turn < s->turn))
			found = s;
	}
	if (!found)
		return false;
	memcpy(ret, &found->ticket, ticket_size(&found->ticket));
	ret->kind = *kind;
	wipe_slot(found);
	return true;
}

void
tickets_done(struct tickets *t)
{
	if (!t->slots)
		return;
	for (size_t i = 0; i < t->n; i++)
		wipe_slot(&t->slots[i]);
	(void)munmap(t->slots, ARENA);
	*t = (struct tickets){ .slots = NULL };
}
