// SPDX-License-Identifier: ISC
/*
 * A ticket: a session of TLS with a host, which another connection to it may resume.  Workers get
 * tickets from the runner and leave them there.  It never looks into one.
 */
#ifndef ATTEMPT_TICKET_H
#define ATTEMPT_TICKET_H

#include <stddef.h>
#include <stdint.h>

#include "base/foreign.h"

#define TICKET_KEY 32
#define TICKET_MAX 8192

/* The tickets that are asked for, or that one belongs to. */
struct ticket_kind {
	uint8_t key[TICKET_KEY];	/* the host, and the demand on its TLS */
	/* For mail of the same destination only: a worker of another one could have made the
	 * session up. */
	bool own;
};

struct ticket {
	struct ticket_kind kind;
	uint16_t n;			/* 0: no ticket; the host has failed with one */
	uint8_t octets[TICKET_MAX];
};

/* The octets of the struct that are used. */
static inline size_t
ticket_size(const struct ticket *t)
{
	return offsetof(struct ticket, octets) + t->n;
}

/* Is it a ticket?  It may be any octets, of another process. */
static inline bool
ticket_valid(const struct ticket *t)
{
	return foreign_bool(&t->kind.own) && t->n <= TICKET_MAX;
}

#endif
