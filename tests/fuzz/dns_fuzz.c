// SPDX-License-Identifier: ISC
/*
 * A packet from a name server, through the reply check, the walk, ldns and the records.  The answer
 * must be as dns/resolver.h promises.
 */
#include <stdlib.h>

#include "base/foreign.h"
#include "dns/name.h"
#include "dns/probe.h"
#include "dns/reason.h"
#include "dns/record.h"
#include "dns/wire.h"
#include "tests/fuzz/fuzz.h"

/* A name in an answer is in lower case, clean, and still a name. */
static void
check_name(const char *name)
{
	char again[DNS_NAME_MAX];

	must(dns_name_from_text(slice_str(name), again) && strcmp(name, again) == 0);
}

/* The texts of a packet are C strings, and names are clean. */
static void
check_probe(const uint8_t *packet, size_t size, enum dns_probe_type type)
{
	static struct dns_probe p;

	p.type = type;
	if (!dns_probe_read(packet, size, &p))
		return;
	must(p.n <= DNS_PROBE_TEXTS);
	for (size_t i = 0; i < p.n; i++) {
		must(strnlen(p.texts[i], DNS_PROBE_TEXT) < DNS_PROBE_TEXT);
		if (type == DNS_PROBE_PTR && p.texts[i][0])
			check_name(p.texts[i]);
	}
}

/* A question that a worker sends, and the reason in a reply of the validator. */
static void
check_validation(const uint8_t *packet, size_t size)
{
	char name[DNS_NAME_MAX], why[DNS_WHY_MAX];
	unsigned type;
	size_t n;

	if (wire_question(packet, size, name, &type, &n)) {
		must(n <= size && type <= UINT16_MAX);
		check_name(name);
	}
	must(reason_get(packet, size, why) >= REASON_NONE);
	must(foreign_line(why, sizeof why));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_query query;
	struct wire_answer answer;
	uint8_t *packet;

	if (query.n == 0)
		must(wire_query(&query, "a.test", DNS_A, true) == 0);
	if (size > DNS_ANSWER_CAP)
		return 0;
	packet = malloc(size ? size : 1);	/* exact, so that a read past its end is seen */
	must(packet != NULL);
	if (size)
		memcpy(packet, data, size);
	if (wire_replies(&query, packet, size) || wire_refuses(&query, packet, size))
		must(wire_rcode(packet, size) >= 0);
	check_validation(packet, size);
	check_probe(packet, size, DNS_PROBE_PTR);
	check_probe(packet, size, DNS_PROBE_TXT);
	if (wire_answer(packet, size, &answer) == 0) {
		must(answer.n <= DNS_TEXTS_MAX && (answer.n == 0 || answer.status == DNS_OK));
		must(answer.n <= DNS_RECORDS_MAX || answer.records[0].type == DNS_TXT);
		must(answer.status == DNS_OK || answer.status == DNS_NODATA ||
		    answer.status == DNS_NXDOMAIN || answer.status == DNS_SERVFAIL ||
		    answer.status == DNS_TIMEOUT);
		if (answer.alias[0])
			check_name(answer.alias);
		for (size_t i = 0; i < answer.n; i++) {
			if (answer.records[i].type == DNS_MX && answer.records[i].target[0])
				check_name(answer.records[i].target);
			must((answer.records[i].type == DNS_TXT) ==
			    (answer.records[i].text != NULL));
			if (answer.records[i].type == DNS_A || answer.records[i].type == DNS_AAAA)
				must(answer.records[i].address.ss_family ==
				    (answer.records[i].type == DNS_A ? AF_INET : AF_INET6));
		}
		records_free(answer.records, answer.n);
	}
	free(packet);
	return 0;
}
