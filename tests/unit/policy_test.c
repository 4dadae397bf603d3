// SPDX-License-Identifier: ISC
#include "session/policy.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "mailbox/users.h"
#include "tests/lib/tap.h"

static char users[] = "/tmp/policy_test.XXXXXX", senders[] = "/tmp/policy_test.XXXXXX";
static char aliases[] = "/tmp/policy_test.XXXXXX";
static char owners[] = "/tmp/policy_test.XXXXXX", gone[] = "/nonexistent/file";
static char pattern_open[] = "open.example", pattern_users[] = "users.example";
static char pattern_closed[] = "closed.example", pattern_moved[] = "moved.example";
static char pattern_broken[] = "broken.example", pattern_plus[] = "plus.example";
static char pattern_idn[] = "xn--ftz-sna.example";
static char pattern_idn_users[] = "xn--users-nua.example";
static char mailboxes[] = "/var/mail/{local}";
static char pattern_system[] = "system.example", home[] = "Maildir";
static char pattern_names[] = "names.example", pattern_own[] = "own-names.example";
static char why_text[] = "has moved";

static struct route routes[] = {
	{ .pattern = pattern_open, .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE,
	    .target = mailboxes },
	{ .pattern = pattern_users, .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE,
	    .recipients = users },
	{ .pattern = pattern_closed, .via = VIA_MAILDIR, .accept = ACCEPT_TRUSTED,
	    .recipients = users },
	{ .pattern = pattern_plus, .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE, .recipients = users,
	    .subaddress = '+' },
	{ .pattern = pattern_moved, .via = VIA_REJECT, .accept = ACCEPT_ANYONE,
	    .target = why_text },
	{ .pattern = pattern_idn, .via = VIA_REJECT, .accept = ACCEPT_ANYONE,
	    .target = why_text },
	{ .pattern = pattern_names, .via = VIA_REJECT, .accept = ACCEPT_ANYONE,
	    .target = why_text, .aliases = aliases },
	{ .pattern = pattern_own, .via = VIA_REJECT, .accept = ACCEPT_TRUSTED,
	    .target = why_text, .aliases = aliases },
	{ .pattern = pattern_idn_users, .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE,
	    .recipients = users },
	{ .pattern = pattern_system, .via = VIA_OWNER, .accept = ACCEPT_ANYONE, .target = home,
	    .users = true, .subaddress = '+' },
	{ .pattern = pattern_broken, .via = VIA_MAILDIR, .accept = ACCEPT_ANYONE,
	    .recipients = gone },
};
static struct config config = { .routes = routes, .nroutes = sizeof routes / sizeof routes[0] };

enum {
	RELAY = SMTP_REFUSE_RELAY,
	USER = SMTP_REFUSE_USER,
	ROUTE = SMTP_REFUSE_ROUTE,
	LOCAL = SMTP_REFUSE_LOCAL
};

static const struct rcpt_case {
	const char *to;
	int stranger, trusted, verify;		/* enum smtp_verdict */
} rcpts[] = {
	{ "u@open.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "u@OPEN.Example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "\".x\"@open.example", USER, USER, USER },
	{ "a/b@open.example", USER, USER, USER },
	{ "a.b@open.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "a/b@other.example", RELAY, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "u@other.example", RELAY, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "u@sub.open.example", RELAY, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "postmaster@other.example", RELAY, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "postmaster", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "listed@users.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "LISTED@Users.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "anywhere@users.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "\"a b\"@users.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "\"quoted\"@users.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "listed@closed.example", RELAY, USER, SMTP_ACCEPT },
	{ "anywhere@closed.example", RELAY, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "nobody@users.example", USER, USER, USER },
	{ "users.example@users.example", USER, USER, USER },
	{ "liste@users.example", USER, USER, USER },
	{ "listed1@users.example", USER, USER, USER },
	{ "POSTmaster@users.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "anywhere+list@users.example", USER, USER, USER },
	{ "anywhere+list@plus.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "ANYwhere+a+b@plus.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "\"quoted+ c\"@plus.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "+anywhere@plus.example", USER, USER, USER },
	{ "nobody+anywhere@plus.example", USER, USER, USER },
	{ "listed+x@plus.example", USER, USER, USER },
	{ "postmaster+x@plus.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "u@moved.example", ROUTE, ROUTE, SMTP_ACCEPT },
	{ "postmaster@moved.example", ROUTE, ROUTE, SMTP_ACCEPT },
	{ "info@names.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "Info@NAMES.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "u@names.example", ROUTE, ROUTE, SMTP_ACCEPT },
	{ "postmaster@names.example", ROUTE, ROUTE, SMTP_ACCEPT },
	{ "info@own-names.example", ROUTE, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "u@xn--ftz-sna.example", ROUTE, ROUTE, SMTP_ACCEPT },
	{ "u@f\303\266tz.example", ROUTE, ROUTE, SMTP_ACCEPT },
	{ "u@F\303\226TZ.example", ROUTE, ROUTE, SMTP_ACCEPT },
	{ "u@\357\275\215oved.example", ROUTE, ROUTE, SMTP_ACCEPT },
	{ "u@f\303\270tz.example", RELAY, SMTP_ACCEPT, SMTP_ACCEPT },
	{ "idn@xn--users-nua.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "idn@users\303\266.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "idn2@xn--users-nua.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "idn2@users\303\226.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	{ "idn3@users\303\266.example", USER, USER, USER },
	{ "u@broken.example", LOCAL, LOCAL, LOCAL },
	{ "postmaster@broken.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
};

static const struct sender_case {
	const char *from;
	bool listed;
} froms[] = {
	{ "a@one.example", true }, { "A@ONE.example", true }, { "b@one.example", false },
	{ "x@two.example", true }, { "x@three.example", true }, { "x@sub.two.example", false },
	{ "x@xn--vier-8qa.example", true }, { "x@vier\303\266.example", true },
	{ "x@VIER\303\226.example", true }, { "x@xn--fnf-hoa.example", true },
	{ "x@f\303\274nf.example", true }, { "six@xn--6-xga.example", true },
	{ "two.example@one.example", false }, { "x@xthree.example", false }, { "", true },
};

static void
write_file(char *path, const char *text)
{
	const int fd = mkstemp(path);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		abort();
	(void)close(fd);
}

static struct smtp_path
path_of(const char *text)
{
	const unsigned how = SMTP_PATH_TOLERANT | SMTP_PATH_NO_DOMAIN;
	struct smtp_path path = { .n = 0 };
	struct slice rest;

	if (text[0] == '\0')
		return path;
	if (smtp_path_parse(slice_str(text), how, &path, &rest) != SMTP_PATH_OK || rest.n)
		abort();
	return path;
}

static void
test_recipients(void)
{
	const struct policy stranger = { .config = &config };
	const struct policy trusted = { .config = &config, .trusted = true };

	for (size_t i = 0; i < sizeof rcpts / sizeof rcpts[0]; i++) {
		const struct smtp_path to = path_of(rcpts[i].to);
		struct slice why = SL("");

		ok((int)policy_recipient(&stranger, &to, &why) == rcpts[i].stranger,
		    "from a stranger to %s", rcpts[i].to);
		ok((rcpts[i].stranger == ROUTE) == slice_eq(why, SL("has moved")),
		    "the text of a route that rejects");
		ok((int)policy_recipient(&trusted, &to, &why) == rcpts[i].trusted,
		    "from the trusted to %s", rcpts[i].to);
		ok((int)policy_verify(&stranger, &to) == rcpts[i].verify,
		    "H108 H109 a stranger verifies %s", rcpts[i].to);
	}
}

/* A registry that knows one user.  It answers wrongly to some names. */
static void
answer_users(int listener)
{
	int fd = -1;

	for (;;) {
		struct users_question q;
		struct users_answer a = { .version = USERS_VERSION };
		size_t n = sizeof a;

		if (fd < 0)
			fd = accept(listener, NULL, NULL);
		if (recv(fd, &q, sizeof q, 0) != (ssize_t)sizeof q || strcmp(q.name, "mute") == 0) {
			close(fd);
			fd = -1;
			continue;
		}
		if (strcmp(q.name, "late") == 0) {
			a.id = q.id - 1;
			(void)send(fd, &a, n, MSG_NOSIGNAL);
		}
		a.id = q.id;
		a.verdict = strcmp(q.name, "anna") == 0 || strcmp(q.name, "b+c") == 0 ||
		    strcmp(q.name, "late") == 0 ? USERS_EXISTS :
		    strcmp(q.name, "ldap") == 0 ? USERS_TROUBLE :
		    strcmp(q.name, "odd") == 0 ? 7 : USERS_NONE;
		if (strcmp(q.name, "old") == 0)
			a.version++;
		if (strcmp(q.name, "short") == 0)
			n--;
		(void)send(fd, &a, n, MSG_NOSIGNAL);
	}
}

/* recipients = users */
static void
test_users(void)
{
	static const struct rcpt_case cases[] = {
		{ "anna@system.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
		{ "ANNA+x@System.Example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
		{ "\"anna\"@system.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
		{ "B+C@system.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
		{ "b+d@system.example", USER, USER, USER },
		{ "anna+ldap@system.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
		{ "ldap+x@system.example", LOCAL, LOCAL, LOCAL },
		{ "ben@system.example", USER, USER, USER },
		{ "+anna@system.example", USER, USER, USER },
		{ "../anna@system.example", USER, USER, USER },
		{ "postmaster@system.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
		{ "ldap@system.example", LOCAL, LOCAL, LOCAL },
		{ "odd@system.example", LOCAL, LOCAL, LOCAL },
		{ "old@system.example", LOCAL, LOCAL, LOCAL },
		{ "short@system.example", LOCAL, LOCAL, LOCAL },
		{ "mute@system.example", LOCAL, LOCAL, LOCAL },
		{ "late@system.example", SMTP_ACCEPT, SMTP_ACCEPT, SMTP_VERIFIED },
	};
	const struct policy stranger = { .config = &config };
	const struct policy trusted = { .config = &config, .trusted = true };
	static char path[] = "/tmp/policy_test.XXXXXX", socket_path[40];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const int listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	struct smtp_path to;
	struct slice why = SL("");
	pid_t pid;

	if (!mkdtemp(path))
		abort();
	(void)snprintf(socket_path, sizeof socket_path, "%s/s", path);
	(void)strcpy(address.sun_path, socket_path);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
	    listen(listener, 10) < 0)
		abort();
	fflush(stdout);
	pid = fork();
	if (pid == 0)
		answer_users(listener);
	close(listener);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		to = path_of(cases[i].to);
		users_hold(socket_path);
		ok((int)policy_recipient(&stranger, &to, &why) == cases[i].stranger &&
			(int)policy_recipient(&trusted, &to, &why) == cases[i].trusted &&
			(int)policy_verify(&stranger, &to) == cases[i].verify,
		    "users: %s", cases[i].to);
	}
	(void)kill(pid, SIGKILL);
	(void)unlink(socket_path);
	(void)rmdir(path);
	users_hold(socket_path);
	to = path_of("anna@system.example");
	ok(policy_recipient(&stranger, &to, &why) == SMTP_REFUSE_LOCAL &&
		memmem(why.p, why.n, "smtp-users.socket", 17),
	    "nobody answers: no user for now, and the trouble is named");
	to = path_of("../x@system.example");
	ok(policy_recipient(&stranger, &to, &why) == SMTP_REFUSE_USER,
	    "a name that no user can have is refused all the same");
}

static void
test_senders(void)
{
	const struct policy policy = { .config = &config, .trusted = true };
	const struct smtp_path null = path_of(""), any = path_of("a@b.example");

	ok(policy_sender(&policy, &any) == SMTP_ACCEPT, "no list of senders: any sender");
	config.server.senders = gone;
	ok(policy_sender(&policy, &any) == SMTP_REFUSE_LOCAL,
	    "a list that is gone: no sender for now");
	ok(policy_sender(&policy, &null) == SMTP_ACCEPT,
	    "H040 a list that is gone: the null sender is accepted");
	config.server.senders = senders;
	for (size_t i = 0; i < sizeof froms / sizeof froms[0]; i++) {
		const struct smtp_path from = path_of(froms[i].from);

		ok(policy_sender(&policy, &from) ==
			(froms[i].listed ? SMTP_ACCEPT : SMTP_REFUSE_SENDER),
		    "from <%s>", froms[i].from);
	}
}

/* The own addresses of an authenticated user. */
static void
test_owners(void)
{
	static const struct {
		const char *user, *from;
		bool own;
	} cases[] = {
		{ "anna", "anna@one.example", true }, { "ANNA", "Anna@One.Example", true },
		{ "anna", "x@two.example", true }, { "anna", "info@one.example", true },
		{ "anna", "ben@one.example", false }, { "anna", "x@sub.two.example", false },
		{ "ben", "any@where.example", true }, { "carla", "anna@one.example", false },
		{ "anna", "a@xn--ftz-sna.example", true },
		{ "anna", "a@f\303\266tz.example", true },
		{ "anna", "a@F\303\226TZ.example", true },
		{ "anna", "b@f\303\266tz.example", false },
		{ "ann", "anna@one.example", false }, { "dora", "dora@one.example", false },
		{ "", "anna@one.example", true }, { "carla", "", true },
	};

	config.server.senders = NULL;
	config.server.auth_senders = owners;
	write_file(owners, "anna: anna@one.example\t@two.example\n ben : *  # all\n"
	    "anna:info@one.example a@f\303\266tz.example\ndora:\ncarla\n");
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct policy policy = { .config = &config, .trusted = true,
			.user = slice_str(cases[i].user) };
		const struct smtp_path from = path_of(cases[i].from);

		ok(policy_sender(&policy, &from) ==
			(cases[i].own ? SMTP_ACCEPT : SMTP_REFUSE_OWNER),
		    "%s from <%s>", cases[i].user, cases[i].from);
	}
}

/* A [sender] replaces [route *], also its accept: only the trusted may use the smarthost. */
static void
test_by_sender(void)
{
	static char star[] = "*", sender[] = "own.example", moved[] = "moved.example";
	static struct route both[] = {
		{ .pattern = star, .via = VIA_REJECT, .accept = ACCEPT_ANYONE, .target = why_text },
		{ .pattern = sender, .by_sender = true, .via = VIA_MX, .accept = ACCEPT_TRUSTED },
		{ .pattern = moved, .via = VIA_REJECT, .accept = ACCEPT_ANYONE,
		    .target = why_text },
	};
	const struct config c = { .routes = both, .nroutes = 3 };
	const struct smtp_path to = path_of("u@elsewhere.example");
	const struct smtp_path there = path_of("u@moved.example");
	struct policy p = { .config = &c, .trusted = true, .sender = S("anna@own.example") };
	struct slice why;

	ok(policy_recipient(&p, &to, &why) == SMTP_ACCEPT, "a sender with a [sender] of its own");
	ok(policy_recipient(&p, &there, &why) == SMTP_REFUSE_ROUTE,
	    "a [sender], but the domain of the recipient has a route");
	p.sender = SL("anna@other.example");
	ok(policy_recipient(&p, &to, &why) == SMTP_REFUSE_ROUTE, "a sender without a [sender]");
	p.sender = SL("");
	ok(policy_recipient(&p, &to, &why) == SMTP_REFUSE_ROUTE, "the null path");
	p = (struct policy){ .config = &c, .sender = S("anna@own.example") };
	ok(policy_recipient(&p, &to, &why) == SMTP_REFUSE_ROUTE,
	    "a stranger with the address of that sender: as any stranger");
}

/* A password proves the user, but makes no address its own. */
static void
test_standing(void)
{
	static const struct {
		const char *user, *from;
		bool trusted, listed;
		enum standing standing;
	} rows[] = {
		{ .user = "", .from = "anna@one.example", .standing = STANDING_STRANGER },
		{ .user = "", .from = "anna@one.example", .listed = true,
		    .standing = STANDING_STRANGER },
		{ .user = "", .from = "anna@one.example", .trusted = true,
		    .standing = STANDING_TRUSTED },
		{ .user = "", .from = "", .trusted = true, .standing = STANDING_TRUSTED },
		{ .user = "anna", .from = "anna@one.example", .trusted = true, .listed = true,
		    .standing = STANDING_OWNER },
		{ .user = "anna", .from = "anna@one.example", .trusted = true,
		    .standing = STANDING_USER },
		{ .user = "ben@two.example", .from = "anna@one.example", .trusted = true,
		    .standing = STANDING_USER },
		{ .user = "Anna@One.example", .from = "anna@one.EXAMPLE", .trusted = true,
		    .standing = STANDING_OWNER },
		{ .user = "anna", .from = "", .trusted = true, .listed = true,
		    .standing = STANDING_USER },
	};
	struct config c = { .nroutes = 0 };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct policy p = { .config = &c, .trusted = rows[i].trusted,
			.user = slice_str(rows[i].user), .sender = slice_str(rows[i].from) };

		c.server.auth_senders = rows[i].listed ? owners : NULL;
		ok(policy_standing(&p) == rows[i].standing, "row %zu: '%s' from <%s> is %s", i,
		    rows[i].user, rows[i].from, standing_word(policy_standing(&p)));
	}
}

int
main(void)
{
	write_file(users, "# users.example\nlisted@users.example\nanywhere\n"
	    "\"a\\ b\"@users.example\n\"quoted\"\nidn@users\303\226.example\n"
	    "idn2@xn--users-nua.example\n");
	write_file(aliases, "info: anna@elsewhere.example\n");
	write_file(senders, "a@one.example\n@two.example\nthree.example\n@vier\303\266.example\n"
	    "XN--fnf-hoa.example\nsix@6\303\264.example\n");
	test_recipients();
	test_users();
	test_senders();
	test_owners();
	test_by_sender();
	test_standing();
	(void)unlink(users);
	(void)unlink(senders);
	(void)unlink(aliases);
	(void)unlink(owners);
	return tap_done();
}
