// SPDX-License-Identifier: ISC
/*
 * The parameters behind a path (esmtp-param of RFC 5321 section 4.1.2): taken apart, and those of
 * MAIL and RCPT checked and kept.  Pure.
 */
#ifndef SMTP_PARAMS_H
#define SMTP_PARAMS_H

#include "smtp/server.h"

struct smtp_param {
	struct slice keyword;
	struct slice value;	/* .p is NULL where there is no '=' */
	struct slice whole;
};

enum smtp_param_result { SMTP_PARAM_NONE, SMTP_PARAM_TAKEN, SMTP_PARAM_MALFORMED };

/* The next parameter of *in, which is moved behind it. */
enum smtp_param_result smtp_param_take(struct slice *in, struct smtp_param *ret);

/* The value of a keyword among parameters; .p is NULL where it is not there or has none. */
struct slice smtp_param_value(struct slice params, struct slice keyword);

/* Is it among them, with a value or without one? */
bool smtp_param_has(struct slice params, struct slice keyword);

/* xtext (RFC 3461 section 4) as what it stands for; what is none goes in as it is. */
void smtp_xtext_decode(struct slice xtext, struct buf *b);

/* Check the parameters of MAIL and keep them in s (params, body, declared_size).  A reply with
 * code 0 means all is well; any other refuses the command. */
struct smtp_reply smtp_params_mail(struct server_session *s, struct slice in);
/* The same for RCPT. */
struct smtp_reply smtp_params_rcpt(struct server_session *s, struct slice in);

#endif
