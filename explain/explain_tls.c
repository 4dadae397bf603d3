// SPDX-License-Identifier: ISC
/*
 * What --explain says of TLS: the same terms as a delivery has.  Called by explain.c.
 */
#include "base/clock.h"
#include "client/tls_policy.h"
#include "explain/explain.h"
#include "runner/internal.h"

/* Hosts that are spared it, as it failed there. */
static void
explain_downgrades(const struct tls_policy *terms, const struct hosts *hosts, const struct mx_exchanger *x, FILE *out)
{
	for (size_t i = 0; i < x->naddresses; i++) {
		struct tls_policy t = *terms;
		char key[64], space[64];
		struct buf until = BUF(space);

		host_key(key, &x->addresses[i]);
		tls_policy_of_host(&t, hosts, x->name, key, runner_now_s());
		if (!t.downgraded)
			continue;
		clock_stamp(&until, hosts_find(hosts, key)->tls_failed_s + TERMS_FORGET_S);
		fprintf(out, "            %s: in the clear until %s, as its last handshake failed\n", key, buf_cstr(&until));
	}
}

void
explain_tls(const struct config *c, const struct route *route, const struct hosts *hosts, const struct mx_list *mx, FILE *out)
{
	const struct tls_policy terms = tls_policy_of(c, route, false);
	static const struct { const char *word, *means; } texts[] = {
		[RELAY_TLS_NONE] = { "none", "in the clear" },
		[RELAY_TLS_MAY] = { "may", "STARTTLS where it is offered, with any certificate" },
		[RELAY_TLS_REQUIRE] = { "require", "STARTTLS, and a certificate for the host's name" },
	};

	fprintf(out, "tls         %s (%s): %s\n", texts[terms.tls].word, terms.source,
	    terms.implicit ? "from the first octet, and a certificate for the host's name" : texts[terms.tls].means);
	for (size_t i = 0; i < mx->n; i++)
		explain_downgrades(&terms, hosts, &mx->exchangers[i], out);
}
