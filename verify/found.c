// SPDX-License-Identifier: ISC
/*
 * A report is no subject of reports: two servers would send them to each other for ever.
 */
#include "verify/found.h"

#include <assert.h>

#include "auth/tags.h"
#include "base/words.h"

static_assert(FINDING_SIGNATURES == DKIM_SIGNATURES, "all signatures fit");

/* Is the message itself such a report?  Its form is that of RFC 9990 section 3.5.2; as DMARC has
 * proven its author, nobody hides the mail of others so. */
static bool
is_report(const struct check *c)
{
	const struct dkim_message *m = &c->signatures.message;

	if (c->dmarc.result != ALIGNMENT_PASS)
		return false;
	for (size_t i = 0; i < m->nfields; i++) {
		struct slice body = tags_trim(dkim_message_value(m, i));

		if (slice_ieq(dkim_message_name(m, i), SL("Subject")) &&
		    slice_has_prefix(body, SL("Report ")) &&
		    slice_has_prefix(tags_trim(slice_skip(body, 7)), SL("Domain:")) &&
		    memmem(body.p, body.n, "Submitter:", 10))
			return true;
	}
	return false;
}

/* The fate of the message, and why the domain wanted another (RFC 9990 section 3.1.1.8). */
static void
judge(const struct check *c, struct finding *f)
{
	const bool strict = c->dmarc.policy > DMARC_NONE || c->dmarc.found[0].testing;

	f->reason = FINDING_NO_REASON;
	f->action = c->reject ? FINDING_REJECT : FINDING_NONE;
	if (!strict || c->reject)
		return;
	if (c->dmarc.result == ALIGNMENT_PASS)
		f->action = FINDING_PASSED;
	else
		f->reason = c->exempt ? FINDING_FORWARDER :
		    c->dmarc.found[0].testing ? FINDING_TEST_MODE : FINDING_LOCAL_POLICY;
}

bool
found_describe(const struct check *c, struct buf *client, struct finding *ret)
{
	const struct alignment *a = &c->dmarc;
	const struct dkim_message *m = &c->signatures.message;
	struct sockaddr_storage ss;

	if (!c->hashes || !author_is_one(&a->author) || !a->found[0].reports ||
	    (a->result != ALIGNMENT_PASS && a->result != ALIGNMENT_FAIL) || is_report(c))
		return false;
	check_client_address(c->client, &ss);
	address_text(client, (const struct sockaddr *)&ss);
	*ret = (struct finding){
		.client = buf_slice(client), .policy = slice_str(a->found[0].domain),
		.author = slice_str(a->author.domains[0]), .dkim = a->dkim, .spf = a->spf,
		.null_path = !c->sender[0],
		.sender = slice_str(c->sender[0] ? c->spf_domain : c->helo_domain),
		.spf_result = c->sender[0] ? c->spf_mail : c->spf_helo,
		.nsignatures = m->nsignatures,
	};
	judge(c, ret);
	for (size_t i = 0; i < m->nsignatures; i++) {
		const struct dkim_signature *s = &m->signatures[i];

		ret->signatures[i] = (struct finding_signature){ s->domain, s->selector,
			s->result };
	}
	return true;
}
