// SPDX-License-Identifier: ISC
/*
 * PLAIN and LOGIN, response by response.  A password is in `secret` and nowhere else.  Both
 * mechanisms send it as it is, so both are for TLS only.
 */
#include "smtp/server_auth.h"

#include "base/base64.h"

void
server_auth_forget(struct server_auth *a)
{
	/* Only the used part: the rest was never written. */
	if (a->secret.n)
		explicit_bzero(a->secret_space, a->secret.n);
	a->secret = (struct buf)BUF(a->secret_space);
	a->password = slice_of(NULL, 0);
	a->step = SMTP_AUTH_NONE;
}

void
server_auth_rename(struct server_auth *a, struct slice user)
{
	a->name = (struct buf)BUF(a->name_space);
	buf_add(&a->name, user);
	a->user = buf_slice(&a->name);
}

void
server_auth_clear(struct server_auth *a)
{
	server_auth_forget(a);
	a->name = (struct buf)BUF(a->name_space);
	a->user = slice_of(NULL, 0);
}

bool
server_auth_start(struct server_auth *a, struct slice mechanism)
{
	server_auth_clear(a);
	if (slice_ieq(mechanism, SL("PLAIN")))
		a->step = SMTP_AUTH_PLAIN;
	else if (slice_ieq(mechanism, SL("LOGIN")))
		a->step = SMTP_AUTH_USER;
	return a->step != SMTP_AUTH_NONE;
}

struct slice
server_auth_challenge(const struct server_auth *a)
{
	if (a->step == SMTP_AUTH_USER)
		return SL("VXNlcm5hbWU6");	/* Username: */
	return a->step == SMTP_AUTH_PASSWORD ? SL("UGFzc3dvcmQ6") : SL("");
}

/* No control characters: a name goes into log lines, files and the protocol of a back end. */
static bool
is_name(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0 && s.n <= SMTP_USER_MAX;
}

/* The step after both have come. */
static enum smtp_auth_step
complete(const struct server_auth *a)
{
	const bool nul = a->password.n && memchr(a->password.p, '\0', a->password.n);

	return is_name(a->user) && !a->name.full && a->password.n > 0 && !nul ?
	    SMTP_AUTH_COMPLETE : SMTP_AUTH_REFUSED;
}

/* [authzid] NUL authcid NUL passwd */
static enum smtp_auth_step
plain(struct server_auth *a)
{
	struct slice rest = buf_slice(&a->secret), authzid = slice_cut(rest, '\0', &rest);

	if (authzid.n == a->secret.n)
		return SMTP_AUTH_FAILED;
	a->user = slice_cut(rest, '\0', &a->password);
	if (a->user.n == rest.n)
		return SMTP_AUTH_FAILED;
	buf_add(&a->name, a->user);
	a->user = buf_slice(&a->name);
	/* No user may act as another one. */
	if (authzid.n && !slice_eq(authzid, a->user))
		return SMTP_AUTH_REFUSED;
	return complete(a);
}

void
server_auth_response(struct server_auth *a, struct slice line)
{
	if (slice_eq(line, SL("*"))) {
		a->step = SMTP_AUTH_CANCELLED;
		return;
	}
	if (slice_eq(line, SL("=")))
		line.n = 0;
	if (!base64_decode(&a->secret, line) || a->secret.full) {
		a->step = SMTP_AUTH_FAILED;
	} else if (a->step == SMTP_AUTH_PLAIN) {
		a->step = plain(a);
	} else if (a->step == SMTP_AUTH_USER) {
		buf_add(&a->name, buf_slice(&a->secret));
		a->user = buf_slice(&a->name);
		a->secret.n = 0;
		a->step = SMTP_AUTH_PASSWORD;
	} else {
		a->password = buf_slice(&a->secret);
		a->step = complete(a);
	}
}
