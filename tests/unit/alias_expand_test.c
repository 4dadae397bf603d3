// SPDX-License-Identifier: ISC
/*
 * The expansion of aliases: files in a temporary folder, addresses in, members out.
 */
#include "aliases/expand.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "aliases/check.h"
#include "tests/lib/tap.h"

static char folder[] = "/tmp/alias_expand_test.XXXXXX";
static char first_file[100], second_file[100];
static char host[] = "mx.example", here[] = "here.example", there[] = "there.example";
static char sub[] = ".here.example", star[] = "*", mail[] = "/mail";
static struct route routes[] = {
	{ .pattern = here, .via = VIA_MAILDIR, .target = mail, .aliases = first_file,
	  .subaddress = '+' },
	{ .pattern = there, .via = VIA_MAILDIR, .target = mail, .aliases = second_file },
	{ .pattern = sub, .via = VIA_MAILDIR, .target = mail, .aliases = first_file },
	{ .pattern = star, .via = VIA_MX },
};
static struct config config = { .routes = routes, .nroutes = sizeof routes / sizeof routes[0] };
static struct aliases aliases;
static struct alias_set known;

static void
put_file(const char *name, struct slice text)
{
	char path[200];
	int fd;

	(void)snprintf(path, sizeof path, "%s/%s", folder, name);
	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n || close(fd) < 0)
		abort();
}

static struct smtp_path
path_of(const char *text)
{
	struct smtp_path path;
	struct slice rest;

	if (smtp_path_parse(slice_str(text), SMTP_PATH_TOLERANT | SMTP_PATH_LOCAL_ONLY, &path,
	    &rest) != SMTP_PATH_OK ||
	    rest.n)
		abort();
	return path;
}

/* Put x into b: "a@b c@d; owner-x@b: e@f; self: ...", or "!kind why". */
static void
put_expansion(struct buf *b, const struct expansion *x)
{
	static const char *const ends[] = { "", "loop", "empty", "later" };
	bool any = false;

	if (x->end != EXPANSION_MADE)
		buf_fmt(b, "!%s %s", ends[x->end], x->why);
	for (size_t copy = 0; x->end == EXPANSION_MADE && copy < x->ncopies; copy++) {
		bool begun = false;

		for (size_t i = 0; i < x->n; i++) {
			if (x->members[i].copy != copy)
				continue;
			if (!begun) {
				buf_str(b, any ? "; " : "");
				buf_str(b, x->copies[copy].self ? "self " : "");
				if (x->copies[copy].sender.n)
					buf_fmt(b, "%s: ", x->copies[copy].sender.text);
			} else {
				buf_chr(b, ' ');
			}
			begun = any = true;
			buf_add(b, smtp_path_text(&x->members[i].path));
		}
	}
	if (x->end == EXPANSION_MADE && x->known)
		buf_fmt(b, "%sknown %zu", any ? "; " : "", x->known);
	if (x->end == EXPANSION_MADE && x->nothing)
		buf_str(b, "; nothing");
}

/* A '~' in want stands for any text: its rest may come anywhere in the expansion. */
static void
expands(const char *address, const char *want)
{
	const char *gap = strchr(want, '~');
	char space[4000], title[200];
	struct buf b = BUF(space);
	struct smtp_path to = path_of(address);
	struct expansion x;

	if (alias_expand(&aliases, &to, &known, &x) < 0)
		abort();
	put_expansion(&b, &x);
	(void)snprintf(title, sizeof title, "%s: %.120s", address, want);
	if (!gap)
		is(buf_slice(&b), slice_str(want), title);
	else if (!ok(slice_has_prefix(buf_slice(&b), slice_of(want, (size_t)(gap - want))) &&
	    strstr(buf_cstr(&b), gap + 1), "%s", title))
		printf("# got: %s\n", buf_cstr(&b));
	expansion_done(&x);
}

static void
fill(struct buf *b)
{
	buf_fmt(b, "root: anna, ben@elsewhere.example\n"
	    "anna: anna.muster\n"
	    "self: self, other@elsewhere.example\n"
	    "only: only\n"
	    "loud: LOUD@HERE.example, ben\n"
	    "one: \\two\n"
	    "two: three\n"
	    "twice: ben, BEN, ben@here.example, ben@HERE.example\n"
	    "case: Joe@elsewhere.example, joe@elsewhere.example, joe@Elsewhere.Example\n"
	    "idn: a@f\303\266tz.example, a@XN--ftz-sna.example, a@F\303\226TZ.example\n"
	    "list: ben, carla\nowner-list: dora\nlist-request: owner-list\n"
	    "outer: list, emil\n"
	    "box@here.example: whole\nbox: bare\n"
	    "ring1: ring2\nring2: ring3\nring3: ring1\n"
	    "half1: half2, ben\nhalf2: half1, carla\n"
	    "abroad: far@there.example, near@there.example\n"
	    "shout: far+x@there.example\n"
	    "\"first last\": ben\n"
	    ".a..b.: ben\n"
	    "none: /dev/null\nsome: /dev/null, ben\n"
	    "included: :include:%s/list1\n"
	    "empty: :include:%s/empty\n"
	    "missing: :include:%s/missing, ben\n"
	    "wrong: ben, :include:%s/wrong\n"
	    "recursive: :include:%s/recursive\n"
	    "big: :include:%s/big\n"
	    "device: :include:/dev/zero\n"
	    "me: :include:%s/me\n", folder, folder, folder, folder, folder, folder, folder);
	for (int i = 0; i < 30; i++)
		buf_fmt(b, "deep%d: deep%d\n", i, i + 1);
	for (int i = 0; i < 18; i++)
		buf_fmt(b, "ok%d: ok%d, n%d\n", i, i + 1, i);
}

static void
set_up(void)
{
	static char text[40000], big[200000];
	struct buf b = BUF(text), list = BUF(big);

	if (!mkdtemp(folder))
		abort();
	(void)snprintf(first_file, sizeof first_file, "%s/first", folder);
	(void)snprintf(second_file, sizeof second_file, "%s/second", folder);
	config.server.hostname = host;
	known.config = &config;
	fill(&b);
	put_file("first", buf_slice(&b));
	put_file("second", SL("near: n1, n2@here.example\nn1: n1\nroot: postmaster\n"));
	put_file("list1", SL("# people\nben\n\ncarla@elsewhere.example, dora\nlist\n"));
	put_file("empty", SL("# nobody\n"));
	put_file("wrong", SL("ben\n\nnot an address\n"));
	put_file("me", SL("me\nben\n"));
	b.n = 0;
	buf_fmt(&b, ":include:%s/recursive\n", folder);
	put_file("recursive", buf_slice(&b));
	for (int i = 0; i <= ALIASES_MEMBERS_MAX; i++)
		buf_fmt(&list, "member%d\n", i);
	put_file("big", buf_slice(&list));
	if (b.full || list.full || aliases_init(&aliases, &config) < 0)
		abort();
}

static void
test_expansions(void)
{
	static const struct { const char *address, *want; } cases[] = {
		{ "nobody@here.example", "self nobody@here.example" },
		{ "nobody@elsewhere.example", "self nobody@elsewhere.example" },
		{ "anna@here.example", "anna.muster@here.example" },
		{ "ANNA@Here.Example", "anna.muster@Here.Example" },
		{ "anna+x@here.example", "anna.muster@here.example" },
		{ "anna@sub.here.example", "anna.muster@sub.here.example" },
		{ "anna+x@sub.here.example", "self anna+x@sub.here.example" },
		{ ".A..b.@here.example", "ben@here.example" },
		{ "root@here.example", "anna.muster@here.example ben@elsewhere.example" },
		{ "self@here.example", "other@elsewhere.example; self self@here.example" },
		{ "self+x@here.example", "self@here.example other@elsewhere.example" },
		{ "only@here.example", "self only@here.example" },
		{ "loud@here.example", "ben@here.example; self LOUD@HERE.example" },
		{ "one@here.example", "two@here.example" },
		{ "twice@here.example", "ben@here.example" },
		{ "idn@here.example", "a@f\303\266tz.example" },
		{ "case@here.example", "Joe@elsewhere.example joe@elsewhere.example" },
		{ "list@here.example",
		  "owner-list@here.example: ben@here.example carla@here.example" },
		{ "owner-list@here.example", "dora@here.example" },
		{ "list-request@here.example", "dora@here.example" },
		{ "outer@here.example",
		  "emil@here.example; owner-list@here.example: ben@here.example "
		    "carla@here.example" },
		{ "box@here.example", "whole@here.example" },
		{ "box+x@here.example", "whole@here.example" },
		{ "box@sub.here.example", "bare@sub.here.example" },
		{ "ring1@here.example",
		  "!loop aliases form a loop and lead to no address: ring1 -> ring2 -> ring3 -> "
		    "ring1" },
		{ "ring3@here.example",
		  "!loop aliases form a loop and lead to no address: ring3 -> ring1 -> ring2 -> "
		    "ring3" },
		{ "half1@here.example", "carla@here.example ben@here.example" },
		{ "abroad@here.example", "far@there.example n1@there.example n2@here.example" },
		{ "shout@here.example", "far+x@there.example" },
		{ "\"first last\"@here.example", "ben@here.example" },
		{ "none@here.example", "; nothing" },
		{ "some@here.example", "ben@here.example; nothing" },
		{ "included@here.example",
		  "ben@here.example carla@elsewhere.example dora@here.example; "
		    "owner-list@here.example: carla@here.example" },
		{ "me@here.example", "ben@here.example; self me@here.example" },
		{ "empty@here.example", "!empty the list has no address" },
		{ "missing@here.example",
		  "!later the list ~/missing cannot be read: No such file" },
		{ "wrong@here.example",
		  "!later ~/wrong:3: \"not an address\": this is not an address" },
		{ "device@here.example",
		  "!later the list ~/dev/zero cannot be read: it is not a regular file" },
		{ "recursive@here.example", "!loop lists included deeper than 20: ~/recursive" },
		{ "deep0@here.example",
		  "!loop aliases nested deeper than 20: deep0 -> deep1 -> ~deep19 -> deep20" },
		{ "deep11@here.example", "deep30@here.example" },
		{ "big@here.example", "!later more than 10000 addresses" },
		{ "ok15@here.example",
		  "ok18@here.example n17@here.example n16@here.example n15@here.example" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		expands(cases[i].address, cases[i].want);
}

static void
test_postmaster(void)
{
	expands("postmaster@here.example", "anna.muster@here.example ben@elsewhere.example");
	expands("PostMaster@here.example", "anna.muster@here.example ben@elsewhere.example");
	expands("postmaster+x@here.example", "anna.muster@here.example ben@elsewhere.example");
	expands("postmaster@there.example", "self postmaster@there.example");
	expands("root@there.example", "postmaster@there.example");
	expands("postmaster@elsewhere.example", "self postmaster@elsewhere.example");
	/* mx.example goes elsewhere */
	expands("postmaster", "anna.muster@here.example ben@elsewhere.example");
	config.server.hostname = there;
	expands("postmaster", "postmaster@there.example");
	config.server.hostname = NULL;
	expands("postmaster", "anna.muster@here.example ben@elsewhere.example");
	config.server.hostname = host;
	put_file("first", SL("postmaster: root\nroot: anna\n"));
	aliases_refresh(&aliases);
	expands("postmaster@here.example", "anna@here.example");
	put_file("first", SL("postmaster: gerd\nroot: anna\n"));
	aliases_refresh(&aliases);
	expands("postmaster@here.example", "gerd@here.example");
	put_file("first", SL("anna: ben\n"));
	aliases_refresh(&aliases);
	expands("postmaster@here.example", "self postmaster@here.example");
}

static void
test_known(void)
{
	struct smtp_path ben = path_of("BEN@here.example"), joe = path_of("joe@elsewhere.example");

	ok(alias_set_add(&known, &ben) == 1 && alias_set_add(&known, &joe) == 1 &&
	    alias_set_add(&known, &ben) == 0,
	    "a set");
	put_file("first",
	    SL("list: ben, carla, joe@elsewhere.example, Joe@elsewhere.example\nben2: ben\n"));
	aliases_refresh(&aliases);
	expands("list@here.example", "carla@here.example Joe@elsewhere.example; known 2");
	expands("ben2@here.example", "known 1");
	for (int i = 0; i < 1000; i++) {
		char text[40];
		struct smtp_path path;

		(void)snprintf(text, sizeof text, "n%d@elsewhere.example", i);
		path = path_of(text);
		if (alias_set_add(&known, &path) != 1 || !alias_set_has(&known, &path))
			abort();
	}
	ok(known.n == 1002 && alias_set_has(&known, &ben) && alias_set_has(&known, &joe),
	    "a set grows");
	alias_set_done(&known);
	ok(!alias_set_has(&known, &ben), "an emptied set holds nothing");
}

static void
test_changes(void)
{
	struct smtp_path to = path_of("anna@here.example"), far = path_of("a@elsewhere.example");
	struct alias_hit hit;

	put_file("first", SL("anna: ben\n"));
	ok(aliases_find(&aliases, &to, true, &hit) == 1, "a file that has changed is read again");
	put_file("first", SL("anna: ben\nanna: carla\n"));
	ok(aliases_find(&aliases, &to, true, &hit) == -EINVAL &&
	    strstr(hit.table->why, "/first:2: \"anna\": line 1 has addresses of this name"),
	    "a file with a mistake is not used");
	ok(aliases_find(&aliases, &far, true, &hit) == 0, "other addresses do not need it");
	expands("anna@here.example", "!later ~/first:2: \"anna\": line 1 has");
	(void)unlink(first_file);
	ok(aliases_find(&aliases, &to, true, &hit) == -ENOENT &&
	    strstr(hit.table->why, "/first: No such file"), "a removed file is not used");
	put_file("first", SL("ben: x\n"));
	ok(aliases_find(&aliases, &to, true, &hit) == 0, "a repaired file is used again");
}

static char reported[4000];
static struct buf reports = BUF(reported);

static void
report(void *ctx, const char *file, unsigned line, const char *text)
{
	(void)ctx;
	buf_fmt(&reports, "%s:%u %.22s\n", strrchr(file, '/') + 1, line, text);
}

static void
test_check(void)
{
	const struct config_report to = { .error = report };
	char text[400];

	put_file("first", SL("a: b\nc\nd: |e, /f\n\"g h\": i j\nA: k\nl:\n"));
	(void)snprintf(text, sizeof text, "m: :include:%s/wrong,\n :include:%s/missing\n", folder,
	    folder);
	put_file("second", slice_str(text));
	ok(aliases_check(&config, &to) == 8, "every mistake is reported");
	is(buf_slice(&reports), SL(
	    "first:2 \"c\": there is no colon\n"
	    "first:3 \"|e\": mail to programs\n"
	    "first:3 \"/f\": mail to files is\n"
	    "first:4 \"i j\": this is not an \n"
	    "first:6 \"l\": there is no addre\n"
	    "first:5 \"a\": line 1 has addres\n"
	    "wrong:3 \"not an address\": this\n"
	    "second:2 the list /tmp/alias_ex\n"), "with its file and line");
	reports.n = 0;
	put_file("first", SL("a: b\n"));
	put_file("second", SL("a: b\n"));
	ok(aliases_check(&config, &to) == 0 && reports.n == 0, "no mistakes");
	put_file("first", SL("a: b\nb: a\nc: d, a\nself: self\n"));
	ok(aliases_check(&config, &to) == 2, "a ring");
	is(buf_slice(&reports),
	    SL("first:1 aliases form a loop an\nfirst:2 aliases form a loop an\n"),
	    "is reported for each of its names");
	(void)unlink(first_file);
	ok(aliases_check(&config, &to) == 1, "no file");
}

int
main(void)
{
	char command[300];

	set_up();
	test_expansions();
	test_postmaster();
	test_known();
	test_changes();
	test_check();
	aliases_done(&aliases);
	(void)snprintf(command, sizeof command, "rm -rf %s", folder);
	ok(system(command) == 0, "clean-up");
	return tap_done();
}
