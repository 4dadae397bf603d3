// SPDX-License-Identifier: ISC
#include "attempt/outcome.h"

#include "smtp/reply.h"
#include "tests/lib/tap.h"

static const struct row {
	enum outcome_cause cause;
	enum outcome_kind kind;
	const char *status, *name;
} rows[] = {
	{ CAUSE_DELIVERED, OUTCOME_DELIVERED, "2.0.0", "delivered" },
	{ CAUSE_DNS_NXDOMAIN, OUTCOME_FAILED, "5.1.2", "R136 no such domain" },
	{ CAUSE_DNS_NULL_MX, OUTCOME_FAILED, "5.1.10", "R137 null MX" },
	{ CAUSE_DNS_NO_HOST, OUTCOME_FAILED, "5.4.4", "a domain without a host" },
	{ CAUSE_DNS_BAD_NAME, OUTCOME_FAILED, "5.1.2", "a domain that is no name" },
	{ CAUSE_DNS_DEFER, OUTCOME_DEFERRED, "4.4.3", "R136 DNS trouble" },
	{ CAUSE_OWN_HOST, OUTCOME_FAILED, "5.4.6", "R102 no exchanger but this host" },
	{ CAUSE_CONNECT, OUTCOME_DEFERRED, "4.4.1", "no exchanger answered" },
	{ CAUSE_SOCKET, OUTCOME_DEFERRED, "4.4.1", "nobody listens on a socket" },
	{ CAUSE_LOST, OUTCOME_DEFERRED, "4.4.2", "R143 connection lost" },
	{ CAUSE_PROTOCOL, OUTCOME_DEFERRED, "4.5.0", "R142 garbage" },
	{ CAUSE_REFUSED_SESSION, OUTCOME_DEFERRED, "4.3.2", "a host that refuses the session" },
	{ CAUSE_NO_TLS, OUTCOME_DEFERRED, "4.7.4", "no TLS where it is required" },
	{ CAUSE_TLS_FAILED, OUTCOME_DEFERRED, "4.7.5", "R134 a handshake that failed" },
	{ CAUSE_TLS_UNVERIFIED, OUTCOME_DEFERRED, "4.7.5", "a certificate that is not the one" },
	{ CAUSE_DANE, OUTCOME_DEFERRED, "4.7.5", "records of DANE that cannot be asked for" },
	{ CAUSE_LOGIN, OUTCOME_DEFERRED, "4.7.8", "a login that is refused" },
	{ CAUSE_RATE, OUTCOME_DEFERRED, "4.4.5", "a rate that is used up" },
	{ CAUSE_REPLY_TEMPORARY, OUTCOME_DEFERRED, "4.0.0", "4yz" },
	{ CAUSE_REPLY_PERMANENT, OUTCOME_FAILED, "5.0.0", "5yz" },
	{ CAUSE_TOO_BIG, OUTCOME_FAILED, "5.3.4", "R148 larger than the peer's SIZE" },
	{ CAUSE_NO_8BIT, OUTCOME_FAILED, "5.6.3", "R149 8-bit text" },
	{ CAUSE_NO_SMTPUTF8, OUTCOME_FAILED, "5.6.7", "R149 SMTPUTF8" },
	{ CAUSE_BINARY, OUTCOME_FAILED, "5.6.3", "binary content" },
	{ CAUSE_NO_REQUIRETLS, OUTCOME_FAILED, "5.7.30", "H159 REQUIRETLS is not to be had" },
	{ CAUSE_TLS_NEEDED, OUTCOME_FAILED, "5.7.10", "H159 no TLS that REQUIRETLS demands" },
	{ CAUSE_NO_DELIVERBY, OUTCOME_FAILED, "5.4.4", "DELIVERBY is not to be had" },
	{ CAUSE_DEADLINE, OUTCOME_FAILED, "5.4.7", "the sender's time is over" },
	{ CAUSE_LOOP, OUTCOME_FAILED, "5.4.6", "a loop" },
	{ CAUSE_ROUTE_REJECT, OUTCOME_FAILED, "5.7.1", "a reject route" },
	{ CAUSE_MAILDIR, OUTCOME_DEFERRED, "4.3.0", "a Maildir that cannot be written" },
	{ CAUSE_MAILDIR_QUOTA, OUTCOME_DEFERRED, "4.2.2", "a mailbox over its quota" },
	{ CAUSE_MAILDIR_SPACE, OUTCOME_DEFERRED, "4.3.1", "a full disk under a mailbox" },
	{ CAUSE_MAILDIR_USER, OUTCOME_FAILED, "5.1.1", "a user that is no file name" },
	{ CAUSE_FORWARDED, OUTCOME_DELIVERED, "2.0.0", "an alias of one address" },
	{ CAUSE_EXPANDED, OUTCOME_DELIVERED, "2.0.0", "an alias of several" },
	{ CAUSE_ALIASES, OUTCOME_DEFERRED, "4.3.5", "an aliases file with a mistake" },
	{ CAUSE_EMPTY_LIST, OUTCOME_FAILED, "5.2.4", "a list of nobody" },
	{ CAUSE_LOCAL, OUTCOME_DEFERRED, "4.3.0", "trouble of ours" },
	{ CAUSE_OPERATOR, OUTCOME_FAILED, "5.0.0", "given up by the operator" },
	{ CAUSE_ASIDE, OUTCOME_FAILED, "5.3.0", "put aside, as processes died on it" },
	{ CAUSE_EXPIRED, OUTCOME_FAILED, "5.4.7", "the lifetime is over" },
};

static void
test_table(void)
{
	unsigned seen[CAUSE_COUNT] = { 0 };
	bool all = true;
	struct outcome o;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		outcome_set(&o, rows[i].cause, SL("mx.example"), SL("why"));
		ok(o.cause == rows[i].cause && o.kind == rows[i].kind &&
			strcmp(o.status, rows[i].status) == 0 &&
			strcmp(o.host, "mx.example") == 0 && strcmp(o.detail, "why") == 0 &&
			!o.remote,
		    "row: %s", rows[i].name);
		seen[rows[i].cause]++;
	}
	for (size_t i = 0; i < CAUSE_COUNT; i++)
		all = all && seen[i] == 1;
	ok(all, "every cause stands in the table once");
}

/* Lines of a reply, separated by '|'. */
static const struct reply_case {
	const char *name, *lines;
	enum outcome_cause cause;
	enum outcome_kind kind;
	const char *status, *detail;
} replies[] = {
	{ .name = "the peer's status is kept", .lines = "550 5.1.1 no such user",
	    .cause = CAUSE_REPLY_PERMANENT, .kind = OUTCOME_FAILED, .status = "5.1.1",
	    .detail = "550 5.1.1 no such user" },
	{ .name = "no status: the general one", .lines = "550 no such user",
	    .cause = CAUSE_REPLY_PERMANENT, .kind = OUTCOME_FAILED, .status = "5.0.0",
	    .detail = "550 no such user" },
	{ .name = "a status of another class is ignored", .lines = "450 5.1.1 later",
	    .cause = CAUSE_REPLY_TEMPORARY, .kind = OUTCOME_DEFERRED, .status = "4.0.0",
	    .detail = "450 5.1.1 later" },
	{ .name = "temporary", .lines = "451 4.7.1 greylisted", .cause = CAUSE_REPLY_TEMPORARY,
	    .kind = OUTCOME_DEFERRED, .status = "4.7.1", .detail = "451 4.7.1 greylisted" },
	{ .name = "delivered, with a status", .lines = "250 2.6.0 queued as 1",
	    .cause = CAUSE_DELIVERED, .kind = OUTCOME_DELIVERED, .status = "2.6.0",
	    .detail = "250 2.6.0 queued as 1" },
	{ .name = "delivered, without a status", .lines = "250 ok", .cause = CAUSE_DELIVERED,
	    .kind = OUTCOME_DELIVERED, .status = "2.0.0", .detail = "250 ok" },
	{ .name = "R142 unknown code: first digit, 2", .lines = "299 x", .cause = CAUSE_DELIVERED,
	    .kind = OUTCOME_DELIVERED, .status = "2.0.0", .detail = "299 x" },
	{ .name = "R142 unknown code: first digit, 4", .lines = "499 x",
	    .cause = CAUSE_REPLY_TEMPORARY, .kind = OUTCOME_DEFERRED, .status = "4.0.0",
	    .detail = "499 x" },
	{ .name = "R142 unknown code: first digit, 5", .lines = "599 x",
	    .cause = CAUSE_REPLY_PERMANENT, .kind = OUTCOME_FAILED, .status = "5.0.0",
	    .detail = "599 x" },
	{ .name = "R142 3yz where none belongs", .lines = "354 go", .cause = CAUSE_PROTOCOL,
	    .kind = OUTCOME_DEFERRED, .status = "4.5.0", .detail = "354 go" },
	{ .name = "R142 garbage", .lines = "hello", .cause = CAUSE_PROTOCOL,
	    .kind = OUTCOME_DEFERRED, .status = "4.5.0" },
	{ .name = "R142 6yz", .lines = "650 x", .cause = CAUSE_PROTOCOL, .kind = OUTCOME_DEFERRED,
	    .status = "4.5.0" },
	{ .name = "R120 several lines become one", .lines = "550-5.7.1 not|550 5.7.1 here",
	    .cause = CAUSE_REPLY_PERMANENT, .kind = OUTCOME_FAILED, .status = "5.7.1",
	    .detail = "550 5.7.1 not 5.7.1 here" },
};

static void
test_replies(void)
{
	for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
		const struct reply_case *c = &replies[i];
		struct smtp_peer_reply r;
		struct slice rest = slice_str(c->lines);
		struct outcome o;

		smtp_peer_reply_init(&r);
		while (!smtp_peer_reply_line(&r, slice_cut(rest, '|', &rest)) && rest.n)
			;
		outcome_from_reply(&o, &r, SL("mx"));
		ok(o.cause == c->cause && o.kind == c->kind && strcmp(o.status, c->status) == 0 &&
			(!c->detail || strcmp(o.detail, c->detail) == 0) &&
			o.remote == (c->cause != CAUSE_PROTOCOL || !r.malformed),
		    "reply: %s", c->name);
	}
}

static void
test_place_decides(void)
{
	struct smtp_peer_reply r;
	struct outcome o;

	smtp_peer_reply_init(&r);
	(void)smtp_peer_reply_line(&r, SL("550 5.7.1 go away"));
	outcome_set_reply(&o, CAUSE_REFUSED_SESSION, &r, SL("mx"));
	ok(o.kind == OUTCOME_DEFERRED && strcmp(o.status, "4.3.2") == 0 && o.remote &&
		strcmp(o.detail, "550 5.7.1 go away") == 0,
	    "a 5yz that is not about the recipient is deferred");
}

static void
test_cleaning(void)
{
	char text[1000];
	struct outcome o;
	bool good;

	outcome_set(&o, CAUSE_LOST, SL("a\rb"), SL("one\ntwo\tthree\001\177"));
	is(slice_str(o.detail), SL("one two three??"), "one line, without control characters");
	is(slice_str(o.host), SL("a?b"), "no control characters in the host");
	memset(text, 'x', sizeof text);
	outcome_set(&o, CAUSE_LOST, SL(""), slice_of(text, sizeof text));
	ok(strlen(o.detail) == OUTCOME_DETAIL - 1 &&
		strcmp(o.detail + OUTCOME_DETAIL - 4, "...") == 0,
	    "a long detail is cut and ends in dots");
	outcome_set(&o, CAUSE_LOST, SL(""), slice_of(text, OUTCOME_DETAIL - 1));
	ok(strlen(o.detail) == OUTCOME_DETAIL - 1 && o.detail[OUTCOME_DETAIL - 2] == 'x',
	    "a detail that just fits is not cut");
	for (size_t i = 1; i + 1 < sizeof text; i += 2)
		memcpy(text + i, "\303\244", 2);
	outcome_set(&o, CAUSE_LOST, SL(""), slice_of(text, sizeof text));
	ok(strlen(o.detail) == OUTCOME_DETAIL - 2 &&
		strcmp(o.detail + OUTCOME_DETAIL - 5, "...") == 0,
	    "a detail is not cut inside a character");
	outcome_set(&o, CAUSE_LOST, slice_of(NULL, 0), slice_of(NULL, 0));
	ok(!o.host[0] && !o.detail[0], "an empty detail");
	outcome_set(&o, CAUSE_DELIVERED, SL(""), SL(""));
	good = strcmp(outcome_text(&o), "delivered") == 0;
	outcome_set(&o, CAUSE_LOST, SL(""), SL(""));
	good &= strcmp(outcome_text(&o), "deferred") == 0;
	outcome_set(&o, CAUSE_TOO_BIG, SL(""), SL(""));
	good &= strcmp(outcome_text(&o), "failed") == 0;
	ok(good, "kinds have names");
}

/* The sender must not learn paths of our disk. */
static void
test_public(void)
{
	struct outcome o;

	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		const char *told;
		const bool ours = cause == CAUSE_SOCKET || cause == CAUSE_MAILDIR ||
		    cause == CAUSE_MAILDIR_QUOTA || cause == CAUSE_MAILDIR_SPACE ||
		    cause == CAUSE_ALIASES || cause == CAUSE_LOGIN;

		outcome_set(&o, (enum outcome_cause)cause, SL(""), SL("/var/mail/joe: no"));
		told = outcome_public(&o);
		ok(ours ? !strchr(told, '/') && *told : told == o.detail,
		    "text for the sender of cause %d", cause);
	}
}

int
main(void)
{
	test_table();
	test_replies();
	test_place_decides();
	test_cleaning();
	test_public();
	return tap_done();
}
