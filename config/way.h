// SPDX-License-Identifier: ISC
/*
 * The value of `via`: mx, smtp://host, maildir:path and so on.
 */
#ifndef CONFIG_VIA_H
#define CONFIG_VIA_H

#include "base/buf.h"
#include "config/config.h"

/* What it says, borrowed from its text. */
struct via {
	enum route_via kind;
	struct slice host, target;
	uint16_t port;
	enum route_scheme scheme;
};

/* 0; -EINVAL with what to do about it in why. */
int via_parse(struct slice text, struct via *v, struct buf *why);

#endif
