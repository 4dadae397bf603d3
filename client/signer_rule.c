// SPDX-License-Identifier: ISC
/*
 * A signature vouches for the author, so a stranger's mail has none, whatever its From.
 */
#include "client/signer_rule.h"

#include "base/idn.h"

static struct slice
domain_of(struct slice path)
{
	struct slice domain = path;

	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '@')
			domain = slice_skip(path, i + 1);
	return domain.p == path.p ? slice_of(NULL, 0) : domain;
}

/* Without auth-senders each user may use any address. */
static bool
may_sign(const struct config *c, struct sender sender, struct slice author)
{
	if (sender.standing == STANDING_STRANGER)
		return false;
	if (sender.standing == STANDING_TRUSTED || !c->server.auth_senders)
		return true;
	return sender.standing == STANDING_OWNER && idn_same(domain_of(sender.path), author);
}

const struct dkim_domain *
signer_rule(const struct config *c, struct sender sender, struct slice author)
{
	return author.n && may_sign(c, sender, author) ? dkim_domain_of(c, author) : NULL;
}
