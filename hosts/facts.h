// SPDX-License-Identifier: ISC
/*
 * Machines tell one another about hosts: latency, failures, and trouble with IPv6.  Nothing about
 * TLS is told, so nobody can weaken it this way.
 *
 * A fact is a line of text about one address.  Its times are ages, as clocks differ.  A fact counts
 * less than the experience of this machine:
 *
 * - A latency is used only for a host that was never measured here.
 * - A failure is used if it is newer than what is known, and if this machine has not spoken to the
 *   host since it began to fail.  The pause follows from the settings of this machine.
 * - IPv6 trouble is used if no mail went to that address from here since.
 * - News that a host works again end what was learned of others only.
 * - Facts of before a hosts_forgive() are not used.
 */
#ifndef HOSTS_FACTS_H
#define HOSTS_FACTS_H

#include "hosts/hosts.h"

/* Append the next fact that this machine has to tell.  False if there is none. */
bool facts_next(struct hosts *h, int64_t now_s, struct buf *b);

/* Take facts of other machines: lines that begin with the seconds since the fact was told. */
void facts_take(struct hosts *h, struct slice lines, int64_t now_s);

#endif
