// SPDX-License-Identifier: ISC
/*
 * A verdict is a value: smtp/server_reply.c words it, and nothing is logged here.  The address
 * files are the only files that are read.
 */
#include "session/policy.h"

#include "aliases/returns.h"
#include "base/idn.h"
#include "base/words.h"
#include "mailbox/path.h"
#include "mailbox/users.h"
#include "session/list.h"
#include "smtp/verp.h"

/* Is this line of a file the address?  Local parts are compared without regard to case: that is for
 * the final host to decide, and this is one (RFC 5321 section 2.4). */
static bool
is_address(const struct smtp_path *path, struct slice line)
{
	struct smtp_path listed;

	if (idn_same_address(line, smtp_path_text(path)))
		return true;
	/* The path is in canonical form; the line may be quoted in another way, or should be. */
	return smtp_path_parse_whole(line, SMTP_PATH_LISTED, &listed) &&
	       idn_same_address(smtp_path_text(&listed), smtp_path_text(path));
}

struct names {
	struct smtp_path paths[SMTP_NAMES_MAX];
	struct slice keys[SMTP_NAMES_MAX];
	size_t n;
};

/* user@example.org, or user: at any domain of the route. */
static bool
is_recipient(const void *ctx, struct slice line)
{
	const struct names *names = ctx;

	for (size_t i = 0; i < names->n; i++)
		if (is_address(&names->paths[i], line))
			return true;
	return false;
}

/* user@example.org, @example.org or example.org. */
static bool
is_sender(const void *ctx, struct slice line)
{
	const struct smtp_path *from = ctx;
	const struct slice domain = smtp_path_domain(from);

	return is_address(from, line) || idn_same(slice_skip(line, line.p[0] == '@'), domain);
}

struct owner {
	struct slice user;
	const struct smtp_path *from;
};

/* "user: address @domain *" */
static bool
is_owner(const void *ctx, struct slice line)
{
	const struct owner *owner = ctx;
	struct slice words, word, user = slice_trim(slice_cut(line, ':', &words));

	if (!idn_same_address(user, owner->user))
		return false;
	while ((word = words_next(&words)).n)
		if (slice_eq(word, SL("*")) || is_sender(owner->from, word))
			return true;
	return false;
}

static bool
is_postmaster(const struct route *route, const struct smtp_path *to)
{
	return slice_ieq(smtp_local_user(smtp_path_local(to), route->subaddress), SL("postmaster"));
}

/* The verdict for what was found in a file.  If it cannot be read, no reply may be final. */
static enum smtp_verdict
listed(int found, enum smtp_verdict otherwise)
{
	if (found < 0)
		return SMTP_REFUSE_LOCAL;
	return found ? SMTP_ACCEPT : otherwise;
}

enum smtp_verdict
policy_sender(const struct policy *p, const struct smtp_path *from)
{
	const char *file = p->config->server.senders, *owners = p->config->server.auth_senders;
	const struct owner owner = { p->user, from };
	const struct slice keys[] = { smtp_path_text(from), smtp_path_domain(from) };
	const struct list_question whose = { LIST_USERS, &p->user, 1, is_owner, &owner };
	const struct list_question whom = { LIST_LINES, keys, 2, is_sender, from };
	enum smtp_verdict verdict;

	if (from->n == 0)	/* the null path of notices (RFC 5321 section 4.5.5) */
		return SMTP_ACCEPT;
	if (owners && p->user.n) {
		verdict = listed(list_find(owners, &whose), SMTP_REFUSE_OWNER);
		if (verdict != SMTP_ACCEPT)
			return verdict;
	}
	if (!file)
		return SMTP_ACCEPT;
	return listed(list_find(file, &whom), SMTP_REFUSE_SENDER);
}

/* An authenticated client is that user, wherever it connects from. */
enum standing
policy_standing(const struct policy *p)
{
	if (p->user.n == 0)
		return p->trusted ? STANDING_TRUSTED : STANDING_STRANGER;
	if (p->sender.n == 0)
		return STANDING_USER;
	return p->config->server.auth_senders || idn_same_address(p->user, p->sender)
	    ? STANDING_OWNER : STANDING_USER;
}

/* Can the route deliver to the address?  If it cannot, only an alias of that name helps. */
static bool
is_possible(const struct route *route, const struct smtp_path *to)
{
	return mailbox_possible(route, smtp_path_text(to), smtp_path_domain(to));
}

/* Is the local part, whole or without its detail, a user of this machine?  1, 0 or -errno. */
static int
is_user(const struct route *route, const struct smtp_path *to, bool whole)
{
	char space[USERS_NAME_MAX + 1];
	struct buf name = BUF(space);

	if (mailbox_user(route, smtp_path_text(to), smtp_path_domain(to), whole, &name) < 0)
		return 0;
	return users_ask(buf_slice(&name));
}

/* Is the address one of a user?  1, 0 or -errno. */
static int
is_users(const struct route *route, const struct smtp_path *to)
{
	int found = 0;

	if (mailbox_has_detail(route, smtp_path_text(to), smtp_path_domain(to)))
		found = is_user(route, to, true);
	return found ? found : is_user(route, to, false);
}

/* Is it in the aliases file, or the owner of a list there with a member's address behind it?  1, 0
 * or -errno. */
static int
is_alias(const struct route *route, const struct smtp_path *to, struct names *names)
{
	struct list_question q = { LIST_NAMES, names->keys, names->n, is_recipient, names };
	struct smtp_path owner;
	int found = list_find(route->aliases, &q);

	if (found != 0 || !route->verp || !smtp_verp_owner(to, &owner))
		return found;
	q.n = names->n = smtp_path_names(&owner, '\0', names->paths);
	for (size_t i = 0; i < names->n; i++)
		names->keys[i] = smtp_path_text(&names->paths[i]);
	return list_find(route->aliases, &q);
}

/* Is the address in a file of the route, or is it a user's?  *ret_trouble is why that is not
 * known. */
static enum smtp_verdict
check_user(const struct route *route, const struct smtp_path *to, bool possible,
    struct slice *ret_trouble)
{
	struct names names;
	struct list_question q = { LIST_LINES, names.keys, 0, is_recipient, &names };
	int found = 0;

	q.n = names.n = smtp_path_names(to, route->subaddress, names.paths);
	for (size_t i = 0; i < names.n; i++)
		names.keys[i] = smtp_path_text(&names.paths[i]);
	if (possible && route->recipients)
		found = list_find(route->recipients, &q);
	if (found == 0 && route->aliases)
		found = is_alias(route, to, &names);
	if (found < 0)
		*ret_trouble = SL("the recipients or aliases of a route cannot be read: "
		    "see smtp-handler --check");
	/* Last, as it costs most. */
	if (found == 0 && possible && route->users) {
		found = is_users(route, to);
		if (found < 0)
			*ret_trouble = SL("cannot ask which users exist: is smtp-users.socket "
			    "started?");
	}
	return listed(found, SMTP_REFUSE_USER);
}

/* A route that refuses its recipients: aliases go to other places. */
static enum smtp_verdict
check_refusing(const struct policy *p, const struct route *route, const struct smtp_path *to,
    struct slice *ret_why)
{
	enum smtp_verdict verdict = SMTP_REFUSE_USER;

	if (route->aliases && (p->trusted || route->accept == ACCEPT_ANYONE))
		verdict = check_user(route, to, false, ret_why);
	if (verdict != SMTP_REFUSE_USER)
		return verdict;
	*ret_why = slice_str(route->target);
	return SMTP_REFUSE_ROUTE;
}

/* A route of the configuration: may mail go there, and does the recipient exist? */
static enum smtp_verdict
check_route(const struct policy *p, const struct smtp_path *to, struct slice *ret_why)
{
	const struct slice domain = smtp_path_domain(to);
	const struct sender sender = { p->sender, policy_standing(p) };
	const struct route *route;
	bool possible;

	if (domain.n == 0)		/* only <postmaster> can lack it (section 4.5.1) */
		return SMTP_ACCEPT;
	route = config_route_from(p->config, sender, domain);
	if (way_of(route->via)->refuses)
		return check_refusing(p, route, to, ret_why);
	if (!p->trusted && route->accept != ACCEPT_ANYONE)
		return SMTP_REFUSE_RELAY;
	possible = is_possible(route, to);
	if (possible && (!route_lists(route) || is_postmaster(route, to)))
		return SMTP_ACCEPT;
	return check_user(route, to, possible, ret_why);
}

/* Notices come back by an address that this host has made.  All who got the mail know it, so a
 * stranger may send nothing else to it: it is no way to send mail to others. */
static enum smtp_verdict
check_return(const struct policy *p, const struct smtp_path *to, struct slice *ret_why)
{
	static char text[700];
	struct policy anyone = *p;
	struct smtp_path original;
	struct buf why = { .p = text, .cap = sizeof text };
	const int r = returns_find(p->config->server.srs_secret, to, &original, &why);

	*ret_why = buf_slice(&why);
	if (r < 0)
		return SMTP_REFUSE_LOCAL;
	if (r == 0)
		return SMTP_REFUSE_ROUTE;
	if (!p->trusted && p->sender.n) {
		*ret_why = SL("this address is for notices, which have an empty reverse-path");
		return SMTP_REFUSE_ROUTE;
	}
	anyone.trusted = true;
	return check_route(&anyone, &original, ret_why);
}

enum smtp_verdict
policy_recipient(const struct policy *p, const struct smtp_path *to, struct slice *ret_why)
{
	return returns_is(p->config, to) ? check_return(p, to, ret_why) :
	    check_route(p, to, ret_why);
}

void
policy_resolve(const struct policy *p, struct smtp_path *to)
{
	struct smtp_path original;
	char text[700];
	struct buf why = BUF(text);

	if (returns_is(p->config, to) &&
	    returns_find(p->config->server.srs_secret, to, &original, &why) > 0)
		*to = original;
}

enum smtp_verdict
policy_verify(const struct policy *p, const struct smtp_path *who)
{
	const struct slice domain = smtp_path_domain(who);
	const struct route *route;
	enum smtp_verdict verdict;
	struct slice trouble;
	bool possible;

	/* Without a list of recipients the answer is not known, and a client learns no more than
	 * from RCPT (RFC 5321 sections 3.5.3, 7.3). */
	if (domain.n == 0)
		return SMTP_ACCEPT;
	route = config_route(p->config, domain);
	possible = is_possible(route, who);
	if (way_of(route->via)->refuses || (possible && !route_lists(route)))
		return SMTP_ACCEPT;
	if (!p->trusted && route->accept != ACCEPT_ANYONE)
		return SMTP_ACCEPT;
	if (is_postmaster(route, who))
		return SMTP_VERIFIED;
	verdict = check_user(route, who, possible, &trouble);
	return verdict == SMTP_ACCEPT ? SMTP_VERIFIED : verdict;
}
