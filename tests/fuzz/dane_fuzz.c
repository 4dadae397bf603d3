// SPDX-License-Identifier: ISC
/*
 * DANE over answers of strangers.  The first octets are facts about the host; then an octet for the
 * status and the proof of each answer, and records of TLSA with a length each.  There are few
 * questions, only usable records are kept, and an insecure answer demands nothing.
 */
#include <string.h>

#include "policy/dane.h"
#include "tests/fuzz/fuzz.h"

#define QUESTIONS_MAX 4

/* Take an octet of the input; 0 at its end. */
static unsigned
next_octet(struct slice *rest)
{
	const unsigned c = rest->n ? (unsigned char)rest->p[0] : 0;

	*rest = slice_skip(*rest, 1);
	return c;
}

static void
take_answer(struct slice *rest, struct dns_question *q, struct dns_record *records)
{
	static const enum dns_status statuses[] = {
		DNS_OK, DNS_OK, DNS_NODATA, DNS_NXDOMAIN, DNS_SERVFAIL, DNS_TIMEOUT,
	};
	static const enum dns_trust trusts[] = { DNS_SECURE, DNS_INSECURE, DNS_BOGUS };
	const unsigned kind = next_octet(rest);

	q->status = statuses[kind % 6];
	q->trust = trusts[kind / 6 % 3];
	if (kind & 64)
		(void)snprintf(q->canonical, sizeof q->canonical, "mx.other.example");
	if (q->status != DNS_OK)
		return;
	q->records = records;
	for (; q->nrecords < 3 && rest->n > 4; q->nrecords++) {
		struct dns_tlsa *t = &records[q->nrecords].tlsa;

		records[q->nrecords].type = q->type;
		t->usage = (uint8_t)next_octet(rest);
		t->selector = (uint8_t)next_octet(rest);
		t->matching = (uint8_t)next_octet(rest);
		t->n = (uint16_t)next_octet(rest);
		t->n = t->n < rest->n ? t->n : (uint16_t)rest->n;
		t->octets = malloc(t->n ? t->n : 1);
		must(t->octets != NULL);
		memcpy(t->octets, rest->n ? rest->p : "", t->n);
		*rest = slice_skip(*rest, t->n);
	}
}

static void
check_done(const struct dane *d, bool secure)
{
	must(strlen(d->chain) < sizeof d->chain && d->n <= DNS_RECORDS_MAX);
	must(!slice_has_control(slice_str(d->chain)));
	must((d->verdict == DANE_MATCH) == (d->n > 0));
	must(secure || d->verdict != DANE_MATCH);
	for (size_t i = 0; i < d->n; i++) {
		char space[200];
		struct buf b = BUF(space);

		must(dane_usable(d->records[i]));
		dane_text(&b, d->records[i]);
		must(!b.full);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_trust trusts[] = { DNS_SECURE, DNS_INSECURE, DNS_BOGUS };
	struct slice rest = slice_of((const char *)data, size);
	struct dns_record records[QUESTIONS_MAX][3] = { 0 };
	const unsigned facts = next_octet(&rest);
	struct dane_host host = {
		.name = "mx.example", .canonical = facts & 1 ? "mx.other.example" : "", .port = 25,
		.exchangers = trusts[facts / 2 % 3], .addresses = trusts[facts / 8 % 3],
		.remembered = facts & 128,
	};
	struct dane d;
	bool secure = false;
	int n = 0;

	for (dane_begin(&d, &host); d.step != DANE_DONE; n++) {
		struct dns_question q = { .name = d.name, .type = dane_type(&d) };

		must(n < QUESTIONS_MAX && d.name[0]);
		take_answer(&rest, &q, records[n]);
		secure |= q.trust == DNS_SECURE;
		dane_answer(&d, &q);
	}
	check_done(&d, secure);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < 3; k++)
			free(records[i][k].tlsa.octets);
	return 0;
}
