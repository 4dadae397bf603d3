// SPDX-License-Identifier: ISC
/*
 * A walk begins at a domain and goes up one label at a time; a long name skips to its last seven
 * labels.  All its questions are asked at once.
 */
#include "auth/dmarc.h"

#include "auth/tags.h"
#include "base/buf.h"

#define LABELS_MAX 7		/* of the second name of a walk */

/* ---- a record ---- */

static enum dmarc_policy
read_policy(struct slice text, struct slice name, enum dmarc_policy otherwise)
{
	const struct slice v = tags_find(text, name);

	return slice_ieq(v, SL("reject")) ? DMARC_REJECT :
	    slice_ieq(v, SL("quarantine")) ? DMARC_QUARANTINE :
	    slice_ieq(v, SL("none")) ? DMARC_NONE : otherwise;
}

bool
dmarc_read(struct slice text, struct dmarc_record *ret)
{
	struct slice rest = text, psd;
	struct tag first;

	if (tags_next(&rest, &first) <= 0 || !slice_eq(first.name, SL("v")) ||
	    !slice_eq(first.value, SL("DMARC1")))
		return false;
	ret->p = read_policy(text, SL("p"), DMARC_NONE);
	ret->sp = read_policy(text, SL("sp"), ret->p);
	ret->np = read_policy(text, SL("np"), ret->sp);
	ret->strict_dkim = slice_ieq(tags_find(text, SL("adkim")), SL("s"));
	ret->strict_spf = slice_ieq(tags_find(text, SL("aspf")), SL("s"));
	ret->testing = slice_ieq(tags_find(text, SL("t")), SL("y"));
	ret->rua = tags_find(text, SL("rua"));
	psd = tags_find(text, SL("psd"));
	ret->psd = slice_ieq(psd, SL("y")) ? 'y' : slice_ieq(psd, SL("n")) ? 'n' : 'u';
	return true;
}

enum dmarc_state
dmarc_ask(const struct auth_dns *dns, struct slice name, struct dmarc_record *ret, bool *ret_has)
{
	char space[AUTH_NAME_MAX + 10];
	struct buf b = BUF(space);
	const struct auth_answer *a;
	struct dmarc_record record;
	size_t n = 0;

	*ret_has = false;
	buf_str(&b, "_dmarc.");
	buf_add(&b, name);
	if (!auth_name_valid(buf_slice(&b)))
		return DMARC_FOUND;
	a = dns->ask(dns->ctx, buf_slice(&b), AUTH_TXT);
	if (!a)
		return DMARC_PENDING;
	if (a->status == AUTH_FAILED)
		return DMARC_FAILED;
	for (size_t i = 0; i < a->n; i++) {
		if (!dmarc_read(a->records[i].text, &record))
			continue;
		*ret = record;
		n++;
	}
	*ret_has = n == 1;
	return DMARC_FOUND;
}

/* ---- a walk ---- */

struct walk {
	size_t n;
	struct slice names[DMARC_QUESTIONS_MAX];
	struct dmarc_record records[DMARC_QUESTIONS_MAX];
	bool has[DMARC_QUESTIONS_MAX];
	struct slice organization;
	size_t at;			/* the number of its record; n: none */
	size_t public;			/* that of a psd=y above the start; n: none */
};

static size_t
count_labels(struct slice name)
{
	size_t n = 0;

	while (name.n) {
		(void)slice_cut(name, '.', &name);
		n++;
	}
	return n;
}

/* The names to ask for. */
static void
list_names(struct walk *w, struct slice domain)
{
	size_t labels = count_labels(domain);

	w->names[0] = domain;
	w->n = 1;
	if (labels > LABELS_MAX)
		for (; labels > LABELS_MAX + 1; labels--)
			(void)slice_cut(domain, '.', &domain);
	while (labels-- > 1 && w->n < DMARC_QUESTIONS_MAX) {
		(void)slice_cut(domain, '.', &domain);
		w->names[w->n++] = domain;
	}
}

/* The name with one label more than names[i], on the way from the start. */
static struct slice
one_below(const struct walk *w, size_t i)
{
	struct slice name = w->names[0], rest;

	for (;;) {
		(void)slice_cut(name, '.', &rest);
		if (rest.n <= w->names[i].n)
			return name;
		name = rest;
	}
}

/* Choose the organizational domain among the names up to the end of the walk. */
static void
choose(struct walk *w)
{
	w->organization = w->names[0];
	w->at = w->public = w->n;
	for (size_t i = 0; i < w->n; i++) {
		if (!w->has[i])
			continue;
		if (i && w->records[i].psd == 'y') {
			w->public = i;
			w->organization = one_below(w, i);
			w->at = w->n;
			for (size_t k = 0; k < i; k++)
				if (w->has[k] && slice_eq(w->names[k], w->organization))
					w->at = k;
			return;
		}
		w->organization = w->names[i];
		w->at = i;
	}
}

static enum dmarc_state
walk_up(const struct auth_dns *dns, struct slice domain, struct walk *w)
{
	bool pending = false;

	list_names(w, domain);
	for (size_t i = 0; i < w->n; i++) {
		const enum dmarc_state s = dmarc_ask(dns, w->names[i], &w->records[i],
		    &w->has[i]);

		if (s == DMARC_FAILED && !pending)
			return s;
		pending |= s == DMARC_PENDING;
		if (!pending && w->has[i] && w->records[i].psd != 'u')
			w->n = i + 1;
	}
	if (pending)
		return DMARC_PENDING;
	choose(w);
	return DMARC_FOUND;
}

/* Does the domain exist: has it an address or an exchanger (RFC 9989 section 4.7)? */
static enum dmarc_state
ask_existence(const struct auth_dns *dns, struct slice domain, bool *ret)
{
	static const enum auth_type types[] = { AUTH_A, AUTH_AAAA, AUTH_MX };
	enum dmarc_state s = DMARC_FOUND;

	*ret = false;
	for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
		const struct auth_answer *a = dns->ask(dns->ctx, domain, types[i]);

		if (!a)
			s = DMARC_PENDING;
		else if (a->status == AUTH_FAILED && s == DMARC_FOUND)
			s = DMARC_FAILED;
		else
			*ret |= a->status == AUTH_FOUND;
	}
	return *ret ? DMARC_FOUND : s;
}

/* The policy of a record for a name below it. */
static enum dmarc_state
policy_below(const struct auth_dns *dns, struct slice domain, const struct dmarc_record *r,
    enum dmarc_policy *ret)
{
	bool exists = true;
	const enum dmarc_state s = r->np == r->sp ? DMARC_FOUND :
	    ask_existence(dns, domain, &exists);

	*ret = exists ? r->sp : r->np;
	return s;
}

enum dmarc_state
dmarc_discover(const struct auth_dns *dns, struct slice domain, struct dmarc_found *ret)
{
	const struct dmarc_record *r;
	struct walk w;
	enum dmarc_state s;
	size_t i;

	*ret = (struct dmarc_found){ .policy = DMARC_NO_POLICY };
	if (!auth_name_valid(domain))
		return DMARC_FOUND;
	s = walk_up(dns, domain, &w);
	if (s != DMARC_FOUND)
		return s;
	memcpy(ret->organization, w.organization.p, w.organization.n);
	i = w.has[0] ? 0 : w.at < w.n ? w.at : w.public;
	if (i == w.n)
		return DMARC_FOUND;
	r = &w.records[i];
	memcpy(ret->domain, w.names[i].p, w.names[i].n);
	ret->policy = r->p;
	ret->reports = r->rua.n > 0;
	ret->strict_dkim = r->strict_dkim;
	ret->strict_spf = r->strict_spf;
	if (i)
		s = policy_below(dns, domain, r, &ret->policy);
	ret->testing = r->testing && ret->policy > DMARC_NONE;
	if (ret->testing)
		ret->policy--;
	return s;
}

enum dmarc_state
dmarc_aligned(const struct auth_dns *dns, const struct dmarc_found *of, struct slice author,
    struct slice domain, bool strict, bool *ret)
{
	struct walk w;
	enum dmarc_state s;

	*ret = slice_ieq(domain, author);
	if (*ret || strict || !auth_name_valid(domain) ||
	    !auth_name_beneath(domain, slice_str(of->organization)))
		return DMARC_FOUND;
	s = walk_up(dns, domain, &w);
	if (s == DMARC_FOUND)
		*ret = slice_ieq(w.organization, slice_str(of->organization));
	return s;
}

const char *
dmarc_policy_word(enum dmarc_policy policy)
{
	return policy == DMARC_REJECT ? "reject" : policy == DMARC_QUARANTINE ? "quarantine" :
	    "none";
}
