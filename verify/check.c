// SPDX-License-Identifier: ISC
/*
 * All checks run until none has a question; each answer lets them begin anew.
 */
#include "verify/check.h"

#include <assert.h>
#include <netinet/in.h>

#include "auth/name.h"
#include "auth/result_field.h"
#include "base/clock.h"
#include "config/exempt.h"
#include "dns/name.h"
#include "message/results.h"

static_assert(CHECK_NAME_MAX >= DNS_NAME_MAX, "a name fits");

static void
keep_text(char *place, size_t size, struct slice text)
{
	if (text.n >= size)
		text.n = 0;
	if (text.n)
		memcpy(place, text.p, text.n);
	place[text.n] = '\0';
}

void
check_client_address(const struct check_client *client, struct sockaddr_storage *ret)
{
	*ret = (struct sockaddr_storage){ .ss_family = client->ipv6 ? AF_INET6 : AF_INET };
	if (client->ipv6)
		memcpy(&((struct sockaddr_in6 *)ret)->sin6_addr, client->address, 16);
	else
		memcpy(&((struct sockaddr_in *)ret)->sin_addr, client->address, 4);
}

void
check_begin(struct check *c, const struct config *config, const struct check_client *client,
    struct slice hostname, struct slice path)
{
	if (path.n >= 2 && path.p[0] == '<' && path.p[path.n - 1] == '>')
		path = slice_of(path.p + 1, path.n - 2);
	c->config = config;
	c->client = client;
	keep_text(c->hostname, sizeof c->hostname, hostname);
	keep_text(c->sender, sizeof c->sender, path);
	c->nresults = 0;
	c->nforged = 0;
	c->hashes = signatures_begin(&c->signatures);
	c->reject = false;
	if (c->hashes)
		alignment_begin(&c->dmarc, &c->signatures.message);
	c->field = (struct buf)BUF(c->space);
}

/* ---- fields in our name ---- */

static void
note_octets(void *ctx, struct slice octets)
{
	*(bool *)ctx |= octets.n > 0;
}

/* Does a field Authentication-Results bear our name (RFC 8601 section 5)? */
static bool
is_forged(const struct check *c, struct slice value)
{
	struct results r;
	bool kept = false;

	results_begin(&r, slice_str(c->hostname), note_octets, &kept);
	results_content(&r, SL("Authentication-Results:"));
	results_content(&r, value);
	results_content(&r, SL("\r\n"));
	results_end(&r);
	return !kept;
}

void
check_field(struct check *c, struct slice name, struct slice value, bool blank)
{
	if (c->hashes)
		signatures_field(&c->signatures, name, value, blank);
	if (!slice_ieq(name, SL("Authentication-Results")))
		return;
	c->nresults++;
	if (c->nforged < CHECK_REMOVE_MAX && is_forged(c, value))
		c->forged[c->nforged++] = c->nresults;
}

void
check_header_end(struct check *c)
{
	if (!c->hashes)
		return;
	signatures_header_end(&c->signatures);
	alignment_begin(&c->dmarc, &c->signatures.message);
}

void
check_body(struct check *c, struct slice octets)
{
	if (c->hashes)
		signatures_body(&c->signatures, octets);
}

/* ---- SPF ---- */

/* The domain in A-labels.  False if it is no name. */
static bool
take_domain(struct slice domain, char ret[CHECK_NAME_MAX])
{
	if (dns_name_from_domain(domain, ret))
		return true;
	ret[0] = '\0';
	return false;
}

/* Check one identity: the local part and the domain. */
static enum spf_result
check_identity(struct check *c, const struct auth_dns *dns, struct slice local, const char *domain,
    const char **why)
{
	char space[CHECK_PATH_MAX + CHECK_NAME_MAX];
	struct buf sender = BUF(space);
	struct spf_client client = {
		.ipv6 = c->client->ipv6, .helo = slice_str(c->client->helo),
		.receiver = slice_str(c->hostname), .now_s = clock_wall_s(),
	};

	if (!domain[0])
		return SPF_NONE;
	memcpy(client.address, c->client->address, sizeof client.address);
	buf_add(&sender, local);
	buf_chr(&sender, '@');
	buf_str(&sender, domain);
	return spf_check(dns, &client, buf_slice(&sender), why, NULL);
}

/* The identities are those of MAIL, and of HELO (RFC 7208 sections 2.3 and 2.4). */
static bool
check_spf(struct check *c, const struct auth_dns *dns)
{
	const struct slice sender = slice_str(c->sender);
	const char *at = sender.n ? memrchr(sender.p, '@', sender.n) : NULL, *ignored;
	const struct slice local = slice_of(sender.p, at ? (size_t)(at - sender.p) : 0);

	(void)take_domain(slice_str(c->client->helo), c->helo_domain);
	c->spf_domain[0] = '\0';
	c->spf_why = NULL;
	if (at)
		(void)take_domain(slice_skip(sender, local.n + 1), c->spf_domain);
	c->spf_mail = check_identity(c, dns, local, c->spf_domain, &c->spf_why);
	c->spf_helo = check_identity(c, dns, SL("postmaster"), c->helo_domain, &ignored);
	return c->spf_mail != SPF_PENDING && c->spf_helo != SPF_PENDING;
}

/* ---- the results ---- */

static void
write_spf(struct check *c)
{
	struct buf *b = &c->field;

	result_begin(b, slice_str(c->hostname));
	if (c->sender[0]) {
		result_method(b, "spf", spf_word(c->spf_mail));
		result_reason(b, c->spf_mail == SPF_NONE ? NULL : c->spf_why);
		result_property(b, "smtp.mailfrom",
		    slice_str(c->spf_domain[0] ? c->spf_domain : "unknown"));
	}
	if (!c->sender[0] || c->spf_helo != SPF_NONE) {
		result_method(b, "spf", spf_word(c->spf_helo));
		result_property(b, "smtp.helo",
		    slice_str(c->helo_domain[0] ? c->helo_domain : "unknown"));
	}
}

/* The octets of the signature that show which one it is (RFC 6008). */
static struct slice
first_octets(struct slice b)
{
	return slice_of(b.p, b.n < 8 ? b.n : 8);
}

static void
write_signatures(struct check *c)
{
	const struct dkim_message *m = &c->signatures.message;
	struct buf *b = &c->field;

	if (!c->hashes || (m->nsignatures == 0 && !m->overflow))
		result_method(b, "dkim", c->hashes ? "none" : "temperror");
	else if (m->nsignatures == 0) {
		result_method(b, "dkim", "policy");
		result_reason(b, "the header section is too large");
	}
	for (size_t i = 0; i < m->nsignatures; i++) {
		const struct dkim_signature *s = &m->signatures[i];

		result_method(b, "dkim", dkim_word(s->result));
		result_reason(b, s->why);
		if (s->domain.n)
			result_property(b, "header.d", s->domain);
		if (s->selector.n)
			result_property(b, "header.s", s->selector);
		if (s->nsignature) {
			result_property(b, "header.a",
			    s->ed25519 ? SL("ed25519-sha256") : SL("rsa-sha256"));
			result_property(b, "header.b", first_octets(s->signature_text));
		}
	}
	if (m->nignored) {
		result_method(b, "dkim", "policy");
		result_reason(b, "there are more signatures");
	}
}

/* ---- DMARC ---- */

/* The identity of SPF: that of MAIL, or of HELO where MAIL has none (RFC 9989 section 4.4). */
static bool
check_dmarc(struct check *c, const struct auth_dns *dns, bool proven)
{
	const bool known = alignment_ask(&c->dmarc, dns);

	return known && proven && alignment_judge(&c->dmarc, dns,
	    c->sender[0] ? c->spf_mail : c->spf_helo,
	    slice_str(c->sender[0] ? c->spf_domain : c->helo_domain), &c->signatures.message);
}

/* exempt: the policy is not to be applied. */
static void
write_dmarc(struct check *c, bool exempt)
{
	const struct alignment *a = &c->dmarc;
	struct buf *b = &c->field;

	result_method(b, "dmarc", alignment_word(a->result));
	result_reason(b, a->why);
	for (size_t i = 0; i < a->author.n; i++)
		result_property(b, "header.from", slice_str(a->author.domains[i]));
	if (a->policy != DMARC_NO_POLICY)
		result_property(b, "policy.dmarc",
		    slice_str(dmarc_policy_word(exempt ? DMARC_NONE : a->policy)));
}

/* Has SPF or DKIM proven a name of the domain? */
static bool
is_proven(const struct check *c, struct slice domain)
{
	const struct dkim_message *m = &c->signatures.message;

	if (c->spf_mail == SPF_PASS && auth_name_beneath(slice_str(c->spf_domain), domain))
		return true;
	for (size_t i = 0; i < m->nsignatures; i++)
		if (m->signatures[i].result == DKIM_PASS &&
		    auth_name_beneath(m->signatures[i].domain, domain))
			return true;
	return false;
}

/* Does the operator trust who sent the message, whatever DMARC has found? */
static bool
is_exempt(const struct check *c)
{
	struct slice rest = slice_str(c->config->verify.dmarc_exempt), word;
	struct sockaddr_storage ss;
	struct cidr net;
	int r;

	if (!c->config->verify.dmarc_exempt)
		return false;
	check_client_address(c->client, &ss);
	while ((r = exempt_next(&rest, &word, &net)) > 0)
		if (r == 1 ? cidr_match(&net, (const struct sockaddr *)&ss) : is_proven(c, word))
			return true;
	return false;
}

void
check_end(struct check *c, const struct dns_resolver *r)
{
	struct auth_dns dns = answers_dns(&c->answers);
	bool done, failed;

	if (c->hashes)
		signatures_end(&c->signatures);
	answers_begin(&c->answers, r, (int)c->config->verify.timeout_ms);
	do {
		done = check_spf(c, &dns);
		done &= !c->hashes || signatures_check(&c->signatures, &dns);
		done = !c->hashes ? done : check_dmarc(c, &dns, done);
		if (!done)
			answers_wait(&c->answers);
	} while (!done);
	write_spf(c);
	write_signatures(c);
	failed = c->hashes && c->dmarc.result == ALIGNMENT_FAIL;
	c->exempt = failed && is_exempt(c);
	if (c->hashes)
		write_dmarc(c, c->exempt);
	c->reject = failed && c->config->verify.dmarc == VERIFY_ENFORCE &&
	    c->dmarc.policy == DMARC_REJECT && !c->exempt;
	answers_end(&c->answers);
}
