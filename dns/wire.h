// SPDX-License-Identifier: ISC
/*
 * Packets, outside in: a question as octets, whether a packet answers it, and what is
 * in an answer.  The only users of ldns are behind this header.  No I/O.
 */
#ifndef DNS_WIRE_H
#define DNS_WIRE_H

#include "dns/resolver.h"

#define WIRE_HEADER    12
#define WIRE_QUERY_MAX 320	/* header, the longest name, type and class, OPT */

struct wire_query {
	uint8_t octets[WIRE_QUERY_MAX];
	size_t n;
	size_t question;	/* octets of the question, behind the header */
};

enum wire_rcode {
	WIRE_NOERROR = 0,
	WIRE_FORMERR = 1,
	WIRE_SERVFAIL = 2,
	WIRE_NXDOMAIN = 3,
	WIRE_NOTIMP = 4,
	WIRE_REFUSED = 5,
};

/* A question with a fresh random ID.  0, -EINVAL when name is none, -ENOMEM, -errno of getrandom(2). */
int wire_query(struct wire_query *q, const char *name, enum dns_type type, bool edns);

/* Is the packet a reply to this question: its ID, QR, opcode and question?  Anything else is somebody's forgery
 * or a late reply, and to be ignored. */
bool wire_replies(const struct wire_query *q, const uint8_t *packet, size_t n);

/* Of a packet that replies. */
static inline bool
wire_truncated(const uint8_t *packet)
{
	return packet[2] & 0x02;
}

static inline int
wire_rcode(const uint8_t *packet)
{
	return packet[3] & 0x0f;
}

/*
 * Make a packet fit to be parsed: cut off the additional section (we trust nothing in it), and refuse
 * record types that no answer of ours has.  0 with the new length, or -EBADMSG.
 */
int wire_trim(uint8_t *packet, size_t n, size_t *ret_n);

struct wire_answer {
	enum dns_status status;		/* DNS_OK, DNS_NODATA, DNS_NXDOMAIN, DNS_SERVFAIL (a referral) */
	uint32_t ttl_s;
	struct dns_record *records;	/* malloc'ed */
	size_t n;
	char alias[DNS_NAME_MAX];	/* not "": CNAMEs lead here and the packet says nothing more: ask again */
};

/* What a NOERROR or NXDOMAIN packet says to its own question; changes the packet (wire_trim).  0, -EBADMSG, -ENOMEM. */
int wire_answer(uint8_t *packet, size_t n, struct wire_answer *ret);

#endif
