// SPDX-License-Identifier: ISC
/*
 * The evaluation of records (RFC 7208 sections 4 and 5).  A term whose answer is not known yet
 * counts as one that does not match, so that the terms behind it ask at once; the result of such a
 * run is SPF_PENDING.
 */
#include "auth/spf.h"

#include "auth/name.h"
#include "auth/spf_parts.h"

struct spf_run {
	const struct auth_dns *dns;
	struct spf_names names;
	unsigned lookups, voids;
	bool pending;
	const char **why;
	struct buf *explanation;
};

static enum spf_result check_host(struct spf_run *r, struct slice domain, bool included);

static enum spf_result
give_up(struct spf_run *r, enum spf_result result, const char *why)
{
	*r->why = why;
	return result;
}

/* An answer, or NULL while it is not known.  A name that cannot be does not exist. */
static const struct auth_answer *
ask(struct spf_run *r, struct slice name, enum auth_type type)
{
	static const struct auth_answer nothing = { .status = AUTH_NXDOMAIN };
	const struct auth_answer *a;

	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (!auth_name_valid(name))
		return &nothing;
	a = r->dns->ask(r->dns->ctx, name, type);
	r->pending |= !a;
	return a;
}

static bool
same_bits(const unsigned char *a, const unsigned char *b, unsigned bits)
{
	if (memcmp(a, b, bits / 8) != 0)
		return false;
	return bits % 8 == 0 || ((a[bits / 8] ^ b[bits / 8]) >> (8 - bits % 8)) == 0;
}

static bool
has_address(const struct spf_run *r, const struct auth_answer *a, const struct spf_term *t)
{
	const struct spf_client *c = r->names.client;

	for (size_t i = 0; i < a->n; i++)
		if (same_bits(c->address, a->records[i].address, c->ipv6 ? t->bits6 : t->bits4))
			return true;
	return false;
}

static enum auth_type
address_type(const struct spf_run *r)
{
	return r->names.client->ipv6 ? AUTH_AAAA : AUTH_A;
}

/* ---- the name of the client ---- */

static void
reverse_name(const struct spf_run *r, struct buf *b)
{
	spf_expand(b, &r->names, SL("%{ir}.%{v}.arpa"));
}

/* Does the name have the address of the client? */
static bool
is_validated(struct spf_run *r, struct slice name)
{
	const struct spf_term whole = { .bits4 = 32, .bits6 = 128 };
	const struct auth_answer *a = ask(r, name, address_type(r));

	return a && a->status == AUTH_FOUND && has_address(r, a, &whole);
}

/* The best validated name of the client: domain, then one beneath it, then any (RFC 7208
 * sections 5.5 and 7.3).  *ret_void: the address has no name. */
static struct slice
validated_name(struct spf_run *r, struct slice domain, bool *ret_void)
{
	char space[SPF_DOMAIN_MAX + 1];
	struct buf name = BUF(space);
	const struct auth_answer *a;
	struct slice best = SL("");

	reverse_name(r, &name);
	a = ask(r, buf_slice(&name), AUTH_PTR);
	*ret_void = a && (a->status == AUTH_NODATA || a->status == AUTH_NXDOMAIN);
	for (size_t i = 0; a && i < a->n && i < SPF_NAMES_MAX; i++) {
		const struct slice one = a->records[i].text;

		if (!is_validated(r, one))
			continue;
		if (best.n == 0 || slice_ieq(one, domain) ||
		    (auth_name_beneath(one, domain) && !auth_name_beneath(best, domain)))
			best = one;
	}
	return best;
}

/* Expand a domain-spec into a name, without labels at its left that make it too long (RFC 7208
 * section 7.3). */
static struct slice
expand_domain(struct spf_run *r, struct slice spec, struct buf *b)
{
	struct slice name;
	bool is_void;

	if (spf_macros_ask(spec))
		r->names.validated = validated_name(r, r->names.domain, &is_void);
	spf_expand(b, &r->names, spec);
	name = buf_slice(b);
	if (b->full)
		return SL("");
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	while (name.n > SPF_DOMAIN_MAX)
		(void)slice_cut(name, '.', &name);
	return name;
}

/* ---- mechanisms ---- */

/* One more term that asks.  False if it is one too many. */
static bool
count_lookup(struct spf_run *r)
{
	return ++r->lookups <= SPF_LOOKUPS_MAX;
}

static bool
count_void(struct spf_run *r, const struct auth_answer *a)
{
	r->voids += a->status == AUTH_NODATA || a->status == AUTH_NXDOMAIN;
	return r->voids <= SPF_VOID_MAX;
}

static enum spf_result
too_many_voids(struct spf_run *r)
{
	return give_up(r, SPF_PERMERROR, "too many names without records");
}

/* The result of a mechanism: SPF_PASS if it matches, SPF_NONE if not, or an error. */
static enum spf_result
match_a(struct spf_run *r, const struct spf_term *t, struct slice name, enum auth_type type)
{
	const struct auth_answer *a = ask(r, name, type);

	if (!a)
		return SPF_NONE;
	if (a->status == AUTH_FAILED)
		return give_up(r, SPF_TEMPERROR, "the DNS has no answer");
	if (!count_void(r, a))
		return too_many_voids(r);
	if (t->kind == SPF_EXISTS)
		return a->n ? SPF_PASS : SPF_NONE;
	return has_address(r, a, t) ? SPF_PASS : SPF_NONE;
}

static enum spf_result
match_mx(struct spf_run *r, const struct spf_term *t, struct slice name)
{
	const struct auth_answer *a = ask(r, name, AUTH_MX), *host;
	enum spf_result result = SPF_NONE;

	if (!a)
		return SPF_NONE;
	if (a->status == AUTH_FAILED)
		return give_up(r, SPF_TEMPERROR, "the DNS has no answer");
	if (!count_void(r, a))
		return too_many_voids(r);
	if (a->n > SPF_NAMES_MAX)
		return give_up(r, SPF_PERMERROR, "mx: more than 10 exchangers");
	for (size_t i = 0; i < a->n && result == SPF_NONE; i++) {
		host = ask(r, a->records[i].text, address_type(r));
		if (host && host->status == AUTH_FAILED)
			result = give_up(r, SPF_TEMPERROR, "the DNS has no answer");
		else if (host && has_address(r, host, t))
			result = SPF_PASS;
	}
	return result;
}

static enum spf_result
match_ptr(struct spf_run *r, struct slice name)
{
	bool is_void;
	const struct slice best = validated_name(r, name, &is_void);

	r->voids += is_void;
	if (r->voids > SPF_VOID_MAX)
		return too_many_voids(r);
	return best.n && auth_name_beneath(best, name) ? SPF_PASS : SPF_NONE;
}

static enum spf_result
match_include(struct spf_run *r, struct slice name)
{
	const struct slice domain = r->names.domain;
	enum spf_result result = check_host(r, name, true);

	r->names.domain = domain;
	switch (result) {
	case SPF_PASS:
	case SPF_TEMPERROR:
	case SPF_PERMERROR:
		return result;
	case SPF_NONE:
		return give_up(r, SPF_PERMERROR, "include: that domain has no SPF record");
	default:
		return SPF_NONE;
	}
}

static enum spf_result
match_term(struct spf_run *r, const struct spf_term *t)
{
	char space[1024];
	struct buf b = BUF(space);
	struct slice name = r->names.domain;

	switch (t->kind) {
	case SPF_ALL:
		return SPF_PASS;
	case SPF_IP4:
	case SPF_IP6:
		return r->names.client->ipv6 == (t->kind == SPF_IP6) &&
		    same_bits(r->names.client->address, t->address,
			t->kind == SPF_IP6 ? t->bits6 : t->bits4) ? SPF_PASS : SPF_NONE;
	default:
		break;
	}
	if (!count_lookup(r))
		return give_up(r, SPF_PERMERROR, "too many terms that ask the DNS");
	if (t->domain.n)
		name = expand_domain(r, t->domain, &b);
	switch (t->kind) {
	case SPF_A:
		return match_a(r, t, name, address_type(r));
	case SPF_EXISTS:
		return match_a(r, t, name, AUTH_A);
	case SPF_MX:
		return match_mx(r, t, name);
	case SPF_PTR:
		return match_ptr(r, name);
	default:
		return match_include(r, name);
	}
}

/* ---- a domain ---- */

static bool
is_record(struct slice text)
{
	return slice_has_iprefix(text, SL("v=spf1")) && (text.n == 6 || text.p[6] == ' ');
}

/* The record of a domain, without its version.  SPF_PASS, or a result instead. */
static enum spf_result
find_record(struct spf_run *r, struct slice domain, struct slice *ret)
{
	const struct auth_answer *a;
	size_t n = 0;

	if (!auth_name_valid(domain) || !memchr(domain.p, '.', domain.n))
		return give_up(r, SPF_NONE, "not a domain of the Internet");
	a = ask(r, domain, AUTH_TXT);
	if (!a)
		return SPF_PENDING;
	if (a->status == AUTH_FAILED)
		return give_up(r, SPF_TEMPERROR, "the DNS has no answer");
	for (size_t i = 0; i < a->n; i++) {
		if (!is_record(a->records[i].text))
			continue;
		*ret = slice_skip(a->records[i].text, 6);
		n++;
	}
	return n == 1 ? SPF_PASS : n ? give_up(r, SPF_PERMERROR, "more than one SPF record") :
	    give_up(r, SPF_NONE, "no SPF record");
}

/* The modifiers of a record, and its syntax.  Errors count before anything is evaluated (RFC 7208
 * section 4.6). */
static bool
find_modifiers(struct slice record, struct spf_term *redirect, struct spf_term *exp)
{
	struct spf_term t;
	int more;

	redirect->domain = exp->domain = SL("");
	while ((more = spf_term_next(&record, &t)) > 0) {
		struct spf_term *to = t.kind == SPF_REDIRECT ? redirect :
		    t.kind == SPF_EXP ? exp : NULL;

		if (to && to->domain.n)
			return false;
		if (to)
			*to = t;
	}
	return more == 0;
}

/* The words of the domain about a failure.  Errors mean that it says nothing (RFC 7208
 * section 6.2). */
static void
explain(struct spf_run *r, const struct spf_term *exp)
{
	char space[1024];
	struct buf b = BUF(space);
	const struct auth_answer *a;
	struct slice text;
	bool is_void;

	if (!r->explanation || exp->domain.n == 0)
		return;
	a = ask(r, expand_domain(r, exp->domain, &b), AUTH_TXT);
	if (!a || a->status != AUTH_FOUND || a->n != 1)
		return;
	text = a->records[0].text;
	if (!spf_macros_valid(text, true))
		return;
	if (spf_macros_ask(text))
		r->names.validated = validated_name(r, r->names.domain, &is_void);
	spf_expand(r->explanation, &r->names, text);
	if (r->explanation->full || slice_has_control(buf_slice(r->explanation)) ||
	    !slice_is_ascii(buf_slice(r->explanation)))
		r->explanation->n = 0;
}

static enum spf_result
redirect_to(struct spf_run *r, const struct spf_term *redirect, bool included)
{
	char space[1024];
	struct buf b = BUF(space);
	enum spf_result result;

	if (!count_lookup(r))
		return give_up(r, SPF_PERMERROR, "too many terms that ask the DNS");
	result = check_host(r, expand_domain(r, redirect->domain, &b), included);
	return result == SPF_NONE ?
	    give_up(r, SPF_PERMERROR, "redirect: that domain has no SPF record") : result;
}

static enum spf_result
check_host(struct spf_run *r, struct slice domain, bool included)
{
	struct spf_term redirect, exp, t;
	struct slice record;
	enum spf_result result = find_record(r, domain, &record);

	if (result != SPF_PASS)
		return result;
	if (!find_modifiers(record, &redirect, &exp))
		return give_up(r, SPF_PERMERROR, "the SPF record has a mistake in its syntax");
	r->names.domain = domain;
	while (spf_term_next(&record, &t) > 0) {
		if (t.kind >= SPF_REDIRECT)
			continue;
		result = match_term(r, &t);
		if (result == SPF_TEMPERROR || result == SPF_PERMERROR)
			return result;
		if (result != SPF_PASS)
			continue;
		if (t.result == SPF_FAIL && !included && !r->pending)
			explain(r, &exp);
		return t.result;
	}
	if (redirect.domain.n)
		return redirect_to(r, &redirect, included);
	return SPF_NEUTRAL;
}

/* An IPv4 address in IPv6 (RFC 4291 section 2.5.5.2) is that IPv4 address (RFC 7208 section 5). */
static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };

enum spf_result
spf_check(const struct auth_dns *dns, const struct spf_client *client, struct slice sender,
    const char **why, struct buf *explanation)
{
	const char *at = sender.n ? memrchr(sender.p, '@', sender.n) : NULL;
	struct spf_client unmapped = *client;
	struct spf_run r = { .dns = dns, .why = why, .explanation = explanation,
		.names = { .client = &unmapped, .sender = sender } };
	enum spf_result result;

	*why = NULL;
	if (explanation) {
		explanation->n = 0;
		explanation->full = false;
	}
	if (client->ipv6 && memcmp(client->address, mapped, sizeof mapped) == 0) {
		unmapped.ipv6 = false;
		memcpy(unmapped.address, client->address + sizeof mapped, 4);
	}
	if (at)
		r.names.local = slice_of(sender.p, (size_t)(at - sender.p));
	if (r.names.local.n == 0)
		r.names.local = SL("postmaster");
	r.names.sender_domain = at ? slice_skip(sender, (size_t)(at - sender.p) + 1) : sender;
	result = check_host(&r, r.names.sender_domain, false);
	return r.pending ? SPF_PENDING : result;
}

const char *
spf_word(enum spf_result result)
{
	static const char *const words[] = {
		[SPF_PENDING] = "temperror", [SPF_NONE] = "none", [SPF_NEUTRAL] = "neutral",
		[SPF_PASS] = "pass", [SPF_FAIL] = "fail", [SPF_SOFTFAIL] = "softfail",
		[SPF_TEMPERROR] = "temperror", [SPF_PERMERROR] = "permerror",
	};

	return words[result];
}
