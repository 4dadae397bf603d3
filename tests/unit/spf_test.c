// SPDX-License-Identifier: ISC
/* Rules of SPF that the public test suite leaves open, and what is asked at once. */
#include "auth/spf.h"
#include "auth/spf_parts.h"
#include "tests/lib/tap.h"

struct row {
	const char *name;
	enum auth_type type;
	const char *text;
};

static const struct row *zone;
static bool known;			/* false: nothing is known yet */
static size_t nasked;
static char asked[64][300];

static const struct auth_answer *
answer(void *ctx, struct slice name, enum auth_type type)
{
	static struct auth_answer answers[64];
	static struct auth_record records[64][12];
	static size_t turn;
	struct auth_answer *a = &answers[turn % 64];
	struct auth_record *r = records[turn++ % 64];
	bool text = false;

	(void)ctx;
	*a = (struct auth_answer){ .status = AUTH_NXDOMAIN, .records = r };
	for (const struct row *z = zone; z->name; z++) {
		if (!slice_ieq(slice_str(z->name), name) || z->type != type)
			continue;
		r[a->n].text = slice_str(z->text);
		memcpy(r[a->n++].address, "\xc0\0\2\1", 4);
		a->status = AUTH_FOUND;
		text = type == AUTH_TXT;
	}
	if (nasked < 64) {
		memcpy(asked[nasked], name.p, name.n);
		asked[nasked++][name.n] = '\0';
	}
	/* Records are known, the rest is not. */
	return known || text ? a : NULL;
}

static enum spf_result
check(const struct row *z, const char **why, struct buf *explanation)
{
	const struct auth_dns dns = { answer, NULL };
	const struct spf_client client = { .address = { 192, 0, 2, 1 }, .helo = SL("h.example") };

	zone = z;
	nasked = 0;
	return spf_check(&dns, &client, SL("a@d.example"), why, explanation);
}

static bool
was_asked(const char *name)
{
	for (size_t i = 0; i < nasked; i++)
		if (strcmp(asked[i], name) == 0)
			return true;
	return false;
}

static void
test_rules(void)
{
	static const struct row void_hosts[] = {
		{ "d.example", AUTH_TXT, "v=spf1 mx -all" },
		{ "d.example", AUTH_MX, "a.example" }, { "d.example", AUTH_MX, "b.example" },
		{ "d.example", AUTH_MX, "c.example" }, { NULL, 0, NULL },
	};
	static const struct row two_voids[] = {
		{ "d.example", AUTH_TXT, "v=spf1 a:x.example a:y.example -all" },
		{ NULL, 0, NULL },
	};
	static const struct row three_voids[] = {
		{ "d.example", AUTH_TXT, "v=spf1 a:x.example a:y.example a:z.example -all" },
		{ NULL, 0, NULL },
	};
	static const struct row loop[] = {
		{ "d.example", AUTH_TXT, "v=spf1 include:d.example -all" }, { NULL, 0, NULL },
	};
	static const struct row loop_not_reached[] = {
		{ "d.example", AUTH_TXT, "v=spf1 ip4:192.0.2.1 include:d.example" },
		{ NULL, 0, NULL },
	};
	const char *why;

	known = true;
	ok(check(void_hosts, &why, NULL) == SPF_FAIL, "hosts of an exchanger without an address "
	    "are one term");
	ok(check(two_voids, &why, NULL) == SPF_FAIL, "two terms without an answer");
	ok(check(three_voids, &why, NULL) == SPF_PERMERROR && why, "three terms without one");
	ok(check(loop, &why, NULL) == SPF_PERMERROR && nasked == 11, "a loop ends after ten terms");
	ok(check(loop_not_reached, &why, NULL) == SPF_PASS, "a loop behind the term that matches");
}

static void
test_explanation(void)
{
	static const struct row z[] = {
		{ "d.example", AUTH_TXT, "v=spf1 -all exp=e.d.example" },
		{ "e.d.example", AUTH_TXT, "%{i} is not ours" }, { NULL, 0, NULL },
	};
	char space[SPF_TEXT_MAX];
	struct buf b = BUF(space);
	const char *why;

	known = true;
	(void)check(z, &why, &b);
	is(buf_slice(&b), SL("192.0.2.1 is not ours"), "the words of the domain");
	(void)check(z, &why, NULL);
	ok(!was_asked("e.d.example"), "they are asked for only if they are wanted");
}

static void
test_questions(void)
{
	static const struct row z[] = {
		{ "d.example", AUTH_TXT, "v=spf1 a:one.example include:two.example "
		    "mx:three.example exists:%{l}.four.example -all" },
		{ "two.example", AUTH_TXT, "v=spf1 a:five.example -all" }, { NULL, 0, NULL },
	};
	const char *why;

	known = false;
	ok(check(z, &why, NULL) == SPF_PENDING && was_asked("one.example") &&
	    was_asked("three.example") && was_asked("a.four.example") &&
	    was_asked("five.example"), "all terms ask at once");
}

static void
test_syntax(void)
{
	static const struct {
		const char *record;
		int result;
	} cases[] = {
		{ "a/24", 1 }, { "a/24//64", 1 }, { "a//64", 1 }, { "a//64/24", -1 },
		{ "a/33", -1 },
		{ "a:x.example/24", 1 }, { "a:x/y.example/24", 1 }, { "a:/24", -1 }, { "a/", -1 },
		{ "mx:%{d1r}.x", 1 }, { "mx:%{d0}.x", -1 }, { "mx:%{x}.y", -1 }, { "mx:%", -1 },
		{ "mx:%{d}%", -1 }, { "ip4:1.2.3.4/0", 1 }, { "ip4:1.2.3.4/00", -1 },
		{ "ip4:1.2.3", -1 }, { "ip6:::1/128", 1 }, { "ip6:::1/129", -1 }, { "ip4:", -1 },
		{ "all:x", -1 }, { "all", 1 }, { "+all", 1 }, { "++all", -1 }, { "include", -1 },
		{ "include:x.1", -1 }, { "include:x.y1", 1 }, { "include:x.y-", -1 }, { "ptr", 1 },
		{ "redirect=x.example", 1 }, { "redirect=", -1 }, { "x=%{d}", 1 }, { "x=%{c}", -1 },
		{ "1x=y", -1 }, { "=y", -1 }, { "-redirect=x.y", -1 }, { "", 0 }, { "   ", 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct slice rest = slice_str(cases[i].record);
		struct spf_term t;

		ok(spf_term_next(&rest, &t) == cases[i].result, "syntax: \"%s\"", cases[i].record);
	}
}

int
main(void)
{
	test_rules();
	test_explanation();
	test_questions();
	test_syntax();
	return tap_done();
}
