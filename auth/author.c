// SPDX-License-Identifier: ISC
/*
 * An address without a domain names nobody.
 */
#include "auth/author.h"

#include "auth/name.h"
#include "base/idn.h"
#include "message/mailbox.h"

#define ADDRESS_MAX 2048

static void
add_domain(struct author *a, struct slice domain)
{
	struct idn_name space;
	const struct slice name = idn_canonical(domain, &space);

	if (!auth_name_valid(name)) {
		a->more = true;
		return;
	}
	for (size_t i = 0; i < a->n; i++)
		if (slice_ieq(slice_str(a->domains[i]), name))
			return;
	if (a->n == AUTHOR_DOMAINS_MAX) {
		a->more = true;
		return;
	}
	memcpy(a->domains[a->n], name.p, name.n);
	a->domains[a->n++][name.n] = '\0';
}

static void
take_field(struct author *a, struct slice body)
{
	enum mailbox_result r;

	do {
		char space[ADDRESS_MAX];
		struct buf address = BUF(space);
		struct slice element;
		const char *at;

		r = mailbox_next(&body, &address, &element);
		if (r == MAILBOX_END)
			return;
		at = address.n ? memrchr(space, '@', address.n) : NULL;
		if (r == MAILBOX_BAD || address.full)
			a->more = true;
		else if (at)
			add_domain(a, slice_skip(buf_slice(&address), (size_t)(at - space) + 1));
	} while (a->n < AUTHOR_DOMAINS_MAX || !a->more);
}

void
author_find(const struct dkim_message *m, struct author *ret)
{
	ret->nfields = ret->n = 0;
	ret->more = m->overflow;
	for (size_t i = 0; i < m->nfields; i++) {
		if (!slice_ieq(dkim_message_name(m, i), SL("From")))
			continue;
		ret->nfields++;
		take_field(ret, dkim_message_value(m, i));
	}
}
