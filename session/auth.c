// SPDX-License-Identifier: ISC
/*
 * From the configuration to a back end, and from what it says to a verdict.  Called by smtp-handler.c.
 */
#include "session/auth.h"

#include "base/log.h"

bool
auth_offered(const struct config *config, bool tls, bool trusted)
{
	if (config->server.auth == AUTH_OFF || (!tls && !trusted))
		return false;
	return config->server.auth == AUTH_DOVECOT || auth_file_here();
}

enum smtp_verdict
auth_check(const struct config *config, const struct server_auth *auth, const struct peer *peer, bool tls)
{
	char text[300];
	struct buf why = BUF(text);
	int r;

	if (config->server.auth == AUTH_DOVECOT)
		r = auth_dovecot_check(config->server.auth_target, auth, peer, tls, &why);
	else
		r = auth_file_check(config->server.auth_target, auth->user, auth->password, &why);
	if (r > 0)
		return SMTP_ACCEPT;
	if (r == 0)
		return SMTP_REFUSE_PASSWORD;
	log_text(LOG_LEVEL_ERROR, "AUTH does not work: %s", buf_cstr(&why));
	return SMTP_REFUSE_AUTH;
}
