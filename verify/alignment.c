// SPDX-License-Identifier: ISC
/*
 * A message that names several authors' domains has no certain author, so it fails; the strictest
 * of their policies holds for it.  A temporary error is never a failure.
 */
#include "verify/alignment.h"

void
alignment_begin(struct alignment *a, const struct dkim_message *m)
{
	author_find(m, &a->author);
}

bool
alignment_ask(struct alignment *a, const struct auth_dns *dns)
{
	bool done = true;

	a->policy = DMARC_NO_POLICY;
	a->result = ALIGNMENT_NONE;
	a->why = NULL;
	for (size_t i = 0; i < a->author.n; i++) {
		switch (dmarc_discover(dns, slice_str(a->author.domains[i]), &a->found[i])) {
		case DMARC_PENDING:
			done = false;
			break;
		case DMARC_FAILED:
			a->result = ALIGNMENT_TEMPERROR;
			a->why = "the DNS has no answer for the policy";
			break;
		case DMARC_FOUND:
			if (a->found[i].policy > a->policy)
				a->policy = a->found[i].policy;
			break;
		}
	}
	return done;
}

/* State of the search for a proof. */
struct proofs {
	const struct auth_dns *dns;
	const struct alignment *a;
	bool pass, pending, uncertain;
};

/* passed: the domain is proven; else that could not be found out.  True if it is the author's. */
static bool
add_proof(struct proofs *p, struct slice domain, bool strict, bool passed)
{
	bool aligned = false;
	const enum dmarc_state s = dmarc_aligned(p->dns, &p->a->found[0],
	    slice_str(p->a->author.domains[0]), domain, strict, &aligned);

	p->pending |= s == DMARC_PENDING;
	p->uncertain |= s == DMARC_FAILED || (aligned && !passed);
	p->pass |= s == DMARC_FOUND && aligned && passed;
	return s == DMARC_FOUND && aligned && passed;
}

bool
alignment_judge(struct alignment *a, const struct auth_dns *dns, enum spf_result spf,
    struct slice spf_domain, const struct dkim_message *m)
{
	struct proofs p = { .dns = dns, .a = a };

	a->spf = a->dkim = false;
	if (a->result != ALIGNMENT_NONE || a->policy == DMARC_NO_POLICY)
		return true;
	if (!author_is_one(&a->author)) {
		a->result = ALIGNMENT_FAIL;
		a->why = "From names more than one domain";
		return true;
	}
	if (spf == SPF_PASS || spf == SPF_TEMPERROR)
		a->spf = add_proof(&p, spf_domain, a->found[0].strict_spf, spf == SPF_PASS);
	for (size_t i = 0; i < m->nsignatures; i++) {
		const struct dkim_signature *s = &m->signatures[i];

		if (s->result == DKIM_PASS || s->result == DKIM_TEMPERROR)
			a->dkim |= add_proof(&p, s->domain, a->found[0].strict_dkim,
			    s->result == DKIM_PASS);
	}
	if (p.pending && (!p.pass || a->found[0].reports))
		return false;
	a->result = p.pass ? ALIGNMENT_PASS : p.uncertain ? ALIGNMENT_TEMPERROR : ALIGNMENT_FAIL;
	return true;
}

const char *
alignment_word(enum alignment_result result)
{
	static const char *const words[] = {
		[ALIGNMENT_NONE] = "none", [ALIGNMENT_PASS] = "pass", [ALIGNMENT_FAIL] = "fail",
		[ALIGNMENT_TEMPERROR] = "temperror",
	};

	return words[result];
}
