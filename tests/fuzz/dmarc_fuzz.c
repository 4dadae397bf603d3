// SPDX-License-Identifier: ISC
/*
 * DMARC over records that strangers chose: a line for each name that is asked for; the first line
 * is the From field.
 */
#include <stdlib.h>

#include "auth/author.h"
#include "auth/dmarc.h"
#include "tests/fuzz/fuzz.h"

static struct slice rest;

static const struct auth_answer *
answer(void *ctx, struct slice name, enum auth_type type)
{
	static struct auth_answer a;
	static struct auth_record record;

	(void)ctx;
	(void)type;
	if (!auth_name_valid(name))
		abort();
	record.text = slice_cut(rest, '\n', &rest);
	a = (struct auth_answer){ record.text.n ? AUTH_FOUND : AUTH_NXDOMAIN, &record,
		record.text.n > 0 };
	return &a;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dkim_message m;
	const struct auth_dns dns = { answer, NULL };
	struct dmarc_found found;
	struct author a;
	bool aligned;

	rest = slice_of((const char *)data, size);
	dkim_message_begin(&m);
	dkim_message_field(&m, SL("From"), slice_cut(rest, '\n', &rest));
	author_find(&m, &a);
	if (a.n > AUTHOR_DOMAINS_MAX)
		abort();
	for (size_t i = 0; i < a.n; i++) {
		(void)dmarc_discover(&dns, slice_str(a.domains[i]), &found);
		if (strlen(found.organization) > strlen(a.domains[i]))
			abort();
		(void)dmarc_aligned(&dns, &found, slice_str(a.domains[i]),
		    SL("a.b.c.d.e.f.g.h.i.example.org"), size % 2, &aligned);
	}
	return 0;
}
