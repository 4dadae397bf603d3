// SPDX-License-Identifier: ISC
/*
 * A process that gets the secret of one route: for a worker that may open no file and start no
 * program.  It has no descriptor of the queue, and the worker cannot choose what it reads.
 */
#ifndef CLIENT_SECRETS_H
#define CLIENT_SECRETS_H

#include "base/aide.h"
#include "config/config.h"

struct credential;

/* Fork the process.  0 or -errno. */
int secrets_start(struct aide *a, const struct route *r);

/* Get the secret, as credential_get() does.  credential_wipe() must follow a success. */
int secrets_ask(const struct aide *a, struct credential *ret, struct buf *why);

#endif
