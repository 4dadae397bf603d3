// SPDX-License-Identifier: ISC
/*
 * smtp-relay --explain of an address that stands for others: for whom.  Uses the walk that a delivery uses.
 */
#include "explain/explain_alias.h"

#include <errno.h>
#include <string.h>

#include "aliases/expand.h"

static const char *const fates[] = {
	[EXPANSION_LOOP] = "bounces at once (5.4.6)",
	[EXPANSION_EMPTY] = "bounces at once (5.2.4)",
	[EXPANSION_LATER] = "is kept and tried again later (4.3.5)",
};

static void
explain_expansion(const struct expansion *x, FILE *out)
{
	if (x->end != EXPANSION_MADE) {
		fprintf(out, "mail        %s: %s\n", fates[x->end], x->why);
		return;
	}
	for (size_t i = 0; i < x->n; i++) {
		const struct smtp_path *sender = &x->copies[x->members[i].copy].sender;

		fprintf(out, "alias       %s%s%s\n", x->members[i].path.text, sender->n ? " from " : "", sender->text);
	}
	if (x->nothing)
		fprintf(out, "alias       /dev/null: discarded\n");
}

bool
explain_alias(const struct config *c, const struct smtp_path *path, FILE *out)
{
	struct alias_set nobody = { .config = c };
	struct aliases aliases;
	struct alias_hit hit;
	struct expansion x;
	bool found;

	if (aliases_init(&aliases, c) < 0)
		return false;
	found = aliases_find(&aliases, path, false, &hit) != 0;
	if (found && alias_expand(&aliases, path, &nobody, &x) == 0)
		explain_expansion(&x, out);
	if (found)
		expansion_done(&x);
	alias_set_done(&nobody);
	aliases_done(&aliases);
	return found;
}
