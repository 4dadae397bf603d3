// SPDX-License-Identifier: ISC
/*
 * Delivers to aliases: copies of the message for their addresses go into the queue, durably, before
 * the alias counts as delivered.  A crash in between can duplicate a copy but never lose one.  All
 * aliases of a message come in one call, so that an address in two lists gets one copy.
 */

#include "delivery/alias.h"

#include <errno.h>
#include <stdlib.h>

#include "aliases/expand.h"
#include "aliases/returns.h"
#include "delivery/alias_copy.h"
#include "maildir/mbox.h"

#define IDS_SHOWN 8		/* IDs of copies in the log, for each alias */

/* Add the recipients that get the message itself: all except the aliases and those that failed. */
static int
add_direct(struct alias_set *known, const struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	bool *here = calloc(e->nrcpts, sizeof *here);
	struct smtp_path path;
	int r = here ? 0 : -ENOMEM;

	for (size_t i = 0; r == 0 && i < n; i++)
		here[rcpts[i]] = true;
	for (size_t i = 0; r >= 0 && i < e->nrcpts; i++)
		if (!here[i] && e->rcpts[i].state != QUEUE_FAILED &&
		    smtp_path_parse_whole(e->rcpts[i].path, SMTP_PATH_LISTED, &path))
			r = alias_set_add(known, &path);
	free(here);
	return r < 0 ? r : 0;
}

/* Commit all copies, and add their IDs to detail. */
static int
write_copies(struct delivery *d, struct queue_entry *e, uint32_t rcpt, const struct smtp_path *to,
    const struct expansion *x, const struct smtp_path *returns, struct buf *detail)
{
	char id[QUEUE_ID_SIZE];
	size_t shown = 0;
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < x->ncopies; i++) {
		const struct slice domain = smtp_path_domain(&x->copies[i].sender);
		const struct alias_copy copy = {
			.e = e, .rcpt = rcpt, .to = to, .expansion = x, .index = i,
			.verp = domain.n && config_route(d->config, domain)->verp,
			.returns = returns,
		};

		r = alias_copy_write(d->queue, &copy, id);
		if (r == 0 && id[0] && shown++ < IDS_SHOWN)
			buf_fmt(detail, "%s%s", shown == 1 ? ", as " : " ", id);
	}
	return r;
}

/* The members have the message now. */
static int
remember(struct alias_set *known, const struct expansion *x)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < x->n; i++)
		r = alias_set_add(known, &x->members[i].path);
	return r < 0 ? r : 0;
}

static void
describe(const struct expansion *x, struct buf *b)
{
	if (expansion_is_single(x))
		buf_fmt(b, "alias of %s", x->members[0].path.text);
	else if (x->n)
		buf_fmt(b, "expanded to %zu address%s", x->n, x->n == 1 ? "" : "es");
	else if (x->known)
		buf_str(b, "all its addresses are recipients of the message already");
	else
		buf_str(b, "its alias is to discard the message");
}

/* A list with an owner counts as delivered.  An alias of several addresses counts as expanded (RFC
 * 3461 section 5.2.7). */
static enum outcome_reach
reach(const struct expansion *x)
{
	if (expansion_is_single(x))
		return REACH_OTHER;
	for (size_t i = 0; i < x->n; i++)
		if (x->copies[x->members[i].copy].sender.n == 0)
			return REACH_MANY;
	return REACH_END;
}

/* Members at other domains get copies of their own if the reverse-path has to be another there.
 * 1 with that in *ret; 0; or -errno, after which the alias waits. */
static int
find_returns(const struct delivery *d, const struct queue_entry *e, struct expansion *x,
    struct smtp_path *ret, struct outcome *o)
{
	char text[400];
	struct buf why = BUF(text);
	const int r = d->config->relay.srs_domain ?
	    returns_make(d->config, e->from, ret, &why) : 0;

	if (r < 0)
		outcome_set(o, CAUSE_ALIASES, SL(""), buf_slice(&why));
	else if (r > 0)
		expansion_part(x, returns_leaves, d->config);
	return r;
}

static void
set_made(struct delivery *d, struct queue_entry *e, uint32_t rcpt, const struct smtp_path *to,
    struct alias_set *known, struct expansion *x, struct outcome *o)
{
	char space[OUTCOME_DETAIL];
	struct buf detail = BUF(space);
	struct smtp_path returns;
	int r = find_returns(d, e, x, &returns, o);

	if (r < 0)
		return;
	describe(x, &detail);
	r = write_copies(d, e, rcpt, to, x, r > 0 ? &returns : NULL, &detail);
	if (r == 0)
		r = remember(known, x);
	if (r < 0) {
		detail.n = 0;
		buf_fmt(&detail, "cannot queue the copies for its alias: %s", strerror(-r));
		outcome_set(o, CAUSE_LOCAL, SL(""), buf_slice(&detail));
		return;
	}
	outcome_set(o, expansion_is_single(x) ? CAUSE_FORWARDED : CAUSE_EXPANDED, SL(""),
	    buf_slice(&detail));
	o->reach = reach(x);
}

static void
expand(struct delivery *d, struct queue_entry *e, uint32_t rcpt, struct alias_set *known,
    struct outcome *o)
{
	static const enum outcome_cause causes[] = {
		[EXPANSION_MADE] = CAUSE_EXPANDED,
		[EXPANSION_LOOP] = CAUSE_LOOP,
		[EXPANSION_EMPTY] = CAUSE_EMPTY_LIST,
		[EXPANSION_LATER] = CAUSE_ALIASES,
	};
	struct expansion x;
	struct smtp_path to;
	struct slice here;
	int r;

	if (!smtp_path_parse_whole(e->rcpts[rcpt].path, SMTP_PATH_LISTED, &to)) {
		outcome_set(o, CAUSE_LOCAL, SL(""), SL("the address cannot be read"));
		return;
	}
	(void)config_postmaster(d->config, &here);
	(void)smtp_path_qualify(&to, here);
	r = mbox_loops(e, smtp_path_text(&to));
	if (r > 0) {
		outcome_set(o, CAUSE_LOOP, SL(""),
		    SL("the message has been sent to this alias before: a mail loop"));
		return;
	}
	if (r == 0)
		r = alias_expand(d->aliases, &to, known, &x);
	if (r < 0) {
		outcome_set(o, CAUSE_LOCAL, SL(""), slice_str(strerror(-r)));
		return;
	}
	if (x.end == EXPANSION_MADE)
		set_made(d, e, rcpt, &to, known, &x, o);
	else
		outcome_set(o, causes[x.end], SL(""), slice_str(x.why));
	expansion_done(&x);
}

void
deliver_aliases(struct delivery *d, struct queue_entry *e, const uint32_t *rcpts, size_t n)
{
	struct alias_set known = { .config = d->config };
	struct outcome o;
	const int r = add_direct(&known, e, rcpts, n);

	aliases_refresh(d->aliases);
	for (size_t i = 0; i < n; i++) {
		if (r < 0)
			outcome_set(&o, CAUSE_LOCAL, SL(""), slice_str(strerror(-r)));
		else
			expand(d, e, rcpts[i], &known, &o);
		attempt_report(d, e, rcpts[i], &o);
	}
	alias_set_done(&known);
}
