// SPDX-License-Identifier: ISC
/*
 * The look-ups for policy/dane, those of several exchangers at once.
 */
#include "client/exchanger_tls.h"

#include "base/clock.h"
#include "dns/name.h"
#include "dns/unvalidated.h"
#include "net/dial.h"

bool
exchanger_tls_applies(const struct delivery *d)
{
	return d->config->relay.dnssec != RELAY_DNSSEC_OFF && !way_of(d->route->via)->lmtp &&
	    !d->route->target;
}

/* The name of the destination in the DNS; "" if it is a host, or an address. */
static void
find_domain(const struct delivery *d, char ret[DNS_NAME_MAX])
{
	if (!way_of(d->route->via)->by_domain ||
	    !dns_name_from_domain(slice_str(d->destination), ret))
		ret[0] = '\0';
}

/* Names that the operator excludes from validation are not waited for. */
static bool
is_remembered(const struct delivery *d, const char *name)
{
	return d->hosts && d->config->relay.dnssec == RELAY_DNSSEC_AUTO &&
	    secured_has(&d->hosts->secured, name, clock_wall_s()) &&
	    !dns_is_private(name, d->config->relay.dnssec_unsigned);
}

bool
exchanger_tls_waits(const struct delivery *d, const struct mx_list *mx)
{
	char domain[DNS_NAME_MAX];

	find_domain(d, domain);
	return exchanger_tls_applies(d) && mx->trust == DNS_UNCHECKED && domain[0] &&
	    is_remembered(d, domain);
}

static void
report_name(const struct delivery *d, const char *name)
{
	struct host_report r = { .event = HOST_SECURED };

	if (secured_fresh(&d->hosts->secured, name, clock_wall_s()))
		return;
	(void)snprintf(r.name, sizeof r.name, "%s", name);
	d->sink->host(d->sink->ctx, &r);
}

/* The records are proven, whatever comes of TLS: the names are remembered. */
static void
remember(const struct delivery *d, const struct exchanger_tls *x, const struct mx_exchanger *e)
{
	if (!d->sink || !d->hosts)
		return;
	report_name(d, e->name);
	if (x->domain[0])
		report_name(d, x->domain);
}

static void
make_demand(struct exchanger_tls *x, const struct delivery *d, const struct mx_exchanger *e)
{
	const struct dane *dane = &x->dane;

	for (size_t i = 0; i < dane->n; i++) {
		const struct dns_tlsa *t = dane->records[i];

		x->records[i] = (struct tls_tlsa){
			t->usage, t->selector, t->matching, t->octets, t->n
		};
	}
	find_domain(d, x->domain);
	x->demand = (struct tls_dane){
		.records = x->records, .n = dane->n, .base = dane->base,
		.names = { e->name, x->domain },
	};
	(void)snprintf(x->source, sizeof x->source, "the TLSA records of %.*s",
	    (int)sizeof dane->name, dane->name);
}

static void
begin_all(const struct delivery *d, const struct mx_list *mx,
    const struct mx_exchanger *const *exchangers, size_t n, struct exchanger_tls *const *found)
{
	for (size_t i = 0; i < n; i++) {
		const struct mx_exchanger *e = exchangers[i];
		const struct dane_host host = {
			.name = e->name, .canonical = e->canonical, .port = e->port,
			.exchangers = mx->trust, .addresses = e->trust,
			.remembered = is_remembered(d, e->name),
		};

		memset(&found[i]->answer, 0, sizeof found[i]->answer);
		dane_begin(&found[i]->dane, &host);
	}
}

/* One question for each that needs one.  False if none does. */
static bool
ask_all(const struct dns_resolver *r, struct exchanger_tls *const *found, size_t n)
{
	struct dns_question questions[DIAL_MAX];
	struct exchanger_tls *open[DIAL_MAX];
	size_t asked = 0;

	for (size_t i = 0; i < n; i++) {
		if (found[i]->dane.step == DANE_DONE)
			continue;
		open[asked] = found[i];
		questions[asked++] = (struct dns_question){
			.name = found[i]->dane.name, .type = dane_type(&found[i]->dane),
		};
	}
	if (asked)
		dns_ask(r, questions, asked);
	for (size_t i = 0; i < asked; i++) {
		dns_question_done(&open[i]->answer);
		open[i]->answer = questions[i];
		dane_answer(&open[i]->dane, &open[i]->answer);
	}
	return asked > 0;
}

void
exchanger_tls_find(const struct delivery *d, const struct mx_list *mx,
    const struct mx_exchanger *const *exchangers, size_t n, struct exchanger_tls *const *ret_found)
{
	begin_all(d, mx, exchangers, n, ret_found);
	while (ask_all(d->resolver, ret_found, n))
		continue;
	for (size_t i = 0; i < n; i++) {
		if (ret_found[i]->dane.verdict != DANE_MATCH &&
		    ret_found[i]->dane.verdict != DANE_ENCRYPT)
			continue;
		make_demand(ret_found[i], d, exchangers[i]);
		remember(d, ret_found[i], exchangers[i]);
	}
}

void
exchanger_tls_done(struct exchanger_tls *x)
{
	dns_question_done(&x->answer);
}
