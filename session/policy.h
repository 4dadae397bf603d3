// SPDX-License-Identifier: ISC
/*
 * Who may send what to whom.  Closed by default: only trusted clients send to other people's
 * domains.  Looks at the configuration and the files it names; knows neither descriptors of the session nor the queue.
 */
#ifndef SESSION_POLICY_H
#define SESSION_POLICY_H

#include "config/config.h"
#include "smtp/server.h"

struct policy {
	const struct config *config;
	bool trusted;		/* the client is in [server] trusted, or has authenticated */
	struct slice user;	/* as this; empty: it has not */
	struct slice sender;	/* the reverse-path, once there is one; empty: the null path */
};

/* May this be the reverse-path?  Never SMTP_REFUSE_SPACE. */
enum smtp_verdict policy_sender(const struct policy *p, const struct smtp_path *from);

/* May mail go there, and does the recipient exist?  *ret_why is the text of a reject: route. */
enum smtp_verdict policy_recipient(const struct policy *p, const struct smtp_path *to, struct slice *ret_why);

/* VRFY: SMTP_VERIFIED, SMTP_REFUSE_USER, SMTP_REFUSE_LOCAL, or SMTP_ACCEPT for "cannot tell". */
enum smtp_verdict policy_verify(const struct policy *p, const struct smtp_path *who);

#endif
