// SPDX-License-Identifier: ISC
/*
 * Without the consent, a stranger could let reports about much mail flood somebody else.
 */
#include "reports/places.h"

#include <string.h>

#include "auth/name.h"
#include "auth/tags.h"
#include "verify/answers.h"

struct decision {
	const struct auth_dns *dns;
	struct slice domain;
	struct dmarc_found home;	/* of the domain */
	bool pending, failed;
};

/* Is the host in the organization of the domain itself? */
static bool
is_home(struct decision *d, const struct rua *rua)
{
	struct dmarc_found there;

	switch (dmarc_discover(d->dns, slice_str(rua->domain), &there)) {
	case DMARC_PENDING:
		d->pending = true;
		return false;
	case DMARC_FAILED:
		d->failed = true;
		return false;
	case DMARC_FOUND:
		break;
	}
	return slice_ieq(slice_str(there.organization), slice_str(d->home.organization));
}

/* Read one consent.  It may name another address at the same host.  False if the text is none. */
static bool
read_consent(struct slice text, const char *host, struct rua *rua, bool *ret_elsewhere)
{
	struct dmarc_record record;
	struct rua other;

	if (!dmarc_read(text, &record))
		return false;
	if (record.rua.n == 0)
		return true;
	*ret_elsewhere = !rua_next(&record.rua, &other) ||
	    !slice_ieq(slice_str(other.domain), slice_str(host));
	if (!*ret_elsewhere) {
		*rua = other;
		rua->domain = rua->address + (other.domain - other.address);
	}
	return true;
}

/* Has a place in another organization agreed? */
static bool
has_agreed(struct decision *d, struct rua *rua)
{
	char space[AUTH_NAME_MAX + 1], host[RUA_ADDRESS_MAX];
	struct buf name = BUF(space);
	const struct auth_answer *a;
	bool elsewhere = false, agreed = false;

	memcpy(host, rua->domain, strlen(rua->domain) + 1);
	buf_add(&name, d->domain);
	buf_str(&name, "._report._dmarc.");
	buf_str(&name, host);
	if (name.full || !auth_name_valid(buf_slice(&name)))
		return false;
	a = d->dns->ask(d->dns->ctx, buf_slice(&name), AUTH_TXT);
	if (!a || a->status == AUTH_FAILED) {
		d->pending |= !a;
		d->failed |= a != NULL;
		return false;
	}
	for (size_t i = 0; i < a->n && !agreed; i++)
		agreed = read_consent(a->records[i].text, host, rua, &elsewhere);
	return agreed && !elsewhere;
}

static void
add_place(struct places *p, const struct rua *rua)
{
	struct rua *to = &p->list[p->n];

	for (size_t i = 0; i < p->n; i++)
		if (slice_ieq(slice_str(p->list[i].address), slice_str(rua->address)))
			return;
	*to = *rua;
	to->domain = to->address + (rua->domain - rua->address);
	p->n++;
}

bool
places_decide(const struct auth_dns *dns, struct slice domain, struct places *ret,
    enum places_state *ret_state)
{
	struct decision d = { .dns = dns, .domain = domain };
	enum dmarc_state home = dmarc_discover(dns, domain, &d.home), own;
	struct slice list;
	struct rua rua;
	size_t seen = 0;
	bool has;

	*ret = (struct places){ .n = 0 };
	*ret_state = PLACES_FAILED;
	own = dmarc_ask(dns, domain, &ret->record, &has);
	if (home == DMARC_PENDING || own == DMARC_PENDING)
		return false;
	if (home == DMARC_FAILED || own == DMARC_FAILED)
		return true;
	list = has ? ret->record.rua : SL("");
	while (ret->n < PLACES_MAX && seen++ < PLACES_MAX && rua_next(&list, &rua)) {
		if (is_home(&d, &rua) || has_agreed(&d, &rua))
			add_place(ret, &rua);
		else
			ret->refused++;
	}
	ret->record.rua = SL("");
	*ret_state = d.failed ? PLACES_FAILED : ret->n ? PLACES_FOUND : PLACES_NONE;
	return !d.pending;
}

enum places_state
places_find(const struct dns_resolver *r, const char *domain, int timeout_ms, struct places *ret)
{
	static struct answers answers;
	struct auth_dns dns = answers_dns(&answers);
	enum places_state state;

	answers_begin(&answers, r, timeout_ms);
	while (!places_decide(&dns, slice_str(domain), ret, &state))
		answers_wait(&answers);
	answers_end(&answers);
	return state;
}
