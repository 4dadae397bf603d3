// SPDX-License-Identifier: ISC
/*
 * The order of decisions is that of RFC 7672 sections 2.1 and 2.2.  A failed question is never
 * taken for the answer that there is no record: who can make it fail could make mail go in the
 * clear.
 * But no question for records is asked if the addresses of a host are not proven, because there
 * some servers never answer it.
 */
#include "policy/dane.h"

#define USAGE_TA      2
#define USAGE_EE      3
#define SELECTOR_MAX  1
#define SHOWN_OCTETS  8		/* of a record's data */
#define SHOWN_RECORDS 4

static const char *const proofs[] = {
	[DNS_UNCHECKED] = "not validated", [DNS_INSECURE] = "not signed", [DNS_SECURE] = "proven",
	[DNS_BOGUS] = "bogus",
};

static void
add_words(struct dane *d, const char *a, const char *b, const char *c)
{
	buf_str(&d->text, a);
	buf_str(&d->text, b);
	buf_str(&d->text, c);
}

static void
end_search(struct dane *d, enum dane_verdict verdict, const char *so)
{
	d->step = DANE_DONE;
	d->verdict = verdict;
	buf_str(&d->text, so);
	if (d->text.n == d->text.cap)
		d->text.n--;
	d->text.full = false;
	(void)buf_cstr(&d->text);
}

static void
no_records(struct dane *d)
{
	end_search(d, DANE_NONE, "so DANE demands nothing");
}

/* Ask for the records of a host: "_25._tcp.mx.example.org". */
static void
ask_records(struct dane *d, const char *host)
{
	struct buf base = BUF(d->base), name = BUF(d->name);

	d->step = DANE_ASK_RECORDS;
	buf_str(&base, host);
	(void)buf_cstr(&base);
	buf_chr(&name, '_');
	buf_uint(&name, d->host.port);
	buf_str(&name, "._tcp.");
	buf_str(&name, host);
	(void)buf_cstr(&name);
}

static bool
is_alias(const struct dane *d)
{
	return strcmp(d->host.canonical, d->host.name) != 0;
}

void
dane_begin(struct dane *d, const struct dane_host *host)
{
	*d = (struct dane){ .host = *host };
	d->text = (struct buf)BUF(d->chain);
	add_words(d, "its MX record is ", proofs[host->exchangers], ", ");
	add_words(d, "its address is ", proofs[host->addresses], ", ");
	if (host->remembered && (host->exchangers == DNS_UNCHECKED ||
	    host->addresses == DNS_UNCHECKED)) {
		end_search(d, DANE_UNKNOWN, "but it had TLSA records in the last 30 days, so its "
		    "mail waits until answers of the DNS can be validated again");
	} else if (host->exchangers == DNS_SECURE && host->addresses == DNS_SECURE) {
		ask_records(d, host->canonical[0] ? host->canonical : host->name);
	} else if (host->exchangers == DNS_SECURE && host->addresses == DNS_INSECURE &&
	    is_alias(d)) {
		struct buf name = BUF(d->name);

		d->step = DANE_ASK_ALIAS;
		buf_str(&name, host->name);
		(void)buf_cstr(&name);
	} else {
		no_records(d);
	}
}

enum dns_type
dane_type(const struct dane *d)
{
	return d->step == DANE_ASK_ALIAS ? DNS_CNAME : DNS_TLSA;
}

static bool
has_answer(const struct dns_question *q)
{
	return q->status == DNS_OK || q->status == DNS_NODATA || q->status == DNS_NXDOMAIN;
}

static bool
is_validated(const struct dns_question *q)
{
	return has_answer(q) && q->trust != DNS_UNCHECKED && q->trust != DNS_BOGUS;
}

static void
not_answered(struct dane *d, const struct dns_question *q)
{
	add_words(d, d->name, ": ", has_answer(q) && q->trust == DNS_UNCHECKED ?
	    "not validated any more" : dns_question_text(q));
	buf_str(&d->text, ", ");
	end_search(d, DANE_UNKNOWN, "so no mail may go there now");
}

/* The host is an alias into a part of the DNS that is not signed.  If its own zone is, that may
 * have records. */
static void
take_alias(struct dane *d, const struct dns_question *q)
{
	if (q->status == DNS_OK && q->trust == DNS_SECURE) {
		buf_str(&d->text, "the alias itself is proven, ");
		d->second = true;
		ask_records(d, d->host.name);
	} else {
		no_records(d);
	}
}

bool
dane_usable(const struct dns_tlsa *t)
{
	static const uint16_t digests[] = { 0, 32, 64 };	/* full, SHA-256, SHA-512 */

	if ((t->usage != USAGE_TA && t->usage != USAGE_EE) || t->selector > SELECTOR_MAX ||
	    t->matching >= sizeof digests / sizeof digests[0] || t->n == 0)
		return false;
	return t->matching == 0 || t->n == digests[t->matching];
}

void
dane_text(struct buf *b, const struct dns_tlsa *t)
{
	static const char hex[] = "0123456789abcdef";
	const uint8_t fields[] = { t->usage, t->selector, t->matching };

	for (size_t i = 0; i < sizeof fields; i++) {
		buf_uint(b, fields[i]);
		buf_chr(b, ' ');
	}
	for (size_t i = 0; i < t->n && i < SHOWN_OCTETS; i++) {
		buf_chr(b, hex[t->octets[i] >> 4]);
		buf_chr(b, hex[t->octets[i] & 15]);
	}
	if (t->n > SHOWN_OCTETS)
		buf_str(b, "...");
}

static void
use_records(struct dane *d, const struct dns_question *q)
{
	add_words(d, d->name, " is proven", "");
	for (size_t i = 0; i < q->nrecords; i++) {
		const struct dns_tlsa *t = &q->records[i].tlsa;

		if (i < SHOWN_RECORDS) {
			buf_str(&d->text, i ? "; " : ": ");
			dane_text(&d->text, t);
			buf_str(&d->text, dane_usable(t) ? "" : " (not usable)");
		}
		if (dane_usable(t))
			d->records[d->n++] = t;
	}
	buf_str(&d->text, ", ");
	end_search(d, d->n ? DANE_MATCH : DANE_ENCRYPT, d->n ?
	    "so TLS with a certificate that fits is needed" :
	    "so TLS is needed, with any certificate");
}

static void
take_records(struct dane *d, const struct dns_question *q)
{
	if (q->status == DNS_OK && q->trust == DNS_SECURE) {
		use_records(d, q);
		return;
	}
	add_words(d, d->name, ": ", q->status == DNS_OK ? "found, but not signed"
							: dns_status_text(q->status));
	buf_str(&d->text, ", ");
	if (!d->second && is_alias(d)) {
		d->second = true;
		ask_records(d, d->host.name);
	} else {
		no_records(d);
	}
}

void
dane_answer(struct dane *d, const struct dns_question *q)
{
	if (!is_validated(q))
		not_answered(d, q);
	else if (d->step == DANE_ASK_ALIAS)
		take_alias(d, q);
	else
		take_records(d, q);
}
