// SPDX-License-Identifier: ISC
/*
 * May this client send this to that recipient?  By default only trusted clients may send to domains
 * that are not ours.  The decision comes from the configuration and the files that it names.
 */
#ifndef SESSION_POLICY_H
#define SESSION_POLICY_H

#include "config/config.h"
#include "smtp/server.h"

/* The client, as far as a decision depends on it. */
struct policy {
	const struct config *config;
	bool trusted;		/* the client is in [server] trusted, or has authenticated */
	struct slice user;	/* the user of AUTH; empty: none */
	struct slice sender;	/* the reverse-path; empty: the null path, or none yet */
};

/* The rights of the client to the reverse-path that policy_sender() has accepted. */
enum standing policy_standing(const struct policy *p);

/* May this be the reverse-path?  Never SMTP_REFUSE_SPACE. */
enum smtp_verdict policy_sender(const struct policy *p, const struct smtp_path *from);

/* May mail go there, and does the recipient exist?  *ret_why is the text of a reject: route; with
 * SMTP_REFUSE_LOCAL it is the trouble, for the log. */
enum smtp_verdict policy_recipient(const struct policy *p, const struct smtp_path *to,
    struct slice *ret_why);

/* Make an accepted recipient the one that the queue gets: an address that stands for the
 * reverse-path of mail forwarded from here becomes that (aliases/returns.h). */
void policy_resolve(const struct policy *p, struct smtp_path *to);

/* VRFY: SMTP_VERIFIED, SMTP_REFUSE_USER, SMTP_REFUSE_LOCAL, or SMTP_ACCEPT if it is not known. */
enum smtp_verdict policy_verify(const struct policy *p, const struct smtp_path *who);

#endif
