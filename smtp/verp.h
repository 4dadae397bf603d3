// SPDX-License-Identifier: ISC
/*
 * Variable envelope return paths: the owner of a list has a reverse-path for each member, so that a
 * bounce shows whose it is, whatever its text.
 *
 *	owner-list@example.org, anna@host.example	owner-list+anna=host.example@example.org
 */
#ifndef SMTP_VERP_H
#define SMTP_VERP_H

#include "smtp/address.h"

/* Make the reverse-path for a member.  False if there is none: an address cannot be read, has no
 * domain, or would be too long. */
bool smtp_verp_make(struct slice owner, struct slice member, struct smtp_path *ret);

/* The owner of such an address, without its member.  False if it is none. */
bool smtp_verp_owner(const struct smtp_path *path, struct smtp_path *ret);

#endif
