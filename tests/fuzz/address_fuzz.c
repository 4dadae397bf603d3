// SPDX-License-Identifier: ISC
/*
 * Paths: the first octet chooses the flags, the rest is the text.  A parsed path is canonical and
 * within its limits.  It has no octet that could end a line or a word of the envelope.
 */
#include <stdlib.h>

#include "smtp/address.h"
#include "tests/fuzz/fuzz.h"

static void
check(const struct smtp_path *p, unsigned flags)
{
	char space[sizeof p->text + 2], bare[SMTP_LOCAL_MAX];
	struct buf b = BUF(space), local = BUF(bare);
	struct smtp_path again;
	struct slice rest;

	must(p->n < sizeof p->text && p->text[p->n] == '\0' && p->local_n <= p->n);
	must(smtp_path_domain(p).n <= SMTP_DOMAIN_MAX);
	must(p->n || flags & SMTP_PATH_NULL);
	for (size_t i = 0; i < p->n; i++)
		must((unsigned char)p->text[i] >= ' ' && p->text[i] != 0x7f);
	smtp_local_unquote(smtp_path_local(p), &local);
	must(!local.full);
	buf_chr(&b, '<');
	buf_add(&b, smtp_path_text(p));
	buf_chr(&b, '>');
	must(smtp_path_parse(buf_slice(&b), flags, &again, &rest) == SMTP_PATH_OK &&
	    rest.n == 0);
	must(slice_eq(smtp_path_text(&again), smtp_path_text(p)) &&
	    again.local_n == p->local_n && again.utf8 == p->utf8);
}

static void
check_names(const struct smtp_path *p)
{
	struct smtp_path names[SMTP_NAMES_MAX];
	size_t n = smtp_path_names(p, '+', names);

	must(n >= 1 && n <= SMTP_NAMES_MAX &&
	    slice_eq(smtp_path_text(&names[0]), smtp_path_text(p)));
	/* A name without its detail may need quotes: "a." of a.+b. */
	for (size_t i = 1; i < n; i++)
		must(names[i].n <= p->n + 1 && names[i].text[names[i].n] == '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice in = slice_of((const char *)data, size), rest;
	struct smtp_path p;
	unsigned flags;

	if (size == 0)
		return 0;
	flags = data[0] & 15;
	in = slice_skip(in, 1);
	if (smtp_path_parse(in, flags, &p, &rest) == SMTP_PATH_OK) {
		must(rest.p >= in.p && rest.p + rest.n == in.p + in.n);
		check(&p, flags);
		if (p.n)
			check_names(&p);
	}
	must(!smtp_domain_valid(in, true) || smtp_domain_valid(in, false));
	must(!smtp_address_literal_valid(in) || smtp_domain_valid(in, true));
	return 0;
}
