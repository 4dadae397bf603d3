// SPDX-License-Identifier: ISC
/*
 * The mailboxes in a list of addresses (RFC 5322 section 3.4).  Pure.
 */
#ifndef MESSAGE_MAILBOX_H
#define MESSAGE_MAILBOX_H

#include "base/buf.h"

enum mailbox_result {
	MAILBOX_END,		/* there is none left */
	MAILBOX_FOUND,
	MAILBOX_BAD,		/* the element is no mailbox; the elements behind it can be read */
};

/*
 * Takes the next mailbox of *rest, the body of To, Cc and the like.  Adds its address to ret,
 * without display name, comments, blanks and source route: "anna@example.org", or "anna".  Groups
 * are their members; an element without any address is skipped.  *ret_element gets the element as
 * it is written.
 */
enum mailbox_result mailbox_next(struct slice *rest, struct buf *ret, struct slice *ret_element);

#endif
