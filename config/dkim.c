// SPDX-License-Identifier: ISC
/*
 * The n-th selector names the n-th key.
 */
#include "config/dkim.h"

#include <errno.h>

#include "base/idn.h"
#include "base/name.h"
#include "base/words.h"
#include "config/pool.h"
#include "config/refuse.h"
#include "config/secret.h"

bool
dkim_key(struct slice name, enum dkim_key *ret)
{
	if (slice_eq(name, SL("selector")))
		*ret = DKIM_SELECTOR;
	else if (slice_eq(name, SL("key")))
		*ret = DKIM_KEY;
	else
		return false;
	return true;
}

int
dkim_set(struct dkim_domain *d, enum dkim_key key, struct slice value, struct buf *why)
{
	struct slice rest = value, word;
	size_t n = 0;

	while ((word = words_next(&rest)).n) {
		if (key == DKIM_SELECTOR && (!name_is_domain(word) || word.n > 63))
			return refuse_word(why, word,
			    " is no selector: write letters, digits and hyphens");
		if (key == DKIM_KEY && !secret_name_valid(word))
			return refuse_word(why, word,
			    " is neither an absolute path nor the name of a credential");
		n++;
	}
	if (n > DKIM_PAIRS_MAX)
		return refuse(why, "write at most 4");
	return pool_replace(key == DKIM_SELECTOR ? &d->selector : &d->key, value);
}

bool
dkim_next_pair(const struct dkim_domain *d, struct dkim_pair *pair)
{
	if (!pair->domain.n) {
		pair->domain = slice_str(d->name);
		pair->selectors = slice_str(d->selector);
		pair->keys = slice_str(d->key);
	}
	pair->selector = words_next(&pair->selectors);
	pair->key = words_next(&pair->keys);
	return pair->selector.n && pair->key.n;
}

const char *
dkim_mistake(const struct dkim_domain *d)
{
	struct dkim_pair pair = { 0 };

	if (!d->selector)
		return "has no selector: add the name of its DNS record, like selector = a1";
	if (!d->key)
		return "has no key: add the file of its private key (smtp-dkim-key makes one)";
	while (dkim_next_pair(d, &pair))
		;
	return pair.selector.n || pair.key.n
	    ? "selector and key have not the same number of words: each key has its selector"
	    : NULL;
}

const struct dkim_domain *
dkim_domain_of(const struct config *c, struct slice name)
{
	struct idn_name space;
	struct slice rest = idn_canonical(name, &space);

	while (rest.n) {
		struct slice parent;

		for (size_t i = 0; i < c->ndkim; i++)
			if (slice_eq(slice_str(c->dkim[i].name), rest))
				return &c->dkim[i];
		(void)slice_cut(rest, '.', &parent);
		rest = parent;
	}
	return NULL;
}

static struct slice
domain_of(struct slice path)
{
	struct slice domain = path;

	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '@')
			domain = slice_skip(path, i + 1);
	return domain.p == path.p ? slice_of(NULL, 0) : domain;
}

/* A signature vouches for the author, so a stranger's mail has none, whatever its From.  Without
 * auth-senders each user may use any address. */
struct dkim_right
dkim_right(const struct config *c, struct sender sender)
{
	struct dkim_right right = { .scope = DKIM_NONE };

	if (sender.standing == STANDING_STRANGER)
		return right;
	if (sender.standing == STANDING_TRUSTED || !c->server.auth_senders) {
		right.scope = DKIM_ANY;
	} else if (sender.standing == STANDING_OWNER) {
		right.domain = domain_of(sender.path);
		right.scope = right.domain.n ? DKIM_OWN : DKIM_NONE;
	}
	return right;
}

const struct dkim_domain *
dkim_section(const struct config *c, struct dkim_right right, struct slice author)
{
	if (author.n == 0 || right.scope == DKIM_NONE ||
	    (right.scope == DKIM_OWN && !idn_same(right.domain, author)))
		return NULL;
	return dkim_domain_of(c, author);
}

void
dkim_done(struct dkim_domain *d)
{
	pool_free(d->name);
	pool_free(d->selector);
	pool_free(d->key);
	memset(d, 0, sizeof *d);
}
