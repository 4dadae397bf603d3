// SPDX-License-Identifier: ISC
/*
 * The look-ups for policy/dane, those of several exchangers at once.
 */
#include "client/exchanger_tls.h"

#include "base/clock.h"
#include "net/dial.h"

bool
exchanger_tls_applies(const struct delivery *d)
{
	return d->config->relay.dnssec != RELAY_DNSSEC_OFF && !way_of(d->route->via)->lmtp &&
	    !d->route->target;
}

static uint16_t
port_of(const struct delivery *d)
{
	return d->route->port ? d->route->port : (uint16_t)d->config->relay.port;
}

static bool
is_remembered(const struct delivery *d, const char *name)
{
	return d->hosts && d->config->relay.dnssec == RELAY_DNSSEC_AUTO &&
	    secured_has(&d->hosts->secured, name, clock_wall_s());
}

bool
exchanger_tls_waits(const struct delivery *d, const struct mx_list *mx)
{
	return exchanger_tls_applies(d) && way_of(d->route->via)->by_domain &&
	    mx->trust == DNS_UNCHECKED && is_remembered(d, d->destination);
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
remember(const struct delivery *d, const struct mx_exchanger *e)
{
	if (!d->sink || !d->hosts)
		return;
	report_name(d, e->name);
	if (way_of(d->route->via)->by_domain)
		report_name(d, d->destination);
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
	x->demand = (struct tls_dane){
		.records = x->records, .n = dane->n, .base = dane->base,
		.names = { e->name, way_of(d->route->via)->by_domain ? d->destination : "" },
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
			.name = e->name, .canonical = e->canonical, .port = port_of(d),
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
		remember(d, exchangers[i]);
	}
}

void
exchanger_tls_done(struct exchanger_tls *x)
{
	dns_question_done(&x->answer);
}
