// SPDX-License-Identifier: ISC
/*
 * DANE for SMTP (RFC 7672): what the DNS demands of the TLS of one exchanger.  Pure: the caller
 * asks the questions, and hands in their answers.
 *
 *	for (dane_begin(&d, &host); d.step != DANE_DONE; dane_answer(&d, &q))
 *		q = the answer to d.name and dane_type(&d);
 */
#ifndef POLICY_DANE_H
#define POLICY_DANE_H

#include "base/buf.h"
#include "dns/resolver.h"

#define DANE_OWNER_MAX (DNS_NAME_MAX + 16)	/* "_25._tcp." and a name */

enum dane_verdict {
	DANE_NONE,		/* the DNS demands nothing: other sources decide */
	DANE_MATCH,		/* TLS, and a certificate that fits one of the records */
	DANE_ENCRYPT,		/* TLS; no record is usable, so any certificate will do */
	DANE_UNKNOWN,		/* the DNS does not answer: no mail for this host now */
};

enum dane_step { DANE_ASK_ALIAS, DANE_ASK_RECORDS, DANE_DONE };

/* Facts about an exchanger. */
struct dane_host {
	const char *name;		/* as the MX record or the route has it */
	const char *canonical;		/* the end of its aliases; "": not known */
	uint16_t port;
	enum dns_trust exchangers;	/* proof of the MX records; by a route: DNS_SECURE */
	enum dns_trust addresses;	/* the better one of its two families */
	/* The host, or the domain, had records within the last weeks. */
	bool remembered;
};

struct dane {
	enum dane_step step;
	enum dane_verdict verdict;
	char name[DANE_OWNER_MAX];	/* of the next question, or of the last one */
	/* The host that the records are for: for SNI and for names in certificates. */
	char base[DNS_NAME_MAX];
	/* The records that are usable, borrowed from the last answer. */
	const struct dns_tlsa *records[DNS_RECORDS_MAX];
	size_t n;
	char chain[700];		/* for people: each fact, and what follows from it */

	/* Private. */
	struct dane_host host;
	struct buf text;		/* over chain */
	bool second;			/* the records of the name itself, after those of its end */
};

/* Begin with a host, whose names are borrowed.  d must not move until DANE_DONE. */
void dane_begin(struct dane *d, const struct dane_host *host);

/* The type of the next question. */
enum dns_type dane_type(const struct dane *d);

/* Take the answer to d->name.  It must stay until d->records is no longer used. */
void dane_answer(struct dane *d, const struct dns_question *q);

/* Can a certificate be compared with the record (RFC 7672 section 3.1, RFC 6698 section 2.1)? */
bool dane_usable(const struct dns_tlsa *t);

/* Add a record for people: "3 1 1 0123456789abcdef...". */
void dane_text(struct buf *b, const struct dns_tlsa *t);

#endif
