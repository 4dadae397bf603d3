// SPDX-License-Identifier: ISC
/*
 * Recipients that are aliases: the copies queued for them, and the outcome for the original.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "aliases/find.h"
#include "base/clock.h"
#include "delivery/alias_copy.h"
#include "tests/lib/mail.h"

static char file[100], list_file[120];
static char host[] = "mx.example", here[] = "here.example", target[] = "/nowhere/{local}";
static struct route routes[] = {
	{ .pattern = here, .via = VIA_MAILDIR, .target = target, .aliases = file },
};
static struct route expansion = { .via = VIA_ALIASES };
static struct config config = { .routes = routes, .nroutes = 1, .server.hostname = host };
static struct aliases aliases;
static struct mail mail;

static void
put_file(const char *path, const char *text)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) < 0)
		abort();
}

#define COPIES 16

static char orcpt_space[400];
static struct buf orcpt = BUF(orcpt_space);	/* address of the last recipient's ORCPT */
static char ids[COPIES][QUEUE_ID_SIZE];
static size_t ncopies;

static bool
see(void *ctx, const char *id)
{
	(void)ctx;
	if (ncopies < COPIES)
		memcpy(ids[ncopies++], id, QUEUE_ID_SIZE);
	return true;
}

static int
by_rcpt(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Put params without ORCPT into b, and the address of ORCPT into orcpt. */
static void
put_params(struct buf *b, struct slice params)
{
	const struct slice name = SL("ORCPT=rfc822;");

	while (params.n) {
		struct slice word = slice_cut(params, ' ', &params);

		if (!slice_has_prefix(word, name))
			buf_fmt(b, " %.*s", (int)word.n, word.p);
		orcpt.n = 0;
		if (slice_has_prefix(word, name))
			buf_add(&orcpt, slice_skip(word, name.n));
	}
}

/* "<from PARAMS> rcpt PARAMS ...: content" of each copy, in the order of IDs; removes them. */
static const char *
copies(void)
{
	static char space[8000];
	struct buf b = BUF(space);

	ncopies = 0;
	(void)queue_take_new(&mail.q, see, NULL);
	qsort(ids, ncopies, sizeof ids[0], by_rcpt);
	for (size_t i = 0; i < ncopies; i++) {
		struct queue_entry e;
		char content[2000];
		ssize_t n;

		if (queue_load(&mail.q, ids[i], &e) < 0)
			abort();
		buf_str(&b, i ? "| " : "");
		buf_fmt(&b, "%s<%.*s%s%.*s>", e.expanded ? "" : "NOT EXPANDED ", (int)e.from.n,
		    e.from.p, e.from_params.n ? " " : "", (int)e.from_params.n, e.from_params.p);
		for (size_t k = 0; k < e.nrcpts; k++) {
			buf_fmt(&b, " %.*s", (int)e.rcpts[k].path.n, e.rcpts[k].path.p);
			put_params(&b, e.rcpts[k].params);
		}
		n = pread(e.fd, content, sizeof content, (off_t)e.content_at);
		buf_fmt(&b, ": %.*s",
		    (int)((uint64_t)n < e.content_size ? (uint64_t)n : e.content_size), content);
		queue_unload(&e);
		(void)queue_finish(&mail.q, ids[i]);
	}
	return buf_cstr(&b);
}

static struct delivery d = {
	.config = &config, .route = &expansion, .queue = &mail.q, .aliases = &aliases,
};

static void
run(const char *from, const char *params, const char *to, const char *content)
{
	mail_put(&mail, from, params, to, slice_str(content));
	mail_deliver(&mail, &d);
	ok(mail_reported(&mail), "each recipient is reported once");
}

/* Deliver to the first n addresses of to; the others are recipients as well. */
static void
run_some(const char *to, size_t n)
{
	static struct attempt_sink sink = { .rcpt = mail_rcpt, .host = mail_host };

	mail_put(&mail, "s@x.example", "", to, SL("A: b\r\n"));
	sink.ctx = &mail;
	d.sink = &sink;
	deliver(&d, &mail.e, mail.rcpts, n);
}

#define MARK(name) "Delivered-To: " name "@here.example\r\n"

static void
test_copies(void)
{
	run("s@x.example", "", "one@here.example", "Subject: x\r\n\r\n.hello\r\n");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example: " MARK("one")
	    "Subject: x\r\n\r\n.hello\r\n"), "an alias of one address");
	ok(mail.outcomes[0].cause == CAUSE_FORWARDED && mail_state(&mail, 0) == 'D',
	    "is delivered");
	is(buf_slice(&orcpt), SL("one@here.example"),
	    "its ORCPT is the address that the sender wrote to");
	ok(strncmp(mail.outcomes[0].detail, "alias of anna@y.example, as ", 28) == 0 &&
	    strstr(mail.outcomes[0].detail, ids[0]), "its outcome names the copy");
	run("s@x.example", "", "two@here.example", "A: b\r\n");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example ben@here.example: " MARK("two")
	    "A: b\r\n"), "an alias of two: one copy");
	ok(mail.outcomes[0].cause == CAUSE_EXPANDED && mail.outcomes[0].reach == REACH_MANY,
	    "is expanded");
	run("s@x.example", "", "two@here.example|three@here.example|one@here.example", "A: b\r\n");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example ben@here.example: " MARK("two")
	    "A: b\r\n| <s@x.example> carla@here.example: " MARK("three") "A: b\r\n"),
	    "an address in two lists gets one copy");
	ok(mail.outcomes[2].cause == CAUSE_EXPANDED &&
	    strstr(mail.outcomes[2].detail, "recipients of the message already"),
	    "an alias that adds no address is also expanded");
	run_some("two@here.example|BEN@here.example|anna@y.example", 1);
	is(slice_str(copies()), SL(""), "a recipient of the message gets no copy");
	run_some("two@here.example|ben@here.example", 1);
	is(slice_str(copies()), SL("<s@x.example> anna@y.example: " MARK("two") "A: b\r\n"),
	    "the others do");
	run("s@x.example", "", "self@here.example", "A: b\r\n");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example: " MARK("self")
	    "A: b\r\n| <s@x.example> self@here.example: A: b\r\n"),
	    "its own mailbox gets a copy without Delivered-To, which would be a loop");
	run("s@x.example", "", "none@here.example", "A: b\r\n");
	is(slice_str(copies()), SL(""), "/dev/null");
	ok(mail.outcomes[0].kind == OUTCOME_DELIVERED && strstr(mail.outcomes[0].detail, "discard"),
	    "its recipient is delivered");
	run("s@x.example", "", "nobody@here.example", "A: b\r\n");
	is(slice_str(copies()), SL("<s@x.example> nobody@here.example: A: b\r\n"),
	    "an address that is no longer an alias gets its own copy");
	run("s@x.example", "", "postmaster", "A: b\r\n");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example: " MARK("postmaster") "A: b\r\n"),
	    "the bare postmaster");
	run("s@x.example", "", "one@here.example", "");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example: " MARK("one")), "no content");
}

static void
test_owner(void)
{
	run("s@x.example", "RET=HDRS ENVID=e BODY=8BITMIME", "list@here.example NOTIFY=SUCCESS",
	    "A: b\r\n");
	is(slice_str(copies()), SL("<owner-list@here.example BODY=8BITMIME> ben@here.example "
	    "carla@here.example: " MARK("list") "A: b\r\n"),
	    "a list with an owner: its copy comes from the owner");
	ok(mail_state(&mail, 0) == 'S', "B162 the list is the end: success is owed");
	run("s@x.example", "", "two@here.example NOTIFY=SUCCESS", "A: b\r\n");
	ok(mail_state(&mail, 0) == 'E',
	    "B162 an alias of several is not the end: expansion is owed");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example NOTIFY=NEVER ben@here.example "
	    "NOTIFY=NEVER: " MARK("two") "A: b\r\n"), "B162 its copies do not ask again");
	run("s@x.example", "", "one@here.example NOTIFY=SUCCESS", "A: b\r\n");
	ok(mail_state(&mail, 0) == 'D', "B162 an alias of one address owes nothing");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example NOTIFY=SUCCESS: " MARK("one")
	    "A: b\r\n"), "B162 its copy asks for success");
	run("", "", "list@here.example", "A: b\r\n");
	is(slice_str(copies()),
	    SL("<> ben@here.example carla@here.example: " MARK("list") "A: b\r\n"),
	    "B161 a notice keeps the null sender through a list with an owner");
	run("s@x.example", "", "mixed@here.example", "A: b\r\n");
	is(slice_str(copies()), SL("<s@x.example> emil@here.example: " MARK("mixed") "A: b\r\n"
	    "| <owner-list@here.example> ben@here.example carla@here.example: " MARK("mixed")
	    "A: b\r\n"), "V44 a list in an alias");
}

static void
test_failures(void)
{
	run("s@x.example", "", "ring1@here.example|one@here.example", "A: b\r\n");
	is(slice_str(copies()), SL("<s@x.example> anna@y.example: " MARK("one") "A: b\r\n"),
	    "an alias that fails does not hinder the others");
	ok(mail.outcomes[0].cause == CAUSE_LOOP &&
	    strstr(mail.outcomes[0].detail, "ring1 -> ring2 -> ring1") &&
	    mail_state(&mail, 0) == 'P', "a ring fails, and its outcome names it");
	run("s@x.example", "", "one@here.example", "Delivered-To: ONE@here.example\r\n\r\n");
	ok(mail.outcomes[0].cause == CAUSE_LOOP && !*copies(),
	    "a message that was there before fails");
	run("s@x.example", "", "postmaster", "Delivered-To: postmaster@here.example\r\n\r\n");
	ok(mail.outcomes[0].cause == CAUSE_LOOP && !*copies(), "also for the bare postmaster");
	run("s@x.example", "", "missing@here.example", "A: b\r\n");
	ok(mail.outcomes[0].cause == CAUSE_ALIASES && mail.outcomes[0].kind == OUTCOME_DEFERRED &&
	    !*copies(), "a missing list: deferred");
	put_file(list_file, "# nobody\n");
	run("s@x.example", "", "missing@here.example", "A: b\r\n");
	ok(mail.outcomes[0].cause == CAUSE_EMPTY_LIST && mail.outcomes[0].kind == OUTCOME_FAILED &&
	    !*copies(), "an empty list: failed");
	put_file(file, "one: |cat\n");
	run("s@x.example", "", "one@here.example", "A: b\r\n");
	ok(mail.outcomes[0].cause == CAUSE_ALIASES &&
	    strstr(mail.outcomes[0].detail, ":1: \"|cat\": mail to programs") && !*copies(),
	    "a mistake in the file: deferred, with its line");
}

static void
test_storage(void)
{
	struct queue q = mail.q;

	mail_put(&mail, "s@x.example", "", "one@here.example|two@here.example", SL("A: b\r\n"));
	mail.q.tmp = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	mail_deliver(&mail, &d);
	(void)close(mail.q.tmp);
	mail.q = q;
	ok(mail.outcomes[0].cause == CAUSE_LOCAL && mail.outcomes[0].kind == OUTCOME_DEFERRED &&
	    mail_state(&mail, 0) == 'P' && strstr(mail.outcomes[0].detail, "cannot queue"),
	    "a copy that cannot be queued: deferred, and not marked");
	ok(mail_reported(&mail) && !*copies(), "no copy is queued");
}

static const struct { const char *from, *list, *alias; } from_params[] = {
	{ .from = "", .list = "", .alias = "" },
	{ .from = "BODY=8BITMIME", .list = "BODY=8BITMIME", .alias = "BODY=8BITMIME" },
	{ .from = "RET=FULL SMTPUTF8 ENVID=a", .list = "SMTPUTF8",
	  .alias = "RET=FULL SMTPUTF8 ENVID=a" },
	{ .from = "HOLDFOR=60 MT-PRIORITY=3", .list = "MT-PRIORITY=3", .alias = "MT-PRIORITY=3" },
	{ .from = "HOLDUNTIL=2026-11-22T00:00:00Z", .list = "", .alias = "" },
	{ .from = "REQUIRETLS BY=120;R", .list = "REQUIRETLS BY=20;R",
	  .alias = "REQUIRETLS BY=20;R" },
	{ .from = "BY=50;R", .list = "BY=1;R", .alias = "BY=1;R" },
	{ .from = "by=50;NT RET=HDRS", .list = "BY=-50;NT", .alias = "BY=-50;NT RET=HDRS" },
	{ .from = "BY=-7;N", .list = "BY=-107;N", .alias = "BY=-107;N" },
	{ .from = "BY=+120;rt", .list = "BY=20;RT", .alias = "BY=20;RT" },
	{ .from = "BY=-999999950;N", .list = "BY=-999999999;N", .alias = "BY=-999999999;N" },
	{ .from = "BY=1000000000;N X=1", .list = "X=1", .alias = "X=1" },
};

#define TO "ORCPT=rfc822;\"a+20b+2Bc\"@here.example"

static const struct { const char *params, *single, *several; } rcpt_params[] = {
	{ .params = "", .single = TO, .several = TO },
	{ .params = "NOTIFY=NEVER", .single = "NOTIFY=NEVER " TO, .several = "NOTIFY=NEVER " TO },
	{ .params = "NOTIFY=SUCCESS", .single = "NOTIFY=SUCCESS " TO,
	  .several = "NOTIFY=NEVER " TO },
	{ .params = "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@b",
	  .single = "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a@b",
	  .several = "NOTIFY=FAILURE ORCPT=rfc822;a@b" },
	{ .params = "ORCPT=rfc822;a@b NOTIFY=DELAY,success,FAILURE",
	  .single = "ORCPT=rfc822;a@b NOTIFY=DELAY,success,FAILURE",
	  .several = "ORCPT=rfc822;a@b NOTIFY=DELAY,FAILURE" },
};

static void
test_params(void)
{
	char space[400];
	struct smtp_path to, utf8;
	struct slice rest;

	(void)smtp_path_parse(SL("<\"a b+c\"@here.example>"), 0, &to, &rest);
	(void)smtp_path_parse(SL("<j\xc3\xb6rg@here.example>"), 0, &utf8, &rest);

	for (size_t i = 0; i < sizeof from_params / sizeof from_params[0]; i++) {
		struct buf b = BUF(space);

		alias_copy_from_params(slice_str(from_params[i].from), true, 100, &b);
		is(buf_slice(&b), slice_str(from_params[i].list), "a list's sender parameters");
		b.n = 0;
		alias_copy_from_params(slice_str(from_params[i].from), false, 100, &b);
		is(buf_slice(&b), slice_str(from_params[i].alias), "an alias's");
	}
	for (size_t i = 0; i < sizeof rcpt_params / sizeof rcpt_params[0]; i++) {
		struct buf b = BUF(space);

		alias_copy_rcpt_params(slice_str(rcpt_params[i].params), true, false, &to, &b);
		is(buf_slice(&b), SL(""), "a list's recipients have no parameters");
		alias_copy_rcpt_params(slice_str(rcpt_params[i].params), false, true, &to, &b);
		is(buf_slice(&b), slice_str(rcpt_params[i].single),
		    "the recipient of a single address has all");
		b.n = 0;
		alias_copy_rcpt_params(slice_str(rcpt_params[i].params), false, false, &to, &b);
		is(buf_slice(&b), slice_str(rcpt_params[i].several), "several have no SUCCESS");
		b.n = 0;
		alias_copy_rcpt_params(slice_str(rcpt_params[0].params), false, true, &utf8, &b);
		is(buf_slice(&b), SL(""), "an address in UTF-8 is not for rfc822");
	}
}

static bool
has_verp(void)
{
	struct queue_entry e;
	bool found;

	ncopies = 0;
	(void)queue_take_new(&mail.q, see, NULL);
	if (ncopies != 1 || queue_load(&mail.q, ids[0], &e) < 0)
		abort();
	found = e.verp;
	queue_unload(&e);
	(void)queue_finish(&mail.q, ids[0]);
	return found;
}

static void
test_verp(void)
{
	run("s@x.example", "", "list@here.example", "A: b\r\n");
	ok(!has_verp(), "without verp, members share a reverse-path");
	routes[0].verp = true;
	run("s@x.example", "", "list@here.example", "A: b\r\n");
	ok(has_verp(), "with verp, each has its own");
	run("", "", "list@here.example", "A: b\r\n");
	ok(!has_verp(), "but not for a notice");
	run("s@x.example", "", "two@here.example", "A: b\r\n");
	ok(!has_verp(), "nor without an owner");
	routes[0].verp = false;
}

/* With srs-domain, copies for other domains come from there. */
static void
test_returns(void)
{
	static char domain[] = "f.example", secret[160];
	const char *got;

	(void)snprintf(secret, sizeof secret, "%s/secret", mail.dir);
	put_file(secret, "sixteen or more letters\n");
	config.relay.srs_domain = domain;
	config.relay.srs_secret = secret;
	run("s@x.example", "RET=HDRS ENVID=e", "two@here.example NOTIFY=FAILURE", "A: b\r\n");
	got = copies();
	ok(strstr(got, "<s@x.example RET=HDRS ENVID=e> ben@here.example NOTIFY=FAILURE: "
	    MARK("two") "A: b\r\n"), "with srs-domain, the member here gets the sender's path");
	got = strstr(got, "<SRS0=");
	ok(got && strstr(got, "=x.example=s@f.example RET=HDRS ENVID=e> anna@y.example "
	    "NOTIFY=FAILURE: " MARK("two") "A: b\r\n"), "the member elsewhere gets one of ours");
	run("", "", "two@here.example", "A: b\r\n");
	is(slice_str(copies()), SL("<> anna@y.example ben@here.example: " MARK("two") "A: b\r\n"),
	    "a notice: one copy, as ever");
	run("s@HERE.example", "", "two@here.example", "A: b\r\n");
	is(slice_str(copies()), SL("<s@HERE.example> anna@y.example ben@here.example: " MARK("two")
	    "A: b\r\n"), "a sender of ours");
	run("s@x.example", "", "one@here.example", "A: b\r\n");
	ok(mail.outcomes[0].cause == CAUSE_FORWARDED && strncmp(copies(), "<SRS0=", 6) == 0,
	    "an alias of one address is still forwarded");
	run("s@x.example", "", "self@here.example", "A: b\r\n");
	got = copies();
	ok(strstr(got, "=x.example=s@f.example> anna@y.example: ") &&
	    strstr(got, "<s@x.example> self@here.example: A: b\r\n"), "a member of its own name");
	config.relay.srs_domain = config.relay.srs_secret = NULL;
}

/* The facts of a large message, which its delivery relies on. */
static void
test_large(void)
{
	static char content[400000], got[400000];
	struct buf b = BUF(content);
	struct queue_entry e;
	size_t mark = strlen(MARK("one"));

	buf_str(&b, "Subject: \344\r\n\r\n.\r\n");
	while (b.n < 390000)
		buf_str(&b, "0123456789\r\n");
	run("s@x.example", "", "one@here.example", buf_cstr(&b));
	ncopies = 0;
	(void)queue_take_new(&mail.q, see, NULL);
	ok(ncopies == 1 && queue_load(&mail.q, ids[0], &e) == 0, "a large message");
	ok(e.content_size == mail.e.content_size + mark &&
	    pread(e.fd, got, sizeof got, (off_t)(e.content_at + mark)) >= (ssize_t)b.n &&
	    memcmp(got, content, b.n) == 0, "octet for octet");
	ok(e.facts.eight_bit && e.facts.dot_line && !e.facts.no_final_crlf &&
	    e.facts.longest_line >= 15, "its facts");
	ok(e.arrived_us >= mail.e.arrived_us && clock_wall_us() - e.arrived_us < 60000000,
	    "it has arrived now");
	queue_unload(&e);
	(void)queue_finish(&mail.q, ids[0]);
}

int
main(void)
{
	char text[1000];

	mail_init(&mail);
	(void)snprintf(file, sizeof file, "%s/aliases", mail.dir);
	(void)snprintf(list_file, sizeof list_file, "%s/list", mail.dir);
	(void)snprintf(text, sizeof text,
	    "one: anna@y.example\n"
	    "two: anna@y.example, ben\n"
	    "three: ben, carla\n"
	    "self: self, anna@y.example\n"
	    "none: /dev/null\n"
	    "root: one\n"
	    "list: ben, carla\n"
	    "owner-list: dora\n"
	    "mixed: list, emil\n"
	    "ring1: ring2\n"
	    "ring2: ring1\n"
	    "missing: :include:%s\n", list_file);
	put_file(file, text);
	if (aliases_init(&aliases, &config) < 0)
		abort();
	test_params();
	test_copies();
	test_owner();
	test_verp();
	test_returns();
	test_large();
	test_storage();
	test_failures();
	aliases_done(&aliases);
	mail_done(&mail);
	return tap_done();
}
