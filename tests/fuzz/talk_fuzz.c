// SPDX-License-Identifier: ISC
/*
 * The octets as a frame, which has one form; and its text as facts, for a table that is empty and
 * for one that knows a host.
 */
#include "hosts/facts.h"
#include "shared/talk.h"
#include "tests/fuzz/fuzz.h"

#define NOW INT64_C(1763787774)

static void
must_be_bounded(const struct hosts *h)
{
	for (size_t i = 0; i < h->n; i++) {
		const struct host *host = &h->list[i];

		must(host_printable(host->address) && host_printable(host->name));
		must(hosts_paused_until(h, host, NOW) <= NOW + HOSTS_PAUSE_MAX_S);
		must(host->ipv4_until_s <= NOW + HOSTS_IPV4_S && host->measured_s <= NOW);
		must(host->failed_s <= NOW && host->tls_failed_s == 0);
	}
}

/* The own knowledge of a host stays as it is. */
static void
take_facts(struct slice text)
{
	const struct host_report report = { .address = "192.0.2.1:25", .name = "mx.example",
		.event = HOST_OPEN, .first_us = 1000, .connect_us = 500 };
	struct hosts h = { 0 };
	const struct host *own;

	facts_take(&h, text, NOW);
	must_be_bounded(&h);
	hosts_done(&h);
	hosts_learn(&h, &report, NOW);
	facts_take(&h, text, NOW);
	must_be_bounded(&h);
	own = hosts_find(&h, report.address);
	must(own && own->first_us == 1000 && own->failures == 0);
	hosts_done(&h);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char space[TALK_OCTETS];
	const struct slice octets = slice_of((const char *)data, size);
	struct buf again = BUF(space);
	struct talk t;

	if (size && data[0] == '0')
		take_facts(octets);
	if (!talk_parse(octets, &t))
		return 0;
	talk_encode(&t, &again);
	must(slice_eq(buf_slice(&again), octets));
	if (t.kind == TALK_NEWS)
		take_facts(t.text);
	return 0;
}
