// SPDX-License-Identifier: ISC
/*
 * The values of the parameters behind a path: one function for each, which checks the value and keeps it in the
 * session.  Code 0 when well.  value.p is NULL where there was no '='.  Private to params.c,
 * values.c and extensions.c.
 */
#ifndef SMTP_VALUES_H
#define SMTP_VALUES_H

#include "smtp/server.h"

#define SMTP_ENVID_MAX 100	/* RFC 3461 section 4.4: before it was encoded */
#define SMTP_ORCPT_MAX 500	/* section 5.4 */
#define SMTP_NOTIFY_MAX 64

/* xtext (RFC 3461 section 4): printable, '+' only in front of two digits; with utf8 also what RFC 6533 section 3 adds
 * for addresses.  *ret_n: octets once decoded. */
bool smtp_xtext_valid(struct slice s, bool utf8, size_t *ret_n);

struct smtp_reply smtp_value_size(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_body(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_ret(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_envid(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_smtputf8(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_notify(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_orcpt(struct server_session *s, struct slice value);

/* extensions.c: */
struct smtp_reply smtp_value_priority(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_by(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_requiretls(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_holdfor(struct server_session *s, struct slice value);
struct smtp_reply smtp_value_holduntil(struct server_session *s, struct slice value);
bool smtp_offers_requiretls(const struct server_session *s);
bool smtp_offers_hold(const struct server_session *s);

/* Add one to s->params: the keyword in capitals, the value as it came. */
void smtp_param_keep(struct server_session *s, const char *keyword, struct slice value);

#endif
