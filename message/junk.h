// SPDX-License-Identifier: ISC
/*
 * Does a field say that its message is junk?  The caller knows that a filter of ours has made the
 * field: a stranger can write the same one.  Pure.
 */
#ifndef MESSAGE_JUNK_H
#define MESSAGE_JUNK_H

#include "base/buf.h"

#define JUNK_WHY_MAX 100

/*
 * X-Spam or X-Spam-Flag with the value "yes"; or Authentication-Results of that server with a
 * failure of DMARC, and a policy other than none.  value may be folded, with any line ends.  If it
 * is so, *why gets the reason, which fits JUNK_WHY_MAX octets.
 */
bool junk_marked(struct slice name, struct slice value, struct slice hostname, struct buf *why);

#endif
