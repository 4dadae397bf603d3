// SPDX-License-Identifier: ISC
/*
 * The rewriting of senders by Postfix: canonical(5), masquerade_domains and generic(5).
 */
#ifndef TOOLS_IMPORT_POSTFIX_SENDERS_H
#define TOOLS_IMPORT_POSTFIX_SENDERS_H

#include "tools/import/maincf.h"

/* Set [server] masquerade.  It must follow hostname and all sections of senders. */
void postfix_senders_set(const struct maincf *m);

#endif
