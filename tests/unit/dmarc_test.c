// SPDX-License-Identifier: ISC
#include "auth/author.h"
#include "auth/dmarc.h"
#include "base/buf.h"
#include "tests/lib/tap.h"

/* The records of the DNS.  A text "!" has no answer, "*" is an address. */
static const struct {
	const char *name, *text;
} zone[] = {
	{ "_dmarc.a.example", "v=DMARC1; p=reject; sp=quarantine; adkim=s" },
	{ "_dmarc.own.a.example", "v=DMARC1; p=none" },
	{ "_dmarc.np.example", "v=DMARC1; p=reject; sp=none; np=reject" },
	{ "there.np.example", "*" },
	{ "_dmarc.t.example", "v=DMARC1; p=reject; sp=quarantine; t=y; pct=0" },
	{ "_dmarc.two.example", "v=DMARC1; p=reject" },
	{ "_dmarc.two.example", "v=DMARC1; p=none" },
	{ "_dmarc.other.example", "v=DMARC2; p=reject" },
	{ "_dmarc.other.example", "v=spf1 -all" },
	{ "_dmarc.missing.example", "v=DMARC1; rua=mailto:a@example.org" },
	{ "_dmarc.odd.example", "v=DMARC1; p=nonsense; sp=reject;;" },
	{ "_dmarc.bank", "v=DMARC1; p=none; np=reject; psd=y" },
	{ "_dmarc.x.good.bank", "v=DMARC1; p=quarantine" },
	{ "good.bank", "*" },
	{ "_dmarc.n.big.example", "v=DMARC1; p=reject; psd=n" },
	{ "_dmarc.big.example", "v=DMARC1; p=none" },
	{ "_dmarc.silent.example", "!" },
	{ "_dmarc.g.h.i.j.deep.example", "v=DMARC1; p=none" },
	{ "_dmarc.c.d.e.f.g.h.i.j.deep.example", "v=DMARC1; p=reject" },
};

static const char *asked[64];
static size_t nasked;

static const struct auth_answer *
answer(void *ctx, struct slice name, enum auth_type type)
{
	static struct auth_answer answers[16];
	static struct auth_record records[16][4];
	static size_t turn;
	struct auth_answer *a = &answers[turn % 16];
	struct auth_record *r = records[turn++ % 16];

	(void)ctx;
	*a = (struct auth_answer){ .status = AUTH_NXDOMAIN, .records = r };
	for (size_t i = 0; i < sizeof zone / sizeof zone[0]; i++) {
		if (!slice_ieq(slice_str(zone[i].name), name))
			continue;
		if (zone[i].text[0] == '!')
			a->status = AUTH_FAILED;
		else if ((zone[i].text[0] == '*') == (type == AUTH_A))
			r[a->n++].text = slice_str(zone[i].text);
	}
	if (a->n)
		a->status = AUTH_FOUND;
	nasked++;
	return a;
}

static const struct auth_answer *
nothing_known(void *ctx, struct slice name, enum auth_type type)
{
	(void)ctx;
	(void)type;
	asked[nasked++ % 64] = name.p;
	return NULL;
}

static const struct auth_dns dns = { answer, NULL };

static void
test_policies(void)
{
	static const struct {
		const char *domain;
		enum dmarc_policy policy;
		const char *organization;
		enum dmarc_state state;
	} cases[] = {
		{ "a.example", DMARC_REJECT, "a.example", DMARC_FOUND },
		{ "sub.a.example", DMARC_QUARANTINE, "a.example", DMARC_FOUND },
		{ "own.a.example", DMARC_NONE, "a.example", DMARC_FOUND },
		{ "none.example", DMARC_NO_POLICY, "none.example", DMARC_FOUND },
		{ "there.np.example", DMARC_NONE, "np.example", DMARC_FOUND },
		{ "gone.np.example", DMARC_REJECT, "np.example", DMARC_FOUND },
		{ "t.example", DMARC_QUARANTINE, "t.example", DMARC_FOUND },
		{ "sub.t.example", DMARC_NONE, "t.example", DMARC_FOUND },
		{ "two.example", DMARC_NO_POLICY, "two.example", DMARC_FOUND },
		{ "other.example", DMARC_NO_POLICY, "other.example", DMARC_FOUND },
		{ "missing.example", DMARC_NONE, "missing.example", DMARC_FOUND },
		{ "odd.example", DMARC_NONE, "odd.example", DMARC_FOUND },
		{ "bank", DMARC_NONE, "bank", DMARC_FOUND },
		{ "good.bank", DMARC_NONE, "good.bank", DMARC_FOUND },
		{ "bad.bank", DMARC_REJECT, "bad.bank", DMARC_FOUND },
		{ "x.good.bank", DMARC_QUARANTINE, "good.bank", DMARC_FOUND },
		{ "y.x.n.big.example", DMARC_REJECT, "n.big.example", DMARC_FOUND },
		{ "m.big.example", DMARC_NONE, "big.example", DMARC_FOUND },
		{ "sub.silent.example", DMARC_NO_POLICY, "", DMARC_FAILED },
		{ "a.b.c.d.e.f.g.h.i.j.deep.example", DMARC_NONE, "g.h.i.j.deep.example",
		    DMARC_FOUND },
		{ "c.d.e.f.g.h.i.j.deep.example", DMARC_REJECT, "g.h.i.j.deep.example",
		    DMARC_FOUND },
		{ "not a..name", DMARC_NO_POLICY, "", DMARC_FOUND },
	};
	struct dmarc_found found;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ok(dmarc_discover(&dns, slice_str(cases[i].domain), &found) == cases[i].state &&
		    (cases[i].state == DMARC_FAILED || found.policy == cases[i].policy) &&
		    strcmp(found.organization, cases[i].organization) == 0,
		    "policy of %s", cases[i].domain);
}

static void
test_alignment(void)
{
	static const struct {
		const char *author, *domain;
		bool strict, aligned;
	} cases[] = {
		{ "a.example", "a.example", true, true },
		{ "a.example", "A.Example", true, true },
		{ "a.example", "sub.a.example", true, false },
		{ "a.example", "sub.a.example", false, true },
		{ "sub.a.example", "a.example", false, true },
		{ "sub.a.example", "x.y.a.example", false, true },
		{ "a.example", "b.example", false, false },
		{ "a.example", "aa.example", false, false },
		{ "a.example", "example", false, false },
		{ "m.big.example", "n.big.example", false, false },
		{ "n.big.example", "x.n.big.example", false, true },
		{ "n.big.example", "big.example", false, false },
		{ "good.bank", "x.good.bank", false, true },
		{ "good.bank", "bad.bank", false, false },
		{ "none.example", "sub.none.example", false, false },
	};
	struct dmarc_found found;
	bool aligned;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct slice author = slice_str(cases[i].author);

		(void)dmarc_discover(&dns, author, &found);
		ok(dmarc_aligned(&dns, &found, author, slice_str(cases[i].domain),
		    cases[i].strict, &aligned) == DMARC_FOUND && aligned == cases[i].aligned,
		    "%s and %s, %s", cases[i].author, cases[i].domain,
		    cases[i].strict ? "strict" : "relaxed");
	}
}

static void
test_questions(void)
{
	const struct auth_dns none = { nothing_known, NULL };
	struct dmarc_found found;

	nasked = 0;
	ok(dmarc_discover(&none, SL("a.b.c.d.e.f.g.h.i.j.k.l.m.example"), &found) ==
	    DMARC_PENDING && nasked == 8, "a long name is eight questions, all at once");
	nasked = 0;
	ok(dmarc_discover(&none, SL("a.b.example"), &found) == DMARC_PENDING && nasked == 3,
	    "a short name is one for each label");
}

static void
test_authors(void)
{
	static const struct {
		const char *name;
		const char *fields[3];
		size_t n;
		const char *first;
		bool one;
	} cases[] = {
		{ "one", { "Anna <a@b.example>" }, 1, "b.example", true },
		{ "in other letters", { "a@B.Example" }, 1, "b.example", true },
		{ "two of one domain", { "a@b.example, c@B.example" }, 1, "b.example", true },
		{ "two domains", { "a@b.example, c@d.example" }, 2, "b.example", false },
		{ "two fields", { "a@b.example", "a@b.example" }, 1, "b.example", false },
		{ "no field", { NULL }, 0, "", false },
		{ "no address", { "undisclosed" }, 0, "", false },
		{ "a comma in the name", { "Smith, Anna <a@b.example>" }, 1, "b.example", true },
		{ "a quoted at sign", { "\"x@evil.example\" <a@b.example>" }, 1, "b.example",
		    true },
		{ "a group", { "list: a@b.example, c@d.example;" }, 2, "b.example", false },
		{ "U-labels", { "a@b\303\274cher.example" }, 1, "xn--bcher-kva.example", true },
		{ "five domains", { "a@a.b, a@b.b, a@c.b, a@d.b, a@e.b" }, 4, "a.b", false },
		{ "a comment", { "(x@y.example) a@b.example" }, 1, "b.example", true },
	};
	static struct dkim_message m;
	struct author a;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		dkim_message_begin(&m);
		dkim_message_field(&m, SL("To"), SL(" x@y.example"));
		for (size_t k = 0; cases[i].fields[k]; k++)
			dkim_message_field(&m, SL("from"), slice_str(cases[i].fields[k]));
		author_find(&m, &a);
		ok(a.n == cases[i].n && (!a.n || !strcmp(a.domains[0], cases[i].first)) &&
		    author_is_one(&a) == cases[i].one, "author: %s", cases[i].name);
	}
}

int
main(void)
{
	test_policies();
	test_alignment();
	test_questions();
	test_authors();
	return tap_done();
}
