// SPDX-License-Identifier: ISC
/*
 * Packets: a question as octets, the check of a reply, and the answer in it.  Only the files behind
 * this header use ldns.  No I/O.
 */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include "dns/resolver.h"

#define WIRE_HEADER    12
#define WIRE_AD        0x20	/* in the fourth octet of a header */
#define WIRE_QUERY_MAX 320	/* header, the longest name, type and class, OPT */

struct wire_query {
	uint8_t octets[WIRE_QUERY_MAX];
	size_t n;
	size_t question;	/* octets of the question after the header */
};

enum wire_rcode {
	WIRE_NOERROR = 0,
	WIRE_FORMERR = 1,
	WIRE_SERVFAIL = 2,
	WIRE_NXDOMAIN = 3,
	WIRE_NOTIMP = 4,
	WIRE_REFUSED = 5,
	WIRE_BADVERS = 16,
	WIRE_BADCOOKIE = 23,
};

/* Make a question with a fresh random ID.  0; -EINVAL if name is not a name; -ENOMEM; -errno of
 * getrandom(2). */
int wire_query(struct wire_query *q, const char *name, enum dns_type type, bool edns);

/* Does the packet reply to this question, by ID, QR, opcode and question?  If not, it is forged or
 * late, and must be ignored. */
bool wire_replies(const struct wire_query *q, const uint8_t *packet, size_t n);

/* Does the packet refuse this question by a header without the question?  Old servers reply so to
 * EDNS.  It is never an answer. */
bool wire_refuses(const struct wire_query *q, const uint8_t *packet, size_t n);

/* Has the server validated the reply (RFC 4035 section 3.2.3)? */
static inline bool
wire_validated(const uint8_t *packet)
{
	return packet[3] & WIRE_AD;
}

/* Was the reply truncated? */
static inline bool
wire_truncated(const uint8_t *packet)
{
	return packet[2] & 0x02;
}

/* The RCODE of a reply with the upper bits of EDNS (RFC 6891 section 6.1.3). */
int wire_rcode(const uint8_t *packet, size_t n);

/* Find the options in the OPT record of a packet.  False: there is no such record. */
bool wire_opt(const uint8_t *packet, size_t n, struct slice *ret_data);

/* Read the question of a query: its name as text, its type, and the octets up to its end.  False if
 * it is not a query for a name, other than the root, in the Internet. */
bool wire_question(const uint8_t *packet, size_t n, char name[DNS_NAME_MAX], unsigned *ret_type,
    size_t *ret_n);

/*
 * Make a packet safe to parse.  The additional section is cut off, because nothing in it is
 * trusted.  Records of types that no answer of ours has get a type that ldns takes as plain
 * octets.  0 with the new length, or -EBADMSG.
 */
int wire_trim(uint8_t *packet, size_t n, size_t *ret_n);

struct wire_answer {
	/* DNS_OK, DNS_NODATA, DNS_NXDOMAIN; DNS_SERVFAIL for a referral; DNS_TIMEOUT if every
	 * section is empty. */
	enum dns_status status;
	uint32_t ttl_s;
	struct dns_record *records;	/* malloc'ed */
	size_t n;
	/* End of the CNAMEs, if the packet has no more: to be asked next; else "". */
	char alias[DNS_NAME_MAX];
	char canonical[DNS_NAME_MAX];	/* end of the CNAMEs: DNS_OK, DNS_NODATA */
};

/* Read the answer in a NOERROR or NXDOMAIN packet.  Changes the packet (wire_trim).  The caller
 * frees ret->records by records_free().  0, -EBADMSG or -ENOMEM. */
int wire_answer(uint8_t *packet, size_t n, struct wire_answer *ret);

#endif
